/*
 * mapping.h - target mappings: from the caller, and for him. Compiled for each form.
 */
#ifndef ISCSIDSC_CLIENT_MAPPING_H
#define ISCSIDSC_CLIENT_MAPPING_H

#include "client/args.h"
#include "client/pack.h"

/* A mapping of the caller's, NULL for none. Its names don't count. Too many LUNs:
 * ISDSC_INVALID_TARGET_MAPPING. */
#define args_mappings FORM(args_mappings)
void args_mappings(struct call *call, const ISCSI_TARGET_MAPPING *mapping);

/* Reads BUS_MAPPINGS; the LUNs go into the pack. True if there is one, else only bus and target are
 * set, to any. */
#define mappings_get FORM(mappings_get)
bool mappings_get(struct call *call, struct pack *pack, ISCSI_TARGET_MAPPING *record);

/* Reads the array of LUNs at which the reply stands. */
#define mapping_luns_get FORM(mapping_luns_get)
void mapping_luns_get(struct call *call, struct pack *pack, ISCSI_TARGET_MAPPING *record);

#endif
