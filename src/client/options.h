/*
 * options.h - login options of a reply, as the caller's structure.
 */
#ifndef ISCSIDSC_CLIENT_OPTIONS_H
#define ISCSIDSC_CLIENT_OPTIONS_H

#include "client/call.h"
#include "client/pack.h"

/*
 * Reads BUS_OPTIONS; bytes that it points to go into the pack. Options are as they were given; the
 * password, which the service does not send, counts as not given, so that the size is exact. Absent
 * options leave the structure as it is.
 */
void options_get(struct call *call, struct pack *pack, ISCSI_LOGIN_OPTIONS *options);

#endif
