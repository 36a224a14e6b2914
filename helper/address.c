// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "kbumpd.h"

/**
 * address_length() - size of a socket address, as system calls want it
 * @a: IPv4 or IPv6
 *
 * Return: the size.
 */
socklen_t address_length(const union address *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

/**
 * address_equal() - compare address and port
 * @a: one
 * @b: the other
 *
 * Return: true if they are the same.
 */
bool address_equal(const union address *a, const union address *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->in6.sin6_port == b->in6.sin6_port &&
	       !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr));
}

/**
 * address_host() - text of the address alone
 * @a: IPv4 or IPv6
 * @buf: of ADDRESS_TEXT bytes
 *
 * Return: @buf.
 */
const char *address_host(const union address *a, char *buf)
{
	if (a->sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a->in6.sin6_addr, buf, ADDRESS_TEXT);
	else
		inet_ntop(AF_INET, &a->in.sin_addr, buf, ADDRESS_TEXT);
	return buf;
}

/**
 * address_text() - text of address and port
 * @a: IPv4 or IPv6
 * @buf: of ADDRESS_TEXT bytes
 *
 * Return: @buf.
 */
const char *address_text(const union address *a, char *buf)
{
	char host[ADDRESS_TEXT];
	bool v6 = a->sa.sa_family == AF_INET6;

	address_host(a, host);
	if (v6)
		snprintf(buf, ADDRESS_TEXT, "[%.*s]:%u", INET6_ADDRSTRLEN, host,
			 ntohs(a->in6.sin6_port));
	else
		snprintf(buf, ADDRESS_TEXT, "%.*s:%u", INET_ADDRSTRLEN, host,
			 ntohs(a->in.sin_port));
	return buf;
}
