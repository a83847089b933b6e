/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The ARP state machine of all neighbours: which is being asked, has answered, or is silent.
 * Words
 *	keeper	the one worker that writes; all others read
 *	slot	a number below twice the capacity: the position that rte_hash gives the key
 *	word	what a packet needs of a slot, 64 bits; its layout is in masq_neigh_inline.h
 *	ask	an ARP request that the keeper wants sent
 *	silent	UNREACHABLE; remembered so that packets to it do not start new requests at once
 *	unasked	REACHABLE by its own word: it asked for us, and has answered no request yet
 * States
 *		want            heard              reachable_ms
 *	FREE -------> ASKING -------> REACHABLE ---------------> PROBING
 *			|		 ^ ^			  | |
 *			| ask_count	 | `------- heard --------' | ask_count
 *			v		 | heard		    v
 *		   UNREACHABLE ----------'---------------- UNREACHABLE --- unreachable_ms ---> FREE
 * Data and who owns it
 *	The words (all that the hot path touches) are in struct masq_neigh, the rest in struct
 *	masq_neigh_keeper: addresses, deadlines, and three lists, of the ASKING, the silent and the
 *	unasked slots in the order in which they entered the list, so that a full table finds the oldest
 *	at once.
 *	Half of the table is for the unasked: a host of a large network that forges senders takes room
 *	from itself and from hosts that have just announced themselves, not from what other ports need.
 *	The hash is keyed with a secret, because others choose the neighbours' addresses.
 *	There are two slots per neighbour. The spare ones are those that wait for a grace period, and
 *	they keep the cuckoo table far from the load at which adding fails.
 * Life cycle of a slot
 *	free -> key added, word written -> ... -> word gets the next use count (all refs are stale
 *	from here on), key deleted -> grace period -> rte_hash gives it out again. A reader that
 *	found the slot just before reads either the old use count, which it may use like a packet
 *	that came a moment earlier, or the next one with state FREE, which it takes for "unknown".
 * Threads
 *	find, word and read: any worker that reports to config.rcu. Everything else: the keeper.
 * RFC 826 (which senders are remembered), RFC 1122 2.3.2 (ageing, unicast probes), RFC 5227
 * (announcements).
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_common.h>
#include <rte_hash.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <masq_hash.h>
#include <masq_neigh.h>

#define SLOTS_MIN 16 /* rte_hash needs at least a bucket */

struct key {
	uint32_t ip;
	uint32_t port;
	uint64_t zero; /* rte_hash compares 16 bytes fastest, and our hash takes 16 */
};

struct slot {
	uint32_t ip;
	uint8_t port;
	uint8_t n_asked; /* requests sent in this state */
	bool unasked;
	uint64_t due_ms; /* when the state ends or the next request is sent */
	uint64_t confirmed_ms; /* 0: never */
	TAILQ_ENTRY(slot) link; /* in the list of its state, if there is one */
};

TAILQ_HEAD(slot_list, slot);

struct masq_neigh_keeper {
	struct masq_neigh_config config;
	struct masq_hash_seed seed;
	struct rte_hash *hash;
	uint32_t n_slots;
	uint32_t n_used;
	uint32_t n_unasked;
	uint32_t cursor; /* slot at which the next tick begins */
	struct slot_list asking;
	struct slot_list silent;
	struct slot_list unasked;
	struct slot slot[];
};

/* ---------------------------------------------------------------- words */

static uint64_t
load_word(const struct masq_neigh *neigh, uint32_t slot)
{
	return atomic_load_explicit(&neigh->word[slot], memory_order_relaxed);
}

static enum masq_neigh_state
state_of(uint64_t word)
{
	return (enum masq_neigh_state)(word >> MASQ_NEIGH_WORD_STATE_SHIFT & 7);
}

static uint8_t
use_of(uint64_t word)
{
	return (uint8_t)(word >> MASQ_NEIGH_WORD_USE_SHIFT);
}

static uint64_t
pack_mac(const uint8_t mac[6])
{
	uint64_t packed = 0;

	for (unsigned int i = 0; i < 6; i++)
		packed |= (uint64_t)mac[i] << 8 * i;
	return packed;
}

static void
unpack_mac(uint64_t word, uint8_t mac[6])
{
	for (unsigned int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(word >> 8 * i);
}

static bool
is_usable(enum masq_neigh_state state)
{
	return state == MASQ_NEIGH_REACHABLE || state == MASQ_NEIGH_PROBING;
}

static void
store_word(struct masq_neigh *neigh, uint32_t slot, uint8_t use, enum masq_neigh_state state,
		uint64_t mac)
{
	uint64_t word = (uint64_t)use << MASQ_NEIGH_WORD_USE_SHIFT |
			(uint64_t)state << MASQ_NEIGH_WORD_STATE_SHIFT;

	if (is_usable(state))
		word |= mac | MASQ_NEIGH_WORD_USABLE;
	atomic_store_explicit(&neigh->word[slot], word, memory_order_relaxed);
}

/* ---------------------------------------------------------------- slots */

static struct slot_list *
list_of(struct masq_neigh_keeper *keeper, enum masq_neigh_state state, bool unasked)
{
	if (unasked)
		return &keeper->unasked;
	if (state == MASQ_NEIGH_ASKING)
		return &keeper->asking;
	return state == MASQ_NEIGH_UNREACHABLE ? &keeper->silent : NULL;
}

/* The only place where a slot's state changes: word and lists agree afterwards. */
static void
enter(struct masq_neigh *neigh, uint32_t index, uint8_t use, enum masq_neigh_state state,
		uint64_t mac, bool unasked)
{
	struct masq_neigh_keeper *keeper = neigh->keeper;
	struct slot *slot = &keeper->slot[index];
	struct slot_list *from = list_of(keeper, state_of(load_word(neigh, index)), slot->unasked);
	struct slot_list *to = list_of(keeper, state, unasked);

	store_word(neigh, index, use, state, mac);
	keeper->n_unasked += (uint32_t)unasked - (uint32_t)slot->unasked;
	slot->unasked = unasked;
	slot->n_asked = 0;
	if (from != NULL)
		TAILQ_REMOVE(from, slot, link);
	if (to != NULL)
		TAILQ_INSERT_TAIL(to, slot, link);
}

static void
enter_state(struct masq_neigh *neigh, uint32_t index, uint8_t use, enum masq_neigh_state state,
		uint64_t mac)
{
	enter(neigh, index, use, state, mac, false);
}

static struct key
make_key(uint8_t port, uint32_t ip)
{
	return (struct key){ .ip = ip, .port = port };
}

/* @return slot, or a negative number */
static int32_t
find_slot(const struct masq_neigh *neigh, uint8_t port, uint32_t ip)
{
	const struct masq_neigh_keeper *keeper = neigh->keeper;
	struct key key = make_key(port, ip);

	return rte_hash_lookup_with_hash(keeper->hash, &key, masq_hash16(&key, &keeper->seed));
}

static void
free_slot(struct masq_neigh *neigh, uint32_t index)
{
	struct masq_neigh_keeper *keeper = neigh->keeper;
	const struct slot *slot = &keeper->slot[index];
	struct key key = make_key(slot->port, slot->ip);
	uint8_t use = use_of(load_word(neigh, index));

	enter_state(neigh, index, use == UINT8_MAX ? 1 : (uint8_t)(use + 1), MASQ_NEIGH_FREE, 0);
	rte_hash_del_key_with_hash(keeper->hash, &key, masq_hash16(&key, &keeper->seed));
	if (keeper->config.rcu == NULL)
		rte_hash_free_key_with_position(keeper->hash, (int32_t)index);
	keeper->n_used--;
}

/* Forget a neighbour that will hardly be missed. @return false: all of them may be alive */
static bool
make_room(struct masq_neigh *neigh)
{
	struct masq_neigh_keeper *keeper = neigh->keeper;
	struct slot *oldest = TAILQ_FIRST(&keeper->silent);

	if (oldest == NULL) {
		/* A live neighbour answers the first request within the interval. */
		oldest = TAILQ_FIRST(&keeper->asking);
		if (oldest == NULL || oldest->n_asked < 2)
			return false;
	}
	free_slot(neigh, (uint32_t)(oldest - keeper->slot));
	return true;
}

/* Make room for one more unasked neighbour: the oldest of them goes if they are many. */
static void
make_room_for_unasked(struct masq_neigh *neigh)
{
	const struct masq_neigh_keeper *keeper = neigh->keeper;

	if (keeper->n_unasked > 0 && keeper->n_unasked >= keeper->config.capacity / 2)
		free_slot(neigh, (uint32_t)(TAILQ_FIRST(&keeper->unasked) - keeper->slot));
}

/* @return a slot that belongs to the address, state FREE; -ENOSPC */
static int32_t
take_slot(struct masq_neigh *neigh, uint8_t port, uint32_t ip)
{
	struct masq_neigh_keeper *keeper = neigh->keeper;
	struct key key = make_key(port, ip);
	int32_t index;

	if (keeper->n_used >= keeper->config.capacity && !make_room(neigh))
		return -ENOSPC;
	index = rte_hash_add_key_with_hash(keeper->hash, &key, masq_hash16(&key, &keeper->seed));
	if (index < 0)
		return -ENOSPC; /* all spare slots wait for readers that do not report */
	keeper->slot[index].ip = ip;
	keeper->slot[index].port = port;
	keeper->slot[index].confirmed_ms = 0;
	keeper->n_used++;
	return index;
}

/* Count one request, set the next deadline, and say what to send. */
static void
ask_for(struct masq_neigh *neigh, uint32_t index, uint64_t now_ms, struct masq_neigh_ask *ask)
{
	const struct masq_neigh_config *config = &neigh->keeper->config;
	struct slot *slot = &neigh->keeper->slot[index];
	uint64_t word = load_word(neigh, index);

	slot->n_asked++;
	slot->due_ms = now_ms + config->ask_interval_ms;
	*ask = (struct masq_neigh_ask){ .ip = slot->ip, .port = slot->port };
	if (state_of(word) == MASQ_NEIGH_PROBING &&
			(slot->n_asked < config->ask_count || config->ask_count == 1)) {
		ask->unicast = true;
		unpack_mac(word, ask->mac);
	}
}

/* ---------------------------------------------------------------- life */

static int
check_config(const struct masq_neigh_config *config, struct masq_err *err)
{
	if (config->capacity == 0 || config->capacity > MASQ_NEIGH_CAPACITY_MAX)
		return masq_err_set(err, EINVAL, "neighbour table: capacity is 1 to %u, not %u",
				MASQ_NEIGH_CAPACITY_MAX, config->capacity);
	if (config->ask_count == 0 || config->ask_count > UINT8_MAX)
		return masq_err_set(err, EINVAL, "neighbour table: ask count is 1 to %u, not %u",
				UINT8_MAX, config->ask_count);
	if (config->ask_interval_ms == 0 || config->reachable_ms == 0 ||
			config->unreachable_ms == 0)
		return masq_err_set(err, EINVAL,
				"neighbour table: ask interval, reachable and unreachable time are "
				"at least 1 ms, not %u, %u and %u",
				config->ask_interval_ms, config->reachable_ms,
				config->unreachable_ms);
	return 0;
}

static int
create_hash(struct masq_neigh_keeper *keeper)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters params = {
		.name = name,
		.entries = keeper->n_slots,
		.key_len = sizeof(struct key),
		.socket_id = keeper->config.socket_id,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};
	struct rte_hash_rcu_config rcu = {
		.v = keeper->config.rcu,
		.mode = RTE_HASH_QSBR_MODE_DQ,
	};

	/* rte_hash wants a unique name: our own address is one while we live. */
	snprintf(name, sizeof(name), "masq%p", (void *)keeper);
	keeper->hash = rte_hash_create(&params);
	if (keeper->hash == NULL)
		return -ENOMEM;
	if (rcu.v != NULL && rte_hash_rcu_qsbr_add(keeper->hash, &rcu) != 0)
		return -ENOMEM;
	return 0;
}

static int
init_keeper(struct masq_neigh *neigh, const struct masq_neigh_config *config, uint32_t n_slots)
{
	struct masq_neigh_keeper *keeper = rte_zmalloc_socket("masq_neigh_keeper",
			sizeof(*keeper) + n_slots * sizeof(keeper->slot[0]), RTE_CACHE_LINE_SIZE,
			config->socket_id);

	if (keeper == NULL)
		return -ENOMEM;
	neigh->keeper = keeper;
	keeper->config = *config;
	keeper->n_slots = n_slots;
	TAILQ_INIT(&keeper->asking);
	TAILQ_INIT(&keeper->silent);
	TAILQ_INIT(&keeper->unasked);
	for (uint32_t i = 0; i < n_slots; i++)
		store_word(neigh, i, 1, MASQ_NEIGH_FREE, 0);
	if (masq_hash_seed_random(&keeper->seed) != 0)
		return -EIO;
	return create_hash(keeper);
}

struct masq_neigh *
masq_neigh_create(const struct masq_neigh_config *config, struct masq_err *err)
{
	struct masq_neigh *neigh;
	uint32_t n_slots;
	int rc;

	if (check_config(config, err) != 0)
		return NULL;
	n_slots = RTE_MAX(2 * config->capacity, SLOTS_MIN);
	neigh = rte_zmalloc_socket("masq_neigh", sizeof(*neigh) + n_slots * sizeof(neigh->word[0]),
			RTE_CACHE_LINE_SIZE, config->socket_id);
	rc = neigh != NULL ? init_keeper(neigh, config, n_slots) : -ENOMEM;
	if (rc != 0) {
		masq_err_set(err, -rc,
				rc == -EIO ? "neighbour table: the kernel gave no random seed (%u)"
					   : "no memory for a table of %u neighbours",
				config->capacity);
		masq_neigh_destroy(neigh);
		return NULL;
	}
	return neigh;
}

void
masq_neigh_destroy(struct masq_neigh *neigh)
{
	if (neigh == NULL)
		return;
	if (neigh->keeper != NULL)
		rte_hash_free(neigh->keeper->hash);
	rte_free(neigh->keeper);
	rte_free(neigh);
}

/* ---------------------------------------------------------------- readers */

struct masq_neigh_ref
masq_neigh_find(const struct masq_neigh *neigh, uint8_t port, uint32_t ip)
{
	int32_t index = find_slot(neigh, port, ip);
	uint64_t word;

	if (index < 0)
		return (struct masq_neigh_ref){ MASQ_NEIGH_REF_NONE };
	word = load_word(neigh, (uint32_t)index);
	if (state_of(word) == MASQ_NEIGH_FREE)
		return (struct masq_neigh_ref){ MASQ_NEIGH_REF_NONE };
	return (struct masq_neigh_ref){ (uint32_t)index |
		(uint32_t)use_of(word) << MASQ_NEIGH_REF_USE_SHIFT };
}

int
masq_neigh_read(const struct masq_neigh *neigh, struct masq_neigh_ref ref,
		struct masq_neigh_link *link)
{
	uint32_t index = ref.value & MASQ_NEIGH_REF_SLOT_MASK;
	uint64_t word;

	if (index >= neigh->keeper->n_slots)
		return -ESTALE;
	word = load_word(neigh, index);
	if (use_of(word) != ref.value >> MASQ_NEIGH_REF_USE_SHIFT ||
			state_of(word) == MASQ_NEIGH_FREE)
		return -ESTALE;
	link->state = state_of(word);
	link->usable = (word & MASQ_NEIGH_WORD_USABLE) != 0;
	unpack_mac(word, link->mac);
	return 0;
}

/* ---------------------------------------------------------------- keeper */

int
masq_neigh_want(struct masq_neigh *neigh, uint8_t port, uint32_t ip, uint64_t now_ms,
		struct masq_neigh_ask *ask)
{
	int32_t index = find_slot(neigh, port, ip);

	if (index >= 0)
		return 0;
	index = take_slot(neigh, port, ip);
	if (index < 0)
		return -ENOSPC;
	enter_state(neigh, (uint32_t)index, use_of(load_word(neigh, (uint32_t)index)),
			MASQ_NEIGH_ASKING, 0);
	ask_for(neigh, (uint32_t)index, now_ms, ask);
	return 1;
}

bool
masq_neigh_heard(struct masq_neigh *neigh, uint8_t port, uint32_t ip, const uint8_t mac[6],
		bool create, uint64_t now_ms)
{
	uint64_t packed = pack_mac(mac), word;
	int32_t index;
	enum masq_neigh_state before;
	struct slot *slot;

	if (ip == 0 || packed == 0 || (mac[0] & 1) != 0)
		return false;
	index = find_slot(neigh, port, ip);
	if (index < 0 && create) {
		make_room_for_unasked(neigh);
		index = take_slot(neigh, port, ip);
	}
	if (index < 0)
		return false;
	slot = &neigh->keeper->slot[index];
	word = load_word(neigh, (uint32_t)index);
	before = state_of(word);
	/* Hearing an unasked neighbour again leaves it unasked and makes it the newest of them. */
	enter(neigh, (uint32_t)index, use_of(word), MASQ_NEIGH_REACHABLE, packed,
			before == MASQ_NEIGH_FREE || slot->unasked);
	slot->confirmed_ms = now_ms;
	slot->due_ms = now_ms + neigh->keeper->config.reachable_ms;
	return before == MASQ_NEIGH_ASKING || before == MASQ_NEIGH_UNREACHABLE;
}

/* A slot's state has timed out. @return 1: @p ask is to be sent */
static unsigned int
age_slot(struct masq_neigh *neigh, uint32_t index, uint64_t word, uint64_t now_ms,
		struct masq_neigh_ask *ask)
{
	const struct masq_neigh_config *config = &neigh->keeper->config;
	struct slot *slot = &neigh->keeper->slot[index];

	switch (state_of(word)) {
	case MASQ_NEIGH_ASKING:
	case MASQ_NEIGH_PROBING:
		if (slot->n_asked >= config->ask_count) {
			enter_state(neigh, index, use_of(word), MASQ_NEIGH_UNREACHABLE, 0);
			slot->due_ms = now_ms + config->unreachable_ms;
			return 0;
		}
		ask_for(neigh, index, now_ms, ask);
		return 1;
	case MASQ_NEIGH_REACHABLE:
		enter_state(neigh, index, use_of(word), MASQ_NEIGH_PROBING,
				word & MASQ_NEIGH_WORD_MAC_MASK);
		ask_for(neigh, index, now_ms, ask);
		return 1;
	case MASQ_NEIGH_UNREACHABLE:
		free_slot(neigh, index);
		return 0;
	case MASQ_NEIGH_FREE:
		break;
	}
	return 0;
}

unsigned int
masq_neigh_tick(struct masq_neigh *neigh, uint64_t now_ms, uint32_t budget,
		struct masq_neigh_ask *asks, unsigned int max)
{
	struct masq_neigh_keeper *keeper = neigh->keeper;
	unsigned int n_asks = 0;

	for (budget = RTE_MIN(budget, keeper->n_slots); budget > 0 && n_asks < max; budget--) {
		uint32_t index = keeper->cursor;
		uint64_t word = load_word(neigh, index);

		if (state_of(word) != MASQ_NEIGH_FREE && now_ms >= keeper->slot[index].due_ms)
			n_asks += age_slot(neigh, index, word, now_ms, &asks[n_asks]);
		keeper->cursor = index + 1 < keeper->n_slots ? index + 1 : 0;
	}
	return n_asks;
}

void
masq_neigh_flush(struct masq_neigh *neigh, uint32_t ip)
{
	const struct masq_neigh_keeper *keeper = neigh->keeper;

	for (uint32_t i = 0; i < keeper->n_slots; i++) {
		if (state_of(load_word(neigh, i)) != MASQ_NEIGH_FREE &&
				(ip == 0 || keeper->slot[i].ip == ip))
			free_slot(neigh, i);
	}
}

unsigned int
masq_neigh_rows(const struct masq_neigh *neigh, uint32_t *cursor, struct masq_neigh_row *rows,
		unsigned int max)
{
	const struct masq_neigh_keeper *keeper = neigh->keeper;
	unsigned int n = 0;

	for (; n < max && *cursor < keeper->n_slots; (*cursor)++) {
		const struct slot *slot = &keeper->slot[*cursor];
		uint64_t word = load_word(neigh, *cursor);

		if (state_of(word) == MASQ_NEIGH_FREE)
			continue;
		rows[n] = (struct masq_neigh_row){
			.ip = slot->ip,
			.port = slot->port,
			.state = state_of(word),
			.confirmed_ms = slot->confirmed_ms,
		};
		unpack_mac(word, rows[n++].mac);
	}
	return n;
}

const char *
masq_neigh_state_name(enum masq_neigh_state state)
{
	static const char *const name[] = {
		[MASQ_NEIGH_FREE] = "free",
		[MASQ_NEIGH_ASKING] = "asking",
		[MASQ_NEIGH_REACHABLE] = "reachable",
		[MASQ_NEIGH_PROBING] = "probing",
		[MASQ_NEIGH_UNREACHABLE] = "unreachable",
	};

	return (unsigned int)state < RTE_DIM(name) ? name[state] : "?";
}
