/*
 * logins.c - see logins.h.
 */
#include "service/logins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/args.h"
#include "service/ipsec.h"
#include "service/log.h"
#include "service/restore.h"
#include "service/status.h"
#include "service/svc_session.h"

/* Takes the heap parts over. */
static struct login *login_new(struct service *service, struct store_login *stored)
{
	struct login *login = calloc(1, sizeof(*login));

	if (!login)
		return NULL;
	login->service = service;
	login->stored = *stored;
	stored->mappings.lun = NULL;
	stored->conns = NULL;
	list_append(&service->logins, &login->link);
	service->login_count++;
	return login;
}

static void login_free(struct login *login)
{
	restore_forget(login);
	list_remove(&login->link);
	login->service->login_count--;
	store_login_done(&login->stored);
	free(login);
}

static void take_stored(void *ctx, struct store_login *stored)
{
	if (!login_new(ctx, stored))
		log_warning("the persistent login to %s is left out: out of memory", stored->name);
}

int logins_init(struct service *service)
{
	return store_each_login(service->store, take_stored, service);
}

void logins_free(struct service *service)
{
	list_for_each(it, &service->logins)
		login_free(list_entry(it, struct login, link));
}

/* ---- finding */

static bool portal_same(const struct portal *a, const struct portal *b)
{
	char host_a[OPTIONS_TEXT], host_b[OPTIONS_TEXT];

	if (!a->present || !b->present)
		return a->present == b->present;
	return a->socket == b->socket && args_host(a->address, host_a) == 0 &&
	       args_host(b->address, host_b) == 0 && strcasecmp(host_a, host_b) == 0;
}

static struct login *logins_find(struct service *service, const struct store_login *wanted)
{
	list_for_each(it, &service->logins) {
		struct login *login = list_entry(it, struct login, link);
		const struct store_login *stored = &login->stored;

		if (stored->port_number == wanted->port_number &&
		    strcmp(stored->name, wanted->name) == 0 &&
		    strcasecmp(stored->instance, wanted->instance) == 0 &&
		    portal_same(&stored->portal, &wanted->portal))
			return login;
	}
	return NULL;
}

bool logins_bring(const struct service *service, const char *name)
{
	list_for_each(it, &service->logins) {
		const struct store_login *stored = &list_entry(it, struct login, link)->stored;

		if (!stored->informational && strcmp(stored->name, name) == 0)
			return true;
	}
	return false;
}

/* There is one instance: whether it was named makes no difference here. */
bool logins_match(const struct login *login, const struct svc_session *session)
{
	return login->stored.port_number == session->port_number &&
	       strcmp(login->stored.name, session->target_name) == 0 &&
	       portal_same(&login->stored.portal, &session->portal);
}

struct login *logins_of(const struct svc_session *session)
{
	list_for_each(it, &session->service->logins) {
		struct login *login = list_entry(it, struct login, link);

		if (logins_match(login, session))
			return login;
	}
	return NULL;
}

/* ---- the calls */

/* Connections that were added before there was a login to keep them with. */
static void follow_sessions(struct service *service, const char *name)
{
	list_for_each(it, &service->sessions) {
		struct svc_session *session = list_entry(it, struct svc_session, link);

		if (session->state == SVC_UP && strcmp(session->target_name, name) == 0)
			logins_follow_conns(session);
	}
}

uint32_t logins_put(struct service *service, struct store_login *stored)
{
	struct login *login = logins_find(service, stored);
	int r = -ENOSPC;

	if (login) {
		/* They may be written in another way, and the store goes by the letter. */
		strcpy(stored->instance, login->stored.instance);
		strcpy(stored->portal.address, login->stored.portal.address);
		stored->conn_count = login->stored.conn_count;
		stored->conns = login->stored.conns;
	}
	if (login || service->login_count < LOGINS_MAX)
		r = store_put_login(service->store, stored, &stored->id);
	if (r == 0 && !login && !login_new(service, stored)) {
		store_remove_logins(service->store, &stored->id, 1);
		r = -ENOMEM;
	}
	if (login) {
		if (r == 0) {
			login->stored.conns = NULL;
			login->stored.conn_count = 0;
			store_login_done(&login->stored);
			login->stored = *stored;
			stored->mappings.lun = NULL;
		}
		stored->conns = NULL;
		stored->conn_count = 0;
	}
	if (r == 0)
		follow_sessions(service, stored->name);
	return r == 0 ? ERROR_SUCCESS : ISDSC_COULD_NOT_SAVE_PERSISTENT_LOGIN_DATA;
}

static bool is_meant(const struct login *login, const char *instance, uint32_t port_number,
		     const char *name, const struct portal *portal)
{
	const struct store_login *stored = &login->stored;

	return strcmp(stored->name, name) == 0 &&
	       (port_number == PORT_NUMBER_ANY || stored->port_number == port_number) &&
	       (!portal->present || portal_same(&stored->portal, portal)) &&
	       (!*instance || !*stored->instance || strcasecmp(stored->instance, instance) == 0);
}

uint32_t logins_remove(struct service *service, const char *instance, uint32_t port_number,
		       const char *name, const struct portal *portal)
{
	int64_t *ids = calloc(service->login_count + 1, sizeof(*ids));
	size_t count = 0;
	int r;

	if (!ids)
		return ERROR_NOT_ENOUGH_MEMORY;
	list_for_each(it, &service->logins) {
		const struct login *login = list_entry(it, struct login, link);

		if (is_meant(login, instance, port_number, name, portal))
			ids[count++] = login->stored.id;
	}
	r = count ? store_remove_logins(service->store, ids, count) : 0;
	free(ids);
	if (r < 0)
		return ISDSC_COULD_NOT_REMOVE_PERSISTENT_LOGIN_DATA;
	list_for_each(it, &service->logins) {
		struct login *login = list_entry(it, struct login, link);

		if (is_meant(login, instance, port_number, name, portal))
			login_free(login);
	}
	return count ? ERROR_SUCCESS : ISDSC_TARGET_NOT_FOUND;
}

/* ---- added connections */

struct conns {
	uint32_t count;
	struct store_login_conn *list; /* ENGINE_MAX_CONNS */
};

static void take_conn(void *ctx, const struct store_login_conn *conn)
{
	struct conns *conns = ctx;

	if (conns->count < ENGINE_MAX_CONNS)
		conns->list[conns->count++] = *conn;
}

/* What made it protected may be forgotten when the service ends. */
static void take_added(struct conns *conns, const struct svc_conn *conn)
{
	struct store_login_conn kept = *conn->asked;

	if (!(kept.security_flags & SECURITY_VALID) && ipsec_asked(conn->security_flags))
		kept.security_flags = conn->security_flags;
	take_conn(conns, &kept);
	secret_wipe(&kept, sizeof(kept));
}

bool logins_keep_conns(const struct service *service, const char *target)
{
	struct defaults settings;

	overrides_apply(&service->overrides, target, &service->defaults, &settings);
	return settings.value[DEFAULT_PERSISTENT_CONNECTIONS];
}

void logins_follow_conns(struct svc_session *session)
{
	struct service *service = session->service;
	struct login *login = logins_of(session);
	bool keep = logins_keep_conns(service, session->target_name);
	struct conns conns = { .count = 0 };
	struct store_login changed;
	int r;

	if (!login || (!keep && !login->stored.conn_count))
		return;
	conns.list = calloc(ENGINE_MAX_CONNS, sizeof(*conns.list));
	r = conns.list ? 0 : -ENOMEM;
	list_for_each(it, &session->conns) {
		const struct svc_conn *conn = list_entry(it, struct svc_conn, link);

		if (r == 0 && keep && conn->asked && !conn->pending)
			take_added(&conns, conn);
	}
	if (r == 0 && keep)
		restore_conns_each(session, take_conn, &conns);
	changed = login->stored;
	changed.conn_count = conns.count;
	changed.conns = conns.list;
	if (r == 0)
		r = store_put_login(service->store, &changed, &changed.id);
	if (r == 0) {
		changed.conns = login->stored.conns;
		changed.conn_count = login->stored.conn_count;
		login->stored.conns = conns.list;
		login->stored.conn_count = conns.count;
		conns.list = changed.conns;
		conns.count = changed.conn_count;
	} else {
		log_error("%s: the change of its connections is not stored with its persistent login: "
			  "%s", session->target_name, strerror(-r));
	}
	if (conns.list)
		secret_wipe(conns.list, conns.count * sizeof(*conns.list));
	free(conns.list);
	secret_wipe(&changed, sizeof(changed));
}
