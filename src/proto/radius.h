/*
 * radius.h - the one RADIUS exchange that an initiator needs: is this CHAP response right? (RFC 2865
 * sections 3 to 5; RFC 3579 section 3.2.)
 *
 * Not a RADIUS client for anything else: no passwords, no accounting, no EAP, no dictionary. Sockets,
 * servers and time are service/radius.c.
 *
 * The answer's own check is an MD5 that can be forged by who sits between (CVE-2024-3596); a
 * Message-Authenticator can not. Each request has one, first of all; whether an answer must have one is
 * the caller's choice, since older servers don't send it.
 */
#ifndef ISCSIDSC_PROTO_RADIUS_H
#define ISCSIDSC_PROTO_RADIUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/chap.h"

enum {
	RADIUS_PORT = 1812,
	RADIUS_PACKET_MAX = 4096,
	RADIUS_REQUEST_MAX = 1024, /* of ours */
	RADIUS_TEXT_MAX = 253,     /* bytes of an attribute */
	RADIUS_AUTHENTICATOR = 16,
	RADIUS_SECRET_MAX = 128,
};

struct radius_secret {
	uint8_t bytes[RADIUS_SECRET_MAX];
	unsigned len;              /* not 0 */
};

/* What ties an answer to its request. */
struct radius_request {
	uint8_t identifier;
	uint8_t authenticator[RADIUS_AUTHENTICATOR]; /* random, of a good source */
};

struct radius_answer {
	bool accepted;
	bool authenticated;        /* it had a Message-Authenticator, and a right one */
};

/* Makes an Access-Request of at most RADIUS_REQUEST_MAX bytes. `nas` tells the server who asks: 1 to
 * RADIUS_TEXT_MAX bytes. Returns its length, -EINVAL for a name longer than RADIUS_TEXT_MAX or empty,
 * -ENOTSUP without MD5 in libcrypto. */
int radius_put_request(const struct radius_request *request, const char *nas,
		       const struct chap_question *question, const struct radius_secret *secret,
		       uint8_t ret[RADIUS_REQUEST_MAX]);
/* Judges a datagram. Returns 0; -EBADMSG if it is no answer to the request, or not made with our secret:
 * throw it away and go on waiting; -ENOTSUP as above. Access-Challenge counts as rejected (section
 * 4.4), for there is nobody to answer it. */
int radius_get_answer(const uint8_t *packet, size_t len, const struct radius_request *request,
		      const struct radius_secret *secret, struct radius_answer *ret);

#endif
