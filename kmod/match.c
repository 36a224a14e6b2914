// SPDX-License-Identifier: GPL-2.0-only
/*
 * Matchers of rules. A connection is put to them more than once, with more facts each time;
 * a matcher whose fact is not known yet says so.
 */
#include <linux/slab.h>
#include <net/ipv6.h>

#include "match.h"
#include "netlink.h"
#include "set.h"
#include "set_draft.h"

/* What names each set in a request, what it is in place of, and of what it must be. */
static const struct {
	u8 attr;
	u8 instead;
	u8 type;
} set_matchers[KB_SETS] = {
	[KB_SET_SRC]	= { KBUMP_RULE_A_SRC_SET, KBUMP_RULE_A_SRC, KBUMP_SET_PREFIX },
	[KB_SET_DST]	= { KBUMP_RULE_A_DST_SET, KBUMP_RULE_A_DST, KBUMP_SET_PREFIX },
	[KB_SET_SPORT]	= { KBUMP_RULE_A_SPORT_SET, KBUMP_RULE_A_SPORT, KBUMP_SET_PORT },
	[KB_SET_DPORT]	= { KBUMP_RULE_A_DPORT_SET, KBUMP_RULE_A_DPORT, KBUMP_SET_PORT },
	[KB_SET_SNI]	= { KBUMP_RULE_A_SNI_SET, KBUMP_RULE_A_SNI, KBUMP_SET_DOMAIN },
};

static bool in_ranges(const struct kb_ranges *list, u32 value)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (value >= list->r[i].min && value <= list->r[i].max)
			return true;
	return false;
}

static bool in_prefix(u8 family, const union nf_inet_addr *prefix, unsigned int len,
		      const union nf_inet_addr *addr)
{
	if (family == NFPROTO_IPV6)
		return ipv6_prefix_equal(&addr->in6, &prefix->in6, len);
	return !len || !((addr->ip ^ prefix->ip) & htonl(~0U << (32 - len)));
}

static bool in_prefixes(const struct kb_prefixes *list, u8 family, const union nf_inet_addr *addr)
{
	unsigned int i;

	if (list->family != family)
		return false;
	for (i = 0; i < list->n; i++)
		if (in_prefix(family, &list->p[i].addr, list->p[i].len, addr))
			return true;
	return false;
}

static bool addr_matches(const struct kb_set *set, const struct kb_prefixes *list, u8 family,
			 const union nf_inet_addr *addr)
{
	return set ? kb_set_has_addr(set, family, addr) : in_prefixes(list, family, addr);
}

static bool port_matches(const struct kb_set *set, const struct kb_ranges *list, __be16 port)
{
	return set ? kb_set_has_port(set, ntohs(port)) : in_ranges(list, ntohs(port));
}

/* Length without the dot of the root. */
static size_t name_len(const char *name)
{
	size_t len = strlen(name);

	return len > 1 && name[len - 1] == '.' ? len - 1 : len;
}

static bool name_matches(const char *pattern, const char *name)
{
	size_t len, want = name_len(pattern);

	if (!name)
		return false;
	len = name_len(name);
	if (*pattern != '.')
		return len == want && !strncasecmp(name, pattern, len);
	/* The name itself, or one that ends in it behind a dot. */
	if (len == want - 1)
		return !strncasecmp(name, pattern + 1, len);
	return len > want && !strncasecmp(name + len - want, pattern, want);
}

static bool sni_matches(const struct kb_set *set, const char *pattern, const char *name)
{
	return set ? kb_set_has_name(set, name) : name_matches(pattern, name);
}

static bool is_offered(const struct kb_facts *facts, const char *protocol)
{
	size_t want = strlen(protocol);
	unsigned int at = 0;

	while (at < facts->offer_len) {
		const u8 *p = facts->offer + at;

		at += 1 + *p;
		if (at > facts->offer_len)
			return false;
		if (*p == want && !memcmp(p + 1, protocol, want))
			return true;
	}
	return false;
}

/* What follows the next comma that is none of a part's value, as those have a \ before them. */
static const char *next_part(const char *name)
{
	for (; *name; name++) {
		if (*name == ',')
			return name + 1;
		if (*name == '\\' && name[1])
			name++;
	}
	return NULL;
}

static bool issuer_matches(const char *parts, const char *name)
{
	size_t want = strlen(parts);

	for (; name; name = next_part(name))
		if (!strncasecmp(name, parts, want) && (!name[want] || name[want] == ','))
			return true;
	return false;
}

static bool fingerprint_matches(const struct kb_match *m, const struct kb_facts *facts)
{
	return facts->fingerprint &&
	       !memcmp(facts->fingerprint, m->fingerprint, sizeof(m->fingerprint));
}

/* Does matcher @attr hold, leaving negation aside? No table: a call by pointer costs more. */
static bool holds(const struct kb_match *m, const struct kb_facts *facts, unsigned int attr)
{
	const struct kb_tuple *t = &facts->tuple;
	const struct kb_origin *o = &facts->origin;

	switch (attr) {
	case KBUMP_RULE_A_SRC:
		return addr_matches(m->sets[KB_SET_SRC], m->src, t->family, &t->client);
	case KBUMP_RULE_A_DST:
		return addr_matches(m->sets[KB_SET_DST], m->dst, t->family, &t->server);
	case KBUMP_RULE_A_SPORT:
		return port_matches(m->sets[KB_SET_SPORT], m->sport, t->cport);
	case KBUMP_RULE_A_DPORT:
		return port_matches(m->sets[KB_SET_DPORT], m->dport, t->sport);
	case KBUMP_RULE_A_IIF:
		return !strcmp(m->iif, o->iif) || !strcmp(m->iif, o->vrf);
	case KBUMP_RULE_A_MARK:
		return !((o->mark ^ m->mark) & m->mask);
	case KBUMP_RULE_A_VLAN:
		return in_ranges(m->vlan, o->vlan);
	case KBUMP_RULE_A_ZONE:
		return m->zone == o->zone;
	case KBUMP_RULE_A_CT_MARK:
		return !((o->ct_mark ^ m->ct_mark) & m->ct_mask);
	case KBUMP_RULE_A_CT_LABEL:
		return test_bit(m->label, o->labels);
	case KBUMP_RULE_A_UID:
		return o->local && in_ranges(m->uid, o->uid);
	case KBUMP_RULE_A_TLS:
		return m->tls & BIT(facts->tls);
	case KBUMP_RULE_A_SNI:
		return sni_matches(m->sets[KB_SET_SNI], m->sni, facts->sni);
	case KBUMP_RULE_A_ALPN:
		return is_offered(facts, m->alpn);
	case KBUMP_RULE_A_ECH:
		return m->ech == facts->ech;
	case KBUMP_RULE_A_CERT:
		return m->certs & BIT(facts->cert);
	case KBUMP_RULE_A_ISSUER:
		return issuer_matches(m->issuer, facts->issuer);
	case KBUMP_RULE_A_FINGERPRINT:
		return fingerprint_matches(m, facts);
	default:
		return false;
	}
}

/**
 * kb_match - does a connection match?
 * @m: the matchers
 * @facts: what is known of it
 * @why: result: mask of 1 << a matcher, or %KBUMP_RULE_A_PROTO or _RULE_SET: the one that says no,
 *	or those whose facts are not known
 *
 * Context: RCU read side.
 * Return: the answer. It stays the same, whatever else comes to be known, unless it is
 * %KBUMP_ANSWER_UNKNOWN.
 */
enum kbump_answer kb_match(const struct kb_match *m, const struct kb_facts *facts, u64 *why)
{
	u64 rest = m->asked & facts->known;

	if (m->rule_set != facts->origin.rule_set) {
		*why = BIT_ULL(KBUMP_RULE_A_RULE_SET);
		return KBUMP_ANSWER_NO;
	}
	if (m->proto != facts->proto) {
		*why = BIT_ULL(KBUMP_RULE_A_PROTO);
		return KBUMP_ANSWER_NO;
	}
	while (rest) {
		unsigned int attr = __ffs64(rest);

		*why = BIT_ULL(attr);
		rest &= ~*why;
		if (holds(m, facts, attr) == !!(m->negated & *why))
			return KBUMP_ANSWER_NO;
	}
	*why = m->asked & ~facts->known;
	return *why ? KBUMP_ANSWER_UNKNOWN : KBUMP_ANSWER_YES;
}

/**
 * kb_match_names_cert - does a rule ask for this state of the server's certificate?
 * @m: its matchers
 * @cert: the state
 *
 * Context: any.
 * Return: true if it is named, not if all but others are.
 */
bool kb_match_names_cert(const struct kb_match *m, enum kbump_cert cert)
{
	return m->certs & BIT(cert) && !(m->negated & BIT_ULL(KBUMP_RULE_A_CERT));
}

/**
 * kb_match_names_uid - does a rule ask for owners of local processes?
 * @m: its matchers
 *
 * Context: any.
 * Return: true if they are named, not if all but others are.
 */
bool kb_match_names_uid(const struct kb_match *m)
{
	return m->asked & ~m->negated & BIT_ULL(KBUMP_RULE_A_UID);
}

static int fill_prefixes(struct sk_buff *skb, int attr, int len_attr,
			 const struct kb_prefixes *list)
{
	unsigned int i, size;
	struct nlattr *a;
	u8 *lens;

	if (!list)
		return 0;
	size = list->family == NFPROTO_IPV6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
	a = nla_reserve(skb, attr, list->n * size);
	if (!a)
		return -EMSGSIZE;
	for (i = 0; i < list->n; i++)
		memcpy(nla_data(a) + i * size, &list->p[i].addr, size);
	a = nla_reserve(skb, len_attr, list->n);
	if (!a)
		return -EMSGSIZE;
	lens = nla_data(a);
	for (i = 0; i < list->n; i++)
		lens[i] = list->p[i].len;
	return 0;
}

static int fill_ranges(struct sk_buff *skb, int attr, const struct kb_ranges *list)
{
	struct kbump_port_range *narrow;
	struct nlattr *a;
	unsigned int i;

	if (!list)
		return 0;
	if (list->wide)
		return nla_put(skb, attr, list->n * sizeof(list->r[0]), list->r);
	a = nla_reserve(skb, attr, list->n * sizeof(*narrow));
	if (!a)
		return -EMSGSIZE;
	narrow = nla_data(a);
	for (i = 0; i < list->n; i++) {
		narrow[i].min = list->r[i].min;
		narrow[i].max = list->r[i].max;
	}
	return 0;
}

static int fill_text(struct sk_buff *skb, int attr, const char *text)
{
	return text ? nla_put_string(skb, attr, text) : 0;
}

static bool asks(const struct kb_match *m, int attr)
{
	return m->asked & BIT_ULL(attr);
}

static int fill_origin(struct sk_buff *skb, const struct kb_match *m)
{
	if (asks(m, KBUMP_RULE_A_IIF) && nla_put_string(skb, KBUMP_RULE_A_IIF, m->iif))
		return -EMSGSIZE;
	if (asks(m, KBUMP_RULE_A_MARK) && (nla_put_u32(skb, KBUMP_RULE_A_MARK, m->mark) ||
					   nla_put_u32(skb, KBUMP_RULE_A_MARK_MASK, m->mask)))
		return -EMSGSIZE;
	if (asks(m, KBUMP_RULE_A_ZONE) && nla_put_u16(skb, KBUMP_RULE_A_ZONE, m->zone))
		return -EMSGSIZE;
	if (asks(m, KBUMP_RULE_A_CT_MARK) && (nla_put_u32(skb, KBUMP_RULE_A_CT_MARK, m->ct_mark) ||
					      nla_put_u32(skb, KBUMP_RULE_A_CT_MASK, m->ct_mask)))
		return -EMSGSIZE;
	if (asks(m, KBUMP_RULE_A_CT_LABEL) && nla_put_u8(skb, KBUMP_RULE_A_CT_LABEL, m->label))
		return -EMSGSIZE;
	return fill_ranges(skb, KBUMP_RULE_A_VLAN, m->vlan) ?:
	       fill_ranges(skb, KBUMP_RULE_A_UID, m->uid);
}

static int fill_handshake(struct sk_buff *skb, const struct kb_match *m)
{
	if (m->tls && nla_put_u32(skb, KBUMP_RULE_A_TLS, m->tls))
		return -EMSGSIZE;
	if (asks(m, KBUMP_RULE_A_ECH) && nla_put_u8(skb, KBUMP_RULE_A_ECH, m->ech))
		return -EMSGSIZE;
	if (m->certs && nla_put_u32(skb, KBUMP_RULE_A_CERT, m->certs))
		return -EMSGSIZE;
	if (asks(m, KBUMP_RULE_A_FINGERPRINT) &&
	    nla_put(skb, KBUMP_RULE_A_FINGERPRINT, sizeof(m->fingerprint), m->fingerprint))
		return -EMSGSIZE;
	return fill_text(skb, KBUMP_RULE_A_SNI, m->sni) ?:
	       fill_text(skb, KBUMP_RULE_A_ALPN, m->alpn) ?:
	       fill_text(skb, KBUMP_RULE_A_ISSUER, m->issuer);
}

/**
 * kb_match_fill - put matchers into a message
 * @skb: where to
 * @m: the matchers
 *
 * Return: 0 or -EMSGSIZE.
 */
int kb_match_fill(struct sk_buff *skb, const struct kb_match *m)
{
	unsigned int i;

	if (nla_put_u8(skb, KBUMP_RULE_A_PROTO, m->proto))
		return -EMSGSIZE;
	for (i = 0; i < KB_SETS; i++)
		if (m->sets[i] && nla_put_string(skb, set_matchers[i].attr, m->sets[i]->name))
			return -EMSGSIZE;
	if (fill_prefixes(skb, KBUMP_RULE_A_SRC, KBUMP_RULE_A_SRC_LEN, m->src) ||
	    fill_prefixes(skb, KBUMP_RULE_A_DST, KBUMP_RULE_A_DST_LEN, m->dst) ||
	    fill_ranges(skb, KBUMP_RULE_A_SPORT, m->sport) ||
	    fill_ranges(skb, KBUMP_RULE_A_DPORT, m->dport) ||
	    fill_origin(skb, m) || fill_handshake(skb, m))
		return -EMSGSIZE;
	return m->negated ? nla_put_u64_64bit(skb, KBUMP_RULE_A_NOT, m->negated,
					      KBUMP_RULE_A_PAD) : 0;
}

/* Addresses of 4 or 16 bytes, as many as there are prefix lengths. */
static int parse_list(const struct nlattr *a, unsigned int n, u8 *family,
		      struct netlink_ext_ack *extack)
{
	if (!n || n > KBUMP_LIST_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, a, "a list has 1 to 16 values");
		return -E2BIG;
	}
	if (nla_len(a) == n * sizeof(struct in_addr)) {
		*family = NFPROTO_IPV4;
		return 0;
	}
	if (nla_len(a) == n * sizeof(struct in6_addr)) {
		*family = NFPROTO_IPV6;
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(extack, a, "not an address of 4 or 16 bytes for each prefix length");
	return -EINVAL;
}

static int parse_prefixes(struct kb_match *m, struct nlattr **tb, int attr, int len_attr,
			  struct kb_prefixes **to, struct netlink_ext_ack *extack)
{
	const struct nlattr *a = tb[attr], *lens = tb[len_attr];
	unsigned int i, size, n = lens ? nla_len(lens) : 1;
	struct kb_prefixes *list;
	u8 family;
	int err;

	if (!a) {
		if (!lens)
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, lens, "prefix length without address");
		return -EINVAL;
	}
	err = parse_list(a, n, &family, extack);
	if (err)
		return err;
	list = kzalloc(struct_size(list, p, n), GFP_KERNEL_ACCOUNT);
	if (!list)
		return -ENOMEM;
	*to = list;
	m->asked |= BIT_ULL(attr);
	list->family = family;
	list->n = n;
	size = nla_len(a) / n;
	for (i = 0; i < n; i++) {
		memcpy(&list->p[i].addr, nla_data(a) + i * size, size);
		list->p[i].len = lens ? ((const u8 *)nla_data(lens))[i] : size * 8;
		if (list->p[i].len > size * 8) {
			NL_SET_ERR_MSG_ATTR(extack, lens,
					    "prefix length is greater than the address");
			return -EINVAL;
		}
	}
	return 0;
}

static int parse_addresses(struct kb_match *m, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	int err;

	err = parse_prefixes(m, tb, KBUMP_RULE_A_SRC, KBUMP_RULE_A_SRC_LEN, &m->src, extack) ?:
	      parse_prefixes(m, tb, KBUMP_RULE_A_DST, KBUMP_RULE_A_DST_LEN, &m->dst, extack);
	if (err || !m->src || !m->dst || m->src->family == m->dst->family)
		return err;
	NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_RULE_A_DST],
			    "source and destination are of different families");
	return -EINVAL;
}

static struct kbump_uid_range range_of(const struct nlattr *a, unsigned int i, bool wide)
{
	const struct kbump_port_range *narrow = nla_data(a);

	if (wide)
		return ((const struct kbump_uid_range *)nla_data(a))[i];
	return (struct kbump_uid_range){ narrow[i].min, narrow[i].max };
}

static int parse_ranges(struct kb_match *m, struct nlattr **tb, int attr, u32 max,
			struct kb_ranges **to, struct netlink_ext_ack *extack)
{
	bool wide = max > U16_MAX;
	unsigned int size = wide ? sizeof(struct kbump_uid_range) :
				   sizeof(struct kbump_port_range);
	const struct nlattr *a = tb[attr];
	struct kb_ranges *list;
	unsigned int i, n;

	if (!a)
		return 0;
	n = nla_len(a) / size;
	if (!n || n > KBUMP_LIST_MAX || nla_len(a) % size) {
		NL_SET_ERR_MSG_ATTR(extack, a, "not a list of 1 to 16 ranges");
		return -EINVAL;
	}
	list = kzalloc(struct_size(list, r, n), GFP_KERNEL_ACCOUNT);
	if (!list)
		return -ENOMEM;
	*to = list;
	m->asked |= BIT_ULL(attr);
	list->n = n;
	list->wide = wide;
	for (i = 0; i < n; i++) {
		list->r[i] = range_of(a, i, wide);
		if (list->r[i].min > list->r[i].max) {
			NL_SET_ERR_MSG_ATTR(extack, a, "the first of a range is above the last");
			return -EINVAL;
		}
		if (list->r[i].max > max) {
			if (wide)
				NL_SET_ERR_MSG_ATTR(extack, a, "a user ID is 0 to 4294967294");
			else
				NL_SET_ERR_MSG_ATTR(extack, a, "a VLAN is 0 to 4095");
			return -EINVAL;
		}
	}
	return 0;
}

static int parse_mark(struct kb_match *m, struct nlattr **tb, int attr, int mask_attr, u32 *mark,
		      u32 *mask, struct netlink_ext_ack *extack)
{
	if (!tb[attr]) {
		if (!tb[mask_attr])
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, tb[mask_attr], "mask without mark");
		return -EINVAL;
	}
	*mark = nla_get_u32(tb[attr]);
	*mask = tb[mask_attr] ? nla_get_u32(tb[mask_attr]) : ~0U;
	if (*mark & ~*mask) {
		NL_SET_ERR_MSG_ATTR(extack, tb[attr], "bits set beyond the mask");
		return -EINVAL;
	}
	m->asked |= BIT_ULL(attr);
	return 0;
}

/* A mask of enumerated values, the highest of which is @max. */
static int parse_states(struct kb_match *m, struct nlattr **tb, int attr, unsigned int max,
			u32 *states, struct netlink_ext_ack *extack)
{
	if (!tb[attr])
		return 0;
	*states = nla_get_u32(tb[attr]);
	if (!*states || *states >= BIT(max + 1)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[attr], "not a set of states");
		return -EINVAL;
	}
	m->asked |= BIT_ULL(attr);
	return 0;
}

static int parse_text(struct kb_match *m, struct nlattr **tb, int attr, char **text,
		      struct netlink_ext_ack *extack)
{
	int err = kb_nl_strdup(tb[attr], text, extack);

	if (*text)
		m->asked |= BIT_ULL(attr);
	return err;
}

static int parse_iif(struct kb_match *m, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	if (!a)
		return 0;
	if (nla_strscpy(m->iif, a, sizeof(m->iif)) <= 0) {
		NL_SET_ERR_MSG_ATTR(extack, a, "not the name of an interface");
		return -EINVAL;
	}
	m->asked |= BIT_ULL(KBUMP_RULE_A_IIF);
	return 0;
}

/* What needs no memory of its own, and cannot be wrong. */
static void parse_plain(struct kb_match *m, struct nlattr **tb)
{
	static const u8 plain[] = {
		KBUMP_RULE_A_ZONE, KBUMP_RULE_A_CT_LABEL, KBUMP_RULE_A_ECH,
		KBUMP_RULE_A_FINGERPRINT,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(plain); i++)
		if (tb[plain[i]])
			m->asked |= BIT_ULL(plain[i]);
	if (tb[KBUMP_RULE_A_PROTO])
		m->proto = nla_get_u8(tb[KBUMP_RULE_A_PROTO]);
	if (tb[KBUMP_RULE_A_ZONE])
		m->zone = nla_get_u16(tb[KBUMP_RULE_A_ZONE]);
	if (tb[KBUMP_RULE_A_CT_LABEL])
		m->label = nla_get_u8(tb[KBUMP_RULE_A_CT_LABEL]);
	if (tb[KBUMP_RULE_A_ECH])
		m->ech = nla_get_u8(tb[KBUMP_RULE_A_ECH]);
	if (tb[KBUMP_RULE_A_FINGERPRINT])
		nla_memcpy(m->fingerprint, tb[KBUMP_RULE_A_FINGERPRINT], sizeof(m->fingerprint));
}

/* Which sets these are is found out when the rule is added. */
static int parse_sets(struct kb_match *m, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	unsigned int i;

	for (i = 0; i < KB_SETS; i++) {
		const struct nlattr *a = tb[set_matchers[i].attr];

		if (!a)
			continue;
		if (tb[set_matchers[i].instead]) {
			NL_SET_ERR_MSG_ATTR(extack, a, "either a set or a value can be given");
			return -EINVAL;
		}
		m->asked |= BIT_ULL(set_matchers[i].instead);
	}
	return 0;
}

static int parse_not(struct kb_match *m, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	if (!a)
		return 0;
	m->negated = nla_get_u64(a);
	if (!(m->negated & ~m->asked))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, a, "the rule has no such matcher to be negated");
	return -EINVAL;
}

/**
 * kb_match_parse - read matchers from a request
 * @m: result, zeroed; to be freed after an error as well
 * @tb: attributes of the rule
 * @extack: says what is wrong
 *
 * Context: process; sleeps.
 * Return: 0 or an error.
 */
int kb_match_parse(struct kb_match *m, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	BUILD_BUG_ON(KBUMP_RULE_A_MAX >= 64);

	parse_plain(m, tb);
	return parse_addresses(m, tb, extack) ?:
	       parse_iif(m, tb[KBUMP_RULE_A_IIF], extack) ?:
	       parse_ranges(m, tb, KBUMP_RULE_A_SPORT, U16_MAX, &m->sport, extack) ?:
	       parse_ranges(m, tb, KBUMP_RULE_A_DPORT, U16_MAX, &m->dport, extack) ?:
	       parse_ranges(m, tb, KBUMP_RULE_A_VLAN, 4095, &m->vlan, extack) ?:
	       parse_ranges(m, tb, KBUMP_RULE_A_UID, U32_MAX - 1, &m->uid, extack) ?:
	       parse_mark(m, tb, KBUMP_RULE_A_MARK, KBUMP_RULE_A_MARK_MASK, &m->mark, &m->mask,
			  extack) ?:
	       parse_mark(m, tb, KBUMP_RULE_A_CT_MARK, KBUMP_RULE_A_CT_MASK, &m->ct_mark,
			  &m->ct_mask, extack) ?:
	       parse_states(m, tb, KBUMP_RULE_A_TLS, KBUMP_TLS_MAX, &m->tls, extack) ?:
	       parse_states(m, tb, KBUMP_RULE_A_CERT, KBUMP_CERT_MAX, &m->certs, extack) ?:
	       parse_text(m, tb, KBUMP_RULE_A_SNI, &m->sni, extack) ?:
	       parse_text(m, tb, KBUMP_RULE_A_ALPN, &m->alpn, extack) ?:
	       parse_text(m, tb, KBUMP_RULE_A_ISSUER, &m->issuer, extack) ?:
	       parse_sets(m, tb, extack) ?:
	       parse_not(m, tb[KBUMP_RULE_A_NOT], extack);
}

static int find_set(const struct kb_draft *d, struct kb_match *m, unsigned int i,
		    struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *a = tb[set_matchers[i].attr];
	struct kb_set *s;

	if (!a)
		return 0;
	s = kb_draft_find_set(d, nla_data(a));
	if (!s) {
		NL_SET_ERR_MSG_ATTR(extack, a, "no set has this name");
		return -ENOENT;
	}
	if (s->type != set_matchers[i].type) {
		NL_SET_ERR_MSG_ATTR(extack, a, "this is a set of another type");
		return -EINVAL;
	}
	kb_set_get(s);
	m->sets[i] = s;
	return 0;
}

/**
 * kb_match_find_sets - take references to the sets that a request names
 * @d: the draft whose sets they are
 * @m: result; to be freed after an error as well
 * @tb: attributes of the rule
 * @extack: says what is wrong
 *
 * Context: with the namespace's lock held.
 * Return: 0 or an error.
 */
int kb_match_find_sets(const struct kb_draft *d, struct kb_match *m, struct nlattr **tb,
		       struct netlink_ext_ack *extack)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < KB_SETS; i++)
		err = find_set(d, m, i, tb, extack);
	return err;
}

/**
 * kb_match_names_set - do the matchers name this set?
 * @m: the matchers
 * @s: the set
 *
 * Context: any.
 */
bool kb_match_names_set(const struct kb_match *m, const struct kb_set *s)
{
	unsigned int i;

	for (i = 0; i < KB_SETS; i++)
		if (m->sets[i] == s)
			return true;
	return false;
}

/**
 * kb_match_count_sets - count that the sets are named
 * @m: the matchers, with the lock of the namespace held
 */
void kb_match_count_sets(const struct kb_match *m)
{
	unsigned int i;

	for (i = 0; i < KB_SETS; i++)
		if (m->sets[i])
			m->sets[i]->counted++;
}

/**
 * kb_match_free - free what matchers own
 * @m: the matchers
 *
 * Context: any.
 */
void kb_match_free(struct kb_match *m)
{
	unsigned int i;

	for (i = 0; i < KB_SETS; i++)
		kb_set_put(m->sets[i]);
	kfree(m->src);
	kfree(m->dst);
	kfree(m->sport);
	kfree(m->dport);
	kfree(m->vlan);
	kfree(m->uid);
	kfree(m->sni);
	kfree(m->alpn);
	kfree(m->issuer);
}
