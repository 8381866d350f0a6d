/*
 * target.c - the commands about targets added by hand, about what is known of a target, and about
 * the numbers that its LUNs have here.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/read.h"
#include "cli/status.h"

#include <stdlib.h>
#include <string.h>

/* AddTarget's 16 arguments, the mappings' count included. */
enum { ADD_TARGET, ADD_ALIAS, ADD_ADDRESS, ADD_SOCKET, ADD_FLAGS, ADD_PERSIST, ADD_OPTIONS,
	ADD_MAPPINGS = ADD_OPTIONS + OPTIONS_COUNT };

/* The group has a portal only where address and socket are both given. */
static ISDSC_STATUS add_call(char **argv, struct options *options, struct mappings *mappings)
{
	ISCSI_TARGET_PORTAL_GROUPA group = { .Count = 1 };
	bool has_portal = read_given(argv[ADD_ADDRESS]) && read_given(argv[ADD_SOCKET]);
	ISDSC_STATUS status = 0;

	if (has_portal)
		status = read_portal(argv[ADD_ADDRESS], argv[ADD_SOCKET], &group.Portals[0]);
	return status ? status
		      : AddIScsiStaticTargetA(argv[ADD_TARGET], read_text(argv[ADD_ALIAS]),
					      read_number_or(argv[ADD_FLAGS], 0),
					      read_boolean(argv[ADD_PERSIST], true),
					      mappings->mapping.LUNCount ? &mappings->mapping : NULL,
					      &options->login, has_portal ? &group : NULL);
}

ISDSC_STATUS target_add(struct run *run, int argc, char **argv)
{
	struct mappings mappings;
	struct options options;
	ISDSC_STATUS status = read_options(argv + ADD_OPTIONS, &options);

	(void)run;
	if (!status)
		status = read_mappings(argc - ADD_MAPPINGS, argv + ADD_MAPPINGS, &mappings);
	if (!status)
		status = add_call(argv, &options, &mappings);
	options_wipe(&options);
	return status;
}

ISDSC_STATUS target_add_quick(struct run *run, int argc, char **argv)
{
	char socket[] = "3260";
	ISCSI_TARGET_PORTAL_GROUPA group = { .Count = 0 };
	ISDSC_STATUS status = 0;

	(void)run;
	(void)argc;
	if (read_given(argv[1])) {
		group.Count = 1;
		status = read_portal(argv[1], socket, &group.Portals[0]);
	}
	return status ? status
		      : AddIScsiStaticTargetA(argv[0], NULL, 0, TRUE, NULL, NULL, &group);
}

ISDSC_STATUS target_remove(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return RemoveIScsiStaticTargetA(argv[0]);
}

/* ---- mappings */

static void active_print(const ISCSI_TARGET_MAPPINGA *mapping)
{
	char id[PRINT_ID_ROOM];

	printf("    Session Id             : %s\n", print_id(&mapping->SessionId, id));
	printf("    Target Name            : %s\n", mapping->TargetName);
	printf("    Initiator              : %s\n", mapping->InitiatorName);
	printf("    Initiator Scsi Device  : %s\n", mapping->OSDeviceName);
	printf("    Initiator Bus          : %u\n", mapping->OSBusNumber);
	printf("    Initiator Target Id    : %u\n", mapping->OSTargetNumber);
	print_luns(mapping);
	printf("\n");
}

static void active_json(struct json_object *json, const ISCSI_TARGET_MAPPINGA *mapping)
{
	json_id(json, "session_id", &mapping->SessionId);
	json_text(json, "target_name", mapping->TargetName);
	json_text(json, "initiator", mapping->InitiatorName);
	json_text(json, "os_device", mapping->OSDeviceName);
	print_luns_json(json, mapping);
}

ISDSC_STATUS target_mappings(struct run *run, int argc, char **argv)
{
	struct json_object *array;
	ULONG count = 0;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_mappings, NULL, 1, &list, &count);
	const ISCSI_TARGET_MAPPINGA *mappings = list;

	(void)argc;
	(void)argv;
	if (status)
		return status;
	array = run->json ? json_array(run->json, "mappings") : NULL;
	if (!array && count)
		printf("Total of %u mappings returned\n", count);
	else if (!array)
		printf("No mappings\n");
	for (ULONG i = 0; i < count; i++)
		if (array)
			active_json(json_item(array), &mappings[i]);
		else
			active_print(&mappings[i]);
	free(list);
	return 0;
}

/* ---- TargetInfo */

static void protocol_show(struct json_object *json, const void *data)
{
	bool tcp = *(const ULONG *)data == ISCSI_TCP_PROTOCOL_TYPE;

	if (json)
		json_text(json, "protocol", tcp ? "TCP" : "?");
	else
		printf("    Protocol Type        : %s\n", tcp ? "iSCSI TCP" : "?");
}

static void alias_show(struct json_object *json, const void *data)
{
	if (json)
		json_text(json, "alias", data);
	else
		printf("    Target Alias         : %s\n", (const char *)data);
}

static void mechanisms_show(struct json_object *json, const void *data)
{
	struct json_object *array = json ? json_array(json, "mechanisms") : NULL;

	if (!array)
		printf("    Discovery Mechanisms :\n");
	for (const char *name = data; *name; name += strlen(name) + 1)
		if (array)
			json_object_array_add(array, json_object_new_string(name));
		else
			printf("        \"%s\"\n", name);
}

static void group_show(struct json_object *array, ULONG index,
		       const ISCSI_TARGET_PORTAL_GROUPA *group)
{
	const ISCSI_TARGET_PORTALA *portals = group->Portals;

	if (!array)
		printf("        Group %u has %u portals\n", index, group->Count);
	for (ULONG i = 0; i < group->Count; i++) {
		if (!array) {
			printf("            Address and Socket   : %s %u\n", portals[i].Address,
			       portals[i].Socket);
			printf("            Symbolic Name        : %s\n", portals[i].SymbolicName);
			continue;
		}
		struct json_object *portal = json_item(array);

		json_text(portal, "address", portals[i].Address);
		json_number(portal, "socket", portals[i].Socket);
		json_text(portal, "symbolic_name", portals[i].SymbolicName);
	}
}

/* A count, then groups of different lengths, each on a 4-byte boundary. */
static void groups_show(struct json_object *json, const void *data)
{
	struct json_object *array = json ? json_array(json, "portal_groups") : NULL;
	const char *at = data;
	ULONG count = *(const ULONG *)data;

	if (!array)
		printf("    Portal Groups        : %u\n", count);
	at += sizeof(count);
	for (ULONG i = 0; i < count; i++) {
		const ISCSI_TARGET_PORTAL_GROUPA *group = (const void *)at;
		size_t size = offsetof(ISCSI_TARGET_PORTAL_GROUPA, Portals) +
			      group->Count * sizeof(group->Portals[0]);

		group_show(array ? json_array(json_item(array), "portals") : NULL, i, group);
		at += (size + 3) & ~(size_t)3;
	}
}

static void mapping_show(struct json_object *json, const void *data)
{
	if (json)
		print_mapping_json(json, data);
	else
		print_mapping(data);
}

static void instance_show(struct json_object *json, const void *data)
{
	if (json)
		json_text(json, "initiator_name", data);
	else
		printf("    Initiator Name       : %s\n", (const char *)data);
}

static void flags_show(struct json_object *json, const void *data)
{
	ULONG flags = *(const ULONG *)data;

	if (json) {
		json_number(json, "target_flags", flags);
		return;
	}
	printf("    Target Flags         : 0x%x\n", flags);
	if (flags & ISCSI_TARGET_FLAG_HIDE_STATIC_TARGET)
		printf("%28sHide Static Target\n", "");
}

static void options_show(struct json_object *json, const void *data)
{
	if (json)
		json_object_object_add(json, "login_options", print_options_json(data));
	else
		print_options(data);
}

/* In the order of the output. */
static const struct part {
	TARGET_INFORMATION_CLASS class;
	const char *label;
	void (*show)(struct json_object *json, const void *data);
} parts[] = {
	{ DiscoveryMechanisms, "Discovery Mechanisms", mechanisms_show },
	{ ProtocolType, "Protocol Type", protocol_show },
	{ TargetAlias, "Target Alias", alias_show },
	{ PortalGroups, "Portal Groups", groups_show },
	{ InitiatorName, "Initiator Name", instance_show },
	{ TargetFlags, "Target Flags", flags_show },
	{ LoginOptions, "Login Options", options_show },
	{ PersistentTargetMappings, "Target Mappings", mapping_show },
};

static void failure_json(struct json_object *json, const struct part *part, ULONG status)
{
	struct json_object *failed;

	if (!json_object_object_get_ex(json, "failed", &failed))
		failed = json_array(json, "failed");
	json = json_item(failed);
	json_text(json, "part", part->label);
	json_number(json, "status", status);
}

static ISDSC_STATUS part_show(struct run *run, const struct part *part, char *target,
			      char *mechanism)
{
	struct fetch_information about = { target, mechanism, part->class };
	void *data = NULL;
	ULONG count;
	ISDSC_STATUS status = fetch_list(fetch_information, &about, 1, &data, &count);
	const struct status_text *text = status_find(status);

	if (!status)
		part->show(run->json, data);
	else if (run->json)
		failure_json(run->json, part, status);
	else
		printf("    %-21s: Failed: %s\n", part->label, text ? text->text : "unknown error");
	free(data);
	return status;
}

ISDSC_STATUS target_info(struct run *run, int argc, char **argv)
{
	char *mechanism = argc > 1 ? read_text(argv[1]) : NULL;
	size_t count = mechanism ? sizeof(parts) / sizeof(parts[0]) : 1;
	ISDSC_STATUS status = 0;

	if (!run->json)
		printf("Get Target Information for target %s discovered by %s:\n", argv[0],
		       mechanism ? mechanism : "<all mechanisms>");
	for (size_t i = 0; i < count; i++) {
		ISDSC_STATUS of_part = part_show(run, &parts[i], argv[0], mechanism);

		status = status ? status : of_part;
	}
	/* What is printed tells it, as on Windows; what a program reads has no other place for it. */
	return run->json ? status : 0;
}
