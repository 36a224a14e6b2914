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

static int save_all(const struct command *c, const struct object *o, int cmd)
{
	struct command dump = { .obj = c->obj, .verb = c->verb, .file = c->file, .line = c->line };
	struct replies r = {};
	struct view v;
	size_t i;
	int err;

	request_dump(&dump, cmd);
	err = nl_request(&dump, dump.msg, &r);
	if (!err && r.inconsistent)
		err = refused(c, "the configuration changes all the time; try again");
	for (i = 0; !err && i < r.count; i++)
		if (view_of_message(&v, o, r.msg[i]))
			err = save_one(c, o, &v);
	replies_free(&r);
	command_free(&dump);
	return err;
}

/* Tools and sets first: rules name them. */
static int save_run(struct command *c)
{
	int err = save_all(c, &tool_object, KBUMP_CMD_TOOL_GET);

	if (!err)
		err = save_all(c, &set_object, KBUMP_CMD_SET_GET);
	return err ? err : save_all(c, &rule_object, KBUMP_CMD_RULE_GET);
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
