// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a client that a rule refuses is told, if it speaks HTTP: a page with the reason. The box
 * speaks for itself here, by a certificate of its own making in the server's name. Nothing of
 * the server is relayed, and nothing reaches it.
 *
 * Only HTTP/1 is spoken: who does not offer it gets the alert or the reset that a rule without
 * a page gives. No session outlives the page, and none is resumed into it, so that nobody takes
 * this for the server that it stands in for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "kbumpd.h"

/* From the decision to the end. */
#define PAGE_MS		10000
/* A request's line and fields. */
#define HEAD_MAX	16384

#define ALPN_HTTP	"http/1.1"

/* Each character may become an entity of six. */
#define ESCAPED(len)	(6 * (len) + 1)
#define WHY_MAX		128

/**
 * enum phase - what is done with the client
 *
 * @PHASE_HANDSHAKE: TLS handshake
 * @PHASE_REQUEST: its request is read
 * @PHASE_ANSWER: the answer is sent
 * @PHASE_CLOSE: close_notify is sent
 */
enum phase {
	PHASE_HANDSHAKE,
	PHASE_REQUEST,
	PHASE_ANSWER,
	PHASE_CLOSE,
};

/**
 * struct page - a client's page
 *
 * @phase: where it stands
 * @alert: for a client that cannot be shown one; ALERT_NONE for a reset
 * @why: what is wrong with the server, a static text; empty if that is only what it is
 * @comment: the rule's
 * @failure: why there is no page; NULL if there is one
 * @is_http: the request's first line has been seen, and is right
 * @len: bytes of @text
 * @text: the request's head, then the answer; cleared at the end, as there are passwords in it
 */
struct page {
	enum phase phase;
	uint8_t alert;
	const char *why;
	char comment[KBUMP_COMMENT_LEN];
	const char *failure;
	bool is_http;
	size_t len;
	char text[HEAD_MAX];
};

/* ---- the answer */

#define HEADER \
	"HTTP/1.1 403 Forbidden\r\n" \
	"Content-Type: text/html; charset=utf-8\r\n" \
	"Content-Length: %zu\r\n" \
	"Content-Security-Policy: default-src 'none'\r\n" \
	"Cache-Control: no-store\r\n" \
	"Connection: close\r\n" \
	"\r\n"

#define BODY \
	"<!DOCTYPE html>\n" \
	"<html lang=\"en\">\n" \
	"<head>\n" \
	"<meta charset=\"utf-8\">\n" \
	"<meta name=\"viewport\" content=\"width=device-width\">\n" \
	"<title>Blocked: %s</title>\n" \
	"</head>\n" \
	"<body>\n" \
	"<main>\n" \
	"<h1>This connection was blocked</h1>\n" \
	"<p>The network that you use refuses connections to <strong>%s</strong>.\n" \
	"The server has got nothing of your request.</p>\n" \
	"<p>Reason: %s</p>\n" \
	"<p>Rule %u%s%s</p>\n" \
	"</main>\n" \
	"</body>\n" \
	"</html>\n"

#define BODY_MAX \
	(sizeof(BODY) + 2 * ESCAPED(255) + ESCAPED(WHY_MAX) + ESCAPED(KBUMP_COMMENT_LEN) + 16)

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* As text of a page, whatever it is. What does not fit in is left out. */
static const char *escape(const char *text, char *buf, size_t size)
{
	size_t len = 0;

	for (; *text && len + ESCAPED(1) <= size; text++) {
		const char *e = entity(*text);

		if (e)
			len += snprintf(buf + len, size - len, "%s", e);
		else
			buf[len++] = (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text;
	}
	buf[len] = '\0';
	return buf;
}

static int compose_body(const struct conn *c, char *body)
{
	char host[ESCAPED(255)], why[ESCAPED(WHY_MAX)], comment[ESCAPED(KBUMP_COMMENT_LEN)];
	const struct page *p = c->page;
	char address[ADDRESS_TEXT];

	escape(*c->hello.sni ? c->hello.sni : address_host(&c->server, address), host,
	       sizeof(host));
	escape(*p->why ? p->why : "not allowed here", why, sizeof(why));
	escape(p->comment, comment, sizeof(comment));
	return snprintf(body, BODY_MAX, BODY, host, host, why, c->rule, *comment ? ": " : "",
			comment);
}

/* In the place of the request. */
static void compose(struct conn *c)
{
	bool head_only = !memcmp(c->page->text, "HEAD ", 5);
	struct page *p = c->page;
	char body[BODY_MAX];
	size_t len = compose_body(c, body);

	OPENSSL_cleanse(p->text, p->len);
	p->len = snprintf(p->text, sizeof(p->text), HEADER "%s", len, head_only ? "" : body);
}

/* ---- the request */

enum request {
	REQUEST_MORE,
	REQUEST_WHOLE,
	REQUEST_OTHER,
};

static size_t method_len(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && ((line[n] >= 'A' && line[n] <= 'Z') || line[n] == '-'))
		n++;
	return n;
}

/* RFC 9112, section 3: method, target and version, with a space between them. */
static bool is_request_line(const char *line, size_t len)
{
	static const char version[] = " HTTP/1.";
	size_t method = method_len(line, len), end = sizeof(version);

	if (len && line[len - 1] == '\r')
		len--;
	/* The target has a character at least, the version's last digit is one more. */
	if (!method || len < method + 2 + end || line[method] != ' ')
		return false;
	return !memcmp(line + len - end, version, end - 1) && line[len - 1] >= '0' &&
	       line[len - 1] <= '9' && !memchr(line + method + 1, ' ', len - end - method - 1);
}

/* Is there an empty line? Lines before @from have been looked at. */
static bool has_empty_line(const struct page *p, size_t from)
{
	const char *at = p->text + from, *end = p->text + p->len;

	while ((at = memchr(at, '\n', end - at))) {
		at++;
		if (at < end && *at == '\r')
			at++;
		if (at < end && *at == '\n')
			return true;
	}
	return false;
}

/*
 * What is the request, with @fresh bytes more? One that is too long is answered like any
 * other: it is not obeyed anyway.
 */
static enum request look(struct page *p, size_t fresh)
{
	/* An end that came in pieces began up to two bytes before. */
	size_t before = p->len, from = before > 2 ? before - 2 : 0;
	bool full;

	p->len += fresh;
	full = p->len == sizeof(p->text);
	if (!p->is_http) {
		const char *end = memchr(p->text + before, '\n', fresh);

		if (!end)
			return full ? REQUEST_OTHER : REQUEST_MORE;
		if (!is_request_line(p->text, end - p->text))
			return REQUEST_OTHER;
		p->is_http = true;
	}
	return full || has_empty_line(p, from) ? REQUEST_WHOLE : REQUEST_MORE;
}

/* ---- the steps */

static void finish(struct conn *c)
{
	const struct page *p = c->page;

	refuse_answered(c, KBUMP_REASON_BLOCKED, "refused by a rule%s%s; %s%s",
			*p->why ? ": " : "", p->why, p->failure ? "no page: " : "with a page",
			p->failure ? p->failure : "");
}

static void close_tls(struct page *p, const char *failure)
{
	p->failure = failure;
	p->phase = PHASE_CLOSE;
}

static void take_request(struct conn *c, size_t fresh)
{
	switch (look(c->page, fresh)) {
	case REQUEST_MORE:
		return;
	case REQUEST_WHOLE:
		compose(c);
		c->page->phase = PHASE_ANSWER;
		return;
	case REQUEST_OTHER:
		return close_tls(c->page, "the client does not speak HTTP");
	}
}

/* As OpenSSL's functions: above 0 if it is done. */
static int step(struct conn *c)
{
	struct page *p = c->page;

	switch (p->phase) {
	case PHASE_HANDSHAKE:
		return SSL_do_handshake(c->ssl);
	case PHASE_REQUEST:
		return SSL_read(c->ssl, p->text + p->len, sizeof(p->text) - p->len);
	case PHASE_ANSWER:
		return SSL_write(c->ssl, p->text, p->len);
	default:
		/* The client's own close_notify need not be awaited. */
		return SSL_shutdown(c->ssl) < 0 ? -1 : 1;
	}
}

/* True if there is another step. */
static bool advance(struct conn *c, size_t result)
{
	struct page *p = c->page;

	switch (p->phase) {
	case PHASE_HANDSHAKE:
		conn_note_tls(&c->client_tls, c->ssl);
		p->phase = PHASE_REQUEST;
		return true;
	case PHASE_REQUEST:
		take_request(c, result);
		return true;
	case PHASE_ANSWER:
		close_tls(p, NULL);
		return true;
	default:
		finish(c);
		return false;
	}
}

static const char *reason_of(int error)
{
	int reason = ERR_GET_REASON(ERR_peek_error());

	if (error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN ||
	    reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return "the client closed";
	return openssl_error();
}

/**
 * page_ready() - go on
 * @c: the connection
 */
void page_ready(struct conn *c)
{
	int ret, error;

	do {
		ERR_clear_error();
		ret = step(c);
	} while (ret > 0 && advance(c, ret));
	if (ret > 0)
		return;
	error = SSL_get_error(c->ssl, ret);
	if (error == SSL_ERROR_WANT_READ)
		conn_wait(c, &c->client_event, c->client_fd, EV_READ);
	else if (error == SSL_ERROR_WANT_WRITE)
		conn_wait(c, &c->client_event, c->client_fd, EV_WRITE);
	else if (c->page->phase == PHASE_CLOSE)
		finish(c);
	else
		page_fail(c, reason_of(error));
}

/**
 * page_fail() - end a connection without a page
 * @c: the connection; it may be gone
 * @reason: why there is none, for the log; a text that holds
 */
void page_fail(struct conn *c, const char *reason)
{
	const struct page *p = c->page;
	const char *colon = *p->why ? ": " : "";
	bool begun = c->stage == STAGE_PAGE;

	forge_leave(c);
	/* What OpenSSL had to say it has said. */
	if (begun || p->alert != ALERT_NONE)
		refuse(c, KBUMP_REASON_BLOCKED, begun ? ALERT_NONE : p->alert,
		       "refused by a rule%s%s; no page: %s", colon, p->why, reason);
	else
		conn_reset(c, KBUMP_REASON_BLOCKED, "refused by a rule%s%s; no page: %s", colon,
			   p->why, reason);
}

/**
 * page_timeout() - the client has had its time
 * @c: the connection
 */
void page_timeout(struct conn *c)
{
	if (c->page->phase == PHASE_REQUEST)
		SSL_shutdown(c->ssl);
	page_fail(c, "time-out");
}

static int make_ssl(struct conn *c)
{
	if (downstream_ssl(c) < 0 || SSL_set_max_proto_version(c->ssl, c->version) != 1 ||
	    SSL_set_num_tickets(c->ssl, 0) != 1)
		return -1;
	SSL_set_options(c->ssl, SSL_OP_NO_TICKET);
	/* Records without data, of which a client may send any number, are not all read at once. */
	SSL_clear_mode(c->ssl, SSL_MODE_AUTO_RETRY);
	SSL_set_quiet_shutdown(c->ssl, 0);
	return 0;
}

/**
 * page_handshake() - begin TLS with the client
 * @c: the connection, which has got its certificate
 */
void page_handshake(struct conn *c)
{
	ERR_clear_error();
	if (make_ssl(c) < 0)
		return page_fail(c, openssl_error());
	c->stage = STAGE_PAGE;
	conn_low_water(c, 1);
	page_ready(c);
}

static bool offers(const struct hello *h, const char *protocol)
{
	uint8_t len = strlen(protocol);
	size_t at;

	for (at = 0; at < h->alpn_len; at += 1 + h->alpn[at])
		if (h->alpn[at] == len && !memcmp(h->alpn + at + 1, protocol, len))
			return true;
	return false;
}

/**
 * page_start() - show a page to a client that a rule refuses
 * @c: the connection; it may be gone afterwards
 * @comment: the rule's
 * @alert: for a client that turns out not to take the page; ALERT_NONE for a reset
 * @why: what is wrong with the server, a static text; may be empty
 *
 * Return: false if there can be no page. Then nothing has been done.
 */
bool page_start(struct conn *c, const char *comment, uint8_t alert, const char *why)
{
	uint64_t end = now_ms() + PAGE_MS;
	bool http = offers(&c->hello, ALPN_HTTP);
	struct page *p;

	/* Not TLS, or none that we can speak; another protocol than HTTP/1. */
	if (c->hello.max_version < TLS1_2_VERSION || (c->hello.alpn_len && !http))
		return false;
	p = calloc(1, sizeof(*p));
	if (!p)
		return false;
	p->alert = alert;
	p->why = why;
	snprintf(p->comment, sizeof(p->comment), "%s", comment);
	c->page = p;
	conn_free_ssl(c);
	conn_close_server(c);
	c->version = c->hello.max_version;
	snprintf(c->alpn, sizeof(c->alpn), "%s", http ? ALPN_HTTP : "");
	if (c->deadline > end)
		c->deadline = end;
	conn_time_limit(c, UINT64_MAX);
	conn_watch_client(c);
	forge_start(c);
	return true;
}

/**
 * page_free() - forget it
 * @p: from page_start(), or NULL
 */
void page_free(struct page *p)
{
	if (p)
		OPENSSL_cleanse(p, sizeof(*p));
	free(p);
}
