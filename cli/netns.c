// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Network namespaces by the names that ip-netns(8) gives them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define NETNS_DIR "/run/netns"

int netns_enter(const char *name)
{
	char path[sizeof(NETNS_DIR) + 1 + NAME_MAX];
	int fd, err = 0;

	if (!*name || strlen(name) > NAME_MAX || strchr(name, '/') || !strcmp(name, ".") ||
	    !strcmp(name, ".."))
		return usage_error(NULL, "\"%s\" is not a name of a network namespace", name);
	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return usage_error(NULL, "network namespace \"%s\": %s", name, strerror(errno));
	if (setns(fd, CLONE_NEWNET) < 0)
		err = refused(NULL, "network namespace \"%s\": %s", name, strerror(errno));
	close(fd);
	return err;
}
