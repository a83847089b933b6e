/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Commands that show something, against a daemon that answers from rows: which methods they call,
 * with which parameters, and the text that comes of it. The compatible listings are those of the
 * reference, 1.14 and 2.4; a list that comes in pages looks as if it had come in one.
 */

#include "cli_fixture.h"

struct show {
	const char *line;
	struct fake_answer answers[4];
	const char *out;
};

static void
check_rows(const struct show *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		size_t n = 0;

		while (n < LENGTH(rows[i].answers) && rows[i].answers[n].method != NULL)
			n++;
		check_says(rows[i].answers, n, rows[i].line, rows[i].out);
	}
}

/* clang-format off */

/* ---------------------------------------------------------------- ipchains -M -L */

#define TCP_SESSION "{'protocol': 'tcp', 'kind': 'masq', 'state': 'ESTABLISHED'," \
	" 'inside': '192.168.1.2', 'inside_port': 1025, 'outside': '209.81.8.5', 'outside_port': 80," \
	" 'masq': '192.168.2.16', 'masq_port': 61000, 'expires_ms': 899375, 'age_ms': 1," \
	" 'worker': 0, 'reply_worker': 0, 'initial_packets': 12, 'initial_bytes': 1840," \
	" 'reply_packets': 10, 'reply_bytes': 123456}"
#define UDP_SESSION "{'protocol': 'udp', 'kind': 'portfw', 'state': 'UDP'," \
	" 'inside': '192.168.16.27', 'inside_port': 80, 'outside': '209.81.8.0', 'outside_port': 53," \
	" 'masq': '203.0.113.1', 'masq_port': 5353, 'expires_ms': 7440000, 'age_ms': 1," \
	" 'worker': 0, 'reply_worker': 0, 'initial_packets': 1, 'initial_bytes': 60," \
	" 'reply_packets': 0, 'reply_bytes': 0}"
#define ICMP_SESSION "{'protocol': 'icmp', 'kind': 'masq', 'state': 'ICMP'," \
	" 'inside': '192.168.1.2', 'inside_port': 53, 'outside': '10.9.8.7', 'outside_port': 8," \
	" 'masq': '203.0.113.1', 'masq_port': 4000, 'expires_ms': 9, 'age_ms': 1," \
	" 'worker': 0, 'reply_worker': 0, 'initial_packets': 1, 'initial_bytes': 84," \
	" 'reply_packets': 0, 'reply_bytes': 0}"

static const struct show masq_rows[] = {
	{ "ipchains -M -L -n",
	  { { "session.list", "{}", "{'sessions': [" TCP_SESSION "], 'cursor': null}" } },
	  "IP masquerading entries\n"
	  "prot expire   source               destination          ports\n"
	  "TCP  14:59.37 192.168.1.2          209.81.8.5           1025 (61000) -> 80\n" },
	{ "ipchains -M -L -n -v",
	  { { "session.list", "{}", "{'sessions': [" TCP_SESSION "], 'cursor': null}" } },
	  "IP masquerading entries\n"
	  "prot expire      initseq delta prevd source               destination          ports\n"
	  "TCP  14:59.37          0     0     0 192.168.1.2          209.81.8.5           1025 (61000) -> 80\n" },
	/* without -n: host, network, services of the protocol; the masq port stays a number */
	{ "ipchains -M -L",
	  { { "session.list", "{}", "{'sessions': [" TCP_SESSION ", " UDP_SESSION ", " ICMP_SESSION
	      "], 'cursor': null}" } },
	  "IP masquerading entries\n"
	  "prot expire   source               destination          ports\n"
	  "TCP  14:59.37 192.168.1.2          209.81.8.5           1025 (61000) -> www\n"
	  "UDP  124:00.00 www.inside           branch               80 (5353) -> domain\n"
	  "ICMP 00:00.00 192.168.1.2          10.9.8.7             53 (4000) -> 8\n" },
	/* no entries, no header; -x and --line-numbers are ignored */
	{ "ipchains -M -L -n -x --line-numbers",
	  { { "session.list", "{}", "{'sessions': [], 'cursor': null}" } },
	  "IP masquerading entries\n" },
	/* pages, an empty one among them */
	{ "ipchains -M -L -n",
	  { { "session.list", "{}", "{'sessions': [], 'cursor': '0.64'}" },
	    { "session.list", "{'cursor': '0.64'}", "{'sessions': [" TCP_SESSION "], 'cursor': '1.7'}" },
	    { "session.list", "{'cursor': '1.7'}", "{'sessions': [" TCP_SESSION "], 'cursor': null}" } },
	  "IP masquerading entries\n"
	  "prot expire   source               destination          ports\n"
	  "TCP  14:59.37 192.168.1.2          209.81.8.5           1025 (61000) -> 80\n"
	  "TCP  14:59.37 192.168.1.2          209.81.8.5           1025 (61000) -> 80\n" },
};

static void
masquerading_entries_are_listed_to_the_column(void **state)
{
	(void)state;
	check_rows(masq_rows, LENGTH(masq_rows));
}

/* ---------------------------------------------------------------- ipchains -C */

static const struct show packet_rows[] = {
	{ "ipchains -C input -p 200 -s 10.0.0.1 -d 10.0.0.2 -i lan",
	  { { "ipchains.check", "{'chain': 'input', 'rule': {'protocol': '200', 'source': '10.0.0.1/32',"
	      " 'destination': '10.0.0.2/32', 'interface': 'lan'}}", "{'answer': 'caught in loop'}" } },
	  "caught in loop\n" },
	/* -b is two packets; -v describes each */
	{ "ipchains -C input -v -b -p 200 -s 10.0.0.1 -d 10.0.0.2 -i lan",
	  { { "ipchains.check", "{'chain': 'input', 'rule': {'protocol': '200', 'source': '10.0.0.1/32',"
	      " 'destination': '10.0.0.2/32', 'interface': 'lan'}}", "{'answer': 'accepted'}" },
	    { "ipchains.check", "{'chain': 'input', 'rule': {'protocol': '200', 'source': '10.0.0.2/32',"
	      " 'destination': '10.0.0.1/32', 'interface': 'lan'}}", "{'answer': 'denied'}" } },
	  "-  200 opt    ------ tos 0xFF 0x00  via lan    10.0.0.1 -> 10.0.0.2    n/a\n"
	  "accepted\n"
	  "-  200 opt    ------ tos 0xFF 0x00  via lan    10.0.0.2 -> 10.0.0.1    n/a\n"
	  "denied\n" },
};

/* ---------------------------------------------------------------- portfw -l */

#define PORTFW_HEADER \
	"prot localaddr            rediraddr               lport    rport  pcnt  pref\n"
#define PORTFW_TCP "{'id': 1, 'count': 5, 'portfw': {'protocol': 'tcp'," \
	" 'local_address': '192.168.2.16', 'local_port': 80, 'remote_address': '192.168.16.28'," \
	" 'remote_port': 80, 'preference': 5}}"
#define PORTFW_UDP "{'id': 2, 'count': 12, 'portfw': {'protocol': 'udp'," \
	" 'local_address': '203.0.113.100', 'local_port': 60999, 'remote_address': '192.168.16.27'," \
	" 'remote_port': 80, 'preference': 100000}}"
#define PORTFW_EMPTY "{'rules': [], 'cursor': null}"

static const struct show portfw_rows[] = {
	{ "portfw -l -n",
	  { { "portfw.list", "{'limit': 1}", "{'rules': [" PORTFW_TCP "], 'cursor': null}" },
	    { "portfw.list", "{}", "{'rules': [" PORTFW_TCP "], 'cursor': null}" } },
	  PORTFW_HEADER
	  "TCP  192.168.2.16         192.168.16.28              80       80     5     5\n" },
	/* services as tcp, even of a UDP rule */
	{ "portfw -l",
	  { { "portfw.list", "{'limit': 1}", PORTFW_EMPTY },
	    { "portfw.list", "{}", "{'rules': [" PORTFW_UDP "], 'cursor': '1.0'}" },
	    { "portfw.list", "{'cursor': '1.0'}", "{'rules': [" PORTFW_TCP "], 'cursor': null}" } },
	  PORTFW_HEADER
	  "UDP  203.0.113.100        www.inside              60999      www    12 100000\n"
	  "TCP  192.168.2.16         192.168.16.28             www      www     5     5\n" },
	{ "portfw -l",
	  { { "portfw.list", "{'limit': 1}", PORTFW_EMPTY }, { "portfw.list", "{}", PORTFW_EMPTY } },
	  PORTFW_HEADER },
};

static void
forwarding_rules_are_listed_to_the_column(void **state)
{
	(void)state;
	check_rows(portfw_rows, LENGTH(portfw_rows));
}

/* ---------------------------------------------------------------- ipchains -L, -save */

#define COLUMNS "target     prot opt     source                destination           ports\n"
#define INPUT_1 "{'chain': 'input', 'policy': 'DENY', 'packets': 1, 'bytes': 2, 'references': 0," \
	" 'length': 2, 'first': 1, 'rules': [{'number': 1, 'id': 4, 'packets': 0, 'bytes': 0," \
	" 'rule': {'target': 'ACCEPT', 'interface': 'lan'}}]}"
#define INPUT_2 "{'chain': 'input', 'policy': 'DENY', 'packets': 1, 'bytes': 2, 'references': 0," \
	" 'length': 2, 'first': 2, 'rules': [{'number': 2, 'id': 5, 'packets': 0, 'bytes': 0," \
	" 'rule': {'jump': 'mine', 'protocol': 'tcp', 'destination_ports': [22, 22]}}]}"
#define MINE "{'chain': 'mine', 'references': 1, 'length': 0, 'first': 1, 'rules': []}"
#define NO_COUNTERS "{'counters': false}"
#define PAGE_1 "{'chains': [" INPUT_1 "], 'cursor': '0.1'}"
#define PAGE_2 "{'chains': [" INPUT_2 ", " MINE "], 'cursor': null}"

static const struct show chain_rows[] = {
	{ "ipchains -L -n --line-numbers",
	  { { "ipchains.list", NO_COUNTERS, PAGE_1 },
		{ "ipchains.list", "{'counters': false, 'cursor': '0.1'}", PAGE_2 } },
	  "Chain input (policy DENY):\n"
	  "num  " COLUMNS
	  "1    ACCEPT     all  ------  0.0.0.0/0            0.0.0.0/0             n/a\n"
	  "2    mine       tcp  ------  0.0.0.0/0            0.0.0.0/0             * ->   22\n"
	  "Chain mine (1 references):\n" },
	{ "ipchains -L mine -v",
	  { { "ipchains.list", "{'chain': 'mine'}", "{'chains': [" MINE "], 'cursor': null}" } },
	  "Chain mine (1 references):\n" },
	{ "ipchains -L -Z -n",
	  { { "ipchains.list_zero", "{}", "{'chains': [" MINE "], 'cursor': null}" } },
	  "Chain mine (1 references):\n" },
	{ "ipchains -L mine",
	  { { "ipchains.list", "{'chain': 'mine', 'counters': false}", "{'chains': [" MINE "], 'cursor': null}" } },
	  "Chain mine (1 references):\n" },
};

static void
chains_that_come_in_pages_look_whole(void **state)
{
	(void)state;
	check_rows(chain_rows, LENGTH(chain_rows));
}

static void
a_chain_is_not_listed_and_zeroed_by_name(void **state)
{
	struct said said = cli_says(NULL, 0, NULL, "ipchains -L mine -Z");

	(void)state;
	assert_int_equal(said.code, CLI_USAGE);
	assert_string_equal(said.out, "");
	said_free(&said);
}

static void
chains_are_saved_before_their_rules(void **state)
{
	static const struct fake_answer answers[] = {
		{ "ipchains.list", NO_COUNTERS, PAGE_1 },
		{ "ipchains.list", "{'counters': false, 'cursor': '0.1'}", PAGE_2 },
		{ "ipchains.list", NO_COUNTERS, PAGE_1 },
		{ "ipchains.list", "{'counters': false, 'cursor': '0.1'}", PAGE_2 },
	};
	static const char rules[] =
		"-A input -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0 -i lan -j ACCEPT\n"
		"-A input -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0 22:22 -p 6 -j mine\n";
	char wanted[512];
	struct said said = cli_says(answers, LENGTH(answers), cli_ipchains_save, "ipchains-save");

	(void)state;
	snprintf(wanted, sizeof(wanted), ":input DENY\n:mine -\n%s", rules);
	assert_string_equal(said.out, wanted);
	assert_string_equal(said.err, "Saving `input'.\n");
	assert_int_equal(said.code, CLI_DONE);
	said_free(&said);

	/* -v says the rules on stderr too */
	said = cli_says(answers, LENGTH(answers), cli_ipchains_save, "ipchains-save -v");
	assert_string_equal(said.out, wanted);
	snprintf(wanted, sizeof(wanted), "Saving `input'.\n%s", rules);
	assert_string_equal(said.err, wanted);
	said_free(&said);
}

/* ---------------------------------------------------------------- the tables of our own */

static const struct show own_rows[] = {
	{ "session show",
	  { { "session.list", "{'filter': {}}", "{'sessions': [" TCP_SESSION "], 'cursor': '0.1'}" },
	    { "session.list", "{'filter': {}, 'cursor': '0.1'}",
	      "{'sessions': [" UDP_SESSION "], 'cursor': null}" } },
	  "proto kind     state        inside                masqueraded as        outside               expires packets> <packets  bytes>  <bytes\n"
	  "tcp   masq     ESTABLISHED  192.168.1.2:1025      192.168.2.16:61000    209.81.8.5:80          14m59s       12       10    1.8k    123k\n"
	  "udp   portfw   UDP          192.168.16.27:80      203.0.113.1:5353      209.81.8.0:53           2h04m        1        0      60       0\n" },
	{ "session show inside 192.168.1.0/24 outside-port 80 state ESTABLISHED",
	  { { "session.list", "{'filter': {'inside': '192.168.1.0/24', 'outside_port': 80,"
	      " 'state': 'ESTABLISHED'}}", "{'sessions': [], 'cursor': null}" } },
	  "" },
	{ "session show inside 192.168.1.0/24 outside_port 80 state ESTABLISHED",
	  { { "session.list", "{'filter': {'inside': '192.168.1.0/24', 'outside_port': 80,"
	      " 'state': 'ESTABLISHED'}}", "{'sessions': [], 'cursor': null}" } },
	  "" },
	{ "session flush kind masq",
	  { { "session.flush", "{'filter': {'kind': 'masq'}}", "{'flushed': 7}" } },
	  "7 sessions ended\n" },
	{ "port show",
	  { { "port.list", "{}", "{'ports': [{'name': 'wan', 'device': '0000:65:00.0',"
	      " 'driver': 'net_mlx5', 'mac': '02:00:00:00:00:01',"
	      " 'addresses': ['203.0.113.1/24', '203.0.113.2/24'], 'mtu': 1500, 'vlan': 7,"
	      " 'link': 'up', 'mbps': 25000, 'numa-node': 0, 'rx-queues': 2, 'tx-queues': 2,"
	      " 'hardware-rss': true, 'rx-packets': 1234567, 'rx-bytes': 999, 'rx-missed': 3,"
	      " 'rx-errors': 4, 'tx-packets': 0, 'tx-bytes': 1000, 'tx-errors': 5}]}" } },
	  "wan: 0000:65:00.0 (net_mlx5), link up 25000 Mb/s, 02:00:00:00:00:01, mtu 1500, vlan 7\n"
	  "    addresses: 203.0.113.1/24 203.0.113.2/24\n"
	  "    queues: 2 receive, 2 transmit, spread by the NIC\n"
	  "    received: 1.2M packets, 999 bytes, 3 missed, 4 errors\n"
	  "    sent:     0 packets, 1.0k bytes, 5 errors\n" },
	{ "route show",
	  { { "daemon.version", "{}", "{}" },
	    { "route.list", "{}", "{'routes': [{'destination': '0.0.0.0/0',"
	      " 'gateway': '203.0.113.254', 'port': 'wan', 'kind': 'static'}], 'cursor': '1.0'}" },
	    { "route.list", "{'cursor': '1.0'}", "{'routes': [{'destination': '192.168.100.128/25',"
	      " 'port': 'lan', 'kind': 'connected'}], 'cursor': null}" } },
	  "destination        gateway         port            kind\n"
	  "default            203.0.113.254   wan             static\n"
	  "192.168.100.128/25 -               lan             connected\n" },
	{ "neigh show",
	  { { "neigh.list", "{}", "{'neighbours': [{'address': '203.0.113.254', 'port': 'wan',"
	      " 'state': 'reachable', 'mac': '02:aa:bb:cc:dd:ee', 'confirmed_ms': 200500},"
	      " {'address': '203.0.113.9', 'port': 'wan', 'state': 'incomplete'}], 'cursor': null}" } },
	  "address         port            mac               state        confirmed\n"
	  "203.0.113.254   wan             02:aa:bb:cc:dd:ee reachable    3m20s\n"
	  "203.0.113.9     wan             -                 incomplete   -\n" },
	{ "neigh flush 203.0.113.9",
	  { { "neigh.flush", "{'address': '203.0.113.9'}", "{}" } }, "" },
	{ "drops show",
	  { { "drops.list", "{'all': false}", "{'drops': [{'reason': 'mtu', 'packets': 12, 'text': 'Too large.'},"
	      " {'reason': 'martian-destination', 'packets': 1, 'text': 'From Mars.'}]}" } },
	  "mtu                            12  Too large.\n"
	  "martian-destination             1  From Mars.\n"
	  "sum                            13\n" },
	{ "drops show all",
	  { { "drops.list", "{}", "{'drops': [{'reason': 'runt', 'packets': 0, 'text': 'Short.'}]}" } },
	  "runt                            0  Short.\n"
	  "sum                             0\n" },
	{ "timeout show",
	  { { "timeout.list", "{}", "{'timeouts': {'tcp-established': 7440, 'udp': 300}}" } },
	  "tcp-established      7440 s\n"
	  "udp                   300 s\n" },
	{ "stats show",
	  { { "stats.get", "{}", "{'workers': [{'worker': 0, 'rx': 5, 'tx-handoffs': 1},"
	      " {'worker': 1, 'rx': 6, 'tx-handoffs': 0}],"
	      " 'total': {'rx': 11, 'tx-handoffs': 1}, 'now_ms': 9, 'uptime_ms': 90000000}" } },
	  "up 1d01h\n"
	  "                             total       worker 0       worker 1\n"
	  "rx                              11              5              6\n"
	  "tx-handoffs                      1              1              0\n" },
	{ "stats show",
	  { { "stats.get", "{}", "{'workers': [{'worker': 0, 'rx': 11}],"
	      " 'total': {'rx': 11}, 'now_ms': 9, 'uptime_ms': 5000}" } },
	  "up 5s\n"
	  "                             total\n"
	  "rx                              11\n" },
	{ "stats memory",
	  { { "stats.memory", "{}", "{'session-capacity': 1048576, 'bytes-per-session': 306,"
	      " 'session-tables': 335544320}" } },
	  "session-capacity        1048576\n"
	  "bytes-per-session           306\n"
	  "session-tables            335.5 MB\n" },
};

/* clang-format on */

static void
tables_are_aligned(void **state)
{
	(void)state;
	check_rows(own_rows, LENGTH(own_rows));
}

/* ---------------------------------------------------------------- texts */

static void
portfw_explains_itself(void **state)
{
	static const char text[] =
			"Usage: portfw -a -P PROTO -L LADDR LPORT -R RADDR RPORT [-p "
			"PREF] add entry\n"
			"       portfw -d -P PROTO -L LADDR LPORT [-R RADDR RPORT]      "
			"   delete entry\n"
			"       portfw -f                                               "
			"   clear table\n"
			"       portfw -l                                               "
			"   list table\n"
			"       portfw <args> -n                                        "
			"   no names\n"
			"\n"
			"PROTO is the protocol, can be \"tcp\" or \"udp\"\n"
			"LADDR is the local interface receiving packets to be forwarded.\n"
			"LPORT is the port being redirected.\n"
			"RADDR is the remote address.\n"
			"RPORT is the port being redirected to.\n"
			"PREF  is the preference level (load balancing, default=10)\n";

	(void)state;
	check_says(NULL, 0, "portfw -h", text);
	check_says(NULL, 0, "portfw", text);
}

static void
ipchains_says_its_version(void **state)
{
	(void)state;
	check_says(NULL, 0, "ipchains -V", "ipchains 1.3.9, 17-Mar-1999\n");
}

/* Every name that --icmp-type takes stands in the list, codes below their type. */
static void
icmp_names_are_listed(void **state)
{
	static const char *const lines[] = { "\necho-reply (pong)\n",
		"\ndestination-unreachable\n   network-unreachable\n",
		"\n   precedence-cutoff\nsource-quench\nredirect\n   network-redirect\n",
		"\necho-request (ping)\n", "\ntime-exceeded (ttl-exceeded)\n",
		"\n   required-option-missing\ntimestamp-request\n", "\naddress-mask-reply\n" };
	struct said said = cli_says(NULL, 0, NULL, "ipchains -h icmp");

	(void)state;
	assert_int_equal(said.code, CLI_DONE);
	for (size_t i = 0; i < LENGTH(lines); i++)
		if (strstr(said.out, lines[i]) == NULL)
			fail_msg("no \"%s\" in: %s", lines[i], said.out);
	said_free(&said);
}

/* ---------------------------------------------------------------- failures */

static void
a_refusal_is_the_daemons_sentence(void **state)
{
	/* The row expects something else, so the daemon refuses. */
	static const struct fake_answer answer = { "ipchains.list", "{'chain': 'x'}", "{}" };
	struct said said = cli_says(&answer, 1, NULL, "ipchains -L mine");

	(void)state;
	assert_int_equal(said.code, CLI_REFUSED);
	assert_string_equal(said.out, "");
	assert_string_equal(said.err,
			"ipchains: expected was ipchains.list {'chain': 'x'}, not ipchains.list\n");
	said_free(&said);
}

/* The word at fault is named, or the one that is missing; help is one word away. */
static void
wrong_words_are_named(void **state)
{
	static const struct {
		const char *line, *sentence;
	} rows[] = {
		{ "port", "cli: port: a word is missing; accepted: show\n  port show\n" },
		{ "port shwo", "cli: port: `shwo' is not accepted here; accepted: show\n" },
		{ "port show lan",
				"cli: port: `lan' is not accepted here; accepted: nothing more\n" },
		{ "route", "cli: route: a word is missing; accepted: show, add or del\n" },
		{ "neigh flush 1.2.3.4 x",
				"cli: neigh: `x' is not accepted here; accepted: nothing more\n" },
		{ "neigh show x",
				"cli: neigh: `x' is not accepted here; accepted: nothing more\n" },
		{ "neigh", "cli: neigh: a word is missing; accepted: show or flush\n" },
		{ "timeout", "cli: timeout: a word is missing; accepted: show or set\n" },
		{ "stats", "cli: stats: a word is missing; accepted: show or memory\n" },
		{ "stats show x",
				"cli: stats: `x' is not accepted here; accepted: nothing more\n" },
		{ "drops show some",
				"cli: drops: `some' is not accepted here; accepted: all, which" },
		{ "top fast", "cli: top: `fast' is not accepted here; accepted: -n ROUNDS, or" },
		{ "top -n", "cli: top: a word is missing; accepted: a number of rounds, 1-1000000" },
		{ "top -n 0", "cli: top: `0' is not accepted here; accepted: a number of rounds" },
		{ "top -n 2 3", "cli: top: `3' is not accepted here; accepted: nothing more" },
		{ "session list",
				"cli: session: `list' is not accepted here; accepted: show or flush\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct said said = cli_says(NULL, 0, NULL, rows[i].line);

		assert_int_equal(said.code, CLI_USAGE);
		if (strstr(said.err, rows[i].sentence) != said.err)
			fail_msg("%s: %s", rows[i].line, said.err);
		said_free(&said);
	}
}

static void
each_command_explains_itself(void **state)
{
	static const char *const lines[] = { "session --help", "route add 10.0.0.0/8 --help",
		"load -h", "portfw --help", "help --help", "top --help", "version --help" };

	(void)state;
	for (size_t i = 0; i < LENGTH(lines); i++) {
		struct said said = cli_says(NULL, 0, NULL, lines[i]);

		assert_int_equal(said.code, CLI_DONE);
		assert_string_equal(said.err, "");
		assert_non_null(strstr(said.out, "\nExamples:\n"));
		assert_null(strstr(said.out, " \n"));
		said_free(&said);
	}
}

static void
without_a_daemon_the_exit_is_three(void **state)
{
	static const char *const lines[] = { "session show", "route show", "portfw -l" };
	char nowhere[] = "/tmp/masq-test-cli-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(nowhere));
	snprintf(path, sizeof(path), "%s/none", nowhere);
	for (size_t i = 0; i < LENGTH(lines); i++) {
		char line[32], *words[4], *out;
		struct cli cli = { .program = "cli", .socket = path };
		size_t size;
		int n;

		strcpy(line, lines[i]);
		n = masq_conf_line_split(line, words, LENGTH(words));
		cli.out = open_memstream(&out, &size);
		assert_int_equal(cli_run(&cli, (const char *const *)words, (unsigned int)n),
				CLI_NO_DAEMON);
		fclose(cli.out);
		assert_string_equal(out, "");
		free(out);
	}
	rmdir(nowhere);
}

static void
packets_are_checked(void **state)
{
	(void)state;
	check_rows(packet_rows, LENGTH(packet_rows));
}

/* The resolver is slow: it is asked once for an address, also for one that has no name. */
static void
a_name_is_looked_up_once(void **state)
{
	const uint32_t known = MASQ_IP4(192, 168, 16, 27), unknown = MASQ_IP4(10, 77, 0, 1);
	const uint32_t same_place = MASQ_IP4(10, 76, 0, 0); /* of the table, as the unknown */
	char name[CLI_NAME_BYTES];

	(void)state;
	cli_host_name(known, false, name);
	hosts_asked = 0;
	for (unsigned int i = 0; i < 100; i++) {
		assert_string_equal(cli_host_name(unknown, false, name), "10.77.0.1");
		assert_string_equal(cli_host_name(known, false, name), "www.inside");
	}
	assert_int_equal(hosts_asked, 1);
	/* Two at one place, and all the others: each gets its own name. */
	for (unsigned int i = 0; i < 2; i++) {
		assert_string_equal(cli_host_name(same_place, false, name), "10.76.0.0");
		assert_string_equal(cli_host_name(unknown, false, name), "10.77.0.1");
		assert_string_equal(cli_host_name(0, false, name), "0.0.0.0");
	}
	for (uint32_t i = 0; i < 5000; i++) {
		char expected[MASQ_IP4_TEXT_BYTES];

		assert_string_equal(cli_host_name(unknown + i, false, name),
				masq_ip4_text(unknown + i, expected));
	}
	hosts_asked = 0;
	assert_string_equal(cli_host_name(known, true, name), "192.168.16.27");
	assert_int_equal(hosts_asked, 0);
}

/* Nobody is asked: by the last of two filters a flush would end what both together do not name. */
static void
a_filter_stands_there_once(void **state)
{
	static const char *const lines[] = {
		"session flush inside 10.0.0.1 inside 10.0.0.2",
		"session show kind masq kind masq",
		"session flush inside-port 1 inside_port 2",
	};

	(void)state;
	for (size_t k = 0; k < LENGTH(lines); k++) {
		struct said said = cli_says(NULL, 0, NULL, lines[k]);

		assert_int_equal(said.code, CLI_USAGE);
		assert_non_null(strstr(said.err, "is given twice"));
		said_free(&said);
	}
}

/* Nobody is asked, and no file is made that is called like an option. */
static void
options_are_not_words_of_a_command(void **state)
{
	static const char *const lines[][2] = {
		{ "stats show -j", "stats: -j stands before the command" },
		{ "session show -j", "session: -j stands before the command" },
		{ "top --json -n 1", "top: --json stands before the command" },
		{ "port show -s /run/x.sock", "port: -s stands before the command" },
		{ "save -j", "save: -j stands before the command" },
		{ "save -f", "save: a file called \"-f\" is written ./-f" },
	};

	(void)state;
	for (size_t k = 0; k < LENGTH(lines); k++) {
		struct said said = cli_says(NULL, 0, NULL, lines[k][0]);

		assert_int_equal(said.code, CLI_USAGE);
		assert_non_null(strstr(said.err, lines[k][1]));
		said_free(&said);
	}
}

/* Nobody is asked: without what gets lost on the way, all sessions and neighbours would go. */
static void
what_cannot_be_said_is_not_left_out(void **state)
{
	static const char *const lines[] = { "session flush inside \xff", "session flush \xff 1",
		"neigh flush 10.0.0.\xff" };

	(void)state;
	for (size_t k = 0; k < LENGTH(lines); k++) {
		struct said said = cli_says(NULL, 0, NULL, lines[k]);

		assert_int_equal(said.code, CLI_USAGE);
		assert_non_null(strstr(said.err, "is not UTF-8 text"));
		said_free(&said);
	}
}

/* Only digits are a number; the daemon names what is none. */
static const struct show port_rows[] = {
	{ "session flush outside-port ''",
			{ { "session.flush", "{'filter': {'outside_port': ''}}",
					"{'flushed': 0}" } },
			"0 sessions ended\n" },
	{ "session flush outside-port -80",
			{ { "session.flush", "{'filter': {'outside_port': '-80'}}",
					"{'flushed': 0}" } },
			"0 sessions ended\n" },
	{ "session flush masq-port 18446744073709551616",
			{ { "session.flush", "{'filter': {'masq_port': '18446744073709551616'}}",
					"{'flushed': 0}" } },
			"0 sessions ended\n" },
};

static void
ports_of_filters_are_digits(void **state)
{
	(void)state;
	check_rows(port_rows, LENGTH(port_rows));
}

/* With -b one line is two rules, about which the daemon says the same; unless nobody wants to hear it. */
static void
a_line_is_warned_of_once(void **state)
{
#define RULE "{'chain': 'input', 'rule': {'target': 'DENY', 'interface': 'eth0'}}"
#define WARNED "{'warnings': ['-i eth0: no such port']}"
	static const struct fake_answer answers[] = { { "ipchains.append", RULE, WARNED },
		{ "ipchains.append", RULE, WARNED } };
	struct said said = cli_says(
			answers, LENGTH(answers), NULL, "ipchains -A input -i eth0 -b -j DENY");

	(void)state;
	assert_string_equal(said.err, "warning: -i eth0: no such port\n");
	assert_int_equal(said.code, CLI_DONE);
	said_free(&said);
	said = cli_says(answers, LENGTH(answers), NULL,
			"ipchains -A input -i eth0 -b -j DENY --no-warnings");
	assert_string_equal(said.err, "");
	assert_int_equal(said.code, CLI_DONE);
	said_free(&said);
}

/* Whoever finds it, the grammar here or the daemon: a warning looks like a warning. */
static void
warnings_are_alike(void **state)
{
	static const struct fake_answer answers[] = { { "ipchains.append",
			"{'chain': 'forward', 'rule': {'target': 'MASQ', 'interface': 'eth0'}}",
			"{'warnings': ['-i eth0: no such port']}" } };
	struct said said = cli_says(answers, LENGTH(answers), NULL, "ipchains -A -i eth0 -j MASQ");

	(void)state;
	assert_string_equal(said.err,
			"warning: -A without a chain name: `-j MASQ' is taken to mean forward\n"
			"warning: -i eth0: no such port\n");
	assert_int_equal(said.code, CLI_DONE);
	said_free(&said);
}

/* Also what a listing cannot know. */
static void
warnings_of_a_listing_are_printed(void **state)
{
	static const struct fake_answer chains[] = { { "ipchains.list", "{}",
			"{'chains': [], 'warnings': ['old counters'], 'cursor': null}" } };
	static const struct fake_answer text[] = { { "proc.read", "{'name': 'ip_fwchains'}",
			"{'text': 'input\\n', 'warnings': ['old counters'], 'cursor': null}" } };

	static const struct {
		const struct fake_answer *answer;
		const char *line, *out;
	} rows[] = {
		{ chains, "ipchains -L -v", "" },
		{ text, "proc ip_fwchains", "input\n" },
	};

	(void)state;
	for (size_t k = 0; k < LENGTH(rows); k++) {
		struct said said = cli_says(rows[k].answer, 1, NULL, rows[k].line);

		assert_string_equal(said.err, "warning: old counters\n");
		assert_string_equal(said.out, rows[k].out);
		assert_int_equal(said.code, CLI_DONE);
		said_free(&said);
	}
}

/* Many lines, many warnings: each says which line it means. */
static void
warnings_of_a_restored_line_name_it(void **state)
{
	static const struct fake_answer answers[] = {
		{ "ipchains.policy", "{'chain': 'input', 'policy': 'ACCEPT'}", "{}" },
		{ "ipchains.append",
				"{'chain': 'input', 'rule': {'target': 'DENY', 'interface': 'eth0'}}",
				"{'warnings': ['-i eth0: no such port']}" },
		{ "ipchains.append", "{'chain': 'forward', 'rule': {'target': 'MASQ'}}", "{}" },
	};
	static const char text[] = "# two of them\n:input ACCEPT\n\n-A input -i eth0 -j DENY\n"
				   "-A -j MASQ\n";
	char path[] = "/tmp/masq-test-rules-XXXXXX";
	const int fd = mkstemp(path);
	struct said said;

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_non_null(freopen(path, "r", stdin));
	unlink(path);
	said = cli_says(answers, LENGTH(answers), cli_ipchains_restore, "ipchains-restore");
	assert_string_equal(said.err,
			"warning: line 4: -i eth0: no such port\n"
			"warning: line 5: -A without a chain name: `-j MASQ' is taken to mean forward\n");
	assert_int_equal(said.code, CLI_DONE);
	said_free(&said);
}

/* A file of rules that JSON cannot carry is named with its line. */
static void
a_file_that_is_no_text(void **state)
{
	static const struct {
		const char *text, *sentence;
		size_t len;
	} rows[] = {
		{ "ipchains -F\n# a\0b\n",
				":2: the line contains a NUL byte; is this a text file?\n", 19 },
		{ "\n\nipchains -N \xff\n", ":3: the line is not UTF-8 text\n", 16 },
		{ "ipchains -N \xc3", ":1: the line is not UTF-8 text\n", 13 },
	};

	(void)state;
	for (size_t k = 0; k < LENGTH(rows); k++) {
		char path[] = "/tmp/masq-test-rules-XXXXXX", line[64], want[128];
		const int fd = mkstemp(path);
		struct said said;

		assert_int_equal(write(fd, rows[k].text, rows[k].len), rows[k].len);
		close(fd);
		snprintf(line, sizeof(line), "load %s", path);
		snprintf(want, sizeof(want), "cli: %s%s", path, rows[k].sentence);
		said = cli_says(NULL, 0, NULL, line);
		unlink(path);
		assert_string_equal(said.err, want);
		assert_int_equal(said.code, CLI_REFUSED);
		said_free(&said);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masquerading_entries_are_listed_to_the_column),
		cmocka_unit_test(forwarding_rules_are_listed_to_the_column),
		cmocka_unit_test(chains_that_come_in_pages_look_whole),
		cmocka_unit_test(a_chain_is_not_listed_and_zeroed_by_name),
		cmocka_unit_test(chains_are_saved_before_their_rules),
		cmocka_unit_test(tables_are_aligned),
		cmocka_unit_test(portfw_explains_itself),
		cmocka_unit_test(ipchains_says_its_version),
		cmocka_unit_test(icmp_names_are_listed),
		cmocka_unit_test(wrong_words_are_named),
		cmocka_unit_test(each_command_explains_itself),
		cmocka_unit_test(a_refusal_is_the_daemons_sentence),
		cmocka_unit_test(without_a_daemon_the_exit_is_three),
		cmocka_unit_test(packets_are_checked),
		cmocka_unit_test(a_name_is_looked_up_once),
		cmocka_unit_test(a_filter_stands_there_once),
		cmocka_unit_test(options_are_not_words_of_a_command),
		cmocka_unit_test(what_cannot_be_said_is_not_left_out),
		cmocka_unit_test(ports_of_filters_are_digits),
		cmocka_unit_test(a_line_is_warned_of_once),
		cmocka_unit_test(warnings_are_alike),
		cmocka_unit_test(warnings_of_a_listing_are_printed),
		cmocka_unit_test(warnings_of_a_restored_line_name_it),
		cmocka_unit_test(a_file_that_is_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
