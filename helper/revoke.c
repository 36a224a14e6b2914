// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * OCSP responses that servers staple to their handshake (RFC 6960, RFC 6066 section 8), and
 * the promise in a certificate that there is one (RFC 7633). No responder is ever asked: it
 * would learn what clients visit, and each handshake would wait for it.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "kbumpd.h"

/* As long as clocks may differ. */
#define SKEW_S		300
/* Longer than any responder's answers are good for: browsers and the CA/Browser Forum. */
#define AGE_MAX_S	(10L * 24 * 60 * 60)
/* For those that do not say until when they are. */
#define AGE_UNLIMITED_S	(24L * 60 * 60)
/* In one response; one is usual. */
#define SINGLES_MAX	64
#define STRENGTH_BITS	112

/* TLS feature: the number of the extension that a server must answer (RFC 7633). */
#define FEATURE_STATUS	5

static bool is_strong_signature(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;
	int nid, digest;

	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	nid = OBJ_obj2nid(oid);
	if (nid == NID_ED25519 || nid == NID_ED448)
		return true;
	return OBJ_find_sigid_algs(nid, &digest, NULL) == 1 && EVP_get_digestbynid(digest) &&
	       EVP_MD_get_size(EVP_get_digestbynid(digest)) * 4 >= STRENGTH_BITS;
}

/* A certificate that the issuer made for nothing but to sign responses. */
static bool is_delegate(X509 *signer, X509 *issuer)
{
	const X509_ALGOR *alg;

	X509_get0_signature(NULL, &alg, signer);
	return X509_check_issued(issuer, signer) == X509_V_OK &&
	       X509_verify(signer, X509_get0_pubkey(issuer)) == 1 &&
	       !(X509_get_extension_flags(signer) & EXFLAG_CRITICAL) &&
	       X509_get_extension_flags(signer) & EXFLAG_XKUSAGE &&
	       X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN &&
	       X509_get_key_usage(signer) & KU_DIGITAL_SIGNATURE &&
	       X509_cmp_current_time(X509_get0_notBefore(signer)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(signer)) > 0 &&
	       is_strong_signature(alg) &&
	       EVP_PKEY_get_security_bits(X509_get0_pubkey(signer)) >= STRENGTH_BITS;
}

static bool is_signed(OCSP_BASICRESP *basic, X509 *issuer)
{
	STACK_OF(X509) *known = sk_X509_new_null();
	X509 *signer;
	bool ok;

	/* It prefers the issuer to what came along; both calls find the same signer. */
	ok = known && sk_X509_push(known, issuer) &&
	     OCSP_resp_get0_signer(basic, &signer, known) == 1 &&
	     (signer == issuer || is_delegate(signer, issuer)) &&
	     is_strong_signature(OCSP_resp_get0_tbs_sigalg(basic)) &&
	     OCSP_basic_verify(basic, known, NULL, OCSP_NOVERIFY) == 1;
	sk_X509_free(known);
	return ok;
}

static bool is_about(OCSP_SINGLERESP *single, X509 *cert, X509 *issuer)
{
	const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
	ASN1_OBJECT *digest;
	OCSP_CERTID *ours;
	bool same;

	/* The parameter is not const, but is not changed. */
	if (OCSP_id_get0_info(NULL, &digest, NULL, NULL, (OCSP_CERTID *)(uintptr_t)id) != 1 ||
	    !EVP_get_digestbyobj(digest))
		return false;
	ours = OCSP_cert_to_id(EVP_get_digestbyobj(digest), cert, issuer);
	same = ours && !OCSP_id_cmp(ours, id);
	OCSP_CERTID_free(ours);
	return same;
}

static enum staple read_single(OCSP_SINGLERESP *single)
{
	ASN1_GENERALIZEDTIME *from, *to;
	int status = OCSP_single_get0_status(single, NULL, NULL, &from, &to);

	/* That does not become less true with time. */
	if (status == V_OCSP_CERTSTATUS_REVOKED)
		return STAPLE_REVOKED;
	return status == V_OCSP_CERTSTATUS_GOOD &&
	       OCSP_check_validity(from, to, SKEW_S, to ? AGE_MAX_S : AGE_UNLIMITED_S) == 1 ?
	       STAPLE_GOOD : STAPLE_NOTHING;
}

static enum staple read_singles(OCSP_BASICRESP *basic, X509 *cert, X509 *issuer)
{
	enum staple worst = STAPLE_NOTHING, s;
	int i, count = OCSP_resp_count(basic);

	for (i = 0; i < count && i < SINGLES_MAX; i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);

		s = is_about(single, cert, issuer) ? read_single(single) : STAPLE_NOTHING;
		if (s > worst)
			worst = s;
	}
	return worst;
}

static OCSP_BASICRESP *parse(const unsigned char *der, long len)
{
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &der, len);
	OCSP_BASICRESP *basic = NULL;

	if (response && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(response);
	OCSP_RESPONSE_free(response);
	return basic;
}

/**
 * staple_check() - what does the server prove about its certificate's revocation?
 * @ssl: the leg to it, with the handshake done
 * @cert: the server's certificate
 * @issuer: of @cert, from the verified chain
 *
 * Return: what the response that it has stapled says, if there is one to be believed.
 */
enum staple staple_check(SSL *ssl, X509 *cert, X509 *issuer)
{
	const unsigned char *der;
	long len = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
	OCSP_BASICRESP *basic = len > 0 ? parse(der, len) : NULL;
	enum staple s = STAPLE_NOTHING;

	if (basic && is_signed(basic, issuer))
		s = read_singles(basic, cert, issuer);
	OCSP_BASICRESP_free(basic);
	ERR_clear_error();
	return s;
}

static bool demands_staple(const X509 *cert)
{
	TLS_FEATURE *features = X509_get_ext_d2i(cert, NID_tlsfeature, NULL, NULL);
	bool found = false;
	int i;

	for (i = 0; i < sk_ASN1_INTEGER_num(features) && !found; i++)
		found = ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == FEATURE_STATUS;
	TLS_FEATURE_free(features);
	return found;
}

/**
 * staple_is_due() - does a certificate promise that a response is stapled?
 * @chain: the server's first; an authority's promise is one for all that it signs
 *
 * Return: true if one does.
 */
bool staple_is_due(const STACK_OF(X509) *chain)
{
	int i;

	for (i = 0; i < sk_X509_num(chain); i++)
		if (demands_staple(sk_X509_value(chain, i)))
			return true;
	return false;
}
