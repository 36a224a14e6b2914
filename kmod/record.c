// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is to be made of alerts and handshake messages that come after the handshake.
 */
#include <linux/kernel.h>
#include <uapi/linux/tls.h>

#include "record.h"

/* Handshake messages: RFC 5246, section 7.4, and RFC 8446, section 4. */
#define HS_HELLO_REQUEST	0
#define HS_CLIENT_HELLO		1
#define HS_NEW_SESSION_TICKET	4
#define HS_KEY_UPDATE		24
#define HS_HEADER_LEN		4
#define ALERT_LEN		2

static enum kb_verdict read_alert(struct kb_record *r, u16 version)
{
	u8 level = r->head[0];

	r->alert = r->head[1];
	r->have = 0;
	if (r->alert == KB_ALERT_CLOSE_NOTIFY)
		return KB_CLOSE_NOTIFY;
	/* In TLS 1.3 the level says nothing: RFC 8446, section 6. */
	if (r->alert == KB_ALERT_USER_CANCELED)
		return KB_IGNORE;
	if (level == KB_ALERT_WARNING && version != TLS_1_3_VERSION)
		return KB_IGNORE;
	return KB_FATAL;
}

static enum kb_verdict read_handshake(const struct kb_record *r, enum kb_side from, u16 version)
{
	switch (r->head[0]) {
	case HS_NEW_SESSION_TICKET:
		/* The server's tickets were made for us; our own client resumes nothing. */
		return from == KB_SERVER && version == TLS_1_3_VERSION ? KB_IGNORE : KB_BAD;
	case HS_KEY_UPDATE:
		return version == TLS_1_3_VERSION ? KB_KEYUPDATE : KB_BAD;
	case HS_HELLO_REQUEST:
		return from == KB_SERVER && version != TLS_1_3_VERSION ? KB_RENEGOTIATE : KB_BAD;
	case HS_CLIENT_HELLO:
		return from == KB_CLIENT && version != TLS_1_3_VERSION ? KB_RENEGOTIATE : KB_BAD;
	default:
		return KB_BAD;
	}
}

static size_t skip_body(struct kb_record *r, size_t len)
{
	size_t n = min_t(size_t, r->left, len);

	r->left -= n;
	return n;
}

/* Fills @head up to @want bytes; true when it has them. */
static bool fill_head(struct kb_record *r, size_t want, const u8 **data, size_t *len)
{
	while (*len && r->have < want) {
		r->head[r->have++] = *(*data)++;
		(*len)--;
	}
	return r->have == want;
}

/**
 * kb_record_read - read a piece of a record that is no data
 * @r: the reader of this direction
 * @from: who sent it
 * @version: TLS version of the leg
 * @type: content type of the record
 * @data: the piece
 * @len: its length
 *
 * Return: the gravest of what the messages in it mean.
 */
enum kb_verdict kb_record_read(struct kb_record *r, enum kb_side from, u16 version, u8 type,
			       const u8 *data, size_t len)
{
	enum kb_verdict verdict = KB_IGNORE;
	size_t n;

	/* RFC 8446, section 5.1: a handshake message is not to be interleaved with others. */
	if (type != r->type && (r->have || r->left))
		return KB_BAD;
	r->type = type;
	while (len) {
		switch (type) {
		case KB_RECORD_ALERT:
			if (!fill_head(r, ALERT_LEN, &data, &len))
				return verdict;
			verdict = max(verdict, read_alert(r, version));
			break;
		case KB_RECORD_HANDSHAKE:
			n = skip_body(r, len);
			data += n;
			len -= n;
			if (!fill_head(r, HS_HEADER_LEN, &data, &len))
				return verdict;
			verdict = max(verdict, read_handshake(r, from, version));
			r->left = r->head[1] << 16 | r->head[2] << 8 | r->head[3];
			r->have = 0;
			break;
		default:
			return KB_BAD;
		}
	}
	return verdict;
}
