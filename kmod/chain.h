/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_CHAIN_H
#define KB_CHAIN_H

#include <linux/types.h>

struct kb_flow;
struct kb_relay;
struct kb_rule;
struct kb_tool;
struct netlink_ext_ack;
struct socket;

int kb_chain_open(struct kb_relay *first, struct kb_relay **last, struct netlink_ext_ack *extack);
struct kb_relay *kb_chain_last(struct kb_relay *first);
int kb_chain_join(struct kb_flow *inner, struct socket *sock);
void kb_chain_tool_down(struct kb_relay *first, const struct kb_tool *tool);
bool kb_chain_settle(struct kb_relay *first);
void kb_chain_stop(struct kb_relay *first, int reason);
void kb_chain_free(struct kb_relay *first);

#endif /* KB_CHAIN_H */
