// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events: one line each, as they happen. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/genl/genl.h>

#include "cli.h"

struct event {
	const struct object *obj;
	const char *name;
};

/* By the command of the notification. */
static const struct event events[] = {
	[KBUMP_CMD_RULE_ADD] = { &rule_object, "rule add" },
	[KBUMP_CMD_RULE_DEL] = { &rule_object, "rule del" },
	[KBUMP_CMD_TOOL_ADD] = { &tool_object, "tool add" },
	[KBUMP_CMD_TOOL_SET] = { &tool_object, "tool set" },
	[KBUMP_CMD_TOOL_DEL] = { &tool_object, "tool del" },
	[KBUMP_CMD_FLOW_ADD] = { &flow_object, "flow add" },
	[KBUMP_CMD_FLOW_DEL] = { &flow_object, "flow del" },
	[KBUMP_CMD_HELPER_ADD] = { &helper_object, "helper add" },
	[KBUMP_CMD_HELPER_DEL] = { &helper_object, "helper del" },
	[KBUMP_CMD_RULE_INSERT] = { &rule_object, "rule insert" },
	[KBUMP_CMD_RULE_REPLACE] = { &rule_object, "rule replace" },
	[KBUMP_CMD_RULE_MOVE] = { &rule_object, "rule move" },
	[KBUMP_CMD_LEARNED_ADD] = { &learned_object, "learned add" },
	[KBUMP_CMD_LEARNED_DEL] = { &learned_object, "learned del" },
	[KBUMP_CMD_SET_ADD] = { &set_object, "set add" },
	[KBUMP_CMD_SET_DEL] = { &set_object, "set del" },
	[KBUMP_CMD_SET_FLUSH] = { &set_object, "set flush" },
	[KBUMP_CMD_SET_SWAP] = { &set_object, "set swap" },
	[KBUMP_CMD_SET_FILL] = { &set_object, "set fill" },
	[KBUMP_CMD_SET_DEL_ENTRY] = { &set_object, "set del-entry" },
};

static const struct object *const sources[] = {
	&rule_object, &flow_object, &tool_object, &helper_object, &set_object,
};

static void event_json(const struct event *e, const struct view *v)
{
	struct json_object *j = json_object_new_object();

	json_object_object_add(j, "event", json_object_new_string(e->name));
	print_json(json_fields(j, v, e->obj->fields), false);
}

static void event_text(const struct event *e, const struct view *v)
{
	printf("%s ", e->name);
	print_object(e->obj, v, " ");
	putchar('\n');
}

/* A newer kernel may tell of more than this program knows. */
static const struct event *event_of(const struct command *c, struct nl_msg *msg)
{
	unsigned int cmd = genlmsg_hdr(nlmsg_hdr(msg))->cmd;

	if (cmd >= ARRAY_SIZE(events) || !events[cmd].obj)
		return NULL;
	if (c->events && !(c->events & 1U << events[cmd].obj->nla))
		return NULL;
	return &events[cmd];
}

static void print_event(const struct command *c, struct nl_msg *msg)
{
	const struct event *e = event_of(c, msg);
	struct view v;

	if (!e || !view_of_message(&v, e->obj, msg))
		return;
	if (opt.json)
		event_json(e, &v);
	else
		event_text(e, &v);
	/* The reader must have it now; and without a reader there is no use to go on. */
	if (fflush(stdout))
		exit(refused(c, "the output cannot be written: %s", strerror(errno)));
}

static const struct object *source(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sources); i++)
		if (word_matches(word, sources[i]->name))
			return sources[i];
	return NULL;
}

static int monitor_parse(struct command *c, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		const struct object *o = source(argv[i]);

		if (!o)
			return usage_error(c,
					   "\"%s\" has no events (rule, flow, tool, helper, set)",
					   argv[i]);
		c->events |= 1U << o->nla;
		/* It comes of flows, and is a part of their command. */
		if (o == &flow_object)
			c->events |= 1U << learned_object.nla;
	}
	return 0;
}

static int monitor_run(struct command *c)
{
	return nl_monitor(c, print_event);
}

static const struct verb monitor_verb = { "monitor", NULL, 0, monitor_parse, monitor_run };

const struct object monitor_object = {
	.name = "monitor",
	.only = &monitor_verb,
	.help = "Usage: kbump monitor [ rule | flow | tool | helper | set ]...\n",
};
