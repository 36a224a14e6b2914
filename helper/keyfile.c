// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Private keys in files: only for their owner, and nothing of them in memory that is not wiped. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "kbumpd.h"

/* All rights but the owner's. */
#define OTHERS	0077

#define FILE_MAX	65536

static int check(int fd, const char *name)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		log_line("%s: %s", name, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		log_line("%s: not a regular file", name);
		return -1;
	}
	if (st.st_mode & OTHERS) {
		log_line("%s: others than its owner have access to the key (mode %04o): chmod 600",
			 name, (unsigned int)st.st_mode & 07777);
		return -1;
	}
	return 0;
}

/**
 * key_file_open() - open the file of a private key
 * @name: the file
 *
 * Return: a descriptor, or -1 after it has said why: also when others may read it.
 */
int key_file_open(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (!check(fd, name))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
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

static EVP_PKEY *parse(const char *name, const char *pass, const char *pem, int len)
{
	struct ask ask = { .pass = pass };
	BIO *bio = BIO_new_mem_buf(pem, len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_pass, &ask) : NULL;

	BIO_free(bio);
	if (key)
		return key;
	if (ask.asked && !pass)
		log_line("%s: the key is encrypted, and no passphrase is given", name);
	else if (ask.asked)
		log_line("%s: the passphrase of --ca-pass-command does not fit", name);
	else
		log_line("%s: no private key in PEM form: %s", name, openssl_error());
	return NULL;
}

/**
 * key_file_read() - read a private key
 * @fd: from key_file_open(); may be shared, its offset is not used
 * @name: the file's, for messages
 * @pass: passphrase, or NULL
 *
 * Return: the key, or NULL after it has said why.
 */
EVP_PKEY *key_file_read(int fd, const char *name, const char *pass)
{
	char *pem = OPENSSL_secure_malloc(FILE_MAX);
	EVP_PKEY *key = NULL;
	ssize_t len;

	if (!pem) {
		log_line("out of memory");
		return NULL;
	}
	len = pread(fd, pem, FILE_MAX, 0);
	if (len < 0)
		log_line("%s: %s", name, strerror(errno));
	else if (len == FILE_MAX)
		log_line("%s: too large for a private key", name);
	else
		key = parse(name, pass, pem, len);
	OPENSSL_secure_clear_free(pem, FILE_MAX);
	return key;
}
