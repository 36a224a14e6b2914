// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What of a client's offer goes on to the server: the operator may want less of it. */
#include <openssl/ssl.h>
#include <string.h>

#include "kbumpd.h"

static int allow_one(struct setup *s, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < SUITES_MAX; i++) {
		if (strlen(suites[i].name) != len || memcmp(suites[i].name, name, len))
			continue;
		s->suites |= 1U << i;
		return 0;
	}
	if (len)
		log_line("--ciphers: %.*s is none of those that kTLS can carry", (int)len, name);
	else
		log_line("--ciphers: a name is missing");
	return -1;
}

/**
 * narrow_ciphers() - leave cipher suites out of what is offered to servers
 * @s: gets the suites
 * @list: names of those that remain, as OpenSSL calls them, with colons between
 *
 * Return: 0, or -1 after it has said why.
 */
int narrow_ciphers(struct setup *s, const char *list)
{
	size_t len;

	s->suites = 0;
	for (;; list += len + 1) {
		len = strcspn(list, ":");
		if (allow_one(s, list, len) < 0)
			return -1;
		if (!list[len])
			return 0;
	}
}

static bool has_suite(const struct hello *h, uint16_t version)
{
	size_t i;

	for (i = 0; i < h->suites; i++)
		if (h->suite[i]->version == version)
			return true;
	return false;
}

/**
 * narrow() - leave of a client's offer what the operator allows
 * @s: the operator's wishes
 * @h: changed
 *
 * Return: true if something is left.
 */
bool narrow(const struct setup *s, struct hello *h)
{
	size_t i, kept = 0;

	for (i = 0; i < h->suites; i++)
		if (s->suites & 1U << (h->suite[i] - suites))
			h->suite[kept++] = h->suite[i];
	h->suites = kept;
	if (h->max_version == TLS1_3_VERSION && !has_suite(h, TLS1_3_VERSION))
		h->max_version = h->min_version;
	if (h->min_version < s->min_version || !has_suite(h, h->min_version))
		h->min_version = h->max_version;
	return h->max_version >= s->min_version && has_suite(h, h->max_version);
}
