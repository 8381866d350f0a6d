/*
 * isns_server.c - what goes on with one iSNS server; see isns.h. A machine that asks one question at a
 * time: each state has its question, each answer its next state.
 */
#include "service/isns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iscsierr.h"
#include "proto/isns.h"
#include "service/isns_answer.h"
#include "service/log.h"
#include "service/status.h"

enum {
	POLL_TOLD = 600,      /* seconds to the next query if the server tells of changes */
	POLL_UNTOLD = 60,     /* if it does not */
	POLL_LEAST = 5,
	SETTLE = 1,           /* after a change, for more of them */
	RETRY_MOST = 300,
	RETRY_DOUBLINGS = 16,
	LASTING = 30,         /* a link that lasted so long was no failure */
	LEAVE_SECONDS = 2,
	WALK_SECONDS = 600,
	WALK_NODES = 65536,   /* initiators too */
};

struct waiter {
	struct list link;
	void (*done)(void *ctx, uint32_t status, const char *why);
	void *ctx;
};

static void server_enter(struct isns_server *server, enum isns_state state);
static void server_fail(struct isns_server *server, uint32_t status, const char *why);

static uint64_t now_usec(const struct isns_server *server)
{
	uint64_t usec = 0;

	sd_event_now(server->service->event, CLOCK_MONOTONIC, &usec);
	return usec;
}

static bool lasted(const struct isns_server *server, uint64_t since, unsigned seconds)
{
	return now_usec(server) - since >= (uint64_t)seconds * 1000000;
}

static void tell_all(struct list *waiters, uint32_t status, const char *why)
{
	struct list *first;

	while ((first = list_pop(waiters))) {
		struct waiter *waiter = list_entry(first, struct waiter, link);

		waiter->done(waiter->ctx, status, why);
		free(waiter);
	}
}

static void server_disconnect(struct isns_server *server)
{
	isns_link_free(server->tcp);
	isns_scn_free(server->scn);
	server->tcp = NULL;
	server->scn = NULL;
	server->registered = server->subscribed = server->known = false;
	isns_walk_end(server);
}

void isns_server_free(struct isns_server *server)
{
	tell_all(&server->served, ISDSC_SERVICE_NOT_RUNNING, "");
	tell_all(&server->waiting, ISDSC_SERVICE_NOT_RUNNING, "");
	server_disconnect(server);
	service_timer_clear(&server->timer);
	list_remove(&server->link);
	server->service->isns.count--;
	free(server);
}

/* The last of a server that leaves. */
static void server_over(struct isns_server *server)
{
	struct service *service = server->service;

	isns_server_free(server);
	service_check_stopped(service);
}

/* ---- questions */

/* 16 bytes as iSNS has them. */
static void address_bytes(const struct sockaddr_storage *from, uint8_t ret[ISNS_ADDRESS_LEN])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (from->ss_family == AF_INET6) {
		memcpy(ret, &((const struct sockaddr_in6 *)from)->sin6_addr, ISNS_ADDRESS_LEN);
		return;
	}
	memcpy(ret, mapped, sizeof(mapped));
	memcpy(ret + sizeof(mapped), &((const struct sockaddr_in *)from)->sin_addr, 4);
}

static void on_change(void *ctx, struct bytes_reader *named)
{
	struct isns_server *server = ctx;
	bool more = isns_changes_any(&server->changes);

	isns_changes_note(&server->changes, named);
	if (more)
		return; /* another of several: the question comes */
	log_info("iSNS server %s tells of a change", server->address);
	if (server->state == ISNS_READY)
		server_enter(server, ISNS_READY);
}

/* Without a socket for notifications we do with asking every minute. */
static void server_listen(struct isns_server *server)
{
	struct sockaddr_storage own, peer;
	int r;

	isns_scn_free(server->scn);
	server->scn = NULL;
	isns_link_ends(server->tcp, &own, &peer);
	r = isns_scn_new(server->service, &own, &peer, server->service->node_name, on_change, server,
			 &server->scn);
	if (r < 0)
		log_warning("iSNS server %s can't tell of changes: %s", server->address, strerror(-r));
	else
		address_bytes(&own, server->own);
}

static void server_ask(struct isns_server *server)
{
	uint8_t bytes[ISNS_LINK_QUESTION_MAX - ISNS_HEADER_LEN];
	struct bytes_writer writer;
	unsigned function;
	int r;

	bytes_writer_init(&writer, bytes, sizeof(bytes));
	function = isns_question_put(server, &writer);
	r = isns_link_ask(server->tcp, function, function == ISNS_REGISTER ? ISNS_REPLACE : 0,
			  &writer);
	if (r < 0)
		server_fail(server, status_of_socket(r), strerror(-r));
}

/* ---- what is known now */

static void server_queried(struct isns_server *server, struct bytes_reader *attributes)
{
	struct fault fault = { .kind = FAULT_NONE };
	struct answer answer;
	int r = isns_answer_get(attributes, &answer, &fault);
	size_t count = 0;
	struct list told;

	if (r == 0) {
		r = targets_replace(&server->service->targets, server->tells, answer.found,
				    answer.count);
		count = answer.count;
		answer_done(&answer);
	}
	isns_walk_end(server);
	if (r < 0) {
		server_fail(server, r == -EPROTO ? WSAECONNABORTED : status_of_errno(r),
			    r == -EPROTO ? fault.text : strerror(-r));
		return;
	}
	if (server->failing)
		log_notice("iSNS server %s answers again", server->address);
	log_info("iSNS server %s tells of %zu targets", server->address, count);
	server->failing = false;
	server->queried_at = now_usec(server);
	if (!server->known)
		server->known_since = server->queried_at;
	server->known = true;
	/* The next query, which may begin at once, serves others. */
	list_init(&told);
	list_splice(&told, &server->served);
	server_enter(server, ISNS_READY);
	tell_all(&told, ERROR_SUCCESS, "");
}

/* False: the server failed. */
static bool walk_add(struct isns_server *server, const struct bytes_reader *attributes)
{
	int r = isns_walk_add(server, attributes);

	if (r == -ENOMEM)
		server_fail(server, ERROR_NOT_ENOUGH_MEMORY, "out of memory");
	else if (r < 0)
		server_fail(server, WSAECONNABORTED, "it tells too much");
	return r == 0;
}

static void walk_over(struct isns_server *server)
{
	struct bytes_reader attributes;

	bytes_reader_init(&attributes, server->walked, server->walked_len);
	server_queried(server, &attributes);
}

static void server_walked(struct isns_server *server, struct bytes_reader *reader)
{
	int r = isns_answer_begin(reader);

	if (r == 0)
		r = isns_walk_step(server, *reader);
	if (r < 0)
		server_fail(server, WSAECONNABORTED, "it tells of a node without a name");
	else if (++server->walk_count > WALK_NODES ||
		 lasted(server, server->walk_since, WALK_SECONDS))
		server_fail(server, WSAETIMEDOUT, "there is no end to its nodes");
	else if (!r)
		server_enter(server, ISNS_WALKING);
	else if (walk_add(server, reader))
		server_enter(server, ISNS_LOOKING);
}

/* ---- answers */

static uint32_t status_of_isns(uint32_t status)
{
	switch (status) {
	case ISNS_UNAUTHORIZED:
		return ISDSC_AUTHORIZATION_FAILURE;
	case ISNS_BAD_VERSION:
		return ISDSC_INCOMPATIBLE_ISNS_VERSION;
	case ISNS_BUSY:
		return ISDSC_SERVICE_UNAVAILABLE;
	default:
		return ISDSC_NON_SPECIFIC_ERROR;
	}
}

/* A server may not want us, as when our node is registered in another entity; asking may work yet. */
static void registered(struct isns_server *server, uint32_t status, struct bytes_reader *reader)
{
	struct isns_attr attr;

	server->registered = status == ISNS_SUCCESS;
	server->period = 0;
	if (!server->registered) {
		server->registered_as[0] = 0;
		log_warning("iSNS server %s does not register us: %s", server->address,
			    isns_status_text(status));
		server_enter(server, ISNS_QUERYING);
		return;
	}
	while (isns_attr_next(reader, &attr) > 0)
		if (attr.tag == ISNS_REGISTRATION_PERIOD)
			isns_attr_number(&attr, &server->period);
	server_enter(server, server->scn ? ISNS_SUBSCRIBING : ISNS_QUERYING);
}

/* The node that a notification named. What can't be read is asked for with all the others. */
static void server_changed(struct isns_server *server, struct bytes_reader *attributes)
{
	struct isns_changes *changes = &server->changes;
	bool more;

	if (isns_change_take(server, attributes) < 0)
		changes->all = true;
	/* Who waits is served by a query, which tells of the others too. */
	more = changes->round && !changes->all && list_empty(&server->waiting);
	server_enter(server, more ? ISNS_CHANGING : ISNS_READY);
}

static void queried(struct isns_server *server, uint32_t status, struct bytes_reader *reader)
{
	bool one = server->state == ISNS_CHANGING;
	void (*told)(struct isns_server *, struct bytes_reader *) = one ? server_changed
									 : server_queried;
	struct bytes_reader none = { .len = 0 };

	if (status == ISNS_SUCCESS && isns_answer_begin(reader) == 0)
		told(server, reader);
	else if (status == ISNS_NO_SUCH_ENTRY)
		told(server, &none);
	else if (status == ISNS_SOURCE_UNKNOWN && server->known)
		server_enter(server, ISNS_REGISTERING); /* it has forgotten us */
	else if (one)
		server_enter(server, ISNS_QUERYING); /* what it can't tell of one it may tell of all */
	else if (status == ISNS_INTERNAL_ERROR)
		server_enter(server, ISNS_WALKING); /* open-isns: the answer is longer than it can say */
	else if (status == ISNS_SUCCESS)
		server_fail(server, WSAECONNABORTED, "an answer without its delimiter");
	else
		server_fail(server, status_of_isns(status), isns_status_text(status));
}

static void on_answered(void *ctx, uint32_t status, struct bytes_reader *reader)
{
	struct isns_server *server = ctx;

	switch (server->state) {
	case ISNS_UNNAMING:
		server->registered_as[0] = 0;
		server_enter(server, ISNS_REGISTERING);
		break;
	case ISNS_REGISTERING:
		registered(server, status, reader);
		break;
	case ISNS_SUBSCRIBING:
		server->subscribed = status == ISNS_SUCCESS;
		if (status)
			log_warning("iSNS server %s will not tell of changes: %s", server->address,
				    isns_status_text(status));
		server_enter(server, ISNS_QUERYING);
		break;
	case ISNS_QUERYING:
	case ISNS_CHANGING:
		queried(server, status, reader);
		break;
	case ISNS_WALKING:
		if (status == ISNS_NO_SUCH_ENTRY)
			walk_over(server);
		else if (status)
			server_fail(server, status_of_isns(status), isns_status_text(status));
		else
			server_walked(server, reader);
		break;
	case ISNS_LOOKING:
		/* It may have gone meanwhile. */
		if (status || isns_answer_begin(reader) < 0 || walk_add(server, reader))
			server_enter(server, ISNS_WALKING);
		break;
	case ISNS_DEPARTING:
		server_enter(server, ISNS_LEAVING);
		break;
	case ISNS_LEAVING:
		server_over(server);
		break;
	case ISNS_RESTING:
	case ISNS_CONNECTING:
	case ISNS_READY:
		/* The link lets nothing through that was not asked. */
		break;
	}
}

static void on_opened(void *ctx)
{
	struct isns_server *server = ctx;
	bool renamed = *server->registered_as &&
		       strcmp(server->registered_as, server->service->node_name) != 0;

	server_enter(server, renamed ? ISNS_UNNAMING : ISNS_REGISTERING);
}

static void on_failed(void *ctx, uint32_t status, const char *why)
{
	server_fail(ctx, status, why);
}

static const struct isns_link_ops ops = {
	.opened = on_opened, .answered = on_answered, .failed = on_failed,
};

/* ---- states */

/* The link is of no use any more. */
static void server_fail(struct isns_server *server, uint32_t status, const char *why)
{
	bool idle = server->state == ISNS_READY;
	char place[OPTIONS_TEXT + 256];

	if (server->state == ISNS_DEPARTING || server->state == ISNS_LEAVING) {
		server_over(server);
		return;
	}
	if (server->known && lasted(server, server->known_since, LASTING))
		server->failures = 0;
	if (idle)
		log_info("iSNS server %s has hung up: %s", server->address, why);
	else
		log_line(server->failing ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
			 "iSNS server %s can't be asked: %s", server->address, why);
	server->failing |= !idle;
	server_enter(server, ISNS_RESTING);
	snprintf(place, sizeof(place), "iSNS server %s: %s", server->address, why);
	tell_all(&server->served, status, place);
	tell_all(&server->waiting, status, place);
}

static uint64_t poll_seconds(const struct isns_server *server)
{
	uint64_t seconds = server->subscribed ? POLL_TOLD : POLL_UNTOLD;

	/* Asking keeps us registered (RFC 4171 section 6.2.6). */
	if (server->period && server->period / 2 < seconds)
		seconds = server->period / 2;
	return seconds > POLL_LEAST ? seconds : POLL_LEAST;
}

/* For changes: so that more of them come together. */
static uint64_t ready_seconds(const struct isns_server *server)
{
	uint64_t poll = poll_seconds(server);
	uint64_t since = (now_usec(server) - server->queried_at) / 1000000;

	if (isns_changes_any(&server->changes) || since >= poll)
		return SETTLE;
	return poll - since;
}

/* What it is to be asked now. */
static enum isns_state next_question(const struct isns_server *server)
{
	bool poll = lasted(server, server->queried_at, (unsigned)poll_seconds(server));

	if (!server->registered)
		return ISNS_REGISTERING;
	return poll || server->changes.all || !server->changes.count ? ISNS_QUERYING : ISNS_CHANGING;
}

static uint64_t retry_seconds(struct isns_server *server)
{
	uint64_t seconds = server->service->defaults.value[DEFAULT_RETRY_TIME];

	seconds <<= server->failures < RETRY_DOUBLINGS ? server->failures : RETRY_DOUBLINGS;
	server->failures++;
	return seconds < RETRY_MOST ? seconds : RETRY_MOST;
}

static int on_time(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct isns_server *server = ctx;

	(void)timer;
	(void)usec;
	switch (server->state) {
	case ISNS_RESTING:
		server_enter(server, ISNS_CONNECTING);
		break;
	case ISNS_READY:
		server_enter(server, next_question(server));
		break;
	case ISNS_DEPARTING:
	case ISNS_LEAVING:
		server_over(server);
		break;
	default:
		/* The link's own limit. */
		break;
	}
	return 0;
}

static void server_connect(struct isns_server *server)
{
	int r = isns_link_new(server->service, server->host, server->port, &ops, server,
			      &server->tcp);

	if (r < 0)
		server_fail(server, status_of_errno(r), strerror(-r));
}

static void server_wait(struct isns_server *server, uint64_t seconds)
{
	service_timer(server->service, &server->timer, seconds, on_time, server);
}

static void server_enter(struct isns_server *server, enum isns_state state)
{
	server->state = state;
	switch (state) {
	case ISNS_RESTING:
		server_disconnect(server);
		server_wait(server, retry_seconds(server));
		break;
	case ISNS_CONNECTING:
		server_disconnect(server);
		service_timer_clear(&server->timer);
		server_connect(server);
		break;
	case ISNS_READY:
		server_wait(server, ready_seconds(server));
		/* Who came in the middle of a query wants what is true after its call. */
		if (!list_empty(&server->waiting))
			server_enter(server, ISNS_QUERYING);
		break;
	case ISNS_QUERYING:
		isns_changes_clear(&server->changes);
		isns_walk_end(server); /* one that follows begins at the first node */
		list_splice(&server->served, &server->waiting);
		service_timer_clear(&server->timer);
		server_ask(server);
		break;
	case ISNS_CHANGING:
		isns_change_next(server);
		service_timer_clear(&server->timer);
		server_ask(server);
		break;
	case ISNS_WALKING:
		if (!server->walk_count)
			server->walk_since = now_usec(server);
		server_ask(server);
		break;
	case ISNS_DEPARTING:
		break;
	case ISNS_REGISTERING:
		service_timer_clear(&server->timer);
		server->known = server->subscribed = false;
		strcpy(server->registered_as, server->service->node_name);
		server_listen(server);
		server_ask(server);
		break;
	case ISNS_UNNAMING:
	case ISNS_SUBSCRIBING:
	case ISNS_LOOKING:
	case ISNS_LEAVING:
		server_ask(server);
		break;
	}
}

/* ---- for isns.c, and those who want an answer */

struct isns_server *isns_server_new(struct service *service, const char *address, const char *host,
				    uint16_t port)
{
	struct isns_server *server = calloc(1, sizeof(*server));
	char mechanism[TARGETS_MECHANISM_MAX];

	if (!server)
		return NULL;
	snprintf(mechanism, sizeof(mechanism), "iSNS:%s", address);
	server->tells = targets_source(&service->targets, mechanism);
	if (!server->tells) {
		free(server);
		return NULL;
	}
	server->service = service;
	snprintf(server->address, sizeof(server->address), "%s", address);
	snprintf(server->host, sizeof(server->host), "%s", host);
	server->port = port;
	list_init(&server->waiting);
	list_init(&server->served);
	list_append(&service->isns.servers, &server->link);
	service->isns.count++;
	return server;
}

void isns_refresh(struct isns_server *server,
		  void (*done)(void *ctx, uint32_t status, const char *why), void *ctx)
{
	struct waiter *waiter = server->service->stopping ? NULL : calloc(1, sizeof(*waiter));

	if (!waiter) {
		done(ctx, server->service->stopping ? ISDSC_SERVICE_NOT_RUNNING
						    : ERROR_NOT_ENOUGH_MEMORY, "");
		return;
	}
	waiter->done = done;
	waiter->ctx = ctx;
	list_append(&server->waiting, &waiter->link);
	if (server->state == ISNS_RESTING)
		server_enter(server, ISNS_CONNECTING);
	else if (server->state == ISNS_READY)
		server_enter(server, ISNS_QUERYING);
}

void isns_server_renamed(struct isns_server *server)
{
	if (server->state == ISNS_RESTING)
		return;
	/* What is under way is under the old name. */
	list_splice(&server->served, &server->waiting);
	list_splice(&server->waiting, &server->served);
	server_enter(server, ISNS_CONNECTING);
}

void isns_server_leave(struct isns_server *server, uint32_t status)
{
	list_remove(&server->link);
	list_append(&server->service->isns.leaving, &server->link);
	tell_all(&server->served, status, "");
	tell_all(&server->waiting, status, "");
	server_wait(server, LEAVE_SECONDS);
	if (server->state == ISNS_RESTING || server->state == ISNS_CONNECTING ||
	    !*server->registered_as)
		server_over(server);
	else
		server_enter(server, server->state == ISNS_READY ? ISNS_LEAVING : ISNS_DEPARTING);
}
