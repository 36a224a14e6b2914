// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tools: the devices that get copies, and what becomes of them when the devices change. The
 * commands are in tool_nl.c.
 */
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "group.h"
#include "inline.h"
#include "netlink.h"
#include "tool.h"
#include "tool_nl.h"

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
	kb_inline_free(t->line);
	kb_group_free(rcu_dereference_protected(t->group, true));
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

/**
 * kb_tool_dev - a tool's device
 * @t: the tool; with the namespace's lock held, or under RTNL in the notifier, or both
 *
 * Return: the device, or NULL if it is gone.
 */
struct net_device *kb_tool_dev(const struct kb_tool *t)
{
	return rcu_dereference_protected(t->dev, true);
}

/**
 * kb_tool_set_dev - give a tool another device
 * @t: the tool
 * @dev: the device, or NULL
 *
 * Context: process, under RTNL and the namespace's lock.
 */
void kb_tool_set_dev(struct kb_tool *t, struct net_device *dev)
{
	struct net_device *old = kb_tool_dev(t);

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

/**
 * kb_tool_alloc - make a tool
 * @kn: the namespace
 * @name: its name
 * @look: what its frames look like; belongs to the tool
 * @mode: what it gets
 *
 * Context: process; sleeps.
 * Return: the tool, without a device and with one reference; or NULL, and @look is the caller's.
 */
struct kb_tool *kb_tool_alloc(struct kb_net *kn, const char *name, struct kb_tool_look *look,
			      enum kbump_tool_mode mode)
{
	bool in_line = mode == KBUMP_TOOL_INLINE;
	struct kb_tool *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (!t)
		return NULL;
	t->stats = alloc_percpu_gfp(struct kb_tool_stats, GFP_KERNEL_ACCOUNT);
	if (t->stats && in_line)
		t->line = kb_inline_alloc(kn, t);
	if (!t->stats || (in_line && !t->line)) {
		free_percpu(t->stats);
		kfree(t);
		return NULL;
	}
	INIT_LIST_HEAD(&t->list);
	refcount_set(&t->ref, 1);
	strscpy(t->name, name, sizeof(t->name));
	t->in_line = in_line;
	t->is_group = mode == KBUMP_TOOL_GROUP;
	RCU_INIT_POINTER(t->look, look);
	return t;
}

/**
 * kb_tool_remove - take a tool from the table of the namespace
 * @t: the tool; flows that still have it send nothing more to it
 *
 * Context: process, under RTNL and the namespace's lock. kb_inline_settle() follows.
 */
void kb_tool_remove(struct kb_tool *t)
{
	list_del(&t->list);
	kb_tool_set_dev(t, NULL);
	if (t->line) {
		kb_inline_set_peer(t->line, NULL);
		t->line->removed = true;
	}
	kb_tool_put(t);
}

static bool has_dev(const struct kb_tool *t, const struct net_device *dev)
{
	return kb_tool_dev(t) == dev || (t->line && kb_inline_peer(t->line) == dev);
}

static void dev_event(struct kb_net *kn, struct kb_tool *t, struct net_device *dev,
		      unsigned long event)
{
	switch (event) {
	case NETDEV_UNREGISTER:
		/* Also when it moves to another namespace. Senders are waited for by the caller. */
		if (kb_tool_dev(t) == dev)
			kb_tool_set_dev(t, NULL);
		else
			kb_inline_set_peer(t->line, NULL);
		fallthrough;
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
	case NETDEV_CHANGENAME:
		kb_nl_event(kn, KBUMP_CMD_TOOL_SET, KBUMP_A_TOOL, kb_tool_fill, t);
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
		if (has_dev(t, dev))
			dev_event(kn, t, dev, event);
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
		kb_tool_remove(t);
	mutex_unlock(&kn->lock);
	kb_inline_settle(kn);
	rtnl_unlock();
}
