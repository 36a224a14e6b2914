// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A worker process: its event loop, and its end. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kbumpd.h"

/* Handshakes in progress in one worker; some 100 KiB each at most. */
#define CONNS_MAX	4096
/* Descriptors for other things than connections, which need two each. */
#define FILES_SPARE	64

/* After a request to end: time for handshakes to finish, looked at so often. */
#define ENDING_MS	3000
#define ENDING_TICK_MS	100

static unsigned int conn_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur < 2 * FILES_SPARE)
		return FILES_SPARE / 2;
	if ((files.rlim_cur - FILES_SPARE) / 2 > CONNS_MAX)
		return CONNS_MAX;
	return (files.rlim_cur - FILES_SPARE) / 2;
}

static void tick(struct worker *w)
{
	struct timeval t = ms_to_timeval(ENDING_TICK_MS);

	evtimer_add(&w->ending, &t);
}

/* The first look comes a tick late, so that a connection on its way to us is seen. */
static void on_ending(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (LIST_EMPTY(&w->conns) || now_ms() >= w->ends_at)
		event_base_loopbreak(w->base);
	else
		tick(w);
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct worker *w = arg;

	(void)sig;
	(void)what;
	if (w->ends_at)
		return;
	w->ends_at = now_ms() + ENDING_MS;
	/* From here on the kernel steers new flows elsewhere. */
	if (kernel_helper_del(w->kernel) < 0)
		log_line("cannot withdraw: %s", kernel_error(w->kernel));
	tick(w);
}

/* The master could read it a moment ago; the error, if there is one, is logged. */
static void on_reload(evutil_socket_t sig, short what, void *arg)
{
	struct worker *w = arg;

	(void)sig;
	(void)what;
	if (!trust_load(w->setup->trust))
		sessions_drop(w->sessions);
}

/**
 * worker_conn_gone() - a connection of the worker has ended, there is room for another
 * @w: the worker
 */
void worker_conn_gone(struct worker *w)
{
	w->count--;
	listeners_set(w);
}

static int register_worker(struct worker *w)
{
	if (!listeners_register(w))
		return 0;
	log_line("the kernel refused the helper: %s", kernel_error(w->kernel));
	return -1;
}

static void fail(struct worker *w)
{
	w->failed = true;
	event_base_loopbreak(w->base);
}

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	switch (kernel_news(w->kernel)) {
	case KERNEL_SAME:
		return;
	case KERNEL_GONE:
		w->registered = false;
		return log_line("the kbump module was unloaded; the worker waits for it");
	case KERNEL_UNKNOWN:
		log_line("news of the kbump module were lost: the worker ends");
		return fail(w);
	case KERNEL_NEW:
		if (w->ends_at)
			return;
		if (register_worker(w) < 0)
			return fail(w);
		log_line("the kbump module is back; the worker is registered anew");
	}
}

static int open_all(struct worker *w)
{
	w->limit = conn_limit();
	w->base = event_base_new();
	w->forge = w->base ? forge_new(w->base, w->signer_fd) : NULL;
	w->sessions = w->base ? sessions_new(w->base) : NULL;
	if (!w->base || !w->forge || !w->sessions) {
		log_line("cannot start a worker: %s", openssl_error());
		return -1;
	}
	w->kernel = kernel_open();
	if (!w->kernel || listeners_open(w) < 0 || links_open(w) < 0 || pairs_open(w) < 0)
		return -1;
	event_assign(&w->news, w->base, kernel_watch_fd(w->kernel), EV_READ | EV_PERSIST, on_news,
		     w);
	if (filter_worker() < 0)
		return -1;
	return register_worker(w);
}

static int loop(struct worker *w, int ready_fd)
{
	struct event term, intr, hup;
	int err;

	evtimer_assign(&w->ending, w->base, on_ending, w);
	evsignal_assign(&term, w->base, SIGTERM, on_signal, w);
	evsignal_assign(&intr, w->base, SIGINT, on_signal, w);
	evsignal_assign(&hup, w->base, SIGHUP, on_reload, w);
	if (evsignal_add(&term, NULL) < 0 || evsignal_add(&intr, NULL) < 0 ||
	    event_add(&w->news, NULL) < 0 || evsignal_add(&hup, NULL) < 0 ||
	    write(ready_fd, "", 1) != 1) {
		log_line("cannot start the event loop");
		return -1;
	}
	close(ready_fd);
	err = event_base_dispatch(w->base);
	while (!LIST_EMPTY(&w->conns))
		conn_reset(LIST_FIRST(&w->conns), KBUMP_REASON_INTERNAL, "the helper ends");
	pumps_end(w);
	event_del(&w->news);
	evtimer_del(&w->ending);
	evsignal_del(&term);
	evsignal_del(&intr);
	evsignal_del(&hup);
	return w->failed ? -1 : err;
}

static void close_all(struct worker *w)
{
	links_close(w);
	listeners_close(w);
	pairs_close(w);
	if (w->kernel)
		kernel_close(w->kernel);
	if (w->forge)
		forge_free(w->forge);
	if (w->sessions)
		sessions_free(w->sessions);
	if (w->base)
		event_base_free(w->base);
}

/**
 * worker_run() - serve until SIGTERM or SIGINT
 * @setup: from the master
 * @signer_fd: to the signer
 * @ready_fd: gets one byte when the worker is registered with the kernel
 *
 * Return: 0, or -1 after it has said why.
 */
int worker_run(const struct setup *setup, int signer_fd, int ready_fd)
{
	struct worker *w = calloc(1, sizeof(*w));
	int err;

	if (!w) {
		log_line("out of memory");
		return -1;
	}
	w->setup = setup;
	w->signer_fd = signer_fd;
	w->pairs.fd = -1;
	LIST_INIT(&w->vrfs);
	LIST_INIT(&w->conns);
	LIST_INIT(&w->pairing);
	LIST_INIT(&w->pumps);
	err = confine_worker();
	if (!err)
		err = open_all(w);
	if (!err)
		err = loop(w, ready_fd);
	close_all(w);
	free(w);
	return err;
}
