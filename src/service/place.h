/*
 * place.h - where the service lives in the file system: its state folder, its runtime folder with
 * the socket, and the locks that keep a second service out of either.
 */
#ifndef ISCSIDSC_SERVICE_PLACE_H
#define ISCSIDSC_SERVICE_PLACE_H

#include <stddef.h>
#include <sys/types.h>

struct place {
	char state_dir[256], runtime_dir[256], socket[256];
	mode_t socket_mode;
	gid_t socket_gid;      /* (gid_t)-1: leave */
	int state_lock, runtime_lock, listen_fd;
};

/* Chooses the folders (state_dir, socket: the options, or NULL), makes what is missing, takes the
 * locks and listens. Returns 0 or a negative errno with one sentence in why. */
int place_open(const char *state_dir, const char *socket, struct place *ret, char *why,
	       size_t why_len);
/* Removes the socket and gives the locks back. listen_fd is whoever's took it over. */
void place_close(struct place *place);

#endif
