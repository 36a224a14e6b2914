// SPDX-License-Identifier: GPL-2.0-only
/*
 * UDP: a client that speaks QUIC, which cannot be opened, is to come back with TCP. There are no
 * flows: each packet is put to the rules by itself, so that one that is added ends as well what
 * goes on already. The client hears of it at once, as it would of a port that nobody listens on.
 */
#include <linux/icmpv6.h>
#include <net/netfilter/ipv4/nf_reject.h>
#include <net/netfilter/ipv6/nf_reject.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netlink.h>

#include "packet.h"
#include "rule.h"
#include "udp.h"

/* What is known of a UDP packet is what a SYN tells; all else of a rule is about flows. */
static const u8 allowed[] = {
	KBUMP_RULE_A_HANDLE, KBUMP_RULE_A_PREF, KBUMP_RULE_A_SRC, KBUMP_RULE_A_SRC_LEN,
	KBUMP_RULE_A_SRC_SET, KBUMP_RULE_A_DST, KBUMP_RULE_A_DST_LEN, KBUMP_RULE_A_DST_SET,
	KBUMP_RULE_A_SPORT, KBUMP_RULE_A_SPORT_SET, KBUMP_RULE_A_DPORT, KBUMP_RULE_A_DPORT_SET,
	KBUMP_RULE_A_IIF, KBUMP_RULE_A_MARK, KBUMP_RULE_A_MARK_MASK, KBUMP_RULE_A_VLAN,
	KBUMP_RULE_A_ZONE, KBUMP_RULE_A_CT_MARK, KBUMP_RULE_A_CT_MASK, KBUMP_RULE_A_CT_LABEL,
	KBUMP_RULE_A_NOT, KBUMP_RULE_A_ACTION, KBUMP_RULE_A_COMMENT, KBUMP_RULE_A_PROTO,
	KBUMP_RULE_A_BLOCK, KBUMP_RULE_A_RULE_SET,
};

/**
 * kb_udp_check - may a rule for UDP be like this?
 * @tb: attributes of the rule; nothing is said of one for TCP
 * @extack: says what is wrong
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int kb_udp_check(struct nlattr **tb, struct netlink_ext_ack *extack)
{
	u64 rest = GENMASK_ULL(KBUMP_RULE_A_MAX, KBUMP_RULE_A_PAD);
	unsigned int i;

	if (!tb[KBUMP_RULE_A_PROTO] || nla_get_u8(tb[KBUMP_RULE_A_PROTO]) != KBUMP_PROTO_UDP)
		return 0;
	if (nla_get_u8(tb[KBUMP_RULE_A_ACTION]) == KBUMP_ACTION_INSPECT) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_RULE_A_ACTION],
				    "UDP cannot be inspected, only blocked or bypassed");
		return -EINVAL;
	}
	for (i = 0; i < ARRAY_SIZE(allowed); i++)
		rest &= ~BIT_ULL(allowed[i]);
	for (i = 0; i <= KBUMP_RULE_A_MAX; i++) {
		if (!tb[i] || !(rest & BIT_ULL(i)))
			continue;
		NL_SET_ERR_MSG_ATTR(extack, tb[i], "a rule for UDP cannot have this");
		return -EINVAL;
	}
	return 0;
}

/* Without connection tracking nobody knows, and a packet is what it looks like. */
static bool is_reply(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;

	return nf_ct_get(skb, &info) && CTINFO2DIR(info) == IP_CT_DIR_REPLY;
}

/* Of a conversation that is blocked each packet is, as nothing is known of it after that. */
static bool is_first(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	return ct && !nf_ct_is_confirmed(ct);
}

/**
 * kb_udp_decide - put a packet to the rules
 * @kn: the namespace
 * @facts: what it says; with %KBUMP_PROTO_UDP
 * @first: it begins a conversation, as far as one can know
 *
 * Context: RCU read side.
 * Return: what becomes of it.
 */
enum kb_fate kb_udp_decide(struct kb_net *kn, const struct kb_facts *facts, bool first)
{
	struct kb_rule *rule;
	bool decided;

	/* It is decided if there is one, as rules for UDP ask for nothing else. */
	rule = kb_rule_find(rcu_dereference(kn->rules), facts, KBUMP_CAUSE_HELPER, &decided);
	if (!rule)
		return KB_PASS;
	kb_rule_hit(rule);
	if (first)
		kb_decide_tell(kn, rule, facts, rule->action, 0);
	if (rule->action != KBUMP_ACTION_BLOCK)
		return KB_PASS;
	kb_count(kn, KBUMP_STAT_UDP_BLOCKED, 1);
	return rule->block == KBUMP_BLOCK_RESET ? KB_REFUSE : KB_DROP;
}

static void send_unreachable(struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (state->pf == NFPROTO_IPV4)
		nf_send_unreach(skb, ICMP_PORT_UNREACH, state->hook);
	else
		nf_send_unreach6(state->net, skb, ICMPV6_PORT_UNREACH, state->hook);
}

/**
 * kb_udp_judge - put a packet to the rules, if it is of UDP
 * @kn: the namespace
 * @skb: the packet, at the end of FORWARD
 * @rule_set: number of the rule set that an iptables target has put it to, or 0
 * @state: the hook's
 *
 * Context: RCU read side.
 * Return: a verdict.
 */
unsigned int kb_udp_judge(struct kb_net *kn, struct sk_buff *skb, u8 rule_set,
			  const struct nf_hook_state *state)
{
	struct kb_facts facts = { .proto = KBUMP_PROTO_UDP, .known = KB_KNOWN_SYN };
	struct kb_packet p;
	enum kb_fate fate;

	if (!kb_packet_udp(skb, state, &p) || is_reply(skb))
		return NF_ACCEPT;
	facts.tuple = kb_packet_tuple(&p, KB_CLIENT, KB_CLIENT);
	kb_origin_read(&facts.origin, skb, state);
	facts.origin.rule_set = rule_set;
	fate = kb_udp_decide(kn, &facts, is_first(skb));
	if (fate == KB_REFUSE)
		send_unreachable(skb, state);
	return fate == KB_PASS ? NF_ACCEPT : NF_DROP;
}
