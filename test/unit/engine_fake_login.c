/* engine_fake_login.c - see engine_fake_login.h. */
#include "engine_fake_login.h"

void bench_take(struct bench *b)
{
	uint8_t bhs[PDU_BHS_LEN];

	b->len = fake_take(b->c, PDU_LOGIN_REQUEST, bhs, (uint8_t *)b->text, sizeof(b->text));
	pdu_get_login_request(bhs, &b->request);
	b->c->login_itt = b->request.initiator_task_tag;
}

void bench_begin(struct bench *b)
{
	fake_begin(&b->fake, &b->setup);
	b->c = fake_add(&b->fake, &b->setup.options);
	bench_take(b);
}

void bench_setup(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	fake_setup_init(&b->setup);
}

bool bench_said(const struct bench *b, const char *pair)
{
	for (uint32_t at = 0; at < b->len; at += (uint32_t)strlen(b->text + at) + 1)
		if (strcmp(b->text + at, pair) == 0)
			return true;
	return false;
}

/* The login failed: the call is answered so, and the session is over. */
void bench_expect_failed(struct bench *b, enum fault_kind kind)
{
	assert_true(b->c->ended);
	assert_int_equal(b->c->fault.kind, kind);
	assert_int_equal(fake_event(&b->fake, SESSION_EVENT_ANSWER).fault.kind, kind);
	assert_false(fake_has_event(&b->fake, SESSION_EVENT_UP));
	assert_true(fake_has_event(&b->fake, SESSION_EVENT_END));
}

void bench_setup_chap(struct bench *b, enum chap_mode mode)
{
	struct chap_config *c = &b->setup.options.chap;

	bench_setup(b);
	chap_algorithms_default(c);
	c->mode = mode;
	c->user_len = 4;
	memcpy(c->user, "user", 4);
	c->secret_len = 16;
	memcpy(c->secret, "sixteen  letters", 16);
	c->target_secret_len = mode == CHAP_MUTUAL ? 17 : 0;
	memcpy(c->target_secret, "seventeen letters", 17);
}

/* As far as the target's challenge. */
void bench_to_challenge(struct bench *b)
{
	bench_begin(b);
	assert_true(bench_said(b, "AuthMethod=CHAP"));
	assert_false(b->request.transit);
	fake_give_login(b->c, 0x00, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=CHAP"));
	bench_take(b);
	assert_true(bench_said(b, "CHAP_A=8,7,6,5"));
}

void bench_give_status(struct bench *b, uint8_t class, uint8_t detail, const char *text, size_t len)
{
	fake_give_status(b->c, class, detail, text, len);
}
