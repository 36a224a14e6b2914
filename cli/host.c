// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What kbump(8) asks of the host itself; all but the kernel's version of this network namespace. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netlink/netlink.h>

#include "cli.h"

/* Debian's release tells of the ABI alone; what it was made from is in the version. */
bool host_kernel(struct kernel *k)
{
	static const char debian[] = "Debian ";
	const char *text;
	struct utsname u;

	if (uname(&u) < 0)
		return false;
	text = strstr(u.version, debian);
	text = text ? text + strlen(debian) : u.release;
	k->patch = 0;
	return sscanf(text, "%u.%u.%u", &k->major, &k->minor, &k->patch) >= 2;
}

/* Asked of a socket that is not connected, which loads the module where that is allowed. */
bool host_has_ktls(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	bool has;

	if (fd < 0)
		return false;
	has = !setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) || errno == ENOTCONN;
	close(fd);
	return has;
}

/* The last number of a setting below /proc/sys. Return: false if there is none. */
bool host_setting(const char *name, long long *value)
{
	char path[128], line[128];
	char *word, *end, *rest;
	FILE *file;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	for (word = strtok_r(line, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest)) {
		*value = strtoll(word, &end, 10);
		found = !*end;
	}
	return found;
}

static bool has_driver(int fd, const char *device, const char *driver)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq req = { .ifr_data = (void *)&info };

	memcpy(req.ifr_name, device, strnlen(device, IFNAMSIZ - 1));
	return !ioctl(fd, SIOCETHTOOL, &req) && !strcmp(info.driver, driver);
}

/* The first device of a driver. Return: false if there is none. */
bool host_device(const char *driver, char name[IFNAMSIZ])
{
	struct if_nameindex *all = if_nameindex(), *i;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = false;

	for (i = all; i && fd >= 0 && i->if_index && !found; i++) {
		found = has_driver(fd, i->if_name, driver);
		if (found)
			snprintf(name, IFNAMSIZ, "%s", i->if_name);
	}
	if (fd >= 0)
		close(fd);
	if (all)
		if_freenameindex(all);
	return found;
}

bool host_is_up(const char *device)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = {};
	bool up;

	if (fd < 0)
		return false;
	memcpy(req.ifr_name, device, strnlen(device, IFNAMSIZ - 1));
	up = !ioctl(fd, SIOCGIFFLAGS, &req) && req.ifr_flags & IFF_UP;
	close(fd);
	return up;
}

static int on_rule(struct nl_msg *msg, void *arg)
{
	struct routing *r = arg;
	struct nlattr *tb[FRA_MAX + 1];

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct fib_rule_hdr), tb, FRA_MAX, NULL) < 0)
		return NL_OK;
	if (tb[FRA_FWMARK])
		r->by_mark = true;
	if (tb[FRA_IIFNAME] && strcmp(nla_get_string(tb[FRA_IIFNAME]), "lo"))
		snprintf(r->iif, sizeof(r->iif), "%s", nla_get_string(tb[FRA_IIFNAME]));
	return NL_OK;
}

/* What the routing rules of both families go by. */
void host_routing(struct routing *r)
{
	static const unsigned char families[] = { AF_INET, AF_INET6 };
	struct nl_sock *sock = nl_socket_alloc();
	size_t i;

	memset(r, 0, sizeof(*r));
	if (!sock)
		out_of_memory();
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_rule, r);
	if (nl_connect(sock, NETLINK_ROUTE) == 0) {
		for (i = 0; i < ARRAY_SIZE(families); i++) {
			struct fib_rule_hdr header = { .family = families[i] };

			if (nl_send_simple(sock, RTM_GETRULE, NLM_F_DUMP, &header,
					   sizeof(header)) >= 0)
				nl_recvmsgs_default(sock);
		}
	}
	nl_socket_free(sock);
}
