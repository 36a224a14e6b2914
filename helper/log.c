// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines on the standard error. None of them holds a secret or a byte of a flow. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <openssl/err.h>

#include "kbumpd.h"

#define LINE_MAX_LEN	1024

/* What clients and servers can make us say is limited: so many lines at once ... */
#define BURST		50
/* ... and then one in so many ms. */
#define INTERVAL_MS	100

/* One call of write() for each line, as several processes share the stream. */
static void put(const char *fmt, va_list args)
{
	char line[LINE_MAX_LEN];
	int head, len;

	head = snprintf(line, sizeof(line), "kbumpd: ");
	len = vsnprintf(line + head, sizeof(line) - head - 1, fmt, args);
	if (len < 0)
		return;
	len += head;
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

/**
 * log_line() - say something about the helper itself
 * @fmt: as printf, without the newline
 */
void log_line(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put(fmt, args);
	va_end(args);
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

/**
 * log_conn() - say why a connection ended, if not too many did
 * @c: the connection
 * @fmt: as vprintf, without the newline
 * @args: as vprintf
 */
void log_conn(const struct conn *c, const char *fmt, va_list args)
{
	char client[ADDRESS_TEXT], server[ADDRESS_TEXT], what[512];
	const char *sni = c->hello.sni;

	if (!allowed())
		return;
	vsnprintf(what, sizeof(what), fmt, args);
	log_line("%s > %s%s%s: %s", address_text(&c->client, client),
		 address_text(&c->server, server), *sni ? " " : "", sni, what);
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
