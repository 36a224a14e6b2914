// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The parser of ClientHellos: hostile input, so no state, no allocation, no system call. */
#include <string.h>

#include "hello.h"

#define RECORD_HEADER		5
#define RECORD_MAX		16384
#define HANDSHAKE_HEADER	4
#define TYPE_HANDSHAKE		22
#define TYPE_CLIENT_HELLO	1
#define RANDOM_LEN		32
#define SESSION_ID_MAX		32

/* Not a suite but a remark among them. */
#define FALLBACK_SCSV		0x5600

#define V10	0x0301
#define V12	0x0303
#define V13	0x0304

enum extension {
	EXT_SERVER_NAME = 0,
	EXT_SIGNATURES = 13,
	EXT_ALPN = 16,
	EXT_VERSIONS = 43,
	EXT_ECH = 0xfe0d,
};

/* ECHClientHelloType (RFC 9849, section 5); the inner one is within what is encrypted. */
#define ECH_OUTER	0

/* What is found on the way and makes up the verdict at the end. */
struct findings {
	struct hello *h;
	bool has_versions;
	bool has_signatures;
};

/* A stretch of bytes that is read from its start; a read beyond its end spoils it. */
struct cursor {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static const uint8_t *take(struct cursor *c, size_t len)
{
	const uint8_t *at = c->at;

	if (c->bad || len > c->left) {
		c->bad = true;
		return NULL;
	}
	c->at += len;
	c->left -= len;
	return at;
}

static uint8_t take_u8(struct cursor *c)
{
	const uint8_t *p = take(c, 1);

	return p ? p[0] : 0;
}

static uint16_t take_u16(struct cursor *c)
{
	const uint8_t *p = take(c, 2);

	return p ? p[0] << 8 | p[1] : 0;
}

static struct cursor take_vector(struct cursor *c, size_t len)
{
	struct cursor v = { .left = len };

	v.at = take(c, len);
	v.bad = c->bad;
	if (v.bad)
		v.left = 0;
	return v;
}

static struct cursor take_vector8(struct cursor *c)
{
	return take_vector(c, take_u8(c));
}

static struct cursor take_vector16(struct cursor *c)
{
	return take_vector(c, take_u16(c));
}

/* All of it was read, and there was enough. */
static bool at_end(const struct cursor *c)
{
	return !c->bad && !c->left;
}

static bool parse_name(struct hello *h, struct cursor name)
{
	size_t i, len = name.left;

	if (name.bad || !len || len >= sizeof(h->sni))
		return false;
	for (i = 0; i < len; i++)
		if (name.at[i] <= ' ' || name.at[i] > '~')
			return false;
	memcpy(h->sni, name.at, len);
	h->sni[len] = '\0';
	return true;
}

static bool parse_server_name(struct hello *h, struct cursor *ext)
{
	struct cursor list = take_vector16(ext);

	/* One name, of the one type that exists, is all that was ever defined. */
	if (take_u8(&list) || !parse_name(h, take_vector16(&list)))
		return false;
	return at_end(&list) && at_end(ext);
}

static bool parse_alpn(struct hello *h, struct cursor *ext)
{
	struct cursor list = take_vector16(ext);
	size_t len;

	if (list.bad || !list.left)
		return false;
	while (list.left) {
		const uint8_t *at = list.at;
		struct cursor name = take_vector8(&list);

		if (name.bad || !name.left)
			return false;
		/* A client may offer less than it can do, and so may we in its place. */
		len = name.left + 1;
		if (len > sizeof(h->alpn) - h->alpn_len)
			continue;
		memcpy(h->alpn + h->alpn_len, at, len);
		h->alpn_len += len;
	}
	return at_end(ext);
}

static bool parse_versions(struct findings *f, struct cursor *ext)
{
	struct cursor list = take_vector8(ext);

	f->has_versions = true;
	while (list.left && !list.bad) {
		uint16_t version = take_u16(&list);

		if (version >= V10 && version <= V13)
			f->h->versions |= TLS_VERSION_BIT(version);
	}
	return at_end(&list) && at_end(ext);
}

static void note_signature(struct hello *h, uint16_t scheme)
{
	switch (scheme) {
	case 0x0401: /* rsa_pkcs1_sha256, _sha384, _sha512 */
	case 0x0501:
	case 0x0601:
		h->signs12 |= AUTH_RSA;
		break;
	case 0x0804: /* rsa_pss_rsae_sha256, _sha384, _sha512 */
	case 0x0805:
	case 0x0806:
		h->signs12 |= AUTH_RSA;
		h->auth13 |= AUTH_RSA;
		break;
	case 0x0403: /* ecdsa_secp256r1_sha256: the curve of our keys */
		h->signs12 |= AUTH_ECDSA;
		h->auth13 |= AUTH_ECDSA;
		break;
	case 0x0503: /* in TLS 1.2 the hash does not fix the curve */
	case 0x0603:
		h->signs12 |= AUTH_ECDSA;
		break;
	}
}

static bool parse_signatures(struct findings *f, struct cursor *ext)
{
	struct cursor list = take_vector16(ext);

	f->has_signatures = true;
	while (list.left && !list.bad)
		note_signature(f->h, take_u16(&list));
	return at_end(&list) && at_end(ext);
}

static bool parse_extension(struct findings *f, uint16_t type, struct cursor *ext)
{
	switch (type) {
	case EXT_SERVER_NAME:
		/* Twice the same extension is not allowed. */
		return !f->h->sni[0] && parse_server_name(f->h, ext);
	case EXT_SIGNATURES:
		return !f->has_signatures && parse_signatures(f, ext);
	case EXT_ALPN:
		return !f->h->alpn_len && parse_alpn(f->h, ext);
	case EXT_VERSIONS:
		return !f->has_versions && parse_versions(f, ext);
	case EXT_ECH:
		/* What is wrong with it is for the server to say. */
		f->h->ech = ext->left && *ext->at == ECH_OUTER;
		return true;
	default:
		return true;
	}
}

static bool parse_extensions(struct findings *f, struct cursor *body)
{
	struct cursor list;

	if (!body->left)
		return true;
	list = take_vector16(body);
	while (list.left) {
		uint16_t type = take_u16(&list);
		struct cursor ext = take_vector16(&list);

		if (ext.bad || !parse_extension(f, type, &ext))
			return false;
	}
	return at_end(&list);
}

static void add_suite(struct hello *h, uint16_t id)
{
	const struct suite *s = suite_by_id(id);
	size_t i;

	h->fallback |= id == FALLBACK_SCSV;
	if (!s)
		return;
	for (i = 0; i < h->suites; i++)
		if (h->suite[i] == s)
			return;
	h->suite[h->suites++] = s;
}

static bool parse_suites(struct hello *h, struct cursor *body)
{
	struct cursor list = take_vector16(body);

	if (list.bad || !list.left)
		return false;
	while (list.left && !list.bad)
		add_suite(h, take_u16(&list));
	return !list.bad;
}

static bool suite_fits(const struct hello *h, const struct suite *s, uint16_t version)
{
	if (version < s->since || version > s->version)
		return false;
	/* Before TLS 1.2 there was no choice of signatures. */
	return version != V12 || h->auth12 & s->auth;
}

/* A version counts only with a suite of its own. */
static bool has_version(const struct hello *h, uint16_t version)
{
	size_t i;

	if (!(h->versions & TLS_VERSION_BIT(version)))
		return false;
	for (i = 0; i < h->suites; i++)
		if (suite_fits(h, h->suite[i], version))
			return true;
	return false;
}

/**
 * hello_conclude() - which versions and certificates are left?
 * @h: its suites and versions may have been made fewer
 */
void hello_conclude(struct hello *h)
{
	uint16_t version;
	uint8_t auth = 0;
	size_t i;

	for (i = 0; i < h->suites; i++)
		auth |= h->suite[i]->auth;
	h->auth12 = auth & h->signs12;
	h->min_version = 0;
	h->max_version = 0;
	for (version = V13; version >= V10; version--) {
		if (has_version(h, version)) {
			h->min_version = version;
			if (!h->max_version)
				h->max_version = version;
		} else if (h->max_version) {
			/* OpenSSL is told of a range. */
			break;
		}
	}
	if (h->max_version < V12)
		h->auth12 = auth;
}

static void conclude(const struct findings *f)
{
	struct hello *h = f->h;
	uint16_t version;

	for (version = V10; !f->has_versions && version <= V12 && version <= h->version; version++)
		h->versions |= TLS_VERSION_BIT(version);
	for (version = V10; version <= V13; version++)
		if (h->versions & TLS_VERSION_BIT(version))
			h->offered = version;
	/* RFC 5246, section 7.4.1.4.1: who says nothing of them takes what fits the suite. */
	if (!f->has_signatures)
		h->signs12 = AUTH_RSA | AUTH_ECDSA;
	hello_conclude(h);
}

static bool parse_body(struct hello *h, struct cursor *body)
{
	struct findings f = { .h = h };
	struct cursor session, compression;

	h->version = take_u16(body);
	take(body, RANDOM_LEN);
	session = take_vector8(body);
	if (session.bad || session.left > SESSION_ID_MAX || h->version < 0x0300)
		return false;
	if (!parse_suites(h, body))
		return false;
	compression = take_vector8(body);
	if (compression.bad || !compression.left)
		return false;
	if (!parse_extensions(&f, body) || !at_end(body))
		return false;
	conclude(&f);
	return true;
}

/*
 * Is there a record header at @p, as far as there are bytes? The minor version is not to be
 * looked at (RFC 8446, section 5.1): a server that does not would take for TLS what was
 * passed by as something else.
 */
static bool plausible(const uint8_t *p, size_t len)
{
	return (len < 1 || p[0] == TYPE_HANDSHAKE) && (len < 2 || p[1] == 3);
}

/* A ClientHello in the format of SSL 2.0 asks for TLS as well: RFC 5246, appendix E.2. */
static bool is_sslv2(const uint8_t *p, size_t len)
{
	if (len < 4)
		return false;
	return p[0] & 0x80 && p[2] == TYPE_CLIENT_HELLO && (p[3] == 3 || p[3] == 0);
}

static enum hello_verdict more(struct hello *h, size_t need)
{
	h->need = need;
	return need > HELLO_MAX ? HELLO_BAD : HELLO_MORE;
}

static size_t message_length(const uint8_t *p)
{
	return HANDSHAKE_HEADER + (p[1] << 16 | p[2] << 8 | p[3]);
}

/*
 * Walk the records up to the message's end and move their contents to the start of @buf,
 * where the message is then in one piece, of @h->need bytes.
 */
static enum hello_verdict join(uint8_t *buf, size_t len, struct hello *h)
{
	size_t joined = 0, at = 0, wanted = HANDSHAKE_HEADER, size;

	while (joined < wanted) {
		if (!plausible(buf + at, len - at))
			return at || is_sslv2(buf, len) ? HELLO_BAD : HELLO_PLAIN;
		if (len - at < RECORD_HEADER)
			return more(h, at + RECORD_HEADER);
		size = buf[at + 3] << 8 | buf[at + 4];
		at += RECORD_HEADER;
		if (!size || size > RECORD_MAX ||
		    (!joined && len > at && buf[at] != TYPE_CLIENT_HELLO))
			return HELLO_BAD;
		if (len - at < size)
			return more(h, at + size);
		memmove(buf + joined, buf + at, size);
		joined += size;
		at += size;
		if (joined >= HANDSHAKE_HEADER)
			wanted = message_length(buf);
		if (wanted > HELLO_MAX)
			return HELLO_BAD;
	}
	h->need = wanted;
	return HELLO_DONE;
}

/**
 * hello_parse() - read a ClientHello
 * @buf: the first bytes that the client sent, from the first record header on; changed
 * @len: how many, at most HELLO_MAX
 * @h: filled in
 *
 * Return: what the bytes are. @h holds the facts only with HELLO_DONE, its version also with
 * HELLO_BAD if it was found.
 */
enum hello_verdict hello_parse(uint8_t *buf, size_t len, struct hello *h)
{
	struct cursor body;
	enum hello_verdict verdict;

	memset(h, 0, sizeof(*h));
	verdict = join(buf, len, h);
	if (verdict != HELLO_DONE)
		return verdict;
	body.at = buf + HANDSHAKE_HEADER;
	body.left = h->need - HANDSHAKE_HEADER;
	body.bad = false;
	return parse_body(h, &body) ? HELLO_DONE : HELLO_BAD;
}
