/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_VRF_H
#define KB_VRF_H

#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>

/**
 * kb_vrf_of - the VRF that a device is, or is a port of
 * @dev: the device, or NULL
 *
 * Context: RCU read side.
 * Return: index of the VRF's device, or 0 if there is none.
 */
static inline int kb_vrf_of(const struct net_device *dev)
{
	if (!dev)
		return 0;
	if (netif_is_l3_master(dev))
		return dev->ifindex;
	return netif_is_l3_slave(dev) ? l3mdev_master_ifindex_rcu(dev) : 0;
}

/**
 * kb_vrf_port - where a packet has come in
 * @skb: the packet
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @in: the device that it is said to have come in by, which is a VRF's behind the first part of
 *	PRE_ROUTING; or NULL
 *
 * Context: RCU read side.
 * Return: the VRF's port, or @in if that is no VRF's.
 */
static inline struct net_device *kb_vrf_port(const struct sk_buff *skb, u8 family,
					     struct net_device *in)
{
	int index = family == NFPROTO_IPV4 ? IPCB(skb)->iif : IP6CB(skb)->iif;
	struct net_device *port = NULL;

	if (in && netif_is_l3_master(in))
		port = dev_get_by_index_rcu(dev_net(in), index);
	return port ?: in;
}

#endif /* KB_VRF_H */
