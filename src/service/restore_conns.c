/*
 * restore_conns.c - added connections that come back with a persistent login; see restore.h. Each
 * is tried on its own until it is there, or its session is gone.
 */
#include "service/restore.h"

#include <stdlib.h>

#include "base/secret.h"
#include "service/log.h"
#include "service/svc_session.h"

struct comeback {
	struct list link;       /* owned by service->restore.conns */
	struct service *service;
	uint64_t session;       /* AdapterSpecific */
	struct store_login_conn conn;
	bool under_way;
	unsigned failures;
	sd_event_source *timer;
};

static void comeback_free(struct comeback *comeback)
{
	service_timer_clear(&comeback->timer);
	list_remove(&comeback->link);
	secret_wipe(comeback, sizeof(*comeback));
	free(comeback);
}

static int due(sd_event_source *timer, uint64_t usec, void *ctx);

static void answered(void *ctx, uint32_t status, struct svc_session *session)
{
	struct comeback *comeback = ctx;
	struct service *service = comeback->service;

	(void)session;
	comeback->under_way = false;
	if (!status || !service->restore.running) {
		comeback_free(comeback);
		return;
	}
	service_timer(service, &comeback->timer,
		      restore_pause(service, status, comeback->failures++), due, comeback);
}

static int due(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct comeback *comeback = ctx;
	struct service *service = comeback->service;
	struct svc_session *session = svc_session_find(service, service->adapter_unique,
						       comeback->session);
	const struct svc_asker asker = { .done = answered, .ctx = comeback };

	(void)timer;
	(void)usec;
	if (!session) {
		comeback_free(comeback);
		return 0;
	}
	comeback->under_way = true;
	svc_session_add(session, &asker, &comeback->conn);
	return 0;
}

void restore_conns(struct svc_session *session, const struct login *login)
{
	struct service *service = session->service;

	for (uint32_t i = 0; i < login->stored.conn_count; i++) {
		struct comeback *comeback = calloc(1, sizeof(*comeback));

		if (!comeback) {
			log_warning("%s: an added connection does not come back: out of memory",
				    login->stored.name);
			return;
		}
		comeback->service = service;
		comeback->session = session->specific;
		comeback->conn = login->stored.conns[i];
		list_append(&service->restore.conns, &comeback->link);
		/* Not now: the session is about to tell that it is up. */
		service_timer(service, &comeback->timer, 0, due, comeback);
	}
}

void restore_conns_each(const struct svc_session *session,
			void (*each)(void *ctx, const struct store_login_conn *conn), void *ctx)
{
	list_for_each(it, &session->service->restore.conns) {
		const struct comeback *comeback = list_entry(it, struct comeback, link);

		if (comeback->session == session->specific)
			each(ctx, &comeback->conn);
	}
}

void restore_conns_stop(struct service *service)
{
	list_for_each(it, &service->restore.conns) {
		struct comeback *comeback = list_entry(it, struct comeback, link);

		/* One that is under way is still answered. */
		if (!comeback->under_way)
			comeback_free(comeback);
	}
}
