// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Choosing among what the kernel has, by client, server, port and name. It dumps all; the choice is
 * made here.
 */
#include <string.h>
#include <strings.h>

#include "cli.h"

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

static int id_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	struct flow_match *m = to;

	(void)f;
	m->by_id = true;
	return word_id(c, word, &m->id);
}

const struct type match_id = { .parse = id_parse };
const struct type match_from = { .parse = from_parse };
const struct type match_to = { .parse = to_parse };
const struct type match_dport = { .parse = dport_parse };
const struct type match_sni = { .parse = sni_parse };

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

bool match_fits(const struct flow_match *m, const struct matched *what)
{
	uint16_t port = attr_number(what->port);

	if (m->by_id && attr_number(what->id) != m->id)
		return false;
	if (m->by_port && (port < m->dport.min || port > m->dport.max))
		return false;
	if (m->sni && !sni_matches(m->sni, what->sni))
		return false;
	return in_prefix(&m->from, what->client) && in_prefix(&m->to, what->server);
}

/* The first row of the table is "id". */
int match_parse(struct command *c, const struct field *fields, int argc, char **argv)
{
	struct flow_match *m = &c->match;
	int err = parse_fields(c, fields, argc, argv, m);

	if (!err && m->from.addr_len && m->to.addr_len && m->from.addr_len != m->to.addr_len)
		return usage_error(c, "\"from\" and \"to\" are of different address families");
	return err;
}

static int read_all(struct command *c, int get, struct replies *r)
{
	request_dump(c, get);
	return nl_request(c, c->msg, r);
}

int match_show(struct command *c, int get, want_t want)
{
	struct replies r = {};
	int err = read_all(c, get, &r);

	if (!err)
		show_replies(c, &r, want);
	replies_free(&r);
	return err;
}

static int del_one(const struct command *c, int nla, uint64_t id, bool gone_is_done)
{
	struct command one = { .obj = c->obj, .verb = c->verb, .file = c->file, .line = c->line,
			       .gone_is_done = gone_is_done };
	struct nlattr *nest = request_begin(&one, 0);
	struct replies r = {};
	int err;

	if (nla_put_u64(one.msg, nla, id) < 0)
		out_of_memory();
	request_end(&one, nest);
	err = nl_request(&one, one.msg, &r);
	replies_free(&r);
	command_free(&one);
	return err;
}

/* @nla is the attribute with the id. */
int match_delete(struct command *c, int get, int nla, want_t want)
{
	struct replies r = {};
	struct view v;
	size_t i;
	int err;

	if (c->seen == 1)
		return del_one(c, nla, c->match.id, false);
	err = read_all(c, get, &r);
	for (i = 0; !err && i < r.count; i++)
		if (view_of_message(&v, c->obj, r.msg[i]) && want(c, &v))
			/* It may have ended by itself since. */
			err = del_one(c, nla, attr_number(v.tb[nla]), true);
	replies_free(&r);
	return err;
}
