// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups of tools: each connection goes to one member, and only those of a member that fails move,
 * to those that stand by if there are any. For that each member draws a number for each connection,
 * always the same one, and the highest number has it (rendezvous hashing, D. Thaler and
 * C. V. Ravishankar, 1998); of a member with twice the weight it is twice as often the highest.
 */
#include <linux/bitops.h>
#include <linux/jhash.h>
#include <linux/math64.h>
#include <linux/net.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "draft.h"
#include "group.h"
#include "inline.h"
#include "netlink.h"
#include "tool.h"
#include "tool_nl.h"
#include "tuple.h"

#define LOG_BITS	16

/**
 * kb_choice_of - by what is a connection chosen?
 * @t: its addresses, as its client's leg has them
 *
 * Context: any.
 */
struct kb_choice kb_choice_of(const struct kb_tuple *t)
{
	static siphash_key_t key __read_mostly;
	struct {
		union nf_inet_addr addr;
		u64 vrf;
	} client = { .addr = t->client, .vrf = t->vrf };

	net_get_random_once(&key, sizeof(key));
	return (struct kb_choice){
		.flow = siphash(t, sizeof(*t), &key),
		.client = siphash(&client, sizeof(client), &key),
	};
}

/* -log2(@x / 2^32), with %LOG_BITS bits behind the point; @x is not 0. */
static u32 negative_log(u32 x)
{
	u32 whole = __fls(x), fraction = 0;
	u64 y = (u64)x << (31 - whole);
	int i;

	/* @y is 1 to 2, with 31 bits behind the point: each square tells one more bit. */
	for (i = 0; i < LOG_BITS; i++) {
		y = y * y >> 31;
		fraction <<= 1;
		if (y >> 32) {
			fraction |= 1;
			y >>= 1;
		}
	}
	return (32U << LOG_BITS) - (whole << LOG_BITS) - fraction;
}

static u64 draw(u32 key, u32 id, u16 weight)
{
	u32 x = jhash_2words(key, id, 0) | 1;

	return div_u64((u64)weight << 32, negative_log(x) + 1);
}

/* Under RCU, as all that asks for it. */
static bool is_up(const struct kb_tool *tool)
{
	const struct net_device *dev;

	if (tool->line)
		return kb_inline_is_up(tool);
	dev = rcu_dereference(tool->dev);
	return dev && kb_tool_dev_is_up(dev);
}

/* Of those that stand by, or of the others; the first, or the one with the highest number. */
static int best(const struct kb_group *g, u32 key, bool standby, bool or_down)
{
	int i, found = -1;
	u64 most = 0;

	for (i = 0; i < g->count; i++) {
		u64 number = 1;

		if (g->member[i].standby != standby || (!or_down && !is_up(g->member[i].tool)))
			continue;
		if (g->spread != KBUMP_SPREAD_FIRST)
			number = draw(key, g->member[i].id, g->member[i].weight);
		if (found < 0 || number > most) {
			found = i;
			most = number;
		}
	}
	return found;
}

static unsigned int count_up(const struct kb_group *g)
{
	unsigned int i, n = 0;

	for (i = 0; i < g->count; i++)
		n += is_up(g->member[i].tool);
	return n;
}

/**
 * kb_group_is_up - does a group get connections?
 * @g: the group
 *
 * Context: RCU read side.
 */
bool kb_group_is_up(const struct kb_group *g)
{
	return count_up(g) >= g->min;
}

/**
 * kb_group_pick - which member gets a connection?
 * @g: the group
 * @choice: of the connection
 *
 * Context: RCU read side.
 * Return: the tool, without a reference, or NULL if the group is down.
 */
struct kb_tool *kb_group_pick(const struct kb_group *g, const struct kb_choice *choice)
{
	u32 key = g->key == KBUMP_SPREAD_CLIENT ? choice->client : choice->flow;
	int i;

	if (!kb_group_is_up(g))
		return NULL;
	i = best(g, key, false, g->spread != KBUMP_SPREAD_FIRST);
	if (i >= 0 && is_up(g->member[i].tool))
		return g->member[i].tool;
	i = best(g, key, true, false);
	if (i < 0)
		i = best(g, key, false, false);
	return i < 0 ? NULL : g->member[i].tool;
}

/**
 * kb_group_has - is a tool a member of a group?
 * @g: the group
 * @tool: the tool
 */
bool kb_group_has(const struct kb_group *g, const struct kb_tool *tool)
{
	unsigned int i;

	for (i = 0; i < g->count; i++)
		if (g->member[i].tool == tool)
			return true;
	return false;
}

static bool is_member(const struct nlattr *a)
{
	return nla_type(a) == KBUMP_TOOL_A_MEMBER || nla_type(a) == KBUMP_TOOL_A_STANDBY;
}

static int add_member(struct kb_group *g, const struct kb_draft *d, const struct nlattr *a,
		      struct netlink_ext_ack *extack)
{
	const struct kbump_member *m = nla_data(a);
	struct kb_tool *t;

	if (strnlen(m->name, sizeof(m->name)) == sizeof(m->name) || !m->weight ||
	    m->weight > KBUMP_WEIGHT_MAX || m->zero) {
		NL_SET_ERR_MSG_ATTR(extack, a, "not a name, or a weight that is not 1 to 100");
		return -EINVAL;
	}
	t = kb_draft_find_tool(d, m->name);
	if (!t) {
		NL_SET_ERR_MSG_ATTR(extack, a, "no tool has this name");
		return -ENOENT;
	}
	if (t->is_group) {
		NL_SET_ERR_MSG_ATTR(extack, a, "a group cannot be a member");
		return -ELOOP;
	}
	if (kb_group_has(g, t)) {
		NL_SET_ERR_MSG_ATTR(extack, a, "tool is named twice");
		return -EEXIST;
	}
	if (g->count && g->in_line != !!t->line) {
		NL_SET_ERR_MSG_ATTR(extack, a, "members are all in line, or none is");
		return -EINVAL;
	}
	g->in_line = t->line;
	kb_tool_get(t);
	g->member[g->count].tool = t;
	g->member[g->count].id = jhash(t->name, strlen(t->name), 0);
	g->member[g->count].weight = m->weight;
	g->member[g->count++].standby = nla_type(a) == KBUMP_TOOL_A_STANDBY;
	return 0;
}

static void copy_members(struct kb_group *g, const struct kb_group *old)
{
	unsigned int i;

	g->in_line = old->in_line;
	g->count = old->count;
	memcpy(g->member, old->member, old->count * sizeof(old->member[0]));
	for (i = 0; i < g->count; i++)
		kb_tool_get(g->member[i].tool);
}

static int add_members(struct kb_group *g, const struct kb_draft *d, const struct nlattr *nest,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *a;
	int rest, err;

	nla_for_each_nested(a, nest, rest) {
		err = is_member(a) ? add_member(g, d, a, extack) : 0;
		if (err)
			return err;
	}
	return 0;
}

static int check(const struct kb_group *g, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	unsigned int i, regular = 0;

	for (i = 0; i < g->count; i++)
		regular += !g->member[i].standby;
	if (!regular) {
		NL_SET_ERR_MSG(extack, "the members of the group are missing");
		return -EINVAL;
	}
	if (!g->min || g->min > g->count) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_TOOL_A_MIN],
				    "min is not 1 to the number of members");
		return -ERANGE;
	}
	return 0;
}

static unsigned int count_members(const struct nlattr *nest)
{
	const struct nlattr *a;
	unsigned int n = 0;
	int rest;

	nla_for_each_nested(a, nest, rest)
		n += is_member(a);
	return n;
}

/**
 * kb_group_parse - make a group from a request
 * @d: the draft, in which its members are
 * @nest: the tool's attributes
 * @tb: the same, parsed; if there are members among them, all are given
 * @old: the group as it was, or NULL
 * @extack: says what is wrong
 *
 * Context: process; sleeps.
 * Return: the group, or an ERR_PTR().
 */
struct kb_group *kb_group_parse(const struct kb_draft *d, const struct nlattr *nest,
				struct nlattr **tb, const struct kb_group *old,
				struct netlink_ext_ack *extack)
{
	unsigned int n = count_members(nest);
	struct kb_group *g;
	int err = 0;

	if (n > KBUMP_GROUP_MEMBERS_MAX) {
		NL_SET_ERR_MSG(extack, "too many members");
		return ERR_PTR(-E2BIG);
	}
	g = kzalloc(struct_size(g, member, n ?: (old ? old->count : 0)), GFP_KERNEL_ACCOUNT);
	if (!g)
		return ERR_PTR(-ENOMEM);
	g->spread = old ? old->spread : KBUMP_SPREAD_HASH;
	g->key = old ? old->key : KBUMP_SPREAD_FLOW;
	g->min = old ? old->min : 1;
	if (tb[KBUMP_TOOL_A_SPREAD])
		g->spread = nla_get_u8(tb[KBUMP_TOOL_A_SPREAD]);
	if (tb[KBUMP_TOOL_A_KEY])
		g->key = nla_get_u8(tb[KBUMP_TOOL_A_KEY]);
	if (tb[KBUMP_TOOL_A_MIN])
		g->min = nla_get_u8(tb[KBUMP_TOOL_A_MIN]);
	if (n)
		err = add_members(g, d, nest, extack);
	else if (old)
		copy_members(g, old);
	if (!err && old && old->in_line != g->in_line) {
		NL_SET_ERR_MSG(extack, "the members of a group are in line as before, or not");
		err = -EINVAL;
	}
	err = err ?: check(g, tb, extack);
	if (!err)
		return g;
	kb_group_free(g);
	return ERR_PTR(err);
}

/**
 * kb_group_fill - put a group's settings into a message
 * @skb: where to
 * @g: the group
 *
 * Return: 0 or -EMSGSIZE.
 */
int kb_group_fill(struct sk_buff *skb, const struct kb_group *g)
{
	unsigned int i;

	for (i = 0; i < g->count; i++) {
		struct kbump_member m = { .weight = g->member[i].weight };

		strscpy(m.name, g->member[i].tool->name, sizeof(m.name));
		if (nla_put(skb, g->member[i].standby ? KBUMP_TOOL_A_STANDBY : KBUMP_TOOL_A_MEMBER,
			    sizeof(m), &m))
			return -EMSGSIZE;
	}
	return nla_put_u8(skb, KBUMP_TOOL_A_SPREAD, g->spread) ||
	       nla_put_u8(skb, KBUMP_TOOL_A_KEY, g->key) ||
	       nla_put_u8(skb, KBUMP_TOOL_A_MIN, g->min);
}

/**
 * kb_group_free - free a group that nobody reads
 * @g: the group, or NULL
 *
 * Context: any.
 */
void kb_group_free(struct kb_group *g)
{
	unsigned int i;

	for (i = 0; g && i < g->count; i++)
		kb_tool_put(g->member[i].tool);
	kfree(g);
}

static void free_rcu_group(struct rcu_head *rcu)
{
	kb_group_free(container_of(rcu, struct kb_group, rcu));
}

/**
 * kb_group_free_later - free a group that others may read
 * @g: the group, which nobody finds any more
 *
 * Context: any.
 */
void kb_group_free_later(struct kb_group *g)
{
	call_rcu(&g->rcu, free_rcu_group);
}
