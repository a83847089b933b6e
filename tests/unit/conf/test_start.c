/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The start file: what each key does, and every fault with its sentence.
 */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_fixture.h"

#define STRING(number) STRING_OF(number)
#define STRING_OF(number) #number

static struct masq_conf_start start; /* 20 kB */

static int
parse(const char *text, struct masq_err *err)
{
	err->text[0] = '\0';
	return masq_conf_start_parse("dir/test.conf", text, strlen(text), &start, err);
}

static void
parse_good(const char *text)
{
	struct masq_err err;

	if (parse(text, &err) != 0)
		fail_msg("%s", err.text);
}

#define LAN "[port lan]\ndevice=a\naddress=10.0.0.1/24\n"
#define PORT_KEYS "device, address, gateway, mtu, vlan, rx-descriptors, tx-descriptors"
#define DAEMON_KEYS \
	"socket, socket-group, workers, cores, sessions, rules, memory, hugepages, idle, masq-ports, mbufs"
#define TIMEOUT_KEYS                                                                            \
	"tcp-established, tcp-syn-sent, tcp-syn-recv, tcp-fin-wait, tcp-time-wait, tcp-close, " \
	"tcp-close-wait, tcp-last-ack, tcp-listen, tcp-none, udp, icmp"
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define NETWORKS "A.B.C.D/LEN, LEN 1-32, as in 192.168.1.1/24"

/* clang-format off */
static const struct {
	const char *text, *sentence; /* behind "dir/test.conf:" */
} bad[] = {
	/* lines */
	{ "", " no [port NAME] section; at least one is needed" },
	{ "workers = 1\n", "1: key 'workers' comes before any section" },
	{ "[daemon]\nworkers\n" LAN, "2: the line is neither [SECTION] nor KEY = VALUE nor a comment" },
	{ LAN "frob", "4: the line is neither [SECTION] nor KEY = VALUE nor a comment" },
	{ "[daemon]\n\n= 3\n", "3: unknown key '' in [daemon]; accepted: " DAEMON_KEYS },
	{ "[daemon]\nworkers =\n", "2: workers has no value; accepted: 1-" STRING(MASQ_MAX_WORKERS) },
	{ "[daemon]\nworkers = ; two\n",
		"2: workers has no value; accepted: 1-" STRING(MASQ_MAX_WORKERS) },
	{ "[daemon]\nworkers = 1\nworkers = 1\n", "3: key 'workers' appears twice, first on line 2" },
	{ "[daemon]\nrules = " X50 X50 X50 X50 "\n", "2: the line is 208 characters long; "
		"accepted: 197, and address may be given several times" },
	{ "[daemon]\nrules = a\x1b[2J\n",
		"2: the line contains the control character 0x1b; is this a text file?" },
	/* sections */
	{ "[daemon\n", "1: section [daemon is not closed by ]" },
	{ "[daemon] workers = 1\n", "1: `workers = 1' follows the ] of a section" },
	{ "[prot lan]\n", "1: unknown section [prot lan]; accepted: [daemon], [port NAME], [timeouts]" },
	{ "[]\n", "1: unknown section []; accepted: [daemon], [port NAME], [timeouts]" },
	{ "[port]\n", "1: unknown section [port]; accepted: [daemon], [port NAME], [timeouts]" },
	{ "[Daemon]\n", "1: unknown section [Daemon]; accepted: [daemon], [port NAME], [timeouts]" },
	{ "[daemon]\n[daemon]\n", "2: [daemon] appears twice, first on line 1" },
	{ "[timeouts]\n\n[timeouts]\n", "3: [timeouts] appears twice, first on line 1" },
	{ "[port lan]\ndevice = a\n[port lan]\n", "3: [port lan] appears twice, first on line 1" },
	{ "[port a+]\n", "1: port name `a+' may contain only letters, digits and . _ - : @ /" },
	{ "[port a b]\n", "1: port name `a b' may contain only letters, digits and . _ - : @ /" },
	{ "[port -a]\n", "1: port name `-a' must not start with -" },
	{ "[port ]\n", "1: a port name must not be empty" },
	{ "[port sixteen-letters-]\n",
		"1: port name `sixteen-letters-' is longer than 15 characters" },
	{ "[port " X50 X50 "]\n", "1: port name `" X50 "xxxxxxxx' is longer than 15 characters" },
	/* keys */
	{ "[port lan]\nadress = 1\n", "2: unknown key 'adress' in [port lan]; accepted: " PORT_KEYS },
	{ "[daemon]\nworker = 1\n", "2: unknown key 'worker' in [daemon]; accepted: " DAEMON_KEYS },
	{ "[timeouts]\ntcp = 1\n", "2: unknown key 'tcp' in [timeouts]; accepted: " TIMEOUT_KEYS },
	{ "[daemon]\ndevice = a\n", "2: unknown key 'device' in [daemon]; accepted: " DAEMON_KEYS },
	/* values of [daemon] */
	{ "[daemon]\nsocket = /" X50 X50 "1234567\n", "2: socket = /" X50 "xxxxxxxxxxxxx..."
		" is too long; accepted: a path of at most 107 characters" },
	{ "[daemon]\nrules = " X50 X50 "1234\n", "2: rules = dir/" X50 "xxxxxxxxxxxxxx..."
		" is too long; accepted: a path of at most 107 characters" },
	{ "[daemon]\nsocket-group = " X50 "\n", "2: socket-group = " X50 "..."
		" is too long; accepted: a group name of at most 31 characters" },
	{ "[daemon]\nworkers = 0\n",
		"2: workers = 0 is not accepted; accepted: 1-" STRING(MASQ_MAX_WORKERS) },
	{ "[daemon]\nworkers = 65\n",
		"2: workers = 65 is not accepted; accepted: 1-" STRING(MASQ_MAX_WORKERS) },
	{ "[daemon]\nworkers = +1\n",
		"2: workers = +1 is not accepted; accepted: 1-" STRING(MASQ_MAX_WORKERS) },
	{ "[daemon]\nsessions = 1023\n",
		"2: sessions = 1023 is not accepted; accepted: 1024-16777216" },
	{ "[daemon]\nsessions = 99999999999999999999\n",
		"2: sessions = 99999999999999999999 is not accepted; accepted: 1024-16777216" },
	{ "[daemon]\nmemory = 1G\n", "2: memory = 1G is not accepted; accepted: 64-1048576 (MB)" },
	{ "[daemon]\nhugepages = true\n", "2: hugepages = true is not accepted; accepted: yes, no" },
	{ "[daemon]\nidle = nap\n", "2: idle = nap is not accepted; accepted: poll, sleep" },
	{ "[daemon]\nmbufs = 1\n", "2: mbufs = 1 is not accepted; accepted: 1024-16777216" },
	{ "[daemon]\nmasq-ports = 1024\n",
		"2: masq-ports = 1024 is not accepted; accepted: LOW-HIGH within 1-65535" },
	{ "[daemon]\nmasq-ports = 0-10\n",
		"2: masq-ports = 0-10 is not accepted; accepted: LOW-HIGH within 1-65535" },
	{ "[daemon]\nmasq-ports = 20-10\n",
		"2: masq-ports = 20-10 is not accepted; accepted: LOW-HIGH within 1-65535" },
	{ "[daemon]\nmasq-ports = 1-65536\n",
		"2: masq-ports = 1-65536 is not accepted; accepted: LOW-HIGH within 1-65535" },
	{ "[daemon]\ncores = 1-\n", "2: cores = 1- is not a CPU list; accepted: "
		"numbers and ranges below 1024, such as 1-2 or 2,4" },
	{ "[daemon]\ncores = 2-1\n", "2: cores = 2-1 is not a CPU list; accepted: "
		"numbers and ranges below 1024, such as 1-2 or 2,4" },
	{ "[daemon]\ncores = 1024\n", "2: cores = 1024 is not a CPU list; accepted: "
		"numbers and ranges below 1024, such as 1-2 or 2,4" },
	{ "[daemon]\ncores = 1,2,\n", "2: cores = 1,2, is not a CPU list; accepted: "
		"numbers and ranges below 1024, such as 1-2 or 2,4" },
	{ "[daemon]\ncores = 1-3,2\n", "2: cores = 1-3,2 names CPU 2 twice" },
	{ "[daemon]\nworkers=2\ncores = 1-3\n" LAN, "3: cores = 1-3 names 3 CPUs for 2 workers; "
		"accepted: one CPU per worker, at most " STRING(MASQ_MAX_WORKERS) },
	/* values of [port] */
	{ "[port a]\naddress = 10.0.0.1\n",
		"2: address = 10.0.0.1 is not accepted; accepted: " NETWORKS },
	{ "[port a]\naddress = 10.0.0.1/33\n",
		"2: address = 10.0.0.1/33 is not accepted; accepted: " NETWORKS },
	{ "[port a]\naddress = 10.0.0.1/0\n",
		"2: address = 10.0.0.1/0 is not accepted; accepted: " NETWORKS },
	{ "[port a]\naddress = 10.0.0.1/8,,10.0.0.2/8\n", "2: address = 10.0.0.1/8,,10.0.0.2/8 is not accepted; "
		"accepted: A.B.C.D/LEN, several separated by commas" },
	{ "[port a]\naddress = 127.0.0.1/8\n",
		"2: address = 127.0.0.1/8 cannot be the address of a port" },
	{ "[port a]\naddress = 224.0.0.1/8\n",
		"2: address = 224.0.0.1/8 cannot be the address of a port" },
	{ "[port a]\naddress = 10.0.0.0/24\n",
		"2: address = 10.0.0.0/24 is the network address of its network, not that of a port" },
	{ "[port a]\naddress = 10.0.0.255/24\n",
		"2: address = 10.0.0.255/24 is the broadcast address of its network, not that of a port" },
	{ "[port a]\naddress = 10.0.0.1/24,\n", "2: address = 10.0.0.1/24, is not accepted; accepted: A.B.C.D/LEN, several separated by commas" },
	{ "[port a]\naddress = 10.0.0.1/24, 10.0.0.1/24\n",
		"2: address = 10.0.0.1/24 appears twice in [port a]" },
	{ "[port a]\naddress = 10.0.0.1/24\naddress = 10.0.0.1/8\n",
		"3: address = 10.0.0.1/8 appears twice in [port a]" },
	{ "[port a]\naddress = 10.0.0.1/8,10.0.0.2/8,10.0.0.3/8,10.0.0.4/8,10.0.0.5/8,10.0.0.6/8\n"
		"address = 10.0.0.7/8,10.0.0.8/8,10.0.0.9/8,10.0.0.10/8,10.0.0.11/8,10.0.0.12/8\n"
		"address = 10.0.0.13/8,10.0.0.14/8,10.0.0.15/8,10.0.0.16/8,10.0.0.17/8\n",
		"4: [port a] has more than 16 addresses" },
	{ "[port a]\ngateway = 10.0.0\n", "2: gateway = 10.0.0 is not accepted; accepted: "
		"an address A.B.C.D in a network of the port" },
	{ "[port a]\ngateway = 0.0.0.0\n", "2: gateway = 0.0.0.0 cannot be the address of a router" },
	{ "[port a]\nmtu = 67\n", "2: mtu = 67 is not accepted; accepted: 68-9600 (bytes)" },
	{ "[port a]\nvlan = 4095\n", "2: vlan = 4095 is not accepted; accepted: 1-4094" },
	{ "[port a]\nrx-descriptors = 8\n",
		"2: rx-descriptors = 8 is not accepted; accepted: 32-32768" },
	{ "[port a]\ntx-descriptors = x\n",
		"2: tx-descriptors = x is not accepted; accepted: 32-32768" },
	{ "[timeouts]\nudp = 0\n", "2: udp = 0 is not accepted; accepted: 1-1000000 (seconds)" },
	/* the whole */
	{ "[daemon]\n\n[port a]\n", "3: [port a] has no device; "
		"needed: device = a PCI address or a DPDK device string" },
	{ LAN "[port wan]\ndevice=a\n", "5: device a of [port wan] is also that of [port lan]" },
	{ "[port lan]\ndevice=net_af_packet0,iface=eth1\n[port wan]\ndevice=net_tap1,mac=x,iface=eth1,a=b\n",
		"4: interface eth1 of [port wan] is also that of [port lan]" },
	{ "[port lan]\ndevice=net_tap1,iface=a\n[port wan]\ndevice=net_tap1,iface=b\n",
		"4: device name net_tap1 of [port wan] is also that of [port lan]; each port needs one of "
		"its own, as in net_af_packet0 and net_af_packet1" },
	{ "[port lan]\ndevice=0000:65:00.0\n[port wan]\ndevice=0000:65:00.0,x=1\n",
		"4: device name 0000:65:00.0 of [port wan] is also that of [port lan]; each port needs "
		"one of its own, as in net_af_packet0 and net_af_packet1" },
	{ LAN "[port wan]\ndevice=b\naddress=10.0.0.1/30\n",
		"6: address 10.0.0.1/30 of [port wan] is also that of [port lan]" },
	{ LAN "[port wan]\ndevice=b\naddress=10.0.0.129/25\n", "6: the network of address 10.0.0.129/25"
		" of [port wan] overlaps that of 10.0.0.1/24 of [port lan]" },
	{ LAN "[port wan]\ndevice=b\naddress=11.0.0.1/24\naddress=12.0.0.1/24,10.1.2.3/8\n", "7: the network of address "
		"10.1.2.3/8 of [port wan] overlaps that of 10.0.0.1/24 of [port lan]" },
	{ LAN "gateway = 10.0.1.2\n",
		"4: gateway 10.0.1.2 of [port lan] is in none of the port's networks" },
	{ "[port a]\ndevice=a\ngateway = 10.0.1.2\n",
		"3: gateway 10.0.1.2 of [port a] is in none of the port's networks" },
	{ LAN "gateway = 10.0.0.1\n", "4: gateway 10.0.0.1 of [port lan] is the port's own address" },
	{ LAN "gateway = 10.0.0.255\n",
		"4: gateway 10.0.0.255 of [port lan] is the broadcast address of its network" },
	{ LAN "gateway = 10.0.0.2\n[port wan]\ndevice=b\naddress=11.0.0.1/24\ngateway=11.0.0.2\n",
		"8: [port wan] and [port lan] both have a gateway; there is only one default route" },
};

/* clang-format on */

static void
test_every_fault_has_its_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char expected[MASQ_ERR_TEXT_BYTES];
		struct masq_err err;

		snprintf(expected, sizeof(expected), "dir/test.conf:%s", bad[i].sentence);
		if (parse(bad[i].text, &err) != -EINVAL)
			fail_msg("%s: is not refused", bad[i].text);
		if (strcmp(err.text, expected) != 0)
			fail_msg("%s: says\n%s\nand not\n%s", bad[i].text, err.text, expected);
	}
}

static void
test_a_nul_byte_is_refused(void **state)
{
	static const char text[] = "[daemon]\n# a\0b\n";
	struct masq_err err;

	(void)state;
	assert_int_equal(masq_conf_start_parse("f", text, sizeof(text) - 1, &start, &err), -EINVAL);
	assert_string_equal(err.text, "f:2: the line contains a NUL byte; is this a text file?");
}

static void
test_too_many_ports(void **state)
{
	char text[4096] = "";
	struct masq_err err;
	size_t len = 0;

	(void)state;
	for (int i = 0; i < MASQ_CONF_PORTS_MAX; i++)
		len += (size_t)snprintf(
				text + len, sizeof(text) - len, "[port p%d]\ndevice = d%d\n", i, i);
	parse_good(text);
	assert_int_equal(start.n_ports, MASQ_CONF_PORTS_MAX);
	snprintf(text + len, sizeof(text) - len, "[port one-more]\n");
	assert_int_equal(parse(text, &err), -EINVAL);
	assert_string_equal(err.text,
			"dir/test.conf:65: [port one-more] is one port too many; accepted: 32");
}

static void
test_defaults(void **state)
{
	struct masq_conf_timeouts usual;

	(void)state;
	parse_good("[port lan]\ndevice = a\n");
	assert_string_equal(start.file, "dir/test.conf");
	assert_string_equal(start.socket, "/run/dpdk-masq/control.sock");
	assert_string_equal(start.socket_group, "");
	assert_string_equal(start.rules, "");
	assert_string_equal(start.cores, "");
	assert_int_equal(start.workers, 1);
	assert_int_equal(start.sessions, 262144);
	assert_int_equal(start.memory_mb, 512);
	assert_true(start.hugepages);
	assert_int_equal(start.idle, MASQ_IDLE_POLL);
	assert_int_equal(start.masq_port_low, 1024);
	assert_int_equal(start.masq_port_high, 65535);
	assert_int_equal(start.mbufs, 0);
	masq_conf_timeouts_default(&usual);
	assert_memory_equal(&start.timeouts, &usual, sizeof(usual));
	assert_int_equal(start.n_ports, 1);
	assert_int_equal(start.port[0].n_addresses, 0);
	assert_int_equal(start.port[0].gateway, 0);
	assert_int_equal(start.port[0].mtu, 0);
	assert_int_equal(start.port[0].vlan, 0);
	assert_int_equal(start.port[0].line, 1);
}

static void
test_every_key(void **state)
{
	(void)state;
	parse_good("\xef\xbb\xbf[daemon] ; of the box\r\n"
		   "socket = /s\r\nsocket-group = g\r\nworkers = 3 # three\r\ncores=4,1-2\r\n"
		   "sessions: 2048 ; capacity\r\nrules = r.masq\r\nmemory = 64\r\nhugepages = no\r\n"
		   "idle = sleep\r\nmasq-ports = 61000-65095\r\nmbufs = 4096\r\n"
		   "[port lan]\n"
		   "  device = net_af_packet0,iface=lan0\n"
		   "\taddress = 10.0.0.1/24 ,10.0.0.2/24\n  address = 10.0.1.1/32\n"
		   "gateway = 10.0.0.254\nmtu = 9600\nvlan = 4094\nrx-descriptors = 32\n"
		   "tx-descriptors = 32768\n"
		   "[timeouts]\nudp = 17\ntcp-close-wait = 18");
	assert_string_equal(start.socket, "/s");
	assert_string_equal(start.socket_group, "g");
	assert_int_equal(start.workers, 3);
	assert_string_equal(start.cores, "4,1-2");
	assert_int_equal(start.sessions, 2048);
	assert_string_equal(start.rules, "dir/r.masq");
	assert_int_equal(start.memory_mb, 64);
	assert_false(start.hugepages);
	assert_int_equal(start.idle, MASQ_IDLE_SLEEP);
	assert_int_equal(start.masq_port_low, 61000);
	assert_int_equal(start.masq_port_high, 65095);
	assert_int_equal(start.mbufs, 4096);
	assert_string_equal(start.port[0].name, "lan");
	assert_string_equal(start.port[0].device, "net_af_packet0,iface=lan0");
	assert_int_equal(start.port[0].n_addresses, 3);
	assert_int_equal(start.port[0].address[1].addr, MASQ_IP4(10, 0, 0, 2));
	assert_int_equal(start.port[0].address[1].len, 24);
	assert_int_equal(start.port[0].address[2].len, 32);
	assert_int_equal(start.port[0].gateway, MASQ_IP4(10, 0, 0, 254));
	assert_int_equal(start.port[0].mtu, 9600);
	assert_int_equal(start.port[0].vlan, 4094);
	assert_int_equal(start.port[0].rx_descriptors, 32);
	assert_int_equal(start.port[0].tx_descriptors, 32768);
	assert_int_equal(start.port[0].line, 13);
	assert_int_equal(start.port[0].device_line, 14);
	assert_int_equal(start.port[0].address_line[1], 15);
	assert_int_equal(start.port[0].address_line[2], 16);
	assert_int_equal(start.port[0].gateway_line, 17);
	assert_int_equal(masq_conf_start_line(&start, "socket-group"), 3);
	assert_int_equal(masq_conf_start_line(&start, "udp"), 23);
	assert_int_equal(masq_conf_start_line(&start, "icmp"), 0);
	assert_int_equal(masq_conf_start_line(&start, "device"), 0);
	assert_int_equal(start.timeouts.udp_s, 17);
	assert_int_equal(start.timeouts.tcp_close_wait_s, 18);
	assert_int_equal(start.timeouts.icmp_s, 60);
}

/* Who found the fault does not read files; "blame" says where the key stands, or that it does not. */
static void
test_blame_names_line_or_default(void **state)
{
	static const struct {
		const char *text, *key, *other, *sentence;
	} rows[] = {
		{ "[daemon]\nmemory = 64\nsessions = 2048\n", "memory", "sessions",
				"dir/test.conf:2: too little" },
		{ "[daemon]\nmemory = 64\n", "memory", "sessions", "dir/test.conf:2: too little" },
		{ "[daemon]\nsessions = 2048\n", "memory", "sessions",
				"dir/test.conf:2: memory is not set in [daemon], so it is 512: too little" },
		{ "[daemon]\nsessions = 2048\n", "memory", NULL,
				"dir/test.conf: memory is not set in [daemon], so it is 512: too little" },
		{ "", "memory", "sessions",
				"dir/test.conf: memory is not set in [daemon], so it is 512: too little" },
		{ "", "socket-group", NULL, "dir/test.conf: too little" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct masq_err err;
		char text[256];

		snprintf(text, sizeof(text), "%s" LAN, rows[i].text);
		parse_good(text);
		masq_err_set(&err, ENOMEM, "too little");
		assert_int_equal(masq_conf_start_blame(
						 &start, rows[i].key, rows[i].other, -ENOMEM, &err),
				-ENOMEM);
		assert_string_equal(err.text, rows[i].sentence);
	}
}

static void
test_workers_are_as_many_as_cores(void **state)
{
	(void)state;
	parse_good("[daemon]\ncores = 1-2,5\n" LAN);
	assert_int_equal(start.workers, 3);
	parse_good("[daemon]\ncores = 7\nworkers = 1\n" LAN);
	assert_int_equal(start.workers, 1);
}

/* Only what is read counts: a comment may be as long as it likes. */
static void
test_long_comments(void **state)
{
	(void)state;
	parse_good("# " X50 X50 X50 X50 X50 "\n; " X50 X50 X50 X50 X50 "\n"
		   "\t# " X50 X50 X50 X50 X50 "\n[daemon]   ; " X50 X50 X50 X50 X50 "\n"
		   "workers = 3 # " X50 X50 X50 X50 X50 "\n"
		   "sessions = 2048 ; " X50 X50 X50 X50 X50 "\n" LAN);
	assert_int_equal(start.workers, 3);
	assert_int_equal(start.sessions, 2048);
}

static void
test_interfaces_of_devices(void **state)
{
	static const struct {
		const char *device, *name;
	} rows[] = {
		{ "net_af_packet0,iface=lan0", "lan0" },
		{ "net_af_packet0,qpairs=2,iface=lan0,framecnt=8", "lan0" },
		{ "net_af_packet0,iface=", "" },
		{ "net_af_packet0,xiface=a", "" },
		{ "iface=a", "" },
		{ "0000:65:00.0", "" },
		{ ",,iface=b,", "b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name;
		const size_t len = masq_conf_device_interface(rows[i].device, &name);

		assert_int_equal(len, strlen(rows[i].name));
		assert_true(len == 0 || memcmp(name, rows[i].name, len) == 0);
	}
}

static void
test_paths_of_rules(void **state)
{
	static const char text[] = "[daemon]\nrules = r\n" LAN;
	struct masq_err err;

	(void)state;
	parse_good("[daemon]\nrules = /etc/r\n" LAN);
	assert_string_equal(start.rules, "/etc/r");
	assert_int_equal(masq_conf_start_parse("f", text, strlen(text), &start, &err), 0);
	assert_string_equal(start.rules, "r");
	assert_int_equal(masq_conf_start_parse("/a/b/f", text, strlen(text), &start, &err), 0);
	assert_string_equal(start.rules, "/a/b/r");
	assert_int_equal(masq_conf_start_parse("/f", text, strlen(text), &start, &err), 0);
	assert_string_equal(start.rules, "/r");
}

/* The table of keys is what the documentation prints. */
static void
test_keys_are_documented(void **state)
{
	const struct masq_conf_key *key;
	unsigned int n;

	(void)state;
	for (n = 0; (key = masq_conf_start_key(n)) != NULL; n++) {
		assert_true(key->accepted[0] != '\0');
		assert_true(strlen(key->help) > 10);
	}
	assert_int_equal(n, 11 + 7 + 12);
}

/* ---------------------------------------------------------------- files */

static char folder[] = "/tmp/masq-start-XXXXXX";

static const char *
in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int
folder_make(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
folder_remove(void **state)
{
	(void)state;
	unlink(in_folder("file"));
	unlink(in_folder("fifo"));
	return rmdir(folder);
}

static void
file_write(const char *text, size_t len)
{
	FILE *file = fopen(in_folder("file"), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
}

static void
file_refused(const char *path, int ret, const char *reason)
{
	char expected[MASQ_ERR_TEXT_BYTES];
	struct masq_err err;

	assert_int_equal(masq_conf_start_read(path, &start, &err), ret);
	snprintf(expected, sizeof(expected), "%s: %s", path, reason);
	assert_string_equal(err.text, expected);
}

static void
test_files(void **state)
{
	char *big = malloc(1024 * 1024 + 1);
	struct masq_err err;

	(void)state;
	assert_non_null(big);
	file_refused(in_folder("nosuch"), -ENOENT, "No such file or directory");
	file_refused(folder, -EISDIR, "this is a directory, not a file");
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	file_refused(in_folder("fifo"), -EINVAL, "this is not a regular file");
	file_refused("/dev/zero", -EINVAL, "this is not a regular file");

	file_write(LAN, strlen(LAN));
	assert_int_equal(masq_conf_start_read(in_folder("file"), &start, &err), 0);
	assert_string_equal(start.file, in_folder("file"));
	if (geteuid() != 0) { /* root may read everything */
		assert_int_equal(chmod(in_folder("file"), 0), 0);
		file_refused(in_folder("file"), -EACCES, "Permission denied");
		assert_int_equal(chmod(in_folder("file"), 0600), 0);
	}

	memset(big, '\n', 1024 * 1024 + 1);
	memcpy(big, LAN, strlen(LAN));
	file_write(big, 1024 * 1024);
	assert_int_equal(masq_conf_start_read(in_folder("file"), &start, &err), 0);
	file_write(big, 1024 * 1024 + 1);
	file_refused(in_folder("file"), -EFBIG, "the file is larger than 1048576 bytes");
	free(big);
}

static void
test_a_name_that_is_too_long(void **state)
{
	struct masq_err err;

	(void)state;
	assert_int_equal(masq_conf_start_parse(X50 X50 "12345678", LAN, strlen(LAN), &start, &err),
			-ENAMETOOLONG);
	assert_string_equal(
			err.text, X50 "xxxxxxxxxxxxxx...: the path is longer than 107 characters");
	assert_int_equal(masq_conf_start_parse(X50 X50 "1234567", LAN, strlen(LAN), &start, NULL),
			0);
	assert_int_equal(masq_conf_start_parse("f", "x", 1, &start, NULL), -EINVAL);
}

/* ---------------------------------------------------------------- the files of config/ */

static const char *
in_config(const char *name)
{
	static char path[512];
	const char *root = getenv("MASQ_SOURCE_ROOT");

	if (root == NULL)
		fail_msg("MASQ_SOURCE_ROOT does not say where config/ is");
	snprintf(path, sizeof(path), "%s/config/%s", root, name);
	return path;
}

static char *
config_text(const char *name)
{
	FILE *file = fopen(in_config(name), "r");
	char *text = calloc(1, 65536);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

static void
config_parse(const char *name)
{
	char *text = config_text(name);
	struct masq_err err;

	/* The name is the file's own: where the tree lies may be too long for a path. */
	if (masq_conf_start_parse(name, text, strlen(text), &start, &err) != 0)
		fail_msg("%s", err.text);
	free(text);
}

static void
test_the_example_start_files(void **state)
{
	(void)state;
	config_parse("dpdk-masq.conf");
	assert_int_equal(start.n_ports, 2);
	assert_int_equal(start.workers, 2);
	assert_int_equal(start.sessions, 1048576);
	assert_string_equal(start.rules, "/etc/dpdk-masq/rules.masq");
	assert_int_equal(start.port[1].gateway, MASQ_IP4(203, 0, 113, 254));

	config_parse("examples/linux-2.2.conf");
	assert_string_equal(start.rules, "examples/rules.masq");
	assert_int_equal(start.masq_port_low, 61000);
	assert_int_equal(start.masq_port_high, 65095);
	assert_int_equal(start.timeouts.tcp_none_s, 1800);
	assert_int_equal(start.timeouts.tcp_established_s, 900);
	assert_int_equal(start.timeouts.tcp_syn_sent_s, 120);
	assert_int_equal(start.timeouts.tcp_syn_recv_s, 60);
	assert_int_equal(start.timeouts.tcp_fin_wait_s, 120);
	assert_int_equal(start.timeouts.tcp_time_wait_s, 120);
	assert_int_equal(start.timeouts.tcp_close_s, 10);
	assert_int_equal(start.timeouts.tcp_close_wait_s, 60);
	assert_int_equal(start.timeouts.tcp_last_ack_s, 30);
	assert_int_equal(start.timeouts.tcp_listen_s, 120);
	assert_int_equal(start.timeouts.udp_s, 300);
	assert_int_equal(start.timeouts.icmp_s, 60);
}

/* Every key that dpdk-masq.conf only shows in a comment is a key. */
static void
test_the_commented_keys_are_keys(void **state)
{
	char *text = config_text("dpdk-masq.conf"), *at = text;
	struct masq_err err;

	(void)state;
	while ((at = strstr(at, "\n; ")) != NULL)
		memcpy(++at, "  ", 2);
	at = strstr(text, "cores  = 1-2");
	assert_non_null(at);
	if (masq_conf_start_parse("f", text, strlen(text), &start, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(start.idle, MASQ_IDLE_SLEEP);
	assert_int_equal(start.port[1].n_addresses, 3);
	assert_int_equal(start.port[1].vlan, 42);
	free(text);
}

static void
test_the_example_rules(void **state)
{
	char *text = config_text("examples/rules.masq"),
	     *conf = config_text("examples/linux-2.2.conf");
	struct masq_conf_warnings warnings = { 0 };
	const struct masq_conf_reader reader = { .warnings = &warnings, .start = &start };
	struct masq_conf_rules rules;
	struct masq_err err;

	(void)state;
	assert_int_equal(masq_conf_start_parse("f", conf, strlen(conf), &start, &err), 0);
	free(conf);
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	if (masq_conf_rules_load(&rules, &reader, "rules.masq", text, strlen(text), &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(warnings.n, 0);
	assert_int_equal(rules.n_portfw, 2);
	assert_int_equal(rules.portfw[0].raddr, MASQ_IP4(192, 168, 16, 28));
	assert_int_equal(rules.chains[MASQ_CHAIN_FORWARD].policy, MASQ_TARGET_DENY);
	assert_int_equal(rules.timeouts.udp_s, 180);
	masq_conf_rules_fini(&rules);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_fault_has_its_sentence),
		cmocka_unit_test(test_a_nul_byte_is_refused),
		cmocka_unit_test(test_too_many_ports),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_blame_names_line_or_default),
		cmocka_unit_test(test_workers_are_as_many_as_cores),
		cmocka_unit_test(test_long_comments),
		cmocka_unit_test(test_interfaces_of_devices),
		cmocka_unit_test(test_paths_of_rules),
		cmocka_unit_test(test_keys_are_documented),
		cmocka_unit_test_setup_teardown(test_files, folder_make, folder_remove),
		cmocka_unit_test(test_a_name_that_is_too_long),
		cmocka_unit_test(test_the_example_start_files),
		cmocka_unit_test(test_the_commented_keys_are_keys),
		cmocka_unit_test(test_the_example_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
