// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The configuration as the commands that make it, for "kbump -f". */
#include <stdio.h>

#include "cli.h"

static int save_one(const struct command *c, const struct object *o, const struct view *v)
{
	printf("%s add ", o->name);
	print_fields(v, o->fields, F_INPUT, 0);
	putchar('\n');
	return o == &set_object ? save_entries(c, nla_get_string(v->tb[KBUMP_SET_A_NAME])) : 0;
}

static int ask(const struct command *c, int cmd, struct replies *r)
{
	struct command dump = { .obj = c->obj, .verb = c->verb, .file = c->file, .line = c->line };
	int err;

	request_dump(&dump, cmd);
	err = nl_request(&dump, dump.msg, r);
	if (!err && r->inconsistent)
		err = refused(c, "the configuration changes all the time; try again");
	command_free(&dump);
	return err;
}

static bool is_of(const struct object *o, const struct view *v)
{
	return o->nla != KBUMP_A_TOOL || tool_is_group(v) == (o == &group_object);
}

static int save_all(const struct command *c, const struct object *o, const struct replies *r)
{
	struct view v;
	int err = 0;
	size_t i;

	for (i = 0; !err && i < r->count; i++)
		if (view_of_message(&v, o, r->msg[i]) && is_of(o, &v))
			err = save_one(c, o, &v);
	return err;
}

/*
 * Tools, groups of them, and sets first: rules name them. What is read back takes the place of what
 * is there, and so nothing is printed before all is known but the entries of sets; without these it
 * is no file.
 */
static int save_run(struct command *c)
{
	struct replies tools = {}, sets = {}, rules = {};
	int err = ask(c, KBUMP_CMD_TOOL_GET, &tools);

	if (!err)
		err = ask(c, KBUMP_CMD_SET_GET, &sets);
	if (!err)
		err = ask(c, KBUMP_CMD_RULE_GET, &rules);
	if (!err) {
		puts(flush_object.name);
		err = save_all(c, &tool_object, &tools);
		if (!err)
			err = save_all(c, &group_object, &tools);
		if (!err)
			err = save_all(c, &set_object, &sets);
		if (!err)
			err = save_all(c, &rule_object, &rules);
		if (err)
			puts("incomplete");
	}
	replies_free(&tools);
	replies_free(&sets);
	replies_free(&rules);
	return err;
}

static int save_parse(struct command *c, int argc, char **argv)
{
	if (opt.json)
		return usage_error(c, "prints commands: there is no JSON of it");
	return no_words(c, argc, argv);
}

static const struct verb save_verb = { "save", NULL, 0, save_parse, save_run };

const struct object save_object = {
	.name = "save",
	.only = &save_verb,
	.help = "Usage: kbump save\n",
};
