// SPDX-License-Identifier: GPL-2.0-only
/*
 * What would the rules say, and why? Asked of the evaluator that connections are put to.
 */
#include "compat.h"
#include "explain.h"
#include "netlink.h"
#include "rule.h"

/* A rule's answer, for explained_fill(). */
struct explained {
	const struct kb_place *place;
	enum kbump_answer answer;
	u64 why;
};

/* The rules' answer, for verdict_fill(). */
struct verdict {
	u8 action;
	u32 rule;
};

static int explained_fill(struct sk_buff *skb, const void *obj)
{
	const struct explained *e = obj;

	if (kb_rule_fill(skb, e->place) || nla_put_u8(skb, KBUMP_RULE_A_ANSWER, e->answer))
		return -EMSGSIZE;
	return e->why ? nla_put_u64_64bit(skb, KBUMP_RULE_A_WHY, e->why, KBUMP_RULE_A_PAD) : 0;
}

static int verdict_fill(struct sk_buff *skb, const void *obj)
{
	const struct verdict *v = obj;

	if (v->action && nla_put_u8(skb, KBUMP_FLOW_A_ACTION, v->action))
		return -EMSGSIZE;
	return v->rule ? nla_put_u32(skb, KBUMP_FLOW_A_RULE, v->rule) : 0;
}

static int put(struct sk_buff *skb, struct netlink_callback *cb, int attr, kb_fill_t fill,
	       const void *obj)
{
	return kb_nl_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, NLM_F_MULTI,
			 KBUMP_CMD_RULE_EXPLAIN, attr, fill, obj, cb);
}

/* As steering and kb_flow_decide() take it. */
static struct verdict find_verdict(struct kb_net *kn, const struct kb_facts *facts)
{
	struct verdict v = {};
	struct kb_rule *r;
	bool decided;

	rcu_read_lock();
	r = kb_rule_find(rcu_dereference(kn->rules), facts, KBUMP_CAUSE_HELPER, &decided);
	if (!r)
		v.action = KBUMP_ACTION_BYPASS;
	if (decided) {
		v.action = r->action;
		v.rule = r->handle;
	}
	rcu_read_unlock();
	return v;
}

/* None has an unknown name: then no rule is for the connection. */
static u8 rule_set_of(const struct kb_net *kn, const struct nlattr *flow)
{
	const struct nlattr *a = flow ? nla_find_nested(flow, KBUMP_FLOW_A_RULE_SET) : NULL;

	return a ? kb_rule_set_find(kn, nla_data(a)) : 0;
}

/* Called with the namespace's lock held. Return: 0, or -EMSGSIZE if there is more to be told. */
static int explain(struct kb_net *kn, const struct kb_facts *facts, struct sk_buff *skb,
		   struct netlink_callback *cb)
{
	struct kb_nl_pos *pos = kb_nl_pos(cb);
	const struct kb_rules *t = kb_rules_of(kn);
	struct explained e;
	struct verdict v;

	cb->seq = kn->gen;
	for (; t && pos->a < t->count; pos->a++) {
		e.place = &t->place[pos->a];
		/* For the sets that it asks. */
		rcu_read_lock();
		e.answer = kb_rule_match(e.place->rule, facts, &e.why);
		rcu_read_unlock();
		if (put(skb, cb, KBUMP_A_RULE, explained_fill, &e))
			return -EMSGSIZE;
	}
	v = find_verdict(kn, facts);
	return put(skb, cb, KBUMP_A_FLOW, verdict_fill, &v);
}

static int read_facts(struct kb_facts *facts, struct netlink_callback *cb)
{
	struct nlattr *tb[KBUMP_FLOW_A_MAX + 1] = {};
	int err = 0;

	/* Else nothing is known. */
	if (kb_dump_attrs(cb)[KBUMP_A_FLOW])
		err = kb_nl_parse_dump(cb, KBUMP_A_FLOW, tb, KBUMP_FLOW_A_MAX);
	return err ?: kb_facts_parse(facts, tb, cb->extack);
}

/**
 * kb_explain_dumpit - KBUMP_CMD_RULE_EXPLAIN
 * @skb: a part of the answer
 * @cb: state of the dump
 *
 * Return: length of the part, 0 at the end, or an error.
 */
int kb_explain_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kb_net *kn = kb_net(sock_net(skb->sk));
	struct kb_nl_pos *pos = kb_nl_pos(cb);
	struct kb_facts facts = {};
	int err;

	/* All has been told. */
	if (pos->b)
		return 0;
	err = read_facts(&facts, cb);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	facts.origin.rule_set = rule_set_of(kn, kb_dump_attrs(cb)[KBUMP_A_FLOW]);
	pos->b = !explain(kn, &facts, skb, cb);
	mutex_unlock(&kn->lock);
	return skb->len;
}
