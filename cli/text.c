// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Strings that others wrote. A server name or an ALPN comes from the network and may
 * hold anything: it must reach neither the terminal nor a JSON reader as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Length of the well-formed UTF-8 character at @s that is no control; else 0. */
size_t utf8_char(const char *s, size_t len)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s;
	uint32_t code;
	size_t n, i;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n > len)
		return 0;
	code = p[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	/* U+0080..U+009F are controls as well: U+009B begins a terminal's sequence. */
	if (code < lowest[n] || code < 0xa0 || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return n;
}

bool text_is_clean(const char *s)
{
	size_t len = strlen(s);

	while (len) {
		size_t n = utf8_char(s, len);

		if (!n)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

static bool is_bare(const char *s, size_t len)
{
	static const char safe[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:/+@%";
	size_t i;

	for (i = 0; i < len; i++)
		if (!s[i] || !strchr(safe, s[i]))
			return false;
	return len;
}

/* As a word that -f reads back: quoted where needed. */
void text_print(const char *s, size_t len)
{
	if (is_bare(s, len)) {
		fwrite(s, 1, len, stdout);
		return;
	}
	putchar('"');
	while (len) {
		size_t n = utf8_char(s, len);

		if (!n)
			printf("\\x%02x", (unsigned char)*s);
		else if (*s == '"' || *s == '\\' || *s == '$')
			printf("\\%c", *s);
		else
			fwrite(s, 1, n, stdout);
		n = n ? n : 1;
		s += n;
		len -= n;
	}
	putchar('"');
}

/* JSON is UTF-8 and json-c passes bytes on: put U+FFFD where there is none. */
struct json_object *text_json(const char *s, size_t len)
{
	static const char unknown[] = "\xef\xbf\xbd";
	char *copy = malloc(len * 3 + 1);
	struct json_object *j;
	size_t out = 0;

	if (!copy)
		out_of_memory();
	while (len) {
		size_t n = utf8_char(s, len);

		memcpy(copy + out, n ? s : unknown, n ? n : 3);
		out += n ? n : 3;
		n = n ? n : 1;
		s += n;
		len -= n;
	}
	j = json_object_new_string_len(copy, out);
	free(copy);
	return j;
}
