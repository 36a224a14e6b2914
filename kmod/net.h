/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of one network namespace.
 */
#ifndef KB_NET_H
#define KB_NET_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rhashtable-types.h>
#include <linux/rwsem.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include <linux/kbump.h>

#include "rule_set.h"

struct dst_entry;
struct kb_learned_table;
struct kb_rules;
struct kb_taps;

/* Indexed by &enum kbump_stat; those of the present (flows, handshakes, taps) are not kept here. */
struct kb_stats {
	u64 c[KBUMP_STAT_MAX + 1];
};

/**
 * struct kb_net - kbump in one network namespace
 *
 * Made and freed with the namespace, by main.c. What hangs on it is gone before it is.
 *
 * @net: the namespace; not counted, as this dies first
 * @lock: serialises all changes of @rules, @tools, @sets, @drafts, @helpers and generations
 * @entries: taken for reading, outside a set's lock, to change what is in it, and for writing to
 *	change what is in several sets; inside @lock
 * @rules: the table of rules, or NULL; replaced under @lock, read under RCU
 * @last_handle: the youngest rule's handle; under @lock
 * @tools: &struct kb_tool in order of age; under @lock
 * @lines: &struct kb_inline; under RTNL
 * @sets: &struct kb_set in order of age; under @lock
 * @wires: &struct kb_wire; under RTNL
 * @wires_gen: changes with @wires, for the consistency of dumps; under RTNL
 * @gen: changes with @rules, @tools and @sets, for the consistency of dumps and of drafts; under
 *	@lock
 * @drafts: &struct kb_draft of netlink sockets; under @lock
 * @rule_sets: by number; under @lock
 * @devices: tells of the devices of the tools
 * @helpers: &struct kb_helper; written under @lock, read under RCU
 * @helpers_gen: changes with @helpers, for the consistency of dumps; under @lock
 * @turn: number of the next SYN, to share them among the helpers; races do no harm
 * @ends: both address pairs of each flow, &struct kb_end; has its own locks, read under RCU
 * @filter: legs in @ends by a hash, see filter.c; written under @list_lock, read without
 * @flows: flows that have not ended, by id; its xa_lock is taken with BH off
 * @last_id: id of the youngest flow
 * @nflows: established flows
 * @nhandshakes: flows in handshake
 * @shares: flows in handshake by a hash of the client's address, see share.c; constant
 * @share_key: of that hash; constant
 * @learned: bypasses that were learned; constant, has its own lock, read under RCU
 * @taps: connections whose packets are copied; constant, has its own lock, read under RCU
 * @ntaps: how many; under the lock of @taps, read without
 * @list_lock: protects @handshakes and @remains, and membership in @ends; taken with BH off
 * @handshakes: flows in handshake, the oldest first
 * @remains: ended flows, whose sockets may still have something to say
 * @nremains: how many there are in @remains; under @list_lock
 * @gc: looks after @handshakes and @remains
 * @dst4: local input route of IPv4, for steered packets
 * @dst6: the same of IPv6; NULL if the namespace has no IPv6
 * @nchoosers: iptables rules by which connections are chosen; with 0, all are
 * @local: connections of local processes were steered; set once
 * @zoned: connections were put into tracking zones of their own; set once
 * @hooked: the netfilter hooks are registered; under @lock
 * @dying: no new flow, no new configuration; set once
 * @stats: per-CPU counters
 */
struct kb_net {
	struct net *net;
	struct mutex lock;
	struct rw_semaphore entries;
	struct kb_rules __rcu *rules;
	u32 last_handle;
	struct list_head tools;
	struct list_head lines;
	struct list_head sets;
	struct list_head wires;
	unsigned int wires_gen;
	unsigned int gen;
	struct list_head drafts;
	struct kb_rule_set rule_sets[KB_RULE_SETS + 1];
	struct notifier_block devices;
	struct list_head helpers;
	unsigned int helpers_gen;
	unsigned int turn;
	struct rhashtable ends;
	u16 *filter;
	struct xarray flows;
	atomic64_t last_id;
	atomic_t nflows;
	atomic_t nhandshakes;
	atomic_t *shares;
	siphash_key_t share_key;
	struct kb_learned_table *learned;
	struct kb_taps *taps;
	unsigned int ntaps;
	spinlock_t list_lock;
	struct list_head handshakes;
	struct list_head remains;
	unsigned int nremains;
	struct delayed_work gc;
	struct dst_entry *dst4;
	struct dst_entry *dst6;
	atomic_t nchoosers;
	bool local;
	bool zoned;
	bool hooked;
	bool dying;
	struct kb_stats __percpu *stats;
};

struct kb_net *kb_net(const struct net *net);

/* For what takes long to be freed, after a grace period; made and destroyed with the module. */
extern struct workqueue_struct *kb_free_wq;

/**
 * kb_count - add to a counter of the namespace
 * @kn: the namespace
 * @stat: which, &enum kbump_stat
 * @n: how much
 *
 * Context: any.
 */
static inline void kb_count(struct kb_net *kn, enum kbump_stat stat, u64 n)
{
	this_cpu_add(kn->stats->c[stat], n);
}

#endif /* KB_NET_H */
