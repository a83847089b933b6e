/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words of ipchains: what each line means, written as a rule file has it, and what is refused
 * with which sentence. One test looks at every field of the struct, so that a slip that the
 * printer would undo is seen.
 */

#include <netdb.h>
#include <netinet/in.h>

#include <masq_conf_names.h>

#include "conf_fixture.h"

#define ANY "0.0.0.0/0.0.0.0"
#define ALL " -s " ANY " -d " ANY
#define HOST "/255.255.255.255"

/* clang-format off */
static const struct {
	const char *line, *meaning;
} good[] = {
	/* commands */
	{ "ipchains -A input", "ipchains -A input" ALL "\n" },
	{ "ipchains --append input -j DENY", "ipchains -A input" ALL " -j DENY\n" },
	{ "ipchains -Ainput -jDENY", "ipchains -A input" ALL " -j DENY\n" },
	{ "ipchains -j DENY -A input", "ipchains -A input" ALL " -j DENY\n" },
	{ "ipchains -I input -j DENY", "ipchains -I input 1" ALL " -j DENY\n" },
	{ "ipchains -I input 3 -j DENY", "ipchains -I input 3" ALL " -j DENY\n" },
	{ "ipchains -R input 2 -j DENY", "ipchains -R input 2" ALL " -j DENY\n" },
	{ "ipchains -D input 2", "ipchains -D input 2\n" },
	{ "ipchains -D input -p 6", "ipchains -D input" ALL " -p 6\n" },
	{ "ipchains -F", "ipchains -F\n" },
	{ "ipchains -F input", "ipchains -F input\n" },
	{ "ipchains -X", "ipchains -X\n" },
	{ "ipchains --delete-chain mine", "ipchains -X mine\n" },
	{ "ipchains -N mine", "ipchains -N mine\n" },
	{ "ipchains --new mine", "ipchains -N mine\n" },
	{ "ipchains -P forward MASQ", "ipchains -P forward MASQ\n" },
	{ "ipchains -P input DENY", "ipchains -P input DENY\n" },
	{ "ipchains -M -S 7200 10 160", "timeout set tcp-established 7200 tcp-fin-wait 10"
		" tcp-time-wait 10 tcp-close-wait 10 tcp-last-ack 10 udp 160\n" },
	{ "ipchains -S 0 0 160", "timeout set udp 160\n" },
	{ "ipchains -M -S 0 0 0", "ipchains -M -S 0 0 0\n" },
	/* addresses */
	{ "ipchains -A input -s 1.2.3.4", "ipchains -A input -s 1.2.3.4" HOST " -d " ANY "\n" },
	{ "ipchains -A input -s 1.2.3.4/24", "ipchains -A input -s 1.2.3.0/255.255.255.0 -d " ANY "\n" },
	{ "ipchains -A input -s 1.2.3.4/255.0.255.0",
		"ipchains -A input -s 1.0.3.0/255.0.255.0 -d " ANY "\n" },
	{ "ipchains -A input -s 0/0", "ipchains -A input" ALL "\n" },
	{ "ipchains -A input -s anything/0", "ipchains -A input" ALL "\n" },
	{ "ipchains -A input -d ! 1.2.3.4", "ipchains -A input -s " ANY " -d ! 1.2.3.4" HOST "\n" },
	{ "ipchains -A input ! -d 1.2.3.4", "ipchains -A input -s " ANY " -d ! 1.2.3.4" HOST "\n" },
	{ "ipchains -A input --src=1.2.3.4 --dst 5.6.7.8",
		"ipchains -A input -s 1.2.3.4" HOST " -d 5.6.7.8" HOST "\n" },
	{ "ipchains -A input --source 1.2.3.4 --destination=5.6.7.8",
		"ipchains -A input -s 1.2.3.4" HOST " -d 5.6.7.8" HOST "\n" },
	{ "ipchains -A input --proto 6 --inter eth0", "ipchains -A input" ALL " -i eth0 -p 6\n" },
	/* protocols */
	{ "ipchains -A input -p TCP", "ipchains -A input" ALL " -p 6\n" },
	{ "ipchains -A input -p ! udp", "ipchains -A input" ALL " -p ! 17\n" },
	{ "ipchains -A input -p all", "ipchains -A input" ALL "\n" },
	{ "ipchains -A input -p 65535", "ipchains -A input" ALL " -p 65535\n" },
	/* ports */
	{ "ipchains -A input -p tcp -s 1.2.3.4 80", "ipchains -A input -s 1.2.3.4" HOST " 80:80 -d " ANY
		" -p 6\n" },
	{ "ipchains -A input -s 1.2.3.4 80 -p tcp", "ipchains -A input -s 1.2.3.4" HOST " 80:80 -d " ANY
		" -p 6\n" },
	{ "ipchains -A input -p tcp -s 1.2.3.4 ! 80:90", "ipchains -A input -s 1.2.3.4" HOST
		" ! 80:90 -d " ANY " -p 6\n" },
	{ "ipchains -A input -p udp -d 0/0 :1023", "ipchains -A input -s " ANY " -d " ANY
		" 0:1023 -p 17\n" },
	{ "ipchains -A input -p udp --dport 1024:", "ipchains -A input -s " ANY " -d " ANY
		" 1024:65535 -p 17\n" },
	{ "ipchains -A input -p udp ! --sport 53", "ipchains -A input -s " ANY " ! 53:53 -d " ANY
		" -p 17\n" },
	{ "ipchains -A input -p tcp -s ! 1.2.3.4 ! -y", "ipchains -A input -s ! 1.2.3.4" HOST " -d " ANY
		" -p 6 ! -y\n" },
	{ "ipchains -A input -p tcp --source-port 0:65535", "ipchains -A input" ALL " -p 6\n" },
	/* ICMP */
	{ "ipchains -A input -p icmp -s 0/0 8 -d 0/0 0", "ipchains -A input -s " ANY " 8:8 -d " ANY
		" 0:0 -p 1\n" },
	{ "ipchains -A input -p icmp --icmp-type ping", "ipchains -A input -s " ANY " 8:8 -d " ANY
		" -p 1\n" },
	{ "ipchains -A input -p icmp --icmp-type echo-req", "ipchains -A input -s " ANY " 8:8 -d " ANY
		" -p 1\n" },
	{ "ipchains -A input -p icmp -s 0/0 host-unreachable", "ipchains -A input -s " ANY " 3:3 -d " ANY
		" 1:1 -p 1\n" },
	{ "ipchains -A input -p icmp --icmp-type redirect", "ipchains -A input -s " ANY " 5:5 -d " ANY
		" -p 1\n" },
	/* ports of the box */
	{ "ipchains -A input -i eth0", "ipchains -A input" ALL " -i eth0\n" },
	{ "ipchains -A input -i ! ppp+", "ipchains -A input" ALL " -i ! ppp+\n" },
	{ "ipchains -A input -i +", "ipchains -A input" ALL "\n" },
	{ "ipchains -A input -i fifteen-letters+", "ipchains -A input" ALL " -i fifteen-letters+\n" },
	/* the rest */
	{ "ipchains -A input -p tcp -y -l", "ipchains -A input" ALL " -p 6 -l -y\n" },
	{ "ipchains -A input -lf", "ipchains -A input" ALL " -l -f\n" },
	{ "ipchains -A input ! -f", "ipchains -A input" ALL " ! -f\n" },
	{ "ipchains -A input -m 0x10", "ipchains -A input" ALL " -m 16\n" },
	{ "ipchains -A input -m +7", "ipchains -A input" ALL " -m +7\n" },
	{ "ipchains -A input -m -7", "ipchains -A input" ALL " -m -7\n" },
	{ "ipchains -A input -m 4294967295", "ipchains -A input" ALL " -m 4294967295\n" },
	{ "ipchains -A input -t 01 10", "ipchains -A input" ALL " -t 0x01 0x10\n" },
	{ "ipchains -A input --TOS 0xff 0x08", "ipchains -A input" ALL " -t 0xff 0x08\n" },
	{ "ipchains -A input -o", "ipchains -A input" ALL " -o 65535\n" },
	{ "ipchains -A input -o 128 -l", "ipchains -A input" ALL " -l -o 128\n" },
	{ "ipchains -A input -j mine", "ipchains -A input" ALL " -j mine\n" },
	{ "ipchains -A input -j RETURN", "ipchains -A input" ALL " -j RETURN\n" },
	{ "ipchains -A input -p tcp -j REDIRECT 3128", "ipchains -A input" ALL " -p 6 -j REDIRECT 3128\n" },
	{ "ipchains -A input -v -n --no-warnings", "ipchains -A input" ALL "\n" },
	/* two rules */
	{ "ipchains -b -A input -p tcp -s 1.2.3.4 80 -d ! 5.6.7.8 ! 9",
		"ipchains -A input -s 1.2.3.4" HOST " 80:80 -d ! 5.6.7.8" HOST " ! 9:9 -p 6\n"
		"ipchains -A input -s ! 5.6.7.8" HOST " ! 9:9 -d 1.2.3.4" HOST " 80:80 -p 6\n" },
	{ "ipchains -A input -b -p icmp -s 1.2.3.4 8 -d 5.6.7.8 0",
		"ipchains -A input -s 1.2.3.4" HOST " 8:8 -d 5.6.7.8" HOST " 0:0 -p 1\n"
		"ipchains -A input -s 5.6.7.8" HOST " 8:8 -d 1.2.3.4" HOST " 0:0 -p 1\n" },
	/* the article's commands */
	{ "ipchains -A -p tcp -s 192.168.16.27/32 80 -j MASQ",
		"ipchains -A forward -s 192.168.16.27" HOST " 80:80 -d " ANY " -p 6 -j MASQ\n" },
	{ "ipchains -p tcp -j MASQ -A", "ipchains -A forward" ALL " -p 6 -j MASQ\n" },
	{ "ipchains -I input -s ! 209.81.8.0/24 -m 3",
		"ipchains -I input 1 -s ! 209.81.8.0/255.255.255.0 -d " ANY " -m 3\n" },
};

static const struct {
	const char *line, *sentence;
} bad[] = {
	{ "ipchains", "no command specified" },
	{ "ipchains -p tcp", "no command specified" },
	{ "ipchains -A input -z", "invalid option -- 'z'" },
	{ "ipchains --frob", "unrecognized option '--frob'" },
	{ "ipchains -A input --sou 1.2.3.4",
		"option '--sou' is ambiguous; possibilities: '--source' '--source-port'" },
	{ "ipchains -A input --syn=1", "option '--syn' doesn't allow an argument" },
	{ "ipchains -A input -p", "option requires an argument -- 'p'" },
	{ "ipchains -A input --jump", "option '--jump' requires an argument" },
	{ "ipchains -A input stray", "unknown arguments found on commandline: `stray'" },
	{ "ipchains -A input -- -p", "unknown arguments found on commandline: `-p'" },
	{ "ipchains -A input -X", "Can't use -X with -A" },
	{ "ipchains -L -L", "Can't use -L with -L" },
	{ "ipchains -M -A input", "Can't use -M with -A" },
	{ "ipchains -A -p tcp", "-A requires a chain name" },
	{ "ipchains -I -p tcp -j MASQ", "-I requires a chain name" },
	{ "ipchains -A ninechars", "chain name `ninechars' is longer than 8 characters" },
	{ "ipchains -N 'a b'", "chain name `a b' contains a blank, a quote or a control character" },
	{ "ipchains -R input -p tcp", "-R requires a rule number" },
	{ "ipchains -R input 0 -p tcp", "Invalid rule number `0'" },
	{ "ipchains -D input x", "Invalid rule number `x'" },
	{ "ipchains -D input 2 -p tcp", "--protocol cannot be used with -D and a rule number" },
	{ "ipchains -F input -p tcp", "--protocol cannot be used with -F" },
	{ "ipchains -A input -x", "--exact cannot be used with -A" },
	{ "ipchains -R input 1 -b", "--bidirectional cannot be used with -R" },
	{ "ipchains -P input", "-P requires a chain and a policy" },
	{ "ipchains -P", "-P requires a chain and a policy" },
	{ "ipchains -P input FOO",
		"bad policy `FOO'; accepted: ACCEPT, DENY, REJECT and, for forward, MASQ" },
	{ "ipchains -S 1 2", "-S requires 3 timeout values" },
	{ "ipchains -S 1 2 x", "-S requires 3 timeout values, not `x'; accepted: 0-1000000 (seconds)" },
	{ "ipchains -S 1 2 1000001", "-S requires 3 timeout values, not `1000001'; accepted: 0-1000000 (seconds)" },
	{ "ipchains -L input -Z", "-L with -Z takes no chain name, not `input'" },
	/* "!" */
	{ "ipchains -A input ! ! -p tcp", "two `!' in a row" },
	{ "ipchains -A input ! -p ! tcp", "-p has two `!'" },
	{ "ipchains -A input !", "`!' at the end negates nothing" },
	{ "ipchains -A input ! -j DENY", "`!' is not allowed before -j" },
	{ "ipchains -A input -s !", "-s ! needs a value" },
	{ "ipchains -A input -p ! all", "`-p ! all' would never match" },
	{ "ipchains -A input -i ! +", "-i needs a port name (`! +' would never match)" },
	/* values */
	{ "ipchains -A input -p tcp -p udp", "multiple -p options are not allowed" },
	{ "ipchains -A input -p nosuch", "unknown protocol `nosuch' specified" },
	{ "ipchains -A input -p 65536", "unknown protocol `65536' specified" },
	{ "ipchains -A input -s 1.2.3.4/33",
		"invalid mask `33' specified; accepted: 0-32 or A.B.C.D" },
	{ "ipchains -A input -s 10/8",
		"host/network `10' not found; an address has four parts, A.B.C.D" },
	{ "ipchains -A input -s www.example.org", "host/network `www.example.org' not found: "
		"names are not looked up here, write A.B.C.D" },
	{ "ipchains -A input -p tcp -s 0/0 nosuch", "invalid port/service `nosuch' specified" },
	{ "ipchains -A input -p tcp --dport 65536", "invalid port/service `65536' specified" },
	{ "ipchains -A input -p tcp --dport 9:8",
		"invalid port/service `9:8' specified: the end is below the start" },
	{ "ipchains -A input -p tcp -s 0/0 1 --sport 2", "the source port is given twice" },
	{ "ipchains -A input --dport 80", "ports need -p tcp, -p udp or -p icmp (and not `! tcp')" },
	{ "ipchains -A input -p ! tcp --dport 80",
		"ports need -p tcp, -p udp or -p icmp (and not `! tcp')" },
	{ "ipchains -A input -p icmp --icmp-type ! ping", "ICMP type name `ping' cannot be negated" },
	{ "ipchains -A input -p icmp --icmp-type ping --dport 0",
		"ICMP type name `ping' and a code are mutually exclusive" },
	{ "ipchains -A input -p icmp --icmp-type echo",
		"ICMP type `echo' is ambiguous: `echo-reply' or `echo-request'" },
	{ "ipchains -A input -p icmp --icmp-type nosuch",
		"unknown ICMP type `nosuch'; see `ipchains -h icmp' for the names" },
	{ "ipchains -A input -i sixteen-letters-",
		"port name `sixteen-letters-' is longer than 15 characters" },
	{ "ipchains -A input -i 'a b'",
		"port name `a b' may contain only letters, digits and . _ - : @ /" },
	{ "ipchains -A input -y", "-y needs -p tcp" },
	{ "ipchains -A input -p tcp -f -y",
		"-f and -y are mutually exclusive: later fragments carry no flags" },
	{ "ipchains -A input -p tcp -f --dport 80",
		"-f and ports are mutually exclusive: later fragments carry no ports" },
	{ "ipchains -A input -m x", "bad mark `x'; accepted: VALUE, +VALUE or -VALUE, 0-4294967295" },
	{ "ipchains -A input -m +-1",
		"bad mark `+-1'; accepted: VALUE, +VALUE or -VALUE, 0-4294967295" },
	{ "ipchains -A input -m 4294967296",
		"bad mark `4294967296'; accepted: VALUE, +VALUE or -VALUE, 0-4294967295" },
	{ "ipchains -A input -t 1", "-t needs two hexadecimal bytes, not only `1'" },
	{ "ipchains -A input -t 01 100", "-t needs two hexadecimal bytes, not `01 100'" },
	{ "ipchains -A input -t fe 10",
		"-t 0xfe 0x10 changes bit 0 of the TOS, which must not change" },
	{ "ipchains -A input -t 01 18", "-t 0x01 0x18 always sets more than one TOS bit" },
	{ "ipchains -A input -o 65536", "bad size `65536' for -o; accepted: 0-65535" },
	{ "ipchains -A input -j ninechars", "chain name `ninechars' is longer than 8 characters" },
	{ "ipchains -A input -j ACCEPT 80", "unknown arguments found on commandline: `80'" },
	/* targets in their chains */
	{ "ipchains -A input -j MASQ", "masquerading not allowed for input and output chains" },
	{ "ipchains -A output -j MASQ", "masquerading not allowed for input and output chains" },
	{ "ipchains -A forward -p tcp -j REDIRECT",
		"redirect not allowed for output and forward chains" },
	{ "ipchains -A input -j REDIRECT", "redirecting only allowed with TCP or UDP" },
	/* -C */
	{ "ipchains -C input -p tcp -s 1.2.3.4 1 -d 5.6.7.8 2", "-C requires -p, -s, -d and -i" },
	{ "ipchains -C input -p tcp -s 1.2.3.4 -d 5.6.7.8 2 -i eth0",
		"-C requires one source port and one destination port" },
	{ "ipchains -C input -p tcp -s ! 1.2.3.4 1 -d 5.6.7.8 2 -i eth0",
		"`!' cannot be used with -C, which describes one packet" },
	{ "ipchains -C input -p tcp -s 1.2.3.4 1:2 -d 5.6.7.8 2 -i eth0",
		"-C requires one source port and one destination port" },
	{ "ipchains -C input -p icmp -s 1.2.3.4 ping -d 5.6.7.8 -i eth0",
		"-C requires one ICMP type and one code" },
	{ "ipchains -C input -p 300 -s 1.2.3.4 -d 5.6.7.8 -i eth0",
		"no packet has protocol 300; accepted with -C: 0-255" },
	{ "ipchains -C input -p tcp -s 1.2.3.4 1 -d 5.6.7.8 2 -i eth+",
		"-C requires one port name, not `eth+'" },
	{ "ipchains -C input -p tcp -s 1.2.3.4 1 -d 5.6.7.8 2 -i +", "-C requires -p, -s, -d and -i" },
	{ "ipchains -C input -p tcp -s 1.2.3.4 1 -d 5.6.7.8 2 -i eth0 ! -y",
		"`!' cannot be used with -C, which describes one packet" },
	{ "ipchains -C input -j DENY", "--jump cannot be used with -C" },
	/* not ipchains */
	{ "iptables -L", "unknown command `iptables'; accepted: ipchains, portfw, route, timeout" },
	{ "", "no command specified" },
};

static const struct {
	const char *line;
	enum masq_conf_ask ask;
	const char *chain, *flags; /* of nvx1 */
} questions[] = {
	{ "ipchains -L", MASQ_ASK_LIST, "", "" },
	{ "ipchains -nvL input", MASQ_ASK_LIST, "input", "nv" },
	{ "ipchains -L -x --line-numbers", MASQ_ASK_LIST, "", "x1" },
	{ "ipchains -L --line", MASQ_ASK_LIST, "", "1" },
	{ "ipchains -L -Z", MASQ_ASK_LIST_ZERO, "", "" },
	{ "ipchains -Z -L", MASQ_ASK_LIST_ZERO, "", "" },
	{ "ipchains -Z input", MASQ_ASK_ZERO, "input", "" },
	{ "ipchains -M -L -n", MASQ_ASK_MASQ_LIST, "", "n" },
	{ "ipchains -C input -p udp -s 1.2.3.4 1 -d 5.6.7.8 2 -i eth0 -v", MASQ_ASK_CHECK, "", "v" },
	{ "ipchains -C input -p tcp -f -s 1.2.3.4 -d 5.6.7.8 -i eth0 -b", MASQ_ASK_CHECK, "", "" },
	{ "ipchains -C web -p 47 -s 1.2.3.4 -d 5.6.7.8 -i eth0", MASQ_ASK_CHECK, "", "" },
	{ "ipchains -h", MASQ_ASK_HELP, "", "" },
	{ "ipchains --help icmp", MASQ_ASK_HELP_ICMP, "", "" },
	{ "ipchains -V", MASQ_ASK_VERSION, "", "" },
	{ "portfw", MASQ_ASK_HELP, "", "" },
	{ "portfw -h", MASQ_ASK_HELP, "", "" },
	{ "portfw -l", MASQ_ASK_LIST, "", "" },
	{ "portfw -ln", MASQ_ASK_LIST, "", "n" },
	{ "route show", MASQ_ASK_LIST, "", "" },
	{ "timeout show", MASQ_ASK_LIST, "", "" },
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
		assert_int_equal(request.ask, MASQ_ASK_CHANGE);
		text = commands_text(request.commands, request.n_commands);
		if (strcmp(text, good[i].meaning) != 0)
			fail_msg("%s: means\n%sand not\n%s", good[i].line, text, good[i].meaning);
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
		if (line_read(bad[i].line, &request, &err) != -EINVAL)
			fail_msg("%s: is not refused as bad words", bad[i].line);
		if (strcmp(err.text, bad[i].sentence) != 0)
			fail_msg("%s: says\n%s\nand not\n%s", bad[i].line, err.text,
					bad[i].sentence);
	}
}

static void
test_questions(void **state)
{
	struct masq_conf_request request;
	struct masq_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const char *flags = questions[i].flags;

		if (line_read(questions[i].line, &request, &err) != 0)
			fail_msg("%s: %s", questions[i].line, err.text);
		if (request.ask != questions[i].ask)
			fail_msg("%s: asks %d", questions[i].line, request.ask);
		assert_string_equal(request.chain, questions[i].chain);
		assert_int_equal(request.numeric, strchr(flags, 'n') != NULL);
		assert_int_equal(request.verbose, strchr(flags, 'v') != NULL);
		assert_int_equal(request.exact, strchr(flags, 'x') != NULL);
		assert_int_equal(request.line_numbers, strchr(flags, '1') != NULL);
	}
}

/* masq_conf_words_parse() is for rule files, where a question makes no sense. */
static void
test_questions_are_no_commands(void **state)
{
	static const char *const words[] = { "ipchains", "-L" };
	struct masq_conf_command commands[MASQ_CONF_COMMANDS_MAX];
	unsigned int n = 77;
	struct masq_err err;

	(void)state;
	assert_int_equal(masq_conf_words_parse(&quiet_reader, words, 2, commands, &n, &err),
			-EINVAL);
	assert_string_equal(err.text,
			"this `ipchains' only lists; accepted here: commands that change rules, routes or timeouts");
	assert_int_equal(n, 77);
}

static void
test_every_field(void **state)
{
	struct masq_conf_request request;
	struct masq_conf_rule *rule;
	struct masq_err err;

	(void)state;
	assert_int_equal(line_read("ipchains -I forward 7 -p ! 132 -s 10.1.2.3/8 -d ! 11.0.0.1 "
				   "-i ! eth1+ -j MASQ -l ! -f -m -2 -t 01 10 -o 99",
					 &request, &err),
			0);
	assert_int_equal(request.n_commands, 1);
	assert_int_equal(request.commands[0].verb, MASQ_VERB_CHAIN_INSERT);
	assert_string_equal(request.commands[0].chain, "forward");
	assert_int_equal(request.commands[0].number, 7);
	rule = &request.commands[0].rule;
	assert_int_equal(rule->src, MASQ_IP4(10, 0, 0, 0));
	assert_int_equal(rule->src_mask, 0xff000000);
	assert_int_equal(rule->dst, MASQ_IP4(11, 0, 0, 1));
	assert_int_equal(rule->dst_mask, 0xffffffff);
	assert_int_equal(rule->proto, 132);
	assert_int_equal(rule->flags, MASQ_RULE_LOG | MASQ_RULE_FRAGMENT | MASQ_RULE_IFACE_PREFIX);
	assert_int_equal(rule->inverse,
			MASQ_INV_PROTO | MASQ_INV_DST | MASQ_INV_IFACE | MASQ_INV_FRAGMENT);
	assert_string_equal(rule->iface, "eth1");
	assert_true(rule->has_mark);
	assert_int_equal(rule->mark, 0xfffffffe);
	assert_int_equal(rule->tos_and, 0x01);
	assert_int_equal(rule->tos_xor, 0x10);
	assert_int_equal(rule->outsize, 99);
	assert_int_equal(rule->target, MASQ_TARGET_MASQ);
	assert_string_equal(rule->chain, "");
	assert_int_equal(rule->sport.lo, 0);
	assert_int_equal(rule->sport.hi, 65535);

	assert_int_equal(line_read("ipchains -A input -p tcp -s 0/0 1:2 -d 0/0 ! 3:4 -y -m 5 -j x",
					 &request, &err),
			0);
	rule = &request.commands[0].rule;
	assert_int_equal(rule->sport.lo, 1);
	assert_int_equal(rule->sport.hi, 2);
	assert_int_equal(rule->dport.lo, 3);
	assert_int_equal(rule->dport.hi, 4);
	assert_int_equal(rule->inverse, MASQ_INV_DPORT);
	assert_int_equal(rule->flags, MASQ_RULE_SYN | MASQ_RULE_MARK_ABSOLUTE);
	assert_int_equal(rule->mark, 5);
	assert_int_equal(rule->target, MASQ_TARGET_CHAIN);
	assert_string_equal(rule->chain, "x");
}

/* Service and protocol names are those of the machine; numbers stand in for what it lacks. */
static void
test_names_of_the_machine(void **state)
{
	struct masq_conf_request request;
	struct masq_err err;
	uint16_t port;

	(void)state;
	if (getservbyname("domain", "udp") == NULL || getprotobyname("sctp") == NULL)
		skip();
	port = ntohs((uint16_t)getservbyname("domain", "udp")->s_port);
	assert_int_equal(line_read("ipchains -A input -p udp --dport domain:", &request, &err), 0);
	assert_int_equal(request.commands[0].rule.dport.lo, port);
	assert_int_equal(request.commands[0].rule.dport.hi, 65535);
	assert_int_equal(line_read("ipchains -A input -p sctp", &request, &err), 0);
	assert_int_equal(request.commands[0].rule.proto, getprotobyname("sctp")->p_proto);
}

static void
test_too_many_words_of_too_many_letters(void **state)
{
	struct masq_conf_request request;
	struct masq_err err;
	char line[3000] = "ipchains -A input -s ";

	(void)state;
	memset(line + strlen(line), 'x', 2000);
	assert_int_equal(line_read(line, &request, &err), -EINVAL);
	assert_non_null(strstr(err.text, "is too long"));
}

static void
test_icmp_names_are_found_by_themselves(void **state)
{
	const struct masq_conf_icmp_name *names;
	unsigned int n;

	(void)state;
	names = masq_conf_icmp_names(&n);
	assert_int_equal(n, 36);
	for (unsigned int i = 0; i < n; i++) {
		struct masq_conf_request request;
		struct masq_err err;
		char line[128];

		snprintf(line, sizeof(line), "ipchains -A input -p icmp --icmp-type %s",
				names[i].name);
		assert_int_equal(line_read(line, &request, &err), 0);
		assert_int_equal(request.commands[0].rule.sport.lo, names[i].type);
		assert_int_equal(request.commands[0].rule.sport.hi, names[i].type);
		assert_int_equal(request.commands[0].rule.dport.lo,
				names[i].code < 0 ? 0 : names[i].code);
		assert_int_equal(request.commands[0].rule.dport.hi,
				names[i].code < 0 ? 65535 : names[i].code);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_mean),
		cmocka_unit_test(test_lines_are_refused),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_questions_are_no_commands),
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_names_of_the_machine),
		cmocka_unit_test(test_too_many_words_of_too_many_letters),
		cmocka_unit_test(test_icmp_names_are_found_by_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
