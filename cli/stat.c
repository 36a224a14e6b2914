// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The counters of the namespace. */
#include <stdio.h>

#include "cli.h"

static const struct field stat_fields[] = {
	{ .key = "steered", .type = &type_u64, .nla = KBUMP_STAT_STEERED },
	{ .key = "bypassed", .type = &type_u64, .nla = KBUMP_STAT_BYPASSED },
	{ .key = "blocked", .type = &type_u64, .nla = KBUMP_STAT_BLOCKED },
	{ .key = "fail_helper", .type = &type_u64, .nla = KBUMP_STAT_FAIL_HELPER },
	{ .key = "fail_limit", .type = &type_u64, .nla = KBUMP_STAT_FAIL_LIMIT },
	{ .key = "fail_share", .type = &type_u64, .nla = KBUMP_STAT_FAIL_SHARE },
	{ .key = "fail_nomem", .type = &type_u64, .nla = KBUMP_STAT_FAIL_NOMEM },
	{ .key = "fail_upstream", .type = &type_u64, .nla = KBUMP_STAT_FAIL_UPSTREAM },
	{ .key = "fail_internal", .type = &type_u64, .nla = KBUMP_STAT_FAIL_INTERNAL },
	{ .key = "handoffs", .type = &type_u64, .nla = KBUMP_STAT_HANDOFFS },
	{ .key = "handshake_failed", .type = &type_u64, .nla = KBUMP_STAT_HANDSHAKE_FAILED },
	{ .key = "flows", .type = &type_u64, .nla = KBUMP_STAT_FLOWS },
	{ .key = "handshakes", .type = &type_u64, .nla = KBUMP_STAT_HANDSHAKES },
	{ .key = "ended", .type = &type_u64, .nla = KBUMP_STAT_ENDED },
	{ .key = "rx_bytes", .type = &type_u64, .nla = KBUMP_STAT_RX_BYTES },
	{ .key = "rx_records", .type = &type_u64, .nla = KBUMP_STAT_RX_RECORDS },
	{ .key = "rx_zc", .type = &type_u64, .nla = KBUMP_STAT_RX_ZC },
	{ .key = "rx_copied", .type = &type_u64, .nla = KBUMP_STAT_RX_COPIED },
	{ .key = "rx_control", .type = &type_u64, .nla = KBUMP_STAT_RX_CONTROL },
	{ .key = "bad_record", .type = &type_u64, .nla = KBUMP_STAT_BAD_RECORD },
	{ .key = "rx_rekeys", .type = &type_u64, .nla = KBUMP_STAT_RX_REKEYS },
	{ .key = "tx_rekeys", .type = &type_u64, .nla = KBUMP_STAT_TX_REKEYS },
	{ .key = "taps", .type = &type_u64, .nla = KBUMP_STAT_TAPS },
	{ .key = "taps_failed", .type = &type_u64, .nla = KBUMP_STAT_TAPS_FAILED },
	{ .key = "learned", .type = &type_u64, .nla = KBUMP_STAT_LEARNED },
	{ .key = "udp_blocked", .type = &type_u64, .nla = KBUMP_STAT_UDP_BLOCKED },
	{}
};

/* One counter a line. */
static void stat_text(const struct view *v)
{
	const char *separator = "";
	const struct field *f;

	for (f = stat_fields; f->key; f++) {
		if (!v->tb[f->nla])
			continue;
		printf("%s%-16s ", separator, f->key);
		f->type->text(f, v->tb[f->nla], NULL);
		separator = "\n";
	}
}

static const struct verb stat_verbs[] = {
	{ "show", "list", KBUMP_CMD_STAT_GET, parse_plain, run_show },
	{}
};

const struct object stat_object = {
	.name = "stat",
	.nla = KBUMP_A_STAT,
	.max = KBUMP_STAT_MAX,
	.fields = stat_fields,
	.verbs = stat_verbs,
	.text = stat_text,
	.help = "Usage: kbump stat [ show ]\n",
};
