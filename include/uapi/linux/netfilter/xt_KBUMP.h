/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#ifndef _UAPI_XT_KBUMP_H
#define _UAPI_XT_KBUMP_H

#include <linux/types.h>

/* Leave the connection alone, instead of putting it to the rules. */
#define XT_KBUMP_BYPASS		0x01

/* As KBUMP_NAME_LEN. */
#define XT_KBUMP_NAME_LEN	32

/**
 * struct xt_kbump_info - the iptables target KBUMP, in PREROUTING and FORWARD
 *
 * @flags: XT_KBUMP_BYPASS or 0; the last target that a connection's first packet meets counts
 * @rule_set: name of the set of rules that it is put to; empty: those that are in none
 * @number: the kernel's own, not compared
 */
struct xt_kbump_info {
	__u32 flags;
	char rule_set[XT_KBUMP_NAME_LEN];
	__u32 number;
};

#endif /* _UAPI_XT_KBUMP_H */
