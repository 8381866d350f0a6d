/*
 * call.c - sd-bus, peer to peer over the service's socket. What it is not: arguments (args.c) and
 * results (listing.c).
 */
#include "client/call.h"

#include "bus/interface.h"
#include "client/door.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The only thing that outlives a call. */
static _Thread_local char why[512];

const char *call_why(void)
{
	return why;
}

void call_why_clear(void)
{
	*why = '\0';
}

/* What a failure of the bus connection itself means to the API's caller. */
static ISDSC_STATUS status_from_errno(int error)
{
	switch (-error) {
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return ERROR_NOT_ENOUGH_MEMORY;
	case EACCES:
	case EPERM:
		return ERROR_ACCESS_DENIED;
	default:
		return ISDSC_SERVICE_NOT_RUNNING;
	}
}

/* What an error message in the service's place of a reply means. */
static ISDSC_STATUS status_from_error(const sd_bus_error *error)
{
	static const struct {
		const char *name;
		ISDSC_STATUS status;
	} table[] = {
		{ SD_BUS_ERROR_ACCESS_DENIED, ERROR_ACCESS_DENIED },
		{ SD_BUS_ERROR_AUTH_FAILED, ERROR_ACCESS_DENIED },
		{ SD_BUS_ERROR_NO_MEMORY, ERROR_NOT_ENOUGH_MEMORY },
		{ SD_BUS_ERROR_LIMITS_EXCEEDED, ISDSC_OUT_OF_RESOURCES },
		{ SD_BUS_ERROR_UNKNOWN_METHOD, ERROR_CALL_NOT_IMPLEMENTED },
		{ SD_BUS_ERROR_INVALID_ARGS, ERROR_INVALID_PARAMETER },
		{ SD_BUS_ERROR_NO_REPLY, ISDSC_SERVICE_NOT_RUNNING },
		{ SD_BUS_ERROR_DISCONNECTED, ISDSC_SERVICE_NOT_RUNNING },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(error->name, table[i].name) == 0)
			return table[i].status;
	return ISDSC_NON_SPECIFIC_ERROR;
}

static int bus_open(sd_bus **ret)
{
	sd_bus *bus = NULL;
	int fd, r;

	r = door_open(&fd, why, sizeof(why));
	if (r < 0)
		return r;
	*why = '\0';
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0) {
		close(fd);
		goto fail;
	}
	r = sd_bus_start(bus);
	if (r < 0)
		goto fail;
	*ret = bus;
	return 0;
fail:
	sd_bus_close_unref(bus);
	return r;
}

void call_init(struct call *call, const char *method)
{
	int r;

	*call = (struct call){ 0 };
	*why = '\0';
	r = bus_open(&call->bus);
	if (r >= 0)
		r = sd_bus_message_new_method_call(call->bus, &call->request, NULL, BUS_PATH,
						   BUS_INTERFACE, method);
	/* Many calls carry secrets, and for the others it costs nothing. */
	if (r >= 0)
		r = sd_bus_message_sensitive(call->request);
	if (r >= 0)
		return;
	call->request = sd_bus_message_unref(call->request);
	call->missing = status_from_errno(r);
}

void call_fail(struct call *call, ISDSC_STATUS status)
{
	if (!call->status)
		call->status = status;
}

void call_put(struct call *call, const char *types, ...)
{
	va_list list;
	int r;

	if (!call->request || call->status)
		return;
	va_start(list, types);
	r = sd_bus_message_appendv(call->request, types, list);
	va_end(list);
	if (r < 0)
		call_fail(call, r == -ENOMEM ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_PARAMETER);
}

void call_put_bytes(struct call *call, const void *bytes, size_t size)
{
	if (!call->request || call->status)
		return;
	if (sd_bus_message_append_array(call->request, 'y', bytes, size) < 0)
		call_fail(call, ERROR_NOT_ENOUGH_MEMORY);
}

static int reply_arrived(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct call *call = userdata;

	(void)error;
	call->reply = sd_bus_message_ref(message);
	return 1;
}

/* Waits for the socket. A signal handler of the program's must not end the call. */
static int bus_wait(sd_bus *bus)
{
	struct pollfd socket = { .fd = sd_bus_get_fd(bus) };
	struct timespec now, limit, *left = NULL;
	int events = sd_bus_get_events(bus);
	uint64_t until;
	int64_t usec;

	if (socket.fd < 0)
		return socket.fd;
	if (events < 0)
		return events;
	socket.events = (short)events;
	if (sd_bus_get_timeout(bus, &until) >= 0 && until != UINT64_MAX) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		usec = (int64_t)until - now.tv_sec * 1000000 - now.tv_nsec / 1000;
		if (usec < 0)
			usec = 0;
		limit = (struct timespec){ usec / 1000000, usec % 1000000 * 1000 };
		left = &limit;
	}
	return ppoll(&socket, 1, left, NULL) < 0 && errno != EINTR ? -errno : 0;
}

/* sd_bus_call would do, but some of its versions give up when a signal arrives. */
static int request_exchange(struct call *call)
{
	int r = sd_bus_call_async(call->bus, NULL, call->request, reply_arrived, call, UINT64_MAX);

	while (r >= 0 && !call->reply) {
		r = sd_bus_process(call->bus, NULL);
		if (r == 0 && !call->reply)
			r = bus_wait(call->bus);
	}
	return call->reply ? 0 : r;
}

static bool status_is_warning(ISDSC_STATUS status)
{
	return status >> 16 == 0xafff;
}

/* Keeps the text at the reply's end, and goes back to behind the status. */
static void why_get(struct call *call)
{
	const char *types = sd_bus_message_get_signature(call->reply, true), *text = NULL;
	size_t length = types ? strlen(types) : 0;
	char between[256];

	if (length < 2 || types[length - 1] != 's' || length - 2 >= sizeof(between))
		return;
	memcpy(between, types + 1, length - 2);
	between[length - 2] = '\0';
	if (*between && sd_bus_message_skip(call->reply, between) < 0)
		return;
	if (sd_bus_message_read(call->reply, "s", &text) > 0)
		snprintf(why, sizeof(why), "%s", text);
	sd_bus_message_rewind(call->reply, true);
	sd_bus_message_skip(call->reply, "u");
}

bool call_run(struct call *call)
{
	uint32_t status;
	int r;

	if (call->status)
		*why = '\0'; /* a bad argument is told before a missing service */
	else
		call->status = call->missing;
	if (call->status)
		return false;
	r = request_exchange(call);
	if (r < 0)
		call->status = status_from_errno(r);
	else if (sd_bus_message_is_method_error(call->reply, NULL))
		call->status = status_from_error(sd_bus_message_get_error(call->reply));
	else if (call_get(call, "u", &status))
		call->status = status;
	if (r >= 0 && call->status)
		why_get(call);
	return !call->status || status_is_warning(call->status);
}

bool call_get(struct call *call, const char *types, ...)
{
	va_list list;
	int r;

	va_start(list, types);
	r = sd_bus_message_readv(call->reply, types, list);
	va_end(list);
	if (r <= 0)
		call->status = ISDSC_NON_SPECIFIC_ERROR;
	return r > 0;
}

bool call_get_bytes(struct call *call, const void **ret_bytes, size_t *ret_size)
{
	if (sd_bus_message_read_array(call->reply, 'y', ret_bytes, ret_size) >= 0)
		return true;
	call->status = ISDSC_NON_SPECIFIC_ERROR;
	return false;
}

ISDSC_STATUS call_done(struct call *call)
{
	sd_bus_message_unref(call->request);
	sd_bus_message_unref(call->reply);
	sd_bus_close_unref(call->bus);
	return call->status;
}
