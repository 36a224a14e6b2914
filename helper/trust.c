// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The authorities that are trusted, and their revocation lists, from files. All is read at
 * once and into a new store: a file that is bad changes nothing, and none is opened while
 * a connection waits.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "kbumpd.h"

/**
 * struct kind - of files
 *
 * @is_wanted: whether one in a directory is of that kind, by its name
 * @load: adds what is in it; says why if it cannot
 */
struct kind {
	bool (*is_wanted)(const char *name);
	int (*load)(struct x509_store_st *to, const char *file);
};

static int file_error(const char *name)
{
	log_line("%s: %s", name, strerror(errno));
	return -1;
}

static int load_anchors(X509_STORE *store, const char *file)
{
	ERR_clear_error();
	if (X509_STORE_load_file(store, file) == 1)
		return 0;
	log_line("%s: no certificates in PEM form: %s", file, openssl_error());
	return -1;
}

/* Those made by openssl-rehash(1): 9d66eef0.0 */
static bool is_hashed_name(const char *name)
{
	size_t i;

	for (i = 0; i < 8; i++)
		if (!isxdigit((unsigned char)name[i]))
			return false;
	return name[8] == '.' && isdigit((unsigned char)name[9]);
}

static bool is_visible(const char *name)
{
	return name[0] != '.';
}

/* Returns how many there were, or -1. */
static int add_pem_crls(X509_STORE *store, BIO *in)
{
	X509_CRL *crl;
	int ok = 1, count = 0;

	while (ok && (crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL))) {
		ok = X509_STORE_add_crl(store, crl);
		X509_CRL_free(crl);
		count++;
	}
	if (!ok || (count && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
		return -1;
	ERR_clear_error();
	return count;
}

static int add_der_crl(X509_STORE *store, BIO *in)
{
	X509_CRL *crl = BIO_seek(in, 0) < 0 ? NULL : d2i_X509_CRL_bio(in, NULL);
	int ok = crl && X509_STORE_add_crl(store, crl) == 1;

	X509_CRL_free(crl);
	return ok ? 0 : -1;
}

static int load_crls(X509_STORE *store, const char *file)
{
	BIO *in = BIO_new_file(file, "re");
	int count;

	if (!in)
		return file_error(file);
	ERR_clear_error();
	count = add_pem_crls(store, in);
	if (!count)
		count = add_der_crl(store, in);
	BIO_free(in);
	if (count < 0)
		log_line("%s: no revocation list in PEM or DER form: %s", file, openssl_error());
	return count < 0 ? -1 : 0;
}

static const struct kind anchors = { is_hashed_name, load_anchors };
static const struct kind lists = { is_visible, load_crls };

static int load_entry(X509_STORE *store, const char *dir, const char *name, const struct kind *k)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return file_error(dir);
	}
	if (stat(path, &st) < 0)
		return file_error(path);
	return S_ISREG(st.st_mode) ? k->load(store, path) : 0;
}

static int load_dir(X509_STORE *store, const char *dir, const struct kind *k)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int err = 0;

	if (!d)
		return file_error(dir);
	while (!err && (e = readdir(d)))
		if (k->is_wanted(e->d_name))
			err = load_entry(store, dir, e->d_name, k);
	closedir(d);
	return err;
}

static int load_path(X509_STORE *store, const char *path, const struct kind *k)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return file_error(path);
	return S_ISDIR(st.st_mode) ? load_dir(store, path, k) : k->load(store, path);
}

/* What OpenSSL itself would use: either may be missing. */
static int load_system(X509_STORE *store)
{
	const char *file = secure_getenv(X509_get_default_cert_file_env());
	const char *dir = secure_getenv(X509_get_default_cert_dir_env());
	struct stat st;

	if (!file)
		file = X509_get_default_cert_file();
	if (!dir)
		dir = X509_get_default_cert_dir();
	if (!stat(file, &st) && load_anchors(store, file) < 0)
		return -1;
	return !stat(dir, &st) ? load_dir(store, dir, &anchors) : 0;
}

static int fill(X509_STORE *store, const struct trust *t)
{
	int err = t->anchors ? load_path(store, t->anchors, &anchors) : load_system(store);

	if (err < 0)
		return -1;
	if (!sk_X509_OBJECT_num(X509_STORE_get0_objects(store))) {
		log_line("%s: no trusted certificates", t->anchors ? t->anchors :
			 X509_get_default_cert_dir());
		return -1;
	}
	return t->crls ? load_path(store, t->crls, &lists) : 0;
}

/**
 * trust_load() - read the authorities and revocation lists, or read them anew
 * @t: names them; its store is replaced if all could be read
 *
 * Return: 0, or -1 after it has said why.
 */
int trust_load(struct trust *t)
{
	X509_STORE *store = X509_STORE_new();

	if (!store) {
		log_line("out of memory");
		return -1;
	}
	if (fill(store, t) < 0) {
		X509_STORE_free(store);
		return -1;
	}
	X509_STORE_free(t->store);
	t->store = store;
	return 0;
}
