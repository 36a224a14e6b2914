// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A key in a token. Debian 12 has no provider for PKCS #11, so this is the engine of
 * libengine-pkcs11-openssl, which finds the tokens that p11-kit knows.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/engine.h>
#include <openssl/ui.h>

#include "kbumpd.h"

static EVP_PKEY *load(ENGINE *engine, const char *uri, const char *pin)
{
	EVP_PKEY *key = NULL;

	if ((pin && ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0) != 1) ||
	    ENGINE_init(engine) != 1) {
		log_line("PKCS #11: %s", openssl_error());
		return NULL;
	}
	/* A daemon has nobody to ask for a PIN. The library only calls it, but takes no const. */
	key = ENGINE_load_private_key(engine, uri, (UI_METHOD *)(uintptr_t)UI_null(), NULL);
	if (!key)
		log_line("--ca-key: the token gives no key: %s", openssl_error());
	/* A key holds the engine. */
	ENGINE_finish(engine);
	return key;
}

/**
 * pkcs11_key() - find a private key in a token
 * @uri: as in RFC 7512
 * @pin: the user's PIN, or NULL when the URI has it or none is needed
 *
 * Context: the signer alone: tokens do not outlive a fork.
 * Return: the key, or NULL after it has said why.
 */
EVP_PKEY *pkcs11_key(const char *uri, const char *pin)
{
	ENGINE *engine;
	EVP_PKEY *key;

	ENGINE_load_dynamic();
	engine = ENGINE_by_id("pkcs11");
	if (!engine) {
		log_line("--ca-key: no PKCS #11 engine (Debian: libengine-pkcs11-openssl): %s",
			 openssl_error());
		return NULL;
	}
	key = load(engine, uri, pin);
	ENGINE_free(engine);
	return key;
}
