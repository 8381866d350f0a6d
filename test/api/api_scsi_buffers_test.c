/*
 * api_scsi_buffers_test.c - the three SCSI functions with every combination of buffers for the
 * answer and for sense data: NULL, nothing, too small by one, exact, too large. Memory ends at pages
 * that can't be touched.
 */
#include "api_functions.h"

#include <stdio.h>
#include <string.h>

#include "api_bed.h"

enum { SENSE = 18, NO_LUN = 77 };

static struct api_about about;

struct request {
	const char *function;
	ULONGLONG lun;
	bool whole;           /* a part of the answer is no answer */
	bool has_response, has_sense;
	ULONG size, sense;
	/* what came of it */
	ISDSC_STATUS status;
	ULONG ret_size, ret_sense;
	struct api_region response, sense_data, scsi_status;
};

static void put(struct api_arguments *a, const char *name, union api_value value)
{
	int at = api_place(a->function, name);

	if (at >= 0)
		a->value[at] = value;
}

static void send(struct request *r)
{
	struct api_arguments a;

	api_region_init(&r->response, r->has_response ? r->size : 1);
	api_region_init(&r->sense_data, r->has_sense ? r->sense : 1);
	api_region_init(&r->scsi_status, 1);
	api_arguments_init(&a, api_function(r->function), &about);
	r->ret_size = r->size;
	r->ret_sense = r->sense;
	put(&a, "Lun", (union api_value){ .n = r->lun });
	put(&a, "ResponseSize", (union api_value){ .p = &r->ret_size });
	put(&a, "SenseSize", (union api_value){ .p = &r->ret_sense });
	put(&a, "ScsiStatus", (union api_value){ .p = r->scsi_status.bytes });
	put(&a, "ResponseBuffer", (union api_value){ .p = r->has_response ? r->response.bytes : NULL });
	put(&a, "SenseBuffer", (union api_value){ .p = r->has_sense ? r->sense_data.bytes : NULL });
	r->status = api_call(&a);
	api_arguments_done(&a);
}

static void done(struct request *r)
{
	api_region_done(&r->response);
	api_region_done(&r->sense_data);
	api_region_done(&r->scsi_status);
}

static void bad(const struct request *r, const char *what)
{
	fail_msg("%s: %s %u, sense %s %u: %s: 0x%08x, %u, %u", r->function,
		 r->has_response ? "room" : "NULL", r->size, r->has_sense ? "room" : "NULL", r->sense,
		 what, r->status, r->ret_size, r->ret_sense);
}

/* What iscsidsc.h promises for an answer of `need` bytes. */
static void check(const struct request *r, ULONG need)
{
	bool sizing = !r->has_response || r->size == 0 || (r->whole && r->size < need);
	ULONG given = r->size < need ? r->size : need;

	if (r->sense && !r->has_sense) {
		if (r->status != ERROR_INVALID_PARAMETER || r->ret_size != r->size ||
		    r->ret_sense != r->sense || !api_region_untouched(&r->scsi_status, 0))
			bad(r, "no place for sense");
		given = 0;
	} else if (sizing) {
		if (r->status != ERROR_INSUFFICIENT_BUFFER || r->ret_size != need ||
		    r->ret_sense != SENSE || !api_region_untouched(&r->scsi_status, 0))
			bad(r, "sizing");
		given = 0;
	} else if (r->status || r->ret_size != given || r->ret_sense || *r->scsi_status.bytes) {
		bad(r, "answer");
	}
	if (!api_region_untouched(&r->response, given) || !api_region_untouched(&r->sense_data, 0))
		bad(r, "touched what is not its own");
}

static void all_sizes(const char *function, bool whole)
{
	static const ULONG senses[] = { 0, 1, SENSE - 1, SENSE, SENSE + 1, 64 };
	struct request sized = { .function = function, .size = UINT32_MAX };

	send(&sized);
	api_expect(ERROR_INSUFFICIENT_BUFFER, sized.status);
	assert_true(sized.ret_size >= 8);
	done(&sized);
	const ULONG need = sized.ret_size;
	const ULONG sizes[] = { 0, 1, 4, need - 1, need, need + 1, need + 4096 };

	for (unsigned i = 0; i < 4 * 7 * 6; i++) {
		struct request r = { .function = function, .whole = whole, .has_response = i & 1,
				     .has_sense = i & 2, .size = sizes[i / 4 % 7],
				     .sense = senses[i / 28] };

		send(&r);
		check(&r, need);
		done(&r);
	}
}

static void test_sizes(void **state)
{
	(void)state;
	all_sizes("SendScsiInquiry", false);
	all_sizes("SendScsiReadCapacity", true);
	all_sizes("SendScsiReportLuns", false);
}

/* A command that fails: sense as far as there is room. */
static void test_sense(void **state)
{
	static const ULONG senses[] = { 0, 1, 2, SENSE - 1, SENSE, 64 };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct request r = { .function = "SendScsiReadCapacity", .lun = NO_LUN, .size = 8,
				     .has_response = true, .has_sense = true, .sense = senses[i] };

		send(&r);
		api_expect(ISDSC_SCSI_REQUEST_FAILED, r.status);
		assert_int_equal(*r.scsi_status.bytes, 2);
		assert_true(r.ret_sense <= r.sense);
		assert_int_equal(r.ret_sense, r.sense < SENSE ? r.sense : r.ret_sense);
		assert_true(r.sense < SENSE || r.ret_sense >= SENSE);
		if (r.ret_sense > 2)
			assert_int_equal(r.sense_data.bytes[2] & 0xf, 5);
		assert_true(api_region_untouched(&r.sense_data, r.ret_sense));
		assert_true(api_region_untouched(&r.response, 0));
		done(&r);
	}
}

static int setup(void **state)
{
	int r = api_setup(state);

	if (r == 0)
		api_login(1, &about.session, &about.connection);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_sense),
	};

	return cmocka_run_group_tests_name("scsi buffers", tests, setup, api_teardown);
}
