// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the sockets on a wire's device send: it leaves by the port where its peer is, and looks as
 * if the flow's other side had sent it.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netfilter.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/dsfield.h>
#include <net/inet_ecn.h>
#include <net/ip.h>

#include "flow.h"
#include "net.h"
#include "packet.h"
#include "path.h"
#include "wire.h"

/* Two tags, and what the port wants. */
static unsigned int room(const struct net_device *port)
{
	return LL_RESERVED_SPACE(port) + KB_TAGS * VLAN_HLEN;
}

static int push_tags(struct sk_buff *skb, const struct kb_head *h)
{
	int i, err = 0;

	for (i = KB_TAGS - 1; i >= 0 && !err; i--)
		if (h->tag[i].proto)
			err = skb_vlan_push(skb, h->tag[i].proto, h->tag[i].tci);
	return err;
}

/**
 * kb_wire_send - make an IP packet a frame, and send it
 * @skb: the packet, whose data begin with its header; it is consumed
 * @port: by which device
 * @h: station addresses and tags
 *
 * Context: RCU read side, BH off.
 */
void kb_wire_send(struct sk_buff *skb, struct net_device *port, const struct kb_head *h)
{
	__be16 proto = skb->protocol;
	struct ethhdr *eth;

	if (skb_cow_head(skb, room(port))) {
		kfree_skb(skb);
		return;
	}
	eth = __skb_push(skb, ETH_HLEN);
	skb_reset_mac_header(skb);
	skb_reset_mac_len(skb);
	ether_addr_copy(eth->h_dest, h->dst);
	ether_addr_copy(eth->h_source, h->src);
	eth->h_proto = proto;
	if (push_tags(skb, h)) {
		kfree_skb(skb);
		return;
	}
	skb_dst_drop(skb);
	skb->dev = port;
	dev_queue_xmit(skb);
}

/* The other side's, as far as it has shown them. Congestion is each leg's own matter. */
static void set_hops(struct sk_buff *skb, u8 family, const struct kb_head *h)
{
	if (family == NFPROTO_IPV6) {
		if (h->ttl)
			ipv6_hdr(skb)->hop_limit = h->ttl;
		ipv6_change_dsfield(ipv6_hdr(skb), INET_ECN_MASK, h->ds);
		return;
	}
	if (h->ttl)
		ip_hdr(skb)->ttl = h->ttl;
	ip_hdr(skb)->tos = (ip_hdr(skb)->tos & INET_ECN_MASK) | h->ds;
	ip_send_check(ip_hdr(skb));
}

static struct kb_flow *find(struct kb_net *kn, const struct kb_packet *p, enum kb_side side)
{
	struct kb_tuple t = kb_packet_tuple(p, side, kb_other(side));
	struct kb_flow *f = kb_flow_lookup(kn, &t);

	return f && f->path.used ? f : NULL;
}

/* Programs can send by a device whatever they like. */
static bool has_header(struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return pskb_network_may_pull(skb, sizeof(struct iphdr)) &&
		       ip_hdr(skb)->ihl >= 5 && pskb_network_may_pull(skb, ip_hdrlen(skb));
	return skb->protocol == htons(ETH_P_IPV6) &&
	       pskb_network_may_pull(skb, sizeof(struct ipv6hdr));
}

/* A server is offered what the client offers: the routes have each leg offer it. */
static bool withdraw_ecn(struct sk_buff *skb, const struct kb_packet *p)
{
	struct tcphdr *th;
	__be32 old, new;

	if (!pskb_may_pull(skb, p->tcp + sizeof(*th)))
		return false;
	th = (struct tcphdr *)(skb->data + p->tcp);
	old = tcp_flag_word(th);
	new = old & ~(TCP_FLAG_ECE | TCP_FLAG_CWR);
	tcp_flag_word(th) = new;
	inet_proto_csum_replace4(&th->check, skb, old, new, false);
	return true;
}

/* A packet of leg @side. Return: true if it was sent. */
static bool send_leg(struct sk_buff *skb, const struct kb_wire *w, struct kb_flow *f,
		     const struct kb_packet *p, enum kb_side side)
{
	unsigned int number = side == KB_CLIENT ? f->path.port : !f->path.port;
	const struct kb_port *out = rcu_dereference(w->port[number]);
	struct kb_head h;

	if (!out || skb_cow_head(skb, room(out->dev)))
		return false;
	if (p->syn && p->ecn && !f->path.ecn && !withdraw_ecn(skb, p))
		return false;
	kb_path_get(&f->path, &h, kb_other(side));
	set_hops(skb, p->family, &h);
	kb_wire_send(skb, out->dev, &h);
	return true;
}

/**
 * kb_wire_xmit - send what a leg's socket has sent by the wire's device
 * @skb: a frame; it is consumed
 * @dev: that device
 *
 * What is of no flow is lost: the box has nothing to say on a wire.
 *
 * Context: BH off, RCU read side.
 * Return: NETDEV_TX_OK.
 */
netdev_tx_t kb_wire_xmit(struct sk_buff *skb, struct net_device *dev)
{
	const struct nf_hook_state state = {
		.hook = NF_INET_POST_ROUTING,
		.pf = skb->protocol == htons(ETH_P_IP) ? NFPROTO_IPV4 : NFPROTO_IPV6,
		.in = dev,
		.out = dev,
		.net = dev_net(dev),
	};
	struct kb_net *kn = kb_net(dev_net(dev));
	const struct kb_wire *w = netdev_priv(dev);
	struct kb_flow *f = NULL;
	enum kb_side side;
	struct kb_packet p;

	skb_pull(skb, skb_network_offset(skb));
	if (!has_header(skb) || !kb_packet_tcp(skb, &state, &p))
		goto lost;
	for (side = KB_CLIENT; side < KB_SIDES; side++) {
		f = find(kn, &p, side);
		if (f)
			break;
	}
	if (f && send_leg(skb, w, f, &p, side))
		return NETDEV_TX_OK;
lost:
	dev_core_stats_tx_dropped_inc(dev);
	kfree_skb(skb);
	return NETDEV_TX_OK;
}
