// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Is the server who the client wants? The client cannot see the server's certificate, so
 * it is judged here, as a careful client would.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

#include "kbumpd.h"

static int load_trust(X509_STORE *store, const char *trust)
{
	struct stat st;
	int ok;

	if (stat(trust, &st) < 0) {
		log_line("%s: %s", trust, strerror(errno));
		return -1;
	}
	ok = S_ISDIR(st.st_mode) ? X509_STORE_load_path(store, trust) :
				   X509_STORE_load_file(store, trust);
	if (ok != 1)
		log_line("%s: no certificates in PEM form: %s", trust, openssl_error());
	return ok == 1 ? 0 : -1;
}

/**
 * verify_setup() - make a context verify servers
 * @ctx: of the legs to servers
 * @trust: file, or directory with hashed names, of trusted authorities; NULL: the system's
 *
 * The strict checks of RFC 5280 are left out: no browser makes them, and many a private
 * authority fails them.
 *
 * Return: 0, or -1 after it has said why.
 */
int verify_setup(SSL_CTX *ctx, const char *trust)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	if (trust && load_trust(SSL_CTX_get_cert_store(ctx), trust) < 0)
		return -1;
	if (!trust && SSL_CTX_set_default_verify_paths(ctx) != 1) {
		log_line("the system's certificates: %s", openssl_error());
		return -1;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	/* The subject's common name is not a host name any more. */
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
					       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	if (X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER) != 1) {
		log_line("verification: %s", openssl_error());
		return -1;
	}
	return 0;
}

/**
 * verify_expect() - which name the server must prove
 * @ssl: of the server leg
 * @c: the connection: the name in its ClientHello or, without one, the server's address
 *
 * Return: 0, or -1 when OpenSSL failed.
 */
int verify_expect(SSL *ssl, const struct conn *c)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	const char *name = c->hello.sni;
	char host[ADDRESS_TEXT];

	if (!*name)
		name = address_host(&c->server, host);
	/* Some clients put an address where only a name may be. */
	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return 0;
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 ? 0 : -1;
}

/**
 * verify_alert() - what to tell the client of a server that did not verify
 * @result: X509_V_ERR_*
 *
 * Return: the alert.
 */
uint8_t verify_alert(long result)
{
	switch (result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return ALERT_CERTIFICATE_EXPIRED;
	case X509_V_ERR_CERT_REVOKED:
		return ALERT_CERTIFICATE_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return ALERT_UNKNOWN_CA;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return ALERT_CERTIFICATE_UNKNOWN;
	default:
		return ALERT_BAD_CERTIFICATE;
	}
}

/**
 * verify_is_own() - did a certificate verify only by the operator's own authority?
 * @c: the connection, with the server's handshake done
 *
 * That authority is often among the system's, for the sake of other programs on the host.
 * Whoever could then get a certificate from it, by way of another box, would be believed.
 *
 * Return: true if the chain holds it, unless the operator has chosen whom to trust.
 */
bool verify_is_own(const struct conn *c)
{
	const struct setup *setup = c->worker->setup;
	STACK_OF(X509) *chain = SSL_get0_verified_chain(c->ssl);
	int i;

	if (!setup->system_trust)
		return false;
	for (i = 0; i < sk_X509_num(chain); i++)
		if (!X509_cmp(sk_X509_value(chain, i), setup->ca.cert))
			return true;
	return false;
}
