// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From words to a command; and what most commands do the same way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/genl/genl.h>

#include "entry.h"

#define REQUEST_SIZE	4096

static int show_help(struct command *c)
{
	fputs(c->obj->help, stdout);
	return 0;
}

static const struct verb help_verb = { "help", NULL, 0, no_words, show_help };

/* A whole word wins over the first of which it is the beginning. */
static const struct object *find_object(const char *word)
{
	const struct object *const *o;

	for (o = objects; *o; o++)
		if (!strcmp(word, (*o)->name))
			return *o;
	for (o = objects; *o; o++)
		if (word_matches(word, (*o)->name))
			return *o;
	return NULL;
}

static const struct verb *find_verb(const struct object *o, const char *word)
{
	const struct verb *v;

	for (v = o->verbs; v->name; v++)
		if (word_matches(word, v->name) || (v->alias && word_matches(word, v->alias)))
			return v;
	return word_matches(word, help_verb.name) ? &help_verb : NULL;
}

/* A command of the object c->obj. */
int verb_parse(struct command *c, int argc, char **argv)
{
	const struct object *o = c->obj;

	if (argc && !strcmp(argv[0], "help")) {
		c->verb = &help_verb;
	} else if (o->only) {
		c->verb = o->only;
		return c->verb->parse(c, argc, argv);
	} else if (argc) {
		c->verb = find_verb(o, argv[0]);
		if (!c->verb)
			return usage_error(c, "\"%s\" is not a command; try \"kbump %s help\"",
					   argv[0], o->name);
	} else {
		/* The first of each table is "show". */
		c->verb = o->verbs;
		return c->verb->parse(c, 0, argv);
	}
	return c->verb->parse(c, argc - 1, argv + 1);
}

int command_parse(struct command *c, int argc, char **argv)
{
	c->obj = find_object(argv[0]);
	if (!c->obj)
		return usage_error(c, "\"%s\" is not an object; try \"kbump -h\"", argv[0]);
	return verb_parse(c, argc - 1, argv + 1);
}

int command_run(struct command *c)
{
	return c->verb->run(c);
}

void command_free(struct command *c)
{
	nlmsg_free(c->msg);
	c->msg = NULL;
	if (c->entries)
		entries_free(c->entries);
	free(c->entries);
	c->entries = NULL;
}

int no_words(struct command *c, int argc, char **argv)
{
	return argc ? usage_error(c, "unknown word \"%s\"", argv[0]) : 0;
}

static bool is_called(const struct field *f, const char *word)
{
	size_t i;

	if (!(f->flags & F_BARE))
		return !strcmp(word, f->key);
	for (i = 0; (f->flags & F_ALONE) && i < f->words->count; i++)
		if (!strcmp(word, f->words->name[i]))
			return true;
	return false;
}

/* The last row of the keyword that is valid at this place. */
static const struct field *find_field(const struct command *c, const struct field *fields,
				      const char *word)
{
	const struct field *f, *found = NULL;
	bool behind = false;

	for (f = fields; f->key; f++) {
		if ((f->flags & F_NEEDED) && (c->seen & 1ULL << (f - fields)))
			behind = true;
		if (!(f->flags & F_INPUT) || !is_called(f, word))
			continue;
		if (!(f->flags & F_BEHIND) || behind)
			found = f;
	}
	return found;
}

static int check_repeat(const struct command *c, const struct field *f, uint64_t bit,
			unsigned int *times)
{
	if (!(f->flags & F_MULTI))
		return (c->seen & bit) ? usage_error(c, "\"%s\" given twice", f->key) : 0;
	if (++*times > f->max)
		return usage_error(c, "\"%s\" given more than %u times", f->key, f->max);
	return 0;
}

static int check_not(const struct command *c, const struct field *f, const char *word)
{
	if (!f)
		return usage_error(c, "unknown word \"%s\"", word);
	return f->flags & F_NOT ? 0 : usage_error(c, "\"%s\" cannot be negated", word);
}

static int parse_value(struct command *c, const struct field *f, const char *word, void *to)
{
	struct field name = { .nla = f->nla_set, .what = "a set name" };

	if (f->nla_set && *word == '@')
		return type_name.parse(c, &name, word + 1, to);
	return f->type->parse(c, f, word, to);
}

/* Keywords, each with its value if it has one. */
int parse_fields(struct command *c, const struct field *fields, int argc, char **argv, void *to)
{
	unsigned int times = 0;
	int i;

	for (i = 0; i < argc; i++) {
		bool negated = !strcmp(argv[i], "not");
		const struct field *f;
		uint64_t bit;
		bool alone;
		int err;

		if (negated && ++i == argc)
			return usage_error(c, "\"not\" needs a matcher behind it");
		f = find_field(c, fields, argv[i]);
		if (negated && check_not(c, f, argv[i]))
			return EXIT_USAGE;
		if (!f)
			return usage_error(c, "unknown word \"%s\"", argv[i]);
		alone = f->flags & F_ALONE;
		bit = 1ULL << (f - fields);
		err = check_repeat(c, f, bit, &times);
		if (err)
			return err;
		c->seen |= bit;
		if (negated)
			c->negated |= 1ULL << f->nla;
		if (!alone && ++i == argc)
			return usage_error(c, "\"%s\" needs a value", f->key);
		err = parse_value(c, f, argv[i], to);
		if (err)
			return err;
	}
	return 0;
}

int check_needed(const struct command *c, const struct field *fields)
{
	const struct field *f;

	for (f = fields; f->key; f++)
		if ((f->flags & F_NEEDED) && !(c->seen & 1ULL << (f - fields)))
			return usage_error(c, "\"%s\" is missing", f->key);
	return 0;
}

/* The family is not known yet; see nl_request(). */
static void request_header(struct command *c, int flags, int cmd, size_t size)
{
	c->msg = nlmsg_alloc_size(size);
	if (!c->msg || !genlmsg_put(c->msg, NL_AUTO_PORT, NL_AUTO_SEQ, 0, 0, flags, cmd,
				    KBUMP_GENL_VERSION))
		out_of_memory();
}

static struct nlattr *begin(struct command *c, int flags, size_t size)
{
	struct nlattr *nest;

	request_header(c, flags, c->verb->cmd, size);
	nest = nla_nest_start(c->msg, NLA_F_NESTED | c->obj->nla);
	if (!nest)
		out_of_memory();
	return nest;
}

struct nlattr *request_begin(struct command *c, int flags)
{
	return begin(c, flags, REQUEST_SIZE);
}

/* For that much more than the attributes of other requests. */
struct nlattr *request_begin_large(struct command *c, size_t payload)
{
	return begin(c, 0, REQUEST_SIZE + payload);
}

void request_end(struct command *c, struct nlattr *nest)
{
	nla_nest_end(c->msg, nest);
}

void request_dump(struct command *c, int cmd)
{
	request_header(c, NLM_F_DUMP, cmd, REQUEST_SIZE);
}

/* A request without attributes. */
int parse_plain(struct command *c, int argc, char **argv)
{
	request_header(c, 0, c->verb->cmd, REQUEST_SIZE);
	return no_words(c, argc, argv);
}

int parse_dump(struct command *c, int argc, char **argv)
{
	request_dump(c, c->verb->cmd);
	return no_words(c, argc, argv);
}

/* A change; the kernel answers with the object where it was asked to. */
int run_request(struct command *c)
{
	struct replies r = {};
	int err = nl_request(c, c->msg, c->held ? c->held : &r);

	if (!err && r.count)
		show_replies(c, &r, NULL);
	replies_free(&r);
	return err;
}

int run_show(struct command *c)
{
	struct replies r = {};
	int err = nl_request(c, c->msg, &r);

	if (!err)
		show_replies(c, &r, NULL);
	replies_free(&r);
	return err;
}
