// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A TLS client and server that do what libraries leave to chance or forbid: they change their
 * keys all the time, and send records of their own making.
 *
 *	tlspeer server PORT CERTIFICATE KEY
 *	tlspeer client ADDRESS PORT CA VERSION SUITE ACTION [ARGUMENT]...
 *
 * The first line that a client sends is ACTION and its arguments; the server then does the
 * same, or its part of it:
 *
 *	storm SIZE EVERY KIND BURST	SIZE bytes each way at once; each side changes its keys
 *					BURST times before, and after each EVERY bytes. KIND:
 *					plain, request (the other side's keys too), none
 *	send WHAT			the client sends something strange, see misbehave()
 *	receive WHAT			the server does
 *
 * Each side prints what it saw of the other's end: "end closed", "end reset", "end alert N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include "../helper/keys.h"

#define RECORD		16384
#define PERIOD		999983
#define HEADER		5
#define TAG		16
#define EXPLICIT	8
#define NAME		"www.example.test"
#define LIMIT_S		170

#define TYPE_ALERT	21
#define TYPE_HANDSHAKE	22
#define TYPE_DATA	23

struct peer {
	SSL *ssl;
	int fd;
	const char *role;
	struct secrets secrets;
	uint64_t seq;		/* records sent under the first application keys */
	uint64_t updates;	/* KeyUpdates received */
};

__attribute__((noreturn, format(printf, 1, 2)))
static void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	ERR_print_errors_fp(stdout);
	exit(1);
}

/* The bytes that both sides expect, again and again; the period fits no record. */
static uint8_t pattern[PERIOD + RECORD];

static void make_pattern(void)
{
	size_t i;

	for (i = 0; i < PERIOD; i++)
		pattern[i] = ((i / 8 + 1) * 0x9e3779b97f4a7c15ULL) >> (8 * (i % 8));
	memcpy(pattern + PERIOD, pattern, RECORD);
}

/* The directions begin at different places. */
static const uint8_t *pattern_at(uint64_t off, bool from_server)
{
	return pattern + (off + (from_server ? PERIOD / 2 : 0)) % PERIOD;
}

static void count_updates(int sent, int version, int type, const void *buf, size_t len, SSL *ssl,
			  void *arg)
{
	struct peer *p = arg;

	(void)version;
	(void)ssl;
	if (!sent && type == TYPE_HANDSHAKE && len && *(const uint8_t *)buf == SSL3_MT_KEY_UPDATE)
		p->updates++;
}

/* How the other side ended, after SSL_read() or another call has failed. */
static void say_end(struct peer *p, int ret)
{
	int error = SSL_get_error(p->ssl, ret);
	int reason = ERR_GET_REASON(ERR_peek_error());

	if (error == SSL_ERROR_ZERO_RETURN)
		printf("%s end closed\n", p->role);
	else if (reason > SSL_AD_REASON_OFFSET)
		printf("%s end alert %d\n", p->role, reason - SSL_AD_REASON_OFFSET);
	else if (error == SSL_ERROR_SYSCALL)
		printf("%s end reset\n", p->role);
	else
		printf("%s end %s\n", p->role, ERR_error_string(ERR_peek_error(), NULL));
	fflush(stdout);
	ERR_clear_error();
}

static void read_to_end(struct peer *p)
{
	char buf[RECORD];
	size_t got = 0;
	int n;

	while ((n = SSL_read(p->ssl, buf, sizeof(buf))) > 0)
		got += n;
	printf("%s got %zu\n", p->role, got);
	printf("%s updates %llu\n", p->role, (unsigned long long)p->updates);
	say_end(p, n);
}

/* ---- records of our own */

static void encrypt(const struct traffic_key *k, const uint8_t *nonce, const uint8_t *aad,
		    int aad_len, uint8_t *data, int len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (!ctx || EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, k->key, nonce) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, aad, aad_len) != 1 ||
	    (len && EVP_EncryptUpdate(ctx, data, &n, data, len) != 1) ||
	    EVP_EncryptFinal_ex(ctx, data + len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, data + len) != 1)
		die("encryption failed");
	EVP_CIPHER_CTX_free(ctx);
}

static void header(uint8_t *out, uint8_t type, size_t len)
{
	out[0] = type;
	out[1] = 3;
	out[2] = 3;
	out[3] = len >> 8;
	out[4] = len;
}

static void put_seq(uint8_t *out, uint64_t seq)
{
	int i;

	for (i = 7; i >= 0; i--, seq >>= 8)
		out[i] = seq;
}

/* RFC 8446, section 5.2. Return: length of the whole record. */
static size_t seal13(struct peer *p, const struct traffic_key *k, uint8_t type, const void *data,
		     size_t len, uint8_t *out)
{
	uint8_t nonce[TRAFFIC_IV_MAX] = {};
	size_t i;

	put_seq(nonce + 4, p->seq++);
	for (i = 0; i < sizeof(nonce); i++)
		nonce[i] ^= k->iv[i];
	header(out, TYPE_DATA, len + 1 + TAG);
	memcpy(out + HEADER, data, len);
	out[HEADER + len] = type;
	encrypt(k, nonce, out, HEADER, out + HEADER, len + 1);
	return HEADER + len + 1 + TAG;
}

/* RFC 5246, section 6.2.3.3, and RFC 5288. */
static size_t seal12(struct peer *p, const struct traffic_key *k, uint8_t type, const void *data,
		     size_t len, uint8_t *out)
{
	uint8_t nonce[TRAFFIC_IV_MAX], aad[8 + HEADER];

	memcpy(nonce, k->iv, 4);
	/* Not the nonces of the library, which begin anywhere. */
	put_seq(nonce + 4, p->seq ^ 0x5555555500000000);
	put_seq(aad, p->seq++);
	header(aad + 8, type, len);
	header(out, type, EXPLICIT + len + TAG);
	memcpy(out + HEADER, nonce + 4, EXPLICIT);
	memcpy(out + HEADER + EXPLICIT, data, len);
	encrypt(k, nonce, aad, sizeof(aad), out + HEADER + EXPLICIT, len);
	return HEADER + EXPLICIT + len + TAG;
}

static bool is_tls13(const struct peer *p)
{
	return SSL_version(p->ssl) == TLS1_3_VERSION;
}

static size_t seal(struct peer *p, uint8_t type, const void *data, size_t len, uint8_t *out)
{
	struct traffic_keys keys;
	const struct traffic_key *k;

	if (keys_derive(p->ssl, &keys) < 0)
		die("no keys");
	k = SSL_is_server(p->ssl) ? &keys.server : &keys.client;
	return is_tls13(p) ? seal13(p, k, type, data, len, out) :
			     seal12(p, k, type, data, len, out);
}

static bool send_all(struct peer *p, const uint8_t *data, size_t len)
{
	ssize_t n;

	while (len) {
		n = send(p->fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		data += n;
		len -= n;
	}
	return true;
}

static void send_record(struct peer *p, uint8_t type, const void *data, size_t len)
{
	uint8_t out[HEADER + EXPLICIT + RECORD + 1 + TAG];

	send_all(p, out, seal(p, type, data, len, out));
}

/* A hundred thousand of the same record, or as many as the other side stands. */
static void flood(struct peer *p, uint8_t type, const void *data, size_t len)
{
	uint8_t out[100 * (HEADER + EXPLICIT + 16 + TAG)];
	size_t used;
	int i, j;

	for (i = 0; i < 1000; i++) {
		for (j = 0, used = 0; j < 100; j++)
			used += seal(p, type, data, len, out + used);
		if (!send_all(p, out, used))
			return;
	}
	printf("%s survived\n", p->role);
}

static void flood_updates(struct peer *p)
{
	int i;

	for (i = 0; i < 20000; i++)
		if (SSL_key_update(p->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(p->ssl) != 1)
			return;
	printf("%s survived\n", p->role);
}

/* RFC 8446, section 7.2: from here on our own records have the next keys. */
static void next_keys(struct peer *p)
{
	uint8_t *secret = SSL_is_server(p->ssl) ? p->secrets.server : p->secrets.client;
	char digest[] = "SHA256", prefix[] = "tls13 ", label[] = "traffic upd";
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, 32),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix, 6),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, label, 11),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	uint8_t next[32];

	if (!ctx || EVP_KDF_derive(ctx, next, sizeof(next), params) != 1)
		die("no next keys");
	memcpy(secret, next, sizeof(next));
	p->seq = 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* Unusual, but right: messages in parts, and behind others. Twelve bytes of data. */
static void behave(struct peer *p)
{
	static const uint8_t update[] = { SSL3_MT_KEY_UPDATE, 0, 0, 1, 0 };
	/* Lifetime, age, nonce, ticket, extensions. */
	static const uint8_t ticket[] = { SSL3_MT_NEWSESSION_TICKET, 0, 0, 14,
					  0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0,
					  SSL3_MT_KEY_UPDATE, 0, 0, 1, 0 };
	static const uint8_t close_notify[] = { SSL3_AL_WARNING, SSL_AD_CLOSE_NOTIFY };
	size_t i;

	for (i = 0; i < sizeof(update); i++)
		send_record(p, TYPE_HANDSHAKE, update + i, 1);
	next_keys(p);
	send_record(p, TYPE_DATA, "second", 6);
	if (SSL_is_server(p->ssl))
		send_record(p, TYPE_HANDSHAKE, ticket, sizeof(ticket));
	else
		send_record(p, TYPE_HANDSHAKE, update, sizeof(update));
	next_keys(p);
	send_record(p, TYPE_DATA, "third.", 6);
	send_record(p, TYPE_ALERT, close_notify, sizeof(close_notify));
}

static void flip(struct peer *p)
{
	static const char secret[] = "nobody is to see this";
	uint8_t out[HEADER + EXPLICIT + sizeof(secret) + 1 + TAG];
	size_t len = seal(p, TYPE_DATA, secret, sizeof(secret), out);

	out[HEADER + EXPLICIT + 3] ^= 0x10;
	send_all(p, out, len);
}

static const struct record {
	const char *what;
	uint8_t type;
	uint8_t len;
	uint8_t data[16];
} records[] = {
	{ "update", TYPE_HANDSHAKE, 5, { SSL3_MT_KEY_UPDATE, 0, 0, 1, 0 } },
	{ "value", TYPE_HANDSHAKE, 5, { SSL3_MT_KEY_UPDATE, 0, 0, 1, 2 } },
	{ "length", TYPE_HANDSHAKE, 6, { SSL3_MT_KEY_UPDATE, 0, 0, 2, 0, 0 } },
	{ "twice", TYPE_HANDSHAKE, 10, { SSL3_MT_KEY_UPDATE, 0, 0, 1, 0,
					 SSL3_MT_KEY_UPDATE, 0, 0, 1, 0 } },
	{ "half", TYPE_HANDSHAKE, 3, { SSL3_MT_KEY_UPDATE, 0, 0 } },
	{ "empty", TYPE_HANDSHAKE, 0, {} },
	{}
};

static const struct record floods[] = {
	{ "canceled", TYPE_ALERT, 2, { SSL3_AL_WARNING, SSL_AD_USER_CANCELLED } },
	{ "nothing", TYPE_DATA, 0, {} },
	{}
};

static const struct record *find(const struct record *r, const char *what)
{
	while (r->what && strcmp(r->what, what))
		r++;
	return r->what ? r : NULL;
}

/*
 * Something that is not allowed, and a record of data behind it; or too much of something; or
 * what only looks strange.
 */
static void misbehave(struct peer *p, const char *what)
{
	const struct record *r = find(floods, what);

	if (r || !strcmp(what, "updates")) {
		if (r)
			flood(p, r->type, r->data, r->len);
		else
			flood_updates(p);
		return;
	}
	if (!strcmp(what, "parts"))
		return behave(p);
	r = find(records, what);
	if (r)
		send_record(p, r->type, r->data, r->len);
	else if (!strcmp(what, "flip"))
		flip(p);
	else
		die("send what? %s", what);
	send_record(p, TYPE_DATA, "nor this", 8);
}

/* ---- a transfer in both directions, with a storm of KeyUpdates */

struct storm {
	uint64_t size;
	uint64_t every;
	int type;		/* of SSL_key_update(), or -1 */
	int burst;
	uint64_t sent;
	uint64_t got;
	uint64_t next;		/* change the keys when so much has been sent */
	BIO *out;		/* what the socket has not taken yet */
	EVP_MD_CTX *digest;	/* of what was received */
};

static void print_digest(const char *role, struct storm *s)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned int len, i;

	EVP_DigestFinal_ex(s->digest, md, &len);
	printf("%s received %llu intact ", role, (unsigned long long)s->got);
	for (i = 0; i < len; i++)
		printf("%02x", md[i]);
	printf("\n");
}

/* False while the socket has no room for all of it. */
static bool flush(struct peer *p, const struct storm *s)
{
	char *data;
	long len;
	ssize_t n;

	while ((len = BIO_get_mem_data(s->out, &data)) > 0) {
		n = send(p->fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0)
			die("%s: send: %s", p->role, strerror(errno));
		/* It goes from the BIO's front. */
		while (n > 0) {
			char gone[RECORD];

			n -= BIO_read(s->out, gone, n < RECORD ? n : RECORD);
		}
	}
	return true;
}

static bool storm_write(struct peer *p, struct storm *s, bool is_server)
{
	size_t len = s->size - s->sent < RECORD ? s->size - s->sent : RECORD;
	int n;

	if (!flush(p, s) || s->sent == s->size)
		return false;
	if (s->type >= 0 && s->sent >= s->next) {
		if (SSL_key_update(p->ssl, s->type) != 1)
			die("%s: SSL_key_update", p->role);
		s->next += s->every;
	}
	n = SSL_write(p->ssl, pattern_at(s->sent, is_server), len);
	if (n <= 0)
		die("%s: write at %llu", p->role, (unsigned long long)s->sent);
	s->sent += n;
	return true;
}

static bool storm_read(struct peer *p, struct storm *s, bool from_server)
{
	uint8_t buf[RECORD];
	int n = SSL_read(p->ssl, buf, sizeof(buf));

	if (n <= 0) {
		if (SSL_get_error(p->ssl, n) != SSL_ERROR_WANT_READ)
			die("%s: read at %llu", p->role, (unsigned long long)s->got);
		return false;
	}
	if (memcmp(buf, pattern_at(s->got, from_server), n))
		die("%s received CORRUPT after %llu", p->role, (unsigned long long)s->got);
	EVP_DigestUpdate(s->digest, buf, n);
	s->got += n;
	return true;
}

/* Many at once, without a look at what comes back. */
static void burst(struct peer *p, const struct storm *s)
{
	int i;

	for (i = 0; i < s->burst && s->type >= 0; i++)
		if (SSL_key_update(p->ssl, s->type) != 1 || SSL_do_handshake(p->ssl) != 1)
			die("%s: burst at %d", p->role, i);
}

/*
 * SSL_write() never finds the socket full: OpenSSL 3.0 cannot answer a KeyUpdate while it has
 * a record half sent.
 */
static void run_storm(struct peer *p, struct storm *s)
{
	bool is_server = SSL_is_server(p->ssl);
	struct pollfd pfd = { .fd = p->fd };

	s->digest = EVP_MD_CTX_new();
	EVP_DigestInit_ex(s->digest, EVP_sha256(), NULL);
	s->next = s->every;
	burst(p, s);
	s->out = BIO_new(BIO_s_mem());
	SSL_set0_wbio(p->ssl, s->out);
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	while (s->sent < s->size || s->got < s->size) {
		bool busy = storm_write(p, s, is_server);

		busy |= s->got < s->size && storm_read(p, s, !is_server);
		if (busy)
			continue;
		pfd.events = POLLIN | (BIO_pending(s->out) ? POLLOUT : 0);
		poll(&pfd, 1, -1);
	}
	print_digest(p->role, s);
	EVP_MD_CTX_free(s->digest);
	SSL_shutdown(p->ssl);
	fcntl(p->fd, F_SETFL, 0);
	flush(p, s);
	read_to_end(p);
}

static void storm(struct peer *p, char **arg)
{
	struct storm s = {
		.size = strtoull(arg[0], NULL, 10),
		.every = strtoull(arg[1], NULL, 10),
		.type = !strcmp(arg[2], "request") ? SSL_KEY_UPDATE_REQUESTED :
			!strcmp(arg[2], "plain") ? SSL_KEY_UPDATE_NOT_REQUESTED : -1,
		.burst = atoi(arg[3]),
	};

	run_storm(p, &s);
}

/* ---- both ends */

static void set_up(struct peer *p, SSL_CTX *ctx, int fd)
{
	int on = 1;

	SSL_CTX_set_keylog_callback(ctx, keys_note_secret);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	p->fd = fd;
	p->ssl = SSL_new(ctx);
	if (!p->ssl || SSL_set_fd(p->ssl, fd) != 1 || SSL_set_app_data(p->ssl, &p->secrets) != 1)
		die("no SSL");
	SSL_set_msg_callback(p->ssl, count_updates);
	SSL_set_msg_callback_arg(p->ssl, p);
	ERR_clear_error();
	alarm(LIMIT_S);
}

/* What each side has sent before it misbehaves: its Finished in TLS 1.2, and one record. */
static void write_first(struct peer *p, const char *line)
{
	if (SSL_write(p->ssl, line, strlen(line)) <= 0)
		die("%s: first write", p->role);
	p->seq = is_tls13(p) ? 1 : 2;
}

static void read_first(struct peer *p, char *line, size_t size)
{
	int n = SSL_read(p->ssl, line, size - 1);

	if (n <= 0)
		die("%s: first read", p->role);
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

static void serve(int fd, SSL_CTX *ctx)
{
	struct peer p = { .role = "server" };
	char line[256], *arg[6] = {}, *word;
	int i = 0;

	set_up(&p, ctx, fd);
	if (SSL_accept(p.ssl) != 1)
		die("server: handshake");
	read_first(&p, line, sizeof(line));
	for (word = strtok(line, " "); word && i < 5; word = strtok(NULL, " "))
		arg[i++] = word;
	if (i == 5)
		return storm(&p, arg + 1);
	if (i != 2)
		die("server: what? %s", line);
	write_first(&p, "ready\n");
	if (!strcmp(arg[0], "receive"))
		misbehave(&p, arg[1]);
	read_to_end(&p);
}

static void run_server(char **arg)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(atoi(arg[0])) };
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int listener = socket(AF_INET6, SOCK_STREAM, 0), on = 1, fd;

	if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, arg[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, arg[2], SSL_FILETYPE_PEM) != 1)
		die("certificate");
	/* A ticket would be a record more. */
	SSL_CTX_set_num_tickets(ctx, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(listener, 16) < 0)
		die("listen: %s", strerror(errno));
	signal(SIGCHLD, SIG_IGN);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (!fork()) {
			close(listener);
			serve(fd, ctx);
			exit(0);
		}
		close(fd);
	}
}

static int dial(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect: %s", strerror(errno));
	return fd;
}

static SSL_CTX *client_context(const char *ca, bool tls13, const char *suite)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int version = tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;

	if (!ctx || SSL_CTX_load_verify_file(ctx, ca) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, version) != 1 ||
	    (tls13 ? SSL_CTX_set_ciphersuites(ctx, suite) :
		     SSL_CTX_set_cipher_list(ctx, suite)) != 1)
		die("client context");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

static void run_client(int argc, char **arg)
{
	struct peer p = { .role = "client" };
	char line[256], ready[64];
	size_t used = 0;
	int i;

	set_up(&p, client_context(arg[2], !strcmp(arg[3], "1.3"), arg[4]), dial(arg[0], arg[1]));
	if (SSL_set_tlsext_host_name(p.ssl, NAME) != 1 || SSL_set1_host(p.ssl, NAME) != 1 ||
	    SSL_connect(p.ssl) != 1)
		die("client: handshake");
	for (i = 5; i < argc; i++)
		used += snprintf(line + used, sizeof(line) - used, "%s%s", arg[i],
				 i < argc - 1 ? " " : "\n");
	write_first(&p, line);
	printf("client %s\n", SSL_get_cipher(p.ssl));
	if (argc == 10)
		return storm(&p, arg + 6);
	read_first(&p, ready, sizeof(ready));
	if (!strcmp(arg[5], "send"))
		misbehave(&p, arg[6]);
	read_to_end(&p);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_pattern();
	signal(SIGPIPE, SIG_IGN);
	if (argc == 5 && !strcmp(argv[1], "server"))
		run_server(argv + 2);
	else if ((argc == 9 || argc == 12) && !strcmp(argv[1], "client"))
		run_client(argc - 2, argv + 2);
	else
		die("usage: see the source");
	return 0;
}
