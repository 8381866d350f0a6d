/*
 * door.h - finds the service's socket and connects to it.
 */
#ifndef ISCSIDSC_CLIENT_DOOR_H
#define ISCSIDSC_CLIENT_DOOR_H

/*
 * Connects to the service: to ISCSIDSC_SOCKET where that is set, and then to nothing else; or to
 * the caller's own service; or to the machine's. The descriptor is the caller's.
 * Errors: -ENOENT no service is there; -EACCES one is there and does not admit us; -EMFILE and
 * other shortages as they come.
 */
int door_open(int *ret_fd);

#endif
