// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Arrays that grow. */
#include <stdlib.h>

#include "cli.h"
#include "script.h"

/* With room for one more than count elements. */
void *grow(void *array, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 16;
	array = reallocarray(array, *room, size);
	if (!array)
		out_of_memory();
	return array;
}

void strings_add(struct strings *s, char *text)
{
	s->text = grow(s->text, s->count, &s->room, sizeof(*s->text));
	s->text[s->count++] = text;
}

void strings_free(struct strings *s)
{
	while (s->count)
		free(s->text[--s->count]);
	free(s->text);
}
