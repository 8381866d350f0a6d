/*
 * engine_snack_test.c - what a wrong data digest costs at recovery level 1, and how it is asked for: each
 * type of SNACK but R-Data, what is lost again, what is refused. DIG-3 to DIG-5, SEQ-1 to SEQ-3.
 */
#include "engine_fake_reading.h"

#include "../duty.h"

static const size_t pieces[] = { 0, 1, 7, 50 };

/* ---------------------------------------------------------------- Data-In */

static void last_with_status(struct command *b)
{
	reading_give(b, READING_PDUS - 1, 0x81);
}

static void good_without_count(struct command *b)
{
	reading_give_good(b, 0);
}

static void one_lost(size_t piece, uint32_t lost)
{
	uint8_t ping[PDU_BHS_LEN];
	struct command b;
	uint32_t stat_sn;

	reading_begin(&b, piece, READING_PDUS);
	stat_sn = b.c->stat_sn;
	for (uint32_t sn = 0; sn < READING_PDUS; sn++) {
		uint8_t flags = sn == READING_PDUS - 1 ? 0x81 : 0;

		if (sn == lost)
			reading_lose(&b, sn, flags);
		else
			reading_give(&b, sn, flags);
	}
	assert_int_equal(b.c->done_count, 0);
	if (lost == READING_PDUS - 1) { /* nothing tells before the ping does */
		command_take_ping(&b);
		reading_expect_snack(&b, PDU_SNACK_STATUS, stat_sn, 1);
		fake_take(b.c, PDU_NOP_OUT, ping, NULL, 0);
		assert_int_equal(bytes_get32(ping + 28), stat_sn);
		reading_as_before(&b, stat_sn, last_with_status);
	} else {
		reading_expect_snack(&b, PDU_SNACK_DATA_R2T, lost, 1);
		fake_take(b.c, PDU_NOP_OUT, ping, NULL, 0);
		assert_int_equal(bytes_get32(ping + 28), stat_sn); /* ST-5, TRAP-15 */
		DUTY("ST-5 TRAP-15 REC-7");
		reading_give(&b, lost, 0);
	}
	reading_expect_done(&b);
	command_echo(&b, ping);
	assert_false(fake_has_sent(b.c));
	command_end(&b);
	DUTY("DIG-3 DIG-4 SEQ-1 SEQ-2 REC-6");
}

static void test_one_lost(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		for (uint32_t lost = 0; lost < READING_PDUS; lost++)
			one_lost(pieces[i], lost);
	DUTY("UNH-FFP-13.1 RV-2.1");
}

/* Every set of lost Data-In PDUs, with a SCSI Response behind them: ExpDataSN tells of the last. */
static void some_lost(unsigned set)
{
	struct command b;
	unsigned sn = 0;

	reading_begin(&b, 0, READING_PDUS);
	for (uint32_t i = 0; i < READING_PDUS; i++) {
		if (set & 1u << i)
			reading_lose(&b, i, 0);
		else
			reading_give(&b, i, 0);
	}
	reading_give_good(&b, READING_PDUS);
	while (sn < READING_PDUS) {
		unsigned run = 0;

		while (sn + run < READING_PDUS && set & 1u << (sn + run))
			run++;
		if (run) /* SNA-4: up to the end, which the status tells, it is all from there on */
			reading_expect_snack(&b, PDU_SNACK_DATA_R2T, sn, sn + run == READING_PDUS ? 0 : run);
		sn += run + 1;
	}
	if (set)
		assert_int_equal(b.c->done_count, 0);
	for (uint32_t i = READING_PDUS; i-- > 0;)
		if (set & 1u << i)
			reading_give(&b, i, 0);
	reading_expect_done(&b);
	command_end(&b);
	DUTY("IN-10 SEQ-1");
}

static void test_some_lost(void **state)
{
	(void)state;
	for (unsigned set = 0; set < 1u << READING_PDUS; set++)
		some_lost(set);
	DUTY("RV-2.3");
}

/* What comes twice is thrown away, before and after the end. */
static void test_repeats(void **state)
{
	struct command b;

	(void)state;
	reading_begin(&b, 0, READING_PDUS);
	reading_give(&b, 0, 0);
	memset(b.task->in, 0xee, READING_PART); /* the second copy must not land */
	reading_give(&b, 0, 0);
	assert_int_equal(b.task->in[0], 0xee);
	memcpy(b.task->in, reading_medium, READING_PART);
	reading_lose(&b, 1, 0);
	for (uint32_t sn = 2; sn < READING_PDUS; sn++)
		reading_give(&b, sn, 0);
	reading_give(&b, 5, 0);
	reading_give_good(&b, READING_PDUS);
	reading_give(&b, 1, 0);
	reading_expect_done(&b);
	reading_give(&b, 1, 0);
	reading_give(&b, 1, 0);
	b.c->stat_sn--;
	reading_give_good(&b, READING_PDUS);
	reading_expect_done(&b);
	command_end(&b);
	DUTY("SEQ-3 ST-4");
}

/* The repeat is lost as well: asked for again behind the ping, so often and not more often. */
static void lost_again(unsigned times)
{
	struct command b;
	unsigned asked = 0;

	reading_begin(&b, 0, READING_PDUS);
	reading_lose(&b, 0, 0);
	for (uint32_t sn = 1; sn < READING_PDUS; sn++)
		reading_give(&b, sn, 0);
	reading_give_good(&b, READING_PDUS);
	while (!b.c->done_count) {
		reading_expect_snack(&b, PDU_SNACK_DATA_R2T, 0, 1);
		assert_true(++asked < 20);
		if (asked > times)
			reading_give(&b, 0, 0);
		else
			reading_lose(&b, 0, 0);
		command_take_ping(&b);
	}
	if (times < 8)
		reading_expect_done(&b);
	else
		reading_expect_crc_error(&b);
	command_end(&b);
}

static void test_lost_again(void **state)
{
	(void)state;
	lost_again(0);
	lost_again(1);
	lost_again(7);
	lost_again(100);
	DUTY("RV-2.3");
}

/* A ping that left before the SNACK tells nothing of the repeat. */
static void test_earlier_ping(void **state)
{
	uint8_t early[PDU_BHS_LEN];
	struct command b;

	(void)state;
	reading_begin(&b, 0, READING_PDUS);
	reading_lose(&b, 0, 0);
	fake_take(b.c, PDU_NOP_OUT, early, NULL, 0);
	reading_give(&b, 1, 0);
	reading_expect_snack(&b, PDU_SNACK_DATA_R2T, 0, 1);
	command_echo(&b, early);
	fake_take(b.c, PDU_NOP_OUT, early, NULL, 0); /* the one behind the SNACK, and no second SNACK */
	assert_false(fake_has_sent(b.c));
	command_echo(&b, early);
	reading_expect_snack(&b, PDU_SNACK_DATA_R2T, 0, 1);
	reading_give(&b, 0, 0);
	for (uint32_t sn = 2; sn < READING_PDUS; sn++)
		reading_give(&b, sn, sn == READING_PDUS - 1 ? 0x81 : 0);
	reading_expect_done(&b);
	command_end(&b);
}

/* One that is never answered (it may wait behind a hole in CmdSN) does not keep the next from telling. */
static void test_stuck_ping(void **state)
{
	struct command b;

	(void)state;
	reading_begin(&b, 0, READING_PDUS);
	reading_lose(&b, 0, 0);
	fake_take(b.c, PDU_NOP_OUT, (uint8_t[PDU_BHS_LEN]){ 0 }, NULL, 0);
	reading_give(&b, 1, 0);
	for (unsigned i = 0; i < 3; i++) {
		reading_expect_snack(&b, PDU_SNACK_DATA_R2T, 0, 1);
		reading_lose(&b, 0, 0);
		command_take_ping(&b);
	}
	command_end(&b);
}

/* ---------------------------------------------------------------- refusals */

static void give_reject(struct command *b, uint8_t reason, const uint8_t request[PDU_BHS_LEN])
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_reject(bhs, &(struct pdu_reject){ .reason = reason, .initiator_task_tag = PDU_NO_TAG });
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, request, PDU_BHS_LEN);
}

/* The last Data-In, with the status, is lost; the target repeats the status alone, and does not count
 * data that it sent with one. GOOD for less than was asked for is no end: the rest is asked for, and if
 * it is refused or never comes, we say so. */
static void status_alone(unsigned how)
{
	uint8_t ping[PDU_BHS_LEN], snack[PDU_BHS_LEN];
	struct command b;
	uint32_t stat_sn;

	reading_begin(&b, 0, READING_PDUS);
	stat_sn = b.c->stat_sn;
	for (uint32_t sn = 0; sn < READING_PDUS - 1; sn++)
		reading_give(&b, sn, 0);
	reading_lose(&b, READING_PDUS - 1, 0x81);
	command_take_ping(&b);
	reading_expect_snack(&b, PDU_SNACK_STATUS, stat_sn, 1);
	fake_take(b.c, PDU_NOP_OUT, ping, NULL, 0);
	reading_as_before(&b, stat_sn, good_without_count);
	assert_int_equal(b.c->done_count, 0);
	DUTY("IN-14");
	fake_take(b.c, PDU_SNACK, snack, NULL, 0);
	assert_int_equal(snack[1] & 0x7f, PDU_SNACK_DATA_R2T);
	assert_int_equal(bytes_get32(snack + 16), b.itt);
	assert_int_equal(bytes_get32(snack + 40), READING_PDUS - 1); /* BegRun, RunLength */
	assert_int_equal(bytes_get32(snack + 44), 0); /* all from there on */
	fake_take(b.c, PDU_NOP_OUT, ping, NULL, 0);
	assert_int_equal(bytes_get32(ping + 28), stat_sn); /* ST-5: its status waits */
	if (how == 0) {
		reading_as_before(&b, stat_sn, last_with_status);
		reading_expect_done(&b);
	} else if (how == 1) {
		give_reject(&b, PDU_REJECT_SNACK, snack);
		reading_expect_crc_error(&b);
	} else {
		for (unsigned i = 0; b.c->done_count == 0; i++) {
			assert_true(i < 20);
			command_echo(&b, ping);
			if (b.c->done_count)
				break;
			reading_expect_snack(&b, PDU_SNACK_DATA_R2T, READING_PDUS - 1, 0);
			fake_take(b.c, PDU_NOP_OUT, ping, NULL, 0);
		}
		reading_expect_crc_error(&b);
	}
	command_end(&b);
}

static void test_status_alone(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++)
		status_alone(how);
	DUTY("IN-14 SNA-7 DIG-4");
}

static void test_refused_after_status(void **state)
{
	uint8_t snack[PDU_BHS_LEN];
	struct command b;

	(void)state;
	reading_begin(&b, 0, READING_PDUS);
	reading_lose(&b, 0, 0);
	for (uint32_t sn = 1; sn < READING_PDUS; sn++)
		reading_give(&b, sn, 0);
	reading_give_good(&b, READING_PDUS);
	fake_take(b.c, PDU_SNACK, snack, NULL, 0);
	give_reject(&b, PDU_REJECT_SNACK, snack);
	reading_expect_crc_error(&b);
	command_end(&b);
	DUTY("RJ-2 RV-2.4 UNH-FFP-16.4.2");
}

/* The target ends the command itself: its sense counts, whatever data are missing. */
static void test_refused_before_status(void **state)
{
	uint8_t snack[PDU_BHS_LEN], sense[20] = { 0, 18, 0x70, 0, 0x0b, [14] = 0x11, [15] = 0x13 };
	struct command b;

	(void)state;
	for (unsigned good = 0; good < 2; good++) {
		reading_begin(&b, 0, READING_PDUS);
		reading_lose(&b, 0, 0);
		reading_give(&b, 1, 0);
		fake_take(b.c, PDU_SNACK, snack, NULL, 0);
		give_reject(&b, PDU_REJECT_SNACK, snack);
		assert_int_equal(b.c->done_count, 0);
		reading_give(&b, 2, 0);
		if (good) {
			reading_give_good(&b, 3);
			reading_expect_crc_error(&b);
		} else {
			command_give_response(&b, &(struct pdu_scsi_response){ .status = 2,
				.exp_data_sn = 3 }, sense, sizeof(sense));
			command_expect_done(&b, TASK_COMPLETE);
			assert_int_equal(b.task->sense[12], 0x11);
		}
		command_end(&b);
	}
}

/* ---------------------------------------------------------------- statuses */

static const uint8_t sense_segment[20] = { 0, 18, 0x70, 0, 3 };

static void give_sense(struct command *b)
{
	command_give_response(b, &(struct pdu_scsi_response){ .status = 2 }, sense_segment,
			      sizeof(sense_segment));
}

static void test_lost_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct command b;
		uint32_t stat_sn;

		reading_begin(&b, pieces[i], 1);
		stat_sn = b.c->stat_sn;
		b.c->spoil = true;
		give_sense(&b);
		command_take_ping(&b);
		reading_expect_snack(&b, PDU_SNACK_STATUS, stat_sn, 1);
		reading_as_before(&b, stat_sn, give_sense);
		command_expect_done(&b, TASK_COMPLETE);
		assert_int_equal(b.task->sense[2], 3);
		command_take_ping(&b);
		assert_false(fake_has_sent(b.c));
		command_end(&b);
		DUTY("DIG-5 SEQ-2 ST-4");
	}
	DUTY("RV-2.2 SNA-7");
}

static void give_async(struct command *b)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG, .lun = 3 });
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, sense_segment, sizeof(sense_segment));
}

/* A NOP-In of the target's own tells as well: NOP-7. Several are lost, one between them comes. */
static void test_lost_asyncs(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct command b;
	uint32_t stat_sn;

	(void)state;
	reading_begin_on(&b, 0, 1);
	stat_sn = b.c->stat_sn;
	for (unsigned i = 0; i < 5; i++) {
		b.c->spoil = i != 2;
		give_async(&b);
	}
	assert_int_equal(b.c->asyncs, 1);
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = PDU_NO_TAG });
	fake_numbers(b.c, bhs, false);
	fake_give_pdu(b.c, bhs, NULL, 0);
	reading_expect_snack(&b, PDU_SNACK_STATUS, stat_sn, 2);
	reading_expect_snack(&b, PDU_SNACK_STATUS, stat_sn + 3, 2);
	reading_as_before(&b, stat_sn + 4, give_async);
	reading_as_before(&b, stat_sn + 4, give_async); /* a repeat */
	reading_as_before(&b, stat_sn, give_async);
	reading_as_before(&b, stat_sn + 1, give_async);
	assert_int_equal(b.c->asyncs, 4);
	b.c->spoil = true;
	reading_as_before(&b, stat_sn + 3, give_async);
	command_take_ping(&b);
	reading_expect_snack(&b, PDU_SNACK_STATUS, stat_sn + 3, 1);
	reading_as_before(&b, stat_sn + 3, give_async);
	assert_int_equal(b.c->asyncs, 5);
	command_end(&b);
	DUTY("NOP-7 DIG-5 ST-4");
}

static void test_lost_text(void **state)
{
	static const char answer[] = "TargetName=iqn.2026-11.test:a";
	struct pdu_text_response r = { .final = true, .target_transfer_tag = PDU_NO_TAG };
	uint8_t bhs[PDU_BHS_LEN];
	struct command b;

	(void)state;
	reading_begin_on(&b, 7, 1);
	assert_int_equal(conn_text(b.c->conn, FAKE_TEXT("SendTargets="), b.fake.now), 0);
	fake_take(b.c, PDU_TEXT_REQUEST, bhs, NULL, 0);
	r.initiator_task_tag = bytes_get32(bhs + 16);
	for (unsigned i = 0; i < 3; i++) { /* lost, repeated, repeated once more */
		pdu_put_text_response(bhs, &r);
		b.c->spoil = i == 0;
		fake_numbers(b.c, bhs, i == 0);
		if (i)
			bytes_put32(bhs + 24, b.c->stat_sn - 2);
		fake_give_pdu(b.c, bhs, answer, sizeof(answer));
		if (i)
			continue;
		command_take_ping(&b);
		reading_expect_snack(&b, PDU_SNACK_STATUS, b.c->stat_sn - 2, 1);
	}
	assert_int_equal(b.c->texts, 1);
	assert_memory_equal(b.c->text, answer, sizeof(answer));
	assert_false(b.c->ended);
	command_end(&b);
}

/* A target may have to read again what it shall repeat, though it answers pings at once: what was asked
 * for in vain is asked for with growing pauses, over more than half a second. */
static void test_patience(void **state)
{
	struct command b;
	uint64_t begun;

	(void)state;
	reading_begin(&b, 0, 1);
	b.c->spoil = true;
	give_sense(&b);
	command_take_ping(&b);
	begun = b.fake.now;
	for (unsigned asked = 0; !b.c->ended; asked++) {
		command_take_snack(&b);
		assert_true(asked < 2 ? b.fake.now == begun : b.fake.now >= begun + 10000000);
		command_take_ping(&b);
	}
	assert_in_range((b.fake.now - begun) / 1000000, 500, 2000);
	command_end(&b);
	DUTY("DIG-4");
}

/* A status that the target does not repeat: the connection is given up. */
static void test_status_refused(void **state)
{
	uint8_t snack[PDU_BHS_LEN];
	struct command b;
	unsigned asked = 0;

	(void)state;
	reading_begin(&b, 0, 1);
	b.c->spoil = true;
	give_sense(&b);
	command_take_ping(&b);
	fake_take(b.c, PDU_SNACK, snack, NULL, 0);
	give_reject(&b, PDU_REJECT_SNACK, snack);
	command_expect_refused(&b, FAULT_DIGEST);
	command_end(&b);
	reading_begin(&b, 0, 1);
	b.c->spoil = true;
	give_sense(&b);
	command_take_ping(&b);
	for (; !b.c->ended; asked++) {
		command_take_snack(&b);
		command_take_ping(&b);
		assert_true(asked < 20);
	}
	command_expect_refused(&b, FAULT_DIGEST);
	command_end(&b);
}

static void test_too_much(void **state)
{
	struct command b;

	(void)state;
	reading_begin(&b, 0, READING_LONG); /* digest errors without an end */
	for (uint32_t sn = 0; sn < 64; sn++)
		reading_lose(&b, sn, 0);
	assert_false(b.c->ended);
	reading_lose(&b, 64, 0);
	command_expect_refused(&b, FAULT_DIGEST);
	command_end(&b);
	reading_begin_on(&b, 0, 0); /* level 0 */
	command_submit(&b, fake_read(READING_PART));
	reading_lose(&b, 0, 0x81);
	command_expect_refused(&b, FAULT_DIGEST);
	command_end(&b);
	reading_begin(&b, 0, 1); /* ST-6 */
	b.c->stat_sn += 5000;
	reading_give_good(&b, 0);
	command_expect_refused(&b, FAULT_PROTOCOL);
	command_end(&b);
	DUTY("ST-6 UNH-FFP-5.1");
}

/* StatSN further ahead than can be kept: thrown away, and asked for like the others. */
static void test_status_beyond(void **state)
{
	struct command b;
	uint32_t stat_sn;

	(void)state;
	reading_begin_on(&b, 0, 1);
	stat_sn = b.c->stat_sn;
	b.c->stat_sn += 100;
	give_async(&b);
	assert_int_equal(b.c->asyncs, 0);
	reading_expect_snack(&b, PDU_SNACK_STATUS, stat_sn, 101);
	for (unsigned i = 0; i < 101; i++) {
		reading_as_before(&b, stat_sn + i, give_async);
		b.fake.events = 0;
	}
	assert_int_equal(b.c->asyncs, 101);
	command_take_ping(&b);
	assert_false(fake_has_sent(b.c));
	command_end(&b);
}

/* ---------------------------------------------------------------- DataACK */

static void test_data_ack(void **state)
{
	struct pdu_snack snack;
	struct command b;

	(void)state;
	reading_begin(&b, 0, READING_PDUS);
	reading_give(&b, 0, 0);
	reading_give(&b, 1, 0xc0);
	snack = command_take_snack(&b);
	assert_int_equal(snack.type, PDU_SNACK_DATA_ACK);
	assert_int_equal(snack.beg_run, 2);
	assert_int_equal(snack.run_length, 0);
	assert_int_equal(snack.target_transfer_tag, 4001);
	assert_int_equal(snack.initiator_task_tag, PDU_NO_TAG);
	assert_true(snack.lun == 8);
	assert_false(fake_has_sent(b.c));
	reading_lose(&b, 2, 0);
	reading_give(&b, 3, 0xc0);
	reading_expect_snack(&b, PDU_SNACK_DATA_R2T, 2, 1);
	command_take_ping(&b); /* asked again; no DataACK yet */
	reading_expect_snack(&b, PDU_SNACK_DATA_R2T, 2, 1);
	reading_give(&b, 2, 0);
	fake_take(b.c, PDU_NOP_OUT, (uint8_t[PDU_BHS_LEN]){ 0 }, NULL, 0);
	reading_expect_snack(&b, PDU_SNACK_DATA_ACK, 4, 0);
	for (uint32_t sn = 4; sn < READING_PDUS - 1; sn++)
		reading_give(&b, sn, 0);
	reading_give(&b, READING_PDUS - 1, 0xc1); /* the status acknowledges it */
	reading_expect_done(&b);
	assert_false(fake_has_sent(b.c));
	fake_task_free(b.task); /* nothing looks at it any more */
	b.c->done_count = 0;
	command_submit(&b, fake_read(2 * READING_PART));
	reading_give(&b, 0, 0xc0);
	reading_expect_snack(&b, PDU_SNACK_DATA_ACK, 1, 0);
	reading_give(&b, 1, 0x81);
	reading_expect_done(&b);
	command_end(&b);
	command_begin(&b, 0, true); /* ignored at level 0 */
	command_submit(&b, fake_read(2 * READING_PART));
	reading_give(&b, 0, 0xc0);
	assert_false(fake_has_sent(b.c));
	command_end(&b);
	DUTY("IN-5 SNA-4 SNA-5 UNH-FFP-10.2 UNH-FFP-13.2");
}

/* SNA-9: what is lost of an earlier sequence, of the last one, and of one that was the last when it was
 * asked for. With `any` order, all may be asked for. */
static void sequences(uint32_t lost, uint32_t noticed, bool any)
{
	struct command b;

	command_begin_on(&b, &(struct command_terms){ .digests = true, .level = 1,
		.sequences_any = any });
	command_submit(&b, fake_read(READING_PDUS * READING_PART));
	for (uint32_t sn = 0; sn < READING_PDUS; sn++) {
		b.c->spoil = sn == lost;
		reading_give(&b, sn, sn % 3 == 2 ? 0x80 : 0);
		if (sn == noticed)
			reading_expect_snack(&b, PDU_SNACK_DATA_R2T, lost, 1);
	}
	reading_give_good(&b, READING_PDUS);
	if (any && noticed == READING_PDUS)
		reading_expect_snack(&b, PDU_SNACK_DATA_R2T, lost, 1);
	if (any || noticed < READING_PDUS || lost / 3 == (READING_PDUS - 1) / 3) {
		reading_give(&b, lost, 0);
		reading_expect_done(&b);
	} else {
		fake_has_sent(b.c);
		reading_expect_crc_error(&b);
	}
	command_end(&b);
}

static void test_sequences(void **state)
{
	(void)state;
	for (unsigned any = 0; any < 2; any++) {
		sequences(0, READING_PDUS, any);
		sequences(0, 1, any);
		sequences(3, READING_PDUS, any);
		sequences(3, 4, any);
		sequences(6, READING_PDUS, any);
		sequences(6, 7, any);
	}
	DUTY("SNA-9 SNA-10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_lost),
		cmocka_unit_test(test_status_alone),
		cmocka_unit_test(test_some_lost),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_lost_again),
		cmocka_unit_test(test_earlier_ping),
		cmocka_unit_test(test_stuck_ping),
		cmocka_unit_test(test_refused_after_status),
		cmocka_unit_test(test_refused_before_status),
		cmocka_unit_test(test_lost_status),
		cmocka_unit_test(test_lost_asyncs),
		cmocka_unit_test(test_lost_text),
		cmocka_unit_test(test_status_refused),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_status_beyond),
		cmocka_unit_test(test_data_ack),
		cmocka_unit_test(test_sequences),
	};

	return cmocka_run_group_tests(tests, reading_fill, NULL);
}
