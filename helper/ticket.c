// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Session tickets for clients. The session is in the ticket, not in our memory; what is
 * shared is the key that protects it. The master makes a new one each hour in memory that
 * the workers share, those that are started later too, and accepts the one before for
 * another hour. No key is derived from an older one, and none outlives its time: who gets
 * the memory cannot read what was ended two hours ago.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "kbumpd.h"

#define ROTATE_MS	3600000
/* Of a session from its full handshake on; in TLS 1.3, from its latest. */
#define LIFETIME_S	3600

#define NAME_LEN	16	/* fixed by OpenSSL */
#define KEY_LEN		32

struct ticket_key {
	uint8_t name[NAME_LEN];
	uint8_t cipher[KEY_LEN];
	uint8_t mac[KEY_LEN];
};

/**
 * struct tickets - keys of session tickets, in memory that all processes share
 *
 * Only the master writes, and only to the key that is not the newest. Who reads that one
 * meanwhile gets a key that fits no ticket: then the handshake is a full one.
 *
 * @turn: key[turn % 2] is the newest
 * @key: that, and the one before
 * @due: when the next is to be made, in ms of now_ms(); the master's
 */
struct tickets {
	atomic_uint turn;
	struct ticket_key key[2];
	uint64_t due;
};

static int make_key(struct tickets *t, unsigned int turn)
{
	struct ticket_key *k = &t->key[turn % 2];

	if (RAND_priv_bytes((uint8_t *)k, sizeof(*k)) != 1)
		return -1;
	atomic_store_explicit(&t->turn, turn, memory_order_release);
	t->due = now_ms() + ROTATE_MS;
	return 0;
}

static bool init_mac(EVP_MAC_CTX *mac, struct ticket_key *k)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac, sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* Values that OpenSSL wants from the callback. */
enum {
	TICKET_ERROR = -1,
	TICKET_NONE = 0,
	TICKET_GOOD = 1,
	TICKET_RENEW = 2,
};

static int protect(struct ticket_key *k, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher,
		   EVP_MAC_CTX *mac)
{
	memcpy(name, k->name, NAME_LEN);
	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1 ||
	    EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv) != 1 ||
	    !init_mac(mac, k))
		return TICKET_ERROR;
	return TICKET_GOOD;
}

static int open_with(struct ticket_key *k, const uint8_t *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int success)
{
	if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv) != 1 ||
	    !init_mac(mac, k))
		return TICKET_ERROR;
	return success;
}

/* OpenSSL wants to protect a ticket, or to open one that has a key's name. */
static int choose_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		      EVP_MAC_CTX *mac, int protects)
{
	const struct tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	unsigned int turn = atomic_load_explicit(&t->turn, memory_order_acquire);
	struct ticket_key newest = t->key[turn % 2], before = t->key[(turn + 1) % 2];
	/* Of TLS 1.3 each ticket is to be used once: RFC 8446, appendix C.4. */
	bool once = SSL_version(ssl) == TLS1_3_VERSION;
	int result = TICKET_NONE;

	if (protects)
		result = protect(&newest, name, iv, cipher, mac);
	else if (!memcmp(name, newest.name, NAME_LEN))
		result = open_with(&newest, iv, cipher, mac, once ? TICKET_RENEW : TICKET_GOOD);
	else if (!memcmp(name, before.name, NAME_LEN))
		result = open_with(&before, iv, cipher, mac, TICKET_RENEW);
	OPENSSL_cleanse(&newest, sizeof(newest));
	OPENSSL_cleanse(&before, sizeof(before));
	return result;
}

/**
 * tickets_new() - make keys, before the workers are forked
 *
 * Return: them, or NULL.
 */
struct tickets *tickets_new(void)
{
	struct tickets *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (t == MAP_FAILED)
		return NULL;
	/* Where that is not allowed, the swap is the operator's to encrypt. */
	mlock(t, sizeof(*t));
	madvise(t, sizeof(*t), MADV_DONTDUMP);
	/* The one before must be no key that anybody could guess. */
	if (!make_key(t, 0) && !make_key(t, 1))
		return t;
	munmap(t, sizeof(*t));
	return NULL;
}

/**
 * tickets_due() - when must tickets_rotate() be called?
 * @t: from tickets_new()
 *
 * Return: the time, in ms of now_ms().
 */
uint64_t tickets_due(const struct tickets *t)
{
	return t->due;
}

/**
 * tickets_rotate() - make a new key if it is time to; by the master only
 * @t: from tickets_new()
 */
void tickets_rotate(struct tickets *t)
{
	if (now_ms() >= t->due && make_key(t, t->turn + 1) < 0)
		log_line("no new key for session tickets: %s", openssl_error());
}

/**
 * tickets_setup() - make a context give tickets to clients
 * @ctx: of the client legs
 * @t: from tickets_new()
 */
void tickets_setup(SSL_CTX *ctx, struct tickets *t)
{
	SSL_CTX_set_app_data(ctx, t);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, choose_key);
	SSL_CTX_set_timeout(ctx, LIFETIME_S);
}

/**
 * tickets_bind() - let a connection resume only what was the same
 * @ssl: of the client leg
 * @c: the connection, the server's handshake done
 *
 * A ticket that was made in another context is not taken, and a full handshake follows. So
 * what the client proved to itself when it looked at a certificate stays true: the name, the
 * server and its certificate, and whether that verified, are those of then.
 *
 * Return: 0, or -1 when OpenSSL failed.
 */
int tickets_bind(SSL *ssl, const struct conn *c)
{
	uint8_t id[DIGEST_LEN];

	if (digest_of_answer(c, id) < 0)
		return -1;
	return SSL_set_session_id_context(ssl, id, sizeof(id)) == 1 ? 0 : -1;
}
