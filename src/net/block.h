/*
 * block.h - policies of the system that drop what goes to a portal, or comes from it, outside ESP. They
 * stand behind all others, so that those of a key daemon win while they are there. They are for the
 * segments that have no socket any more (guard.h is for those that have): the kernel answers one that
 * comes too late, in clear, with a reset.
 *
 * Each process marks its own by a tag, so that they can be found after it was killed. XFRM over netlink;
 * all functions are quick enough for any thread; they need CAP_NET_ADMIN. Return 0 or a negative errno.
 */
#ifndef ISCSIDSC_NET_BLOCK_H
#define ISCSIDSC_NET_BLOCK_H

#include <stdint.h>
#include <sys/socket.h>

/* TCP between the two addresses and the port of the second. Setting it again changes nothing. */
int block_set(const struct sockaddr *local, const struct sockaddr *portal, uint16_t tag);
/* -ENOENT if it was gone already. */
int block_clear(const struct sockaddr *local, const struct sockaddr *portal);
/* All of that tag. */
int block_clear_all(uint16_t tag);

/* A socket that tells when somebody flushed the policies of the system, ours with them. *ret_fd is the
 * caller's, non-blocking. */
int block_watch(int *ret_fd);
/* Reads all that it has to tell: 1 if there may have been a flush, else 0. */
int block_watch_read(int fd);

#endif
