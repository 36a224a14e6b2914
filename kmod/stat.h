/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_STAT_H
#define KB_STAT_H

struct genl_info;
struct sk_buff;

int kb_stat_get_doit(struct sk_buff *skb, struct genl_info *info);

#endif /* KB_STAT_H */
