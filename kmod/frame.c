// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames for tools: what copies of all kinds have in common. What a device does not take is
 * counted and lost.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>

#include "frame.h"
#include "group.h"
#include "rule.h"
#include "tool.h"

#define MSS_MIN	88

static bool is_chosen(const struct kb_tool_look *look, const struct kb_choice *choice)
{
	return look->sample <= 1 || choice->flow % look->sample == 0;
}

/* The member, of a group. Under RCU. Return: NULL if nobody gets copies of this connection. */
static struct kb_tool *pick(struct kb_tool *tool, const struct kb_choice *choice)
{
	const struct kb_group *g = rcu_dereference(tool->group);

	return g ? kb_group_pick(g, choice) : tool;
}

/**
 * kb_frame_count_flow - the tools of a rule begin to get copies of one more connection
 * @rule: the rule
 * @choice: of the connection
 *
 * Context: any.
 */
void kb_frame_count_flow(const struct kb_rule *rule, const struct kb_choice *choice)
{
	unsigned int i;

	rcu_read_lock();
	for (i = 0; i < rule->ntools; i++) {
		struct kb_tool *tool = rule->tools[i], *member = pick(tool, choice);

		if (tool->in_line || !member ||
		    !is_chosen(rcu_dereference(member->look), choice))
			continue;
		this_cpu_inc(member->stats->flows);
		if (member != tool)
			this_cpu_inc(tool->stats->flows);
	}
	rcu_read_unlock();
}

/**
 * kb_frame_target - find out how a tool is to be sent to
 * @to: result
 * @tool: the tool
 * @choice: of the connection
 * @frames: so many are lost, as far as one can know, if its device is gone or down
 *
 * Context: RCU read side.
 * Return: false if they are, or if the tool gets no copies, or none of this connection.
 */
bool kb_frame_target(struct kb_target *to, struct kb_tool *tool, const struct kb_choice *choice,
		     unsigned int frames)
{
	struct kb_tool *member;

	if (tool->in_line)
		return false;
	member = pick(tool, choice);
	if (!member) {
		this_cpu_add(tool->stats->drop_down, frames);
		return false;
	}
	to->tool = member;
	to->dev = rcu_dereference(member->dev);
	to->look = rcu_dereference(member->look);
	if (!is_chosen(to->look, choice))
		return false;
	if (to->dev && kb_tool_dev_is_up(to->dev))
		return true;
	this_cpu_add(member->stats->drop_down, frames);
	return false;
}

/**
 * kb_frame_room - what is to be left before the IP header, for kb_frame_send()
 * @to: where to
 *
 * Return: bytes.
 */
unsigned int kb_frame_room(const struct kb_target *to)
{
	return LL_RESERVED_SPACE(to->dev) + VLAN_HLEN + ETH_HLEN;
}

/**
 * kb_frame_mss - how much data a segment to a tool may have
 * @to: where to
 * @headers: bytes of the headers of IP and TCP
 *
 * Return: bytes.
 */
unsigned int kb_frame_mss(const struct kb_target *to, unsigned int headers)
{
	unsigned int mtu = min_not_zero(to->look->mtu, READ_ONCE(to->dev->mtu));

	return clamp_t(int, mtu - headers, MSS_MIN, U16_MAX - headers);
}

static void put_ethernet(struct sk_buff *skb, u8 family, const struct kb_target *to)
{
	struct ethhdr *eth = skb_push(skb, ETH_HLEN);

	skb_reset_mac_header(skb);
	ether_addr_copy(eth->h_source, to->look->has_src ? to->look->src : to->dev->dev_addr);
	ether_addr_copy(eth->h_dest, to->look->dst);
	eth->h_proto = htons(family == NFPROTO_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	skb->protocol = eth->h_proto;
	if (to->look->vlan)
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), to->look->vlan);
}

/**
 * kb_frame_send - make an IP packet a frame for a tool, send and count it
 * @skb: the packet, of which nobody else has the headers; it is consumed
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @to: where to
 *
 * Context: RCU read side.
 */
void kb_frame_send(struct sk_buff *skb, u8 family, const struct kb_target *to)
{
	struct kb_tool_stats __percpu *stats = to->tool->stats;
	unsigned int len;
	int rc;

	put_ethernet(skb, family, to);
	if (to->look->snaplen && pskb_trim(skb, to->look->snaplen)) {
		kfree_skb(skb);
		this_cpu_inc(stats->drop_nomem);
		return;
	}
	skb->dev = to->dev;
	skb->priority = 0;
	len = skb->len;
	rc = dev_queue_xmit(skb);
	if (rc == NET_XMIT_SUCCESS || rc == NET_XMIT_CN) {
		this_cpu_inc(stats->frames);
		this_cpu_add(stats->bytes, len);
	} else {
		this_cpu_inc(stats->drop_queue);
	}
}
