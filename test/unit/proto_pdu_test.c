/*
 * proto_pdu_test.c - every PDU type against bytes made by hand from the pictures of RFC 7143
 * sections 11.3 to 11.19, both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "proto/pdu.h"
#include "../duty.h"

/* Words of a header, as the RFC draws them. */
static void header(uint8_t bhs[48], const uint32_t words[12])
{
	for (int i = 0; i < 12; i++)
		for (int j = 0; j < 4; j++)
			bhs[i * 4 + j] = (uint8_t)(words[i] >> (24 - 8 * j));
}

/* Puts `value`, compares with the words, gets it back from them, compares the structs. The bytes
 * around and before prove that put clears and get sets all. */
#define CHECK(type, value, ...) do { \
	const uint32_t words_[12] = { __VA_ARGS__ }; \
	struct pdu_##type in_, out_; \
	uint8_t expected_[48], bhs_[49]; \
	memset(&in_, 0, sizeof in_); \
	in_ = value; \
	memset(&out_, 0x5a, sizeof out_); \
	memset(bhs_, 0xee, sizeof bhs_); \
	header(expected_, words_); \
	pdu_put_##type(bhs_, &in_); \
	assert_memory_equal(bhs_, expected_, 48); \
	assert_int_equal(bhs_[48], 0xee); \
	pdu_get_##type(bhs_, &out_); \
	pdu_put_##type(bhs_, &out_); \
	assert_memory_equal(bhs_, expected_, 48); \
	got_##type = out_; \
} while (0)

static void scsi_command(void **state)
{
	static struct pdu_scsi_command got_scsi_command;
	struct pdu_scsi_command v = {
		.immediate = true, .final = true, .read = true, .attribute = PDU_SIMPLE,
		.priority = 3, .total_ahs_length = 2, .data_len = 0x010203,
		.lun = UINT64_C(0x0005000000000000), .initiator_task_tag = 0x11121314,
		.expected_data_transfer_length = 0x1000, .cmd_sn = 7, .exp_stat_sn = 9,
		.cdb = { 0x28, 1, 2, 3, [15] = 0xff },
	};

	(void)state;
	CHECK(scsi_command, v, 0x41c13000, 0x02010203, 0x00050000, 0, 0x11121314, 0x1000, 7, 9,
	      0x28010203, 0, 0, 0x000000ff);
	assert_true(got_scsi_command.immediate && got_scsi_command.final && got_scsi_command.read);
	assert_false(got_scsi_command.write);
	assert_int_equal(got_scsi_command.priority, 3);
	assert_int_equal(got_scsi_command.attribute, PDU_SIMPLE);
	assert_true(got_scsi_command.lun == v.lun);
	assert_int_equal(got_scsi_command.exp_stat_sn, 9);
	assert_memory_equal(got_scsi_command.cdb, v.cdb, 16);
	v = (struct pdu_scsi_command){ .write = true, .attribute = PDU_HEAD_OF_QUEUE };
	CHECK(scsi_command, v, 0x01230000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	assert_true(got_scsi_command.write);
	for (uint8_t attribute = PDU_UNTAGGED; attribute <= PDU_ACA; attribute++) {
		v = (struct pdu_scsi_command){ .final = true, .attribute = attribute };
		CHECK(scsi_command, v, 0x01800000 | (uint32_t)attribute << 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	}
	DUTY("CMD-4 P2-2");
}

static void scsi_response(void **state)
{
	static struct pdu_scsi_response got_scsi_response;
	struct pdu_scsi_response v = {
		.overflow = true, .bidi_underflow = true, .response = 1, .status = 2,
		.status_qualifier = 0x1234, .data_len = 98, .initiator_task_tag = 5,
		.snack_tag = 6, .stat_sn = 7, .exp_cmd_sn = 8, .max_cmd_sn = 9, .exp_data_sn = 10,
		.bidi_residual_count = 11, .residual_count = 12,
	};

	(void)state;
	CHECK(scsi_response, v, 0x218c0102, 98, 0x12340000, 0, 5, 6, 7, 8, 9, 10, 11, 12);
	assert_true(got_scsi_response.overflow && got_scsi_response.bidi_underflow);
	assert_false(got_scsi_response.underflow || got_scsi_response.bidi_overflow);
	assert_int_equal(got_scsi_response.status, 2);
	assert_int_equal(got_scsi_response.max_cmd_sn, 9);
	assert_int_equal(got_scsi_response.residual_count, 12);
	v = (struct pdu_scsi_response){ .underflow = true, .bidi_overflow = true };
	CHECK(scsi_response, v, 0x21920000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	DUTY("P2-3");
}

static void data_out(void **state)
{
	static struct pdu_data_out got_data_out;
	struct pdu_data_out v = {
		.final = true, .data_len = 0xfffffe, .lun = 1, .initiator_task_tag = 2,
		.target_transfer_tag = PDU_NO_TAG, .exp_stat_sn = 4, .data_sn = 5,
		.buffer_offset = 6,
	};

	(void)state;
	CHECK(data_out, v, 0x05800000, 0xfffffe, 0, 1, 2, 0xffffffff, 0, 4, 0, 5, 6, 0);
	assert_int_equal(got_data_out.buffer_offset, 6);
	assert_int_equal(got_data_out.data_sn, 5);
	DUTY("CMD-13");
}

static void data_in(void **state)
{
	static struct pdu_data_in got_data_in;
	struct pdu_data_in v = {
		.final = true, .underflow = true, .has_status = true, .status = 0x04,
		.data_len = 512, .lun = UINT64_C(0x4100000000000000), .initiator_task_tag = 2,
		.target_transfer_tag = 3, .stat_sn = 4, .exp_cmd_sn = 5, .max_cmd_sn = 6,
		.data_sn = 7, .buffer_offset = 8, .residual_count = 9,
	};

	(void)state;
	CHECK(data_in, v, 0x25830004, 512, 0x41000000, 0, 2, 3, 4, 5, 6, 7, 8, 9);
	assert_true(got_data_in.has_status && got_data_in.underflow && got_data_in.final);
	assert_false(got_data_in.acknowledge || got_data_in.overflow);
	v = (struct pdu_data_in){ .acknowledge = true, .overflow = true };
	CHECK(data_in, v, 0x25440000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	assert_true(got_data_in.acknowledge && got_data_in.overflow);
}

static void r2t(void **state)
{
	static struct pdu_r2t got_r2t;
	struct pdu_r2t v = {
		.lun = 1, .initiator_task_tag = 2, .target_transfer_tag = 3, .stat_sn = 4,
		.exp_cmd_sn = 5, .max_cmd_sn = 6, .r2t_sn = 7, .buffer_offset = 8,
		.desired_data_transfer_length = 9,
	};

	(void)state;
	CHECK(r2t, v, 0x31800000, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
	assert_int_equal(got_r2t.desired_data_transfer_length, 9);
	assert_int_equal(got_r2t.r2t_sn, 7);
}

static void snack(void **state)
{
	static struct pdu_snack got_snack;
	struct pdu_snack v = {
		.type = PDU_SNACK_DATA_ACK, .lun = 1, .initiator_task_tag = 2,
		.target_transfer_tag = 3, .exp_stat_sn = 4, .beg_run = 5, .run_length = 6,
	};

	(void)state;
	CHECK(snack, v, 0x10820000, 0, 0, 1, 2, 3, 0, 4, 0, 0, 5, 6);
	assert_int_equal(got_snack.type, PDU_SNACK_DATA_ACK);
	assert_int_equal(got_snack.run_length, 6);
}

static void task_management(void **state)
{
	static struct pdu_task_request got_task_request;
	static struct pdu_task_response got_task_response;
	struct pdu_task_request q = {
		.immediate = true, .function = PDU_TASK_REASSIGN, .lun = 1,
		.initiator_task_tag = 2, .referenced_task_tag = 3, .cmd_sn = 4, .exp_stat_sn = 5,
		.ref_cmd_sn = 6, .exp_data_sn = 7,
	};
	struct pdu_task_response a = {
		.response = 255, .additional_information = 0x010203, .initiator_task_tag = 2,
		.stat_sn = 4, .exp_cmd_sn = 5, .max_cmd_sn = 6,
	};

	(void)state;
	CHECK(task_request, q, 0x42880000, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0, 0);
	assert_int_equal(got_task_request.function, PDU_TASK_REASSIGN);
	assert_int_equal(got_task_request.ref_cmd_sn, 6);
	CHECK(task_response, a, 0x2280ff00, 0, 0x01020300, 0, 2, 0, 4, 5, 6, 0, 0, 0);
	assert_int_equal(got_task_response.response, 255);
	assert_int_equal(got_task_response.additional_information, 0x010203);
	DUTY("P2-6");
}

static void login(void **state)
{
	static struct pdu_login_request got_login_request;
	static struct pdu_login_response got_login_response;
	struct pdu_login_request q = {
		.transit = true, .csg = PDU_STAGE_OPERATIONAL, .nsg = PDU_STAGE_FULL_FEATURE,
		.data_len = 300, .isid = { 0x80, 1, 2, 3, 4, 5 }, .tsih = 0x0607,
		.initiator_task_tag = 8, .cid = 0x090a, .cmd_sn = 11, .exp_stat_sn = 12,
	};
	struct pdu_login_response a = {
		.more = true, .csg = 1, .nsg = 0, .version_max = 2, .version_active = 1,
		.isid = { 0x80, 1, 2, 3, 4, 5 }, .tsih = 0xfffe, .initiator_task_tag = 8,
		.stat_sn = 9, .exp_cmd_sn = 10, .max_cmd_sn = 11, .status_class = 2,
		.status_detail = 6,
	};

	(void)state;
	CHECK(login_request, q, 0x43870000, 300, 0x80010203, 0x04050607, 8, 0x090a0000, 11, 12, 0,
	      0, 0, 0);
	assert_true(got_login_request.transit && !got_login_request.more);
	assert_int_equal(got_login_request.csg, 1);
	assert_int_equal(got_login_request.nsg, 3);
	assert_int_equal(got_login_request.tsih, 0x0607);
	assert_int_equal(got_login_request.cid, 0x090a);
	CHECK(login_response, a, 0x23440201, 0, 0x80010203, 0x0405fffe, 8, 0, 9, 10, 11,
	      0x02060000, 0, 0);
	assert_true(got_login_response.more && !got_login_response.transit);
	assert_int_equal(got_login_response.status_class, 2);
	assert_int_equal(got_login_response.status_detail, 6);
	assert_memory_equal(got_login_response.isid, a.isid, 6);
	DUTY("LOG-2");
}

static void text(void **state)
{
	static struct pdu_text_request got_text_request;
	static struct pdu_text_response got_text_response;
	struct pdu_text_request q = {
		.immediate = true, .final = true, .data_len = 16, .lun = 1,
		.initiator_task_tag = 2, .target_transfer_tag = PDU_NO_TAG, .cmd_sn = 4,
		.exp_stat_sn = 5,
	};
	struct pdu_text_response a = {
		.more = true, .data_len = 8192, .lun = 1, .initiator_task_tag = 2,
		.target_transfer_tag = 3, .stat_sn = 4, .exp_cmd_sn = 5, .max_cmd_sn = 6,
	};

	(void)state;
	CHECK(text_request, q, 0x44800000, 16, 0, 1, 2, 0xffffffff, 4, 5, 0, 0, 0, 0);
	assert_true(got_text_request.final && !got_text_request.more);
	CHECK(text_response, a, 0x24400000, 8192, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0);
	assert_true(got_text_response.more && !got_text_response.final);
}

static void logout(void **state)
{
	static struct pdu_logout_request got_logout_request;
	static struct pdu_logout_response got_logout_response;
	struct pdu_logout_request q = {
		.immediate = true, .reason = PDU_LOGOUT_RECOVERY, .initiator_task_tag = 2,
		.cid = 3, .cmd_sn = 4, .exp_stat_sn = 5,
	};
	struct pdu_logout_response a = {
		.response = 3, .initiator_task_tag = 2, .stat_sn = 4, .exp_cmd_sn = 5,
		.max_cmd_sn = 6, .time2wait = 7, .time2retain = 8,
	};

	(void)state;
	CHECK(logout_request, q, 0x46820000, 0, 0, 0, 2, 0x00030000, 4, 5, 0, 0, 0, 0);
	assert_int_equal(got_logout_request.reason, PDU_LOGOUT_RECOVERY);
	assert_int_equal(got_logout_request.cid, 3);
	CHECK(logout_response, a, 0x26800300, 0, 0, 0, 2, 0, 4, 5, 6, 0, 0x00070008, 0);
	assert_int_equal(got_logout_response.time2retain, 8);
	DUTY("LO-1");
}

static void nop(void **state)
{
	static struct pdu_nop_out got_nop_out;
	static struct pdu_nop_in got_nop_in;
	struct pdu_nop_out q = {
		.immediate = true, .data_len = 4, .lun = 1, .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = 3, .cmd_sn = 4, .exp_stat_sn = 5,
	};
	struct pdu_nop_in a = {
		.data_len = 4, .lun = 1, .initiator_task_tag = 2, .target_transfer_tag = 3,
		.stat_sn = 4, .exp_cmd_sn = 5, .max_cmd_sn = 6,
	};

	(void)state;
	CHECK(nop_out, q, 0x40800000, 4, 0, 1, 0xffffffff, 3, 4, 5, 0, 0, 0, 0);
	assert_true(got_nop_out.immediate);
	CHECK(nop_in, a, 0x20800000, 4, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0);
	assert_int_equal(got_nop_in.target_transfer_tag, 3);
}

static void async_and_reject(void **state)
{
	static struct pdu_async got_async;
	static struct pdu_reject got_reject;
	struct pdu_async v = {
		.data_len = 2, .lun = 1, .initiator_task_tag = PDU_NO_TAG, .stat_sn = 4,
		.exp_cmd_sn = 5, .max_cmd_sn = 6, .async_event = PDU_ASYNC_CONNECTION_DROP,
		.async_vcode = 9, .parameter1 = 10, .parameter2 = 11, .parameter3 = 12,
	};
	struct pdu_reject r = {
		.reason = PDU_REJECT_WAITING_LOGOUT, .data_len = 48,
		.initiator_task_tag = PDU_NO_TAG, .stat_sn = 4, .exp_cmd_sn = 5, .max_cmd_sn = 6,
		.data_sn = 7,
	};

	(void)state;
	CHECK(async, v, 0x32800000, 2, 0, 1, 0xffffffff, 0, 4, 5, 6, 0x0209000a, 0x000b000c, 0);
	assert_int_equal(got_async.parameter1, 10);
	assert_int_equal(got_async.parameter3, 12);
	CHECK(reject, r, 0x3f800c00, 48, 0, 0, 0xffffffff, 0, 4, 5, 6, 7, 0, 0);
	assert_int_equal(got_reject.reason, 0x0c);
}

/* Reserved bits are ignored when received, and never sent (section 11). */
static void reserved_bits(void **state)
{
	uint8_t ones[48], bhs[48];
	struct pdu_r2t r2t_pdu;
	struct pdu_logout_response logout_pdu;
	struct pdu_login_request login_pdu;

	(void)state;
	memset(ones, 0xff, sizeof ones);
	pdu_get_r2t(ones, &r2t_pdu);
	pdu_put_r2t(bhs, &r2t_pdu);
	assert_int_equal(bhs[0], PDU_R2T);
	assert_int_equal(bhs[1], 0x80);
	assert_int_equal(bhs[4], 0);
	pdu_get_logout_response(ones, &logout_pdu);
	pdu_put_logout_response(bhs, &logout_pdu);
	assert_int_equal(bhs[8], 0);
	assert_int_equal(bhs[36], 0);
	assert_int_equal(bhs[44], 0);
	pdu_get_login_request(ones, &login_pdu);
	pdu_put_login_request(bhs, &login_pdu);
	assert_int_equal(bhs[1], 0xcf);
	assert_int_equal(bhs[0], 0x43);
}

static void opcodes(void **state)
{
	static const uint8_t target[] = { 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32,
					  0x3c, 0x3d, 0x3e, 0x3f };
	static const uint8_t initiator[] = { 0, 1, 2, 3, 4, 5, 6, 0x10 };
	unsigned from_target = 0, from_initiator = 0;

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		from_target += pdu_from_target((uint8_t)i);
		from_initiator += pdu_from_initiator((uint8_t)i);
		assert_non_null(pdu_name((uint8_t)i));
	}
	assert_int_equal(from_target, sizeof target);
	assert_int_equal(from_initiator, sizeof initiator);
	for (size_t i = 0; i < sizeof target; i++)
		assert_true(pdu_from_target(target[i]));
	for (size_t i = 0; i < sizeof initiator; i++)
		assert_true(pdu_from_initiator(initiator[i]));
	assert_string_equal(pdu_name(PDU_R2T), "R2T");
	assert_string_equal(pdu_name(0x07), "unknown PDU");
	DUTY("PDU-5");
}

static void lengths(void **state)
{
	uint8_t bhs[48] = { 0xff, [4] = 0xff, 0xff, 0xff, 0xfe };

	(void)state;
	assert_int_equal(pdu_opcode(bhs), 0x3f);
	assert_true(pdu_immediate(bhs));
	assert_int_equal(pdu_ahs_len(bhs), PDU_AHS_MAX);
	assert_int_equal(pdu_data_len(bhs), 0xfffffe);
	assert_int_equal(pdu_pad(0), 0);
	assert_int_equal(pdu_pad(1), 3);
	assert_int_equal(pdu_pad(2), 2);
	assert_int_equal(pdu_pad(3), 1);
	assert_int_equal(pdu_pad(0xffffff), 1);
	DUTY("PDU-1 PDU-2");
}

static void ahs(void **state)
{
	uint8_t cdb[261], buf[PDU_AHS_MAX], type;
	static const uint8_t bidi[8] = { 0, 5, 2, 0, 0x01, 0x02, 0x03, 0x04 };
	static const uint8_t short_cdb[8] = { 0, 2, 1, 0, 16, 0, 0, 0 };
	const uint8_t *data;
	size_t len, at = 0, n, used;

	(void)state;
	for (int i = 0; i < 261; i++)
		cdb[i] = (uint8_t)i;
	assert_int_equal(pdu_put_ahs_cdb(buf, cdb, 16), 0);
	assert_int_equal(pdu_put_ahs_cdb(buf, cdb, 261), 0);
	memset(buf, 0xee, sizeof buf);
	assert_int_equal(pdu_put_ahs_cdb(buf, cdb, 17), 8); /* AHSLength is 17 - 15 */
	assert_memory_equal(buf, short_cdb, 8);
	used = pdu_put_ahs_cdb(buf, cdb, 260);
	assert_int_equal(used, 248);
	n = pdu_put_ahs_bidi(buf + used, 0x01020304);
	assert_int_equal(n, 8);
	assert_memory_equal(buf + used, bidi, 8);
	used += n;

	assert_int_equal(pdu_next_ahs(buf, used, &at, &type, &data, &len), 1);
	assert_int_equal(type, PDU_AHS_CDB);
	assert_int_equal(len, 244);
	assert_memory_equal(data, cdb + 16, 244);
	assert_int_equal(pdu_next_ahs(buf, used, &at, &type, &data, &len), 1);
	assert_int_equal(type, PDU_AHS_BIDI);
	assert_int_equal(len, 4);
	assert_int_equal(pdu_next_ahs(buf, used, &at, &type, &data, &len), 0);
	DUTY("PDU-2 PDU-9 PDU-10");
}

static void ahs_that_does_not_fit(void **state)
{
	uint8_t type, buf[12] = { 0, 9, 1, 0 };
	const uint8_t *data;
	size_t len, at = 0;

	(void)state;
	assert_int_equal(pdu_next_ahs(buf, 8, &at, &type, &data, &len), -EPROTO);
	assert_int_equal(pdu_next_ahs(buf, 12, &at, &type, &data, &len), 1);
	at = 0;
	buf[1] = 10;
	assert_int_equal(pdu_next_ahs(buf, 12, &at, &type, &data, &len), -EPROTO);
	buf[0] = buf[1] = 0; /* a length of 0 would not move on */
	assert_int_equal(pdu_next_ahs(buf, 12, &at, &type, &data, &len), -EPROTO);
	buf[0] = buf[1] = 0xff;
	assert_int_equal(pdu_next_ahs(buf, 12, &at, &type, &data, &len), -EPROTO);
	assert_int_equal(pdu_next_ahs(buf, 3, &at, &type, &data, &len), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scsi_command), cmocka_unit_test(scsi_response),
		cmocka_unit_test(data_out), cmocka_unit_test(data_in), cmocka_unit_test(r2t),
		cmocka_unit_test(snack), cmocka_unit_test(task_management),
		cmocka_unit_test(login), cmocka_unit_test(text), cmocka_unit_test(logout),
		cmocka_unit_test(nop), cmocka_unit_test(async_and_reject),
		cmocka_unit_test(reserved_bits), cmocka_unit_test(opcodes),
		cmocka_unit_test(lengths), cmocka_unit_test(ahs),
		cmocka_unit_test(ahs_that_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
