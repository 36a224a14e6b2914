/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_PACKET_H
#define KB_PACKET_H

#include <linux/netfilter.h>

#include "tuple.h"

struct sk_buff;

/**
 * struct kb_packet - addresses and ports of a packet, before it is known which side sent it
 *
 * Of an ICMP error these are those of the packet that it is about, the other way round: as
 * if the other end had answered.
 *
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @in_vrf: index of the device of the VRF that it came from, or 0
 * @out_vrf: the same of that which it goes to
 * @syn: it opens a connection
 * @synack: it answers one that does
 * @ecn: it has both flags of congestion notification
 * @error: it is an ICMP error
 * @fin: it ends one direction
 * @rst: it ends the connection
 * @part: it is the first of several fragments
 * @src: from
 * @dst: to
 * @sport: from
 * @dport: to
 * @tcp: offset of the TCP header; not of an ICMP error's, as @payload
 * @payload: offset of what follows that header, as far as it can be believed
 */
struct kb_packet {
	u8 family;
	int in_vrf;
	int out_vrf;
	bool syn;
	bool synack;
	bool ecn;
	bool error;
	bool fin;
	bool rst;
	bool part;
	union nf_inet_addr src;
	union nf_inet_addr dst;
	__be16 sport;
	__be16 dport;
	unsigned int tcp;
	unsigned int payload;
};

bool kb_packet_first(const struct sk_buff *skb, const struct nf_hook_state *state,
		     struct kb_packet *p);
bool kb_packet_tcp(const struct sk_buff *skb, const struct nf_hook_state *state,
		   struct kb_packet *p);
bool kb_packet_udp(const struct sk_buff *skb, const struct nf_hook_state *state,
		   struct kb_packet *p);
bool kb_packet_read(const struct sk_buff *skb, const struct nf_hook_state *state,
		    struct kb_packet *p);
unsigned int kb_packet_length(const struct sk_buff *skb, u8 family);
struct kb_tuple kb_packet_tuple(const struct kb_packet *p, enum kb_side side, enum kb_side from);

#endif /* KB_PACKET_H */
