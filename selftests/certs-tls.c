// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server leg against servers that no library would be: what it offers, and what it does
 * not put up with. Each server is bytes in memory. TAP.
 */
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sslerr.h>

#include "../helper/kbumpd.h"
#include "certs.h"

#define EXT_STATUS_REQUEST	5
#define EXT_EMS			23
#define EXT_RENEGOTIATION	0xff01
#define SCSV_RENEGOTIATION	0x00ff

/* Of Superfish, Inc., from the certificate of SHA-256 b6fe9151402bad1c... */
static const char superfish_key[] = "-----BEGIN PUBLIC KEY-----\n"
"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDo80oYdl8ZP7HPWOl/QwcJlYA1\n"
"xQ/+cTEngZkSJiCl349q/EJVOe4JOInZ4DbErAGCW9U55vmPB4jf/u72oRTOqXRF\n"
"2P3wF1cqguF6LhKTWqyK1xVj0bebVYAPWLwcSe0gYt22TKU66xw9oP96cabTEHgz\n"
"rkvCHP2SSqHD50GkLQIDAQAB\n"
"-----END PUBLIC KEY-----\n";

static int cases, failures;

static void result(bool ok, const char *name)
{
	cases++;
	failures += !ok;
	printf("%s %d - %s\n", ok ? "ok" : "not ok", cases, name);
	if (!ok)
		ERR_print_errors_fp(stdout);
}

static SSL *client_leg(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	if (!ssl)
		die("client");
	SSL_set0_rbio(ssl, BIO_new(BIO_s_mem()));
	SSL_set0_wbio(ssl, BIO_new(BIO_s_mem()));
	BIO_set_mem_eof_return(SSL_get_rbio(ssl), -1);
	SSL_set_connect_state(ssl);
	return ssl;
}

/* ---- what is offered */

static size_t client_hello(SSL *ssl, uint8_t *buf, size_t len)
{
	SSL_do_handshake(ssl);
	return BIO_read(SSL_get_wbio(ssl), buf, len);
}

static uint16_t u16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

/* Of a ClientHello in one record: where its suites begin. */
static const uint8_t *suites_of(const uint8_t *record)
{
	const uint8_t *session = record + 5 + 4 + 2 + 32;

	return session + 1 + session[0];
}

static bool offers_suite(const uint8_t *record, uint16_t id)
{
	const uint8_t *p = suites_of(record);
	size_t i;

	for (i = 0; i < u16(p); i += 2)
		if (u16(p + 2 + i) == id)
			return true;
	return false;
}

static bool offers_extension(const uint8_t *record, uint16_t type)
{
	const uint8_t *p = suites_of(record), *end;

	p += 2 + u16(p);
	p += 1 + p[0];
	end = p + 2 + u16(p);
	for (p += 2; p < end; p += 4 + u16(p + 2))
		if (u16(p) == type)
			return true;
	return false;
}

static bool is_default(uint16_t id)
{
	const struct suite *s = suite_by_id(id);

	return s && SUITES_DEFAULT & 1U << (s - suites);
}

/* Only what kTLS can carry, but for the number that stands for RFC 5746. */
static bool offers_known_suites(const uint8_t *record)
{
	const uint8_t *p = suites_of(record);
	size_t i;

	for (i = 0; i < u16(p); i += 2)
		if (u16(p + 2 + i) != SCSV_RENEGOTIATION && !is_default(u16(p + 2 + i)))
			return false;
	return u16(p) > 2;
}

static void offer_cases(SSL_CTX *ctx)
{
	SSL *ssl = client_leg(ctx);
	uint8_t buf[HELLO_MAX];
	struct hello h;
	size_t len;

	len = client_hello(ssl, buf, sizeof(buf));
	result(offers_known_suites(buf), "no suite but those of kTLS is offered");
	result(offers_extension(buf, EXT_STATUS_REQUEST), "a stapled OCSP response is asked for");
	result(offers_extension(buf, EXT_EMS), "the extended master secret is offered");
	result(offers_suite(buf, SCSV_RENEGOTIATION) || offers_extension(buf, EXT_RENEGOTIATION),
	       "secure renegotiation is offered");
	result(hello_parse(buf, len, &h) == HELLO_DONE && !h.fallback &&
	       h.min_version == TLS1_2_VERSION && h.max_version == TLS1_3_VERSION,
	       "TLS 1.2 and 1.3 are offered");
	SSL_free(ssl);

	ssl = client_leg(ctx);
	SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
	SSL_set_mode(ssl, SSL_MODE_SEND_FALLBACK_SCSV);
	len = client_hello(ssl, buf, sizeof(buf));
	result(hello_parse(buf, len, &h) == HELLO_DONE && h.fallback,
	       "a client's second try with less is noticed");
	SSL_free(ssl);
}

/* ---- ServerHellos of TLS 1.2 that are not to be believed */

struct forged {
	const char *name;
	uint16_t version;
	uint16_t suite;
	uint8_t compression;
	bool renegotiation;
	const char *sentinel;
	int reason;
};

static const struct forged forged[] = {
	{ "a ServerHello of TLS 1.2 is taken", 0x0303, 0xc02b, 0, true, NULL, 0 },
	{ "a server without RFC 5746 is refused", 0x0303, 0xc02b, 0, false, NULL,
	  SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED },
	{ "a downgrade from TLS 1.3 to 1.2 is seen", 0x0303, 0xc02b, 0, true, "DOWNGRD\x01",
	  SSL_R_INAPPROPRIATE_FALLBACK },
	{ "a downgrade to TLS 1.1 is seen", 0x0303, 0xc02b, 0, true, "DOWNGRD",
	  SSL_R_INAPPROPRIATE_FALLBACK },
	{ "TLS 1.1 is refused", 0x0302, 0xc013, 0, true, NULL, SSL_R_UNSUPPORTED_PROTOCOL },
	{ "TLS 1.0 is refused", 0x0301, 0xc013, 0, true, NULL, SSL_R_UNSUPPORTED_PROTOCOL },
	{ "SSL 3.0 is refused", 0x0300, 0x002f, 0, true, NULL, SSL_R_UNSUPPORTED_PROTOCOL },
	{ "RC4 is refused", 0x0303, 0x0005, 0, true, NULL, SSL_R_UNKNOWN_CIPHER_RETURNED },
	{ "3DES is refused", 0x0303, 0x000a, 0, true, NULL, SSL_R_UNKNOWN_CIPHER_RETURNED },
	{ "export ciphers are refused", 0x0303, 0x0003, 0, true, NULL,
	  SSL_R_UNKNOWN_CIPHER_RETURNED },
	{ "no encryption is refused", 0x0303, 0x003b, 0, true, NULL, SSL_R_WRONG_CIPHER_RETURNED },
	{ "a server without a name is refused", 0x0303, 0x00a6, 0, true, NULL,
	  SSL_R_WRONG_CIPHER_RETURNED },
	{ "key exchange by RSA is refused", 0x0303, 0x009c, 0, true, NULL,
	  SSL_R_WRONG_CIPHER_RETURNED },
	{ "key exchange by finite fields is refused", 0x0303, 0x009e, 0, true, NULL,
	  SSL_R_WRONG_CIPHER_RETURNED },
	{ "CBC is refused", 0x0303, 0xc02f - 8, 0, true, NULL, SSL_R_WRONG_CIPHER_RETURNED },
	{ "compression is refused", 0x0303, 0xc02b, 1, true, NULL,
	  SSL_R_COMPRESSION_DISABLED },
};

static size_t server_hello(const struct forged *f, uint8_t *buf)
{
	uint8_t *p = buf + 9;
	size_t ext = f->renegotiation ? 7 : 0;

	*p++ = f->version >> 8;
	*p++ = f->version & 0xff;
	memset(p, 0x5a, 32);
	if (f->sentinel)
		memcpy(p + 24, f->sentinel, 8);
	p += 32;
	*p++ = 0;
	*p++ = f->suite >> 8;
	*p++ = f->suite & 0xff;
	*p++ = f->compression;
	if (ext)
		memcpy(p, "\x00\x05\xff\x01\x00\x01\x00", ext);
	p += ext;
	memcpy(buf, "\x16\x03\x03\x00", 4);
	buf[4] = p - buf - 5;
	memcpy(buf + 5, "\x02\x00\x00", 3);
	buf[8] = p - buf - 9;
	return p - buf;
}

static void forged_case(SSL_CTX *ctx, const struct forged *f)
{
	SSL *ssl = client_leg(ctx);
	uint8_t buf[256];
	int ret, error;

	SSL_do_handshake(ssl);
	BIO_write(SSL_get_rbio(ssl), buf, server_hello(f, buf));
	ERR_clear_error();
	ret = SSL_do_handshake(ssl);
	error = SSL_get_error(ssl, ret);
	result(f->reason ? error == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) == f->reason :
			   error == SSL_ERROR_WANT_READ, f->name);
	SSL_free(ssl);
}

/* ---- whole handshakes, with a good certificate */

static void move(SSL *from, SSL *to)
{
	uint8_t buf[4096];
	int len;

	while ((len = BIO_read(SSL_get_wbio(from), buf, sizeof(buf))) > 0)
		BIO_write(SSL_get_rbio(to), buf, len);
}

static SSL *server_leg(SSL_CTX *ctx)
{
	SSL *ssl = client_leg(ctx);

	SSL_set_accept_state(ssl);
	return ssl;
}

/* Returns what the client's SSL_get_error() says in the end. */
static int shake(SSL *client, SSL *server)
{
	int i, ret = 0;

	for (i = 0; i < 10 && ret != 1; i++) {
		ERR_clear_error();
		ret = SSL_do_handshake(client);
		if (ret != 1 && SSL_get_error(client, ret) != SSL_ERROR_WANT_READ)
			break;
		move(client, server);
		SSL_do_handshake(server);
		move(server, client);
	}
	return SSL_get_error(client, ret);
}

static void ems_case(SSL_CTX *ctx, SSL_CTX *server_ctx)
{
	SSL *client = client_leg(ctx), *server = server_leg(server_ctx);

	SSL_set_max_proto_version(server, TLS1_2_VERSION);
	SSL_set_max_proto_version(client, TLS1_2_VERSION);
	result(shake(client, server) == SSL_ERROR_NONE && SSL_get_extms_support(client) == 1,
	       "the extended master secret is used");
	SSL_free(client);
	SSL_free(server);
}

/* RFC 8446 section 4.1.3, by a server that truly could do TLS 1.3. */
static void downgrade_case(SSL_CTX *ctx, SSL_CTX *server_ctx)
{
	SSL *client = client_leg(ctx), *server = server_leg(server_ctx);
	uint8_t buf[HELLO_MAX], *versions;
	int len, ret;

	/* The client's versions as somebody on the way would change them: to 1.2 alone. */
	len = client_hello(client, buf, sizeof(buf));
	versions = memmem(buf, len, "\x00\x2b\x00\x05\x04\x03\x04\x03\x03", 9);
	if (versions)
		memcpy(versions + 5, "\x03\x03\x03\x03", 4);
	else
		die("no versions in the hello");
	BIO_write(SSL_get_rbio(server), buf, len);
	SSL_do_handshake(server);
	move(server, client);
	ERR_clear_error();
	ret = SSL_do_handshake(client);
	result(SSL_get_error(client, ret) == SSL_ERROR_SSL &&
	       ERR_GET_REASON(ERR_peek_error()) == SSL_R_INAPPROPRIATE_FALLBACK,
	       "who takes TLS 1.3 out of the hello is noticed");
	SSL_free(client);
	SSL_free(server);
}

/* The last bytes are ServerHelloDone, of 9, and before it the signature. */
static void signature_case(SSL_CTX *ctx, SSL_CTX *server_ctx)
{
	SSL *client = client_leg(ctx), *server = server_leg(server_ctx);
	uint8_t buf[16384];
	int len, ret;

	SSL_set_max_proto_version(server, TLS1_2_VERSION);
	SSL_set_max_proto_version(client, TLS1_2_VERSION);
	SSL_do_handshake(client);
	move(client, server);
	SSL_do_handshake(server);
	len = BIO_read(SSL_get_wbio(server), buf, sizeof(buf));
	if (len < 100)
		die("no flight of the server");
	buf[len - 10] ^= 1;
	BIO_write(SSL_get_rbio(client), buf, len);
	ERR_clear_error();
	ret = SSL_do_handshake(client);
	result(SSL_get_error(client, ret) == SSL_ERROR_SSL &&
	       ERR_GET_REASON(ERR_peek_error()) == SSL_R_BAD_SIGNATURE,
	       "a server that lacks the certificate's key is refused in the handshake");
	SSL_free(client);
	SSL_free(server);
}

static void sha1_case(SSL_CTX *ctx, SSL_CTX *server_ctx)
{
	SSL *client = client_leg(ctx), *server = server_leg(server_ctx);

	SSL_set_max_proto_version(server, TLS1_2_VERSION);
	SSL_set1_sigalgs_list(server, "ECDSA+SHA1");
	result(shake(client, server) == SSL_ERROR_SSL, "signatures with SHA-1 are refused");
	SSL_free(client);
	SSL_free(server);
}

static void client_cert_case(SSL_CTX *ctx, SSL_CTX *server_ctx, int version, int mode,
			     const char *name)
{
	SSL *client = client_leg(ctx), *server = server_leg(server_ctx);

	SSL_set_max_proto_version(server, version);
	SSL_set_verify(server, mode, NULL);
	result(shake(client, server) == SSL_ERROR_WANT_X509_LOOKUP && !SSL_is_init_finished(server),
	       name);
	SSL_free(client);
	SSL_free(server);
}

static void handshake_cases(SSL_CTX *ctx)
{
	static const int demand = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	struct lab lab;
	SSL_CTX *server_ctx;

	lab_make(&lab, &rows[0]);
	server_ctx = server_context(&lab);
	ems_case(ctx, server_ctx);
	downgrade_case(ctx, server_ctx);
	signature_case(ctx, server_ctx);
	sha1_case(ctx, server_ctx);
	client_cert_case(ctx, server_ctx, TLS1_3_VERSION, SSL_VERIFY_PEER,
			 "TLS 1.3: a wish for a client certificate stops the handshake");
	client_cert_case(ctx, server_ctx, TLS1_2_VERSION, SSL_VERIFY_PEER,
			 "TLS 1.2: a wish for a client certificate stops the handshake");
	client_cert_case(ctx, server_ctx, TLS1_2_VERSION, demand,
			 "TLS 1.2: so does a demand for one");
	SSL_CTX_free(server_ctx);
}

/* ---- the operator's limits */

static void fill(struct hello *h, uint16_t min, uint16_t max, const uint16_t *ids)
{
	memset(h, 0, sizeof(*h));
	for (; min <= max; min++)
		h->versions |= TLS_VERSION_BIT(min);
	h->signs12 = AUTH_RSA | AUTH_ECDSA;
	for (; *ids; ids++)
		h->suite[h->suites++] = suite_by_id(*ids);
}

static bool narrowed(const char *list, uint16_t min, struct hello *h)
{
	struct setup s = { .min_version = min, .suites = SUITES_DEFAULT };

	if (list && narrow_ciphers(&s, list) < 0)
		return false;
	return !narrow_check(&s) && narrow(&s, h);
}

static void narrow_cases(void)
{
	static const uint16_t both[] = { 0x1301, 0x1302, 0xc02b, 0xc030, 0 };
	static const uint16_t old[] = { 0xc02b, 0xc030, 0 };
	struct hello h;

	fill(&h, TLS1_2_VERSION, TLS1_3_VERSION, both);
	result(narrowed(NULL, TLS1_2_VERSION, &h) && h.suites == 4 &&
	       h.min_version == TLS1_2_VERSION && h.max_version == TLS1_3_VERSION,
	       "without limits all goes on to the server");
	result(narrowed(NULL, TLS1_3_VERSION, &h) && h.min_version == TLS1_3_VERSION,
	       "--min-version 1.3 leaves TLS 1.2 out");
	fill(&h, TLS1_2_VERSION, TLS1_2_VERSION, old);
	result(!narrowed(NULL, TLS1_3_VERSION, &h), "--min-version 1.3: TLS 1.2 alone is refused");
	fill(&h, TLS1_2_VERSION, TLS1_3_VERSION, both);
	result(narrowed("TLS_AES_256_GCM_SHA384", TLS1_2_VERSION, &h) && h.suites == 1 &&
	       h.min_version == TLS1_3_VERSION && h.max_version == TLS1_3_VERSION,
	       "--ciphers with those of TLS 1.3 leaves TLS 1.2 out");
	fill(&h, TLS1_2_VERSION, TLS1_3_VERSION, both);
	result(narrowed("ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
			TLS1_2_VERSION, &h) && h.suites == 2 && h.suite[0]->id == 0xc02b &&
	       h.max_version == TLS1_2_VERSION,
	       "--ciphers with those of TLS 1.2 leaves TLS 1.3 out, and the client's order in");
	fill(&h, TLS1_2_VERSION, TLS1_3_VERSION, both);
	result(!narrowed("TLS_CHACHA20_POLY1305_SHA256", TLS1_2_VERSION, &h),
	       "--ciphers: nothing in common is refused");
	result(!narrowed("DES-CBC3-SHA", TLS1_2_VERSION, &h) && !narrowed("", TLS1_2_VERSION, &h) &&
	       !narrowed("TLS_AES_128_GCM_SHA256:", TLS1_2_VERSION, &h),
	       "--ciphers with anything else is an error");
}

/* ---- the authorities that nobody may trust */

static void blocked_case(void)
{
	BIO *in = BIO_new_mem_buf(superfish_key, -1);
	EVP_PKEY *key = PEM_read_bio_PUBKEY(in, NULL, NULL, NULL), *other = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	bool blocked;

	if (!key || X509_set_pubkey(cert, key) != 1)
		die("key");
	blocked = key_is_blocked(cert);
	X509_set_pubkey(cert, other);
	result(blocked && !key_is_blocked(cert), "a key that everybody has is known");
	X509_free(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	BIO_free(in);
}

/**
 * tls_cases() - run all cases
 * @client: context of the legs to servers, as kbumpd makes it
 *
 * Return: 0 if all went well.
 */
int tls_cases(SSL_CTX *client)
{
	size_t i;

	printf("TAP version 13\n");
	offer_cases(client);
	for (i = 0; i < ARRAY_SIZE(forged); i++)
		forged_case(client, &forged[i]);
	handshake_cases(client);
	narrow_cases();
	blocked_case();
	printf("1..%d\n", cases);
	return failures != 0;
}
