// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The routes of a wire's own table: all that its sockets send leaves by its device. The gateways
 * are nobody's; they spare an entry for each neighbour, as the module knows the station addresses.
 */
#include <arpa/inet.h>
#include <string.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "kbumpd.h"

/* RFC 7600, section 4.8; any link-local address. */
#define GATEWAY4	"192.0.0.8"
#define GATEWAY6	"fe80::1"
/* Where the kernel has it for VRFs. */
#define PREFERENCE	1000
/* As ip-vrf(8) advises. */
#define LAST		4278198272

/* While the device is down no other table is to be asked. This one is not the device's. */
static struct nl_msg *no_route(int type, int flags, int family, int index)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	struct rtmsg r = {
		.rtm_family = family,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNREACHABLE,
	};

	if (msg && !nlmsg_append(msg, &r, sizeof(r), NLMSG_ALIGNTO) &&
	    !nla_put_u32(msg, RTA_TABLE, KBUMP_WIRE_TABLE + index) &&
	    !nla_put_u32(msg, RTA_PRIORITY, LAST))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* Both legs offer notification of congestion (RFC 3168); the module has its say in that. */
static int put_metrics(struct nl_msg *msg)
{
	struct nlattr *nest = nla_nest_start(msg, RTA_METRICS);

	if (!nest || nla_put_u32(msg, RTAX_FEATURES, RTAX_FEATURE_ECN))
		return -NLE_NOMEM;
	nla_nest_end(msg, nest);
	return 0;
}

static struct nl_msg *route(int family, int index)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg r = {
		.rtm_family = family,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
		.rtm_flags = RTNH_F_ONLINK,
	};
	uint8_t gateway[16];

	inet_pton(family, family == AF_INET ? GATEWAY4 : GATEWAY6, gateway);
	if (msg && !nlmsg_append(msg, &r, sizeof(r), NLMSG_ALIGNTO) &&
	    !nla_put_u32(msg, RTA_TABLE, KBUMP_WIRE_TABLE + index) &&
	    !nla_put_u32(msg, RTA_OIF, index) &&
	    !nla_put(msg, RTA_GATEWAY, family == AF_INET ? 4 : 16, gateway) &&
	    !put_metrics(msg))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* That such devices have tables of their own. */
static struct nl_msg *rule(int family)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	struct fib_rule_hdr r = { .family = family, .action = FR_ACT_TO_TBL };

	if (msg && !nlmsg_append(msg, &r, sizeof(r), NLMSG_ALIGNTO) &&
	    !nla_put_u8(msg, FRA_L3MDEV, 1) && !nla_put_u8(msg, FRA_PROTOCOL, RTPROT_KERNEL) &&
	    !nla_put_u32(msg, FRA_PRIORITY, PREFERENCE))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* What is there already is as good; without IPv6 there is nothing to route. */
static int make(struct nl_sock *sock, struct nl_msg *msg)
{
	int err = msg ? nl_send_sync(sock, msg) : -NLE_NOMEM;

	return err == -NLE_EXIST || err == -NLE_AF_NOSUPPORT || err == -NLE_OPNOTSUPP ? 0 : err;
}

static const int families[] = { AF_INET, AF_INET6 };

static int make_all(struct nl_sock *sock, int index)
{
	int err = nl_connect(sock, NETLINK_ROUTE);
	int i;

	for (i = 0; i < 2 && !err; i++) {
		err = make(sock, rule(families[i]));
		if (!err)
			err = make(sock, no_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
						  families[i], index));
		if (!err)
			err = make(sock, route(families[i], index));
	}
	return err;
}

/**
 * wire_route() - make the routes of a wire, if they are not there
 * @index: of the wire's device, which is up
 *
 * Return: 0, or -1 after it has said why.
 */
int wire_route(int index)
{
	struct nl_sock *sock = nl_socket_alloc();
	int err = sock ? make_all(sock, index) : -NLE_NOMEM;

	if (err)
		log_line("routes of wire %d: %s", index, nl_geterror(err));
	nl_socket_free(sock);
	return err ? -1 : 0;
}

/**
 * wire_unroute() - a wire is gone, and its own routes with it
 * @index: of what was its device
 */
void wire_unroute(int index)
{
	struct nl_sock *sock = nl_socket_alloc();
	int i, err = sock ? nl_connect(sock, NETLINK_ROUTE) : -NLE_NOMEM;

	/* Another worker may have been faster. */
	for (i = 0; i < 2 && !err; i++)
		make(sock, no_route(RTM_DELROUTE, 0, families[i], index));
	nl_socket_free(sock);
}
