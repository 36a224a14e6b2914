// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a wire's frames say beside what TCP reads: read from those that come in, so that those that
 * go out say the same.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <net/dsfield.h>
#include <net/inet_ecn.h>

#include "path.h"

static int read_ipv4(struct kb_head *h, struct sk_buff *skb, unsigned int off)
{
	const struct iphdr *ip;

	if (!pskb_may_pull(skb, off + sizeof(*ip)))
		return -EINVAL;
	ip = (const struct iphdr *)(skb->data + off);
	if (ip->version != 4 || ip->ihl < 5 || !pskb_may_pull(skb, off + ip->ihl * 4))
		return -EINVAL;
	ip = (const struct iphdr *)(skb->data + off);
	h->ttl = ip->ttl;
	h->ds = ip->tos & ~INET_ECN_MASK;
	return off;
}

static int read_ipv6(struct kb_head *h, struct sk_buff *skb, unsigned int off)
{
	const struct ipv6hdr *ip;

	if (!pskb_may_pull(skb, off + sizeof(*ip)))
		return -EINVAL;
	ip = (const struct ipv6hdr *)(skb->data + off);
	if (ip->version != 6)
		return -EINVAL;
	h->ttl = ip->hop_limit;
	h->ds = ipv6_get_dsfield(ip) & ~INET_ECN_MASK;
	return off;
}

/**
 * kb_head_read - read the headers before and around a packet
 * @h: result
 * @skb: a frame that a device has received: its data begin behind the Ethernet header, and an outer
 *	VLAN tag is taken off
 * @family: result: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Context: any.
 * Return: offset of the IP header in the data, in which it is then as a whole; or an error if
 * the frame has none, or one that is wrong.
 */
int kb_head_read(struct kb_head *h, struct sk_buff *skb, u8 *family)
{
	const struct vlan_hdr *inner;
	unsigned int tags = 0;
	struct vlan_hdr buf;
	__be16 proto = skb->protocol;
	unsigned int off = 0;

	memset(h, 0, sizeof(*h));
	ether_addr_copy(h->dst, eth_hdr(skb)->h_dest);
	ether_addr_copy(h->src, eth_hdr(skb)->h_source);
	if (skb_vlan_tag_present(skb)) {
		h->tag[tags].proto = skb->vlan_proto;
		h->tag[tags++].tci = skb_vlan_tag_get(skb);
	}
	if (eth_type_vlan(proto)) {
		inner = skb_header_pointer(skb, 0, sizeof(buf), &buf);
		if (!inner)
			return -EINVAL;
		h->tag[tags].proto = proto;
		h->tag[tags].tci = ntohs(inner->h_vlan_TCI);
		proto = inner->h_vlan_encapsulated_proto;
		off = VLAN_HLEN;
	}
	if (proto == htons(ETH_P_IP)) {
		*family = NFPROTO_IPV4;
		return read_ipv4(h, skb, off);
	}
	*family = NFPROTO_IPV6;
	return proto == htons(ETH_P_IPV6) ? read_ipv6(h, skb, off) : -EPROTONOSUPPORT;
}

/**
 * kb_path_init - begin with what the client's first packet says
 * @p: the path
 * @client: of that packet
 * @port: number of the port that it came in on
 *
 * Context: any.
 */
void kb_path_init(struct kb_path *p, const struct kb_head *client, u8 port)
{
	struct kb_head *server = &p->from[KB_SERVER];

	p->used = true;
	p->port = port;
	p->from[KB_CLIENT] = *client;
	*server = *client;
	ether_addr_copy(server->dst, client->src);
	ether_addr_copy(server->src, client->dst);
	server->ttl = 0;
}

static bool same_vlans(const struct kb_head *a, const struct kb_head *b)
{
	unsigned int i;

	for (i = 0; i < KB_TAGS; i++)
		if (a->tag[i].proto != b->tag[i].proto ||
		    (a->tag[i].tci ^ b->tag[i].tci) & VLAN_VID_MASK)
			return false;
	return true;
}

/**
 * kb_path_is - may a packet be one of the path?
 * @p: the path
 * @h: of the packet
 * @from: the side that it would be from
 * @port: number of the port that it came in on
 *
 * Connections of several VLANs may have the same addresses.
 *
 * Context: any.
 */
bool kb_path_is(const struct kb_path *p, const struct kb_head *h, enum kb_side from, u8 port)
{
	bool near = port == p->port;

	return p->used && near == (from == KB_CLIENT) && same_vlans(&p->from[KB_CLIENT], h);
}

/**
 * kb_path_note - note what a packet says, for those that go the same way
 * @p: the path
 * @h: of the packet
 * @from: the side that it is from
 *
 * Context: any, with BH off.
 */
void kb_path_note(struct kb_path *p, const struct kb_head *h, enum kb_side from)
{
	/* Seldom anything changes. A look without the lock may be wrong, for one packet. */
	if (!data_race(memcmp(&p->from[from], h, sizeof(*h))))
		return;
	spin_lock(&p->lock);
	p->from[from] = *h;
	spin_unlock(&p->lock);
}

/**
 * kb_path_get - what is a packet to say?
 * @p: the path
 * @h: result
 * @from: the side that it is to look as if it were from
 *
 * Context: any.
 */
void kb_path_get(struct kb_path *p, struct kb_head *h, enum kb_side from)
{
	spin_lock_bh(&p->lock);
	*h = p->from[from];
	spin_unlock_bh(&p->lock);
}
