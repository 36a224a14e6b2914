// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which VRFs and wires the host has: all that there are at the start, and what the kernel tells
 * since. To connections a wire is a VRF of its own.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "kbumpd.h"

/**
 * struct links - what is known of the host's devices
 *
 * @worker: whose it is
 * @sock: hears of devices that come and go
 * @event: there is something to hear
 * @later: fires when it is time to ask again for all
 * @asked: all are being told
 * @again: some may have been missed
 */
struct links {
	struct worker *worker;
	struct nl_sock *sock;
	struct event event;
	struct event later;
	bool asked;
	bool again;
};

/* Something was missed: the time until all is asked for again. */
#define LATER_MS	200
/* For what comes while the worker does something else. */
#define BUFFER		(1 << 20)

/* The kind of a device, or "". */
static const char *kind_of(struct nlattr *info)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	if (!info || nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0 || !tb[IFLA_INFO_KIND])
		return "";
	return nla_get_string(tb[IFLA_INFO_KIND]);
}

static int on_link(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	const struct ifinfomsg *link = nlmsg_data(hdr);
	struct nlattr *tb[IFLA_MAX + 1];
	struct links *l = arg;
	const char *kind;
	bool wire;

	if (nlmsg_parse(hdr, sizeof(*link), tb, IFLA_MAX, NULL) < 0)
		return NL_OK;
	kind = kind_of(tb[IFLA_LINKINFO]);
	wire = !strcmp(kind, KBUMP_GENL_NAME);
	if (!wire && strcmp(kind, "vrf"))
		return NL_OK;
	/* A wire that is down has no flows, and gets no routes. */
	if (hdr->nlmsg_type == RTM_NEWLINK && wire &&
	    (!(link->ifi_flags & IFF_UP) || wire_route(link->ifi_index)))
		return NL_OK;
	if (hdr->nlmsg_type == RTM_NEWLINK)
		vrf_add(l->worker, link->ifi_index);
	else if (hdr->nlmsg_type == RTM_DELLINK)
		vrf_drop(l->worker, link->ifi_index);
	if (hdr->nlmsg_type == RTM_DELLINK && wire)
		wire_unroute(link->ifi_index);
	return NL_OK;
}

static int on_all_told(struct nl_msg *msg, void *arg)
{
	struct links *l = arg;

	(void)msg;
	l->asked = false;
	/* What was not told of may have been missed. */
	if (!l->again)
		vrfs_drop_unseen(l->worker);
	return NL_OK;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct links *l = arg;

	(void)msg;
	l->again = true;
	return NL_OK;
}

static int put_question(struct nl_msg *msg)
{
	struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
	int err = nlmsg_append(msg, &any, sizeof(any), NLMSG_ALIGNTO);

	return err ? err : nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

static int ask(struct links *l)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
	int err = msg ? put_question(msg) : -NLE_NOMEM;

	vrfs_unseen(l->worker);
	l->asked = true;
	l->again = false;
	if (!err)
		err = nl_send_auto(l->sock, msg);
	nlmsg_free(msg);
	return err < 0 ? err : 0;
}

/* The socket has dropped messages, or does not take a question while it answers another one. */
static bool is_loss(int err)
{
	return err == -NLE_NOMEM || err == -NLE_BUSY;
}

static int hear(struct links *l)
{
	struct timeval t = ms_to_timeval(LATER_MS);
	int err;

	do {
		err = nl_recvmsgs_default(l->sock);
		l->again = l->again || is_loss(err);
	} while (err >= 0 || is_loss(err));
	if (l->again && !l->asked)
		evtimer_add(&l->later, &t);
	return err == -NLE_AGAIN ? 0 : err;
}

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	struct links *l = arg;
	int err = hear(l);

	(void)fd;
	(void)what;
	if (!err)
		return;
	log_line("news of devices: %s: new VRFs are not seen any more", nl_geterror(err));
	event_del(&l->event);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct links *l = arg;

	if (ask(l) < 0)
		l->again = true;
	on_news(fd, what, l);
}

static int begin(struct links *l)
{
	int err = l->sock ? nl_connect(l->sock, NETLINK_ROUTE) : -NLE_NOMEM;

	if (!err)
		err = nl_socket_set_nonblocking(l->sock);
	if (err)
		return err;
	nl_socket_disable_seq_check(l->sock);
	nl_socket_modify_cb(l->sock, NL_CB_VALID, NL_CB_CUSTOM, on_link, l);
	nl_socket_modify_cb(l->sock, NL_CB_FINISH, NL_CB_CUSTOM, on_all_told, l);
	nl_socket_modify_cb(l->sock, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, l);
	nl_socket_set_buffer_size(l->sock, BUFFER, 0);
	/* The group first, so that nothing is missed. */
	err = nl_socket_add_membership(l->sock, RTNLGRP_LINK);
	if (!err)
		err = ask(l);
	return err ? err : hear(l);
}

/**
 * links_open() - find all VRFs, and follow them
 * @w: the worker
 *
 * Return: 0, or -1 after it has said why.
 */
int links_open(struct worker *w)
{
	struct links *l = calloc(1, sizeof(*l));
	int err;

	if (!l) {
		log_line("out of memory");
		return -1;
	}
	w->links = l;
	l->worker = w;
	evtimer_assign(&l->later, w->base, on_later, l);
	l->sock = nl_socket_alloc();
	err = begin(l);
	if (err) {
		log_line("netlink: %s", nl_geterror(err));
		return -1;
	}
	event_assign(&l->event, w->base, nl_socket_get_fd(l->sock), EV_READ | EV_PERSIST, on_news,
		     l);
	return event_add(&l->event, NULL);
}

/**
 * links_close() - undo links_open()
 * @w: the worker; it need not have got that far
 */
void links_close(struct worker *w)
{
	struct links *l = w->links;

	if (!l)
		return;
	if (event_initialized(&l->event))
		event_del(&l->event);
	evtimer_del(&l->later);
	nl_socket_free(l->sock);
	free(l);
	w->links = NULL;
}
