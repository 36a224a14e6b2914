/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The cipher suites that kTLS can carry; no other is offered or taken on either leg. */
#ifndef KBUMPD_SUITE_H
#define KBUMPD_SUITE_H

#include <stddef.h>
#include <stdint.h>

#define SUITES_MAX	9
/* A bit for each. */
#define SUITES_ALL	((1U << SUITES_MAX) - 1)

/* Kinds of key with which a server proves its name, as a bit mask. */
#define AUTH_RSA	0x1
#define AUTH_ECDSA	0x2

/**
 * struct suite - one cipher suite
 *
 * @id: number on the wire
 * @version: the TLS version that it is of
 * @auth: AUTH_* of a TLS 1.2 suite; in TLS 1.3 the suite does not tell
 * @cipher: TLS_CIPHER_* of <linux/tls.h>
 * @key_len: of a traffic key
 * @fixed_iv_len: bytes of the IV that TLS 1.2 derives
 * @digest: of the key derivation
 * @name: as OpenSSL calls it
 */
struct suite {
	uint16_t id;
	uint16_t version;
	uint8_t auth;
	uint16_t cipher;
	uint8_t key_len;
	uint8_t fixed_iv_len;
	const char *digest;
	const char *name;
};

extern const struct suite suites[SUITES_MAX];

const struct suite *suite_by_id(uint16_t id);

#endif
