/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Legs that kTLS cannot carry: their TLS stays here. */
#ifndef KBUMPD_PUMP_H
#define KBUMPD_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>

#include "kbumpd.h"
#include "keys.h"

/* Pumped legs in one worker; some 70 KiB each at most, and three descriptors. */
#define PUMPS_MAX	1024

#define PUMP_BUFFER	16384

/* What a record has before its content: header and number. And behind: a tag. */
#define SEAL_HEAD	13
#define SEAL_TAIL	16

/**
 * struct seal - maker of records for the kernel
 *
 * @ctx: has the key
 * @salt: fixed bytes of the nonce
 * @number: of the next record
 */
struct seal {
	EVP_CIPHER_CTX *ctx;
	uint8_t salt[4];
	uint64_t number;
};

/**
 * struct stream - one direction of a pumped leg
 *
 * @data: received, not yet sent; for the kernel, a record
 * @len: bytes of it
 * @sent: how many of them have been sent
 * @alert: what is to be sent as soon as the data are, if it is due; of the kernel's only
 *	close_notify
 * @notified: the source has said close_notify, or failed; what it still sends is dropped
 * @fin: the source's FIN is to be sent on
 * @done: it has been
 */
struct stream {
	uint8_t data[SEAL_HEAD + PUMP_BUFFER + SEAL_TAIL];
	size_t len;
	size_t sent;
	struct {
		bool due;
		uint8_t level;
		uint8_t description;
	} alert;
	bool notified;
	bool fin;
	bool done;
};

/**
 * struct pump - a leg whose TLS is ours
 *
 * Made after the handshakes, owned by the connection until the hand-off and then by the
 * worker, until both directions have ended or one broke.
 *
 * @worker: of this
 * @link: in the worker's list of those that wait for their other end or, from the hand-off
 *	on, of those that work
 * @conn: the connection, until the hand-off
 * @ssl: the leg's TLS
 * @version: its version, as on the wire
 * @suite: its cipher suite, as on the wire
 * @peer_fd: the leg, from the hand-off on
 * @near_fd: the end for the kernel, -1 after the hand-off
 * @far_fd: our end of the same connection, -1 while it is not accepted
 * @near_address: its own, by which the other end is known
 * @peer_event: the leg can be read or written
 * @far_event: the same of the kernel's side
 * @timer: the peer has had the time to take or send the rest
 * @more: there is more to do than was done in one turn
 * @closed: the peer has said close_notify
 * @failed: the leg's TLS has ended by an alert, of whichever side
 * @credit: how many records without data the peer may still send
 * @seal: makes records for the kernel
 * @to_kernel: from the leg to the kernel
 * @from_kernel: from there to the leg
 */
struct pump {
	struct worker *worker;
	LIST_ENTRY(pump) link;
	struct conn *conn;
	SSL *ssl;
	uint16_t version;
	uint16_t suite;
	int peer_fd;
	int near_fd;
	int far_fd;
	union address near_address;
	struct event peer_event;
	struct event far_event;
	struct event timer;
	struct event more;
	bool closed;
	bool failed;
	int credit;
	struct seal seal;
	struct stream to_kernel;
	struct stream from_kernel;
};

int seal_new(struct seal *s, const struct traffic_key *key);
void seal_free(struct seal *s);
size_t seal(struct seal *s, uint8_t type, uint8_t *buf, size_t len);

#endif
