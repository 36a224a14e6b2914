// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kinds of values that fields have: from a word to an attribute, and back. */
#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* The one above says that there is none. */
#define UID_MAX		(UINT32_MAX - 1)

static void put(struct nl_msg *msg, int nla, const void *data, int len)
{
	if (nla_put(msg, nla, len, data) < 0)
		out_of_memory();
}

/* An attribute of whatever width; an odd one counts as 0, not as a reason to crash. */
uint64_t attr_number(const struct nlattr *a)
{
	switch (a ? nla_len(a) : 0) {
	case 1:
		return nla_get_u8(a);
	case 2:
		return nla_get_u16(a);
	case 4:
		return nla_get_u32(a);
	case 8:
		return nla_get_u64(a);
	default:
		return 0;
	}
}

static void number_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)b;
	printf("%llu", (unsigned long long)attr_number(a));
}

static struct json_object *number_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)b;
	return json_object_new_uint64(attr_number(a));
}

static int u16_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint32_t n;
	uint16_t v;

	if (word_number(c, f, word, &n))
		return EXIT_USAGE;
	v = n;
	put(to, f->nla, &v, sizeof(v));
	return 0;
}

static int u32_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint32_t n;

	if (word_number(c, f, word, &n))
		return EXIT_USAGE;
	put(to, f->nla, &n, sizeof(n));
	return 0;
}

static int u8_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint32_t n;
	uint8_t v;

	if (word_number(c, f, word, &n))
		return EXIT_USAGE;
	v = n;
	put(to, f->nla, &v, sizeof(v));
	return 0;
}

const struct type type_u8 = { u8_parse, number_text, number_json };
const struct type type_u16 = { u16_parse, number_text, number_json };
const struct type type_u32 = { u32_parse, number_text, number_json };
static int u64_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint64_t n;

	if (word_u64(word, 10, &n))
		return usage_error(c, "\"%s\" is not %s", word, f->what);
	put(to, f->nla, &n, sizeof(n));
	return 0;
}

const struct type type_u64 = { u64_parse, number_text, number_json };

static void age_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)b;
	printf("%llus", (unsigned long long)attr_number(a) / 1000);
}

/* "on" is what is meant without a word. */
static int learn_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint32_t seconds = 0;

	if (!strcmp(word, "on"))
		return 0;
	if (strcmp(word, "off") && word_number(c, f, word, &seconds))
		return EXIT_USAGE;
	put(to, f->nla, &seconds, sizeof(seconds));
	return 0;
}

static void learn_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)b;
	if (attr_number(a))
		printf("%llu", (unsigned long long)attr_number(a));
	else
		fputs("off", stdout);
}

const struct type type_learn = { learn_parse, learn_text, number_json };

const struct type type_age = { NULL, age_text, number_json };

static int time_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint32_t ms;

	if (word_time(c, word, &ms))
		return EXIT_USAGE;
	put(to, f->nla, &ms, sizeof(ms));
	return 0;
}

void time_print(uint32_t ms)
{
	if (ms % 1000)
		printf("%u", ms);
	else
		printf("%us", ms / 1000);
}

static void time_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)b;
	time_print(attr_number(a));
}

const struct type type_time = { time_parse, time_text, number_json };

static int word_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint8_t v;

	if (word_enum(c, f->words, f->what, word, &v))
		return EXIT_USAGE;
	/* A field that is no attribute has one word, which says nothing. */
	if (f->nla)
		put(to, f->nla, &v, sizeof(v));
	return 0;
}

/* A newer kernel may have words that this program does not know: their number then. */
static const char *word_of(const struct field *f, struct nlattr *a, char *buf, size_t size)
{
	uint64_t n = attr_number(a);

	if (n < f->words->count && f->words->name[n])
		return f->words->name[n];
	snprintf(buf, size, "%llu", (unsigned long long)n);
	return buf;
}

static void word_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[24];

	(void)b;
	fputs(word_of(f, a, buf, sizeof(buf)), stdout);
}

static struct json_object *word_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[24];

	(void)b;
	return json_object_new_string(word_of(f, a, buf, sizeof(buf)));
}

/* Words with commas between them, as a mask. */
static int set_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint32_t set = 0;
	char one[32];
	uint8_t v;

	while (word) {
		if (word_item(c, &word, one, sizeof(one)) ||
		    word_enum(c, f->words, f->what, one, &v))
			return EXIT_USAGE;
		set |= 1U << v;
	}
	put(to, f->nla, &set, sizeof(set));
	return 0;
}

/* Bits without a word are shown as their numbers. */
static void set_each(const struct field *f, const struct nlattr *a,
		     void (*show)(const char *word, void *arg), void *arg)
{
	uint64_t set = attr_number(a);
	char number[8];
	unsigned int i;

	for (i = 0; i < 32; i++) {
		if (!(set & 1U << i))
			continue;
		snprintf(number, sizeof(number), "%u", i);
		show(i < f->words->count && f->words->name[i] ? f->words->name[i] : number, arg);
	}
}

static void set_print(const char *word, void *arg)
{
	bool *first = arg;

	printf("%s%s", *first ? "" : ",", word);
	*first = false;
}

static void set_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	bool first = true;

	(void)b;
	set_each(f, a, set_print, &first);
}

static void set_add(const char *word, void *arg)
{
	json_object_array_add(arg, json_object_new_string(word));
}

static struct json_object *set_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	struct json_object *j = json_object_new_array();

	(void)b;
	set_each(f, a, set_add, j);
	return j;
}

const struct type type_set = { set_parse, set_text, set_json };
const struct type type_set_only = { NULL, NULL, set_json };

const struct type type_word = { word_parse, word_text, word_json };

static int too_long(const struct command *c, const struct field *f)
{
	return usage_error(c, "\"%s\" has more than %u values", f->key, KBUMP_LIST_MAX);
}

static int ports_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	struct kbump_port_range r[KBUMP_LIST_MAX];
	char one[16];
	int n;

	for (n = 0; word; n++) {
		if (n == KBUMP_LIST_MAX)
			return too_long(c, f);
		if (word_item(c, &word, one, sizeof(one)) ||
		    word_range(c, one, f->what, f->max, &r[n]))
			return EXIT_USAGE;
	}
	put(to, f->nla, r, n * sizeof(*r));
	return 0;
}

static int ranges(const struct field *f, const struct nlattr *a,
		  struct kbump_uid_range r[KBUMP_LIST_MAX])
{
	struct kbump_port_range narrow[KBUMP_LIST_MAX];
	int i, n;

	if (f->type == &type_uids)
		return nla_memcpy(r, a, KBUMP_LIST_MAX * sizeof(*r)) / (int)sizeof(*r);
	n = nla_memcpy(narrow, a, sizeof(narrow)) / (int)sizeof(*narrow);
	for (i = 0; i < n; i++) {
		r[i].min = narrow[i].min;
		r[i].max = narrow[i].max;
	}
	return n;
}

static void ranges_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	struct kbump_uid_range r[KBUMP_LIST_MAX];
	int i, n = ranges(f, a, r);

	(void)b;
	for (i = 0; i < n; i++) {
		printf(i ? ",%u" : "%u", r[i].min);
		if (r[i].max != r[i].min)
			printf("-%u", r[i].max);
	}
}

static struct json_object *range_json(const struct kbump_uid_range *r)
{
	struct json_object *j;

	if (r->min == r->max)
		return json_object_new_uint64(r->min);
	j = json_object_new_object();
	json_object_object_add(j, "min", json_object_new_uint64(r->min));
	json_object_object_add(j, "max", json_object_new_uint64(r->max));
	return j;
}

/* A list of more than one is an array. */
static struct json_object *ranges_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	struct kbump_uid_range r[KBUMP_LIST_MAX];
	int i, n = ranges(f, a, r);
	struct json_object *j;

	(void)b;
	if (n == 1)
		return range_json(r);
	j = json_object_new_array();
	for (i = 0; i < n; i++)
		json_object_array_add(j, range_json(&r[i]));
	return j;
}

const struct type type_ports = { ports_parse, ranges_text, ranges_json };

/* The name of a user of this system, or a number. */
static int word_uid(const struct command *c, const struct field *f, const char *word,
		    uint32_t *uid)
{
	const struct passwd *user;
	uint64_t n;

	if (!word_u64(word, 10, &n) && n <= UID_MAX) {
		*uid = n;
		return 0;
	}
	user = isdigit((unsigned char)*word) ? NULL : getpwnam(word);
	if (!user)
		return usage_error(c, "\"%s\" is not %s", word, f->what);
	*uid = user->pw_uid;
	return 0;
}

/* A name may have a dash in it: only numbers are ends of a range. */
static int uids_item(const struct command *c, const struct field *f, const char *word,
		     struct kbump_uid_range *r)
{
	size_t len = isdigit((unsigned char)*word) ? strcspn(word, "-") : strlen(word);
	char first[64];

	snprintf(first, sizeof(first), "%.*s", (int)len, word);
	if (word_uid(c, f, first, &r->min))
		return EXIT_USAGE;
	r->max = r->min;
	if (!word[len])
		return 0;
	if (!isdigit((unsigned char)word[len + 1]))
		return usage_error(c, "\"%s\": a range is of two user IDs", word);
	if (word_uid(c, f, word + len + 1, &r->max))
		return EXIT_USAGE;
	if (r->max < r->min)
		return usage_error(c, "\"%s\": the first user ID is above the last", word);
	return 0;
}

static int uids_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	struct kbump_uid_range r[KBUMP_LIST_MAX];
	char one[64];
	int n;

	for (n = 0; word; n++) {
		if (n == KBUMP_LIST_MAX)
			return too_long(c, f);
		if (word_item(c, &word, one, sizeof(one)) || uids_item(c, f, one, &r[n]))
			return EXIT_USAGE;
	}
	put(to, f->nla, r, n * sizeof(*r));
	return 0;
}

const struct type type_uids = { uids_parse, ranges_text, ranges_json };

static int uid_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint32_t uid;

	if (word_uid(c, f, word, &uid))
		return EXIT_USAGE;
	put(to, f->nla, &uid, sizeof(uid));
	return 0;
}

const struct type type_uid = { uid_parse, number_text, number_json };

static int prefix_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint8_t addrs[KBUMP_LIST_MAX * 16], lens[KBUMP_LIST_MAX];
	char one[INET6_ADDRSTRLEN + 8];
	size_t size = 0;
	struct prefix p;
	int n;

	for (n = 0; word; n++) {
		if (n == KBUMP_LIST_MAX)
			return too_long(c, f);
		if (word_item(c, &word, one, sizeof(one)) || word_prefix(c, one, &p))
			return EXIT_USAGE;
		if (n && p.addr_len * n != size)
			return usage_error(c, "\"%s\" has prefixes of different address families",
					   f->key);
		memcpy(addrs + size, p.addr, p.addr_len);
		size += p.addr_len;
		lens[n] = p.len;
	}
	put(to, f->nla, addrs, size);
	put(to, f->nla2, lens, n);
	return 0;
}

static const char *address(const void *data, int len, char *buf, size_t size)
{
	if (len != 4 && len != 16)
		return "?";
	return inet_ntop(len == 4 ? AF_INET : AF_INET6, data, buf, size);
}

static const char *addr_string(struct nlattr *a, char *buf, size_t size)
{
	return address(nla_data(a), nla_len(a), buf, size);
}

static int prefixes(const struct nlattr *b)
{
	return b && nla_len(b) ? nla_len(b) : 1;
}

/* The prefix @i of a list. */
static const char *prefix_string(struct nlattr *a, struct nlattr *b, int i, char *buf,
				 size_t size)
{
	int len = nla_len(a) / prefixes(b);
	unsigned int bits = b && nla_len(b) ? ((const uint8_t *)nla_data(b))[i] : len * 8;
	const char *data = (const char *)nla_data(a) + i * len;
	char addr[INET6_ADDRSTRLEN];

	snprintf(buf, size, "%s/%u", address(data, len, addr, sizeof(addr)), bits);
	return buf;
}

static void prefix_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[INET6_ADDRSTRLEN + 16];
	int i, n = prefixes(b);

	(void)f;
	for (i = 0; i < n; i++)
		printf(i ? ",%s" : "%s", prefix_string(a, b, i, buf, sizeof(buf)));
}

/* A list of more than one is an array. */
static struct json_object *prefix_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[INET6_ADDRSTRLEN + 16];
	int i, n = prefixes(b);
	struct json_object *j;

	(void)f;
	if (n == 1)
		return json_object_new_string(prefix_string(a, b, 0, buf, sizeof(buf)));
	j = json_object_new_array();
	for (i = 0; i < n; i++) {
		prefix_string(a, b, i, buf, sizeof(buf));
		json_object_array_add(j, json_object_new_string(buf));
	}
	return j;
}

const struct type type_prefix = { prefix_parse, prefix_text, prefix_json };

static struct json_object *addr_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[INET6_ADDRSTRLEN];

	(void)f;
	(void)b;
	return json_object_new_string(addr_string(a, buf, sizeof(buf)));
}

static void addr_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[INET6_ADDRSTRLEN];

	(void)f;
	(void)b;
	fputs(addr_string(a, buf, sizeof(buf)), stdout);
}

const struct type type_addr = { NULL, addr_text, addr_json };

static void endpoint_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[INET6_ADDRSTRLEN];
	bool v6 = nla_len(a) == 16;

	(void)f;
	printf("%s%s%s:%llu", v6 ? "[" : "", addr_string(a, buf, sizeof(buf)), v6 ? "]" : "",
	       (unsigned long long)attr_number(b));
}

/* One word in text, two keys in JSON: rows of type_endpoint and type_port. */
const struct type type_endpoint = { NULL, endpoint_text, addr_json };
const struct type type_port = { NULL, NULL, number_json };

static int u32_any_base(const char *word, uint32_t *value)
{
	uint64_t n;

	if (word_u64(word, !strncasecmp(word, "0x", 2) ? 16 : 10, &n) || n > UINT32_MAX)
		return -1;
	*value = n;
	return 0;
}

static int mark_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	const char *slash = strchr(word, '/');
	size_t len = slash ? (size_t)(slash - word) : strlen(word);
	uint32_t mark, mask = UINT32_MAX;
	char text[16] = "";

	if (len < sizeof(text))
		memcpy(text, word, len);
	if (u32_any_base(text, &mark) || (slash && u32_any_base(slash + 1, &mask)))
		return usage_error(c, "\"%s\" is not a mark (VALUE[/MASK], 32 bits)", word);
	if (mark & ~mask)
		return usage_error(c, "\"%s\": bits set beyond the mask", word);
	put(to, f->nla, &mark, sizeof(mark));
	put(to, f->nla2, &mask, sizeof(mask));
	return 0;
}

static void mark_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	uint32_t mask = b ? attr_number(b) : UINT32_MAX;

	(void)f;
	printf("0x%x", (uint32_t)attr_number(a));
	if (mask != UINT32_MAX)
		printf("/0x%x", mask);
}

const struct type type_mark = { mark_parse, mark_text, number_json };
static int mark_value_parse(const struct command *c, const struct field *f, const char *word,
			    void *to)
{
	uint32_t mark;

	if (u32_any_base(word, &mark))
		return usage_error(c, "\"%s\" is not a mark (32 bits)", word);
	put(to, f->nla, &mark, sizeof(mark));
	return 0;
}

const struct type type_mark_value = { mark_value_parse, mark_text, number_json };
const struct type type_mark_mask = { NULL, NULL, number_json };

static int mac_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint8_t mac[6];

	if (word_mac(c, word, mac))
		return EXIT_USAGE;
	put(to, f->nla, mac, sizeof(mac));
	return 0;
}

static const char *mac_string(const struct nlattr *a, char *buf, size_t size)
{
	uint8_t m[6] = {};

	nla_memcpy(m, a, sizeof(m));
	snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	return buf;
}

static void mac_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[18];

	(void)f;
	(void)b;
	fputs(mac_string(a, buf, sizeof(buf)), stdout);
}

static struct json_object *mac_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[18];

	(void)f;
	(void)b;
	return json_object_new_string(mac_string(a, buf, sizeof(buf)));
}

const struct type type_mac = { mac_parse, mac_text, mac_json };

/* Two digits for each byte, with or without colons between them. */
static int hex_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	uint8_t bytes[KBUMP_FINGERPRINT_LEN];
	const char *p = word;
	size_t n;
	int byte;

	for (n = 0; n < sizeof(bytes); n++) {
		if (n && *p == ':')
			p++;
		byte = word_byte(p);
		if (byte < 0)
			break;
		bytes[n] = byte;
		p += 2;
	}
	if (n < sizeof(bytes) || *p)
		return usage_error(c, "\"%s\" is not %s (%zu bytes in hexadecimal digits)", word,
				   f->what, sizeof(bytes));
	put(to, f->nla, bytes, sizeof(bytes));
	return 0;
}

static const char *hex_string(const struct nlattr *a, char *buf, size_t size)
{
	const uint8_t *p = nla_data(a);
	size_t i, n = nla_len(a);

	for (i = 0; i < n && 2 * i + 2 < size; i++)
		snprintf(buf + 2 * i, 3, "%02x", p[i]);
	return buf;
}

static void hex_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[2 * KBUMP_FINGERPRINT_LEN + 1] = "";

	(void)f;
	(void)b;
	fputs(hex_string(a, buf, sizeof(buf)), stdout);
}

static struct json_object *hex_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[2 * KBUMP_FINGERPRINT_LEN + 1] = "";

	(void)f;
	(void)b;
	return json_object_new_string(hex_string(a, buf, sizeof(buf)));
}

const struct type type_hex = { hex_parse, hex_text, hex_json };

/* The kernel's strings should end with a NUL; do not depend on it. */
static size_t attr_strlen(struct nlattr *a)
{
	return strnlen(nla_data(a), nla_len(a));
}

static void string_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)b;
	text_print(nla_data(a), attr_strlen(a));
}

static struct json_object *string_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)b;
	return text_json(nla_data(a), attr_strlen(a));
}

static int string_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	size_t len = strlen(word);

	if (!len || len > f->max)
		return usage_error(c, "\"%s\" is not %s (1-%u bytes)", word, f->what, f->max);
	if (!text_is_clean(word))
		return usage_error(c, "\"%s\" has a control character or is not UTF-8", f->key);
	put(to, f->nla, word, len + 1);
	return 0;
}

const struct type type_string = { string_parse, string_text, string_json };

static int flag_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	(void)c;
	(void)word;
	put(to, f->nla, NULL, 0);
	return 0;
}

/* The keyword says all. */
static void flag_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)a;
	(void)b;
}

static struct json_object *flag_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	(void)f;
	(void)a;
	(void)b;
	return json_object_new_boolean(true);
}

const struct type type_flag = { flag_parse, flag_text, flag_json };

static int name_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(word);

	if (!len || len >= KBUMP_NAME_LEN || *word == '-' || word[strspn(word, allowed)])
		return usage_error(c, "\"%s\" is not %s (1-%u of A-Z a-z 0-9 . _ -)", word,
				   f->what ? f->what : "a tool name", KBUMP_NAME_LEN - 1);
	put(to, f->nla, word, len + 1);
	return 0;
}

const struct type type_name = { name_parse, string_text, string_json };

/* A tool's name, with a weight behind it if that is not 1. */
static int member_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	const struct field weight = { .what = "a weight", .min = 1, .max = KBUMP_WEIGHT_MAX };
	size_t len = strcspn(word, ":");
	struct kbump_member m = { .weight = 1 };
	uint32_t n;

	if (!len || len >= sizeof(m.name))
		return usage_error(c, "\"%s\" is not a tool name (1-%d characters)", word,
				   KBUMP_NAME_LEN - 1);
	memcpy(m.name, word, len);
	if (word[len]) {
		if (word_number(c, &weight, word + len + 1, &n))
			return EXIT_USAGE;
		m.weight = n;
	}
	put(to, f->nla, &m, sizeof(m));
	return 0;
}

static void member_string(const struct nlattr *a, char *buf, size_t size)
{
	struct kbump_member m = {};

	if (nla_len(a) == sizeof(m))
		memcpy(&m, nla_data(a), sizeof(m));
	m.name[sizeof(m.name) - 1] = '\0';
	if (m.weight == 1)
		snprintf(buf, size, "%s", m.name);
	else
		snprintf(buf, size, "%s:%u", m.name, m.weight);
}

static void member_text(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[KBUMP_NAME_LEN + 8];

	(void)f;
	(void)b;
	member_string(a, buf, sizeof(buf));
	fputs(buf, stdout);
}

static struct json_object *member_json(const struct field *f, struct nlattr *a, struct nlattr *b)
{
	char buf[KBUMP_NAME_LEN + 8];

	(void)f;
	(void)b;
	member_string(a, buf, sizeof(buf));
	return json_object_new_string(buf);
}

const struct type type_member = { member_parse, member_text, member_json };

/* As dev_valid_name() of the kernel. */
static int dev_parse(const struct command *c, const struct field *f, const char *word, void *to)
{
	size_t len = strlen(word);
	bool ok = len && len < IFNAMSIZ && strcmp(word, ".") && strcmp(word, "..");
	const char *p;

	for (p = word; ok && *p; p++)
		ok = *p != '/' && *p != ':' && !isspace((unsigned char)*p);
	if (!ok)
		return usage_error(c, "\"%s\" is not a device name", word);
	put(to, f->nla, word, len + 1);
	return 0;
}

const struct type type_dev = { dev_parse, string_text, string_json };
