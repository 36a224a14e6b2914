// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Forged certificates by the digest of all they depend on; those used longest ago go. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/sha.h>

#include "kbumpd.h"

#define ENTRIES_MAX	1024
#define BUCKETS		512
/* Larger ones are rare, and a thousand of them would be much memory. */
#define CERT_MAX	8192

struct entry {
	LIST_ENTRY(entry) bucket;
	TAILQ_ENTRY(entry) age;
	uint8_t id[SHA256_DIGEST_LENGTH];
	X509 *cert;
	int64_t until;
};

LIST_HEAD(bucket, entry);

/**
 * struct cache - certificates
 *
 * @ages: the latest used first
 * @bucket: by their digest's first bytes, which nobody can choose at will
 * @count: number of entries
 */
struct cache {
	TAILQ_HEAD(ages, entry) ages;
	struct bucket bucket[BUCKETS];
	unsigned int count;
};

static struct bucket *bucket_of(struct cache *c, const uint8_t *id)
{
	return &c->bucket[(id[0] << 8 | id[1]) % BUCKETS];
}

static void drop(struct cache *c, struct entry *e)
{
	LIST_REMOVE(e, bucket);
	TAILQ_REMOVE(&c->ages, e, age);
	c->count--;
	X509_free(e->cert);
	free(e);
}

/**
 * cache_new() - make a cache
 *
 * Return: it, or NULL.
 */
struct cache *cache_new(void)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (c)
		TAILQ_INIT(&c->ages);
	return c;
}

/**
 * cache_free() - free it with all its entries
 * @c: from cache_new()
 */
void cache_free(struct cache *c)
{
	while (!TAILQ_EMPTY(&c->ages))
		drop(c, TAILQ_FIRST(&c->ages));
	free(c);
}

/**
 * cache_find() - look a certificate up
 * @c: the cache
 * @id: SHA-256 digest that it was added with
 *
 * Return: a reference of the caller's own, or NULL if there is none or its time is over.
 */
X509 *cache_find(struct cache *c, const uint8_t *id)
{
	struct entry *e;

	LIST_FOREACH(e, bucket_of(c, id), bucket) {
		if (memcmp(e->id, id, sizeof(e->id)))
			continue;
		if (e->until < time(NULL)) {
			drop(c, e);
			return NULL;
		}
		TAILQ_REMOVE(&c->ages, e, age);
		TAILQ_INSERT_HEAD(&c->ages, e, age);
		X509_up_ref(e->cert);
		return e->cert;
	}
	return NULL;
}

/**
 * cache_add() - keep a certificate, if there is memory for it
 * @c: the cache
 * @id: SHA-256 digest, not in the cache yet
 * @cert: it; the caller keeps its own reference
 * @until: how long it may be given, as time()
 */
void cache_add(struct cache *c, const uint8_t *id, X509 *cert, int64_t until)
{
	struct entry *e;

	if (i2d_X509(cert, NULL) > CERT_MAX)
		return;
	e = calloc(1, sizeof(*e));
	if (!e)
		return;
	if (c->count == ENTRIES_MAX)
		drop(c, TAILQ_LAST(&c->ages, ages));
	memcpy(e->id, id, sizeof(e->id));
	X509_up_ref(cert);
	e->cert = cert;
	e->until = until;
	LIST_INSERT_HEAD(bucket_of(c, id), e, bucket);
	TAILQ_INSERT_HEAD(&c->ages, e, age);
	c->count++;
}
