/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The cipher suites that may be used; no other is offered or taken on either leg. */
#ifndef KBUMPD_SUITE_H
#define KBUMPD_SUITE_H

#include <stddef.h>
#include <stdint.h>

#define SUITES_MAX	29
/* A bit for each. The first nine are the default: kTLS carries them, and all have AEAD and forward
 * secrecy.
 */
#define SUITES_DEFAULT	((1U << 9) - 1)

#define TLS_VERSION_BIT(v)	(1U << ((v) & 0xf))

/* Kinds of key with which a server proves its name, as a bit mask. */
#define AUTH_RSA	0x1
#define AUTH_ECDSA	0x2

/**
 * struct suite - one cipher suite
 *
 * @id: number on the wire
 * @since: the lowest TLS version that has it
 * @version: the highest
 * @auth: AUTH_* of a suite of before TLS 1.3; there the suite does not tell
 * @cipher: TLS_CIPHER_* of <linux/tls.h>; 0: kTLS cannot carry it, as all below but @name
 * @key_len: of a traffic key
 * @fixed_iv_len: bytes of the IV that TLS 1.2 derives
 * @digest: of the key derivation
 * @name: as OpenSSL calls it
 */
struct suite {
	uint16_t id;
	uint16_t since;
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
