/*
 * call.h - one blocking call of the service.
 *
 * A call keeps the first thing that went wrong: the functions that put arguments check them also
 * when no service is there, so that a bad argument is told before a missing service. A call is
 * made, used and ended by one thread, in one process, and has a bus connection of its own: nothing
 * is shared, so threads and fork are the caller's free choice.
 *
 *	call_init(&call, "Method");
 *	call_put(&call, "u", number);
 *	if (call_run(&call))
 *		call_get(&call, "u", &answer);
 *	return call_done(&call);
 */
#ifndef ISCSIDSC_CLIENT_CALL_H
#define ISCSIDSC_CLIENT_CALL_H

#include <iscsidsc.h>

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

struct call {
	sd_bus *bus;
	sd_bus_message *request, *reply;
	ISDSC_STATUS status;  /* the first failure of ours, then the service's answer */
	ISDSC_STATUS missing; /* why there is no request: told when nothing else is wrong */
};

/* Connects and begins the message. `method` is a name of BUS_METHODS. End with call_done. */
void call_init(struct call *call, const char *method);

/* Notes a failure; the first one stays. */
void call_fail(struct call *call, ISDSC_STATUS status);

/* Appends to the message; types as in sd_bus_message_append. */
void call_put(struct call *call, const char *types, ...);

/* Appends an array of bytes. */
void call_put_bytes(struct call *call, const void *bytes, size_t size);

/*
 * Sends and waits. True when the service did the work, a warning included: the rest of the reply
 * may be read. May be called once.
 */
bool call_run(struct call *call);

/* Reads on in the reply; types as in sd_bus_message_read. False, with the status set, on a reply
 * that is not what it must be. Texts read live until call_done. */
bool call_get(struct call *call, const char *types, ...);

/* Reads an array of bytes, which lives until call_done. */
bool call_get_bytes(struct call *call, const void **ret_bytes, size_t *ret_size);

/* What failed and where in this thread's last call, in words; "" where nothing is known beside the
 * status. */
const char *call_why(void);
void call_why_clear(void);

/* Frees everything and returns the status. */
ISDSC_STATUS call_done(struct call *call);

#endif
