/*
 * member.c - the connections that a session has or shall have again: a list in the order of their
 * coming, the leading one first.
 */
#include "engine/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void member_free(struct member *m)
{
	if (!m)
		return;
	explicit_bzero(&m->options, sizeof(m->options));
	free(m);
}

struct member *member_leading(const struct session *s)
{
	return s->members ? s->member[s->order[0]] : NULL;
}

struct member *member_at(const struct session *s, unsigned place)
{
	return s->member[s->order[place]];
}

static unsigned slot_of(const struct session *s, const struct member *m)
{
	for (unsigned i = 0; i < s->members; i++)
		if (member_at(s, i) == m)
			return s->order[i];
	return ENGINE_MAX_CONNS;
}

struct member *member_of(const struct session *s, const struct conn *c)
{
	struct member *m = s->member[conn_slot(c)];

	return m && m->conn == c ? m : NULL;
}

struct member *member_by_id(const struct session *s, uint64_t id)
{
	for (unsigned i = 0; i < s->members; i++)
		if (member_at(s, i)->options.id == id)
			return member_at(s, i);
	return NULL;
}

unsigned member_count(const struct session *s, enum member_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->members; i++)
		n += member_at(s, i)->state == state;
	return n;
}

unsigned member_conns(const struct session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->members; i++)
		n += member_at(s, i)->conn != NULL;
	return n;
}

void member_remove(struct session *s, struct member *m)
{
	unsigned slot = slot_of(s, m), at = 0;

	while (s->order[at] != slot)
		at++;
	memmove(s->order + at, s->order + at + 1, (s->members - at - 1) * sizeof(s->order[0]));
	s->members--;
	s->first_place -= at < s->first_place;
	s->member[slot] = NULL;
	member_free(m);
}

struct member *member_add(struct session *s, const struct conn_options *options, void *token)
{
	struct member *m;
	unsigned slot = 0;

	while (slot < ENGINE_MAX_CONNS && s->member[slot])
		slot++;
	if (slot == ENGINE_MAX_CONNS || session_grow_events(s, s->members + 1) < 0)
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->state = MEMBER_JOINING;
	m->options = *options;
	m->token = token;
	m->retry_at = ENGINE_NEVER;
	s->member[slot] = m;
	s->order[s->members++] = slot;
	return m;
}

struct member *member_by_cid(const struct session *s, uint16_t cid)
{
	for (unsigned i = 0; i < s->members; i++)
		if (member_at(s, i)->conn && member_at(s, i)->conn->cid == cid)
			return member_at(s, i);
	return NULL;
}

/* ID-9. After 65536 connections the numbers come again, and a living one may still have its own: a
 * login with that would take its place. */
static uint16_t fresh_cid(struct session *s)
{
	do
		s->next_cid++;
	while (member_by_cid(s, s->next_cid) || cleanup_has_cid(s, s->next_cid));
	return s->next_cid;
}

int member_connect(struct session *s, struct member *m, const struct conn_options *through,
		   const struct cleanup *old)
{
	bool joins = s->phase == PHASE_UP || old;
	struct conn_options options = m->options;
	struct conn_plan plan = { .shared = s->shared, .options = &options, .slot = slot_of(s, m),
		.cid = old ? old->cid : fresh_cid(s), .tsih = joins ? s->tsih : 0,
		.epoch = s->next_epoch, .portal_group_tag = s->portal_group_tag,
		.session = joins ? &s->params : NULL, .reinstates = old != NULL,
		.exp_stat_sn = old ? old->exp_stat_sn : 0,
		.direct = !joins && !s->insists, /* TOL-6 */
		.login = old || s->phase == PHASE_REOPENING ? recovery_login_time(s)
							     : s->config.times.login };
	int r;

	if (through) {
		memcpy(options.host, through->host, sizeof(options.host));
		options.port = through->port;
	}
	r = conn_new(&plan, &m->conn);
	explicit_bzero(&options, sizeof(options));
	if (r < 0)
		return r;
	s->next_epoch++;
	session_add_event(s, SESSION_EVENT_CONN)->conn = m->conn;
	return 0;
}
