// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mirror: the streams of a flow, in clear unless it is bypassed, become a well-formed TCP
 * connection on the devices of its tools. The frames' payload is the relay's own pages; only
 * headers are made.
 *
 * Nothing here slows a flow: what a device does not take is counted and lost.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/random.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "flow.h"
#include "frame.h"
#include "leg.h"
#include "mirror.h"
#include "rule.h"
#include "tool.h"

#define WINDOW		65535
#define WSCALE		7
#define HOP_LIMIT	64
/* MSS, no operation, window scale. */
#define SYN_OPTIONS	8

/**
 * struct segment - one segment to be made, or a run of data to be cut into some
 *
 * @from: who sends it
 * @flags: TCP flags
 * @seq: sequence number
 * @ack: acknowledgement number
 * @page: where the data is
 * @off: first byte of it
 * @len: bytes
 * @of_data: it has data, or acknowledges some
 * @pos: of that data in its stream
 */
struct segment {
	enum kb_side from;
	u8 flags;
	u32 seq;
	u32 ack;
	struct page *page;
	unsigned int off;
	unsigned int len;
	bool of_data;
	u64 pos;
};

static const struct kb_tuple *mirror_tuple(const struct kb_mirror *m)
{
	return &m->flow->end[KB_CLIENT].tuple;
}

static unsigned int ip_len(const struct kb_tuple *t)
{
	return t->family == NFPROTO_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

static void put_ipv4(struct sk_buff *skb, struct kb_mirror *m, const struct segment *s,
		     unsigned int payload)
{
	const struct kb_tuple *t = mirror_tuple(m);
	struct iphdr *ip = skb_put_zero(skb, sizeof(*ip));
	bool client = s->from == KB_CLIENT;

	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tot_len = htons(sizeof(*ip) + payload);
	ip->id = htons(m->ipid[s->from]++);
	ip->frag_off = htons(IP_DF);
	ip->ttl = HOP_LIMIT;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = client ? t->client.ip : t->server.ip;
	ip->daddr = client ? t->server.ip : t->client.ip;
	ip->check = ip_fast_csum(ip, ip->ihl);
}

static void put_ipv6(struct sk_buff *skb, const struct kb_mirror *m, const struct segment *s,
		     unsigned int payload)
{
	const struct kb_tuple *t = mirror_tuple(m);
	struct ipv6hdr *ip = skb_put_zero(skb, sizeof(*ip));
	bool client = s->from == KB_CLIENT;

	ip->version = 6;
	ip->payload_len = htons(payload);
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = HOP_LIMIT;
	ip->saddr = client ? t->client.in6 : t->server.in6;
	ip->daddr = client ? t->server.in6 : t->client.in6;
}

static void put_options(struct sk_buff *skb, struct tcphdr *th, unsigned int mss)
{
	u8 *p = skb_put(skb, SYN_OPTIONS);

	p[0] = TCPOPT_MSS;
	p[1] = TCPOLEN_MSS;
	put_unaligned_be16(min_t(unsigned int, mss, U16_MAX), p + 2);
	p[4] = TCPOPT_NOP;
	p[5] = TCPOPT_WINDOW;
	p[6] = TCPOLEN_WINDOW;
	p[7] = WSCALE;
	th->doff += SYN_OPTIONS / 4;
}

static struct tcphdr *put_tcp(struct sk_buff *skb, const struct kb_mirror *m,
			      const struct segment *s, const struct kb_target *to)
{
	const struct kb_tuple *t = mirror_tuple(m);
	__be16 sport = to->look->dport ? htons(to->look->dport) : t->sport;
	struct tcphdr *th = skb_put_zero(skb, sizeof(*th));
	bool client = s->from == KB_CLIENT;

	skb_set_transport_header(skb, (u8 *)th - skb->data);
	th->source = client ? t->cport : sport;
	th->dest = client ? sport : t->cport;
	th->seq = htonl(s->seq);
	th->ack_seq = s->flags & TCPHDR_ACK ? htonl(s->ack) : 0;
	th->doff = sizeof(*th) / 4;
	tcp_flag_byte(th) = s->flags;
	th->window = htons(WINDOW);
	return th;
}

static __sum16 tcp_check(const struct kb_tuple *t, bool client, unsigned int len, __wsum sum)
{
	const union nf_inet_addr *from = client ? &t->client : &t->server;
	const union nf_inet_addr *to = client ? &t->server : &t->client;

	if (t->family == NFPROTO_IPV4)
		return csum_tcpudp_magic(from->ip, to->ip, len, IPPROTO_TCP, sum);
	return csum_ipv6_magic(&from->in6, &to->in6, len, IPPROTO_TCP, sum);
}

/*
 * The sum is made here even where the device could: tools read from software devices, where
 * an unfinished one would be seen.
 */
static void finish_tcp(struct sk_buff *skb, struct tcphdr *th, const struct kb_tuple *t,
		       const struct segment *s)
{
	unsigned int header = th->doff * 4;
	__wsum sum = 0;

	if (s->len)
		sum = csum_partial(page_address(s->page) + s->off, s->len, 0);
	/* A header has an even length, so the sums just add up. */
	sum = csum_partial(th, header, sum);
	th->check = tcp_check(t, s->from == KB_CLIENT, header + s->len, sum);
	skb->ip_summed = CHECKSUM_NONE;
}

static void add_data(struct sk_buff *skb, const struct segment *s)
{
	if (!s->len)
		return;
	get_page(s->page);
	skb_add_rx_frag(skb, 0, s->page, s->off, s->len, SKB_TRUESIZE(s->len));
	/* Others read the page too: who wants to write must copy. */
	skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
}

static struct sk_buff *build(struct kb_mirror *m, const struct segment *s,
			     const struct kb_target *to, unsigned int mss)
{
	const struct kb_tuple *t = mirror_tuple(m);
	unsigned int options = s->flags & TCPHDR_SYN ? SYN_OPTIONS : 0;
	unsigned int payload = sizeof(struct tcphdr) + options + s->len;
	unsigned int room = kb_frame_room(to);
	struct tcphdr *th;
	struct sk_buff *skb;

	skb = alloc_skb(room + ip_len(t) + sizeof(*th) + options, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, room);
	skb_reset_network_header(skb);
	if (t->family == NFPROTO_IPV4)
		put_ipv4(skb, m, s, payload);
	else
		put_ipv6(skb, m, s, payload);
	th = put_tcp(skb, m, s, to);
	if (options)
		put_options(skb, th, mss);
	finish_tcp(skb, th, t, s);
	add_data(skb, s);
	return skb;
}

static void transmit(struct kb_mirror *m, const struct segment *s, const struct kb_target *to,
		     unsigned int mss)
{
	struct sk_buff *skb = build(m, s, to, mss);

	if (skb)
		kb_frame_send(skb, mirror_tuple(m)->family, to);
	else
		this_cpu_inc(to->tool->stats->drop_nomem);
}

/* Cut to the size that the tool takes. */
static void send_to(struct kb_mirror *m, const struct segment *s, const struct kb_target *to)
{
	unsigned int mss = kb_frame_mss(to, ip_len(mirror_tuple(m)) + sizeof(struct tcphdr));
	struct segment part = *s;
	unsigned int left = s->len;

	do {
		part.len = min(left, mss);
		left -= part.len;
		part.flags = s->flags;
		if (left)
			part.flags &= ~TCPHDR_PSH;
		transmit(m, &part, to, mss);
		part.seq += part.len;
		part.off += part.len;
	} while (left);
}

/* Bytes of a side's stream that a tool does not get, so far. */
static u64 beyond(const struct kb_mirror *m, enum kb_side side, u64 limit)
{
	return m->sent[side] > limit ? m->sent[side] - limit : 0;
}

/* To a tool that gets the beginnings of streams, these end there. Return: false if it is over. */
static bool confine(const struct kb_mirror *m, struct segment *s, u64 limit)
{
	if (!limit)
		return true;
	if (s->of_data && s->pos >= limit)
		return false;
	s->seq -= beyond(m, s->from, limit);
	s->ack -= beyond(m, kb_other(s->from), limit);
	if (s->len)
		s->len = min_t(u64, s->len, limit - s->pos);
	return true;
}

static unsigned int count_frames(const struct segment *s)
{
	return max(1U, DIV_ROUND_UP(s->len, ETH_DATA_LEN));
}

/* Where the device is gone, how many frames it would have got can only be guessed. */
static void send_all(struct kb_mirror *m, const struct segment *s)
{
	const struct kb_rule *rule = m->rule;
	struct kb_target to;
	unsigned int i;

	rcu_read_lock();
	for (i = 0; i < rule->ntools; i++) {
		struct segment part = *s;

		if (kb_frame_target(&to, rule->tools[i], &m->choice, count_frames(s)) &&
		    confine(m, &part, to.look->limit))
			send_to(m, &part, &to);
	}
	rcu_read_unlock();
}

static struct segment segment_from(const struct kb_mirror *m, enum kb_side from, u8 flags)
{
	return (struct segment){
		.from = from,
		.flags = flags,
		.seq = m->seq[from],
		.ack = m->seq[kb_other(from)],
	};
}

/* One segment from @from, which takes up @len numbers of its sequence. */
static void emit(struct kb_mirror *m, enum kb_side from, u8 flags, unsigned int len)
{
	struct segment s = segment_from(m, from, flags);

	send_all(m, &s);
	m->seq[from] += len;
}

static void emit_data(struct kb_mirror *m, enum kb_side from, const struct kb_chunk *c)
{
	struct segment s = segment_from(m, from, TCPHDR_ACK | TCPHDR_PSH);
	struct segment ack;

	s.page = c->page;
	s.off = c->off;
	s.len = c->len;
	s.of_data = true;
	s.pos = m->sent[from];
	send_all(m, &s);
	m->seq[from] += c->len;
	m->sent[from] += c->len;
	ack = segment_from(m, kb_other(from), TCPHDR_ACK);
	ack.of_data = true;
	ack.pos = s.pos;
	send_all(m, &ack);
}

/**
 * kb_mirror_open - begin a connection: its handshake
 * @m: the mirror, zeroed
 * @f: its flow
 *
 * Context: process; sleeps.
 */
void kb_mirror_open(struct kb_mirror *m, const struct kb_flow *f)
{
	m->flow = f;
	mutex_init(&m->lock);
	get_random_bytes(m->seq, sizeof(m->seq));
	get_random_bytes(m->ipid, sizeof(m->ipid));
	if (!kb_flow_has_tools(f))
		return;
	m->rule = f->rule;
	m->choice = kb_choice_of(mirror_tuple(m));
	mutex_lock(&m->lock);
	kb_frame_count_flow(m->rule, &m->choice);
	emit(m, KB_CLIENT, TCPHDR_SYN, 1);
	emit(m, KB_SERVER, TCPHDR_SYN | TCPHDR_ACK, 1);
	emit(m, KB_CLIENT, TCPHDR_ACK, 0);
	mutex_unlock(&m->lock);
}

/**
 * kb_mirror_data - show received data to the tools
 * @m: the mirror
 * @from: who sent it
 * @c: the data; its page must not be written any more
 *
 * The other side acknowledges at once: tools that reassemble streams forward only what has
 * been acknowledged.
 *
 * Context: process; sleeps.
 */
void kb_mirror_data(struct kb_mirror *m, enum kb_side from, const struct kb_chunk *c)
{
	if (!m->rule)
		return;
	mutex_lock(&m->lock);
	if (!m->fin[from] && !m->reset)
		emit_data(m, from, c);
	mutex_unlock(&m->lock);
}

/**
 * kb_mirror_fin - one side's stream has ended
 * @m: the mirror
 * @from: which side
 *
 * Context: process; sleeps.
 */
void kb_mirror_fin(struct kb_mirror *m, enum kb_side from)
{
	if (!m->rule)
		return;
	mutex_lock(&m->lock);
	if (!m->fin[from] && !m->reset) {
		emit(m, from, TCPHDR_FIN | TCPHDR_ACK, 1);
		m->fin[from] = true;
		emit(m, kb_other(from), TCPHDR_ACK, 0);
	}
	mutex_unlock(&m->lock);
}

/**
 * kb_mirror_reset - the connection was cut
 * @m: the mirror
 * @from: who cut it, as far as is known
 *
 * Nothing is sent if both sides had ended before.
 *
 * Context: process; sleeps.
 */
void kb_mirror_reset(struct kb_mirror *m, enum kb_side from)
{
	if (!m->rule)
		return;
	mutex_lock(&m->lock);
	if (!m->reset && !(m->fin[KB_CLIENT] && m->fin[KB_SERVER]))
		emit(m, from, TCPHDR_RST | TCPHDR_ACK, 0);
	m->reset = true;
	mutex_unlock(&m->lock);
}
