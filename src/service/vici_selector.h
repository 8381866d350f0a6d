/*
 * vici_selector.h - whether one of charon's traffic selectors covers an address and port. charon writes
 * them 10.0.0.0/24, 10.0.0.1/32[tcp/iscsi-target], 10.0.0.1..10.0.0.9[tcp/1024-2048], fec0::1/128[6] or
 * dynamic[tcp]: ports by their names where /etc/services has one, ICMP and others apart.
 */
#ifndef ISCSIDSC_SERVICE_VICI_SELECTOR_H
#define ISCSIDSC_SERVICE_VICI_SELECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "service/vici_sa.h"

/* Whether TCP of that address is covered, at that port; port 0: at every port. `dynamic` says whether
 * "dynamic" stands for the address, which the caller knows by the hosts of the IKE SA. What can't be
 * understood covers nothing. The port in *addr does not count. */
bool vici_selector_covers(const char *selector, const struct sockaddr *addr, uint16_t port,
			  bool dynamic);
/* Whether any of them does. Those that were not kept are taken not to. */
bool vici_selectors_cover(const struct vici_selectors *selectors, const struct sockaddr *addr,
			  uint16_t port, bool dynamic);

#endif
