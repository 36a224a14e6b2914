// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The process that starts the workers, starts them anew when they crash, and ends them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kbumpd.h"

/* Before a worker that crashed is started anew, twice as long each time. */
#define DELAY_MIN_MS	100
#define DELAY_MAX_MS	30000
/* Who lived as long as this did not crash for a lasting reason. */
#define HEALTHY_MS	60000
/* For the workers to end by themselves; longer than they wait for handshakes. */
#define END_MS		10000

/**
 * struct slot - one worker process
 *
 * @pid: 0 while there is none
 * @started: when, in ms of now_ms()
 * @due: when it shall be started, if there is none
 * @delay: the latest one, in ms
 */
struct slot {
	pid_t pid;
	uint64_t started;
	uint64_t due;
	uint64_t delay;
};

struct master {
	const struct setup *setup;
	struct slot *slot;
	unsigned int workers;
	sigset_t signals;
};

static _Noreturn void child(const struct master *m, pid_t parent, int ready_fd)
{
	/* A master that is killed takes its workers along. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	sigprocmask(SIG_UNBLOCK, &m->signals, NULL);
	confine_worker();
	_exit(worker_run(m->setup, ready_fd) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Returns when the worker is registered, or, with -1, has failed to and said why. */
static int start(const struct master *m, struct slot *s)
{
	pid_t parent = getpid();
	int ready[2];
	ssize_t len;
	char byte;

	if (pipe(ready) < 0) {
		log_line("pipe: %s", strerror(errno));
		return -1;
	}
	s->started = now_ms();
	s->pid = fork();
	if (!s->pid) {
		close(ready[0]);
		child(m, parent, ready[1]);
	}
	close(ready[1]);
	if (s->pid < 0) {
		log_line("fork: %s", strerror(errno));
		s->pid = 0;
	}
	len = read(ready[0], &byte, 1);
	close(ready[0]);
	return len == 1 ? 0 : -1;
}

static void postpone(struct slot *s)
{
	uint64_t now = now_ms();

	if (!s->delay || now - s->started >= HEALTHY_MS)
		s->delay = DELAY_MIN_MS;
	else
		s->delay = s->delay * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : s->delay * 2;
	s->due = now + s->delay;
}

static void restart_due(struct master *m)
{
	uint64_t now = now_ms();
	unsigned int i;

	for (i = 0; i < m->workers; i++) {
		struct slot *s = &m->slot[i];

		if (s->pid || s->due > now)
			continue;
		/* One that failed is reaped like one that crashed. */
		if (!start(m, s))
			log_line("a worker was started anew");
		else if (!s->pid)
			postpone(s);
	}
}

static void say_how(pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		log_line("worker %d was ended by signal %d", (int)pid, WTERMSIG(status));
	else
		log_line("worker %d ended with status %d", (int)pid, WEXITSTATUS(status));
}

/* Collect those that ended; returns how many are left. */
static unsigned int reap(struct master *m, bool unexpected)
{
	unsigned int i, left = 0;
	int status;

	for (i = 0; i < m->workers; i++) {
		struct slot *s = &m->slot[i];

		if (s->pid && waitpid(s->pid, &status, WNOHANG) == s->pid) {
			if (unexpected) {
				say_how(s->pid, status);
				postpone(s);
			}
			s->pid = 0;
		}
		left += s->pid != 0;
	}
	return left;
}

static void kill_all(const struct master *m, int sig)
{
	unsigned int i;

	for (i = 0; i < m->workers; i++)
		if (m->slot[i].pid)
			kill(m->slot[i].pid, sig);
}

/* Wait for a signal, at most to @until; returns its number or 0. */
static int wait_signal(const struct master *m, uint64_t until)
{
	uint64_t now = now_ms(), ms = until > now ? until - now : 0;
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	int sig = sigtimedwait(&m->signals, NULL, until == UINT64_MAX ? NULL : &t);

	return sig > 0 ? sig : 0;
}

static void stop_all(struct master *m)
{
	uint64_t until = now_ms() + END_MS;

	kill_all(m, SIGTERM);
	while (reap(m, false) && now_ms() < until)
		wait_signal(m, until);
	kill_all(m, SIGKILL);
}

static uint64_t next_due(const struct master *m)
{
	uint64_t due = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < m->workers; i++)
		if (!m->slot[i].pid && m->slot[i].due < due)
			due = m->slot[i].due;
	return due;
}

static void supervise(struct master *m)
{
	int sig;

	do {
		reap(m, true);
		restart_due(m);
		sig = wait_signal(m, next_due(m));
	} while (sig != SIGTERM && sig != SIGINT);
}

static int start_all(struct master *m)
{
	unsigned int i;

	for (i = 0; i < m->workers; i++)
		if (start(m, &m->slot[i]) < 0)
			return -1;
	return 0;
}

/**
 * master_run() - serve with a number of workers until SIGTERM or SIGINT
 * @setup: for the workers
 * @workers: how many
 *
 * Return: 0, or -1 if not all of them could be started, after it was said why.
 */
int master_run(const struct setup *setup, unsigned int workers)
{
	struct master m = { .setup = setup, .workers = workers };
	int err;

	m.slot = calloc(workers, sizeof(*m.slot));
	if (!m.slot) {
		log_line("out of memory");
		return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	/* Inherited as ignored, it would hide the workers' ends. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&m.signals);
	sigaddset(&m.signals, SIGTERM);
	sigaddset(&m.signals, SIGINT);
	sigaddset(&m.signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &m.signals, NULL);

	err = start_all(&m);
	if (!err) {
		log_line("ready");
		supervise(&m);
	}
	stop_all(&m);
	free(m.slot);
	return err;
}
