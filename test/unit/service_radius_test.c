/*
 * service_radius_test.c - the list of RADIUS servers, and asking them: servers of hand-made answers on
 * loopback addresses, in the same loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/bytes.h"
#include "service/inside.h"
#include "service_fake_store.h"

#define SECRET "twenty-four bytes secret"
#define TARGET_SECRET "target-secret3"

enum { SERVERS = 3, ANSWER_MAX = 64 };

enum manner { SILENT, SIGNED, UNSIGNED, OTHER_SECRET, SECOND_TIME };

static struct server {
	int fd;
	enum manner manner;
	unsigned asked;
} servers[SERVERS];

static struct service *s;
static uint16_t port;

/* What the last ask ended with; in all `ended` did. */
static struct fault result;
static unsigned ended, ended_well;

/* ---------------------------------------------------------------- a server */

static const uint8_t *attribute(const uint8_t *packet, size_t len, uint8_t type)
{
	for (size_t at = 20; at + 2 <= len; at += packet[at + 1])
		if (packet[at] == type)
			return packet + at;
	fail_msg("attribute %u is missing", type);
	return NULL;
}

static void check_request(const uint8_t *packet, size_t len)
{
	uint8_t copy[RADIUS_REQUEST_MAX], mac[16];
	const uint8_t *signature = attribute(packet, len, 80);

	assert_int_equal(packet[0], 1);
	assert_int_equal(bytes_get16(packet + 2), len);
	assert_ptr_equal(signature, packet + 20); /* first of all */
	memcpy(copy, packet, len);
	memset(copy + (signature + 2 - packet), 0, 16);
	HMAC(EVP_md5(), SECRET, sizeof(SECRET) - 1, copy, len, mac, NULL);
	assert_memory_equal(signature + 2, mac, 16);
	assert_memory_equal(attribute(packet, len, 32) + 2, "iqn.2026-11.test:us", 19);
}

static bool is_right(const uint8_t *packet, size_t len)
{
	const uint8_t *password = attribute(packet, len, 3), *challenge = attribute(packet, len, 60);
	uint8_t hash[CHAP_DIGEST_MAX];

	assert_int_equal(chap_hash(CHAP_MD5, password[2], TARGET_SECRET, sizeof(TARGET_SECRET) - 1,
				   challenge + 2, challenge[1] - 2u, hash), 16);
	return memcmp(hash, password + 3, 16) == 0;
}

static size_t make_answer(const uint8_t *request, uint8_t code, bool sign, const char *secret, uint8_t *ret)
{
	size_t len = sign ? 38 : 20, secret_len = strlen(secret);
	uint8_t hashed[ANSWER_MAX + 64], mac[16];

	memset(ret, 0, len);
	ret[0] = code;
	ret[1] = request[1];
	bytes_put16(ret + 2, (uint16_t)len);
	memcpy(ret + 4, request + 4, 16);
	if (sign) {
		ret[20] = 80;
		ret[21] = 18;
		HMAC(EVP_md5(), secret, (int)secret_len, ret, len, mac, NULL);
		memcpy(ret + 22, mac, 16);
	}
	memcpy(hashed, ret, len);
	memcpy(hashed + len, secret, secret_len);
	EVP_Digest(hashed, len + secret_len, ret + 4, NULL, EVP_md5(), NULL);
	return len;
}

static int server_asked(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct server *server = ctx;
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	uint8_t packet[RADIUS_PACKET_MAX], answer[ANSWER_MAX];
	ssize_t len = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
	size_t answer_len;

	(void)source;
	(void)revents;
	if (len < 0)
		return 0;
	server->asked++;
	check_request(packet, (size_t)len);
	if (server->manner == SILENT || (server->manner == SECOND_TIME && server->asked < 2))
		return 0;
	answer_len = make_answer(packet, is_right(packet, (size_t)len) ? 2 : 3,
				 server->manner == SIGNED,
				 server->manner == OTHER_SECRET ? "another secret" : SECRET, answer);
	sendto(fd, answer, answer_len, 0, (struct sockaddr *)&from, from_len);
	return 0;
}

/* All at the same port, which the first one gets from the kernel. */
static void server_start(unsigned i, enum manner manner)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK + i) };
	socklen_t len = sizeof(at);

	servers[i] = (struct server){ .manner = manner,
		.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) };
	assert_int_equal(bind(servers[i].fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(servers[i].fd, (struct sockaddr *)&at, &len), 0);
	port = ntohs(at.sin_port);
	s->defaults.value[DEFAULT_RADIUS_PORT] = port;
	assert_true(sd_event_add_io(s->event, NULL, servers[i].fd, EPOLLIN, server_asked,
				    &servers[i]) >= 0);
}

/* ---------------------------------------------------------------- the service around it */

static int control_ready(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	(void)source;
	(void)fd;
	(void)revents;
	mailbox_run(ctx);
	return 0;
}

static void service_make(void)
{
	s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->store = open_store();
	strcpy(s->node_name, "iqn.2026-11.test:us");
	defaults_init(&s->defaults);
	s->defaults.value[DEFAULT_RADIUS_TIME] = 1;
	radius_init(&s->radius);
	assert_int_equal(radius_load(s), 0);
	assert_int_equal(mailbox_init(&s->control), 0);
	assert_true(sd_event_new(&s->event) >= 0);
	assert_true(sd_event_add_io(s->event, NULL, s->control.fd, EPOLLIN, control_ready,
				    &s->control) >= 0);
}

static void service_unmake(void)
{
	radius_done(s);
	mailbox_run(&s->control);
	sd_event_unref(s->event);
	mailbox_done(&s->control);
	store_close(s->store);
	free(s);
}

static int setup(void **state)
{
	int r = store_folder_make(state);

	for (unsigned i = 0; i < SERVERS; i++)
		servers[i].fd = -1;
	port = 0;
	ended = ended_well = 0;
	service_make();
	assert_int_equal(radius_set_secret(s, (const uint8_t *)SECRET, sizeof(SECRET) - 1), 0);
	return r;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < SERVERS; i++)
		if (servers[i].fd >= 0)
			close(servers[i].fd);
	service_unmake();
	return store_folder_remove(state);
}

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_done(void *ctx, const struct fault *why)
{
	(void)ctx;
	result = *why;
	ended++;
	ended_well += !why->kind;
}

static void ask(bool right)
{
	struct chap_question q = { .name = "tgt", .name_len = 3, .identifier = 9, .challenge_len = 32,
				   .challenge = { 1, 2, 3 } };
	uint8_t hash[CHAP_DIGEST_MAX];

	chap_hash(CHAP_MD5, 9, TARGET_SECRET, sizeof(TARGET_SECRET) - 1, q.challenge, 32, hash);
	memcpy(q.response, hash, 16);
	q.response[15] ^= !right;
	radius_ask(s, &q, on_done, NULL);
}

/* Until so many have ended; returns the milliseconds that it took. */
static uint64_t wait_for(unsigned count)
{
	uint64_t begin = milliseconds();

	while (ended < count && milliseconds() - begin < 20000)
		sd_event_run(s->event, 100000);
	assert_int_equal(ended, count);
	return milliseconds() - begin;
}

static enum fault_kind outcome(bool right)
{
	unsigned before = ended;

	ask(right);
	wait_for(before + 1);
	return result.kind;
}

/* ---------------------------------------------------------------- tests */

static void accepted_and_rejected(void **state)
{
	(void)state;
	server_start(0, SIGNED);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	assert_int_equal(outcome(true), FAULT_NONE);
	assert_int_equal(outcome(false), FAULT_AUTH);
	assert_non_null(strstr(result.text, "tgt"));
	assert_int_equal(servers[0].asked, 2);
}

static void nobody_to_ask(void **state)
{
	(void)state;
	assert_int_equal(outcome(true), FAULT_VERIFIER);
	assert_false(radius_is_ready(s));
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	assert_true(radius_is_ready(s));
	assert_int_equal(radius_set_secret(s, NULL, 0), 0);
	assert_false(radius_is_ready(s));
	ask(true);
	assert_int_equal(ended, 2); /* at once */
	assert_int_equal(result.kind, FAULT_VERIFIER);
}

/* The second one answers when the first is down; then it is asked first. */
static void first_is_silent(void **state)
{
	uint64_t took;

	(void)state;
	server_start(0, SILENT);
	server_start(1, SIGNED);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	assert_int_equal(radius_add(s, "127.0.0.2"), 0);
	ask(true);
	took = wait_for(1);
	assert_int_equal(result.kind, FAULT_NONE);
	assert_in_range(took, 900, 3000);
	ask(true);
	took = wait_for(2);
	assert_int_equal(result.kind, FAULT_NONE);
	assert_true(took < 900);
	assert_int_equal(servers[0].asked, 1);
	/* It is asked all the same when the others fail. */
	servers[0].manner = SIGNED;
	servers[1].manner = SILENT;
	assert_int_equal(outcome(true), FAULT_NONE);
}

/* Nobody has the port: the kernel says so at once. */
static void first_is_closed(void **state)
{
	(void)state;
	server_start(1, SIGNED);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	assert_int_equal(radius_add(s, "127.0.0.2"), 0);
	ask(true);
	assert_true(wait_for(1) < 900);
	assert_int_equal(result.kind, FAULT_NONE);
}

static void nobody_answers(void **state)
{
	(void)state;
	server_start(0, SILENT);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	assert_int_equal(radius_add(s, "127.0.0.2"), 0);
	assert_int_equal(outcome(true), FAULT_VERIFIER);
	assert_non_null(strstr(result.text, "does not answer"));
}

/* As long as a login may take, and no longer. */
static void login_time_counts(void **state)
{
	(void)state;
	server_start(0, SILENT);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	s->defaults.value[DEFAULT_RADIUS_TIME] = 60;
	s->defaults.value[DEFAULT_LOGIN_TIME] = 2;
	ask(true);
	assert_in_range(wait_for(1), 1900, 4000);
	assert_int_equal(result.kind, FAULT_VERIFIER);
	assert_int_equal(servers[0].asked, 2);
}

static void asked_again(void **state)
{
	(void)state;
	server_start(0, SECOND_TIME);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	s->defaults.value[DEFAULT_RADIUS_TIME] = 5;
	assert_int_equal(outcome(true), FAULT_NONE);
	assert_int_equal(servers[0].asked, 2);
}

static void other_secret(void **state)
{
	(void)state;
	server_start(0, OTHER_SECRET);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	assert_int_equal(outcome(true), FAULT_VERIFIER);
	assert_non_null(strstr(result.text, "secret"));
	assert_null(strstr(result.text, SECRET));
}

/* A server that once sent a Message-Authenticator always has to. */
static void protection(void **state)
{
	(void)state;
	server_start(0, UNSIGNED);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	assert_int_equal(outcome(true), FAULT_NONE);
	servers[0].manner = SIGNED;
	assert_int_equal(outcome(true), FAULT_NONE);
	servers[0].manner = UNSIGNED;
	assert_int_equal(outcome(true), FAULT_VERIFIER);
}

static void protection_always(void **state)
{
	(void)state;
	server_start(0, UNSIGNED);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	s->defaults.value[DEFAULT_RADIUS_PROTECTION] = RADIUS_PROTECTION_ALWAYS;
	assert_int_equal(outcome(true), FAULT_VERIFIER);
	assert_non_null(strstr(result.text, "without a Message-Authenticator"));
	servers[0].manner = SIGNED;
	assert_int_equal(outcome(true), FAULT_NONE);
}

static void by_name(void **state)
{
	(void)state;
	server_start(0, SIGNED);
	assert_int_equal(radius_add(s, "no-such-host.invalid"), 0);
	assert_int_equal(radius_add(s, "localhost"), 0);
	assert_int_equal(outcome(true), FAULT_NONE);
}

static void name_too_long(void **state)
{
	struct chap_question q = { .name_len = 254, .challenge_len = 32 };

	(void)state;
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	memset(q.name, 'x', sizeof(q.name));
	radius_ask(s, &q, on_done, NULL);
	assert_int_equal(ended, 1);
	assert_int_equal(result.kind, FAULT_AUTH);
}

static void many_at_once(void **state)
{
	const unsigned many = 3 * RADIUS_ASKS_MAX;

	(void)state;
	server_start(0, SIGNED);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	for (unsigned i = 0; i < many; i++)
		ask(true);
	assert_true(s->radius.asking <= RADIUS_ASKS_MAX);
	wait_for(many);
	assert_int_equal(ended_well, many);
	assert_int_equal(s->radius.asking, 0);
}

static void stopped(void **state)
{
	const unsigned many = RADIUS_ASKS_MAX + 5;

	(void)state;
	server_start(0, SILENT);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	for (unsigned i = 0; i < many; i++)
		ask(true);
	sd_event_run(s->event, 1000);
	radius_stop(s);
	assert_int_equal(ended, many);
	assert_int_equal(result.kind, FAULT_ABANDONED);
	ask(true);
	assert_int_equal(ended, many + 1);
	assert_int_equal(result.kind, FAULT_ABANDONED);
}

/* Taken off the list while it is asked, and the secret changed. */
static void removed_meanwhile(void **state)
{
	(void)state;
	server_start(0, SIGNED);
	assert_int_equal(radius_add(s, "127.0.0.1"), 0);
	ask(true);
	assert_int_equal(radius_remove(s, radius_find(s, "127.0.0.1")), 0);
	wait_for(1);
	assert_int_equal(result.kind, FAULT_NONE);
}

static unsigned count_servers(void)
{
	unsigned n = 0;

	list_for_each(it, &s->radius.servers)
		n++;
	assert_int_equal(n, s->radius.server_count);
	return n;
}

static void the_list_lasts(void **state)
{
	(void)state;
	assert_int_equal(radius_add(s, "[::1]"), 0);
	assert_int_equal(radius_add(s, "Radius.Example"), 0);
	assert_int_equal(radius_add(s, "::1"), 0);
	assert_int_equal(radius_add(s, "radius.example"), 0);
	assert_int_equal(count_servers(), 2);
	service_unmake();
	assert_false(folder_has(SECRET));
	service_make();
	assert_int_equal(count_servers(), 2);
	assert_int_equal(s->radius.secret.len, sizeof(SECRET) - 1);
	assert_memory_equal(s->radius.secret.bytes, SECRET, sizeof(SECRET) - 1);
	assert_string_equal(radius_find(s, "::1")->address, "[::1]");
	assert_int_equal(radius_remove(s, radius_find(s, "::1")), 0);
	assert_null(radius_find(s, "[::1]"));
	assert_int_equal(radius_set_secret(s, NULL, 0), 0);
	service_unmake();
	service_make();
	assert_int_equal(count_servers(), 1);
	assert_int_equal(s->radius.secret.len, 0);
}

static void what_is_no_address(void **state)
{
	char longest[RADIUS_ADDRESS_MAX + 2] = "", address[32];

	(void)state;
	assert_int_equal(radius_add(s, ""), -EINVAL);
	assert_int_equal(radius_add(s, "a b"), -EINVAL);
	memset(longest, 'a', RADIUS_ADDRESS_MAX + 1);
	assert_int_equal(radius_add(s, longest), -EINVAL);
	longest[RADIUS_ADDRESS_MAX] = 0;
	assert_int_equal(radius_add(s, longest), 0);
	for (unsigned i = 1; i < RADIUS_SERVERS_MAX; i++) {
		snprintf(address, sizeof(address), "192.0.2.%u", i);
		assert_int_equal(radius_add(s, address), 0);
	}
	assert_int_equal(radius_add(s, "192.0.2.99"), -ENOSPC);
	assert_int_equal(radius_add(s, "192.0.2.1"), 0); /* is there */
	assert_int_equal(count_servers(), RADIUS_SERVERS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(accepted_and_rejected),
		TEST(nobody_to_ask),
		TEST(first_is_silent),
		TEST(first_is_closed),
		TEST(nobody_answers),
		TEST(login_time_counts),
		TEST(asked_again),
		TEST(other_secret),
		TEST(protection),
		TEST(protection_always),
		TEST(by_name),
		TEST(name_too_long),
		TEST(many_at_once),
		TEST(stopped),
		TEST(removed_meanwhile),
		TEST(the_list_lasts),
		TEST(what_is_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
