/*
 * handshake.h - NBD's fixed newstyle negotiation as a pure function: bytes in, bytes out. Not here:
 * what comes after it (nbd_wire.h), sockets (client.h).
 */
#ifndef ISCSIDSC_DISK_HANDSHAKE_H
#define ISCSIDSC_DISK_HANDSHAKE_H

#include "disk/nbd_wire.h"

enum {
	HANDSHAKE_IN_MAX = 16 + 8192, /* longest message taken; names have 4096 at most */
	HANDSHAKE_OUT_MAX = 512,      /* most bytes that one step answers */
};

enum handshake_state {
	HANDSHAKE_FLAGS,        /* the client's flags are to come */
	HANDSHAKE_OPTIONS,      /* options are to come */
	HANDSHAKE_TRANSMISSION, /* agreed: what follows are requests */
	HANDSHAKE_END,          /* send what was answered, then end the client */
};

struct handshake {
	enum handshake_state state;
	bool fixed, no_zeroes;  /* the client's flags */
	bool structured;        /* structured replies were agreed */
	const struct export *export;
};

/* Begins; `export` must outlive the handshake. Writes the greeting to `out` (HANDSHAKE_OUT_MAX
 * bytes) and returns its length. */
size_t handshake_init(struct handshake *handshake, const struct export *export, uint8_t *out);
/* Takes one message from the n bytes at `in`, if it is there whole, and writes the answer to `out`
 * (HANDSHAKE_OUT_MAX bytes). Returns how many bytes of `in` were used, 0 if more are needed; with
 * HANDSHAKE_IN_MAX bytes there is always a whole one. Not to be called in the last two states. */
size_t handshake_step(struct handshake *handshake, const uint8_t *in, size_t n, uint8_t *out,
		      size_t *ret_out_len);

#endif
