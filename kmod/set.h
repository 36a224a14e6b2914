/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_SET_H
#define KB_SET_H

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

#include "net.h"
#include "table.h"

#define KB_PORTS	65536

/**
 * struct kb_content - what is in a set
 *
 * Belongs to the set, or is being filled and nobody's but the writer's; freed by a worker, after
 * a grace period if readers may know it.
 *
 * @free: for the freeing
 * @type: &enum kbump_set_type; constant
 * @count: ports in @ports; constant once readers know it, as they are
 * @table: of %KBUMP_SET_DOMAIN and _PREFIX: entries by what &struct kbump_set_entry says of
 *	their data, names in lower case and without a final dot; written under &kb_set.lock
 * @ports: of %KBUMP_SET_PORT
 */
struct kb_content {
	struct rcu_work free;
	u8 type;
	u32 count;
	union {
		struct kb_table table;
		DECLARE_BITMAP(ports, KB_PORTS);
	};
};

struct kb_set_stats {
	u64 lookups;
	u64 hits;
};

/**
 * struct kb_set - a named set
 *
 * The namespace, or the draft that made it, holds one reference, and so do each rule that names
 * the set, drafts, and who works on it without the namespace's lock. What is in it is freed when
 * it is deleted, itself when the last reference goes: a rule is kept by the flows that it decided.
 * Readers find it by a rule alone, which is freed after a grace period.
 *
 * @list: in &kb_net.sets
 * @ref: references
 * @rules: how often rules of the table name it; written under &kb_net.lock
 * @counted: the same, while it is counted; under &kb_net.lock
 * @type: &enum kbump_set_type; constant, as all up to @name
 * @timeout: ms that entries stay which are added without a time-out, 0: for ever
 * @limit: most entries
 * @name: its name
 * @lock: serialises changes; inside &kb_net.lock. Of two sets: that of the lower address first; of
 *	a shadow and its base: that of the shadow.
 * @content: what is in it, or NULL once it is deleted; written under @lock, read under RCU
 * @fill: what a fill has brought so far, or NULL; under @lock, as all below
 * @fill_portid: netlink port whose fill it is, or was; read at any time
 * @gen: changes with what is in it, for the consistency of dumps
 * @changes: changes with what commands put in or take out, from 1 on; read at any time
 * @base: of a shadow whose contents are not made yet, the set of whose they will be made, with a
 *	reference; or NULL
 * @base_changes: @changes of that set when they were made; 0: they were not, or what it has
 *	does not matter
 * @gc: takes out entries whose time is over
 * @stats: per-CPU counters
 */
struct kb_set {
	struct list_head list;
	refcount_t ref;
	unsigned int rules;
	unsigned int counted;
	u8 type;
	u32 timeout;
	u32 limit;
	char name[KBUMP_NAME_LEN];
	struct mutex lock;
	struct kb_content __rcu *content;
	struct kb_content *fill;
	u32 fill_portid;
	unsigned int gen;
	u64 changes;
	struct kb_set *base;
	u64 base_changes;
	struct delayed_work gc;
	struct kb_set_stats __percpu *stats;
};

bool kb_set_has_name(const struct kb_set *s, const char *name);
bool kb_set_has_addr(const struct kb_set *s, u8 family, const union nf_inet_addr *addr);
bool kb_set_has_port(const struct kb_set *s, u16 port);

struct kb_set *kb_set_alloc(u8 type);
struct kb_set *kb_set_find(struct kb_net *kn, const char *name);
void kb_set_get(struct kb_set *s);
void kb_set_put(struct kb_set *s);
void kb_set_end(struct kb_set *s);
struct kb_content *kb_set_content(const struct kb_set *s);
void kb_set_replace(struct kb_set *s, struct kb_content *content);
void kb_set_changed(struct kb_set *s);
void kb_set_drop_fill(struct kb_set *s);
int kb_set_load(struct kb_set *s);
void kb_set_drop_base(struct kb_set *s);
void kb_sets_release(struct kb_net *kn, u32 portid);
void kb_sets_exit(struct kb_net *kn);

u8 kb_set_kind(u8 type, const u8 *key, u8 len);
struct kb_content *kb_content_alloc(u8 type);
void kb_content_free(struct kb_content *c);
u32 kb_content_count(const struct kb_content *c);
u64 kb_content_memory(const struct kb_content *c);

#endif /* KB_SET_H */
