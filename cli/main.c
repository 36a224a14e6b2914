// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* kbump(8): show and change what the kbump module of a network namespace does. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct options opt;

static const char usage[] =
	"Usage: kbump [ OPTION ]... OBJECT [ COMMAND ]\n"
	"       kbump [ OPTION ]... -f FILE\n"
	"OBJECT := { rule | tool | group | flow | stat | helper | set | explain | monitor | save | flush |\n"
	"            check }\n"
	"OPTION := { -j[son] | -p[retty] | -s[tatistics] | -e[cho] | -n[etns] NETNS |\n"
	"            -f[ile] FILE | -V[ersion] | -h[elp] }\n"
	"\"kbump OBJECT help\" tells the commands of an object.\n";

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ "statistics", no_argument, NULL, 's' },
	{ "echo", no_argument, NULL, 'e' },
	{ "netns", required_argument, NULL, 'n' },
	{ "file", required_argument, NULL, 'f' },
	{ "Version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{}
};

struct arguments {
	const char *netns;
	const char *file;
	const char *text;	/* print this, and do nothing else */
};

static int take_option(struct arguments *a, int letter)
{
	switch (letter) {
	case 'j':
		opt.json = true;
		return 0;
	case 'p':
		opt.pretty = true;
		return 0;
	case 's':
		opt.stats = true;
		return 0;
	case 'e':
		opt.echo = true;
		return 0;
	case 'n':
		a->netns = optarg;
		return 0;
	case 'f':
		a->file = optarg;
		return 0;
	case 'V':
		a->text = "kbump " KBUMP_VERSION "\n";
		return 0;
	case 'h':
		a->text = usage;
		return 0;
	default:
		/* getopt has said what is wrong. */
		return EXIT_USAGE;
	}
}

/* Options end at the first word that is none, as in ip(8). */
static int take_options(struct arguments *a, int argc, char **argv)
{
	int err = 0;
	int letter;

	while (!err && (letter = getopt_long_only(argc, argv, "+jpsen:f:Vh", options, NULL)) != -1)
		err = take_option(a, letter);
	return err;
}

static int run_words(int argc, char **argv)
{
	struct command c = {};
	int err;

	err = command_parse(&c, argc, argv);
	if (!err)
		err = command_run(&c);
	command_free(&c);
	return err;
}

static int run(const struct arguments *a, int argc, char **argv)
{
	int err;

	if (a->text) {
		fputs(a->text, stdout);
		return 0;
	}
	if (a->file && argc)
		return usage_error(NULL, "\"%s\": with -f all commands are in the file", argv[0]);
	if (!a->file && !argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	err = a->netns ? netns_enter(a->netns) : 0;
	if (err)
		return err;
	return a->file ? batch_run(a->file) : run_words(argc, argv);
}

int main(int argc, char **argv)
{
	struct arguments a = {};
	int err;

	/* A message is one write, that those of several programs do not mix. */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	err = take_options(&a, argc, argv);
	if (!err)
		err = run(&a, argc - optind, argv + optind);
	if (fflush(stdout) || ferror(stdout))
		return refused(NULL, "the output cannot be written: %s", strerror(errno));
	return err;
}
