/*
 * nbd_client.h - an NBD client in the fuzzer's hand, and what it can know: as long as it sent nothing but
 * requests of good form, each is answered exactly once, and a READ brings what the medium holds.
 */
#ifndef ISCSIDSC_FUZZ_NBD_CLIENT_H
#define ISCSIDSC_FUZZ_NBD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NBD_CLIENT_OPEN_MAX = 160, NBD_CLIENT_IN = 1 << 20 };

struct nbd_client {
	int fd;                 /* -1: none */
	bool agreed;            /* nbd_client_hello was the only thing said before requests */
	bool structured;
	bool wild;              /* it sent something else: nothing is known of what it gets */
	uint64_t next_cookie;
	struct nbd_client_call {
		uint64_t cookie, offset;
		uint32_t length;
		bool read;
	} call[NBD_CLIENT_OPEN_MAX];
	unsigned calls;
	size_t in_at, in_len;   /* replies that came: from the first that is not whole */
	uint8_t in[NBD_CLIENT_IN];
};

/* Connects to the socket at `path`. */
void nbd_client_open(struct nbd_client *client, const char *path);
/* Closes; with `half`, only what it sends. */
void nbd_client_close(struct nbd_client *client, bool half);
/* Sends bytes of any kind. */
void nbd_client_send(struct nbd_client *client, const void *data, size_t len);
/* Agrees on the default export, with structured replies or without; nothing was sent before. */
void nbd_client_hello(struct nbd_client *client, bool structured, void (*turn)(void));
/* One request; for a WRITE its payload follows. False: not now, too many are open. */
bool nbd_client_ask(struct nbd_client *client, uint16_t flags, uint16_t type, uint64_t offset,
		    uint32_t length);
/* Takes what has come, and judges it. False: nothing had. */
bool nbd_client_read(struct nbd_client *client);

/* What the medium holds from this byte on, always: WRITEs bring the same. */
void nbd_client_fill(uint8_t *data, uint64_t offset, size_t len);
bool nbd_client_holds(const uint8_t *data, uint64_t offset, size_t len);

#endif
