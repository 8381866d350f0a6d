/*
 * store_columns.c - login options, portals and mappings as columns; see store_inside.h.
 */
#include "service/store_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* The plain numbers of login options, in the order of OPTIONS_COLUMNS. */
static const struct {
	const char *name;
	size_t offset;
} numbers[] = {
	{ ":version", offsetof(struct options, version) },
	{ ":specified", offsetof(struct options, specified) },
	{ ":login_flags", offsetof(struct options, login_flags) },
	{ ":auth_type", offsetof(struct options, auth_type) },
	{ ":header_digest", offsetof(struct options, header_digest) },
	{ ":data_digest", offsetof(struct options, data_digest) },
	{ ":max_connections", offsetof(struct options, max_connections) },
	{ ":time2wait", offsetof(struct options, time2wait) },
	{ ":time2retain", offsetof(struct options, time2retain) },
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

int bind_options(struct store *store, sqlite3_stmt *statement, const struct options *options,
		 const struct identity *identity, struct sealed *sealed)
{
	int r = secret_seal(store, identity, options->password, options->password_len,
			    options->password_lost, sealed);

	if (r < 0)
		return r;
	bind_number(statement, ":options", options->present);
	for (int i = 0; i < NUMBERS; i++)
		bind_number(statement, numbers[i].name,
			    *(const uint32_t *)((const char *)options + numbers[i].offset));
	bind_bytes(statement, ":username", options->username, options->username_len);
	bind_sealed(statement, ":password", sealed);
	return 0;
}

void row_options(struct row *row, const struct identity *identity, struct options *ret)
{
	ret->present = row_number(row);
	for (int i = 0; i < NUMBERS; i++)
		*(uint32_t *)((char *)ret + numbers[i].offset) = (uint32_t)row_number(row);
	ret->username_len = (uint8_t)row_bytes(row, ret->username, sizeof(ret->username));
	ret->password_len = (uint8_t)row_secret(row, identity, ret->password,
						sizeof(ret->password), &ret->password_lost);
}

void bind_portal(sqlite3_stmt *statement, const struct portal *portal)
{
	bind_text(statement, ":address", portal->present ? portal->address : "");
	bind_number(statement, ":socket", portal->present ? portal->socket : 0);
	bind_text(statement, ":symbolic_name", portal->present ? portal->symbolic_name : "");
}

void row_portal(struct row *row, struct portal *ret)
{
	row_text(row, ret->address, sizeof(ret->address));
	ret->socket = (uint16_t)row_number(row);
	row_text(row, ret->symbolic_name, sizeof(ret->symbolic_name));
	ret->present = ret->address[0];
}

/* Bus and target, then target LUN and LUN here of each; the highest byte first. */
int mappings_put(const struct mappings *mappings, uint8_t *ret, size_t *ret_len)
{
	uint8_t *at = ret;

	*ret_len = 0;
	if (!mappings->present)
		return 0;
	if (mappings->count > MAPPING_LUNS_MAX)
		return -EINVAL;
	bytes_put32(at, mappings->os_bus);
	bytes_put32(at + 4, mappings->os_target);
	at += 8;
	for (uint32_t i = 0; i < mappings->count; i++, at += 12) {
		bytes_put64(at, mappings->lun[i].target_lun);
		bytes_put32(at + 8, mappings->lun[i].os_lun);
	}
	*ret_len = (size_t)(at - ret);
	return 0;
}

int row_mappings(struct row *row, struct mappings *ret)
{
	uint8_t bytes[MAPPINGS_BYTES_MAX + 1], *at = bytes + 8;
	size_t len = row_bytes(row, bytes, sizeof(bytes));
	struct mappings mappings = { .present = len > 0 };

	if (len > 0 && (len < 8 || (len - 8) % 12 || len > MAPPINGS_BYTES_MAX))
		return -EIO;
	if (len > 0) {
		mappings.os_bus = bytes_get32(bytes);
		mappings.os_target = bytes_get32(bytes + 4);
		mappings.count = (uint32_t)(len - 8) / 12;
	}
	if (mappings.count) {
		mappings.lun = calloc(mappings.count, sizeof(*mappings.lun));
		if (!mappings.lun)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < mappings.count; i++, at += 12) {
		mappings.lun[i].target_lun = bytes_get64(at);
		mappings.lun[i].os_lun = bytes_get32(at + 8);
	}
	*ret = mappings;
	return 0;
}
