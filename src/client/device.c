/*
 * device.c - see device.h. Device types: SPC-4 section 6.4.2.
 */
#include "client/device.h"

#include <iscsidsc_ext.h>

#include "bus/interface.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool device_get(struct call *call, struct device *ret)
{
	return call_get(call, BUS_DEVICE, &ret->instance, &ret->target, &ret->bus_number,
			&ret->target_number, &ret->os_lun, &ret->lun, &ret->type, &ret->path,
			&ret->number, &ret->vendor, &ret->product, &ret->revision, &ret->serial,
			&ret->id, &ret->blocks, &ret->block_size, &ret->read_only);
}

void device_kind(uint8_t type, GUID *ret_interface, DEVICE_TYPE *ret_type)
{
	static const struct {
		uint8_t type;
		GUID interface;
		DEVICE_TYPE number;
	} kinds[] = {
		{ 0x00, ISCSI_GUID_INTERFACE_DISK, FILE_DEVICE_DISK },
		{ 0x01, ISCSI_GUID_INTERFACE_TAPE, FILE_DEVICE_TAPE },
		{ 0x02, { 0 }, FILE_DEVICE_PRINTER },
		{ 0x04, ISCSI_GUID_INTERFACE_WRITEONCEDISK, FILE_DEVICE_DISK },
		{ 0x05, ISCSI_GUID_INTERFACE_CDROM, FILE_DEVICE_CD_ROM },
		{ 0x06, { 0 }, FILE_DEVICE_SCANNER },
		{ 0x07, ISCSI_GUID_INTERFACE_DISK, FILE_DEVICE_DISK },
		{ 0x08, ISCSI_GUID_INTERFACE_MEDIUMCHANGER, FILE_DEVICE_CHANGER },
		{ 0x0c, { 0 }, FILE_DEVICE_CONTROLLER },
		{ 0x0e, ISCSI_GUID_INTERFACE_DISK, FILE_DEVICE_DISK },
	};

	*ret_interface = (GUID){ 0 };
	*ret_type = FILE_DEVICE_UNKNOWN;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].type == type) {
			*ret_interface = kinds[i].interface;
			*ret_type = kinds[i].number;
		}
}

void device_uri(const char *path, char *to, size_t room)
{
	size_t used;

	to[0] = '\0';
	if (!*path)
		return;
	used = (size_t)snprintf(to, room, "nbd+unix:///?socket=");
	for (; *path && used + 4 < room; path++) {
		unsigned char c = (unsigned char)*path;

		if (isalnum(c) || strchr("/-._~", c))
			to[used++] = (char)c;
		else
			used += (size_t)snprintf(to + used, room - used, "%%%02X", c);
	}
	to[used] = '\0';
}
