// SPDX-License-Identifier: GPL-2.0-only
/*
 * Before all look-ups: most packets are of no flow and begin none, and a look at the plain ones is
 * enough to know that.
 *
 * Legs are counted by a weak hash that is the same for both directions of a connection. Where there
 * is none, there is no flow. Where there is one, it may be another connection's: who makes many of
 * them meet slows down nothing but the look at them.
 */
#include <linux/hash.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/mm.h>
#include <linux/tcp.h>
#include <net/ip.h>

#include "filter.h"
#include "rule.h"
#include "tuple.h"

#define BITS	16

static u32 place(u32 addrs, __be16 from, __be16 to)
{
	return hash_32(addrs ^ hash_32((__force u16)(from ^ to), 32), BITS);
}

static u32 fold6(const struct in6_addr *a, const struct in6_addr *b)
{
	const __be32 *x = a->s6_addr32, *y = b->s6_addr32;

	return (__force u32)(x[0] ^ x[1] ^ x[2] ^ x[3] ^ y[0] ^ y[1] ^ y[2] ^ y[3]);
}

static u16 *place_of(struct kb_net *kn, const struct kb_tuple *t)
{
	return &kn->filter[place(fold6(&t->client.in6, &t->server.in6), t->cport, t->sport)];
}

/**
 * kb_filter_add - from now on packets of a leg do not pass
 * @kn: the namespace
 * @t: the leg's addresses
 *
 * Context: any; called with &kb_net.list_lock held.
 */
void kb_filter_add(struct kb_net *kn, const struct kb_tuple *t)
{
	u16 *count = place_of(kn, t);

	/* From there it does not come back. */
	if (*count < U16_MAX)
		WRITE_ONCE(*count, *count + 1);
}

/**
 * kb_filter_del - undo kb_filter_add()
 * @kn: the namespace
 * @t: the leg's addresses
 *
 * Context: any; called with &kb_net.list_lock held.
 */
void kb_filter_del(struct kb_net *kn, const struct kb_tuple *t)
{
	u16 *count = place_of(kn, t);

	if (*count < U16_MAX)
		WRITE_ONCE(*count, *count - 1);
}

static bool is_none(const struct kb_net *kn, u32 addrs, const void *data)
{
	const struct tcphdr *th = data;

	return !th->syn && !READ_ONCE(kn->filter[place(addrs, th->source, th->dest)]);
}

static bool passes4(const struct kb_net *kn, const struct sk_buff *skb)
{
	const struct iphdr *ip = (const struct iphdr *)skb->data;

	if (skb_headlen(skb) < sizeof(*ip) + sizeof(struct tcphdr) || ip->version != 4 ||
	    ip->ihl != sizeof(*ip) / 4 || ip_is_fragment(ip))
		return false;
	if (ip->protocol == IPPROTO_TCP)
		return is_none(kn, (__force u32)(ip->saddr ^ ip->daddr), ip + 1);
	return ip->protocol == IPPROTO_UDP && !kb_rules_want_udp(kn);
}

static bool passes6(const struct kb_net *kn, const struct sk_buff *skb)
{
	const struct ipv6hdr *ip = (const struct ipv6hdr *)skb->data;

	if (skb_headlen(skb) < sizeof(*ip) + sizeof(struct tcphdr) || ip->version != 6)
		return false;
	if (ip->nexthdr == IPPROTO_TCP)
		return is_none(kn, fold6(&ip->saddr, &ip->daddr), ip + 1);
	return ip->nexthdr == IPPROTO_UDP && !kb_rules_want_udp(kn);
}

/**
 * kb_filter_passes - is a packet plainly of no flow, and none that rules are asked about?
 * @kn: the namespace
 * @skb: the packet, whose data begin with its IP header, if it has one
 * @protocol: %ETH_P_IP or %ETH_P_IPV6; others do not pass
 *
 * Context: RCU read side.
 * Return: true if it is. Otherwise it may be as well.
 */
bool kb_filter_passes(const struct kb_net *kn, const struct sk_buff *skb, __be16 protocol)
{
	if (protocol == htons(ETH_P_IP))
		return passes4(kn, skb);
	return protocol == htons(ETH_P_IPV6) && passes6(kn, skb);
}

/**
 * kb_filter_init - make a namespace's filter
 * @kn: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int kb_filter_init(struct kb_net *kn)
{
	kn->filter = kvcalloc(1 << BITS, sizeof(*kn->filter), GFP_KERNEL_ACCOUNT);
	return kn->filter ? 0 : -ENOMEM;
}

/**
 * kb_filter_exit - free it
 * @kn: the namespace, which has no flow
 */
void kb_filter_exit(struct kb_net *kn)
{
	kvfree(kn->filter);
}
