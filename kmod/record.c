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
#define KEY_UPDATE_LEN		1
#define UPDATE_REQUESTED	1
#define ALERT_LEN		2

static enum kb_verdict bad(struct kb_record *r, u8 alert)
{
	r->alert = alert;
	return KB_BAD;
}

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

static enum kb_verdict read_handshake(struct kb_record *r, enum kb_side from, u16 version)
{
	bool tls13 = version == TLS_1_3_VERSION;

	switch (r->head[0]) {
	case HS_NEW_SESSION_TICKET:
		/* The server's tickets were made for us; our own client resumes nothing. */
		if (from == KB_SERVER && tls13)
			return KB_IGNORE;
		break;
	case HS_HELLO_REQUEST:
		if (from == KB_SERVER && !tls13)
			return KB_RENEGOTIATE;
		break;
	case HS_CLIENT_HELLO:
		if (from == KB_CLIENT && !tls13)
			return KB_RENEGOTIATE;
		break;
	}
	return bad(r, KB_ALERT_UNEXPECTED_MESSAGE);
}

/* RFC 8446, section 4.6.3; what follows has other keys, so it ends the record: section 5.1. */
static enum kb_verdict read_key_update(struct kb_record *r, bool ends_record)
{
	u8 request = r->head[HS_HEADER_LEN];

	if (!ends_record)
		return bad(r, KB_ALERT_UNEXPECTED_MESSAGE);
	if (request > UPDATE_REQUESTED)
		return bad(r, KB_ALERT_ILLEGAL_PARAMETER);
	r->update_requested = request == UPDATE_REQUESTED;
	return KB_KEYUPDATE;
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
	return r->have >= want;
}

/* Reads on to the end of a message's header; of a KeyUpdate, to its own end. */
static enum kb_verdict read_message(struct kb_record *r, enum kb_side from, u16 version,
				    const u8 **data, size_t *len, bool whole)
{
	size_t n = skip_body(r, *len);
	u32 body;

	*data += n;
	*len -= n;
	if (!fill_head(r, HS_HEADER_LEN, data, len))
		return KB_IGNORE;
	body = r->head[1] << 16 | r->head[2] << 8 | r->head[3];
	if (r->head[0] != HS_KEY_UPDATE || version != TLS_1_3_VERSION) {
		r->left = body;
		r->have = 0;
		return read_handshake(r, from, version);
	}
	if (body != KEY_UPDATE_LEN)
		return bad(r, KB_ALERT_DECODE_ERROR);
	if (!fill_head(r, HS_HEADER_LEN + KEY_UPDATE_LEN, data, len))
		return KB_IGNORE;
	r->have = 0;
	return read_key_update(r, whole && !*len);
}

/**
 * kb_record_read - read a piece of a record that is no data
 * @r: the reader of this direction
 * @from: who sent it
 * @version: TLS version of the leg
 * @type: content type of the record
 * @data: the piece
 * @len: its length; 0 only for a record without content
 * @whole: the record ends with it
 *
 * Return: the gravest of what the messages in it mean. After KB_BAD nothing more is to be
 * read.
 */
enum kb_verdict kb_record_read(struct kb_record *r, enum kb_side from, u16 version, u8 type,
			       const u8 *data, size_t len, bool whole)
{
	enum kb_verdict verdict = KB_IGNORE;

	/*
	 * RFC 8446, section 5.1: a handshake message is not to be interleaved with others, and
	 * no record but one of data is empty.
	 */
	if (!len || (type != r->type && kb_record_is_partial(r)))
		return bad(r, KB_ALERT_UNEXPECTED_MESSAGE);
	r->type = type;
	while (len && verdict != KB_BAD) {
		switch (type) {
		case KB_RECORD_ALERT:
			if (!fill_head(r, ALERT_LEN, &data, &len))
				return verdict;
			verdict = max(verdict, read_alert(r, version));
			break;
		case KB_RECORD_HANDSHAKE:
			verdict = max(verdict, read_message(r, from, version, &data, &len, whole));
			break;
		default:
			return bad(r, KB_ALERT_UNEXPECTED_MESSAGE);
		}
	}
	return verdict;
}
