/*
 * mappings.h - which bus, target and LUN numbers a session's units have at the API: those that the
 * caller's mappings ask for, else the lowest that are free.
 *
 * Mappings that name LUNs are the whole of what is shown: a LUN left out gets no number and no disk
 * (Microsoft's driver header says so; its page says the opposite). Without any LUN they choose bus
 * and target alone.
 */
#ifndef ISCSIDSC_SERVICE_MAPPINGS_H
#define ISCSIDSC_SERVICE_MAPPINGS_H

#include "service/inside.h"

enum { MAPPING_NUMBER_MAX = 254 }; /* of bus, target, OS LUN */

#define MAPPING_ANY UINT32_MAX

/* Whether they make sense at all; returns an ISDSC status. */
uint32_t mappings_check(const struct mappings *mappings);
/* Bus and target for a new session. Returns an ISDSC status. */
uint32_t mappings_place(const struct service *service, const struct mappings *mappings,
			uint8_t *ret_bus, uint8_t *ret_target);
int mappings_copy(const struct mappings *mappings, struct mappings *ret);
/* Whether a LUN (in wire form) is shown, and the number that was asked for it or MAPPING_ANY. */
bool mappings_show(const struct mappings *mappings, uint64_t lun, uint32_t *ret_os_lun);
/* Whether that OS LUN was asked for some LUN. */
bool mappings_reserve(const struct mappings *mappings, uint32_t os_lun);

#endif
