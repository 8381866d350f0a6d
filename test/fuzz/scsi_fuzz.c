/*
 * scsi_fuzz.c - answers of SCSI devices: INQUIRY and its pages, capacity, LUN lists, modes, sense.
 */
#include <stdlib.h>
#include <string.h>

#include "scsi/capacity.h"
#include "scsi/inquiry.h"
#include "scsi/lun.h"
#include "scsi/mode.h"
#include "scsi/sense.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inquiry_provisioning provisioning;
	struct inquiry_limits limits;
	struct inquiry_pages pages;
	char id[INQUIRY_ID_TEXT], serial[32];
	struct capacity capacity;
	struct inquiry inquiry;
	struct lun_list luns;
	struct sense sense;
	struct mode mode;
	uint64_t all = 0;

	inquiry_get(data, size, &inquiry);
	inquiry_pages_get(data, size, &pages);
	inquiry_ids_get(data, size, id);
	if (inquiry_serial_get(data, size, serial, sizeof(serial)) == 0 &&
	    strnlen(serial, sizeof(serial)) == sizeof(serial))
		abort();
	inquiry_limits_get(data, size, &limits);
	inquiry_provisioning_get(data, size, &provisioning);
	capacity_get_10(data, size, &capacity);
	capacity_get_16(data, size, &capacity);
	if (lun_list_get(data, size, &luns) == 0)
		for (unsigned i = 0; i < luns.count; i++)
			all ^= lun_wire(lun_number(lun_list_at(&luns, i)));
	mode_get_6(data, size, &mode);
	mode_get_10(data, size, &mode);
	sense_get(data, size, &sense);
	return (int)(all & 0);
}
