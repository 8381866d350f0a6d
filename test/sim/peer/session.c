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
	list_init(&s->conns);
	list_init(&s->tasks);
	list_init(&s->waiting);
	list_init(&s->functions);
	list_init(&s->lost);
	for (unsigned i = 0; p->options.unit_attention && i < PEER_LUNS; i++)
		session_attention(s, i, 0x2900);
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

struct peer_conn *session_conn(const struct peer_session *s, uint16_t cid)
{
	list_for_each(it, &s->conns)
		if (list_entry(it, struct peer_conn, session_link)->cid == cid)
			return list_entry(it, struct peer_conn, session_link);
	return NULL;
}

/* One that still runs goes before one that was answered: the tag may be in use again. */
struct peer_task *session_task(const struct peer_session *s, uint32_t itt)
{
	struct peer_task *answered = NULL;

	list_for_each(it, &s->tasks) {
		struct peer_task *task = list_entry(it, struct peer_task, all);

		if (task->itt != itt || task->kind == TASK_PLACE)
			continue;
		if (task->state != PEER_ANSWERED)
			return task;
		answered = task;
	}
	return answered;
}

unsigned session_level(const struct peer_session *s)
{
	return min32(s->params.level, s->peer->options.lies.level_had);
}

void session_attention(struct peer_session *s, unsigned lun, uint16_t code)
{
	for (unsigned i = 0; i < PEER_ATTENTIONS; i++) {
		if (s->attention[lun][i] == code)
			return;
		if (!s->attention[lun][i]) {
			s->attention[lun][i] = code;
			return;
		}
	}
}

void session_end(struct peer_session *s)
{
	while (!list_empty(&s->conns)) {
		struct peer_conn *c = list_entry(s->conns.next, struct peer_conn, session_link);

		recovery_lost(c);
		conn_close(c);
	}
	login_session_ended(s->peer, s);
	while (!list_empty(&s->tasks))
		task_free(list_entry(s->tasks.next, struct peer_task, all));
	/* Its memory stays until it can't be in use any more. */
	list_remove(&s->link);
	list_append(&s->peer->ended, &s->link);
}

void session_free_ended(struct peer *p)
{
	struct list *it, *lost;

	while ((it = list_pop(&p->ended))) {
		while ((lost = list_pop(&list_entry(it, struct peer_session, link)->lost)))
			free(list_entry(lost, struct peer_lost, link));
		free(list_entry(it, struct peer_session, link));
	}
}

void session_window(struct peer_session *s)
{
	unsigned queue = s->peer->options.queue, room = queue > s->running ? queue - s->running : 0;
	uint32_t max = s->exp_cmd_sn + room - 1;

	if (sn_gt(max, s->max_cmd_sn))
		s->max_cmd_sn = max;
}

/* Without a connection only a whole command runs, and at level 2 one that may be reassigned. */
static bool may_begin(const struct peer_task *task)
{
	if (task->conn)
		return true;
	return task->kind == TASK_SCSI && (write_complete(task) || session_level(task->session) == 2);
}

void session_begin(struct peer_session *s)
{
	while (!list_empty(&s->waiting)) {
		struct peer_task *task = list_entry(s->waiting.next, struct peer_task, link);

		if (task->cmd_sn != s->exp_cmd_sn)
			break;
		list_remove(&task->link);
		s->exp_cmd_sn++;
		if (task->kind == TASK_PLACE || !may_begin(task))
			task_free(task);
		else
			task_begin(task);
	}
	session_window(s);
}

/* Where a number has its place; NULL if it is taken. */
static struct list *place(struct peer_session *s, uint32_t cmd_sn)
{
	struct list *at = &s->waiting;

	while (at->prev != &s->waiting &&
	       sn_gt(list_entry(at->prev, struct peer_task, link)->cmd_sn, cmd_sn))
		at = at->prev;
	if (at->prev != &s->waiting &&
	    list_entry(at->prev, struct peer_task, link)->cmd_sn == cmd_sn)
		return NULL;
	return at;
}

void session_take(struct peer_session *s, struct peer_task *task)
{
	struct list *at = place(s, task->cmd_sn);

	if (!at) { /* its place was plugged */
		number_dropped(s, task->cmd_sn);
		task_dead(task->conn, task->itt, task->cmd.lun, DEAD_ENDED);
		task_free(task);
		return;
	}
	list_insert_before(at, &task->link);
	session_begin(s);
}

void session_plug(struct peer_session *s, uint32_t cmd_sn)
{
	struct list *at = place(s, cmd_sn);
	struct peer_task *task;

	if (!at)
		return;
	task = peer_alloc(sizeof(*task));
	task->session = s;
	task->kind = TASK_PLACE;
	task->cmd_sn = cmd_sn;
	task->itt = PDU_NO_TAG;
	list_append(&s->tasks, &task->all);
	list_insert_before(at, &task->link);
}
