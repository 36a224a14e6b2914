// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A connection of the worker with itself, over the loopback interface: one end is for the
 * kernel, which takes it for a leg, the other for the worker's pump.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kbumpd.h"
#include "pump.h"

#define BACKLOG		1024
/* Connections that are accepted before the others get their turn. */
#define BATCH		32

static int new_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

static int own_address(int fd, union address *a)
{
	socklen_t len = sizeof(*a);

	memset(a, 0, sizeof(*a));
	return getsockname(fd, &a->sa, &len);
}

static struct pump *find(struct worker *w, const union address *peer)
{
	struct pump *p;

	LIST_FOREACH(p, &w->pairing, link)
		if (p->far_fd < 0 && address_equal(&p->near_address, peer))
			return p;
	return NULL;
}

/* Anybody on this host may call; those that are not ours are hung up on. */
static void accepted(struct worker *w, int fd)
{
	union address peer;
	socklen_t len = sizeof(peer);
	struct pump *p;
	int on = 1;

	memset(&peer, 0, sizeof(peer));
	p = getpeername(fd, &peer.sa, &len) < 0 ? NULL : find(w, &peer);
	if (!p) {
		close(fd);
		return;
	}
	p->far_fd = fd;
	/* A small record behind another one does not wait for an acknowledgement. */
	setsockopt(fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	pump_paired(p);
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct worker *w = arg;
	int i, fd;

	(void)what;
	for (i = 0; i < BATCH; i++) {
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		accepted(w, fd);
	}
}

static int bind_and_listen(struct listener *l)
{
	union address a = { .in = { .sin_family = AF_INET } };

	a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(l->fd, &a.sa, sizeof(a.in)) < 0 || listen(l->fd, BACKLOG) < 0)
		return -1;
	return own_address(l->fd, &l->address);
}

/* A suite that kTLS cannot carry is allowed. */
static bool are_wanted(const struct setup *s)
{
	size_t i;

	for (i = 0; i < SUITES_MAX; i++)
		if (s->suites & 1U << i && !suites[i].cipher)
			return true;
	return false;
}

/**
 * pairs_open() - make it possible to have pairs, if any might be needed
 * @w: the worker
 *
 * Return: 0, or -1 after it has said why.
 */
int pairs_open(struct worker *w)
{
	struct listener *l = &w->pairs;

	if (!are_wanted(w->setup))
		return 0;
	l->fd = new_socket();
	if (l->fd < 0 || bind_and_listen(l) < 0) {
		log_line("socket for pumped legs: %s", strerror(errno));
		return -1;
	}
	event_assign(&l->event, w->base, l->fd, EV_READ | EV_PERSIST, on_accept, w);
	return event_add(&l->event, NULL);
}

/**
 * pairs_close() - end what pairs_open() began
 * @w: the worker
 */
void pairs_close(struct worker *w)
{
	if (w->pairs.fd < 0)
		return;
	if (event_initialized(&w->pairs.event))
		event_del(&w->pairs.event);
	close(w->pairs.fd);
	w->pairs.fd = -1;
}

/**
 * pair_start() - begin a connection
 * @p: gets its near end; pump_paired() is called when the far end is there as well
 *
 * Return: 0 or a negative errno.
 */
int pair_start(struct pump *p)
{
	const union address *to = &p->worker->pairs.address;

	p->near_fd = new_socket();
	if (p->near_fd < 0)
		return -errno;
	if (connect(p->near_fd, &to->sa, sizeof(to->in)) < 0 && errno != EINPROGRESS)
		return -errno;
	return own_address(p->near_fd, &p->near_address) < 0 ? -errno : 0;
}
