// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules: one ordered table that says what becomes of a connection.
 */
#include <linux/rculist.h>
#include <linux/slab.h>

#include "netlink.h"
#include "rule.h"
#include "steer.h"
#include "tool.h"

#define PREF_STEP	10

/* Of rules that may match, whose fail setting counts if that is never found out. */
static struct kb_rule *stricter(struct kb_rule *a, struct kb_rule *b, enum kbump_cause cause)
{
	return !a || (kb_rule_fails_closed(b, cause) && !kb_rule_fails_closed(a, cause)) ? b : a;
}

/**
 * kb_rule_find - what do the rules say?
 * @kn: the namespace
 * @facts: what is known of the connection
 * @cause: for which the fail setting is to count
 * @decided: set if the first rule that matches is known; else more must be known
 *
 * Context: RCU read side.
 * Return: a rule, without a reference: the one that decided or, of those that still may, one
 * whose fail setting counts. NULL if none can want anything of the connection.
 */
struct kb_rule *kb_rule_find(struct kb_net *kn, const struct kb_facts *facts,
			     enum kbump_cause cause, bool *decided)
{
	struct kb_rule *r, *maybe = NULL;
	bool first = true;
	u64 why;

	*decided = false;
	list_for_each_entry_rcu(r, &kn->rules, list) {
		enum kbump_answer answer = kb_match(&r->match, facts, &why);

		if (answer == KBUMP_ANSWER_NO)
			continue;
		if (answer == KBUMP_ANSWER_YES && first) {
			*decided = true;
			return r;
		}
		first = false;
		if (r->action != KBUMP_ACTION_BYPASS)
			maybe = stricter(maybe, r, cause);
		if (answer == KBUMP_ANSWER_YES)
			break;
	}
	return maybe;
}

/**
 * kb_rule_get - take a reference
 * @r: a rule found under RCU
 *
 * Return: false if it is being freed.
 */
bool kb_rule_get(struct kb_rule *r)
{
	return refcount_inc_not_zero(&r->ref);
}

static void rule_free(struct kb_rule *r)
{
	unsigned int i;

	if (r->first) {
		/* It left the table before its copy did: no reader has it any more. */
		if (refcount_dec_and_test(&r->first->ref))
			rule_free(r->first);
		kfree(r);
		return;
	}
	for (i = 0; i < r->ntools; i++)
		kb_tool_put(r->tools[i]);
	kb_match_free(&r->match);
	kfree(r->alpn_limit);
	free_percpu(r->stats);
	kfree(r);
}

static void rule_free_rcu(struct rcu_head *rcu)
{
	rule_free(container_of(rcu, struct kb_rule, rcu));
}

/**
 * kb_rule_put - drop a reference
 * @r: the rule
 *
 * Context: any.
 */
void kb_rule_put(struct kb_rule *r)
{
	if (refcount_dec_and_test(&r->ref))
		call_rcu(&r->rcu, rule_free_rcu);
}

static struct kb_rule_stats rule_stats(const struct kb_rule *r)
{
	struct kb_rule_stats sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct kb_rule_stats *s = per_cpu_ptr(r->stats, cpu);

		sum.hits += READ_ONCE(s->hits);
		sum.bytes += READ_ONCE(s->bytes);
		sum.failed += READ_ONCE(s->failed);
		sum.last = max(sum.last, READ_ONCE(s->last));
	}
	return sum;
}

static int fill_counters(struct sk_buff *skb, const struct kb_rule *r)
{
	struct kb_rule_stats s = rule_stats(r);

	if (nla_put_u64_64bit(skb, KBUMP_RULE_A_HITS, s.hits, KBUMP_RULE_A_PAD) ||
	    nla_put_u64_64bit(skb, KBUMP_RULE_A_BYTES, s.bytes, KBUMP_RULE_A_PAD) ||
	    nla_put_u64_64bit(skb, KBUMP_RULE_A_FAILED, s.failed, KBUMP_RULE_A_PAD))
		return -EMSGSIZE;
	if (!s.last)
		return 0;
	return nla_put_u64_64bit(skb, KBUMP_RULE_A_LAST_HIT, jiffies64_to_msecs(jiffies - s.last),
				 KBUMP_RULE_A_PAD);
}

/**
 * kb_rule_fill - put a rule into a message
 * @skb: where to
 * @obj: the rule
 *
 * Return: 0 or -EMSGSIZE.
 */
int kb_rule_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_rule *r = obj;
	unsigned int i;

	if (nla_put_u32(skb, KBUMP_RULE_A_HANDLE, r->handle) ||
	    nla_put_u32(skb, KBUMP_RULE_A_PREF, r->pref) || kb_match_fill(skb, &r->match) ||
	    nla_put_u8(skb, KBUMP_RULE_A_ACTION, r->action) ||
	    nla_put_u8(skb, KBUMP_RULE_A_FAIL, r->fail))
		return -EMSGSIZE;
	for (i = 0; i < r->ntools; i++)
		if (nla_put_string(skb, KBUMP_RULE_A_TOOL, r->tools[i]->name))
			return -EMSGSIZE;
	if (r->alpn_limit && nla_put_string(skb, KBUMP_RULE_A_ALPN_LIMIT, r->alpn_limit))
		return -EMSGSIZE;
	if (r->page && nla_put_flag(skb, KBUMP_RULE_A_PAGE))
		return -EMSGSIZE;
	if (r->fail_except && nla_put_u32(skb, KBUMP_RULE_A_FAIL_EXCEPT, r->fail_except))
		return -EMSGSIZE;
	if (r->learn != KB_LEARN_DEFAULT && nla_put_u32(skb, KBUMP_RULE_A_LEARN, r->learn))
		return -EMSGSIZE;
	if (*r->comment && nla_put_string(skb, KBUMP_RULE_A_COMMENT, r->comment))
		return -EMSGSIZE;
	return fill_counters(skb, r) ? -EMSGSIZE : 0;
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

static int parse_action(struct kb_rule *r, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	if (!tb[KBUMP_RULE_A_ACTION]) {
		NL_SET_ERR_MSG(extack, "action is missing");
		return -EINVAL;
	}
	r->action = nla_get_u8(tb[KBUMP_RULE_A_ACTION]);
	if (tb[KBUMP_RULE_A_COMMENT])
		nla_strscpy(r->comment, tb[KBUMP_RULE_A_COMMENT], sizeof(r->comment));
	if (tb[KBUMP_RULE_A_TOOL] && r->action != KBUMP_ACTION_INSPECT) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KBUMP_RULE_A_TOOL],
				    "only action inspect has tools");
		return -EINVAL;
	}
	return parse_page(r, tb[KBUMP_RULE_A_PAGE], extack) ?:
	       parse_fail(r, tb, extack) ?:
	       parse_learn(r, tb[KBUMP_RULE_A_LEARN], extack) ?:
	       parse_limit(r, tb[KBUMP_RULE_A_ALPN_LIMIT], extack);
}

/* Called with the namespace's lock held. */
static int add_tool(struct kb_net *kn, struct kb_rule *r, const struct nlattr *a,
		    struct netlink_ext_ack *extack)
{
	struct kb_tool *t = kb_tool_find(kn, nla_data(a));
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

static int add_tools(struct kb_net *kn, struct kb_rule *r, const struct nlattr *nest,
		     struct netlink_ext_ack *extack)
{
	const struct nlattr *a;
	int rem, err;

	nla_for_each_nested(a, nest, rem) {
		if (nla_type(a) != KBUMP_RULE_A_TOOL)
			continue;
		err = add_tool(kn, r, a, extack);
		if (err)
			return err;
	}
	return 0;
}

static int choose_pref(struct kb_net *kn, struct kb_rule *r, struct netlink_ext_ack *extack)
{
	u32 last = 0;

	if (r->pref)
		return 0;
	if (!list_empty(&kn->rules))
		last = list_last_entry(&kn->rules, struct kb_rule, list)->pref;
	if (last > INT_MAX - PREF_STEP) {
		NL_SET_ERR_MSG(extack, "no pref is left after the last rule's: give one");
		return -ERANGE;
	}
	r->pref = last + PREF_STEP;
	return 0;
}

/* Behind those of the same pref: before what? */
static struct list_head *behind(struct kb_net *kn, u32 pref)
{
	struct kb_rule *next;

	list_for_each_entry(next, &kn->rules, list)
		if (next->pref > pref)
			break;
	return &next->list;
}

/* The rule that a request names. Called with the namespace's lock held. */
static struct kb_rule *named(struct kb_net *kn, const struct nlattr *by_handle,
			     const struct nlattr *by_pref, struct genl_info *info)
{
	struct kb_rule *r;

	if (!by_handle == !by_pref) {
		NL_SET_ERR_MSG(info->extack, "either handle or pref must be given");
		return ERR_PTR(-EINVAL);
	}
	list_for_each_entry(r, &kn->rules, list)
		if (by_handle ? r->handle == nla_get_u32(by_handle) :
				r->pref == nla_get_u32(by_pref))
			return r;
	if (by_handle)
		NL_SET_ERR_MSG_ATTR(info->extack, by_handle, "no rule has this handle");
	else
		NL_SET_ERR_MSG_ATTR(info->extack, by_pref, "no rule has this pref");
	return ERR_PTR(-ENOENT);
}

static struct list_head *place_to_add(struct kb_net *kn, struct kb_rule *r, struct nlattr **tb,
				      struct genl_info *info)
{
	int err;

	if (tb[KBUMP_RULE_A_HANDLE]) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[KBUMP_RULE_A_HANDLE],
				    "the handle is the kernel's to give");
		return ERR_PTR(-EINVAL);
	}
	if (tb[KBUMP_RULE_A_PREF])
		r->pref = nla_get_u32(tb[KBUMP_RULE_A_PREF]);
	err = choose_pref(kn, r, info->extack);
	return err ? ERR_PTR(err) : behind(kn, r->pref);
}

/* Into an empty table a rule is added as ever. */
static struct list_head *place_to_insert(struct kb_net *kn, struct kb_rule *r,
					 struct nlattr **tb, struct genl_info *info)
{
	struct kb_rule *next;

	if (tb[KBUMP_RULE_A_HANDLE] || tb[KBUMP_RULE_A_PREF])
		next = named(kn, tb[KBUMP_RULE_A_HANDLE], tb[KBUMP_RULE_A_PREF], info);
	else
		next = list_first_entry_or_null(&kn->rules, struct kb_rule, list);
	if (!next)
		return place_to_add(kn, r, tb, info);
	if (IS_ERR(next))
		return ERR_CAST(next);
	r->pref = next->pref;
	return &next->list;
}

/* A rule has come into the table. Called with the namespace's lock held. */
static void entered(struct kb_net *kn, struct kb_rule *r)
{
	unsigned int i;

	for (i = 0; i < r->ntools; i++)
		r->tools[i]->rules++;
	kb_match_name_sets(&r->match, 1);
	kn->rules_gen++;
}

/* A rule has been taken from the table. Called with the namespace's lock held. */
static void left(struct kb_net *kn, struct kb_rule *r)
{
	unsigned int i;

	for (i = 0; i < r->ntools; i++)
		r->tools[i]->rules--;
	kb_match_name_sets(&r->match, -1);
	kn->rules_gen++;
	kb_rule_put(r);
}

/* Called with the namespace's lock held. */
static int add_locked(struct kb_net *kn, struct kb_rule *r, struct nlattr **tb,
		      struct genl_info *info)
{
	struct list_head *next;
	int err;

	lockdep_assert_held(&kn->lock);
	if (kn->dying)
		return -ESHUTDOWN;
	err = add_tools(kn, r, info->attrs[KBUMP_A_RULE], info->extack) ?:
	      kb_match_find_sets(kn, &r->match, tb, info->extack);
	if (err)
		return err;
	if (info->genlhdr->cmd == KBUMP_CMD_RULE_INSERT)
		next = place_to_insert(kn, r, tb, info);
	else
		next = place_to_add(kn, r, tb, info);
	if (IS_ERR(next))
		return PTR_ERR(next);
	if (kn->last_handle == U32_MAX) {
		NL_SET_ERR_MSG(info->extack, "all handles have been used");
		return -ERANGE;
	}
	err = kb_steer_hook(kn);
	if (err)
		return err;
	r->handle = ++kn->last_handle;
	list_add_tail_rcu(&r->list, next);
	entered(kn, r);
	return 0;
}

/* In one step, for those who read the table. Called with the namespace's lock held. */
static int replace_locked(struct kb_net *kn, struct kb_rule *r, struct nlattr **tb,
			  struct genl_info *info)
{
	struct kb_rule *old;
	int err;

	lockdep_assert_held(&kn->lock);
	if (kn->dying)
		return -ESHUTDOWN;
	if (tb[KBUMP_RULE_A_PREF]) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[KBUMP_RULE_A_PREF],
				    "a rule that replaces another has its pref");
		return -EINVAL;
	}
	if (!tb[KBUMP_RULE_A_HANDLE]) {
		NL_SET_ERR_MSG(info->extack, "the handle is missing");
		return -EINVAL;
	}
	old = named(kn, tb[KBUMP_RULE_A_HANDLE], NULL, info);
	if (IS_ERR(old))
		return PTR_ERR(old);
	err = add_tools(kn, r, info->attrs[KBUMP_A_RULE], info->extack) ?:
	      kb_match_find_sets(kn, &r->match, tb, info->extack);
	if (err)
		return err;
	r->handle = old->handle;
	r->pref = old->pref;
	list_replace_rcu(&old->list, &r->list);
	entered(kn, r);
	left(kn, old);
	return 0;
}

/* The same rule for another place. */
static struct kb_rule *rule_copy(struct kb_rule *r)
{
	struct kb_rule *copy = kmemdup(r, sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!copy)
		return NULL;
	copy->first = r->first ?: r;
	refcount_inc(&copy->first->ref);
	refcount_set(&copy->ref, 1);
	return copy;
}

/* Called with the namespace's lock held. Return: the rule as it is now, or an ERR_PTR(). */
static struct kb_rule *move_locked(struct kb_net *kn, struct nlattr **tb, struct genl_info *info)
{
	struct kb_rule *old, *r;

	lockdep_assert_held(&kn->lock);
	if (!tb[KBUMP_RULE_A_HANDLE] || !tb[KBUMP_RULE_A_PREF]) {
		NL_SET_ERR_MSG(info->extack, "handle and pref must be given");
		return ERR_PTR(-EINVAL);
	}
	old = named(kn, tb[KBUMP_RULE_A_HANDLE], NULL, info);
	if (IS_ERR(old))
		return old;
	r = rule_copy(old);
	if (!r)
		return ERR_PTR(-ENOMEM);
	r->pref = nla_get_u32(tb[KBUMP_RULE_A_PREF]);
	list_add_tail_rcu(&r->list, behind(kn, r->pref));
	entered(kn, r);
	/* Who was past the new place before it was there finds the rule at the old one. */
	synchronize_rcu();
	list_del_rcu(&old->list);
	left(kn, old);
	return r;
}

static struct kb_rule *rule_alloc(void)
{
	struct kb_rule *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return NULL;
	r->stats = alloc_percpu_gfp(struct kb_rule_stats, GFP_KERNEL_ACCOUNT);
	if (!r->stats) {
		kfree(r);
		return NULL;
	}
	refcount_set(&r->ref, 1);
	return r;
}

/* An echo that is lost is no error: the rule is there. */
static void tell(struct kb_net *kn, struct genl_info *info, const struct kb_rule *r)
{
	u8 cmd = info->genlhdr->cmd;

	kb_nl_event(kn, cmd, KBUMP_A_RULE, kb_rule_fill, r);
	if (info->nlhdr->nlmsg_flags & NLM_F_ECHO)
		kb_nl_reply(info, cmd, KBUMP_A_RULE, kb_rule_fill, r);
}

/* A new rule is made, and given to @enter with the namespace's lock held. */
static int make(struct genl_info *info,
		int (*enter)(struct kb_net *kn, struct kb_rule *r, struct nlattr **tb,
			     struct genl_info *info))
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_RULE_A_MAX + 1];
	struct kb_rule *r;
	int err;

	err = kb_nl_parse(info, KBUMP_A_RULE, tb, KBUMP_RULE_A_MAX);
	if (err)
		return err;
	r = rule_alloc();
	if (!r)
		return -ENOMEM;
	err = parse_action(r, tb, info->extack) ?: kb_match_parse(&r->match, tb, info->extack);
	mutex_lock(&kn->lock);
	if (!err)
		err = enter(kn, r, tb, info);
	if (!err)
		tell(kn, info, r);
	else
		rule_free(r);
	mutex_unlock(&kn->lock);
	return err;
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
	return make(info, add_locked);
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
	return make(info, replace_locked);
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
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_RULE_A_MAX + 1];
	struct kb_rule *r;
	int err;

	err = kb_nl_parse(info, KBUMP_A_RULE, tb, KBUMP_RULE_A_MAX);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	r = move_locked(kn, tb, info);
	if (!IS_ERR(r))
		tell(kn, info, r);
	mutex_unlock(&kn->lock);
	return PTR_ERR_OR_ZERO(r);
}

/* Called with the namespace's lock held. */
static void remove(struct kb_net *kn, struct kb_rule *r)
{
	list_del_rcu(&r->list);
	kb_nl_event(kn, KBUMP_CMD_RULE_DEL, KBUMP_A_RULE, kb_rule_fill, r);
	left(kn, r);
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
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_RULE_A_MAX + 1];
	struct kb_rule *r;
	int err;

	err = kb_nl_parse(info, KBUMP_A_RULE, tb, KBUMP_RULE_A_MAX);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	r = named(kn, tb[KBUMP_RULE_A_HANDLE], tb[KBUMP_RULE_A_PREF], info);
	if (!IS_ERR(r))
		remove(kn, r);
	mutex_unlock(&kn->lock);
	return PTR_ERR_OR_ZERO(r);
}

/**
 * kb_rules_flush - delete all rules
 * @kn: the namespace
 *
 * Context: process; sleeps.
 */
void kb_rules_flush(struct kb_net *kn)
{
	struct kb_rule *r, *next;

	mutex_lock(&kn->lock);
	list_for_each_entry_safe(r, next, &kn->rules, list)
		remove(kn, r);
	mutex_unlock(&kn->lock);
}

/**
 * kb_rule_flush_doit - KBUMP_CMD_RULE_FLUSH
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0.
 */
int kb_rule_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	kb_rules_flush(kb_net(genl_info_net(info)));
	return 0;
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
	struct kb_rule *r;
	int err;

	err = kb_nl_parse(info, KBUMP_A_RULE, tb, KBUMP_RULE_A_MAX);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	r = named(kn, tb[KBUMP_RULE_A_HANDLE], tb[KBUMP_RULE_A_PREF], info);
	err = PTR_ERR_OR_ZERO(r);
	if (!err)
		err = kb_nl_reply(info, KBUMP_CMD_RULE_GET, KBUMP_A_RULE, kb_rule_fill, r);
	mutex_unlock(&kn->lock);
	return err;
}

static const struct kb_nl_list rule_list = {
	.cmd = KBUMP_CMD_RULE_GET,
	.attr = KBUMP_A_RULE,
	.node = offsetof(struct kb_rule, list),
	.fill = kb_rule_fill,
};

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
	int len;

	mutex_lock(&kn->lock);
	len = kb_nl_dump(skb, cb, &rule_list, &kn->rules, kn->rules_gen);
	mutex_unlock(&kn->lock);
	return len;
}
