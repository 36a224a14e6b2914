// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Certificates in the names of servers, signed by the operator's authority. Only names and
 * dates come from the server's own: what else it says was said by another authority.
 */
#include <stdlib.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "kbumpd.h"

#define SERIAL_BITS	159
#define RSA_BITS	2048

/**
 * struct forge - a worker's maker of certificates
 *
 * @ca: signs them
 * @rsa: key of all forged certificates of that kind
 * @ecdsa: the same
 * @cache: certificates that were made
 */
struct forge {
	const struct ca *ca;
	EVP_PKEY *rsa;
	EVP_PKEY *ecdsa;
	struct cache *cache;
};

/**
 * forge_new() - make keys and an empty cache
 * @ca: signs what is forged; must outlive it
 *
 * Return: it, or NULL.
 */
struct forge *forge_new(const struct ca *ca)
{
	struct forge *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->ca = ca;
	f->rsa = EVP_RSA_gen(RSA_BITS);
	f->ecdsa = EVP_EC_gen("P-256");
	f->cache = cache_new();
	if (f->rsa && f->ecdsa && f->cache)
		return f;
	forge_free(f);
	return NULL;
}

/**
 * forge_free() - erase the keys, free all
 * @f: from forge_new()
 */
void forge_free(struct forge *f)
{
	EVP_PKEY_free(f->rsa);
	EVP_PKEY_free(f->ecdsa);
	if (f->cache)
		cache_free(f->cache);
	free(f);
}

static int set_serial(X509 *leaf)
{
	BIGNUM *n = BN_new();
	int ok = n && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
		 BN_to_ASN1_INTEGER(n, X509_get_serialNumber(leaf));

	BN_free(n);
	return ok ? 0 : -1;
}

/* Valid while both the server's certificate and the authority's are. */
static int set_dates(X509 *leaf, const X509 *server, const X509 *ca)
{
	const ASN1_TIME *from = X509_get0_notBefore(server), *to = X509_get0_notAfter(server);

	if (ASN1_TIME_compare(X509_get0_notBefore(ca), from) > 0)
		from = X509_get0_notBefore(ca);
	if (ASN1_TIME_compare(X509_get0_notAfter(ca), to) < 0)
		to = X509_get0_notAfter(ca);
	return X509_set1_notBefore(leaf, from) == 1 && X509_set1_notAfter(leaf, to) == 1 ? 0 : -1;
}

static int add_extension(X509 *leaf, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	int ok = ext && X509_add_ext(leaf, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	return ok ? 0 : -1;
}

static int add_extensions(X509 *leaf, X509 *ca)
{
	static const struct {
		int nid;
		const char *value;
	} all[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid" },
	};
	X509V3_CTX ctx;
	size_t i;

	X509V3_set_ctx(&ctx, ca, leaf, NULL, NULL, 0);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		/* Without a key identifier of its own the authority cannot be named by it. */
		if (all[i].nid == NID_authority_key_identifier && !X509_get0_subject_key_id(ca))
			continue;
		if (add_extension(leaf, &ctx, all[i].nid, all[i].value) < 0)
			return -1;
	}
	return 0;
}

static int copy_names(X509 *leaf, const X509 *server)
{
	int at = X509_get_ext_by_NID(server, NID_subject_alt_name, -1);

	if (X509_set_subject_name(leaf, X509_get_subject_name(server)) != 1)
		return -1;
	return at < 0 || X509_add_ext(leaf, X509_get_ext(server, at), -1) == 1 ? 0 : -1;
}

static int sign(X509 *leaf, EVP_PKEY *key)
{
	int id = EVP_PKEY_get_base_id(key);
	/* These two have a digest of their own. */
	bool fixed = id == EVP_PKEY_ED25519 || id == EVP_PKEY_ED448;

	return X509_sign(leaf, key, fixed ? NULL : EVP_sha256()) > 0 ? 0 : -1;
}

static X509 *make(const struct ca *ca, const X509 *server, EVP_PKEY *key)
{
	X509 *leaf = X509_new();

	if (leaf && X509_set_version(leaf, X509_VERSION_3) == 1 &&
	    X509_set_issuer_name(leaf, X509_get_subject_name(ca->cert)) == 1 &&
	    X509_set_pubkey(leaf, key) == 1 && !set_serial(leaf) &&
	    !set_dates(leaf, server, ca->cert) && !copy_names(leaf, server) &&
	    !add_extensions(leaf, ca->cert) && !sign(leaf, ca->key))
		return leaf;
	X509_free(leaf);
	return NULL;
}

/* The server's own kind of key, unless the client can only do with the other one. */
static uint8_t choose_kind(const X509 *server, uint8_t usable)
{
	int id = EVP_PKEY_get_base_id(X509_get0_pubkey(server));
	uint8_t kind = id == EVP_PKEY_RSA || id == EVP_PKEY_RSA_PSS ? AUTH_RSA : AUTH_ECDSA;

	return usable && !(usable & kind) ? usable : kind;
}

static int digest(const X509 *server, uint8_t kind, uint8_t *id)
{
	unsigned int len;

	if (X509_digest(server, EVP_sha256(), id, &len) != 1)
		return -1;
	/* The key's kind belongs to the certificate's identity too. */
	id[SHA256_DIGEST_LENGTH - 1] ^= kind;
	return 0;
}

/**
 * forge_leaf() - a certificate in a server's name
 * @f: from forge_new()
 * @server: the server's own certificate
 * @usable: AUTH_* that the client can use
 * @key: the forged one's key; belongs to @f
 *
 * Return: the certificate, a reference of the caller's own; or NULL when OpenSSL failed.
 */
X509 *forge_leaf(struct forge *f, X509 *server, uint8_t usable, EVP_PKEY **key)
{
	uint8_t kind = choose_kind(server, usable);
	uint8_t id[SHA256_DIGEST_LENGTH];
	X509 *leaf;

	*key = kind == AUTH_RSA ? f->rsa : f->ecdsa;
	if (digest(server, kind, id) < 0)
		return NULL;
	leaf = cache_find(f->cache, id);
	if (leaf)
		return leaf;
	leaf = make(f->ca, server, *key);
	if (leaf)
		cache_add(f->cache, id, leaf);
	return leaf;
}
