// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of sets as messages have them, see struct kbump_set_entry: from there to what a set
 * is made of, and back.
 */
#include <linux/ctype.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <net/netlink.h>

#include "value.h"

#define LABEL_MAX	63

/* Of labels with a dot between them; length without the dot of the root, or 0 if it is none. */
static unsigned int name_len(const u8 *name, unsigned int len)
{
	unsigned int i, label = 0;

	if (len > 1 && name[len - 1] == '.')
		len--;
	if (!len || len > KBUMP_SET_NAME_MAX)
		return 0;
	for (i = 0; i < len; i++) {
		if (!isascii(name[i]) ||
		    (!isalnum(name[i]) && name[i] != '.' && name[i] != '-' && name[i] != '_'))
			return 0;
		if (name[i] == '.') {
			if (!label)
				return 0;
			label = 0;
		} else if (++label > LABEL_MAX) {
			return 0;
		}
	}
	return label ? len : 0;
}

static int parse_domain(struct kb_value *v, const struct nlattr *a, const u8 *data,
			unsigned int len, struct netlink_ext_ack *extack)
{
	unsigned int dot = len && *data == '.';
	unsigned int i, n = name_len(data + dot, len - dot);

	if (!n) {
		NL_SET_ERR_MSG_ATTR(extack, a, "an entry is not a domain name");
		return -EINVAL;
	}
	v->len = dot + n;
	for (i = 0; i < v->len; i++)
		v->key[i] = tolower(data[i]);
	v->key[i] = '\0';
	return 1;
}

static bool has_host_bits(const u8 *addr, unsigned int size, unsigned int len)
{
	unsigned int i = len / 8;

	if (len % 8 && addr[i++] & (0xff >> len % 8))
		return true;
	for (; i < size; i++)
		if (addr[i])
			return true;
	return false;
}

static int parse_prefix(struct kb_value *v, const struct nlattr *a, const u8 *data,
			unsigned int len, struct netlink_ext_ack *extack)
{
	unsigned int size = len - 1;

	if ((size != sizeof(struct in_addr) && size != sizeof(struct in6_addr)) ||
	    *data > size * 8) {
		NL_SET_ERR_MSG_ATTR(extack, a, "an entry is not a prefix");
		return -EINVAL;
	}
	if (has_host_bits(data + 1, size, *data)) {
		NL_SET_ERR_MSG_ATTR(extack, a, "an entry has bits set beyond its prefix length");
		return -EINVAL;
	}
	v->len = len;
	memcpy(v->key, data, len);
	return 1;
}

static int parse_ports(struct kb_value *v, const struct nlattr *a, const u8 *data,
		       unsigned int len, struct netlink_ext_ack *extack)
{
	if (v->timeout) {
		NL_SET_ERR_MSG_ATTR(extack, a, "ports have no time-outs");
		return -EOPNOTSUPP;
	}
	if (len == sizeof(v->ports))
		memcpy(&v->ports, data, len);
	if (len != sizeof(v->ports) || v->ports.min > v->ports.max) {
		NL_SET_ERR_MSG_ATTR(extack, a, "an entry is not a range of ports");
		return -EINVAL;
	}
	return 1;
}

/**
 * kb_value_next - read the next entry of a request
 * @v: the entry
 * @type: &enum kbump_set_type of the set
 * @a: KBUMP_SET_A_ENTRIES
 * @at: its place there, 0 for the first; is moved behind it
 * @extack: says what is wrong
 *
 * Return: 1, 0 if there is no more, or an error.
 */
int kb_value_next(struct kb_value *v, u8 type, const struct nlattr *a, unsigned int *at,
		  struct netlink_ext_ack *extack)
{
	unsigned int rest = nla_len(a) - *at;
	const u8 *data = nla_data(a) + *at;
	struct kbump_set_entry head;

	if (!rest)
		return 0;
	if (rest >= sizeof(head))
		memcpy(&head, data, sizeof(head));
	if (rest < sizeof(head) || rest - sizeof(head) < head.len) {
		NL_SET_ERR_MSG_ATTR(extack, a, "an entry is cut short");
		return -EINVAL;
	}
	if (head.type != type) {
		NL_SET_ERR_MSG_ATTR(extack, a, "the set is of another type");
		return -EINVAL;
	}
	if (head.timeout > INT_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, a, "the time-out of an entry is too long");
		return -ERANGE;
	}
	*at += sizeof(head) + head.len;
	v->timeout = head.timeout;
	data += sizeof(head);
	switch (type) {
	case KBUMP_SET_DOMAIN:
		return parse_domain(v, a, data, head.len, extack);
	case KBUMP_SET_PREFIX:
		return parse_prefix(v, a, data, head.len, extack);
	default:
		return parse_ports(v, a, data, head.len, extack);
	}
}

/**
 * kb_value_put - put an entry behind those that are in a message
 * @skb: the message, which ends with the entries
 * @type: &enum kbump_set_type
 * @data: &kbump_set_entry.data
 * @len: bytes there
 * @timeout: ms, or 0
 *
 * Return: 0 or -EMSGSIZE.
 */
int kb_value_put(struct sk_buff *skb, u8 type, const void *data, u8 len, u32 timeout)
{
	struct kbump_set_entry head = { .timeout = timeout, .type = type, .len = len };

	/* What pads the attribute must have room as well. */
	if (skb_tailroom(skb) < (int)NLA_ALIGN(sizeof(head) + len) + NLA_ALIGNTO)
		return -EMSGSIZE;
	skb_put_data(skb, &head, sizeof(head));
	skb_put_data(skb, data, len);
	return 0;
}
