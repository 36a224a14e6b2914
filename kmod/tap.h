/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_TAP_H
#define KB_TAP_H

#include "net.h"

struct kb_rule;
struct kb_tuple;
struct nf_hook_state;
struct sk_buff;

/**
 * kb_tap_any - is there any tap?
 * @kn: the namespace
 */
static inline bool kb_tap_any(const struct kb_net *kn)
{
	return READ_ONCE(kn->ntaps);
}

void kb_tap_set(struct kb_net *kn, const struct kb_tuple *tuple, struct kb_rule *rule);
void kb_tap_packet(struct kb_net *kn, struct sk_buff *skb, const struct nf_hook_state *state);
int kb_taps_init(struct kb_net *kn);
void kb_taps_exit(struct kb_net *kn);

#endif /* KB_TAP_H */
