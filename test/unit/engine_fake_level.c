/* engine_fake_level.c - see engine_fake_level.h. */
#include "engine_fake_level.h"

#include <stdio.h>
#include <stdlib.h>

struct fake_conn *level_newest(struct level *b)
{
	return &b->fake.conn[b->fake.conns - 1];
}

/* The target answers with this level. */
static size_t leading_keys(char *ret, size_t size, unsigned level)
{
	static const char keys[] = "HeaderDigest=None\0DataDigest=None\0"
		"MaxRecvDataSegmentLength=8192\0MaxConnections=4\0InitialR2T=No\0ImmediateData=Yes\0"
		"MaxBurstLength=65536\0FirstBurstLength=16384\0DefaultTime2Wait=2\0"
		"DefaultTime2Retain=20\0MaxOutstandingR2T=1\0DataPDUInOrder=Yes\0"
		"DataSequenceInOrder=Yes\0ErrorRecoveryLevel=";

	memcpy(ret, keys, sizeof(keys));
	return sizeof(keys) + (size_t)snprintf(ret + sizeof(keys) - 1, size - sizeof(keys), "%u", level);
}

static void begin(struct level *b, unsigned level, unsigned conns, uint32_t rest, uint32_t hold,
		  bool apart)
{
	char keys[512];
	size_t len = leading_keys(keys, sizeof(keys), level);

	memset(b, 0, sizeof(*b));
	fake_setup_init(&b->setup);
	b->setup.config.offer.max_connections = 4;
	b->setup.config.offer.error_recovery_level = 2;
	b->setup.config.offer.max_outstanding_r2t = 1;
	b->setup.config.rest = rest;
	b->setup.config.times.hold = hold;
	b->setup.config.times.ping_idle = 600000;
	fake_begin(&b->fake, &b->setup);
	b->a = fake_login(&b->fake, &b->setup.options, keys, len);
	for (unsigned i = 1; i < conns; i++) {
		b->setup.options.id = i + 1;
		if (apart)
			snprintf(b->setup.options.host, sizeof(b->setup.options.host), "192.0.2.%u", i + 1);
		b->b = fake_login(&b->fake, &b->setup.options, NULL, 0);
	}
	b->fake.events = 0;
}

void level_begin_with(struct level *b, unsigned level, unsigned conns, uint32_t rest,
		      uint32_t hold)
{
	begin(b, level, conns, rest, hold, false);
}

void level_begin(struct level *b, unsigned level, unsigned conns)
{
	begin(b, level, conns, 0, 60000, false);
}

void level_begin_at(struct level *b, unsigned level, unsigned conns)
{
	begin(b, level, conns, 0, 60000, true);
}

struct pdu_login_request level_open_login(struct level *b, struct fake_conn *c)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 1 };
	struct pdu_login_request request;
	uint8_t bhs[PDU_BHS_LEN];

	assert_true(c->opening);
	c->opening = false;
	conn_opened(c->conn, entropy, b->fake.now);
	fake_pump(&b->fake);
	fake_take(c, PDU_LOGIN_REQUEST, bhs, NULL, 0);
	pdu_get_login_request(bhs, &request);
	c->login_itt = request.initiator_task_tag;
	c->cid = request.cid;
	c->tsih = request.tsih;
	return request;
}

void level_finish_login(struct fake_conn *c, uint16_t tsih)
{
	bool added = c->tsih != 0;
	uint8_t bhs[PDU_BHS_LEN];
	char keys[512];
	size_t len = leading_keys(keys, sizeof(keys), 2);

	fake_give_login(c, 0x81, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=None"));
	fake_take(c, PDU_LOGIN_REQUEST, bhs, NULL, 0);
	c->tsih = tsih;
	if (added)
		fake_give_login(c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None"));
	else
		fake_give_login(c, 0x87, keys, len);
	assert_true(c->up);
}

void level_refuse_login(struct fake_conn *c, uint8_t class, uint8_t detail)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_login_response(bhs, &(struct pdu_login_response){ .initiator_task_tag = c->login_itt,
		.status_class = class, .status_detail = detail });
	fake_numbers(c, bhs, true);
	fake_give_pdu(c, bhs, NULL, 0);
	assert_true(c->ended);
}

struct task *level_write(struct fake_conn *c, uint8_t bhs[PDU_BHS_LEN])
{
	struct task *task = fake_write(100);

	fake_submit(c, task);
	fake_take(c, PDU_SCSI_COMMAND, bhs, NULL, 0);
	return task;
}

/* The target tells on `c` that it has got so many of the commands, from the first on. */
void level_acknowledge(struct level *b, struct fake_conn *c, uint32_t commands)
{
	uint8_t bhs[PDU_BHS_LEN];

	b->fake.exp_cmd_sn += commands;
	b->fake.max_cmd_sn += commands;
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = PDU_NO_TAG });
	fake_numbers(c, bhs, false);
	fake_give_pdu(c, bhs, NULL, 0);
}

void level_answer_logout(struct fake_conn *c, const uint8_t *request, uint8_t response, uint16_t wait)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_logout_response(bhs, &(struct pdu_logout_response){ .response = response,
		.initiator_task_tag = bytes_get32(request + 16), .time2wait = wait,
		.time2retain = 20 });
	fake_numbers(c, bhs, true);
	fake_give_pdu(c, bhs, NULL, 0);
}

/* The Logout for another connection leaves on `c`. */
void level_take_cleanup(struct level *b, struct fake_conn *c, unsigned reason, uint16_t cid,
			 uint8_t bhs[PDU_BHS_LEN])
{
	fake_wait(&b->fake, 1);
	fake_take(c, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
	assert_int_equal(bhs[1] & 0x7f, reason);
	assert_int_equal(bytes_get16(bhs + 20), cid);
	assert_true(bhs[0] & 0x40); /* TRAP-6 */
}

enum session_rule level_rule(struct level *b, struct task *task)
{
	return session_rule(b->fake.session, task);
}

void level_end(struct level *b, struct task *one, struct task *two)
{
	fake_end(&b->fake);
	if (one)
		fake_task_free(one);
	if (two)
		fake_task_free(two);
}

/* Whatever stands: the next login is that of a reinstatement, and after it the task is dead. */
void level_expect_reinstatement(struct level *b, struct task *task)
{
	struct fake_conn *lead = level_newest(b);

	assert_int_equal(session_state(b->fake.session), SESSION_Q4_FAILED);
	assert_int_equal(level_rule(b, task), RULE_HOLD);
	assert_int_equal(level_open_login(b, lead).tsih, 0);
	level_finish_login(lead, 90);
	assert_int_equal(level_rule(b, task), RULE_DEAD);
	assert_int_equal(task->outcome, TASK_LOST);
	assert_true(fake_event(&b->fake, SESSION_EVENT_UP).epoch > task->epoch);
}

void level_give_async(struct fake_conn *c, uint8_t event, uint16_t p1, uint16_t p2, uint16_t p3)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG, .async_event = event,
		.parameter1 = p1, .parameter2 = p2, .parameter3 = p3 });
	fake_numbers(c, bhs, true);
	fake_give_pdu(c, bhs, NULL, 0);
}
