// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a word of the command line to a value, strictly. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool word_matches(const char *word, const char *name)
{
	return *word && !strncmp(word, name, strlen(word));
}

int word_u64(const char *word, int base, uint64_t *value)
{
	char *end;

	/* strtoull() takes leading blanks and a sign; a number here has neither. */
	if (!isxdigit((unsigned char)*word))
		return -1;
	errno = 0;
	*value = strtoull(word, &end, base);
	return errno || *end ? -1 : 0;
}

int word_number(const struct command *c, const struct field *f, const char *word,
		uint32_t *value)
{
	bool zero = f->flags & F_ZERO_UNSET;
	uint64_t n;

	if (word_u64(word, 10, &n) || ((n < f->min || n > f->max) && !(zero && !n)))
		return usage_error(c, "\"%s\" is not %s (%u-%u%s)", word, f->what, f->min, f->max,
				   zero ? ", or 0 for none" : "");
	*value = n;
	return 0;
}

/* Milliseconds, or with a unit behind it what that makes of them. */
int word_time(const struct command *c, const char *word, uint32_t *ms)
{
	static const struct {
		char name;
		uint32_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
	size_t len = strspn(word, "0123456789"), i;
	uint64_t n, unit = 1;
	char text[16] = "";

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (word[len] == units[i].name && !word[len + 1])
			unit = units[i].ms;
	if (len < sizeof(text))
		memcpy(text, word, len);
	if ((word[len] && unit == 1) || word_u64(text, 10, &n) || !n || n > INT32_MAX / unit)
		return usage_error(c, "\"%s\" is not a time (milliseconds or N{s|m|h|d}, to 24d)",
				   word);
	*ms = n * unit;
	return 0;
}

int word_id(const struct command *c, const char *word, uint64_t *value)
{
	if (word_u64(word, 10, value))
		return usage_error(c, "\"%s\" is not a flow id", word);
	return 0;
}

/* Clear the bits after the prefix; true if any was set. */
static bool clear_host_bits(struct prefix *p)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < p->addr_len; i++) {
		unsigned int bits = p->len > i * 8 ? p->len - i * 8 : 0;
		uint8_t mask = bits >= 8 ? 0xff : 0xff << (8 - bits);

		if (p->addr[i] & ~mask)
			any = true;
		p->addr[i] &= mask;
	}
	return any;
}

int word_prefix(const struct command *c, const char *word, struct prefix *p)
{
	const char *slash = strchr(word, '/');
	size_t n = slash ? (size_t)(slash - word) : strlen(word);
	char text[INET6_ADDRSTRLEN];
	uint64_t len;
	int family = AF_INET;

	memset(p, 0, sizeof(*p));
	if (n >= sizeof(text))
		goto malformed;
	memcpy(text, word, n);
	text[n] = '\0';
	if (strchr(text, ':'))
		family = AF_INET6;
	if (inet_pton(family, text, p->addr) != 1)
		goto malformed;

	p->addr_len = family == AF_INET ? 4 : 16;
	p->len = p->addr_len * 8;
	if (!slash)
		return 0;
	if (word_u64(slash + 1, 10, &len) || len > p->len)
		return usage_error(c, "\"%s\": prefix length is not 0-%u", word, p->len);
	p->len = len;
	if (clear_host_bits(p)) {
		inet_ntop(family, p->addr, text, sizeof(text));
		return usage_error(c, "\"%s\": host bits set; the network is %s/%u", word, text,
				   p->len);
	}
	return 0;
malformed:
	return usage_error(c, "\"%s\" is not an IPv4 or IPv6 address or prefix", word);
}

static int port(const char *word, size_t len, uint16_t *value)
{
	char text[8] = "";
	uint64_t n;

	if (len < sizeof(text))
		memcpy(text, word, len);
	if (word_u64(text, 10, &n) || n > UINT16_MAX)
		return -1;
	*value = n;
	return 0;
}

int word_range(const struct command *c, const char *word, const char *what, uint32_t max,
	       struct kbump_port_range *r)
{
	size_t len = strcspn(word, "-");
	const char *last = word[len] ? word + len + 1 : word;

	if (port(word, len, &r->min) || port(last, strlen(last), &r->max) || r->min > max ||
	    r->max > max)
		return usage_error(c, "\"%s\" is not a %s or a range of %ss (0-%u)", word, what,
				   what, max);
	if (r->max < r->min)
		return usage_error(c, "\"%s\": the first %s is above the last", word, what);
	return 0;
}

int word_ports(const struct command *c, const char *word, struct kbump_port_range *r)
{
	return word_range(c, word, "port", UINT16_MAX, r);
}

/* Of words with commas between them takes the first; *list is NULL after the last. */
int word_item(const struct command *c, const char **list, char *one, size_t size)
{
	size_t len = strcspn(*list, ",");

	if (len >= size)
		return usage_error(c, "\"%s\" is too long", *list);
	memcpy(one, *list, len);
	one[len] = '\0';
	*list = (*list)[len] ? *list + len + 1 : NULL;
	return 0;
}

static int hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* The value of two hexadecimal digits; -1 if they are not. */
int word_byte(const char *digits)
{
	int high = hex_digit(digits[0]);
	int low = high < 0 ? -1 : hex_digit(digits[1]);

	return low < 0 ? -1 : high << 4 | low;
}

int word_mac(const struct command *c, const char *word, uint8_t mac[6])
{
	const char *p = word;
	int i;

	for (i = 0; i < 6; i++, p += 3) {
		int byte = word_byte(p);

		if (byte < 0 || p[2] != (i < 5 ? ':' : '\0'))
			return usage_error(c, "\"%s\" is not a MAC address (xx:xx:xx:xx:xx:xx)",
					   word);
		mac[i] = byte;
	}
	return 0;
}

int word_enum(const struct command *c, const struct words *w, const char *what,
	      const char *word, uint8_t *value)
{
	char list[256] = "";
	size_t n = 0;
	size_t i;

	for (i = 0; i < w->count; i++) {
		if (!w->name[i])
			continue;
		if (!strcmp(word, w->name[i])) {
			*value = i;
			return 0;
		}
		if (n < sizeof(list))
			n += snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
				      w->name[i]);
	}
	return usage_error(c, "\"%s\" is not %s (%s)", word, what, list);
}
