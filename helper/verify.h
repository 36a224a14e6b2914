/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* By whom servers are believed, and the judgement of one. */
#ifndef KBUMPD_VERIFY_H
#define KBUMPD_VERIFY_H

#include <stdbool.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <linux/kbump.h>

/* The strength that RFC-abiding browsers ask for: 112 bits (OpenSSL's level 2). */
#define SECURITY_LEVEL	2

/**
 * enum revocation - what a server must prove about the revocation of its certificate
 *
 * @REVOCATION_SOFT: nothing, but who is known to be revoked is refused
 * @REVOCATION_HARD: that it is not revoked, by a stapled OCSP response or a CRL
 * @REVOCATION_OFF: neither OCSP nor CRLs are looked at
 */
enum revocation {
	REVOCATION_SOFT,
	REVOCATION_HARD,
	REVOCATION_OFF,
};

/**
 * struct trust - by whom servers are believed; one in each process, used by one thread
 *
 * @anchors: file, or directory with hashed names, of trusted authorities; NULL: the system's
 * @crls: file, or directory, of revocation lists; NULL: none
 * @revocation: what must be proved
 * @own: the operator's authority, which is never believed
 * @store: what was read of @anchors and @crls; replaced as a whole by trust_load()
 */
struct trust {
	const char *anchors;
	const char *crls;
	enum revocation revocation;
	X509 *own;
	X509_STORE *store;
};

/**
 * struct judgement - of one server
 *
 * @state: the worst that was found
 * @why: a static text
 */
struct judgement {
	enum kbump_cert state;
	const char *why;
};

/**
 * enum staple - what a stapled OCSP response proves
 *
 * @STAPLE_NOTHING: it is not there, or not to be believed
 * @STAPLE_GOOD: the certificate is not revoked
 * @STAPLE_REVOKED: it is
 */
enum staple {
	STAPLE_NOTHING,
	STAPLE_GOOD,
	STAPLE_REVOKED,
};

/* trust.c */
int trust_load(struct trust *t);

/* verify.c */
void verify_setup(SSL_CTX *ctx, enum revocation revocation);
void verify_server(const struct trust *t, SSL *ssl, const char *name, struct judgement *j);

/* names.c */
bool name_matches(X509 *cert, const char *name);
bool name_is_deceptive(X509 *cert);

/* revoke.c */
enum staple staple_check(SSL *ssl, X509 *cert, X509 *issuer);
bool staple_is_due(const STACK_OF(X509) *chain);

/* blocked.c */
bool key_is_blocked(const X509 *cert);

#endif
