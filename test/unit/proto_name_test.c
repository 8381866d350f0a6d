/* proto_name_test.c - iSCSI names (NAM-1, NAM-2, NAM-5) and portal addresses (TOL-12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "proto/name.h"
#include "../duty.h"

static void good_names(void **state)
{
	static const char *const names[] = {
		"iqn.1991-05.com.microsoft:host", "iqn.2001-04.com.example",
		"iqn.2001-04.com.example:storage:disk2.sys1.xyz", "IQN.2001-04.COM.Example:X",
		"iqn.2001-12.x", "eui.02004567A425678D", "naa.52004567ba64678d",
		"NAA.62004567BA64678D0123456789abcdef", "iqn.2001-04.com.example:gr\xc3\xbc\xc3\x9f",
		"iqn.2001-04.com.example:", "iqn.2001-04.com.example-2:a..b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_int_equal(name_check(names[i]), 0);
		assert_int_equal(name_check_received(names[i]), 0);
	}
	DUTY("NAM-1 NAM-2");
}

static void bad_names(void **state)
{
	static const char *const names[] = {
		"", "iqn.", "iqn.2001", "iqn.2001-04", "iqn.2001-04.", "iqn.2001-04.:x",
		"iqn.2001-13.com.example", "iqn.2001-00.com.example", "iqn.201-04.com.example",
		"iqn.2001-04.com.example:a b", "iqn.2001-04.com.example:a\tb",
		"iqn.2001-04.com.example:a_b", "iqn.2001-04.com.example:a/b",
		"iqn.2001-04.com.example:a,b", "iqn.2001-04..com", "iqn.2001-04.com.:x",
		"iqn.2001-04.com.example:\xc3", "iqn.2001-04.com.example:\xc0\x80",
		"iqn.2001-04.com.example:\xed\xa0\x80", "iqn.2001-04.com.example:\xf5\x80\x80\x80",
		"iqn.2001-04.com.example:\xc2\xa0", "iqn.2001-04.com.example:\xe3\x80\x80",
		"eui.", "eui.02004567A425678", "eui.02004567A425678DA", "eui.02004567A425678G",
		"naa.52004567ba64678", "naa.52004567ba64678d00", "naa.", "xyz.2001-04.com.example",
		"iqn:2001-04.com.example", "host", " iqn.2001-04.com.example",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(name_check(names[i]), -EINVAL);
	DUTY("NAM-1 NAM-2");
}

static void lengths(void **state)
{
	char name[300] = "iqn.2001-04.com.example:";

	(void)state;
	memset(name + 24, 'x', sizeof name - 24);
	name[223] = '\0';
	assert_int_equal(name_check(name), 0);
	assert_int_equal(name_check_received(name), 0);
	name[223] = 'x';
	name[224] = '\0';
	assert_int_equal(name_check(name), -EINVAL);
	assert_int_equal(name_check_received(name), -EINVAL);
	DUTY("NAM-1 NAM-5");
}

static void folding(void **state)
{
	char name[NAME_MAX_LEN + 1] = "IQN.2001-04.COM.EXAMPLE:Disk-Z.\xc3\x9c";
	char other[NAME_MAX_LEN + 1] = "untouched";

	(void)state;
	assert_int_equal(name_fold(name, name), 0);
	assert_string_equal(name, "iqn.2001-04.com.example:disk-z.\xc3\x9c");
	assert_int_equal(name_fold("nonsense", other), -EINVAL);
	assert_string_equal(other, "untouched");
	DUTY("NAM-3");
}

static void received_names(void **state)
{
	(void)state;
	assert_int_equal(name_check_received("iqn.2001-04.com.example:disk_1"), 0);
	assert_int_equal(name_check_received("disk1"), 0);
	assert_int_equal(name_check_received(""), -EINVAL);
	assert_int_equal(name_check_received("a b"), -EINVAL);
	assert_int_equal(name_check_received("a\x1b[2J"), -EINVAL);
	assert_int_equal(name_check_received("a\xff"), -EINVAL);
	assert_int_equal(name_check_received("a\xe2\x80\xae" "b"), -EINVAL); /* right-to-left override */
	assert_int_equal(name_check_received("a\xc2\x85"), -EINVAL);
	DUTY("NAM-5");
}

static void good_addresses(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		int tag;
		const char *put;
	} cases[] = {
		{ "10.0.0.1:3261,1", "10.0.0.1", 3261, 1, "10.0.0.1:3261,1" },
		{ "10.0.0.1", "10.0.0.1", 3260, -1, "10.0.0.1:3260" },
		{ "10.0.0.1,65535", "10.0.0.1", 3260, 65535, "10.0.0.1:3260,65535" },
		{ "host.example.com:80,0", "host.example.com", 80, 0, "host.example.com:80,0" },
		{ "[2001:db8::1]:3260,2", "2001:db8::1", 3260, 2, "[2001:db8::1]:3260,2" },
		{ "[::1]", "::1", 3260, -1, "[::1]:3260" },
		{ "[fe80::1%eth0]:1", "fe80::1%eth0", 1, -1, "[fe80::1%eth0]:1" },
		{ "2001:db8::1", "2001:db8::1", 3260, -1, "[2001:db8::1]:3260" },
		{ "2001:db8::1,4", "2001:db8::1", 3260, 4, "[2001:db8::1]:3260,4" },
		{ "1:2:3:4:5:6:7:8:3261", "1:2:3:4:5:6:7:8", 3261, -1, "[1:2:3:4:5:6:7:8]:3261" },
		{ "[::ffff:10.0.0.1]:5", "::ffff:10.0.0.1", 5, -1, "[::ffff:10.0.0.1]:5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct name_address address;
		char text[300];

		assert_int_equal(name_address_get(cases[i].text, &address), 0);
		assert_string_equal(address.host, cases[i].host);
		assert_int_equal(address.port, cases[i].port);
		assert_int_equal(address.tag, cases[i].tag);
		assert_int_equal(name_address_put(text, sizeof text, &address),
				 strlen(cases[i].put));
		assert_string_equal(text, cases[i].put);
	}
	DUTY("TOL-12");
}

static void bad_addresses(void **state)
{
	static const char *const texts[] = {
		"", ":3260", ",1", "host:", "host:0", "host:65536", "host:x", "host:1,", "host,65536",
		"host,x", "host,1,2", "[::1", "[::1]x", "[::1]:", "[host]:1", "[]:1", "::1]:1",
		"[::1%]:1", "[::1% x]:1", "[[::1]]:1", "a b:1", "host/x:1", "1:2:3", "host:1:2",
		"[1:2:3:4:5:6:7:8:9]", "h\xc3\xa4st:1", "host\n:1",
	};
	struct name_address address = { .tag = 42 };
	char longer[600];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(name_address_get(texts[i], &address), -EINVAL);
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(name_address_get(longer, &address), -EINVAL);
	longer[254] = '\0';
	assert_int_equal(name_address_get(longer, &address), -EINVAL);
	assert_int_equal(address.tag, 42);
	longer[253] = '\0';
	assert_int_equal(name_address_get(longer, &address), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_names), cmocka_unit_test(bad_names),
		cmocka_unit_test(lengths), cmocka_unit_test(folding),
		cmocka_unit_test(received_names), cmocka_unit_test(good_addresses),
		cmocka_unit_test(bad_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
