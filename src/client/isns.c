/*
 * isns.c - iSNS servers. Compiled for each form.
 */
#include "client/listing.h"

static ISDSC_STATUS server_call(const char *method, const TCHAR *address, bool required)
{
	struct call call;

	call_init(&call, method);
	if (required)
		args_need(&call, address);
	args_text(&call, address, MAX_ISCSI_PORTAL_ADDRESS_LEN, ERROR_INVALID_PARAMETER);
	call_run(&call);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API AddISNSServer(TCHAR *address)
{
	return server_call("AddISNSServer", address, true);
}

ISDSC_STATUS ISDSC_API RemoveISNSServer(TCHAR *address)
{
	return server_call("RemoveISNSServer", address, true);
}

ISDSC_STATUS ISDSC_API RefreshISNSServer(TCHAR *address)
{
	return server_call("RefreshISNSServer", address, false);
}

ISDSC_STATUS ISDSC_API ReportISNSServerList(PULONG size, TCHAR *buffer)
{
	struct call call;

	call_init(&call, "ReportISNSServerList");
	listing_names_or_none(&call, size, buffer);
	return call_done(&call);
}
