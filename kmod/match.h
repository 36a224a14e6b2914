/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_MATCH_H
#define KB_MATCH_H

#include <linux/if.h>
#include <linux/netfilter.h>

#include <linux/kbump.h>

#include "tuple.h"

struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

/**
 * struct kb_match - what a rule asks of a connection; all that is set must hold
 *
 * Part of &struct kb_rule, and as constant. The strings are its own.
 *
 * @has_sport: @sport is to be compared
 * @has_dport: as above
 * @has_src: a source was given, to tell 0.0.0.0/0 from nothing
 * @has_dst: as above
 * @family: NFPROTO_IPV4 or _IPV6 of @src and @dst, or NFPROTO_UNSPEC if both match all
 * @src_len: significant bits of @src, 0 matches all
 * @dst_len: significant bits of @dst
 * @src: client's prefix
 * @dst: server's prefix
 * @sport: client ports
 * @dport: server ports
 * @iif: interface, or an empty string
 * @mark: packet mark
 * @mask: bits of @mark that count; 0 matches all
 * @certs: mask of 1 << &enum kbump_cert; 0 matches all
 * @sni: server name, with a dot in front if those below it are meant too; or NULL
 * @alpn: protocol that the client offers, or NULL
 */
struct kb_match {
	bool has_sport;
	bool has_dport;
	bool has_src;
	bool has_dst;
	u8 family;
	u8 src_len;
	u8 dst_len;
	union nf_inet_addr src;
	union nf_inet_addr dst;
	struct kbump_port_range sport;
	struct kbump_port_range dport;
	char iif[IFNAMSIZ];
	u32 mark;
	u32 mask;
	u32 certs;
	char *sni;
	char *alpn;
};

/**
 * enum kb_stage - how much is known of a connection
 * @KB_STAGE_SYN: what its first packet says
 * @KB_STAGE_HELLO: what the client says as well
 * @KB_STAGE_CERT: all
 */
enum kb_stage {
	KB_STAGE_SYN,
	KB_STAGE_HELLO,
	KB_STAGE_CERT,
};

/**
 * struct kb_facts - what is known of a connection
 *
 * @stage: from which on the rest is known
 * @tuple: its addresses and ports
 * @iif: name of the interface that it came in on
 * @mark: the first packet's mark
 * @sni: server name, or NULL if there is none; from %KB_STAGE_HELLO on, as
 * @offer: protocols that the client offers, each after its length
 * @offer_len: bytes there
 * @cert: &enum kbump_cert; with %KB_STAGE_CERT
 */
struct kb_facts {
	enum kb_stage stage;
	struct kb_tuple tuple;
	const char *iif;
	u32 mark;
	const char *sni;
	const u8 *offer;
	unsigned int offer_len;
	u8 cert;
};

/**
 * enum kb_answer - does a rule match?
 * @KB_NO: whatever else comes to be known, no
 * @KB_UNKNOWN: that depends on what is not known yet
 * @KB_YES: whatever else comes to be known, yes
 */
enum kb_answer {
	KB_NO,
	KB_UNKNOWN,
	KB_YES,
};

enum kb_answer kb_match(const struct kb_match *m, const struct kb_facts *facts);
int kb_match_parse(struct kb_match *m, struct nlattr **tb, struct netlink_ext_ack *extack);
int kb_match_fill(struct sk_buff *skb, const struct kb_match *m);
void kb_match_free(struct kb_match *m);

#endif /* KB_MATCH_H */
