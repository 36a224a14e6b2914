// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inline tools of a flow. Between the client's leg and the server's there is a relay more than
 * there are tools, and each tool has two legs, which are no TLS: one relay connects to the server
 * through the tool, in the name of the client; what comes out of the tool is accepted in the name
 * of the server, by the next relay:
 *
 *	client === relay --- tool --- relay --- tool --- relay === server
 *
 * What a tool does to its connection so becomes of the flow. Each relay ends by itself: a tool may
 * answer the client although it has cut the server off. The flow ends with the last of them.
 */
#include <net/tcp.h>

#include "chain.h"
#include "flow.h"
#include "group.h"
#include "inline.h"
#include "relay.h"
#include "rule.h"
#include "tool.h"

/**
 * kb_chain_last - the relay that has the server
 * @first: the one that has the client
 *
 * Context: with the flow's lock held, or while nobody else has it.
 */
struct kb_relay *kb_chain_last(struct kb_relay *first)
{
	while (first->next)
		first = first->next;
	return first;
}

/* Return: the relay behind the tool, or an ERR_PTR() with @r as it was. */
static struct kb_relay *lead_through(struct kb_relay *r, struct kb_tool *tool)
{
	struct kb_relay *next = kb_relay_alloc(r->flow, r->first);
	struct kb_flow *inner;
	struct socket *sock;

	if (!next)
		return ERR_PTR(-ENOMEM);
	inner = kb_inline_begin(tool, r->flow, &sock);
	if (IS_ERR(inner)) {
		kb_relay_free(next);
		return ERR_CAST(inner);
	}
	kb_leg_open_inner(&r->leg[KB_SERVER], sock);
	r->inner = inner;
	r->next = next;
	return next;
}

/* Through the tool, or that member of a group that gets this flow. Return: as lead_through(). */
static struct kb_relay *lead_through_one(struct kb_relay *r, struct kb_tool *tool)
{
	struct kb_choice choice = kb_choice_of(&r->flow->end[KB_CLIENT].tuple);
	struct kb_relay *next = ERR_PTR(-EHOSTDOWN);
	struct kb_tool *member = tool;
	const struct kb_group *g;

	rcu_read_lock();
	g = rcu_dereference(tool->group);
	if (g)
		member = kb_group_pick(g, &choice);
	if (member)
		kb_tool_get(member);
	rcu_read_unlock();
	if (!member)
		return next;
	if (kb_inline_is_up(member))
		next = lead_through(r, member);
	kb_tool_put(member);
	return next;
}

/* Else it is something about this connection, and nobody is to bring that about. */
static bool is_down(int err)
{
	return err == -EHOSTDOWN || err == -ENODEV || err == -ENETUNREACH;
}

/**
 * kb_chain_open - connect through the inline tools of a flow's rule
 * @first: the first relay of the flow, whose own legs are not open yet
 * @last: result: the last one
 * @extack: says what is wrong
 *
 * A tool that is down is left out, or keeps the flow from being established, as is set.
 *
 * Context: process, with the flow's lock held; sleeps.
 * Return: 0 or an error. kb_chain_free() undoes what was done.
 */
int kb_chain_open(struct kb_relay *first, struct kb_relay **last, struct netlink_ext_ack *extack)
{
	const struct kb_flow *f = first->flow;
	struct kb_relay *next;
	unsigned int i;

	for (i = 0; kb_flow_has_tools(f) && i < f->rule->ntools; i++) {
		struct kb_tool *tool = f->rule->tools[i];

		if (!tool->in_line)
			continue;
		next = lead_through_one(*last, tool);
		if (!IS_ERR(next)) {
			*last = next;
			continue;
		}
		kb_inline_count_missed(tool);
		if (!is_down(PTR_ERR(next))) {
			NL_SET_ERR_MSG(extack, "no connection can be made through an inline tool");
			return PTR_ERR(next);
		}
		if (kb_inline_blocks(tool)) {
			NL_SET_ERR_MSG(extack, "an inline tool is down");
			return PTR_ERR(next);
		}
	}
	return 0;
}

static struct kb_relay *leading_to(struct kb_relay *r, const struct kb_flow *inner)
{
	while (r && r->inner != inner)
		r = r->next;
	return r;
}

/* Called with the flow's lock held. */
static int join(struct kb_relay *first, const struct kb_flow *inner, struct socket *sock)
{
	struct kb_relay *r = first ? leading_to(first, inner) : NULL;
	struct kb_relay *next = r ? r->next : NULL;
	int err;

	if (!next || next->joined || next->stopped)
		return -ECONNABORTED;
	kb_leg_open_inner(&next->leg[KB_CLIENT], sock);
	err = kb_relay_attach(next, NULL);
	if (err)
		next->leg[KB_CLIENT].sock = NULL;
	else
		kb_relay_start(next);
	return err;
}

/**
 * kb_chain_join - a tool has connected on behalf of a flow
 * @inner: the connection through the tool
 * @sock: what was accepted; its file is the flow's on success
 *
 * Context: process; sleeps.
 * Return: 0, or an error if the flow does not wait for it.
 */
int kb_chain_join(struct kb_flow *inner, struct socket *sock)
{
	struct kb_flow *f = inner->outer;
	int err;

	mutex_lock(&f->lock);
	err = join(f->relay, inner, sock);
	mutex_unlock(&f->lock);
	return err;
}

/* Has one side said, on its way through the tool, that it sends no more? */
static bool is_ending(const struct kb_dir *d)
{
	return d->fin || d->notified || d->done;
}

/*
 * Is there anything in the tool that would be lost without it? What was sent into it must have come
 * out of it; what it changed cannot be told from that.
 */
static bool is_in_doubt(const struct kb_relay *r)
{
	const struct kb_relay *next = r->next;
	const struct kb_leg *in = &r->leg[KB_SERVER], *out = &next->leg[KB_CLIENT];
	enum kb_side side;

	for (side = 0; side < KB_SIDES; side++)
		if (is_ending(&r->dir[side]) || is_ending(&next->dir[side]))
			return true;
	if (next->reason != KBUMP_REASON_NONE && next->reason != KBUMP_REASON_TOOL_DOWN)
		return true;
	return r->stopped || next->stopped || r->doubt || next->doubt ||
	       in->tx_bytes != out->rx_bytes || out->tx_bytes != in->rx_bytes ||
	       next->dir[KB_CLIENT].chunk.len || r->dir[KB_SERVER].chunk.len;
}

static void cut(struct kb_leg *leg)
{
	kb_leg_abort(leg);
	kb_leg_close(leg);
}

/* The direction from the server goes on where that behind the tool was. */
static void move_dir(struct kb_dir *to, struct kb_dir *from)
{
	to->chunk = from->chunk;
	to->record = from->record;
	to->credit = from->credit;
	to->refused = false;
	from->chunk.page = NULL;
	from->chunk.len = 0;
}

/* Both relays become one, without the tool between them. Return: 0 or an error. */
static int lead_round(struct kb_relay *r)
{
	struct kb_relay *next = r->next;

	cut(&r->leg[KB_SERVER]);
	cut(&next->leg[KB_CLIENT]);
	kb_leg_move(&r->leg[KB_SERVER], &next->leg[KB_SERVER]);
	move_dir(&r->dir[KB_SERVER], &next->dir[KB_SERVER]);
	kb_flow_bury_inner(r->inner);
	r->inner = next->inner;
	r->next = next->next;
	kb_relay_free(next);
	if (!r->leg[KB_CLIENT].sock)
		return 0;
	return kb_relay_attach(r, NULL);
}

/* Of those that there still are. */
static int first_reason(const struct kb_relay *r)
{
	for (; r; r = r->next)
		if (r->reason != KBUMP_REASON_NONE)
			return r->reason;
	return KBUMP_REASON_NONE;
}

/*
 * The tool behind @r is down. Return: true if the flow goes on without it; the next one may be down
 * as well.
 */
static bool go_round(struct kb_relay *r)
{
	struct kb_tool *tool = r->inner->tool;
	int reason = r->next->reason;

	if (kb_inline_blocks(tool))
		return false;
	kb_relay_quiesce(r);
	kb_relay_quiesce(r->next);
	if (is_in_doubt(r) || lead_round(r))
		return false;
	WRITE_ONCE(r->reason, reason);
	WRITE_ONCE(r->first->why, first_reason(r->first));
	if (r->joined)
		kb_relay_go_on(r);
	return true;
}

/* Whoever is behind the tools is to see that a stream is not whole. */
static void note_cut(struct kb_relay *first, int reason)
{
	if (reason == KBUMP_REASON_CLIENT_RESET || reason == KBUMP_REASON_CLIENT_RECORD ||
	    reason == KBUMP_REASON_CLIENT_FLOOD)
		WRITE_ONCE(first->truncated[KB_CLIENT], true);
	else if (reason == KBUMP_REASON_SERVER_RESET || reason == KBUMP_REASON_SERVER_RECORD ||
		 reason == KBUMP_REASON_SERVER_FLOOD)
		WRITE_ONCE(first->truncated[KB_SERVER], true);
}

/* The server has not been spoken to, and the tool will not do it any more. */
static void leave(struct kb_relay *r, int reason)
{
	if (kb_relay_is_close(reason))
		kb_leg_send_alert(&r->leg[KB_SERVER], KB_ALERT_WARNING, KB_ALERT_CLOSE_NOTIFY);
	kb_relay_stop(r, reason);
}

/*
 * Whatever a tool still has, the client does not get it from a connection that is cut: then there
 * is nothing more to be said to the server either. But what is cut towards the server may be
 * answered by the tool.
 */
static void stop(struct kb_relay *r, int reason)
{
	note_cut(r->first, reason);
	kb_relay_stop(r, reason);
	for (r = r->next; r; r = r->next) {
		if (r->stopped)
			continue;
		if (!r->joined)
			leave(r, reason);
		else if (!kb_relay_is_close(reason))
			kb_relay_stop(r, reason);
	}
}

static void hurry(struct kb_relay *first)
{
	struct kb_relay *r;

	for (r = first; r; r = r->next)
		if (!r->stopped)
			kb_relay_hurry(r);
}

/**
 * kb_chain_settle - end those relays of a flow that are to end
 * @first: the first one, or NULL
 *
 * Context: process, with the flow's lock held; sleeps.
 * Return: true if none goes on.
 */
bool kb_chain_settle(struct kb_relay *first)
{
	struct kb_relay *r;
	bool over = true;

	for (r = first; r; r = r->next) {
		int reason;

		while (r->reason == KBUMP_REASON_TOOL_DOWN && !r->stopped) {
			kb_inline_count_missed(r->inner->tool);
			if (!go_round(r))
				break;
		}
		reason = READ_ONCE(r->reason);
		if (reason == KBUMP_REASON_NONE || r->stopped)
			continue;
		stop(r, reason);
		hurry(first);
	}
	for (r = first; r; r = r->next)
		over = over && r->stopped;
	return over && first;
}

/**
 * kb_chain_tool_down - a tool is down: lead a flow round it, or end the flow
 * @first: the flow's first relay
 * @tool: the tool
 *
 * Context: process, with the flow's lock held; sleeps.
 */
void kb_chain_tool_down(struct kb_relay *first, const struct kb_tool *tool)
{
	struct kb_relay *r;

	for (r = first; r; r = r->next)
		if (r->inner && r->inner->tool == tool && !r->stopped)
			kb_flow_relay_ends(r->flow, r, KBUMP_REASON_TOOL_DOWN);
}

/**
 * kb_chain_stop - end all relays of a flow
 * @first: the first one
 * @reason: &enum kbump_reason
 *
 * Context: process, with the flow's lock held; sleeps.
 */
void kb_chain_stop(struct kb_relay *first, int reason)
{
	struct kb_relay *r;

	for (r = first; r; r = r->next)
		kb_relay_stop(r, reason);
}

/**
 * kb_chain_free - free the relays of a flow
 * @first: the first one; stopped, or never started
 *
 * Context: process; sleeps.
 */
void kb_chain_free(struct kb_relay *first)
{
	struct kb_relay *r, *next;

	for (r = first; r; r = next) {
		next = r->next;
		if (r->inner) {
			if (r->leg[KB_SERVER].sock)
				cut(&r->leg[KB_SERVER]);
			kb_flow_bury_inner(r->inner);
		}
		kb_relay_free(r);
	}
}
