/*
 * limits_memory.c - how much memory connections take: none for a command once all is warm, and at most
 * 32 KiB for a connection that does nothing, beside its socket. The linker sends all allocations
 * through here (--wrap); those within the engine's doors count. What drive adds for a connection is
 * counted by its size.
 */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "drive/link.h"
#include "drive/mirror.h"
#include "engine/engine.h"
#include "proto/digest.h"
#include "proto/pdu.h"

enum { IDLE_MAX = 32 << 10, WARM = 200, COMMANDS = 1000, READ_LEN = 20000, WRITE_LEN = 40000, AT_ONCE = 8 };

#define need(what) ((what) ? (void)0 : failed(__LINE__, #what))
#define DOOR(call) do { inside = true; call; inside = false; } while (0)

static bool inside;
static size_t allocations, live;

_Noreturn static void failed(int line, const char *what)
{
	fprintf(stderr, "limits_memory.c:%d: not so: %s\n", line, what);
	exit(1);
}

/* ---------------------------------------------------------------- memory */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static void *count(void *p)
{
	if (inside) {
		allocations++;
		live += malloc_usable_size(p);
	}
	return p;
}

static void uncount(void *p)
{
	if (inside)
		live -= malloc_usable_size(p);
}

void *__wrap_malloc(size_t size)
{
	return count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return count(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	uncount(p);
	return count(__real_realloc(p, size));
}

void __wrap_free(void *p)
{
	uncount(p);
	__real_free(p);
}

/* ---------------------------------------------------------------- a target of a few lines */

struct end {
	struct conn *conn;
	bool up, digests;
	uint32_t stat_sn;
	uint8_t sent[1 << 20]; /* what the engine sent, as far as it was not read */
	size_t len;
};

static struct session *session;
static struct end ends[2];
static unsigned end_count;
static uint32_t exp_cmd_sn = 1;
static uint64_t now = 1000000000;
static struct task tasks[AT_ONCE];
static unsigned returned;
static uint8_t buffer[WRITE_LEN];

static void on_conn_event(struct end *e, const struct conn_event *ev)
{
	static const uint8_t entropy[ENGINE_ENTROPY];

	switch (ev->kind) {
	case CONN_EVENT_OPEN:
		DOOR(conn_opened(e->conn, entropy, now));
		break;
	case CONN_EVENT_UP:
		e->up = true;
		DOOR(session_conn_up(session, e->conn, &ev->up, now));
		break;
	case CONN_EVENT_TASK:
		need(ev->task->outcome == TASK_COMPLETE && ev->task->status == 0);
		returned++;
		break;
	case CONN_EVENT_WAKE:
		for (unsigned i = 0; i < end_count; i++)
			DOOR(conn_wake(ends[i].conn));
		break;
	case CONN_EVENT_END:
		DOOR(session_conn_ended(session, e->conn, &ev->fault, now));
		DOOR(conn_free(e->conn));
		e->conn = NULL;
		break;
	default:
		failed(__LINE__, "an event of interest");
	}
}

static bool on_session_event(const struct session_event *ev)
{
	if (ev->kind == SESSION_EVENT_CONN) {
		ends[end_count] = (struct end){ .conn = ev->conn, .stat_sn = 1 };
		DOOR(conn_start(ends[end_count++].conn, now));
	}
	return ev->kind != SESSION_EVENT_END;
}

static void pump(void)
{
	struct session_event sev;
	struct conn_event ev;
	bool any = true, got;

	while (any) {
		any = false;
		for (;;) {
			DOOR(got = session_next_event(session, &sev));
			if (!got)
				break;
			any = on_session_event(&sev);
		}
		for (unsigned i = 0; i < end_count; i++) {
			got = false;
			if (ends[i].conn)
				DOOR(got = conn_next_event(ends[i].conn, &ev));
			if (got)
				on_conn_event(&ends[i], &ev);
			any |= got;
		}
	}
}

static void collect(struct end *e)
{
	struct iovec iov[ENGINE_PENDING_IOV];
	unsigned n;

	for (;;) {
		size_t all = 0;

		DOOR(n = conn_pending(e->conn, iov, ENGINE_PENDING_IOV, now));
		if (!n)
			break;
		for (unsigned i = 0; i < n; i++) {
			need(e->len + iov[i].iov_len <= sizeof(e->sent));
			memcpy(e->sent + e->len, iov[i].iov_base, iov[i].iov_len);
			e->len += iov[i].iov_len;
			all += iov[i].iov_len;
		}
		DOOR(conn_sent(e->conn, all, now));
		pump();
	}
}

static void give(struct end *e, const uint8_t *data, size_t len)
{
	uint8_t staging[4096];
	struct iovec iov[2];
	unsigned count_of;

	while (len) {
		size_t n = 0;

		DOOR(count_of = conn_space(e->conn, staging, sizeof(staging), iov));
		for (unsigned i = 0; i < count_of && n < len; i++) {
			size_t part = iov[i].iov_len < len - n ? iov[i].iov_len : len - n;

			memcpy(iov[i].iov_base, data + n, part);
			n += part;
		}
		need(n);
		DOOR(conn_received(e->conn, n, now));
		pump();
		data += n;
		len -= n;
	}
}

static void give_pdu(struct end *e, uint8_t *bhs, const void *data, uint32_t len)
{
	uint8_t tail[8] = { 0 };
	size_t n = pdu_pad(len);

	bytes_put32(bhs + 24, e->stat_sn);
	bytes_put32(bhs + 28, exp_cmd_sn);
	bytes_put32(bhs + 32, exp_cmd_sn + 64);
	bytes_put24(bhs + 5, len);
	give(e, bhs, PDU_BHS_LEN);
	if (e->digests) {
		digest_put(tail, digest_of(bhs, PDU_BHS_LEN));
		give(e, tail, DIGEST_LEN);
		memset(tail, 0, sizeof(tail));
	}
	if (!len)
		return;
	give(e, data, len);
	if (e->digests) { /* all data here are zeros and need no padding */
		need(!n);
		digest_put(tail, digest_of(data, len));
		n = DIGEST_LEN;
	}
	if (n)
		give(e, tail, n);
}

/* The next PDU that was sent; false if there is none. */
static bool take(struct end *e, uint8_t bhs[PDU_BHS_LEN])
{
	size_t whole = PDU_BHS_LEN, len;

	collect(e);
	if (e->len < PDU_BHS_LEN)
		return false;
	memcpy(bhs, e->sent, PDU_BHS_LEN);
	len = pdu_data_len(bhs);
	whole += e->digests ? DIGEST_LEN : 0;
	if (len)
		whole += len + pdu_pad((uint32_t)len) + (e->digests ? DIGEST_LEN : 0);
	need(e->len >= whole);
	e->len -= whole;
	memmove(e->sent, e->sent + whole, e->len);
	return true;
}

static void answer_login(struct end *e, uint8_t flags, const char *text, size_t len)
{
	struct pdu_login_response pdu = { .transit = true, .csg = flags >> 2 & 3, .nsg = flags & 3, .tsih = 7,
		.isid = { 0x80, 1, 2, 3, 4, 5 } };
	uint8_t request[PDU_BHS_LEN], bhs[PDU_BHS_LEN];

	need(take(e, request) && pdu_opcode(request) == PDU_LOGIN_REQUEST);
	pdu.initiator_task_tag = bytes_get32(request + 16);
	pdu_put_login_response(bhs, &pdu);
	give_pdu(e, bhs, text, (uint32_t)len);
	e->stat_sn++;
}

static void add(bool digests)
{
	static const char first[] = "TargetPortalGroupTag=1\0AuthMethod=None";
	static const char leading[] = "MaxRecvDataSegmentLength=8192\0MaxConnections=4\0InitialR2T=Yes\0"
		"ImmediateData=Yes\0MaxBurstLength=16384\0FirstBurstLength=8192\0DefaultTime2Wait=2\0"
		"DefaultTime2Retain=20\0MaxOutstandingR2T=1\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0"
		"ErrorRecoveryLevel=0";
	static const char of_conn[] = "MaxRecvDataSegmentLength=8192";
	static const char yes[] = "HeaderDigest=CRC32C\0DataDigest=CRC32C";
	static const char no[] = "HeaderDigest=None\0DataDigest=None";
	struct conn_options options = { .id = end_count + 1, .host = "192.0.2.1", .port = 3260,
		.header_digest = digests, .data_digest = digests };
	struct end *e = &ends[end_count];
	bool is_first = !end_count;
	char text[1024];
	size_t len = digests ? sizeof(yes) : sizeof(no);

	DOOR(session_add_conn(session, &options, &options, now));
	pump();
	need(e->conn);
	if (!is_first)
		answer_login(e, 1, first, sizeof(first));
	memcpy(text, digests ? yes : no, len);
	memcpy(text + len, is_first ? leading : of_conn, is_first ? sizeof(leading) : sizeof(of_conn));
	answer_login(e, 7, text, len + (is_first ? sizeof(leading) : sizeof(of_conn)));
	need(e->up);
	e->digests = digests;
}

/* ---------------------------------------------------------------- commands */

static void respond(struct end *e, uint32_t itt)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_scsi_response(bhs, &(struct pdu_scsi_response){ .initiator_task_tag = itt });
	give_pdu(e, bhs, NULL, 0);
	e->stat_sn++;
}

static void answer_read(struct end *e, uint32_t itt)
{
	uint8_t bhs[PDU_BHS_LEN];

	for (uint32_t at = 0, sn = 0; at < READ_LEN; at += 8000, sn++) {
		uint32_t len = READ_LEN - at < 8000 ? READ_LEN - at : 8000;

		pdu_put_data_in(bhs, &(struct pdu_data_in){ .initiator_task_tag = itt, .data_sn = sn,
			.target_transfer_tag = PDU_NO_TAG, .buffer_offset = at,
			.final = at + len == READ_LEN || sn == 1 });
		give_pdu(e, bhs, buffer, len);
	}
	respond(e, itt);
}

/* The rest by R2Ts, MaxBurstLength each. */
static void answer_write(struct end *e, uint32_t itt, uint32_t immediate)
{
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t asked = 0, sn = 0;

	for (uint32_t at = immediate; at < WRITE_LEN; at += asked) {
		asked = WRITE_LEN - at < 16384 ? WRITE_LEN - at : 16384;
		pdu_put_r2t(bhs, &(struct pdu_r2t){ .initiator_task_tag = itt, .target_transfer_tag = 100 + sn,
			.r2t_sn = sn, .buffer_offset = at,
			.desired_data_transfer_length = asked });
		sn++;
		give_pdu(e, bhs, NULL, 0);
		do
			need(take(e, bhs) && pdu_opcode(bhs) == PDU_DATA_OUT);
		while (!(bhs[1] & 0x80));
	}
	respond(e, itt);
}

/* Some at once, reads and writes by turns, on both connections by turns. */
static void run(unsigned commands)
{
	uint8_t command[AT_ONCE][PDU_BHS_LEN];

	for (unsigned done = 0; done < commands; done += AT_ONCE) {
		struct end *e = &ends[done / AT_ONCE % end_count];

		returned = 0;
		for (unsigned i = 0; i < AT_ONCE; i++) {
			if (i & 1)
				tasks[i] = (struct task){ .in_len = READ_LEN, .in = buffer };
			else
				tasks[i] = (struct task){ .out_len = WRITE_LEN, .out = buffer };
			DOOR(conn_submit(e->conn, &tasks[i], now));
		}
		for (unsigned i = 0; i < AT_ONCE; i++) {
			need(take(e, command[i]) && pdu_opcode(command[i]) == PDU_SCSI_COMMAND);
			exp_cmd_sn++;
		}
		for (unsigned i = 0; i < AT_ONCE; i++) {
			uint32_t itt = bytes_get32(command[i] + 16);

			if (command[i][1] & 0x40)
				answer_read(e, itt);
			else
				answer_write(e, itt, pdu_data_len(command[i]));
		}
		need(returned == AT_ONCE);
		now += 1000000;
	}
}

int main(void)
{
	struct session_config config = { .initiator_name = "iqn.2026-11.test:initiator",
		.target_name = "iqn.2026-11.test:target", .isid = { 0x80, 1, 2, 3, 4, 5 }, .first_cmd_sn = 1,
		.portal_group_tag = -1, .times = { .login = 15000, .ping_idle = 60000, .ping_wait = 5000,
			.logout = 5000, .hold = 60000, .retry = 5000 } };
	size_t idle, cold;

	keys_offer_default(&config.offer);
	DOOR(need(session_new(&config, &session) == 0));
	add(false);
	idle = live;
	add(true);
	idle = live - idle;
	printf("an idle connection: %zu bytes in the engine, ", idle);
	idle += sizeof(struct link) + sizeof(struct mirror);
	printf("%zu in all\n", idle);
	run(WARM);
	cold = allocations;
	run(COMMANDS);
	printf("%d commands: %zu allocations\n", COMMANDS, allocations - cold);
	DOOR(session_logout(session, session, now));
	pump();
	for (unsigned i = 0; i < end_count; i++)
		if (ends[i].conn)
			DOOR(conn_abandon(ends[i].conn, now));
	pump();
	DOOR(session_free(session));
	need(idle <= IDLE_MAX);
	need(allocations == cold);
	return 0;
}
