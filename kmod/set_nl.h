/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_SET_NL_H
#define KB_SET_NL_H

#include <linux/types.h>

struct genl_info;
struct kb_net;
struct kb_set;
struct netlink_callback;
struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

/* What is done to a set, with its lock held, by a request that has been parsed. */
typedef int (*kb_set_act_t)(struct kb_set *s, struct nlattr **tb, struct genl_info *info);

int kb_set_parse(struct genl_info *info, struct nlattr **tb);
struct kb_set *kb_set_get_named(struct kb_net *kn, const struct nlattr *a,
				struct netlink_ext_ack *extack);
int kb_set_change(struct genl_info *info, kb_set_act_t act);
int kb_set_fill(struct sk_buff *skb, const void *obj);
int kb_set_may_change(const struct kb_set *s, struct genl_info *info);
int kb_set_check_limit(const struct kb_set *s, u64 count, struct netlink_ext_ack *extack);

int kb_set_add_doit(struct sk_buff *skb, struct genl_info *info);
int kb_set_del_doit(struct sk_buff *skb, struct genl_info *info);
int kb_set_get_doit(struct sk_buff *skb, struct genl_info *info);
int kb_set_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int kb_set_flush_doit(struct sk_buff *skb, struct genl_info *info);
int kb_set_swap_doit(struct sk_buff *skb, struct genl_info *info);

/* set_entry.c */
int kb_set_fill_doit(struct sk_buff *skb, struct genl_info *info);
int kb_set_del_entry_doit(struct sk_buff *skb, struct genl_info *info);
int kb_set_entries_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int kb_set_test_doit(struct sk_buff *skb, struct genl_info *info);

#endif /* KB_SET_NL_H */
