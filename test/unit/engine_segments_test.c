/*
 * engine_segments_test.c - data segments on the wire, byte by byte: padding, digests, lengths.
 */
#include "engine_fake_command.h"

#include <stdlib.h>

#include "proto/digest.h"

#include "../duty.h"

enum { ROOM = 4096 };

/* All bytes that the engine sent, as they are. */
static size_t take_raw(struct fake_conn *c, uint8_t raw[ROOM])
{
	size_t len;

	fake_has_sent(c);
	len = c->sent_len;
	assert_in_range(len, PDU_BHS_LEN, ROOM);
	memcpy(raw, c->sent, len);
	c->sent_len = 0;
	return len;
}

/* A write of each length: header, its digest, data, padding of zeros, their digest; without data there
 * is no data digest. */
static void test_sent(void **state)
{
	uint8_t raw[ROOM];
	struct command b;

	(void)state;
	for (unsigned digests = 0; digests < 2; digests++) {
		for (uint32_t len = 0; len <= 9; len++) {
			size_t digest = digests ? DIGEST_LEN : 0, pad = (4 - len % 4) % 4;
			uint8_t *data = raw + PDU_BHS_LEN + digest;

			command_begin(&b, 0, digests);
			b.task = fake_write(len);
			fake_submit(b.c, b.task);
			assert_int_equal(take_raw(b.c, raw),
					 PDU_BHS_LEN + digest + (len ? len + pad + digest : 0));
			assert_int_equal(pdu_data_len(raw), len);
			assert_int_equal(raw[4], 0);
			assert_memory_equal(data, b.task->out, len);
			for (size_t i = 0; len && i < pad; i++)
				assert_int_equal(data[len + i], 0);
			if (digests)
				assert_true(digest_equal(raw + PDU_BHS_LEN, digest_of(raw, PDU_BHS_LEN)));
			if (digests && len)
				assert_true(digest_equal(data + len + pad, digest_of(data, len + pad)));
			command_end(&b);
		}
	}
	DUTY("PDU-1 PDU-2 PDU-4 DIG-1");
}

/* Data-In of `len` bytes whose padding is `fill`, with its digests. */
static void give_padded(struct command *b, uint32_t len, uint8_t fill, bool digests)
{
	uint8_t wire[ROOM] = { 0 };
	size_t at = PDU_BHS_LEN, start, pad = (4 - len % 4) % 4;

	pdu_put_data_in(wire, &(struct pdu_data_in){ .final = true, .initiator_task_tag = b->itt,
		.target_transfer_tag = PDU_NO_TAG, .data_len = len });
	fake_numbers(b->c, wire, false);
	if (digests) {
		digest_put(wire + at, digest_of(wire, PDU_BHS_LEN));
		at += DIGEST_LEN;
	}
	start = at;
	for (uint32_t i = 0; i < len; i++)
		wire[at++] = (uint8_t)(i + 1);
	memset(wire + at, fill, pad);
	at += pad;
	if (digests) {
		digest_put(wire + at, digest_of(wire + start, len + pad));
		at += DIGEST_LEN;
	}
	fake_give(b->c, wire, at);
}

/* Padding is skipped, whatever it is, but it belongs to the digest; it reaches no buffer. */
static void test_padding_received(void **state)
{
	struct pdu_scsi_response good = { .exp_data_sn = 1, .underflow = true };
	struct command b;

	(void)state;
	for (uint32_t len = 1; len <= 8; len++) {
		for (unsigned i = 0; i < 4; i++) {
			command_begin(&b, i, i % 2);
			command_submit(&b, fake_read(12));
			memset(b.task->in, 0x5a, 12);
			give_padded(&b, len, i < 2 ? 0 : 0xff, i % 2);
			assert_false(b.c->ended);
			good.residual_count = 12 - len;
			command_give_response(&b, &good, NULL, 0);
			command_expect_done(&b, TASK_COMPLETE);
			assert_int_equal(b.task->received, len);
			for (uint32_t j = 0; j < 12; j++)
				assert_int_equal(b.task->in[j], j < len ? j + 1 : 0x5a);
			command_end(&b);
		}
	}
	DUTY("PDU-1 TOL-11 DIG-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sent), cmocka_unit_test(test_padding_received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
