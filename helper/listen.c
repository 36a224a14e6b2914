// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sockets on which steered connections arrive. They are bound to loopback addresses,
 * where no packet from the network can reach them; the kernel module gives each steered
 * SYN to them by hand, and so they must be transparent.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kbumpd.h"

#define BACKLOG		4096
/* Connections that are accepted before the others get their turn. */
#define BATCH		32
/* Out of descriptors or memory: the time until the next attempt. */
#define PAUSE_MS	100

static int transparent(int fd, int family)
{
	int on = 1;

	if (family == AF_INET)
		return setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof(on));
	if (setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
	return setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof(on));
}

static void loopback(union address *a, int family)
{
	memset(a, 0, sizeof(*a));
	a->sa.sa_family = family;
	if (family == AF_INET)
		a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a->in6.sin6_addr = in6addr_loopback;
}

static int bind_and_listen(struct listener *l, int family)
{
	socklen_t len = sizeof(l->address);

	if (transparent(l->fd, family) < 0)
		return -1;
	loopback(&l->address, family);
	if (bind(l->fd, &l->address.sa, address_length(&l->address)) < 0 ||
	    listen(l->fd, BACKLOG) < 0)
		return -1;
	return getsockname(l->fd, &l->address.sa, &len);
}

static void starve(struct worker *w)
{
	struct timeval t = ms_to_timeval(PAUSE_MS);

	w->starved = true;
	evtimer_add(&w->resume, &t);
	listeners_set(w);
}

static bool is_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct listener *l = &w->listener[fd == w->listener[0].fd ? 0 : 1];
	int i, conn_fd;

	(void)what;
	for (i = 0; i < BATCH && w->count < w->limit; i++) {
		conn_fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn_fd >= 0)
			conn_accepted(w, l, conn_fd);
		else if (is_shortage(errno))
			return starve(w);
		else if (errno == EAGAIN)
			break;
	}
	listeners_set(w);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	w->starved = false;
	listeners_set(w);
}

static int open_one(struct worker *w, struct listener *l, int family)
{
	l->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (l->fd < 0 && errno == EAFNOSUPPORT)
		return 0;
	if (l->fd < 0 || bind_and_listen(l, family) < 0) {
		log_line("listening socket for IPv%c: %s", family == AF_INET ? '4' : '6',
			 strerror(errno));
		return -1;
	}
	return event_assign(&l->event, w->base, l->fd, EV_READ | EV_PERSIST, on_accept, w);
}

/**
 * listeners_open() - make the listening sockets of a worker and wait on them
 * @w: the worker
 *
 * Return: 0, or -1 after it has said why.
 */
int listeners_open(struct worker *w)
{
	evtimer_assign(&w->resume, w->base, on_resume, w);
	if (open_one(w, &w->listener[0], AF_INET) < 0 || open_one(w, &w->listener[1], AF_INET6) < 0)
		return -1;
	if (w->listener[0].fd < 0 && w->listener[1].fd < 0) {
		log_line("neither IPv4 nor IPv6 is there");
		return -1;
	}
	listeners_set(w);
	return 0;
}

/**
 * listeners_set() - accept connections, or let them wait when there are too many
 * @w: the worker
 */
void listeners_set(struct worker *w)
{
	bool want = w->count < w->limit && !w->starved;
	struct listener *l;

	for (l = w->listener; l < w->listener + LISTENERS; l++) {
		if (l->fd < 0 || want == !!event_pending(&l->event, EV_READ, NULL))
			continue;
		if (want)
			event_add(&l->event, NULL);
		else
			event_del(&l->event);
	}
}

/**
 * listeners_close() - close the listening sockets
 * @w: the worker; it need not have any
 */
void listeners_close(struct worker *w)
{
	struct listener *l;

	for (l = w->listener; l < w->listener + LISTENERS; l++) {
		if (l->fd < 0)
			continue;
		event_del(&l->event);
		close(l->fd);
		l->fd = -1;
	}
	if (event_initialized(&w->resume))
		evtimer_del(&w->resume);
}
