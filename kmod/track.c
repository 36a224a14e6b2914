// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server leg takes the client's place in connection tracking: its entry has the same
 * addresses, and gets what the host's rules wrote on that of the client's SYN, which goes
 * when the SYN is steered.
 */
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_labels.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "facts.h"
#include "track.h"

/**
 * kb_track_read - note what is known of a connection
 * @t: result
 * @net: the namespace
 * @skb: its SYN, after all of the host's rules
 *
 * Context: any; does not sleep.
 * Return: 0 or -ENOMEM.
 */
int kb_track_read(struct kb_track *t, struct net *net, const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	memset(t, 0, sizeof(*t));
	if (!ct)
		return 0;
	t->dnat = ct->status & IPS_DST_NAT;
	if (nf_ct_zone(ct)->id == NF_CT_DEFAULT_ZONE_ID)
		return 0;
	t->zone = nf_ct_tmpl_alloc(net, nf_ct_zone(ct), GFP_ATOMIC | __GFP_NOWARN);
	return t->zone ? 0 : -ENOMEM;
}

/**
 * kb_track_release - undo kb_track_read()
 * @t: what it noted
 *
 * Context: any.
 */
void kb_track_release(struct kb_track *t)
{
	nf_ct_put(t->zone);
	t->zone = NULL;
}

/**
 * kb_track_assign_zone - have a packet tracked in the connection's zone
 * @t: what is known of the connection
 * @skb: a packet of the server leg, before connection tracking
 *
 * Context: any.
 */
void kb_track_assign_zone(const struct kb_track *t, struct sk_buff *skb)
{
	/* On its way through a VRF it is not to be tracked yet. */
	if (!t->zone || skb->_nfct)
		return;
	nf_conntrack_get(&t->zone->ct_general);
	nf_ct_set(skb, t->zone, IP_CT_NEW);
}

/**
 * kb_track_pass_on - write on the server leg's entry, while it is new
 * @o: what the connection's first packet said
 * @skb: a packet of the server leg, after connection tracking
 *
 * Context: any.
 */
void kb_track_pass_on(const struct kb_origin *o, const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	struct nf_conn *ct = nf_ct_get(skb, &info);
	struct nf_conn_labels *labels;

	/* Nobody else has an entry that is not confirmed. */
	if (!ct || nf_ct_is_confirmed(ct))
		return;
#if IS_ENABLED(CONFIG_NF_CONNTRACK_MARK)
	ct->mark = o->ct_mark;
#endif
	labels = nf_ct_labels_find(ct);
	if (labels)
		memcpy(labels->bits, o->labels, sizeof(labels->bits));
}
