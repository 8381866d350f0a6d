/*
 * cli_ipsec_test.c - the commands about IPsec: what they pass on, and what they print. The library's
 * functions stand here.
 */
#include "cli_fake.h"

#include <iscsidsc_ext.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the last call brought. */
static struct {
	char initiator[64], destination[64], outer[64], key[64], id[64];
	ULONG port, key_size, id_size;
	ULONGLONG flags;
	int id_type, persist;
} passed;
static ULONG tunnel_count;

static void text_copy(char *to, const char *text)
{
	snprintf(to, 64, "%s", text ? text : "(null)");
}

ISDSC_STATUS ISDSC_API SetIScsiGroupPresharedKey(ULONG size, PUCHAR key, BOOLEAN persist)
{
	memset(&passed, 0, sizeof(passed));
	passed.key_size = size;
	passed.persist = persist;
	if (key)
		memcpy(passed.key, key, size);
	return 0;
}

static void info_copy(PSTR initiator, ULONG port, const IKE_AUTHENTICATION_INFORMATION *info)
{
	memset(&passed, 0, sizeof(passed));
	text_copy(passed.initiator, initiator);
	passed.port = port;
	passed.flags = info->PsKey.SecurityFlags;
	passed.id_type = info->PsKey.IdType;
	passed.id_size = info->PsKey.IdLengthInBytes;
	memcpy(passed.id, info->PsKey.Id, passed.id_size);
	passed.key_size = info->PsKey.KeyLengthInBytes;
	if (info->PsKey.Key)
		memcpy(passed.key, info->PsKey.Key, passed.key_size);
}

ISDSC_STATUS ISDSC_API SetIScsiIKEInfoA(PSTR initiator, ULONG port,
	PIKE_AUTHENTICATION_INFORMATION info, BOOLEAN persist)
{
	info_copy(initiator, port, info);
	passed.persist = persist;
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiIKEInfoA(PSTR initiator, ULONG port, PULONG reserved,
	PIKE_AUTHENTICATION_INFORMATION info)
{
	assert_null(reserved);
	info_copy(initiator, port, info);
	info->PsKey.SecurityFlags = 0x03;
	return 0;
}

ISDSC_STATUS ISDSC_API SetIScsiTunnelModeOuterAddressA(PSTR initiator, ULONG port,
	PSTR destination, PSTR outer, BOOLEAN persist)
{
	memset(&passed, 0, sizeof(passed));
	text_copy(passed.initiator, initiator);
	text_copy(passed.destination, destination);
	text_copy(passed.outer, outer);
	passed.port = port;
	passed.persist = persist;
	return 0;
}

ISDSC_STATUS ISDSC_API ReportIScsiTunnelAddresses(PULONG size, PULONG count,
	PISCSI_TUNNEL_ADDRESS_INFO tunnels)
{
	static char any[] = "", to[] = "10.0.0.9", outer[] = "10.0.0.1";
	static const ISCSI_TUNNEL_ADDRESS_INFO all[] = {
		{ sizeof(all[0]), ISCSI_ALL_INITIATOR_PORTS, any, any, outer, TRUE },
		{ sizeof(all[0]), 7, any, to, outer, FALSE },
	};

	assert_true(*size >= sizeof(all));
	memcpy(tunnels, all, sizeof(all));
	*count = tunnel_count;
	return 0;
}

/* One session with two connections, the second of which is protected. */
ISDSC_STATUS ISDSC_API GetIScsiSessionListA(PULONG size, PULONG count, PISCSI_SESSION_INFOA buffer)
{
	static char name[] = "iqn.x", address[] = "10.0.0.1";
	static ISCSI_CONNECTION_INFOA conns[] = {
		{ .ConnectionId = { 1, 1 }, .InitiatorAddress = address, .TargetAddress = address },
		{ .ConnectionId = { 1, 2 }, .InitiatorAddress = address, .TargetAddress = address },
	};
	const ISCSI_SESSION_INFOA session = {
		.SessionId = { 1, 9 }, .InitiatorName = name, .TargetName = name, .TargetNodeName = name,
		.ConnectionCount = 2, .Connections = conns,
	};

	assert_true(*size >= sizeof(session));
	memcpy(buffer, &session, sizeof(session));
	*count = 1;
	return 0;
}

ISDSC_STATUS ISDSC_API ReportIScsiProtectedConnections(PULONG size, PULONG count,
	PISCSI_CONNECTION_PROTECTION protections)
{
	static char esp[] = "AES_GCM_16-128";
	const ISCSI_CONNECTION_PROTECTION one = {
		.Size = sizeof(one), .IkeVersion = 1, .IsAggressive = TRUE, .IsPfs = TRUE,
		.Algorithms = esp, .BytesIn = 10, .BytesOut = 20, .SecondsSinceRekey = 30,
		.SessionId = { 1, 9 }, .ConnectionId = { 1, 2 },
	};

	assert_true(*size >= sizeof(one));
	memcpy(protections, &one, sizeof(one));
	*count = 1;
	return 0;
}

static void protected_connections(void **state)
{
	struct json_object *json = json_object_new_object();
	char *text = output(0, NULL, WORDS("SessionList", "F"));
	const char *line, *json_text;

	(void)state;
	line = strstr(text, "        IPsec             : IKEv1 aggressive mode, ESP in transport mode, "
		      "AES_GCM_16-128, PFS, in 10 B, out 20 B, keys 30 s old\n");
	assert_non_null(line);
	assert_null(strstr(line + 20, "IPsec"));
	free(text);
	expect("", output(0, json, WORDS("SessionList", "F")));
	json_text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN);
	line = strstr(json_text, "\"ipsec\":{\"ike_version\":1,\"ike\":\"IKEv1 aggressive mode\","
		      "\"mode\":\"transport\",\"pfs\":true,\"esp\":\"AES_GCM_16-128\"");
	assert_non_null(line);
	assert_null(strstr(line + 1, "\"ipsec\""));
	json_object_put(json);
}

static void group_key(void **state)
{
	char name[] = "GroupKey", key[] = "secret", yes[] = "T";
	char *words[] = { name, key, yes };

	(void)state;
	expect("", output(0, NULL, 3, words));
	/* The final NUL counts, and the argument is wiped. */
	assert_int_equal(passed.key_size, 7);
	assert_string_equal(passed.key, "secret");
	assert_true(passed.persist);
	assert_int_equal(key[0], 0);
	expect("", output(0, NULL, WORDS("GroupKey", "*", "F")));
	assert_int_equal(passed.key_size, 0);
	assert_false(passed.persist);
}

static void keys_of_ids(void **state)
{
	static const char v6[] = "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1";
	char name[] = "PSKey", any[] = "*", flags[] = "0x23", type[] = "2", host[] = "host.example",
	     key[] = "0x6b6579", no[] = "F";
	char *words[] = { name, any, any, flags, type, host, key, no };

	(void)state;
	expect("", output(0, NULL, 8, words));
	assert_string_equal(passed.initiator, "(null)");
	assert_int_equal(passed.port, ISCSI_ALL_INITIATOR_PORTS);
	assert_int_equal(passed.flags, 0x23);
	assert_int_equal(passed.id_type, ID_FQDN);
	assert_int_equal(passed.id_size, 12);
	assert_string_equal(passed.id, "host.example");
	/* No NUL counts here. */
	assert_int_equal(passed.key_size, 3);
	assert_string_equal(passed.key, "key");
	assert_false(passed.persist);
	assert_int_equal(key[0], 0);
	expect("", output(0, NULL, WORDS("PSKey", "own", "7", "0", "1", "10.0.0.1", "*", "T")));
	assert_string_equal(passed.initiator, "own");
	assert_int_equal(passed.port, 7);
	assert_int_equal(passed.id_size, 4);
	assert_memory_equal(passed.id, "\x0a\0\0\1", 4);
	assert_int_equal(passed.key_size, 0);
	expect("", output(0, NULL, WORDS("PSKey", "*", "*", "0", "5", "fe80::1", "*", "T")));
	assert_int_equal(passed.id_size, 16);
	assert_memory_equal(passed.id, v6, 16);
	expect("", output(ERROR_INVALID_PARAMETER, NULL,
			  WORDS("PSKey", "*", "*", "0", "1", "host", "*", "T")));
	expect("", output(ERROR_INVALID_PARAMETER, NULL,
			  WORDS("PSKey", "*", "*", "0", "257", "10.0.0.1", "*", "T")));
}

static void flags_of_ids(void **state)
{
	struct json_object *json = json_object_new_object();

	(void)state;
	expect("    Security Flags        : 0x3\n"
	       "                            IKE/IPsec Enabled\n"
	       "                            Security Flags are Valid\n",
	       output(0, NULL, WORDS("GetPSKey", "*", "-1", "3", "joe@host")));
	assert_int_equal(passed.id_type, ID_USER_FQDN);
	assert_int_equal(passed.port, ISCSI_ALL_INITIATOR_PORTS);
	assert_int_equal(passed.key_size, 0);
	expect("", output(0, json, WORDS("GetPSKey", "*", "*", "3", "joe@host")));
	assert_string_equal(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
			    "{\"security_flags\":3}");
	json_object_put(json);
}

static void tunnels(void **state)
{
	struct json_object *json = json_object_new_object();

	(void)state;
	expect("", output(0, NULL, WORDS("TunnelAddr", "*", "*", "10.0.0.9", "10.0.0.1", "T")));
	assert_string_equal(passed.destination, "10.0.0.9");
	assert_string_equal(passed.outer, "10.0.0.1");
	assert_true(passed.persist);
	expect("", output(0, NULL, WORDS("TunnelAddr", "own", "1", "*", "*", "F")));
	assert_string_equal(passed.destination, "(null)");
	assert_string_equal(passed.outer, "(null)");
	assert_int_equal(passed.port, 1);
	tunnel_count = 0;
	expect("Total of 0 tunnel addresses\n\n", output(0, NULL, WORDS("ListTunnelAddrs")));
	tunnel_count = 2;
	expect("Total of 2 tunnel addresses\n\n"
	       "    Destination           : *\n"
	       "    Tunnel Address        : 10.0.0.1\n"
	       "    Initiator Name        : \n"
	       "    Port Number           : <Any Port>\n"
	       "    Persistent            : yes\n\n"
	       "    Destination           : 10.0.0.9\n"
	       "    Tunnel Address        : 10.0.0.1\n"
	       "    Initiator Name        : \n"
	       "    Port Number           : 7\n"
	       "    Persistent            : no\n\n", output(0, NULL, WORDS("ListTunnelAddrs")));
	expect("", output(0, json, WORDS("ListTunnelAddrs")));
	assert_non_null(strstr(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
			       "\"port_number\":7,\"persistent\":false"));
	json_object_put(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(group_key), cmocka_unit_test(keys_of_ids),
		cmocka_unit_test(flags_of_ids), cmocka_unit_test(tunnels),
		cmocka_unit_test(protected_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
