// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rule sets: an iptables target names the rules that a connection is put to.
 */
#include <linux/string.h>

#include "draft.h"
#include "net.h"
#include "rule.h"
#include "rule_set.h"

/**
 * kb_rule_set_find - the number of a rule set
 * @kn: the namespace, whose lock is held
 * @name: its name
 *
 * Return: the number, or KB_NO_RULE_SET.
 */
u8 kb_rule_set_find(const struct kb_net *kn, const char *name)
{
	u8 n;

	lockdep_assert_held(&kn->lock);
	for (n = 1; n <= KB_RULE_SETS; n++)
		if (!strcmp(kn->rule_sets[n].name, name))
			return n;
	return KB_NO_RULE_SET;
}

static bool has_rules(const struct kb_rules *t, u8 number)
{
	unsigned int i;

	for (i = 0; t && i < t->count; i++)
		if (t->place[i].rule->match.rule_set == number)
			return true;
	return false;
}

static bool is_used(const struct kb_net *kn, u8 number)
{
	const struct kb_draft *d;

	if (kn->rule_sets[number].targets || has_rules(kb_rules_of(kn), number))
		return true;
	list_for_each_entry(d, &kn->drafts, list)
		if (has_rules(d->rules, number))
			return true;
	return false;
}

/**
 * kb_rule_set_make - the number of a rule set, which need not be there yet
 * @kn: the namespace, whose lock is held
 * @name: its name
 *
 * Return: the number, or -ENOSPC.
 */
int kb_rule_set_make(struct kb_net *kn, const char *name)
{
	u8 n = kb_rule_set_find(kn, name);

	if (n != KB_NO_RULE_SET)
		return n;
	for (n = 1; n <= KB_RULE_SETS; n++) {
		if (is_used(kn, n))
			continue;
		strscpy(kn->rule_sets[n].name, name, sizeof(kn->rule_sets[n].name));
		return n;
	}
	return -ENOSPC;
}

/**
 * kb_rule_set_target - an iptables rule names a rule set
 * @kn: the namespace
 * @name: its name
 *
 * Context: process; sleeps.
 * Return: the number, or -ENOSPC.
 */
int kb_rule_set_target(struct kb_net *kn, const char *name)
{
	int n;

	mutex_lock(&kn->lock);
	n = kb_rule_set_make(kn, name);
	if (n > 0)
		kn->rule_sets[n].targets++;
	mutex_unlock(&kn->lock);
	return n;
}

/**
 * kb_rule_set_untarget - undo kb_rule_set_target()
 * @kn: the namespace
 * @number: of the rule set
 *
 * Context: process; sleeps.
 */
void kb_rule_set_untarget(struct kb_net *kn, u8 number)
{
	mutex_lock(&kn->lock);
	kn->rule_sets[number].targets--;
	mutex_unlock(&kn->lock);
}
