/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_DECIDE_H
#define KB_DECIDE_H

#include "net.h"

struct kb_facts;
struct kb_flow;
struct kb_rule;
struct kb_tuple;
struct sk_buff;

/**
 * enum kb_fate - what becomes of a first packet
 * @KB_PASS: it goes its way
 * @KB_DROP: nothing more is heard of it
 * @KB_REFUSE: its sender gets a reset
 * @KB_STEER: it goes to a helper
 */
enum kb_fate {
	KB_PASS,
	KB_DROP,
	KB_REFUSE,
	KB_STEER,
};

enum kb_fate kb_decide(struct kb_net *kn, struct sk_buff *skb, const struct kb_facts *facts,
		       struct kb_flow **flow);
void kb_decide_not(struct kb_net *kn, const struct kb_tuple *t);
void kb_decide_tell(struct kb_net *kn, const struct kb_rule *rule, const struct kb_facts *facts,
		    enum kbump_action action, u8 cause);

#endif /* KB_DECIDE_H */
