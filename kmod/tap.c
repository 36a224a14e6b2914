// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taps: of connections that a rule leaves alone from the first packet on, its tools get a copy of
 * each packet. The packets go their way, and nothing waits for the copies.
 *
 * A packet ends no tap: it may be forged, or not the last one. A tap ends when nothing has come for
 * a time, which is short once both sides seem to be done.
 */
#include <linux/ip.h>
#include <linux/module.h>
#include <linux/netfilter_bridge.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/checksum.h>

#include "compat.h"
#include "frame.h"
#include "group.h"
#include "packet.h"
#include "rule.h"
#include "tap.h"
#include "tool.h"

/* How often a tap is looked at, and how long it lasts without a packet. */
#define LOOK_MS		5000
#define HALF_OPEN_MS	25000
/* RFC 5382, REQ-5. */
#define OPEN_MS		7440000
#define ENDED_MS	5000
#define SWEEP_MS	1000
#define SWEEP_BATCH	256
#define HEADERS_MAX	256
/* A guest may say that its packets are to be cut to bytes. */
#define SEGMENT_MIN	64

static unsigned int max_taps = 65536;
module_param(max_taps, uint, 0644);
MODULE_PARM_DESC(max_taps, "connections of which tools get the packets, in a network namespace");

/**
 * enum kb_tap_flag - what a tap's packets have said, bits of &kb_tap.flags
 * @KB_TAP_CLIENT_FIN: the client sends no more
 * @KB_TAP_SERVER_FIN: the server sends no more
 * @KB_TAP_RESET: the last packet was a reset
 * @KB_TAP_ANSWERED: the server has answered
 */
enum kb_tap_flag {
	KB_TAP_CLIENT_FIN,
	KB_TAP_SERVER_FIN,
	KB_TAP_RESET,
	KB_TAP_ANSWERED,
};

/**
 * struct kb_tap - a connection whose packets are copied
 *
 * The table owns it. Who finds it under RCU may use it, and the rule, until the end of the read
 * side; both are freed after a grace period.
 *
 * @node: in &kb_taps.table; in it and in the list, or in neither, under &kb_taps.lock
 * @tuple: the key: addresses and ports as FORWARD sees them, behind the NAT of destinations and
 *	before that of sources; constant
 * @list: in &kb_taps.list; under &kb_taps.lock
 * @rcu: for the freeing
 * @rule: counted reference to the rule that names the tools; constant
 * @check: jiffies when to look at it again; under &kb_taps.lock
 * @seen: jiffies of the last packet; races do no harm
 * @flags: of &enum kb_tap_flag; atomic
 * @choice: by what tools choose connections; constant
 * @bytes: of data that each side has sent, what was sent again included; races do no harm
 */
struct kb_tap {
	struct rhash_head node;
	struct kb_tuple tuple;
	struct list_head list;
	struct rcu_head rcu;
	struct kb_rule *rule;
	unsigned long check;
	unsigned long seen;
	unsigned long flags;
	struct kb_choice choice;
	u64 bytes[KB_SIDES];
};

/**
 * struct kb_taps - the taps of a namespace
 *
 * Made and freed with the namespace.
 *
 * @kn: the namespace; constant
 * @table: taps by their tuples; written under @lock, read under RCU
 * @lock: serialises changes, &kb_net.ntaps among them; taken with BH off
 * @list: taps in the order of their @check; under @lock
 * @sweep: ends those whose time is over, while there is any
 */
struct kb_taps {
	struct kb_net *kn;
	struct rhashtable table;
	spinlock_t lock;
	struct list_head list;
	struct delayed_work sweep;
};

static const struct rhashtable_params taps_params = {
	.head_offset = offsetof(struct kb_tap, node),
	.key_offset = offsetof(struct kb_tap, tuple),
	.key_len = sizeof(struct kb_tuple),
	.automatic_shrinking = true,
};

static struct kb_tap *find(struct kb_net *kn, const struct kb_tuple *tuple)
{
	return rhashtable_lookup(&kn->taps->table, tuple, taps_params);
}

/* Called with the lock held. */
static void look_later(struct kb_taps *taps, struct kb_tap *t)
{
	t->check = jiffies + msecs_to_jiffies(LOOK_MS);
	list_move_tail(&t->list, &taps->list);
}

/* Called with the lock held; the tap is in the table. */
static void end(struct kb_taps *taps, struct kb_tap *t)
{
	rhashtable_remove_fast(&taps->table, &t->node, taps_params);
	list_del_init(&t->list);
	WRITE_ONCE(taps->kn->ntaps, taps->kn->ntaps - 1);
	kb_rule_put(t->rule);
	kfree_rcu(t, rcu);
}

static bool has_ended(const struct kb_tap *t)
{
	return test_bit(KB_TAP_RESET, &t->flags) ||
	       (test_bit(KB_TAP_CLIENT_FIN, &t->flags) && test_bit(KB_TAP_SERVER_FIN, &t->flags));
}

static unsigned int patience(const struct kb_tap *t)
{
	if (has_ended(t))
		return ENDED_MS;
	return test_bit(KB_TAP_ANSWERED, &t->flags) ? OPEN_MS : HALF_OPEN_MS;
}

/* Called with the lock held. */
static void look_at(struct kb_taps *taps, struct kb_tap *t)
{
	if (time_after(jiffies, READ_ONCE(t->seen) + msecs_to_jiffies(patience(t))))
		end(taps, t);
	else
		look_later(taps, t);
}

/* True when there may be more to look at. */
static bool look(struct kb_taps *taps)
{
	struct kb_tap *t;
	int n;

	spin_lock_bh(&taps->lock);
	for (n = 0; n < SWEEP_BATCH; n++) {
		t = list_first_entry_or_null(&taps->list, struct kb_tap, list);
		if (!t || time_before(jiffies, t->check))
			break;
		look_at(taps, t);
	}
	spin_unlock_bh(&taps->lock);
	return n == SWEEP_BATCH;
}

static void start_sweep(struct kb_taps *taps)
{
	queue_delayed_work(system_power_efficient_wq, &taps->sweep, msecs_to_jiffies(SWEEP_MS));
}

static void sweep(struct work_struct *work)
{
	struct kb_taps *taps = container_of(to_delayed_work(work), struct kb_taps, sweep);

	while (look(taps))
		cond_resched();
	if (kb_tap_any(taps->kn))
		start_sweep(taps);
}

static struct kb_tap *tap_alloc(const struct kb_tuple *tuple, struct kb_rule *rule)
{
	struct kb_tap *t = kzalloc(sizeof(*t), GFP_ATOMIC | __GFP_NOWARN);

	if (!t)
		return NULL;
	if (!kb_rule_get(rule)) {
		kfree(t);
		return NULL;
	}
	t->rule = rule;
	t->tuple = *tuple;
	t->choice = kb_choice_of(tuple);
	t->seen = jiffies;
	INIT_LIST_HEAD(&t->list);
	return t;
}

/* Called with the lock held. Return: 0, -EEXIST or another error. */
static int insert(struct kb_taps *taps, struct kb_tap *t)
{
	struct kb_net *kn = taps->kn;
	int err;

	if (kn->ntaps >= READ_ONCE(max_taps))
		return -ENOSPC;
	err = rhashtable_lookup_insert_fast(&taps->table, &t->node, taps_params);
	if (err)
		return err;
	look_later(taps, t);
	WRITE_ONCE(kn->ntaps, kn->ntaps + 1);
	return 0;
}

/* Where another processor was faster, with the same SYN again, its tap serves. */
static void begin(struct kb_net *kn, const struct kb_tuple *tuple, struct kb_rule *rule)
{
	struct kb_tap *t = tap_alloc(tuple, rule);
	int err = -ENOMEM;

	if (t) {
		spin_lock_bh(&kn->taps->lock);
		err = insert(kn->taps, t);
		spin_unlock_bh(&kn->taps->lock);
	}
	if (!err) {
		kb_frame_count_flow(rule, &t->choice);
		start_sweep(kn->taps);
		return;
	}
	if (err != -EEXIST)
		kb_count(kn, KBUMP_STAT_TAPS_FAILED, 1);
	if (t) {
		kb_rule_put(rule);
		kfree(t);
	}
}

static void forget(struct kb_taps *taps, struct kb_tap *t)
{
	spin_lock_bh(&taps->lock);
	if (!list_empty(&t->list))
		end(taps, t);
	spin_unlock_bh(&taps->lock);
}

/* A SYN again: of the same connection, of the next one, or forged. */
static void begin_anew(struct kb_tap *t)
{
	if (has_ended(t))
		kb_frame_count_flow(t->rule, &t->choice);
	WRITE_ONCE(t->bytes[KB_CLIENT], 0);
	WRITE_ONCE(t->bytes[KB_SERVER], 0);
	WRITE_ONCE(t->seen, jiffies);
	/* Before it is taken for one that has waited for its answer: look_at(). */
	smp_wmb();
	WRITE_ONCE(t->flags, 0);
}

/**
 * kb_tap_set - say who gets copies of a connection's packets
 * @kn: the namespace
 * @tuple: its addresses, as its first packet has them in FORWARD
 * @rule: the rule whose tools do, or NULL: nobody does
 *
 * Context: RCU read side, BH off.
 */
void kb_tap_set(struct kb_net *kn, const struct kb_tuple *tuple, struct kb_rule *rule)
{
	struct kb_tap *t;

	if (!rule && !kb_tap_any(kn))
		return;
	t = find(kn, tuple);
	if (t && t->rule == rule) {
		begin_anew(t);
		return;
	}
	if (t)
		forget(kn->taps, t);
	if (rule)
		begin(kn, tuple, rule);
}

/* Most packets change nothing, and the flag's cache line is not theirs alone. */
static void set_flag(struct kb_tap *t, enum kb_tap_flag flag, bool value)
{
	if (test_bit(flag, &t->flags) != value)
		assign_bit(flag, &t->flags, value);
}

static void note(struct kb_tap *t, enum kb_side from, const struct kb_packet *p, bool data)
{
	enum kb_tap_flag fin = from == KB_CLIENT ? KB_TAP_CLIENT_FIN : KB_TAP_SERVER_FIN;
	unsigned long now = jiffies;

	if (READ_ONCE(t->seen) != now)
		WRITE_ONCE(t->seen, now);
	/* Who goes on has not taken the reset for one. */
	set_flag(t, KB_TAP_RESET, p->rst);
	if (from == KB_SERVER && !p->rst)
		set_flag(t, KB_TAP_ANSWERED, true);
	/* Who goes on sending was not done. */
	if (p->fin || data)
		set_flag(t, fin, p->fin);
}

/* To the tool the server has the port that the tool's settings say. */
static void set_port(struct sk_buff *skb, const struct kb_packet *p, enum kb_side from,
		     const struct kb_target *to)
{
	struct tcphdr *th = (struct tcphdr *)(skb->data + p->tcp);
	__be16 *port = from == KB_CLIENT ? &th->dest : &th->source;
	__be16 new = htons(to->look->dport);

	if (!new)
		return;
	inet_proto_csum_replace2(&th->check, skb, *port, new, false);
	*port = new;
}

/* Headers of its own; what is in pages is shared. Return: the copy, or NULL. */
static struct sk_buff *copy(struct sk_buff *skb, const struct kb_packet *p, enum kb_side from,
			    const struct kb_target *to)
{
	struct sk_buff *n = __pskb_copy(skb, kb_frame_room(to), GFP_ATOMIC | __GFP_NOWARN);

	if (!n)
		return NULL;
	/* __pskb_copy() itself does not know of another headroom. */
	skb_headers_offset_update(n, skb_headroom(n) - skb_headroom(skb));
	if (!pskb_may_pull(n, p->payload)) {
		kfree_skb(n);
		return NULL;
	}
	if (pskb_trim(n, kb_packet_length(n, p->family))) {
		kfree_skb(n);
		return NULL;
	}
	skb_scrub_packet(n, true);
	__vlan_hwaccel_clear_tag(n);
	n->protocol = htons(p->family == NFPROTO_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	set_port(n, p, from, to);
	return n;
}

/*
 * Into segments of @size, all with right sums. Where it would not be cut as it was put together,
 * or was never, skb_segment() does not want to find a list of buffers.
 */
static int cut(struct sk_buff **skb, u8 family, unsigned int size)
{
	struct skb_shared_info *shinfo = skb_shinfo(*skb);
	unsigned int kept = SKB_GSO_TCP_ECN | SKB_GSO_TCP_FIXEDID | SKB_GSO_DODGY;
	struct sk_buff *segments;

	if (skb_has_frag_list(*skb) &&
	    (shinfo->gso_size != size || shinfo->gso_type & SKB_GSO_FRAGLIST)) {
		if (skb_linearize(*skb))
			return -ENOMEM;
		shinfo = skb_shinfo(*skb);
	}
	shinfo->gso_size = size;
	shinfo->gso_type &= kept;
	shinfo->gso_type |= family == NFPROTO_IPV4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
	segments = skb_gso_segment(*skb, NETIF_F_SG);
	if (IS_ERR_OR_NULL(segments))
		return -ENOMEM;
	consume_skb(*skb);
	*skb = segments;
	return 0;
}

/*
 * As on the wire: segments of the size that the sender made, unless the tool takes less; with the
 * sum that a device was to make, as tools read from software devices, where it would be missing.
 */
static int finish(struct sk_buff **skb, const struct kb_packet *p, const struct kb_target *to)
{
	unsigned int wish = skb_shinfo(*skb)->gso_size, size = kb_frame_mss(to, p->payload);

	if (wish)
		size = min(size, max_t(unsigned int, wish, SEGMENT_MIN));
	if ((*skb)->len - p->payload > size)
		return cut(skb, p->family, size);
	skb_gso_reset(*skb);
	if ((*skb)->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(*skb))
		return -ENOMEM;
	(*skb)->ip_summed = CHECKSUM_NONE;
	return 0;
}

static void send(struct sk_buff *skb, const struct kb_packet *p, enum kb_side from,
		 const struct kb_target *to, unsigned int frames)
{
	struct sk_buff *n = copy(skb, p, from, to), *next;

	if (!n || finish(&n, p, to)) {
		kfree_skb(n);
		this_cpu_add(to->tool->stats->drop_nomem, frames);
		return;
	}
	skb_list_walk_safe(n, n, next) {
		skb_mark_not_on_list(n);
		kb_frame_send(n, p->family, to);
	}
}

/*
 * What no TCP could read is not shown to a tool; nor are headers that leave no room for data in a
 * frame, as nobody but an attacker makes them.
 */
static bool is_sound(const struct sk_buff *skb, const struct kb_packet *p)
{
	return p->payload >= p->tcp + sizeof(struct tcphdr) && p->payload <= skb->len &&
	       p->payload <= HEADERS_MAX;
}

/**
 * kb_tap_packet - copy a packet to the tools that are to see it
 * @kn: the namespace
 * @skb: a packet in FORWARD, behind all of the host's rules
 * @state: the hook's
 *
 * Context: RCU read side, BH off.
 */
void kb_tap_packet(struct kb_net *kn, struct sk_buff *skb, const struct nf_hook_state *state)
{
	unsigned int frames = max_t(unsigned int, skb_shinfo(skb)->gso_segs, 1), i;
	struct kb_tap *t = NULL;
	struct kb_target to;
	struct kb_packet p;
	enum kb_side from;
	unsigned int data;
	u64 before;

	/* A frame on its way through a bridge is not forwarded by the box. */
	if (!kb_packet_tcp(skb, state, &p) || nf_bridge_info_exists(skb) || !is_sound(skb, &p))
		return;
	for (from = KB_CLIENT; from < KB_SIDES; from++) {
		struct kb_tuple tuple = kb_packet_tuple(&p, KB_CLIENT, from);

		t = find(kn, &tuple);
		if (t)
			break;
	}
	if (!t)
		return;
	data = kb_packet_length(skb, p.family);
	data = data > p.payload ? data - p.payload : 0;
	before = READ_ONCE(t->bytes[from]);
	note(t, from, &p, data);
	WRITE_ONCE(t->bytes[from], before + data);
	for (i = 0; i < t->rule->ntools; i++)
		if (kb_frame_target(&to, t->rule->tools[i], &t->choice, frames) &&
		    !(data && to.look->limit && before >= to.look->limit))
			send(skb, &p, from, &to, frames);
}

/**
 * kb_taps_init - make a namespace's table
 * @kn: the namespace
 *
 * Context: process; sleeps.
 * Return: 0 or an error.
 */
int kb_taps_init(struct kb_net *kn)
{
	struct kb_taps *taps = kzalloc(sizeof(*taps), GFP_KERNEL);
	int err;

	if (!taps)
		return -ENOMEM;
	err = rhashtable_init(&taps->table, &taps_params);
	if (err) {
		kfree(taps);
		return err;
	}
	taps->kn = kn;
	spin_lock_init(&taps->lock);
	INIT_LIST_HEAD(&taps->list);
	INIT_DELAYED_WORK(&taps->sweep, sweep);
	kn->taps = taps;
	return 0;
}

/**
 * kb_taps_exit - end all taps, and free the table
 * @kn: the namespace, whose packets are not looked at any more
 *
 * Context: process; sleeps.
 */
void kb_taps_exit(struct kb_net *kn)
{
	struct kb_taps *taps = kn->taps;
	struct kb_tap *t, *next;

	cancel_delayed_work_sync(&taps->sweep);
	spin_lock_bh(&taps->lock);
	list_for_each_entry_safe(t, next, &taps->list, list)
		end(taps, t);
	spin_unlock_bh(&taps->lock);
	rhashtable_destroy(&taps->table);
	kfree(taps);
}
