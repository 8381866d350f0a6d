/*
 * isns_scn.h - where an iSNS server sends its state change notifications (RFC 4171 sections 2.9.2 and
 * 5.6.5.8): a UDP socket, answered here. What changed is the owner's business.
 */
#ifndef ISCSIDSC_SERVICE_ISNS_SCN_H
#define ISCSIDSC_SERVICE_ISNS_SCN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "service/inside.h"

enum {
	ISNS_SCN_MAX = 1024,      /* bytes of an answer */
	ISNS_SCN_HEARD_MAX = 16384, /* bytes of a datagram that are looked at */
};

struct isns_scn;

/* Listens at `own`, the port is chosen. Only what comes from `peer`'s address is heard. Returns 0 or a
 * negative errno. `heard` gets what follows our name, lent until it returns; of a datagram that is longer
 * than what is looked at, as much as that. */
int isns_scn_new(struct service *service, const struct sockaddr_storage *own,
		 const struct sockaddr_storage *peer, const char *node_name,
		 void (*heard)(void *ctx, struct bytes_reader *named), void *ctx,
		 struct isns_scn **ret);
/* Accepts NULL. May be called by `heard`. */
void isns_scn_free(struct isns_scn *scn);
uint16_t isns_scn_port(const struct isns_scn *scn);

/* The answer to a datagram, if that is an SCN to `node_name`: its length, else -EPROTO. `ret_named` is then
 * what follows that name. */
int isns_scn_answer(const uint8_t *datagram, size_t len, const char *node_name,
		    uint8_t answer[ISNS_SCN_MAX], struct bytes_reader *ret_named);

#endif
