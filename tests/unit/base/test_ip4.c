/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Text of addresses, prefixes and Ethernet addresses: rows of what is read, and what is refused.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <masq_ip4.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void
addresses_are_read_and_written_back(void **state)
{
	static const struct {
		const char *text;
		uint32_t addr;
	} rows[] = {
		{ "0.0.0.0", 0 },
		{ "255.255.255.255", UINT32_MAX },
		{ "192.168.1.2", MASQ_IP4(192, 168, 1, 2) },
		{ "1.2.3.4", 0x01020304 },
		{ "100.0.10.200", MASQ_IP4(100, 0, 10, 200) },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char text[MASQ_IP4_TEXT_BYTES];
		uint32_t addr = ~rows[i].addr;

		assert_int_equal(masq_ip4_parse(rows[i].text, &addr), 0);
		assert_int_equal(addr, rows[i].addr);
		assert_ptr_equal(masq_ip4_text(addr, text), text);
		assert_string_equal(text, rows[i].text);
	}
}

static const char *const bad_addresses[] = { "", ".", "1", "1.2", "1.2.3", "1.2.3.", ".1.2.3",
	"1..2.3", "1.2.3.4.", "1.2.3.4.5", "256.1.1.1", "1.1.1.256", "1.1.1.999", "1.2.3.4 ",
	" 1.2.3.4", "1.2. 3.4", "+1.2.3.4", "-1.2.3.4", "1.2.3.-4", "0x1.2.3.4", "1.2.3.4a",
	"a.b.c.d", "01.2.3.4", "1.2.3.00", "1.2.3.010", "4294967297.1.1.1",
	"1.2.3.99999999999999999999", "1,2,3,4", "any" };

static void
bad_addresses_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(bad_addresses); i++) {
		struct masq_ip4_prefix prefix = { .addr = 77, .len = 7 };
		uint32_t addr = 77;

		if (masq_ip4_parse(bad_addresses[i], &addr) != -EINVAL || addr != 77)
			fail_msg("address \"%s\" was taken or touched", bad_addresses[i]);
		if (masq_ip4_prefix_parse(bad_addresses[i], &prefix) != -EINVAL ||
				prefix.addr != 77 || prefix.len != 7)
			fail_msg("prefix \"%s\" was taken or touched", bad_addresses[i]);
	}
}

static void
an_address_has_no_length(void **state)
{
	uint32_t addr = 77;

	(void)state;
	assert_int_equal(masq_ip4_parse("1.2.3.4/32", &addr), -EINVAL);
	assert_int_equal(addr, 77);
}

static void
prefixes_are_read_and_written_back(void **state)
{
	static const struct {
		const char *text, *back;
		uint32_t addr;
		uint8_t len;
	} rows[] = {
		{ "192.168.1.1/24", "192.168.1.1/24", MASQ_IP4(192, 168, 1, 1), 24 },
		{ "0.0.0.0/0", "0.0.0.0/0", 0, 0 },
		{ "10.1.2.3", "10.1.2.3/32", MASQ_IP4(10, 1, 2, 3), 32 },
		{ "255.255.255.255/32", "255.255.255.255/32", UINT32_MAX, 32 },
		{ "1.2.3.4/1", "1.2.3.4/1", 0x01020304, 1 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char text[MASQ_IP4_PREFIX_TEXT_BYTES];
		struct masq_ip4_prefix prefix = { .addr = ~rows[i].addr, .len = 99 };

		assert_int_equal(masq_ip4_prefix_parse(rows[i].text, &prefix), 0);
		assert_int_equal(prefix.addr, rows[i].addr);
		assert_int_equal(prefix.len, rows[i].len);
		assert_string_equal(masq_ip4_prefix_text(prefix, text), rows[i].back);
	}
}

static void
bad_lengths_are_refused(void **state)
{
	static const char *const rows[] = { "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/024",
		"1.2.3.4/00", "1.2.3.4/8/8", "1.2.3.4/8 ", "1.2.3.4 /8", "1.2.3.4/ 8", "1.2.3/8",
		"1.2.3.4/4294967304", "1.2.3.4/255.255.255.0", "1.2.3.4//8", "/8" };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct masq_ip4_prefix prefix = { .addr = 77, .len = 7 };

		if (masq_ip4_prefix_parse(rows[i], &prefix) != -EINVAL || prefix.addr != 77 ||
				prefix.len != 7)
			fail_msg("\"%s\" was taken or touched", rows[i]);
	}
}

static void
masks_have_as_many_ones_as_asked(void **state)
{
	uint32_t mask = 0;

	(void)state;
	for (unsigned int len = 0; len <= 32; len++) {
		assert_int_equal(masq_ip4_mask(len), mask);
		mask = mask >> 1 | UINT32_C(1) << 31;
	}
}

static void
macs_are_read_and_written_back(void **state)
{
	static const struct {
		const char *text, *back;
		uint8_t mac[6];
	} rows[] = {
		{ "00:11:22:33:44:55", "00:11:22:33:44:55", { 0, 0x11, 0x22, 0x33, 0x44, 0x55 } },
		{ "aB:cD:Ef:fe:09:90", "ab:cd:ef:fe:09:90", { 0xab, 0xcd, 0xef, 0xfe, 9, 0x90 } },
		{ "ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff", { 255, 255, 255, 255, 255, 255 } },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char text[MASQ_MAC_TEXT_BYTES];
		uint8_t mac[6] = { 0 };

		assert_int_equal(masq_mac_parse(rows[i].text, mac), 0);
		assert_memory_equal(mac, rows[i].mac, 6);
		assert_string_equal(masq_mac_text(mac, text), rows[i].back);
	}
}

static void
bad_macs_are_refused(void **state)
{
	static const char *const rows[] = { "", "0", "00", "00:", "00:11:22:33:44",
		"00:11:22:33:44:", "00:11:22:33:44:5", "00:11:22:33:44:555", "00:11:22:33:44:55:66",
		"0:11:22:33:44:55", "00-11-22-33-44-55", "00:11:22:33:44:5g", "g0:11:22:33:44:55",
		" 00:11:22:33:44:55", "00:11:22:33:44:55 ", "001122334455", "+0:11:22:33:44:55",
		"0x:11:22:33:44:55" };
	static const uint8_t untouched[6] = { 1, 2, 3, 4, 5, 6 };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		uint8_t mac[6] = { 1, 2, 3, 4, 5, 6 };

		if (masq_mac_parse(rows[i], mac) != -EINVAL || memcmp(mac, untouched, 6) != 0)
			fail_msg("\"%s\" was taken or touched", rows[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written_back),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(an_address_has_no_length),
		cmocka_unit_test(prefixes_are_read_and_written_back),
		cmocka_unit_test(bad_lengths_are_refused),
		cmocka_unit_test(masks_have_as_many_ones_as_asked),
		cmocka_unit_test(macs_are_read_and_written_back),
		cmocka_unit_test(bad_macs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
