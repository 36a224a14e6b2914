// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A file of commands: none of them is run before all of them are understood. */
#include <stdlib.h>

#include "cli.h"
#include "script.h"

struct batch {
	struct command *command;
	size_t count;
	size_t room;
};

static struct command *new_command(struct batch *b)
{
	struct command *grown;

	if (b->count == b->room) {
		b->room = b->room ? b->room * 2 : 64;
		grown = realloc(b->command, b->room * sizeof(*grown));
		if (!grown)
			out_of_memory();
		b->command = grown;
	}
	b->command[b->count] = (struct command){};
	return &b->command[b->count++];
}

static int parse_line(struct batch *b, const struct script *s, const struct script_line *l)
{
	struct command *c = new_command(b);

	c->file = s->name;
	c->line = l->number;
	return command_parse(c, l->count, l->word);
}

/* All lines, so that one run shows all errors; a broken quote ends it. */
static int parse_all(struct batch *b, struct script *s)
{
	struct script_line l = {};
	int err = 0;

	while (!script_ended(s)) {
		int bad = script_line(s, &l);

		if (bad) {
			err = bad;
			break;
		}
		if (l.count && parse_line(b, s, &l))
			err = EXIT_USAGE;
	}
	free(l.word);
	return err;
}

static int run_all(struct batch *b)
{
	struct command where = {};
	size_t i;

	for (i = 0; i < b->count; i++) {
		if (!command_run(&b->command[i]))
			continue;
		where.file = b->command[i].file;
		where.line = b->command[i].line;
		return refused(&where, "stopped; %zu of %zu commands were done, and stay in effect",
			       i, b->count);
	}
	return 0;
}

int batch_run(const char *file)
{
	struct batch b = {};
	struct script s;
	size_t i;
	int err;

	err = script_open(&s, file);
	if (!err)
		err = parse_all(&b, &s);
	if (!err)
		err = run_all(&b);
	for (i = 0; i < b.count; i++)
		command_free(&b.command[i]);
	free(b.command);
	script_close(&s);
	return err;
}
