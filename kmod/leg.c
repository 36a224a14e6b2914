// SPDX-License-Identifier: GPL-2.0-only
/*
 * One connection of a flow: receiving, sending and closing on a kTLS or plain TCP socket
 * without copying what kTLS can decrypt in place.
 *
 * All is called in process context and never waits for the peer. What a call here may rely
 * on inside kTLS is said where it does; the source is net/tls/tls_sw.c.
 */
#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/tcp.h>
#include <linux/uio.h>
#include <net/tcp.h>
#include <net/tls.h>

#include "compat.h"
#include "leg.h"
#include "record.h"
#include "relay.h"

#define RECORD_MAX	TLS_MAX_PAYLOAD_SIZE
#define RECORD_ORDER	get_order(RECORD_MAX)
/* Smaller records share pages: one that pinned a whole page each would cost too much memory. */
#define FRAG_MAX	2048

#define KEEPALIVE_IDLE_S	300
#define KEEPALIVE_INTERVAL_S	30
#define KEEPALIVE_PROBES	8

static DEFINE_PER_CPU(struct page_frag_cache, frags);

static struct tls_sw_context_rx *leg_rx(const struct kb_leg *leg)
{
	return tls_sw_ctx_rx(tls_get_ctx(leg->sock->sk));
}

static bool is_ktls(const struct sock *sk)
{
	return !strcmp(inet_csk(sk)->icsk_ulp_ops->name, "tls");
}

/**
 * kb_leg_has_tls - does kTLS encrypt or decrypt on a socket?
 * @sk: a TCP socket
 *
 * One that was given to kTLS and has no keys is a plain one still.
 *
 * Return: true if it does.
 */
bool kb_leg_has_tls(const struct sock *sk)
{
	const struct tls_context *ctx;

	if (!inet_csk(sk)->icsk_ulp_ops || !is_ktls(sk))
		return false;
	ctx = tls_get_ctx(sk);
	return ctx->tx_conf != TLS_BASE || ctx->rx_conf != TLS_BASE;
}

static int check_tls(const struct tls_context *ctx, const struct kb_keys *keys,
		     struct netlink_ext_ack *extack)
{
	if (ctx->tx_conf != TLS_SW || ctx->rx_conf != TLS_SW) {
		NL_SET_ERR_MSG(extack, "socket has no software kTLS in both directions");
		return -EINVAL;
	}
	return kb_rekey_check(keys, ctx, extack);
}

/**
 * kb_leg_open - take a socket for a leg
 * @leg: the leg, zeroed, with its directions set
 * @sock: a TCP socket; its file is the leg's on success, and kb_leg_close() drops it
 * @keys: its secrets
 * @extack: says what is wrong
 *
 * Context: process; sleeps.
 * Return: 0, -ENOTCONN, -EINVAL or -EBUSY.
 */
int kb_leg_open(struct kb_leg *leg, struct socket *sock, const struct kb_keys *keys,
		struct netlink_ext_ack *extack)
{
	struct sock *sk = sock->sk;
	int err = 0;

	lock_sock(sk);
	if (sk->sk_state != TCP_ESTABLISHED && sk->sk_state != TCP_CLOSE_WAIT) {
		NL_SET_ERR_MSG(extack, "socket is not connected");
		err = -ENOTCONN;
	} else if (sk->sk_user_data) {
		NL_SET_ERR_MSG(extack, "socket is in use by the kernel");
		err = -EBUSY;
	} else if (kb_leg_has_tls(sk)) {
		err = check_tls(tls_get_ctx(sk), keys, extack);
		leg->tls = true;
	} else if (inet_csk(sk)->icsk_ulp_ops && !is_ktls(sk)) {
		NL_SET_ERR_MSG(extack, "socket has an upper protocol other than kTLS");
		err = -EINVAL;
	} else {
		err = kb_rekey_check(keys, NULL, extack);
	}
	if (!err && leg->tls) {
		struct tls_context *ctx = tls_get_ctx(sk);

		leg->version = ctx->prot_info.version;
		leg->cipher = ctx->prot_info.cipher_type;
		if (leg->version == TLS_1_3_VERSION && !kb_tls13_zc_is_safe())
			tls_sw_ctx_rx(ctx)->zc_capable = 0;
	}
	release_sock(sk);
	if (err)
		return err;
	mutex_init(&leg->send_lock);
	leg->keys = *keys;
	leg->sock = sock;
	return 0;
}

/**
 * kb_leg_open_inner - take a socket of ours for a leg
 * @leg: the leg, zeroed, with its directions set
 * @sock: a plain TCP socket, which may be about to connect; its file is the leg's
 */
void kb_leg_open_inner(struct kb_leg *leg, struct socket *sock)
{
	mutex_init(&leg->send_lock);
	leg->sock = sock;
}

/**
 * kb_leg_move - put a leg in the place of another one
 * @to: that one, closed, with its directions set
 * @from: a detached leg; it has no socket and no secret afterwards
 *
 * Context: process; nobody else uses either.
 */
void kb_leg_move(struct kb_leg *to, struct kb_leg *from)
{
	struct kb_dir *in = to->in, *out = to->out;

	*to = *from;
	mutex_init(&to->send_lock);
	to->in = in;
	to->out = out;
	from->sock = NULL;
	memzero_explicit(&from->keys, sizeof(from->keys));
}

/* The callbacks run in softirq, or with the socket locked: they only start the work. */

/*
 * Within one call, recvmsg() takes records without data as fast as a peer can send them. This
 * is where it can be stopped: with the socket locked, as the parser's state is changed.
 */
static void count_ready(struct kb_leg *leg)
{
	if (!leg->tls || atomic_inc_return(&leg->idle) <= KB_LEG_IDLE_MAX)
		return;
	set_bit(KB_LEG_FLOODED, &leg->flags);
	leg_rx(leg)->strp.stopped = 1;
}

static void leg_data_ready(struct sock *sk)
{
	struct kb_leg *leg;

	read_lock_bh(&sk->sk_callback_lock);
	leg = sk->sk_user_data;
	if (leg) {
		count_ready(leg);
		kb_dir_kick(leg->in);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void leg_write_space(struct sock *sk)
{
	struct kb_leg *leg;

	read_lock_bh(&sk->sk_callback_lock);
	leg = sk->sk_user_data;
	if (leg) {
		/* kTLS must hear of it, to go on with a record that was sent in part. */
		leg->write_space(sk);
		if (sk_stream_is_writeable(sk) &&
		    test_and_clear_bit(KB_LEG_WANT_SPACE, &leg->flags))
			kb_dir_kick(leg->out);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void leg_kick_both(struct sock *sk, void (*chain)(struct sock *sk),
			  const struct kb_leg *leg)
{
	chain(sk);
	kb_dir_kick(leg->in);
	kb_dir_kick(leg->out);
}

static void leg_state_change(struct sock *sk)
{
	struct kb_leg *leg;

	read_lock_bh(&sk->sk_callback_lock);
	leg = sk->sk_user_data;
	if (leg)
		leg_kick_both(sk, leg->state_change, leg);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void leg_error_report(struct sock *sk)
{
	struct kb_leg *leg;

	read_lock_bh(&sk->sk_callback_lock);
	leg = sk->sk_user_data;
	if (leg)
		leg_kick_both(sk, leg->error_report, leg);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void swap_callbacks(struct kb_leg *leg, struct sock *sk)
{
	/*
	 * kTLS calls what the socket had before it, once for each whole record, also from its
	 * own work when the softirq found the socket locked: that is the place to listen at.
	 */
	if (leg->tls) {
		leg->data_ready = leg_rx(leg)->saved_data_ready;
		leg_rx(leg)->saved_data_ready = leg_data_ready;
	} else {
		leg->data_ready = sk->sk_data_ready;
		sk->sk_data_ready = leg_data_ready;
	}
	/* Attached again, kTLS is to hear of it as before: kb_leg_detach() has taken that away. */
	if (!leg->write_space)
		leg->write_space = sk->sk_write_space;
	leg->state_change = sk->sk_state_change;
	leg->error_report = sk->sk_error_report;
	sk->sk_write_space = leg_write_space;
	sk->sk_state_change = leg_state_change;
	sk->sk_error_report = leg_error_report;
	sk->sk_user_data = leg;
}

static void set_options(struct sock *sk)
{
	tcp_sock_set_nodelay(sk);
	tcp_sock_set_keepidle(sk, KEEPALIVE_IDLE_S);
	tcp_sock_set_keepintvl(sk, KEEPALIVE_INTERVAL_S);
	tcp_sock_set_keepcnt(sk, KEEPALIVE_PROBES);
	sock_set_keepalive(sk);
}

/**
 * kb_leg_attach - begin to listen to a leg's socket
 * @leg: an open leg
 * @extack: says what is wrong
 *
 * The directions may be kicked from here on.
 *
 * Context: process; sleeps.
 * Return: 0, or -EBUSY if another part of the kernel took the socket meanwhile.
 */
int kb_leg_attach(struct kb_leg *leg, struct netlink_ext_ack *extack)
{
	struct sock *sk = leg->sock->sk;
	int err = 0;

	set_options(sk);
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_user_data || kb_leg_has_tls(sk) != leg->tls) {
		NL_SET_ERR_MSG(extack, "socket is in use by the kernel");
		err = -EBUSY;
	} else {
		swap_callbacks(leg, sk);
		leg->attached = true;
	}
	write_unlock_bh(&sk->sk_callback_lock);
	/* There may have been room while nobody listened. */
	if (!err && leg->tls)
		leg->write_space(sk);
	release_sock(sk);
	return err;
}

/**
 * kb_leg_detach - listen no more
 * @leg: the leg; may not be attached
 *
 * When it returns no callback uses @leg any more. One may still be about to look whether it
 * should: the module's text may go only after synchronize_net().
 *
 * Context: process; sleeps.
 */
void kb_leg_detach(struct kb_leg *leg)
{
	struct sock *sk;

	if (!leg->attached)
		return;
	sk = leg->sock->sk;
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	if (leg->tls) {
		leg_rx(leg)->saved_data_ready = leg->data_ready;
		/* Not kTLS's own: its delayed work races with close, CVE-2026-23240. */
		sk->sk_write_space = tls_get_ctx(sk)->sk_write_space;
	} else {
		sk->sk_data_ready = leg->data_ready;
		sk->sk_write_space = leg->write_space;
	}
	sk->sk_state_change = leg->state_change;
	sk->sk_error_report = leg->error_report;
	sk->sk_user_data = NULL;
	leg->attached = false;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

/**
 * kb_leg_abort - reset the connection
 * @leg: a detached leg; may not be open
 *
 * Context: process; sleeps.
 */
void kb_leg_abort(struct kb_leg *leg)
{
	if (leg->sock)
		tcp_abort(leg->sock->sk, ECONNABORTED);
}

/**
 * kb_leg_close - give up the socket
 * @leg: a detached leg; may not be open
 *
 * What TCP has still to send it sends by itself.
 *
 * Context: process.
 */
void kb_leg_close(struct kb_leg *leg)
{
	if (leg->sock)
		sockfd_put(leg->sock);
	leg->sock = NULL;
}

/**
 * kb_chunk_put - drop a chunk's page
 * @c: the chunk
 */
void kb_chunk_put(struct kb_chunk *c)
{
	if (c->page)
		put_page(c->page);
	c->page = NULL;
	c->len = 0;
}

/* recvmsg() says 0 at the end of the stream, and for a record without data. */
static bool at_eof(const struct sock *sk)
{
	return READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN || sock_flag(sk, SOCK_DONE);
}

/*
 * Length of the data of the next record, once its header has been read; 0 if there is none
 * yet, of which leg_data_ready() will tell; -1 if recvmsg() must say what there is: decrypted
 * data that waits in kTLS, the end of the stream, an error. Nobody but us consumes records,
 * so a length that is known stays as it is.
 */
static int next_record_len(const struct kb_leg *leg)
{
	const struct sock *sk = leg->sock->sk;
	const struct tls_context *ctx = tls_get_ctx(sk);
	const struct tls_sw_context_rx *rx = tls_sw_ctx_rx(ctx);
	int len;

	if (!skb_queue_empty_lockless(&rx->rx_list))
		return -1;
	len = READ_ONCE(rx->strp.stm.full_len);
	if (!len)
		return at_eof(sk) || READ_ONCE(sk->sk_err) ? -1 : 0;
	len -= ctx->prot_info.overhead_size;
	return len > 0 && len <= RECORD_MAX ? len : -1;
}

static bool alloc_frag(struct kb_chunk *c, unsigned int len)
{
	struct page_frag_cache *cache = get_cpu_ptr(&frags);
	void *p = page_frag_alloc(cache, SKB_DATA_ALIGN(len), GFP_ATOMIC | __GFP_NOWARN);

	put_cpu_ptr(&frags);
	if (!p)
		return false;
	c->page = virt_to_page(p);
	c->off = offset_in_page(p);
	return true;
}

/* Memory for @len bytes; less than that if there is no large page. */
static int alloc_chunk(struct kb_chunk *c, unsigned int len)
{
	c->off = 0;
	c->len = len;
	if (len <= FRAG_MAX && alloc_frag(c, len))
		return 0;
	c->page = NULL;
	if (len > PAGE_SIZE)
		c->page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY,
				      RECORD_ORDER);
	if (c->page)
		return 0;
	c->len = min_t(unsigned int, len, PAGE_SIZE);
	c->page = alloc_page(GFP_KERNEL);
	return c->page ? 0 : -ENOMEM;
}

/* Return: as kb_leg_recv(). */
static int recv_chunk(struct kb_leg *leg, const struct kb_chunk *c)
{
	struct bio_vec bv = { .bv_page = c->page, .bv_offset = c->off, .bv_len = c->len };
	struct msghdr msg = {};
	int n;

	/* Of a record without data and one that is no data it says 0, and keeps the second. */
	do {
		iov_iter_bvec(&msg.msg_iter, ITER_DEST, &bv, 1, c->len);
		n = sock_recvmsg(leg->sock, &msg, MSG_DONTWAIT);
	} while (!n && leg->tls && !skb_queue_empty_lockless(&leg_rx(leg)->rx_list));
	if (n || !at_eof(leg->sock->sk))
		return n ?: -EAGAIN;
	/* Who sends may have got the error of a connection that was cut: it is no end. */
	return leg->tls || sock_flag(leg->sock->sk, SOCK_DONE) ? 0 : -ECONNRESET;
}

static void count_record(struct kb_leg *leg, const struct kb_chunk *c)
{
	atomic_set(&leg->idle, 0);
	WRITE_ONCE(leg->rx_bytes, leg->rx_bytes + c->len);
	WRITE_ONCE(leg->rx_records, leg->rx_records + 1);
	if (c->zc)
		WRITE_ONCE(leg->rx_zc, leg->rx_zc + 1);
	else
		WRITE_ONCE(leg->rx_copied, leg->rx_copied + 1);
}

/**
 * kb_leg_recv - receive what is there, one record if it can be
 * @leg: the leg
 * @c: result; empty on any error
 *
 * With memory of exactly the next record's size kTLS decrypts right into it. That holds for
 * TLS 1.2, and for TLS 1.3 with TLS_RX_EXPECT_NO_PAD: tls_sw_recvmsg(), tls_decrypt_sg().
 * A record with padding is shorter than was expected: it has been copied.
 *
 * Context: process; sleeps for memory only.
 * Return: bytes received; 0 at the end of the stream; -EAGAIN if there is nothing; -EIO if
 * the next record is no data; another error if the connection is broken.
 */
int kb_leg_recv(struct kb_leg *leg, struct kb_chunk *c)
{
	int expected = leg->tls ? next_record_len(leg) : -1;
	int n;

	if (!expected)
		return -EAGAIN;
	n = alloc_chunk(c, expected > 0 ? expected : RECORD_MAX);
	if (n) {
		c->len = 0;
		return n;
	}
	n = recv_chunk(leg, c);
	if (n <= 0) {
		kb_chunk_put(c);
		return n;
	}
	c->zc = n == expected && c->len == expected && leg_rx(leg)->zc_capable;
	c->len = n;
	count_record(leg, c);
	return n;
}

/**
 * kb_leg_recv_control - receive a record that is no data, or a part of it
 * @leg: a TLS leg
 * @buf: where to
 * @size: room there
 * @type: its content type
 * @whole: this was the last part of it
 *
 * Return: bytes received, -EAGAIN, or another error.
 */
int kb_leg_recv_control(struct kb_leg *leg, void *buf, size_t size, u8 *type, bool *whole)
{
	char cbuf[CMSG_SPACE(sizeof(u8))] __aligned(sizeof(size_t));
	struct msghdr msg = { .msg_control = cbuf, .msg_controllen = sizeof(cbuf) };
	struct kvec kv = { .iov_base = buf, .iov_len = size };
	const struct cmsghdr *cmsg = (const struct cmsghdr *)cbuf;
	int n;

	n = kernel_recvmsg(leg->sock, &msg, &kv, 1, size, MSG_DONTWAIT);
	if (n < 0)
		return n;
	/* put_cmsg() has taken from the length what it wrote. */
	if (msg.msg_controllen == sizeof(cbuf) || cmsg->cmsg_level != SOL_TLS ||
	    cmsg->cmsg_type != TLS_GET_RECORD_TYPE)
		return -EAGAIN;
	*type = *(const u8 *)CMSG_DATA(cmsg);
	*whole = msg.msg_flags & MSG_EOR;
	return n;
}

/* With send_lock held: nobody else makes records. */
static void note_sent(struct kb_leg *leg)
{
	if (leg->tls)
		WRITE_ONCE(leg->tx_seq,
			   get_unaligned_be64(tls_get_ctx(leg->sock->sk)->tx.rec_seq));
}

/**
 * kb_leg_send - send from a chunk's page, one record at most
 * @leg: the leg
 * @c: what to send; not changed
 *
 * kTLS encrypts from the page, without a copy: no kvec, no MSG_MORE, see tls_sw_sendmsg().
 *
 * Return: bytes sent, -EAGAIN if there is no room, or another error.
 */
int kb_leg_send(struct kb_leg *leg, const struct kb_chunk *c)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct bio_vec bv = { .bv_page = c->page, .bv_offset = c->off, .bv_len = c->len };
	int n;

	if (leg->record_max && bv.bv_len > leg->record_max)
		bv.bv_len = leg->record_max;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bv, 1, bv.bv_len);
	mutex_lock(&leg->send_lock);
	n = sock_sendmsg(leg->sock, &msg);
	note_sent(leg);
	mutex_unlock(&leg->send_lock);
	if (n > 0)
		WRITE_ONCE(leg->tx_bytes, leg->tx_bytes + n);
	return n;
}

/**
 * kb_leg_send_record - send a record that is no data
 * @leg: a TLS leg
 * @type: its content type
 * @data: its content
 * @len: length of that, a few bytes
 *
 * Context: process, with the leg's send_lock held; sleeps for memory only.
 * Return: 0, -EAGAIN if there is no room, or another error.
 */
int kb_leg_send_record(struct kb_leg *leg, u8 type, const void *data, size_t len)
{
	char cbuf[CMSG_SPACE(sizeof(u8))] __aligned(sizeof(size_t)) = {};
	struct msghdr msg = {
		.msg_control = cbuf,
		.msg_controllen = sizeof(cbuf),
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
	};
	struct cmsghdr *cmsg = (struct cmsghdr *)cbuf;
	struct kvec kv = { .iov_base = (void *)data, .iov_len = len };
	int n;

	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(sizeof(u8));
	*(u8 *)CMSG_DATA(cmsg) = type;
	n = kernel_sendmsg(leg->sock, &msg, &kv, 1, len);
	note_sent(leg);
	return min(n, 0);
}

/**
 * kb_leg_send_alert - send an alert
 * @leg: the leg; nothing is sent on a plain one
 * @level: KB_ALERT_WARNING or KB_ALERT_FATAL
 * @description: RFC 8446, section 6
 *
 * Return: 0, -EAGAIN if there is no room, or another error.
 */
int kb_leg_send_alert(struct kb_leg *leg, u8 level, u8 description)
{
	u8 alert[] = { level, description };
	int err;

	if (!leg->tls)
		return 0;
	mutex_lock(&leg->send_lock);
	err = kb_leg_send_record(leg, KB_RECORD_ALERT, alert, sizeof(alert));
	mutex_unlock(&leg->send_lock);
	return err;
}

/**
 * kb_leg_is_sending - has kTLS still something that it could not give to TCP?
 * @leg: the leg
 *
 * No callback tells when it has not.
 *
 * Context: process; sleeps for the socket's lock.
 * Return: true if it has.
 */
bool kb_leg_is_sending(const struct kb_leg *leg)
{
	struct sock *sk = leg->sock->sk;
	const struct tls_context *ctx;
	bool pending;

	if (!leg->tls || READ_ONCE(sk->sk_err))
		return false;
	lock_sock(sk);
	ctx = tls_get_ctx(sk);
	pending = ctx->partially_sent_record || !list_empty(&tls_sw_ctx_tx(ctx)->tx_list);
	release_sock(sk);
	return pending;
}

/**
 * kb_leg_send_fin - end our side of the connection
 * @leg: the leg
 *
 * A record that TCP has taken only a part of would be lost by a FIN, so this waits for it.
 *
 * Context: process; sleeps for the socket's lock.
 * Return: 0, or -EAGAIN while kb_leg_is_sending().
 */
int kb_leg_send_fin(struct kb_leg *leg)
{
	if (kb_leg_is_sending(leg))
		return -EAGAIN;
	kernel_sock_shutdown(leg->sock, SHUT_WR);
	return 0;
}

/**
 * kb_leg_exit - free what is kept between the calls
 *
 * Context: when no leg is left.
 */
void kb_leg_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct page_frag_cache *cache = per_cpu_ptr(&frags, cpu);

		if (cache->va)
			__page_frag_cache_drain(virt_to_head_page(cache->va),
						cache->pagecnt_bias);
		cache->va = NULL;
	}
}
