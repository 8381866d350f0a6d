/*
 * api_load.h - a load on a disk of a session: clients of its NBD socket that write, read back and
 * compare, each in a place of its own.
 */
#ifndef ISCSIDSC_TEST_API_LOAD_H
#define ISCSIDSC_TEST_API_LOAD_H

#include <pthread.h>

#include "api_bed.h"

enum { LOAD_CLIENTS = 12 };

struct load_client {
	struct load *load;
	pthread_t thread;
	bool started;
	unsigned number;
	struct nbd_handle *nbd;
	unsigned requests, wrong; /* wrong: errors, and bytes that differ */
	double longest;           /* seconds that a request took */
};

struct load {
	_Atomic bool running;
	struct load_client client[LOAD_CLIENTS];
};

/* On the first disk of the session. *load is to last until the load was stopped. */
void load_begin(struct load *load, ISCSI_UNIQUE_SESSION_ID *session);
/* No request may have failed, no byte be wrong. Returns the longest time of a request in seconds. */
double load_end(struct load *load);
/* Whatever became of it; nothing if it does not run. */
void load_stop(struct load *load);

#endif
