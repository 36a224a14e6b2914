// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is known of a connection: from its first packet, from the helper that does its
 * handshakes, or from an operator who asks what would be.
 */
#include <linux/if_vlan.h>
#include <linux/netfilter.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_labels.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netlink.h>

#include "facts.h"
#include "vrf.h"

static u16 vlan_of(const struct sk_buff *skb, const struct net_device *in)
{
	/* A local process's. */
	if (!in)
		return 0;
	if (skb_vlan_tag_present(skb))
		return skb_vlan_tag_get_id(skb);
	return is_vlan_dev(in) ? vlan_dev_vlan_id(in) : 0;
}

static void read_conntrack(struct kb_origin *o, const struct nf_conn *ct)
{
	const struct nf_conn_labels *labels = nf_ct_labels_find(ct);

	BUILD_BUG_ON(sizeof(o->labels) != sizeof(labels->bits));
	o->zone = nf_ct_zone(ct)->id;
#if IS_ENABLED(CONFIG_NF_CONNTRACK_MARK)
	o->ct_mark = READ_ONCE(ct->mark);
#endif
	if (labels)
		memcpy(o->labels, labels->bits, sizeof(o->labels));
}

/**
 * kb_origin_read - what does a first packet say?
 * @o: result, zeroed
 * @skb: the packet
 * @state: of the hook that sees it: FORWARD, or LOCAL_OUT
 *
 * Context: RCU read side.
 */
void kb_origin_read(struct kb_origin *o, const struct sk_buff *skb,
		    const struct nf_hook_state *state)
{
	const struct net_device *in = kb_vrf_port(skb, state->pf, state->in);
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	if (in)
		strscpy(o->iif, in->name, sizeof(o->iif));
	if (in != state->in)
		strscpy(o->vrf, state->in->name, sizeof(o->vrf));
	o->out_vrf = kb_vrf_of(state->out);
	o->mark = skb->mark;
	o->vlan = vlan_of(skb, in);
	if (ct)
		read_conntrack(o, ct);
}

/* NULL as well for a text that says that there is none. */
static const char *text(const struct nlattr *a)
{
	return a && *(const char *)nla_data(a) ? nla_data(a) : NULL;
}

/**
 * kb_facts_handshake - read what a handshake tells
 * @facts: result; it points into the attributes. Which of it is known is not said in it.
 * @tb: &enum kbump_flow_attr, which the policy has checked; what is missing is not there
 * @extack: says what is wrong
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int kb_facts_handshake(struct kb_facts *facts, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *print = tb[KBUMP_FLOW_A_FINGERPRINT];

	facts->sni = text(tb[KBUMP_FLOW_A_SNI]);
	if (tb[KBUMP_FLOW_A_OFFER]) {
		facts->offer = nla_data(tb[KBUMP_FLOW_A_OFFER]);
		facts->offer_len = nla_len(tb[KBUMP_FLOW_A_OFFER]);
	}
	if (tb[KBUMP_FLOW_A_TLS])
		facts->tls = nla_get_u8(tb[KBUMP_FLOW_A_TLS]);
	if (tb[KBUMP_FLOW_A_ECH])
		facts->ech = nla_get_u8(tb[KBUMP_FLOW_A_ECH]);
	if (tb[KBUMP_FLOW_A_CERT])
		facts->cert = nla_get_u8(tb[KBUMP_FLOW_A_CERT]);
	facts->issuer = text(tb[KBUMP_FLOW_A_ISSUER]);
	if (!print || !nla_len(print))
		return 0;
	if (nla_len(print) != KBUMP_FINGERPRINT_LEN) {
		NL_SET_ERR_MSG_ATTR(extack, print, "a fingerprint has 32 bytes");
		return -EINVAL;
	}
	facts->fingerprint = nla_data(print);
	return 0;
}

static int parse_addr(struct kb_facts *facts, const struct nlattr *a, union nf_inet_addr *addr,
		      struct netlink_ext_ack *extack)
{
	u8 family;

	if (!a)
		return 0;
	family = nla_len(a) == sizeof(addr->ip) ? NFPROTO_IPV4 : NFPROTO_IPV6;
	if (nla_len(a) != sizeof(addr->ip) && nla_len(a) != sizeof(addr->in6)) {
		NL_SET_ERR_MSG_ATTR(extack, a, "an address has 4 or 16 bytes");
		return -EINVAL;
	}
	if (facts->tuple.family && facts->tuple.family != family) {
		NL_SET_ERR_MSG_ATTR(extack, a, "client and server are of different families");
		return -EINVAL;
	}
	facts->tuple.family = family;
	nla_memcpy(addr, a, sizeof(*addr));
	return 0;
}

static void parse_labels(struct kb_origin *o, const struct nlattr *a)
{
	const u8 *bytes = nla_data(a);
	unsigned int i;

	for (i = 0; i < KB_LABELS; i++)
		if (bytes[i / 8] & BIT(i % 8))
			__set_bit(i, o->labels);
}

static void parse_origin(struct kb_origin *o, struct nlattr **tb)
{
	if (tb[KBUMP_FLOW_A_IIF])
		nla_strscpy(o->iif, tb[KBUMP_FLOW_A_IIF], sizeof(o->iif));
	if (tb[KBUMP_FLOW_A_VRF])
		nla_strscpy(o->vrf, tb[KBUMP_FLOW_A_VRF], sizeof(o->vrf));
	if (tb[KBUMP_FLOW_A_MARK])
		o->mark = nla_get_u32(tb[KBUMP_FLOW_A_MARK]);
	if (tb[KBUMP_FLOW_A_VLAN])
		o->vlan = nla_get_u16(tb[KBUMP_FLOW_A_VLAN]);
	if (tb[KBUMP_FLOW_A_ZONE])
		o->zone = nla_get_u16(tb[KBUMP_FLOW_A_ZONE]);
	if (tb[KBUMP_FLOW_A_CT_MARK])
		o->ct_mark = nla_get_u32(tb[KBUMP_FLOW_A_CT_MARK]);
	if (tb[KBUMP_FLOW_A_CT_LABELS])
		parse_labels(o, tb[KBUMP_FLOW_A_CT_LABELS]);
}

/* What a local process sends does not come in. Without an owner no local process sends it. */
static int parse_uid(struct kb_facts *facts, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *a = tb[KBUMP_FLOW_A_UID];

	facts->known |= BIT_ULL(KBUMP_RULE_A_UID);
	if (!a)
		return 0;
	if (tb[KBUMP_FLOW_A_IIF] || tb[KBUMP_FLOW_A_VRF] || tb[KBUMP_FLOW_A_VLAN]) {
		NL_SET_ERR_MSG_ATTR(extack, a,
				    "what a local process sends comes in by no interface and VLAN");
		return -EINVAL;
	}
	facts->origin.local = true;
	facts->origin.uid = nla_get_u32(a);
	facts->known |= BIT_ULL(KBUMP_RULE_A_IIF) | BIT_ULL(KBUMP_RULE_A_VLAN);
	return 0;
}

/* Which attribute tells the fact that a matcher looks at. */
static const u8 tellers[][2] = {
	{ KBUMP_RULE_A_SRC, KBUMP_FLOW_A_CLIENT_ADDR },
	{ KBUMP_RULE_A_DST, KBUMP_FLOW_A_SERVER_ADDR },
	{ KBUMP_RULE_A_SPORT, KBUMP_FLOW_A_CLIENT_PORT },
	{ KBUMP_RULE_A_DPORT, KBUMP_FLOW_A_SERVER_PORT },
	{ KBUMP_RULE_A_IIF, KBUMP_FLOW_A_IIF },
	{ KBUMP_RULE_A_MARK, KBUMP_FLOW_A_MARK },
	{ KBUMP_RULE_A_VLAN, KBUMP_FLOW_A_VLAN },
	{ KBUMP_RULE_A_ZONE, KBUMP_FLOW_A_ZONE },
	{ KBUMP_RULE_A_CT_MARK, KBUMP_FLOW_A_CT_MARK },
	{ KBUMP_RULE_A_CT_LABEL, KBUMP_FLOW_A_CT_LABELS },
	{ KBUMP_RULE_A_TLS, KBUMP_FLOW_A_TLS },
	{ KBUMP_RULE_A_SNI, KBUMP_FLOW_A_SNI },
	{ KBUMP_RULE_A_ALPN, KBUMP_FLOW_A_OFFER },
	{ KBUMP_RULE_A_ECH, KBUMP_FLOW_A_ECH },
	{ KBUMP_RULE_A_CERT, KBUMP_FLOW_A_CERT },
	{ KBUMP_RULE_A_ISSUER, KBUMP_FLOW_A_ISSUER },
	{ KBUMP_RULE_A_FINGERPRINT, KBUMP_FLOW_A_FINGERPRINT },
};

/* Nobody looks for TLS in UDP. */
static int check_udp(const struct kb_facts *facts, struct nlattr **tb,
		     struct netlink_ext_ack *extack)
{
	if (!(facts->known & (KB_KNOWN_HELLO | KB_KNOWN_CERT)))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_FLOW_A_PROTO],
			    "what is told of TLS belongs to TCP alone");
	return -EINVAL;
}

/* What is not TLS has nothing of it. */
static int conclude(struct kb_facts *facts, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	if (facts->proto == KBUMP_PROTO_UDP)
		return check_udp(facts, tb, extack);
	if (!(facts->known & BIT_ULL(KBUMP_RULE_A_TLS)) || facts->tls != KBUMP_TLS_NO)
		return 0;
	if (facts->sni || facts->offer_len || facts->ech || facts->cert != KBUMP_CERT_NONE ||
	    facts->issuer || facts->fingerprint) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_FLOW_A_TLS],
				    "what is not TLS has neither name, protocols nor certificate");
		return -EINVAL;
	}
	facts->known |= KB_KNOWN_HELLO | KB_KNOWN_CERT;
	return 0;
}

/**
 * kb_facts_parse - read whatever is known of a connection
 * @facts: result, zeroed; it points into the attributes
 * @tb: &enum kbump_flow_attr, which the policy has checked; what is missing is not known
 * @extack: says what is wrong
 *
 * Context: any.
 * Return: 0 or an error.
 */
int kb_facts_parse(struct kb_facts *facts, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct kb_tuple *t = &facts->tuple;
	unsigned int i;
	int err;

	err = parse_addr(facts, tb[KBUMP_FLOW_A_CLIENT_ADDR], &t->client, extack) ?:
	      parse_addr(facts, tb[KBUMP_FLOW_A_SERVER_ADDR], &t->server, extack);
	if (err)
		return err;
	if (tb[KBUMP_FLOW_A_CLIENT_PORT])
		t->cport = htons(nla_get_u16(tb[KBUMP_FLOW_A_CLIENT_PORT]));
	if (tb[KBUMP_FLOW_A_SERVER_PORT])
		t->sport = htons(nla_get_u16(tb[KBUMP_FLOW_A_SERVER_PORT]));
	if (tb[KBUMP_FLOW_A_PROTO])
		facts->proto = nla_get_u8(tb[KBUMP_FLOW_A_PROTO]);
	parse_origin(&facts->origin, tb);
	err = parse_uid(facts, tb, extack) ?: kb_facts_handshake(facts, tb, extack);
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(tellers); i++)
		if (tb[tellers[i][1]])
			facts->known |= BIT_ULL(tellers[i][0]);
	return conclude(facts, tb, extack);
}
