// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes in by a port of a wire: packets of flows, and SYNs with which one begins, go up to the
 * sockets on the wire's device. Rules see the port and the wire, and of a frame its outer VLAN.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_vlan.h>
#include <linux/netfilter.h>
#include <net/addrconf.h>
#include <net/netfilter/ipv4/nf_reject.h>
#include <net/netfilter/ipv6/nf_reject.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "decide.h"
#include "facts.h"
#include "filter.h"
#include "flow.h"
#include "net.h"
#include "packet.h"
#include "path.h"
#include "rule.h"
#include "steer.h"
#include "tap.h"
#include "udp.h"
#include "wire.h"

/*
 * A frame on its way through a wire; on the stack of who looks at it. Of most its head need not be
 * read.
 */
struct frame {
	struct kb_net *kn;
	const struct kb_port *in;
	struct sk_buff *skb;
	struct nf_hook_state state;
	struct kb_head head;
	struct kb_packet p;
};

enum fate {
	GOES_ON,
	GOES_UP,
	IS_GONE,
};

/* May TCP take it? Whoever knows no more than addresses and ports cannot make it so. */
static bool is_in_window(const struct frame *fr, struct sock *sk)
{
	const struct tcphdr *th;
	struct tcphdr buf;
	u32 next, seq;

	th = skb_header_pointer(fr->skb, fr->p.tcp, sizeof(buf), &buf);
	/* In a handshake each packet is checked by itself, and soon followed by others. */
	if (!th || !sk_fullsock(sk))
		return th;
	if (inet_sk_state_load(sk) == TCP_SYN_SENT)
		return ntohl(th->ack_seq) == READ_ONCE(tcp_sk(sk)->snd_nxt);
	next = READ_ONCE(tcp_sk(sk)->rcv_nxt);
	seq = ntohl(th->seq);
	return !before(seq, next) && before(seq, next + max_t(u32, tcp_sk(sk)->rcv_wnd, 1));
}

/* How this side's packets look now. Errors come from stations in between. */
static void learn(struct frame *fr, struct kb_flow *f, enum kb_side side)
{
	struct sock *sk;

	if (f->outer && side == KB_CLIENT && fr->p.syn)
		kb_path_answer(&f->path, &fr->head);
	if (f->outer)
		return;
	if (fr->p.error || fr->head.ttl <= 1 || !kb_path_is_news(&f->path, &fr->head, side))
		return;
	sk = kb_steer_sock(fr->kn, &f->end[side].tuple, kb_flow_vrf(f));
	if (!sk)
		return;
	if (is_in_window(fr, sk))
		kb_path_note(&f->path, &fr->head, side);
	sock_gen_put(sk);
}

/**
 * kb_wire_drop - a frame does not pass
 * @in: the port that it came in by
 * @skb: the frame; it is consumed
 * @why: as it is counted
 *
 * Context: softirq.
 */
void kb_wire_drop(const struct kb_port *in, struct sk_buff *skb, enum kb_drop why)
{
	this_cpu_inc(in->wire->stats[in->number]->dropped[why]);
	kfree_skb(skb);
}

static enum fate drop(const struct frame *fr, enum kb_drop why)
{
	kb_wire_drop(fr->in, fr->skb, why);
	return IS_GONE;
}

/* As in steer.c: half a flow is left, and what is addressed to the other half passes by it. */
static enum fate of_flow(struct frame *fr, struct kb_flow *f, enum kb_side side)
{
	if (READ_ONCE(f->ended) && !kb_flow_has_sock(f, side, true))
		return kb_flow_is_silent(f) ? drop(fr, KB_DROP_RULE) : GOES_ON;
	learn(fr, f, side);
	return GOES_UP;
}

static struct kb_flow *find_flow(struct frame *fr, enum kb_side side)
{
	struct kb_tuple t = kb_packet_tuple(&fr->p, side, side);
	struct kb_flow *f = kb_flow_lookup(fr->kn, &t);

	if (!f)
		return NULL;
	kb_head_read(&fr->head, fr->skb, fr->p.family);
	return kb_path_is(&f->path, &fr->head, side, fr->in->number) ? f : NULL;
}

/* Of another VLAN or port, or the other way round: sockets could not be told apart. */
static bool is_taken(const struct frame *fr)
{
	enum kb_side side;

	for (side = KB_CLIENT; side < KB_SIDES; side++) {
		struct kb_tuple t = kb_packet_tuple(&fr->p, side, side);
		const struct kb_flow *f = kb_flow_lookup(fr->kn, &t);

		if (f && !READ_ONCE(f->ended))
			return true;
	}
	return false;
}

/* What a leg sends to an address of the box does not leave it. */
static bool is_own4(struct net *net, __be32 addr)
{
	return ipv4_is_loopback(addr) || ipv4_is_multicast(addr) || ipv4_is_zeronet(addr) ||
	       inet_addr_type(net, addr) != RTN_UNICAST;
}

static bool is_own6(struct net *net, const struct in6_addr *addr)
{
	return !(ipv6_addr_type(addr) & IPV6_ADDR_UNICAST) ||
	       ipv6_addr_type(addr) & (IPV6_ADDR_LOOPBACK | IPV6_ADDR_LINKLOCAL) ||
	       ipv6_chk_addr(net, addr, NULL, 0);
}

static bool is_the_boxs(const struct frame *fr)
{
	struct net *net = fr->kn->net;

	if (fr->p.family == NFPROTO_IPV4)
		return is_own4(net, fr->p.src.ip) || is_own4(net, fr->p.dst.ip);
	return is_own6(net, &fr->p.src.in6) || is_own6(net, &fr->p.dst.in6);
}

static bool has_ipv6(const struct net_device *dev)
{
	const struct inet6_dev *idev = __in6_dev_get(dev);

	return idev && !READ_ONCE(idev->cnf.disable_ipv6);
}

/* Can the sockets of a flow that begins with this packet be on this wire? */
static bool can_begin(const struct frame *fr)
{
	const struct kb_wire *w = fr->in->wire;

	return !READ_ONCE(w->bypass) && kb_steer_is_on(fr->kn, fr->p.family) &&
	       (fr->p.family == NFPROTO_IPV4 || has_ipv6(w->dev)) && !is_taken(fr) &&
	       !is_the_boxs(fr);
}

static void read_origin(struct kb_origin *o, const struct frame *fr)
{
	const struct net_device *wire = fr->in->wire->dev;

	strscpy(o->iif, fr->in->dev->name, sizeof(o->iif));
	strscpy(o->vrf, wire->name, sizeof(o->vrf));
	o->out_vrf = wire->ifindex;
	o->mark = fr->skb->mark;
	if (fr->head.tag[0].proto)
		o->vlan = fr->head.tag[0].tci & VLAN_VID_MASK;
	else if (is_vlan_dev(fr->in->dev))
		o->vlan = vlan_dev_vlan_id(fr->in->dev);
}

/* Back to the sender, as if the receiver had answered. */
static enum fate refuse(const struct frame *fr, struct sk_buff *n)
{
	struct kb_path back = {};

	drop(fr, KB_DROP_RULE);
	if (!n)
		return IS_GONE;
	kb_path_init(&back, &fr->head, fr->in->number, false);
	kb_wire_send(n, fr->in->dev, &back.from[KB_SERVER]);
	return IS_GONE;
}

/* What fills a short frame up is not TCP's. */
static void trim(const struct frame *fr)
{
	pskb_trim_rcsum(fr->skb, kb_packet_length(fr->skb, fr->p.family));
}

static struct sk_buff *reset(const struct frame *fr)
{
	trim(fr);
	if (fr->p.family == NFPROTO_IPV4)
		return nf_reject_skb_v4_tcp_reset(fr->kn->net, fr->skb, NULL, fr->state.hook);
	return nf_reject_skb_v6_tcp_reset(fr->kn->net, fr->skb, NULL, fr->state.hook);
}

static struct sk_buff *port_unreachable(const struct frame *fr)
{
	trim(fr);
	if (fr->p.family == NFPROTO_IPV4)
		return nf_reject_skb_v4_unreach(fr->kn->net, fr->skb, NULL, fr->state.hook,
						ICMP_PORT_UNREACH);
	return nf_reject_skb_v6_unreach(fr->kn->net, fr->skb, NULL, fr->state.hook,
					ICMPV6_PORT_UNREACH);
}

/* Nobody tracks conversations here: each packet is what it looks like. */
static enum fate decide_udp(struct frame *fr)
{
	struct kb_facts facts = { .proto = KBUMP_PROTO_UDP, .known = KB_KNOWN_SYN };
	enum kb_fate fate;

	if (!kb_rules_want_udp(fr->kn) || READ_ONCE(fr->in->wire->bypass) || fr->in->wire->line ||
	    fr->skb->pkt_type == PACKET_MULTICAST || !kb_packet_udp(fr->skb, &fr->state, &fr->p))
		return GOES_ON;
	kb_head_read(&fr->head, fr->skb, fr->p.family);
	facts.tuple = kb_packet_tuple(&fr->p, KB_CLIENT, KB_CLIENT);
	read_origin(&facts.origin, fr);
	fate = kb_udp_decide(fr->kn, &facts, false);
	if (fate == KB_PASS)
		return GOES_ON;
	return fate == KB_REFUSE ? refuse(fr, port_unreachable(fr)) : drop(fr, KB_DROP_RULE);
}

static enum fate decide(struct frame *fr)
{
	struct kb_path path = {};
	struct kb_facts facts = {
		.known = KB_KNOWN_SYN,
		.tuple = kb_packet_tuple(&fr->p, KB_CLIENT, KB_CLIENT),
		.path = &path,
	};
	struct kb_flow *f;

	kb_head_read(&fr->head, fr->skb, fr->p.family);
	kb_path_init(&path, &fr->head, fr->in->number, fr->p.ecn);
	read_origin(&facts.origin, fr);
	switch (kb_decide(fr->kn, fr->skb, &facts, &f)) {
	case KB_STEER:
		kb_flow_put(f);
		return GOES_UP;
	case KB_REFUSE:
		return refuse(fr, reset(fr));
	case KB_DROP:
		return drop(fr, KB_DROP_RULE);
	default:
		return GOES_ON;
	}
}

static enum fate judge_tcp(struct frame *fr)
{
	enum kb_side side;
	struct kb_flow *f;
	struct kb_tuple t;

	for (side = KB_CLIENT; side < KB_SIDES && kb_flows_any(fr->kn); side++) {
		f = find_flow(fr, side);
		/* An ended flow does not stand in the way of a new one. */
		if (f && !(fr->p.syn && READ_ONCE(f->ended)))
			return of_flow(fr, f, side);
	}
	if (!fr->p.syn || fr->in->wire->line)
		return GOES_ON;
	if (can_begin(fr))
		return decide(fr);
	t = kb_packet_tuple(&fr->p, KB_CLIENT, KB_CLIENT);
	kb_decide_not(fr->kn, &t);
	return GOES_ON;
}

static enum fate judge_part(struct frame *fr, const struct kb_part *part)
{
	struct kb_parts *parts = &fr->in->wire->parts;
	enum fate fate = GOES_ON;

	if (part->cut && !READ_ONCE(fr->in->wire->bypass))
		return drop(fr, KB_DROP_CUT);
	if (!part->first)
		return kb_parts_have(parts, part) ? GOES_UP : GOES_ON;
	if (kb_packet_first(fr->skb, &fr->state, &fr->p))
		fate = judge_tcp(fr);
	kb_parts_note(parts, part, fate == GOES_UP);
	return fate;
}

static enum fate judge(struct frame *fr)
{
	struct kb_part part;

	if (kb_part_read(&part, &fr->in->wire->parts, fr->skb, fr->state.pf, fr->in->number,
			 &fr->head))
		return judge_part(fr, &part);
	if (kb_packet_read(fr->skb, &fr->state, &fr->p))
		return judge_tcp(fr);
	return decide_udp(fr);
}

/* As if the wire's device had received it, without tags. */
static void turn_up(const struct frame *fr)
{
	struct sk_buff *skb = fr->skb;

	__vlan_hwaccel_clear_tag(skb);
	skb->protocol = htons(fr->state.pf == NFPROTO_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	skb->pkt_type = PACKET_HOST;
	skb->dev = fr->in->wire->dev;
}

/**
 * kb_wire_in - is a frame one of kbump's?
 * @in: the port that it came in by
 * @pskb: the frame, nobody else's; NULL afterwards if it was consumed
 *
 * Context: softirq, RCU read side.
 * Return: true if it is to be received once more, by the wire's device.
 */
bool kb_wire_in(const struct kb_port *in, struct sk_buff **pskb)
{
	struct net_device *dev = in->wire->dev;
	/* The rest is written when it is wanted. */
	struct frame fr;
	enum fate fate;
	int off;

	fr.kn = kb_net(dev_net(dev));
	fr.in = in;
	fr.skb = *pskb;
	fr.state = (struct nf_hook_state){
		.hook = NF_INET_FORWARD,
		.in = dev,
		.out = dev,
		.net = dev_net(dev),
	};
	/* The address of a group may be that of a cluster of servers. */
	if (fr.skb->pkt_type == PACKET_BROADCAST || !kb_steer_wants(fr.kn) ||
	    (kb_filter_passes(fr.kn, fr.skb, fr.skb->protocol) && !kb_tap_any(fr.kn)))
		return false;
	off = kb_head_find(fr.skb, &fr.state.pf);
	if (off < 0)
		return false;
	__skb_pull(fr.skb, off);
	skb_reset_network_header(fr.skb);
	fate = judge(&fr);
	if (fate == GOES_UP) {
		skb_postpull_rcsum(fr.skb, fr.skb->data - off, off);
		turn_up(&fr);
		return true;
	}
	if (fate == IS_GONE) {
		*pskb = NULL;
		return false;
	}
	if (kb_tap_any(fr.kn) && !in->wire->line)
		kb_tap_packet(fr.kn, fr.skb, &fr.state);
	__skb_push(fr.skb, off);
	skb_reset_network_header(fr.skb);
	return false;
}
