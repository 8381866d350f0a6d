/* engine_fake_pair.c - see engine_fake_pair.h. */
#include "engine_fake_pair.h"

#include <stdio.h>

static size_t put_keys(char *text, size_t room, const struct pair_terms *terms)
{
	int n = snprintf(text, room, "HeaderDigest=None%cDataDigest=None%cMaxRecvDataSegmentLength=8192%c"
		"MaxConnections=4%cInitialR2T=Yes%cImmediateData=No%cMaxBurstLength=65536%c"
		"FirstBurstLength=Irrelevant%cDefaultTime2Wait=2%cDefaultTime2Retain=20%c"
		"MaxOutstandingR2T=1%cDataPDUInOrder=Yes%cDataSequenceInOrder=Yes%cErrorRecoveryLevel=%u%c",
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		terms->level, 0);

	if (terms->reporting)
		n += snprintf(text + n, room - (size_t)n, "TaskReporting=%s%c", terms->reporting, 0);
	if (terms->protocol_level)
		n += snprintf(text + n, room - (size_t)n, "iSCSIProtocolLevel=%u%c",
			      terms->protocol_level, 0);
	return (size_t)n;
}

static void configure(struct fake_setup *setup, const struct pair_terms *terms)
{
	struct session_times *times = &setup->config.times;

	fake_setup_init(setup);
	*times = terms->times;
	times->login = times->login ? times->login : 15000;
	times->logout = times->logout ? times->logout : 3000;
	times->hold = times->hold ? times->hold : 60000;
	times->retry = 2000;
	setup->config.ordering = terms->ordering;
	setup->config.one_holder = terms->one_holder;
	setup->config.offer.initial_r2t = true;
	setup->config.offer.immediate_data = false;
	setup->config.offer.max_connections = 4;
	setup->config.offer.error_recovery_level = (uint8_t)terms->level;
	setup->config.offer.max_outstanding_r2t = 1;
	setup->config.offer.task_reporting = terms->reporting;
	setup->config.offer.protocol_level = (uint8_t)terms->protocol_level;
}

void pair_begin(struct pair *p, const struct pair_terms *terms)
{
	struct fake_setup setup;
	char keys[1024];
	size_t len = put_keys(keys, sizeof(keys), terms);

	memset(p, 0, sizeof(*p));
	configure(&setup, terms);
	fake_begin(&p->fake, &setup);
	p->c[0] = fake_login(&p->fake, &setup.options, keys, len);
	setup.options.id = 2;
	if (terms->conns == 2)
		p->c[1] = fake_login(&p->fake, &setup.options, NULL, 0);
	p->fake.events = 0;
}

void pair_end(struct pair *p)
{
	fake_end(&p->fake);
	for (unsigned i = 0; i < p->tasks; i++)
		fake_task_free(p->task[i]);
}

struct task *pair_keep(struct pair *p, struct task *task)
{
	assert_true(p->tasks < PAIR_TASKS);
	p->task[p->tasks++] = task;
	return task;
}

struct task *pair_send(struct pair *p, unsigned at, uint64_t lun, uint8_t bhs[PDU_BHS_LEN])
{
	struct task *task = pair_keep(p, fake_read(512));
	uint8_t header[PDU_BHS_LEN];

	task->lun = lun;
	fake_submit(p->c[at], task);
	fake_take(p->c[at], PDU_SCSI_COMMAND, bhs ? bhs : header, NULL, 0);
	return task;
}

void pair_give(struct pair *p, unsigned at, uint8_t bhs[PDU_BHS_LEN], bool advance)
{
	fake_numbers(p->c[at], bhs, advance);
	fake_give_pdu(p->c[at], bhs, NULL, 0);
}

void pair_acknowledge(struct pair *p, unsigned at, uint32_t exp_cmd_sn)
{
	uint8_t bhs[PDU_BHS_LEN];

	p->fake.exp_cmd_sn = exp_cmd_sn;
	p->fake.max_cmd_sn = exp_cmd_sn + 31;
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = PDU_NO_TAG });
	pair_give(p, at, bhs, false);
}

void pair_answer(struct pair *p, unsigned at, const struct task *task)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_scsi_response(bhs, &(struct pdu_scsi_response){ .underflow = task->in_len,
		.residual_count = task->in_len, .initiator_task_tag = task->itt });
	pair_give(p, at, bhs, true);
}

struct pdu_task_request pair_take_function(struct pair *p, unsigned at)
{
	struct pdu_task_request pdu;
	uint8_t bhs[PDU_BHS_LEN];

	assert_int_equal(fake_take(p->c[at], PDU_TASK_REQUEST, bhs, NULL, 0), 0);
	pdu_get_task_request(bhs, &pdu);
	assert_true(pdu.immediate);
	return pdu;
}

void pair_answer_function(struct pair *p, unsigned at, uint32_t itt, uint8_t response)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_task_response(bhs, &(struct pdu_task_response){ .response = response,
		.initiator_task_tag = itt });
	pair_give(p, at, bhs, true);
}

struct pdu_nop_out pair_take_nop(struct pair *p, unsigned at)
{
	struct pdu_nop_out pdu;
	uint8_t bhs[PDU_BHS_LEN];

	fake_take(p->c[at], PDU_NOP_OUT, bhs, NULL, 0);
	pdu_get_nop_out(bhs, &pdu);
	return pdu;
}

void pair_echo(struct pair *p, unsigned at, uint32_t itt)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = itt,
		.target_transfer_tag = PDU_NO_TAG });
	pair_give(p, at, bhs, true);
}

struct pdu_logout_request pair_take_logout(struct pair *p, unsigned at)
{
	struct pdu_logout_request pdu;
	uint8_t bhs[PDU_BHS_LEN];

	fake_take(p->c[at], PDU_LOGOUT_REQUEST, bhs, NULL, 0);
	pdu_get_logout_request(bhs, &pdu);
	assert_true(pdu.immediate); /* TRAP-6 */
	return pdu;
}

void pair_answer_logout(struct pair *p, unsigned at, uint32_t itt, uint8_t response)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_logout_response(bhs, &(struct pdu_logout_response){ .response = response,
		.initiator_task_tag = itt });
	pair_give(p, at, bhs, true);
}

void pair_reject(struct pair *p, unsigned at, const uint8_t request[PDU_BHS_LEN], uint8_t reason)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_reject(bhs, &(struct pdu_reject){ .reason = reason, .initiator_task_tag = PDU_NO_TAG });
	fake_numbers(p->c[at], bhs, true);
	fake_give_pdu(p->c[at], bhs, request, PDU_BHS_LEN);
}

struct task *pair_last(struct pair *p, unsigned at)
{
	assert_true(p->c[at]->done_count > 0);
	return p->c[at]->done[p->c[at]->done_count - 1];
}
