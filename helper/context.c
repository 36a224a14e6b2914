// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The two OpenSSL contexts, and what the legs have in common. */
#include <stdio.h>
#include <string.h>

#include "kbumpd.h"

/* Of handshakes before TLS 1.2, MD5 and SHA-1 are a part; later ones go without. */
#define SIGNATURES	"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:" \
			"RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:" \
			"RSA+SHA256:RSA+SHA384:RSA+SHA512"

/* Where an SSL points to its connection; its app data are the secrets. */
static int conn_index;

/* No finite fields: with large ones a few clients would take all of the processor. */
#define GROUPS		"X25519:P-256:X448:P-384:P-521"

/* All that the operator allows; each connection has its own order. */
static int allow_suites(SSL_CTX *ctx, uint32_t allowed)
{
	char v12[SUITES_MAX * 32] = "", v13[SUITES_MAX * 32] = "";
	size_t i;

	for (i = 0; i < SUITES_MAX; i++) {
		char *names = suites[i].version == TLS1_3_VERSION ? v13 : v12;

		if (!(allowed & 1U << i))
			continue;
		if (*names)
			strcat(names, ":");
		strcat(names, suites[i].name);
	}
	if (SSL_CTX_set_ciphersuites(ctx, v13) != 1)
		return -1;
	/* An empty list is an error; what is there then is kept out by the version. */
	return !*v12 || SSL_CTX_set_cipher_list(ctx, v12) == 1 ? 0 : -1;
}

static SSL_CTX *context(const SSL_METHOD *method, uint32_t allowed)
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
	    SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 || allow_suites(ctx, allowed) < 0) {
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
	conn_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	s->server_side = context(TLS_client_method(), s->suites);
	s->client_side = context(TLS_server_method(), s->suites);
	s->tickets = tickets_new();
	if (conn_index < 0 || !s->server_side || !s->client_side || !s->tickets ||
	    downstream_setup(s->client_side, s->tickets) < 0) {
		log_line("cannot set TLS up: %s", openssl_error());
		return -1;
	}
	upstream_setup(s->server_side);
	verify_setup(s->server_side, s->trust->revocation);
	return 0;
}

/**
 * context_leg() - begin a handshake
 * @ctx: of the kind of leg
 * @c: the connection, which gets its secrets
 * @fd: the leg
 *
 * Return: it, or NULL when OpenSSL failed.
 */
SSL *context_leg(SSL_CTX *ctx, struct conn *c, int fd)
{
	SSL *ssl = SSL_new(ctx);

	if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_set_ex_data(ssl, conn_index, c) == 1) {
		SSL_set_app_data(ssl, &c->secrets);
		return ssl;
	}
	SSL_free(ssl);
	return NULL;
}

/**
 * context_conn() - whose handshake is it?
 * @ssl: the handshake
 *
 * Return: its connection; NULL after context_leave().
 */
struct conn *context_conn(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, conn_index);
}

/**
 * context_leave() - let a handshake that is over outlive its connection
 * @ssl: it
 */
void context_leave(SSL *ssl)
{
	SSL_set_ex_data(ssl, conn_index, NULL);
	SSL_set_app_data(ssl, NULL);
}

/**
 * context_allow_old() - let a handshake be one of before TLS 1.2
 * @ssl: it, not begun yet
 *
 * Certificates are judged apart from this, as strictly as ever.
 *
 * Return: 0, or -1 when OpenSSL failed.
 */
int context_allow_old(SSL *ssl)
{
	SSL_set_security_level(ssl, 0);
	return SSL_set1_sigalgs_list(ssl, SIGNATURES) == 1 ? 0 : -1;
}
