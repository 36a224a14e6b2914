// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows: from the SYN that was steered, through the helper's handshakes and the relay, until
 * TCP has nothing left of them.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/tcp.h>

#include "chain.h"
#include "filter.h"
#include "flow.h"
#include "flow_nl.h"
#include "helper.h"
#include "learned.h"
#include "relay.h"
#include "rule.h"
#include "share.h"
#include "steer.h"
#include "tool.h"

/* How often handshakes and ended flows are looked at, and how long a handshake may last. */
#define LOOK_MS		10000
#define HANDSHAKE_MS	90000
#define HALF_OPEN_MS	25000
/* For so long after its SYN a client that hears nothing may still have something to say. */
#define SILENT_MS	180000
#define GC_MS		1000
#define GC_BATCH	256

static unsigned int max_flows = 65536;
module_param(max_flows, uint, 0644);
MODULE_PARM_DESC(max_flows, "flows in a network namespace, in handshake or established");

static unsigned int max_handshakes = 16384;
module_param(max_handshakes, uint, 0644);
MODULE_PARM_DESC(max_handshakes, "flows in handshake in a network namespace");

static struct kmem_cache *flow_cache;
static struct workqueue_struct *flow_wq;

static const struct rhashtable_params ends_params = {
	.head_offset = offsetof(struct kb_end, node),
	.key_offset = offsetof(struct kb_end, tuple),
	.key_len = sizeof(struct kb_tuple),
	.automatic_shrinking = true,
};

/**
 * kb_flow_lookup - find a flow by one of its legs
 * @kn: the namespace
 * @tuple: the leg's addresses and side
 *
 * Context: RCU read side.
 * Return: the flow, which may have ended, without a reference, or NULL.
 */
struct kb_flow *kb_flow_lookup(struct kb_net *kn, const struct kb_tuple *tuple)
{
	const struct kb_end *e = rhashtable_lookup(&kn->ends, tuple, ends_params);

	return e ? e->flow : NULL;
}

/**
 * kb_flow_get - take a reference
 * @f: a flow found under RCU
 *
 * Return: false if it is being freed.
 */
bool kb_flow_get(struct kb_flow *f)
{
	return refcount_inc_not_zero(&f->ref);
}

static void flow_free_rcu(struct rcu_head *rcu)
{
	struct kb_flow *f = container_of(rcu, struct kb_flow, rcu);

	kb_track_release(&f->track);
	if (f->outer)
		kb_flow_put(f->outer);
	if (f->tool)
		kb_tool_put(f->tool);
	kmem_cache_free(flow_cache, f);
}

/**
 * kb_flow_put - drop a reference
 * @f: the flow
 *
 * Context: any.
 */
void kb_flow_put(struct kb_flow *f)
{
	if (refcount_dec_and_test(&f->ref))
		call_rcu(&f->rcu, flow_free_rcu);
}

static void start_gc(struct kb_net *kn)
{
	if (!READ_ONCE(kn->dying))
		queue_delayed_work(flow_wq, &kn->gc, msecs_to_jiffies(GC_MS));
}

/* Called with the list lock held. */
static void look_later(struct kb_flow *f, struct list_head *list)
{
	f->check = jiffies + msecs_to_jiffies(LOOK_MS);
	list_move_tail(&f->list, list);
}

/* Called with the list lock held. */
static int hash_end(struct kb_net *kn, struct kb_end *e)
{
	int err;

	kb_filter_add(kn, &e->tuple);
	err = rhashtable_lookup_insert_fast(&kn->ends, &e->node, ends_params);
	if (err)
		kb_filter_del(kn, &e->tuple);
	e->hashed = !err;
	return err;
}

/* Called with the list lock held. */
static void unhash_end(struct kb_net *kn, struct kb_end *e)
{
	if (!e->hashed)
		return;
	rhashtable_remove_fast(&kn->ends, &e->node, ends_params);
	kb_filter_del(kn, &e->tuple);
	e->hashed = false;
}

/* Of an ended flow. Called with the list lock held; the table's reference is the caller's then. */
static void unhash(struct kb_flow *f)
{
	unhash_end(f->kn, &f->end[KB_CLIENT]);
	unhash_end(f->kn, &f->end[KB_SERVER]);
	list_del_init(&f->list);
	f->kn->nremains--;
}

/**
 * kb_flow_forget - let packets of an ended flow not find it any more
 * @f: a flow found under RCU; nothing is done unless it has ended
 *
 * Context: any.
 */
void kb_flow_forget(struct kb_flow *f)
{
	bool last = false;

	spin_lock_bh(&f->kn->list_lock);
	if (f->ended && !list_empty(&f->list)) {
		unhash(f);
		last = true;
	}
	spin_unlock_bh(&f->kn->list_lock);
	if (last)
		kb_flow_put(f);
}

static bool at_limit(const struct kb_net *kn)
{
	unsigned int handshakes = atomic_read(&kn->nhandshakes);

	return handshakes >= READ_ONCE(max_handshakes) ||
	       handshakes + atomic_read(&kn->nflows) >= READ_ONCE(max_flows);
}

static void end_work(struct work_struct *work);

/* For the table, and for who asks. */
static void flow_init(struct kb_flow *f, struct kb_net *kn)
{
	f->kn = kn;
	refcount_set(&f->ref, 2);
	INIT_LIST_HEAD(&f->list);
	mutex_init(&f->lock);
	INIT_WORK(&f->end_work, end_work);
	f->born = jiffies;
	spin_lock_init(&f->path.lock);
	f->end[KB_CLIENT].flow = f;
	f->end[KB_SERVER].flow = f;
}

static struct kb_flow *flow_alloc(struct kb_net *kn, const struct kb_facts *facts,
				  const struct sk_buff *skb)
{
	struct kb_flow *f = kmem_cache_zalloc(flow_cache, GFP_ATOMIC | __GFP_NOWARN);

	if (!f)
		return NULL;
	if (kb_track_read(&f->track, kn->net, skb) < 0) {
		kmem_cache_free(flow_cache, f);
		return NULL;
	}
	if (f->track.zone)
		WRITE_ONCE(kn->zoned, true);
	if (facts->origin.local)
		WRITE_ONCE(kn->local, true);
	if (facts->path)
		f->path = *facts->path;
	flow_init(f, kn);
	f->id = atomic64_inc_return(&kn->last_id);
	f->origin = facts->origin;
	f->end[KB_CLIENT].tuple = facts->tuple;
	return f;
}

/* In one step: who finds the flow by any way may end it at once. */
static int flow_insert(struct kb_net *kn, struct kb_flow *f)
{
	int err;

	spin_lock_bh(&kn->list_lock);
	err = hash_end(kn, &f->end[KB_CLIENT]);
	if (err)
		goto out;
	err = xa_err(xa_store(&kn->flows, f->id, f, GFP_ATOMIC | __GFP_NOWARN));
	if (err)
		unhash_end(kn, &f->end[KB_CLIENT]);
	else
		look_later(f, &kn->handshakes);
out:
	spin_unlock_bh(&kn->list_lock);
	return err == -EEXIST ? -EBUSY : err ? -ENOMEM : 0;
}

/**
 * kb_flow_create - begin a flow
 * @kn: the namespace
 * @facts: its SYN
 * @rule: the rule that decided, or one that may
 * @decided: it has decided
 * @helper: who does the handshakes
 * @skb: that packet
 *
 * Context: RCU read side, softirq.
 * Return: the flow, with a reference; or an ERR_PTR(): -ENOSPC at a limit, -EDQUOT if the client
 * has its share of it, -ENOMEM, or -EBUSY if a flow of the same addresses is about to end.
 */
struct kb_flow *kb_flow_create(struct kb_net *kn, const struct kb_facts *facts,
			       struct kb_rule *rule, bool decided, struct kb_helper *helper,
			       const struct sk_buff *skb)
{
	struct kb_flow *f;
	int err;

	if (at_limit(kn))
		return ERR_PTR(-ENOSPC);
	f = flow_alloc(kn, facts, skb);
	if (!f)
		return ERR_PTR(-ENOMEM);
	err = -EDQUOT;
	if (!kb_share_take(kn, &facts->tuple, &f->share))
		goto fail;
	err = -EBUSY;
	if (!kb_rule_get(rule))
		goto fail_share;
	f->rule = rule;
	f->action = decided ? rule->action : 0;
	refcount_inc(&helper->ref);
	f->helper = helper;
	atomic_inc(&kn->nhandshakes);
	err = flow_insert(kn, f);
	if (err)
		goto fail_refs;
	atomic64_inc(&helper->steered);
	if (READ_ONCE(helper->gone))
		kb_flow_end(f, KBUMP_REASON_INTERNAL);
	start_gc(kn);
	if (decided) {
		const struct kb_decision d = {
			.facts = facts,
			.id = f->id,
			.rule = rule,
			.action = rule->action,
		};

		kb_flow_tell(kn, &d);
	}
	return f;
fail_refs:
	atomic_dec(&kn->nhandshakes);
	kb_helper_put(helper);
	kb_rule_put(rule);
fail_share:
	kb_share_give(kn, f->share);
fail:
	kb_flow_put(f);
	kb_flow_put(f);
	return ERR_PTR(err);
}

/* What is queued already will see what there is to do. */
static void queue_end(struct kb_flow *f)
{
	refcount_inc(&f->ref);
	if (!queue_work(flow_wq, &f->end_work))
		kb_flow_put(f);
}

/* The client uses the ports of a connection before, of which something may be left in the tool. */
static void clear_away(struct kb_net *kn, const struct kb_tuple *tuple)
{
	struct kb_flow *old;

	local_bh_disable();
	rcu_read_lock();
	old = kb_flow_lookup(kn, tuple);
	if (old)
		kb_flow_forget(old);
	kb_steer_end_time_wait(kn, tuple);
	rcu_read_unlock();
	local_bh_enable();
}

/**
 * kb_flow_create_inner - let packets of a connection through an inline tool find their sockets
 * @outer: the flow that is led through the tool
 * @tool: the tool
 * @tuple: addresses of the connection, as its client's leg has them
 * @path: how its packets look
 *
 * Context: process; sleeps.
 * Return: what is in the table for it, with a reference; or an ERR_PTR(): -ENOMEM, or -EEXIST if
 * there is such a connection.
 */
struct kb_flow *kb_flow_create_inner(struct kb_flow *outer, struct kb_tool *tool,
				     const struct kb_tuple *tuple, const struct kb_path *path)
{
	struct kb_flow *f = kmem_cache_zalloc(flow_cache, GFP_KERNEL);
	struct kb_net *kn = outer->kn;
	enum kb_side side;
	int err;

	if (!f)
		return ERR_PTR(-ENOMEM);
	f->path = *path;
	flow_init(f, kn);
	f->end[KB_CLIENT].tuple = *tuple;
	f->end[KB_SERVER].tuple = *tuple;
	f->end[KB_SERVER].tuple.side = KB_SERVER;
	f->state = KBUMP_FLOW_ESTABLISHED;
	kb_flow_get(outer);
	f->outer = outer;
	kb_tool_get(tool);
	f->tool = tool;
	for (side = 0; side < KB_SIDES; side++)
		clear_away(kn, &f->end[side].tuple);
	spin_lock_bh(&kn->list_lock);
	err = hash_end(kn, &f->end[KB_CLIENT]) ?: hash_end(kn, &f->end[KB_SERVER]);
	if (err)
		unhash_end(kn, &f->end[KB_CLIENT]);
	spin_unlock_bh(&kn->list_lock);
	if (!err)
		return f;
	kb_flow_put(f);
	kb_flow_put(f);
	return ERR_PTR(err);
}

/**
 * kb_flow_end - end a flow
 * @f: the flow
 * @reason: why; of several the first one counts
 *
 * The end comes in a work of its own, soon.
 *
 * Context: any; the caller has a reference, or is the flow's relay.
 */
void kb_flow_end(struct kb_flow *f, enum kbump_reason reason)
{
	if (cmpxchg(&f->reason, KBUMP_REASON_NONE, reason) == KBUMP_REASON_NONE)
		queue_end(f);
}

/**
 * kb_flow_relay_ends - end one of the relays of a flow, and the flow with the last of them
 * @f: the flow
 * @r: the relay
 * @reason: why; of several the first one counts
 *
 * Context: as of kb_flow_end(), or with the flow's lock held.
 */
void kb_flow_relay_ends(struct kb_flow *f, struct kb_relay *r, enum kbump_reason reason)
{
	if (r == r->first && !r->inner) {
		kb_flow_end(f, reason);
		return;
	}
	cmpxchg(&r->first->why, KBUMP_REASON_NONE, reason);
	if (cmpxchg(&r->reason, KBUMP_REASON_NONE, reason) == KBUMP_REASON_NONE)
		queue_end(f);
	else if (reason != KBUMP_REASON_TOOL_DOWN)
		WRITE_ONCE(r->doubt, true);
}

/**
 * kb_flow_closing - one side of an established flow has ended
 * @f: the flow
 *
 * Context: the flow's relay.
 */
void kb_flow_closing(struct kb_flow *f)
{
	WRITE_ONCE(f->state, KBUMP_FLOW_CLOSING);
}

/* The helper did not say that it takes care of the sockets, or is no more. */
static void abort_handshake(struct kb_flow *f)
{
	enum kb_side side;

	if (f->reason != KBUMP_REASON_TIMEOUT && f->reason != KBUMP_REASON_ADMIN &&
	    f->reason != KBUMP_REASON_INTERNAL)
		return;
	for (side = 0; side < KB_SIDES; side++) {
		struct sock *sk;

		if (!READ_ONCE(f->end[side].hashed))
			continue;
		sk = kb_steer_sock(f->kn, &f->end[side].tuple, kb_flow_vrf(f));
		if (!sk)
			continue;
		tcp_abort(sk, ECONNABORTED);
		sock_gen_put(sk);
	}
}

static void end_handshake(struct kb_flow *f)
{
	abort_handshake(f);
	kb_share_give(f->kn, f->share);
	kb_count(f->kn, KBUMP_STAT_HANDSHAKE_FAILED, 1);
}

/* Called with the flow's lock held. */
static void release(struct kb_flow *f)
{
	struct kb_helper *h = f->helper;

	WRITE_ONCE(f->helper, NULL);
	kb_helper_put(h);
	if (f->rule)
		kb_rule_put(f->rule);
	f->rule = NULL;
	if (f->relay)
		kb_chain_free(f->relay);
	f->relay = NULL;
	kfree(f->sni);
	kfree(f->alpn);
	f->sni = NULL;
	f->alpn = NULL;
}

static void bury(struct kb_flow *f)
{
	struct kb_flow *oldest = NULL;
	struct kb_net *kn = f->kn;

	spin_lock_bh(&kn->list_lock);
	if (kn->nremains >= READ_ONCE(max_flows)) {
		oldest = list_first_entry_or_null(&kn->remains, struct kb_flow, list);
		if (oldest)
			unhash(oldest);
	}
	kn->nremains++;
	look_later(f, &kn->remains);
	WRITE_ONCE(f->ended, true);
	spin_unlock_bh(&kn->list_lock);
	if (oldest)
		kb_flow_put(oldest);
	start_gc(kn);
}

/* Is there more to end than relays, of which others go on? Called with the flow's lock held. */
static bool is_at_end(struct kb_flow *f)
{
	if (READ_ONCE(f->reason) == KBUMP_REASON_NONE && kb_chain_settle(f->relay))
		cmpxchg(&f->reason, KBUMP_REASON_NONE, f->relay->why);
	return READ_ONCE(f->reason) != KBUMP_REASON_NONE && !f->ended;
}

/**
 * kb_flow_bury_inner - a connection through an inline tool has no sockets of ours any more
 * @inner: the connection; the reference is dropped
 *
 * Context: process.
 */
void kb_flow_bury_inner(struct kb_flow *inner)
{
	bury(inner);
	kb_flow_put(inner);
}

static void end_work(struct work_struct *work)
{
	struct kb_flow *f = container_of(work, struct kb_flow, end_work);
	struct kb_net *kn = f->kn;
	bool established;

	mutex_lock(&f->lock);
	if (!is_at_end(f)) {
		mutex_unlock(&f->lock);
		kb_flow_put(f);
		return;
	}
	established = f->relay;
	if (established)
		kb_chain_stop(f->relay, f->reason);
	else
		end_handshake(f);
	kb_flow_event(f, KBUMP_CMD_FLOW_DEL);
	xa_erase_bh(&kn->flows, f->id);
	release(f);
	mutex_unlock(&f->lock);
	if (established)
		kb_count(kn, KBUMP_STAT_ENDED, 1);
	bury(f);
	/* Last: who waits for none to be left finds none. */
	atomic_dec(established ? &kn->nflows : &kn->nhandshakes);
	kb_flow_put(f);
}

/* What the rules say with the facts that are known now. Called with the flow's lock held. */
static void ask_rules(struct kb_flow *f, const struct kb_facts *facts, enum kbump_cause cause)
{
	struct kb_rule *rule;
	bool decided;

	rcu_read_lock();
	/* One that is being freed is not in the table any more. */
	do {
		rule = kb_rule_find(rcu_dereference(f->kn->rules), facts, cause, &decided);
	} while (rule && !kb_rule_get(rule));
	rcu_read_unlock();
	if (f->rule)
		kb_rule_put(f->rule);
	f->rule = rule;
	if (decided)
		f->action = rule->action;
	else if (!rule)
		f->action = KBUMP_ACTION_BYPASS;
	if (decided)
		kb_rule_hit(rule);
	if (f->action == KBUMP_ACTION_BLOCK)
		WRITE_ONCE(f->silent, rule->block == KBUMP_BLOCK_DROP);
}

static void count_action(const struct kb_flow *f)
{
	if (f->learned)
		kb_count(f->kn, KBUMP_STAT_LEARNED, 1);
	if (f->action == KBUMP_ACTION_BYPASS)
		kb_count(f->kn, KBUMP_STAT_BYPASSED, 1);
	else if (f->action == KBUMP_ACTION_BLOCK)
		kb_count(f->kn, KBUMP_STAT_BLOCKED, 1);
}

/* Nobody but the client can answer a server that wants its certificate. */
static bool wants_client(const struct kb_flow *f, const struct kb_facts *facts)
{
	return facts->cert == KBUMP_CERT_CLIENT_AUTH &&
	       !kb_match_names_cert(&f->rule->match, KBUMP_CERT_CLIENT_AUTH);
}

/* What is not to be opened after all. Called with the flow's lock held. */
static void spare(struct kb_flow *f, const struct kb_facts *facts)
{
	bool wanted = wants_client(f, facts);

	if (wanted)
		kb_learned_add(f, facts->sni, KBUMP_WHY_CLIENT_AUTH, 0);
	else if (facts->tls != KBUMP_TLS_NO)
		f->learned = kb_learned_applies(f->kn, f->rule, &facts->tuple, facts->sni);
	if (wanted || f->learned)
		f->action = KBUMP_ACTION_BYPASS;
}

/* Called with the flow's lock held. */
static void tell(const struct kb_flow *f, const struct kb_facts *facts,
		 enum kbump_action action)
{
	const struct kb_decision d = {
		.facts = facts,
		.id = f->id,
		.rule = f->rule,
		.action = action,
		.cause = f->cause,
		.learned = f->learned,
	};

	kb_flow_tell(f->kn, &d);
}

/* It cannot be inspected, or it will never be known if it is to be. With the flow's lock held. */
static void fail(struct kb_flow *f, const struct kb_facts *facts, enum kbump_cause cause)
{
	if (!f->rule || (f->action && f->action != KBUMP_ACTION_INSPECT))
		return;
	kb_count(f->kn, cause == KBUMP_CAUSE_UPSTREAM ? KBUMP_STAT_FAIL_UPSTREAM :
		 KBUMP_STAT_FAIL_INTERNAL, 1);
	this_cpu_inc(f->rule->stats->failed);
	f->cause = cause;
	if (kb_rule_fails_closed(f->rule, cause))
		tell(f, facts, KBUMP_ACTION_BLOCK);
	else
		f->action = KBUMP_ACTION_BYPASS;
}

/**
 * kb_flow_decide - put a flow to the rules again
 * @f: the flow, which must be in handshake
 * @facts: what the handshake has told; the rest is filled in
 * @cause: why it cannot be inspected, or 0
 * @extack: says what is wrong
 *
 * What has been decided stays so, but that a flow is bypassed whose server wants a
 * certificate of the client, unless the rule speaks of that, or of which something was learned,
 * or that cannot be inspected, if the rule wants that.
 *
 * Context: process; sleeps.
 * Return: 0 or -ESHUTDOWN.
 */
int kb_flow_decide(struct kb_flow *f, struct kb_facts *facts, enum kbump_cause cause,
		   struct netlink_ext_ack *extack)
{
	u8 before;

	facts->tuple = f->end[KB_CLIENT].tuple;
	facts->origin = f->origin;
	facts->known |= KB_KNOWN_SYN;
	mutex_lock(&f->lock);
	if (f->relay || f->reason != KBUMP_REASON_NONE) {
		mutex_unlock(&f->lock);
		NL_SET_ERR_MSG(extack, "flow is not in handshake any more");
		return -ESHUTDOWN;
	}
	before = f->action;
	if (!cause && !(facts->known & BIT_ULL(KBUMP_RULE_A_CERT)))
		f->offered = facts->offer_len;
	if (!f->action)
		ask_rules(f, facts, cause ?: KBUMP_CAUSE_UPSTREAM);
	if (cause)
		fail(f, facts, cause);
	else if (f->action == KBUMP_ACTION_INSPECT)
		spare(f, facts);
	if (f->action != before) {
		count_action(f);
		tell(f, facts, f->action);
	}
	mutex_unlock(&f->lock);
	return 0;
}

/**
 * kb_flow_refused - a client that was shown a certificate of ours has ended the handshake
 * @f: the flow; nothing is done unless it is in handshake
 * @reason: how
 * @sni: server name, or NULL
 * @alert: with %KBUMP_REASON_CLIENT_ALERT
 *
 * Context: process; sleeps.
 */
void kb_flow_refused(struct kb_flow *f, enum kbump_reason reason, const char *sni, u8 alert)
{
	mutex_lock(&f->lock);
	if (f->relay || f->reason != KBUMP_REASON_NONE)
		goto out;
	if (reason == KBUMP_REASON_CLIENT_ALERT)
		kb_learned_alert(f, sni, alert);
	else if (reason == KBUMP_REASON_CLIENT_GONE)
		kb_learned_add(f, sni, KBUMP_WHY_CLOSE, 0);
	else if (reason == KBUMP_REASON_CLIENT_QUIT)
		kb_learned_add(f, sni, KBUMP_WHY_QUIT, 0);
out:
	mutex_unlock(&f->lock);
}

/**
 * kb_flow_has_tools - are there tools for a flow?
 * @f: the flow
 *
 * The tools of a rule get what it has decided, and as it has decided it: those of a rule that would
 * have inspected expect no TLS.
 *
 * Context: with the flow's lock held, or from the hand-off on.
 */
bool kb_flow_has_tools(const struct kb_flow *f)
{
	return f->rule && f->rule->ntools && f->action == f->rule->action && !f->cause;
}

/* Called with the flow's lock held. */
static int check_action(const struct kb_flow *f, const struct kb_handoff *h,
			struct netlink_ext_ack *extack)
{
	bool opened = kb_leg_has_tls(h->sock[KB_CLIENT]->sk) ||
		      kb_leg_has_tls(h->sock[KB_SERVER]->sk);

	if (f->action == KBUMP_ACTION_INSPECT || (f->action == KBUMP_ACTION_BYPASS && !opened))
		return 0;
	NL_SET_ERR_MSG(extack, "the rules have not decided to open this flow");
	return -EPERM;
}

/**
 * kb_flow_establish - hand a flow over to the kernel
 * @f: the flow, which must be in handshake
 * @h: its sockets and what belongs to them
 * @extack: says what is wrong
 *
 * Context: process; sleeps.
 * Return: 0 or an error.
 */
int kb_flow_establish(struct kb_flow *f, const struct kb_handoff *h,
		      struct netlink_ext_ack *extack)
{
	struct kb_relay *r;
	int err = 0;

	mutex_lock(&f->lock);
	if (f->relay || f->reason != KBUMP_REASON_NONE) {
		NL_SET_ERR_MSG(extack, "flow is not in handshake any more");
		err = -ESHUTDOWN;
		goto out;
	}
	err = check_action(f, h, extack);
	if (err)
		goto out;
	r = kb_relay_create(f, h, extack);
	if (IS_ERR(r)) {
		err = PTR_ERR(r);
		goto out;
	}
	f->sni = h->sni;
	f->alpn = h->alpn;
	f->relay = r;
	WRITE_ONCE(f->state, KBUMP_FLOW_ESTABLISHED);
	spin_lock_bh(&f->kn->list_lock);
	list_del_init(&f->list);
	spin_unlock_bh(&f->kn->list_lock);
	kb_share_give(f->kn, f->share);
	atomic_inc(&f->kn->nflows);
	atomic_dec(&f->kn->nhandshakes);
	kb_count(f->kn, KBUMP_STAT_HANDOFFS, 1);
	atomic64_inc(&f->helper->handoffs);
	kb_flow_event(f, KBUMP_CMD_FLOW_ADD);
	kb_relay_start(r);
out:
	mutex_unlock(&f->lock);
	return err;
}

/*
 * What was there before with these addresses goes: a flow whose server leg had them, or a local
 * client, if its flow has ended. Return: false if that has not.
 */
static bool make_room(struct kb_net *kn, const struct kb_flow *f, const struct kb_tuple *tuple)
{
	struct kb_tuple client = *tuple;
	struct kb_flow *old;
	bool free = true;

	client.side = KB_CLIENT;
	rcu_read_lock();
	old = kb_flow_lookup(kn, tuple);
	if (old && old != f)
		kb_flow_forget(old);
	old = kb_flow_lookup(kn, &client);
	if (old && old != f && old->origin.local) {
		free = READ_ONCE(old->ended);
		if (free)
			kb_flow_forget(old);
	}
	rcu_read_unlock();
	return free;
}

/**
 * kb_flow_set_server - say which addresses the server leg has
 * @f: the flow, which must be in handshake
 * @tuple: the addresses
 * @extack: says what is wrong
 *
 * Context: process; sleeps.
 * Return: 0, -EADDRINUSE, -EPERM if a rule blocks the flow, or another error.
 */
int kb_flow_set_server(struct kb_flow *f, const struct kb_tuple *tuple,
		       struct netlink_ext_ack *extack)
{
	struct kb_end *e = &f->end[KB_SERVER];
	struct kb_net *kn = f->kn;
	int err = -ESHUTDOWN;

	if (!make_room(kn, f, tuple)) {
		NL_SET_ERR_MSG(extack, "a process of the box has these addresses and ports");
		return -EADDRINUSE;
	}
	mutex_lock(&f->lock);
	if (f->relay || f->reason != KBUMP_REASON_NONE) {
		NL_SET_ERR_MSG(extack, "flow is not in handshake any more");
	} else if (f->action == KBUMP_ACTION_BLOCK) {
		NL_SET_ERR_MSG(extack, "a rule blocks this flow");
		err = -EPERM;
	} else if (f->origin.local && tuple->cport == f->end[KB_CLIENT].tuple.cport) {
		/* By its addresses nobody could tell the leg from the client. */
		NL_SET_ERR_MSG(extack, "the client is local and has this port itself");
		err = -EADDRINUSE;
	} else {
		spin_lock_bh(&kn->list_lock);
		unhash_end(kn, e);
		e->tuple = *tuple;
		err = hash_end(kn, e);
		spin_unlock_bh(&kn->list_lock);
	}
	mutex_unlock(&f->lock);
	if (err == -EEXIST) {
		NL_SET_ERR_MSG(extack, "another flow has these addresses and ports");
		err = -EADDRINUSE;
	}
	return err;
}

/**
 * kb_flows_end_of_vrf - end the flows of a wire or VRF that is no more
 * @kn: the namespace
 * @vrf: index of its device
 *
 * Context: process.
 */
void kb_flows_end_of_vrf(struct kb_net *kn, int vrf)
{
	struct kb_flow *f;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&kn->flows, id, f)
		if (kb_flow_vrf(f) == vrf && kb_flow_get(f)) {
			kb_flow_end(f, KBUMP_REASON_ADMIN);
			kb_flow_put(f);
		}
	rcu_read_unlock();
}

/* The next one, with a reference; or NULL. */
static struct kb_flow *next_flow(struct kb_net *kn, unsigned long *id)
{
	struct kb_flow *f;

	rcu_read_lock();
	do {
		f = xa_find_after(&kn->flows, id, ULONG_MAX, XA_PRESENT);
	} while (f && !kb_flow_get(f));
	rcu_read_unlock();
	return f;
}

/**
 * kb_flows_end_of_tool - an inline tool is down: lead flows round it, or end them
 * @kn: the namespace
 * @tool: the tool
 *
 * Context: process; sleeps.
 */
void kb_flows_end_of_tool(struct kb_net *kn, const struct kb_tool *tool)
{
	unsigned long id = 0;
	struct kb_flow *f;

	while ((f = next_flow(kn, &id))) {
		mutex_lock(&f->lock);
		if (f->relay)
			kb_chain_tool_down(f->relay, tool);
		mutex_unlock(&f->lock);
		kb_flow_put(f);
		cond_resched();
	}
}

/**
 * kb_flows_end_of_helper - end the handshakes of a helper that is no more
 * @kn: the namespace
 * @h: the helper
 *
 * Context: process.
 */
void kb_flows_end_of_helper(struct kb_net *kn, const struct kb_helper *h)
{
	struct kb_flow *f;

	spin_lock_bh(&kn->list_lock);
	list_for_each_entry(f, &kn->handshakes, list)
		if (f->helper == h)
			kb_flow_end(f, KBUMP_REASON_INTERNAL);
	spin_unlock_bh(&kn->list_lock);
}

/**
 * kb_flow_has_sock - has TCP a socket for a leg?
 * @f: the flow
 * @side: the leg
 * @with_requests: one that has only heard a SYN is one
 *
 * Context: any.
 */
bool kb_flow_has_sock(struct kb_flow *f, enum kb_side side, bool with_requests)
{
	struct sock *sk = NULL;
	bool found;

	if (READ_ONCE(f->end[side].hashed))
		sk = kb_steer_sock(f->kn, &f->end[side].tuple, kb_flow_vrf(f));
	if (!sk)
		return false;
	found = with_requests || sk->sk_state != TCP_NEW_SYN_RECV;
	sock_gen_put(sk);
	return found;
}

/**
 * kb_flow_is_silent - is nothing of a flow to pass, though it has ended?
 * @f: the flow
 *
 * A client that hears nothing would send its last packets to the server, which would answer.
 *
 * Context: any.
 */
bool kb_flow_is_silent(const struct kb_flow *f)
{
	return READ_ONCE(f->silent) &&
	       time_before(jiffies, f->born + msecs_to_jiffies(SILENT_MS));
}

/* A client whose SYN was answered has some time to answer that. Called with the list lock held. */
static void look_at_handshake(struct kb_flow *f)
{
	bool young = time_before(jiffies, f->born + msecs_to_jiffies(HALF_OPEN_MS));

	if (time_after(jiffies, f->born + msecs_to_jiffies(HANDSHAKE_MS)))
		kb_flow_end(f, KBUMP_REASON_TIMEOUT);
	else if (!kb_flow_has_sock(f, KB_CLIENT, young))
		kb_flow_end(f, KBUMP_REASON_CLIENT_GONE);
	look_later(f, &f->kn->handshakes);
}

/* Called with the list lock held. */
static void look_at_remains(struct kb_flow *f)
{
	if (kb_flow_is_silent(f) || kb_flow_has_sock(f, KB_CLIENT, true) ||
	    kb_flow_has_sock(f, KB_SERVER, true)) {
		look_later(f, &f->kn->remains);
		return;
	}
	unhash(f);
	kb_flow_put(f);
}

/* True when there may be more to look at. */
static bool look_at(struct kb_net *kn, struct list_head *list, void (*look)(struct kb_flow *f))
{
	struct kb_flow *f;
	int n;

	spin_lock_bh(&kn->list_lock);
	for (n = 0; n < GC_BATCH; n++) {
		f = list_first_entry_or_null(list, struct kb_flow, list);
		if (!f || time_before(jiffies, f->check))
			break;
		look(f);
	}
	spin_unlock_bh(&kn->list_lock);
	return n == GC_BATCH;
}

static void gc_work(struct work_struct *work)
{
	struct kb_net *kn = container_of(to_delayed_work(work), struct kb_net, gc);

	while (look_at(kn, &kn->handshakes, look_at_handshake))
		cond_resched();
	while (look_at(kn, &kn->remains, look_at_remains))
		cond_resched();
	if (atomic_read(&kn->ends.nelems))
		start_gc(kn);
}

/**
 * kb_flows_init - make a namespace's tables
 * @kn: the namespace
 *
 * Return: 0 or an error.
 */
int kb_flows_init(struct kb_net *kn)
{
	xa_init_flags(&kn->flows, XA_FLAGS_LOCK_BH);
	spin_lock_init(&kn->list_lock);
	INIT_LIST_HEAD(&kn->handshakes);
	INIT_LIST_HEAD(&kn->remains);
	INIT_DELAYED_WORK(&kn->gc, gc_work);
	return rhashtable_init(&kn->ends, &ends_params);
}

/**
 * kb_flows_stop - end all flows, and wait for that
 * @kn: the namespace, in which no flow begins any more
 *
 * Context: process; sleeps.
 */
void kb_flows_stop(struct kb_net *kn)
{
	struct kb_flow *f;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&kn->flows, id, f)
		if (kb_flow_get(f)) {
			kb_flow_end(f, KBUMP_REASON_ADMIN);
			kb_flow_put(f);
		}
	rcu_read_unlock();
	/* Who was first to want a flow's end may not have queued its work yet. */
	flush_workqueue(flow_wq);
	while (atomic_read(&kn->nflows) + atomic_read(&kn->nhandshakes)) {
		msleep(20);
		flush_workqueue(flow_wq);
	}
	cancel_delayed_work_sync(&kn->gc);
}

/**
 * kb_flows_exit - free a namespace's tables
 * @kn: the namespace, whose flows have ended
 *
 * Context: process; sleeps.
 */
void kb_flows_exit(struct kb_net *kn)
{
	struct kb_flow *f, *next;

	spin_lock_bh(&kn->list_lock);
	list_for_each_entry_safe(f, next, &kn->remains, list) {
		unhash(f);
		kb_flow_put(f);
	}
	spin_unlock_bh(&kn->list_lock);
	rhashtable_destroy(&kn->ends);
	xa_destroy(&kn->flows);
}

/**
 * kb_flow_init - make what all namespaces share
 *
 * Return: 0 or -ENOMEM.
 */
int kb_flow_init(void)
{
	flow_cache = kmem_cache_create("kbump_flow", sizeof(struct kb_flow), 0,
				       SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT, NULL);
	if (!flow_cache)
		return -ENOMEM;
	flow_wq = alloc_workqueue("kbump_flow", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!flow_wq) {
		kmem_cache_destroy(flow_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * kb_flow_exit - undo kb_flow_init(), when no flow is left
 */
void kb_flow_exit(void)
{
	destroy_workqueue(flow_wq);
	/* What frees a connection through a tool drops the flow that was led through it. */
	rcu_barrier();
	rcu_barrier();
	kmem_cache_destroy(flow_cache);
}
