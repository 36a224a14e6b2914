// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: what may be asked, and how objects are put into messages.
 * What the commands do is in the file of each object.
 */
#include <linux/ctype.h>
#include <linux/module.h>

#include "compat.h"
#include "draft.h"
#include "explain.h"
#include "flow_nl.h"
#include "helper.h"
#include "learned.h"
#include "net.h"
#include "netlink.h"
#include "rekey.h"
#include "rule.h"
#include "rule_nl.h"
#include "set_nl.h"
#include "stat.h"
#include "tool_nl.h"
#include "wire.h"

/* 6.1's policy wants them writable. */
static struct netlink_range_validation pref_range = { .min = 1, .max = INT_MAX };
static struct netlink_range_validation learn_range = { .max = INT_MAX };
static struct netlink_range_validation timeout_range = { .min = 1, .max = INT_MAX };
static struct netlink_range_validation positive_range = { .min = 1, .max = U32_MAX };
static struct netlink_range_validation uid_range = { .max = U32_MAX - 1 };

/* NLA_REJECT: attributes that only the kernel sends. */
static const struct nla_policy rule_policy[KBUMP_RULE_A_MAX + 1] = {
	[KBUMP_RULE_A_PAD]	= { .type = NLA_REJECT },
	[KBUMP_RULE_A_HANDLE]	= { .type = NLA_U32 },
	[KBUMP_RULE_A_PREF]	= NLA_POLICY_FULL_RANGE(NLA_U32, &pref_range),
	[KBUMP_RULE_A_SRC]	= { .type = NLA_BINARY },
	[KBUMP_RULE_A_SRC_LEN]	= { .type = NLA_BINARY },
	[KBUMP_RULE_A_DST]	= { .type = NLA_BINARY },
	[KBUMP_RULE_A_DST_LEN]	= { .type = NLA_BINARY },
	[KBUMP_RULE_A_SPORT]	= { .type = NLA_BINARY },
	[KBUMP_RULE_A_DPORT]	= { .type = NLA_BINARY },
	[KBUMP_RULE_A_IIF]	= { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[KBUMP_RULE_A_MARK]	= { .type = NLA_U32 },
	[KBUMP_RULE_A_MARK_MASK] = { .type = NLA_U32 },
	[KBUMP_RULE_A_ACTION]	= NLA_POLICY_RANGE(NLA_U8, KBUMP_ACTION_INSPECT,
						   KBUMP_ACTION_BLOCK),
	[KBUMP_RULE_A_FAIL]	= NLA_POLICY_MAX(NLA_U8, KBUMP_FAIL_CLOSED),
	[KBUMP_RULE_A_TOOL]	= { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
	[KBUMP_RULE_A_COMMENT]	= { .type = NLA_NUL_STRING, .len = KBUMP_COMMENT_LEN - 1 },
	[KBUMP_RULE_A_SNI]	= { .type = NLA_NUL_STRING, .len = 255 },
	[KBUMP_RULE_A_ALPN]	= { .type = NLA_NUL_STRING, .len = 255 },
	[KBUMP_RULE_A_CERT]	= { .type = NLA_U32 },
	[KBUMP_RULE_A_ALPN_LIMIT] = { .type = NLA_NUL_STRING, .len = 255 },
	[KBUMP_RULE_A_PAGE]	= { .type = NLA_FLAG },
	[KBUMP_RULE_A_HITS]	= { .type = NLA_REJECT },
	[KBUMP_RULE_A_BYTES]	= { .type = NLA_REJECT },
	[KBUMP_RULE_A_FAILED]	= { .type = NLA_REJECT },
	[KBUMP_RULE_A_NOT]	= { .type = NLA_U64 },
	[KBUMP_RULE_A_VLAN]	= { .type = NLA_BINARY },
	[KBUMP_RULE_A_ZONE]	= { .type = NLA_U16 },
	[KBUMP_RULE_A_CT_MARK]	= { .type = NLA_U32 },
	[KBUMP_RULE_A_CT_MASK]	= { .type = NLA_U32 },
	[KBUMP_RULE_A_CT_LABEL]	= NLA_POLICY_MAX(NLA_U8, KBUMP_LABELS_LEN * 8 - 1),
	[KBUMP_RULE_A_TLS]	= { .type = NLA_U32 },
	[KBUMP_RULE_A_ECH]	= NLA_POLICY_MAX(NLA_U8, 1),
	[KBUMP_RULE_A_ISSUER]	= { .type = NLA_NUL_STRING, .len = 255 },
	[KBUMP_RULE_A_FINGERPRINT] = NLA_POLICY_EXACT_LEN(KBUMP_FINGERPRINT_LEN),
	[KBUMP_RULE_A_LAST_HIT]	= { .type = NLA_REJECT },
	[KBUMP_RULE_A_ANSWER]	= { .type = NLA_REJECT },
	[KBUMP_RULE_A_WHY]	= { .type = NLA_REJECT },
	[KBUMP_RULE_A_LEARN]	= NLA_POLICY_FULL_RANGE(NLA_U32, &learn_range),
	[KBUMP_RULE_A_FAIL_EXCEPT] = NLA_POLICY_MASK(NLA_U32, KB_CAUSES),
	[KBUMP_RULE_A_SRC_SET]	= { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
	[KBUMP_RULE_A_DST_SET]	= { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
	[KBUMP_RULE_A_SPORT_SET] = { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
	[KBUMP_RULE_A_DPORT_SET] = { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
	[KBUMP_RULE_A_SNI_SET]	= { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
	[KBUMP_RULE_A_PROTO]	= NLA_POLICY_MAX(NLA_U8, KBUMP_PROTO_MAX),
	[KBUMP_RULE_A_BLOCK]	= NLA_POLICY_MAX(NLA_U8, KBUMP_BLOCK_MAX),
	[KBUMP_RULE_A_UID]	= { .type = NLA_BINARY },
	[KBUMP_RULE_A_RULE_SET]	= { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
};

static const struct nla_policy tool_policy[KBUMP_TOOL_A_MAX + 1] = {
	[KBUMP_TOOL_A_PAD]	= { .type = NLA_REJECT },
	[KBUMP_TOOL_A_NAME]	= { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
	[KBUMP_TOOL_A_DEV]	= { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[KBUMP_TOOL_A_IFINDEX]	= { .type = NLA_REJECT },
	[KBUMP_TOOL_A_SRC_MAC]	= NLA_POLICY_ETH_ADDR,
	[KBUMP_TOOL_A_DST_MAC]	= NLA_POLICY_ETH_ADDR,
	[KBUMP_TOOL_A_VLAN]	= NLA_POLICY_MAX(NLA_U16, 4094),
	[KBUMP_TOOL_A_DPORT]	= { .type = NLA_U16 },
	[KBUMP_TOOL_A_MTU]	= { .type = NLA_U32 },
	[KBUMP_TOOL_A_STATE]	= { .type = NLA_REJECT },
	[KBUMP_TOOL_A_FRAMES]	= { .type = NLA_REJECT },
	[KBUMP_TOOL_A_BYTES]	= { .type = NLA_REJECT },
	[KBUMP_TOOL_A_FLOWS]	= { .type = NLA_REJECT },
	[KBUMP_TOOL_A_DROP_QUEUE] = { .type = NLA_REJECT },
	[KBUMP_TOOL_A_DROP_DOWN] = { .type = NLA_REJECT },
	[KBUMP_TOOL_A_DROP_NOMEM] = { .type = NLA_REJECT },
	[KBUMP_TOOL_A_MODE]	= NLA_POLICY_MAX(NLA_U8, KBUMP_TOOL_MODE_MAX),
	[KBUMP_TOOL_A_PEER]	= { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[KBUMP_TOOL_A_FAIL]	= NLA_POLICY_MAX(NLA_U8, KBUMP_TOOL_FAIL_MAX),
	[KBUMP_TOOL_A_HEARTBEAT] = { .type = NLA_U32 },
	[KBUMP_TOOL_A_MISSED]	= { .type = NLA_REJECT },
	[KBUMP_TOOL_A_SNAPLEN]	= { .type = NLA_U32 },
	[KBUMP_TOOL_A_LIMIT]	= { .type = NLA_U64 },
	[KBUMP_TOOL_A_SAMPLE]	= { .type = NLA_U32 },
	[KBUMP_TOOL_A_MEMBER]	= NLA_POLICY_EXACT_LEN(sizeof(struct kbump_member)),
	[KBUMP_TOOL_A_STANDBY]	= NLA_POLICY_EXACT_LEN(sizeof(struct kbump_member)),
	[KBUMP_TOOL_A_SPREAD]	= NLA_POLICY_MAX(NLA_U8, KBUMP_SPREAD_MAX),
	[KBUMP_TOOL_A_KEY]	= NLA_POLICY_MAX(NLA_U8, KBUMP_SPREAD_KEY_MAX),
	[KBUMP_TOOL_A_MIN]	= { .type = NLA_U8 },
};

static const struct nla_policy leg_policy[KBUMP_LEG_A_MAX + 1] = {
	[KBUMP_LEG_A_PAD]	= { .type = NLA_REJECT },
	[KBUMP_LEG_A_VERSION]	= NLA_POLICY_RANGE(NLA_U16, 0x0301, 0x0304),
	[KBUMP_LEG_A_CIPHER]	= { .type = NLA_REJECT },
	[KBUMP_LEG_A_RX_BYTES]	= { .type = NLA_REJECT },
	[KBUMP_LEG_A_TX_BYTES]	= { .type = NLA_REJECT },
	[KBUMP_LEG_A_RX_RECORDS] = { .type = NLA_REJECT },
	[KBUMP_LEG_A_RX_ZC]	= { .type = NLA_REJECT },
	[KBUMP_LEG_A_RX_COPIED]	= { .type = NLA_REJECT },
	[KBUMP_LEG_A_CONTROL]	= { .type = NLA_REJECT },
	[KBUMP_LEG_A_RX_REKEYS]	= { .type = NLA_REJECT },
	[KBUMP_LEG_A_TX_REKEYS]	= { .type = NLA_REJECT },
	[KBUMP_LEG_A_RX_SECRET]	= { .type = NLA_BINARY, .len = KB_SECRET_MAX },
	[KBUMP_LEG_A_TX_SECRET]	= { .type = NLA_BINARY, .len = KB_SECRET_MAX },
	[KBUMP_LEG_A_PUMP_FD]	= { .type = NLA_U32 },
	[KBUMP_LEG_A_SUITE]	= { .type = NLA_U16 },
};

static const struct nla_policy flow_policy[KBUMP_FLOW_A_MAX + 1] = {
	[KBUMP_FLOW_A_PAD]	= { .type = NLA_REJECT },
	[KBUMP_FLOW_A_ID]	= { .type = NLA_U64 },
	[KBUMP_FLOW_A_STATE]	= { .type = NLA_REJECT },
	[KBUMP_FLOW_A_CLIENT_ADDR] = { .type = NLA_BINARY, .len = sizeof(struct in6_addr) },
	[KBUMP_FLOW_A_SERVER_ADDR] = { .type = NLA_BINARY, .len = sizeof(struct in6_addr) },
	[KBUMP_FLOW_A_CLIENT_PORT] = { .type = NLA_U16 },
	[KBUMP_FLOW_A_SERVER_PORT] = { .type = NLA_U16 },
	[KBUMP_FLOW_A_IIF]	= { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[KBUMP_FLOW_A_RULE]	= { .type = NLA_REJECT },
	[KBUMP_FLOW_A_AGE]	= { .type = NLA_REJECT },
	[KBUMP_FLOW_A_SNI]	= { .type = NLA_NUL_STRING, .len = 255 },
	[KBUMP_FLOW_A_ALPN]	= { .type = NLA_NUL_STRING, .len = 255 },
	[KBUMP_FLOW_A_CLIENT]	= NLA_POLICY_NESTED(leg_policy),
	[KBUMP_FLOW_A_SERVER]	= NLA_POLICY_NESTED(leg_policy),
	[KBUMP_FLOW_A_REASON]	= NLA_POLICY_RANGE(NLA_U8, KBUMP_REASON_TIMEOUT,
						   KBUMP_REASON_MAX),
	[KBUMP_FLOW_A_CLIENT_FD] = { .type = NLA_U32 },
	[KBUMP_FLOW_A_SERVER_FD] = { .type = NLA_U32 },
	[KBUMP_FLOW_A_ACTION]	= { .type = NLA_REJECT },
	[KBUMP_FLOW_A_OFFER]	= { .type = NLA_BINARY, .len = KBUMP_OFFER_LEN },
	[KBUMP_FLOW_A_CERT]	= NLA_POLICY_MAX(NLA_U8, KBUMP_CERT_MAX),
	[KBUMP_FLOW_A_ALPN_LIMIT] = { .type = NLA_REJECT },
	[KBUMP_FLOW_A_RECORD_MAX] = NLA_POLICY_RANGE(NLA_U16, 512, 16384),
	[KBUMP_FLOW_A_PAGE]	= { .type = NLA_REJECT },
	[KBUMP_FLOW_A_COMMENT]	= { .type = NLA_REJECT },
	[KBUMP_FLOW_A_TLS]	= NLA_POLICY_MAX(NLA_U8, KBUMP_TLS_MAX),
	[KBUMP_FLOW_A_ECH]	= NLA_POLICY_MAX(NLA_U8, 1),
	[KBUMP_FLOW_A_ISSUER]	= { .type = NLA_NUL_STRING, .len = KBUMP_ISSUER_LEN - 1 },
	[KBUMP_FLOW_A_FINGERPRINT] = { .type = NLA_BINARY, .len = KBUMP_FINGERPRINT_LEN },
	[KBUMP_FLOW_A_MARK]	= { .type = NLA_U32 },
	[KBUMP_FLOW_A_VLAN]	= NLA_POLICY_MAX(NLA_U16, 4095),
	[KBUMP_FLOW_A_ZONE]	= { .type = NLA_U16 },
	[KBUMP_FLOW_A_CT_MARK]	= { .type = NLA_U32 },
	[KBUMP_FLOW_A_CT_LABELS] = NLA_POLICY_EXACT_LEN(KBUMP_LABELS_LEN),
	[KBUMP_FLOW_A_FORGED]	= { .type = NLA_FLAG },
	[KBUMP_FLOW_A_ALERT]	= { .type = NLA_U8 },
	[KBUMP_FLOW_A_LEARNED]	= { .type = NLA_REJECT },
	[KBUMP_FLOW_A_CAUSE]	= NLA_POLICY_RANGE(NLA_U8, KBUMP_CAUSE_UPSTREAM,
						   KBUMP_CAUSE_INTERNAL),
	[KBUMP_FLOW_A_PROTO]	= NLA_POLICY_MAX(NLA_U8, KBUMP_PROTO_MAX),
	[KBUMP_FLOW_A_BLOCK]	= { .type = NLA_REJECT },
	[KBUMP_FLOW_A_UID]	= NLA_POLICY_FULL_RANGE(NLA_U32, &uid_range),
	[KBUMP_FLOW_A_RULE_SET]	= { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
	[KBUMP_FLOW_A_VRF]	= { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
};

static const struct nla_policy wire_policy[KBUMP_WIRE_A_MAX + 1] = {
	[KBUMP_WIRE_A_PAD]	= { .type = NLA_REJECT },
	[KBUMP_WIRE_A_NAME]	= { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[KBUMP_WIRE_A_INSIDE]	= { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[KBUMP_WIRE_A_OUTSIDE]	= { .type = NLA_REJECT },
	[KBUMP_WIRE_A_BYPASS]	= NLA_POLICY_MAX(NLA_U8, 1),
	[KBUMP_WIRE_A_LINK]	= NLA_POLICY_MAX(NLA_U8, 1),
	[KBUMP_WIRE_A_STATE]	= { .type = NLA_REJECT },
	[KBUMP_WIRE_A_IN_FRAMES ... KBUMP_WIRE_A_MAX] = { .type = NLA_REJECT },
};

static const struct nla_policy helper_policy[KBUMP_HELPER_A_MAX + 1] = {
	[KBUMP_HELPER_A_PAD]	= { .type = NLA_REJECT },
	[KBUMP_HELPER_A_PORTID]	= { .type = NLA_U32 },
	[KBUMP_HELPER_A_PID]	= { .type = NLA_REJECT },
	[KBUMP_HELPER_A_LISTEN4_FD] = { .type = NLA_U32 },
	[KBUMP_HELPER_A_LISTEN6_FD] = { .type = NLA_U32 },
	[KBUMP_HELPER_A_VERSION] = { .type = NLA_NUL_STRING, .len = KB_VERSION_LEN - 1 },
	[KBUMP_HELPER_A_STEERED] = { .type = NLA_REJECT },
	[KBUMP_HELPER_A_HANDOFFS] = { .type = NLA_REJECT },
	[KBUMP_HELPER_A_FAILED]	= { .type = NLA_REJECT },
	[KBUMP_HELPER_A_LISTENERS] = { .type = NLA_REJECT },
};

static const struct nla_policy learned_policy[KBUMP_LEARNED_A_MAX + 1] = {
	[KBUMP_LEARNED_A_PAD]	= { .type = NLA_REJECT },
	[KBUMP_LEARNED_A_ID]	= { .type = NLA_U64 },
	[KBUMP_LEARNED_A_CLIENT_ADDR] = { .type = NLA_REJECT },
	[KBUMP_LEARNED_A_SERVER_ADDR] = { .type = NLA_REJECT },
	[KBUMP_LEARNED_A_SERVER_PORT] = { .type = NLA_REJECT },
	[KBUMP_LEARNED_A_SNI]	= { .type = NLA_REJECT },
	[KBUMP_LEARNED_A_WHY]	= { .type = NLA_REJECT },
	[KBUMP_LEARNED_A_ALERT]	= { .type = NLA_REJECT },
	[KBUMP_LEARNED_A_RULE]	= { .type = NLA_REJECT },
	[KBUMP_LEARNED_A_LEFT]	= { .type = NLA_REJECT },
	[KBUMP_LEARNED_A_HITS]	= { .type = NLA_REJECT },
};

static const struct nla_policy set_policy[KBUMP_SET_A_MAX + 1] = {
	[KBUMP_SET_A_PAD]	= { .type = NLA_REJECT },
	[KBUMP_SET_A_NAME]	= { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
	[KBUMP_SET_A_TYPE]	= NLA_POLICY_RANGE(NLA_U8, KBUMP_SET_DOMAIN, KBUMP_SET_PORT),
	[KBUMP_SET_A_TIMEOUT]	= NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
	[KBUMP_SET_A_LIMIT]	= NLA_POLICY_FULL_RANGE(NLA_U32, &positive_range),
	[KBUMP_SET_A_ENTRIES]	= { .type = NLA_BINARY },
	[KBUMP_SET_A_MORE]	= { .type = NLA_FLAG },
	[KBUMP_SET_A_WITH]	= { .type = NLA_NUL_STRING, .len = KBUMP_NAME_LEN - 1 },
	[KBUMP_SET_A_COUNT]	= { .type = NLA_REJECT },
	[KBUMP_SET_A_MEMORY]	= { .type = NLA_REJECT },
	[KBUMP_SET_A_RULES]	= { .type = NLA_REJECT },
	[KBUMP_SET_A_LOOKUPS]	= { .type = NLA_REJECT },
	[KBUMP_SET_A_HITS]	= { .type = NLA_REJECT },
};

static const struct nla_policy top_policy[KBUMP_A_MAX + 1] = {
	[KBUMP_A_RULE]		= NLA_POLICY_NESTED(rule_policy),
	[KBUMP_A_TOOL]		= NLA_POLICY_NESTED(tool_policy),
	[KBUMP_A_FLOW]		= NLA_POLICY_NESTED(flow_policy),
	[KBUMP_A_STAT]		= { .type = NLA_REJECT },
	[KBUMP_A_HELPER]	= NLA_POLICY_NESTED(helper_policy),
	[KBUMP_A_LEARNED]	= NLA_POLICY_NESTED(learned_policy),
	[KBUMP_A_SET]		= NLA_POLICY_NESTED(set_policy),
	[KBUMP_A_WIRE]		= NLA_POLICY_NESTED(wire_policy),
};

#define KB_DO(_cmd, _doit) \
	{ .cmd = (_cmd), .doit = (_doit), .flags = GENL_ADMIN_PERM }
#define KB_GET(_cmd, _doit, _dumpit) \
	{ .cmd = (_cmd), .doit = (_doit), .dumpit = (_dumpit), .flags = GENL_ADMIN_PERM }

static const struct genl_ops kb_ops[] = {
	KB_DO(KBUMP_CMD_RULE_ADD, kb_rule_add_doit),
	KB_DO(KBUMP_CMD_RULE_DEL, kb_rule_del_doit),
	KB_DO(KBUMP_CMD_RULE_FLUSH, kb_rule_flush_doit),
	KB_GET(KBUMP_CMD_RULE_GET, kb_rule_get_doit, kb_rule_get_dumpit),
	KB_DO(KBUMP_CMD_TOOL_ADD, kb_tool_add_doit),
	KB_DO(KBUMP_CMD_TOOL_SET, kb_tool_set_doit),
	KB_DO(KBUMP_CMD_TOOL_DEL, kb_tool_del_doit),
	KB_GET(KBUMP_CMD_TOOL_GET, kb_tool_get_doit, kb_tool_get_dumpit),
	KB_DO(KBUMP_CMD_FLOW_SET, kb_flow_set_doit),
	KB_DO(KBUMP_CMD_FLOW_ASK, kb_flow_ask_doit),
	KB_DO(KBUMP_CMD_FLOW_ADD, kb_flow_add_doit),
	KB_DO(KBUMP_CMD_FLOW_FAIL, kb_flow_fail_doit),
	KB_DO(KBUMP_CMD_FLOW_DEL, kb_flow_del_doit),
	KB_GET(KBUMP_CMD_FLOW_GET, kb_flow_get_doit, kb_flow_get_dumpit),
	KB_DO(KBUMP_CMD_STAT_GET, kb_stat_get_doit),
	KB_DO(KBUMP_CMD_HELPER_ADD, kb_helper_add_doit),
	KB_DO(KBUMP_CMD_HELPER_DEL, kb_helper_del_doit),
	KB_DO(KBUMP_CMD_HELPER_SET, kb_helper_set_doit),
	KB_DO(KBUMP_CMD_WIRE_SET, kb_wire_set_doit),
	KB_GET(KBUMP_CMD_WIRE_GET, kb_wire_get_doit, kb_wire_get_dumpit),
	KB_GET(KBUMP_CMD_HELPER_GET, kb_helper_get_doit, kb_helper_get_dumpit),
	KB_DO(KBUMP_CMD_RULE_INSERT, kb_rule_add_doit),
	KB_DO(KBUMP_CMD_RULE_REPLACE, kb_rule_replace_doit),
	KB_DO(KBUMP_CMD_RULE_MOVE, kb_rule_move_doit),
	KB_GET(KBUMP_CMD_RULE_EXPLAIN, NULL, kb_explain_dumpit),
	KB_DO(KBUMP_CMD_LEARNED_DEL, kb_learned_del_doit),
	KB_DO(KBUMP_CMD_LEARNED_FLUSH, kb_learned_flush_doit),
	KB_GET(KBUMP_CMD_LEARNED_GET, kb_learned_get_doit, kb_learned_get_dumpit),
	KB_DO(KBUMP_CMD_SET_ADD, kb_set_add_doit),
	KB_DO(KBUMP_CMD_SET_DEL, kb_set_del_doit),
	KB_GET(KBUMP_CMD_SET_GET, kb_set_get_doit, kb_set_get_dumpit),
	KB_DO(KBUMP_CMD_SET_FILL, kb_set_fill_doit),
	KB_DO(KBUMP_CMD_SET_DEL_ENTRY, kb_set_del_entry_doit),
	KB_DO(KBUMP_CMD_SET_FLUSH, kb_set_flush_doit),
	KB_DO(KBUMP_CMD_SET_SWAP, kb_set_swap_doit),
	KB_GET(KBUMP_CMD_SET_ENTRIES, NULL, kb_set_entries_dumpit),
	KB_DO(KBUMP_CMD_SET_TEST, kb_set_test_doit),
	KB_DO(KBUMP_CMD_BEGIN, kb_begin_doit),
	KB_DO(KBUMP_CMD_COMMIT, kb_commit_doit),
	KB_DO(KBUMP_CMD_FLUSH, kb_flush_doit),
};

enum {
	EVENTS,
	DECISIONS,
};

static const struct genl_multicast_group kb_groups[] = {
	[EVENTS] = { .name = KBUMP_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
	[DECISIONS] = { .name = KBUMP_MCGRP_DECISIONS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

static struct genl_family kb_family __ro_after_init = {
	.name		= KBUMP_GENL_NAME,
	.version	= KBUMP_GENL_VERSION,
	.maxattr	= KBUMP_A_MAX,
	.policy		= top_policy,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= kb_ops,
	.n_ops		= ARRAY_SIZE(kb_ops),
	.resv_start_op	= __KBUMP_CMD_MAX,
	.mcgrps		= kb_groups,
	.n_mcgrps	= ARRAY_SIZE(kb_groups),
};

/**
 * kb_nl_put - put one whole message
 * @skb: where to
 * @portid: receiver
 * @seq: sequence number
 * @flags: NLM_F_*
 * @cmd: &enum kbump_cmd
 * @attr: &enum kbump_attr, the object's kind
 * @fill: puts the object
 * @obj: the object
 * @cb: of the dump that the message is a part of, or NULL
 *
 * Return: 0, or -EMSGSIZE with @skb as it was.
 */
int kb_nl_put(struct sk_buff *skb, u32 portid, u32 seq, int flags, u8 cmd, int attr,
	      kb_fill_t fill, const void *obj, struct netlink_callback *cb)
{
	struct nlattr *nest;
	void *hdr;

	hdr = genlmsg_put(skb, portid, seq, &kb_family, flags, cmd);
	if (!hdr)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, hdr);
	nest = nla_nest_start(skb, attr);
	if (!nest || fill(skb, obj)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * kb_nl_dump - put a part of a list
 * @skb: where to
 * @cb: state of the dump
 * @what: how
 * @list: the objects
 * @gen: changes with the list: places are counted, and this tells the reader to start anew
 *
 * Context: process, with the lock of @list held.
 * Return: length of the part, 0 at the end.
 */
int kb_nl_dump(struct sk_buff *skb, struct netlink_callback *cb, const struct kb_nl_list *what,
	       const struct list_head *list, unsigned int gen)
{
	struct kb_nl_pos *pos = kb_nl_pos(cb);
	const struct list_head *node;
	u64 i = 0;

	cb->seq = gen;
	list_for_each(node, list) {
		const void *obj = (const char *)node - what->node;

		if (i++ < pos->a || (what->shown && !what->shown(obj)))
			continue;
		if (kb_nl_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, NLM_F_MULTI,
			      what->cmd, what->attr, what->fill, obj, cb))
			break;
		pos->a = i;
	}
	return skb->len;
}

/**
 * kb_nl_reply - answer a request with an object
 * @info: the request
 * @cmd: see kb_nl_put(), as all below
 * @attr: ...
 * @fill: ...
 * @obj: ...
 *
 * Context: process; sleeps.
 * Return: 0 or an error.
 */
int kb_nl_reply(struct genl_info *info, u8 cmd, int attr, kb_fill_t fill, const void *obj)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	int err;

	if (!skb)
		return -ENOMEM;
	err = kb_nl_put(skb, info->snd_portid, info->snd_seq, 0, cmd, attr, fill, obj, NULL);
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

static void tell(struct kb_net *kn, unsigned int group, u8 cmd, int attr, kb_fill_t fill,
		 const void *obj, gfp_t gfp)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&kb_family, kn->net, group))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, gfp);
	if (!skb)
		return;
	if (kb_nl_put(skb, 0, 0, 0, cmd, attr, fill, obj, NULL))
		nlmsg_free(skb);
	else
		genlmsg_multicast_netns(&kb_family, kn->net, skb, 0, group, gfp);
}

/**
 * kb_nl_event - tell those who listen
 * @kn: the namespace
 * @cmd: see kb_nl_put(), as all below
 * @attr: ...
 * @fill: ...
 * @obj: ...
 *
 * An event that cannot be sent is lost; the listeners' sockets tell them so.
 *
 * Context: process; sleeps.
 */
void kb_nl_event(struct kb_net *kn, u8 cmd, int attr, kb_fill_t fill, const void *obj)
{
	tell(kn, EVENTS, cmd, attr, fill, obj, GFP_KERNEL);
}

/**
 * kb_nl_decision - tell those who listen what becomes of a connection
 * @kn: the namespace
 * @fill: see kb_nl_put()
 * @obj: ...
 *
 * As kb_nl_event(). There may be as many as there are packets: while nobody listens they cost
 * little.
 *
 * Context: any.
 */
void kb_nl_decision(struct kb_net *kn, kb_fill_t fill, const void *obj)
{
	tell(kn, DECISIONS, KBUMP_CMD_DECISION, KBUMP_A_FLOW, fill, obj,
	     GFP_ATOMIC | __GFP_NOWARN);
}

static int parse(struct nlattr **attrs, int attr, struct nlattr **tb, int max,
		 struct netlink_ext_ack *extack)
{
	static const struct nla_policy *const policies[] = {
		[KBUMP_A_RULE] = rule_policy,
		[KBUMP_A_TOOL] = tool_policy,
		[KBUMP_A_FLOW] = flow_policy,
		[KBUMP_A_HELPER] = helper_policy,
		[KBUMP_A_LEARNED] = learned_policy,
		[KBUMP_A_SET] = set_policy,
		[KBUMP_A_WIRE] = wire_policy,
	};

	if (!attrs || !attrs[attr]) {
		NL_SET_ERR_MSG(extack, "the object is missing");
		return -EINVAL;
	}
	return nla_parse_nested(tb, max, attrs[attr], policies[attr], extack);
}

/**
 * kb_nl_parse - take a request's object apart
 * @info: the request, which has been validated
 * @attr: &enum kbump_attr, the object's kind
 * @tb: result
 * @max: highest attribute in it
 *
 * Return: 0 or -EINVAL.
 */
int kb_nl_parse(struct genl_info *info, int attr, struct nlattr **tb, int max)
{
	return parse(info->attrs, attr, tb, max, info->extack);
}

/**
 * kb_nl_parse_dump - take the object of a dump's request apart
 * @cb: state of the dump
 * @attr: as of kb_nl_parse(), as all below
 * @tb: ...
 * @max: ...
 *
 * Return: 0 or -EINVAL.
 */
int kb_nl_parse_dump(struct netlink_callback *cb, int attr, struct nlattr **tb, int max)
{
	return parse(kb_dump_attrs(cb), attr, tb, max, cb->extack);
}

/**
 * kb_nl_is_name - is this what an object may be named?
 * @name: the name
 * @empty: it may be empty
 *
 * Context: any.
 */
bool kb_nl_is_name(const char *name, bool empty)
{
	const char *p = name;

	while (isascii(*p) && (isalnum(*p) || (*p && strchr("._-", *p))))
		p++;
	return !*p && *name != '-' && (p != name || empty);
}

/**
 * kb_nl_check_name - is this what an object may be named?
 * @a: attribute that the policy took for a string, or NULL
 * @extack: says what is wrong
 *
 * Return: 0 or -EINVAL.
 */
int kb_nl_check_name(const struct nlattr *a, struct netlink_ext_ack *extack)
{
	if (!a) {
		NL_SET_ERR_MSG(extack, "the name is missing");
		return -EINVAL;
	}
	if (!kb_nl_is_name(nla_data(a), false)) {
		NL_SET_ERR_MSG_ATTR(extack, a, "a name is of letters, digits, . _ and -");
		return -EINVAL;
	}
	return 0;
}

/**
 * kb_nl_strdup - copy a text
 * @a: attribute that the policy took for a string, or NULL
 * @to: result, for kfree(); not changed without @a
 * @extack: says what is wrong
 *
 * Context: process; sleeps.
 * Return: 0, -EINVAL if it is empty, or -ENOMEM.
 */
int kb_nl_strdup(const struct nlattr *a, char **to, struct netlink_ext_ack *extack)
{
	if (!a)
		return 0;
	if (!*(const char *)nla_data(a)) {
		NL_SET_ERR_MSG_ATTR(extack, a, "empty");
		return -EINVAL;
	}
	*to = nla_strdup(a, GFP_KERNEL_ACCOUNT);
	return *to ? 0 : -ENOMEM;
}

/**
 * kb_nl_init - register the family
 *
 * Return: 0 or an error.
 */
int __init kb_nl_init(void)
{
	return genl_register_family(&kb_family);
}

/**
 * kb_nl_exit - unregister the family: no request is in progress when it returns
 */
void kb_nl_exit(void)
{
	genl_unregister_family(&kb_family);
}
