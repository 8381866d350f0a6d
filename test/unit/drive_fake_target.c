/*
 * drive_fake_target.c - see drive_fake_target.h.
 */
#include "drive_fake_target.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "drive_fake_stage.h"
#include "proto/pdu.h"

static void give(struct target_conn *c, uint8_t bhs[PDU_BHS_LEN], const char *text, uint32_t len)
{
	uint8_t pdu[1024] = { 0 };

	bytes_put24(bhs + 5, len);
	memcpy(pdu, bhs, PDU_BHS_LEN);
	if (len)
		memcpy(pdu + PDU_BHS_LEN, text, len);
	send(c->fd, pdu, PDU_BHS_LEN + len + pdu_pad(len), MSG_NOSIGNAL);
}

static uint32_t max_cmd_sn(const struct target *t)
{
	return t->exp_cmd_sn - 1 + (t->window ? t->window - t->tasks : 64);
}

/* StatSN, ExpCmdSN and MaxCmdSN are at the same place in all of them. */
static void give_numbered(struct target *t, struct target_conn *c, uint8_t bhs[PDU_BHS_LEN],
			  bool advance)
{
	bytes_put32(bhs + 24, c->stat_sn);
	bytes_put32(bhs + 28, t->exp_cmd_sn);
	bytes_put32(bhs + 32, max_cmd_sn(t));
	c->stat_sn += advance;
	give(c, bhs, NULL, 0);
}

static void on_login(struct target *t, struct target_conn *c, const uint8_t *bhs)
{
	static const char first[] = "TargetPortalGroupTag=1\0AuthMethod=None";
	static const char added[] = "HeaderDigest=None\0DataDigest=None";
	char leading[512];
	struct pdu_login_request pdu;
	struct pdu_login_response answer;
	const char *text = first;
	uint32_t len = sizeof(first);
	uint8_t out[PDU_BHS_LEN];

	pdu_get_login_request(bhs, &pdu);
	answer = (struct pdu_login_response){ .transit = true, .csg = pdu.csg, .nsg = pdu.nsg,
		.tsih = pdu.csg ? 77 : pdu.tsih, .initiator_task_tag = pdu.initiator_task_tag };
	memcpy(answer.isid, pdu.isid, sizeof(answer.isid));
	if (!pdu.tsih) {
		t->exp_cmd_sn = pdu.cmd_sn;
		t->seen = 0;
		t->tasks = 0; /* the reinstatement ends them */
	}
	if (pdu.csg && pdu.tsih) {
		text = added;
		len = sizeof(added);
	} else if (pdu.csg) {
		static const char keys[] = "HeaderDigest=None\0DataDigest=None\0"
			"MaxRecvDataSegmentLength=8192\0MaxConnections=8\0InitialR2T=Yes\0"
			"ImmediateData=Yes\0MaxBurstLength=65536\0FirstBurstLength=16384\0"
			"DefaultTime2Wait=2\0DefaultTime2Retain=20\0MaxOutstandingR2T=1\0"
			"DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0ErrorRecoveryLevel=";

		memcpy(leading, keys, sizeof(keys));
		len = (uint32_t)(sizeof(keys) + (size_t)snprintf(leading + sizeof(keys) - 1, 8, "%u",
								 t->level));
		text = leading;
	}
	pdu_put_login_response(out, &answer);
	bytes_put32(out + 24, c->stat_sn++);
	bytes_put32(out + 28, t->exp_cmd_sn);
	bytes_put32(out + 32, max_cmd_sn(t));
	give(c, out, text, len);
	c->cid = pdu.cid;
	c->up = pdu.csg != 0;
}

static void give_status(struct target *t, struct target_conn *c, uint32_t itt)
{
	uint8_t out[PDU_BHS_LEN];

	pdu_put_scsi_response(out, &(struct pdu_scsi_response){ .initiator_task_tag = itt });
	give_numbered(t, c, out, true);
}

static void on_command(struct target *t, struct target_conn *c, const uint8_t *bhs)
{
	uint32_t ahead = bytes_get32(bhs + 24) - t->exp_cmd_sn, itt = bytes_get32(bhs + 16);

	if (ahead < 64)
		t->seen |= UINT64_C(1) << ahead;
	for (; t->seen & 1; t->seen >>= 1)
		t->exp_cmd_sn++;
	c->commands++;
	if (!t->hold) {
		give_status(t, c, itt);
		return;
	}
	t->task[t->tasks++] = (struct target_task){ itt, (int)(c - t->conn) };
	t->held++;
}

static void forget_task(struct target *t, unsigned i)
{
	t->task[i] = t->task[--t->tasks];
}

static void on_management(struct target *t, struct target_conn *c, const uint8_t *bhs)
{
	struct pdu_task_request pdu;
	uint8_t out[PDU_BHS_LEN], response = 0;

	pdu_get_task_request(bhs, &pdu);
	if (pdu.function == PDU_LOGICAL_UNIT_RESET)
		t->tasks = 0;
	for (unsigned i = 0; pdu.function == PDU_TASK_REASSIGN && i <= t->tasks; i++) {
		response = i == t->tasks;
		if (i < t->tasks && t->task[i].itt == pdu.referenced_task_tag && t->task[i].conn < 0) {
			forget_task(t, i);
			break;
		}
	}
	pdu_put_task_response(out, &(struct pdu_task_response){ .response = response,
		.initiator_task_tag = pdu.initiator_task_tag });
	give_numbered(t, c, out, true);
	if (pdu.function == PDU_TASK_REASSIGN && !response) {
		t->reassigned++;
		give_status(t, c, pdu.referenced_task_tag);
	}
}

/* Tasks of the connection that is logged out are suspended for reason 2, else they end. */
static void on_logout(struct target *t, struct target_conn *c, const uint8_t *bhs)
{
	struct pdu_logout_request pdu;
	uint8_t out[PDU_BHS_LEN];

	pdu_get_logout_request(bhs, &pdu);
	for (unsigned i = 0; i < t->tasks; i++) {
		if (t->task[i].conn < 0 || t->conn[t->task[i].conn].cid != pdu.cid)
			continue;
		if (pdu.reason == PDU_LOGOUT_RECOVERY)
			t->task[i].conn = -1;
		else
			forget_task(t, i--);
	}
	t->cleaned += pdu.reason != PDU_LOGOUT_SESSION && pdu.cid != c->cid;
	pdu_put_logout_response(out, &(struct pdu_logout_response){
		.initiator_task_tag = pdu.initiator_task_tag });
	give_numbered(t, c, out, true);
}

static void on_pong(struct target *t)
{
	t->pinged = false;
	t->asyncs -= 20;
}

static void on_pdu(struct target *t, struct target_conn *c, const uint8_t *bhs)
{
	uint8_t out[PDU_BHS_LEN];

	switch (pdu_opcode(bhs)) {
	case PDU_LOGIN_REQUEST:
		on_login(t, c, bhs);
		break;
	case PDU_SCSI_COMMAND:
		on_command(t, c, bhs);
		break;
	case PDU_TASK_REQUEST:
		on_management(t, c, bhs);
		break;
	case PDU_LOGOUT_REQUEST:
		on_logout(t, c, bhs);
		break;
	case PDU_NOP_OUT:
		if (bytes_get32(bhs + 16) == PDU_NO_TAG) {
			on_pong(t);
			break;
		}
		pdu_put_nop_in(out, &(struct pdu_nop_in){ .target_transfer_tag = PDU_NO_TAG,
			.initiator_task_tag = bytes_get32(bhs + 16) });
		give_numbered(t, c, out, true);
		break;
	default:
		break;
	}
}

static void target_close(struct target_conn *c, bool reset)
{
	struct linger linger = { .l_onoff = 1 };

	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(c->fd);
	c->fd = -1;
	c->up = false;
}

static void serve(struct target *t, struct target_conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
	size_t at = 0, whole;

	if (n <= 0) {
		target_close(c, false);
		return;
	}
	c->in_len += (size_t)n;
	while (c->fd >= 0 && c->in_len - at >= PDU_BHS_LEN) {
		uint32_t len = pdu_data_len(c->in + at);

		whole = PDU_BHS_LEN + len + pdu_pad(len);
		if (c->in_len - at < whole)
			break;
		on_pdu(t, c, c->in + at);
		at += whole;
	}
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
}

static void answer_held(struct target *t)
{
	while (!t->hold && t->tasks) {
		struct target_task task = t->task[0];

		if (task.conn >= 0 && t->conn[task.conn].fd >= 0)
			give_status(t, &t->conn[task.conn], task.itt);
		forget_task(t, 0);
	}
}

/* A batch of them, and a ping: the next one leaves when that was answered. */
static void give_asyncs(struct target *t)
{
	uint8_t bhs[PDU_BHS_LEN];

	if (!t->asyncs || t->pinged)
		return;
	for (unsigned i = 0; i < 20; i++) {
		pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG });
		give_numbered(t, &t->conn[0], bhs, true);
	}
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = 1 });
	give_numbered(t, &t->conn[0], bhs, false);
	t->pinged = true;
}

static void obey(struct target *t)
{
	int cut = t->cut;

	give_asyncs(t);
	if (cut >= 0) {
		target_close(&t->conn[cut], true);
		t->cut = -1;
	}
	answer_held(t);
}

static void *run(void *arg)
{
	struct target *t = arg;

	while (!t->stop) {
		struct pollfd fds[TARGET_CONNS + 1] = { { .fd = t->listening, .events = POLLIN } };
		unsigned n = t->conns;

		for (unsigned i = 0; i < n; i++)
			fds[i + 1] = (struct pollfd){ .fd = t->mute == (int)i ? -1 : t->conn[i].fd,
						      .events = POLLIN };
		poll(fds, n + 1, 5);
		obey(t);
		for (unsigned i = 0; i < n; i++)
			if (fds[i + 1].revents && t->conn[i].fd >= 0 && t->mute != (int)i)
				serve(t, &t->conn[i]);
		if ((fds[0].revents & POLLIN) && n < TARGET_CONNS) {
			t->conn[n].stat_sn = 1;
			t->conn[n].fd = accept4(t->listening, NULL, NULL, SOCK_CLOEXEC);
			t->conns++;
		}
	}
	for (unsigned i = 0; i < t->conns; i++)
		if (t->conn[i].fd >= 0)
			target_close(&t->conn[i], false);
	return NULL;
}

void target_start(struct target *t, unsigned level)
{
	memset(t, 0, sizeof(*t));
	t->level = level;
	t->mute = t->cut = -1;
	t->listening = listener(&t->port);
	assert_int_equal(pthread_create(&t->thread, NULL, run, t), 0);
}

void target_stop(struct target *t)
{
	t->stop = true;
	pthread_join(t->thread, NULL);
	close(t->listening);
}
