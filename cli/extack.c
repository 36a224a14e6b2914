// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel says at which byte of the request it stumbled: from there to the word. */
#include <stdio.h>

#include "cli.h"

static const struct field *field_of(const struct object *o, const struct nlattr *a)
{
	const struct field *f;

	for (f = o->fields; f->key; f++)
		if (nla_type(a) == f->nla_set || (nla_type(a) == f->nla && f->type->json))
			return f;
	return NULL;
}

static struct nlattr *attr_at(const struct view *v, struct nl_msg *msg, size_t offset)
{
	const char *at = (const char *)nlmsg_hdr(msg) + offset;
	struct nlattr *a;
	int rest;

	nla_for_each_nested(a, v->nest, rest)
		if ((const char *)a == at)
			return a;
	return NULL;
}

/*
 * "KEYWORD VALUE: ", or "KEYWORD: " if it has none, of the attribute at @offset of the request
 * @msg; "" if it is none.
 */
void extack_field(const struct command *c, struct nl_msg *msg, size_t offset, char *buf,
		  size_t size)
{
	const struct field *f = NULL;
	struct json_object *value;
	struct nlattr *a = NULL;
	struct view v;

	*buf = '\0';
	if (view_of_message(&v, c->obj, msg))
		a = attr_at(&v, msg, offset);
	if (a)
		f = field_of(c->obj, a);
	if (!f)
		return;
	if ((f->flags & F_ALONE) && !(f->flags & F_BARE)) {
		snprintf(buf, size, "%s: ", f->key);
		return;
	}
	if (nla_type(a) == f->nla_set) {
		snprintf(buf, size, "%s @%s: ", f->key, nla_get_string(a));
		return;
	}
	value = f->type->json(f, a, f->nla2 ? v.tb[f->nla2] : NULL);
	snprintf(buf, size, "%s %s: ", f->key,
		 json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(value);
}
