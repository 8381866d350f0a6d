/*
 * scsi.c - the three SCSI commands, and their bytes as a hex dump.
 */
#include "cli/command.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/read.h"

#include <stdlib.h>

#define SENSE_ROOM 252

struct answer {
	UCHAR status;
	ULONG size;
	UCHAR *bytes;
	ULONG sense_size;
	UCHAR sense[SENSE_ROOM];
};

/* What differs between the commands; evpd and page are INQUIRY's. */
struct question {
	ISDSC_STATUS (*ask)(struct question *question, struct answer *answer);
	ISCSI_UNIQUE_SESSION_ID session;
	ULONGLONG lun;
	UCHAR evpd, page;
};

static ISDSC_STATUS inquiry_ask(struct question *q, struct answer *a)
{
	return SendScsiInquiry(&q->session, q->lun, q->evpd, q->page, &a->status, &a->size,
			       a->bytes, &a->sense_size, a->sense);
}

static ISDSC_STATUS capacity_ask(struct question *q, struct answer *a)
{
	return SendScsiReadCapacity(&q->session, q->lun, &a->status, &a->size, a->bytes,
				    &a->sense_size, a->sense);
}

static ISDSC_STATUS luns_ask(struct question *q, struct answer *a)
{
	return SendScsiReportLuns(&q->session, &a->status, &a->size, a->bytes, &a->sense_size,
				  a->sense);
}

static void part_print(const char *label, int indent, const UCHAR *bytes, ULONG size)
{
	printf("    %s : 0x%x\n", label, size);
	print_hex(stdout, indent, bytes, size);
}

static void answer_put(struct json_object *json, const struct answer *answer, bool failed)
{
	if (json) {
		json_number(json, "scsi_status", answer->status);
		if (failed)
			json_object_object_add(json, "sense", print_hex_json(answer->sense,
									     answer->sense_size));
		else
			json_object_object_add(json, "response", print_hex_json(answer->bytes,
										answer->size));
		return;
	}
	printf("    ScsiStatus             : 0x%x\n", answer->status);
	if (failed)
		part_print("Sense Buffer Size     ", 4, answer->sense, answer->sense_size);
	else
		part_print("Response Buffer Size  ", 8, answer->bytes, answer->size);
}

static ISDSC_STATUS question_run(struct run *run, const char *session, struct question *question)
{
	struct answer answer = { .sense_size = SENSE_ROOM };
	ISDSC_STATUS status = read_id(session, &question->session);

	if (status) {
		if (!run->json)
			printf("Invalid sessionid: %s\n", session);
		return status;
	}
	progress_begin("command-time", "Waiting for the device");
	status = question->ask(question, &answer);
	if (status == ERROR_INSUFFICIENT_BUFFER && answer.size) {
		answer.bytes = malloc(answer.size);
		answer.sense_size = SENSE_ROOM;
		status = answer.bytes ? question->ask(question, &answer) : ERROR_NOT_ENOUGH_MEMORY;
	}
	progress_end();
	if (status == 0 || status == ISDSC_SCSI_REQUEST_FAILED)
		answer_put(run->json, &answer, status != 0);
	free(answer.bytes);
	return status;
}

ISDSC_STATUS scsi_inquiry(struct run *run, int argc, char **argv)
{
	struct question question = {
		.ask = inquiry_ask,
		.evpd = (UCHAR)read_number(argv[2]),
		.page = (UCHAR)read_number(argv[3]),
	};
	ISDSC_STATUS status = read_lun(argv[1], &question.lun);

	(void)argc;
	return status ? status : question_run(run, argv[0], &question);
}

ISDSC_STATUS scsi_capacity(struct run *run, int argc, char **argv)
{
	struct question question = { .ask = capacity_ask };
	ISDSC_STATUS status = read_lun(argv[1], &question.lun);

	(void)argc;
	return status ? status : question_run(run, argv[0], &question);
}

ISDSC_STATUS scsi_luns(struct run *run, int argc, char **argv)
{
	struct question question = { .ask = luns_ask };

	(void)argc;
	return question_run(run, argv[0], &question);
}
