/* function.c - see function.h. */
#include "engine/function.h"

#include "proto/pdu.h"
#include "proto/sn.h"

static const struct function functions[] = { /* TM-1, P2-5 */
	{ PDU_ABORT_TASK, "ABORT TASK", true, false, 0 },
	{ PDU_ABORT_TASK_SET, "ABORT TASK SET", true, true, 0 },
	{ PDU_CLEAR_ACA, "CLEAR ACA", true, false, 0 },
	{ PDU_CLEAR_TASK_SET, "CLEAR TASK SET", true, true, 0 },
	{ PDU_LOGICAL_UNIT_RESET, "LOGICAL UNIT RESET", true, true, 0 },
	{ PDU_TARGET_WARM_RESET, "TARGET WARM RESET", false, true, 0 },
	{ PDU_TARGET_COLD_RESET, "TARGET COLD RESET", false, true, 0 },
	{ PDU_TASK_REASSIGN, "TASK REASSIGN", false, false, 0 },
	{ PDU_QUERY_TASK_SET, "QUERY TASK SET", true, false, 2 },
	{ PDU_I_T_NEXUS_RESET, "I_T NEXUS RESET", false, true, 2 },
	{ PDU_QUERY_ASYNCHRONOUS_EVENT, "QUERY ASYNCHRONOUS EVENT", true, false, 2 },
};

const struct function *function_find(uint8_t function)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (functions[i].function == function)
			return &functions[i];
	return NULL;
}

bool function_covers(const struct function *f, uint64_t lun, uint32_t cmd_sn, const struct task *task)
{
	return f && f->ends_tasks && (!f->one_lun || task->lun == lun) && sn_lt(task->cmd_sn, cmd_sn);
}

bool function_is_done(uint8_t response)
{
	return response == 0 || response == 7;
}
