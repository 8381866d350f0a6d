/*
 * listing.c - records of either protocol: count, measure, compare, fill.
 */
#include "client/listing.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool reply_good(struct call *call, int r)
{
	if (r >= 0)
		return true;
	call->status = ISDSC_NON_SPECIFIC_ERROR;
	return false;
}

bool listing_enter(struct call *call, const char *element, size_t *ret_count)
{
	size_t count = 0;
	int r;

	/* Entering gives 0 for another type. */
	if (sd_bus_message_enter_container(call->reply, 'a', element) <= 0)
		return reply_good(call, -1);
	while ((r = sd_bus_message_at_end(call->reply, 0)) == 0) {
		if (!reply_good(call, sd_bus_message_skip(call->reply, element)))
			return false;
		count++;
	}
	*ret_count = count;
	return reply_good(call, r) && reply_good(call, sd_bus_message_rewind(call->reply, 0));
}

void listing_leave(struct call *call)
{
	reply_good(call, sd_bus_message_exit_container(call->reply));
}

bool listing_open(struct call *call)
{
	int r = sd_bus_message_enter_container(call->reply, 'r', NULL);

	return reply_good(call, r > 0 ? 0 : -1);
}

void listing_close(struct call *call)
{
	reply_good(call, sd_bus_message_exit_container(call->reply));
}

bool listing_rewind(struct call *call)
{
	return reply_good(call, sd_bus_message_rewind(call->reply, 1)) &&
	       reply_good(call, sd_bus_message_skip(call->reply, "u"));
}

static bool status_good(const struct call *call)
{
	return call->status == 0 || call->status >> 16 == 0xafff;
}

/* Lays all records out in the pack, from its start. True when the reply was good to its end. */
static bool records_fill(struct call *call, const struct listing *listing, struct pack *pack,
			 size_t *ret_count)
{
	void *record = malloc(listing->record);
	size_t count = 0;

	if (!record) {
		call->status = ERROR_NOT_ENOUGH_MEMORY;
		return false;
	}
	if (!listing_rewind(call) || !listing_enter(call, listing->element, &count))
		goto end;
	pack_take(pack, count * listing->record, 1);
	for (size_t i = 0; i < count && status_good(call); i++) {
		memset(record, 0, listing->record);
		listing->fill(call, pack, record);
		pack_copy(pack, i * listing->record, record, listing->record);
	}
	listing_leave(call);
end:
	free(record);
	*ret_count = count;
	return status_good(call);
}

/*
 * Measures, then fills where `room` bytes are enough. False, with the status set, where they are
 * not; the outputs hold the need all the same, unless the reply was bad.
 */
static bool records_put(struct call *call, const struct listing *listing, void *buffer, size_t room,
			size_t *ret_used, size_t *ret_count)
{
	struct pack measure = { 0 }, pack = { .buffer = buffer };
	bool fits;

	if (!records_fill(call, listing, &measure, ret_count))
		return false;
	*ret_used = measure.used;
	fits = measure.used <= room && measure.used <= UINT32_MAX;
	if (!fits)
		call->status = ERROR_INSUFFICIENT_BUFFER;
	return fits && (!buffer || records_fill(call, listing, &pack, ret_count));
}

void listing_bytes(struct call *call, const struct listing *listing, PULONG size, PULONG count,
		   void *buffer)
{
	size_t used = 0, number = 0;
	bool fits;

	args_need(call, size);
	args_need(call, count);
	if (!call_run(call))
		return;
	fits = records_put(call, listing, buffer, buffer ? *size : 0, &used, &number);
	if (!fits && call->status != ERROR_INSUFFICIENT_BUFFER)
		return;
	*size = (ULONG)used;
	*count = (ULONG)number;
}

void listing_counted(struct call *call, const struct listing *listing, PULONG count, void *buffer)
{
	size_t used = 0, number = 0;
	bool fits;

	args_need(call, count);
	if (!call_run(call))
		return;
	fits = records_put(call, listing, buffer, buffer ? *count * listing->record : 0, &used,
			   &number);
	if (!fits && call->status != ERROR_INSUFFICIENT_BUFFER)
		return;
	*count = (ULONG)number;
}
