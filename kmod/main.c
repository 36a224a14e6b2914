// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module, and what it has in each network namespace.
 */
#include <linux/module.h>
#include <net/netns/generic.h>

#include "draft.h"
#include "filter.h"
#include "flow.h"
#include "helper.h"
#include "inline.h"
#include "learned.h"
#include "net.h"
#include "netlink.h"
#include "relay.h"
#include "rule.h"
#include "set.h"
#include "share.h"
#include "steer.h"
#include "tap.h"
#include "tool.h"
#include "wire.h"
#include "xt.h"

static unsigned int kb_net_id __read_mostly;

struct workqueue_struct *kb_free_wq;

/**
 * kb_net - kbump's part of a network namespace
 * @net: the namespace
 */
struct kb_net *kb_net(const struct net *net)
{
	return net_generic(net, kb_net_id);
}

static int __net_init net_init(struct net *net)
{
	struct kb_net *kn = kb_net(net);
	int err;

	kn->net = net;
	mutex_init(&kn->lock);
	init_rwsem(&kn->entries);
	INIT_LIST_HEAD(&kn->tools);
	INIT_LIST_HEAD(&kn->lines);
	INIT_LIST_HEAD(&kn->sets);
	INIT_LIST_HEAD(&kn->wires);
	INIT_LIST_HEAD(&kn->drafts);
	INIT_LIST_HEAD(&kn->helpers);
	kn->stats = alloc_percpu(struct kb_stats);
	if (!kn->stats)
		return -ENOMEM;
	err = kb_shares_init(kn);
	if (err)
		goto fail_stats;
	err = kb_learned_init(kn);
	if (err)
		goto fail_shares;
	err = kb_taps_init(kn);
	if (err)
		goto fail_learned;
	err = kb_filter_init(kn);
	if (err)
		goto fail_taps;
	err = kb_flows_init(kn);
	if (err)
		goto fail_filter;
	err = kb_tools_init(kn);
	if (err)
		goto fail_flows;
	return 0;
fail_flows:
	kb_flows_exit(kn);
fail_filter:
	kb_filter_exit(kn);
fail_taps:
	kb_taps_exit(kn);
fail_learned:
	kb_learned_exit(kn);
fail_shares:
	kb_shares_exit(kn);
fail_stats:
	free_percpu(kn->stats);
	return err;
}

/*
 * Before the devices and sockets of the namespace go. From here on nothing new begins: the
 * flows end first, while their packets still find them, then the hooks go.
 */
static void __net_exit net_pre_exit(struct net *net)
{
	struct kb_net *kn = kb_net(net);

	mutex_lock(&kn->lock);
	WRITE_ONCE(kn->dying, true);
	mutex_unlock(&kn->lock);
	/* A SYN may be on its way through the hook. */
	synchronize_net();
	kb_helpers_flush(kn);
	kb_flows_stop(kn);
	kb_steer_unhook(kn);
	kb_drafts_exit(kn);
	kb_rules_exit(kn);
	kb_tools_exit(kn);
	kb_sets_exit(kn);
}

static void __net_exit net_exit(struct net *net)
{
	struct kb_net *kn = kb_net(net);

	kb_flows_exit(kn);
	kb_filter_exit(kn);
	kb_taps_exit(kn);
	kb_learned_exit(kn);
	kb_shares_exit(kn);
	free_percpu(kn->stats);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.pre_exit = net_pre_exit,
	.exit = net_exit,
	.id = &kb_net_id,
	.size = sizeof(struct kb_net),
};

/*
 * Until all that waits for a grace period is free, by code of ours: first the works that free what
 * takes long, such as tables of rules, then the rules, then the tools of these, and then members of
 * groups.
 */
static void wait_for_frees(void)
{
	rcu_barrier();
	destroy_workqueue(kb_free_wq);
	rcu_barrier();
	rcu_barrier();
	rcu_barrier();
}

static int __init kb_init(void)
{
	int err;

	err = kb_relay_init();
	if (err)
		return err;
	err = kb_inline_init();
	if (err)
		goto fail_relay;
	err = kb_flow_init();
	if (err)
		goto fail_inline;
	err = -ENOMEM;
	kb_free_wq = alloc_workqueue("kbump_free", WQ_UNBOUND, 0);
	if (!kb_free_wq)
		goto fail_flow;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto fail_wq;
	err = kb_helper_init();
	if (err)
		goto fail_net;
	err = kb_xt_init();
	if (err)
		goto fail_helper;
	err = kb_wire_init();
	if (err)
		goto fail_xt;
	err = kb_nl_init();
	if (err)
		goto fail_wire;
	return 0;
fail_wire:
	kb_wire_exit();
fail_xt:
	kb_xt_exit();
fail_helper:
	kb_helper_exit();
fail_net:
	unregister_pernet_subsys(&net_ops);
fail_wq:
	wait_for_frees();
fail_flow:
	kb_flow_exit();
fail_inline:
	kb_inline_exit();
fail_relay:
	kb_relay_exit();
	rcu_barrier();
	return err;
}

static void __exit kb_exit(void)
{
	kb_nl_exit();
	kb_wire_exit();
	kb_xt_exit();
	kb_helper_exit();
	unregister_pernet_subsys(&net_ops);
	/* Socket callbacks may be about to return. */
	synchronize_net();
	kb_flow_exit();
	kb_inline_exit();
	kb_relay_exit();
	wait_for_frees();
}

module_init(kb_init);
module_exit(kb_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("kbump maintainers");
MODULE_DESCRIPTION("TLS-decrypting bump in the wire");
MODULE_ALIAS_GENL_FAMILY(KBUMP_GENL_NAME);
MODULE_SOFTDEP("pre: tls sha384");
