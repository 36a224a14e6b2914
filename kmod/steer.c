// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steering: which packets go up to the sockets of kbump's flows, and which SYN begins a flow.
 *
 * As TPROXY does it, but with no help from routing rules: a packet of a flow gets its socket,
 * and a route of our own to local delivery. The host's filters and connection tracking are
 * meant for the connection that passes through the box, of which each leg is only a half. So
 * the packets that open it go the whole way that they would go without us, and are taken from
 * it where it ends; what follows is taken at once:
 *
 * PRE_ROUTING, before connection tracking: packets of known flows, by what is on the wire.
 * PRE_ROUTING, last: packets whose addresses NAT has just restored, as those of a server leg
 *	that is masqueraded. SYNs, and the SYN-ACKs of servers, are sent the way of forwarding.
 * FORWARD, last: there both have passed all that the host's rules had to say: a SYN is put
 *	to our rules, a SYN-ACK goes to its leg. UDP packets are put to the rules there too, and
 *	packets of which tools get copies are copied.
 * LOCAL_IN: steered packets skip the host's INPUT chains.
 * LOCAL_OUT: packets of the legs skip the host's OUTPUT chains. The client leg, whose
 *	addresses are those of the server leg in reverse, is hidden from connection tracking,
 *	unless a destination NAT needs its entry. The server leg is tracked in the place of the
 *	client's connection: see track.c. What a local client and its leg send to each other
 *	stays on this host: see local.c.
 * LOCAL_OUT, last: a local process's SYN is put to our rules.
 */
#include <linux/bitfield.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/addrconf.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <net/netfilter/ipv4/nf_reject.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>
#include <net/netfilter/ipv6/nf_reject.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_tproxy.h>
#include <net/route.h>

#include "decide.h"
#include "filter.h"
#include "flow.h"
#include "helper.h"
#include "inline.h"
#include "local.h"
#include "packet.h"
#include "rule.h"
#include "steer.h"
#include "tap.h"
#include "track.h"
#include "udp.h"
#include "vrf.h"
#include "wire.h"

/*
 * In the flags of IPCB and IP6CB, bits that no kernel uses: the packet is to be looked at in
 * FORWARD; and what an iptables rule wants: that it is left alone, or put to the rules, of which
 * set by the numbers that follow.
 */
#define WATCHED		BIT(15)
#define CHOICE		GENMASK(14, 11)
#define LEFT_ALONE	1
#define CHOSEN		2

/**
 * kb_steer_sock - the socket of a leg
 * @kn: the namespace
 * @t: the leg's addresses
 * @vrf: index of the VRF's device that the flow's sockets are bound to, or 0
 *
 * Context: any, with BH off or in process context.
 * Return: the socket, which may be a request or in TIME_WAIT, with a reference, or NULL.
 */
struct sock *kb_steer_sock(struct kb_net *kn, const struct kb_tuple *t, int vrf)
{
	struct inet_hashinfo *hinfo = kn->net->ipv4.tcp_death_row.hashinfo;
	const union nf_inet_addr *remote = t->side == KB_CLIENT ? &t->client : &t->server;
	const union nf_inet_addr *local = t->side == KB_CLIENT ? &t->server : &t->client;
	__be16 rport = t->side == KB_CLIENT ? t->cport : t->sport;
	u16 lport = ntohs(t->side == KB_CLIENT ? t->sport : t->cport);
	struct sock *sk = NULL;

	rcu_read_lock();
	if (t->family == NFPROTO_IPV4)
		sk = __inet_lookup_established(kn->net, hinfo, remote->ip, rport, local->ip,
					       lport, vrf, vrf);
#if IS_ENABLED(CONFIG_IPV6)
	else
		sk = __inet6_lookup_established(kn->net, hinfo, &remote->in6, rport,
						&local->in6, lport, vrf, vrf);
#endif
	rcu_read_unlock();
	/* With net.ipv4.tcp_l3mdev_accept one of no VRF is found as well. */
	if (sk && sk->sk_bound_dev_if != vrf) {
		sock_gen_put(sk);
		sk = NULL;
	}
	return sk;
}

/**
 * kb_steer_end_time_wait - a client uses the ports of a connection before: what is left makes room
 * @kn: the namespace
 * @t: addresses of the leg, whose sockets are in its own VRF
 *
 * Context: as of kb_steer_sock().
 */
void kb_steer_end_time_wait(struct kb_net *kn, const struct kb_tuple *t)
{
	struct sock *sk = kb_steer_sock(kn, t, t->vrf);

	if (!sk)
		return;
	if (sk->sk_state == TCP_TIME_WAIT)
		inet_twsk_deschedule_put(inet_twsk(sk));
	else
		sock_gen_put(sk);
}

static u16 *flags_of(struct sk_buff *skb, u8 family)
{
	return family == NFPROTO_IPV4 ? &IPCB(skb)->flags : &IP6CB(skb)->flags;
}

/**
 * kb_steer_choose - say whether a connection is to be put to the rules
 * @skb: its first packet, on its way through PRE_ROUTING or FORWARD
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @chosen: it is; otherwise it is to be left alone
 * @rule_set: number of the set of rules, or 0
 *
 * Context: any.
 */
void kb_steer_choose(struct sk_buff *skb, u8 family, bool chosen, u8 rule_set)
{
	u16 *flags = flags_of(skb, family);

	BUILD_BUG_ON(CHOSEN + KB_RULE_SETS > FIELD_MAX(CHOICE));
	*flags &= ~CHOICE;
	*flags |= FIELD_PREP(CHOICE, chosen ? CHOSEN + rule_set : LEFT_ALONE);
}

/*
 * Local delivery, to @sk if there is one, whose reference the packet takes. A route of a
 * packet that came in a list is used for the next one to the same address as well, unless it
 * is said to be multipath: ip_extract_route_hint(), ip6_extract_route_hint().
 */
static void deliver(struct kb_net *kn, struct sk_buff *skb, u8 family, struct sock *sk)
{
	if (sk)
		nf_tproxy_assign_sock(skb, sk);
	skb_dst_drop(skb);
	/* The packet is consumed, or the route's reference taken, within this RCU section. */
	if (family == NFPROTO_IPV4) {
		skb_dst_set_noref(skb, kn->dst4);
		IPCB(skb)->flags |= IPSKB_MULTIPATH;
	} else {
		skb_dst_set_noref(skb, kn->dst6);
		IP6CB(skb)->flags |= IP6SKB_MULTIPATH;
	}
}

static bool is_steered(const struct kb_net *kn, const struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);

	return dst && (dst == kn->dst4 || dst == kn->dst6);
}

static void hide_from_conntrack(struct sk_buff *skb)
{
	nf_reset_ct(skb);
	nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
}

/*
 * For what comes before the listener has made a socket: a SYN again, or a SYN cookie. If a rule
 * wants silence, there was a socket, and the listener would answer with a reset.
 */
static struct sock *flow_listener(const struct kb_flow *f, u8 family)
{
	struct kb_helper *h = READ_ONCE(f->helper);
	struct sock *sk = NULL;

	if (f->outer && !READ_ONCE(f->ended))
		sk = kb_inline_listener(f->tool, family);
	if (h && READ_ONCE(f->state) == KBUMP_FLOW_HANDSHAKE && !kb_flow_is_silent(f))
		sk = kb_helper_listener(h, family, kb_flow_vrf(f));
	return sk && refcount_inc_not_zero(&sk->sk_refcnt) ? sk : NULL;
}

/* The way to the server may lead out of the VRF to which the socket is bound. */
static void show_vrf(struct sk_buff *skb, u8 family, int vrf)
{
	if (family == NFPROTO_IPV4) {
		if (vrf)
			skb->skb_iif = vrf;
		return;
	}
	IP6CB(skb)->flags &= ~IP6SKB_L3SLAVE;
	if (vrf) {
		IP6CB(skb)->iif = vrf;
		IP6CB(skb)->flags |= IP6SKB_L3SLAVE;
	}
}

/* A packet of flow @f's leg @t. Return: a verdict, or -1 if the flow has nothing to say of it. */
static int to_leg(struct kb_net *kn, struct sk_buff *skb, const struct kb_packet *p,
		  const struct kb_flow *f, const struct kb_tuple *t)
{
	struct sock *sk;

	/* TCP finds the socket by what the error quotes, and by the device. */
	if (p->error) {
		show_vrf(skb, p->family, kb_flow_vrf(f));
		deliver(kn, skb, p->family, NULL);
		return NF_ACCEPT;
	}
	sk = kb_steer_sock(kn, t, kb_flow_vrf(f));
	if (!sk && t->side == KB_CLIENT)
		sk = flow_listener(f, p->family);
	if (sk) {
		deliver(kn, skb, p->family, sk);
		return NF_ACCEPT;
	}
	/* Half a flow is left: what is addressed to the other half must not pass by it. */
	return READ_ONCE(f->ended) && !kb_flow_is_silent(f) ? -1 : NF_DROP;
}

/* An ended flow does not stand in the way of a new one. */
static bool begins_anew(const struct kb_flow *f, const struct kb_packet *p)
{
	return p->syn && READ_ONCE(f->ended);
}

/* Connection tracking confirms entries in LOCAL_IN, which steered packets skip. */
static int settle_conntrack(const struct kb_flow *f, struct sk_buff *skb)
{
	const struct nf_conn *ct;
	enum ip_conntrack_info info;

	if (!f->track.dnat) {
		hide_from_conntrack(skb);
		return NF_ACCEPT;
	}
	ct = nf_ct_get(skb, &info);
	/* A template is no entry: the packet is not tracked yet. */
	return ct && !nf_ct_is_template(ct) ? nf_conntrack_confirm(skb) : NF_ACCEPT;
}

/*
 * A packet that may be of a flow. Return: a verdict, or -1 if it is of none, or if it is a server's
 * answer that the host has not judged yet.
 */
static int known(struct kb_net *kn, struct sk_buff *skb, const struct kb_packet *p,
		 const struct nf_hook_state *state)
{
	struct kb_tuple t = kb_packet_tuple(p, KB_CLIENT, KB_CLIENT);
	struct kb_flow *f = kb_flow_lookup(kn, &t);
	int verdict;

	/* Nobody else sends from the address of a local client: the host will refuse it. */
	if (f && f->origin.local)
		return -1;
	if (f) {
		if (begins_anew(f, p))
			return -1;
		verdict = to_leg(kn, skb, p, f, &t);
		return verdict == NF_ACCEPT ? settle_conntrack(f, skb) : verdict;
	}
	t = kb_packet_tuple(p, KB_SERVER, KB_SERVER);
	f = kb_flow_lookup(kn, &t);
	if (!f || (p->synack && state->hook != NF_INET_FORWARD && !f->path.used))
		return -1;
	return to_leg(kn, skb, p, f, &t);
}

/*
 * Frames that br_netfilter shows to the hooks are seen inside of the bridge: a route that is
 * given to them there is lost, and on their way up from the bridge no hook sees them again.
 */
static bool is_bridged(const struct sk_buff *skb)
{
	if (!nf_bridge_info_exists(skb))
		return false;
	pr_warn_once("frames of bridges are not steered while bridge-nf-call-iptables is set\n");
	return true;
}

static bool is_candidate(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	return skb->pkt_type == PACKET_HOST && !skb->sk &&
	       !(state->in->flags & IFF_LOOPBACK) && !is_bridged(skb);
}

/* The flow of a local client, if @from sent this packet on its client leg. */
static struct kb_flow *local_flow(struct kb_net *kn, const struct kb_packet *p, enum kb_side from)
{
	struct kb_tuple t = kb_packet_tuple(p, KB_CLIENT, from);
	struct kb_flow *f = NULL;

	if (READ_ONCE(kn->local) && !p->in_vrf && !p->out_vrf)
		f = kb_flow_lookup(kn, &t);
	return f && f->origin.local ? f : NULL;
}

/* The result of sending or receiving a packet, as a verdict on it. */
static unsigned int stolen(int result)
{
	/* In LOCAL_OUT TCP gets the result, and 1 would mean that it is still to be sent. */
	if (result == NET_XMIT_DROP)
		result = NET_XMIT_CN;
	return NF_STOLEN | (unsigned int)-result << NF_VERDICT_QBITS;
}

/* Go on behind the rest of the hooks. */
static unsigned int skip_hooks(struct sk_buff *skb, const struct nf_hook_state *state)
{
	return stolen(state->okfn(state->net, state->sk, skb));
}

/* As what comes by the loopback device, it has not been in a tunnel, and need not. */
static unsigned int arrive(struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (state->pf == NFPROTO_IPV4)
		IPCB(skb)->flags |= IPSKB_NOPOLICY;
	return skip_hooks(skb, state);
}

/* From the loopback device, to either end of a local client's leg. */
static unsigned int looped(struct kb_net *kn, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	const struct kb_flow *f;
	struct kb_packet p;
	int verdict;

	if (skb->sk || !kb_packet_tcp(skb, state, &p))
		return NF_ACCEPT;
	f = local_flow(kn, &p, KB_CLIENT);
	if (f) {
		verdict = to_leg(kn, skb, &p, f, &f->end[KB_CLIENT].tuple);
		if (verdict == NF_DROP)
			return NF_DROP;
		/* That no listener of the box takes it for itself; the client sends it again. */
		if (verdict < 0 && p.syn)
			return NF_DROP;
		/* Without a socket TCP tells the client that its connection is no more. */
		if (verdict < 0)
			deliver(kn, skb, state->pf, NULL);
		return arrive(skb, state);
	}
	f = local_flow(kn, &p, KB_SERVER);
	/* The host's tracking must restore addresses first; then it is none of ours. */
	if (!f || f->track.dnat)
		return NF_ACCEPT;
	kb_local_arrive(&f->origin, skb, state->pf);
	deliver(kn, skb, state->pf, NULL);
	return arrive(skb, state);
}

/*
 * What was steered when it came in by the port of a VRF comes by again from the VRF; rules that
 * choose a zone there would have what is hidden tracked.
 */
static void stay_hidden(struct kb_net *kn, struct sk_buff *skb)
{
	const struct nf_conn *ct;
	enum ip_conntrack_info info;

	ct = is_steered(kn, skb) ? nf_ct_get(skb, &info) : NULL;
	if (ct && nf_ct_is_template(ct))
		hide_from_conntrack(skb);
}

/* What has come up from a wire is of a flow, and no business of the host's. */
static unsigned int from_wire(struct kb_net *kn, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	struct kb_packet p;

	if (!kb_packet_read(skb, state, &p) || known(kn, skb, &p, state) != NF_ACCEPT)
		return NF_DROP;
	hide_from_conntrack(skb);
	return skip_hooks(skb, state);
}

static unsigned int early_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct kb_net *kn = kb_net(state->net);
	struct kb_packet p;
	int verdict = -1;

	if (kb_is_wire(state->in))
		return from_wire(kn, skb, state);
	if (!kb_flows_any(kn))
		return NF_ACCEPT;
	if (READ_ONCE(kn->local) && state->in->flags & IFF_LOOPBACK)
		return looped(kn, skb, state);
	if (netif_is_l3_master(state->in))
		stay_hidden(kn, skb);
	if (is_candidate(skb, state) && !kb_filter_passes(kn, skb, skb->protocol) &&
	    kb_packet_read(skb, state, &p))
		verdict = known(kn, skb, &p, state);
	return verdict < 0 ? NF_ACCEPT : verdict;
}

static unsigned int refuse(struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (state->pf == NFPROTO_IPV4)
		nf_send_reset(state->net, state->sk, skb, state->hook);
	else
		nf_send_reset6(state->net, state->sk, skb, state->hook);
	return NF_DROP;
}

/*
 * A helper takes it from here. If it is lost, it will come again. The flow's reference is dropped.
 */
static unsigned int begin(struct kb_net *kn, struct sk_buff *skb, struct kb_flow *f,
			  const struct nf_hook_state *state)
{
	struct sock *sk = f->origin.local ? NULL : flow_listener(f, state->pf);
	int verdict = NF_DROP;

	if (sk)
		deliver(kn, skb, state->pf, sk);
	if (sk || f->origin.local)
		verdict = settle_conntrack(f, skb);
	if (verdict == NF_ACCEPT && f->origin.local) {
		kb_local_loop(kn->net, skb, state->pf);
		verdict = NF_STOLEN;
	}
	kb_flow_put(f);
	return verdict;
}

/* Put a SYN to the rules. */
static unsigned int decide(struct kb_net *kn, struct sk_buff *skb, const struct kb_packet *p,
			   u8 rule_set, const struct nf_hook_state *state)
{
	struct kb_facts facts = {
		.known = KB_KNOWN_SYN,
		.tuple = kb_packet_tuple(p, KB_CLIENT, KB_CLIENT),
	};
	struct kb_flow *f;

	kb_origin_read(&facts.origin, skb, state);
	facts.origin.rule_set = rule_set;
	if (!state->in)
		kb_local_read(&facts.origin, kn->net, skb);
	switch (kb_decide(kn, skb, &facts, &f)) {
	case KB_STEER:
		return begin(kn, skb, f, state);
	case KB_REFUSE:
		return refuse(skb, state);
	case KB_DROP:
		return NF_DROP;
	default:
		return NF_ACCEPT;
	}
}

static bool has_nat(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	return ct && ct->status & IPS_NAT_MASK;
}

static void route6(struct kb_net *kn, struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_IPV6)
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	struct flowi6 fl6 = {
		.flowi6_iif = skb->dev->ifindex,
		.daddr = ip->daddr,
		.saddr = ip->saddr,
		.flowlabel = ip6_flowinfo(ip),
		.flowi6_mark = skb->mark,
		.flowi6_proto = ip->nexthdr,
	};
	struct flow_keys keys;
	struct dst_entry *dst;

	/* Fills the ports in, if a routing rule asks for them. */
	fib6_rules_early_flow_dissect(kn->net, skb, &fl6, &keys);
	dst = ip6_route_input_lookup(kn->net, skb->dev, &fl6, skb,
				     RT6_LOOKUP_F_HAS_SADDR | RT6_LOOKUP_F_DST_NOREF);
	skb_dst_drop(skb);
	skb_dst_set_noref(skb, dst);
#endif
}

/*
 * On to FORWARD. The route is the one that the host would find next. But before it does, it would
 * look for a socket with these addresses, which may well be one of ours, and not forward the packet
 * then; with a route it does not look. Without one, as when rp_filter refuses the packet, the host
 * comes to the same end. For IPv4 the settings of a VRF's port count, not those of the VRF.
 */
static void watch(struct kb_net *kn, struct sk_buff *skb, u8 family)
{
	const struct iphdr *ip = ip_hdr(skb);

	*flags_of(skb, family) |= WATCHED;
	if (family == NFPROTO_IPV4)
		ip_route_input_noref(skb, ip->daddr, ip->saddr, ip->tos,
				     kb_vrf_port(skb, family, skb->dev));
	else
		route6(kn, skb);
}

/* An iptables rule may have a say, and while there is one that chooses, its word is needed. */
static bool is_chosen(struct kb_net *kn, u16 flags)
{
	if (flags & CHOICE)
		return FIELD_GET(CHOICE, flags) >= CHOSEN;
	return !atomic_read(&kn->nchoosers);
}

static u8 rule_set_of(u16 flags)
{
	u8 choice = FIELD_GET(CHOICE, flags);

	return choice > CHOSEN ? choice - CHOSEN : 0;
}

/* A server's answer to the SYN of a server leg. */
static bool is_answer(struct kb_net *kn, const struct kb_packet *p)
{
	struct kb_tuple t = kb_packet_tuple(p, KB_SERVER, KB_SERVER);

	return p->synack && kb_flows_any(kn) && kb_flow_lookup(kn, &t);
}

static unsigned int late_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct kb_net *kn = kb_net(state->net);
	struct kb_packet p;
	int verdict = -1;

	if (!is_candidate(skb, state) || READ_ONCE(kn->dying))
		return NF_ACCEPT;
	if (state->pf == NFPROTO_IPV6 && !kn->dst6)
		return NF_ACCEPT;
	if (!kb_packet_read(skb, state, &p))
		return NF_ACCEPT;
	if (kb_flows_any(kn) && has_nat(skb))
		verdict = known(kn, skb, &p, state);
	if (verdict >= 0)
		return verdict;
	/* From the port of a VRF it goes on to the VRF, and through all of PRE_ROUTING again. */
	if (!netif_is_l3_slave(state->in) && (p.syn || is_answer(kn, &p)))
		watch(kn, skb, state->pf);
	return NF_ACCEPT;
}

static unsigned int judge(struct kb_net *kn, struct sk_buff *skb, u16 flags,
			  const struct nf_hook_state *state)
{
	struct kb_packet p;
	struct kb_tuple t;
	int verdict = -1;

	if (!kb_packet_tcp(skb, state, &p))
		return NF_ACCEPT;
	/* A SYN again may have overtaken this one. */
	if (kb_flows_any(kn))
		verdict = known(kn, skb, &p, state);
	if (verdict >= 0)
		return verdict;
	if (p.syn && is_chosen(kn, flags))
		return decide(kn, skb, &p, rule_set_of(flags), state);
	if (p.syn) {
		t = kb_packet_tuple(&p, KB_CLIENT, KB_CLIENT);
		kb_decide_not(kn, &t);
	}
	return NF_ACCEPT;
}

/* Of UDP there are no flows: no other hook has looked at it. */
static unsigned int judge_udp(struct kb_net *kn, struct sk_buff *skb, u16 flags,
			      const struct nf_hook_state *state)
{
	if (!kb_rules_want_udp(kn) || !is_chosen(kn, flags) || is_bridged(skb))
		return NF_ACCEPT;
	return kb_udp_judge(kn, skb, rule_set_of(flags), state);
}

static unsigned int forward_hook(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct kb_net *kn = kb_net(state->net);
	u16 *flags = flags_of(skb, state->pf);
	u16 before = *flags;
	unsigned int verdict;

	if (READ_ONCE(kn->dying))
		return NF_ACCEPT;
	if (!(before & WATCHED) && !kb_tap_any(kn))
		return judge_udp(kn, skb, before, state);
	*flags &= ~(WATCHED | CHOICE);
	/* A packet that was queued to a process comes back in that process. */
	local_bh_disable();
	if (before & WATCHED)
		verdict = judge(kn, skb, before, state);
	else
		verdict = judge_udp(kn, skb, before, state);
	if (verdict == NF_ACCEPT && is_steered(kn, skb)) {
		dst_input(skb);
		verdict = NF_STOLEN;
	} else if (verdict == NF_ACCEPT && kb_tap_any(kn)) {
		kb_tap_packet(kn, skb, state);
	}
	local_bh_enable();
	return verdict;
}

static unsigned int input_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return is_steered(kb_net(state->net), skb) ? skip_hooks(skb, state) : NF_ACCEPT;
}

static struct kb_flow *flow_of(struct kb_net *kn, const struct kb_packet *p, enum kb_side side)
{
	struct kb_tuple t = kb_packet_tuple(p, side, side == KB_CLIENT ? KB_SERVER : KB_CLIENT);

	return kb_flow_lookup(kn, &t);
}

/* Between the ends of a local client's leg. */
static unsigned int loop(struct kb_net *kn, struct sk_buff *skb, const struct kb_flow *f,
			 const struct nf_hook_state *state)
{
	int verdict = settle_conntrack(f, skb);

	return verdict == NF_ACCEPT ? stolen(kb_local_loop(kn->net, skb, state->pf)) : verdict;
}

/* From a local client. */
static unsigned int loop_client(struct kb_net *kn, struct sk_buff *skb, const struct kb_packet *p,
				const struct kb_flow *f, const struct nf_hook_state *state)
{
	/* The next owner of the port, of whom nothing was asked. The old flow ends soon. */
	if (p->syn && !kb_local_is(&f->origin, kn->net, skb))
		return NF_DROP;
	return loop(kn, skb, f, state);
}

/*
 * Before connection tracking: the client leg's packets are no connection of the host's, and the
 * server leg's are of the zone that the client's connection was put into.
 */
static unsigned int output_early_hook(void *priv, struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
	struct kb_net *kn = kb_net(state->net);
	struct kb_packet p;
	struct kb_flow *f;

	if (!kb_flows_any(kn) || !kb_packet_tcp(skb, state, &p))
		return NF_ACCEPT;
	if (kb_is_wire(state->out)) {
		hide_from_conntrack(skb);
		/* Nor is anything behind the route asked. */
		*flags_of(skb, state->pf) |= state->pf == NFPROTO_IPV4 ? IPSKB_REROUTED :
									 IP6SKB_REROUTED;
		return skip_hooks(skb, state);
	}
	f = local_flow(kn, &p, KB_CLIENT);
	/* Whoever has the port now, even if no rule is asked: the rest is not the old flow's. */
	if (f && begins_anew(f, &p))
		kb_flow_forget(f);
	else if (f && !f->track.dnat)
		return loop_client(kn, skb, &p, f, state);
	f = flow_of(kn, &p, KB_CLIENT);
	if (f && !f->track.dnat) {
		if (f->origin.local)
			return loop(kn, skb, f, state);
		hide_from_conntrack(skb);
		return skip_hooks(skb, state);
	}
	if (READ_ONCE(kn->zoned))
		f = flow_of(kn, &p, KB_SERVER);
	if (f)
		kb_track_assign_zone(&f->track, skb);
	return NF_ACCEPT;
}

/* After connection tracking. */
static unsigned int output_late_hook(void *priv, struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	struct kb_net *kn = kb_net(state->net);
	struct kb_flow *f;
	struct kb_packet p;

	if (!kb_flows_any(kn) || !kb_packet_tcp(skb, state, &p))
		return NF_ACCEPT;
	f = flow_of(kn, &p, KB_SERVER);
	/* A process of the box has got the port of a leg that is no more. */
	if (f && begins_anew(f, &p)) {
		kb_flow_forget(f);
		f = NULL;
	}
	if (f)
		kb_track_pass_on(&f->origin, skb);
	else if (!flow_of(kn, &p, KB_CLIENT))
		return NF_ACCEPT;
	return skip_hooks(skb, state);
}

/* At the end of what the host has to say of its own packets. */
static unsigned int judge_local(struct kb_net *kn, struct sk_buff *skb, bool opens,
				const struct nf_hook_state *state)
{
	const struct kb_flow *f;
	struct kb_packet p;

	if (!kb_packet_tcp(skb, state, &p))
		return NF_ACCEPT;
	/* One whose server NAT has chosen, and not another one to that server. */
	f = kb_flows_any(kn) ? local_flow(kn, &p, KB_CLIENT) : NULL;
	if (f && !begins_anew(f, &p))
		return has_nat(skb) ? loop_client(kn, skb, &p, f, state) : NF_ACCEPT;
	return opens && p.syn ? decide(kn, skb, &p, 0, state) : NF_ACCEPT;
}

static unsigned int output_last_hook(void *priv, struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	struct kb_net *kn = kb_net(state->net);
	unsigned int verdict;
	bool opens;

	if (READ_ONCE(kn->dying) || (state->pf == NFPROTO_IPV6 && !kn->dst6))
		return NF_ACCEPT;
	opens = kb_local_opens(kn, skb, state->pf);
	if (!opens && !(READ_ONCE(kn->local) && has_nat(skb)))
		return NF_ACCEPT;
	local_bh_disable();
	verdict = judge_local(kn, skb, opens, state);
	local_bh_enable();
	return verdict;
}

/* Of both families; their priorities are the same numbers. */
static const struct nf_hook_ops hooks[] = {
	/* Behind rules that choose a zone: they would have what is hidden tracked again. */
	{ .hook = early_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_PRE_ROUTING,
	  .priority = NF_IP_PRI_CONNTRACK - 1 },
	{ .hook = late_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_PRE_ROUTING,
	  .priority = NF_IP_PRI_LAST },
	{ .hook = forward_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_FORWARD,
	  .priority = NF_IP_PRI_LAST },
	{ .hook = input_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_LOCAL_IN,
	  .priority = NF_IP_PRI_FIRST },
	{ .hook = output_early_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_LOCAL_OUT,
	  .priority = NF_IP_PRI_RAW - 1 },
	{ .hook = output_late_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_LOCAL_OUT,
	  .priority = NF_IP_PRI_CONNTRACK + 1 },
	{ .hook = output_last_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_LOCAL_OUT,
	  .priority = NF_IP_PRI_LAST },
};

static struct dst_entry *local_route4(struct net *net)
{
	struct rtable *rt = rt_dst_alloc(net->loopback_dev, RTCF_LOCAL, RTN_LOCAL, true);

	if (!rt)
		return NULL;
	rt->rt_is_input = 1;
	/* An input route: nothing is to be sent by it. */
	rt->dst.output = dst_discard_out;
	return &rt->dst;
}

static struct dst_entry *local_route6(struct net *net)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct rt6_info *rt;

	if (!ipv6_mod_enabled())
		return NULL;
	rt = ip6_dst_alloc(net, net->loopback_dev, DST_NOXFRM);
	if (!rt)
		return NULL;
	rt->dst.input = ip6_input;
	rt->dst.output = dst_discard_out;
	/* ICMPv6 looks at it, when a packet comes from a VRF. */
	rt->rt6i_idev = in6_dev_get(net->loopback_dev);
	/* A SYN is taken only if its destination is local: ipv6_unicast_destination(). */
	rt->rt6i_flags = RTF_UP | RTF_NONEXTHOP | RTF_LOCAL;
	return &rt->dst;
#else
	return NULL;
#endif
}

static void release_routes(struct kb_net *kn)
{
	dst_release(kn->dst4);
	dst_release(kn->dst6);
	kn->dst4 = NULL;
	kn->dst6 = NULL;
}

/* Fragments must be put together before the first hook: it looks at ports. */
static int enable_defrag(struct net *net)
{
	int err = nf_defrag_ipv4_enable(net);

	if (err)
		return err;
	err = nf_defrag_ipv6_enable(net);
	if (err)
		nf_defrag_ipv4_disable(net);
	return err;
}

static void disable_defrag(struct net *net)
{
	nf_defrag_ipv4_disable(net);
	nf_defrag_ipv6_disable(net);
}

/**
 * kb_steer_wants - can a packet be of any interest?
 * @kn: the namespace
 *
 * Context: RCU read side.
 */
bool kb_steer_wants(struct kb_net *kn)
{
	return rcu_access_pointer(kn->rules) || kb_flows_any(kn);
}

/**
 * kb_steer_is_on - may a connection be steered?
 * @kn: the namespace
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Context: any.
 */
bool kb_steer_is_on(const struct kb_net *kn, u8 family)
{
	return READ_ONCE(kn->hooked) && !READ_ONCE(kn->dying) &&
	       (family == NFPROTO_IPV4 || kn->dst6);
}

/**
 * kb_steer_hook - begin to look at packets, if that is not done already
 * @kn: the namespace
 *
 * Context: process, with the namespace's lock held; sleeps.
 * Return: 0 or an error.
 */
int kb_steer_hook(struct kb_net *kn)
{
	int err;

	if (kn->hooked)
		return 0;
	kn->dst4 = local_route4(kn->net);
	if (!kn->dst4)
		return -ENOMEM;
	kn->dst6 = local_route6(kn->net);
	if (!kn->dst6 && ipv6_mod_enabled()) {
		err = -ENOMEM;
		goto fail_routes;
	}
	err = enable_defrag(kn->net);
	if (err)
		goto fail_routes;
	err = nf_register_net_hooks(kn->net, hooks, ARRAY_SIZE(hooks));
	if (err)
		goto fail_defrag;
	kn->hooked = true;
	return 0;
fail_defrag:
	disable_defrag(kn->net);
fail_routes:
	release_routes(kn);
	return err;
}

/**
 * kb_steer_unhook - look at no packet any more
 * @kn: the namespace, in which no flow is left
 *
 * Context: process; sleeps.
 */
void kb_steer_unhook(struct kb_net *kn)
{
	if (!kn->hooked)
		return;
	nf_unregister_net_hooks(kn->net, hooks, ARRAY_SIZE(hooks));
	disable_defrag(kn->net);
	/* Packets that are on their way have the routes without a reference. */
	synchronize_net();
	release_routes(kn);
	kn->hooked = false;
}
