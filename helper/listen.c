// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sockets on which steered connections arrive. They are bound to loopback addresses,
 * where no packet from the network can reach them; the kernel module gives each steered
 * SYN to them by hand, and so they must be transparent. Each VRF has its own: what is accepted
 * is bound to the device that the listening socket is bound to, and follows its routes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kbumpd.h"

#define BACKLOG		4096
/* VRFs of which connections are taken. */
#define VRFS_MAX	256
/* Connections for which there is always to be room. */
#define LIMIT_MIN	16
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

static int bind_to_vrf(const struct listener *l)
{
	if (!l->vrf)
		return 0;
	return setsockopt(l->fd, SOL_SOCKET, SO_BINDTOIFINDEX, &l->vrf, sizeof(l->vrf));
}

static int bind_and_listen(struct listener *l, int family)
{
	socklen_t len = sizeof(l->address);

	if (transparent(l->fd, family) < 0)
		return -1;
	loopback(&l->address, family);
	/* To its VRF last: one that vanishes between bind() and listen() confuses the kernel. */
	if (bind(l->fd, &l->address.sa, address_length(&l->address)) < 0 ||
	    listen(l->fd, BACKLOG) < 0 || bind_to_vrf(l) < 0)
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
	struct listener *l = arg;
	struct worker *w = l->worker;
	int i, conn_fd;

	(void)what;
	for (i = 0; i < BATCH && w->count < w->limit; i++) {
		conn_fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn_fd >= 0)
			conn_accepted(l, conn_fd);
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

static void say_why(const struct listener *l, int family)
{
	char version = family == AF_INET ? '4' : '6';
	int err = errno;

	if (l->vrf)
		log_line("listening socket for IPv%c of VRF %d: %s", version, l->vrf,
			 strerror(err));
	else
		log_line("listening socket for IPv%c: %s", version, strerror(err));
}

static int open_one(struct listener *l, int family)
{
	l->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (l->fd < 0 && errno == EAFNOSUPPORT)
		return 0;
	if (l->fd < 0 || bind_and_listen(l, family) < 0) {
		say_why(l, family);
		return -1;
	}
	event_assign(&l->event, l->worker->base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
	return l->worker->accepting ? event_add(&l->event, NULL) : 0;
}

static void close_one(struct listener *l)
{
	if (l->fd < 0)
		return;
	if (event_initialized(&l->event))
		event_del(&l->event);
	close(l->fd);
}

static void vrf_free(struct vrf *v)
{
	close_one(&v->listener[0]);
	close_one(&v->listener[1]);
	LIST_REMOVE(v, link);
	free(v);
}

static struct vrf *vrf_new(struct worker *w, int index)
{
	struct vrf *v = calloc(1, sizeof(*v));
	int i;

	if (!v) {
		log_line("out of memory");
		return NULL;
	}
	for (i = 0; i < LISTENERS; i++) {
		v->listener[i].worker = w;
		v->listener[i].vrf = index;
		v->listener[i].fd = -1;
	}
	v->there = true;
	LIST_INSERT_HEAD(&w->vrfs, v, link);
	if (!open_one(&v->listener[0], AF_INET) && !open_one(&v->listener[1], AF_INET6))
		return v;
	vrf_free(v);
	return NULL;
}

static struct vrf *vrf_find(const struct worker *w, int index)
{
	struct vrf *v;

	LIST_FOREACH(v, &w->vrfs, link)
		if (v->listener[0].vrf == index)
			return v;
	return NULL;
}

static int vrf_register(struct worker *w, const struct vrf *v)
{
	return kernel_helper_set(w->kernel, v->listener[0].fd, v->listener[1].fd);
}

/**
 * listeners_open() - make the listening sockets for clients in no VRF, and wait on them
 * @w: the worker
 *
 * Return: 0, or -1 after it has said why.
 */
int listeners_open(struct worker *w)
{
	evtimer_assign(&w->resume, w->base, on_resume, w);
	w->no_vrf = vrf_new(w, 0);
	if (!w->no_vrf)
		return -1;
	if (w->no_vrf->listener[0].fd < 0 && w->no_vrf->listener[1].fd < 0) {
		log_line("neither IPv4 nor IPv6 is there");
		return -1;
	}
	listeners_set(w);
	return 0;
}

/**
 * listeners_register() - register the worker with the kernel, to be given connections
 * @w: the worker
 *
 * Return: 0 or a negative errno.
 */
int listeners_register(struct worker *w)
{
	const struct listener *own = w->no_vrf->listener;
	int err = kernel_helper_add(w->kernel, own[0].fd, own[1].fd);
	const struct vrf *v;

	w->registered = !err;
	LIST_FOREACH(v, &w->vrfs, link)
		if (!err && v != w->no_vrf)
			err = vrf_register(w, v);
	return err;
}

/**
 * vrf_add() - accept connections of a VRF's clients
 * @w: the worker
 * @index: of the VRF's device
 *
 * Nothing is done if it is known. Its connections are as those without a helper if it fails.
 */
void vrf_add(struct worker *w, int index)
{
	struct vrf *v = vrf_find(w, index);

	if (v) {
		v->there = true;
		return;
	}
	if (w->vrf_count >= VRFS_MAX || w->limit <= LIMIT_MIN)
		return log_line("VRF %d: one too many after %u", index, w->vrf_count);
	v = vrf_new(w, index);
	if (!v)
		return;
	w->vrf_count++;
	/* Its two sockets take the place of a connection's. */
	w->limit--;
	listeners_set(w);
	if (w->registered && vrf_register(w, v) < 0)
		log_line("VRF %d: the kernel refused its sockets: %s", index,
			 kernel_error(w->kernel));
}

static void drop(struct worker *w, struct vrf *v)
{
	vrf_free(v);
	w->vrf_count--;
	w->limit++;
	listeners_set(w);
}

/**
 * vrf_drop() - a VRF is no more
 * @w: the worker
 * @index: of what was a VRF's device, or another one
 */
void vrf_drop(struct worker *w, int index)
{
	struct vrf *v = vrf_find(w, index);

	if (v && v != w->no_vrf)
		drop(w, v);
}

/**
 * vrfs_unseen() - all VRFs will be added again, or are gone
 * @w: the worker
 */
void vrfs_unseen(struct worker *w)
{
	struct vrf *v;

	LIST_FOREACH(v, &w->vrfs, link)
		v->there = v == w->no_vrf;
}

/**
 * vrfs_drop_unseen() - those that were not added since vrfs_unseen() are gone
 * @w: the worker
 */
void vrfs_drop_unseen(struct worker *w)
{
	struct vrf *v, *next;

	for (v = LIST_FIRST(&w->vrfs); v; v = next) {
		next = LIST_NEXT(v, link);
		if (!v->there)
			drop(w, v);
	}
}

static void set_one(const struct worker *w, struct listener *l)
{
	if (l->fd < 0)
		return;
	if (w->accepting)
		event_add(&l->event, NULL);
	else
		event_del(&l->event);
}

/**
 * listeners_set() - accept connections, or let them wait when there are too many
 * @w: the worker
 */
void listeners_set(struct worker *w)
{
	bool want = w->count < w->limit && !w->starved;
	struct vrf *v;

	if (want == w->accepting)
		return;
	w->accepting = want;
	LIST_FOREACH(v, &w->vrfs, link) {
		set_one(w, &v->listener[0]);
		set_one(w, &v->listener[1]);
	}
}

/**
 * listeners_close() - close the listening sockets
 * @w: the worker; it need not have any
 */
void listeners_close(struct worker *w)
{
	while (!LIST_EMPTY(&w->vrfs))
		vrf_free(LIST_FIRST(&w->vrfs));
	if (event_initialized(&w->resume))
		evtimer_del(&w->resume);
}
