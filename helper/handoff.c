// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The good end: both legs go to the kernel. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "kbumpd.h"

/* Gone: neither connected nor closed by the other side alone. */
static bool is_gone(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len) < 0)
		return true;
	return info.tcpi_state != TCP_ESTABLISHED && info.tcpi_state != TCP_CLOSE_WAIT;
}

static void refused(struct conn *c)
{
	const char *why = kernel_error(c->worker->kernel);

	if (is_gone(c->client_fd))
		conn_client_gone(c);
	else if (is_gone(c->server_fd))
		conn_reset(c, KBUMP_REASON_UPSTREAM_CONNECT, "the server reset the connection");
	else
		conn_reset(c, KBUMP_REASON_INTERNAL, "the kernel refused the flow: %s", why);
}

static const char *left_alone_why(const struct conn *c)
{
	if (c->failed)
		return c->failed == KBUMP_CAUSE_UPSTREAM ? "no TLS with the server" :
			"no certificate for the client";
	if (c->learned)
		return "as was learned";
	return c->action == KBUMP_ACTION_BYPASS ? "" : "not TLS";
}

static void say(const struct conn *c)
{
	if (c->plain)
		conn_log(c, LOG_LEFT_ALONE, "%s", left_alone_why(c));
	else if (c->verified)
		conn_log(c, LOG_OPENED, "%s", "");
	else
		conn_log(c, LOG_OPENED, "the server's certificate: %s", c->cert_why);
}

/**
 * handoff() - give the connection to the kernel
 * @c: the connection, with both legs ready; it is freed
 */
void handoff(struct conn *c)
{
	int err;

	conn_low_water(c, 1);
	err = kernel_flow_add(c->worker->kernel, c);
	conn_wipe_secrets(c);
	if (err)
		return refused(c);
	say(c);
	pump_go(c);
	/* From here on this process must not touch the sockets. */
	conn_free(c);
}
