/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What workers and the signer say to each other, one message in a packet of a
 * SOCK_SEQPACKET socket pair. Both are the same program: there are no versions, and numbers
 * are the host's.
 */
#ifndef KBUMPD_SIGNER_H
#define KBUMPD_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* Limits of a request's parts, in bytes. */
#define SIGN_KEY_MAX		512
#define SIGN_SUBJECT_MAX	4096
#define SIGN_NAMES_MAX		28672

/* Requests of one worker that the signer may have at a time: half of what a socket queues. */
#define SIGN_WINDOW		4

/* The number of the packet with which a new signer begins. */
#define SIGN_NUMBER_HELLO	0

/**
 * struct sign_request - a worker wants a certificate
 *
 * @number: comes back in the answer; not SIGN_NUMBER_HELLO
 * @from: the certificate's first second, since 1970
 * @to: its last one
 * @verified: 1: signed by the operator's authority; 0: by the one that nobody trusts
 * @key_len: bytes of the public key
 * @subject_len: bytes of the subject
 * @names_len: bytes of the alternative names
 * @data: these three: SubjectPublicKeyInfo and Name in DER; each name as one byte GEN_DNS
 *	or GEN_IPADD, one of its length, and its bytes
 */
struct sign_request {
	uint64_t number;
	int64_t from;
	int64_t to;
	uint8_t verified;
	uint16_t key_len;
	uint16_t subject_len;
	uint16_t names_len;
	uint8_t data[SIGN_KEY_MAX + SIGN_SUBJECT_MAX + SIGN_NAMES_MAX];
};

#define SIGN_REQUEST_HEAD	offsetof(struct sign_request, data)

/* Names grow by the headers of their DER, the rest of a certificate is small. */
#define SIGN_ANSWER_MAX		(2 * SIGN_NAMES_MAX + SIGN_SUBJECT_MAX + 4096)

/**
 * struct sign_answer - what came of a request
 *
 * @number: the request's
 * @signed_one: 1: @data is the certificate in DER; 0: it is the reason why there is none,
 *	a text without a zero byte
 * @data: as long as the packet is
 */
struct sign_answer {
	uint64_t number;
	uint8_t signed_one;
	uint8_t data[SIGN_ANSWER_MAX];
};

#define SIGN_ANSWER_HEAD	offsetof(struct sign_answer, data)

/**
 * struct issuer - an authority with its key
 *
 * @cert: its certificate
 * @key: its private key
 */
struct issuer {
	X509 *cert;
	EVP_PKEY *key;
};

/* request.c */
const char *request_fill(struct sign_request *rq, EVP_PKEY *key, const X509 *server);
const char *request_fill_host(struct sign_request *rq, EVP_PKEY *key, const char *host,
			      int64_t from, int64_t to);

/* issue.c */
int issuer_make_untrusted(struct issuer *by);
X509 *issue(const struct issuer *by, const struct sign_request *rq, size_t len,
	    const char **why);

#endif
