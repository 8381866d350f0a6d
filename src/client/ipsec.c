/*
 * ipsec.c - keys of IKE identities, and outer addresses of tunnels. Compiled for each form.
 */
#include "client/args.h"

/* Of any id; it bounds what a call sends. */
#define ID_MAX 255

/* The id, as both functions take it. Its length is judged by its type, which the service knows. */
static void id_put(struct call *call, const IKE_AUTHENTICATION_PRESHARED_KEY *key)
{
	args_need(call, key->Id);
	if (key->IdLengthInBytes > ID_MAX)
		call_fail(call, ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE);
	call_put(call, "y", key->IdType);
	args_secret(call, key->Id, key->IdLengthInBytes, ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE);
}

static bool method_known(struct call *call, const IKE_AUTHENTICATION_INFORMATION *info)
{
	if (info && info->AuthMethod == IKE_AUTHENTICATION_PRESHARED_KEY_METHOD)
		return true;
	call_fail(call, ERROR_INVALID_PARAMETER);
	return false;
}

ISDSC_STATUS ISDSC_API SetIScsiIKEInfo(TCHAR *initiator, ULONG port,
	PIKE_AUTHENTICATION_INFORMATION info, BOOLEAN persist)
{
	struct call call;

	call_init(&call, "SetIScsiIKEInfo");
	args_instance(&call, initiator);
	args_port(&call, port);
	if (method_known(&call, info)) {
		args_security_flags(&call, info->PsKey.SecurityFlags);
		id_put(&call, &info->PsKey);
		args_secret(&call, info->PsKey.Key, info->PsKey.KeyLengthInBytes,
			    ERROR_INVALID_PARAMETER);
	}
	call_put(&call, "b", persist != 0);
	call_run(&call);
	return call_done(&call);
}

/* Reserved is NULL by the page. Nothing could be done with it, so it is not looked at. */
ISDSC_STATUS ISDSC_API GetIScsiIKEInfo(TCHAR *initiator, ULONG port, PULONG reserved,
	PIKE_AUTHENTICATION_INFORMATION info)
{
	uint64_t flags;
	struct call call;

	(void)reserved;
	call_init(&call, "GetIScsiIKEInfo");
	args_instance(&call, initiator);
	args_port(&call, port);
	if (method_known(&call, info))
		id_put(&call, &info->PsKey);
	if (call_run(&call) && call_get(&call, "t", &flags))
		info->PsKey.SecurityFlags = flags;
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API SetIScsiTunnelModeOuterAddress(TCHAR *initiator, ULONG port,
	TCHAR *destination, TCHAR *outer, BOOLEAN persist)
{
	struct call call;

	call_init(&call, "SetIScsiTunnelModeOuterAddress");
	args_instance(&call, initiator);
	args_port(&call, port);
	args_text(&call, destination, MAX_ISCSI_TEXT_ADDRESS_LEN, ERROR_INVALID_PARAMETER);
	args_text(&call, outer, MAX_ISCSI_TEXT_ADDRESS_LEN, ERROR_INVALID_PARAMETER);
	call_put(&call, "b", persist != 0);
	call_run(&call);
	return call_done(&call);
}
