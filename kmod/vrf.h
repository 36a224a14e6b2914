/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_VRF_H
#define KB_VRF_H

#include <linux/netdevice.h>
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
	if (!dev || !(netif_is_l3_master(dev) || netif_is_l3_slave(dev)))
		return 0;
	return l3mdev_master_ifindex_rcu(dev);
}

#endif /* KB_VRF_H */
