// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tools: the devices that get copies, and what becomes of them when the devices change.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/rculist.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/sock.h>

#include "netlink.h"
#include "tool.h"

#define MTU_MIN	576

/**
 * kb_tool_find - find a tool by name
 * @kn: the namespace
 * @name: its name
 *
 * Context: with the namespace's lock held.
 * Return: the tool, without a reference, or NULL.
 */
struct kb_tool *kb_tool_find(struct kb_net *kn, const char *name)
{
	struct kb_tool *t;

	lockdep_assert_held(&kn->lock);
	list_for_each_entry(t, &kn->tools, list)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

/**
 * kb_tool_get - take a reference
 * @t: a tool of the table
 */
void kb_tool_get(struct kb_tool *t)
{
	refcount_inc(&t->ref);
}

static void tool_free_rcu(struct rcu_head *rcu)
{
	struct kb_tool *t = container_of(rcu, struct kb_tool, rcu);

	kfree(rcu_dereference_protected(t->look, true));
	free_percpu(t->stats);
	kfree(t);
}

/**
 * kb_tool_put - drop a reference
 * @t: the tool
 *
 * Context: any.
 */
void kb_tool_put(struct kb_tool *t)
{
	if (refcount_dec_and_test(&t->ref))
		call_rcu(&t->rcu, tool_free_rcu);
}

/**
 * kb_tool_dev_is_up - whether a device would send a frame
 * @dev: the device
 *
 * Context: any.
 */
bool kb_tool_dev_is_up(const struct net_device *dev)
{
	return netif_running(dev) && netif_carrier_ok(dev);
}

/* The fields are read under the namespace's lock, or under RTNL in the notifier, or both. */
static struct net_device *tool_dev(const struct kb_tool *t)
{
	return rcu_dereference_protected(t->dev, true);
}

static const struct kb_tool_look *tool_look(const struct kb_tool *t)
{
	return rcu_dereference_protected(t->look, true);
}

static enum kbump_tool_state tool_state(const struct kb_tool *t)
{
	const struct net_device *dev = tool_dev(t);

	if (!dev)
		return KBUMP_TOOL_GONE;
	return kb_tool_dev_is_up(dev) ? KBUMP_TOOL_UP : KBUMP_TOOL_DOWN;
}

static struct kb_tool_stats tool_stats(const struct kb_tool *t)
{
	struct kb_tool_stats sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct kb_tool_stats *s = per_cpu_ptr(t->stats, cpu);

		sum.frames += READ_ONCE(s->frames);
		sum.bytes += READ_ONCE(s->bytes);
		sum.flows += READ_ONCE(s->flows);
		sum.drop_queue += READ_ONCE(s->drop_queue);
		sum.drop_down += READ_ONCE(s->drop_down);
		sum.drop_nomem += READ_ONCE(s->drop_nomem);
	}
	return sum;
}

static int fill_counters(struct sk_buff *skb, const struct kb_tool *t)
{
	struct kb_tool_stats s = tool_stats(t);

	return nla_put_u64_64bit(skb, KBUMP_TOOL_A_FRAMES, s.frames, KBUMP_TOOL_A_PAD) ||
	       nla_put_u64_64bit(skb, KBUMP_TOOL_A_BYTES, s.bytes, KBUMP_TOOL_A_PAD) ||
	       nla_put_u64_64bit(skb, KBUMP_TOOL_A_FLOWS, s.flows, KBUMP_TOOL_A_PAD) ||
	       nla_put_u64_64bit(skb, KBUMP_TOOL_A_DROP_QUEUE, s.drop_queue, KBUMP_TOOL_A_PAD) ||
	       nla_put_u64_64bit(skb, KBUMP_TOOL_A_DROP_DOWN, s.drop_down, KBUMP_TOOL_A_PAD) ||
	       nla_put_u64_64bit(skb, KBUMP_TOOL_A_DROP_NOMEM, s.drop_nomem, KBUMP_TOOL_A_PAD);
}

static int fill_look(struct sk_buff *skb, const struct kb_tool_look *look)
{
	if (look->has_src && nla_put(skb, KBUMP_TOOL_A_SRC_MAC, ETH_ALEN, look->src))
		return -EMSGSIZE;
	return nla_put(skb, KBUMP_TOOL_A_DST_MAC, ETH_ALEN, look->dst) ||
	       nla_put_u16(skb, KBUMP_TOOL_A_VLAN, look->vlan) ||
	       nla_put_u16(skb, KBUMP_TOOL_A_DPORT, look->dport) ||
	       nla_put_u32(skb, KBUMP_TOOL_A_MTU, look->mtu);
}

static int tool_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_tool *t = obj;
	const struct net_device *dev = tool_dev(t);

	if (nla_put_string(skb, KBUMP_TOOL_A_NAME, t->name) ||
	    nla_put_string(skb, KBUMP_TOOL_A_DEV, dev ? dev->name : t->last_dev) ||
	    nla_put_u32(skb, KBUMP_TOOL_A_IFINDEX, dev ? dev->ifindex : 0) ||
	    fill_look(skb, tool_look(t)) ||
	    nla_put_u8(skb, KBUMP_TOOL_A_STATE, tool_state(t)) || fill_counters(skb, t))
		return -EMSGSIZE;
	return 0;
}

static void tool_event(struct kb_net *kn, u8 cmd, const struct kb_tool *t)
{
	kb_nl_event(kn, cmd, KBUMP_A_TOOL, tool_fill, t);
}

static int parse_look(struct kb_tool_look *look, struct nlattr **tb,
		      struct netlink_ext_ack *extack)
{
	if (tb[KBUMP_TOOL_A_SRC_MAC]) {
		nla_memcpy(look->src, tb[KBUMP_TOOL_A_SRC_MAC], ETH_ALEN);
		look->has_src = true;
	}
	if (tb[KBUMP_TOOL_A_DST_MAC])
		nla_memcpy(look->dst, tb[KBUMP_TOOL_A_DST_MAC], ETH_ALEN);
	if (tb[KBUMP_TOOL_A_VLAN])
		look->vlan = nla_get_u16(tb[KBUMP_TOOL_A_VLAN]);
	if (tb[KBUMP_TOOL_A_DPORT])
		look->dport = nla_get_u16(tb[KBUMP_TOOL_A_DPORT]);
	if (tb[KBUMP_TOOL_A_MTU])
		look->mtu = nla_get_u32(tb[KBUMP_TOOL_A_MTU]);
	if (look->mtu && (look->mtu < MTU_MIN || look->mtu > IP_MAX_MTU)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_MTU], "mtu is not 576 to 65535");
		return -ERANGE;
	}
	return 0;
}

/* Called under RTNL. */
static struct net_device *find_dev(struct kb_net *kn, const struct nlattr *a,
				   struct netlink_ext_ack *extack)
{
	struct net_device *dev = __dev_get_by_name(kn->net, nla_data(a));

	if (!dev) {
		NL_SET_ERR_MSG_ATTR(extack, a, "no such device");
		return ERR_PTR(-ENODEV);
	}
	if (dev->type != ARPHRD_ETHER) {
		NL_SET_ERR_MSG_ATTR(extack, a, "not an Ethernet device");
		return ERR_PTR(-EOPNOTSUPP);
	}
	return dev;
}

/* Called under RTNL and the namespace's lock. */
static void set_dev(struct kb_tool *t, struct net_device *dev)
{
	struct net_device *old = tool_dev(t);

	if (old == dev)
		return;
	RCU_INIT_POINTER(t->dev, NULL);
	if (old) {
		strscpy(t->last_dev, old->name, sizeof(t->last_dev));
		netdev_put(old, &t->tracker);
	}
	if (dev)
		netdev_hold(dev, &t->tracker, GFP_KERNEL);
	rcu_assign_pointer(t->dev, dev);
}

static void tool_free(struct kb_tool *t)
{
	tool_free_rcu(&t->rcu);
}

static struct kb_tool *tool_alloc(struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct kb_tool *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	struct kb_tool_look *look = kzalloc(sizeof(*look), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!t || !look)
		goto fail;
	eth_broadcast_addr(look->dst);
	err = parse_look(look, tb, extack);
	if (err)
		goto fail;
	err = -ENOMEM;
	t->stats = alloc_percpu_gfp(struct kb_tool_stats, GFP_KERNEL_ACCOUNT);
	if (!t->stats)
		goto fail;
	refcount_set(&t->ref, 1);
	nla_strscpy(t->name, tb[KBUMP_TOOL_A_NAME], sizeof(t->name));
	RCU_INIT_POINTER(t->look, look);
	return t;
fail:
	kfree(look);
	kfree(t);
	return ERR_PTR(err);
}

/* Called under RTNL and the namespace's lock. */
static int add_locked(struct kb_net *kn, struct kb_tool *t, struct nlattr **tb,
		      struct netlink_ext_ack *extack)
{
	struct net_device *dev;

	if (kn->dying)
		return -ESHUTDOWN;
	if (kb_tool_find(kn, t->name)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_NAME], "a tool of this name exists");
		return -EEXIST;
	}
	dev = find_dev(kn, tb[KBUMP_TOOL_A_DEV], extack);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	set_dev(t, dev);
	list_add_tail_rcu(&t->list, &kn->tools);
	kn->tools_gen++;
	tool_event(kn, KBUMP_CMD_TOOL_ADD, t);
	return 0;
}

/**
 * kb_tool_add_doit - KBUMP_CMD_TOOL_ADD
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_tool_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_TOOL_A_MAX + 1];
	struct kb_tool *t;
	int err;

	err = kb_nl_parse(info, KBUMP_A_TOOL, tb, KBUMP_TOOL_A_MAX);
	if (!err)
		err = kb_nl_check_name(tb[KBUMP_TOOL_A_NAME], info->extack);
	if (err)
		return err;
	if (!tb[KBUMP_TOOL_A_DEV]) {
		NL_SET_ERR_MSG(info->extack, "the tool's device is missing");
		return -EINVAL;
	}
	t = tool_alloc(tb, info->extack);
	if (IS_ERR(t))
		return PTR_ERR(t);
	rtnl_lock();
	mutex_lock(&kn->lock);
	err = add_locked(kn, t, tb, info->extack);
	mutex_unlock(&kn->lock);
	rtnl_unlock();
	if (err)
		tool_free(t);
	return err;
}

static struct kb_tool *named(struct kb_net *kn, struct nlattr **tb,
			     struct netlink_ext_ack *extack)
{
	struct kb_tool *t = kb_tool_find(kn, nla_data(tb[KBUMP_TOOL_A_NAME]));

	if (t)
		return t;
	NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_NAME], "no tool has this name");
	return ERR_PTR(-ENOENT);
}

/* Called under RTNL and the namespace's lock. Everything is checked before anything is set. */
static int set_locked(struct kb_net *kn, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct kb_tool *t = named(kn, tb, extack);
	struct kb_tool_look *look, *old;
	struct net_device *dev;
	int err;

	if (IS_ERR(t))
		return PTR_ERR(t);
	dev = tool_dev(t);
	if (tb[KBUMP_TOOL_A_DEV])
		dev = find_dev(kn, tb[KBUMP_TOOL_A_DEV], extack);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	look = kmemdup(tool_look(t), sizeof(*look), GFP_KERNEL_ACCOUNT);
	if (!look)
		return -ENOMEM;
	err = parse_look(look, tb, extack);
	if (err) {
		kfree(look);
		return err;
	}
	set_dev(t, dev);
	old = rcu_replace_pointer(t->look, look, lockdep_is_held(&kn->lock));
	/* Under two locks: no grace period is waited for here. */
	kvfree_rcu_mightsleep(old);
	kn->tools_gen++;
	tool_event(kn, KBUMP_CMD_TOOL_SET, t);
	return 0;
}

/**
 * kb_tool_set_doit - KBUMP_CMD_TOOL_SET
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_tool_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_TOOL_A_MAX + 1];
	int err;

	err = kb_nl_parse(info, KBUMP_A_TOOL, tb, KBUMP_TOOL_A_MAX);
	if (!err)
		err = kb_nl_check_name(tb[KBUMP_TOOL_A_NAME], info->extack);
	if (err)
		return err;
	rtnl_lock();
	mutex_lock(&kn->lock);
	err = set_locked(kn, tb, info->extack);
	mutex_unlock(&kn->lock);
	rtnl_unlock();
	return err;
}

/* Called under RTNL and the namespace's lock. */
static void remove(struct kb_net *kn, struct kb_tool *t)
{
	list_del_rcu(&t->list);
	kn->tools_gen++;
	tool_event(kn, KBUMP_CMD_TOOL_DEL, t);
	/* Flows that still have the tool send nothing more to it. */
	set_dev(t, NULL);
	kb_tool_put(t);
}

static int del_locked(struct kb_net *kn, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct kb_tool *t = named(kn, tb, extack);

	if (IS_ERR(t))
		return PTR_ERR(t);
	if (t->rules) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_NAME], "a rule names this tool");
		return -EBUSY;
	}
	remove(kn, t);
	return 0;
}

/**
 * kb_tool_del_doit - KBUMP_CMD_TOOL_DEL
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_tool_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_TOOL_A_MAX + 1];
	int err;

	err = kb_nl_parse(info, KBUMP_A_TOOL, tb, KBUMP_TOOL_A_MAX);
	if (!err)
		err = kb_nl_check_name(tb[KBUMP_TOOL_A_NAME], info->extack);
	if (err)
		return err;
	rtnl_lock();
	mutex_lock(&kn->lock);
	err = del_locked(kn, tb, info->extack);
	mutex_unlock(&kn->lock);
	rtnl_unlock();
	return err;
}

/**
 * kb_tool_get_doit - KBUMP_CMD_TOOL_GET, of one tool
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_tool_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_TOOL_A_MAX + 1];
	struct kb_tool *t;
	int err;

	err = kb_nl_parse(info, KBUMP_A_TOOL, tb, KBUMP_TOOL_A_MAX);
	if (!err)
		err = kb_nl_check_name(tb[KBUMP_TOOL_A_NAME], info->extack);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	t = named(kn, tb, info->extack);
	err = PTR_ERR_OR_ZERO(t);
	if (!err)
		err = kb_nl_reply(info, KBUMP_CMD_TOOL_GET, KBUMP_A_TOOL, tool_fill, t);
	mutex_unlock(&kn->lock);
	return err;
}

static const struct kb_nl_list tool_list = {
	.cmd = KBUMP_CMD_TOOL_GET,
	.attr = KBUMP_A_TOOL,
	.node = offsetof(struct kb_tool, list),
	.fill = tool_fill,
};

/**
 * kb_tool_get_dumpit - KBUMP_CMD_TOOL_GET, of all tools
 * @skb: a part of the answer
 * @cb: state of the dump
 *
 * Return: length of the part, 0 at the end.
 */
int kb_tool_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kb_net *kn = kb_net(sock_net(skb->sk));
	int len;

	mutex_lock(&kn->lock);
	len = kb_nl_dump(skb, cb, &tool_list, &kn->tools, kn->tools_gen);
	mutex_unlock(&kn->lock);
	return len;
}

static void dev_event(struct kb_net *kn, struct kb_tool *t, unsigned long event)
{
	switch (event) {
	case NETDEV_UNREGISTER:
		/* Also when it moves to another namespace. Senders are waited for by the caller. */
		set_dev(t, NULL);
		fallthrough;
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
	case NETDEV_CHANGENAME:
		tool_event(kn, KBUMP_CMD_TOOL_SET, t);
	}
}

/* Under RTNL. */
static int device_call(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct kb_net *kn = container_of(nb, struct kb_net, devices);
	struct kb_tool *t;

	mutex_lock(&kn->lock);
	list_for_each_entry(t, &kn->tools, list)
		if (tool_dev(t) == dev)
			dev_event(kn, t, event);
	mutex_unlock(&kn->lock);
	return NOTIFY_DONE;
}

/**
 * kb_tools_init - begin to watch the namespace's devices
 * @kn: the namespace
 *
 * Context: process; sleeps.
 * Return: 0 or an error.
 */
int kb_tools_init(struct kb_net *kn)
{
	INIT_LIST_HEAD(&kn->tools);
	kn->devices.notifier_call = device_call;
	return register_netdevice_notifier_net(kn->net, &kn->devices);
}

/**
 * kb_tools_exit - delete all tools
 * @kn: the namespace, whose rules are gone
 *
 * Context: process; sleeps.
 */
void kb_tools_exit(struct kb_net *kn)
{
	struct kb_tool *t, *next;

	unregister_netdevice_notifier_net(kn->net, &kn->devices);
	rtnl_lock();
	mutex_lock(&kn->lock);
	list_for_each_entry_safe(t, next, &kn->tools, list)
		remove(kn, t);
	mutex_unlock(&kn->lock);
	rtnl_unlock();
}
