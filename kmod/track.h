/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_TRACK_H
#define KB_TRACK_H

#include <linux/types.h>

struct kb_origin;
struct net;
struct nf_conn;
struct sk_buff;

/**
 * struct kb_track - what the host's rules made of the tracking entry of a connection's SYN
 *
 * Part of &struct kb_flow, from the SYN on constant until it is freed.
 *
 * @dnat: its destination was changed; the client leg needs the entry
 * @zone: counted reference to a template that puts packets into its zone; NULL: the default zone
 */
struct kb_track {
	bool dnat;
	struct nf_conn *zone;
};

int kb_track_read(struct kb_track *t, struct net *net, const struct sk_buff *skb);
void kb_track_release(struct kb_track *t);
void kb_track_assign_zone(const struct kb_track *t, struct sk_buff *skb);
void kb_track_pass_on(const struct kb_origin *o, const struct sk_buff *skb);

#endif /* KB_TRACK_H */
