/*
 * fetch.h - gets a listing whole: with room that is enough as a rule, and again with more while it
 * is not.
 */
#ifndef ISCSIDSC_CLI_FETCH_H
#define ISCSIDSC_CLI_FETCH_H

#include <iscsidsc.h>
#include <iscsidsc_ext.h>

/* A listing under one signature. `size` counts what its protocol counts. */
typedef ISDSC_STATUS (*fetch_call)(void *about, PULONG size, PULONG count, void *buffer);

/*
 * Gets a list whose size counts units of `unit` bytes. *ret is to be freed by the caller. A warning
 * of the call is returned, with the list. Outputs are untouched on failure.
 */
ISDSC_STATUS fetch_list(fetch_call call, void *about, size_t unit, void **ret,
			ULONG *ret_count);

/*
 * The lists that the commands use. `about` is what the name says, else NULL; `force` is a BOOLEAN
 * and is cleared, so that sources are asked once.
 */
ISDSC_STATUS fetch_sessions(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_sessions_ex(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_counters(void *session_id, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_disks(void *session_id, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_devices(void *session_id, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_portals(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_targets(void *force, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_mappings(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_persistent_logins(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_persistent_devices(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_initiators(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_isns_servers(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_radius_servers(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_ports(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_tunnels(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_protections(void *none, PULONG size, PULONG count, void *buffer);
ISDSC_STATUS fetch_defaults(void *none, PULONG size, PULONG count, void *buffer);
/* One record: an ISCSI_SUPPORTED_LB_POLICIES. */
ISDSC_STATUS fetch_policy(void *session_id, PULONG size, PULONG count, void *buffer);

/* One class of GetIScsiTargetInformation; of a list nothing is counted. */
struct fetch_information {
	char *target, *mechanism; /* mechanism NULL: none given */
	TARGET_INFORMATION_CLASS class;
};
ISDSC_STATUS fetch_information(void *about, PULONG size, PULONG count, void *buffer);

/* The record after `record` in a list of iscsidsc_ext.h. */
#define fetch_next(record) ((void *)((char *)(record) + (record)->Size))

#endif
