/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_PART_H
#define KB_PART_H

#include <linux/siphash.h>
#include <linux/types.h>

struct kb_head;
struct sk_buff;

#define KB_PARTS	256

/**
 * struct kb_parts - packets in fragments, of which the first went up from a wire
 *
 * Without a lock: whoever writes last has the slot. A packet whose slot is lost is sent again.
 *
 * @key: of the hash of packets
 * @slot: by some bits of that hash; others of it, and jiffies of the first fragment
 */
struct kb_parts {
	siphash_key_t key;
	u64 slot[KB_PARTS];
};

/**
 * struct kb_part - a fragment
 *
 * @packet: hash of what all fragments of the packet have in common
 * @first: it is the first one
 * @cut: it is such that TCP's header is not whole in the first one
 */
struct kb_part {
	u64 packet;
	bool first;
	bool cut;
};

void kb_parts_init(struct kb_parts *parts);
bool kb_part_read(struct kb_part *part, const struct kb_parts *parts, const struct sk_buff *skb,
		  u8 family, u8 port, struct kb_head *head);
bool kb_parts_have(const struct kb_parts *parts, const struct kb_part *part);
void kb_parts_note(struct kb_parts *parts, const struct kb_part *first, bool up);

#endif /* KB_PART_H */
