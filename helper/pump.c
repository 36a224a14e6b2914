// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Legs that kTLS cannot carry: the TLS of the handshake goes on here, and what is in its
 * records goes to and from the kernel's relay, by a connection with TLS whose keys both ends
 * were given. So all that the relay knows of a leg it knows of these, and its tools see
 * them as any other: types of records, alerts, close_notify or a cut.
 *
 * Each direction has one buffer, and nothing is read before that is empty: the slower side's
 * window is the back-pressure, as in the kernel.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <linux/tls.h>

#include "kbumpd.h"
#include "pump.h"

/* How long it may take to call oneself. */
#define PAIR_MS		5000
/* After both sides have said all: for their FINs, as in the kernel. */
#define LINGER_MS	30000
/* Who says nothing is asked whether it is still there, as by the kernel: after so long, ... */
#define KEEPALIVE_IDLE_S	300
/* ... then so often, and so many times. */
#define KEEPALIVE_INTERVAL_S	30
#define KEEPALIVE_PROBES	8
/* Records without data that a peer may send, and how many more for each one with data. */
#define CREDIT_MAX	1024
#define CREDIT_PER_DATA	8
/* Bufferfuls in one direction before other events get their turn. */
#define BUDGET		16

#define LEVEL_WARNING	1
#define LEVEL_FATAL	2
#define CLOSE_NOTIFY	0

/* What became of a step. */
enum step {
	STEP_MORE,	/* go on */
	STEP_WAIT,	/* for what is in the wishes now */
	STEP_BROKEN,	/* a connection is no more */
};

/* What is waited for, as EV_READ and EV_WRITE. */
struct wishes {
	short peer;
	short far;
};

static enum step again(short *wish, short what)
{
	*wish |= what;
	return STEP_WAIT;
}

/* After a call on a socket that failed. */
static enum step failed(short *wish, short what)
{
	return errno == EAGAIN || errno == EINTR ? again(wish, what) : STEP_BROKEN;
}

/* OpenSSL may have to write to go on reading, and the other way round. */
static enum step tls_wait(int error, struct wishes *w)
{
	if (error == SSL_ERROR_WANT_READ)
		return again(&w->peer, EV_READ);
	return error == SSL_ERROR_WANT_WRITE ? again(&w->peer, EV_WRITE) : STEP_BROKEN;
}

static void note_alert(struct stream *s, uint8_t level, uint8_t description)
{
	s->notified = true;
	s->alert.due = true;
	s->alert.level = level;
	s->alert.description = description;
}

/*
 * OpenSSL has ended the leg. What the peer is to hear of a fault of its own has been sent, and
 * nothing more can be; the other side hears what the peer said or, as from the kernel, that
 * there was a fault.
 */
static enum step leg_failed(struct pump *p)
{
	int reason = ERR_GET_REASON(ERR_peek_error());
	struct stream *s = &p->to_kernel;

	p->failed = true;
	p->from_kernel.len = 0;
	p->from_kernel.alert.due = false;
	if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + UINT8_MAX)
		note_alert(s, LEVEL_FATAL, reason - SSL_AD_REASON_OFFSET);
	else
		note_alert(s, LEVEL_FATAL, ALERT_INTERNAL_ERROR);
	return STEP_MORE;
}

/* Behind the end of TLS: nothing counts but the FIN. */
static enum step drain_peer(struct pump *p, struct wishes *w)
{
	struct stream *s = &p->to_kernel;
	ssize_t n = recv(p->peer_fd, s->data, sizeof(s->data), MSG_DONTWAIT);

	if (n < 0)
		return failed(&w->peer, EV_READ);
	s->fin = !n;
	return STEP_MORE;
}

static enum step seal_content(struct pump *p, uint8_t type, size_t len)
{
	struct stream *s = &p->to_kernel;

	s->len = seal(&p->seal, type, s->data, len);
	s->sent = 0;
	return s->len ? STEP_MORE : STEP_BROKEN;
}

static enum step read_peer(struct pump *p, struct wishes *w)
{
	struct stream *s = &p->to_kernel;
	int n, error;

	if (s->notified)
		return drain_peer(p, w);
	ERR_clear_error();
	errno = 0;
	n = SSL_read(p->ssl, s->data + SEAL_HEAD, PUMP_BUFFER);
	error = SSL_get_error(p->ssl, n);
	switch (error) {
	case SSL_ERROR_NONE:
		if (p->credit < CREDIT_MAX)
			p->credit += CREDIT_PER_DATA;
		return seal_content(p, SSL3_RT_APPLICATION_DATA, n);
	case SSL_ERROR_ZERO_RETURN:
		if (p->credit < 0)
			return STEP_BROKEN;
		if (p->closed)
			note_alert(s, LEVEL_WARNING, CLOSE_NOTIFY);
		else
			s->fin = true;
		return STEP_MORE;
	case SSL_ERROR_SSL:
		return leg_failed(p);
	default:
		return tls_wait(error, w);
	}
}

static enum step send_data(struct pump *p, struct wishes *w)
{
	struct stream *s = &p->to_kernel;
	ssize_t n = send(p->far_fd, s->data + s->sent, s->len - s->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return failed(&w->far, EV_WRITE);
	s->sent += n;
	if (s->sent == s->len)
		s->len = 0;
	return STEP_MORE;
}

static enum step seal_alert(struct pump *p)
{
	struct stream *s = &p->to_kernel;

	s->data[SEAL_HEAD] = s->alert.level;
	s->data[SEAL_HEAD + 1] = s->alert.description;
	s->alert.due = false;
	return seal_content(p, SSL3_RT_ALERT, 2);
}

static enum step send_fin(struct stream *s, int fd)
{
	s->done = true;
	return shutdown(fd, SHUT_WR) < 0 ? STEP_BROKEN : STEP_MORE;
}

static enum step to_kernel(struct pump *p, struct wishes *w)
{
	struct stream *s = &p->to_kernel;

	if (s->len)
		return send_data(p, w);
	if (s->alert.due)
		return seal_alert(p);
	if (s->fin)
		return send_fin(s, p->far_fd);
	return read_peer(p, w);
}

/* An alert that OpenSSL cannot be made to send ends the leg without words. */
static enum step take_alert(struct pump *p, size_t len)
{
	struct stream *s = &p->from_kernel;

	if (len != 2 || s->data[1] != CLOSE_NOTIFY)
		return p->failed ? STEP_MORE : STEP_BROKEN;
	s->alert.due = !p->failed;
	return STEP_MORE;
}

static enum step read_kernel(struct pump *p, struct wishes *w)
{
	struct stream *s = &p->from_kernel;
	char control[CMSG_SPACE(sizeof(uint8_t))];
	struct iovec iov = { .iov_base = s->data, .iov_len = PUMP_BUFFER };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *cmsg;
	ssize_t n = recvmsg(p->far_fd, &msg, MSG_DONTWAIT);

	if (n < 0)
		return failed(&w->far, EV_READ);
	cmsg = n ? CMSG_FIRSTHDR(&msg) : NULL;
	if (cmsg && *CMSG_DATA(cmsg) == SSL3_RT_ALERT)
		return take_alert(p, n);
	/* Else there is nobody to take it. */
	if (!p->failed)
		s->len = n;
	s->fin = !n;
	return STEP_MORE;
}

static enum step write_peer(struct pump *p, struct wishes *w)
{
	struct stream *s = &p->from_kernel;
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_write(p->ssl, s->data, s->len);
	if (n <= 0)
		return tls_wait(SSL_get_error(p->ssl, n), w);
	s->len = 0;
	evtimer_del(&p->timer);
	return STEP_MORE;
}

static enum step notify_peer(struct pump *p, struct wishes *w)
{
	struct stream *s = &p->from_kernel;
	int n;

	ERR_clear_error();
	SSL_set_quiet_shutdown(p->ssl, 0);
	n = SSL_shutdown(p->ssl);
	/* 0: it has been sent, and the peer's has not come yet. */
	if (n < 0)
		return tls_wait(SSL_get_error(p->ssl, n), w);
	s->alert.due = false;
	return STEP_MORE;
}

static enum step from_kernel(struct pump *p, struct wishes *w)
{
	struct stream *s = &p->from_kernel;

	if (s->len)
		return write_peer(p, w);
	if (s->alert.due)
		return notify_peer(p, w);
	if (s->fin)
		return send_fin(s, p->peer_fd);
	return read_kernel(p, w);
}

static enum step move(struct pump *p, const struct stream *s,
		      enum step (*one)(struct pump *p, struct wishes *w), struct wishes *w)
{
	enum step step = STEP_MORE;
	int i;

	for (i = 0; i < BUDGET && step == STEP_MORE && !s->done; i++)
		step = one(p, w);
	return s->done && step == STEP_MORE ? STEP_WAIT : step;
}

/* Where nothing is waited for but an error, each piece of news wakes once. */
static void wait_for(struct pump *p, struct event *event, int fd, short what)
{
	short flags = EV_PERSIST | (what ? what : EV_READ | EV_ET);

	if (event_get_events(event) == flags && event_pending(event, EV_READ | EV_WRITE, NULL))
		return;
	event_del(event);
	event_assign(event, p->worker->base, fd, flags, event_get_callback(event), p);
	event_add(event, NULL);
}

/*
 * The kernel has ended the flow, or will: then only the peer's FIN is missing, or that it takes
 * what is left for it.
 */
static void linger(struct pump *p, bool far_is_over)
{
	struct timeval t = ms_to_timeval(LINGER_MS);
	bool over = p->to_kernel.notified && p->from_kernel.done;

	if ((over || far_is_over) && !evtimer_pending(&p->timer, NULL))
		evtimer_add(&p->timer, &t);
}

/* Not by event_active(): that would come before all other events. */
static void run_soon(struct pump *p)
{
	const struct timeval now = { 0, 0 };

	evtimer_add(&p->more, &now);
}

static void pump_free(struct pump *p)
{
	struct worker *w = p->worker;

	LIST_REMOVE(p, link);
	event_del(&p->peer_event);
	event_del(&p->far_event);
	evtimer_del(&p->timer);
	evtimer_del(&p->more);
	seal_free(&p->seal);
	if (p->ssl)
		SSL_set_shutdown(p->ssl, SSL_SENT_SHUTDOWN);
	SSL_free(p->ssl);
	if (p->peer_fd >= 0)
		close(p->peer_fd);
	if (p->near_fd >= 0)
		close(p->near_fd);
	if (p->far_fd >= 0)
		close(p->far_fd);
	OPENSSL_cleanse(p, sizeof(*p));
	free(p);
	w->pump_count--;
}

static void pump_break(struct pump *p)
{
	reset_on_close(p->peer_fd);
	reset_on_close(p->far_fd);
	pump_free(p);
}

static void pump_run(struct pump *p)
{
	struct pollfd fds[] = { { .fd = p->peer_fd }, { .fd = p->far_fd } };
	struct wishes w = { 0, 0 };
	enum step up = move(p, &p->to_kernel, to_kernel, &w);
	enum step down = up == STEP_BROKEN ? up : move(p, &p->from_kernel, from_kernel, &w);

	/* A reset may come while nothing is to be read or written there. */
	poll(fds, ARRAY_SIZE(fds), 0);
	if (down == STEP_BROKEN || (fds[0].revents | fds[1].revents) & POLLERR)
		return pump_break(p);
	if (p->to_kernel.done && p->from_kernel.done)
		return pump_free(p);
	linger(p, fds[1].revents & POLLHUP);
	wait_for(p, &p->peer_event, p->peer_fd, w.peer);
	wait_for(p, &p->far_event, p->far_fd, w.far);
	/* What OpenSSL has in its own buffer wakes nobody. */
	if (up == STEP_MORE || down == STEP_MORE)
		run_soon(p);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump_run(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump_break(arg);
}

static struct pump *pump_new(struct conn *c, const SSL *ssl)
{
	struct worker *w = c->worker;
	struct pump *p;

	/* Each has three descriptors for a while, and connections have theirs. */
	if (w->pump_count >= PUMPS_MAX || w->pump_count >= w->limit / 2)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->worker = w;
	p->conn = c;
	p->version = SSL_version(ssl);
	p->suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl));
	p->peer_fd = -1;
	p->near_fd = -1;
	p->far_fd = -1;
	p->credit = CREDIT_MAX;
	event_assign(&p->peer_event, w->base, -1, 0, on_event, p);
	event_assign(&p->far_event, w->base, -1, 0, on_event, p);
	evtimer_assign(&p->timer, w->base, on_timer, p);
	evtimer_assign(&p->more, w->base, on_event, p);
	LIST_INSERT_HEAD(&w->pairing, p, link);
	w->pump_count++;
	return p;
}

static bool begin(struct conn *c, const SSL *ssl, struct pump **p)
{
	int err;

	if (ktls_carries(ssl))
		return true;
	*p = pump_new(c, ssl);
	err = *p ? pair_start(*p) : -ENOBUFS;
	if (err)
		conn_reset(c, KBUMP_REASON_INTERNAL, "pumped leg: %s", strerror(-err));
	return !err;
}

/**
 * pump_start() - make what the legs need that kTLS does not carry; then they are handed off
 * @c: the connection, with both handshakes done
 */
void pump_start(struct conn *c)
{
	c->stage = STAGE_PAIR;
	event_del(&c->client_event);
	event_del(&c->server_event);
	conn_time_limit(c, PAIR_MS);
	if (begin(c, c->ssl, &c->client_pump))
		begin(c, c->server_ssl, &c->server_pump);
}

static bool is_ready(const struct pump *p)
{
	return !p || p->far_fd >= 0;
}

/**
 * pump_paired() - a pump has both ends of its connection
 * @p: the pump
 */
void pump_paired(struct pump *p)
{
	struct conn *c = p->conn;
	struct traffic_key key;
	int err = ktls_pair(p->near_fd, p->far_fd, &key);

	if (!err && seal_new(&p->seal, &key) < 0)
		err = -ENOMEM;
	OPENSSL_cleanse(&key, sizeof(key));
	if (err)
		return conn_reset(c, KBUMP_REASON_INTERNAL, "kTLS: %s", strerror(-err));
	if (is_ready(c->client_pump) && is_ready(c->server_pump))
		handoff(c);
}

/* SSL_read() goes on by itself after a record without data: here it finds an end. */
static void stop_reading(SSL *ssl)
{
	BIO *nothing = BIO_new(BIO_s_null());

	if (nothing)
		SSL_set0_rbio(ssl, nothing);
}

/* OpenSSL's message callback. In TLS 1.3 what a record is stands within it. */
static void note_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl,
			 void *arg)
{
	struct pump *p = arg;
	const uint8_t *bytes = data;

	(void)version;
	if (sent || !len)
		return;
	if (type == SSL3_RT_ALERT && len == 2 && bytes[1] == CLOSE_NOTIFY)
		p->closed = true;
	if (type != SSL3_RT_HEADER && type != SSL3_RT_INNER_CONTENT_TYPE)
		return;
	if (*bytes != SSL3_RT_APPLICATION_DATA && --p->credit < 0)
		stop_reading(ssl);
}

static void keep_alive(int fd)
{
	int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S,
	    probes = KEEPALIVE_PROBES;

	setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, SOL_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, SOL_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* Both are the pump's then. */
static void take_leg(struct pump *p, SSL **ssl, int *fd)
{
	if (!p)
		return;
	LIST_REMOVE(p, link);
	LIST_INSERT_HEAD(&p->worker->pumps, p, link);
	p->conn = NULL;
	p->ssl = *ssl;
	p->peer_fd = *fd;
	context_leave(p->ssl);
	/* The end of TCP alone is no fault: it is passed on, and the other direction goes on. */
	SSL_set_options(p->ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_set_msg_callback(p->ssl, note_message);
	SSL_set_msg_callback_arg(p->ssl, p);
	*ssl = NULL;
	*fd = -1;
	close(p->near_fd);
	p->near_fd = -1;
	keep_alive(p->peer_fd);
	run_soon(p);
}

/**
 * pump_go() - the kernel has the connection: begin to pump
 * @c: the connection, which loses to its pumps what they need
 */
void pump_go(struct conn *c)
{
	take_leg(c->client_pump, &c->ssl, &c->client_fd);
	take_leg(c->server_pump, &c->server_ssl, &c->server_fd);
	c->client_pump = NULL;
	c->server_pump = NULL;
}

/**
 * pump_leave() - a connection ends before its hand-off
 * @c: the connection
 */
void pump_leave(struct conn *c)
{
	if (c->client_pump)
		pump_free(c->client_pump);
	if (c->server_pump)
		pump_free(c->server_pump);
}

/**
 * pumps_end() - cut all pumped legs
 * @w: the worker, which ends
 */
void pumps_end(struct worker *w)
{
	if (!LIST_EMPTY(&w->pumps))
		log_line("flows with pumped legs end with the helper");
	while (!LIST_EMPTY(&w->pumps))
		pump_break(LIST_FIRST(&w->pumps));
}
