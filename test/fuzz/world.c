/* world.c - see world.h. */
#include "world.h"

#include <string.h>

#include "foe.h"
#include "fuzz.h"

enum { STAGING = 512, ROUNDS_MAX = 10000, EXPIRES_MAX = 1000 };

/* ---------------------------------------------------------------- tasks */

static void held_free(struct held *h)
{
	free(h->task.in);
	free((void *)(uintptr_t)h->task.out);
	h->state = HELD_FREE;
}

static struct side *path(struct world *w)
{
	for (unsigned i = 0; i < WORLD_SIDES; i++)
		if (w->side[i].conn && w->side[i].serves && !w->side[i].ended)
			return &w->side[i];
	return NULL;
}

/* Returns false if nothing became of it. */
static bool ask(struct world *w, struct held *h)
{
	struct side *s;

	switch (session_rule(w->session, &h->task)) {
	case RULE_HOLD:
		fuzz_need(!w->over && !w->failed);
		h->ask = false;
		return false;
	case RULE_RESUME:
		fuzz_need(h->task.outcome == TASK_SUSPENDED);
		s = path(w);
		if (!s)
			return false;
		h->state = HELD_OUT;
		h->ask = false;
		conn_submit(s->conn, &h->task, w->now);
		s->look = true;
		return true;
	case RULE_DEAD:
		fuzz_need(h->task.outcome == TASK_LOST && h->task.fault.kind);
		held_free(h);
		return true;
	}
	abort();
}

/* Those adrift are asked for once, and again when the session says that its answer may have changed. */
static bool ask_all(struct world *w)
{
	bool any = false;

	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (w->held[i].state == HELD_ADRIFT && (w->held[i].ask || w->ask_again))
			any |= ask(w, &w->held[i]);
	w->ask_again = false;
	return any;
}

static void task_back(struct world *w, struct task *task)
{
	struct held *h = (struct held *)task;

	fuzz_need(h >= w->held && h < w->held + WORLD_TASKS && h->state == HELD_OUT);
	fuzz_need(task->received <= task->in_len && task->sense_len <= ENGINE_SENSE_MAX);
	if (task->outcome == TASK_SUSPENDED) {
		h->state = HELD_ADRIFT;
		h->ask = true;
		return;
	}
	fuzz_need(task->outcome == TASK_COMPLETE || task->outcome == TASK_UNSENT || task->fault.kind);
	held_free(h);
}

void world_submit(struct world *w, struct side *s, uint32_t in_len, uint32_t out_len, uint16_t cdb_len,
		  uint8_t lun)
{
	unsigned i = 0;
	struct held *h;

	while (i < WORLD_TASKS && w->held[i].state != HELD_FREE)
		i++;
	if (i == WORLD_TASKS)
		return;
	h = &w->held[i];
	*h = (struct held){ .state = HELD_OUT, .task = { .in_len = in_len, .out_len = out_len,
		.lun = (uint64_t)lun << 48, .attribute = 1, .cdb_len = cdb_len, .cdb_rest = h->rest } };
	h->task.in = in_len ? malloc(in_len) : NULL;
	h->task.out = out_len ? calloc(1, out_len) : NULL;
	conn_submit(s->conn, &h->task, w->now);
	s->look = true;
}

void world_manage(struct world *w, struct side *s, uint8_t function, uint8_t lun)
{
	unsigned i = 0;

	while (i < WORLD_MANAGES && w->managing[i])
		i++;
	if (i == WORLD_MANAGES)
		return;
	w->manage[i] = (struct management){ .function = function, .lun = (uint64_t)lun << 48 };
	w->managing[i] = true;
	conn_manage(s->conn, &w->manage[i], w->now);
	s->look = true;
}

void world_text(struct world *w, struct side *s)
{
	conn_text(s->conn, "SendTargets=", 13, w->now);
	s->look = true;
}

static void managed(struct world *w, struct management *m)
{
	unsigned i = (unsigned)(m - w->manage);

	fuzz_need(i < WORLD_MANAGES && w->managing[i]);
	w->managing[i] = false;
	if (!m->fault.kind && !w->over)
		session_managed(w->session, m, w->now);
}

/* ---------------------------------------------------------------- events */

static void wake(struct world *w, uint64_t slots)
{
	for (unsigned i = 0; i < WORLD_SIDES; i++)
		if (w->side[i].conn && !w->side[i].ended && slots >> conn_slot(w->side[i].conn) & 1) {
			conn_wake(w->side[i].conn);
			w->side[i].look = true;
		}
}

static void came_up(struct side *s, const struct conn_up *up)
{
	s->up = true;
	s->header_digest = up->params.header_digest;
	s->data_digest = up->params.data_digest;
	s->world->logins++;
	session_conn_up(s->world->session, s->conn, up, s->world->now);
}

static void on_conn_event(struct side *s, const struct conn_event *ev)
{
	struct world *w = s->world;

	fuzz_need(!s->ended);
	switch (ev->kind) {
	case CONN_EVENT_NONE:
	case CONN_EVENT_DOUBT:
	case CONN_EVENT_TRUST:
		break;
	case CONN_EVENT_VERIFY:
		fuzz_need(!s->asked);
		s->asked = true;
		s->question = ev->question;
		break;
	case CONN_EVENT_OPEN:
		fuzz_need(conn_host(s->conn)[0] && conn_port(s->conn));
		s->opening = true;
		break;
	case CONN_EVENT_UP:
		came_up(s, &ev->up);
		break;
	case CONN_EVENT_TASK:
		task_back(w, ev->task);
		break;
	case CONN_EVENT_MANAGED:
		managed(w, ev->management);
		break;
	case CONN_EVENT_CLEANED:
		session_conn_cleaned(w->session, s->conn, &ev->cleaned, w->now);
		break;
	case CONN_EVENT_TEXT:
		for (size_t i = 0; ev->text && i < ev->text_len; i++)
			w->touched += (unsigned char)ev->text[i];
		break;
	case CONN_EVENT_ASYNC:
		session_conn_async(w->session, s->conn, &ev->async, w->now);
		break;
	case CONN_EVENT_WAKE:
		wake(w, ev->wake);
		break;
	case CONN_EVENT_END:
		s->ended = true;
		session_conn_ended(w->session, s->conn, &ev->fault, w->now);
		break;
	}
}

static struct side *side_of(struct world *w, const struct conn *conn)
{
	for (unsigned i = 0; i < WORLD_SIDES; i++)
		if (w->side[i].conn == conn)
			return &w->side[i];
	return NULL;
}

/* More connections than are of interest end at once. */
static void refuse(struct world *w, struct conn *conn)
{
	struct conn_event ev;
	struct fault why;

	fault_set(&why, FAULT_CONNECT, 0, "no place");
	conn_start(conn, w->now);
	conn_closed(conn, &why, w->now);
	while (conn_next_event(conn, &ev))
		continue;
	session_conn_ended(w->session, conn, &why, w->now);
	conn_free(conn);
}

static void side_new(struct world *w, struct conn *conn)
{
	struct side *s = side_of(w, NULL);

	if (!s) {
		refuse(w, conn);
		return;
	}
	memset(s, 0, sizeof(*s));
	s->world = w;
	s->conn = conn;
	conn_start(conn, w->now);
}

static void left(struct world *w, uint64_t id)
{
	for (unsigned i = 0; i < WORLD_SIDES; i++)
		if (w->side[i].conn && conn_id(w->side[i].conn) == id)
			w->side[i].serves = false;
}

/* It takes no new commands any more. */
static void dismiss(struct side *s, const struct session_event *ev)
{
	if (!s)
		return;
	s->serves = false;
	s->look = true;
	if (ev->kind == SESSION_EVENT_LOGOUT)
		conn_logout(s->conn, ev->reason, s->world->now);
	else
		conn_abandon(s->conn, s->world->now);
}

static void on_session_event(struct world *w, const struct session_event *ev)
{
	struct side *s = ev->conn ? side_of(w, ev->conn) : NULL;

	fuzz_need(!w->over || ev->kind == SESSION_EVENT_ANSWER);
	switch (ev->kind) {
	case SESSION_EVENT_CONN:
		side_new(w, ev->conn);
		break;
	case SESSION_EVENT_LOGOUT:
	case SESSION_EVENT_ABANDON:
		dismiss(s, ev);
		break;
	case SESSION_EVENT_JOINED:
		fuzz_need(!s || conn_id(s->conn) == ev->id);
		if (s)
			s->serves = true;
		break;
	case SESSION_EVENT_LEFT:
		left(w, ev->id);
		break;
	case SESSION_EVENT_CLEANUP:
		if (!s)
			break;
		conn_cleanup(s->conn, &ev->lost, w->now);
		s->look = true;
		break;
	case SESSION_EVENT_WAKE:
		wake(w, ev->wake);
		break;
	case SESSION_EVENT_RULED:
		w->ask_again = true;
		break;
	case SESSION_EVENT_CONCLUDE:
		if (s)
			conn_conclude_covered(s->conn, ev->function, ev->lun, ev->cmd_sn, w->now);
		break;
	case SESSION_EVENT_UP:
		fuzz_need(!w->up && session_state(w->session) == SESSION_Q3_LOGGED_IN);
		w->up = w->ask_again = true;
		w->failed = false;
		w->epoch = ev->epoch;
		break;
	case SESSION_EVENT_DOWN:
		fuzz_need(w->up);
		w->up = false;
		break;
	case SESSION_EVENT_FAILED:
		w->failed = w->ask_again = true;
		break;
	case SESSION_EVENT_END:
		w->over = w->ask_again = true;
		w->up = false;
		break;
	case SESSION_EVENT_NONE:
	case SESSION_EVENT_ANSWER:
	case SESSION_EVENT_ASYNC:
		break;
	}
}

/* To the last one: else one that comes to its end could be given its tasks again and again. */
static bool pump_side(struct side *s)
{
	struct conn_event ev;
	bool any = false;

	while (s->conn && !s->ended && conn_next_event(s->conn, &ev)) {
		on_conn_event(s, &ev);
		any = true;
	}
	if (s->conn && s->ended) {
		conn_free(s->conn);
		s->conn = NULL;
		s->asked = false;
	}
	return any;
}

static bool pump_once(struct world *w)
{
	struct session_event ev;
	bool any = false;

	while (session_next_event(w->session, &ev)) {
		on_session_event(w, &ev);
		any = true;
	}
	for (unsigned i = 0; i < WORLD_SIDES; i++)
		any |= pump_side(&w->side[i]);
	return ask_all(w) || any;
}

/* What leaves is read. */
static void send_once(struct side *s, size_t most)
{
	struct iovec iov[ENGINE_PENDING_IOV];
	struct world *w = s->world;
	size_t all = 0;
	unsigned n;

	if (!s->conn || s->opening || s->ended || conn_state(s->conn) == CONN_S1_FREE)
		return;
	n = conn_pending(s->conn, iov, ENGINE_PENDING_IOV, w->now);
	fuzz_need(n <= ENGINE_PENDING_IOV);
	for (unsigned i = 0; i < n && all < most; i++) {
		size_t part = iov[i].iov_len < most - all ? iov[i].iov_len : most - all;

		fuzz_need(iov[i].iov_len);
		for (size_t k = 0; k < part; k += 61)
			w->touched += ((const uint8_t *)iov[i].iov_base)[k];
		foe_read(s, iov[i].iov_base, part);
		all += part;
	}
	if (!all)
		return;
	conn_sent(s->conn, all, w->now);
	s->look = true;
}

void world_pump(struct world *w)
{
	bool any = true;

	for (unsigned rounds = 0; any; rounds++) {
		fuzz_need(rounds < ROUNDS_MAX);
		any = pump_once(w);
		for (unsigned i = 0; i < WORLD_SIDES; i++) {
			struct side *s = &w->side[i];

			if (!s->look || s->stuffed)
				continue;
			s->look = false;
			send_once(s, SIZE_MAX);
			any = true; /* it may have events now */
		}
	}
}

/* ---------------------------------------------------------------- doors */

void world_send(struct world *w, struct side *s, size_t most)
{
	send_once(s, most);
	world_pump(w);
}

void world_add(struct world *w, const struct conn_options *options)
{
	session_add_conn(w->session, options, w, w->now);
	world_pump(w);
}

void world_open(struct world *w, struct side *s)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 1, 2, 3 };

	if (!s->conn || !s->opening)
		return;
	s->opening = false;
	foe_opened(s);
	conn_opened(s->conn, entropy, w->now);
	s->look = true;
	world_pump(w);
}

void world_close(struct world *w, struct side *s, enum fault_kind kind)
{
	struct fault why;

	fault_set(&why, kind, 0, "so it was told");
	if (s->conn)
		conn_closed(s->conn, &why, w->now);
	world_pump(w);
}

void world_verdict(struct world *w, struct side *s, bool right)
{
	struct fault why = { .kind = right ? FAULT_NONE : FAULT_AUTH };

	s->asked = false;
	conn_verdict(s->conn, &why, w->now);
	s->look = true;
	world_pump(w);
}

void world_give(struct world *w, struct side *s, const void *data, size_t len)
{
	const struct conn *conn = s->conn;
	const uint8_t *p = data;
	uint8_t staging[STAGING];
	struct iovec iov[2];

	while (len && s->conn == conn && conn && !s->opening) {
		unsigned count = conn_space(s->conn, staging, sizeof(staging), iov);
		size_t n = 0;

		fuzz_need(count <= 2);
		for (unsigned i = 0; i < count && n < len; i++) {
			size_t part = iov[i].iov_len < len - n ? iov[i].iov_len : len - n;

			memcpy(iov[i].iov_base, p + n, part);
			n += part;
		}
		if (!n)
			return;
		conn_received(s->conn, n, w->now);
		s->look = true;
		world_pump(w);
		p += n;
		len -= n;
	}
}

static bool expire_once(struct world *w)
{
	bool any = false;

	for (unsigned i = 0; i < WORLD_SIDES; i++) {
		struct side *s = &w->side[i];

		if (!s->conn || conn_deadline(s->conn) > w->now)
			continue;
		conn_expire(s->conn, w->now);
		s->look = true;
		any = true;
	}
	world_pump(w);
	if (w->over || session_deadline(w->session) > w->now)
		return any;
	session_expire(w->session, w->now);
	world_pump(w);
	return true;
}

void world_wait(struct world *w, uint64_t ms)
{
	unsigned times = 0;

	w->now += ms * 1000000;
	while (expire_once(w))
		fuzz_need(times++ < EXPIRES_MAX);
}

bool world_begin(struct world *w, const struct session_config *config)
{
	w->config = *config;
	w->now = 1000000000;
	w->next_id = 1;
	w->tame = true;
	w->next_cmd_sn = config->first_cmd_sn;
	return session_new(config, &w->session) == 0;
}

void world_end(struct world *w)
{
	if (!w->over)
		session_logout(w->session, w, w->now);
	world_pump(w);
	for (unsigned i = 0; i < WORLD_SIDES; i++)
		if (w->side[i].conn)
			conn_abandon(w->side[i].conn, w->now);
	world_pump(w);
	for (unsigned i = 0; i < WORLD_TASKS; i++)
		fuzz_need(w->held[i].state == HELD_FREE);
	for (unsigned i = 0; i < WORLD_MANAGES; i++)
		fuzz_need(!w->managing[i]);
	fuzz_need(w->over);
	session_free(w->session);
}
