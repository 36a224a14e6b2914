// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Full TLS handshakes, many of them: through the box, and within this process alone, as a
 * measure of what OpenSSL itself costs.
 *
 *	handshakes serve PORT CERTIFICATE KEY
 *	handshakes connect ADDRESS PORT CA VERSION COUNT
 *	handshakes refuse ADDRESS PORT CA VERSION COUNT
 *	handshakes alone CERTIFICATE KEY CA VERSION COUNT
 *
 * VERSION is the highest that is offered, 1.2 or 1.3. "connect" makes connections one after
 * the other; on each a byte goes to the server and back. Where that fails it prints how the
 * connection ended. "refuse" wants each server to fail verification, which ends the handshake
 * by an alert. "alone" makes both sides' handshakes in memory, and prints the microseconds of
 * processor time that a pair of them takes. Nothing is ever resumed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#define NAME		"www.example.test"
/* As kbumpd has them. */
#define GROUPS		"X25519:P-256:X448:P-384:P-521"
#define SUITES_13	"TLS_AES_128_GCM_SHA256"
#define SUITES_12	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
/* Handshakes that fill caches before it is measured. */
#define WARM_UP		10

static _Noreturn void die(const char *what)
{
	printf("handshakes: %s\n", what);
	ERR_print_errors_fp(stdout);
	exit(EXIT_FAILURE);
}

static SSL_CTX *context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx || SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, SUITES_13) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, SUITES_12) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		die("no context");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static SSL_CTX *server_context(const char *certificate, const char *key)
{
	SSL_CTX *ctx = context(TLS_server_method());

	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die("the certificate or its key cannot be used");
	return ctx;
}

static SSL_CTX *client_context(const char *ca, const char *version)
{
	SSL_CTX *ctx = context(TLS_client_method());
	int highest = strcmp(version, "1.2") ? TLS1_3_VERSION : TLS1_2_VERSION;

	if (SSL_CTX_load_verify_file(ctx, ca) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, highest) != 1)
		die("the authority or the version cannot be used");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

static SSL *client(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	if (!ssl || SSL_set_tlsext_host_name(ssl, NAME) != 1 || SSL_set1_host(ssl, NAME) != 1)
		die("no client");
	SSL_set_connect_state(ssl);
	return ssl;
}

/* ---- in memory */

static void couple(SSL *a, SSL *b)
{
	BIO *one, *other;

	if (BIO_new_bio_pair(&one, 0, &other, 0) != 1)
		die("no pair");
	SSL_set_bio(a, one, one);
	SSL_set_bio(b, other, other);
}

static bool step(SSL *ssl)
{
	int ret = SSL_do_handshake(ssl);

	if (ret != 1 && SSL_get_error(ssl, ret) != SSL_ERROR_WANT_READ)
		die("a handshake in memory failed");
	return ret == 1;
}

static void pair_in_memory(SSL_CTX *client_ctx, SSL_CTX *server_ctx)
{
	SSL *near = client(client_ctx), *far = SSL_new(server_ctx);
	bool done = false;

	if (!far)
		die("no server");
	SSL_set_accept_state(far);
	couple(near, far);
	while (!done) {
		done = step(near);
		done = step(far) && done;
	}
	SSL_free(near);
	SSL_free(far);
}

static double microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void alone(SSL_CTX *client_ctx, SSL_CTX *server_ctx, long count)
{
	double start;
	long i;

	for (i = 0; i < WARM_UP; i++)
		pair_in_memory(client_ctx, server_ctx);
	start = microseconds();
	for (i = 0; i < count; i++)
		pair_in_memory(client_ctx, server_ctx);
	printf("%.1f\n", (microseconds() - start) / count);
}

/* ---- by TCP */

static int listening(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, SOMAXCONN) < 0)
		die("cannot listen");
	return fd;
}

static int connected(const char *address, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		die("no address");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die(strerror(errno));
	setsockopt(fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* What comes back until the client ends. Whoever fails was wanted to. */
static void echo(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);
	char byte;

	if (!ssl || SSL_set_fd(ssl, fd) != 1)
		die("no server");
	if (SSL_accept(ssl) == 1) {
		while (SSL_read(ssl, &byte, 1) == 1)
			SSL_write(ssl, &byte, 1);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	ERR_clear_error();
}

/* Each client gets a process: one that is slow must not keep the others waiting. */
static void serve(SSL_CTX *ctx, const char *port)
{
	int fd = listening(port), conn, on = 1;

	signal(SIGCHLD, SIG_IGN);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	for (;;) {
		conn = accept(fd, NULL, NULL);
		if (conn < 0)
			die("cannot accept");
		setsockopt(conn, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
		if (!fork()) {
			echo(ctx, conn);
			_exit(0);
		}
		close(conn);
	}
}

/* Ends the program, and says how the connection has ended. */
static void must(SSL *ssl, int ret)
{
	int error = SSL_get_error(ssl, ret);

	if (ret == 1)
		return;
	printf("end: %s\n", error == SSL_ERROR_SYSCALL ? strerror(errno) :
	       error == SSL_ERROR_ZERO_RETURN ? "close_notify" :
	       ERR_reason_error_string(ERR_peek_error()));
	exit(EXIT_FAILURE);
}

static void exchange(SSL *ssl)
{
	char byte = 'x';

	must(ssl, SSL_connect(ssl));
	must(ssl, SSL_write(ssl, &byte, 1));
	must(ssl, SSL_read(ssl, &byte, 1));
	if (byte != 'x')
		die("another byte came back");
	/* The client ends first, and does not wait for the server. */
	if (SSL_shutdown(ssl) < 0)
		die("no end");
}

static void refuse(SSL *ssl)
{
	if (SSL_connect(ssl) == 1)
		die("the server verified");
	if (SSL_get_verify_result(ssl) == X509_V_OK)
		die("a handshake failed for another reason");
	ERR_clear_error();
}

static void repeat(SSL_CTX *ctx, const char *address, const char *port, long count,
		   void (*each)(SSL *ssl))
{
	long i;

	for (i = 0; i < count; i++) {
		SSL *ssl = client(ctx);
		int fd = connected(address, port);

		if (SSL_set_fd(ssl, fd) != 1)
			die("no socket");
		each(ssl);
		SSL_free(ssl);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	/* That the other side has gone is told by the call that finds it out. */
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(what, "serve") && argc == 5)
		serve(server_context(argv[3], argv[4]), argv[2]);
	else if (!strcmp(what, "connect") && argc == 7)
		repeat(client_context(argv[4], argv[5]), argv[2], argv[3], atol(argv[6]), exchange);
	else if (!strcmp(what, "refuse") && argc == 7)
		repeat(client_context(argv[4], argv[5]), argv[2], argv[3], atol(argv[6]), refuse);
	else if (!strcmp(what, "alone") && argc == 7)
		alone(client_context(argv[4], argv[5]), server_context(argv[2], argv[3]),
		      atol(argv[6]));
	else
		die("wrong arguments: see the comment at the start of the source");
	return 0;
}
