// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a worker that has been taken over could do: ask the signer for what it must not sign,
 * and call what the filter forbids. This runs kbumpd's own code, and needs no kernel module.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../helper/kbumpd.h"
#include "../helper/signer.h"

#undef ARRAY_SIZE
#include "kselftest_harness.h"

#define DAY	86400L

static const uint8_t names[] = "\x02\x0fwww.example.com\x02\x0d*.example.org\x07\x04\x0a\x02\0\x02";

struct session {
	struct setup setup;
	struct ca_key source;
	char file[64];
	pid_t pid;
	int fd;
	int life_fd;
	int64_t ca_from;
	int64_t ca_to;
	EVP_PKEY *leaf_key;
	struct sign_request rq;
	size_t len;
	struct sign_answer answer;
};

FIXTURE(signer) {
	struct session s;
};

static X509 *make_authority(EVP_PKEY *key, int64_t from, int64_t to)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509V3_CTX ctx;

	X509_set_version(cert, X509_VERSION_3);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"test", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	ASN1_TIME_set(X509_getm_notBefore(cert), from);
	ASN1_TIME_set(X509_getm_notAfter(cert), to);
	X509_set_pubkey(cert, key);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509_add_ext(cert, X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints,
					       "critical,CA:TRUE"), -1);
	X509_add_ext(cert, X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_key_identifier, "hash"), -1);
	X509_sign(cert, key, EVP_sha384());
	return cert;
}

static int write_key(char *file, const EVP_PKEY *key)
{
	int fd = mkstemp(file);
	FILE *f = fdopen(fd, "w");

	return f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && !fclose(f) ?
	       0 : -1;
}

static bool become_ready(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 1;
}

FIXTURE_SETUP(signer)
{
	EVP_PKEY *key = EVP_EC_gen("P-384");
	int pair[2], life[2], ready[2];

	self->s.ca_from = time(NULL) - 10 * DAY;
	self->s.ca_to = time(NULL) + 10 * DAY;
	self->s.setup.ca.cert = make_authority(key, self->s.ca_from, self->s.ca_to);
	self->s.setup.ca_key = &self->s.source;
	snprintf(self->s.file, sizeof(self->s.file), "/tmp/kbump-signer.XXXXXX");
	ASSERT_EQ(0, write_key(self->s.file, key));
	ASSERT_EQ(0, ca_key_open(&self->s.source, self->s.file, NULL));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	ASSERT_EQ(0, pipe(life));
	ASSERT_EQ(0, pipe(ready));
	self->s.pid = fork();
	if (!self->s.pid) {
		close(life[1]);
		close(ready[0]);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(signer_run(&self->s.setup, &pair[1], 1, life[0], ready[1]) ? 1 : 0);
	}
	close(ready[1]);
	ASSERT_TRUE(become_ready(ready[0]));
	self->s.fd = pair[0];
	self->s.life_fd = life[1];
	self->s.leaf_key = EVP_EC_gen("P-256");
	ASSERT_LT(0, recv(self->s.fd, &self->s.answer, sizeof(self->s.answer), 0));
	ASSERT_EQ(SIGN_NUMBER_HELLO, self->s.answer.number);
}

FIXTURE_TEARDOWN(signer)
{
	int status;

	unlink(self->s.file);
	close(self->s.life_fd);
	EXPECT_EQ(self->s.pid, waitpid(self->s.pid, &status, 0));
	EXPECT_EQ(0, status);
}

static void add_part(struct sign_request *rq, uint16_t *len, const void *data, size_t size)
{
	memcpy(rq->data + rq->key_len + rq->subject_len + rq->names_len, data, size);
	*len = size;
}

/* A request as a worker makes it, but for what the arguments say. */
static void fill(struct __test_metadata *_metadata, struct session *s, EVP_PKEY *key,
		 const void *alternative, size_t size)
{
	static const uint8_t subject[] = "\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01w";
	struct sign_request *rq = &s->rq;
	uint8_t der[SIGN_KEY_MAX], *end = der;

	ASSERT_LT(0, i2d_PUBKEY(key, &end));
	memset(rq, 0, sizeof(*rq));
	rq->number = 77;
	rq->verified = 1;
	rq->from = time(NULL) - DAY;
	rq->to = time(NULL) + DAY;
	add_part(rq, &rq->key_len, der, end - der);
	add_part(rq, &rq->subject_len, subject, sizeof(subject) - 1);
	add_part(rq, &rq->names_len, alternative, size);
	s->len = SIGN_REQUEST_HEAD + rq->key_len + rq->subject_len + rq->names_len;
}

static void fill_good(struct __test_metadata *_metadata, struct session *s)
{
	fill(_metadata, s, s->leaf_key, names, sizeof(names) - 1);
}

/* Returns the certificate, or NULL with the reason in the answer. */
static X509 *ask(struct __test_metadata *_metadata, struct session *s)
{
	const uint8_t *der = s->answer.data;
	ssize_t len;

	memset(&s->answer, 0, sizeof(s->answer));
	ASSERT_EQ((ssize_t)s->len, send(s->fd, &s->rq, s->len, 0));
	len = recv(s->fd, &s->answer, sizeof(s->answer), 0);
	ASSERT_LE((ssize_t)SIGN_ANSWER_HEAD, len);
	EXPECT_EQ(s->rq.number, s->answer.number);
	if (s->answer.signed_one)
		return d2i_X509(NULL, &der, len - SIGN_ANSWER_HEAD);
	EXPECT_LT((ssize_t)SIGN_ANSWER_HEAD, len);
	return NULL;
}

static int64_t seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : -1;
}

static void expect_leaf(struct __test_metadata *_metadata, struct session *s, X509 *cert)
{
	EXPECT_EQ(6, X509_get_ext_count(cert));
	EXPECT_EQ(X509_VERSION_3, X509_get_version(cert));
	EXPECT_EQ(0, X509_check_ca(cert));
	EXPECT_EQ(EVP_PKEY_is_a(s->leaf_key, "RSA") ? KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT :
		  KU_DIGITAL_SIGNATURE, X509_get_key_usage(cert));
	EXPECT_EQ(XKU_SSL_SERVER, X509_get_extended_key_usage(cert));
	EXPECT_EQ(1, X509_check_private_key(cert, s->leaf_key));
	EXPECT_EQ(1, X509_check_host(cert, "www.example.com", 0, 0, NULL));
	EXPECT_EQ(1, X509_check_host(cert, "a.example.org", 0, 0, NULL));
	EXPECT_EQ(1, X509_check_ip_asc(cert, "10.2.0.2", 0));
	EXPECT_EQ(0, X509_check_host(cert, "example.com", 0, 0, NULL));
	EXPECT_NE(NULL, X509_get0_authority_key_id(cert));
	EXPECT_NE(NULL, X509_get0_subject_key_id(cert));
	EXPECT_LE(100, ASN1_STRING_length(X509_get0_serialNumber(cert)) * 8);
}

TEST_F(signer, signs_for_a_server)
{
	X509 *cert, *other;

	fill_good(_metadata, &self->s);
	cert = ask(_metadata, &self->s);
	ASSERT_NE(NULL, cert) TH_LOG("%s", self->s.answer.data);
	expect_leaf(_metadata, &self->s, cert);
	EXPECT_EQ(1, X509_verify(cert, X509_get0_pubkey(self->s.setup.ca.cert)));
	EXPECT_EQ(X509_V_OK, X509_check_issued(self->s.setup.ca.cert, cert));
	EXPECT_EQ(NID_ecdsa_with_SHA384, X509_get_signature_nid(cert));
	EXPECT_EQ(self->s.rq.from, seconds(X509_get0_notBefore(cert)));
	EXPECT_EQ(self->s.rq.to, seconds(X509_get0_notAfter(cert)));
	other = ask(_metadata, &self->s);
	ASSERT_NE(NULL, other);
	EXPECT_NE(0, ASN1_INTEGER_cmp(X509_get0_serialNumber(cert),
				      X509_get0_serialNumber(other)));
}

TEST_F(signer, takes_rsa_keys_of_2048_bits)
{
	X509 *cert;

	self->s.leaf_key = EVP_RSA_gen(2048);
	fill_good(_metadata, &self->s);
	cert = ask(_metadata, &self->s);
	ASSERT_NE(NULL, cert) TH_LOG("%s", self->s.answer.data);
	expect_leaf(_metadata, &self->s, cert);
}

TEST_F(signer, is_valid_no_longer_than_the_authority)
{
	X509 *cert;

	fill_good(_metadata, &self->s);
	self->s.rq.from = 0;
	self->s.rq.to = time(NULL) + 10000 * DAY;
	cert = ask(_metadata, &self->s);
	ASSERT_NE(NULL, cert);
	EXPECT_EQ(self->s.ca_from, seconds(X509_get0_notBefore(cert)));
	EXPECT_EQ(self->s.ca_to, seconds(X509_get0_notAfter(cert)));
}

TEST_F(signer, says_of_an_unverified_server_that_it_is)
{
	char issuer[256];
	X509 *cert;

	fill_good(_metadata, &self->s);
	self->s.rq.verified = 0;
	self->s.rq.from = 1000;
	self->s.rq.to = 2000;
	cert = ask(_metadata, &self->s);
	ASSERT_NE(NULL, cert) TH_LOG("%s", self->s.answer.data);
	expect_leaf(_metadata, &self->s, cert);
	X509_NAME_oneline(X509_get_issuer_name(cert), issuer, sizeof(issuer));
	EXPECT_STREQ("/CN=kbump: server NOT verified", issuer);
	EXPECT_NE(1, X509_verify(cert, X509_get0_pubkey(self->s.setup.ca.cert)));
	/* What is wrong with the server is left for the client to see. */
	EXPECT_EQ(1000, seconds(X509_get0_notBefore(cert)));
	EXPECT_EQ(2000, seconds(X509_get0_notAfter(cert)));
}

TEST_F(signer, leaves_an_empty_subject_empty)
{
	X509 *cert;
	int at;

	fill(_metadata, &self->s, self->s.leaf_key, "", 0);
	self->s.rq.subject_len = 0;
	add_part(&self->s.rq, &self->s.rq.subject_len, "\x30\0", 2);
	add_part(&self->s.rq, &self->s.rq.names_len, names, sizeof(names) - 1);
	self->s.len = SIGN_REQUEST_HEAD + self->s.rq.key_len + 2 + sizeof(names) - 1;
	cert = ask(_metadata, &self->s);
	ASSERT_NE(NULL, cert) TH_LOG("%s", self->s.answer.data);
	at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
	EXPECT_EQ(1, X509_EXTENSION_get_critical(X509_get_ext(cert, at)));
}

TEST_F(signer, refuses_other_keys)
{
	EVP_PKEY *const odd[] = {
		EVP_RSA_gen(1024), EVP_RSA_gen(2304), EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"),
		EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		fill(_metadata, &self->s, odd[i], names, sizeof(names) - 1);
		EXPECT_EQ(NULL, ask(_metadata, &self->s)) TH_LOG("key %zu", i);
		EXPECT_STREQ("not a key of a worker", (const char *)self->s.answer.data);
	}
}

TEST_F(signer, refuses_odd_names)
{
	static const struct {
		const char *data;
		size_t len;
	} odd[] = {
		{ "\x02", 1 }, { "\x02\0", 2 }, { "\x02\x05wwww", 6 }, { "\x02\x04w\0ww", 6 },
		{ "\x02\x03w w", 5 }, { "\x02\x03w\xe4w", 5 }, { "\x01\x03w@b", 5 },
		{ "\x06\x03w:b", 5 }, { "\x07\x05\x0a\1\1\1\1", 7 }, { "\0\x02\x05\0", 4 },
		{ "\x04\x02\x30\0", 4 }, { "\x02\x01w\x02", 4 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		fill(_metadata, &self->s, self->s.leaf_key, odd[i].data, odd[i].len);
		EXPECT_EQ(NULL, ask(_metadata, &self->s)) TH_LOG("names %zu", i);
		EXPECT_STREQ("malformed names", (const char *)self->s.answer.data);
	}
}

TEST_F(signer, refuses_dates_that_are_over)
{
	const int64_t now = time(NULL);
	const int64_t odd[][2] = {
		{ now - 2 * DAY, now - DAY }, { now + DAY, now + 2 * DAY },
		{ now + DAY, now - DAY }, { INT64_MIN, INT64_MIN },
		{ INT64_MAX, INT64_MAX },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		fill_good(_metadata, &self->s);
		self->s.rq.from = odd[i][0];
		self->s.rq.to = odd[i][1];
		EXPECT_EQ(NULL, ask(_metadata, &self->s)) TH_LOG("dates %zu", i);
	}
	/* Dates that no certificate can have, of a server that did not verify. */
	self->s.rq.verified = 0;
	EXPECT_EQ(NULL, ask(_metadata, &self->s));
}

TEST_F(signer, refuses_malformed_requests)
{
	fill_good(_metadata, &self->s);
	self->s.rq.verified = 2;
	EXPECT_EQ(NULL, ask(_metadata, &self->s));
	fill_good(_metadata, &self->s);
	self->s.len--;
	EXPECT_EQ(NULL, ask(_metadata, &self->s));
	fill_good(_metadata, &self->s);
	self->s.len++;
	EXPECT_EQ(NULL, ask(_metadata, &self->s));
	fill_good(_metadata, &self->s);
	self->s.rq.key_len = UINT16_MAX;
	EXPECT_EQ(NULL, ask(_metadata, &self->s));
	/* A part that takes bytes of the next one along. */
	fill_good(_metadata, &self->s);
	self->s.rq.key_len++;
	self->s.rq.subject_len--;
	EXPECT_EQ(NULL, ask(_metadata, &self->s));
	fill_good(_metadata, &self->s);
	self->s.rq.subject_len += sizeof(names) - 1;
	self->s.rq.names_len = 0;
	EXPECT_EQ(NULL, ask(_metadata, &self->s));
	EXPECT_STREQ("malformed subject", (const char *)self->s.answer.data);
	fill_good(_metadata, &self->s);
	self->s.rq.number = SIGN_NUMBER_HELLO;
	EXPECT_EQ(NULL, ask(_metadata, &self->s));
}

TEST_F(signer, survives_what_is_no_request)
{
	char big[sizeof(struct sign_request) + 1] = "";
	size_t len;

	for (len = 1; len < SIGN_REQUEST_HEAD; len++)
		ASSERT_EQ((ssize_t)len, send(self->s.fd, big, len, 0));
	ASSERT_EQ((ssize_t)sizeof(big), send(self->s.fd, big, sizeof(big), 0));
	fill_good(_metadata, &self->s);
	EXPECT_NE(NULL, ask(_metadata, &self->s));
}

/* ---- the filters */

static void start_program(void)
{
	execl("/bin/true", "true", NULL);
}

static void write_file(void)
{
	open("/tmp/kbump-forbidden", O_WRONLY | O_CREAT, 0600);
}

static void write_to_file_read(void)
{
	open("/dev/null", O_RDONLY | O_TRUNC);
}

static void trace(void)
{
	ptrace(PTRACE_ATTACH, getppid(), 0, 0);
}

static void signal_other(void)
{
	kill(getppid(), 0);
}

static void make_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void turn_into_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void local_socket(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void raw_socket(void)
{
	socket(AF_PACKET, SOCK_RAW, 0);
}

static void fork_process(void)
{
	if (!fork())
		_exit(0);
}

static void change_limits(void)
{
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void read_file(void)
{
	close(open("/etc/passwd", O_RDONLY));
}

static void tcp_socket(void)
{
	close(socket(AF_INET, SOCK_STREAM, 0));
}

static int end_of(int (*filter)(void), void (*call)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (filter() < 0)
			_exit(1);
		call();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static int signers_filter(void)
{
	return filter_signer(false);
}

static int token_filter(void)
{
	return filter_signer(true);
}

static const struct {
	const char *name;
	void (*call)(void);
	bool worker;
	bool signer;
	bool token;
} calls[] = {
	{ "execve", start_program, false, false, false },
	{ "ptrace", trace, false, false, false },
	{ "open for writing", write_file, false, false, true },
	{ "open to empty", write_to_file_read, false, false, true },
	{ "kill", signal_other, false, false, true },
	{ "mmap of code", make_code, false, false, true },
	{ "mprotect of code", turn_into_code, false, false, true },
	{ "socket(AF_UNIX)", local_socket, false, false, true },
	{ "socket(AF_PACKET)", raw_socket, false, false, true },
	{ "fork", fork_process, false, false, true },
	{ "prctl", change_limits, false, false, true },
	{ "open for reading", read_file, true, false, true },
	{ "socket(AF_INET)", tcp_socket, true, false, true },
};

TEST(filters_end_a_process_that_calls_what_is_forbidden)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		EXPECT_EQ(calls[i].worker ? 0 : SIGSYS, end_of(filter_worker, calls[i].call))
			TH_LOG("worker: %s", calls[i].name);
		EXPECT_EQ(calls[i].signer ? 0 : SIGSYS, end_of(signers_filter, calls[i].call))
			TH_LOG("signer: %s", calls[i].name);
		EXPECT_EQ(calls[i].token ? 0 : SIGSYS, end_of(token_filter, calls[i].call))
			TH_LOG("signer with a token: %s", calls[i].name);
	}
	unlink("/tmp/kbump-forbidden");
	/* A crash is seen as what it is. */
	EXPECT_EQ(SIGABRT, end_of(filter_worker, abort));
	EXPECT_EQ(SIGABRT, end_of(signers_filter, abort));
}

TEST_HARNESS_MAIN
