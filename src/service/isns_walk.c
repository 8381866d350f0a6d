/*
 * isns_walk.c - what is gathered where a server can't tell of all its nodes at once; see isns.h.
 */
#include "service/isns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/isns.h"

int isns_walk_add(struct isns_server *server, const struct bytes_reader *attributes)
{
	size_t len = bytes_left(attributes), room = server->walked_room;
	uint8_t *grown = server->walked;

	if (server->walked_len + len > ISNS_LINK_MESSAGE_MAX)
		return -EMSGSIZE;
	if (room - server->walked_len < len) {
		room = 2 * (server->walked_len + len);
		grown = realloc(server->walked, room);
		if (!grown)
			return -ENOMEM;
		server->walked = grown;
		server->walked_room = room;
	}
	if (len)
		memcpy(grown + server->walked_len, attributes->data + attributes->at, len);
	server->walked_len += len;
	return 0;
}

int isns_walk_step(struct isns_server *server, struct bytes_reader attributes)
{
	uint32_t type = ISNS_TYPE_TARGET;
	struct isns_attr attr;
	const char *name = NULL;
	int r;

	while ((r = isns_attr_next(&attributes, &attr)) > 0) {
		if (attr.tag == ISNS_NAME && isns_attr_text(&attr, &name) < 0)
			return -EPROTO;
		if (attr.tag == ISNS_NODE_TYPE && isns_attr_number(&attr, &type) < 0)
			return -EPROTO;
	}
	if (r < 0 || !name || !*name || strlen(name) > NAME_MAX_LEN)
		return -EPROTO;
	strcpy(server->asked_name, name);
	return type & ISNS_TYPE_TARGET;
}

void isns_walk_end(struct isns_server *server)
{
	free(server->walked);
	server->walked = NULL;
	server->walked_len = server->walked_room = 0;
	server->walk_count = 0;
	server->asked_name[0] = 0;
}
