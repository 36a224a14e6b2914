// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The bad end, when the client is told: by an alert or a page that it must be able to read. A
 * socket that is closed with bytes unread sends a reset, which would overtake them; so all that
 * the client sent is read, and its FIN awaited.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "kbumpd.h"

#define FIN_MS		2000
/* Of a client that goes on sending: bytes that are read before it gets a reset after all. */
#define DRAIN_MAX	(4 << 20)

/* Returns true when there is nothing more to wait for. */
static bool drain(struct conn *c)
{
	struct worker *w = c->worker;
	ssize_t len = 1;

	while (len > 0 && c->drained < DRAIN_MAX) {
		len = recv(c->client_fd, w->buffer, sizeof(w->buffer), MSG_DONTWAIT);
		if (len > 0)
			c->drained += len;
	}
	return len >= 0 || errno != EAGAIN;
}

static void send_alert(struct conn *c, uint8_t alert)
{
	uint16_t version = c->hello.version;
	uint8_t record[] = { 21, 3, 3, 0, 2, 2, alert };

	/* A client that is older than TLS 1.2 might not understand its number. */
	if (version && version < TLS1_2_VERSION)
		record[2] = version & 0xff;
	send(c->client_fd, record, sizeof(record), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The last word, if it is not said yet, and some time to hear it. */
static void leave(struct conn *c, enum kbump_reason reason, uint8_t alert, uint64_t ms)
{
	bool over;

	conn_free_ssl(c);
	conn_close_server(c);
	c->stage = STAGE_REFUSED;
	c->reason = reason;
	conn_low_water(c, 1);
	over = drain(c);
	if (alert != ALERT_NONE)
		send_alert(c, alert);
	shutdown(c->client_fd, SHUT_WR);
	if (over)
		return refuse_end(c);
	conn_time_limit(c, ms);
	conn_wait(c, &c->client_event, c->client_fd, EV_READ);
}

/**
 * refuse() - end a connection with an alert to the client
 * @c: the connection
 * @reason: for the kernel
 * @alert: what to tell the client in the clear, before there are keys; ALERT_NONE if
 *	OpenSSL has told it
 * @fmt: for the log, as printf
 */
void refuse(struct conn *c, enum kbump_reason reason, uint8_t alert, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_conn(c, LOG_REFUSED, fmt, args);
	va_end(args);
	leave(c, reason, alert, FIN_MS);
}

/**
 * refuse_answered() - end a connection whose client has got an answer
 * @c: the connection
 * @reason: for the kernel
 * @fmt: for the log, as printf
 *
 * It may still be sending its request: it has until the connection's deadline.
 */
void refuse_answered(struct conn *c, enum kbump_reason reason, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_conn(c, LOG_REFUSED, fmt, args);
	va_end(args);
	leave(c, reason, ALERT_NONE, UINT64_MAX);
}

/**
 * refuse_ready() - read on to the client's FIN
 * @c: the connection
 */
void refuse_ready(struct conn *c)
{
	if (drain(c))
		refuse_end(c);
	else
		conn_wait(c, &c->client_event, c->client_fd, EV_READ);
}

/**
 * refuse_end() - the client has got it, or had the time to
 * @c: the connection, which is freed
 */
void refuse_end(struct conn *c)
{
	conn_report(c, c->reason);
	conn_free(c);
}
