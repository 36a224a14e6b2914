// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a worker gets certificates from the signer: one request for all that wait for the same,
 * a signer that is started anew, answers that nobody waits for. The test plays the signer.
 * This runs kbumpd's own code, and needs no kernel module.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "../helper/kbumpd.h"
#include "../helper/signer.h"

#undef ARRAY_SIZE
#include "kselftest_harness.h"

#define DAY	86400L
#define HOUR	3600
#define CONNS	8
#define SERVERS	8

/* What a connection came to, in place of kbumpd's next stages. */
static unsigned int served;
static unsigned int refused;
static unsigned int shown;
static char why[256];

static X509 *servers[SERVERS];

void downstream_start(struct conn *c)
{
	c->stage = STAGE_DOWNSTREAM;
	served++;
}

void refuse(struct conn *c, enum kbump_reason reason, uint8_t alert, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	c->stage = STAGE_REFUSED;
	c->reason = alert ? reason : KBUMP_REASON_NONE;
	refused++;
}

/* Only its presence counts here. */
struct page {
	bool failed;
};

void page_handshake(struct conn *c)
{
	c->stage = STAGE_PAGE;
	shown++;
}

/* The rules want it closed. */
bool ask_fail(struct conn *c, enum kbump_cause cause)
{
	c->failed = cause;
	return false;
}

void connect_plain(struct conn *c)
{
	c->plain = true;
}

void page_fail(struct conn *c, const char *reason)
{
	(void)reason;
	c->page->failed = true;
}

struct session {
	struct worker worker;
	struct setup setup;
	int signer_fd;
	EVP_PKEY *server_key;
	struct issuer by;
	struct conn conn[CONNS];
	struct sign_request rq;
	struct sign_answer answer;
};

FIXTURE(forge) {
	struct session s;
};

FIXTURE_SETUP(forge)
{
	struct session *s = &self->s;
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	s->worker.setup = &s->setup;
	s->worker.base = event_base_new();
	s->worker.forge = forge_new(s->worker.base, pair[0]);
	ASSERT_NE(NULL, s->worker.forge);
	s->signer_fd = pair[1];
	s->server_key = EVP_EC_gen("P-256");
	/* Any authority will do. */
	ASSERT_EQ(0, issuer_make_untrusted(&s->by));
}

FIXTURE_TEARDOWN(forge)
{
	forge_free(self->s.worker.forge);
	event_base_free(self->s.worker.base);
}

static X509 *server_cert(struct session *s, int serial)
{
	X509 *cert = X509_new();

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(cert), DAY);
	X509_set_pubkey(cert, s->server_key);
	X509_add_ext(cert, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
					       "DNS:www.example.com,email:a@example.com"), -1);
	X509_sign(cert, s->server_key, EVP_sha256());
	return cert;
}

/* A client's SSL that has just finished its handshake with server @n. */
static SSL *server_leg(struct session *s, int n)
{
	SSL *client = SSL_new(SSL_CTX_new(TLS_client_method()));
	SSL *server = SSL_new(SSL_CTX_new(TLS_server_method()));
	BIO *one, *other;
	int i;

	BIO_new_bio_pair(&one, 0, &other, 0);
	SSL_set_bio(client, one, one);
	SSL_set_bio(server, other, other);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	if (!servers[n])
		servers[n] = server_cert(s, n);
	SSL_use_certificate(server, servers[n]);
	SSL_use_PrivateKey(server, s->server_key);
	for (i = 0; i < 10 && !SSL_is_init_finished(client); i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	return client;
}

/* Connection @n has come to @server. */
static struct conn *prepare(struct session *s, int n, int server)
{
	struct conn *c = &s->conn[n];

	memset(c, 0, sizeof(*c));
	c->worker = &s->worker;
	c->server_ssl = server_leg(s, server);
	c->version = TLS1_3_VERSION;
	c->hello.auth13 = AUTH_RSA | AUTH_ECDSA;
	c->verified = true;
	return c;
}

static void arrive(struct session *s, int n, int server)
{
	forge_start(prepare(s, n, server));
}

static ssize_t receive(struct session *s)
{
	memset(&s->rq, 0, sizeof(s->rq));
	return recv(s->signer_fd, &s->rq, sizeof(s->rq), MSG_DONTWAIT);
}

static bool asks_nothing(const struct session *s)
{
	return recv(s->signer_fd, NULL, 0, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

static void answer(struct session *s, size_t len)
{
	send(s->signer_fd, &s->answer, SIGN_ANSWER_HEAD + len, 0);
	event_base_loop(s->worker.base, EVLOOP_NONBLOCK);
}

/* The signer signs the latest request. */
static void sign(struct __test_metadata *_metadata, struct session *s, size_t len)
{
	uint8_t *out = s->answer.data;
	const char *reason;
	X509 *cert = issue(&s->by, &s->rq, len, &reason);

	ASSERT_NE(NULL, cert) TH_LOG("%s", reason);
	s->answer.number = s->rq.number;
	s->answer.signed_one = 1;
	answer(s, i2d_X509(cert, &out));
}

static void hello(struct session *s)
{
	s->answer.number = SIGN_NUMBER_HELLO;
	answer(s, 0);
}

TEST_F(forge, one_request_for_all_that_wait)
{
	struct session *s = &self->s;
	ssize_t len;
	int i;

	for (i = 0; i < 3; i++)
		arrive(s, i, 1);
	len = receive(s);
	ASSERT_LT(0, len);
	EXPECT_EQ(1, s->rq.verified);
	/* The host's name, and not the postman's. */
	EXPECT_EQ(17, s->rq.names_len);
	EXPECT_EQ(0, served);
	/* One of them goes away meanwhile. */
	forge_leave(&s->conn[1]);
	EXPECT_TRUE(asks_nothing(s));
	arrive(s, 3, 1);
	EXPECT_TRUE(asks_nothing(s));
}

TEST_F(forge, an_answer_serves_all_and_those_that_come_later)
{
	struct session *s = &self->s;
	ssize_t len;
	int i;

	for (i = 0; i < 3; i++)
		arrive(s, i, 1);
	len = receive(s);
	forge_leave(&s->conn[1]);
	sign(_metadata, s, len);
	EXPECT_EQ(2, served);
	EXPECT_EQ(STAGE_FORGE, s->conn[1].stage);
	EXPECT_EQ(1, X509_check_private_key(s->conn[0].leaf, s->conn[0].leaf_key));
	arrive(s, 3, 1);
	EXPECT_EQ(3, served);
	EXPECT_EQ(s->conn[0].leaf, s->conn[3].leaf);
	EXPECT_TRUE(asks_nothing(s));
	/* The same answer once more is nobody's. */
	send(s->signer_fd, &s->answer, SIGN_ANSWER_HEAD + 1, 0);
	event_base_loop(s->worker.base, EVLOOP_NONBLOCK);
	EXPECT_EQ(3, served);
	EXPECT_EQ(0, refused);
}

TEST_F(forge, verdict_and_kind_of_key_and_chain_make_a_difference)
{
	struct session *s = &self->s;
	struct conn *c;
	ssize_t len;

	arrive(s, 0, 1);
	len = receive(s);
	sign(_metadata, s, len);
	/* Another certificate of the same server. */
	arrive(s, 1, 2);
	ASSERT_LT(0, receive(s));
	/* The same, with another verdict. */
	c = prepare(s, 2, 1);
	c->verified = false;
	forge_start(c);
	len = receive(s);
	ASSERT_LT(0, len);
	EXPECT_EQ(0, s->rq.verified);
	/* The same, for a client that takes RSA alone. */
	c = prepare(s, 3, 1);
	c->version = TLS1_2_VERSION;
	c->hello.auth12 = AUTH_RSA;
	forge_start(c);
	len = receive(s);
	ASSERT_LT(0, len);
	sign(_metadata, s, len);
	EXPECT_EQ(2, served);
	EXPECT_EQ(EVP_PKEY_RSA, EVP_PKEY_get_base_id(X509_get0_pubkey(c->leaf)));
}

/* Connection @n is to get a page for server @name. */
static struct conn *blocked(struct session *s, int n, struct page *p, const char *name)
{
	struct conn *c = prepare(s, n, 1);

	SSL_free(c->server_ssl);
	c->server_ssl = NULL;
	c->verified = false;
	c->page = p;
	c->server.in.sin_family = AF_INET;
	c->server.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	snprintf(c->hello.sni, sizeof(c->hello.sni), "%s", name);
	forge_start(c);
	return c;
}

TEST_F(forge, a_page_is_signed_for_a_name_without_a_server)
{
	static const uint8_t name[] = "\x02\x0fwww.example.com";
	struct session *s = &self->s;
	struct page p = {};
	struct conn *c = blocked(s, 0, &p, "www.example.com");
	ssize_t len = receive(s);
	int64_t now = time(NULL);

	ASSERT_LT(0, len);
	EXPECT_EQ(1, s->rq.verified);
	EXPECT_GE(now - HOUR, s->rq.from);
	EXPECT_LE(now + HOUR, s->rq.to);
	EXPECT_EQ(3 * HOUR, s->rq.to - s->rq.from);
	ASSERT_EQ(sizeof(name) - 1, s->rq.names_len);
	EXPECT_EQ(0, memcmp(name, s->rq.data + s->rq.key_len + s->rq.subject_len,
			    sizeof(name) - 1));
	sign(_metadata, s, len);
	EXPECT_EQ(1, shown);
	EXPECT_EQ(0, served);
	EXPECT_EQ(1, X509_check_private_key(c->leaf, c->leaf_key));
	EXPECT_EQ(1, X509_check_host(c->leaf, "www.example.com", 0, 0, NULL));
	blocked(s, 1, &p, "www.example.com");
	EXPECT_EQ(2, shown);
	EXPECT_TRUE(asks_nothing(s));
	/* Nobody takes it for what is forged after the server's own. */
	arrive(s, 2, 1);
	EXPECT_LT(0, receive(s));
	EXPECT_EQ(0, served);
}

/* What the client calls the server is not proved: it is the name of one host, or nothing. */
TEST_F(forge, a_page_without_a_host_name_is_signed_for_the_address)
{
	static const uint8_t address[] = { GEN_IPADD, 4, 127, 0, 0, 1 };
	static const char *const names[] = { "", "*.com", "<b>", "a,DNS:b" };
	struct session *s = &self->s;
	struct page p = {};
	size_t i;

	blocked(s, 0, &p, names[0]);
	ASSERT_LT(0, receive(s));
	ASSERT_EQ(sizeof(address), s->rq.names_len);
	EXPECT_EQ(0, memcmp(address, s->rq.data + s->rq.key_len + s->rq.subject_len,
			    sizeof(address)));
	for (i = 1; i < ARRAY_SIZE(names); i++) {
		blocked(s, i, &p, names[i]);
		EXPECT_TRUE(asks_nothing(s)) TH_LOG("%s", names[i]);
	}
	s->answer.number = s->rq.number;
	memcpy(s->answer.data, "not today", 9);
	answer(s, 9);
	EXPECT_TRUE(p.failed);
	EXPECT_EQ(0, refused);
}

TEST_F(forge, a_new_signer_is_asked_again)
{
	struct session *s = &self->s;
	uint64_t number;
	ssize_t len;

	arrive(s, 0, 1);
	ASSERT_LT(0, receive(s));
	number = s->rq.number;
	hello(s);
	len = receive(s);
	ASSERT_LT(0, len);
	EXPECT_EQ(number, s->rq.number);
	sign(_metadata, s, len);
	EXPECT_EQ(1, served);
	/* Nothing is left to be asked. */
	hello(s);
	EXPECT_TRUE(asks_nothing(s));
}

TEST_F(forge, no_more_at_a_time_than_the_window)
{
	struct session *s = &self->s;
	ssize_t len = 0;
	int i;

	for (i = 0; i <= SIGN_WINDOW; i++)
		arrive(s, i, i + 1);
	for (i = 0; i < SIGN_WINDOW; i++) {
		len = receive(s);
		ASSERT_LT(0, len);
	}
	EXPECT_TRUE(asks_nothing(s));
	sign(_metadata, s, len);
	EXPECT_LT(0, receive(s));
	EXPECT_TRUE(asks_nothing(s));
}

TEST_F(forge, a_refusal_is_passed_on)
{
	struct session *s = &self->s;

	arrive(s, 0, 1);
	arrive(s, 1, 1);
	ASSERT_LT(0, receive(s));
	s->answer.number = s->rq.number;
	memcpy(s->answer.data, "not today", 9);
	answer(s, 9);
	EXPECT_EQ(2, refused);
	EXPECT_NE(NULL, strstr(why, "not today"));
	EXPECT_EQ(KBUMP_REASON_INTERNAL, s->conn[0].reason);
	/* It is asked anew for the next one. */
	arrive(s, 2, 1);
	EXPECT_LT(0, receive(s));
}

TEST_F(forge, answers_that_are_none_are_refused)
{
	struct session *s = &self->s;
	EVP_PKEY *other = EVP_EC_gen("P-256");
	uint8_t der[SIGN_KEY_MAX], *out = der;
	ssize_t len;

	arrive(s, 0, 1);
	ASSERT_LT(0, receive(s));
	s->answer.number = s->rq.number;
	s->answer.signed_one = 1;
	answer(s, 100);
	EXPECT_EQ(1, refused);
	/* A certificate for another key. */
	arrive(s, 1, 1);
	len = receive(s);
	ASSERT_EQ(s->rq.key_len, i2d_PUBKEY(other, &out));
	memcpy(s->rq.data, der, s->rq.key_len);
	sign(_metadata, s, len);
	EXPECT_EQ(2, refused);
	EXPECT_EQ(0, served);
}

TEST(the_cache_gives_nothing_after_its_end)
{
	struct cache *c = cache_new();
	X509 *cert = X509_new(), *found;
	uint8_t id[32] = "a", late[32] = "b";

	X509_set_version(cert, X509_VERSION_3);
	cache_add(c, id, cert, time(NULL) + 1000);
	cache_add(c, late, cert, time(NULL) - 1);
	found = cache_find(c, id);
	EXPECT_EQ(cert, found);
	EXPECT_EQ(NULL, cache_find(c, late));
	EXPECT_EQ(NULL, cache_find(c, late));
	cache_free(c);
}

TEST(the_cache_is_bounded)
{
	struct cache *c = cache_new();
	X509 *cert = X509_new();
	uint8_t id[32] = "";
	unsigned int i, found = 0;

	for (i = 0; i < 5000; i++) {
		memcpy(id, &i, sizeof(i));
		cache_add(c, id, cert, INT64_MAX);
	}
	for (i = 0; i < 5000; i++) {
		memcpy(id, &i, sizeof(i));
		found += !!cache_find(c, id);
	}
	EXPECT_EQ(1024, found);
	cache_free(c);
}

TEST_HARNESS_MAIN
