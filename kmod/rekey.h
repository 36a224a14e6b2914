/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_REKEY_H
#define KB_REKEY_H

#include <linux/types.h>

struct kb_leg;
struct netlink_ext_ack;
struct tls_context;

/* SHA-384, the longest hash of the cipher suites that kTLS can carry. */
#define KB_SECRET_MAX	48

/**
 * struct kb_secret - an application traffic secret: RFC 8446, section 7.2
 * @len: its length, that of the cipher suite's hash; 0: none
 * @data: the secret
 */
struct kb_secret {
	u8 len;
	u8 data[KB_SECRET_MAX];
};

/**
 * struct kb_keys - from what the present keys of a TLS 1.3 leg come, and the next will
 *
 * Whoever has one wipes it: memzero_explicit(), kfree_sensitive().
 *
 * @rx: for what the peer sends
 * @tx: for what we send
 */
struct kb_keys {
	struct kb_secret rx;
	struct kb_secret tx;
};

int kb_rekey_check(const struct kb_keys *keys, const struct tls_context *ctx,
		   struct netlink_ext_ack *extack);
int kb_rekey_rx(struct kb_leg *leg);
int kb_rekey_tx(struct kb_leg *leg);
bool kb_rekey_is_due(const struct kb_leg *leg);
int kb_rekey_init(void);
void kb_rekey_exit(void);

#endif /* KB_REKEY_H */
