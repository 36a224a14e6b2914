// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Is the server who the client wants? The client cannot see the server's certificate, so
 * it is judged here, as a careful browser would: after the handshake, in which the server
 * has proved that it has the key, and before a byte of the client's is sent to it.
 *
 * OpenSSL's verification is not ended by what it finds, so that the worst can be told.
 */
#include <string.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

#include "kbumpd.h"

/* Certificates between the server's and the trusted one; browsers take fewer. */
#define DEPTH_MAX	10
/* Of all certificates that a server sends. */
#define CHAIN_BYTES_MAX	(100L * 1024)
/* Larger keys cost more processor time than a stranger may have. */
#define RSA_BITS_MAX	8192

/**
 * struct trial - a judgement in the making
 *
 * @trust: by whom the server is believed
 * @result: the worst so far
 * @no_crl: no list of the server's issuer that is good tells of its certificate
 */
struct trial {
	const struct trust *trust;
	struct judgement *result;
	bool no_crl;
};

/* As they are ranked when several apply. */
static const enum kbump_cert ranks[] = {
	KBUMP_CERT_OK,
	KBUMP_CERT_EXPIRED,
	KBUMP_CERT_NAME,
	KBUMP_CERT_SELF_SIGNED,
	KBUMP_CERT_UNTRUSTED,
	KBUMP_CERT_WEAK,
	KBUMP_CERT_INVALID,
	KBUMP_CERT_REVOKED,
};

static size_t rank_of(enum kbump_cert state)
{
	size_t i;

	for (i = ARRAY_SIZE(ranks) - 1; i && ranks[i] != state; i--)
		;
	return i;
}

static void blame(struct judgement *j, enum kbump_cert state, const char *why)
{
	if (rank_of(state) <= rank_of(j->state))
		return;
	j->state = state;
	j->why = why;
}

static enum kbump_cert state_of(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return KBUMP_CERT_EXPIRED;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return KBUMP_CERT_SELF_SIGNED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REJECTED:
		return KBUMP_CERT_UNTRUSTED;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
	case X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
		return KBUMP_CERT_WEAK;
	case X509_V_ERR_CERT_REVOKED:
		return KBUMP_CERT_REVOKED;
	default:
		return KBUMP_CERT_INVALID;
	}
}

/*
 * Of the strict checks of RFC 5280, those that no browser makes, that many a private
 * authority fails, and without which no other check becomes weaker.
 */
static bool is_formal(int error)
{
	switch (error) {
	case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
	case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
	case X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN:
	case X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER:
	case X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER:
	case X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL:
	case X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL:
	case X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL:
		return true;
	default:
		return false;
	}
}

/* A root of X.509 version 1 cannot say that it is an authority: that it is trusted does. */
static bool is_old_root(X509_STORE_CTX *ctx, int error)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	int last = sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;

	return error == X509_V_ERR_INVALID_CA && X509_STORE_CTX_get_error_depth(ctx) == last &&
	       X509_get_version(cert) == X509_VERSION_1 && X509_check_ca(cert);
}

/* Is there no list, or none to be believed? */
static bool is_about_crl(int error)
{
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		return true;
	default:
		return false;
	}
}

/* Of each error that OpenSSL finds. It goes on. */
static int note_error(int ok, X509_STORE_CTX *ctx)
{
	struct trial *t = X509_STORE_CTX_get_app_data(ctx);
	int error = X509_STORE_CTX_get_error(ctx);

	if (ok || is_formal(error) || is_old_root(ctx, error))
		return 1;
	if (!is_about_crl(error))
		blame(t->result, state_of(error), X509_verify_cert_error_string(error));
	else if (!X509_STORE_CTX_get_error_depth(ctx))
		t->no_crl = true;
	return 1;
}

/* The operator's authority, also where it has another certificate: signed anew, or crosswise. */
static bool is_own(const struct trust *t, const X509 *cert)
{
	return !X509_NAME_cmp(X509_get_subject_name(cert), X509_get_subject_name(t->own)) ||
	       EVP_PKEY_eq(X509_get0_pubkey(cert), X509_get0_pubkey(t->own)) == 1;
}

static bool is_known_kind(const X509 *cert)
{
	switch (EVP_PKEY_get_base_id(X509_get0_pubkey(cert))) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
	case EVP_PKEY_EC:
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return true;
	default:
		return false;
	}
}

static void check_authorities(struct trial *t, const STACK_OF(X509) *chain)
{
	int i;

	for (i = 0; i < sk_X509_num(chain); i++) {
		const X509 *cert = sk_X509_value(chain, i);

		if (!is_known_kind(cert))
			blame(t->result, KBUMP_CERT_WEAK, "a key that is neither RSA nor elliptic");
		/* Whoever has a certificate of it for another box would be believed here. */
		if (is_own(t->trust, cert))
			blame(t->result, KBUMP_CERT_UNTRUSTED, "signed by our own authority");
		if (key_is_blocked(cert))
			blame(t->result, KBUMP_CERT_UNTRUSTED,
			      "signed by an authority whose private key is public");
	}
}

/* What OpenSSL takes, and browsers do not. */
static void check_leaf(struct judgement *j, X509 *leaf, const char *name)
{
	if (X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE &&
	    !(X509_get_extended_key_usage(leaf) & XKU_SSL_SERVER))
		blame(j, KBUMP_CERT_INVALID, "not for servers (extended key usage)");
	/* All key exchanges that are offered are signed. */
	if (!(X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE))
		blame(j, KBUMP_CERT_INVALID, "not for signatures (key usage)");
	if (name_is_deceptive(leaf))
		blame(j, KBUMP_CERT_INVALID, "a name with a NUL in it");
	if (!name_matches(leaf, name))
		blame(j, KBUMP_CERT_NAME, "for another name");
}

static void check_revocation(struct trial *t, SSL *ssl, const STACK_OF(X509) *chain)
{
	int len = sk_X509_num(chain);
	X509 *leaf = sk_X509_value(chain, 0);
	enum staple s;

	if (t->trust->revocation == REVOCATION_OFF)
		return;
	/* Nobody but itself could revoke a certificate that is trusted by itself. */
	s = len > 1 ? staple_check(ssl, leaf, sk_X509_value(chain, 1)) : STAPLE_NOTHING;
	if (s == STAPLE_REVOKED)
		blame(t->result, KBUMP_CERT_REVOKED, "revoked, by the stapled OCSP response");
	if (s != STAPLE_GOOD && staple_is_due(chain))
		blame(t->result, KBUMP_CERT_INVALID,
		      "no good OCSP response, which the certificate promises");
	if (s != STAPLE_GOOD && t->trust->revocation == REVOCATION_HARD && t->no_crl && len > 1)
		blame(t->result, KBUMP_CERT_INVALID, "no proof that it is not revoked");
}

static int set_params(X509_STORE_CTX *ctx, const struct trust *t)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	unsigned long flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_POLICY_CHECK;

	if (t->revocation != REVOCATION_OFF)
		flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
	/* An authority may demand a policy, but clients take any: RFC 5280 section 6.1.1 (c). */
	return X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)) == 1 &&
	       X509_VERIFY_PARAM_set_flags(param, flags) == 1;
}

static int verify_chain(X509_STORE_CTX *ctx, struct trial *t, SSL *ssl)
{
	if (X509_STORE_CTX_init(ctx, t->trust->store, SSL_get0_peer_certificate(ssl),
				SSL_get_peer_cert_chain(ssl)) != 1 ||
	    X509_STORE_CTX_set_default(ctx, "ssl_server") != 1 || set_params(ctx, t->trust) != 1 ||
	    X509_STORE_CTX_set_app_data(ctx, t) != 1)
		return -1;
	X509_STORE_CTX_set_verify_cb(ctx, note_error);
	return X509_verify_cert(ctx) == 1 ? 0 : -1;
}

/**
 * verify_server() - judge a server
 * @t: by whom it is believed
 * @ssl: the leg to it, with its certificate received and its signature verified
 * @name: that it must have, or its address
 * @j: filled in
 */
void verify_server(const struct trust *t, SSL *ssl, const char *name, struct judgement *j)
{
	struct trial trial = { .trust = t, .result = j };
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	const STACK_OF(X509) *chain;

	j->state = KBUMP_CERT_OK;
	j->why = "verified";
	if (!ctx || !SSL_get0_peer_certificate(ssl) || verify_chain(ctx, &trial, ssl) < 0) {
		blame(j, KBUMP_CERT_INVALID, "it cannot be verified");
	} else {
		chain = X509_STORE_CTX_get0_chain(ctx);
		check_authorities(&trial, chain);
		check_leaf(j, sk_X509_value(chain, 0), name);
		check_revocation(&trial, ssl, chain);
	}
	X509_STORE_CTX_free(ctx);
}

static bool is_huge(const X509 *cert)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);

	return key && EVP_PKEY_get_bits(key) > RSA_BITS_MAX;
}

/*
 * In the midst of the handshake, before the server's signature is verified: all is left to
 * verify_server(), but for keys so large that they cannot be used so often.
 */
static int on_certificate(X509_STORE_CTX *ctx, void *arg)
{
	const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
	int i;

	(void)arg;
	for (i = 0; i < sk_X509_num(sent); i++) {
		if (!is_huge(sk_X509_value(sent, i)))
			continue;
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

/**
 * verify_setup() - make a context take any certificate, for verify_server() to judge
 * @ctx: of the legs to servers
 * @revocation: whether OCSP responses are asked for
 */
void verify_setup(SSL_CTX *ctx, enum revocation revocation)
{
	SSL_CTX_set_max_cert_list(ctx, CHAIN_BYTES_MAX);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_certificate, NULL);
	if (revocation != REVOCATION_OFF)
		SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
}
