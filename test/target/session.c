/*
 * session.c - sessions of the test target and the order of their commands (RFC 7143 sections 4.2.2.1
 * and 6.3.5). Everything here is called with the lock held.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "proto/sn.h"
#include "target.h"

struct session *session_find(const uint8_t isid[6], const char *initiator, uint16_t tsih)
{
	list_for_each(it, &target.sessions) {
		struct session *s = list_entry(it, struct session, link);

		if (memcmp(s->isid, isid, sizeof(s->isid)) == 0 &&
		    strcmp(s->initiator, initiator) == 0 && (tsih == 0 || s->tsih == tsih))
			return s;
	}
	return NULL;
}

struct session *session_new(const uint8_t isid[6], const char *initiator, bool discovery)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	memcpy(s->isid, isid, sizeof(s->isid));
	snprintf(s->initiator, sizeof(s->initiator), "%s", initiator);
	s->discovery = discovery;
	if (++target.next_tsih == 0)
		target.next_tsih = 1;
	s->tsih = target.next_tsih;
	list_init(&s->conns);
	list_init(&s->waiting);
	s->max_connections = 1;
	s->max_burst = 262144;
	s->first_burst = 65536;
	s->max_r2t = 1;
	s->initial_r2t = s->immediate_data = true;
	s->not_ready = target.options.not_ready;
	s->unit_attention = target.options.unit_attention;
	s->busy = target.options.busy;
	list_append(&target.sessions, &s->link);
	return s;
}

void session_end(struct session *session)
{
	uint16_t tsih = session->tsih;
	bool there = true;

	list_for_each(it, &session->conns)
		conn_cut(list_entry(it, struct conn, link));
	/* The last connection to leave frees the session. */
	while (there) {
		there = false;
		list_for_each(it, &target.sessions)
			if (list_entry(it, struct session, link)->tsih == tsih)
				there = true;
		if (there)
			pthread_cond_wait(&target.changed, &target.lock);
	}
}

void session_leave(struct conn *conn)
{
	struct session *s = conn->session;

	if (!s)
		return;
	list_for_each(it, &s->waiting) {
		struct task *task = list_entry(it, struct task, link);

		/* Its number was received, so it leaves no hole. */
		if (task->conn == conn) {
			list_remove(&task->data_link);
			task->conn = NULL;
		}
	}
	list_remove(&conn->link);
	conn->session = NULL;
	if (--s->count > 0)
		return;
	struct list *it;
	while ((it = list_pop(&s->waiting)))
		task_free(list_entry(it, struct task, link));
	list_remove(&s->link);
	free(s);
}

uint32_t session_max_cmd_sn(const struct session *session)
{
	return session->exp_cmd_sn + target.options.queue - 1;
}

static void session_advance(struct session *session)
{
	while (!list_empty(&session->waiting)) {
		struct task *first = list_entry(session->waiting.next, struct task, link);

		if (first->cmd_sn != session->exp_cmd_sn)
			return;
		list_remove(&first->link);
		session->exp_cmd_sn++;
		if (!first->conn) {
			task_free(first);
			continue;
		}
		list_append(&first->conn->ready, &first->link);
		pthread_cond_broadcast(&first->conn->wake);
	}
}

bool session_accept(struct session *session, struct task *task)
{
	struct list *at = &session->waiting;

	if (sn_lt(task->cmd_sn, session->exp_cmd_sn) ||
	    sn_gt(task->cmd_sn, session_max_cmd_sn(session)))
		return false;
	while (at->prev != &session->waiting &&
	       sn_gt(list_entry(at->prev, struct task, link)->cmd_sn, task->cmd_sn))
		at = at->prev;
	if (at->prev != &session->waiting &&
	    list_entry(at->prev, struct task, link)->cmd_sn == task->cmd_sn)
		return false;
	list_insert_before(at, &task->link);
	session_advance(session);
	return true;
}
