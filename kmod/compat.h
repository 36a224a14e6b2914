/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that depends on the kernel's version: Debian's 6.1 and 6.12 are supported.
 */
#ifndef KB_COMPAT_H
#define KB_COMPAT_H

#include <linux/version.h>
#include <net/inet_sock.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#if BITS_PER_LONG != 64
#error "kbump's counters are read without locks: a 64-bit kernel is needed"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#error "from 6.14 on kTLS itself has a say in a change of keys: kmod/rekey.c is not written for it"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#else
#include <linux/netdevice.h>
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define kb_dev_set_lltx(dev)	((dev)->lltx = true)
#else
#define kb_dev_set_lltx(dev)	((dev)->features |= NETIF_F_LLTX)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define kb_dev_set_netns_local(dev)	((dev)->netns_immutable = true)
#else
#define kb_dev_set_netns_local(dev)	((dev)->features |= NETIF_F_NETNS_LOCAL)
#endif

/* May a socket have any address? */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define kb_sock_set_transparent(sk)	inet_set_bit(TRANSPARENT, sk)
#else
#define kb_sock_set_transparent(sk)	(inet_sk(sk)->transparent = 1)
#endif

/*
 * A kernel's socket becomes one for which its namespace waits, as for a process's. Return: false if
 * that is dying.
 */
static inline bool kb_sock_hold_net(struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (!maybe_get_net(net))
		return false;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	sk_net_refcnt_upgrade(sk);
	put_net(net);
#else
	sk->sk_net_refcnt = 1;
	netns_tracker_alloc(net, &sk->ns_tracker, GFP_KERNEL);
	sock_inuse_add(net, 1);
#endif
	return true;
}

/* The attributes of a generic netlink dump's request. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define kb_dump_attrs(cb)	(genl_info_dump(cb)->attrs)
#else
#define kb_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#endif

/*
 * CVE-2026-74611: after a TLS 1.3 record with padding, that was first decrypted straight into
 * the caller's pages, the second attempt began at the wrong place.
 */
static inline bool kb_tls13_zc_is_safe(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	return LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 191);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	return LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 114);
#else
	return true;
#endif
}

#endif /* KB_COMPAT_H */
