/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * kbump generic netlink interface.
 *
 * One family, "kbump", holds the objects rule, tool, flow, stat, helper and set of
 * the network namespace of the socket. A request carries the object in the one
 * nested attribute of its kind (KBUMP_A_RULE for KBUMP_CMD_RULE_*, and so on);
 * replies, dumps and notifications carry it in the same form. Every command
 * needs CAP_NET_ADMIN in the initial user namespace. Numbers are in host byte
 * order, except addresses and MAC addresses, which are byte strings as on the
 * wire; ports are in host byte order too. Times are in milliseconds.
 */
#ifndef _UAPI_LINUX_KBUMP_H
#define _UAPI_LINUX_KBUMP_H

#include <linux/types.h>

#define KBUMP_GENL_NAME		"kbump"
#define KBUMP_GENL_VERSION	1

/* Multicast groups of notifications: of decisions, and of all else. Joining needs CAP_NET_ADMIN. */
#define KBUMP_MCGRP_EVENTS	"events"
#define KBUMP_MCGRP_DECISIONS	"decisions"

#define KBUMP_NAME_LEN		32	/* tool or set name, with its terminating NUL */
#define KBUMP_COMMENT_LEN	128	/* rule comment, with its NUL */
#define KBUMP_RULE_TOOLS_MAX	8	/* tools that one rule may feed */
#define KBUMP_OFFER_LEN		512	/* a client's list of protocols */
#define KBUMP_LIST_MAX		16	/* values in a matcher's list */
#define KBUMP_LABELS_LEN	16	/* labels of connection tracking, as a bit field */
#define KBUMP_ISSUER_LEN	1024	/* issuer of a certificate, with its NUL */
#define KBUMP_FINGERPRINT_LEN	32	/* SHA-256 of a certificate */
#define KBUMP_SET_NAME_MAX	253	/* bytes of a name in a set, without a leading dot */
#define KBUMP_SET_LIMIT		4194304	/* entries of a set, by default */

/*
 * The routing table of a wire, a device of the kind "kbump", is this plus the device's index. All
 * that its flows' sockets send goes by default routes there, by the device and any gateway.
 */
#define KBUMP_WIRE_TABLE	0x6b620000

/**
 * enum kbump_cmd - requests, and the notifications of the same name
 *
 * @KBUMP_CMD_RULE_ADD: add a rule; the reply echoes it with its handle if
 *	NLM_F_ECHO is set. Notified to KBUMP_MCGRP_EVENTS.
 * @KBUMP_CMD_RULE_DEL: delete the rule with KBUMP_RULE_A_HANDLE, or the first one
 *	with KBUMP_RULE_A_PREF. Established flows keep it until they end. Notified.
 * @KBUMP_CMD_RULE_FLUSH: delete all rules; takes no attribute.
 * @KBUMP_CMD_RULE_GET: dump, in order of evaluation; or the one of KBUMP_RULE_A_HANDLE or
 *	_PREF.
 * @KBUMP_CMD_TOOL_ADD: add a tool: KBUMP_TOOL_A_NAME and _DEV. Notified.
 * @KBUMP_CMD_TOOL_SET: change the given attributes of tool KBUMP_TOOL_A_NAME.
 *	Also notified when its device goes up, down, is renamed or goes away.
 * @KBUMP_CMD_TOOL_DEL: delete; -EBUSY while a rule names it. Notified.
 * @KBUMP_CMD_TOOL_GET: dump, or the one of KBUMP_TOOL_A_NAME.
 * @KBUMP_CMD_FLOW_SET: from a registered helper only: the flow whose client leg is
 *	KBUMP_FLOW_A_CLIENT_FD will have KBUMP_FLOW_A_SERVER_FD as its server leg: a TCP
 *	socket that is bound and not yet connected. May be repeated with another socket.
 *	-EADDRINUSE if another flow has the same addresses and ports; -EPERM if a rule
 *	blocks the flow, whose server is to hear nothing of it.
 * @KBUMP_CMD_FLOW_ASK: from a registered helper only: what do the rules say of the flow whose
 *	client leg is KBUMP_FLOW_A_CLIENT_FD, with the facts given: KBUMP_FLOW_A_TLS, _SNI,
 *	_OFFER, _ECH, _CERT, _ISSUER and _FINGERPRINT. Without _CERT the server's certificate is
 *	not known yet, and what belongs to it; the others are known: what is missing is not
 *	there. With KBUMP_FLOW_A_CAUSE the flow cannot be inspected: the fail setting is applied.
 *	The answer has KBUMP_FLOW_A_ACTION and, when a rule decided, _RULE, _ALPN_LIMIT,
 *	_BLOCK, _PAGE and _COMMENT; without _ACTION it depends on what is still unknown. A flow is
 *	handed over as it was decided: opened after %KBUMP_ACTION_INSPECT, as two plain sockets
 *	after %KBUMP_ACTION_BYPASS.
 * @KBUMP_CMD_FLOW_ADD: hand-off, from a registered helper only: two connected TCP
 *	sockets, KBUMP_FLOW_A_CLIENT_FD and _SERVER_FD, each either with kTLS in both
 *	directions or plain. The kernel takes its own references; the caller closes its
 *	descriptors and never reads or writes them again. A TLS 1.3 leg comes with both
 *	traffic secrets that its keys are of, in KBUMP_FLOW_A_CLIENT or _SERVER; without
 *	them it could not follow a change of keys, and is refused: -EINVAL, as is a secret
 *	of a wrong length or for another leg. Notified (without fds and secrets).
 * @KBUMP_CMD_FLOW_FAIL: from a registered helper: the handshake of the flow whose
 *	client leg is KBUMP_FLOW_A_CLIENT_FD ended with KBUMP_FLOW_A_REASON. With
 *	KBUMP_FLOW_A_FORGED the client may have refused the certificate, and a bypass may be
 *	learned for KBUMP_FLOW_A_SNI. Notified as KBUMP_CMD_FLOW_DEL.
 * @KBUMP_CMD_FLOW_DEL: reset flow KBUMP_FLOW_A_ID. The notification of a flow's end,
 *	with its final counters and KBUMP_FLOW_A_REASON.
 * @KBUMP_CMD_FLOW_GET: dump, or the one of KBUMP_FLOW_A_ID.
 * @KBUMP_CMD_STAT_GET: the namespace's counters (no dump: one message).
 * @KBUMP_CMD_HELPER_ADD: register the sending netlink socket as a helper with
 *	KBUMP_HELPER_A_LISTEN4_FD and/or _LISTEN6_FD: listening, IP_TRANSPARENT TCP
 *	sockets. Registration ends when the netlink socket is closed. Notified.
 * @KBUMP_CMD_HELPER_SET: more sockets, as with _HELPER_ADD. Those that are bound to the device of a
 *	VRF are given the connections of its clients, the others those of clients that are in no
 *	VRF; each takes the place of one that was given before. So does the helper bind a server
 *	leg to the device that its client leg is bound to. -ENOSPC if there are too many.
 * @KBUMP_CMD_DECISION: notification only, to KBUMP_MCGRP_DECISIONS: what becomes of a connection.
 *	A KBUMP_A_FLOW with the addresses, ports, _IIF, _VRF and _UID of its first packet, of UDP
 *	with _PROTO, _SNI if it is known, _ACTION, _RULE if one decided, _CAUSE if it cannot be
 *	inspected, _LEARNED, and _ID if a flow has begun. What is decided changes no more, but that
 *	a flow which was to be inspected may be told of again, as one that is not, and that a first
 *	packet without a flow that comes again is decided anew.
 * @KBUMP_CMD_WIRE_SET: change KBUMP_WIRE_A_INSIDE, _BYPASS or _LINK of wire KBUMP_WIRE_A_NAME.
 *	Notified, as is what changes without a request: ports and _STATE.
 * @KBUMP_CMD_WIRE_GET: dump, or the one of KBUMP_WIRE_A_NAME.
 * @KBUMP_CMD_HELPER_DEL: withdraw the sender's registration: no new flows. Its
 *	handshakes in progress may still be handed over. Notified, also on the close of
 *	the netlink socket.
 * @KBUMP_CMD_HELPER_GET: dump, or the one of KBUMP_HELPER_A_PORTID.
 * @KBUMP_CMD_RULE_INSERT: as _RULE_ADD, but the rule goes before the one of KBUMP_RULE_A_HANDLE,
 *	or the first one with KBUMP_RULE_A_PREF; without either before all. It gets that one's
 *	pref. Notified.
 * @KBUMP_CMD_RULE_REPLACE: as _RULE_ADD, but the rule takes the handle, pref and place of the one
 *	of KBUMP_RULE_A_HANDLE, which is gone; each connection meets either of them. Its
 *	counters begin at 0. Notified.
 * @KBUMP_CMD_RULE_MOVE: rule KBUMP_RULE_A_HANDLE gets KBUMP_RULE_A_PREF, behind those that have
 *	it; no connection misses it meanwhile. It keeps handle and counters. Notified.
 * @KBUMP_CMD_RULE_EXPLAIN: dump: what would the rules say of a connection with the facts given
 *	in a KBUMP_A_FLOW: KBUMP_FLOW_A_CLIENT_ADDR, _SERVER_ADDR, _CLIENT_PORT,
 *	_SERVER_PORT, _IIF, _VRF, _MARK, _VLAN, _ZONE, _CT_MARK, _CT_LABELS, _UID, _RULE_SET, _PROTO
 *	and, of TCP, those of _FLOW_ASK? What is missing is not known, but _UID, _VRF, _RULE_SET and
 *	_PROTO, and that after %KBUMP_TLS_NO all that only TLS has is known not to be there.
 *	Each rule comes with KBUMP_RULE_A_ANSWER and _WHY, and at the end a KBUMP_A_FLOW as the
 *	answer to _FLOW_ASK: _ACTION and _RULE, _ACTION alone if no rule can want the
 *	connection, or neither if that depends on what is not known.
 * @KBUMP_CMD_LEARNED_ADD: notification only: a bypass was learned.
 * @KBUMP_CMD_LEARNED_DEL: forget what has KBUMP_LEARNED_A_ID. Notified, as are time-outs and
 *	what makes room for newer ones.
 * @KBUMP_CMD_LEARNED_FLUSH: forget all that was learned; takes no attribute.
 * @KBUMP_CMD_LEARNED_GET: dump, the oldest first; or the one of KBUMP_LEARNED_A_ID.
 * @KBUMP_CMD_SET_ADD: add an empty set: KBUMP_SET_A_NAME, _TYPE and, optional, _TIMEOUT and
 *	_LIMIT. Notified.
 * @KBUMP_CMD_SET_DEL: delete set KBUMP_SET_A_NAME; -EBUSY while a rule names it. Notified.
 * @KBUMP_CMD_SET_GET: dump, or the one of KBUMP_SET_A_NAME; without entries.
 * @KBUMP_CMD_SET_FILL: add KBUMP_SET_A_ENTRIES to set KBUMP_SET_A_NAME. Of one that is there the
 *	time-out begins anew. A fill has as many parts as it wants, all with KBUMP_SET_A_MORE
 *	but the last, which adds them all: before, nothing is changed. A part that is refused,
 *	or the close of the netlink socket, ends the fill, and nothing is added; -EBUSY while
 *	another socket fills the set; -E2BIG if it would have more entries than KBUMP_SET_A_LIMIT.
 *	Notified, without entries.
 * @KBUMP_CMD_SET_DEL_ENTRY: take KBUMP_SET_A_ENTRIES out; -ENOENT, and nothing is changed, if
 *	one of them is not there. Notified, without entries.
 * @KBUMP_CMD_SET_FLUSH: take all entries out. Notified.
 * @KBUMP_CMD_SET_SWAP: exchange the entries of sets KBUMP_SET_A_NAME and _WITH, which are of one
 *	type. A look-up finds all those of before or all those of after. Notified.
 * @KBUMP_CMD_SET_ENTRIES: dump KBUMP_SET_A_ENTRIES of set KBUMP_SET_A_NAME, in no order, with the
 *	rest of each time-out.
 * @KBUMP_CMD_SET_TEST: would a rule find all KBUMP_SET_A_ENTRIES in set KBUMP_SET_A_NAME: names
 *	without a leading dot, whole addresses, ports? -ENOENT if not.
 * @KBUMP_CMD_BEGIN: begin a transaction of the sending netlink socket. From here on what it sends
 *	to change rules, tools and sets is checked as if it were done one after the other, but
 *	changes nothing, and but for echoes that were asked for nobody, this socket included,
 *	sees or is told anything of it. Handles are given again if nothing comes of them.
 *	-EALREADY if it has begun one.
 * @KBUMP_CMD_COMMIT: do all that, or nothing: -ECANCELED if one of the commands was refused, but
 *	for those that do not fit the policy of their attributes, which have not been part of it;
 *	-EBUSY if a fill of a set has not ended; -EAGAIN, which such a command may get as well,
 *	if somebody else has changed what it began with: then it is worth while to do it all
 *	again. Ends the transaction in any case, as does the close of the socket. Notified are its
 *	commands, in their order; but what was done to the entries of a set that was there
 *	before as one KBUMP_CMD_SET_FILL. A first packet meets either the rules of before or those
 *	of after, and with them the sets that are new. What is in a set that was there before
 *	changes as a whole, just before the rules. Tools that were there before, even if they are
 *	deleted and added again, go on with their flows.
 * @KBUMP_CMD_FLUSH: delete all rules, tools and sets.
 */
enum kbump_cmd {
	KBUMP_CMD_UNSPEC,
	KBUMP_CMD_RULE_ADD,
	KBUMP_CMD_RULE_DEL,
	KBUMP_CMD_RULE_FLUSH,
	KBUMP_CMD_RULE_GET,
	KBUMP_CMD_TOOL_ADD,
	KBUMP_CMD_TOOL_SET,
	KBUMP_CMD_TOOL_DEL,
	KBUMP_CMD_TOOL_GET,
	KBUMP_CMD_FLOW_SET,
	KBUMP_CMD_FLOW_ASK,
	KBUMP_CMD_FLOW_ADD,
	KBUMP_CMD_FLOW_FAIL,
	KBUMP_CMD_FLOW_DEL,
	KBUMP_CMD_FLOW_GET,
	KBUMP_CMD_STAT_GET,
	KBUMP_CMD_HELPER_ADD,
	KBUMP_CMD_HELPER_DEL,
	KBUMP_CMD_HELPER_GET,
	KBUMP_CMD_RULE_INSERT,
	KBUMP_CMD_RULE_REPLACE,
	KBUMP_CMD_RULE_MOVE,
	KBUMP_CMD_RULE_EXPLAIN,
	KBUMP_CMD_LEARNED_ADD,
	KBUMP_CMD_LEARNED_DEL,
	KBUMP_CMD_LEARNED_FLUSH,
	KBUMP_CMD_LEARNED_GET,
	KBUMP_CMD_SET_ADD,
	KBUMP_CMD_SET_DEL,
	KBUMP_CMD_SET_GET,
	KBUMP_CMD_SET_FILL,
	KBUMP_CMD_SET_DEL_ENTRY,
	KBUMP_CMD_SET_FLUSH,
	KBUMP_CMD_SET_SWAP,
	KBUMP_CMD_SET_ENTRIES,
	KBUMP_CMD_SET_TEST,
	KBUMP_CMD_BEGIN,
	KBUMP_CMD_COMMIT,
	KBUMP_CMD_FLUSH,
	KBUMP_CMD_HELPER_SET,
	KBUMP_CMD_DECISION,
	KBUMP_CMD_WIRE_SET,
	KBUMP_CMD_WIRE_GET,
	__KBUMP_CMD_MAX,
};
#define KBUMP_CMD_MAX (__KBUMP_CMD_MAX - 1)

/**
 * enum kbump_attr - top level attributes
 *
 * @KBUMP_A_RULE: nested &enum kbump_rule_attr
 * @KBUMP_A_TOOL: nested &enum kbump_tool_attr
 * @KBUMP_A_FLOW: nested &enum kbump_flow_attr
 * @KBUMP_A_STAT: nested &enum kbump_stat
 * @KBUMP_A_HELPER: nested &enum kbump_helper_attr
 * @KBUMP_A_LEARNED: nested &enum kbump_learned_attr
 * @KBUMP_A_SET: nested &enum kbump_set_attr
 * @KBUMP_A_WIRE: nested &enum kbump_wire_attr
 */
enum kbump_attr {
	KBUMP_A_UNSPEC,
	KBUMP_A_RULE,
	KBUMP_A_TOOL,
	KBUMP_A_FLOW,
	KBUMP_A_STAT,
	KBUMP_A_HELPER,
	KBUMP_A_LEARNED,
	KBUMP_A_SET,
	KBUMP_A_WIRE,
	__KBUMP_A_MAX,
};
#define KBUMP_A_MAX (__KBUMP_A_MAX - 1)

/**
 * enum kbump_action - what a rule does with the flow that it matches
 *
 * @KBUMP_ACTION_INSPECT: open it, relay it, feed the rule's tools
 * @KBUMP_ACTION_BYPASS: leave it alone; the rule's tools get it as it is
 * @KBUMP_ACTION_BLOCK: refuse it, as KBUMP_RULE_A_BLOCK and _PAGE say
 */
enum kbump_action {
	KBUMP_ACTION_INSPECT = 1,
	KBUMP_ACTION_BYPASS,
	KBUMP_ACTION_BLOCK,
};

/**
 * enum kbump_proto - transport protocol that a rule is for
 *
 * @KBUMP_PROTO_TCP: TCP
 * @KBUMP_PROTO_UDP: UDP, whose packets are put to the rules one by one
 */
enum kbump_proto {
	KBUMP_PROTO_TCP,
	KBUMP_PROTO_UDP,
	__KBUMP_PROTO_MAX,
};
#define KBUMP_PROTO_MAX (__KBUMP_PROTO_MAX - 1)

/**
 * enum kbump_block - how a client is told that a rule blocks
 *
 * @KBUMP_BLOCK_RESET: by a TCP reset or, when the server's certificate was the reason, a TLS alert;
 *	UDP: by an ICMP error, port unreachable
 * @KBUMP_BLOCK_DROP: not at all
 */
enum kbump_block {
	KBUMP_BLOCK_RESET,
	KBUMP_BLOCK_DROP,
	__KBUMP_BLOCK_MAX,
};
#define KBUMP_BLOCK_MAX (__KBUMP_BLOCK_MAX - 1)

/**
 * enum kbump_cert - what a server's certificate is worth
 *
 * Several may apply to one certificate: the worst is told, which is the last in this order, up to
 * @KBUMP_CERT_REVOKED.
 *
 * @KBUMP_CERT_NONE: there is none, as the connection is not TLS
 * @KBUMP_CERT_OK: nothing speaks against it
 * @KBUMP_CERT_EXPIRED: it, or another of its chain, has expired or is not valid yet
 * @KBUMP_CERT_NAME: it is for another name or address
 * @KBUMP_CERT_SELF_SIGNED: it is signed by itself, and not trusted
 * @KBUMP_CERT_UNTRUSTED: its chain does not lead to a trusted authority, or to one that
 *	must not be trusted
 * @KBUMP_CERT_WEAK: it, or another of its chain, has a key or signature that can be broken
 * @KBUMP_CERT_INVALID: all else: a signature that is wrong, a purpose, name or length that
 *	an authority of the chain does not allow, an extension that must be understood and is
 *	not, no proof that it is not revoked where there has to be one
 * @KBUMP_CERT_REVOKED: it, or another of its chain, is revoked
 * @KBUMP_CERT_CLIENT_AUTH: OK, but the server wants a certificate of the client
 */
enum kbump_cert {
	KBUMP_CERT_NONE,
	KBUMP_CERT_OK,
	KBUMP_CERT_EXPIRED,
	KBUMP_CERT_NAME,
	KBUMP_CERT_SELF_SIGNED,
	KBUMP_CERT_UNTRUSTED,
	KBUMP_CERT_WEAK,
	KBUMP_CERT_INVALID,
	KBUMP_CERT_REVOKED,
	KBUMP_CERT_CLIENT_AUTH,
	__KBUMP_CERT_MAX,
};
#define KBUMP_CERT_MAX (__KBUMP_CERT_MAX - 1)

/**
 * enum kbump_tls - the highest TLS version that a client offers
 *
 * @KBUMP_TLS_NO: the connection is not TLS
 * @KBUMP_TLS_OTHER: it offers none of those below
 * @KBUMP_TLS_1_0: TLS 1.0, as all below likewise
 * @KBUMP_TLS_1_1: ...
 * @KBUMP_TLS_1_2: ...
 * @KBUMP_TLS_1_3: ...
 */
enum kbump_tls {
	KBUMP_TLS_NO,
	KBUMP_TLS_OTHER,
	KBUMP_TLS_1_0,
	KBUMP_TLS_1_1,
	KBUMP_TLS_1_2,
	KBUMP_TLS_1_3,
	__KBUMP_TLS_MAX,
};
#define KBUMP_TLS_MAX (__KBUMP_TLS_MAX - 1)

/**
 * enum kbump_answer - does a rule match a connection?
 *
 * @KBUMP_ANSWER_NO: whatever else comes to be known, no
 * @KBUMP_ANSWER_UNKNOWN: that depends on what is not known
 * @KBUMP_ANSWER_YES: whatever else comes to be known, yes
 */
enum kbump_answer {
	KBUMP_ANSWER_NO,
	KBUMP_ANSWER_UNKNOWN,
	KBUMP_ANSWER_YES,
};

/**
 * enum kbump_fail - what becomes of a new flow that cannot be inspected, because
 *	no helper is there or a limit is reached
 * enum kbump_cause - why a flow cannot be inspected
 *
 * @KBUMP_CAUSE_HELPER: no helper is there
 * @KBUMP_CAUSE_LIMIT: a limit of flows or handshakes, or the client's share, is reached, or
 *	memory is short
 * @KBUMP_CAUSE_UPSTREAM: the server cannot be connected to, or no TLS handshake with it
 *	succeeds
 * @KBUMP_CAUSE_INTERNAL: an error of the helper, before it has answered the client
 */
enum kbump_cause {
	KBUMP_CAUSE_HELPER = 1,
	KBUMP_CAUSE_LIMIT,
	KBUMP_CAUSE_UPSTREAM,
	KBUMP_CAUSE_INTERNAL,
	__KBUMP_CAUSE_MAX,
};
#define KBUMP_CAUSE_MAX (__KBUMP_CAUSE_MAX - 1)

/**
 * enum kbump_fail - what becomes of a new flow that cannot be inspected, for a
 *	&enum kbump_cause
 *
 * @KBUMP_FAIL_OPEN: it passes untouched (default)
 * @KBUMP_FAIL_CLOSED: it is refused with a TCP reset
 */
enum kbump_fail {
	KBUMP_FAIL_OPEN,
	KBUMP_FAIL_CLOSED,
};

/**
 * struct kbump_port_range - inclusive range of ports, or of VLANs, host byte order
 *
 * @min: lowest port, 0..65535
 * @max: highest port, @min..65535
 */
struct kbump_port_range {
	__u16 min;
	__u16 max;
};

/**
 * struct kbump_uid_range - inclusive range of user IDs, as the owner of the network namespace has
 *	them
 *
 * @min: lowest, 0..0xfffffffe
 * @max: highest, @min..0xfffffffe
 */
struct kbump_uid_range {
	__u32 min;
	__u32 max;
};

/**
 * enum kbump_rule_attr - nested in KBUMP_A_RULE
 *
 * What a rule asks of a connection is in its matchers, each of which must hold: _SRC, _DST,
 * _SPORT, _DPORT, _IIF, _MARK, _SNI, _ALPN, _CERT, _VLAN, _ZONE, _CT_MARK, _CT_LABEL, _TLS,
 * _ECH, _ISSUER, _FINGERPRINT and _UID. A list, of KBUMP_LIST_MAX values at most, holds if one of
 * its values does. What only TLS has is not there if the connection is not TLS: such a matcher
 * does not hold then.
 *
 * A rule is for one _PROTO. One for UDP may have of these _HANDLE, _PREF, _NOT, _COMMENT, _ACTION
 * without %KBUMP_ACTION_INSPECT, _BLOCK, and the matchers up to _MARK, _VLAN, _ZONE, _CT_MARK and
 * _CT_LABEL with their sets; all else is refused: -EINVAL.
 *
 * Connections that processes of the box make are opened or refused by those rules alone that have
 * a _UID which is not negated. What leaves alone concerns them too.
 *
 * @KBUMP_RULE_A_HANDLE: u32, given by the kernel, stable, never reused
 * @KBUMP_RULE_A_PREF: u32, 1..0x7fffffff, order of evaluation, lowest first; default
 *	is 10 more than the highest in use. Rules of equal pref: the older first.
 * @KBUMP_RULE_A_SRC: 4 or 16 bytes, client address prefix; or a list: one after the other, of
 *	one family, with _SRC_LEN
 * @KBUMP_RULE_A_SRC_LEN: u8 for each prefix, its length, 0..32 or 0..128; default for a single
 *	one: all bits
 * @KBUMP_RULE_A_DST: as _SRC, server address prefix; same family
 * @KBUMP_RULE_A_DST_LEN: as _SRC_LEN
 * @KBUMP_RULE_A_SPORT: struct kbump_port_range, or several: client port
 * @KBUMP_RULE_A_DPORT: as before, server port
 * @KBUMP_RULE_A_IIF: string, name of the interface that the SYN came in on, or of the VRF that
 *	this is a port of
 * @KBUMP_RULE_A_MARK: u32, packet mark of the SYN, under _MARK_MASK
 * @KBUMP_RULE_A_MARK_MASK: u32, default 0xffffffff
 * @KBUMP_RULE_A_ACTION: u8, &enum kbump_action; required
 * @KBUMP_RULE_A_FAIL: u8, &enum kbump_fail; default: %KBUMP_FAIL_OPEN, but not for
 *	%KBUMP_CAUSE_UPSTREAM and %KBUMP_CAUSE_INTERNAL
 * @KBUMP_RULE_A_TOOL: string, tool name; repeatable, KBUMP_RULE_TOOLS_MAX at most;
 *	not with KBUMP_ACTION_BLOCK
 * @KBUMP_RULE_A_COMMENT: string
 * @KBUMP_RULE_A_SNI: string, 1..255, server name in the ClientHello, upper and lower case
 *	alike; ".example.com" is example.com and all names below it
 * @KBUMP_RULE_A_ALPN: string, 1..255, a protocol that the client offers
 * @KBUMP_RULE_A_CERT: u32, mask of 1 << &enum kbump_cert, not 0: verdict on the server's
 *	certificate
 * @KBUMP_RULE_A_ALPN_LIMIT: string, 1..255, the only protocol to be offered to the server, if
 *	the client offers it; else none is. Only with KBUMP_ACTION_INSPECT
 * @KBUMP_RULE_A_PAGE: flag, a helper tells the client why, over TLS and HTTP, where it can;
 *	only with KBUMP_ACTION_BLOCK. What the first packet decides is refused without a
 *	helper, whatever _FAIL says
 * @KBUMP_RULE_A_HITS: u64, connections that the rule decided, or packets of UDP. Output only, as
 *	the next two.
 * @KBUMP_RULE_A_BYTES: u64, clear bytes relayed for its flows, both directions
 * @KBUMP_RULE_A_FAILED: u64, its flows to which the fail setting was applied
 * @KBUMP_RULE_A_NOT: u64, input too: mask of 1 << those of the rule's matchers that must not
 *	hold
 * @KBUMP_RULE_A_VLAN: one or several struct kbump_port_range, input too, as all below up to
 *	_FINGERPRINT: VLAN of the SYN, 0..4095: its tag or, on a device that took it off, that
 *	device's; 0: none
 * @KBUMP_RULE_A_ZONE: u16, conntrack zone of the SYN; 0 if it is not tracked
 * @KBUMP_RULE_A_CT_MARK: u32, conntrack mark at the SYN, under _CT_MASK; 0 if it is not tracked
 * @KBUMP_RULE_A_CT_MASK: u32, default 0xffffffff
 * @KBUMP_RULE_A_CT_LABEL: u8, 0..127, a conntrack label that is set at the SYN
 * @KBUMP_RULE_A_TLS: u32, mask of 1 << &enum kbump_tls, not 0
 * @KBUMP_RULE_A_ECH: u8, 1: the ClientHello has an outer encrypted_client_hello (RFC 9849), be it
 *	true or GREASE, which cannot be told apart; 0: it has not
 * @KBUMP_RULE_A_ISSUER: string, 1..255, upper and lower case alike: the issuer of the server's
 *	certificate as RFC 4514 has it, such as "CN=R3,O=Example,C=US", or one or several
 *	neighbouring parts of that, such as "O=Example". It proves nothing without _CERT
 * @KBUMP_RULE_A_FINGERPRINT: KBUMP_FINGERPRINT_LEN bytes, SHA-256 of the server's certificate
 * @KBUMP_RULE_A_LAST_HIT: u64, ms since the rule last decided; absent if it never did. Output
 *	only, as all below.
 * @KBUMP_RULE_A_ANSWER: u8, &enum kbump_answer; in the answer to _RULE_EXPLAIN
 * @KBUMP_RULE_A_WHY: u64, mask of 1 << a matcher: the one that says no, or those whose facts are
 *	not known; in the answer to _RULE_EXPLAIN
 * @KBUMP_RULE_A_LEARN: u32, seconds for which a bypass is learned from the rule's flows; 0: none
 *	is, and none that was learned is applied to them. Default: as long as the module's parameter
 *	learned_timeout says. Only with KBUMP_ACTION_INSPECT
 * @KBUMP_RULE_A_FAIL_EXCEPT: u32, mask of 1 << &enum kbump_cause: for these the opposite of _FAIL,
 *	which must be given; default: none
 * @KBUMP_RULE_A_SRC_SET: string, name of a set of %KBUMP_SET_PREFIX, in place of _SRC: the client's
 *	address is in it. Input too, as all below.
 * @KBUMP_RULE_A_DST_SET: as before, in place of _DST: the server's address
 * @KBUMP_RULE_A_SPORT_SET: string, name of a set of %KBUMP_SET_PORT, in place of _SPORT
 * @KBUMP_RULE_A_DPORT_SET: as before, in place of _DPORT
 * @KBUMP_RULE_A_SNI_SET: string, name of a set of %KBUMP_SET_DOMAIN, in place of _SNI: the server
 *	name, or a domain that it is in, is in the set
 * @KBUMP_RULE_A_PROTO: u8, &enum kbump_proto; default %KBUMP_PROTO_TCP. No matcher of those above:
 *	it cannot be negated, but is told in _WHY
 * @KBUMP_RULE_A_BLOCK: u8, &enum kbump_block; default %KBUMP_BLOCK_RESET. Only with
 *	KBUMP_ACTION_BLOCK; %KBUMP_BLOCK_DROP not with _PAGE
 * @KBUMP_RULE_A_UID: one or several struct kbump_uid_range: owner of the socket of the local
 *	process that makes the connection. It does not hold if none of the box's makes it
 * @KBUMP_RULE_A_RULE_SET: string: the rule is for connections that an iptables target KBUMP has put
 *	to the rule set of this name, of which there are 13 at most (-ENOSPC); without it, for
 *	all others. As _PROTO it is told in _WHY
 */
enum kbump_rule_attr {
	KBUMP_RULE_A_UNSPEC,
	KBUMP_RULE_A_PAD,
	KBUMP_RULE_A_HANDLE,
	KBUMP_RULE_A_PREF,
	KBUMP_RULE_A_SRC,
	KBUMP_RULE_A_SRC_LEN,
	KBUMP_RULE_A_DST,
	KBUMP_RULE_A_DST_LEN,
	KBUMP_RULE_A_SPORT,
	KBUMP_RULE_A_DPORT,
	KBUMP_RULE_A_IIF,
	KBUMP_RULE_A_MARK,
	KBUMP_RULE_A_MARK_MASK,
	KBUMP_RULE_A_ACTION,
	KBUMP_RULE_A_FAIL,
	KBUMP_RULE_A_TOOL,
	KBUMP_RULE_A_COMMENT,
	KBUMP_RULE_A_SNI,
	KBUMP_RULE_A_ALPN,
	KBUMP_RULE_A_CERT,
	KBUMP_RULE_A_ALPN_LIMIT,
	KBUMP_RULE_A_PAGE,
	KBUMP_RULE_A_HITS,
	KBUMP_RULE_A_BYTES,
	KBUMP_RULE_A_FAILED,
	KBUMP_RULE_A_NOT,
	KBUMP_RULE_A_VLAN,
	KBUMP_RULE_A_ZONE,
	KBUMP_RULE_A_CT_MARK,
	KBUMP_RULE_A_CT_MASK,
	KBUMP_RULE_A_CT_LABEL,
	KBUMP_RULE_A_TLS,
	KBUMP_RULE_A_ECH,
	KBUMP_RULE_A_ISSUER,
	KBUMP_RULE_A_FINGERPRINT,
	KBUMP_RULE_A_LAST_HIT,
	KBUMP_RULE_A_ANSWER,
	KBUMP_RULE_A_WHY,
	KBUMP_RULE_A_LEARN,
	KBUMP_RULE_A_FAIL_EXCEPT,
	KBUMP_RULE_A_SRC_SET,
	KBUMP_RULE_A_DST_SET,
	KBUMP_RULE_A_SPORT_SET,
	KBUMP_RULE_A_DPORT_SET,
	KBUMP_RULE_A_SNI_SET,
	KBUMP_RULE_A_PROTO,
	KBUMP_RULE_A_BLOCK,
	KBUMP_RULE_A_UID,
	KBUMP_RULE_A_RULE_SET,
	__KBUMP_RULE_A_MAX,
};
#define KBUMP_RULE_A_MAX (__KBUMP_RULE_A_MAX - 1)

/**
 * enum kbump_tool_state - state of a tool's device
 *
 * @KBUMP_TOOL_UP: frames are sent
 * @KBUMP_TOOL_DOWN: the device is down or has no carrier; frames are dropped and counted
 * @KBUMP_TOOL_GONE: the device was removed or left the namespace; it is not found again by
 *	name: clear traffic goes to no device but the one that was named. Set it anew.
 */
enum kbump_tool_state {
	KBUMP_TOOL_UP,
	KBUMP_TOOL_DOWN,
	KBUMP_TOOL_GONE,
};

/**
 * enum kbump_tool_mode - what a tool gets
 *
 * @KBUMP_TOOL_MIRROR: copies
 * @KBUMP_TOOL_INLINE: the flows themselves, in clear unless they are bypassed: they leave by
 *	KBUMP_TOOL_A_DEV and come back, as the tool lets them, by KBUMP_TOOL_A_PEER. Both devices
 *	are the tool's alone.
 * @KBUMP_TOOL_GROUP: nothing by itself: it shares connections out among its members. Rules name
 *	it as a tool.
 */
enum kbump_tool_mode {
	KBUMP_TOOL_MIRROR,
	KBUMP_TOOL_INLINE,
	KBUMP_TOOL_GROUP,
	__KBUMP_TOOL_MODE_MAX,
};
#define KBUMP_TOOL_MODE_MAX (__KBUMP_TOOL_MODE_MAX - 1)

/**
 * enum kbump_spread - how a group shares connections out
 *
 * @KBUMP_SPREAD_HASH: by their weights
 * @KBUMP_SPREAD_FIRST: all to the first member that is up
 */
enum kbump_spread {
	KBUMP_SPREAD_HASH,
	KBUMP_SPREAD_FIRST,
	__KBUMP_SPREAD_MAX,
};
#define KBUMP_SPREAD_MAX (__KBUMP_SPREAD_MAX - 1)

/**
 * enum kbump_spread_key - what goes to the same member
 *
 * @KBUMP_SPREAD_FLOW: both directions of a connection
 * @KBUMP_SPREAD_CLIENT: all connections of a client's address
 */
enum kbump_spread_key {
	KBUMP_SPREAD_FLOW,
	KBUMP_SPREAD_CLIENT,
	__KBUMP_SPREAD_KEY_MAX,
};
#define KBUMP_SPREAD_KEY_MAX (__KBUMP_SPREAD_KEY_MAX - 1)

#define KBUMP_GROUP_MEMBERS_MAX	16
#define KBUMP_WEIGHT_MAX	100

/**
 * struct kbump_member - a member of a group
 *
 * @name: the tool's, ended by a zero
 * @weight: its share of the connections, 1..100
 * @zero: 0
 */
struct kbump_member {
	char name[KBUMP_NAME_LEN];
	__u16 weight;
	__u16 zero;
};

/**
 * enum kbump_tool_fail - what becomes of flows when an inline tool is down
 *
 * @KBUMP_TOOL_BYPASS: they go on without it. Of those that there are, those end of which the tool
 *	may have kept something.
 * @KBUMP_TOOL_BLOCK: they end, and none begins
 */
enum kbump_tool_fail {
	KBUMP_TOOL_BYPASS,
	KBUMP_TOOL_BLOCK,
	__KBUMP_TOOL_FAIL_MAX,
};
#define KBUMP_TOOL_FAIL_MAX (__KBUMP_TOOL_FAIL_MAX - 1)

/**
 * enum kbump_tool_attr - nested in KBUMP_A_TOOL
 *
 * @KBUMP_TOOL_A_NAME: string, 1..31 of [A-Za-z0-9._-], not starting with '-'
 * @KBUMP_TOOL_A_DEV: string, network device; its present name on output, that of
 *	its last on KBUMP_TOOL_GONE
 * @KBUMP_TOOL_A_IFINDEX: u32, output only; 0 when gone
 * @KBUMP_TOOL_A_SRC_MAC: 6 bytes, source of the frames; default: the device's own
 * @KBUMP_TOOL_A_DST_MAC: 6 bytes, destination; default ff:ff:ff:ff:ff:ff, and for an inline tool
 *	the address of its _PEER: another one is that of a router in line
 * @KBUMP_TOOL_A_VLAN: u16, 1..4094, 802.1Q tag put on the frames; 0: none (default)
 * @KBUMP_TOOL_A_DPORT: u16, server port in the copies in place of the true one, so that
 *	a tool takes the clear traffic for what it is; 0: the true one (default)
 * @KBUMP_TOOL_A_MTU: u32, largest IP packet, 576..65535; 0: the device's (default)
 * @KBUMP_TOOL_A_MODE: u8, &enum kbump_tool_mode; default %KBUMP_TOOL_MIRROR. Of KBUMP_CMD_TOOL_ADD.
 * @KBUMP_TOOL_A_PEER: string, of an inline tool: the device by which its other side, that of the
 *	servers, is reached; as _DEV
 * @KBUMP_TOOL_A_FAIL: u8, &enum kbump_tool_fail, of an inline tool; default %KBUMP_TOOL_BYPASS
 * @KBUMP_TOOL_A_HEARTBEAT: u32, ms, 20..60000, of an inline tool: it is down when for so long no
 *	probe has come through it, in either direction, and up again when all of two intervals
 *	have. Probes are UDP packets between 198.18.0.1 and 198.18.0.2. 0: none (default)
 * @KBUMP_TOOL_A_SNAPLEN: u32, 96..65535: frames are cut behind so many bytes, from the Ethernet
 *	header on; what they say of their length stays. Of a tool that gets copies, as the two
 *	below. 0: not at all (default)
 * @KBUMP_TOOL_A_LIMIT: u64: of each connection and direction only so many bytes are copied; its
 *	end is. 0: all (default)
 * @KBUMP_TOOL_A_SAMPLE: u32: of so many connections one is copied, as a whole. 0: each (default)
 * @KBUMP_TOOL_A_MEMBER: &struct kbump_member, of a group, once for each; all of one mode. A request
 *	has all members, those that stand by as well, or none of either
 * @KBUMP_TOOL_A_STANDBY: the same: a member that gets only what those get that are down
 * @KBUMP_TOOL_A_SPREAD: u8, &enum kbump_spread, of a group; default %KBUMP_SPREAD_HASH
 * @KBUMP_TOOL_A_KEY: u8, &enum kbump_spread_key, of a group; default %KBUMP_SPREAD_FLOW
 * @KBUMP_TOOL_A_MIN: u8, of a group: it is down while fewer members are up, those that stand by
 *	counted; default 1
 * @KBUMP_TOOL_A_STATE: u8, &enum kbump_tool_state. Output only, as all below.
 * @KBUMP_TOOL_A_FRAMES: u64, frames that the device accepted
 * @KBUMP_TOOL_A_BYTES: u64, bytes in them, with the Ethernet header
 * @KBUMP_TOOL_A_FLOWS: u64, flows begun
 * @KBUMP_TOOL_A_DROP_QUEUE: u64, frames that the device's queue refused
 * @KBUMP_TOOL_A_DROP_DOWN: u64, frames not sent for the device was down or gone
 * @KBUMP_TOOL_A_DROP_NOMEM: u64, frames not built for want of memory
 * @KBUMP_TOOL_A_MISSED: u64, flows that were led round an inline tool, or ended, for it was down
 */
enum kbump_tool_attr {
	KBUMP_TOOL_A_UNSPEC,
	KBUMP_TOOL_A_PAD,
	KBUMP_TOOL_A_NAME,
	KBUMP_TOOL_A_DEV,
	KBUMP_TOOL_A_IFINDEX,
	KBUMP_TOOL_A_SRC_MAC,
	KBUMP_TOOL_A_DST_MAC,
	KBUMP_TOOL_A_VLAN,
	KBUMP_TOOL_A_DPORT,
	KBUMP_TOOL_A_MTU,
	KBUMP_TOOL_A_STATE,
	KBUMP_TOOL_A_FRAMES,
	KBUMP_TOOL_A_BYTES,
	KBUMP_TOOL_A_FLOWS,
	KBUMP_TOOL_A_DROP_QUEUE,
	KBUMP_TOOL_A_DROP_DOWN,
	KBUMP_TOOL_A_DROP_NOMEM,
	KBUMP_TOOL_A_MODE,
	KBUMP_TOOL_A_PEER,
	KBUMP_TOOL_A_FAIL,
	KBUMP_TOOL_A_HEARTBEAT,
	KBUMP_TOOL_A_MISSED,
	KBUMP_TOOL_A_SNAPLEN,
	KBUMP_TOOL_A_LIMIT,
	KBUMP_TOOL_A_SAMPLE,
	KBUMP_TOOL_A_MEMBER,
	KBUMP_TOOL_A_STANDBY,
	KBUMP_TOOL_A_SPREAD,
	KBUMP_TOOL_A_KEY,
	KBUMP_TOOL_A_MIN,
	__KBUMP_TOOL_A_MAX,
};
#define KBUMP_TOOL_A_MAX (__KBUMP_TOOL_A_MAX - 1)

/**
 * enum kbump_flow_state - life of a flow
 *
 * @KBUMP_FLOW_HANDSHAKE: steered to a helper
 * @KBUMP_FLOW_ESTABLISHED: relayed by the kernel
 * @KBUMP_FLOW_CLOSING: one direction has ended, or the end is being sent
 */
enum kbump_flow_state {
	KBUMP_FLOW_HANDSHAKE,
	KBUMP_FLOW_ESTABLISHED,
	KBUMP_FLOW_CLOSING,
};

/**
 * enum kbump_reason - why a flow ended
 *
 * @KBUMP_REASON_NONE: it has not ended
 * @KBUMP_REASON_CLOSED: both sides closed
 * @KBUMP_REASON_TRUNCATED: as before, but a side's TLS stream ended without close_notify
 * @KBUMP_REASON_CLIENT_RESET: client reset, alert, or transport error
 * @KBUMP_REASON_SERVER_RESET: server reset, alert, or transport error
 * @KBUMP_REASON_CLIENT_RECORD: a record from the client that does not decrypt or is not allowed
 * @KBUMP_REASON_SERVER_RECORD: as before, from the server
 * @KBUMP_REASON_CLIENT_FLOOD: the client sent records without data and would not stop
 * @KBUMP_REASON_SERVER_FLOOD: as before, the server
 * @KBUMP_REASON_ADMIN: deleted by command, module or namespace removal
 * @KBUMP_REASON_TIMEOUT: handshake or linger time-out
 * @KBUMP_REASON_CLIENT_GONE: client closed before or during its handshake
 * @KBUMP_REASON_HELLO: ClientHello that cannot be parsed
 * @KBUMP_REASON_CLIENT_TLS: handshake with the client failed (versions, ciphers)
 * @KBUMP_REASON_CLIENT_ALERT: the client refused with an alert (unknown CA and the like)
 * @KBUMP_REASON_UPSTREAM_CONNECT: no TCP connection to the server
 * @KBUMP_REASON_UPSTREAM_TLS: TLS handshake with the server failed
 * @KBUMP_REASON_UPSTREAM_CERT: the server's certificate did not verify
 * @KBUMP_REASON_BLOCKED: a rule refused it, for what its handshake told
 * @KBUMP_REASON_INTERNAL: error of the helper or of the kernel
 * @KBUMP_REASON_CLIENT_QUIT: client closed as soon as its handshake was over
 * @KBUMP_REASON_TOOL_RESET: an inline tool cut the connection, or did not answer
 * @KBUMP_REASON_TOOL_DOWN: an inline tool went down
 */
enum kbump_reason {
	KBUMP_REASON_NONE,
	KBUMP_REASON_CLOSED,
	KBUMP_REASON_TRUNCATED,
	KBUMP_REASON_CLIENT_RESET,
	KBUMP_REASON_SERVER_RESET,
	KBUMP_REASON_CLIENT_RECORD,
	KBUMP_REASON_SERVER_RECORD,
	KBUMP_REASON_CLIENT_FLOOD,
	KBUMP_REASON_SERVER_FLOOD,
	KBUMP_REASON_ADMIN,
	KBUMP_REASON_TIMEOUT,
	KBUMP_REASON_CLIENT_GONE,
	KBUMP_REASON_HELLO,
	KBUMP_REASON_CLIENT_TLS,
	KBUMP_REASON_CLIENT_ALERT,
	KBUMP_REASON_UPSTREAM_CONNECT,
	KBUMP_REASON_UPSTREAM_TLS,
	KBUMP_REASON_UPSTREAM_CERT,
	KBUMP_REASON_BLOCKED,
	KBUMP_REASON_INTERNAL,
	KBUMP_REASON_CLIENT_QUIT,
	KBUMP_REASON_TOOL_RESET,
	KBUMP_REASON_TOOL_DOWN,
	__KBUMP_REASON_MAX,
};
#define KBUMP_REASON_MAX (__KBUMP_REASON_MAX - 1)

/**
 * enum kbump_leg_attr - one leg of a flow; nested in KBUMP_FLOW_A_CLIENT, _SERVER
 *
 * @KBUMP_LEG_A_VERSION: u16, TLS version as on the wire (0x0301 to 0x0304); absent: plain.
 *	Input of _FLOW_ADD with _PUMP_FD only, and required there
 * @KBUMP_LEG_A_CIPHER: u16, TLS_CIPHER_* of <linux/tls.h>; absent: plain, or pumped
 * @KBUMP_LEG_A_RX_BYTES: u64, clear bytes received from this peer
 * @KBUMP_LEG_A_TX_BYTES: u64, clear bytes sent to this peer
 * @KBUMP_LEG_A_RX_RECORDS: u64, data records (plain leg: reads) received
 * @KBUMP_LEG_A_RX_ZC: u64, those decrypted straight into the relayed pages
 * @KBUMP_LEG_A_RX_COPIED: u64, those that were copied once
 * @KBUMP_LEG_A_CONTROL: u64, records of other types received
 * @KBUMP_LEG_A_RX_REKEYS: u64, how often this peer changed its keys (KeyUpdate received)
 * @KBUMP_LEG_A_TX_REKEYS: u64, how often we changed ours (KeyUpdate sent): because the peer
 *	asked, or before the limit of RFC 8446, section 5.5
 * @KBUMP_LEG_A_RX_SECRET: 32 or 48 bytes, as long as the hash of the cipher suite: the
 *	application traffic secret of what this peer sends. Input of _FLOW_ADD only, as the
 *	next; required for a TLS 1.3 leg, refused for any other.
 * @KBUMP_LEG_A_TX_SECRET: as before, of what is sent to this peer
 * @KBUMP_LEG_A_PUMP_FD: s32 as u32; input of _FLOW_ADD, optional: the leg is one that kTLS
 *	cannot carry. The helper keeps its socket and does its TLS; what is in the records goes
 *	through this TCP socket, the near end of a connection that has the helper at its far
 *	end. On it is TLS 1.2 by kTLS with keys of the helper's own, so that types of records,
 *	alerts and ends of the stream are carried as on any other leg.
 * @KBUMP_LEG_A_SUITE: u16, cipher suite as on the wire (RFC 8446, appendix B.4), of a pumped
 *	leg; required with _PUMP_FD. On output a leg that has it is pumped.
 */
enum kbump_leg_attr {
	KBUMP_LEG_A_UNSPEC,
	KBUMP_LEG_A_PAD,
	KBUMP_LEG_A_VERSION,
	KBUMP_LEG_A_CIPHER,
	KBUMP_LEG_A_RX_BYTES,
	KBUMP_LEG_A_TX_BYTES,
	KBUMP_LEG_A_RX_RECORDS,
	KBUMP_LEG_A_RX_ZC,
	KBUMP_LEG_A_RX_COPIED,
	KBUMP_LEG_A_CONTROL,
	KBUMP_LEG_A_RX_REKEYS,
	KBUMP_LEG_A_TX_REKEYS,
	KBUMP_LEG_A_RX_SECRET,
	KBUMP_LEG_A_TX_SECRET,
	KBUMP_LEG_A_PUMP_FD,
	KBUMP_LEG_A_SUITE,
	__KBUMP_LEG_A_MAX,
};
#define KBUMP_LEG_A_MAX (__KBUMP_LEG_A_MAX - 1)

/**
 * enum kbump_flow_attr - nested in KBUMP_A_FLOW
 *
 * @KBUMP_FLOW_A_ID: u64, unique in the namespace's life
 * @KBUMP_FLOW_A_STATE: u8, &enum kbump_flow_state
 * @KBUMP_FLOW_A_CLIENT_ADDR: 4 or 16 bytes
 * @KBUMP_FLOW_A_SERVER_ADDR: 4 or 16 bytes
 * @KBUMP_FLOW_A_CLIENT_PORT: u16
 * @KBUMP_FLOW_A_SERVER_PORT: u16
 * @KBUMP_FLOW_A_IIF: string, interface that the SYN came in on; in a VRF its port
 * @KBUMP_FLOW_A_RULE: u32, handle of the rule that decided, if one has
 * @KBUMP_FLOW_A_AGE: u64, ms since the SYN
 * @KBUMP_FLOW_A_SNI: string, 0..255; input of _FLOW_ASK, where an empty one is none, and
 *	_FLOW_ADD and _FLOW_FAIL, optional
 * @KBUMP_FLOW_A_ALPN: string, 1..255; input of _FLOW_ADD, optional
 * @KBUMP_FLOW_A_CLIENT: nested &enum kbump_leg_attr; input of _FLOW_ADD: its secrets, or the
 *	helper's pump
 * @KBUMP_FLOW_A_SERVER: nested &enum kbump_leg_attr; as before
 * @KBUMP_FLOW_A_REASON: u8, &enum kbump_reason; in _FLOW_FAIL and in notifications of an end
 * @KBUMP_FLOW_A_CLIENT_FD: s32 as u32, input only
 * @KBUMP_FLOW_A_SERVER_FD: s32 as u32, input only
 * @KBUMP_FLOW_A_ACTION: u8, &enum kbump_action; absent while it is not decided
 * @KBUMP_FLOW_A_OFFER: the client's list of protocols as in its ClientHello: each after one
 *	byte with its length, KBUMP_OFFER_LEN at most; input of _FLOW_ASK
 * @KBUMP_FLOW_A_CERT: u8, &enum kbump_cert; input of _FLOW_ASK
 * @KBUMP_FLOW_A_ALPN_LIMIT: string, see KBUMP_RULE_A_ALPN_LIMIT; in the answer to _FLOW_ASK
 * @KBUMP_FLOW_A_RECORD_MAX: u16, 512..16384, bytes of data in the longest record that the
 *	client takes (max_fragment_length, RFC 6066); input of _FLOW_ADD, optional, default 16384
 * @KBUMP_FLOW_A_PAGE: flag, see KBUMP_RULE_A_PAGE; in the answer to _FLOW_ASK
 * @KBUMP_FLOW_A_COMMENT: string, the rule's, for the page; in the answer to _FLOW_ASK
 * @KBUMP_FLOW_A_TLS: u8, &enum kbump_tls; input of _FLOW_ASK, as all below up to _FINGERPRINT
 * @KBUMP_FLOW_A_ECH: u8, see KBUMP_RULE_A_ECH
 * @KBUMP_FLOW_A_ISSUER: string, 0..1023, issuer of the server's certificate, see
 *	KBUMP_RULE_A_ISSUER; empty: there is none
 * @KBUMP_FLOW_A_FINGERPRINT: see KBUMP_RULE_A_FINGERPRINT; no byte: there is none
 * @KBUMP_FLOW_A_MARK: u32, packet mark; input of _RULE_EXPLAIN, as all below
 * @KBUMP_FLOW_A_VLAN: u16, 0..4095, VLAN
 * @KBUMP_FLOW_A_ZONE: u16, conntrack zone
 * @KBUMP_FLOW_A_CT_MARK: u32, conntrack mark
 * @KBUMP_FLOW_A_CT_LABELS: KBUMP_LABELS_LEN bytes, conntrack labels: the first is bit 0 of byte 0
 * @KBUMP_FLOW_A_FORGED: flag: the client was shown a certificate that was made for it, of a server
 *	that verified: if it ends the connection before it has sent anything, that is what it
 *	refuses; input of _FLOW_ADD and _FLOW_FAIL
 * @KBUMP_FLOW_A_ALERT: u8, with %KBUMP_REASON_CLIENT_ALERT: the alert (RFC 8446, section 6); input
 *	of _FLOW_FAIL
 * @KBUMP_FLOW_A_LEARNED: flag, the flow is bypassed by what was learned; also in the answer to
 *	_FLOW_ASK
 * @KBUMP_FLOW_A_CAUSE: u8, &enum kbump_cause, why the flow cannot be inspected, if a helper has
 *	said so; input of _FLOW_ASK: %KBUMP_CAUSE_UPSTREAM or %KBUMP_CAUSE_INTERNAL
 * @KBUMP_FLOW_A_PROTO: u8, &enum kbump_proto; input of _RULE_EXPLAIN, default %KBUMP_PROTO_TCP
 * @KBUMP_FLOW_A_BLOCK: u8, &enum kbump_block, with %KBUMP_ACTION_BLOCK in the answer to _FLOW_ASK
 * @KBUMP_FLOW_A_UID: u32, 0..0xfffffffe, owner of the socket of the local process that makes the
 *	connection; absent if none does. Output too, with an empty _IIF; input of _RULE_EXPLAIN,
 *	where neither _IIF nor _VLAN can be given with it
 * @KBUMP_FLOW_A_RULE_SET: string, input of _RULE_EXPLAIN: an iptables target has put the connection
 *	to that rule set
 * @KBUMP_FLOW_A_VRF: string, VRF that _IIF is a port of; absent if it is of none. Output, and input
 *	of _RULE_EXPLAIN
 */
enum kbump_flow_attr {
	KBUMP_FLOW_A_UNSPEC,
	KBUMP_FLOW_A_PAD,
	KBUMP_FLOW_A_ID,
	KBUMP_FLOW_A_STATE,
	KBUMP_FLOW_A_CLIENT_ADDR,
	KBUMP_FLOW_A_SERVER_ADDR,
	KBUMP_FLOW_A_CLIENT_PORT,
	KBUMP_FLOW_A_SERVER_PORT,
	KBUMP_FLOW_A_IIF,
	KBUMP_FLOW_A_RULE,
	KBUMP_FLOW_A_AGE,
	KBUMP_FLOW_A_SNI,
	KBUMP_FLOW_A_ALPN,
	KBUMP_FLOW_A_CLIENT,
	KBUMP_FLOW_A_SERVER,
	KBUMP_FLOW_A_REASON,
	KBUMP_FLOW_A_CLIENT_FD,
	KBUMP_FLOW_A_SERVER_FD,
	KBUMP_FLOW_A_ACTION,
	KBUMP_FLOW_A_OFFER,
	KBUMP_FLOW_A_CERT,
	KBUMP_FLOW_A_ALPN_LIMIT,
	KBUMP_FLOW_A_RECORD_MAX,
	KBUMP_FLOW_A_PAGE,
	KBUMP_FLOW_A_COMMENT,
	KBUMP_FLOW_A_TLS,
	KBUMP_FLOW_A_ECH,
	KBUMP_FLOW_A_ISSUER,
	KBUMP_FLOW_A_FINGERPRINT,
	KBUMP_FLOW_A_MARK,
	KBUMP_FLOW_A_VLAN,
	KBUMP_FLOW_A_ZONE,
	KBUMP_FLOW_A_CT_MARK,
	KBUMP_FLOW_A_CT_LABELS,
	KBUMP_FLOW_A_FORGED,
	KBUMP_FLOW_A_ALERT,
	KBUMP_FLOW_A_LEARNED,
	KBUMP_FLOW_A_CAUSE,
	KBUMP_FLOW_A_PROTO,
	KBUMP_FLOW_A_BLOCK,
	KBUMP_FLOW_A_UID,
	KBUMP_FLOW_A_RULE_SET,
	KBUMP_FLOW_A_VRF,
	__KBUMP_FLOW_A_MAX,
};
#define KBUMP_FLOW_A_MAX (__KBUMP_FLOW_A_MAX - 1)

/**
 * enum kbump_stat - counters of the namespace, nested in KBUMP_A_STAT, all u64
 *
 * @KBUMP_STAT_STEERED: connections steered to a helper
 * @KBUMP_STAT_BYPASSED: connections that a bypass rule matched
 * @KBUMP_STAT_BLOCKED: connections that a block rule matched
 * @KBUMP_STAT_FAIL_HELPER: fail setting applied: no helper
 * @KBUMP_STAT_FAIL_LIMIT: fail setting applied: limit of flows or handshakes reached
 * @KBUMP_STAT_FAIL_SHARE: fail setting applied: the client has its share of the handshakes
 * @KBUMP_STAT_FAIL_NOMEM: fail setting applied: out of memory
 * @KBUMP_STAT_HANDOFFS: flows handed over
 * @KBUMP_STAT_HANDSHAKE_FAILED: handshakes that a helper reported as failed, or that timed out
 * @KBUMP_STAT_FLOWS: flows established now
 * @KBUMP_STAT_HANDSHAKES: handshakes in progress now
 * @KBUMP_STAT_ENDED: flows that ended
 * @KBUMP_STAT_RX_BYTES: clear bytes relayed, both directions
 * @KBUMP_STAT_RX_RECORDS: data records received
 * @KBUMP_STAT_RX_ZC: those decrypted straight into the relayed pages
 * @KBUMP_STAT_RX_COPIED: those that were copied once
 * @KBUMP_STAT_RX_CONTROL: records of other types received
 * @KBUMP_STAT_BAD_RECORD: records that did not decrypt or were not allowed
 * @KBUMP_STAT_RX_REKEYS: changes of keys by peers
 * @KBUMP_STAT_TX_REKEYS: changes of our keys
 * @KBUMP_STAT_LEARNED: connections bypassed by what was learned; they are among
 *	%KBUMP_STAT_BYPASSED
 * @KBUMP_STAT_FAIL_UPSTREAM: fail setting applied: no connection to the server, or no TLS
 * @KBUMP_STAT_FAIL_INTERNAL: fail setting applied: error of the helper
 * @KBUMP_STAT_UDP_BLOCKED: UDP packets that a block rule matched
 * @KBUMP_STAT_TAPS: connections now, bypassed by their first packet, of which tools get the packets
 * @KBUMP_STAT_TAPS_FAILED: those of which they do not: limit reached, or out of memory
 */
enum kbump_stat {
	KBUMP_STAT_UNSPEC,
	KBUMP_STAT_PAD,
	KBUMP_STAT_STEERED,
	KBUMP_STAT_BYPASSED,
	KBUMP_STAT_BLOCKED,
	KBUMP_STAT_FAIL_HELPER,
	KBUMP_STAT_FAIL_LIMIT,
	KBUMP_STAT_FAIL_SHARE,
	KBUMP_STAT_FAIL_NOMEM,
	KBUMP_STAT_HANDOFFS,
	KBUMP_STAT_HANDSHAKE_FAILED,
	KBUMP_STAT_FLOWS,
	KBUMP_STAT_HANDSHAKES,
	KBUMP_STAT_ENDED,
	KBUMP_STAT_RX_BYTES,
	KBUMP_STAT_RX_RECORDS,
	KBUMP_STAT_RX_ZC,
	KBUMP_STAT_RX_COPIED,
	KBUMP_STAT_RX_CONTROL,
	KBUMP_STAT_BAD_RECORD,
	KBUMP_STAT_RX_REKEYS,
	KBUMP_STAT_TX_REKEYS,
	KBUMP_STAT_LEARNED,
	KBUMP_STAT_FAIL_UPSTREAM,
	KBUMP_STAT_FAIL_INTERNAL,
	KBUMP_STAT_UDP_BLOCKED,
	KBUMP_STAT_TAPS,
	KBUMP_STAT_TAPS_FAILED,
	__KBUMP_STAT_MAX,
};
#define KBUMP_STAT_MAX (__KBUMP_STAT_MAX - 1)

/**
 * enum kbump_wire_attr - KBUMP_A_WIRE: a device of the kind "kbump"
 *
 * @KBUMP_WIRE_A_NAME: string, the device; required as input
 * @KBUMP_WIRE_A_INSIDE: string, the port on which the clients are; absent if it has none. As input
 *	one of its ports.
 * @KBUMP_WIRE_A_OUTSIDE: string, the other port; output only, as all below but _BYPASS and _LINK
 * @KBUMP_WIRE_A_BYPASS: u8, 0..1: no flow begins, all passes; flows that are there go on
 * @KBUMP_WIRE_A_LINK: u8, 0..1: a port is taken down while the other has no carrier
 * @KBUMP_WIRE_A_STATE: u8, 0..1: frames can pass
 * @KBUMP_WIRE_A_IN_FRAMES: u64, frames that came in by the port inside
 * @KBUMP_WIRE_A_IN_BYTES: u64, their bytes
 * @KBUMP_WIRE_A_IN_STEERED: u64, those of them that went to kbump's sockets
 * @KBUMP_WIRE_A_IN_DROP_DOWN: u64, those that did not pass: the wire or the other port is down
 * @KBUMP_WIRE_A_IN_DROP_LONG: u64, the other port does not take frames of this length
 * @KBUMP_WIRE_A_IN_DROP_FULL: u64, its queue did not take them
 * @KBUMP_WIRE_A_IN_DROP_RULE: u64, a rule blocks them
 * @KBUMP_WIRE_A_IN_DROP_CUT: u64, fragments by which TCP's header would be hidden from the rules
 * @KBUMP_WIRE_A_OUT_FRAMES: u64, as _IN_FRAMES, by the port outside, and so on
 * @KBUMP_WIRE_A_OUT_BYTES: u64
 * @KBUMP_WIRE_A_OUT_STEERED: u64
 * @KBUMP_WIRE_A_OUT_DROP_DOWN: u64
 * @KBUMP_WIRE_A_OUT_DROP_LONG: u64
 * @KBUMP_WIRE_A_OUT_DROP_FULL: u64
 * @KBUMP_WIRE_A_OUT_DROP_RULE: u64
 * @KBUMP_WIRE_A_OUT_DROP_CUT: u64
 */
enum kbump_wire_attr {
	KBUMP_WIRE_A_UNSPEC,
	KBUMP_WIRE_A_PAD,
	KBUMP_WIRE_A_NAME,
	KBUMP_WIRE_A_INSIDE,
	KBUMP_WIRE_A_OUTSIDE,
	KBUMP_WIRE_A_BYPASS,
	KBUMP_WIRE_A_LINK,
	KBUMP_WIRE_A_STATE,
	KBUMP_WIRE_A_IN_FRAMES,
	KBUMP_WIRE_A_IN_BYTES,
	KBUMP_WIRE_A_IN_STEERED,
	KBUMP_WIRE_A_IN_DROP_DOWN,
	KBUMP_WIRE_A_IN_DROP_LONG,
	KBUMP_WIRE_A_IN_DROP_FULL,
	KBUMP_WIRE_A_IN_DROP_RULE,
	KBUMP_WIRE_A_IN_DROP_CUT,
	KBUMP_WIRE_A_OUT_FRAMES,
	KBUMP_WIRE_A_OUT_BYTES,
	KBUMP_WIRE_A_OUT_STEERED,
	KBUMP_WIRE_A_OUT_DROP_DOWN,
	KBUMP_WIRE_A_OUT_DROP_LONG,
	KBUMP_WIRE_A_OUT_DROP_FULL,
	KBUMP_WIRE_A_OUT_DROP_RULE,
	KBUMP_WIRE_A_OUT_DROP_CUT,
	__KBUMP_WIRE_A_MAX,
};
#define KBUMP_WIRE_A_MAX (__KBUMP_WIRE_A_MAX - 1)

/**
 * enum kbump_helper_attr - nested in KBUMP_A_HELPER; one helper is one worker
 *
 * @KBUMP_HELPER_A_PORTID: u32, netlink port of its socket; input of _HELPER_GET only
 * @KBUMP_HELPER_A_PID: u32, process id in the initial pid namespace; output only
 * @KBUMP_HELPER_A_LISTEN4_FD: s32 as u32, input only
 * @KBUMP_HELPER_A_LISTEN6_FD: s32 as u32, input only
 * @KBUMP_HELPER_A_VERSION: string, 1..31
 * @KBUMP_HELPER_A_STEERED: u64, connections given to it; output only
 * @KBUMP_HELPER_A_HANDOFFS: u64, flows that it handed over; output only
 * @KBUMP_HELPER_A_FAILED: u64, handshakes that it reported as failed; output only
 * @KBUMP_HELPER_A_LISTENERS: u32, sockets that connections are given to; output only
 */
enum kbump_helper_attr {
	KBUMP_HELPER_A_UNSPEC,
	KBUMP_HELPER_A_PAD,
	KBUMP_HELPER_A_PORTID,
	KBUMP_HELPER_A_PID,
	KBUMP_HELPER_A_LISTEN4_FD,
	KBUMP_HELPER_A_LISTEN6_FD,
	KBUMP_HELPER_A_VERSION,
	KBUMP_HELPER_A_STEERED,
	KBUMP_HELPER_A_HANDOFFS,
	KBUMP_HELPER_A_FAILED,
	KBUMP_HELPER_A_LISTENERS,
	__KBUMP_HELPER_A_MAX,
};
#define KBUMP_HELPER_A_MAX (__KBUMP_HELPER_A_MAX - 1)

/**
 * enum kbump_why - what a bypass was learned from
 *
 * A client is one address, and what it refuses is a certificate that was made for a server that
 * verified: see KBUMP_FLOW_A_FORGED.
 *
 * @KBUMP_WHY_ALERT: the client refused the certificate with an alert
 * @KBUMP_WHY_CLOSE: it closed during its handshake, after the certificate, twice in a row
 * @KBUMP_WHY_QUIT: it offered protocols (ALPN), finished its handshake, and closed at once without
 *	having sent anything
 * @KBUMP_WHY_CLIENT_AUTH: the server wants a certificate of the client
 * @KBUMP_WHY_RENEGOTIATION: the server asked for another handshake, as some do that want one
 */
enum kbump_why {
	KBUMP_WHY_ALERT = 1,
	KBUMP_WHY_CLOSE,
	KBUMP_WHY_QUIT,
	KBUMP_WHY_CLIENT_AUTH,
	KBUMP_WHY_RENEGOTIATION,
	__KBUMP_WHY_MAX,
};
#define KBUMP_WHY_MAX (__KBUMP_WHY_MAX - 1)

/**
 * enum kbump_learned_attr - nested in KBUMP_A_LEARNED; a bypass that was learned. Output only, but
 *	for _ID
 *
 * It is for connections that a rule would inspect from this client to this server, port and name.
 *
 * @KBUMP_LEARNED_A_ID: u64, never reused in the namespace's life; input of _LEARNED_DEL, _GET
 * @KBUMP_LEARNED_A_CLIENT_ADDR: 4 or 16 bytes; absent: any client
 * @KBUMP_LEARNED_A_SERVER_ADDR: 4 or 16 bytes
 * @KBUMP_LEARNED_A_SERVER_PORT: u16
 * @KBUMP_LEARNED_A_SNI: string, in lower case; absent: no server name in the ClientHello
 * @KBUMP_LEARNED_A_WHY: u8, &enum kbump_why
 * @KBUMP_LEARNED_A_ALERT: u8, with %KBUMP_WHY_ALERT: the alert
 * @KBUMP_LEARNED_A_RULE: u32, handle of the rule from whose flow it was learned
 * @KBUMP_LEARNED_A_LEFT: u64, ms until it is forgotten
 * @KBUMP_LEARNED_A_HITS: u64, connections that it bypassed
 */
enum kbump_learned_attr {
	KBUMP_LEARNED_A_UNSPEC,
	KBUMP_LEARNED_A_PAD,
	KBUMP_LEARNED_A_ID,
	KBUMP_LEARNED_A_CLIENT_ADDR,
	KBUMP_LEARNED_A_SERVER_ADDR,
	KBUMP_LEARNED_A_SERVER_PORT,
	KBUMP_LEARNED_A_SNI,
	KBUMP_LEARNED_A_WHY,
	KBUMP_LEARNED_A_ALERT,
	KBUMP_LEARNED_A_RULE,
	KBUMP_LEARNED_A_LEFT,
	KBUMP_LEARNED_A_HITS,
	__KBUMP_LEARNED_A_MAX,
};
#define KBUMP_LEARNED_A_MAX (__KBUMP_LEARNED_A_MAX - 1)

/**
 * enum kbump_set_type - what a set is of
 *
 * @KBUMP_SET_DOMAIN: names: "example.com" is that name, ".example.com" it and all below it
 * @KBUMP_SET_PREFIX: address prefixes, IPv4 and IPv6
 * @KBUMP_SET_PORT: ports; these have no time-outs
 */
enum kbump_set_type {
	KBUMP_SET_DOMAIN = 1,
	KBUMP_SET_PREFIX,
	KBUMP_SET_PORT,
};

/**
 * struct kbump_set_entry - one entry
 *
 * Entries follow each other without padding: the next is at &data + @len, where nothing is
 * aligned.
 *
 * @timeout: ms, 1..0x7fffffff, until it is as if it were not there; 0: the set's
 *	KBUMP_SET_A_TIMEOUT on input, never on output
 * @type: &enum kbump_set_type, that of the set
 * @len: bytes of @data
 * @data: of a domain: the name, of letters, digits, - _ and dots, KBUMP_SET_NAME_MAX bytes at most
 *	with labels of 1..63, perhaps behind a dot; upper and lower case are alike, and a final
 *	dot is ignored.
 *	Of a prefix: its length as u8, then an address of 4 or 16 bytes without bits beyond
 *	that. Of ports: struct kbump_port_range
 */
struct kbump_set_entry {
	__u32 timeout;
	__u8 type;
	__u8 len;
	__u8 data[];
} __attribute__((packed));

/**
 * enum kbump_set_attr - nested in KBUMP_A_SET
 *
 * @KBUMP_SET_A_NAME: string, 1..31 of [A-Za-z0-9._-], not starting with '-'
 * @KBUMP_SET_A_TYPE: u8, &enum kbump_set_type
 * @KBUMP_SET_A_TIMEOUT: u32, ms, 1..0x7fffffff, time-out of entries without one of their own;
 *	default: they have none. Not for %KBUMP_SET_PORT
 * @KBUMP_SET_A_LIMIT: u32, most entries, not 0; default KBUMP_SET_LIMIT
 * @KBUMP_SET_A_ENTRIES: one or more struct kbump_set_entry
 * @KBUMP_SET_A_MORE: flag, in _SET_FILL: more parts will follow
 * @KBUMP_SET_A_WITH: string, the other set's name; in _SET_SWAP and its notification
 * @KBUMP_SET_A_COUNT: u32, entries (of %KBUMP_SET_PORT: ports), with those whose time is over but
 *	that still take memory. Output only, as all below.
 * @KBUMP_SET_A_MEMORY: u64, bytes that they take
 * @KBUMP_SET_A_RULES: u32, rules that name it
 * @KBUMP_SET_A_LOOKUPS: u64, how often rules, and _SET_TEST, asked it
 * @KBUMP_SET_A_HITS: u64, how often the answer was yes
 */
enum kbump_set_attr {
	KBUMP_SET_A_UNSPEC,
	KBUMP_SET_A_PAD,
	KBUMP_SET_A_NAME,
	KBUMP_SET_A_TYPE,
	KBUMP_SET_A_TIMEOUT,
	KBUMP_SET_A_LIMIT,
	KBUMP_SET_A_ENTRIES,
	KBUMP_SET_A_MORE,
	KBUMP_SET_A_WITH,
	KBUMP_SET_A_COUNT,
	KBUMP_SET_A_MEMORY,
	KBUMP_SET_A_RULES,
	KBUMP_SET_A_LOOKUPS,
	KBUMP_SET_A_HITS,
	__KBUMP_SET_A_MAX,
};
#define KBUMP_SET_A_MAX (__KBUMP_SET_A_MAX - 1)

#endif /* _UAPI_LINUX_KBUMP_H */
