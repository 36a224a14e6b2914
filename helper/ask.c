// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the rules say. They are the kernel's, who is asked when the ClientHello is known, and
 * once more with what became of the server's certificate.
 */
#include <string.h>

#include "kbumpd.h"

/* Offer the server this protocol alone, or none if the client does not know it. */
static void limit_alpn(struct hello *h, const char *protocol)
{
	uint8_t len = strlen(protocol);
	size_t at;

	for (at = 0; at < h->alpn_len; at += 1 + h->alpn[at])
		if (h->alpn[at] == len && !memcmp(h->alpn + at + 1, protocol, len))
			break;
	if (at < h->alpn_len)
		memmove(h->alpn, h->alpn + at, 1 + len);
	h->alpn_len = at < h->alpn_len ? 1 + len : 0;
}

/* False if the connection has ended, as the kernel did not answer. */
static bool ask(struct conn *c, const struct cert_facts *cert, struct answer *a)
{
	struct kernel *k = c->worker->kernel;

	if (!kernel_flow_ask(k, c->client_fd, &c->hello, cert, 0, a)) {
		c->action = a->action;
		c->rule = a->rule;
		c->learned = a->learned;
		if (*a->alpn_limit)
			limit_alpn(&c->hello, a->alpn_limit);
		return true;
	}
	if (conn_client_closed(c))
		conn_client_gone(c);
	else
		conn_reset(c, KBUMP_REASON_INTERNAL, "the kernel says nothing of the rules: %s",
			   kernel_error(k));
	return false;
}

/* In silence, with a page, an alert, or a reset where there is no alert for it. */
static void block(struct conn *c, const struct answer *a, uint8_t alert, const char *why)
{
	if (a->silent)
		return conn_drop(c, "refused by a rule, in silence%s%s", *why ? ": " : "", why);
	if (a->page && page_start(c, a->comment, alert, why))
		return;
	if (alert != ALERT_NONE)
		refuse(c, KBUMP_REASON_BLOCKED, alert, "refused by a rule: %s", why);
	else
		conn_reset(c, KBUMP_REASON_BLOCKED, "refused by a rule%s%s", *why ? ": " : "", why);
}

/**
 * ask_hello() - put a ClientHello to the rules
 * @c: the connection; @c->plain is set if it is not to be opened
 *
 * Return: false if it was refused; it may be gone.
 */
bool ask_hello(struct conn *c)
{
	struct answer a;

	if (!ask(c, NULL, &a))
		return false;
	if (c->action == KBUMP_ACTION_BLOCK) {
		block(c, &a, ALERT_NONE, "");
		return false;
	}
	c->plain = c->action == KBUMP_ACTION_BYPASS;
	return true;
}

/**
 * ask_cert() - put what became of the server's certificate to the rules
 * @c: the connection; @c->action is what they decided
 * @cert: the verdict
 * @alert: what the client is told if it is refused; ALERT_NONE for a reset
 * @why: what is wrong with the certificate, a static text
 *
 * Return: false if it was refused; it may be gone.
 */
bool ask_cert(struct conn *c, enum kbump_cert cert, uint8_t alert, const char *why)
{
	struct cert_facts facts = { .state = cert };
	struct answer a;

	if (c->ssl && cert_describe(c->ssl, &facts) < 0) {
		refuse(c, KBUMP_REASON_INTERNAL, ALERT_INTERNAL_ERROR, "server leg: %s",
		       openssl_error());
		return false;
	}
	if (!ask(c, &facts, &a))
		return false;
	if (c->action != KBUMP_ACTION_BLOCK)
		return true;
	block(c, &a, alert, why);
	return false;
}

/**
 * ask_fail() - it cannot be opened: is it to be left alone then?
 * @c: the connection, whose client has got no answer yet, and none of whose bytes were read
 * @cause: why it cannot
 *
 * Once for each connection. What is not to be opened anyway does not fail in this sense, nor
 * does a client that has not said anything.
 *
 * Return: true if so; the caller goes on with connect_plain(), where that makes sense.
 */
bool ask_fail(struct conn *c, enum kbump_cause cause)
{
	struct answer a;

	if (c->page || c->plain || c->failed || !c->peeked)
		return false;
	c->failed = cause;
	if (kernel_flow_ask(c->worker->kernel, c->client_fd, &c->hello, NULL, cause, &a))
		return false;
	c->rule = a.rule;
	if (a.action != KBUMP_ACTION_BYPASS)
		return false;
	c->action = a.action;
	return true;
}
