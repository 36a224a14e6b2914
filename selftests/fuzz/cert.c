// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a server's certificate to the forged one, under libFuzzer: whatever a server shows,
 * what is signed is a certificate of a server, for its names and no other, within its dates.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/x509v3.h>

#include "../../helper/kbumpd.h"
#include "../../helper/signer.h"
#include "fuzz.h"

static struct issuer issuer;
static EVP_PKEY *leaf_key;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	leaf_key = EVP_EC_gen("P-256");
	must(leaf_key && !issuer_make_untrusted(&issuer));
	return 0;
}

static int has_name(const GENERAL_NAMES *names, GENERAL_NAME *wanted)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (!GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), wanted))
			return 1;
	return 0;
}

static void check_names(const X509 *cert, const X509 *server)
{
	GENERAL_NAMES *ours = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	GENERAL_NAMES *theirs = X509_get_ext_d2i(server, NID_subject_alt_name, NULL, NULL);
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(ours); i++)
		must(has_name(theirs, sk_GENERAL_NAME_value(ours, i)));
	GENERAL_NAMES_free(ours);
	GENERAL_NAMES_free(theirs);
}

static void check(X509 *cert, const X509 *server)
{
	static const int known[] = {
		NID_basic_constraints, NID_key_usage, NID_ext_key_usage,
		NID_subject_key_identifier, NID_authority_key_identifier, NID_subject_alt_name,
	};
	size_t i;
	int found = 0;

	must(X509_verify(cert, issuer.key) == 1);
	must(X509_check_private_key(cert, leaf_key) == 1);
	must(!X509_check_ca(cert));
	must(X509_get_extended_key_usage(cert) == XKU_SSL_SERVER);
	must(ASN1_TIME_compare(X509_get0_notBefore(cert), X509_get0_notBefore(server)) >= 0);
	must(ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(server)) <= 0);
	for (i = 0; i < ARRAY_SIZE(known); i++)
		found += X509_get_ext_by_NID(cert, known[i], -1) >= 0;
	must(X509_get_ext_count(cert) == found);
	check_names(cert, server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sign_request rq;
	X509 *server = d2i_X509(NULL, &data, size), *cert;
	const char *why = NULL;
	size_t len;

	if (!server)
		return -1;
	memset(&rq, 0, SIGN_REQUEST_HEAD);
	rq.number = 1;
	if (!request_fill(&rq, leaf_key, server)) {
		len = SIGN_REQUEST_HEAD + rq.key_len + rq.subject_len + rq.names_len;
		must(len <= sizeof(rq));
		cert = issue(&issuer, &rq, len, &why);
		if (cert)
			check(cert, server);
		X509_free(cert);
	}
	X509_free(server);
	return 0;
}
