/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_RECORD_H
#define KB_RECORD_H

#include <linux/types.h>

#include "tuple.h"

/* Content types and alerts: RFC 8446, sections 5.1 and 6. */
#define KB_RECORD_ALERT		21
#define KB_RECORD_HANDSHAKE	22

#define KB_ALERT_WARNING		1
#define KB_ALERT_FATAL			2
#define KB_ALERT_CLOSE_NOTIFY		0
#define KB_ALERT_UNEXPECTED_MESSAGE	10
#define KB_ALERT_BAD_RECORD_MAC		20
#define KB_ALERT_INTERNAL_ERROR		80
#define KB_ALERT_USER_CANCELED		90
#define KB_ALERT_NO_RENEGOTIATION	100

/**
 * enum kb_verdict - what a record that is no data means for the flow
 * @KB_IGNORE: nothing, or nothing yet
 * @KB_RENEGOTIATE: the peer asks for a new handshake; it is to be told no_renegotiation
 * @KB_CLOSE_NOTIFY: the peer sends no more data
 * @KB_FATAL: the peer has given up; &kb_record.alert says why
 * @KB_KEYUPDATE: the peer has changed its keys
 * @KB_BAD: not allowed here
 */
enum kb_verdict {
	KB_IGNORE,
	KB_RENEGOTIATE,
	KB_CLOSE_NOTIFY,
	KB_FATAL,
	KB_KEYUPDATE,
	KB_BAD,
};

/**
 * struct kb_record - reader of the records that are no data, of one direction
 *
 * Messages may begin and end anywhere in records. Zeroed at the start.
 *
 * @head: the beginning of a message that is not whole yet
 * @have: bytes in it
 * @left: bytes of a handshake message's body that are still to be skipped
 * @alert: description of the last alert
 * @type: content type of the last record
 */
struct kb_record {
	u8 head[4];
	u8 have;
	u32 left;
	u8 alert;
	u8 type;
};

enum kb_verdict kb_record_read(struct kb_record *r, enum kb_side from, u16 version, u8 type,
			       const u8 *data, size_t len);

#endif /* KB_RECORD_H */
