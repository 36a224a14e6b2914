// SPDX-License-Identifier: GPL-2.0-only
/*
 * The relay: each direction of a flow moves records from one leg to the other, and shows
 * them to the mirror on the way. Back-pressure is TCP's: while the destination has no room
 * the source is not read, so that its window closes.
 */
#include <linux/slab.h>
#include <net/tls.h>

#include "chain.h"
#include "flow.h"
#include "learned.h"
#include "relay.h"
#include "rule.h"

/* A work gives way to the others after so much. */
#define BUDGET_RECORDS	64
#define BUDGET_BYTES	(256 << 10)
#define POLL_MS		10
/* Both sides have said close_notify, or one has gone: so long the other may take to close. */
#define LINGER_MS	30000

#define CONTROL_BUFFER	256

/*
 * Records that are no data cost more than they weigh: a KeyUpdate some hashes and a new key.
 * So many may come at once, and so many more for each record with data. All else that a peer
 * may send without data kb_leg.idle limits.
 */
#define CREDIT_MAX	1024
#define CREDIT_PER_DATA	8

static struct workqueue_struct *relay_wq;

/**
 * kb_dir_kick - let a direction look what there is to do
 * @d: the direction
 *
 * Context: any.
 */
void kb_dir_kick(struct kb_dir *d)
{
	if (!READ_ONCE(d->relay->stopping))
		queue_work(relay_wq, &d->work);
}

static void relay_timer(struct timer_list *t)
{
	struct kb_relay *r = from_timer(r, t, timer);

	kb_dir_kick(&r->dir[KB_CLIENT]);
	kb_dir_kick(&r->dir[KB_SERVER]);
}

static void look_again(struct kb_relay *r, unsigned int ms)
{
	if (!READ_ONCE(r->stopping))
		timer_reduce(&r->timer, jiffies + msecs_to_jiffies(ms));
}

/* Is a leg the flow's own, and not one to a tool? */
static bool is_outer(const struct kb_relay *r, enum kb_side side)
{
	return side == KB_CLIENT ? r == r->first : !r->inner;
}

static enum kbump_reason reset_by(const struct kb_dir *d, const struct kb_leg *leg)
{
	bool client = (leg == d->src) == (d->from == KB_CLIENT);

	if (!is_outer(d->relay, client ? KB_CLIENT : KB_SERVER))
		return KBUMP_REASON_TOOL_RESET;
	return client ? KBUMP_REASON_CLIENT_RESET : KBUMP_REASON_SERVER_RESET;
}

/* The client ends the connection, the first to do so. */
static void client_leaves(struct kb_relay *r)
{
	if (r->forged && !READ_ONCE(r->leg[KB_CLIENT].rx_bytes) &&
	    READ_ONCE(r->flow->state) == KBUMP_FLOW_ESTABLISHED)
		kb_learned_quit(r->flow, r->born);
}

static void end(struct kb_dir *d, enum kbump_reason reason)
{
	if (reason == KBUMP_REASON_CLIENT_RESET)
		client_leaves(d->relay);
	kb_flow_relay_ends(d->relay->flow, d->relay, reason);
}

/*
 * No room at the destination. If it got some before it was told that we wait for it, no
 * callback will come: look once more. If it still refuses, it is memory that it lacks.
 */
static void wait_for_space(struct kb_dir *d)
{
	set_bit(KB_LEG_WANT_SPACE, &d->dst->flags);
	set_bit(SOCK_NOSPACE, &d->dst->sock->flags);
	/* Pairs with the atomic operations on the flags in the callback. */
	smp_mb__after_atomic();
	if (sk_stream_is_writeable(d->dst->sock->sk) &&
	    test_and_clear_bit(KB_LEG_WANT_SPACE, &d->dst->flags)) {
		if (d->refused)
			look_again(d->relay, POLL_MS);
		else
			kb_dir_kick(d);
		d->refused = true;
	}
	/* The data has nowhere to go to, but the source's death must not wait for that. */
	if (READ_ONCE(d->src->sock->sk->sk_err))
		end(d, reset_by(d, d->src));
}

/* Send what is left of the chunk. Return: 0, -EAGAIN, or an error that has ended the flow. */
static int flush(struct kb_dir *d)
{
	struct kb_chunk *c = &d->chunk;
	int n;

	while (c->len) {
		n = kb_leg_send(d->dst, c);
		if (n == -EAGAIN) {
			wait_for_space(d);
			return n;
		}
		if (n <= 0) {
			end(d, reset_by(d, d->dst));
			return n ?: -EPIPE;
		}
		d->refused = false;
		WRITE_ONCE(d->relay->moved, jiffies);
		c->off += n;
		c->len -= n;
	}
	kb_chunk_put(c);
	return 0;
}

static void closing(const struct kb_dir *d)
{
	if (d->from == KB_CLIENT)
		client_leaves(d->relay);
	kb_flow_closing(d->relay->flow);
}

/* The source sends no more: from here on the mirror's stream is complete. */
static void set_notified(struct kb_dir *d)
{
	if (d->notified)
		return;
	WRITE_ONCE(d->notify_due, true);
	WRITE_ONCE(d->notified, true);
	kb_mirror_fin(&d->relay->mirror, d->from);
	closing(d);
}

static void set_fin(struct kb_dir *d)
{
	bool *truncated = &d->relay->first->truncated[d->from];

	d->fin = true;
	/* The end of a plain stream is its FIN; that of a TLS stream is close_notify. */
	if (d->src->tls && !d->notified)
		WRITE_ONCE(*truncated, true);
	/* Tools do not see the difference, but whoever is behind them is to. */
	d->truncated = READ_ONCE(*truncated);
	if (!d->notified && !d->truncated)
		d->notify_due = true;
	if (!d->notified)
		kb_mirror_fin(&d->relay->mirror, d->from);
	closing(d);
}

static bool both(const struct kb_relay *r, bool (*is)(const struct kb_dir *d))
{
	return is(&r->dir[KB_CLIENT]) && is(&r->dir[KB_SERVER]);
}

static bool is_done(const struct kb_dir *d)
{
	/* Pairs with send_end(): of two that finish at once, one at least sees the other. */
	return smp_load_acquire(&d->done);
}

/* The source sends no more, and the destination has been told all of it. */
static bool is_over(const struct kb_dir *d)
{
	return is_done(d) || (READ_ONCE(d->notified) && !READ_ONCE(d->notify_due) &&
			      !kb_leg_is_sending(d->dst));
}

static enum kbump_reason closed_how(const struct kb_relay *r)
{
	if (r->dir[KB_CLIENT].truncated || r->dir[KB_SERVER].truncated)
		return KBUMP_REASON_TRUNCATED;
	return KBUMP_REASON_CLOSED;
}

static void linger(struct kb_dir *d)
{
	struct kb_relay *r = d->relay;

	if (both(r, is_done)) {
		end(d, closed_how(r));
		return;
	}
	if (!both(r, is_over))
		WRITE_ONCE(r->deadline, 0);
	else if (!READ_ONCE(r->deadline))
		WRITE_ONCE(r->deadline, (jiffies + msecs_to_jiffies(LINGER_MS)) | 1);
	else if (time_after(jiffies, READ_ONCE(r->deadline)))
		end(d, closed_how(r));
	look_again(r, LINGER_MS + POLL_MS);
}

/* Tell the destination of the source's end, as far as there is one. */
static int send_end(struct kb_dir *d)
{
	int err;

	if (d->notify_due) {
		err = kb_leg_send_alert(d->dst, KB_ALERT_WARNING, KB_ALERT_CLOSE_NOTIFY);
		if (err == -EAGAIN) {
			wait_for_space(d);
			return err;
		}
		WRITE_ONCE(d->notify_due, false);
		/* A destination that is gone is noticed by the other direction. */
		if (!d->dst->tls)
			d->fin = true;
	}
	if (!d->fin || d->done)
		return 0;
	err = kb_leg_send_fin(d->dst);
	if (err) {
		if (sk_stream_is_writeable(d->dst->sock->sk))
			look_again(d->relay, POLL_MS);
		else
			wait_for_space(d);
		return err;
	}
	/* Before this direction looks at the other; pairs with is_done(). */
	smp_store_mb(d->done, true);
	return 0;
}

/*
 * Both peers are told by an alert; then the connections are closed. The end waits for this
 * work, and comes first: what the source's error stirs up is not to be taken for the reason.
 */
static void fail(struct kb_dir *d, enum kbump_reason reason, u8 to_src, u8 to_dst)
{
	d->relay->gently = true;
	end(d, reason);
	if (to_src) {
		/* kTLS marks a socket that got a bad record as broken: in both directions. */
		sock_error(d->src->sock->sk);
		kb_leg_send_alert(d->src, KB_ALERT_FATAL, to_src);
	}
	kb_leg_send_alert(d->dst, KB_ALERT_FATAL, to_dst);
}

static void flooded(struct kb_dir *d)
{
	kb_count(d->relay->flow->kn, KBUMP_STAT_BAD_RECORD, 1);
	fail(d, d->from == KB_CLIENT ? KBUMP_REASON_CLIENT_FLOOD : KBUMP_REASON_SERVER_FLOOD,
	     KB_ALERT_UNEXPECTED_MESSAGE, KB_ALERT_INTERNAL_ERROR);
}

static void bad_record(struct kb_dir *d, u8 to_src)
{
	kb_count(d->relay->flow->kn, KBUMP_STAT_BAD_RECORD, 1);
	fail(d, d->from == KB_CLIENT ? KBUMP_REASON_CLIENT_RECORD : KBUMP_REASON_SERVER_RECORD,
	     to_src, KB_ALERT_INTERNAL_ERROR);
}

static enum kb_verdict read_control(struct kb_dir *d)
{
	enum kb_verdict verdict = KB_IGNORE;
	u8 buf[CONTROL_BUFFER], type;
	bool whole = false;
	int n;

	while (!whole && verdict != KB_BAD) {
		n = kb_leg_recv_control(d->src, buf, sizeof(buf), &type, &whole);
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			d->record.alert = KB_ALERT_INTERNAL_ERROR;
			return KB_BAD;
		}
		verdict = max(verdict, kb_record_read(&d->record, d->from, d->src->version,
						      type, buf, n, whole));
	}
	WRITE_ONCE(d->src->control, d->src->control + 1);
	kb_count(d->relay->flow->kn, KBUMP_STAT_RX_CONTROL, 1);
	return verdict;
}

/* The source has changed its keys. Return: 0, or an error that has ended the flow. */
static int follow_keys(struct kb_dir *d)
{
	int err = kb_rekey_rx(d->src);

	if (err) {
		fail(d, KBUMP_REASON_INTERNAL, KB_ALERT_INTERNAL_ERROR, KB_ALERT_INTERNAL_ERROR);
		return err;
	}
	kb_count(d->relay->flow->kn, KBUMP_STAT_RX_REKEYS, 1);
	/* The keys for what is sent to the source are the other direction's. */
	if (d->record.update_requested) {
		set_bit(KB_LEG_REKEY, &d->src->flags);
		kb_dir_kick(d->src->out);
	}
	return 0;
}

/* A fatal alert, or a new handshake, from the source: what it says of the next connection. */
static void learn(const struct kb_dir *d, enum kb_verdict verdict)
{
	struct kb_flow *f = d->relay->flow;

	if (verdict == KB_RENEGOTIATE && d->from == KB_SERVER)
		kb_learned_add(f, f->sni, KBUMP_WHY_RENEGOTIATION, 0);
	else if (verdict == KB_FATAL && d->from == KB_CLIENT && d->relay->forged &&
		 !d->src->rx_bytes)
		kb_learned_alert(f, f->sni, d->record.alert);
}

/* Return: 0, or an error that has ended the flow. */
static int control(struct kb_dir *d)
{
	enum kb_verdict verdict;

	if (--d->credit < 0) {
		flooded(d);
		return -ECONNABORTED;
	}
	verdict = read_control(d);
	learn(d, verdict);
	switch (verdict) {
	case KB_IGNORE:
		return 0;
	case KB_RENEGOTIATE:
		/* A peer that is told nothing only waits: that it may be lost does no harm. */
		kb_leg_send_alert(d->src, KB_ALERT_WARNING, KB_ALERT_NO_RENEGOTIATION);
		return 0;
	case KB_CLOSE_NOTIFY:
		set_notified(d);
		return 0;
	case KB_FATAL:
		fail(d, reset_by(d, d->src), 0, d->record.alert);
		return -ECONNABORTED;
	case KB_KEYUPDATE:
		return follow_keys(d);
	case KB_BAD:
		bad_record(d, d->record.alert);
		return -ECONNABORTED;
	}
	return 0;
}

static bool is_record_error(const struct kb_dir *d, int err)
{
	return d->src->tls && (err == -EBADMSG || err == -EMSGSIZE || err == -EINVAL);
}

static void count_chunk(const struct kb_dir *d)
{
	const struct kb_chunk *c = &d->chunk;
	struct kb_flow *f = d->relay->flow;

	/* What comes back from a tool was counted before. */
	if (!is_outer(d->relay, d->from))
		return;
	kb_count(f->kn, KBUMP_STAT_RX_BYTES, c->len);
	kb_count(f->kn, KBUMP_STAT_RX_RECORDS, 1);
	kb_count(f->kn, c->zc ? KBUMP_STAT_RX_ZC : KBUMP_STAT_RX_COPIED, 1);
	if (f->rule)
		this_cpu_add(f->rule->stats->bytes, c->len);
}

/* What must not come now ends the flow, and goes no further. */
static bool is_out_of_turn(struct kb_dir *d)
{
	if (test_bit(KB_LEG_FLOODED, &d->src->flags))
		flooded(d);
	/* RFC 8446, section 5.1: nothing comes between the parts of a handshake message. */
	else if (d->chunk.len && kb_record_is_partial(&d->record))
		bad_record(d, KB_ALERT_UNEXPECTED_MESSAGE);
	else
		return false;
	kb_chunk_put(&d->chunk);
	return true;
}

/* Return: bytes received, 0 for a record without data, -EAGAIN, or an error at the end. */
static int receive(struct kb_dir *d)
{
	int n = kb_leg_recv(d->src, &d->chunk);

	if (is_out_of_turn(d))
		return -ECONNABORTED;
	if (n > 0) {
		/* RFC 8446, section 6.1: data after a closure alert is to be ignored. */
		if (d->notified) {
			kb_chunk_put(&d->chunk);
			return n;
		}
		if (d->src->rx_records == 1 && d->from == KB_CLIENT && d->relay->forged)
			kb_learned_accepted(d->relay->flow);
		d->credit = min(d->credit + CREDIT_PER_DATA, CREDIT_MAX);
		count_chunk(d);
		kb_mirror_data(&d->relay->mirror, d->from, &d->chunk);
		return n;
	}
	if (n == 0) {
		set_fin(d);
		return 0;
	}
	if (n == -EAGAIN)
		return n;
	if (n == -EIO && d->src->tls)
		return control(d);
	if (n == -ENOMEM)
		end(d, KBUMP_REASON_INTERNAL);
	else if (is_record_error(d, n))
		bad_record(d, KB_ALERT_BAD_RECORD_MAC);
	else
		end(d, reset_by(d, d->src));
	return -ECONNABORTED;
}

/* Nothing comes after the end that the destination has been told. */
static bool end_is_sent(const struct kb_dir *d)
{
	return (d->notified || d->fin) && !d->notify_due;
}

/*
 * A peer that has asked for it is told of our new keys before it gets more data: RFC 8446,
 * section 4.6.3. Return: 0, -EAGAIN, or an error that has ended the flow.
 */
static int renew_keys(struct kb_dir *d)
{
	int err;

	if (!kb_rekey_is_due(d->dst) || end_is_sent(d))
		return 0;
	err = kb_rekey_tx(d->dst);
	if (err == -EAGAIN) {
		wait_for_space(d);
		return err;
	}
	if (err) {
		end(d, err == -ENOKEY ? KBUMP_REASON_INTERNAL : reset_by(d, d->dst));
		return err;
	}
	d->refused = false;
	kb_count(d->relay->flow->kn, KBUMP_STAT_TX_REKEYS, 1);
	return 0;
}

/* Another relay of the flow has ended, and the tools neither pass that on nor anything else. */
static bool is_late(struct kb_relay *r)
{
	unsigned long over_at = READ_ONCE(r->first->over_at);
	unsigned long linger = msecs_to_jiffies(LINGER_MS);

	if (!over_at)
		return false;
	look_again(r, LINGER_MS + POLL_MS);
	return time_after_eq(jiffies, over_at) &&
	       time_after_eq(jiffies, READ_ONCE(r->moved) + linger);
}

static void dir_work(struct work_struct *work)
{
	struct kb_dir *d = container_of(work, struct kb_dir, work);
	int records = 0, bytes = 0, n;

	while (!READ_ONCE(d->relay->stopping)) {
		if (is_late(d->relay)) {
			end(d, READ_ONCE(d->relay->first->why) ?: KBUMP_REASON_TOOL_RESET);
			return;
		}
		if (renew_keys(d) || flush(d) || send_end(d))
			return;
		if (d->done || d->notified)
			linger(d);
		if (d->done) {
			/* Nothing else would notice that a half-closed side has died. */
			if (READ_ONCE(d->src->sock->sk->sk_err))
				end(d, reset_by(d, d->src));
			return;
		}
		if (records++ >= BUDGET_RECORDS || bytes >= BUDGET_BYTES) {
			kb_dir_kick(d);
			return;
		}
		n = receive(d);
		if (n < 0)
			return;
		bytes += n;
	}
}

static void init_dir(struct kb_relay *r, enum kb_side from)
{
	struct kb_dir *d = &r->dir[from];

	d->relay = r;
	d->from = from;
	d->src = &r->leg[from];
	d->dst = &r->leg[kb_other(from)];
	d->src->in = d;
	d->dst->out = d;
	d->credit = CREDIT_MAX;
	INIT_WORK(&d->work, dir_work);
}

/**
 * kb_relay_alloc - make a relay without sockets
 * @f: the flow
 * @first: the first one of the row, or NULL if this is to be it
 *
 * Context: process; sleeps.
 * Return: the relay, not yet started, or NULL.
 */
struct kb_relay *kb_relay_alloc(struct kb_flow *f, struct kb_relay *first)
{
	struct kb_relay *r = kzalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return NULL;
	r->flow = f;
	r->first = first ?: r;
	timer_setup(&r->timer, relay_timer, 0);
	init_dir(r, KB_CLIENT);
	init_dir(r, KB_SERVER);
	r->born = jiffies;
	/* Nothing is to happen before kb_relay_start(). */
	r->stopping = true;
	return r;
}

/**
 * kb_relay_attach - begin to listen to the sockets of a relay
 * @r: the relay, whose legs are both open
 * @extack: says what is wrong
 *
 * Context: process; sleeps.
 * Return: 0 or an error.
 */
int kb_relay_attach(struct kb_relay *r, struct netlink_ext_ack *extack)
{
	int err = kb_leg_attach(&r->leg[KB_CLIENT], extack);

	if (err)
		return err;
	err = kb_leg_attach(&r->leg[KB_SERVER], extack);
	if (err)
		kb_leg_detach(&r->leg[KB_CLIENT]);
	else
		r->joined = true;
	return err;
}

/**
 * kb_relay_create - take the two sockets of a flow
 * @f: the flow
 * @h: the sockets, whose files are the relay's on success, and what belongs to them
 * @extack: says what is wrong
 *
 * Context: process; sleeps.
 * Return: the relay, not yet started, or an ERR_PTR().
 */
struct kb_relay *kb_relay_create(struct kb_flow *f, const struct kb_handoff *h,
				 struct netlink_ext_ack *extack)
{
	struct kb_relay *r = kb_relay_alloc(f, NULL), *last = r;
	enum kb_side side;
	int err = r ? 0 : -ENOMEM;

	if (!err)
		err = kb_chain_open(r, &last, extack);
	for (side = 0; side < KB_SIDES && !err; side++) {
		struct kb_relay *at = side == KB_CLIENT ? r : last;

		at->leg[side].pump = h->pump[side];
		err = kb_leg_open(&at->leg[side], h->sock[side], &h->keys[side], extack);
	}
	if (!err)
		err = kb_relay_attach(r, extack);
	if (!err) {
		r->leg[KB_CLIENT].record_max = h->record_max;
		r->forged = h->forged;
		return r;
	}
	if (r) {
		/* The sockets stay the caller's. */
		r->leg[KB_CLIENT].sock = NULL;
		last->leg[KB_SERVER].sock = NULL;
		kb_chain_free(r);
	}
	return ERR_PTR(err);
}

/**
 * kb_relay_go_on - relay, for the first time or after kb_relay_quiesce()
 * @r: the relay, after kb_relay_attach()
 *
 * Context: process.
 */
void kb_relay_go_on(struct kb_relay *r)
{
	WRITE_ONCE(r->stopping, false);
	/* What came before the callbacks were ours told nobody. */
	kb_dir_kick(&r->dir[KB_CLIENT]);
	kb_dir_kick(&r->dir[KB_SERVER]);
}

/**
 * kb_relay_start - begin to relay
 * @r: the relay, which its flow has now
 *
 * Tools that get copies see what the client sends and gets.
 *
 * Context: process.
 */
void kb_relay_start(struct kb_relay *r)
{
	if (r == r->first)
		kb_mirror_open(&r->mirror, r->flow);
	kb_relay_go_on(r);
}

static bool is_abort(const struct kb_relay *r, int reason)
{
	return !kb_relay_is_close(reason) && !r->gently;
}

static void end_mirror(struct kb_relay *r, int reason)
{
	bool server = reason == KBUMP_REASON_SERVER_RESET || reason == KBUMP_REASON_SERVER_RECORD;

	if (!kb_relay_is_close(reason))
		kb_mirror_reset(&r->mirror, server ? KB_SERVER : KB_CLIENT);
}

/**
 * kb_relay_hurry - another relay of the flow has ended: this one has some time to do so
 * @r: the relay
 *
 * Context: process, with the flow's lock held.
 */
void kb_relay_hurry(struct kb_relay *r)
{
	if (!r->first->over_at)
		WRITE_ONCE(r->first->over_at, (jiffies + msecs_to_jiffies(LINGER_MS)) | 1);
	look_again(r, LINGER_MS + POLL_MS);
}

/**
 * kb_relay_quiesce - stop relaying
 * @r: the relay
 *
 * Context: process, not from a direction's work; sleeps.
 */
void kb_relay_quiesce(struct kb_relay *r)
{
	enum kb_side side;

	WRITE_ONCE(r->stopping, true);
	for (side = 0; side < KB_SIDES; side++)
		kb_leg_detach(&r->leg[side]);
	for (side = 0; side < KB_SIDES; side++)
		cancel_work_sync(&r->dir[side].work);
	/* A work that had begun before may have set it; its own kicks come to nothing. */
	del_timer_sync(&r->timer);
	for (side = 0; side < KB_SIDES; side++)
		cancel_work_sync(&r->dir[side].work);
}

/**
 * kb_relay_stop - stop relaying, and end both connections
 * @r: the relay
 * @reason: &enum kbump_reason; an abort resets them
 *
 * Context: process, not from a direction's work; sleeps.
 */
void kb_relay_stop(struct kb_relay *r, int reason)
{
	enum kb_side side;

	if (r->stopped)
		return;
	r->stopped = true;
	kb_relay_quiesce(r);
	end_mirror(r, reason);
	for (side = 0; side < KB_SIDES; side++) {
		if (is_abort(r, reason))
			kb_leg_abort(&r->leg[side]);
		kb_leg_close(&r->leg[side]);
		kb_chunk_put(&r->dir[side].chunk);
	}
}

/**
 * kb_relay_free - free a stopped relay
 * @r: the relay
 */
void kb_relay_free(struct kb_relay *r)
{
	kfree_sensitive(r);
}

/**
 * kb_relay_init - make what all relays share
 *
 * Return: 0 or an error.
 */
int kb_relay_init(void)
{
	int err = kb_rekey_init();

	if (err)
		return err;
	/* Bound to the processor that received: its caches have the data. */
	relay_wq = alloc_workqueue("kbump", WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	if (relay_wq)
		return 0;
	kb_rekey_exit();
	return -ENOMEM;
}

/**
 * kb_relay_exit - undo kb_relay_init(), when no relay is left
 */
void kb_relay_exit(void)
{
	destroy_workqueue(relay_wq);
	kb_rekey_exit();
	kb_leg_exit();
}
