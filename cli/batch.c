// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files of commands: none of them is sent before all of them are understood, and then they are one
 * transaction.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "script.h"

/* A file that includes itself ends here. */
#define DEPTH_MAX	16

/* Somebody else changes the configuration each time that a transaction is about to end. */
#define ATTEMPTS	10

struct batch {
	struct command *command;
	size_t count;
	size_t room;
	struct replies *replies;	/* to each command */
	struct script **script;	/* the commands have the words of these */
	size_t scripts;
	size_t scripts_room;
	struct variable *variables;
};

static int parse_file(struct batch *b, const char *file, const struct command *where,
		      unsigned int depth);

static struct command *new_command(struct batch *b)
{
	b->command = grow(b->command, b->count, &b->room, sizeof(*b->command));
	b->command[b->count] = (struct command){};
	return &b->command[b->count++];
}

static struct script *new_script(struct batch *b)
{
	struct script *s = calloc(1, sizeof(*s));

	if (!s)
		out_of_memory();
	b->script = grow(b->script, b->scripts, &b->scripts_room, sizeof(*b->script));
	b->script[b->scripts++] = s;
	return s;
}

/* define NAME = WORD... */
static int define(struct batch *b, const struct command *where, const struct strings *word)
{
	char **text = word->text;
	const struct strings value = { .text = text + 3, .count = word->count - 3 };
	const char *p;

	if (word->count < 4 || strcmp(text[2], "="))
		return usage_error(where, "\"define\" needs NAME = VALUE...");
	for (p = text[1]; *p; p++)
		if (!variable_name_char(*p, p == text[1]))
			break;
	if (*p || p == text[1])
		return usage_error(where, "\"%s\" is not a name of letters, digits and _", text[1]);
	if (variable_find(b->variables, text[1], strlen(text[1])))
		return usage_error(where, "\"%s\" is defined already", text[1]);
	b->variables = variable_add(b->variables, text[1], &value);
	return 0;
}

/* Relative to the file that names it. */
static char *path_of(const struct script *s, const char *name)
{
	const char *slash = strrchr(s->name, '/');
	int directory = *name == '/' || !slash ? 0 : slash + 1 - s->name;
	char *path;

	if (asprintf(&path, "%.*s%s", directory, s->name, name) < 0)
		out_of_memory();
	return path;
}

static int include_all(struct batch *b, const struct command *where, const char *pattern,
		       unsigned int depth)
{
	glob_t found;
	int err = 0;
	size_t i;

	switch (glob(pattern, GLOB_ERR | GLOB_NOMAGIC, NULL, &found)) {
	case 0:
		break;
	/* That there is none yet may well be meant. */
	case GLOB_NOMATCH:
		return 0;
	case GLOB_NOSPACE:
		out_of_memory();
	default:
		return usage_error(where, "\"%s\": a directory cannot be read", pattern);
	}
	for (i = 0; i < found.gl_pathc; i++)
		if (parse_file(b, found.gl_pathv[i], where, depth + 1))
			err = EXIT_USAGE;
	globfree(&found);
	return err;
}

/* include PATTERN */
static int include(struct batch *b, const struct script *s, const struct command *where,
		   const struct strings *word, unsigned int depth)
{
	char *pattern;
	int err;

	if (word->count != 2)
		return usage_error(where, "\"include\" needs one file or pattern");
	if (depth == DEPTH_MAX)
		return usage_error(where, "files include each other more than %d times", DEPTH_MAX);
	pattern = path_of(s, word->text[1]);
	err = include_all(b, where, pattern, depth);
	free(pattern);
	return err;
}

/* What can be a part of a transaction. */
static bool is_change(const struct command *c)
{
	switch (c->verb->cmd) {
	case KBUMP_CMD_RULE_ADD:
	case KBUMP_CMD_RULE_INSERT:
	case KBUMP_CMD_RULE_REPLACE:
	case KBUMP_CMD_RULE_MOVE:
	case KBUMP_CMD_RULE_DEL:
	case KBUMP_CMD_RULE_FLUSH:
	case KBUMP_CMD_TOOL_ADD:
	case KBUMP_CMD_TOOL_SET:
	case KBUMP_CMD_TOOL_DEL:
	case KBUMP_CMD_SET_ADD:
	case KBUMP_CMD_SET_DEL:
	case KBUMP_CMD_SET_FILL:
	case KBUMP_CMD_SET_DEL_ENTRY:
	case KBUMP_CMD_SET_FLUSH:
	case KBUMP_CMD_SET_SWAP:
	case KBUMP_CMD_FLUSH:
		return true;
	default:
		return false;
	}
}

static int parse_line(struct batch *b, const struct script *s, const struct script_line *l,
		      unsigned int depth)
{
	const struct command where = { .file = s->name, .line = l->number };
	struct command *c;
	int err;

	if (!strcmp(l->word.text[0], "define"))
		return define(b, &where, &l->word);
	if (!strcmp(l->word.text[0], "include"))
		return include(b, s, &where, &l->word, depth);
	c = new_command(b);
	*c = where;
	err = command_parse(c, l->word.count, l->word.text);
	if (!err && !is_change(c))
		return usage_error(c, "a file can only change rules, tools and sets");
	return err;
}

/* All lines, so that one run shows all errors; a broken word ends it. */
static int parse_all(struct batch *b, struct script *s, unsigned int depth)
{
	struct script_line l = {};
	int err = 0;

	while (!script_ended(s)) {
		int bad = script_line(s, &l);

		if (bad) {
			err = bad;
			break;
		}
		if (l.word.count && parse_line(b, s, &l, depth))
			err = EXIT_USAGE;
	}
	free(l.word.text);
	return err;
}

static int parse_file(struct batch *b, const char *file, const struct command *where,
		      unsigned int depth)
{
	struct script *s = new_script(b);
	int err = script_open(s, file, &b->variables, where);

	return err ? err : parse_all(b, s, depth);
}

/* A word of the transaction itself. */
static int transaction(int cmd, bool repeats)
{
	const struct verb verb = { .cmd = cmd };
	struct command c = { .verb = &verb, .repeats = repeats };
	int err = parse_plain(&c, 0, NULL);

	if (!err)
		err = run_request(&c);
	command_free(&c);
	return err;
}

/*
 * One that fails ends the transaction, as this program ends; unless it has only begun with what is
 * no more.
 */
static int run_once(struct batch *b, bool repeats)
{
	int err = transaction(KBUMP_CMD_BEGIN, false);
	size_t i;

	for (i = 0; !err && i < b->count; i++) {
		b->command[i].repeats = repeats;
		b->command[i].held = &b->replies[i];
		err = command_run(&b->command[i]);
	}
	return err && err != EXIT_AGAIN ? err : transaction(KBUMP_CMD_COMMIT, repeats);
}

/* Others may want to change something as often as this. */
static void pause_a_little(void)
{
	const struct timespec pause = { .tv_nsec = (1 + random() % 100) * 1000000L };

	nanosleep(&pause, NULL);
}

/* What the kernel has answered holds only when all is done. */
static int run_all(struct batch *b)
{
	int attempts = ATTEMPTS;
	size_t i;
	int err;

	if (!b->count)
		return 0;
	b->replies = calloc(b->count, sizeof(*b->replies));
	if (!b->replies)
		out_of_memory();
	srandom(getpid());
	while ((err = run_once(b, --attempts > 0)) == EXIT_AGAIN)
		pause_a_little();
	for (i = 0; i < b->count; i++) {
		if (!err && b->replies[i].count)
			show_replies(&b->command[i], &b->replies[i], NULL);
		replies_free(&b->replies[i]);
	}
	free(b->replies);
	return err;
}

static void batch_free(struct batch *b)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		command_free(&b->command[i]);
	free(b->command);
	for (i = 0; i < b->scripts; i++) {
		script_close(b->script[i]);
		free(b->script[i]);
	}
	free(b->script);
	variables_free(b->variables);
}

int batch_run(const char *file)
{
	struct batch b = {};
	int err;

	err = parse_file(&b, file, NULL, 0);
	if (!err)
		err = run_all(&b);
	batch_free(&b);
	return err;
}
