// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Flows: the connections that are being opened or relayed. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <linux/tls.h>

#include "cli.h"

static const char *const state_words[] = {
	[KBUMP_FLOW_HANDSHAKE] = "handshake",
	[KBUMP_FLOW_ESTABLISHED] = "established",
	[KBUMP_FLOW_CLOSING] = "closing",
};

static const char *const reason_words[] = {
	[KBUMP_REASON_NONE] = "none",
	[KBUMP_REASON_CLOSED] = "closed",
	[KBUMP_REASON_TRUNCATED] = "truncated",
	[KBUMP_REASON_CLIENT_RESET] = "client_reset",
	[KBUMP_REASON_SERVER_RESET] = "server_reset",
	[KBUMP_REASON_CLIENT_RECORD] = "client_record",
	[KBUMP_REASON_SERVER_RECORD] = "server_record",
	[KBUMP_REASON_CLIENT_FLOOD] = "client_flood",
	[KBUMP_REASON_SERVER_FLOOD] = "server_flood",
	[KBUMP_REASON_ADMIN] = "admin",
	[KBUMP_REASON_TIMEOUT] = "timeout",
	[KBUMP_REASON_CLIENT_GONE] = "client_gone",
	[KBUMP_REASON_HELLO] = "hello",
	[KBUMP_REASON_CLIENT_TLS] = "client_tls",
	[KBUMP_REASON_CLIENT_ALERT] = "client_alert",
	[KBUMP_REASON_UPSTREAM_CONNECT] = "upstream_connect",
	[KBUMP_REASON_UPSTREAM_TLS] = "upstream_tls",
	[KBUMP_REASON_UPSTREAM_CERT] = "upstream_cert",
	[KBUMP_REASON_BLOCKED] = "blocked",
	[KBUMP_REASON_INTERNAL] = "internal",
	[KBUMP_REASON_CLIENT_QUIT] = "client_quit",
	[KBUMP_REASON_TOOL_RESET] = "tool_reset",
	[KBUMP_REASON_TOOL_DOWN] = "tool_down",
};

static_assert(ARRAY_SIZE(reason_words) == KBUMP_REASON_MAX + 1, "a reason has no word");

static const char *const version_words[] = {
	[0x0301] = "TLSv1",
	[0x0302] = "TLSv1.1",
	[TLS_1_2_VERSION] = "TLSv1.2",
	[TLS_1_3_VERSION] = "TLSv1.3",
};

static const char *const cipher_words[] = {
	[TLS_CIPHER_AES_GCM_128] = "AES-128-GCM",
	[TLS_CIPHER_AES_GCM_256] = "AES-256-GCM",
	[TLS_CIPHER_AES_CCM_128] = "AES-128-CCM",
	[TLS_CIPHER_CHACHA20_POLY1305] = "CHACHA20-POLY1305",
	[TLS_CIPHER_SM4_GCM] = "SM4-GCM",
	[TLS_CIPHER_SM4_CCM] = "SM4-CCM",
	[TLS_CIPHER_ARIA_GCM_128] = "ARIA-128-GCM",
	[TLS_CIPHER_ARIA_GCM_256] = "ARIA-256-GCM",
};

/* As other tools print the numbers of cipher suites. */
static void suite_name(const struct nlattr *a, char *buf, size_t size)
{
	snprintf(buf, size, "0x%04llx", (unsigned long long)attr_number(a));
}

static void suite_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[24];

	(void)f;
	(void)b;
	suite_name(a, buf, sizeof(buf));
	fputs(buf, stdout);
}

static struct json_object *suite_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[24];

	(void)f;
	(void)b;
	suite_name(a, buf, sizeof(buf));
	return json_object_new_string(buf);
}

static const struct type type_suite = { NULL, suite_text, suite_json };

static const struct field leg_fields[] = {
	{ .key = "version", .type = &type_word, .flags = F_BARE, .nla = KBUMP_LEG_A_VERSION,
	  .words = WORDS(version_words) },
	{ .key = "cipher", .type = &type_word, .flags = F_BARE, .nla = KBUMP_LEG_A_CIPHER,
	  .words = WORDS(cipher_words) },
	{ .key = "pumped", .type = &type_suite, .nla = KBUMP_LEG_A_SUITE },
	{ .key = "rx_bytes", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_LEG_A_RX_BYTES },
	{ .key = "tx_bytes", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_LEG_A_TX_BYTES },
	{ .key = "rx_records", .type = &type_u64, .flags = F_STAT,
	  .nla = KBUMP_LEG_A_RX_RECORDS },
	{ .key = "rx_zc", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_LEG_A_RX_ZC },
	{ .key = "rx_copied", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_LEG_A_RX_COPIED },
	{ .key = "control", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_LEG_A_CONTROL },
	{ .key = "rx_rekeys", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_LEG_A_RX_REKEYS },
	{ .key = "tx_rekeys", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_LEG_A_TX_REKEYS },
	{}
};

static const struct object leg = {
	.max = KBUMP_LEG_A_MAX,
};

static unsigned long long counter(const struct view *v, int nla)
{
	return attr_number(v->tb[nla]);
}

static void leg_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	struct view v;

	(void)f;
	(void)b;
	if (!view_init(&v, &leg, a))
		return;
	if (v.tb[KBUMP_LEG_A_VERSION])
		print_fields(&v, leg_fields, 0, F_STAT);
	else
		fputs("plain", stdout);
	if (!opt.stats)
		return;
	printf(" rx %llu bytes %llu records (%llu zero-copy, %llu copied, %llu control)",
	       counter(&v, KBUMP_LEG_A_RX_BYTES), counter(&v, KBUMP_LEG_A_RX_RECORDS),
	       counter(&v, KBUMP_LEG_A_RX_ZC), counter(&v, KBUMP_LEG_A_RX_COPIED),
	       counter(&v, KBUMP_LEG_A_CONTROL));
	printf(" %llu rekeys tx %llu bytes %llu rekeys", counter(&v, KBUMP_LEG_A_RX_REKEYS),
	       counter(&v, KBUMP_LEG_A_TX_BYTES), counter(&v, KBUMP_LEG_A_TX_REKEYS));
}

static struct json_object *leg_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	struct view v;

	(void)f;
	(void)b;
	if (!view_init(&v, &leg, a))
		return NULL;
	return json_fields(json_object_new_object(), &v, leg_fields);
}

static const struct type type_leg = { NULL, leg_text, leg_json };

static void arrow_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)a;
	(void)b;
	fputs("->", stdout);
}

static const struct type type_arrow = { NULL, arrow_text, NULL };

/* What a local process sends does not come in. */
static bool has_iif(const struct view *v)
{
	return !v->tb[KBUMP_FLOW_A_UID];
}

static const struct field flow_fields[] = {
	{ .key = "id", .type = &type_u64, .flags = F_BARE, .nla = KBUMP_FLOW_A_ID },
	{ .key = "state", .type = &type_word, .flags = F_BARE, .nla = KBUMP_FLOW_A_STATE,
	  .words = WORDS(state_words) },
	/* Of UDP there are only decisions. */
	{ .key = "proto", .type = &type_word, .nla = KBUMP_FLOW_A_PROTO,
	  .words = &proto_words },
	{ .key = "client_addr", .type = &type_endpoint, .flags = F_BARE,
	  .nla = KBUMP_FLOW_A_CLIENT_ADDR, .nla2 = KBUMP_FLOW_A_CLIENT_PORT },
	{ .key = "client_port", .type = &type_port, .nla = KBUMP_FLOW_A_CLIENT_PORT },
	{ .key = "->", .type = &type_arrow, .flags = F_BARE, .nla = KBUMP_FLOW_A_SERVER_ADDR },
	{ .key = "server_addr", .type = &type_endpoint, .flags = F_BARE,
	  .nla = KBUMP_FLOW_A_SERVER_ADDR, .nla2 = KBUMP_FLOW_A_SERVER_PORT },
	{ .key = "server_port", .type = &type_port, .nla = KBUMP_FLOW_A_SERVER_PORT },
	{ .key = "iif", .type = &type_string, .nla = KBUMP_FLOW_A_IIF, .shown = has_iif },
	{ .key = "vrf", .type = &type_string, .nla = KBUMP_FLOW_A_VRF },
	{ .key = "uid", .type = &type_uid, .nla = KBUMP_FLOW_A_UID },
	{ .key = "sni", .type = &type_string, .nla = KBUMP_FLOW_A_SNI },
	{ .key = "alpn", .type = &type_string, .nla = KBUMP_FLOW_A_ALPN },
	{ .key = "action", .type = &type_word, .nla = KBUMP_FLOW_A_ACTION,
	  .words = WORDS(action_words) },
	{ .key = "rule", .type = &type_u32, .nla = KBUMP_FLOW_A_RULE },
	{ .key = "cause", .type = &type_word, .nla = KBUMP_FLOW_A_CAUSE,
	  .words = WORDS(cause_words) },
	{ .key = "learned", .type = &type_flag, .flags = F_ALONE, .nla = KBUMP_FLOW_A_LEARNED },
	{ .key = "age", .type = &type_age, .nla = KBUMP_FLOW_A_AGE },
	{ .key = "reason", .type = &type_word, .flags = F_ZERO_UNSET, .nla = KBUMP_FLOW_A_REASON,
	  .words = WORDS(reason_words) },
	{ .key = "client", .type = &type_leg, .flags = F_LINE, .nla = KBUMP_FLOW_A_CLIENT },
	{ .key = "server", .type = &type_leg, .flags = F_LINE, .nla = KBUMP_FLOW_A_SERVER },
	{}
};

static int state_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	struct flow_match *m = to;

	m->by_state = true;
	return word_enum(c, f->words, "a flow state", word, &m->state);
}

static const struct type match_state = { .parse = state_parse };

static const struct field match_fields[] = {
	{ .key = "id", .type = &match_id, .flags = F_INPUT },
	{ .key = "from", .type = &match_from, .flags = F_INPUT },
	{ .key = "to", .type = &match_to, .flags = F_INPUT },
	{ .key = "dport", .type = &match_dport, .flags = F_INPUT },
	{ .key = "sni", .type = &match_sni, .flags = F_INPUT },
	{ .key = "state", .type = &match_state, .flags = F_INPUT,
	  .words = WORDS(state_words) },
	{}
};

static bool flow_matches(const struct command *c, const struct view *v)
{
	const struct flow_match *m = &c->match;
	const struct matched what = {
		.id = v->tb[KBUMP_FLOW_A_ID],
		.client = v->tb[KBUMP_FLOW_A_CLIENT_ADDR],
		.server = v->tb[KBUMP_FLOW_A_SERVER_ADDR],
		.port = v->tb[KBUMP_FLOW_A_SERVER_PORT],
		.sni = v->tb[KBUMP_FLOW_A_SNI],
	};

	if (m->by_state && attr_number(v->tb[KBUMP_FLOW_A_STATE]) != m->state)
		return false;
	return match_fits(m, &what);
}

static int show_parse(struct command *c, int argc, char **argv)
{
	return match_parse(c, match_fields, argc, argv);
}

static int show_run(struct command *c)
{
	return match_show(c, KBUMP_CMD_FLOW_GET, flow_matches);
}

static int del_parse(struct command *c, int argc, char **argv)
{
	if (!argc)
		return usage_error(c, "say which: \"all\", or id, from, to, dport, sni, state");
	if (!strcmp(argv[0], "all"))
		return no_words(c, argc - 1, argv + 1);
	return match_parse(c, match_fields, argc, argv);
}

static int del_run(struct command *c)
{
	return match_delete(c, KBUMP_CMD_FLOW_GET, KBUMP_FLOW_A_ID, flow_matches);
}

/* An object of its own, by a name of two words. */
static int learned_parse(struct command *c, int argc, char **argv)
{
	c->obj = &learned_object;
	return verb_parse(c, argc, argv);
}

static const struct verb flow_verbs[] = {
	{ "show", "list", KBUMP_CMD_FLOW_GET, show_parse, show_run },
	{ "del", "delete", KBUMP_CMD_FLOW_DEL, del_parse, del_run },
	{ "learned", NULL, 0, learned_parse, NULL },
	{}
};

static const char flow_help[] =
	"Usage: kbump flow [ show [ MATCH ]... ]\n"
	"       kbump flow del { all | MATCH... }\n"
	"       kbump flow learned [ show | del | flush | help ]\n"
	"MATCH := { id N | from PREFIX | to PREFIX | dport PORTS | sni NAME | state STATE }\n"
	"PORTS := { PORT | PORT-PORT }\n"
	"STATE := { handshake | established | closing }\n";

const struct object flow_object = {
	.name = "flow",
	.nla = KBUMP_A_FLOW,
	.max = KBUMP_FLOW_A_MAX,
	.fields = flow_fields,
	.verbs = flow_verbs,
	.help = flow_help,
};
