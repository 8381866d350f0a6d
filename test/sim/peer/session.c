/*
 * session.c - sessions of the peer, and the order of their commands over all connections (RFC 7143
 * sections 4.2.2.1, 6.3.5).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/sn.h"

#include "inside.h"

struct peer_session *session_find(struct peer *p, const uint8_t isid[6], const char *initiator)
{
	list_for_each(it, &p->sessions) {
		struct peer_session *s = list_entry(it, struct peer_session, link);

		if (memcmp(s->isid, isid, sizeof(s->isid)) == 0 && strcmp(s->initiator, initiator) == 0)
			return s;
	}
	return NULL;
}

struct peer_session *session_open(struct peer *p, const uint8_t isid[6], const char *initiator,
				  bool discovery, uint32_t cmd_sn)
{
	struct peer_session *s = peer_alloc(sizeof(*s));

	s->peer = p;
	memcpy(s->isid, isid, sizeof(s->isid));
	snprintf(s->initiator, sizeof(s->initiator), "%s", initiator);
	s->discovery = discovery;
	if (++p->next_tsih == 0)
		p->next_tsih = 1;
	s->tsih = p->next_tsih;
	s->exp_cmd_sn = cmd_sn;
	s->max_cmd_sn = cmd_sn + p->options.queue - 1;
	s->attention = p->options.unit_attention ? 0xff : 0;
	list_init(&s->conns);
	list_init(&s->waiting);
	list_append(&p->sessions, &s->link);
	return s;
}

void session_join(struct peer_session *s, struct peer_conn *c)
{
	uint64_t every = s->peer->options.ping_every;

	c->session = s;
	list_append(&s->conns, &c->session_link);
	if (every && !s->discovery)
		c->ping_at = s->peer->now + 1 + random_below(&s->peer->random, (uint32_t)every);
}

unsigned session_conns(const struct peer_session *s)
{
	unsigned n = 0;

	list_for_each(it, &s->conns)
		n++;
	return n;
}

/* Tasks of this connection whose data can't come any more; the others lose the way back. */
static void leave_tasks(struct peer_conn *c, struct list *tasks)
{
	list_for_each(it, tasks) {
		struct peer_task *task = list_entry(it, struct peer_task, link);

		if (task->conn != c)
			continue;
		list_remove(&task->data_link);
		task->conn = NULL;
		if (tasks == &c->peer->running && (task->got < task->len || task->kind != TASK_SCSI)) {
			task->session->running--;
			task_free(task);
		}
	}
}

void session_leave(struct peer_conn *c)
{
	struct peer_session *s = c->session;

	leave_tasks(c, &s->waiting);
	leave_tasks(c, &c->peer->running);
	list_for_each(it, &c->writes) { /* those begun, which wait for data */
		struct peer_task *task = list_entry(it, struct peer_task, data_link);

		if (task->begun) {
			s->running--;
			task_free(task);
		}
	}
	list_remove(&c->session_link);
	c->session = NULL;
	c->ping_at = UINT64_MAX;
}

static void end_running(struct peer_session *s)
{
	list_for_each(it, &s->peer->running) {
		struct peer_task *task = list_entry(it, struct peer_task, link);

		if (task->session == s)
			task_free(task);
	}
}

void session_end(struct peer_session *s)
{
	while (!list_empty(&s->conns)) {
		struct peer_conn *c = list_entry(s->conns.next, struct peer_conn, session_link);

		session_leave(c);
		conn_close(c);
	}
	login_session_ended(s->peer, s);
	end_running(s);
	while (!list_empty(&s->waiting))
		task_free(list_entry(s->waiting.next, struct peer_task, link));
	/* Its memory stays until it can't be in use any more. */
	list_remove(&s->link);
	list_append(&s->peer->ended, &s->link);
}

void session_free_ended(struct peer *p)
{
	struct list *it;

	while ((it = list_pop(&p->ended)))
		free(list_entry(it, struct peer_session, link));
}

void session_window(struct peer_session *s)
{
	unsigned queue = s->peer->options.queue, room = queue > s->running ? queue - s->running : 0;
	uint32_t max = s->exp_cmd_sn + room - 1;

	if (sn_gt(max, s->max_cmd_sn))
		s->max_cmd_sn = max;
}

static void begin_all(struct peer_session *s)
{
	while (!list_empty(&s->waiting)) {
		struct peer_task *task = list_entry(s->waiting.next, struct peer_task, link);

		if (task->cmd_sn != s->exp_cmd_sn)
			break;
		list_remove(&task->link);
		s->exp_cmd_sn++;
		s->running++;
		if (task->conn || (task->kind == TASK_SCSI && task->got == task->len)) {
			task_begin(task);
		} else {
			s->running--;
			task_free(task);
		}
	}
	session_window(s);
}

void session_take(struct peer_session *s, struct peer_task *task)
{
	struct list *at = &s->waiting;

	if (sn_lt(task->cmd_sn, s->exp_cmd_sn) || sn_gt(task->cmd_sn, s->max_cmd_sn)) {
		peer_note(s->peer, "CmdSN %u outside the window %u to %u", task->cmd_sn, s->exp_cmd_sn,
			  s->max_cmd_sn);
		task_free(task);
		return;
	}
	while (at->prev != &s->waiting &&
	       sn_gt(list_entry(at->prev, struct peer_task, link)->cmd_sn, task->cmd_sn))
		at = at->prev;
	if (at->prev != &s->waiting &&
	    list_entry(at->prev, struct peer_task, link)->cmd_sn == task->cmd_sn) {
		peer_note(s->peer, "CmdSN %u came twice", task->cmd_sn);
		task_free(task);
		return;
	}
	list_insert_before(at, &task->link);
	begin_all(s);
}
