/* engine_tag_reuse_test.c - tags over many uses of one slot: late answers, wrap, foreign ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/tag.h"
#include "../duty.h"

static struct tags tags;

static enum tag_match find(uint32_t itt, unsigned slot)
{
	struct task *task = NULL;

	return tag_find(&tags, itt, slot, &task);
}

static void test_life(void **state)
{
	uint32_t first, second;

	(void)state;
	tags_init(&tags);
	assert_int_equal(find(0, 3), TAG_FOREIGN);
	assert_int_equal(find(1024, 3), TAG_FOREIGN);
	assert_int_equal(find(1024 + 700, 3), TAG_FOREIGN); /* of a part that does not exist */
	assert_true(tag_take(&tags, 3, NULL, &first));
	assert_int_equal(find(first, 3), TAG_OURS);
	assert_int_equal(find(first, 4), TAG_FOREIGN); /* MCS-2 */
	assert_int_equal(find(first + ENGINE_MAX_TASKS, 3), TAG_FOREIGN);
	assert_int_equal(find(UINT32_MAX, 3), TAG_FOREIGN);
	tag_free(&tags, first);
	assert_int_equal(find(first, 3), TAG_STALE); /* CMD-14 */
	assert_true(tag_take(&tags, 3, NULL, &second));
	assert_int_equal(second % ENGINE_MAX_TASKS, first % ENGINE_MAX_TASKS);
	assert_int_not_equal(second, first);
	assert_int_equal(find(first, 3), TAG_STALE);
	tag_free(&tags, second);
	tags_done(&tags);
	DUTY("PDU-7 MCS-2");
}

/* One command at a time uses one slot over and over: its generations come again within minutes.
 * No tag may be 0 or reserved, and what was just freed is late, never foreign. */
static void test_wrap(void **state)
{
	uint32_t itt = 0, before = 0;

	(void)state;
	tags_init(&tags);
	for (uint32_t i = 0; i < (UINT32_C(1) << 22) + 1000; i++) {
		assert_true(tag_take(&tags, 0, NULL, &itt));
		if (itt == 0 || itt >= TAG_LOGIN(UINT16_MAX) || find(itt, 0) != TAG_OURS ||
		    (i && find(before, 0) != TAG_STALE))
			fail_msg("use %u: tag %08x after %08x", i, itt, before);
		tag_free(&tags, itt);
		before = itt;
	}
	tags_done(&tags);
	DUTY("PDU-6 PDU-7");
}

static void test_full(void **state)
{
	uint32_t itt[ENGINE_MAX_TASKS], more;

	(void)state;
	tags_init(&tags);
	for (unsigned i = 0; i < ENGINE_MAX_TASKS; i++)
		assert_true(tag_take(&tags, i % 64, NULL, &itt[i]));
	assert_false(tag_take(&tags, 5, NULL, &more));
	assert_false(tag_take(&tags, 63, NULL, &more));
	assert_true(tag_free(&tags, itt[17]) == (UINT64_C(1) << 63 | UINT64_C(1) << 5));
	assert_true(tag_free(&tags, itt[18]) == 0);
	assert_true(tag_take(&tags, 5, NULL, &more));
	tags_done(&tags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests_name("engine_tag_reuse", tests, NULL, NULL);
}
