/*
 * traces_test.c - the simulator's target against LIO: the recorded requests of test/sim/traces are
 * played to it, and each answer is compared with the one that LIO gave, field by field. What
 * may differ is a row in lio.c, each with its reason; a row that nothing needs fails, too. Each
 * answer is then changed in each field in turn, left out and doubled, which has to be noticed. Not
 * compared: when an answer comes, and closes that nobody looked for.
 *
 * To record anew (root, user-mode Linux): python3 test/interop/record_lio.py --build build
 * (exchanges are added in test/interop/exchanges.py; this test takes whatever is in the files).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "proto/text.h"

#include "compare.h"
#include "offer.h"

/* ---------------------------------------------------------------- tests */

static struct trace trace;

static void options_like_lio(struct peer_options *ret)
{
	peer_options_default(ret);
	ret->needless_repeats = true;
	ret->target = "iqn.2026-11.test:open";
	ret->portal[0] = "10.99.0.2:3260";
	ret->portal[1] = "10.99.1.2:3260";
	ret->portal[2] = "10.99.0.2:3261";
	ret->portal[3] = "10.99.1.2:3261";
	ret->portals = 4;
	ret->luns = 3;
	ret->queue = 64;
	ret->level = 2;
	ret->initial_r2t = false;
	ret->max_recv = ret->max_burst = 262144;
	ret->first_burst = 65536;
	ret->time2wait = 2;
	ret->acknowledge = 1;
	ret->whole_r2ts = true;
	ret->flips = true;
}

static void play(struct replay *ret, unsigned exchange)
{
	struct peer_options options;

	options_like_lio(&options);
	replay_run(ret, &trace, exchange, &options, (struct replay_judge){ lio_judge });
	assert_string_equal(ret->fault, "");
}

static void answers_are_those_of_lio(void **state)
{
	unsigned exchange = *(unsigned *)*state;
	struct replay replay;
	struct comparison c = { .exchange = trace.exchange[exchange].name, .replay = &replay };
	const char *violation = lio_violation(c.exchange);

	play(&replay, exchange);
	if (!compare_all(&c))
		print_error("%s: %s\n", c.exchange, c.difference);
	assert_string_equal(c.difference, "");
	if (*violation ? !strstr(replay.violation, violation) : replay.violation[0])
		fail_msg("%s: the target says: %s", c.exchange, replay.violation);
	replay_done(&replay);
}

/* ---------------------------------------------------------------- tests: it can fail */

static void expect_noticed(const struct comparison *before, unsigned pair, const char *what)
{
	struct comparison c = *before;

	if (compare_all(&c))
		fail_msg("%s: answer %u: a change of %s is not noticed", c.exchange, pair, what);
}

static void change_field(uint8_t *bhs, const struct compare_field *f)
{
	uint8_t *at = bhs + f->at;
	enum lio_choice choice = lio_choice(bhs, f->at);

	if (choice == LIO_TAG)
		memset(at, bytes_get32(at) == PDU_NO_TAG ? 0 : 0xff, f->len);
	else if (choice == LIO_SESSION)
		memset(at, bytes_get16(at) ? 0 : 1, f->len);
	else
		at[f->len - 1] ^= 1;
}

static void change_header(const struct comparison *c, struct replay *r, unsigned pair)
{
	uint8_t *bhs = r->pair[pair].ours.bhs, kept[PDU_BHS_LEN];

	memcpy(kept, bhs, sizeof(kept));
	for (size_t i = 0; i < compare_field_count; i++) {
		if (compare_is_free(r, pair, &compare_fields[i]))
			continue;
		change_field(bhs, &compare_fields[i]);
		expect_noticed(c, pair, compare_fields[i].name);
		memcpy(bhs, kept, sizeof(kept));
	}
}

static void change_keys(const struct comparison *c, const struct replay *r, unsigned pair)
{
	const struct replay_pair *p = &r->pair[pair];
	struct text_in in;
	struct text_pair key;
	struct fault fault;

	text_init(&in, p->ours.data, p->ours.len);
	while (text_next(&in, &key, &fault) > 0) {
		uint8_t *at = p->ours.data + (key.value - (const char *)p->ours.data);
		uint8_t kept = *at;

		if (offer_is_free(p, key.key))
			continue;
		*at = '~';
		expect_noticed(c, pair, key.key);
		*at = kept;
	}
}

static void change_data(const struct comparison *c, const struct replay *r, unsigned pair)
{
	const struct trace_pdu *ours = &r->pair[pair].ours;
	const struct trace_pdu *theirs = &r->pair[pair].theirs;
	unsigned at = ours->len - 2;

	if (ours->opcode == PDU_SCSI_RESPONSE)
		at = 14; /* the code */
	else if (ours->opcode == PDU_REJECT)
		at = 16; /* the rejected tag */
	if (ours->opcode == PDU_LOGIN_RESPONSE) {
		change_keys(c, r, pair);
	} else if (ours->len && ours->opcode == theirs->opcode && theirs->len) {
		ours->data[at] ^= 1;
		expect_noticed(c, pair, "data");
		ours->data[at] ^= 1;
	}
}

static void change_extra(const struct comparison *c, struct replay *r, unsigned pair)
{
	struct replay_pair *p = &r->pair[pair], kept = *p;

	p->ours.bhs[AT_RESPONSE] ^= 1;
	if (p->has_ours)
		expect_noticed(c, pair, "the response");
	p->has_ours = p->has_theirs = false;
	expect_noticed(c, pair, "whether it came");
	*p = kept;
}

static void a_changed_answer_is_noticed(void **state)
{
	unsigned exchange = *(unsigned *)*state;
	struct replay r;
	struct comparison c = { .exchange = trace.exchange[exchange].name, .replay = &r };

	play(&r, exchange);
	for (unsigned i = 0; i < r.count; i++) {
		struct replay_pair *p = &r.pair[i];

		if (!p->has_ours || !p->has_theirs) {
			change_extra(&c, &r, i);
			continue;
		}
		if (p->ours.opcode != TRACE_CLOSE) {
			change_header(&c, &r, i);
			change_data(&c, &r, i);
		}
		p->has_ours = false;
		expect_noticed(&c, i, "whether it came");
		p->has_ours = true;
		p->has_theirs = false;
		expect_noticed(&c, i, "how often it came");
		p->has_theirs = true;
	}
	replay_done(&r);
}

static void each_row_is_needed(void **state)
{
	(void)state;
	if (lio_unused())
		fail_msg("nothing needs the row: %s", lio_unused());
}

int main(int argc, char **argv)
{
	struct CMUnitTest *tests;
	unsigned *number, line, count;
	int r;

	for (int i = 1; i < argc; i++) {
		line = trace_read(&trace, argv[i]);
		if (line) {
			fprintf(stderr, "%s: line %u can't be read\n", argv[i], line);
			return 1;
		}
	}
	count = 2 * trace.count + 1;
	tests = calloc(count, sizeof(*tests));
	number = calloc(count, sizeof(*number));
	if (!tests || !number)
		abort();
	for (unsigned i = 0; i < trace.count; i++) {
		number[i] = i;
		tests[2 * i] = (struct CMUnitTest){ .name = trace.exchange[i].name,
			.test_func = answers_are_those_of_lio, .initial_state = &number[i] };
		tests[2 * i + 1] = (struct CMUnitTest){ .name = "its changed answers are noticed",
			.test_func = a_changed_answer_is_noticed, .initial_state = &number[i] };
	}
	tests[count - 1] = (struct CMUnitTest)cmocka_unit_test(each_row_is_needed);
	r = _cmocka_run_group_tests("traces", tests, count, NULL, NULL);
	free(tests);
	free(number);
	trace_done(&trace);
	return r;
}
