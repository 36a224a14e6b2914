// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads a capture of what a tool was sent and judges it more strictly than a TCP stack
 * would: every connection must be whole, in order, free of repetition, acknowledge only
 * what was sent, and have right checksums. Prints size and SHA-256 of both streams.
 */
#include <arpa/inet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME_MAX	(1 << 20)
#define BUCKETS		1024
#define FAULTS_SHOWN	20

#define MAGIC_US	0xa1b2c3d4u
#define MAGIC_NS	0xa1b23c4du
#define LINK_ETHERNET	1

struct file_header {
	uint32_t magic;
	uint16_t major;
	uint16_t minor;
	uint32_t zone;
	uint32_t figures;
	uint32_t snaplen;
	uint32_t link;
};

struct frame_header {
	uint32_t sec;
	uint32_t frac;
	uint32_t captured;
	uint32_t length;
};

struct endpoint {
	uint8_t addr[16];
	uint16_t port;
};

struct stream {
	uint64_t bytes;
	uint32_t next;		/* sequence number expected next */
	uint32_t acked;
	bool syn;
	bool fin;
	EVP_MD_CTX *digest;
	FILE *out;
};

struct connection {
	struct connection *hash_next;
	struct connection *next;	/* in order of appearance */
	int family;
	struct endpoint end[2];	/* client, server */
	struct stream stream[2];	/* from the client, from the server */
	bool reset;
};

struct segment {
	int family;
	struct endpoint from;
	struct endpoint to;
	const struct tcphdr *tcp;
	const uint8_t *data;
	size_t len;
};

static struct connection *table[BUCKETS];
static struct connection *first, **last = &first;
static const char *directory;
static unsigned long frame_number;
static unsigned long faults;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "pcapcat: %s\n", what);
	exit(2);
}

static void fault(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void fault(const char *fmt, ...)
{
	va_list ap;

	if (++faults > FAULTS_SHOWN)
		return;
	printf("frame %lu: ", frame_number);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static uint64_t sum16(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint16_t word;

	for (; len > 1; p += 2, len -= 2) {
		memcpy(&word, p, 2);
		sum += word;
	}
	if (len) {
		word = 0;
		memcpy(&word, p, 1);
		sum += word;
	}
	return sum;
}

static bool sum_is_right(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static bool same_end(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static unsigned int bucket(const struct segment *s)
{
	return (s->from.port ^ s->to.port) % BUCKETS;
}

/* The newest connection between the two ends of @s; *@side is the sender's index. */
static struct connection *find(const struct segment *s, int *side)
{
	struct connection *c;

	for (c = table[bucket(s)]; c; c = c->hash_next) {
		for (*side = 0; *side < 2; ++*side)
			if (same_end(&c->end[*side], &s->from) && same_end(&c->end[!*side], &s->to))
				return c;
	}
	return NULL;
}

static void open_stream(struct connection *c, int side)
{
	static const char *const suffix[] = { "c2s", "s2c" };
	struct stream *st = &c->stream[side];
	char path[4096];

	st->digest = EVP_MD_CTX_new();
	if (!st->digest || !EVP_DigestInit_ex(st->digest, EVP_sha256(), NULL))
		die("no SHA-256");
	if (!directory)
		return;
	snprintf(path, sizeof(path), "%s/%u.%s", directory, c->end[0].port, suffix[side]);
	st->out = fopen(path, "w");
	if (!st->out)
		die("cannot write a stream's file");
}

static struct connection *new_connection(const struct segment *s)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		die("out of memory");
	c->family = s->family;
	c->end[0] = s->from;
	c->end[1] = s->to;
	open_stream(c, 0);
	open_stream(c, 1);
	c->hash_next = table[bucket(s)];
	table[bucket(s)] = c;
	*last = c;
	last = &c->next;
	return c;
}

static bool has_ended(const struct connection *c)
{
	return c->reset || (c->stream[0].fin && c->stream[1].fin);
}

static void take_syn(struct connection *c, int side, const struct segment *s)
{
	struct stream *st = &c->stream[side];

	if (st->syn)
		fault("SYN repeated");
	if (side != s->tcp->ack)
		fault(side ? "server's SYN without ACK" : "client's SYN with ACK");
	if (s->len)
		fault("data with SYN");
	st->syn = true;
	st->next = ntohl(s->tcp->seq) + 1;
}

static void check_ack(struct connection *c, int side, const struct segment *s)
{
	struct stream *st = &c->stream[side];
	uint32_t ack = ntohl(s->tcp->ack_seq);
	uint32_t sent = c->stream[!side].next;

	if (!s->tcp->ack) {
		if (!s->tcp->rst && !(s->tcp->syn && !side))
			fault("no ACK");
		return;
	}
	if ((int32_t)(ack - sent) > 0)
		fault("acknowledges %u bytes that were never sent", ack - sent);
	if (st->acked && (int32_t)(ack - st->acked) < 0)
		fault("acknowledgement goes back by %u", st->acked - ack);
	st->acked = ack;
}

static void take_data(struct connection *c, int side, const struct segment *s)
{
	struct stream *st = &c->stream[side];
	uint32_t seq = ntohl(s->tcp->seq);

	if (!c->stream[0].syn || !c->stream[1].syn)
		fault("segment before the handshake is complete");
	if (seq != st->next)
		fault("%s: sequence number is off by %d", side ? "s2c" : "c2s",
		      (int32_t)(seq - st->next));
	if (st->fin && (s->len || s->tcp->fin))
		fault("data or FIN after FIN");
	EVP_DigestUpdate(st->digest, s->data, s->len);
	if (st->out && fwrite(s->data, 1, s->len, st->out) != s->len)
		die("cannot write a stream's file");
	st->bytes += s->len;
	st->next = seq + s->len + s->tcp->fin;
	st->fin |= s->tcp->fin;
}

static void take(const struct segment *s)
{
	int side = 0;
	struct connection *c = find(s, &side);

	if (s->tcp->syn && !s->tcp->ack && (!c || has_ended(c))) {
		c = new_connection(s);
		side = 0;
	}
	if (!c) {
		fault("segment of a connection that was not opened");
		return;
	}
	if (c->reset)
		fault("segment after RST");
	if (s->tcp->syn)
		take_syn(c, side, s);
	else
		take_data(c, side, s);
	check_ack(c, side, s);
	c->reset |= s->tcp->rst;
}

static void parse_tcp(struct segment *s, const uint8_t *p, size_t len, uint64_t pseudo)
{
	const struct tcphdr *tcp = (const struct tcphdr *)p;
	size_t header;

	if (len < sizeof(*tcp)) {
		fault("short TCP header");
		return;
	}
	header = tcp->doff * 4u;
	if (header < sizeof(*tcp) || header > len) {
		fault("bad TCP header length");
		return;
	}
	if (!sum_is_right(sum16(pseudo + htons(IPPROTO_TCP) + htons(len & 0xffff), p, len)))
		fault("bad TCP checksum");
	s->tcp = tcp;
	s->from.port = ntohs(tcp->source);
	s->to.port = ntohs(tcp->dest);
	s->data = p + header;
	s->len = len - header;
	take(s);
}

static void parse_ip4(const uint8_t *p, size_t len)
{
	const struct iphdr *ip = (const struct iphdr *)p;
	struct segment s = { .family = AF_INET };
	size_t header, total;

	if (len < sizeof(*ip)) {
		fault("short IPv4 header");
		return;
	}
	header = ip->ihl * 4u;
	total = ntohs(ip->tot_len);
	if (header < sizeof(*ip) || total < header || total > len) {
		fault("bad IPv4 length");
		return;
	}
	if (!sum_is_right(sum16(0, p, header)))
		fault("bad IPv4 checksum");
	if (ip->protocol != IPPROTO_TCP) {
		fault("IPv4 protocol %u", ip->protocol);
		return;
	}
	memcpy(s.from.addr, &ip->saddr, 4);
	memcpy(s.to.addr, &ip->daddr, 4);
	parse_tcp(&s, p + header, total - header, sum16(0, &ip->saddr, 8));
}

static void parse_ip6(const uint8_t *p, size_t len)
{
	const struct ip6_hdr *ip = (const struct ip6_hdr *)p;
	struct segment s = { .family = AF_INET6 };
	size_t payload;

	if (len < sizeof(*ip)) {
		fault("short IPv6 header");
		return;
	}
	payload = ntohs(ip->ip6_plen);
	if (payload > len - sizeof(*ip)) {
		fault("bad IPv6 length");
		return;
	}
	if (ip->ip6_nxt != IPPROTO_TCP) {
		fault("IPv6 next header %u", ip->ip6_nxt);
		return;
	}
	memcpy(s.from.addr, &ip->ip6_src, 16);
	memcpy(s.to.addr, &ip->ip6_dst, 16);
	parse_tcp(&s, p + sizeof(*ip), payload, sum16(0, &ip->ip6_src, 32));
}

static void parse_frame(const uint8_t *p, size_t len)
{
	size_t offset = offsetof(struct ether_header, ether_type);
	uint16_t type;

	do {
		if (len < offset + 2) {
			fault("short frame");
			return;
		}
		type = p[offset] << 8 | p[offset + 1];
		offset += type == ETH_P_8021Q ? 4 : 2;
	} while (type == ETH_P_8021Q);
	if (type == ETH_P_IP)
		parse_ip4(p + offset, len - offset);
	else if (type == ETH_P_IPV6)
		parse_ip6(p + offset, len - offset);
	else
		fault("Ethernet type 0x%04x", type);
}

static void print_end(const struct connection *c, int side)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(c->family, c->end[side].addr, text, sizeof(text));
	printf("%s %u ", text, c->end[side].port);
}

static void print_stream(struct stream *st, const char *name)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len, i;

	if (st->out && fclose(st->out))
		die("cannot write a stream's file");
	EVP_DigestFinal_ex(st->digest, digest, &len);
	printf("%s %llu ", name, (unsigned long long)st->bytes);
	for (i = 0; i < len; i++)
		printf("%02x", digest[i]);
	putchar(' ');
}

static void report(bool may_be_open)
{
	struct connection *c;

	for (c = first; c; c = c->next) {
		print_end(c, 0);
		print_end(c, 1);
		print_stream(&c->stream[0], "c2s");
		print_stream(&c->stream[1], "s2c");
		puts(c->reset ? "reset" : has_ended(c) ? "closed" : "open");
		if (!may_be_open && !has_ended(c))
			fault("connection of client port %u has no end", c->end[0].port);
	}
}

static FILE *open_capture(const char *path)
{
	struct file_header header;
	FILE *in = fopen(path, "r");

	if (!in || fread(&header, sizeof(header), 1, in) != 1)
		die("cannot read the capture");
	if ((header.magic != MAGIC_US && header.magic != MAGIC_NS) || header.link != LINK_ETHERNET)
		die("not an Ethernet capture in this machine's byte order");
	return in;
}

/* A writer may be at work on the last frame: what is there of it is left. */
static bool read_frame(FILE *in, uint8_t *buffer, struct frame_header *header)
{
	if (fread(header, sizeof(*header), 1, in) != 1)
		return false;
	if (header->captured > FRAME_MAX)
		die("frame too long");
	return fread(buffer, 1, header->captured, in) == header->captured;
}

static _Noreturn void usage(void)
{
	fputs("Usage: pcapcat [-c] [-p] [-w DIRECTORY] FILE\n"
	      "  -c  print the number of frames and do no more\n"
	      "  -p  a connection may be without end\n"
	      "  -w  write the streams to DIRECTORY/CLIENT-PORT.c2s and .s2c\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	bool may_be_open = false, count = false;
	struct frame_header header;
	uint8_t *buffer;
	FILE *in;
	int o;

	while ((o = getopt(argc, argv, "cpw:")) != -1) {
		switch (o) {
		case 'c':
			count = true;
			break;
		case 'p':
			may_be_open = true;
			break;
		case 'w':
			directory = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc)
		usage();
	buffer = malloc(FRAME_MAX);
	if (!buffer)
		die("out of memory");
	in = open_capture(argv[optind]);
	while (read_frame(in, buffer, &header)) {
		frame_number++;
		if (count)
			continue;
		if (header.captured != header.length)
			fault("cut short by the capture");
		parse_frame(buffer, header.captured);
	}
	if (count)
		printf("%lu\n", frame_number);
	else
		report(may_be_open);
	if (faults)
		printf("%lu faults\n", faults);
	return faults != 0;
}
