/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_UDP_H
#define KB_UDP_H

#include "decide.h"

struct kb_facts;
struct kb_net;
struct netlink_ext_ack;
struct nf_hook_state;
struct nlattr;
struct sk_buff;

int kb_udp_check(struct nlattr **tb, struct netlink_ext_ack *extack);
enum kb_fate kb_udp_decide(struct kb_net *kn, const struct kb_facts *facts, bool first);
unsigned int kb_udp_judge(struct kb_net *kn, struct sk_buff *skb, u8 rule_set,
			  const struct nf_hook_state *state);

#endif /* KB_UDP_H */
