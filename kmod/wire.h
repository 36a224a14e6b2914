/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_WIRE_H
#define KB_WIRE_H

#include <linux/netdevice.h>

#include "part.h"

struct genl_info;
struct kb_head;
struct kb_inline;
struct netlink_callback;

#define KB_WIRE_PORTS	2

/**
 * enum kb_drop - why a frame did not pass
 * @KB_DROP_DOWN: the wire or the other port is down, or not there
 * @KB_DROP_LONG: it is longer than the other port takes
 * @KB_DROP_FULL: the queue of the other port did not take it
 * @KB_DROP_RULE: a rule blocks it
 * @KB_DROP_CUT: it is a fragment by which TCP's header would be hidden from the rules
 * @KB_DROPS: how many there are
 */
enum kb_drop {
	KB_DROP_DOWN,
	KB_DROP_LONG,
	KB_DROP_FULL,
	KB_DROP_RULE,
	KB_DROP_CUT,
	KB_DROPS,
};

/**
 * struct kb_port_stats - of what came in by a port
 * @frames: frames
 * @bytes: their bytes, from the Ethernet header on
 * @steered: those of them that went to kbump's sockets
 * @dropped: those that did not pass, by &enum kb_drop
 */
struct kb_port_stats {
	u64 frames;
	u64 bytes;
	u64 steered;
	u64 dropped[KB_DROPS];
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
 * @line: the inline tool between its ports, for which nothing is forwarded; NULL if it is a wire.
 *	Constant
 * @link: a port goes down with the other; under RTNL
 * @bypass: no flow begins; written under RTNL
 * @parts: fragmented packets that went up
 * @stats: by port, per CPU
 */
struct kb_wire {
	struct net_device *dev;
	struct list_head list;
	struct kb_port __rcu *port[KB_WIRE_PORTS];
	int last[KB_WIRE_PORTS];
	u8 inside;
	struct kb_inline *line;
	bool link;
	bool bypass;
	struct kb_parts parts;
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

struct net_device *kb_wire_create(struct net *net, struct kb_inline *line);
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
void kb_wire_drop(const struct kb_port *in, struct sk_buff *skb, enum kb_drop why);
bool kb_wire_in(const struct kb_port *in, struct sk_buff **pskb);

/* wire_out.c */
void kb_wire_send(struct sk_buff *skb, struct net_device *port, const struct kb_head *h);
netdev_tx_t kb_wire_xmit(struct sk_buff *skb, struct net_device *dev);

#endif /* KB_WIRE_H */
