// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lines on the standard error, as text or as JSON: one for what becomes of each connection,
 * and what there is to say of the helper itself. None of them holds a secret or a byte of a flow.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <json-c/json.h>
#include <openssl/err.h>

#include "kbumpd.h"

#define LINE_MAX_LEN	1024

/* What clients and servers can make us say is limited: so many lines at once ... */
#define BURST		1000
/* ... and then one in so many ms. */
#define INTERVAL_MS	1

static bool as_json;

static const char *const verdicts[] = {
	[LOG_OPENED] = "opened",
	[LOG_LEFT_ALONE] = "left alone",
	[LOG_REFUSED] = "refused",
};

/* As kbump(8) has them. */
static const char *const certs[] = {
	[KBUMP_CERT_OK] = "ok",
	[KBUMP_CERT_EXPIRED] = "expired",
	[KBUMP_CERT_NAME] = "name-mismatch",
	[KBUMP_CERT_SELF_SIGNED] = "self-signed",
	[KBUMP_CERT_UNTRUSTED] = "untrusted",
	[KBUMP_CERT_WEAK] = "weak",
	[KBUMP_CERT_INVALID] = "invalid",
	[KBUMP_CERT_REVOKED] = "revoked",
};

static void now_text(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, size - len, ".%03ldZ", now.tv_nsec / 1000000);
}

/**
 * log_setup() - choose the form of the lines
 * @json: JSON, one object in a line; else text
 */
void log_setup(bool json)
{
	char time[40];

	as_json = json;
	/* The C library reads the time zone once, while files can still be opened. */
	now_text(time, sizeof(time));
}

/* One call of write() for each line, as several processes share the stream. */
static void put_line(const char *text, size_t len)
{
	if (write(STDERR_FILENO, text, len) < 0)
		return;
}

static void put_text(const char *text)
{
	char line[LINE_MAX_LEN];
	int len = snprintf(line, sizeof(line) - 1, "kbumpd: %s", text);

	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	put_line(line, len);
}

static void add_text(struct json_object *j, const char *key, const char *text)
{
	if (text && *text)
		json_object_object_add(j, key, json_object_new_string(text));
}

static struct json_object *new_object(void)
{
	struct json_object *j = json_object_new_object();
	char time[40];

	now_text(time, sizeof(time));
	add_text(j, "time", time);
	return j;
}

/* Frees it. */
static void put_json(struct json_object *j)
{
	char line[4 * LINE_MAX_LEN];
	const char *text = json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN |
							     JSON_C_TO_STRING_NOSLASHESCAPE);
	int len = text ? snprintf(line, sizeof(line), "%s\n", text) : -1;

	if (len > 0 && len < (int)sizeof(line))
		put_line(line, len);
	json_object_put(j);
}

/**
 * log_line() - say something about the helper itself
 * @fmt: as printf, without the newline
 */
void log_line(const char *fmt, ...)
{
	char text[LINE_MAX_LEN];
	struct json_object *j;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!as_json)
		return put_text(text);
	j = new_object();
	add_text(j, "text", text);
	put_json(j);
}

/* A bucket that fills with time; says how many lines did not fit when one does again. */
static bool allowed(void)
{
	static uint64_t credit = BURST;
	static uint64_t filled;
	static unsigned int dropped;
	uint64_t now = now_ms();
	uint64_t gained = (now - filled) / INTERVAL_MS;

	if (gained) {
		credit = credit + gained > BURST ? BURST : credit + gained;
		filled = now;
	}
	if (!credit) {
		dropped++;
		return false;
	}
	credit--;
	if (dropped)
		log_line("%u lines about connections were left out", dropped);
	dropped = 0;
	return true;
}

static void add_address(struct json_object *j, const char *key, const char *port_key,
			const union address *a)
{
	char host[ADDRESS_TEXT];
	uint16_t port = a->sa.sa_family == AF_INET ? a->in.sin_port : a->in6.sin6_port;

	add_text(j, key, address_host(a, host));
	json_object_object_add(j, port_key, json_object_new_int(ntohs(port)));
}

static void conn_json(const struct conn *c, enum log_verdict verdict, const char *what)
{
	struct json_object *j = new_object();

	add_address(j, "client", "client_port", &c->client);
	add_address(j, "server", "server_port", &c->server);
	add_text(j, "sni", c->hello.sni);
	add_text(j, "verdict", verdicts[verdict]);
	if (c->rule)
		json_object_object_add(j, "rule", json_object_new_int64(c->rule));
	add_text(j, "cert", certs[c->cert]);
	add_text(j, "server_version", c->server_tls.version);
	add_text(j, "server_cipher", c->server_tls.cipher);
	add_text(j, "client_version", c->client_tls.version);
	add_text(j, "client_cipher", c->client_tls.cipher);
	add_text(j, "alpn", c->alpn);
	add_text(j, "text", what);
	put_json(j);
}

static void conn_text(const struct conn *c, enum log_verdict verdict, const char *what)
{
	char client[ADDRESS_TEXT], server[ADDRESS_TEXT], tls[512] = "", rule[24] = "";
	const char *sni = c->hello.sni;

	if (c->rule)
		snprintf(rule, sizeof(rule), ", rule %u", c->rule);
	if (verdict == LOG_OPENED && c->client_tls.cipher)
		snprintf(tls, sizeof(tls), ", server %s %s, client %s %s%s%s",
			 c->server_tls.version, c->server_tls.cipher, c->client_tls.version,
			 c->client_tls.cipher, *c->alpn ? " " : "", c->alpn);
	log_line("%s > %s%s%s: %s%s%s%s%s", address_text(&c->client, client),
		 address_text(&c->server, server), *sni ? " " : "", sni, verdicts[verdict], rule,
		 tls, *what ? ": " : "", what);
}

/**
 * log_conn() - say what becomes of a connection, if not too many are spoken of
 * @c: the connection
 * @verdict: what
 * @fmt: why, as vprintf, without the newline; may be empty
 * @args: as vprintf
 */
void log_conn(const struct conn *c, enum log_verdict verdict, const char *fmt, va_list args)
{
	char what[512];

	if (!allowed())
		return;
	vsnprintf(what, sizeof(what), fmt, args);
	if (as_json)
		conn_json(c, verdict, what);
	else
		conn_text(c, verdict, what);
}

/**
 * openssl_error() - why OpenSSL failed
 *
 * Return: a static text.
 */
const char *openssl_error(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "unknown error";
}
