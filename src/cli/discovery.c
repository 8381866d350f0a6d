/*
 * discovery.c - the commands about SendTargets portals and targets.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/read.h"

#include <stdlib.h>
#include <string.h>

ISDSC_STATUS discovery_add_quick(struct run *run, int argc, char **argv)
{
	char socket[] = "3260";
	ISCSI_TARGET_PORTALA portal;
	struct options options;
	ISDSC_STATUS status;

	(void)run;
	if (argc == 2)
		return COMMAND_USAGE;
	status = read_portal(argv[0], socket, &portal);
	if (!status && argc == 3)
		status = read_chap(argv[1], argv[2], &options);
	progress_begin("login-time", "Asking portal %s", argv[0]);
	if (!status)
		status = AddIScsiSendTargetPortalA(NULL, ISCSI_ALL_INITIATOR_PORTS,
						   argc == 3 ? &options.login : NULL, 0, &portal);
	progress_end();
	if (argc == 3)
		options_wipe(&options);
	return status;
}

ISDSC_STATUS discovery_add(struct run *run, int argc, char **argv)
{
	char *all[14];
	ISCSI_TARGET_PORTALA portal;
	struct options options;
	static char missing[] = "*";
	ISDSC_STATUS status;
	ULONG port;

	(void)run;
	if (argc != 2 && argc < 14)
		return COMMAND_USAGE;
	for (int i = 0; i < 14; i++)
		all[i] = i < argc ? argv[i] : missing;
	port = read_number_or(all[3], ISCSI_ALL_INITIATOR_PORTS);
	status = read_options(all + 5, &options);
	if (!status)
		status = read_portal(all[0], all[1], &portal);
	progress_begin("login-time", "Asking portal %s %s", all[0], all[1]);
	if (!status)
		status = AddIScsiSendTargetPortalA(read_text(all[2]), port,
						   argc == 2 ? NULL : &options.login,
						   read_number(all[4]), &portal);
	progress_end();
	options_wipe(&options);
	return status;
}

/* Both name an entry: address, socket, instance, port. */
static ISDSC_STATUS entry_call(ISDSC_STATUS (*call)(PSTR, ULONG, PISCSI_TARGET_PORTALA), int argc,
			       char **argv)
{
	ULONG port = argc > 3 ? read_number_or(argv[3], ISCSI_ALL_INITIATOR_PORTS) :
				ISCSI_ALL_INITIATOR_PORTS;
	ISCSI_TARGET_PORTALA portal;
	ISDSC_STATUS status = read_portal(argv[0], argv[1], &portal);

	progress_begin("login-time", "Asking portal %s %s", argv[0], argv[1]);
	if (!status)
		status = call(argc > 2 ? read_text(argv[2]) : NULL, port, &portal);
	progress_end();
	return status;
}

ISDSC_STATUS discovery_remove(struct run *run, int argc, char **argv)
{
	(void)run;
	return entry_call(RemoveIScsiSendTargetPortalA, argc, argv);
}

ISDSC_STATUS discovery_refresh(struct run *run, int argc, char **argv)
{
	(void)run;
	return entry_call(RefreshIScsiSendTargetPortalA, argc, argv);
}

static void portal_print(const ISCSI_TARGET_PORTAL_INFO_EXA *portal)
{
	printf("    Address and Socket   : %s %u\n", portal->Address, portal->Socket);
	printf("    Symbolic Name        : %s\n", portal->SymbolicName);
	printf("    Initiator Name       : %s\n", portal->InitiatorName);
	if (portal->InitiatorPortNumber == ISCSI_ANY_INITIATOR_PORT)
		printf("    Port Number          : <Any Port>\n");
	else
		printf("    Port Number          : %u\n", portal->InitiatorPortNumber);
	print_security_flags(portal->SecurityFlags);
	print_options(&portal->LoginOptions);
	printf("\n");
}

static void portal_json(struct json_object *json, const ISCSI_TARGET_PORTAL_INFO_EXA *portal)
{
	json_text(json, "address", portal->Address);
	json_number(json, "socket", portal->Socket);
	json_text(json, "symbolic_name", portal->SymbolicName);
	json_text(json, "initiator_name", portal->InitiatorName);
	if (portal->InitiatorPortNumber != ISCSI_ANY_INITIATOR_PORT)
		json_number(json, "port_number", portal->InitiatorPortNumber);
	json_number(json, "security_flags", portal->SecurityFlags);
	json_object_object_add(json, "login_options", print_options_json(&portal->LoginOptions));
}

ISDSC_STATUS discovery_portals(struct run *run, int argc, char **argv)
{
	struct json_object *array;
	ULONG count = 0;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_portals, NULL, 1, &list, &count);
	const ISCSI_TARGET_PORTAL_INFO_EXA *portals = list;

	(void)argc;
	(void)argv;
	if (status)
		return status;
	array = run->json ? json_array(run->json, "portals") : NULL;
	if (count && !array)
		printf("Total of %u portals are persisted:\n\n", count);
	for (ULONG i = 0; i < count; i++)
		if (array)
			portal_json(json_item(array), &portals[i]);
		else
			portal_print(&portals[i]);
	free(list);
	return 0;
}

ISDSC_STATUS discovery_targets(struct run *run, int argc, char **argv)
{
	BOOLEAN force = argc > 0 && read_boolean(argv[0], false);
	ULONG count;
	void *list = NULL;
	ISDSC_STATUS status;

	progress_begin("login-time", "Asking every portal and iSNS server");
	status = fetch_list(fetch_targets, &force, sizeof(CHAR), &list, &count);
	progress_end();
	if (!list)
		return status;
	print_names(run->json, "targets", list, "Targets List:", NULL);
	free(list);
	return status;
}
