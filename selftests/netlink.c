// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no well-behaved program sends: messages cut short, unknown attributes, values out of
 * range. The kernel must refuse each, say why where it can, and keep nothing of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/kbump.h>

#include "kselftest_harness.h"
#include "talk.h"

FIXTURE(family) {
	struct talk talk;
};

static void count_object(void *arg, const struct nlmsghdr *nlh)
{
	int *count = arg;

	(void)nlh;
	++*count;
}

/* What a dump of @cmd has: objects; negative on error. */
static int dumped(struct talk *t, int cmd)
{
	int count = 0;
	int err;

	begin(&t->rq, t->id, cmd, NLM_F_DUMP);
	err = ask(t, count_object, &count);
	if (err)
		return err == NO_ANSWER ? -ETIMEDOUT : err;
	return count;
}

/* A namespace of its own: what the system has is not touched. */
FIXTURE_SETUP(family)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNET)) TH_LOG("needs root");
	self->talk.fd = open_netlink();
	ASSERT_LE(0, self->talk.fd);
	self->talk.id = family_id(&self->talk);
	ASSERT_LT(0, self->talk.id) TH_LOG("no family kbump: module not loaded?");
}

FIXTURE_TEARDOWN(family)
{
	EXPECT_EQ(0, dumped(&self->talk, KBUMP_CMD_RULE_GET));
	EXPECT_EQ(0, dumped(&self->talk, KBUMP_CMD_TOOL_GET));
	EXPECT_EQ(0, dumped(&self->talk, KBUMP_CMD_FLOW_GET));
	EXPECT_EQ(0, dumped(&self->talk, KBUMP_CMD_HELPER_GET));
	EXPECT_EQ(0, dumped(&self->talk, KBUMP_CMD_SET_GET));
	close(self->talk.fd);
}

TEST_F(family, empty_requests_are_refused)
{
	int cmd;

	for (cmd = 0; cmd < 256; cmd++) {
		if (cmd == KBUMP_CMD_RULE_FLUSH || cmd == KBUMP_CMD_STAT_GET ||
		    cmd == KBUMP_CMD_HELPER_DEL || cmd == KBUMP_CMD_LEARNED_FLUSH ||
		    cmd == KBUMP_CMD_BEGIN || cmd == KBUMP_CMD_FLUSH)
			continue;
		begin_cmd(&self->talk, cmd);
		EXPECT_GT(0, answer(&self->talk)) TH_LOG("command %d", cmd);
	}
}

TEST_F(family, rule_without_action_is_refused_with_reason)
{
	struct nlattr *n;

	begin_cmd(&self->talk, KBUMP_CMD_RULE_ADD);
	n = nest(&self->talk.rq, KBUMP_A_RULE);
	nest_end(&self->talk.rq, n);
	EXPECT_EQ(-EINVAL, answer(&self->talk));
	EXPECT_NE('\0', self->talk.message[0]);
}

/* One rule, right but for one attribute. */
static int odd_rule(struct talk *t, int type, const void *data, size_t len)
{
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_RULE_ADD);
	n = nest(&t->rq, KBUMP_A_RULE);
	if (type != KBUMP_RULE_A_ACTION)
		put_u8(&t->rq, KBUMP_RULE_A_ACTION, KBUMP_ACTION_BYPASS);
	put(&t->rq, type, data, len);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, rule_values_out_of_range_are_refused)
{
	const struct kbump_port_range backwards = { .min = 2, .max = 1 };
	const uint32_t zero = 0, huge = 0x80000000u;
	const uint8_t address[16] = { 10 }, wrong[] = { 0, 4, 255 };
	char text[300];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_ACTION, &wrong[i], 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_FAIL, &wrong[2], 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_PREF, &zero, 4));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_PREF, &huge, 4));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_DPORT, &backwards, sizeof(backwards)));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_DPORT, &backwards, 2));
	for (i = 0; i <= 16; i++)
		if (i != 4 && i != 16)
			EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_SRC, address, i));
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_COMMENT, text, sizeof(text)));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_COMMENT, text, KBUMP_COMMENT_LEN));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_IIF, text, IFNAMSIZ + 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_TOOL, text, KBUMP_NAME_LEN + 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_TOOL, "none", 5));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_SNI, "", 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_ALPN, "", 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_CERT, &zero, 4));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_CERT, &huge, 4));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_ALPN_LIMIT, "h2", 3));
}

TEST_F(family, odd_matchers_are_refused)
{
	const struct kbump_port_range vlan = { .min = 1, .max = 4096 };
	const struct kbump_port_range many[KBUMP_LIST_MAX + 1] = {};
	const struct kbump_uid_range nobody = { .min = 1, .max = UINT32_MAX }, none = { .min = 1 };
	const struct kbump_uid_range users[KBUMP_LIST_MAX + 1] = {};
	const uint8_t bytes[KBUMP_FINGERPRINT_LEN + 1] = { 2 };
	const uint32_t zero = 0, huge = 0x80000000u;
	const uint64_t no_such = 1ULL << KBUMP_RULE_A_SNI, all = UINT64_MAX;

	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_VLAN, &vlan, sizeof(vlan)));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_DPORT, many, sizeof(many)));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_DPORT, many, 0));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_DPORT, many, sizeof(many[0]) + 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_IIF, "", 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_CT_MASK, &huge, 4));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_CT_LABEL, "\x80", 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_TLS, &zero, 4));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_TLS, &huge, 4));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_ECH, bytes, 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_ISSUER, "", 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_FINGERPRINT, bytes, sizeof(bytes)));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_FINGERPRINT, bytes, sizeof(bytes) - 2));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_UID, users, sizeof(users)));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_UID, users, 0));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_UID, users, 4));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_UID, &none, sizeof(none)));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_UID, &nobody, sizeof(nobody)));
	EXPECT_STREQ("a user ID is 0 to 4294967294", self->talk.message);
	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_NOT, &no_such, 8));
	EXPECT_STREQ("the rule has no such matcher to be negated", self->talk.message);
	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_NOT, &all, 8));
}

/* A rule for UDP, right but for one attribute. */
static int odd_udp_rule(struct talk *t, uint8_t action, int type, const void *data, size_t len)
{
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_RULE_ADD);
	n = nest(&t->rq, KBUMP_A_RULE);
	put_u8(&t->rq, KBUMP_RULE_A_PROTO, KBUMP_PROTO_UDP);
	put_u8(&t->rq, KBUMP_RULE_A_ACTION, action);
	put(&t->rq, type, data, len);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, rules_for_udp_are_checked)
{
	static const uint8_t others[] = {
		KBUMP_RULE_A_FAIL, KBUMP_RULE_A_TOOL, KBUMP_RULE_A_SNI, KBUMP_RULE_A_ALPN,
		KBUMP_RULE_A_CERT, KBUMP_RULE_A_ALPN_LIMIT, KBUMP_RULE_A_TLS, KBUMP_RULE_A_ECH,
		KBUMP_RULE_A_ISSUER, KBUMP_RULE_A_FINGERPRINT, KBUMP_RULE_A_LEARN,
		KBUMP_RULE_A_FAIL_EXCEPT, KBUMP_RULE_A_SNI_SET,
	};
	/* Of these some want a word, some a number, one a byte. */
	const uint8_t value[KBUMP_FINGERPRINT_LEN] = { 1 }, wrong[] = { 2, 255 };
	const uint64_t proto = 1ULL << KBUMP_RULE_A_PROTO;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		for (len = 1; len <= sizeof(value); len *= 2) {
			EXPECT_GT(0, odd_udp_rule(&self->talk, KBUMP_ACTION_BYPASS, others[i],
						  value, len)) TH_LOG("attribute %u", others[i]);
		}
	}
	EXPECT_EQ(-EINVAL, odd_udp_rule(&self->talk, KBUMP_ACTION_BLOCK, KBUMP_RULE_A_SNI, "a", 2));
	EXPECT_STREQ("a rule for UDP cannot have this", self->talk.message);
	EXPECT_EQ(-EINVAL, odd_udp_rule(&self->talk, KBUMP_ACTION_BLOCK, KBUMP_RULE_A_PAGE, "", 0));
	EXPECT_STREQ("a rule for UDP cannot have this", self->talk.message);
	EXPECT_EQ(-EINVAL, odd_udp_rule(&self->talk, KBUMP_ACTION_INSPECT, KBUMP_RULE_A_COMMENT,
					"a", 2));
	EXPECT_STREQ("UDP cannot be inspected, only blocked or bypassed", self->talk.message);
	EXPECT_EQ(-EINVAL, odd_udp_rule(&self->talk, KBUMP_ACTION_BLOCK, KBUMP_RULE_A_NOT, &proto,
					sizeof(proto)));
	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_BLOCK, "\1", 1));
	EXPECT_STREQ("only action block says how it refuses", self->talk.message);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_PROTO, &wrong[i], 1));
		EXPECT_GT(0, odd_udp_rule(&self->talk, KBUMP_ACTION_BLOCK, KBUMP_RULE_A_BLOCK,
					  &wrong[i], 1));
	}
}

/* Lists whose addresses and prefix lengths are not as many. */
TEST_F(family, lists_of_prefixes_are_checked)
{
	const uint8_t addresses[(KBUMP_LIST_MAX + 1) * 16] = { 10 }, lens[KBUMP_LIST_MAX + 1] = {};
	struct nlattr *n;
	size_t len, count;

	for (count = 0; count <= KBUMP_LIST_MAX + 1; count++) {
		for (len = 0; len <= sizeof(addresses); len += 2) {
			if (count && count <= KBUMP_LIST_MAX &&
			    (len == count * 4 || len == count * 16))
				continue;
			begin_cmd(&self->talk, KBUMP_CMD_RULE_ADD);
			n = nest(&self->talk.rq, KBUMP_A_RULE);
			put_u8(&self->talk.rq, KBUMP_RULE_A_ACTION, KBUMP_ACTION_BYPASS);
			put(&self->talk.rq, KBUMP_RULE_A_SRC, addresses, len);
			put(&self->talk.rq, KBUMP_RULE_A_SRC_LEN, lens, count);
			nest_end(&self->talk.rq, n);
			EXPECT_GT(0, answer(&self->talk)) TH_LOG("%zu bytes of %zu", len, count);
		}
	}
}

/* What the rules say of a connection of which one fact is told. */
static int odd_fact(struct talk *t, int type, const void *data, size_t len)
{
	struct nlattr *n;

	begin(&t->rq, t->id, KBUMP_CMD_RULE_EXPLAIN, NLM_F_DUMP);
	n = nest(&t->rq, KBUMP_A_FLOW);
	put(&t->rq, type, data, len);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, odd_facts_are_refused)
{
	const uint32_t nobody = UINT32_MAX;
	const uint8_t bytes[64] = { 255 };
	const uint16_t vlan = 4096;

	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_CLIENT_ADDR, bytes, 5));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_SERVER_ADDR, bytes, 0));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_IIF, bytes, 17));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_VLAN, &vlan, 2));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_UID, &nobody, 4));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_CT_LABELS, bytes, 15));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_TLS, bytes, 1));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_ECH, bytes, 1));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_CERT, bytes, 1));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_FINGERPRINT, bytes, 31));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_FINGERPRINT, bytes, 33));
	EXPECT_GT(0, odd_fact(&self->talk, KBUMP_FLOW_A_ACTION, bytes, 1));
	EXPECT_EQ(0, odd_fact(&self->talk, KBUMP_FLOW_A_FINGERPRINT, bytes, 32));
}

/* Return: what is answered to a rule with @action and a page. */
static int page_rule(struct talk *t, uint8_t action)
{
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_RULE_ADD);
	n = nest(&t->rq, KBUMP_A_RULE);
	put_u8(&t->rq, KBUMP_RULE_A_ACTION, action);
	put_u32(&t->rq, KBUMP_RULE_A_PREF, 77);
	put(&t->rq, KBUMP_RULE_A_PAGE, NULL, 0);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, a_page_is_for_rules_that_block)
{
	struct nlattr *n;

	EXPECT_EQ(-EINVAL, page_rule(&self->talk, KBUMP_ACTION_INSPECT));
	EXPECT_STREQ("only action block has a page", self->talk.message);
	EXPECT_EQ(-EINVAL, page_rule(&self->talk, KBUMP_ACTION_BYPASS));
	EXPECT_STREQ("only action block has a page", self->talk.message);
	/* A flag has no value. */
	EXPECT_EQ(-ERANGE, odd_rule(&self->talk, KBUMP_RULE_A_PAGE, "", 1));
	ASSERT_EQ(0, page_rule(&self->talk, KBUMP_ACTION_BLOCK));
	begin_cmd(&self->talk, KBUMP_CMD_RULE_DEL);
	n = nest(&self->talk.rq, KBUMP_A_RULE);
	put_u32(&self->talk.rq, KBUMP_RULE_A_PREF, 77);
	nest_end(&self->talk.rq, n);
	EXPECT_EQ(0, answer(&self->talk));
}

TEST_F(family, what_is_blocked_has_no_tools)
{
	struct nlattr *n;

	begin_cmd(&self->talk, KBUMP_CMD_RULE_ADD);
	n = nest(&self->talk.rq, KBUMP_A_RULE);
	put_u8(&self->talk.rq, KBUMP_RULE_A_ACTION, KBUMP_ACTION_BLOCK);
	put_string(&self->talk.rq, KBUMP_RULE_A_TOOL, "none");
	nest_end(&self->talk.rq, n);
	EXPECT_EQ(-EINVAL, answer(&self->talk));
	EXPECT_STREQ("action block has no tools", self->talk.message);
	/* What is left alone may have some, if they are there. */
	EXPECT_EQ(-ENOENT, odd_rule(&self->talk, KBUMP_RULE_A_TOOL, "none", 5));
	EXPECT_STREQ("no tool has this name", self->talk.message);
}

/* What is answered to a request about what was learned, with one attribute or none. */
static int ask_learned(struct talk *t, int cmd, int type, const void *data, size_t len)
{
	struct nlattr *n;

	begin_cmd(t, cmd);
	n = nest(&t->rq, KBUMP_A_LEARNED);
	if (type)
		put(&t->rq, type, data, len);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, what_was_learned_is_named_by_its_id)
{
	static const int cmds[] = { KBUMP_CMD_LEARNED_DEL, KBUMP_CMD_LEARNED_GET };
	const uint64_t id = 1;
	size_t i;
	int type;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(-EINVAL, ask_learned(&self->talk, cmds[i], 0, NULL, 0));
		EXPECT_STREQ("the id is missing", self->talk.message);
		EXPECT_EQ(-ENOENT,
			  ask_learned(&self->talk, cmds[i], KBUMP_LEARNED_A_ID, &id, 8));
		EXPECT_STREQ("nothing that was learned has this id", self->talk.message);
		for (type = KBUMP_LEARNED_A_ID + 1; type <= KBUMP_LEARNED_A_MAX + 1; type++)
			EXPECT_EQ(-EINVAL, ask_learned(&self->talk, cmds[i], type, &id, 8))
				TH_LOG("attribute %d", type);
	}
	EXPECT_EQ(0, dumped(&self->talk, KBUMP_CMD_LEARNED_GET));
	begin_cmd(&self->talk, KBUMP_CMD_LEARNED_FLUSH);
	EXPECT_EQ(0, answer(&self->talk));
	EXPECT_EQ(-EOPNOTSUPP, ask_learned(&self->talk, KBUMP_CMD_LEARNED_ADD, 0, NULL, 0));
}

TEST_F(family, only_who_inspects_learns)
{
	const uint32_t off = 0, huge = 0x80000000u;

	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_LEARN, &off, 4));
	EXPECT_STREQ("only from action inspect a bypass is learned", self->talk.message);
	EXPECT_EQ(-ERANGE, odd_rule(&self->talk, KBUMP_RULE_A_LEARN, &huge, 4));
	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_LEARN, &off, 2));
}

TEST_F(family, exceptions_are_of_known_causes)
{
	const uint32_t limit = 1 << KBUMP_CAUSE_LIMIT, zeroth = 1;
	const uint32_t next = 1 << (KBUMP_CAUSE_MAX + 1);

	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_FAIL_EXCEPT, &zeroth, 4));
	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_FAIL_EXCEPT, &next, 4));
	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_FAIL_EXCEPT, &limit, 4));
	EXPECT_STREQ("exceptions without a fail setting", self->talk.message);
}

TEST_F(family, prefix_lengths_are_checked)
{
	const uint8_t address[16] = { 10 };
	struct nlattr *n;
	size_t len;

	for (len = 4; len <= 16; len += 12) {
		begin_cmd(&self->talk, KBUMP_CMD_RULE_ADD);
		n = nest(&self->talk.rq, KBUMP_A_RULE);
		put_u8(&self->talk.rq, KBUMP_RULE_A_ACTION, KBUMP_ACTION_BYPASS);
		put(&self->talk.rq, KBUMP_RULE_A_DST, address, len);
		put_u8(&self->talk.rq, KBUMP_RULE_A_DST_LEN, len * 8 + 1);
		nest_end(&self->talk.rq, n);
		EXPECT_GT(0, answer(&self->talk));
	}
}

TEST_F(family, address_families_do_not_mix)
{
	const uint8_t address[16] = { 10 };
	struct nlattr *n;

	begin_cmd(&self->talk, KBUMP_CMD_RULE_ADD);
	n = nest(&self->talk.rq, KBUMP_A_RULE);
	put_u8(&self->talk.rq, KBUMP_RULE_A_ACTION, KBUMP_ACTION_BYPASS);
	put(&self->talk.rq, KBUMP_RULE_A_SRC, address, 4);
	put(&self->talk.rq, KBUMP_RULE_A_DST, address, 16);
	nest_end(&self->talk.rq, n);
	EXPECT_GT(0, answer(&self->talk));
	EXPECT_NE('\0', self->talk.message[0]);
}

TEST_F(family, unknown_attributes_are_refused)
{
	const uint32_t v = 1;

	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_MAX + 1, &v, 4));
	EXPECT_GT(0, odd_rule(&self->talk, 0x3fff, &v, 4));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_UNSPEC, &v, 4));
	begin_cmd(&self->talk, KBUMP_CMD_STAT_GET);
	put_u32(&self->talk.rq, KBUMP_A_MAX + 1, 1);
	EXPECT_GT(0, answer(&self->talk));
}

TEST_F(family, output_attributes_are_refused_as_input)
{
	const uint64_t v = 1;

	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_HITS, &v, 8));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_BYTES, &v, 8));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_LAST_HIT, &v, 8));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_ANSWER, &v, 1));
	EXPECT_GT(0, odd_rule(&self->talk, KBUMP_RULE_A_WHY, &v, 8));
}

/* A hand-off by one who may not, so that nothing but the attribute can be judged. */
static int odd_leg(struct talk *t, int type, size_t len)
{
	static const uint8_t zero[64];
	struct nlattr *n, *leg;

	begin_cmd(t, KBUMP_CMD_FLOW_ADD);
	n = nest(&t->rq, KBUMP_A_FLOW);
	leg = nest(&t->rq, KBUMP_FLOW_A_CLIENT);
	put(&t->rq, type, zero, len);
	nest_end(&t->rq, leg);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, of_a_leg_only_secrets_and_pumps_are_taken)
{
	EXPECT_EQ(-EACCES, odd_leg(&self->talk, KBUMP_LEG_A_PUMP_FD, 4));
	EXPECT_EQ(-EACCES, odd_leg(&self->talk, KBUMP_LEG_A_SUITE, 2));
	EXPECT_EQ(-ERANGE, odd_leg(&self->talk, KBUMP_LEG_A_VERSION, 2));
	EXPECT_EQ(-EINVAL, odd_leg(&self->talk, KBUMP_LEG_A_CIPHER, 2));
	EXPECT_EQ(-EACCES, odd_leg(&self->talk, KBUMP_LEG_A_RX_SECRET, 48));
	EXPECT_EQ(-EACCES, odd_leg(&self->talk, KBUMP_LEG_A_TX_SECRET, 48));
	EXPECT_EQ(-ERANGE, odd_leg(&self->talk, KBUMP_LEG_A_RX_SECRET, 49));
	EXPECT_EQ(-ERANGE, odd_leg(&self->talk, KBUMP_LEG_A_TX_SECRET, 49));
	EXPECT_EQ(-EINVAL, odd_leg(&self->talk, KBUMP_LEG_A_RX_BYTES, 8));
	EXPECT_EQ(-EINVAL, odd_leg(&self->talk, KBUMP_LEG_A_RX_REKEYS, 8));
	EXPECT_EQ(-EINVAL, odd_leg(&self->talk, KBUMP_LEG_A_TX_REKEYS, 8));
}

/* Every length of a good message but the right one. */
TEST_F(family, messages_cut_short_are_refused)
{
	const struct kbump_port_range https = { .min = 443, .max = 443 };
	uint32_t whole, len;
	struct nlattr *n;

	begin_cmd(&self->talk, KBUMP_CMD_RULE_ADD);
	n = nest(&self->talk.rq, KBUMP_A_RULE);
	put(&self->talk.rq, KBUMP_RULE_A_DPORT, &https, sizeof(https));
	put_u8(&self->talk.rq, KBUMP_RULE_A_ACTION, KBUMP_ACTION_BYPASS);
	nest_end(&self->talk.rq, n);
	whole = self->talk.rq.nlh.nlmsg_len;
	for (len = NLMSG_HDRLEN; len < whole; len++) {
		self->talk.rq.nlh.nlmsg_len = len;
		/* The padding of the last attribute may be missing. */
		if (len >= whole - 3)
			continue;
		EXPECT_GT(0, answer(&self->talk)) TH_LOG("length %u of %u", len, whole);
	}
}

TEST_F(family, nested_lengths_that_lie_are_refused)
{
	struct nlattr *n, *inner;
	uint16_t len;

	for (len = 0; len < 64; len++) {
		begin_cmd(&self->talk, KBUMP_CMD_RULE_ADD);
		n = nest(&self->talk.rq, KBUMP_A_RULE);
		inner = put(&self->talk.rq, KBUMP_RULE_A_COMMENT, "comment", 8);
		nest_end(&self->talk.rq, n);
		inner->nla_len = len;
		EXPECT_GT(0, answer(&self->talk)) TH_LOG("inner length %u", len);
	}
}

TEST_F(family, bytes_at_random_are_refused)
{
	uint32_t seed = 1, i, round;

	for (round = 0; round < 500; round++) {
		begin_cmd(&self->talk, KBUMP_CMD_RULE_ADD + round % KBUMP_CMD_MAX);
		if (round % KBUMP_CMD_MAX + 1 == KBUMP_CMD_RULE_FLUSH ||
		    round % KBUMP_CMD_MAX + 1 == KBUMP_CMD_LEARNED_FLUSH ||
		    round % KBUMP_CMD_MAX + 1 == KBUMP_CMD_HELPER_DEL)
			continue;
		for (i = 0; i < 64; i++) {
			seed = seed * 1664525 + 1013904223;
			self->talk.rq.buffer[self->talk.rq.nlh.nlmsg_len++] = seed >> 24;
		}
		EXPECT_GT(0, answer(&self->talk)) TH_LOG("round %u", round);
	}
}

/* A tool, right but for one attribute. */
static int odd_tool(struct talk *t, const char *name, const char *dev, int type,
		    const void *data, size_t len)
{
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_TOOL_ADD);
	t->rq.nlh.nlmsg_flags |= NLM_F_CREATE;
	n = nest(&t->rq, KBUMP_A_TOOL);
	if (name)
		put_string(&t->rq, KBUMP_TOOL_A_NAME, name);
	if (dev)
		put_string(&t->rq, KBUMP_TOOL_A_DEV, dev);
	if (type)
		put(&t->rq, type, data, len);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, bad_tools_are_refused)
{
	static const char *const names[] = { "", "-x", "a b", "a/b", "\xff", "a\n",
		"a234567890123456789012345678901234567890" };
	const uint16_t vlan = 4095;
	const uint32_t mtu = 575, heartbeat = 19, snaplen = 95;
	const uint8_t mode = KBUMP_TOOL_INLINE, no_mode = mode + 1;
	const uint8_t no_fail = KBUMP_TOOL_FAIL_MAX + 1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_GT(0, odd_tool(&self->talk, names[i], "lo", 0, NULL, 0))
			TH_LOG("name %zu", i);
	EXPECT_EQ(-ENODEV, odd_tool(&self->talk, "t", "nodev0", 0, NULL, 0));
	EXPECT_NE('\0', self->talk.message[0]);
	EXPECT_GT(0, odd_tool(&self->talk, "t", "a234567890123456789", 0, NULL, 0));
	EXPECT_GT(0, odd_tool(&self->talk, NULL, "lo", 0, NULL, 0));
	EXPECT_GT(0, odd_tool(&self->talk, "t", NULL, 0, NULL, 0));
	EXPECT_GT(0, odd_tool(&self->talk, "t", "lo", KBUMP_TOOL_A_VLAN, &vlan, 2));
	EXPECT_GT(0, odd_tool(&self->talk, "t", "lo", KBUMP_TOOL_A_MTU, &mtu, 4));
	EXPECT_GT(0, odd_tool(&self->talk, "t", "lo", KBUMP_TOOL_A_SRC_MAC, "12345", 5));
	EXPECT_GT(0, odd_tool(&self->talk, "t", "lo", KBUMP_TOOL_A_MODE, &no_mode, 1));
	EXPECT_GT(0, odd_tool(&self->talk, "t", "lo", KBUMP_TOOL_A_FAIL, &no_fail, 1));
	EXPECT_GT(0, odd_tool(&self->talk, "t", "lo", KBUMP_TOOL_A_PEER, "lo", 3));
	EXPECT_GT(0, odd_tool(&self->talk, "t", "lo", KBUMP_TOOL_A_HEARTBEAT, &heartbeat, 4));
	EXPECT_GT(0, odd_tool(&self->talk, "t", "lo", KBUMP_TOOL_A_SNAPLEN, &snaplen, 4));
	EXPECT_EQ(-EINVAL, odd_tool(&self->talk, "t", "lo", KBUMP_TOOL_A_MODE, &mode, 1));
	EXPECT_NE(NULL, strstr(self->talk.message, "other side"));
}

/* A group of @members, tools named from "a" on, right but for one attribute. */
static int odd_group(struct talk *t, int members, int type, const void *data, size_t len)
{
	const uint8_t mode = KBUMP_TOOL_GROUP;
	struct kbump_member m = { .name = "a", .weight = 1 };
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_TOOL_ADD);
	n = nest(&t->rq, KBUMP_A_TOOL);
	put_string(&t->rq, KBUMP_TOOL_A_NAME, "all");
	put(&t->rq, KBUMP_TOOL_A_MODE, &mode, sizeof(mode));
	for (; members; members--, ++*m.name)
		put(&t->rq, KBUMP_TOOL_A_MEMBER, &m, sizeof(m));
	if (type)
		put(&t->rq, type, data, len);
	nest_end(&t->rq, n);
	return answer(t);
}

static int delete_tool(struct talk *t, const char *name)
{
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_TOOL_DEL);
	n = nest(&t->rq, KBUMP_A_TOOL);
	put_string(&t->rq, KBUMP_TOOL_A_NAME, name);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, bad_groups_are_refused)
{
	const uint8_t zero = 0, one = 1, two = 2, all = KBUMP_GROUP_MEMBERS_MAX;
	const uint8_t spread = KBUMP_SPREAD_MAX + 1, key = KBUMP_SPREAD_KEY_MAX + 1;
	const struct kbump_member again = { .name = "a", .weight = 1 };
	const struct kbump_member weightless = { .name = "a" };
	struct kbump_member endless = { .weight = 1 };
	struct talk *t = &self->talk;
	char name[] = "a";

	memset(endless.name, 'a', sizeof(endless.name));
	EXPECT_EQ(-EINVAL, odd_group(t, 0, 0, NULL, 0));
	EXPECT_NE(NULL, strstr(t->message, "members of the group are missing"));
	EXPECT_EQ(-ENOENT, odd_group(t, 1, 0, NULL, 0));
	EXPECT_EQ(-EINVAL, odd_tool(t, "t", "lo", KBUMP_TOOL_A_MIN, &one, 1));
	EXPECT_NE(NULL, strstr(t->message, "no such setting"));
	ASSERT_EQ(0, system("ip link add probe0 type veth"));
	for (; *name <= 'q'; ++*name)
		ASSERT_EQ(0, odd_tool(t, name, "probe0", 0, NULL, 0)) TH_LOG("%s", t->message);
	EXPECT_EQ(-EINVAL, odd_group(t, 0, KBUMP_TOOL_A_STANDBY, &again, sizeof(again)));
	EXPECT_EQ(-EINVAL, odd_group(t, 0, KBUMP_TOOL_A_MEMBER, &weightless, sizeof(again)));
	EXPECT_EQ(-EINVAL, odd_group(t, 0, KBUMP_TOOL_A_MEMBER, &endless, sizeof(again)));
	EXPECT_GT(0, odd_group(t, 0, KBUMP_TOOL_A_MEMBER, &again, sizeof(again) - 1));
	EXPECT_EQ(-EEXIST, odd_group(t, 1, KBUMP_TOOL_A_STANDBY, &again, sizeof(again)));
	EXPECT_GT(0, odd_group(t, 1, KBUMP_TOOL_A_SPREAD, &spread, 1));
	EXPECT_GT(0, odd_group(t, 1, KBUMP_TOOL_A_KEY, &key, 1));
	EXPECT_EQ(-ERANGE, odd_group(t, 1, KBUMP_TOOL_A_MIN, &zero, 1));
	EXPECT_EQ(-ERANGE, odd_group(t, 1, KBUMP_TOOL_A_MIN, &two, 1));
	EXPECT_EQ(-EINVAL, odd_group(t, 1, KBUMP_TOOL_A_DEV, "probe0", 7));
	EXPECT_EQ(-E2BIG, odd_group(t, all + 1, 0, NULL, 0));
	ASSERT_EQ(0, odd_group(t, all, KBUMP_TOOL_A_MIN, &all, 1)) TH_LOG("%s", t->message);
	EXPECT_EQ(-EEXIST, odd_group(t, 1, 0, NULL, 0));
	EXPECT_EQ(-EBUSY, delete_tool(t, "a"));
	EXPECT_EQ(0, delete_tool(t, "q"));
	begin_cmd(t, KBUMP_CMD_FLUSH);
	EXPECT_EQ(0, answer(t));
}

static int hand_off(struct talk *t, int cmd, int client, int server)
{
	struct nlattr *n;

	begin_cmd(t, cmd);
	n = nest(&t->rq, KBUMP_A_FLOW);
	put_u32(&t->rq, KBUMP_FLOW_A_CLIENT_FD, client);
	put_u32(&t->rq, KBUMP_FLOW_A_SERVER_FD, server);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, a_record_is_512_to_16384_bytes)
{
	const uint16_t odd[] = { 0, 511, 16385 };
	struct nlattr *n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		begin_cmd(&self->talk, KBUMP_CMD_FLOW_ADD);
		n = nest(&self->talk.rq, KBUMP_A_FLOW);
		put(&self->talk.rq, KBUMP_FLOW_A_RECORD_MAX, &odd[i], sizeof(odd[i]));
		nest_end(&self->talk.rq, n);
		EXPECT_EQ(-ERANGE, answer(&self->talk)) TH_LOG("%u bytes", odd[i]);
	}
}

TEST_F(family, hand_off_needs_a_helper)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	EXPECT_GT(0, hand_off(&self->talk, KBUMP_CMD_FLOW_ADD, fd, fd));
	close(fd);
}

static int add_helper(struct talk *t, int fd)
{
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_HELPER_ADD);
	n = nest(&t->rq, KBUMP_A_HELPER);
	put_u32(&t->rq, KBUMP_HELPER_A_LISTEN4_FD, fd);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, only_listening_sockets_make_a_helper)
{
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	int file = open("/dev/null", O_RDONLY);

	EXPECT_GT(0, add_helper(&self->talk, -1));
	EXPECT_GT(0, add_helper(&self->talk, 1000));
	EXPECT_GT(0, add_helper(&self->talk, file));
	EXPECT_GT(0, add_helper(&self->talk, udp));
	EXPECT_GT(0, add_helper(&self->talk, tcp));
	close(udp);
	close(tcp);
	close(file);
}

TEST_F(family, a_helper_hands_over_only_its_flows)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int other = socket(AF_INET, SOCK_STREAM, 0);
	int one = 1;

	ASSERT_EQ(0, setsockopt(listener, IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one)));
	ASSERT_EQ(0, listen(listener, 1));
	EXPECT_EQ(0, add_helper(&self->talk, listener)) TH_LOG("%s", self->talk.message);
	EXPECT_GT(0, add_helper(&self->talk, listener));
	EXPECT_GT(0, hand_off(&self->talk, KBUMP_CMD_FLOW_ADD, other, other));
	EXPECT_GT(0, hand_off(&self->talk, KBUMP_CMD_FLOW_ADD, listener, other));
	EXPECT_GT(0, hand_off(&self->talk, KBUMP_CMD_FLOW_ADD, -1, other));
	EXPECT_GT(0, hand_off(&self->talk, KBUMP_CMD_FLOW_ADD, self->talk.fd, self->talk.fd));
	EXPECT_GT(0, hand_off(&self->talk, KBUMP_CMD_FLOW_FAIL, other, other));
	/* The end of the netlink socket is the end of the registration. */
	close(self->talk.fd);
	self->talk.fd = open_netlink();
	close(listener);
	close(other);
}

TEST_F(family, deleting_what_is_not_there_is_refused)
{
	const uint32_t handle = 12345;
	struct nlattr *n;

	begin_cmd(&self->talk, KBUMP_CMD_RULE_DEL);
	n = nest(&self->talk.rq, KBUMP_A_RULE);
	put_u32(&self->talk.rq, KBUMP_RULE_A_HANDLE, handle);
	nest_end(&self->talk.rq, n);
	EXPECT_EQ(-ENOENT, answer(&self->talk));
	begin_cmd(&self->talk, KBUMP_CMD_TOOL_DEL);
	n = nest(&self->talk.rq, KBUMP_A_TOOL);
	put_string(&self->talk.rq, KBUMP_TOOL_A_NAME, "none");
	nest_end(&self->talk.rq, n);
	EXPECT_EQ(-ENOENT, answer(&self->talk));
}

static int name_set(struct talk *t, int cmd, const char *name)
{
	struct nlattr *n;

	begin_cmd(t, cmd);
	n = nest(&t->rq, KBUMP_A_SET);
	put_string(&t->rq, KBUMP_SET_A_NAME, name);
	nest_end(&t->rq, n);
	return answer(t);
}

/* A set, right but for one attribute. */
static int odd_set(struct talk *t, const char *name, uint8_t type, int attr, const void *data,
		   size_t len)
{
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_SET_ADD);
	n = nest(&t->rq, KBUMP_A_SET);
	put_string(&t->rq, KBUMP_SET_A_NAME, name);
	if (type)
		put_u8(&t->rq, KBUMP_SET_A_TYPE, type);
	if (attr)
		put(&t->rq, attr, data, len);
	nest_end(&t->rq, n);
	return answer(t);
}

static int add_set(struct talk *t, const char *name, uint8_t type)
{
	return odd_set(t, name, type, 0, NULL, 0);
}

/* Bytes as the entries of a request. */
static int entries(struct talk *t, int cmd, const char *name, const void *data, size_t len,
		   bool more)
{
	struct nlattr *n;

	begin_cmd(t, cmd);
	n = nest(&t->rq, KBUMP_A_SET);
	put_string(&t->rq, KBUMP_SET_A_NAME, name);
	put(&t->rq, KBUMP_SET_A_ENTRIES, data, len);
	if (more)
		put(&t->rq, KBUMP_SET_A_MORE, NULL, 0);
	nest_end(&t->rq, n);
	return answer(t);
}

/* One entry. */
static int entry(struct talk *t, int cmd, const char *name, uint8_t type, const void *data,
		 uint8_t len, uint32_t timeout, bool more)
{
	const struct kbump_set_entry head = { .timeout = timeout, .type = type, .len = len };
	char buf[sizeof(head) + 255];

	memcpy(buf, &head, sizeof(head));
	memcpy(buf + sizeof(head), data, len);
	return entries(t, cmd, name, buf, sizeof(head) + len, more);
}

static int name_entry(struct talk *t, int cmd, const char *set, const char *name, bool more)
{
	return entry(t, cmd, set, KBUMP_SET_DOMAIN, name, strlen(name), 0, more);
}

TEST_F(family, bad_sets_are_refused)
{
	static const char *const names[] = { "", "-x", "a b", "a/b", "\xff", "a\n", "@a",
		"a234567890123456789012345678901234567890" };
	const uint32_t zero = 0, huge = 0x80000000u, one = 1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_GT(0, add_set(&self->talk, names[i], KBUMP_SET_DOMAIN))
			TH_LOG("name %zu", i);
	EXPECT_EQ(-EINVAL, add_set(&self->talk, "s", 0));
	EXPECT_EQ(-ERANGE, add_set(&self->talk, "s", KBUMP_SET_PORT + 1));
	EXPECT_EQ(-ERANGE, odd_set(&self->talk, "s", 1, KBUMP_SET_A_TIMEOUT, &zero, 4));
	EXPECT_EQ(-ERANGE, odd_set(&self->talk, "s", 1, KBUMP_SET_A_TIMEOUT, &huge, 4));
	EXPECT_EQ(-ERANGE, odd_set(&self->talk, "s", 1, KBUMP_SET_A_LIMIT, &zero, 4));
	EXPECT_EQ(-EINVAL, odd_set(&self->talk, "s", 1, KBUMP_SET_A_COUNT, &one, 4));
	EXPECT_EQ(-EOPNOTSUPP, odd_set(&self->talk, "s", KBUMP_SET_PORT, KBUMP_SET_A_TIMEOUT,
				       &one, 4));
	EXPECT_EQ(-ENOENT, name_set(&self->talk, KBUMP_CMD_SET_DEL, "s"));
	EXPECT_EQ(-ENOENT, name_set(&self->talk, KBUMP_CMD_SET_FLUSH, "s"));
	EXPECT_EQ(-ENOENT, name_entry(&self->talk, KBUMP_CMD_SET_FILL, "s", "a", false));
	ASSERT_EQ(0, add_set(&self->talk, "s", KBUMP_SET_DOMAIN));
	EXPECT_EQ(-EEXIST, add_set(&self->talk, "s", KBUMP_SET_DOMAIN));
	EXPECT_EQ(0, name_set(&self->talk, KBUMP_CMD_SET_DEL, "s"));
}

TEST_F(family, bad_entries_are_refused)
{
	static const char *const bad[] = { "", ".", "..", "a..b", "..a", "a b", "a\n", "\xc3\xbc",
		"*.a", "a/b" };
	const struct kbump_port_range backwards = { .min = 2, .max = 1 };
	const uint8_t prefix[17] = { 33, 10 }, host_bits[5] = { 8, 10, 1 };
	char name[255];
	size_t i;

	ASSERT_EQ(0, add_set(&self->talk, "d", KBUMP_SET_DOMAIN));
	ASSERT_EQ(0, add_set(&self->talk, "p", KBUMP_SET_PREFIX));
	ASSERT_EQ(0, add_set(&self->talk, "t", KBUMP_SET_PORT));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, name_entry(&self->talk, KBUMP_CMD_SET_FILL, "d", bad[i], false))
			TH_LOG("name %zu", i);
	/* With a NUL inside, with a label of 64, longer than any name. */
	EXPECT_EQ(-EINVAL, entry(&self->talk, KBUMP_CMD_SET_FILL, "d", KBUMP_SET_DOMAIN, "a\0b", 3,
				 0, false));
	memset(name, 'a', sizeof(name));
	EXPECT_EQ(-EINVAL, entry(&self->talk, KBUMP_CMD_SET_FILL, "d", KBUMP_SET_DOMAIN, name, 64,
				 0, false));
	for (i = 50; i < sizeof(name); i += 50)
		name[i] = '.';
	EXPECT_EQ(-EINVAL, entry(&self->talk, KBUMP_CMD_SET_FILL, "d", KBUMP_SET_DOMAIN, name, 254,
				 0, false));
	EXPECT_EQ(0, entry(&self->talk, KBUMP_CMD_SET_FILL, "d", KBUMP_SET_DOMAIN, name, 253, 0,
			   false));
	EXPECT_EQ(-ERANGE, entry(&self->talk, KBUMP_CMD_SET_FILL, "d", KBUMP_SET_DOMAIN, "a", 1,
				 0x80000000u, false));
	for (i = 0; i <= sizeof(prefix); i++)
		if (i != 17)
			EXPECT_EQ(-EINVAL, entry(&self->talk, KBUMP_CMD_SET_FILL, "p",
						 KBUMP_SET_PREFIX, prefix, i, 0, false))
				TH_LOG("%zu bytes", i);
	EXPECT_EQ(-EINVAL, entry(&self->talk, KBUMP_CMD_SET_FILL, "p", KBUMP_SET_PREFIX, host_bits,
				 5, 0, false));
	EXPECT_EQ(-EINVAL, entry(&self->talk, KBUMP_CMD_SET_FILL, "t", KBUMP_SET_PORT, &backwards,
				 4, 0, false));
	EXPECT_EQ(-EINVAL, entry(&self->talk, KBUMP_CMD_SET_FILL, "t", KBUMP_SET_PORT, &backwards,
				 2, 0, false));
	EXPECT_EQ(-EINVAL, entry(&self->talk, KBUMP_CMD_SET_FILL, "p", KBUMP_SET_DOMAIN, "a", 1, 0,
				 false));
	EXPECT_STREQ("the set is of another type", self->talk.message);
	/* Cut short: in its head, and before its data. */
	for (i = 1; i <= sizeof(struct kbump_set_entry); i++)
		EXPECT_EQ(-EINVAL, entries(&self->talk, KBUMP_CMD_SET_FILL, "d",
					   "\0\0\0\0\1\1", i, false)) TH_LOG("%zu bytes", i);
	EXPECT_EQ(0, name_set(&self->talk, KBUMP_CMD_SET_DEL, "d"));
	EXPECT_EQ(0, name_set(&self->talk, KBUMP_CMD_SET_DEL, "p"));
	EXPECT_EQ(0, name_set(&self->talk, KBUMP_CMD_SET_DEL, "t"));
}

/* Until its last part has come, nothing of a fill is there. */
TEST_F(family, a_fill_is_whole_or_nothing)
{
	struct talk *t = &self->talk;
	struct talk other;

	other = (struct talk){ .fd = open_netlink(), .id = t->id };
	ASSERT_EQ(0, add_set(t, "s", KBUMP_SET_DOMAIN));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "s", "a", true));
	EXPECT_EQ(-ENOENT, name_entry(t, KBUMP_CMD_SET_TEST, "s", "a", false));
	EXPECT_EQ(-EBUSY, name_entry(&other, KBUMP_CMD_SET_FILL, "s", "x", false));
	EXPECT_EQ(-EBUSY, name_set(&other, KBUMP_CMD_SET_FLUSH, "s"));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "s", "b", false));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "s", "a", false));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "s", "b", false));

	/* A part that is refused takes those before with it. */
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "s", "c", true));
	EXPECT_EQ(-EINVAL, name_entry(t, KBUMP_CMD_SET_FILL, "s", "..", true));
	EXPECT_EQ(0, name_entry(&other, KBUMP_CMD_SET_FILL, "s", "d", true));

	/* So does the end of the socket. */
	close(other.fd);
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "s", "e", false));
	EXPECT_EQ(-ENOENT, name_entry(t, KBUMP_CMD_SET_TEST, "s", "c", false));
	EXPECT_EQ(-ENOENT, name_entry(t, KBUMP_CMD_SET_TEST, "s", "d", false));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "s", "e", false));

	/* All or none is taken out, too; and a set goes with a fill in progress. */
	EXPECT_EQ(-ENOENT, name_entry(t, KBUMP_CMD_SET_DEL_ENTRY, "s", "c", false));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "s", "f", true));
	EXPECT_EQ(0, name_set(t, KBUMP_CMD_SET_DEL, "s"));
}

TEST_F(family, a_rule_asks_a_set_of_the_right_type)
{
	const struct kbump_port_range https = { .min = 443, .max = 443 };
	struct nlattr *n;

	EXPECT_EQ(-ENOENT, odd_rule(&self->talk, KBUMP_RULE_A_SNI_SET, "s", 2));
	ASSERT_EQ(0, add_set(&self->talk, "s", KBUMP_SET_DOMAIN));
	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_SRC_SET, "s", 2));
	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_DST_SET, "s", 2));
	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_SPORT_SET, "s", 2));
	EXPECT_EQ(-EINVAL, odd_rule(&self->talk, KBUMP_RULE_A_DPORT_SET, "s", 2));
	EXPECT_STREQ("this is a set of another type", self->talk.message);
	begin_cmd(&self->talk, KBUMP_CMD_RULE_ADD);
	n = nest(&self->talk.rq, KBUMP_A_RULE);
	put_u8(&self->talk.rq, KBUMP_RULE_A_ACTION, KBUMP_ACTION_BYPASS);
	put(&self->talk.rq, KBUMP_RULE_A_DPORT, &https, sizeof(https));
	put_string(&self->talk.rq, KBUMP_RULE_A_DPORT_SET, "s");
	nest_end(&self->talk.rq, n);
	EXPECT_EQ(-EINVAL, answer(&self->talk));
	/* What was refused holds nothing. */
	EXPECT_EQ(0, name_set(&self->talk, KBUMP_CMD_SET_DEL, "s"));
}

/* A command that is all. */
static int plain(struct talk *t, int cmd)
{
	begin_cmd(t, cmd);
	return answer(t);
}

static int rule_with_set(struct talk *t, const char *set)
{
	return odd_rule(t, KBUMP_RULE_A_SNI_SET, set, strlen(set) + 1);
}

/* What is begun is nobody's to see, and goes with its socket. */
TEST_F(family, a_transaction_is_whole_or_nothing)
{
	struct talk *t = &self->talk;
	struct talk other;

	other = (struct talk){ .fd = open_netlink(), .id = t->id };
	ASSERT_EQ(0, add_set(t, "old", KBUMP_SET_DOMAIN));
	ASSERT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "old", "a", false));
	EXPECT_EQ(-ENOENT, plain(t, KBUMP_CMD_COMMIT));
	ASSERT_EQ(0, plain(&other, KBUMP_CMD_BEGIN));
	EXPECT_EQ(-EALREADY, plain(&other, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, add_set(&other, "new", KBUMP_SET_DOMAIN));
	EXPECT_EQ(0, name_entry(&other, KBUMP_CMD_SET_FILL, "new", "b", false));
	EXPECT_EQ(0, rule_with_set(&other, "new"));
	EXPECT_EQ(-EBUSY, name_set(&other, KBUMP_CMD_SET_DEL, "new"));
	EXPECT_EQ(0, dumped(t, KBUMP_CMD_RULE_GET));
	EXPECT_EQ(0, dumped(&other, KBUMP_CMD_RULE_GET));
	EXPECT_EQ(1, dumped(&other, KBUMP_CMD_SET_GET));
	/* The one that was refused. */
	EXPECT_EQ(-ECANCELED, plain(&other, KBUMP_CMD_COMMIT));
	EXPECT_EQ(-ENOENT, plain(&other, KBUMP_CMD_COMMIT));
	EXPECT_EQ(1, dumped(t, KBUMP_CMD_SET_GET));

	ASSERT_EQ(0, plain(&other, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, name_set(&other, KBUMP_CMD_SET_DEL, "old"));
	EXPECT_EQ(0, add_set(&other, "old", KBUMP_SET_DOMAIN));
	EXPECT_EQ(0, rule_with_set(&other, "old"));
	EXPECT_EQ(0, name_entry(&other, KBUMP_CMD_SET_FILL, "old", "c", true));
	close(other.fd);
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "old", "a", false));
	EXPECT_EQ(0, dumped(t, KBUMP_CMD_RULE_GET));

	/* One that has not even come to the set. */
	ASSERT_EQ(0, plain(t, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, odd_rule(t, KBUMP_RULE_A_COMMENT, "x", 2));
	EXPECT_EQ(-EINVAL, name_set(t, KBUMP_CMD_SET_ADD, "x"));
	EXPECT_EQ(-ECANCELED, plain(t, KBUMP_CMD_COMMIT));
	ASSERT_EQ(0, plain(t, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, odd_rule(t, KBUMP_RULE_A_COMMENT, "x", 2));
	EXPECT_EQ(-EINVAL, name_set(t, KBUMP_CMD_SET_FILL, "old"));
	EXPECT_EQ(-ECANCELED, plain(t, KBUMP_CMD_COMMIT));

	/* A fill that has not ended. */
	ASSERT_EQ(0, plain(t, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "old", "x", true));
	EXPECT_EQ(-EBUSY, plain(t, KBUMP_CMD_COMMIT));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "old", "a", false));

	ASSERT_EQ(0, plain(t, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_DEL_ENTRY, "old", "a", false));
	EXPECT_EQ(-ENOENT, name_entry(t, KBUMP_CMD_SET_DEL_ENTRY, "old", "a", false));
	EXPECT_EQ(-ECANCELED, plain(t, KBUMP_CMD_COMMIT));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "old", "a", false));

	ASSERT_EQ(0, plain(t, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, rule_with_set(t, "old"));
	EXPECT_EQ(0, plain(t, KBUMP_CMD_FLUSH));
	EXPECT_EQ(0, plain(t, KBUMP_CMD_COMMIT));
	EXPECT_EQ(0, dumped(t, KBUMP_CMD_SET_GET));
}

/* What somebody else has done meanwhile is not undone. */
TEST_F(family, a_transaction_does_not_overwrite)
{
	struct talk *t = &self->talk;
	struct talk other;

	other = (struct talk){ .fd = open_netlink(), .id = t->id };
	ASSERT_EQ(0, add_set(t, "s", KBUMP_SET_DOMAIN));
	ASSERT_EQ(0, plain(t, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, rule_with_set(t, "s"));
	EXPECT_EQ(0, add_set(&other, "more", KBUMP_SET_PORT));
	EXPECT_EQ(-EAGAIN, plain(t, KBUMP_CMD_COMMIT));
	EXPECT_EQ(0, dumped(t, KBUMP_CMD_RULE_GET));

	ASSERT_EQ(0, plain(t, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "s", "a", false));
	EXPECT_EQ(0, name_entry(&other, KBUMP_CMD_SET_FILL, "s", "b", false));
	EXPECT_EQ(-EAGAIN, plain(t, KBUMP_CMD_COMMIT));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "s", "b", false));
	EXPECT_EQ(-ENOENT, name_entry(t, KBUMP_CMD_SET_TEST, "s", "a", false));

	ASSERT_EQ(0, plain(t, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, name_set(&other, KBUMP_CMD_SET_DEL, "s"));
	EXPECT_EQ(-EAGAIN, name_entry(t, KBUMP_CMD_SET_FILL, "s", "a", false));
	EXPECT_EQ(-EAGAIN, plain(t, KBUMP_CMD_COMMIT));
	ASSERT_EQ(0, add_set(t, "s", KBUMP_SET_DOMAIN));

	/* A set that is emptied first does not care what was in it. */
	ASSERT_EQ(0, plain(t, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, name_set(t, KBUMP_CMD_SET_FLUSH, "s"));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "s", "c", false));
	EXPECT_EQ(0, name_entry(&other, KBUMP_CMD_SET_FILL, "s", "d", false));
	EXPECT_EQ(-ENOENT, name_entry(t, KBUMP_CMD_SET_TEST, "s", "c", false));
	EXPECT_EQ(0, plain(t, KBUMP_CMD_COMMIT));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "s", "c", false));
	EXPECT_EQ(-ENOENT, name_entry(t, KBUMP_CMD_SET_TEST, "s", "d", false));
	EXPECT_EQ(0, plain(t, KBUMP_CMD_FLUSH));
	close(other.fd);
}

static int swap_sets(struct talk *t, const char *a, const char *b)
{
	struct nlattr *n;

	begin_cmd(t, KBUMP_CMD_SET_SWAP);
	n = nest(&t->rq, KBUMP_A_SET);
	put_string(&t->rq, KBUMP_SET_A_NAME, a);
	put_string(&t->rq, KBUMP_SET_A_WITH, b);
	nest_end(&t->rq, n);
	return answer(t);
}

TEST_F(family, sets_change_in_a_transaction)
{
	const struct kbump_port_range https = { .min = 443, .max = 443 };
	struct talk *t = &self->talk;

	ASSERT_EQ(0, add_set(t, "a", KBUMP_SET_DOMAIN));
	ASSERT_EQ(0, add_set(t, "b", KBUMP_SET_DOMAIN));
	ASSERT_EQ(0, add_set(t, "p", KBUMP_SET_PORT));
	ASSERT_EQ(0, entry(t, KBUMP_CMD_SET_FILL, "a", KBUMP_SET_DOMAIN, "a", 1, 3600000, false));
	ASSERT_EQ(0, entry(t, KBUMP_CMD_SET_FILL, "p", KBUMP_SET_PORT, &https, 4, 0, false));
	ASSERT_EQ(0, plain(t, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "b", "b", false));
	EXPECT_EQ(0, swap_sets(t, "a", "b"));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_FILL, "a", "c", false));
	EXPECT_EQ(0, entry(t, KBUMP_CMD_SET_DEL_ENTRY, "p", KBUMP_SET_PORT, &https, 4, 0, false));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "a", "a", false));
	EXPECT_EQ(0, plain(t, KBUMP_CMD_COMMIT));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "a", "b", false));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "a", "c", false));
	EXPECT_EQ(0, name_entry(t, KBUMP_CMD_SET_TEST, "b", "a", false));
	EXPECT_EQ(-ENOENT, name_entry(t, KBUMP_CMD_SET_TEST, "a", "a", false));
	EXPECT_EQ(-ENOENT, entry(t, KBUMP_CMD_SET_TEST, "p", KBUMP_SET_PORT, &https, 4, 0, false));
	EXPECT_EQ(0, plain(t, KBUMP_CMD_FLUSH));
}

/* A name is somebody's as long as a rule has it, or one that a transaction will have. */
TEST_F(family, rule_sets_have_a_limit)
{
	struct talk *t = &self->talk;
	char name[] = "a";
	struct talk other;

	EXPECT_EQ(-EINVAL, odd_rule(t, KBUMP_RULE_A_RULE_SET, "", 1));
	EXPECT_EQ(-EINVAL, odd_rule(t, KBUMP_RULE_A_RULE_SET, "a b", 4));
	other = (struct talk){ .fd = open_netlink(), .id = t->id };
	ASSERT_EQ(0, plain(&other, KBUMP_CMD_BEGIN));
	EXPECT_EQ(0, odd_rule(&other, KBUMP_RULE_A_RULE_SET, "z", 2));
	for (; *name < 'm'; ++*name)
		EXPECT_EQ(0, odd_rule(t, KBUMP_RULE_A_RULE_SET, name, 2));
	EXPECT_EQ(-ENOSPC, odd_rule(t, KBUMP_RULE_A_RULE_SET, name, 2));
	EXPECT_STREQ("there can be no more rule sets than 13", t->message);
	EXPECT_EQ(0, odd_rule(t, KBUMP_RULE_A_RULE_SET, "a", 2));
	close(other.fd);
	EXPECT_EQ(0, odd_rule(t, KBUMP_RULE_A_RULE_SET, name, 2));
	EXPECT_EQ(0, plain(t, KBUMP_CMD_FLUSH));
	EXPECT_EQ(0, odd_rule(t, KBUMP_RULE_A_RULE_SET, "y", 2));
	EXPECT_EQ(0, plain(t, KBUMP_CMD_FLUSH));
}

TEST_F(family, without_privilege_all_is_refused)
{
	int cmd;

	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	close(self->talk.fd);
	self->talk.fd = open_netlink();
	for (cmd = KBUMP_CMD_RULE_ADD; cmd <= KBUMP_CMD_MAX; cmd++) {
		/* Nobody may ask for it: it is what the kernel tells. */
		if (cmd == KBUMP_CMD_LEARNED_ADD || cmd == KBUMP_CMD_DECISION)
			continue;
		begin_cmd(&self->talk, cmd);
		/* There is no other form of these. */
		if (cmd == KBUMP_CMD_RULE_EXPLAIN || cmd == KBUMP_CMD_SET_ENTRIES)
			self->talk.rq.nlh.nlmsg_flags |= NLM_F_DUMP;
		EXPECT_EQ(-EPERM, answer(&self->talk)) TH_LOG("command %d", cmd);
	}
	/* The check at the end needs what was given up: another process' end will do. */
	_exit(__test_passed(_metadata) ? KSFT_PASS : KSFT_FAIL);
}

TEST_HARNESS_MAIN
