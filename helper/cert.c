// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What rules may ask of a server's certificate, whether or not it is to be believed. */
#include <string.h>
#include <openssl/bio.h>
#include <openssl/x509.h>

#include "kbumpd.h"

/* Control characters and those of the form itself are escaped; else it is UTF-8. */
#define NAME_FORM	(XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB)

/*
 * A part of a name could be taken for another one: what does not fit, or is no text in the
 * encoding that it claims, is left out as a whole.
 */
static int put_issuer(const X509 *cert, struct cert_facts *facts)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	if (!bio)
		return -1;
	if (X509_NAME_print_ex(bio, X509_get_issuer_name(cert), 0, NAME_FORM) >= 0) {
		len = BIO_get_mem_data(bio, &text);
		if (len > 0 && len < (long)sizeof(facts->issuer))
			memcpy(facts->issuer, text, len);
	}
	BIO_free(bio);
	return 0;
}

/**
 * cert_describe() - describe the certificate that a server has shown
 * @ssl: of the handshake with it
 * @facts: filled in but for its state; zeroed
 *
 * Return: 0, or -1 when OpenSSL failed.
 */
int cert_describe(const SSL *ssl, struct cert_facts *facts)
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	unsigned int len;

	if (!cert)
		return 0;
	if (X509_digest(cert, EVP_sha256(), facts->fingerprint, &len) != 1)
		return -1;
	facts->fingerprint_len = len;
	return put_issuer(cert, facts);
}
