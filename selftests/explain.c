// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules against a model of them: random tables and random connections, of which more and
 * more is known. The model is slow and knows nothing of how the kernel does it: addresses are
 * compared bit by bit, names label by label.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/kbump.h>

#include "kselftest_harness.h"
#include "talk.h"

#define SEED		20240229
#define TABLES		60
#define RULES_MAX	12
#define CONNECTIONS	6
#define VALUES_MAX	4

/* ---- chance: the same in every run */

static uint32_t state;

static uint32_t chance(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)state >> 8) * below >> 24);
}

/* ---- what connections and rules are made of: few values, so that they meet */

static const char *const addresses[] = {
	"10.1.0.1", "10.1.2.3", "10.2.0.9", "192.168.1.1", "fd01::1", "fd01::1:2", "fd02::1",
};

#define ADDRESSES4	4

static const char *const devices[] = { "eth0", "eth1", "eth", "eth10" };

static const char *const names[] = {
	"", "a.test", "A.Test.", "b.a.test", "c.b.a.test", "xa.test", "test", "a.tes",
};

static const char *const name_patterns[] = {
	"a.test", ".a.test", ".test", "B.A.TEST", "test.", ".b.a.test.", "a.tes",
};

static const char *const protocols[] = { "h2", "http/1.1", "h", "h22" };

static const char *const issuers[] = {
	"", "CN=R3,O=Let's Encrypt,C=US", "CN=R3\\,O=Let's Encrypt", "O=let's encrypt",
	"CN=a,CN=R3,C=US", "CN=R33,C=US", "CN=a\\\\,C=US",
};

static const char *const issuer_patterns[] = {
	"CN=R3", "O=Let's Encrypt", "O=Let's Encrypt,C=US", "CN=a", "C=US", "C=U",
	"CN=R3\\,O=Let's Encrypt", "cn=r3,o=let's encrypt,c=us", "CN=a\\\\",
};

static const uint8_t labels[] = { 0, 1, 63, 64, 127 };

/* By &enum kbump_rule_attr, and the attribute in which a fact is told. */
static const uint8_t matchers[][2] = {
	{ KBUMP_RULE_A_SRC, KBUMP_FLOW_A_CLIENT_ADDR },
	{ KBUMP_RULE_A_DST, KBUMP_FLOW_A_SERVER_ADDR },
	{ KBUMP_RULE_A_SPORT, KBUMP_FLOW_A_CLIENT_PORT },
	{ KBUMP_RULE_A_DPORT, KBUMP_FLOW_A_SERVER_PORT },
	{ KBUMP_RULE_A_IIF, KBUMP_FLOW_A_IIF },
	{ KBUMP_RULE_A_VLAN, KBUMP_FLOW_A_VLAN },
	{ KBUMP_RULE_A_MARK, KBUMP_FLOW_A_MARK },
	{ KBUMP_RULE_A_ZONE, KBUMP_FLOW_A_ZONE },
	{ KBUMP_RULE_A_CT_MARK, KBUMP_FLOW_A_CT_MARK },
	{ KBUMP_RULE_A_CT_LABEL, KBUMP_FLOW_A_CT_LABELS },
	{ KBUMP_RULE_A_UID, KBUMP_FLOW_A_UID },
	{ KBUMP_RULE_A_TLS, KBUMP_FLOW_A_TLS },
	{ KBUMP_RULE_A_SNI, KBUMP_FLOW_A_SNI },
	{ KBUMP_RULE_A_ALPN, KBUMP_FLOW_A_OFFER },
	{ KBUMP_RULE_A_ECH, KBUMP_FLOW_A_ECH },
	{ KBUMP_RULE_A_CERT, KBUMP_FLOW_A_CERT },
	{ KBUMP_RULE_A_ISSUER, KBUMP_FLOW_A_ISSUER },
	{ KBUMP_RULE_A_FINGERPRINT, KBUMP_FLOW_A_FINGERPRINT },
};

/* From here on they are for TCP alone. */
#define FIRST_OF_TCP	10
/* From here on they need the client's words. */
#define FIRST_OF_TLS	11
#define BIT_OF(attr)	(1ULL << (attr))

struct address {
	uint8_t byte[16];
	size_t len;
};

/* Numbers and texts by matcher, as far as it has one: of a connection and of a rule. */
struct connection {
	uint8_t proto;
	struct address address[2];
	uint32_t number[KBUMP_RULE_A_MAX + 1];
	const char *text[KBUMP_RULE_A_MAX + 1];
	unsigned int offered;	/* bit n: protocols[n] */
	unsigned int labelled;	/* bit n: labels[n] */
	bool local;
	uint64_t known;
};

struct rule {
	uint8_t proto;
	uint64_t asked;
	uint64_t negated;
	unsigned int values;	/* in each list */
	struct address address[2][VALUES_MAX];
	uint8_t bits[2][VALUES_MAX];
	struct kbump_port_range range[KBUMP_RULE_A_MAX + 1][VALUES_MAX];
	uint32_t number[KBUMP_RULE_A_MAX + 1];
	uint32_t mask[KBUMP_RULE_A_MAX + 1];
	const char *text[KBUMP_RULE_A_MAX + 1];
	uint8_t action;
	uint32_t pref;
	uint32_t handle;
	unsigned int name;	/* its comment, by which it is found again */
};

struct table {
	struct rule rule[RULES_MAX];
	unsigned int count;
	unsigned int names;
};

/* What the kernel says of one rule, and of all. */
struct said {
	unsigned int name;
	uint32_t handle;
	uint8_t answer;
	uint64_t why;
};

struct verdict {
	struct said rule[RULES_MAX];
	unsigned int count;
	bool ended;
	uint8_t action;
	uint32_t decider;
};

/* How many of the matchers there are. */
static unsigned int known_of(uint8_t proto)
{
	return proto == KBUMP_PROTO_UDP ? FIRST_OF_TCP : ARRAY_SIZE(matchers);
}

#define PICK(table)	((table)[chance(ARRAY_SIZE(table))])

static struct address random_address(bool v6)
{
	unsigned int n = v6 ? ADDRESSES4 + chance(ARRAY_SIZE(addresses) - ADDRESSES4) :
			      chance(ADDRESSES4);
	struct address a = { .len = v6 ? 16 : 4 };

	inet_pton(v6 ? AF_INET6 : AF_INET, addresses[n], a.byte);
	return a;
}

static void random_connection(struct connection *c)
{
	bool v6 = !chance(4);
	int i;

	memset(c, 0, sizeof(*c));
	c->proto = chance(4) ? KBUMP_PROTO_TCP : KBUMP_PROTO_UDP;
	for (i = 0; i < 2; i++)
		c->address[i] = random_address(v6);
	c->number[KBUMP_RULE_A_SPORT] = chance(16);
	c->number[KBUMP_RULE_A_DPORT] = chance(16);
	c->text[KBUMP_RULE_A_IIF] = PICK(devices);
	c->number[KBUMP_RULE_A_VLAN] = chance(8);
	c->number[KBUMP_RULE_A_MARK] = chance(8);
	c->number[KBUMP_RULE_A_ZONE] = chance(3);
	c->number[KBUMP_RULE_A_CT_MARK] = chance(8);
	c->labelled = chance(1 << ARRAY_SIZE(labels));
	c->local = !chance(3);
	if (c->local) {
		c->number[KBUMP_RULE_A_UID] = chance(8);
		c->number[KBUMP_RULE_A_VLAN] = 0;
		c->text[KBUMP_RULE_A_IIF] = "";
	}
	c->text[KBUMP_RULE_A_SNI] = "";
	c->text[KBUMP_RULE_A_ISSUER] = "";
	c->number[KBUMP_RULE_A_TLS] = chance(KBUMP_TLS_MAX + 1);
	if (c->number[KBUMP_RULE_A_TLS] == KBUMP_TLS_NO)
		return;
	c->text[KBUMP_RULE_A_SNI] = PICK(names);
	c->offered = chance(1 << ARRAY_SIZE(protocols));
	c->number[KBUMP_RULE_A_ECH] = chance(2);
	c->number[KBUMP_RULE_A_CERT] = chance(KBUMP_CERT_MAX + 1);
	c->text[KBUMP_RULE_A_ISSUER] = PICK(issuers);
	/* Its bytes are all the same; 0: there is none. */
	c->number[KBUMP_RULE_A_FINGERPRINT] = chance(3);
}

static void random_ranges(struct rule *r, int attr, uint32_t below)
{
	unsigned int i;

	for (i = 0; i < r->values; i++) {
		r->range[attr][i].min = chance(below);
		r->range[attr][i].max = r->range[attr][i].min + chance(3);
	}
}

static void random_mark(struct rule *r, int attr)
{
	r->mask[attr] = chance(8);
	r->number[attr] = chance(8) & r->mask[attr];
}

static void random_rule(struct rule *r)
{
	bool v6 = !chance(4);
	unsigned int i, n;

	memset(r, 0, sizeof(*r));
	r->proto = chance(4) ? KBUMP_PROTO_TCP : KBUMP_PROTO_UDP;
	for (i = 0; i < known_of(r->proto); i++) {
		if (chance(5))
			continue;
		r->asked |= BIT_OF(matchers[i][0]);
		if (!chance(3))
			r->negated |= BIT_OF(matchers[i][0]);
	}
	r->values = 1 + chance(VALUES_MAX);
	for (i = 0; i < 2; i++)
		for (n = 0; n < r->values; n++) {
			r->address[i][n] = random_address(v6);
			r->bits[i][n] = chance(r->address[i][n].len * 8 + 1);
		}
	random_ranges(r, KBUMP_RULE_A_SPORT, 16);
	random_ranges(r, KBUMP_RULE_A_DPORT, 16);
	random_ranges(r, KBUMP_RULE_A_VLAN, 8);
	random_ranges(r, KBUMP_RULE_A_UID, 8);
	r->text[KBUMP_RULE_A_IIF] = PICK(devices);
	random_mark(r, KBUMP_RULE_A_MARK);
	random_mark(r, KBUMP_RULE_A_CT_MARK);
	r->number[KBUMP_RULE_A_ZONE] = chance(3);
	r->number[KBUMP_RULE_A_CT_LABEL] = chance(ARRAY_SIZE(labels));
	r->mask[KBUMP_RULE_A_TLS] = 1 + chance((1 << (KBUMP_TLS_MAX + 1)) - 1);
	r->text[KBUMP_RULE_A_SNI] = PICK(name_patterns);
	r->text[KBUMP_RULE_A_ALPN] = PICK(protocols);
	r->number[KBUMP_RULE_A_ECH] = chance(2);
	r->mask[KBUMP_RULE_A_CERT] = 1 + chance((1 << (KBUMP_CERT_MAX + 1)) - 1);
	r->text[KBUMP_RULE_A_ISSUER] = PICK(issuer_patterns);
	r->number[KBUMP_RULE_A_FINGERPRINT] = 1 + chance(2);
	r->action = KBUMP_ACTION_INSPECT + chance(3);
	if (r->proto == KBUMP_PROTO_UDP && r->action == KBUMP_ACTION_INSPECT)
		r->action = KBUMP_ACTION_BYPASS;
}

/* ---- the model */

static bool model_in_prefix(const struct address *a, const struct address *prefix,
			    unsigned int bits)
{
	unsigned int i;

	if (a->len != prefix->len)
		return false;
	for (i = 0; i < bits; i++)
		if ((a->byte[i / 8] ^ prefix->byte[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

/* Splits at @mark, but not behind a \; returns the number of parts. */
static unsigned int split(const char *text, char mark, char part[8][64])
{
	unsigned int n = 0, len = 0;

	for (;; text++) {
		if (!*text || *text == mark) {
			part[n++][len] = '\0';
			len = 0;
			if (!*text)
				return n;
			continue;
		}
		if (*text == '\\')
			part[n][len++] = *text++;
		part[n][len++] = *text;
	}
}

/* Are the last, or all, labels the same? */
static bool model_name(const char *pattern, const char *name)
{
	char want[8][64], label[8][64];
	unsigned int wanted = split(pattern + (*pattern == '.'), '.', want);
	unsigned int count = split(name, '.', label);
	unsigned int i;

	/* The root's label is empty. */
	if (!*want[wanted - 1])
		wanted--;
	if (!*label[count - 1])
		count--;
	if (*pattern == '.' ? count < wanted : count != wanted)
		return false;
	for (i = 1; i <= wanted; i++)
		if (strcasecmp(want[wanted - i], label[count - i]))
			return false;
	return true;
}

static bool model_issuer(const char *pattern, const char *name)
{
	char want[8][64], part[8][64];
	unsigned int wanted = split(pattern, ',', want), count = split(name, ',', part);
	unsigned int i, at;

	for (at = 0; at + wanted <= count; at++) {
		for (i = 0; i < wanted && !strcasecmp(want[i], part[at + i]); i++)
			;
		if (i == wanted)
			return true;
	}
	return false;
}

static bool model_offered(const struct connection *c, const char *protocol)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(protocols); i++)
		if (c->offered & 1U << i && !strcmp(protocols[i], protocol))
			return true;
	return false;
}

/* Of a connection of which nothing is known there is none. */
static const char *text_of(const struct connection *c, int attr)
{
	return c->text[attr] ? c->text[attr] : "";
}

static bool model_holds(const struct rule *r, const struct connection *c, int attr)
{
	unsigned int side = attr == KBUMP_RULE_A_DST, i;

	if (attr == KBUMP_RULE_A_UID && !c->local)
		return false;
	switch (attr) {
	case KBUMP_RULE_A_SRC:
	case KBUMP_RULE_A_DST:
		for (i = 0; i < r->values; i++)
			if (model_in_prefix(&c->address[side], &r->address[side][i],
					    r->bits[side][i]))
				return true;
		return false;
	case KBUMP_RULE_A_SPORT:
	case KBUMP_RULE_A_DPORT:
	case KBUMP_RULE_A_VLAN:
	case KBUMP_RULE_A_UID:
		for (i = 0; i < r->values; i++)
			if (c->number[attr] >= r->range[attr][i].min &&
			    c->number[attr] <= r->range[attr][i].max)
				return true;
		return false;
	case KBUMP_RULE_A_IIF:
		return !strcmp(r->text[attr], text_of(c, attr));
	case KBUMP_RULE_A_MARK:
	case KBUMP_RULE_A_CT_MARK:
		return (c->number[attr] & r->mask[attr]) == r->number[attr];
	case KBUMP_RULE_A_CT_LABEL:
		return c->labelled >> r->number[attr] & 1;
	case KBUMP_RULE_A_TLS:
	case KBUMP_RULE_A_CERT:
		return r->mask[attr] >> c->number[attr] & 1;
	case KBUMP_RULE_A_SNI:
		return *text_of(c, attr) && model_name(r->text[attr], text_of(c, attr));
	case KBUMP_RULE_A_ALPN:
		return model_offered(c, r->text[attr]);
	case KBUMP_RULE_A_ISSUER:
		return *text_of(c, attr) && model_issuer(r->text[attr], text_of(c, attr));
	default:
		return r->number[attr] == c->number[attr];
	}
}

/* Whether a local process makes it is always known, and that it comes in nowhere then. */
static bool model_known(const struct connection *c, int attr)
{
	return c->known & BIT_OF(attr) || attr == KBUMP_RULE_A_UID ||
	       (c->local && (attr == KBUMP_RULE_A_IIF || attr == KBUMP_RULE_A_VLAN));
}

/* A rule that does not ask for owners opens or refuses nothing of what local processes make. */
static bool is_foreign(const struct rule *r, const struct connection *c)
{
	return c->local && r->action != KBUMP_ACTION_BYPASS &&
	       (!(r->asked & BIT_OF(KBUMP_RULE_A_UID)) || r->negated & BIT_OF(KBUMP_RULE_A_UID));
}

static uint8_t model_matcher(const struct rule *r, const struct connection *c, int attr)
{
	bool negated = r->negated & BIT_OF(attr);

	if (!model_known(c, attr))
		return KBUMP_ANSWER_UNKNOWN;
	return model_holds(r, c, attr) != negated ? KBUMP_ANSWER_YES : KBUMP_ANSWER_NO;
}

/* The least of all; @missing gets those that are not known. */
static uint8_t model_rule(const struct rule *r, const struct connection *c, uint64_t *missing)
{
	uint8_t least = KBUMP_ANSWER_YES, one;
	unsigned int i;

	*missing = 0;
	if (is_foreign(r, c) || r->proto != c->proto)
		return KBUMP_ANSWER_NO;
	for (i = 0; i < ARRAY_SIZE(matchers); i++) {
		if (!(r->asked & BIT_OF(matchers[i][0])))
			continue;
		one = model_matcher(r, c, matchers[i][0]);
		if (one < least)
			least = one;
		if (one == KBUMP_ANSWER_UNKNOWN)
			*missing |= BIT_OF(matchers[i][0]);
	}
	return least;
}

/*
 * The action, and the rule if one decides. 0: there are rules that may be the first to match,
 * and one of them does something; if all of them only leave alone, that is what becomes of it.
 */
static uint8_t model_verdict(const struct table *t, const struct connection *c,
			     const struct rule **decider)
{
	bool open = false, wanted = false;
	uint64_t missing;
	unsigned int i;
	uint8_t one;

	*decider = NULL;
	for (i = 0; i < t->count; i++) {
		one = model_rule(&t->rule[i], c, &missing);
		if (one == KBUMP_ANSWER_NO)
			continue;
		if (one == KBUMP_ANSWER_YES && !open) {
			*decider = &t->rule[i];
			return t->rule[i].action;
		}
		open = true;
		wanted |= t->rule[i].action != KBUMP_ACTION_BYPASS;
		if (one == KBUMP_ANSWER_YES)
			break;
	}
	return wanted ? 0 : KBUMP_ACTION_BYPASS;
}

/* ---- the table, in the kernel and here */

static void put_addresses(struct request *rq, const struct rule *r, int side, int attr,
			  int len_attr)
{
	uint8_t bytes[VALUES_MAX * 16];
	size_t len = r->address[side][0].len;
	unsigned int i;

	for (i = 0; i < r->values; i++)
		memcpy(bytes + i * len, r->address[side][i].byte, len);
	put(rq, attr, bytes, r->values * len);
	put(rq, len_attr, r->bits[side], r->values);
}

static void put_matcher(struct request *rq, const struct rule *r, int attr)
{
	struct kbump_uid_range uids[VALUES_MAX];
	uint8_t bytes[KBUMP_FINGERPRINT_LEN];
	uint16_t zone = r->number[attr];
	unsigned int i;

	switch (attr) {
	case KBUMP_RULE_A_SRC:
		put_addresses(rq, r, 0, attr, KBUMP_RULE_A_SRC_LEN);
		break;
	case KBUMP_RULE_A_DST:
		put_addresses(rq, r, 1, attr, KBUMP_RULE_A_DST_LEN);
		break;
	case KBUMP_RULE_A_SPORT:
	case KBUMP_RULE_A_DPORT:
	case KBUMP_RULE_A_VLAN:
		put(rq, attr, r->range[attr], r->values * sizeof(r->range[attr][0]));
		break;
	case KBUMP_RULE_A_UID:
		for (i = 0; i < r->values; i++) {
			uids[i].min = r->range[attr][i].min;
			uids[i].max = r->range[attr][i].max;
		}
		put(rq, attr, uids, r->values * sizeof(uids[0]));
		break;
	case KBUMP_RULE_A_MARK:
		put_u32(rq, attr, r->number[attr]);
		put_u32(rq, KBUMP_RULE_A_MARK_MASK, r->mask[attr]);
		break;
	case KBUMP_RULE_A_CT_MARK:
		put_u32(rq, attr, r->number[attr]);
		put_u32(rq, KBUMP_RULE_A_CT_MASK, r->mask[attr]);
		break;
	case KBUMP_RULE_A_ZONE:
		put(rq, attr, &zone, sizeof(zone));
		break;
	case KBUMP_RULE_A_CT_LABEL:
		put_u8(rq, attr, labels[r->number[attr]]);
		break;
	case KBUMP_RULE_A_TLS:
	case KBUMP_RULE_A_CERT:
		put_u32(rq, attr, r->mask[attr]);
		break;
	case KBUMP_RULE_A_ECH:
		put_u8(rq, attr, r->number[attr]);
		break;
	case KBUMP_RULE_A_FINGERPRINT:
		memset(bytes, r->number[attr], sizeof(bytes));
		put(rq, attr, bytes, sizeof(bytes));
		break;
	default:
		put_string(rq, attr, r->text[attr]);
	}
}

/* Sends @cmd with the rule, and what names another one or a place if @key is not 0. */
static int send_rule(struct talk *t, int cmd, const struct rule *r, int key, uint32_t value)
{
	struct nlattr *n;
	char comment[16];
	unsigned int i;

	begin_cmd(t, cmd);
	n = nest(&t->rq, KBUMP_A_RULE);
	for (i = 0; i < ARRAY_SIZE(matchers); i++)
		if (r->asked & BIT_OF(matchers[i][0]))
			put_matcher(&t->rq, r, matchers[i][0]);
	/* The one that need not be said is said now and then. */
	if (r->proto != KBUMP_PROTO_TCP || r->values == 1)
		put_u8(&t->rq, KBUMP_RULE_A_PROTO, r->proto);
	if (r->negated)
		put(&t->rq, KBUMP_RULE_A_NOT, &r->negated, sizeof(r->negated));
	put_u8(&t->rq, KBUMP_RULE_A_ACTION, r->action);
	snprintf(comment, sizeof(comment), "%u", r->name);
	put_string(&t->rq, KBUMP_RULE_A_COMMENT, comment);
	if (key)
		put_u32(&t->rq, key, value);
	nest_end(&t->rq, n);
	return answer(t);
}

/* The place of a new rule is before @at. */
static void model_insert(struct table *t, unsigned int at, const struct rule *r)
{
	memmove(&t->rule[at + 1], &t->rule[at], (t->count - at) * sizeof(*r));
	t->rule[at] = *r;
	t->count++;
}

static void model_remove(struct table *t, unsigned int at)
{
	t->count--;
	memmove(&t->rule[at], &t->rule[at + 1], (t->count - at) * sizeof(t->rule[0]));
}

static unsigned int model_behind(const struct table *t, uint32_t pref)
{
	unsigned int i = 0;

	while (i < t->count && t->rule[i].pref <= pref)
		i++;
	return i;
}

static int add_rule(struct talk *t, struct table *table)
{
	struct rule r;

	random_rule(&r);
	r.name = table->names++;
	r.pref = 1 + chance(4);
	model_insert(table, model_behind(table, r.pref), &r);
	return send_rule(t, KBUMP_CMD_RULE_ADD, &r, KBUMP_RULE_A_PREF, r.pref);
}

static int insert_rule(struct talk *t, struct table *table)
{
	unsigned int at = chance(table->count);
	struct rule r;

	random_rule(&r);
	r.name = table->names++;
	r.pref = table->rule[at].pref;
	if (!at) {
		model_insert(table, 0, &r);
		return send_rule(t, KBUMP_CMD_RULE_INSERT, &r, 0, 0);
	}
	model_insert(table, at, &r);
	return send_rule(t, KBUMP_CMD_RULE_INSERT, &r, KBUMP_RULE_A_HANDLE,
			 table->rule[at + 1].handle);
}

static int replace_rule(struct talk *t, struct table *table)
{
	struct rule *old = &table->rule[chance(table->count)];
	struct rule r;

	random_rule(&r);
	r.name = table->names++;
	r.pref = old->pref;
	r.handle = old->handle;
	*old = r;
	return send_rule(t, KBUMP_CMD_RULE_REPLACE, &r, KBUMP_RULE_A_HANDLE, r.handle);
}

static int move_rule(struct talk *t, struct table *table)
{
	unsigned int at = chance(table->count);
	struct rule r = table->rule[at];
	struct nlattr *n;

	r.pref = 1 + chance(4);
	model_remove(table, at);
	model_insert(table, model_behind(table, r.pref), &r);
	begin_cmd(t, KBUMP_CMD_RULE_MOVE);
	n = nest(&t->rq, KBUMP_A_RULE);
	put_u32(&t->rq, KBUMP_RULE_A_HANDLE, r.handle);
	put_u32(&t->rq, KBUMP_RULE_A_PREF, r.pref);
	nest_end(&t->rq, n);
	return answer(t);
}

static int flush_rules(struct talk *t)
{
	begin_cmd(t, KBUMP_CMD_RULE_FLUSH);
	return answer(t);
}

/* ---- the kernel's explanation */

static void put_offer(struct request *rq, const struct connection *c)
{
	uint8_t offer[64];
	size_t len, used = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (!(c->offered & 1U << i))
			continue;
		len = strlen(protocols[i]);
		offer[used] = len;
		memcpy(offer + used + 1, protocols[i], len);
		used += 1 + len;
	}
	put(rq, KBUMP_FLOW_A_OFFER, offer, used);
}

static void put_labels(struct request *rq, const struct connection *c)
{
	uint8_t bytes[KBUMP_LABELS_LEN] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(labels); i++)
		if (c->labelled & 1U << i)
			bytes[labels[i] / 8] |= 1U << labels[i] % 8;
	put(rq, KBUMP_FLOW_A_CT_LABELS, bytes, sizeof(bytes));
}

static void put_fact(struct request *rq, const struct connection *c, int attr, int type)
{
	uint8_t bytes[KBUMP_FINGERPRINT_LEN];
	uint16_t word = c->number[attr];

	switch (attr) {
	case KBUMP_RULE_A_SRC:
	case KBUMP_RULE_A_DST:
		put(rq, type, c->address[attr == KBUMP_RULE_A_DST].byte, c->address[0].len);
		break;
	case KBUMP_RULE_A_SPORT:
	case KBUMP_RULE_A_DPORT:
	case KBUMP_RULE_A_VLAN:
	case KBUMP_RULE_A_ZONE:
		put(rq, type, &word, sizeof(word));
		break;
	case KBUMP_RULE_A_MARK:
	case KBUMP_RULE_A_CT_MARK:
	case KBUMP_RULE_A_UID:
		put_u32(rq, type, c->number[attr]);
		break;
	case KBUMP_RULE_A_CT_LABEL:
		put_labels(rq, c);
		break;
	case KBUMP_RULE_A_TLS:
	case KBUMP_RULE_A_ECH:
	case KBUMP_RULE_A_CERT:
		put_u8(rq, type, c->number[attr]);
		break;
	case KBUMP_RULE_A_ALPN:
		put_offer(rq, c);
		break;
	case KBUMP_RULE_A_FINGERPRINT:
		memset(bytes, c->number[attr], sizeof(bytes));
		put(rq, type, bytes, c->number[attr] ? sizeof(bytes) : 0);
		break;
	default:
		put_string(rq, type, c->text[attr]);
	}
}

static const void *payload(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

/* The attributes within @nest, which has @len bytes, by their type. */
static void parse(const void *nest_start, size_t len, const struct nlattr **tb, int max)
{
	const struct nlattr *a;
	size_t at;
	int type;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	for (at = 0; at + NLA_HDRLEN <= len; at += NLA_ALIGN(a->nla_len)) {
		a = (const struct nlattr *)((const char *)nest_start + at);
		type = a->nla_type & NLA_TYPE_MASK;
		if (a->nla_len < NLA_HDRLEN)
			return;
		if (type <= max)
			tb[type] = a;
	}
}

static void take_rule(struct verdict *v, const struct nlattr *object)
{
	const struct nlattr *tb[KBUMP_RULE_A_MAX + 1];
	struct said *s = &v->rule[v->count];

	if (v->count++ >= RULES_MAX)
		return;
	memset(s, 0, sizeof(*s));
	parse(payload(object), object->nla_len - NLA_HDRLEN, tb, KBUMP_RULE_A_MAX);
	s->name = UINT32_MAX;
	if (tb[KBUMP_RULE_A_COMMENT])
		s->name = strtoul(payload(tb[KBUMP_RULE_A_COMMENT]), NULL, 10);
	s->answer = UINT8_MAX;
	if (tb[KBUMP_RULE_A_HANDLE])
		memcpy(&s->handle, payload(tb[KBUMP_RULE_A_HANDLE]), sizeof(s->handle));
	if (tb[KBUMP_RULE_A_ANSWER])
		memcpy(&s->answer, payload(tb[KBUMP_RULE_A_ANSWER]), sizeof(s->answer));
	if (tb[KBUMP_RULE_A_WHY])
		memcpy(&s->why, payload(tb[KBUMP_RULE_A_WHY]), sizeof(s->why));
}

static void take_verdict(struct verdict *v, const struct nlattr *object)
{
	const struct nlattr *tb[KBUMP_FLOW_A_MAX + 1];

	parse(payload(object), object->nla_len - NLA_HDRLEN, tb, KBUMP_FLOW_A_MAX);
	v->ended = true;
	if (tb[KBUMP_FLOW_A_ACTION])
		memcpy(&v->action, payload(tb[KBUMP_FLOW_A_ACTION]), sizeof(v->action));
	if (tb[KBUMP_FLOW_A_RULE])
		memcpy(&v->decider, payload(tb[KBUMP_FLOW_A_RULE]), sizeof(v->decider));
}

static void take_message(void *arg, const struct nlmsghdr *nlh)
{
	struct verdict *v = arg;
	const char *attrs = (const char *)NLMSG_DATA(nlh) + GENL_HDRLEN;
	const struct nlattr *top[KBUMP_A_MAX + 1];

	parse(attrs, (const char *)nlh + nlh->nlmsg_len - attrs, top, KBUMP_A_MAX);
	if (top[KBUMP_A_RULE])
		take_rule(v, top[KBUMP_A_RULE]);
	if (top[KBUMP_A_FLOW])
		take_verdict(v, top[KBUMP_A_FLOW]);
}

/* Is it said in an explanation's request? */
static bool is_told(const struct connection *c, int attr)
{
	if (attr == KBUMP_RULE_A_UID)
		return c->local;
	if (c->local && (attr == KBUMP_RULE_A_IIF || attr == KBUMP_RULE_A_VLAN))
		return false;
	return c->known & BIT_OF(attr);
}

/* As ask(). */
static int explain(struct talk *t, const struct connection *c, struct verdict *v)
{
	struct nlattr *object;
	unsigned int i;

	memset(v, 0, sizeof(*v));
	begin(&t->rq, t->id, KBUMP_CMD_RULE_EXPLAIN, NLM_F_DUMP);
	object = nest(&t->rq, KBUMP_A_FLOW);
	if (c->proto != KBUMP_PROTO_TCP)
		put_u8(&t->rq, KBUMP_FLOW_A_PROTO, c->proto);
	for (i = 0; i < ARRAY_SIZE(matchers); i++)
		if (is_told(c, matchers[i][0]))
			put_fact(&t->rq, c, matchers[i][0], matchers[i][1]);
	nest_end(&t->rq, object);
	return ask(t, take_message, v);
}

/* ---- the properties */

FIXTURE(rules) {
	struct talk talk;
	struct table table;
	struct verdict now;
	struct verdict before;
};

FIXTURE_SETUP(rules)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNET)) TH_LOG("needs root");
	self->talk.fd = open_netlink();
	ASSERT_LE(0, self->talk.fd);
	self->talk.id = family_id(&self->talk);
	ASSERT_LT(0, self->talk.id) TH_LOG("no family kbump: module not loaded?");
	state = SEED;
	TH_LOG("seed %u", SEED);
}

FIXTURE_TEARDOWN(rules)
{
	close(self->talk.fd);
}

/* Changes in any order; what is changed is named by its handle, which the kernel has told. */
static int change_table(struct talk *t, struct table *table)
{
	int (*const changes[])(struct talk *t, struct table *table) = {
		add_rule, insert_rule, replace_rule, move_rule,
	};
	unsigned int change = table->count ? chance(ARRAY_SIZE(changes)) : 0;

	if (change < 2 && table->count == RULES_MAX)
		change = 3;
	return changes[change](t, table);
}

static void learn_handles(struct table *table, const struct verdict *v)
{
	unsigned int i;

	for (i = 0; i < table->count; i++)
		table->rule[i].handle = v->rule[i].handle;
}

/* One matcher alone says no: is it so? */
static bool says_no(const struct rule *r, const struct connection *c, uint64_t why)
{
	if (r->proto != c->proto)
		return why == BIT_OF(KBUMP_RULE_A_PROTO);
	return why && !(why & (why - 1)) && why & r->asked &&
	       model_matcher(r, c, __builtin_ctzll(why)) == KBUMP_ANSWER_NO;
}

/* The order of the table, and each rule's answer. Return: what is wrong, or NULL. */
static const char *check_rules(const struct table *table, const struct connection *c,
			       const struct verdict *v)
{
	uint64_t missing, why;
	unsigned int i;
	uint8_t want;

	if (!v->ended || v->count != table->count)
		return "number of rules";
	for (i = 0; i < table->count; i++) {
		if (v->rule[i].name != table->rule[i].name)
			return "order of rules";
		want = model_rule(&table->rule[i], c, &missing);
		why = v->rule[i].why;
		if (v->rule[i].answer != want)
			return "answer of a rule";
		if (want == KBUMP_ANSWER_YES && why)
			return "a reason for yes";
		if (want == KBUMP_ANSWER_UNKNOWN && why != missing)
			return "missing facts";
		if (want == KBUMP_ANSWER_NO && is_foreign(&table->rule[i], c)) {
			if (why != BIT_OF(KBUMP_RULE_A_UID))
				return "the reason why a rule is not for local processes";
			continue;
		}
		if (want == KBUMP_ANSWER_NO && !says_no(&table->rule[i], c, why))
			return "the matcher that says no";
	}
	return NULL;
}

static const char *check_verdict(const struct table *table, const struct connection *c,
				 const struct verdict *v)
{
	const struct rule *decider;
	uint8_t action = model_verdict(table, c, &decider);

	if (v->action != action)
		return "action";
	return v->decider == (decider ? decider->handle : 0) ? NULL : "rule that decides";
}

/* What has been answered with fewer facts, and what decided, stays so. */
static const char *check_monotony(const struct verdict *before, const struct verdict *now)
{
	unsigned int i;

	if (before->action && before->action != now->action)
		return "action with more facts";
	if (before->decider && before->decider != now->decider)
		return "rule that decides with more facts";
	for (i = 0; i < before->count; i++)
		if (before->rule[i].answer != KBUMP_ANSWER_UNKNOWN &&
		    before->rule[i].answer != now->rule[i].answer)
			return "answer with more facts";
	return NULL;
}

/* Some more facts; what is not TLS has told all of TLS with that. */
static void learn(struct connection *c, bool all)
{
	unsigned int i;

	for (i = 0; i < known_of(c->proto); i++)
		if (all || !chance(4))
			c->known |= BIT_OF(matchers[i][0]);
	if (!(c->known & BIT_OF(KBUMP_RULE_A_TLS)) ||
	    c->number[KBUMP_RULE_A_TLS] != KBUMP_TLS_NO)
		return;
	for (i = FIRST_OF_TLS; i < ARRAY_SIZE(matchers); i++)
		c->known |= BIT_OF(matchers[i][0]);
}

TEST_F(rules, answer_as_the_model)
{
	struct talk *t = &self->talk;
	struct connection c = {};
	const char *wrong;
	int table, n, step;

	for (table = 0; table < TABLES; table++) {
		self->table.count = 0;
		ASSERT_EQ(0, flush_rules(t));
		for (n = chance(2 * RULES_MAX); n >= 0; n--) {
			ASSERT_EQ(0, change_table(t, &self->table)) TH_LOG("%s", t->message);
			c.known = 0;
			ASSERT_EQ(0, explain(t, &c, &self->now));
			wrong = check_rules(&self->table, &c, &self->now);
			ASSERT_EQ(NULL, wrong) TH_LOG("table %d: %s", table, wrong);
			learn_handles(&self->table, &self->now);
		}
		for (n = 0; n < CONNECTIONS; n++) {
			random_connection(&c);
			for (step = 0; step < 5; step++) {
				if (step)
					learn(&c, step == 4);
				self->before = self->now;
				ASSERT_EQ(0, explain(t, &c, &self->now));
				wrong = check_rules(&self->table, &c, &self->now);
				if (!wrong)
					wrong = check_verdict(&self->table, &c, &self->now);
				if (!wrong && step)
					wrong = check_monotony(&self->before, &self->now);
				ASSERT_EQ(NULL, wrong)
					TH_LOG("table %d connection %d step %d: %s", table, n,
					       step, wrong);
			}
		}
	}
	EXPECT_EQ(0, flush_rules(t));
}

TEST_HARNESS_MAIN
