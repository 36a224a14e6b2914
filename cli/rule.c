// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules: which flows are opened, left alone or refused. */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

const char *const action_words[ACTION_WORDS] = {
	[KBUMP_ACTION_INSPECT] = "inspect",
	[KBUMP_ACTION_BYPASS] = "bypass",
	[KBUMP_ACTION_BLOCK] = "block",
};

const char *const cause_words[CAUSE_WORDS] = {
	[KBUMP_CAUSE_HELPER] = "helper",
	[KBUMP_CAUSE_LIMIT] = "limit",
	[KBUMP_CAUSE_UPSTREAM] = "upstream",
	[KBUMP_CAUSE_INTERNAL] = "internal",
};

static const char *const fail_words[] = {
	[KBUMP_FAIL_OPEN] = "open",
	[KBUMP_FAIL_CLOSED] = "closed",
};

static const char *const cert_names[] = {
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

static_assert(ARRAY_SIZE(cert_names) == KBUMP_CERT_MAX + 1, "a certificate state has no word");

const struct words cert_words = { cert_names, ARRAY_SIZE(cert_names) };

static const char *const tls_names[] = {
	[KBUMP_TLS_NO] = "no",
	[KBUMP_TLS_OTHER] = "other",
	[KBUMP_TLS_1_0] = "1.0",
	[KBUMP_TLS_1_1] = "1.1",
	[KBUMP_TLS_1_2] = "1.2",
	[KBUMP_TLS_1_3] = "1.3",
};

static_assert(ARRAY_SIZE(tls_names) == KBUMP_TLS_MAX + 1, "a TLS version has no word");

const struct words tls_words = { tls_names, ARRAY_SIZE(tls_names) };

static const char *const yes_no_names[] = { "no", "yes" };

const struct words yes_no_words = { yes_no_names, ARRAY_SIZE(yes_no_names) };

static const char *const proto_names[] = {
	[KBUMP_PROTO_TCP] = "tcp",
	[KBUMP_PROTO_UDP] = "udp",
};

const struct words proto_words = { proto_names, ARRAY_SIZE(proto_names) };

static const char *const block_words[] = {
	[KBUMP_BLOCK_RESET] = "reset",
	[KBUMP_BLOCK_DROP] = "drop",
};

static const char *const answer_words[] = {
	[KBUMP_ANSWER_NO] = "no",
	[KBUMP_ANSWER_UNKNOWN] = "unknown",
	[KBUMP_ANSWER_YES] = "yes",
};

/* A cause with a setting of its own: "CAUSE=SETTING". */
static int exception_parse(const struct command *c, const struct field *f, const char *word,
			   uint8_t base, uint32_t *except)
{
	size_t len = strcspn(word, "=");
	uint8_t cause, setting;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	if (word_enum(c, WORDS(cause_words), "a cause", name, &cause))
		return EXIT_USAGE;
	if (!word[len])
		return usage_error(c, "\"%s\": give %s=open or %s=closed", word, word, word);
	if (word_enum(c, f->words, f->what, word + len + 1, &setting))
		return EXIT_USAGE;
	if (setting == base || (*except & 1U << cause))
		return usage_error(c, "\"%s\": this was said of %s before", word, name);
	*except |= 1U << cause;
	return 0;
}

/* A setting, and causes for which it is the other one: "open,upstream=closed". */
static int fail_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint32_t except = 0;
	uint8_t base = 0;
	const char *at;
	char one[64];
	size_t len;
	int err;

	for (at = word; ; at += len + 1) {
		len = strcspn(at, ",");
		snprintf(one, sizeof(one), "%.*s", (int)len, at);
		if (at == word)
			err = word_enum(c, f->words, f->what, one, &base);
		else
			err = exception_parse(c, f, one, base, &except);
		if (err || !at[len])
			break;
	}
	if (!err && (nla_put_u8(to, f->nla, base) < 0 ||
		     (except && nla_put_u32(to, f->nla2, except) < 0)))
		out_of_memory();
	return err;
}

static void fail_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	bool open = attr_number(a) == KBUMP_FAIL_OPEN;
	uint64_t except = attr_number(b);
	size_t i;

	type_word.text(f, a, NULL);
	for (i = 1; i < CAUSE_WORDS; i++)
		if (except & 1U << i)
			printf(",%s=%s", cause_words[i],
			       fail_words[open ? KBUMP_FAIL_CLOSED : KBUMP_FAIL_OPEN]);
}

static struct json_object *fail_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	return type_word.json(f, a, b);
}

static const struct type type_fail = { fail_parse, fail_text, fail_json };

/* How an inspection fails is of no interest where there is none. */
static bool has_fail(const struct view *v)
{
	return attr_number(v->tb[KBUMP_RULE_A_ACTION]) == KBUMP_ACTION_INSPECT ||
	       attr_number(v->tb[KBUMP_RULE_A_FAIL]) != KBUMP_FAIL_OPEN;
}

/* What is so without a word is said without one. */
static bool has_proto(const struct view *v)
{
	return attr_number(v->tb[KBUMP_RULE_A_PROTO]) != KBUMP_PROTO_TCP;
}

static bool has_block(const struct view *v)
{
	return attr_number(v->tb[KBUMP_RULE_A_BLOCK]) != KBUMP_BLOCK_RESET;
}

static void why_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)b;
	putchar('(');
	matchers_text(attr_number(a));
	putchar(')');
}

static struct json_object *matchers_json(const struct field *f, struct nlattr *a,
					 struct nlattr *b)
{
	(void)f;
	(void)b;
	return matchers_array(attr_number(a));
}

static const struct type type_why = { NULL, why_text, matchers_json };
/* In text it is the word before the matcher's own. */
static const struct type type_not = { NULL, NULL, matchers_json };

static const struct field rule_fields[] = {
	{ .key = "answer", .type = &type_word, .flags = F_BARE, .nla = KBUMP_RULE_A_ANSWER,
	  .words = WORDS(answer_words) },
	{ .key = "why", .type = &type_why, .flags = F_BARE, .nla = KBUMP_RULE_A_WHY },
	{ .key = "handle", .type = &type_u32, .nla = KBUMP_RULE_A_HANDLE,
	  .what = "a rule handle", .min = 1, .max = UINT_MAX },
	{ .key = "pref", .type = &type_u32, .flags = F_INPUT, .nla = KBUMP_RULE_A_PREF,
	  .what = "a preference", .min = 1, .max = INT_MAX },
	{ .key = "proto", .type = &type_word, .flags = F_INPUT | F_PLAIN,
	  .nla = KBUMP_RULE_A_PROTO, .words = &proto_words, .what = "a transport protocol",
	  .shown = has_proto },
	{ .key = "rule-set", .json = "rule_set", .type = &type_name, .flags = F_INPUT | F_PLAIN,
	  .nla = KBUMP_RULE_A_RULE_SET, .what = "a rule set name" },
	{ .key = "from", .type = &type_prefix, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_SRC, .nla2 = KBUMP_RULE_A_SRC_LEN,
	  .nla_set = KBUMP_RULE_A_SRC_SET },
	{ .key = "to", .type = &type_prefix, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_DST, .nla2 = KBUMP_RULE_A_DST_LEN,
	  .nla_set = KBUMP_RULE_A_DST_SET },
	{ .key = "sport", .type = &type_ports, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_SPORT, .nla_set = KBUMP_RULE_A_SPORT_SET,
	  .what = "port", .max = UINT16_MAX },
	{ .key = "dport", .type = &type_ports, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_DPORT, .nla_set = KBUMP_RULE_A_DPORT_SET,
	  .what = "port", .max = UINT16_MAX },
	{ .key = "iif", .type = &type_dev, .flags = F_INPUT | F_NOT, .nla = KBUMP_RULE_A_IIF },
	{ .key = "vlan", .type = &type_ports, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_VLAN, .what = "VLAN", .max = 4095 },
	{ .key = "uid", .type = &type_uids, .flags = F_INPUT | F_NOT, .nla = KBUMP_RULE_A_UID,
	  .what = "a user or a user ID (0-4294967294)" },
	{ .key = "mark", .type = &type_mark, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_MARK, .nla2 = KBUMP_RULE_A_MARK_MASK },
	{ .key = "mark_mask", .type = &type_mark_mask, .nla = KBUMP_RULE_A_MARK_MASK },
	{ .key = "zone", .type = &type_u16, .flags = F_INPUT | F_NOT, .nla = KBUMP_RULE_A_ZONE,
	  .what = "a conntrack zone", .max = UINT16_MAX },
	{ .key = "ctmark", .type = &type_mark, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_CT_MARK, .nla2 = KBUMP_RULE_A_CT_MASK },
	{ .key = "ctmark_mask", .type = &type_mark_mask, .nla = KBUMP_RULE_A_CT_MASK },
	{ .key = "ctlabel", .type = &type_u8, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_CT_LABEL, .what = "a conntrack label",
	  .max = KBUMP_LABELS_LEN * 8 - 1 },
	{ .key = "tls", .type = &type_set, .flags = F_INPUT | F_NOT, .nla = KBUMP_RULE_A_TLS,
	  .words = &tls_words, .what = "a TLS version" },
	{ .key = "sni", .type = &type_string, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_SNI, .nla_set = KBUMP_RULE_A_SNI_SET,
	  .what = "a server name", .max = 255 },
	{ .key = "alpn", .type = &type_string, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_ALPN, .what = "a protocol", .max = 255 },
	{ .key = "ech", .type = &type_word, .flags = F_INPUT | F_NOT, .nla = KBUMP_RULE_A_ECH,
	  .words = &yes_no_words, .what = "an answer" },
	{ .key = "cert", .type = &type_set, .flags = F_INPUT | F_NOT, .nla = KBUMP_RULE_A_CERT,
	  .words = &cert_words, .what = "a certificate state" },
	{ .key = "issuer", .type = &type_string, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_ISSUER, .what = "an issuer", .max = 255 },
	{ .key = "fingerprint", .type = &type_hex, .flags = F_INPUT | F_NOT,
	  .nla = KBUMP_RULE_A_FINGERPRINT, .what = "a fingerprint" },
	{ .key = "not", .type = &type_not, .nla = KBUMP_RULE_A_NOT },
	{ .key = "action", .type = &type_word, .flags = F_INPUT | F_NEEDED,
	  .nla = KBUMP_RULE_A_ACTION, .words = WORDS(action_words), .what = "an action" },
	{ .key = "block", .type = &type_word, .flags = F_INPUT | F_BEHIND | F_ALONE | F_BARE,
	  .nla = KBUMP_RULE_A_BLOCK, .words = WORDS(block_words), .what = "a way to block",
	  .shown = has_block },
	{ .key = "alpn", .json = "alpn_limit", .type = &type_string, .flags = F_INPUT | F_BEHIND,
	  .nla = KBUMP_RULE_A_ALPN_LIMIT, .what = "a protocol", .max = 255 },
	{ .key = "page", .type = &type_flag, .flags = F_INPUT | F_ALONE,
	  .nla = KBUMP_RULE_A_PAGE },
	{ .key = "tool", .type = &type_name, .flags = F_INPUT | F_MULTI,
	  .nla = KBUMP_RULE_A_TOOL, .max = KBUMP_RULE_TOOLS_MAX },
	{ .key = "fail", .type = &type_fail, .flags = F_INPUT, .nla = KBUMP_RULE_A_FAIL,
	  .nla2 = KBUMP_RULE_A_FAIL_EXCEPT, .words = WORDS(fail_words),
	  .what = "a fail setting", .shown = has_fail },
	{ .key = "fail_except", .type = &type_set_only, .nla = KBUMP_RULE_A_FAIL_EXCEPT,
	  .words = WORDS(cause_words), .shown = has_fail },
	{ .key = "learn", .type = &type_learn, .flags = F_INPUT, .nla = KBUMP_RULE_A_LEARN,
	  .what = "on, off or seconds", .min = 1, .max = INT_MAX },
	{ .key = "comment", .type = &type_string, .flags = F_INPUT,
	  .nla = KBUMP_RULE_A_COMMENT, .what = "a comment", .max = KBUMP_COMMENT_LEN - 1 },
	{ .key = "hits", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_RULE_A_HITS },
	{ .key = "bytes", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_RULE_A_BYTES },
	{ .key = "failed", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_RULE_A_FAILED },
	{ .key = "last_hit", .type = &type_age, .flags = F_STAT, .nla = KBUMP_RULE_A_LAST_HIT },
	{}
};

/* The keywords of the matchers in @mask, in the order of the table. */
void matchers_each(uint64_t mask, void (*show)(const char *key, void *arg), void *arg)
{
	const struct field *f;

	for (f = rule_fields; f->key; f++)
		if (f->flags & (F_NOT | F_PLAIN) && mask & 1ULL << f->nla)
			show(f->key, arg);
}

static void print_key(const char *key, void *arg)
{
	bool *first = arg;

	printf("%s%s", *first ? "" : ",", key);
	*first = false;
}

void matchers_text(uint64_t mask)
{
	bool first = true;

	matchers_each(mask, print_key, &first);
}

static void add_key(const char *key, void *arg)
{
	json_object_array_add(arg, json_object_new_string(key));
}

struct json_object *matchers_array(uint64_t mask)
{
	struct json_object *j = json_object_new_array();

	matchers_each(mask, add_key, j);
	return j;
}

/* What a rule is named by. */
static const struct field key_fields[] = {
	{ .key = "handle", .type = &type_u32, .flags = F_INPUT, .nla = KBUMP_RULE_A_HANDLE,
	  .what = "a rule handle", .min = 1, .max = UINT_MAX },
	{ .key = "pref", .type = &type_u32, .flags = F_INPUT, .nla = KBUMP_RULE_A_PREF,
	  .what = "a preference", .min = 1, .max = INT_MAX },
	{}
};

/* Bytes of each address of a list. */
static int address_size(struct nlattr *nest, int addrs_type, int lens_type)
{
	struct nlattr *addrs = nla_find(nla_data(nest), nla_len(nest), addrs_type);
	struct nlattr *lens = nla_find(nla_data(nest), nla_len(nest), lens_type);

	return addrs && lens ? nla_len(addrs) / nla_len(lens) : 0;
}

static int check_families(struct command *c, struct nlattr *nest)
{
	int src = address_size(nest, KBUMP_RULE_A_SRC, KBUMP_RULE_A_SRC_LEN);
	int dst = address_size(nest, KBUMP_RULE_A_DST, KBUMP_RULE_A_DST_LEN);

	if (src && dst && src != dst)
		return usage_error(c, "\"from\" and \"to\" are of different address families");
	return 0;
}

/* The words of a rule; those of its key, if there is one, are before them. */
static int rule_parse(struct command *c, int argc, char **argv, int key_words)
{
	struct nlattr *nest = request_begin(c, NLM_F_CREATE | (opt.echo ? NLM_F_ECHO : 0));
	int err = parse_fields(c, key_fields, key_words, argv, c->msg);

	if (!err)
		err = parse_fields(c, rule_fields, argc - key_words, argv + key_words, c->msg);
	if (!err && c->negated &&
	    nla_put_u64(c->msg, KBUMP_RULE_A_NOT, c->negated) < 0)
		out_of_memory();
	request_end(c, nest);
	if (!err)
		err = check_needed(c, rule_fields);
	return err ? err : check_families(c, nest);
}

static int add_parse(struct command *c, int argc, char **argv)
{
	return rule_parse(c, argc, argv, 0);
}

/* "handle N" may come first, or is it alone? */
static int handle_words(int argc, char **argv)
{
	if (!argc || strcmp(argv[0], "handle"))
		return 0;
	return argc > 1 ? 2 : 1;
}

/* Before a rule; its pref is a word of any rule. */
static int insert_parse(struct command *c, int argc, char **argv)
{
	return rule_parse(c, argc, argv, handle_words(argc, argv));
}

static int replace_parse(struct command *c, int argc, char **argv)
{
	int words = handle_words(argc, argv);

	if (!words)
		return usage_error(c, "first give the \"handle\" of the rule to be replaced");
	return rule_parse(c, argc, argv, words);
}

static int move_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, opt.echo ? NLM_F_ECHO : 0);
	int err = parse_fields(c, key_fields, argc, argv, c->msg);

	request_end(c, nest);
	if (!err && argc != 4)
		return usage_error(c, "give the rule's \"handle\" and its new \"pref\"");
	return err;
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

static const struct verb rule_verbs[] = {
	{ "show", "list", KBUMP_CMD_RULE_GET, parse_dump, run_show },
	{ "add", NULL, KBUMP_CMD_RULE_ADD, add_parse, run_request },
	{ "del", "delete", KBUMP_CMD_RULE_DEL, del_parse, run_request },
	{ "flush", NULL, KBUMP_CMD_RULE_FLUSH, parse_plain, run_request },
	{ "insert", NULL, KBUMP_CMD_RULE_INSERT, insert_parse, run_request },
	{ "replace", NULL, KBUMP_CMD_RULE_REPLACE, replace_parse, run_request },
	{ "move", NULL, KBUMP_CMD_RULE_MOVE, move_parse, run_request },
	{}
};

static const char rule_help[] =
	"Usage: kbump rule [ show ]\n"
	"       kbump rule add [ pref N ] RULE\n"
	"       kbump rule insert [ handle N | pref N ] RULE\n"
	"       kbump rule replace handle N RULE\n"
	"       kbump rule move handle N pref N\n"
	"       kbump rule del { handle N | pref N }\n"
	"       kbump rule flush\n"
	"RULE   := [ proto tcp | udp ] [ rule-set NAME ] { [ not ] MATCH }... action ACTION\n"
	"          [ page ] [ alpn PROTOCOL ] [ tool NAME ]... [ fail FAIL ]\n"
	"          [ learn on | off | SECONDS ] [ comment TEXT ]\n"
	"MATCH  := { from PREFIX[,PREFIX]... | to PREFIX[,PREFIX]... | sport PORTS |\n"
	"            dport PORTS | iif DEV | vlan IDS | uid USERS | mark VALUE[/MASK] | zone N |\n"
	"            ctmark VALUE[/MASK] | ctlabel N | tls VERSION[,VERSION]... |\n"
	"            sni NAME | alpn PROTOCOL | ech yes | ech no | cert STATE[,STATE]... |\n"
	"            issuer NAME | fingerprint SHA256 }\n"
	"ACTION := { inspect | bypass | block [ reset | drop ] }\n"
	"FAIL   := { open | closed }[,CAUSE={ open | closed }]...\n"
	"CAUSE  := { helper | limit | upstream | internal }\n"
	"PORTS, IDS := { N | N-N }[,{ N | N-N }]...\n"
	"USERS  := { NAME | N | N-N }[,{ NAME | N | N-N }]...\n"
	"VERSION := { 1.0 | 1.1 | 1.2 | 1.3 | other | no }\n"
	"STATE  := { ok | revoked | invalid | weak | self-signed | untrusted |\n"
	"            name-mismatch | expired | client-auth | none }\n"
	"For PREFIX, PORTS and the server's NAME, @SET is all that is in a set.\n"
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
