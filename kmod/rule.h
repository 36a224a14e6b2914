/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_RULE_H
#define KB_RULE_H

#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/refcount.h>

#include "net.h"
#include "tuple.h"

struct kb_tool;
struct genl_info;
struct netlink_callback;
struct sk_buff;

struct kb_rule_stats {
	u64 hits;
	u64 bytes;
	u64 failed;
};

/**
 * struct kb_rule - one rule
 *
 * Nothing but @list, @ref and @stats changes after it has been added. The table holds one
 * reference, each flow that the rule decided another one: a flow keeps its rule, and by it
 * its tools, when the rule is deleted. Freed after a grace period.
 *
 * @list: in &kb_net.rules
 * @rcu: for the freeing
 * @ref: references
 * @stats: per-CPU counters
 * @handle: stable name, never used again
 * @pref: order of evaluation
 * @has_sport: @sport is to be compared
 * @has_dport: as above
 * @action: &enum kbump_action
 * @fail: &enum kbump_fail
 * @family: NFPROTO_IPV4 or _IPV6 of @src and @dst, or NFPROTO_UNSPEC if both match all
 * @src_len: significant bits of @src, 0 matches all
 * @dst_len: significant bits of @dst
 * @has_src: a source was given, to tell 0.0.0.0/0 from nothing
 * @has_dst: as above
 * @src: client's prefix
 * @dst: server's prefix
 * @sport: client ports
 * @dport: server ports
 * @iif: interface, or an empty string
 * @mark: packet mark
 * @mask: bits of @mark that count; 0 matches all
 * @ntools: tools in @tools
 * @tools: references to the tools
 * @comment: for people
 */
struct kb_rule {
	struct list_head list;
	struct rcu_head rcu;
	refcount_t ref;
	struct kb_rule_stats __percpu *stats;
	u32 handle;
	u32 pref;
	bool has_sport;
	bool has_dport;
	bool has_src;
	bool has_dst;
	u8 action;
	u8 fail;
	u8 family;
	u8 src_len;
	u8 dst_len;
	u8 ntools;
	union nf_inet_addr src;
	union nf_inet_addr dst;
	struct kbump_port_range sport;
	struct kbump_port_range dport;
	char iif[IFNAMSIZ];
	u32 mark;
	u32 mask;
	struct kb_tool *tools[KBUMP_RULE_TOOLS_MAX];
	char comment[KBUMP_COMMENT_LEN];
};

/**
 * struct kb_facts - what is known of a connection when its SYN comes
 *
 * @tuple: its addresses and ports
 * @iif: name of the interface that it came in on
 * @mark: the packet's mark
 */
struct kb_facts {
	struct kb_tuple tuple;
	const char *iif;
	u32 mark;
};

struct kb_rule *kb_rule_find(struct kb_net *kn, const struct kb_facts *facts);
bool kb_rule_get(struct kb_rule *r);
void kb_rule_put(struct kb_rule *r);
void kb_rules_flush(struct kb_net *kn);

int kb_rule_add_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_del_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_flush_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_get_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* KB_RULE_H */
