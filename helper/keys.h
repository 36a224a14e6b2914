/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Traffic keys of a finished TLS handshake. */
#ifndef KBUMPD_KEYS_H
#define KBUMPD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>

#include "suite.h"

#define TRAFFIC_KEY_MAX		32
#define TRAFFIC_IV_MAX		12
#define TRAFFIC_SECRET_MAX	48

/**
 * struct secrets - what OpenSSL tells of a handshake
 *
 * @client: the client's first application traffic secret, TLS 1.3 only
 * @client_len: its length, 0 until it is known
 * @client_records: records that the client has sent since it took its latest keys
 * @server: the server's
 * @server_len: its length
 * @server_records: the same of the server
 * @certificate: we have sent one
 * @finished: the peer has sent its Finished
 * @tickets: bytes of the NewSessionTicket messages that were read
 */
struct secrets {
	uint8_t client[TRAFFIC_SECRET_MAX];
	size_t client_len;
	uint64_t client_records;
	uint8_t server[TRAFFIC_SECRET_MAX];
	size_t server_len;
	uint64_t server_records;
	bool certificate;
	bool finished;
	size_t tickets;
};

/**
 * struct leg_secrets - from what the kernel makes the next keys of a TLS 1.3 leg
 *
 * @rx: application traffic secret of what the peer sends
 * @tx: that of what we send
 * @len: length of either; 0 with TLS 1.2, whose keys do not change
 */
struct leg_secrets {
	uint8_t rx[TRAFFIC_SECRET_MAX];
	uint8_t tx[TRAFFIC_SECRET_MAX];
	size_t len;
};

/**
 * struct traffic_key - protects what one side sends
 *
 * @key: as long as the suite says
 * @iv: whole with TLS 1.3 and ChaCha20-Poly1305, else the 4 fixed bytes
 * @records: how many it has protected so far
 */
struct traffic_key {
	uint8_t key[TRAFFIC_KEY_MAX];
	uint8_t iv[TRAFFIC_IV_MAX];
	uint64_t records;
};

/**
 * struct traffic_keys - both directions of a connection
 *
 * @suite: what they are for
 * @client: the client's direction
 * @server: the server's direction
 */
struct traffic_keys {
	const struct suite *suite;
	struct traffic_key client;
	struct traffic_key server;
};

void keys_note_secret(const SSL *ssl, const char *line);
void keys_note_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl,
		       void *arg);
int keys_derive(SSL *ssl, struct traffic_keys *keys);
void keys_secrets(SSL *ssl, struct leg_secrets *leg);

#endif
