/*
 * args.h - the structures of bus/interface.h from and to messages. Getting returns 0, or -EINVAL
 * for values that no program of good will sends (text too long, ...), and then nothing more shall
 * be read. Putting returns 0 or what sd-bus says.
 */
#ifndef ISCSIDSC_SERVICE_ARGS_H
#define ISCSIDSC_SERVICE_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#include "service/options.h"

struct id {
	uint64_t unique, specific;
};

int args_get_id(sd_bus_message *message, struct id *ret);
int args_get_text(sd_bus_message *message, char *ret, size_t room);
int args_get_bool(sd_bus_message *message, bool *ret);
int args_get_u32(sd_bus_message *message, uint32_t *ret);
int args_get_u64(sd_bus_message *message, uint64_t *ret);
int args_get_u16(sd_bus_message *message, uint16_t *ret);
int args_get_u8(sd_bus_message *message, uint8_t *ret);
/* At most `room` bytes. */
int args_get_bytes(sd_bus_message *message, void *ret, size_t room, size_t *ret_len);
/* A portal that is present has an address that can be one, and a port. */
int args_get_portal(sd_bus_message *message, struct portal *ret);
/* Nothing is judged but lengths. Wipe it after use. */
int args_get_options(sd_bus_message *message, struct options *ret);
/* At most MAPPING_LUNS_MAX LUNs. Free with mappings_done; on failure there is nothing to free. */
int args_get_mappings(sd_bus_message *message, struct mappings *ret);

int args_put_portal(sd_bus_message *message, const struct portal *portal);
int args_put_mappings(sd_bus_message *message, const struct mappings *mappings);
/* Without the password, its length and its bit. */
int args_put_options(sd_bus_message *message, const struct options *options);

/* The address as the net wants it: IPv6 without brackets. `ret` has OPTIONS_TEXT bytes. -EINVAL if
 * it is no address and can be no host name. */
int args_host(const char *address, char *ret);

#endif
