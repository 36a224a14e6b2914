/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_LEG_H
#define KB_LEG_H

#include <linux/atomic.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <net/sock.h>

#include "rekey.h"
#include "tuple.h"

struct kb_dir;
struct netlink_ext_ack;

/* kb_leg.flags: the direction that writes here waits for room. */
#define KB_LEG_WANT_SPACE	0
/* The peer wants us to change our keys; set by the direction that reads here. */
#define KB_LEG_REKEY		1
/* More than KB_LEG_IDLE_MAX have come, and nothing more will. */
#define KB_LEG_FLOODED		2

/*
 * So many records may come in a row without any data. One call of recvmsg() may take as many
 * as a record has bytes, with one byte of data in each, before it returns them.
 */
#define KB_LEG_IDLE_MAX		32768

/**
 * struct kb_pump - what a leg is whose TLS is the helper's
 *
 * @version: TLS version, 0: it is not pumped
 * @suite: cipher suite, as on the wire
 */
struct kb_pump {
	u16 version;
	u16 suite;
};

/**
 * struct kb_leg - one of a flow's two connections, once the kernel has it
 *
 * Part of &struct kb_relay. Callbacks of the socket find it by sk_user_data, under
 * sk_callback_lock; kb_leg_detach() ends that.
 *
 * @sock: the socket; its file is ours until kb_leg_close()
 * @in: the direction that reads here; constant
 * @out: the direction that writes here; constant
 * @flags: bits, atomic
 * @tls: kTLS in both directions; else plain
 * @attached: the callbacks are ours
 * @version: TLS version, or 0
 * @cipher: TLS_CIPHER_*, or 0
 * @pump: for whom @sock is a connection to the helper, which has the peer's; constant. The two
 *	above are of @sock then.
 * @record_max: bytes of data in the longest record that the peer takes, 0: as TLS has it
 * @keys: secrets of a TLS 1.3 leg, else empty; @keys.rx is of the direction that reads here,
 *	@keys.tx of the one that writes here
 * @send_lock: one record after the other, and no record between a KeyUpdate and the change of
 *	keys: the direction that reads here sends alerts. Outside of the socket's locks.
 * @tx_seq: records sent with the present key of a TLS leg; written under @send_lock
 * @idle: records that have come since the last data; counted with the socket locked
 * @data_ready: what the socket had before; for a TLS leg, what kTLS calls for each record
 * @write_space: what the socket had before
 * @state_change: what the socket had before
 * @error_report: what the socket had before
 * @rx_bytes: see &enum kbump_leg_attr; written by the direction that reads here
 * @tx_bytes: written by the direction that writes here
 * @rx_records: as @rx_bytes, as all below
 * @rx_zc: records received without a copy
 * @rx_copied: records received with a copy
 * @control: records of other types
 * @rx_rekeys: changes of the peer's keys
 * @tx_rekeys: as @tx_bytes: changes of our keys
 */
struct kb_leg {
	struct socket *sock;
	struct kb_dir *in;
	struct kb_dir *out;
	unsigned long flags;
	bool tls;
	bool attached;
	u16 version;
	u16 cipher;
	struct kb_pump pump;
	u16 record_max;
	struct kb_keys keys;
	struct mutex send_lock;
	u64 tx_seq;
	atomic_t idle;
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
	void (*error_report)(struct sock *sk);
	u64 rx_bytes;
	u64 tx_bytes;
	u64 rx_records;
	u64 rx_zc;
	u64 rx_copied;
	u64 control;
	u64 rx_rekeys;
	u64 tx_rekeys;
};

/**
 * struct kb_chunk - received bytes, on pages that nobody writes any more
 *
 * @page: a page, or a compound one; the chunk has a reference
 * @off: first byte, counted from @page; may lie beyond its first 4 KiB
 * @len: bytes; 0: no chunk
 * @zc: decrypted into the page, not copied there
 */
struct kb_chunk {
	struct page *page;
	unsigned int off;
	unsigned int len;
	bool zc;
};

bool kb_leg_has_tls(const struct sock *sk);
int kb_leg_open(struct kb_leg *leg, struct socket *sock, const struct kb_keys *keys,
		struct netlink_ext_ack *extack);
void kb_leg_open_inner(struct kb_leg *leg, struct socket *sock);
void kb_leg_move(struct kb_leg *to, struct kb_leg *from);
int kb_leg_attach(struct kb_leg *leg, struct netlink_ext_ack *extack);
void kb_leg_detach(struct kb_leg *leg);
void kb_leg_abort(struct kb_leg *leg);
void kb_leg_close(struct kb_leg *leg);
int kb_leg_recv(struct kb_leg *leg, struct kb_chunk *c);
int kb_leg_recv_control(struct kb_leg *leg, void *buf, size_t size, u8 *type, bool *whole);
int kb_leg_send(struct kb_leg *leg, const struct kb_chunk *c);
int kb_leg_send_record(struct kb_leg *leg, u8 type, const void *data, size_t len);
int kb_leg_send_alert(struct kb_leg *leg, u8 level, u8 description);
bool kb_leg_is_sending(const struct kb_leg *leg);
int kb_leg_send_fin(struct kb_leg *leg);
void kb_chunk_put(struct kb_chunk *c);
void kb_leg_exit(void);

#endif /* KB_LEG_H */
