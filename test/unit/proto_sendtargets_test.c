/* proto_sendtargets_test.c - answers to SendTargets (DSC-3 to DSC-6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/sendtargets.h"
#include "../duty.h"

static struct sendtargets st;
static struct sendtargets_item item;
static struct fault fault;

static int next(void)
{
	int r = sendtargets_next(&st, &item, &fault);

	if (r < 0)
		assert_int_equal(fault.kind, FAULT_PROTOCOL);
	return r;
}

#define ANSWER(literal) do { \
	static const char text_[] = literal; \
	sendtargets_init(&st, text_, sizeof text_); \
} while (0)

static void assert_target(const char *name)
{
	assert_int_equal(next(), 0);
	assert_int_equal(item.kind, SENDTARGETS_TARGET);
	assert_string_equal(item.name, name);
}

static void assert_address(const char *host, int port, int tag)
{
	assert_int_equal(next(), 0);
	assert_int_equal(item.kind, SENDTARGETS_ADDRESS);
	assert_string_equal(item.address.host, host);
	assert_int_equal(item.address.port, port);
	assert_int_equal(item.address.tag, tag);
}

static void assert_end(void)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(next(), 0);
		assert_int_equal(item.kind, SENDTARGETS_END);
	}
}

static void records(void **state)
{
	(void)state;
	ANSWER("TargetName=iqn.2001-04.com.example:A\0TargetAddress=10.0.0.1:3260,1\0"
	       "TargetAddress=[2001:db8::1]:3261,2\0TargetName=iqn.2001-04.com.example:b\0"
	       "TargetAlias=words\0TargetName=eui.0123456789abcdef\0TargetAddress=host");
	assert_target("iqn.2001-04.com.example:a");
	assert_address("10.0.0.1", 3260, 1);
	assert_address("2001:db8::1", 3261, 2);
	assert_target("iqn.2001-04.com.example:b"); /* no address: DSC-4 */
	assert_target("eui.0123456789abcdef");
	assert_address("host", 3260, -1);
	assert_end();
	assert_int_equal(st.skipped, 0);
	DUTY("DSC-3 DSC-4");
}

static void nothing(void **state)
{
	(void)state;
	sendtargets_init(&st, "", 0);
	assert_end();
	ANSWER("");
	assert_end();
	DUTY("DSC-3");
}

static void one_bad_record_spoils_nothing(void **state)
{
	(void)state;
	ANSWER("TargetName=a b\0TargetAddress=10.0.0.9:3260,1\0TargetName=iqn.2001-04.com.example:b\0"
	       "TargetAddress=10.0.0.1:99999,1\0TargetAddress=10.0.0.2:3260,1");
	assert_target("iqn.2001-04.com.example:b");
	assert_address("10.0.0.2", 3260, 1);
	assert_end();
	assert_int_equal(st.skipped, 2);
	DUTY("DSC-6");
}

static void broken_answers(void **state)
{
	(void)state;
	ANSWER("TargetAddress=10.0.0.1:3260,1\0TargetName=iqn.2001-04.com.example:b");
	assert_int_equal(next(), -EPROTO);
	ANSWER("TargetName=iqn.2001-04.com.example:b\0MaxBurstLength=512");
	assert_target("iqn.2001-04.com.example:b");
	assert_int_equal(next(), -EPROTO);
	ANSWER("TargetName");
	assert_int_equal(next(), -EPROTO);
	sendtargets_init(&st, "TargetName=x", 12); /* no NUL at the end */
	assert_int_equal(next(), -EPROTO);
	DUTY("DSC-3");
}

static void limits(void **state)
{
	size_t room = 64 * (SENDTARGETS_TARGETS_MAX + 2), len = 0;
	char *text = malloc(room);
	int r = 0;

	(void)state;
	for (int i = 0; i <= SENDTARGETS_TARGETS_MAX; i++)
		len += (size_t)sprintf(text + len, "TargetName=t%d", i) + 1;
	sendtargets_init(&st, text, len);
	for (int i = 0; i < SENDTARGETS_TARGETS_MAX; i++)
		assert_int_equal(next(), 0);
	assert_int_equal(next(), -EPROTO);

	len = (size_t)sprintf(text, "TargetName=t") + 1;
	for (int i = 0; i <= SENDTARGETS_ADDRESSES_MAX; i++)
		len += (size_t)sprintf(text + len, "TargetAddress=h%d", i) + 1;
	sendtargets_init(&st, text, len);
	for (int i = 0; i <= SENDTARGETS_ADDRESSES_MAX && !r; i++)
		r = next();
	assert_int_equal(r, 0);
	assert_int_equal(next(), -EPROTO);
	free(text);
	DUTY("DSC-6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records), cmocka_unit_test(nothing),
		cmocka_unit_test(one_bad_record_spoils_nothing), cmocka_unit_test(broken_answers),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
