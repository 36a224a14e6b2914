/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_FLOW_NL_H
#define KB_FLOW_NL_H

#include <linux/types.h>

struct genl_info;
struct kb_facts;
struct kb_flow;
struct kb_net;
struct kb_rule;
struct netlink_callback;
struct sk_buff;
struct sock;

/**
 * struct kb_decision - what becomes of a connection
 *
 * On the stack of who tells of it.
 *
 * @facts: what is known of it
 * @id: of the flow, or 0
 * @rule: the rule that decided, or NULL
 * @action: &enum kbump_action
 * @cause: &enum kbump_cause why it cannot be inspected, or 0
 * @learned: because of what was learned
 */
struct kb_decision {
	const struct kb_facts *facts;
	u64 id;
	const struct kb_rule *rule;
	u8 action;
	u8 cause;
	bool learned;
};

struct kb_flow *kb_flow_of_sock(struct kb_net *kn, const struct sock *sk);
void kb_flow_event(const struct kb_flow *f, u8 cmd);
void kb_flow_tell(struct kb_net *kn, const struct kb_decision *d);

int kb_flow_set_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_ask_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_add_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_fail_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_del_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_get_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* KB_FLOW_NL_H */
