/*
 * protection.h - how connections are protected by IPsec, in listings of connections.
 */
#ifndef ISCSIDSC_CLI_PROTECTION_H
#define ISCSIDSC_CLI_PROTECTION_H

#include "cli/print.h"

#include <iscsidsc.h>
#include <iscsidsc_ext.h>

struct protections {
	void *list;  /* owned */
	ULONG count;
};

/* What there is; nothing if it can't be had. Free it with protections_done. */
void protections_fetch(struct protections *ret);
void protections_done(struct protections *protections);
/* A line that begins with the label, or a member "ipsec" of the JSON object; nothing for a connection
 * that is not protected. */
void protections_print(const struct protections *protections, const ISCSI_UNIQUE_CONNECTION_ID *id,
		       const char *label);
void protections_json(struct json_object *json, const struct protections *protections,
		      const ISCSI_UNIQUE_CONNECTION_ID *id);

#endif
