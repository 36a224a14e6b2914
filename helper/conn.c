// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A connection's start, its time limits, and its end without a hand-off. */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "kbumpd.h"

/* From the steering to the hand-off. */
#define HANDSHAKE_MS	60000

static void on_client(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	switch (c->stage) {
	case STAGE_HELLO:
		return peek_ready(c);
	case STAGE_CONNECT:
	case STAGE_UPSTREAM:
	case STAGE_FORGE:
		/* Only awaited to learn that it is gone; what else it sends can wait. */
		if (conn_client_closed(c))
			conn_client_gone(c);
		return;
	case STAGE_DOWNSTREAM:
		return downstream_ready(c);
	case STAGE_PAIR:
		return;
	case STAGE_PAGE:
		return page_ready(c);
	case STAGE_REFUSED:
		return refuse_ready(c);
	}
}

static void on_server(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->stage == STAGE_HELLO)
		peek_server_ready(c);
	else if (c->stage == STAGE_CONNECT)
		connect_ready(c);
	else
		upstream_ready(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	switch (c->stage) {
	case STAGE_HELLO:
		return peek_timeout(c);
	case STAGE_CONNECT:
		return connect_failed(c, ETIMEDOUT);
	case STAGE_UPSTREAM:
		return conn_reset(c, KBUMP_REASON_TIMEOUT,
				  "time-out of the handshake with the server");
	case STAGE_FORGE:
		return forge_timeout(c);
	case STAGE_DOWNSTREAM:
		return conn_reset(c, KBUMP_REASON_TIMEOUT,
				  "time-out of the handshake with the client");
	case STAGE_PAIR:
		return conn_reset(c, KBUMP_REASON_INTERNAL,
				  "pumped leg: no connection over the loopback interface");
	case STAGE_PAGE:
		return page_timeout(c);
	case STAGE_REFUSED:
		return refuse_end(c);
	}
}

static int set_up_client(struct conn *c)
{
	socklen_t len = sizeof(c->server);
	int on = 1;

	if (getsockname(c->client_fd, &c->server.sa, &len) < 0)
		return -1;
	len = sizeof(c->client);
	if (getpeername(c->client_fd, &c->client.sa, &len) < 0)
		return -1;
	setsockopt(c->client_fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

static struct conn *conn_new(struct worker *w, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->worker = w;
	c->client_fd = fd;
	c->server_fd = -1;
	c->deadline = now_ms() + HANDSHAKE_MS;
	event_assign(&c->client_event, w->base, -1, 0, on_client, c);
	event_assign(&c->server_event, w->base, -1, 0, on_server, c);
	evtimer_assign(&c->timer, w->base, on_timer, c);
	LIST_INSERT_HEAD(&w->conns, c, link);
	w->count++;
	return c;
}

/**
 * reset_on_close() - let the end of a socket be a TCP reset
 * @fd: the socket
 */
void reset_on_close(int fd)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

/**
 * conn_accepted() - a connection has come in
 * @l: the listening socket that it came in on
 * @fd: the connection
 */
void conn_accepted(const struct listener *l, int fd)
{
	struct worker *w = l->worker;
	struct conn *c = conn_new(w, fd);

	if (!c) {
		reset_on_close(fd);
		kernel_flow_fail(w->kernel, fd, KBUMP_REASON_INTERNAL, NULL);
		close(fd);
		return;
	}
	c->vrf = l->vrf;
	if (set_up_client(c) < 0)
		return conn_client_gone(c);
	/* Not steered: somebody on this host has found the port. */
	if (address_equal(&c->server, &l->address))
		return conn_free(c);
	peek_start(c);
}

/**
 * conn_time_limit() - set the time limit of a stage
 * @c: the connection
 * @ms: how long it may take, if that is sooner than the limit of the whole
 */
void conn_time_limit(struct conn *c, uint64_t ms)
{
	uint64_t now = now_ms(), left = c->deadline > now ? c->deadline - now : 0;
	struct timeval t = ms_to_timeval(ms < left ? ms : left);

	evtimer_add(&c->timer, &t);
}

/**
 * conn_is_late() - is the time for the whole handshake over?
 * @c: the connection
 *
 * Return: true if it is.
 */
bool conn_is_late(const struct conn *c)
{
	return now_ms() >= c->deadline;
}

/**
 * conn_low_water() - how much must wait on the client leg to make it readable
 * @c: the connection
 * @bytes: the mark; its end or an error make it readable as well
 */
void conn_low_water(struct conn *c, int bytes)
{
	setsockopt(c->client_fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

/**
 * conn_wait() - wait once for a leg
 * @c: the connection
 * @event: of the client or of the server leg
 * @fd: that leg
 * @what: EV_READ or EV_WRITE
 */
void conn_wait(struct conn *c, struct event *event, int fd, short what)
{
	event_del(event);
	event_assign(event, c->worker->base, fd, what, event_get_callback(event), c);
	event_add(event, NULL);
}

/**
 * conn_watch_client() - learn of a client that goes away while others are awaited
 * @c: the connection
 *
 * What the client is known to have sent does not wake us; its FIN or reset does.
 */
void conn_watch_client(struct conn *c)
{
	conn_low_water(c, c->peeked + 1);
	conn_wait(c, &c->client_event, c->client_fd, EV_READ);
}

/**
 * conn_client_closed() - has the client ended its direction?
 * @c: the connection
 *
 * Return: true after a FIN, whatever still waits to be read before it, or a reset.
 */
bool conn_client_closed(const struct conn *c)
{
	struct pollfd p = { .fd = c->client_fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1;
}

/**
 * conn_log() - say what becomes of a connection
 * @c: the connection
 * @verdict: that
 * @fmt: why, as printf
 */
void conn_log(const struct conn *c, enum log_verdict verdict, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_conn(c, verdict, fmt, args);
	va_end(args);
}

/**
 * conn_note_tls() - keep what a handshake agreed on
 * @tls: of the leg
 * @ssl: its handshake, which is done
 */
void conn_note_tls(struct leg_tls *tls, const SSL *ssl)
{
	tls->version = SSL_get_version(ssl);
	tls->cipher = SSL_get_cipher_name(ssl);
}

/**
 * conn_report() - tell the kernel that the handshake failed; once for each connection
 * @c: the connection; its client leg must still be open
 * @reason: why
 */
void conn_report(struct conn *c, enum kbump_reason reason)
{
	/* The flow may be gone already, by command or with the module: nothing is lost then. */
	kernel_flow_fail(c->worker->kernel, c->client_fd, reason, c);
}

/**
 * conn_reset() - end a connection by a TCP reset to both sides
 * @c: the connection, which is freed
 * @reason: for the kernel
 * @fmt: for the log, as printf
 */
void conn_reset(struct conn *c, enum kbump_reason reason, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_conn(c, LOG_REFUSED, fmt, args);
	va_end(args);
	reset_on_close(c->client_fd);
	if (c->server_fd >= 0)
		reset_on_close(c->server_fd);
	conn_report(c, reason);
	conn_free(c);
}

/**
 * conn_drop() - end a connection that a rule blocks, of which the client is to hear nothing
 * @c: the connection, which is freed
 * @fmt: for the log, as printf
 *
 * A socket in repair mode is closed without a word, whatever waits to be read; what the client
 * still sends is dropped by the kernel. The server hears a reset.
 */
void conn_drop(struct conn *c, const char *fmt, ...)
{
	int on = TCP_REPAIR_ON;
	va_list args;

	va_start(args, fmt);
	log_conn(c, LOG_REFUSED, fmt, args);
	va_end(args);
	setsockopt(c->client_fd, SOL_TCP, TCP_REPAIR, &on, sizeof(on));
	conn_reset_server(c);
	conn_report(c, KBUMP_REASON_BLOCKED);
	conn_free(c);
}

/**
 * conn_client_gone() - end a connection that the client has ended
 * @c: the connection, which is freed
 */
void conn_client_gone(struct conn *c)
{
	/* It was refused already. */
	if (c->page)
		return page_fail(c, "the client closed");
	conn_log(c, LOG_REFUSED, "the client closed %s its handshake was over",
		 c->agreed ? "as soon as" : "before");
	conn_report(c, c->agreed ? KBUMP_REASON_CLIENT_QUIT : KBUMP_REASON_CLIENT_GONE);
	conn_free(c);
}

/**
 * conn_close_server() - close the server leg
 * @c: the connection
 */
void conn_close_server(struct conn *c)
{
	event_del(&c->server_event);
	if (c->server_fd >= 0)
		close(c->server_fd);
	c->server_fd = -1;
}

/**
 * conn_reset_server() - close the server leg at once, so that its ports are free again
 * @c: the connection
 */
void conn_reset_server(struct conn *c)
{
	if (c->server_fd >= 0)
		reset_on_close(c->server_fd);
	conn_close_server(c);
}

/**
 * conn_free_ssl() - forget both handshakes and their secrets; the sockets go on
 * @c: the connection
 */
void conn_free_ssl(struct conn *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	OPENSSL_cleanse(&c->secrets, sizeof(c->secrets));
	/* A connection that seemed to end without a word would spoil its session. */
	if (c->server_ssl)
		SSL_set_shutdown(c->server_ssl, SSL_SENT_SHUTDOWN);
	SSL_free(c->server_ssl);
	c->server_ssl = NULL;
	OPENSSL_cleanse(&c->server_secrets, sizeof(c->server_secrets));
}

/**
 * conn_wipe_secrets() - forget the secrets of the legs that are on kTLS
 * @c: the connection
 */
void conn_wipe_secrets(struct conn *c)
{
	OPENSSL_cleanse(&c->client_leg_secrets, sizeof(c->client_leg_secrets));
	OPENSSL_cleanse(&c->server_leg_secrets, sizeof(c->server_leg_secrets));
}

/**
 * conn_free() - close both legs and forget the connection
 * @c: the connection
 */
void conn_free(struct conn *c)
{
	struct worker *w = c->worker;

	event_del(&c->client_event);
	event_del(&c->timer);
	forge_leave(c);
	pump_leave(c);
	conn_free_ssl(c);
	conn_wipe_secrets(c);
	conn_close_server(c);
	if (c->client_fd >= 0)
		close(c->client_fd);
	X509_free(c->leaf);
	page_free(c->page);
	LIST_REMOVE(c, link);
	free(c);
	worker_conn_gone(w);
}
