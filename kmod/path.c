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

static int find_ipv4(struct sk_buff *skb, unsigned int off)
{
	const struct iphdr *ip;

	if (!pskb_may_pull(skb, off + sizeof(*ip)))
		return -EINVAL;
	ip = (const struct iphdr *)(skb->data + off);
	if (ip->version != 4 || ip->ihl < 5 || !pskb_may_pull(skb, off + ip->ihl * 4))
		return -EINVAL;
	return off;
}

static int find_ipv6(struct sk_buff *skb, unsigned int off)
{
	const struct ipv6hdr *ip;

	if (!pskb_may_pull(skb, off + sizeof(*ip)))
		return -EINVAL;
	ip = (const struct ipv6hdr *)(skb->data + off);
	return ip->version == 6 ? off : -EINVAL;
}

/**
 * kb_head_find - where does the IP header of a frame begin?
 * @skb: a frame that a device has received: its data begin behind the Ethernet header, and an outer
 *	VLAN tag is taken off
 * @family: result: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Context: any.
 * Return: its offset in the data, in which it is then as a whole; or an error if the frame has
 * none, or one that is wrong.
 */
int kb_head_find(struct sk_buff *skb, u8 *family)
{
	const struct vlan_hdr *inner;
	__be16 proto = skb->protocol;
	unsigned int off = 0;
	struct vlan_hdr buf;

	if (eth_type_vlan(proto)) {
		inner = skb_header_pointer(skb, 0, sizeof(buf), &buf);
		if (!inner)
			return -EINVAL;
		proto = inner->h_vlan_encapsulated_proto;
		off = VLAN_HLEN;
	}
	if (proto == htons(ETH_P_IP)) {
		*family = NFPROTO_IPV4;
		return find_ipv4(skb, off);
	}
	*family = NFPROTO_IPV6;
	return proto == htons(ETH_P_IPV6) ? find_ipv6(skb, off) : -EPROTONOSUPPORT;
}

/**
 * kb_head_read - read what stands before and around an IP header
 * @h: result
 * @skb: a frame for which kb_head_find() has found it, and where its data begin now
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Context: any.
 */
void kb_head_read(struct kb_head *h, const struct sk_buff *skb, u8 family)
{
	unsigned int tags = 0;

	memset(h, 0, sizeof(*h));
	ether_addr_copy(h->dst, eth_hdr(skb)->h_dest);
	ether_addr_copy(h->src, eth_hdr(skb)->h_source);
	if (skb_vlan_tag_present(skb)) {
		h->tag[tags].proto = skb->vlan_proto;
		h->tag[tags++].tci = skb_vlan_tag_get(skb);
	}
	if (eth_type_vlan(skb->protocol)) {
		const struct vlan_hdr *inner = (const void *)(skb->data - VLAN_HLEN);

		h->tag[tags].proto = skb->protocol;
		h->tag[tags].tci = ntohs(inner->h_vlan_TCI);
	}
	if (family == NFPROTO_IPV4) {
		h->ttl = ip_hdr(skb)->ttl;
		h->ds = ip_hdr(skb)->tos & ~INET_ECN_MASK;
	} else {
		h->ttl = ipv6_hdr(skb)->hop_limit;
		h->ds = ipv6_get_dsfield(ipv6_hdr(skb)) & ~INET_ECN_MASK;
	}
}

/**
 * kb_head_vlans - in which VLAN is a packet?
 * @h: what stands before it
 *
 * Priorities say nothing of that, and a number of 0 says that there is only a priority.
 *
 * Context: any.
 * Return: both numbers, the outer one above.
 */
u32 kb_head_vlans(const struct kb_head *h)
{
	unsigned int i;
	u32 all = 0;

	for (i = 0; i < KB_TAGS; i++)
		if (h->tag[i].proto && h->tag[i].tci & VLAN_VID_MASK)
			all = all << 16 | (h->tag[i].tci & VLAN_VID_MASK);
	return all;
}

/**
 * kb_path_init - begin with what the client's first packet says
 * @p: the path
 * @client: of that packet
 * @port: number of the port that it came in on
 * @ecn: see &struct kb_path
 *
 * Context: any.
 */
void kb_path_init(struct kb_path *p, const struct kb_head *client, u8 port, bool ecn)
{
	struct kb_head *server = &p->from[KB_SERVER];

	p->used = true;
	p->port = port;
	p->ecn = ecn;
	p->from[KB_CLIENT] = *client;
	*server = *client;
	ether_addr_copy(server->dst, client->src);
	ether_addr_copy(server->src, client->dst);
	/* Nobody sends from the address of a group. */
	server->src[0] &= ~1;
	server->ttl = 0;
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

	return p->used && near == (from == KB_CLIENT) &&
	       kb_head_vlans(&p->from[KB_CLIENT]) == kb_head_vlans(h);
}

/**
 * kb_path_is_news - does a packet say something new?
 * @p: the path
 * @h: of the packet
 * @from: the side that it is from
 *
 * Context: any. A look without the lock may be wrong, for one packet.
 */
bool kb_path_is_news(const struct kb_path *p, const struct kb_head *h, enum kb_side from)
{
	/* Without the lock: see above. */
	return data_race(memcmp(&p->from[from], h, sizeof(*h)));
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
	spin_lock(&p->lock);
	p->from[from] = *h;
	spin_unlock(&p->lock);
}

/**
 * kb_path_answer - from now on, what is sent to the client goes to the station that sent a packet
 * @p: the path
 * @client: of that packet
 *
 * Context: any, with BH off.
 */
void kb_path_answer(struct kb_path *p, const struct kb_head *client)
{
	spin_lock(&p->lock);
	ether_addr_copy(p->from[KB_SERVER].dst, client->src);
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
