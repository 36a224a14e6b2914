// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The command line. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kbumpd.h"

#define WORKERS_MAX	256

struct arguments {
	const char *ca_cert;
	const char *ca_key;
	const char *trust;
	unsigned int workers;
};

static const struct option options[] = {
	{ "ca-cert", required_argument, NULL, 'c' },
	{ "ca-key", required_argument, NULL, 'k' },
	{ "trust", required_argument, NULL, 't' },
	{ "workers", required_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static const char usage[] =
	"Usage: kbumpd --ca-cert FILE --ca-key FILE [--trust FILE|DIR] [--workers N]\n"
	"\n"
	"  --ca-cert FILE    certificate that signs the forged ones, and its chain\n"
	"  --ca-key FILE     its private key\n"
	"  --trust FILE|DIR  authorities that servers are verified with (default: the system's)\n"
	"  --workers N       worker processes (default: one for each processor)\n";

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

static int parse_option(struct arguments *a, int option)
{
	switch (option) {
	case 'c':
		a->ca_cert = optarg;
		return 0;
	case 'k':
		a->ca_key = optarg;
		return 0;
	case 't':
		a->trust = optarg;
		return 0;
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
	if (!a->workers)
		a->workers = processors();
	return 0;
}

int main(int argc, char **argv)
{
	struct arguments a = { };
	struct setup setup = { };
	int err;

	err = parse_arguments(&a, argc, argv);
	if (err)
		return err;
	if (ca_load(&setup.ca, a.ca_cert, a.ca_key) < 0 || contexts_make(&setup, a.trust) < 0 ||
	    confine() < 0)
		return EXIT_FAILURE;
	return master_run(&setup, a.workers) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
