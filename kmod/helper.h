/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_HELPER_H
#define KB_HELPER_H

#include <linux/refcount.h>
#include <linux/xarray.h>

#include "net.h"
#include "tuple.h"

struct genl_info;
struct netlink_callback;
struct sk_buff;
struct sock;

#define KB_VERSION_LEN	32

/**
 * struct kb_helper - a process that does handshakes, known by its netlink socket
 *
 * The table holds one reference, from the registration to the close of the netlink socket;
 * each flow in handshake holds one too. Freed after a grace period.
 *
 * @list: in &kb_net.helpers
 * @rcu: for the freeing
 * @ref: references
 * @listen: its listening sockets, by VRF and address family; a reference to the sock alone, so
 *	that they close with the process. Written under &kb_net.lock once it is in the table, read
 *	under RCU. Dropped with the last reference to the helper, or after their end.
 * @withdrawn: gets no new flow; written under &kb_net.lock
 * @gone: its netlink socket is closed; set once, before its flows are ended
 * @portid: of its netlink socket
 * @pid: process id in the initial namespace
 * @uid: its user, whose connections are left alone
 * @version: as it says, or empty
 * @steered: connections given to it
 * @handoffs: flows that it handed over
 * @failed: handshakes that it reported as failed
 */
struct kb_helper {
	struct list_head list;
	struct rcu_head rcu;
	refcount_t ref;
	struct xarray listen;
	bool withdrawn;
	bool gone;
	u32 portid;
	u32 pid;
	kuid_t uid;
	char version[KB_VERSION_LEN];
	atomic64_t steered;
	atomic64_t handoffs;
	atomic64_t failed;
};

struct kb_helper *kb_helper_choose(struct kb_net *kn, u8 family, int vrf);
bool kb_helper_runs_as(struct kb_net *kn, kuid_t uid);
struct kb_helper *kb_helper_of_port(struct kb_net *kn, u32 portid);
struct sock *kb_helper_listener(struct kb_helper *h, u8 family, int vrf);
void kb_helper_put(struct kb_helper *h);
void kb_helpers_flush(struct kb_net *kn);
int kb_helper_init(void);
void kb_helper_exit(void);

int kb_helper_add_doit(struct sk_buff *skb, struct genl_info *info);
int kb_helper_set_doit(struct sk_buff *skb, struct genl_info *info);
int kb_helper_del_doit(struct sk_buff *skb, struct genl_info *info);
int kb_helper_get_doit(struct sk_buff *skb, struct genl_info *info);
int kb_helper_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* KB_HELPER_H */
