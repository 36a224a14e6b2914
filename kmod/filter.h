/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_FILTER_H
#define KB_FILTER_H

#include "net.h"

struct kb_tuple;
struct sk_buff;

void kb_filter_add(struct kb_net *kn, const struct kb_tuple *t);
void kb_filter_del(struct kb_net *kn, const struct kb_tuple *t);
bool kb_filter_passes(const struct kb_net *kn, const struct sk_buff *skb, __be16 protocol);
int kb_filter_init(struct kb_net *kn);
void kb_filter_exit(struct kb_net *kn);

#endif /* KB_FILTER_H */
