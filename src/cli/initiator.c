/*
 * initiator.c - the commands about the initiator itself: names, secret, ports, settings, version.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/read.h"
#include "cli/version.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { GENERATED = 16 }; /* bytes of a secret */

ISDSC_STATUS initiator_list(struct run *run, int argc, char **argv)
{
	ULONG count;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_initiators, NULL, sizeof(CHAR), &list, &count);

	(void)argc;
	(void)argv;
	if (status)
		return status;
	print_names(run->json, "initiators", list, "Initiators List:", NULL);
	free(list);
	return 0;
}

ISDSC_STATUS initiator_node_name(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return SetIScsiInitiatorNodeNameA(read_text(argv[0]));
}

ISDSC_STATUS initiator_secret(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return secret_give(argv[0], SetIScsiInitiatorCHAPSharedSecret);
}

/* RFC 7143 section 9.2.1 (SEC-12): as random as it gets, and 128 bits long. */
ISDSC_STATUS initiator_generate(struct run *run, int argc, char **argv)
{
	char text[2 + 2 * GENERATED + 1] = "0x";
	UCHAR bytes[GENERATED];

	(void)argc;
	(void)argv;
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return ERROR_IO_DEVICE;
	for (int i = 0; i < GENERATED; i++)
		snprintf(text + 2 + 2 * i, 3, "%02x", bytes[i]);
	if (run->json)
		json_text(run->json, "secret", text);
	else
		printf("%s\n", text);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(text, sizeof(text));
	return 0;
}

ISDSC_STATUS initiator_ports(struct run *run, int argc, char **argv)
{
	struct json_object *array, *item;
	ISCSI_INITIATOR_PORT_INFO *port;
	ULONG count = 0;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_ports, NULL, 1, &list, &count);

	(void)argc;
	(void)argv;
	if (status)
		return status;
	array = run->json ? json_array(run->json, "ports") : NULL;
	if (!array)
		printf("Ports List:\n");
	port = list;
	for (ULONG i = 0; i < count; i++, port = fetch_next(port)) {
		if (!array) {
			printf("    %-6u %-40s %s\n", port->PortNumber, port->Address,
			       port->InterfaceName);
			continue;
		}
		item = json_item(array);
		json_number(item, "port_number", port->PortNumber);
		json_text(item, "address", port->Address);
		json_text(item, "interface", port->InterfaceName);
	}
	free(list);
	return 0;
}

/* All settings, or the one with the name. */
static ISDSC_STATUS defaults_list(struct run *run, const char *name)
{
	struct json_object *array, *item;
	ISCSI_DEFAULT_INFO *setting;
	ULONG count = 0, shown = 0;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_defaults, NULL, 1, &list, &count);

	if (status)
		return status;
	array = run->json ? json_array(run->json, "defaults") : NULL;
	setting = list;
	for (ULONG i = 0; i < count; i++, setting = fetch_next(setting)) {
		if (name && strcmp(name, setting->Name) != 0)
			continue;
		shown++;
		if (!array) {
			printf("    %-28s: %s\n        built-in %s. %s\n", setting->Name,
			       setting->Value, *setting->BuiltIn ? setting->BuiltIn : "none",
			       setting->Help);
			continue;
		}
		item = json_item(array);
		json_text(item, "name", setting->Name);
		json_text(item, "value", setting->Value);
		json_text(item, "built_in", setting->BuiltIn);
		json_text(item, "help", setting->Help);
	}
	free(list);
	return name && !shown ? ERROR_NOT_FOUND : 0;
}

ISDSC_STATUS initiator_defaults(struct run *run, int argc, char **argv)
{
	if (argc == 2)
		return SetIScsiDefault(argv[0], read_text(argv[1]));
	return defaults_list(run, argc == 1 ? argv[0] : NULL);
}

ISDSC_STATUS initiator_version(struct run *run, int argc, char **argv)
{
	ISCSI_VERSION_INFO version;
	ISDSC_STATUS status = GetIScsiVersionInformation(&version);

	(void)argc;
	(void)argv;
	if (run->json) {
		json_text(run->json, "tool", VERSION_TEXT);
	} else {
		printf("Tool     : %s\n", VERSION_TEXT);
		if (status)
			printf("Service  : no answer\n");
	}
	if (status)
		return status;
	if (run->json) {
		struct json_object *json = json_object_new_object();

		json_number(json, "major", version.MajorVersion);
		json_number(json, "minor", version.MinorVersion);
		json_number(json, "build", version.BuildNumber);
		json_object_object_add(run->json, "service", json);
	} else {
		printf("Service  : %u.%u.%u\n", version.MajorVersion, version.MinorVersion,
		       version.BuildNumber);
	}
	return 0;
}
