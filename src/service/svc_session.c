/*
 * svc_session.c - see svc_session.h: a session's record and its first login. The logout is svc_logout.c,
 * adding and removing connections svc_conn.c, units are units.c.
 */
#include "service/svc_session.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/args.h"
#include "service/connect.h"
#include "service/discover.h"
#include "service/log.h"
#include "service/mappings.h"
#include "service/node.h"
#include "service/room.h"
#include "service/static.h"
#include "service/status.h"
#include "service/svc_conn.h"
#include "service/svc_notes.h"
#include "service/svc_pass.h"

static int compare(const void *a, const void *b)
{
	const uint64_t x = ((const struct svc_session *)a)->specific;
	const uint64_t y = ((const struct svc_session *)b)->specific;

	return (x > y) - (x < y);
}

static void svc_session_free(struct svc_session *session)
{
	struct service *service = session->service;

	tdelete(session, &service->session_tree, compare);
	list_remove(&session->link);
	service->session_count--;
	service_timer_clear(&session->login_timer);
	service_timer_clear(&session->close_timer);
	service_timer_clear(&session->search_timer);
	isid_release(&session->isid);
	targets_release(&service->targets, session->target);
	svc_conn_free_all(session);
	effective_done(&session->effective);
	mappings_done(&session->mappings);
	secret_wipe(session, sizeof(*session));
	free(session);
	service_check_stopped(service);
}

void svc_session_try_free(struct svc_session *session)
{
	struct bus_call *logout = session->logout;

	if (session->nexus || session->units_open)
		return;
	units_forget_waiters(session);
	svc_session_free(session);
	if (logout)
		bus_call_done(logout, ERROR_SUCCESS);
}

struct svc_session *svc_session_find(struct service *service, uint64_t unique, uint64_t specific)
{
	struct svc_session key, **found;

	key.specific = specific;
	found = tfind(&key, &service->session_tree, compare);
	return found && unique == service->adapter_unique && (*found)->state == SVC_UP ? *found : NULL;
}

/* ---- what the nexus tells */

static void on_answer(void *ctx, void *token, const struct fault *fault,
		      const struct nexus_conn *conn)
{
	struct svc_session *session = ctx;

	if (token)
		svc_conn_answered(session, token, fault, conn);
}

static bool svc_session_next_try(struct svc_session *session);

static void on_ended(void *ctx)
{
	struct svc_session *session = ctx;

	session->nexus = NULL;
	if (session->state == SVC_LOGIN && !session->login_over && svc_session_next_try(session))
		return;
	if (session->state == SVC_UP) {
		log_error("%s: the session has ended", session->target_name);
		session->state = SVC_CLOSING;
		svc_session_patient_answer(session, ISDSC_INVALID_SESSION_ID);
		units_close(session);
	}
	svc_session_try_free(session);
}

static const struct nexus_ops ops = {
	.answer = on_answer, .text = svc_note_text, .state = svc_note_state, .conn = svc_note_conn,
	.async = svc_note_async, .managed = svc_note_managed, .conn_doubt = svc_note_conn_doubt,
	.verify = svc_note_verify, .pass = svc_pass, .ended = on_ended,
};

/* ---- login */

static bool fault_is_of_portal(const struct fault *fault)
{
	switch (fault->kind) {
	case FAULT_RESOLVE:
	case FAULT_CONNECT:
	case FAULT_CLOSED:
	case FAULT_TIMEOUT:
	case FAULT_IPSEC:
	case FAULT_NO_IPSEC:
		return true;
	case FAULT_LOGIN_STATUS:
		return fault->status_class == 3;
	default:
		return false;
	}
}

/* Begins the login of the session's one svc_conn. The nexus answers. */
static uint32_t svc_session_try(struct svc_session *session)
{
	struct service *service = session->service;
	struct svc_conn *conn = list_entry(session->conns.next, struct svc_conn, link);
	struct session_config config;
	struct conn_options options;
	uint32_t status = connect_options(service, &session->effective, conn->host, conn->port,
					  session->port_number, &options);
	int r;

	if (status)
		goto out;
	conn->id = options.id;
	connect_config(service, &session->effective, &session->settings, &session->isid, &config);
	config.target_name = session->target_name;
	config.initiator_name = session->initiator_name;
	config.portal_group_tag = session->tag;
	r = nexus_new(service->drive, &config, &ops, session, &session->nexus);
	status = status_of_errno(r);
	if (r == 0)
		svc_conn_start(conn, &options);
out:
	secret_wipe(&options, sizeof(options));
	return status;
}

bool svc_session_may_use(const struct svc_session *session, const char *host, uint32_t port_number)
{
	return connect_check(session->service, host, port_number) == ERROR_SUCCESS;
}

static void svc_session_aim(struct svc_session *session, const struct name_address *address)
{
	struct svc_conn *conn = list_entry(session->conns.next, struct svc_conn, link);

	strcpy(conn->text, address->host);
	strcpy(conn->host, address->host);
	conn->port = address->port;
	session->tag = address->tag;
}

static bool is_first(const struct svc_session *session, const struct name_address *address)
{
	return address->port == session->first_port &&
	       strcasecmp(address->host, session->first_host) == 0;
}

/* The next portal that may be tried, NULL for none. */
static const struct name_address *svc_session_next_address(const struct svc_session *session,
							   unsigned *at)
{
	const struct name_address *address;

	do
		address = target_address(session->target, at);
	while (address && (is_first(session, address) ||
			   !svc_session_may_use(session, address->host, session->port_number)));
	return address;
}

/* False: there is no other portal, or trying it failed at once; the call was answered then. */
static bool svc_session_next_try(struct svc_session *session)
{
	struct svc_conn *conn = list_entry(session->conns.next, struct svc_conn, link);
	const struct name_address *address = svc_session_next_address(session,
								      &session->next_address);
	uint32_t status = ISDSC_CONNECTION_FAILED;

	if (address) {
		svc_session_aim(session, address);
		log_info("%s: trying %s port %u instead", session->target_name, conn->host,
			 conn->port);
		status = svc_session_try(session);
	}
	if (!status)
		return true;
	session->login_over = true;
	svc_conn_reply(conn, status);
	return false;
}

void svc_session_login_failed(struct svc_session *session, struct svc_conn *conn,
			      const struct fault *fault)
{
	const char *cause = status_cause(fault, conn->host, conn->port);
	unsigned next = session->next_address;

	log_line(session->again ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
		 "%s: login through %s port %u failed: %s", session->target_name, conn->host, conn->port,
		 cause ? cause : fault->text);
	/* Its end leads to the next try. */
	nexus_logout(session->nexus, NULL);
	if (session->may_hop && !session->login_over && fault_is_of_portal(fault) &&
	    svc_session_next_address(session, &next))
		return;
	session->login_over = true;
	if (conn->asker.call)
		bus_call_explain(conn->asker.call, "%s port %u: %s", conn->host, conn->port,
				 cause ? cause : fault->text);
	svc_conn_reply(conn, session->service->stopping ? ISDSC_SERVICE_NOT_RUNNING
							: status_of(fault, 0));
}

static int login_time_over(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct svc_session *session = ctx;

	(void)timer;
	(void)usec;
	/* The try under way has a limit of its own; there will be no other. */
	session->login_over = true;
	return 0;
}

void svc_session_logged_in(struct svc_session *session, struct svc_conn *conn,
			   const struct nexus_conn *up)
{
	session->state = SVC_UP;
	session->login_over = true;
	service_timer_clear(&session->login_timer);
	ipsec_remember(session->service, conn->host, conn->port, session->security_flags);
	if (up && up->login.portal_group_tag >= 0)
		session->tag = up->login.portal_group_tag;
	if (session->tag >= 0)
		target_learn_tag(session->target, conn->host, conn->port, session->tag);
	svc_conn_set_portals(session);
	policy_begin(session);
	log_notice("%s: logged in through %s port %u%s", session->target_name, conn->host, conn->port,
		   session->informational ? ", for information only" : "");
	svc_conn_reply(conn, ERROR_SUCCESS);
	units_find(session);
}

/* Its login has failed, the caller knows, and only its nexus has still to end. */
static bool svc_session_failed(const struct svc_session *session)
{
	return session->state == SVC_LOGIN && session->login_over && !svc_conn_any_pending(session);
}

static bool already_logged_in(struct service *service, const struct target *target)
{
	if (!target->held)
		return false;
	list_for_each(it, &service->sessions) {
		const struct svc_session *session = list_entry(it, struct svc_session, link);

		if (session->target == target && !svc_session_failed(session))
			return true;
	}
	return false;
}

static uint32_t login_effective(struct service *service, const struct svc_login *login,
				const struct name_address *address, const struct defaults *settings,
				struct effective *ret)
{
	const struct effective_input in = {
		.purpose = EFFECTIVE_LOGIN,
		.options = &login->options,
		.security_flags = login->security_flags,
		.portal_flags = discover_flags(service, address->host, address->port),
		.defaults = settings,
		.node_name = service->node_name,
		.initiator_secret = service->initiator_secret,
		.initiator_secret_len = service->initiator_secret_len,
		.open = &service->open,
		.radius = radius_is_ready(service),
		.target_name = login->target->name,
	};

	return effective_make(&in, ret);
}

static struct svc_session *svc_session_new(struct service *service, const struct svc_login *login)
{
	struct svc_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->service = service;
	session->informational = login->informational;
	session->port_number = login->port_number;
	session->portal = login->portal;
	session->again = login->again;
	session->security_flags = login->security_flags;
	session->target = login->target;
	session->tag = -1;
	session->may_hop = !login->portal.present ||
			   (login->options.login_flags & LOGIN_PORTAL_HOPPING);
	strcpy(session->target_name, login->target->name);
	strcpy(session->initiator_name, service->node_name);
	list_init(&session->conns);
	list_init(&session->units);
	list_init(&session->waiters);
	if (isid_take(&service->isid, session->target_name, &session->isid) < 0) {
		free(session);
		return NULL;
	}
	/* The first four bytes of the ISID and a counter, as Windows does it. */
	session->specific = (uint64_t)session->isid.bytes[0] << 56 |
			    (uint64_t)session->isid.bytes[1] << 48 |
			    (uint64_t)session->isid.bytes[2] << 40 |
			    (uint64_t)session->isid.bytes[3] << 32 | ++service->sessions_made;
	if (!tsearch(session, &service->session_tree, compare)) {
		isid_release(&session->isid);
		free(session);
		return NULL;
	}
	session->key = login->key;
	targets_hold(session->target);
	list_append(&service->sessions, &session->link);
	service->session_count++;
	return session;
}

/* The first portal that may be tried; if there is none, the reason why the first one may not. */
static uint32_t login_any_portal(struct service *service, const struct svc_login *login,
				 unsigned *next_address, struct name_address *ret)
{
	uint32_t first = ISDSC_NO_PORTAL_SPECIFIED, status;
	const struct name_address *address;

	while ((address = target_address(login->target, next_address))) {
		status = connect_check(service, address->host, login->port_number);
		if (!status) {
			*ret = *address;
			return ERROR_SUCCESS;
		}
		if (first == ISDSC_NO_PORTAL_SPECIFIED)
			first = status;
	}
	return first;
}

/* Where the first try goes: fills *ret, with a text as the caller wrote it. */
static uint32_t login_portal(struct service *service, const struct svc_login *login,
			     unsigned *next_address, char *ret_text, struct name_address *ret)
{
	const struct name_address *address;
	uint32_t status;

	if (!login->portal.present) {
		status = login_any_portal(service, login, next_address, ret);
		if (!status)
			strcpy(ret_text, ret->host);
		return status;
	}
	ret->port = login->portal.socket;
	if (args_host(login->portal.address, ret->host) < 0)
		return ERROR_INVALID_PARAMETER;
	address = target_find_address(login->target, ret->host, ret->port);
	ret->tag = address ? address->tag : -1;
	strcpy(ret_text, login->portal.address);
	return ERROR_SUCCESS;
}

static bool same_secret(const struct chap_config *a, const struct chap_config *b)
{
	return b->mode != CHAP_NONE &&
	       secret_equal(a->secret, a->secret_len, b->secret, b->secret_len);
}

/* SEC-14: a target that knows our secret for another one can pass for us there. */
static void secret_warn(const struct svc_session *session)
{
	if (session->effective.chap.mode == CHAP_NONE)
		return;
	list_for_each(it, &session->service->sessions) {
		const struct svc_session *other = list_entry(it, struct svc_session, link);

		if (other->target == session->target ||
		    !same_secret(&session->effective.chap, &other->effective.chap))
			continue;
		log_warning("%s: its CHAP secret is that of %s too; each target should have its own",
			    session->target_name, other->target_name);
		return;
	}
}

/* Numbers that were only wished for give way to others. */
static uint32_t login_place(const struct service *service, const struct svc_login *login,
			    uint8_t *ret_bus, uint8_t *ret_target)
{
	static const struct mappings none;
	uint32_t status = mappings_place(service, &login->mappings, ret_bus, ret_target);

	return status && login->mappings_wished ? mappings_place(service, &none, ret_bus, ret_target)
						: status;
}

static uint32_t login_begin(struct service *service, const struct svc_login *login,
			    struct svc_session **ret)
{
	struct svc_session *session;
	struct name_address address;
	struct effective effective;
	struct defaults settings;
	unsigned next_address = 0;
	uint8_t bus_number, target_number;
	char text[OPTIONS_TEXT];
	uint32_t status = ERROR_SUCCESS;

	overrides_apply(&service->overrides, login->target->name, &service->defaults, &settings);
	if (!(login->options.login_flags & LOGIN_MULTIPATH) &&
	    already_logged_in(service, login->target))
		status = ISDSC_TARGET_ALREADY_LOGGED_IN;
	if (!status)
		status = node_check(service);
	if (!status)
		status = login_portal(service, login, &next_address, text, &address);
	if (!status && (service->session_count >= SERVICE_SESSIONS_MAX || !room_left(service->stop_fd)))
		status = ISDSC_TOO_MANY_SESSIONS;
	if (!status)
		status = login_place(service, login, &bus_number, &target_number);
	if (!status)
		status = login_effective(service, login, &address, &settings, &effective);
	if (status)
		return status;
	session = svc_session_new(service, login);
	if (session && (mappings_copy(&login->mappings, &session->mappings) < 0 ||
			!svc_conn_new(session))) {
		svc_session_free(session);
		session = NULL;
	}
	if (session) {
		session->bus_number = bus_number;
		session->target_number = target_number;
		session->next_address = next_address;
		strcpy(session->first_host, address.host);
		session->first_port = address.port;
		svc_session_aim(session, &address);
		strcpy(list_entry(session->conns.next, struct svc_conn, link)->text, text);
		session->effective = effective;
		session->settings = settings;
		secret_warn(session);
		*ret = session;
	}
	effective_done(&effective);
	return session ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

void svc_session_login(const struct svc_asker *asker, struct service *service,
		       const struct svc_login *login)
{
	struct svc_login whole = *login;
	struct svc_session *session;
	struct svc_conn *conn;
	uint32_t status;

	static_complete(service, &whole);
	status = login_begin(service, &whole, &session);
	secret_wipe(&whole, sizeof(whole));
	if (status) {
		svc_asker_refuse(asker, status);
		return;
	}
	conn = list_entry(session->conns.next, struct svc_conn, link);
	conn->asker = *asker;
	/* Portals that don't answer must not add up their limits. */
	service_timer(service, &session->login_timer, session->settings.value[DEFAULT_LOGIN_TIME],
		      login_time_over, session);
	status = svc_session_try(session);
	if (!status)
		return;
	svc_conn_reply(conn, status);
	svc_session_free(session);
}
