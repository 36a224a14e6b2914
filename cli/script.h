/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file of commands, as words. */
#ifndef KBUMP_SCRIPT_H
#define KBUMP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

struct command;

/* Strings that are freed together. */
struct strings {
	char **text;
	size_t count;
	size_t room;
};

struct variable {
	struct variable *next;
	char *name;
	struct strings value;
};

struct script {
	char *name;		/* in messages */
	char *text;
	const char *in;		/* what is not yet read of text */
	unsigned int line;	/* that of in */
	struct strings words;	/* that were read */
	struct variable *const *variables;	/* the first of them */
};

struct script_line {
	struct strings word;	/* valid as long as the script, but for the array itself */
	unsigned int number;	/* of the first line, where there are several */
};

/* strings.c */
void *grow(void *array, size_t count, size_t *room, size_t size);
void strings_add(struct strings *s, char *text);
void strings_free(struct strings *s);

/* variable.c */
bool variable_name_char(char ch, bool first);
const struct variable *variable_find(const struct variable *v, const char *name, size_t len);
struct variable *variable_add(struct variable *v, const char *name, const struct strings *value);
void variables_free(struct variable *v);

/* script.c */
int script_open(struct script *s, const char *file, struct variable *const *variables,
		const struct command *where);
bool script_ended(const struct script *s);
int script_line(struct script *s, struct script_line *l);
void script_close(struct script *s);

#endif /* KBUMP_SCRIPT_H */
