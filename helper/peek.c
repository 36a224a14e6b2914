// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The first stage: what does the client send? Its bytes are only looked at, so that
 * OpenSSL, or the kernel's relay, finds them where they are.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "kbumpd.h"

/* A client that is silent for so long may be waiting for the server to speak. */
#define SILENCE_MS	2000
/* Until the next look, when the kernel called without new bytes. */
#define RETRY_MS	50

/* The client has spoken. The server may be there already, if that took long. */
static void go_on(struct conn *c)
{
	if (c->server_fd >= 0)
		connect_done(c);
	else
		connect_start(c);
}

static void not_tls(struct conn *c)
{
	c->plain = true;
	memset(&c->hello, 0, sizeof(c->hello));
	if (ask_cert(c, KBUMP_CERT_NONE, ALERT_NONE, "not TLS"))
		go_on(c);
}

static void bad(struct conn *c)
{
	refuse(c, KBUMP_REASON_HELLO, ALERT_DECODE_ERROR, "malformed ClientHello");
}

static void no_common_parameters(struct conn *c)
{
	/* What is too old for the operator has been left out. */
	if (!c->hello.versions)
		refuse(c, KBUMP_REASON_CLIENT_TLS, ALERT_PROTOCOL_VERSION,
		       "the client offers no version that --min-version allows");
	else
		refuse(c, KBUMP_REASON_CLIENT_TLS, ALERT_HANDSHAKE_FAILURE,
		       "the client offers nothing that --min-version and --ciphers allow");
}

static void hello_found(struct conn *c)
{
	bool usable = narrow(c->worker->setup, &c->hello);
	int err;

	if (!ask_hello(c))
		return;
	if (c->plain)
		return go_on(c);
	if (!usable)
		return no_common_parameters(c);
	err = ktls_prepare(c->client_fd);
	if (err == -ENOTCONN)
		return conn_client_gone(c);
	if (err)
		return conn_reset(c, KBUMP_REASON_INTERNAL, "kTLS: %s", strerror(-err));
	go_on(c);
}

/*
 * Wait for the bytes that are missing. A low-water mark spares a wake-up for each segment;
 * without it the bytes that are there would wake us all the time.
 */
static void wait_for_more(struct conn *c, size_t len)
{
	bool grew = len > c->peeked;

	c->peeked = len;
	conn_low_water(c, c->hello.need);
	/* Short of memory the kernel wakes us below the mark: then the timer does it. */
	if (grew)
		conn_wait(c, &c->client_event, c->client_fd, EV_READ);
	conn_time_limit(c, grew ? UINT64_MAX : RETRY_MS);
}

static void judge(struct conn *c, size_t len, bool closed)
{
	switch (hello_parse(c->worker->buffer, len, &c->hello)) {
	case HELLO_DONE:
		c->peeked = len;
		return hello_found(c);
	case HELLO_PLAIN:
		return not_tls(c);
	case HELLO_BAD:
		return bad(c);
	case HELLO_MORE:
		return closed ? conn_client_gone(c) : wait_for_more(c, len);
	}
}

/**
 * peek_ready() - look at what the client has sent so far
 * @c: the connection
 */
void peek_ready(struct conn *c)
{
	/* In this order, or bytes that came in between would be missed. */
	bool closed = conn_client_closed(c);
	ssize_t len = recv(c->client_fd, c->worker->buffer, sizeof(c->worker->buffer), MSG_PEEK);

	if (len > 0)
		judge(c, len, closed);
	else if (len < 0 && errno == EAGAIN && !closed)
		peek_start(c);
	else
		conn_client_gone(c);
}

/**
 * peek_server_ready() - the server speaks, or ends, before the client has said all
 * @c: the connection
 */
void peek_server_ready(struct conn *c)
{
	/* In the middle of a ClientHello it can only be an end, which upstream.c will see. */
	if (!c->peeked)
		not_tls(c);
}

/**
 * peek_timeout() - nothing new from the client
 * @c: the connection
 *
 * Silence alone does not make a connection plain, or any client could keep its TLS from
 * being opened by a pause: the server is called, and who speaks first decides.
 */
void peek_timeout(struct conn *c)
{
	if (conn_is_late(c))
		conn_reset(c, KBUMP_REASON_TIMEOUT, "time-out of the ClientHello");
	else if (c->peeked || c->server_fd >= 0)
		peek_ready(c);
	else
		connect_start(c);
}

/**
 * peek_start() - wait for the client's first bytes, or for anybody's once both are there
 * @c: the connection
 */
void peek_start(struct conn *c)
{
	bool both = c->server_fd >= 0;

	c->stage = STAGE_HELLO;
	conn_time_limit(c, both ? UINT64_MAX : SILENCE_MS);
	conn_wait(c, &c->client_event, c->client_fd, EV_READ);
	if (both)
		conn_wait(c, &c->server_event, c->server_fd, EV_READ);
}
