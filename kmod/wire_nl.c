// SPDX-License-Identifier: GPL-2.0-only
/* Wires on netlink. That there are any, and which ports they have, is rtnetlink's to say. */
#include <linux/rtnetlink.h>
#include <net/sock.h>

#include "net.h"
#include "netlink.h"
#include "wire.h"

static int fill_port(struct sk_buff *skb, const struct kb_wire *w, unsigned int number, int attr)
{
	const struct kb_port *p = rtnl_dereference(w->port[number]);

	return p ? nla_put_string(skb, attr, p->dev->name) : 0;
}

static int fill_stats(struct sk_buff *skb, const struct kb_wire *w, unsigned int number,
		      int first)
{
	const struct kb_port_stats s = kb_wire_stats(w, number);
	enum kb_drop why;

	if (nla_put_u64_64bit(skb, first, s.frames, KBUMP_WIRE_A_PAD) ||
	    nla_put_u64_64bit(skb, first + 1, s.bytes, KBUMP_WIRE_A_PAD) ||
	    nla_put_u64_64bit(skb, first + 2, s.steered, KBUMP_WIRE_A_PAD))
		return -EMSGSIZE;
	for (why = 0; why < KB_DROPS; why++)
		if (nla_put_u64_64bit(skb, first + 3 + why, s.dropped[why], KBUMP_WIRE_A_PAD))
			return -EMSGSIZE;
	return 0;
}

static bool is_up(const struct kb_wire *w)
{
	return netif_running(w->dev) && netif_carrier_ok(w->dev);
}

/* Called under RTNL, as all below. */
static int wire_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_wire *w = obj;

	if (nla_put_string(skb, KBUMP_WIRE_A_NAME, w->dev->name) ||
	    fill_port(skb, w, w->inside, KBUMP_WIRE_A_INSIDE) ||
	    fill_port(skb, w, !w->inside, KBUMP_WIRE_A_OUTSIDE) ||
	    nla_put_u8(skb, KBUMP_WIRE_A_BYPASS, w->bypass) ||
	    nla_put_u8(skb, KBUMP_WIRE_A_LINK, w->link) ||
	    nla_put_u8(skb, KBUMP_WIRE_A_STATE, is_up(w)) ||
	    fill_stats(skb, w, w->inside, KBUMP_WIRE_A_IN_FRAMES) ||
	    fill_stats(skb, w, !w->inside, KBUMP_WIRE_A_OUT_FRAMES))
		return -EMSGSIZE;
	return 0;
}

/**
 * kb_wire_event - tell those who listen
 * @w: a wire that has changed
 *
 * Context: process, under RTNL; sleeps.
 */
void kb_wire_event(struct kb_wire *w)
{
	if (w->line)
		return;
	kb_nl_event(kb_net(dev_net(w->dev)), KBUMP_CMD_WIRE_SET, KBUMP_A_WIRE, wire_fill, w);
}

static struct kb_wire *named(struct kb_net *kn, const struct nlattr *name,
			     struct netlink_ext_ack *extack)
{
	struct kb_wire *w;

	if (!name) {
		NL_SET_ERR_MSG(extack, "the name of the wire is missing");
		return ERR_PTR(-EINVAL);
	}
	list_for_each_entry(w, &kn->wires, list)
		if (!nla_strcmp(name, w->dev->name))
			return w;
	NL_SET_ERR_MSG_ATTR(extack, name, "no wire has this name");
	return ERR_PTR(-ENOENT);
}

static int port_named(const struct kb_wire *w, const struct nlattr *name,
		      struct netlink_ext_ack *extack)
{
	unsigned int i;

	for (i = 0; i < KB_WIRE_PORTS; i++) {
		const struct kb_port *p = rtnl_dereference(w->port[i]);

		if (p && !nla_strcmp(name, p->dev->name))
			return i;
	}
	NL_SET_ERR_MSG_ATTR(extack, name, "this is no port of the wire");
	return -EINVAL;
}

static int set(struct kb_net *kn, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct kb_wire *w = named(kn, tb[KBUMP_WIRE_A_NAME], extack);
	int inside;

	if (IS_ERR(w))
		return PTR_ERR(w);
	if (tb[KBUMP_WIRE_A_INSIDE]) {
		inside = port_named(w, tb[KBUMP_WIRE_A_INSIDE], extack);
		if (inside < 0)
			return inside;
		w->inside = inside;
	}
	if (tb[KBUMP_WIRE_A_BYPASS])
		WRITE_ONCE(w->bypass, nla_get_u8(tb[KBUMP_WIRE_A_BYPASS]));
	if (tb[KBUMP_WIRE_A_LINK])
		w->link = nla_get_u8(tb[KBUMP_WIRE_A_LINK]);
	kb_wire_event(w);
	kb_wire_adapt(w);
	return 0;
}

/**
 * kb_wire_set_doit - KBUMP_CMD_WIRE_SET
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_wire_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[KBUMP_WIRE_A_MAX + 1];
	int err = kb_nl_parse(info, KBUMP_A_WIRE, tb, KBUMP_WIRE_A_MAX);

	if (err)
		return err;
	rtnl_lock();
	err = set(kb_net(genl_info_net(info)), tb, info->extack);
	rtnl_unlock();
	return err;
}

/**
 * kb_wire_get_doit - KBUMP_CMD_WIRE_GET, of one wire
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_wire_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[KBUMP_WIRE_A_MAX + 1];
	int err = kb_nl_parse(info, KBUMP_A_WIRE, tb, KBUMP_WIRE_A_MAX);
	struct kb_wire *w;

	if (err)
		return err;
	rtnl_lock();
	w = named(kb_net(genl_info_net(info)), tb[KBUMP_WIRE_A_NAME], info->extack);
	err = PTR_ERR_OR_ZERO(w);
	if (!err)
		err = kb_nl_reply(info, KBUMP_CMD_WIRE_GET, KBUMP_A_WIRE, wire_fill, w);
	rtnl_unlock();
	return err;
}

static const struct kb_nl_list wire_list = {
	.cmd = KBUMP_CMD_WIRE_GET,
	.attr = KBUMP_A_WIRE,
	.node = offsetof(struct kb_wire, list),
	.fill = wire_fill,
};

/**
 * kb_wire_get_dumpit - KBUMP_CMD_WIRE_GET, of all wires
 * @skb: a part of the answer
 * @cb: state of the dump
 *
 * Return: length of the part, 0 at the end.
 */
int kb_wire_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kb_net *kn = kb_net(sock_net(skb->sk));
	int len;

	rtnl_lock();
	len = kb_nl_dump(skb, cb, &wire_list, &kn->wires, kn->wires_gen);
	rtnl_unlock();
	return len;
}
