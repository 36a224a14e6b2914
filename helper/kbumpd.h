/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parts of kbumpd(8) share.
 *
 * A master forks a signer, which has the authority's key, and workers, which have not. A
 * worker is one thread around one event loop; each steered connection in it goes through the
 * stages of &enum stage, each in a file of its own, and leaves by one of three doors:
 * handoff.c, refuse.c, or conn_reset().
 */
#ifndef KBUMPD_H
#define KBUMPD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <linux/kbump.h>

#include "hello.h"
#include "keys.h"
#include "verify.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define EXIT_USAGE	2

/* TLS alerts (RFC 8446 section 6). A refusal is never a close_notify, which is 0. */
#define ALERT_NONE			0
#define ALERT_HANDSHAKE_FAILURE		40
#define ALERT_BAD_CERTIFICATE		42
#define ALERT_CERTIFICATE_REVOKED	44
#define ALERT_CERTIFICATE_EXPIRED	45
#define ALERT_CERTIFICATE_UNKNOWN	46
#define ALERT_UNKNOWN_CA		48
#define ALERT_DECODE_ERROR		50
#define ALERT_PROTOCOL_VERSION		70
#define ALERT_INTERNAL_ERROR		80

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Keys of forged certificates: RSA keys have so many bits, the others are on P-256. */
#define LEAF_RSA_BITS	2048

/* Text of an address and a port, with room to spare. */
#define ADDRESS_TEXT	80

/**
 * struct ca - the operator's certification authority, without its key
 *
 * @cert: its certificate
 * @chain: certificates that the client may need to find its root, without the root
 */
struct ca {
	X509 *cert;
	STACK_OF(X509) *chain;
};

struct tickets;

/**
 * struct ca_key - where the authority's key comes from
 *
 * @name: file or URI, as in the command line
 * @fd: the file, -1 if it is a token's key
 * @pass: passphrase or PIN, in a page of its own; NULL if there is none
 */
struct ca_key {
	const char *name;
	int fd;
	char *pass;
};

/**
 * struct setup - made by the master, used by its children
 *
 * @ca: signs the forged certificates
 * @ca_key: the source of its key, for the signer only
 * @identities: the operator's own servers, the last given first
 * @server_side: context of the legs to servers
 * @client_side: context of the legs to clients
 * @trust: by whom servers are believed
 * @min_version: lowest TLS version of the legs to servers
 * @suites: those of the legs to servers, a bit for each entry of suites[]
 * @tickets: keys of the tickets that clients get
 */
struct setup {
	struct ca ca;
	struct ca_key *ca_key;
	struct identity *identities;
	SSL_CTX *server_side;
	SSL_CTX *client_side;
	struct trust *trust;
	uint16_t min_version;
	uint32_t suites;
	struct tickets *tickets;
};

struct kernel;
struct forge;
struct pump;
struct identity;
struct job;
struct page;
struct sessions;

/**
 * struct answer - what the rules say of a flow
 *
 * @action: &enum kbump_action, 0 if that depends on what is not known yet
 * @rule: handle of the rule that decided, 0 if none did
 * @learned: it is bypassed by what was learned
 * @alpn_limit: the only protocol that the server may be offered, empty for any
 * @silent: a client that is refused is not told
 * @page: a client that is refused gets a page, if it can
 * @comment: the rule's, for that page
 */
struct answer {
	uint8_t action;
	uint32_t rule;
	bool learned;
	char alpn_limit[256];
	bool silent;
	bool page;
	char comment[KBUMP_COMMENT_LEN];
};

/**
 * struct cert_facts - what rules may ask of a server's certificate
 *
 * @state: &enum kbump_cert
 * @issuer: as RFC 4514 has it; empty without a certificate, or if it is too long
 * @fingerprint: SHA-256 of it
 * @fingerprint_len: bytes there, 0 without a certificate
 */
struct cert_facts {
	enum kbump_cert state;
	char issuer[KBUMP_ISSUER_LEN];
	uint8_t fingerprint[KBUMP_FINGERPRINT_LEN];
	size_t fingerprint_len;
};

/**
 * struct listener - where connections arrive
 *
 * @worker: whose it is
 * @vrf: index of the device of the VRF whose clients' connections these are, or 0
 * @fd: the socket, -1 if the address family is not there
 * @address: its own
 * @event: a connection waits
 */
struct listener {
	struct worker *worker;
	int vrf;
	int fd;
	union address address;
	struct event event;
};

#define LISTENERS	2

/**
 * struct vrf - where steered connections of one VRF arrive, or those of none
 *
 * @link: in the worker's list
 * @listener: for IPv4 and for IPv6
 * @there: the VRF was seen since its kernel was asked for all of them
 */
struct vrf {
	LIST_ENTRY(vrf) link;
	struct listener listener[LISTENERS];
	bool there;
};

/**
 * struct worker - one process
 *
 * @setup: from the master
 * @base: the event loop
 * @kernel: the netlink socket
 * @news: the module has come or gone
 * @forge: gets certificates from the signer
 * @signer_fd: to the signer
 * @sessions: with servers, to be resumed
 * @vrfs: where connections arrive
 * @no_vrf: that of clients that are in none
 * @vrf_count: how many VRFs there are among them
 * @links: follows the VRFs of the host
 * @registered: the kernel knows where connections arrive
 * @accepting: connections are accepted
 * @resume: fires when it is time to accept again after a shortage
 * @pairs: where pumps call themselves, so to say
 * @pairing: pumps that wait for that
 * @pumps: those at work
 * @pump_count: how many of either
 * @starved: no connection is accepted until @resume fires
 * @conns: the handshakes in progress
 * @count: how many
 * @limit: how many there may be
 * @ending: fires while the worker waits for its last handshakes
 * @ends_at: when it waits no more, 0 while it serves
 * @failed: it ends because it cannot serve
 * @buffer: scratch memory for peeked bytes
 */
struct worker {
	const struct setup *setup;
	struct event_base *base;
	struct kernel *kernel;
	struct event news;
	struct forge *forge;
	int signer_fd;
	struct sessions *sessions;
	LIST_HEAD(, vrf) vrfs;
	struct vrf *no_vrf;
	unsigned int vrf_count;
	struct links *links;
	bool registered;
	bool accepting;
	struct event resume;
	bool starved;
	struct listener pairs;
	LIST_HEAD(pairing, pump) pairing;
	LIST_HEAD(pumps, pump) pumps;
	unsigned int pump_count;
	LIST_HEAD(, conn) conns;
	unsigned int count;
	unsigned int limit;
	struct event ending;
	uint64_t ends_at;
	bool failed;
	uint8_t buffer[HELLO_MAX];
};

/**
 * enum log_verdict - what becomes of a connection
 *
 * @LOG_OPENED: relayed in the clear within the kernel
 * @LOG_LEFT_ALONE: relayed as it is
 * @LOG_REFUSED: ended
 */
enum log_verdict {
	LOG_OPENED,
	LOG_LEFT_ALONE,
	LOG_REFUSED,
};

/**
 * struct leg_tls - what a leg's handshake agreed on, for the log
 *
 * @version: name of the TLS version, static; NULL while there is none
 * @cipher: name of the cipher suite, as above
 */
struct leg_tls {
	const char *version;
	const char *cipher;
};

/**
 * enum stage - where a connection stands
 *
 * @STAGE_HELLO: the client's first bytes are awaited; after a while of silence the server's
 *	as well
 * @STAGE_CONNECT: TCP connection to the server
 * @STAGE_UPSTREAM: TLS handshake with the server
 * @STAGE_FORGE: the signer's answer is awaited
 * @STAGE_DOWNSTREAM: TLS handshake with the client
 * @STAGE_PAIR: a leg that kTLS cannot carry waits for its connection to the kernel
 * @STAGE_PAGE: TLS and HTTP with a client that a rule refuses
 * @STAGE_REFUSED: the client was told, its FIN is awaited
 */
enum stage {
	STAGE_HELLO,
	STAGE_CONNECT,
	STAGE_UPSTREAM,
	STAGE_FORGE,
	STAGE_DOWNSTREAM,
	STAGE_PAIR,
	STAGE_PAGE,
	STAGE_REFUSED,
};

/**
 * struct conn - a connection from its steering to its hand-off or its end
 *
 * @worker: of this
 * @link: in the worker's list
 * @stage: where it stands
 * @deadline: when the whole handshake must be over, in ms of now_ms()
 * @client: the client's address
 * @server: the server's address
 * @client_fd: the client leg
 * @server_fd: the server leg, -1 while there is none
 * @client_event: the client leg can be read or written, as the stage wants
 * @server_event: the same of the server leg
 * @timer: the stage's time is over
 * @peeked: bytes seen of the ClientHello
 * @plain: not TLS, or not to be opened: both legs are handed over as they are
 * @hello: the ClientHello, all zero if there is none
 * @action: &enum kbump_action as the rules decided, 0 while they have not
 * @rule: handle of the rule that decided, 0 if none did
 * @learned: they would have it opened, but it cannot be, as was learned
 * @failed: &enum kbump_cause why it cannot be opened, once the rules were asked what then; else 0
 * @client_tls: of the client leg
 * @server_tls: of the server leg
 * @ssl: of the handshake in progress
 * @secrets: of that handshake
 * @server_ssl: of the server's handshake, when it is done
 * @server_secrets: of that
 * @verified_at: when the server's certificate was verified, in ms of now_ms()
 * @resumes: the same of the session that was offered to the server
 * @client_leg_secrets: of the client leg, once it is on kTLS
 * @server_leg_secrets: of the server leg, as above
 * @client_pump: carries the client leg, NULL if kTLS does
 * @server_pump: the same of the server leg
 * @version: TLS version of the server leg
 * @alpn: protocol that the server chose, empty if none
 * @cert: what the server's certificate is worth
 * @cert_why: a static text about that
 * @client_cert_wanted: the server wants a certificate of the client
 * @verified: the server has proved its name
 * @record_max: bytes of data in the longest record that the client takes, 0: as TLS has it
 * @job: the certificate that the connection waits for, NULL if it does not
 * @waiting: in the job's list
 * @leaf: certificate for the client, forged or the server's own
 * @leaf_key: its key
 * @leaf_chain: what the client may need to find a root, or NULL; not counted, as @leaf_key
 * @forged: @leaf was made for the client, and by the authority that it may trust
 * @shown: the client has got it
 * @agreed: the client's side of the handshake is over
 * @alert: the client's fatal alert, 0 if it sent none
 * @page: what a client that a rule refuses is told, NULL if that is no page
 * @reason: with which a refused connection will be reported
 * @drained: bytes of the client's that were dropped since it was refused
 */
struct conn {
	struct worker *worker;
	LIST_ENTRY(conn) link;
	int vrf;
	enum stage stage;
	uint64_t deadline;
	union address client;
	union address server;
	int client_fd;
	int server_fd;
	struct event client_event;
	struct event server_event;
	struct event timer;
	size_t peeked;
	bool plain;
	struct hello hello;
	uint8_t action;
	uint32_t rule;
	bool learned;
	uint8_t failed;
	struct leg_tls client_tls;
	struct leg_tls server_tls;
	SSL *ssl;
	struct secrets secrets;
	SSL *server_ssl;
	struct secrets server_secrets;
	uint64_t verified_at;
	uint64_t resumes;
	struct leg_secrets client_leg_secrets;
	struct leg_secrets server_leg_secrets;
	struct pump *client_pump;
	struct pump *server_pump;
	int version;
	char alpn[256];
	enum kbump_cert cert;
	const char *cert_why;
	bool client_cert_wanted;
	bool verified;
	struct job *job;
	LIST_ENTRY(conn) waiting;
	uint16_t record_max;
	X509 *leaf;
	EVP_PKEY *leaf_key;
	STACK_OF(X509) *leaf_chain;
	bool forged;
	bool shown;
	bool agreed;
	uint8_t alert;
	struct page *page;
	enum kbump_reason reason;
	size_t drained;
};

/* address.c */
socklen_t address_length(const union address *a);
bool address_equal(const union address *a, const union address *b);
const char *address_host(const union address *a, char *buf);
const char *address_text(const union address *a, char *buf);

/* log.c */
void log_setup(bool json);
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_conn(const struct conn *c, enum log_verdict verdict, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));
const char *openssl_error(void);

/* clock.c */
uint64_t now_ms(void);
struct timeval ms_to_timeval(uint64_t ms);

/* ca.c */
int ca_load(struct ca *ca, const char *cert_file);

int ca_read(struct ca *ca, const char *name);

/* keyfile.c */
int key_file_open(const char *name);
EVP_PKEY *key_file_read(int fd, const char *name, const char *pass);

/* identity.c */
int identity_add(struct setup *s, const char *files);
const struct identity *identity_find(const struct conn *c, uint8_t kind, uint8_t usable);
void identity_use(struct conn *c, const struct identity *id);

/* cakey.c */
int ca_key_open(struct ca_key *k, const char *name, const char *pass_command);
bool ca_key_is_token(const struct ca_key *k);
void ca_key_leave(struct ca_key *k);
EVP_PKEY *ca_key_load(const struct ca_key *k);

/* pkcs11.c */
EVP_PKEY *pkcs11_key(const char *uri, const char *pin);

/* keylog.c */
int key_log_open(const char *name);
void key_log_close(void);
void key_log_line(const char *line);

/* context.c */
int contexts_make(struct setup *s);
SSL *context_leg(SSL_CTX *ctx, struct conn *c, int fd);
struct conn *context_conn(const SSL *ssl);
void context_leave(SSL *ssl);
int context_allow_old(SSL *ssl);

/* confine.c */
int confine(const char *user);
int confine_worker(void);
int confine_signer(void);

/* filter.c */
int filter_worker(void);
int filter_signer(bool token);

/* master.c */
int master_run(const struct setup *setup, unsigned int workers);

/* signer.c */
int signer_run(const struct setup *setup, const int *fd, unsigned int workers, int life_fd,
	       int ready_fd);

/* worker.c */
int worker_run(const struct setup *setup, int signer_fd, int ready_fd);
void worker_conn_gone(struct worker *w);

/* listen.c */
int listeners_open(struct worker *w);
int listeners_register(struct worker *w);
void listeners_set(struct worker *w);
void listeners_close(struct worker *w);
void vrf_add(struct worker *w, int index);
void vrf_drop(struct worker *w, int index);
void vrfs_unseen(struct worker *w);
void vrfs_drop_unseen(struct worker *w);

/* links.c */
int links_open(struct worker *w);
void links_close(struct worker *w);

/* route.c */
int wire_route(int index);
void wire_unroute(int index);

/* kernel.c */
enum kernel_news {
	KERNEL_SAME,
	KERNEL_GONE,
	KERNEL_NEW,
	KERNEL_UNKNOWN,
};

struct kernel *kernel_open(void);
void kernel_close(struct kernel *k);
int kernel_watch_fd(const struct kernel *k);
enum kernel_news kernel_news(struct kernel *k);
int kernel_helper_add(struct kernel *k, int listen4_fd, int listen6_fd);
int kernel_helper_set(struct kernel *k, int listen4_fd, int listen6_fd);
int kernel_helper_del(struct kernel *k);
int kernel_flow_set(struct kernel *k, int client_fd, int server_fd);
int kernel_flow_ask(struct kernel *k, int client_fd, const struct hello *h,
		    const struct cert_facts *cert, enum kbump_cause cause, struct answer *answer);
int kernel_flow_add(struct kernel *k, const struct conn *c);
int kernel_flow_fail(struct kernel *k, int client_fd, enum kbump_reason reason,
		     const struct conn *c);
const char *kernel_error(const struct kernel *k);

/* conn.c */
void conn_accepted(const struct listener *l, int fd);
void conn_time_limit(struct conn *c, uint64_t ms);
bool conn_is_late(const struct conn *c);
void reset_on_close(int fd);
void conn_low_water(struct conn *c, int bytes);
void conn_wait(struct conn *c, struct event *event, int fd, short what);
void conn_watch_client(struct conn *c);
bool conn_client_closed(const struct conn *c);
void conn_report(struct conn *c, enum kbump_reason reason);
void conn_log(const struct conn *c, enum log_verdict verdict, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void conn_note_tls(struct leg_tls *tls, const SSL *ssl);
void conn_reset(struct conn *c, enum kbump_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void conn_drop(struct conn *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void conn_client_gone(struct conn *c);
void conn_close_server(struct conn *c);
void conn_reset_server(struct conn *c);
void conn_free_ssl(struct conn *c);
void conn_wipe_secrets(struct conn *c);
void conn_free(struct conn *c);

/* peek.c */
void peek_start(struct conn *c);
void peek_ready(struct conn *c);
void peek_server_ready(struct conn *c);
void peek_timeout(struct conn *c);

/* ask.c */
bool ask_hello(struct conn *c);
bool ask_cert(struct conn *c, enum kbump_cert cert, uint8_t alert, const char *why);
bool ask_fail(struct conn *c, enum kbump_cause cause);

/* cert.c */
int cert_describe(const SSL *ssl, struct cert_facts *facts);

/* connect.c */
void connect_start(struct conn *c);
void connect_ready(struct conn *c);
void connect_done(struct conn *c);
void connect_failed(struct conn *c, int err);
void connect_plain(struct conn *c);

/* upstream.c */
void upstream_setup(SSL_CTX *ctx);
void upstream_start(struct conn *c);
void upstream_ready(struct conn *c);

/* narrow.c */
int narrow_ciphers(struct setup *s, const char *list);
bool narrow(const struct setup *s, struct hello *h);
int narrow_check(const struct setup *s);

/* decide.c */
bool verdict(struct conn *c);

/* forge.c */
struct forge *forge_new(struct event_base *base, int signer_fd);
void forge_free(struct forge *f);
void forge_start(struct conn *c);
void forge_leave(struct conn *c);
void forge_timeout(struct conn *c);

/* digest.c */
#define DIGEST_LEN	32
int digest_of_offer(const struct conn *c, uint8_t *id);
int digest_of_answer(const struct conn *c, uint8_t *id);

/* session.c */
struct sessions *sessions_new(struct event_base *base);
void sessions_free(struct sessions *s);
void sessions_drop(struct sessions *s);
void session_resume(struct conn *c);
void session_start(struct conn *c);
int session_end(struct conn *c);

/* ticket.c */
struct tickets *tickets_new(void);
uint64_t tickets_due(const struct tickets *t);
void tickets_rotate(struct tickets *t);
void tickets_setup(SSL_CTX *ctx, struct tickets *t);
int tickets_bind(SSL *ssl, const struct conn *c);

/* cache.c */
struct cache;
struct cache *cache_new(void);
void cache_free(struct cache *c);
X509 *cache_find(struct cache *c, const uint8_t *id);
void cache_add(struct cache *c, const uint8_t *id, X509 *cert, int64_t until);

/* downstream.c */
int downstream_setup(SSL_CTX *ctx, struct tickets *tickets);
int downstream_ssl(struct conn *c);
void downstream_start(struct conn *c);
void downstream_ready(struct conn *c);

/* ktls.c */
int ktls_prepare(int fd);
bool ktls_carries(const SSL *ssl);
int ktls_check(const SSL *ssl);
int ktls_start(int fd, SSL *ssl, struct leg_secrets *secrets);
int ktls_pair(int near, int far, struct traffic_key *key);

/* pair.c */
int pairs_open(struct worker *w);
void pairs_close(struct worker *w);
int pair_start(struct pump *p);

/* pump.c */
void pump_start(struct conn *c);
void pump_paired(struct pump *p);
void pump_go(struct conn *c);
void pump_leave(struct conn *c);
void pumps_end(struct worker *w);

/* handoff.c */
void handoff(struct conn *c);

/* page.c */
bool page_start(struct conn *c, const char *comment, uint8_t alert, const char *why);
void page_handshake(struct conn *c);
void page_ready(struct conn *c);
void page_timeout(struct conn *c);
void page_fail(struct conn *c, const char *reason);
void page_free(struct page *p);

/* refuse.c */
void refuse(struct conn *c, enum kbump_reason reason, uint8_t alert, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void refuse_answered(struct conn *c, enum kbump_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void refuse_ready(struct conn *c);
void refuse_end(struct conn *c);

#endif
