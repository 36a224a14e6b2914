// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where the authority's key comes from. The master opens the source while it may, and runs
 * the command for the passphrase; only the signer reads the key, and workers leave both
 * behind at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "kbumpd.h"

/* All rights but the owner's. */
#define OTHERS	0077

#define FILE_MAX	65536
/* A page: it can be locked, and taken out of a process, by itself. */
#define PASS_SIZE	4096

static int open_file(struct ca_key *k)
{
	struct stat st;

	k->fd = open(k->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (k->fd < 0 || fstat(k->fd, &st) < 0) {
		log_line("%s: %s", k->name, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		log_line("%s: not a regular file", k->name);
		return -1;
	}
	if (st.st_mode & OTHERS) {
		log_line("%s: others than its owner have access to the key (mode %04o): chmod 600",
			 k->name, (unsigned int)st.st_mode & 07777);
		return -1;
	}
	return 0;
}

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
	if (!ca_key_is_token(k) && open_file(k) < 0)
		return -1;
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

/* Tells an encrypted key from a damaged one: OpenSSL's errors do not. */
struct ask {
	const char *pass;
	bool asked;
};

static int give_pass(char *buf, int size, int writing, void *arg)
{
	struct ask *a = arg;
	int len = a->pass ? (int)strlen(a->pass) : -1;

	(void)writing;
	a->asked = true;
	if (len < 0 || len > size)
		return -1;
	memcpy(buf, a->pass, len);
	return len;
}

static EVP_PKEY *parse(const struct ca_key *k, const char *pem, int len)
{
	struct ask ask = { .pass = k->pass };
	BIO *bio = BIO_new_mem_buf(pem, len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_pass, &ask) : NULL;

	BIO_free(bio);
	if (key)
		return key;
	if (ask.asked && !k->pass)
		log_line("%s: the key is encrypted: --ca-pass-command is needed", k->name);
	else if (ask.asked)
		log_line("%s: the passphrase of --ca-pass-command does not fit", k->name);
	else
		log_line("%s: no private key in PEM form: %s", k->name, openssl_error());
	return NULL;
}

static EVP_PKEY *read_file(const struct ca_key *k)
{
	char *pem = OPENSSL_secure_malloc(FILE_MAX);
	EVP_PKEY *key = NULL;
	ssize_t len;

	if (!pem) {
		log_line("out of memory");
		return NULL;
	}
	/* The offset is shared with the signers that come after this one. */
	len = pread(k->fd, pem, FILE_MAX, 0);
	if (len < 0)
		log_line("%s: %s", k->name, strerror(errno));
	else if (len == FILE_MAX)
		log_line("%s: too large for a private key", k->name);
	else
		key = parse(k, pem, len);
	OPENSSL_secure_clear_free(pem, FILE_MAX);
	return key;
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
	return ca_key_is_token(k) ? pkcs11_key(k->name, k->pass) : read_file(k);
}
