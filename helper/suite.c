// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/tls.h>

#include "suite.h"

#define V12	0x0303
#define V13	0x0304
#define AES128	TLS_CIPHER_AES_GCM_128
#define AES256	TLS_CIPHER_AES_GCM_256
#define CHACHA	TLS_CIPHER_CHACHA20_POLY1305

const struct suite suites[SUITES_MAX] = {
	{ 0x1301, V13, 0, AES128, 16, 12, "SHA256", "TLS_AES_128_GCM_SHA256" },
	{ 0x1302, V13, 0, AES256, 32, 12, "SHA384", "TLS_AES_256_GCM_SHA384" },
	{ 0x1303, V13, 0, CHACHA, 32, 12, "SHA256", "TLS_CHACHA20_POLY1305_SHA256" },
	{ 0xc02b, V12, AUTH_ECDSA, AES128, 16, 4, "SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256" },
	{ 0xc02f, V12, AUTH_RSA, AES128, 16, 4, "SHA256", "ECDHE-RSA-AES128-GCM-SHA256" },
	{ 0xc02c, V12, AUTH_ECDSA, AES256, 32, 4, "SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384" },
	{ 0xc030, V12, AUTH_RSA, AES256, 32, 4, "SHA384", "ECDHE-RSA-AES256-GCM-SHA384" },
	{ 0xcca9, V12, AUTH_ECDSA, CHACHA, 32, 12, "SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305" },
	{ 0xcca8, V12, AUTH_RSA, CHACHA, 32, 12, "SHA256", "ECDHE-RSA-CHACHA20-POLY1305" },
};

/**
 * suite_by_id() - look a cipher suite up
 * @id: number on the wire
 *
 * Return: the suite, or NULL when kTLS cannot carry it.
 */
const struct suite *suite_by_id(uint16_t id)
{
	size_t i;

	for (i = 0; i < SUITES_MAX; i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}
