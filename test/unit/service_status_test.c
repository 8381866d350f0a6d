/* service_status_test.c - faults as the API's status and as a sentence; flags that can't be had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/fault.h"
#include "iscsierr.h"
#include "service/status.h"

static void test_login_status(void **state)
{
	static const struct {
		uint8_t class, detail;
		int added;
		uint32_t status;
	} rows[] = {
		{ 2, 1, 0, ISDSC_AUTHENTICATION_FAILURE },
		{ 2, 6, 0, ISDSC_TOO_MANY_CONNECTIONS },
		{ 2, 6, 1, ISDSC_TOO_MANY_CONNECTIONS },
		{ 2, 8, 0, ISDSC_CANT_INCLUDE_IN_SESSION },
		{ 2, 8, 1, ISDSC_TOO_MANY_CONNECTIONS },
		{ 2, 10, 1, ISDSC_CANT_INCLUDE_IN_SESSION },
		{ 3, 1, 0, ISDSC_SERVICE_UNAVAILABLE },
		{ 2, 99, 0, ISDSC_INITIATOR_ERROR },
		{ 3, 99, 1, ISDSC_TARGET_ERROR },
		{ 9, 0, 0, ISDSC_LOGIN_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct fault fault = {
			.kind = FAULT_LOGIN_STATUS, .status_class = rows[i].class,
			.status_detail = rows[i].detail,
		};

		assert_int_equal(status_of(&fault, rows[i].added), rows[i].status);
	}
}

static void test_cause(void **state)
{
	struct fault fault = { .kind = FAULT_CLOSED };

	(void)state;
	snprintf(fault.text, sizeof(fault.text), "::1:3260: the target closed the connection");
	assert_string_equal(status_cause(&fault, "::1", 3260), "the target closed the connection");
	assert_null(status_cause(&fault, "::1", 326));
	assert_null(status_cause(&fault, "::2", 3260));
	fault.text[0] = 0;
	assert_null(status_cause(&fault, "::1", 3260));
	/* A name longer than the sentence has room for. */
	char host[300];

	for (size_t i = 0; i < sizeof(host); i++)
		host[i] = 'x';
	host[sizeof(host) - 1] = 0;
	snprintf(fault.text, sizeof(fault.text), "%.100s", host);
	assert_null(status_cause(&fault, host, 3260));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login_status),
		cmocka_unit_test(test_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
