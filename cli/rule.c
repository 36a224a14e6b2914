// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules: which flows are opened, left alone or refused. */
#include <limits.h>

#include "cli.h"

static const char *const action_words[] = {
	[KBUMP_ACTION_INSPECT] = "inspect",
	[KBUMP_ACTION_BYPASS] = "bypass",
	[KBUMP_ACTION_BLOCK] = "block",
};

static const char *const fail_words[] = {
	[KBUMP_FAIL_OPEN] = "open",
	[KBUMP_FAIL_CLOSED] = "closed",
};

/* How an inspection fails is of no interest where there is none. */
static bool inspects(const struct view *v)
{
	return attr_number(v->tb[KBUMP_RULE_A_ACTION]) == KBUMP_ACTION_INSPECT;
}

static const struct field rule_fields[] = {
	{ .key = "handle", .type = &type_u32, .nla = KBUMP_RULE_A_HANDLE,
	  .what = "a rule handle", .min = 1, .max = UINT_MAX },
	{ .key = "pref", .type = &type_u32, .flags = F_INPUT, .nla = KBUMP_RULE_A_PREF,
	  .what = "a preference", .min = 1, .max = INT_MAX },
	{ .key = "from", .type = &type_prefix, .flags = F_INPUT, .nla = KBUMP_RULE_A_SRC,
	  .nla2 = KBUMP_RULE_A_SRC_LEN },
	{ .key = "to", .type = &type_prefix, .flags = F_INPUT, .nla = KBUMP_RULE_A_DST,
	  .nla2 = KBUMP_RULE_A_DST_LEN },
	{ .key = "sport", .type = &type_ports, .flags = F_INPUT, .nla = KBUMP_RULE_A_SPORT },
	{ .key = "dport", .type = &type_ports, .flags = F_INPUT, .nla = KBUMP_RULE_A_DPORT },
	{ .key = "iif", .type = &type_dev, .flags = F_INPUT, .nla = KBUMP_RULE_A_IIF },
	{ .key = "mark", .type = &type_mark, .flags = F_INPUT, .nla = KBUMP_RULE_A_MARK,
	  .nla2 = KBUMP_RULE_A_MARK_MASK },
	{ .key = "mark_mask", .type = &type_mark_mask, .nla = KBUMP_RULE_A_MARK_MASK },
	{ .key = "action", .type = &type_word, .flags = F_INPUT | F_NEEDED,
	  .nla = KBUMP_RULE_A_ACTION, .words = WORDS(action_words), .what = "an action" },
	{ .key = "tool", .type = &type_name, .flags = F_INPUT | F_MULTI,
	  .nla = KBUMP_RULE_A_TOOL, .max = KBUMP_RULE_TOOLS_MAX },
	{ .key = "fail", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_RULE_A_FAIL,
	  .words = WORDS(fail_words), .what = "a fail setting", .shown = inspects },
	{ .key = "comment", .type = &type_string, .flags = F_INPUT,
	  .nla = KBUMP_RULE_A_COMMENT, .what = "a comment", .max = KBUMP_COMMENT_LEN - 1 },
	{ .key = "hits", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_RULE_A_HITS },
	{ .key = "bytes", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_RULE_A_BYTES },
	{ .key = "failed", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_RULE_A_FAILED },
	{}
};

/* What a rule is deleted by. */
static const struct field key_fields[] = {
	{ .key = "handle", .type = &type_u32, .flags = F_INPUT, .nla = KBUMP_RULE_A_HANDLE,
	  .what = "a rule handle", .min = 1, .max = UINT_MAX },
	{ .key = "pref", .type = &type_u32, .flags = F_INPUT, .nla = KBUMP_RULE_A_PREF,
	  .what = "a preference", .min = 1, .max = INT_MAX },
	{}
};

static int check_families(struct command *c, struct nlattr *nest)
{
	struct nlattr *src = nla_find(nla_data(nest), nla_len(nest), KBUMP_RULE_A_SRC);
	struct nlattr *dst = nla_find(nla_data(nest), nla_len(nest), KBUMP_RULE_A_DST);

	if (src && dst && nla_len(src) != nla_len(dst))
		return usage_error(c, "\"from\" and \"to\" are of different address families");
	return 0;
}

static int add_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, NLM_F_CREATE | (opt.echo ? NLM_F_ECHO : 0));
	int err = parse_fields(c, rule_fields, argc, argv, c->msg);

	request_end(c, nest);
	if (!err)
		err = check_needed(c, rule_fields);
	return err ? err : check_families(c, nest);
}

static int del_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, 0);
	int err = parse_fields(c, key_fields, argc, argv, c->msg);

	request_end(c, nest);
	if (!err && argc != 2)
		return usage_error(c, "give the rule's \"handle\" or its \"pref\"");
	return err;
}

static int flush_parse(struct command *c, int argc, char **argv)
{
	request_plain(c);
	return no_words(c, argc, argv);
}

static const struct verb rule_verbs[] = {
	{ "show", "list", KBUMP_CMD_RULE_GET, parse_dump, run_show },
	{ "add", NULL, KBUMP_CMD_RULE_ADD, add_parse, run_request },
	{ "del", "delete", KBUMP_CMD_RULE_DEL, del_parse, run_request },
	{ "flush", NULL, KBUMP_CMD_RULE_FLUSH, flush_parse, run_request },
	{}
};

static const char rule_help[] =
	"Usage: kbump rule [ show ]\n"
	"       kbump rule add [ pref N ] MATCH... action ACTION [ tool NAME ]...\n"
	"                      [ fail open | closed ] [ comment TEXT ]\n"
	"       kbump rule del { handle N | pref N }\n"
	"       kbump rule flush\n"
	"MATCH  := [ from PREFIX ] [ to PREFIX ] [ sport PORTS ] [ dport PORTS ]\n"
	"          [ iif DEV ] [ mark VALUE[/MASK] ]\n"
	"ACTION := { inspect | bypass | block }\n"
	"PORTS  := { PORT | PORT-PORT }\n";

const struct object rule_object = {
	.name = "rule",
	.nla = KBUMP_A_RULE,
	.max = KBUMP_RULE_A_MAX,
	.fields = rule_fields,
	.verbs = rule_verbs,
	.help = rule_help,
};
