/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_RELAY_H
#define KB_RELAY_H

#include <linux/timer.h>
#include <linux/workqueue.h>

#include <linux/kbump.h>

#include "leg.h"
#include "mirror.h"
#include "record.h"
#include "tuple.h"

struct kb_flow;
struct kb_handoff;
struct netlink_ext_ack;

/**
 * struct kb_dir - one direction of a flow
 *
 * Only its work, which never runs twice at once, touches what is not constant.
 *
 * @relay: the whole
 * @from: side of @src
 * @src: leg that is read
 * @dst: leg that is written
 * @work: moves the data
 * @chunk: received, not yet sent
 * @record: reader of the source's control records
 * @notified: the source has sent close_notify; what it still sends is dropped
 * @notify_due: close_notify is to be sent
 * @fin: the source has sent its FIN
 * @done: the FIN has been sent on; nothing more to do
 * @truncated: the FIN came without close_notify
 * @refused: the destination took nothing although it seemed to have room
 * @credit: how many records without data the source may still send
 */
struct kb_dir {
	struct kb_relay *relay;
	enum kb_side from;
	struct kb_leg *src;
	struct kb_leg *dst;
	struct work_struct work;
	struct kb_chunk chunk;
	struct kb_record record;
	bool notified;
	bool notify_due;
	bool fin;
	bool done;
	bool truncated;
	bool refused;
	int credit;
};

/**
 * struct kb_relay - what an established flow has
 *
 * Made at the hand-off, freed by the flow's end after kb_relay_stop(). With inline tools there are
 * several in a row, with a tool between each two: see chain.c. Then the first one has the client,
 * and the last one the server.
 *
 * @flow: the flow, which owns this
 * @first: the first of the row; constant, as all of them are until the flow ends
 * @next: the one behind the tool, or NULL; under the flow's lock, as the two below
 * @inner: the connection through the tool to @next, with a reference; NULL in the last one
 * @joined: both legs are there; of those behind a tool the nearer one comes when the tool has
 *	connected
 * @reason: &enum kbump_reason, if it has ended before its flow; set once
 * @doubt: there was another reason to end
 * @moved: jiffies when data was moved last
 * @stopped: kb_relay_stop() was called; under the flow's lock
 * @why: the first @reason of the row; of the first one
 * @over_at: jiffies when patience with the others ends, if one has ended, 0: none has; of the
 *	first one
 * @truncated: the stream of a side, by the leg that it came in by, ended without close_notify; of
 *	the first one
 * @leg: the sockets, by &enum kb_side
 * @dir: the directions, by the side that is read
 * @timer: looks again at what no callback tells of
 * @mirror: the copies
 * @forged: the client was shown a certificate of ours; constant, as @born
 * @born: jiffies at the hand-off
 * @deadline: jiffies when patience with a half-closed flow ends, 0: not set
 * @stopping: no work and no timer is to be started any more
 * @gently: at the end, close without a reset: an alert has told the peers
 */
struct kb_relay {
	struct kb_flow *flow;
	struct kb_relay *first;
	struct kb_relay *next;
	struct kb_flow *inner;
	bool joined;
	int reason;
	bool doubt;
	unsigned long moved;
	int why;
	unsigned long over_at;
	bool stopped;
	bool truncated[KB_SIDES];
	struct kb_leg leg[KB_SIDES];
	struct kb_dir dir[KB_SIDES];
	struct timer_list timer;
	struct kb_mirror mirror;
	bool forged;
	unsigned long born;
	unsigned long deadline;
	bool stopping;
	bool gently;
};

/**
 * kb_relay_is_close - have both sides said that they are done?
 * @reason: &enum kbump_reason, why a relay ends
 */
static inline bool kb_relay_is_close(int reason)
{
	return reason == KBUMP_REASON_CLOSED || reason == KBUMP_REASON_TRUNCATED;
}

struct kb_relay *kb_relay_alloc(struct kb_flow *f, struct kb_relay *first);
struct kb_relay *kb_relay_create(struct kb_flow *f, const struct kb_handoff *h,
				 struct netlink_ext_ack *extack);
int kb_relay_attach(struct kb_relay *r, struct netlink_ext_ack *extack);
void kb_relay_start(struct kb_relay *r);
void kb_relay_go_on(struct kb_relay *r);
void kb_relay_hurry(struct kb_relay *r);
void kb_relay_quiesce(struct kb_relay *r);
void kb_relay_stop(struct kb_relay *r, int reason);
void kb_relay_free(struct kb_relay *r);
void kb_dir_kick(struct kb_dir *d);
int kb_relay_init(void);
void kb_relay_exit(void);

#endif /* KB_RELAY_H */
