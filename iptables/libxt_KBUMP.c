// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What iptables(8), of either kind, knows of the target KBUMP. */
#include <stddef.h>
#include <stdio.h>
#include <xtables.h>

#include <linux/netfilter/xt_KBUMP.h>

enum {
	O_BYPASS,
	O_RULE_SET,
};

static const struct xt_option_entry options[] = {
	{ .name = "bypass", .id = O_BYPASS, .type = XTTYPE_NONE, .excl = 1 << O_RULE_SET },
	{ .name = "rule-set", .id = O_RULE_SET, .type = XTTYPE_STRING, .min = 1,
	  .max = XT_KBUMP_NAME_LEN - 1, .flags = XTOPT_PUT,
	  XTOPT_POINTER(struct xt_kbump_info, rule_set) },
	XTOPT_TABLEEND,
};

static void help(void)
{
	puts("KBUMP target options:\n"
	     "  --bypass          leave the connection alone, instead of putting it to kbump's rules\n"
	     "  --rule-set NAME   put it to the rules of that set, instead of those that are in none\n"
	     "While a ruleset has a KBUMP without --bypass, no connection but those that meet it\n"
	     "are put to kbump's rules. What a connection's first packet meets last counts.");
}

static void parse(struct xt_option_call *cb)
{
	struct xt_kbump_info *info = cb->data;

	xtables_option_parse(cb);
	if (cb->entry->id == O_BYPASS)
		info->flags |= XT_KBUMP_BYPASS;
}

static void show(const struct xt_entry_target *t, const char *dashes)
{
	const struct xt_kbump_info *info = (const void *)t->data;

	if (info->flags & XT_KBUMP_BYPASS)
		printf(" %sbypass", dashes);
	if (*info->rule_set)
		printf(" %srule-set %s", dashes, info->rule_set);
}

static void print(const void *ip, const struct xt_entry_target *t, int numeric)
{
	(void)ip;
	(void)numeric;
	fputs(" KBUMP", stdout);
	show(t, "");
}

static void save(const void *ip, const struct xt_entry_target *t)
{
	(void)ip;
	show(t, "--");
}

static struct xtables_target kbump = {
	.name = "KBUMP",
	.version = XTABLES_VERSION,
	.family = NFPROTO_UNSPEC,
	.size = XT_ALIGN(sizeof(struct xt_kbump_info)),
	.userspacesize = offsetof(struct xt_kbump_info, number),
	.help = help,
	.print = print,
	.save = save,
	.x6_parse = parse,
	.x6_options = options,
};

static void __attribute__((constructor)) register_target(void)
{
	xtables_register_target(&kbump);
}
