// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a finished handshake to a socket on which the kernel does TLS. */
#include <errno.h>
#include <string.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <linux/tls.h>

#include "kbumpd.h"

union crypto_info {
	struct tls_crypto_info info;
	struct tls12_crypto_info_aes_gcm_128 gcm128;
	struct tls12_crypto_info_aes_gcm_256 gcm256;
	struct tls12_crypto_info_chacha20_poly1305 chacha;
};

/*
 * The number of the next record. In TLS 1.2 the Finished message was record 0 under these
 * keys; in TLS 1.3 session tickets may have come before application data.
 */
static void sequence(const struct traffic_key *k, unsigned char *seq, size_t len)
{
	uint64_t n = k->records;

	while (len) {
		seq[--len] = n & 0xff;
		n >>= 8;
	}
}

/*
 * The nonce's variable part: in TLS 1.3 the rest of the derived IV. In TLS 1.2 it is sent
 * with each record and only has to differ from record to record: it counts with them.
 */
static void nonce(const struct suite *s, const struct traffic_key *k, unsigned char *iv,
		  size_t len, size_t salt_len)
{
	if (s->version == TLS1_2_VERSION)
		sequence(k, iv, len);
	else
		memcpy(iv, k->iv + salt_len, len);
}

static void fill_gcm128(struct tls12_crypto_info_aes_gcm_128 *g, const struct suite *s,
			const struct traffic_key *k)
{
	memcpy(g->key, k->key, sizeof(g->key));
	memcpy(g->salt, k->iv, sizeof(g->salt));
	nonce(s, k, g->iv, sizeof(g->iv), sizeof(g->salt));
	sequence(k, g->rec_seq, sizeof(g->rec_seq));
}

static void fill_gcm256(struct tls12_crypto_info_aes_gcm_256 *g, const struct suite *s,
			const struct traffic_key *k)
{
	memcpy(g->key, k->key, sizeof(g->key));
	memcpy(g->salt, k->iv, sizeof(g->salt));
	nonce(s, k, g->iv, sizeof(g->iv), sizeof(g->salt));
	sequence(k, g->rec_seq, sizeof(g->rec_seq));
}

static void fill_chacha(struct tls12_crypto_info_chacha20_poly1305 *c,
			const struct traffic_key *k)
{
	memcpy(c->key, k->key, sizeof(c->key));
	memcpy(c->iv, k->iv, sizeof(c->iv));
	sequence(k, c->rec_seq, sizeof(c->rec_seq));
}

static socklen_t fill(union crypto_info *u, const struct suite *s, const struct traffic_key *k)
{
	memset(u, 0, sizeof(*u));
	u->info.version = s->version;
	u->info.cipher_type = s->cipher;
	switch (s->cipher) {
	case TLS_CIPHER_AES_GCM_128:
		fill_gcm128(&u->gcm128, s, k);
		return sizeof(u->gcm128);
	case TLS_CIPHER_AES_GCM_256:
		fill_gcm256(&u->gcm256, s, k);
		return sizeof(u->gcm256);
	default:
		fill_chacha(&u->chacha, k);
		return sizeof(u->chacha);
	}
}

static int set_key(int fd, int direction, const struct suite *s, const struct traffic_key *k)
{
	union crypto_info u;
	socklen_t len = fill(&u, s, k);
	int err = 0;

	if (setsockopt(fd, SOL_TLS, direction, &u, len) < 0)
		err = -errno;
	OPENSSL_cleanse(&u, sizeof(u));
	return err;
}

static int set_keys(int fd, const struct traffic_keys *keys, bool is_server)
{
	const struct traffic_key *tx = is_server ? &keys->server : &keys->client;
	const struct traffic_key *rx = is_server ? &keys->client : &keys->server;
	int on = 1;
	int err;

	err = set_key(fd, TLS_TX, keys->suite, tx);
	if (!err)
		err = set_key(fd, TLS_RX, keys->suite, rx);
	if (err || keys->suite->version != TLS1_3_VERSION)
		return err;
	/* Records are seldom padded; the kernel decrypts those twice and the others in place. */
	if (setsockopt(fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

/**
 * ktls_prepare() - give a connected socket to kTLS, without keys yet
 * @fd: the socket
 *
 * The kernel takes only a socket whose peer has not closed. A peer may send its first
 * request and its FIN right behind its Finished message, so this is done early.
 *
 * Return: 0 or a negative errno.
 */
int ktls_prepare(int fd)
{
	return setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) < 0 ? -errno : 0;
}

/**
 * ktls_carries() - can the kernel go on where a handshake will end?
 * @ssl: the handshake, its suite chosen
 *
 * Return: true if so; else the leg is pumped.
 */
bool ktls_carries(const SSL *ssl)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	const struct suite *s = suite_by_id(SSL_CIPHER_get_protocol_id(cipher));

	return s && s->cipher;
}

/**
 * ktls_check() - has a handshake left all that came after it in the socket?
 * @ssl: it
 *
 * Return: 0, or -EPROTO: bytes that OpenSSL has taken would be lost.
 */
int ktls_check(const SSL *ssl)
{
	return SSL_pending(ssl) || SSL_has_pending(ssl) ? -EPROTO : 0;
}

/**
 * ktls_start() - let the kernel go on where a handshake has ended
 * @fd: the socket, after ktls_prepare()
 * @ssl: the handshake on it, after ktls_check()
 * @secrets: filled in, for the hand-off; the caller cleanses it
 *
 * Return: 0 or a negative errno; the socket is of no use after an error.
 */
int ktls_start(int fd, SSL *ssl, struct leg_secrets *secrets)
{
	struct traffic_keys keys;
	int err = -EPROTO;

	if (!keys_derive(ssl, &keys))
		err = set_keys(fd, &keys, SSL_is_server(ssl));
	OPENSSL_cleanse(&keys, sizeof(keys));
	if (!err)
		keys_secrets(ssl, secrets);
	return err;
}

/**
 * ktls_pair() - put kTLS with keys of our own on a connection to ourselves
 * @near: the end for the kernel's relay
 * @far: our end, which receives by kTLS
 * @key: with which records for the other end are to be made; the caller cleanses it
 *
 * Not for secrecy: records have types, and their stream an end that differs from a cut.
 *
 * Return: 0 or a negative errno.
 */
int ktls_pair(int near, int far, struct traffic_key *key)
{
	struct traffic_keys keys = { .suite = suite_by_id(0xc02b) };
	int err = ktls_prepare(near);

	if (!err)
		err = ktls_prepare(far);
	if (!err && (RAND_bytes(keys.client.key, keys.suite->key_len) != 1 ||
		     RAND_bytes(keys.server.key, keys.suite->key_len) != 1))
		err = -EIO;
	if (!err)
		err = set_keys(near, &keys, false);
	if (!err)
		err = set_key(far, TLS_RX, keys.suite, &keys.client);
	*key = keys.server;
	OPENSSL_cleanse(&keys, sizeof(keys));
	return err;
}
