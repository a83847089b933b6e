/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_SORTS_H
#define MASQ_TEST_SORTS_H

/*
 * For tests of the memory of verdicts: talks of a usual sort, and of sorts that differ from it in one thing which
 * a rule may look at.
 */

#include "masq_test_talk.h"

#define TALKS 4 /* of each sort */
#define NEUTRAL                                                               \
	MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n" \
		 "portfw -a -P udp -L 203.0.113.1 54 -R 192.168.16.27 5353\n" \
		 "portfw -a -P udp -L 203.0.113.1 55 -R 192.168.16.28 5353\n" \
		 "portfw -a -P udp -L 203.0.113.1 56 -R 192.168.16.27 5454\n" \
		 "portfw -a -P udp -L 203.0.113.1 57 -R 192.168.16.1 5353\n"  \
		 "portfw -a -P udp -L 203.0.113.1 58 -R 192.168.16.255 53\n"  \
		 "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080\n"

/* Talk @p k of its sort: they differ in the port of the host that began. */
static inline struct talk
masqueraded(struct masq_test_box *box, const struct talk *odd, uint16_t k)
{
	const struct talk usual = TALK(box, UDP, INSIDE, 3000, OUTSIDE, 53);
	struct talk t = usual;

	t.proto = odd->proto != 0 ? odd->proto : t.proto;
	t.inside = odd->inside != NULL ? odd->inside : t.inside;
	t.inside_at = odd->inside_at != LAN ? odd->inside_at : t.inside_at;
	t.inside_port = (uint16_t)((odd->inside_port != 0 ? odd->inside_port : t.inside_port) + k);
	t.outside = odd->outside != NULL ? odd->outside : t.outside;
	t.outside_port = odd->outside_port != 0 ? odd->outside_port : t.outside_port;
	return t;
}

static inline struct talk
called(struct masq_test_box *box, const struct talk *odd, uint16_t k)
{
	const struct talk usual = CALL(box, UDP, OUTSIDE, 3000, 53, SERVER, 5353);
	struct talk t = usual;

	t.inside = odd->inside != NULL ? odd->inside : t.inside;
	t.inside_port = odd->inside_port != 0 ? odd->inside_port : t.inside_port;
	t.outside = odd->outside != NULL ? odd->outside : t.outside;
	t.outside_port = (uint16_t)((odd->outside_port != 0 ? odd->outside_port : t.outside_port) +
			k);
	t.visible_port = odd->visible_port != 0 ? odd->visible_port : t.visible_port;
	return t;
}

static inline void
open_talk(struct talk *t, bool is_call)
{
	bool tcp = t->proto == IPPROTO_TCP;

	if (is_call)
		talk_in(t, 0);
	talk_out(t, tcp ? SYN : 0);
	talk_in(t, tcp ? SYN | ACK : 0);
	talk_out(t, tcp ? ACK : 0);
}

#endif /* MASQ_TEST_SORTS_H */
