/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_WIRE_H
#define KB_WIRE_H

#include <linux/netdevice.h>

struct genl_info;
struct kb_head;
struct netlink_callback;

#define KB_WIRE_PORTS	2

/**
 * struct kb_port_stats - of what came in by a port
 * @frames: frames
 * @bytes: their bytes, from the Ethernet header on
 * @steered: those of them that went to kbump's sockets
 * @dropped: those that the other port could not take
 */
struct kb_port_stats {
	u64 frames;
	u64 bytes;
	u64 steered;
	u64 dropped;
};

/**
 * struct kb_port - a device that is one end of a wire
 *
 * Made and freed by its wire, under RTNL; read under RCU. Freed after a grace period.
 *
 * @wire: whose it is
 * @dev: the device; the link to the wire has a reference
 * @number: its place in the wire, 0 or 1
 * @held: it is down because the other one is; under RTNL, as all below
 * @linked: it has had a link since it came up
 * @had_ipv6: before it was a port
 * @rcu: for the freeing
 */
struct kb_port {
	struct kb_wire *wire;
	struct net_device *dev;
	unsigned int number;
	bool held;
	bool linked;
	bool had_ipv6;
	struct rcu_head rcu;
};

/**
 * struct kb_wire - two ports; what comes in by one goes out by the other
 *
 * The private part of its device.
 *
 * @dev: that device, on which the sockets of its flows are
 * @list: in &kb_net.wires
 * @port: the ports, or NULL; written under RTNL, read under RCU
 * @last: index of the latest device of each port, or 0; under RTNL
 * @inside: number of the port on which the clients are, as the operator sees it; under RTNL
 * @link: a port goes down with the other; under RTNL
 * @bypass: no flow begins; written under RTNL
 * @stats: by port, per CPU
 */
struct kb_wire {
	struct net_device *dev;
	struct list_head list;
	struct kb_port __rcu *port[KB_WIRE_PORTS];
	int last[KB_WIRE_PORTS];
	u8 inside;
	bool link;
	bool bypass;
	struct kb_port_stats __percpu *stats[KB_WIRE_PORTS];
};

extern const struct net_device_ops kb_wire_ops;

/**
 * kb_is_wire - is a device that of a wire?
 * @dev: the device, or NULL
 */
static inline bool kb_is_wire(const struct net_device *dev)
{
	return dev && dev->netdev_ops == &kb_wire_ops;
}

int kb_wire_init(void);
void kb_wire_exit(void);

void kb_wire_adapt(struct kb_wire *w);
struct kb_port_stats kb_wire_stats(const struct kb_wire *w, unsigned int number);

/* wire_nl.c */
void kb_wire_event(struct kb_wire *w);
int kb_wire_set_doit(struct sk_buff *skb, struct genl_info *info);
int kb_wire_get_doit(struct sk_buff *skb, struct genl_info *info);
int kb_wire_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

/* wire_in.c */
bool kb_wire_in(const struct kb_port *in, struct sk_buff **pskb);

/* wire_out.c */
void kb_wire_send(struct sk_buff *skb, struct net_device *port, const struct kb_head *h);
netdev_tx_t kb_wire_xmit(struct sk_buff *skb, struct net_device *dev);

#endif /* KB_WIRE_H */
