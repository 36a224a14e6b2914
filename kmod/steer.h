/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_STEER_H
#define KB_STEER_H

#include "net.h"
#include "tuple.h"

struct sk_buff;
struct sock;

int kb_steer_hook(struct kb_net *kn);
void kb_steer_unhook(struct kb_net *kn);
void kb_steer_end_time_wait(struct kb_net *kn, const struct kb_tuple *t);
bool kb_steer_wants(struct kb_net *kn);
bool kb_steer_is_on(const struct kb_net *kn, u8 family);
void kb_steer_choose(struct sk_buff *skb, u8 family, bool chosen, u8 rule_set);
struct sock *kb_steer_sock(struct kb_net *kn, const struct kb_tuple *t, int vrf);

#endif /* KB_STEER_H */
