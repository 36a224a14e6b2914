// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The command line. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kbumpd.h"

#define WORKERS_MAX	256
#define IDENTITIES_MAX	256

struct arguments {
	const char *ca_cert;
	const char *ca_key;
	const char *pass_command;
	const char *user;
	const char *key_log;
	const char *ciphers;
	uint16_t min_version;
	struct trust trust;
	const char *identity[IDENTITIES_MAX];
	unsigned int identities;
	unsigned int workers;
};

static const struct option options[] = {
	{ "ca-cert", required_argument, NULL, 'c' },
	{ "ca-key", required_argument, NULL, 'k' },
	{ "ca-pass-command", required_argument, NULL, 'p' },
	{ "trust", required_argument, NULL, 't' },
	{ "crl", required_argument, NULL, 'r' },
	{ "ocsp", required_argument, NULL, 'o' },
	{ "min-version", required_argument, NULL, 'm' },
	{ "ciphers", required_argument, NULL, 'C' },
	{ "identity", required_argument, NULL, 'i' },
	{ "workers", required_argument, NULL, 'w' },
	{ "user", required_argument, NULL, 'u' },
	{ "log", required_argument, NULL, 'L' },
	{ "key-log", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static const char usage[] =
	"Usage: kbumpd --ca-cert FILE --ca-key FILE|pkcs11:URI [OPTION]...\n"
	"\n"
	"  --ca-cert FILE         certificate that signs the forged ones, and its chain\n"
	"  --ca-key FILE          its private key: a file that only its owner may read, or\n"
	"                         the URI of a key in a PKCS #11 token\n"
	"  --ca-pass-command CMD  prints the passphrase of that file, or the PIN of the token\n"
	"  --trust FILE|DIR       authorities that servers are verified with (default: the\n"
	"                         system's)\n"
	"  --crl FILE|DIR         revocation lists of those authorities\n"
	"  --ocsp MODE            soft: refuse who is known to be revoked (default); hard:\n"
	"                         demand proof, by stapled OCSP response or list; off: look\n"
	"                         at neither\n"
	"  --min-version V        lowest TLS version to speak: 1.2 (default), 1.3; 1.0 or 1.1 for\n"
	"                         what can do no better\n"
	"  --ciphers LIST         of the cipher suites offered to servers, only these: NAME:NAME\n"
	"  --identity CERT,KEY    a server of one's own: its clients get this certificate, not a\n"
	"                         forged one; may be given several times\n"
	"  --workers N            worker processes (default: one for each processor)\n"
	"  --user NAME            whom to become (default: kbumpd or, if there is none, nobody)\n"
	"  --log text|json        form of the lines on the standard error (default: text)\n"
	"  --key-log FILE         DANGEROUS: append the secrets of all connections to this file\n";

static int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int usage_error(const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_line("%s (kbumpd --help shows the options)", text);
	return EXIT_USAGE;
}

static unsigned int processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : n;
}

static int parse_workers(struct arguments *a, const char *word)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(word, &end, 10);
	if (errno || end == word || *end || n < 1 || n > WORKERS_MAX)
		return usage_error("--workers %s: not a number from 1 to %d", word, WORKERS_MAX);
	a->workers = n;
	return 0;
}

static int add_identity(struct arguments *a, const char *files)
{
	if (a->identities == IDENTITIES_MAX)
		return usage_error("--identity: given more than %d times", IDENTITIES_MAX);
	a->identity[a->identities++] = files;
	return 0;
}

static int parse_ocsp(struct arguments *a, const char *word)
{
	if (!strcmp(word, "soft"))
		a->trust.revocation = REVOCATION_SOFT;
	else if (!strcmp(word, "hard"))
		a->trust.revocation = REVOCATION_HARD;
	else if (!strcmp(word, "off"))
		a->trust.revocation = REVOCATION_OFF;
	else
		return usage_error("--ocsp %s: not one of soft, hard, off", word);
	return 0;
}

static int parse_min_version(struct arguments *a, const char *word)
{
	if (!strcmp(word, "1.0"))
		a->min_version = TLS1_VERSION;
	else if (!strcmp(word, "1.1"))
		a->min_version = TLS1_1_VERSION;
	else if (!strcmp(word, "1.2"))
		a->min_version = TLS1_2_VERSION;
	else if (!strcmp(word, "1.3"))
		a->min_version = TLS1_3_VERSION;
	else
		return usage_error("--min-version %s: not one of 1.0, 1.1, 1.2, 1.3", word);
	return 0;
}

static int parse_log(const char *word)
{
	if (strcmp(word, "text") && strcmp(word, "json"))
		return usage_error("--log %s: neither text nor json", word);
	log_setup(!strcmp(word, "json"));
	return 0;
}

static int parse_option(struct arguments *a, int option)
{
	switch (option) {
	case 'c':
		a->ca_cert = optarg;
		return 0;
	case 'k':
		a->ca_key = optarg;
		return 0;
	case 'p':
		a->pass_command = optarg;
		return 0;
	case 'u':
		a->user = optarg;
		return 0;
	case 'L':
		return parse_log(optarg);
	case 'l':
		a->key_log = optarg;
		return 0;
	case 't':
		a->trust.anchors = optarg;
		return 0;
	case 'r':
		a->trust.crls = optarg;
		return 0;
	case 'o':
		return parse_ocsp(a, optarg);
	case 'm':
		return parse_min_version(a, optarg);
	case 'C':
		a->ciphers = optarg;
		return 0;
	case 'i':
		return add_identity(a, optarg);
	case 'w':
		return parse_workers(a, optarg);
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		return EXIT_USAGE;	/* getopt has said why */
	}
}

static int parse_arguments(struct arguments *a, int argc, char **argv)
{
	int option, err;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		err = parse_option(a, option);
		if (err)
			return err;
	}
	if (optind < argc)
		return usage_error("unexpected word %s", argv[optind]);
	if (!a->ca_cert)
		return usage_error("--ca-cert is missing");
	if (!a->ca_key)
		return usage_error("--ca-key is missing");
	if (a->trust.crls && a->trust.revocation == REVOCATION_OFF)
		return usage_error("--crl has no effect with --ocsp off");
	if (!a->workers)
		a->workers = processors();
	return 0;
}

static int prepare_servers(struct setup *s, struct arguments *a)
{
	s->min_version = a->min_version;
	s->suites = SUITES_DEFAULT;
	if (a->ciphers && narrow_ciphers(s, a->ciphers) < 0)
		return -1;
	if (narrow_check(s) < 0)
		return -1;
	a->trust.own = s->ca.cert;
	s->trust = &a->trust;
	return trust_load(s->trust) < 0 ? -1 : contexts_make(s);
}

static int prepare(struct setup *s, struct arguments *a)
{
	unsigned int i;

	if (ca_load(&s->ca, a->ca_cert) < 0 ||
	    ca_key_open(s->ca_key, a->ca_key, a->pass_command) < 0 || prepare_servers(s, a) < 0)
		return -1;
	for (i = 0; i < a->identities; i++)
		if (identity_add(s, a->identity[i]) < 0)
			return -1;
	if (a->key_log && key_log_open(a->key_log) < 0)
		return -1;
	return confine(a->user);
}

int main(int argc, char **argv)
{
	struct arguments a = { .min_version = TLS1_2_VERSION };
	struct ca_key key = { .fd = -1 };
	struct setup setup = { .ca_key = &key };
	int err;

	err = parse_arguments(&a, argc, argv);
	if (err)
		return err;
	err = prepare(&setup, &a);
	if (!err)
		err = master_run(&setup, a.workers);
	ca_key_leave(&key);
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
