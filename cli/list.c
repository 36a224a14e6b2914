// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lists as they are found elsewhere, of which each line tells its own format: one entry, a line
 * of a hosts file (an address and names), or of a response policy zone (NAME CNAME .).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "entry.h"

#define WORDS_MAX	64
#define BAD_LINES	10
#define NAME_ROOM	1024

struct list {
	struct command where;	/* for messages: the list's file and line */
	struct entries *e;
	char *word[WORDS_MAX];
	size_t words;
	char origin[NAME_ROOM];	/* of a zone: .NAME, or empty */
	bool in_parens;		/* a record goes on */
};

static int split(struct list *l, char *line)
{
	static const char blanks[] = " \t\r\n\v\f";
	char *word = line + strspn(line, blanks);

	l->words = 0;
	while (*word && *word != '#' && *word != ';') {
		size_t len = strcspn(word, blanks);

		if (l->words == WORDS_MAX)
			return usage_error(&l->where, "more than %u words", WORDS_MAX);
		l->word[l->words++] = word;
		word += len;
		if (*word)
			*word++ = '\0';
		word += strspn(word, blanks);
	}
	return 0;
}

static bool is_address(const char *word)
{
	uint8_t addr[16];

	return inet_pton(AF_INET, word, addr) == 1 || inet_pton(AF_INET6, word, addr) == 1;
}

/* Names without a dot in them are the host's own. */
static bool is_own(const char *name)
{
	const char *dot = strchr(name, '.');

	return !dot || !dot[1];
}

/* Such names, and addresses written once more, are not what a list is about. */
static int hosts_line(struct list *l)
{
	size_t i;
	int err = 0;

	for (i = 1; !err && i < l->words; i++)
		if (!is_own(l->word[i]) && !is_address(l->word[i]))
			err = entry_add(&l->where, l->e, l->word[i], 0);
	return err;
}

static int unfit(struct list *l, const char *why)
{
	return usage_error(&l->where, "\"%s\" %s",
			   text_is_clean(l->word[0]) ? l->word[0] : "?", why);
}

/* A name with a dot at its end is whole, else it is below the zone's. */
static int zone_name(struct list *l)
{
	size_t len = strlen(l->word[0]), zone = strlen(l->origin);
	char *last;

	if (l->word[0][len - 1] == '.') {
		if (!zone || len <= zone || strcasecmp(l->word[0] + len - zone, l->origin))
			return unfit(l, "is not below the zone's $ORIGIN");
		l->word[0][len - zone] = '\0';
	}
	last = strrchr(l->word[0], '.');
	if (last && !strncasecmp(last + 1, "rpz-", 4))
		return unfit(l, "is no name, but another trigger of the zone");
	return entry_add(&l->where, l->e, l->word[0], 0);
}

static int zone_record(struct list *l, size_t type)
{
	static const char *const actions[] = { ".", "*.", "rpz-drop." };
	size_t i;

	if (strcasecmp(l->word[type], "CNAME")) {
		/* What makes it a zone: of no interest here. */
		for (i = type; i < l->words; i++)
			l->in_parens |= !!strchr(l->word[i], '(') && !strchr(l->word[i], ')');
		return 0;
	}
	for (i = 0; type && i < ARRAY_SIZE(actions); i++)
		if (type + 2 == l->words && !strcasecmp(l->word[type + 1], actions[i]))
			return zone_name(l);
	return unfit(l, "has an action that a set cannot hold (CNAME .)");
}

static int zone_setting(struct list *l)
{
	if (!strcasecmp(l->word[0], "$TTL") && l->words == 2)
		return 0;
	if (strcasecmp(l->word[0], "$ORIGIN") || l->words != 2)
		return unfit(l, "is unknown");
	if (snprintf(l->origin, sizeof(l->origin), ".%s", l->word[1]) >= (int)sizeof(l->origin))
		return unfit(l, "is too long");
	return 0;
}

/* Which word is the type of a zone's record? 0 is none, as no record begins with it. */
static size_t record_type(const struct list *l)
{
	static const char *const types[] = { "CNAME", "SOA", "NS" };
	size_t i, t;

	for (i = 1; i < l->words && i < 4; i++)
		for (t = 0; t < ARRAY_SIZE(types); t++)
			if (!strcasecmp(l->word[i], types[t]))
				return i;
	return 0;
}

static int list_line(struct list *l)
{
	size_t type, i;

	if (l->in_parens) {
		for (i = 0; i < l->words; i++)
			l->in_parens &= !strchr(l->word[i], ')');
		return 0;
	}
	if (!l->words)
		return 0;
	if (*l->word[0] == '$')
		return zone_setting(l);
	if (l->words == 1)
		return entry_add(&l->where, l->e, l->word[0], 0);
	if (is_address(l->word[0]))
		return hosts_line(l);
	type = record_type(l);
	return type ? zone_record(l, type) : unfit(l, "is not the only word of the line");
}

static int read_lines(struct list *l, FILE *f)
{
	unsigned int bad = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	errno = 0;
	while (bad < BAD_LINES && (n = getline(&line, &room, f)) >= 0) {
		l->where.line++;
		if (strlen(line) != (size_t)n)
			bad += !!usage_error(&l->where, "has a NUL byte, is no text");
		else if (split(l, line) || list_line(l))
			bad++;
	}
	free(line);
	if (bad == BAD_LINES)
		return usage_error(&l->where, "too many bad lines: the rest is not read");
	if (ferror(f))
		return usage_error(&l->where, "%s", strerror(errno));
	return bad ? EXIT_USAGE : 0;
}

/* All of a file, or of the standard input if it is NULL: 0, or an error that was told. */
int entries_read(const struct command *c, struct entries *e, const char *file)
{
	struct list l = { .e = e };
	FILE *f = file ? fopen(file, "re") : stdin;
	int err;

	if (!f)
		return usage_error(c, "%s: %s", file, strerror(errno));
	l.where = *c;
	l.where.file = file ? file : "<stdin>";
	l.where.line = 0;
	err = read_lines(&l, f);
	if (file)
		fclose(f);
	return err;
}
