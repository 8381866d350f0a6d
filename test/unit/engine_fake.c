/* engine_fake.c - see engine_fake.h. */
#include "engine_fake.h"

#include <stdlib.h>

#include "proto/digest.h"

static const char good_keys[] = "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0"
	"MaxConnections=4\0InitialR2T=No\0ImmediateData=Yes\0MaxBurstLength=65536\0"
	"FirstBurstLength=16384\0DefaultTime2Wait=2\0DefaultTime2Retain=20\0MaxOutstandingR2T=4\0"
	"DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0";
static const char added_keys[] = "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192";

void fake_setup_init(struct fake_setup *setup)
{
	*setup = (struct fake_setup){
		.config = { .type = SESSION_NORMAL, .initiator_name = "iqn.2026-11.test:initiator",
			.target_name = "iqn.2026-11.test:target", .isid = { 0x80, 1, 2, 3, 4, 5 },
			.first_cmd_sn = 1000, .portal_group_tag = -1, .rest = 0,
			.times = { .login = 15000, .ping_idle = 5000, .ping_wait = 4000, .logout = 3000,
				.hold = 60000, .retry = 2000 } },
		.options = { .id = 1, .host = "192.0.2.1", .port = 3260 },
		.first_stat_sn = 500,
	};
	keys_offer_default(&setup->config.offer);
	setup->config.offer.max_recv_data_segment_length = 65536;
	setup->config.offer.max_burst_length = 65536;
	setup->config.offer.first_burst_length = 16384;
	setup->config.offer.max_outstanding_r2t = 4;
}

void fake_begin(struct fake *f, const struct fake_setup *setup)
{
	memset(f, 0, sizeof(*f));
	f->piece = setup->piece;
	f->first_stat_sn = setup->first_stat_sn;
	f->direct = setup->direct;
	f->now = 1000000000;
	f->exp_cmd_sn = setup->config.first_cmd_sn;
	f->max_cmd_sn = f->exp_cmd_sn + 31;
	assert_int_equal(session_new(&setup->config, &f->session), 0);
}

/* ---------------------------------------------------------------- events */

static void on_conn_event(struct fake_conn *c, const struct conn_event *ev)
{
	assert_false(c->ended);
	switch (ev->kind) {
	case CONN_EVENT_NONE:
		break;
	case CONN_EVENT_OPEN:
		c->opening = true;
		c->opens++;
		c->sent_len = 0;
		break;
	case CONN_EVENT_UP:
		c->up = true;
		c->login = ev->up;
		session_conn_up(c->fake->session, c->conn, &ev->up, c->fake->now);
		break;
	case CONN_EVENT_TASK:
		assert_true(c->done_count < FAKE_TASKS);
		c->done[c->done_count++] = ev->task;
		break;
	case CONN_EVENT_VERIFY:
		c->questions++;
		c->question = ev->question;
		break;
	case CONN_EVENT_MANAGED:
		c->manageds++;
		c->managed = ev->management;
		if (!ev->management->fault.kind)
			session_managed(c->fake->session, ev->management, c->fake->now);
		break;
	case CONN_EVENT_CLEANED:
		c->cleaneds++;
		c->cleaned = ev->cleaned;
		session_conn_cleaned(c->fake->session, c->conn, &ev->cleaned, c->fake->now);
		break;
	case CONN_EVENT_DOUBT:
		c->doubts++;
		c->silence = ev->silence;
		break;
	case CONN_EVENT_TRUST:
		c->trusts++;
		break;
	case CONN_EVENT_TEXT:
		c->texts++;
		c->text_fault = ev->fault;
		c->text_len = ev->text_len < sizeof(c->text) ? ev->text_len : 0;
		if (c->text_len)
			memcpy(c->text, ev->text, c->text_len);
		break;
	case CONN_EVENT_ASYNC:
		c->asyncs++;
		c->async = ev->async;
		session_conn_async(c->fake->session, c->conn, &ev->async, c->fake->now);
		break;
	case CONN_EVENT_WAKE:
		c->wakes++;
		break;
	case CONN_EVENT_END:
		c->ended = true;
		c->fault = ev->fault;
		session_conn_ended(c->fake->session, c->conn, &ev->fault, c->fake->now);
		break;
	}
}

/* One event: what it brings the session to say is taken before the next one. */
static bool pump_conn(struct fake_conn *c)
{
	struct conn_event ev;
	bool any = !c->ended && conn_next_event(c->conn, &ev);

	if (any)
		on_conn_event(c, &ev);
	if (c->ended && c->conn) {
		conn_free(c->conn);
		c->conn = NULL;
	}
	return any;
}

static struct fake_conn *find(struct fake *f, const struct conn *conn)
{
	for (unsigned i = 0; i < f->conns; i++)
		if (f->conn[i].conn == conn)
			return &f->conn[i];
	return NULL;
}

static void new_conn(struct fake *f, struct conn *conn)
{
	struct fake_conn *c = &f->conn[f->conns++];

	assert_true(f->conns <= FAKE_CONNS);
	*c = (struct fake_conn){ .fake = f, .conn = conn, .stat_sn = f->first_stat_sn };
	c->sent = malloc(FAKE_BYTES);
	conn_start(conn, f->now);
}

static void on_session_event(struct fake *f, const struct session_event *ev)
{
	struct fake_conn *c = find(f, ev->conn);

	if (ev->kind == SESSION_EVENT_CONN)
		new_conn(f, ev->conn);
	else if (ev->kind == SESSION_EVENT_LOGOUT && c)
		conn_logout(c->conn, ev->reason, f->now);
	else if (ev->kind == SESSION_EVENT_ABANDON && c)
		conn_abandon(c->conn, f->now);
	else if (ev->kind == SESSION_EVENT_CLEANUP && c)
		conn_cleanup(c->conn, &ev->lost, f->now);
	else if (ev->kind == SESSION_EVENT_CONCLUDE && c)
		conn_conclude_covered(c->conn, ev->function, ev->lun, ev->cmd_sn, f->now);
	assert_true(f->events < FAKE_EVENTS);
	f->event[f->events++] = *ev;
}

void fake_pump(struct fake *f)
{
	struct session_event ev;
	bool any = true;

	while (any) {
		any = false;
		while (session_next_event(f->session, &ev)) {
			on_session_event(f, &ev);
			any = true;
		}
		for (unsigned i = 0; i < f->conns; i++)
			any |= pump_conn(&f->conn[i]);
	}
}

bool fake_has_event(const struct fake *f, enum session_event_kind kind)
{
	for (unsigned i = 0; i < f->events; i++)
		if (f->event[i].kind == kind)
			return true;
	return false;
}

struct session_event fake_event(struct fake *f, enum session_event_kind kind)
{
	struct session_event found = { .kind = SESSION_EVENT_NONE };

	for (unsigned i = 0; i < f->events; i++) {
		if (f->event[i].kind != kind)
			continue;
		found = f->event[i];
		memmove(&f->event[i], &f->event[i + 1], (--f->events - i) * sizeof(found));
		return found;
	}
	assert_int_equal(found.kind, kind);
	return found;
}

/* ---------------------------------------------------------------- bytes */

static void collect(struct fake_conn *c)
{
	struct iovec iov[ENGINE_PENDING_IOV];
	unsigned n;

	if (!c->conn || c->opening)
		return;
	while ((n = conn_pending(c->conn, iov, ENGINE_PENDING_IOV, c->fake->now)) > 0) {
		size_t all = 0;

		for (unsigned i = 0; i < n; i++) {
			assert_true(c->sent_len + iov[i].iov_len <= FAKE_BYTES);
			memcpy(c->sent + c->sent_len, iov[i].iov_base, iov[i].iov_len);
			c->sent_len += iov[i].iov_len;
			all += iov[i].iov_len;
		}
		conn_sent(c->conn, all, c->fake->now);
		fake_pump(c->fake);
		if (!c->conn)
			return;
	}
	fake_pump(c->fake);
}

bool fake_has_sent(struct fake_conn *c)
{
	collect(c);
	return c->sent_len > 0;
}

uint32_t fake_take(struct fake_conn *c, uint8_t opcode, uint8_t bhs[PDU_BHS_LEN], uint8_t *data,
		   size_t room)
{
	size_t header, whole, at;
	uint32_t len;

	collect(c);
	assert_true(c->sent_len >= PDU_BHS_LEN);
	memcpy(bhs, c->sent, PDU_BHS_LEN);
	assert_int_equal(pdu_opcode(bhs), opcode);
	header = PDU_BHS_LEN + pdu_ahs_len(bhs);
	at = whole = header + (c->header_digest ? DIGEST_LEN : 0);
	assert_true(c->sent_len >= whole);
	if (c->header_digest)
		assert_true(digest_equal(c->sent + header, digest_of(c->sent, header)));
	assert_true(pdu_ahs_len(bhs) <= sizeof(c->ahs));
	memcpy(c->ahs, c->sent + PDU_BHS_LEN, pdu_ahs_len(bhs));
	len = pdu_data_len(bhs);
	if (len)
		whole += len + pdu_pad(len) + (c->data_digest ? DIGEST_LEN : 0);
	assert_true(c->sent_len >= whole);
	if (len && c->data_digest)
		assert_true(digest_equal(c->sent + whole - DIGEST_LEN,
					 digest_of(c->sent + at, len + pdu_pad(len))));
	if (data) {
		assert_true(len <= room);
		memcpy(data, c->sent + at, len);
	}
	c->sent_len -= whole;
	memmove(c->sent, c->sent + whole, c->sent_len);
	return len;
}

void fake_give(struct fake_conn *c, const void *data, size_t len)
{
	uint8_t staging[2048];
	struct iovec iov[2];
	const uint8_t *p = data;
	unsigned opens = c->opens;

	while (len && c->conn && c->opens == opens) {
		size_t most = c->fake->piece ? c->fake->piece : len, n = 0;
		unsigned count = conn_space(c->conn, staging, sizeof(staging), iov);

		for (unsigned i = 0; i < count && n < len && n < most; i++) {
			size_t part = iov[i].iov_len;

			if (part > len - n)
				part = len - n;
			if (part > most - n)
				part = most - n;
			memcpy(iov[i].iov_base, p + n, part);
			n += part;
		}
		if (!n)
			return;
		conn_received(c->conn, n, c->fake->now);
		fake_pump(c->fake);
		p += n;
		len -= n;
	}
}

void fake_give_pdu(struct fake_conn *c, uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len)
{
	size_t room = PDU_BHS_LEN + len + 16, n = PDU_BHS_LEN;
	uint8_t *pdu = calloc(1, room);

	bytes_put24(bhs + 5, len);
	memcpy(pdu, bhs, PDU_BHS_LEN);
	if (c->header_digest) {
		digest_put(pdu + n, digest_of(bhs, PDU_BHS_LEN));
		n += DIGEST_LEN;
	}
	if (len) {
		memcpy(pdu + n, data, len);
		n += len + pdu_pad(len);
		if (c->data_digest) {
			digest_put(pdu + n, digest_of(pdu + n - len - pdu_pad(len), len + pdu_pad(len)));
			pdu[n] ^= c->spoil;
			c->spoil = false;
			n += DIGEST_LEN;
		}
	}
	fake_give(c, pdu, n);
	free(pdu);
}

void fake_numbers(struct fake_conn *c, uint8_t bhs[PDU_BHS_LEN], bool advance)
{
	bytes_put32(bhs + 24, c->stat_sn);
	c->stat_sn += advance;
	bytes_put32(bhs + 28, c->fake->exp_cmd_sn);
	bytes_put32(bhs + 32, c->fake->max_cmd_sn);
}

/* ---------------------------------------------------------------- login */

void fake_open(struct fake_conn *c)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	assert_true(c->opening);
	c->opening = false;
	conn_opened(c->conn, entropy, c->fake->now);
	fake_pump(c->fake);
}

/* Answers a login that skips the security stage as RFC 7143 section 6.3.1 has it. */
static void insist(struct fake_conn *c)
{
	struct pdu_login_request request;
	uint8_t bhs[PDU_BHS_LEN];

	collect(c);
	if (c->sent_len < PDU_BHS_LEN)
		return;
	pdu_get_login_request(c->sent, &request);
	if (request.csg == PDU_STAGE_SECURITY)
		return;
	fake_take(c, PDU_LOGIN_REQUEST, bhs, NULL, 0);
	c->login_itt = request.initiator_task_tag;
	fake_give_status(c, 2, 1, NULL, 0);
	fake_open(c);
	c->opens = 1;
}

struct fake_conn *fake_add(struct fake *f, const struct conn_options *options)
{
	unsigned before = f->conns;
	struct fake_conn *c;

	session_add_conn(f->session, options, (void *)(uintptr_t)options->id, f->now);
	fake_pump(f);
	assert_int_equal(f->conns, before + 1);
	c = &f->conn[before];
	fake_open(c);
	if (!f->direct)
		insist(c);
	return c;
}

void fake_give_status(struct fake_conn *c, uint8_t class, uint8_t detail, const char *text, size_t len)
{
	struct pdu_login_response r = { .status_class = class, .status_detail = detail,
		.isid = { 0x80, 1, 2, 3, 4, 5 }, .initiator_task_tag = c->login_itt };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_login_response(bhs, &r);
	fake_give_pdu(c, bhs, text, (uint32_t)len);
}

void fake_give_login(struct fake_conn *c, uint8_t flags, const char *text, size_t len)
{
	struct pdu_login_response r = { .transit = flags & 0x80, .more = flags & 0x40,
		.csg = flags >> 2 & 3, .nsg = flags & 3, .tsih = c->tsih,
		.isid = { 0x80, 1, 2, 3, 4, 5 }, .initiator_task_tag = c->login_itt,
		.stat_sn = c->stat_sn++, .exp_cmd_sn = c->fake->exp_cmd_sn,
		.max_cmd_sn = c->fake->max_cmd_sn };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_login_response(bhs, &r);
	fake_give_pdu(c, bhs, text, (uint32_t)len);
}

struct fake_conn *fake_login(struct fake *f, const struct conn_options *options, const char *keys,
			     size_t len)
{
	bool first = f->conns == 0;
	struct fake_conn *c = fake_add(f, options);
	struct pdu_login_request request;
	uint8_t bhs[PDU_BHS_LEN];

	fake_take(c, PDU_LOGIN_REQUEST, bhs, NULL, 0);
	pdu_get_login_request(bhs, &request);
	c->login_itt = request.initiator_task_tag;
	c->cid = request.cid;
	c->tsih = request.tsih;
	fake_give_login(c, 0x81, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=None"));
	assert_false(c->ended);
	fake_take(c, PDU_LOGIN_REQUEST, bhs, NULL, 0);
	c->tsih = 77;
	if (!keys && first)
		fake_give_login(c, 0x87, FAKE_TEXT(good_keys));
	else if (!keys)
		fake_give_login(c, 0x87, FAKE_TEXT(added_keys));
	else
		fake_give_login(c, 0x87, keys, len);
	assert_true(c->up);
	c->header_digest = c->login.params.header_digest;
	c->data_digest = c->login.params.data_digest;
	return c;
}

/* ---------------------------------------------------------------- the rest */

void fake_submit(struct fake_conn *c, struct task *task)
{
	conn_submit(c->conn, task, c->fake->now);
	fake_pump(c->fake);
}

void fake_closed(struct fake_conn *c, enum fault_kind kind)
{
	struct fault why;

	fault_set(&why, kind, 104, "the test");
	conn_closed(c->conn, &why, c->fake->now);
	fake_pump(c->fake);
}

void fake_wait(struct fake *f, uint64_t ms)
{
	f->now += ms * 1000000;
	for (unsigned i = 0; i < f->conns; i++)
		if (f->conn[i].conn && conn_deadline(f->conn[i].conn) <= f->now)
			conn_expire(f->conn[i].conn, f->now);
	fake_pump(f);
	if (session_deadline(f->session) <= f->now)
		session_expire(f->session, f->now);
	fake_pump(f);
}

static struct task *task_new(uint32_t in_len, uint32_t out_len)
{
	struct task *t = calloc(1, sizeof(*t));

	t->in_len = in_len;
	t->out_len = out_len;
	t->in = in_len ? calloc(1, in_len) : NULL;
	t->out = out_len ? malloc(out_len) : NULL;
	for (uint32_t i = 0; i < out_len; i++)
		((uint8_t *)(uintptr_t)t->out)[i] = (uint8_t)(i * 7 + i / 256);
	return t;
}

struct task *fake_read(uint32_t len)
{
	return task_new(len, 0);
}

struct task *fake_write(uint32_t len)
{
	return task_new(0, len);
}

struct task *fake_bidirectional(uint32_t in_len, uint32_t out_len)
{
	return task_new(in_len, out_len);
}

void fake_task_free(struct task *t)
{
	free(t->in);
	free((void *)(uintptr_t)t->out);
	free(t);
}

void fake_end(struct fake *f)
{
	session_logout(f->session, f, f->now);
	fake_pump(f);
	for (unsigned i = 0; i < f->conns; i++)
		if (f->conn[i].conn)
			fake_closed(&f->conn[i], FAULT_CLOSED);
	assert_true(fake_has_event(f, SESSION_EVENT_END));
	for (unsigned i = 0; i < f->conns; i++) {
		assert_null(f->conn[i].conn);
		free(f->conn[i].sent);
	}
	session_free(f->session);
}
