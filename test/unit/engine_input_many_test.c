/*
 * engine_input_many_test.c - bad inputs of the field, groups 4 and 12: very many connections that come
 * and go at once under load, and CmdSN that wraps while several of them take numbers. A small target
 * answers everything and looks at the numbers; which connection moves next is a matter of a seed.
 */
#include "engine_fake_input.h"

#include <stdlib.h>

#include "../duty.h"

enum { LINKS = 160, TASKS = 4000, WINDOW = 32, OUT = 1 << 16 };

struct link {
	struct conn *conn;
	uint64_t id;
	uint8_t *out;           /* bytes that the engine sent, up to a part of a PDU */
	size_t out_len;
	uint32_t stat_sn, last_cmd_sn;
	unsigned commands;
	bool opening, up, leaving;
};

struct world {
	struct session *session;
	struct link link[LINKS];
	unsigned links;
	uint64_t now, seed;
	uint32_t first, exp;
	bool seen[TASKS + 1];   /* by CmdSN - first */
	unsigned answers, added, refused, removed, busy; /* calls that were answered */
	struct task task[TASKS];
	struct task *unsent[TASKS]; /* to be given to another connection */
	unsigned given, waiting, back;
	bool closing, ended;
};

static struct world w;

static unsigned dice(unsigned n)
{
	w.seed = w.seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(w.seed >> 33) % n;
}

/* ---------------------------------------------------------------- the target */

static void give(struct link *l, uint8_t bhs[PDU_BHS_LEN], const char *text, size_t len)
{
	uint8_t wire[1024] = { 0 }, staging[1024];
	size_t n = PDU_BHS_LEN + len + pdu_pad(len), at = 0;
	struct iovec iov[2];

	bytes_put24(bhs + 5, (uint32_t)len);
	bytes_put32(bhs + 24, l->stat_sn++);
	bytes_put32(bhs + 28, w.exp);
	bytes_put32(bhs + 32, w.exp + WINDOW - 1);
	memcpy(wire, bhs, PDU_BHS_LEN);
	if (len)
		memcpy(wire + PDU_BHS_LEN, text, len);
	while (at < n && conn_space(l->conn, staging, sizeof(staging), iov) == 1) {
		memcpy(staging, wire + at, n - at);
		conn_received(l->conn, n - at, w.now);
		at = n;
	}
}

static void answer_login(struct link *l, const uint8_t *request)
{
	static const char keys[] = "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0"
		"MaxConnections=64\0InitialR2T=Yes\0ImmediateData=No\0MaxBurstLength=65536\0"
		"FirstBurstLength=Irrelevant\0DefaultTime2Wait=2\0DefaultTime2Retain=20\0"
		"MaxOutstandingR2T=1\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0";
	static const char added[] = "HeaderDigest=None\0DataDigest=None";
	struct pdu_login_request pdu;
	struct pdu_login_response r = { .transit = true, .isid = { 0x80, 1, 2, 3, 4, 5 } };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_get_login_request(request, &pdu);
	r.initiator_task_tag = pdu.initiator_task_tag;
	r.csg = pdu.csg;
	r.nsg = pdu.nsg;
	r.tsih = pdu.csg ? 77 : pdu.tsih;
	pdu_put_login_response(bhs, &r);
	if (!pdu.csg)
		give(l, bhs, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=None"));
	else if (pdu.tsih)
		give(l, bhs, FAKE_TEXT(added));
	else
		give(l, bhs, FAKE_TEXT(keys));
}

/* Each number comes once, within the window, and rises on its connection (SN-5). */
static void note_number(struct link *l, uint32_t cmd_sn)
{
	uint32_t at = cmd_sn - w.first;

	assert_true(at < TASKS);
	assert_false(w.seen[at]);
	assert_true(cmd_sn - w.exp < WINDOW);
	assert_true(!l->commands || (int32_t)(cmd_sn - l->last_cmd_sn) > 0);
	w.seen[at] = true;
	l->last_cmd_sn = cmd_sn;
	l->commands++;
	while (w.seen[w.exp - w.first])
		w.exp++;
}

static void answer(struct link *l, const uint8_t *request)
{
	uint32_t itt = bytes_get32(request + 16);
	uint8_t bhs[PDU_BHS_LEN];

	switch (pdu_opcode(request)) {
	case PDU_LOGIN_REQUEST:
		answer_login(l, request);
		return;
	case PDU_SCSI_COMMAND:
		note_number(l, bytes_get32(request + 24));
		pdu_put_scsi_response(bhs, &(struct pdu_scsi_response){ .initiator_task_tag = itt });
		break;
	case PDU_LOGOUT_REQUEST:
		w.closing |= (request[1] & 0x7f) == PDU_LOGOUT_SESSION;
		pdu_put_logout_response(bhs, &(struct pdu_logout_response){ .initiator_task_tag = itt });
		break;
	default:
		assert_int_equal(pdu_opcode(request), PDU_NOP_OUT);
		pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = itt,
			.target_transfer_tag = PDU_NO_TAG });
		break;
	}
	give(l, bhs, NULL, 0);
}

/* ---------------------------------------------------------------- the caller */

static void on_conn_event(struct link *l, const struct conn_event *ev)
{
	switch (ev->kind) {
	case CONN_EVENT_OPEN:
		l->opening = true;
		break;
	case CONN_EVENT_UP:
		l->up = true;
		session_conn_up(w.session, l->conn, &ev->up, w.now);
		break;
	case CONN_EVENT_TASK:
		if (ev->task->outcome == TASK_UNSENT) { /* its connection is going */
			w.unsent[w.waiting++] = ev->task;
			break;
		}
		w.back++;
		assert_int_equal(ev->task->outcome, TASK_COMPLETE);
		break;
	case CONN_EVENT_END:
		assert_int_equal(ev->fault.kind, w.closing ? ev->fault.kind : FAULT_NONE);
		session_conn_ended(w.session, l->conn, &ev->fault, w.now);
		conn_free(l->conn);
		l->conn = NULL;
		break;
	default:
		assert_int_equal(ev->kind, CONN_EVENT_WAKE);
		break;
	}
}

static struct link *link_of(const struct conn *conn)
{
	for (unsigned i = 0; i < w.links; i++)
		if (w.link[i].conn == conn)
			return &w.link[i];
	fail();
	return NULL;
}

static void add_link(struct conn *conn)
{
	struct link *l = &w.link[w.links++];

	assert_true(w.links <= LINKS);
	*l = (struct link){ .conn = conn, .id = conn_id(conn), .out = malloc(OUT) };
	conn_start(conn, w.now);
}

/* A call's token is 1 for an addition, 2 for a removal. */
static void on_answer(const struct session_event *ev)
{
	w.answers++;
	if (ev->token == (void *)2) {
		w.removed += ev->fault.kind == FAULT_NONE;
		w.busy += ev->fault.kind == FAULT_REMOVING;
	} else {
		assert_true(ev->fault.kind == FAULT_NONE || ev->fault.kind == FAULT_TOO_MANY);
		w.added += ev->fault.kind == FAULT_NONE;
		w.refused += ev->fault.kind == FAULT_TOO_MANY;
	}
}

static void on_session_event(const struct session_event *ev)
{
	switch (ev->kind) {
	case SESSION_EVENT_CONN:
		add_link(ev->conn);
		break;
	case SESSION_EVENT_LOGOUT:
		conn_logout(ev->conn, ev->reason, w.now);
		link_of(ev->conn)->leaving = true;
		break;
	case SESSION_EVENT_ANSWER:
		on_answer(ev);
		break;
	case SESSION_EVENT_END:
		w.ended = true;
		break;
	default:
		assert_int_not_equal(ev->kind, SESSION_EVENT_DOWN);
		break;
	}
}

static bool pull_events(void)
{
	struct session_event ev;
	struct conn_event conn_ev;
	bool any = false;

	while (session_next_event(w.session, &ev)) {
		on_session_event(&ev);
		any = true;
	}
	for (unsigned i = 0; i < w.links; i++) {
		while (w.link[i].conn && conn_next_event(w.link[i].conn, &conn_ev)) {
			on_conn_event(&w.link[i], &conn_ev);
			any = true;
		}
	}
	return any;
}

/* Some bytes of one connection leave, and the whole PDUs among them are answered. */
static bool move(struct link *l)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 1 };
	struct iovec iov[ENGINE_PENDING_IOV];
	unsigned n;
	size_t len;

	if (!l->conn)
		return false;
	if (l->opening) {
		l->opening = false;
		conn_opened(l->conn, entropy, w.now);
		return true;
	}
	n = conn_pending(l->conn, iov, ENGINE_PENDING_IOV, w.now);
	if (!n)
		return false;
	len = iov[0].iov_len > 1 ? 1 + dice((unsigned)iov[0].iov_len) : 1;
	memcpy(l->out + l->out_len, iov[0].iov_base, len);
	l->out_len += len;
	conn_sent(l->conn, len, w.now);
	while (l->conn && l->out_len >= PDU_BHS_LEN) {
		uint32_t data = pdu_data_len(l->out);
		size_t whole = PDU_BHS_LEN + data + pdu_pad(data);
		uint8_t request[PDU_BHS_LEN];

		if (l->out_len < whole)
			break;
		memcpy(request, l->out, PDU_BHS_LEN);
		l->out_len -= whole;
		memmove(l->out, l->out + whole, l->out_len);
		answer(l, request);
	}
	return true;
}

/* Everything that can move has moved. */
static void settle(void)
{
	bool any = true;

	while (any) {
		unsigned from = dice(w.links + 1);

		any = pull_events();
		for (unsigned i = 0; i < w.links; i++)
			any |= move(&w.link[(from + i) % w.links]);
	}
}

static void submit_somewhere(void)
{
	for (unsigned tries = 0; tries < 50; tries++) {
		struct link *l = &w.link[dice(w.links)];

		if (!l->conn || !l->up || l->leaving || (!w.waiting && w.given == TASKS))
			continue;
		if (w.waiting)
			conn_submit(l->conn, w.unsent[--w.waiting], w.now);
		else
			conn_submit(l->conn, &w.task[w.given++], w.now);
		return;
	}
}

static void add(uint64_t id)
{
	struct conn_options options = { .id = id, .host = "192.0.2.1", .port = 3260 };

	session_add_conn(w.session, &options, (void *)1, w.now);
}

static void begin(uint32_t first_cmd_sn, uint64_t seed)
{
	struct fake_setup setup;

	memset(&w, 0, sizeof(w));
	fake_setup_init(&setup);
	setup.config.first_cmd_sn = w.first = w.exp = first_cmd_sn;
	setup.config.offer.max_connections = 64;
	w.seed = seed;
	w.now = 1000000000;
	assert_int_equal(session_new(&setup.config, &w.session), 0);
	add(1);
	settle();
	assert_int_equal(w.added, 1);
}

/* The target ends what is left of a session that was logged out. */
static void close_all(void)
{
	struct fault why;

	fault_set(&why, FAULT_CLOSED, 0, "the test");
	for (unsigned i = 0; i < w.links; i++)
		if (w.link[i].conn)
			conn_closed(w.link[i].conn, &why, w.now);
	settle();
}

static void end(void)
{
	settle();
	while (w.waiting) {
		submit_somewhere();
		settle();
	}
	assert_int_equal(w.back, w.given);
	assert_int_equal(w.exp - w.first, w.given); /* no number was left out */
	session_logout(w.session, (void *)2, w.now);
	settle();
	assert_true(w.closing);
	close_all();
	assert_true(w.ended);
	for (unsigned i = 0; i < w.links; i++) {
		assert_null(w.link[i].conn);
		free(w.link[i].out);
	}
	session_free(w.session);
}

/* ---------------------------------------------------------------- tests */

static unsigned alive(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w.links; i++)
		n += w.link[i].conn != NULL;
	return n;
}

/* 11 connections; 64 are to be added while 10 of them are to go, one after the other. No more than 64
 * are there at any time, and every call has its answer. */
static void come_and_go(uint64_t seed)
{
	unsigned adds = 64, leave = 2, calls = 11;

	begin(1000, seed);
	for (uint64_t id = 2; id <= 11; id++)
		add(id);
	settle();
	assert_int_equal(w.added, 11);
	while (adds || w.removed < 10) {
		if (adds && dice(2)) {
			add(1000 + adds--);
			calls++;
		}
		if (w.removed < 10 && dice(3) == 0) {
			session_remove_conn(w.session, leave + w.removed, (void *)2, w.now);
			calls++;
		}
		submit_somewhere();
		pull_events();
		for (unsigned i = dice(6); i > 0; i--)
			move(&w.link[dice(w.links)]);
		assert_true(alive() <= ENGINE_MAX_CONNS);
	}
	settle();
	assert_int_equal(w.answers, calls);
	assert_int_equal(w.added + w.refused, 11 + 64);
	assert_int_equal(alive(), w.added - 10);
	assert_true(alive() > 50);
	end();
}

static void test_come_and_go(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++)
		come_and_go(seed);
	DUTY("FIELD-12.11 MC-1.7 MC-3.1 MC-3.3 MCS-5");
}

static void test_wrap(void **state)
{
	(void)state;
	for (uint32_t before = 0; before < 40; before += 3) {
		begin(0u - before, before + 1);
		for (uint64_t id = 2; id <= 6; id++)
			add(id);
		settle();
		while (w.given < 300) {
			submit_somewhere();
			if (dice(4) == 0)
				pull_events();
			move(&w.link[dice(w.links)]);
		}
		settle();
		for (unsigned i = 0; i < 6; i++)
			assert_true(w.link[i].commands > 10);
		end();
	}
	DUTY("FIELD-4.8 MC-2.1 MC-2.4 SN-1 SN-5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_come_and_go),
		cmocka_unit_test(test_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
