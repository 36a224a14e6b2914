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
#define KB_ALERT_ILLEGAL_PARAMETER	47
#define KB_ALERT_DECODE_ERROR		50
#define KB_ALERT_INTERNAL_ERROR		80
#define KB_ALERT_USER_CANCELED		90
#define KB_ALERT_NO_RENEGOTIATION	100

/**
 * enum kb_verdict - what a record that is no data means for the flow
 * @KB_IGNORE: nothing, or nothing yet
 * @KB_RENEGOTIATE: the peer asks for a new handshake; it is to be told no_renegotiation
 * @KB_KEYUPDATE: all after this record has the peer's next keys;
 *	&kb_record.update_requested: ours are to be changed as well
 * @KB_CLOSE_NOTIFY: the peer sends no more data
 * @KB_FATAL: the peer has given up; &kb_record.alert says why
 * @KB_BAD: not allowed here; &kb_record.alert is to tell the peer
 */
enum kb_verdict {
	KB_IGNORE,
	KB_RENEGOTIATE,
	KB_KEYUPDATE,
	KB_CLOSE_NOTIFY,
	KB_FATAL,
	KB_BAD,
};

/**
 * struct kb_record - reader of the records that are no data, of one direction
 *
 * Messages may begin and end anywhere in records. Zeroed at the start.
 *
 * @head: the beginning of a message that is not whole yet; a KeyUpdate fits in
 * @have: bytes in it
 * @left: bytes of a handshake message's body that are still to be skipped
 * @alert: description of the peer's last alert, or, after KB_BAD, of the one it is to get
 * @type: content type of the last record
 * @update_requested: by the last KeyUpdate
 */
struct kb_record {
	u8 head[5];
	u8 have;
	u32 left;
	u8 alert;
	u8 type;
	bool update_requested;
};

/**
 * kb_record_is_partial - is a message not whole yet?
 * @r: the reader
 */
static inline bool kb_record_is_partial(const struct kb_record *r)
{
	return r->have || r->left;
}

enum kb_verdict kb_record_read(struct kb_record *r, enum kb_side from, u16 version, u8 type,
			       const u8 *data, size_t len, bool whole);

#endif /* KB_RECORD_H */
