// SPDX-License-Identifier: GPL-2.0-only
/* Begins a transaction with a set and a rule, and does not end it. */
#include <err.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/kbump.h>

#include "talk.h"

static void must(struct talk *t, const char *what)
{
	int error = answer(t);

	if (error)
		errx(1, "%s: error %d %s", what, error, t->message);
}

static void add_set(struct talk *t)
{
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_SET_ADD);
	n = nest(&t->rq, KBUMP_A_SET);
	put_string(&t->rq, KBUMP_SET_A_NAME, "begun");
	put_u8(&t->rq, KBUMP_SET_A_TYPE, KBUMP_SET_DOMAIN);
	nest_end(&t->rq, n);
	must(t, "set");
}

static void add_rule(struct talk *t)
{
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_RULE_ADD);
	n = nest(&t->rq, KBUMP_A_RULE);
	put_string(&t->rq, KBUMP_RULE_A_SNI_SET, "begun");
	put_u8(&t->rq, KBUMP_RULE_A_ACTION, KBUMP_ACTION_BLOCK);
	nest_end(&t->rq, n);
	must(t, "rule");
}

int main(void)
{
	static struct talk t;

	t.fd = open_netlink();
	t.id = family_id(&t);
	if (t.id < 0)
		errx(1, "the module is not loaded");
	begin_cmd(&t, KBUMP_CMD_BEGIN);
	must(&t, "begin");
	add_set(&t);
	add_rule(&t);
	puts("begun");
	fflush(stdout);
	pause();
	return 0;
}
