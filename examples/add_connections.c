/*
 * add_connections.c - gives a session more TCP connections, as a program for Windows would.
 *
 * Usage: add_connections TARGET ADDRESS:SOCKET...
 * It finds the session of TARGET and adds one connection to each portal named. Here it is built with
 *   cc -I/usr/include/iscsidsc/compat add_connections.c -liscsidsc
 * and with Microsoft's SDK as it stands, linked with iscsidsc.lib.
 */
#include <windows.h>
#include <iscsidsc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void problem(const char *what, ISDSC_STATUS status)
{
	fprintf(stderr, "%s: status 0x%08lx\n", what, (unsigned long)status);
}

/* The list of sessions grows between two calls at times, so its size is asked for until it fits. */
static ISDSC_STATUS sessions_get(ISCSI_SESSION_INFOA **list, ULONG *count)
{
	ULONG size = 0;
	ISDSC_STATUS status;

	*list = NULL;
	for (;;) {
		status = GetIScsiSessionListA(&size, count, *list);
		if (status != ERROR_INSUFFICIENT_BUFFER)
			return status;
		free(*list);
		*list = malloc(size);
		if (!*list)
			return ISDSC_OUT_OF_RESOURCES;
	}
}

static ISDSC_STATUS session_find(const char *target, ISCSI_UNIQUE_SESSION_ID *id)
{
	ISCSI_SESSION_INFOA *list;
	ULONG count = 0, i;
	ISDSC_STATUS status = sessions_get(&list, &count);

	if (status == ERROR_SUCCESS) {
		status = ISDSC_INVALID_SESSION_ID;
		for (i = 0; i < count && status != ERROR_SUCCESS; i++) {
			if (strcmp(list[i].TargetName, target) == 0) {
				*id = list[i].SessionId;
				status = ERROR_SUCCESS;
			}
		}
	}
	free(list);
	return status;
}

static int portal_parse(const char *text, ISCSI_TARGET_PORTALA *portal)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;

	if (length == 0 || length >= sizeof(portal->Address))
		return -1;
	memset(portal, 0, sizeof(*portal));
	memcpy(portal->Address, text, length);
	portal->Socket = (USHORT)atoi(colon + 1);
	return 0;
}

int main(int argc, char **argv)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISDSC_STATUS status;
	int i;

	if (argc < 3) {
		fprintf(stderr, "usage: %s TARGET ADDRESS:SOCKET...\n", argv[0]);
		return 2;
	}
	status = session_find(argv[1], &session);
	if (status != ERROR_SUCCESS) {
		problem(argv[1], status);
		return 1;
	}
	for (i = 2; i < argc; i++) {
		ISCSI_TARGET_PORTALA portal;
		ISCSI_UNIQUE_CONNECTION_ID connection;

		if (portal_parse(argv[i], &portal) < 0) {
			fprintf(stderr, "%s: not ADDRESS:SOCKET\n", argv[i]);
			return 2;
		}
		status = AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL,
					     0, NULL, &connection);
		if (status != ERROR_SUCCESS) {
			problem(argv[i], status);
			return 1;
		}
		printf("AddIScsiConnectionA(%s): connection %llx-%llx\n", argv[i],
		       (unsigned long long)connection.AdapterUnique,
		       (unsigned long long)connection.AdapterSpecific);
	}
	return 0;
}
