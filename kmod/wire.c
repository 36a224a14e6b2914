// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device kind "kbump": a wire of two ports. What comes in by one goes out by the other as it
 * is, at once. The packets of flows that are inspected go to the sockets on the wire's device,
 * which is, as that of a VRF is, a routing domain of its own: whatever addresses are on the wire,
 * they are not the box's.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/l3mdev.h>
#include <net/rtnetlink.h>

#include <linux/kbump.h>

#include "compat.h"
#include "flow.h"
#include "inline.h"
#include "net.h"
#include "wire.h"

/* ---- frames */

/* For who looks at the wire itself. */
static void show(struct net_device *dev, struct sk_buff *skb)
{
	struct net_device *port = skb->dev;

	if (list_empty(&dev->ptype_all))
		return;
	skb->dev = dev;
	dev_queue_xmit_nit(skb, dev);
	skb->dev = port;
}

static void forward(const struct kb_port *in, struct sk_buff *skb)
{
	const struct kb_port *out = rcu_dereference(in->wire->port[!in->number]);
	int depth;

	skb_push(skb, skb->data - skb_mac_header(skb));
	if (!out || !(out->dev->flags & IFF_UP) || !netif_carrier_ok(out->dev))
		return kb_wire_drop(in, skb, KB_DROP_DOWN);
	if (!is_skb_forwardable(out->dev, skb))
		return kb_wire_drop(in, skb, KB_DROP_LONG);
	/* The device that is to fill the sum in counts from there. */
	if (skb->ip_summed == CHECKSUM_PARTIAL && eth_type_vlan(skb->protocol)) {
		if (!vlan_get_protocol_and_depth(skb, skb->protocol, &depth))
			return kb_wire_drop(in, skb, KB_DROP_LONG);
		skb_set_network_header(skb, depth);
	}
	show(in->wire->dev, skb);
	skb_forward_csum(skb);
	skb_clear_tstamp(skb);
	skb->dev = out->dev;
	/* With NET_XMIT_CN it may have been another one. */
	if (dev_queue_xmit(skb) != NET_XMIT_SUCCESS)
		this_cpu_inc(in->wire->stats[in->number]->dropped[KB_DROP_FULL]);
}

static rx_handler_result_t handle_frame(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	const struct kb_port *in;
	struct kb_port_stats __percpu *stats;

	if (skb->pkt_type == PACKET_LOOPBACK)
		return RX_HANDLER_PASS;
	in = rcu_dereference(skb->dev->rx_handler_data);
	skb = skb_share_check(skb, GFP_ATOMIC);
	*pskb = skb;
	if (!skb)
		return RX_HANDLER_CONSUMED;
	stats = in->wire->stats[in->number];
	this_cpu_inc(stats->frames);
	this_cpu_add(stats->bytes, skb->len + ETH_HLEN);
	if (!netif_running(in->wire->dev)) {
		kb_wire_drop(in, skb, KB_DROP_DOWN);
		return RX_HANDLER_CONSUMED;
	}
	if (kb_wire_in(in, pskb)) {
		this_cpu_inc(stats->steered);
		return RX_HANDLER_ANOTHER;
	}
	if (*pskb && in->wire->line)
		kb_inline_rest(in, *pskb);
	else if (*pskb)
		forward(in, *pskb);
	return RX_HANDLER_CONSUMED;
}

/* ---- ports */

static struct kb_port *port_of(const struct kb_wire *w, unsigned int number)
{
	return rtnl_dereference(w->port[number]);
}

/* As large as the smaller of both; there while both are. */
static void adapt(struct kb_wire *w)
{
	unsigned int i, mtu = ETH_MAX_MTU;
	bool carrier = true;

	for (i = 0; i < KB_WIRE_PORTS; i++) {
		const struct kb_port *p = port_of(w, i);

		carrier = carrier && p && netif_running(p->dev) && netif_carrier_ok(p->dev);
		if (!p)
			continue;
		mtu = min(mtu, READ_ONCE(p->dev->mtu));
		w->dev->needed_headroom = max(w->dev->needed_headroom, p->dev->needed_headroom);
	}
	if (mtu != ETH_MAX_MTU && mtu != w->dev->mtu)
		dev_set_mtu(w->dev, mtu);
	if (carrier == netif_carrier_ok(w->dev))
		return;
	if (carrier)
		netif_carrier_on(w->dev);
	else
		netif_carrier_off(w->dev);
	kb_wire_event(w);
}

static void set_up(struct net_device *dev, bool up)
{
	unsigned int flags = dev_get_flags(dev) & ~IFF_UP;

	dev_change_flags(dev, up ? flags | IFF_UP : flags, NULL);
}

/* Only what is up is taken down, and only that is brought up again. */
static void hold(struct kb_port *p)
{
	if (p->held || !netif_running(p->dev))
		return;
	p->held = true;
	p->linked = false;
	set_up(p->dev, false);
}

static void let_go(struct kb_port *p)
{
	if (!p->held)
		return;
	p->held = false;
	/* It may be that the device is just being unregistered. */
	if (p->dev->reg_state == NETREG_REGISTERED)
		set_up(p->dev, true);
}

static bool has_link(const struct kb_port *p)
{
	return netif_running(p->dev) && netif_carrier_ok(p->dev);
}

/*
 * Each side sees what becomes of the other, as with a cable. A port that comes up may take seconds
 * to find its link: it has to have had one before the lack of it concerns the other.
 */
static void propagate(struct kb_wire *w)
{
	unsigned int i;

	for (i = 0; i < KB_WIRE_PORTS; i++) {
		struct kb_port *p = port_of(w, i), *other = port_of(w, !i);

		if (!p)
			continue;
		if (!w->link || !other) {
			let_go(p);
			/* When it is asked, one without a link counts at once. */
			p->linked = true;
		} else if (has_link(p)) {
			p->linked = true;
			let_go(other);
		} else if (p->linked) {
			p->linked = false;
			hold(other);
		}
	}
}

/**
 * kb_wire_adapt - a port or a setting of a wire has changed
 * @w: the wire
 *
 * Context: process, under RTNL; sleeps.
 */
void kb_wire_adapt(struct kb_wire *w)
{
	propagate(w);
	adapt(w);
	if (w->line)
		kb_inline_check(w->line);
}

static int check_port(const struct net_device *dev, struct netlink_ext_ack *extack)
{
	if (dev->type != ARPHRD_ETHER || dev->flags & IFF_LOOPBACK) {
		NL_SET_ERR_MSG(extack, "a port of a wire is an Ethernet device");
		return -EINVAL;
	}
	if (kb_is_wire(dev)) {
		NL_SET_ERR_MSG(extack, "a wire cannot be a port of another one");
		return -ELOOP;
	}
	if (netdev_is_rx_handler_busy((struct net_device *)dev)) {
		NL_SET_ERR_MSG(extack, "another driver gets the frames of this device");
		return -EBUSY;
	}
	return 0;
}

/*
 * The stack is not to send anything by a port: IPv6 would, without an address as well. It looks at
 * this when the device comes up.
 */
static void silence(struct kb_port *p)
{
	struct inet6_dev *idev = __in6_dev_get(p->dev);
	bool up = p->dev->flags & IFF_UP;

	if (!idev)
		return;
	p->had_ipv6 = !READ_ONCE(idev->cnf.disable_ipv6);
	if (up)
		set_up(p->dev, false);
	WRITE_ONCE(idev->cnf.disable_ipv6, 1);
	if (up)
		set_up(p->dev, true);
}

static void give_voice(const struct kb_port *p)
{
	struct inet6_dev *idev = __in6_dev_get(p->dev);

	if (idev && p->had_ipv6)
		WRITE_ONCE(idev->cnf.disable_ipv6, 0);
}

/* The sides of flows are known by the numbers of the ports. */
static void keep_sides(struct kb_wire *w, const struct kb_port *p)
{
	if (w->last[p->number] && w->last[p->number] != p->dev->ifindex)
		kb_flows_end_of_vrf(kb_net(dev_net(w->dev)), w->dev->ifindex);
	w->last[p->number] = p->dev->ifindex;
}

static int add_port(struct net_device *wire, struct net_device *dev,
		    struct netlink_ext_ack *extack)
{
	struct kb_wire *w = netdev_priv(wire);
	unsigned int number = port_of(w, 0) ? 1 : 0;
	struct kb_port *p;
	int err = check_port(dev, extack);

	if (err)
		return err;
	if (port_of(w, number)) {
		NL_SET_ERR_MSG(extack, "a wire has two ports, and this one has them");
		return -EBUSY;
	}
	if (w->line && !kb_inline_owns(w->line, dev, number)) {
		NL_SET_ERR_MSG(extack, "this is no port of the inline tool");
		return -EPERM;
	}
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->wire = w;
	p->dev = dev;
	p->number = number;
	err = netdev_master_upper_dev_link(dev, wire, NULL, NULL, extack);
	if (err)
		goto fail_port;
	err = dev_set_promiscuity(dev, 1);
	if (err)
		goto fail_link;
	err = netdev_rx_handler_register(dev, handle_frame, p);
	if (err)
		goto fail_promisc;
	silence(p);
	dev_disable_lro(dev);
	keep_sides(w, p);
	rcu_assign_pointer(w->port[number], p);
	kb_wire_adapt(w);
	kb_wire_event(w);
	return 0;
fail_promisc:
	dev_set_promiscuity(dev, -1);
fail_link:
	netdev_upper_dev_unlink(dev, wire);
fail_port:
	kfree(p);
	return err;
}

static void release_port(struct kb_wire *w, struct kb_port *p)
{
	struct net_device *dev = p->dev;

	/* First: what is done to the device below is no news for the wire. */
	RCU_INIT_POINTER(w->port[p->number], NULL);
	netdev_rx_handler_unregister(dev);
	dev_set_promiscuity(dev, -1);
	netdev_upper_dev_unlink(dev, w->dev);
	give_voice(p);
	let_go(p);
	kfree_rcu(p, rcu);
}

static int del_port(struct net_device *wire, struct net_device *dev)
{
	struct kb_wire *w = netdev_priv(wire);
	unsigned int i;

	for (i = 0; i < KB_WIRE_PORTS; i++) {
		struct kb_port *p = port_of(w, i);

		if (!p || p->dev != dev)
			continue;
		release_port(w, p);
		kb_wire_adapt(w);
		kb_wire_event(w);
		return 0;
	}
	return -EINVAL;
}

static void release_ports(struct kb_wire *w)
{
	unsigned int i;

	for (i = 0; i < KB_WIRE_PORTS; i++)
		if (port_of(w, i))
			release_port(w, port_of(w, i));
}

static void wire_call(struct net_device *dev, unsigned long event)
{
	struct kb_net *kn = kb_net(dev_net(dev));
	struct kb_wire *w = netdev_priv(dev);

	if (w->line && (event == NETDEV_UP || event == NETDEV_DOWN)) {
		kb_inline_check(w->line);
	} else if (event == NETDEV_REGISTER && !w->line) {
		list_add_tail(&w->list, &kn->wires);
		kn->wires_gen++;
	} else if (event == NETDEV_UNREGISTER) {
		/* It goes, or to another namespace. */
		release_ports(w);
		list_del_init(&w->list);
		kn->wires_gen++;
		kb_flows_end_of_vrf(kn, dev->ifindex);
	}
}

static int device_call(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr), *wire;

	if (kb_is_wire(dev))
		wire_call(dev, event);
	wire = netdev_master_upper_dev_get(dev);
	if (!kb_is_wire(wire))
		return NOTIFY_DONE;
	switch (event) {
	case NETDEV_UNREGISTER:
		del_port(wire, dev);
		break;
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
	case NETDEV_CHANGEMTU:
		kb_wire_adapt(netdev_priv(wire));
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block devices = { .notifier_call = device_call };

/* ---- the device */

static int wire_dev_init(struct net_device *dev)
{
	struct kb_wire *w = netdev_priv(dev);
	unsigned int i;

	w->dev = dev;
	INIT_LIST_HEAD(&w->list);
	for (i = 0; i < KB_WIRE_PORTS; i++) {
		w->stats[i] = alloc_percpu(struct kb_port_stats);
		if (w->stats[i])
			continue;
		if (i)
			free_percpu(w->stats[0]);
		return -ENOMEM;
	}
	kb_parts_init(&w->parts);
	netif_carrier_off(dev);
	return 0;
}

/* All ports are released, and nobody under RCU sees them any more. */
static void wire_dev_uninit(struct net_device *dev)
{
	struct kb_wire *w = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < KB_WIRE_PORTS; i++)
		free_percpu(w->stats[i]);
}

/**
 * kb_wire_stats - add up the counters of a port
 * @w: the wire
 * @number: the port's
 *
 * Context: any.
 * Return: the sums.
 */
struct kb_port_stats kb_wire_stats(const struct kb_wire *w, unsigned int number)
{
	struct kb_port_stats sum = {};
	enum kb_drop why;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct kb_port_stats *s = per_cpu_ptr(w->stats[number], cpu);

		sum.frames += READ_ONCE(s->frames);
		sum.bytes += READ_ONCE(s->bytes);
		sum.steered += READ_ONCE(s->steered);
		for (why = 0; why < KB_DROPS; why++)
			sum.dropped[why] += READ_ONCE(s->dropped[why]);
	}
	return sum;
}

static u64 all_dropped(const struct kb_port_stats *s)
{
	enum kb_drop why;
	u64 sum = 0;

	for (why = 0; why < KB_DROPS; why++)
		sum += s->dropped[why];
	return sum;
}

/* Received is what came in by the first port, sent what came in by the second. */
static void wire_dev_stats(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	const struct kb_wire *w = netdev_priv(dev);
	const struct kb_port_stats a = kb_wire_stats(w, 0), b = kb_wire_stats(w, 1);

	s->rx_packets = a.frames;
	s->rx_bytes = a.bytes;
	s->rx_dropped = all_dropped(&a);
	s->tx_packets = b.frames;
	s->tx_bytes = b.bytes;
	s->tx_dropped = all_dropped(&b);
}

const struct net_device_ops kb_wire_ops = {
	.ndo_init = wire_dev_init,
	.ndo_uninit = wire_dev_uninit,
	.ndo_start_xmit = kb_wire_xmit,
	.ndo_add_slave = add_port,
	.ndo_del_slave = del_port,
	.ndo_get_stats64 = wire_dev_stats,
};

static u32 wire_table(const struct net_device *dev)
{
	return KBUMP_WIRE_TABLE + dev->ifindex;
}

static const struct l3mdev_ops wire_l3mdev_ops = { .l3mdev_fib_table = wire_table };

static void wire_setup(struct net_device *dev)
{
	ether_setup(dev);
	eth_hw_addr_random(dev);
	dev->netdev_ops = &kb_wire_ops;
	dev->l3mdev_ops = &wire_l3mdev_ops;
	dev->needs_free_netdev = true;
	/* What the sockets send has the station addresses of their peers: nobody is asked. */
	dev->flags = IFF_MASTER | IFF_NOARP;
	dev->priv_flags |= IFF_L3MDEV_MASTER | IFF_NO_QUEUE | IFF_NO_RX_HANDLER;
	dev->features |= NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA | NETIF_F_HW_CSUM |
			 NETIF_F_GSO_SOFTWARE | NETIF_F_VLAN_CHALLENGED;
	kb_dev_set_lltx(dev);
	dev->hw_features = dev->features;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = ETH_MAX_MTU;
}

static struct rtnl_link_ops wire_link_ops = {
	.kind = "kbump",
	.priv_size = sizeof(struct kb_wire),
	.setup = wire_setup,
};

/* Not to be made or deleted but with the tool; helpers are to know what it is. */
static struct rtnl_link_ops tool_link_ops = { .kind = "kbump" };

/**
 * kb_wire_create - make a device for an inline tool
 * @net: the namespace
 * @line: the tool's; the device is gone before it is
 *
 * Context: process, under RTNL; sleeps.
 * Return: the device, without ports; or an ERR_PTR().
 */
struct net_device *kb_wire_create(struct net *net, struct kb_inline *line)
{
	struct net_device *dev = alloc_netdev(sizeof(struct kb_wire), "kbt%d", NET_NAME_ENUM,
					      wire_setup);
	struct kb_wire *w;
	int err;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev_net_set(dev, net);
	dev->rtnl_link_ops = &tool_link_ops;
	kb_dev_set_netns_local(dev);
	w = netdev_priv(dev);
	w->line = line;
	err = register_netdevice(dev);
	if (!err)
		return dev;
	free_netdev(dev);
	return ERR_PTR(err);
}

/**
 * kb_wire_init - make the device kind known
 *
 * Return: 0 or an error.
 */
int kb_wire_init(void)
{
	int err = register_netdevice_notifier(&devices);

	if (err)
		return err;
	err = rtnl_link_register(&wire_link_ops);
	if (err)
		unregister_netdevice_notifier(&devices);
	return err;
}

/**
 * kb_wire_exit - delete all wires
 *
 * Context: process; sleeps.
 */
void kb_wire_exit(void)
{
	rtnl_link_unregister(&wire_link_ops);
	unregister_netdevice_notifier(&devices);
}

MODULE_ALIAS_RTNL_LINK("kbump");
