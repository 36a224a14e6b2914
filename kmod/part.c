// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP in IP fragments, on a wire: all fragments of a packet go the way of the first, which has the
 * ports. None is kept: who sends a later one before it will not be understood by the box.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/netfilter.h>
#include <linux/random.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "part.h"
#include "path.h"

/* As long as a receiver waits for the rest: RFC 8200, section 4.5. */
#define KEEP_S	60

/* What fragments of one packet have in common; hashed as bytes. */
struct common {
	union nf_inet_addr src;
	union nf_inet_addr dst;
	__be32 id;
	u32 vlans;
	u64 port;
};

/* Nearly all are: that is to cost nothing. */
static bool is_whole(const struct sk_buff *skb, u8 family)
{
	u8 next;

	if (family == NFPROTO_IPV4)
		return !ip_is_fragment(ip_hdr(skb)) || ip_hdr(skb)->protocol != IPPROTO_TCP;
	next = ipv6_hdr(skb)->nexthdr;
	return next == IPPROTO_TCP || next == IPPROTO_UDP;
}

static void read4(const struct sk_buff *skb, struct common *c, struct kb_part *part)
{
	const struct iphdr *ip = ip_hdr(skb);
	unsigned int off = (ntohs(ip->frag_off) & IP_OFFSET) * 8;
	unsigned int len = ntohs(ip->tot_len);

	c->src.ip = ip->saddr;
	c->dst.ip = ip->daddr;
	c->id = (__force __be32)ip->id;
	part->first = !off;
	/* RFC 3128, and RFC 1858, section 3. */
	part->cut = off ? off < sizeof(struct tcphdr) :
		    len < ip->ihl * 4 + sizeof(struct tcphdr);
}

/* RFC 7112: all headers are in the first fragment. What follows the packet is no part of it. */
static bool is_cut6(const struct sk_buff *skb)
{
	unsigned int off = skb_network_offset(skb);
	unsigned int end = off + sizeof(struct ipv6hdr) + ntohs(ipv6_hdr(skb)->payload_len);
	unsigned short frag = 0;
	int flags = 0;
	int proto = ipv6_find_hdr(skb, &off, -1, &frag, &flags);

	if (proto < 0 || end > skb->len)
		return true;
	return off + (proto == IPPROTO_TCP ? sizeof(struct tcphdr) : 0) > end;
}

/* A fragment of what looks like a whole packet, if one believes the first such header. */
static bool is_nested(const struct sk_buff *skb, unsigned int off, const struct frag_hdr *fh)
{
	u8 next = fh->nexthdr;
	__be16 frag;
	int at = ipv6_skip_exthdr(skb, off + sizeof(*fh), &next, &frag);

	return next == NEXTHDR_FRAGMENT || (at >= 0 && frag);
}

static bool read6(const struct sk_buff *skb, struct common *c, struct kb_part *part)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	unsigned int off = skb_network_offset(skb);
	const struct frag_hdr *fh;
	struct frag_hdr buf;

	if (ipv6_find_hdr(skb, &off, NEXTHDR_FRAGMENT, NULL, NULL) < 0)
		return false;
	fh = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!fh)
		return false;
	c->src.in6 = ip->saddr;
	c->dst.in6 = ip->daddr;
	c->id = fh->identification;
	part->first = !(fh->frag_off & htons(IP6_OFFSET));
	/* A whole packet may have such a header, too: RFC 6946. */
	if (!(fh->frag_off & htons(IP6_OFFSET | IP6_MF)))
		return part->cut = is_nested(skb, off, fh);
	part->cut = part->first && is_cut6(skb);
	return true;
}

static bool read(struct kb_part *part, const struct kb_parts *parts, const struct sk_buff *skb,
		 u8 family, u8 port, struct kb_head *head)
{
	struct common c = { .port = port };

	if (family == NFPROTO_IPV4)
		read4(skb, &c, part);
	else if (!read6(skb, &c, part))
		return false;
	kb_head_read(head, skb, family);
	c.vlans = kb_head_vlans(head);
	part->packet = siphash(&c, sizeof(c), &parts->key);
	return true;
}

/**
 * kb_part_read - read a fragment
 * @part: result
 * @parts: those of the wire
 * @skb: a packet for which kb_head_find() has found its header
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @port: number of the port that it came in on
 * @head: read, if it is a fragment
 *
 * Context: any.
 * Return: true if it is one, of TCP as far as it says.
 */
bool kb_part_read(struct kb_part *part, const struct kb_parts *parts, const struct sk_buff *skb,
		  u8 family, u8 port, struct kb_head *head)
{
	return !is_whole(skb, family) && read(part, parts, skb, family, port, head);
}

static unsigned int slot_of(const struct kb_part *part)
{
	return part->packet % KB_PARTS;
}

/* The bits of the hash that are not in the slot's number, and the time. */
static u64 entry(const struct kb_part *part)
{
	return (part->packet & ~(u64)U32_MAX) | (u32)jiffies;
}

/**
 * kb_parts_have - did the first fragment of a packet go up?
 * @parts: those of the wire
 * @part: a later fragment
 *
 * Context: any.
 */
bool kb_parts_have(const struct kb_parts *parts, const struct kb_part *part)
{
	u64 e = READ_ONCE(parts->slot[slot_of(part)]);

	return e && e >> 32 == part->packet >> 32 &&
	       time_before32((u32)jiffies, (u32)e + KEEP_S * HZ);
}

/**
 * kb_parts_note - note which way the first fragment of a packet went
 * @parts: those of the wire
 * @first: that fragment
 * @up: it went up
 *
 * Context: any.
 */
void kb_parts_note(struct kb_parts *parts, const struct kb_part *first, bool up)
{
	if (up)
		WRITE_ONCE(parts->slot[slot_of(first)], entry(first));
	else if (kb_parts_have(parts, first))
		WRITE_ONCE(parts->slot[slot_of(first)], 0);
}

/**
 * kb_parts_init - begin, with none
 * @parts: those of a new wire, all zero
 *
 * Context: any.
 */
void kb_parts_init(struct kb_parts *parts)
{
	get_random_bytes(&parts->key, sizeof(parts->key));
}
