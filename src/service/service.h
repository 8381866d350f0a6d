/*
 * service.h - the service as an object: main.c runs one, a test may run one in-process over a
 * socket it made itself. Everything happens on the thread that calls service_run.
 */
#ifndef ISCSIDSC_SERVICE_SERVICE_H
#define ISCSIDSC_SERVICE_SERVICE_H

#include <stddef.h>
#include <sys/types.h>

struct service;

struct service_config {
	const char *state_dir;   /* exists and is writable */
	const char *runtime_dir; /* exists; NBD sockets are made in its folder disks/ */
	int listen_fd;           /* a listening Unix socket; the service's from now on; -1: none */
	unsigned loops;          /* data threads, 0: one per core */
	mode_t socket_mode;      /* of NBD sockets */
	gid_t socket_gid;        /* (gid_t)-1: leave */
	const char *charon;      /* strongSwan's control socket; NULL: where it is by default */
};

/* Opens the store and starts the data threads. On failure one sentence is in why. */
int service_new(const struct service_config *config, char *why, size_t why_len,
		struct service **ret);
/* A client that is connected already (a socketpair's end), the service's from now on. */
int service_add_client(struct service *service, int fd);
/* Logs in what is to be logged in, tells systemd when the service is ready (restore.h), and runs until
 * service_stop; then closes disks, logs out, and returns 0; -ETIMEDOUT if sessions did
 * not end in time: then only leaving the process remains. SIGTERM and SIGINT stop it if
 * service_catch_signals was called. */
int service_run(struct service *service);
int service_catch_signals(struct service *service);
/* Any thread, any number of times. */
void service_stop(struct service *service);
/* After service_run returned 0, or was never called. Accepts NULL. */
void service_free(struct service *service);

#endif
