// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The fourth stage: a certificate in the server's name. The signer makes it; here are the
 * keys that it is for, and the jobs that are with the signer or wait for it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "kbumpd.h"
#include "signer.h"

/*
 * What the box signs to speak for itself holds from an hour before the present hour, for clients
 * whose clock is slow, to an hour after it.
 */
#define HOUR		3600

/* Certificates that are awaited at a time, and for how long. */
#define JOBS_MAX	256
#define JOB_MS		20000

/**
 * struct job - one certificate that the signer is to make
 *
 * @link: in the list of all, the oldest first
 * @forge: of this
 * @id: digest of all that it depends on
 * @key: it is for this one
 * @sent: the signer has the request
 * @waiting: the connections that it is for; may be empty, when they have all gone
 * @timer: the signer has had its time
 * @len: bytes of @request, which is cut to them
 * @request: what is sent
 */
struct job {
	TAILQ_ENTRY(job) link;
	struct forge *forge;
	uint8_t id[SHA256_DIGEST_LENGTH];
	EVP_PKEY *key;
	bool sent;
	LIST_HEAD(, conn) waiting;
	struct event timer;
	size_t len;
	struct sign_request request;
};

TAILQ_HEAD(jobs, job);

/**
 * struct forge - a worker's side of the signing
 *
 * @base: the event loop
 * @fd: to the signer
 * @event: there is an answer
 * @rsa: key of all forged certificates of that kind
 * @ecdsa: the same
 * @cache: certificates that were made
 * @jobs: those that are awaited
 * @count: how many
 * @sent: how many of them the signer has
 * @number: of the latest request; the first is random, so that answers to a worker that was
 *	here before are nobody's
 * @answer: scratch memory for answers
 */
struct forge {
	struct event_base *base;
	int fd;
	struct event event;
	EVP_PKEY *rsa;
	EVP_PKEY *ecdsa;
	struct cache *cache;
	struct jobs jobs;
	unsigned int count;
	unsigned int sent;
	uint64_t number;
	struct sign_answer answer;
};

/* ---- jobs */

static void send_jobs(struct forge *f)
{
	struct job *j;

	TAILQ_FOREACH(j, &f->jobs, link) {
		if (f->sent == SIGN_WINDOW)
			return;
		if (j->sent)
			continue;
		/* A full socket has answers for us behind it, which come here again. */
		if (send(f->fd, &j->request, j->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return;
		j->sent = true;
		f->sent++;
	}
}

static void unlink_job(struct job *j)
{
	struct forge *f = j->forge;

	TAILQ_REMOVE(&f->jobs, j, link);
	f->count--;
	f->sent -= j->sent;
	evtimer_del(&j->timer);
}

/* One for a server that did not verify may be too old already, and is as good as it was. */
static int64_t usable_until(const struct job *j, const X509 *cert)
{
	struct tm tm;

	if (!j->request.verified)
		return INT64_MAX;
	return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 ? timegm(&tm) : 0;
}

static void leaf_is_there(struct conn *c)
{
	if (c->page)
		page_handshake(c);
	else
		downstream_start(c);
}

static void no_leaf(struct conn *c, const char *why)
{
	if (c->page)
		page_fail(c, why);
	else if (ask_fail(c, KBUMP_CAUSE_INTERNAL))
		connect_plain(c);
	else
		refuse(c, KBUMP_REASON_INTERNAL, ALERT_INTERNAL_ERROR,
		       "no certificate for the client: %s", why);
}

/* Ends a job with a certificate, or without one and the reason. */
static void end_job(struct job *j, X509 *cert, const char *why)
{
	struct conn *c;

	unlink_job(j);
	if (cert)
		cache_add(j->forge->cache, j->id, cert, usable_until(j, cert));
	while ((c = LIST_FIRST(&j->waiting))) {
		forge_leave(c);
		if (cert && X509_up_ref(cert) == 1) {
			c->leaf = cert;
			leaf_is_there(c);
		} else {
			no_leaf(c, why);
		}
	}
	free(j);
}

static void on_job_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;
	struct forge *f = j->forge;

	(void)fd;
	(void)what;
	end_job(j, NULL, "the signer does not answer");
	send_jobs(f);
}

static struct job *find_job(const struct forge *f, const uint8_t *id)
{
	struct job *j;

	TAILQ_FOREACH(j, &f->jobs, link)
		if (!memcmp(j->id, id, sizeof(j->id)))
			return j;
	return NULL;
}

static struct job *add_job(struct forge *f, const uint8_t *id, const struct sign_request *rq,
			   size_t len)
{
	struct job *j = calloc(1, offsetof(struct job, request) + len);
	struct timeval t = ms_to_timeval(JOB_MS);

	if (!j)
		return NULL;
	j->forge = f;
	memcpy(j->id, id, sizeof(j->id));
	memcpy(&j->request, rq, len);
	j->len = len;
	LIST_INIT(&j->waiting);
	evtimer_assign(&j->timer, f->base, on_job_timeout, j);
	evtimer_add(&j->timer, &t);
	TAILQ_INSERT_TAIL(&f->jobs, j, link);
	f->count++;
	return j;
}

/* ---- answers */

static void signer_is_new(struct forge *f)
{
	struct job *j;

	TAILQ_FOREACH(j, &f->jobs, link)
		j->sent = false;
	f->sent = 0;
}

static void take_certificate(struct job *j, const uint8_t *der, size_t len)
{
	X509 *cert = d2i_X509(NULL, &der, len);

	if (cert && X509_check_private_key(cert, j->key) == 1)
		end_job(j, cert, NULL);
	else
		end_job(j, NULL, "the signer's answer is none");
	X509_free(cert);
}

static void take_answer(struct forge *f, size_t len)
{
	struct sign_answer *a = &f->answer;
	struct job *j;

	TAILQ_FOREACH(j, &f->jobs, link)
		if (j->sent && j->request.number == a->number)
			break;
	if (!j)
		return;
	if (a->signed_one)
		return take_certificate(j, a->data, len);
	a->data[len < SIGN_ANSWER_MAX ? len : SIGN_ANSWER_MAX - 1] = '\0';
	end_job(j, NULL, (const char *)a->data);
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct forge *f = arg;
	ssize_t len = recv(fd, &f->answer, sizeof(f->answer), MSG_DONTWAIT);

	(void)what;
	if (len < (ssize_t)SIGN_ANSWER_HEAD)
		return;
	ERR_clear_error();
	if (f->answer.number == SIGN_NUMBER_HELLO)
		signer_is_new(f);
	else
		take_answer(f, len - SIGN_ANSWER_HEAD);
	send_jobs(f);
}

/* ---- requests */

static uint8_t kind_of(const X509 *server)
{
	int id = EVP_PKEY_get_base_id(X509_get0_pubkey(server));

	return id == EVP_PKEY_RSA || id == EVP_PKEY_RSA_PSS ? AUTH_RSA : AUTH_ECDSA;
}

/* That kind of key, unless the client can only do with the other one. */
static uint8_t choose_kind(uint8_t kind, uint8_t usable)
{
	return usable && !(usable & kind) ? usable : kind;
}

/* The whole chain, as a verdict depends on all of it. */
static int identify(const STACK_OF(X509) *chain, uint8_t kind, bool verified, uint8_t *id)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t head[2] = { kind, verified }, one[SHA256_DIGEST_LENGTH];
	int i, ok;

	ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	     EVP_DigestUpdate(ctx, head, sizeof(head)) == 1;
	for (i = 0; ok && i < sk_X509_num(chain); i++)
		ok = X509_digest(sk_X509_value(chain, i), EVP_sha256(), one, NULL) == 1 &&
		     EVP_DigestUpdate(ctx, one, sizeof(one)) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, id, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

/* One host and no wildcard: it is the client who says the name, and nobody has proved it. */
static bool is_one_host(const char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:";

	return *name && !name[strspn(name, allowed)];
}

static const char *host_of(const struct conn *c, char *buf)
{
	return is_one_host(c->hello.sni) ? c->hello.sni : address_host(&c->server, buf);
}

static int64_t this_hour(void)
{
	int64_t now = time(NULL);

	return now - now % HOUR;
}

/* The name, and the hour that its dates follow from. */
static int identify_host(const char *host, uint8_t kind, uint8_t *id)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int64_t hour = this_hour();
	/* Unlike any that identify() begins with. */
	uint8_t head[2] = { kind, UINT8_MAX };
	int ok;

	ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	     EVP_DigestUpdate(ctx, head, sizeof(head)) == 1 &&
	     EVP_DigestUpdate(ctx, &hour, sizeof(hour)) == 1 &&
	     EVP_DigestUpdate(ctx, host, strlen(host)) == 1 &&
	     EVP_DigestFinal_ex(ctx, id, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

static const char *fill(struct sign_request *rq, const struct conn *c)
{
	char host[ADDRESS_TEXT];

	if (!c->page) {
		rq->verified = c->verified;
		return request_fill(rq, c->leaf_key, SSL_get0_peer_certificate(c->server_ssl));
	}
	rq->verified = true;
	return request_fill_host(rq, c->leaf_key, host_of(c, host), this_hour() - HOUR,
				 this_hour() + 2 * HOUR);
}

static const char *order(struct conn *c, const uint8_t *id)
{
	static struct sign_request rq;
	struct forge *f = c->worker->forge;
	const char *why;
	struct job *j;

	if (f->count == JOBS_MAX)
		return "too many of them are awaited";
	memset(&rq, 0, SIGN_REQUEST_HEAD);
	why = fill(&rq, c);
	if (why)
		return why;
	if (++f->number == SIGN_NUMBER_HELLO)
		f->number++;
	rq.number = f->number;
	j = add_job(f, id, &rq, SIGN_REQUEST_HEAD + rq.key_len + rq.subject_len + rq.names_len);
	if (!j)
		return "out of memory";
	j->key = c->leaf_key;
	c->job = j;
	send_jobs(f);
	return NULL;
}

static uint8_t usable_keys(const struct conn *c)
{
	return c->version == TLS1_3_VERSION ? c->hello.auth13 : c->hello.auth12;
}

/* From the cache, or from a job that the connection then waits for. */
static const char *find(struct conn *c, const uint8_t *id)
{
	struct forge *f = c->worker->forge;
	const char *why = NULL;

	c->leaf = cache_find(f->cache, id);
	if (c->leaf)
		return NULL;
	c->job = find_job(f, id);
	if (!c->job)
		why = order(c, id);
	if (c->job)
		LIST_INSERT_HEAD(&c->job->waiting, c, waiting);
	return why;
}

static void use_key(struct conn *c, uint8_t kind)
{
	c->leaf_key = kind == AUTH_RSA ? c->worker->forge->rsa : c->worker->forge->ecdsa;
}

/* Like the server's. */
static const char *get(struct conn *c)
{
	const X509 *server = SSL_get0_peer_certificate(c->server_ssl);
	uint8_t id[SHA256_DIGEST_LENGTH], kind;
	const struct identity *known;

	if (!server)
		return "the server has none";
	kind = choose_kind(kind_of(server), usable_keys(c));
	known = c->verified ? identity_find(c, kind, usable_keys(c)) : NULL;
	if (known) {
		identity_use(c, known);
		return NULL;
	}
	c->forged = c->verified;
	/* The authority that nobody trusts has no chain. */
	c->leaf_chain = c->verified ? c->worker->setup->ca.chain : NULL;
	use_key(c, kind);
	if (identify(SSL_get_peer_cert_chain(c->server_ssl), kind, c->verified, id) < 0)
		return openssl_error();
	return find(c, id);
}

/* For what the box says itself, whether there is a server or not. */
static const char *get_for_page(struct conn *c)
{
	uint8_t id[SHA256_DIGEST_LENGTH], kind = choose_kind(AUTH_ECDSA, usable_keys(c));
	char host[ADDRESS_TEXT];

	c->leaf_chain = c->worker->setup->ca.chain;
	use_key(c, kind);
	if (identify_host(host_of(c, host), kind, id) < 0)
		return openssl_error();
	return find(c, id);
}

/**
 * forge_start() - get a certificate in the server's name, and go on with it
 * @c: the connection, with the server's handshake done, or with a page for its client
 *
 * All connections of a worker that want the same certificate wait for one job.
 */
void forge_start(struct conn *c)
{
	const char *why;

	c->stage = STAGE_FORGE;
	ERR_clear_error();
	why = c->page ? get_for_page(c) : get(c);
	if (why)
		no_leaf(c, why);
	else if (c->leaf)
		leaf_is_there(c);
}

/**
 * forge_leave() - wait no more
 * @c: the connection; it need not wait
 */
void forge_leave(struct conn *c)
{
	if (c->job)
		LIST_REMOVE(c, waiting);
	c->job = NULL;
}

/**
 * forge_timeout() - the time for the whole handshake is over
 * @c: the connection
 */
void forge_timeout(struct conn *c)
{
	forge_leave(c);
	if (c->page)
		page_fail(c, "time-out while its certificate is signed");
	else
		refuse(c, KBUMP_REASON_TIMEOUT, ALERT_INTERNAL_ERROR,
		       "time-out while its certificate is signed");
}

/**
 * forge_new() - make keys, an empty cache, and listen to the signer
 * @base: the event loop
 * @signer_fd: to the signer
 *
 * Return: it, or NULL.
 */
struct forge *forge_new(struct event_base *base, int signer_fd)
{
	struct forge *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->base = base;
	f->fd = signer_fd;
	TAILQ_INIT(&f->jobs);
	event_assign(&f->event, base, f->fd, EV_READ | EV_PERSIST, on_answer, f);
	f->rsa = EVP_RSA_gen(LEAF_RSA_BITS);
	f->ecdsa = EVP_EC_gen("P-256");
	f->cache = cache_new();
	if (f->rsa && f->ecdsa && f->cache &&
	    RAND_bytes((uint8_t *)&f->number, sizeof(f->number)) == 1 &&
	    !event_add(&f->event, NULL))
		return f;
	forge_free(f);
	return NULL;
}

/**
 * forge_free() - erase the keys, free all
 * @f: from forge_new(); no connection waits any more
 */
void forge_free(struct forge *f)
{
	struct job *j;

	event_del(&f->event);
	while ((j = TAILQ_FIRST(&f->jobs))) {
		unlink_job(j);
		free(j);
	}
	EVP_PKEY_free(f->rsa);
	EVP_PKEY_free(f->ecdsa);
	if (f->cache)
		cache_free(f->cache);
	free(f);
}
