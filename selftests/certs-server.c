// SPDX-License-Identifier: GPL-2.0-only
/* TLS servers with the certificates of the rows, one on each port. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs.h"

#define SERVERS		200
#define PATIENCE_S	60

static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";

static struct pollfd sockets[SERVERS];
static SSL_CTX *contexts[SERVERS];
static const char *names[SERVERS];
static nfds_t count;

static int add_staple(SSL *ssl, void *arg)
{
	const struct lab *lab = arg;

	if (!lab->staple)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(lab->staple, lab->staple_len),
					lab->staple_len);
	return SSL_TLSEXT_ERR_OK;
}

/**
 * server_context() - a context for the server of a row, which takes the worst certificates
 * @lab: the row's
 *
 * Return: it.
 */
SSL_CTX *server_context(const struct lab *lab)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	/* The callback's argument is not const, but is not changed. */
	void *arg = (void *)(uintptr_t)lab;

	if (!ctx)
		die("context");
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	if (SSL_CTX_use_certificate(ctx, lab->leaf) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, lab->key) != 1 || SSL_CTX_set1_chain(ctx, lab->sent) != 1)
		die(lab->row->name);
	SSL_CTX_set_tlsext_status_cb(ctx, add_staple);
	SSL_CTX_set_tlsext_status_arg(ctx, arg);
	if (lab->row->flags & CLIENT_CERT)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

/**
 * server_listen() - open the port of a row
 * @lab: the row's
 * @address: of IPv4
 * @port: 0 for any; the one that it got
 */
void server_listen(const struct lab *lab, const char *address, int *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || count == SERVERS || inet_pton(AF_INET, address, &in.sin_addr) != 1)
		die(address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) < 0)
		die("port");
	*port = ntohs(in.sin_port);
	sockets[count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	contexts[count] = server_context(lab);
	names[count++] = lab->row->name;
}

/* Tells what it got of a client: a client that does not trust the server sends nothing. */
static _Noreturn void serve(SSL_CTX *ctx, const char *name, int fd)
{
	SSL *ssl = SSL_new(ctx);
	char buf[4096];
	int len;

	alarm(PATIENCE_S);
	SSL_set_fd(ssl, fd);
	len = SSL_accept(ssl) == 1 ? SSL_read(ssl, buf, sizeof(buf)) : 0;
	if (len > 0) {
		printf("got %s %d\n", name, len);
		fflush(stdout);
		SSL_write(ssl, answer, sizeof(answer) - 1);
		SSL_shutdown(ssl);
	}
	_exit(0);
}

static void accept_one(nfds_t i)
{
	int fd = accept(sockets[i].fd, NULL, NULL);

	if (fd < 0)
		return;
	if (!fork())
		serve(contexts[i], names[i], fd);
	close(fd);
}

/**
 * server_run() - serve all ports, until the parent or a signal ends it
 */
_Noreturn void server_run(void)
{
	nfds_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		if (poll(sockets, count, -1) < 0)
			die("poll");
		for (i = 0; i < count; i++)
			if (sockets[i].revents)
				accept_one(i);
	}
}
