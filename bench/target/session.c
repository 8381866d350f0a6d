/*
 * session.c - what connections of a session share: its list of them, and the command window.
 *
 * The window without a lock: whoever got command n writes n to its place in arrived[], then moves
 * ExpCmdSN on over every number whose place is filled. Of two workers the one that comes later sees
 * what the other did, so no number is left standing. Places need no clearing: the next number in
 * them is another one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lean.h"

bool session_take(struct session *session, uint32_t cmd_sn)
{
	uint32_t exp = atomic_load(&session->exp_cmd_sn);

	if (cmd_sn - exp >= session->window)
		return false;
	atomic_store(&session->arrived[cmd_sn & session->mask], cmd_sn);
	exp = atomic_load(&session->exp_cmd_sn);
	while (atomic_load(&session->arrived[exp & session->mask]) == exp)
		if (atomic_compare_exchange_weak(&session->exp_cmd_sn, &exp, exp + 1))
			exp++;
	return true;
}

void session_window(struct session *session, uint32_t *ret_exp, uint32_t *ret_max)
{
	*ret_exp = atomic_load(&session->exp_cmd_sn);
	*ret_max = *ret_exp + session->window - 1;
}

/* Wakes the worker of each connection with an end of file: it frees it then. */
static void session_shut(struct session *session, const struct conn *but, int cid)
{
	list_for_each(it, &session->conns) {
		struct conn *conn = list_entry(it, struct conn, in_session);

		if (conn != but && (cid < 0 || conn->cid == cid))
			shutdown(conn->fd, SHUT_RDWR);
	}
}

void session_close(struct conn *conn, int cid)
{
	struct lean *lean = conn->worker->lean;

	pthread_mutex_lock(&lean->lock);
	session_shut(conn->session, conn, cid);
	pthread_mutex_unlock(&lean->lock);
}

/* The TSIH of a new session: not 0, and of no other. 0: there is none left. */
static uint16_t session_number(struct lean *lean)
{
	for (uint32_t tries = 0; tries <= UINT16_MAX; tries++) {
		lean->last_tsih++;
		if (lean->last_tsih && !lean->by_tsih[lean->last_tsih])
			return lean->last_tsih;
	}
	return 0;
}

static void session_reinstate(struct lean *lean, const struct session *by)
{
	list_for_each(it, &lean->sessions) {
		struct session *old = list_entry(it, struct session, link);

		if (memcmp(old->isid, by->isid, sizeof(old->isid)) == 0 &&
		    strcmp(old->initiator, by->initiator) == 0 &&
		    strcasecmp(old->target, by->target) == 0)
			session_shut(old, NULL, -1);
	}
}

int session_open(struct conn *conn, const uint8_t isid[6], uint32_t cmd_sn)
{
	struct lean *lean = conn->worker->lean;
	uint32_t places = 64;
	struct session *session;

	while (places < 2 * lean->options.window)
		places *= 2;
	session = calloc(1, sizeof(*session) + places * sizeof(session->arrived[0]));
	if (!session)
		return -ENOMEM;
	list_init(&session->conns);
	memcpy(session->isid, isid, sizeof(session->isid));
	memcpy(session->initiator, conn->initiator, sizeof(session->initiator));
	memcpy(session->target, conn->target, sizeof(session->target));
	session->discovery = conn->discovery;
	session->initial_r2t = conn->agreed.initial_r2t;
	session->immediate = conn->agreed.immediate;
	session->max_burst = conn->agreed.max_burst;
	session->first_burst = conn->agreed.first_burst;
	session->max_r2t = conn->agreed.max_r2t;
	session->window = lean->options.window;
	session->mask = places - 1;
	for (uint32_t i = 0; i < places; i++)
		session->arrived[i] = i + 1; /* never a number of this place */
	atomic_store(&session->exp_cmd_sn, cmd_sn);
	pthread_mutex_lock(&lean->lock);
	session_reinstate(lean, session);
	session->tsih = session_number(lean);
	if (session->tsih) {
		lean->by_tsih[session->tsih] = session;
		list_append(&lean->sessions, &session->link);
		list_append(&session->conns, &conn->in_session);
	}
	pthread_mutex_unlock(&lean->lock);
	if (!session->tsih) {
		free(session);
		return -ENOMEM;
	}
	conn->session = session;
	return 0;
}

int session_join(struct conn *conn, const uint8_t isid[6], uint16_t tsih)
{
	struct lean *lean = conn->worker->lean;
	struct session *found;

	pthread_mutex_lock(&lean->lock);
	found = lean->by_tsih[tsih];
	if (found && memcmp(found->isid, isid, sizeof(found->isid)) != 0)
		found = NULL;
	if (found)
		list_append(&found->conns, &conn->in_session);
	pthread_mutex_unlock(&lean->lock);
	conn->session = found;
	return found ? 0 : -ENOENT;
}

void session_leave(struct conn *conn)
{
	struct lean *lean = conn->worker->lean;
	struct session *session = conn->session;
	bool last;

	if (!session)
		return;
	pthread_mutex_lock(&lean->lock);
	list_remove(&conn->in_session);
	last = list_empty(&session->conns);
	if (last) {
		list_remove(&session->link);
		lean->by_tsih[session->tsih] = NULL;
	}
	pthread_mutex_unlock(&lean->lock);
	conn->session = NULL;
	if (last)
		free(session);
}
