// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The system calls that are left to a process that has all it needs. Any other ends it, and
 * the master says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kbumpd.h"

/* Memory, time, randomness, messages over what is open, and the end. */
static const int basic[] = {
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
	SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(write),
	SCMP_SYS(writev), SCMP_SYS(close),
};

/* TCP connections, netlink, the event loop, and reading what authorities are trusted. */
static const int serving[] = {
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(lseek),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(bind), SCMP_SYS(listen),
	SCMP_SYS(connect), SCMP_SYS(accept4), SCMP_SYS(shutdown), SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(fcntl),
	SCMP_SYS(rt_sigaction), SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(newfstatat),
	SCMP_SYS(getdents64), SCMP_SYS(sysinfo),
};

/* With a token the signer runs a vendor's library, of which no more is known than this. */
static const int not_even_with_token[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp), SCMP_SYS(pidfd_getfd), SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
	SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(unshare),
	SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(chroot),
	SCMP_SYS(pivot_root), SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setresuid),
	SCMP_SYS(setresgid), SCMP_SYS(setgroups), SCMP_SYS(capset), SCMP_SYS(personality),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load),
};

static int add_all(scmp_filter_ctx ctx, uint32_t action, const int *call, size_t count)
{
	size_t i;
	int err = 0;

	for (i = 0; i < count && !err; i++)
		err = seccomp_rule_add(ctx, action, call[i], 0);
	return err;
}

/* No memory becomes code. */
static int add_memory(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp no_code = SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_code);

	return err ? err : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_code);
}

/* The C library's abort(), so that a crash is seen as what it is. */
static int add_abort(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static int fill_both(scmp_filter_ctx ctx)
{
	int err = add_all(ctx, SCMP_ACT_ALLOW, basic, ARRAY_SIZE(basic));

	if (!err)
		err = add_memory(ctx);
	return err ? err : add_abort(ctx);
}

static int add_sockets(scmp_filter_ctx ctx)
{
	static const int families[] = { AF_INET, AF_INET6, AF_NETLINK };
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(families) && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0_32(SCMP_CMP_EQ, families[i]));
	return err;
}

static int add_reading(scmp_filter_ctx ctx)
{
	const unsigned int writing = O_ACCMODE | O_CREAT | O_TRUNC;

	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				SCMP_A2_32(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
}

static int fill_worker(scmp_filter_ctx ctx)
{
	int err = fill_both(ctx);

	if (!err)
		err = add_all(ctx, SCMP_ACT_ALLOW, serving, ARRAY_SIZE(serving));
	if (!err)
		err = add_sockets(ctx);
	return err ? err : add_reading(ctx);
}

static int fill_token(scmp_filter_ctx ctx)
{
	return add_all(ctx, SCMP_ACT_KILL_PROCESS, not_even_with_token,
		       ARRAY_SIZE(not_even_with_token));
}

static int install(uint32_t otherwise, int (*fill)(scmp_filter_ctx ctx))
{
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	int err = ctx ? 0 : -ENOMEM;

	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!err)
		err = fill(ctx);
	if (!err)
		err = seccomp_load(ctx);
	if (err)
		log_line("filter of system calls: %s", strerror(-err));
	seccomp_release(ctx);
	return err ? -1 : 0;
}

/**
 * filter_worker() - leave a worker what serving needs
 *
 * It can open no file but for reading, start no program, and trace or signal nobody.
 *
 * Return: 0, or -1 after it has said why.
 */
int filter_worker(void)
{
	return install(SCMP_ACT_KILL_PROCESS, fill_worker);
}

/**
 * filter_signer() - leave the signer what signing needs
 * @token: the key is in a token, whose library needs files, sockets or threads
 *
 * Without a token it can do nothing but hear requests, answer, and log.
 *
 * Return: 0, or -1 after it has said why.
 */
int filter_signer(bool token)
{
	return token ? install(SCMP_ACT_ALLOW, fill_token) :
		       install(SCMP_ACT_KILL_PROCESS, fill_both);
}
