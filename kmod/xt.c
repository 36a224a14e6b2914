// SPDX-License-Identifier: GPL-2.0-only
/*
 * The iptables target KBUMP: the host's rules choose the connections that are put to ours. While
 * a namespace has none that chooses, all are.
 */
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_KBUMP.h>

#include "net.h"
#include "netlink.h"
#include "steer.h"
#include "xt.h"

static unsigned int target(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_kbump_info *info = par->targinfo;

	kb_steer_choose(skb, xt_family(par), !(info->flags & XT_KBUMP_BYPASS), info->number);
	return XT_CONTINUE;
}

/* Of the characters that kb_nl_check_name() takes, or empty. */
static bool is_name(const char name[XT_KBUMP_NAME_LEN])
{
	size_t len = strnlen(name, XT_KBUMP_NAME_LEN);

	BUILD_BUG_ON(XT_KBUMP_NAME_LEN != KBUMP_NAME_LEN);
	return len < XT_KBUMP_NAME_LEN && kb_nl_is_name(name, true);
}

static int check(const struct xt_tgchk_param *par)
{
	struct kb_net *kn = kb_net(par->net);
	struct xt_kbump_info *info = par->targinfo;
	int n = 0;

	if (info->flags & ~XT_KBUMP_BYPASS || !is_name(info->rule_set))
		return -EINVAL;
	if (*info->rule_set && info->flags & XT_KBUMP_BYPASS)
		return -EINVAL;
	if (*info->rule_set)
		n = kb_rule_set_target(kn, info->rule_set);
	if (n < 0) {
		pr_info_ratelimited("there can be no more rule sets than %d\n", KB_RULE_SETS);
		return n;
	}
	info->number = n;
	if (!(info->flags & XT_KBUMP_BYPASS))
		atomic_inc(&kn->nchoosers);
	return 0;
}

static void destroy(const struct xt_tgdtor_param *par)
{
	const struct xt_kbump_info *info = par->targinfo;
	struct kb_net *kn = kb_net(par->net);

	if (info->number)
		kb_rule_set_untarget(kn, info->number);
	if (!(info->flags & XT_KBUMP_BYPASS))
		atomic_dec(&kn->nchoosers);
}

static struct xt_target kbump_target __read_mostly = {
	.name = "KBUMP",
	.family = NFPROTO_UNSPEC,
	.hooks = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_FORWARD,
	.target = target,
	.checkentry = check,
	.destroy = destroy,
	.targetsize = sizeof(struct xt_kbump_info),
	.usersize = offsetof(struct xt_kbump_info, number),
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
