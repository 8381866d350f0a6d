/*
 * radius_ask.c - one question to the RADIUS servers, from the first packet to the verdict (RFC 2865
 * section 2.5). Each question has a socket of its own, connected to one address at a time: the kernel
 * then keeps strangers out, tells when nobody listens, and gives each a source port that can't be known.
 */
#include "service/radius.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "net/resolve.h"
#include "service/inside.h"
#include "service/log.h"

enum { READS = 16 }; /* datagrams at a time; the other sources of the loop come then */

struct ask {
	struct list link;            /* in radius->asks, which owns it */
	struct service *service;
	struct chap_question question;
	void (*done)(void *ctx, const struct fault *why);
	void *ctx;
	bool begun;                  /* counts in radius->asking */
	unsigned left;               /* seconds, for everything */
	sd_event_source *tick;

	char host[RADIUS_SERVERS_MAX][RADIUS_ADDRESS_MAX + 1]; /* the servers, in the order of asking */
	unsigned hosts, next_host;   /* the one that is asked is next_host - 1 */
	struct resolve *resolve;     /* its name is being looked up */
	struct resolve_answer addresses;
	unsigned next_address;

	int fd;                      /* -1: none */
	sd_event_source *io;
	unsigned spent;              /* seconds, on this address or lookup */
	struct radius_request request;
	uint8_t packet[RADIUS_REQUEST_MAX];
	size_t packet_len;
	const char *odd;             /* why its answers did not count; NULL: none came */
};

static void ask_next_host(struct ask *ask);

/* ---------------------------------------------------------------- the end */

static void ask_close(struct ask *ask)
{
	ask->io = sd_event_source_disable_unref(ask->io);
	if (ask->fd >= 0)
		close(ask->fd);
	ask->fd = -1;
}

/* The next one that waits for its turn. */
static void begin_waiting(struct radius *radius)
{
	list_for_each(it, &radius->asks) {
		struct ask *ask = list_entry(it, struct ask, link);

		if (ask->begun)
			continue;
		ask->begun = true;
		radius->asking++;
		ask_next_host(ask);
		return;
	}
}

static void ask_end(struct ask *ask, const struct fault *why)
{
	struct service *service = ask->service;
	struct radius *radius = &service->radius;
	void (*done)(void *, const struct fault *) = ask->done;
	void *ctx = ask->ctx;

	ask_close(ask);
	resolve_cancel(ask->resolve);
	service_timer_clear(&ask->tick);
	list_remove(&ask->link);
	if (ask->begun)
		radius->asking--;
	free(ask);
	done(ctx, why);
	if (!radius->closed && radius->asking < RADIUS_ASKS_MAX)
		begin_waiting(radius);
}

static void ask_fail(struct ask *ask, enum fault_kind kind, const char *text)
{
	struct fault why;

	fault_set(&why, kind, 0, "%s", text);
	ask_end(ask, &why);
}

/* ---------------------------------------------------------------- one server */

static const char *ask_host(const struct ask *ask)
{
	return ask->host[ask->next_host - 1];
}

static uint64_t microseconds(const struct service *service)
{
	uint64_t now = 0;

	sd_event_now(service->event, CLOCK_MONOTONIC, &now);
	return now;
}

static const char *host_trouble(const struct ask *ask)
{
	if (ask->addresses.error)
		return "has no address";
	return ask->odd ? ask->odd : "does not answer";
}

static void host_is_silent(struct ask *ask)
{
	struct radius_server *server = radius_find(ask->service, ask_host(ask));
	uint64_t now = microseconds(ask->service);

	if (server && server->silent_until <= now)
		log_warning("RADIUS server %s %s; for %d s the others are asked before it",
			    server->address, host_trouble(ask), RADIUS_SILENCE);
	if (server)
		server->silent_until = now + (uint64_t)RADIUS_SILENCE * 1000000;
}

/* Sent anew each second while nothing comes. What the socket says against it shows when reading. */
static void ask_send(struct ask *ask)
{
	if (send(ask->fd, ask->packet, ask->packet_len, MSG_NOSIGNAL) < 0)
		return;
}

static void ask_judged(struct ask *ask, const struct radius_answer *answer)
{
	struct radius_server *server = radius_find(ask->service, ask_host(ask));
	int name_len = (int)ask->question.name_len;
	struct fault why = { .kind = FAULT_NONE };

	if (server) {
		server->silent_until = 0;
		server->authenticates |= answer->authenticated;
	}
	if (answer->accepted)
		log_info("RADIUS server %s: the CHAP response of %.*s is right", ask_host(ask), name_len,
			 (const char *)ask->question.name);
	else
		fault_set(&why, FAULT_AUTH, 0, "RADIUS server %s rejected the target's CHAP response (name"
			  " %.*s)", ask_host(ask), name_len, (const char *)ask->question.name);
	ask_end(ask, &why);
}

/* Whether the answers of the one that is asked count only with a Message-Authenticator. */
static bool must_authenticate(const struct ask *ask)
{
	const struct service *service = ask->service;
	const struct radius_server *server = radius_find(ask->service, ask_host(ask));

	return service->defaults.value[DEFAULT_RADIUS_PROTECTION] == RADIUS_PROTECTION_ALWAYS ||
	       (server && server->authenticates);
}

static void ask_next_address(struct ask *ask);

/* Returns false when the ask is over, or has gone on to another address. */
static bool ask_read(struct ask *ask)
{
	const struct radius *radius = &ask->service->radius;
	uint8_t packet[RADIUS_PACKET_MAX];
	ssize_t len = recv(ask->fd, packet, sizeof(packet), 0);
	struct radius_answer answer;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (len < 0) { /* ICMP: nobody is there */
		ask_next_address(ask);
		return false;
	}
	if (radius_get_answer(packet, (size_t)len, &ask->request, &radius->secret, &answer) < 0) {
		ask->odd = "gives answers that don't fit our shared secret";
	} else if (must_authenticate(ask) && !answer.authenticated) {
		ask->odd = "gives answers without a Message-Authenticator";
	} else {
		ask_judged(ask, &answer);
		return false;
	}
	return true;
}

static int ask_readable(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	(void)source;
	(void)fd;
	(void)revents;
	for (int i = 0; i < READS && ask_read(ctx); i++)
		;
	return 0;
}

/* A request of its own for each server. Returns 0 or a negative errno. */
static int ask_prepare(struct ask *ask)
{
	const struct service *service = ask->service;
	int len;

	if (RAND_bytes((uint8_t *)&ask->request, sizeof(ask->request)) != 1)
		return -EIO;
	len = radius_put_request(&ask->request, service->node_name, &ask->question,
				 &service->radius.secret, ask->packet);
	ask->packet_len = len > 0 ? (size_t)len : 0;
	return len < 0 ? len : 0;
}

/* True if the socket is there; that nobody listens, it may tell later. */
static bool ask_connect(struct ask *ask, const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	ask->fd = fd;
	if (connect(fd, address, len) < 0 ||
	    sd_event_add_io(ask->service->event, &ask->io, fd, EPOLLIN, ask_readable, ask) < 0) {
		ask_close(ask);
		return false;
	}
	return true;
}

static void ask_next_address(struct ask *ask)
{
	const struct resolve_answer *a = &ask->addresses;
	bool connected = false;

	ask_close(ask);
	ask->spent = 0;
	while (!connected && ask->next_address < a->count) {
		unsigned i = ask->next_address++;

		connected = ask_connect(ask, (const struct sockaddr *)&a->address[i].addr,
					a->address[i].len);
	}
	if (connected) {
		ask_send(ask);
		return;
	}
	host_is_silent(ask);
	ask_next_host(ask);
}

static void ask_resolved(void *ctx, const struct resolve_answer *answer)
{
	struct ask *ask = ctx;

	ask->resolve = NULL;
	ask->addresses = *answer;
	ask->next_address = 0;
	if (answer->error)
		ask->addresses.count = 0;
	ask_next_address(ask);
}

static void ask_next_host(struct ask *ask)
{
	struct service *service = ask->service;
	struct fault why;

	if (ask->next_host == ask->hosts) {
		fault_set(&why, FAULT_VERIFIER, 0, "no RADIUS server could verify the target: %s %s",
			  ask_host(ask), host_trouble(ask));
		ask_end(ask, &why);
		return;
	}
	ask->next_host++;
	ask->spent = 0;
	ask->odd = NULL;
	if (ask_prepare(ask) < 0)
		ask_fail(ask, FAULT_LOCAL, "libcrypto has no MD5 or no random numbers for RADIUS");
	else if (resolve_start(ask_host(ask), (uint16_t)service->defaults.value[DEFAULT_RADIUS_PORT],
			       &service->control, ask_resolved, ask, &ask->resolve) < 0)
		ask_fail(ask, FAULT_NO_MEMORY, "no memory to ask a RADIUS server");
}

/* ---------------------------------------------------------------- time */

static int ask_tick(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct ask *ask = ctx;
	struct service *service = ask->service;

	(void)timer;
	(void)usec;
	if (--ask->left == 0) {
		ask_fail(ask, FAULT_VERIFIER, "no RADIUS server answered in time");
		return 0;
	}
	service_timer(service, &ask->tick, 1, ask_tick, ask);
	if (!ask->begun)
		return 0;
	if (++ask->spent < service->defaults.value[DEFAULT_RADIUS_TIME]) {
		if (ask->fd >= 0)
			ask_send(ask);
		return 0;
	}
	if (ask->resolve) {
		resolve_cancel(ask->resolve);
		ask->resolve = NULL;
		ask->addresses = (struct resolve_answer){ .error = EAI_AGAIN };
		ask->next_address = 0;
	}
	ask_next_address(ask);
	return 0;
}

/* ---------------------------------------------------------------- doors */

static void add_hosts(struct ask *ask, bool silent, uint64_t now)
{
	list_for_each(it, &ask->service->radius.servers) {
		const struct radius_server *server = list_entry(it, struct radius_server, link);

		if ((server->silent_until > now) == silent)
			strcpy(ask->host[ask->hosts++], server->host);
	}
}

static int ask_new(struct service *service, const struct chap_question *question, struct ask **ret)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return -ENOMEM;
	ask->service = service;
	ask->question = *question;
	ask->fd = -1;
	ask->left = service->defaults.value[DEFAULT_LOGIN_TIME];
	if (service_timer(service, &ask->tick, 1, ask_tick, ask) < 0) {
		free(ask);
		return -ENOMEM;
	}
	add_hosts(ask, false, microseconds(service));
	add_hosts(ask, true, microseconds(service));
	list_append(&service->radius.asks, &ask->link);
	*ret = ask;
	return 0;
}

void radius_ask(struct service *service, const struct chap_question *question,
		void (*done)(void *ctx, const struct fault *why), void *ctx)
{
	struct fault why = { .kind = FAULT_NONE };
	struct ask *ask = NULL;

	if (service->radius.closed)
		fault_set(&why, FAULT_ABANDONED, 0, "the service stops");
	else if (!radius_is_ready(service))
		fault_set(&why, FAULT_VERIFIER, 0, "there is no RADIUS server, or no secret shared with it");
	else if (question->name_len > RADIUS_TEXT_MAX)
		fault_set(&why, FAULT_AUTH, 0, "the target's CHAP name is too long for RADIUS");
	else if (ask_new(service, question, &ask) < 0)
		fault_set(&why, FAULT_NO_MEMORY, 0, "no memory to ask a RADIUS server");
	if (why.kind) {
		done(ctx, &why);
		return;
	}
	ask->done = done;
	ask->ctx = ctx;
	if (service->radius.asking < RADIUS_ASKS_MAX)
		begin_waiting(&service->radius);
}

static void verified(void *ctx, const struct fault *why)
{
	nexus_verdict(ctx, why);
}

void radius_verify(struct service *service, struct nexus_question *question,
		   const struct chap_question *chap)
{
	radius_ask(service, chap, verified, question);
}

void radius_stop(struct service *service)
{
	service->radius.closed = true;
	list_for_each(it, &service->radius.asks)
		ask_fail(list_entry(it, struct ask, link), FAULT_ABANDONED, "the service stops");
}
