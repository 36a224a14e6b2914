// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sets: lists of names, prefixes or ports that rules ask for. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/genl/genl.h>

#include "entry.h"

#define PART_MAX	30000	/* bytes of entries in one message */

static const char *const set_type_words[] = {
	[KBUMP_SET_DOMAIN] = "domain",
	[KBUMP_SET_PREFIX] = "prefix",
	[KBUMP_SET_PORT] = "port",
};

/* For messages about a request: its entry, if it is one. */
static struct json_object *entries_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	const struct kbump_set_entry *entry, *first = NULL;
	char buf[ENTRY_TEXT];
	unsigned int n = 0;
	size_t at = 0;

	(void)f;
	(void)b;
	while ((entry = entry_next(nla_data(a), nla_len(a), &at))) {
		first = first ? first : entry;
		n++;
	}
	if (n == 1)
		entry_text(first, buf);
	else
		snprintf(buf, sizeof(buf), "one of %u", n);
	return json_object_new_string(buf);
}

static const struct type type_entries = { NULL, NULL, entries_json };

static const struct field set_fields[] = {
	{ .key = "name", .type = &type_name, .flags = F_INPUT | F_BARE, .nla = KBUMP_SET_A_NAME,
	  .what = "a set name" },
	{ .key = "with", .type = &type_name, .nla = KBUMP_SET_A_WITH, .what = "a set name" },
	{ .key = "type", .type = &type_word, .flags = F_INPUT | F_NEEDED,
	  .nla = KBUMP_SET_A_TYPE, .words = WORDS(set_type_words), .what = "a type of set" },
	{ .key = "timeout", .type = &type_time, .flags = F_INPUT, .nla = KBUMP_SET_A_TIMEOUT },
	{ .key = "limit", .type = &type_u32, .flags = F_INPUT, .nla = KBUMP_SET_A_LIMIT,
	  .what = "a number of entries", .min = 1, .max = UINT_MAX },
	{ .key = "entry", .type = &type_entries, .nla = KBUMP_SET_A_ENTRIES },
	{ .key = "entries", .type = &type_u64, .nla = KBUMP_SET_A_COUNT },
	{ .key = "memory", .type = &type_u64, .nla = KBUMP_SET_A_MEMORY },
	{ .key = "rules", .type = &type_u64, .nla = KBUMP_SET_A_RULES },
	{ .key = "lookups", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_SET_A_LOOKUPS },
	{ .key = "hits", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_SET_A_HITS },
	{}
};

static const struct field *const name_field = &set_fields[0];
static const struct field *const with_field = &set_fields[1];

static int put_name(struct command *c, const struct field *f, int argc, char **argv)
{
	if (!argc)
		return usage_error(c, "the set's NAME is missing");
	return f->type->parse(c, f, argv[0], c->msg);
}

static int add_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, NLM_F_CREATE);
	int err = put_name(c, name_field, argc, argv);

	if (!err)
		err = parse_fields(c, set_fields, argc - 1, argv + 1, c->msg);
	request_end(c, nest);
	return err ? err : check_needed(c, set_fields);
}

static int name_only_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, 0);
	int err = put_name(c, name_field, argc, argv);

	request_end(c, nest);
	return err ? err : no_words(c, argc - 1, argv + 1);
}

static int show_parse(struct command *c, int argc, char **argv)
{
	return argc ? name_only_parse(c, argc, argv) : parse_dump(c, 0, argv);
}

static int swap_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, 0);
	int err = put_name(c, name_field, argc, argv);

	if (!err)
		err = put_name(c, with_field, argc - 1, argv + 1);
	request_end(c, nest);
	return err ? err : no_words(c, argc - 2, argv + 2);
}

/* A request that is made when it is sent: the name is checked and kept, the entries follow. */
static int begin_entries(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, 0);
	int err = put_name(c, name_field, argc, argv);

	request_end(c, nest);
	c->entries = calloc(1, sizeof(*c->entries));
	if (!c->entries)
		out_of_memory();
	return err;
}

static int fill_parse(struct command *c, int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : NULL;
	int err = begin_entries(c, argc, argv);

	if (err)
		return err;
	if (argc > 2)
		return no_words(c, argc - 2, argv + 2);
	if (!file && c->file)
		return usage_error(c, "in a file of commands FILE must be given");
	return entries_read(c, c->entries, file);
}

static int values_parse(struct command *c, int argc, char **argv, uint32_t timeout)
{
	int err = begin_entries(c, argc, argv);
	int i;

	if (!err && argc < 2)
		return usage_error(c, "the VALUE is missing");
	for (i = 1; !err && i < argc; i++)
		err = entry_add(c, c->entries, argv[i], timeout);
	return err;
}

static int entries_parse(struct command *c, int argc, char **argv)
{
	return values_parse(c, argc, argv, 0);
}

/* The last two words may be the time-out; "timeout." is how to write a name that reads so. */
static int add_entry_parse(struct command *c, int argc, char **argv)
{
	uint32_t timeout = 0;

	if (argc > 2 && !strcmp(argv[argc - 2], "timeout")) {
		if (word_time(c, argv[argc - 1], &timeout))
			return EXIT_USAGE;
		argc -= 2;
	}
	return values_parse(c, argc, argv, timeout);
}

/* The end of a part that begins at @from. */
static size_t part_end(const struct entries *e, size_t from)
{
	size_t at = from, end = from;

	while (at < e->len && at - from <= PART_MAX) {
		end = at;
		if (!entry_next(e->data, e->len, &at))
			break;
	}
	return at - from <= PART_MAX ? at : end;
}

static int send_part(struct command *c, struct nlattr *name, size_t from, size_t to)
{
	const struct entries *e = c->entries;
	struct command part = *c;
	struct replies r = {};
	struct nlattr *nest;
	int err;

	nest = request_begin_large(&part, to - from);
	if (nla_put(part.msg, KBUMP_SET_A_NAME, nla_len(name), nla_data(name)) < 0 ||
	    nla_put(part.msg, KBUMP_SET_A_ENTRIES, to - from, e->data + from) < 0 ||
	    (to < e->len && nla_put_flag(part.msg, KBUMP_SET_A_MORE) < 0))
		out_of_memory();
	request_end(&part, nest);
	err = nl_request(&part, part.msg, &r);
	replies_free(&r);
	nlmsg_free(part.msg);
	return err;
}

/* In as many messages as it takes. */
static int run_entries(struct command *c)
{
	const struct entries *e = c->entries;
	size_t from = 0, to;
	struct view v;
	int err;

	if (!view_of_message(&v, c->obj, c->msg))
		out_of_memory();
	do {
		if (e->len > PART_MAX)
			progress_show("filling", from, e->len);
		to = part_end(e, from);
		err = send_part(c, v.tb[KBUMP_SET_A_NAME], from, to);
		from = to;
	} while (!err && from < e->len);
	progress_clear();
	return err;
}

/* What is done in one message: there are no parts of it. */
static int run_few(struct command *c)
{
	if (c->entries->len > PART_MAX)
		return refused(c, "too many entries for one command");
	return run_entries(c);
}

static int dump_parse(struct command *c, int argc, char **argv)
{
	struct nlattr *nest = request_begin(c, NLM_F_DUMP);
	int err = put_name(c, name_field, argc, argv);

	request_end(c, nest);
	return err ? err : no_words(c, argc - 1, argv + 1);
}

static void entry_each(const struct command *c, const struct replies *r,
		       void (*show)(const struct kbump_set_entry *entry, void *arg), void *arg)
{
	const struct kbump_set_entry *entry;
	struct nlattr *a;
	struct view v;
	size_t i, at;

	for (i = 0; i < r->count; i++) {
		if (!view_of_message(&v, c->obj, r->msg[i]) || !v.tb[KBUMP_SET_A_ENTRIES])
			continue;
		a = v.tb[KBUMP_SET_A_ENTRIES];
		at = 0;
		while ((entry = entry_next(nla_data(a), nla_len(a), &at)))
			show(entry, arg);
	}
}

static void print_entry(const struct kbump_set_entry *entry)
{
	char buf[ENTRY_TEXT];

	entry_text(entry, buf);
	text_print(buf, strlen(buf));
	/* Not to be taken for the keyword. */
	if (!strcmp(buf, "timeout"))
		putchar('.');
	if (entry->timeout) {
		fputs(" timeout ", stdout);
		time_print(entry->timeout);
	}
}

static void list_text(const struct kbump_set_entry *entry, void *arg)
{
	(void)arg;
	print_entry(entry);
	putchar('\n');
}

static void list_json(const struct kbump_set_entry *entry, void *arg)
{
	struct json_object *j = json_object_new_object();
	char buf[ENTRY_TEXT];

	entry_text(entry, buf);
	json_object_object_add(j, "value", text_json(buf, strlen(buf)));
	if (entry->timeout)
		json_object_object_add(j, "timeout", json_object_new_uint64(entry->timeout));
	json_object_array_add(arg, j);
}

static int run_list(struct command *c)
{
	struct json_object *all = opt.json ? json_object_new_array() : NULL;
	struct replies r = {};
	int err = nl_request(c, c->msg, &r);

	if (!err)
		entry_each(c, &r, all ? list_json : list_text, all);
	if (all && !err)
		print_json(all, opt.pretty);
	else
		json_object_put(all);
	if (!err && r.inconsistent)
		say_warning(c, "changes during the reading; entries may be missing or doubled");
	replies_free(&r);
	return err;
}

struct saved {
	const char *name;
	unsigned int count;	/* in the line that is being written */
};

/* Many in a line, but those with a time-out. */
static void save_entry(const struct kbump_set_entry *entry, void *arg)
{
	static const unsigned int most = 100;
	struct saved *s = arg;

	if (s->count && (entry->timeout || s->count == most)) {
		putchar('\n');
		s->count = 0;
	}
	if (!s->count)
		printf("set add-entry %s", s->name);
	putchar(' ');
	print_entry(entry);
	s->count++;
	if (entry->timeout) {
		putchar('\n');
		s->count = 0;
	}
}

int save_entries(const struct command *c, const char *name)
{
	static const struct verb verb = { "save", NULL, KBUMP_CMD_SET_ENTRIES, NULL, NULL };
	struct command dump = { .obj = &set_object, .verb = &verb, .file = c->file,
				.line = c->line };
	struct nlattr *nest = request_begin(&dump, NLM_F_DUMP);
	struct saved s = { .name = name };
	struct replies r = {};
	int err;

	if (nla_put_string(dump.msg, KBUMP_SET_A_NAME, name) < 0)
		out_of_memory();
	request_end(&dump, nest);
	err = nl_request(&dump, dump.msg, &r);
	if (!err && r.inconsistent)
		err = refused(c, "set %s changes all the time; try again", name);
	if (!err)
		entry_each(&dump, &r, save_entry, &s);
	if (s.count)
		putchar('\n');
	replies_free(&r);
	command_free(&dump);
	return err;
}

static const struct verb set_verbs[] = {
	{ "show", NULL, KBUMP_CMD_SET_GET, show_parse, run_show },
	{ "add", NULL, KBUMP_CMD_SET_ADD, add_parse, run_request },
	{ "del", "delete", KBUMP_CMD_SET_DEL, name_only_parse, run_request },
	{ "fill", NULL, KBUMP_CMD_SET_FILL, fill_parse, run_entries },
	{ "add-entry", NULL, KBUMP_CMD_SET_FILL, add_entry_parse, run_entries },
	{ "del-entry", "delete-entry", KBUMP_CMD_SET_DEL_ENTRY, entries_parse, run_few },
	{ "list", NULL, KBUMP_CMD_SET_ENTRIES, dump_parse, run_list },
	{ "test", NULL, KBUMP_CMD_SET_TEST, entries_parse, run_few },
	{ "flush", NULL, KBUMP_CMD_SET_FLUSH, name_only_parse, run_request },
	{ "swap", NULL, KBUMP_CMD_SET_SWAP, swap_parse, run_request },
	{}
};

static const char set_help[] =
	"Usage: kbump set [ show [ NAME ] ]\n"
	"       kbump set add NAME type { domain | prefix | port } [ timeout TIME ] [ limit N ]\n"
	"       kbump set fill NAME [ FILE ]\n"
	"       kbump set add-entry NAME VALUE... [ timeout TIME ]\n"
	"       kbump set { del-entry | test } NAME VALUE...\n"
	"       kbump set { list | flush | del } NAME\n"
	"       kbump set swap NAME NAME\n"
	"VALUE  := { NAME | .NAME | PREFIX | PORT | PORT-PORT }\n"
	"TIME   := { milliseconds | N{s|m|h|d} }\n"
	"A NAME that begins with a dot is the domain and all names below it.\n"
	"FILE is a list: one entry a line, a hosts file, or a response policy zone.\n";

const struct object set_object = {
	.name = "set",
	.nla = KBUMP_A_SET,
	.max = KBUMP_SET_A_MAX,
	.fields = set_fields,
	.verbs = set_verbs,
	.help = set_help,
};
