// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drafts: each change of the configuration is made on one, which then holds as a whole.
 */
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "draft.h"
#include "inline.h"
#include "rule_nl.h"
#include "set_draft.h"
#include "steer.h"
#include "tool_nl.h"

static void notes_free(struct kb_draft *d)
{
	struct kb_note *n, *next;

	list_for_each_entry_safe(n, next, &d->notes, list) {
		if (n->obj)
			n->kind->put(n->obj);
		kfree(n);
	}
}

/*
 * Without the namespace's lock, if anything was changed: the work on a set may have to be waited
 * for.
 */
static void draft_free(struct kb_draft *d)
{
	notes_free(d);
	kb_rules_free(d->rules);
	kb_draft_free_tools(d);
	kb_draft_free_sets(d);
	kfree(d);
}

static struct kb_draft *draft_alloc(struct kb_net *kn, u32 portid)
{
	struct kb_draft *d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);

	if (!d)
		return NULL;
	INIT_LIST_HEAD(&d->list);
	INIT_LIST_HEAD(&d->tools);
	INIT_LIST_HEAD(&d->gone_tools);
	INIT_LIST_HEAD(&d->sets);
	INIT_LIST_HEAD(&d->gone_sets);
	INIT_LIST_HEAD(&d->notes);
	d->portid = portid;
	d->gen = kn->gen;
	d->last_handle = kn->last_handle;
	d->rules = kb_rules_copy(kb_rules_of(kn));
	if (!d->rules || kb_draft_copy_tools(kn, d) || kb_draft_copy_sets(kn, d)) {
		draft_free(d);
		return NULL;
	}
	return d;
}

/**
 * kb_draft_of - the draft that a netlink socket has begun
 * @kn: the namespace, whose lock is held
 * @portid: the socket's port
 *
 * Return: the draft, or NULL.
 */
struct kb_draft *kb_draft_of(struct kb_net *kn, u32 portid)
{
	struct kb_draft *d;

	lockdep_assert_held(&kn->lock);
	list_for_each_entry(d, &kn->drafts, list)
		if (d->portid == portid)
			return d;
	return NULL;
}

/**
 * kb_draft_note - tell of a change when the draft holds
 * @d: the draft
 * @cmd: &enum kbump_cmd
 * @kind: how the object is told of
 *
 * Context: process, with the namespace's lock held; sleeps.
 * Return: the note, to which the caller gives &kb_note.obj with a reference; or NULL.
 */
struct kb_note *kb_draft_note(struct kb_draft *d, u8 cmd, const struct kb_note_kind *kind)
{
	struct kb_note *n = kzalloc(sizeof(*n), GFP_KERNEL_ACCOUNT);

	if (!n)
		return NULL;
	n->cmd = cmd;
	n->kind = kind;
	list_add_tail(&n->list, &d->notes);
	return n;
}

static void tell(struct kb_net *kn, const struct kb_draft *d)
{
	const struct kb_note *n;

	list_for_each_entry(n, &d->notes, list)
		kb_nl_event(kn, n->cmd, n->kind->attr, n->kind->fill, n->obj);
}

static int may_hold(struct kb_net *kn, const struct kb_draft *d, struct netlink_ext_ack *extack)
{
	if (kn->dying)
		return -ESHUTDOWN;
	/* What was refused because of that is no error. */
	if (d->gen != kn->gen) {
		NL_SET_ERR_MSG(extack, "somebody else has changed the configuration meanwhile");
		return -EAGAIN;
	}
	if (d->failed) {
		NL_SET_ERR_MSG(extack, "a command of the transaction was refused");
		return -ECANCELED;
	}
	return 0;
}

/*
 * Connections see the new rules, with the sets and tools that are new, in one step. What is told
 * to a set or a tool that was there before comes directly before that.
 *
 * Called with the namespace's lock held, and with RTNL if there is a change to a tool.
 */
static int hold(struct kb_net *kn, struct kb_draft *d, struct netlink_ext_ack *extack)
{
	int err = may_hold(kn, d, extack) ?: kb_draft_find_devices(kn, d, extack);

	if (!err && d->rules->count)
		err = kb_steer_hook(kn);
	if (err)
		return err;
	err = kb_draft_enter_sets(kn, d, extack);
	if (err)
		return err;
	kb_draft_enter_tools(kn, d);
	d->rules = kb_rules_swap(kn, d->rules);
	kb_draft_count_sets(kn);
	kn->last_handle = d->last_handle;
	if (!list_empty(&d->notes))
		kn->gen++;
	/* Of what will be gone, too, as it was. */
	tell(kn, d);
	kb_draft_leave_tools(d);
	kb_draft_leave_sets(d);
	return 0;
}

/**
 * kb_draft_open - begin a command that changes the configuration
 * @kn: the namespace
 * @info: the command
 *
 * Context: process; sleeps. Takes the namespace's lock.
 * Return: the draft of the socket, or one of this command alone; or an ERR_PTR(), without the
 * lock.
 */
struct kb_draft *kb_draft_open(struct kb_net *kn, struct genl_info *info)
{
	struct kb_draft *d;

	mutex_lock(&kn->lock);
	d = kb_draft_of(kn, info->snd_portid) ?: draft_alloc(kn, info->snd_portid);
	if (d)
		return d;
	mutex_unlock(&kn->lock);
	return ERR_PTR(-ENOMEM);
}

/* Return: the draft, if it is to be freed. */
static struct kb_draft *finish(struct kb_net *kn, struct kb_draft *d, struct genl_info *info,
			       int *err)
{
	bool lone = list_empty(&d->list);

	if (!lone && *err)
		d->failed = true;
	if (lone && !*err)
		*err = hold(kn, d, info->extack);
	mutex_unlock(&kn->lock);
	return lone ? d : NULL;
}

/**
 * kb_draft_close - end a command
 * @kn: the namespace, whose lock is given back
 * @d: the draft of kb_draft_open()
 * @info: the command
 * @err: 0, or why it failed
 *
 * Context: process; sleeps. With RTNL if a tool was changed.
 * Return: 0 or an error.
 */
int kb_draft_close(struct kb_net *kn, struct kb_draft *d, struct genl_info *info, int err)
{
	d = finish(kn, d, info, &err);
	if (d)
		draft_free(d);
	return err;
}

/**
 * kb_draft_fail - a command that changes entries of a set was refused
 * @kn: the namespace
 * @portid: the socket's port; it may have no draft
 *
 * Context: process; sleeps.
 */
void kb_draft_fail(struct kb_net *kn, u32 portid)
{
	struct kb_draft *d;

	mutex_lock(&kn->lock);
	d = kb_draft_of(kn, portid);
	if (d)
		d->failed = true;
	mutex_unlock(&kn->lock);
}

/**
 * kb_drafts_release - forget the draft of a netlink socket that has been closed
 * @kn: the namespace
 * @portid: the socket's port
 *
 * Context: process; sleeps.
 */
void kb_drafts_release(struct kb_net *kn, u32 portid)
{
	struct kb_draft *d;

	/* Anybody's socket comes here. */
	if (list_empty(&kn->drafts))
		return;
	mutex_lock(&kn->lock);
	d = kb_draft_of(kn, portid);
	if (d)
		list_del(&d->list);
	mutex_unlock(&kn->lock);
	if (d)
		draft_free(d);
}

/**
 * kb_drafts_exit - forget all drafts
 * @kn: the namespace, which is dying
 *
 * Context: process; sleeps.
 */
void kb_drafts_exit(struct kb_net *kn)
{
	struct kb_draft *d, *next;
	LIST_HEAD(gone);

	mutex_lock(&kn->lock);
	list_splice_init(&kn->drafts, &gone);
	mutex_unlock(&kn->lock);
	list_for_each_entry_safe(d, next, &gone, list)
		draft_free(d);
}

/**
 * kb_begin_doit - KBUMP_CMD_BEGIN
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_begin_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct kb_draft *d;
	int err = 0;

	mutex_lock(&kn->lock);
	d = kb_draft_of(kn, info->snd_portid);
	if (d) {
		NL_SET_ERR_MSG(info->extack, "this socket has begun a transaction already");
		err = -EALREADY;
	} else if (kn->dying) {
		err = -ESHUTDOWN;
	} else {
		d = draft_alloc(kn, info->snd_portid);
		if (d)
			list_add_tail(&d->list, &kn->drafts);
		else
			err = -ENOMEM;
	}
	mutex_unlock(&kn->lock);
	return err;
}

/**
 * kb_commit_doit - KBUMP_CMD_COMMIT
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_commit_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct kb_draft *d;
	int err = -ENOENT;

	rtnl_lock();
	mutex_lock(&kn->lock);
	d = kb_draft_of(kn, info->snd_portid);
	if (d) {
		list_del_init(&d->list);
		err = hold(kn, d, info->extack);
	} else {
		NL_SET_ERR_MSG(info->extack, "this socket has begun no transaction");
	}
	mutex_unlock(&kn->lock);
	kb_inline_settle(kn);
	rtnl_unlock();
	if (d)
		draft_free(d);
	return err;
}

/**
 * kb_flush_doit - KBUMP_CMD_FLUSH
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct kb_draft *d;
	int err;

	rtnl_lock();
	d = kb_draft_open(kn, info);
	err = PTR_ERR_OR_ZERO(d);
	if (!err) {
		err = kb_draft_flush_rules(d) ?: kb_draft_flush_tools(d) ?: kb_draft_flush_sets(d);
		d = finish(kn, d, info, &err);
		kb_inline_settle(kn);
	}
	rtnl_unlock();
	if (!IS_ERR_OR_NULL(d))
		draft_free(d);
	return err;
}
