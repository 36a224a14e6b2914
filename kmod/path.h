/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_PATH_H
#define KB_PATH_H

#include <linux/if_ether.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "tuple.h"

struct sk_buff;

#define KB_TAGS	2

/**
 * struct kb_head - what stands before and around an IP header on the wire; compared as bytes
 *
 * @dst: to which station
 * @src: from which
 * @tag: VLAN tags, the outer one first; as many as have a protocol
 * @tag.proto: its protocol
 * @tag.tci: its number, priority and drop eligibility
 * @ttl: hops left
 * @ds: differentiated services; the bits of congestion notification are 0
 * @zero: padding
 */
struct kb_head {
	u8 dst[ETH_ALEN];
	u8 src[ETH_ALEN];
	struct {
		__be16 proto;
		u16 tci;
	} tag[KB_TAGS];
	u8 ttl;
	u8 ds;
	u8 zero[2];
};

/**
 * struct kb_path - how a flow's packets look on a wire
 *
 * A part of the flow.
 *
 * @used: the flow is on a wire, or leads through an inline tool; constant, as @port and @ecn
 * @port: number of the wire's port on which the client is
 * @ecn: the client offers notification of congestion (RFC 3168)
 * @lock: protects @from; taken with BH off
 * @from: of the latest packet of each side; until the server sends one, its is the client's turned
 *	round, with a @ttl of 0
 */
struct kb_path {
	bool used;
	u8 port;
	bool ecn;
	spinlock_t lock;
	struct kb_head from[KB_SIDES];
};

int kb_head_find(struct sk_buff *skb, u8 *family);
void kb_head_read(struct kb_head *h, const struct sk_buff *skb, u8 family);
u32 kb_head_vlans(const struct kb_head *h);
void kb_path_init(struct kb_path *p, const struct kb_head *client, u8 port, bool ecn);
bool kb_path_is(const struct kb_path *p, const struct kb_head *h, enum kb_side from, u8 port);
bool kb_path_is_news(const struct kb_path *p, const struct kb_head *h, enum kb_side from);
void kb_path_note(struct kb_path *p, const struct kb_head *h, enum kb_side from);
void kb_path_answer(struct kb_path *p, const struct kb_head *client);
void kb_path_get(struct kb_path *p, struct kb_head *h, enum kb_side from);

#endif /* KB_PATH_H */
