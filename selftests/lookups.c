// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a look-up in a set costs: asks the kernel for the names of the standard input, all of which
 * are in the set, ROUNDS times. Prints nanoseconds of processor time for each name, with what it
 * takes to read it from the message; what the message itself takes is shared by all names.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include <linux/kbump.h>

#define ROOM	30000

struct names {
	char data[ROOM];
	size_t len;
	unsigned int count;
};

static void add(struct names *n, const char *name, size_t len)
{
	const struct kbump_set_entry head = { .type = KBUMP_SET_DOMAIN, .len = len };

	if (ROOM - n->len < sizeof(head) + len)
		errx(1, "too many names");
	memcpy(n->data + n->len, &head, sizeof(head));
	memcpy(n->data + n->len + sizeof(head), name, len);
	n->len += sizeof(head) + len;
	n->count++;
}

static void read_names(struct names *n)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while ((len = getline(&line, &room, stdin)) > 0)
		add(n, line, len - (line[len - 1] == '\n'));
	free(line);
	if (!n->count)
		errx(1, "no names");
}

static struct nl_msg *request(int family, const char *set, const struct names *n)
{
	struct nl_msg *msg = nlmsg_alloc_size(ROOM + 1024);
	struct nlattr *nest;

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_ACK,
				 KBUMP_CMD_SET_TEST, KBUMP_GENL_VERSION))
		errx(1, "out of memory");
	nest = nla_nest_start(msg, NLA_F_NESTED | KBUMP_A_SET);
	if (!nest || nla_put_string(msg, KBUMP_SET_A_NAME, set) ||
	    nla_put(msg, KBUMP_SET_A_ENTRIES, n->len, n->data))
		errx(1, "out of memory");
	nla_nest_end(msg, nest);
	return msg;
}

static void ask(struct nl_sock *sock, int family, const char *set, const struct names *n)
{
	int error = nl_send_sync(sock, request(family, set, n));

	if (error < 0)
		errx(1, "set %s: %s", set, nl_geterror(error));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	static struct names names;
	struct nl_sock *sock = nl_socket_alloc();
	int family, rounds, i;
	double start;

	if (argc != 3 || !sock)
		errx(2, "usage: lookups SET ROUNDS <NAMES");
	rounds = atoi(argv[2]);
	read_names(&names);
	if (genl_connect(sock) < 0)
		errx(1, "no netlink");
	family = genl_ctrl_resolve(sock, KBUMP_GENL_NAME);
	if (family < 0)
		errx(1, "the module is not loaded");
	ask(sock, family, argv[1], &names);
	start = now();
	for (i = 0; i < rounds; i++)
		ask(sock, family, argv[1], &names);
	printf("%.0f\n", (now() - start) / rounds / names.count);
	nl_socket_free(sock);
	return 0;
}
