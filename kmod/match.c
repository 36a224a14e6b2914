// SPDX-License-Identifier: GPL-2.0-only
/*
 * Matchers of rules. A connection is put to them more than once, with more facts each time;
 * a matcher whose fact is not known yet says so.
 */
#include <linux/slab.h>
#include <net/ipv6.h>

#include "match.h"
#include "netlink.h"

static bool ports_match(const struct kbump_port_range *r, __be16 port)
{
	return ntohs(port) >= r->min && ntohs(port) <= r->max;
}

static bool prefix_matches(u8 family, const union nf_inet_addr *prefix, unsigned int len,
			   const union nf_inet_addr *addr)
{
	if (family == NFPROTO_IPV6)
		return ipv6_prefix_equal(&addr->in6, &prefix->in6, len);
	return !len || !((addr->ip ^ prefix->ip) & htonl(~0U << (32 - len)));
}

static bool packet_matches(const struct kb_match *m, const struct kb_facts *facts)
{
	const struct kb_tuple *t = &facts->tuple;

	if (m->family && m->family != t->family)
		return false;
	if (m->has_dport && !ports_match(&m->dport, t->sport))
		return false;
	if (m->has_sport && !ports_match(&m->sport, t->cport))
		return false;
	if (m->has_src && !prefix_matches(m->family, &m->src, m->src_len, &t->client))
		return false;
	if (m->has_dst && !prefix_matches(m->family, &m->dst, m->dst_len, &t->server))
		return false;
	if ((facts->mark ^ m->mark) & m->mask)
		return false;
	return !*m->iif || !strcmp(m->iif, facts->iif);
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

static bool hello_matches(const struct kb_match *m, const struct kb_facts *facts)
{
	if (m->sni && !name_matches(m->sni, facts->sni))
		return false;
	return !m->alpn || is_offered(facts, m->alpn);
}

/**
 * kb_match - does a connection match?
 * @m: the matchers
 * @facts: what is known of it
 *
 * Context: any.
 * Return: the answer.
 */
enum kb_answer kb_match(const struct kb_match *m, const struct kb_facts *facts)
{
	if (!packet_matches(m, facts))
		return KB_NO;
	if (facts->stage < KB_STAGE_HELLO)
		return m->sni || m->alpn || m->certs ? KB_UNKNOWN : KB_YES;
	if (!hello_matches(m, facts))
		return KB_NO;
	if (!m->certs)
		return KB_YES;
	if (facts->stage < KB_STAGE_CERT)
		return KB_UNKNOWN;
	return m->certs & BIT(facts->cert) ? KB_YES : KB_NO;
}

static int fill_prefix(struct sk_buff *skb, const struct kb_match *m, int attr, int len_attr,
		       const union nf_inet_addr *addr, u8 len)
{
	int size = m->family == NFPROTO_IPV6 ? sizeof(addr->in6) : sizeof(addr->ip);

	return nla_put(skb, attr, size, addr) || nla_put_u8(skb, len_attr, len);
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
	if (m->has_src && fill_prefix(skb, m, KBUMP_RULE_A_SRC, KBUMP_RULE_A_SRC_LEN, &m->src,
				      m->src_len))
		return -EMSGSIZE;
	if (m->has_dst && fill_prefix(skb, m, KBUMP_RULE_A_DST, KBUMP_RULE_A_DST_LEN, &m->dst,
				      m->dst_len))
		return -EMSGSIZE;
	if (m->has_sport && nla_put(skb, KBUMP_RULE_A_SPORT, sizeof(m->sport), &m->sport))
		return -EMSGSIZE;
	if (m->has_dport && nla_put(skb, KBUMP_RULE_A_DPORT, sizeof(m->dport), &m->dport))
		return -EMSGSIZE;
	if (*m->iif && nla_put_string(skb, KBUMP_RULE_A_IIF, m->iif))
		return -EMSGSIZE;
	if (m->mask && (nla_put_u32(skb, KBUMP_RULE_A_MARK, m->mark) ||
			nla_put_u32(skb, KBUMP_RULE_A_MARK_MASK, m->mask)))
		return -EMSGSIZE;
	if (m->sni && nla_put_string(skb, KBUMP_RULE_A_SNI, m->sni))
		return -EMSGSIZE;
	if (m->alpn && nla_put_string(skb, KBUMP_RULE_A_ALPN, m->alpn))
		return -EMSGSIZE;
	if (m->certs && nla_put_u32(skb, KBUMP_RULE_A_CERT, m->certs))
		return -EMSGSIZE;
	return 0;
}

/* An address of 4 or 16 bytes, of the same family as the other one. */
static int parse_addr(struct kb_match *m, const struct nlattr *a, union nf_inet_addr *addr,
		      struct netlink_ext_ack *extack)
{
	u8 family;

	switch (nla_len(a)) {
	case sizeof(addr->ip):
		family = NFPROTO_IPV4;
		break;
	case sizeof(addr->in6):
		family = NFPROTO_IPV6;
		break;
	default:
		NL_SET_ERR_MSG_ATTR(extack, a, "an address has 4 or 16 bytes");
		return -EINVAL;
	}
	if (m->family && m->family != family) {
		NL_SET_ERR_MSG_ATTR(extack, a, "source and destination are of different families");
		return -EINVAL;
	}
	m->family = family;
	nla_memcpy(addr, a, sizeof(*addr));
	return 0;
}

static int parse_prefix(struct kb_match *m, const struct nlattr *a, const struct nlattr *len_attr,
			union nf_inet_addr *addr, u8 *len, bool *has,
			struct netlink_ext_ack *extack)
{
	unsigned int bits;
	int err;

	if (!a) {
		if (len_attr) {
			NL_SET_ERR_MSG_ATTR(extack, len_attr, "prefix length without address");
			return -EINVAL;
		}
		return 0;
	}
	err = parse_addr(m, a, addr, extack);
	if (err)
		return err;
	bits = nla_len(a) * 8;
	*len = len_attr ? nla_get_u8(len_attr) : bits;
	if (*len > bits) {
		NL_SET_ERR_MSG_ATTR(extack, len_attr, "prefix length is greater than the address");
		return -EINVAL;
	}
	*has = true;
	return 0;
}

static int parse_ports(const struct nlattr *a, struct kbump_port_range *r, bool *has,
		       struct netlink_ext_ack *extack)
{
	if (!a)
		return 0;
	nla_memcpy(r, a, sizeof(*r));
	if (r->min > r->max) {
		NL_SET_ERR_MSG_ATTR(extack, a, "the first port is above the last");
		return -EINVAL;
	}
	*has = true;
	return 0;
}

static int parse_mark(struct kb_match *m, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	if (!tb[KBUMP_RULE_A_MARK]) {
		if (tb[KBUMP_RULE_A_MARK_MASK]) {
			NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_RULE_A_MARK_MASK],
					    "mask without mark");
			return -EINVAL;
		}
		return 0;
	}
	m->mark = nla_get_u32(tb[KBUMP_RULE_A_MARK]);
	m->mask = tb[KBUMP_RULE_A_MARK_MASK] ? nla_get_u32(tb[KBUMP_RULE_A_MARK_MASK]) : ~0U;
	if (m->mark & ~m->mask) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_RULE_A_MARK], "bits set beyond the mask");
		return -EINVAL;
	}
	return 0;
}

static int parse_certs(struct kb_match *m, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	if (!a)
		return 0;
	m->certs = nla_get_u32(a);
	if (!m->certs || m->certs >= BIT(KBUMP_CERT_MAX + 1)) {
		NL_SET_ERR_MSG_ATTR(extack, a, "not a set of certificate states");
		return -EINVAL;
	}
	return 0;
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
	int err;

	err = parse_prefix(m, tb[KBUMP_RULE_A_SRC], tb[KBUMP_RULE_A_SRC_LEN], &m->src,
			   &m->src_len, &m->has_src, extack);
	if (!err)
		err = parse_prefix(m, tb[KBUMP_RULE_A_DST], tb[KBUMP_RULE_A_DST_LEN], &m->dst,
				   &m->dst_len, &m->has_dst, extack);
	if (!err)
		err = parse_ports(tb[KBUMP_RULE_A_SPORT], &m->sport, &m->has_sport, extack);
	if (!err)
		err = parse_ports(tb[KBUMP_RULE_A_DPORT], &m->dport, &m->has_dport, extack);
	if (!err)
		err = parse_mark(m, tb, extack);
	if (!err)
		err = parse_certs(m, tb[KBUMP_RULE_A_CERT], extack);
	if (!err)
		err = kb_nl_strdup(tb[KBUMP_RULE_A_SNI], &m->sni, extack);
	if (!err)
		err = kb_nl_strdup(tb[KBUMP_RULE_A_ALPN], &m->alpn, extack);
	if (!err && tb[KBUMP_RULE_A_IIF])
		nla_strscpy(m->iif, tb[KBUMP_RULE_A_IIF], sizeof(m->iif));
	return err;
}

/**
 * kb_match_free - free what matchers own
 * @m: the matchers
 *
 * Context: any.
 */
void kb_match_free(struct kb_match *m)
{
	kfree(m->sni);
	kfree(m->alpn);
}
