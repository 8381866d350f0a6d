/*
 * target.c - targets added by hand, and what is known of a target. Compiled for each form.
 */
#include <stddef.h>

#include "bus/interface.h"
#include "client/listing.h"
#include "client/mapping.h"
#include "client/options.h"
#include "client/portal.h"

/* Portals of one target; it bounds what a call sends. */
#define PORTALS_MAX 64

/* Room of a discovery mechanism. */
#define MECHANISM_ROOM 600

/* ---- targets added by hand */

static void group_put(struct call *call, const ISCSI_TARGET_PORTAL_GROUP *group)
{
	const ISCSI_TARGET_PORTAL *portals = group ? group->Portals : NULL;
	ULONG count = group ? group->Count : 0;

	if (count > PORTALS_MAX) {
		call_fail(call, ERROR_INVALID_PARAMETER);
		return;
	}
	if (call->request && !call->status)
		sd_bus_message_open_container(call->request, 'a', BUS_PORTAL);
	for (ULONG i = 0; i < count; i++)
		args_portal(call, &portals[i], true);
	if (call->request && !call->status)
		sd_bus_message_close_container(call->request);
}

ISDSC_STATUS ISDSC_API AddIScsiStaticTarget(TCHAR *target, TCHAR *alias, ISCSI_TARGET_FLAGS flags,
	BOOLEAN persist, PISCSI_TARGET_MAPPING mappings, PISCSI_LOGIN_OPTIONS options,
	PISCSI_TARGET_PORTAL_GROUP group)
{
	struct call call;

	call_init(&call, "AddIScsiStaticTarget");
	args_node_name(&call, target);
	args_text(&call, alias, MAX_ISCSI_ALIAS_LEN + 1, ERROR_INVALID_PARAMETER);
	if (flags & ~(ISCSI_TARGET_FLAGS)(ISCSI_TARGET_FLAG_HIDE_STATIC_TARGET |
					  ISCSI_TARGET_FLAG_MERGE_TARGET_INFORMATION))
		call_fail(&call, ERROR_INVALID_PARAMETER);
	call_put(&call, "ub", flags, persist != 0);
	args_mappings(&call, mappings);
	args_options(&call, options);
	group_put(&call, group);
	call_run(&call);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API RemoveIScsiStaticTarget(TCHAR *target)
{
	struct call call;

	call_init(&call, "RemoveIScsiStaticTarget");
	args_node_name(&call, target);
	call_run(&call);
	return call_done(&call);
}

/* ---- GetIScsiTargetInformation */

static void number_fill(struct call *call, struct pack *pack)
{
	uint32_t number;

	if (call_get(call, "u", &number))
		pack_copy(pack, pack_take(pack, sizeof(number), 1), &number, sizeof(number));
}

static void text_fill(struct call *call, struct pack *pack)
{
	const char *text;

	if (call_get(call, "s", &text))
		FORM(pack_text)(pack, text);
}

/* No text is no byte at all. */
static void name_fill(struct call *call, struct pack *pack)
{
	const char *text;

	if (call_get(call, "s", &text) && *text)
		FORM(pack_text)(pack, text);
}

static void texts_fill(struct call *call, struct pack *pack)
{
	const char *text;
	size_t count;

	if (!listing_enter(call, "s", &count))
		return;
	for (size_t i = 0; i < count && call_get(call, "s", &text); i++)
		FORM(pack_text)(pack, text);
	listing_leave(call);
	/* The empty list is two NULs. */
	FORM(pack_text)(pack, "");
	if (!count)
		FORM(pack_text)(pack, "");
}

static void portal_fill(struct call *call, struct pack *pack)
{
	ISCSI_TARGET_PORTAL record = { .Socket = 0 };

	portal_get(call, &record);
	pack_copy(pack, pack_take(pack, sizeof(record), 1), &record, sizeof(record));
}

static void group_fill(struct call *call, struct pack *pack)
{
	size_t count, at;
	ULONG number;

	if (!listing_enter(call, BUS_PORTAL, &count))
		return;
	at = pack_take(pack, offsetof(ISCSI_TARGET_PORTAL_GROUP, Portals), 4);
	number = (ULONG)count;
	pack_copy(pack, at, &number, sizeof(number));
	for (size_t i = 0; i < count && !call->status; i++)
		portal_fill(call, pack);
	listing_leave(call);
}

static void groups_fill(struct call *call, struct pack *pack)
{
	size_t count;
	ULONG number;

	if (!listing_enter(call, "a" BUS_PORTAL, &count))
		return;
	number = (ULONG)count;
	pack_copy(pack, pack_take(pack, sizeof(number), 1), &number, sizeof(number));
	for (size_t i = 0; i < count && !call->status; i++)
		group_fill(call, pack);
	listing_leave(call);
}

static void mapping_fill(struct call *call, struct pack *pack)
{
	ISCSI_TARGET_MAPPING record = { .LUNCount = 0 };
	size_t at = pack_take(pack, sizeof(record), 1);

	mappings_get(call, pack, &record);
	pack_copy(pack, at, &record, sizeof(record));
}

static void options_fill(struct call *call, struct pack *pack)
{
	ISCSI_LOGIN_OPTIONS record = { 0 };
	size_t at = pack_take(pack, sizeof(record), 1);

	options_get(call, pack, &record);
	pack_copy(pack, at, &record, sizeof(record));
}

/* The reply has them in the order of their numbers. */
static const struct class {
	const char *type;
	void (*fill)(struct call *call, struct pack *pack);
} classes[] = {
	[ProtocolType] = { "u", number_fill },
	[TargetAlias] = { "s", text_fill },
	[DiscoveryMechanisms] = { "as", texts_fill },
	[PortalGroups] = { "aa" BUS_PORTAL, groups_fill },
	[PersistentTargetMappings] = { BUS_MAPPINGS, mapping_fill },
	[InitiatorName] = { "s", name_fill },
	[TargetFlags] = { "u", number_fill },
	[LoginOptions] = { BUS_OPTIONS, options_fill },
};

enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };

static bool class_fill(struct call *call, unsigned class, struct pack *pack)
{
	if (!listing_rewind(call))
		return false;
	for (unsigned i = 0; i < class; i++)
		if (sd_bus_message_skip(call->reply, classes[i].type) < 0) {
			call->status = ISDSC_NON_SPECIFIC_ERROR;
			return false;
		}
	classes[class].fill(call, pack);
	return !call->status;
}

static void class_put(struct call *call, unsigned class, PULONG size, void *buffer)
{
	struct pack measure = { 0 }, pack = { .buffer = buffer };
	size_t room = buffer ? *size : 0;

	if (!class_fill(call, class, &measure))
		return;
	if (measure.used > room)
		call->status = ERROR_INSUFFICIENT_BUFFER;
	else
		class_fill(call, class, &pack);
	/* An empty name has no size; a caller with room may read it all the same. */
	if (!measure.used && room >= sizeof(TCHAR))
		FORM(text_put)("", buffer, 1);
	*size = (ULONG)measure.used;
}

ISDSC_STATUS ISDSC_API GetIScsiTargetInformation(TCHAR *target, TCHAR *mechanism,
	TARGET_INFORMATION_CLASS class, PULONG size, PVOID buffer)
{
	struct call call;

	call_init(&call, "GetIScsiTargetInformation");
	args_need(&call, size);
	if ((unsigned)class >= CLASSES ||
	    (class != DiscoveryMechanisms && (!mechanism || !*mechanism)))
		call_fail(&call, ERROR_INVALID_PARAMETER);
	args_node_name(&call, target);
	args_text(&call, mechanism, MECHANISM_ROOM, ISDSC_DISCOVERY_MECHANISM_NOT_FOUND);
	if (call_run(&call))
		class_put(&call, (unsigned)class, size, buffer);
	return call_done(&call);
}
