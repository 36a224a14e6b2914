// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Digests of what a handshake was about. Two connections with the same digest may share a
 * session; all that may not differ between them is in it, each field after its length.
 */
#include <string.h>
#include <openssl/evp.h>

#include "kbumpd.h"

static bool add(EVP_MD_CTX *ctx, const void *data, size_t len)
{
	uint32_t size = len;

	return EVP_DigestUpdate(ctx, &size, sizeof(size)) == 1 &&
	       EVP_DigestUpdate(ctx, data, len) == 1;
}

static bool add_u16(EVP_MD_CTX *ctx, uint16_t value)
{
	return add(ctx, &value, sizeof(value));
}

static bool add_address(EVP_MD_CTX *ctx, const union address *a)
{
	if (a->sa.sa_family == AF_INET)
		return add(ctx, &a->in.sin_addr, sizeof(a->in.sin_addr)) &&
		       add_u16(ctx, a->in.sin_port);
	return add(ctx, &a->in6.sin6_addr, sizeof(a->in6.sin6_addr)) &&
	       add_u16(ctx, a->in6.sin6_port);
}

static bool add_offer(EVP_MD_CTX *ctx, const struct conn *c)
{
	const struct hello *h = &c->hello;
	size_t i;

	for (i = 0; i < h->suites; i++)
		if (!add_u16(ctx, h->suite[i]->id))
			return false;
	return add_address(ctx, &c->server) && add(ctx, h->sni, strlen(h->sni)) &&
	       add(ctx, h->alpn, h->alpn_len) && add_u16(ctx, h->min_version) &&
	       add_u16(ctx, h->max_version) && add_u16(ctx, h->fallback);
}

static bool add_answer(EVP_MD_CTX *ctx, const struct conn *c)
{
	uint8_t digest[DIGEST_LEN];
	X509 *cert = SSL_get0_peer_certificate(c->server_ssl);

	if (!cert || X509_digest(cert, EVP_sha256(), digest, NULL) != 1)
		return false;
	return add(ctx, digest, sizeof(digest)) && add(ctx, &c->rule, sizeof(c->rule)) &&
	       add(ctx, c->alpn, strlen(c->alpn)) &&
	       add_u16(ctx, c->version) && add_u16(ctx, c->cert) &&
	       add_u16(ctx, SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(c->server_ssl)));
}

static int digest_of(const struct conn *c, bool with_answer, uint8_t *id)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && add_offer(ctx, c) &&
		  (!with_answer || add_answer(ctx, c)) && EVP_DigestFinal_ex(ctx, id, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

/**
 * digest_of_offer() - what is offered to which server
 * @c: the connection, its hello read
 * @id: gets DIGEST_LEN bytes
 *
 * Return: 0, or -1 when OpenSSL failed.
 */
int digest_of_offer(const struct conn *c, uint8_t *id)
{
	return digest_of(c, false, id);
}

/**
 * digest_of_answer() - the same, who answered and what was chosen
 * @c: the connection, its server's handshake done
 * @id: gets DIGEST_LEN bytes
 *
 * Return: 0, or -1 when OpenSSL failed.
 */
int digest_of_answer(const struct conn *c, uint8_t *id)
{
	return digest_of(c, true, id);
}
