/*
 * radius.c - RADIUS servers. Compiled for each form.
 */
#include "client/listing.h"

static ISDSC_STATUS server_call(const char *method, TCHAR *address)
{
	struct call call;

	call_init(&call, method);
	args_need(&call, address);
	args_text(&call, address, MAX_RADIUS_ADDRESS_LEN - 1, ERROR_INVALID_PARAMETER);
	call_run(&call);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API AddRadiusServer(TCHAR *address)
{
	return server_call("AddRadiusServer", address);
}

ISDSC_STATUS ISDSC_API RemoveRadiusServer(TCHAR *address)
{
	return server_call("RemoveRadiusServer", address);
}

ISDSC_STATUS ISDSC_API ReportRadiusServerList(PULONG size, TCHAR *buffer)
{
	struct call call;

	call_init(&call, "ReportRadiusServerList");
	listing_names(&call, size, buffer);
	return call_done(&call);
}
