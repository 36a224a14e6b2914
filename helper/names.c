// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Is a certificate for this name? By the rules that browsers have made of RFC 6125: only
 * alternative names count, an asterisk stands for one whole label, the first, and never for
 * all that is below a public suffix. Names are compared in their A-label form (xn--), which
 * both the ClientHello and certificates have.
 */
#include <arpa/inet.h>
#include <string.h>
#include <libpsl.h>
#include <openssl/x509v3.h>

#include "verify.h"

#define CHECK_FLAGS	(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | \
			 X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)

/* *.co.uk; only registries' suffixes: owners of others may well have such a certificate. */
static bool is_too_wide(const char *pattern)
{
	return pattern[0] == '*' && pattern[1] == '.' &&
	       psl_is_public_suffix2(psl_builtin(), pattern + 2, PSL_TYPE_ICANN);
}

static bool host_matches(X509 *cert, const char *name)
{
	char *pattern = NULL;
	bool wide;

	/* To OpenSSL it would mean all names that end so. */
	if (name[0] == '.')
		return false;
	if (X509_check_host(cert, name, 0, CHECK_FLAGS, &pattern) != 1)
		return false;
	wide = is_too_wide(pattern);
	OPENSSL_free(pattern);
	return !wide || X509_check_host(cert, name, 0, CHECK_FLAGS | X509_CHECK_FLAG_NO_WILDCARDS,
					NULL) == 1;
}

/**
 * name_matches() - is a certificate for this name?
 * @cert: the server's
 * @name: host name, or an address, which must be among the certificate's addresses
 *
 * Return: true if it is.
 */
bool name_matches(X509 *cert, const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];
	size_t len = 0;

	if (inet_pton(AF_INET, name, address) == 1)
		len = sizeof(struct in_addr);
	else if (inet_pton(AF_INET6, name, address) == 1)
		len = sizeof(struct in6_addr);
	return len ? X509_check_ip(cert, address, len, CHECK_FLAGS) == 1 :
		     host_matches(cert, name);
}

static bool has_nul(const ASN1_STRING *s)
{
	return memchr(ASN1_STRING_get0_data(s), '\0', ASN1_STRING_length(s));
}

static bool common_name_has_nul(const X509_NAME *subject)
{
	const X509_NAME_ENTRY *e;
	ASN1_STRING *s;
	int at = -1;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
		e = X509_NAME_get_entry(subject, at);
		s = X509_NAME_ENTRY_get_data(e);
		/* In the forms of 16 and 32 bits each NUL is half a letter. */
		if (ASN1_STRING_type(s) != V_ASN1_BMPSTRING &&
		    ASN1_STRING_type(s) != V_ASN1_UNIVERSALSTRING && has_nul(s))
			return true;
	}
	return false;
}

/**
 * name_is_deceptive() - does a name hold a NUL, to be taken for a shorter one by others?
 * @cert: the server's
 *
 * Return: true if one does.
 */
bool name_is_deceptive(X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = common_name_has_nul(X509_get_subject_name(cert));
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		found = n->type == GEN_DNS && has_nul(n->d.dNSName);
	}
	GENERAL_NAMES_free(names);
	return found;
}
