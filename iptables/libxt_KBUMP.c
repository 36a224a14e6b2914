// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What iptables(8), of either kind, knows of the target KBUMP. */
#include <stdio.h>
#include <xtables.h>

#include <linux/netfilter/xt_KBUMP.h>

enum {
	O_BYPASS,
};

static const struct xt_option_entry options[] = {
	{ .name = "bypass", .id = O_BYPASS, .type = XTTYPE_NONE },
	XTOPT_TABLEEND,
};

static void help(void)
{
	puts("KBUMP target options:\n"
	     "  --bypass    leave the connection alone, instead of putting it to kbump's rules\n"
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

static bool bypasses(const struct xt_entry_target *t)
{
	const struct xt_kbump_info *info = (const void *)t->data;

	return info->flags & XT_KBUMP_BYPASS;
}

static void print(const void *ip, const struct xt_entry_target *t, int numeric)
{
	(void)ip;
	(void)numeric;
	fputs(bypasses(t) ? " KBUMP bypass" : " KBUMP", stdout);
}

static void save(const void *ip, const struct xt_entry_target *t)
{
	(void)ip;
	if (bypasses(t))
		fputs(" --bypass", stdout);
}

static struct xtables_target kbump = {
	.name = "KBUMP",
	.version = XTABLES_VERSION,
	.family = NFPROTO_UNSPEC,
	.size = XT_ALIGN(sizeof(struct xt_kbump_info)),
	.userspacesize = XT_ALIGN(sizeof(struct xt_kbump_info)),
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
