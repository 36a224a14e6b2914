/* SPDX-License-Identifier: GPL-2.0-only */
/* The certificates of a laboratory: what the parts of the program "certs" share. */
#ifndef CERTS_H
#define CERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "../helper/verify.h"

#define HOST	"www.example.test"

/**
 * struct spec - what is unusual about a certificate; all zero is a usual one
 *
 * @key: "ec:CURVE", "explicit:CURVE" (with its parameters spelt out), "rsa:BITS", or
 *	"big:BITS" (RSA that is fast to make, and secret from nobody)
 * @digest: of the signature on it
 * @subject: common name; "" for an empty subject
 * @from: start of validity, days from now, if @to is not 0
 * @to: its end
 * @version: X509_VERSION_*, if @versioned
 * @versioned: it is
 * @ext: lines NAME=VALUE as in openssl.cnf, which take the place of the usual extension of
 *	that name; without a value there is none
 */
struct spec {
	const char *key;
	const char *digest;
	const char *subject;
	int from;
	int to;
	int version;
	bool versioned;
	const char *ext;
};

enum flag {
	SELF_SIGNED = 1 << 0,	/* the leaf, by itself */
	UNTRUSTED = 1 << 1,	/* another root of the same name is trusted */
	INCOMPLETE = 1 << 2,	/* the intermediate is not sent */
	NO_INTER = 1 << 3,	/* there is none */
	TAMPERED_LEAF = 1 << 4,	/* a bit of its signature is wrong */
	TAMPERED_INTER = 1 << 5,
	OWN_ROOT = 1 << 6,	/* the box's own authority is the root */
	OWN_AGAIN = 1 << 7,	/* ... with another certificate */
	OWN_CROSS = 1 << 8,	/* ... and is signed by the root */
	OTHER_INTER = 1 << 9,	/* an expired certificate of the intermediate comes first */
	CROWD = 1 << 10,	/* 200 certificates that have nothing to do with it */
	ROOT_SENT = 1 << 11,
	MANY_NAMES = 1 << 12,	/* 3000 */
	TOO_MANY_NAMES = 1 << 13, /* 10000 */
	DUPLICATE = 1 << 14,	/* an extension twice */
	CLIENT_CERT = 1 << 15,	/* the server wants one */
	ONLY_OURS = 1 << 16,	/* too slow or too different for the other programs */
	MANY_CONSTRAINTS = 1 << 19, /* 1000 names that the intermediate may not sign */
	LOOP = 1 << 18,		/* two intermediates have signed each other, and no root either */
	LEAF_TRUSTED = 1 << 17,	/* the leaf itself is among the trusted */
};

enum crl {
	CRL_NONE,
	CRL_GOOD,
	CRL_REVOKED,
	CRL_REVOKED_INTER,
	CRL_STALE_GOOD,
	CRL_STALE_REVOKED,
	CRL_FORGED,		/* it says revoked, signed by another key */
};

enum staple_kind {
	NOT_STAPLED,
	GOOD,
	REVOKED,
	UNKNOWN,
	STALE,
	ENDLESS,		/* without nextUpdate, an hour old */
	ENDLESS_OLD,		/* ... two days old */
	OTHER_SERIAL,
	OTHER_SIGNER,
	DELEGATED,
	DELEGATED_NO_EKU,
	DELEGATED_OTHER,	/* by another authority */
	SHA1_SIGNED,
	GARBAGE,
};

/* In place of a state: there is no certificate to judge, as the handshake itself fails. */
#define HANDSHAKE_FAILS	(-1)

/**
 * struct row - one case
 *
 * @name: of the case
 * @expect: enum kbump_cert, or HANDSHAKE_FAILS
 * @host: that the client wants, default HOST
 * @leaf: the server's certificate
 * @inter: the one between
 * @root: the trusted one
 * @more: intermediates more than one
 * @flags: enum flag
 * @crl: the list of the intermediate (CRL_REVOKED_INTER: of the root)
 * @staple: what the server staples
 * @revocation: the operator's choice
 * @why: where "openssl verify -x509_strict -policy_check" refuses and we do not: why so
 */
struct row {
	const char *name;
	int expect;
	const char *host;
	struct spec leaf;
	struct spec inter;
	struct spec root;
	unsigned int more;
	unsigned int flags;
	enum crl crl;
	enum staple_kind staple;
	enum revocation revocation;
	const char *why;
};

extern const struct row rows[];
extern const size_t rows_count;

/**
 * struct lab - what a row becomes
 *
 * @row: it
 * @key: the server's
 * @leaf: its certificate
 * @sent: those that it sends after it
 * @trusted: the roots
 * @crl: list, or NULL
 * @own: the box's authority
 * @staple: DER, or NULL
 * @staple_len: its length
 */
struct lab {
	const struct row *row;
	EVP_PKEY *key;
	X509 *leaf;
	STACK_OF(X509) *sent;
	STACK_OF(X509) *trusted;
	X509_CRL *crl;
	X509 *own;
	unsigned char *staple;
	int staple_len;
};

/* certs-lab.c */
void lab_make(struct lab *lab, const struct row *row);
void lab_write(const struct lab *lab, const char *dir);
_Noreturn void die(const char *what);

/* certs-server.c */
SSL_CTX *server_context(const struct lab *lab);
void server_listen(const struct lab *lab, const char *address, int *port);
_Noreturn void server_run(void);

/* certs-tls.c */
int tls_cases(SSL_CTX *client);

/* certs-trust.c */
int trust_cases(const char *dir);

#endif
