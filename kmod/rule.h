/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_RULE_H
#define KB_RULE_H

#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

#include "match.h"
#include "net.h"

struct kb_tool;
struct sk_buff;

/* As long as the module's parameter says. */
#define KB_LEARN_DEFAULT	U32_MAX

/* A mask of all &enum kbump_cause. */
#define KB_CAUSES		GENMASK(KBUMP_CAUSE_MAX, KBUMP_CAUSE_HELPER)

/**
 * struct kb_rule_stats - what a rule has done, one for each CPU
 *
 * @hits: connections that it decided, or packets of UDP
 * @bytes: clear bytes relayed for its flows
 * @failed: flows to which its fail setting was applied
 * @last: jiffies of the last hit, if there are @hits
 */
struct kb_rule_stats {
	u64 hits;
	u64 bytes;
	u64 failed;
	unsigned long last;
};

/**
 * struct kb_rule - one rule
 *
 * Nothing but @ref and @stats changes once it is in a table. Each table that it is in holds a
 * reference, each flow that the rule decided another one: a flow keeps its rule, and by it its
 * tools, when the rule is deleted. Freed after a grace period.
 *
 * @rcu: for the freeing
 * @ref: references
 * @stats: per-CPU counters
 * @handle: stable name, never used again
 * @match: which connections
 * @action: &enum kbump_action
 * @fail: &enum kbump_fail
 * @fail_except: mask of 1 << &enum kbump_cause, for which the other one holds
 * @learn: seconds for which a bypass is learned from its flows, or KB_LEARN_DEFAULT; 0: none is,
 *	and none is applied
 * @block: &enum kbump_block
 * @page: a client that it blocks is told so by a helper
 * @ntools: tools in @tools
 * @tools: references to the tools
 * @alpn_limit: the only protocol to be offered to servers, or NULL
 * @rule_set: name of its rule set, or empty
 * @comment: for people
 */
struct kb_rule {
	struct rcu_head rcu;
	refcount_t ref;
	struct kb_rule_stats __percpu *stats;
	u32 handle;
	struct kb_match match;
	u8 action;
	u8 fail;
	u8 fail_except;
	u8 block;
	u32 learn;
	bool page;
	u8 ntools;
	struct kb_tool *tools[KBUMP_RULE_TOOLS_MAX];
	char *alpn_limit;
	char rule_set[KBUMP_NAME_LEN];
	char comment[KBUMP_COMMENT_LEN];
};

/**
 * struct kb_place - a rule's place in a table
 *
 * @rule: the rule; the table has a reference
 * @pref: order of evaluation
 */
struct kb_place {
	struct kb_rule *rule;
	u32 pref;
};

/**
 * struct kb_rules - a table of rules
 *
 * Constant when it is &kb_net.rules, where a newer one takes its place as a whole: who reads it
 * has either all of a change or nothing. Until then it belongs to a &struct kb_draft. Freed by a
 * worker after a grace period, and its references are dropped then: who reads it can have any rule.
 *
 * @free: for the freeing
 * @udp: place of the first rule for UDP, @count if there is none; from kb_rules_swap() on
 * @count: rules in @place
 * @room: for so many is there memory
 * @place: in order of evaluation
 */
struct kb_rules {
	struct rcu_work free;
	unsigned int udp;
	unsigned int count;
	unsigned int room;
	struct kb_place place[];
};

/**
 * kb_rule_hit - count a connection that a rule has decided
 * @r: the rule
 *
 * Context: any.
 */
static inline void kb_rule_hit(const struct kb_rule *r)
{
	this_cpu_inc(r->stats->hits);
	this_cpu_write(r->stats->last, jiffies);
}

enum kbump_answer kb_rule_match(const struct kb_rule *r, const struct kb_facts *facts, u64 *why);
struct kb_rule *kb_rule_find(const struct kb_rules *t, const struct kb_facts *facts,
			     enum kbump_cause cause, bool *decided);
bool kb_rule_is_led(const struct kb_rule *r);
bool kb_rule_fails_closed(const struct kb_rule *r, enum kbump_cause cause);
bool kb_rules_want_udp(const struct kb_net *kn);
struct kb_rule *kb_rule_alloc(void);
bool kb_rule_get(struct kb_rule *r);
void kb_rule_put(struct kb_rule *r);
void kb_rule_free(struct kb_rule *r);
int kb_rule_fill(struct sk_buff *skb, const void *obj);

struct kb_rules *kb_rules_of(const struct kb_net *kn);
struct kb_rules *kb_rules_copy(const struct kb_rules *from);
void kb_rules_free(struct kb_rules *t);
int kb_rules_reserve(struct kb_rules **table);
void kb_rules_insert(struct kb_rules *t, unsigned int at, const struct kb_place *p);
struct kb_place kb_rules_take(struct kb_rules *t, unsigned int at);
struct kb_rules *kb_rules_swap(struct kb_net *kn, struct kb_rules *t);
void kb_rules_exit(struct kb_net *kn);

#endif /* KB_RULE_H */
