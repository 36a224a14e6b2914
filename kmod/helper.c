// SPDX-License-Identifier: GPL-2.0-only
/*
 * Helpers: the processes that do the handshakes, and whose listening sockets the steered
 * connections are given to.
 */
#include <linux/cred.h>
#include <linux/net.h>
#include <linux/notifier.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/inet_connection_sock.h>
#include <net/inet_sock.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "flow.h"
#include "draft.h"
#include "helper.h"
#include "netlink.h"
#include "set.h"

/* Listening sockets of one helper: two of each VRF. */
#define LISTENERS_MAX	1024

static unsigned long listen_index(u8 family, int vrf)
{
	return (unsigned long)vrf << 1 | (family == NFPROTO_IPV6);
}

static bool is_listening(const struct sock *sk)
{
	return inet_sk_state_load(sk) == TCP_LISTEN;
}

/**
 * kb_helper_listener - a helper's listening socket
 * @h: the helper
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @vrf: index of the device of the client's VRF, or 0
 *
 * Context: RCU read side.
 * Return: the socket, without a reference, or NULL if it does not listen.
 */
struct sock *kb_helper_listener(struct kb_helper *h, u8 family, int vrf)
{
	struct sock *sk = xa_load(&h->listen, listen_index(family, vrf));

	return sk && is_listening(sk) ? sk : NULL;
}

static bool can_serve(struct kb_helper *h, u8 family, int vrf)
{
	return !READ_ONCE(h->withdrawn) && kb_helper_listener(h, family, vrf);
}

/* Can it serve one more, which else is dropped without a word, or answered with SYN cookies? */
static bool has_room(struct kb_helper *h, u8 family, int vrf)
{
	const struct sock *sk = kb_helper_listener(h, family, vrf);

	return !READ_ONCE(h->withdrawn) && sk && !sk_acceptq_is_full(sk) &&
	       !inet_csk_reqsk_queue_is_full(sk);
}

/**
 * kb_helper_choose - a helper for a new connection
 * @kn: the namespace
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @vrf: index of the device of the client's VRF, or 0
 *
 * They take turns.
 *
 * Context: RCU read side.
 * Return: the helper, with a reference; NULL if there is none; ERR_PTR(-EBUSY) if none has room.
 */
struct kb_helper *kb_helper_choose(struct kb_net *kn, u8 family, int vrf)
{
	unsigned int able = 0, ready = 0, turn;
	struct kb_helper *h;

	list_for_each_entry_rcu(h, &kn->helpers, list) {
		able += can_serve(h, family, vrf);
		ready += has_room(h, family, vrf);
	}
	if (!ready)
		return able ? ERR_PTR(-EBUSY) : NULL;
	turn = READ_ONCE(kn->turn);
	WRITE_ONCE(kn->turn, turn + 1);
	turn %= ready;
	list_for_each_entry_rcu(h, &kn->helpers, list) {
		if (!has_room(h, family, vrf) || turn--)
			continue;
		return refcount_inc_not_zero(&h->ref) ? h : NULL;
	}
	return NULL;
}

/**
 * kb_helper_of_port - the helper behind a netlink socket
 * @kn: the namespace
 * @portid: the socket's port
 *
 * Context: any.
 * Return: the helper, with a reference, or NULL.
 */
struct kb_helper *kb_helper_of_port(struct kb_net *kn, u32 portid)
{
	struct kb_helper *h, *found = NULL;

	rcu_read_lock();
	list_for_each_entry_rcu(h, &kn->helpers, list)
		if (h->portid == portid && refcount_inc_not_zero(&h->ref))
			found = h;
	rcu_read_unlock();
	return found;
}

/**
 * kb_helper_runs_as - is a user that of a helper?
 * @kn: the namespace
 * @uid: the user
 *
 * Context: RCU read side.
 */
bool kb_helper_runs_as(struct kb_net *kn, kuid_t uid)
{
	struct kb_helper *h;

	list_for_each_entry_rcu(h, &kn->helpers, list)
		if (uid_eq(h->uid, uid))
			return true;
	return false;
}

static void helper_free(struct kb_helper *h)
{
	unsigned long index;
	struct sock *sk;

	xa_for_each(&h->listen, index, sk)
		sock_put(sk);
	xa_destroy(&h->listen);
	kfree(h);
}

static void helper_free_rcu(struct rcu_head *rcu)
{
	helper_free(container_of(rcu, struct kb_helper, rcu));
}

/**
 * kb_helper_put - drop a reference
 * @h: the helper
 *
 * Context: any.
 */
void kb_helper_put(struct kb_helper *h)
{
	if (refcount_dec_and_test(&h->ref))
		call_rcu(&h->rcu, helper_free_rcu);
}

static unsigned int count_listeners(struct kb_helper *h)
{
	unsigned int count = 0;
	unsigned long index;
	struct sock *sk;

	xa_for_each(&h->listen, index, sk)
		count += is_listening(sk);
	return count;
}

static int helper_fill(struct sk_buff *skb, const void *obj)
{
	struct kb_helper *h = (struct kb_helper *)obj;

	if (nla_put_u32(skb, KBUMP_HELPER_A_PORTID, h->portid) ||
	    nla_put_u32(skb, KBUMP_HELPER_A_PID, h->pid) ||
	    nla_put_u32(skb, KBUMP_HELPER_A_LISTENERS, count_listeners(h)) ||
	    nla_put_u64_64bit(skb, KBUMP_HELPER_A_STEERED, atomic64_read(&h->steered),
			      KBUMP_HELPER_A_PAD) ||
	    nla_put_u64_64bit(skb, KBUMP_HELPER_A_HANDOFFS, atomic64_read(&h->handoffs),
			      KBUMP_HELPER_A_PAD) ||
	    nla_put_u64_64bit(skb, KBUMP_HELPER_A_FAILED, atomic64_read(&h->failed),
			      KBUMP_HELPER_A_PAD))
		return -EMSGSIZE;
	if (*h->version && nla_put_string(skb, KBUMP_HELPER_A_VERSION, h->version))
		return -EMSGSIZE;
	return 0;
}

/* Or none at all. */
static bool is_vrf(const struct net *net, int index)
{
	const struct net_device *dev;
	bool is;

	rcu_read_lock();
	dev = index ? dev_get_by_index_rcu((struct net *)net, index) : NULL;
	is = !index || (dev && netif_is_l3_master(dev));
	rcu_read_unlock();
	return is;
}

static int check_listener(struct sock *sk, const struct net *net, int family,
			  const struct nlattr *a, struct netlink_ext_ack *extack)
{
	if (sk->sk_family != family || sk->sk_type != SOCK_STREAM ||
	    sk->sk_protocol != IPPROTO_TCP) {
		NL_SET_ERR_MSG_ATTR(extack, a, "not a TCP socket of this address family");
		return -EPROTOTYPE;
	}
	if (!net_eq(sock_net(sk), net)) {
		NL_SET_ERR_MSG_ATTR(extack, a, "socket is of another network namespace");
		return -EXDEV;
	}
	if (sk->sk_state != TCP_LISTEN) {
		NL_SET_ERR_MSG_ATTR(extack, a, "socket does not listen");
		return -EINVAL;
	}
	if (!inet_sk_transparent(sk)) {
		NL_SET_ERR_MSG_ATTR(extack, a, "socket is not IP_TRANSPARENT");
		return -EINVAL;
	}
	if (!is_vrf(net, READ_ONCE(sk->sk_bound_dev_if))) {
		NL_SET_ERR_MSG_ATTR(extack, a, "socket is bound to a device that is no VRF's");
		return -EINVAL;
	}
	return 0;
}

/* VRFs come and go, and with them the sockets that are bound to them. */
static void drop_closed(struct kb_helper *h)
{
	unsigned long index;
	struct sock *sk;

	xa_for_each(&h->listen, index, sk) {
		if (is_listening(sk))
			continue;
		xa_erase_bh(&h->listen, index);
		/* Its memory stays until nobody under RCU can see it any more. */
		sock_put(sk);
	}
}

/* A socket takes the place of an older one of its VRF. */
static int keep_listener(struct kb_helper *h, u8 family, struct sock *sk,
			 struct netlink_ext_ack *extack)
{
	unsigned long index = listen_index(family, READ_ONCE(sk->sk_bound_dev_if));
	struct sock *old;

	if (!xa_load(&h->listen, index) && count_listeners(h) >= LISTENERS_MAX) {
		NL_SET_ERR_MSG(extack, "a helper cannot have more listening sockets");
		return -ENOSPC;
	}
	sock_hold(sk);
	old = xa_store_bh(&h->listen, index, sk, GFP_KERNEL_ACCOUNT);
	if (xa_is_err(old))
		sock_put(sk);
	else if (old)
		sock_put(old);
	return xa_err(old);
}

static int take_listener(struct kb_helper *h, int family, const struct nlattr *a,
			 struct genl_info *info)
{
	u8 nfproto = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	struct socket *sock;
	int err;

	if (!a)
		return 0;
	sock = sockfd_lookup((int)nla_get_u32(a), &err);
	if (!sock) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "not a socket");
		return err;
	}
	err = check_listener(sock->sk, genl_info_net(info), family, a, info->extack);
	if (!err)
		err = keep_listener(h, nfproto, sock->sk, info->extack);
	sockfd_put(sock);
	return err;
}

static int take_listeners(struct kb_helper *h, struct nlattr **tb, struct genl_info *info)
{
	if (!tb[KBUMP_HELPER_A_LISTEN4_FD] && !tb[KBUMP_HELPER_A_LISTEN6_FD]) {
		NL_SET_ERR_MSG(info->extack, "no listening socket is given");
		return -EINVAL;
	}
	return take_listener(h, AF_INET, tb[KBUMP_HELPER_A_LISTEN4_FD], info) ?:
	       take_listener(h, AF_INET6, tb[KBUMP_HELPER_A_LISTEN6_FD], info);
}

static int parse(struct kb_helper *h, struct nlattr **tb, struct genl_info *info)
{
	int err = take_listeners(h, tb, info);

	if (!err && tb[KBUMP_HELPER_A_VERSION])
		nla_strscpy(h->version, tb[KBUMP_HELPER_A_VERSION], sizeof(h->version));
	return err;
}

static struct kb_helper *helper_alloc(const struct genl_info *info)
{
	struct kb_helper *h = kzalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);

	if (!h)
		return NULL;
	refcount_set(&h->ref, 1);
	/* Emptied when RCU calls. */
	xa_init_flags(&h->listen, XA_FLAGS_LOCK_BH);
	h->portid = info->snd_portid;
	h->pid = task_tgid_nr(current);
	h->uid = current_fsuid();
	return h;
}

/* Called with the namespace's lock held. */
static int add_locked(struct kb_net *kn, struct kb_helper *h, struct netlink_ext_ack *extack)
{
	struct kb_helper *other;

	if (kn->dying)
		return -ESHUTDOWN;
	list_for_each_entry(other, &kn->helpers, list) {
		if (other->portid == h->portid) {
			NL_SET_ERR_MSG(extack, "this socket is a helper's already");
			return -EEXIST;
		}
	}
	list_add_tail_rcu(&h->list, &kn->helpers);
	kn->helpers_gen++;
	kb_nl_event(kn, KBUMP_CMD_HELPER_ADD, KBUMP_A_HELPER, helper_fill, h);
	return 0;
}

/**
 * kb_helper_add_doit - KBUMP_CMD_HELPER_ADD
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_helper_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_HELPER_A_MAX + 1];
	struct kb_helper *h;
	int err;

	err = kb_nl_parse(info, KBUMP_A_HELPER, tb, KBUMP_HELPER_A_MAX);
	if (err)
		return err;
	h = helper_alloc(info);
	if (!h)
		return -ENOMEM;
	err = parse(h, tb, info);
	if (!err) {
		mutex_lock(&kn->lock);
		err = add_locked(kn, h, info->extack);
		mutex_unlock(&kn->lock);
	}
	if (err)
		helper_free(h);
	return err;
}

/**
 * kb_helper_set_doit - KBUMP_CMD_HELPER_SET
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_helper_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_HELPER_A_MAX + 1];
	struct kb_helper *h;
	int err;

	err = kb_nl_parse(info, KBUMP_A_HELPER, tb, KBUMP_HELPER_A_MAX);
	if (err)
		return err;
	h = kb_helper_of_port(kn, info->snd_portid);
	if (!h) {
		NL_SET_ERR_MSG(info->extack, "this socket is no helper's");
		return -ENOENT;
	}
	mutex_lock(&kn->lock);
	drop_closed(h);
	err = take_listeners(h, tb, info);
	kn->helpers_gen++;
	mutex_unlock(&kn->lock);
	kb_helper_put(h);
	return err;
}

/* Called with the namespace's lock held. */
static void withdraw(struct kb_net *kn, struct kb_helper *h)
{
	if (h->withdrawn)
		return;
	WRITE_ONCE(h->withdrawn, true);
	kn->helpers_gen++;
	kb_nl_event(kn, KBUMP_CMD_HELPER_DEL, KBUMP_A_HELPER, helper_fill, h);
}

/**
 * kb_helper_del_doit - KBUMP_CMD_HELPER_DEL
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_helper_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct kb_helper *h = kb_helper_of_port(kn, info->snd_portid);

	if (!h) {
		NL_SET_ERR_MSG(info->extack, "this socket is no helper's");
		return -ENOENT;
	}
	mutex_lock(&kn->lock);
	withdraw(kn, h);
	mutex_unlock(&kn->lock);
	kb_helper_put(h);
	return 0;
}

/* Called with the namespace's lock held. */
static void remove(struct kb_net *kn, struct kb_helper *h)
{
	withdraw(kn, h);
	/* Before its flows are ended: one that is just being made sees this, or is seen. */
	WRITE_ONCE(h->gone, true);
	list_del_rcu(&h->list);
	kn->helpers_gen++;
	kb_flows_end_of_helper(kn, h);
	kb_helper_put(h);
}

/**
 * kb_helpers_flush - withdraw all helpers
 * @kn: the namespace
 *
 * Context: process; sleeps.
 */
void kb_helpers_flush(struct kb_net *kn)
{
	struct kb_helper *h, *next;

	mutex_lock(&kn->lock);
	list_for_each_entry_safe(h, next, &kn->helpers, list)
		remove(kn, h);
	mutex_unlock(&kn->lock);
}

/* The helper that a request names. Called with the namespace's lock held. */
static struct kb_helper *named(struct kb_net *kn, const struct nlattr *portid,
			       struct netlink_ext_ack *extack)
{
	struct kb_helper *h;

	if (!portid) {
		NL_SET_ERR_MSG(extack, "the helper's port is missing");
		return ERR_PTR(-EINVAL);
	}
	list_for_each_entry(h, &kn->helpers, list)
		if (h->portid == nla_get_u32(portid) && !h->withdrawn)
			return h;
	NL_SET_ERR_MSG_ATTR(extack, portid, "no helper has this port");
	return ERR_PTR(-ENOENT);
}

/**
 * kb_helper_get_doit - KBUMP_CMD_HELPER_GET, of one helper
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_helper_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_net *kn = kb_net(genl_info_net(info));
	struct nlattr *tb[KBUMP_HELPER_A_MAX + 1];
	struct kb_helper *h;
	int err;

	err = kb_nl_parse(info, KBUMP_A_HELPER, tb, KBUMP_HELPER_A_MAX);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	h = named(kn, tb[KBUMP_HELPER_A_PORTID], info->extack);
	err = PTR_ERR_OR_ZERO(h);
	if (!err)
		err = kb_nl_reply(info, KBUMP_CMD_HELPER_GET, KBUMP_A_HELPER, helper_fill, h);
	mutex_unlock(&kn->lock);
	return err;
}

static bool is_shown(const void *obj)
{
	const struct kb_helper *h = obj;

	return !h->withdrawn;
}

static const struct kb_nl_list helper_list = {
	.cmd = KBUMP_CMD_HELPER_GET,
	.attr = KBUMP_A_HELPER,
	.node = offsetof(struct kb_helper, list),
	.fill = helper_fill,
	.shown = is_shown,
};

/**
 * kb_helper_get_dumpit - KBUMP_CMD_HELPER_GET, of all helpers
 * @skb: a part of the answer
 * @cb: state of the dump
 *
 * Return: length of the part, 0 at the end.
 */
int kb_helper_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kb_net *kn = kb_net(sock_net(skb->sk));
	int len;

	mutex_lock(&kn->lock);
	len = kb_nl_dump(skb, cb, &helper_list, &kn->helpers, kn->helpers_gen);
	mutex_unlock(&kn->lock);
	return len;
}

/* A netlink socket is closed: a draft, a fill of a set or a helper's handshakes are lost. */
static int netlink_notifier_call(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct netlink_notify *n = ptr;
	struct kb_helper *h;
	struct kb_net *kn;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	kn = kb_net(n->net);
	kb_drafts_release(kn, n->portid);
	kb_sets_release(kn, n->portid);
	h = kb_helper_of_port(kn, n->portid);
	if (!h)
		return NOTIFY_DONE;
	mutex_lock(&kn->lock);
	/* The namespace may have withdrawn it meanwhile. */
	if (!list_empty(&kn->helpers) && !kn->dying)
		remove(kn, h);
	mutex_unlock(&kn->lock);
	kb_helper_put(h);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = { .notifier_call = netlink_notifier_call };

/**
 * kb_helper_init - begin to watch the netlink sockets
 *
 * Return: 0 or an error.
 */
int kb_helper_init(void)
{
	return netlink_register_notifier(&netlink_notifier);
}

/**
 * kb_helper_exit - undo kb_helper_init()
 */
void kb_helper_exit(void)
{
	netlink_unregister_notifier(&netlink_notifier);
}
