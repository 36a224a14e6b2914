// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Wires: pairs of ports. They are made, and get their ports, with ip(8). */
#include "cli.h"

static const char *const on_off_words[] = { "off", "on" };

static const char *const state_words[] = { "down", "up" };

static const struct field wire_fields[] = {
	{ .key = "name", .type = &type_dev, .flags = F_INPUT | F_BARE, .nla = KBUMP_WIRE_A_NAME },
	{ .key = "state", .type = &type_word, .nla = KBUMP_WIRE_A_STATE,
	  .words = WORDS(state_words) },
	{ .key = "inside", .type = &type_dev, .flags = F_INPUT, .nla = KBUMP_WIRE_A_INSIDE },
	{ .key = "outside", .type = &type_string, .nla = KBUMP_WIRE_A_OUTSIDE },
	{ .key = "bypass", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_WIRE_A_BYPASS,
	  .words = WORDS(on_off_words), .what = "a setting" },
	{ .key = "link", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_WIRE_A_LINK,
	  .words = WORDS(on_off_words), .what = "a setting" },
	{ .key = "in_frames", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_WIRE_A_IN_FRAMES },
	{ .key = "in_bytes", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_WIRE_A_IN_BYTES },
	{ .key = "in_steered", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_IN_STEERED },
	{ .key = "in_drop_down", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_IN_DROP_DOWN },
	{ .key = "in_drop_long", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_IN_DROP_LONG },
	{ .key = "in_drop_full", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_IN_DROP_FULL },
	{ .key = "in_drop_rule", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_IN_DROP_RULE },
	{ .key = "in_drop_cut", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_IN_DROP_CUT },
	{ .key = "out_frames", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_OUT_FRAMES },
	{ .key = "out_bytes", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_WIRE_A_OUT_BYTES },
	{ .key = "out_steered", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_OUT_STEERED },
	{ .key = "out_drop_down", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_OUT_DROP_DOWN },
	{ .key = "out_drop_long", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_OUT_DROP_LONG },
	{ .key = "out_drop_full", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_OUT_DROP_FULL },
	{ .key = "out_drop_rule", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_OUT_DROP_RULE },
	{ .key = "out_drop_cut", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_WIRE_A_OUT_DROP_CUT },
	{}
};

static int name_parse(struct command *c, int argc, char **argv)
{
	const struct field *f = &wire_fields[0];

	if (!argc)
		return usage_error(c, "the wire's NAME is missing");
	return f->type->parse(c, f, argv[0], c->msg);
}

static int set_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, 0);
	int err = name_parse(c, argc, argv);

	if (!err)
		err = parse_fields(c, wire_fields, argc - 1, argv + 1, c->msg);
	request_end(c, nest);
	if (!err && argc == 1)
		return usage_error(c, "nothing to set");
	return err;
}

static int show_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest;
	int err;

	if (!argc)
		return parse_dump(c, 0, argv);
	nest = request_begin(c, 0);
	err = name_parse(c, argc, argv);
	request_end(c, nest);
	return err ? err : no_words(c, argc - 1, argv + 1);
}

static const struct verb wire_verbs[] = {
	{ "show", "list", KBUMP_CMD_WIRE_GET, show_parse, run_show },
	{ "set", NULL, KBUMP_CMD_WIRE_SET, set_parse, run_request },
	{}
};

static const char wire_help[] =
	"Usage: kbump wire [ show [ NAME ] ]\n"
	"       kbump wire set NAME [ inside DEV ] [ bypass on | bypass off ]\n"
	"                           [ link on | link off ]\n"
	"Wires are made with ip(8): ip link add NAME type kbump; ip link set DEV master NAME\n";

const struct object wire_object = {
	.name = "wire",
	.nla = KBUMP_A_WIRE,
	.max = KBUMP_WIRE_A_MAX,
	.fields = wire_fields,
	.verbs = wire_verbs,
	.help = wire_help,
};
