/*
 * scsi.c - the three SCSI commands of the API. They share their outputs and their sizing: a NULL
 * response buffer sends the command with room of ours to learn how long the answer is.
 */
#include "client/args.h"

#include <stdint.h>
#include <string.h>

/* SENSE_INFORMATION of the Windows driver interface: what a caller should have at least. */
#define SENSE_SIZE 18

#define CAPACITY_SIZE 8

/* Room while sizing. INQUIRY's ends in 0xff, for devices that read one byte of the length. */
#define INQUIRY_ROOM 0x0fff
#define LUNS_ROOM (8 + 8 * 1024)

struct outputs {
	PUCHAR status;
	PULONG response_size;
	PUCHAR response;
	PULONG sense_size;
	PUCHAR sense;
};

static bool outputs_sizing(const struct outputs *out)
{
	return !out->response || *out->response_size == 0;
}

static void outputs_check(struct call *call, const struct outputs *out)
{
	args_need(call, out->status);
	args_need(call, out->response_size);
	args_need(call, out->sense_size);
	if (out->sense_size && *out->sense_size)
		args_need(call, out->sense);
}

/* The room that the command is given: what the caller has, or what sizing takes. */
static void outputs_put_room(struct call *call, const struct outputs *out, uint32_t sizing)
{
	if (!call->status)
		call_put(call, "u", outputs_sizing(out) ? sizing : *out->response_size);
}

static ULONG bytes_give(PUCHAR to, ULONG room, const void *from, size_t size)
{
	ULONG n = size < room ? (ULONG)size : room;

	if (n)
		memcpy(to, from, n);
	return n;
}

/* Runs the call and fills the outputs. */
static void outputs_run(struct call *call, const struct outputs *out)
{
	const void *response, *sense;
	size_t response_size, sense_size;
	uint8_t scsi_status;
	ISDSC_STATUS status;

	if (!call_run(call) && call->status != ISDSC_SCSI_REQUEST_FAILED)
		return;
	status = call->status;
	if (!call_get(call, "y", &scsi_status) ||
	    !call_get_bytes(call, &response, &response_size) ||
	    !call_get_bytes(call, &sense, &sense_size))
		return;
	if (status == 0 && outputs_sizing(out)) {
		*out->response_size = (ULONG)response_size;
		*out->sense_size = SENSE_SIZE;
		call->status = ERROR_INSUFFICIENT_BUFFER;
		return;
	}
	*out->status = scsi_status;
	*out->response_size =
		bytes_give(out->response, outputs_sizing(out) ? 0 : *out->response_size, response,
			   response_size);
	*out->sense_size = bytes_give(out->sense, *out->sense_size, sense, sense_size);
}

ISDSC_STATUS ISDSC_API SendScsiInquiry(PISCSI_UNIQUE_SESSION_ID session, ULONGLONG lun,
	UCHAR evpd_cmddt, UCHAR page, PUCHAR status, PULONG response_size, PUCHAR response,
	PULONG sense_size, PUCHAR sense)
{
	struct outputs out = { status, response_size, response, sense_size, sense };
	struct call call;

	call_init(&call, "SendScsiInquiry");
	outputs_check(&call, &out);
	if (evpd_cmddt > 3)
		call_fail(&call, ERROR_INVALID_PARAMETER);
	args_id(&call, session);
	call_put(&call, "tyy", (uint64_t)lun, evpd_cmddt, page);
	outputs_put_room(&call, &out, INQUIRY_ROOM);
	outputs_run(&call, &out);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API SendScsiReadCapacity(PISCSI_UNIQUE_SESSION_ID session, ULONGLONG lun,
	PUCHAR status, PULONG response_size, PUCHAR response, PULONG sense_size, PUCHAR sense)
{
	struct outputs out = { status, response_size, response, sense_size, sense };
	struct call call;

	call_init(&call, "SendScsiReadCapacity");
	outputs_check(&call, &out);
	args_id(&call, session);
	call_put(&call, "t", (uint64_t)lun);
	/* The command has no allocation length: a part of its answer is no answer. */
	if (!call.status && (!response || *response_size < CAPACITY_SIZE)) {
		*response_size = CAPACITY_SIZE;
		*sense_size = SENSE_SIZE;
		call_fail(&call, ERROR_INSUFFICIENT_BUFFER);
	}
	outputs_put_room(&call, &out, CAPACITY_SIZE);
	outputs_run(&call, &out);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API SendScsiReportLuns(PISCSI_UNIQUE_SESSION_ID session, PUCHAR status,
	PULONG response_size, PUCHAR response, PULONG sense_size, PUCHAR sense)
{
	struct outputs out = { status, response_size, response, sense_size, sense };
	struct call call;

	call_init(&call, "SendScsiReportLuns");
	outputs_check(&call, &out);
	args_id(&call, session);
	outputs_put_room(&call, &out, LUNS_ROOM);
	outputs_run(&call, &out);
	return call_done(&call);
}
