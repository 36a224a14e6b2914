/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_LOCAL_H
#define KB_LOCAL_H

#include "net.h"

struct kb_origin;
struct sk_buff;

bool kb_local_opens(struct kb_net *kn, const struct sk_buff *skb, u8 family);
void kb_local_read(struct kb_origin *o, const struct net *net, const struct sk_buff *skb);
bool kb_local_is(const struct kb_origin *o, const struct net *net, const struct sk_buff *skb);
bool kb_local_can_loop(const struct net *net);
int kb_local_loop(const struct net *net, struct sk_buff *skb, u8 family);
void kb_local_arrive(const struct kb_origin *o, struct sk_buff *skb, u8 family);

#endif /* KB_LOCAL_H */
