/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_RULE_NL_H
#define KB_RULE_NL_H

struct genl_info;
struct kb_draft;
struct netlink_callback;
struct sk_buff;

int kb_draft_flush_rules(struct kb_draft *d);

int kb_rule_add_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_replace_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_move_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_del_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_flush_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_get_doit(struct sk_buff *skb, struct genl_info *info);
int kb_rule_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* KB_RULE_NL_H */
