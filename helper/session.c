// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sessions with servers, to be resumed by the next connection that is offered the same. Each
 * is used once at a time: who takes it gives it back, or a newer one, when it has worked.
 *
 * In TLS 1.3 a server sends them after the handshake, when the kernel would drop them. Those
 * that have come by the time when the client's handshake is over are read here before; so
 * the server leg gets its kTLS keys only then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "kbumpd.h"

#define SESSIONS_MAX	512
#define BUCKETS		256
/* A certificate is believed for so long without another look at it. */
#define AGE_MAX_MS	3600000
#define SWEEP_MS	60000

#define RECORD_HEADER	5
/* What TLS 1.3 adds to a record without padding: content type and tag. */
#define RECORD_EXTRA	(1 + 16)

struct entry {
	LIST_ENTRY(entry) bucket;
	TAILQ_ENTRY(entry) age;
	uint8_t id[DIGEST_LEN];
	SSL_SESSION *session;
	uint64_t verified;
};

LIST_HEAD(bucket, entry);

/**
 * struct sessions - a worker's sessions with servers
 *
 * @ages: the latest added first
 * @bucket: by the first bytes of their identity
 * @count: number of entries
 * @sweep: drops those that are too old, while there are any
 */
struct sessions {
	TAILQ_HEAD(ages, entry) ages;
	struct bucket bucket[BUCKETS];
	unsigned int count;
	struct event sweep;
};

static void drop(struct sessions *s, struct entry *e)
{
	LIST_REMOVE(e, bucket);
	TAILQ_REMOVE(&s->ages, e, age);
	s->count--;
	SSL_SESSION_free(e->session);
	free(e);
}

static void sweep_later(struct sessions *s)
{
	struct timeval t = ms_to_timeval(SWEEP_MS);

	if (s->count && !evtimer_pending(&s->sweep, NULL))
		evtimer_add(&s->sweep, &t);
}

static bool is_old(const struct entry *e)
{
	return now_ms() - e->verified >= AGE_MAX_MS;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct sessions *s = arg;
	struct entry *e, *next;

	(void)fd;
	(void)what;
	for (e = TAILQ_FIRST(&s->ages); e; e = next) {
		next = TAILQ_NEXT(e, age);
		if (is_old(e))
			drop(s, e);
	}
	sweep_later(s);
}

/**
 * sessions_new() - make an empty store
 * @base: the worker's event loop
 *
 * Return: it, or NULL.
 */
struct sessions *sessions_new(struct event_base *base)
{
	struct sessions *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	TAILQ_INIT(&s->ages);
	evtimer_assign(&s->sweep, base, on_sweep, s);
	return s;
}

/**
 * sessions_drop() - forget all sessions, as others are trusted now
 * @s: from sessions_new()
 */
void sessions_drop(struct sessions *s)
{
	while (!TAILQ_EMPTY(&s->ages))
		drop(s, TAILQ_FIRST(&s->ages));
}

/**
 * sessions_free() - erase all sessions
 * @s: from sessions_new()
 */
void sessions_free(struct sessions *s)
{
	evtimer_del(&s->sweep);
	sessions_drop(s);
	free(s);
}

static bool is_expired(SSL_SESSION *session)
{
	const X509 *cert = SSL_SESSION_get0_peer(session);

	return !cert || X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0;
}

static struct entry *find(const struct sessions *s, const uint8_t *id)
{
	struct entry *e;

	LIST_FOREACH(e, &s->bucket[id[0] % BUCKETS], bucket)
		if (!memcmp(e->id, id, sizeof(e->id)) && !is_old(e) && !is_expired(e->session))
			return e;
	return NULL;
}

/* Takes over the reference. */
static void add(const struct conn *c, const uint8_t *id, SSL_SESSION *session)
{
	struct sessions *s = c->worker->sessions;
	struct entry *e = calloc(1, sizeof(*e));

	if (!e) {
		SSL_SESSION_free(session);
		return;
	}
	if (s->count == SESSIONS_MAX)
		drop(s, TAILQ_LAST(&s->ages, ages));
	memcpy(e->id, id, sizeof(e->id));
	e->session = session;
	e->verified = c->verified_at;
	LIST_INSERT_HEAD(&s->bucket[id[0] % BUCKETS], e, bucket);
	TAILQ_INSERT_HEAD(&s->ages, e, age);
	s->count++;
	sweep_later(s);
}

/* Keep the session, if it can be resumed and its server was verified. */
static void keep(const struct conn *c)
{
	SSL_SESSION *session = SSL_get1_session(c->server_ssl);
	uint8_t id[DIGEST_LEN];

	if (session && SSL_SESSION_is_resumable(session) &&
	    c->cert == KBUMP_CERT_OK && !c->client_cert_wanted && !digest_of_offer(c, id))
		add(c, id, session);
	else
		SSL_SESSION_free(session);
}

/**
 * session_resume() - offer the server a session, if there is one
 * @c: the connection, about to begin the server's handshake
 *
 * The same server was asked for the same name when its certificate was verified, at most
 * AGE_MAX_MS ago: nothing is believed now that was not then.
 */
void session_resume(struct conn *c)
{
	struct sessions *s = c->worker->sessions;
	uint8_t id[DIGEST_LEN];
	struct entry *e;

	c->verified_at = now_ms();
	if (digest_of_offer(c, id) < 0)
		return;
	e = find(s, id);
	if (!e)
		return;
	/* Without success it is as if there had been none. */
	if (SSL_set_session(c->ssl, e->session) == 1)
		c->resumes = e->verified;
	drop(s, e);
}

/**
 * session_start() - the server's handshake is done
 * @c: the connection; its handshake goes from @ssl to @server_ssl
 */
void session_start(struct conn *c)
{
	c->server_ssl = c->ssl;
	c->ssl = NULL;
	c->server_secrets = c->secrets;
	OPENSSL_cleanse(&c->secrets, sizeof(c->secrets));
	SSL_set_app_data(c->server_ssl, &c->server_secrets);
	if (SSL_session_reused(c->server_ssl))
		c->verified_at = c->resumes;
	if (c->version != TLS1_3_VERSION)
		keep(c);
}

/* Size of the first record, 0 if it is not whole. */
static size_t record_size(const uint8_t *p, size_t len)
{
	size_t size;

	if (len < RECORD_HEADER)
		return 0;
	size = RECORD_HEADER + (p[3] << 8 | p[4]);
	return size <= len ? size : 0;
}

/*
 * OpenSSL gets one record. It is ours if whole tickets were all that was in it: a message
 * that goes on in the next record, data, or an alert are for the kernel.
 */
static bool is_tickets(struct conn *c, BIO *in, const uint8_t *record, size_t size)
{
	SSL *ssl = c->server_ssl;
	struct secrets *s = &c->server_secrets;
	uint64_t records = s->server_records;
	uint8_t data;
	int ret;

	s->tickets = 0;
	ERR_clear_error();
	if (BIO_write(in, record, size) == (int)size) {
		ret = SSL_read(ssl, &data, 1);
		if (ret <= 0 && SSL_get_error(ssl, ret) == SSL_ERROR_WANT_READ &&
		    s->tickets && size == RECORD_HEADER + s->tickets + RECORD_EXTRA)
			return true;
	}
	s->server_records = records;
	return false;
}

/* OpenSSL sees copies, and what it might answer goes nowhere. */
static BIO *detach_bio(SSL *ssl)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_null());

	if (!in || !out) {
		BIO_free(in);
		BIO_free(out);
		return NULL;
	}
	SSL_set0_rbio(ssl, in);
	SSL_set0_wbio(ssl, out);
	return in;
}

static int read_tickets(struct conn *c)
{
	uint8_t *buffer = c->worker->buffer;
	ssize_t len = recv(c->server_fd, buffer, sizeof(c->worker->buffer),
			   MSG_PEEK | MSG_DONTWAIT);
	size_t at = 0, size;
	BIO *in;

	if (len <= 0)
		return 0;
	in = detach_bio(c->server_ssl);
	if (!in)
		return -ENOMEM;
	while ((size = record_size(buffer + at, len - at)) &&
	       is_tickets(c, in, buffer + at, size)) {
		at += size;
		keep(c);
	}
	if (at && recv(c->server_fd, buffer, at, MSG_DONTWAIT) != (ssize_t)at)
		return -EPROTO;
	return 0;
}

/**
 * session_end() - the client's handshake is done too: the server leg goes to the kernel
 * @c: the connection
 *
 * Return: 0 or a negative errno, as ktls_start().
 */
int session_end(struct conn *c)
{
	int err = ktls_check(c->server_ssl);

	if (!err && c->version == TLS1_3_VERSION)
		err = read_tickets(c);
	return err ? err : ktls_start(c->server_fd, c->server_ssl, &c->server_leg_secrets);
}
