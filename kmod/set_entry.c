// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands that add entries to sets, take them out, ask for them and show them.
 */
#include <net/sock.h>

#include "netlink.h"
#include "set.h"
#include "set_nl.h"
#include "value.h"

static int check_entries(const struct nlattr *a, struct netlink_ext_ack *extack)
{
	if (a)
		return 0;
	NL_SET_ERR_MSG(extack, "the entries are missing");
	return -EINVAL;
}

static unsigned long end_of(const struct kb_set *s, const struct kb_value *v)
{
	u32 timeout = v->timeout ?: s->timeout;

	/* 0 stands for none. */
	return timeout ? (jiffies + msecs_to_jiffies(timeout)) ?: 1 : 0;
}

/* To contents that nobody knows yet. */
static int add_value(const struct kb_set *s, struct kb_content *c, const struct kb_value *v)
{
	if (s->type == KBUMP_SET_PORT) {
		bitmap_set(c->ports, v->ports.min, v->ports.max - v->ports.min + 1);
		return 0;
	}
	return kb_table_add(&c->table, v->key, v->len, kb_set_kind(s->type, v->key, v->len),
			    end_of(s, v));
}

static int add_part(struct kb_set *s, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	unsigned int at = 0;
	struct kb_value v;
	int err;

	while ((err = kb_value_next(&v, s->type, a, &at, extack)) > 0) {
		err = add_value(s, s->fill, &v);
		if (err)
			return err;
		cond_resched();
	}
	return err ?: kb_set_check_limit(s, kb_content_count(s->fill), extack);
}

/* What readers know is not changed: they get new ports. */
static int replace_ports(struct kb_set *s, const struct kb_content *with,
			 void (*combine)(unsigned long *to, const unsigned long *a,
					 const unsigned long *b),
			 struct netlink_ext_ack *extack)
{
	struct kb_content *c = kb_content_alloc(KBUMP_SET_PORT);
	int err;

	if (!c)
		return -ENOMEM;
	combine(c->ports, kb_set_content(s)->ports, with->ports);
	c->count = bitmap_weight(c->ports, KB_PORTS);
	err = kb_set_check_limit(s, c->count, extack);
	if (err)
		kb_content_free(c);
	else
		kb_set_replace(s, c);
	return err;
}

static void ports_or(unsigned long *to, const unsigned long *a, const unsigned long *b)
{
	bitmap_or(to, a, b, KB_PORTS);
}

static void ports_andnot(unsigned long *to, const unsigned long *a, const unsigned long *b)
{
	bitmap_andnot(to, a, b, KB_PORTS);
}

static int join_tables(struct kb_set *s, struct netlink_ext_ack *extack)
{
	struct kb_table *t = &kb_set_content(s)->table;
	u32 missing;
	int err;

	kb_table_collect(t);
	if (!t->count) {
		/* No need to move them one by one. */
		kb_set_replace(s, s->fill);
		s->fill = NULL;
		return 0;
	}
	missing = kb_table_missing(t, &s->fill->table);
	err = kb_set_check_limit(s, (u64)t->count + missing, extack);
	return err ?: kb_table_join(t, &s->fill->table, missing);
}

static int end_fill(struct kb_set *s, struct netlink_ext_ack *extack)
{
	int err;

	if (s->type == KBUMP_SET_PORT)
		err = replace_ports(s, s->fill, ports_or, extack);
	else
		err = join_tables(s, extack);
	if (!err)
		kb_set_changed(s);
	return err;
}

/* Called with the set's lock held. */
static int fill_locked(struct kb_set *s, struct nlattr **tb, struct genl_info *info)
{
	bool more = nla_get_flag(tb[KBUMP_SET_A_MORE]);
	int err = check_entries(tb[KBUMP_SET_A_ENTRIES], info->extack) ?:
		  kb_set_may_change(s, info) ?: kb_set_load(s);

	if (err)
		return err;
	if (!s->fill)
		s->fill = kb_content_alloc(s->type);
	if (!s->fill)
		return -ENOMEM;
	WRITE_ONCE(s->fill_portid, info->snd_portid);
	err = add_part(s, tb[KBUMP_SET_A_ENTRIES], info->extack);
	if (!err && !more)
		err = end_fill(s, info->extack);
	if (err || !more)
		kb_set_drop_fill(s);
	return err;
}

/**
 * kb_set_fill_doit - KBUMP_CMD_SET_FILL
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_set_fill_doit(struct sk_buff *skb, struct genl_info *info)
{
	return kb_set_change(info, fill_locked);
}

static bool has_value(const struct kb_content *c, const struct kb_value *v)
{
	if (c->type != KBUMP_SET_PORT)
		return kb_table_find(&c->table, v->key, v->len);
	return find_next_zero_bit(c->ports, v->ports.max + 1, v->ports.min) > v->ports.max;
}

static int check_all(const struct kb_set *s, const struct nlattr *a,
		     struct netlink_ext_ack *extack)
{
	const struct kb_content *c = kb_set_content(s);
	unsigned int at = 0;
	struct kb_value v;
	int err;

	while ((err = kb_value_next(&v, s->type, a, &at, extack)) > 0) {
		if (!has_value(c, &v)) {
			NL_SET_ERR_MSG_ATTR(extack, a, "not in the set");
			return -ENOENT;
		}
		cond_resched();
	}
	return err;
}

static int del_ports(struct kb_set *s, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	struct kb_content *gone = kb_content_alloc(KBUMP_SET_PORT);
	unsigned int at = 0;
	struct kb_value v;
	int err;

	if (!gone)
		return -ENOMEM;
	while (kb_value_next(&v, s->type, a, &at, extack) > 0)
		add_value(s, gone, &v);
	err = replace_ports(s, gone, ports_andnot, extack);
	kb_content_free(gone);
	return err;
}

static void del_values(struct kb_set *s, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	struct kb_table *t = &kb_set_content(s)->table;
	unsigned int at = 0;
	struct kb_value v;

	while (kb_value_next(&v, s->type, a, &at, extack) > 0)
		kb_table_del(t, v.key, v.len);
}

/* Called with the set's lock held. */
static int del_locked(struct kb_set *s, struct nlattr **tb, struct genl_info *info)
{
	const struct nlattr *a = tb[KBUMP_SET_A_ENTRIES];
	int err = check_entries(a, info->extack) ?: kb_set_may_change(s, info) ?:
		  kb_set_load(s) ?: check_all(s, a, info->extack);

	if (err)
		return err;
	if (s->type == KBUMP_SET_PORT)
		err = del_ports(s, a, info->extack);
	else
		del_values(s, a, info->extack);
	if (!err)
		kb_set_changed(s);
	return err;
}

/**
 * kb_set_del_entry_doit - KBUMP_CMD_SET_DEL_ENTRY
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_set_del_entry_doit(struct sk_buff *skb, struct genl_info *info)
{
	return kb_set_change(info, del_locked);
}

/* As a rule asks; only ports are given in ranges. */
static int ask(const struct kb_set *s, const struct kb_value *v, const struct nlattr *a,
	       struct netlink_ext_ack *extack)
{
	unsigned int size = v->len - 1, port;

	switch (s->type) {
	case KBUMP_SET_DOMAIN:
		if (*v->key != '.')
			return kb_set_has_name(s, v->key);
		NL_SET_ERR_MSG_ATTR(extack, a, "a name without a leading dot can be tested");
		return -EINVAL;
	case KBUMP_SET_PREFIX:
		if (*v->key == size * 8)
			return kb_set_has_addr(s, size == sizeof(struct in6_addr) ?
					       NFPROTO_IPV6 : NFPROTO_IPV4,
					       (const void *)(v->key + 1));
		NL_SET_ERR_MSG_ATTR(extack, a, "a whole address can be tested");
		return -EINVAL;
	default:
		for (port = v->ports.min; port <= v->ports.max; port++)
			if (!kb_set_has_port(s, port))
				return 0;
		return 1;
	}
}

static int ask_all(const struct kb_set *s, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	unsigned int at = 0;
	struct kb_value v;
	int err;

	while ((err = kb_value_next(&v, s->type, a, &at, extack)) > 0) {
		rcu_read_lock();
		err = ask(s, &v, a, extack);
		rcu_read_unlock();
		if (err < 0)
			return err;
		if (!err) {
			NL_SET_ERR_MSG_ATTR(extack, a, "not in the set");
			return -ENOENT;
		}
		cond_resched();
	}
	return err;
}

/**
 * kb_set_test_doit - KBUMP_CMD_SET_TEST
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_set_test_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[KBUMP_SET_A_MAX + 1];
	struct kb_set *s;
	int err;

	err = kb_set_parse(info, tb) ?: check_entries(tb[KBUMP_SET_A_ENTRIES], info->extack);
	if (err)
		return err;
	s = kb_set_get_named(kb_net(genl_info_net(info)), tb[KBUMP_SET_A_NAME], info->extack);
	if (IS_ERR(s))
		return PTR_ERR(s);
	err = ask_all(s, tb[KBUMP_SET_A_ENTRIES], info->extack);
	kb_set_put(s);
	return err;
}

/* A part of the entries of a set. */
struct part {
	const struct kb_content *content;
	struct kb_nl_pos *pos;
	bool any;
};

static u32 time_left(const struct kb_entry *e)
{
	long left = e->expires - jiffies;

	/* Less than one tick is not for ever. */
	return e->expires ? max(jiffies_to_msecs(max(left, 1L)), 1U) : 0;
}

static void put_entries(struct sk_buff *skb, struct part *p)
{
	const struct kb_table *t = &p->content->table;
	struct kb_nl_pos next = *p->pos;
	const struct kb_entry *e;

	while ((e = kb_table_next(t, &next.a, &next.b))) {
		if (kb_entry_is_live(e)) {
			if (kb_value_put(skb, p->content->type, e->key, e->len, time_left(e)))
				return;
			p->any = true;
		}
		*p->pos = next;
	}
	*p->pos = next;
}

static void put_ports(struct sk_buff *skb, struct part *p)
{
	const unsigned long *ports = p->content->ports;
	unsigned long from = p->pos->a, to;
	struct kbump_port_range r;

	while ((from = find_next_bit(ports, KB_PORTS, from)) < KB_PORTS) {
		to = find_next_zero_bit(ports, KB_PORTS, from);
		r.min = from;
		r.max = to - 1;
		if (kb_value_put(skb, KBUMP_SET_PORT, &r, sizeof(r), 0))
			return;
		p->any = true;
		from = to;
		p->pos->a = to;
	}
	p->pos->a = KB_PORTS;
}

static int part_fill(struct sk_buff *skb, const void *obj)
{
	struct part *p = *(struct part *const *)obj;
	struct nlattr *a = nla_reserve(skb, KBUMP_SET_A_ENTRIES, 0);

	if (!a)
		return -EMSGSIZE;
	if (p->content->type == KBUMP_SET_PORT)
		put_ports(skb, p);
	else
		put_entries(skb, p);
	a->nla_len = skb_tail_pointer(skb) - (unsigned char *)a;
	skb_put_zero(skb, nla_padlen(nla_len(a)));
	return p->any ? 0 : -EMSGSIZE;
}

/**
 * kb_set_entries_dumpit - KBUMP_CMD_SET_ENTRIES
 * @skb: a part of the answer
 * @cb: state of the dump
 *
 * Return: length of the part, 0 at the end, or an error.
 */
int kb_set_entries_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kb_net *kn = kb_net(sock_net(skb->sk));
	struct part p = { .pos = kb_nl_pos(cb) }, *arg = &p;
	struct nlattr *tb[KBUMP_SET_A_MAX + 1];
	struct kb_set *s;
	int err;

	err = kb_nl_parse_dump(cb, KBUMP_A_SET, tb, KBUMP_SET_A_MAX) ?:
	      kb_nl_check_name(tb[KBUMP_SET_A_NAME], cb->extack);
	if (err)
		return err;
	s = kb_set_get_named(kn, tb[KBUMP_SET_A_NAME], cb->extack);
	if (IS_ERR(s))
		return PTR_ERR(s);
	mutex_lock(&s->lock);
	p.content = kb_set_content(s);
	cb->seq = s->gen;
	if (p.content)
		kb_nl_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, NLM_F_MULTI,
			  KBUMP_CMD_SET_ENTRIES, KBUMP_A_SET, part_fill, &arg, cb);
	mutex_unlock(&s->lock);
	kb_set_put(s);
	return skb->len;
}
