/*
 * ipsec.c - the commands about keys and tunnels of IPsec.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/read.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

ISDSC_STATUS ipsec_group_key(struct run *run, int argc, char **argv)
{
	struct secret key;
	ISDSC_STATUS status = read_key(argv[0], &key);

	(void)run;
	(void)argc;
	if (!status)
		status = SetIScsiGroupPresharedKey(key.size, key.size ? key.bytes : NULL,
						   read_boolean(argv[1], true));
	secret_wipe(&key);
	return status;
}

/* An id, with the address that it may point to. */
struct id {
	IKE_AUTHENTICATION_INFORMATION info;
	UCHAR address[16];
};

static ISDSC_STATUS id_read(const char *type, char *text, struct id *ret)
{
	IKE_AUTHENTICATION_PRESHARED_KEY *key = &ret->info.PsKey;
	ULONGLONG number = read_number(type);
	int family = number == ID_IPV4_ADDR ? AF_INET : AF_INET6;

	*ret = (struct id){ .info.AuthMethod = IKE_AUTHENTICATION_PRESHARED_KEY_METHOD };
	if (number > UINT8_MAX)
		return ERROR_INVALID_PARAMETER;
	key->IdType = (IKE_IDENTIFICATION_PAYLOAD_TYPE)number;
	if (number == ID_IPV4_ADDR || number == ID_IPV6_ADDR) {
		key->Id = ret->address;
		key->IdLengthInBytes = family == AF_INET ? 4 : 16;
		return inet_pton(family, text, ret->address) == 1 ? 0 : ERROR_INVALID_PARAMETER;
	}
	key->Id = (PUCHAR)text;
	key->IdLengthInBytes = (ULONG)strlen(text);
	return 0;
}

ISDSC_STATUS ipsec_key_set(struct run *run, int argc, char **argv)
{
	struct secret secret = { .size = 0 };
	struct id id;
	ISDSC_STATUS status = id_read(argv[3], argv[4], &id);

	(void)run;
	(void)argc;
	id.info.PsKey.SecurityFlags = read_number(argv[2]);
	if (!status && read_given(argv[5]))
		status = read_secret(argv[5], &secret);
	id.info.PsKey.Key = secret.size ? secret.bytes : NULL;
	id.info.PsKey.KeyLengthInBytes = secret.size;
	if (!status)
		status = SetIScsiIKEInfoA(read_text(argv[0]),
					  read_number_or(argv[1], ISCSI_ALL_INITIATOR_PORTS), &id.info,
					  read_boolean(argv[6], true));
	secret_wipe(&secret);
	return status;
}

ISDSC_STATUS ipsec_key_get(struct run *run, int argc, char **argv)
{
	struct id id;
	ISDSC_STATUS status = id_read(argv[2], argv[3], &id);

	(void)argc;
	if (!status)
		status = GetIScsiIKEInfoA(read_text(argv[0]),
					  read_number_or(argv[1], ISCSI_ALL_INITIATOR_PORTS), NULL,
					  &id.info);
	if (status)
		return status;
	if (run->json)
		json_number(run->json, "security_flags", id.info.PsKey.SecurityFlags);
	else
		print_security_flags(id.info.PsKey.SecurityFlags);
	return 0;
}

ISDSC_STATUS ipsec_tunnel(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return SetIScsiTunnelModeOuterAddressA(read_text(argv[0]),
					       read_number_or(argv[1], ISCSI_ALL_INITIATOR_PORTS),
					       read_text(argv[2]), read_text(argv[3]),
					       read_boolean(argv[4], true));
}

static void tunnel_print(const ISCSI_TUNNEL_ADDRESS_INFO *tunnel)
{
	printf("    Destination           : %s\n", *tunnel->DestinationAddress
	       ? tunnel->DestinationAddress : "*");
	printf("    Tunnel Address        : %s\n", tunnel->OuterModeAddress);
	printf("    Initiator Name        : %s\n", tunnel->InitiatorName);
	if (tunnel->InitiatorPortNumber == ISCSI_ALL_INITIATOR_PORTS)
		printf("    Port Number           : <Any Port>\n");
	else
		printf("    Port Number           : %u\n", tunnel->InitiatorPortNumber);
	printf("    Persistent            : %s\n\n", tunnel->IsPersistent ? "yes" : "no");
}

static void tunnel_json(struct json_object *json, const ISCSI_TUNNEL_ADDRESS_INFO *tunnel)
{
	json_text(json, "destination", tunnel->DestinationAddress);
	json_text(json, "tunnel_address", tunnel->OuterModeAddress);
	json_text(json, "initiator_name", tunnel->InitiatorName);
	if (tunnel->InitiatorPortNumber != ISCSI_ALL_INITIATOR_PORTS)
		json_number(json, "port_number", tunnel->InitiatorPortNumber);
	json_truth(json, "persistent", tunnel->IsPersistent);
}

ISDSC_STATUS ipsec_tunnels(struct run *run, int argc, char **argv)
{
	struct json_object *array;
	ISCSI_TUNNEL_ADDRESS_INFO *tunnel;
	ULONG count = 0;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_tunnels, NULL, 1, &list, &count);

	(void)argc;
	(void)argv;
	if (status)
		return status;
	array = run->json ? json_array(run->json, "tunnels") : NULL;
	if (!array)
		printf("Total of %u tunnel addresses\n\n", count);
	tunnel = list;
	for (ULONG i = 0; i < count; i++, tunnel = fetch_next(tunnel))
		if (array)
			tunnel_json(json_item(array), tunnel);
		else
			tunnel_print(tunnel);
	free(list);
	return 0;
}
