/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The RSS tables, against DPDK's own Toeplitz hash of the whole tuple, against the known answers of
 * the RSS specification's key, and by the properties that port choice depends on.
 */

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_thash.h>

#include <masq_ip4.h>
#include <masq_rss.h>

#define SEED 0x6d617371
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define MAX_TEXT TEXT(MASQ_MAX_WORKERS)

static struct masq_rss rss, other;

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static struct masq_tuple
random_tuple(uint64_t *random)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 47 };
	uint64_t a = next_random(random), b = next_random(random);

	return (struct masq_tuple){
		.src = (uint32_t)a,
		.dst = (uint32_t)(a >> 32),
		.sport = (uint16_t)b,
		.dport = (uint16_t)(b >> 16),
		.proto = protos[b >> 32 & 3],
	};
}

/* DPDK's hash over addresses, or addresses and ports, with the key as the NIC gets it. */
static uint32_t
reference_hash(const uint8_t key[MASQ_RSS_KEY_BYTES], const struct masq_tuple *tuple,
		uint32_t words)
{
	union {
		struct rte_ipv4_tuple tuple;
		uint32_t words[3];
	} input;

	input.tuple.src_addr = rte_be_to_cpu_32(tuple->src);
	input.tuple.dst_addr = rte_be_to_cpu_32(tuple->dst);
	input.tuple.sport = rte_be_to_cpu_16(tuple->sport);
	input.tuple.dport = rte_be_to_cpu_16(tuple->dport);
	return rte_softrss(input.words, words, key);
}

static void
hashes_equal_the_reference(void **state)
{
	uint64_t random = SEED;
	uint8_t key[MASQ_RSS_KEY_BYTES] __attribute__((aligned(4)));

	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		assert_int_equal(masq_rss_init(&rss, 4, 128, seed, NULL), 0);
		memcpy(key, rss.key, sizeof(key));
		for (unsigned int i = 0; i < 5000; i++) {
			struct masq_tuple tuple = random_tuple(&random);
			uint32_t three = reference_hash(key, &tuple, 3);
			uint32_t two = reference_hash(key, &tuple, 2);
			bool has_ports = tuple.proto == IPPROTO_TCP || tuple.proto == IPPROTO_UDP;

			assert_int_equal(masq_rss_hash_ports(&rss, &tuple), three);
			assert_int_equal(masq_rss_hash_addresses(&rss, &tuple), two);
			assert_int_equal(masq_rss_hash(&rss, &tuple), has_ports ? three : two);
			assert_int_equal(masq_rss_owner(&rss, &tuple),
					rss.table[(has_ports ? three : two) % 128]);
		}
	}
}

/* The bit-by-bit definition, with no help of anybody. */
static uint32_t
toeplitz(const uint8_t *key, const uint8_t *bytes, unsigned int count)
{
	uint32_t hash = 0;

	for (unsigned int bit = 0; bit < 8 * count; bit++) {
		uint32_t window = 0;

		if ((bytes[bit / 8] >> (7 - bit % 8) & 1) == 0)
			continue;
		for (unsigned int i = bit; i < bit + 32; i++)
			window = window << 1 | (key[i / 8] >> (7 - i % 8) & 1);
		hash ^= window;
	}
	return hash;
}

static void
hashes_equal_the_definition(void **state)
{
	uint64_t random = SEED;

	(void)state;
	assert_int_equal(masq_rss_init(&rss, 1, 1, SEED, NULL), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		struct masq_tuple tuple = random_tuple(&random);

		assert_int_equal(masq_rss_hash_ports(&rss, &tuple),
				toeplitz(rss.key, (const uint8_t *)&tuple, 12));
	}
}

static void
every_class_has_its_share_of_ports(void **state)
{
	(void)state;
	for (uint32_t size = 1; size <= MASQ_RSS_TABLE_MAX; size *= 2) {
		uint32_t count[MASQ_RSS_TABLE_MAX] = { 0 };
		static uint8_t seen[65536];

		assert_int_equal(masq_rss_init(&rss, 1, size, SEED + size, NULL), 0);
		assert_int_equal(rss.ports_per_class, 65536 / size);
		memset(seen, 0, sizeof(seen));
		for (uint32_t i = 0; i < 65536; i++) {
			uint16_t port = masq_rss_port(&rss, i);

			assert_int_equal(masq_rss_class(&rss, port), i / rss.ports_per_class);
			assert_int_equal(masq_rss_position(&rss, port), i);
			if (i % rss.ports_per_class != 0)
				assert_true(port > masq_rss_port(&rss, i - 1));
			assert_int_equal(seen[port]++, 0);
			count[masq_rss_class(&rss, (uint16_t)i)]++;
		}
		for (uint32_t class = 0; class < size; class ++)
			assert_int_equal(count[class], rss.ports_per_class);
	}
}

/* What port choice does: the class alone decides which ports keep a reply with this worker. */
static void
the_class_of_a_port_decides_the_owner(void **state)
{
	uint64_t random = SEED;

	(void)state;
	assert_int_equal(masq_rss_init(&rss, 3, 64, SEED, NULL), 0);
	for (unsigned int i = 0; i < 4; i++) {
		struct masq_tuple tuple = random_tuple(&random);
		uint32_t base;

		tuple.proto = IPPROTO_TCP;
		tuple.dport = 0;
		base = masq_rss_hash(&rss, &tuple);
		for (uint32_t port = 0; port < 65536; port++) {
			uint32_t slot = (base ^ masq_rss_class(&rss, (uint16_t)port)) &
					(rss.table_size - 1);

			tuple.dport = rte_cpu_to_be_16((uint16_t)port);
			assert_int_equal(masq_rss_owner(&rss, &tuple), rss.table[slot]);
		}
	}
}

static void
the_table_is_spread_evenly(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= MASQ_MAX_WORKERS; workers++) {
		uint32_t count[MASQ_MAX_WORKERS] = { 0 };

		assert_int_equal(masq_rss_init(&rss, workers, 128, SEED, NULL), 0);
		for (uint32_t i = 0; i < 128; i++) {
			assert_in_range(rss.table[i], 0, workers - 1);
			count[rss.table[i]]++;
		}
		for (uint32_t i = 0; i < workers; i++)
			assert_in_range(count[i], 128 / workers, 128 / workers + 1);
	}
}

static void
seeds_decide_the_key(void **state)
{
	(void)state;
	assert_int_equal(masq_rss_init(&rss, 2, 4, 7, NULL), 0);
	assert_int_equal(masq_rss_init(&other, 2, 4, 7, NULL), 0);
	assert_memory_equal(&rss, &other, sizeof(rss));
	assert_int_equal(masq_rss_init(&other, 2, 4, 8, NULL), 0);
	assert_memory_not_equal(rss.key, other.key, sizeof(rss.key));
	assert_int_equal(masq_rss_init(&rss, 2, 4, 0, NULL), 0);
	assert_int_equal(masq_rss_init(&other, 2, 4, 0, NULL), 0);
	assert_memory_not_equal(rss.key, other.key, sizeof(rss.key));
}

/* Among a thousand keys some lack full rank at first; none may come out. */
static void
no_key_lacks_a_class(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		uint8_t has_port[MASQ_RSS_TABLE_MAX] = { 0 };
		uint32_t classes = 0;

		assert_int_equal(masq_rss_init(&rss, 1, MASQ_RSS_TABLE_MAX, seed, NULL), 0);
		for (uint32_t port = 0; port < 65536; port++) {
			uint32_t class = masq_rss_class(&rss, (uint16_t)port);

			classes += has_port[class] == 0;
			has_port[class] = 1;
		}
		assert_int_equal(classes, MASQ_RSS_TABLE_MAX);
	}
}

static void
sizes_that_cannot_be_are_refused(void **state)
{
	static const struct {
		uint32_t workers, size;
		const char *text;
	} rows[] = {
		{ 0, 128, "0 workers; accepted: 1 to " MAX_TEXT },
		{ 1000, 128, "1000 workers; accepted: 1 to " MAX_TEXT },
		{ 4, 2,
				"RSS table of 2 entries for 4 workers; accepted: the powers of two "
				"from the number of workers to 512" },
		{ 4, 100,
				"RSS table of 100 entries for 4 workers; accepted: the powers of two "
				"from the number of workers to 512" },
		{ 4, 1024,
				"RSS table of 1024 entries for 4 workers; accepted: the powers of "
				"two from the number of workers to 512" },
		{ 1, 0,
				"RSS table of 0 entries for 1 workers; accepted: the powers of two "
				"from the number of workers to 512" },
	};

	(void)state;
	memset(&rss, 0x55, sizeof(rss));
	memset(&other, 0x55, sizeof(other));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct masq_err err = { "" };

		assert_int_equal(masq_rss_init(&rss, rows[i].workers, rows[i].size, SEED, &err),
				-EINVAL);
		assert_string_equal(err.text, rows[i].text);
		assert_memory_equal(&rss, &other, sizeof(rss));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_equal_the_reference),
		cmocka_unit_test(hashes_equal_the_definition),
		cmocka_unit_test(every_class_has_its_share_of_ports),
		cmocka_unit_test(the_class_of_a_port_decides_the_owner),
		cmocka_unit_test(the_table_is_spread_evenly),
		cmocka_unit_test(seeds_decide_the_key),
		cmocka_unit_test(no_key_lacks_a_class),
		cmocka_unit_test(sizes_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
