// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The process that has the authority's key, and does nothing but sign with it. It meets no
 * byte from the network; what it hears are requests of workers, which it does not trust.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "kbumpd.h"
#include "signer.h"

/* Holds some thirty times the numbers of an RSA key of 8192 bits. */
#define SECURE_HEAP	(512 * 1024)
#define SECURE_MIN	32

enum secure_heap_state {
	SECURE_FAILED,
	SECURE_LOCKED,
	SECURE_UNLOCKED,
};

/**
 * struct signer - the process
 *
 * @by: the authority that nobody trusts, and the operator's: by the request's @verified
 * @poll: sockets of the workers, then the master's pipe
 * @workers: how many
 * @made: certificates signed, by the request's @verified
 * @refused: requests refused
 * @request: the one that is answered
 * @answer: its answer
 */
struct signer {
	struct issuer by[2];
	struct pollfd *poll;
	unsigned int workers;
	unsigned long made[2];
	unsigned long refused;
	struct sign_request request;
	struct sign_answer answer;
};

static int load(struct signer *s, const struct setup *setup)
{
	switch (CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_MIN)) {
	case SECURE_LOCKED:
		break;
	case SECURE_UNLOCKED:
		log_line("signer: the memory for keys cannot be locked: they may reach the swap");
		break;
	default:
		log_line("signer: no memory for keys");
		return -1;
	}
	s->by[1].cert = setup->ca.cert;
	s->by[1].key = ca_key_load(setup->ca_key);
	if (!s->by[1].key)
		return -1;
	if (X509_check_private_key(setup->ca.cert, s->by[1].key) != 1) {
		log_line("%s is not the key of the authority's certificate", setup->ca_key->name);
		return -1;
	}
	if (issuer_make_untrusted(&s->by[0]) < 0) {
		log_line("signer: %s", openssl_error());
		return -1;
	}
	return 0;
}

static struct signer *signer_new(const int *fd, unsigned int workers, int life_fd)
{
	struct signer *s = calloc(1, sizeof(*s));
	unsigned int i;

	if (s)
		s->poll = calloc(workers + 1, sizeof(*s->poll));
	if (!s || !s->poll) {
		log_line("out of memory");
		free(s);
		return NULL;
	}
	s->workers = workers;
	for (i = 0; i < workers; i++)
		s->poll[i] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	s->poll[workers].fd = life_fd;
	return s;
}

static void signer_free(struct signer *s)
{
	free(s->poll);
	free(s);
}

/* A worker that does not read its answers is dead or stuck: it asks again, or its client. */
static void send_answer(const struct signer *s, int fd, size_t len)
{
	send(fd, &s->answer, SIGN_ANSWER_HEAD + len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Returns the answer's bytes, or 0 with the reason. */
static size_t make(struct signer *s, size_t len, const char **why)
{
	const struct sign_request *rq = &s->request;
	uint8_t *out = s->answer.data;
	X509 *cert = issue(&s->by[rq->verified == 1], rq, len, why);
	int size = cert ? i2d_X509(cert, NULL) : 0;

	if (size > 0 && size <= SIGN_ANSWER_MAX)
		i2d_X509(cert, &out);
	else if (cert)
		*why = "the certificate is too large";
	X509_free(cert);
	return size > 0 && size <= SIGN_ANSWER_MAX ? size : 0;
}

static void answer(struct signer *s, int fd)
{
	const char *why = "";
	ssize_t len = recv(fd, &s->request, sizeof(s->request), MSG_DONTWAIT | MSG_TRUNC);
	size_t size;

	if (len < (ssize_t)SIGN_REQUEST_HEAD || len > (ssize_t)sizeof(s->request))
		return;
	ERR_clear_error();
	size = make(s, len, &why);
	s->answer.number = s->request.number;
	s->answer.signed_one = !!size;
	if (size) {
		s->made[s->request.verified]++;
	} else {
		s->refused++;
		size = strlen(why);
		memcpy(s->answer.data, why, size);
	}
	send_answer(s, fd, size);
}

static void say_hello(struct signer *s)
{
	unsigned int i;

	s->answer.number = SIGN_NUMBER_HELLO;
	for (i = 0; i < s->workers; i++)
		send_answer(s, s->poll[i].fd, 0);
}

/* One request of each worker in turn: none can keep the others from being served. */
static void serve(struct signer *s)
{
	const struct pollfd *life = &s->poll[s->workers];
	unsigned int i;

	while (!life->revents) {
		if (poll(s->poll, s->workers + 1, -1) < 0)
			continue;
		for (i = 0; i < s->workers; i++)
			if (s->poll[i].revents)
				answer(s, s->poll[i].fd);
	}
	log_line("signer: %lu certificates for verified servers, %lu for others, %lu refused",
		 s->made[1], s->made[0], s->refused);
}

static int start(struct signer *s, const struct setup *setup, int ready_fd)
{
	int err = load(s, setup);

	ca_key_leave(setup->ca_key);
	if (err || filter_signer(ca_key_is_token(setup->ca_key)) < 0)
		return -1;
	if (write(ready_fd, "", 1) != 1)
		return -1;
	close(ready_fd);
	say_hello(s);
	return 0;
}

/**
 * signer_run() - sign until the master has closed its pipe
 * @setup: from the master
 * @fd: sockets of the workers
 * @workers: how many
 * @life_fd: the pipe; the master closes it, or dies, when the signer shall end
 * @ready_fd: gets one byte when the keys are there
 *
 * The keys are wiped by the end of the process: its memory is never anybody else's unzeroed.
 *
 * Return: 0, or -1 after it has said why it cannot sign.
 */
int signer_run(const struct setup *setup, const int *fd, unsigned int workers, int life_fd,
	       int ready_fd)
{
	struct signer *s = signer_new(fd, workers, life_fd);
	int err;

	if (!s)
		return -1;
	/* A Ctrl-C is for the workers first, which may still want certificates. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	err = confine_signer();
	if (!err)
		err = start(s, setup, ready_fd);
	if (!err)
		serve(s);
	signer_free(s);
	return err;
}
