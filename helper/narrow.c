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
		if (!(SUITES_DEFAULT & 1U << i))
			log_line("--ciphers: %s is weaker than the default%s", suites[i].name,
				 suites[i].cipher ? "" :
				 ", and slower: its flows pass through this process");
		return 0;
	}
	if (len)
		log_line("--ciphers: %.*s is none of those that kbumpd(8) lists", (int)len, name);
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
	/* Of a lower version there is no bit above that of the lowest one. */
	h->versions &= -TLS_VERSION_BIT(s->min_version);
	hello_conclude(h);
	return h->max_version;
}

/**
 * narrow_check() - do the operator's wishes fit together?
 * @s: they
 *
 * Return: 0, or -1 after it has said why they do not.
 */
int narrow_check(const struct setup *s)
{
	size_t i;

	for (i = 0; i < SUITES_MAX; i++)
		if (s->suites & 1U << i && suites[i].version >= s->min_version &&
		    (suites[i].since <= s->min_version || s->min_version >= TLS1_2_VERSION))
			return 0;
	log_line("--min-version: none of the suites in --ciphers is of that version, as %s is",
		 s->min_version == TLS1_3_VERSION ? "TLS_AES_128_GCM_SHA256" :
						    "ECDHE-RSA-AES128-SHA");
	return -1;
}
