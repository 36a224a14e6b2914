// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The operator's own servers: their clients get the real certificate, as the box has its key,
 * and need not trust anybody new.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/x509v3.h>

#include "kbumpd.h"

#define HOST_FLAGS	(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)

/**
 * struct identity - a server that is known
 *
 * Made by the master; workers only read it.
 *
 * @next: the one that was given before it, or NULL
 * @certs: its certificate, and those between it and a root
 * @key: its key
 * @kind: AUTH_* of that
 */
struct identity {
	struct identity *next;
	struct ca certs;
	EVP_PKEY *key;
	uint8_t kind;
};

static EVP_PKEY *read_key(const char *name)
{
	int fd = key_file_open(name);
	EVP_PKEY *key = fd < 0 ? NULL : key_file_read(fd, name, NULL);

	if (fd >= 0)
		close(fd);
	return key;
}

static int check(struct identity *id, const char *cert_file, const char *key_file)
{
	switch (EVP_PKEY_get_base_id(id->key)) {
	case EVP_PKEY_RSA:
		id->kind = AUTH_RSA;
		break;
	case EVP_PKEY_EC:
		id->kind = AUTH_ECDSA;
		break;
	default:
		log_line("%s: neither an RSA nor an ECDSA key", key_file);
		return -1;
	}
	if (X509_check_private_key(id->certs.cert, id->key) == 1)
		return 0;
	log_line("%s is not the key of the certificate %s", key_file, cert_file);
	return -1;
}

static int read_both(struct identity *id, const char *cert_file, const char *key_file)
{
	if (ca_read(&id->certs, cert_file) < 0)
		return -1;
	id->key = read_key(key_file);
	return id->key ? check(id, cert_file, key_file) : -1;
}

/**
 * identity_add() - read a certificate and its key
 * @s: gets it, in front of those that it has
 * @files: both files' names, with a comma between them; PEM, the certificate first in its file
 *
 * Return: 0, or -1 after it has said why.
 */
int identity_add(struct setup *s, const char *files)
{
	const char *comma = strchr(files, ',');
	struct identity *id = calloc(1, sizeof(*id));
	char *cert_file = comma ? strndup(files, comma - files) : NULL;
	int err = -1;

	if (!comma)
		log_line("--identity %s: not CERT,KEY", files);
	else if (!id || !cert_file)
		log_line("out of memory");
	else
		err = read_both(id, cert_file, comma + 1);
	free(cert_file);
	if (err < 0) {
		free(id);
		return -1;
	}
	id->next = s->identities;
	s->identities = id;
	return 0;
}

static bool is_for(const struct identity *id, const char *name)
{
	return X509_check_ip_asc(id->certs.cert, name, 0) == 1 ||
	       X509_check_host(id->certs.cert, name, 0, HOST_FLAGS, NULL) == 1;
}

/**
 * identity_find() - is the server one of the operator's own?
 * @c: the connection: the name in its ClientHello or, without one, the server's address
 * @kind: AUTH_* that suits best
 * @usable: AUTH_* that the client can use, 0 if it does not say
 *
 * Return: the identity to show to the client, or NULL.
 */
const struct identity *identity_find(const struct conn *c, uint8_t kind, uint8_t usable)
{
	const struct identity *id, *found = NULL;
	const char *name = c->hello.sni;
	char host[ADDRESS_TEXT];

	if (!*name)
		name = address_host(&c->server, host);
	for (id = c->worker->setup->identities; id; id = id->next) {
		if ((usable && !(id->kind & usable)) || !is_for(id, name))
			continue;
		if (!found || id->kind == kind)
			found = id;
	}
	return found;
}

/**
 * identity_use() - show it to the client
 * @c: the connection, which gets a reference to the certificate
 * @id: from identity_find()
 */
void identity_use(struct conn *c, const struct identity *id)
{
	X509_up_ref(id->certs.cert);
	c->leaf = id->certs.cert;
	c->leaf_key = id->key;
	c->leaf_chain = id->certs.chain;
}
