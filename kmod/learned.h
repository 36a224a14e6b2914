/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_LEARNED_H
#define KB_LEARNED_H

#include <linux/types.h>

#include <linux/kbump.h>

#include "net.h"
#include "tuple.h"

struct genl_info;
struct kb_flow;
struct kb_rule;
struct netlink_callback;
struct sk_buff;

bool kb_learned_applies(struct kb_net *kn, const struct kb_rule *rule, const struct kb_tuple *t,
			const char *sni);
void kb_learned_add(struct kb_flow *f, const char *sni, enum kbump_why why, u8 alert);
void kb_learned_alert(struct kb_flow *f, const char *sni, u8 alert);
void kb_learned_quit(struct kb_flow *f, unsigned long since);
void kb_learned_accepted(struct kb_flow *f);
int kb_learned_init(struct kb_net *kn);
void kb_learned_exit(struct kb_net *kn);

int kb_learned_del_doit(struct sk_buff *skb, struct genl_info *info);
int kb_learned_flush_doit(struct sk_buff *skb, struct genl_info *info);
int kb_learned_get_doit(struct sk_buff *skb, struct genl_info *info);
int kb_learned_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* KB_LEARNED_H */
