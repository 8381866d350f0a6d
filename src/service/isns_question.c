/*
 * isns_question.c - the question that each state of an iSNS server has; see isns.h. RFC 4171 section
 * 5.6.5: first who asks, then the message key, a delimiter, and the operating attributes.
 */
#include "service/isns.h"

#include "proto/isns.h"

/* DSC-10. The entity has our node's name: that is unique, as an entity's identifier must be. */
static void put_registration(const struct isns_server *server, struct bytes_writer *w)
{
	const char *name = server->service->node_name;

	isns_put_text(w, ISNS_NAME, name);
	isns_put_text(w, ISNS_ENTITY, name);
	isns_put_empty(w, ISNS_DELIMITER);
	isns_put_text(w, ISNS_ENTITY, name);
	isns_put_number(w, ISNS_ENTITY_PROTOCOL, ISNS_PROTOCOL_ISCSI);
	/* Our only portal is where changes are told; without, there is none. */
	if (server->scn) {
		isns_put_address(w, ISNS_PORTAL_ADDRESS, server->own);
		isns_put_number(w, ISNS_PORTAL_PORT, isns_scn_port(server->scn));
		isns_put_number(w, ISNS_SCN_PORT, isns_scn_port(server->scn) | ISNS_PORT_UDP);
	}
	isns_put_text(w, ISNS_NAME, name);
	isns_put_number(w, ISNS_NODE_TYPE, ISNS_TYPE_INITIATOR);
}

static void put_tags(struct bytes_writer *w, const unsigned *tags, size_t count)
{
	for (size_t i = 0; i < count; i++)
		isns_put_empty(w, tags[i]);
}

static void put_farewell(const struct isns_server *server, struct bytes_writer *w)
{
	isns_put_text(w, ISNS_NAME, server->registered_as);
	isns_put_empty(w, ISNS_DELIMITER);
	isns_put_text(w, ISNS_ENTITY, server->registered_as);
}

unsigned isns_question_put(const struct isns_server *server, struct bytes_writer *w)
{
	static const unsigned all[] = {
		ISNS_NAME, ISNS_NODE_TYPE, ISNS_ALIAS, ISNS_PORTAL_ADDRESS, ISNS_PORTAL_PORT,
		ISNS_GROUP_NAME, ISNS_GROUP_ADDRESS, ISNS_GROUP_PORT, ISNS_GROUP_TAG,
	};
	const char *name = server->service->node_name;

	switch (server->state) {
	case ISNS_UNNAMING:
	case ISNS_LEAVING:
		put_farewell(server, w);
		return ISNS_DEREGISTER;
	case ISNS_REGISTERING:
		put_registration(server, w);
		return ISNS_REGISTER;
	case ISNS_SUBSCRIBING:
		isns_put_text(w, ISNS_NAME, name);
		isns_put_text(w, ISNS_NAME, name);
		isns_put_empty(w, ISNS_DELIMITER);
		isns_put_number(w, ISNS_SCN_BITMAP, ISNS_SCN_WANTED);
		return ISNS_REGISTER_SCN;
	case ISNS_QUERYING:
		isns_put_text(w, ISNS_NAME, name);
		isns_put_number(w, ISNS_NODE_TYPE, ISNS_TYPE_TARGET);
		isns_put_empty(w, ISNS_DELIMITER);
		put_tags(w, all, sizeof(all) / sizeof(all[0]));
		return ISNS_QUERY;
	case ISNS_CHANGING:
		isns_put_text(w, ISNS_NAME, name);
		isns_put_text(w, ISNS_NAME, server->asked_name);
		isns_put_empty(w, ISNS_DELIMITER);
		put_tags(w, all, sizeof(all) / sizeof(all[0]));
		return ISNS_QUERY;
	case ISNS_WALKING:
		isns_put_text(w, ISNS_NAME, name);
		if (*server->asked_name)
			isns_put_text(w, ISNS_NAME, server->asked_name);
		else
			isns_put_empty(w, ISNS_NAME);
		isns_put_empty(w, ISNS_DELIMITER);
		put_tags(w, all, 3);
		return ISNS_GET_NEXT;
	case ISNS_LOOKING:
		isns_put_text(w, ISNS_NAME, name);
		isns_put_text(w, ISNS_NAME, server->asked_name);
		isns_put_empty(w, ISNS_DELIMITER);
		put_tags(w, all + 3, 6);
		return ISNS_QUERY;
	case ISNS_RESTING:
	case ISNS_CONNECTING:
	case ISNS_READY:
	case ISNS_DEPARTING:
		break;
	}
	return 0;
}
