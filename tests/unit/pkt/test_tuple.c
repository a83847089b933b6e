/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tuples: text and reversal.
 */

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <masq_ip4.h>
#include <masq_tuple.h>

static struct masq_tuple
tuple_of(uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	return (struct masq_tuple){
		.src = rte_cpu_to_be_32(src),
		.dst = rte_cpu_to_be_32(dst),
		.sport = rte_cpu_to_be_16(sport),
		.dport = rte_cpu_to_be_16(dport),
		.proto = proto,
	};
}

static void
tuples_read_well(void **state)
{
	const struct {
		struct masq_tuple tuple;
		const char *text;
	} rows[] = {
		{ tuple_of(6, MASQ_IP4(192, 168, 1, 2), 1025, MASQ_IP4(209, 81, 8, 5), 80),
				"tcp 192.168.1.2:1025 > 209.81.8.5:80" },
		{ tuple_of(17, 1, 0, UINT32_MAX, 65535), "udp 0.0.0.1:0 > 255.255.255.255:65535" },
		{ tuple_of(1, MASQ_IP4(10, 0, 0, 1), 77, MASQ_IP4(10, 0, 0, 2), 8),
				"icmp 10.0.0.1:77 > 10.0.0.2:8" },
		{ tuple_of(47, MASQ_IP4(10, 0, 0, 1), 0, MASQ_IP4(10, 0, 0, 2), 0),
				"proto-47 10.0.0.1 > 10.0.0.2" },
		{ tuple_of(1, UINT32_MAX, 65535, UINT32_MAX, 65535),
				"icmp 255.255.255.255:65535 > 255.255.255.255:65535" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[MASQ_TUPLE_TEXT_BYTES];

		assert_ptr_equal(masq_tuple_text(&rows[i].tuple, text), text);
		assert_string_equal(text, rows[i].text);
	}
}

static void
reversing_twice_is_nothing(void **state)
{
	struct masq_tuple tuple = tuple_of(6, 1, 2, 3, 4), expected = tuple_of(6, 3, 4, 1, 2);
	struct masq_tuple back = masq_tuple_reverse(&tuple);

	(void)state;
	assert_memory_equal(&back, &expected, sizeof(back));
	back = masq_tuple_reverse(&back);
	assert_memory_equal(&back, &tuple, sizeof(back));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tuples_read_well),
		cmocka_unit_test(reversing_twice_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
