/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_TOOL_H
#define KB_TOOL_H

#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/netdevice.h>
#include <linux/refcount.h>

#include "net.h"

struct kb_group;
struct kb_inline;

/*
 * What a tool's frames look like, and what becomes of flows when an inline one is down; see
 * &enum kbump_tool_attr.
 */
struct kb_tool_look {
	bool has_src;
	u8 src[ETH_ALEN];
	u8 dst[ETH_ALEN];
	u16 vlan;
	u16 dport;
	u32 mtu;
	u32 snaplen;
	u64 limit;
	u32 sample;
	u8 fail;
	u32 heartbeat;
};

struct kb_tool_stats {
	u64 frames;
	u64 bytes;
	u64 flows;
	u64 drop_queue;
	u64 drop_down;
	u64 drop_nomem;
	u64 missed;
};

/**
 * struct kb_tool - a device that gets copies, or a pair of devices between which a tool is in line
 *
 * The table holds one reference, each rule that names the tool another one, and so does each
 * &struct kb_draft. Freed after a grace period.
 *
 * @list: in &kb_net.tools
 * @rcu: for the freeing
 * @ref: references
 * @dev: the device, or NULL when it is gone; written under RTNL and &kb_net.lock, read under
 *	RCU. The reference is dropped when the device unregisters or moves away.
 * @tracker: of the reference
 * @look: what the frames look like; replaced as a whole, read under RCU
 * @line: what an inline tool has, else NULL; constant, as the two below
 * @in_line: it is one, or a group of such
 * @is_group: it is a group, and has no device
 * @group: its members, or NULL; as @look
 * @stats: per-CPU counters
 * @name: never changes
 * @last_dev: name of the device when it was last seen; under &kb_net.lock
 */
struct kb_tool {
	struct list_head list;
	struct rcu_head rcu;
	refcount_t ref;
	struct net_device __rcu *dev;
	netdevice_tracker tracker;
	struct kb_tool_look __rcu *look;
	struct kb_inline *line;
	bool in_line;
	bool is_group;
	struct kb_group __rcu *group;
	struct kb_tool_stats __percpu *stats;
	char name[KBUMP_NAME_LEN];
	char last_dev[IFNAMSIZ];
};

struct kb_tool *kb_tool_find(struct kb_net *kn, const char *name);
struct kb_tool *kb_tool_alloc(struct kb_net *kn, const char *name, struct kb_tool_look *look,
			      enum kbump_tool_mode mode);
void kb_tool_get(struct kb_tool *t);
void kb_tool_put(struct kb_tool *t);
void kb_tool_remove(struct kb_tool *t);
struct net_device *kb_tool_dev(const struct kb_tool *t);
void kb_tool_set_dev(struct kb_tool *t, struct net_device *dev);
bool kb_tool_dev_is_up(const struct net_device *dev);
int kb_tools_init(struct kb_net *kn);
void kb_tools_exit(struct kb_net *kn);

#endif /* KB_TOOL_H */
