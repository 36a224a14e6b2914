// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Helpers: the workers of kbumpd(8) that do the handshakes. */
#include "cli.h"

static const struct field helper_fields[] = {
	{ .key = "pid", .type = &type_u32, .nla = KBUMP_HELPER_A_PID },
	{ .key = "portid", .type = &type_u32, .nla = KBUMP_HELPER_A_PORTID },
	{ .key = "version", .type = &type_string, .nla = KBUMP_HELPER_A_VERSION },
	{ .key = "listeners", .type = &type_u32, .nla = KBUMP_HELPER_A_LISTENERS },
	{ .key = "steered", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_HELPER_A_STEERED },
	{ .key = "handoffs", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_HELPER_A_HANDOFFS },
	{ .key = "failed", .type = &type_u64, .flags = F_STAT, .nla = KBUMP_HELPER_A_FAILED },
	{}
};

static const struct verb helper_verbs[] = {
	{ "show", "list", KBUMP_CMD_HELPER_GET, parse_dump, run_show },
	{}
};

const struct object helper_object = {
	.name = "helper",
	.nla = KBUMP_A_HELPER,
	.max = KBUMP_HELPER_A_MAX,
	.fields = helper_fields,
	.verbs = helper_verbs,
	.help = "Usage: kbump helper [ show ]\n",
};
