/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_MATCH_H
#define KB_MATCH_H

#include <linux/if.h>
#include <linux/netfilter.h>

#include <linux/kbump.h>

#include "facts.h"

struct kb_draft;
struct kb_set;
struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

/**
 * struct kb_prefixes - a list of address prefixes
 *
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6, of all
 * @n: how many
 * @p: they
 * @p.addr: address
 * @p.len: its significant bits, 0 matches all
 */
struct kb_prefixes {
	u8 family;
	u8 n;
	struct {
		union nf_inet_addr addr;
		u8 len;
	} p[];
};

/**
 * struct kb_ranges - a list of ranges of ports, VLANs or user IDs
 *
 * @n: how many
 * @wide: they are user IDs, of 32 bits in messages
 * @r: they
 */
struct kb_ranges {
	u8 n;
	bool wide;
	struct kbump_uid_range r[];
};

/* The matchers whose value may be a set. */
enum kb_match_set {
	KB_SET_SRC,
	KB_SET_DST,
	KB_SET_SPORT,
	KB_SET_DPORT,
	KB_SET_SNI,
	KB_SETS,
};

/**
 * struct kb_match - what a rule asks of a connection; all of it must hold
 *
 * Part of &struct kb_rule, and as constant. What the pointers lead to is its own. Matchers are
 * named by their attribute, &enum kbump_rule_attr; what is not asked is zero.
 *
 * @proto: &enum kbump_proto; it is no matcher, as every rule has one
 * @rule_set: number of the rule set that it is in, or 0; no matcher either
 * @asked: mask of 1 << a matcher: the rule has it
 * @negated: those of them that must not hold
 * @src: client's prefixes
 * @dst: server's prefixes; of the same family as @src
 * @sport: client ports
 * @dport: server ports
 * @vlan: VLANs
 * @uid: owners of local processes' sockets
 * @iif: interface
 * @mark: packet mark
 * @mask: bits of @mark that count
 * @ct_mark: conntrack mark
 * @ct_mask: bits of @ct_mark that count
 * @zone: conntrack zone
 * @label: conntrack label that is set
 * @ech: &kb_facts.ech
 * @tls: mask of 1 << &enum kbump_tls
 * @certs: mask of 1 << &enum kbump_cert
 * @sni: server name, with a dot in front if those below it are meant too
 * @alpn: protocol that the client offers
 * @issuer: whole parts of the name of the issuer of the server's certificate
 * @fingerprint: of that certificate
 * @sets: references to sets in place of @src and so on, or NULL
 */
struct kb_match {
	u8 proto;
	u8 rule_set;
	u64 asked;
	u64 negated;
	struct kb_prefixes *src;
	struct kb_prefixes *dst;
	struct kb_ranges *sport;
	struct kb_ranges *dport;
	struct kb_ranges *vlan;
	struct kb_ranges *uid;
	char iif[IFNAMSIZ];
	u32 mark;
	u32 mask;
	u32 ct_mark;
	u32 ct_mask;
	u16 zone;
	u8 label;
	u8 ech;
	u32 tls;
	u32 certs;
	char *sni;
	char *alpn;
	char *issuer;
	u8 fingerprint[KBUMP_FINGERPRINT_LEN];
	struct kb_set *sets[KB_SETS];
};

enum kbump_answer kb_match(const struct kb_match *m, const struct kb_facts *facts, u64 *why);
bool kb_match_names_cert(const struct kb_match *m, enum kbump_cert cert);
bool kb_match_names_uid(const struct kb_match *m);
int kb_match_parse(struct kb_match *m, struct nlattr **tb, struct netlink_ext_ack *extack);
int kb_match_fill(struct sk_buff *skb, const struct kb_match *m);
int kb_match_find_sets(const struct kb_draft *d, struct kb_match *m, struct nlattr **tb,
		       struct netlink_ext_ack *extack);
bool kb_match_names_set(const struct kb_match *m, const struct kb_set *s);
void kb_match_count_sets(const struct kb_match *m);
void kb_match_free(struct kb_match *m);

#endif /* KB_MATCH_H */
