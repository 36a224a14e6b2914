// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a file to words, in a small part of the shell's manner: blanks separate, # begins
 * a comment, "..." and '...' quote, \ before a newline continues the line. Outside '...'
 * also: \xNN, a byte; \ before one of  \ " ' # $  and the blank; and $NAME or ${NAME}, the
 * value of a variable.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "script.h"

static const char blanks[] = " \t\r\v\f";

static int __printf(2, 3) script_error(const struct script *s, const char *fmt, ...)
{
	struct command where = { .file = s->name, .line = s->line };
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return usage_error(&where, "%s", text);
}

static int read_text(struct script *s, const struct command *where, FILE *f)
{
	size_t room = 0;
	ssize_t n;

	/* Up to the first NUL: up to the end of any file that makes sense. */
	errno = 0;
	n = getdelim(&s->text, &room, '\0', f);
	if (n < 0 && !feof(f))
		return usage_error(where, "%s: %s", s->name, strerror(errno));
	if (n > 0 && !s->text[n - 1])
		return usage_error(where, "%s: has a NUL byte, is no text", s->name);
	s->in = n > 0 ? s->text : "";
	s->line = 1;
	return 0;
}

/* @where: the line that names the file, if one does. */
int script_open(struct script *s, const char *file, struct variable *const *variables,
		const struct command *where)
{
	bool is_stdin = !strcmp(file, "-");
	FILE *f = is_stdin ? stdin : fopen(file, "re");
	int err;

	memset(s, 0, sizeof(*s));
	if (!f)
		return usage_error(where, "%s: %s", file, strerror(errno));
	s->name = strdup(is_stdin ? "<stdin>" : file);
	if (!s->name)
		out_of_memory();
	s->variables = variables;
	err = read_text(s, where, f);
	if (!is_stdin)
		fclose(f);
	return err;
}

void script_close(struct script *s)
{
	free(s->name);
	free(s->text);
	strings_free(&s->words);
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
static int read_escape(struct script *s, FILE *word)
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
		fputc(byte, word);
		s->in += 3;
		return 0;
	case '\\':
	case '"':
	case '\'':
	case '#':
	case '$':
	case ' ':
		fputc(*s->in++, word);
		return 0;
	case '\0':
		return script_error(s, "the file ends after a \\");
	default:
		return script_error(s, "unknown escape; a \\ itself is written \\\\");
	}
}

/* What follows a $: NULL after it has said what is wrong. */
static const struct variable *read_variable(struct script *s)
{
	bool braces = *s->in == '{';
	const char *name = s->in + braces;
	const struct variable *v;
	int len = 0;

	while (variable_name_char(name[len], !len))
		len++;
	if (!len || (braces && name[len] != '}')) {
		script_error(s, "$ needs the name of a variable; a $ itself is written \\$");
		return NULL;
	}
	s->in = name + len + braces;
	v = variable_find(*s->variables, name, len);
	if (!v)
		script_error(s, "no variable \"%.*s\" is defined", len, name);
	return v;
}

static bool ends_word(char ch)
{
	return !ch || ch == '\n' || strchr(blanks, ch);
}

/* A variable within a word. */
static int insert_value(struct script *s, FILE *word)
{
	const struct variable *v = read_variable(s);

	if (!v)
		return EXIT_USAGE;
	if (v->value.count > 1)
		return script_error(s, "\"%s\" is more than one word: it must stand alone",
				    v->name);
	fputs(v->value.text[0], word);
	return 0;
}

static int read_into(struct script *s, FILE *word)
{
	char quote = '\0';
	int err = 0;

	while (!err && (quote ? *s->in && *s->in != '\n' : !ends_word(*s->in))) {
		char ch = *s->in++;

		if (quote && ch == quote)
			quote = '\0';
		else if (!quote && (ch == '"' || ch == '\''))
			quote = ch;
		else if (ch == '\\' && quote != '\'')
			err = read_escape(s, word);
		else if (ch == '$' && quote != '\'')
			err = insert_value(s, word);
		else
			fputc(ch, word);
	}
	if (!err && quote)
		return script_error(s, "a quote is not closed");
	return err;
}

static void add_word(struct script *s, struct script_line *l, char *word)
{
	if (!word)
		out_of_memory();
	strings_add(&s->words, word);
	strings_add(&l->word, word);
}

static FILE *open_word(char **text, size_t *size)
{
	FILE *word = open_memstream(text, size);

	if (!word)
		out_of_memory();
	return word;
}

static int read_word(struct script *s, struct script_line *l)
{
	char *text = NULL;
	size_t size = 0;
	FILE *word = open_word(&text, &size);
	int err = read_into(s, word);

	if (fclose(word))
		out_of_memory();
	if (err)
		free(text);
	else
		add_word(s, l, text);
	return err;
}

/* A variable that is a word of its own stands for all its words. */
static bool read_whole_variable(struct script *s, struct script_line *l, int *err)
{
	const char *end = s->in + 1;
	const struct variable *v;
	size_t i;

	if (*s->in != '$')
		return false;
	end += strspn(end, "{");
	while (variable_name_char(*end, false))
		end++;
	end += strspn(end, "}");
	if (!ends_word(*end))
		return false;
	s->in++;
	v = read_variable(s);
	*err = v ? 0 : EXIT_USAGE;
	for (i = 0; v && i < v->value.count; i++)
		add_word(s, l, strdup(v->value.text[i]));
	return true;
}

/* The words of the next line, if it has any. */
int script_line(struct script *s, struct script_line *l)
{
	int err = 0;

	l->word.count = 0;
	while (!err) {
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
		if (!l->word.count)
			l->number = s->line;
		if (!read_whole_variable(s, l, &err))
			err = read_word(s, l);
	}
	return err;
}
