// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What would the rules say of a connection, and why? The kernel's own evaluator is asked. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void put(struct nl_msg *msg, const struct field *f, const void *data, int len)
{
	if (nla_put(msg, f->nla, len, data) < 0)
		out_of_memory();
}

static int addr_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	struct prefix p;

	if (word_prefix(c, word, &p))
		return EXIT_USAGE;
	if (p.len != p.addr_len * 8)
		return usage_error(c, "\"%s\" is not one address", word);
	put(to, f, p.addr, p.addr_len);
	return 0;
}

/* An empty word is a fact: there is none. */
static int text_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	if (*word)
		return type_string.parse(c, f, word, to);
	put(to, f, "", 1);
	return 0;
}

static int fingerprint_parse(const struct command *c, const struct field *f, const char *word,
			     void *to)
{
	if (*word)
		return type_hex.parse(c, f, word, to);
	put(to, f, NULL, 0);
	return 0;
}

/* Each protocol after its length, as in a ClientHello. */
static int offer_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint8_t offer[KBUMP_OFFER_LEN];
	size_t len, used = 0;
	char one[256];

	while (word && *word) {
		if (word_item(c, &word, one, sizeof(one)))
			return EXIT_USAGE;
		len = strlen(one);
		if (!len)
			return usage_error(c, "\"%s\" has an empty protocol", f->key);
		if (used + 1 + len > sizeof(offer))
			return usage_error(c, "\"%s\" has too many protocols", f->key);
		offer[used] = len;
		memcpy(offer + used + 1, one, len);
		used += 1 + len;
	}
	put(to, f, offer, used);
	return 0;
}

static int labels_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint8_t labels[KBUMP_LABELS_LEN] = {};
	uint32_t label;
	char one[16];

	while (word && *word) {
		if (word_item(c, &word, one, sizeof(one)) || word_number(c, f, one, &label))
			return EXIT_USAGE;
		labels[label / 8] |= 1U << label % 8;
	}
	put(to, f, labels, sizeof(labels));
	return 0;
}

static const struct type fact_addr = { .parse = addr_parse };
static const struct type fact_text = { .parse = text_parse };
static const struct type fact_fingerprint = { .parse = fingerprint_parse };
static const struct type fact_offer = { .parse = offer_parse };
static const struct type fact_labels = { .parse = labels_parse };

static const struct field fact_fields[] = {
	{ .key = "proto", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_FLOW_A_PROTO,
	  .words = &proto_words, .what = "a transport protocol" },
	{ .key = "rule-set", .type = &type_name, .flags = F_INPUT, .nla = KBUMP_FLOW_A_RULE_SET,
	  .what = "a rule set name" },
	{ .key = "from", .type = &fact_addr, .flags = F_INPUT, .nla = KBUMP_FLOW_A_CLIENT_ADDR },
	{ .key = "to", .type = &fact_addr, .flags = F_INPUT, .nla = KBUMP_FLOW_A_SERVER_ADDR },
	{ .key = "sport", .type = &type_u16, .flags = F_INPUT, .nla = KBUMP_FLOW_A_CLIENT_PORT,
	  .what = "a port", .max = UINT16_MAX },
	{ .key = "dport", .type = &type_u16, .flags = F_INPUT, .nla = KBUMP_FLOW_A_SERVER_PORT,
	  .what = "a port", .max = UINT16_MAX },
	{ .key = "iif", .type = &type_dev, .flags = F_INPUT, .nla = KBUMP_FLOW_A_IIF },
	{ .key = "vrf", .type = &type_dev, .flags = F_INPUT, .nla = KBUMP_FLOW_A_VRF },
	{ .key = "vlan", .type = &type_u16, .flags = F_INPUT, .nla = KBUMP_FLOW_A_VLAN,
	  .what = "a VLAN", .max = 4095 },
	{ .key = "uid", .type = &type_uid, .flags = F_INPUT, .nla = KBUMP_FLOW_A_UID,
	  .what = "a user or a user ID (0-4294967294)" },
	{ .key = "mark", .type = &type_mark_value, .flags = F_INPUT, .nla = KBUMP_FLOW_A_MARK },
	{ .key = "zone", .type = &type_u16, .flags = F_INPUT, .nla = KBUMP_FLOW_A_ZONE,
	  .what = "a conntrack zone", .max = UINT16_MAX },
	{ .key = "ctmark", .type = &type_mark_value, .flags = F_INPUT,
	  .nla = KBUMP_FLOW_A_CT_MARK },
	{ .key = "ctlabel", .type = &fact_labels, .flags = F_INPUT,
	  .nla = KBUMP_FLOW_A_CT_LABELS, .what = "a conntrack label",
	  .max = KBUMP_LABELS_LEN * 8 - 1 },
	{ .key = "tls", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_FLOW_A_TLS,
	  .words = &tls_words, .what = "a TLS version" },
	{ .key = "sni", .type = &fact_text, .flags = F_INPUT, .nla = KBUMP_FLOW_A_SNI,
	  .what = "a server name", .max = 255 },
	{ .key = "alpn", .type = &fact_offer, .flags = F_INPUT, .nla = KBUMP_FLOW_A_OFFER },
	{ .key = "ech", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_FLOW_A_ECH,
	  .words = &yes_no_words, .what = "an answer" },
	{ .key = "cert", .type = &type_word, .flags = F_INPUT, .nla = KBUMP_FLOW_A_CERT,
	  .words = &cert_words, .what = "a certificate state" },
	{ .key = "issuer", .type = &fact_text, .flags = F_INPUT, .nla = KBUMP_FLOW_A_ISSUER,
	  .what = "an issuer", .max = KBUMP_ISSUER_LEN - 1 },
	{ .key = "fingerprint", .type = &fact_fingerprint, .flags = F_INPUT,
	  .nla = KBUMP_FLOW_A_FINGERPRINT, .what = "a fingerprint" },
	{}
};

/* What the rules say as a whole. */
struct verdict {
	bool open;		/* a rule before the first that matches may match */
	uint64_t missing;	/* bit n: what the matcher with nla n must know for that */
	struct json_object *rules;
};

static void take_rule(struct verdict *d, const struct view *v)
{
	uint64_t answer = attr_number(v->tb[KBUMP_RULE_A_ANSWER]);

	if (d->open && answer == KBUMP_ANSWER_UNKNOWN)
		d->missing |= attr_number(v->tb[KBUMP_RULE_A_WHY]);
	if (answer == KBUMP_ANSWER_YES)
		d->open = false;
	if (d->rules) {
		json_object_array_add(d->rules, json_fields(json_object_new_object(), v,
							    rule_object.fields));
		return;
	}
	print_object(&rule_object, v, "\n    ");
	putchar('\n');
}

static const char *action(const struct view *v)
{
	uint64_t n = attr_number(v->tb[KBUMP_FLOW_A_ACTION]);

	return n < ACTION_WORDS && action_words[n] ? action_words[n] : "?";
}

static void verdict_text(const struct verdict *d, const struct view *v)
{
	if (v->tb[KBUMP_FLOW_A_RULE]) {
		printf("verdict: %s by rule %llu\n", action(v),
		       (unsigned long long)attr_number(v->tb[KBUMP_FLOW_A_RULE]));
	} else if (v->tb[KBUMP_FLOW_A_ACTION]) {
		puts("verdict: left alone, as no rule can want it");
	} else {
		fputs("verdict: depends on ", stdout);
		matchers_text(d->missing);
		putchar('\n');
	}
}

static void verdict_json(struct verdict *d, const struct view *v)
{
	uint64_t rule = attr_number(v->tb[KBUMP_FLOW_A_RULE]);
	struct json_object *j = json_object_new_object();

	json_object_object_add(j, "rules", d->rules);
	if (v->tb[KBUMP_FLOW_A_ACTION])
		json_object_object_add(j, "action", json_object_new_string(action(v)));
	else
		json_object_object_add(j, "depends", matchers_array(d->missing));
	if (v->tb[KBUMP_FLOW_A_RULE])
		json_object_object_add(j, "rule", json_object_new_uint64(rule));
	print_json(j, opt.pretty);
}

static void show(const struct command *c, const struct replies *r)
{
	struct verdict d = { .open = true };
	struct view v;
	size_t i;

	if (opt.json)
		d.rules = json_object_new_array();
	for (i = 0; i < r->count; i++) {
		if (view_of_message(&v, &rule_object, r->msg[i]))
			take_rule(&d, &v);
		else if (!view_of_message(&v, c->obj, r->msg[i]))
			continue;
		else if (opt.json)
			verdict_json(&d, &v);
		else
			verdict_text(&d, &v);
	}
	if (r->inconsistent)
		say_warning(c, "the rules changed during the reading");
}

static int explain_run(struct command *c)
{
	struct replies r = {};
	int err = nl_request(c, c->msg, &r);

	if (!err)
		show(c, &r);
	replies_free(&r);
	return err;
}

static int explain_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, NLM_F_DUMP);
	int err = parse_fields(c, fact_fields, argc, argv, c->msg);

	request_end(c, nest);
	return err;
}

static const struct verb explain_verb = {
	"explain", NULL, KBUMP_CMD_RULE_EXPLAIN, explain_parse, explain_run
};

static const char explain_help[] =
	"Usage: kbump explain [ FACT ]...\n"
	"FACT := { proto tcp | proto udp | rule-set NAME | from ADDRESS | to ADDRESS |\n"
	"          sport PORT | dport PORT | iif DEV | vrf DEV | vlan ID | uid USER | mark VALUE | zone N |\n"
	"          ctmark VALUE | ctlabel [N[,N]...] | tls VERSION | sni NAME |\n"
	"          alpn PROTOCOL[,PROTOCOL]... | ech yes | ech no | cert STATE | issuer NAME |\n"
	"          fingerprint SHA256 }\n"
	"What is not given is not known, but that it is TCP. An empty word ('') says that there\n"
	"is none. With uid it is a connection of a local process, else one that passes the box.\n";

const struct object explain_object = {
	.name = "explain",
	.nla = KBUMP_A_FLOW,
	.max = KBUMP_FLOW_A_MAX,
	.fields = fact_fields,
	.only = &explain_verb,
	.help = explain_help,
};
