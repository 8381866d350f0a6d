/* pdu_opcode.c - who may send which PDU, and its name (RFC 7143 section 11.2.1.2); see pdu.h. */
#include "proto/pdu.h"

static const struct {
	uint8_t opcode;
	bool from_target;
	const char *name;
} opcodes[] = {
	{ PDU_NOP_OUT, false, "NOP-Out" },
	{ PDU_SCSI_COMMAND, false, "SCSI Command" },
	{ PDU_TASK_REQUEST, false, "Task Management Function Request" },
	{ PDU_LOGIN_REQUEST, false, "Login Request" },
	{ PDU_TEXT_REQUEST, false, "Text Request" },
	{ PDU_DATA_OUT, false, "SCSI Data-Out" },
	{ PDU_LOGOUT_REQUEST, false, "Logout Request" },
	{ PDU_SNACK, false, "SNACK Request" },
	{ PDU_NOP_IN, true, "NOP-In" },
	{ PDU_SCSI_RESPONSE, true, "SCSI Response" },
	{ PDU_TASK_RESPONSE, true, "Task Management Function Response" },
	{ PDU_LOGIN_RESPONSE, true, "Login Response" },
	{ PDU_TEXT_RESPONSE, true, "Text Response" },
	{ PDU_DATA_IN, true, "SCSI Data-In" },
	{ PDU_LOGOUT_RESPONSE, true, "Logout Response" },
	{ PDU_R2T, true, "R2T" },
	{ PDU_ASYNC, true, "Asynchronous Message" },
	{ PDU_VENDOR_3C, true, "vendor PDU 3c" },
	{ PDU_VENDOR_3C + 1, true, "vendor PDU 3d" },
	{ PDU_VENDOR_3E, true, "vendor PDU 3e" },
	{ PDU_REJECT, true, "Reject" },
};

enum { OPCODES = sizeof opcodes / sizeof *opcodes };

static int opcode_index(uint8_t opcode)
{
	for (int i = 0; i < OPCODES; i++)
		if (opcodes[i].opcode == opcode)
			return i;
	return -1;
}

bool pdu_from_target(uint8_t opcode)
{
	int i = opcode_index(opcode);

	return i >= 0 && opcodes[i].from_target;
}

bool pdu_from_initiator(uint8_t opcode)
{
	int i = opcode_index(opcode);

	return i >= 0 && !opcodes[i].from_target;
}

const char *pdu_name(uint8_t opcode)
{
	int i = opcode_index(opcode);

	return i >= 0 ? opcodes[i].name : "unknown PDU";
}
