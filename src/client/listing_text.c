/*
 * listing_text.c - multi-strings. Compiled for each form.
 */
#include "client/listing.h"

/* Goes through the names; with a buffer writes them. Returns the characters of the whole list. */
static size_t names_walk(struct call *call, TCHAR *buffer)
{
	size_t count, used = 0;
	const char *name;

	if (!listing_rewind(call) || !listing_enter(call, "s", &count))
		return 0;
	for (size_t i = 0; i < count && call_get(call, "s", &name); i++) {
		size_t units = FORM(text_units)(name) + 1;

		if (units == 1)
			continue; /* an empty name would end the list */
		if (buffer)
			FORM(text_put)(name, buffer + used, units);
		used += units;
	}
	listing_leave(call);
	/* The empty list is two NULs. */
	for (size_t end = used ? used + 1 : 2; used < end; used++)
		if (buffer)
			FORM(text_put)("", buffer + used, 1);
	return used;
}

#define EMPTY 2 /* characters of a list without a text */

static void names(struct call *call, PULONG size, TCHAR *buffer, bool none_is_success)
{
	ISDSC_STATUS status;
	size_t need;

	args_need(call, size);
	if (!call_run(call))
		return;
	status = call->status;
	need = names_walk(call, NULL);
	if (call->status != status)
		return;
	if (!buffer && none_is_success && need == EMPTY)
		need = 0;
	else if (!buffer || need > *size)
		call->status = ERROR_INSUFFICIENT_BUFFER;
	else
		names_walk(call, buffer);
	*size = (ULONG)need;
}

void listing_names(struct call *call, PULONG size, TCHAR *buffer)
{
	names(call, size, buffer, false);
}

void listing_names_or_none(struct call *call, PULONG size, TCHAR *buffer)
{
	names(call, size, buffer, true);
}
