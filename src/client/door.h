/*
 * door.h - finds the service's socket and connects to it.
 */
#ifndef ISCSIDSC_CLIENT_DOOR_H
#define ISCSIDSC_CLIENT_DOOR_H

#include <stddef.h>

/*
 * Connects to the service: to ISCSIDSC_SOCKET where that is set, and then to nothing else; or to
 * the caller's own service; or to the machine's. The descriptor is the caller's.
 * ret_why, which has `room` bytes, holds in words what it met.
 * Errors: -ENOENT no service is there; -EACCES one is there and does not admit us; -EMFILE and
 * other shortages as they come.
 */
int door_open(int *ret_fd, char *ret_why, size_t room);

#endif
