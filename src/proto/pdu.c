/*
 * pdu.c - see pdu.h. One wire struct of bytes gives the places; the meaning of its words 20 to 44
 * differs by type (RFC 7143 sections 11.3 to 11.19, RFC 7144 sections 5 and 6).
 */
#include "proto/pdu.h"

#include <string.h>

#include "base/bytes.h"

struct wire {
	uint8_t opcode, flags, byte2, byte3;
	uint8_t total_ahs_length, data_len[3];
	uint8_t lun[8];       /* in login: ISID and TSIH */
	uint8_t itt[4];
	uint8_t word20[4];    /* TTT, SNACK Tag, Referenced Task Tag, expected length, CID */
	uint8_t word24[4];    /* CmdSN or StatSN */
	uint8_t word28[4];    /* ExpStatSN or ExpCmdSN */
	uint8_t word32[4];    /* CDB begins; MaxCmdSN, RefCmdSN */
	uint8_t word36[4];    /* DataSN, R2TSN, ExpDataSN, status class and detail, async event */
	uint8_t word40[4];    /* Buffer Offset, BegRun, bidirectional residual, times */
	uint8_t word44[4];    /* residual, desired length, RunLength */
};

_Static_assert(sizeof(struct wire) == PDU_BHS_LEN, "a basic header segment has 48 bytes");
_Static_assert(offsetof(struct wire, total_ahs_length) == 4, "TotalAHSLength");
_Static_assert(offsetof(struct wire, data_len) == 5, "DataSegmentLength");
_Static_assert(offsetof(struct wire, lun) == 8, "LUN");
_Static_assert(offsetof(struct wire, itt) == 16, "Initiator Task Tag");
_Static_assert(offsetof(struct wire, word20) == 20, "Target Transfer Tag");
_Static_assert(offsetof(struct wire, word24) == 24, "CmdSN, StatSN");
_Static_assert(offsetof(struct wire, word28) == 28, "ExpStatSN, ExpCmdSN");
_Static_assert(offsetof(struct wire, word32) == 32, "CDB, MaxCmdSN");
_Static_assert(offsetof(struct wire, word36) == 36, "DataSN");
_Static_assert(offsetof(struct wire, word40) == 40, "Buffer Offset");
_Static_assert(offsetof(struct wire, word44) == 44, "Residual Count");

enum {
	IMMEDIATE = 0x40, /* byte 0 */
	FINAL = 0x80,     /* byte 1: F, T, or the bit that is always 1 */
	MORE = 0x40,      /* C */
	READ = 0x40, WRITE = 0x20,
	ACKNOWLEDGE = 0x40,
	BIDI_OVERFLOW = 0x10, BIDI_UNDERFLOW = 0x08, OVERFLOW = 0x04, UNDERFLOW = 0x02,
	HAS_STATUS = 0x01,
};

static inline uint8_t bit(bool on, unsigned value)
{
	return on ? (uint8_t)value : 0;
}

/* Clears the header and fills what all types have. */
static struct wire *wire_put(uint8_t *bhs, unsigned opcode, unsigned flags, uint32_t data_len,
			     uint32_t itt)
{
	struct wire *w = (struct wire *)bhs;

	memset(w, 0, sizeof *w);
	w->opcode = (uint8_t)opcode;
	w->flags = (uint8_t)flags;
	bytes_put24(w->data_len, data_len);
	bytes_put32(w->itt, itt);
	return w;
}

static inline const struct wire *wire_get(const uint8_t *bhs)
{
	return (const struct wire *)bhs;
}

/* The three numbers that most target PDUs carry, and the two of initiator PDUs. */
#define PUT_TARGET_NUMBERS(w, pdu) do { \
	bytes_put32((w)->word24, (pdu)->stat_sn); \
	bytes_put32((w)->word28, (pdu)->exp_cmd_sn); \
	bytes_put32((w)->word32, (pdu)->max_cmd_sn); \
} while (0)

#define GET_TARGET_NUMBERS(w) \
	.stat_sn = bytes_get32((w)->word24), .exp_cmd_sn = bytes_get32((w)->word28), \
	.max_cmd_sn = bytes_get32((w)->word32)

#define PUT_INITIATOR_NUMBERS(w, pdu) do { \
	bytes_put32((w)->word24, (pdu)->cmd_sn); \
	bytes_put32((w)->word28, (pdu)->exp_stat_sn); \
} while (0)

#define GET_INITIATOR_NUMBERS(w) \
	.cmd_sn = bytes_get32((w)->word24), .exp_stat_sn = bytes_get32((w)->word28)

#define GET_COMMON(w) \
	.data_len = bytes_get24((w)->data_len), .initiator_task_tag = bytes_get32((w)->itt)

#define GET_TTT(w) .target_transfer_tag = bytes_get32((w)->word20)
#define GET_LUN(w) .lun = bytes_get64((w)->lun)

/* ---------------------------------------------------------------- SCSI */

/* CMD-4, P2-2 */
void pdu_put_scsi_command(uint8_t bhs[PDU_BHS_LEN], const struct pdu_scsi_command *pdu)
{
	struct wire *w = wire_put(bhs, PDU_SCSI_COMMAND | bit(pdu->immediate, IMMEDIATE),
				  bit(pdu->final, FINAL) | bit(pdu->read, READ) |
				  bit(pdu->write, WRITE) | (pdu->attribute & 7),
				  pdu->data_len, pdu->initiator_task_tag);

	w->byte2 = (uint8_t)(pdu->priority << 4);
	w->total_ahs_length = pdu->total_ahs_length;
	bytes_put64(w->lun, pdu->lun);
	bytes_put32(w->word20, pdu->expected_data_transfer_length);
	PUT_INITIATOR_NUMBERS(w, pdu);
	memcpy(bhs + offsetof(struct wire, word32), pdu->cdb, sizeof pdu->cdb);
}

void pdu_get_scsi_command(const uint8_t bhs[PDU_BHS_LEN], struct pdu_scsi_command *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_scsi_command){
		GET_COMMON(w), GET_LUN(w), GET_INITIATOR_NUMBERS(w),
		.immediate = w->opcode & IMMEDIATE, .final = w->flags & FINAL,
		.read = w->flags & READ, .write = w->flags & WRITE,
		.attribute = w->flags & 7, .priority = w->byte2 >> 4,
		.total_ahs_length = w->total_ahs_length,
		.expected_data_transfer_length = bytes_get32(w->word20),
	};
	memcpy(ret->cdb, bhs + offsetof(struct wire, word32), sizeof ret->cdb);
}

void pdu_put_scsi_response(uint8_t bhs[PDU_BHS_LEN], const struct pdu_scsi_response *pdu)
{
	struct wire *w = wire_put(bhs, PDU_SCSI_RESPONSE, FINAL |
				  bit(pdu->bidi_overflow, BIDI_OVERFLOW) |
				  bit(pdu->bidi_underflow, BIDI_UNDERFLOW) |
				  bit(pdu->overflow, OVERFLOW) | bit(pdu->underflow, UNDERFLOW),
				  pdu->data_len, pdu->initiator_task_tag);

	w->byte2 = pdu->response;
	w->byte3 = pdu->status;
	bytes_put16(w->lun, pdu->status_qualifier);
	bytes_put32(w->word20, pdu->snack_tag);
	PUT_TARGET_NUMBERS(w, pdu);
	bytes_put32(w->word36, pdu->exp_data_sn);
	bytes_put32(w->word40, pdu->bidi_residual_count);
	bytes_put32(w->word44, pdu->residual_count);
}

/* P2-3 */
void pdu_get_scsi_response(const uint8_t bhs[PDU_BHS_LEN], struct pdu_scsi_response *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_scsi_response){
		GET_COMMON(w), GET_TARGET_NUMBERS(w),
		.bidi_overflow = w->flags & BIDI_OVERFLOW,
		.bidi_underflow = w->flags & BIDI_UNDERFLOW,
		.overflow = w->flags & OVERFLOW, .underflow = w->flags & UNDERFLOW,
		.response = w->byte2, .status = w->byte3,
		.status_qualifier = bytes_get16(w->lun), .snack_tag = bytes_get32(w->word20),
		.exp_data_sn = bytes_get32(w->word36),
		.bidi_residual_count = bytes_get32(w->word40),
		.residual_count = bytes_get32(w->word44),
	};
}

/* CMD-13 */
void pdu_put_data_out(uint8_t bhs[PDU_BHS_LEN], const struct pdu_data_out *pdu)
{
	struct wire *w = wire_put(bhs, PDU_DATA_OUT, bit(pdu->final, FINAL), pdu->data_len,
				  pdu->initiator_task_tag);

	bytes_put64(w->lun, pdu->lun);
	bytes_put32(w->word20, pdu->target_transfer_tag);
	bytes_put32(w->word28, pdu->exp_stat_sn);
	bytes_put32(w->word36, pdu->data_sn);
	bytes_put32(w->word40, pdu->buffer_offset);
}

void pdu_get_data_out(const uint8_t bhs[PDU_BHS_LEN], struct pdu_data_out *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_data_out){
		GET_COMMON(w), GET_LUN(w), GET_TTT(w), .final = w->flags & FINAL,
		.exp_stat_sn = bytes_get32(w->word28), .data_sn = bytes_get32(w->word36),
		.buffer_offset = bytes_get32(w->word40),
	};
}

void pdu_put_data_in(uint8_t bhs[PDU_BHS_LEN], const struct pdu_data_in *pdu)
{
	struct wire *w = wire_put(bhs, PDU_DATA_IN,
				  bit(pdu->final, FINAL) | bit(pdu->acknowledge, ACKNOWLEDGE) |
				  bit(pdu->overflow, OVERFLOW) | bit(pdu->underflow, UNDERFLOW) |
				  bit(pdu->has_status, HAS_STATUS),
				  pdu->data_len, pdu->initiator_task_tag);

	w->byte3 = pdu->status;
	bytes_put64(w->lun, pdu->lun);
	bytes_put32(w->word20, pdu->target_transfer_tag);
	PUT_TARGET_NUMBERS(w, pdu);
	bytes_put32(w->word36, pdu->data_sn);
	bytes_put32(w->word40, pdu->buffer_offset);
	bytes_put32(w->word44, pdu->residual_count);
}

void pdu_get_data_in(const uint8_t bhs[PDU_BHS_LEN], struct pdu_data_in *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_data_in){
		GET_COMMON(w), GET_LUN(w), GET_TTT(w), GET_TARGET_NUMBERS(w),
		.final = w->flags & FINAL, .acknowledge = w->flags & ACKNOWLEDGE,
		.overflow = w->flags & OVERFLOW, .underflow = w->flags & UNDERFLOW,
		.has_status = w->flags & HAS_STATUS, .status = w->byte3,
		.data_sn = bytes_get32(w->word36), .buffer_offset = bytes_get32(w->word40),
		.residual_count = bytes_get32(w->word44),
	};
}

void pdu_put_r2t(uint8_t bhs[PDU_BHS_LEN], const struct pdu_r2t *pdu)
{
	struct wire *w = wire_put(bhs, PDU_R2T, FINAL, pdu->data_len, pdu->initiator_task_tag);

	bytes_put64(w->lun, pdu->lun);
	bytes_put32(w->word20, pdu->target_transfer_tag);
	PUT_TARGET_NUMBERS(w, pdu);
	bytes_put32(w->word36, pdu->r2t_sn);
	bytes_put32(w->word40, pdu->buffer_offset);
	bytes_put32(w->word44, pdu->desired_data_transfer_length);
}

void pdu_get_r2t(const uint8_t bhs[PDU_BHS_LEN], struct pdu_r2t *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_r2t){
		GET_COMMON(w), GET_LUN(w), GET_TTT(w), GET_TARGET_NUMBERS(w),
		.r2t_sn = bytes_get32(w->word36), .buffer_offset = bytes_get32(w->word40),
		.desired_data_transfer_length = bytes_get32(w->word44),
	};
}

/* SNA-1 */
void pdu_put_snack(uint8_t bhs[PDU_BHS_LEN], const struct pdu_snack *pdu)
{
	struct wire *w = wire_put(bhs, PDU_SNACK, FINAL | (pdu->type & 0x0f), pdu->data_len,
				  pdu->initiator_task_tag);

	bytes_put64(w->lun, pdu->lun);
	bytes_put32(w->word20, pdu->target_transfer_tag);
	bytes_put32(w->word28, pdu->exp_stat_sn);
	bytes_put32(w->word40, pdu->beg_run);
	bytes_put32(w->word44, pdu->run_length);
}

void pdu_get_snack(const uint8_t bhs[PDU_BHS_LEN], struct pdu_snack *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_snack){
		GET_COMMON(w), GET_LUN(w), GET_TTT(w), .type = w->flags & 0x0f,
		.exp_stat_sn = bytes_get32(w->word28), .beg_run = bytes_get32(w->word40),
		.run_length = bytes_get32(w->word44),
	};
}

/* ---------------------------------------------------------------- task management */

/* TM-1, P2-5 */
void pdu_put_task_request(uint8_t bhs[PDU_BHS_LEN], const struct pdu_task_request *pdu)
{
	struct wire *w = wire_put(bhs, PDU_TASK_REQUEST | bit(pdu->immediate, IMMEDIATE),
				  FINAL | (pdu->function & 0x7f), pdu->data_len,
				  pdu->initiator_task_tag);

	bytes_put64(w->lun, pdu->lun);
	bytes_put32(w->word20, pdu->referenced_task_tag);
	PUT_INITIATOR_NUMBERS(w, pdu);
	bytes_put32(w->word32, pdu->ref_cmd_sn);
	bytes_put32(w->word36, pdu->exp_data_sn);
}

void pdu_get_task_request(const uint8_t bhs[PDU_BHS_LEN], struct pdu_task_request *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_task_request){
		GET_COMMON(w), GET_LUN(w), GET_INITIATOR_NUMBERS(w),
		.immediate = w->opcode & IMMEDIATE, .function = w->flags & 0x7f,
		.referenced_task_tag = bytes_get32(w->word20),
		.ref_cmd_sn = bytes_get32(w->word32), .exp_data_sn = bytes_get32(w->word36),
	};
}

void pdu_put_task_response(uint8_t bhs[PDU_BHS_LEN], const struct pdu_task_response *pdu)
{
	struct wire *w = wire_put(bhs, PDU_TASK_RESPONSE, FINAL, pdu->data_len,
				  pdu->initiator_task_tag);

	w->byte2 = pdu->response;
	bytes_put24(w->lun, pdu->additional_information);
	PUT_TARGET_NUMBERS(w, pdu);
}

/* P2-6 */
void pdu_get_task_response(const uint8_t bhs[PDU_BHS_LEN], struct pdu_task_response *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_task_response){
		GET_COMMON(w), GET_TARGET_NUMBERS(w), .response = w->byte2,
		.additional_information = bytes_get24(w->lun),
	};
}

/* ---------------------------------------------------------------- login, text, logout */

static uint8_t stage_flags(bool transit, bool more, uint8_t csg, uint8_t nsg)
{
	return (uint8_t)(bit(transit, FINAL) | bit(more, MORE) | (csg & 3) << 2 | (nsg & 3));
}

void pdu_put_login_request(uint8_t bhs[PDU_BHS_LEN], const struct pdu_login_request *pdu)
{
	struct wire *w = wire_put(bhs, PDU_LOGIN_REQUEST | IMMEDIATE, /* LOG-2 */
				  stage_flags(pdu->transit, pdu->more, pdu->csg, pdu->nsg),
				  pdu->data_len, pdu->initiator_task_tag);

	w->byte2 = pdu->version_max;
	w->byte3 = pdu->version_min;
	memcpy(w->lun, pdu->isid, 6);
	bytes_put16(w->lun + 6, pdu->tsih);
	bytes_put16(w->word20, pdu->cid);
	PUT_INITIATOR_NUMBERS(w, pdu);
}

void pdu_get_login_request(const uint8_t bhs[PDU_BHS_LEN], struct pdu_login_request *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_login_request){
		GET_COMMON(w), GET_INITIATOR_NUMBERS(w),
		.transit = w->flags & FINAL, .more = w->flags & MORE,
		.csg = w->flags >> 2 & 3, .nsg = w->flags & 3,
		.version_max = w->byte2, .version_min = w->byte3,
		.tsih = bytes_get16(w->lun + 6), .cid = bytes_get16(w->word20),
	};
	memcpy(ret->isid, w->lun, 6);
}

void pdu_put_login_response(uint8_t bhs[PDU_BHS_LEN], const struct pdu_login_response *pdu)
{
	struct wire *w = wire_put(bhs, PDU_LOGIN_RESPONSE,
				  stage_flags(pdu->transit, pdu->more, pdu->csg, pdu->nsg),
				  pdu->data_len, pdu->initiator_task_tag);

	w->byte2 = pdu->version_max;
	w->byte3 = pdu->version_active;
	memcpy(w->lun, pdu->isid, 6);
	bytes_put16(w->lun + 6, pdu->tsih);
	PUT_TARGET_NUMBERS(w, pdu);
	w->word36[0] = pdu->status_class;
	w->word36[1] = pdu->status_detail;
}

void pdu_get_login_response(const uint8_t bhs[PDU_BHS_LEN], struct pdu_login_response *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_login_response){
		GET_COMMON(w), GET_TARGET_NUMBERS(w),
		.transit = w->flags & FINAL, .more = w->flags & MORE,
		.csg = w->flags >> 2 & 3, .nsg = w->flags & 3,
		.version_max = w->byte2, .version_active = w->byte3,
		.tsih = bytes_get16(w->lun + 6),
		.status_class = w->word36[0], .status_detail = w->word36[1],
	};
	memcpy(ret->isid, w->lun, 6);
}

void pdu_put_text_request(uint8_t bhs[PDU_BHS_LEN], const struct pdu_text_request *pdu)
{
	struct wire *w = wire_put(bhs, PDU_TEXT_REQUEST | bit(pdu->immediate, IMMEDIATE),
				  bit(pdu->final, FINAL) | bit(pdu->more, MORE), pdu->data_len,
				  pdu->initiator_task_tag);

	bytes_put64(w->lun, pdu->lun);
	bytes_put32(w->word20, pdu->target_transfer_tag);
	PUT_INITIATOR_NUMBERS(w, pdu);
}

void pdu_get_text_request(const uint8_t bhs[PDU_BHS_LEN], struct pdu_text_request *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_text_request){
		GET_COMMON(w), GET_LUN(w), GET_TTT(w), GET_INITIATOR_NUMBERS(w),
		.immediate = w->opcode & IMMEDIATE, .final = w->flags & FINAL,
		.more = w->flags & MORE,
	};
}

void pdu_put_text_response(uint8_t bhs[PDU_BHS_LEN], const struct pdu_text_response *pdu)
{
	struct wire *w = wire_put(bhs, PDU_TEXT_RESPONSE,
				  bit(pdu->final, FINAL) | bit(pdu->more, MORE), pdu->data_len,
				  pdu->initiator_task_tag);

	bytes_put64(w->lun, pdu->lun);
	bytes_put32(w->word20, pdu->target_transfer_tag);
	PUT_TARGET_NUMBERS(w, pdu);
}

void pdu_get_text_response(const uint8_t bhs[PDU_BHS_LEN], struct pdu_text_response *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_text_response){
		GET_COMMON(w), GET_LUN(w), GET_TTT(w), GET_TARGET_NUMBERS(w),
		.final = w->flags & FINAL, .more = w->flags & MORE,
	};
}

/* LO-1 */
void pdu_put_logout_request(uint8_t bhs[PDU_BHS_LEN], const struct pdu_logout_request *pdu)
{
	struct wire *w = wire_put(bhs, PDU_LOGOUT_REQUEST | bit(pdu->immediate, IMMEDIATE),
				  FINAL | (pdu->reason & 0x7f), pdu->data_len,
				  pdu->initiator_task_tag);

	bytes_put16(w->word20, pdu->cid);
	PUT_INITIATOR_NUMBERS(w, pdu);
}

void pdu_get_logout_request(const uint8_t bhs[PDU_BHS_LEN], struct pdu_logout_request *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_logout_request){
		GET_COMMON(w), GET_INITIATOR_NUMBERS(w),
		.immediate = w->opcode & IMMEDIATE, .reason = w->flags & 0x7f,
		.cid = bytes_get16(w->word20),
	};
}

void pdu_put_logout_response(uint8_t bhs[PDU_BHS_LEN], const struct pdu_logout_response *pdu)
{
	struct wire *w = wire_put(bhs, PDU_LOGOUT_RESPONSE, FINAL, pdu->data_len,
				  pdu->initiator_task_tag);

	w->byte2 = pdu->response;
	PUT_TARGET_NUMBERS(w, pdu);
	bytes_put16(w->word40, pdu->time2wait);
	bytes_put16(w->word40 + 2, pdu->time2retain);
}

void pdu_get_logout_response(const uint8_t bhs[PDU_BHS_LEN], struct pdu_logout_response *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_logout_response){
		GET_COMMON(w), GET_TARGET_NUMBERS(w), .response = w->byte2,
		.time2wait = bytes_get16(w->word40), .time2retain = bytes_get16(w->word40 + 2),
	};
}

/* ---------------------------------------------------------------- the rest */

void pdu_put_nop_out(uint8_t bhs[PDU_BHS_LEN], const struct pdu_nop_out *pdu)
{
	struct wire *w = wire_put(bhs, PDU_NOP_OUT | bit(pdu->immediate, IMMEDIATE), FINAL,
				  pdu->data_len, pdu->initiator_task_tag);

	bytes_put64(w->lun, pdu->lun);
	bytes_put32(w->word20, pdu->target_transfer_tag);
	PUT_INITIATOR_NUMBERS(w, pdu);
}

void pdu_get_nop_out(const uint8_t bhs[PDU_BHS_LEN], struct pdu_nop_out *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_nop_out){
		GET_COMMON(w), GET_LUN(w), GET_TTT(w), GET_INITIATOR_NUMBERS(w),
		.immediate = w->opcode & IMMEDIATE,
	};
}

void pdu_put_nop_in(uint8_t bhs[PDU_BHS_LEN], const struct pdu_nop_in *pdu)
{
	struct wire *w = wire_put(bhs, PDU_NOP_IN, FINAL, pdu->data_len, pdu->initiator_task_tag);

	bytes_put64(w->lun, pdu->lun);
	bytes_put32(w->word20, pdu->target_transfer_tag);
	PUT_TARGET_NUMBERS(w, pdu);
}

void pdu_get_nop_in(const uint8_t bhs[PDU_BHS_LEN], struct pdu_nop_in *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_nop_in){
		GET_COMMON(w), GET_LUN(w), GET_TTT(w), GET_TARGET_NUMBERS(w),
	};
}

void pdu_put_async(uint8_t bhs[PDU_BHS_LEN], const struct pdu_async *pdu)
{
	struct wire *w = wire_put(bhs, PDU_ASYNC, FINAL, pdu->data_len, pdu->initiator_task_tag);

	bytes_put64(w->lun, pdu->lun);
	PUT_TARGET_NUMBERS(w, pdu);
	w->word36[0] = pdu->async_event;
	w->word36[1] = pdu->async_vcode;
	bytes_put16(w->word36 + 2, pdu->parameter1);
	bytes_put16(w->word40, pdu->parameter2);
	bytes_put16(w->word40 + 2, pdu->parameter3);
}

void pdu_get_async(const uint8_t bhs[PDU_BHS_LEN], struct pdu_async *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_async){
		GET_COMMON(w), GET_LUN(w), GET_TARGET_NUMBERS(w),
		.async_event = w->word36[0], .async_vcode = w->word36[1],
		.parameter1 = bytes_get16(w->word36 + 2),
		.parameter2 = bytes_get16(w->word40), .parameter3 = bytes_get16(w->word40 + 2),
	};
}

void pdu_put_reject(uint8_t bhs[PDU_BHS_LEN], const struct pdu_reject *pdu)
{
	struct wire *w = wire_put(bhs, PDU_REJECT, FINAL, pdu->data_len, pdu->initiator_task_tag);

	w->byte2 = pdu->reason;
	PUT_TARGET_NUMBERS(w, pdu);
	bytes_put32(w->word36, pdu->data_sn);
}

void pdu_get_reject(const uint8_t bhs[PDU_BHS_LEN], struct pdu_reject *ret)
{
	const struct wire *w = wire_get(bhs);

	*ret = (struct pdu_reject){
		GET_COMMON(w), GET_TARGET_NUMBERS(w), .reason = w->byte2,
		.data_sn = bytes_get32(w->word36),
	};
}
