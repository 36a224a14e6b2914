/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_VALUE_H
#define KB_VALUE_H

#include <linux/kbump.h>

struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

/**
 * struct kb_value - one entry of a request
 *
 * @timeout: ms as in &struct kbump_set_entry
 * @len: bytes of @key
 * @key: of a domain or a prefix: as a table has it, see &struct kb_content; of a domain also with
 *	a NUL behind
 * @ports: of ports
 */
struct kb_value {
	u32 timeout;
	u8 len;
	union {
		u8 key[KBUMP_SET_NAME_MAX + 2];
		struct kbump_port_range ports;
	};
};

int kb_value_next(struct kb_value *v, u8 type, const struct nlattr *a, unsigned int *at,
		  struct netlink_ext_ack *extack);
int kb_value_put(struct sk_buff *skb, u8 type, const void *data, u8 len, u32 timeout);

#endif /* KB_VALUE_H */
