// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tools: the devices that get the clear traffic. */
#include "cli.h"

static const char *const mode_words[] = {
	[KBUMP_TOOL_MIRROR] = "mirror",
	[KBUMP_TOOL_INLINE] = "inline",
	[KBUMP_TOOL_GROUP] = "group",
};

static const char *const spread_words[] = {
	[KBUMP_SPREAD_HASH] = "hash",
	[KBUMP_SPREAD_FIRST] = "first",
};

static const char *const key_words[] = {
	[KBUMP_SPREAD_FLOW] = "flow",
	[KBUMP_SPREAD_CLIENT] = "client",
};

static const char *const fail_words[] = {
	[KBUMP_TOOL_BYPASS] = "bypass",
	[KBUMP_TOOL_BLOCK] = "block",
};

static const char *const state_words[] = {
	[KBUMP_TOOL_UP] = "up",
	[KBUMP_TOOL_DOWN] = "down",
	[KBUMP_TOOL_GONE] = "gone",
};

#define NAME_FIELD \
	{ .key = "name", .type = &type_name, .flags = F_INPUT | F_BARE, .nla = KBUMP_TOOL_A_NAME }
#define STATE_FIELD \
	{ .key = "state", .type = &type_word, .nla = KBUMP_TOOL_A_STATE, \
	  .words = WORDS(state_words) }
#define FAIL_FIELD \
	{ .key = "fail", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_TOOL_A_FAIL, \
	  .words = WORDS(fail_words), .what = "what becomes of flows" }
#define STAT_FIELD(name, attr) \
	{ .key = name, .type = &type_u64, .flags = F_STAT, .nla = attr }

static const struct field tool_fields[] = {
	NAME_FIELD,
	{ .key = "dev", .type = &type_dev, .flags = F_INPUT | F_NEEDED, .nla = KBUMP_TOOL_A_DEV },
	{ .key = "ifindex", .type = &type_u32, .nla = KBUMP_TOOL_A_IFINDEX },
	STATE_FIELD,
	{ .key = "mode", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_TOOL_A_MODE,
	  .words = WORDS(mode_words), .what = "a mode" },
	{ .key = "peer", .type = &type_dev, .flags = F_INPUT, .nla = KBUMP_TOOL_A_PEER },
	{ .key = "src", .type = &type_mac, .flags = F_INPUT, .nla = KBUMP_TOOL_A_SRC_MAC },
	{ .key = "dst", .type = &type_mac, .flags = F_INPUT, .nla = KBUMP_TOOL_A_DST_MAC },
	{ .key = "vlan", .type = &type_u16, .flags = F_INPUT | F_ZERO_UNSET,
	  .nla = KBUMP_TOOL_A_VLAN, .what = "a VLAN id", .min = 1, .max = 4094 },
	{ .key = "dport", .type = &type_u16, .flags = F_INPUT | F_ZERO_UNSET,
	  .nla = KBUMP_TOOL_A_DPORT, .what = "a port", .min = 1, .max = 65535 },
	{ .key = "mtu", .type = &type_u32, .flags = F_INPUT | F_ZERO_UNSET,
	  .nla = KBUMP_TOOL_A_MTU, .what = "an MTU", .min = 576, .max = 65535 },
	{ .key = "snaplen", .type = &type_u32, .flags = F_INPUT | F_ZERO_UNSET,
	  .nla = KBUMP_TOOL_A_SNAPLEN, .what = "a length", .min = 96, .max = 65535 },
	{ .key = "limit", .type = &type_u64, .flags = F_INPUT | F_ZERO_UNSET,
	  .nla = KBUMP_TOOL_A_LIMIT, .what = "a number of bytes" },
	{ .key = "sample", .type = &type_u32, .flags = F_INPUT | F_ZERO_UNSET,
	  .nla = KBUMP_TOOL_A_SAMPLE, .what = "a number of connections", .min = 1,
	  .max = UINT32_MAX },
	FAIL_FIELD,
	{ .key = "heartbeat", .type = &type_u32, .flags = F_INPUT | F_ZERO_UNSET,
	  .nla = KBUMP_TOOL_A_HEARTBEAT, .what = "milliseconds", .min = 20, .max = 60000 },
	STAT_FIELD("frames", KBUMP_TOOL_A_FRAMES),
	STAT_FIELD("bytes", KBUMP_TOOL_A_BYTES),
	STAT_FIELD("flows", KBUMP_TOOL_A_FLOWS),
	STAT_FIELD("drop_queue", KBUMP_TOOL_A_DROP_QUEUE),
	STAT_FIELD("drop_down", KBUMP_TOOL_A_DROP_DOWN),
	STAT_FIELD("drop_nomem", KBUMP_TOOL_A_DROP_NOMEM),
	STAT_FIELD("missed", KBUMP_TOOL_A_MISSED),
	{}
};

static const struct field group_fields[] = {
	NAME_FIELD,
	STATE_FIELD,
	{ .key = "tool", .json = "tools", .type = &type_member, .flags = F_INPUT | F_MULTI,
	  .nla = KBUMP_TOOL_A_MEMBER, .what = "a member", .max = KBUMP_GROUP_MEMBERS_MAX },
	{ .key = "standby", .type = &type_member, .flags = F_INPUT | F_MULTI,
	  .nla = KBUMP_TOOL_A_STANDBY, .what = "a member", .max = KBUMP_GROUP_MEMBERS_MAX },
	{ .key = "spread", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_TOOL_A_SPREAD,
	  .words = WORDS(spread_words), .what = "a way to spread" },
	{ .key = "key", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_TOOL_A_KEY,
	  .words = WORDS(key_words), .what = "what goes to the same member" },
	{ .key = "min", .type = &type_u8, .flags = F_INPUT, .nla = KBUMP_TOOL_A_MIN,
	  .what = "a number of members", .min = 1, .max = KBUMP_GROUP_MEMBERS_MAX },
	FAIL_FIELD,
	STAT_FIELD("flows", KBUMP_TOOL_A_FLOWS),
	STAT_FIELD("drop_down", KBUMP_TOOL_A_DROP_DOWN),
	STAT_FIELD("missed", KBUMP_TOOL_A_MISSED),
	{}
};

bool tool_is_group(const struct view *v)
{
	return attr_number(v->tb[KBUMP_TOOL_A_MODE]) == KBUMP_TOOL_GROUP;
}

static bool is_listed(const struct command *c, const struct view *v)
{
	return tool_is_group(v) == (c->obj == &group_object);
}

static int name_parse(struct command *c, int argc, char **argv)
{
	const struct field *f = &tool_fields[0];

	if (!argc)
		return usage_error(c, "the %s's NAME is missing", c->obj->name);
	return f->type->parse(c, f, argv[0], c->msg);
}

static int change_parse(struct command *c, int flags, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, flags);
	int err = name_parse(c, argc, argv);

	if (c->obj == &group_object && nla_put_u8(c->msg, KBUMP_TOOL_A_MODE, KBUMP_TOOL_GROUP) < 0)
		out_of_memory();
	if (!err)
		err = parse_fields(c, c->obj->fields, argc - 1, argv + 1, c->msg);
	request_end(c, nest);
	return err;
}

static int add_parse(struct command *c, int argc, char **argv)
{
	int err = change_parse(c, NLM_F_CREATE, argc, argv);

	return err ? err : check_needed(c, c->obj->fields);
}

static int set_parse(struct command *c, int argc, char **argv)
{
	int err = change_parse(c, 0, argc, argv);

	if (!err && argc == 1)
		return usage_error(c, "nothing to set");
	return err;
}

static int name_only_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, 0);
	int err = name_parse(c, argc, argv);

	request_end(c, nest);
	return err ? err : no_words(c, argc - 1, argv + 1);
}

static int show_parse(struct command *c, int argc, char **argv)
{
	return argc ? name_only_parse(c, argc, argv) : parse_dump(c, 0, argv);
}

/* Tools and groups are of one kind to the kernel. */
static int show_run(struct command *c)
{
	struct replies r = {};
	int err = nl_request(c, c->msg, &r);

	if (!err)
		show_replies(c, &r, is_listed);
	replies_free(&r);
	return err;
}

static const struct verb tool_verbs[] = {
	{ "show", "list", KBUMP_CMD_TOOL_GET, show_parse, show_run },
	{ "add", NULL, KBUMP_CMD_TOOL_ADD, add_parse, run_request },
	{ "set", NULL, KBUMP_CMD_TOOL_SET, set_parse, run_request },
	{ "del", "delete", KBUMP_CMD_TOOL_DEL, name_only_parse, run_request },
	{}
};

static const char tool_help[] =
	"Usage: kbump tool [ show [ NAME ] ]\n"
	"       kbump tool add NAME dev DEV [ SETTING ]...\n"
	"       kbump tool set NAME [ dev DEV ] [ SETTING ]...\n"
	"       kbump tool del NAME\n"
	"       kbump tool add NAME mode inline dev DEV peer DEV [ SETTING ]...\n"
	"SETTING := { src MAC | dst MAC | vlan ID | dport PORT | mtu N | snaplen N | limit BYTES |\n"
	"             sample N | fail { bypass | block } | heartbeat MS }\n";

static const char group_help[] =
	"Usage: kbump group [ show [ NAME ] ]\n"
	"       kbump group add NAME MEMBER... [ SETTING ]...\n"
	"       kbump group set NAME [ MEMBER ]... [ SETTING ]...\n"
	"       kbump group del NAME\n"
	"MEMBER := { tool | standby } TOOL[:WEIGHT]\n"
	"SETTING := { spread { hash | first } | key { flow | client } | min N |\n"
	"             fail { bypass | block } }\n";

const struct object group_object = {
	.name = "group",
	.nla = KBUMP_A_TOOL,
	.max = KBUMP_TOOL_A_MAX,
	.fields = group_fields,
	.verbs = tool_verbs,
	.help = group_help,
};

const struct object tool_object = {
	.name = "tool",
	.nla = KBUMP_A_TOOL,
	.max = KBUMP_TOOL_A_MAX,
	.fields = tool_fields,
	.verbs = tool_verbs,
	.help = tool_help,
};
