/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_STEER_H
#define KB_STEER_H

#include "net.h"
#include "tuple.h"

struct sock;

int kb_steer_hook(struct kb_net *kn);
void kb_steer_unhook(struct kb_net *kn);
struct sock *kb_steer_sock(struct kb_net *kn, const struct kb_tuple *t);

#endif /* KB_STEER_H */
