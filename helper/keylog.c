// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The secrets of both legs in a file, in the form of SSLKEYLOGFILE, where somebody asks for it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kbumpd.h"

/* All rights but the owner's. */
#define OTHERS	0077

/* All workers append to it. */
static int key_log = -1;

static int check(int fd, const char *name)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		log_line("--key-log %s: %s", name, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & OTHERS)) {
		log_line("--key-log %s: not a file that its owner alone has access to", name);
		return -1;
	}
	return 0;
}

/**
 * key_log_open() - begin to write all secrets down
 * @name: file, which is made if there is none, and appended to if there is one
 *
 * Context: the master, with the rights of the one who asks for it.
 * Return: 0, or -1 after it has said why.
 */
int key_log_open(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      0600);

	if (fd < 0) {
		log_line("--key-log %s: %s", name, strerror(errno));
		return -1;
	}
	if (check(fd, name) < 0) {
		close(fd);
		return -1;
	}
	key_log = fd;
	log_line("WARNING: the secrets of ALL connections are written to %s", name);
	return 0;
}

/**
 * key_log_close() - this process writes nothing down
 */
void key_log_close(void)
{
	if (key_log >= 0)
		close(key_log);
	key_log = -1;
}

/**
 * key_log_line() - write a secret down, if somebody has asked for it
 * @line: label, client random and secret, parted by spaces
 */
void key_log_line(const char *line)
{
	struct iovec v[2] = { { .iov_len = strlen(line) }, { .iov_len = 1 } };
	static bool failed;

	if (key_log < 0)
		return;
	/* writev() only reads them, but takes them without const. One call: a line stays whole. */
	v[0].iov_base = (void *)(uintptr_t)line;
	v[1].iov_base = (void *)(uintptr_t)"\n";
	if (writev(key_log, v, 2) < 0 && !failed) {
		log_line("--key-log: %s", strerror(errno));
		failed = true;
	}
}
