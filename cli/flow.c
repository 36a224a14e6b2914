// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Flows: the connections that are being opened or relayed. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
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

static const struct field flow_fields[] = {
	{ .key = "id", .type = &type_u64, .flags = F_BARE, .nla = KBUMP_FLOW_A_ID },
	{ .key = "state", .type = &type_word, .flags = F_BARE, .nla = KBUMP_FLOW_A_STATE,
	  .words = WORDS(state_words) },
	{ .key = "client_addr", .type = &type_endpoint, .flags = F_BARE,
	  .nla = KBUMP_FLOW_A_CLIENT_ADDR, .nla2 = KBUMP_FLOW_A_CLIENT_PORT },
	{ .key = "client_port", .type = &type_port, .nla = KBUMP_FLOW_A_CLIENT_PORT },
	{ .key = "->", .type = &type_arrow, .flags = F_BARE, .nla = KBUMP_FLOW_A_SERVER_ADDR },
	{ .key = "server_addr", .type = &type_endpoint, .flags = F_BARE,
	  .nla = KBUMP_FLOW_A_SERVER_ADDR, .nla2 = KBUMP_FLOW_A_SERVER_PORT },
	{ .key = "server_port", .type = &type_port, .nla = KBUMP_FLOW_A_SERVER_PORT },
	{ .key = "iif", .type = &type_string, .nla = KBUMP_FLOW_A_IIF },
	{ .key = "sni", .type = &type_string, .nla = KBUMP_FLOW_A_SNI },
	{ .key = "alpn", .type = &type_string, .nla = KBUMP_FLOW_A_ALPN },
	{ .key = "action", .type = &type_word, .nla = KBUMP_FLOW_A_ACTION,
	  .words = WORDS(action_words) },
	{ .key = "rule", .type = &type_u32, .nla = KBUMP_FLOW_A_RULE },
	{ .key = "age", .type = &type_age, .nla = KBUMP_FLOW_A_AGE },
	{ .key = "reason", .type = &type_word, .flags = F_ZERO_UNSET, .nla = KBUMP_FLOW_A_REASON,
	  .words = WORDS(reason_words) },
	{ .key = "client", .type = &type_leg, .flags = F_LINE, .nla = KBUMP_FLOW_A_CLIENT },
	{ .key = "server", .type = &type_leg, .flags = F_LINE, .nla = KBUMP_FLOW_A_SERVER },
	{}
};

static int from_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	(void)f;
	return word_prefix(c, word, &((struct flow_match *)to)->from);
}

static int to_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	(void)f;
	return word_prefix(c, word, &((struct flow_match *)to)->to);
}

static int dport_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	struct flow_match *m = to;

	(void)f;
	m->by_port = true;
	return word_ports(c, word, &m->dport);
}

static int sni_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	(void)f;
	if (!*word)
		return usage_error(c, "\"sni\" needs a name");
	((struct flow_match *)to)->sni = word;
	return 0;
}

static int state_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	struct flow_match *m = to;

	m->by_state = true;
	return word_enum(c, f->words, "a flow state", word, &m->state);
}

static int id_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	struct flow_match *m = to;

	(void)f;
	m->by_id = true;
	return word_id(c, word, &m->id);
}

static const struct type match_id = { .parse = id_parse };
static const struct type match_from = { .parse = from_parse };
static const struct type match_to = { .parse = to_parse };
static const struct type match_dport = { .parse = dport_parse };
static const struct type match_sni = { .parse = sni_parse };
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

static bool in_prefix(const struct prefix *p, struct nlattr *a)
{
	unsigned int whole = p->len / 8;
	unsigned int bits = p->len % 8;
	const uint8_t *addr;

	if (!p->addr_len)
		return true;
	if (!a || nla_len(a) != (int)p->addr_len)
		return false;
	addr = nla_data(a);
	if (memcmp(addr, p->addr, whole))
		return false;
	return !bits || !((addr[whole] ^ p->addr[whole]) >> (8 - bits));
}

/* ".example.com" is the domain and all below it. */
static bool sni_matches(const char *want, struct nlattr *a)
{
	size_t len = a ? strnlen(nla_data(a), nla_len(a)) : 0;
	const char *sni = a ? nla_data(a) : "";
	size_t n;

	if (*want == '.' && len == strlen(want + 1))
		want++;
	n = strlen(want);
	if (*want == '.' && len > n) {
		sni += len - n;
		len = n;
	}
	return len == n && !strncasecmp(sni, want, n);
}

static bool flow_matches(const struct command *c, const struct view *v)
{
	const struct flow_match *m = &c->match;
	uint16_t port = attr_number(v->tb[KBUMP_FLOW_A_SERVER_PORT]);

	if (m->by_id && attr_number(v->tb[KBUMP_FLOW_A_ID]) != m->id)
		return false;
	if (m->by_state && attr_number(v->tb[KBUMP_FLOW_A_STATE]) != m->state)
		return false;
	if (m->by_port && (port < m->dport.min || port > m->dport.max))
		return false;
	if (m->sni && !sni_matches(m->sni, v->tb[KBUMP_FLOW_A_SNI]))
		return false;
	return in_prefix(&m->from, v->tb[KBUMP_FLOW_A_CLIENT_ADDR]) &&
	       in_prefix(&m->to, v->tb[KBUMP_FLOW_A_SERVER_ADDR]);
}

static int match_parse(struct command *c, int argc, char **argv)
{
	struct flow_match *m = &c->match;
	int err = parse_fields(c, match_fields, argc, argv, m);

	if (!err && m->from.addr_len && m->to.addr_len && m->from.addr_len != m->to.addr_len)
		return usage_error(c, "\"from\" and \"to\" are of different address families");
	return err;
}

/* The kernel dumps all flows; choosing among them is done here. */
static int read_flows(struct command *c, struct replies *r)
{
	request_dump(c, KBUMP_CMD_FLOW_GET);
	return nl_request(c, c->msg, r);
}

static int show_run(struct command *c)
{
	struct replies r = {};
	int err = read_flows(c, &r);

	if (!err)
		show_replies(c, &r, flow_matches);
	replies_free(&r);
	return err;
}

static int del_parse(struct command *c, int argc, char **argv)
{
	if (!argc)
		return usage_error(c, "say which: \"all\", or id, from, to, dport, sni, state");
	if (!strcmp(argv[0], "all"))
		return no_words(c, argc - 1, argv + 1);
	return match_parse(c, argc, argv);
}

static int del_one(const struct command *c, uint64_t id, bool gone_is_done)
{
	struct command one = { .obj = c->obj, .verb = c->verb, .file = c->file, .line = c->line,
			       .gone_is_done = gone_is_done };
	struct nlattr *nest = request_begin(&one, 0);
	struct replies r = {};
	int err;

	if (nla_put_u64(one.msg, KBUMP_FLOW_A_ID, id) < 0)
		out_of_memory();
	request_end(&one, nest);
	err = nl_request(&one, one.msg, &r);
	replies_free(&r);
	command_free(&one);
	return err;
}

static int del_run(struct command *c)
{
	struct replies r = {};
	struct view v;
	size_t i;
	int err;

	if (c->seen == 1)
		return del_one(c, c->match.id, false);
	err = read_flows(c, &r);
	for (i = 0; !err && i < r.count; i++)
		if (view_of_message(&v, c->obj, r.msg[i]) && flow_matches(c, &v))
			/* It may have ended by itself since. */
			err = del_one(c, attr_number(v.tb[KBUMP_FLOW_A_ID]), true);
	replies_free(&r);
	return err;
}

static const struct verb flow_verbs[] = {
	{ "show", "list", KBUMP_CMD_FLOW_GET, match_parse, show_run },
	{ "del", "delete", KBUMP_CMD_FLOW_DEL, del_parse, del_run },
	{}
};

static const char flow_help[] =
	"Usage: kbump flow [ show [ MATCH ]... ]\n"
	"       kbump flow del { all | MATCH... }\n"
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
