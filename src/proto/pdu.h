/*
 * pdu.h - every iSCSI PDU's basic header segment as a struct and back (RFC 7143 section 11).
 *
 * Pure functions over 48 bytes. Not here: data segments, digests, and whether a PDU is allowed at
 * this moment; that is the engine's. Fields have the RFC's words and are in host order. LUN fields
 * are the eight wire bytes read as one big-endian number.
 *
 * pdu_put_X writes all 48 bytes, reserved ones as 0. pdu_get_X reads any 48 bytes without failing
 * and does not look at the opcode; reserved bits are ignored (section 11).
 */
#ifndef ISCSIDSC_PROTO_PDU_H
#define ISCSIDSC_PROTO_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PDU_BHS_LEN = 48,
	PDU_AHS_MAX = 255 * 4,
	PDU_DATA_MAX = 0xffffff,
};

#define PDU_NO_TAG UINT32_C(0xffffffff) /* ITT and TTT that name nothing */

enum pdu_opcode {
	PDU_NOP_OUT = 0x00,
	PDU_SCSI_COMMAND = 0x01,
	PDU_TASK_REQUEST = 0x02,
	PDU_LOGIN_REQUEST = 0x03,
	PDU_TEXT_REQUEST = 0x04,
	PDU_DATA_OUT = 0x05,
	PDU_LOGOUT_REQUEST = 0x06,
	PDU_SNACK = 0x10,
	PDU_NOP_IN = 0x20,
	PDU_SCSI_RESPONSE = 0x21,
	PDU_TASK_RESPONSE = 0x22,
	PDU_LOGIN_RESPONSE = 0x23,
	PDU_TEXT_RESPONSE = 0x24,
	PDU_DATA_IN = 0x25,
	PDU_LOGOUT_RESPONSE = 0x26,
	PDU_R2T = 0x31,
	PDU_ASYNC = 0x32,
	PDU_VENDOR_3C = 0x3c, /* to 0x3e: free for vendors */
	PDU_VENDOR_3E = 0x3e,
	PDU_REJECT = 0x3f,
};

static inline uint8_t pdu_opcode(const uint8_t bhs[PDU_BHS_LEN])
{
	return bhs[0] & 0x3f;
}

static inline bool pdu_immediate(const uint8_t bhs[PDU_BHS_LEN])
{
	return bhs[0] & 0x40;
}

/* TotalAHSLength in bytes, padding included (PDU-2). */
static inline size_t pdu_ahs_len(const uint8_t bhs[PDU_BHS_LEN])
{
	return (size_t)bhs[4] * 4;
}

/* DataSegmentLength: without padding and digest (PDU-2). */
static inline uint32_t pdu_data_len(const uint8_t bhs[PDU_BHS_LEN])
{
	return (uint32_t)bhs[5] << 16 | (uint32_t)bhs[6] << 8 | bhs[7];
}

/* How many padding bytes follow a segment of this length: 0 to 3 (PDU-1). */
static inline unsigned pdu_pad(size_t len)
{
	return (unsigned)(-len & 3);
}

/* True for an opcode that a target may send (PDU-5), vendor opcodes included. */
bool pdu_from_target(uint8_t opcode);
/* True for an opcode that an initiator may send. */
bool pdu_from_initiator(uint8_t opcode);
/* The RFC's name of the PDU type, for people; "unknown PDU" for others. */
const char *pdu_name(uint8_t opcode);

/* ---------------------------------------------------------------- SCSI */

enum pdu_attribute { PDU_UNTAGGED, PDU_SIMPLE, PDU_ORDERED, PDU_HEAD_OF_QUEUE, PDU_ACA };

struct pdu_scsi_command {
	bool immediate, final, read, write;
	uint8_t attribute;                       /* enum pdu_attribute */
	uint8_t priority;                        /* RFC 7144, 4 bits; 0 without it */
	uint8_t total_ahs_length;                /* in 4-byte words */
	uint32_t data_len;
	uint64_t lun;
	uint32_t initiator_task_tag;
	uint32_t expected_data_transfer_length;
	uint32_t cmd_sn, exp_stat_sn;
	uint8_t cdb[16];
};

struct pdu_scsi_response {
	bool bidi_overflow, bidi_underflow, overflow, underflow; /* o, u, O, U */
	uint8_t response, status;
	uint16_t status_qualifier;               /* RFC 7144 */
	uint32_t data_len;
	uint32_t initiator_task_tag, snack_tag;
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;
	uint32_t exp_data_sn;
	uint32_t bidi_residual_count, residual_count;
};

struct pdu_data_out {
	bool final;
	uint32_t data_len;
	uint64_t lun;
	uint32_t initiator_task_tag, target_transfer_tag;
	uint32_t exp_stat_sn, data_sn, buffer_offset;
};

struct pdu_data_in {
	/* F, A, O, S, U. O and U are apart: side by side they are copied as one word, and the processor waits
	 * until the two that were just written are in its cache, behind all the data. */
	bool final, acknowledge, overflow, has_status, underflow;
	uint8_t status;                          /* with has_status, as are stat_sn and residual */
	uint32_t data_len;
	uint64_t lun;
	uint32_t initiator_task_tag, target_transfer_tag;
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;
	uint32_t data_sn, buffer_offset, residual_count;
};

struct pdu_r2t {
	uint32_t data_len;                       /* 0 in a good one */
	uint64_t lun;
	uint32_t initiator_task_tag, target_transfer_tag;
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;
	uint32_t r2t_sn, buffer_offset, desired_data_transfer_length;
};

enum pdu_snack_type {
	PDU_SNACK_DATA_R2T, PDU_SNACK_STATUS, PDU_SNACK_DATA_ACK, PDU_SNACK_R_DATA,
};

struct pdu_snack {
	uint8_t type;                            /* enum pdu_snack_type */
	uint32_t data_len;
	uint64_t lun;
	uint32_t initiator_task_tag, target_transfer_tag; /* the latter also: SNACK Tag */
	uint32_t exp_stat_sn, beg_run, run_length;
};

/* ---------------------------------------------------------------- task management */

enum pdu_function {
	PDU_ABORT_TASK = 1, PDU_ABORT_TASK_SET, PDU_CLEAR_ACA, PDU_CLEAR_TASK_SET,
	PDU_LOGICAL_UNIT_RESET, PDU_TARGET_WARM_RESET, PDU_TARGET_COLD_RESET, PDU_TASK_REASSIGN,
	PDU_QUERY_TASK, PDU_QUERY_TASK_SET, PDU_I_T_NEXUS_RESET, PDU_QUERY_ASYNCHRONOUS_EVENT,
};

struct pdu_task_request {
	bool immediate;
	uint8_t function;                        /* enum pdu_function */
	uint32_t data_len;
	uint64_t lun;
	uint32_t initiator_task_tag, referenced_task_tag;
	uint32_t cmd_sn, exp_stat_sn;
	uint32_t ref_cmd_sn, exp_data_sn;
};

struct pdu_task_response {
	uint8_t response;
	uint32_t additional_information;         /* RFC 7144: bytes 8 to 10 */
	uint32_t data_len;
	uint32_t initiator_task_tag;
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;
};

/* ---------------------------------------------------------------- login, text, logout */

enum pdu_stage { PDU_STAGE_SECURITY = 0, PDU_STAGE_OPERATIONAL = 1, PDU_STAGE_FULL_FEATURE = 3 };

struct pdu_login_request {
	bool transit, more;                      /* T, C */
	uint8_t csg, nsg;                        /* enum pdu_stage */
	uint8_t version_max, version_min;
	uint32_t data_len;
	uint8_t isid[6];
	uint16_t tsih;
	uint32_t initiator_task_tag;
	uint16_t cid;
	uint32_t cmd_sn, exp_stat_sn;
};

struct pdu_login_response {
	bool transit, more;
	uint8_t csg, nsg;
	uint8_t version_max, version_active;
	uint32_t data_len;
	uint8_t isid[6];
	uint16_t tsih;
	uint32_t initiator_task_tag;
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;
	uint8_t status_class, status_detail;
};

struct pdu_text_request {
	bool immediate, final, more;             /* I, F, C */
	uint32_t data_len;
	uint64_t lun;
	uint32_t initiator_task_tag, target_transfer_tag;
	uint32_t cmd_sn, exp_stat_sn;
};

struct pdu_text_response {
	bool final, more;
	uint32_t data_len;
	uint64_t lun;
	uint32_t initiator_task_tag, target_transfer_tag;
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;
};

enum pdu_logout_reason {
	PDU_LOGOUT_SESSION, PDU_LOGOUT_CONNECTION, PDU_LOGOUT_RECOVERY,
};

struct pdu_logout_request {
	bool immediate;
	uint8_t reason;                          /* enum pdu_logout_reason, 7 bits */
	uint32_t data_len;
	uint32_t initiator_task_tag;
	uint16_t cid;
	uint32_t cmd_sn, exp_stat_sn;
};

struct pdu_logout_response {
	uint8_t response;
	uint32_t data_len;
	uint32_t initiator_task_tag;
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;
	uint16_t time2wait, time2retain;
};

/* ---------------------------------------------------------------- the rest */

struct pdu_nop_out {
	bool immediate;
	uint32_t data_len;
	uint64_t lun;
	uint32_t initiator_task_tag, target_transfer_tag;
	uint32_t cmd_sn, exp_stat_sn;
};

struct pdu_nop_in {
	uint32_t data_len;
	uint64_t lun;
	uint32_t initiator_task_tag, target_transfer_tag;
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;
};

enum pdu_async_event {
	PDU_ASYNC_SCSI, PDU_ASYNC_LOGOUT_REQUESTED, PDU_ASYNC_CONNECTION_DROP,
	PDU_ASYNC_SESSION_DROP, PDU_ASYNC_NEGOTIATE, PDU_ASYNC_TASKS_ENDED,
	PDU_ASYNC_VENDOR_FIRST = 248, PDU_ASYNC_VENDOR_LAST = 255,
};

struct pdu_async {
	uint32_t data_len;
	uint64_t lun;
	uint32_t initiator_task_tag;             /* PDU_NO_TAG in a good one */
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;
	uint8_t async_event, async_vcode;
	uint16_t parameter1, parameter2, parameter3;
};

enum pdu_reject_reason {
	PDU_REJECT_DATA_DIGEST = 2, PDU_REJECT_SNACK, PDU_REJECT_PROTOCOL,
	PDU_REJECT_NOT_SUPPORTED, PDU_REJECT_IMMEDIATE, PDU_REJECT_TASK_IN_PROGRESS,
	PDU_REJECT_DATA_ACK, PDU_REJECT_INVALID_FIELD, PDU_REJECT_LONG_OPERATION,
	PDU_REJECT_NEGOTIATION_RESET, PDU_REJECT_WAITING_LOGOUT,
};

struct pdu_reject {
	uint8_t reason;                          /* enum pdu_reject_reason */
	uint32_t data_len;                       /* the data segment is the rejected header */
	uint32_t initiator_task_tag;             /* PDU_NO_TAG in a good one */
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;
	uint32_t data_sn;
};

void pdu_put_scsi_command(uint8_t bhs[PDU_BHS_LEN], const struct pdu_scsi_command *pdu);
void pdu_get_scsi_command(const uint8_t bhs[PDU_BHS_LEN], struct pdu_scsi_command *ret);
void pdu_put_scsi_response(uint8_t bhs[PDU_BHS_LEN], const struct pdu_scsi_response *pdu);
void pdu_get_scsi_response(const uint8_t bhs[PDU_BHS_LEN], struct pdu_scsi_response *ret);
void pdu_put_data_out(uint8_t bhs[PDU_BHS_LEN], const struct pdu_data_out *pdu);
void pdu_get_data_out(const uint8_t bhs[PDU_BHS_LEN], struct pdu_data_out *ret);
void pdu_put_data_in(uint8_t bhs[PDU_BHS_LEN], const struct pdu_data_in *pdu);
void pdu_get_data_in(const uint8_t bhs[PDU_BHS_LEN], struct pdu_data_in *ret);
void pdu_put_r2t(uint8_t bhs[PDU_BHS_LEN], const struct pdu_r2t *pdu);
void pdu_get_r2t(const uint8_t bhs[PDU_BHS_LEN], struct pdu_r2t *ret);
void pdu_put_snack(uint8_t bhs[PDU_BHS_LEN], const struct pdu_snack *pdu);
void pdu_get_snack(const uint8_t bhs[PDU_BHS_LEN], struct pdu_snack *ret);
void pdu_put_task_request(uint8_t bhs[PDU_BHS_LEN], const struct pdu_task_request *pdu);
void pdu_get_task_request(const uint8_t bhs[PDU_BHS_LEN], struct pdu_task_request *ret);
void pdu_put_task_response(uint8_t bhs[PDU_BHS_LEN], const struct pdu_task_response *pdu);
void pdu_get_task_response(const uint8_t bhs[PDU_BHS_LEN], struct pdu_task_response *ret);
void pdu_put_login_request(uint8_t bhs[PDU_BHS_LEN], const struct pdu_login_request *pdu);
void pdu_get_login_request(const uint8_t bhs[PDU_BHS_LEN], struct pdu_login_request *ret);
void pdu_put_login_response(uint8_t bhs[PDU_BHS_LEN], const struct pdu_login_response *pdu);
void pdu_get_login_response(const uint8_t bhs[PDU_BHS_LEN], struct pdu_login_response *ret);
void pdu_put_text_request(uint8_t bhs[PDU_BHS_LEN], const struct pdu_text_request *pdu);
void pdu_get_text_request(const uint8_t bhs[PDU_BHS_LEN], struct pdu_text_request *ret);
void pdu_put_text_response(uint8_t bhs[PDU_BHS_LEN], const struct pdu_text_response *pdu);
void pdu_get_text_response(const uint8_t bhs[PDU_BHS_LEN], struct pdu_text_response *ret);
void pdu_put_logout_request(uint8_t bhs[PDU_BHS_LEN], const struct pdu_logout_request *pdu);
void pdu_get_logout_request(const uint8_t bhs[PDU_BHS_LEN], struct pdu_logout_request *ret);
void pdu_put_logout_response(uint8_t bhs[PDU_BHS_LEN], const struct pdu_logout_response *pdu);
void pdu_get_logout_response(const uint8_t bhs[PDU_BHS_LEN], struct pdu_logout_response *ret);
void pdu_put_nop_out(uint8_t bhs[PDU_BHS_LEN], const struct pdu_nop_out *pdu);
void pdu_get_nop_out(const uint8_t bhs[PDU_BHS_LEN], struct pdu_nop_out *ret);
void pdu_put_nop_in(uint8_t bhs[PDU_BHS_LEN], const struct pdu_nop_in *pdu);
void pdu_get_nop_in(const uint8_t bhs[PDU_BHS_LEN], struct pdu_nop_in *ret);
void pdu_put_async(uint8_t bhs[PDU_BHS_LEN], const struct pdu_async *pdu);
void pdu_get_async(const uint8_t bhs[PDU_BHS_LEN], struct pdu_async *ret);
void pdu_put_reject(uint8_t bhs[PDU_BHS_LEN], const struct pdu_reject *pdu);
void pdu_get_reject(const uint8_t bhs[PDU_BHS_LEN], struct pdu_reject *ret);

/* ---------------------------------------------------------------- additional header segments */

enum pdu_ahs_type { PDU_AHS_CDB = 1, PDU_AHS_BIDI = 2 };

/* The part of a long CDB (17 to 260 bytes) that does not fit the header (PDU-9). `ahs` has room
 * for cdb_len - 16 + 7 bytes. Returns the bytes written, padding included; 0 if the CDB is not of
 * such a length. */
size_t pdu_put_ahs_cdb(uint8_t *ahs, const uint8_t *cdb, size_t cdb_len);
/* The read length of a bidirectional command (PDU-10). Writes and returns 8 bytes. */
size_t pdu_put_ahs_bidi(uint8_t *ahs, uint32_t read_length);
/* Steps through AHS bytes: *at begins at 0. Returns 1 with an AHS, 0 at the end, -EPROTO if one
 * does not fit. *ret_data follows the reserved byte and has *ret_len bytes. */
int pdu_next_ahs(const uint8_t *ahs, size_t len, size_t *at, uint8_t *ret_type,
		 const uint8_t **ret_data, size_t *ret_len);

#endif
