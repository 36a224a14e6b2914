// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Messages: what was wrong, and in which command. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

static void __printf(3, 0)
say(const struct command *c, const char *kind, const char *fmt, va_list ap)
{
	/* Lines of both streams stay in order when they go to one file. */
	fflush(stdout);
	progress_clear();

	fputs("kbump: ", stderr);
	if (c && c->file)
		fprintf(stderr, "%s:%u: ", c->file, c->line);
	if (c && c->obj)
		fprintf(stderr, "%s%s", c->obj->name, c->obj->only || !c->verb ? ": " : " ");
	if (c && c->obj && c->verb && !c->obj->only)
		fprintf(stderr, "%s: ", c->verb->name);
	fputs(kind, stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int usage_error(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, "", fmt, ap);
	va_end(ap);
	return EXIT_USAGE;
}

int refused(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, "", fmt, ap);
	va_end(ap);
	return EXIT_REFUSED;
}

void say_warning(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, "warning: ", fmt, ap);
	va_end(ap);
}

void out_of_memory(void)
{
	fputs("kbump: out of memory\n", stderr);
	exit(EXIT_REFUSED);
}
