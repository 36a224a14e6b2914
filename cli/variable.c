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

const struct variable *variable_find(const struct variables *v, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < v->count; i++)
		if (strlen(v->variable[i].name) == len && !memcmp(v->variable[i].name, name, len))
			return &v->variable[i];
	return NULL;
}

static char *copy(const char *text)
{
	char *new = strdup(text);

	if (!new)
		out_of_memory();
	return new;
}

void variable_add(struct variables *v, const char *name, const struct strings *value)
{
	struct variable *new;
	size_t i;

	v->variable = grow(v->variable, v->count, &v->room, sizeof(*v->variable));
	new = &v->variable[v->count++];
	*new = (struct variable){ .name = copy(name) };
	for (i = 0; i < value->count; i++)
		strings_add(&new->value, copy(value->text[i]));
}

void variables_free(struct variables *v)
{
	while (v->count) {
		struct variable *last = &v->variable[--v->count];

		free(last->name);
		strings_free(&last->value);
	}
	free(v->variable);
}
