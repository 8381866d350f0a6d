/*
 * engine_login_reinstate_test.c - the login that takes the place of a lost connection (RFC 7143
 * sections 6.3.4, 11.12.9): what it says, and from where StatSN counts then.
 */
#include "engine_fake_pair.h"

#include "../duty.h"

struct reinstating {
	struct pair p;
	struct fake_conn *c;
	struct pdu_login_request request; /* the last one taken */
	char text[4096];
	uint32_t len;
};

static void take(struct reinstating *r)
{
	uint8_t bhs[PDU_BHS_LEN];

	r->len = fake_take(r->c, PDU_LOGIN_REQUEST, bhs, (uint8_t *)r->text, sizeof(r->text));
	pdu_get_login_request(bhs, &r->request);
	r->c->login_itt = r->request.initiator_task_tag;
}

static void open_tcp(struct reinstating *r)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 9 };

	assert_true(r->c->opening);
	r->c->opening = false;
	conn_opened(r->c->conn, entropy, r->p.fake.now);
	fake_pump(&r->p.fake);
	take(r);
}

/* The only connection of a session at level 2 was lost; the login in its place has begun. */
static void begin(struct reinstating *r)
{
	struct task *task;

	pair_begin(&r->p, &(struct pair_terms){ .conns = 1, .level = 2 });
	task = pair_send(&r->p, 0, 0, NULL);
	pair_answer(&r->p, 0, task);
	pair_send(&r->p, 0, 0, NULL); /* tells the status of the first */
	fake_closed(r->p.c[0], FAULT_CLOSED);
	fake_wait(&r->p.fake, 0);
	assert_int_equal(r->p.fake.conns, 2);
	r->c = &r->p.fake.conn[1];
	open_tcp(r);
}

static bool said(const struct reinstating *r, const char *key)
{
	for (uint32_t at = 0; at < r->len; at += (uint32_t)strlen(r->text + at) + 1)
		if (strncmp(r->text + at, key, strlen(key)) == 0)
			return true;
	return false;
}

/* LOG-12, REC-15, LOG-24 */
static void test_what_it_says(void **state)
{
	struct reinstating r;

	(void)state;
	begin(&r);
	assert_int_equal(r.request.cid, r.p.c[0]->cid);
	assert_int_equal(r.request.tsih, 77);
	assert_int_equal(r.request.cmd_sn, 1002);
	assert_int_equal(r.request.exp_stat_sn, r.p.c[0]->stat_sn);
	assert_true(said(&r, "InitiatorName=") && said(&r, "TargetName="));
	r.c->stat_sn = 90000; /* a space of its own */
	r.c->tsih = 77;
	fake_give_login(r.c, 0x81, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=None"));
	take(&r);
	assert_int_equal(r.request.exp_stat_sn, 90001);
	assert_int_equal(r.request.cid, r.p.c[0]->cid);
	assert_true(said(&r, "HeaderDigest="));
	assert_false(said(&r, "MaxConnections=") || said(&r, "ErrorRecoveryLevel=") ||
		     said(&r, "SessionType=") || said(&r, "InitialR2T="));
	fake_give_login(r.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None"));
	assert_true(r.c->up);
	assert_int_equal(r.c->login.params.error_recovery_level, 2);
	pair_end(&r.p);
	DUTY("LOG-12 LOG-24 REC-14 REC-15 ST-1 KEY-4");
}

/* LOG-22: at the new address it is the first request again. */
static void test_redirected(void **state)
{
	struct reinstating r;
	uint8_t bhs[PDU_BHS_LEN];

	(void)state;
	begin(&r);
	pdu_put_login_response(bhs, &(struct pdu_login_response){ .status_class = 1, .status_detail = 1,
		.isid = { 0x80, 1, 2, 3, 4, 5 }, .initiator_task_tag = r.c->login_itt });
	fake_give_pdu(r.c, bhs, "TargetAddress=192.0.2.9:3260", sizeof("TargetAddress=192.0.2.9:3260"));
	assert_int_equal(r.c->opens, 2);
	open_tcp(&r);
	assert_int_equal(r.request.exp_stat_sn, r.p.c[0]->stat_sn);
	assert_int_equal(r.request.cid, r.p.c[0]->cid);
	pair_end(&r.p);
	DUTY("LOG-12 LOG-22");
}

/* Another connection's login says nothing of an old StatSN. */
static void test_added(void **state)
{
	struct conn_options options = { .id = 5, .host = "192.0.2.1", .port = 3260 };
	struct reinstating r;

	(void)state;
	pair_begin(&r.p, &(struct pair_terms){ .conns = 2, .level = 2 });
	r.c = fake_add(&r.p.fake, &options);
	take(&r);
	assert_int_equal(r.request.exp_stat_sn, 0);
	assert_int_not_equal(r.request.cid, r.p.c[0]->cid);
	assert_int_not_equal(r.request.cid, r.p.c[1]->cid);
	pair_end(&r.p);
	DUTY("LOG-12 ID-9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_says),
		cmocka_unit_test(test_redirected),
		cmocka_unit_test(test_added),
	};

	return cmocka_run_group_tests_name("engine_login_reinstate", tests, NULL, NULL);
}
