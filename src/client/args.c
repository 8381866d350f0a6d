/*
 * args.c - arguments that are the same in both forms: ids, numbers, flags, login options, secrets.
 */
#include "client/args.h"

#include <stdint.h>

/* Room for any secret or user name that can be right; it bounds what a call sends. */
#define BYTES_MAX 256

#define SECURITY_FLAGS_ALL 0x7f
#define LOGIN_FLAGS_ALL 0x3f
#define INFORMATION_ALL 0xff

/* RFC 7143 section 13: DefaultTime2Wait and DefaultTime2Retain are 0 to 3600 s. */
#define TIME2_MAX 3600
#define CONNECTIONS_MAX 65535

void args_need(struct call *call, const void *pointer)
{
	if (!pointer)
		call_fail(call, ERROR_INVALID_PARAMETER);
}

void args_id(struct call *call, const ISCSI_UNIQUE_SESSION_ID *id)
{
	args_need(call, id);
	if (id)
		call_put(call, "(tt)", id->AdapterUnique, id->AdapterSpecific);
}

void args_port(struct call *call, ULONG number)
{
	if (number == 0)
		call_fail(call, ERROR_INVALID_PARAMETER);
	call_put(call, "u", number);
}

static bool both(ISCSI_SECURITY_FLAGS flags, ISCSI_SECURITY_FLAGS pair)
{
	return (flags & pair) == pair;
}

void args_security_flags(struct call *call, ISCSI_SECURITY_FLAGS flags)
{
	if (flags & ~(ISCSI_SECURITY_FLAGS)SECURITY_FLAGS_ALL ||
	    both(flags, ISCSI_SECURITY_FLAG_MAIN_MODE_ENABLED |
			ISCSI_SECURITY_FLAG_AGGRESSIVE_MODE_ENABLED) ||
	    both(flags, ISCSI_SECURITY_FLAG_TRANSPORT_MODE_PREFERRED |
			ISCSI_SECURITY_FLAG_TUNNEL_MODE_PREFERRED))
		call_fail(call, ERROR_INVALID_PARAMETER);
	call_put(call, "t", (uint64_t)flags);
}

void args_secret(struct call *call, const void *bytes, ULONG size, ISDSC_STATUS too_long)
{
	if (size && !bytes)
		call_fail(call, ERROR_INVALID_PARAMETER);
	else if (size > BYTES_MAX)
		call_fail(call, too_long);
	else
		call_put_bytes(call, bytes, size);
}

/* A member that counts, within its limit; 0 for one that does not count. */
static uint32_t option(struct call *call, const ISCSI_LOGIN_OPTIONS *options, ULONG bit,
		       uint32_t value, uint32_t max, ISDSC_STATUS beyond)
{
	if (!(options->InformationSpecified & bit))
		return 0;
	if (value > max)
		call_fail(call, beyond);
	return value;
}

static void option_bytes(struct call *call, const ISCSI_LOGIN_OPTIONS *options, ULONG bit,
			 const UCHAR *bytes, ULONG size, ISDSC_STATUS beyond)
{
	bool counts = options->InformationSpecified & bit;

	args_secret(call, counts ? bytes : NULL, counts ? size : 0, beyond);
}

void args_options(struct call *call, const ISCSI_LOGIN_OPTIONS *options)
{
	static const ISCSI_LOGIN_OPTIONS none;
	const ISCSI_LOGIN_OPTIONS *o = options ? options : &none;
	const ISDSC_STATUS bad = ERROR_INVALID_PARAMETER;

	if (o->Version != ISCSI_LOGIN_OPTIONS_VERSION ||
	    o->InformationSpecified & ~(ULONG)INFORMATION_ALL ||
	    o->LoginFlags & ~(ULONG)LOGIN_FLAGS_ALL)
		call_fail(call, bad);
	if (call->request && !call->status)
		sd_bus_message_open_container(call->request, 'r', "buuuuuuuuuayay");
	call_put(call, "buuuuuuuuu", options != NULL, o->Version, o->InformationSpecified,
		 o->LoginFlags,
		 option(call, o, ISCSI_LOGIN_OPTIONS_AUTH_TYPE, (uint32_t)o->AuthType,
			ISCSI_MUTUAL_CHAP_AUTH_TYPE, ISDSC_INVALID_LOGON_AUTH_TYPE),
		 option(call, o, ISCSI_LOGIN_OPTIONS_HEADER_DIGEST, (uint32_t)o->HeaderDigest,
			ISCSI_DIGEST_TYPE_CRC32C, bad),
		 option(call, o, ISCSI_LOGIN_OPTIONS_DATA_DIGEST, (uint32_t)o->DataDigest,
			ISCSI_DIGEST_TYPE_CRC32C, bad),
		 option(call, o, ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS, o->MaximumConnections,
			CONNECTIONS_MAX, bad),
		 option(call, o, ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_WAIT, o->DefaultTime2Wait,
			TIME2_MAX, bad),
		 option(call, o, ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_RETAIN, o->DefaultTime2Retain,
			TIME2_MAX, bad));
	option_bytes(call, o, ISCSI_LOGIN_OPTIONS_USERNAME, o->Username, o->UsernameLength,
		     ISDSC_INVALID_CHAP_USER_NAME);
	option_bytes(call, o, ISCSI_LOGIN_OPTIONS_PASSWORD, o->Password, o->PasswordLength,
		     ISDSC_INVALID_TARGET_CHAP_SECRET);
	if (call->request && !call->status)
		sd_bus_message_close_container(call->request);
}
