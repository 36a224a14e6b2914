/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_GROUP_H
#define KB_GROUP_H

#include <linux/rcupdate.h>

#include <linux/kbump.h>

struct kb_draft;
struct kb_tool;
struct kb_tuple;
struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

/**
 * struct kb_choice - by what connections are chosen for tools; nobody can tell it from addresses
 *
 * @flow: of a connection, the same for both directions
 * @client: of all connections of a client
 */
struct kb_choice {
	u32 flow;
	u32 client;
};

/**
 * struct kb_group - tools that share connections; see &enum kbump_tool_attr
 *
 * Belongs to a &struct kb_tool, or to the &struct kb_draft_tool in which it is to be that of one.
 * Replaced as a whole, read under RCU, and freed after a grace period; constant until then.
 *
 * @rcu: for the freeing
 * @in_line: the members are in line
 * @spread: &enum kbump_spread
 * @key: &enum kbump_spread_key
 * @min: with fewer members that are up the group is down
 * @count: members
 * @member: they, those that stand by among them
 * @member.tool: the tool, with a reference
 * @member.id: of its name
 * @member.weight: share of the connections
 * @member.standby: it gets none but those of members that are down
 */
struct kb_group {
	struct rcu_head rcu;
	bool in_line;
	u8 spread;
	u8 key;
	u8 min;
	u8 count;
	struct {
		struct kb_tool *tool;
		u32 id;
		u16 weight;
		bool standby;
	} member[];
};

struct kb_choice kb_choice_of(const struct kb_tuple *t);
struct kb_tool *kb_group_pick(const struct kb_group *g, const struct kb_choice *choice);
bool kb_group_is_up(const struct kb_group *g);
bool kb_group_has(const struct kb_group *g, const struct kb_tool *tool);
struct kb_group *kb_group_parse(const struct kb_draft *d, const struct nlattr *nest,
				struct nlattr **tb, const struct kb_group *old,
				struct netlink_ext_ack *extack);
int kb_group_fill(struct sk_buff *skb, const struct kb_group *g);
void kb_group_free(struct kb_group *g);
void kb_group_free_later(struct kb_group *g);

#endif /* KB_GROUP_H */
