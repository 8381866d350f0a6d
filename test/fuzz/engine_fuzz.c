/*
 * engine_fuzz.c - a whole engine that is fed whatever a target could send.
 *
 * The input is a list of records: one byte says what is done, a few more with what. Most give bytes to
 * a connection; some make a PDU whose task tag and numbers fit, so that the fuzzer gets past the
 * checks that a blind peer would never pass. Checked besides the sanitizers: each task comes back
 * exactly once, nothing after the end of a connection, and no run without end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/engine.h"
#include "proto/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONNS = 6, TASKS = 16, STAGING = 512 };

enum act {
	ACT_RAW,      /* bytes as they are */
	ACT_PDU,      /* a header of the input whose numbers and tag are made to fit */
	ACT_LOGIN,    /* a Login Response with the text of the input */
	ACT_UP,       /* a login as it should be */
	ACT_READ, ACT_WRITE, ACT_TEXT,
	ACT_TIME, ACT_ADD, ACT_REMOVE, ACT_LOGOUT, ACT_CLOSE, ACT_OPEN, ACT_SEND,
	ACTS
};

struct side {
	struct conn *conn;
	bool opening, ended;
	uint32_t stat_sn, login_tag;
	uint16_t tsih;
};

static struct {
	struct bytes_reader in;
	struct session *session;
	struct side side[CONNS];
	unsigned sides;
	struct task task[TASKS];
	bool out[TASKS];
	bool over;
	uint64_t now, next_id;
	uint8_t memory[4096];
} f;

static void need(bool what)
{
	if (!what)
		abort();
}

/* ---------------------------------------------------------------- events */

static void on_conn_event(struct side *s, const struct conn_event *ev)
{
	struct task *task = ev->task;

	need(!s->ended);
	switch (ev->kind) {
	case CONN_EVENT_OPEN:
		s->opening = true;
		break;
	case CONN_EVENT_UP:
		s->tsih = ev->up.tsih;
		session_conn_up(f.session, s->conn, &ev->up, f.now);
		break;
	case CONN_EVENT_TASK:
		need(task >= f.task && task < f.task + TASKS && f.out[task - f.task]);
		need(task->received <= task->in_len && task->sense_len <= ENGINE_SENSE_MAX);
		f.out[task - f.task] = false;
		free(task->in);
		free((void *)(uintptr_t)task->out);
		break;
	case CONN_EVENT_ASYNC:
		session_conn_async(f.session, s->conn, &ev->async, f.now);
		break;
	case CONN_EVENT_END:
		s->ended = true;
		session_conn_ended(f.session, s->conn, &ev->fault, f.now);
		break;
	case CONN_EVENT_TEXT:
	case CONN_EVENT_WAKE:
	case CONN_EVENT_NONE:
		break;
	}
}

static struct side *side_of(const struct conn *conn)
{
	for (unsigned i = 0; i < f.sides; i++)
		if (f.side[i].conn == conn)
			return &f.side[i];
	return NULL;
}

static void side_new(struct conn *conn)
{
	struct side *s = side_of(NULL);

	if (!s && f.sides < CONNS)
		s = &f.side[f.sides++];
	if (!s) { /* more than are of interest */
		struct conn_event ev;
		struct fault why;

		fault_set(&why, FAULT_NO_MEMORY, 0, "no place");
		conn_abandon(conn, f.now);
		while (conn_next_event(conn, &ev))
			continue;
		session_conn_ended(f.session, conn, &why, f.now);
		conn_free(conn);
		return;
	}
	*s = (struct side){ .conn = conn, .stat_sn = 1 };
	conn_start(conn, f.now);
}

static void on_session_event(const struct session_event *ev)
{
	struct side *s = ev->conn ? side_of(ev->conn) : NULL;

	need(!f.over || ev->kind == SESSION_EVENT_ANSWER);
	if (ev->kind == SESSION_EVENT_CONN)
		side_new(ev->conn);
	else if (ev->kind == SESSION_EVENT_LOGOUT && s)
		conn_logout(s->conn, ev->reason, f.now);
	else if (ev->kind == SESSION_EVENT_ABANDON && s)
		conn_abandon(s->conn, f.now);
	else if (ev->kind == SESSION_EVENT_END)
		f.over = true;
}

static void pump(void)
{
	struct session_event sev;
	struct conn_event ev;
	bool any = true;

	for (unsigned rounds = 0; any; rounds++) {
		need(rounds < 10000);
		any = false;
		while (session_next_event(f.session, &sev)) {
			on_session_event(&sev);
			any = true;
		}
		for (unsigned i = 0; i < f.sides; i++) {
			struct side *s = &f.side[i];

			while (s->conn && conn_next_event(s->conn, &ev)) {
				on_conn_event(s, &ev);
				any = true;
			}
			if (s->conn && s->ended) {
				conn_free(s->conn);
				*s = (struct side){ .conn = NULL };
			}
		}
	}
}

/* ---------------------------------------------------------------- acts */

static struct side *pick(void)
{
	struct side *s = f.sides ? &f.side[bytes_take8(&f.in) % f.sides] : NULL;

	return s && s->conn ? s : NULL;
}

static void open_one(struct side *s)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 1, 2, 3 };

	if (!s || !s->opening)
		return;
	s->opening = false;
	conn_opened(s->conn, entropy, f.now);
}

static void give(struct side *s, const uint8_t *data, size_t len)
{
	uint8_t staging[STAGING];
	struct conn *conn = s->conn;
	struct iovec iov[2];

	while (len && s->conn == conn && !s->opening) {
		unsigned count = conn_space(conn, staging, sizeof(staging), iov);
		size_t n = 0;

		for (unsigned i = 0; i < count && n < len; i++) {
			size_t part = iov[i].iov_len < len - n ? iov[i].iov_len : len - n;

			memcpy(iov[i].iov_base, data + n, part);
			n += part;
		}
		if (!n)
			return;
		conn_received(conn, n, f.now);
		pump();
		data += n;
		len -= n;
	}
}

/* What the engine sends is read and forgotten. */
static void send_all(struct side *s)
{
	struct iovec iov[ENGINE_PENDING_IOV];
	struct conn *conn = s ? s->conn : NULL;
	unsigned n;

	while (conn && s->conn == conn && !s->opening &&
	       (n = conn_pending(conn, iov, ENGINE_PENDING_IOV, f.now)) > 0) {
		size_t all = 0;

		if (iov[0].iov_len == PDU_BHS_LEN && pdu_opcode(iov[0].iov_base) == PDU_LOGIN_REQUEST)
			s->login_tag = bytes_get32((const uint8_t *)iov[0].iov_base + 16);
		for (unsigned i = 0; i < n; i++) {
			for (size_t k = 0; k < iov[i].iov_len; k += 97)
				f.memory[k % sizeof(f.memory)] ^= ((const uint8_t *)iov[i].iov_base)[k];
			all += iov[i].iov_len;
		}
		conn_sent(conn, all, f.now);
		pump();
	}
}

static void give_segment(struct side *s, uint8_t *bhs, const uint8_t *data, size_t len)
{
	static const uint8_t zero[4];
	struct conn *conn = s->conn;

	bytes_put24(bhs + 5, (uint32_t)len);
	give(s, bhs, PDU_BHS_LEN);
	if (len && s->conn == conn)
		give(s, data, len);
	if (s->conn == conn)
		give(s, zero, pdu_pad(len));
}

static void give_pdu(struct side *s)
{
	uint8_t bhs[PDU_BHS_LEN], which = bytes_take8(&f.in) % TASKS;
	const uint8_t *head = bytes_take(&f.in, PDU_BHS_LEN), *data;
	size_t len = bytes_take8(&f.in) * 4u;

	data = bytes_take(&f.in, len);
	if (!head || !data || !s)
		return;
	memcpy(bhs, head, PDU_BHS_LEN);
	bhs[4] = 0;
	if (f.out[which])
		bytes_put32(bhs + 16, f.task[which].itt);
	bytes_put32(bhs + 24, s->stat_sn);
	if (pdu_opcode(bhs) != PDU_R2T && (pdu_opcode(bhs) != PDU_DATA_IN || bhs[1] & 1))
		s->stat_sn++;
	bytes_put32(bhs + 28, bytes_get32(head + 28) & 0xff);
	bytes_put32(bhs + 32, (bytes_get32(head + 28) & 0xff) + 64);
	give_segment(s, bhs, data, len);
}

static void login_response(struct side *s, uint8_t flags, const void *text, size_t len)
{
	uint8_t bhs[PDU_BHS_LEN] = { PDU_LOGIN_RESPONSE, flags, 0, 0, 0, 0, 0, 0, 0x80, 1, 2, 3, 4, 5,
		0, 7 };

	bytes_put32(bhs + 16, s->login_tag);
	bytes_put32(bhs + 24, s->stat_sn++);
	bytes_put32(bhs + 32, 64);
	give_segment(s, bhs, text, len);
}

static void log_in(struct side *s)
{
	static const char first[] = "TargetPortalGroupTag=1\0AuthMethod=None";
	static const char keys[] = "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0"
		"MaxConnections=4\0InitialR2T=Yes\0ImmediateData=Yes\0MaxBurstLength=65536\0"
		"FirstBurstLength=16384\0DefaultTime2Wait=2\0DefaultTime2Retain=20\0"
		"MaxOutstandingR2T=1\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0"
		"ErrorRecoveryLevel=0";
	enum { DIGEST_KEYS = sizeof("HeaderDigest=None\0DataDigest=None") }; /* all that an added one needs */
	struct conn *conn = s ? s->conn : NULL;

	open_one(s);
	pump();
	if (!conn || s->conn != conn)
		return;
	send_all(s);
	if (s->conn == conn)
		login_response(s, 0x81, first, sizeof(first));
	if (s->conn == conn)
		send_all(s);
	if (s->conn == conn)
		login_response(s, 0x87, keys, s == f.side ? sizeof(keys) : DIGEST_KEYS);
}

static void give_login(struct side *s)
{
	uint8_t flags = bytes_take8(&f.in);
	size_t len = bytes_take16(&f.in) % 2048;
	const uint8_t *data = bytes_take(&f.in, len);

	if (!s || !data)
		return;
	login_response(s, flags, data, len);
}

static void give_raw(struct side *s)
{
	size_t len = bytes_take16(&f.in) % 4096;
	const uint8_t *data = bytes_take(&f.in, len);

	if (s && data)
		give(s, data, len);
}

static void submit(struct side *s, bool write)
{
	uint32_t len = bytes_take16(&f.in);
	unsigned i = 0;

	while (i < TASKS && f.out[i])
		i++;
	if (!s || i == TASKS)
		return;
	f.task[i] = (struct task){ .in_len = write ? 0 : len, .out_len = write ? len : 0 };
	f.task[i].in = write ? NULL : malloc(len + 1);
	f.task[i].out = write ? calloc(1, len + 1) : NULL;
	f.out[i] = true;
	conn_submit(s->conn, &f.task[i], f.now);
}

static void add(void)
{
	struct conn_options options = { .id = f.next_id++, .host = "192.0.2.1", .port = 3260 };
	uint8_t flags = bytes_take8(&f.in);

	options.header_digest = flags & 1;
	options.data_digest = flags & 2;
	if (flags & 4) {
		chap_algorithms_default(&options.chap);
		options.chap.mode = flags & 8 ? CHAP_MUTUAL : CHAP_ONE_WAY;
		options.chap.user_len = 4;
		memcpy(options.chap.user, "user", 4);
		options.chap.secret_len = 16;
		memcpy(options.chap.secret, "sixteen  letters", 16);
		options.chap.target_secret_len = flags & 8 ? 17 : 0;
		memcpy(options.chap.target_secret, "seventeen letters", 17);
	}
	session_add_conn(f.session, &options, &f, f.now);
}

static void pass_time(void)
{
	f.now += (uint64_t)bytes_take16(&f.in) * 1000000;
	for (unsigned i = 0; i < f.sides; i++)
		if (f.side[i].conn && conn_deadline(f.side[i].conn) <= f.now)
			conn_expire(f.side[i].conn, f.now);
	pump();
	if (!f.over && session_deadline(f.session) <= f.now)
		session_expire(f.session, f.now);
}

static void close_one(struct side *s)
{
	struct fault why;

	fault_set(&why, FAULT_CLOSED, 0, "closed");
	if (s)
		conn_closed(s->conn, &why, f.now);
}

static void act(enum act what)
{
	struct side *s = what < ACT_TIME || what >= ACT_CLOSE ? pick() : NULL;

	switch (what) {
	case ACT_RAW:
		give_raw(s);
		break;
	case ACT_PDU:
		give_pdu(s);
		break;
	case ACT_LOGIN:
		give_login(s);
		break;
	case ACT_UP:
		log_in(s);
		break;
	case ACT_READ:
	case ACT_WRITE:
		submit(s, what == ACT_WRITE);
		break;
	case ACT_TEXT:
		if (s)
			conn_text(s->conn, "SendTargets=", 13, f.now);
		break;
	case ACT_TIME:
		pass_time();
		break;
	case ACT_ADD:
		add();
		break;
	case ACT_REMOVE:
		session_remove_conn(f.session, bytes_take8(&f.in) % 8, &f, f.now);
		break;
	case ACT_LOGOUT:
		session_logout(f.session, &f, f.now);
		break;
	case ACT_CLOSE:
		close_one(s);
		break;
	case ACT_OPEN:
		open_one(s);
		break;
	case ACT_SEND:
	case ACTS:
		send_all(s);
		break;
	}
	pump();
}

/* ---------------------------------------------------------------- one input */

static bool begin(void)
{
	struct session_config config = { .initiator_name = "iqn.2026-11.test:initiator",
		.target_name = "iqn.2026-11.test:target", .isid = { 0x80, 1, 2, 3, 4, 5 },
		.portal_group_tag = -1,
		.times = { .login = 15000, .ping_idle = 5000, .ping_wait = 5000, .logout = 5000,
			.hold = 60000, .retry = 5000 } };
	uint8_t flags = bytes_take8(&f.in);

	config.type = flags & 1 ? SESSION_DISCOVERY : SESSION_NORMAL;
	config.ordering = flags & 2;
	keys_offer_default(&config.offer);
	config.offer.max_outstanding_r2t = flags & 4 ? 1 : 8;
	config.offer.initial_r2t = flags & 8;
	config.offer.max_burst_length = 1 << 20;
	config.offer.immediate_data = !(flags & 16);
	return session_new(&config, &f.session) == 0;
}

static void end(void)
{
	if (!f.over)
		session_logout(f.session, &f, f.now);
	pump();
	for (unsigned i = 0; i < f.sides; i++)
		if (f.side[i].conn)
			conn_abandon(f.side[i].conn, f.now);
	pump();
	for (unsigned i = 0; i < TASKS; i++)
		need(!f.out[i]);
	need(f.over);
	session_free(f.session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&f, 0, sizeof(f));
	bytes_reader_init(&f.in, data, size);
	f.now = 1000000000;
	f.next_id = 1;
	if (!begin())
		return 0;
	add();
	pump();
	if (f.sides)
		open_one(&f.side[0]);
	pump();
	while (!f.in.bad && bytes_left(&f.in))
		act(bytes_take8(&f.in) % ACTS);
	end();
	return 0;
}
