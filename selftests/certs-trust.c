// SPDX-License-Identifier: GPL-2.0-only
/* Reading authorities and revocation lists: the right ones, all or nothing, again. TAP. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/pem.h>

#include "../helper/kbumpd.h"
#include "certs.h"

static const char *top;
static int cases, failures;

static void result(bool ok, const char *name)
{
	cases++;
	failures += !ok;
	printf("%s %d - %s\n", ok ? "ok" : "not ok", cases, name);
}

/* The path of a file; it lasts as long as the program. */
static const char *in_top(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", top, name) < 0)
		die("memory");
	return path;
}

static void text_file(const char *name, const char *text)
{
	FILE *f = fopen(in_top(name), "we");

	if (!f || fputs(text, f) < 0 || fclose(f))
		die(name);
}

static void der_crl(const char *name, const X509_CRL *crl)
{
	FILE *f = fopen(in_top(name), "we");

	if (!f || i2d_X509_CRL_fp(f, crl) != 1 || fclose(f))
		die(name);
}

static void make_dir(const char *name)
{
	if (mkdir(in_top(name), 0755) < 0)
		die(name);
}

static void link_file(const char *target, const char *name)
{
	if (symlink(in_top(target), in_top(name)) < 0)
		die(name);
}

static int loaded(const struct trust *t)
{
	return t->store ? sk_X509_OBJECT_num(X509_STORE_get0_objects(t->store)) : 0;
}

/* How many objects are read; -1: refused, and what was there before is there still. */
static int load(struct trust *t, const char *anchors, const char *crls)
{
	X509_STORE *before = t->store;

	t->anchors = anchors;
	t->crls = crls;
	if (!trust_load(t))
		return t->store != before ? loaded(t) : -2;
	return t->store == before ? -1 : -2;
}

static void anchor_cases(struct trust *t)
{
	result(load(t, in_top("trusted.pem"), NULL) == 1, "a file");
	result(load(t, in_top("nothing"), NULL) == -1, "a file that is not there");
	result(load(t, in_top("text"), NULL) == -1, "a file that holds no certificate");
	make_dir("dir");
	result(load(t, in_top("dir"), NULL) == -1, "a directory without certificates");
	link_file("text", "dir/other.pem");
	link_file("trusted.pem", "dir/0123abcd.0");
	link_file("sent.pem", "dir/89abcdef.1");
	result(load(t, in_top("dir"), NULL) == 2, "a directory: those with hashed names");
	link_file("nothing", "dir/00000000.0");
	result(load(t, in_top("dir"), NULL) == -1, "a directory with a link that leads nowhere");
}

static void crl_cases(struct trust *t)
{
	const char *anchors = in_top("trusted.pem");

	result(load(t, anchors, in_top("crl.pem")) == 2, "a list in PEM form");
	result(load(t, anchors, in_top("crl.der")) == 2, "a list in DER form");
	result(load(t, anchors, in_top("text")) == -1, "a file that holds no list");
	result(load(t, anchors, in_top("trusted.pem")) == -1, "certificates in place of lists");
	make_dir("lists");
	result(load(t, anchors, in_top("lists")) == 1, "a directory without lists");
	link_file("crl.pem", "lists/a");
	link_file("text", "lists/.hidden");
	result(load(t, anchors, in_top("lists")) == 2, "a directory: all that are visible");
	link_file("text", "lists/b");
	result(load(t, anchors, in_top("lists")) == -1, "a directory with something else");
}

static void system_cases(struct trust *t)
{
	result(load(t, NULL, NULL) > 50, "the system's");
	setenv(X509_get_default_cert_file_env(), in_top("trusted.pem"), 1);
	setenv(X509_get_default_cert_dir_env(), in_top("nothing"), 1);
	result(load(t, NULL, NULL) == 1, "the system's, as the environment says");
	setenv(X509_get_default_cert_file_env(), in_top("nothing"), 1);
	result(load(t, NULL, NULL) == -1, "a system without");
}

/**
 * trust_cases() - run all cases
 * @dir: empty
 *
 * Return: 0 if all went well.
 */
int trust_cases(const char *dir)
{
	static const struct row row = { .name = "trust", .crl = CRL_GOOD };
	struct trust t = { };
	struct lab lab;

	top = dir;
	printf("TAP version 13\n");
	lab_make(&lab, &row);
	lab_write(&lab, dir);
	der_crl("crl.der", lab.crl);
	text_file("text", "no certificate\n");
	anchor_cases(&t);
	crl_cases(&t);
	system_cases(&t);
	X509_STORE_free(t.store);
	printf("1..%d\n", cases);
	return failures != 0;
}
