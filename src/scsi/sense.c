/* sense.c - see sense.h. */
#include "scsi/sense.h"

#include <errno.h>

#include "base/bytes.h"

enum {
	FIXED = 0x70, FIXED_DEFERRED = 0x71, DESCRIPTOR = 0x72, DESCRIPTOR_DEFERRED = 0x73,
	HEADER = 8, INFORMATION = 0x00, INFORMATION_LEN = 12, VALID = 0x80,
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int fixed_get(const uint8_t *p, size_t len, struct sense *ret)
{
	if (len < 3)
		return -EBADMSG;
	*ret = (struct sense){ .key = p[2] & 0x0f, .deferred = (p[0] & 0x7f) == FIXED_DEFERRED };
	if ((p[0] & VALID) && len >= 7) {
		ret->has_information = true;
		ret->information = bytes_get32(p + 3);
	}
	if (len >= HEADER)
		len = smaller(len, HEADER + (size_t)p[7]);
	if (len > 12)
		ret->asc = p[12];
	if (len > 13)
		ret->ascq = p[13];
	return 0;
}

/* Looks for the information descriptor. */
static void descriptors_get(const uint8_t *p, size_t len, struct sense *sense)
{
	while (len >= 2) {
		size_t whole = 2 + (size_t)p[1];

		if (whole > len)
			return;
		if (p[0] == INFORMATION && whole >= INFORMATION_LEN && (p[2] & VALID)) {
			sense->has_information = true;
			sense->information = bytes_get64(p + 4);
			return;
		}
		p += whole;
		len -= whole;
	}
}

static int descriptor_get(const uint8_t *p, size_t len, struct sense *ret)
{
	if (len < 2)
		return -EBADMSG;
	*ret = (struct sense){
		.key = p[1] & 0x0f, .deferred = (p[0] & 0x7f) == DESCRIPTOR_DEFERRED,
		.asc = len > 2 ? p[2] : 0, .ascq = len > 3 ? p[3] : 0,
	};
	if (len > HEADER)
		descriptors_get(p + HEADER, smaller(len - HEADER, p[7]), ret);
	return 0;
}

int sense_get(const void *data, size_t len, struct sense *ret)
{
	const uint8_t *p = data;

	if (len == 0)
		return -EBADMSG;
	switch (p[0] & 0x7f) {
	case FIXED:
	case FIXED_DEFERRED:
		return fixed_get(p, len, ret);
	case DESCRIPTOR:
	case DESCRIPTOR_DEFERRED:
		return descriptor_get(p, len, ret);
	default:
		return -EBADMSG;
	}
}

unsigned sense_hints(const struct sense *sense)
{
	static const struct {
		uint8_t key, asc, ascq;
		unsigned hints;
	} rows[] = {
		{ SENSE_UNIT_ATTENTION, 0x28, 0x00, SENSE_HINT_UNIT }, /* ready, maybe another medium */
		{ SENSE_UNIT_ATTENTION, 0x2a, 0x01, SENSE_HINT_UNIT }, /* mode parameters changed */
		{ SENSE_UNIT_ATTENTION, 0x2a, 0x09, SENSE_HINT_UNIT }, /* capacity data changed */
		{ SENSE_UNIT_ATTENTION, 0x3f, 0x03, SENSE_HINT_UNIT }, /* INQUIRY data changed */
		{ SENSE_UNIT_ATTENTION, 0x3f, 0x05, SENSE_HINT_UNIT }, /* device identifier changed */
		{ SENSE_UNIT_ATTENTION, 0x3f, 0x0e, SENSE_HINT_LUNS }, /* reported LUNs data changed */
		/* A unit may shrink without a word; this address was inside when we asked. */
		{ SENSE_ILLEGAL_REQUEST, 0x21, 0x00, SENSE_HINT_UNIT },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].key == sense->key && rows[i].asc == sense->asc &&
		    rows[i].ascq == sense->ascq)
			return rows[i].hints;
	return 0;
}

const char *sense_key_name(uint8_t key)
{
	static const char *const names[16] = {
		"NO SENSE", "RECOVERED ERROR", "NOT READY", "MEDIUM ERROR", "HARDWARE ERROR",
		"ILLEGAL REQUEST", "UNIT ATTENTION", "DATA PROTECT", "BLANK CHECK",
		"VENDOR SPECIFIC", "COPY ABORTED", "ABORTED COMMAND", "RESERVED",
		"VOLUME OVERFLOW", "MISCOMPARE", "COMPLETED",
	};

	return names[key & 15];
}

const char *sense_status_name(uint8_t status)
{
	switch (status) {
	case SENSE_GOOD:
		return "GOOD";
	case SENSE_CHECK_CONDITION:
		return "CHECK CONDITION";
	case SENSE_CONDITION_MET:
		return "CONDITION MET";
	case SENSE_BUSY:
		return "BUSY";
	case SENSE_RESERVATION_CONFLICT:
		return "RESERVATION CONFLICT";
	case SENSE_TASK_SET_FULL:
		return "TASK SET FULL";
	case SENSE_ACA_ACTIVE:
		return "ACA ACTIVE";
	case SENSE_TASK_ABORTED:
		return "TASK ABORTED";
	default:
		return "unknown status";
	}
}
