// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What cannot be opened, as the kernel has learned; a part of "kbump flow". */
#include <assert.h>

#include "cli.h"

static const char *const why_words[] = {
	[KBUMP_WHY_ALERT] = "alert",
	[KBUMP_WHY_CLOSE] = "close",
	[KBUMP_WHY_QUIT] = "quit",
	[KBUMP_WHY_CLIENT_AUTH] = "client-auth",
	[KBUMP_WHY_RENEGOTIATION] = "renegotiation",
};

static_assert(ARRAY_SIZE(why_words) == KBUMP_WHY_MAX + 1, "what was learned from has no word");

static const struct field learned_fields[] = {
	{ .key = "id", .type = &type_u64, .flags = F_BARE, .nla = KBUMP_LEARNED_A_ID },
	{ .key = "from", .json = "client_addr", .type = &type_addr,
	  .nla = KBUMP_LEARNED_A_CLIENT_ADDR },
	{ .key = "to", .json = "server_addr", .type = &type_endpoint,
	  .nla = KBUMP_LEARNED_A_SERVER_ADDR, .nla2 = KBUMP_LEARNED_A_SERVER_PORT },
	{ .key = "server_port", .type = &type_port, .nla = KBUMP_LEARNED_A_SERVER_PORT },
	{ .key = "sni", .type = &type_string, .nla = KBUMP_LEARNED_A_SNI },
	{ .key = "why", .type = &type_word, .nla = KBUMP_LEARNED_A_WHY,
	  .words = WORDS(why_words) },
	{ .key = "alert", .type = &type_u32, .flags = F_BARE, .nla = KBUMP_LEARNED_A_ALERT },
	{ .key = "rule", .type = &type_u32, .nla = KBUMP_LEARNED_A_RULE },
	{ .key = "left", .type = &type_age, .nla = KBUMP_LEARNED_A_LEFT },
	{ .key = "hits", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_LEARNED_A_HITS },
	{}
};

static const struct field match_fields[] = {
	{ .key = "id", .type = &match_id, .flags = F_INPUT },
	{ .key = "from", .type = &match_from, .flags = F_INPUT },
	{ .key = "to", .type = &match_to, .flags = F_INPUT },
	{ .key = "dport", .type = &match_dport, .flags = F_INPUT },
	{ .key = "sni", .type = &match_sni, .flags = F_INPUT },
	{}
};

static bool learned_matches(const struct command *c, const struct view *v)
{
	const struct matched what = {
		.id = v->tb[KBUMP_LEARNED_A_ID],
		.client = v->tb[KBUMP_LEARNED_A_CLIENT_ADDR],
		.server = v->tb[KBUMP_LEARNED_A_SERVER_ADDR],
		.port = v->tb[KBUMP_LEARNED_A_SERVER_PORT],
		.sni = v->tb[KBUMP_LEARNED_A_SNI],
	};

	return match_fits(&c->match, &what);
}

static int show_parse(struct command *c, int argc, char **argv)
{
	return match_parse(c, match_fields, argc, argv);
}

static int show_run(struct command *c)
{
	return match_show(c, KBUMP_CMD_LEARNED_GET, learned_matches);
}

static int del_parse(struct command *c, int argc, char **argv)
{
	if (!argc)
		return usage_error(c, "say which: id, from, to, dport, sni; or \"flush\" all");
	return match_parse(c, match_fields, argc, argv);
}

static int del_run(struct command *c)
{
	return match_delete(c, KBUMP_CMD_LEARNED_GET, KBUMP_LEARNED_A_ID, learned_matches);
}

static const struct verb learned_verbs[] = {
	{ "show", "list", KBUMP_CMD_LEARNED_GET, show_parse, show_run },
	{ "del", "delete", KBUMP_CMD_LEARNED_DEL, del_parse, del_run },
	{ "flush", NULL, KBUMP_CMD_LEARNED_FLUSH, parse_plain, run_request },
	{}
};

static const char learned_help[] =
	"Usage: kbump flow learned [ show [ MATCH ]... ]\n"
	"       kbump flow learned del MATCH...\n"
	"       kbump flow learned flush\n"
	"MATCH := { id N | from PREFIX | to PREFIX | dport PORTS | sni NAME }\n"
	"PORTS := { PORT | PORT-PORT }\n";

const struct object learned_object = {
	.name = "flow learned",
	.nla = KBUMP_A_LEARNED,
	.max = KBUMP_LEARNED_A_MAX,
	.fields = learned_fields,
	.verbs = learned_verbs,
	.help = learned_help,
};
