/* SPDX-License-Identifier: BSD-3-Clause */
/* What ipchains -h and -h icmp print: the options that work here, in the original's words. */
#include <masq_conf_names.h>

#include "cli.h"

void
cli_ipchains_usage_print(FILE *out)
{
	fputs("ipchains 1.3.9, 17-Mar-1999\n"
	      "\n"
	      "Usage: ipchains -[ADR] chain rule-specification [options]\n"
	      "       ipchains -I chain [rulenum] rule-specification [options]\n"
	      "       ipchains -R chain rulenum rule-specification [options]\n"
	      "       ipchains -D chain rulenum [options]\n"
	      "       ipchains -C chain packet-specification [options]\n"
	      "       ipchains -[LFZNX] [chain] [options]\n"
	      "       ipchains -P chain target [options]\n"
	      "       ipchains -M [ -L | -S ] [options]\n"
	      "       ipchains -h [icmp] (print this help, or this help and the ICMP types)\n"
	      "\n"
	      "Commands:\n"
	      "  --append  -A chain            add to the end of a chain\n"
	      "  --insert  -I chain [rulenum]  insert at that number (default 1, the first)\n"
	      "  --replace -R chain rulenum    replace the rule with that number\n"
	      "  --delete  -D chain            delete the matching rule\n"
	      "  --delete  -D chain rulenum    delete the rule with that number\n"
	      "  --list    -L [chain]          list the rules of a chain or of all\n"
	      "  --flush   -F [chain]          delete all rules of a chain or of all\n"
	      "  --zero    -Z [chain]          zero the counters of a chain or of all\n"
	      "  --check   -C chain            tell what the chain does to a packet: -p -s -d -i\n"
	      "  --new-chain    -N chain       create a user chain\n"
	      "  --delete-chain -X [chain]     delete a user chain, or all of them\n"
	      "  --policy  -P chain target     policy of a built-in chain\n"
	      "  --masquerading -M -L          list the masqueraded connections\n"
	      "  --masquerading -M -S tcp tcpfin udp\n"
	      "                                set timeouts in seconds; 0: no change\n"
	      "\n"
	      "Options:\n"
	      "  --bidirectional -b            a second rule with source and destination swapped\n"
	      "  --proto         -p [!] proto  protocol: by number or name, e.g. `tcp'\n"
	      "  --source        -s [!] address[/mask] [!] [port[:port]]\n"
	      "                                source specification\n"
	      "  --source-port [!] [port[:port]]\n"
	      "  --destination   -d [!] address[/mask] [!] [port[:port]]\n"
	      "                                destination specification\n"
	      "  --destination-port [!] [port[:port]]\n"
	      "  --icmp-type [!] typename      ICMP type by name\n"
	      "  --interface     -i [!] name[+]\n"
	      "                                port of the appliance; with +, a prefix\n"
	      "  --jump          -j target     ACCEPT DENY REJECT MASQ RETURN or a user chain\n"
	      "  --mark          -m [+-]mark   number to mark matching packets with\n"
	      "  --numeric       -n            addresses and ports as numbers\n"
	      "  --log           -l            log matching packets\n"
	      "  --output        -o [size]     kept and listed; there is no netlink device\n"
	      "  --TOS           -t and xor    and/xor masks of the TOS field\n"
	      "  --verbose       -v            verbose\n"
	      "  --exact         -x            exact counters\n"
	      "[!] --fragment    -f            second and later fragments only\n"
	      "[!] --syn         -y            TCP packets with SYN set and ACK and RST clear\n"
	      "  --line-numbers                number the rules of a listing\n"
	      "  --no-warnings                 do not warn of likely mistakes\n"
	      "  --version       -V            print the version\n",
			out);
}

void
cli_ipchains_icmp_print(FILE *out)
{
	const struct masq_conf_icmp_name *names;
	unsigned int n;

	names = masq_conf_icmp_names(&n);
	fputs("\nValid ICMP Types:\n", out);
	for (unsigned int i = 0; i < n; i++) {
		fprintf(out, "%s%s", names[i].code >= 0 ? "   " : "", names[i].name);
		if (names[i].alias != NULL)
			fprintf(out, " (%s)", names[i].alias);
		fputc('\n', out);
	}
}
