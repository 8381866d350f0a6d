/*
 * nbd_wire.h - the NBD protocol's numbers, and its transmission phase as pure functions: bytes of a
 * request in, a checked request out; a reply's head out. Not here: negotiation (handshake.h),
 * sockets (client.h).
 *
 * The rules are those of doc/proto.md of the NBD project: fixed newstyle negotiation, simple and
 * structured replies.
 */
#ifndef ISCSIDSC_DISK_NBD_WIRE_H
#define ISCSIDSC_DISK_NBD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- transmission flags */
enum {
	NBD_HAS_FLAGS = 1 << 0,
	NBD_READ_ONLY = 1 << 1,
	NBD_SEND_FLUSH = 1 << 2,
	NBD_SEND_FUA = 1 << 3,
	NBD_SEND_TRIM = 1 << 5,
	NBD_SEND_WRITE_ZEROES = 1 << 6,
	NBD_SEND_DF = 1 << 7, /* only once structured replies are agreed */
	NBD_CAN_MULTI_CONN = 1 << 8,
};

enum nbd_command {
	NBD_CMD_READ = 0, NBD_CMD_WRITE = 1, NBD_CMD_DISC = 2, NBD_CMD_FLUSH = 3,
	NBD_CMD_TRIM = 4, NBD_CMD_WRITE_ZEROES = 6,
};

/* ---- command flags */
enum {
	NBD_CMD_FLAG_FUA = 1 << 0,
	NBD_CMD_FLAG_NO_HOLE = 1 << 1,
	NBD_CMD_FLAG_DF = 1 << 2,
};

enum {
	NBD_REQUEST_LEN = 28,
	NBD_HEAD_MAX = 28,               /* longest reply head: structured, with offset */
	NBD_PAYLOAD_MAX = 32 << 20,      /* most bytes of one READ or WRITE */
};

/* What is exported, as clients see it. Texts need no freeing. */
struct export {
	uint64_t size;                   /* bytes */
	uint16_t flags;                  /* transmission flags, without NBD_SEND_DF */
	uint32_t block_min, block_preferred, block_max;
};

/* One request, as it came. */
struct nbd_request {
	uint16_t flags, type;
	uint64_t cookie, offset;
	uint32_t length;
};

/* Reads the NBD_REQUEST_LEN bytes at `in`. Returns 0, or -EPROTO for a wrong magic: then the
 * client's stream means nothing any more. */
int nbd_request_get(const uint8_t *in, struct nbd_request *ret);
/* Bytes of payload that follow the request on the wire. More than NBD_PAYLOAD_MAX can't be
 * skipped in good order: the caller ends the client. */
uint32_t nbd_request_payload(const struct nbd_request *request);
/* Says whether the export can do this. Returns 0 or a negative errno to be sent to the client:
 * -EINVAL unknown, not advertised, unaligned, empty or out of range, -ENOSPC for writes out of
 * range, -EPERM for changes of a read-only export, -EOVERFLOW for a READ that is too long. */
int nbd_request_check(const struct nbd_request *request, const struct export *export,
		      bool structured);

/* Heads of replies; `error` is 0 or a negative errno. Each fills at most NBD_HEAD_MAX bytes at
 * `out` and returns how many. */
size_t nbd_reply_put(uint8_t *out, uint64_t cookie, int error);
/* A READ's data in one chunk, which is the last: `length` bytes of data follow the head. */
size_t nbd_data_put(uint8_t *out, uint64_t cookie, uint64_t offset, uint32_t length);
/* A READ's failure, structured. */
size_t nbd_error_put(uint8_t *out, uint64_t cookie, int error);

#endif
