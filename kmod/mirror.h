/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_MIRROR_H
#define KB_MIRROR_H

#include <linux/mutex.h>

#include "group.h"
#include "tuple.h"

struct kb_flow;
struct kb_chunk;

/**
 * struct kb_mirror - the TCP connection that the tools of a flow see
 *
 * It is the same for all tools, but for what each one's settings change in the frames.
 *
 * @flow: the flow; constant
 * @rule: names the tools; the flow's. NULL if nobody looks at it; constant
 * @lock: keeps the frames of both directions in the order of their numbers
 * @choice: by what tools choose connections; constant
 * @seq: next sequence number of each side
 * @sent: bytes of data that each side has sent
 * @ipid: next IPv4 identification of each side
 * @fin: this side has sent its FIN
 * @reset: the connection has been reset; nothing more is sent
 */
struct kb_mirror {
	const struct kb_flow *flow;
	const struct kb_rule *rule;
	struct mutex lock;
	struct kb_choice choice;
	u32 seq[KB_SIDES];
	u64 sent[KB_SIDES];
	u16 ipid[KB_SIDES];
	bool fin[KB_SIDES];
	bool reset;
};

void kb_mirror_open(struct kb_mirror *m, const struct kb_flow *f);
void kb_mirror_data(struct kb_mirror *m, enum kb_side from, const struct kb_chunk *c);
void kb_mirror_fin(struct kb_mirror *m, enum kb_side from);
void kb_mirror_reset(struct kb_mirror *m, enum kb_side from);

#endif /* KB_MIRROR_H */
