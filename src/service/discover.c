/*
 * discover.c - see discover.h. Each discovery has a session of its own, so that an answer is never
 * older than the call that asked for it.
 */
#include "service/discover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/answer.h"
#include "service/args.h"
#include "service/connect.h"
#include "service/log.h"
#include "service/node.h"
#include "service/status.h"

static const char question[] = "SendTargets=All";

/* A portal that can't be reached is asked again after the setting retry-time, then after twice as
 * long each time, up to this. */
enum { RETRY_MOST = 300, RETRY_DOUBLINGS = 16 };

struct discovery {
	struct list link;           /* in service->discoveries */
	struct service *service;
	struct source *source;      /* NULL once the portal was removed */
	struct name_address own;
	uint64_t asked_flags;       /* of the portal's entry, ... */
	uint64_t security_flags;    /* ... and those that count */
	uint32_t port_number;       /* of the initiator */
	struct nexus *nexus;
	struct isid_use isid;
	sd_event_source *timer;
	void (*done)(void *ctx, uint32_t status, const char *why); /* NULL once called */
	void *ctx;
};

static void source_free(struct service *service, struct source *source)
{
	service_timer_clear(&source->retry);
	list_remove(&source->link);
	service->portal_count--;
	secret_wipe(source, sizeof(*source));
	free(source);
}

/* As on Windows the parts that tell entries apart follow; * is any. */
static struct target_source *source_tells(struct service *service, const struct source *source)
{
	const struct store_portal *p = &source->stored;
	char text[TARGETS_MECHANISM_MAX], number[16] = "*";

	if (p->port_number != PORT_NUMBER_ANY)
		snprintf(number, sizeof(number), "%u", p->port_number);
	snprintf(text, sizeof(text), "SendTargets:*%s %u %s %s", source->host, p->portal.socket,
		 *p->instance ? p->instance : "*", number);
	return targets_source(&service->targets, text);
}

/* From the store or a call; the address was checked before it was stored. */
static int source_new(struct service *service, const struct store_portal *portal,
		      struct source **ret)
{
	struct source *source = calloc(1, sizeof(*source));

	if (!source)
		return -ENOMEM;
	if (args_host(portal->portal.address, source->host) < 0) {
		free(source);
		return -EINVAL;
	}
	source->service = service;
	source->stored = *portal;
	source->tells = source_tells(service, source);
	if (!source->tells) {
		secret_wipe(source, sizeof(*source));
		free(source);
		return -ENOMEM;
	}
	list_append(&service->portals, &source->link);
	service->portal_count++;
	*ret = source;
	return 0;
}

static void take_stored(void *ctx, const struct store_portal *portal)
{
	struct source *source;

	if (source_new(ctx, portal, &source) < 0)
		log_warning("stored portal %s is left out: it is no address", portal->portal.address);
}

int discover_init(struct service *service)
{
	return store_each_portal(service->store, take_stored, service);
}

void discover_free(struct service *service)
{
	list_for_each(it, &service->portals)
		source_free(service, list_entry(it, struct source, link));
}

static bool source_is_at(const struct source *source, const char *host, uint16_t socket)
{
	return source->stored.portal.socket == socket && strcasecmp(source->host, host) == 0;
}

static struct source *find(struct service *service, const char *instance,
			   const uint32_t *port_number, const struct portal *portal)
{
	char host[OPTIONS_TEXT];

	if (args_host(portal->address, host) < 0)
		return NULL;
	list_for_each(it, &service->portals) {
		struct source *source = list_entry(it, struct source, link);

		if (source_is_at(source, host, portal->socket) &&
		    (!port_number || source->stored.port_number == *port_number) &&
		    strcasecmp(source->stored.instance, instance) == 0)
			return source;
	}
	return NULL;
}

struct source *discover_find(struct service *service, const char *instance, uint32_t port_number,
			     const struct portal *portal)
{
	return find(service, instance, &port_number, portal);
}

struct source *discover_find_port(struct service *service, const char *instance,
				  const struct portal *portal)
{
	return find(service, instance, NULL, portal);
}

const uint64_t *discover_flags(struct service *service, const char *host, uint16_t socket)
{
	const uint64_t *asked = ike_flags(&service->ike, host), *found = NULL;

	list_for_each(it, &service->portals) {
		struct source *source = list_entry(it, struct source, link);
		const uint64_t *flags = &source->stored.security_flags;

		if (source_is_at(source, host, socket) &&
		    (!found || ipsec_asked(ipsec_flags(0, flags, 0, false))))
			found = flags;
	}
	/* The stricter one counts. */
	if (asked || (found && (*found & SECURITY_VALID)))
		return asked ? asked : found;
	return ipsec_remembered(service, host, socket);
}

int discover_add(struct service *service, const struct store_portal *portal, struct source **ret)
{
	struct source *source = discover_find(service, portal->instance, portal->port_number,
					      &portal->portal);
	int r = 0;

	if (!source && service->portal_count >= SERVICE_PORTALS_MAX)
		return -ENOSPC;
	/* The same address may have been written in another way, with brackets. */
	if (source && strcasecmp(source->stored.portal.address, portal->portal.address) != 0)
		r = store_replace_portal(service->store, &source->stored, portal);
	else
		r = store_put_portal(service->store, portal);
	if (r < 0)
		return r;
	if (source)
		source->stored = *portal;
	else
		r = source_new(service, portal, &source);
	if (r == 0)
		*ret = source;
	return r;
}

int discover_remove(struct service *service, struct source *source)
{
	int r = store_remove_portal(service->store, &source->stored);

	if (r < 0)
		return r;
	list_for_each(it, &service->discoveries) {
		struct discovery *discovery = list_entry(it, struct discovery, link);

		if (discovery->source == source)
			discovery->source = NULL;
	}
	targets_forget(&service->targets, source->tells);
	source_free(service, source);
	return 0;
}

/* ---- asking again */

static void retried(void *ctx, uint32_t status, const char *why)
{
	(void)ctx;
	(void)status;
	(void)why;
}

static int retry_due(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct source *source = ctx;

	(void)timer;
	(void)usec;
	discover_start(source->service, source, retried, NULL);
	return 0;
}

static void source_asked(struct source *source, uint32_t status)
{
	struct service *service = source->service;
	uint64_t seconds = service->defaults.value[DEFAULT_RETRY_TIME];

	if (status == ERROR_SUCCESS && source->failures)
		log_notice("discovery at %s port %u works again", source->host,
			   source->stored.portal.socket);
	service_timer_clear(&source->retry);
	if (!status_may_pass(status) || service->stopping) {
		source->failures = status != ERROR_SUCCESS;
		return;
	}
	seconds <<= source->failures < RETRY_DOUBLINGS ? source->failures : RETRY_DOUBLINGS;
	source->failures++;
	service_timer(service, &source->retry, seconds < RETRY_MOST ? seconds : RETRY_MOST, retry_due,
		      source);
}

/* ---- one discovery */

/* The result is known; the session may still have to end. */
static void discovery_result(struct discovery *discovery, uint32_t status, const char *why)
{
	void (*done)(void *, uint32_t, const char *) = discovery->done;
	char place[OPTIONS_TEXT + 256];

	if (!done)
		return;
	discovery->done = NULL;
	if (status)
		log_line(discovery->source && discovery->source->failures ? LOG_LEVEL_INFO
									  : LOG_LEVEL_WARNING,
			 "discovery at %s port %u failed: %s", discovery->own.host,
			 discovery->own.port, why);
	if (discovery->source)
		source_asked(discovery->source, status);
	snprintf(place, sizeof(place), "%s port %u: %s", discovery->own.host, discovery->own.port, why);
	done(discovery->ctx, status, place);
}

static void discovery_fault(struct discovery *discovery, const struct fault *fault)
{
	uint32_t status = discovery->service->stopping ? ISDSC_SERVICE_NOT_RUNNING
						       : status_of(fault, 0);
	const char *cause;

	if (fault->kind == FAULT_GONE || fault->kind == FAULT_ABANDONED)
		status = discovery->service->stopping ? ISDSC_SERVICE_NOT_RUNNING
						      : ISDSC_CONNECTION_FAILED;
	cause = status_cause(fault, discovery->own.host, discovery->own.port);
	discovery_result(discovery, status, cause ? cause : fault->text);
}

static void discovery_free(struct discovery *discovery)
{
	service_timer_clear(&discovery->timer);
	isid_release(&discovery->isid);
	list_remove(&discovery->link);
	discovery->service->discovery_count--;
	free(discovery);
}

/* DSC-1, DSC-2, TX-7 */
static void on_answer(void *ctx, void *token, const struct fault *fault,
		      const struct nexus_conn *conn)
{
	struct discovery *discovery = ctx;

	(void)conn;
	if (token != discovery) /* the logout's */
		return;
	if (fault->kind == FAULT_NONE) {
		nexus_text(discovery->nexus, question, sizeof(question), discovery);
		return;
	}
	discovery_fault(discovery, fault);
	nexus_logout(discovery->nexus, NULL);
}

static int take_answer(struct discovery *discovery, const char *text, size_t len,
		       struct fault *fault)
{
	struct answer answer;
	int r = answer_get(text, len, &discovery->own, &answer, fault);

	if (r < 0)
		return r;
	r = targets_replace(&discovery->service->targets, discovery->source->tells, answer.found,
			    answer.count);
	answer_done(&answer);
	return r;
}

/* DSC-1 */
static void on_text(void *ctx, void *token, const struct fault *fault, const char *text, size_t len)
{
	struct discovery *discovery = ctx;
	struct fault bad = { .kind = FAULT_NONE };
	int r = 0;

	(void)token;
	if (!text)
		discovery_fault(discovery, fault);
	else if (discovery->source)
		r = take_answer(discovery, text, len, &bad);
	if (r == -EPROTO)
		discovery_result(discovery, ISDSC_INVALID_SENDTARGETS_TEXT, bad.text);
	else if (r < 0)
		discovery_result(discovery, status_of_errno(r), "out of memory");
	else if (text)
		discovery_result(discovery, ERROR_SUCCESS, "");
	nexus_logout(discovery->nexus, NULL);
}

static void on_state(void *ctx, enum session_event_kind kind, const struct fault *why,
		     uint64_t pause_ns)
{
	struct discovery *discovery = ctx;

	(void)pause_ns;
	/* A discovery that was cut is over: its caller asks again if it wants to. */
	if (kind != SESSION_EVENT_DOWN && kind != SESSION_EVENT_FAILED)
		return;
	discovery_fault(discovery, why);
	nexus_logout(discovery->nexus, NULL);
}

static void on_conn(void *ctx, const struct nexus_conn *conn, bool up, const struct fault *why)
{
	(void)ctx;
	(void)conn;
	(void)up;
	(void)why;
}

static void on_async(void *ctx, const struct conn_async *async)
{
	(void)ctx;
	(void)async;
}

static void on_verify(void *ctx, struct nexus_question *verdict, const struct chap_question *chap)
{
	struct discovery *discovery = ctx;

	radius_verify(discovery->service, verdict, chap);
}

/* Its portal may have been removed meanwhile, and be asked for by other flags: those of the beginning
 * count, wherever it is redirected to. */
static void on_pass(void *ctx, struct passage *passage)
{
	const struct discovery *discovery = ctx;
	const struct ipsec_wish wish = {
		.flags = ipsec_flags_there(discovery->service, passage, discovery->asked_flags,
					   discovery->security_flags),
		.port_number = discovery->port_number,
	};

	ipsec_pass(discovery->service, passage, &wish);
}

static void on_ended(void *ctx)
{
	struct discovery *discovery = ctx;
	struct service *service = discovery->service;

	discovery_result(discovery, ISDSC_CONNECTION_FAILED, "the session ended");
	discovery_free(discovery);
	service_check_stopped(service);
}

static const struct nexus_ops ops = {
	.answer = on_answer, .text = on_text, .state = on_state, .conn = on_conn, .async = on_async,
	.verify = on_verify, .pass = on_pass, .ended = on_ended,
};

static int on_time(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct discovery *discovery = ctx;

	(void)timer;
	(void)usec;
	discovery_result(discovery, ISDSC_CONNECTION_FAILED, "it took too long");
	nexus_logout(discovery->nexus, NULL);
	return 0;
}

static uint32_t discovery_options(struct service *service, const struct source *source,
				  struct effective *ret)
{
	static const struct options none;
	const struct store_portal *p = &source->stored;
	const struct effective_input in = {
		.purpose = EFFECTIVE_DISCOVERY,
		.options = p->options.present ? &p->options : &none,
		.security_flags = p->security_flags,
		.portal_flags = discover_flags(service, source->host, p->portal.socket),
		.defaults = &service->defaults,
		.node_name = service->node_name,
		.initiator_secret = service->initiator_secret,
		.initiator_secret_len = service->initiator_secret_len,
		.open = &service->open,
		.radius = radius_is_ready(service),
	};

	return effective_make(&in, ret);
}

static int discovery_begin(struct discovery *discovery, const struct effective *effective,
			   const struct conn_options *conn)
{
	struct service *service = discovery->service;
	struct session_config config;
	int r = isid_take(&service->isid, "", &discovery->isid);

	if (r < 0)
		return r;
	connect_config(service, effective, &service->defaults, &discovery->isid, &config);
	config.type = SESSION_DISCOVERY;
	r = nexus_new(service->drive, &config, &ops, discovery, &discovery->nexus);
	if (r < 0)
		return r;
	nexus_add_conn(discovery->nexus, conn, discovery);
	return service_timer(service, &discovery->timer,
			     2 * (uint64_t)service->defaults.value[DEFAULT_LOGIN_TIME], on_time,
			     discovery);
}

void discover_start(struct service *service, struct source *source,
		    void (*done)(void *ctx, uint32_t status, const char *why), void *ctx)
{
	const struct store_portal *p = &source->stored;
	struct discovery *discovery = NULL;
	struct conn_options conn = { .port = 0 };
	struct effective effective;
	uint32_t status = node_check(service);
	int r;

	if (!status)
		status = discovery_options(service, source, &effective);
	if (!status) {
		status = connect_options(service, &effective, source->host, p->portal.socket,
					 p->port_number, &conn);
		if (!status && service->discovery_count >= SERVICE_DISCOVERIES_MAX)
			status = ISDSC_OUT_OF_RESOURCES;
		if (!status && !(discovery = calloc(1, sizeof(*discovery))))
			status = ERROR_NOT_ENOUGH_MEMORY;
		if (status)
			effective_done(&effective);
	}
	if (status) {
		secret_wipe(&conn, sizeof(conn));
		source_asked(source, status);
		done(ctx, status, "");
		return;
	}
	discovery->service = service;
	discovery->source = source;
	discovery->done = done;
	discovery->ctx = ctx;
	discovery->own.port = conn.port;
	discovery->own.tag = -1;
	discovery->asked_flags = p->security_flags;
	discovery->security_flags = effective.security_flags;
	discovery->port_number = p->port_number;
	strcpy(discovery->own.host, conn.host);
	list_append(&service->discoveries, &discovery->link);
	service->discovery_count++;
	r = discovery_begin(discovery, &effective, &conn);
	effective_done(&effective);
	secret_wipe(&conn, sizeof(conn));
	if (r < 0 && !discovery->nexus) {
		discovery_result(discovery, status_of_errno(r), "out of memory");
		discovery_free(discovery);
	}
}

void discover_stop(struct service *service)
{
	list_for_each(it, &service->portals)
		service_timer_clear(&list_entry(it, struct source, link)->retry);
	list_for_each(it, &service->discoveries)
		nexus_logout(list_entry(it, struct discovery, link)->nexus, NULL);
}
