/*
 * calls_session.c - the methods about sessions and connections: decode fully, then act.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "proto/name.h"
#include "scsi/lun.h"
#include "service/args.h"
#include "service/discover.h"
#include "service/ipsec.h"
#include "service/log.h"
#include "service/logins.h"
#include "service/mappings.h"
#include "service/svc_conn.h"
#include "service/svc_session.h"

enum { DEVICE_NUMBER_NONE = -1 };

/* Finds the session that the next argument names. NULL: the call was ended. */
static struct svc_session *session_argument(struct bus_call *call)
{
	struct svc_session *session;
	struct id id;

	if (args_get_id(call->message, &id) < 0) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
		return NULL;
	}
	session = svc_session_find(call->service, id.unique, id.specific);
	if (!session)
		bus_call_done(call, ISDSC_INVALID_SESSION_ID);
	return session;
}

static int key_decode(sd_bus_message *m, struct preshared_key *key)
{
	size_t len = 0;
	int r = args_get_bytes(m, key->bytes, sizeof(key->bytes), &len);

	key->len = (uint16_t)len;
	return r;
}

/* ---- LoginIScsiTarget */

struct login_arguments {
	struct svc_login login;
	char target[OPTIONS_TEXT], instance[OPTIONS_TEXT];
	bool persistent;
};

static int login_decode(sd_bus_message *m, struct login_arguments *a)
{
	int r = args_get_text(m, a->target, sizeof(a->target));

	if (r == 0)
		r = args_get_bool(m, &a->login.informational);
	if (r == 0)
		r = args_get_text(m, a->instance, sizeof(a->instance));
	if (r == 0)
		r = args_get_u32(m, &a->login.port_number);
	if (r == 0)
		r = args_get_portal(m, &a->login.portal);
	if (r == 0)
		r = args_get_u64(m, &a->login.security_flags);
	if (r == 0)
		r = args_get_mappings(m, &a->login.mappings);
	if (r == 0)
		r = args_get_options(m, &a->login.options);
	if (r == 0)
		r = key_decode(m, &a->login.key);
	return r == 0 ? args_get_bool(m, &a->persistent) : r;
}

static uint32_t login_check(struct service *service, struct login_arguments *a)
{
	char name[NAME_MAX_LEN + 1];
	uint32_t status = effective_check(&a->login.options, a->login.security_flags);

	if (status)
		return status;
	if (!service_knows_instance(a->instance))
		return ISDSC_INITIATOR_INSTANCE_NOT_FOUND;
	if (a->login.port_number == 0 ||
	    (!*a->instance && a->login.port_number != PORT_NUMBER_ANY))
		return ERROR_INVALID_PARAMETER;
	status = mappings_check(&a->login.mappings);
	if (status)
		return status;
	a->login.target = targets_find(&service->targets,
				       name_fold(a->target, name) == 0 ? name : a->target);
	return a->login.target ? ERROR_SUCCESS : ISDSC_TARGET_NOT_FOUND;
}

static uint64_t flags_at(struct service *service, const char *host, uint16_t port)
{
	const uint64_t *set = discover_flags(service, host, port);

	return set && ipsec_asked(*set) ? *set : 0;
}

/* What makes a login without flags of its own protected today may be forgotten when the service ends. So
 * it is kept with the login. */
static uint64_t flags_to_keep(struct service *service, const struct svc_login *login)
{
	const struct name_address *address;
	uint64_t found = 0;
	char host[OPTIONS_TEXT];

	if (login->security_flags & SECURITY_VALID)
		return login->security_flags;
	if (login->portal.present) {
		if (args_host(login->portal.address, host) == 0)
			found = flags_at(service, host, login->portal.socket);
	} else {
		for (unsigned at = 0; !found && (address = target_address(login->target, &at));)
			found = flags_at(service, address->host, address->port);
	}
	return found ? found : login->security_flags;
}

/* It is stored, and no more. */
static uint32_t login_store(struct service *service, struct login_arguments *a)
{
	struct store_login stored = {
		.informational = a->login.informational,
		.port_number = a->login.port_number,
		.portal = a->login.portal,
		.security_flags = flags_to_keep(service, &a->login),
		.mappings = a->login.mappings,
		.options = a->login.options,
		.key = a->login.key,
	};
	uint32_t status;

	strcpy(stored.name, a->login.target->name);
	strcpy(stored.instance, a->instance);
	status = logins_put(service, &stored);
	a->login.mappings = stored.mappings;
	secret_wipe(&stored, sizeof(stored));
	if (!status)
		log_notice("%s: a persistent login was stored", a->login.target->name);
	return status;
}

void handle_LoginIScsiTarget(struct bus_call *call)
{
	const struct svc_asker asker = { .call = call };
	struct login_arguments a = { .persistent = false };
	uint32_t status = ERROR_INVALID_PARAMETER;

	if (login_decode(call->message, &a) == 0)
		status = login_check(call->service, &a);
	if (!status && a.persistent)
		status = login_store(call->service, &a);
	if (status || a.persistent)
		bus_call_done(call, status);
	else
		svc_session_login(&asker, call->service, &a.login);
	mappings_done(&a.login.mappings);
	secret_wipe(&a, sizeof(a));
}

/* ---- LogoutIScsiTarget */

void handle_LogoutIScsiTarget(struct bus_call *call)
{
	struct svc_session *session = session_argument(call);

	if (!session)
		return;
	if (svc_conn_any_pending(session))
		bus_call_done(call, ISDSC_SESSION_BUSY);
	else
		svc_session_logout(session, call);
}

/* ---- AddIScsiConnection, RemoveIScsiConnection */

static int add_decode(sd_bus_message *m, struct id *id, struct store_login_conn *asked)
{
	int r = args_get_id(m, id);

	if (r == 0)
		r = args_get_u32(m, &asked->port_number);
	if (r == 0)
		r = args_get_portal(m, &asked->portal);
	if (r == 0)
		r = args_get_u64(m, &asked->security_flags);
	if (r == 0)
		r = args_get_options(m, &asked->options);
	return r == 0 ? key_decode(m, &asked->key) : r;
}

void handle_AddIScsiConnection(struct bus_call *call)
{
	const struct svc_asker asker = { .call = call };
	struct store_login_conn asked = { .port_number = 0 };
	struct svc_session *session = NULL;
	uint32_t status = ERROR_INVALID_PARAMETER;
	struct id id;

	if (add_decode(call->message, &id, &asked) == 0 && asked.port_number != 0)
		status = effective_check(&asked.options, asked.security_flags);
	if (!status) {
		session = svc_session_find(call->service, id.unique, id.specific);
		status = session ? ERROR_SUCCESS : ISDSC_INVALID_SESSION_ID;
	}
	if (status)
		bus_call_done(call, status);
	else
		svc_session_add(session, &asker, &asked);
	secret_wipe(&asked, sizeof(asked));
}

void handle_RemoveIScsiConnection(struct bus_call *call)
{
	struct svc_session *session = session_argument(call);
	struct id id;

	if (!session)
		return;
	if (args_get_id(call->message, &id) < 0)
		bus_call_done(call, ERROR_INVALID_PARAMETER);
	else if (id.unique != call->service->adapter_unique)
		bus_call_done(call, ISDSC_INVALID_CONNECTION_ID);
	else
		svc_session_remove(session, call, id.specific);
}

/* ---- GetIScsiSessionList, GetIScsiSessionState */

static uint8_t auth_type(const struct nexus_conn *conn)
{
	switch (conn->options.chap.mode) {
	case CHAP_ONE_WAY:
		return AUTH_CHAP;
	case CHAP_MUTUAL:
		return AUTH_MUTUAL_CHAP;
	case CHAP_NONE:
		break;
	}
	return AUTH_NONE;
}

static int put_conn(sd_bus_message *reply, const struct svc_session *session,
		    const struct nexus_conn *conn)
{
	enum { FULL_FEATURE = 1, BEING_BROUGHT_BACK = 3 };
	const struct keys_params *p = &conn->login.params;

	return sd_bus_message_append(reply, BUS_CONNECTION, session->service->adapter_unique,
		conn->id, conn->local_address, conn->local_port,
		svc_session_portal_text(session, conn), conn->target_port, conn->login.cid,
		conn->up ? FULL_FEATURE : BEING_BROUGHT_BACK, p->header_digest, p->data_digest,
		p->max_recv_data_segment_length, (uint32_t)auth_type(conn), conn->leading,
		conn->reconnects, conn->bytes_in, conn->bytes_out, conn->data_in, conn->data_out,
		conn->pdus_in, conn->pdus_out, conn->commands, conn->tasks, conn->round_trip_ns,
		conn->answered, conn->answered_ns, conn->rate);
}

static int put_session(sd_bus_message *reply, struct svc_session *session, struct nexus_conn *conns)
{
	static const struct conn_up none;
	unsigned n = nexus_conns(session->nexus, conns, ENGINE_MAX_CONNS);
	const struct conn_up *login = n ? &conns[0].login : &none;
	const struct keys_params *p = &login->params;
	int r;

	if (n > ENGINE_MAX_CONNS)
		n = ENGINE_MAX_CONNS;
	r = sd_bus_message_open_container(reply, 'r', "(tt)ssayqybbbbyuuuubta" BUS_CONNECTION);
	if (r >= 0)
		r = sd_bus_message_append(reply, "(tt)ss", session->service->adapter_unique,
					  session->specific, session->initiator_name,
					  session->target_name);
	if (r >= 0)
		r = sd_bus_message_append_array(reply, 'y', session->isid.bytes,
						sizeof(session->isid.bytes));
	if (r >= 0)
		r = sd_bus_message_append(reply, "qybbbbyuuuubt", login->tsih,
			session->informational ? 1 : 2, p->initial_r2t, p->immediate_data,
			p->data_sequence_in_order, p->data_pdu_in_order, p->error_recovery_level,
			(uint32_t)p->max_outstanding_r2t, p->first_burst_length,
			p->max_burst_length, (uint32_t)p->max_connections,
			nexus_is_up(session->nexus), session->pause_ns);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', BUS_CONNECTION);
	for (unsigned i = 0; r >= 0 && i < n; i++)
		r = put_conn(reply, session, &conns[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* `only`: NULL for all that are up. */
static void sessions_answer(struct bus_call *call, struct svc_session *only)
{
	struct nexus_conn *conns = calloc(ENGINE_MAX_CONNS, sizeof(*conns));
	sd_bus_message *reply = NULL;
	int r = conns ? bus_call_begin(call, ERROR_SUCCESS, &reply) : -ENOMEM;

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', BUS_SESSION);
	if (r >= 0 && only)
		r = put_session(reply, only, conns);
	if (r >= 0 && !only) {
		list_for_each(it, &call->service->sessions) {
			struct svc_session *session = list_entry(it, struct svc_session, link);

			if (r >= 0 && session->state == SVC_UP)
				r = put_session(reply, session, conns);
		}
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (conns)
		secret_wipe(conns, ENGINE_MAX_CONNS * sizeof(*conns));
	free(conns);
	bus_call_send(call, reply, r);
}

void handle_GetIScsiSessionList(struct bus_call *call)
{
	sessions_answer(call, NULL);
}

void handle_GetIScsiSessionState(struct bus_call *call)
{
	struct svc_session *session = session_argument(call);

	if (session)
		sessions_answer(call, session);
}

/* ---- GetDevicesForIScsiSession */

static int put_device(sd_bus_message *reply, const struct svc_session *session,
		      const struct svc_unit *unit)
{
	const struct disk_info *info = disk_info(unit->disk);

	return sd_bus_message_append(reply, BUS_DEVICE, INITIATOR_INSTANCE, session->target_name,
		session->bus_number, session->target_number, unit->os_lun, info->lun, info->device_type,
		info->serving ? info->socket_path : "", DEVICE_NUMBER_NONE, info->vendor,
		info->product, info->revision, info->serial, info->wwid, info->blocks,
		info->block_size, info->read_only);
}

void devices_answer(struct svc_session *session, struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', BUS_DEVICE);
	if (r >= 0) {
		list_for_each(it, &session->units) {
			const struct svc_unit *unit = list_entry(it, struct svc_unit, link);

			if (r >= 0 && unit->ready && !unit->closed)
				r = put_device(reply, session, unit);
		}
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}

void handle_GetDevicesForIScsiSession(struct bus_call *call)
{
	struct svc_session *session = session_argument(call);

	if (session)
		units_wait(session, call);
}
