// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets: names, prefixes or ports, as many as real lists have, that rules ask for by name.
 * How they are asked, and how they live; what changes them is in set_nl.c.
 */
#include <linux/ctype.h>
#include <linux/list.h>
#include <linux/slab.h>

#include "set.h"

/* How long an entry whose time is over may take memory. */
#define GC_INTERVAL	(5 * HZ)

/* Where prefixes of IPv6 begin among the kinds; those of IPv4 are at their length. */
#define KIND_IPV6	64

/**
 * kb_set_kind - what an entry is counted under in its table
 * @type: &enum kbump_set_type
 * @key: its key
 * @len: bytes there
 *
 * So that only those prefix lengths and depths of domains are looked for that are in use.
 *
 * Context: any.
 * Return: for a name 0, for a domain with all below it how many labels it has, for a prefix
 * its length in its family.
 */
u8 kb_set_kind(u8 type, const u8 *key, u8 len)
{
	unsigned int i, labels = 0;

	if (type == KBUMP_SET_PREFIX)
		return len == 1 + sizeof(struct in6_addr) ? KIND_IPV6 + *key : *key;
	if (*key != '.')
		return 0;
	for (i = 0; i < len; i++)
		labels += key[i] == '.';
	return labels;
}

/* Behind a dot, in lower case, and without the dot of the root; 0: longer than names are. */
static unsigned int fold_name(u8 *to, const char *name)
{
	unsigned int len;

	*to = '.';
	for (len = 0; name[len]; len++) {
		if (len > KBUMP_SET_NAME_MAX)
			return 0;
		to[1 + len] = tolower(name[len]);
	}
	if (len > 1 && to[len] == '.')
		len--;
	return len > KBUMP_SET_NAME_MAX ? 0 : 1 + len;
}

static bool table_has_name(const struct kb_table *t, const char *name)
{
	u8 folded[KBUMP_SET_NAME_MAX + 3];
	unsigned int len = fold_name(folded, name);
	unsigned int at, labels = 0;

	/* None at all, or one without its first label. */
	if (len < 2 || folded[1] == '.')
		return false;
	if (test_bit(0, t->present) && kb_table_find(t, folded + 1, len - 1))
		return true;
	/* From the right to the left, the domains that it is in. */
	for (at = len; at--;) {
		if (folded[at] != '.')
			continue;
		if (test_bit(++labels, t->present) && kb_table_find(t, folded + at, len - at))
			return true;
	}
	return false;
}

static void mask_addr(u8 *to, const u8 *addr, unsigned int size, unsigned int len)
{
	unsigned int whole = len / 8;

	memset(to, 0, size);
	memcpy(to, addr, whole);
	if (len % 8)
		to[whole] = addr[whole] & (0xff00 >> len % 8);
}

static bool table_has_addr(const struct kb_table *t, u8 family, const void *addr)
{
	bool v6 = family == NFPROTO_IPV6;
	unsigned int size = v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
	unsigned int base = v6 ? KIND_IPV6 : 0;
	unsigned int kind = base;
	u8 key[1 + sizeof(struct in6_addr)];

	for_each_set_bit_from(kind, t->present, base + size * 8 + 1) {
		*key = kind - base;
		mask_addr(key + 1, addr, size, kind - base);
		if (kb_table_find(t, key, 1 + size))
			return true;
	}
	return false;
}

static bool counted(const struct kb_set *s, bool hit)
{
	this_cpu_inc(s->stats->lookups);
	if (hit)
		this_cpu_inc(s->stats->hits);
	return hit;
}

/**
 * kb_set_has_name - is a name in the set, or in a domain of it?
 * @s: a set of %KBUMP_SET_DOMAIN
 * @name: the name, or NULL, which is not
 *
 * Context: RCU read side.
 */
bool kb_set_has_name(const struct kb_set *s, const char *name)
{
	const struct kb_content *c = rcu_dereference(s->content);

	return counted(s, c && name && table_has_name(&c->table, name));
}

/**
 * kb_set_has_addr - is an address in one of the set's prefixes?
 * @s: a set of %KBUMP_SET_PREFIX
 * @family: NFPROTO_IPV4 or _IPV6
 * @addr: the address
 *
 * Context: RCU read side.
 */
bool kb_set_has_addr(const struct kb_set *s, u8 family, const union nf_inet_addr *addr)
{
	const struct kb_content *c = rcu_dereference(s->content);

	return counted(s, c && table_has_addr(&c->table, family, addr));
}

/**
 * kb_set_has_port - is a port in the set?
 * @s: a set of %KBUMP_SET_PORT
 * @port: the port, in host byte order
 *
 * Context: RCU read side.
 */
bool kb_set_has_port(const struct kb_set *s, u16 port)
{
	const struct kb_content *c = rcu_dereference(s->content);

	return counted(s, c && test_bit(port, c->ports));
}

/**
 * kb_content_alloc - make what is in a set that is empty
 * @type: &enum kbump_set_type
 *
 * Context: process; sleeps.
 * Return: that, or NULL.
 */
struct kb_content *kb_content_alloc(u8 type)
{
	struct kb_content *c = kvzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);

	if (!c)
		return NULL;
	c->type = type;
	if (type != KBUMP_SET_PORT && kb_table_init(&c->table)) {
		kvfree(c);
		return NULL;
	}
	return c;
}

/**
 * kb_content_free - free what nobody else knows of
 * @c: what was in a set, or NULL
 *
 * Context: process; sleeps.
 */
void kb_content_free(struct kb_content *c)
{
	if (!c)
		return;
	if (c->type != KBUMP_SET_PORT)
		kb_table_free(&c->table);
	kvfree(c);
}

static void content_free_work(struct work_struct *work)
{
	kb_content_free(container_of(to_rcu_work(work), struct kb_content, free));
}

/**
 * kb_content_count - how many entries are there?
 * @c: what is in a set
 *
 * Context: any; a number of now under the set's lock alone.
 * Return: their number, with those whose time is over but that still take memory.
 */
u32 kb_content_count(const struct kb_content *c)
{
	return READ_ONCE(*(c->type == KBUMP_SET_PORT ? &c->count : &c->table.count));
}

/**
 * kb_content_memory - how much memory does it take?
 * @c: what is in a set
 *
 * Context: any; a number of now under the set's lock alone.
 * Return: bytes.
 */
u64 kb_content_memory(const struct kb_content *c)
{
	return sizeof(*c) + (c->type == KBUMP_SET_PORT ? 0 : READ_ONCE(c->table.memory));
}

/**
 * kb_set_content - what is in a set
 * @s: the set, whose lock is held
 *
 * Return: that, or NULL if the set has been deleted.
 */
struct kb_content *kb_set_content(const struct kb_set *s)
{
	return rcu_dereference_protected(s->content, lockdep_is_held(&s->lock));
}

/**
 * kb_set_replace - exchange all that is in a set
 * @s: the set, whose lock is held
 * @content: what is to be in it, or NULL
 *
 * What was in it is freed when no reader is left.
 *
 * Context: process.
 */
void kb_set_replace(struct kb_set *s, struct kb_content *content)
{
	struct kb_content *old;

	if (content && content->type != KBUMP_SET_PORT)
		content->table.shared = true;
	old = rcu_replace_pointer(s->content, content, lockdep_is_held(&s->lock));
	if (!old)
		return;
	INIT_RCU_WORK(&old->free, content_free_work);
	queue_rcu_work(kb_free_wq, &old->free);
}

/**
 * kb_set_changed - do what each change of a set's contents wants
 * @s: the set, whose lock is held
 *
 * Context: process.
 */
void kb_set_changed(struct kb_set *s)
{
	const struct kb_content *c = kb_set_content(s);

	s->gen++;
	WRITE_ONCE(s->changes, s->changes + 1);
	if (c->type != KBUMP_SET_PORT && c->table.timed)
		queue_delayed_work(kb_free_wq, &s->gc, GC_INTERVAL);
}

static void gc_work(struct work_struct *work)
{
	struct kb_set *s = container_of(to_delayed_work(work), struct kb_set, gc);
	struct kb_content *c;
	u32 before;

	mutex_lock(&s->lock);
	c = kb_set_content(s);
	if (c) {
		before = c->table.count;
		kb_table_collect(&c->table);
		if (c->table.count != before)
			s->gen++;
		if (c->table.timed)
			queue_delayed_work(kb_free_wq, &s->gc, GC_INTERVAL);
	}
	mutex_unlock(&s->lock);
}

/**
 * kb_set_alloc - make a set
 * @type: &enum kbump_set_type
 *
 * Context: process; sleeps.
 * Return: the set, empty and with one reference, or NULL.
 */
struct kb_set *kb_set_alloc(u8 type)
{
	struct kb_set *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	struct kb_content *c = kb_content_alloc(type);

	if (!s || !c)
		goto fail;
	s->stats = alloc_percpu_gfp(struct kb_set_stats, GFP_KERNEL_ACCOUNT);
	if (!s->stats)
		goto fail;
	s->type = type;
	/* A dump takes 0 for "not known". */
	s->gen = 1;
	s->changes = 1;
	refcount_set(&s->ref, 1);
	mutex_init(&s->lock);
	INIT_DELAYED_WORK(&s->gc, gc_work);
	mutex_lock(&s->lock);
	kb_set_replace(s, c);
	mutex_unlock(&s->lock);
	return s;
fail:
	kb_content_free(c);
	kfree(s);
	return NULL;
}

/**
 * kb_set_find - find a set by its name
 * @kn: the namespace, whose lock is held
 * @name: the name
 *
 * Return: the set, without a reference, or NULL.
 */
struct kb_set *kb_set_find(struct kb_net *kn, const char *name)
{
	struct kb_set *s;

	lockdep_assert_held(&kn->lock);
	list_for_each_entry(s, &kn->sets, list)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

/**
 * kb_set_get - take a reference
 * @s: a set that somebody else has a reference to
 */
void kb_set_get(struct kb_set *s)
{
	refcount_inc(&s->ref);
}

/**
 * kb_set_put - drop a reference
 * @s: the set, which was deleted if this is the last one; or NULL
 *
 * Context: any.
 */
void kb_set_put(struct kb_set *s)
{
	if (!s || !refcount_dec_and_test(&s->ref))
		return;
	/* A base has none itself. */
	kb_set_put(s->base);
	free_percpu(s->stats);
	kfree(s);
}

/**
 * kb_set_drop_fill - forget what a fill has brought
 * @s: the set, whose lock is held
 *
 * Context: process; sleeps.
 */
void kb_set_drop_fill(struct kb_set *s)
{
	kb_content_free(s->fill);
	s->fill = NULL;
}

/**
 * kb_set_drop_base - leave a shadow as empty as it is
 * @s: the set, whose lock is held; it may be no shadow
 *
 * Context: process.
 */
void kb_set_drop_base(struct kb_set *s)
{
	kb_set_put(s->base);
	s->base = NULL;
}

static int copy_table(struct kb_table *to, const struct kb_table *from)
{
	const struct kb_entry *e;
	u64 a = 0, b = 0;
	int err;

	while ((e = kb_table_next(from, &a, &b))) {
		if (!kb_entry_is_live(e))
			continue;
		err = kb_table_add(to, e->key, e->len, e->kind, e->expires);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static struct kb_content *content_copy(const struct kb_content *from)
{
	struct kb_content *c = kb_content_alloc(from->type);

	if (!c)
		return NULL;
	if (c->type == KBUMP_SET_PORT) {
		bitmap_copy(c->ports, from->ports, KB_PORTS);
		c->count = from->count;
	} else if (copy_table(&c->table, &from->table)) {
		kb_content_free(c);
		return NULL;
	}
	return c;
}

/**
 * kb_set_load - give a shadow the contents of its base, if it has not got them yet
 * @s: the set, whose lock is held; it may be no shadow
 *
 * Context: process; sleeps.
 * Return: 0, -EAGAIN if the base was deleted, or -ENOMEM.
 */
int kb_set_load(struct kb_set *s)
{
	struct kb_set *base = s->base;
	struct kb_content *from, *c = NULL;
	int err = -EAGAIN;

	if (!base)
		return 0;
	mutex_lock_nested(&base->lock, SINGLE_DEPTH_NESTING);
	from = kb_set_content(base);
	if (from) {
		c = content_copy(from);
		s->base_changes = base->changes;
		err = c ? 0 : -ENOMEM;
	}
	mutex_unlock(&base->lock);
	if (err)
		return err;
	kb_set_replace(s, c);
	kb_set_drop_base(s);
	return 0;
}

/**
 * kb_set_end - free what is in a set, and drop the reference of the namespace
 * @s: the set, which no rule of the table names, and which is in no list any more
 *
 * Context: process; sleeps.
 */
void kb_set_end(struct kb_set *s)
{
	mutex_lock(&s->lock);
	kb_set_drop_fill(s);
	kb_set_replace(s, NULL);
	mutex_unlock(&s->lock);
	/* Without contents nobody starts it again. */
	cancel_delayed_work_sync(&s->gc);
	kb_set_put(s);
}

/**
 * kb_sets_release - forget the fills of a netlink socket that has been closed
 * @kn: the namespace
 * @portid: the socket's port
 *
 * Context: process; sleeps.
 */
void kb_sets_release(struct kb_net *kn, u32 portid)
{
	struct kb_set *s;

	/* Anybody's socket comes here. */
	if (list_empty(&kn->sets))
		return;
	mutex_lock(&kn->lock);
	list_for_each_entry(s, &kn->sets, list) {
		/* Sets that others fill may be locked for long. */
		if (READ_ONCE(s->fill_portid) != portid)
			continue;
		mutex_lock(&s->lock);
		if (s->fill_portid == portid)
			kb_set_drop_fill(s);
		mutex_unlock(&s->lock);
	}
	mutex_unlock(&kn->lock);
}

/**
 * kb_sets_exit - delete all sets
 * @kn: the namespace, whose rules are gone
 *
 * Context: process; sleeps.
 */
void kb_sets_exit(struct kb_net *kn)
{
	struct kb_set *s, *next;
	LIST_HEAD(gone);

	mutex_lock(&kn->lock);
	list_splice_init(&kn->sets, &gone);
	mutex_unlock(&kn->lock);
	list_for_each_entry_safe(s, next, &gone, list)
		kb_set_end(s);
}
