// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the signer is asked for. Of a server's certificate names and dates go into the forged
 * one: what else it says was said by another authority.
 */
#include <string.h>
#include <time.h>
#include <event2/util.h>
#include <openssl/x509v3.h>

#include "kbumpd.h"
#include "signer.h"

/* A Name without an entry. */
static const uint8_t no_subject[] = { 0x30, 0 };

static int put_key(struct sign_request *rq, EVP_PKEY *key)
{
	uint8_t *out = rq->data;
	int len = i2d_PUBKEY(key, NULL);

	if (len <= 0 || len > SIGN_KEY_MAX || i2d_PUBKEY(key, &out) != len)
		return -1;
	rq->key_len = len;
	return 0;
}

/* A subject that is too long is left out: the alternative names are what counts. */
static int put_subject(struct sign_request *rq, const X509 *server)
{
	const uint8_t *der;
	size_t len;

	if (X509_NAME_get0_der(X509_get_subject_name(server), &der, &len) != 1)
		return -1;
	if (len > SIGN_SUBJECT_MAX) {
		der = no_subject;
		len = sizeof(no_subject);
	}
	memcpy(rq->data + rq->key_len, der, len);
	rq->subject_len = len;
	return 0;
}

static bool is_host_name(const uint8_t *text, int len)
{
	int i;

	for (i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len > 0 && len <= UINT8_MAX;
}

static int put_name(struct sign_request *rq, int type, const uint8_t *data, int len)
{
	uint8_t *out = rq->data + rq->key_len + rq->subject_len + rq->names_len;

	if (rq->names_len + 2 + len > SIGN_NAMES_MAX)
		return -1;
	out[0] = type;
	out[1] = len;
	memcpy(out + 2, data, len);
	rq->names_len += 2 + len;
	return 0;
}

/* Names that are no server's are left out. */
static int put_server_name(struct sign_request *rq, const GENERAL_NAME *name)
{
	int type, len;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(name, &type);

	if (type != GEN_DNS && type != GEN_IPADD)
		return 0;
	len = ASN1_STRING_length(s);
	if (type == GEN_DNS ? !is_host_name(ASN1_STRING_get0_data(s), len) :
			      len != 4 && len != 16)
		return 0;
	return put_name(rq, type, ASN1_STRING_get0_data(s), len);
}

static int put_names(struct sign_request *rq, const X509 *server)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(server, NID_subject_alt_name, NULL, NULL);
	int i, err = 0;

	for (i = 0; !err && i < sk_GENERAL_NAME_num(names); i++)
		err = put_server_name(rq, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return err;
}

static int put_dates(struct sign_request *rq, const X509 *server)
{
	struct tm from, to;

	if (ASN1_TIME_to_tm(X509_get0_notBefore(server), &from) != 1 ||
	    ASN1_TIME_to_tm(X509_get0_notAfter(server), &to) != 1)
		return -1;
	rq->from = timegm(&from);
	rq->to = timegm(&to);
	return 0;
}

/**
 * request_fill() - fill a request in but for its number and its verdict
 * @rq: its lengths are 0
 * @key: of the worker, that the certificate is for
 * @server: the server's certificate
 *
 * Names are those of the server, or fewer, and never more.
 *
 * Return: NULL, or the reason why there can be no request.
 */
const char *request_fill(struct sign_request *rq, EVP_PKEY *key, const X509 *server)
{
	if (put_key(rq, key) < 0)
		return openssl_error();
	if (put_subject(rq, server) < 0)
		return "the server's certificate has no subject that can be read";
	if (put_names(rq, server) < 0)
		return "the server's certificate has too many names";
	return put_dates(rq, server) < 0 ? "the server's certificate has no dates" : NULL;
}

static int put_host(struct sign_request *rq, const char *host)
{
	uint8_t address[sizeof(struct in6_addr)];

	if (evutil_inet_pton(AF_INET, host, address) == 1)
		return put_name(rq, GEN_IPADD, address, sizeof(struct in_addr));
	if (evutil_inet_pton(AF_INET6, host, address) == 1)
		return put_name(rq, GEN_IPADD, address, sizeof(struct in6_addr));
	if (!is_host_name((const uint8_t *)host, strlen(host)))
		return -1;
	return put_name(rq, GEN_DNS, (const uint8_t *)host, strlen(host));
}

/**
 * request_fill_host() - the same for a host whose certificate is not at hand
 * @rq: its lengths are 0
 * @key: of the worker, that the certificate is for
 * @host: its name, or its address as a text
 * @from: the certificate's first second, since 1970
 * @to: its last one
 *
 * Return: NULL, or the reason why there can be no request.
 */
const char *request_fill_host(struct sign_request *rq, EVP_PKEY *key, const char *host,
			      int64_t from, int64_t to)
{
	if (put_key(rq, key) < 0)
		return openssl_error();
	memcpy(rq->data + rq->key_len, no_subject, sizeof(no_subject));
	rq->subject_len = sizeof(no_subject);
	if (put_host(rq, host) < 0)
		return "not a host's name";
	rq->from = from;
	rq->to = to;
	return NULL;
}
