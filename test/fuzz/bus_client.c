/* bus_client.c - see bus_client.h. */
#include "bus_client.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/interface.h"
#include "fuzz.h"
#include "service/bus.h"
#include "service/svc_session.h"

#define ROW(name, in, out, access) { #name, in, "u" out "s" },
static const struct method {
	const char *name, *in, *out;
} methods[] = { BUS_METHODS(ROW) };

enum { METHODS = sizeof(methods) / sizeof(methods[0]), OPEN_MAX = 32, DEPTH_MAX = 4 };

static const char *const texts[] = {
	"", "iqn.2026-11.test:target", "iqn.2026-11.test:other", "192.0.2.1", "2001:db8::1",
	"[2001:db8::1]", "target.example.org", "ROOT\\ISCSIPRT\\0000_0", "IQN.2026-11.test:ME",
	"eui.02004567a425678d", "naa.52004567ba64678d", "*", "Yes", "No", "hold-time", "7",
	"error-recovery-level", "error-recovery-level@iqn.2026-11.test:target", "data-digest",
	"group-may-change", "first-burst-length", "65536", "load-balance-policy", "ordering",
	"max-connections", "fe80::1%lo", "127.0.0.1",
};
enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

void bus_client_side_open(struct bus_client_side *client, struct service *service)
{
	int pair[2];

	if (client->bus)
		return;
	client->open = 0;
	fuzz_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	fuzz_need(sd_bus_new(&client->bus) >= 0 && sd_bus_set_fd(client->bus, pair[1], pair[1]) >= 0);
	bus_add_client(service, pair[0]); /* over its limit it closes */
	fuzz_need(sd_bus_start(client->bus) >= 0);
}

void bus_client_side_close(struct bus_client_side *client)
{
	if (!client->bus)
		return;
	sd_bus_close(client->bus);
	sd_bus_unref(client->bus);
	client->bus = NULL;
	client->open = 0;
}

/* ---------------------------------------------------------------- arguments */

struct writer {
	sd_bus_message *message;
	struct service *service;
	struct bytes_reader *in;
	int r; /* the first failure */
};

static void put(struct writer *w, int r)
{
	if (w->r >= 0)
		w->r = r;
}

static uint64_t number(struct bytes_reader *in, uint64_t most)
{
	uint8_t how = bytes_take8(in);

	if (how < 0xe0)
		return how & most;
	return how & 1 ? most : bytes_take64(in) & most;
}

static void put_text(struct writer *w)
{
	uint8_t how = bytes_take8(w->in), len;
	char text[600];

	if (how < 0xc0) {
		put(w, sd_bus_message_append_basic(w->message, 's', texts[how % TEXTS]));
		return;
	}
	len = bytes_take8(w->in);
	memset(text, how & 0x3f ? 'a' + (how & 15) : ' ', sizeof(text));
	if (how & 0x20) { /* long, with some of its own */
		text[how & 1 ? 255 : 599] = 0;
	} else {
		const uint8_t *data = bytes_take(w->in, len);

		for (unsigned i = 0; data && i < len; i++)
			text[i] = data[i] & 0x7f ? (char)(data[i] & 0x7f) : ' ';
		text[len] = 0;
	}
	put(w, sd_bus_message_append_basic(w->message, 's', text));
}

static void put_bytes(struct writer *w)
{
	size_t len = bytes_take8(w->in) % 64;
	const uint8_t *data = bytes_take(w->in, len);

	if (!data)
		len = 0;
	put(w, sd_bus_message_append_array(w->message, 'y', data ? data : (const uint8_t *)"", len));
}

/* Of a session or connection that there is, mostly. */
static void put_id(struct writer *w)
{
	uint8_t which = bytes_take8(w->in), at = which & 15;
	uint64_t unique = w->service->adapter_unique, specific = bytes_take8(w->in);

	list_for_each(it, &w->service->sessions) {
		struct svc_session *session = list_entry(it, struct svc_session, link);

		if (at-- || which & 0x80)
			continue;
		if (!(which & 0x40))
			specific = session->specific;
		else if (!list_empty(&session->conns))
			specific = list_entry(session->conns.next, struct svc_conn, link)->id;
	}
	put(w, sd_bus_message_append(w->message, "(tt)", which & 0x20 ? specific : unique, specific));
}

static void put_basic(struct writer *w, char type)
{
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
		int yes;
	} value = { 0 };

	switch (type) {
	case 'y':
		value.u8 = (uint8_t)number(w->in, UINT8_MAX);
		break;
	case 'b':
		value.yes = bytes_take8(w->in) & 1;
		break;
	case 'q':
	case 'n':
		value.u16 = (uint16_t)number(w->in, UINT16_MAX);
		break;
	case 'u':
	case 'i':
		value.u32 = (uint32_t)number(w->in, UINT32_MAX);
		break;
	default:
		value.u64 = number(w->in, UINT64_MAX);
		break;
	}
	put(w, sd_bus_message_append_basic(w->message, type, &value));
}

/* The length of the first complete type. */
static size_t type_len(const char *types)
{
	size_t len = 0, depth = 0;

	while (types[len] == 'a')
		len++;
	do {
		depth += types[len] == '(';
		depth -= types[len] == ')';
		len++;
	} while (depth && types[len]);
	return len;
}

static void put_types(struct writer *w, const char *types);

static void put_container(struct writer *w, char kind, const char *types, size_t len)
{
	unsigned times = kind == 'a' ? bytes_take8(w->in) % 4 : 1;
	char inner[256];

	memcpy(inner, types, len);
	inner[len] = 0;
	put(w, sd_bus_message_open_container(w->message, kind, inner));
	while (w->r >= 0 && times--)
		put_types(w, inner);
	put(w, sd_bus_message_close_container(w->message));
}

static void put_types(struct writer *w, const char *types)
{
	for (size_t len; w->r >= 0 && *types; types += len) {
		len = type_len(types);
		if (strncmp(types, BUS_ID, sizeof(BUS_ID) - 1) == 0)
			put_id(w);
		else if (types[0] == 'a' && types[1] == 'y')
			put_bytes(w);
		else if (types[0] == 'a')
			put_container(w, 'a', types + 1, len - 1);
		else if (types[0] == '(')
			put_container(w, 'r', types + 1, len - 2);
		else if (types[0] == 's')
			put_text(w);
		else
			put_basic(w, types[0]);
	}
}

/* Types in good form, and which else they are is the input's choice. */
static void make_types(struct bytes_reader *in, char *ret, size_t *len, unsigned depth)
{
	static const char kinds[] = "ybqutsxd(a";
	unsigned count = 1 + bytes_take8(in) % 4;

	for (unsigned i = 0; i < count && *len < 100; i++) {
		char kind = kinds[bytes_take8(in) % (sizeof(kinds) - 1)];

		if ((kind == '(' || kind == 'a') && depth == DEPTH_MAX)
			kind = 's';
		if (kind == 'a')
			ret[(*len)++] = 'a';
		if (kind == '(' || kind == 'a') {
			ret[(*len)++] = '(';
			make_types(in, ret, len, depth + 1);
			ret[(*len)++] = ')';
		} else {
			ret[(*len)++] = kind;
		}
	}
}

/* ---------------------------------------------------------------- calls */

struct asked {
	struct bus_client_side *client;
	const struct method *method;
	bool odd;
};

static int answered(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct asked *asked = userdata;
	const sd_bus_error *why = sd_bus_message_get_error(reply);

	(void)error;
	asked->client->open--;
	/* Errors are for messages that are none of ours, for too many of them, and for the end. */
	if (why)
		fuzz_need(asked->odd || strcmp(why->name, SD_BUS_ERROR_LIMITS_EXCEEDED) == 0 ||
			  strcmp(why->name, SD_BUS_ERROR_NO_REPLY) == 0);
	else
		fuzz_need(strcmp(sd_bus_message_get_signature(reply, 1), asked->method->out) == 0);
	return 0;
}

void bus_client_side_call(struct bus_client_side *client, struct service *service,
			  struct bytes_reader *in, bool any_types)
{
	const struct method *method = &methods[bytes_take8(in) % METHODS];
	struct writer w = { .service = service, .in = in };
	struct asked *asked;
	sd_bus_slot *slot;
	char types[256] = "";
	size_t len = 0;

	if (!client->bus || client->open >= OPEN_MAX ||
	    sd_bus_message_new_method_call(client->bus, &w.message, NULL, BUS_PATH, BUS_INTERFACE,
					   method->name) < 0)
		return;
	if (any_types)
		make_types(in, types, &len, 0);
	put_types(&w, any_types ? types : method->in);
	asked = malloc(sizeof(*asked));
	*asked = (struct asked){ client, method, any_types };
	if (w.r >= 0 &&
	    sd_bus_call_async(client->bus, &slot, w.message, answered, asked, UINT64_MAX) >= 0) {
		client->open++;
		sd_bus_slot_set_destroy_callback(slot, free);
		sd_bus_slot_set_floating(slot, 1);
		sd_bus_slot_unref(slot);
	} else {
		free(asked);
	}
	sd_bus_message_unref(w.message);
}

bool bus_client_side_turn(struct bus_client_side *client)
{
	int r = client->bus ? sd_bus_process(client->bus, NULL) : 0;

	if (r >= 0)
		return r > 0;
	bus_client_side_close(client);
	return true;
}
