/*
 * isns.h - the Internet Storage Name Service Protocol as bytes (RFC 4171 sections 5 and 6): headers and
 * attributes. Not here: sockets, putting messages together from their PDUs (service/isns_link.h), and
 * what a list of attributes means (service/isns_answer.h).
 *
 * A message is a header and attributes; a response has a status of 4 bytes before them. A PDU carries
 * any part of a message, so attributes are read from whole messages only.
 */
#ifndef ISCSIDSC_PROTO_ISNS_H
#define ISCSIDSC_PROTO_ISNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
	ISNS_VERSION = 1,
	ISNS_PORT = 3205,
	ISNS_HEADER_LEN = 12,
	ISNS_PDU_MAX = 0xfffc,   /* bytes after a header: 16 bits, a multiple of 4 */
	ISNS_ADDRESS_LEN = 16,   /* IPv6, or IPv4 mapped into it */
	ISNS_TEXT_MAX = 256,     /* the longest text, with its NUL */
};

enum isns_function {
	ISNS_REGISTER = 1, ISNS_QUERY = 2, ISNS_GET_NEXT = 3, ISNS_DEREGISTER = 4,
	ISNS_REGISTER_SCN = 5, ISNS_SCN = 8,
	ISNS_RESPONSE = 0x8000, /* set in the response to any of them */
};

/* RFC 4171 counts bits from the left. */
enum isns_flag {
	ISNS_CLIENT = 0x8000, ISNS_SERVER = 0x4000, ISNS_REPLACE = 0x1000,
	ISNS_LAST = 0x0800, ISNS_FIRST = 0x0400,
};

enum isns_tag {
	ISNS_DELIMITER = 0, /* between message key and operating attributes */
	ISNS_ENTITY = 1, ISNS_ENTITY_PROTOCOL = 2, ISNS_TIMESTAMP = 4, ISNS_REGISTRATION_PERIOD = 6,
	ISNS_PORTAL_ADDRESS = 16, ISNS_PORTAL_PORT = 17, ISNS_SCN_PORT = 23,
	ISNS_NAME = 32, ISNS_NODE_TYPE = 33, ISNS_ALIAS = 34, ISNS_SCN_BITMAP = 35,
	ISNS_GROUP_NAME = 48, ISNS_GROUP_ADDRESS = 49, ISNS_GROUP_PORT = 50, ISNS_GROUP_TAG = 51,
};

enum isns_value {
	ISNS_PROTOCOL_ISCSI = 2,
	ISNS_TYPE_TARGET = 1, ISNS_TYPE_INITIATOR = 2,
	ISNS_PORT_UDP = 0x10000, /* beside a port's number */
	/* Of SCNs: about targets and ourselves; what was removed, added, updated. */
	ISNS_SCN_WANTED = 0x40 | 0x10 | 0x08 | 0x04,
};

enum isns_status {
	ISNS_SUCCESS = 0, ISNS_SOURCE_UNKNOWN = 6, ISNS_UNAUTHORIZED = 8, ISNS_NO_SUCH_ENTRY = 9,
	ISNS_BAD_VERSION = 10, ISNS_INTERNAL_ERROR = 11, ISNS_BUSY = 12,
};

struct isns_header {
	uint16_t version, function, length, flags, xid, seq;
};

void isns_header_get(const uint8_t bytes[ISNS_HEADER_LEN], struct isns_header *ret);
/* The words of RFC 4171 section 5.4. */
const char *isns_status_text(uint32_t status);

/* ---- attributes of a message */

struct isns_attr {
	uint32_t tag, len;
	const uint8_t *value; /* lent */
};

/* Returns 1 with the next attribute, 0 at the end, -EPROTO if what is left is none. */
int isns_attr_next(struct bytes_reader *reader, struct isns_attr *ret);
/* The value as what it must be: -EPROTO if it is not. A text is lent, ends with its NUL and has at
 * most ISNS_TEXT_MAX bytes; its characters are not judged. */
int isns_attr_text(const struct isns_attr *attr, const char **ret);
int isns_attr_number(const struct isns_attr *attr, uint32_t *ret);
int isns_attr_address(const struct isns_attr *attr, const uint8_t **ret);

/* ---- writing a message of one PDU */

/* Begins with the header; `flags` are added to those that say that it is whole. */
void isns_begin(struct bytes_writer *writer, unsigned function, unsigned flags, uint16_t xid);
/* Its length is known. -EMSGSIZE if it did not fit. */
int isns_end(struct bytes_writer *writer);
void isns_put_empty(struct bytes_writer *writer, unsigned tag);
void isns_put_number(struct bytes_writer *writer, unsigned tag, uint32_t value);
void isns_put_text(struct bytes_writer *writer, unsigned tag, const char *text);
void isns_put_address(struct bytes_writer *writer, unsigned tag,
		      const uint8_t address[ISNS_ADDRESS_LEN]);

#endif
