/*
 * bus_call.c - see bus_call.h. The table of methods, access control, replies.
 */
#include "service/bus_call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsierr.h"
#include "service/status.h"

#define CALL_ROW(name, in, out, access) { #name, in, out, access, handle_##name },
static const struct bus_call_method methods[] = { BUS_METHODS(CALL_ROW) };

#define CALL_VTABLE(name, in, out, access) \
	SD_BUS_METHOD(#name, in, "u" out "s", bus_client_method, SD_BUS_VTABLE_UNPRIVILEGED),
static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	BUS_METHODS(CALL_VTABLE)
	SD_BUS_VTABLE_END
};

const sd_bus_vtable *bus_call_vtable(void)
{
	return vtable;
}

const struct bus_call_method *bus_call_find(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

static void bus_call_free(struct bus_call *call)
{
	bus_client_calls(call->client, -1);
	bus_client_put(call->client);
	sd_bus_message_unref(call->message);
	free(call);
}

int bus_call_arrived(struct service *service, struct bus_client *client, sd_bus_message *message)
{
	const struct bus_call_method *method = bus_call_find(sd_bus_message_get_member(message));
	struct bus_call *call;

	if (!method)
		return -EBADR;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	/* Many arguments may hold a password or key; wiping them all is cheap. */
	sd_bus_message_sensitive(message);
	call->service = service;
	call->client = bus_client_get(client);
	call->message = sd_bus_message_ref(message);
	call->method = method;
	bus_client_calls(client, 1);
	if (service->stopping)
		bus_call_done(call, ISDSC_SERVICE_NOT_RUNNING);
	else if (!bus_client_may(client, method->access))
		bus_call_done(call, ERROR_ACCESS_DENIED);
	else
		method->handle(call);
	return 0;
}

/* The length of the first complete type of a signature that we wrote ourselves. */
static size_t type_len(const char *signature)
{
	size_t len = 0, depth = 0;

	if (*signature == 'a')
		return 1 + type_len(signature + 1);
	do {
		depth += signature[len] == '(';
		depth -= signature[len] == ')';
		len++;
	} while (depth);
	return len;
}

/* Appends zeros, empty texts and empty arrays. */
static int append_nothing(sd_bus_message *reply, const char *signature)
{
	static const uint64_t zero;
	char part[256];
	int r = 0;

	for (size_t len; r >= 0 && *signature; signature += len) {
		len = type_len(signature);
		if (*signature == 's') {
			r = sd_bus_message_append_basic(reply, 's', "");
		} else if (*signature == 'a' || *signature == '(') {
			/* An array's contents begin behind the a; a structure's lie between the brackets. */
			size_t skip = *signature == '(' ? 2 : 1;

			memcpy(part, signature + 1, len - skip);
			part[len - skip] = 0;
			r = sd_bus_message_open_container(reply, *signature == 'a' ? 'a' : 'r', part);
			if (r >= 0 && *signature == '(')
				r = append_nothing(reply, part);
			if (r >= 0)
				r = sd_bus_message_close_container(reply);
		} else {
			r = sd_bus_message_append_basic(reply, *signature, &zero);
		}
	}
	return r;
}

int bus_call_begin(struct bus_call *call, uint32_t status, sd_bus_message **ret)
{
	int r = sd_bus_message_new_method_return(call->message, ret);

	return r < 0 ? r : sd_bus_message_append(*ret, "u", status);
}

void bus_call_explain(struct bus_call *call, const char *format, ...)
{
	va_list args;

	if (*call->why)
		return;
	va_start(args, format);
	vsnprintf(call->why, sizeof(call->why), format, args);
	va_end(args);
	/* It may have been cut within a character, or hold what a peer or a caller wrote. */
	for (unsigned char *at = (unsigned char *)call->why; *at; at++)
		if (*at < 0x20 || *at >= 0x7f)
			*at = '?';
}

void bus_call_send(struct bus_call *call, sd_bus_message *reply, int r)
{
	if (r >= 0)
		r = sd_bus_message_append_basic(reply, 's', call->why);
	if (r < 0) {
		sd_bus_message_unref(reply);
		bus_call_done(call, status_of_errno(r));
		return;
	}
	/* The caller may have gone; then there is nobody to tell. */
	sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	bus_call_free(call);
}

void bus_call_done(struct bus_call *call, uint32_t status)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, status, &reply);

	if (r >= 0)
		r = append_nothing(reply, call->method->out);
	if (r >= 0)
		r = sd_bus_message_append_basic(reply, 's', call->why);
	if (r >= 0)
		sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	bus_call_free(call);
}
