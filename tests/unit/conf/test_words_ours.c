/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words of portfw, route and timeout, the cutting of lines into words, and the resolver.
 */

#include <netdb.h>
#include <netinet/in.h>

#include <masq_conf_names.h>

#include "conf_fixture.h"

/* clang-format off */
static const struct {
	const char *line, *meaning;
} good[] = {
	{ "portfw -a -P tcp -L 1.2.3.4 80 -R 5.6.7.8 8080",
		"portfw -a -P tcp -L 1.2.3.4 80 -R 5.6.7.8 8080 -p 10\n" },
	{ "portfw -aPudp -L1.2.3.4 53 -R5.6.7.8 53 -p15",
		"portfw -a -P udp -L 1.2.3.4 53 -R 5.6.7.8 53 -p 15\n" },
	{ "portfw -p 2147483647 -R 5.6.7.8 0 -L 0.0.0.0 1 -P turtle -a",
		"portfw -a -P tcp -L 0.0.0.0 1 -R 5.6.7.8 0 -p 2147483647\n" },
	{ "portfw -a -P tcp -L 1.2.3.4 80 -p 5", "portfw -a -P tcp -L 1.2.3.4 80 -p 5\n" },
	{ "portfw -d -P tcp -L 1.2.3.4 80", "portfw -d -P tcp -L 1.2.3.4 80\n" },
	{ "portfw -d -P udp -L 1.2.3.4 80 -R 0.0.0.0 81 -n",
		"portfw -d -P udp -L 1.2.3.4 80 -R 0.0.0.0 81\n" },
	{ "portfw -f", "portfw -f\n" },
	{ "portfw -a -P tcp -L 1.2.3.4 65535 -R 5.6.7.8 1", /* refused when it is applied */
		"portfw -a -P tcp -L 1.2.3.4 65535 -R 5.6.7.8 1 -p 10\n" },
	{ "route add default via 1.2.3.4", "route add default via 1.2.3.4\n" },
	{ "route add 0.0.0.0/0 via 1.2.3.4", "route add default via 1.2.3.4\n" },
	{ "route add 10.0.0.0/8 dev lan", "route add 10.0.0.0/8 dev lan\n" },
	{ "route add 10.1.2.3 via 1.2.3.4 dev lan", "route add 10.1.2.3/32 via 1.2.3.4 dev lan\n" },
	{ "route add 10.0.0.0/8 dev lan via 1.2.3.4", "route add 10.0.0.0/8 via 1.2.3.4 dev lan\n" },
	{ "route del 10.0.0.0/8", "route del 10.0.0.0/8\n" },
	{ "route del default via 1.2.3.4", "route del default via 1.2.3.4\n" },
	{ "timeout set udp 30", "timeout set udp 30\n" },
	{ "timeout set icmp 1 tcp-none 1000000", "timeout set tcp-none 1000000 icmp 1\n" },
};

#define TIMEOUTS "tcp-established, tcp-syn-sent, tcp-syn-recv, tcp-fin-wait, tcp-time-wait, " \
	"tcp-close, tcp-close-wait, tcp-last-ack, tcp-listen, tcp-none, udp, icmp"

#define INSUFFICIENT "insufficient options specified; needed: -P, and -L with a port other than 0"
#define GATEWAYS "accepted: a host address, 1.0.0.0-223.255.255.255 except 127.0.0.0/8"

static const struct {
	const char *line;
	int ret;
	const char *sentence;
} bad[] = {
	{ "portfw -z", -MASQ_CONF_EUSAGE, "invalid option -- 'z'" },
	{ "portfw -a -P", -MASQ_CONF_EUSAGE, "option requires an argument -- 'P'" },
	{ "portfw --add", -MASQ_CONF_EUSAGE, "unrecognized option '--add'" },
	{ "portfw -A", -MASQ_CONF_EUSAGE, "invalid option -- 'A'" },
	{ "portfw -a -d", -EINVAL, "multiple commands specified" },
	{ "portfw -a -P icmp", -EINVAL, "invalid protocol specified: `icmp'; accepted: tcp, udp" },
	{ "portfw -a -P TCP", -EINVAL, "invalid protocol specified: `TCP'; accepted: tcp, udp" },
	{ "portfw -P tcp -P udp", -EINVAL, "multiple protocols specified" },
	{ "portfw -L 1.2.3.4 80 -L 1.2.3.4 80", -EINVAL, "multiple local address/port specified" },
	{ "portfw -R 1.2.3.4 80 -R 1.2.3.4 80", -EINVAL, "multiple destinations specified" },
	{ "portfw -a -L 1.2.3.4", -EINVAL, "illegal local address/port specified: "
		"no port follows `1.2.3.4'" },
	{ "portfw -a -L 1.2.3.4 -P tcp", -EINVAL, "illegal local address/port specified: "
		"no port follows `1.2.3.4'" },
	{ "portfw -a -R 1.2.3.4", -EINVAL, "illegal destination specified: no port follows `1.2.3.4'" },
	{ "portfw -a -R 1.2.3 80", -EINVAL, "illegal destination specified: "
		"host/network `1.2.3' not found; an address has four parts, A.B.C.D" },
	{ "portfw -a -L eth0 80", -EINVAL, "illegal local address/port specified: "
		"host/network `eth0' not found: names are not looked up here, write A.B.C.D" },
	{ "portfw -a -L 1.2.3.4 80x", -EINVAL, "illegal local address/port specified: "
		"`80x' is neither a port (0-65535) nor a service" },
	{ "portfw -a -L 1.2.3.4 65616", -EINVAL, "illegal local address/port specified: "
		"`65616' is neither a port (0-65535) nor a service" },
	{ "portfw -a -p 0", -EINVAL, "illegal preference value specified: `0'; accepted: 1-2147483647" },
	{ "portfw -a -p -1", -EINVAL, "illegal preference value specified: `-1'; accepted: 1-2147483647" },
	{ "portfw -a -p 2147483648", -EINVAL, "illegal preference value specified: `2147483648'; accepted: 1-2147483647" },
	{ "portfw -a -P tcp", -EINVAL, INSUFFICIENT },
	{ "portfw -d -L 1.2.3.4 80", -EINVAL, INSUFFICIENT },
	{ "portfw -a -P tcp -L 1.2.3.4 0 -R 1.1.1.1 1", -EINVAL, INSUFFICIENT },
	{ "portfw -f -P tcp", -EINVAL, "incompatible options specified" },
	{ "portfw -l -L 1.2.3.4 80", -EINVAL, "incompatible options specified" },
	{ "portfw -f word", -EINVAL, "unknown arguments found on commandline: `word'" },
	{ "route", -EINVAL, "`route' needs a command; accepted: add, del, show" },
	{ "route flush", -EINVAL, "unknown route command `flush'; accepted: add, del, show" },
	{ "route add", -EINVAL, "a route needs a network: A.B.C.D/LEN or default" },
	{ "route add 10.0.0.0/33 dev lan", -EINVAL,
		"`10.0.0.0/33' is not a network; accepted: A.B.C.D/LEN or default" },
	{ "route add 10.1.2.3/8 dev lan", -EINVAL,
		"`10.1.2.3/8' has bits set beyond its prefix; the network is 10.0.0.0/8" },
	{ "route add default", -EINVAL, "the route to default needs `via ADDR' or `dev PORT'" },
	{ "route add default gw 1.2.3.4", -EINVAL, "unknown word `gw'; accepted: via ADDR, dev PORT" },
	{ "route add default via", -EINVAL, "`via' must be followed by an address A.B.C.D" },
	{ "route add default dev", -EINVAL, "`dev' must be followed by the name of a port" },
	{ "route add default via x", -EINVAL, "`x' is not a gateway; accepted: an address A.B.C.D" },
	{ "route add default via 224.0.0.1", -EINVAL, "`224.0.0.1' cannot be a gateway; " GATEWAYS },
	{ "route add default via 127.0.0.1", -EINVAL, "`127.0.0.1' cannot be a gateway; " GATEWAYS },
	{ "route add default via 1.2.3.4 via 1.2.3.5", -EINVAL, "`via' is given twice" },
	{ "route add default dev a dev b", -EINVAL, "`dev' is given twice" },
	{ "route add default dev a+", -EINVAL,
		"port name `a+' may contain only letters, digits and . _ - : @ /" },
	{ "route show all", -EINVAL, "`route show' does not take `all'" },
	{ "timeout", -EINVAL, "`timeout' needs a command; accepted: set, show" },
	{ "timeout set", -EINVAL, "`timeout set' needs NAME SECONDS; accepted names: " TIMEOUTS },
	{ "timeout set tcp 3", -EINVAL, "unknown timeout `tcp'; accepted: " TIMEOUTS },
	{ "timeout set udp", -EINVAL, "timeout udp needs a number of seconds; accepted: 1-1000000" },
	{ "timeout set udp 0", -EINVAL, "timeout udp needs a number of seconds, not `0'; accepted: 1-1000000" },
	{ "timeout set udp 1000001", -EINVAL,
		"timeout udp needs a number of seconds, not `1000001'; accepted: 1-1000000" },
	{ "timeout set udp 1 udp 2", -EINVAL, "timeout udp is given twice" },
	{ "timeout show udp", -EINVAL, "`timeout show' does not take `udp'" },
};

static const struct {
	const char *line;
	int n;
	const char *words[4];
} splits[] = {
	{ "", 0, { NULL } },
	{ " \t\r\n", 0, { NULL } },
	{ "# nothing", 0, { NULL } },
	{ "a  b\tc\r\n", 3, { "a", "b", "c" } },
	{ "a #b", 1, { "a" } },
	{ "a#b", 1, { "a#b" } },
	{ "'a b' \"c # d\"", 2, { "a b", "c # d" } },
	{ "a'b 'c", 1, { "ab c" } },
	{ "'' x", 2, { "", "x" } },
	{ "\"'\" '\"'", 2, { "'", "\"" } },
	{ "1 2 3 4", 4, { "1", "2", "3", "4" } },
	{ "1 2 3 4 # 5", 4, { "1", "2", "3", "4" } },
	{ "1 2 3 4 5", -E2BIG, { NULL } },
	{ "a 'b", -EINVAL, { NULL } },
	{ "a\"", -EINVAL, { NULL } },
};

/* clang-format on */

static void
test_lines_mean(void **state)
{
	struct masq_conf_request request;
	struct masq_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char *text;

		if (line_read(good[i].line, &request, &err) != 0)
			fail_msg("%s: %s", good[i].line, err.text);
		text = commands_text(request.commands, request.n_commands);
		if (strcmp(text, good[i].meaning) != 0)
			fail_msg("%s: means %sand not %s", good[i].line, text, good[i].meaning);
		free(text);
	}
}

static void
test_lines_are_refused(void **state)
{
	struct masq_conf_request request;
	struct masq_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (line_read(bad[i].line, &request, &err) != bad[i].ret)
			fail_msg("%s: is not refused as it should be (%s)", bad[i].line, err.text);
		if (strcmp(err.text, bad[i].sentence) != 0)
			fail_msg("%s: says\n%s\nand not\n%s", bad[i].line, err.text,
					bad[i].sentence);
	}
}

static void
test_every_field(void **state)
{
	struct masq_conf_request request;
	struct masq_err err;

	(void)state;
	assert_int_equal(line_read("portfw -a -P udp -L 1.2.3.4 80 -R 5.6.7.8 81 -p 3", &request,
					 &err),
			0);
	assert_int_equal(request.commands[0].verb, MASQ_VERB_PORTFW_ADD);
	assert_int_equal(request.commands[0].portfw.proto, IPPROTO_UDP);
	assert_int_equal(request.commands[0].portfw.laddr, MASQ_IP4(1, 2, 3, 4));
	assert_int_equal(request.commands[0].portfw.lport, 80);
	assert_int_equal(request.commands[0].portfw.raddr, MASQ_IP4(5, 6, 7, 8));
	assert_int_equal(request.commands[0].portfw.rport, 81);
	assert_int_equal(request.commands[0].portfw.pref, 3);

	assert_int_equal(line_read("route add 10.0.0.0/8 via 1.2.3.4 dev lan", &request, &err), 0);
	assert_int_equal(request.commands[0].verb, MASQ_VERB_ROUTE_ADD);
	assert_int_equal(request.commands[0].route.dst.addr, MASQ_IP4(10, 0, 0, 0));
	assert_int_equal(request.commands[0].route.dst.len, 8);
	assert_int_equal(request.commands[0].route.gateway, MASQ_IP4(1, 2, 3, 4));
	assert_string_equal(request.commands[0].route.port, "lan");

	assert_int_equal(line_read("timeout set udp 5 tcp-close 6", &request, &err), 0);
	assert_int_equal(request.commands[0].timeouts.udp_s, 5);
	assert_int_equal(request.commands[0].timeouts.tcp_close_s, 6);
	assert_int_equal(request.commands[0].timeouts.icmp_s, 0);
}

static void
test_lines_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		char *copy = strdup(splits[i].line), *words[4];
		int n = masq_conf_line_split(copy, words, 4);

		if (n != splits[i].n)
			fail_msg("<%s>: %d words", splits[i].line, n);
		for (int k = 0; k < n; k++)
			assert_string_equal(words[k], splits[i].words[k]);
		free(copy);
	}
}

static void
test_the_resolver_is_asked_only_if_allowed(void **state)
{
	static const struct masq_conf_reader asking = { .resolve_names = true };
	static const char *const rule[] = { "ipchains", "-A", "input", "-s", "localhost" };
	static const char *const forward[] = { "portfw", "-a", "-P", "tcp", "-L", "localhost",
		"80" };
	static const char *const numeric[] = { "portfw", "-n", "-a", "-P", "tcp", "-L", "localhost",
		"80" };
	static const char *const tricky[] = { "ipchains", "-A", "input", "-s", "10/8" };
	struct masq_conf_request request;
	struct masq_err err;
	struct hostent *local = gethostbyname("localhost");

	(void)state;
	assert_int_equal(masq_conf_words_read(&asking, tricky, 5, &request, &err), -EINVAL);
	assert_int_equal(masq_conf_words_read(&asking, numeric, 8, &request, &err), -EINVAL);
	if (local == NULL || local->h_addrtype != AF_INET)
		skip();
	assert_int_equal(masq_conf_words_read(&asking, rule, 5, &request, &err), 0);
	assert_int_equal(request.commands[0].rule.src, MASQ_IP4(127, 0, 0, 1));
	assert_int_equal(request.commands[0].rule.src_mask, 0xffffffff);
	assert_int_equal(masq_conf_words_read(&asking, forward, 7, &request, &err), 0);
	assert_int_equal(request.commands[0].portfw.laddr, MASQ_IP4(127, 0, 0, 1));
}

static void
test_verbs_have_their_methods(void **state)
{
	(void)state;
	for (int i = 0; i < MASQ_VERB_COUNT; i++)
		assert_int_equal(masq_conf_verb_find(masq_conf_verb_method((enum masq_conf_verb)i)),
				i);
	assert_string_equal(masq_conf_verb_method(MASQ_VERB_PORTFW_ADD), "portfw.add");
	assert_int_equal(masq_conf_verb_find("portfw.frob"), -1);
	assert_int_equal(masq_conf_target_find("MASQ"), MASQ_TARGET_MASQ);
	assert_int_equal(masq_conf_target_find("-"), -1);
	assert_int_equal(masq_conf_target_find("masq"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_mean),
		cmocka_unit_test(test_lines_are_refused),
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_lines_are_cut),
		cmocka_unit_test(test_the_resolver_is_asked_only_if_allowed),
		cmocka_unit_test(test_verbs_have_their_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
