// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Records of TLS 1.2 with AES-128-GCM (RFC 5246, section 6.2.3.3; RFC 5288), made here. kTLS
 * would make them too, but keeps what TCP has no room for and tells nobody: a FIN behind it
 * would cut it off.
 */
#include <string.h>
#include <openssl/evp.h>

#include "pump.h"

#define TAG_LEN		16
#define NONCE_LEN	12
#define NUMBER_LEN	8
#define AAD_LEN		13

static void put_be(uint8_t *p, size_t len, uint64_t n)
{
	while (len) {
		p[--len] = n & 0xff;
		n >>= 8;
	}
}

/**
 * seal_new() - begin to make records
 * @s: what for, all zero
 * @key: of AES-128, with the four fixed bytes of the nonce
 *
 * Return: 0, or -1 when OpenSSL failed.
 */
int seal_new(struct seal *s, const struct traffic_key *key)
{
	s->ctx = EVP_CIPHER_CTX_new();
	if (!s->ctx ||
	    EVP_EncryptInit_ex(s->ctx, EVP_aes_128_gcm(), NULL, key->key, NULL) != 1)
		return -1;
	memcpy(s->salt, key->iv, sizeof(s->salt));
	return 0;
}

/**
 * seal_free() - make no more records
 * @s: from seal_new(), also after it failed, or all zero
 */
void seal_free(struct seal *s)
{
	EVP_CIPHER_CTX_free(s->ctx);
	s->ctx = NULL;
}

/**
 * seal() - make a record
 * @s: from seal_new()
 * @type: content type
 * @buf: the content is at SEAL_HEAD, and SEAL_TAIL bytes are free behind it; the record is at 0
 * @len: of the content
 *
 * Return: length of the record, or 0 when OpenSSL failed.
 */
size_t seal(struct seal *s, uint8_t type, uint8_t *buf, size_t len)
{
	uint8_t nonce[NONCE_LEN], aad[AAD_LEN], *body = buf + SEAL_HEAD;
	int n;

	memcpy(nonce, s->salt, sizeof(s->salt));
	put_be(nonce + sizeof(s->salt), NUMBER_LEN, s->number);
	put_be(aad, NUMBER_LEN, s->number++);
	aad[8] = type;
	put_be(aad + 9, 2, TLS1_2_VERSION);
	put_be(aad + 11, 2, len);
	memcpy(buf, aad + 8, 3);
	put_be(buf + 3, 2, NUMBER_LEN + len + TAG_LEN);
	memcpy(buf + 5, nonce + sizeof(s->salt), NUMBER_LEN);
	if (EVP_EncryptInit_ex(s->ctx, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_EncryptUpdate(s->ctx, NULL, &n, aad, sizeof(aad)) != 1 ||
	    EVP_EncryptUpdate(s->ctx, body, &n, body, len) != 1 ||
	    EVP_EncryptFinal_ex(s->ctx, body + len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, body + len) != 1)
		return 0;
	return SEAL_HEAD + len + TAG_LEN;
}
