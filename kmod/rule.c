// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules: one ordered table that says what becomes of a connection.
 */
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "netlink.h"
#include "rule.h"
#include "steer.h"
#include "tool.h"

#define PREF_STEP	10

static bool ports_match(const struct kbump_port_range *r, __be16 port)
{
	return ntohs(port) >= r->min && ntohs(port) <= r->max;
}

static bool prefix_matches(u8 family, const union nf_inet_addr *prefix, unsigned int len,
			   const union nf_inet_addr *addr)
{
	if (family == NFPROTO_IPV6)
		return ipv6_prefix_equal(&addr->in6, &prefix->in6, len);
	return !len || !((addr->ip ^ prefix->ip) & htonl(~0U << (32 - len)));
}

static bool rule_matches(const struct kb_rule *r, const struct kb_facts *facts)
{
	const struct kb_tuple *t = &facts->tuple;

	if (r->family && r->family != t->family)
		return false;
	if (r->has_dport && !ports_match(&r->dport, t->sport))
		return false;
	if (r->has_sport && !ports_match(&r->sport, t->cport))
		return false;
	if (r->has_src && !prefix_matches(r->family, &r->src, r->src_len, &t->client))
		return false;
	if (r->has_dst && !prefix_matches(r->family, &r->dst, r->dst_len, &t->server))
		return false;
	if ((facts->mark ^ r->mark) & r->mask)
		return false;
	return !*r->iif || !strcmp(r->iif, facts->iif);
}

/**
 * kb_rule_find - the first rule that matches
 * @kn: the namespace
 * @facts: what is known
 *
 * Context: RCU read side.
 * Return: the rule, without a reference, or NULL.
 */
struct kb_rule *kb_rule_find(struct kb_net *kn, const struct kb_facts *facts)
{
	struct kb_rule *r;

	list_for_each_entry_rcu(r, &kn->rules, list)
		if (rule_matches(r, facts))
			return r;
	return NULL;
}

/**
 * kb_rule_get - take a reference
 * @r: a rule found under RCU
 *
 * Return: false if it is being freed.
 */
bool kb_rule_get(struct kb_rule *r)
{
	return refcount_inc_not_zero(&r->ref);
}

static void rule_free(struct kb_rule *r)
{
	unsigned int i;

	for (i = 0; i < r->ntools; i++)
		kb_tool_put(r->tools[i]);
	free_percpu(r->stats);
	kfree(r);
}

static void rule_free_rcu(struct rcu_head *rcu)
{
	rule_free(container_of(rcu, struct kb_rule, rcu));
}

/**
 * kb_rule_put - drop a reference
 * @r: the rule
 *
 * Context: any.
 */
void kb_rule_put(struct kb_rule *r)
{
	if (refcount_dec_and_test(&r->ref))
		call_rcu(&r->rcu, rule_free_rcu);
}

static struct kb_rule_stats rule_stats(const struct kb_rule *r)
{
	struct kb_rule_stats sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct kb_rule_stats *s = per_cpu_ptr(r->stats, cpu);

		sum.hits += READ_ONCE(s->hits);
		sum.bytes += READ_ONCE(s->bytes);
		sum.failed += READ_ONCE(s->failed);
	}
	return sum;
}

static int fill_prefix(struct sk_buff *skb, const struct kb_rule *r, int attr, int len_attr,
		       const union nf_inet_addr *addr, u8 len)
{
	int size = r->family == NFPROTO_IPV6 ? sizeof(addr->in6) : sizeof(addr->ip);

	return nla_put(skb, attr, size, addr) || nla_put_u8(skb, len_attr, len);
}

static int fill_matchers(struct sk_buff *skb, const struct kb_rule *r)
{
	if (r->has_src && fill_prefix(skb, r, KBUMP_RULE_A_SRC, KBUMP_RULE_A_SRC_LEN, &r->src,
				      r->src_len))
		return -EMSGSIZE;
	if (r->has_dst && fill_prefix(skb, r, KBUMP_RULE_A_DST, KBUMP_RULE_A_DST_LEN, &r->dst,
				      r->dst_len))
		return -EMSGSIZE;
	if (r->has_sport && nla_put(skb, KBUMP_RULE_A_SPORT, sizeof(r->sport), &r->sport))
		return -EMSGSIZE;
	if (r->has_dport && nla_put(skb, KBUMP_RULE_A_DPORT, sizeof(r->dport), &r->dport))
		return -EMSGSIZE;
	if (*r->iif && nla_put_string(skb, KBUMP_RULE_A_IIF, r->iif))
		return -EMSGSIZE;
	if (r->mask && (nla_put_u32(skb, KBUMP_RULE_A_MARK, r->mark) ||
			nla_put_u32(skb, KBUMP_RULE_A_MARK_MASK, r->mask)))
		return -EMSGSIZE;
	return 0;
}

static int fill_counters(struct sk_buff *skb, const struct kb_rule *r)
{
	struct kb_rule_stats s = rule_stats(r);

	return nla_put_u64_64bit(skb, KBUMP_RULE_A_HITS, s.hits, KBUMP_RULE_A_PAD) ||
	       nla_put_u64_64bit(skb, KBUMP_RULE_A_BYTES, s.bytes, KBUMP_RULE_A_PAD) ||
	       nla_put_u64_64bit(skb, KBUMP_RULE_A_FAILED, s.failed, KBUMP_RULE_A_PAD);
}

static int rule_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_rule *r = obj;
	unsigned int i;

	if (nla_put_u32(skb, KBUMP_RULE_A_HANDLE, r->handle) ||
	    nla_put_u32(skb, KBUMP_RULE_A_PREF, r->pref) || fill_matchers(skb, r) ||
	    nla_put_u8(skb, KBUMP_RULE_A_ACTION, r->action) ||
	    nla_put_u8(skb, KBUMP_RULE_A_FAIL, r->fail))
		return -EMSGSIZE;
	for (i = 0; i < r->ntools; i++)
		if (nla_put_string(skb, KBUMP_RULE_A_TOOL, r->tools[i]->name))
			return -EMSGSIZE;
	if (*r->comment && nla_put_string(skb, KBUMP_RULE_A_COMMENT, r->comment))
		return -EMSGSIZE;
	return fill_counters(skb, r) ? -EMSGSIZE : 0;
}

/* An address of 4 or 16 bytes, of the same family as the other one. */
static int parse_addr(struct kb_rule *r, const struct nlattr *a, union nf_inet_addr *addr,
		      struct netlink_ext_ack *extack)
{
	u8 family;

	switch (nla_len(a)) {
	case sizeof(addr->ip):
		family = NFPROTO_IPV4;
		break;
	case sizeof(addr->in6):
		family = NFPROTO_IPV6;
		break;
	default:
		NL_SET_ERR_MSG_ATTR(extack, a, "an address has 4 or 16 bytes");
		return -EINVAL;
	}
	if (r->family && r->family != family) {
		NL_SET_ERR_MSG_ATTR(extack, a, "source and destination are of different families");
		return -EINVAL;
	}
	r->family = family;
	nla_memcpy(addr, a, sizeof(*addr));
	return 0;
}

static int parse_prefix(struct kb_rule *r, const struct nlattr *a, const struct nlattr *len_attr,
			union nf_inet_addr *addr, u8 *len, bool *has,
			struct netlink_ext_ack *extack)
{
	unsigned int bits;
	int err;

	if (!a) {
		if (len_attr) {
			NL_SET_ERR_MSG_ATTR(extack, len_attr, "prefix length without address");
			return -EINVAL;
		}
		return 0;
	}
	err = parse_addr(r, a, addr, extack);
	if (err)
		return err;
	bits = nla_len(a) * 8;
	*len = len_attr ? nla_get_u8(len_attr) : bits;
	if (*len > bits) {
		NL_SET_ERR_MSG_ATTR(extack, len_attr, "prefix length is greater than the address");
		return -EINVAL;
	}
	*has = true;
	return 0;
}

static int parse_ports(const struct nlattr *a, struct kbump_port_range *r, bool *has,
		       struct netlink_ext_ack *extack)
{
	if (!a)
		return 0;
	nla_memcpy(r, a, sizeof(*r));
	if (r->min > r->max) {
		NL_SET_ERR_MSG_ATTR(extack, a, "the first port is above the last");
		return -EINVAL;
	}
	*has = true;
	return 0;
}

static int parse_mark(struct kb_rule *r, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	if (!tb[KBUMP_RULE_A_MARK]) {
		if (tb[KBUMP_RULE_A_MARK_MASK]) {
			NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_RULE_A_MARK_MASK],
					    "mask without mark");
			return -EINVAL;
		}
		return 0;
	}
	r->mark = nla_get_u32(tb[KBUMP_RULE_A_MARK]);
	r->mask = tb[KBUMP_RULE_A_MARK_MASK] ? nla_get_u32(tb[KBUMP_RULE_A_MARK_MASK]) : ~0U;
	if (r->mark & ~r->mask) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_RULE_A_MARK], "bits set beyond the mask");
		return -EINVAL;
	}
	return 0;
}

static int parse_matchers(struct kb_rule *r, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	int err;

	err = parse_prefix(r, tb[KBUMP_RULE_A_SRC], tb[KBUMP_RULE_A_SRC_LEN], &r->src,
			   &r->src_len, &r->has_src, extack);
	if (!err)
		err = parse_prefix(r, tb[KBUMP_RULE_A_DST], tb[KBUMP_RULE_A_DST_LEN], &r->dst,
				   &r->dst_len, &r->has_dst, extack);
	if (!err)
		err = parse_ports(tb[KBUMP_RULE_A_SPORT], &r->sport, &r->has_sport, extack);
	if (!err)
		err = parse_ports(tb[KBUMP_RULE_A_DPORT], &r->dport, &r->has_dport, extack);
	if (!err)
		err = parse_mark(r, tb, extack);
	if (!err && tb[KBUMP_RULE_A_IIF])
		nla_strscpy(r->iif, tb[KBUMP_RULE_A_IIF], sizeof(r->iif));
	return err;
}

static int parse_action(struct kb_rule *r, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	if (tb[KBUMP_RULE_A_HANDLE]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_RULE_A_HANDLE],
				    "the handle is the kernel's to give");
		return -EINVAL;
	}
	if (!tb[KBUMP_RULE_A_ACTION]) {
		NL_SET_ERR_MSG(extack, "action is missing");
		return -EINVAL;
	}
	r->action = nla_get_u8(tb[KBUMP_RULE_A_ACTION]);
	if (tb[KBUMP_RULE_A_FAIL])
		r->fail = nla_get_u8(tb[KBUMP_RULE_A_FAIL]);
	if (tb[KBUMP_RULE_A_PREF])
		r->pref = nla_get_u32(tb[KBUMP_RULE_A_PREF]);
	if (tb[KBUMP_RULE_A_COMMENT])
		nla_strscpy(r->comment, tb[KBUMP_RULE_A_COMMENT], sizeof(r->comment));
	if (tb[KBUMP_RULE_A_TOOL] && r->action != KBUMP_ACTION_INSPECT) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_RULE_A_TOOL],
				    "only action inspect has tools");
		return -EINVAL;
	}
	return 0;
}

/* Called with the namespace's lock held. */
static int add_tool(struct kb_net *kn, struct kb_rule *r, const struct nlattr *a,
		    struct netlink_ext_ack *extack)
{
	struct kb_tool *t = kb_tool_find(kn, nla_data(a));
	unsigned int i;

	if (!t) {
		NL_SET_ERR_MSG_ATTR(extack, a, "no tool has this name");
		return -ENOENT;
	}
	if (r->ntools == KBUMP_RULE_TOOLS_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, a, "too many tools");
		return -E2BIG;
	}
	for (i = 0; i < r->ntools; i++) {
		if (r->tools[i] == t) {
			NL_SET_ERR_MSG_ATTR(extack, a, "tool is named twice");
			return -EINVAL;
		}
	}
	kb_tool_get(t);
	r->tools[r->ntools++] = t;
	return 0;
}

static int add_tools(struct kb_net *kn, struct kb_rule *r, const struct nlattr *nest,
		     struct netlink_ext_ack *extack)
{
	const struct nlattr *a;
	int rem, err;

	nla_for_each_nested(a, nest, rem) {
		if (nla_type(a) != KBUMP_RULE_A_TOOL)
			continue;
		err = add_tool(kn, r, a, extack);
		if (err)
			return err;
	}
	return 0;
}

static int choose_pref(struct kb_net *kn, struct kb_rule *r, struct netlink_ext_ack *extack)
{
	u32 last = 0;

	if (r->pref)
		return 0;
	if (!list_empty(&kn->rules))
		last = list_last_entry(&kn->rules, struct kb_rule, list)->pref;
	if (last > INT_MAX - PREF_STEP) {
		NL_SET_ERR_MSG(extack, "no pref is left after the last rule's: give one");
		return -ERANGE;
	}
	r->pref = last + PREF_STEP;
	return 0;
}

/* Behind those of the same pref. */
static void insert(struct kb_net *kn, struct kb_rule *r)
{
	struct kb_rule *next;
	unsigned int i;

	list_for_each_entry(next, &kn->rules, list)
		if (next->pref > r->pref)
			break;
	list_add_tail_rcu(&r->list, &next->list);
	for (i = 0; i < r->ntools; i++)
		r->tools[i]->rules++;
	kn->rules_gen++;
}

/* Called with the namespace's lock held. */
static int add_locked(struct kb_net *kn, struct kb_rule *r, struct genl_info *info)
{
	int err;

	lockdep_assert_held(&kn->lock);
	if (kn->dying)
		return -ESHUTDOWN;
	err = add_tools(kn, r, info->attrs[KBUMP_A_RULE], info->extack);
	if (!err)
		err = choose_pref(kn, r, info->extack);
	if (!err && kn->last_handle == U32_MAX) {
		NL_SET_ERR_MSG(info->extack, "all handles have been used");
		err = -ERANGE;
	}
	if (!err)
		err = kb_steer_hook(kn);
	if (err)
		return err;
	r->handle = ++kn->last_handle;
	insert(kn, r);
	return 0;
}

static struct kb_rule *rule_alloc(void)
{
	struct kb_rule *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return NULL;
	r->stats = alloc_percpu_gfp(struct kb_rule_stats, GFP_KERNEL_ACCOUNT);
	if (!r->stats) {
		kfree(r);
		return NULL;
	}
	refcount_set(&r->ref, 1);
	return r;
}

/* An echo that is lost is no error: the rule is there. */
static void echo(struct genl_info *info, const struct kb_rule *r)
{
	if (info->nlhdr->nlmsg_flags & NLM_F_ECHO)
		kb_nl_reply(info, KBUMP_CMD_RULE_ADD, KBUMP_A_RULE, rule_fill, r);
}

/**
 * kb_rule_add_doit - KBUMP_CMD_RULE_ADD
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_rule_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_RULE_A_MAX + 1];
	struct kb_rule *r;
	int err;

	err = kb_nl_parse(info, KBUMP_A_RULE, tb, KBUMP_RULE_A_MAX);
	if (err)
		return err;
	r = rule_alloc();
	if (!r)
		return -ENOMEM;
	err = parse_action(r, tb, info->extack);
	if (!err)
		err = parse_matchers(r, tb, info->extack);
	if (!err) {
		mutex_lock(&kn->lock);
		err = add_locked(kn, r, info);
		if (!err) {
			kb_nl_event(kn, KBUMP_CMD_RULE_ADD, KBUMP_A_RULE, rule_fill, r);
			echo(info, r);
		} else {
			rule_free(r);
		}
		mutex_unlock(&kn->lock);
		return err;
	}
	rule_free(r);
	return err;
}

/* Called with the namespace's lock held. */
static void remove(struct kb_net *kn, struct kb_rule *r)
{
	unsigned int i;

	list_del_rcu(&r->list);
	for (i = 0; i < r->ntools; i++)
		r->tools[i]->rules--;
	kn->rules_gen++;
	kb_nl_event(kn, KBUMP_CMD_RULE_DEL, KBUMP_A_RULE, rule_fill, r);
	kb_rule_put(r);
}

/* The rule that a request names. Called with the namespace's lock held. */
static struct kb_rule *named(struct kb_net *kn, struct nlattr **tb, struct genl_info *info)
{
	const struct nlattr *by_handle = tb[KBUMP_RULE_A_HANDLE];
	const struct nlattr *by_pref = tb[KBUMP_RULE_A_PREF];
	struct kb_rule *r;

	if (!by_handle == !by_pref) {
		NL_SET_ERR_MSG(info->extack, "either handle or pref must be given");
		return ERR_PTR(-EINVAL);
	}
	list_for_each_entry(r, &kn->rules, list)
		if (by_handle ? r->handle == nla_get_u32(by_handle) :
				r->pref == nla_get_u32(by_pref))
			return r;
	if (by_handle)
		NL_SET_ERR_MSG_ATTR(info->extack, by_handle, "no rule has this handle");
	else
		NL_SET_ERR_MSG_ATTR(info->extack, by_pref, "no rule has this pref");
	return ERR_PTR(-ENOENT);
}

/**
 * kb_rule_del_doit - KBUMP_CMD_RULE_DEL
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_rule_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_RULE_A_MAX + 1];
	struct kb_rule *r;
	int err;

	err = kb_nl_parse(info, KBUMP_A_RULE, tb, KBUMP_RULE_A_MAX);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	r = named(kn, tb, info);
	if (!IS_ERR(r))
		remove(kn, r);
	mutex_unlock(&kn->lock);
	return PTR_ERR_OR_ZERO(r);
}

/**
 * kb_rules_flush - delete all rules
 * @kn: the namespace
 *
 * Context: process; sleeps.
 */
void kb_rules_flush(struct kb_net *kn)
{
	struct kb_rule *r, *next;

	mutex_lock(&kn->lock);
	list_for_each_entry_safe(r, next, &kn->rules, list)
		remove(kn, r);
	mutex_unlock(&kn->lock);
}

/**
 * kb_rule_flush_doit - KBUMP_CMD_RULE_FLUSH
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0.
 */
int kb_rule_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	kb_rules_flush(kb_net(genl_info_net(info)));
	return 0;
}

/**
 * kb_rule_get_doit - KBUMP_CMD_RULE_GET, of one rule
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_rule_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_RULE_A_MAX + 1];
	struct kb_rule *r;
	int err;

	err = kb_nl_parse(info, KBUMP_A_RULE, tb, KBUMP_RULE_A_MAX);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	r = named(kn, tb, info);
	err = PTR_ERR_OR_ZERO(r);
	if (!err)
		err = kb_nl_reply(info, KBUMP_CMD_RULE_GET, KBUMP_A_RULE, rule_fill, r);
	mutex_unlock(&kn->lock);
	return err;
}

/**
 * kb_rule_get_dumpit - KBUMP_CMD_RULE_GET, of all rules
 * @skb: a part of the answer
 * @cb: state of the dump
 *
 * Return: length of the part, 0 at the end.
 */
int kb_rule_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kb_net *kn = kb_net(sock_net(skb->sk));
	struct kb_nl_pos *last = kb_nl_pos(cb);
	struct kb_rule *r;

	mutex_lock(&kn->lock);
	cb->seq = kn->rules_gen;
	list_for_each_entry(r, &kn->rules, list) {
		if (r->pref < last->a || (r->pref == last->a && r->handle <= last->b))
			continue;
		if (kb_nl_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, NLM_F_MULTI,
			      KBUMP_CMD_RULE_GET, KBUMP_A_RULE, rule_fill, r, cb))
			break;
		last->a = r->pref;
		last->b = r->handle;
	}
	mutex_unlock(&kn->lock);
	return skb->len;
}
