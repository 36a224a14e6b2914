// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hash of strings of bytes, for sets: read under RCU at a cost that does not depend on its
 * size, with little memory for each entry.
 *
 * It grows at once, with all entries linked a second time, into new buckets: readers of the old
 * ones go on along the old links. It does not shrink: what is emptied is replaced.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "table.h"

#define FIRST_BITS	4
#define LAST_BITS	26
/* Steps of long work after which others have their turn. */
#define BATCH		1024

/* For the writer, and for tables that nobody else sees. */
static struct kb_buckets *buckets_of(const struct kb_table *t)
{
	return rcu_dereference_protected(t->buckets, true);
}

static struct kb_entry *entry_of(struct kb_entry __rcu *link)
{
	return rcu_dereference_protected(link, true);
}

static size_t buckets_size(unsigned int bits)
{
	return sizeof(struct kb_buckets) + (sizeof(struct kb_entry *) << bits);
}

static size_t entry_size(const struct kb_entry *e)
{
	return kmalloc_size_roundup(sizeof(*e) + e->len);
}

static u32 bucket_no(const struct kb_table *t, const struct kb_buckets *b, const void *key, u8 len)
{
	return hsiphash(key, len, &t->key) >> (32 - b->bits);
}

static struct kb_buckets *buckets_alloc(unsigned int bits, u8 gen)
{
	struct kb_buckets *b = kvzalloc(buckets_size(bits), GFP_KERNEL_ACCOUNT);

	if (!b)
		return NULL;
	b->bits = bits;
	b->gen = gen;
	return b;
}

/**
 * kb_table_init - make an empty table
 * @t: the table, zeroed
 *
 * Context: process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int kb_table_init(struct kb_table *t)
{
	struct kb_buckets *b = buckets_alloc(FIRST_BITS, 0);

	if (!b)
		return -ENOMEM;
	get_random_bytes(&t->key, sizeof(t->key));
	t->grown = get_state_synchronize_rcu();
	t->memory = buckets_size(FIRST_BITS);
	RCU_INIT_POINTER(t->buckets, b);
	return 0;
}

static void free_chain(struct kb_entry *e, u8 gen)
{
	while (e) {
		struct kb_entry *next = entry_of(e->next[gen]);

		kfree(e);
		e = next;
	}
}

/**
 * kb_table_free - free all that a table has
 * @t: the table, which has no reader left
 *
 * Context: process; sleeps.
 */
void kb_table_free(struct kb_table *t)
{
	struct kb_buckets *b = buckets_of(t);
	u32 i;

	for (i = 0; i < 1U << b->bits; i++) {
		free_chain(entry_of(b->head[i]), b->gen);
		if (i % BATCH == 0)
			cond_resched();
	}
	kvfree(b);
}

/**
 * kb_table_find - find an entry whose time is not over
 * @t: the table
 * @key: its key
 * @len: bytes there
 *
 * Context: RCU read side, or the writer.
 * Return: the entry, or NULL.
 */
const struct kb_entry *kb_table_find(const struct kb_table *t, const void *key, u8 len)
{
	const struct kb_buckets *b = rcu_dereference_check(t->buckets, true);
	const struct kb_entry *e;

	e = rcu_dereference_check(b->head[bucket_no(t, b, key, len)], true);
	while (e && (e->len != len || memcmp(e->key, key, len)))
		e = rcu_dereference_check(e->next[b->gen], true);
	return e && kb_entry_is_live(e) ? e : NULL;
}

/* The link to an entry, be its time over or not, or the last link of its bucket. */
static struct kb_entry __rcu **find_link(const struct kb_table *t, struct kb_buckets *b,
					 const void *key, u8 len)
{
	struct kb_entry __rcu **link = &b->head[bucket_no(t, b, key, len)];
	struct kb_entry *e;

	while ((e = entry_of(*link))) {
		if (e->len == len && !memcmp(e->key, key, len))
			break;
		link = &e->next[b->gen];
	}
	return link;
}

/* Readers of these buckets may be about to use the other links of all entries. */
static void link_all(const struct kb_table *t, const struct kb_buckets *from,
		     struct kb_buckets *to)
{
	struct kb_entry *e;
	u32 i, n;

	for (i = 0; i < 1U << from->bits; i++) {
		for (e = entry_of(from->head[i]); e; e = entry_of(e->next[from->gen])) {
			n = bucket_no(t, to, e->key, e->len);
			RCU_INIT_POINTER(e->next[to->gen], entry_of(to->head[n]));
			RCU_INIT_POINTER(to->head[n], e);
		}
		if (i % BATCH == 0)
			cond_resched();
	}
}

/* Room for that many entries, at one to a bucket. */
static int reserve(struct kb_table *t, u64 count)
{
	struct kb_buckets *old = buckets_of(t), *new;
	unsigned int bits = old->bits;

	while (bits < LAST_BITS && count > 1ULL << bits)
		bits++;
	if (bits == old->bits)
		return 0;
	new = buckets_alloc(bits, !old->gen);
	if (!new)
		return -ENOMEM;
	/* Until nobody reads the links that were in use before the buckets last changed. */
	if (t->shared)
		cond_synchronize_rcu(t->grown);
	link_all(t, old, new);
	rcu_assign_pointer(t->buckets, new);
	t->grown = get_state_synchronize_rcu();
	t->memory += buckets_size(bits) - buckets_size(old->bits);
	if (t->shared)
		kvfree_rcu(old, rcu);
	else
		kvfree(old);
	return 0;
}

static void link_entry(struct kb_table *t, struct kb_buckets *b, struct kb_entry *e)
{
	struct kb_entry __rcu **head = &b->head[bucket_no(t, b, e->key, e->len)];

	t->count++;
	t->timed += !!e->expires;
	t->memory += entry_size(e);
	if (!t->kinds[e->kind]++)
		set_bit(e->kind, t->present);
	RCU_INIT_POINTER(e->next[b->gen], entry_of(*head));
	rcu_assign_pointer(*head, e);
}

/* Readers may be at it: it is freed, but its links stay as they are. */
static void unlink_entry(struct kb_table *t, const struct kb_buckets *b,
			 struct kb_entry __rcu **link)
{
	struct kb_entry *e = entry_of(*link);

	rcu_assign_pointer(*link, entry_of(e->next[b->gen]));
	t->count--;
	t->timed -= !!e->expires;
	t->memory -= entry_size(e);
	if (!--t->kinds[e->kind])
		clear_bit(e->kind, t->present);
	kvfree_rcu_mightsleep(e);
}

static void set_end(struct kb_table *t, struct kb_entry *e, unsigned long expires)
{
	t->timed += !!expires - !!e->expires;
	WRITE_ONCE(e->expires, expires);
}

/**
 * kb_table_add - add an entry, or set the end of one that is there
 * @t: the table
 * @key: its key
 * @len: bytes there
 * @kind: its kind, always the same for the same key
 * @expires: end of its time in jiffies, or 0
 *
 * Context: process, the writer; sleeps.
 * Return: 0, or -ENOMEM with the table as it was.
 */
int kb_table_add(struct kb_table *t, const void *key, u8 len, u8 kind, unsigned long expires)
{
	struct kb_entry *e = entry_of(*find_link(t, buckets_of(t), key, len));

	if (e) {
		set_end(t, e, expires);
		return 0;
	}
	if (reserve(t, t->count + 1ULL))
		return -ENOMEM;
	e = kmalloc(sizeof(*e) + len, GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	e->expires = expires;
	e->kind = kind;
	e->len = len;
	memcpy(e->key, key, len);
	link_entry(t, buckets_of(t), e);
	return 0;
}

/**
 * kb_table_del - take an entry out
 * @t: the table
 * @key: its key
 * @len: bytes there
 *
 * Context: process, the writer; sleeps.
 * Return: false if it is not there.
 */
bool kb_table_del(struct kb_table *t, const void *key, u8 len)
{
	struct kb_buckets *b = buckets_of(t);
	struct kb_entry __rcu **link = find_link(t, b, key, len);

	if (!entry_of(*link))
		return false;
	unlink_entry(t, b, link);
	return true;
}

/**
 * kb_table_collect - take out all entries whose time is over
 * @t: the table
 *
 * Context: process, the writer; sleeps.
 */
void kb_table_collect(struct kb_table *t)
{
	struct kb_buckets *b = buckets_of(t);
	u32 i;

	for (i = 0; t->timed && i < 1U << b->bits; i++) {
		struct kb_entry __rcu **link = &b->head[i];
		struct kb_entry *e;

		while ((e = entry_of(*link))) {
			if (kb_entry_is_live(e))
				link = &e->next[b->gen];
			else
				unlink_entry(t, b, link);
		}
		if (i % BATCH == 0)
			cond_resched();
	}
}

/**
 * kb_table_missing - how many entries of one table does another one not have?
 * @t: the table that may not have them
 * @from: the table that has them
 *
 * Context: process, the writer of both; sleeps.
 * Return: their number.
 */
u32 kb_table_missing(const struct kb_table *t, const struct kb_table *from)
{
	u64 bucket = 0, place = 0;
	const struct kb_entry *e;
	u32 missing = 0;

	while ((e = kb_table_next(from, &bucket, &place))) {
		missing += !entry_of(*find_link(t, buckets_of(t), e->key, e->len));
		if (missing % BATCH == 0)
			cond_resched();
	}
	return missing;
}

static void join_entry(struct kb_table *t, struct kb_buckets *b, struct kb_entry *e)
{
	struct kb_entry *same = entry_of(*find_link(t, b, e->key, e->len));

	if (!same) {
		link_entry(t, b, e);
		return;
	}
	set_end(t, same, e->expires);
	kfree(e);
}

/**
 * kb_table_join - move all entries of one table to another one
 * @t: the table that gets them
 * @from: the table that had them, of which nobody else knows; to be freed then
 * @missing: the answer of kb_table_missing()
 *
 * Context: process, the writer of both; sleeps.
 * Return: 0, or -ENOMEM with both tables as they were.
 */
int kb_table_join(struct kb_table *t, struct kb_table *from, u32 missing)
{
	struct kb_buckets *source = buckets_of(from);
	u32 i;

	if (reserve(t, (u64)t->count + missing))
		return -ENOMEM;
	for (i = 0; i < 1U << source->bits; i++) {
		struct kb_entry *e = entry_of(source->head[i]);

		RCU_INIT_POINTER(source->head[i], NULL);
		while (e) {
			struct kb_entry *next = entry_of(e->next[source->gen]);

			join_entry(t, buckets_of(t), e);
			e = next;
		}
		if (i % BATCH == 0)
			cond_resched();
	}
	return 0;
}

/**
 * kb_table_next - walk over all entries, be their time over or not
 * @t: the table
 * @bucket: where to go on; 0 at the beginning, as
 * @place: entries to be skipped there
 *
 * Context: process, the writer; sleeps.
 * Return: the next entry, which the place is after; or NULL at the end.
 */
const struct kb_entry *kb_table_next(const struct kb_table *t, u64 *bucket, u64 *place)
{
	const struct kb_buckets *b = buckets_of(t);

	for (; *bucket < 1U << b->bits; (*bucket)++, *place = 0) {
		const struct kb_entry *e = entry_of(b->head[*bucket]);
		u64 skip;

		for (skip = *place; e && skip; skip--)
			e = entry_of(e->next[b->gen]);
		if (e) {
			(*place)++;
			return e;
		}
		if (*bucket % BATCH == 0)
			cond_resched();
	}
	return NULL;
}
