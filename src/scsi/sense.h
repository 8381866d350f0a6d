/*
 * sense.h - reads sense data, fixed and descriptor format (SPC-4 section 4.5), and names the SCSI
 * status codes.
 */
#ifndef ISCSIDSC_SCSI_SENSE_H
#define ISCSIDSC_SCSI_SENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sense_status { /* SAM-5 */
	SENSE_GOOD = 0x00, SENSE_CHECK_CONDITION = 0x02, SENSE_CONDITION_MET = 0x04,
	SENSE_BUSY = 0x08, SENSE_RESERVATION_CONFLICT = 0x18, SENSE_TASK_SET_FULL = 0x28,
	SENSE_ACA_ACTIVE = 0x30, SENSE_TASK_ABORTED = 0x40,
};

enum sense_key {
	SENSE_NO_SENSE, SENSE_RECOVERED_ERROR, SENSE_NOT_READY, SENSE_MEDIUM_ERROR,
	SENSE_HARDWARE_ERROR, SENSE_ILLEGAL_REQUEST, SENSE_UNIT_ATTENTION, SENSE_DATA_PROTECT,
	SENSE_BLANK_CHECK, SENSE_VENDOR, SENSE_COPY_ABORTED, SENSE_ABORTED_COMMAND,
	SENSE_VOLUME_OVERFLOW = 0xd, SENSE_MISCOMPARE, SENSE_COMPLETED,
};

struct sense {
	uint8_t key;           /* enum sense_key */
	uint8_t asc, ascq;     /* 0 if the data ended before them */
	bool deferred;         /* about an earlier command */
	bool has_information;
	uint64_t information;  /* often the LBA */
};

/* What should be asked anew after sense data; bits. */
enum sense_hint {
	SENSE_HINT_UNIT = 1 << 0, /* the unit itself: size, modes, identity */
	SENSE_HINT_LUNS = 1 << 1, /* which units the target has */
};

/* Returns 0, or -EBADMSG if these are no sense data or the key is missing. */
int sense_get(const void *data, size_t len, struct sense *ret);
/* enum sense_hint; 0 for most, resets (29h) and commands that a logout cleared (47/7F, IN-16)
 * among them: nothing that we know of the unit has changed by these. */
unsigned sense_hints(const struct sense *sense);
/* "ILLEGAL REQUEST", and "CHECK CONDITION"; never NULL. */
const char *sense_key_name(uint8_t key);
const char *sense_status_name(uint8_t status);

#endif
