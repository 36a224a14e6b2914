/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_RULE_SET_H
#define KB_RULE_SET_H

#include <linux/types.h>

#include <linux/kbump.h>

struct kb_net;

/* Numbers of rule sets are from 1 on: what a packet is told in has no room for more. */
#define KB_RULE_SETS		13
/* That of no rule set. */
#define KB_NO_RULE_SET		U8_MAX

/**
 * struct kb_rule_set - a name that rules and iptables targets share
 *
 * Part of &struct kb_net, and all under its lock. While no target and no rule has the name, another
 * one may take its place. A flow keeps the number, though, and may meet rules of the new name in
 * the seconds of its handshake.
 *
 * @name: the name, or empty
 * @targets: how many iptables rules have it
 */
struct kb_rule_set {
	char name[KBUMP_NAME_LEN];
	unsigned int targets;
};

u8 kb_rule_set_find(const struct kb_net *kn, const char *name);
int kb_rule_set_make(struct kb_net *kn, const char *name);
int kb_rule_set_target(struct kb_net *kn, const char *name);
void kb_rule_set_untarget(struct kb_net *kn, u8 number);

#endif /* KB_RULE_SET_H */
