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
/* For a negative errno of ours. */
uint32_t status_of_errno(int error);

#endif
