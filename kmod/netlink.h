/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_NETLINK_H
#define KB_NETLINK_H

#include <net/genetlink.h>

#include "net.h"

/**
 * typedef kb_fill_t - put the attributes of an object into a message
 * @skb: the message
 * @obj: the object
 *
 * Return: 0, or -EMSGSIZE.
 */
typedef int (*kb_fill_t)(struct sk_buff *skb, const void *obj);

/**
 * struct kb_nl_list - how the objects of a list are dumped
 *
 * @cmd: &enum kbump_cmd
 * @attr: &enum kbump_attr, their kind
 * @node: offset of the list_head in an object
 * @fill: puts one
 * @shown: is it to be told of? NULL: all are
 */
struct kb_nl_list {
	u8 cmd;
	u8 attr;
	size_t node;
	kb_fill_t fill;
	bool (*shown)(const void *obj);
};

int kb_nl_put(struct sk_buff *skb, u32 portid, u32 seq, int flags, u8 cmd, int attr,
	      kb_fill_t fill, const void *obj, struct netlink_callback *cb);
int kb_nl_dump(struct sk_buff *skb, struct netlink_callback *cb, const struct kb_nl_list *what,
	       const struct list_head *list, unsigned int gen);
int kb_nl_reply(struct genl_info *info, u8 cmd, int attr, kb_fill_t fill, const void *obj);
void kb_nl_event(struct kb_net *kn, u8 cmd, int attr, kb_fill_t fill, const void *obj);
void kb_nl_decision(struct kb_net *kn, kb_fill_t fill, const void *obj);
int kb_nl_parse(struct genl_info *info, int attr, struct nlattr **tb, int max);
int kb_nl_parse_dump(struct netlink_callback *cb, int attr, struct nlattr **tb, int max);
bool kb_nl_is_name(const char *name, bool empty);
int kb_nl_check_name(const struct nlattr *a, struct netlink_ext_ack *extack);
int kb_nl_strdup(const struct nlattr *a, char **to, struct netlink_ext_ack *extack);
int kb_nl_init(void);
void kb_nl_exit(void);

/* The dumps' place in their table, kept in netlink_callback.ctx. */
struct kb_nl_pos {
	u64 a;
	u64 b;
};

static inline struct kb_nl_pos *kb_nl_pos(struct netlink_callback *cb)
{
	return (struct kb_nl_pos *)cb->ctx;
}

#endif /* KB_NETLINK_H */
