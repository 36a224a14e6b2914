// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The two OpenSSL contexts, and what the legs have in common. */
#include <stdio.h>
#include <string.h>

#include "kbumpd.h"

/* No finite fields: with large ones a few clients would take all of the processor. */
#define GROUPS		"X25519:P-256:X448:P-384:P-521"

/* All suites that kTLS can carry, for clients: their order decides. */
static int allow_suites(SSL_CTX *ctx)
{
	char v12[SUITES_MAX * 32] = "", v13[SUITES_MAX * 32] = "";
	size_t i;

	for (i = 0; i < SUITES_MAX; i++) {
		char *names = suites[i].version == TLS1_3_VERSION ? v13 : v12;

		if (*names)
			strcat(names, ":");
		strcat(names, suites[i].name);
	}
	return SSL_CTX_set_ciphersuites(ctx, v13) == 1 && SSL_CTX_set_cipher_list(ctx, v12) == 1 ?
	       0 : -1;
}

static SSL_CTX *context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	/* The library's configuration file must not turn on its own idea of kTLS, ... */
	SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_KTLS);
	/* ... nor talk to servers that lack RFC 5746 or RFC 7627. */
	SSL_CTX_clear_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_EXTENDED_MASTER_SECRET |
				   SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* Clients keep theirs in tickets, those with servers are in session.c. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_quiet_shutdown(ctx, 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_keylog_callback(ctx, keys_note_secret);
	SSL_CTX_set_msg_callback(ctx, keys_note_message);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 || allow_suites(ctx) < 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/**
 * contexts_make() - make the contexts of both kinds of legs
 * @s: has the authority and the trust, gets the contexts
 *
 * Return: 0, or -1 after it has said why.
 */
int contexts_make(struct setup *s)
{
	s->server_side = context(TLS_client_method());
	s->client_side = context(TLS_server_method());
	s->tickets = tickets_new();
	if (!s->server_side || !s->client_side || !s->tickets ||
	    downstream_setup(s->client_side, s->tickets) < 0 ||
	    upstream_setup(s->server_side) < 0) {
		log_line("cannot set TLS up: %s", openssl_error());
		return -1;
	}
	verify_setup(s->server_side, s->trust->revocation);
	return 0;
}
