/*
 * portal.h - a portal of a reply, as the caller's structure. Compiled for each form.
 */
#ifndef ISCSIDSC_CLIENT_PORTAL_H
#define ISCSIDSC_CLIENT_PORTAL_H

#include "client/call.h"
#include "client/form.h"

/* Reads BUS_PORTAL; an absent one is empty. */
#define portal_get FORM(portal_get)
void portal_get(struct call *call, ISCSI_TARGET_PORTAL *record);

#endif
