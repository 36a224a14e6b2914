// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the daemon gives up before it meets the first byte from the network: the user it was
 * started by, every capability but two, the way to get others, and all means by which the
 * keys in its memory could reach a disk.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kbumpd.h"

/* Who it becomes where nobody says: the first that the system knows. */
#define USER_OWN	"kbumpd"
#define USER_LAST	"nobody"

/*
 * CAP_NET_ADMIN: to be a helper, and for sockets with foreign addresses.
 * CAP_NET_BIND_SERVICE: to keep a client's port below 1024; it does without.
 */
static const cap_value_t kept[] = { CAP_NET_ADMIN, CAP_NET_BIND_SERVICE };

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
	/* Not allowed to all: lock_memory() looks at what came of it. */
	setrlimit(RLIMIT_MEMLOCK, &infinite);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static bool is_kept(cap_value_t cap)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kept); i++)
		if (kept[i] == cap)
			return true;
	return false;
}

static void drop_bounding_set(void)
{
	cap_value_t cap;

	/* Needs CAP_SETPCAP. Without it no_new_privs still keeps what is gone away. */
	for (cap = 0; cap <= cap_max_bits(); cap++)
		if (!is_kept(cap))
			cap_drop_bound(cap);
}

static const struct passwd *find_user(const char *name)
{
	const struct passwd *user = getpwnam(name ? name : USER_OWN);

	if (!user && name)
		log_line("--user %s: no such user", name);
	if (user || name)
		return user;
	user = getpwnam(USER_LAST);
	if (user)
		log_line("there is no user " USER_OWN ": this runs as " USER_LAST
			 "; a user of its own is safer (--user)");
	else
		log_line("there is neither a user " USER_OWN " nor " USER_LAST
			 ": --user is needed");
	return user;
}

static int switch_user(const struct passwd *user)
{
	/* Some tokens may only be used by members of a group. */
	if (initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0) {
		log_line("cannot become user %s: %s", user->pw_name, strerror(errno));
		return -1;
	}
	return 0;
}

static int become(const char *name)
{
	const struct passwd *user;

	/* Started by an unprivileged user, it stays that unless it is told otherwise. */
	if (!name && geteuid())
		return 0;
	user = find_user(name);
	if (!user)
		return -1;
	if (!user->pw_uid) {
		log_line("--user %s: this user is the superuser", name);
		return -1;
	}
	if (geteuid() == user->pw_uid)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return failed("PR_SET_KEEPCAPS");
	return switch_user(user);
}

/* Keeps of the kept ones what is permitted, in effect or not. */
static int set_capabilities(bool effective)
{
	cap_t now = cap_get_proc(), next = cap_init();
	cap_flag_value_t has;
	int err = now && next ? 0 : -1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kept) && !err; i++) {
		err = cap_get_flag(now, kept[i], CAP_PERMITTED, &has);
		if (err || has == CAP_CLEAR)
			continue;
		err = cap_set_flag(next, CAP_PERMITTED, 1, &kept[i], CAP_SET);
		if (!err && effective)
			err = cap_set_flag(next, CAP_EFFECTIVE, 1, &kept[i], CAP_SET);
	}
	if (!err)
		err = cap_set_proc(next);
	cap_free(now);
	cap_free(next);
	return err ? failed("capabilities") : 0;
}

static bool may_serve(void)
{
	cap_flag_value_t has = CAP_CLEAR;
	cap_t now = cap_get_proc();

	if (now)
		cap_get_flag(now, CAP_NET_ADMIN, CAP_PERMITTED, &has);
	cap_free(now);
	return has == CAP_SET;
}

/**
 * confine() - give up what the master and its children do not need
 * @user: whom to become; NULL: "kbumpd" or, if there is none, "nobody"
 *
 * Capabilities are kept for the workers, but not in effect.
 *
 * Return: 0, or -1 after it has said why.
 */
int confine(const char *user)
{
	if (!may_serve()) {
		log_line("permission denied: CAP_NET_ADMIN is needed");
		return -1;
	}
	raise_limits();
	drop_bounding_set();
	if (become(user) < 0 || set_capabilities(false) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed("PR_SET_NO_NEW_PRIVS");
	/* After the change of the user, which sets it anew. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return failed("PR_SET_DUMPABLE");
	return 0;
}

/* Only where there is no limit: memory allocation would fail at it later on. */
static void lock_memory(void)
{
	struct rlimit lock;

	if (!getrlimit(RLIMIT_MEMLOCK, &lock) && lock.rlim_cur == RLIM_INFINITY)
		mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

/**
 * confine_worker() - what a worker keeps is in effect; its memory stays off the swap
 *
 * Return: 0, or -1 after it has said why.
 */
int confine_worker(void)
{
	lock_memory();
	return set_capabilities(true);
}

/**
 * confine_signer() - the signer keeps no capability; its memory stays off the swap
 *
 * Return: 0, or -1 after it has said why.
 */
int confine_signer(void)
{
	cap_t none = cap_init();
	int err = none ? cap_set_proc(none) : -1;

	cap_free(none);
	lock_memory();
	return err ? failed("capabilities") : 0;
}
