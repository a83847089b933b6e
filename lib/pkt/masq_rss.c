/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The tables of struct masq_rss: the key, which worker owns which hash, and which external ports
 *	make replies arrive at which worker.
 * Words
 *	Toeplitz	the hash of RSS: the xor, over all set bits of the tuple, of the 32 key bits
 *			that start at the place of that bit
 *	T[p]		what destination port p adds (by xor) to the hash of a tuple with port 0
 *	class		the low bits of T[p], as many as the table has index bits
 *	full rank	the map from 16 port bits to the class bits reaches every class. Then it reaches
 *			each equally often, because it is linear: the ports of class c are those of
 *			class 0, all moved by the same xor. A key that lacks this would leave some
 *			workers without a single port towards some peers, so it is discarded. The
 *			test uses the most class bits that any table has; fewer bits follow from it
 *	rank		number of a port within its class, by size. It is linear, too: a port is the
 *			least port of its class, xor what the bits of its rank add. So three small
 *			tables replace two of 64 K entries, which no cache would keep
 * Data and who owns it
 *	The caller's memory; no pointers inside, so it may lie in shared or NUMA-local memory.
 * Life cycle
 *	Made once at start, before ports are configured; constant from then on.
 * Threads
 *	All workers read it; nobody writes after masq_rss_init().
 */

#include <errno.h>
#include <string.h>

#include <rte_thash.h>

#include <masq_hash.h>
#include <masq_rss.h>

#define CLASS_BITS_MAX 9
#define TUPLE_BYTES 12
#define DPORT_BYTE 10

static_assert(1 << CLASS_BITS_MAX == MASQ_RSS_TABLE_MAX, "class bits index the largest table");
static_assert(MASQ_RSS_KEY_BYTES % sizeof(uint64_t) == 4, "a key is 64-bit words and a half");
static_assert(MASQ_MAX_WORKERS <= UINT8_MAX, "a table entry is a byte");

/* Next number of a pseudo-random sequence (splitmix64); state is any number. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Fill the key: from the sequence if the seed is fixed, else from the kernel. */
static int
make_key(uint8_t key[MASQ_RSS_KEY_BYTES], bool is_fixed, uint64_t *state)
{
	uint8_t bytes[64];

	for (size_t i = 0; i < sizeof(bytes); i += sizeof(struct masq_hash_seed)) {
		struct masq_hash_seed word;

		if (is_fixed) {
			word.a = next_random(state);
			word.b = next_random(state);
		} else {
			int code = masq_hash_seed_random(&word);

			if (code < 0)
				return code;
		}
		memcpy(bytes + i, &word, sizeof(word));
	}
	memcpy(key, bytes, MASQ_RSS_KEY_BYTES);
	return 0;
}

/* DPDK's reference hash of a tuple that has one byte set. */
static uint32_t
hash_of_byte(const struct masq_rss *rss, unsigned int place, unsigned int value)
{
	uint32_t tuple[TUPLE_BYTES / 4] = { 0 };

	tuple[place / 4] = (uint32_t)value << (24 - 8 * (place % 4));
	return rte_softrss_be(tuple, TUPLE_BYTES / 4, rss->key_be);
}

static void
fill_byte_hash(struct masq_rss *rss)
{
	uint32_t words[MASQ_RSS_KEY_BYTES / 4];

	memcpy(words, rss->key, sizeof(words));
	rte_convert_rss_key(words, words, sizeof(words));
	memcpy(rss->key_be, words, sizeof(words));
	for (unsigned int place = 0; place < TUPLE_BYTES; place++)
		for (unsigned int value = 0; value < 256; value++)
			rss->byte_hash[place][value] = hash_of_byte(rss, place, value);
}

/* T[p] */
static uint32_t
hash_of_dport(const struct masq_rss *rss, uint32_t port)
{
	return rss->byte_hash[DPORT_BYTE][port >> 8] ^ rss->byte_hash[DPORT_BYTE + 1][port & 255];
}

/* Do the low bits of T[1], T[2], T[4] ... span all CLASS_BITS_MAX dimensions? */
static bool
has_full_rank(const struct masq_rss *rss)
{
	uint32_t pivot[CLASS_BITS_MAX] = { 0 };
	unsigned int rank = 0;

	for (unsigned int bit = 0; bit < 16; bit++) {
		uint32_t vector = hash_of_dport(rss, UINT32_C(1) << bit) & (MASQ_RSS_TABLE_MAX - 1);

		for (int top = CLASS_BITS_MAX - 1; top >= 0 && vector != 0; top--) {
			if ((vector >> top & 1) == 0)
				continue;
			if (pivot[top] == 0) {
				pivot[top] = vector;
				rank++;
				break;
			}
			vector ^= pivot[top];
		}
	}
	return rank == CLASS_BITS_MAX;
}

/* Fill the table of one byte of a linear map from the images of bits 0, 1, 2 ... */
static void
fill_linear(uint16_t table[256], const uint16_t bits[8])
{
	for (unsigned int value = 0; value < 256; value++) {
		table[value] = 0;
		for (unsigned int bit = 0; bit < 8; bit++)
			if ((value >> bit & 1) != 0)
				table[value] ^= bits[bit];
	}
}

/*
 * Ports by class and rank. Ports of class 0 are numbered in ascending order. The port whose rank is
 * 2^k has a highest bit that no other port of a power-of-two rank has; the least port of a class has
 * none of these bits. So xor keeps the order.
 */
static void
fill_positions(struct masq_rss *rss)
{
	uint16_t port_of_bit[16] = { 0 }, rank_of_bit[16] = { 0 };
	bool seen[MASQ_RSS_TABLE_MAX] = { false };
	uint32_t n = 0;

	rss->ports_per_class = 65536 / rss->table_size;
	rss->rank_bits = (uint32_t)__builtin_ctz(rss->ports_per_class);
	for (uint32_t port = 0; port < 65536; port++) {
		uint32_t class = masq_rss_class(rss, (uint16_t)port);

		if (!seen[class])
			rss->least_port[class] = (uint16_t)port;
		seen[class] = true;
		if (class != 0)
			continue;
		if (n != 0 && (n & (n - 1)) == 0) {
			port_of_bit[__builtin_ctz(n)] = (uint16_t)port;
			rank_of_bit[31 - __builtin_clz(port)] = (uint16_t)n;
		}
		n++;
	}
	for (unsigned int byte = 0; byte < 2; byte++) {
		fill_linear(rss->port_of_rank[byte], &port_of_bit[8 * byte]);
		fill_linear(rss->rank_of_port[byte], &rank_of_bit[8 * byte]);
	}
}

int
masq_rss_init(struct masq_rss *rss, uint32_t workers, uint32_t table_size, uint64_t seed,
		struct masq_err *err)
{
	uint64_t state = seed;

	if (workers < 1 || workers > MASQ_MAX_WORKERS)
		return masq_err_set(err, EINVAL, "%u workers; accepted: 1 to %d", workers,
				MASQ_MAX_WORKERS);
	if (table_size < workers || table_size > MASQ_RSS_TABLE_MAX ||
			(table_size & (table_size - 1)) != 0)
		return masq_err_set(err, EINVAL,
				"RSS table of %u entries for %u workers; accepted: the powers of "
				"two from the number of workers to %d",
				table_size, workers, MASQ_RSS_TABLE_MAX);

	memset(rss, 0, sizeof(*rss));
	rss->workers = workers;
	rss->table_size = table_size;
	for (uint32_t i = 0; i < table_size; i++)
		rss->table[i] = (uint8_t)(i % workers);
	/* About one key in a hundred lacks the rank: 2^-7 is the chance that 16 vectors miss 9. */
	do {
		int code = make_key(rss->key, seed != 0, &state);

		if (code < 0)
			return masq_err_set(err, -code, "no random RSS key: %s", strerror(-code));
		fill_byte_hash(rss);
	} while (!has_full_rank(rss));
	fill_positions(rss);
	return 0;
}
