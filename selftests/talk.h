/* SPDX-License-Identifier: GPL-2.0-only */
/* Raw generic netlink with the module, as no library would let a test speak it. */
#ifndef SELFTESTS_TALK_H
#define SELFTESTS_TALK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFER		65536
#define NO_ANSWER	1

struct request {
	union {
		struct nlmsghdr nlh;
		char buffer[BUFFER];
	};
};

/* A netlink socket, and the last words on it. */
struct talk {
	int fd;
	int id;
	struct request rq;
	char reply[BUFFER];
	char message[256];	/* the extended acknowledgement's */
};

void begin(struct request *rq, int type, int cmd, int flags);
struct nlattr *put(struct request *rq, int type, const void *data, size_t len);
struct nlattr *nest(struct request *rq, int type);
void nest_end(struct request *rq, struct nlattr *a);
void put_string(struct request *rq, int type, const char *s);
void put_u8(struct request *rq, int type, uint8_t v);
void put_u32(struct request *rq, int type, uint32_t v);
int open_netlink(void);
int ask(struct talk *t, void (*take)(void *arg, const struct nlmsghdr *nlh), void *arg);
int answer(struct talk *t);
int family_id(struct talk *t);
void begin_cmd(struct talk *t, int cmd);

#endif
