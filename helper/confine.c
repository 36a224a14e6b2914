// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the daemon gives up before it meets the first byte from the network: every
 * capability but CAP_NET_ADMIN, the way to get others, and all means by which the keys
 * in its memory could reach a disk.
 */
#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "kbumpd.h"

static int failed(const char *what)
{
	log_line("%s: %s", what, strerror(errno));
	return -1;
}

static void raise_limits(void)
{
	const struct rlimit none = { 0, 0 };
	const struct rlimit infinite = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit files;

	setrlimit(RLIMIT_CORE, &none);
	/* Not allowed to all: confine_worker() looks at what came of it. */
	setrlimit(RLIMIT_MEMLOCK, &infinite);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void drop_bounding_set(void)
{
	cap_value_t cap;

	/* Needs CAP_SETPCAP. Without it no_new_privs still keeps what is gone away. */
	for (cap = 0; cap <= cap_max_bits(); cap++)
		if (cap != CAP_NET_ADMIN)
			cap_drop_bound(cap);
}

static int keep_net_admin(void)
{
	static const cap_value_t net_admin = CAP_NET_ADMIN;
	cap_t caps = cap_init();
	int err;

	if (!caps)
		return failed("capabilities");
	err = cap_set_flag(caps, CAP_PERMITTED, 1, &net_admin, CAP_SET) ||
	      cap_set_flag(caps, CAP_EFFECTIVE, 1, &net_admin, CAP_SET) ||
	      cap_set_proc(caps);
	cap_free(caps);
	if (err && errno == EPERM) {
		log_line("permission denied: CAP_NET_ADMIN is needed");
		return -1;
	}
	return err ? failed("capabilities") : 0;
}

/**
 * confine() - give up what is not needed; children inherit it
 *
 * Return: 0, or -1 after it has said why.
 */
int confine(void)
{
	raise_limits();
	drop_bounding_set();
	if (keep_net_admin() < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed("PR_SET_NO_NEW_PRIVS");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return failed("PR_SET_DUMPABLE");
	confine_worker();
	return 0;
}

/**
 * confine_worker() - the part that children do not inherit: memory stays off the swap
 *
 * Only where there is no limit: memory allocation would fail at it later on.
 */
void confine_worker(void)
{
	struct rlimit lock;

	if (!getrlimit(RLIMIT_MEMLOCK, &lock) && lock.rlim_cur == RLIM_INFINITY)
		mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}
