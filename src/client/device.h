/*
 * device.h - a device of a session as the bus tells it, and how it looks to Windows programs.
 */
#ifndef ISCSIDSC_CLIENT_DEVICE_H
#define ISCSIDSC_CLIENT_DEVICE_H

#include "client/call.h"

#include <stdint.h>

/* One element of BUS_DEVICE. Texts live until call_done. */
struct device {
	const char *instance, *target;
	uint8_t bus_number, target_number, os_lun;
	uint64_t lun;
	uint8_t type;     /* SPC peripheral device type */
	const char *path; /* NBD socket, "" for none */
	int32_t number;
	const char *vendor, *product, *revision, *serial, *id;
	uint64_t blocks;
	uint32_t block_size;
	int read_only;
};

/* Reads one element. False on a bad reply. */
bool device_get(struct call *call, struct device *ret);

/* The interface GUID (zero where there is none) and FILE_DEVICE_ type of a peripheral type. */
void device_kind(uint8_t type, GUID *ret_interface, DEVICE_TYPE *ret_type);

/* A socket path of 107 bytes, each one escaped, and what stands before it. */
#define DEVICE_URI_ROOM 352

/* The address that NBD clients take for a socket path; "" for "". */
void device_uri(const char *path, char *to, size_t room);

#endif
