// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The second stage: a TCP connection to the server, from the client's address and, if it
 * is free, its port.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kbumpd.h"

#define CONNECT_MS	30000

/* Who failed, for the report. */
struct failure {
	int err;
	enum kbump_reason reason;
	const char *what;
	const char *why;
};

static int set_options(int fd, int family, int vrf)
{
	int on = 1;

	if (vrf && setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &vrf, sizeof(vrf)) < 0)
		return -1;

	setsockopt(fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	/* Other flows of the same client port to other servers are no conflict. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET)
		return setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof(on));
	return setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof(on));
}

static int bound_socket(const struct conn *c, bool own_port)
{
	union address from = c->client;
	int fd = socket(from.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int err;

	if (fd < 0)
		return -errno;
	if (!own_port && from.sa.sa_family == AF_INET)
		from.in.sin_port = 0;
	else if (!own_port)
		from.in6.sin6_port = 0;
	if (!set_options(fd, from.sa.sa_family, c->vrf) &&
	    !bind(fd, &from.sa, address_length(&from)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static struct failure fail(int err, enum kbump_reason reason, const char *what, const char *why)
{
	return (struct failure){ err, reason, what, why };
}

static struct failure attempt(struct conn *c, bool own_port)
{
	struct kernel *k = c->worker->kernel;
	int err, fd = bound_socket(c, own_port);

	if (fd < 0)
		return fail(fd, KBUMP_REASON_INTERNAL, "socket for the server", strerror(-fd));
	c->server_fd = fd;
	/* The kernel must know it before the answer to the SYN comes. */
	err = kernel_flow_set(k, c->client_fd, fd);
	/* Its first packet was enough for a rule; the client would only have been told why. */
	if (err == -EPERM)
		return fail(err, KBUMP_REASON_BLOCKED, "refused by a rule", "the client is silent");
	if (err)
		return fail(err, KBUMP_REASON_INTERNAL, "kernel", kernel_error(k));
	if (connect(fd, &c->server.sa, address_length(&c->server)) < 0 && errno != EINPROGRESS)
		return fail(-errno, KBUMP_REASON_UPSTREAM_CONNECT, "connection to the server",
			    strerror(errno));
	return fail(0, KBUMP_REASON_NONE, "", "");
}

/* The client's port is in use here, or may not be used (below 1024). */
static bool port_is_taken(int err)
{
	return err == -EADDRINUSE || err == -EADDRNOTAVAIL || err == -EACCES;
}

/* To be counted: without a connection to the server there is nothing to be left alone. */
static void note_failure(struct conn *c, enum kbump_reason reason)
{
	if (reason == KBUMP_REASON_UPSTREAM_CONNECT)
		ask_fail(c, KBUMP_CAUSE_UPSTREAM);
	else if (reason == KBUMP_REASON_INTERNAL)
		ask_fail(c, KBUMP_CAUSE_INTERNAL);
}

/**
 * connect_failed() - there is no connection to the server
 * @c: the connection, which is freed
 * @err: an errno
 */
void connect_failed(struct conn *c, int err)
{
	note_failure(c, KBUMP_REASON_UPSTREAM_CONNECT);
	conn_reset(c, KBUMP_REASON_UPSTREAM_CONNECT, "connection to the server: %s",
		   strerror(err));
}

/**
 * connect_start() - connect to the server
 * @c: the connection
 */
void connect_start(struct conn *c)
{
	struct failure f;

	c->stage = STAGE_CONNECT;
	event_del(&c->client_event);
	f = attempt(c, true);
	if (port_is_taken(f.err)) {
		conn_close_server(c);
		f = attempt(c, false);
	}
	if (f.err) {
		note_failure(c, f.reason);
		return conn_reset(c, f.reason, "%s: %s", f.what, f.why);
	}
	/* A half-closed client that is not to be opened is still to be served. */
	if (!c->plain)
		conn_watch_client(c);
	conn_time_limit(c, CONNECT_MS);
	conn_wait(c, &c->server_event, c->server_fd, EV_WRITE);
}

/**
 * connect_plain() - connect to the server anew, for the client's own handshake with it
 * @c: the connection, which is not to be opened
 */
void connect_plain(struct conn *c)
{
	conn_free_ssl(c);
	conn_reset_server(c);
	c->plain = true;
	connect_start(c);
}

/**
 * connect_done() - go on with a connected server and a client that has spoken
 * @c: the connection
 */
void connect_done(struct conn *c)
{
	if (c->plain)
		return handoff(c);
	conn_watch_client(c);
	upstream_start(c);
}

/**
 * connect_ready() - the connection to the server is there, or cannot be had
 * @c: the connection
 */
void connect_ready(struct conn *c)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(c->server_fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err)
		return connect_failed(c, err);
	if (c->plain || c->peeked)
		connect_done(c);
	else
		peek_start(c);
}
