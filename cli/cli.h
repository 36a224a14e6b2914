/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parts of kbump(8) share.
 *
 * Each object is described by one table of fields. The parser, the text and JSON
 * printers and "save" all walk that table, so a new attribute is one new row.
 */
#ifndef KBUMP_CLI_H
#define KBUMP_CLI_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <json-c/json.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <linux/kbump.h>

#define __printf(fmt, args) \
	__attribute__( \
		(__format__(__printf__, fmt, args)))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define EXIT_REFUSED	1
#define EXIT_USAGE	2
#define EXIT_AGAIN	3	/* not for the shell: what was begun is to be begun anew */

/* No object has more attributes than this; see the assertions in object.c. */
#define ATTR_MAX	63

struct options {
	bool json;
	bool pretty;
	bool stats;
	bool echo;
};

extern struct options opt;

struct command;
struct entries;
struct field;
struct object;
struct replies;

/* An object as received. */
struct view {
	struct nlattr *nest;
	struct nlattr *tb[ATTR_MAX + 1];
};

/* Words of an enumeration; a hole is NULL. */
struct words {
	const char *const *name;
	size_t count;
};

#define WORDS(table)	(&(const struct words){ (table), ARRAY_SIZE(table) })

/* How a kind of value is read and shown; a NULL function means that it is not. */
struct type {
	int (*parse)(const struct command *c, const struct field *f, const char *word, void *to);
	void (*text)(const struct field *f, struct nlattr *a, struct nlattr *b);
	struct json_object *(*json)(const struct field *f, struct nlattr *a, struct nlattr *b);
};

#define F_INPUT		0x01	/* may be given, and is part of the saved configuration */
#define F_NEEDED	0x02	/* must be given to add the object */
#define F_MULTI		0x04	/* may be given up to max times; an array in JSON */
#define F_BARE		0x08	/* the value alone; with F_ALONE it is read so as well */
#define F_STAT		0x10	/* a counter, shown with -s */
#define F_ZERO_UNSET	0x20	/* 0 stands for "not set": accepted, not shown */
#define F_LINE		0x40	/* on a line of its own */
#define F_BEHIND	0x80	/* the keyword means this only behind what F_NEEDED says */
#define F_ALONE		0x100	/* the keyword has no value: it is there or not */
#define F_NOT		0x200	/* a matcher: "not" before the keyword negates it */
#define F_PLAIN		0x400	/* a matcher that cannot be negated */

struct field {
	const char *key;	/* keyword, and JSON key unless json is set */
	const char *json;
	const struct type *type;
	unsigned int flags;
	int nla;		/* 0: not an attribute, always shown */
	int nla2;		/* companion: prefix length, mask, port */
	int nla_set;		/* @NAME of a set, in place of nla */
	const struct words *words;
	const char *what;	/* for messages: "a port" */
	uint32_t min;
	uint32_t max;
	bool (*shown)(const struct view *v);
};

struct verb {
	const char *name;	/* in messages */
	const char *alias;	/* longer form, also accepted */
	int cmd;		/* enum kbump_cmd */
	int (*parse)(struct command *c, int argc, char **argv);
	int (*run)(struct command *c);
};

struct object {
	const char *name;
	int nla;		/* enum kbump_attr */
	int max;		/* highest attribute in it */
	const struct field *fields;
	const struct verb *verbs;	/* the first is "show" */
	const struct verb *only;	/* in place of verbs */
	void (*text)(const struct view *v);	/* instead of one line from the table */
	const char *help;
};

struct prefix {
	uint8_t addr[16];
	unsigned int addr_len;	/* 4 or 16; 0: none */
	unsigned int len;
};

struct flow_match {
	struct prefix from;
	struct prefix to;
	bool by_port;
	struct kbump_port_range dport;
	const char *sni;
	bool by_state;
	uint8_t state;
	bool by_id;
	uint64_t id;
};

/* What a flow_match is held against; NULL if the object has it not. */
struct matched {
	struct nlattr *id;
	struct nlattr *client;
	struct nlattr *server;
	struct nlattr *port;
	struct nlattr *sni;
};

/* A command that has been parsed and can be run. */
struct command {
	const struct object *obj;
	const struct verb *verb;
	const char *file;	/* with -f */
	unsigned int line;
	struct nl_msg *msg;
	uint64_t seen;		/* bit n: row n of the table was given */
	uint64_t negated;	/* bit n: the matcher with nla n */
	struct flow_match match;
	unsigned int events;	/* bit n: source n of events; 0: all */
	struct entries *entries;	/* of a set; not all fit into one message */
	bool gone_is_done;	/* that the object is not there is no error */
	bool repeats;		/* EXIT_AGAIN is what it wants to hear of, not the user */
	struct replies *held;	/* what the kernel says is shown later, by who gave this */
};

/* The kernel's version. */
struct kernel {
	unsigned int major;
	unsigned int minor;
	unsigned int patch;
};

/* What routing rules ask for. */
struct routing {
	bool by_mark;
	char iif[IFNAMSIZ];	/* one of the interfaces, or empty */
};

struct replies {
	struct nl_msg **msg;
	size_t count;
	bool inconsistent;	/* the table changed during each attempt to read it */
};

/* object.c */
extern const struct object *const objects[];

/* rule.c */
#define ACTION_WORDS	(KBUMP_ACTION_BLOCK + 1)
#define CAUSE_WORDS	(KBUMP_CAUSE_MAX + 1)
extern const char *const action_words[ACTION_WORDS];
extern const char *const cause_words[CAUSE_WORDS];

extern const struct words cert_words;
extern const struct words tls_words;
extern const struct words yes_no_words;
extern const struct words proto_words;
void matchers_each(uint64_t mask, void (*show)(const char *key, void *arg), void *arg);
void matchers_text(uint64_t mask);
struct json_object *matchers_array(uint64_t mask);

/*
 * rule.c, tool.c, flow.c, learned.c, stat.c, helper.c, set.c, explain.c, monitor.c, save.c,
 * flush.c, check.c
 */
extern const struct object rule_object;
extern const struct object tool_object;
extern const struct object group_object;
extern const struct object flow_object;
extern const struct object learned_object;
extern const struct object stat_object;
extern const struct object helper_object;
extern const struct object set_object;
extern const struct object wire_object;
extern const struct object explain_object;
extern const struct object monitor_object;
extern const struct object save_object;
extern const struct object flush_object;
extern const struct object check_object;

/* tool.c */
bool tool_is_group(const struct view *v);

/* set.c */
int save_entries(const struct command *c, const char *name);

/* command.c */
int command_parse(struct command *c, int argc, char **argv);
int verb_parse(struct command *c, int argc, char **argv);
int command_run(struct command *c);
void command_free(struct command *c);
int no_words(struct command *c, int argc, char **argv);
int parse_fields(struct command *c, const struct field *fields, int argc, char **argv, void *to);
int check_needed(const struct command *c, const struct field *fields);
struct nlattr *request_begin(struct command *c, int flags);
struct nlattr *request_begin_large(struct command *c, size_t payload);
void request_end(struct command *c, struct nlattr *nest);
void request_dump(struct command *c, int cmd);
int parse_plain(struct command *c, int argc, char **argv);
int parse_dump(struct command *c, int argc, char **argv);
int run_request(struct command *c);
int run_show(struct command *c);

/* host.c */
bool host_kernel(struct kernel *k);
bool host_has_ktls(void);
bool host_setting(const char *name, long long *value);
bool host_device(const char *driver, char name[IFNAMSIZ]);
bool host_is_up(const char *device);
void host_routing(struct routing *r);

/* match.c */
typedef bool (*want_t)(const struct command *c, const struct view *v);
extern const struct type match_id;
extern const struct type match_from;
extern const struct type match_to;
extern const struct type match_dport;
extern const struct type match_sni;
bool match_fits(const struct flow_match *m, const struct matched *what);
int match_parse(struct command *c, const struct field *fields, int argc, char **argv);
int match_show(struct command *c, int get, want_t want);
int match_delete(struct command *c, int get, int nla, want_t want);

/* netns.c */
int netns_enter(const char *name);

/* batch.c */
int batch_run(const char *file);

/* error.c */
int __printf(2, 3) usage_error(const struct command *c, const char *fmt, ...);
int __printf(2, 3) refused(const struct command *c, const char *fmt, ...);
void __printf(2, 3) say_warning(const struct command *c, const char *fmt, ...);
noreturn void out_of_memory(void);

/* progress.c */
void progress_show(const char *what, size_t done, size_t all);
void progress_clear(void);

/* word.c */
bool word_matches(const char *word, const char *name);
int word_byte(const char *digits);
int word_u64(const char *word, int base, uint64_t *value);
/* Each of these returns 0, or EXIT_USAGE after it has said why. */
int word_number(const struct command *c, const struct field *f, const char *word,
		uint32_t *value);
int word_time(const struct command *c, const char *word, uint32_t *ms);
int word_id(const struct command *c, const char *word, uint64_t *value);
int word_prefix(const struct command *c, const char *word, struct prefix *p);
int word_range(const struct command *c, const char *word, const char *what, uint32_t max,
	       struct kbump_port_range *r);
int word_ports(const struct command *c, const char *word, struct kbump_port_range *r);
int word_item(const struct command *c, const char **list, char *one, size_t size);
int word_mac(const struct command *c, const char *word, uint8_t mac[6]);
int word_enum(const struct command *c, const struct words *w, const char *what,
	      const char *word, uint8_t *value);

/* text.c */
size_t utf8_char(const char *s, size_t len);
bool text_is_clean(const char *s);
void text_print(const char *s, size_t len);
struct json_object *text_json(const char *s, size_t len);

/* type.c */
extern const struct type type_u8;
extern const struct type type_u16;
extern const struct type type_u32;
extern const struct type type_u64;
extern const struct type type_age;
extern const struct type type_learn;
extern const struct type type_time;
extern const struct type type_word;
extern const struct type type_set;
extern const struct type type_set_only;
extern const struct type type_ports;
extern const struct type type_uid;
extern const struct type type_uids;
extern const struct type type_prefix;
extern const struct type type_mark;
extern const struct type type_mark_mask;
extern const struct type type_mark_value;
extern const struct type type_hex;
extern const struct type type_mac;
extern const struct type type_name;
extern const struct type type_member;
extern const struct type type_dev;
extern const struct type type_string;
extern const struct type type_flag;
extern const struct type type_addr;
extern const struct type type_endpoint;
extern const struct type type_port;
uint64_t attr_number(const struct nlattr *a);
void time_print(uint32_t ms);

/* show.c */
bool view_init(struct view *v, const struct object *o, struct nlattr *nest);
bool view_of_message(struct view *v, const struct object *o, struct nl_msg *msg);
void print_fields(const struct view *v, const struct field *fields, unsigned int with,
		  unsigned int without);
void print_object(const struct object *o, const struct view *v, const char *indent);
struct json_object *json_fields(struct json_object *j, const struct view *v,
				const struct field *fields);
void print_json(struct json_object *j, bool pretty);
void show_replies(const struct command *c, const struct replies *r,
		  bool (*want)(const struct command *c, const struct view *v));

/* extack.c */
void extack_field(const struct command *c, struct nl_msg *msg, size_t offset, char *buf,
		  size_t size);

/* nl.c */
int nl_request(const struct command *c, struct nl_msg *msg, struct replies *r);
void replies_free(struct replies *r);
int nl_monitor(const struct command *c, const char *const *groups,
	       void (*event)(const struct command *c, struct nl_msg *msg));

#endif /* KBUMP_CLI_H */
