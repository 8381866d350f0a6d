/*
 * lun.h - logical unit numbers: the eight bytes on the wire, held as one big-endian number, and the
 * number that people see (SAM-5 section 4.7); and the list of REPORT LUNS (SPC-4).
 *
 * Display number 0 to 255 is the peripheral form on bus 0, 256 to 0x3fff the flat form, anything
 * larger is the eight bytes themselves.
 */
#ifndef ISCSIDSC_SCSI_LUN_H
#define ISCSIDSC_SCSI_LUN_H

#include <stddef.h>
#include <stdint.h>

#define LUN_NONE UINT64_MAX

/* Wire form to display number, so that lun_wire leads back to the same eight bytes: the flat form
 * of a number below 256 therefore shows as eight bytes. LUN_NONE for eight bytes that read as a
 * number below 0x4000 without being its form; no device uses such. */
uint64_t lun_number(uint64_t wire);
/* Display number to wire form. */
uint64_t lun_wire(uint64_t number);

struct lun_list {
	const uint8_t *data;
	unsigned count;      /* complete entries that came */
	unsigned announced;  /* entries that the device says it has; more: ask with more room */
};

/* Points into the REPORT LUNS answer. Returns 0 or -EBADMSG if it is shorter than its header. */
int lun_list_get(const void *data, size_t len, struct lun_list *ret);
/* Entry i, below count, in wire form. */
uint64_t lun_list_at(const struct lun_list *list, unsigned i);

#endif
