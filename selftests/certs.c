// SPDX-License-Identifier: GPL-2.0-only
/*
 * Judges servers by the code of kbumpd, in true handshakes, and lets other programs do so:
 *
 *	certs judge DIR [ROW]...	for each row a directory DIR/ROW with the certificates
 *					as files, and a line: row, what was expected, what was
 *					found, ms of the processor, port, host, options for
 *					"openssl verify", why we may be weaker, what was said
 *	certs serve DIR ADDRESS PORT ROW...	no judgement; on fixed ports
 *
 * Both then serve the rows until they are ended. DIR must be empty.
 *
 *	certs tls		the cases of certs-tls.c, in TAP
 *	certs trust DIR		those of certs-trust.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>

#include "../helper/kbumpd.h"
#include "certs.h"

static const char *const states[] = { "none", "ok", "expired", "name", "self-signed", "untrusted",
				      "weak", "invalid", "revoked" };

static const char *state_name(int state)
{
	return state == HANDSHAKE_FAILS ? "handshake" : states[state];
}

/* As main.c makes it. */
static SSL_CTX *client_context(struct setup *s, struct trust *t)
{
	memset(s, 0, sizeof(*s));
	s->trust = t;
	s->min_version = TLS1_2_VERSION;
	s->suites = SUITES_DEFAULT;
	if (contexts_make(s) < 0)
		die("contexts");
	return s->server_side;
}

/* Processor time of the client's side in this row, in clock ticks. */
static clock_t spent;

static int step(SSL *client)
{
	clock_t start = clock();
	int ret = SSL_do_handshake(client);

	spent += clock() - start;
	return ret;
}

/* Both sides in turn, as neither blocks. True when the client's is done. */
static bool shake(SSL *client, SSL *server, int *error)
{
	int i, ret = 0;

	for (i = 0; i < 100 && ret != 1; i++) {
		SSL_do_handshake(server);
		ERR_clear_error();
		ret = step(client);
		*error = SSL_get_error(client, ret);
		if (ret != 1 && *error != SSL_ERROR_WANT_READ)
			return false;
	}
	return ret == 1;
}

static SSL *leg(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);

	if (!ssl || SSL_set_fd(ssl, fd) != 1)
		die("leg");
	return ssl;
}

static void judge_legs(const struct row *row, const struct trust *t, SSL *client, SSL *server,
		       struct judgement *j)
{
	clock_t start;
	int error;

	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	if (shake(client, server, &error)) {
		start = clock();
		verify_server(t, client, row->host ? row->host : HOST, j);
		spent += clock() - start;
		return;
	}
	j->state = (enum kbump_cert)HANDSHAKE_FAILS;
	j->why = error == SSL_ERROR_WANT_X509_LOOKUP ? "client certificate" : openssl_error();
}

static void judge(const struct lab *lab, SSL_CTX *client_ctx, const struct trust *t,
		  struct judgement *j)
{
	SSL_CTX *server_ctx = server_context(lab);
	SSL *client, *server;
	int fd[2], size = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) < 0)
		die("socketpair");
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	client = leg(client_ctx, fd[0]);
	server = leg(server_ctx, fd[1]);
	judge_legs(lab->row, t, client, server, j);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(server_ctx);
	close(fd[0]);
	close(fd[1]);
}

static void judge_row(const struct lab *lab, const char *dir, int port)
{
	static const char *const modes[] = { "soft", "hard", "off" };
	struct trust t = { .revocation = lab->row->revocation, .own = lab->own };
	char anchors[4096], crls[4096];
	const struct row *r = lab->row;
	struct judgement j;
	struct setup s;

	snprintf(anchors, sizeof(anchors), "%s/trusted.pem", dir);
	snprintf(crls, sizeof(crls), "%s/crl.pem", dir);
	t.anchors = anchors;
	t.crls = lab->crl ? crls : NULL;
	if (trust_load(&t) < 0)
		die(r->name);
	client_context(&s, &t);
	spent = 0;
	judge(lab, s.server_side, &t, &j);
	printf("%s\t%s\t%s\t%ld\t%d\t%s\t%s%s\t%s\t%s\n", r->name, state_name(r->expect),
	       state_name(j.state), (long)(spent / (CLOCKS_PER_SEC / 1000)),
	       r->flags & ONLY_OURS ? 0 : port,
	       r->host ? r->host : HOST, modes[r->revocation], lab->crl ? "+crl" : "",
	       r->why ? r->why : "-", j.why);
	SSL_CTX_free(s.server_side);
	SSL_CTX_free(s.client_side);
	X509_STORE_free(t.store);
}

static const struct row *row_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < rows_count; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	die(name);
}

/* The server keeps what is made. */
static struct lab *make(const struct row *row, const char *top, char *dir, size_t len)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	if (!lab)
		die("memory");
	snprintf(dir, len, "%s/%s", top, row->name);
	if (mkdir(dir, 0755) < 0)
		die(dir);
	lab_make(lab, row);
	lab_write(lab, dir);
	return lab;
}

static _Noreturn void judge_all(const char *top, char **only)
{
	char dir[2048];
	size_t i;

	for (i = 0; *only || i < rows_count; i++) {
		const struct row *row = *only ? row_by_name(*only) : &rows[i];
		struct lab *lab = make(row, top, dir, sizeof(dir));
		int port = 0;

		server_listen(lab, "127.0.0.1", &port);
		judge_row(lab, dir, port);
		if (*only && !*++only)
			break;
	}
	printf("ready\n");
	fflush(stdout);
	server_run();
}

static _Noreturn void serve_rows(const char *top, const char *address, int port, char **names)
{
	char dir[2048];

	for (; *names; names++, port++)
		server_listen(make(row_by_name(*names), top, dir, sizeof(dir)), address, &port);
	printf("ready\n");
	fflush(stdout);
	server_run();
}

int main(int argc, char **argv)
{
	struct trust off = { .revocation = REVOCATION_SOFT };
	struct setup s;

	if (argc > 2 && !strcmp(argv[1], "judge"))
		judge_all(argv[2], argv + 3);
	if (argc > 5 && !strcmp(argv[1], "serve"))
		serve_rows(argv[2], argv[3], atoi(argv[4]), argv + 5);
	if (argc == 2 && !strcmp(argv[1], "tls"))
		return tls_cases(client_context(&s, &off));
	if (argc == 3 && !strcmp(argv[1], "trust"))
		return trust_cases(argv[2]);
	fprintf(stderr, "usage: see the head of certs.c\n");
	return 2;
}
