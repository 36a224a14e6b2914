/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_INLINE_H
#define KB_INLINE_H

#include <linux/netdevice.h>
#include <linux/workqueue.h>

#include "net.h"

struct kb_flow;
struct kb_port;
struct kb_tool;
struct sk_buff;
struct socket;

/* Ports of an inline tool's device, by their numbers. */
#define KB_INLINE_PEER	0
#define KB_INLINE_DEV	1
#define KB_INLINE_PORTS	2

/**
 * struct kb_inline - what an inline tool has
 *
 * Made and freed with its tool. The device is made and deleted under RTNL, but not under
 * &kb_net.lock, which is taken when devices change: by kb_inline_settle().
 *
 * @list: in &kb_net.lines, which has a reference to the tool; under RTNL
 * @kn: the namespace; constant, as @tool
 * @tool: the tool
 * @peer: the device on which the tool's other side is, as &kb_tool.dev; or NULL when it is gone
 * @tracker: of the reference to it
 * @last_peer: name of @peer when it was last seen; under &kb_net.lock
 * @removed: the tool was deleted; under RTNL
 * @dev: the routing domain in which the tool's sockets are, with both devices as ports; or NULL.
 *	Written under RTNL, read under RCU
 * @listen: take the connections that come out of the tool, by family; set before @dev is
 * @accept: takes them
 * @look: sends probes, and looks whether the tool is up
 * @data_ready: what the sockets of @listen had before; constant
 * @cookie: of the probes; constant
 * @sent: number of the latest one; of @look, as the three below
 * @probed: jiffies then
 * @good: how many in a row have come through, both ways
 * @told_up: the tool was up when it was last looked at
 * @dead: probes do not come through; written by @look
 * @came: number of the latest one that has come, by the port that it came in by
 * @station: who has sent that; races do no harm
 */
struct kb_inline {
	struct list_head list;
	struct kb_net *kn;
	struct kb_tool *tool;
	struct net_device __rcu *peer;
	netdevice_tracker tracker;
	char last_peer[IFNAMSIZ];
	bool removed;
	struct net_device __rcu *dev;
	struct socket *listen[2];
	void (*data_ready)(struct sock *sk);
	struct work_struct accept;
	struct delayed_work look;
	u64 cookie;
	u32 sent;
	unsigned long probed;
	u32 good;
	bool told_up;
	bool dead;
	u32 came[KB_INLINE_PORTS];
	u8 station[ETH_ALEN];
};

struct kb_inline *kb_inline_alloc(struct kb_net *kn, struct kb_tool *tool);
void kb_inline_free(struct kb_inline *l);
struct net_device *kb_inline_peer(const struct kb_inline *l);
void kb_inline_set_peer(struct kb_inline *l, struct net_device *dev);
bool kb_inline_owns(const struct kb_inline *l, const struct net_device *dev, unsigned int number);
void kb_inline_enter(struct kb_inline *l);
void kb_inline_settle(struct kb_net *kn);
void kb_inline_check(struct kb_inline *l);
bool kb_inline_is_up(const struct kb_tool *tool);
bool kb_inline_blocks(const struct kb_tool *tool);
void kb_inline_count_missed(struct kb_tool *tool);
struct sock *kb_inline_listener(const struct kb_tool *tool, u8 family);
struct kb_flow *kb_inline_begin(struct kb_tool *tool, struct kb_flow *outer, struct socket **sock);
int kb_inline_init(void);
void kb_inline_exit(void);
void kb_inline_rest(const struct kb_port *in, struct sk_buff *skb);

#endif /* KB_INLINE_H */
