// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a file to words, in a small part of the shell's manner: blanks separate, # begins
 * a comment, "..." and '...' quote, \ before a newline continues the line. Outside '...'
 * also: \xNN, a byte, and \ before one of  \ " ' #  and the blank.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "script.h"

static const char blanks[] = " \t\r\v\f";

static int script_error(const struct script *s, const char *what)
{
	struct command where = { .file = s->name, .line = s->line };

	return usage_error(&where, "%s", what);
}

static int read_text(struct script *s, FILE *f)
{
	size_t room = 0;
	ssize_t n;

	/* Up to the first NUL: up to the end of any file that makes sense. */
	errno = 0;
	n = getdelim(&s->text, &room, '\0', f);
	if (n < 0 && !feof(f))
		return usage_error(NULL, "%s: %s", s->name, strerror(errno));
	if (n > 0 && !s->text[n - 1])
		return usage_error(NULL, "%s: has a NUL byte, is no text", s->name);
	if (n < 0)
		n = 0;
	s->words = malloc(n + 1);
	if (!s->words)
		out_of_memory();
	s->in = n ? s->text : "";
	s->out = s->words;
	s->line = 1;
	return 0;
}

int script_open(struct script *s, const char *file)
{
	bool is_stdin = !strcmp(file, "-");
	FILE *f = is_stdin ? stdin : fopen(file, "re");
	int err;

	memset(s, 0, sizeof(*s));
	s->name = is_stdin ? "<stdin>" : file;
	if (!f)
		return usage_error(NULL, "%s: %s", file, strerror(errno));
	err = read_text(s, f);
	if (!is_stdin)
		fclose(f);
	return err;
}

void script_close(struct script *s)
{
	free(s->text);
	free(s->words);
}

bool script_ended(const struct script *s)
{
	return !*s->in;
}

static void skip_blanks(struct script *s)
{
	for (;;) {
		s->in += strspn(s->in, blanks);
		if (strncmp(s->in, "\\\n", 2))
			return;
		s->in += 2;
		s->line++;
	}
}

/* What follows a backslash. */
static int read_escape(struct script *s)
{
	int byte;

	switch (*s->in) {
	case '\n':
		s->in++;
		s->line++;
		return 0;
	case 'x':
		byte = word_byte(s->in + 1);
		if (byte <= 0)
			return script_error(s, "\\x needs two hexadecimal digits, and not 00");
		*s->out++ = byte;
		s->in += 3;
		return 0;
	case '\\':
	case '"':
	case '\'':
	case '#':
	case ' ':
		*s->out++ = *s->in++;
		return 0;
	case '\0':
		return script_error(s, "the file ends after a \\");
	default:
		return script_error(s, "unknown escape; a \\ itself is written \\\\");
	}
}

/* Into s->words, which has room: no word is longer than what it was read from. */
static int read_word(struct script *s)
{
	char quote = '\0';
	int err;

	while (*s->in && *s->in != '\n' && (quote || !strchr(blanks, *s->in))) {
		char ch = *s->in++;

		if (quote && ch == quote) {
			quote = '\0';
		} else if (!quote && (ch == '"' || ch == '\'')) {
			quote = ch;
		} else if (ch == '\\' && quote != '\'') {
			err = read_escape(s);
			if (err)
				return err;
		} else {
			*s->out++ = ch;
		}
	}
	if (quote)
		return script_error(s, "a quote is not closed");
	*s->out++ = '\0';
	return 0;
}

static void add_word(struct script_line *l, char *word)
{
	char **grown;

	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 16;
		grown = realloc(l->word, l->room * sizeof(*grown));
		if (!grown)
			out_of_memory();
		l->word = grown;
	}
	l->word[l->count++] = word;
}

/* The words of the next line, if it has any. */
int script_line(struct script *s, struct script_line *l)
{
	int err = 0;

	l->count = 0;
	while (!err) {
		char *word = s->out;

		skip_blanks(s);
		if (*s->in == '#')
			s->in += strcspn(s->in, "\n");
		if (!*s->in)
			return 0;
		if (*s->in == '\n') {
			s->in++;
			s->line++;
			return 0;
		}
		if (!l->count)
			l->number = s->line;
		err = read_word(s);
		if (!err)
			add_word(l, word);
	}
	return err;
}
