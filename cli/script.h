/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file of commands, as words. */
#ifndef KBUMP_SCRIPT_H
#define KBUMP_SCRIPT_H

#include <stdbool.h>

struct script {
	const char *name;	/* in messages */
	char *text;
	const char *in;		/* what is not yet read of text */
	char *words;		/* the words that were read, each with its NUL */
	char *out;		/* end of them */
	unsigned int line;	/* that of in */
};

struct script_line {
	char **word;		/* valid as long as the script */
	int count;
	int room;
	unsigned int number;	/* of the first line, where there are several */
};

int script_open(struct script *s, const char *file);
bool script_ended(const struct script *s);
int script_line(struct script *s, struct script_line *l);
void script_close(struct script *s);

#endif /* KBUMP_SCRIPT_H */
