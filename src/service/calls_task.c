/*
 * calls_task.c - SendIScsiTaskManagement: one function, answered by the target (RFC 7143 sections
 * 11.5 and 11.6, RFC 7144 section 6).
 */
#include <stdlib.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "proto/pdu.h"
#include "scsi/lun.h"
#include "service/args.h"
#include "service/log.h"
#include "service/svc_session.h"

/* Those about single tasks are the engine's own business. */
static const struct {
	uint8_t function, level; /* least iSCSIProtocolLevel */
	const char *name;
} functions[] = {
	{ PDU_ABORT_TASK_SET, 0, "ABORT TASK SET" },
	{ PDU_CLEAR_ACA, 0, "CLEAR ACA" },
	{ PDU_CLEAR_TASK_SET, 0, "CLEAR TASK SET" },
	{ PDU_LOGICAL_UNIT_RESET, 0, "LOGICAL UNIT RESET" },
	{ PDU_TARGET_WARM_RESET, 0, "TARGET WARM RESET" },
	{ PDU_TARGET_COLD_RESET, 0, "TARGET COLD RESET" },
	{ PDU_QUERY_TASK_SET, 2, "QUERY TASK SET" },
	{ PDU_I_T_NEXUS_RESET, 2, "I_T NEXUS RESET" },
	{ PDU_QUERY_ASYNCHRONOUS_EVENT, 2, "QUERY ASYNCHRONOUS EVENT" },
};

enum { RESPONSE_REJECTED = 255 };

/* For log lines (TM-6, P2-6). */
static const struct {
	uint8_t response;
	const char *text;
} responses[] = {
	{ 0, "function complete" },
	{ 1, "there is no such task" },
	{ 2, "there is no such LUN" },
	{ 5, "it does not support the function" },
	{ 6, "we are not authorized for the function" },
	{ 7, "function succeeded" },
	{ RESPONSE_REJECTED, "function rejected" },
};

static const char *response_text(uint8_t response)
{
	for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++)
		if (responses[i].response == response)
			return responses[i].text;
	return "an answer that does not belong to it";
}

static unsigned protocol_level(const struct svc_session *session)
{
	struct nexus_conn *conn = calloc(1, sizeof(*conn));
	unsigned level = 0;

	if (conn && nexus_conns(session->nexus, conn, 1))
		level = conn->login.params.protocol_level;
	if (conn)
		secret_wipe(conn, sizeof(*conn));
	free(conn);
	return level;
}

/* The function's name, if it may be sent in this session; else NULL. */
static const char *function_name(const struct svc_session *session, uint8_t function)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (functions[i].function == function)
			return functions[i].level <= protocol_level(session) ? functions[i].name : NULL;
	return NULL;
}

static void reply_response(struct bus_call *call, uint8_t response)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_append(reply, "y", response);
	bus_call_send(call, reply, r);
}

void svc_session_managed(struct svc_session *session, struct bus_call *call,
			 const struct fault *fault, uint8_t response)
{
	if (fault->kind == FAULT_NONE || fault->kind == FAULT_REFUSED) {
		/* A Reject is a way to say no. */
		response = fault->kind == FAULT_NONE ? response : RESPONSE_REJECTED;
		log_notice("%s: the target answered the task management function: %s (%u)",
			   session->target_name, response_text(response), response);
		reply_response(call, response);
		return;
	}
	log_warning("%s: the task management function had no answer: %s", session->target_name,
		    fault->text);
	bus_call_explain(call, "%s: %s", session->target_name, fault->text);
	bus_call_done(call, fault->kind == FAULT_NO_MEMORY ? ERROR_NOT_ENOUGH_MEMORY :
		      fault->kind == FAULT_TIMEOUT ? ERROR_TIMEOUT : ISDSC_NO_CONNECTION_AVAILABLE);
}

void handle_SendIScsiTaskManagement(struct bus_call *call)
{
	sd_bus_message *m = call->message;
	struct svc_session *session;
	const char *name;
	uint8_t function;
	struct id id;
	uint64_t lun;

	if (args_get_id(m, &id) < 0 || args_get_u64(m, &lun) < 0 || args_get_u8(m, &function) < 0) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
		return;
	}
	session = svc_session_find(call->service, id.unique, id.specific);
	name = session ? function_name(session, function) : NULL;
	if (!session) {
		bus_call_done(call, ISDSC_INVALID_SESSION_ID);
	} else if (!name) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
	} else if (!nexus_is_up(session->nexus)) {
		bus_call_done(call, ISDSC_NO_CONNECTION_AVAILABLE);
	} else {
		log_notice("%s: sending %s for LUN %llu", session->target_name, name,
			   (unsigned long long)lun);
		nexus_manage(session->nexus, 0, function, lun_wire(lun), call);
	}
}
