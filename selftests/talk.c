// SPDX-License-Identifier: GPL-2.0-only
/* Raw generic netlink with the module. */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/kbump.h>

#include "talk.h"

void begin(struct request *rq, int type, int cmd, int flags)
{
	struct genlmsghdr *genl;

	memset(rq, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	rq->nlh.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	rq->nlh.nlmsg_type = type;
	rq->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	genl = NLMSG_DATA(&rq->nlh);
	genl->cmd = cmd;
	genl->version = 1;
}

struct nlattr *put(struct request *rq, int type, const void *data, size_t len)
{
	struct nlattr *a = (struct nlattr *)(rq->buffer + rq->nlh.nlmsg_len);

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memset((char *)a + NLA_HDRLEN, 0, NLA_ALIGN(len));
	if (data)
		memcpy((char *)a + NLA_HDRLEN, data, len);
	rq->nlh.nlmsg_len += NLA_HDRLEN + NLA_ALIGN(len);
	return a;
}

struct nlattr *nest(struct request *rq, int type)
{
	return put(rq, type | NLA_F_NESTED, NULL, 0);
}

void nest_end(struct request *rq, struct nlattr *a)
{
	a->nla_len = rq->buffer + rq->nlh.nlmsg_len - (char *)a;
}

void put_string(struct request *rq, int type, const char *s)
{
	put(rq, type, s, strlen(s) + 1);
}

void put_u8(struct request *rq, int type, uint8_t v)
{
	put(rq, type, &v, sizeof(v));
}

void put_u32(struct request *rq, int type, uint32_t v)
{
	put(rq, type, &v, sizeof(v));
}

int open_netlink(void)
{
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int one = 1;

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	/* As strict as ip(8) and kbump(8) ask the kernel to be. */
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static void keep_message(struct talk *t, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = NLMSG_DATA(nlh);
	size_t at = NLMSG_HDRLEN + sizeof(*e);
	const struct nlattr *a;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		at += e->msg.nlmsg_len - NLMSG_HDRLEN;
	for (; at + NLA_HDRLEN <= nlh->nlmsg_len; at += NLA_ALIGN(a->nla_len)) {
		a = (const struct nlattr *)((const char *)nlh + at);
		if (a->nla_len < NLA_HDRLEN)
			return;
		if (a->nla_type == NLMSGERR_ATTR_MSG)
			snprintf(t->message, sizeof(t->message), "%.*s",
				 (int)(a->nla_len - NLA_HDRLEN), (const char *)a + NLA_HDRLEN);
	}
}

/*
 * Sends the request, and gives each object of the reply to @take, unless that is NULL; 0 or a
 * negative error as the kernel answered, else NO_ANSWER.
 */
int ask(struct talk *t, void (*take)(void *arg, const struct nlmsghdr *nlh), void *arg)
{
	const struct nlmsghdr *nlh;
	const struct nlmsgerr *e;
	ssize_t n;

	t->message[0] = '\0';
	t->rq.nlh.nlmsg_seq++;
	if (send(t->fd, &t->rq, t->rq.nlh.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		n = recv(t->fd, t->reply, sizeof(t->reply), 0);
		if (n <= 0)
			return NO_ANSWER;
		nlh = (const struct nlmsghdr *)t->reply;
		for (; NLMSG_OK(nlh, n); nlh = NLMSG_NEXT(nlh, n)) {
			/* A dump ends with its error, if it has one. */
			if (nlh->nlmsg_type == NLMSG_DONE)
				return *(const int *)NLMSG_DATA(nlh);
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				e = NLMSG_DATA(nlh);
				keep_message(t, nlh);
				return e->error;
			}
			if (take)
				take(arg, nlh);
		}
	}
}

int answer(struct talk *t)
{
	return ask(t, NULL, NULL);
}

int family_id(struct talk *t)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)t->reply;
	const struct nlattr *a;
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

	begin(&t->rq, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	put_string(&t->rq, CTRL_ATTR_FAMILY_NAME, KBUMP_GENL_NAME);
	if (send(t->fd, &t->rq, t->rq.nlh.nlmsg_len, 0) < 0 ||
	    recv(t->fd, t->reply, sizeof(t->reply), 0) <= 0)
		return -1;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return -1;
	for (; at < nlh->nlmsg_len; at += NLA_ALIGN(a->nla_len)) {
		a = (const struct nlattr *)((const char *)nlh + at);
		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(const uint16_t *)((const char *)a + NLA_HDRLEN);
	}
	return -1;
}

void begin_cmd(struct talk *t, int cmd)
{
	begin(&t->rq, t->id, cmd, NLM_F_ACK);
}
