/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_SET_DRAFT_H
#define KB_SET_DRAFT_H

struct kb_draft;
struct kb_net;
struct kb_set;
struct netlink_ext_ack;

int kb_draft_copy_sets(struct kb_net *kn, struct kb_draft *d);
void kb_draft_free_sets(struct kb_draft *d);
struct kb_set *kb_draft_find_set(const struct kb_draft *d, const char *name);
struct kb_set *kb_draft_shadow(struct kb_draft *d, const char *name);
int kb_draft_add_set(struct kb_draft *d, struct kb_set *s);
int kb_draft_del_set(struct kb_draft *d, const char *name);
int kb_draft_flush_sets(struct kb_draft *d);
int kb_draft_enter_sets(struct kb_net *kn, struct kb_draft *d, struct netlink_ext_ack *extack);
void kb_draft_count_sets(struct kb_net *kn);
void kb_draft_leave_sets(struct kb_draft *d);

#endif /* KB_SET_DRAFT_H */
