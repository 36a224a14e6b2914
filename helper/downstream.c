// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The fifth stage: TLS with the client, in the server's name and with its choices. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>

#include "kbumpd.h"

/* What a client may send before it learns that it was not wanted. */
#define EARLY_DATA_MAX	(1 << 20)

/* It is chosen already, by the server as a rule. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned int in_len, void *arg)
{
	const struct conn *c = context_conn(ssl);

	(void)in;
	(void)in_len;
	(void)arg;
	if (!*c->alpn)
		return SSL_TLSEXT_ERR_NOACK;
	*out = (const unsigned char *)c->alpn;
	*out_len = strlen(c->alpn);
	return SSL_TLSEXT_ERR_OK;
}

/* The name was used, and the client is to be told so: RFC 6066, section 3. */
static int accept_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

/**
 * downstream_setup() - set the context for clients up
 * @ctx: it
 * @tickets: keys of the tickets that clients get
 *
 * Return: 0, or -1 when OpenSSL failed.
 */
int downstream_setup(SSL_CTX *ctx, struct tickets *tickets)
{
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, accept_name);
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	tickets_setup(ctx, tickets);
	/* None is offered. Who sends it by a ticket of the server's own is to go on without. */
	return SSL_CTX_set_recv_max_early_data(ctx, EARLY_DATA_MAX) == 1 ? 0 : -1;
}

/*
 * The suite that the server chose comes first: it was the client's own offer, and neither leg
 * is then weaker than the other.
 */
static int offer_suites(SSL *ssl, const struct conn *c)
{
	const SSL_CIPHER *chosen = SSL_get_current_cipher(c->server_ssl);
	uint16_t family = c->version > TLS1_2_VERSION ? TLS1_3_VERSION : TLS1_2_VERSION;
	uint32_t allowed = c->worker->setup->suites;
	char names[(SUITES_MAX + 1) * 32];
	size_t i, used;

	used = snprintf(names, sizeof(names), "%s", SSL_CIPHER_get_name(chosen));
	for (i = 0; i < SUITES_MAX; i++)
		if (allowed & 1U << i && used < sizeof(names) &&
		    suites[i].version == family)
			used += snprintf(names + used, sizeof(names) - used, ":%s",
					 suites[i].name);
	return (family == TLS1_3_VERSION ? SSL_set_ciphersuites(ssl, names) :
					   SSL_set_cipher_list(ssl, names)) == 1 ? 0 : -1;
}

/*
 * Does the server say that it could do more than the client? RFC 8446, section 4.1.3. Of what
 * the client offered and we did not, for the operator's sake, it does not speak.
 */
static bool is_downgraded(const struct conn *c)
{
	static const char marks[2][9] = { "DOWNGRD\x00", "DOWNGRD\x01" };
	const char *mark = marks[c->version == TLS1_2_VERSION];
	uint8_t random[SSL3_RANDOM_SIZE];
	size_t len = 8;

	if (c->hello.versions >= 2 * TLS_VERSION_BIT(c->hello.max_version))
		return false;
	return SSL_get_server_random(c->server_ssl, random, sizeof(random)) == sizeof(random) &&
	       !memcmp(random + sizeof(random) - len, mark, len);
}

/*
 * No newer version than the server's. Where that could do more, so could we, and OpenSSL
 * marks its answer in the same way.
 */
static int limit_version(SSL *ssl, const struct conn *c)
{
	if (c->version < TLS1_2_VERSION &&
	    (context_allow_old(ssl) < 0 || SSL_set_min_proto_version(ssl, c->version) != 1))
		return -1;
	if (is_downgraded(c))
		return 0;
	return SSL_set_max_proto_version(ssl, c->version) == 1 ? 0 : -1;
}

/**
 * downstream_ssl() - make the handshake with the client
 * @c: the connection, which has the certificate for it; gets the handshake as its @ssl
 *
 * Return: 0, or -1 when OpenSSL failed.
 */
int downstream_ssl(struct conn *c)
{
	c->ssl = context_leg(c->worker->setup->client_side, c, c->client_fd);
	if (!c->ssl)
		return -1;
	SSL_set_accept_state(c->ssl);
	if (SSL_use_certificate(c->ssl, c->leaf) != 1 ||
	    SSL_use_PrivateKey(c->ssl, c->leaf_key) != 1)
		return -1;
	return !c->leaf_chain || SSL_set1_chain(c->ssl, c->leaf_chain) == 1 ? 0 : -1;
}

/* As the server has chosen. */
static int make_ssl(struct conn *c)
{
	if (downstream_ssl(c) < 0)
		return -1;
	return limit_version(c->ssl, c) < 0 || offer_suites(c->ssl, c) < 0 ||
	       tickets_bind(c->ssl, c) < 0 ? -1 : 0;
}

/* OpenSSL agrees to this on its own, for its handshake; the kernel has to go on so. */
static uint16_t longest_record(const SSL *ssl)
{
	uint8_t code = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl));

	/* RFC 6066, section 4: 1 to 4 for 2^9 to 2^12. */
	return code ? 1 << (8 + code) : 0;
}

static int start_ktls(struct conn *c)
{
	int err = 0;

	if (ktls_carries(c->ssl)) {
		err = ktls_check(c->ssl);
		if (!err)
			err = ktls_start(c->client_fd, c->ssl, &c->client_leg_secrets);
	}
	return !err && ktls_carries(c->server_ssl) ? session_end(c) : err;
}

/* Before the handshake is forgotten: what came of it tells what its client thinks of us. */
static void note_outcome(struct conn *c)
{
	c->shown = c->forged && c->secrets.certificate;
	c->agreed = c->secrets.finished;
}

static void finished(struct conn *c)
{
	int err;

	note_outcome(c);
	err = start_ktls(c);
	/* Our tickets may have met a socket that was closed. */
	if (err && conn_client_closed(c))
		return conn_client_gone(c);
	if (err)
		return conn_reset(c, KBUMP_REASON_INTERNAL, "kTLS: %s", strerror(-err));
	c->record_max = longest_record(c->ssl);
	conn_note_tls(&c->client_tls, c->ssl);
	if (ktls_carries(c->ssl) && ktls_carries(c->server_ssl))
		handoff(c);
	else
		pump_start(c);
}

static void refused(struct conn *c, int alert)
{
	c->alert = alert;
	refuse(c, KBUMP_REASON_CLIENT_ALERT, ALERT_NONE, "the client refused: %s",
	       SSL_alert_desc_string_long(alert));
}

/* If there was something to say to the client, OpenSSL has said it. */
static void failed(struct conn *c, int error)
{
	unsigned long e = ERR_peek_error();
	int reason = ERR_GET_REASON(e);

	note_outcome(c);
	if (error == SSL_ERROR_SYSCALL || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		conn_client_gone(c);
	else if (reason > SSL_AD_REASON_OFFSET)
		refused(c, reason - SSL_AD_REASON_OFFSET);
	else
		refuse(c, KBUMP_REASON_CLIENT_TLS, ALERT_NONE, "handshake with the client: %s",
		       openssl_error());
}

/**
 * downstream_ready() - go on with the handshake
 * @c: the connection
 */
void downstream_ready(struct conn *c)
{
	int ret, error;

	ERR_clear_error();
	ret = SSL_do_handshake(c->ssl);
	error = SSL_get_error(c->ssl, ret);
	if (ret == 1)
		finished(c);
	else if (error == SSL_ERROR_WANT_READ)
		conn_wait(c, &c->client_event, c->client_fd, EV_READ);
	else if (error == SSL_ERROR_WANT_WRITE)
		conn_wait(c, &c->client_event, c->client_fd, EV_WRITE);
	else
		failed(c, error);
}

/**
 * downstream_start() - begin the handshake with the client
 * @c: the connection
 */
void downstream_start(struct conn *c)
{
	const char *why;

	c->stage = STAGE_DOWNSTREAM;
	conn_low_water(c, 1);
	ERR_clear_error();
	if (make_ssl(c) < 0) {
		why = openssl_error();
		if (ask_fail(c, KBUMP_CAUSE_INTERNAL))
			return connect_plain(c);
		return refuse(c, KBUMP_REASON_INTERNAL, ALERT_INTERNAL_ERROR, "client leg: %s",
			      why);
	}
	downstream_ready(c);
}
