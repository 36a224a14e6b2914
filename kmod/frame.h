/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_FRAME_H
#define KB_FRAME_H

#include <linux/types.h>

struct kb_choice;
struct kb_rule;
struct kb_tool;
struct kb_tool_look;
struct net_device;
struct sk_buff;

/**
 * struct kb_target - a tool as it is at the moment of one copy; valid under RCU
 *
 * @tool: the tool
 * @dev: its device, which is up
 * @look: what its frames look like
 */
struct kb_target {
	struct kb_tool *tool;
	struct net_device *dev;
	const struct kb_tool_look *look;
};

void kb_frame_count_flow(const struct kb_rule *rule, const struct kb_choice *choice);
bool kb_frame_target(struct kb_target *to, struct kb_tool *tool, const struct kb_choice *choice,
		     unsigned int frames);
unsigned int kb_frame_room(const struct kb_target *to);
unsigned int kb_frame_mss(const struct kb_target *to, unsigned int headers);
void kb_frame_send(struct sk_buff *skb, u8 family, const struct kb_target *to);

#endif /* KB_FRAME_H */
