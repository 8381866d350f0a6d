/*
 * print.c - see print.h.
 */
#include "cli/print.h"

#include <stdlib.h>
#include <string.h>

const char *print_id(const ISCSI_UNIQUE_SESSION_ID *id, char *to)
{
	snprintf(to, PRINT_ID_ROOM, "%llx-%llx", (unsigned long long)id->AdapterUnique,
		 (unsigned long long)id->AdapterSpecific);
	return to;
}

void print_new_ids(struct json_object *json, const ISCSI_UNIQUE_SESSION_ID *session,
		   const ISCSI_UNIQUE_CONNECTION_ID *connection)
{
	if (json) {
		if (session)
			json_id(json, "session_id", session);
		json_id(json, "connection_id", connection);
		return;
	}
	if (session)
		printf("Session Id is 0x%llx-0x%llx\n", (unsigned long long)session->AdapterUnique,
		       (unsigned long long)session->AdapterSpecific);
	printf("Connection Id is 0x%llx-0x%llx\n", (unsigned long long)connection->AdapterUnique,
	       (unsigned long long)connection->AdapterSpecific);
}

void print_hex(FILE *to, int indent, const UCHAR *bytes, size_t size)
{
	for (size_t line = 0; line < size; line += 16) {
		size_t n = size - line < 16 ? size - line : 16;

		fprintf(to, "%*s", indent, "");
		for (size_t i = 0; i < 16; i++)
			if (i < n)
				fprintf(to, "%02x ", bytes[line + i]);
			else
				fprintf(to, "   ");
		fprintf(to, "    ");
		for (size_t i = 0; i < n; i++) {
			UCHAR byte = bytes[line + i];

			fputc(byte >= 0x21 && byte <= 0x7e ? byte : '.', to);
		}
		fputc('\n', to);
	}
}

const char *print_size(ULONGLONG bytes, char *to)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(to, PRINT_SIZE_ROOM, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return to;
}

const char *print_state(UCHAR state)
{
	static const char *const names[] = {
		"logging in", "full feature", "logging out", "reconnecting",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static void *must(void *object)
{
	if (!object) {
		fprintf(stderr, "iscsicli: out of memory\n");
		exit(ERROR_NOT_ENOUGH_MEMORY);
	}
	return object;
}

struct json_object *print_hex_json(const UCHAR *bytes, size_t size)
{
	struct json_object *json;
	char *text = must(calloc(2, size + 1));

	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	json = must(json_object_new_string(text));
	free(text);
	return json;
}

void print_security_flags(ISCSI_SECURITY_FLAGS flags)
{
	static const struct {
		ULONG flag;
		const char *text;
	} names[] = {
		{ ISCSI_SECURITY_FLAG_TUNNEL_MODE_PREFERRED, "Tunnel Mode Preferred" },
		{ ISCSI_SECURITY_FLAG_TRANSPORT_MODE_PREFERRED, "Transport Mode Preferred" },
		{ ISCSI_SECURITY_FLAG_PFS_ENABLED, "PFS Enabled" },
		{ ISCSI_SECURITY_FLAG_AGGRESSIVE_MODE_ENABLED, "Aggressive Mode Enabled" },
		{ ISCSI_SECURITY_FLAG_IKE_IPSEC_ENABLED, "IKE/IPsec Enabled" },
		{ ISCSI_SECURITY_FLAG_VALID, "Security Flags are Valid" },
	};

	printf("    Security Flags        : 0x%llx\n", (unsigned long long)flags);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].flag)
			printf("%28s%s\n", "", names[i].text);
}

static const char *auth_name(ISCSI_AUTH_TYPES type)
{
	switch (type) {
	case ISCSI_NO_AUTH_TYPE:
		return "None";
	case ISCSI_CHAP_AUTH_TYPE:
		return "CHAP";
	case ISCSI_MUTUAL_CHAP_AUTH_TYPE:
		return "Mutual CHAP";
	}
	return "?";
}

const char *print_digest(UCHAR digest)
{
	return digest == ISCSI_DIGEST_TYPE_CRC32C ? "CRC32C" : "none";
}

static const char *digest_label(ISCSI_DIGEST_TYPES type)
{
	return type == ISCSI_DIGEST_TYPE_CRC32C ? "CRC-32C" : "None";
}

void print_options(const ISCSI_LOGIN_OPTIONS *o)
{
	ULONG bits = o->InformationSpecified;

	printf("    Version              : %u\n", o->Version);
	printf("    Information Specified: 0x%x\n", bits);
	if (bits & ISCSI_LOGIN_OPTIONS_HEADER_DIGEST)
		printf("    Header Digest        : %s\n", digest_label(o->HeaderDigest));
	if (bits & ISCSI_LOGIN_OPTIONS_DATA_DIGEST)
		printf("    Data Digest          : %s\n", digest_label(o->DataDigest));
	if (bits & ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS)
		printf("    Maximum Connections  : %u\n", o->MaximumConnections);
	if (bits & ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_WAIT)
		printf("    Default Time 2 Wait  : %u\n", o->DefaultTime2Wait);
	if (bits & ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_RETAIN)
		printf("    Default Time 2 Retain: %u\n", o->DefaultTime2Retain);
	printf("    Login Flags          : 0x%x\n", o->LoginFlags);
	if (o->LoginFlags & ISCSI_LOGIN_FLAG_REQUIRE_IPSEC)
		printf("%28sRequire IPsec\n", "");
	if (o->LoginFlags & ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED)
		printf("%28sMultipath Enabled\n", "");
	if (bits & ISCSI_LOGIN_OPTIONS_AUTH_TYPE)
		printf("    Authentication Type  : %s\n", auth_name(o->AuthType));
	if (bits & ISCSI_LOGIN_OPTIONS_USERNAME) {
		printf("    Username             :\n");
		print_hex(stdout, 8, o->Username, o->UsernameLength);
	}
	if (bits & ISCSI_LOGIN_OPTIONS_PASSWORD)
		printf("    Password             : <is established>\n");
}

struct json_object *print_options_json(const ISCSI_LOGIN_OPTIONS *o)
{
	struct json_object *json = must(json_object_new_object());
	ULONG bits = o->InformationSpecified;

	json_number(json, "information_specified", bits);
	json_number(json, "login_flags", o->LoginFlags);
	if (bits & ISCSI_LOGIN_OPTIONS_HEADER_DIGEST)
		json_text(json, "header_digest", print_digest((UCHAR)o->HeaderDigest));
	if (bits & ISCSI_LOGIN_OPTIONS_DATA_DIGEST)
		json_text(json, "data_digest", print_digest((UCHAR)o->DataDigest));
	if (bits & ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS)
		json_number(json, "maximum_connections", o->MaximumConnections);
	if (bits & ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_WAIT)
		json_number(json, "default_time2wait", o->DefaultTime2Wait);
	if (bits & ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_RETAIN)
		json_number(json, "default_time2retain", o->DefaultTime2Retain);
	if (bits & ISCSI_LOGIN_OPTIONS_AUTH_TYPE)
		json_text(json, "auth_type", auth_name(o->AuthType));
	if (bits & ISCSI_LOGIN_OPTIONS_USERNAME)
		json_object_object_add(json, "username_hex",
				       print_hex_json(o->Username, o->UsernameLength));
	return json;
}

void print_luns(const ISCSI_TARGET_MAPPINGA *mapping)
{
	for (ULONG i = 0; i < mapping->LUNCount; i++)
		printf("        Target LUN: 0x%llx <--> OS Lun: 0x%x\n",
		       (unsigned long long)mapping->LUNList[i].TargetLUN,
		       mapping->LUNList[i].OSLUN);
}

void print_luns_json(struct json_object *json, const ISCSI_TARGET_MAPPINGA *mapping)
{
	struct json_object *luns;

	json_number(json, "os_bus", mapping->OSBusNumber);
	json_number(json, "os_target", mapping->OSTargetNumber);
	luns = json_array(json, "luns");
	for (ULONG i = 0; i < mapping->LUNCount; i++) {
		struct json_object *lun = json_item(luns);

		json_number(lun, "target_lun", mapping->LUNList[i].TargetLUN);
		json_number(lun, "os_lun", mapping->LUNList[i].OSLUN);
	}
}

static void number_print(const char *label, ULONG number)
{
	if (number == ISCSI_ANY_INITIATOR_PORT)
		printf("    %s: <Any>\n", label);
	else
		printf("    %s: %u\n", label, number);
}

void print_mapping(const ISCSI_TARGET_MAPPINGA *mapping)
{
	number_print("Initiator Bus        ", mapping->OSBusNumber);
	number_print("Initiator Target Id  ", mapping->OSTargetNumber);
	print_luns(mapping);
}

void print_mapping_json(struct json_object *json, const ISCSI_TARGET_MAPPINGA *mapping)
{
	struct json_object *object = must(json_object_new_object());

	json_object_object_add(json, "mapping", object);
	print_luns_json(object, mapping);
}

void json_text(struct json_object *json, const char *name, const char *text)
{
	json_object_object_add(json, name, must(json_object_new_string(text ? text : "")));
}

void json_number(struct json_object *json, const char *name, ULONGLONG number)
{
	json_object_object_add(json, name, must(json_object_new_uint64(number)));
}

void json_truth(struct json_object *json, const char *name, int truth)
{
	json_object_object_add(json, name, must(json_object_new_boolean(truth != 0)));
}

void json_id(struct json_object *json, const char *name, const ISCSI_UNIQUE_SESSION_ID *id)
{
	char text[PRINT_ID_ROOM];

	json_text(json, name, print_id(id, text));
}

struct json_object *json_array(struct json_object *json, const char *name)
{
	struct json_object *array = must(json_object_new_array());

	json_object_object_add(json, name, array);
	return array;
}

void print_names(struct json_object *json, const char *key, const char *names, const char *head,
		 const char *none)
{
	struct json_object *array = json ? json_array(json, key) : NULL;

	if (!array && head)
		printf("%s\n", head);
	if (!array && !*names && none)
		printf("%s\n", none);
	for (const char *name = names; *name; name += strlen(name) + 1)
		if (array)
			json_object_array_add(array, json_object_new_string(name));
		else
			printf("    %s\n", name);
}

struct json_object *json_item(struct json_object *array)
{
	struct json_object *json = must(json_object_new_object());

	json_object_array_add(array, json);
	return json;
}
