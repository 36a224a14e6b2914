// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands about tools. Those that change them do so in a draft.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/sock.h>

#include "compat.h"
#include "draft.h"
#include "group.h"
#include "inline.h"
#include "netlink.h"
#include "tool.h"
#include "tool_nl.h"
#include "wire.h"

#define MTU_MIN		576
/* All headers are in it. */
#define SNAPLEN_MIN	96
#define SNAPLEN_MAX	65535
/* In ms. */
#define HEARTBEAT_MIN	20
#define HEARTBEAT_MAX	60000

static const struct kb_tool_look *tool_look(const struct kb_tool *t)
{
	return rcu_dereference_protected(t->look, true);
}

static const struct kb_group *tool_group(const struct kb_tool *t)
{
	return rcu_dereference_protected(t->group, true);
}

static enum kbump_tool_state tool_state(const struct kb_tool *t)
{
	const struct net_device *dev = kb_tool_dev(t);

	if (t->is_group)
		return kb_group_is_up(tool_group(t)) ? KBUMP_TOOL_UP : KBUMP_TOOL_DOWN;
	if (!dev || (t->line && !kb_inline_peer(t->line)))
		return KBUMP_TOOL_GONE;
	if (t->line)
		return kb_inline_is_up(t) ? KBUMP_TOOL_UP : KBUMP_TOOL_DOWN;
	return kb_tool_dev_is_up(dev) ? KBUMP_TOOL_UP : KBUMP_TOOL_DOWN;
}

static enum kbump_tool_state state_of(const struct kb_tool *t)
{
	enum kbump_tool_state state;

	rcu_read_lock();
	state = tool_state(t);
	rcu_read_unlock();
	return state;
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
		sum.missed += READ_ONCE(s->missed);
	}
	return sum;
}

static int fill_counters(struct sk_buff *skb, const struct kb_tool *t)
{
	struct kb_tool_stats s = tool_stats(t);

	if (t->in_line)
		return nla_put_u64_64bit(skb, KBUMP_TOOL_A_FLOWS, s.flows, KBUMP_TOOL_A_PAD) ||
		       nla_put_u64_64bit(skb, KBUMP_TOOL_A_MISSED, s.missed, KBUMP_TOOL_A_PAD);
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
	if (!is_zero_ether_addr(look->dst) &&
	    nla_put(skb, KBUMP_TOOL_A_DST_MAC, ETH_ALEN, look->dst))
		return -EMSGSIZE;
	return nla_put_u16(skb, KBUMP_TOOL_A_VLAN, look->vlan) ||
	       nla_put_u16(skb, KBUMP_TOOL_A_DPORT, look->dport);
}

static int fill_copies(struct sk_buff *skb, const struct kb_tool_look *look)
{
	return nla_put_u32(skb, KBUMP_TOOL_A_MTU, look->mtu) ||
	       nla_put_u32(skb, KBUMP_TOOL_A_SNAPLEN, look->snaplen) ||
	       nla_put_u64_64bit(skb, KBUMP_TOOL_A_LIMIT, look->limit, KBUMP_TOOL_A_PAD) ||
	       nla_put_u32(skb, KBUMP_TOOL_A_SAMPLE, look->sample);
}

static int fill_line(struct sk_buff *skb, const struct kb_inline *l,
		     const struct kb_tool_look *look)
{
	const struct net_device *peer = kb_inline_peer(l);

	return nla_put_u8(skb, KBUMP_TOOL_A_MODE, KBUMP_TOOL_INLINE) ||
	       nla_put_string(skb, KBUMP_TOOL_A_PEER, peer ? peer->name : l->last_peer) ||
	       nla_put_u8(skb, KBUMP_TOOL_A_FAIL, look->fail) ||
	       nla_put_u32(skb, KBUMP_TOOL_A_HEARTBEAT, look->heartbeat);
}

static int fill_group(struct sk_buff *skb, const struct kb_tool *t)
{
	const struct kb_group *g = tool_group(t);

	if (nla_put_u8(skb, KBUMP_TOOL_A_MODE, KBUMP_TOOL_GROUP) || kb_group_fill(skb, g))
		return -EMSGSIZE;
	return g->in_line ? nla_put_u8(skb, KBUMP_TOOL_A_FAIL, tool_look(t)->fail) : 0;
}

static int fill_dev(struct sk_buff *skb, const struct kb_tool *t)
{
	const struct kb_tool_look *look = tool_look(t);
	const struct net_device *dev = kb_tool_dev(t);

	if (nla_put_string(skb, KBUMP_TOOL_A_DEV, dev ? dev->name : t->last_dev) ||
	    nla_put_u32(skb, KBUMP_TOOL_A_IFINDEX, dev ? dev->ifindex : 0) ||
	    fill_look(skb, look))
		return -EMSGSIZE;
	if (t->line)
		return fill_line(skb, t->line, look);
	return nla_put_u8(skb, KBUMP_TOOL_A_MODE, KBUMP_TOOL_MIRROR) || fill_copies(skb, look);
}

/**
 * kb_tool_fill - put a tool into a message
 * @skb: where to
 * @obj: the tool
 *
 * Context: as of kb_tool_dev().
 * Return: 0 or -EMSGSIZE.
 */
int kb_tool_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_tool *t = obj;

	if (nla_put_string(skb, KBUMP_TOOL_A_NAME, t->name) ||
	    (t->is_group ? fill_group(skb, t) : fill_dev(skb, t)) ||
	    nla_put_u8(skb, KBUMP_TOOL_A_STATE, state_of(t)) || fill_counters(skb, t))
		return -EMSGSIZE;
	return 0;
}

static int parse_copies(struct kb_tool_look *look, struct nlattr **tb,
			struct netlink_ext_ack *extack)
{
	if (tb[KBUMP_TOOL_A_SNAPLEN])
		look->snaplen = nla_get_u32(tb[KBUMP_TOOL_A_SNAPLEN]);
	if (tb[KBUMP_TOOL_A_LIMIT])
		look->limit = nla_get_u64(tb[KBUMP_TOOL_A_LIMIT]);
	if (tb[KBUMP_TOOL_A_SAMPLE])
		look->sample = nla_get_u32(tb[KBUMP_TOOL_A_SAMPLE]);
	if (look->snaplen && (look->snaplen < SNAPLEN_MIN || look->snaplen > SNAPLEN_MAX)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_SNAPLEN],
				    "snaplen is not 96 to 65535");
		return -ERANGE;
	}
	return 0;
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
	return parse_copies(look, tb, extack);
}

static int parse_line(struct kb_tool_look *look, struct nlattr **tb,
		      struct netlink_ext_ack *extack)
{
	if (tb[KBUMP_TOOL_A_FAIL])
		look->fail = nla_get_u8(tb[KBUMP_TOOL_A_FAIL]);
	if (tb[KBUMP_TOOL_A_HEARTBEAT])
		look->heartbeat = nla_get_u32(tb[KBUMP_TOOL_A_HEARTBEAT]);
	if (look->heartbeat &&
	    (look->heartbeat < HEARTBEAT_MIN || look->heartbeat > HEARTBEAT_MAX)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_HEARTBEAT],
				    "heartbeat is not 20 to 60000 ms");
		return -ERANGE;
	}
	return 0;
}

/* Some settings say something of some modes only. */
static int check_mode(enum kbump_tool_mode mode, struct nlattr **tb,
		      struct netlink_ext_ack *extack)
{
	const unsigned int copies = BIT(KBUMP_TOOL_MIRROR), line = BIT(KBUMP_TOOL_INLINE);
	const unsigned int group = BIT(KBUMP_TOOL_GROUP);
	const struct {
		int attr;
		unsigned int modes;
	} of[] = {
		{ KBUMP_TOOL_A_DEV, copies | line },
		{ KBUMP_TOOL_A_SRC_MAC, copies | line },
		{ KBUMP_TOOL_A_DST_MAC, copies | line },
		{ KBUMP_TOOL_A_VLAN, copies | line },
		{ KBUMP_TOOL_A_DPORT, copies | line },
		{ KBUMP_TOOL_A_MTU, copies },
		{ KBUMP_TOOL_A_SNAPLEN, copies },
		{ KBUMP_TOOL_A_LIMIT, copies },
		{ KBUMP_TOOL_A_SAMPLE, copies },
		{ KBUMP_TOOL_A_PEER, line },
		{ KBUMP_TOOL_A_HEARTBEAT, line },
		{ KBUMP_TOOL_A_FAIL, line | group },
		{ KBUMP_TOOL_A_MEMBER, group },
		{ KBUMP_TOOL_A_STANDBY, group },
		{ KBUMP_TOOL_A_SPREAD, group },
		{ KBUMP_TOOL_A_KEY, group },
		{ KBUMP_TOOL_A_MIN, group },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(of); i++) {
		if (!tb[of[i].attr] || of[i].modes & BIT(mode))
			continue;
		NL_SET_ERR_MSG_ATTR(extack, tb[of[i].attr],
				    "a tool of this mode has no such setting");
		return -EINVAL;
	}
	return 0;
}

static enum kbump_tool_mode mode_of(const struct kb_tool *t)
{
	if (t->is_group)
		return KBUMP_TOOL_GROUP;
	return t->line ? KBUMP_TOOL_INLINE : KBUMP_TOOL_MIRROR;
}

/* Called under RTNL. */
static struct net_device *find_dev(struct kb_net *kn, const char *name, const struct nlattr *a,
				   struct netlink_ext_ack *extack)
{
	struct net_device *dev = __dev_get_by_name(kn->net, name);

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

static void note_put(const void *obj)
{
	kb_tool_put((struct kb_tool *)obj);
}

static const struct kb_note_kind tool_note = {
	.attr = KBUMP_A_TOOL,
	.fill = kb_tool_fill,
	.put = note_put,
};

/* What becomes of a tool is told when the draft holds. */
static int note(struct kb_draft *d, u8 cmd, struct kb_tool *t)
{
	struct kb_note *n = kb_draft_note(d, cmd, &tool_note);

	if (!n)
		return -ENOMEM;
	n->obj = t;
	kb_tool_get(t);
	return 0;
}

static struct kb_draft_tool *find(const struct list_head *tools, const char *name)
{
	struct kb_draft_tool *e;

	list_for_each_entry(e, tools, list)
		if (!strcmp(e->tool->name, name))
			return e;
	return NULL;
}

/* The reference to the tool goes to the entry. */
static struct kb_draft_tool *enter(struct kb_draft *d, struct kb_tool *t)
{
	struct kb_draft_tool *e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);

	if (!e)
		return NULL;
	e->tool = t;
	list_add_tail(&e->list, &d->tools);
	return e;
}

static void entry_free(struct kb_draft_tool *e)
{
	list_del(&e->list);
	kfree(e->look);
	kb_group_free(e->group);
	kb_tool_put(e->tool);
	kfree(e);
}

/**
 * kb_draft_copy_tools - begin a draft with the tools that there are
 * @kn: the namespace, whose lock is held
 * @d: the draft
 *
 * Context: process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int kb_draft_copy_tools(struct kb_net *kn, struct kb_draft *d)
{
	struct kb_tool *t;

	list_for_each_entry(t, &kn->tools, list) {
		if (!enter(d, t))
			return -ENOMEM;
		kb_tool_get(t);
	}
	return 0;
}

/**
 * kb_draft_free_tools - forget the tools of a draft
 * @d: the draft
 *
 * Context: process.
 */
void kb_draft_free_tools(struct kb_draft *d)
{
	struct kb_draft_tool *e, *next;

	list_splice_init(&d->gone_tools, &d->tools);
	list_for_each_entry_safe(e, next, &d->tools, list)
		entry_free(e);
}

/**
 * kb_draft_find_tool - find a tool by name
 * @d: the draft
 * @name: its name
 *
 * Return: the tool, without a reference, or NULL.
 */
struct kb_tool *kb_draft_find_tool(const struct kb_draft *d, const char *name)
{
	struct kb_draft_tool *e = find(&d->tools, name);

	return e ? e->tool : NULL;
}

/* The device that a tool is to have in the end. */
static struct net_device *dev_of(const struct kb_draft_tool *e)
{
	return e->found ?: kb_tool_dev(e->tool);
}

static struct net_device *peer_of(const struct kb_draft_tool *e)
{
	return e->found_peer ?: kb_inline_peer(e->tool->line);
}

static bool uses(const struct kb_draft_tool *e, const struct net_device *dev)
{
	if (e->tool->is_group)
		return false;
	return dev_of(e) == dev || (e->tool->line && peer_of(e) == dev);
}

/* A port that is ours already is no one else's. */
static bool is_free(const struct net_device *dev)
{
	const struct net_device *master = netdev_master_upper_dev_get((struct net_device *)dev);

	if (kb_is_wire(master))
		return ((const struct kb_wire *)netdev_priv(master))->line;
	return !netdev_is_rx_handler_busy((struct net_device *)dev) && !master;
}

static int check_port(const struct kb_draft *d, const struct kb_draft_tool *line,
		      const struct net_device *dev, struct netlink_ext_ack *extack)
{
	const struct kb_draft_tool *e;

	if (!dev)
		return 0;
	if (!is_free(dev) || kb_is_wire(dev) || dev->flags & IFF_LOOPBACK) {
		NL_SET_ERR_MSG(extack, "a port of an inline tool is an Ethernet device of its own");
		return -EBUSY;
	}
	list_for_each_entry(e, &d->tools, list) {
		if (e == line || !uses(e, dev))
			continue;
		NL_SET_ERR_MSG(extack, "another tool has a port of an inline tool");
		return -EBUSY;
	}
	return 0;
}

/* Of one that gets copies no port of an inline tool. */
static int check_mirror(const struct kb_draft *d, const struct kb_draft_tool *mirror,
			struct netlink_ext_ack *extack)
{
	const struct kb_draft_tool *e;

	list_for_each_entry(e, &d->tools, list) {
		if (!e->tool->line || !uses(e, mirror->found))
			continue;
		NL_SET_ERR_MSG(extack, "another tool, in line, has this device");
		return -EBUSY;
	}
	return 0;
}

/* So that nothing but a lack of memory keeps kb_inline_settle() from doing what it is to do. */
static int check_ports(const struct kb_draft *d, struct netlink_ext_ack *extack)
{
	const struct kb_draft_tool *e;
	int err = 0;

	list_for_each_entry(e, &d->tools, list) {
		if (!(e->found || e->found_peer))
			continue;
		if (e->tool->line && dev_of(e) == peer_of(e)) {
			NL_SET_ERR_MSG(extack, "the ports of an inline tool are two devices");
			return -EINVAL;
		}
		if (e->tool->line)
			err = check_port(d, e, dev_of(e), extack) ?:
			      check_port(d, e, peer_of(e), extack);
		else
			err = check_mirror(d, e, extack);
		if (err)
			break;
	}
	return err;
}

/**
 * kb_draft_find_devices - find the devices that tools are to have
 * @kn: the namespace, whose lock is held
 * @d: the draft
 * @extack: says what is wrong
 *
 * Context: process; under RTNL if there is a change to a tool.
 * Return: 0 or an error.
 */
int kb_draft_find_devices(struct kb_net *kn, struct kb_draft *d, struct netlink_ext_ack *extack)
{
	struct kb_draft_tool *e;

	list_for_each_entry(e, &d->tools, list) {
		if (!*e->dev)
			continue;
		e->found = find_dev(kn, e->dev, NULL, extack);
		if (IS_ERR(e->found))
			return PTR_ERR(e->found);
	}
	list_for_each_entry(e, &d->tools, list) {
		if (!*e->peer)
			continue;
		e->found_peer = find_dev(kn, e->peer, NULL, extack);
		if (IS_ERR(e->found_peer))
			return PTR_ERR(e->found_peer);
	}
	return check_ports(d, extack);
}

static void set_look(struct kb_net *kn, struct kb_draft_tool *e)
{
	struct kb_tool_look *old;

	if (!e->look)
		return;
	old = rcu_replace_pointer(e->tool->look, e->look, lockdep_is_held(&kn->lock));
	e->look = NULL;
	/* Under two locks: no grace period is waited for here. */
	kvfree_rcu_mightsleep(old);
}

static void set_group(struct kb_net *kn, struct kb_draft_tool *e)
{
	struct kb_group *old;

	if (!e->group)
		return;
	e->tool->in_line = e->group->in_line;
	old = rcu_replace_pointer(e->tool->group, e->group, lockdep_is_held(&kn->lock));
	e->group = NULL;
	if (old)
		kb_group_free_later(old);
}

/**
 * kb_draft_enter_tools - make the tools as the draft has them
 * @kn: the namespace, whose lock is held
 * @d: the draft, after kb_draft_find_devices()
 *
 * Context: process; under RTNL if there is a change to a tool.
 */
void kb_draft_enter_tools(struct kb_net *kn, struct kb_draft *d)
{
	struct kb_draft_tool *e;

	list_for_each_entry(e, &d->tools, list) {
		set_look(kn, e);
		set_group(kn, e);
		if (e->found)
			kb_tool_set_dev(e->tool, e->found);
		if (e->found_peer)
			kb_inline_set_peer(e->tool->line, e->found_peer);
		if (e->added)
			kb_tool_get(e->tool);
		if (e->added && e->tool->line)
			kb_inline_enter(e->tool->line);
		/* One that has come back is as young as the draft has it. */
		list_move_tail(&e->tool->list, &kn->tools);
	}
}

/**
 * kb_draft_leave_tools - delete the tools that the draft has no more
 * @d: the draft; with the lock held of the namespace, whose rules name none of them
 *
 * Context: process; under RTNL if there is a change to a tool.
 */
void kb_draft_leave_tools(struct kb_draft *d)
{
	struct kb_draft_tool *e;

	list_for_each_entry(e, &d->gone_tools, list)
		kb_tool_remove(e->tool);
}

/* What was deleted before in the same draft comes back: flows that have it go on with it. */
static struct kb_draft_tool *make(struct kb_net *kn, struct kb_draft *d, const char *name,
				  struct kb_tool_look *look, enum kbump_tool_mode mode)
{
	struct kb_draft_tool *e = find(&d->gone_tools, name);
	struct kb_tool *t;

	if (e && mode_of(e->tool) == mode) {
		list_move_tail(&e->list, &d->tools);
		kfree(e->look);
		e->look = look;
		return e;
	}
	t = kb_tool_alloc(kn, name, look, mode);
	if (!t)
		return NULL;
	e = enter(d, t);
	if (e) {
		e->added = true;
		return e;
	}
	RCU_INIT_POINTER(t->look, NULL);
	kb_tool_put(t);
	return NULL;
}

static int check_devs(struct kb_net *kn, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	static const int attrs[] = { KBUMP_TOOL_A_DEV, KBUMP_TOOL_A_PEER };
	struct net_device *dev;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		if (!tb[attrs[i]])
			continue;
		dev = find_dev(kn, nla_data(tb[attrs[i]]), tb[attrs[i]], extack);
		if (IS_ERR(dev))
			return PTR_ERR(dev);
	}
	return 0;
}

static void set_devs(struct kb_draft_tool *e, struct nlattr **tb)
{
	if (tb[KBUMP_TOOL_A_DEV])
		nla_strscpy(e->dev, tb[KBUMP_TOOL_A_DEV], sizeof(e->dev));
	if (tb[KBUMP_TOOL_A_PEER])
		nla_strscpy(e->peer, tb[KBUMP_TOOL_A_PEER], sizeof(e->peer));
}

static int add(struct kb_net *kn, struct kb_draft *d, const struct nlattr *nest,
	       struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const char *name = nla_data(tb[KBUMP_TOOL_A_NAME]);
	enum kbump_tool_mode mode = tb[KBUMP_TOOL_A_MODE] ?
				    nla_get_u8(tb[KBUMP_TOOL_A_MODE]) : KBUMP_TOOL_MIRROR;
	struct kb_group *group = NULL;
	struct kb_tool_look *look;
	struct kb_draft_tool *e;
	int err;

	if (mode != KBUMP_TOOL_GROUP && !tb[KBUMP_TOOL_A_DEV]) {
		NL_SET_ERR_MSG(extack, "the tool's device is missing");
		return -EINVAL;
	}
	if (mode == KBUMP_TOOL_INLINE && !tb[KBUMP_TOOL_A_PEER]) {
		NL_SET_ERR_MSG(extack, "the device of the tool's other side is missing");
		return -EINVAL;
	}
	if (find(&d->tools, name)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_NAME], "a tool of this name exists");
		return -EEXIST;
	}
	err = check_mode(mode, tb, extack) ?: check_devs(kn, tb, extack);
	if (err)
		return err;
	look = kzalloc(sizeof(*look), GFP_KERNEL_ACCOUNT);
	if (!look)
		return -ENOMEM;
	if (mode == KBUMP_TOOL_MIRROR)
		eth_broadcast_addr(look->dst);
	err = parse_look(look, tb, extack) ?: parse_line(look, tb, extack);
	if (!err && mode == KBUMP_TOOL_GROUP) {
		group = kb_group_parse(d, nest, tb, NULL, extack);
		err = PTR_ERR_OR_ZERO(group);
	}
	if (err)
		goto fail_look;
	err = -ENOMEM;
	e = make(kn, d, name, look, mode);
	if (!e)
		goto fail_group;
	set_devs(e, tb);
	kb_group_free(e->group);
	e->group = group;
	return note(d, KBUMP_CMD_TOOL_ADD, e->tool);
fail_group:
	kb_group_free(group);
fail_look:
	kfree(look);
	return err;
}

static struct kb_draft_tool *named(struct kb_draft *d, struct nlattr **tb,
				   struct netlink_ext_ack *extack)
{
	struct kb_draft_tool *e = find(&d->tools, nla_data(tb[KBUMP_TOOL_A_NAME]));

	if (!e)
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_NAME], "no tool has this name");
	return e;
}

/* Everything is checked before anything is set. */
static int set(struct kb_net *kn, struct kb_draft *d, const struct nlattr *nest,
	       struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct kb_draft_tool *e = named(d, tb, extack);
	struct kb_group *group = NULL;
	struct kb_tool_look *look;
	int err;

	if (!e)
		return -ENOENT;
	if (tb[KBUMP_TOOL_A_MODE] && nla_get_u8(tb[KBUMP_TOOL_A_MODE]) != mode_of(e->tool)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_MODE],
				    "the mode of a tool cannot be changed");
		return -EINVAL;
	}
	err = check_mode(mode_of(e->tool), tb, extack) ?: check_devs(kn, tb, extack);
	if (err)
		return err;
	if (e->tool->is_group) {
		group = kb_group_parse(d, nest, tb, e->group ?: tool_group(e->tool), extack);
		if (IS_ERR(group))
			return PTR_ERR(group);
	}
	look = kmemdup(e->look ?: tool_look(e->tool), sizeof(*look), GFP_KERNEL_ACCOUNT);
	if (!look) {
		kb_group_free(group);
		return -ENOMEM;
	}
	err = parse_look(look, tb, extack) ?: parse_line(look, tb, extack) ?:
	      note(d, KBUMP_CMD_TOOL_SET, e->tool);
	if (err) {
		kfree(look);
		kb_group_free(group);
		return err;
	}
	kfree(e->look);
	e->look = look;
	if (group) {
		kb_group_free(e->group);
		e->group = group;
	}
	set_devs(e, tb);
	return 0;
}

static bool is_named(const struct kb_rules *t, const struct kb_tool *tool)
{
	unsigned int i, j;

	for (i = 0; i < t->count; i++)
		for (j = 0; j < t->place[i].rule->ntools; j++)
			if (t->place[i].rule->tools[j] == tool)
				return true;
	return false;
}

static bool is_member(const struct kb_draft *d, const struct kb_tool *tool)
{
	const struct kb_draft_tool *e;

	list_for_each_entry(e, &d->tools, list)
		if (e->tool->is_group && kb_group_has(e->group ?: tool_group(e->tool), tool))
			return true;
	return false;
}

static int take(struct kb_draft *d, struct kb_draft_tool *e)
{
	int err = note(d, KBUMP_CMD_TOOL_DEL, e->tool);

	if (err)
		return err;
	if (e->added)
		entry_free(e);
	else
		list_move_tail(&e->list, &d->gone_tools);
	return 0;
}

static int del(struct kb_net *kn, struct kb_draft *d, const struct nlattr *nest,
	       struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct kb_draft_tool *e = named(d, tb, extack);

	if (!e)
		return -ENOENT;
	if (is_named(d->rules, e->tool)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_NAME], "a rule names this tool");
		return -EBUSY;
	}
	if (is_member(d, e->tool)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_NAME], "it is a member of a group");
		return -EBUSY;
	}
	return take(d, e);
}

/**
 * kb_draft_flush_tools - take all tools out of a draft
 * @d: the draft, without rules
 *
 * Context: process, with the namespace's lock held; sleeps.
 * Return: 0 or -ENOMEM.
 */
int kb_draft_flush_tools(struct kb_draft *d)
{
	struct kb_draft_tool *e, *next;
	int err = 0;

	list_for_each_entry_safe(e, next, &d->tools, list)
		err = err ?: take(d, e);
	return err;
}

static int parse(struct genl_info *info, struct nlattr **tb)
{
	int err = kb_nl_parse(info, KBUMP_A_TOOL, tb, KBUMP_TOOL_A_MAX);

	return err ?: kb_nl_check_name(tb[KBUMP_TOOL_A_NAME], info->extack);
}

static int change(struct genl_info *info,
		  int (*act)(struct kb_net *kn, struct kb_draft *d, const struct nlattr *nest,
			     struct nlattr **tb, struct netlink_ext_ack *extack))
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_TOOL_A_MAX + 1];
	struct kb_draft *d;
	int err;

	rtnl_lock();
	d = kb_draft_open(kn, info);
	err = PTR_ERR_OR_ZERO(d);
	if (!err) {
		err = parse(info, tb) ?:
		      act(kn, d, info->attrs[KBUMP_A_TOOL], tb, info->extack);
		err = kb_draft_close(kn, d, info, err);
		kb_inline_settle(kn);
	}
	rtnl_unlock();
	return err;
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
	return change(info, add);
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
	return change(info, set);
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
	return change(info, del);
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

	err = parse(info, tb);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	t = kb_tool_find(kn, nla_data(tb[KBUMP_TOOL_A_NAME]));
	if (t) {
		err = kb_nl_reply(info, KBUMP_CMD_TOOL_GET, KBUMP_A_TOOL, kb_tool_fill, t);
	} else {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[KBUMP_TOOL_A_NAME], "no tool has this name");
		err = -ENOENT;
	}
	mutex_unlock(&kn->lock);
	return err;
}

static const struct kb_nl_list tool_list = {
	.cmd = KBUMP_CMD_TOOL_GET,
	.attr = KBUMP_A_TOOL,
	.node = offsetof(struct kb_tool, list),
	.fill = kb_tool_fill,
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
	len = kb_nl_dump(skb, cb, &tool_list, &kn->tools, kn->gen);
	mutex_unlock(&kn->lock);
	return len;
}
