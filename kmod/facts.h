/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_FACTS_H
#define KB_FACTS_H

#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/if.h>

#include <linux/kbump.h>

#include "tuple.h"

struct kb_path;
struct netlink_ext_ack;
struct nf_hook_state;
struct nlattr;
struct sk_buff;

#define KB_LABELS	(KBUMP_LABELS_LEN * 8)

/**
 * struct kb_origin - what a connection's first packet says beside its addresses
 *
 * @iif: name of the interface that it came in on; empty if it is a local process's
 * @vrf: name of the VRF that this is a port of, or empty
 * @out_vrf: index of the device of the VRF in which the way leads on to the server, or 0
 * @mark: its mark
 * @ct_mark: conntrack mark, 0 if it is not tracked, as all below
 * @rule_set: number of the rule set that an iptables target has put it to, or 0
 * @vlan: its VLAN, or that of the device that took the tag off; 0 if there is none
 * @zone: conntrack zone
 * @labels: conntrack labels
 * @local: a process of the box makes the connection
 * @uid: owner of its socket, if @local
 * @bound: index of the device that this socket is bound to, or 0
 */
struct kb_origin {
	char iif[IFNAMSIZ];
	char vrf[IFNAMSIZ];
	int out_vrf;
	u32 mark;
	u32 ct_mark;
	u8 rule_set;
	u16 vlan;
	u16 zone;
	DECLARE_BITMAP(labels, KB_LABELS);
	bool local;
	u32 uid;
	int bound;
};

/**
 * struct kb_facts - what is known of a connection
 *
 * On the stack of who puts it to the rules. The pointers are into a request or a flow, which
 * outlive it.
 *
 * @proto: &enum kbump_proto, which is always known
 * @known: mask of 1 << a matcher (&enum kbump_rule_attr): the facts that it looks at are known;
 *	what is known not to be there is known
 * @tuple: addresses and ports
 * @origin: see there
 * @sni: server name, or NULL if there is none
 * @offer: protocols that the client offers, each after its length
 * @offer_len: bytes there
 * @issuer: of the server's certificate, or NULL if there is none
 * @fingerprint: %KBUMP_FINGERPRINT_LEN bytes, of that, or NULL
 * @path: how the flow's packets look on a wire, if the first came by one; else NULL
 * @tls: &enum kbump_tls
 * @ech: the ClientHello has an outer encrypted_client_hello
 * @cert: &enum kbump_cert
 */
struct kb_facts {
	u8 proto;
	u64 known;
	struct kb_tuple tuple;
	struct kb_origin origin;
	const char *sni;
	const u8 *offer;
	unsigned int offer_len;
	const char *issuer;
	const u8 *fingerprint;
	const struct kb_path *path;
	u8 tls;
	u8 ech;
	u8 cert;
};

/* The three stages in which facts come to be known. */
#define KB_KNOWN_SYN	(BIT_ULL(KBUMP_RULE_A_SRC) | BIT_ULL(KBUMP_RULE_A_DST) | \
			 BIT_ULL(KBUMP_RULE_A_SPORT) | BIT_ULL(KBUMP_RULE_A_DPORT) | \
			 BIT_ULL(KBUMP_RULE_A_IIF) | BIT_ULL(KBUMP_RULE_A_MARK) | \
			 BIT_ULL(KBUMP_RULE_A_VLAN) | BIT_ULL(KBUMP_RULE_A_ZONE) | \
			 BIT_ULL(KBUMP_RULE_A_CT_MARK) | BIT_ULL(KBUMP_RULE_A_CT_LABEL) | \
			 BIT_ULL(KBUMP_RULE_A_UID))
#define KB_KNOWN_HELLO	(BIT_ULL(KBUMP_RULE_A_SNI) | BIT_ULL(KBUMP_RULE_A_ALPN) | \
			 BIT_ULL(KBUMP_RULE_A_TLS) | BIT_ULL(KBUMP_RULE_A_ECH))
#define KB_KNOWN_CERT	(BIT_ULL(KBUMP_RULE_A_CERT) | BIT_ULL(KBUMP_RULE_A_ISSUER) | \
			 BIT_ULL(KBUMP_RULE_A_FINGERPRINT))

void kb_origin_read(struct kb_origin *o, const struct sk_buff *skb,
		    const struct nf_hook_state *state);
int kb_facts_handshake(struct kb_facts *facts, struct nlattr **tb,
		       struct netlink_ext_ack *extack);
int kb_facts_parse(struct kb_facts *facts, struct nlattr **tb, struct netlink_ext_ack *extack);

#endif /* KB_FACTS_H */
