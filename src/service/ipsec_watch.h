/*
 * ipsec_watch.h - the link to charon that tells of events.
 */
#ifndef ISCSIDSC_SERVICE_IPSEC_WATCH_H
#define ISCSIDSC_SERVICE_IPSEC_WATCH_H

#include "service/protection.h"

/* Makes it, if it is not there. As long as a protection is in use it comes back by itself. */
void ipsec_watch(struct service *service);
#endif
