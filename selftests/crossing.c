// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a frame costs on its way: sends COUNT TCP segments of no connection, and prints nanoseconds
 * for each. With one processor they are gone through when they are sent. What is longer than
 * a frame is sent as receivers make one of several (GRO), to be cut again where it leaves.
 */
#include <arpa/inet.h>
#include <err.h>
#include <net/ethernet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FRAME	1514
#define LONGEST	65000
#define HEADERS	(sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct tcphdr))

struct frame {
	struct virtio_net_hdr net;
	struct ether_header eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static uint16_t checksum(struct iphdr ip)
{
	uint16_t word[sizeof(ip) / 2];
	uint32_t sum = 0;
	size_t i;

	memcpy(word, &ip, sizeof(word));
	for (i = 0; i < sizeof(word) / 2; i++)
		sum += word[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return ~(sum + (sum >> 16));
}

static void fill(struct frame *f, size_t size)
{
	f->eth.ether_type = htons(ETHERTYPE_IP);
	memcpy(f->eth.ether_shost, "\x02\0\0\0\0\xaa", ETH_ALEN);
	f->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = htons(size - sizeof(f->eth)),
		.frag_off = htons(IP_DF),
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.saddr = inet_addr("10.1.0.2"),
		.daddr = inet_addr("10.9.0.1"),
	};
	f->ip.check = checksum(f->ip);
	f->tcp.th_sport = htons(40000);
	f->tcp.th_dport = htons(443);
	f->tcp.th_off = sizeof(f->tcp) / 4;
	f->tcp.th_flags = TH_ACK;
	if (size <= FRAME)
		return;
	f->net = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = HEADERS,
		.gso_size = FRAME - HEADERS,
		.csum_start = HEADERS - sizeof(f->tcp),
		.csum_offset = offsetof(struct tcphdr, th_sum),
	};
}

static int open_socket(const struct sockaddr_ll *to)
{
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;

	if (fd < 0 || bind(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0)
		err(1, "socket");
	return fd;
}

static void send_all(int fd, const void *data, size_t size, long count)
{
	while (count--)
		if (send(fd, data, size, 0) < 0)
			err(1, "send");
}

int main(int argc, char **argv)
{
	union {
		struct frame frame;
		char data[sizeof(struct virtio_net_hdr) + LONGEST];
	} u = {};
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	long size, count;
	double start;
	int fd;

	if (argc != 5)
		errx(2, "usage: crossing DEVICE STATION SIZE COUNT");
	to.sll_ifindex = if_nametoindex(argv[1]);
	size = atol(argv[3]);
	count = atol(argv[4]);
	if (!to.sll_ifindex || size < (long)HEADERS || size > LONGEST || count < 1 ||
	    sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &u.frame.eth.ether_dhost[0],
		   &u.frame.eth.ether_dhost[1], &u.frame.eth.ether_dhost[2],
		   &u.frame.eth.ether_dhost[3], &u.frame.eth.ether_dhost[4],
		   &u.frame.eth.ether_dhost[5]) != ETH_ALEN)
		errx(2, "no such device or station, or size");
	fill(&u.frame, size);
	fd = open_socket(&to);
	size += sizeof(u.frame.net);
	/* The first ones find routes and fill caches. */
	send_all(fd, u.data, size, 100);
	start = now();
	send_all(fd, u.data, size, count);
	printf("%.0f\n", (now() - start) / count);
	return 0;
}
