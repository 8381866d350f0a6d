/*
 * bus_call.h - one method call of a client, from its arrival to its reply. A handler owns the call
 * it is given and ends it, at once or later, by bus_call_done or bus_call_send, exactly once. That
 * the caller vanishes changes nothing: the reply then goes nowhere.
 */
#ifndef ISCSIDSC_SERVICE_BUS_CALL_H
#define ISCSIDSC_SERVICE_BUS_CALL_H

#include <stdint.h>

#include <systemd/sd-bus.h>

#include "bus/interface.h"
#include "service/inside.h"

struct bus_client;

struct bus_call {
	struct service *service;
	struct bus_client *client;       /* a reference */
	sd_bus_message *message;     /* a reference */
	const struct bus_call_method *method;
	char why[256];               /* see bus_call_explain */
};

struct bus_call_method {
	const char *name, *in, *out;
	enum bus_access access;
	void (*handle)(struct bus_call *call);
};

/* The method of that name; NULL if there is none. */
const struct bus_call_method *bus_call_find(const char *name);
/* The vtable made from BUS_METHODS, for clients whose calls arrive at `handler`. */
const sd_bus_vtable *bus_call_vtable(void);
/* Handles a message of the client. Returns 0 or a negative errno (no memory). */
int bus_call_arrived(struct service *service, struct bus_client *client, sd_bus_message *message);

/* Tells the caller, in words, what failed and where, beside the status. The first one stays. */
void bus_call_explain(struct bus_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Replies with the status alone (the rest of the signature is zeros) and frees the call. */
void bus_call_done(struct bus_call *call, uint32_t status);
/* Begins a reply with the status; the handler appends the rest. */
int bus_call_begin(struct bus_call *call, uint32_t status, sd_bus_message **ret);
/* Sends a reply that was begun and frees the call; r: the result of building it, negative errors
 * become a status. Takes over `reply`, which may be NULL for negative r. */
void bus_call_send(struct bus_call *call, sd_bus_message *reply, int r);

/* One for each method of the interface. */
#define CALL_DECLARE(name, in, out, access) void handle_##name(struct bus_call *call);
BUS_METHODS(CALL_DECLARE)
#undef CALL_DECLARE

/* For bus.c: the client's end of it. */
struct bus_client *bus_client_get(struct bus_client *client);
void bus_client_put(struct bus_client *client);
/* A call of this client began or ended. */
void bus_client_calls(struct bus_client *client, int change);
/* Whether the caller may use methods of that access. */
int bus_client_may(const struct bus_client *client, enum bus_access access);
/* The vtable's one handler. */
int bus_client_method(sd_bus_message *message, void *userdata, sd_bus_error *error);

#endif
