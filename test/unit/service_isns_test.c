/*
 * service_isns_test.c - what an iSNS server tells of targets, and its notifications.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/isns.h"
#include "proto/sendtargets.h"
#include "service/isns.h"
#include "service/isns_answer.h"
#include "../duty.h"

static uint8_t bytes[8 * 1024 * 1024];
static struct bytes_writer w;
static struct answer answer;
static struct fault fault;

static void start(void)
{
	bytes_writer_init(&w, bytes, sizeof(bytes));
}

static int get(void)
{
	struct bytes_reader reader;

	assert_false(w.bad);
	bytes_reader_init(&reader, bytes, w.len);
	return isns_answer_get(&reader, &answer, &fault);
}

static void node(const char *name)
{
	isns_put_text(&w, ISNS_NAME, name);
	isns_put_number(&w, ISNS_NODE_TYPE, ISNS_TYPE_TARGET);
}

/* IPv4 10.0.0.LAST, mapped. */
static void put_address(unsigned tag, uint8_t last)
{
	const uint8_t a[ISNS_ADDRESS_LEN] = { [10] = 0xff, 0xff, 10, 0, 0, last };

	isns_put_address(&w, tag, a);
}

static void group(const char *name, uint8_t last, uint32_t port, int tag)
{
	isns_put_text(&w, ISNS_GROUP_NAME, name);
	put_address(ISNS_GROUP_ADDRESS, last);
	isns_put_number(&w, ISNS_GROUP_PORT, port);
	if (tag >= 0)
		isns_put_number(&w, ISNS_GROUP_TAG, (uint32_t)tag);
	else
		isns_put_empty(&w, ISNS_GROUP_TAG);
}

static void portal(uint8_t last, uint32_t port)
{
	put_address(ISNS_PORTAL_ADDRESS, last);
	isns_put_number(&w, ISNS_PORTAL_PORT, port);
}

static void assert_found(size_t index, const char *name, const char *addresses)
{
	char text[1024] = "";

	assert_in_range(index, 0, answer.count - 1);
	assert_string_equal(answer.found[index].name, name);
	for (unsigned i = 0; i < answer.found[index].count; i++) {
		const struct name_address *a = &answer.found[index].addresses[i];
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%s:%u,%d ", a->host, a->port, a->tag);
	}
	assert_string_equal(text, addresses);
}

static void groups_count(void **state)
{
	(void)state;
	start();
	node("iqn.2026-11.test:B");
	isns_put_text(&w, ISNS_ALIAS, "Platte \xc3\xbc");
	portal(1, 3260);
	portal(2, 3260);
	group("iqn.2026-11.test:b", 1, 3260, 7);
	group("iqn.2026-11.test:b", 2, 3260, -1); /* leads elsewhere */
	node("iqn.2026-11.test:a");
	portal(3, 860); /* without groups: what follows it */
	portal(3, 860);
	node("iqn.2026-11.test:c");
	group("iqn.2026-11.test:a2", 9, 1, 1);
	group("iqn.2026-11.test:b", 4, 3261, 8); /* a group may come later */
	assert_int_equal(get(), 0);
	assert_int_equal(answer.count, 3);
	assert_found(0, "iqn.2026-11.test:b", "10.0.0.1:3260,7 10.0.0.4:3261,8 ");
	assert_string_equal(answer.found[0].alias, "Platte \xc3\xbc");
	assert_found(1, "iqn.2026-11.test:a", "10.0.0.3:860,-1 ");
	assert_null(answer.found[1].alias);
	assert_found(2, "iqn.2026-11.test:c", "");
	answer_done(&answer);
	DUTY("DSC-10");
}

/* An entity ends what portals belong to; a node that comes again adds nothing; initiators are none. */
static void structure(void **state)
{
	(void)state;
	start();
	portal(1, 3260);
	isns_put_number(&w, ISNS_NODE_TYPE, ISNS_TYPE_TARGET);
	isns_put_text(&w, ISNS_ALIAS, "of nobody");
	isns_put_number(&w, ISNS_GROUP_TAG, 1);
	node("iqn.a");
	isns_put_text(&w, ISNS_ENTITY, "e");
	portal(2, 3260);
	node("iqn.b");
	isns_put_text(&w, ISNS_NAME, "iqn.i");
	isns_put_number(&w, ISNS_NODE_TYPE, ISNS_TYPE_INITIATOR);
	node("IQN.A");
	portal(3, 3260);
	isns_put_text(&w, ISNS_NAME, "iqn.both"); /* its type is not told */
	assert_int_equal(get(), 0);
	assert_int_equal(answer.count, 3);
	assert_found(0, "iqn.a", "");
	assert_found(1, "iqn.b", "");
	assert_found(2, "iqn.both", "");
	answer_done(&answer);
}

/* One that is broken does not spoil the others. */
static void broken(void **state)
{
	static const uint8_t multicast[ISNS_ADDRESS_LEN] = { 0xff, 2 };
	static const uint8_t local[ISNS_ADDRESS_LEN] = { 0xfe, 0x80, [15] = 1 };
	static const uint8_t none[ISNS_ADDRESS_LEN], one[ISNS_ADDRESS_LEN] = { [15] = 1 };
	static const uint8_t compatible[ISNS_ADDRESS_LEN] = { [12] = 10, [15] = 5 };
	const uint8_t *const addresses[] = { multicast, local, none, one, compatible };

	(void)state;
	start();
	node("has a blank");
	portal(1, 3260);
	node("");
	node("iqn.a");
	for (unsigned i = 0; i < 5; i++) {
		isns_put_address(&w, ISNS_PORTAL_ADDRESS, addresses[i]);
		isns_put_number(&w, ISNS_PORTAL_PORT, 3260);
	}
	isns_put_number(&w, ISNS_PORTAL_ADDRESS, 1);
	isns_put_number(&w, ISNS_PORTAL_PORT, 3260);
	portal(6, 0);
	portal(7, ISNS_PORT_UDP | 3260);
	put_address(ISNS_PORTAL_ADDRESS, 8);
	isns_put_text(&w, ISNS_PORTAL_PORT, "no number");
	put_address(ISNS_PORTAL_ADDRESS, 9); /* no port at all */
	isns_put_text(&w, ISNS_ALIAS, "\xff\xff");
	isns_put_text(&w, ISNS_ALIAS, "line\nbreak");
	assert_int_equal(get(), 0);
	assert_int_equal(answer.count, 1);
	assert_found(0, "iqn.a", "::1:3260,-1 10.0.0.5:3260,-1 ");
	assert_null(answer.found[0].alias);
	answer_done(&answer);
	DUTY("FIELD-13.6");
}

/* Cut anywhere it is an answer or an error, and never read past its end. */
static void cut(void **state)
{
	uint8_t *exact;
	struct bytes_reader reader;
	size_t whole;

	(void)state;
	start();
	node("iqn.a");
	portal(1, 3260);
	group("iqn.a", 1, 3260, 1);
	whole = w.len;
	for (size_t len = 0; len <= whole; len++) {
		exact = malloc(len ? len : 1);
		assert_non_null(exact);
		memcpy(exact, bytes, len);
		bytes_reader_init(&reader, exact, len);
		if (isns_answer_get(&reader, &answer, &fault) == 0) {
			assert_int_equal(len % 4, 0);
			answer_done(&answer);
		} else {
			assert_int_equal(fault.kind, FAULT_PROTOCOL);
		}
		free(exact);
	}
}

static void begin(void **state)
{
	struct bytes_reader reader;

	(void)state;
	start();
	isns_put_number(&w, ISNS_NODE_TYPE, 1);
	bytes_reader_init(&reader, bytes, w.len);
	assert_int_equal(isns_answer_begin(&reader), -EPROTO);
	isns_put_empty(&w, ISNS_DELIMITER);
	node("iqn.a");
	bytes_reader_init(&reader, bytes, w.len);
	assert_int_equal(isns_answer_begin(&reader), 0);
	assert_int_equal(isns_answer_get(&reader, &answer, &fault), 0);
	assert_int_equal(answer.count, 1);
	answer_done(&answer);
}

static void limits(void **state)
{
	char name[64];

	(void)state;
	start();
	for (unsigned i = 0; i < SENDTARGETS_TARGETS_MAX; i++) {
		snprintf(name, sizeof(name), "iqn.2026-11.test:%u", i);
		node(name);
	}
	node(name); /* again */
	assert_int_equal(get(), 0);
	assert_int_equal(answer.count, SENDTARGETS_TARGETS_MAX);
	answer_done(&answer);
	node("iqn.2026-11.test:more");
	assert_int_equal(get(), -EPROTO);

	start();
	node("iqn.a");
	for (unsigned i = 0; i < 200; i++)
		group("iqn.a", 1, 1000 + i, 1);
	assert_int_equal(get(), 0);
	assert_int_equal(answer.found[0].count, SENDTARGETS_ADDRESSES_MAX);
	answer_done(&answer);
}

static void notification(void **state)
{
	uint8_t reply[ISNS_SCN_MAX];
	struct isns_header header;
	struct bytes_reader named;
	struct isns_attr attr;
	size_t whole;

	(void)state;
	start();
	isns_begin(&w, ISNS_SCN, ISNS_SERVER, 0x7788);
	isns_put_text(&w, ISNS_NAME, "iqn.Me");
	isns_put_number(&w, ISNS_SCN_BITMAP, 8);
	whole = w.len;
	assert_int_equal(isns_scn_answer(bytes, whole, "iqn.me", reply, &named), 12 + 4 + 16);
	assert_int_equal(isns_attr_next(&named, &attr), 1);
	assert_int_equal(attr.tag, ISNS_SCN_BITMAP);
	isns_header_get(reply, &header);
	assert_int_equal(header.function, ISNS_SCN | ISNS_RESPONSE);
	assert_int_equal(header.xid, 0x7788);
	assert_int_equal(header.length, 20);
	assert_int_equal(bytes_get32(reply + 12), 0);
	assert_string_equal((char *)reply + 24, "iqn.Me");
	assert_int_equal(isns_scn_answer(bytes, whole, "iqn.other", reply, &named), -EPROTO);
	for (size_t len = 0; len < ISNS_HEADER_LEN + 16; len++)
		assert_int_equal(isns_scn_answer(bytes, len, "iqn.me", reply, &named), -EPROTO);
	bytes[1] = 2; /* another version */
	assert_int_equal(isns_scn_answer(bytes, whole, "iqn.me", reply, &named), -EPROTO);
	bytes[1] = 1;
	bytes[3] = ISNS_QUERY;
	assert_int_equal(isns_scn_answer(bytes, whole, "iqn.me", reply, &named), -EPROTO);
}

static void named(const char *name)
{
	isns_put_number(&w, ISNS_SCN_BITMAP, 8);
	isns_put_text(&w, ISNS_NAME, name);
}

static void note(struct isns_changes *changes)
{
	struct bytes_reader reader;

	bytes_reader_init(&reader, bytes, w.len);
	isns_changes_note(changes, &reader);
}

static void changes_named(void **state)
{
	struct isns_changes changes = { .count = 0 };
	char name[300];

	(void)state;
	assert_false(isns_changes_any(&changes));
	start();
	named("iqn.a");
	named("iqn.b");
	named("iqn.A");
	note(&changes);
	assert_false(changes.all);
	assert_int_equal(changes.count, 2);
	assert_string_equal(changes.name[1], "iqn.b");
	isns_changes_clear(&changes);
	assert_false(isns_changes_any(&changes));

	/* One that names nothing, what can't be a name, and what is cut. */
	start();
	isns_put_number(&w, ISNS_SCN_BITMAP, 8);
	note(&changes);
	assert_true(changes.all);
	isns_changes_clear(&changes);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	start();
	named(name);
	note(&changes);
	assert_true(changes.all && !changes.count);
	isns_changes_clear(&changes);
	start();
	named("iqn.a");
	w.len -= 4;
	note(&changes);
	assert_true(changes.all);
	isns_changes_clear(&changes);

	start();
	for (unsigned i = 0; i < ISNS_CHANGES_MAX + 1; i++) {
		snprintf(name, sizeof(name), "iqn.%u", i);
		named(name);
		if (i == ISNS_CHANGES_MAX - 1) {
			note(&changes);
			assert_false(changes.all);
		}
	}
	note(&changes);
	assert_true(changes.all);
	assert_int_equal(changes.count, ISNS_CHANGES_MAX);
}

/* What comes while others are asked for waits for the next round, even the same name. */
static void changes_round(void **state)
{
	struct isns_server server = { .state = ISNS_CHANGING };
	struct isns_changes *changes = &server.changes;

	(void)state;
	start();
	named("iqn.a");
	named("iqn.b");
	note(changes);
	isns_change_next(&server);
	assert_string_equal(server.asked_name, "iqn.a");
	assert_int_equal(changes->round, 1);
	start();
	named("iqn.a");
	note(changes);
	isns_change_next(&server);
	assert_string_equal(server.asked_name, "iqn.b");
	assert_int_equal(changes->round, 0);
	assert_int_equal(changes->count, 1);
	isns_change_next(&server);
	assert_string_equal(server.asked_name, "iqn.a");
	assert_int_equal(changes->round, 0);
	assert_int_equal(changes->count, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_count), cmocka_unit_test(structure), cmocka_unit_test(broken),
		cmocka_unit_test(cut), cmocka_unit_test(begin), cmocka_unit_test(limits),
		cmocka_unit_test(notification), cmocka_unit_test(changes_named),
		cmocka_unit_test(changes_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
