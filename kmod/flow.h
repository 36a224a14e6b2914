/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_FLOW_H
#define KB_FLOW_H

#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/workqueue.h>

#include "facts.h"
#include "leg.h"
#include "net.h"
#include "path.h"
#include "rekey.h"
#include "track.h"
#include "tuple.h"

struct kb_flow;
struct kb_helper;
struct kb_relay;
struct kb_rule;
struct kb_tool;
struct netlink_ext_ack;
struct sk_buff;
struct socket;

/**
 * struct kb_end - addresses and ports of one leg, by which its packets are found
 *
 * @node: in &kb_net.ends
 * @tuple: the key; constant while @hashed
 * @flow: the flow
 * @hashed: in the table; under &kb_net.list_lock
 */
struct kb_end {
	struct rhash_head node;
	struct kb_tuple tuple;
	struct kb_flow *flow;
	bool hashed;
};

/**
 * struct kb_flow - a connection that was steered, from its SYN until its sockets are gone
 *
 * The steering hook makes it. Three phases: handshake, by a helper's hand; established, when
 * @relay is set; ended. An ended flow owns nothing any more, but stays in &kb_net.ends as
 * long as TCP has a socket for one of its legs, or its client is to hear nothing, so that late
 * packets find it. Its presence in the table is one reference, work in progress has its own.
 *
 * @end: the legs' addresses; the server's is hashed from %KBUMP_CMD_FLOW_SET on
 * @kn: the namespace
 * @rcu: for the freeing
 * @ref: references
 * @list: in &kb_net.handshakes or &kb_net.remains; under &kb_net.list_lock
 * @lock: serialises hand-off and end; sleeps
 * @end_work: tears down, in process context
 * @id: number in the namespace's life
 * @born: jiffies at the SYN
 * @check: jiffies when to look for its sockets again, while in &kb_net.remains
 * @state: &enum kbump_flow_state; written under @lock
 * @reason: &enum kbump_reason; set once, by the first who wants the end
 * @share: where the client's handshakes are counted; constant
 * @ended: torn down; set once, before the move to &kb_net.remains
 * @track: what connection tracking made of the SYN; constant
 * @origin: what the SYN said; constant
 * @path: how its packets look on a wire, if it is on one
 * @offered: the client offers protocols (ALPN); under @lock until the hand-off, as @learned
 * @learned: it is bypassed by what was learned
 * @cause: &enum kbump_cause why it cannot be inspected, or 0; under @lock until the hand-off
 * @silent: a rule blocks it, and its client is to hear nothing; set once, under @lock
 * @action: &enum kbump_action as the rules decided, 0 while they have not; under @lock
 * @rule: counted reference to the rule that decided, or that may, until the end; NULL if none
 *	wanted the flow after all; under @lock until the hand-off, then constant
 * @helper: counted reference to the helper, until the end
 * @relay: both sockets and what belongs to them, from the hand-off to the end; under @lock
 * @sni: server name from the client, or NULL; from the hand-off on, as @alpn
 * @alpn: application protocol, or NULL
 * @outer: of a connection through an inline tool, which has nothing of all this but addresses, a
 *	path and an end: the flow that is led through, with a reference. Else NULL. Constant, as
 *	@tool
 * @tool: that tool, with a reference
 */
struct kb_flow {
	struct kb_end end[KB_SIDES];
	struct kb_net *kn;
	struct rcu_head rcu;
	refcount_t ref;
	struct list_head list;
	struct mutex lock;
	struct work_struct end_work;
	u64 id;
	unsigned long born;
	unsigned long check;
	u8 state;
	int reason;
	u16 share;
	bool ended;
	struct kb_track track;
	struct kb_origin origin;
	struct kb_path path;
	bool offered;
	bool learned;
	u8 cause;
	bool silent;
	u8 action;
	struct kb_rule *rule;
	struct kb_helper *helper;
	struct kb_relay *relay;
	char *sni;
	char *alpn;
	struct kb_flow *outer;
	struct kb_tool *tool;
};

/**
 * struct kb_handoff - what a flow is established with
 *
 * On the stack of the request, which wipes it.
 *
 * @sock: the relay's sockets, by &enum kb_side; their files are the flow's on success, as all
 *	below but the secrets
 * @pump: legs of which @sock is not the peer's connection, but one to the helper
 * @keys: the secrets of the TLS 1.3 legs
 * @record_max: see &enum kbump_flow_attr; 0: no limit but that of TLS
 * @forged: see &enum kbump_flow_attr
 * @sni: server name or NULL
 * @alpn: protocol or NULL
 */
struct kb_handoff {
	struct socket *sock[KB_SIDES];
	struct kb_pump pump[KB_SIDES];
	struct kb_keys keys[KB_SIDES];
	u16 record_max;
	bool forged;
	char *sni;
	char *alpn;
};

/**
 * kb_flow_vrf - the VRF of a flow's client, whose routes both legs follow
 * @f: the flow
 *
 * Return: index of the VRF's device, to which both sockets are bound, or 0.
 */
static inline int kb_flow_vrf(const struct kb_flow *f)
{
	return f->end[KB_CLIENT].tuple.vrf;
}

/**
 * kb_flows_any - is there any flow, or the remains of one?
 * @kn: the namespace
 */
static inline bool kb_flows_any(struct kb_net *kn)
{
	return atomic_read(&kn->ends.nelems);
}

struct kb_flow *kb_flow_lookup(struct kb_net *kn, const struct kb_tuple *tuple);
struct kb_flow *kb_flow_create(struct kb_net *kn, const struct kb_facts *facts,
			       struct kb_rule *rule, bool decided, struct kb_helper *helper,
			       const struct sk_buff *skb);
int kb_flow_decide(struct kb_flow *f, struct kb_facts *facts, enum kbump_cause cause,
		   struct netlink_ext_ack *extack);
void kb_flow_refused(struct kb_flow *f, enum kbump_reason reason, const char *sni, u8 alert);
int kb_flow_establish(struct kb_flow *f, const struct kb_handoff *h,
		      struct netlink_ext_ack *extack);
int kb_flow_set_server(struct kb_flow *f, const struct kb_tuple *tuple,
		       struct netlink_ext_ack *extack);
void kb_flow_forget(struct kb_flow *f);
bool kb_flow_is_silent(const struct kb_flow *f);
bool kb_flow_has_tools(const struct kb_flow *f);
void kb_flow_end(struct kb_flow *f, enum kbump_reason reason);
void kb_flow_relay_ends(struct kb_flow *f, struct kb_relay *r, enum kbump_reason reason);
struct kb_flow *kb_flow_create_inner(struct kb_flow *outer, struct kb_tool *tool,
				     const struct kb_tuple *tuple, const struct kb_path *path);
void kb_flow_bury_inner(struct kb_flow *inner);
void kb_flows_end_of_tool(struct kb_net *kn, const struct kb_tool *tool);
bool kb_flow_has_sock(struct kb_flow *f, enum kb_side side, bool with_requests);
void kb_flow_closing(struct kb_flow *f);
bool kb_flow_get(struct kb_flow *f);
void kb_flow_put(struct kb_flow *f);
void kb_flows_end_of_vrf(struct kb_net *kn, int vrf);
void kb_flows_end_of_helper(struct kb_net *kn, const struct kb_helper *h);
int kb_flows_init(struct kb_net *kn);
void kb_flows_stop(struct kb_net *kn);
void kb_flows_exit(struct kb_net *kn);
int kb_flow_init(void);
void kb_flow_exit(void);

#endif /* KB_FLOW_H */
