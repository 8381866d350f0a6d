/*
 * ipsec_arm.h - what a protection is made with.
 */
#ifndef ISCSIDSC_SERVICE_IPSEC_ARM_H
#define ISCSIDSC_SERVICE_IPSEC_ARM_H

#include "service/protection.h"

/* Flags, key, identities and outer address, for a portal of that name. The key is the call's, else that
 * of the identity that fits the portal best, else the group's. */
void ipsec_arm(struct protection *protection, const char *host, const struct ipsec_wish *wish);

#endif
