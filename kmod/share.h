/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_SHARE_H
#define KB_SHARE_H

#include "net.h"
#include "tuple.h"

bool kb_share_take(struct kb_net *kn, const struct kb_tuple *t, u16 *share);
void kb_share_give(struct kb_net *kn, u16 share);
int kb_shares_init(struct kb_net *kn);
void kb_shares_exit(struct kb_net *kn);

#endif /* KB_SHARE_H */
