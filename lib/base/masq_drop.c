/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Names and sentences of the drop reasons, both made from MASQ_DROP_LIST, so a reason that is
 *	added to the list has its name and its sentence at once.
 * Data and who owns it
 *	Constant tables.
 * Threads
 *	Pure functions.
 */

#include <assert.h>
#include <stddef.h>

#include <masq_drop.h>

/* Reasons are carried in a byte from stage to stage. */
static_assert(MASQ_DROP_COUNT <= 256, "a drop reason fits into uint8_t");

const char *
masq_drop_name(enum masq_drop reason)
{
	static const char *const names[MASQ_DROP_COUNT] = { [MASQ_DROP_NONE] = "none",
#define DROP_NAME(symbol, name, text) [MASQ_DROP_##symbol] = name,
		MASQ_DROP_LIST(DROP_NAME)
#undef DROP_NAME
	};

	return (unsigned int)reason < MASQ_DROP_COUNT ? names[reason] : NULL;
}

const char *
masq_drop_text(enum masq_drop reason)
{
	static const char *const texts[MASQ_DROP_COUNT] = { [MASQ_DROP_NONE] = "",
#define DROP_TEXT(symbol, name, text) [MASQ_DROP_##symbol] = text,
		MASQ_DROP_LIST(DROP_TEXT)
#undef DROP_TEXT
	};

	return (unsigned int)reason < MASQ_DROP_COUNT ? texts[reason] : NULL;
}
