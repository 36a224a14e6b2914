// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Objects as text and as JSON, both from the object's table. */
#include <stdio.h>
#include <string.h>
#include <netlink/genl/genl.h>

#include "cli.h"

bool view_init(struct view *v, const struct object *o, struct nlattr *nest)
{
	v->nest = nest;
	return nla_parse_nested(v->tb, o->max, nest, NULL) >= 0;
}

bool view_of_message(struct view *v, const struct object *o, struct nl_msg *msg)
{
	struct nlattr *top[KBUMP_A_MAX + 1];

	if (genlmsg_parse(nlmsg_hdr(msg), 0, top, KBUMP_A_MAX, NULL) < 0 || !top[o->nla])
		return false;
	return view_init(v, o, top[o->nla]);
}

static bool is_zero(const struct nlattr *a)
{
	return !attr_number(a);
}

static struct nlattr *by_set(const struct view *v, const struct field *f)
{
	return f->nla_set ? v->tb[f->nla_set] : NULL;
}

static bool is_shown(const struct view *v, const struct field *f)
{
	if (by_set(v, f))
		return true;
	if (f->nla && !v->tb[f->nla])
		return false;
	if ((f->flags & F_ZERO_UNSET) && is_zero(v->tb[f->nla]))
		return false;
	return !f->shown || f->shown(v);
}

static struct nlattr *companion(const struct view *v, const struct field *f)
{
	return f->nla2 ? v->tb[f->nla2] : NULL;
}

static bool is_negated(const struct view *v, const struct field *f)
{
	return f->flags & F_NOT && attr_number(v->tb[KBUMP_RULE_A_NOT]) & 1ULL << f->nla;
}

static void print_value(const struct field *f, struct nlattr *a, struct nlattr *b, bool *space)
{
	if (*space)
		putchar(' ');
	*space = true;
	if (!(f->flags & F_BARE))
		printf(f->flags & F_ALONE ? "%s" : "%s ", f->key);
	f->type->text(f, a, b);
}

static void print_set(const struct field *f, struct nlattr *set, bool *space)
{
	printf("%s%s @%s", *space ? " " : "", f->key, nla_get_string(set));
	*space = true;
}

static void print_multi(const struct view *v, const struct field *f, bool *space)
{
	struct nlattr *a;
	int rest;

	nla_for_each_nested(a, v->nest, rest)
		if (nla_type(a) == f->nla)
			print_value(f, a, NULL, space);
}

/* The fields that have all flags of @with and none of @without, on one line. */
void print_fields(const struct view *v, const struct field *fields, unsigned int with,
		  unsigned int without)
{
	bool space = false;
	const struct field *f;

	for (f = fields; f->key; f++) {
		if ((f->flags & with) != with || (f->flags & without) || !f->type->text)
			continue;
		if (!is_shown(v, f))
			continue;
		if (is_negated(v, f)) {
			fputs(space ? " not" : "not", stdout);
			space = true;
		}
		if (by_set(v, f))
			print_set(f, by_set(v, f), &space);
		else if (f->flags & F_MULTI)
			print_multi(v, f, &space);
		else
			print_value(f, v->tb[f->nla], companion(v, f), &space);
	}
}

static void print_lines(const struct view *v, const struct field *fields, const char *indent)
{
	const struct field *f;

	for (f = fields; f->key; f++) {
		if (!(f->flags & F_LINE) || !is_shown(v, f))
			continue;
		printf("%s%s: ", indent, f->key);
		f->type->text(f, v->tb[f->nla], companion(v, f));
	}
}

static bool has_stats(const struct view *v, const struct field *fields)
{
	const struct field *f;

	for (f = fields; f->key; f++)
		if ((f->flags & F_STAT) && is_shown(v, f))
			return true;
	return false;
}

/* @indent begins each further line; a blank keeps all on one line. */
void print_object(const struct object *o, const struct view *v, const char *indent)
{
	if (o->text) {
		o->text(v);
		return;
	}
	print_fields(v, o->fields, 0, F_STAT | F_LINE);
	print_lines(v, o->fields, indent);
	if (opt.stats && has_stats(v, o->fields)) {
		fputs(indent, stdout);
		print_fields(v, o->fields, F_STAT, 0);
	}
}

static struct json_object *json_multi(const struct view *v, const struct field *f)
{
	struct json_object *j = json_object_new_array();
	struct nlattr *a;
	int rest;

	nla_for_each_nested(a, v->nest, rest)
		if (nla_type(a) == f->nla)
			json_object_array_add(j, f->type->json(f, a, NULL));
	return j;
}

static struct json_object *json_set(struct nlattr *set)
{
	char buf[1 + KBUMP_NAME_LEN];

	snprintf(buf, sizeof(buf), "@%s", nla_get_string(set));
	return json_object_new_string(buf);
}

/* Adds to @j, and returns it. */
struct json_object *json_fields(struct json_object *j, const struct view *v,
				const struct field *fields)
{
	const struct field *f;

	for (f = fields; f->key; f++) {
		struct json_object *value;

		if (!f->type->json || ((f->flags & F_STAT) && !opt.stats) || !is_shown(v, f))
			continue;
		if (by_set(v, f))
			value = json_set(by_set(v, f));
		else if (f->flags & F_MULTI)
			value = json_multi(v, f);
		else
			value = f->type->json(f, v->tb[f->nla], companion(v, f));
		json_object_object_add(j, f->json ? f->json : f->key, value);
	}
	return j;
}

void print_json(struct json_object *j, bool pretty)
{
	int flags = pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
			   : JSON_C_TO_STRING_PLAIN;

	puts(json_object_to_json_string_ext(j, flags | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(j);
}

void show_replies(const struct command *c, const struct replies *r,
		  bool (*want)(const struct command *c, const struct view *v))
{
	struct json_object *all = opt.json ? json_object_new_array() : NULL;
	struct view v;
	size_t i;

	for (i = 0; i < r->count; i++) {
		if (!view_of_message(&v, c->obj, r->msg[i]) || (want && !want(c, &v)))
			continue;
		if (all) {
			json_object_array_add(all, json_fields(json_object_new_object(), &v,
							       c->obj->fields));
			continue;
		}
		print_object(c->obj, &v, "\n    ");
		putchar('\n');
	}
	if (all)
		print_json(all, opt.pretty);
	if (r->inconsistent)
		say_warning(c, "changes during the reading; entries may be missing or doubled");
}
