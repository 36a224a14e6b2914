// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the signer signs. It builds each certificate by itself, and takes nothing from a
 * request but a public key, names and dates: whoever has taken a worker over gets
 * certificates of servers from it, and nothing else.
 */
#include <time.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "kbumpd.h"
#include "signer.h"

#define SERIAL_BITS	159
#define UNTRUSTED_NAME	"kbump: server NOT verified"
#define UNTRUSTED_DAYS	3650
#define DAY		86400L

static int set_serial(X509 *cert)
{
	BIGNUM *n = BN_new();
	int ok = n && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
		 BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));

	BN_free(n);
	return ok ? 0 : -1;
}

static int add_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	int ok = ext && X509_add_ext(cert, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	return ok ? 0 : -1;
}

/* As strong as the key, and at least SHA-256. */
static const EVP_MD *digest_for(const EVP_PKEY *key)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return NULL;	/* they have one of their own */
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_bits(key) > 384)
			return EVP_sha512();
		return EVP_PKEY_get_bits(key) > 256 ? EVP_sha384() : EVP_sha256();
	default:
		return EVP_sha256();
	}
}

static int sign(X509 *cert, EVP_PKEY *key)
{
	return X509_sign(cert, key, digest_for(key)) > 0 ? 0 : -1;
}

static int set_key(X509 *cert, const uint8_t *der, size_t len)
{
	const uint8_t *end = der;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &end, len);
	char group[32] = "";
	int ok = 0;

	if (!key || end != der + len)
		goto out;
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		ok = EVP_PKEY_get_bits(key) == LEAF_RSA_BITS;
	else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
		ok = EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
		     OBJ_sn2nid(group) == NID_X9_62_prime256v1;
	ok = ok && X509_set_pubkey(cert, key) == 1;
out:
	EVP_PKEY_free(key);
	return ok ? 0 : -1;
}

static int set_subject(X509 *cert, const uint8_t *der, size_t len)
{
	const uint8_t *end = der;
	X509_NAME *name = d2i_X509_NAME(NULL, &end, len);
	int ok = name && end == der + len && X509_set_subject_name(cert, name) == 1;

	X509_NAME_free(name);
	return ok ? 0 : -1;
}

static bool is_plain(const uint8_t *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

static int add_name(GENERAL_NAMES *names, int type, const uint8_t *data, int len)
{
	GENERAL_NAME *name;
	ASN1_STRING *s;

	if (type == GEN_DNS ? !len || !is_plain(data, len) :
			      type != GEN_IPADD || (len != 4 && len != 16))
		return -1;
	name = GENERAL_NAME_new();
	s = ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
	if (!name || !s || ASN1_STRING_set(s, data, len) != 1)
		goto fail;
	GENERAL_NAME_set0_value(name, type, s);
	s = NULL;
	if (!sk_GENERAL_NAME_push(names, name))
		goto fail;
	return 0;
fail:
	ASN1_STRING_free(s);
	GENERAL_NAME_free(name);
	return -1;
}

static int read_names(GENERAL_NAMES *names, const uint8_t *data, size_t len)
{
	while (len) {
		if (len < 2 || len - 2 < data[1] || add_name(names, data[0], data + 2, data[1]) < 0)
			return -1;
		len -= 2 + data[1];
		data += 2 + data[1];
	}
	return 0;
}

static int set_names(X509 *cert, const uint8_t *data, size_t len)
{
	/* Without a subject they are all that names the server (RFC 5280 section 4.2.1.6). */
	int critical = !X509_NAME_entry_count(X509_get_subject_name(cert));
	GENERAL_NAMES *names;
	int ok;

	if (!len)
		return 0;
	names = GENERAL_NAMES_new();
	ok = names && !read_names(names, data, len) &&
	     X509_add1_ext_i2d(cert, NID_subject_alt_name, names, critical, 0) == 1;
	GENERAL_NAMES_free(names);
	return ok ? 0 : -1;
}

static int64_t seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

/* Of a server that did not verify the dates may be the reason, and the client is to see it. */
static int set_dates(X509 *cert, const X509 *ca, const struct sign_request *rq)
{
	int64_t from = rq->from, to = rq->to, now = time(NULL);

	if (rq->verified) {
		if (from < seconds(X509_get0_notBefore(ca)))
			from = seconds(X509_get0_notBefore(ca));
		if (to > seconds(X509_get0_notAfter(ca)))
			to = seconds(X509_get0_notAfter(ca));
		if (now < from || now > to)
			return -1;
	}
	return ASN1_TIME_set(X509_getm_notBefore(cert), from) &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), to) ? 0 : -1;
}

static int add_extensions(X509 *cert, X509 *ca)
{
	bool rsa = EVP_PKEY_get_base_id(X509_get0_pubkey(cert)) == EVP_PKEY_RSA;
	const struct {
		int nid;
		const char *value;
	} all[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		/* RSA key exchange, where it is allowed, encrypts to the key: RFC 5246, 7.4.2. */
		{ NID_key_usage, rsa ? "critical,digitalSignature,keyEncipherment" :
				       "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid" },
	};
	X509V3_CTX ctx;
	size_t i;

	X509V3_set_ctx(&ctx, ca, cert, NULL, NULL, 0);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		/* Without a key identifier of its own the authority cannot be named by it. */
		if (all[i].nid == NID_authority_key_identifier && !X509_get0_subject_key_id(ca))
			continue;
		if (add_extension(cert, &ctx, all[i].nid, all[i].value) < 0)
			return -1;
	}
	return 0;
}

static bool is_whole(const struct sign_request *rq, size_t len)
{
	return len >= SIGN_REQUEST_HEAD && rq->number != SIGN_NUMBER_HELLO && rq->verified <= 1 &&
	       rq->key_len <= SIGN_KEY_MAX && rq->subject_len <= SIGN_SUBJECT_MAX &&
	       rq->names_len <= SIGN_NAMES_MAX &&
	       len == SIGN_REQUEST_HEAD + rq->key_len + rq->subject_len + rq->names_len;
}

static const char *build(X509 *cert, const struct issuer *by, const struct sign_request *rq)
{
	const uint8_t *key = rq->data, *subject = key + rq->key_len;
	const uint8_t *names = subject + rq->subject_len;

	if (X509_set_version(cert, X509_VERSION_3) != 1 || set_serial(cert) < 0 ||
	    X509_set_issuer_name(cert, X509_get_subject_name(by->cert)) != 1)
		return "OpenSSL failed";
	if (set_key(cert, key, rq->key_len) < 0)
		return "not a key of a worker";
	if (set_subject(cert, subject, rq->subject_len) < 0)
		return "malformed subject";
	if (set_names(cert, names, rq->names_len) < 0)
		return "malformed names";
	if (set_dates(cert, by->cert, rq) < 0)
		return "the server's certificate or the authority's is not valid now";
	if (add_extensions(cert, by->cert) < 0)
		return "OpenSSL failed";
	return sign(cert, by->key) < 0 ? "the authority's key failed" : NULL;
}

/**
 * issue() - make the certificate that a request asks for
 * @by: signs it
 * @rq: from a worker, not to be trusted
 * @len: bytes of it
 * @why: static text, set where there is no certificate
 *
 * It is always that of a TLS server and never of an authority, has a key of a kind that
 * workers have, and host names and addresses only. One that is said to be verified is
 * valid now, and no longer than the authority.
 *
 * Return: the certificate, or NULL.
 */
X509 *issue(const struct issuer *by, const struct sign_request *rq, size_t len,
	    const char **why)
{
	X509 *cert;

	*why = "malformed request";
	if (!is_whole(rq, len))
		return NULL;
	cert = X509_new();
	*why = cert ? build(cert, by, rq) : "out of memory";
	if (!*why)
		return cert;
	X509_free(cert);
	return NULL;
}

static int name_untrusted(X509 *cert)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
					  (const uint8_t *)UNTRUSTED_NAME, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(cert, name) == 1 ? 0 : -1;
}

static int describe_untrusted(X509 *cert, EVP_PKEY *key)
{
	X509V3_CTX ctx;

	if (X509_set_version(cert, X509_VERSION_3) != 1 || set_serial(cert) < 0 ||
	    name_untrusted(cert) < 0 || X509_set_pubkey(cert, key) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), UNTRUSTED_DAYS * DAY))
		return -1;
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	if (add_extension(cert, &ctx, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") < 0)
		return -1;
	return add_extension(cert, &ctx, NID_subject_key_identifier, "hash");
}

/**
 * issuer_make_untrusted() - make the authority that signs for servers that did not verify
 * @by: filled in
 *
 * Its key is made anew at each start and its certificate given to nobody, so no client can
 * trust it: the client warns its user, as it would have done without the box.
 *
 * Return: 0, or -1 when OpenSSL failed.
 */
int issuer_make_untrusted(struct issuer *by)
{
	by->key = EVP_EC_gen("P-256");
	by->cert = X509_new();
	if (!by->key || !by->cert || describe_untrusted(by->cert, by->key) < 0)
		return -1;
	return sign(by->cert, by->key);
}
