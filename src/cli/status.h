/*
 * status.h - the message texts of status codes. The words are ours; they keep those that scripts
 * look for: the text of 0 begins "The operation completed successfully.", 0xEFFF003F matches
 * "already.+logged", and each failure has one of failed, cannot, invalid, not found.
 */
#ifndef ISCSIDSC_CLI_STATUS_H
#define ISCSIDSC_CLI_STATUS_H

#include <iscsidsc.h>

#include <stddef.h>

struct status_text {
	ISDSC_STATUS status;
	const char *name; /* the macro's name */
	const char *text;
};

extern const struct status_text status_table[];
extern const size_t status_count;

/* The row of a status, NULL for one without a text. */
const struct status_text *status_find(ISDSC_STATUS status);

#endif
