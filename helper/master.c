// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The process that starts the signer and the workers, starts them anew when they crash, and
 * ends them. It keeps both ends of the socket pairs between them: a process that is started
 * anew finds its sockets as the one before has left them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kbumpd.h"
#include "signer.h"

/* Before a worker that crashed is started anew, twice as long each time. */
#define DELAY_MIN_MS	100
#define DELAY_MAX_MS	30000
/* Who lived as long as this did not crash for a lasting reason. */
#define HEALTHY_MS	60000
/* For all to end by themselves; longer than workers wait for handshakes. */
#define END_MS		10000

/**
 * struct slot - one process
 *
 * @name: of the process, with "kbumpd " before what it is
 * @pid: 0 while there is none
 * @started: when, in ms of now_ms()
 * @due: when it shall be started, if there is none
 * @delay: the latest one, in ms
 * @own_fd: a worker's end of its socket pair
 * @signer_fd: the signer's end
 */
struct slot {
	const char *name;
	pid_t pid;
	uint64_t started;
	uint64_t due;
	uint64_t delay;
	int own_fd;
	int signer_fd;
};

/* The first slot is the signer's; workers need it. */
#define SIGNER	0

/**
 * struct master - the process
 *
 * @setup: for its children
 * @slot: all processes
 * @slots: how many
 * @life_fd: open as long as the signer shall live
 * @signals: that are waited for
 */
struct master {
	const struct setup *setup;
	struct slot *slot;
	unsigned int slots;
	int life_fd;
	sigset_t signals;
};

static const char *what(const struct slot *s)
{
	return s->name + strlen("kbumpd ");
}

static int run_signer(const struct master *m, int life_fd, int ready_fd)
{
	int *fd = calloc(m->slots, sizeof(*fd));
	unsigned int i;
	int err;

	if (!fd) {
		log_line("out of memory");
		return -1;
	}
	key_log_close();
	close(m->life_fd);
	for (i = SIGNER + 1; i < m->slots; i++) {
		close(m->slot[i].own_fd);
		fd[i - 1] = m->slot[i].signer_fd;
	}
	err = signer_run(m->setup, fd, m->slots - 1, life_fd, ready_fd);
	free(fd);
	return err;
}

/* A worker must not get at the authority's key, nor at the requests of others. */
static int run_worker(const struct master *m, const struct slot *own, int ready_fd)
{
	unsigned int i;

	ca_key_leave(m->setup->ca_key);
	close(m->life_fd);
	for (i = SIGNER + 1; i < m->slots; i++) {
		close(m->slot[i].signer_fd);
		if (&m->slot[i] != own)
			close(m->slot[i].own_fd);
	}
	return worker_run(m->setup, own->own_fd, ready_fd);
}

static _Noreturn void child(const struct master *m, const struct slot *s, pid_t parent,
			    int life_fd, int ready_fd)
{
	int err;

	/* For those who look at a list of processes. */
	prctl(PR_SET_NAME, s->name);
	/* A master that is killed takes its children along. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	/* Until it can be heeded: what is read anew by then is what the master has. */
	signal(SIGHUP, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &m->signals, NULL);
	err = s == &m->slot[SIGNER] ? run_signer(m, life_fd, ready_fd) :
				      run_worker(m, s, ready_fd);
	_exit(err < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int new_pipe(int *fd)
{
	if (!pipe2(fd, O_CLOEXEC))
		return 0;
	log_line("pipe: %s", strerror(errno));
	return -1;
}

/* A pipe that the signer reads: it ends when all that may write to it is closed. */
static int new_life(struct master *m)
{
	int life[2];

	if (new_pipe(life) < 0)
		return -1;
	close(m->life_fd);
	m->life_fd = life[1];
	return life[0];
}

/* Returns when the process is ready, or, with -1, has failed and said why. */
static int fork_child(const struct master *m, struct slot *s, int life_fd)
{
	pid_t parent = getpid();
	int ready[2];
	ssize_t len;
	char byte;

	if (new_pipe(ready) < 0)
		return -1;
	s->pid = fork();
	if (!s->pid) {
		close(ready[0]);
		child(m, s, parent, life_fd, ready[1]);
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

static int start(struct master *m, struct slot *s)
{
	int err, life_fd;

	s->started = now_ms();
	if (s != &m->slot[SIGNER])
		return fork_child(m, s, -1);
	life_fd = new_life(m);
	if (life_fd < 0)
		return -1;
	err = fork_child(m, s, life_fd);
	close(life_fd);
	return err;
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

	for (i = 0; i < m->slots; i++) {
		struct slot *s = &m->slot[i];

		if (s->pid || s->due > now)
			continue;
		/* One that failed is reaped like one that crashed. */
		if (!start(m, s))
			log_line("a %s was started anew", what(s));
		else if (!s->pid)
			postpone(s);
	}
}

static void say_how(const struct slot *s, int status)
{
	if (!WIFSIGNALED(status))
		log_line("%s %d ended with status %d", what(s), (int)s->pid, WEXITSTATUS(status));
	else
		log_line("%s %d was ended by signal %d%s", what(s), (int)s->pid,
			 WTERMSIG(status),
			 WTERMSIG(status) == SIGSYS ? " (forbidden system call)" : "");
}

/* Collect those that ended; returns how many workers are left. */
static unsigned int reap(struct master *m, bool unexpected)
{
	unsigned int i, left = 0;
	int status;

	for (i = 0; i < m->slots; i++) {
		struct slot *s = &m->slot[i];

		if (s->pid && waitpid(s->pid, &status, WNOHANG) == s->pid) {
			if (unexpected || WIFSIGNALED(status))
				say_how(s, status);
			if (unexpected)
				postpone(s);
			s->pid = 0;
		}
		left += i != SIGNER && s->pid;
	}
	return left;
}

static void kill_workers(const struct master *m, int sig)
{
	unsigned int i;

	for (i = SIGNER + 1; i < m->slots; i++)
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

/* The signer goes last: workers that finish their handshakes need it. */
static void stop_all(struct master *m)
{
	struct slot *signer = &m->slot[SIGNER];
	uint64_t until = now_ms() + END_MS;

	kill_workers(m, SIGTERM);
	while (reap(m, false) && now_ms() < until)
		wait_signal(m, until);
	kill_workers(m, SIGKILL);
	close(m->life_fd);
	while (signer->pid && now_ms() < until) {
		wait_signal(m, until);
		reap(m, false);
	}
	if (signer->pid)
		kill(signer->pid, SIGKILL);
}

static uint64_t next_due(const struct master *m)
{
	uint64_t due = tickets_due(m->setup->tickets);
	unsigned int i;

	for (i = 0; i < m->slots; i++)
		if (!m->slot[i].pid && m->slot[i].due < due)
			due = m->slot[i].due;
	return due;
}

/* For workers to come as well; those that are there read it themselves. */
static void reload(const struct master *m)
{
	if (trust_load(m->setup->trust) < 0) {
		log_line("the trusted certificates and revocation lists stay as they were");
		return;
	}
	kill_workers(m, SIGHUP);
	log_line("trusted certificates and revocation lists are read anew");
}

static void supervise(struct master *m)
{
	int sig;

	do {
		reap(m, true);
		restart_due(m);
		tickets_rotate(m->setup->tickets);
		sig = wait_signal(m, next_due(m));
		if (sig == SIGHUP)
			reload(m);
	} while (sig != SIGTERM && sig != SIGINT);
}

static int start_all(struct master *m)
{
	unsigned int i;

	for (i = 0; i < m->slots; i++)
		if (start(m, &m->slot[i]) < 0)
			return -1;
	return 0;
}

/* Room for the largest messages that may be on their way; the system's limit may be lower. */
static int new_pair(int *pair)
{
	int size = SIGN_WINDOW * sizeof(struct sign_answer), i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		log_line("socket pair: %s", strerror(errno));
		return -1;
	}
	for (i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

static int open_slots(struct master *m)
{
	unsigned int i;
	int pair[2];

	m->slot = calloc(m->slots, sizeof(*m->slot));
	if (!m->slot) {
		log_line("out of memory");
		return -1;
	}
	m->slot[SIGNER].name = "kbumpd signer";
	for (i = SIGNER + 1; i < m->slots; i++) {
		if (new_pair(pair) < 0)
			return -1;
		m->slot[i].name = "kbumpd worker";
		m->slot[i].own_fd = pair[0];
		m->slot[i].signer_fd = pair[1];
	}
	return 0;
}

static void catch_signals(struct master *m)
{
	signal(SIGPIPE, SIG_IGN);
	/* Inherited as ignored, it would hide the children's ends. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&m->signals);
	sigaddset(&m->signals, SIGTERM);
	sigaddset(&m->signals, SIGINT);
	sigaddset(&m->signals, SIGHUP);
	sigaddset(&m->signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &m->signals, NULL);
}

/**
 * master_run() - serve with a signer and workers until SIGTERM or SIGINT; SIGHUP reloads
 * @setup: for them
 * @workers: how many
 *
 * Return: 0, or -1 if not all of them could be started, after it was said why.
 */
int master_run(const struct setup *setup, unsigned int workers)
{
	struct master m = { .setup = setup, .slots = SIGNER + 1 + workers, .life_fd = -1 };
	int err;

	catch_signals(&m);
	if (open_slots(&m) < 0)
		return -1;
	err = start_all(&m);
	if (!err) {
		log_line("ready");
		supervise(&m);
	}
	stop_all(&m);
	free(m.slot);
	return err;
}
