/*
 * drive_target_test.c - a nexus with a real target, where ISCSI_TARGET=HOST:PORT,IQN names one (its
 * LUN: ISCSI_LUN, default 0). ISCSI_WRITE=1 allows to overwrite its first 16 MiB.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "drive_fake_stage.h"
#include "../duty.h"

enum { READS = 1000, DEPTH = 32, BLOCK = 512 };

struct target {
	char host[128], iqn[224];
	uint16_t port;
	uint64_t lun;
};

static void target_get(struct target *ret)
{
	const char *text = getenv("ISCSI_TARGET"), *lun = getenv("ISCSI_LUN");
	unsigned port;

	if (!text)
		skip();
	if (sscanf(text, "%127[^:]:%u,%223s", ret->host, &port, ret->iqn) != 3)
		fail_msg("ISCSI_TARGET is not HOST:PORT,IQN");
	ret->port = (uint16_t)port;
	ret->lun = lun ? strtoull(lun, NULL, 0) << 48 : 0;
}

/* Reads of one block each, DEPTH at a time, given from the control thread. */
struct load {
	struct stage *s;
	struct load_io {
		struct io io;
		struct load *load;
		uint8_t data[BLOCK];
	} ios[DEPTH];
	uint64_t lun;
	unsigned given, good, lost, total;
	unsigned finished;
};

static void load_give(struct load *load, struct load_io *lio)
{
	struct task *task = &lio->io.task;

	memset(task, 0, sizeof(*task));
	task->lun = load->lun;
	task->attribute = 1;
	task->cdb[0] = 0x28;
	task->cdb[4] = (uint8_t)(load->given >> 8);
	task->cdb[5] = (uint8_t)load->given;
	task->cdb[8] = 1;
	task->in = lio->data;
	task->in_len = BLOCK;
	load->given++;
	nexus_submit(load->s->nexus, &lio->io);
}

static void load_done(struct io *io)
{
	struct load_io *lio = list_entry(io, struct load_io, io);
	struct load *load = lio->load;

	if (io->task.outcome == TASK_LOST) {
		load->lost++;
		nexus_submit(load->s->nexus, io);
		return;
	}
	assert_int_equal(io->task.outcome, TASK_COMPLETE);
	/* tgt greets a new nexus with a unit attention */
	if (io->task.status == 2) {
		load->given--;
		load_give(load, lio);
		return;
	}
	assert_int_equal(io->task.status, 0);
	assert_int_equal(io->task.received, BLOCK);
	load->good++;
	if (load->given < load->total)
		load_give(load, lio);
	else if (load->good == load->total)
		load->finished = 1;
}

static void load_start(struct load *load, struct stage *s, uint64_t lun, unsigned total)
{
	memset(load, 0, sizeof(*load));
	load->s = s;
	load->lun = lun;
	load->total = total;
	for (unsigned i = 0; i < DEPTH; i++) {
		load->ios[i].load = load;
		load->ios[i].io.reply_to = &s->box;
		load->ios[i].io.done = load_done;
		load_give(load, &load->ios[i]);
	}
}

static void log_in(struct stage *s, const struct target *t, unsigned conns)
{
	for (unsigned i = 1; i <= conns; i++) {
		struct conn_options options = options_for(i, t->host, t->port);

		nexus_add_conn(s->nexus, &options, token(i));
		until(s, &s->answers, i);
		if (s->answer[i].kind != FAULT_NONE)
			fail_msg("connection %u: %s", i, s->answer[i].text);
		assert_int_equal(s->conn.id, i);
		assert_true(s->conn.up);
	}
}

static void capacity(struct stage *s, uint64_t lun)
{
	static struct probe probe;
	uint8_t answer[8];

	for (unsigned tries = 0; tries < 3; tries++) {
		memset(&probe, 0, sizeof(probe));
		probe.io.task = (struct task){ .lun = lun, .cdb = { 0x25 }, .in = answer,
					       .in_len = sizeof(answer), .attribute = 1 };
		probe.io.reply_to = &s->box;
		probe.io.done = probe_done;
		nexus_submit(s->nexus, &probe.io);
		until(s, &probe.done, 1);
		assert_int_equal(probe.io.task.outcome, TASK_COMPLETE);
		if (probe.io.task.status == 0)
			break;
	}
	assert_int_equal(probe.io.task.status, 0);
	assert_int_equal(probe.io.task.received, 8);
	assert_int_equal(answer[6] << 8 | answer[7], BLOCK);
}

static void test_reads(void **state)
{
	static struct load load;
	struct nexus_conn conns[8];
	struct target t;
	struct stage s;
	uint64_t commands = 0;

	(void)state;
	target_get(&t);
	for (unsigned loops = 1; loops <= 3; loops++) {
		stage_open(&s, loops, t.iqn);
		log_in(&s, &t, 4);
		assert_int_equal(s.ups, 1);
		assert_true(nexus_is_up(s.nexus));
		capacity(&s, t.lun);
		load_start(&load, &s, t.lun, READS);
		until(&s, &load.finished, 1);
		assert_int_equal(nexus_conns(s.nexus, conns, 8), 4);
		commands = 0;
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(conns[i].id, i + 1);
			assert_int_equal(conns[i].leading, i == 0);
			assert_int_equal(conns[i].peer_address[0] != 0, 1);
			assert_true(conns[i].data_in > READS / 8 * BLOCK);
			commands += conns[i].commands;
		}
		assert_in_range(commands, READS + 1, READS + 16);
		nexus_remove_conn(s.nexus, 3, token(5));
		until(&s, &s.answers, 5);
		assert_int_equal(s.answer[5].kind, FAULT_NONE);
		assert_int_equal(nexus_conns(s.nexus, conns, 8), 3);
		nexus_logout(s.nexus, token(6));
		stage_close(&s);
		assert_int_equal(s.answer[6].kind, FAULT_NONE);
		assert_int_equal(s.downs, 0);
	}
}

enum { PIECES = 64, PIECE = 256 << 10 };

struct piece {
	struct io io;
	unsigned *finished;
	uint8_t *data;
};

static void piece_done(struct io *io)
{
	struct piece *piece = list_entry(io, struct piece, io);

	assert_int_equal(io->task.outcome, TASK_COMPLETE);
	assert_int_equal(io->task.status, 0);
	assert_int_equal(io->task.residual, 0);
	++*piece->finished;
}

static void pieces_move(struct stage *s, struct piece *pieces, uint64_t lun, bool write)
{
	unsigned finished = 0;

	for (unsigned i = 0; i < PIECES; i++) {
		struct task *task = &pieces[i].io.task;
		uint32_t lba = i * (PIECE / BLOCK);

		memset(&pieces[i].io, 0, sizeof(pieces[i].io));
		task->lun = lun;
		task->attribute = 1;
		task->cdb[0] = write ? 0x2a : 0x28;
		for (unsigned k = 0; k < 4; k++)
			task->cdb[2 + k] = (uint8_t)(lba >> (24 - 8 * k));
		task->cdb[7] = (PIECE / BLOCK) >> 8;
		task->cdb[8] = (PIECE / BLOCK) & 0xff;
		task->in = write ? NULL : pieces[i].data;
		task->in_len = write ? 0 : PIECE;
		task->out = write ? pieces[i].data : NULL;
		task->out_len = write ? PIECE : 0;
		pieces[i].finished = &finished;
		pieces[i].io.reply_to = &s->box;
		pieces[i].io.done = piece_done;
		nexus_submit(s->nexus, &pieces[i].io);
	}
	until(s, &finished, PIECES);
}

/* What was written over one connection is read over another, with and without digests. */
static void test_data(void **state)
{
	static struct piece pieces[PIECES];
	struct target t;
	struct stage s;

	(void)state;
	target_get(&t);
	if (!getenv("ISCSI_WRITE"))
		skip();
	for (unsigned i = 0; i < PIECES; i++)
		pieces[i].data = malloc(PIECE);
	for (unsigned digests = 0; digests < 2; digests++) {
		stage_open(&s, 3, t.iqn);
		log_in(&s, &t, 1);
		for (unsigned i = 2; i <= 4; i++) {
			struct conn_options options = options_for(i, t.host, t.port);

			options.header_digest = options.data_digest = digests;
			nexus_add_conn(s.nexus, &options, token(i));
			until(&s, &s.answers, i);
			assert_int_equal(s.answer[i].kind, FAULT_NONE);
			assert_int_equal(s.conn.login.params.data_digest, digests);
		}
		capacity(&s, t.lun);
		for (unsigned i = 0; i < PIECES; i++)
			for (unsigned k = 0; k < PIECE; k++)
				pieces[i].data[k] = (uint8_t)(k * 7 + (k >> 8) + i * 31 + digests);
		pieces_move(&s, pieces, t.lun, true);
		for (unsigned i = 0; i < PIECES; i++)
			memset(pieces[i].data, 0xEE, PIECE);
		capacity(&s, t.lun); /* one command more: the reads take other connections */
		pieces_move(&s, pieces, t.lun, false);
		for (unsigned i = 0; i < PIECES; i++)
			for (unsigned k = 0; k < PIECE; k++)
				if (pieces[i].data[k] !=
				    (uint8_t)(k * 7 + (k >> 8) + i * 31 + digests))
					fail_msg("piece %u differs at byte %u", i, k);
		nexus_logout(s.nexus, token(5));
		stage_close(&s);
		assert_int_equal(s.downs, 0);
	}
	for (unsigned i = 0; i < PIECES; i++)
		free(pieces[i].data);
}

/* A proxy in front of the target, whose connections the test cuts. */
struct proxy {
	struct target *target;
	int listening;
	int pair[16][2];
	unsigned pairs;
};

static void proxy_accept(struct proxy *p)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(p->target->port) };
	int fd = accept4(p->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	assert_true(p->pairs < 16);
	inet_pton(AF_INET, p->target->host, &to.sin_addr);
	p->pair[p->pairs][0] = fd;
	p->pair[p->pairs][1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(p->pair[p->pairs][1], (struct sockaddr *)&to, sizeof(to)), 0);
	p->pairs++;
}

static void proxy_close(struct proxy *p, unsigned i)
{
	if (p->pair[i][0] < 0)
		return;
	close(p->pair[i][0]);
	close(p->pair[i][1]);
	p->pair[i][0] = p->pair[i][1] = -1;
}

static void proxy_copy(int from, int to, bool *ret_over)
{
	char buf[16384];
	ssize_t n = recv(from, buf, sizeof(buf), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		*ret_over = true;
	for (ssize_t at = 0; at < n;) {
		ssize_t sent = send(to, buf + at, (size_t)(n - at), MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN) {
			*ret_over = true;
			return;
		}
		at += sent > 0 ? sent : 0;
	}
}

/* One turn of the proxy and of the control thread. */
static void proxy_turn(struct proxy *p, struct stage *s)
{
	struct pollfd fds[34] = { { .fd = s->box.fd, .events = POLLIN },
				  { .fd = p->listening, .events = POLLIN } };

	for (unsigned i = 0; i < p->pairs; i++)
		for (unsigned k = 0; k < 2; k++)
			fds[2 + 2 * i + k] = (struct pollfd){ .fd = p->pair[i][k], .events = POLLIN };
	poll(fds, 2 + 2 * p->pairs, 50);
	mailbox_run(&s->box);
	for (unsigned i = 0; i < p->pairs; i++) {
		bool over = false;

		if (p->pair[i][0] >= 0)
			proxy_copy(p->pair[i][0], p->pair[i][1], &over);
		if (p->pair[i][0] >= 0)
			proxy_copy(p->pair[i][1], p->pair[i][0], &over);
		if (over)
			proxy_close(p, i);
	}
	if (fds[1].revents & POLLIN)
		proxy_accept(p);
}

static void proxy_until(struct proxy *p, struct stage *s, const unsigned *what, unsigned n)
{
	int64_t limit = now_ms() + 20000;

	while (*what < n) {
		assert_true(now_ms() < limit);
		proxy_turn(p, s);
	}
}

/* Connections are cut under load: the session comes back, all commands end well, ids stay. */
static void test_cuts(void **state)
{
	static struct load load;
	struct nexus_conn conns[8];
	struct target t;
	struct stage s;
	struct proxy p = { .target = &t };
	uint16_t port;

	(void)state;
	target_get(&t);
	p.listening = listener(&port);
	stage_open(&s, 2, t.iqn);
	for (unsigned i = 1; i <= 3; i++) {
		struct conn_options options = options_for(i, "127.0.0.1", port);

		nexus_add_conn(s.nexus, &options, token(i));
		proxy_until(&p, &s, &s.answers, i);
		assert_int_equal(s.answer[i].kind, FAULT_NONE);
	}
	load_start(&load, &s, t.lun, 4 * READS);
	for (unsigned cut = 0; cut < 3; cut++) {
		proxy_until(&p, &s, &load.good, (cut + 1) * READS);
		for (unsigned i = 0, living = 0; i < p.pairs; i++)
			if (p.pair[i][0] >= 0 && living++ == cut)
				proxy_close(&p, i);
		proxy_until(&p, &s, &s.ups, cut + 2);
		assert_true(s.pause_ns > 0);
		printf("cut %u: %s; pause %.1f ms\n", cut, s.why.text, (double)s.pause_ns / 1e6);
		proxy_until(&p, &s, &s.rejoined, 3 * (cut + 1));
	}
	proxy_until(&p, &s, &load.finished, 1);
	assert_int_equal(s.downs, 3);
	assert_int_equal(s.lost, 9);
	assert_int_equal(nexus_conns(s.nexus, conns, 8), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(conns[i].id, i + 1);
		assert_int_equal(conns[i].reconnects, 3);
		assert_true(conns[i].up);
	}
	printf("%u of %u reads were lost and repeated\n", load.lost, load.total);
	nexus_logout(s.nexus, token(4));
	proxy_until(&p, &s, &s.ended, 1);
	stage_close(&s);
	for (unsigned i = 0; i < p.pairs; i++)
		proxy_close(&p, i);
	close(p.listening);
	DUTY("RV-1.1");
}

/* The target does not come back: commands are held for the hold time, then fail, later ones at
 * once; and the session can be ended while it still tries. */
static void test_hold(void **state)
{
	static struct probe probes[2];
	struct conn_options options;
	struct target t;
	struct stage s;
	struct proxy p = { .target = &t };
	uint16_t port;
	int64_t start;

	(void)state;
	target_get(&t);
	memset(probes, 0, sizeof(probes));
	hold_ms = 1000;
	p.listening = listener(&port);
	stage_open(&s, 2, t.iqn);
	hold_ms = 20000;
	options = options_for(1, "127.0.0.1", port);
	nexus_add_conn(s.nexus, &options, token(1));
	proxy_until(&p, &s, &s.answers, 1);
	close(p.listening);
	proxy_close(&p, 0);
	start = now_ms();
	until(&s, &s.downs, 1);
	for (unsigned i = 0; i < 2; i++) {
		probes[i].io.reply_to = &s.box;
		probes[i].io.done = probe_done;
		nexus_submit(s.nexus, &probes[i].io);
		until(&s, &probes[i].done, 1);
		assert_int_equal(probes[i].io.task.outcome, TASK_FAILED);
		assert_in_range(now_ms() - start, 900, 1900);
	}
	assert_int_equal(s.faileds, 1);
	assert_int_equal(s.ups, 1);
	nexus_logout(s.nexus, token(2));
	stage_close(&s);
	assert_int_equal(s.answer[2].kind, FAULT_NONE);
	DUTY("RV-1.4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_hold),
	};

	return cmocka_run_group_tests_name("drive_target", tests, NULL, NULL);
}
