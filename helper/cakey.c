// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where the authority's key comes from. The master opens the source while it may, and runs
 * the command for the passphrase; only the signer reads the key, and workers leave both
 * behind at once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "kbumpd.h"

/* A page: it can be locked, and taken out of a process, by itself. */
#define PASS_SIZE	4096

static char *locked_page(void)
{
	char *page = mmap(NULL, PASS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	mlock(page, PASS_SIZE);
	madvise(page, PASS_SIZE, MADV_DONTDUMP);
	return page;
}

/* No buffer of stdio, which nobody would wipe. Reads on to the end, or the command might fail. */
static bool read_line(int fd, char *line)
{
	size_t len = 0;
	bool more = true;
	char byte;

	while (read(fd, &byte, 1) == 1) {
		more = more && byte != '\n';
		if (more && len < PASS_SIZE - 1)
			line[len++] = byte;
		else if (more)
			len = PASS_SIZE;
	}
	OPENSSL_cleanse(&byte, 1);
	line[len < PASS_SIZE ? len : 0] = '\0';
	return len && len < PASS_SIZE;
}

static int run_pass_command(struct ca_key *k, const char *command)
{
	FILE *f;
	bool got;
	int status;

	k->pass = locked_page();
	f = k->pass ? popen(command, "re") : NULL;
	if (!f) {
		log_line("--ca-pass-command: %s", strerror(errno));
		return -1;
	}
	got = read_line(fileno(f), k->pass);
	status = pclose(f);
	if (status) {
		log_line("--ca-pass-command: the command ended with %s %d",
			 WIFEXITED(status) ? "status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		return -1;
	}
	if (!got)
		log_line("--ca-pass-command: its first line is empty or too long");
	return got ? 0 : -1;
}

/**
 * ca_key_open() - make ready what the signer will need to get the key
 * @k: filled in
 * @name: file in PEM form that only its owner has access to, or a "pkcs11:" URI
 * @pass_command: for the shell; the first line that it prints is the passphrase of the file
 *	or the PIN of the token; NULL if there is none
 *
 * Context: the master, with all of its privileges.
 * Return: 0, or -1 after it has said why.
 */
int ca_key_open(struct ca_key *k, const char *name, const char *pass_command)
{
	k->name = name;
	k->fd = -1;
	k->pass = NULL;
	if (!ca_key_is_token(k)) {
		k->fd = key_file_open(name);
		if (k->fd < 0)
			return -1;
	}
	return pass_command ? run_pass_command(k, pass_command) : 0;
}

/**
 * ca_key_is_token() - is the key in a token, and not in a file?
 * @k: the source
 *
 * Return: true for a URI of PKCS #11 (RFC 7512).
 */
bool ca_key_is_token(const struct ca_key *k)
{
	return !strncmp(k->name, "pkcs11:", 7);
}

/**
 * ca_key_leave() - let go of the source
 * @k: from ca_key_open(); a copy that another process has stays as it is
 */
void ca_key_leave(struct ca_key *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	if (k->pass) {
		OPENSSL_cleanse(k->pass, PASS_SIZE);
		munmap(k->pass, PASS_SIZE);
	}
	k->pass = NULL;
}

/**
 * ca_key_load() - read the key, or find it in its token
 * @k: from ca_key_open()
 *
 * Context: the signer.
 * Return: the key, or NULL after it has said why.
 */
EVP_PKEY *ca_key_load(const struct ca_key *k)
{
	ERR_clear_error();
	return ca_key_is_token(k) ? pkcs11_key(k->name, k->pass) :
				    key_file_read(k->fd, k->name, k->pass);
}
