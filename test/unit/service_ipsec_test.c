/*
 * service_ipsec_test.c - protections, over a charon, a kernel and a drive that the test plays itself:
 * who shares one, in which ways it is tried, what wins, how it ends, and that nobody who asks for IPsec
 * is let through without.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/block.h"
#include "net/route.h"
#include "service/inside.h"
#include "service/ipsec_plan.h"
#include "service/ipsec_suite.h"
#include "service/ipsec_watch.h"
#include "service/log.h"
#include "service/ports.h"
#include "../duty.h"

#define ASKED (SECURITY_VALID | SECURITY_IPSEC)

/* ---- the drive, played */

struct passage {
	struct passage_info info;
	bool answered;
	struct fault why;
	struct guard guard;
	void (*closed)(void *hold, bool silent);
	void *hold;
};

const struct passage_info *passage_info(const struct passage *passage)
{
	return &passage->info;
}

void passage_grant(struct passage *passage, const struct guard *guard,
		   void (*closed)(void *hold, bool silent), void *hold)
{
	assert_false(passage->answered);
	passage->answered = true;
	if (guard)
		passage->guard = *guard;
	passage->closed = closed;
	passage->hold = hold;
}

void passage_refuse(struct passage *passage, const struct fault *why)
{
	assert_false(passage->answered);
	assert_int_not_equal(why->kind, FAULT_NONE);
	passage->answered = true;
	passage->why = *why;
}

/* ---- the kernel, played */

static int blocks, may_guard;
static char device[IF_NAMESIZE];

int guard_check(int family)
{
	(void)family;
	return may_guard;
}

int block_set(const struct sockaddr *local, const struct sockaddr *portal, uint16_t tag)
{
	(void)local;
	(void)portal;
	(void)tag;
	blocks = 1;
	return 0;
}

int block_clear(const struct sockaddr *local, const struct sockaddr *portal)
{
	(void)local;
	(void)portal;
	blocks = 0;
	return 0;
}

int block_clear_all(uint16_t tag)
{
	(void)tag;
	blocks = 0;
	return 0;
}

static int pipe_of_flushes[2] = { -1, -1 };

int block_watch(int *ret_fd)
{
	if (pipe2(pipe_of_flushes, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	*ret_fd = pipe_of_flushes[0];
	return 0;
}

int block_watch_read(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 1;
}

int route_source(const struct sockaddr *to, socklen_t len, struct sockaddr_storage *ret)
{
	(void)to;
	(void)len;
	memset(ret, 0, sizeof(*ret));
	ret->ss_family = AF_INET;
	inet_pton(AF_INET, "10.0.0.1", &((struct sockaddr_in *)ret)->sin_addr);
	return 0;
}

int route_device(const struct sockaddr *from, const struct sockaddr *to, char ret[IF_NAMESIZE])
{
	(void)from;
	(void)to;
	memcpy(ret, device, sizeof(device));
	return 0;
}

/* ---- the service, played */

static struct service service;

int service_timer(struct service *s, sd_event_source **source, uint64_t seconds,
		  sd_event_time_handler_t expired, void *ctx)
{
	uint64_t usec = seconds * 10000; /* a hundred times as fast */
	int r;

	if (!*source)
		return sd_event_add_time_relative(s->event, source, CLOCK_MONOTONIC, usec, 1, expired, ctx);
	r = sd_event_source_set_time_relative(*source, usec);
	return r < 0 ? r : sd_event_source_set_enabled(*source, SD_EVENT_ONESHOT);
}

void service_timer_clear(sd_event_source **source)
{
	*source = sd_event_source_disable_unref(*source);
}

void service_check_stopped(struct service *s)
{
	(void)s;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[512];
	va_list args;

	(void)level;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	assert_null(strstr(line, "secret"));
}

int ports_list(struct store *store, struct port **ret)
{
	(void)store;
	(void)ret;
	return 0;
}

/* ---- charon, played: it has what the requests made of it */

enum { LINKS = 8, ASKS = 64, TEXTS = 16 };

struct vici {
	const struct vici_ops *ops;
	void *ctx;
	bool open;
};

struct asked {
	struct vici *vici;
	struct vici_done done;
	struct vici_result result;
	void (*sas)(void *ctx, const struct vici_ike *ike, const struct vici_child *child);
	void (*policies)(void *ctx, const struct vici_policy *policy);
	void (*names)(void *ctx, const char *name);
	int what; /* of the names */
};

static struct {
	int absent;                  /* a negative errno: it is not there */
	struct vici link[LINKS];
	struct asked asked[ASKS];
	unsigned first, last;
	unsigned milliseconds;       /* of the last initiation */
	unsigned initiated, alone, keys_loaded, conns_loaded, terminated, unloaded;

	bool user_space;
	struct vici_policy trap;     /* child "": none */
	char leftover[64];
	unsigned leftover_conns, leftover_keys; /* that there are of it, where it is to be many */
	unsigned queued;             /* unloadings since the last list */

	char tries[256];             /* "2t" IKEv2 in transport mode, "1u" main mode, tunnel, "1At"... */
	const char *why[TEXTS];      /* of the initiations in turn; NULL: succeeds */
	int error;                   /* theirs; 0: charon's refusal */
	struct vici_ike ike;
	struct vici_child child;
	bool up, stuck;              /* stuck: the child does not end alone */
	char key[64], remote_id[64], proposal[64];
} charon;

static int ask(struct vici *vici, struct vici_done done, int error, const char *why, struct asked **ret)
{
	struct asked *asked = &charon.asked[charon.last++ % ASKS];

	*asked = (struct asked){ .vici = vici, .done = done, .result.error = error };
	snprintf(asked->result.why, sizeof(asked->result.why), "%s", why ? why : "");
	if (ret)
		*ret = asked;
	return 0;
}

int vici_new(sd_event *event, const char *path, const struct vici_ops *ops, void *ctx, struct vici **ret)
{
	struct vici *vici = charon.link;

	(void)event;
	assert_string_equal(path, "/charon");
	if (charon.absent)
		return charon.absent;
	while (vici->open)
		vici++;
	assert_true(vici < charon.link + LINKS);
	*vici = (struct vici){ ops, ctx, true };
	*ret = vici;
	return 0;
}

void vici_free(struct vici *vici)
{
	if (!vici)
		return;
	assert_true(vici->open);
	vici->open = false;
	for (unsigned i = charon.first; i != charon.last; i++)
		if (charon.asked[i % ASKS].vici == vici)
			charon.asked[i % ASKS].vici = NULL;
}

void vici_forget(struct vici *vici, const void *ctx)
{
	for (unsigned i = charon.first; i != charon.last; i++)
		if (charon.asked[i % ASKS].vici == vici && charon.asked[i % ASKS].done.ctx == ctx)
			charon.asked[i % ASKS].vici = NULL;
}

int vici_load_key(struct vici *vici, const struct vici_key *key, struct vici_done done)
{
	charon.keys_loaded++;
	assert_true(key->len < sizeof(charon.key));
	memcpy(charon.key, key->bytes, key->len);
	charon.key[key->len] = 0;
	assert_non_null(key->owners[0]);
	return ask(vici, done, 0, NULL, NULL);
}

/* One of many; the link's queue has an end. Nobody waits for it. */
static int leftover_goes(unsigned *count, struct vici *vici, struct vici_done done)
{
	(void)vici;
	assert_null(done.call);
	if (++charon.queued > VICI_QUEUE_MAX)
		return -ENOBUFS;
	--*count;
	return 0;
}

int vici_unload_key(struct vici *vici, const char *id, struct vici_done done)
{
	(void)id;
	charon.keys_loaded--;
	if (charon.leftover_keys)
		return leftover_goes(&charon.leftover_keys, vici, done);
	return ask(vici, done, 0, NULL, NULL);
}

static void make_child(const struct vici_conn *conn)
{
	memset(&charon.ike, 0, sizeof(charon.ike));
	memset(&charon.child, 0, sizeof(charon.child));
	strcpy(charon.ike.name, conn->name);
	charon.ike.id = 5;
	charon.ike.version = conn->version;
	strcpy(charon.ike.local_host, "10.0.0.1");
	strcpy(charon.ike.remote_host, conn->remote_addr);
	strcpy(charon.child.name, conn->child);
	charon.child.id = charon.initiated + 1;
	charon.child.reqid = conn->reqid;
	strcpy(charon.child.state, "INSTALLED");
	strcpy(charon.child.protocol, "ESP");
	strcpy(charon.child.algorithms.encr, "AES_GCM_16");
	charon.child.algorithms.encr_bits = 128;
	charon.child.mode = conn->mode;
	charon.child.local_ts.count = charon.child.remote_ts.count = 1;
	strcpy(charon.child.local_ts.text[0], conn->local_ts);
	strcpy(charon.child.remote_ts.text[0], conn->remote_ts);
}

int vici_load_conn(struct vici *vici, const struct vici_conn *conn, struct vici_done done)
{
	size_t at = strlen(charon.tries);

	charon.conns_loaded++;
	make_child(conn);
	strcpy(charon.remote_id, conn->remote_id);
	strcpy(charon.proposal, conn->esp_proposals[0]);
	snprintf(charon.tries + at, sizeof(charon.tries) - at, "%s%u%s%s", at ? " " : "", conn->version,
		 conn->aggressive ? "A" : "", conn->mode == VICI_TUNNEL ? "u" : "t");
	return ask(vici, done, 0, NULL, NULL);
}

int vici_unload_conn(struct vici *vici, const char *name, struct vici_done done)
{
	(void)name;
	charon.unloaded++;
	if (charon.leftover_conns)
		return leftover_goes(&charon.leftover_conns, vici, done);
	return ask(vici, done, 0, NULL, NULL);
}

int vici_initiate(struct vici *vici, const char *conn, const char *child, unsigned milliseconds,
		  struct vici_done done)
{
	const char *why = charon.why[charon.initiated % TEXTS];

	assert_true(milliseconds > 0);
	charon.milliseconds = milliseconds;
	if (!child && !why) {
		charon.alone++;
		return ask(vici, done, 0, NULL, NULL);
	}
	charon.initiated++;
	if (child && charon.trap.child[0] && strcmp(child, charon.trap.child) == 0) {
		make_child(&(struct vici_conn){ .name = conn, .child = child, .version = 2,
						.mode = VICI_TUNNEL, .local_ts = "10.0.0.0/24",
						.remote_ts = "10.0.0.2/32", .remote_addr = "10.0.0.2" });
		charon.child.reqid = 77;
	}
	charon.up = !why;
	return ask(vici, done, !why ? 0 : charon.error ? charon.error : -EREMOTEIO, why, NULL);
}

int vici_terminate(struct vici *vici, const struct vici_which *which, bool force,
		   unsigned milliseconds, struct vici_done done)
{
	assert_true(which->ike || which->child || which->ike_id);
	assert_true(force && milliseconds);
	charon.terminated++;
	if (charon.stuck && which->child)
		return ask(vici, done, -EREMOTEIO, "not terminated after 1000ms", NULL);
	charon.up = false;
	return ask(vici, done, 0, NULL, NULL);
}

int vici_rekey(struct vici *vici, const struct vici_which *which, struct vici_done done)
{
	(void)which;
	return ask(vici, done, 0, NULL, NULL);
}

int vici_list_sas(struct vici *vici, const struct vici_which *which,
		  void (*each)(void *ctx, const struct vici_ike *ike, const struct vici_child *child),
		  struct vici_done done)
{
	struct asked *asked;

	(void)which;
	ask(vici, done, 0, NULL, &asked);
	asked->sas = each;
	return 0;
}

int vici_list_policies(struct vici *vici, void (*each)(void *ctx, const struct vici_policy *policy),
		       struct vici_done done)
{
	struct asked *asked;

	ask(vici, done, 0, NULL, &asked);
	asked->policies = each;
	return 0;
}

enum { PLUGINS, CONN_NAMES, KEY_IDS };

static int ask_names(struct vici *vici, void (*each)(void *ctx, const char *name), struct vici_done done,
		     int what)
{
	struct asked *asked;

	ask(vici, done, 0, NULL, &asked);
	asked->names = each;
	asked->what = what;
	return 0;
}

int vici_list_plugins(struct vici *vici, void (*each)(void *ctx, const char *name), struct vici_done done)
{
	return ask_names(vici, each, done, PLUGINS);
}

int vici_list_conn_names(struct vici *vici, void (*each)(void *ctx, const char *name),
			 struct vici_done done)
{
	return ask_names(vici, each, done, CONN_NAMES);
}

int vici_list_key_ids(struct vici *vici, void (*each)(void *ctx, const char *id), struct vici_done done)
{
	return ask_names(vici, each, done, KEY_IDS);
}

static void tell(const struct asked *asked)
{
	if (asked->sas && charon.up)
		asked->sas(asked->done.ctx, &charon.ike, &charon.child);
	if (asked->policies && charon.trap.child[0])
		asked->policies(asked->done.ctx, &charon.trap);
	if (asked->names && asked->what == PLUGINS)
		asked->names(asked->done.ctx, charon.user_space ? "kernel-libipsec" : "kernel-netlink");
	if (asked->sas)
		charon.queued = 0;
	for (unsigned n = asked->what == CONN_NAMES ? charon.leftover_conns : charon.leftover_keys;
	     asked->names && asked->what != PLUGINS && n > 1; n--)
		asked->names(asked->done.ctx, charon.leftover);
	if (asked->names && asked->what != PLUGINS && charon.leftover[0])
		asked->names(asked->done.ctx, charon.leftover);
}

/* Answers one request. */
static bool charon_step(void)
{
	struct asked asked;

	if (charon.first == charon.last)
		return false;
	asked = charon.asked[charon.first++ % ASKS];
	if (!asked.vici)
		return true;
	if (asked.result.error == 0)
		tell(&asked);
	if (asked.vici->open && asked.done.call)
		asked.done.call(asked.done.ctx, &asked.result);
	return true;
}

static void charon_run(void)
{
	while (charon_step())
		;
}

static void charon_event(enum vici_event_kind kind, bool up, uint32_t old_id)
{
	const struct vici_event event = { kind, up, &charon.ike, &charon.child, old_id };

	assert_non_null(service.ipsec.watch);
	service.ipsec.watch->ops->event(service.ipsec.watch->ctx, &event);
}

/* ---- what the tests ask */

static struct preshared_key key = { .bytes = "secret one", .len = 10 };

static struct passage *pass_at(const char *portal, uint16_t port, uint64_t flags,
			       const struct preshared_key *with)
{
	struct passage *passage = calloc(1, sizeof(*passage));
	struct sockaddr_in *in = (struct sockaddr_in *)&passage->info.to;
	const struct ipsec_wish wish = { .flags = flags, .key = with, .port_number = 1 };

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, portal, &in->sin_addr), 1);
	passage->info.to_len = sizeof(*in);
	strcpy(passage->info.host, portal);
	passage->info.port = port;
	ipsec_pass(&service, passage, &wish);
	return passage;
}

static struct passage *pass_to(const char *portal, uint64_t flags, const struct preshared_key *with)
{
	return pass_at(portal, 3260, flags, with);
}

static struct passage *pass(uint64_t flags)
{
	return pass_to("10.0.0.2", flags, &key);
}

static void passed(const struct passage *passage, enum guard_kind kind)
{
	assert_true(passage->answered);
	assert_string_equal(passage->why.text, "");
	assert_int_equal(passage->guard.kind, kind);
}

static void refused(struct passage *passage, enum fault_kind kind, const char *text)
{
	charon_run();
	assert_true(passage->answered);
	assert_int_equal(passage->why.kind, kind);
	if (!strstr(passage->why.text, text))
		fail_msg("'%s' does not say '%s'", passage->why.text, text);
	assert_int_equal(passage->guard.kind, GUARD_NONE);
	free(passage);
}

static void close_silent(struct passage *passage, bool silent)
{
	if (passage->closed)
		passage->closed(passage->hold, silent);
	free(passage);
}

static void close_passage(struct passage *passage)
{
	close_silent(passage, false);
}

/* Until so many protections are left. */
static void wait_for_protections(unsigned count)
{
	for (unsigned i = 0; i < 500 && service.ipsec.count != count; i++) {
		sd_event_run(service.event, 10000);
		charon_run();
	}
	assert_int_equal(service.ipsec.count, count);
}

static int setup(void **state)
{
	(void)state;
	memset(&service, 0, sizeof(service));
	memset(&charon, 0, sizeof(charon));
	blocks = may_guard = 0;
	strcpy(device, "ipsec0");
	service.state_dir = strdup("/tmp");
	defaults_init(&service.defaults);
	ike_init(&service.ike);
	ipsec_init(&service, "/charon");
	return sd_event_new(&service.event);
}

static int teardown(void **state)
{
	(void)state;
	charon_run();
	ipsec_free(&service);
	for (unsigned i = 0; i < LINKS; i++)
		assert_false(charon.link[i].open);
	sd_event_unref(service.event);
	free(service.state_dir);
	return 0;
}

/* ---- tests */

static void who_asks_for_nothing_gets_nothing(void **state)
{
	struct passage *passage = pass(SECURITY_VALID);

	(void)state;
	passed(passage, GUARD_NONE);
	close_passage(passage);
	assert_int_equal(service.ipsec.count, 0);
}

static void one_protection_is_shared_and_counted(void **state)
{
	struct passage *first = pass(ASKED), *second = pass(ASKED), *late, *clear;

	(void)state;
	assert_false(first->answered);
	charon_run();
	passed(first, GUARD_POLICY);
	passed(second, GUARD_POLICY);
	assert_int_not_equal(first->guard.reqid, 0);
	assert_false(first->guard.tunnel);
	assert_string_equal(first->guard.source, "10.0.0.1");
	assert_true(blocks);
	assert_int_equal(charon.initiated, 1);
	/* Flags, or a key, that others bring change nothing. */
	late = pass_to("10.0.0.2", ASKED | SECURITY_AGGRESSIVE_MODE, NULL);
	passed(late, GUARD_POLICY);
	clear = pass(SECURITY_VALID);
	passed(clear, GUARD_POLICY);
	assert_int_equal(service.ipsec.count, 1);
	close_passage(first);
	close_passage(second);
	close_passage(late);
	close_passage(clear);
	assert_int_equal(service.ipsec.count, 1);
	wait_for_protections(0);
	assert_false(blocks);
	assert_int_equal(charon.keys_loaded, 0);
	assert_int_equal(charon.unloaded, 1);
	assert_false(charon.up);
	DUTY("SEC-19");
}

static void portals_have_their_own(void **state)
{
	struct passage *one = pass(ASKED), *other;

	(void)state;
	charon_run();
	charon.up = false; /* what it tells is one child, and that is the other's now */
	other = pass_to("10.0.0.3", ASKED, &key);
	charon_run();
	passed(one, GUARD_POLICY);
	passed(other, GUARD_POLICY);
	assert_int_not_equal(one->guard.reqid, other->guard.reqid);
	assert_int_equal(charon.keys_loaded, 2);
	close_passage(one);
	close_passage(other);
	wait_for_protections(0);
	assert_int_equal(charon.keys_loaded, 0);
}

static void without_charon_nobody_passes(void **state)
{
	static const int absent[] = { -ENOENT, -ECONNREFUSED };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		charon.absent = absent[i];
		refused(pass(ASKED), FAULT_NO_IPSEC, "10.0.0.2:3260: IPsec: no charon at /charon: install");
		assert_int_equal(service.ipsec.count, 0);
	}
	charon.absent = -EACCES;
	refused(pass(ASKED), FAULT_IPSEC, "may not use");
}

static void without_the_capability_nobody_passes(void **state)
{
	(void)state;
	may_guard = -EPERM;
	refused(pass(ASKED), FAULT_IPSEC, "CAP_NET_ADMIN");
	charon.user_space = true;
	refused(pass(ASKED), FAULT_IPSEC, "CAP_NET_ADMIN");
	assert_int_equal(charon.initiated, 0);
}

static void without_a_key_nobody_passes(void **state)
{
	(void)state;
	refused(pass_to("10.0.0.2", ASKED, NULL), FAULT_IPSEC, "no preshared key");
	assert_int_equal(charon.initiated, 0);
	assert_int_equal(service.ipsec.count, 0);
	assert_false(blocks);
}

/* The call's, else the identity's, else the group's. */
static void the_best_key_is_taken(void **state)
{
	static const uint8_t group[] = "secret of the group";
	struct preshared_key lost = { .lost = true };
	struct passage *passage;

	(void)state;
	service.ike.group_key.len = sizeof(group) - 1;
	memcpy(service.ike.group_key.bytes, group, sizeof(group));
	passage = pass(ASKED);
	charon_run();
	assert_string_equal(charon.key, "secret one");
	close_passage(passage);
	wait_for_protections(0);
	passage = pass_to("10.0.0.2", ASKED, NULL);
	charon_run();
	assert_string_equal(charon.key, "secret of the group");
	assert_string_equal(charon.remote_id, "10.0.0.2");
	close_passage(passage);
	wait_for_protections(0);
	/* One that was stored, and can't be read any more, is not replaced by a lesser one. */
	refused(pass_to("10.0.0.2", ASKED, &lost), FAULT_IPSEC, "no preshared key");
}

struct combination {
	uint64_t flags;
	const char *tries;
};

static void all_ways_are_tried_in_turn(void **state)
{
	static const struct combination table[] = {
		{ ASKED, "2t 2u 1t 1u" },
		{ ASKED | SECURITY_TUNNEL_MODE, "2u 2t 1u 1t" },
		{ ASKED | SECURITY_MAIN_MODE, "1t 1u" },
		{ ASKED | SECURITY_AGGRESSIVE_MODE | SECURITY_TUNNEL_MODE, "1Au 1At" },
	};

	(void)state;
	for (unsigned i = 0; i < TEXTS; i++)
		charon.why[i] = "received NO_PROPOSAL_CHOSEN notify";
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		charon.tries[0] = 0;
		refused(pass(table[i].flags), FAULT_IPSEC, "NO_PROPOSAL_CHOSEN");
		assert_string_equal(charon.tries, table[i].tries);
	}
	service.defaults.value[DEFAULT_IPSEC_MODE] = IPSEC_MODE_INSIST;
	service.defaults.value[DEFAULT_IPSEC_FALL_BACK] = 0;
	charon.tries[0] = 0;
	refused(pass(ASKED | SECURITY_TRANSPORT_MODE), FAULT_IPSEC, "NO_PROPOSAL_CHOSEN");
	assert_string_equal(charon.tries, "2t");
	assert_int_equal(charon.keys_loaded, 0);
}

static void what_can_not_help_is_not_tried(void **state)
{
	(void)state;
	charon.why[0] = "received AUTHENTICATION_FAILED notify error";
	refused(pass(ASKED), FAULT_IPSEC, "AUTHENTICATION_FAILED");
	assert_string_equal(charon.tries, "2t");
	assert_in_range(charon.milliseconds, 4900, 5001); /* half of ten seconds */
	charon.tries[0] = 0;
	service.defaults.value[DEFAULT_LOGIN_TIME] = 3;
	charon.why[1] = charon.why[2] = "CHILD_SA 'x' not established after 5000ms";
	refused(pass(ASKED), FAULT_IPSEC, "no usable answer");
	assert_string_equal(charon.tries, "2t 1t");
	assert_in_range(charon.milliseconds, 1900, 2001); /* all that the login leaves; none went by here */
}

/* By aggressive mode the child follows its IKE SA, and does not come with it. */
static void aggressive_mode_comes_in_two_steps(void **state)
{
	struct passage *passage = pass(ASKED | SECURITY_AGGRESSIVE_MODE);

	(void)state;
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_int_equal(charon.alone, 1);
	assert_int_equal(charon.initiated, 1);
	close_passage(passage);
	wait_for_protections(0);
	passage = pass(ASKED | SECURITY_MAIN_MODE);
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_int_equal(charon.alone, 1);
	close_passage(passage);
}

/* Where one is up with the peer, charon has nothing to make, and nothing to tell. */
static void the_first_step_of_aggressive_mode_may_be_done(void **state)
{
	struct passage *passage;

	(void)state;
	charon.why[0] = "IKE_SA 'x' not established after 5000ms";
	passage = pass(ASKED | SECURITY_AGGRESSIVE_MODE);
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_int_equal(charon.alone, 0);
	assert_int_equal(charon.initiated, 2);
	close_passage(passage);
	wait_for_protections(0);

	charon.why[0] = NULL;
	charon.initiated = 0;
	make_child(&(struct vici_conn){ .name = "x", .child = "x", .version = 1, .mode = VICI_TUNNEL,
					.local_ts = "10.9.9.1/32", .remote_ts = "10.9.9.2/32",
					.remote_addr = "10.0.0.2" });
	strcpy(charon.ike.state, "ESTABLISHED");
	charon.up = true;
	passage = pass(ASKED | SECURITY_AGGRESSIVE_MODE);
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_int_equal(charon.alone, 0);
	assert_int_equal(charon.initiated, 1);
	close_passage(passage);
}

/* Its first step says that the key is right; what it left goes with the second. */
static void the_second_step_fails_for_its_own_reason(void **state)
{
	struct passage *passage = pass(ASKED | SECURITY_AGGRESSIVE_MODE);

	(void)state;
	while (!charon.alone)
		assert_true(charon_step());
	charon.why[0] = "CHILD_SA 'x' not established after 5000ms";
	refused(passage, FAULT_IPSEC, "after the key was agreed on");
	assert_int_equal(charon.alone, 1);
	assert_true(charon.terminated >= 1);
	assert_int_equal(charon.keys_loaded, 0);
	assert_int_equal(charon.unloaded, 1);
	assert_false(blocks);
}

static void the_second_step_is_not_begun_too_late(void **state)
{
	struct passage *passage = pass(ASKED | SECURITY_AGGRESSIVE_MODE);

	(void)state;
	while (!charon.alone)
		assert_true(charon_step());
	list_entry(service.ipsec.protections.next, struct protection, link)->limit = 0;
	refused(passage, FAULT_IPSEC, "no time was left");
	assert_int_equal(charon.initiated, 0);
	assert_true(charon.terminated >= 1);
	assert_int_equal(charon.keys_loaded, 0);
	assert_int_equal(service.ipsec.count, 0);
}

static void it_may_end_between_the_steps(void **state)
{
	struct passage *passage = pass(ASKED | SECURITY_AGGRESSIVE_MODE);

	(void)state;
	while (!charon.alone)
		assert_true(charon_step());
	ipsec_stop(&service);
	refused(passage, FAULT_ABANDONED, "stopping");
	assert_int_equal(charon.initiated, 0);
	assert_true(charon.terminated >= 1);
	assert_int_equal(charon.keys_loaded, 0);
	assert_int_equal(charon.unloaded, 1);
	assert_true(ipsec_is_idle(&service));
}

/* A charon that was too slow to say so may have it. */
static void a_key_that_nobody_confirmed_is_taken_back(void **state)
{
	struct passage *passage = pass(ASKED);
	struct vici *link;

	(void)state;
	while (!charon.keys_loaded)
		assert_true(charon_step());
	link = list_entry(service.ipsec.protections.next, struct protection, link)->vici;
	link->ops->lost(link->ctx, &(struct vici_result){ -ETIMEDOUT, "slow" });
	refused(passage, FAULT_IPSEC, "slow");
	assert_int_equal(charon.keys_loaded, 0);
	assert_int_equal(service.ipsec.count, 0);
}

static void a_charon_that_hangs_is_told_of(void **state)
{
	static const uint64_t flags[] = { ASKED, ASKED | SECURITY_AGGRESSIVE_MODE };

	(void)state;
	charon.error = -ETIMEDOUT;
	for (size_t i = 0; i < TEXTS; i++)
		charon.why[i] = "charon did not answer in time";
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		charon.initiated = 0;
		refused(pass(flags[i]), FAULT_IPSEC, "IPsec: charon did not answer in time");
		assert_int_equal(charon.initiated, 1);
	}
}

static void a_fall_back_is_enough(void **state)
{
	struct passage *passage;

	(void)state;
	charon.why[0] = charon.why[1] = "received NO_PROPOSAL_CHOSEN notify";
	passage = pass(ASKED | SECURITY_PFS);
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_string_equal(charon.tries, "2t 2u 1t");
	assert_string_equal(charon.proposal, "aes128gcm16-ecp256");
	close_passage(passage);
}

static void a_tunnel_is_guarded_with_its_ends(void **state)
{
	struct passage *passage;
	char text[64];

	(void)state;
	passage = pass(ASKED | SECURITY_TUNNEL_MODE);
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_true(passage->guard.tunnel);
	inet_ntop(AF_INET, &((struct sockaddr_in *)&passage->guard.outer_remote)->sin_addr, text,
		  sizeof(text));
	assert_string_equal(text, "10.0.0.2");
	close_passage(passage);
}

static void user_space_has_tunnels_alone(void **state)
{
	struct passage *passage;

	(void)state;
	charon.user_space = true;
	passage = pass(ASKED | SECURITY_TRANSPORT_MODE);
	charon_run();
	passed(passage, GUARD_DEVICE);
	assert_string_equal(passage->guard.device, "ipsec0");
	assert_true(passage->guard.blocked);
	assert_string_equal(charon.tries, "2u");
	close_passage(passage);
	wait_for_protections(0);
	/* No other device will do. */
	strcpy(device, "eth0");
	refused(pass(ASKED), FAULT_IPSEC, "no route leads into its tunnel");
	strcpy(device, "ipsec0");
	service.defaults.value[DEFAULT_IPSEC_MODE] = IPSEC_MODE_INSIST;
	refused(pass(ASKED | SECURITY_TRANSPORT_MODE), FAULT_IPSEC, "transport mode can't be had");
}

static void an_agreement_on_less_is_none(void **state)
{
	struct passage *passage = pass(ASKED);

	(void)state;
	while (!charon.initiated)
		assert_true(charon_step());
	strcpy(charon.child.remote_ts.text[0], "10.0.0.2/32[tcp/3261]");
	refused(passage, FAULT_IPSEC, "does not cover");
}

/* Asked for transport mode, a peer that has only tunnels answers with one. */
static void what_is_insisted_on_is_looked_at(void **state)
{
	struct passage *passage;

	(void)state;
	for (unsigned insist = 0; insist < 2; insist++) {
		service.defaults.value[DEFAULT_IPSEC_MODE] = insist ? IPSEC_MODE_INSIST : IPSEC_MODE_PREFER;
		passage = pass(ASKED | SECURITY_TRANSPORT_MODE);
		while (!charon.initiated)
			assert_true(charon_step());
		charon.child.mode = VICI_TUNNEL;
		if (insist) {
			refused(passage, FAULT_IPSEC, "insisted on");
		} else {
			charon_run();
			passed(passage, GUARD_POLICY);
			assert_true(passage->guard.tunnel);
			close_passage(passage);
			wait_for_protections(0);
			charon.initiated = 0;
		}
	}
}

static void administrator(void)
{
	make_child(&(struct vici_conn){ .name = "site", .child = "net", .version = 2, .mode = VICI_TUNNEL,
					.local_ts = "10.0.0.0/24", .remote_ts = "10.0.0.2/32",
					.remote_addr = "10.0.0.2" });
	charon.child.reqid = 3;
}

static void the_administrators_sa_wins(void **state)
{
	struct passage *passage;

	(void)state;
	administrator();
	charon.up = true;
	passage = pass_to("10.0.0.2", ASKED, NULL);
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_int_equal(passage->guard.reqid, 3);
	assert_true(passage->guard.tunnel);
	assert_int_equal(charon.initiated + charon.keys_loaded, 0);
	close_passage(passage);
	wait_for_protections(0);
	assert_true(charon.up);
	assert_int_equal(charon.terminated, 0);
}

static void the_administrators_trap_is_sprung(void **state)
{
	struct passage *passage;

	(void)state;
	charon.trap.mode = VICI_TUNNEL;
	strcpy(charon.trap.ike, "site");
	strcpy(charon.trap.child, "net");
	charon.trap.local_ts.count = charon.trap.remote_ts.count = 1;
	strcpy(charon.trap.local_ts.text[0], "10.0.0.0/24");
	strcpy(charon.trap.remote_ts.text[0], "10.0.0.2/32");
	passage = pass(ASKED);
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_int_equal(passage->guard.reqid, 77);
	assert_int_equal(charon.conns_loaded, 0);
	close_passage(passage);
}

/* Those of other services like this one end when these want it. */
static void the_sa_of_another_service_is_not_ours(void **state)
{
	struct passage *passage;

	(void)state;
	administrator();
	strcpy(charon.child.name, "iscsidsc-01234567-1");
	charon.up = true;
	passage = pass(ASKED);
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_int_equal(charon.conns_loaded, 1);
	close_passage(passage);
}

static void an_sa_that_goes_is_made_anew(void **state)
{
	struct passage *passage = pass(ASKED);

	(void)state;
	charon_run();
	charon.up = false;
	charon_event(VICI_CHILD_UPDOWN, false, 0);
	charon_run();
	assert_int_equal(charon.initiated, 2);
	/* One that another took the place of is no loss. */
	charon.child.id = 99;
	charon_event(VICI_CHILD_REKEY, true, charon.initiated);
	charon_event(VICI_IKE_UPDOWN, false, 0);
	charon_run();
	assert_int_equal(charon.initiated, 2);
	close_passage(passage);
	/* Nobody needs it: it is not made anew. */
	charon.up = false;
	charon_event(VICI_IKE_UPDOWN, false, 0);
	charon_run();
	assert_int_equal(charon.initiated, 2);
	wait_for_protections(0);
}

static void a_silent_peer_has_it_made_anew(void **state)
{
	struct passage *passage = pass(ASKED), *next;

	(void)state;
	charon_run();
	close_silent(passage, true);
	next = pass(ASKED);
	assert_false(next->answered);
	charon_run();
	passed(next, GUARD_POLICY);
	assert_int_equal(charon.terminated, 1);
	assert_int_equal(charon.initiated, 2);
	close_passage(next);
}

static void lose_charon(void)
{
	struct vici *watch = service.ipsec.watch;

	charon.absent = -ECONNREFUSED;
	charon.up = false;
	watch->ops->lost(watch->ctx, &(struct vici_result){ -ECONNRESET, "gone" });
}

/* As long as a socket needs it. */
static void charon_that_comes_back_is_used_again(void **state)
{
	static const struct preshared_key other = { .bytes = "secret two", .len = 10 };
	struct passage *passage = pass(ASKED), *meanwhile;

	(void)state;
	charon_run();
	lose_charon();
	/* What others bring changes nothing as long as it is in use. */
	meanwhile = pass_to("10.0.0.2", ASKED | SECURITY_MAIN_MODE, &other);
	assert_true(meanwhile->answered);
	assert_int_equal(meanwhile->why.kind, FAULT_NO_IPSEC);
	free(meanwhile);
	assert_int_equal(charon.keys_loaded, 1);
	charon.keys_loaded = 0; /* it has forgotten */
	charon.absent = 0;
	for (unsigned i = 0; i < 500 && !service.ipsec.watch; i++)
		sd_event_run(service.event, 10000);
	assert_non_null(service.ipsec.watch);
	service.ipsec.watch->ops->opened(service.ipsec.watch->ctx, &(struct vici_version){ "", "" });
	charon_run();
	assert_int_equal(charon.initiated, 2);
	assert_int_equal(charon.keys_loaded, 1);
	assert_string_equal(charon.key, "secret one");
	assert_string_equal(charon.tries, "2t 2t");
	meanwhile = pass(ASKED);
	passed(meanwhile, GUARD_POLICY);
	close_passage(meanwhile);
	close_passage(passage);
}

/* A charon that was slow has everything still. */
static void the_loss_of_a_link_leaves_nothing_behind(void **state)
{
	struct passage *passage = pass(ASKED);
	struct vici *watch = service.ipsec.watch;

	(void)state;
	charon_run();
	watch->ops->lost(watch->ctx, &(struct vici_result){ -ETIMEDOUT, "slow" });
	close_passage(passage);
	wait_for_protections(0);
	assert_false(charon.up);
	assert_int_equal(charon.keys_loaded, 0);
	assert_int_equal(charon.unloaded, 1);
}

/* As where its rekeying is under way. */
static void a_child_that_does_not_go_goes_with_its_ike_sa(void **state)
{
	struct passage *passage = pass(ASKED | SECURITY_MAIN_MODE);

	(void)state;
	charon_run();
	charon.stuck = true;
	close_passage(passage);
	wait_for_protections(0);
	assert_false(charon.up);
	assert_int_equal(charon.terminated, 2);
	assert_int_equal(charon.unloaded, 1);
	assert_int_equal(charon.keys_loaded, 0);
}

/* Nor is a key taken from one that comes up again later. */
static void a_key_stays_for_the_other(void **state)
{
	const struct store_ike identity = { .port_number = PORT_NUMBER_ANY, .id_type = IKE_IPV4, .id_len = 4,
					    .id = { 10, 0, 0, 2 }, .key = key };
	struct passage *one, *other;

	(void)state;
	assert_int_equal(ike_set(&service.ike, NULL, &identity, false), 0);
	one = pass(ASKED);
	charon_run();
	charon.up = false; /* what it tells is one child, and that is the other's now */
	other = pass_at("10.0.0.2", 3261, ASKED, NULL);
	charon_run();
	passed(other, GUARD_POLICY);
	assert_int_equal(charon.keys_loaded, 1);
	charon.why[2] = "received NO_PROPOSAL_CHOSEN notify";
	charon.why[3] = charon.why[4] = charon.why[5] = charon.why[2];
	charon.up = false;
	charon_event(VICI_CHILD_UPDOWN, false, 0);
	charon_run();
	assert_int_equal(charon.initiated, 6); /* the other is down, and in use */
	close_passage(one);
	wait_for_protections(1);
	assert_int_equal(charon.keys_loaded, 1);
	close_passage(other);
	ike_done(&service.ike);
}

/* It does not fail with those that ask for it. */
static void who_asks_for_none_does_not_suffer(void **state)
{
	struct passage *asked = pass(ASKED), *clear = pass(SECURITY_VALID);

	(void)state;
	charon.why[0] = "received AUTHENTICATION_FAILED notify error";
	while (!clear->answered)
		assert_true(charon_step());
	passed(clear, GUARD_NONE);
	assert_false(blocks);
	close_passage(clear);
	refused(asked, FAULT_IPSEC, "AUTHENTICATION_FAILED");
	/* Where there is one at the end it is used. */
	asked = pass(ASKED);
	clear = pass(SECURITY_VALID);
	charon_run();
	passed(clear, GUARD_POLICY);
	close_passage(asked);
	/* Nor where it is in use, and lost. */
	charon.up = false;
	for (unsigned i = 0; i < 4; i++)
		charon.why[charon.initiated + i] = "received NO_PROPOSAL_CHOSEN notify";
	charon_event(VICI_CHILD_UPDOWN, false, 0);
	refused(pass(SECURITY_VALID), FAULT_IPSEC, "NO_PROPOSAL_CHOSEN");
	assert_true(blocks);
	close_passage(clear);
	clear = pass(SECURITY_VALID);
	passed(clear, GUARD_NONE);
	close_passage(clear);
	wait_for_protections(0);
	/* While one ends that was up. */
	asked = pass(ASKED);
	charon_run();
	passed(asked, GUARD_POLICY);
	assert_true(blocks);
	close_passage(asked);
	for (unsigned i = 0; i < 500 && charon.first == charon.last; i++)
		sd_event_run(service.event, 10000);
	assert_int_equal(service.ipsec.count, 1);
	clear = pass(SECURITY_VALID);
	passed(clear, GUARD_NONE);
	assert_false(blocks);
	close_passage(clear);
	wait_for_protections(0);
}

/* Of what can't be looked up connecting tells. */
static void a_source_with_a_scope_goes_in_clear(void **state)
{
	struct passage *asked = pass(ASKED), *clear = calloc(1, sizeof(*clear));
	const struct ipsec_wish none = { .flags = SECURITY_VALID }, wish = { .flags = ASKED, .key = &key };

	(void)state;
	clear->info = asked->info;
	strcpy(clear->info.source, "fe80::1%eth0");
	ipsec_pass(&service, clear, &none);
	passed(clear, GUARD_NONE);
	clear->answered = false;
	ipsec_pass(&service, clear, &wish);
	refused(clear, FAULT_CONNECT, "10.0.0.2:3260");
	close_passage(asked);
}

/* The peer may still send what the kernel must not answer. */
static void the_block_outlasts_a_loss(void **state)
{
	struct passage *passage = pass(ASKED);

	(void)state;
	charon_run();
	lose_charon();
	close_silent(passage, true);
	refused(pass(ASKED), FAULT_NO_IPSEC, "no charon");
	assert_int_equal(service.ipsec.count, 1);
	assert_true(blocks);
	/* But who wants to go there in clear may. */
	passage = pass(SECURITY_VALID);
	passed(passage, GUARD_NONE);
	close_passage(passage);
	assert_false(blocks);
	assert_int_equal(service.ipsec.count, 0);
}

static void a_flush_does_not_unblock(void **state)
{
	struct passage *passage;

	(void)state;
	ipsec_start(&service);
	passage = pass(ASKED);
	charon_run();
	blocks = 0;
	assert_int_equal(write(pipe_of_flushes[1], "x", 1), 1);
	for (unsigned i = 0; i < 10 && !blocks; i++)
		sd_event_run(service.event, 10000);
	assert_true(blocks);
	close_passage(passage);
	close(pipe_of_flushes[1]);
}

static void leftovers_of_the_last_life_are_cleaned(void **state)
{
	(void)state;
	ipsec_watch(&service);
	snprintf(charon.leftover, sizeof(charon.leftover), "%sx-1", service.ipsec.prefix);
	charon.keys_loaded = 1;
	administrator();
	snprintf(charon.ike.name, sizeof(charon.ike.name), "%s", charon.leftover);
	charon.up = true;
	service.ipsec.watch->ops->opened(service.ipsec.watch->ctx, &(struct vici_version){ "", "" });
	charon_run();
	assert_int_equal(charon.unloaded, 1);
	assert_int_equal(charon.keys_loaded, 0);
	assert_int_equal(charon.terminated, 1);
}

/* More than one link's queue takes. */
static void many_leftovers_are_cleaned_too(void **state)
{
	(void)state;
	ipsec_watch(&service);
	snprintf(charon.leftover, sizeof(charon.leftover), "%sx-1", service.ipsec.prefix);
	charon.leftover_conns = charon.leftover_keys = 2 * VICI_QUEUE_MAX;
	service.ipsec.watch->ops->opened(service.ipsec.watch->ctx, &(struct vici_version){ "", "" });
	charon_run();
	assert_int_equal(charon.leftover_conns, 0);
	assert_int_equal(charon.leftover_keys, 0);
}

static void what_is_not_ours_is_left(void **state)
{
	(void)state;
	ipsec_watch(&service);
	strcpy(charon.leftover, "site");
	administrator();
	charon.up = true;
	service.ipsec.watch->ops->opened(service.ipsec.watch->ctx, &(struct vici_version){ "", "" });
	charon_run();
	/* What is ours, of this life. */
	snprintf(charon.leftover, sizeof(charon.leftover), "%s1", service.ipsec.life);
	service.ipsec.watch->ops->opened(service.ipsec.watch->ctx, &(struct vici_version){ "", "" });
	charon_run();
	assert_int_equal(charon.unloaded + charon.terminated, 0);
}

static void a_stop_takes_all_down(void **state)
{
	struct passage *passage = pass(ASKED), *waiting;

	(void)state;
	charon_run();
	waiting = pass_to("10.0.0.3", ASKED, &key);
	ipsec_stop(&service);
	refused(waiting, FAULT_ABANDONED, "stopping");
	refused(pass_to("10.0.0.4", ASKED, &key), FAULT_ABANDONED, "stopping");
	assert_false(ipsec_is_idle(&service));
	close_passage(passage);
	wait_for_protections(0);
	assert_true(ipsec_is_idle(&service));
	assert_int_equal(charon.keys_loaded, 0);
}

static void refreshed(void *ctx)
{
	++*(int *)ctx;
}

static void it_is_shown(void **state)
{
	struct passage *passage = pass(ASKED | SECURITY_AGGRESSIVE_MODE | SECURITY_PFS);
	struct ipsec_shown shown;
	int times = 0;

	(void)state;
	charon_run();
	charon.child.bytes_in = 1000;
	charon.child.install_time = 7;
	ipsec_refresh(&service, refreshed, &times);
	charon_run();
	assert_int_equal(times, 1);
	ipsec_show(&service, "10.0.0.1", "10.0.0.2", 3260, &shown);
	assert_int_equal(shown.ike, 1);
	assert_true(shown.aggressive && shown.pfs && !shown.tunnel && !shown.foreign);
	assert_string_equal(shown.esp, "AES_GCM_16-128");
	assert_int_equal(shown.bytes_in, 1000);
	assert_int_equal(shown.rekeyed, 7);
	ipsec_show(&service, "10.0.0.1", "10.0.0.2", 3261, &shown);
	assert_int_equal(shown.ike, 0);
	/* A listing that waits is not forgotten at the end. */
	ipsec_refresh(&service, refreshed, &times);
	ipsec_stop(&service);
	assert_int_equal(times, 2);
	close_passage(passage);
}

static void which_flags_count(void **state)
{
	const uint64_t ipsec = ASKED, not_valid = SECURITY_IPSEC, plain = SECURITY_VALID;

	(void)state;
	assert_false(ipsec_asked(ipsec_flags(0, NULL, 0, false)));
	assert_false(ipsec_asked(ipsec_flags(not_valid, NULL, 0, false)));
	assert_true(ipsec_asked(ipsec_flags(ipsec, NULL, 0, false)));
	assert_true(ipsec_asked(ipsec_flags(0, &ipsec, 0, false)));
	assert_false(ipsec_asked(ipsec_flags(0, &not_valid, 0, false)));
	assert_false(ipsec_asked(ipsec_flags(plain, &ipsec, 0, false)));
	assert_true(ipsec_asked(ipsec_flags(ipsec, &plain, 0, false)));
	assert_true(ipsec_asked(ipsec_flags(0, NULL, not_valid, false)));
	assert_true(ipsec_asked(ipsec_flags(not_valid, &not_valid, ipsec, false)));
	assert_false(ipsec_asked(ipsec_flags(plain, NULL, ipsec, false)));
	assert_false(ipsec_asked(ipsec_flags(0, &plain, ipsec, false)));
	assert_true(ipsec_asked(ipsec_flags(plain, &plain, 0, true)));
}

static void an_address_may_ask_for_it(void **state)
{
	struct store_ike identity = { .port_number = PORT_NUMBER_ANY, .id_type = IKE_IPV4, .id_len = 4,
				      .id = { 10, 0, 0, 2 }, .security_flags = ASKED, .key = key };
	struct passage *passage = pass(SECURITY_VALID);

	(void)state;
	assert_int_equal(ike_set(&service.ike, NULL, &identity, false), 0);
	assert_true(ipsec_asked(ipsec_flags_there(&service, passage, 0, 0)));
	assert_false(ipsec_asked(ipsec_flags_there(&service, passage, SECURITY_VALID, 0)));
	((struct sockaddr_in *)&passage->info.to)->sin_port = 0;
	((struct sockaddr_in *)&passage->info.to)->sin_addr.s_addr = htonl(0x0a000003);
	assert_false(ipsec_asked(ipsec_flags_there(&service, passage, 0, 0)));
	close_passage(passage);
	/* Its key is for its address, and the peer has to show that identity. */
	passage = pass_to("10.0.0.2", ASKED, NULL);
	charon_run();
	assert_string_equal(charon.key, "secret one");
	assert_string_equal(charon.remote_id, "10.0.0.2");
	close_passage(passage);
	ike_done(&service.ike);
}

/* The peer shows the name, or else its address. */
static void a_key_for_a_name_fits_an_address(void **state)
{
	struct store_ike identity = { .port_number = PORT_NUMBER_ANY, .id_type = IKE_FQDN, .id_len = 8,
				      .id = "10.0.0.2", .key = key };
	struct passage *passage;

	(void)state;
	assert_int_equal(ike_set(&service.ike, NULL, &identity, false), 0);
	passage = pass_to("10.0.0.2", ASKED, NULL);
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_string_equal(charon.remote_id, "fqdn:10.0.0.2");
	close_passage(passage);
	wait_for_protections(0);
	charon.tries[0] = 0;
	charon.why[1] = "received AUTHENTICATION_FAILED notify error";
	passage = pass_to("10.0.0.2", ASKED, NULL);
	charon_run();
	passed(passage, GUARD_POLICY);
	assert_string_equal(charon.remote_id, "10.0.0.2");
	assert_string_equal(charon.tries, "2t 2t");
	close_passage(passage);
	wait_for_protections(0);
	charon.why[3] = charon.why[4] = charon.why[1];
	charon.tries[0] = 0;
	refused(pass_to("10.0.0.2", ASKED, NULL), FAULT_IPSEC, "AUTHENTICATION_FAILED");
	assert_string_equal(charon.tries, "2t 2t");
	ike_done(&service.ike);
}

static void earlier_flags_are_remembered(void **state)
{
	char host[32];

	(void)state;
	ipsec_remember(&service, "Host", 3260, SECURITY_IPSEC);
	assert_null(ipsec_remembered(&service, "host", 3260));
	ipsec_remember(&service, "Host", 3260, ASKED);
	assert_int_equal(*ipsec_remembered(&service, "host", 3260), ASKED);
	assert_null(ipsec_remembered(&service, "host", 3261));
	ipsec_remember(&service, "host", 3260, SECURITY_VALID);
	assert_int_equal(*ipsec_remembered(&service, "host", 3260), SECURITY_VALID);
	for (unsigned i = 0; i < IPSEC_PEERS_MAX; i++) {
		snprintf(host, sizeof(host), "h%u", i);
		ipsec_remember(&service, host, 1, ASKED);
	}
	assert_null(ipsec_remembered(&service, "host", 3260));
	assert_non_null(ipsec_remembered(&service, "h0", 1));
}

static void suites_are_proposed(void **state)
{
	struct ipsec_proposals all;

	(void)state;
	ipsec_suites_ike(IPSEC_SUITES_DEFAULT, 2, &all);
	assert_string_equal(all.text[0], "aes128gcm16-prfsha256-ecp256");
	assert_null(all.text[4]);
	/* What is twice the same is proposed once. */
	ipsec_suites_ike(IPSEC_SUITES_DEFAULT, 1, &all);
	assert_string_equal(all.text[0], "aes128-sha256-ecp256");
	assert_string_equal(all.text[2], "aes128-sha256-modp2048");
	assert_null(all.text[3]);
	ipsec_suites_esp(IPSEC_SUITES_DEFAULT, false, &all);
	assert_null(strstr(all.text[0], "ecp"));
	ipsec_suites_esp(IPSEC_SUITES_DEFAULT, true, &all);
	for (unsigned i = 0; all.text[i]; i++)
		assert_true(strstr(all.text[i], "ecp") || strstr(all.text[i], "modp"));
	assert_null(ipsec_suite_name(0));
	assert_null(ipsec_suite_name(255));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(who_asks_for_nothing_gets_nothing), TEST(one_protection_is_shared_and_counted),
		TEST(portals_have_their_own), TEST(without_charon_nobody_passes),
		TEST(without_the_capability_nobody_passes), TEST(without_a_key_nobody_passes),
		TEST(the_best_key_is_taken), TEST(all_ways_are_tried_in_turn),
		TEST(aggressive_mode_comes_in_two_steps), TEST(a_charon_that_hangs_is_told_of),
		TEST(the_first_step_of_aggressive_mode_may_be_done),
		TEST(the_second_step_fails_for_its_own_reason),
		TEST(the_second_step_is_not_begun_too_late), TEST(it_may_end_between_the_steps),
		TEST(a_key_that_nobody_confirmed_is_taken_back),
		TEST(what_can_not_help_is_not_tried), TEST(a_fall_back_is_enough),
		TEST(a_tunnel_is_guarded_with_its_ends), TEST(user_space_has_tunnels_alone),
		TEST(an_agreement_on_less_is_none), TEST(what_is_insisted_on_is_looked_at),
		TEST(the_administrators_sa_wins),
		TEST(the_administrators_trap_is_sprung), TEST(the_sa_of_another_service_is_not_ours),
		TEST(an_sa_that_goes_is_made_anew), TEST(a_silent_peer_has_it_made_anew),
		TEST(charon_that_comes_back_is_used_again), TEST(the_block_outlasts_a_loss),
		TEST(a_child_that_does_not_go_goes_with_its_ike_sa),
		TEST(the_loss_of_a_link_leaves_nothing_behind), TEST(a_key_stays_for_the_other),
		TEST(who_asks_for_none_does_not_suffer), TEST(a_source_with_a_scope_goes_in_clear),
		TEST(a_flush_does_not_unblock), TEST(leftovers_of_the_last_life_are_cleaned),
		TEST(many_leftovers_are_cleaned_too), TEST(what_is_not_ours_is_left),
		TEST(a_stop_takes_all_down), TEST(it_is_shown), TEST(which_flags_count),
		TEST(an_address_may_ask_for_it), TEST(a_key_for_a_name_fits_an_address),
		TEST(earlier_flags_are_remembered), TEST(suites_are_proposed),
	};

	return cmocka_run_group_tests_name("ipsec", tests, NULL, NULL);
}
