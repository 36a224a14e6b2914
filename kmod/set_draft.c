// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets in a draft. What is done to the entries of one that is there already is done to a shadow
 * of it, whose contents become its own.
 */
#include <linux/rwsem.h>
#include <linux/slab.h>

#include "draft.h"
#include "netlink.h"
#include "set.h"
#include "set_draft.h"
#include "set_nl.h"

static void note_put(const void *obj)
{
	kb_set_put((struct kb_set *)obj);
}

static const struct kb_note_kind set_note = {
	.attr = KBUMP_A_SET,
	.fill = kb_set_fill,
	.put = note_put,
};

/* What becomes of a set is told when the draft holds. */
static int note(struct kb_draft *d, u8 cmd, struct kb_set *s)
{
	struct kb_note *n = kb_draft_note(d, cmd, &set_note);

	if (!n)
		return -ENOMEM;
	n->obj = s;
	kb_set_get(s);
	return 0;
}

static struct kb_draft_set *find(const struct kb_draft *d, const char *name)
{
	struct kb_draft_set *e;

	list_for_each_entry(e, &d->sets, list)
		if (!strcmp(e->set->name, name))
			return e;
	return NULL;
}

static struct kb_draft_set *enter(struct kb_draft *d, struct kb_set *s)
{
	struct kb_draft_set *e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);

	if (!e)
		return NULL;
	e->set = s;
	kb_set_get(s);
	list_add_tail(&e->list, &d->sets);
	return e;
}

/* Without the namespace's lock: work on the set may have to be waited for. */
static void entry_free(struct kb_draft_set *e)
{
	list_del(&e->list);
	if (e->shadow)
		kb_set_end(e->shadow);
	if (e->ends)
		kb_set_end(e->set);
	kb_set_put(e->set);
	kfree(e);
}

/**
 * kb_draft_copy_sets - begin a draft with the sets that there are
 * @kn: the namespace, whose lock is held
 * @d: the draft
 *
 * Context: process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int kb_draft_copy_sets(struct kb_net *kn, struct kb_draft *d)
{
	struct kb_set *s;

	list_for_each_entry(s, &kn->sets, list)
		if (!enter(d, s))
			return -ENOMEM;
	return 0;
}

/**
 * kb_draft_free_sets - forget the sets of a draft, and free those that it has taken away
 * @d: the draft
 *
 * Context: process, without the namespace's lock; sleeps.
 */
void kb_draft_free_sets(struct kb_draft *d)
{
	struct kb_draft_set *e, *next;

	list_splice_init(&d->gone_sets, &d->sets);
	list_for_each_entry_safe(e, next, &d->sets, list)
		entry_free(e);
}

/**
 * kb_draft_find_set - find a set by name
 * @d: the draft
 * @name: its name
 *
 * Context: with the namespace's lock held.
 * Return: the set, without a reference, or NULL.
 */
struct kb_set *kb_draft_find_set(const struct kb_draft *d, const char *name)
{
	struct kb_draft_set *e = find(d, name);

	return e ? e->set : NULL;
}

static struct kb_set *shadow_alloc(struct kb_set *base)
{
	struct kb_set *s = kb_set_alloc(base->type);

	if (!s)
		return NULL;
	strscpy(s->name, base->name, sizeof(s->name));
	s->timeout = base->timeout;
	s->limit = base->limit;
	s->base = base;
	kb_set_get(base);
	return s;
}

/**
 * kb_draft_shadow - the set whose entries are changed in place of those of a set
 * @d: the draft, with the namespace's lock held
 * @name: the set's name
 *
 * Context: process; sleeps.
 * Return: a set that nobody asks, without a reference; or an ERR_PTR().
 */
struct kb_set *kb_draft_shadow(struct kb_draft *d, const char *name)
{
	struct kb_draft_set *e = find(d, name);

	if (!e)
		return ERR_PTR(-ENOENT);
	if (e->added)
		return e->set;
	if (e->shadow)
		return e->shadow;
	e->shadow = shadow_alloc(e->set);
	if (e->shadow && !note(d, KBUMP_CMD_SET_FILL, e->set))
		return e->shadow;
	return ERR_PTR(-ENOMEM);
}

/**
 * kb_draft_add_set - add a set to a draft
 * @d: the draft, which has none of this name; with the namespace's lock held
 * @s: the set, whose first reference is the draft's in any case
 *
 * Context: process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int kb_draft_add_set(struct kb_draft *d, struct kb_set *s)
{
	struct kb_draft_set *e = enter(d, s);

	if (!e) {
		kb_set_end(s);
		return -ENOMEM;
	}
	e->added = true;
	e->ends = true;
	return note(d, KBUMP_CMD_SET_ADD, s);
}

static int take(struct kb_draft *d, struct kb_draft_set *e)
{
	int err = note(d, KBUMP_CMD_SET_DEL, e->set);

	if (!err)
		list_move_tail(&e->list, &d->gone_sets);
	return err;
}

static bool is_named(const struct kb_rules *t, const struct kb_set *s)
{
	unsigned int i;

	for (i = 0; i < t->count; i++)
		if (kb_match_names_set(&t->place[i].rule->match, s))
			return true;
	return false;
}

/**
 * kb_draft_del_set - take a set out of a draft
 * @d: the draft, with the namespace's lock held
 * @name: the set's name
 *
 * Context: process; sleeps.
 * Return: 0, -ENOENT, -EBUSY if a rule names it, or -ENOMEM.
 */
int kb_draft_del_set(struct kb_draft *d, const char *name)
{
	struct kb_draft_set *e = find(d, name);

	if (!e)
		return -ENOENT;
	return is_named(d->rules, e->set) ? -EBUSY : take(d, e);
}

/**
 * kb_draft_flush_sets - take all sets out of a draft
 * @d: the draft, without rules; with the namespace's lock held
 *
 * Context: process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int kb_draft_flush_sets(struct kb_draft *d)
{
	struct kb_draft_set *e, *next;
	int err = 0;

	list_for_each_entry_safe(e, next, &d->sets, list)
		err = err ?: take(d, e);
	return err;
}

/* The set that commands about entries were given, if there were any. */
static struct kb_set *changed(const struct kb_draft_set *e)
{
	return e->added ? e->set : e->shadow;
}

static int check_locked(const struct kb_draft_set *e, const struct kb_set *s,
			struct netlink_ext_ack *extack)
{
	if (s->fill) {
		NL_SET_ERR_MSG(extack, "a fill of a set has not ended");
		return -EBUSY;
	}
	/* What a shadow has was made of what the set had. */
	if (s->base_changes && s->base_changes != READ_ONCE(e->set->changes)) {
		NL_SET_ERR_MSG(extack, "somebody else has changed a set meanwhile");
		return -EAGAIN;
	}
	return 0;
}

static int check_sets(const struct kb_draft *d, struct netlink_ext_ack *extack)
{
	const struct kb_draft_set *e;
	struct kb_set *s;
	int err = 0;

	list_for_each_entry(e, &d->sets, list) {
		s = changed(e);
		if (!s)
			continue;
		mutex_lock(&s->lock);
		err = check_locked(e, s, extack);
		mutex_unlock(&s->lock);
		if (err)
			break;
	}
	return err;
}

static void take_contents(struct kb_set *s, struct kb_set *shadow)
{
	struct kb_content *c = NULL;

	mutex_lock(&shadow->lock);
	/* With a base, nobody has changed anything. */
	if (!shadow->base) {
		c = kb_set_content(shadow);
		RCU_INIT_POINTER(shadow->content, NULL);
	}
	mutex_unlock(&shadow->lock);
	if (!c)
		return;
	mutex_lock(&s->lock);
	kb_set_replace(s, c);
	kb_set_changed(s);
	mutex_unlock(&s->lock);
}

static bool has_shadows(const struct kb_draft *d)
{
	const struct kb_draft_set *e;

	list_for_each_entry(e, &d->sets, list)
		if (e->shadow)
			return true;
	return false;
}

/**
 * kb_draft_enter_sets - make the sets as the draft has them
 * @kn: the namespace, whose lock is held
 * @d: the draft
 * @extack: says what is wrong
 *
 * Context: process; sleeps.
 * Return: 0, or -EAGAIN or -EBUSY, and nothing is changed.
 */
int kb_draft_enter_sets(struct kb_net *kn, struct kb_draft *d, struct netlink_ext_ack *extack)
{
	struct kb_draft_set *e;
	int err;

	/* A lone command changes no entries here, and waits for nobody who does. */
	if (has_shadows(d))
		down_write(&kn->entries);
	err = check_sets(d, extack);
	list_for_each_entry(e, &d->sets, list)
		if (!err && e->shadow)
			take_contents(e->set, e->shadow);
	if (has_shadows(d))
		up_write(&kn->entries);
	if (err)
		return err;
	list_for_each_entry(e, &d->sets, list) {
		if (!e->added)
			continue;
		e->ends = false;
		list_add_tail(&e->set->list, &kn->sets);
	}
	return 0;
}

/**
 * kb_draft_count_sets - count how often each set is named
 * @kn: the namespace, whose lock is held
 */
void kb_draft_count_sets(struct kb_net *kn)
{
	const struct kb_rules *t = kb_rules_of(kn);
	struct kb_set *s;
	unsigned int i;

	list_for_each_entry(s, &kn->sets, list)
		s->counted = 0;
	for (i = 0; i < t->count; i++)
		kb_match_count_sets(&t->place[i].rule->match);
	list_for_each_entry(s, &kn->sets, list)
		WRITE_ONCE(s->rules, s->counted);
}

/**
 * kb_draft_leave_sets - delete the sets that the draft has no more
 * @d: the draft; with the lock held of the namespace, whose rules name none of them
 */
void kb_draft_leave_sets(struct kb_draft *d)
{
	struct kb_draft_set *e;

	list_for_each_entry(e, &d->gone_sets, list) {
		if (e->added)
			continue;
		e->ends = true;
		list_del(&e->set->list);
	}
}
