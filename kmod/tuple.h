/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The addresses and ports of a TCP connection, as seen from its ends, whatever the direction
 * of the packet that they were read from.
 */
#ifndef KB_TUPLE_H
#define KB_TUPLE_H

#include <linux/netfilter.h>
#include <net/inet_sock.h>

/**
 * struct kb_tuple - addresses and ports; compared and hashed as bytes
 *
 * @client: client's address, zero-filled
 * @server: server's address, zero-filled
 * @cport: client's port
 * @sport: server's port
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @side: which leg of a flow the tuple is that of, &enum kb_side
 * @zero: padding
 * @vrf: index of the VRF's device from which the leg's peer sends, or 0: in another one the same
 *	addresses are those of others
 */
struct kb_tuple {
	union nf_inet_addr client;
	union nf_inet_addr server;
	__be16 cport;
	__be16 sport;
	u8 family;
	u8 side;
	u8 zero[2];
	int vrf;
};

/**
 * enum kb_side - the two legs of a flow
 * @KB_CLIENT: between the client and the box
 * @KB_SERVER: between the box and the server
 */
enum kb_side {
	KB_CLIENT,
	KB_SERVER,
	KB_SIDES,
};

static inline enum kb_side kb_other(enum kb_side side)
{
	return side == KB_CLIENT ? KB_SERVER : KB_CLIENT;
}

#endif /* KB_TUPLE_H */
