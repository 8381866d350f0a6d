/*
 * calls_ipsec.c - the methods about IPsec: they keep what callers say, see ike.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/args.h"
#include "service/bus_call.h"
#include "service/ike.h"
#include "service/log.h"
#include "service/ports.h"
#include "service/status.h"
#include "service/svc_session.h"

/* The instance in our own spelling, or "" for all of them. */
static int instance_get(sd_bus_message *m, char ret[OPTIONS_TEXT], uint32_t *ret_status)
{
	int r = args_get_text(m, ret, OPTIONS_TEXT);

	if (r < 0)
		return r;
	if (!service_knows_instance(ret))
		*ret_status = ISDSC_INITIATOR_INSTANCE_NOT_FOUND;
	else if (*ret)
		strcpy(ret, INITIATOR_INSTANCE);
	return 0;
}

static uint32_t port_check(struct service *service, uint32_t number)
{
	struct port port;
	int r;

	if (number == PORT_NUMBER_ANY)
		return ERROR_SUCCESS;
	if (number == 0)
		return ERROR_INVALID_PARAMETER;
	/* No host has no address family. */
	r = ports_find(service->store, number, "", &port);
	return r == -ENOENT ? ISDSC_INVALID_PORT_NUMBER : status_of_errno(r);
}

static int key_get(sd_bus_message *m, struct preshared_key *ret)
{
	size_t len = 0;
	int r = args_get_bytes(m, ret->bytes, sizeof(ret->bytes), &len);

	ret->len = (uint16_t)len;
	ret->lost = false;
	return r;
}

void handle_SetIScsiGroupPresharedKey(struct bus_call *call)
{
	struct preshared_key key = { .len = 0 };
	uint32_t status = ERROR_INVALID_PARAMETER;
	bool persist = false;
	int r = key_get(call->message, &key);

	if (r == 0)
		r = args_get_bool(call->message, &persist);
	if (r == 0)
		status = ike_set_group_key(&call->service->ike, call->service->store, &key, persist);
	if (!status)
		log_notice("the group's preshared key was %s", key.len ? "set" : "cleared");
	secret_wipe(&key, sizeof(key));
	bus_call_done(call, status);
}

/* ---- identities */

static int id_get(sd_bus_message *m, struct store_ike *ret)
{
	size_t len = 0;
	int r = args_get_u8(m, &ret->id_type);

	if (r == 0)
		r = args_get_bytes(m, ret->id, sizeof(ret->id), &len);
	ret->id_len = (uint8_t)len;
	return r;
}

/* An instance and a port that are wrong are told before a wrong id. */
static uint32_t identity_check(struct service *service, uint32_t status, struct store_ike *identity)
{
	if (!status)
		status = port_check(service, identity->port_number);
	return status ? status : ike_check_id(identity);
}

static int identity_decode(sd_bus_message *m, struct store_ike *ret, bool *ret_persist,
			   uint32_t *ret_status)
{
	int r = instance_get(m, ret->instance, ret_status);

	if (r == 0)
		r = args_get_u32(m, &ret->port_number);
	if (r == 0)
		r = args_get_u64(m, &ret->security_flags);
	if (r == 0)
		r = id_get(m, ret);
	if (r == 0)
		r = key_get(m, &ret->key);
	return r == 0 ? args_get_bool(m, ret_persist) : r;
}

void handle_SetIScsiIKEInfo(struct bus_call *call)
{
	static const struct options none;
	struct store_ike identity = { .port_number = 0 };
	uint32_t status = ERROR_SUCCESS;
	bool persist = false;

	if (identity_decode(call->message, &identity, &persist, &status) < 0)
		status = ERROR_INVALID_PARAMETER;
	if (!status)
		status = effective_check(&none, identity.security_flags);
	status = identity_check(call->service, status, &identity);
	if (!status)
		status = ike_set(&call->service->ike, call->service->store, &identity, persist);
	if (!status)
		log_notice("an IKE identity was %s", identity.key.len ? "set" : "removed");
	secret_wipe(&identity, sizeof(identity));
	bus_call_done(call, status);
}

void handle_GetIScsiIKEInfo(struct bus_call *call)
{
	const struct store_ike *found = NULL;
	struct store_ike wanted = { .port_number = 0 };
	uint32_t status = ERROR_SUCCESS;
	sd_bus_message *reply = NULL;
	int r = instance_get(call->message, wanted.instance, &status);

	if (r == 0)
		r = args_get_u32(call->message, &wanted.port_number);
	if (r == 0)
		r = id_get(call->message, &wanted);
	status = identity_check(call->service, r < 0 ? ERROR_INVALID_PARAMETER : status, &wanted);
	if (!status) {
		found = ike_find(&call->service->ike, &wanted);
		status = found ? ERROR_SUCCESS : ISDSC_NO_AUTH_INFO_AVAILABLE;
	}
	if (status) {
		bus_call_done(call, status);
		return;
	}
	r = bus_call_begin(call, ERROR_SUCCESS, &reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "t", found->security_flags);
	bus_call_send(call, reply, r);
}

/* ---- tunnels */

/* An address without brackets; "" stays. */
static int address_get(sd_bus_message *m, char ret[OPTIONS_TEXT])
{
	char text[OPTIONS_TEXT];
	int r = args_get_text(m, text, sizeof(text));

	if (r < 0)
		return r;
	*ret = 0;
	return *text ? args_host(text, ret) : 0;
}

static int tunnel_decode(sd_bus_message *m, struct store_tunnel *ret, bool *ret_persist,
			 uint32_t *ret_status)
{
	int r = instance_get(m, ret->instance, ret_status);

	if (r == 0)
		r = args_get_u32(m, &ret->port_number);
	if (r == 0)
		r = address_get(m, ret->destination);
	if (r == 0)
		r = address_get(m, ret->outer);
	return r == 0 ? args_get_bool(m, ret_persist) : r;
}

void handle_SetIScsiTunnelModeOuterAddress(struct bus_call *call)
{
	struct store_tunnel tunnel = { .port_number = 0 };
	uint32_t status = ERROR_SUCCESS;
	bool persist = false;

	if (tunnel_decode(call->message, &tunnel, &persist, &status) < 0)
		status = ERROR_INVALID_PARAMETER;
	if (!status)
		status = port_check(call->service, tunnel.port_number);
	if (!status)
		status = ike_set_tunnel(&call->service->ike, call->service->store, &tunnel, persist);
	if (!status)
		log_notice("the tunnel's outer address to %s is now %s",
			   *tunnel.destination ? tunnel.destination : "any destination",
			   *tunnel.outer ? tunnel.outer : "none");
	bus_call_done(call, status);
}

static int put_tunnel(void *ctx, const struct store_tunnel *tunnel, bool persist)
{
	return sd_bus_message_append(ctx, BUS_TUNNEL, tunnel->instance, tunnel->port_number,
				     tunnel->destination, tunnel->outer, persist);
}

void handle_ReportIScsiTunnelAddresses(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', BUS_TUNNEL);
	if (r >= 0)
		r = ike_each_tunnel(&call->service->ike, put_tunnel, reply);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}

/* ---- connections */

static int put_protected(sd_bus_message *reply, const struct svc_session *session,
			 const struct nexus_conn *conn)
{
	const struct service *service = session->service;
	struct ipsec_shown shown;

	ipsec_show(service, conn->local_address, conn->peer_address, conn->target_port, &shown);
	if (!conn->up || !shown.ike)
		return 0;
	return sd_bus_message_append(reply, BUS_PROTECTION, service->adapter_unique, session->specific,
		service->adapter_unique, conn->id, shown.ike, shown.aggressive, shown.tunnel, shown.pfs,
		shown.foreign, shown.esp, shown.bytes_in, shown.bytes_out, shown.rekeyed);
}

static int put_session(sd_bus_message *reply, struct svc_session *session, struct nexus_conn *conns)
{
	unsigned n = nexus_conns(session->nexus, conns, ENGINE_MAX_CONNS);
	int r = 0;

	for (unsigned i = 0; r >= 0 && i < n && i < ENGINE_MAX_CONNS; i++)
		r = put_protected(reply, session, &conns[i]);
	secret_wipe(conns, ENGINE_MAX_CONNS * sizeof(*conns));
	return r;
}

/* charon has told what it knows now. */
static void report_protected(void *ctx)
{
	struct bus_call *call = ctx;
	struct nexus_conn *conns = calloc(ENGINE_MAX_CONNS, sizeof(*conns));
	sd_bus_message *reply = NULL;
	int r = conns ? bus_call_begin(call, ERROR_SUCCESS, &reply) : -ENOMEM;

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', BUS_PROTECTION);
	list_for_each(it, &call->service->sessions) {
		struct svc_session *session = list_entry(it, struct svc_session, link);

		if (r >= 0 && session->state == SVC_UP && !ipsec_is_idle(call->service))
			r = put_session(reply, session, conns);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	free(conns);
	bus_call_send(call, reply, r);
}

void handle_ReportIScsiProtectedConnections(struct bus_call *call)
{
	ipsec_refresh(call->service, report_protected, call);
}
