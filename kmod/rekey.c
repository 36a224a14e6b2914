// SPDX-License-Identifier: GPL-2.0-only
/*
 * New keys for a TLS 1.3 leg in mid-flow (KeyUpdate: RFC 8446, sections 4.6.3, 7.2, 7.3).
 *
 * kTLS of these kernels takes keys but once. It uses them at two places only, both in process
 * context and under the socket's lock: tls_decrypt_sg(), from recvmsg(), and tls_push_record(),
 * from sendmsg(); see net/tls/tls_sw.c. So between two calls, with that lock held and no
 * request left in the crypto layer, key, IV and record number may be replaced.
 *
 * - Receiving: a call ends with a record that is no data, and the parser looks at no more than
 *   the header of the next one. So when a KeyUpdate has been read nothing after it has been
 *   decrypted.
 * - Sending: a record is encrypted whole before its send returns. What TCP had no room for
 *   waits encrypted, in tx_list and partially_sent_record; no key is needed to send it on.
 */
#include <crypto/aead.h>
#include <crypto/hash.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <net/tls.h>

#include "compat.h"
#include "leg.h"
#include "record.h"
#include "rekey.h"

#define KEY_MAX		TLS_CIPHER_AES_GCM_256_KEY_SIZE
#define IV_LEN		12
#define HS_KEY_UPDATE	24

/*
 * AES-GCM is safe for 2^24.5 full records with one key: RFC 8446, section 5.5. Each record
 * counts as a full one here. A test may want to see it earlier.
 */
#define RECORDS_MAX	0x1000000

static unsigned int rekey_records = RECORDS_MAX / 2;

static int set_rekey_records(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, RECORDS_MAX);
}

static const struct kernel_param_ops rekey_records_ops = {
	.set = set_rekey_records,
	.get = param_get_uint,
};
module_param_cb(rekey_records, &rekey_records_ops, &rekey_records, 0644);
MODULE_PARM_DESC(rekey_records,
		 "AES-GCM records that a TLS 1.3 leg sends before it changes its key, 1..2^24 (default: 2^23)");

/**
 * struct hmac - one of the keyed hashes, for all flows
 * @name: of the algorithm
 * @tfm: it; has a key only while in use
 * @lock: for the time from the setting of the key to its wiping; sleeps
 */
struct hmac {
	const char *name;
	struct crypto_shash *tfm;
	struct mutex lock;
};

enum {
	HMAC_SHA256,
	HMAC_SHA384,
};

static struct hmac hmacs[] = {
	[HMAC_SHA256] = {
		.name = "hmac(sha256)",
		.lock = __MUTEX_INITIALIZER(hmacs[HMAC_SHA256].lock),
	},
	[HMAC_SHA384] = {
		.name = "hmac(sha384)",
		.lock = __MUTEX_INITIALIZER(hmacs[HMAC_SHA384].lock),
	},
};

/**
 * struct suite - what a cipher of TLS 1.3 needs
 * @cipher: TLS_CIPHER_*
 * @hmac: of its hash
 * @secret_len: output of the hash
 * @key_len: of a traffic key
 * @limited: its keys wear out
 */
struct suite {
	u16 cipher;
	u8 hmac;
	u8 secret_len;
	u8 key_len;
	bool limited;
};

static const struct suite suites[] = {
	{ TLS_CIPHER_AES_GCM_128, HMAC_SHA256, 32, TLS_CIPHER_AES_GCM_128_KEY_SIZE, true },
	{ TLS_CIPHER_AES_GCM_256, HMAC_SHA384, 48, TLS_CIPHER_AES_GCM_256_KEY_SIZE, true },
	{ TLS_CIPHER_CHACHA20_POLY1305, HMAC_SHA256, 32,
	  TLS_CIPHER_CHACHA20_POLY1305_KEY_SIZE, false },
};

/* The next keys of one direction; whoever has it wipes it. */
struct generation {
	u8 secret[KB_SECRET_MAX];
	u8 key[KEY_MAX];
	u8 iv[IV_LEN];
};

static const struct suite *suite_of(u16 cipher)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].cipher == cipher)
			return &suites[i];
	return NULL;
}

/* HKDF-Expand-Label without a context, to no more than one block: one HMAC. */
static int expand_label(struct crypto_shash *tfm, const char *label, u8 *out, u8 len)
{
	u8 info[2 + 1 + sizeof("tls13 traffic upd") + 1 + 1], digest[KB_SECRET_MAX];
	size_t label_len = strlen(label), n = 0;
	int err;

	put_unaligned_be16(len, info);
	n += 2;
	info[n++] = label_len;
	memcpy(info + n, label, label_len);
	n += label_len;
	info[n++] = 0;
	/* The number of the block: RFC 5869, section 2.3. */
	info[n++] = 1;
	err = crypto_shash_tfm_digest(tfm, info, n, digest);
	if (!err)
		memcpy(out, digest, len);
	memzero_explicit(digest, sizeof(digest));
	return err;
}

static int derive(const struct suite *s, const struct kb_secret *from, struct generation *g)
{
	static const u8 no_key[KB_SECRET_MAX];
	struct hmac *h = &hmacs[s->hmac];
	int err;

	mutex_lock(&h->lock);
	err = crypto_shash_setkey(h->tfm, from->data, from->len);
	if (!err)
		err = expand_label(h->tfm, "tls13 traffic upd", g->secret, from->len);
	if (!err)
		err = crypto_shash_setkey(h->tfm, g->secret, from->len);
	if (!err)
		err = expand_label(h->tfm, "tls13 key", g->key, s->key_len);
	if (!err)
		err = expand_label(h->tfm, "tls13 iv", g->iv, sizeof(g->iv));
	crypto_shash_setkey(h->tfm, no_key, sizeof(no_key));
	mutex_unlock(&h->lock);
	return err;
}

/* What getsockopt() gives; and nobody is to find the old key there. */
static void set_info(union tls_crypto_context *c, const struct generation *g)
{
	switch (c->info.cipher_type) {
	case TLS_CIPHER_AES_GCM_128:
		memcpy(c->aes_gcm_128.key, g->key, sizeof(c->aes_gcm_128.key));
		memcpy(c->aes_gcm_128.salt, g->iv, sizeof(c->aes_gcm_128.salt));
		break;
	case TLS_CIPHER_AES_GCM_256:
		memcpy(c->aes_gcm_256.key, g->key, sizeof(c->aes_gcm_256.key));
		memcpy(c->aes_gcm_256.salt, g->iv, sizeof(c->aes_gcm_256.salt));
		break;
	case TLS_CIPHER_CHACHA20_POLY1305:
		memcpy(c->chacha20_poly1305.key, g->key, sizeof(c->chacha20_poly1305.key));
		break;
	}
}

/* With the socket's lock held, and no request of @aead in progress. */
static int set_key(struct crypto_aead *aead, struct cipher_context *c,
		   union tls_crypto_context *info, const struct suite *s,
		   const struct generation *g)
{
	int err = crypto_aead_setkey(aead, g->key, s->key_len);

	if (err)
		return err;
	/* As tls_set_sw_offload() has it: salt and IV in a row, the whole IV of TLS 1.3. */
	memcpy(c->iv, g->iv, sizeof(g->iv));
	memset(c->rec_seq, 0, TLS_MAX_REC_SEQ_SIZE);
	set_info(info, g);
	return 0;
}

static void set_secret(struct kb_secret *secret, const struct generation *g)
{
	memcpy(secret->data, g->secret, secret->len);
}

static int switch_rx(struct sock *sk, const struct suite *s, const struct generation *g)
{
	struct tls_context *ctx = tls_get_ctx(sk);
	struct tls_sw_context_rx *rx = tls_sw_ctx_rx(ctx);
	int err = -EBUSY;

	lock_sock(sk);
	if (skb_queue_empty(&rx->rx_list) && atomic_read(&rx->decrypt_pending) == 1)
		err = set_key(rx->aead_recv, &ctx->rx, &ctx->crypto_recv, s, g);
	release_sock(sk);
	return err;
}

/**
 * kb_rekey_rx - go on with the peer's next keys
 * @leg: a TLS 1.3 leg, on which a whole KeyUpdate has just been received
 *
 * Context: process, by the direction that reads here; sleeps.
 * Return: 0, or -ENOKEY: the leg is of no use then.
 */
int kb_rekey_rx(struct kb_leg *leg)
{
	const struct suite *s = suite_of(leg->cipher);
	struct generation g;
	int err;

	err = derive(s, &leg->keys.rx, &g);
	if (!err)
		err = switch_rx(leg->sock->sk, s, &g);
	if (!err) {
		set_secret(&leg->keys.rx, &g);
		WRITE_ONCE(leg->rx_rekeys, leg->rx_rekeys + 1);
	}
	memzero_explicit(&g, sizeof(g));
	return err ? -ENOKEY : 0;
}

/* With the leg's send_lock held: nothing has been sent since the KeyUpdate. */
static int switch_tx(struct sock *sk, const struct suite *s, const struct generation *g)
{
	struct tls_context *ctx = tls_get_ctx(sk);
	struct tls_sw_context_tx *tx = tls_sw_ctx_tx(ctx);
	int err = -EBUSY;

	mutex_lock(&ctx->tx_lock);
	lock_sock(sk);
	if (!tx->open_rec && atomic_read(&tx->encrypt_pending) == 1)
		err = set_key(tx->aead_send, &ctx->tx, &ctx->crypto_send, s, g);
	release_sock(sk);
	mutex_unlock(&ctx->tx_lock);
	return err;
}

/*
 * The next keys are there before the KeyUpdate is sent, the last record of the present ones.
 * We ask the peer for nothing: its keys are its own concern.
 */
static int update(struct kb_leg *leg, const struct suite *s, struct generation *g)
{
	static const u8 key_update[] = { HS_KEY_UPDATE, 0, 0, 1, 0 };
	int err;

	if (derive(s, &leg->keys.tx, g))
		return -ENOKEY;
	err = kb_leg_send_record(leg, KB_RECORD_HANDSHAKE, key_update, sizeof(key_update));
	if (err)
		return err;
	if (switch_tx(leg->sock->sk, s, g))
		return -ENOKEY;
	set_secret(&leg->keys.tx, g);
	WRITE_ONCE(leg->tx_seq, 0);
	WRITE_ONCE(leg->tx_rekeys, leg->tx_rekeys + 1);
	return 0;
}

/**
 * kb_rekey_tx - tell the peer that our keys change, and change them
 * @leg: a TLS 1.3 leg, before its end has been sent
 *
 * Whoever asks for it while this runs may get another; those who asked before share one.
 *
 * Context: process, by the direction that writes here; sleeps, but never for the peer.
 * Return: 0; -EAGAIN if there is no room, and nothing has changed; -ENOKEY; or another error
 * of the connection.
 */
int kb_rekey_tx(struct kb_leg *leg)
{
	const struct suite *s = suite_of(leg->cipher);
	bool asked = test_and_clear_bit(KB_LEG_REKEY, &leg->flags);
	struct generation g;
	int err;

	mutex_lock(&leg->send_lock);
	err = update(leg, s, &g);
	mutex_unlock(&leg->send_lock);
	memzero_explicit(&g, sizeof(g));
	if (err && asked)
		set_bit(KB_LEG_REKEY, &leg->flags);
	return err;
}

/**
 * kb_rekey_is_due - are our keys to be changed?
 * @leg: the leg
 *
 * Context: process, by the direction that writes here.
 * Return: true if the peer has asked, or the key has been used enough.
 */
bool kb_rekey_is_due(const struct kb_leg *leg)
{
	if (!leg->keys.tx.len)
		return false;
	if (test_bit(KB_LEG_REKEY, &leg->flags))
		return true;
	return READ_ONCE(leg->tx_seq) >= READ_ONCE(rekey_records) &&
	       suite_of(leg->cipher)->limited;
}

/**
 * kb_rekey_check - are these a leg's secrets?
 * @keys: what the helper gave
 * @ctx: of the leg's socket; NULL for a plain leg
 * @extack: says what is wrong
 *
 * Without its secrets a TLS 1.3 leg would have to be ended by the peer's first KeyUpdate,
 * so there is none without.
 *
 * Return: 0 or -EINVAL.
 */
int kb_rekey_check(const struct kb_keys *keys, const struct tls_context *ctx,
		   struct netlink_ext_ack *extack)
{
	bool tls13 = ctx && ctx->prot_info.version == TLS_1_3_VERSION;
	const struct suite *s = tls13 ? suite_of(ctx->prot_info.cipher_type) : NULL;

	if (!tls13 && !keys->rx.len && !keys->tx.len)
		return 0;
	if (!tls13)
		NL_SET_ERR_MSG(extack, "traffic secrets are for TLS 1.3 only");
	else if (!s)
		NL_SET_ERR_MSG(extack, "kTLS cipher whose keys kbump cannot change");
	else if (!keys->rx.len || !keys->tx.len)
		NL_SET_ERR_MSG(extack, "a TLS 1.3 leg needs both its traffic secrets");
	else if (keys->rx.len != s->secret_len || keys->tx.len != s->secret_len)
		NL_SET_ERR_MSG(extack, "a traffic secret is not as long as the suite's hash");
	else
		return 0;
	return -EINVAL;
}

/**
 * kb_rekey_exit - free what kb_rekey_init() made
 */
void kb_rekey_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(hmacs); i++) {
		if (!IS_ERR_OR_NULL(hmacs[i].tfm))
			crypto_free_shash(hmacs[i].tfm);
		hmacs[i].tfm = NULL;
	}
}

/**
 * kb_rekey_init - get the hashes
 *
 * Context: process; sleeps, and may load modules.
 * Return: 0 or an error.
 */
int kb_rekey_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(hmacs); i++) {
		hmacs[i].tfm = crypto_alloc_shash(hmacs[i].name, 0, 0);
		if (!IS_ERR(hmacs[i].tfm))
			continue;
		err = PTR_ERR(hmacs[i].tfm);
		pr_err("kbump: no %s in this kernel: error %d\n", hmacs[i].name, err);
		kb_rekey_exit();
		return err;
	}
	return 0;
}
