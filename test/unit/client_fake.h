/*
 * client_fake.h - a service for the tests of the library: it answers every method by a function of
 * the test's, on a socket in a folder of its own, to which ISCSIDSC_SOCKET points.
 */
#ifndef ISCSIDSC_TEST_CLIENT_FAKE_H
#define ISCSIDSC_TEST_CLIENT_FAKE_H

#include <systemd/sd-bus.h>

/*
 * Fills a reply. Runs in the service's thread. A negative errno answers with an error message of
 * that number; FAKE_DIE closes the connection in mid-call.
 */
typedef int (*fake_answer)(sd_bus_message *request, sd_bus_message *reply);

#define FAKE_DIE 1000

/* Starts the service with an answer; stops it. One at a time. */
void fake_start(fake_answer answer);
void fake_stop(void);

/* Calls answered since the start. */
int fake_calls(void);

#endif
