// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests to the kernel module, and whether it is there. Each request waits for the
 * kernel's answer, which the kernel gives before it returns from the request: nothing
 * blocks here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <openssl/crypto.h>

#include "kbumpd.h"
#include "pump.h"

/* An answer that is so late was lost. */
#define ANSWER_S	10

/**
 * struct kernel - one registered netlink socket
 *
 * @sock: it
 * @watch: hears of families that come and go
 * @family: number of the kbump family, 0 while the module is not loaded
 * @done: the answer to the request is there
 * @error: that answer, 0 or a negative errno
 * @answer: where to put what the kernel says of a flow, or NULL
 * @message: the kernel's own words on the error, or ours
 */
struct kernel {
	struct nl_sock *sock;
	struct nl_sock *watch;
	int family;
	bool done;
	int error;
	struct answer *answer;
	char message[256];
};

static void read_text(struct kernel *k, struct nlmsghdr *hdr, const struct nlmsgerr *e)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1], *head;
	int skip = sizeof(*e);

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	head = (struct nlattr *)((char *)nlmsg_data(hdr) + skip);
	if (nlmsg_datalen(hdr) <= skip ||
	    nla_parse(tb, NLMSGERR_ATTR_MAX, head, nlmsg_datalen(hdr) - skip, NULL) < 0)
		return;
	if (tb[NLMSGERR_ATTR_MSG])
		nla_strlcpy(k->message, tb[NLMSGERR_ATTR_MSG], sizeof(k->message));
}

static void read_answer(struct kernel *k, struct nlmsghdr *hdr, const struct nlmsgerr *e)
{
	k->done = true;
	k->error = e->error;
	snprintf(k->message, sizeof(k->message), "%s", strerror(-e->error));
	read_text(k, hdr, e);
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	(void)from;
	read_answer(arg, (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN), e);
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	read_answer(arg, nlmsg_hdr(msg), nlmsg_data(nlmsg_hdr(msg)));
	return NL_STOP;
}

static int on_flow(struct nl_msg *msg, void *arg)
{
	struct nlattr *top[KBUMP_A_MAX + 1], *tb[KBUMP_FLOW_A_MAX + 1];
	struct answer *a = ((struct kernel *)arg)->answer;

	if (!a || genlmsg_parse(nlmsg_hdr(msg), 0, top, KBUMP_A_MAX, NULL) < 0 ||
	    !top[KBUMP_A_FLOW] ||
	    nla_parse_nested(tb, KBUMP_FLOW_A_MAX, top[KBUMP_A_FLOW], NULL) < 0)
		return NL_OK;
	if (tb[KBUMP_FLOW_A_ACTION])
		a->action = nla_get_u8(tb[KBUMP_FLOW_A_ACTION]);
	if (tb[KBUMP_FLOW_A_RULE])
		a->rule = nla_get_u32(tb[KBUMP_FLOW_A_RULE]);
	if (tb[KBUMP_FLOW_A_ALPN_LIMIT])
		nla_strlcpy(a->alpn_limit, tb[KBUMP_FLOW_A_ALPN_LIMIT], sizeof(a->alpn_limit));
	a->learned = tb[KBUMP_FLOW_A_LEARNED];
	if (tb[KBUMP_FLOW_A_BLOCK])
		a->silent = nla_get_u8(tb[KBUMP_FLOW_A_BLOCK]) == KBUMP_BLOCK_DROP;
	a->page = tb[KBUMP_FLOW_A_PAGE];
	if (tb[KBUMP_FLOW_A_COMMENT])
		nla_strlcpy(a->comment, tb[KBUMP_FLOW_A_COMMENT], sizeof(a->comment));
	return NL_OK;
}

static int failed(struct kernel *k, int nl_error)
{
	snprintf(k->message, sizeof(k->message), "%s", nl_geterror(nl_error));
	return -EIO;
}

/* What the kernel did is not known, and a late answer would be taken for the next one's. */
static _Noreturn void give_up(int nl_error)
{
	log_line("the kernel does not answer: %s: the worker ends", nl_geterror(nl_error));
	_exit(EXIT_FAILURE);
}

static int request(struct kernel *k, struct nl_msg *msg)
{
	int err;

	k->done = false;
	k->error = 0;
	err = nl_send_auto(k->sock, msg);
	if (err < 0)
		return failed(k, err);
	while (!k->done) {
		/* The library makes an error of its own of the kernel's refusal. */
		err = nl_recvmsgs_default(k->sock);
		if (err < 0 && !k->done)
			give_up(err);
	}
	return k->error;
}

/*
 * Attributes of one object; file descriptors below 0, empty texts, a zero, a flag that is not set
 * and legs without secrets or pump are left out.
 */
struct request {
	int cmd;
	int object;
	struct {
		int type;
		int fd;
	} fd[2];
	struct {
		int type;
		const char *text;
	} text[2];
	struct {
		int type;
		const uint8_t *data;
		size_t len;
	} octets[2];
	struct {
		int type;
		const struct leg_secrets *secrets;
		const struct pump *pump;
	} leg[2];
	struct {
		int type;
		uint8_t value;
	} u8[4];
	int u16_type;
	uint16_t u16;
	int flag_type;
	bool flag;
};

static int put_secrets(struct nl_msg *msg, const struct leg_secrets *s)
{
	int err = nla_put(msg, KBUMP_LEG_A_RX_SECRET, s->len, s->rx);

	return err ? err : nla_put(msg, KBUMP_LEG_A_TX_SECRET, s->len, s->tx);
}

static int put_pump(struct nl_msg *msg, const struct pump *p)
{
	int err = nla_put_u32(msg, KBUMP_LEG_A_PUMP_FD, p->near_fd);

	if (!err)
		err = nla_put_u16(msg, KBUMP_LEG_A_VERSION, p->version);
	return err ? err : nla_put_u16(msg, KBUMP_LEG_A_SUITE, p->suite);
}

static int put_leg(struct nl_msg *msg, int type, const struct leg_secrets *s,
		   const struct pump *p)
{
	struct nlattr *nest = nla_nest_start(msg, type);
	int err = nest ? 0 : -NLE_NOMEM;

	if (!err)
		err = p ? put_pump(msg, p) : put_secrets(msg, s);
	if (!err)
		nla_nest_end(msg, nest);
	return err;
}

static int put(struct nl_msg *msg, const struct request *r)
{
	struct nlattr *nest = nla_nest_start(msg, r->object);
	int i, err = nest ? 0 : -NLE_NOMEM;

	for (i = 0; i < 2; i++) {
		if (!err && r->fd[i].type && r->fd[i].fd >= 0)
			err = nla_put_u32(msg, r->fd[i].type, r->fd[i].fd);
		if (!err && r->text[i].type && *r->text[i].text)
			err = nla_put_string(msg, r->text[i].type, r->text[i].text);
		if (!err && r->leg[i].type && (r->leg[i].secrets->len || r->leg[i].pump))
			err = put_leg(msg, r->leg[i].type, r->leg[i].secrets, r->leg[i].pump);
		if (!err && r->octets[i].len)
			err = nla_put(msg, r->octets[i].type, r->octets[i].len, r->octets[i].data);
	}
	for (i = 0; i < 4; i++)
		if (!err && r->u8[i].type)
			err = nla_put_u8(msg, r->u8[i].type, r->u8[i].value);
	if (!err && r->u16_type && r->u16)
		err = nla_put_u16(msg, r->u16_type, r->u16);
	if (!err && r->flag_type && r->flag)
		err = nla_put_flag(msg, r->flag_type);
	if (!err)
		nla_nest_end(msg, nest);
	return err;
}

static int perform(struct kernel *k, const struct request *r)
{
	struct nl_msg *msg = nlmsg_alloc();
	int err = -NLE_NOMEM;

	/* Messages to family 0 are acknowledged, and do nothing. */
	if (!k->family) {
		nlmsg_free(msg);
		return failed(k, -NLE_OBJ_NOTFOUND);
	}
	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, k->family, 0, NLM_F_REQUEST,
			       r->cmd, KBUMP_GENL_VERSION))
		err = r->object ? put(msg, r) : 0;
	err = err < 0 ? failed(k, err) : request(k, msg);
	/* It may have held secrets. */
	if (msg)
		OPENSSL_cleanse(nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
	return err;
}

static int connect_family(struct kernel *k)
{
	const struct timeval limit = { .tv_sec = ANSWER_S };
	int on = 1;
	int err = genl_connect(k->sock);

	if (err < 0) {
		log_line("netlink: %s", nl_geterror(err));
		return -1;
	}
	k->family = genl_ctrl_resolve(k->sock, KBUMP_GENL_NAME);
	if (k->family == -NLE_OBJ_NOTFOUND)
		log_line("the kbump module is not loaded");
	else if (k->family < 0)
		log_line("netlink: %s", nl_geterror(k->family));
	if (k->family < 0)
		return -1;
	setsockopt(nl_socket_get_fd(k->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(k->sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(k->sock), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	nl_socket_modify_err_cb(k->sock, NL_CB_CUSTOM, on_error, k);
	nl_socket_modify_cb(k->sock, NL_CB_ACK, NL_CB_CUSTOM, on_ack, k);
	nl_socket_modify_cb(k->sock, NL_CB_VALID, NL_CB_CUSTOM, on_flow, k);
	return 0;
}

static int on_news(struct nl_msg *msg, void *arg)
{
	struct kernel *k = arg;
	struct nlattr *tb[CTRL_ATTR_MAX + 1];
	const struct genlmsghdr *genl = nlmsg_data(nlmsg_hdr(msg));

	if (genlmsg_parse(nlmsg_hdr(msg), 0, tb, CTRL_ATTR_MAX, NULL) < 0 ||
	    !tb[CTRL_ATTR_FAMILY_NAME] || !tb[CTRL_ATTR_FAMILY_ID] ||
	    nla_strcmp(tb[CTRL_ATTR_FAMILY_NAME], KBUMP_GENL_NAME))
		return NL_OK;
	if (genl->cmd == CTRL_CMD_NEWFAMILY)
		k->family = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	else if (genl->cmd == CTRL_CMD_DELFAMILY)
		k->family = 0;
	return NL_OK;
}

/* Before the family is looked up, so that no change of it is missed. */
static int connect_watch(struct kernel *k)
{
	int group, err = genl_connect(k->watch);

	if (!err) {
		group = genl_ctrl_resolve_grp(k->watch, "nlctrl", "notify");
		err = group < 0 ? group : nl_socket_add_membership(k->watch, group);
	}
	if (!err)
		err = nl_socket_set_nonblocking(k->watch);
	if (err < 0) {
		log_line("netlink: %s", nl_geterror(err));
		return -1;
	}
	nl_socket_disable_seq_check(k->watch);
	nl_socket_modify_cb(k->watch, NL_CB_VALID, NL_CB_CUSTOM, on_news, k);
	return 0;
}

/**
 * kernel_open() - make a netlink socket to the module
 *
 * Return: it, or NULL after it was said why.
 */
struct kernel *kernel_open(void)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k) {
		log_line("out of memory");
		return NULL;
	}
	k->sock = nl_socket_alloc();
	k->watch = nl_socket_alloc();
	if (!k->sock || !k->watch)
		log_line("out of memory");
	else if (!connect_watch(k) && !connect_family(k))
		return k;
	kernel_close(k);
	return NULL;
}

/**
 * kernel_close() - close the socket, which ends its registration
 * @k: from kernel_open()
 */
void kernel_close(struct kernel *k)
{
	nl_socket_free(k->sock);
	nl_socket_free(k->watch);
	free(k);
}

/**
 * kernel_watch_fd() - where it is heard that the module comes or goes
 * @k: from kernel_open()
 *
 * Return: a descriptor, which can be read when kernel_news() is to be called.
 */
int kernel_watch_fd(const struct kernel *k)
{
	return nl_socket_get_fd(k->watch);
}

/**
 * kernel_news() - take note of the module's coming and going
 * @k: from kernel_open()
 *
 * Return: KERNEL_SAME, KERNEL_GONE, KERNEL_NEW, which has no registration any more, or
 * KERNEL_UNKNOWN if news were lost.
 */
enum kernel_news kernel_news(struct kernel *k)
{
	int before = k->family, err;

	do
		err = nl_recvmsgs_default(k->watch);
	while (err >= 0);
	if (err != -NLE_AGAIN)
		return KERNEL_UNKNOWN;
	if (k->family == before)
		return KERNEL_SAME;
	return k->family ? KERNEL_NEW : KERNEL_GONE;
}

static int give_listeners(struct kernel *k, int cmd, int listen4_fd, int listen6_fd,
			  const char *version)
{
	struct request r = {
		.cmd = cmd,
		.object = KBUMP_A_HELPER,
		.fd = {
			{ KBUMP_HELPER_A_LISTEN4_FD, listen4_fd },
			{ KBUMP_HELPER_A_LISTEN6_FD, listen6_fd },
		},
		.text = { { KBUMP_HELPER_A_VERSION, version } },
	};

	return perform(k, &r);
}

/**
 * kernel_helper_add() - register as a helper
 * @k: from kernel_open()
 * @listen4_fd: listening socket for IPv4, or -1
 * @listen6_fd: listening socket for IPv6, or -1
 *
 * Return: 0 or a negative errno.
 */
int kernel_helper_add(struct kernel *k, int listen4_fd, int listen6_fd)
{
	return give_listeners(k, KBUMP_CMD_HELPER_ADD, listen4_fd, listen6_fd, KBUMP_VERSION);
}

/**
 * kernel_helper_set() - take the connections of one more VRF's clients
 * @k: from kernel_open()
 * @listen4_fd: listening socket for IPv4 that is bound to its device, or -1
 * @listen6_fd: the same for IPv6
 *
 * Return: 0 or a negative errno.
 */
int kernel_helper_set(struct kernel *k, int listen4_fd, int listen6_fd)
{
	return give_listeners(k, KBUMP_CMD_HELPER_SET, listen4_fd, listen6_fd, "");
}

/**
 * kernel_helper_del() - get no more flows; those in progress may still be handed over
 * @k: from kernel_open()
 *
 * Return: 0 or a negative errno.
 */
int kernel_helper_del(struct kernel *k)
{
	struct request r = { .cmd = KBUMP_CMD_HELPER_DEL };

	return perform(k, &r);
}

/**
 * kernel_flow_set() - name the server leg of a flow before it connects
 * @k: from kernel_open()
 * @client_fd: the flow's client leg
 * @server_fd: a bound socket
 *
 * Return: 0 or a negative errno.
 */
int kernel_flow_set(struct kernel *k, int client_fd, int server_fd)
{
	struct request r = {
		.cmd = KBUMP_CMD_FLOW_SET,
		.object = KBUMP_A_FLOW,
		.fd = {
			{ KBUMP_FLOW_A_CLIENT_FD, client_fd },
			{ KBUMP_FLOW_A_SERVER_FD, server_fd },
		},
	};

	return perform(k, &r);
}

static uint8_t tls_offered(const struct hello *h)
{
	if (!h->version)
		return KBUMP_TLS_NO;
	return h->offered ? KBUMP_TLS_1_0 + h->offered - TLS1_VERSION : KBUMP_TLS_OTHER;
}

/**
 * kernel_flow_ask() - what do the rules say of a flow?
 * @k: from kernel_open()
 * @client_fd: the flow's client leg
 * @h: its ClientHello, all zero if it is not TLS
 * @cert: of the server's certificate, or NULL while that is not known
 * @cause: &enum kbump_cause, if the flow cannot be inspected, else 0
 * @answer: result
 *
 * Return: 0 or a negative errno.
 */
int kernel_flow_ask(struct kernel *k, int client_fd, const struct hello *h,
		    const struct cert_facts *cert, enum kbump_cause cause, struct answer *answer)
{
	struct request r = {
		.cmd = KBUMP_CMD_FLOW_ASK,
		.object = KBUMP_A_FLOW,
		.fd = { { KBUMP_FLOW_A_CLIENT_FD, client_fd } },
		.text = { { KBUMP_FLOW_A_SNI, h->sni } },
		.octets = { { KBUMP_FLOW_A_OFFER, h->alpn, h->alpn_len } },
		.u8 = { { KBUMP_FLOW_A_TLS, tls_offered(h) }, { KBUMP_FLOW_A_ECH, h->ech } },
	};
	int err;

	if (cause) {
		r.u8[3].type = KBUMP_FLOW_A_CAUSE;
		r.u8[3].value = cause;
	}
	if (cert) {
		r.u8[2].type = KBUMP_FLOW_A_CERT;
		r.u8[2].value = cert->state;
		r.text[1].type = KBUMP_FLOW_A_ISSUER;
		r.text[1].text = cert->issuer;
		r.octets[1].type = KBUMP_FLOW_A_FINGERPRINT;
		r.octets[1].data = cert->fingerprint;
		r.octets[1].len = cert->fingerprint_len;
	}
	memset(answer, 0, sizeof(*answer));
	k->answer = answer;
	err = perform(k, &r);
	k->answer = NULL;
	return err;
}

/**
 * kernel_flow_add() - hand a flow over; both descriptors are then to be closed
 * @k: from kernel_open()
 * @c: the connection, with both legs ready
 *
 * Return: 0 or a negative errno.
 */
int kernel_flow_add(struct kernel *k, const struct conn *c)
{
	struct request r = {
		.cmd = KBUMP_CMD_FLOW_ADD,
		.object = KBUMP_A_FLOW,
		.fd = {
			{ KBUMP_FLOW_A_CLIENT_FD, c->client_fd },
			{ KBUMP_FLOW_A_SERVER_FD, c->server_fd },
		},
		.text = { { KBUMP_FLOW_A_SNI, c->hello.sni }, { KBUMP_FLOW_A_ALPN, c->alpn } },
		.leg = {
			{ KBUMP_FLOW_A_CLIENT, &c->client_leg_secrets, c->client_pump },
			{ KBUMP_FLOW_A_SERVER, &c->server_leg_secrets, c->server_pump },
		},
		.u16_type = KBUMP_FLOW_A_RECORD_MAX,
		.u16 = c->record_max,
		.flag_type = KBUMP_FLOW_A_FORGED,
		.flag = c->shown,
	};

	return perform(k, &r);
}

/**
 * kernel_flow_fail() - report a handshake that ended without a hand-off
 * @k: from kernel_open()
 * @client_fd: the flow's client leg
 * @reason: why it ended
 * @c: the connection, which tells what can be learned from that; NULL if nothing
 *
 * Return: 0 or a negative errno.
 */
int kernel_flow_fail(struct kernel *k, int client_fd, enum kbump_reason reason,
		     const struct conn *c)
{
	struct request r = {
		.cmd = KBUMP_CMD_FLOW_FAIL,
		.object = KBUMP_A_FLOW,
		.fd = { { KBUMP_FLOW_A_CLIENT_FD, client_fd } },
		.u8 = { { KBUMP_FLOW_A_REASON, reason } },
	};

	if (c && c->shown) {
		r.text[0].type = KBUMP_FLOW_A_SNI;
		r.text[0].text = c->hello.sni;
		r.u8[1].type = KBUMP_FLOW_A_ALERT;
		r.u8[1].value = c->alert;
		r.flag_type = KBUMP_FLOW_A_FORGED;
		r.flag = true;
	}

	return perform(k, &r);
}

/**
 * kernel_error() - why the last request failed
 * @k: from kernel_open()
 *
 * Return: a text that holds until the next request.
 */
const char *kernel_error(const struct kernel *k)
{
	return k->message;
}
