/*
 * proto_vici_test.c - vici's packets: written and read back, cut at every byte, nested beyond reason.
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

#include "proto/vici.h"

static uint8_t bytes[1024 * 1024];
static struct bytes_writer w;
static struct vici_packet packet;

/* A response, whose message follows. The length is in front. */
static void start(enum vici_type type)
{
	bytes_writer_init(&w, bytes, sizeof(bytes));
	bytes_append32(&w, 0);
	bytes_append8(&w, (uint8_t)type);
}

static int get(void)
{
	assert_false(w.bad);
	memset(&packet, 0xaa, sizeof(packet));
	return vici_packet_get(bytes + VICI_LENGTH_LEN, w.len - VICI_LENGTH_LEN, &packet);
}

static void assert_bytes(struct vici_bytes is, const char *text)
{
	assert_int_equal(is.len, strlen(text));
	assert_memory_equal(is.data, text, is.len);
	assert_true(vici_is(is, text));
}

/* Writes the whole walk as a text: names, values, brackets. */
static const char *walk(struct vici_bytes message)
{
	static char text[4096];
	struct vici_cursor cursor;
	struct vici_item item;
	size_t len = 0;
	int r;

	text[0] = 0;
	vici_walk(&cursor, message);
	while ((r = vici_next(&cursor, &item)) > 0) {
		static const char *const forms[] = {
			[VICI_SECTION] = "%.*s{%.*s", [VICI_SECTION_END] = "%.*s%.*s}",
			[VICI_VALUE] = "%.*s=%.*s ", [VICI_LIST] = "%.*s[%.*s", [VICI_ITEM] = "%.*s%.*s,",
			[VICI_LIST_END] = "%.*s%.*s]",
		};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		len += (size_t)snprintf(text + len, sizeof(text) - len, forms[item.element],
					(int)item.name.len, item.name.data, (int)item.value.len,
					item.value.data);
#pragma GCC diagnostic pop
	}
	assert_int_equal(r, 0);
	return text;
}

static void put_example(void)
{
	vici_put_text(&w, "key1", "value1");
	vici_put_section(&w, "section1");
	vici_put_section(&w, "sub-section");
	vici_put_text(&w, "key2", "value2");
	vici_put_section_end(&w);
	vici_put_list(&w, "list1");
	vici_put_item(&w, "item1");
	vici_put_item(&w, "item2");
	vici_put_list_end(&w);
	vici_put_section_end(&w);
	vici_put_number(&w, "number", -7);
}

/* Byte for byte what the protocol's own description gives. */
static void is_as_described(void **state)
{
	static const char described[] =
		"\x00\x00\x00\x57\x00\x04name"
		"\x03\x04key1\x00\x06value1\x01\x08section1\x01\x0bsub-section"
		"\x03\x04key2\x00\x06value2\x02\x04\x05list1\x05\x00\x05item1\x05\x00\x05item2\x06\x02"
		"\x03\x06number\x00\x02-7";

	(void)state;
	bytes_writer_init(&w, bytes, sizeof(bytes));
	vici_begin(&w, VICI_REQUEST, "name");
	put_example();
	assert_int_equal(vici_end(&w), 0);
	assert_int_equal(w.len, sizeof(described) - 1);
	assert_int_equal(bytes_get32(bytes), w.len - VICI_LENGTH_LEN);
	assert_memory_equal(bytes + 4, described + 4, w.len - 4);
}

static void is_read_back(void **state)
{
	(void)state;
	start(VICI_RESPONSE);
	put_example();
	assert_int_equal(get(), 0);
	assert_int_equal(packet.type, VICI_RESPONSE);
	assert_int_equal(packet.name.len, 0);
	assert_string_equal(walk(packet.message), "key1=value1 section1{sub-section{key2=value2 }"
						  "list1[item1,item2,]}number=-7 ");
}

static void types_are_judged(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		bool message = type == VICI_RESPONSE;
		bool good = type == VICI_RESPONSE || type == VICI_UNKNOWN_REQUEST ||
			    type == VICI_CONFIRMED || type == VICI_UNKNOWN_EVENT;

		start((enum vici_type)type);
		assert_int_equal(get(), good ? 0 : -EPROTO);
		vici_put_text(&w, "a", "b");
		assert_int_equal(get(), message ? 0 : -EPROTO);
	}
	start(VICI_EVENT);
	bytes_append(&w, "\x05log-x", 6);
	assert_int_equal(get(), 0);
	assert_bytes(packet.name, "log-x");
	assert_int_equal(packet.message.len, 0);
	assert_int_equal(vici_packet_get(bytes, 0, &packet), -EPROTO);
}

/* Each cut leaves something open or in half, but those between two elements of the root. */
static void cuts_are_noticed(void **state)
{
	(void)state;
	size_t len, whole = 0;

	start(VICI_EVENT);
	bytes_append(&w, "\x04" "name", 5);
	put_example();
	len = w.len - VICI_LENGTH_LEN;
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1); /* so that reading past the end shows */

		memcpy(copy, bytes + VICI_LENGTH_LEN, cut);
		memset(&packet, 0, sizeof(packet));
		if (vici_packet_get(copy, cut, &packet) == 0) {
			whole++;
			walk(packet.message);
		} else {
			assert_null(packet.message.data); /* untouched */
		}
		free(copy);
	}
	assert_int_equal(whole, 3); /* behind the name, key1, section1 */
}

static void grammar_is_kept(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int result;
	} cases[] = {
#define CASE(text, result) { text, sizeof(text) - 1, result }
		CASE("", 0),
		CASE("\x01\x01s\x02", 0),
		CASE("\x01\x01s", -EPROTO),                    /* not closed */
		CASE("\x02", -EPROTO),                         /* not open */
		CASE("\x01\x01s\x02\x02", -EPROTO),
		CASE("\x04\x01l\x06", 0),
		CASE("\x04\x01l", -EPROTO),
		CASE("\x06", -EPROTO),
		CASE("\x05\x00\x01x", -EPROTO),                /* an item outside */
		CASE("\x04\x01l\x04\x01l\x06\x06", -EPROTO),   /* a list in a list */
		CASE("\x04\x01l\x01\x01s\x02\x06", -EPROTO),   /* a section in a list */
		CASE("\x04\x01l\x03\x01k\x00\x00\x06", -EPROTO), /* a value in a list */
		CASE("\x01\x01s\x04\x01l\x02\x06", -EPROTO),   /* crossed */
		CASE("\x00", -EPROTO),
		CASE("\x07", -EPROTO),
		CASE("\xff", -EPROTO),
		CASE("\x03\x00\x00\x00", 0),                   /* without name and value */
		CASE("\x03\x01k\xff\xff", -EPROTO),            /* a length beyond the end */
		CASE("\x03\xffk\x00\x00", -EPROTO),
#undef CASE
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(VICI_RESPONSE);
		bytes_append(&w, cases[i].bytes, cases[i].len);
		assert_int_equal(get(), cases[i].result);
	}
}

static void depth_is_limited(void **state)
{
	(void)state;
	for (unsigned depth = VICI_DEPTH_MAX; depth <= VICI_DEPTH_MAX + 1; depth++) {
		start(VICI_RESPONSE);
		for (unsigned i = 0; i < depth; i++)
			vici_put_section(&w, "s");
		for (unsigned i = 0; i < depth; i++)
			vici_put_section_end(&w);
		assert_int_equal(get(), depth <= VICI_DEPTH_MAX ? 0 : -EPROTO);
	}
	/* A million open ones, too. */
	start(VICI_RESPONSE);
	while (w.len + 3 < sizeof(bytes) / 2)
		bytes_append(&w, "\x01\x01s", 3);
	assert_int_equal(get(), -EPROTO);
}

static void things_are_found(void **state)
{
	struct vici_bytes list, item;

	(void)state;
	start(VICI_RESPONSE);
	vici_put_section(&w, "other");
	vici_put_text(&w, "key", "inner");
	vici_put_section_end(&w);
	vici_put_list(&w, "key");
	vici_put_item(&w, "key");
	vici_put_list_end(&w);
	put_example();
	vici_put_text(&w, "key", "outer");
	vici_put_text(&w, "key", "second");
	assert_int_equal(get(), 0);
	assert_bytes(vici_find(packet.message, VICI_VALUE, "key"), "outer");
	assert_int_equal(vici_find(packet.message, VICI_VALUE, "ke").len, 0);
	assert_int_equal(vici_find(packet.message, VICI_VALUE, "key2").len, 0);
	assert_int_equal(vici_find(packet.message, VICI_SECTION, "key").len, 0);
	assert_string_equal(walk(vici_find(packet.message, VICI_SECTION, "section1")),
			    "sub-section{key2=value2 }list1[item1,item2,]");
	list = vici_find(vici_find(packet.message, VICI_SECTION, "section1"), VICI_LIST, "list1");
	assert_true(vici_take_item(&list, &item));
	assert_bytes(item, "item1");
	assert_true(vici_take_item(&list, &item));
	assert_bytes(item, "item2");
	assert_false(vici_take_item(&list, &item));
	list = (struct vici_bytes){ .data = (const uint8_t *)"\x05\x00\x04two", .len = 6 };
	assert_false(vici_take_item(&list, &item));
	assert_int_equal(vici_find((struct vici_bytes){ 0 }, VICI_LIST, "x").len, 0);
}

static void sections_are_passed_over(void **state)
{
	struct vici_cursor cursor;
	struct vici_item item;

	(void)state;
	start(VICI_RESPONSE);
	put_example();
	assert_int_equal(get(), 0);
	vici_walk(&cursor, packet.message);
	assert_int_equal(vici_next(&cursor, &item), 1);
	assert_int_equal(vici_inside(&cursor, &item).len, 0); /* a value has no inside */
	assert_int_equal(vici_next(&cursor, &item), 1);
	assert_int_equal(vici_skip(&cursor, &item), 0);
	assert_int_equal(vici_next(&cursor, &item), 1);
	assert_bytes(item.name, "number");
	assert_int_equal(vici_skip(&cursor, &item), 0);
	assert_int_equal(vici_next(&cursor, &item), 0);
	/* What was not checked ends in an error, not in a loop. */
	vici_walk(&cursor, (struct vici_bytes){ .data = (const uint8_t *)"\x01\x01s\x04\x01l", .len = 6 });
	assert_int_equal(vici_next(&cursor, &item), 1);
	assert_int_equal(vici_skip(&cursor, &item), -EPROTO);
	assert_int_equal(vici_next(&cursor, &item), -EPROTO);
}

static struct vici_bytes of(const char *text)
{
	return (struct vici_bytes){ .data = (const uint8_t *)text, .len = strlen(text) };
}

static void values_are_read(void **state)
{
	char text[8];

	(void)state;
	assert_int_equal(vici_number(of("0")), 0);
	assert_int_equal(vici_number(of("4294967296")), 4294967296);
	assert_true(vici_number(of("18446744073709551615")) == UINT64_MAX);
	assert_int_equal(vici_number(of("18446744073709551616")), 0);
	assert_int_equal(vici_number(of("99999999999999999999999999")), 0);
	assert_int_equal(vici_number(of("-1")), 0);
	assert_int_equal(vici_number(of("1a")), 0);
	assert_int_equal(vici_number(of("")), 0);
	assert_int_equal(vici_hex(of("c0FFee")), 0xc0ffee);
	assert_int_equal(vici_hex(of("c0g")), 0);
	vici_text(of("a\nb\x7f\xc3\xa4" "longer"), text, sizeof(text));
	assert_string_equal(text, "a?b???l");
	vici_text((struct vici_bytes){ 0 }, text, sizeof(text));
	assert_string_equal(text, "");
	assert_false(vici_is(of("yes "), "yes"));
	assert_false(vici_is(of("ye"), "yes"));
}

/* What does not fit is refused, whole. */
static void writing_is_bounded(void **state)
{
	static char text[VICI_VALUE_MAX + 2];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	for (unsigned room = 0; room < 40; room++) {
		bytes_writer_init(&w, bytes, room);
		vici_begin(&w, VICI_REQUEST, "name");
		vici_put_text(&w, "key", "value");
		vici_put_list(&w, "l");
		vici_put_item(&w, "i");
		vici_put_list_end(&w);
		assert_int_equal(vici_end(&w), room < 30 ? -EMSGSIZE : 0);
	}
	start(VICI_RESPONSE);
	vici_put(&w, "k", text, VICI_VALUE_MAX);
	assert_int_equal(vici_end(&w), 0);
	assert_int_equal(get(), 0);
	vici_put(&w, "k", text, VICI_VALUE_MAX + 1);
	assert_int_equal(vici_end(&w), -EMSGSIZE);
	start(VICI_RESPONSE);
	vici_put_section(&w, "");
	assert_int_equal(vici_end(&w), -EMSGSIZE);
	start(VICI_RESPONSE);
	vici_put_list(&w, text + sizeof(text) - 1 - VICI_NAME_MAX);
	assert_int_equal(vici_end(&w), 0);
	vici_put_list(&w, text + sizeof(text) - 2 - VICI_NAME_MAX);
	assert_int_equal(vici_end(&w), -EMSGSIZE);
	start(VICI_RESPONSE);
	for (unsigned i = 0; i < 9; i++)
		vici_put(&w, "k", text, VICI_VALUE_MAX);
	assert_false(w.bad);
	assert_int_equal(vici_end(&w), -EMSGSIZE); /* beyond a packet */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_as_described),
		cmocka_unit_test(is_read_back),
		cmocka_unit_test(types_are_judged),
		cmocka_unit_test(cuts_are_noticed),
		cmocka_unit_test(grammar_is_kept),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(things_are_found),
		cmocka_unit_test(sections_are_passed_over),
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(writing_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
