/* isns.c - see isns.h. */
#include "proto/isns.h"

#include <errno.h>

/* Where things are in a header. */
enum { AT_FUNCTION = 2, AT_LENGTH = 4, AT_FLAGS = 6, AT_XID = 8, AT_SEQ = 10 };

void isns_header_get(const uint8_t bytes[ISNS_HEADER_LEN], struct isns_header *ret)
{
	*ret = (struct isns_header){
		.version = bytes_get16(bytes),
		.function = bytes_get16(bytes + AT_FUNCTION),
		.length = bytes_get16(bytes + AT_LENGTH),
		.flags = bytes_get16(bytes + AT_FLAGS),
		.xid = bytes_get16(bytes + AT_XID),
		.seq = bytes_get16(bytes + AT_SEQ),
	};
}

const char *isns_status_text(uint32_t status)
{
	static const char *const texts[] = {
		"successful", "unknown error", "message format error", "invalid registration",
		"error 4", "invalid query", "source unknown", "source absent", "source unauthorized",
		"no such entry", "version not supported", "internal error", "busy",
		"option not understood", "invalid update", "message not supported",
		"SCN event rejected", "SCN registration rejected", "attribute not implemented",
		"FC domain id not available", "FC domain id not allocated", "ESI not available",
		"invalid deregistration", "registration feature not supported",
	};

	return status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "an error of its own";
}

/* ---- attributes */

int isns_attr_next(struct bytes_reader *reader, struct isns_attr *ret)
{
	struct isns_attr attr;

	if (bytes_left(reader) == 0)
		return reader->bad ? -EPROTO : 0;
	attr.tag = bytes_take32(reader);
	attr.len = bytes_take32(reader);
	if (reader->bad || attr.len % 4)
		return -EPROTO;
	attr.value = bytes_take(reader, attr.len);
	if (!attr.value)
		return -EPROTO;
	*ret = attr;
	return 1;
}

int isns_attr_text(const struct isns_attr *attr, const char **ret)
{
	const char *end = memchr(attr->value, 0, attr->len);

	if (!end || end - (const char *)attr->value >= ISNS_TEXT_MAX)
		return -EPROTO;
	*ret = (const char *)attr->value;
	return 0;
}

int isns_attr_number(const struct isns_attr *attr, uint32_t *ret)
{
	if (attr->len != 4)
		return -EPROTO;
	*ret = bytes_get32(attr->value);
	return 0;
}

int isns_attr_address(const struct isns_attr *attr, const uint8_t **ret)
{
	if (attr->len != ISNS_ADDRESS_LEN)
		return -EPROTO;
	*ret = attr->value;
	return 0;
}

/* ---- writing */

void isns_begin(struct bytes_writer *writer, unsigned function, unsigned flags, uint16_t xid)
{
	bytes_append16(writer, ISNS_VERSION);
	bytes_append16(writer, (uint16_t)function);
	bytes_append16(writer, 0);
	bytes_append16(writer, (uint16_t)(flags | ISNS_CLIENT | ISNS_FIRST | ISNS_LAST));
	bytes_append16(writer, xid);
	bytes_append16(writer, 0);
}

int isns_end(struct bytes_writer *writer)
{
	if (writer->bad || writer->len - ISNS_HEADER_LEN > ISNS_PDU_MAX)
		return -EMSGSIZE;
	bytes_put16(writer->data + AT_LENGTH, (uint16_t)(writer->len - ISNS_HEADER_LEN));
	return 0;
}

static void put(struct bytes_writer *writer, unsigned tag, const void *value, size_t len)
{
	static const uint8_t zeros[3];
	size_t pad = -len % 4;

	bytes_append32(writer, tag);
	bytes_append32(writer, (uint32_t)(len + pad));
	bytes_append(writer, value, len);
	bytes_append(writer, zeros, pad);
}

void isns_put_empty(struct bytes_writer *writer, unsigned tag)
{
	put(writer, tag, NULL, 0);
}

void isns_put_number(struct bytes_writer *writer, unsigned tag, uint32_t value)
{
	uint8_t bytes[4];

	bytes_put32(bytes, value);
	put(writer, tag, bytes, sizeof(bytes));
}

void isns_put_text(struct bytes_writer *writer, unsigned tag, const char *text)
{
	put(writer, tag, text, strlen(text) + 1);
}

void isns_put_address(struct bytes_writer *writer, unsigned tag,
		      const uint8_t address[ISNS_ADDRESS_LEN])
{
	put(writer, tag, address, ISNS_ADDRESS_LEN);
}
