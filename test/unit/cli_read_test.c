/*
 * cli_read_test.c - how the tool reads its arguments, and its table of commands and texts.
 */
#include "cli/command.h"
#include "cli/read.h"
#include "cli/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <regex.h>
#include <cmocka.h>

static void numbers(void **state)
{
	(void)state;
	assert_int_equal(read_number("3260"), 3260);
	assert_int_equal(read_number("0x1F"), 31);
	assert_int_equal(read_number("0X1f"), 31);
	assert_int_equal(read_number("010"), 10);
	assert_int_equal((ULONG)read_number("-1"), ISCSI_ANY_INITIATOR_PORT);
	assert_int_equal(read_number("*"), 0);
	assert_int_equal(read_number("what"), 0);
	assert_int_equal(read_number_or("*", 5), 5);
	assert_int_equal(read_number_or("**", 5), 5);
	assert_int_equal(read_number_or("6", 5), 6);
}

static void booleans(void **state)
{
	(void)state;
	assert_true(read_boolean("t", false));
	assert_true(read_boolean("True", false));
	assert_false(read_boolean("yes", true));
	assert_false(read_boolean("1", true));
	assert_true(read_boolean("*", true));
	assert_false(read_boolean("*", false));
}

static void ids(void **state)
{
	static const char *const bad[] = {
		"", "-", "12", "12-", "-12", "0x-1", "1-0x", "1-2-3", "g-1", "1 -2", "1-2 ",
		"11112222333344445-1",
	};
	ISCSI_UNIQUE_SESSION_ID id;

	(void)state;
	assert_int_equal(read_id("0xffff8188CD3FF010-0x4000013700000002", &id), 0);
	assert_int_equal(id.AdapterUnique, 0xffff8188cd3ff010);
	assert_int_equal(id.AdapterSpecific, 0x4000013700000002);
	assert_int_equal(read_id("a-0x1b", &id), 0);
	assert_int_equal(id.AdapterUnique, 10);
	assert_int_equal(id.AdapterSpecific, 27);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_id(bad[i], &id), ERROR_INVALID_PARAMETER);
	assert_int_equal(id.AdapterUnique, 10);
}

static void secrets(void **state)
{
	char text[] = "twelve bytes", hex[] = "0x00ffA1", odd[] = "0x123", wrong[] = "0x12zz";
	struct secret secret;

	(void)state;
	assert_int_equal(read_secret(text, &secret), 0);
	assert_int_equal(secret.size, 12);
	assert_memory_equal(secret.bytes, "twelve bytes", 12);
	assert_int_equal(text[0], 0); /* wiped, also from the list of processes */
	assert_int_equal(text[11], 0);
	assert_int_equal(read_secret(hex, &secret), 0);
	assert_int_equal(secret.size, 3);
	assert_memory_equal(secret.bytes, "\x00\xff\xa1", 3);
	assert_int_equal(read_secret(odd, &secret), ERROR_INVALID_PARAMETER);
	assert_int_equal(read_secret(wrong, &secret), ERROR_INVALID_PARAMETER);
}

static void keys(void **state)
{
	char key[] = "key", none[] = "*";
	struct secret secret;

	(void)state;
	assert_int_equal(read_key(key, &secret), 0);
	assert_int_equal(secret.size, 4); /* its NUL counts */
	assert_memory_equal(secret.bytes, "key", 4);
	assert_int_equal(read_key(none, &secret), 0);
	assert_int_equal(secret.size, 0);
}

static void login_options(void **state)
{
	char star[] = "*", two[] = "2", one[] = "1", dash[] = "-", secret[] = "twelve bytes";
	char *none[OPTIONS_COUNT] = { star, star, star, star, star, star, star, star, star };
	char *some[OPTIONS_COUNT] = { two, one, star, two, star, star, dash, secret, one };
	struct options options;

	(void)state;
	assert_int_equal(read_options(none, &options), 0);
	assert_int_equal(options.login.InformationSpecified, 0);
	assert_int_equal(options.login.LoginFlags, 0);
	assert_int_equal(read_options(some, &options), 0);
	assert_int_equal(options.login.LoginFlags, 2);
	assert_int_equal(options.login.InformationSpecified,
			 ISCSI_LOGIN_OPTIONS_HEADER_DIGEST |
			 ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS | ISCSI_LOGIN_OPTIONS_USERNAME |
			 ISCSI_LOGIN_OPTIONS_PASSWORD | ISCSI_LOGIN_OPTIONS_AUTH_TYPE);
	assert_null(options.login.Username);
	assert_int_equal(options.login.PasswordLength, 12);
	assert_memory_equal(options.login.Password, "twelve bytes", 12);
	options_wipe(&options);
}

static void portals(void **state)
{
	ISCSI_TARGET_PORTALA portal;
	char address[300];

	(void)state;
	assert_int_equal(read_portal("2001:db8::1", "3260", &portal), 0);
	assert_int_equal(portal.Socket, 3260);
	assert_int_equal(read_portal("a", "65536", &portal), ERROR_INVALID_PARAMETER);
	memset(address, 'a', 255);
	address[255] = '\0';
	assert_int_equal(read_portal(address, "1", &portal), 0);
	address[255] = 'a';
	address[256] = '\0';
	assert_int_equal(read_portal(address, "1", &portal), ERROR_INVALID_PARAMETER);
}

static void mappings(void **state)
{
	char two[] = "2", lun[] = "0x0001000000000000", bus[] = "0", other[] = "1";
	char short_lun[] = "0x1";
	char *good[] = { two, lun, bus, bus, bus, lun, bus, bus, other };
	char *mixed[] = { two, lun, bus, bus, bus, lun, other, bus, other };
	char *bad[] = { two, lun, bus, bus, bus, short_lun, bus, bus, other };
	struct mappings read;

	(void)state;
	assert_int_equal(read_mappings(9, good, &read), 0);
	assert_int_equal(read.mapping.LUNCount, 2);
	assert_int_equal(read.luns[1].TargetLUN, 0x0001000000000000);
	assert_int_equal(read.luns[1].OSLUN, 1);
	assert_int_equal(read_mappings(9, mixed, &read), ERROR_INVALID_PARAMETER);
	assert_int_equal(read_mappings(9, bad, &read), ERROR_INVALID_PARAMETER);
	assert_int_equal(read_mappings(8, good, &read), COMMAND_USAGE);
}

static bool matches(const char *pattern, const char *text)
{
	regex_t regex;
	bool found;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

/* What scripts for the Windows tool look for. */
static void texts(void **state)
{
	(void)state;
	assert_string_equal(status_find(0)->text, "The operation completed successfully. ");
	assert_true(matches("already.+logged", status_find(ISDSC_TARGET_ALREADY_LOGGED_IN)->text));
	assert_non_null(strstr(status_find(ERROR_CALL_NOT_IMPLEMENTED)->text, "not there yet"));
	assert_null(status_find(0x12345678));
	for (size_t i = 0; i < status_count; i++) {
		const struct status_text *row = &status_table[i];

		assert_ptr_equal(status_find(row->status), row); /* no code twice */
		if (row->status)
			assert_true(matches("failed|cannot|invalid|not found", row->text));
	}
	for (ULONG code = 1; code <= 0x68; code++)
		assert_true(status_find(0xefff0000 + code) || status_find(0xafff0000 + code));
}

static void commands(void **state)
{
	(void)state;
	assert_ptr_equal(command_find("qLOGINtarget"), command_find("QLoginTarget"));
	assert_null(command_find("Nothing"));
	for (const struct command *command = command_table; command->name; command++)
		assert_ptr_equal(command_find(command->name), command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(booleans), cmocka_unit_test(ids),
		cmocka_unit_test(secrets), cmocka_unit_test(keys), cmocka_unit_test(login_options),
		cmocka_unit_test(portals), cmocka_unit_test(mappings), cmocka_unit_test(texts),
		cmocka_unit_test(commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
