/*
 * connect.c - see connect.h.
 */
#include "service/connect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "iscsierr.h"
#include "service/ports.h"
#include "service/status.h"

void connect_config(struct service *service, const struct effective *effective,
		    const struct defaults *defaults, const struct isid_use *isid,
		    struct session_config *ret)
{
	struct session_config config = {
		.type = SESSION_NORMAL,
		.initiator_name = service->node_name,
		.portal_group_tag = -1,
		.ordering = defaults->value[DEFAULT_ORDERING] != ORDERING_OFF,
		.one_holder = defaults->value[DEFAULT_ORDERING] == ORDERING_STRICT,
		.rest = defaults->value[DEFAULT_REINSTATE_REST],
	};

	memcpy(config.isid, isid->bytes, sizeof(config.isid));
	/* Harmless choices: without random numbers they are 0. */
	RAND_bytes((uint8_t *)&config.first_cmd_sn, sizeof(config.first_cmd_sn));
	RAND_bytes((uint8_t *)&config.seed, sizeof(config.seed));
	effective_offer(effective, defaults, &config.offer);
	effective_times(defaults, &config.times);
	*ret = config;
}

/* PORT_NUMBER_ANY: *ret stays as it is. */
static uint32_t connect_port(struct service *service, const char *host, uint32_t port_number,
			     struct port *ret)
{
	int r;

	if (port_number == PORT_NUMBER_ANY)
		return ERROR_SUCCESS;
	if (port_number == 0)
		return ERROR_INVALID_PARAMETER;
	r = ports_find(service->store, port_number, host, ret);
	return r == -ENOENT ? ISDSC_INVALID_PORT_NUMBER : status_of_errno(r);
}

uint32_t connect_check(struct service *service, const char *host, uint32_t port_number)
{
	struct port port;

	return connect_port(service, host, port_number, &port);
}

uint32_t connect_options(struct service *service, const struct effective *effective,
			 const char *host, uint16_t socket, uint32_t port_number,
			 struct conn_options *ret)
{
	struct port port = { .address = "" };
	uint32_t status = connect_port(service, host, port_number, &port);

	memset(ret, 0, sizeof(*ret));
	if (status)
		return status;
	snprintf(ret->source, sizeof(ret->source), "%s", port.address);
	ret->id = ++service->conns_made;
	snprintf(ret->host, sizeof(ret->host), "%s", host);
	ret->port = socket;
	ret->header_digest = effective->header_digest;
	ret->data_digest = effective->data_digest;
	ret->chap = effective->chap;
	return ERROR_SUCCESS;
}
