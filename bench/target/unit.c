/* unit.c - what logical units answer to all commands but reads and writes (SPC-4, SBC-3). */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "lean.h"
#include "scsi/cdb.h"
#include "scsi/inquiry.h"
#include "scsi/lun.h"
#include "scsi/mode.h"
#include "scsi/sense.h"

enum {
	ASC_OPCODE = 0x20, ASC_RANGE = 0x21, ASC_FIELD = 0x24, ASC_NO_UNIT = 0x25,
	READ_6 = 0x08, WRITE_6 = 0x0a, READ_CAPACITY_16 = 0x10,
};

int unit_number(const struct lean *lean, uint64_t lun)
{
	uint64_t number = lun_number(lun);

	return number < lean->options.luns ? (int)number : -1;
}

bool unit_range(const struct lean *lean, const uint8_t cdb[16], bool *ret_write,
		uint64_t *ret_from, uint64_t *ret_len)
{
	uint64_t lba, blocks;

	switch (cdb[0]) {
	case READ_6:
	case WRITE_6:
		lba = bytes_get24(cdb + 1) & 0x1fffff;
		blocks = cdb[4] ? cdb[4] : 256;
		break;
	case CDB_READ_10:
	case CDB_WRITE_10:
		lba = bytes_get32(cdb + 2);
		blocks = bytes_get16(cdb + 7);
		break;
	case CDB_READ_16:
	case CDB_WRITE_16:
		lba = bytes_get64(cdb + 2);
		blocks = bytes_get32(cdb + 10);
		break;
	default:
		return false;
	}
	*ret_write = cdb[0] == WRITE_6 || cdb[0] == CDB_WRITE_10 || cdb[0] == CDB_WRITE_16;
	/* Past every end if it can't be counted in bytes. */
	if (lba > lean->options.size / lean->options.block)
		lba = lean->options.size / lean->options.block + 1;
	*ret_from = lba * lean->options.block;
	*ret_len = blocks * lean->options.block;
	return true;
}

static void answer_check(struct unit_answer *ret, uint8_t key, uint8_t asc)
{
	ret->status = SENSE_CHECK_CONDITION;
	ret->key = key;
	ret->asc = asc;
	ret->len = 0;
}

static void inquiry_standard(int unit, struct unit_answer *ret)
{
	uint8_t *p = ret->data;

	p[0] = unit < 0 ? 0x7f : INQUIRY_DISK;
	p[2] = 6;      /* SPC-4 */
	p[3] = 0x02;   /* response data format */
	p[4] = 96 - 5;
	p[7] = 0x02;   /* CMDQUE */
	memcpy(p + 8, "ISCSIDSC", 8);
	memcpy(p + 16, "lean target     ", 16);
	memcpy(p + 32, "1   ", 4);
	ret->len = 96;
}

static void inquiry_page(const struct lean *lean, int unit, uint8_t page, struct unit_answer *ret)
{
	static const uint8_t pages[] = { 0x00, 0x80, 0x83, 0xb0 };
	uint8_t *p = ret->data;
	size_t len = 0;

	switch (page) {
	case INQUIRY_PAGES:
		memcpy(p + 4, pages, sizeof(pages));
		len = sizeof(pages);
		break;
	case INQUIRY_SERIAL:
		len = (size_t)snprintf((char *)p + 4, 32, "LEAN%04d", unit);
		break;
	case INQUIRY_IDS:
		p[4] = 0x01;  /* binary */
		p[5] = 0x03;  /* NAA of the unit */
		p[7] = 8;
		bytes_put64(p + 8, UINT64_C(0x3000000000000000) + (unsigned)unit);
		len = 12;
		break;
	case INQUIRY_BLOCK_LIMITS:
		bytes_put16(p + 6, 1);
		bytes_put32(p + 8, (16u << 20) / lean->options.block);
		bytes_put32(p + 12, (1u << 20) / lean->options.block);
		len = 60;
		break;
	default:
		answer_check(ret, SENSE_ILLEGAL_REQUEST, ASC_FIELD);
		return;
	}
	p[0] = unit < 0 ? 0x7f : INQUIRY_DISK;
	p[1] = page;
	bytes_put16(p + 2, (uint16_t)len);
	ret->len = (uint32_t)len + 4;
}

static void report_luns(const struct lean *lean, struct unit_answer *ret)
{
	bytes_put32(ret->data, lean->options.luns * 8);
	for (unsigned i = 0; i < lean->options.luns; i++)
		bytes_put64(ret->data + 8 + 8 * i, lun_wire(i));
	ret->len = 8 + 8 * lean->options.luns;
}

static void read_capacity(const struct lean *lean, bool long_form, struct unit_answer *ret)
{
	uint64_t last = lean->options.size / lean->options.block - 1;

	if (long_form) {
		bytes_put64(ret->data, last);
		bytes_put32(ret->data + 8, lean->options.block);
		ret->len = 32;
	} else {
		bytes_put32(ret->data, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
		bytes_put32(ret->data + 4, lean->options.block);
		ret->len = 8;
	}
}

/* Header without block descriptors, and the caching page with the write cache off. */
static void mode_sense(const uint8_t *cdb, bool long_form, struct unit_answer *ret)
{
	uint8_t page = cdb[2] & 0x3f, *p = ret->data;
	unsigned head = long_form ? 8 : 4;
	unsigned len = head + (page == MODE_PAGE_CACHING || page == MODE_PAGE_ALL ? 20 : 0);

	if (len > head) {
		p[head] = MODE_PAGE_CACHING;
		p[head + 1] = 18;
	}
	if (long_form) {
		bytes_put16(p, (uint16_t)(len - 2));
		p[3] = 0x10; /* DPOFUA */
	} else {
		p[0] = (uint8_t)(len - 1);
		p[2] = 0x10;
	}
	ret->len = len;
}

static void answer_cut(struct unit_answer *ret, uint32_t allocation)
{
	if (ret->len > allocation)
		ret->len = allocation;
}

static void answer_inquiry(const struct lean *lean, int unit, const uint8_t *cdb,
			   struct unit_answer *ret)
{
	if (cdb[1] & 1)
		inquiry_page(lean, unit, cdb[2], ret);
	else
		inquiry_standard(unit, ret);
	answer_cut(ret, bytes_get16(cdb + 3));
}

void unit_answer(const struct lean *lean, uint64_t lun, const uint8_t cdb[16],
		 struct unit_answer *ret)
{
	int unit = unit_number(lean, lun);

	memset(ret, 0, offsetof(struct unit_answer, data) + 128);
	if (unit < 0 && cdb[0] != CDB_INQUIRY && cdb[0] != CDB_REPORT_LUNS) {
		answer_check(ret, SENSE_ILLEGAL_REQUEST, ASC_NO_UNIT);
		return;
	}
	switch (cdb[0]) {
	case CDB_TEST_UNIT_READY:
	case CDB_SYNCHRONIZE_CACHE_10:
	case CDB_SYNCHRONIZE_CACHE_16:
		break;
	case CDB_INQUIRY:
		answer_inquiry(lean, unit, cdb, ret);
		break;
	case CDB_REPORT_LUNS:
		report_luns(lean, ret);
		answer_cut(ret, bytes_get32(cdb + 6));
		break;
	case CDB_READ_CAPACITY_10:
		read_capacity(lean, false, ret);
		break;
	case CDB_SERVICE_ACTION_IN_16:
		if ((cdb[1] & 0x1f) != READ_CAPACITY_16) {
			answer_check(ret, SENSE_ILLEGAL_REQUEST, ASC_FIELD);
			break;
		}
		read_capacity(lean, true, ret);
		answer_cut(ret, bytes_get32(cdb + 10));
		break;
	case CDB_MODE_SENSE_6:
		mode_sense(cdb, false, ret);
		answer_cut(ret, cdb[4]);
		break;
	case CDB_MODE_SENSE_10:
		mode_sense(cdb, true, ret);
		answer_cut(ret, bytes_get16(cdb + 7));
		break;
	default:
		answer_check(ret, SENSE_ILLEGAL_REQUEST, ASC_OPCODE);
	}
}
