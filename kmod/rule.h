/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_RULE_H
#define KB_RULE_H

#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/refcount.h>

#include "match.h"
#include "net.h"

struct kb_tool;
struct genl_info;
struct netlink_callback;
struct sk_buff;

/* As long as the module's parameter says. */
#define KB_LEARN_DEFAULT	U32_MAX

/* A mask of all &enum kbump_cause. */
#define KB_CAUSES		GENMASK(KBUMP_CAUSE_MAX, KBUMP_CAUSE_HELPER)

/**
 * struct kb_rule_stats - what a rule has done, one for each CPU
 *
 * @hits: connections that it decided
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
 * Nothing but @list, @ref and @stats changes after it has been added. The table holds one
 * reference, each flow that the rule decided another one: a flow keeps its rule, and by it
 * its tools, when the rule is deleted. Freed after a grace period.
 *
 * Who reads the table under RCU may stand on an entry, so that it cannot be moved: a copy goes
 * to the new place. What the pointers of a copy lead to is the first one's.
 *
 * @list: in &kb_net.rules
 * @rcu: for the freeing
 * @ref: references
 * @first: of which this is a copy, with a reference; or NULL
 * @stats: per-CPU counters
 * @handle: stable name, never used again
 * @pref: order of evaluation
 * @match: which connections
 * @action: &enum kbump_action
 * @fail: &enum kbump_fail
 * @fail_except: mask of 1 << &enum kbump_cause, for which the other one holds
 * @learn: seconds for which a bypass is learned from its flows, or KB_LEARN_DEFAULT; 0: none is,
 *	and none is applied
 * @page: a client that it blocks is told so by a helper
 * @ntools: tools in @tools
 * @tools: references to the tools
 * @alpn_limit: the only protocol to be offered to servers, or NULL
 * @comment: for people
 */
struct kb_rule {
	struct list_head list;
	struct rcu_head rcu;
	refcount_t ref;
	struct kb_rule *first;
	struct kb_rule_stats __percpu *stats;
	u32 handle;
	u32 pref;
	struct kb_match match;
	u8 action;
	u8 fail;
	u8 fail_except;
	u32 learn;
	bool page;
	u8 ntools;
	struct kb_tool *tools[KBUMP_RULE_TOOLS_MAX];
	char *alpn_limit;
	char comment[KBUMP_COMMENT_LEN];
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

/**
 * kb_rule_fails_closed - is a flow refused that cannot be inspected?
 * @r: the flow's rule
 * @cause: why it cannot
 */
static inline bool kb_rule_fails_closed(const struct kb_rule *r, enum kbump_cause cause)
{
	return (r->fail == KBUMP_FAIL_CLOSED) != !!(r->fail_except & BIT(cause));
}

struct kb_rule *kb_rule_find(struct kb_net *kn, const struct kb_facts *facts,
			     enum kbump_cause cause, bool *decided);
bool kb_rule_get(struct kb_rule *r);
void kb_rule_put(struct kb_rule *r);
int kb_rule_fill(struct sk_buff *skb, const void *obj);
void kb_rules_flush(struct kb_net *kn);

int kb_rule_add_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_replace_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_move_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_del_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_flush_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_get_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* KB_RULE_H */
