/*
 * drive_dial_test.c - from a portal's name to a socket, and the sentence when there is none.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "drive/dial.h"

struct trial {
	struct msg msg;
	struct dial dial;
	struct loop *loop;
	const char *host, *source;
	uint16_t port;
	bool cancel;
	int fd;
	struct fault fault;
	unsigned calls;
	sem_t done;
};

static void trial_done(struct dial *dial, int fd, const struct fault *fault)
{
	struct trial *t = list_entry(dial, struct trial, dial);

	t->fd = fd;
	t->fault = *fault;
	t->calls++;
	sem_post(&t->done);
}

static void trial_run(struct msg *msg)
{
	struct trial *t = list_entry(msg, struct trial, msg);

	t->dial.done = trial_done;
	dial_start(&t->dial, t->loop, t->host, t->port, t->source, LOOP_NEVER);
	if (!t->cancel)
		return;
	dial_cancel(&t->dial);
	sem_post(&t->done);
}

static void trial(struct trial *t)
{
	t->fd = -1;
	sem_init(&t->done, 0, 0);
	t->msg.run = trial_run;
	assert_int_equal(loop_new("dial", &t->loop), 0);
	mailbox_post(loop_box(t->loop), &t->msg);
	sem_wait(&t->done);
	loop_free(t->loop);
	sem_destroy(&t->done);
}

static int listener(uint16_t *ret_port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	getsockname(fd, (struct sockaddr *)&addr, &len);
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

static void test_connects(void **state)
{
	/* The name may have ::1 as its first address, where nobody listens: the next one is tried. */
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	uint16_t port;
	int listening = listener(&port);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct trial t = { .host = hosts[i], .source = "", .port = port };

		trial(&t);
		assert_true(t.fd >= 0);
		close(t.fd);
		assert_int_equal(t.calls, 1);
	}
	close(listening);
}

static void test_refused(void **state)
{
	struct trial t = { .host = "127.0.0.1", .source = "" };
	char expected[80];

	(void)state;
	close(listener(&t.port));
	trial(&t);
	assert_int_equal(t.fd, -1);
	assert_int_equal(t.fault.kind, FAULT_CONNECT);
	assert_int_equal(t.fault.detail, ECONNREFUSED);
	snprintf(expected, sizeof(expected), "127.0.0.1:%u: Connection refused", t.port);
	assert_string_equal(t.fault.text, expected);
}

static void test_other_faults(void **state)
{
	struct trial name = { .host = "no such host", .source = "", .port = 3260 };
	struct trial source = { .host = "127.0.0.1", .source = "192.0.2.7", .port = 3260 };
	struct trial family = { .host = "127.0.0.1", .source = "::1", .port = 3260 };

	(void)state;
	trial(&name);
	assert_int_equal(name.fault.kind, FAULT_RESOLVE);
	assert_non_null(strstr(name.fault.text, "no such host:3260: "));
	trial(&source);
	assert_int_equal(source.fault.kind, FAULT_SOURCE);
	assert_int_equal(source.fault.detail, EADDRNOTAVAIL);
	assert_non_null(strstr(source.fault.text, "192.0.2.7"));
	trial(&family);
	assert_int_equal(family.fault.kind, FAULT_SOURCE);
	assert_int_equal(family.fault.detail, EAFNOSUPPORT);
}

static void test_cancel(void **state)
{
	struct trial t = { .host = "127.0.0.1", .source = "", .port = 1, .cancel = true };

	(void)state;
	trial(&t);
	assert_int_equal(t.calls, 0);
}

static void test_portal_text(void **state)
{
	char text[280];

	(void)state;
	portal_text("fe80::1%eth0", 3260, text, sizeof(text));
	assert_string_equal(text, "[fe80::1%eth0]:3260");
	portal_text("host", 860, text, sizeof(text));
	assert_string_equal(text, "host:860");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connects),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_faults),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_portal_text),
	};

	return cmocka_run_group_tests_name("drive_dial", tests, NULL, NULL);
}
