/*
 * service_vici_test.c - the link to charon, against a charon that this test plays: who is asked what
 * when, what comes of it, and every way in which the other side can end it. The clock is the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "service/vici.h"

enum { SEEN = 8192 };

/* sd-event reads this one: seconds can pass at once. */
static time_t passed;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret);

	ret->tv_sec += passed;
	return r;
}

/* ---- both sides */

static char path[108];
static int listener = -1, server = -1;
static sd_event *event;
static struct vici *vici;
static char seen[SEEN];              /* what was called, in order */
static void (*act)(void);            /* at the next call, once */

static uint8_t bytes[VICI_PACKET_MAX + 64];
static struct bytes_writer w;
static uint8_t asked[VICI_REQUEST_ROOM]; /* the last request that the server read */
static size_t asked_len;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
	size_t len = strlen(seen);
	void (*action)(void) = act;
	va_list args;

	va_start(args, format);
	vsnprintf(seen + len, sizeof(seen) - len, format, args);
	va_end(args);
	act = NULL;
	if (action)
		action();
}

static void assert_seen(const char *text)
{
	assert_string_equal(seen, text);
	seen[0] = 0;
}

static void on_opened(void *ctx, const struct vici_version *version)
{
	assert_ptr_equal(ctx, seen);
	note("opened:%s/%s ", version->daemon, version->version);
}

static void on_event(void *ctx, const struct vici_event *e)
{
	assert_ptr_equal(ctx, seen);
	note("event:%s:%d:%s:%u:%u ", vici_event_name(e->kind), e->up, e->ike->name,
	     e->child ? e->child->id : 0, e->old_id);
}

static void on_lost(void *ctx, const struct vici_result *why)
{
	assert_ptr_equal(ctx, seen);
	assert_true(why->error < 0 && why->why[0]);
	note("lost:%d ", why->error);
}

static const struct vici_ops ops = { on_opened, on_event, on_lost };
static const struct vici_ops quiet = { NULL, NULL, NULL };

static void on_done(void *ctx, const struct vici_result *result)
{
	note("%s:%d%s%s ", (char *)ctx, result->error, result->why[0] ? ":" : "", result->why);
}

static struct vici_done when(const char *name)
{
	return (struct vici_done){ .call = on_done, .ctx = (void *)(uintptr_t)name };
}

/* The loop, until it has nothing to do. */
static void turn(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

static void pass(unsigned seconds)
{
	passed += seconds;
	turn();
}

/* Reads a packet, if one was sent. False: none was. */
static bool server_read(void)
{
	uint8_t length[VICI_LENGTH_LEN];
	ssize_t n;

	turn();
	n = recv(server, length, sizeof(length), MSG_DONTWAIT);
	if (n != sizeof(length))
		return false;
	asked_len = bytes_get32(length);
	assert_in_range(asked_len, 1, sizeof(asked));
	for (size_t at = 0; at < asked_len; at += (size_t)n) {
		turn();
		n = recv(server, asked + at, asked_len - at, MSG_DONTWAIT);
		assert_true(n > 0);
	}
	return true;
}

static void expect(enum vici_type type, const char *name)
{
	assert_true(server_read());
	assert_int_equal(asked[0], type);
	assert_int_equal(asked[1], strlen(name));
	assert_memory_equal(asked + 2, name, strlen(name));
}

static void expect_nothing(void)
{
	assert_false(server_read());
}

static struct vici_bytes asked_message(void)
{
	return (struct vici_bytes){ .data = asked + 2 + asked[1], .len = asked_len - 2 - asked[1] };
}

static void answer_begin(enum vici_type type, const char *name)
{
	bytes_writer_init(&w, bytes, sizeof(bytes));
	if (name) {
		vici_begin(&w, type, name);
	} else {
		bytes_append32(&w, 0);
		bytes_append8(&w, (uint8_t)type);
	}
}

static void server_send(const void *data, size_t len)
{
	assert_int_equal(send(server, data, len, MSG_NOSIGNAL), len);
}

static void answer_end(void)
{
	assert_int_equal(vici_end(&w), 0);
	server_send(bytes, w.len);
	turn();
}

static void answer(enum vici_type type)
{
	answer_begin(type, NULL);
	answer_end();
}

static void answer_success(void)
{
	answer_begin(VICI_RESPONSE, NULL);
	vici_put_text(&w, "success", "yes");
	answer_end();
}

static void answer_failure(const char *why)
{
	answer_begin(VICI_RESPONSE, NULL);
	vici_put_text(&w, "success", "no");
	vici_put_text(&w, "errmsg", why);
	answer_end();
}

static void answer_version(const char *version)
{
	expect(VICI_REQUEST, "version");
	answer_begin(VICI_RESPONSE, NULL);
	vici_put_text(&w, "daemon", "charon");
	vici_put_text(&w, "version", version);
	answer_end();
}

static void tell_log(const char *msg)
{
	answer_begin(VICI_EVENT, "control-log");
	vici_put_text(&w, "group", "IKE");
	vici_put_text(&w, "msg", msg);
	answer_end();
}

/* An SA of that name with one child. */
static void put_sa(const char *name, unsigned id)
{
	vici_put_section(&w, name);
	vici_put_section(&w, "child-sas");
	vici_put_section(&w, "x-1");
	vici_put_number(&w, "uniqueid", id);
	vici_put_section_end(&w);
	vici_put_section_end(&w);
	vici_put_section_end(&w);
}

static void tell_sa(const char *stream, const char *name, unsigned id)
{
	answer_begin(VICI_EVENT, stream);
	put_sa(name, id);
	answer_end();
}

static void connect_with(const struct vici_ops *with)
{
	seen[0] = 0;
	act = NULL;
	assert_int_equal(vici_new(event, path, with, seen, &vici), 0);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
}

static void disconnect(void)
{
	vici_free(vici);
	vici = NULL;
	if (server >= 0)
		close(server);
	server = -1;
}

/* The four streams, after what comes before them. */
static void answer_streams(void)
{
	static const char *const names[] = { "list-sa", "list-conn", "list-policy", "control-log" };

	for (unsigned i = 0; i < 4; i++) {
		expect(VICI_REGISTER, names[i]);
		answer(VICI_CONFIRMED);
	}
}

static void open_with(const struct vici_ops *with)
{
	connect_with(with);
	answer_version("5.9.8");
	if (with->event)
		for (enum vici_event_kind kind = VICI_IKE_UPDOWN; kind < VICI_EVENT_KINDS; kind++) {
			expect(VICI_REGISTER, vici_event_name(kind));
			answer(VICI_CONFIRMED);
		}
	answer_streams();
	if (with->opened)
		assert_seen("opened:charon/5.9.8 ");
}

static int setup(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	(void)state;
	snprintf(path, sizeof(path), "/tmp/service_vici_test.%d", (int)getpid());
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 8) < 0 ||
	       sd_event_new(&event) < 0;
}

static int teardown(void **state)
{
	(void)state;
	sd_event_unref(event);
	close(listener);
	unlink(path);
	return 0;
}

/* ---- beginning */

static void begins_with_version_and_events(void **state)
{
	(void)state;
	open_with(&ops);
	expect_nothing();
	disconnect();
	open_with(&quiet); /* whose owner wants no events */
	disconnect();
	assert_seen("");
}

static void requests_wait_for_the_beginning(void **state)
{
	(void)state;
	connect_with(&ops);
	assert_int_equal(vici_unload_conn(vici, "c", when("early")), 0);
	answer_version("6.0.1");
	for (unsigned i = 0; i < 7; i++) {
		assert_true(server_read());
		assert_int_equal(asked[0], VICI_REGISTER);
		answer(VICI_CONFIRMED);
	}
	expect(VICI_REQUEST, "unload-conn");
	answer_success();
	assert_seen("opened:charon/6.0.1 early:0 ");
	disconnect();
}

static void old_versions_are_refused(void **state)
{
	static const char *const versions[] = { "5.5.1", "5.4.9", "4.9.9", "", "new", "5" };

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		connect_with(&ops);
		assert_int_equal(vici_unload_key(vici, "k", (struct vici_done){ 0 }), 0);
		answer_version(versions[i]);
		assert_seen("lost:-93 "); /* EPROTONOSUPPORT */
		disconnect();
	}
	connect_with(&ops);
	answer_version("5.5.2");
	expect(VICI_REGISTER, "ike-updown");
	answer(VICI_UNKNOWN_EVENT);
	assert_seen("lost:-93 ");
	assert_int_equal(vici_unload_key(vici, "k", (struct vici_done){ 0 }), -ENOTCONN);
	disconnect();
}

static void nobody_is_there(void **state)
{
	char longest[200];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(vici_new(event, "/nowhere/charon.vici", &ops, NULL, &vici), -ENOENT);
	assert_int_equal(vici_new(event, longest, &ops, NULL, &vici), -ENAMETOOLONG);
	vici_free(NULL);
}

/* ---- requests */

static void one_after_the_other(void **state)
{
	(void)state;
	open_with(&ops);
	assert_int_equal(vici_unload_conn(vici, "a", when("a")), 0);
	assert_int_equal(vici_unload_key(vici, "b", when("b")), 0);
	assert_int_equal(vici_unload_conn(vici, "c", (struct vici_done){ 0 }), 0);
	assert_seen("");
	expect(VICI_REQUEST, "unload-conn");
	assert_true(vici_is(vici_find(asked_message(), VICI_VALUE, "name"), "a"));
	expect_nothing();
	answer_success();
	assert_seen("a:0 ");
	expect(VICI_REQUEST, "unload-shared");
	expect_nothing();
	answer_failure("no such\nkey");
	assert_seen("b:-121:no such?key ");
	expect(VICI_REQUEST, "unload-conn");
	answer(VICI_UNKNOWN_REQUEST);
	assert_seen("");
	assert_int_equal(vici_unload_conn(vici, "d", when("d")), 0);
	expect(VICI_REQUEST, "unload-conn");
	answer(VICI_UNKNOWN_REQUEST);
	assert_seen("d:-38:charon does not know what it was asked ");
	disconnect();
}

static void a_key_is_sent_as_given(void **state)
{
	static const uint8_t key[] = { 0, 1, 0xff, 'k', 0 };
	const char *const owners[] = { "10.0.0.1", "me@example.org", NULL };
	struct vici_bytes message, list, item;

	(void)state;
	open_with(&ops);
	assert_int_equal(vici_load_key(vici, &(struct vici_key){ "id", key, 0, owners }, when("k")),
			 -EINVAL);
	assert_int_equal(vici_load_key(vici, &(struct vici_key){ "id", key, 5, owners }, when("k")), 0);
	expect(VICI_REQUEST, "load-shared");
	message = asked_message();
	assert_true(vici_is(vici_find(message, VICI_VALUE, "id"), "id"));
	assert_true(vici_is(vici_find(message, VICI_VALUE, "type"), "IKE"));
	item = vici_find(message, VICI_VALUE, "data");
	assert_int_equal(item.len, 5);
	assert_memory_equal(item.data, key, 5);
	list = vici_find(message, VICI_LIST, "owners");
	assert_true(vici_take_item(&list, &item) && vici_is(item, "10.0.0.1"));
	assert_true(vici_take_item(&list, &item) && vici_is(item, "me@example.org"));
	assert_false(vici_take_item(&list, &item));
	answer_success();
	assert_seen("k:0 ");
	disconnect();
}

/* How often the key, which is there only in disguise, is in a part of our memory. */
enum { KEY_LEN = 32 };
static uint8_t disguised[KEY_LEN];

__attribute__((no_sanitize("address"))) /* it looks everywhere */
static unsigned key_count(const uint8_t *from, const uint8_t *to)
{
	unsigned count = 0;

	for (; from + KEY_LEN <= to; from++) {
		unsigned i = 0;

		while (i < KEY_LEN && from[i] == (disguised[i] ^ 0x55))
			i++;
		count += i == KEY_LEN;
	}
	return count;
}

static unsigned copies_of_key(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	unsigned count = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		if ((strstr(line, "[heap]") || strstr(line, "[stack]")) &&
		    sscanf(line, "%lx-%lx", &from, &to) == 2)
			count += key_count((const uint8_t *)from, (const uint8_t *)to);
	fclose(maps);
	return count;
}

/* Asks to load it; our own copy goes. */
static void load_disguised(void)
{
	static uint8_t key[KEY_LEN];

	for (unsigned i = 0; i < KEY_LEN; i++)
		key[i] = (disguised[i] = (uint8_t)(i * 7 + 3)) ^ 0x55;
	assert_int_equal(vici_load_key(vici, &(struct vici_key){ "id", key, KEY_LEN, NULL },
				       (struct vici_done){ 0 }), 0);
	explicit_bzero(key, sizeof(key));
}

static void a_key_leaves_no_copy(void **state)
{
	(void)state;
	open_with(&ops);
	load_disguised();
/* The heaps of sanitizers are elsewhere. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
	assert_int_equal(copies_of_key(), 1); /* it waits */
#endif
	expect(VICI_REQUEST, "load-shared"); /* into memory that does not count */
	assert_int_equal(copies_of_key(), 0);
	answer_success();
	load_disguised();
	disconnect(); /* it was not sent */
	assert_int_equal(copies_of_key(), 0);
}

static void assert_value(struct vici_bytes section, const char *name, const char *value)
{
	assert_true(vici_is(vici_find(section, VICI_VALUE, name), value));
}

static void assert_list(struct vici_bytes section, const char *name, const char *first)
{
	struct vici_bytes list = vici_find(section, VICI_LIST, name), item;

	assert_int_equal(vici_take_item(&list, &item), first != NULL);
	assert_true(!first || vici_is(item, first));
}

static void a_connection_is_sent_whole(void **state)
{
	const char *const ike[] = { "aes256-sha256-ecp256", NULL }, *const esp[] = { "aes256gcm16", NULL };
	const struct vici_setting more[] = { { "keyingtries", "1" }, { NULL, NULL } };
	const struct vici_setting child_more[] = { { "rekey_time", "60" }, { NULL, NULL } };
	struct vici_conn conn = {
		.name = "c", .version = 1, .aggressive = true, .local_addr = "10.0.0.1",
		.remote_addr = "10.0.0.2", .local_id = "me", .proposals = ike, .settings = more,
		.child = "d", .mode = VICI_TRANSPORT, .remote_ts = "dynamic[tcp/3260]", .reqid = 77,
		.esp_proposals = esp, .child_settings = child_more,
	};
	struct vici_bytes c, d;

	(void)state;
	open_with(&ops);
	assert_int_equal(vici_load_conn(vici, &conn, when("c")), 0);
	expect(VICI_REQUEST, "load-conn");
	c = vici_find(asked_message(), VICI_SECTION, "c");
	assert_value(c, "version", "1");
	assert_value(c, "aggressive", "yes");
	assert_value(c, "keyingtries", "1");
	assert_list(c, "local_addrs", "10.0.0.1");
	assert_list(c, "remote_addrs", "10.0.0.2");
	assert_list(c, "proposals", "aes256-sha256-ecp256");
	assert_value(vici_find(c, VICI_SECTION, "local"), "auth", "psk");
	assert_value(vici_find(c, VICI_SECTION, "local"), "id", "me");
	assert_value(vici_find(c, VICI_SECTION, "remote"), "auth", "psk");
	assert_value(vici_find(c, VICI_SECTION, "remote"), "id", "");
	d = vici_find(vici_find(c, VICI_SECTION, "children"), VICI_SECTION, "d");
	assert_value(d, "mode", "transport");
	assert_value(d, "reqid", "77");
	assert_value(d, "rekey_time", "60");
	assert_list(d, "local_ts", NULL);
	assert_list(d, "remote_ts", "dynamic[tcp/3260]");
	assert_list(d, "esp_proposals", "aes256gcm16");
	conn.mode = VICI_DROP;
	assert_int_equal(vici_load_conn(vici, &conn, when("c")), -EINVAL);
	disconnect();
}

static void reasons_are_collected(void **state)
{
	(void)state;
	open_with(&ops);
	assert_int_equal(vici_initiate(vici, "c", "d", 0, when("i")), -EINVAL);
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(vici_initiate(vici, "c", "d", 60000, when("i")), 0);
		expect(VICI_REQUEST, "initiate");
		assert_value(asked_message(), "ike", "c");
		assert_value(asked_message(), "child", "d");
		assert_value(asked_message(), "timeout", "60000");
		tell_log("initiating IKE_SA c[1] to 10.0.0.2");
		tell_log("peer is odd");
		tell_log("received AUTHENTICATION_FAILED notify error");
		pass(VICI_REQUEST_SECONDS + 50); /* it may take that long */
		if (round == 0)
			answer_failure("establishing CHILD_SA 'd' failed");
		else
			answer_success();
	}
	assert_seen("i:-121:peer is odd; received AUTHENTICATION_FAILED notify error i:0 ");
	disconnect();
}

static void which_are_told(void **state)
{
	const struct vici_which which = { .child = "d", .ike_id = 4294967295, .child_id = 2 };

	(void)state;
	open_with(&ops);
	assert_int_equal(vici_terminate(vici, &(struct vici_which){ 0 }, true, 1, when("t")), -EINVAL);
	assert_int_equal(vici_rekey(vici, &(struct vici_which){ 0 }, when("t")), -EINVAL);
	assert_int_equal(vici_terminate(vici, &which, true, 2500, when("t")), 0);
	expect(VICI_REQUEST, "terminate");
	assert_value(asked_message(), "ike", "");
	assert_value(asked_message(), "child", "d");
	assert_value(asked_message(), "ike-id", "4294967295");
	assert_value(asked_message(), "child-id", "2");
	assert_value(asked_message(), "force", "yes");
	assert_value(asked_message(), "timeout", "2500");
	answer_success();
	assert_int_equal(vici_rekey(vici, &(struct vici_which){ .ike = "c" }, when("r")), 0);
	expect(VICI_REQUEST, "rekey");
	assert_value(asked_message(), "ike", "c");
	answer_success();
	assert_seen("t:0 r:0 ");
	disconnect();
}

/* ---- lists and events */

static void each_sa(void *ctx, const struct vici_ike *ike, const struct vici_child *child)
{
	note("%s:sa:%s:%u ", (char *)ctx, ike->name, child ? child->id : 0);
}

static void each_conn(void *ctx, const struct vici_known_conn *conn)
{
	note("%s:conn:%s ", (char *)ctx, conn->name);
}

static void each_policy(void *ctx, const struct vici_policy *policy)
{
	note("%s:policy:%s ", (char *)ctx, policy->child);
}

static void each_name(void *ctx, const char *name)
{
	note("%s:name:%s ", (char *)ctx, name);
}

static void events_go_where_they_belong(void **state)
{
	const struct vici_which all = { 0 };

	(void)state;
	open_with(&ops);
	tell_sa("list-sa", "stray", 9); /* nobody asked */
	assert_int_equal(vici_list_sas(vici, &all, each_sa, when("l")), 0);
	assert_int_equal(vici_list_sas(vici, &all, each_sa, when("m")), 0);
	expect(VICI_REQUEST, "list-sas");
	tell_sa("list-sa", "a", 1);
	tell_sa("child-updown", "b", 2);
	tell_sa("list-sa", "c", 3);
	tell_sa("unheard-of", "d", 4);
	assert_seen("l:sa:a:1 event:child-updown:0:b:2:0 l:sa:c:3 l:sa:d:4 ");
	answer(VICI_RESPONSE);
	expect(VICI_REQUEST, "list-sas");
	tell_sa("list-sa", "e", 5);
	answer(VICI_RESPONSE);
	tell_sa("list-sa", "stray", 9);
	assert_seen("l:0 m:sa:e:5 m:0 ");
	answer_begin(VICI_EVENT, "ike-updown");
	vici_put_text(&w, "up", "yes");
	vici_put_section(&w, "c");
	vici_put_section_end(&w);
	answer_end();
	assert_seen("event:ike-updown:1:c:0:0 ");
	disconnect();
}

static void answer_names(const char *list)
{
	answer_begin(VICI_RESPONSE, NULL);
	vici_put_list(&w, list);
	vici_put_item(&w, "one");
	vici_put_item(&w, "two");
	vici_put_list_end(&w);
	answer_end();
}

static void lists_are_told(void **state)
{
	(void)state;
	open_with(&quiet);
	assert_int_equal(vici_list_conns(vici, "x", each_conn, when("c")), 0);
	expect(VICI_REQUEST, "list-conns");
	assert_value(asked_message(), "ike", "x");
	tell_sa("list-conn", "x", 1);
	answer(VICI_RESPONSE);
	assert_int_equal(vici_list_policies(vici, each_policy, when("p")), 0);
	expect(VICI_REQUEST, "list-policies");
	answer_begin(VICI_EVENT, "list-policy");
	vici_put_section(&w, "a/b");
	vici_put_text(&w, "child", "b");
	vici_put_section_end(&w);
	answer_end();
	answer(VICI_RESPONSE);
	assert_seen("c:conn:x c:0 p:policy:b p:0 ");
	assert_int_equal(vici_list_conn_names(vici, each_name, when("n")), 0);
	expect(VICI_REQUEST, "get-conns");
	answer_names("conns");
	assert_int_equal(vici_list_key_ids(vici, each_name, when("k")), 0);
	expect(VICI_REQUEST, "get-shared");
	answer_names("keys");
	assert_int_equal(vici_list_plugins(vici, each_name, when("s")), 0);
	expect(VICI_REQUEST, "stats");
	answer_names("plugins");
	assert_seen("n:name:one n:name:two n:0 k:name:one k:name:two k:0 s:name:one s:name:two s:0 ");
	disconnect();
}

/* ---- how the bytes come */

static void bytes_come_one_by_one(void **state)
{
	(void)state;
	open_with(&ops);
	assert_int_equal(vici_unload_conn(vici, "a", when("a")), 0);
	expect(VICI_REQUEST, "unload-conn");
	answer_begin(VICI_RESPONSE, NULL);
	vici_put_text(&w, "success", "yes");
	assert_int_equal(vici_end(&w), 0);
	for (size_t i = 0; i < w.len; i++) {
		assert_seen("");
		server_send(bytes + i, 1);
		turn();
	}
	assert_seen("a:0 ");
	disconnect();
}

static void packets_come_at_once(void **state)
{
	size_t len;

	(void)state;
	open_with(&ops);
	assert_int_equal(vici_unload_conn(vici, "a", when("a")), 0);
	expect(VICI_REQUEST, "unload-conn");
	answer_begin(VICI_EVENT, "child-updown");
	put_sa("x", 1);
	assert_int_equal(vici_end(&w), 0);
	len = w.len;
	for (unsigned i = 0; i < 200; i++)
		server_send(bytes, len);
	answer_success();
	assert_non_null(strstr(seen, "event:child-updown:0:x:1:0 a:0 "));
	assert_int_equal(strlen(seen), 200 * strlen("event:child-updown:0:x:1:0 ") + strlen("a:0 "));
	seen[0] = 0;
	disconnect();
}

/* Two requests wait; the first was sent. */
static void two_wait(void)
{
	open_with(&ops);
	assert_int_equal(vici_unload_conn(vici, "a", when("a")), 0);
	assert_int_equal(vici_unload_conn(vici, "b", when("b")), 0);
	expect(VICI_REQUEST, "unload-conn");
}

static void death_ends_everything(void **state)
{
	(void)state;
	answer_begin(VICI_RESPONSE, NULL);
	vici_put_text(&w, "success", "yes");
	assert_int_equal(vici_end(&w), 0);
	for (size_t cut = 0; cut < w.len; cut++) {
		uint8_t copy[64];
		size_t len = w.len;

		memcpy(copy, bytes, len);
		two_wait();
		server_send(copy, cut);
		close(server);
		server = -1;
		turn();
		assert_non_null(strstr(seen, "a:-104:"));
		assert_non_null(strstr(strstr(seen, "a:-104:"), "b:-104:"));
		assert_string_equal(strstr(seen, "lost:-"), "lost:-104 ");
		assert_int_equal(vici_unload_conn(vici, "c", when("c")), -ENOTCONN);
		disconnect();
		answer_begin(VICI_RESPONSE, NULL);
		vici_put_text(&w, "success", "yes");
		assert_int_equal(vici_end(&w), 0);
	}
}

static void silence_has_a_limit(void **state)
{
	(void)state;
	two_wait();
	pass(VICI_REQUEST_SECONDS - 1);
	assert_seen("");
	pass(1);
	assert_seen("a:-110:charon did not answer in time b:-110:charon did not answer in time lost:-110 ");
	disconnect();
	/* Of each request anew; and none without a request. */
	two_wait();
	pass(VICI_REQUEST_SECONDS - 1);
	answer_success();
	expect(VICI_REQUEST, "unload-conn");
	pass(VICI_REQUEST_SECONDS - 1);
	answer_success();
	pass(3600);
	assert_seen("a:0 b:0 ");
	disconnect();
	/* Nor does it wait for a version for ever. */
	connect_with(&ops);
	pass(VICI_REQUEST_SECONDS);
	assert_seen("lost:-110 ");
	disconnect();
}

static void nonsense_ends_it(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
#define CASE(text) { text, sizeof(text) - 1 }
		CASE("\xff\xff\xff\xff"),
		CASE("\x00\x08\x00\x01"),            /* one more than the protocol allows */
		CASE("\x00\x00\x00\x00"),
		CASE("\x00\x00\x00\x01\x00"),        /* a request, to us */
		CASE("\x00\x00\x00\x01\x09"),
		CASE("\x00\x00\x00\x02\x01\x02"),    /* a message that is none */
		CASE("\x00\x00\x00\x01\x05"),        /* confirms an event */
		CASE("\x00\x00\x00\x01\x06"),
		CASE("HTTP/1.1 400 Bad Request\r\n\r\n"),
#undef CASE
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		two_wait();
		server_send(cases[i].bytes, cases[i].len);
		turn();
		assert_string_equal(strstr(seen, "lost:-"), "lost:-71 "); /* EPROTO */
		disconnect();
	}
	open_with(&ops);
	answer_success(); /* to what was not asked */
	assert_seen("lost:-71 ");
	disconnect();
	connect_with(&ops);
	answer_success(); /* before it was sent */
	assert_seen("lost:-71 ");
	disconnect();
}

static void the_longest_packet_is_read(void **state)
{
	static const uint8_t value[VICI_VALUE_MAX];
	static const int room = 4 * 1024 * 1024;

	(void)state;
	open_with(&ops);
	setsockopt(server, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	assert_int_equal(vici_unload_conn(vici, "a", when("a")), 0);
	expect(VICI_REQUEST, "unload-conn");
	answer_begin(VICI_RESPONSE, NULL);
	for (unsigned i = 0; i < 7; i++)
		vici_put(&w, "k", value, sizeof(value));
	vici_put_text(&w, "success", "yes");
	vici_put(&w, "k", value, VICI_PACKET_MAX - (w.len - VICI_LENGTH_LEN) - 5);
	assert_int_equal(vici_end(&w), 0);
	assert_int_equal(w.len, VICI_LENGTH_LEN + VICI_PACKET_MAX);
	for (size_t at = 0; at < w.len;) {
		ssize_t n = send(server, bytes + at, w.len - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		at += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_seen("a:0 ");
	disconnect();
}

/* ---- limits, and the owner's freedom */

static void too_much_is_refused(void **state)
{
	static char text[VICI_REQUEST_ROOM + 1];
	unsigned count = 0;
	int r;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	open_with(&ops);
	assert_int_equal(vici_unload_conn(vici, text, when("a")), -EMSGSIZE);
	while ((r = vici_unload_conn(vici, "a", (struct vici_done){ 0 })) == 0)
		count++;
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(count, VICI_QUEUE_MAX);
	expect(VICI_REQUEST, "unload-conn");
	answer_success();
	assert_int_equal(vici_unload_conn(vici, "a", (struct vici_done){ 0 }), 0);
	disconnect();
	assert_seen("");
}

static const char first[] = "a", second[] = "b";

static void forget_first(void)
{
	vici_forget(vici, first);
}

static void forget_second(void)
{
	vici_forget(vici, second);
}

static void what_is_forgotten_is_not_called(void **state)
{
	const struct vici_which all = { 0 };

	(void)state;
	open_with(&ops);
	assert_int_equal(vici_list_sas(vici, &all, each_sa, when(first)), 0);
	assert_int_equal(vici_list_conn_names(vici, each_name, when(second)), 0);
	assert_int_equal(vici_unload_conn(vici, "c", when("c")), 0);
	expect(VICI_REQUEST, "list-sas");
	act = forget_first;
	answer_begin(VICI_EVENT, "list-sa");
	put_sa("x", 1);
	put_sa("y", 2);
	answer_end();
	tell_sa("list-sa", "z", 3);
	answer(VICI_RESPONSE);
	assert_seen("a:sa:x:1 ");
	expect(VICI_REQUEST, "get-conns");
	act = forget_second;
	answer_names("conns");
	assert_seen("b:name:one ");
	expect(VICI_REQUEST, "unload-conn"); /* the link goes on */
	answer_success();
	assert_seen("c:0 ");
	disconnect();
}

static void free_it(void)
{
	vici_free(vici);
	vici = NULL;
}

static void it_may_be_freed_from_any_call(void **state)
{
	const struct vici_which all = { 0 };

	(void)state;
	for (unsigned from = 0; from < 6; from++) {
		if (from == 0) {
			connect_with(&ops);
			answer_version("5.9.8");
			for (unsigned i = 0; i < 7; i++) {
				act = free_it; /* opened */
				assert_true(server_read());
				answer(VICI_CONFIRMED);
			}
			assert_seen("opened:charon/5.9.8 ");
		} else if (from == 1) {
			two_wait();
			act = free_it; /* done */
			answer_success();
			assert_seen("a:0 ");
		} else if (from == 2) {
			two_wait();
			act = free_it; /* an event, with more behind it */
			answer_begin(VICI_EVENT, "child-updown");
			put_sa("x", 1);
			put_sa("y", 2);
			answer_end();
			assert_seen("event:child-updown:0:x:1:0 ");
		} else if (from == 3) {
			open_with(&ops);
			assert_int_equal(vici_list_sas(vici, &all, each_sa, when("l")), 0);
			expect(VICI_REQUEST, "list-sas");
			act = free_it; /* a record, with more behind it */
			answer_begin(VICI_EVENT, "list-sa");
			put_sa("x", 1);
			put_sa("y", 2);
			answer_end();
			assert_seen("l:sa:x:1 ");
		} else if (from == 4) {
			two_wait();
			act = free_it; /* done, because it is lost: then `lost` is not called */
			close(server);
			server = -1;
			turn();
			assert_non_null(strstr(seen, "a:-104"));
			assert_null(strstr(seen, "lost:-"));
			assert_null(strstr(seen, "b:"));
		} else {
			open_with(&ops);
			act = free_it; /* lost */
			close(server);
			server = -1;
			turn();
			assert_seen("lost:-104 ");
		}
		assert_null(vici);
		disconnect();
	}
}

static void ask_more(void)
{
	assert_int_equal(vici_unload_key(vici, "more", when("more")), 0);
}

static void one_may_ask_from_a_call(void **state)
{
	(void)state;
	two_wait();
	act = ask_more;
	answer_success();
	expect(VICI_REQUEST, "unload-conn");
	answer_success();
	expect(VICI_REQUEST, "unload-shared");
	act = ask_more; /* with none behind it */
	answer_success();
	expect(VICI_REQUEST, "unload-shared");
	expect_nothing();
	answer_success();
	assert_seen("a:0 b:0 more:0 more:0 ");
	disconnect();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_with_version_and_events),
		cmocka_unit_test(requests_wait_for_the_beginning),
		cmocka_unit_test(old_versions_are_refused),
		cmocka_unit_test(nobody_is_there),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(a_key_is_sent_as_given),
		cmocka_unit_test(a_key_leaves_no_copy),
		cmocka_unit_test(a_connection_is_sent_whole),
		cmocka_unit_test(reasons_are_collected),
		cmocka_unit_test(which_are_told),
		cmocka_unit_test(events_go_where_they_belong),
		cmocka_unit_test(lists_are_told),
		cmocka_unit_test(bytes_come_one_by_one),
		cmocka_unit_test(packets_come_at_once),
		cmocka_unit_test(death_ends_everything),
		cmocka_unit_test(silence_has_a_limit),
		cmocka_unit_test(nonsense_ends_it),
		cmocka_unit_test(the_longest_packet_is_read),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(what_is_forgotten_is_not_called),
		cmocka_unit_test(it_may_be_freed_from_any_call),
		cmocka_unit_test(one_may_ask_from_a_call),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
