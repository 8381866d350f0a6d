/*
 * vici.c - see vici.h. The cursor keeps the grammar while it walks; vici_packet_get walks once through
 * everything, so that whoever reads after it finds no errors.
 */
#include "proto/vici.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct vici_bytes nothing;

static struct vici_bytes take(struct bytes_reader *r, size_t len)
{
	struct vici_bytes bytes = { .data = bytes_take(r, len), .len = len };

	return r->bad ? nothing : bytes;
}

static struct vici_bytes take_name(struct bytes_reader *r)
{
	return take(r, bytes_take8(r));
}

/* ---- packets */

/* What a server sends, and what there is in it. */
static const struct {
	bool sent, has_name, has_message;
} packets[] = {
	[VICI_RESPONSE] = { true, false, true },
	[VICI_UNKNOWN_REQUEST] = { true, false, false },
	[VICI_CONFIRMED] = { true, false, false },
	[VICI_UNKNOWN_EVENT] = { true, false, false },
	[VICI_EVENT] = { true, true, true },
};

static bool message_is_good(struct vici_bytes message)
{
	struct vici_cursor cursor;
	struct vici_item item;
	int r;

	vici_walk(&cursor, message);
	do
		r = vici_next(&cursor, &item);
	while (r > 0);
	return r == 0;
}

int vici_packet_get(const uint8_t *bytes, size_t len, struct vici_packet *ret)
{
	struct bytes_reader r;
	struct vici_packet packet = { 0 };
	unsigned type;

	bytes_reader_init(&r, bytes, len);
	type = bytes_take8(&r);
	if (r.bad || type >= sizeof(packets) / sizeof(packets[0]) || !packets[type].sent)
		return -EPROTO;
	packet.type = (enum vici_type)type;
	if (packets[type].has_name)
		packet.name = take_name(&r);
	if (r.bad)
		return -EPROTO;
	packet.message = take(&r, bytes_left(&r));
	if (!packets[type].has_message ? packet.message.len > 0 : !message_is_good(packet.message))
		return -EPROTO;
	*ret = packet;
	return 0;
}

/* ---- walking */

void vici_walk(struct vici_cursor *cursor, struct vici_bytes message)
{
	*cursor = (struct vici_cursor){ .depth = 0 };
	bytes_reader_init(&cursor->reader, message.data, message.len);
}

/* What an element has, and where it may be: in a list, outside of one. */
static const struct {
	bool known, has_name, has_value, in_list;
} elements[] = {
	[VICI_SECTION] = { true, true, false, false },
	[VICI_SECTION_END] = { true, false, false, false },
	[VICI_VALUE] = { true, true, true, false },
	[VICI_LIST] = { true, true, false, false },
	[VICI_ITEM] = { true, false, true, true },
	[VICI_LIST_END] = { true, false, false, true },
};

/* The cursor goes in or out. False where that can't be. */
static bool cursor_enter(struct vici_cursor *cursor, enum vici_element element)
{
	switch (element) {
	case VICI_SECTION:
		return cursor->depth++ < VICI_DEPTH_MAX;
	case VICI_SECTION_END:
		return cursor->depth-- > 0;
	case VICI_LIST:
		cursor->in_list = true;
		return true;
	case VICI_LIST_END:
		cursor->in_list = false;
		return true;
	case VICI_VALUE:
	case VICI_ITEM:
		return true;
	}
	return false;
}

int vici_next(struct vici_cursor *cursor, struct vici_item *ret)
{
	struct bytes_reader *r = &cursor->reader;
	struct vici_item item = { 0 };
	unsigned element;

	if (!r->bad && !bytes_left(r))
		return cursor->depth || cursor->in_list ? -EPROTO : 0;
	element = bytes_take8(r);
	if (element >= sizeof(elements) / sizeof(elements[0]) || !elements[element].known ||
	    elements[element].in_list != cursor->in_list)
		r->bad = true;
	if (r->bad)
		return -EPROTO;
	item.element = (enum vici_element)element;
	if (elements[element].has_name)
		item.name = take_name(r);
	if (elements[element].has_value)
		item.value = take(r, bytes_take16(r));
	if (!r->bad && !cursor_enter(cursor, item.element))
		r->bad = true;
	if (r->bad)
		return -EPROTO;
	*ret = item;
	return 1;
}

int vici_skip(struct vici_cursor *cursor, const struct vici_item *item)
{
	bool list = item->element == VICI_LIST;
	unsigned depth = cursor->depth - (item->element == VICI_SECTION);
	struct vici_item inner;
	int r = 0;

	if (item->element != VICI_SECTION && !list)
		return 0;
	while ((list && cursor->in_list) || cursor->depth > depth) {
		r = vici_next(cursor, &inner);
		if (r <= 0)
			return -EPROTO;
	}
	return 0;
}

struct vici_bytes vici_inside(struct vici_cursor *cursor, const struct vici_item *item)
{
	size_t begin = cursor->reader.at;
	struct vici_bytes inside = { .data = cursor->reader.data + begin };

	if ((item->element != VICI_SECTION && item->element != VICI_LIST) ||
	    vici_skip(cursor, item) < 0)
		return nothing;
	inside.len = cursor->reader.at - begin - 1; /* the end is one byte */
	return inside;
}

struct vici_bytes vici_find(struct vici_bytes message, enum vici_element element, const char *name)
{
	struct vici_cursor cursor;
	struct vici_item item;

	vici_walk(&cursor, message);
	while (vici_next(&cursor, &item) > 0) {
		if (item.element == element && vici_is(item.name, name))
			return element == VICI_VALUE ? item.value : vici_inside(&cursor, &item);
		if (vici_skip(&cursor, &item) < 0)
			break;
	}
	return nothing;
}

bool vici_take_item(struct vici_bytes *list, struct vici_bytes *ret)
{
	struct bytes_reader r;
	struct vici_bytes item;

	bytes_reader_init(&r, list->data, list->len);
	if (bytes_take8(&r) != VICI_ITEM)
		return false;
	item = take(&r, bytes_take16(&r));
	if (r.bad)
		return false;
	list->data += r.at;
	list->len -= r.at;
	*ret = item;
	return true;
}

/* ---- values */

bool vici_is(struct vici_bytes bytes, const char *text)
{
	size_t len = strlen(text);

	return bytes.len == len && (len == 0 || memcmp(bytes.data, text, len) == 0);
}

void vici_text(struct vici_bytes bytes, char *ret, size_t room)
{
	size_t len = bytes.len < room ? bytes.len : room - 1;

	for (size_t i = 0; i < len; i++)
		ret[i] = bytes.data[i] >= ' ' && bytes.data[i] <= '~' ? (char)bytes.data[i] : '?';
	ret[len] = 0;
}

/* 16 for what is no digit. */
static unsigned digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

static uint64_t number(struct vici_bytes bytes, unsigned base)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		unsigned d = digit(bytes.data[i]);

		if (d >= base || value > (UINT64_MAX - d) / base)
			return 0;
		value = value * base + d;
	}
	return value;
}

uint64_t vici_number(struct vici_bytes bytes)
{
	return number(bytes, 10);
}

uint64_t vici_hex(struct vici_bytes bytes)
{
	return number(bytes, 16);
}

/* ---- writing */

static void put_name(struct bytes_writer *w, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > VICI_NAME_MAX)
		w->bad = true;
	bytes_append8(w, (uint8_t)len);
	bytes_append(w, name, len);
}

static void put_value(struct bytes_writer *w, const void *value, size_t len)
{
	if (len > VICI_VALUE_MAX)
		w->bad = true;
	bytes_append16(w, (uint16_t)len);
	bytes_append(w, value, len);
}

void vici_begin(struct bytes_writer *writer, enum vici_type type, const char *name)
{
	bytes_append32(writer, 0);
	bytes_append8(writer, (uint8_t)type);
	put_name(writer, name);
}

int vici_end(struct bytes_writer *writer)
{
	if (writer->bad || writer->len - VICI_LENGTH_LEN > VICI_PACKET_MAX)
		return -EMSGSIZE;
	bytes_put32(writer->data, (uint32_t)(writer->len - VICI_LENGTH_LEN));
	return 0;
}

void vici_put(struct bytes_writer *writer, const char *name, const void *value, size_t len)
{
	bytes_append8(writer, VICI_VALUE);
	put_name(writer, name);
	put_value(writer, value, len);
}

void vici_put_text(struct bytes_writer *writer, const char *name, const char *text)
{
	vici_put(writer, name, text, strlen(text));
}

void vici_put_number(struct bytes_writer *writer, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	vici_put_text(writer, name, text);
}

void vici_put_section(struct bytes_writer *writer, const char *name)
{
	bytes_append8(writer, VICI_SECTION);
	put_name(writer, name);
}

void vici_put_section_end(struct bytes_writer *writer)
{
	bytes_append8(writer, VICI_SECTION_END);
}

void vici_put_list(struct bytes_writer *writer, const char *name)
{
	bytes_append8(writer, VICI_LIST);
	put_name(writer, name);
}

void vici_put_item(struct bytes_writer *writer, const char *text)
{
	bytes_append8(writer, VICI_ITEM);
	put_value(writer, text, strlen(text));
}

void vici_put_list_end(struct bytes_writer *writer)
{
	bytes_append8(writer, VICI_LIST_END);
}
