// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events: one line each, as they happen. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/genl/genl.h>

#include "cli.h"

/* Whose events may be asked for by themselves. */
enum source {
	RULE,
	FLOW,
	DECISION,
	TOOL,
	HELPER,
	SET,
	WIRE,
};

static const char *const sources[] = {
	[RULE] = "rule",
	[FLOW] = "flow",
	[DECISION] = "decision",
	[TOOL] = "tool",
	[HELPER] = "helper",
	[SET] = "set",
	[WIRE] = "wire",
};

struct event {
	const struct object *obj;
	const char *name;
	enum source source;
};

/* By the command of the notification. */
static const struct event events[] = {
	[KBUMP_CMD_RULE_ADD] = { &rule_object, "rule add", RULE },
	[KBUMP_CMD_RULE_DEL] = { &rule_object, "rule del", RULE },
	[KBUMP_CMD_TOOL_ADD] = { &tool_object, "tool add", TOOL },
	[KBUMP_CMD_TOOL_SET] = { &tool_object, "tool set", TOOL },
	[KBUMP_CMD_TOOL_DEL] = { &tool_object, "tool del", TOOL },
	[KBUMP_CMD_FLOW_ADD] = { &flow_object, "flow add", FLOW },
	[KBUMP_CMD_FLOW_DEL] = { &flow_object, "flow del", FLOW },
	[KBUMP_CMD_HELPER_ADD] = { &helper_object, "helper add", HELPER },
	[KBUMP_CMD_HELPER_DEL] = { &helper_object, "helper del", HELPER },
	[KBUMP_CMD_RULE_INSERT] = { &rule_object, "rule insert", RULE },
	[KBUMP_CMD_RULE_REPLACE] = { &rule_object, "rule replace", RULE },
	[KBUMP_CMD_RULE_MOVE] = { &rule_object, "rule move", RULE },
	/* It comes of flows, and is a part of their command. */
	[KBUMP_CMD_LEARNED_ADD] = { &learned_object, "learned add", FLOW },
	[KBUMP_CMD_LEARNED_DEL] = { &learned_object, "learned del", FLOW },
	[KBUMP_CMD_SET_ADD] = { &set_object, "set add", SET },
	[KBUMP_CMD_SET_DEL] = { &set_object, "set del", SET },
	[KBUMP_CMD_SET_FLUSH] = { &set_object, "set flush", SET },
	[KBUMP_CMD_SET_SWAP] = { &set_object, "set swap", SET },
	[KBUMP_CMD_SET_FILL] = { &set_object, "set fill", SET },
	[KBUMP_CMD_SET_DEL_ENTRY] = { &set_object, "set del-entry", SET },
	[KBUMP_CMD_WIRE_SET] = { &wire_object, "wire set", WIRE },
	[KBUMP_CMD_DECISION] = { &flow_object, "decision", DECISION },
};

static bool wants(const struct command *c, enum source source)
{
	return !c->events || c->events & 1U << source;
}

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
	static const struct event groups[] = {
		[KBUMP_CMD_TOOL_ADD] = { &group_object, "group add", TOOL },
		[KBUMP_CMD_TOOL_SET] = { &group_object, "group set", TOOL },
		[KBUMP_CMD_TOOL_DEL] = { &group_object, "group del", TOOL },
	};
	unsigned int cmd = genlmsg_hdr(nlmsg_hdr(msg))->cmd;
	struct view v;

	if (cmd >= ARRAY_SIZE(events) || !events[cmd].obj || !wants(c, events[cmd].source))
		return NULL;
	if (events[cmd].source == TOOL && view_of_message(&v, &group_object, msg) &&
	    tool_is_group(&v))
		return &groups[cmd];
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

static int monitor_parse(struct command *c, int argc, char **argv)
{
	size_t n;
	int i;

	for (i = 0; i < argc; i++) {
		for (n = 0; n < ARRAY_SIZE(sources); n++)
			if (word_matches(argv[i], sources[n]))
				break;
		if (n == ARRAY_SIZE(sources))
			return usage_error(c,
					   "\"%s\" has no events (rule, flow, decision, tool, helper, set, wire)",
					   argv[i]);
		c->events |= 1U << n;
	}
	return 0;
}

/* Of decisions there may be more than of all else: those who do not want them need not get them. */
static int monitor_run(struct command *c)
{
	const char *groups[3] = { KBUMP_MCGRP_EVENTS };

	if (wants(c, DECISION))
		groups[1] = KBUMP_MCGRP_DECISIONS;
	return nl_monitor(c, groups, print_event);
}

static const struct verb monitor_verb = { "monitor", NULL, 0, monitor_parse, monitor_run };

const struct object monitor_object = {
	.name = "monitor",
	.only = &monitor_verb,
	.help = "Usage: kbump monitor [ rule | flow | decision | tool | helper | set | wire ]...\n",
};
