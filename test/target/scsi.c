/* scsi.c - the disks of the test target: memory behind the SCSI commands that a disk must know. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "target.h"

enum { GOOD = 0, CHECK_CONDITION = 2, BUSY = 8 };
enum { NOT_READY = 2, ILLEGAL_REQUEST = 5, UNIT_ATTENTION = 6 };
enum { TRANSFER_BLOCKS_MAX = 8192 };

static void sense_set(struct scsi_result *r, uint8_t key, uint16_t code)
{
	memset(r->sense, 0, sizeof(r->sense));
	r->sense[0] = 0x70;
	r->sense[2] = key;
	r->sense[7] = SENSE_MAX - 8;
	bytes_put16(r->sense + 12, code);
	r->sense_len = SENSE_MAX;
	r->status = CHECK_CONDITION;
}

static void answer(struct scsi_result *r, const void *data, uint32_t len, uint32_t room)
{
	r->len = len < room ? len : room;
	r->data = calloc(1, r->len ? r->len : 1);
	if (r->data)
		memcpy(r->data, data, r->len);
}

static void inquiry_page(uint8_t page, uint64_t lun, struct scsi_result *r, uint32_t room)
{
	uint8_t p[64] = { [1] = page };
	uint32_t len = 64;

	switch (page) {
	case 0x00:
		memcpy(p + 4, "\x00\x80\x83\xb0\xb2", 5);
		len = 9;
		break;
	case 0x80:
		len = 4 + (uint32_t)snprintf((char *)p + 4, sizeof(p) - 4, "MCS%05u", (unsigned)lun);
		break;
	case 0x83:
		p[4] = 1; /* binary, NAA of the unit */
		p[5] = 3;
		p[7] = 8;
		bytes_put64(p + 8, UINT64_C(0x3000000000000000) | lun);
		len = 16;
		break;
	case 0xb0:
		bytes_put16(p + 6, 8);                   /* optimal granularity */
		bytes_put32(p + 8, TRANSFER_BLOCKS_MAX);
		bytes_put32(p + 12, 1024);
		bytes_put32(p + 20, 65536);              /* UNMAP blocks */
		bytes_put32(p + 24, 16);                 /* UNMAP descriptors */
		bytes_put64(p + 36, 65536);              /* WRITE SAME blocks */
		break;
	case 0xb2:
		p[5] = 0xc0;                             /* UNMAP and WRITE SAME (16) */
		len = 8;
		break;
	default:
		sense_set(r, ILLEGAL_REQUEST, 0x2400);
		return;
	}
	bytes_put16(p + 2, (uint16_t)(len - 4));
	answer(r, p, len, room);
}

static void inquiry(const uint8_t *cdb, uint64_t lun, struct scsi_result *r)
{
	uint8_t p[36] = { 0, 0, 6, 2, 31, 0, 0, 2 };
	uint32_t room = bytes_get16(cdb + 3);

	if (cdb[1] & 1) {
		inquiry_page(cdb[2], lun, r, room);
		return;
	}
	memcpy(p + 8, "ISCSIDSCTest disk       0001", 28);
	answer(r, p, sizeof(p), room);
}

static void report_luns(const uint8_t *cdb, struct scsi_result *r)
{
	uint8_t p[8 + 8 * LUNS_MAX] = { 0 };

	bytes_put32(p, 8 * target.options.luns);
	for (unsigned i = 0; i < target.options.luns; i++)
		p[8 + 8 * i + 1] = (uint8_t)i;
	answer(r, p, 8 + 8 * target.options.luns, bytes_get32(cdb + 6));
}

static void capacity(const struct lun *lun, const uint8_t *cdb, struct scsi_result *r)
{
	uint8_t p[32] = { 0 };

	if (cdb[0] == 0x25) {
		bytes_put32(p, lun->blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)lun->blocks - 1);
		bytes_put32(p + 4, BLOCK);
		answer(r, p, 8, 8);
		return;
	}
	bytes_put64(p, lun->blocks - 1);
	bytes_put32(p + 8, BLOCK);
	p[14] = 0xc0; /* thin, reads zeros */
	answer(r, p, 32, bytes_get32(cdb + 10));
}

static void mode_sense(const uint8_t *cdb, struct scsi_result *r)
{
	uint8_t p[28] = { 0 };
	bool ten = cdb[0] == 0x5a;
	uint32_t head = ten ? 8 : 4, len = head + 20;

	if ((cdb[2] & 0x3f) != 0x08 && (cdb[2] & 0x3f) != 0x3f) {
		sense_set(r, ILLEGAL_REQUEST, 0x2400);
		return;
	}
	p[ten ? 3 : 2] = 0x10; /* DPOFUA */
	if (ten)
		bytes_put16(p, (uint16_t)(len - 2));
	else
		p[0] = (uint8_t)(len - 1);
	p[head] = 8;
	p[head + 1] = 18;
	p[head + 2] = 4; /* WCE */
	answer(r, p, len, ten ? bytes_get16(cdb + 7) : cdb[4]);
}

/* Where a command works: logical block and count, by the CDB's size. */
static void extent_get(const uint8_t *cdb, uint64_t *lba, uint32_t *count)
{
	switch (cdb[0] >> 5) {
	case 0:
		*lba = bytes_get24(cdb + 1) & 0x1fffff;
		*count = cdb[4] ? cdb[4] : 256;
		return;
	case 4:
		*lba = bytes_get64(cdb + 2);
		*count = bytes_get32(cdb + 10);
		return;
	case 5:
		*lba = bytes_get32(cdb + 2);
		*count = bytes_get32(cdb + 6);
		return;
	default:
		*lba = bytes_get32(cdb + 2);
		*count = bytes_get16(cdb + 7);
		return;
	}
}

static bool extent_good(const struct lun *lun, uint64_t lba, uint64_t count, struct scsi_result *r)
{
	if (lba <= lun->blocks && count <= lun->blocks - lba)
		return true;
	sense_set(r, ILLEGAL_REQUEST, 0x2100);
	return false;
}

static void read_blocks(struct lun *lun, const uint8_t *cdb, struct scsi_result *r)
{
	uint64_t lba;
	uint32_t count;

	extent_get(cdb, &lba, &count);
	if (extent_good(lun, lba, count, r) && count <= TRANSFER_BLOCKS_MAX)
		answer(r, lun->data + lba * BLOCK, count * BLOCK, count * BLOCK);
	else if (r->status == GOOD)
		sense_set(r, ILLEGAL_REQUEST, 0x2400);
}

static void write_blocks(struct lun *lun, const uint8_t *cdb, const uint8_t *data, uint32_t len,
			 struct scsi_result *r)
{
	uint64_t lba;
	uint32_t count;

	extent_get(cdb, &lba, &count);
	if (!extent_good(lun, lba, count, r))
		return;
	r->len = count * BLOCK;
	if (len > r->len)
		len = r->len;
	if (len)
		memcpy(lun->data + lba * BLOCK, data, len);
}

static void write_same(struct lun *lun, const uint8_t *cdb, const uint8_t *data, uint32_t len,
		       struct scsi_result *r)
{
	uint64_t lba;
	uint32_t count;
	bool no_data = cdb[0] == 0x93 && (cdb[1] & 1);

	extent_get(cdb, &lba, &count);
	if (!extent_good(lun, lba, count, r))
		return;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *block = lun->data + (lba + i) * BLOCK;

		if (no_data || len < BLOCK)
			memset(block, 0, BLOCK);
		else
			memcpy(block, data, BLOCK);
	}
}

static void unmap(struct lun *lun, const uint8_t *data, uint32_t len, struct scsi_result *r)
{
	for (uint32_t at = 8; at + 16 <= len; at += 16) {
		uint64_t lba = bytes_get64(data + at);
		uint32_t count = bytes_get32(data + at + 8);

		if (!extent_good(lun, lba, count, r))
			return;
		memset(lun->data + lba * BLOCK, 0, (size_t)count * BLOCK);
	}
}

/* The conditions that a session's first commands meet. True: the command ends with it. */
static bool condition(struct session *s, uint8_t opcode, struct scsi_result *r)
{
	if (opcode == 0x12 || opcode == 0xa0 || opcode == 0x03)
		return false;
	if (s->unit_attention) {
		s->unit_attention--;
		sense_set(r, UNIT_ATTENTION, 0x2900);
	} else if (s->not_ready) {
		s->not_ready--;
		sense_set(r, NOT_READY, 0x0401);
	} else if (s->busy) {
		s->busy--;
		r->status = BUSY;
	} else {
		return false;
	}
	return true;
}

static void dispatch(struct lun *lun, uint64_t number, const uint8_t *cdb, const uint8_t *data,
		     uint32_t len, struct scsi_result *r)
{
	switch (cdb[0]) {
	case 0x00: case 0x1b: case 0x35: case 0x91: /* ready, start, synchronize */
		return;
	case 0x03:
		sense_set(r, 0, 0);
		r->status = GOOD;
		answer(r, r->sense, SENSE_MAX, cdb[4]);
		r->sense_len = 0;
		return;
	case 0x12:
		inquiry(cdb, number, r);
		return;
	case 0x1a: case 0x5a:
		mode_sense(cdb, r);
		return;
	case 0x25:
		capacity(lun, cdb, r);
		return;
	case 0x9e:
		if ((cdb[1] & 0x1f) == 0x10)
			capacity(lun, cdb, r);
		else
			sense_set(r, ILLEGAL_REQUEST, 0x2000);
		return;
	case 0x08: case 0x28: case 0x88: case 0xa8:
		read_blocks(lun, cdb, r);
		return;
	case 0x0a: case 0x2a: case 0x8a: case 0xaa:
		write_blocks(lun, cdb, data, len, r);
		return;
	case 0x41: case 0x93:
		write_same(lun, cdb, data, len, r);
		return;
	case 0x42:
		unmap(lun, data, len, r);
		return;
	case 0xa0:
		report_luns(cdb, r);
		return;
	default:
		sense_set(r, ILLEGAL_REQUEST, 0x2000);
		return;
	}
}

void scsi_run(struct session *session, const struct pdu_scsi_command *cmd, const uint8_t *data,
	      uint32_t data_len, struct scsi_result *ret)
{
	uint64_t number = cmd->lun >> 48;
	bool there = number < target.options.luns && !(cmd->lun & UINT64_C(0xffffffffffff));

	*ret = (struct scsi_result){ .status = GOOD };
	if (!there && cmd->cdb[0] == 0x12) {
		uint8_t nothing[36] = { 0x7f, 0, 6, 2, 31 };

		answer(ret, nothing, sizeof(nothing), bytes_get16(cmd->cdb + 3));
	} else if (!there && cmd->cdb[0] != 0xa0) {
		sense_set(ret, ILLEGAL_REQUEST, 0x2500);
	} else if (!condition(session, cmd->cdb[0], ret)) {
		ret->len = data_len;
		dispatch(&target.lun[there ? number : 0], number, cmd->cdb, data, data_len, ret);
	}
}
