/*
 * restore.c - see restore.h: one machine for each persistent login, a queue, and the limits of the
 * start.
 */
#include "service/restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-daemon.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/args.h"
#include "service/bound.h"
#include "service/log.h"
#include "service/static.h"
#include "service/status.h"
#include "service/svc_session.h"

enum { NOTIFY_SLACK = 15, DOUBLINGS_MAX = 8 };

/* Outlives its login where that is removed. */
struct restore_try {
	struct service *service;
	struct login *login;    /* NULL: removed */
};

static void pump(struct service *service);

uint64_t restore_pause(const struct service *service, uint32_t status, unsigned failures)
{
	uint64_t seconds = service->defaults.value[DEFAULT_RETRY_TIME];

	if (!status_may_pass(status) && status != ISDSC_SESSION_BUSY &&
	    status != ISDSC_TARGET_ALREADY_LOGGED_IN)
		return RESTORE_PAUSE_REFUSED;
	seconds <<= failures < DOUBLINGS_MAX ? failures : DOUBLINGS_MAX;
	return seconds < RESTORE_PAUSE_MAX ? seconds : RESTORE_PAUSE_MAX;
}

/* ---- the states of a login */

static int pause_over(sd_event_source *timer, uint64_t usec, void *ctx);

/* `seconds`: how long it is paused. */
static void enter(struct login *login, enum login_state state, uint64_t seconds)
{
	struct service *service = login->service;

	list_remove(&login->queue);
	service_timer_clear(&login->timer);
	login->state = state;
	switch (state) {
	case LOGIN_QUEUED:
		list_append(&service->restore.queue, &login->queue);
		break;
	case LOGIN_PAUSED:
		service_timer(service, &login->timer, seconds, pause_over, login);
		break;
	case LOGIN_RESTS:
	case LOGIN_TRIED:
	case LOGIN_AWAITED:
		break;
	}
}

static int pause_over(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct login *login = ctx;
	struct service *service = login->service;

	(void)timer;
	(void)usec;
	enter(login, LOGIN_QUEUED, 0);
	pump(service);
	return 0;
}

static bool is_up(const struct login *login)
{
	list_for_each(it, &login->service->sessions) {
		const struct svc_session *session = list_entry(it, struct svc_session, link);

		if (session->state == SVC_UP && logins_match(login, session))
			return true;
	}
	return false;
}

static bool target_is_up(const struct login *login)
{
	list_for_each(it, &login->service->sessions) {
		const struct svc_session *session = list_entry(it, struct svc_session, link);

		if (session->state == SVC_UP && strcmp(session->target_name, login->stored.name) == 0)
			return true;
	}
	return false;
}

static void login_failed(struct login *login, uint32_t status)
{
	uint64_t seconds = restore_pause(login->service, status, login->failures);

	log_line(login->failures ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
		 "%s: the persistent login failed (status 0x%08x); it is tried again in %u s",
		 login->stored.name, status, (unsigned)seconds);
	login->failures++;
	login->first = false;
	enter(login, LOGIN_PAUSED, seconds);
}

static void login_await(struct login *login)
{
	log_notice("%s: the persistent login waits until the target is discovered",
		   login->stored.name);
	login->first = login->first && !login->service->restore.discovered;
	enter(login, LOGIN_AWAITED, 0);
}

static void login_over(struct login *login)
{
	login->failures = 0;
	login->first = false;
	enter(login, LOGIN_RESTS, 0);
}

static void login_answered(struct login *login, uint32_t status, struct svc_session *session)
{
	switch (status) {
	case ERROR_SUCCESS:
		if (logins_keep_conns(login->service, login->stored.name))
			restore_conns(session, login);
		login_over(login);
		break;
	case ISDSC_NO_PORTAL_SPECIFIED:
		login_await(login);
		break;
	case ISDSC_TARGET_ALREADY_LOGGED_IN:
		if (target_is_up(login)) {
			login_over(login);
			break;
		}
		login_failed(login, status);
		break;
	default:
		login_failed(login, status);
		break;
	}
}

/* ---- a try */

static void tried(void *ctx, uint32_t status, struct svc_session *session)
{
	struct restore_try *attempt = ctx;
	struct service *service = attempt->service;
	struct login *login = attempt->login;

	free(attempt);
	service->restore.under_way--;
	if (login) {
		login->attempt = NULL;
		if (service->restore.running)
			login_answered(login, status, session);
		else
			enter(login, LOGIN_RESTS, 0);
	}
	pump(service);
	restore_look(service);
}

/* Makes a target known that no source tells of, as long as the login needs it. */
static struct target *target_lend(struct service *service, const struct store_login *stored)
{
	struct name_address address = { .port = stored->portal.socket, .tag = -1 };
	struct target_found found = { .hidden = true, .count = 1, .addresses = &address };

	strcpy(found.name, stored->name);
	if (args_host(stored->portal.address, address.host) < 0 ||
	    targets_put(&service->targets, service->static_source, &found) < 0)
		return NULL;
	return targets_find_any(&service->targets, stored->name);
}

/* A login that names a portal needs no discovery. */
static struct target *target_of(const struct login *login)
{
	const struct targets *targets = &login->service->targets;

	return login->stored.portal.present ? targets_find_any(targets, login->stored.name)
					    : targets_find(targets, login->stored.name);
}

static void try_begin(struct login *login, struct target *target, struct restore_try *attempt)
{
	struct service *service = login->service;
	const struct svc_asker asker = { .done = tried, .ctx = attempt };
	struct svc_login wanted = {
		.target = target,
		.informational = login->stored.informational,
		.port_number = login->stored.port_number,
		.portal = login->stored.portal,
		.security_flags = login->stored.security_flags,
		.key = login->stored.key,
		.options = login->stored.options,
		.mappings = login->stored.mappings,
		.again = login->failures,
	};

	attempt->service = service;
	attempt->login = login;
	login->attempt = attempt;
	enter(login, LOGIN_TRIED, 0);
	service->restore.under_way++;
	svc_session_login(&asker, service, &wanted);
	secret_wipe(&wanted, sizeof(wanted));
}

static void login_try(struct login *login)
{
	struct service *service = login->service;
	struct target *target = target_of(login);
	char name[NAME_MAX_LEN + 1];
	struct restore_try *attempt;
	bool lent = false;

	if (is_up(login)) {
		login_over(login);
		return;
	}
	if (!target && !login->stored.portal.present) {
		login_await(login);
		return;
	}
	if (!target)
		lent = (target = target_lend(service, &login->stored));
	attempt = target ? calloc(1, sizeof(*attempt)) : NULL;
	strcpy(name, login->stored.name);
	if (attempt)
		try_begin(login, target, attempt);
	else
		login_failed(login, ERROR_NOT_ENOUGH_MEMORY);
	/* The session, if there is one, keeps what it needs. */
	if (lent)
		targets_drop(&service->targets, service->static_source, name);
}

/* A try may end before it returns, and come back here. */
static void pump(struct service *service)
{
	struct list *next;

	if (service->restore.pumping)
		return;
	service->restore.pumping = true;
	while (service->restore.running && service->restore.under_way < RESTORE_AT_ONCE &&
	       (next = list_pop(&service->restore.queue)))
		login_try(list_entry(next, struct login, queue));
	service->restore.pumping = false;
}

void restore_forget(struct login *login)
{
	if (login->attempt)
		login->attempt->login = NULL;
	login->attempt = NULL;
	login->first = false;
	enter(login, LOGIN_RESTS, 0);
}

/* ---- targets become known */

static bool has_address(const struct login *login)
{
	const struct target *target = target_of(login);
	unsigned at = 0;

	return target && target_address(target, &at);
}

static int told_later(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct service *service = ctx;

	(void)timer;
	(void)usec;
	list_for_each(it, &service->logins) {
		struct login *login = list_entry(it, struct login, link);

		if (login->state == LOGIN_AWAITED && has_address(login))
			enter(login, LOGIN_QUEUED, 0);
	}
	pump(service);
	restore_look(service);
	return 0;
}

/* Later: whoever tells is in the middle of it. */
void restore_told(void *ctx)
{
	struct service *service = ctx;

	if (service->restore.running)
		service_timer(service, &service->restore.told, 0, told_later, service);
}

void restore_discovered(struct service *service)
{
	service->restore.discovered = true;
	list_for_each(it, &service->logins) {
		struct login *login = list_entry(it, struct login, link);

		/* One that has become known just now is tried first. */
		if (login->state == LOGIN_AWAITED && !has_address(login))
			login->first = false;
	}
	restore_look(service);
}

/* ---- the start */

static unsigned first_left(const struct service *service)
{
	unsigned n = 0;

	list_for_each(it, &service->logins)
		n += list_entry(it, struct login, link)->first;
	return n;
}

void restore_look(struct service *service)
{
	if (service->restore.ready || !service->restore.running)
		return;
	if ((!service->restore.logins_late && first_left(service)) ||
	    (!service->restore.devices_late && bound_missing(service)))
		return;
	service->restore.ready = true;
	service_timer_clear(&service->restore.login_limit);
	service_timer_clear(&service->restore.device_limit);
	if (service->login_count || service->bound.count)
		log_notice("ready: persistent logins have been tried, bound devices waited for");
	sd_notify(0, "READY=1\nSTATUS=Ready");
}

static int logins_late(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct service *service = ctx;

	(void)timer;
	(void)usec;
	log_warning("%u persistent logins have not ended within %u s; the start goes on without them",
		    first_left(service), service->defaults.value[DEFAULT_PERSISTENT_LOGIN_TIME]);
	service->restore.logins_late = true;
	restore_look(service);
	return 0;
}

static int devices_late(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct service *service = ctx;

	(void)timer;
	(void)usec;
	log_warning("%u bound devices are not there after %u s; the start goes on without them",
		    bound_missing(service), service->defaults.value[DEFAULT_BOUND_DEVICE_TIME]);
	service->restore.devices_late = true;
	restore_look(service);
	return 0;
}

static void wait_begin(struct service *service)
{
	const uint32_t *value = service->defaults.value;
	uint32_t most = 0;

	if (service->login_count)
		most = value[DEFAULT_PERSISTENT_LOGIN_TIME];
	if (bound_missing(service) && most < value[DEFAULT_BOUND_DEVICE_TIME])
		most = value[DEFAULT_BOUND_DEVICE_TIME];
	sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%llu\nSTATUS=Waiting for %u persistent logins and %u bound "
		   "devices", ((unsigned long long)most + NOTIFY_SLACK) * 1000000,
		   service->login_count, bound_missing(service));
	service_timer(service, &service->restore.login_limit, value[DEFAULT_PERSISTENT_LOGIN_TIME],
		      logins_late, service);
	service_timer(service, &service->restore.device_limit, value[DEFAULT_BOUND_DEVICE_TIME],
		      devices_late, service);
}

void restore_start(struct service *service)
{
	service->restore.running = true;
	list_for_each(it, &service->logins) {
		struct login *login = list_entry(it, struct login, link);

		login->first = true;
		enter(login, LOGIN_QUEUED, 0);
	}
	if (service->login_count)
		wait_begin(service);
	pump(service);
	restore_look(service);
}

void restore_stop(struct service *service)
{
	service->restore.running = false;
	service_timer_clear(&service->restore.told);
	service_timer_clear(&service->restore.login_limit);
	service_timer_clear(&service->restore.device_limit);
	list_for_each(it, &service->logins) {
		struct login *login = list_entry(it, struct login, link);

		if (login->state != LOGIN_TRIED)
			enter(login, LOGIN_RESTS, 0);
	}
	restore_conns_stop(service);
}
