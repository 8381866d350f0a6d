/*
 * fetch.c - see fetch.h.
 */
#include "cli/fetch.h"

#include <stdlib.h>

/* A list that grows between each two calls is not waited for without end. */
#define TRIES 16

#define ROOM_FIRST 65536 /* bytes */

ISDSC_STATUS fetch_list(fetch_call call, void *about, size_t unit, void **ret,
			ULONG *ret_count)
{
	ULONG size = (ULONG)(ROOM_FIRST / unit), count = 0;
	ISDSC_STATUS status = ERROR_INSUFFICIENT_BUFFER;
	void *buffer = NULL;

	for (int i = 0; status == ERROR_INSUFFICIENT_BUFFER && i < TRIES; i++) {
		free(buffer);
		buffer = calloc(size, unit);
		if (!buffer)
			return ERROR_NOT_ENOUGH_MEMORY;
		status = call(about, &size, &count, buffer);
	}
	if (status && status >> 16 != 0xafff) {
		free(buffer);
		return status;
	}
	*ret = buffer;
	*ret_count = count;
	return status;
}

ISDSC_STATUS fetch_sessions(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	return GetIScsiSessionListA(size, count, buffer);
}

ISDSC_STATUS fetch_sessions_ex(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	return GetIScsiSessionListEx(size, count, buffer);
}

ISDSC_STATUS fetch_counters(void *session_id, PULONG size, PULONG count, void *buffer)
{
	return GetIScsiConnectionCounters(session_id, size, count, buffer);
}

ISDSC_STATUS fetch_disks(void *session_id, PULONG size, PULONG count, void *buffer)
{
	return GetIScsiDiskInformation(session_id, size, count, buffer);
}

ISDSC_STATUS fetch_devices(void *session_id, PULONG size, PULONG count, void *buffer)
{
	ISDSC_STATUS status = GetDevicesForIScsiSessionA(session_id, size, buffer);

	*count = *size;
	return status;
}

ISDSC_STATUS fetch_portals(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	return ReportIScsiSendTargetPortalsExA(count, size, buffer);
}

ISDSC_STATUS fetch_targets(void *force, PULONG size, PULONG count, void *buffer)
{
	BOOLEAN now = *(BOOLEAN *)force;

	*(BOOLEAN *)force = FALSE;
	*count = 0;
	return ReportIScsiTargetsA(now, size, buffer);
}

ISDSC_STATUS fetch_mappings(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	return ReportActiveIScsiTargetMappingsA(size, count, buffer);
}

ISDSC_STATUS fetch_information(void *about, PULONG size, PULONG count, void *buffer)
{
	const struct fetch_information *a = about;

	*count = 0;
	return GetIScsiTargetInformationA(a->target, a->mechanism, a->class, size, buffer);
}

ISDSC_STATUS fetch_persistent_logins(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	return ReportIScsiPersistentLoginsA(count, buffer, size);
}

ISDSC_STATUS fetch_persistent_devices(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	*count = 0;
	return ReportPersistentIScsiDevicesA(size, buffer);
}

ISDSC_STATUS fetch_initiators(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	*count = 0;
	return ReportIScsiInitiatorListA(size, buffer);
}

ISDSC_STATUS fetch_isns_servers(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	*count = 0;
	return ReportISNSServerListA(size, buffer);
}

ISDSC_STATUS fetch_radius_servers(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	*count = 0;
	return ReportRadiusServerListA(size, buffer);
}

ISDSC_STATUS fetch_ports(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	return ReportIScsiInitiatorPorts(size, count, buffer);
}

ISDSC_STATUS fetch_tunnels(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	return ReportIScsiTunnelAddresses(size, count, buffer);
}

ISDSC_STATUS fetch_protections(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	return ReportIScsiProtectedConnections(size, count, buffer);
}

ISDSC_STATUS fetch_defaults(void *none, PULONG size, PULONG count, void *buffer)
{
	(void)none;
	return ReportIScsiDefaults(size, count, buffer);
}

ISDSC_STATUS fetch_policy(void *session_id, PULONG size, PULONG count, void *buffer)
{
	*count = 1;
	return GetIScsiSessionLoadBalancePolicy(session_id, size, buffer);
}
