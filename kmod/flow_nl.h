/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_FLOW_NL_H
#define KB_FLOW_NL_H

#include <linux/types.h>

struct genl_info;
struct kb_flow;
struct netlink_callback;
struct sk_buff;

void kb_flow_event(const struct kb_flow *f, u8 cmd);

int kb_flow_set_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_ask_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_add_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_fail_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_del_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_get_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* KB_FLOW_NL_H */
