// SPDX-License-Identifier: GPL-2.0-only
/* The cases: what is wrong with a server, and what kbumpd has to find. */
#include "../helper/kbumpd.h"
#include "certs.h"

#define OK		KBUMP_CERT_OK
#define EXPIRED		KBUMP_CERT_EXPIRED
#define NAME		KBUMP_CERT_NAME
#define SELF		KBUMP_CERT_SELF_SIGNED
#define UNKNOWN_CA	KBUMP_CERT_UNTRUSTED
#define WEAK		KBUMP_CERT_WEAK
#define INVALID		KBUMP_CERT_INVALID
#define BAD_REVOKED	KBUMP_CERT_REVOKED

/* So that what is not said is left out without a warning. */
#define ROW(n, e, ...)	{ .name = (n), .expect = (e), __VA_ARGS__ }

#define FORM	"a matter of form: no browser refuses it, and no other check needs it"

/* DER of www.example.test, and of that with a NUL and .example.org after it. */
#define DER_HOST	"82107777772e6578616d706c652e74657374"
#define DER_NUL_HOST	"821d7777772e6578616d706c652e74657374002e6578616d706c652e6f7267"

#define SAN(value)	{ .ext = "subjectAltName=" value }
#define EXT(value)	{ .ext = value }
#define HARD		.revocation = REVOCATION_HARD
#define MUST_STAPLE	{ .ext = "tlsfeature=status_request" }

const struct row rows[] = {
	/* Good ones: what refuses all would pass the rest. */
	ROW("good", OK),
	ROW("good-rsa", OK, .leaf.key = "rsa:2048"),
	ROW("good-no-intermediate", OK, .flags = NO_INTER),
	ROW("good-root-sent", OK, .flags = ROOT_SENT),
	ROW("good-wildcard", OK, .leaf = SAN("DNS:*.example.test")),
	ROW("good-idn", OK, .host = "xn--bcher-kva.example.test",
	    .leaf = SAN("DNS:xn--bcher-kva.example.test")),
	ROW("good-address", OK, .host = "127.0.0.1", .leaf = SAN("IP:127.0.0.1")),
	ROW("good-address-6", OK, .host = "fd00::1", .leaf = SAN("IP:fd00::1"), .flags = ONLY_OURS),
	ROW("good-upper-case", OK, .leaf = SAN("DNS:WWW.Example.TEST")),
	ROW("good-no-eku", OK, .leaf = EXT("extendedKeyUsage=")),
	ROW("good-p384-p521", OK, .leaf.key = "ec:P-384", .inter.key = "ec:P-521"),
	ROW("good-self-signed-trusted", OK, .flags = SELF_SIGNED | LEAF_TRUSTED),

	/* Dates. */
	ROW("expired", EXPIRED, .leaf = { .from = -20, .to = -10 }),
	ROW("not-yet-valid", EXPIRED, .leaf = { .from = 10, .to = 20 }),
	ROW("expired-intermediate", EXPIRED, .inter = { .from = -20, .to = -10 }),
	ROW("expired-root", EXPIRED, .root = { .from = -20, .to = -10 }),

	/* Chains. */
	ROW("self-signed", SELF, .flags = SELF_SIGNED),
	ROW("untrusted-root", UNKNOWN_CA, .flags = UNTRUSTED | NO_INTER, .root.subject = "nobody"),
	ROW("untrusted-root-sent", UNKNOWN_CA, .flags = UNTRUSTED | ROOT_SENT),
	ROW("incomplete-chain", UNKNOWN_CA, .flags = INCOMPLETE),
	ROW("wrong-signature", INVALID, .flags = TAMPERED_LEAF),
	ROW("wrong-signature-intermediate", INVALID, .flags = TAMPERED_INTER),
	ROW("signed-by-no-ca", INVALID, .inter = EXT("basicConstraints=critical,CA:FALSE")),
	ROW("signed-by-server", INVALID, .inter = EXT("basicConstraints=critical,CA:FALSE\n"
							 "keyUsage=critical,digitalSignature")),
	ROW("signed-without-cert-sign", INVALID, .inter = EXT("keyUsage=critical,cRLSign")),
	ROW("no-basic-constraints", INVALID, .inter = EXT("basicConstraints=")),
	ROW("path-length", INVALID, .root = EXT("basicConstraints=critical,CA:TRUE,pathlen:0")),
	ROW("path-length-intermediates", INVALID, .more = 2,
	    .root = EXT("basicConstraints=critical,CA:TRUE,pathlen:2")),
	ROW("path-length-enough", OK, .more = 2,
	    .root = EXT("basicConstraints=critical,CA:TRUE,pathlen:3")),
	ROW("ten-intermediates", OK, .more = 9),
	ROW("too-many-intermediates", INVALID, .more = 10),
	ROW("loop", UNKNOWN_CA, .flags = LOOP),
	ROW("crowd", OK, .flags = CROWD),
	ROW("expired-twin-intermediate", OK, .flags = OTHER_INTER),

	/* The box's own authority, which signs for another box perhaps. */
	ROW("own-authority", UNKNOWN_CA, .flags = OWN_ROOT),
	ROW("own-authority-signed-anew", UNKNOWN_CA, .flags = OWN_AGAIN),
	ROW("own-authority-cross-signed", UNKNOWN_CA, .flags = OWN_CROSS),

	/* Name constraints. */
	ROW("constrained-permitted", OK, .inter = EXT("nameConstraints=critical,permitted;"
						      "DNS:example.test")),
	ROW("constrained-other", INVALID, .inter = EXT("nameConstraints=critical,permitted;"
						       "DNS:example.org")),
	ROW("constrained-excluded", INVALID, .inter = EXT("nameConstraints=critical,excluded;"
							  "DNS:example.test")),
	ROW("constrained-root", INVALID, .root = EXT("nameConstraints=critical,permitted;"
						     "DNS:example.org")),
	ROW("constrained-wildcard", INVALID, .leaf = SAN("DNS:*.example.test"),
	    .inter = EXT("nameConstraints=critical,excluded;DNS:example.test")),
	ROW("constrained-address", INVALID, .host = "127.0.0.1", .leaf = SAN("IP:127.0.0.1"),
	    .inter = EXT("nameConstraints=critical,excluded;IP:127.0.0.0/255.0.0.0")),

	/* Usage. */
	ROW("eku-client", INVALID, .leaf = EXT("extendedKeyUsage=clientAuth")),
	ROW("eku-any", INVALID, .leaf = EXT("extendedKeyUsage=anyExtendedKeyUsage")),
	ROW("eku-step-up", INVALID, .leaf = EXT("extendedKeyUsage=2.16.840.1.113730.4.1")),
	ROW("eku-intermediate", INVALID, .inter = EXT("extendedKeyUsage=clientAuth")),
	ROW("eku-intermediate-server", OK, .inter = EXT("extendedKeyUsage=serverAuth,clientAuth")),
	ROW("usage-key-agreement", INVALID, .leaf = EXT("keyUsage=critical,keyAgreement"),
	    .flags = ONLY_OURS),
	ROW("usage-encipherment", INVALID, .leaf = { .key = "rsa:2048",
	    .ext = "keyUsage=critical,keyEncipherment" }),
	ROW("usage-cert-sign-leaf", INVALID,
	    .leaf = EXT("keyUsage=critical,digitalSignature,keyCertSign")),
	ROW("policy-required", INVALID,
	    .inter = EXT("policyConstraints=critical,requireExplicitPolicy:0")),
	ROW("policy-required-and-there", OK, .leaf = EXT("certificatePolicies=1.2.3.4"),
	    .inter = EXT("policyConstraints=critical,requireExplicitPolicy:0\n"
			 "certificatePolicies=1.2.3.4"),
	    .why = "RFC 5280 section 6.1.1 (c): who names no policy takes any; openssl takes none"),

	/* Signatures and keys. */
	ROW("md5-leaf", WEAK, .leaf.digest = "MD5", .inter.key = "rsa:2048"),
	ROW("sha1-leaf", WEAK, .leaf.digest = "SHA1"),
	ROW("sha1-intermediate", WEAK, .inter.digest = "SHA1"),
	ROW("sha1-root", OK, .root.digest = "SHA1"),
	ROW("rsa-768", WEAK, .leaf.key = "rsa:768"),
	ROW("rsa-1024", WEAK, .leaf.key = "rsa:1024"),
	ROW("rsa-1024-intermediate", WEAK, .inter.key = "rsa:1024"),
	ROW("rsa-1024-root", WEAK, .root.key = "rsa:1024"),
	ROW("ec-192-intermediate", WEAK, .inter.key = "ec:P-192"),
	ROW("ec-192", HANDSHAKE_FAILS, .leaf.key = "ec:P-192"),
	ROW("explicit-curve-intermediate", WEAK, .inter.key = "explicit:P-256"),
	ROW("rsa-8192", OK, .leaf.key = "big:8192"),
	ROW("rsa-16384", HANDSHAKE_FAILS, .leaf.key = "big:16384", .flags = ONLY_OURS),
	ROW("rsa-16384-intermediate", HANDSHAKE_FAILS, .inter.key = "big:16384"),

	/* Extensions and versions. */
	ROW("critical-unknown", INVALID, .leaf = EXT("1.2.3.4.5=critical,DER:0500")),
	ROW("critical-unknown-intermediate", INVALID, .inter = EXT("1.2.3.4.5=critical,DER:0500")),
	ROW("unknown", OK, .leaf = EXT("1.2.3.4.5=DER:0500")),
	ROW("extension-twice", INVALID, .flags = DUPLICATE),
	ROW("version-1-leaf", NAME, .leaf = { .version = X509_VERSION_1, .versioned = true }),
	ROW("version-1-intermediate", INVALID,
	    .inter = { .version = X509_VERSION_1, .versioned = true }),
	ROW("version-1-root", OK, .root = { .version = X509_VERSION_1, .versioned = true },
	    .why = "the operator trusts it: RFC 5280 takes no more than its name and key"),
	ROW("no-key-identifiers", OK, .leaf = EXT("authorityKeyIdentifier="),
	    .inter = EXT("subjectKeyIdentifier=\nauthorityKeyIdentifier="), .why = FORM),
	ROW("constraints-not-critical", OK, .inter = EXT("basicConstraints=CA:TRUE"), .why = FORM),
	ROW("root-without-key-usage", OK, .root = EXT("keyUsage="), .why = FORM),
	ROW("path-length-leaf", INVALID,
	    .leaf = EXT("basicConstraints=critical,CA:FALSE,pathlen:1")),

	/* Names. */
	ROW("wrong-host", NAME, .leaf = SAN("DNS:other.example.test")),
	ROW("no-names", INVALID, .leaf = EXT("subjectAltName=DER:3000")),
	ROW("common-name-only", NAME, .leaf = EXT("subjectAltName=")),
	ROW("no-subject", OK,
	    .leaf = { .subject = "", .ext = "subjectAltName=critical,DNS:" HOST }),
	ROW("no-subject-not-critical", OK, .leaf.subject = "", .why = FORM),
	ROW("common-name-other", OK, .leaf.subject = "something else"),
	ROW("nul-in-name", INVALID, .leaf = EXT("subjectAltName=DER:301f" DER_NUL_HOST)),
	ROW("nul-in-other-name", INVALID,
	    .leaf = EXT("subjectAltName=DER:3031" DER_HOST DER_NUL_HOST)),
	ROW("wildcard-tld", NAME, .leaf = SAN("DNS:*.test"), .host = "example.test"),
	ROW("wildcard-all", NAME, .leaf = SAN("DNS:*")),
	ROW("wildcard-public-suffix", NAME, .leaf = SAN("DNS:*.co.uk"), .host = "example.co.uk"),
	ROW("wildcard-below-suffix", OK, .leaf = SAN("DNS:*.example.co.uk"),
	    .host = "www.example.co.uk"),
	ROW("wildcard-and-exact", OK, .leaf = SAN("DNS:*.co.uk,DNS:example.co.uk"),
	    .host = "example.co.uk"),
	ROW("wildcard-partial", NAME, .leaf = SAN("DNS:w*.example.test")),
	ROW("wildcard-second", NAME, .leaf = SAN("DNS:www.*.test")),
	ROW("wildcard-two-levels", NAME, .leaf = SAN("DNS:*.example.test"),
	    .host = "a.b.example.test"),
	ROW("wildcard-twice", NAME, .leaf = SAN("DNS:*.*.test")),
	ROW("wildcard-parent", NAME, .leaf = SAN("DNS:*.example.test"), .host = "example.test"),
	ROW("dot-first", NAME, .host = ".example.test", .flags = ONLY_OURS),
	/* b\xc3\xbccher.example.test: not as it is in the ClientHello */
	ROW("idn-u-label", NAME, .host = "xn--bcher-kva.example.test",
	    .leaf = EXT("subjectAltName=DER:301682144bc3bc636865722e6578616d706c652e74657374")),
	ROW("address-as-name", NAME, .host = "127.0.0.1", .leaf = SAN("DNS:127.0.0.1")),
	ROW("address-as-common-name", NAME, .host = "127.0.0.1",
	    .leaf = { .subject = "127.0.0.1", .ext = "subjectAltName=" }),
	ROW("address-other", NAME, .host = "127.0.0.1", .leaf = SAN("IP:127.0.0.2")),
	ROW("address-wildcard", NAME, .host = "127.0.0.1", .leaf = SAN("DNS:*.0.0.1")),
	ROW("3000-names", OK, .flags = MANY_NAMES),
	ROW("1000-constraints", OK, .flags = MANY_CONSTRAINTS),
	ROW("3000-names-by-1000-constraints", INVALID, .flags = MANY_NAMES | MANY_CONSTRAINTS),
	ROW("10000-names", HANDSHAKE_FAILS, .flags = TOO_MANY_NAMES),

	/* Several at once: the worst is told. */
	ROW("expired-wrong-host", NAME, .leaf = { .from = -20, .to = -10,
	    .ext = "subjectAltName=DNS:other.example.test" }),
	ROW("self-signed-expired-wrong-host", SELF, .flags = SELF_SIGNED,
	    .leaf = { .from = -20, .to = -10, .ext = "subjectAltName=DNS:other.example.test" }),
	ROW("untrusted-weak", WEAK, .flags = INCOMPLETE, .leaf.key = "rsa:1024"),
	ROW("expired-invalid", INVALID, .leaf = { .from = -20, .to = -10,
	    .ext = "extendedKeyUsage=clientAuth" }),
	ROW("revoked-invalid", BAD_REVOKED, .crl = CRL_REVOKED,
	    .leaf = EXT("extendedKeyUsage=clientAuth")),

	/* Revocation lists. */
	ROW("crl-good", OK, .crl = CRL_GOOD),
	ROW("crl-revoked", BAD_REVOKED, .crl = CRL_REVOKED),
	ROW("crl-revoked-hard", BAD_REVOKED, .crl = CRL_REVOKED, HARD),
	ROW("crl-revoked-off", OK, .crl = CRL_REVOKED, .revocation = REVOCATION_OFF,
	    .why = "the operator has said so"),
	ROW("crl-revoked-intermediate", BAD_REVOKED, .crl = CRL_REVOKED_INTER),
	ROW("crl-stale", OK, .crl = CRL_STALE_GOOD, .why = "soft: a list out of date is like none"),
	ROW("crl-stale-revoked", BAD_REVOKED, .crl = CRL_STALE_REVOKED),
	ROW("crl-stale-hard", INVALID, .crl = CRL_STALE_GOOD, HARD),
	ROW("crl-forged-hard", BAD_REVOKED, .crl = CRL_FORGED, HARD),
	ROW("crl-good-hard", OK, .crl = CRL_GOOD, HARD),
	ROW("no-proof-hard", INVALID, HARD),

	/* Stapled OCSP responses. */
	ROW("staple-good-hard", OK, .staple = GOOD, HARD),
	ROW("staple-revoked", BAD_REVOKED, .staple = REVOKED),
	ROW("staple-revoked-crl-good", BAD_REVOKED, .staple = REVOKED, .crl = CRL_GOOD, HARD),
	ROW("staple-good-crl-revoked", BAD_REVOKED, .staple = GOOD, .crl = CRL_REVOKED, HARD),
	ROW("staple-revoked-off", OK, .staple = REVOKED, .revocation = REVOCATION_OFF),
	ROW("staple-unknown-hard", INVALID, .staple = UNKNOWN, HARD),
	ROW("staple-stale", OK, .staple = STALE),
	ROW("staple-stale-hard", INVALID, .staple = STALE, HARD),
	ROW("staple-endless-hard", OK, .staple = ENDLESS, HARD),
	ROW("staple-endless-old-hard", INVALID, .staple = ENDLESS_OLD, HARD),
	ROW("staple-other-serial-hard", INVALID, .staple = OTHER_SERIAL, HARD),
	ROW("staple-other-signer-hard", INVALID, .staple = OTHER_SIGNER, HARD),
	ROW("staple-delegated-hard", OK, .staple = DELEGATED, HARD),
	ROW("staple-delegated-no-eku-hard", INVALID, .staple = DELEGATED_NO_EKU, HARD),
	ROW("staple-delegated-other-hard", INVALID, .staple = DELEGATED_OTHER, HARD),
	ROW("staple-sha1-hard", INVALID, .staple = SHA1_SIGNED, HARD),
	ROW("staple-garbage", OK, .staple = GARBAGE),
	ROW("staple-garbage-hard", INVALID, .staple = GARBAGE, HARD),
	ROW("must-staple", INVALID, .leaf = MUST_STAPLE),
	ROW("must-staple-good", OK, .leaf = MUST_STAPLE, .staple = GOOD),
	ROW("must-staple-stale", INVALID, .leaf = MUST_STAPLE, .staple = STALE),
	ROW("must-staple-crl", INVALID, .leaf = MUST_STAPLE, .crl = CRL_GOOD, HARD),
	ROW("must-staple-intermediate", INVALID, .inter = MUST_STAPLE),
	ROW("must-staple-off", OK, .leaf = MUST_STAPLE, .revocation = REVOCATION_OFF),

	/* For the test through the box. */
	ROW("client-cert", HANDSHAKE_FAILS, .flags = CLIENT_CERT | ONLY_OURS),
};

const size_t rows_count = ARRAY_SIZE(rows);
