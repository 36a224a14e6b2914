// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Variables of a file of commands: a name for one or more words. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "script.h"

bool variable_name_char(char ch, bool first)
{
	unsigned char c = ch;

	return c < 0x80 && (ch == '_' || isalpha(c) || (!first && isdigit(c)));
}

const struct variable *variable_find(const struct variable *v, const char *name, size_t len)
{
	for (; v; v = v->next)
		if (strlen(v->name) == len && !memcmp(v->name, name, len))
			return v;
	return NULL;
}

static char *copy(const char *text)
{
	char *new = strdup(text);

	if (!new)
		out_of_memory();
	return new;
}

static struct variable *new_variable(void)
{
	struct variable *new = calloc(1, sizeof(*new));

	if (!new)
		out_of_memory();
	return new;
}

/* Before those that are there. Return: the new first one. */
struct variable *variable_add(struct variable *v, const char *name, const struct strings *value)
{
	struct variable *new = new_variable();
	size_t i;

	new->next = v;
	new->name = copy(name);
	for (i = 0; i < value->count; i++)
		strings_add(&new->value, copy(value->text[i]));
	return new;
}

void variables_free(struct variable *v)
{
	while (v) {
		struct variable *next = v->next;

		free(v->name);
		strings_free(&v->value);
		free(v);
		v = next;
	}
}
