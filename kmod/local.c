// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that processes of the box make. Both ends of their client leg are sockets of this
 * host, so what is sent there takes the way of all such packets, over the loopback device. But one
 * of the ends has the address of a server: no route leads there that way, and the host's rules for
 * loopback do not know of it. So steer.c takes these packets before routes and rules are asked, at
 * both ends of the device.
 */
#include <linux/bpf-cgroup.h>
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <net/dst.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "facts.h"
#include "helper.h"
#include "local.h"

/* What stays on this host, or whose address only means something on one link; and VRFs. */
static bool stays(const struct sk_buff *skb, u8 family)
{
	const struct net_device *out = skb_dst(skb)->dev;

	if (out->flags & IFF_LOOPBACK || netif_is_l3_master(out) || netif_is_l3_slave(out))
		return true;
	return family == NFPROTO_IPV6 &&
	       ipv6_addr_type(&ipv6_hdr(skb)->daddr) & IPV6_ADDR_LINKLOCAL;
}

/**
 * kb_local_opens - does a process of the box open a connection that may be steered?
 * @kn: the namespace
 * @skb: a packet at the end of LOCAL_OUT
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Those of the helpers' own users never are: one that waits for its own connection waits forever.
 *
 * Context: RCU read side.
 * Return: true if so; the packet may still be one that carries TCP's in a tunnel.
 */
bool kb_local_opens(struct kb_net *kn, const struct sk_buff *skb, u8 family)
{
	const struct sock *sk = skb->sk;

	return sk && inet_sk_state_load(sk) == TCP_SYN_SENT && sk->sk_protocol == IPPROTO_TCP &&
	       net_eq(sock_net(sk), kn->net) && !stays(skb, family) &&
	       !kb_helper_runs_as(kn, sk->sk_uid);
}

/**
 * kb_local_read - who makes a connection?
 * @o: result
 * @net: the namespace
 * @skb: a packet for which kb_local_opens() said yes
 *
 * Context: any.
 */
void kb_local_read(struct kb_origin *o, const struct net *net, const struct sk_buff *skb)
{
	o->local = true;
	o->uid = from_kuid_munged(net->user_ns, skb->sk->sk_uid);
	o->bound = READ_ONCE(skb->sk->sk_bound_dev_if);
}

/**
 * kb_local_is - is a packet from who made a connection?
 * @o: of the connection
 * @net: the namespace
 * @skb: a SYN in LOCAL_OUT
 *
 * Context: any.
 */
bool kb_local_is(const struct kb_origin *o, const struct net *net, const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	return sk && inet_sk_state_load(sk) == TCP_SYN_SENT &&
	       from_kuid_munged(net->user_ns, sk->sk_uid) == o->uid;
}

/**
 * kb_local_can_loop - is there a way between two sockets of this host?
 * @net: the namespace
 *
 * Context: any.
 */
bool kb_local_can_loop(const struct net *net)
{
	return net->loopback_dev->flags & IFF_UP;
}

/**
 * kb_local_loop - send a packet from one end of a local client's leg to the other
 * @net: the namespace
 * @skb: the packet in LOCAL_OUT; it is consumed
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * It is not received at once, as the sender's socket may be locked now. What a control group's
 * programs say of what its processes send, they say where the packet would leave.
 *
 * Context: any.
 * Return: as dev_queue_xmit().
 */
int kb_local_loop(const struct net *net, struct sk_buff *skb, u8 family)
{
	u16 proto = family == NFPROTO_IPV4 ? ETH_P_IP : ETH_P_IPV6;
	struct net_device *lo = net->loopback_dev;
	struct sock *sk = skb->sk;
	int congested, err;

	/* The one through which it would leave, for the programs. */
	skb->dev = skb_dst(skb)->dev;
	congested = BPF_CGROUP_RUN_PROG_INET_EGRESS(sk, skb);
	err = congested == NET_XMIT_CN ? 0 : congested;
	if (!err)
		err = skb_cow_head(skb, ETH_HLEN);
	if (err) {
		kfree_skb(skb);
		return err;
	}
	skb_dst_drop(skb);
	skb->dev = lo;
	skb->protocol = htons(proto);
	dev_hard_header(skb, lo, proto, NULL, NULL, skb->len);
	return dev_queue_xmit(skb) ?: congested;
}

/**
 * kb_local_arrive - let a packet from a leg find the local client's socket
 * @o: of the client's flow
 * @skb: the packet, on the loopback device
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * A socket that is bound to a device receives from that one alone.
 *
 * Context: any.
 */
void kb_local_arrive(const struct kb_origin *o, struct sk_buff *skb, u8 family)
{
	if (!o->bound)
		return;
	if (family == NFPROTO_IPV4)
		skb->skb_iif = o->bound;
	else
		IP6CB(skb)->iif = o->bound;
}
