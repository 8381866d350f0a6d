/*
 * net_mailbox_test.c - order and wake-ups of mailboxes, with one and with several senders.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/mailbox.h"

enum { SENDERS = 3, MESSAGES = 5000 };

struct note {
	struct msg msg;
	unsigned sender, number;
};

static unsigned next_of[SENDERS];
static unsigned seen;

static void note_run(struct msg *msg)
{
	struct note *note = (struct note *)msg;

	assert_int_equal(note->number, next_of[note->sender]);
	next_of[note->sender]++;
	seen++;
}

static bool readable(struct mailbox *box, int wait_ms)
{
	struct pollfd p = { .fd = box->fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) == 1;
}

static int setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SENDERS; i++)
		next_of[i] = 0;
	seen = 0;
	return 0;
}

static void test_order(void **state)
{
	struct mailbox box;
	struct note notes[10];

	(void)state;
	assert_int_equal(mailbox_init(&box), 0);
	assert_false(readable(&box, 0));
	for (unsigned i = 0; i < 10; i++) {
		notes[i] = (struct note){ .msg.run = note_run, .number = i };
		mailbox_post(&box, &notes[i].msg);
	}
	assert_true(readable(&box, 0));
	mailbox_run(&box);
	assert_int_equal(seen, 10);
	assert_false(readable(&box, 0));
	mailbox_run(&box);
	assert_int_equal(seen, 10);
	mailbox_done(&box);
}

struct echo {
	struct msg msg;
	struct mailbox *box;
	unsigned left;
};

static void echo_run(struct msg *msg)
{
	struct echo *echo = (struct echo *)msg;

	if (echo->left-- > 0)
		mailbox_post(echo->box, msg);
}

/* A message posts itself again from its own run, and the box wakes again for it. */
static void test_repost(void **state)
{
	struct mailbox box;
	struct echo echo = { .msg.run = echo_run, .box = &box, .left = 3 };
	unsigned rounds = 0;

	(void)state;
	assert_int_equal(mailbox_init(&box), 0);
	mailbox_post(&box, &echo.msg);
	for (; readable(&box, 0); rounds++)
		mailbox_run(&box);
	assert_int_equal(rounds, 4);
	mailbox_done(&box);
}

struct sender {
	pthread_t thread;
	struct mailbox *box;
	struct note notes[MESSAGES];
	unsigned index;
};

static void *sender_main(void *arg)
{
	struct sender *s = arg;

	for (unsigned i = 0; i < MESSAGES; i++) {
		s->notes[i] = (struct note){ .msg.run = note_run, .sender = s->index, .number = i };
		mailbox_post(s->box, &s->notes[i].msg);
	}
	return NULL;
}

/* Each sender's messages arrive in its order, and none is left lying without a wake-up. */
static void test_senders(void **state)
{
	static struct sender senders[SENDERS];
	struct mailbox box;

	(void)state;
	assert_int_equal(mailbox_init(&box), 0);
	for (unsigned i = 0; i < SENDERS; i++) {
		senders[i].box = &box;
		senders[i].index = i;
		assert_int_equal(pthread_create(&senders[i].thread, NULL, sender_main, &senders[i]), 0);
	}
	while (seen < SENDERS * MESSAGES) {
		assert_true(readable(&box, 5000));
		mailbox_run(&box);
	}
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
	mailbox_run(&box);
	assert_int_equal(seen, SENDERS * MESSAGES);
	mailbox_done(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_repost, setup),
		cmocka_unit_test_setup(test_senders, setup),
	};

	return cmocka_run_group_tests_name("net_mailbox", tests, NULL, NULL);
}
