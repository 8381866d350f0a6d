/*
 * svc_logout.c - the end of a session: the logout that waits for a disk's last client, the closing of
 * the disks, then that of the nexus. See svc_session.h.
 */
#include "service/svc_session.h"

#include "iscsierr.h"
#include "service/log.h"
#include "service/svc_conn.h"

static void svc_session_end_nexus(struct svc_session *session)
{
	service_timer_clear(&session->close_timer);
	if (session->nexus)
		nexus_logout(session->nexus, NULL);
}

static int close_time_over(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct svc_session *session = ctx;

	(void)timer;
	(void)usec;
	log_warning("%s: requests of a disk did not end within %d s: logging out without them",
		    session->target_name, SVC_CLOSE_SECONDS);
	svc_session_end_nexus(session);
	return 0;
}

void svc_session_units_closed(struct svc_session *session)
{
	if (session->state != SVC_CLOSING)
		return;
	if (session->nexus)
		svc_session_end_nexus(session);
	else
		svc_session_try_free(session);
}

enum { LOOKS = 20, LOOK_USEC = 10000 }; /* 0.2 s in all */

static bool is_busy(const struct svc_session *session)
{
	list_for_each(it, &session->units) {
		const struct svc_unit *unit = list_entry(it, struct svc_unit, link);

		if (unit->ready && !unit->closed && disk_busy(unit->disk))
			return true;
	}
	return false;
}

void svc_session_patient_answer(struct svc_session *session, uint32_t status)
{
	struct bus_call *call = session->patient;

	session->patient = NULL;
	service_timer_clear(&session->patient_timer);
	if (call)
		bus_call_done(call, status);
}

/* The disk learns from its own thread that a client has gone: a caller that has just closed it is quicker. */
static int patient_look(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct svc_session *session = ctx;
	struct bus_call *call = session->patient;
	bool busy = is_busy(session);

	(void)usec;
	if (busy && --session->patient_looks && sd_event_source_set_time_relative(timer, LOOK_USEC) >= 0 &&
	    sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT) >= 0)
		return 0;
	if (busy || svc_conn_any_pending(session)) {
		if (busy)
			bus_call_explain(call, "%s: an NBD client has a disk of the session open",
					 session->target_name);
		svc_session_patient_answer(session, busy ? ISDSC_DEVICE_BUSY_ON_SESSION : ISDSC_SESSION_BUSY);
		return 0;
	}
	session->patient = NULL;
	service_timer_clear(&session->patient_timer);
	svc_session_close(session, call);
	return 0;
}

void svc_session_logout(struct svc_session *session, struct bus_call *call)
{
	if (!is_busy(session)) {
		svc_session_close(session, call);
		return;
	}
	if (session->patient ||
	    sd_event_add_time_relative(session->service->event, &session->patient_timer, CLOCK_MONOTONIC,
				       LOOK_USEC, 1, patient_look, session) < 0) {
		bus_call_done(call, ISDSC_DEVICE_BUSY_ON_SESSION);
		return;
	}
	session->patient = call;
	session->patient_looks = LOOKS;
}

void svc_session_close(struct svc_session *session, struct bus_call *call)
{
	bool was_up = session->state == SVC_UP && nexus_is_up(session->nexus);

	if (session->state == SVC_CLOSING)
		return;
	svc_session_patient_answer(session, ISDSC_INVALID_SESSION_ID);
	session->logout = call;
	session->login_over = true;
	/* A login that is under way still owes its caller an answer. */
	if (session->state == SVC_UP) {
		session->state = SVC_CLOSING;
		log_notice("%s: logging out", session->target_name);
	}
	units_forget_waiters(session);
	units_close(session);
	/* Requests held for a session that is down would only be waited for in vain. */
	if (!session->units_open || !was_up)
		svc_session_end_nexus(session);
	else
		service_timer(session->service, &session->close_timer, SVC_CLOSE_SECONDS,
			      close_time_over, session);
}
