/*
 * initiator.c - the initiator's names. Compiled for each form.
 */
#include "client/listing.h"

ISDSC_STATUS ISDSC_API ReportIScsiInitiatorList(PULONG size, TCHAR *buffer)
{
	struct call call;

	call_init(&call, "ReportIScsiInitiatorList");
	listing_names(&call, size, buffer);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API GetIScsiInitiatorNodeName(TCHAR *name)
{
	const char *text;
	struct call call;

	call_init(&call, "GetIScsiInitiatorNodeName");
	args_need(&call, name);
	if (call_run(&call) && call_get(&call, "s", &text))
		FORM(text_put)(text, name, MAX_ISCSI_NAME_LEN + 1);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API SetIScsiInitiatorNodeName(TCHAR *name)
{
	static const TCHAR none[1];
	struct call call;

	call_init(&call, "SetIScsiInitiatorNodeName");
	/* An empty name must not be taken for NULL, which means the default. */
	if (name && !*name)
		call_fail(&call, ISDSC_INVALID_ISCSI_NAME);
	args_node_name(&call, name ? name : none);
	call_run(&call);
	return call_done(&call);
}
