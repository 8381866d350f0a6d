/*
 * node.h - the initiator's identity: its node name and the secret that checks targets.
 */
#ifndef ISCSIDSC_SERVICE_NODE_H
#define ISCSIDSC_SERVICE_NODE_H

#include "service/inside.h"

/* Reads name, secret and ISID from the store. 0 or a negative errno. */
int node_init(struct service *service);
/* "" is back to the default made from the host's name. As on Windows the format is not checked: what is
 * no iSCSI name is kept as it is. -EINVAL: too long, or with control characters. */
int node_set_name(struct service *service, const char *name);
/* An ISDSC status: with a name that is none (NAM-1, NAM-2) nothing may be asked of a target. */
uint32_t node_check(const struct service *service);
/* 0 bytes clear it. */
int node_set_secret(struct service *service, const uint8_t *secret, unsigned len);

#endif
