/* request.c - pings, task management and logout. */
#include "lean.h"

/* False: outside the window, to be ignored. */
static bool request_counts(struct conn *conn, uint32_t cmd_sn)
{
	return pdu_immediate(conn->bhs) || session_take(conn->session, cmd_sn);
}

int request_nop(struct conn *conn)
{
	struct pdu_nop_out nop;
	struct pdu_nop_in answer = { .target_transfer_tag = PDU_NO_TAG };
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t len = (uint32_t)conn->text_len;

	conn->text_len = 0;
	pdu_get_nop_out(conn->bhs, &nop);
	if (nop.initiator_task_tag == PDU_NO_TAG || !request_counts(conn, nop.cmd_sn))
		return 0;
	if (len > LEAN_ECHO_MAX)
		len = LEAN_ECHO_MAX;
	if (len > conn->max_send)
		len = conn->max_send;
	answer.data_len = len;
	answer.lun = nop.lun;
	answer.initiator_task_tag = nop.initiator_task_tag;
	answer.stat_sn = conn->stat_sn++;
	session_window(conn->session, &answer.exp_cmd_sn, &answer.max_cmd_sn);
	pdu_put_nop_in(bhs, &answer);
	return out_put(conn, bhs, conn->text, len, true);
}

int request_task(struct conn *conn)
{
	enum { COMPLETE = 0, NO_TASK = 1, NOT_SUPPORTED = 5 };
	struct pdu_task_request request;
	struct pdu_task_response answer = { .response = COMPLETE };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_get_task_request(conn->bhs, &request);
	if (!request_counts(conn, request.cmd_sn))
		return 0;
	switch (request.function) {
	case PDU_ABORT_TASK:
		if (!command_forget(conn, false, request.referenced_task_tag))
			answer.response = NO_TASK;
		break;
	case PDU_ABORT_TASK_SET:
	case PDU_CLEAR_TASK_SET:
	case PDU_LOGICAL_UNIT_RESET:
	case PDU_TARGET_WARM_RESET:
		command_forget(conn, true, 0);
		break;
	default:
		answer.response = NOT_SUPPORTED;
	}
	answer.initiator_task_tag = request.initiator_task_tag;
	answer.stat_sn = conn->stat_sn++;
	session_window(conn->session, &answer.exp_cmd_sn, &answer.max_cmd_sn);
	pdu_put_task_response(bhs, &answer);
	return out_put(conn, bhs, NULL, 0, true);
}

int request_logout(struct conn *conn)
{
	struct pdu_logout_request request;
	struct pdu_logout_response answer = { .response = 0 };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_get_logout_request(conn->bhs, &request);
	if (!request_counts(conn, request.cmd_sn))
		return 0;
	if (request.reason == PDU_LOGOUT_SESSION) {
		session_close(conn, -1);
		conn->state = CONN_LEAVING;
	} else if (request.cid != conn->cid) {
		session_close(conn, request.cid);
	} else {
		conn->state = CONN_LEAVING;
	}
	answer.initiator_task_tag = request.initiator_task_tag;
	answer.stat_sn = conn->stat_sn++;
	session_window(conn->session, &answer.exp_cmd_sn, &answer.max_cmd_sn);
	pdu_put_logout_response(bhs, &answer);
	return out_put(conn, bhs, NULL, 0, true);
}
