/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#ifndef _UAPI_XT_KBUMP_H
#define _UAPI_XT_KBUMP_H

#include <linux/types.h>

/* Leave the connection alone, instead of putting it to the rules. */
#define XT_KBUMP_BYPASS		0x01

/**
 * struct xt_kbump_info - the iptables target KBUMP, in PREROUTING and FORWARD
 *
 * @flags: XT_KBUMP_BYPASS or 0; the last target that a connection's first packet meets counts
 */
struct xt_kbump_info {
	__u32 flags;
};

#endif /* _UAPI_XT_KBUMP_H */
