// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * OpenSSL 3.0 gives no traffic keys away, and its own kTLS does not receive TLS 1.3; so
 * they are derived here a second time: from the master secret by the PRF (RFC 5246
 * section 6.3), or from the traffic secrets by HKDF-Expand-Label (RFC 8446 section 7.3).
 */
#include <stdbool.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "kbumpd.h"

#define PARAMS_MAX	6
#define LABEL_MAX	16

static OSSL_PARAM octets(const char *name, void *data, size_t len)
{
	return OSSL_PARAM_construct_octet_string(name, data, len);
}

/* OpenSSL only reads a parameter's text, but takes it without const. */
static OSSL_PARAM text(const char *name, const char *value)
{
	return OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)value, 0);
}

static int kdf(const char *name, const OSSL_PARAM *params, uint8_t *out, size_t len)
{
	EVP_KDF *algorithm = EVP_KDF_fetch(NULL, name, NULL);
	EVP_KDF_CTX *ctx = algorithm ? EVP_KDF_CTX_new(algorithm) : NULL;
	int ok = ctx && EVP_KDF_derive(ctx, out, len, params) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(algorithm);
	return ok ? 0 : -1;
}

static int expand_label(const struct suite *s, uint8_t *secret, size_t secret_len,
			const char *label, uint8_t *out, uint8_t len)
{
	uint8_t info[2 + 1 + LABEL_MAX + 1] = { 0, len, strlen(label) };
	OSSL_PARAM params[PARAMS_MAX], *p = params;

	memcpy(info + 3, label, strlen(label));
	*p++ = text(OSSL_KDF_PARAM_DIGEST, s->digest);
	*p++ = text(OSSL_KDF_PARAM_MODE, "EXPAND_ONLY");
	*p++ = octets(OSSL_KDF_PARAM_KEY, secret, secret_len);
	*p++ = octets(OSSL_KDF_PARAM_INFO, info, 3 + strlen(label) + 1);
	*p = OSSL_PARAM_construct_end();
	return kdf(OSSL_KDF_NAME_HKDF, params, out, len);
}

static int derive13_one(const struct suite *s, uint8_t *secret, size_t len,
			struct traffic_key *k)
{
	if (!len)
		return -1;
	if (expand_label(s, secret, len, "tls13 key", k->key, s->key_len) < 0)
		return -1;
	return expand_label(s, secret, len, "tls13 iv", k->iv, s->fixed_iv_len);
}

static int derive13(SSL *ssl, struct traffic_keys *keys)
{
	struct secrets *secrets = SSL_get_app_data(ssl);

	if (derive13_one(keys->suite, secrets->client, secrets->client_len, &keys->client) < 0)
		return -1;
	return derive13_one(keys->suite, secrets->server, secrets->server_len, &keys->server);
}

static int key_block(SSL *ssl, const struct suite *s, uint8_t *block, size_t len)
{
	uint8_t master[SSL_MAX_MASTER_KEY_LENGTH];
	char label[] = "key expansion";
	uint8_t seed[sizeof(label) - 1 + 2 * SSL3_RANDOM_SIZE];
	OSSL_PARAM params[PARAMS_MAX], *p = params;
	size_t master_len;
	int err;

	master_len = SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof(master));
	memcpy(seed, label, sizeof(label) - 1);
	SSL_get_server_random(ssl, seed + sizeof(label) - 1, SSL3_RANDOM_SIZE);
	SSL_get_client_random(ssl, seed + sizeof(label) - 1 + SSL3_RANDOM_SIZE,
			      SSL3_RANDOM_SIZE);
	*p++ = text(OSSL_KDF_PARAM_DIGEST, s->digest);
	*p++ = octets(OSSL_KDF_PARAM_SECRET, master, master_len);
	*p++ = octets(OSSL_KDF_PARAM_SEED, seed, sizeof(seed));
	*p = OSSL_PARAM_construct_end();
	err = kdf(OSSL_KDF_NAME_TLS1_PRF, params, block, len);
	OPENSSL_cleanse(master, sizeof(master));
	return err;
}

static int derive12(SSL *ssl, struct traffic_keys *keys)
{
	const struct suite *s = keys->suite;
	uint8_t block[2 * (TRAFFIC_KEY_MAX + TRAFFIC_IV_MAX)], *p = block;
	int err = key_block(ssl, s, block, 2 * (s->key_len + s->fixed_iv_len));

	if (!err) {
		memcpy(keys->client.key, p, s->key_len);
		memcpy(keys->server.key, p += s->key_len, s->key_len);
		memcpy(keys->client.iv, p += s->key_len, s->fixed_iv_len);
		memcpy(keys->server.iv, p += s->fixed_iv_len, s->fixed_iv_len);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return err;
}

/**
 * keys_derive() - the keys with which application data starts
 * @ssl: its handshake is over; its app data is the &struct secrets
 * @keys: filled in; the caller cleanses it
 *
 * Return: 0, or -1 if the suite is not one of ours or OpenSSL failed.
 */
int keys_derive(SSL *ssl, struct traffic_keys *keys)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	const struct secrets *secrets = SSL_get_app_data(ssl);

	memset(keys, 0, sizeof(*keys));
	keys->client.records = secrets->client_records;
	keys->server.records = secrets->server_records;
	keys->suite = cipher ? suite_by_id(SSL_CIPHER_get_protocol_id(cipher)) : NULL;
	if (!keys->suite || SSL_version(ssl) != keys->suite->version)
		return -1;
	return SSL_version(ssl) == TLS1_3_VERSION ? derive13(ssl, keys) : derive12(ssl, keys);
}

/**
 * keys_secrets() - the secrets that the keys of keys_derive() are of
 * @ssl: as there
 * @leg: filled in; the caller cleanses it
 */
void keys_secrets(SSL *ssl, struct leg_secrets *leg)
{
	const struct secrets *s = SSL_get_app_data(ssl);
	bool is_server = SSL_is_server(ssl);

	memset(leg, 0, sizeof(*leg));
	if (SSL_version(ssl) != TLS1_3_VERSION)
		return;
	/* They are outputs of the same hash. */
	leg->len = s->client_len;
	memcpy(leg->rx, is_server ? s->client : s->server, leg->len);
	memcpy(leg->tx, is_server ? s->server : s->client, leg->len);
}

static size_t read_hex(const char *hex, uint8_t *out, size_t max)
{
	size_t len = 0;

	if (!OPENSSL_hexstr2buf_ex(out, max, &len, hex, '\0')) {
		OPENSSL_cleanse(out, max);
		return 0;
	}
	return len;
}

/**
 * keys_note_secret() - OpenSSL's key log callback: keep the traffic secrets, and log them
 * @ssl: its app data is the &struct secrets
 * @line: label, client random and secret, parted by spaces
 */
void keys_note_secret(const SSL *ssl, const char *line)
{
	struct secrets *s = SSL_get_app_data(ssl);
	const char *secret = strrchr(line, ' ');

	key_log_line(line);
	if (!s || !secret)
		return;
	secret++;
	/* OpenSSL tells of a secret when it begins to use it. */
	if (!strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24)) {
		s->client_len = read_hex(secret, s->client, sizeof(s->client));
		s->client_records = 0;
	} else if (!strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24)) {
		s->server_len = read_hex(secret, s->server, sizeof(s->server));
		s->server_records = 0;
	}
}

static void note_handshake(struct secrets *s, bool sent, uint8_t type, size_t len)
{
	if (sent)
		s->certificate |= type == SSL3_MT_CERTIFICATE;
	else if (type == SSL3_MT_NEWSESSION_TICKET)
		s->tickets += len;
	else if (type == SSL3_MT_FINISHED)
		s->finished = true;
}

/**
 * keys_note_message() - OpenSSL's message callback: count records, and note what was said
 * @sent: by us
 * @version: not used
 * @type: of what is told
 * @data: a record's header or a handshake message
 * @len: its length
 * @ssl: its app data is the &struct secrets
 * @arg: not used
 *
 * In TLS 1.2 new keys begin behind a ChangeCipherSpec. In TLS 1.3 that means nothing and
 * comes long before the traffic secrets, with which the count begins anew.
 */
void keys_note_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl,
		       void *arg)
{
	struct secrets *s = SSL_get_app_data(ssl);
	const uint8_t *first = data;
	uint64_t *records;
	bool by_server;

	(void)version;
	(void)arg;
	if (!s || !len)
		return;
	by_server = (sent != 0) == (SSL_is_server(ssl) != 0);
	records = by_server ? &s->server_records : &s->client_records;
	if (type == SSL3_RT_HEADER)
		*records = *first == SSL3_RT_CHANGE_CIPHER_SPEC ? 0 : *records + 1;
	else if (type == SSL3_RT_HANDSHAKE)
		note_handshake(s, sent, *first, len);
}
