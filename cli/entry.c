// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Entries of sets: from words to what the kernel takes, and back. */
#include <arpa/inet.h>
#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"

#define HEAD		sizeof(struct kbump_set_entry)
#define LABEL_MAX	63

static const char *const type_names[] = {
	[KBUMP_SET_DOMAIN] = "a domain",
	[KBUMP_SET_PREFIX] = "a prefix",
	[KBUMP_SET_PORT] = "a port",
};

static void append(struct entries *e, uint8_t type, uint32_t timeout, const void *data, size_t len)
{
	const struct kbump_set_entry head = { .timeout = timeout, .type = type, .len = len };

	if (e->room - e->len < HEAD + len) {
		e->room = e->room ? e->room * 2 : 512;
		e->data = realloc(e->data, e->room);
		if (!e->data)
			out_of_memory();
	}
	memcpy(e->data + e->len, &head, HEAD);
	memcpy(e->data + e->len + HEAD, data, len);
	e->len += HEAD + len;
	e->count++;
}

static bool is_ascii(const char *s)
{
	while (*s && !(*s & 0x80))
		s++;
	return !*s;
}

/* Labels of letters, digits, - and _, with dots between them. */
static bool is_name(const char *s, size_t len)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t at = 0;

	if (!len || len > KBUMP_SET_NAME_MAX)
		return false;
	for (;;) {
		size_t label = strspn(s + at, allowed);

		if (!label || label > LABEL_MAX)
			return false;
		at += label;
		if (at == len)
			return true;
		if (s[at++] != '.')
			return false;
	}
}

static int not_a_name(const struct command *c, const char *word, const char *why)
{
	/* A list from elsewhere must not write to the terminal what it likes. */
	if (!text_is_clean(word))
		return usage_error(c, "a name has a control character or is not UTF-8");
	return usage_error(c, "\"%s\" is not a domain name%s%s", word, *why ? ": " : "", why);
}

static int add_name(const struct command *c, struct entries *e, const char *word, bool below,
		    const char *name, uint32_t timeout)
{
	char data[1 + KBUMP_SET_NAME_MAX] = ".";
	size_t len = strlen(name);

	if (len > 1 && name[len - 1] == '.')
		len--;
	if (!is_name(name, len))
		return not_a_name(c, word, "");
	memcpy(data + below, name, len);
	append(e, KBUMP_SET_DOMAIN, timeout, data, below + len);
	return 0;
}

/* A dot, or a star and a dot, stand for all names below. */
static int add_domain(const struct command *c, struct entries *e, const char *word,
		      uint32_t timeout)
{
	const char *name = word + (*word == '*' && word[1] == '.');
	bool below = *name == '.';
	uint8_t *ascii;
	int err;

	name += below;
	if (is_ascii(name))
		return add_name(c, e, word, below, name, timeout);
	err = idn2_lookup_u8((const uint8_t *)name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (err != IDN2_OK)
		return not_a_name(c, word, idn2_strerror(err));
	err = add_name(c, e, word, below, (const char *)ascii, timeout);
	idn2_free(ascii);
	return err;
}

static int add_prefix(const struct command *c, struct entries *e, const char *word,
		      uint32_t timeout)
{
	uint8_t data[1 + 16];
	struct prefix p;

	if (!text_is_clean(word))
		return usage_error(c, "a prefix has a control character or is not UTF-8");
	if (word_prefix(c, word, &p))
		return EXIT_USAGE;
	data[0] = p.len;
	memcpy(data + 1, p.addr, p.addr_len);
	append(e, KBUMP_SET_PREFIX, timeout, data, 1 + p.addr_len);
	return 0;
}

static int add_ports(const struct command *c, struct entries *e, const char *word,
		     uint32_t timeout)
{
	struct kbump_port_range r;

	if (word_ports(c, word, &r))
		return EXIT_USAGE;
	append(e, KBUMP_SET_PORT, timeout, &r, sizeof(r));
	return 0;
}

/* The last label of no name is a number. */
static uint8_t type_of(const char *word)
{
	const char *dot = strrchr(word, '.');
	const char *last = dot ? dot + 1 : word;

	if (*word && !word[strspn(word, "0123456789-")])
		return KBUMP_SET_PORT;
	if (strpbrk(word, ":/") || (dot && *last && !last[strspn(last, "0123456789")]))
		return KBUMP_SET_PREFIX;
	return KBUMP_SET_DOMAIN;
}

int entry_add(const struct command *c, struct entries *e, const char *word, uint32_t timeout)
{
	uint8_t type = type_of(word);

	if (e->type && e->type != type)
		return usage_error(c, "\"%s\" would be %s, but what is before it %s",
				   text_is_clean(word) ? word : "?", type_names[type],
				   type_names[e->type]);
	e->type = type;
	switch (type) {
	case KBUMP_SET_PORT:
		return add_ports(c, e, word, timeout);
	case KBUMP_SET_PREFIX:
		return add_prefix(c, e, word, timeout);
	default:
		return add_domain(c, e, word, timeout);
	}
}

void entries_free(struct entries *e)
{
	free(e->data);
	*e = (struct entries){};
}

const struct kbump_set_entry *entry_next(const void *data, size_t len, size_t *at)
{
	const struct kbump_set_entry *entry = (const void *)((const char *)data + *at);

	if (len - *at < HEAD || len - *at - HEAD < entry->len)
		return NULL;
	*at += HEAD + entry->len;
	return entry;
}

const char *entry_text(const struct kbump_set_entry *entry, char *buf)
{
	char addr[INET6_ADDRSTRLEN] = "?";
	struct kbump_port_range r = {};

	switch (entry->type) {
	case KBUMP_SET_PREFIX:
		if (entry->len == 5 || entry->len == 17)
			inet_ntop(entry->len == 5 ? AF_INET : AF_INET6, entry->data + 1, addr,
				  sizeof(addr));
		snprintf(buf, ENTRY_TEXT, "%s/%u", addr, entry->len ? entry->data[0] : 0);
		return buf;
	case KBUMP_SET_PORT:
		if (entry->len == sizeof(r))
			memcpy(&r, entry->data, sizeof(r));
		snprintf(buf, ENTRY_TEXT, r.min == r.max ? "%u" : "%u-%u", r.min, r.max);
		return buf;
	default:
		snprintf(buf, ENTRY_TEXT, "%.*s", entry->len, (const char *)entry->data);
		return buf;
	}
}
