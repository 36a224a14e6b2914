// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules: one ordered table that says what becomes of a connection. How it is asked, and how it
 * lives; the commands that change it are in rule_nl.c.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "inline.h"
#include "rule.h"
#include "tool.h"

/* A table is made with room for so many more rules. */
#define SPARE	8

/**
 * kb_rule_is_led - do connections that a rule leaves alone go through inline tools?
 * @r: the rule
 */
bool kb_rule_is_led(const struct kb_rule *r)
{
	unsigned int i;

	for (i = 0; r->action == KBUMP_ACTION_BYPASS && i < r->ntools; i++)
		if (r->tools[i]->in_line)
			return true;
	return false;
}

static bool has_tool_that_blocks(const struct kb_rule *r)
{
	unsigned int i;

	for (i = 0; i < r->ntools; i++)
		if (r->tools[i]->in_line && kb_inline_blocks(r->tools[i]))
			return true;
	return false;
}

/**
 * kb_rule_fails_closed - is a flow refused that cannot be inspected, or led through its tools?
 * @r: the flow's rule
 * @cause: why it cannot
 *
 * Context: any.
 */
bool kb_rule_fails_closed(const struct kb_rule *r, enum kbump_cause cause)
{
	/* That it is not copied is no reason to refuse what would be left alone. */
	if (r->action == KBUMP_ACTION_BYPASS)
		return has_tool_that_blocks(r);
	return (r->fail == KBUMP_FAIL_CLOSED) != !!(r->fail_except & BIT(cause));
}

/* Of rules that may match, whose fail setting counts if that is never found out. */
static struct kb_rule *stricter(struct kb_rule *a, struct kb_rule *b, enum kbump_cause cause)
{
	return !a || (kb_rule_fails_closed(b, cause) && !kb_rule_fails_closed(a, cause)) ? b : a;
}

/* Each UDP packet is put to the rules: those before the first for UDP are passed by. */
static unsigned int first_place(const struct kb_rules *t, const struct kb_facts *facts)
{
	return t && facts->proto == KBUMP_PROTO_UDP ? t->udp : 0;
}

/**
 * kb_rule_match - does a connection match a rule?
 * @r: the rule
 * @facts: what is known of the connection
 * @why: as for kb_match()
 *
 * The box's own connections are no business of rules that do not say so, unless to leave alone.
 *
 * Context: RCU read side.
 * Return: as kb_match().
 */
enum kbump_answer kb_rule_match(const struct kb_rule *r, const struct kb_facts *facts, u64 *why)
{
	if (!facts->origin.local || r->action == KBUMP_ACTION_BYPASS ||
	    kb_match_names_uid(&r->match))
		return kb_match(&r->match, facts, why);
	*why = BIT_ULL(KBUMP_RULE_A_UID);
	return KBUMP_ANSWER_NO;
}

/* What leaves the box's own connections alone is no reason to look at them. */
static bool wants(const struct kb_rule *r, const struct kb_facts *facts)
{
	if (r->action == KBUMP_ACTION_BYPASS && !r->ntools)
		return false;
	return !facts->origin.local || kb_match_names_uid(&r->match);
}

/**
 * kb_rule_find - what do the rules say?
 * @t: &kb_net.rules, or NULL
 * @facts: what is known of the connection
 * @cause: for which the fail setting is to count
 * @decided: set if the first rule that matches is known; else more must be known
 *
 * Context: RCU read side.
 * Return: a rule, without a reference: the one that decided or, of those that still may, one
 * whose fail setting counts. NULL if none can want anything of the connection.
 */
struct kb_rule *kb_rule_find(const struct kb_rules *t, const struct kb_facts *facts,
			     enum kbump_cause cause, bool *decided)
{
	struct kb_rule *maybe = NULL;
	bool first = true;
	unsigned int i;
	u64 why;

	*decided = false;
	for (i = first_place(t, facts); t && i < t->count; i++) {
		struct kb_rule *r = t->place[i].rule;
		enum kbump_answer answer = kb_rule_match(r, facts, &why);

		if (answer == KBUMP_ANSWER_NO)
			continue;
		if (answer == KBUMP_ANSWER_YES && first) {
			*decided = true;
			return r;
		}
		first = false;
		if (wants(r, facts))
			maybe = stricter(maybe, r, cause);
		if (answer == KBUMP_ANSWER_YES)
			break;
	}
	return maybe;
}

/**
 * kb_rules_want_udp - is there a rule for UDP?
 * @kn: the namespace
 *
 * Context: RCU read side.
 */
bool kb_rules_want_udp(const struct kb_net *kn)
{
	const struct kb_rules *t = rcu_dereference(kn->rules);

	return t && t->udp < t->count;
}

/**
 * kb_rule_alloc - make a rule
 *
 * Context: process; sleeps.
 * Return: the rule, zeroed, with one reference; or NULL.
 */
struct kb_rule *kb_rule_alloc(void)
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

/**
 * kb_rule_free - free a rule
 * @r: the rule, to which there is one reference, that of the caller, or none
 *
 * Context: any.
 */
void kb_rule_free(struct kb_rule *r)
{
	unsigned int i;

	for (i = 0; i < r->ntools; i++)
		kb_tool_put(r->tools[i]);
	kb_match_free(&r->match);
	kfree(r->alpn_limit);
	free_percpu(r->stats);
	kfree(r);
}

static void rule_free_rcu(struct rcu_head *rcu)
{
	kb_rule_free(container_of(rcu, struct kb_rule, rcu));
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
		sum.last = max(sum.last, READ_ONCE(s->last));
	}
	return sum;
}

static int fill_counters(struct sk_buff *skb, const struct kb_rule *r)
{
	struct kb_rule_stats s = rule_stats(r);

	if (nla_put_u64_64bit(skb, KBUMP_RULE_A_HITS, s.hits, KBUMP_RULE_A_PAD) ||
	    nla_put_u64_64bit(skb, KBUMP_RULE_A_BYTES, s.bytes, KBUMP_RULE_A_PAD) ||
	    nla_put_u64_64bit(skb, KBUMP_RULE_A_FAILED, s.failed, KBUMP_RULE_A_PAD))
		return -EMSGSIZE;
	if (!s.last)
		return 0;
	return nla_put_u64_64bit(skb, KBUMP_RULE_A_LAST_HIT, jiffies64_to_msecs(jiffies - s.last),
				 KBUMP_RULE_A_PAD);
}

/**
 * kb_rule_fill - put a rule into a message
 * @skb: where to
 * @obj: its place
 *
 * Return: 0 or -EMSGSIZE.
 */
int kb_rule_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_place *p = obj;
	const struct kb_rule *r = p->rule;
	unsigned int i;

	if (nla_put_u32(skb, KBUMP_RULE_A_HANDLE, r->handle) ||
	    nla_put_u32(skb, KBUMP_RULE_A_PREF, p->pref) || kb_match_fill(skb, &r->match) ||
	    nla_put_u8(skb, KBUMP_RULE_A_ACTION, r->action) ||
	    nla_put_u8(skb, KBUMP_RULE_A_FAIL, r->fail))
		return -EMSGSIZE;
	for (i = 0; i < r->ntools; i++)
		if (nla_put_string(skb, KBUMP_RULE_A_TOOL, r->tools[i]->name))
			return -EMSGSIZE;
	if (r->alpn_limit && nla_put_string(skb, KBUMP_RULE_A_ALPN_LIMIT, r->alpn_limit))
		return -EMSGSIZE;
	if (r->action == KBUMP_ACTION_BLOCK && nla_put_u8(skb, KBUMP_RULE_A_BLOCK, r->block))
		return -EMSGSIZE;
	if (r->page && nla_put_flag(skb, KBUMP_RULE_A_PAGE))
		return -EMSGSIZE;
	if (r->fail_except && nla_put_u32(skb, KBUMP_RULE_A_FAIL_EXCEPT, r->fail_except))
		return -EMSGSIZE;
	if (r->learn != KB_LEARN_DEFAULT && nla_put_u32(skb, KBUMP_RULE_A_LEARN, r->learn))
		return -EMSGSIZE;
	if (*r->rule_set && nla_put_string(skb, KBUMP_RULE_A_RULE_SET, r->rule_set))
		return -EMSGSIZE;
	if (*r->comment && nla_put_string(skb, KBUMP_RULE_A_COMMENT, r->comment))
		return -EMSGSIZE;
	return fill_counters(skb, r) ? -EMSGSIZE : 0;
}

/**
 * kb_rules_of - the table of the namespace
 * @kn: the namespace, whose lock is held
 *
 * Return: the table, or NULL if there is no rule.
 */
struct kb_rules *kb_rules_of(const struct kb_net *kn)
{
	return rcu_dereference_protected(kn->rules, lockdep_is_held(&kn->lock));
}

static struct kb_rules *rules_alloc(unsigned int room)
{
	struct kb_rules *t = kvzalloc(struct_size(t, place, room), GFP_KERNEL_ACCOUNT);

	if (t)
		t->room = room;
	return t;
}

/**
 * kb_rules_copy - make a table with the same rules
 * @from: a table, or NULL
 *
 * Context: process; sleeps.
 * Return: the table, or NULL.
 */
struct kb_rules *kb_rules_copy(const struct kb_rules *from)
{
	unsigned int i, count = from ? from->count : 0;
	struct kb_rules *t = rules_alloc(count + SPARE);

	if (!t)
		return NULL;
	for (i = 0; i < count; i++) {
		t->place[i] = from->place[i];
		refcount_inc(&t->place[i].rule->ref);
	}
	t->count = count;
	return t;
}

static void rules_free_work(struct work_struct *work)
{
	struct kb_rules *t = container_of(to_rcu_work(work), struct kb_rules, free);
	unsigned int i;

	for (i = 0; i < t->count; i++)
		kb_rule_put(t->place[i].rule);
	kvfree(t);
}

/**
 * kb_rules_free - free a table and drop its references
 * @t: a table that no reader can find any more, or NULL
 *
 * Context: any.
 */
void kb_rules_free(struct kb_rules *t)
{
	if (!t)
		return;
	INIT_RCU_WORK(&t->free, rules_free_work);
	queue_rcu_work(kb_free_wq, &t->free);
}

/**
 * kb_rules_reserve - make room for one more rule
 * @table: the table, which may be replaced by a larger one; nobody else has it
 *
 * Context: process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int kb_rules_reserve(struct kb_rules **table)
{
	struct kb_rules *old = *table, *t;

	if (old->count < old->room)
		return 0;
	t = rules_alloc(2 * old->room);
	if (!t)
		return -ENOMEM;
	memcpy(t->place, old->place, old->count * sizeof(*old->place));
	t->count = old->count;
	*table = t;
	kvfree(old);
	return 0;
}

/**
 * kb_rules_insert - put a rule into a table
 * @t: the table, with room; nobody else has it
 * @at: before which
 * @p: the rule, whose reference goes to the table
 */
void kb_rules_insert(struct kb_rules *t, unsigned int at, const struct kb_place *p)
{
	memmove(&t->place[at + 1], &t->place[at], (t->count - at) * sizeof(*p));
	t->place[at] = *p;
	t->count++;
}

/**
 * kb_rules_take - take a rule out of a table
 * @t: the table; nobody else has it
 * @at: which
 *
 * Return: the rule, with the table's reference.
 */
struct kb_place kb_rules_take(struct kb_rules *t, unsigned int at)
{
	struct kb_place p = t->place[at];

	t->count--;
	memmove(&t->place[at], &t->place[at + 1], (t->count - at) * sizeof(p));
	return p;
}

static unsigned int find_udp(const struct kb_rules *t)
{
	unsigned int i = 0;

	while (i < t->count && t->place[i].rule->match.proto != KBUMP_PROTO_UDP)
		i++;
	return i;
}

/**
 * kb_rules_swap - replace the table of the namespace
 * @kn: the namespace, whose lock is held
 * @t: the new table, or NULL
 *
 * Return: the old table, to be freed; or NULL.
 */
struct kb_rules *kb_rules_swap(struct kb_net *kn, struct kb_rules *t)
{
	if (t)
		t->udp = find_udp(t);
	return rcu_replace_pointer(kn->rules, t, lockdep_is_held(&kn->lock));
}

/**
 * kb_rules_exit - delete all rules
 * @kn: the namespace, which is dying
 *
 * Context: process; sleeps.
 */
void kb_rules_exit(struct kb_net *kn)
{
	mutex_lock(&kn->lock);
	kb_rules_free(kb_rules_swap(kn, NULL));
	mutex_unlock(&kn->lock);
}
