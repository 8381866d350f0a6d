/*
 * portal.c - see portal.h.
 */
#include "client/portal.h"

#include "bus/interface.h"

void portal_get(struct call *call, ISCSI_TARGET_PORTAL *record)
{
	const char *symbolic, *address;
	uint16_t socket;
	int present;

	if (!call_get(call, BUS_PORTAL, &present, &symbolic, &address, &socket))
		return;
	FORM(text_put)(symbolic, record->SymbolicName, MAX_ISCSI_PORTAL_NAME_LEN);
	FORM(text_put)(address, record->Address, MAX_ISCSI_PORTAL_ADDRESS_LEN);
	record->Socket = socket;
}
