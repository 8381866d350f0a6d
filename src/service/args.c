/*
 * args.c - see args.h.
 */
#include "service/args.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int args_get_id(sd_bus_message *message, struct id *ret)
{
	return sd_bus_message_read(message, "(tt)", &ret->unique, &ret->specific) > 0 ? 0 : -EINVAL;
}

static int text_copy(const char *text, char *ret, size_t room)
{
	size_t len = strlen(text);

	if (len >= room)
		return -EINVAL;
	memcpy(ret, text, len + 1);
	return 0;
}

int args_get_text(sd_bus_message *message, char *ret, size_t room)
{
	const char *text;

	if (sd_bus_message_read(message, "s", &text) <= 0)
		return -EINVAL;
	return text_copy(text, ret, room);
}

int args_get_bool(sd_bus_message *message, bool *ret)
{
	int value;

	if (sd_bus_message_read(message, "b", &value) <= 0)
		return -EINVAL;
	*ret = value;
	return 0;
}

int args_get_u32(sd_bus_message *message, uint32_t *ret)
{
	return sd_bus_message_read(message, "u", ret) > 0 ? 0 : -EINVAL;
}

int args_get_u64(sd_bus_message *message, uint64_t *ret)
{
	return sd_bus_message_read(message, "t", ret) > 0 ? 0 : -EINVAL;
}

int args_get_u16(sd_bus_message *message, uint16_t *ret)
{
	return sd_bus_message_read(message, "q", ret) > 0 ? 0 : -EINVAL;
}

int args_get_u8(sd_bus_message *message, uint8_t *ret)
{
	return sd_bus_message_read(message, "y", ret) > 0 ? 0 : -EINVAL;
}

int args_get_bytes(sd_bus_message *message, void *ret, size_t room, size_t *ret_len)
{
	const void *bytes;
	size_t len;

	if (sd_bus_message_read_array(message, 'y', &bytes, &len) < 0 || len > room)
		return -EINVAL;
	if (len)
		memcpy(ret, bytes, len);
	*ret_len = len;
	return 0;
}

static int host_is_ipv6(const char *host)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr any;
	size_t len = strcspn(host, "%");

	if (len >= sizeof(address))
		return 0;
	memcpy(address, host, len);
	address[len] = 0;
	return inet_pton(AF_INET6, address, &any) == 1;
}

int args_host(const char *address, char *ret)
{
	char host[OPTIONS_TEXT];
	size_t len = strlen(address);
	int bracketed = address[0] == '[';

	if (len == 0 || len >= sizeof(host) || (bracketed && address[len - 1] != ']'))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? len - 2 : len), address + bracketed);
	if (bracketed || strchr(host, ':')) {
		if (!host_is_ipv6(host))
			return -EINVAL;
	} else {
		for (const char *c = host; *c; c++)
			if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("[],/%", *c))
				return -EINVAL;
	}
	strcpy(ret, host);
	return 0;
}

int args_get_portal(sd_bus_message *message, struct portal *ret)
{
	const char *symbolic, *address;
	char host[OPTIONS_TEXT];
	int present;

	memset(ret, 0, sizeof(*ret));
	if (sd_bus_message_read(message, "(bssq)", &present, &symbolic, &address, &ret->socket) <= 0)
		return -EINVAL;
	if (!present)
		return 0;
	ret->present = true;
	if (text_copy(symbolic, ret->symbolic_name, sizeof(ret->symbolic_name)) < 0 ||
	    text_copy(address, ret->address, sizeof(ret->address)) < 0)
		return -EINVAL;
	return ret->socket ? args_host(ret->address, host) : -EINVAL;
}

int args_get_options(sd_bus_message *message, struct options *ret)
{
	size_t username_len = 0, password_len = 0;
	int present, r;

	memset(ret, 0, sizeof(*ret));
	if (sd_bus_message_enter_container(message, 'r', "buuuuuuuuuayay") <= 0)
		return -EINVAL;
	if (sd_bus_message_read(message, "buuuuuuuuu", &present, &ret->version, &ret->specified,
				&ret->login_flags, &ret->auth_type, &ret->header_digest,
				&ret->data_digest, &ret->max_connections, &ret->time2wait,
				&ret->time2retain) <= 0)
		return -EINVAL;
	r = args_get_bytes(message, ret->username, sizeof(ret->username), &username_len);
	if (r == 0)
		r = args_get_bytes(message, ret->password, sizeof(ret->password), &password_len);
	if (r < 0 || sd_bus_message_exit_container(message) < 0)
		return -EINVAL;
	ret->username_len = (uint8_t)username_len;
	ret->password_len = (uint8_t)password_len;
	ret->present = present;
	if (!present)
		memset(ret, 0, sizeof(*ret));
	return 0;
}

/* -ENOMEM too. */
static int luns_read(sd_bus_message *message, struct mappings *ret)
{
	struct mapping_lun *lun = calloc(MAPPING_LUNS_MAX, sizeof(*lun));
	uint32_t count = 0;
	int r = lun ? 1 : -ENOMEM;

	while (r > 0 && count < MAPPING_LUNS_MAX) {
		r = sd_bus_message_read(message, "(tu)", &lun[count].target_lun, &lun[count].os_lun);
		count += r > 0;
	}
	/* Leaving an array that has more fails. */
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	if (r < 0 || !count) {
		free(lun);
		lun = NULL;
	}
	if (r < 0)
		return r;
	ret->lun = lun;
	ret->count = count;
	return 0;
}

int args_get_mappings(sd_bus_message *message, struct mappings *ret)
{
	struct mappings mappings = { .present = false };
	int present, r;

	if (sd_bus_message_enter_container(message, 'r', "buua(tu)") <= 0 ||
	    sd_bus_message_read(message, "buu", &present, &mappings.os_bus, &mappings.os_target) <= 0 ||
	    sd_bus_message_enter_container(message, 'a', "(tu)") <= 0)
		return -EINVAL;
	r = luns_read(message, &mappings);
	if (r < 0 || sd_bus_message_exit_container(message) < 0) {
		mappings_done(&mappings);
		return r == -ENOMEM ? r : -EINVAL;
	}
	if (present)
		mappings.present = true;
	else
		mappings_done(&mappings);
	*ret = mappings;
	return 0;
}

int args_put_portal(sd_bus_message *message, const struct portal *portal)
{
	return sd_bus_message_append(message, "(bssq)", portal->present, portal->symbolic_name,
				     portal->address, portal->socket);
}

int args_put_options(sd_bus_message *message, const struct options *o)
{
	int r = sd_bus_message_open_container(message, 'r', "buuuuuuuuuayay");

	if (r >= 0)
		r = sd_bus_message_append(message, "buuuuuuuuu", o->present, o->version,
					  o->specified & ~(uint32_t)SPECIFIED_PASSWORD,
					  o->login_flags, o->auth_type, o->header_digest,
					  o->data_digest, o->max_connections, o->time2wait,
					  o->time2retain);
	if (r >= 0)
		r = sd_bus_message_append_array(message, 'y', o->username, o->username_len);
	if (r >= 0)
		r = sd_bus_message_append_array(message, 'y', NULL, 0);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

int args_put_mappings(sd_bus_message *message, const struct mappings *mappings)
{
	int r = sd_bus_message_open_container(message, 'r', "buua(tu)");

	if (r >= 0)
		r = sd_bus_message_append(message, "buu", mappings->present, mappings->os_bus,
					  mappings->os_target);
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'a', "(tu)");
	for (uint32_t i = 0; i < mappings->count && r >= 0; i++)
		r = sd_bus_message_append(message, "(tu)", mappings->lun[i].target_lun,
					  mappings->lun[i].os_lun);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}
