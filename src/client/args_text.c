/*
 * args_text.c - arguments that hold text: instance, node name, portal. Compiled for each form.
 */
#include "client/args.h"

#include <errno.h>
#include <string.h>

#define ARGS_TEXT_ROOM 1024

/* UTF-8 of a caller's text, "" for NULL. Returns 0, or the status of what is wrong with it. */
static ISDSC_STATUS text_take(const TCHAR *text, size_t limit, char *to, size_t room,
			      ISDSC_STATUS too_long)
{
	to[0] = '\0';
	switch (text ? FORM(text_get)(text, limit, to, room) : 0) {
	case -EILSEQ:
		return ERROR_NO_UNICODE_TRANSLATION;
	case -EINVAL:
	case -ENAMETOOLONG:
		return too_long;
	default:
		return 0;
	}
}

void args_instance(struct call *call, const TCHAR *instance)
{
	char text[MAX_ISCSI_HBANAME_LEN];
	ISDSC_STATUS status =
		text_take(instance, sizeof(text), text, sizeof(text), ERROR_INVALID_PARAMETER);

	if (status)
		call_fail(call, status);
	call_put(call, "s", text);
}

void args_text(struct call *call, const TCHAR *text, size_t limit, ISDSC_STATUS too_long)
{
	char utf8[ARGS_TEXT_ROOM];
	ISDSC_STATUS status =
		text_take(text, limit, utf8, limit < sizeof(utf8) ? limit : sizeof(utf8), too_long);

	if (status)
		call_fail(call, status);
	call_put(call, "s", utf8);
}

void args_node_name(struct call *call, const TCHAR *name)
{
	char text[MAX_ISCSI_NAME_LEN + 1];
	ISDSC_STATUS status =
		text_take(name, sizeof(text), text, sizeof(text), ISDSC_INVALID_ISCSI_NAME);

	args_need(call, name);
	if (status)
		call_fail(call, status);
	call_put(call, "s", text);
}

void args_portal(struct call *call, const ISCSI_TARGET_PORTAL *portal, bool required)
{
	char symbolic[MAX_ISCSI_PORTAL_NAME_LEN] = "", address[MAX_ISCSI_PORTAL_ADDRESS_LEN] = "";
	const ISDSC_STATUS bad = ERROR_INVALID_PARAMETER;
	ISDSC_STATUS status;

	if (required)
		args_need(call, portal);
	if (portal) {
		status = text_take(portal->SymbolicName, MAX_ISCSI_PORTAL_NAME_LEN, symbolic,
				   sizeof(symbolic), bad);
		if (!status)
			status = text_take(portal->Address, MAX_ISCSI_PORTAL_ADDRESS_LEN, address,
					   sizeof(address), bad);
		if (!status && (!address[0] || portal->Socket == 0))
			status = bad;
		if (status)
			call_fail(call, status);
	}
	call_put(call, "(bssq)", portal != NULL, symbolic, address, portal ? portal->Socket : 0);
}
