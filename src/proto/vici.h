/*
 * vici.h - the messages of strongSwan's control socket as bytes: packets, and the sections, values and
 * lists inside. Not here: sockets (service/vici.h), and what a message says (service/vici_sa.h).
 *
 * There is no RFC: the protocol is the one of strongSwan's vici plugin, versions 5.5.2 and later. A
 * packet is its length, 4 bytes big-endian, then its type, a name if the type has one, and a message
 * for most. A message is a row of elements. All values are texts without a NUL, numbers too, but for
 * keys, which may be any bytes.
 */
#ifndef ISCSIDSC_PROTO_VICI_H
#define ISCSIDSC_PROTO_VICI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
	VICI_LENGTH_LEN = 4,         /* bytes before a packet */
	VICI_PACKET_MAX = 512 * 1024, /* bytes behind its length */
	VICI_NAME_MAX = 255,
	VICI_VALUE_MAX = 65535,
	VICI_DEPTH_MAX = 16,         /* sections in sections; ours to say, charon has 5 at most */
};

enum vici_type {
	VICI_REQUEST = 0, VICI_RESPONSE = 1, VICI_UNKNOWN_REQUEST = 2,
	VICI_REGISTER = 3, VICI_UNREGISTER = 4, VICI_CONFIRMED = 5, VICI_UNKNOWN_EVENT = 6,
	VICI_EVENT = 7,
};

enum vici_element {
	VICI_SECTION = 1, VICI_SECTION_END = 2, VICI_VALUE = 3,
	VICI_LIST = 4, VICI_ITEM = 5, VICI_LIST_END = 6,
};

/* Bytes of a packet or message; lent. */
struct vici_bytes {
	const uint8_t *data;
	size_t len;
};

/* ---- reading */

struct vici_packet {
	enum vici_type type;
	struct vici_bytes name;    /* of an event; else empty */
	struct vici_bytes message;
};

/* Reads what follows the length, as a client gets it. -EPROTO if it is no packet that charon sends, or
 * if its message is not in order: unknown elements, names without end, sections that are not closed,
 * lists in lists. A message that came out here can be walked without looking for errors. */
int vici_packet_get(const uint8_t *bytes, size_t len, struct vici_packet *ret);

/* A walk through a message. */
struct vici_cursor {
	struct bytes_reader reader;
	unsigned depth;            /* sections that are open */
	bool in_list;
};

struct vici_item {
	enum vici_element element;
	struct vici_bytes name;    /* of a section, value, list */
	struct vici_bytes value;   /* of a value, item */
};

void vici_walk(struct vici_cursor *cursor, struct vici_bytes message);
/* Returns 1 with the next element, 0 at the end of the message, -EPROTO if what is left is none. */
int vici_next(struct vici_cursor *cursor, struct vici_item *ret);
/* The item is one that vici_next gave last: goes behind the end of the section or list that it begins;
 * does nothing for others. -EPROTO as above. */
int vici_skip(struct vici_cursor *cursor, const struct vici_item *item);
/* What is inside the section (a message of its own) or list that the item, given last, begins; goes
 * behind its end. Of anything else: empty. */
struct vici_bytes vici_inside(struct vici_cursor *cursor, const struct vici_item *item);

/* The first value, section, list of that name in the message itself, not in its sections. Empty if
 * there is none: an empty one can't be told from that. Of a section and a list: what is inside. */
struct vici_bytes vici_find(struct vici_bytes message, enum vici_element element, const char *name);
/* Takes the next item off the inside of a list. False at its end. */
bool vici_take_item(struct vici_bytes *list, struct vici_bytes *ret);

/* Whether the bytes are that text. */
bool vici_is(struct vici_bytes bytes, const char *text);
/* Copies as a text: cut to fit, and with '?' for what is not printable ASCII. */
void vici_text(struct vici_bytes bytes, char *ret, size_t room);
/* Decimal or hexadecimal digits and nothing else; 0 for what is no number, or doesn't fit. */
uint64_t vici_number(struct vici_bytes bytes);
uint64_t vici_hex(struct vici_bytes bytes);

/* ---- writing */

/*
 * A packet goes into a bytes_writer, which is `bad` after anything that does not fit: bytes, a name or
 * value that is too long, an empty name. The caller keeps sections and lists balanced. Who
 * writes secrets wipes the room of the writer.
 */
void vici_begin(struct bytes_writer *writer, enum vici_type type, const char *name);
/* Its length is known. -EMSGSIZE if something did not fit. */
int vici_end(struct bytes_writer *writer);
void vici_put(struct bytes_writer *writer, const char *name, const void *value, size_t len);
void vici_put_text(struct bytes_writer *writer, const char *name, const char *text);
void vici_put_number(struct bytes_writer *writer, const char *name, int64_t number);
void vici_put_section(struct bytes_writer *writer, const char *name);
void vici_put_section_end(struct bytes_writer *writer);
void vici_put_list(struct bytes_writer *writer, const char *name);
void vici_put_item(struct bytes_writer *writer, const char *text);
void vici_put_list_end(struct bytes_writer *writer);

#endif
