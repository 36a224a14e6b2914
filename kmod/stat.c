// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of a namespace.
 */
#include "net.h"
#include "netlink.h"
#include "stat.h"

static u64 stat_value(const struct kb_net *kn, int stat)
{
	u64 sum = 0;
	int cpu;

	if (stat == KBUMP_STAT_FLOWS)
		return atomic_read(&kn->nflows);
	if (stat == KBUMP_STAT_HANDSHAKES)
		return atomic_read(&kn->nhandshakes);
	if (stat == KBUMP_STAT_TAPS)
		return READ_ONCE(kn->ntaps);
	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(kn->stats, cpu)->c[stat]);
	return sum;
}

static int stat_fill(struct sk_buff *skb, const void *obj)
{
	int stat;

	for (stat = KBUMP_STAT_PAD + 1; stat <= KBUMP_STAT_MAX; stat++)
		if (nla_put_u64_64bit(skb, stat, stat_value(obj, stat), KBUMP_STAT_PAD))
			return -EMSGSIZE;
	return 0;
}

/**
 * kb_stat_get_doit - KBUMP_CMD_STAT_GET
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_stat_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return kb_nl_reply(info, KBUMP_CMD_STAT_GET, KBUMP_A_STAT, stat_fill,
			   kb_net(genl_info_net(info)));
}
