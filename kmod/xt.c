// SPDX-License-Identifier: GPL-2.0-only
/*
 * The iptables target KBUMP: the host's rules choose the connections that are put to ours. While
 * a namespace has none that chooses, all are.
 */
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_KBUMP.h>

#include "net.h"
#include "steer.h"
#include "xt.h"

static unsigned int target(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_kbump_info *info = par->targinfo;

	kb_steer_choose(skb, xt_family(par), !(info->flags & XT_KBUMP_BYPASS));
	return XT_CONTINUE;
}

static int check(const struct xt_tgchk_param *par)
{
	const struct xt_kbump_info *info = par->targinfo;

	if (info->flags & ~XT_KBUMP_BYPASS)
		return -EINVAL;
	if (!(info->flags & XT_KBUMP_BYPASS))
		atomic_inc(&kb_net(par->net)->nchoosers);
	return 0;
}

static void destroy(const struct xt_tgdtor_param *par)
{
	const struct xt_kbump_info *info = par->targinfo;

	if (!(info->flags & XT_KBUMP_BYPASS))
		atomic_dec(&kb_net(par->net)->nchoosers);
}

static struct xt_target kbump_target __read_mostly = {
	.name = "KBUMP",
	.family = NFPROTO_UNSPEC,
	.hooks = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_FORWARD,
	.target = target,
	.checkentry = check,
	.destroy = destroy,
	.targetsize = sizeof(struct xt_kbump_info),
	.me = THIS_MODULE,
};

/**
 * kb_xt_init - offer the target to iptables
 *
 * Return: 0 or an error.
 */
int kb_xt_init(void)
{
	return xt_register_target(&kbump_target);
}

/**
 * kb_xt_exit - undo kb_xt_init()
 *
 * No rule has the target: each holds the module.
 */
void kb_xt_exit(void)
{
	xt_unregister_target(&kbump_target);
}

MODULE_ALIAS("ipt_KBUMP");
MODULE_ALIAS("ip6t_KBUMP");
