/*
 * room.h - whether there is room for one more connection: file descriptors. Their number is what
 * bounds the sessions of a service; memory is not looked at.
 */
#ifndef ISCSIDSC_SERVICE_ROOM_H
#define ISCSIDSC_SERVICE_ROOM_H

#include <stdbool.h>

enum { ROOM_KEPT = 384 }; /* descriptors kept for calls, the store, logins under way */

/* At the start: as many descriptors as the system allows this process. */
void room_raise(void);
/* `fd`: any that is open. True while more than ROOM_KEPT, or a quarter of them all where that is
 * fewer, are left. */
bool room_left(int fd);

#endif
