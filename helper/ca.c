// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The operator's certification authority, as everybody may know it: its certificates. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "kbumpd.h"

/* A daemon has nobody to ask for a passphrase. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static FILE *open_file(const char *name)
{
	FILE *f = fopen(name, "re");

	if (!f)
		log_line("%s: %s", name, strerror(errno));
	return f;
}

static int read_chain(struct ca *ca, FILE *f, const char *name)
{
	X509 *cert;

	ca->cert = PEM_read_X509(f, NULL, no_passphrase, NULL);
	if (!ca->cert) {
		log_line("%s: no certificate in PEM form: %s", name, openssl_error());
		return -1;
	}
	for (cert = X509_dup(ca->cert); cert;
	     cert = PEM_read_X509(f, NULL, no_passphrase, NULL)) {
		/* The client has the root, or it would not trust it. */
		if (X509_self_signed(cert, 0) == 1)
			X509_free(cert);
		else if (!sk_X509_push(ca->chain, cert))
			return -1;
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		log_line("%s: %s", name, openssl_error());
		return -1;
	}
	ERR_clear_error();
	return 0;
}

/**
 * ca_read() - read a certificate and those on the way to a root
 * @ca: filled in
 * @name: file in PEM form, the certificate itself first
 *
 * Return: 0, or -1 after it has said why.
 */
int ca_read(struct ca *ca, const char *name)
{
	FILE *f = open_file(name);
	int err;

	if (!f)
		return -1;
	ca->chain = sk_X509_new_null();
	err = ca->chain ? read_chain(ca, f, name) : -1;
	fclose(f);
	return err;
}

static int check(const struct ca *ca, const char *cert_file)
{
	if (!(X509_get_extension_flags(ca->cert) & EXFLAG_CA) ||
	    !(X509_get_key_usage(ca->cert) & KU_KEY_CERT_SIGN)) {
		log_line("%s: the certificate is not that of a certification authority",
			 cert_file);
		return -1;
	}
	if (X509_cmp_current_time(X509_get0_notBefore(ca->cert)) > 0 ||
	    X509_cmp_current_time(X509_get0_notAfter(ca->cert)) < 0) {
		log_line("%s: the certificate is not valid at this time", cert_file);
		return -1;
	}
	return 0;
}

/**
 * ca_load() - read the certification authority's certificates
 * @ca: filled in
 * @cert_file: PEM: its certificate, then those on the way to a root
 *
 * Return: 0, or -1 after it has said why.
 */
int ca_load(struct ca *ca, const char *cert_file)
{
	return ca_read(ca, cert_file) < 0 ? -1 : check(ca, cert_file);
}
