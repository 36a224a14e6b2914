// SPDX-License-Identifier: GPL-2.0-only
/*
 * No client may take up all handshakes. Clients are counted by a keyed hash of their address,
 * in a table of fixed size: two that meet in it share one share, and nobody can choose whom to
 * meet.
 */
#include <linux/module.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include "share.h"

#define SHARES		4096
/* What one customer usually has of IPv6: a /64. */
#define PREFIX6		8

static unsigned int max_handshakes_per_client = 2048;
module_param(max_handshakes_per_client, uint, 0644);
MODULE_PARM_DESC(max_handshakes_per_client,
		 "flows in handshake of one IPv4 address or IPv6 /64 in a network namespace");

static u16 share_of(const struct kb_net *kn, const struct kb_tuple *t)
{
	size_t len = t->family == NFPROTO_IPV4 ? sizeof(t->client.ip) : PREFIX6;
	struct {
		u8 client[PREFIX6];
		u64 vrf;
	} key = { .vrf = t->vrf };

	/* In another VRF the same address is another client's. */
	memcpy(key.client, &t->client, len);
	return siphash(&key, sizeof(key), &kn->share_key) % SHARES;
}

/**
 * kb_share_take - count one more handshake of a client
 * @kn: the namespace
 * @t: its addresses
 * @share: result, for kb_share_give()
 *
 * Context: any.
 * Return: false if the client has its share already; nothing is counted then.
 */
bool kb_share_take(struct kb_net *kn, const struct kb_tuple *t, u16 *share)
{
	unsigned int limit = READ_ONCE(max_handshakes_per_client);

	*share = share_of(kn, t);
	if (atomic_inc_return(&kn->shares[*share]) <= limit)
		return true;
	kb_share_give(kn, *share);
	return false;
}

/**
 * kb_share_give - a client's handshake is over
 * @kn: the namespace
 * @share: from kb_share_take()
 *
 * Context: any.
 */
void kb_share_give(struct kb_net *kn, u16 share)
{
	atomic_dec(&kn->shares[share]);
}

/**
 * kb_shares_init - make a namespace's table
 * @kn: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int kb_shares_init(struct kb_net *kn)
{
	get_random_bytes(&kn->share_key, sizeof(kn->share_key));
	kn->shares = kvcalloc(SHARES, sizeof(*kn->shares), GFP_KERNEL_ACCOUNT);
	return kn->shares ? 0 : -ENOMEM;
}

/**
 * kb_shares_exit - free a namespace's table, when no flow is left
 * @kn: the namespace
 */
void kb_shares_exit(struct kb_net *kn)
{
	kvfree(kn->shares);
}
