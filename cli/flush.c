// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All of the configuration is deleted; the first line of a file that is all of it. */
#include "cli.h"

static const struct verb flush_verb = {
	"flush", NULL, KBUMP_CMD_FLUSH, parse_plain, run_request
};

const struct object flush_object = {
	.name = "flush",
	.only = &flush_verb,
	.help = "Usage: kbump flush\n",
};
