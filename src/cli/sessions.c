/*
 * sessions.c - SessionList: the Windows tool's listing of sessions, connections and devices.
 *
 * Scripts find a session by a line that begins with "Session": no other line may begin so.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/protection.h"
#include "cli/read.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_NONE 0xffffffff /* no block device */

struct device_name {
	GUID interface;
	const char *type, *description;
};

static const struct device_name *device_name(const GUID *interface)
{
	static const struct device_name names[] = {
		{ ISCSI_GUID_INTERFACE_DISK, "Disk", "Disk drive" },
		{ ISCSI_GUID_INTERFACE_TAPE, "Tape", "Tape drive" },
		{ ISCSI_GUID_INTERFACE_CDROM, "CDRom", "CD-ROM drive" },
		{ ISCSI_GUID_INTERFACE_WRITEONCEDISK, "Write Once Disk", "Write once disk" },
		{ ISCSI_GUID_INTERFACE_CDCHANGER, "CD Changer", "CD changer" },
		{ ISCSI_GUID_INTERFACE_MEDIUMCHANGER, "Medium Changer", "Medium changer" },
		{ ISCSI_GUID_INTERFACE_FLOPPY, "Floppy", "Floppy disk drive" },
	};
	static const struct device_name unknown = { { 0 }, "Unknown", "Unknown device" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (memcmp(interface, &names[i].interface, sizeof(*interface)) == 0)
			return &names[i];
	return &unknown;
}

static void bytes_print(const char *label, const UCHAR *bytes, size_t size)
{
	printf("%s:", label);
	for (size_t i = 0; i < size; i++)
		printf(" %02x", bytes[i]);
	printf("\n");
}

static void session_print(const ISCSI_SESSION_INFOA *session, const struct protections *protections)
{
	char id[PRINT_ID_ROOM];

	printf("Session Id             : %s\n", print_id(&session->SessionId, id));
	printf("Initiator Node Name    : %s\n",
	       session->InitiatorName ? session->InitiatorName : "(null)");
	printf("Target Node Name       : %s\n",
	       session->TargetNodeName ? session->TargetNodeName : "(null)");
	printf("Target Name            : %s\n",
	       session->TargetName ? session->TargetName : "(null)");
	bytes_print("ISID                   ", session->ISID, sizeof(session->ISID));
	bytes_print("TSID                   ", session->TSID, sizeof(session->TSID));
	printf("Number Connections     : %u\n\n", session->ConnectionCount);
	if (session->ConnectionCount)
		printf("    Connections:\n\n");
	for (ULONG i = 0; i < session->ConnectionCount; i++) {
		const ISCSI_CONNECTION_INFOA *connection = &session->Connections[i];

		printf("        Connection Id     : %s\n", print_id(&connection->ConnectionId, id));
		printf("        Initiator Portal  : %s/%u\n", connection->InitiatorAddress,
		       connection->InitiatorSocket);
		printf("        Target Portal     : %s/%u\n", connection->TargetAddress,
		       connection->TargetSocket);
		bytes_print("        CID               ", connection->CID,
			    sizeof(connection->CID));
		/* Windows tells nothing of it. */
		protections_print(protections, &connection->ConnectionId, "        IPsec             : ");
		printf("\n");
	}
}

/* `disk` tells vendor and product; NULL where it is not known. */
static void device_print(const ISCSI_DEVICE_ON_SESSIONA *device, const ISCSI_DISK_INFO *disk)
{
	const struct device_name *name = device_name(&device->DeviceInterfaceType);
	const SCSI_ADDRESS *address = &device->ScsiAddress;

	printf("        Device Type            : %s\n", name->type);
	printf("        Device Number          : %d\n",
	       (int)device->StorageDeviceNumber.DeviceNumber);
	printf("        Storage Device Type    : %u\n", device->StorageDeviceNumber.DeviceType);
	printf("        Partition Number       : %u\n",
	       device->StorageDeviceNumber.PartitionNumber);
	printf("        Friendly Name          : %s%s%s\n", disk ? disk->Vendor : "",
	       disk && *disk->Vendor ? " " : "", disk ? disk->Product : "");
	printf("        Device Description     : %s\n", name->description);
	printf("        Reported Mappings      : Port %u, Bus %u, Target Id %u, LUN %u\n",
	       address->PortNumber, address->PathId, address->TargetId, address->Lun);
	printf("        Location               : Bus Number %u, Target Id %u, LUN %u\n",
	       address->PathId, address->TargetId, address->Lun);
	printf("        Initiator Name         : %s\n", device->InitiatorName);
	printf("        Target Name            : %s\n", device->TargetName);
	printf("        Device Interface Name  : %s\n", device->DeviceInterfaceName);
	printf("        Legacy Device Name     : %s\n", device->LegacyName);
	printf("        Device Instance        : 0x%x\n", device->DeviceInstance);
	printf("        Volume Path Names      :\n\n");
}

static void device_json(struct json_object *json, const ISCSI_DEVICE_ON_SESSIONA *device,
			const ISCSI_DISK_INFO *disk)
{
	const struct device_name *name = device_name(&device->DeviceInterfaceType);
	ULONG number = device->StorageDeviceNumber.DeviceNumber;

	json_text(json, "type", name->type);
	json_text(json, "description", name->description);
	if (number != NUMBER_NONE)
		json_number(json, "device_number", number);
	json_number(json, "storage_device_type", device->StorageDeviceNumber.DeviceType);
	json_number(json, "partition_number", device->StorageDeviceNumber.PartitionNumber);
	json_text(json, "vendor", disk ? disk->Vendor : "");
	json_text(json, "product", disk ? disk->Product : "");
	json_number(json, "port", device->ScsiAddress.PortNumber);
	json_number(json, "lun", device->ScsiAddress.Lun);
	json_number(json, "bus", device->ScsiAddress.PathId);
	json_number(json, "target_id", device->ScsiAddress.TargetId);
	json_text(json, "initiator_name", device->InitiatorName);
	json_text(json, "target_name", device->TargetName);
	json_text(json, "interface_name", device->DeviceInterfaceName);
	json_text(json, "legacy_name", device->LegacyName);
}

/* The LUN is what the two lists share; the second is asked for after the first. */
static const ISCSI_DISK_INFO *disk_find(void *disks, ULONG count, UCHAR lun)
{
	ISCSI_DISK_INFO *disk = disks;

	for (ULONG i = 0; i < count; i++, disk = fetch_next(disk))
		if (disk->OsLun == lun)
			return disk;
	return NULL;
}

static void devices_put(struct json_object *json, ISCSI_UNIQUE_SESSION_ID *id)
{
	ULONG count = 0, disk_count = 0;
	void *list = NULL, *disks = NULL;
	struct json_object *array = json ? json_array(json, "devices") : NULL;
	const ISCSI_DEVICE_ON_SESSIONA *devices;

	progress_begin(NULL, "Waiting for the devices of a session");
	fetch_list(fetch_devices, id, sizeof(*devices), &list, &count);
	progress_end();
	devices = list;
	if (count)
		fetch_list(fetch_disks, id, 1, &disks, &disk_count);
	if (!json && count)
		printf("    Devices:\n");
	for (ULONG i = 0; i < count; i++) {
		const ISCSI_DISK_INFO *disk =
			disk_find(disks, disk_count, devices[i].ScsiAddress.Lun);

		if (array)
			device_json(json_item(array), &devices[i], disk);
		else
			device_print(&devices[i], disk);
	}
	free(list);
	free(disks);
}

static void session_json(struct json_object *json, const ISCSI_SESSION_INFOA *session,
			 const struct protections *protections)
{
	struct json_object *array;

	json_id(json, "session_id", &session->SessionId);
	json_text(json, "initiator_name", session->InitiatorName);
	json_text(json, "target_name", session->TargetName);
	json_object_object_add(json, "isid", print_hex_json(session->ISID, sizeof(session->ISID)));
	json_number(json, "tsih", (ULONGLONG)(session->TSID[1] << 8 | session->TSID[0]));
	array = json_array(json, "connections");
	for (ULONG i = 0; i < session->ConnectionCount; i++) {
		const ISCSI_CONNECTION_INFOA *connection = &session->Connections[i];
		struct json_object *item = json_item(array);

		json_id(item, "connection_id", &connection->ConnectionId);
		json_text(item, "initiator_address", connection->InitiatorAddress);
		json_number(item, "initiator_socket", connection->InitiatorSocket);
		json_text(item, "target_address", connection->TargetAddress);
		json_number(item, "target_socket", connection->TargetSocket);
		json_number(item, "cid", (ULONGLONG)(connection->CID[1] << 8 | connection->CID[0]));
		protections_json(item, protections, &connection->ConnectionId);
	}
}

ISDSC_STATUS sessions_list(struct run *run, int argc, char **argv)
{
	bool devices = argc == 0 || read_boolean(argv[0], true);
	struct json_object *array, *item = NULL;
	struct protections protections;
	ULONG count = 0;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_sessions, NULL, 1, &list, &count);
	ISCSI_SESSION_INFOA *sessions = list;

	if (status)
		return status;
	protections_fetch(&protections);
	array = run->json ? json_array(run->json, "sessions") : NULL;
	if (!array)
		printf("Total of %u sessions\n\n", count);
	for (ULONG i = 0; i < count; i++) {
		if (array) {
			item = json_item(array);
			session_json(item, &sessions[i], &protections);
		} else {
			session_print(&sessions[i], &protections);
		}
		if (devices)
			devices_put(item, &sessions[i].SessionId);
	}
	free(list);
	protections_done(&protections);
	return 0;
}
