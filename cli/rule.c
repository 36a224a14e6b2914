// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules: which flows are opened, left alone or refused. */
#include <assert.h>
#include <limits.h>

#include "cli.h"

const char *const action_words[ACTION_WORDS] = {
	[KBUMP_ACTION_INSPECT] = "inspect",
	[KBUMP_ACTION_BYPASS] = "bypass",
	[KBUMP_ACTION_BLOCK] = "block",
};

static const char *const fail_words[] = {
	[KBUMP_FAIL_OPEN] = "open",
	[KBUMP_FAIL_CLOSED] = "closed",
};

static const char *const cert_words[] = {
	[KBUMP_CERT_NONE] = "none",
	[KBUMP_CERT_OK] = "ok",
	[KBUMP_CERT_REVOKED] = "revoked",
	[KBUMP_CERT_INVALID] = "invalid",
	[KBUMP_CERT_WEAK] = "weak",
	[KBUMP_CERT_SELF_SIGNED] = "self-signed",
	[KBUMP_CERT_UNTRUSTED] = "untrusted",
	[KBUMP_CERT_NAME] = "name-mismatch",
	[KBUMP_CERT_EXPIRED] = "expired",
	[KBUMP_CERT_CLIENT_AUTH] = "client-auth",
};

static_assert(ARRAY_SIZE(cert_words) == KBUMP_CERT_MAX + 1, "a certificate state has no word");

/* How an inspection fails is of no interest where there is none. */
static bool has_fail(const struct view *v)
{
	return attr_number(v->tb[KBUMP_RULE_A_ACTION]) == KBUMP_ACTION_INSPECT ||
	       attr_number(v->tb[KBUMP_RULE_A_FAIL]) != KBUMP_FAIL_OPEN;
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
	{ .key = "sni", .type = &type_string, .flags = F_INPUT, .nla = KBUMP_RULE_A_SNI,
	  .what = "a server name", .max = 255 },
	{ .key = "alpn", .type = &type_string, .flags = F_INPUT, .nla = KBUMP_RULE_A_ALPN,
	  .what = "a protocol", .max = 255 },
	{ .key = "cert", .type = &type_set, .flags = F_INPUT, .nla = KBUMP_RULE_A_CERT,
	  .words = WORDS(cert_words), .what = "a certificate state" },
	{ .key = "action", .type = &type_word, .flags = F_INPUT | F_NEEDED,
	  .nla = KBUMP_RULE_A_ACTION, .words = WORDS(action_words), .what = "an action" },
	{ .key = "alpn", .json = "alpn_limit", .type = &type_string, .flags = F_INPUT | F_BEHIND,
	  .nla = KBUMP_RULE_A_ALPN_LIMIT, .what = "a protocol", .max = 255 },
	{ .key = "page", .type = &type_flag, .flags = F_INPUT | F_ALONE,
	  .nla = KBUMP_RULE_A_PAGE },
	{ .key = "tool", .type = &type_name, .flags = F_INPUT | F_MULTI,
	  .nla = KBUMP_RULE_A_TOOL, .max = KBUMP_RULE_TOOLS_MAX },
	{ .key = "fail", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_RULE_A_FAIL,
	  .words = WORDS(fail_words), .what = "a fail setting", .shown = has_fail },
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
	"       kbump rule add [ pref N ] MATCH... action ACTION [ page ] [ alpn PROTOCOL ]\n"
	"                      [ tool NAME ]... [ fail open | closed ] [ comment TEXT ]\n"
	"       kbump rule del { handle N | pref N }\n"
	"       kbump rule flush\n"
	"MATCH  := [ from PREFIX ] [ to PREFIX ] [ sport PORTS ] [ dport PORTS ]\n"
	"          [ iif DEV ] [ mark VALUE[/MASK] ]\n"
	"          [ sni NAME ] [ alpn PROTOCOL ] [ cert STATE[,STATE]... ]\n"
	"ACTION := { inspect | bypass | block }\n"
	"PORTS  := { PORT | PORT-PORT }\n"
	"STATE  := { ok | revoked | invalid | weak | self-signed | untrusted |\n"
	"            name-mismatch | expired | client-auth | none }\n"
	"A NAME that begins with a dot is the domain and all names below it.\n"
	"Behind the action, alpn is the only protocol that servers are offered.\n"
	"With page, a client that is blocked gets a page that says so.\n";

const struct object rule_object = {
	.name = "rule",
	.nla = KBUMP_A_RULE,
	.max = KBUMP_RULE_A_MAX,
	.fields = rule_fields,
	.verbs = rule_verbs,
	.help = rule_help,
};
