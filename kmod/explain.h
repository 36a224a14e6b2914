/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_EXPLAIN_H
#define KB_EXPLAIN_H

struct netlink_callback;
struct sk_buff;

int kb_explain_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* KB_EXPLAIN_H */
