// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows on netlink: what helpers say of them, and what is shown of them.
 */
#include <linux/file.h>
#include <linux/net.h>
#include <linux/ipv6.h>
#include <net/inet_sock.h>
#include <net/sock.h>

#include "chain.h"
#include "flow.h"
#include "flow_nl.h"
#include "helper.h"
#include "netlink.h"
#include "relay.h"
#include "rule.h"

/* A helper's request about one of its flows; released by request_end(). */
struct request {
	struct kb_net *kn;
	struct nlattr *tb[KBUMP_FLOW_A_MAX + 1];
	struct kb_helper *helper;
	struct socket *client;
	struct kb_flow *flow;
};

static int put_u64(struct sk_buff *skb, int attr, const u64 *value)
{
	return nla_put_u64_64bit(skb, attr, READ_ONCE(*value), KBUMP_LEG_A_PAD);
}

static int fill_tls(struct sk_buff *skb, const struct kb_leg *leg)
{
	if (!leg->tls)
		return 0;
	if (leg->pump.version)
		return nla_put_u16(skb, KBUMP_LEG_A_VERSION, leg->pump.version) ||
		       nla_put_u16(skb, KBUMP_LEG_A_SUITE, leg->pump.suite);
	return nla_put_u16(skb, KBUMP_LEG_A_VERSION, leg->version) ||
	       nla_put_u16(skb, KBUMP_LEG_A_CIPHER, leg->cipher);
}

static int fill_leg(struct sk_buff *skb, int attr, const struct kb_leg *leg)
{
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest || fill_tls(skb, leg))
		return -EMSGSIZE;
	if (put_u64(skb, KBUMP_LEG_A_RX_BYTES, &leg->rx_bytes) ||
	    put_u64(skb, KBUMP_LEG_A_TX_BYTES, &leg->tx_bytes) ||
	    put_u64(skb, KBUMP_LEG_A_RX_RECORDS, &leg->rx_records) ||
	    put_u64(skb, KBUMP_LEG_A_RX_ZC, &leg->rx_zc) ||
	    put_u64(skb, KBUMP_LEG_A_RX_COPIED, &leg->rx_copied) ||
	    put_u64(skb, KBUMP_LEG_A_CONTROL, &leg->control) ||
	    put_u64(skb, KBUMP_LEG_A_RX_REKEYS, &leg->rx_rekeys) ||
	    put_u64(skb, KBUMP_LEG_A_TX_REKEYS, &leg->tx_rekeys))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int fill_legs(struct sk_buff *skb, struct kb_relay *r)
{
	return fill_leg(skb, KBUMP_FLOW_A_CLIENT, &r->leg[KB_CLIENT]) ||
	       fill_leg(skb, KBUMP_FLOW_A_SERVER, &kb_chain_last(r)->leg[KB_SERVER]);
}

static int fill_addresses(struct sk_buff *skb, const struct kb_tuple *t)
{
	int len = t->family == NFPROTO_IPV4 ? sizeof(t->client.ip) : sizeof(t->client.in6);

	return nla_put(skb, KBUMP_FLOW_A_CLIENT_ADDR, len, &t->client) ||
	       nla_put(skb, KBUMP_FLOW_A_SERVER_ADDR, len, &t->server) ||
	       nla_put_u16(skb, KBUMP_FLOW_A_CLIENT_PORT, ntohs(t->cport)) ||
	       nla_put_u16(skb, KBUMP_FLOW_A_SERVER_PORT, ntohs(t->sport));
}

static int fill_origin(struct sk_buff *skb, const struct kb_tuple *t, const struct kb_origin *o)
{
	if (fill_addresses(skb, t) || nla_put_string(skb, KBUMP_FLOW_A_IIF, o->iif))
		return -EMSGSIZE;
	if (*o->vrf && nla_put_string(skb, KBUMP_FLOW_A_VRF, o->vrf))
		return -EMSGSIZE;
	return o->local ? nla_put_u32(skb, KBUMP_FLOW_A_UID, o->uid) : 0;
}

static int fill_decision(struct sk_buff *skb, const struct kb_decision *d)
{
	if (!d->action)
		return 0;
	if (nla_put_u8(skb, KBUMP_FLOW_A_ACTION, d->action))
		return -EMSGSIZE;
	if (d->cause && nla_put_u8(skb, KBUMP_FLOW_A_CAUSE, d->cause))
		return -EMSGSIZE;
	if (d->learned && nla_put_flag(skb, KBUMP_FLOW_A_LEARNED))
		return -EMSGSIZE;
	return d->rule ? nla_put_u32(skb, KBUMP_FLOW_A_RULE, d->rule->handle) : 0;
}

/* Called with the flow's lock held. */
static int fill_flow_decision(struct sk_buff *skb, const struct kb_flow *f)
{
	const struct kb_decision d = {
		.rule = f->rule,
		.action = f->action,
		.cause = f->cause,
		.learned = f->learned,
	};

	return fill_decision(skb, &d);
}

static int decision_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_decision *d = obj;
	const struct kb_facts *facts = d->facts;

	if (d->id && nla_put_u64_64bit(skb, KBUMP_FLOW_A_ID, d->id, KBUMP_FLOW_A_PAD))
		return -EMSGSIZE;
	if (facts->proto == KBUMP_PROTO_UDP &&
	    nla_put_u8(skb, KBUMP_FLOW_A_PROTO, KBUMP_PROTO_UDP))
		return -EMSGSIZE;
	if (fill_origin(skb, &facts->tuple, &facts->origin) || fill_decision(skb, d))
		return -EMSGSIZE;
	return facts->sni ? nla_put_string(skb, KBUMP_FLOW_A_SNI, facts->sni) : 0;
}

/**
 * kb_flow_tell - tell those who listen what becomes of a connection
 * @kn: the namespace
 * @d: it
 *
 * Context: any.
 */
void kb_flow_tell(struct kb_net *kn, const struct kb_decision *d)
{
	kb_nl_decision(kn, decision_fill, d);
}

/* Called with the flow's lock held. */
static int flow_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_flow *f = obj;
	u64 age = jiffies_to_msecs(jiffies - f->born);

	if (nla_put_u64_64bit(skb, KBUMP_FLOW_A_ID, f->id, KBUMP_FLOW_A_PAD) ||
	    nla_put_u8(skb, KBUMP_FLOW_A_STATE, READ_ONCE(f->state)) ||
	    fill_origin(skb, &f->end[KB_CLIENT].tuple, &f->origin) ||
	    nla_put_u64_64bit(skb, KBUMP_FLOW_A_AGE, age, KBUMP_FLOW_A_PAD))
		return -EMSGSIZE;
	if (fill_flow_decision(skb, f))
		return -EMSGSIZE;
	if (f->sni && nla_put_string(skb, KBUMP_FLOW_A_SNI, f->sni))
		return -EMSGSIZE;
	if (f->alpn && nla_put_string(skb, KBUMP_FLOW_A_ALPN, f->alpn))
		return -EMSGSIZE;
	if (f->relay && fill_legs(skb, f->relay))
		return -EMSGSIZE;
	if (READ_ONCE(f->reason) && nla_put_u8(skb, KBUMP_FLOW_A_REASON, READ_ONCE(f->reason)))
		return -EMSGSIZE;
	return 0;
}

/**
 * kb_flow_event - tell those who listen
 * @f: the flow
 * @cmd: &enum kbump_cmd
 *
 * Context: process, with the flow's lock held; sleeps.
 */
void kb_flow_event(const struct kb_flow *f, u8 cmd)
{
	kb_nl_event(f->kn, cmd, KBUMP_A_FLOW, flow_fill, f);
}

static struct socket *tcp_of_fd(struct genl_info *info, const struct nlattr *a)
{
	struct socket *sock;
	int err;

	if (!a) {
		NL_SET_ERR_MSG(info->extack, "a socket is missing");
		return ERR_PTR(-EINVAL);
	}
	sock = sockfd_lookup((int)nla_get_u32(a), &err);
	if (!sock) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "not a socket");
		return ERR_PTR(err);
	}
	err = 0;
	if (!sk_is_tcp(sock->sk) || !sk_is_inet(sock->sk)) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "not a TCP socket");
		err = -EPROTOTYPE;
	} else if (!net_eq(sock_net(sock->sk), genl_info_net(info))) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "socket is of another network namespace");
		err = -EXDEV;
	}
	if (!err)
		return sock;
	sockfd_put(sock);
	return ERR_PTR(err);
}

static void sock_addresses(const struct sock *sk, union nf_inet_addr *local,
			   union nf_inet_addr *remote)
{
	if (sk->sk_family == AF_INET) {
		local->ip = inet_sk(sk)->inet_saddr;
		remote->ip = inet_sk(sk)->inet_daddr;
		return;
	}
#if IS_ENABLED(CONFIG_IPV6)
	local->in6 = inet6_sk(sk)->saddr;
	remote->in6 = sk->sk_v6_daddr;
#endif
}

/* The addresses of a socket as those of a leg; a server leg does not say where its peer is. */
static struct kb_tuple sock_tuple(const struct sock *sk, enum kb_side side)
{
	struct kb_tuple t = {
		.family = sk->sk_family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6,
		.side = side,
	};
	__be16 local = inet_sk(sk)->inet_sport;
	__be16 remote = inet_sk(sk)->inet_dport;

	if (side == KB_CLIENT) {
		sock_addresses(sk, &t.server, &t.client);
		t.cport = remote;
		t.sport = local;
		t.vrf = READ_ONCE(sk->sk_bound_dev_if);
	} else {
		sock_addresses(sk, &t.client, &t.server);
		t.cport = local;
		t.sport = remote;
	}
	return t;
}

/**
 * kb_flow_of_sock - find a flow by the socket of its client leg
 * @kn: the namespace
 * @sk: the socket
 *
 * Context: any.
 * Return: the flow, with a reference, or NULL.
 */
struct kb_flow *kb_flow_of_sock(struct kb_net *kn, const struct sock *sk)
{
	struct kb_tuple t = sock_tuple(sk, KB_CLIENT);
	struct kb_flow *f;

	rcu_read_lock();
	f = kb_flow_lookup(kn, &t);
	if (f && !kb_flow_get(f))
		f = NULL;
	rcu_read_unlock();
	return f;
}

static void request_end(struct request *rq)
{
	if (rq->flow)
		kb_flow_put(rq->flow);
	if (!IS_ERR_OR_NULL(rq->client))
		sockfd_put(rq->client);
	if (rq->helper)
		kb_helper_put(rq->helper);
}

static int request_begin(struct request *rq, struct genl_info *info)
{
	int err = kb_nl_parse(info, KBUMP_A_FLOW, rq->tb, KBUMP_FLOW_A_MAX);

	if (err)
		return err;
	rq->kn = kb_net(genl_info_net(info));
	rq->helper = kb_helper_of_port(rq->kn, info->snd_portid);
	if (!rq->helper) {
		NL_SET_ERR_MSG(info->extack, "only a registered helper may do this");
		return -EACCES;
	}
	rq->client = tcp_of_fd(info, rq->tb[KBUMP_FLOW_A_CLIENT_FD]);
	if (IS_ERR(rq->client))
		return PTR_ERR(rq->client);
	rq->flow = kb_flow_of_sock(rq->kn, rq->client->sk);
	if (!rq->flow || READ_ONCE(rq->flow->helper) != rq->helper) {
		NL_SET_ERR_MSG_ATTR(info->extack, rq->tb[KBUMP_FLOW_A_CLIENT_FD],
				    "socket is not the client leg of a flow of this helper");
		return -ENOENT;
	}
	return 0;
}

static int check_unconnected(const struct sock *sk, const struct nlattr *a,
			     struct netlink_ext_ack *extack)
{
	if (inet_sk_state_load(sk) != TCP_CLOSE || !inet_sk(sk)->inet_num) {
		NL_SET_ERR_MSG_ATTR(extack, a, "socket is connected, or not bound");
		return -EINVAL;
	}
	return 0;
}

/* The server leg's addresses: its own are those that it is bound to. */
static int set_server(struct request *rq, const struct socket *server, struct genl_info *info)
{
	const struct kb_tuple *client = &rq->flow->end[KB_CLIENT].tuple;
	struct kb_tuple t = sock_tuple(server->sk, KB_SERVER);

	if (t.family != client->family) {
		NL_SET_ERR_MSG(info->extack, "the legs are of different address families");
		return -EAFNOSUPPORT;
	}
	if (READ_ONCE(server->sk->sk_bound_dev_if) != kb_flow_vrf(rq->flow)) {
		NL_SET_ERR_MSG(info->extack, "the legs are bound to different VRFs");
		return -EXDEV;
	}
	t.server = client->server;
	t.sport = client->sport;
	t.vrf = rq->flow->origin.out_vrf;
	/* The host's routing rules may choose the way by mark. */
	if (rq->flow->origin.mark)
		sock_set_mark(server->sk, rq->flow->origin.mark);
	return kb_flow_set_server(rq->flow, &t, info->extack);
}

/**
 * kb_flow_set_doit - KBUMP_CMD_FLOW_SET
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_flow_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct request rq = {};
	struct socket *server;
	int err;

	err = request_begin(&rq, info);
	if (err)
		goto out;
	server = tcp_of_fd(info, rq.tb[KBUMP_FLOW_A_SERVER_FD]);
	err = PTR_ERR_OR_ZERO(server);
	if (err)
		goto out;
	err = check_unconnected(server->sk, rq.tb[KBUMP_FLOW_A_SERVER_FD], info->extack);
	if (!err)
		err = set_server(&rq, server, info);
	sockfd_put(server);
out:
	request_end(&rq);
	return err;
}

/* Called with the flow's lock held. */
static int answer_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_flow *f = obj;

	if (fill_flow_decision(skb, f))
		return -EMSGSIZE;
	if (f->action == KBUMP_ACTION_INSPECT && f->rule && f->rule->alpn_limit)
		return nla_put_string(skb, KBUMP_FLOW_A_ALPN_LIMIT, f->rule->alpn_limit);
	if (f->action != KBUMP_ACTION_BLOCK || !f->rule)
		return 0;
	if (nla_put_u8(skb, KBUMP_FLOW_A_BLOCK, f->rule->block))
		return -EMSGSIZE;
	if (f->rule->page)
		return nla_put_flag(skb, KBUMP_FLOW_A_PAGE) ?:
		       nla_put_string(skb, KBUMP_FLOW_A_COMMENT, f->rule->comment);
	return 0;
}

/**
 * kb_flow_ask_doit - KBUMP_CMD_FLOW_ASK
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_flow_ask_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_facts facts = { .known = KB_KNOWN_HELLO };
	enum kbump_cause cause = 0;
	struct request rq = {};
	int err;

	err = request_begin(&rq, info);
	if (!err)
		err = kb_facts_handshake(&facts, rq.tb, info->extack);
	if (err)
		goto out;
	if (rq.tb[KBUMP_FLOW_A_CERT])
		facts.known |= KB_KNOWN_CERT;
	if (rq.tb[KBUMP_FLOW_A_CAUSE])
		cause = nla_get_u8(rq.tb[KBUMP_FLOW_A_CAUSE]);
	err = kb_flow_decide(rq.flow, &facts, cause, info->extack);
	if (err)
		goto out;
	mutex_lock(&rq.flow->lock);
	err = kb_nl_reply(info, KBUMP_CMD_FLOW_ASK, KBUMP_A_FLOW, answer_fill, rq.flow);
	mutex_unlock(&rq.flow->lock);
out:
	request_end(&rq);
	return err;
}

/* The message goes back to its sender with an error, and its memory is not wiped else. */
static void take_secret(struct kb_secret *to, const struct nlattr *a)
{
	if (!a)
		return;
	/* The policy has checked that it fits. */
	to->len = nla_len(a);
	memcpy(to->data, nla_data(a), to->len);
	memzero_explicit(nla_data(a), to->len);
}

static int take_keys(struct kb_keys *to, const struct nlattr *leg, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[KBUMP_LEG_A_MAX + 1];
	int err;

	if (!leg)
		return 0;
	/* The family's policy has been applied, to what is nested as well. */
	err = nla_parse_nested(tb, KBUMP_LEG_A_MAX, leg, NULL, extack);
	if (err)
		return err;
	take_secret(&to->rx, tb[KBUMP_LEG_A_RX_SECRET]);
	take_secret(&to->tx, tb[KBUMP_LEG_A_TX_SECRET]);
	return 0;
}

/* The near end of the helper's pump, if the leg has one. */
static int take_pump(struct kb_handoff *h, enum kb_side side, const struct nlattr *leg,
		     struct genl_info *info)
{
	struct nlattr *tb[KBUMP_LEG_A_MAX + 1] = {};
	int err = leg ? nla_parse_nested(tb, KBUMP_LEG_A_MAX, leg, NULL, info->extack) : 0;
	struct socket *sock;

	if (err || (!tb[KBUMP_LEG_A_PUMP_FD] && !tb[KBUMP_LEG_A_VERSION] &&
		    !tb[KBUMP_LEG_A_SUITE]))
		return err;
	if (!tb[KBUMP_LEG_A_PUMP_FD] || !tb[KBUMP_LEG_A_VERSION] || !tb[KBUMP_LEG_A_SUITE]) {
		NL_SET_ERR_MSG_ATTR(info->extack, leg,
				    "a pumped leg needs a socket, a version and a suite");
		return -EINVAL;
	}
	sock = tcp_of_fd(info, tb[KBUMP_LEG_A_PUMP_FD]);
	if (IS_ERR(sock))
		return PTR_ERR(sock);
	h->sock[side] = sock;
	h->pump[side].version = nla_get_u16(tb[KBUMP_LEG_A_VERSION]);
	h->pump[side].suite = nla_get_u16(tb[KBUMP_LEG_A_SUITE]);
	if (kb_leg_has_tls(sock->sk))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, tb[KBUMP_LEG_A_PUMP_FD], "socket has no kTLS");
	return -EINVAL;
}

static int take_pumps(const struct request *rq, struct kb_handoff *h, struct genl_info *info)
{
	return take_pump(h, KB_CLIENT, rq->tb[KBUMP_FLOW_A_CLIENT], info) ?:
	       take_pump(h, KB_SERVER, rq->tb[KBUMP_FLOW_A_SERVER], info);
}

/* Without a pump the relay has the peer's own connection. */
static void use_peer(struct kb_handoff *h, enum kb_side side, struct socket *sock)
{
	if (h->sock[side])
		return;
	get_file(sock->file);
	h->sock[side] = sock;
}

static int take_sockets(const struct request *rq, struct kb_handoff *h, struct genl_info *info)
{
	const struct nlattr *a = rq->tb[KBUMP_FLOW_A_SERVER_FD];
	struct socket *server = tcp_of_fd(info, a);
	struct kb_tuple t;
	int err = 0;

	if (IS_ERR(server))
		return PTR_ERR(server);
	t = sock_tuple(server->sk, KB_SERVER);
	t.vrf = rq->flow->origin.out_vrf;
	if (memcmp(&t, &rq->flow->end[KB_SERVER].tuple, sizeof(t))) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "socket has not the server leg's addresses");
		err = -EINVAL;
	}
	if (!err)
		err = take_pumps(rq, h, info);
	if (!err) {
		use_peer(h, KB_CLIENT, rq->client);
		use_peer(h, KB_SERVER, server);
	}
	sockfd_put(server);
	return err;
}

static void put_sockets(const struct kb_handoff *h)
{
	enum kb_side side;

	for (side = 0; side < KB_SIDES; side++)
		if (h->sock[side])
			sockfd_put(h->sock[side]);
}

static int hand_over(struct request *rq, struct kb_handoff *h, struct genl_info *info)
{
	int err;

	h->forged = nla_get_flag(rq->tb[KBUMP_FLOW_A_FORGED]);
	if (rq->tb[KBUMP_FLOW_A_RECORD_MAX])
		h->record_max = nla_get_u16(rq->tb[KBUMP_FLOW_A_RECORD_MAX]);
	err = kb_nl_strdup(rq->tb[KBUMP_FLOW_A_SNI], &h->sni, info->extack);
	if (!err)
		err = kb_nl_strdup(rq->tb[KBUMP_FLOW_A_ALPN], &h->alpn, info->extack);
	if (!err)
		err = kb_flow_establish(rq->flow, h, info->extack);
	if (!err)
		return 0;
	kfree(h->sni);
	kfree(h->alpn);
	return err;
}

/**
 * kb_flow_add_doit - KBUMP_CMD_FLOW_ADD
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_flow_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_handoff h = {};
	struct request rq = {};
	int err, bad_keys;

	err = request_begin(&rq, info);
	/* In any case: what they leave behind is wiped. */
	bad_keys = take_keys(&h.keys[KB_CLIENT], rq.tb[KBUMP_FLOW_A_CLIENT], info->extack) ?:
		   take_keys(&h.keys[KB_SERVER], rq.tb[KBUMP_FLOW_A_SERVER], info->extack);
	err = err ?: bad_keys;
	if (!err)
		err = take_sockets(&rq, &h, info);
	if (!err)
		err = hand_over(&rq, &h, info);
	if (err)
		put_sockets(&h);
	memzero_explicit(&h, sizeof(h));
	request_end(&rq);
	return err;
}

/* What the end of a handshake teaches, if anything. */
static void learn(const struct request *rq, enum kbump_reason reason)
{
	const struct nlattr *sni = rq->tb[KBUMP_FLOW_A_SNI], *alert = rq->tb[KBUMP_FLOW_A_ALERT];

	if (nla_get_flag(rq->tb[KBUMP_FLOW_A_FORGED]))
		kb_flow_refused(rq->flow, reason, sni ? nla_data(sni) : NULL,
				alert ? nla_get_u8(alert) : 0);
}

/**
 * kb_flow_fail_doit - KBUMP_CMD_FLOW_FAIL
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_flow_fail_doit(struct sk_buff *skb, struct genl_info *info)
{
	enum kbump_reason reason;
	struct request rq = {};
	int err;

	err = request_begin(&rq, info);
	if (!err && !rq.tb[KBUMP_FLOW_A_REASON]) {
		NL_SET_ERR_MSG(info->extack, "the reason is missing");
		err = -EINVAL;
	}
	if (!err) {
		reason = nla_get_u8(rq.tb[KBUMP_FLOW_A_REASON]);
		atomic64_inc(&rq.helper->failed);
		learn(&rq, reason);
		kb_flow_end(rq.flow, reason);
	}
	request_end(&rq);
	return err;
}

/* The flow that a request names, with a reference. */
static struct kb_flow *named(struct kb_net *kn, struct genl_info *info)
{
	struct nlattr *tb[KBUMP_FLOW_A_MAX + 1];
	struct kb_flow *f;
	int err;

	err = kb_nl_parse(info, KBUMP_A_FLOW, tb, KBUMP_FLOW_A_MAX);
	if (err)
		return ERR_PTR(err);
	if (!tb[KBUMP_FLOW_A_ID]) {
		NL_SET_ERR_MSG(info->extack, "the flow's id is missing");
		return ERR_PTR(-EINVAL);
	}
	rcu_read_lock();
	f = xa_load(&kn->flows, nla_get_u64(tb[KBUMP_FLOW_A_ID]));
	if (f && !kb_flow_get(f))
		f = NULL;
	rcu_read_unlock();
	if (f)
		return f;
	NL_SET_ERR_MSG_ATTR(info->extack, tb[KBUMP_FLOW_A_ID], "no flow has this id");
	return ERR_PTR(-ENOENT);
}

/**
 * kb_flow_del_doit - KBUMP_CMD_FLOW_DEL
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_flow_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_flow *f = named(kb_net(genl_info_net(info)), info);

	if (IS_ERR(f))
		return PTR_ERR(f);
	kb_flow_end(f, KBUMP_REASON_ADMIN);
	kb_flow_put(f);
	return 0;
}

/**
 * kb_flow_get_doit - KBUMP_CMD_FLOW_GET, of one flow
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_flow_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_flow *f = named(kb_net(genl_info_net(info)), info);
	int err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	mutex_lock(&f->lock);
	err = kb_nl_reply(info, KBUMP_CMD_FLOW_GET, KBUMP_A_FLOW, flow_fill, f);
	mutex_unlock(&f->lock);
	kb_flow_put(f);
	return err;
}

/* The first flow from @id on, with a reference. */
static struct kb_flow *next_flow(struct kb_net *kn, unsigned long *id)
{
	struct kb_flow *f;

	rcu_read_lock();
	f = xa_find(&kn->flows, id, ULONG_MAX, XA_PRESENT);
	while (f && !kb_flow_get(f))
		f = xa_find_after(&kn->flows, id, ULONG_MAX, XA_PRESENT);
	rcu_read_unlock();
	return f;
}

/**
 * kb_flow_get_dumpit - KBUMP_CMD_FLOW_GET, of all flows
 * @skb: a part of the answer
 * @cb: state of the dump
 *
 * In the order of their ids: each flow that lives through the dump is in it once.
 *
 * Return: length of the part, 0 at the end.
 */
int kb_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kb_net *kn = kb_net(sock_net(skb->sk));
	struct kb_nl_pos *pos = kb_nl_pos(cb);
	unsigned long id = pos->a;
	struct kb_flow *f;
	int err;

	while ((f = next_flow(kn, &id))) {
		mutex_lock(&f->lock);
		err = kb_nl_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, NLM_F_MULTI,
				KBUMP_CMD_FLOW_GET, KBUMP_A_FLOW, flow_fill, f, NULL);
		mutex_unlock(&f->lock);
		kb_flow_put(f);
		if (err)
			break;
		pos->a = ++id;
	}
	return skb->len;
}
