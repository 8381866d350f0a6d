/*
 * mappings.c - see mappings.h.
 */
#include "service/mappings.h"

#include <errno.h>
#include <string.h>

#include "iscsierr.h"
#include "scsi/lun.h"
#include "service/svc_session.h"

static bool is_number(uint32_t number)
{
	return number == MAPPING_ANY || number <= MAPPING_NUMBER_MAX;
}

/* No LUN twice, on either side. */
static bool is_new(const struct mappings *mappings, uint32_t at)
{
	const struct mapping_lun *lun = &mappings->lun[at];

	for (uint32_t i = 0; i < at; i++) {
		const struct mapping_lun *other = &mappings->lun[i];

		if (lun_wire(other->target_lun) == lun_wire(lun->target_lun) ||
		    (other->os_lun == lun->os_lun && lun->os_lun != MAPPING_ANY))
			return false;
	}
	return true;
}

uint32_t mappings_check(const struct mappings *mappings)
{
	if (!mappings->present)
		return ERROR_SUCCESS;
	if (!is_number(mappings->os_bus) || !is_number(mappings->os_target))
		return ISDSC_TARGET_MAPPING_OUT_OF_RANGE;
	for (uint32_t i = 0; i < mappings->count; i++) {
		if (!is_number(mappings->lun[i].os_lun))
			return ISDSC_TARGET_MAPPING_OUT_OF_RANGE;
		if (!is_new(mappings, i))
			return ISDSC_INVALID_TARGET_MAPPING;
	}
	return ERROR_SUCCESS;
}

enum { NUMBERS = MAPPING_NUMBER_MAX + 1 };

/* Target numbers by bus. */
struct taken {
	uint8_t bits[NUMBERS][NUMBERS / 8 + 1];
};

/* In one pass: there may be thousands of sessions. */
static void taken_get(const struct service *service, struct taken *ret)
{
	memset(ret, 0, sizeof(*ret));
	list_for_each(it, &service->sessions) {
		const struct svc_session *session = list_entry(it, struct svc_session, link);
		uint8_t target = session->target_number;

		ret->bits[session->bus_number][target / 8] |= (uint8_t)(1u << target % 8);
	}
}

static bool taken_has(const struct taken *taken, uint32_t bus, uint32_t target)
{
	return taken->bits[bus][target / 8] >> target % 8 & 1;
}

/* A free target number on that bus: the one wanted, or the lowest, so that it stays the same over
 * restarts. MAPPING_ANY: none. */
static uint32_t target_pick(const struct taken *taken, uint32_t bus, uint32_t wanted)
{
	uint32_t number = wanted == MAPPING_ANY ? 0 : wanted;

	while (wanted == MAPPING_ANY && number < MAPPING_NUMBER_MAX && taken_has(taken, bus, number))
		number++;
	return taken_has(taken, bus, number) ? MAPPING_ANY : number;
}

uint32_t mappings_place(const struct service *service, const struct mappings *mappings,
			uint8_t *ret_bus, uint8_t *ret_target)
{
	uint32_t wanted_bus = mappings->present ? mappings->os_bus : MAPPING_ANY;
	uint32_t wanted = mappings->present ? mappings->os_target : MAPPING_ANY;
	uint32_t bus = wanted_bus == MAPPING_ANY ? 0 : wanted_bus, target;
	struct taken taken;

	taken_get(service, &taken);
	target = target_pick(&taken, bus, wanted);
	while (wanted_bus == MAPPING_ANY && target == MAPPING_ANY && bus < MAPPING_NUMBER_MAX)
		target = target_pick(&taken, ++bus, wanted);
	if (target == MAPPING_ANY)
		return wanted == MAPPING_ANY ? ISDSC_TARGET_MAPPING_UNAVAILABLE
					     : ISDSC_TARGET_MAPPING_EXISTS;
	*ret_bus = (uint8_t)bus;
	*ret_target = (uint8_t)target;
	return ERROR_SUCCESS;
}

int mappings_copy(const struct mappings *mappings, struct mappings *ret)
{
	struct mappings copy = *mappings;

	copy.lun = NULL;
	if (mappings->count) {
		copy.lun = calloc(mappings->count, sizeof(*copy.lun));
		if (!copy.lun)
			return -ENOMEM;
		memcpy(copy.lun, mappings->lun, mappings->count * sizeof(*copy.lun));
	}
	*ret = copy;
	return 0;
}

bool mappings_show(const struct mappings *mappings, uint64_t lun, uint32_t *ret_os_lun)
{
	*ret_os_lun = MAPPING_ANY;
	if (!mappings->count)
		return true;
	for (uint32_t i = 0; i < mappings->count; i++)
		if (lun_wire(mappings->lun[i].target_lun) == lun) {
			*ret_os_lun = mappings->lun[i].os_lun;
			return true;
		}
	return false;
}

bool mappings_reserve(const struct mappings *mappings, uint32_t os_lun)
{
	for (uint32_t i = 0; i < mappings->count; i++)
		if (mappings->lun[i].os_lun == os_lun)
			return true;
	return false;
}
