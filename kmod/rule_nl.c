// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands about rules. Those that change the table do so in a draft.
 */
#include "draft.h"
#include "netlink.h"
#include "rule.h"
#include "rule_nl.h"
#include "rule_set.h"
#include "set_draft.h"
#include "tool.h"
#include "tool_nl.h"
#include "udp.h"

#define PREF_STEP	10

static void note_put(const void *obj)
{
	kb_rule_put(((const struct kb_place *)obj)->rule);
}

static const struct kb_note_kind rule_note = {
	.attr = KBUMP_A_RULE,
	.fill = kb_rule_fill,
	.put = note_put,
};

/* What becomes of a rule is told when the draft holds. */
static int note(struct kb_draft *d, u8 cmd, const struct kb_place *p)
{
	struct kb_note *n = kb_draft_note(d, cmd, &rule_note);

	if (!n)
		return -ENOMEM;
	n->place = *p;
	n->obj = &n->place;
	refcount_inc(&p->rule->ref);
	return 0;
}

static int parse_limit(struct kb_rule *r, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	if (!a)
		return 0;
	if (r->action != KBUMP_ACTION_INSPECT) {
		NL_SET_ERR_MSG_ATTR(extack, a, "only action inspect limits protocols");
		return -EINVAL;
	}
	return kb_nl_strdup(a, &r->alpn_limit, extack);
}

/* By default what fails on the way to the server is not to be a way around inspection. */
static int parse_fail(struct kb_rule *r, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *except = tb[KBUMP_RULE_A_FAIL_EXCEPT];

	if (tb[KBUMP_RULE_A_FAIL]) {
		r->fail = nla_get_u8(tb[KBUMP_RULE_A_FAIL]);
		r->fail_except = except ? nla_get_u32(except) : 0;
		return 0;
	}
	if (except) {
		NL_SET_ERR_MSG_ATTR(extack, except, "exceptions without a fail setting");
		return -EINVAL;
	}
	r->fail = KBUMP_FAIL_OPEN;
	r->fail_except = BIT(KBUMP_CAUSE_UPSTREAM) | BIT(KBUMP_CAUSE_INTERNAL);
	return 0;
}

static int parse_learn(struct kb_rule *r, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	r->learn = a ? nla_get_u32(a) : KB_LEARN_DEFAULT;
	if (!a || r->action == KBUMP_ACTION_INSPECT)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, a, "only from action inspect a bypass is learned");
	return -EINVAL;
}

static int parse_page(struct kb_rule *r, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	r->page = nla_get_flag(a);
	if (!r->page || r->action == KBUMP_ACTION_BLOCK)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, a, "only action block has a page");
	return -EINVAL;
}

static int parse_block(struct kb_rule *r, const struct nlattr *a, struct netlink_ext_ack *extack)
{
	if (!a)
		return 0;
	r->block = nla_get_u8(a);
	if (r->action != KBUMP_ACTION_BLOCK) {
		NL_SET_ERR_MSG_ATTR(extack, a, "only action block says how it refuses");
		return -EINVAL;
	}
	if (!r->page || r->block != KBUMP_BLOCK_DROP)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, a, "a client that is told nothing gets no page");
	return -EINVAL;
}

static int parse_action(struct kb_rule *r, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	if (!tb[KBUMP_RULE_A_ACTION]) {
		NL_SET_ERR_MSG(extack, "action is missing");
		return -EINVAL;
	}
	r->action = nla_get_u8(tb[KBUMP_RULE_A_ACTION]);
	if (tb[KBUMP_RULE_A_COMMENT])
		nla_strscpy(r->comment, tb[KBUMP_RULE_A_COMMENT], sizeof(r->comment));
	if (tb[KBUMP_RULE_A_TOOL] && r->action == KBUMP_ACTION_BLOCK) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_RULE_A_TOOL], "action block has no tools");
		return -EINVAL;
	}
	return kb_udp_check(tb, extack) ?:
	       parse_page(r, tb[KBUMP_RULE_A_PAGE], extack) ?:
	       parse_block(r, tb[KBUMP_RULE_A_BLOCK], extack) ?:
	       parse_fail(r, tb, extack) ?:
	       parse_learn(r, tb[KBUMP_RULE_A_LEARN], extack) ?:
	       parse_limit(r, tb[KBUMP_RULE_A_ALPN_LIMIT], extack);
}

static int add_tool(const struct kb_draft *d, struct kb_rule *r, const struct nlattr *a,
		    struct netlink_ext_ack *extack)
{
	struct kb_tool *t = kb_draft_find_tool(d, nla_data(a));
	unsigned int i;

	if (!t) {
		NL_SET_ERR_MSG_ATTR(extack, a, "no tool has this name");
		return -ENOENT;
	}
	if (r->ntools == KBUMP_RULE_TOOLS_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, a, "too many tools");
		return -E2BIG;
	}
	for (i = 0; i < r->ntools; i++) {
		if (r->tools[i] == t) {
			NL_SET_ERR_MSG_ATTR(extack, a, "tool is named twice");
			return -EINVAL;
		}
	}
	kb_tool_get(t);
	r->tools[r->ntools++] = t;
	return 0;
}

static int add_tools(const struct kb_draft *d, struct kb_rule *r, const struct nlattr *nest,
		     struct netlink_ext_ack *extack)
{
	const struct nlattr *a;
	int rem, err;

	nla_for_each_nested(a, nest, rem) {
		if (nla_type(a) != KBUMP_RULE_A_TOOL)
			continue;
		err = add_tool(d, r, a, extack);
		if (err)
			return err;
	}
	return 0;
}

static int choose_pref(const struct kb_rules *t, u32 *pref, struct netlink_ext_ack *extack)
{
	u32 last = t->count ? t->place[t->count - 1].pref : 0;

	if (last > INT_MAX - PREF_STEP) {
		NL_SET_ERR_MSG(extack, "no pref is left after the last rule's: give one");
		return -ERANGE;
	}
	*pref = last + PREF_STEP;
	return 0;
}

/* Behind those of the same pref: before what? */
static unsigned int behind(const struct kb_rules *t, u32 pref)
{
	unsigned int i = t->count;

	while (i && t->place[i - 1].pref > pref)
		i--;
	return i;
}

/* The place of the rule that a request names, or an error. */
static int named(const struct kb_rules *t, const struct nlattr *by_handle,
		 const struct nlattr *by_pref, struct genl_info *info)
{
	unsigned int i;

	if (!by_handle == !by_pref) {
		NL_SET_ERR_MSG(info->extack, "either handle or pref must be given");
		return -EINVAL;
	}
	for (i = 0; t && i < t->count; i++)
		if (by_handle ? t->place[i].rule->handle == nla_get_u32(by_handle) :
				t->place[i].pref == nla_get_u32(by_pref))
			return i;
	if (by_handle)
		NL_SET_ERR_MSG_ATTR(info->extack, by_handle, "no rule has this handle");
	else
		NL_SET_ERR_MSG_ATTR(info->extack, by_pref, "no rule has this pref");
	return -ENOENT;
}

static int place_to_add(const struct kb_rules *t, struct kb_place *p, struct nlattr **tb,
			struct genl_info *info)
{
	int err;

	if (tb[KBUMP_RULE_A_HANDLE]) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[KBUMP_RULE_A_HANDLE],
				    "the handle is the kernel's to give");
		return -EINVAL;
	}
	if (tb[KBUMP_RULE_A_PREF]) {
		p->pref = nla_get_u32(tb[KBUMP_RULE_A_PREF]);
		return behind(t, p->pref);
	}
	err = choose_pref(t, &p->pref, info->extack);
	return err ?: t->count;
}

/* Into an empty table a rule is added as ever. */
static int place_to_insert(const struct kb_rules *t, struct kb_place *p, struct nlattr **tb,
			   struct genl_info *info)
{
	int at = 0;

	if (tb[KBUMP_RULE_A_HANDLE] || tb[KBUMP_RULE_A_PREF])
		at = named(t, tb[KBUMP_RULE_A_HANDLE], tb[KBUMP_RULE_A_PREF], info);
	else if (!t->count)
		return place_to_add(t, p, tb, info);
	if (at >= 0)
		p->pref = t->place[at].pref;
	return at;
}

static int find_rule_set(struct kb_net *kn, struct kb_rule *r, const struct nlattr *a,
			 struct netlink_ext_ack *extack)
{
	int n;

	if (!a)
		return 0;
	n = kb_nl_check_name(a, extack) ?: kb_rule_set_make(kn, nla_data(a));
	if (n == -ENOSPC)
		NL_SET_ERR_MSG_ATTR(extack, a, "there can be no more rule sets than 13");
	if (n < 0)
		return n;
	nla_strscpy(r->rule_set, a, sizeof(r->rule_set));
	r->match.rule_set = n;
	return 0;
}

static int find_objects(const struct kb_draft *d, struct kb_rule *r, struct nlattr **tb,
			struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));

	return find_rule_set(kn, r, tb[KBUMP_RULE_A_RULE_SET], info->extack) ?:
	       add_tools(d, r, info->attrs[KBUMP_A_RULE], info->extack) ?:
	       kb_match_find_sets(d, &r->match, tb, info->extack);
}

static int add(struct kb_draft *d, struct kb_place *p, struct nlattr **tb, struct genl_info *info)
{
	int at, err = find_objects(d, p->rule, tb, info);

	if (err)
		return err;
	if (info->genlhdr->cmd == KBUMP_CMD_RULE_INSERT)
		at = place_to_insert(d->rules, p, tb, info);
	else
		at = place_to_add(d->rules, p, tb, info);
	if (at < 0)
		return at;
	if (d->last_handle == U32_MAX) {
		NL_SET_ERR_MSG(info->extack, "all handles have been used");
		return -ERANGE;
	}
	p->rule->handle = d->last_handle + 1;
	err = kb_rules_reserve(&d->rules) ?: note(d, info->genlhdr->cmd, p);
	if (err)
		return err;
	d->last_handle++;
	kb_rules_insert(d->rules, at, p);
	return 0;
}

static int replace(struct kb_draft *d, struct kb_place *p, struct nlattr **tb,
		   struct genl_info *info)
{
	struct kb_place *old;
	int at, err;

	if (tb[KBUMP_RULE_A_PREF]) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[KBUMP_RULE_A_PREF],
				    "a rule that replaces another has its pref");
		return -EINVAL;
	}
	if (!tb[KBUMP_RULE_A_HANDLE]) {
		NL_SET_ERR_MSG(info->extack, "the handle is missing");
		return -EINVAL;
	}
	at = named(d->rules, tb[KBUMP_RULE_A_HANDLE], NULL, info);
	if (at < 0)
		return at;
	old = &d->rules->place[at];
	p->rule->handle = old->rule->handle;
	p->pref = old->pref;
	err = find_objects(d, p->rule, tb, info) ?: note(d, info->genlhdr->cmd, p);
	if (err)
		return err;
	kb_rule_put(old->rule);
	*old = *p;
	return 0;
}

/* An echo that is lost is no error. */
static void echo(struct genl_info *info, const struct kb_place *p)
{
	if (info->nlhdr->nlmsg_flags & NLM_F_ECHO)
		kb_nl_reply(info, info->genlhdr->cmd, KBUMP_A_RULE, kb_rule_fill, p);
}

/* A new rule is made, and given to @enter. */
static int make(struct genl_info *info,
		int (*enter)(struct kb_draft *d, struct kb_place *p, struct nlattr **tb,
			     struct genl_info *info))
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_RULE_A_MAX + 1];
	struct kb_place p = {};
	struct kb_draft *d;
	int err;

	d = kb_draft_open(kn, info);
	if (IS_ERR(d))
		return PTR_ERR(d);
	p.rule = kb_rule_alloc();
	if (!p.rule)
		return kb_draft_close(kn, d, info, -ENOMEM);
	err = kb_nl_parse(info, KBUMP_A_RULE, tb, KBUMP_RULE_A_MAX) ?:
	      parse_action(p.rule, tb, info->extack) ?:
	      kb_match_parse(&p.rule->match, tb, info->extack) ?: enter(d, &p, tb, info);
	if (err)
		kb_rule_free(p.rule);
	else
		echo(info, &p);
	return kb_draft_close(kn, d, info, err);
}

/**
 * kb_rule_add_doit - KBUMP_CMD_RULE_ADD and KBUMP_CMD_RULE_INSERT
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_rule_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return make(info, add);
}

/**
 * kb_rule_replace_doit - KBUMP_CMD_RULE_REPLACE
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_rule_replace_doit(struct sk_buff *skb, struct genl_info *info)
{
	return make(info, replace);
}

static int move(struct kb_draft *d, struct nlattr **tb, struct genl_info *info)
{
	struct kb_place p;
	int at, err;

	if (!tb[KBUMP_RULE_A_HANDLE] || !tb[KBUMP_RULE_A_PREF]) {
		NL_SET_ERR_MSG(info->extack, "handle and pref must be given");
		return -EINVAL;
	}
	at = named(d->rules, tb[KBUMP_RULE_A_HANDLE], NULL, info);
	if (at < 0)
		return at;
	p = d->rules->place[at];
	p.pref = nla_get_u32(tb[KBUMP_RULE_A_PREF]);
	err = note(d, info->genlhdr->cmd, &p);
	if (err)
		return err;
	kb_rules_take(d->rules, at);
	kb_rules_insert(d->rules, behind(d->rules, p.pref), &p);
	echo(info, &p);
	return 0;
}

static int del(struct kb_draft *d, struct nlattr **tb, struct genl_info *info)
{
	int at = named(d->rules, tb[KBUMP_RULE_A_HANDLE], tb[KBUMP_RULE_A_PREF], info);
	int err;

	if (at < 0)
		return at;
	err = note(d, KBUMP_CMD_RULE_DEL, &d->rules->place[at]);
	if (!err)
		kb_rule_put(kb_rules_take(d->rules, at).rule);
	return err;
}

/* A change that makes no rule. */
static int change(struct genl_info *info,
		  int (*act)(struct kb_draft *d, struct nlattr **tb, struct genl_info *info))
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_RULE_A_MAX + 1];
	struct kb_draft *d = kb_draft_open(kn, info);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	err = kb_nl_parse(info, KBUMP_A_RULE, tb, KBUMP_RULE_A_MAX) ?: act(d, tb, info);
	return kb_draft_close(kn, d, info, err);
}

/**
 * kb_rule_move_doit - KBUMP_CMD_RULE_MOVE
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_rule_move_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change(info, move);
}

/**
 * kb_rule_del_doit - KBUMP_CMD_RULE_DEL
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_rule_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change(info, del);
}

/**
 * kb_draft_flush_rules - take all rules out of a draft
 * @d: the draft
 *
 * Context: process, with the namespace's lock held; sleeps.
 * Return: 0 or -ENOMEM.
 */
int kb_draft_flush_rules(struct kb_draft *d)
{
	struct kb_rules *t = d->rules;
	unsigned int i;
	int err;

	for (i = 0; i < t->count; i++) {
		err = note(d, KBUMP_CMD_RULE_DEL, &t->place[i]);
		if (err)
			return err;
	}
	while (t->count)
		kb_rule_put(t->place[--t->count].rule);
	return 0;
}

/**
 * kb_rule_flush_doit - KBUMP_CMD_RULE_FLUSH
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_rule_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct kb_draft *d = kb_draft_open(kn, info);

	if (IS_ERR(d))
		return PTR_ERR(d);
	return kb_draft_close(kn, d, info, kb_draft_flush_rules(d));
}

/**
 * kb_rule_get_doit - KBUMP_CMD_RULE_GET, of one rule
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_rule_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_RULE_A_MAX + 1];
	int at, err;

	err = kb_nl_parse(info, KBUMP_A_RULE, tb, KBUMP_RULE_A_MAX);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	at = named(kb_rules_of(kn), tb[KBUMP_RULE_A_HANDLE], tb[KBUMP_RULE_A_PREF], info);
	if (at < 0)
		err = at;
	else
		err = kb_nl_reply(info, KBUMP_CMD_RULE_GET, KBUMP_A_RULE, kb_rule_fill,
				  &kb_rules_of(kn)->place[at]);
	mutex_unlock(&kn->lock);
	return err;
}

/**
 * kb_rule_get_dumpit - KBUMP_CMD_RULE_GET, of all rules
 * @skb: a part of the answer
 * @cb: state of the dump
 *
 * Return: length of the part, 0 at the end.
 */
int kb_rule_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kb_net *kn = kb_net(sock_net(skb->sk));
	struct kb_nl_pos *pos = kb_nl_pos(cb);
	const struct kb_rules *t;

	mutex_lock(&kn->lock);
	cb->seq = kn->gen;
	t = kb_rules_of(kn);
	while (t && pos->a < t->count) {
		if (kb_nl_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, NLM_F_MULTI,
			      KBUMP_CMD_RULE_GET, KBUMP_A_RULE, kb_rule_fill, &t->place[pos->a],
			      cb))
			break;
		pos->a++;
	}
	mutex_unlock(&kn->lock);
	return skb->len;
}
