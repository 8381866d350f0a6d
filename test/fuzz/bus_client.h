/*
 * bus_client.h - a client of the service's bus in the fuzzer's hand: it makes calls whose arguments
 * come from the input, and knows what form their answers have to have.
 */
#ifndef ISCSIDSC_FUZZ_BUS_CLIENT_H
#define ISCSIDSC_FUZZ_BUS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#include "base/bytes.h"
#include "service/inside.h"

struct bus_client_side {
	sd_bus *bus;          /* NULL: none */
	unsigned open;        /* calls without an answer */
};

/* Connects; does nothing if it is. */
void bus_client_side_open(struct bus_client_side *client, struct service *service);
void bus_client_side_close(struct bus_client_side *client);
/* Calls a method of the interface with arguments of its types, or of types that the input tells. */
void bus_client_side_call(struct bus_client_side *client, struct service *service,
			  struct bytes_reader *in, bool any_types);
/* Takes what has come. Returns false if there was nothing. */
bool bus_client_side_turn(struct bus_client_side *client);

#endif
