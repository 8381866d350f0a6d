/*
 * drive_fake_stage.c - see drive_fake_stage.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "drive_fake_stage.h"

static void on_answer(void *ctx, void *token, const struct fault *fault,
		      const struct nexus_conn *conn)
{
	struct stage *s = ctx;
	uintptr_t i = (uintptr_t)token;

	assert_in_range(i, 1, ANSWERS);
	assert_false(s->answered[i]); /* once each */
	s->answered[i] = true;
	s->answer[i] = *fault;
	s->answers++;
	if (conn)
		s->conn = *conn;
}

static void on_text(void *ctx, void *token, const struct fault *fault, const char *text, size_t len)
{
	(void)text;
	(void)len;
	on_answer(ctx, token, fault, NULL);
}

static void on_state(void *ctx, enum session_event_kind kind, const struct fault *why,
		     uint64_t pause_ns)
{
	struct stage *s = ctx;

	s->ups += kind == SESSION_EVENT_UP;
	s->downs += kind == SESSION_EVENT_DOWN;
	s->faileds += kind == SESSION_EVENT_FAILED;
	s->why = *why;
	s->pause_ns = pause_ns;
}

static void on_conn(void *ctx, const struct nexus_conn *conn, bool up, const struct fault *why)
{
	struct stage *s = ctx;

	(void)conn;
	if (!up)
		s->lost_why = *why;
	s->lost += !up;
	s->rejoined += up;
}

static void on_doubt(void *ctx, const struct nexus_conn *conn, bool doubted)
{
	struct stage *s = ctx;

	assert_int_equal(conn->doubted, doubted);
	s->doubts += doubted;
	s->trusts += !doubted;
}

static void on_managed(void *ctx, void *token, const struct fault *fault, uint8_t response)
{
	struct stage *s = ctx;

	on_answer(ctx, token, fault, NULL);
	s->response = response;
	s->manageds++;
}

static void on_async(void *ctx, const struct conn_async *async)
{
	struct stage *s = ctx;

	s->asyncs += async != NULL;
	s->asyncs_lost += !async;
}

static void on_ended(void *ctx)
{
	struct stage *s = ctx;

	assert_int_equal(s->ended, 0);
	s->ended++;
	s->nexus = NULL;
}

static const struct nexus_ops ops = {
	.answer = on_answer, .text = on_text, .state = on_state, .conn = on_conn,
	.async = on_async, .ended = on_ended, .conn_doubt = on_doubt, .managed = on_managed,
};

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

void until(struct stage *s, const unsigned *what, unsigned n)
{
	struct pollfd p = { .fd = s->box.fd, .events = POLLIN };
	int64_t limit = now_ms() + 20000;

	while (*what < n) {
		assert_true(now_ms() < limit);
		poll(&p, 1, 100);
		mailbox_run(&s->box);
	}
}

void (*stage_pass)(void *stage, struct passage *passage);
uint32_t hold_ms = 20000;
unsigned recovery_level;

static void config_fill(struct session_config *config, const char *target)
{
	*config = (struct session_config){
		.type = SESSION_NORMAL, .initiator_name = "iqn.2026-11.test:drive",
		.target_name = target, .isid = { 0x80, 1, 2, 3, 0, (uint8_t)getpid() },
		.first_cmd_sn = 1, .portal_group_tag = -1, .ordering = true,
		.times = { .login = 3000, .ping_idle = 5000, .ping_wait = 5000, .doubt = 300,
			   .manage = 2000, .logout = 2000, .hold = hold_ms, .retry = 200 },
		.seed = 1,
	};
	keys_offer_default(&config->offer);
	config->offer.max_connections = 8;
	config->offer.error_recovery_level = (uint8_t)recovery_level;
	if (recovery_level)
		config->offer.max_outstanding_r2t = 1; /* KEY-6 */
}

void stage_open(struct stage *s, unsigned loops, const char *target)
{
	struct session_config config;
	struct nexus_ops mine = ops;

	memset(s, 0, sizeof(*s));
	config_fill(&config, target);
	mine.pass = stage_pass;
	assert_int_equal(mailbox_init(&s->box), 0);
	assert_int_equal(drive_new(loops, &s->box, &s->drive), 0);
	assert_int_equal(nexus_new(s->drive, &config, &mine, s, &s->nexus), 0);
}

void stage_close(struct stage *s)
{
	until(s, &s->ended, 1);
	drive_free(s->drive);
	mailbox_done(&s->box);
}

struct conn_options options_for(uint64_t id, const char *host, uint16_t port)
{
	struct conn_options options = { .id = id, .port = port };

	snprintf(options.host, sizeof(options.host), "%s", host);
	return options;
}

int listener(uint16_t *ret_port)
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

void *token(unsigned i)
{
	return (void *)(uintptr_t)i;
}

void probe_done(struct io *io)
{
	list_entry(io, struct probe, io)->done++;
}

void probe_give(struct stage *s, struct probe *probe)
{
	memset(probe, 0, sizeof(*probe));
	probe->io.task.attribute = 1;
	probe->io.reply_to = &s->box;
	probe->io.done = probe_done;
	nexus_submit(s->nexus, &probe->io);
}
