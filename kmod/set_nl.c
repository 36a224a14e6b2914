// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands about whole sets; those about their entries are in set_entry.c.
 */
#include <net/sock.h>

#include "draft.h"
#include "netlink.h"
#include "set.h"
#include "set_draft.h"
#include "set_nl.h"

static int fill_counters(struct sk_buff *skb, const struct kb_set *s)
{
	struct kb_set_stats sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct kb_set_stats *c = per_cpu_ptr(s->stats, cpu);

		sum.lookups += READ_ONCE(c->lookups);
		sum.hits += READ_ONCE(c->hits);
	}
	return nla_put_u64_64bit(skb, KBUMP_SET_A_LOOKUPS, sum.lookups, KBUMP_SET_A_PAD) ||
	       nla_put_u64_64bit(skb, KBUMP_SET_A_HITS, sum.hits, KBUMP_SET_A_PAD);
}

/* Without the set's lock, as a fill may hold that for long. */
static int fill_size(struct sk_buff *skb, const struct kb_set *s)
{
	const struct kb_content *c;
	u64 memory = 0;
	u32 count = 0;

	rcu_read_lock();
	c = rcu_dereference(s->content);
	if (c) {
		count = kb_content_count(c);
		memory = kb_content_memory(c);
	}
	rcu_read_unlock();
	return nla_put_u32(skb, KBUMP_SET_A_COUNT, count) ||
	       nla_put_u64_64bit(skb, KBUMP_SET_A_MEMORY, memory, KBUMP_SET_A_PAD);
}

/**
 * kb_set_fill - put a set into a message, without its entries
 * @skb: where to
 * @obj: the set
 *
 * Return: 0 or -EMSGSIZE.
 */
int kb_set_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_set *s = obj;

	if (nla_put_string(skb, KBUMP_SET_A_NAME, s->name) ||
	    nla_put_u8(skb, KBUMP_SET_A_TYPE, s->type) ||
	    (s->timeout && nla_put_u32(skb, KBUMP_SET_A_TIMEOUT, s->timeout)) ||
	    nla_put_u32(skb, KBUMP_SET_A_LIMIT, s->limit) || fill_size(skb, s) ||
	    nla_put_u32(skb, KBUMP_SET_A_RULES, READ_ONCE(s->rules)) || fill_counters(skb, s))
		return -EMSGSIZE;
	return 0;
}

/* The two sets of a swap. */
struct pair {
	struct kb_set *a;
	struct kb_set *b;
};

static int pair_fill(struct sk_buff *skb, const void *obj)
{
	const struct pair *p = obj;

	return kb_set_fill(skb, p->a) || nla_put_string(skb, KBUMP_SET_A_WITH, p->b->name);
}

/**
 * kb_set_parse - take a request about a set apart
 * @info: the request
 * @tb: result
 *
 * Return: 0 or -EINVAL.
 */
int kb_set_parse(struct genl_info *info, struct nlattr **tb)
{
	int err = kb_nl_parse(info, KBUMP_A_SET, tb, KBUMP_SET_A_MAX);

	return err ?: kb_nl_check_name(tb[KBUMP_SET_A_NAME], info->extack);
}

static void no_set(const struct nlattr *a, struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG_ATTR(extack, a, "no set has this name");
}

/* Called with the namespace's lock held. */
static struct kb_set *named(struct kb_net *kn, const struct nlattr *a,
			    struct netlink_ext_ack *extack)
{
	struct kb_set *s = kb_set_find(kn, nla_data(a));

	if (s)
		return s;
	no_set(a, extack);
	return ERR_PTR(-ENOENT);
}

/**
 * kb_set_get_named - find the set that a request names
 * @kn: the namespace
 * @a: the set's name
 * @extack: says what is wrong
 *
 * Context: process; sleeps.
 * Return: the set, with a reference, or an ERR_PTR().
 */
struct kb_set *kb_set_get_named(struct kb_net *kn, const struct nlattr *a,
				struct netlink_ext_ack *extack)
{
	struct kb_set *s;

	mutex_lock(&kn->lock);
	s = named(kn, a, extack);
	if (!IS_ERR(s))
		kb_set_get(s);
	mutex_unlock(&kn->lock);
	return s;
}

/*
 * The set whose entries a request changes, with a reference, or an ERR_PTR(). Called with the
 * namespace's lock held.
 */
static struct kb_set *set_to_change(struct kb_net *kn, struct kb_draft *d, const struct nlattr *a,
				    struct netlink_ext_ack *extack)
{
	struct kb_set *s = d ? kb_draft_shadow(d, nla_data(a)) : named(kn, a, extack);

	if (!IS_ERR(s))
		kb_set_get(s);
	else if (d && PTR_ERR(s) == -ENOENT)
		no_set(a, extack);
	return s;
}

static struct kb_set *set_alloc(struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct kb_set *s;
	u8 type;

	if (!tb[KBUMP_SET_A_TYPE]) {
		NL_SET_ERR_MSG(extack, "the set's type is missing");
		return ERR_PTR(-EINVAL);
	}
	type = nla_get_u8(tb[KBUMP_SET_A_TYPE]);
	if (tb[KBUMP_SET_A_TIMEOUT] && type == KBUMP_SET_PORT) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_SET_A_TIMEOUT], "ports have no time-outs");
		return ERR_PTR(-EOPNOTSUPP);
	}
	s = kb_set_alloc(type);
	if (!s)
		return ERR_PTR(-ENOMEM);
	nla_strscpy(s->name, tb[KBUMP_SET_A_NAME], sizeof(s->name));
	if (tb[KBUMP_SET_A_TIMEOUT])
		s->timeout = nla_get_u32(tb[KBUMP_SET_A_TIMEOUT]);
	s->limit = tb[KBUMP_SET_A_LIMIT] ? nla_get_u32(tb[KBUMP_SET_A_LIMIT]) : KBUMP_SET_LIMIT;
	return s;
}

static int add(struct kb_draft *d, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct kb_set *s;

	if (kb_draft_find_set(d, nla_data(tb[KBUMP_SET_A_NAME]))) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_SET_A_NAME], "a set of this name exists");
		return -EEXIST;
	}
	s = set_alloc(tb, extack);
	return IS_ERR(s) ? PTR_ERR(s) : kb_draft_add_set(d, s);
}

/**
 * kb_set_add_doit - KBUMP_CMD_SET_ADD
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_set_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_SET_A_MAX + 1];
	struct kb_draft *d = kb_draft_open(kn, info);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	err = kb_set_parse(info, tb) ?: add(d, tb, info->extack);
	return kb_draft_close(kn, d, info, err);
}

static int del(struct kb_draft *d, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	int err = kb_draft_del_set(d, nla_data(a));

	if (err == -ENOENT)
		no_set(a, extack);
	else if (err == -EBUSY)
		NL_SET_ERR_MSG_ATTR(extack, a, "a rule names this set");
	return err;
}

/**
 * kb_set_del_doit - KBUMP_CMD_SET_DEL
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_set_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_SET_A_MAX + 1];
	struct kb_draft *d = kb_draft_open(kn, info);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	err = kb_set_parse(info, tb) ?: del(d, tb[KBUMP_SET_A_NAME], info->extack);
	return kb_draft_close(kn, d, info, err);
}

/**
 * kb_set_get_doit - KBUMP_CMD_SET_GET, of one set
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_set_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_SET_A_MAX + 1];
	struct kb_set *s;
	int err;

	err = kb_set_parse(info, tb);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	s = named(kn, tb[KBUMP_SET_A_NAME], info->extack);
	err = PTR_ERR_OR_ZERO(s);
	if (!err)
		err = kb_nl_reply(info, KBUMP_CMD_SET_GET, KBUMP_A_SET, kb_set_fill, s);
	mutex_unlock(&kn->lock);
	return err;
}

static const struct kb_nl_list set_list = {
	.cmd = KBUMP_CMD_SET_GET,
	.attr = KBUMP_A_SET,
	.node = offsetof(struct kb_set, list),
	.fill = kb_set_fill,
};

/**
 * kb_set_get_dumpit - KBUMP_CMD_SET_GET, of all sets
 * @skb: a part of the answer
 * @cb: state of the dump
 *
 * Return: length of the part, 0 at the end.
 */
int kb_set_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kb_net *kn = kb_net(sock_net(skb->sk));
	int len;

	mutex_lock(&kn->lock);
	len = kb_nl_dump(skb, cb, &set_list, &kn->sets, kn->gen);
	mutex_unlock(&kn->lock);
	return len;
}

/**
 * kb_set_may_change - is the set there, and not filled by somebody else?
 * @s: the set, whose lock is held
 * @info: who asks
 *
 * Return: 0, -ENOENT or -EBUSY.
 */
int kb_set_may_change(const struct kb_set *s, struct genl_info *info)
{
	if (!kb_set_content(s))
		return -ENOENT;
	if (s->fill && s->fill_portid != info->snd_portid) {
		NL_SET_ERR_MSG(info->extack, "somebody else is filling the set");
		return -EBUSY;
	}
	return 0;
}

/**
 * kb_set_check_limit - may a set have that many entries?
 * @s: the set
 * @count: how many
 * @extack: says what is wrong
 *
 * Return: 0 or -E2BIG.
 */
int kb_set_check_limit(const struct kb_set *s, u64 count, struct netlink_ext_ack *extack)
{
	if (count <= s->limit)
		return 0;
	NL_SET_ERR_MSG(extack, "the set would have more entries than its limit");
	return -E2BIG;
}

/* Called without locks; @act with that of the set. */
static int change_entries(struct kb_net *kn, struct genl_info *info, struct nlattr **tb,
			  kb_set_act_t act)
{
	struct kb_draft *d;
	struct kb_set *s;
	int err;

	mutex_lock(&kn->lock);
	d = kb_draft_of(kn, info->snd_portid);
	s = set_to_change(kn, d, tb[KBUMP_SET_A_NAME], info->extack);
	mutex_unlock(&kn->lock);
	if (IS_ERR(s))
		return PTR_ERR(s);
	down_read(&kn->entries);
	mutex_lock(&s->lock);
	err = act(s, tb, info);
	mutex_unlock(&s->lock);
	up_read(&kn->entries);
	if (!err && !d && !nla_get_flag(tb[KBUMP_SET_A_MORE]))
		kb_nl_event(kn, info->genlhdr->cmd, KBUMP_A_SET, kb_set_fill, s);
	kb_set_put(s);
	return err;
}

/**
 * kb_set_change - change the entries of a set, and tell of it
 * @info: the request
 * @act: does it, with the set's lock held
 *
 * Context: process; sleeps.
 * Return: 0 or an error.
 */
int kb_set_change(struct genl_info *info, kb_set_act_t act)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_SET_A_MAX + 1];
	int err;

	err = kb_set_parse(info, tb) ?: change_entries(kn, info, tb, act);
	if (err)
		kb_draft_fail(kn, info->snd_portid);
	return err;
}

/* Called with the set's lock held. */
static int flush_locked(struct kb_set *s, struct nlattr **tb, struct genl_info *info)
{
	struct kb_content *empty;
	int err = kb_set_may_change(s, info);

	if (err)
		return err;
	empty = kb_content_alloc(s->type);
	if (!empty)
		return -ENOMEM;
	/* What a base has does not matter any more. */
	kb_set_drop_base(s);
	s->base_changes = 0;
	kb_set_replace(s, empty);
	kb_set_changed(s);
	return 0;
}

/**
 * kb_set_flush_doit - KBUMP_CMD_SET_FLUSH
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_set_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	return kb_set_change(info, flush_locked);
}

/* Called with the locks of both sets held. */
static int swap_locked(struct kb_set *a, struct kb_set *b, struct netlink_ext_ack *extack)
{
	struct kb_content *of_a = kb_set_content(a), *of_b = kb_set_content(b);
	int err;

	if (!of_a || !of_b)
		return -ENOENT;
	err = kb_set_check_limit(a, kb_content_count(of_b), extack) ?:
	      kb_set_check_limit(b, kb_content_count(of_a), extack);
	if (err)
		return err;
	rcu_assign_pointer(a->content, of_b);
	rcu_assign_pointer(b->content, of_a);
	kb_set_changed(a);
	kb_set_changed(b);
	return 0;
}

static int load(struct kb_set *s)
{
	int err;

	mutex_lock(&s->lock);
	err = kb_set_load(s);
	mutex_unlock(&s->lock);
	return err;
}

static int swap_sets(struct kb_net *kn, const struct pair *p, const struct nlattr *with,
		     struct netlink_ext_ack *extack)
{
	struct kb_set *first = p->a < p->b ? p->a : p->b;
	struct kb_set *second = first == p->a ? p->b : p->a;
	int err;

	if (first == second) {
		NL_SET_ERR_MSG_ATTR(extack, with, "this is the same set");
		return -EINVAL;
	}
	if (first->type != second->type) {
		NL_SET_ERR_MSG_ATTR(extack, with, "the sets are of different types");
		return -EINVAL;
	}
	err = load(p->a) ?: load(p->b);
	if (err)
		return err;
	down_read(&kn->entries);
	mutex_lock(&first->lock);
	mutex_lock_nested(&second->lock, SINGLE_DEPTH_NESTING);
	err = swap_locked(p->a, p->b, extack);
	mutex_unlock(&second->lock);
	mutex_unlock(&first->lock);
	up_read(&kn->entries);
	return err;
}

/* Both in one step, that they are of one draft, or of none. */
static struct kb_draft *find_pair(struct kb_net *kn, struct pair *p, struct nlattr **tb,
				  struct genl_info *info)
{
	struct kb_draft *d;

	mutex_lock(&kn->lock);
	d = kb_draft_of(kn, info->snd_portid);
	p->a = set_to_change(kn, d, tb[KBUMP_SET_A_NAME], info->extack);
	p->b = p->a;
	if (!IS_ERR(p->a))
		p->b = set_to_change(kn, d, tb[KBUMP_SET_A_WITH], info->extack);
	mutex_unlock(&kn->lock);
	return d;
}

static int swap_named(struct kb_net *kn, struct nlattr **tb, struct genl_info *info)
{
	struct kb_draft *d;
	struct pair p;
	int err;

	d = find_pair(kn, &p, tb, info);
	err = PTR_ERR_OR_ZERO(p.b);
	if (!err) {
		err = swap_sets(kn, &p, tb[KBUMP_SET_A_WITH], info->extack);
		if (!err && !d)
			kb_nl_event(kn, KBUMP_CMD_SET_SWAP, KBUMP_A_SET, pair_fill, &p);
		kb_set_put(p.b);
	}
	if (!IS_ERR(p.a))
		kb_set_put(p.a);
	return err;
}

/**
 * kb_set_swap_doit - KBUMP_CMD_SET_SWAP
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_set_swap_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_SET_A_MAX + 1];
	int err;

	err = kb_set_parse(info, tb) ?: kb_nl_check_name(tb[KBUMP_SET_A_WITH], info->extack) ?:
	      swap_named(kn, tb, info);
	if (err)
		kb_draft_fail(kn, info->snd_portid);
	return err;
}
