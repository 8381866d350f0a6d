/*
 * connect.h - turns effective options into what the drive takes: the configuration of a session
 * and the options of a connection.
 */
#ifndef ISCSIDSC_SERVICE_CONNECT_H
#define ISCSIDSC_SERVICE_CONNECT_H

#include "service/inside.h"

/* The texts in *ret are the service's. `defaults`: those that hold for the target. Type normal, no
 * target, group unknown, ordering by the setting. */
void connect_config(struct service *service, const struct effective *effective,
		    const struct defaults *defaults, const struct isid_use *isid,
		    struct session_config *ret);
/* Before anything is sent: is the initiator port (or PORT_NUMBER_ANY) of the family of the address?
 * Returns an ISDSC status. */
uint32_t connect_check(struct service *service, const char *host, uint32_t port_number);
/* `port_number`: of the initiator, PORT_NUMBER_ANY for routing's choice. Gives the connection a new
 * id. Returns an ISDSC status; wipe *ret after use. */
uint32_t connect_options(struct service *service, const struct effective *effective,
			 const char *host, uint16_t socket, uint32_t port_number,
			 struct conn_options *ret);

#endif
