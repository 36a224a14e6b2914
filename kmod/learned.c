// SPDX-License-Identifier: GPL-2.0-only
/*
 * What cannot be opened is left alone the next time: clients that refuse our certificates, and
 * servers that want one of the client. Who does so is remembered for a while.
 *
 * Clients and servers are not to be trusted with it: a client fills no more than its share of the
 * table, and what it teaches is for itself alone, unless the server has said it.
 */
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include "flow.h"
#include "learned.h"
#include "netlink.h"
#include "rule.h"

#define BUCKETS		1024
#define NAME_MAX_LEN	255
#define SWEEP_MS	1000
/* A client that closes in mid-handshake may have other reasons: it must do so twice in a row. */
#define CLOSES		2
#define SUSPECT_MS	600000

static unsigned int learned_timeout = 3600;
module_param(learned_timeout, uint, 0644);
MODULE_PARM_DESC(learned_timeout,
		 "seconds for which a bypass is learned, if the rule says nothing; 0: not at all");

static unsigned int learned_quit_ms = 3000;
module_param(learned_quit_ms, uint, 0644);
MODULE_PARM_DESC(learned_quit_ms,
		 "time in which a client that closes without having sent anything has refused");

static unsigned int max_learned = 4096;
module_param(max_learned, uint, 0644);
MODULE_PARM_DESC(max_learned, "learned bypasses in a network namespace; the oldest make room");

static unsigned int max_learned_per_client = 64;
module_param(max_learned_per_client, uint, 0644);
MODULE_PARM_DESC(max_learned_per_client,
		 "learned bypasses from flows of one IPv4 address or IPv6 /64");

/**
 * struct learned_key - for which connections something was learned
 *
 * Compared and hashed as bytes, up to the end of the name.
 *
 * @client: client's address, zero-filled; all zero: any client
 * @server: server's address, zero-filled
 * @vrf: index of the device of the client's VRF, or 0
 * @port: server's port
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @name_len: length of @name without its NUL
 * @name: server name in lower case, or empty
 */
struct learned_key {
	union nf_inet_addr client;
	union nf_inet_addr server;
	int vrf;
	__be16 port;
	u8 family;
	u8 name_len;
	char name[NAME_MAX_LEN + 1];
};

/**
 * struct kb_learned - what was learned, or is suspected
 *
 * The table owns it, and frees it after a grace period.
 *
 * @node: in its bucket; written under the table's lock, read under RCU
 * @age: in the table's list, the oldest first; under the table's lock
 * @rcu: for the freeing
 * @id: number in the namespace's life; constant, as @key and @teacher
 * @key: for which connections
 * @teacher: the client from whose flow it was learned
 * @why: &enum kbump_why, once @learned; under the table's lock, as @alert, @rule and @times
 * @alert: with %KBUMP_WHY_ALERT
 * @rule: handle of the rule of that flow
 * @times: how often it was suspected
 * @learned: it is more than a suspicion; written under the table's lock, as @expires
 * @expires: jiffies
 * @hits: connections that it bypassed
 */
struct kb_learned {
	struct hlist_node node;
	struct list_head age;
	struct rcu_head rcu;
	u64 id;
	struct learned_key key;
	union nf_inet_addr teacher;
	u8 why;
	u8 alert;
	u32 rule;
	unsigned int times;
	bool learned;
	unsigned long expires;
	atomic64_t hits;
};

/**
 * struct kb_learned_table - all that was learned in a namespace
 *
 * Made and freed with the namespace.
 *
 * @kn: the namespace; constant
 * @lock: serialises all changes
 * @ages: entries, the oldest first; under @lock
 * @count: how many; under @lock
 * @last_id: id of the youngest; under @lock
 * @gen: changes with what a dump shows; under @lock
 * @sweep: forgets what has expired, while there is anything
 * @bucket: entries by a keyed hash; written under @lock, read under RCU
 */
struct kb_learned_table {
	struct kb_net *kn;
	struct mutex lock;
	struct list_head ages;
	unsigned int count;
	u64 last_id;
	unsigned int gen;
	struct delayed_work sweep;
	struct hlist_head bucket[BUCKETS];
};

static void make_key(struct learned_key *k, const struct kb_tuple *t, const char *sni, bool any)
{
	size_t len = sni ? strnlen(sni, NAME_MAX_LEN) : 0, i;

	memset(k, 0, sizeof(*k));
	if (!any)
		k->client = t->client;
	k->vrf = t->vrf;
	k->server = t->server;
	k->port = t->sport;
	k->family = t->family;
	/* The dot of the root says nothing. */
	if (len && sni[len - 1] == '.')
		len--;
	for (i = 0; i < len; i++)
		k->name[i] = tolower(sni[i]);
	k->name_len = len;
}

static size_t key_size(const struct learned_key *k)
{
	return offsetof(struct learned_key, name) + k->name_len;
}

static struct hlist_head *bucket_of(struct kb_net *kn, const struct learned_key *k)
{
	return &kn->learned->bucket[siphash(k, key_size(k), &kn->share_key) % BUCKETS];
}

static bool is_expired(const struct kb_learned *l)
{
	return time_after_eq(jiffies, READ_ONCE(l->expires));
}

/* Under RCU or with the table's lock held. */
static struct kb_learned *find(struct kb_net *kn, const struct learned_key *k)
{
	struct kb_learned *l;

	hlist_for_each_entry_rcu(l, bucket_of(kn, k), node,
				 lockdep_is_held(&kn->learned->lock))
		if (!memcmp(&l->key, k, key_size(k)))
			return l;
	return NULL;
}

static bool applies(struct kb_net *kn, const struct kb_tuple *t, const char *sni, bool any)
{
	struct kb_learned *l;
	struct learned_key k;
	bool found;

	make_key(&k, t, sni, any);
	rcu_read_lock();
	l = find(kn, &k);
	found = l && READ_ONCE(l->learned) && !is_expired(l);
	if (found)
		atomic64_inc(&l->hits);
	rcu_read_unlock();
	return found;
}

/* It is the server's wish, whoever the client. */
static bool is_of_server(enum kbump_why why)
{
	return why == KBUMP_WHY_CLIENT_AUTH || why == KBUMP_WHY_RENEGOTIATION;
}

/* A rule that speaks of such servers has the last word on them. */
static bool speaks_of_servers(const struct kb_rule *rule)
{
	return kb_match_names_cert(&rule->match, KBUMP_CERT_CLIENT_AUTH);
}

/**
 * kb_learned_applies - is a connection that a rule would inspect better left alone?
 * @kn: the namespace
 * @rule: the rule
 * @t: the connection's addresses
 * @sni: server name, or NULL
 *
 * Context: process.
 * Return: true if so; it is counted.
 */
bool kb_learned_applies(struct kb_net *kn, const struct kb_rule *rule, const struct kb_tuple *t,
			const char *sni)
{
	if (!rule->learn || !READ_ONCE(kn->learned->count))
		return false;
	return applies(kn, t, sni, false) ||
	       (!speaks_of_servers(rule) && applies(kn, t, sni, true));
}

static int fill_addr(struct sk_buff *skb, int attr, const struct kb_learned *l,
		     const union nf_inet_addr *addr)
{
	bool v4 = l->key.family == NFPROTO_IPV4;

	return nla_put(skb, attr, v4 ? sizeof(addr->ip) : sizeof(addr->in6), addr);
}

/* Called with the table's lock held. */
static int learned_fill(struct sk_buff *skb, const void *obj)
{
	const struct kb_learned *l = obj;
	u64 left = is_expired(l) ? 0 : jiffies64_to_msecs(l->expires - jiffies);

	if (nla_put_u64_64bit(skb, KBUMP_LEARNED_A_ID, l->id, KBUMP_LEARNED_A_PAD) ||
	    (!is_of_server(l->why) &&
	     fill_addr(skb, KBUMP_LEARNED_A_CLIENT_ADDR, l, &l->key.client)) ||
	    fill_addr(skb, KBUMP_LEARNED_A_SERVER_ADDR, l, &l->key.server) ||
	    nla_put_u16(skb, KBUMP_LEARNED_A_SERVER_PORT, ntohs(l->key.port)) ||
	    nla_put_u8(skb, KBUMP_LEARNED_A_WHY, l->why) ||
	    nla_put_u32(skb, KBUMP_LEARNED_A_RULE, l->rule) ||
	    nla_put_u64_64bit(skb, KBUMP_LEARNED_A_LEFT, left, KBUMP_LEARNED_A_PAD) ||
	    nla_put_u64_64bit(skb, KBUMP_LEARNED_A_HITS, atomic64_read(&l->hits),
			      KBUMP_LEARNED_A_PAD))
		return -EMSGSIZE;
	if (l->key.name_len && nla_put_string(skb, KBUMP_LEARNED_A_SNI, l->key.name))
		return -EMSGSIZE;
	if (l->why == KBUMP_WHY_ALERT && nla_put_u8(skb, KBUMP_LEARNED_A_ALERT, l->alert))
		return -EMSGSIZE;
	return 0;
}

/* Called with the table's lock held, as all below that change the table. */
static void forget(struct kb_learned_table *table, struct kb_learned *l)
{
	hlist_del_rcu(&l->node);
	list_del(&l->age);
	WRITE_ONCE(table->count, table->count - 1);
	table->gen++;
	if (l->learned)
		kb_nl_event(table->kn, KBUMP_CMD_LEARNED_DEL, KBUMP_A_LEARNED, learned_fill, l);
	kfree_rcu(l, rcu);
}

/* An IPv6 client has a /64 as a rule, and all addresses in it. */
static bool same_teacher(const struct kb_learned *l, const struct kb_tuple *t)
{
	if (l->key.family != t->family || l->key.vrf != t->vrf)
		return false;
	return !memcmp(&l->teacher, &t->client, t->family == NFPROTO_IPV4 ? 4 : 8);
}

/* Of one more from this client: the oldest of its own goes, or the oldest of all. */
static void make_room(struct kb_learned_table *table, const struct kb_tuple *t)
{
	struct kb_learned *l, *own = NULL;
	unsigned int share = 0;

	list_for_each_entry(l, &table->ages, age) {
		if (!same_teacher(l, t))
			continue;
		if (!own)
			own = l;
		share++;
	}
	if (own && share >= READ_ONCE(max_learned_per_client))
		forget(table, own);
	else if (table->count && table->count >= READ_ONCE(max_learned))
		forget(table, list_first_entry(&table->ages, struct kb_learned, age));
}

static struct kb_learned *insert(struct kb_net *kn, const struct kb_tuple *t,
				 const struct learned_key *k)
{
	struct kb_learned_table *table = kn->learned;
	struct kb_learned *l;

	if (!READ_ONCE(max_learned) || !READ_ONCE(max_learned_per_client))
		return NULL;
	l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
	if (!l)
		return NULL;
	make_room(table, t);
	l->id = ++table->last_id;
	l->key = *k;
	l->teacher = t->client;
	l->expires = jiffies + msecs_to_jiffies(SUSPECT_MS);
	list_add_tail(&l->age, &table->ages);
	hlist_add_head_rcu(&l->node, bucket_of(kn, k));
	WRITE_ONCE(table->count, table->count + 1);
	table->gen++;
	queue_delayed_work(system_unbound_wq, &table->sweep, msecs_to_jiffies(SWEEP_MS));
	return l;
}

static unsigned long time_of(const struct kb_rule *rule)
{
	u64 seconds = rule->learn;

	if (seconds == KB_LEARN_DEFAULT)
		seconds = READ_ONCE(learned_timeout);
	return min_t(u64, seconds * HZ, MAX_JIFFY_OFFSET);
}

/* What is known already is known for longer. */
static void learn(struct kb_learned_table *table, struct kb_learned *l,
		  const struct kb_rule *rule, enum kbump_why why, u8 alert)
{
	WRITE_ONCE(l->expires, jiffies + time_of(rule));
	list_move_tail(&l->age, &table->ages);
	table->gen++;
	if (l->learned)
		return;
	l->why = why;
	l->alert = alert;
	l->rule = rule->handle;
	WRITE_ONCE(l->learned, true);
	kb_nl_event(table->kn, KBUMP_CMD_LEARNED_ADD, KBUMP_A_LEARNED, learned_fill, l);
}

static bool is_enough(struct kb_learned *l, enum kbump_why why)
{
	return why != KBUMP_WHY_CLOSE || l->learned || ++l->times >= CLOSES;
}

/* May it be learned from this flow? Who offers no protocol may only be looking. */
static bool may_learn(const struct kb_flow *f, enum kbump_why why)
{
	const struct kb_rule *rule = f->rule;

	if (!rule || f->action != KBUMP_ACTION_INSPECT || !rule->learn || !time_of(rule))
		return false;
	if (why == KBUMP_WHY_QUIT)
		return f->offered;
	return !is_of_server(why) || !speaks_of_servers(rule);
}

/**
 * kb_learned_add - a flow that was to be inspected cannot be, or perhaps cannot be
 * @f: the flow; nothing is learned from it unless its rule wants that
 * @sni: server name, or NULL
 * @why: why
 * @alert: with %KBUMP_WHY_ALERT
 *
 * Context: process, where the flow's rule does not change: with the flow's lock held, or in its
 * relay. Sleeps.
 */
void kb_learned_add(struct kb_flow *f, const char *sni, enum kbump_why why, u8 alert)
{
	const struct kb_tuple *t = &f->end[KB_CLIENT].tuple;
	struct kb_learned_table *table = f->kn->learned;
	struct learned_key k;
	struct kb_learned *l;

	if (!may_learn(f, why))
		return;
	make_key(&k, t, sni, is_of_server(why));
	mutex_lock(&table->lock);
	l = find(f->kn, &k);
	if (l && is_expired(l)) {
		forget(table, l);
		l = NULL;
	}
	if (!l && !READ_ONCE(f->kn->dying))
		l = insert(f->kn, t, &k);
	if (l && is_enough(l, why))
		learn(table, l, f->rule, why, alert);
	mutex_unlock(&table->lock);
}

/*
 * RFC 8446, section 6.2: what is said of a certificate. Not certificate_expired: ours has the
 * dates of the server's. handshake_failure is what OpenSSL makes of a refusal by the
 * program's own check.
 */
static bool refuses_certificate(u8 alert)
{
	switch (alert) {
	case 40:	/* handshake_failure */
	case 42:	/* bad_certificate */
	case 43:	/* unsupported_certificate */
	case 44:	/* certificate_revoked */
	case 46:	/* certificate_unknown */
	case 48:	/* unknown_ca */
	case 49:	/* access_denied */
	case 113:	/* bad_certificate_status_response */
		return true;
	default:
		return false;
	}
}

/**
 * kb_learned_alert - a client that was shown a certificate of ours sends a fatal alert
 * @f: the flow
 * @sni: server name, or NULL
 * @alert: its description
 *
 * Context: as kb_learned_add().
 */
void kb_learned_alert(struct kb_flow *f, const char *sni, u8 alert)
{
	if (refuses_certificate(alert))
		kb_learned_add(f, sni, KBUMP_WHY_ALERT, alert);
}

/**
 * kb_learned_quit - a client that was shown a certificate of ours closes without a word
 * @f: the flow, which is established
 * @since: jiffies at the hand-off
 *
 * Many that want another certificate see to that only after their handshake.
 *
 * Context: as kb_learned_add().
 */
void kb_learned_quit(struct kb_flow *f, unsigned long since)
{
	if (time_before(jiffies, since + msecs_to_jiffies(READ_ONCE(learned_quit_ms))))
		kb_learned_add(f, f->sni, KBUMP_WHY_QUIT, 0);
}

/**
 * kb_learned_accepted - the client sends data: a suspicion against it was wrong
 * @f: the flow, which is established
 *
 * Context: process; sleeps.
 */
void kb_learned_accepted(struct kb_flow *f)
{
	struct kb_learned_table *table = f->kn->learned;
	struct learned_key k;
	struct kb_learned *l;
	bool suspected;

	if (!READ_ONCE(table->count))
		return;
	make_key(&k, &f->end[KB_CLIENT].tuple, f->sni, false);
	rcu_read_lock();
	l = find(f->kn, &k);
	suspected = l && !READ_ONCE(l->learned);
	rcu_read_unlock();
	if (!suspected)
		return;
	mutex_lock(&table->lock);
	l = find(f->kn, &k);
	if (l && !l->learned)
		forget(table, l);
	mutex_unlock(&table->lock);
}

static void sweep_work(struct work_struct *work)
{
	struct kb_learned_table *table = container_of(to_delayed_work(work),
						      struct kb_learned_table, sweep);
	struct kb_learned *l, *next;

	mutex_lock(&table->lock);
	list_for_each_entry_safe(l, next, &table->ages, age)
		if (is_expired(l))
			forget(table, l);
	if (table->count)
		queue_delayed_work(system_unbound_wq, &table->sweep, msecs_to_jiffies(SWEEP_MS));
	mutex_unlock(&table->lock);
}

static void flush(struct kb_learned_table *table)
{
	struct kb_learned *l, *next;

	mutex_lock(&table->lock);
	list_for_each_entry_safe(l, next, &table->ages, age)
		forget(table, l);
	mutex_unlock(&table->lock);
}

/* The entry that a request names. Called with the table's lock held. */
static struct kb_learned *named(struct kb_learned_table *table, const struct nlattr *id,
				struct netlink_ext_ack *extack)
{
	struct kb_learned *l;

	if (!id) {
		NL_SET_ERR_MSG(extack, "the id is missing");
		return ERR_PTR(-EINVAL);
	}
	list_for_each_entry(l, &table->ages, age)
		if (l->learned && l->id == nla_get_u64(id))
			return l;
	NL_SET_ERR_MSG_ATTR(extack, id, "nothing that was learned has this id");
	return ERR_PTR(-ENOENT);
}

/**
 * kb_learned_del_doit - KBUMP_CMD_LEARNED_DEL
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_learned_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_learned_table *table = kb_net(genl_info_net(info))->learned;
	struct nlattr *tb[KBUMP_LEARNED_A_MAX + 1];
	struct kb_learned *l;
	int err;

	err = kb_nl_parse(info, KBUMP_A_LEARNED, tb, KBUMP_LEARNED_A_MAX);
	if (err)
		return err;
	mutex_lock(&table->lock);
	l = named(table, tb[KBUMP_LEARNED_A_ID], info->extack);
	if (!IS_ERR(l))
		forget(table, l);
	mutex_unlock(&table->lock);
	return PTR_ERR_OR_ZERO(l);
}

/**
 * kb_learned_flush_doit - KBUMP_CMD_LEARNED_FLUSH
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0.
 */
int kb_learned_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	flush(kb_net(genl_info_net(info))->learned);
	return 0;
}

/**
 * kb_learned_get_doit - KBUMP_CMD_LEARNED_GET, of one
 * @skb: the request
 * @info: the same, parsed
 *
 * Return: 0 or an error.
 */
int kb_learned_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kb_learned_table *table = kb_net(genl_info_net(info))->learned;
	struct nlattr *tb[KBUMP_LEARNED_A_MAX + 1];
	struct kb_learned *l;
	int err;

	err = kb_nl_parse(info, KBUMP_A_LEARNED, tb, KBUMP_LEARNED_A_MAX);
	if (err)
		return err;
	mutex_lock(&table->lock);
	l = named(table, tb[KBUMP_LEARNED_A_ID], info->extack);
	err = PTR_ERR_OR_ZERO(l);
	if (!err)
		err = kb_nl_reply(info, KBUMP_CMD_LEARNED_GET, KBUMP_A_LEARNED, learned_fill, l);
	mutex_unlock(&table->lock);
	return err;
}

static bool is_shown(const void *obj)
{
	const struct kb_learned *l = obj;

	return l->learned && !is_expired(l);
}

static const struct kb_nl_list learned_list = {
	.cmd = KBUMP_CMD_LEARNED_GET,
	.attr = KBUMP_A_LEARNED,
	.node = offsetof(struct kb_learned, age),
	.fill = learned_fill,
	.shown = is_shown,
};

/**
 * kb_learned_get_dumpit - KBUMP_CMD_LEARNED_GET, of all that was learned
 * @skb: a part of the answer
 * @cb: state of the dump
 *
 * Return: length of the part, 0 at the end.
 */
int kb_learned_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kb_learned_table *table = kb_net(sock_net(skb->sk))->learned;
	int len;

	mutex_lock(&table->lock);
	len = kb_nl_dump(skb, cb, &learned_list, &table->ages, table->gen);
	mutex_unlock(&table->lock);
	return len;
}

/**
 * kb_learned_init - make a namespace's table
 * @kn: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int kb_learned_init(struct kb_net *kn)
{
	struct kb_learned_table *table = kvzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);

	if (!table)
		return -ENOMEM;
	table->kn = kn;
	mutex_init(&table->lock);
	INIT_LIST_HEAD(&table->ages);
	INIT_DELAYED_WORK(&table->sweep, sweep_work);
	kn->learned = table;
	return 0;
}

/**
 * kb_learned_exit - free a namespace's table, when no flow is left
 * @kn: the namespace
 *
 * Context: process; sleeps.
 */
void kb_learned_exit(struct kb_net *kn)
{
	flush(kn->learned);
	cancel_delayed_work_sync(&kn->learned->sweep);
	kvfree(kn->learned);
}
