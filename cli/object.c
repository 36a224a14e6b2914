// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The list of objects. Abbreviations mean the first that they fit. */
#include <assert.h>

#include "cli.h"

static_assert(KBUMP_RULE_A_MAX <= ATTR_MAX, "a view is too small for a rule");
static_assert(KBUMP_TOOL_A_MAX <= ATTR_MAX, "a view is too small for a tool");
static_assert(KBUMP_FLOW_A_MAX <= ATTR_MAX, "a view is too small for a flow");
static_assert(KBUMP_LEG_A_MAX <= ATTR_MAX, "a view is too small for a leg");
static_assert(KBUMP_STAT_MAX <= ATTR_MAX, "a view is too small for the counters");
static_assert(KBUMP_LEARNED_A_MAX <= ATTR_MAX, "a view is too small for what was learned");
static_assert(KBUMP_SET_A_MAX <= ATTR_MAX, "a view is too small for a set");
static_assert(KBUMP_WIRE_A_MAX <= ATTR_MAX, "a view is too small for a wire");
static_assert(KBUMP_HELPER_A_MAX <= ATTR_MAX, "a view is too small for a helper");

const struct object *const objects[] = {
	&rule_object,
	&tool_object,
	&group_object,
	&flow_object,
	&stat_object,
	&helper_object,
	&set_object,
	&wire_object,
	&explain_object,
	&monitor_object,
	&save_object,
	&flush_object,
	&check_object,
	NULL
};
