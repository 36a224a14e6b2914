/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Entries of sets: from words to what the kernel takes, and back. */
#ifndef KBUMP_ENTRY_H
#define KBUMP_ENTRY_H

#include "cli.h"

#define ENTRY_TEXT	300	/* the longest entry as text */

/* Entries that were read, packed as the kernel takes them. */
struct entries {
	uint8_t *data;
	size_t len;
	size_t room;
	size_t count;
	uint8_t type;		/* of all of them; 0: there is none yet */
};

/* Each of these returns 0, or EXIT_USAGE after it has said why. */
int entry_add(const struct command *c, struct entries *e, const char *word, uint32_t timeout);
int entries_read(const struct command *c, struct entries *e, const char *file);
void entries_free(struct entries *e);

/* Entries in a message: the next at *at, which is moved; NULL at the end. */
const struct kbump_set_entry *entry_next(const void *data, size_t len, size_t *at);
const char *entry_text(const struct kbump_set_entry *entry, char *buf);

#endif /* KBUMP_ENTRY_H */
