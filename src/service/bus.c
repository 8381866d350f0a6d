/*
 * bus.c - see bus.h. sd-bus authenticates (EXTERNAL: the kernel tells the uid) and checks messages
 * against the signatures; bus_call.c takes it from there. A client that doesn't authenticate, sends
 * half a message, or does not read, is cut when its time is over.
 */
#include "service/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

#include "service/bus_call.h"
#include "service/log.h"

struct bus_client {
	struct list link;      /* service->clients holds a reference */
	struct service *service;
	sd_bus *bus;
	unsigned refs, calls;
	uint64_t handled, handled_before;
	bool unread_before;
	uid_t uid;
	sd_event_source *timer;
};

struct bus_client *bus_client_get(struct bus_client *client)
{
	client->refs++;
	return client;
}

void bus_client_put(struct bus_client *client)
{
	if (--client->refs)
		return;
	sd_bus_unref(client->bus);
	free(client);
}

void bus_client_calls(struct bus_client *client, int change)
{
	client->calls += (unsigned)change;
	client->handled++;
}

static bool bus_client_is_owner(const struct bus_client *client)
{
	return client->uid == 0 || client->uid == geteuid();
}

int bus_client_may(const struct bus_client *client, enum bus_access access)
{
	switch (access) {
	case BUS_LIST: /* whoever could connect: the socket's mode decided */
		return true;
	case BUS_CHANGE:
		return bus_client_is_owner(client) ||
		       client->service->defaults.value[DEFAULT_GROUP_MAY_CHANGE];
	case BUS_SECRET:
		return bus_client_is_owner(client);
	}
	return false;
}

/* Cuts the client. Its open calls go on; their replies go nowhere. */
static void bus_client_close(struct bus_client *client)
{
	if (!list_linked(&client->link))
		return;
	list_remove(&client->link);
	client->service->client_count--;
	service_timer_clear(&client->timer);
	sd_bus_detach_event(client->bus);
	sd_bus_close(client->bus);
	bus_client_put(client);
}

static int bus_client_lost(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)error;
	if (sd_bus_message_is_signal(message, "org.freedesktop.DBus.Local", "Disconnected"))
		bus_client_close(userdata);
	return 0;
}

static int bus_client_checked(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct bus_client *client = userdata;
	uint64_t unread = 0;

	(void)source;
	(void)usec;
	sd_bus_get_n_queued_write(client->bus, &unread);
	if ((client->calls == 0 && client->handled == client->handled_before) ||
	    (unread && client->unread_before)) {
		bus_client_close(client);
		return 0;
	}
	client->handled_before = client->handled;
	client->unread_before = unread > 0;
	return service_timer(client->service, &client->timer, CLIENT_IDLE_SECONDS, bus_client_checked,
			     client);
}

int bus_client_method(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct bus_client *client = userdata;
	uint64_t unread = 0;

	sd_bus_get_n_queued_write(client->bus, &unread);
	if (client->calls >= CLIENT_CALLS_MAX || unread > CLIENT_UNREAD_MAX)
		return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many calls at a time");
	int r = bus_call_arrived(client->service, client, message);

	return r < 0 ? r : 1;
}

/* Root and the service's own user are always let in as long as there is room at all. */
static bool bus_client_welcome(const struct service *service, uid_t uid)
{
	unsigned same = 0;

	if (service->client_count >= CLIENTS_MAX)
		return false;
	if (uid == 0 || uid == geteuid())
		return true;
	list_for_each(it, &service->clients)
		same += list_entry(it, struct bus_client, link)->uid == uid;
	return same < CLIENTS_MAX_PER_USER && service->client_count < CLIENTS_MAX - CLIENTS_MAX_PER_USER;
}

/* Takes over fd when it succeeds. */
static int bus_client_start(struct bus_client *client, int fd)
{
	sd_id128_t id;
	int r = sd_bus_new(&client->bus);

	if (r >= 0)
		r = sd_id128_randomize(&id);
	if (r >= 0)
		r = sd_bus_set_server(client->bus, 1, id);
	if (r >= 0)
		r = sd_bus_negotiate_fds(client->bus, 0);
	if (r >= 0)
		r = sd_bus_add_filter(client->bus, NULL, bus_client_lost, client);
	if (r >= 0)
		r = sd_bus_add_object_vtable(client->bus, NULL, BUS_PATH, BUS_INTERFACE,
					     bus_call_vtable(), client);
	if (r >= 0)
		r = service_timer(client->service, &client->timer, CLIENT_IDLE_SECONDS,
				  bus_client_checked, client);
	if (r >= 0)
		r = sd_bus_set_fd(client->bus, fd, fd);
	return r;
}

int bus_add_client(struct service *service, int fd)
{
	struct bus_client *client = NULL;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int r = -EPERM;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		r = -errno;
	else if (bus_client_welcome(service, peer.uid))
		r = (client = calloc(1, sizeof(*client))) ? 0 : -ENOMEM;
	if (r < 0) {
		close(fd);
		return r;
	}
	client->service = service;
	client->refs = 1;
	client->uid = peer.uid;
	list_append(&service->clients, &client->link);
	service->client_count++;
	r = bus_client_start(client, fd);
	if (r < 0)
		close(fd);
	else
		r = sd_bus_start(client->bus);
	/* Only now: sd-bus does not watch a descriptor that it is given later. */
	if (r >= 0)
		r = sd_bus_attach_event(client->bus, service->event, 0);
	if (r < 0)
		bus_client_close(client);
	return r;
}

static int bus_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct service *service = userdata;

	(void)source;
	(void)usec;
	if (!service->listen_source)
		return 0;
	return sd_event_source_set_enabled(service->listen_source, SD_EVENT_ON);
}

static int bus_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct service *service = userdata;
	int r, client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (client < 0) {
		/* Out of descriptors: the client stays in the queue, so don't look again at once. */
		if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
			return 0;
		log_warning("can't take a client: %s", strerror(errno));
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		return service_timer(service, &service->listen_timer, 1, bus_again, service);
	}
	r = bus_add_client(service, client);
	/* One line until the next one gets in: a flood of clients must not become one of lines. */
	if (r < 0 && !service->turned_away)
		log_warning("a client was turned away: %s",
			    r == -EPERM ? "too many at a time" : strerror(-r));
	service->turned_away = r < 0;
	return 0;
}

int bus_listen(struct service *service, int fd)
{
	int r;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	r = sd_event_add_io(service->event, &service->listen_source, fd, EPOLLIN, bus_accept, service);
	if (r < 0) {
		close(fd);
		return r;
	}
	return sd_event_source_set_io_fd_own(service->listen_source, 1);
}

void bus_stop_listening(struct service *service)
{
	service->listen_source = sd_event_source_disable_unref(service->listen_source);
	service_timer_clear(&service->listen_timer);
}

void bus_close(struct service *service)
{
	list_for_each(it, &service->clients)
		bus_client_close(list_entry(it, struct bus_client, link));
}
