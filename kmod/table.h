/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_TABLE_H
#define KB_TABLE_H

#include <linux/bitmap.h>
#include <linux/siphash.h>
#include <linux/types.h>

#define KB_KINDS	256

/**
 * struct kb_entry - one entry of a table
 *
 * Belongs to the table; freed a grace period after it was taken out of it. Small, as there may
 * be millions.
 *
 * @next: in its bucket, of two generations of buckets in turn; written by the table's writer,
 *	read under RCU
 * @expires: jiffies from which on it is as if it were not there; 0: never. Written by the
 *	table's writer, read at any time.
 * @kind: what the user of the table counts it under
 * @len: bytes in @key
 * @key: by which it is found; constant, as the two before
 */
struct kb_entry {
	struct kb_entry __rcu *next[2];
	unsigned long expires;
	u8 kind;
	u8 len;
	u8 key[];
};

/**
 * struct kb_buckets - the buckets of a table, replaced when it grows
 *
 * @rcu: for the freeing
 * @bits: there are 1 << @bits of them
 * @gen: which of &kb_entry.next is theirs
 * @head: first entry of each; written by the table's writer, read under RCU
 */
struct kb_buckets {
	struct rcu_head rcu;
	u8 bits;
	u8 gen;
	struct kb_entry __rcu *head[];
};

/**
 * struct kb_table - strings of bytes, each perhaps with an end to its time
 *
 * Readers need RCU alone; writers exclude each other by a lock of the table's owner.
 *
 * @buckets: written by the writer, read under RCU
 * @key: of the hash; constant
 * @shared: there may be readers; set by the owner before there are, and never cleared
 * @grown: when the buckets were last replaced, for cond_synchronize_rcu(); the writer's, as all
 *	below but @present
 * @count: entries
 * @timed: those that have an end
 * @memory: bytes that it takes
 * @kinds: entries of each kind
 * @present: kinds of which there are any; read at any time: an entry may be there a little
 *	earlier or later than its kind
 */
struct kb_table {
	struct kb_buckets __rcu *buckets;
	hsiphash_key_t key;
	bool shared;
	unsigned long grown;
	u32 count;
	u32 timed;
	u64 memory;
	u32 kinds[KB_KINDS];
	DECLARE_BITMAP(present, KB_KINDS);
};

int kb_table_init(struct kb_table *t);
void kb_table_free(struct kb_table *t);
const struct kb_entry *kb_table_find(const struct kb_table *t, const void *key, u8 len);
int kb_table_add(struct kb_table *t, const void *key, u8 len, u8 kind, unsigned long expires);
bool kb_table_del(struct kb_table *t, const void *key, u8 len);
void kb_table_collect(struct kb_table *t);
u32 kb_table_missing(const struct kb_table *t, const struct kb_table *from);
int kb_table_join(struct kb_table *t, struct kb_table *from, u32 missing);
const struct kb_entry *kb_table_next(const struct kb_table *t, u64 *bucket, u64 *place);

/**
 * kb_entry_is_live - is its time not over?
 * @e: the entry
 *
 * Context: any.
 */
static inline bool kb_entry_is_live(const struct kb_entry *e)
{
	unsigned long expires = READ_ONCE(e->expires);

	return !expires || time_before(jiffies, expires);
}

#endif /* KB_TABLE_H */
