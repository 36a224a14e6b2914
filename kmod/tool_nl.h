/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_TOOL_NL_H
#define KB_TOOL_NL_H

struct genl_info;
struct kb_draft;
struct kb_net;
struct kb_tool;
struct netlink_callback;
struct netlink_ext_ack;
struct sk_buff;

int kb_tool_fill(struct sk_buff *skb, const void *obj);

int kb_draft_copy_tools(struct kb_net *kn, struct kb_draft *d);
void kb_draft_free_tools(struct kb_draft *d);
struct kb_tool *kb_draft_find_tool(const struct kb_draft *d, const char *name);
int kb_draft_find_devices(struct kb_net *kn, struct kb_draft *d, struct netlink_ext_ack *extack);
void kb_draft_enter_tools(struct kb_net *kn, struct kb_draft *d);
void kb_draft_leave_tools(struct kb_draft *d);
int kb_draft_flush_tools(struct kb_draft *d);

int kb_tool_add_doit(struct sk_buff *skb, struct genl_info *info);
int kb_tool_set_doit(struct sk_buff *skb, struct genl_info *info);
int kb_tool_del_doit(struct sk_buff *skb, struct genl_info *info);
int kb_tool_get_doit(struct sk_buff *skb, struct genl_info *info);
int kb_tool_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* KB_TOOL_NL_H */
