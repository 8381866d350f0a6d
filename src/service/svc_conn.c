/*
 * svc_conn.c - see svc_conn.h.
 */
#include "service/svc_conn.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/args.h"
#include "service/connect.h"
#include "service/discover.h"
#include "service/log.h"
#include "service/logins.h"
#include "service/room.h"
#include "service/status.h"

struct svc_conn *svc_conn_new(struct svc_session *session)
{
	struct svc_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->session = session;
	list_append(&session->conns, &conn->link);
	return conn;
}

static void svc_conn_free(struct svc_conn *conn)
{
	svc_conn_reply(conn, ISDSC_INVALID_SESSION_ID);
	list_remove(&conn->link);
	if (conn->asked)
		secret_wipe(conn->asked, sizeof(*conn->asked));
	free(conn->asked);
	free(conn);
}

void svc_conn_free_all(struct svc_session *session)
{
	list_for_each(it, &session->conns)
		svc_conn_free(list_entry(it, struct svc_conn, link));
}

static void ids_send(struct bus_call *call, const struct svc_conn *conn)
{
	const struct svc_session *session = conn->session;
	uint64_t unique = session->service->adapter_unique;
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	/* LoginIScsiTarget tells the session's id too. */
	if (r >= 0 && conn->link.prev == &session->conns)
		r = sd_bus_message_append(reply, "(tt)", unique, session->specific);
	if (r >= 0)
		r = sd_bus_message_append(reply, "(tt)", unique, conn->id);
	bus_call_send(call, reply, r);
}

void svc_asker_refuse(const struct svc_asker *asker, uint32_t status)
{
	if (asker->call)
		bus_call_done(asker->call, status);
	if (asker->done)
		asker->done(asker->ctx, status, NULL);
}

void svc_conn_reply(struct svc_conn *conn, uint32_t status)
{
	const struct svc_asker asker = conn->asker;

	conn->asker = (struct svc_asker){ .call = NULL };
	if (status) {
		svc_asker_refuse(&asker, status);
		return;
	}
	if (asker.call)
		ids_send(asker.call, conn);
	if (asker.done)
		asker.done(asker.ctx, status, conn->session);
}

void svc_conn_start(struct svc_conn *conn, const struct conn_options *options)
{
	conn->pending = true;
	conn->ask.conn = conn;
	nexus_add_conn(conn->session->nexus, options, &conn->ask);
}

static void added(struct svc_session *session, struct svc_conn *conn, const struct fault *fault)
{
	bool called = conn->asker.call;
	const char *cause;
	/* A session that was interrupted meanwhile has given this up, and comes back. */
	bool comes_back = fault->kind == FAULT_ABANDONED && session->state == SVC_UP;

	conn->pending = false;
	if (fault->kind == FAULT_NONE) {
		if (conn->asked)
			ipsec_remember(session->service, conn->host, conn->port,
				       conn->asked->security_flags);
		log_info("%s: connection 0x%llx to %s port %u was added", session->target_name,
			 (unsigned long long)conn->id, conn->host, conn->port);
		if (called)
			logins_follow_conns(session);
		svc_conn_reply(conn, ERROR_SUCCESS);
		return;
	}
	cause = status_cause(fault, conn->host, conn->port);
	log_warning("%s: a connection to %s port %u could not be added: %s", session->target_name,
		    conn->host, conn->port, cause ? cause : fault->text);
	if (called)
		bus_call_explain(conn->asker.call, "%s port %u: %s", conn->host, conn->port,
				 cause ? cause : fault->text);
	svc_conn_reply(conn, comes_back ? ISDSC_SESSION_BUSY : status_of(fault, 1));
	svc_conn_free(conn);
}

static void removed(struct svc_session *session, const struct svc_ask *ask,
		    const struct fault *fault)
{
	list_for_each(it, &session->conns) {
		struct svc_conn *conn = list_entry(it, struct svc_conn, link);

		if (fault->kind == FAULT_NONE && conn->id == ask->id) {
			log_info("%s: connection 0x%llx was removed", session->target_name,
				 (unsigned long long)conn->id);
			svc_conn_free(conn);
			logins_follow_conns(session);
		}
	}
	if (fault->kind != FAULT_NONE)
		bus_call_explain(ask->call, "%s", fault->text);
	bus_call_done(ask->call, status_of(fault, 0));
}

void svc_conn_answered(struct svc_session *session, void *token, const struct fault *fault,
		       const struct nexus_conn *up)
{
	struct svc_ask *ask = token;

	if (!ask->conn) {
		removed(session, ask, fault);
		free(ask);
	} else if (session->state != SVC_LOGIN) {
		added(session, ask->conn, fault);
	} else {
		ask->conn->pending = false;
		if (fault->kind == FAULT_NONE)
			svc_session_logged_in(session, ask->conn, up);
		else
			svc_session_login_failed(session, ask->conn, fault);
	}
}

bool svc_conn_any_pending(const struct svc_session *session)
{
	list_for_each(it, &session->conns)
		if (list_entry(it, struct svc_conn, link)->pending)
			return true;
	return false;
}

const char *svc_session_portal_text(const struct svc_session *session,
				    const struct nexus_conn *conn)
{
	list_for_each(it, &session->conns) {
		const struct svc_conn *asked = list_entry(it, struct svc_conn, link);

		if (asked->id == conn->id && strcasecmp(asked->host, conn->target_host) == 0)
			return asked->text;
	}
	return conn->target_host;
}

/* ---- the portals of the session's group */

/* DSC-5, MCS-4 */
static bool in_group(const struct svc_session *session, const struct name_address *address)
{
	return address->tag == session->tag;
}

/* Whether the service itself may choose it: what asks for more than the session does is the caller's to
 * choose. */
static bool suits(const struct svc_session *session, const char *host, uint16_t port,
		  uint32_t port_number)
{
	const uint64_t *flags = discover_flags(session->service, host, port);

	if (!ipsec_asked(session->effective.security_flags) && ipsec_asked(ipsec_flags(0, flags, 0, false)))
		return false;
	return svc_session_may_use(session, host, port_number);
}

void svc_conn_set_portals(struct svc_session *session)
{
	struct conn_options *portals = calloc(ENGINE_MAX_CONNS, sizeof(*portals));
	uint64_t made = session->service->conns_made;
	const struct name_address *address;
	unsigned n = 0;

	if (!portals)
		return;
	for (unsigned at = 0; n < ENGINE_MAX_CONNS;) {
		address = target_address(session->target, &at);
		if (!address)
			break;
		if (in_group(session, address) &&
		    suits(session, address->host, address->port, session->port_number) &&
		    !connect_options(session->service, &session->effective, address->host,
				     address->port, session->port_number, &portals[n]))
			n++;
	}
	session->service->conns_made = made; /* portals have no use for ids */
	nexus_set_portals(session->nexus, portals, n);
	secret_wipe(portals, ENGINE_MAX_CONNS * sizeof(*portals));
	free(portals);
}

static unsigned conns_at(const struct svc_session *session, const char *host, uint16_t port)
{
	unsigned n = 0;

	list_for_each(it, &session->conns) {
		const struct svc_conn *conn = list_entry(it, struct svc_conn, link);

		n += conn->port == port && strcasecmp(conn->host, host) == 0;
	}
	return n;
}

/* NULL portal: the one of the group with the fewest connections, else the session's own. */
static void pick_portal(const struct svc_session *session, uint32_t port_number,
			struct svc_conn *conn)
{
	const struct svc_conn *first = list_entry(session->conns.next, struct svc_conn, link);
	unsigned fewest = UINT_MAX;
	const struct name_address *address;

	if (suits(session, first->host, first->port, port_number))
		fewest = conns_at(session, first->host, first->port);
	strcpy(conn->text, first->text);
	strcpy(conn->host, first->host);
	conn->port = first->port;
	for (unsigned at = 0; (address = target_address(session->target, &at));) {
		unsigned n = conns_at(session, address->host, address->port);

		if (!in_group(session, address) || n >= fewest ||
		    !suits(session, address->host, address->port, port_number))
			continue;
		fewest = n;
		strcpy(conn->text, address->host);
		strcpy(conn->host, address->host);
		conn->port = address->port;
	}
}

/* ---- adding and removing */

/* Counts those whose login is under way, so that two callers can't both take the last place. */
static bool is_full(const struct svc_session *session)
{
	struct nexus_conn *conns = calloc(ENGINE_MAX_CONNS, sizeof(*conns));
	unsigned listed, most = 1, wanted = 0;

	if (!conns)
		return true;
	listed = nexus_conns(session->nexus, conns, ENGINE_MAX_CONNS);
	if (listed)
		most = conns[0].login.params.max_connections;
	secret_wipe(conns, ENGINE_MAX_CONNS * sizeof(*conns));
	free(conns);
	list_for_each(it, &session->conns)
		wanted++;
	return (wanted > listed ? wanted : listed) >= most;
}

static uint32_t add_effective(struct svc_session *session, const struct svc_conn *conn,
			      uint64_t security_flags, const struct options *options,
			      struct effective *ret)
{
	struct service *service = session->service;
	struct defaults settings;
	const struct effective_input in = {
		.purpose = EFFECTIVE_ADD,
		.options = options,
		.session = &session->effective.options,
		.security_flags = security_flags,
		.portal_flags = discover_flags(service, conn->host, conn->port),
		.defaults = &settings,
		.node_name = session->initiator_name,
		.initiator_secret = service->initiator_secret,
		.initiator_secret_len = service->initiator_secret_len,
		.open = &service->open,
		.radius = radius_is_ready(service),
		.target_name = session->target_name,
	};

	overrides_apply(&service->overrides, session->target_name, &service->defaults, &settings);
	return effective_make(&in, ret);
}

static uint32_t add_portal(const struct svc_session *session, const struct portal *portal,
			   uint32_t port_number, struct svc_conn *conn)
{
	const struct name_address *address;

	if (!portal->present) {
		pick_portal(session, port_number, conn);
		return ERROR_SUCCESS;
	}
	strcpy(conn->text, portal->address);
	conn->port = portal->socket;
	if (args_host(portal->address, conn->host) < 0)
		return ERROR_INVALID_PARAMETER;
	/* A portal that was never discovered is tried; one known to be of another group is not. */
	address = target_find_address(session->target, conn->host, conn->port);
	if (address && address->tag >= 0 && session->tag >= 0 && address->tag != session->tag)
		return ISDSC_CANT_INCLUDE_IN_SESSION;
	return ERROR_SUCCESS;
}

/* As it will be, without a place in the session yet. */
static uint32_t add_prepare(struct svc_session *session, const struct store_login_conn *asked,
			    struct svc_conn *draft, struct conn_options *wanted)
{
	struct effective effective = { .options.present = false };
	uint32_t status = add_portal(session, &asked->portal, asked->port_number, draft);

	if (!status && !nexus_is_up(session->nexus))
		status = ISDSC_SESSION_BUSY;
	if (!status && (is_full(session) || !room_left(session->service->stop_fd)))
		status = ISDSC_TOO_MANY_CONNECTIONS;
	if (!status)
		status = add_effective(session, draft, asked->security_flags, &asked->options,
				       &effective);
	draft->security_flags = effective.security_flags;
	if (!status)
		status = connect_options(session->service, &effective, draft->host, draft->port,
					 asked->port_number, wanted);
	effective_done(&effective);
	return status;
}

static struct svc_conn *add_make(struct svc_session *session, const struct store_login_conn *asked)
{
	struct store_login_conn *copy = calloc(1, sizeof(*copy));
	struct svc_conn *conn = copy ? svc_conn_new(session) : NULL;

	if (!conn) {
		free(copy);
		return NULL;
	}
	*copy = *asked;
	conn->asked = copy;
	return conn;
}

void svc_session_add(struct svc_session *session, const struct svc_asker *asker,
		     const struct store_login_conn *asked)
{
	struct conn_options wanted = { .port = 0 };
	struct svc_conn draft = { .port = 0 }, *conn;
	uint32_t status = add_prepare(session, asked, &draft, &wanted);

	conn = status ? NULL : add_make(session, asked);
	if (conn) {
		strcpy(conn->text, draft.text);
		strcpy(conn->host, draft.host);
		conn->port = draft.port;
		conn->security_flags = draft.security_flags;
		conn->id = wanted.id;
		conn->asker = *asker;
		svc_conn_start(conn, &wanted);
	} else {
		svc_asker_refuse(asker, status ? status : ERROR_NOT_ENOUGH_MEMORY);
	}
	secret_wipe(&wanted, sizeof(wanted));
}

void svc_session_remove(struct svc_session *session, struct bus_call *call, uint64_t conn_id)
{
	struct svc_ask *ask = calloc(1, sizeof(*ask));

	if (!ask) {
		bus_call_done(call, ERROR_NOT_ENOUGH_MEMORY);
		return;
	}
	ask->call = call;
	ask->id = conn_id;
	nexus_remove_conn(session->nexus, conn_id, ask);
}
