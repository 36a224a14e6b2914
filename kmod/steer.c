// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steering: which packets go up to the sockets of kbump's flows, and which SYN begins a flow.
 *
 * As TPROXY does it, but with no help from routing rules: a packet of a flow gets its socket,
 * and a route of our own to local delivery. The host's filters and connection tracking are
 * meant for the connection that passes through the box, of which each leg is only a half:
 *
 * PRE_ROUTING, first: packets of known flows, by what is on the wire.
 * PRE_ROUTING, after destination NAT: new connections, and packets whose addresses NAT has
 *	just restored, as those of a server leg that is masqueraded.
 * LOCAL_IN: steered packets skip the host's INPUT chains.
 * LOCAL_OUT: packets of the legs skip the host's OUTPUT chains. The client leg, whose
 *	addresses are those of the server leg in reverse, is hidden from connection tracking,
 *	unless a destination NAT needs its entry. The server leg is tracked as the host's own.
 */
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/tcp.h>
#include <net/addrconf.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
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

#include "flow.h"
#include "helper.h"
#include "rule.h"
#include "steer.h"

/* A packet's addresses and ports, before it is known which side sent it. */
struct packet {
	u8 family;
	bool syn;
	union nf_inet_addr src;
	union nf_inet_addr dst;
	__be16 sport;
	__be16 dport;
};

static bool read_tcp(const struct sk_buff *skb, int off, struct packet *p)
{
	const struct tcphdr *th;
	struct tcphdr buf;

	th = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!th)
		return false;
	p->sport = th->source;
	p->dport = th->dest;
	p->syn = th->syn && !th->ack && !th->rst && !th->fin;
	return true;
}

static bool read_ipv4(const struct sk_buff *skb, struct packet *p)
{
	const struct iphdr *ip = ip_hdr(skb);

	if (ip->protocol != IPPROTO_TCP || ip_is_fragment(ip))
		return false;
	p->src.ip = ip->saddr;
	p->dst.ip = ip->daddr;
	return read_tcp(skb, skb_network_offset(skb) + ip->ihl * 4, p);
}

static bool read_ipv6(const struct sk_buff *skb, struct packet *p)
{
	unsigned short frag = 0;
	int off = skb_network_offset(skb);
	int flags = 0;

	if (ipv6_find_hdr(skb, &off, IPPROTO_TCP, &frag, &flags) < 0 || frag)
		return false;
	p->src.in6 = ipv6_hdr(skb)->saddr;
	p->dst.in6 = ipv6_hdr(skb)->daddr;
	return read_tcp(skb, off, p);
}

static bool read_packet(const struct sk_buff *skb, u8 family, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	p->family = family;
	return family == NFPROTO_IPV4 ? read_ipv4(skb, p) : read_ipv6(skb, p);
}

/* The tuple of leg @side, if the client or the server, as @from says, sent the packet. */
static struct kb_tuple packet_tuple(const struct packet *p, enum kb_side side,
				    enum kb_side from)
{
	struct kb_tuple t = { .family = p->family, .side = side };

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
 * kb_steer_sock - the socket of a leg
 * @kn: the namespace
 * @t: the leg's addresses
 *
 * Context: any, with BH off or in process context.
 * Return: the socket, which may be a request or in TIME_WAIT, with a reference, or NULL.
 */
struct sock *kb_steer_sock(struct kb_net *kn, const struct kb_tuple *t)
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
					       lport, 0, 0);
#if IS_ENABLED(CONFIG_IPV6)
	else
		sk = __inet6_lookup_established(kn->net, hinfo, &remote->in6, rport,
						&local->in6, lport, 0, 0);
#endif
	rcu_read_unlock();
	return sk;
}

/* Local delivery, to @sk, whose reference the packet takes. */
static void deliver(struct kb_net *kn, struct sk_buff *skb, u8 family, struct sock *sk)
{
	nf_tproxy_assign_sock(skb, sk);
	skb_dst_drop(skb);
	/* The packet is consumed, or the route's reference taken, within this RCU section. */
	skb_dst_set_noref(skb, family == NFPROTO_IPV4 ? kn->dst4 : kn->dst6);
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

static struct sock *flow_listener(const struct kb_flow *f, u8 family)
{
	const struct kb_helper *h = READ_ONCE(f->helper);
	struct sock *sk = h ? kb_helper_listener(h, family) : NULL;

	return sk && refcount_inc_not_zero(&sk->sk_refcnt) ? sk : NULL;
}

/* A packet of flow @f's leg @t. False if no socket is there for it any more. */
static bool to_leg(struct kb_net *kn, struct sk_buff *skb, const struct packet *p,
		   const struct kb_flow *f, const struct kb_tuple *t)
{
	struct sock *sk = kb_steer_sock(kn, t);

	/* A SYN that came again, before the listener had made anything of the first. */
	if (!sk && p->syn && t->side == KB_CLIENT)
		sk = flow_listener(f, p->family);
	if (!sk)
		return false;
	deliver(kn, skb, p->family, sk);
	return true;
}

/* An ended flow does not stand in the way of a new one. */
static bool begins_anew(const struct kb_flow *f, const struct packet *p)
{
	return p->syn && READ_ONCE(f->ended);
}

/* Is the packet one of a flow that is known? */
static bool known(struct kb_net *kn, struct sk_buff *skb, const struct packet *p)
{
	struct kb_tuple t = packet_tuple(p, KB_CLIENT, KB_CLIENT);
	struct kb_flow *f = kb_flow_lookup(kn, &t);

	if (f) {
		if (begins_anew(f, p) || !to_leg(kn, skb, p, f, &t))
			return false;
		if (!f->tracked)
			hide_from_conntrack(skb);
		return true;
	}
	t = packet_tuple(p, KB_SERVER, KB_SERVER);
	f = kb_flow_lookup(kn, &t);
	return f && to_leg(kn, skb, p, f, &t);
}

static bool has_flows(struct kb_net *kn)
{
	return atomic_read(&kn->ends.nelems);
}

static bool is_candidate(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	return skb->pkt_type == PACKET_HOST && !skb->sk && !(state->in->flags & IFF_LOOPBACK);
}

static unsigned int early_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct kb_net *kn = kb_net(state->net);
	struct packet p;

	if (has_flows(kn) && is_candidate(skb, state) && read_packet(skb, state->pf, &p))
		known(kn, skb, &p);
	return NF_ACCEPT;
}

static bool is_local(const struct kb_net *kn, const struct packet *p,
		     const struct net_device *in)
{
	if (p->family == NFPROTO_IPV4)
		return inet_addr_type_dev_table(kn->net, in, p->dst.ip) != RTN_UNICAST;
	return ipv6_addr_is_multicast(&p->dst.in6) ||
	       ipv6_addr_type(&p->dst.in6) & IPV6_ADDR_LINKLOCAL ||
	       ipv6_chk_addr(kn->net, &p->dst.in6, NULL, 0);
}

static unsigned int refuse(struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (state->pf == NFPROTO_IPV4)
		nf_send_reset(state->net, state->sk, skb, state->hook);
	else
		nf_send_reset6(state->net, state->sk, skb, state->hook);
	return NF_DROP;
}

static unsigned int fail(struct kb_net *kn, struct sk_buff *skb, const struct kb_rule *rule,
			 enum kbump_stat cause, const struct nf_hook_state *state)
{
	kb_count(kn, cause, 1);
	this_cpu_inc(rule->stats->failed);
	return rule->fail == KBUMP_FAIL_CLOSED ? refuse(skb, state) : NF_ACCEPT;
}

static bool has_dnat(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	return ct && ct->status & IPS_DST_NAT;
}

/* The client uses the ports of a connection before: what is left of it makes room. */
static void end_time_wait(struct kb_net *kn, const struct kb_tuple *t)
{
	struct sock *sk = kb_steer_sock(kn, t);

	if (!sk)
		return;
	if (sk->sk_state == TCP_TIME_WAIT)
		inet_twsk_deschedule_put(inet_twsk(sk));
	else
		sock_gen_put(sk);
}

static void remember_conntrack(struct kb_flow *f, struct sk_buff *skb)
{
	f->tracked = has_dnat(skb);
	/* Connection tracking confirms entries in LOCAL_IN, which this packet will skip. */
	if (f->tracked)
		nf_conntrack_confirm(skb);
	else
		hide_from_conntrack(skb);
}

static unsigned int inspect(struct kb_net *kn, struct sk_buff *skb, struct kb_rule *rule,
			    const struct kb_facts *facts, const struct nf_hook_state *state)
{
	struct kb_helper *h = kb_helper_choose(kn, state->pf);
	struct kb_flow *f;
	struct sock *sk;

	sk = h ? kb_helper_listener(h, state->pf) : NULL;
	if (!sk || !refcount_inc_not_zero(&sk->sk_refcnt)) {
		if (h)
			kb_helper_put(h);
		return fail(kn, skb, rule, KBUMP_STAT_FAIL_HELPER, state);
	}
	f = kb_flow_create(kn, facts, rule, h);
	kb_helper_put(h);
	if (IS_ERR(f)) {
		sock_put(sk);
		if (PTR_ERR(f) == -EBUSY)
			return NF_DROP;
		return fail(kn, skb, rule, PTR_ERR(f) == -ENOMEM ? KBUMP_STAT_FAIL_NOMEM :
								   KBUMP_STAT_FAIL_LIMIT, state);
	}
	end_time_wait(kn, &facts->tuple);
	remember_conntrack(f, skb);
	kb_count(kn, KBUMP_STAT_STEERED, 1);
	deliver(kn, skb, state->pf, sk);
	kb_flow_put(f);
	return NF_ACCEPT;
}

/* Put a SYN to the rules. */
static unsigned int decide(struct kb_net *kn, struct sk_buff *skb, const struct packet *p,
			   const struct nf_hook_state *state)
{
	struct kb_facts facts = {
		.tuple = packet_tuple(p, KB_CLIENT, KB_CLIENT),
		.iif = state->in->name,
		.mark = skb->mark,
	};
	struct kb_rule *rule = kb_rule_find(kn, &facts);
	struct kb_flow *old;

	if (!rule)
		return NF_ACCEPT;
	this_cpu_inc(rule->stats->hits);
	if (rule->action == KBUMP_ACTION_INSPECT)
		return inspect(kn, skb, rule, &facts, state);

	old = kb_flow_lookup(kn, &facts.tuple);
	if (old)
		kb_flow_forget(old);
	if (rule->action == KBUMP_ACTION_BLOCK) {
		kb_count(kn, KBUMP_STAT_BLOCKED, 1);
		return refuse(skb, state);
	}
	kb_count(kn, KBUMP_STAT_BYPASSED, 1);
	return NF_ACCEPT;
}

static bool has_nat(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	return ct && ct->status & IPS_NAT_MASK;
}

static unsigned int late_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct kb_net *kn = kb_net(state->net);
	struct packet p;

	if (!is_candidate(skb, state) || READ_ONCE(kn->dying) || !read_packet(skb, state->pf, &p))
		return NF_ACCEPT;
	if (state->pf == NFPROTO_IPV6 && !kn->dst6)
		return NF_ACCEPT;
	if (has_flows(kn) && has_nat(skb) && known(kn, skb, &p))
		return NF_ACCEPT;
	if (!p.syn || is_local(kn, &p, state->in))
		return NF_ACCEPT;
	return decide(kn, skb, &p, state);
}

/* Go on behind the rest of the hooks. */
static unsigned int skip_hooks(struct sk_buff *skb, const struct nf_hook_state *state)
{
	state->okfn(state->net, state->sk, skb);
	return NF_STOLEN;
}

static unsigned int input_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return is_steered(kb_net(state->net), skb) ? skip_hooks(skb, state) : NF_ACCEPT;
}

/* Before connection tracking: the client leg's packets are no connection of the host's. */
static unsigned int output_client_hook(void *priv, struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	struct kb_net *kn = kb_net(state->net);
	const struct kb_flow *f;
	struct kb_tuple t;
	struct packet p;

	if (!has_flows(kn) || !read_packet(skb, state->pf, &p))
		return NF_ACCEPT;
	t = packet_tuple(&p, KB_CLIENT, KB_SERVER);
	f = kb_flow_lookup(kn, &t);
	if (!f || f->tracked)
		return NF_ACCEPT;
	hide_from_conntrack(skb);
	return skip_hooks(skb, state);
}

/* After connection tracking. */
static unsigned int output_server_hook(void *priv, struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	struct kb_net *kn = kb_net(state->net);
	struct kb_tuple t;
	struct packet p;

	if (!has_flows(kn) || !read_packet(skb, state->pf, &p))
		return NF_ACCEPT;
	t = packet_tuple(&p, KB_SERVER, KB_CLIENT);
	if (!kb_flow_lookup(kn, &t)) {
		t = packet_tuple(&p, KB_CLIENT, KB_SERVER);
		if (!kb_flow_lookup(kn, &t))
			return NF_ACCEPT;
	}
	return skip_hooks(skb, state);
}

/* Of both families; their priorities are the same numbers. */
static const struct nf_hook_ops hooks[] = {
	{ .hook = early_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_PRE_ROUTING,
	  .priority = NF_IP_PRI_RAW - 1 },
	{ .hook = late_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_PRE_ROUTING,
	  .priority = NF_IP_PRI_NAT_DST + 1 },
	{ .hook = input_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_LOCAL_IN,
	  .priority = NF_IP_PRI_FIRST },
	{ .hook = output_client_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_LOCAL_OUT,
	  .priority = NF_IP_PRI_RAW - 1 },
	{ .hook = output_server_hook, .pf = NFPROTO_INET, .hooknum = NF_INET_LOCAL_OUT,
	  .priority = NF_IP_PRI_CONNTRACK + 1 },
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
