/*
 * status.h - from a fault to the ISDSC status that the API returns: the only place that knows.
 */
#ifndef ISCSIDSC_SERVICE_STATUS_H
#define ISCSIDSC_SERVICE_STATUS_H

#include <stdint.h>

#include "base/fault.h"

/* `added`: the fault came from adding a connection to a session, where 0208 means that the session
 * is full. 0 only for FAULT_NONE. */
uint32_t status_of(const struct fault *fault, int added);
/* The fault's sentence without the address that the engine puts before it, for a line that names the
 * address itself; NULL if it is not about this one. */
const char *status_cause(const struct fault *fault, const char *host, unsigned port);
/* Whether trying again soon can help: a peer that refuses us would only be bothered. */
int status_may_pass(uint32_t status);
/* For a negative errno of ours. */
uint32_t status_of_errno(int error);
/* For a negative errno of a socket, as Winsock has it; and for an EAI_ code of a name's look-up. */
uint32_t status_of_socket(int error);
uint32_t status_of_lookup(int eai);

#endif
