/*
 * mapping.c - see mapping.h, and the list of the mappings in use. Compiled for each form.
 */
#include "client/mapping.h"

#include "bus/interface.h"
#include "client/listing.h"

/* LUNs of one mapping; it bounds what a call sends. */
#define LUNS_MAX 256

#define NUMBER_ANY 0xffffffffu

void args_mappings(struct call *call, const ISCSI_TARGET_MAPPING *mapping)
{
	ULONG count = mapping ? mapping->LUNCount : 0;

	if (count > LUNS_MAX)
		call_fail(call, ISDSC_INVALID_TARGET_MAPPING);
	else if (count && !mapping->LUNList)
		call_fail(call, ERROR_INVALID_PARAMETER);
	if (call->request && !call->status)
		sd_bus_message_open_container(call->request, 'r', "buua(tu)");
	call_put(call, "buu", mapping != NULL, mapping ? mapping->OSBusNumber : NUMBER_ANY,
		 mapping ? mapping->OSTargetNumber : NUMBER_ANY);
	if (!call->request || call->status)
		return;
	sd_bus_message_open_container(call->request, 'a', "(tu)");
	for (ULONG i = 0; i < count; i++)
		call_put(call, "(tu)", (uint64_t)mapping->LUNList[i].TargetLUN,
			 mapping->LUNList[i].OSLUN);
	sd_bus_message_close_container(call->request);
	sd_bus_message_close_container(call->request);
}

void mapping_luns_get(struct call *call, struct pack *pack, ISCSI_TARGET_MAPPING *record)
{
	size_t count, first;

	if (!listing_enter(call, "(tu)", &count))
		return;
	first = count ? pack_take(pack, count * sizeof(*record->LUNList), 8) : 0;
	for (size_t i = 0; i < count; i++) {
		SCSI_LUN_LIST pair = { 0 };
		uint64_t lun;

		if (!call_get(call, "(tu)", &lun, &pair.OSLUN))
			return;
		pair.TargetLUN = lun;
		pack_copy(pack, first + i * sizeof(pair), &pair, sizeof(pair));
	}
	listing_leave(call);
	record->LUNCount = (ULONG)count;
	record->LUNList = count ? pack_at(pack, first) : NULL;
}

bool mappings_get(struct call *call, struct pack *pack, ISCSI_TARGET_MAPPING *record)
{
	int present;

	if (!listing_open(call) ||
	    !call_get(call, "buu", &present, &record->OSBusNumber, &record->OSTargetNumber))
		return false;
	mapping_luns_get(call, pack, record);
	listing_close(call);
	if (!present)
		record->OSBusNumber = record->OSTargetNumber = NUMBER_ANY;
	return present;
}

static void active_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_TARGET_MAPPING *record = to;
	const char *instance, *target, *folder;

	if (!listing_open(call) ||
	    !call_get(call, "sss" BUS_ID "uu", &instance, &target, &folder,
		      &record->SessionId.AdapterUnique, &record->SessionId.AdapterSpecific,
		      &record->OSBusNumber, &record->OSTargetNumber))
		return;
	FORM(text_put)(instance, record->InitiatorName, MAX_ISCSI_HBANAME_LEN);
	FORM(text_put)(target, record->TargetName, MAX_ISCSI_NAME_LEN + 1);
	FORM(text_put)(folder, record->OSDeviceName, MAX_PATH);
	mapping_luns_get(call, pack, record);
	listing_close(call);
}

ISDSC_STATUS ISDSC_API ReportActiveIScsiTargetMappings(PULONG size, PULONG count,
	PISCSI_TARGET_MAPPING mappings)
{
	static const struct listing listing = {
		.element = BUS_ACTIVE_MAPPING, .record = sizeof(*mappings), .fill = active_fill
	};
	struct call call;

	call_init(&call, "ReportActiveIScsiTargetMappings");
	listing_bytes(&call, &listing, size, count, mappings);
	return call_done(&call);
}
