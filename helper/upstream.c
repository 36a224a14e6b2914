// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The third stage: TLS with the server. It is offered what the client offered, as far as the
 * operator allows it, once: there is no second try with less.
 * Then it is judged.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>

#include "kbumpd.h"

/* All suites of one version, in the client's order, as OpenSSL wants them. */
static void suite_names(const struct hello *h, uint16_t version, char *buf, size_t len)
{
	size_t i, used = 0;

	buf[0] = '\0';
	for (i = 0; i < h->suites; i++)
		if (h->suite[i]->version == version && used < len)
			used += snprintf(buf + used, len - used, "%s%s", used ? ":" : "",
					 h->suite[i]->name);
}

static int offer_suites(SSL *ssl, const struct hello *h)
{
	char names[SUITES_MAX * 32];

	suite_names(h, TLS1_3_VERSION, names, sizeof(names));
	if (SSL_set_ciphersuites(ssl, names) != 1)
		return -1;
	suite_names(h, TLS1_2_VERSION, names, sizeof(names));
	/* An empty list is an error; what is offered then is kept out by the version. */
	return !*names || SSL_set_cipher_list(ssl, names) == 1 ? 0 : -1;
}

static bool is_address(const char *name)
{
	uint8_t buf[sizeof(struct in6_addr)];

	return evutil_inet_pton(AF_INET, name, buf) == 1 ||
	       evutil_inet_pton(AF_INET6, name, buf) == 1;
}

static int offer(SSL *ssl, const struct hello *h)
{
	if (SSL_set_min_proto_version(ssl, h->min_version) != 1 ||
	    SSL_set_max_proto_version(ssl, h->max_version) != 1)
		return -1;
	if (h->min_version < TLS1_2_VERSION && context_allow_old(ssl) < 0)
		return -1;
	if (offer_suites(ssl, h) < 0)
		return -1;
	/* What the client says of its earlier tries is for the server to know. */
	if (h->fallback)
		SSL_set_mode(ssl, SSL_MODE_SEND_FALLBACK_SCSV);
	if (*h->sni && !is_address(h->sni) && SSL_set_tlsext_host_name(ssl, h->sni) != 1)
		return -1;
	/* This one returns 0 for success. */
	return h->alpn_len && SSL_set_alpn_protos(ssl, h->alpn, h->alpn_len) ? -1 : 0;
}

static int make_ssl(struct conn *c)
{
	c->ssl = context_leg(c->worker->setup->server_side, c, c->server_fd);
	if (!c->ssl)
		return -1;
	SSL_set_connect_state(c->ssl);
	if (offer(c->ssl, &c->hello) < 0)
		return -1;
	session_resume(c);
	return 0;
}

/*
 * Called when the server asks for a client certificate: stop there, rather than send none. If
 * it comes to a second call a rule wants just that.
 */
static int on_client_cert_wanted(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
	const struct conn *c = context_conn(ssl);

	(void)cert;
	(void)key;
	return c && c->client_cert_wanted ? 0 : -1;
}

/**
 * upstream_setup() - set the context for servers up
 * @ctx: it
 */
void upstream_setup(SSL_CTX *ctx)
{
	SSL_CTX_set_client_cert_cb(ctx, on_client_cert_wanted);
}

static void internal(struct conn *c, const char *why)
{
	if (ask_fail(c, KBUMP_CAUSE_INTERNAL))
		return connect_plain(c);
	refuse(c, KBUMP_REASON_INTERNAL, ALERT_INTERNAL_ERROR, "server leg: %s", why);
}

static int note_facts(struct conn *c)
{
	const unsigned char *alpn;
	unsigned int len;

	c->version = SSL_version(c->ssl);
	conn_note_tls(&c->server_tls, c->ssl);
	SSL_get0_alpn_selected(c->ssl, &alpn, &len);
	/* The kernel takes it as a string. */
	if (len >= sizeof(c->alpn) || (len && memchr(alpn, '\0', len)))
		return -1;
	if (len)
		memcpy(c->alpn, alpn, len);
	c->alpn[len] = '\0';
	return 0;
}

/* The name in the ClientHello or, without one, the server's address. */
static void judge(struct conn *c)
{
	char host[ADDRESS_TEXT];
	struct judgement j;

	/* Only who verified is resumed, and not for long: see session.c. */
	if (SSL_session_reused(c->ssl)) {
		c->cert = KBUMP_CERT_OK;
		c->cert_why = "verified before";
		return;
	}
	verify_server(c->worker->setup->trust, c->ssl,
		      *c->hello.sni ? c->hello.sni : address_host(&c->server, host), &j);
	c->cert = j.state;
	c->cert_why = j.why;
}

static void finished(struct conn *c)
{
	judge(c);
	if (!verdict(c))
		return;
	if (note_facts(c) < 0)
		return internal(c, "unusable ALPN");
	session_start(c);
	forge_start(c);
}

static void client_cert_wanted(struct conn *c)
{
	c->client_cert_wanted = true;
	judge(c);
	/* As a rule wants it: without one. */
	if (verdict(c))
		upstream_ready(c);
}

/* The alert that the server sent, for the client to see; 0 if it sent none. */
static uint8_t alert_received(void)
{
	int reason = ERR_GET_REASON(ERR_peek_error());

	return reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + UINT8_MAX ?
	       reason - SSL_AD_REASON_OFFSET : 0;
}

static void failed(struct conn *c, int error)
{
	uint8_t alert = alert_received();
	const char *why;

	if (SSL_get_verify_result(c->ssl) != X509_V_OK) {
		c->cert = KBUMP_CERT_INVALID;
		c->cert_why = "a key that is too large";
		if (verdict(c))
			refuse(c, KBUMP_REASON_UPSTREAM_CERT, ALERT_BAD_CERTIFICATE,
			       "the server's certificate: %s", c->cert_why);
		return;
	}
	why = error == SSL_ERROR_SYSCALL ? strerror(errno ? errno : ECONNRESET) : openssl_error();
	if (ask_fail(c, KBUMP_CAUSE_UPSTREAM))
		return connect_plain(c);
	refuse(c, KBUMP_REASON_UPSTREAM_TLS, alert ? alert : ALERT_HANDSHAKE_FAILURE,
	       "handshake with the server: %s", why);
}

/**
 * upstream_ready() - go on with the handshake
 * @c: the connection
 */
void upstream_ready(struct conn *c)
{
	int ret, error;

	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(c->ssl);
	error = SSL_get_error(c->ssl, ret);
	if (ret == 1)
		finished(c);
	else if (error == SSL_ERROR_WANT_X509_LOOKUP)
		client_cert_wanted(c);
	else if (error == SSL_ERROR_WANT_READ)
		conn_wait(c, &c->server_event, c->server_fd, EV_READ);
	else if (error == SSL_ERROR_WANT_WRITE)
		conn_wait(c, &c->server_event, c->server_fd, EV_WRITE);
	else
		failed(c, error);
}

/**
 * upstream_start() - begin the handshake with the server
 * @c: the connection
 */
void upstream_start(struct conn *c)
{
	int err;

	c->stage = STAGE_UPSTREAM;
	conn_time_limit(c, UINT64_MAX);
	ERR_clear_error();
	err = ktls_prepare(c->server_fd);
	/* It closed at once. */
	if (err == -ENOTCONN) {
		if (ask_fail(c, KBUMP_CAUSE_UPSTREAM))
			return connect_plain(c);
		return refuse(c, KBUMP_REASON_UPSTREAM_TLS, ALERT_HANDSHAKE_FAILURE,
			      "the server closed before the handshake");
	}
	if (err)
		return internal(c, strerror(-err));
	if (make_ssl(c) < 0)
		return internal(c, openssl_error());
	upstream_ready(c);
}
