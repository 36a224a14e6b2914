// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the first packet of a connection costs on its way: sends COUNT of them, which nobody
 * answers, and prints nanoseconds for each. With one processor they are gone through when they are
 * sent.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Source ports from here on. */
#define PORTS		1024
#define PORTS_END	65536

static uint32_t add(uint32_t sum, const void *data, size_t len)
{
	const uint16_t *word = data;

	for (; len; len -= 2)
		sum += *word++;
	return sum;
}

/* RFC 9293, 3.1: with the pseudo-header. */
static uint16_t checksum(const struct tcphdr *tcp, in_addr_t from, in_addr_t to)
{
	uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(*tcp));

	sum = add(add(add(sum, &from, sizeof(from)), &to, sizeof(to)), tcp, sizeof(*tcp));
	sum = (sum >> 16) + (sum & 0xffff);
	return ~(sum + (sum >> 16));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void send_syn(int fd, in_addr_t from, const struct sockaddr_in *to, uint16_t port, long i)
{
	struct tcphdr tcp = {
		.th_sport = htons(PORTS + i % (PORTS_END - PORTS)),
		.th_dport = htons(port),
		.th_seq = htonl(i),
		.th_off = sizeof(tcp) / 4,
		.th_flags = TH_SYN,
		.th_win = htons(65535),
	};

	tcp.th_sum = checksum(&tcp, from, to->sin_addr.s_addr);
	if (sendto(fd, &tcp, sizeof(tcp), 0, (const struct sockaddr *)to, sizeof(*to)) < 0)
		err(1, "sendto");
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	in_addr_t from;
	long count, i;
	double start;
	int fd;

	if (argc != 5 || inet_pton(AF_INET, argv[1], &from) != 1 ||
	    inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		errx(2, "usage: syns FROM TO PORT COUNT");
	count = atol(argv[4]);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	if (fd < 0)
		err(1, "socket");
	/* The first ones find routes and fill caches. */
	for (i = 0; i < 100; i++)
		send_syn(fd, from, &to, atoi(argv[3]), i);
	start = now();
	for (i = 0; i < count; i++)
		send_syn(fd, from, &to, atoi(argv[3]), i);
	printf("%.0f\n", (now() - start) / count);
	return 0;
}
