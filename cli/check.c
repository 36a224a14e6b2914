// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Does the host let kbump work? Each check is one function and one row; it says what would not
 * work, and how to mend it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* Two records and more; with less kTLS copies what it receives. */
#define RCVBUF_MIN	131072

/* 2025-01-01; no kernel that this works with is as old. */
#define EPOCH_MIN	1735689600

/**
 * struct report - what the checks find
 *
 * @c: the command
 * @check: the check that runs
 * @findings: for JSON, or NULL
 * @errors: how many findings are errors
 */
struct report {
	const struct command *c;
	const char *check;
	struct json_object *findings;
	unsigned int errors;
};

static void __printf(4, 0)
finding(struct report *r, const char *level, const char *mend, const char *fmt, va_list ap)
{
	struct json_object *j;
	char what[512];

	vsnprintf(what, sizeof(what), fmt, ap);
	if (!r->findings) {
		printf("%s: %s: %s\n    %s\n", r->check, level, what, mend);
		return;
	}
	j = json_object_new_object();
	json_object_object_add(j, "check", json_object_new_string(r->check));
	json_object_object_add(j, "level", json_object_new_string(level));
	json_object_object_add(j, "what", json_object_new_string(what));
	json_object_object_add(j, "mend", json_object_new_string(mend));
	json_object_array_add(r->findings, j);
}

/* Nothing, or not what the rules say, happens. */
static void __printf(3, 4) report_error(struct report *r, const char *mend, const char *fmt, ...)
{
	va_list ap;

	r->errors++;
	va_start(ap, fmt);
	finding(r, "error", mend, fmt, ap);
	va_end(ap);
}

/* It works, but for some connections, or not as well as it could. */
static void __printf(3, 4) report_warning(struct report *r, const char *mend, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finding(r, "warning", mend, fmt, ap);
	va_end(ap);
}

static bool setting_is(const char *name, long long value)
{
	long long now;

	return host_setting(name, &now) && now == value;
}

/* Bugs of kTLS, by the first version of each series that is without. */
static const struct bug {
	unsigned int fixed_6_1;
	unsigned int fixed_6_12;
	const char *what;
} bugs[] = {
	{ 158, 55, "kTLS may send an alert as if it were data" },
	{ 169, 82, "kTLS may use freed memory when its encryption is busy" },
	{ 175, 92, "kTLS may encrypt wrong pages of a record in many pieces" },
	{ 188, 110, "kTLS may lose its place in a stream that is sent twice" },
	{ 191, 114, "TLS 1.3 records are copied once, as kTLS has CVE-2026-74611" },
};

static void check_bugs(struct report *r, const struct kernel *k)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		unsigned int fixed = k->minor == 1 ? bugs[i].fixed_6_1 : bugs[i].fixed_6_12;

		if (k->patch < fixed)
			report_warning(r, "install the newest kernel of this series",
				       "kernel %u.%u.%u: %s (until %u.%u.%u)", k->major, k->minor,
				       k->patch, bugs[i].what, k->major, k->minor, fixed);
	}
}

static void check_kernel(struct report *r)
{
	struct kernel k;

	if (!host_kernel(&k))
		report_warning(r, "use one of Debian's kernels", "an unknown kernel version");
	else if (k.major != 6 || (k.minor != 1 && k.minor != 12))
		report_warning(r, "use a kernel 6.1 or 6.12",
			       "kernel %u.%u: kbump is tested with 6.1 and 6.12", k.major, k.minor);
	else
		check_bugs(r, &k);
}

static bool module_is_loaded(void)
{
	return !access("/sys/module/kbump", F_OK);
}

static void check_modules(struct report *r)
{
	if (!module_is_loaded())
		report_error(r, "modprobe kbump", "the module kbump is not loaded");
	if (!host_has_ktls())
		report_error(r, "modprobe tls", "there is no module tls: no connection is opened");
}

/*
 * Does the kernel have none of these, that has attribute @nla if it is not 0? What keeps it from
 * being asked is said, and an error.
 */
static bool has_none(struct report *r, const struct object *o, int cmd, int nla)
{
	struct command dump = { .obj = r->c->obj, .verb = r->c->verb };
	struct replies replies = {};
	struct view v;
	bool none = true;
	size_t i;

	request_dump(&dump, cmd);
	if (nl_request(&dump, dump.msg, &replies)) {
		r->errors++;
		none = false;
	}
	for (i = 0; i < replies.count; i++)
		if (view_of_message(&v, o, replies.msg[i]) && (!nla || v.tb[nla]))
			none = false;
	replies_free(&replies);
	command_free(&dump);
	return none;
}

static void check_helper(struct report *r)
{
	if (module_is_loaded() && has_none(r, &helper_object, KBUMP_CMD_HELPER_GET, 0))
		report_error(r, "start kbumpd(8) in this network namespace",
			     "there is no helper: each rule's \"fail\" decides");
}

static void check_rules(struct report *r)
{
	if (module_is_loaded() && has_none(r, &rule_object, KBUMP_CMD_RULE_GET, 0))
		report_warning(r, "kbump rule add dport 443 action inspect tool NAME",
			       "there is no rule: all connections are left alone");
}

/* Certificates are judged by it, and made with it. */
static void check_clock(struct report *r)
{
	struct timex t = {};

	if (time(NULL) < EPOCH_MIN)
		report_error(r, "set the clock, and keep it with chrony or ntpd",
			     "the clock is years behind: no certificate is valid yet");
	else if (adjtimex(&t) == TIME_ERROR || (t.status & STA_UNSYNC))
		report_warning(r, "run chrony or ntpd",
			       "nobody keeps the clock, by which certificates are judged");
}

static void check_forwarding(struct report *r)
{
	char name[IFNAMSIZ];

	/* A box with a wire need not be a router. */
	if (host_device(KBUMP_GENL_NAME, name))
		return;
	if (setting_is("net/ipv4/ip_forward", 0))
		report_error(r, "sysctl -w net.ipv4.ip_forward=1",
			     "no IPv4 is forwarded: kbump takes what passes the host");
	if (setting_is("net/ipv6/conf/all/forwarding", 0))
		report_warning(r, "sysctl -w net.ipv6.conf.all.forwarding=1",
			       "no IPv6 is forwarded");
}

static void check_bridge(struct report *r)
{
	char name[IFNAMSIZ];

	if (!setting_is("net/bridge/bridge-nf-call-iptables", 1) || !host_device("bridge", name))
		return;
	report_error(r, "sysctl -w net.bridge.bridge-nf-call-iptables=0",
		     "connections that come in or go out by bridges such as %s are not opened, or break",
		     name);
}

/* A packet from one socket of the host to another takes this way, and no other. */
static void check_loopback(struct report *r)
{
	if (module_is_loaded() && !host_is_up("lo") &&
	    !has_none(r, &rule_object, KBUMP_CMD_RULE_GET, KBUMP_RULE_A_UID))
		report_error(r, "ip link set lo up",
			     "the loopback device is down: no connection of a local process is opened");
}

static void check_routing(struct report *r)
{
	struct routing rules;

	host_routing(&rules);
	if (*rules.iif)
		report_warning(r, "mark the packets in prerouting, and choose the route by the mark",
			       "a routing rule for packets from %s: servers are not reached by it",
			       rules.iif);
	if (!rules.by_mark)
		return;
	if (setting_is("net/ipv4/tcp_fwmark_accept", 0))
		report_warning(r, "sysctl -w net.ipv4.tcp_fwmark_accept=1",
			       "routing rules go by mark: what is sent to clients has none");
	if (setting_is("net/ipv4/conf/all/rp_filter", 1))
		report_warning(r, "sysctl -w net.ipv4.conf.all.rp_filter=2",
			       "routing rules go by mark: rp_filter drops what comes by another way");
}

static void check_conntrack(struct report *r)
{
	long long used, max;

	if (host_setting("net/netfilter/nf_conntrack_count", &used) &&
	    host_setting("net/netfilter/nf_conntrack_max", &max) && used >= max - max / 10)
		report_warning(r, "sysctl -w net.netfilter.nf_conntrack_max=...",
			       "connection tracking is nearly full (%lld of %lld): beyond, new connections are dropped",
			       used, max);
}

static void check_buffers(struct report *r)
{
	long long max;

	if (host_setting("net/ipv4/tcp_rmem", &max) && max < RCVBUF_MIN)
		report_warning(r, "sysctl -w net.ipv4.tcp_rmem='4096 131072 6291456'",
			       "receive buffers of %lld bytes: records are copied once", max);
}

static const struct check {
	const char *name;
	void (*run)(struct report *r);
} checks[] = {
	{ "kernel", check_kernel },
	{ "modules", check_modules },
	{ "helper", check_helper },
	{ "rules", check_rules },
	{ "clock", check_clock },
	{ "forwarding", check_forwarding },
	{ "bridge", check_bridge },
	{ "loopback", check_loopback },
	{ "routing", check_routing },
	{ "conntrack", check_conntrack },
	{ "buffers", check_buffers },
};

static int check_run(struct command *c)
{
	struct report r = { .c = c, .findings = opt.json ? json_object_new_array() : NULL };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		r.check = checks[i].name;
		checks[i].run(&r);
	}
	if (r.findings)
		print_json(r.findings, opt.pretty);
	return r.errors ? EXIT_REFUSED : 0;
}

static const struct verb check_verb = { "check", NULL, 0, no_words, check_run };

const struct object check_object = {
	.name = "check",
	.only = &check_verb,
	.help = "Usage: kbump check\n",
};
