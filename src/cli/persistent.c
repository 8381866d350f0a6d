/*
 * persistent.c - the commands about logins and devices that last. PersistentLoginTarget is in
 * session.c, with LoginTarget.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/read.h"

#include <stdlib.h>
#include <string.h>

/* ---- logins */

static void login_print(const PERSISTENT_ISCSI_LOGIN_INFOA *login)
{
	const ISCSI_TARGET_PORTALA *portal = &login->TargetPortal;

	printf("    Target Name           : %s\n", login->TargetName);
	if (portal->Address[0])
		printf("    Address and Socket    : %s %u\n", portal->Address, portal->Socket);
	else
		printf("    Address and Socket    : *\n");
	printf("    Session Type          : %s\n",
	       login->IsInformationalSession ? "Informational" : "Data");
	printf("    Initiator Name        : %s\n", login->InitiatorInstance);
	if (login->InitiatorPortNumber == ISCSI_ANY_INITIATOR_PORT)
		printf("    Port Number           : <Any Port>\n");
	else
		printf("    Port Number           : %u\n", login->InitiatorPortNumber);
	print_security_flags(login->SecurityFlags);
	print_options(&login->LoginOptions);
	if (login->Mappings)
		print_mapping(login->Mappings);
	printf("\n");
}

static void login_json(struct json_object *json, const PERSISTENT_ISCSI_LOGIN_INFOA *login)
{
	const ISCSI_TARGET_PORTALA *portal = &login->TargetPortal;

	json_text(json, "target_name", login->TargetName);
	if (portal->Address[0]) {
		json_text(json, "address", portal->Address);
		json_number(json, "socket", portal->Socket);
		json_text(json, "symbolic_name", portal->SymbolicName);
	}
	json_truth(json, "informational", login->IsInformationalSession);
	json_text(json, "initiator_name", login->InitiatorInstance);
	if (login->InitiatorPortNumber != ISCSI_ANY_INITIATOR_PORT)
		json_number(json, "port_number", login->InitiatorPortNumber);
	json_number(json, "security_flags", login->SecurityFlags);
	json_object_object_add(json, "login_options", print_options_json(&login->LoginOptions));
	if (login->Mappings)
		print_mapping_json(json, login->Mappings);
}

ISDSC_STATUS persistent_logins(struct run *run, int argc, char **argv)
{
	struct json_object *array;
	ULONG count = 0;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_persistent_logins, NULL, 1, &list, &count);
	const PERSISTENT_ISCSI_LOGIN_INFOA *logins = list;

	(void)argc;
	(void)argv;
	if (status)
		return status;
	array = run->json ? json_array(run->json, "persistent_targets") : NULL;
	/* Misspelled as by the Windows tool: scripts look for it. */
	if (!array)
		printf("Total of %u peristent targets\n", count);
	for (ULONG i = 0; i < count; i++)
		if (array)
			login_json(json_item(array), &logins[i]);
		else
			login_print(&logins[i]);
	free(list);
	return 0;
}

/* RemovePersistentTarget's arguments. */
enum { REMOVE_INSTANCE, REMOVE_TARGET, REMOVE_PORT, REMOVE_ADDRESS, REMOVE_SOCKET };

ISDSC_STATUS persistent_remove(struct run *run, int argc, char **argv)
{
	bool has_portal = read_given(argv[REMOVE_ADDRESS]);
	ISCSI_TARGET_PORTALA portal;
	ISDSC_STATUS status = 0;

	(void)run;
	(void)argc;
	if (has_portal)
		status = read_portal(argv[REMOVE_ADDRESS], argv[REMOVE_SOCKET], &portal);
	return status ? status
		      : RemoveIScsiPersistentTargetA(read_text(argv[REMOVE_INSTANCE]),
						     read_number_or(argv[REMOVE_PORT],
								    ISCSI_ALL_INITIATOR_PORTS),
						     argv[REMOVE_TARGET],
						     has_portal ? &portal : NULL);
}

/* ---- devices */

ISDSC_STATUS persistent_bind(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	(void)argv;
	return SetupPersistentIScsiVolumes();
}

ISDSC_STATUS persistent_devices(struct run *run, int argc, char **argv)
{
	struct json_object *array;
	ULONG count;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_persistent_devices, NULL, sizeof(CHAR), &list, &count);

	(void)argc;
	(void)argv;
	if (status)
		return status;
	array = run->json ? json_array(run->json, "devices") : NULL;
	if (!array)
		printf("Persistent Volumes\n");
	for (const char *path = list; *path; path += strlen(path) + 1)
		if (array)
			json_object_array_add(array, json_object_new_string(path));
		else
			printf("    \"%s\"\n", path);
	free(list);
	return 0;
}

ISDSC_STATUS persistent_device_add(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return AddPersistentIScsiDeviceA(argv[0]);
}

ISDSC_STATUS persistent_device_remove(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return RemovePersistentIScsiDeviceA(argv[0]);
}

ISDSC_STATUS persistent_devices_clear(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	(void)argv;
	return ClearPersistentIScsiDevices();
}
