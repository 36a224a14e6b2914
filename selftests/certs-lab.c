// SPDX-License-Identifier: GPL-2.0-only
/* Makes the certificates, lists and responses of a row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "certs.h"

#define DAY	(24L * 60 * 60)
#define EXTS	16

struct entity {
	X509 *cert;
	EVP_PKEY *key;
};

struct ext {
	char name[40];
	char value[400];
};

static const char ca_exts[] = "basicConstraints=critical,CA:TRUE\n"
	"keyUsage=critical,keyCertSign,cRLSign\n"
	"subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";
static const char leaf_exts[] = "basicConstraints=critical,CA:FALSE\n"
	"keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
	"subjectAltName=DNS:" HOST "\n"
	"subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";

/* The program has no way to go on without what it cannot make. */
_Noreturn void die(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "certs: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void need(int ok, const char *what)
{
	if (!ok)
		die(what);
}

/* ---- keys */

static BIGNUM *next_prime(BIGNUM *phi, BN_CTX *ctx)
{
	BIGNUM *p = BN_new(), *minus;

	do
		need(BN_generate_prime_ex(p, 512, 0, NULL, NULL, NULL), "prime");
	while (BN_mod_word(p, 65537) == 1);
	minus = BN_dup(p);
	need(BN_sub_word(minus, 1) && BN_mul(phi, phi, minus, ctx), "phi");
	BN_free(minus);
	return p;
}

static EVP_PKEY *rsa_key(const BIGNUM *n, const BIGNUM *e, const BIGNUM *d)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	need(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
	     OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) &&
	     OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_D, d), "RSA");
	params = OSSL_PARAM_BLD_to_param(bld);
	need(EVP_PKEY_fromdata_init(ctx) > 0 &&
	     EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) > 0, "RSA key");
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Of many small primes: a key of 16384 bits in a second. */
static EVP_PKEY *big_key(int bits)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n = BN_new(), *e = BN_new(), *d, *phi = BN_new(), *p;
	EVP_PKEY *key;
	int i;

	need(BN_one(n) && BN_one(phi) && BN_set_word(e, 65537), "numbers");
	for (i = 0; i < bits / 512; i++) {
		p = next_prime(phi, ctx);
		need(BN_mul(n, n, p, ctx), "modulus");
		BN_free(p);
	}
	d = BN_mod_inverse(NULL, e, phi, ctx);
	need(!!d, "inverse");
	key = rsa_key(n, e, d);
	BN_free(n);
	BN_free(e);
	BN_free(d);
	BN_free(phi);
	BN_CTX_free(ctx);
	return key;
}

static EVP_PKEY *ec_key(const char *curve, bool explicit)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	need(ctx && EVP_PKEY_keygen_init(ctx) > 0 &&
	     EVP_PKEY_CTX_set_group_name(ctx, curve) > 0, curve);
	if (explicit)
		need(EVP_PKEY_CTX_set_ec_param_enc(ctx, 0) > 0, "explicit");
	need(EVP_PKEY_generate(ctx, &key) > 0, "EC key");
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *make_key(const char *spec)
{
	const char *arg = strchr(spec, ':');

	need(!!arg, spec);
	arg++;
	if (!strncmp(spec, "rsa:", 4))
		return EVP_RSA_gen(atoi(arg));
	if (!strncmp(spec, "big:", 4))
		return big_key(atoi(arg));
	return ec_key(arg, !strncmp(spec, "explicit:", 9));
}

/* ---- extensions */

static size_t add_lines(struct ext *all, size_t count, const char *lines)
{
	const char *equals, *end;
	struct ext e;
	size_t i;

	for (; lines && *lines; lines = *end ? end + 1 : end) {
		equals = strchr(lines, '=');
		end = lines + strcspn(lines, "\n");
		snprintf(e.name, sizeof(e.name), "%.*s", (int)(equals - lines), lines);
		snprintf(e.value, sizeof(e.value), "%.*s", (int)(end - equals - 1), equals + 1);
		for (i = 0; i < count && strcmp(all[i].name, e.name); i++)
			;
		need(i < EXTS, "too many extensions");
		all[i] = e;
		count += i == count;
	}
	return count;
}

static void add_exts(X509 *cert, X509 *issuer, const char *usual, const char *unusual)
{
	struct ext all[EXTS];
	size_t i, count = add_lines(all, 0, usual);
	CONF *empty = NCONF_new(NULL);
	X509_EXTENSION *x;
	X509V3_CTX ctx;

	count = add_lines(all, count, unusual);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, empty);
	for (i = 0; i < count; i++) {
		if (!*all[i].value || (!strcmp(all[i].name, "authorityKeyIdentifier") &&
				       !X509_get0_subject_key_id(issuer)))
			continue;
		x = X509V3_EXT_nconf(empty, &ctx, all[i].name, all[i].value);
		need(x && X509_add_ext(cert, x, -1), all[i].name);
		X509_EXTENSION_free(x);
	}
	NCONF_free(empty);
}

static GENERAL_NAME *dns_name(const char *text)
{
	GENERAL_NAME *n = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	need(n && s && ASN1_STRING_set(s, text, -1), "name");
	GENERAL_NAME_set0_value(n, GEN_DNS, s);
	return n;
}

static void add_many_constraints(X509 *cert, int count)
{
	NAME_CONSTRAINTS *nc = NAME_CONSTRAINTS_new();
	char name[64];

	nc->excludedSubtrees = sk_GENERAL_SUBTREE_new_null();
	for (; count > 0; count--) {
		GENERAL_SUBTREE *sub = GENERAL_SUBTREE_new();

		snprintf(name, sizeof(name), "x%d.example.org", count);
		GENERAL_NAME_free(sub->base);
		sub->base = dns_name(name);
		sk_GENERAL_SUBTREE_push(nc->excludedSubtrees, sub);
	}
	need(X509_add1_ext_i2d(cert, NID_name_constraints, nc, 1, 0), "constraints");
	NAME_CONSTRAINTS_free(nc);
}

static void add_many_names(X509 *cert, int count)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
	char name[64];

	X509_EXTENSION_free(X509_delete_ext(cert, at));
	for (; count > 0; count--) {
		snprintf(name, sizeof(name), "w%d.example.test", count);
		sk_GENERAL_NAME_push(names, dns_name(count == 1 ? HOST : name));
	}
	need(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0), "names");
	GENERAL_NAMES_free(names);
}

/* ---- certificates */

static void set_names(X509 *cert, const char *subject, const struct entity *issuer)
{
	X509_NAME *name = X509_get_subject_name(cert);

	if (*subject)
		need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
						(const unsigned char *)subject, -1, -1, 0), "CN");
	need(X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer->cert) : name),
	     "issuer");
}

static void set_serial(X509 *cert)
{
	BIGNUM *n = BN_new();

	need(BN_rand(n, 100, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	     BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)), "serial");
	BN_free(n);
}

static void set_dates(X509 *cert, const struct spec *s)
{
	need(X509_gmtime_adj(X509_getm_notBefore(cert), (s->to ? s->from : -1) * DAY) &&
	     X509_gmtime_adj(X509_getm_notAfter(cert), (s->to ? s->to : 30) * DAY), "dates");
}

static X509 *start_cert(const struct spec *s, const char *subject, EVP_PKEY *key,
			const struct entity *issuer)
{
	X509 *cert = X509_new();

	need(cert && X509_set_version(cert, s->versioned ? s->version : X509_VERSION_3) &&
	     X509_set_pubkey(cert, key), "certificate");
	set_serial(cert);
	set_dates(cert, s);
	set_names(cert, s->subject ? s->subject : subject, issuer);
	return cert;
}

static void sign(X509 *cert, const struct spec *s, EVP_PKEY *key)
{
	const char *digest = s->digest ? s->digest : "SHA256";

	need(X509_sign(cert, key, EVP_get_digestbyname(digest)) > 0, "signature");
}

static struct entity authority(const struct spec *s, const char *subject, EVP_PKEY *key,
			       const struct entity *issuer)
{
	struct entity e = { .key = key };

	if (!key)
		e.key = make_key(s->key ? s->key : "ec:P-256");
	e.cert = start_cert(s, subject, e.key, issuer);
	if (!s->versioned)
		add_exts(e.cert, issuer ? issuer->cert : e.cert, ca_exts, s->ext);
	sign(e.cert, s, issuer ? issuer->key : e.key);
	return e;
}

static struct entity server(const struct row *r, const struct entity *issuer)
{
	const struct spec *s = &r->leaf;
	struct entity e = { .key = make_key(s->key ? s->key : "ec:P-256") };

	e.cert = start_cert(s, HOST, e.key, issuer);
	if (!s->versioned)
		add_exts(e.cert, issuer ? issuer->cert : e.cert, leaf_exts, s->ext);
	if (r->flags & (MANY_NAMES | TOO_MANY_NAMES))
		add_many_names(e.cert, r->flags & MANY_NAMES ? 3000 : 10000);
	if (r->flags & DUPLICATE)
		need(X509_add_ext(e.cert, X509_get_ext(e.cert, 0), -1), "duplicate");
	sign(e.cert, s, issuer ? issuer->key : e.key);
	return e;
}

static void tamper(X509 **cert)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int len = i2d_X509(*cert, &der);

	need(len > 0, "DER");
	der[len - 1] ^= 1;
	X509_free(*cert);
	p = der;
	*cert = d2i_X509(NULL, &p, len);
	need(!!*cert, "tampered certificate");
	OPENSSL_free(der);
}

/* ---- revocation */

static ASN1_TIME *days(long n)
{
	return X509_gmtime_adj(NULL, n * DAY);
}

static void revoke(X509_CRL *crl, const X509 *cert)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(cert));

	need(X509_REVOKED_set_serialNumber(r, serial) &&
	     X509_REVOKED_set_revocationDate(r, days(-1)) && X509_CRL_add0_revoked(crl, r),
	     "revoked entry");
}

static X509_CRL *make_crl(enum crl kind, const struct entity *issuer, const X509 *revoked)
{
	bool stale = kind == CRL_STALE_GOOD || kind == CRL_STALE_REVOKED;
	EVP_PKEY *key = kind == CRL_FORGED ? make_key("ec:P-256") : issuer->key;
	X509_CRL *crl = X509_CRL_new();

	need(X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
	     X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) &&
	     X509_CRL_set1_lastUpdate(crl, days(stale ? -9 : -1)) &&
	     X509_CRL_set1_nextUpdate(crl, days(stale ? -2 : 6)), "list");
	if (kind != CRL_GOOD && kind != CRL_STALE_GOOD)
		revoke(crl, revoked);
	need(X509_CRL_sort(crl) && X509_CRL_sign(crl, key, EVP_sha256()) > 0, "signed list");
	return crl;
}

static struct entity responder(enum staple_kind kind, const struct entity *issuer)
{
	static const struct spec delegate = {
		.ext = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
		       "extendedKeyUsage=OCSPSigning" };
	static const struct spec no_eku = {
		.ext = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature" };
	static const struct spec other = { };
	struct entity another;

	switch (kind) {
	case DELEGATED:
		return authority(&delegate, "responder", NULL, issuer);
	case DELEGATED_NO_EKU:
		return authority(&no_eku, "responder", NULL, issuer);
	case DELEGATED_OTHER:
		another = authority(&other, "another authority", NULL, NULL);
		return authority(&delegate, "responder", NULL, &another);
	case OTHER_SIGNER:
		return authority(&other, "another authority", NULL, NULL);
	default:
		return *issuer;
	}
}

static void add_status(OCSP_BASICRESP *basic, enum staple_kind kind, OCSP_CERTID *id)
{
	int status = kind == REVOKED ? V_OCSP_CERTSTATUS_REVOKED :
		     kind == UNKNOWN ? V_OCSP_CERTSTATUS_UNKNOWN : V_OCSP_CERTSTATUS_GOOD;
	bool endless = kind == ENDLESS || kind == ENDLESS_OLD;
	long hours = kind == STALE ? -30 * 24 : kind == ENDLESS_OLD ? -48 : -1;

	need(!!OCSP_basic_add1_status(basic, id, status, 0,
				      kind == REVOKED ? days(-1) : NULL,
				      X509_gmtime_adj(NULL, hours * 3600),
				      endless ? NULL : days(kind == STALE ? -20 : 6)), "status");
}

static void staple(struct lab *lab, const struct entity *issuer)
{
	enum staple_kind kind = lab->row->staple;
	struct entity signer = responder(kind, issuer);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	X509 *about = kind == OTHER_SERIAL ? issuer->cert : lab->leaf;
	OCSP_RESPONSE *response;

	if (kind == GARBAGE) {
		lab->staple = OPENSSL_zalloc(100);
		lab->staple_len = 100;
		return;
	}
	add_status(basic, kind, OCSP_cert_to_id(EVP_sha1(), about, issuer->cert));
	need(OCSP_basic_sign(basic, signer.cert, signer.key,
			     kind == SHA1_SIGNED ? EVP_sha1() : EVP_sha256(), NULL, 0), "OCSP");
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	lab->staple_len = i2d_OCSP_RESPONSE(response, &lab->staple);
	need(lab->staple_len > 0, "OCSP response");
}

/* ---- a row */

static void push(STACK_OF(X509) *certs, X509 *cert)
{
	X509_up_ref(cert);
	need(sk_X509_push(certs, cert), "stack");
}

static void send_crowd(struct lab *lab)
{
	static const struct spec usual = { };
	struct entity one = authority(&usual, "one of many", NULL, NULL);
	int i;

	for (i = 0; i < 200; i++)
		push(lab->sent, one.cert);
}

/* The operator's authority; most rows have nothing to do with it. */
static struct entity own_root(void)
{
	static const struct spec usual = { };

	return authority(&usual, "the box's own authority", NULL, NULL);
}

static struct entity make_root(struct lab *lab, struct entity *own)
{
	const struct row *r = lab->row;
	struct entity root, other;

	if (r->flags & OWN_ROOT)
		root = *own;
	else if (r->flags & OWN_AGAIN)
		root = authority(&r->root, "the box's own authority, anew", own->key, NULL);
	else
		root = authority(&r->root, r->name, NULL, NULL);
	if (r->flags & UNTRUSTED) {
		other = authority(&r->root, r->name, NULL, NULL);
		push(lab->trusted, other.cert);
	} else if (!(r->flags & SELF_SIGNED)) {
		push(lab->trusted, root.cert);
	}
	return root;
}

/* Two that have signed each other; the second signs the server. */
static struct entity make_loop(struct lab *lab)
{
	static const struct spec usual = { };
	struct entity a = authority(&usual, "a", NULL, NULL);
	struct entity b = authority(&usual, "b", NULL, &a);

	a = authority(&usual, "a", a.key, &b);
	push(lab->sent, a.cert);
	push(lab->sent, b.cert);
	return b;
}

static struct entity make_inter(struct lab *lab, const struct entity *root,
				const struct entity *own)
{
	static const struct spec expired = { .from = -20, .to = -10 };
	const struct row *r = lab->row;
	struct entity inter, above = *root, old;
	static const struct spec usual = { };
	STACK_OF(X509) *up = sk_X509_new_null();
	char name[64];
	unsigned int i;

	for (i = 0; i < r->more; i++) {
		snprintf(name, sizeof(name), "intermediate %u", i);
		above = authority(&usual, name, NULL, &above);
		push(up, above.cert);
	}
	inter = authority(&r->inter, r->flags & OWN_CROSS ? "the box's own authority" :
			  "intermediate", r->flags & OWN_CROSS ? own->key : NULL, &above);
	if (r->flags & MANY_CONSTRAINTS) {
		add_many_constraints(inter.cert, 1000);
		sign(inter.cert, &r->inter, above.key);
	}
	if (r->flags & OTHER_INTER) {
		old = authority(&expired, "intermediate", inter.key, &above);
		push(lab->sent, old.cert);
	}
	if (r->flags & TAMPERED_INTER)
		tamper(&inter.cert);
	if (!(r->flags & INCOMPLETE))
		push(lab->sent, inter.cert);
	while (sk_X509_num(up))
		push(lab->sent, sk_X509_pop(up));
	return inter;
}

/**
 * lab_make() - make all that a row needs
 * @lab: filled in
 * @row: it
 */
void lab_make(struct lab *lab, const struct row *row)
{
	struct entity own = own_root(), root, issuer, leaf;

	memset(lab, 0, sizeof(*lab));
	lab->row = row;
	lab->own = own.cert;
	lab->sent = sk_X509_new_null();
	lab->trusted = sk_X509_new_null();
	root = make_root(lab, &own);
	if (row->flags & (NO_INTER | SELF_SIGNED))
		issuer = root;
	else
		issuer = row->flags & LOOP ? make_loop(lab) : make_inter(lab, &root, &own);
	leaf = server(row, row->flags & SELF_SIGNED ? NULL : &issuer);
	if (row->flags & TAMPERED_LEAF)
		tamper(&leaf.cert);
	lab->key = leaf.key;
	lab->leaf = leaf.cert;
	if (row->flags & LEAF_TRUSTED)
		push(lab->trusted, leaf.cert);
	if (row->flags & SELF_SIGNED && !(row->flags & LEAF_TRUSTED))
		push(lab->trusted, own.cert);
	if (row->flags & CROWD)
		send_crowd(lab);
	if (row->flags & ROOT_SENT)
		push(lab->sent, root.cert);
	if (row->crl == CRL_REVOKED_INTER)
		lab->crl = make_crl(row->crl, &root, issuer.cert);
	else if (row->crl)
		lab->crl = make_crl(row->crl, &issuer, leaf.cert);
	if (row->staple)
		staple(lab, &issuer);
}

static FILE *create(const char *dir, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		die(path);
	return f;
}

static void write_certs(const char *dir, const char *name, const STACK_OF(X509) *certs)
{
	FILE *f = create(dir, name);
	int i;

	for (i = 0; i < sk_X509_num(certs); i++)
		need(PEM_write_X509(f, sk_X509_value(certs, i)), name);
	need(!fclose(f), name);
}

/**
 * lab_write() - write what verifiers need into files
 * @lab: it
 * @dir: an existing directory; gets leaf.pem, sent.pem, trusted.pem, and crl.pem if there is one
 */
void lab_write(const struct lab *lab, const char *dir)
{
	STACK_OF(X509) *leaf = sk_X509_new_null();
	FILE *f;

	push(leaf, lab->leaf);
	write_certs(dir, "leaf.pem", leaf);
	write_certs(dir, "sent.pem", lab->sent);
	write_certs(dir, "trusted.pem", lab->trusted);
	sk_X509_pop_free(leaf, X509_free);
	if (!lab->crl)
		return;
	f = create(dir, "crl.pem");
	need(PEM_write_X509_CRL(f, lab->crl) && !fclose(f), "crl.pem");
}
