/*
 * session.c - the life of a session with several connections, as a program for Windows would do it:
 * discovery, login, AddIScsiConnection, a load balance policy, disk I/O, logout.
 *
 * Usage: session ADDRESS SOCKET [ADDRESS...]
 * It asks the portal ADDRESS SOCKET for targets, logs in to the first one, adds one connection to each
 * further ADDRESS, and reads, writes back and compares the first blocks of the first disk.
 *
 * One source for both forms of the API:
 *   cc -I/usr/include/iscsidsc/compat session.c -liscsidsc -lnbd                            A
 *   cc -DUNICODE -fshort-wchar -I/usr/include/iscsidsc/compat session.c -liscsidsc -lnbd    W
 * What a Windows program does otherwise is marked with "Windows:"; all the rest is the same there.
 */
#include <windows.h>
#include <iscsidsc.h>
#include <iscsidsc_ext.h> /* Windows: policies are set through WMI */

#include <libnbd.h>       /* Windows: CreateFile on the path in LegacyName */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 4096, BLOCK = 4096, BLOCKS = 64 };

/* ---- text: names of targets and addresses are ASCII, so plain loops serve both forms */

static void text_set(TCHAR *to, size_t room, const char *from)
{
	size_t i = 0;

	for (; from[i] && i + 1 < room; i++)
		to[i] = (TCHAR)from[i];
	to[i] = 0;
}

static const char *text_get(const TCHAR *from, char *to, size_t room)
{
	size_t i = 0;

	for (; from[i] && i + 1 < room; i++)
		to[i] = (char)from[i];
	to[i] = 0;
	return to;
}

static bool done(const char *what, ISDSC_STATUS status)
{
	if (status != ERROR_SUCCESS)
		fprintf(stderr, "%s: status 0x%08lx\n", what, (unsigned long)status);
	return status == ERROR_SUCCESS;
}

/* ---- discovery */

/* The first target of the list. */
static bool discover(ISCSI_TARGET_PORTAL *portal, TCHAR target[MAX_ISCSI_NAME_LEN + 1])
{
	static TCHAR names[NAMES];
	ULONG size = NAMES;
	char name[MAX_ISCSI_NAME_LEN + 1];

	if (!done("AddIScsiSendTargetPortal",
		  AddIScsiSendTargetPortal(NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0, portal)) ||
	    !done("ReportIScsiTargets", ReportIScsiTargets(FALSE, &size, names)))
		return false;
	/* Names, each with its NUL, then one more NUL. */
	text_get(names, name, sizeof(name));
	if (!*name) {
		fprintf(stderr, "the portal has no target\n");
		return false;
	}
	printf("target: %s\n", name);
	text_set(target, MAX_ISCSI_NAME_LEN + 1, name);
	return true;
}

/* ---- login */

static bool login(TCHAR *target, ISCSI_TARGET_PORTAL *portal, ULONG connections,
		  ISCSI_UNIQUE_SESSION_ID *session)
{
	ISCSI_UNIQUE_CONNECTION_ID leading;
	ISCSI_LOGIN_OPTIONS options;

	/* Only members whose bit is set count. */
	ZeroMemory(&options, sizeof(options));
	options.InformationSpecified = ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS;
	options.MaximumConnections = connections;
	if (!done("LoginIScsiTarget",
		  LoginIScsiTarget(target, FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, portal, 0, NULL, &options,
				   0, NULL, FALSE, session, &leading)))
		return false;
	printf("session: %llx-%llx\n", (unsigned long long)session->AdapterUnique,
	       (unsigned long long)session->AdapterSpecific);
	return true;
}

/* The last argument takes the new connection's id; it may be NULL. */
static bool add_connection(ISCSI_UNIQUE_SESSION_ID *session, const ISCSI_TARGET_PORTAL *first,
			   const char *address, ISCSI_UNIQUE_CONNECTION_ID *connection)
{
	ISCSI_TARGET_PORTAL portal = *first;

	text_set(portal.Address, MAX_ISCSI_PORTAL_ADDRESS_LEN, address);
	if (!done("AddIScsiConnection",
		  AddIScsiConnection(session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL, 0, NULL,
				     connection)))
		return false;
	printf("connection to %s: %llx-%llx\n", address, (unsigned long long)connection->AdapterUnique,
	       (unsigned long long)connection->AdapterSpecific);
	return true;
}

/* ---- the load balance policy */

/* Everything on one connection, the others stand by. NULL: all in turn. */
static bool prefer(ISCSI_UNIQUE_SESSION_ID *session, const ISCSI_UNIQUE_CONNECTION_ID *connection)
{
	ISCSI_SUPPORTED_LB_POLICIES *policies = NULL;
	ULONG size = 0;
	ISDSC_STATUS status;

	/* What is needed can grow between two calls. */
	while ((status = GetIScsiSessionLoadBalancePolicy(session, &size, policies)) ==
	       ERROR_INSUFFICIENT_BUFFER) {
		free(policies);
		policies = malloc(size);
		if (!policies)
			return false;
	}
	if (status == ERROR_SUCCESS) {
		policies->LoadBalancePolicy = connection ? ISCSI_LB_FAILOVER : ISCSI_LB_ROUND_ROBIN;
		for (ULONG i = 0; i < policies->iSCSI_PathCount; i++)
			policies->iSCSI_Paths[i].PrimaryPath =
				connection && policies->iSCSI_Paths[i].UniqueConnectionId ==
					      connection->AdapterSpecific;
		status = SetIScsiSessionLoadBalancePolicy(session, policies);
	}
	free(policies);
	return done("load balance policy", status);
}

/* ---- I/O */

/* The first disk of the session. Windows may answer with fewer devices just after the login. */
static bool disk_find(ISCSI_UNIQUE_SESSION_ID *session, ISCSI_DEVICE_ON_SESSION *disk)
{
	ISCSI_DEVICE_ON_SESSION *devices = NULL;
	ULONG count = 0, i;
	ISDSC_STATUS status;

	while ((status = GetDevicesForIScsiSession(session, &count, devices)) ==
	       ERROR_INSUFFICIENT_BUFFER) {
		free(devices);
		devices = calloc(count, sizeof(*devices));
		if (!devices)
			return false;
	}
	for (i = 0; status == ERROR_SUCCESS && i < count; i++) {
		if (devices[i].StorageDeviceNumber.DeviceType == FILE_DEVICE_DISK) {
			*disk = devices[i];
			break;
		}
	}
	free(devices);
	if (status == ERROR_SUCCESS && i == count) {
		fprintf(stderr, "the session has no disk\n");
		return false;
	}
	return done("GetDevicesForIScsiSession", status);
}

/* Reads, writes the same back, reads again, compares. */
static bool blocks_rewrite(struct nbd_handle *nbd)
{
	static char before[BLOCK], after[BLOCK];

	for (uint64_t at = 0; at < (uint64_t)BLOCKS * BLOCK; at += BLOCK) {
		if (nbd_pread(nbd, before, BLOCK, at, 0) < 0 ||
		    nbd_pwrite(nbd, before, BLOCK, at, 0) < 0 ||
		    nbd_pread(nbd, after, BLOCK, at, 0) < 0) {
			fprintf(stderr, "I/O: %s\n", nbd_get_error());
			return false;
		}
		if (memcmp(before, after, BLOCK) != 0) {
			fprintf(stderr, "I/O: other bytes at %llu\n", (unsigned long long)at);
			return false;
		}
	}
	return true;
}

/* DeviceInterfaceName is the disk's address for any NBD client: libnbd, qemu, fio, nbd-client. */
static bool disk_use(const ISCSI_DEVICE_ON_SESSION *disk)
{
	char uri[MAX_PATH];
	struct nbd_handle *nbd = nbd_create();
	bool good;

	text_get(disk->DeviceInterfaceName, uri, sizeof(uri));
	printf("disk: LUN %u, %s\n", disk->ScsiAddress.Lun, uri);
	good = nbd && nbd_connect_uri(nbd, uri) == 0 && nbd_get_size(nbd) >= BLOCKS * BLOCK;
	if (!good)
		fprintf(stderr, "%s: it can't be used\n", uri);
	good = good && blocks_rewrite(nbd);
	/* A disk in use keeps LogoutIScsiTarget from ending the session. */
	nbd_close(nbd);
	return good;
}

/* What each connection has carried. Windows has no function for that. */
static bool commands_print(ISCSI_UNIQUE_SESSION_ID *session)
{
	ULONGLONG buffer[2048]; /* aligned for the records */
	ISCSI_CONNECTION_COUNTERS *list = (ISCSI_CONNECTION_COUNTERS *)(void *)buffer;
	ULONG size = sizeof(buffer), count;

	if (!done("GetIScsiConnectionCounters", GetIScsiConnectionCounters(session, &size, &count, list)))
		return false;
	for (ULONG i = 0; i < count; i++) {
		printf("%s: %llu commands\n", list->TargetAddress, (unsigned long long)list->Commands);
		/* A later release may have longer records. */
		list = (ISCSI_CONNECTION_COUNTERS *)(void *)((char *)list + list->Size);
	}
	return true;
}

/* ---- all of it */

static bool session_use(ISCSI_UNIQUE_SESSION_ID *session, const ISCSI_TARGET_PORTAL *portal,
			char **addresses, int count)
{
	ISCSI_UNIQUE_CONNECTION_ID last;
	ISCSI_DEVICE_ON_SESSION disk;

	for (int i = 0; i < count; i++)
		if (!add_connection(session, portal, addresses[i], &last))
			return false;
	return prefer(session, NULL) && disk_find(session, &disk) && disk_use(&disk) &&
	       commands_print(session) && (!count || prefer(session, &last)) && disk_use(&disk) &&
	       commands_print(session);
}

int main(int argc, char **argv)
{
	TCHAR target[MAX_ISCSI_NAME_LEN + 1];
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_TARGET_PORTAL portal;
	bool good;

	if (argc < 3) {
		fprintf(stderr, "usage: %s ADDRESS SOCKET [ADDRESS...]\n", argv[0]);
		return 2;
	}
	ZeroMemory(&portal, sizeof(portal));
	text_set(portal.Address, MAX_ISCSI_PORTAL_ADDRESS_LEN, argv[1]);
	portal.Socket = (USHORT)atoi(argv[2]);
	good = discover(&portal, target) && login(target, &portal, (ULONG)argc - 2, &session);
	if (good) {
		good = session_use(&session, &portal, argv + 3, argc - 3);
		good = done("LogoutIScsiTarget", LogoutIScsiTarget(&session)) && good;
	}
	/* A portal stays in the list, also if it could not be reached. */
	RemoveIScsiSendTargetPortal(NULL, ISCSI_ANY_INITIATOR_PORT, &portal);
	puts(good ? "done" : "failed");
	return good ? 0 : 1;
}
