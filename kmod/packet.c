// SPDX-License-Identifier: GPL-2.0-only
/* What a packet says of the connection that it belongs to. */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "packet.h"
#include "vrf.h"

/* Where the header of @proto begins, or an error if there is none. */
static int find4(const struct sk_buff *skb, u8 proto, struct kb_packet *p)
{
	const struct iphdr *ip = ip_hdr(skb);

	if (ip->protocol != proto || ip->frag_off & htons(IP_OFFSET))
		return -ENOENT;
	p->part = ip_is_fragment(ip);
	p->src.ip = ip->saddr;
	p->dst.ip = ip->daddr;
	return skb_network_offset(skb) + ip->ihl * 4;
}

/* A whole packet may have such a header, too: RFC 6946. */
static bool has_more_fragments(const struct sk_buff *skb)
{
	unsigned int off = skb_network_offset(skb);
	const struct frag_hdr *fh = NULL;
	struct frag_hdr buf;

	if (ipv6_find_hdr(skb, &off, NEXTHDR_FRAGMENT, NULL, NULL) >= 0)
		fh = skb_header_pointer(skb, off, sizeof(buf), &buf);
	return !fh || fh->frag_off & htons(IP6_MF);
}

static int find6(const struct sk_buff *skb, u8 proto, struct kb_packet *p)
{
	unsigned int off = skb_network_offset(skb);
	unsigned short frag = 0;
	int flags = 0;

	if (ipv6_find_hdr(skb, &off, proto, &frag, &flags) < 0 || frag)
		return -ENOENT;
	p->part = flags & IP6_FH_F_FRAG && has_more_fragments(skb);
	p->src.in6 = ipv6_hdr(skb)->saddr;
	p->dst.in6 = ipv6_hdr(skb)->daddr;
	return off;
}

static int find(const struct sk_buff *skb, const struct nf_hook_state *state, u8 proto,
		struct kb_packet *p)
{
	memset(p, 0, sizeof(*p));
	p->family = state->pf;
	p->in_vrf = kb_vrf_of(state->in);
	p->out_vrf = kb_vrf_of(state->out);
	return p->family == NFPROTO_IPV4 ? find4(skb, proto, p) : find6(skb, proto, p);
}

static bool read_tcp(const struct sk_buff *skb, int off, struct kb_packet *p)
{
	const struct tcphdr *th;
	struct tcphdr buf;

	th = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!th)
		return false;
	p->sport = th->source;
	p->dport = th->dest;
	p->syn = th->syn && !th->ack && !th->rst && !th->fin;
	p->synack = th->syn && th->ack && !th->rst && !th->fin;
	p->ecn = th->ece && th->cwr;
	p->fin = th->fin;
	p->rst = th->rst;
	p->tcp = off;
	p->payload = off + th->doff * 4;
	return true;
}

/**
 * kb_packet_first - read a TCP packet, or the first fragment of one
 * @skb: the packet
 * @state: of the hook that sees it
 * @p: result
 *
 * Context: RCU read side.
 * Return: true if it is one, with the whole of TCP's header.
 */
bool kb_packet_first(const struct sk_buff *skb, const struct nf_hook_state *state,
		     struct kb_packet *p)
{
	int off = find(skb, state, IPPROTO_TCP, p);

	return off >= 0 && read_tcp(skb, off, p);
}

/**
 * kb_packet_tcp - read a TCP packet
 * @skb: the packet
 * @state: of the hook that sees it
 * @p: result
 *
 * Context: RCU read side.
 * Return: true if it is one, and no fragment.
 */
bool kb_packet_tcp(const struct sk_buff *skb, const struct nf_hook_state *state,
		   struct kb_packet *p)
{
	return kb_packet_first(skb, state, p) && !p->part;
}

/**
 * kb_packet_udp - read a UDP packet
 * @skb: the packet
 * @state: of the hook that sees it
 * @p: result
 *
 * Context: RCU read side.
 * Return: true if it is one, and no fragment.
 */
bool kb_packet_udp(const struct sk_buff *skb, const struct nf_hook_state *state,
		   struct kb_packet *p)
{
	int off = find(skb, state, IPPROTO_UDP, p);
	const struct udphdr *uh;
	struct udphdr buf;

	uh = off < 0 ? NULL : skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!uh || p->part)
		return false;
	p->sport = uh->source;
	p->dport = uh->dest;
	return true;
}

/* The ports are in the eight bytes that every error quotes. */
static bool read_quoted_ports(const struct sk_buff *skb, int off, struct kb_packet *p)
{
	const __be16 *ports;
	__be16 buf[2];

	ports = skb_header_pointer(skb, off, sizeof(buf), buf);
	if (!ports)
		return false;
	p->sport = ports[1];
	p->dport = ports[0];
	return true;
}

static bool read_error4(const struct sk_buff *skb, struct kb_packet *p)
{
	int off = skb_network_offset(skb) + ip_hdrlen(skb);
	const struct icmphdr *icmp;
	const struct iphdr *ip;
	struct icmphdr icmp_buf;
	struct iphdr ip_buf;

	if (ip_hdr(skb)->protocol != IPPROTO_ICMP || ip_is_fragment(ip_hdr(skb)))
		return false;
	icmp = skb_header_pointer(skb, off, sizeof(icmp_buf), &icmp_buf);
	if (!icmp || !icmp_is_err(icmp->type) || icmp->type == ICMP_REDIRECT)
		return false;
	off += sizeof(*icmp);
	ip = skb_header_pointer(skb, off, sizeof(ip_buf), &ip_buf);
	if (!ip || ip->ihl < 5 || ip->protocol != IPPROTO_TCP ||
	    ip->frag_off & htons(IP_OFFSET))
		return false;
	p->src.ip = ip->daddr;
	p->dst.ip = ip->saddr;
	return read_quoted_ports(skb, off + ip->ihl * 4, p);
}

static bool read_error6(const struct sk_buff *skb, struct kb_packet *p)
{
	unsigned short frag = 0;
	int off = skb_network_offset(skb);
	const struct icmp6hdr *icmp;
	const struct ipv6hdr *ip;
	struct icmp6hdr icmp_buf;
	struct ipv6hdr ip_buf;
	__be16 frag_off;
	int flags = 0;
	u8 proto;

	if (ipv6_find_hdr(skb, &off, IPPROTO_ICMPV6, &frag, &flags) < 0 || frag)
		return false;
	icmp = skb_header_pointer(skb, off, sizeof(icmp_buf), &icmp_buf);
	if (!icmp || !icmpv6_is_err(icmp->icmp6_type))
		return false;
	off += sizeof(*icmp);
	ip = skb_header_pointer(skb, off, sizeof(ip_buf), &ip_buf);
	if (!ip)
		return false;
	p->src.in6 = ip->daddr;
	p->dst.in6 = ip->saddr;
	proto = ip->nexthdr;
	off = ipv6_skip_exthdr(skb, off + sizeof(*ip), &proto, &frag_off);
	return off >= 0 && proto == IPPROTO_TCP && !frag_off && read_quoted_ports(skb, off, p);
}

static bool read_error(const struct sk_buff *skb, struct kb_packet *p)
{
	p->error = true;
	return p->family == NFPROTO_IPV4 ? read_error4(skb, p) : read_error6(skb, p);
}

/**
 * kb_packet_read - read a TCP packet, or an ICMP error about one
 * @skb: the packet
 * @state: of the hook that sees it
 * @p: result
 *
 * Redirects are none: they concern the host's routes, not the connection.
 *
 * Context: RCU read side.
 * Return: true if it is one of these.
 */
bool kb_packet_read(const struct sk_buff *skb, const struct nf_hook_state *state,
		    struct kb_packet *p)
{
	return kb_packet_tcp(skb, state, p) || read_error(skb, p);
}

/**
 * kb_packet_tuple - what a packet's addresses mean, if one knew who sent it
 * @p: the packet
 * @side: the leg that it may belong to
 * @from: the end of the connection that may have sent it
 *
 * Return: the tuple of that leg.
 */
struct kb_tuple kb_packet_tuple(const struct kb_packet *p, enum kb_side side, enum kb_side from)
{
	struct kb_tuple t = {
		.family = p->family,
		.side = side,
		/* The leg's peer has sent it, or is to get it. */
		.vrf = from == side ? p->in_vrf : p->out_vrf,
	};

	if (from == KB_CLIENT) {
		t.client = p->src;
		t.server = p->dst;
		t.cport = p->sport;
		t.sport = p->dport;
	} else {
		t.client = p->dst;
		t.server = p->src;
		t.cport = p->dport;
		t.sport = p->sport;
	}
	return t;
}

/**
 * kb_packet_length - how long is a packet, without what may follow it in a frame?
 * @skb: the packet, whose data begin with the IP header
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Context: any.
 * Return: bytes; no more than there are.
 */
unsigned int kb_packet_length(const struct sk_buff *skb, u8 family)
{
	unsigned int len;

	if (family == NFPROTO_IPV4)
		len = ntohs(ip_hdr(skb)->tot_len);
	else
		len = ntohs(ipv6_hdr(skb)->payload_len) + sizeof(struct ipv6hdr);
	/* What was put together may be longer than the header can say. */
	return skb_is_gso(skb) ? skb->len : min(len, skb->len);
}
