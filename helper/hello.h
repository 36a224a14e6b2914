/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a ClientHello says, read from the client's first bytes. */
#ifndef KBUMPD_HELLO_H
#define KBUMPD_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "suite.h"

/* The largest ClientHello with its record headers. */
#define HELLO_MAX	65536

/**
 * enum hello_verdict - what the bytes are
 *
 * @HELLO_MORE: the start of a ClientHello, or too few bytes to tell
 * @HELLO_DONE: a ClientHello
 * @HELLO_PLAIN: not TLS
 * @HELLO_BAD: TLS, but not a valid ClientHello
 */
enum hello_verdict {
	HELLO_MORE,
	HELLO_DONE,
	HELLO_PLAIN,
	HELLO_BAD,
};

/**
 * struct hello - facts of a ClientHello
 *
 * @need: HELLO_MORE: the number of bytes without which nothing more can be said
 * @version: legacy_version
 * @versions: TLS_VERSION_BIT() of those that the client offers
 * @offered: highest of them, whatever is allowed of it later; 0 if it is none from TLS 1.0 to 1.3
 * @min_version: lowest of them for which it offers a suite of ours, 0 if none. All from here
 *	to @max_version are offered.
 * @max_version: highest such version, 0 if none
 * @fallback: the client has tried a higher version before (TLS_FALLBACK_SCSV, RFC 7507)
 * @signs12: AUTH_* kinds of signature that it takes in TLS 1.2
 * @auth12: AUTH_* kinds of certificate that it takes up to TLS 1.2
 * @auth13: the same in TLS 1.3
 * @suites: number of entries in @suite
 * @suite: suites of ours in the client's order
 * @sni: server name, empty if there is none; only printable ASCII without space
 * @ech: there is an outer encrypted_client_hello, be it GREASE or not
 * @alpn_len: bytes in @alpn
 * @alpn: protocol names, each after its length; only so many as fit
 */
struct hello {
	size_t need;
	uint16_t version;
	uint8_t versions;
	uint16_t offered;
	uint16_t min_version;
	uint16_t max_version;
	bool fallback;
	uint8_t signs12;
	uint8_t auth12;
	uint8_t auth13;
	uint8_t suites;
	const struct suite *suite[SUITES_MAX];
	char sni[256];
	bool ech;
	uint16_t alpn_len;
	uint8_t alpn[512];
};

enum hello_verdict hello_parse(uint8_t *buf, size_t len, struct hello *h);
void hello_conclude(struct hello *h);

#endif
