/*
 * cleanup.c - how a session goes on without a connection that was lost, at recovery levels 1 and 2
 * (RFC 7143 sections 6.3.4, 6.3.6, 7.1.4.3, 7.5; REC-5, REC-10, REC-14, REC-17).
 *
 * What the connection left at the target has to be ended, or at level 2 suspended, before its tasks may
 * go elsewhere (MCS-15, RA-2): by a Logout over another connection; or, when none is left, by a login
 * that takes its place, which continues the session. What can't be settled so, or not in its time, ends
 * in the reinstatement of the session (recovery.c). What becomes of the tasks: rule.c.
 */
#include "engine/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLEANUP_PAUSE = 50,      /* milliseconds after a failed attempt */
	CLEANUP_TIME_MAX = 3600, /* seconds; what a target asks for beyond is cut (AS-3) */
};

/* ---------------------------------------------------------------- the list */

struct cleanup *cleanup_by_epoch(struct session *s, uint32_t epoch)
{
	for (unsigned i = 0; i < s->cleanups; i++)
		if (s->cleanup[i].epoch == epoch)
			return &s->cleanup[i];
	return NULL;
}

static struct cleanup *by_cid(struct session *s, uint16_t cid)
{
	for (unsigned i = 0; i < s->cleanups; i++)
		if (s->cleanup[i].cid == cid && !s->cleanup[i].clean)
			return &s->cleanup[i];
	return NULL;
}

bool cleanup_has_cid(const struct session *s, uint16_t cid)
{
	for (unsigned i = 0; i < s->cleanups; i++)
		if (s->cleanup[i].cid == cid)
			return true;
	return false;
}

unsigned cleanup_count(const struct session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->cleanups; i++)
		n += s->cleanup[i].ended && !s->cleanup[i].clean;
	return n;
}

unsigned cleanup_strays(const struct session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->cleanups; i++)
		n += !s->cleanup[i].member && s->cleanup[i].ended && !s->cleanup[i].clean;
	return n;
}

void cleanup_disown(struct session *s, const struct member *m)
{
	for (unsigned i = 0; i < s->cleanups; i++)
		if (s->cleanup[i].member == m)
			s->cleanup[i].member = NULL;
}

void cleanup_forget_all(struct session *s)
{
	s->cleanups = 0;
	s->cleaner = NULL;
}

static void forget(struct session *s, struct cleanup *it)
{
	unsigned at = (unsigned)(it - s->cleanup);

	s->cleanups--;
	memmove(it, it + 1, (s->cleanups - at) * sizeof(*it));
}

/* Most sessions never lose a connection. */
static bool make_room(struct session *s)
{
	if (!s->cleanup)
		s->cleanup = calloc(ENGINE_MAX_CONNS, sizeof(*s->cleanup));
	return s->cleanup && s->cleanups < ENGINE_MAX_CONNS;
}

/* NULL if there are too many, or no memory. */
static struct cleanup *add(struct session *s, struct member *m, const struct conn *c, uint64_t now,
			   const struct cleanup_times *times)
{
	struct cleanup *it;

	if (!make_room(s))
		return NULL;
	/* Logouts and rulings of one round have to agree. */
	if (!s->cleanups)
		s->reassigns = s->params.error_recovery_level >= 2 && !s->config.no_reassign;
	it = &s->cleanup[s->cleanups++];
	*it = (struct cleanup){ .member = m, .cid = c->cid, .epoch = c->epoch, .at = now + times->wait,
				.until = now + times->wait + times->retain };
	return it;
}

static void ended(struct cleanup *it, const struct conn *c)
{
	it->ended = true;
	it->exp_stat_sn = c->told_stat_sn; /* never of a status whose data are missing (ST-5) */
}

/* ---------------------------------------------------------------- beginning */

struct cleanup_times cleanup_times(const struct session *s)
{
	uint64_t rest = recovery_rest(s), wait = s->params.default_time2wait * 1000 * MS;

	/* A longer rest is what a reinstatement needs. */
	return (struct cleanup_times){ .wait = rest < wait ? rest : wait,
		.retain = s->params.default_time2retain * 1000 * MS };
}

struct cleanup_times cleanup_times_told(uint16_t wait, uint16_t retain)
{
	unsigned w = wait < CLEANUP_TIME_MAX ? wait : CLEANUP_TIME_MAX;
	unsigned r = retain < CLEANUP_TIME_MAX ? retain : CLEANUP_TIME_MAX;

	return (struct cleanup_times){ .wait = w * 1000 * MS, .retain = r * 1000 * MS };
}

/* A peer that broke the protocol costs the session (FMT-1), and what is not retained can't be taken up
 * again (LO-7) (REC-5, TRAP-1). */
static bool is_repairable(const struct session *s, const struct fault *why,
			  const struct cleanup_times *times)
{
	if (s->params.error_recovery_level == 0 || times->retain == 0)
		return false;
	return why->kind == FAULT_CLOSED || why->kind == FAULT_TIMEOUT || why->kind == FAULT_DIGEST ||
	       why->kind == FAULT_LOGOUT;
}

/* REC-10 */
void cleanup_begin(struct session *s, struct member *m, const struct conn *c, const struct fault *why,
		   uint64_t now)
{
	struct cleanup_times times = cleanup_times(s);
	struct cleanup *it = NULL;

	/* A number that was no command's is never sent again: all behind it would wait (TRAP-8). */
	if (is_repairable(s, why, &times) && !conn_left_hole(c))
		it = add(s, m, c, now, &times);
	if (!it) {
		recovery_begin(s, why, now, 0);
		return;
	}
	ended(it, c);
	if (m) {
		m->state = MEMBER_CLEANUP;
		session_tell_left(s, m, true, why);
	}
	if (!member_count(s, MEMBER_UP))
		cleanup_lapse(s, why, now);
}

/* The connection lives still; its end will come. */
static bool give_up(struct session *s, struct member *m, const struct fault *why, uint64_t now,
		    const struct cleanup_times *times)
{
	if (!add(s, m->state == MEMBER_LEAVING ? NULL : m, m->conn, now, times))
		return false;
	session_add_event(s, SESSION_EVENT_ABANDON)->conn = m->conn;
	if (m->state == MEMBER_LEAVING) /* its call is answered when it has ended */
		return true;
	m->state = MEMBER_CLEANUP;
	session_tell_left(s, m, true, why);
	return true;
}

static bool carried_io(const struct member *m)
{
	return m->state == MEMBER_UP || m->state == MEMBER_RESTING || m->state == MEMBER_LEAVING;
}

int cleanup_drop(struct session *s, struct member *m, const struct fault *why, uint64_t now,
		 const struct cleanup_times *times)
{
	if (!carried_io(m) || cleanup_by_epoch(s, m->conn->epoch))
		return 0;
	if (!is_repairable(s, why, times) || !give_up(s, m, why, now, times))
		return -ENOTSUP;
	if (!member_count(s, MEMBER_UP))
		cleanup_lapse(s, why, now);
	return 0;
}

/* ---------------------------------------------------------------- over another connection */

/* It may be that the next one that is tried was lost as well, and we don't know it yet: so each time
 * another one. */
static struct member *pick_carrier(const struct session *s, unsigned tries)
{
	unsigned n = member_count(s, MEMBER_UP), at = n ? tries % n : 0;

	for (unsigned i = 0; i < s->members; i++)
		if (member_at(s, i)->state == MEMBER_UP && at-- == 0)
			return member_at(s, i);
	return NULL;
}

/* LO-8, REC-17 */
static void log_out(struct session *s, struct cleanup *it)
{
	struct member *carrier = pick_carrier(s, it->tries);
	struct session_event *ev;

	if (!carrier)
		return;
	it->tries++;
	s->cleaner = carrier->conn;
	ev = session_add_event(s, SESSION_EVENT_CLEANUP);
	ev->conn = carrier->conn;
	ev->lost.cid = it->cid;
	ev->lost.reason = s->reassigns ? PDU_LOGOUT_RECOVERY : PDU_LOGOUT_CONNECTION; /* LO-3 */
	ev->lost.exp_stat_sn = it->exp_stat_sn;
}

/* REC-11 */
void cleanup_go_on(struct session *s, uint64_t now)
{
	for (unsigned i = 0; s->phase == PHASE_UP && !s->cleaner && i < s->cleanups; i++)
		if (s->cleanup[i].ended && !s->cleanup[i].clean && s->cleanup[i].at <= now)
			log_out(s, &s->cleanup[i]);
}

/* R3: the target has let go of it. At level 2 it may want a pause before tasks are reassigned
 * (RA-10). */
static void settle(struct session *s, struct cleanup *it, unsigned pause, uint64_t now)
{
	struct member *m = it->member;

	if (pause && s->reassigns && s->config.rest == ENGINE_TIME2WAIT) {
		it->clean = true;
		it->member = NULL;
		it->at = now + cleanup_times_told((uint16_t)pause, 0).wait;
	} else {
		forget(s, it);
	}
	s->ruled = true;
	if (m)
		recovery_bring(s, m, now);
}

/* Whether the Logout may succeed over another connection. */
static bool may_try_again(const struct fault *why)
{
	return why->kind == FAULT_CLOSED || why->kind == FAULT_TIMEOUT || why->kind == FAULT_DIGEST ||
	       why->kind == FAULT_ABANDONED || why->kind == FAULT_GONE;
}

static void refused(struct session *s, const struct conn_cleaned *cleaned, uint64_t now)
{
	struct fault why = cleaned->fault;

	if (!why.kind)
		fault_set(&why, FAULT_LOGOUT, cleaned->response,
			  "the target could not clean up connection %u (response %u)", cleaned->cid,
			  cleaned->response);
	recovery_begin(s, &why, now, 0);
}

void session_conn_cleaned(struct session *s, struct conn *c, const struct conn_cleaned *cleaned,
			  uint64_t now)
{
	struct cleanup *it = by_cid(s, cleaned->cid);

	if (s->cleaner != c)
		return;
	s->cleaner = NULL;
	if (s->phase != PHASE_UP || !it)
		return;
	if (!cleaned->fault.kind && cleaned->response == 0)
		settle(s, it, cleaned->time2wait, now);
	else if (may_try_again(&cleaned->fault))
		it->at = now + CLEANUP_PAUSE * MS;
	else
		refused(s, cleaned, now);
	cleanup_go_on(s, now);
}

/* ---------------------------------------------------------------- connections that were given up */

void cleanup_conn_ended(struct session *s, struct member *m, const struct conn *c,
			const struct fault *why, uint64_t now)
{
	struct cleanup *it = cleanup_by_epoch(s, c->epoch);

	if (!it)
		recovery_bring(s, m, now);
	else if (!why->kind && s->phase == PHASE_UP) /* its own Logout was quicker */
		settle(s, it, 0, now);
	else if (!conn_left_hole(c))
		ended(it, c);
	else if (s->phase == PHASE_UP)
		recovery_begin(s, why, now, 0);
	else
		recovery_escalate(s, now);
}

/* One that was not in the list, for its login was under way, or its logout. */
static void note_lapsed(struct session *s, struct member *m, const struct conn *c,
			const struct fault *why, uint64_t now)
{
	struct cleanup_times times = cleanup_times(s);
	struct cleanup *it = cleanup_by_epoch(s, c->epoch);

	/* It never was in full feature phase, or was logged out well. */
	if (!c->up.tsih || !why->kind) {
		if (it)
			forget(s, it);
		return;
	}
	if (!it)
		it = add(s, m, c, now, &times);
	if (!it || conn_left_hole(c)) {
		recovery_escalate(s, now);
		return;
	}
	ended(it, c);
	if (m)
		m->state = MEMBER_CLEANUP;
}

void cleanup_lapsed_conn_ended(struct session *s, struct member *m, const struct conn *c,
			       const struct fault *why, uint64_t now)
{
	bool stays = m->state != MEMBER_JOINING && m->state != MEMBER_LEAVING;

	if (stays) {
		m->state = MEMBER_AWAY;
		note_lapsed(s, m, c, why, now);
		return;
	}
	if (m->state == MEMBER_LEAVING)
		session_tell_left(s, m, false, why);
	session_answer(s, m->token, m->options.id, m->state == MEMBER_LEAVING ? NULL : why);
	member_remove(s, m);
	note_lapsed(s, NULL, c, why, now);
}

/* ---------------------------------------------------------------- continuation */

/* The one whose place is taken: that of the connection whose own portal is tried, or the leading one's. */
static struct cleanup *pick_place(struct session *s)
{
	const struct member *home = recovery_member(s);
	struct cleanup *best = NULL;

	for (unsigned i = 0; i < s->cleanups; i++) {
		struct cleanup *it = &s->cleanup[i];

		if (!it->ended || it->clean || !it->member)
			continue;
		if (!best || it->member == home || (it->member == member_leading(s) && best->member != home))
			best = it;
	}
	return best;
}

/* TIM-3 */
void cleanup_lapse(struct session *s, const struct fault *why, uint64_t now)
{
	struct cleanup_times times = cleanup_times(s);
	bool good = true;

	for (unsigned i = 0; i < s->members; i++) {
		struct member *m = member_at(s, i);

		m->retry_at = ENGINE_NEVER;
		if (m->state == MEMBER_RESTING && m->conn)
			good &= give_up(s, m, why, now, &times);
		else if (m->conn && !cleanup_by_epoch(s, m->conn->epoch))
			session_add_event(s, SESSION_EVENT_ABANDON)->conn = m->conn;
	}
	recovery_down(s, why, now);
	s->cleaner = NULL;
	s->first_place = 0;
	s->phase = PHASE_LAPSED;
	s->retry_at = now + recovery_rest(s); /* as for a reinstatement: LIO needs it as well */
	/* At level 2 a continuation would suspend tasks that nobody would take up. */
	if (!good || (s->params.error_recovery_level >= 2 && !s->reassigns))
		recovery_escalate(s, now);
}

/* REC-14, REC-15: TSIH and CID of old. Without a connection whose place could be taken (all were logged
 * out well) the session is gone at the target (LO-10). */
static void continue_session(struct session *s, uint64_t now)
{
	struct cleanup *it = pick_place(s);

	if (!it) {
		recovery_escalate(s, now);
		return;
	}
	if (it->at > now) {
		s->retry_at = it->at;
		return;
	}
	s->phase = PHASE_CONTINUING;
	s->retry_at = ENGINE_NEVER;
	it->member->state = MEMBER_RETURNING;
	if (member_connect(s, it->member, recovery_portal(s), it) == 0)
		return;
	it->member->state = MEMBER_CLEANUP;
	s->phase = PHASE_LAPSED;
	s->retry_at = now + s->config.times.retry * MS;
}

/* LO-9: the login has acted as the old connection's logout. */
void cleanup_continued(struct session *s, struct member *m, uint64_t now)
{
	for (unsigned i = 0; i < s->cleanups; i++) {
		if (s->cleanup[i].member != m)
			continue;
		forget(s, &s->cleanup[i]);
		break;
	}
	s->hold_until = ENGINE_NEVER;
	s->phase = PHASE_UP;
	s->ruled = true;
	session_add_event(s, SESSION_EVENT_UP);
	recovery_bring_back(s, now);
	cleanup_go_on(s, now);
}

/* Class 2: the target does not know the session any more, or will not have it (P2-7). */
void cleanup_continue_failed(struct session *s, struct member *m, const struct fault *why, uint64_t now)
{
	bool final = why->kind == FAULT_OTHER_SESSION ||
		     (why->kind == FAULT_LOGIN_STATUS && why->status_class == 2);

	m->state = MEMBER_CLEANUP;
	s->phase = PHASE_LAPSED;
	s->retry_at = recovery_next_attempt(s, now);
	if (final)
		recovery_escalate(s, now);
}

/* ---------------------------------------------------------------- time */

static uint64_t due(const struct session *s, const struct cleanup *it)
{
	bool waits = s->phase == PHASE_UP && it->ended && !s->cleaner && member_count(s, MEMBER_UP);

	if (it->clean || (waits && it->at < it->until))
		return it->at;
	return it->until;
}

uint64_t cleanup_deadline(const struct session *s)
{
	bool waits = s->phase == PHASE_LAPSED && !member_conns(s);
	uint64_t at = waits ? s->retry_at : ENGINE_NEVER;

	for (unsigned i = 0; i < s->cleanups; i++) {
		uint64_t one = due(s, &s->cleanup[i]);

		at = one < at ? one : at;
	}
	return at;
}

/* TIM-2: the time is over. */
static void give_up_all(struct session *s, const struct cleanup *it, uint64_t now)
{
	struct fault why;

	if (s->phase != PHASE_UP) {
		recovery_escalate(s, now);
		return;
	}
	fault_set(&why, FAULT_TIMEOUT, 0, "connection %u could not be cleaned up in time", it->cid);
	recovery_begin(s, &why, now, 0);
}

/* Returns false if all were given up. */
static bool expire_one(struct session *s, struct cleanup *it, uint64_t now)
{
	if (it->clean && it->at <= now) {
		forget(s, it);
		s->ruled = true;
	} else if (!it->clean && it->until <= now) {
		give_up_all(s, it, now);
		return false;
	}
	return true;
}

void cleanup_expire(struct session *s, uint64_t now)
{
	for (unsigned i = s->cleanups; i-- > 0;)
		if (!expire_one(s, &s->cleanup[i], now))
			return;
	if (s->phase == PHASE_LAPSED && !member_conns(s) && s->retry_at <= now)
		continue_session(s, now);
	cleanup_go_on(s, now);
}
