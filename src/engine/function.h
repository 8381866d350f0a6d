/*
 * function.h - the task management functions: what each is called, needs and ends (RFC 7143 sections
 * 4.2.3.2, 11.5.1; RFC 7144 section 6.3). One table, for connections and sessions alike.
 */
#ifndef ISCSIDSC_ENGINE_FUNCTION_H
#define ISCSIDSC_ENGINE_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

struct function {
	uint8_t function;    /* enum pdu_function */
	const char *name;
	bool one_lun;        /* LUN valid (TM-2) */
	bool ends_tasks;     /* those with a lower CmdSN (TM-9) */
	uint8_t level;       /* iSCSIProtocolLevel that it needs (P2-5) */
};

/* NULL for one that is not in the table. */
const struct function *function_find(uint8_t function);
/* Whether one with this LUN and CmdSN ends the task. `f` may be NULL: nothing is known of it, and it
 * ends none. */
bool function_covers(const struct function *f, uint64_t lun, uint32_t cmd_sn, const struct task *task);
/* Whether such a response says that it was done (TM-6, P2-6). */
bool function_is_done(uint8_t response);

#endif
