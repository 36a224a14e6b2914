// SPDX-License-Identifier: GPL-2.0-only
/* What the rules make of a connection's first packet, wherever that was met. */
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/sock.h>

#include "decide.h"
#include "flow.h"
#include "flow_nl.h"
#include "helper.h"
#include "local.h"
#include "rule.h"
#include "steer.h"
#include "tap.h"

static enum kb_fate refuse(const struct kb_rule *rule)
{
	return rule->block == KBUMP_BLOCK_DROP ? KB_DROP : KB_REFUSE;
}

/**
 * kb_decide_tell - tell those who listen what becomes of a connection without a flow
 * @kn: the namespace
 * @rule: the rule that decided
 * @facts: what is known of the connection
 * @action: what becomes of it
 * @cause: &enum kbump_cause why it cannot be inspected, or 0
 *
 * Context: any.
 */
void kb_decide_tell(struct kb_net *kn, const struct kb_rule *rule, const struct kb_facts *facts,
		    enum kbump_action action, u8 cause)
{
	const struct kb_decision d = {
		.facts = facts,
		.rule = rule,
		.action = action,
		.cause = cause,
	};

	kb_flow_tell(kn, &d);
}

static enum kb_fate fail(struct kb_net *kn, const struct kb_rules *t, const struct kb_rule *rule,
			 const struct kb_facts *facts, enum kbump_stat stat)
{
	enum kbump_cause cause = stat == KBUMP_STAT_FAIL_HELPER ? KBUMP_CAUSE_HELPER :
				 KBUMP_CAUSE_LIMIT;
	bool decided, closed;

	/* Of rules that may match, another one may be stricter in this. */
	rule = kb_rule_find(t, facts, cause, &decided) ?: rule;
	kb_count(kn, stat, 1);
	this_cpu_inc(rule->stats->failed);
	closed = kb_rule_fails_closed(rule, cause);
	kb_decide_tell(kn, rule, facts, closed ? KBUMP_ACTION_BLOCK : KBUMP_ACTION_BYPASS, cause);
	return closed ? refuse(rule) : KB_PASS;
}

/* What keeps a flow from beginning, as it is counted. */
static enum kbump_stat failure(int err)
{
	switch (err) {
	case -ESRCH:
		return KBUMP_STAT_FAIL_HELPER;
	case -ENOMEM:
		return KBUMP_STAT_FAIL_NOMEM;
	case -EDQUOT:
		return KBUMP_STAT_FAIL_SHARE;
	default:
		return KBUMP_STAT_FAIL_LIMIT;
	}
}

/* Return: 0, or an error if no flow has begun. */
static int to_helper(struct kb_net *kn, struct sk_buff *skb, struct kb_rule *rule, bool decided,
		     const struct kb_facts *facts, struct kb_flow **flow)
{
	const struct kb_tuple *t = &facts->tuple;
	struct kb_helper *h = kb_helper_choose(kn, t->family, t->vrf);
	struct kb_flow *f;

	if (IS_ERR(h))
		return PTR_ERR(h);
	if (!h)
		return -ESRCH;
	if (facts->origin.local && !kb_local_can_loop(kn->net)) {
		kb_helper_put(h);
		return -ESRCH;
	}
	f = kb_flow_create(kn, facts, rule, decided, h, skb);
	kb_helper_put(h);
	if (IS_ERR(f))
		return PTR_ERR(f);
	kb_steer_end_time_wait(kn, t);
	kb_count(kn, KBUMP_STAT_STEERED, 1);
	*flow = f;
	return 0;
}

/* Open it, or find out whether it is to be opened. */
static enum kb_fate inspect(struct kb_net *kn, struct sk_buff *skb, const struct kb_rules *t,
			    struct kb_rule *rule, bool decided, const struct kb_facts *facts,
			    struct kb_flow **flow)
{
	int err = to_helper(kn, skb, rule, decided, facts, flow);

	/* A flow with these addresses is about to end. */
	if (err == -EBUSY)
		return KB_DROP;
	return err ? fail(kn, t, rule, facts, failure(err)) : KB_STEER;
}

/* Refuse it, say nothing, or have a helper tell the client why. */
static enum kb_fate block(struct kb_net *kn, struct sk_buff *skb, struct kb_rule *rule,
			  const struct kb_facts *facts, struct kb_flow **flow)
{
	int err = -EPERM;

	kb_count(kn, KBUMP_STAT_BLOCKED, 1);
	if (rule->page && rule->block != KBUMP_BLOCK_DROP)
		err = to_helper(kn, skb, rule, true, facts, flow);
	if (err == -EBUSY)
		return KB_DROP;
	if (!err)
		return KB_STEER;
	kb_decide_tell(kn, rule, facts, KBUMP_ACTION_BLOCK, 0);
	return refuse(rule);
}

/* Its connections are left alone, and tools see their packets. */
static bool is_tapped(const struct kb_rule *rule)
{
	return rule->action == KBUMP_ACTION_BYPASS && rule->ntools && !kb_rule_is_led(rule);
}

/* Whatever becomes of this connection, the answers to it are not the old one's. */
static void forget(struct kb_net *kn, const struct kb_tuple *t)
{
	struct kb_flow *old = kb_flows_any(kn) ? kb_flow_lookup(kn, t) : NULL;

	if (old)
		kb_flow_forget(old);
}

/**
 * kb_decide_not - a connection begins that is not put to the rules
 * @kn: the namespace
 * @t: the client's leg, as it would be
 *
 * What was decided of a connection before, with the same addresses, is not for this one.
 *
 * Context: RCU read side, BH off.
 */
void kb_decide_not(struct kb_net *kn, const struct kb_tuple *t)
{
	forget(kn, t);
	kb_tap_set(kn, t, NULL);
}

/**
 * kb_decide - put a connection to the rules
 * @kn: the namespace
 * @skb: its first packet
 * @facts: what that says
 * @flow: result with %KB_STEER: the flow that has begun, with a reference
 *
 * Context: RCU read side, BH off.
 * Return: what becomes of the packet.
 */
enum kb_fate kb_decide(struct kb_net *kn, struct sk_buff *skb, const struct kb_facts *facts,
		       struct kb_flow **flow)
{
	/* One table for all that is asked, as another one may take its place. */
	const struct kb_rules *t = rcu_dereference(kn->rules);
	struct kb_rule *rule;
	bool decided;

	forget(kn, &facts->tuple);
	rule = kb_rule_find(t, facts, KBUMP_CAUSE_HELPER, &decided);
	/* Packets of the box's own do not pass where they are copied. */
	if (!facts->origin.local)
		kb_tap_set(kn, &facts->tuple, decided && is_tapped(rule) ? rule : NULL);
	if (!rule)
		return KB_PASS;
	if (decided)
		kb_rule_hit(rule);
	/* Through inline tools somebody has to connect. */
	if (!decided || rule->action == KBUMP_ACTION_INSPECT || kb_rule_is_led(rule))
		return inspect(kn, skb, t, rule, decided, facts, flow);
	if (rule->action == KBUMP_ACTION_BLOCK)
		return block(kn, skb, rule, facts, flow);
	kb_count(kn, KBUMP_STAT_BYPASSED, 1);
	kb_decide_tell(kn, rule, facts, KBUMP_ACTION_BYPASS, 0);
	return KB_PASS;
}
