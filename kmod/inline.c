// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inline tools. Both devices of a tool are the ports of a device of its own, which is a routing
 * domain, as that of a wire is: connections through the tool have the addresses of the flows that
 * they are parts of, and are told apart from those, and from those through other tools, by it.
 * Nothing else passes, neither from one port to the other nor between the tool and the host.
 *
 * A tool is up while both ports have a link and, if that is wanted, probes come through it.
 */
#include <linux/etherdevice.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/sched/task.h>
#include <linux/udp.h>
#include <net/arp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/route.h>
#include <net/tcp.h>

#include "chain.h"
#include "compat.h"
#include "flow.h"
#include "flow_nl.h"
#include "inline.h"
#include "netlink.h"
#include "path.h"
#include "tool.h"
#include "tool_nl.h"
#include "wire.h"

#define BACKLOG		4096
/* Seven seconds. */
#define SYN_COUNT	2
/* In an interval; a tool is down when none has come through, and up after twice as many. */
#define PROBES		4
#define PROBE_MAGIC	0x6b62756d70686265ULL
/* RFC 2544, appendix C.2.2: for tests of what connects networks. */
#define PROBE_NET	0xc6120000
#define PROBE_PORT	9
#define PROBE_LEN	(sizeof(struct iphdr) + sizeof(struct udphdr) + sizeof(struct probe))

/* What a probe says. */
struct probe {
	__be64 magic;
	u64 cookie;
	__be32 number;
} __packed;

/* For what a helper may not do. */
static struct cred *any_port;

/* ---- settings and state */

static struct kb_tool_look look_of(const struct kb_tool *tool)
{
	struct kb_tool_look look;

	rcu_read_lock();
	look = *rcu_dereference(tool->look);
	rcu_read_unlock();
	return look;
}

/* Under RCU. */
static struct net_device *port_dev(const struct net_device *dev, unsigned int number)
{
	const struct kb_wire *w = netdev_priv(dev);
	const struct kb_port *p = rcu_dereference(w->port[number]);

	return p ? p->dev : NULL;
}

static bool has_link(const struct kb_inline *l)
{
	const struct net_device *dev;
	bool link;

	rcu_read_lock();
	dev = rcu_dereference(l->dev);
	link = dev && kb_tool_dev_is_up(dev);
	rcu_read_unlock();
	return link;
}

/**
 * kb_inline_is_up - does a tool let connections through?
 * @tool: an inline tool
 *
 * Context: any.
 */
bool kb_inline_is_up(const struct kb_tool *tool)
{
	return has_link(tool->line) && !READ_ONCE(tool->line->dead);
}

/**
 * kb_inline_blocks - do flows end when a tool is down?
 * @tool: an inline tool
 *
 * Context: any.
 */
bool kb_inline_blocks(const struct kb_tool *tool)
{
	return look_of(tool).fail == KBUMP_TOOL_BLOCK;
}

/**
 * kb_inline_count_missed - a flow does not go through a tool that it should have gone through
 * @tool: an inline tool
 *
 * Context: any.
 */
void kb_inline_count_missed(struct kb_tool *tool)
{
	this_cpu_inc(tool->stats->missed);
}

/* ---- probes */

static void put_probe(struct sk_buff *skb, const struct kb_inline *l, unsigned int to)
{
	struct iphdr *ip = skb_put_zero(skb, sizeof(*ip));
	struct udphdr *uh;
	struct probe *p;

	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tot_len = htons(PROBE_LEN);
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->saddr = htonl(PROBE_NET + 1 + !to);
	ip->daddr = htonl(PROBE_NET + 1 + to);
	ip->check = ip_fast_csum(ip, ip->ihl);
	uh = skb_put_zero(skb, sizeof(*uh));
	uh->source = htons(PROBE_PORT);
	uh->dest = htons(PROBE_PORT);
	uh->len = htons(sizeof(*uh) + sizeof(*p));
	p = skb_put(skb, sizeof(*p));
	p->magic = cpu_to_be64(PROBE_MAGIC);
	p->cookie = l->cookie;
	p->number = htonl(l->sent);
	uh->check = csum_tcpudp_magic(ip->saddr, ip->daddr, sizeof(*uh) + sizeof(*p), IPPROTO_UDP,
				      csum_partial(uh, sizeof(*uh) + sizeof(*p), 0));
}

/* Out of the other port. Under RCU. */
static void send_probe(const struct kb_inline *l, const struct net_device *dev, unsigned int to,
		       const struct kb_head *h)
{
	struct net_device *port = port_dev(dev, !to);
	unsigned int room;
	struct sk_buff *skb;

	if (!port)
		return;
	room = LL_RESERVED_SPACE(port) + KB_TAGS * VLAN_HLEN;
	skb = alloc_skb(room + PROBE_LEN, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return;
	skb_reserve(skb, room);
	skb_reset_network_header(skb);
	put_probe(skb, l, to);
	skb->protocol = htons(ETH_P_IP);
	kb_wire_send(skb, port, h);
}

/* How frames look to and from a tool. Under RCU. Return: false if a port is not there. */
static bool read_path(struct kb_path *path, const struct kb_tool *tool,
		      const struct net_device *dev)
{
	const struct kb_tool_look *look = rcu_dereference(tool->look);
	const struct net_device *near = port_dev(dev, KB_INLINE_DEV);
	const struct net_device *far = port_dev(dev, KB_INLINE_PEER);
	struct kb_head *in = &path->from[KB_CLIENT], *back = &path->from[KB_SERVER];

	if (!near || !far)
		return false;
	path->used = true;
	path->port = KB_INLINE_PEER;
	ether_addr_copy(in->src, look->has_src ? look->src : near->dev_addr);
	ether_addr_copy(in->dst, is_zero_ether_addr(look->dst) ? far->dev_addr : look->dst);
	ether_addr_copy(back->src, far->dev_addr);
	ether_addr_copy(back->dst, in->src);
	if (look->vlan) {
		in->tag[0].proto = htons(ETH_P_8021Q);
		in->tag[0].tci = look->vlan;
		back->tag[0] = in->tag[0];
	}
	return true;
}

static void send_probes(struct kb_inline *l)
{
	const struct net_device *dev;
	struct kb_path path = {};

	l->sent++;
	l->probed = jiffies;
	local_bh_disable();
	rcu_read_lock();
	dev = rcu_dereference(l->dev);
	if (dev && read_path(&path, l->tool, dev)) {
		send_probe(l, dev, KB_INLINE_PEER, &path.from[KB_CLIENT]);
		/* A router in line shows its address there by what it lets through. */
		if (!is_zero_ether_addr(l->station))
			ether_addr_copy(path.from[KB_SERVER].dst, l->station);
		send_probe(l, dev, KB_INLINE_DEV, &path.from[KB_SERVER]);
	}
	rcu_read_unlock();
	local_bh_enable();
}

static void judge_probes(struct kb_inline *l)
{
	u32 lost = max(l->sent - READ_ONCE(l->came[KB_INLINE_PEER]),
		       l->sent - READ_ONCE(l->came[KB_INLINE_DEV]));

	l->good = lost ? 0 : l->good + 1;
	if (lost >= PROBES)
		WRITE_ONCE(l->dead, true);
	else if (l->good >= 2 * PROBES)
		WRITE_ONCE(l->dead, false);
}

/* None is missed. */
static void forget_probes(struct kb_inline *l)
{
	WRITE_ONCE(l->came[KB_INLINE_PEER], l->sent);
	WRITE_ONCE(l->came[KB_INLINE_DEV], l->sent);
	l->good = 0;
}

static void tell(struct kb_inline *l)
{
	bool up = kb_inline_is_up(l->tool);

	if (up == l->told_up)
		return;
	l->told_up = up;
	mutex_lock(&l->kn->lock);
	if (!l->removed)
		kb_nl_event(l->kn, KBUMP_CMD_TOOL_SET, KBUMP_A_TOOL, kb_tool_fill, l->tool);
	mutex_unlock(&l->kn->lock);
	if (!up)
		kb_flows_end_of_tool(l->kn, l->tool);
}

static void look_work(struct work_struct *work)
{
	struct kb_inline *l = container_of(to_delayed_work(work), struct kb_inline, look);
	u32 interval = look_of(l->tool).heartbeat;
	unsigned long pause = msecs_to_jiffies(interval) / PROBES + 1;

	if (!interval)
		WRITE_ONCE(l->dead, false);
	if (!interval || !has_link(l)) {
		forget_probes(l);
	} else if (time_after_eq(jiffies, l->probed + pause)) {
		/* Not whenever something else changes: each probe has its time. */
		judge_probes(l);
		send_probes(l);
	}
	tell(l);
	if (interval)
		queue_delayed_work(system_power_efficient_wq, &l->look, pause);
}

/**
 * kb_inline_check - something about a tool has changed: look whether it is up
 * @l: the tool's
 *
 * Context: any.
 */
void kb_inline_check(struct kb_inline *l)
{
	mod_delayed_work(system_power_efficient_wq, &l->look, 0);
}

static bool is_probe(const struct kb_inline *l, const struct sk_buff *skb, u32 *number)
{
	unsigned int off = sizeof(struct iphdr) + sizeof(struct udphdr);
	const struct iphdr *ip;
	const struct probe *p;
	struct iphdr ip_buf;
	struct probe buf;

	ip = skb_header_pointer(skb, 0, sizeof(ip_buf), &ip_buf);
	if (skb->protocol != htons(ETH_P_IP) || !ip || ip->ihl != sizeof(*ip) / 4 ||
	    ip->protocol != IPPROTO_UDP)
		return false;
	p = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!p || p->magic != cpu_to_be64(PROBE_MAGIC) || p->cookie != l->cookie)
		return false;
	*number = ntohl(p->number);
	return true;
}

/* Whoever asks for a station on the other side of the tool: that is the box. */
static void answer_arp(const struct kb_port *in, struct sk_buff *skb)
{
	struct net_device *dev = in->dev;
	const struct arphdr *arp;
	struct sk_buff *answer;
	__be32 sip, tip;
	u8 sha[ETH_ALEN];
	const u8 *p;

	if (!pskb_may_pull(skb, arp_hdr_len(dev)))
		return;
	arp = (const struct arphdr *)skb->data;
	if (arp->ar_op != htons(ARPOP_REQUEST) || arp->ar_pro != htons(ETH_P_IP) ||
	    arp->ar_hln != ETH_ALEN || arp->ar_pln != sizeof(sip))
		return;
	p = (const u8 *)(arp + 1);
	ether_addr_copy(sha, p);
	memcpy(&sip, p + ETH_ALEN, sizeof(sip));
	memcpy(&tip, p + 2 * ETH_ALEN + sizeof(sip), sizeof(tip));
	/* Who asks for its own address looks for others that have it. */
	if (!sip || sip == tip)
		return;
	answer = arp_create(ARPOP_REPLY, ETH_P_ARP, sip, dev, tip, sha, dev->dev_addr, sha);
	if (!answer)
		return;
	if (skb_vlan_tag_present(skb))
		__vlan_hwaccel_put_tag(answer, skb->vlan_proto, skb_vlan_tag_get(skb));
	arp_xmit(answer);
}

/**
 * kb_inline_rest - a frame from a tool that is of no connection of a flow
 * @in: the port that it came in by
 * @skb: the frame; it is consumed
 *
 * Context: softirq, RCU read side.
 */
void kb_inline_rest(const struct kb_port *in, struct sk_buff *skb)
{
	struct kb_inline *l = in->wire->line;
	u32 number;

	if (skb->protocol == htons(ETH_P_ARP)) {
		answer_arp(in, skb);
		consume_skb(skb);
	} else if (is_probe(l, skb, &number)) {
		WRITE_ONCE(l->came[in->number], number);
		if (in->number == KB_INLINE_PEER)
			ether_addr_copy(l->station, eth_hdr(skb)->h_source);
		consume_skb(skb);
	} else {
		kb_wire_drop(in, skb, KB_DROP_RULE);
	}
}

/* ---- connections */

/* Return: how long it is. */
static int to_sockaddr(struct sockaddr_storage *to, u8 family, const union nf_inet_addr *addr,
		       __be16 port)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *sin = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (family == NFPROTO_IPV4) {
		sin->sin_family = AF_INET;
		sin->sin_port = port;
		sin->sin_addr.s_addr = addr->ip;
		return sizeof(*sin);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = port;
	sin6->sin6_addr = addr->in6;
	return sizeof(*sin6);
}

static int bind_to(struct socket *sock, u8 family, const union nf_inet_addr *addr, __be16 port)
{
	struct sockaddr_storage to;
	int len = to_sockaddr(&to, family, addr, port);

	return kernel_bind(sock, (struct sockaddr *)&to, len);
}

static int connect_to(struct socket *sock, u8 family, const union nf_inet_addr *addr, __be16 port)
{
	struct sockaddr_storage to;
	int len = to_sockaddr(&to, family, addr, port);

	return kernel_connect(sock, (struct sockaddr *)&to, len, O_NONBLOCK);
}

static int domain(u8 family)
{
	return family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
}

/*
 * A helper makes the routes of the device. Until it has, the host's would be taken, and the SYN go
 * anywhere.
 */
static bool has_route4(struct net *net, const struct kb_tuple *t)
{
	struct flowi4 fl = {
		.flowi4_oif = t->vrf,
		.saddr = t->client.ip,
		.daddr = t->server.ip,
		.flowi4_flags = FLOWI_FLAG_ANYSRC,
	};
	struct rtable *rt = ip_route_output_key(net, &fl);
	bool found;

	if (IS_ERR(rt))
		return false;
	found = rt->dst.dev->ifindex == t->vrf;
	ip_rt_put(rt);
	return found;
}

static bool has_route6(struct net *net, const struct kb_tuple *t)
{
	struct flowi6 fl = {
		.flowi6_oif = t->vrf,
		.saddr = t->client.in6,
		.daddr = t->server.in6,
		.flowi6_flags = FLOWI_FLAG_ANYSRC,
	};
	struct dst_entry *dst = ip6_route_output(net, NULL, &fl);
	bool found = !dst->error && dst->dev->ifindex == t->vrf;

	dst_release(dst);
	return found;
}

static bool has_route(struct net *net, const struct kb_tuple *t)
{
	return t->family == NFPROTO_IPV4 ? has_route4(net, t) : has_route6(net, t);
}

/* From the client's address and port to the server's. */
static struct socket *connect(struct net *net, const struct kb_tuple *t)
{
	const struct cred *old;
	struct socket *sock;
	int err;

	if (!has_route(net, t))
		return ERR_PTR(-ENETUNREACH);
	/* Not a kernel's socket: it may outlive the flow, and its namespace must not go before. */
	err = __sock_create(net, domain(t->family), SOCK_STREAM, IPPROTO_TCP, &sock, 0);
	if (err)
		return ERR_PTR(err);
	if (IS_ERR(sock_alloc_file(sock, 0, NULL)))
		return ERR_PTR(-ENOMEM);
	kb_sock_set_transparent(sock->sk);
	sock->sk->sk_reuse = SK_CAN_REUSE;
	tcp_sock_set_syncnt(sock->sk, SYN_COUNT);
	err = sock_bindtoindex(sock->sk, t->vrf, true);
	/* A helper has no right to the lower ports, but clients may have them. */
	old = override_creds(any_port);
	err = err ?: bind_to(sock, t->family, &t->client, t->cport);
	revert_creds(old);
	err = err ?: connect_to(sock, t->family, &t->server, t->sport);
	if (!err || err == -EINPROGRESS)
		return sock;
	fput(sock->file);
	return ERR_PTR(err);
}

/* Return: 0, or -ENODEV. */
static int prepare(const struct kb_tool *tool, struct kb_tuple *t, struct kb_path *path)
{
	const struct net_device *dev;
	int err = -ENODEV;
	u16 dport;

	rcu_read_lock();
	dev = rcu_dereference(tool->line->dev);
	if (dev && read_path(path, tool, dev)) {
		dport = rcu_dereference(tool->look)->dport;
		if (dport)
			t->sport = htons(dport);
		t->vrf = dev->ifindex;
		err = 0;
	}
	rcu_read_unlock();
	return err;
}

/**
 * kb_inline_begin - connect through a tool
 * @tool: an inline tool
 * @outer: the flow that is to be led through it
 * @sock: result: what is about to connect; its file is the caller's
 *
 * Context: process; sleeps.
 * Return: the connection, with a reference; or an ERR_PTR().
 */
struct kb_flow *kb_inline_begin(struct kb_tool *tool, struct kb_flow *outer, struct socket **sock)
{
	struct kb_tuple t = outer->end[KB_CLIENT].tuple;
	struct kb_path path = {};
	struct kb_flow *inner;
	int err = prepare(tool, &t, &path);

	if (err)
		return ERR_PTR(err);
	inner = kb_flow_create_inner(outer, tool, &t, &path);
	if (IS_ERR(inner))
		return inner;
	*sock = connect(outer->kn->net, &t);
	if (!IS_ERR(*sock)) {
		this_cpu_inc(tool->stats->flows);
		return inner;
	}
	kb_flow_bury_inner(inner);
	return ERR_CAST(*sock);
}

/**
 * kb_inline_listener - who takes the connections that come out of a tool
 * @tool: an inline tool
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Context: RCU read side.
 * Return: the listening socket, without a reference, or NULL.
 */
struct sock *kb_inline_listener(const struct kb_tool *tool, u8 family)
{
	const struct kb_inline *l = tool->line;
	struct socket *sock = NULL;

	/* While there is the device, whose end waits for readers, there are the sockets. */
	if (rcu_dereference(l->dev))
		sock = l->listen[family == NFPROTO_IPV6];
	return sock ? sock->sk : NULL;
}

/* Also of the sockets that come of it, until they are accepted. */
static void listen_ready(struct sock *sk)
{
	struct kb_inline *l;

	read_lock_bh(&sk->sk_callback_lock);
	rcu_read_lock();
	l = rcu_dereference_sk_user_data(sk);
	if (l && sk->sk_state == TCP_LISTEN)
		queue_work(system_unbound_wq, &l->accept);
	rcu_read_unlock();
	read_unlock_bh(&sk->sk_callback_lock);
}

/* As if a process had made it. On an error it is gone. */
static struct file *adopt(struct kb_inline *l, struct socket *sock)
{
	struct sock *sk = sock->sk;

	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = l->data_ready;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
	if (kb_sock_hold_net(sk))
		return sock_alloc_file(sock, 0, NULL);
	sock_release(sock);
	return ERR_PTR(-ESHUTDOWN);
}

static void take(struct kb_inline *l, struct socket *sock)
{
	struct file *file = adopt(l, sock);
	struct kb_flow *inner;
	int err = -ENOENT;

	if (IS_ERR(file))
		return;
	inner = kb_flow_of_sock(l->kn, sock->sk);
	if (inner && inner->outer)
		err = kb_chain_join(inner, sock);
	if (err) {
		tcp_abort(sock->sk, ECONNABORTED);
		fput(file);
	}
	if (inner)
		kb_flow_put(inner);
}

static void accept_work(struct work_struct *work)
{
	struct kb_inline *l = container_of(work, struct kb_inline, accept);
	struct socket *sock;
	int i, err;

	for (i = 0; i < 2; i++) {
		err = l->listen[i] ? 0 : -EAGAIN;
		while (!err) {
			err = kernel_accept(l->listen[i], &sock, O_NONBLOCK);
			if (!err)
				take(l, sock);
			cond_resched();
		}
		/* What waits there is not told of again. */
		if (err == -ENOMEM || err == -ENFILE)
			queue_work(system_unbound_wq, &l->accept);
	}
}

static void hear(struct kb_inline *l, struct sock *sk)
{
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	l->data_ready = sk->sk_data_ready;
	sk->sk_data_ready = listen_ready;
	__rcu_assign_sk_user_data_with_flags(sk, l, SK_USER_DATA_NOCOPY);
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

/* On an address that no client has: its port is in nobody's way. */
static int listen_on(struct kb_inline *l, u8 family, int ifindex)
{
	union nf_inet_addr addr = {};
	struct socket *sock;
	int err;

	err = sock_create_kern(l->kn->net, domain(family), SOCK_STREAM, IPPROTO_TCP, &sock);
	/* There may be no IPv6. */
	if (err)
		return err == -EAFNOSUPPORT ? 0 : err;
	if (family == NFPROTO_IPV4)
		addr.ip = htonl(INADDR_LOOPBACK);
	else
		addr.in6 = in6addr_loopback;
	kb_sock_set_transparent(sock->sk);
	err = sock_bindtoindex(sock->sk, ifindex, true) ?: bind_to(sock, family, &addr, 0);
	if (!err) {
		hear(l, sock->sk);
		err = kernel_listen(sock, BACKLOG);
	}
	if (err)
		sock_release(sock);
	else
		l->listen[family == NFPROTO_IPV6] = sock;
	return err;
}

static void stop_listening(struct kb_inline *l)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (!l->listen[i])
			continue;
		lock_sock(l->listen[i]->sk);
		write_lock_bh(&l->listen[i]->sk->sk_callback_lock);
		rcu_assign_sk_user_data(l->listen[i]->sk, NULL);
		write_unlock_bh(&l->listen[i]->sk->sk_callback_lock);
		release_sock(l->listen[i]->sk);
	}
	cancel_work_sync(&l->accept);
	for (i = 0; i < 2; i++) {
		if (l->listen[i])
			sock_release(l->listen[i]);
		l->listen[i] = NULL;
	}
}

/* ---- the device */

static struct net_device *line_dev(const struct kb_inline *l)
{
	return rtnl_dereference(l->dev);
}

/**
 * kb_inline_alloc - make what an inline tool has
 * @kn: the namespace
 * @tool: the tool
 *
 * Context: process; sleeps.
 * Return: it, without devices, or NULL.
 */
struct kb_inline *kb_inline_alloc(struct kb_net *kn, struct kb_tool *tool)
{
	struct kb_inline *l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);

	if (!l)
		return NULL;
	INIT_LIST_HEAD(&l->list);
	l->kn = kn;
	l->tool = tool;
	INIT_WORK(&l->accept, accept_work);
	INIT_DELAYED_WORK(&l->look, look_work);
	get_random_bytes(&l->cookie, sizeof(l->cookie));
	return l;
}

/**
 * kb_inline_free - free it
 * @l: it, or NULL
 *
 * Context: any, after a grace period.
 */
void kb_inline_free(struct kb_inline *l)
{
	kfree(l);
}

/**
 * kb_inline_peer - the device on which a tool's other side is
 * @l: the tool's
 *
 * Context: as of kb_tool_dev().
 * Return: the device, or NULL if it is gone.
 */
struct net_device *kb_inline_peer(const struct kb_inline *l)
{
	return rcu_dereference_protected(l->peer, true);
}

/**
 * kb_inline_set_peer - say on which device a tool's other side is
 * @l: the tool's
 * @dev: the device, or NULL
 *
 * Context: process, under RTNL and the namespace's lock.
 */
void kb_inline_set_peer(struct kb_inline *l, struct net_device *dev)
{
	struct net_device *old = kb_inline_peer(l);

	if (old == dev)
		return;
	if (old) {
		strscpy(l->last_peer, old->name, sizeof(l->last_peer));
		netdev_put(old, &l->tracker);
	}
	if (dev)
		netdev_hold(dev, &l->tracker, GFP_KERNEL);
	rcu_assign_pointer(l->peer, dev);
}

/**
 * kb_inline_owns - may a device be a port of a tool's device?
 * @l: the tool's
 * @dev: the device
 * @number: the port's
 *
 * Anybody may try, by rtnetlink; clear text goes to the devices that were named and to no others.
 *
 * Context: process, under RTNL.
 */
bool kb_inline_owns(const struct kb_inline *l, const struct net_device *dev, unsigned int number)
{
	return dev == (number == KB_INLINE_PEER ? kb_inline_peer(l) : kb_tool_dev(l->tool));
}

/**
 * kb_inline_enter - a tool is one of the configuration now
 * @l: the tool's
 *
 * Context: process, under RTNL and the namespace's lock. kb_inline_settle() follows.
 */
void kb_inline_enter(struct kb_inline *l)
{
	kb_tool_get(l->tool);
	list_add_tail(&l->list, &l->kn->lines);
}

static int add_port(struct net_device *dev, struct net_device *port)
{
	return port ? dev->netdev_ops->ndo_add_slave(dev, port, NULL) : -ENODEV;
}

/* Called under RTNL. What is not there, or fails for want of memory, leaves the tool down. */
static void build(struct kb_inline *l)
{
	struct net_device *dev;
	int err;

	if (!kb_inline_peer(l) || !kb_tool_dev(l->tool))
		return;
	dev = kb_wire_create(l->kn->net, l);
	if (IS_ERR(dev))
		return;
	err = listen_on(l, NFPROTO_IPV4, dev->ifindex) ?:
	      listen_on(l, NFPROTO_IPV6, dev->ifindex) ?:
	      add_port(dev, kb_inline_peer(l)) ?:
	      add_port(dev, kb_tool_dev(l->tool)) ?:
	      dev_change_flags(dev, dev->flags | IFF_UP, NULL);
	if (err) {
		pr_warn("tool %s: error %d\n", l->tool->name, err);
		stop_listening(l);
		unregister_netdevice(dev);
		return;
	}
	rcu_assign_pointer(l->dev, dev);
}

/* Called under RTNL. */
static void tear_down(struct kb_inline *l)
{
	struct net_device *dev = line_dev(l);

	if (!dev)
		return;
	RCU_INIT_POINTER(l->dev, NULL);
	/* Who steers by the sockets does so under RCU. */
	synchronize_net();
	stop_listening(l);
	unregister_netdevice(dev);
	kb_flows_end_of_tool(l->kn, l->tool);
}

static bool is_built(const struct kb_inline *l)
{
	const struct net_device *dev = line_dev(l);
	const struct kb_wire *w = dev ? netdev_priv(dev) : NULL;
	const struct kb_port *near, *far;

	if (!w)
		return false;
	near = rtnl_dereference(w->port[KB_INLINE_DEV]);
	far = rtnl_dereference(w->port[KB_INLINE_PEER]);
	return near && far && near->dev == kb_tool_dev(l->tool) &&
	       far->dev == kb_inline_peer(l);
}

static void settle(struct kb_inline *l)
{
	if (!l->removed) {
		if (!line_dev(l))
			build(l);
		kb_inline_check(l);
		return;
	}
	cancel_delayed_work_sync(&l->look);
	list_del_init(&l->list);
	kb_tool_put(l->tool);
}

/**
 * kb_inline_settle - give all inline tools the devices that they are to have
 * @kn: the namespace
 *
 * Context: process, under RTNL but not the namespace's lock; sleeps.
 */
void kb_inline_settle(struct kb_net *kn)
{
	struct kb_inline *l, *next;

	ASSERT_RTNL();
	/* What one has another one may want. */
	list_for_each_entry(l, &kn->lines, list)
		if (l->removed || !is_built(l))
			tear_down(l);
	list_for_each_entry_safe(l, next, &kn->lines, list)
		settle(l);
}

/**
 * kb_inline_init - make what all inline tools share
 *
 * Return: 0 or -ENOMEM.
 */
int kb_inline_init(void)
{
	any_port = prepare_kernel_cred(&init_task);
	return any_port ? 0 : -ENOMEM;
}

/**
 * kb_inline_exit - undo kb_inline_init()
 */
void kb_inline_exit(void)
{
	put_cred(any_port);
}
