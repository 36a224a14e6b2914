/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_DRAFT_H
#define KB_DRAFT_H

#include "netlink.h"
#include "rule.h"

struct kb_group;
struct kb_set;
struct kb_tool;
struct kb_tool_look;

/**
 * struct kb_draft - a configuration that is being made
 *
 * Begins as the configuration that holds, takes the changes of one command, or of all commands
 * that a netlink socket sends between KBUMP_CMD_BEGIN and _COMMIT, and then takes its place, or is
 * forgotten. Belongs to that command, or to the namespace until the socket commits it or is
 * closed. All is under &kb_net.lock.
 *
 * @list: in &kb_net.drafts, or of one command and in no list
 * @portid: the socket
 * @gen: &kb_net.gen when it began
 * @failed: a command was refused, so that it can only be forgotten
 * @last_handle: as in &struct kb_net
 * @rules: the table
 * @tools: &struct kb_draft_tool, in order of age
 * @gone_tools: those that will be deleted
 * @sets: &struct kb_draft_set, in order of age
 * @gone_sets: those that will be deleted
 * @notes: &struct kb_note, what is to be told when it holds, in order
 */
struct kb_draft {
	struct list_head list;
	u32 portid;
	unsigned int gen;
	bool failed;
	u32 last_handle;
	struct kb_rules *rules;
	struct list_head tools;
	struct list_head gone_tools;
	struct list_head sets;
	struct list_head gone_sets;
	struct list_head notes;
};

/**
 * struct kb_draft_tool - a tool in a draft
 *
 * @list: in &kb_draft.tools or .gone_tools
 * @tool: the tool, with a reference
 * @added: it is none of the configuration that holds
 * @look: what its frames are to look like, or NULL: as before
 * @group: what its members are to be, or NULL: as before
 * @dev: the device that it is to have, or empty: as before. By name, as a draft may be left
 *	alone for long, and no device is to wait for it.
 * @found: that device, while the draft takes its place; under RTNL
 * @peer: the same of an inline tool's other side, as is
 * @found_peer: this
 */
struct kb_draft_tool {
	struct list_head list;
	struct kb_tool *tool;
	bool added;
	struct kb_tool_look *look;
	struct kb_group *group;
	char dev[IFNAMSIZ];
	struct net_device *found;
	char peer[IFNAMSIZ];
	struct net_device *found_peer;
};

/**
 * struct kb_draft_set - a set in a draft
 *
 * @list: in &kb_draft.sets or .gone_sets
 * @set: the set, with a reference
 * @added: it is none of the configuration that holds
 * @ends: it is nobody else's, or no more, and ends with the entry
 * @shadow: a set whose contents it is to have, with a reference; or NULL: as before
 */
struct kb_draft_set {
	struct list_head list;
	struct kb_set *set;
	bool added;
	bool ends;
	struct kb_set *shadow;
};

/**
 * struct kb_note_kind - how an event is told
 *
 * @attr: &enum kbump_attr, the object's kind
 * @fill: puts the object
 * @put: drops the note's reference
 */
struct kb_note_kind {
	u8 attr;
	kb_fill_t fill;
	void (*put)(const void *obj);
};

/**
 * struct kb_note - an event that is told when its draft holds
 *
 * @list: in &kb_draft.notes
 * @kind: how
 * @cmd: &enum kbump_cmd
 * @obj: the object; the note has a reference
 * @place: for @obj to point to, if that is a rule
 */
struct kb_note {
	struct list_head list;
	const struct kb_note_kind *kind;
	u8 cmd;
	const void *obj;
	struct kb_place place;
};

struct kb_draft *kb_draft_open(struct kb_net *kn, struct genl_info *info);
int kb_draft_close(struct kb_net *kn, struct kb_draft *d, struct genl_info *info, int err);
struct kb_draft *kb_draft_of(struct kb_net *kn, u32 portid);
struct kb_note *kb_draft_note(struct kb_draft *d, u8 cmd, const struct kb_note_kind *kind);
void kb_draft_fail(struct kb_net *kn, u32 portid);
void kb_drafts_release(struct kb_net *kn, u32 portid);
void kb_drafts_exit(struct kb_net *kn);

int kb_begin_doit(struct sk_buff *skb, struct genl_info *info);
int kb_commit_doit(struct sk_buff *skb, struct genl_info *info);
int kb_flush_doit(struct sk_buff *skb, struct genl_info *info);

#endif /* KB_DRAFT_H */
