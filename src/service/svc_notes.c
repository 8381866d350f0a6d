/*
 * svc_notes.c - see svc_notes.h.
 */
#include "service/svc_notes.h"

#include <inttypes.h>

#include "proto/pdu.h"
#include "scsi/lun.h"
#include "service/log.h"
#include "service/svc_session.h"

void svc_note_text(void *ctx, void *token, const struct fault *fault, const char *text,
		   size_t len)
{
	(void)ctx;
	(void)token;
	(void)fault;
	(void)text;
	(void)len;
}

void svc_note_state(void *ctx, enum session_event_kind kind, const struct fault *why,
		    uint64_t pause_ns)
{
	struct svc_session *session = ctx;
	const uint32_t *value = session->settings.value;

	if (session->state != SVC_UP)
		return;
	switch (kind) {
	case SESSION_EVENT_UP:
		session->pause_ns = pause_ns;
		log_notice("%s: the session is back; commands waited %.1f ms", session->target_name,
			   (double)pause_ns / 1e6);
		units_look(session);
		units_search(session); /* what came and went meanwhile */
		break;
	case SESSION_EVENT_DOWN:
		log_warning("%s: the session is interrupted (%s); logging in again, every %u s until it "
			    "works; commands wait up to %u s", session->target_name, why->text,
			    value[DEFAULT_RETRY_TIME], value[DEFAULT_HOLD_TIME]);
		break;
	case SESSION_EVENT_FAILED:
		log_error("%s: the session did not come back within %u s (%s): commands fail from now"
			  " on; still trying every %u s", session->target_name,
			  value[DEFAULT_HOLD_TIME], why->text, value[DEFAULT_RETRY_TIME]);
		break;
	default:
		break;
	}
}

/* At level 0 the loss of one takes all others along, with one cause: svc_note_state tells it, once. */
static bool is_lost_alone(const struct nexus_conn *conn, const struct fault *why)
{
	return why->kind != FAULT_NONE && conn->login.params.error_recovery_level > 0;
}

void svc_note_conn(void *ctx, const struct nexus_conn *conn, bool up, const struct fault *why)
{
	struct svc_session *session = ctx;

	if (up)
		log_info("%s: connection 0x%llx from %s to %s port %u is up", session->target_name,
			 (unsigned long long)conn->id, conn->local_address, conn->target_host,
			 conn->target_port);
	else if (is_lost_alone(conn, why))
		log_warning("%s: connection 0x%llx to %s port %u was lost: %s", session->target_name,
			    (unsigned long long)conn->id, conn->target_host, conn->target_port,
			    why->text);
	else
		log_info("%s: connection 0x%llx to %s port %u %s", session->target_name,
			 (unsigned long long)conn->id, conn->target_host, conn->target_port,
			 why->kind == FAULT_NONE ? "was logged out" : "is down");
}

/* AS-2 to AS-6: the engine does what is to be done. */
static const char *async_meaning(uint8_t event)
{
	switch (event) {
	case PDU_ASYNC_LOGOUT_REQUESTED:
		return "it wants this connection to be logged out";
	case PDU_ASYNC_CONNECTION_DROP:
		return "it drops a connection";
	case PDU_ASYNC_SESSION_DROP:
		return "it drops all connections";
	case PDU_ASYNC_NEGOTIATE:
		return "it wants to negotiate again";
	case PDU_ASYNC_TASKS_ENDED:
		return "it has ended all commands of a unit";
	default:
		return "a meaning of its own";
	}
}

static void asyncs_lost(struct svc_session *session)
{
	if (session->state != SVC_UP)
		return;
	log_notice("%s: the target sent more asynchronous messages than could be read; asking all units",
		   session->target_name);
	units_look(session);
	units_search(session);
}

void svc_note_async(void *ctx, const struct conn_async *async)
{
	struct svc_session *session = ctx;
	struct sense sense;

	if (!async) {
		asyncs_lost(session);
		return;
	}
	/* AS-1: event 0 is about a unit, in sense data. */
	if (async->event != 0 || sense_get(async->sense, async->sense_len, &sense) < 0) {
		log_info("%s: the target sent asynchronous message %u: %s", session->target_name,
			 async->event, async->event ? async_meaning(async->event)
						    : "about a unit, without sense data");
		return;
	}
	log_info("%s: LUN %" PRIu64 " tells: %s, %02x/%02x", session->target_name,
		 lun_number(async->lun), sense_key_name(sense.key), sense.asc, sense.ascq);
	units_hinted(session->service, session->nexus, async->lun, &sense);
}

void svc_note_managed(void *ctx, void *token, const struct fault *fault, uint8_t response)
{
	svc_session_managed(ctx, token, fault, response);
}

void svc_note_verify(void *ctx, struct nexus_question *question, const struct chap_question *chap)
{
	struct svc_session *session = ctx;

	radius_verify(session->service, question, chap);
}

void svc_note_conn_doubt(void *ctx, const struct nexus_conn *conn, bool doubted)
{
	struct svc_session *session = ctx;

	log_info("%s: connection 0x%llx to %s port %u %s", session->target_name,
		 (unsigned long long)conn->id, conn->target_host, conn->target_port,
		 doubted ? "does not answer, and is avoided" : "answers again");
}
