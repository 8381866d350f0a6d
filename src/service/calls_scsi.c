/*
 * calls_scsi.c - SCSI pass-through: SendScsiInquiry, SendScsiReadCapacity, SendScsiReportLuns.
 * The allocation length is the caller's room; a longer answer comes truncated.
 */
#include <errno.h>

#include "iscsierr.h"
#include "scsi/cdb.h"
#include "scsi/lun.h"
#include "service/args.h"
#include "service/scsi_request.h"
#include "service/svc_session.h"

enum { READ_CAPACITY_LEN = 8, REPORT_LUNS_MIN = 16 };

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void reply_result(struct bus_call *call, const struct task *task, const uint8_t *data)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, task->status ? ISDSC_SCSI_REQUEST_FAILED : ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_append(reply, "y", task->status);
	if (r >= 0)
		r = sd_bus_message_append_array(reply, 'y', data, task->received);
	if (r >= 0)
		r = sd_bus_message_append_array(reply, 'y', task->sense, task->sense_len);
	bus_call_send(call, reply, r);
}

static void answered(void *ctx, const struct task *task, const uint8_t *data)
{
	struct bus_call *call = ctx;

	if (task && task->outcome == TASK_COMPLETE)
		reply_result(call, task, data);
	else if (task && task->outcome == TASK_ABORTED)
		bus_call_done(call, ERROR_TIMEOUT);
	else if (task && (task->outcome != TASK_FAILED || task->fault.kind == FAULT_GONE))
		bus_call_done(call, ISDSC_NO_CONNECTION_AVAILABLE);
	else
		bus_call_done(call, task ? ISDSC_TARGET_ERROR : ERROR_TIMEOUT);
}

/* `lun` in the API's form. */
static void pass_through(struct bus_call *call, const struct id *id, uint64_t lun,
			 const uint8_t cdb[CDB_LEN], uint32_t room)
{
	struct svc_session *session = svc_session_find(call->service, id->unique, id->specific);

	if (!session)
		bus_call_done(call, ISDSC_INVALID_SESSION_ID);
	else if (room == 0)
		bus_call_done(call, ERROR_INSUFFICIENT_BUFFER);
	else if (!nexus_is_up(session->nexus))
		bus_call_done(call, ISDSC_NO_CONNECTION_AVAILABLE);
	else if (scsi_request_send(call->service, session->nexus, lun_wire(lun), cdb, room, answered,
				   call) < 0)
		bus_call_done(call, ERROR_NOT_ENOUGH_MEMORY);
}

void handle_SendScsiInquiry(struct bus_call *call)
{
	sd_bus_message *m = call->message;
	uint8_t cdb[CDB_LEN], flags, page;
	struct id id;
	uint64_t lun;
	uint32_t room;

	if (args_get_id(m, &id) < 0 || args_get_u64(m, &lun) < 0 || args_get_u8(m, &flags) < 0 ||
	    args_get_u8(m, &page) < 0 || args_get_u32(m, &room) < 0 || (flags & ~3)) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
		return;
	}
	room = min(room, UINT16_MAX);
	cdb_inquiry(cdb, flags, page, (uint16_t)room);
	pass_through(call, &id, lun, cdb, room);
}

void handle_SendScsiReadCapacity(struct bus_call *call)
{
	sd_bus_message *m = call->message;
	uint8_t cdb[CDB_LEN];
	struct id id;
	uint64_t lun;
	uint32_t room;

	if (args_get_id(m, &id) < 0 || args_get_u64(m, &lun) < 0 || args_get_u32(m, &room) < 0) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
		return;
	}
	/* The command has no allocation length: 8 bytes come, and must have their place. */
	cdb_read_capacity_10(cdb);
	pass_through(call, &id, lun, cdb, room < READ_CAPACITY_LEN ? 0 : READ_CAPACITY_LEN);
}

void handle_SendScsiReportLuns(struct bus_call *call)
{
	sd_bus_message *m = call->message;
	uint8_t cdb[CDB_LEN];
	struct id id;
	uint32_t room;

	if (args_get_id(m, &id) < 0 || args_get_u32(m, &room) < 0) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
		return;
	}
	room = min(room, SCSI_REQUEST_ROOM_MAX);
	/* SPC: an allocation length below 16 is an error, so less room is filled from a longer answer. */
	cdb_report_luns(cdb, 0, room && room < REPORT_LUNS_MIN ? REPORT_LUNS_MIN : room);
	pass_through(call, &id, 0, cdb, room);
}
