// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The conversation with the kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "cli.h"

#define DUMP_ATTEMPTS	5
#define EVENT_BUFFER	(8 << 20)
#define GROUPS_MAX	2

static struct nl_sock *sock;
static int family;

struct exchange {
	const struct command *c;
	struct replies *r;
	bool done;
	bool interrupted;
	int error;		/* negative errno */
	char message[256];	/* the kernel's own words, if it gave any */
	uint32_t offset;	/* what they are about in the request; 0: not told */
};

static int no_permission(const struct command *c)
{
	return refused(c, "permission denied: needs CAP_NET_ADMIN in the initial user namespace");
}

static int library_error(const struct command *c, int err)
{
	if (err == -NLE_PERM)
		return no_permission(c);
	return refused(c, "netlink: %s", nl_geterror(err));
}

static int nl_open(const struct command *c)
{
	int on = 1;
	int err;

	if (sock)
		return 0;
	sock = nl_socket_alloc();
	if (!sock)
		out_of_memory();
	err = genl_connect(sock);
	if (err < 0)
		return library_error(c, err);
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));

	family = genl_ctrl_resolve(sock, KBUMP_GENL_NAME);
	if (family == -NLE_OBJ_NOTFOUND) {
		fputs("kbump: kbump module is not loaded\n", stderr);
		return EXIT_REFUSED;
	}
	return family < 0 ? library_error(c, family) : 0;
}

/* The attributes that follow @skip bytes of an ACK's or DONE's payload. */
static void read_extack(struct exchange *x, struct nlmsghdr *hdr, int skip)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	int rest = nlmsg_datalen(hdr) - NLMSG_ALIGN(skip);
	struct nlattr *head = (struct nlattr *)((char *)nlmsg_data(hdr) + NLMSG_ALIGN(skip));

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS) || skip < 0 || rest <= 0)
		return;
	if (nla_parse(tb, NLMSGERR_ATTR_MAX, head, rest, NULL) < 0)
		return;
	if (tb[NLMSGERR_ATTR_MSG])
		nla_strlcpy(x->message, tb[NLMSGERR_ATTR_MSG], sizeof(x->message));
	if (tb[NLMSGERR_ATTR_OFFS])
		x->offset = attr_number(tb[NLMSGERR_ATTR_OFFS]);
}

static void read_ack(struct exchange *x, struct nlmsghdr *hdr, const struct nlmsgerr *e)
{
	int skip = sizeof(*e);

	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	read_extack(x, hdr, skip);
	x->error = e->error;
	x->done = true;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);

	(void)from;
	read_ack(arg, hdr, e);
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);

	read_ack(arg, hdr, nlmsg_data(hdr));
	return NL_STOP;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct exchange *x = arg;

	/* A dump that fails on its way ends with its error here, not in an ACK. */
	if (nlmsg_datalen(hdr) >= (int)sizeof(x->error)) {
		memcpy(&x->error, nlmsg_data(hdr), sizeof(x->error));
		read_extack(x, hdr, sizeof(x->error));
	}
	x->done = true;
	return NL_STOP;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;

	(void)msg;
	x->interrupted = true;
	return NL_OK;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct replies *r = ((struct exchange *)arg)->r;
	struct nl_msg **grown;

	/* Grow at powers of two. */
	if (!(r->count & (r->count - 1))) {
		grown = realloc(r->msg, (r->count ? r->count * 2 : 1) * sizeof(*grown));
		if (!grown)
			out_of_memory();
		r->msg = grown;
	}
	nlmsg_get(msg);
	r->msg[r->count++] = msg;
	return NL_OK;
}

static int kernel_error(const struct exchange *x, struct nl_msg *msg)
{
	char field[256] = "";

	if (x->offset)
		extack_field(x->c, msg, x->offset, field, sizeof(field));
	if (x->message[0])
		return refused(x->c, "%s%s", field, x->message);
	if (x->error == -EPERM)
		return no_permission(x->c);
	return refused(x->c, "%s%s", field, strerror(-x->error));
}

static struct nl_cb *callbacks(struct exchange *x)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		out_of_memory();
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, x);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, x);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, x);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, x);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, x);
	return cb;
}

static int exchange(struct exchange *x, struct nl_msg *msg)
{
	struct nl_cb *cb = callbacks(x);
	int err;

	nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
	err = nl_send_auto(sock, msg);
	while (err >= 0 && !x->done)
		err = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	/* The library turns the kernel's refusal into an error of its own as well. */
	if (err < 0 && !x->done)
		return library_error(x->c, err);
	if (x->error == -ENOENT && x->c->gone_is_done)
		return 0;
	if (x->error == -EAGAIN && x->c->repeats)
		return EXIT_AGAIN;
	if (x->error)
		return kernel_error(x, msg);
	if (x->message[0])
		say_warning(x->c, "%s", x->message);
	return 0;
}

int nl_request(const struct command *c, struct nl_msg *msg, struct replies *r)
{
	int attempt, err;

	err = nl_open(c);
	if (err)
		return err;
	/* The message was built before it was known whether the module is there. */
	nlmsg_hdr(msg)->nlmsg_type = family;

	for (attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
		struct exchange x = { .c = c, .r = r };

		replies_free(r);
		err = exchange(&x, msg);
		r->inconsistent = x.interrupted;
		if (err || !x.interrupted)
			break;
	}
	return err;
}

void replies_free(struct replies *r)
{
	while (r->count)
		nlmsg_free(r->msg[--r->count]);
	free(r->msg);
	r->msg = NULL;
}

struct monitor {
	const struct command *c;
	void (*event)(const struct command *c, struct nl_msg *msg);
};

static int on_event(struct nl_msg *msg, void *arg)
{
	struct monitor *m = arg;

	if (nlmsg_hdr(msg)->nlmsg_type == family)
		m->event(m->c, msg);
	return NL_OK;
}

/* All numbers first: among events their answers would be lost. */
static int find_groups(const char *const *names, int *group)
{
	for (; *names; names++, group++) {
		*group = genl_ctrl_resolve_grp(sock, KBUMP_GENL_NAME, *names);
		if (*group < 0)
			return *group;
	}
	*group = 0;
	return 0;
}

static int join(const int *group)
{
	int err = 0;

	for (; *group && !err; group++)
		err = nl_socket_add_membership(sock, *group);
	return err;
}

int nl_monitor(const struct command *c, const char *const *groups,
	       void (*event)(const struct command *c, struct nl_msg *msg))
{
	struct monitor m = { c, event };
	int room = EVENT_BUFFER, group[GROUPS_MAX + 1];
	int err;

	err = nl_open(c);
	if (err)
		return err;
	err = find_groups(groups, group);
	if (err < 0)
		return library_error(c, err);
	/* Beyond the system's limit: who may read events may do that. */
	setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	nl_socket_disable_seq_check(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_event, &m);
	err = join(group);
	while (err >= 0) {
		err = nl_recvmsgs_default(sock);
		/* ENOBUFS: the socket is as good as before, but for what it dropped. */
		if (err == -NLE_NOMEM) {
			say_warning(c, "events were lost");
			err = 0;
		}
	}
	return library_error(c, err);
}
