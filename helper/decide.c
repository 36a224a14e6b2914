// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What becomes of a connection when its server has been judged: no byte of the client has
 * reached the server yet.
 */
#include "kbumpd.h"

/* RFC 8446 section 6.2; bad_certificate for weak ones is in its section 4.4.2.4. */
static const uint8_t alerts[] = {
	[KBUMP_CERT_NONE] = ALERT_BAD_CERTIFICATE,
	[KBUMP_CERT_OK] = ALERT_NONE,
	[KBUMP_CERT_REVOKED] = ALERT_CERTIFICATE_REVOKED,
	[KBUMP_CERT_INVALID] = ALERT_BAD_CERTIFICATE,
	[KBUMP_CERT_WEAK] = ALERT_BAD_CERTIFICATE,
	[KBUMP_CERT_SELF_SIGNED] = ALERT_UNKNOWN_CA,
	[KBUMP_CERT_UNTRUSTED] = ALERT_UNKNOWN_CA,
	[KBUMP_CERT_NAME] = ALERT_CERTIFICATE_UNKNOWN,
	[KBUMP_CERT_EXPIRED] = ALERT_CERTIFICATE_EXPIRED,
	[KBUMP_CERT_CLIENT_AUTH] = ALERT_HANDSHAKE_FAILURE,
};

/**
 * verdict() - may the connection go on?
 * @c: the connection, with its @cert and @client_cert_wanted found
 *
 * A server that did not verify is one whose certificate for the client is signed by the
 * authority that nobody trusts: the client sees its own warning.
 *
 * Return: true if so; false when it was refused, or goes on without being opened: @c may be
 * gone.
 */
bool verdict(struct conn *c)
{
	enum kbump_cert cert = c->cert;
	const char *wanted = "the server wants a client certificate";
	const char *why = c->cert_why;

	if (cert == KBUMP_CERT_OK && c->client_cert_wanted) {
		cert = KBUMP_CERT_CLIENT_AUTH;
		why = wanted;
	}
	if (!c->action && !ask_cert(c, cert, alerts[cert], why))
		return false;
	/* Only the client can show one: what was decided without this is to be seen anew. */
	if (c->client_cert_wanted && c->action == KBUMP_ACTION_INSPECT &&
	    !ask_cert(c, KBUMP_CERT_CLIENT_AUTH, alerts[KBUMP_CERT_CLIENT_AUTH], wanted))
		return false;
	if (c->action == KBUMP_ACTION_BYPASS) {
		connect_plain(c);
		return false;
	}
	c->verified = c->cert == KBUMP_CERT_OK;
	return true;
}
