/*
 * isns_answer.c - see isns_answer.h. All nodes, groups and portals are collected first, since a group
 * may stand anywhere; sorted by name, so that thousands are found quickly.
 */
#include "service/isns_answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/isns.h"
#include "proto/sendtargets.h"

/* A portal, or a group: then it has a name. All is lent by the bytes. */
struct place {
	const char *name;
	const uint8_t *address;
	uint32_t port, tag;
	bool tagged, bad;
};

struct node {
	const char *name; /* NULL: none that can be used */
	const char *alias;
	uint32_t type;
	size_t portals, portal_count; /* those that follow it */
};

/* A growing array. */
struct row {
	void *items;
	size_t count, room;
};

struct collected {
	struct row nodes, portals, groups;
	bool in_node; /* portals belong to the last node */
};

static void *row_add(struct row *row, size_t size)
{
	void *grown;

	if (row->count == row->room) {
		size_t room = row->room ? row->room * 2 : 64;

		grown = reallocarray(row->items, room, size);
		if (!grown)
			return NULL;
		row->items = grown;
		row->room = room;
	}
	grown = (char *)row->items + row->count++ * size;
	memset(grown, 0, size);
	return grown;
}

static struct place *last_place(const struct row *row)
{
	return row->count ? (struct place *)row->items + row->count - 1 : NULL;
}

static struct node *last_node(const struct collected *c)
{
	return c->nodes.count ? (struct node *)c->nodes.items + c->nodes.count - 1 : NULL;
}

/* ---- collecting */

static int take_name(struct collected *c, const struct isns_attr *attr)
{
	struct node *node = row_add(&c->nodes, sizeof(*node));

	if (!node)
		return -ENOMEM;
	if (isns_attr_text(attr, &node->name) == 0 && name_check_received(node->name) < 0)
		node->name = NULL;
	node->type = ISNS_TYPE_TARGET; /* what was asked for, where it is not told */
	node->portals = c->portals.count;
	c->in_node = true;
	return 0;
}

static void take_alias(struct node *node, const struct isns_attr *attr)
{
	const char *alias;

	if (node && isns_attr_text(attr, &alias) == 0 && *alias && name_check_alias(alias) == 0)
		node->alias = alias;
}

static int take_portal(struct collected *c, const struct isns_attr *attr)
{
	struct place *portal = row_add(&c->portals, sizeof(*portal));

	if (!portal)
		return -ENOMEM;
	portal->bad = isns_attr_address(attr, &portal->address) < 0;
	if (c->in_node)
		last_node(c)->portal_count++;
	return 0;
}

static int take_group(struct collected *c, const struct isns_attr *attr)
{
	const char *name;
	struct place *group;

	if (isns_attr_text(attr, &name) < 0)
		name = ""; /* of nobody */
	group = row_add(&c->groups, sizeof(*group));
	if (!group)
		return -ENOMEM;
	group->name = name;
	return 0;
}

static void take_port(struct place *place, const struct isns_attr *attr)
{
	if (place && isns_attr_number(attr, &place->port) < 0)
		place->bad = true;
}

/* Keys come before the other attributes of their object, so the last object is meant. */
static int take(struct collected *c, const struct isns_attr *attr)
{
	struct node *node = last_node(c);
	struct place *group = last_place(&c->groups);

	switch (attr->tag) {
	case ISNS_ENTITY:
		c->in_node = false;
		break;
	case ISNS_NAME:
		return take_name(c, attr);
	case ISNS_NODE_TYPE:
		if (node && isns_attr_number(attr, &node->type) < 0)
			node->name = NULL;
		break;
	case ISNS_ALIAS:
		take_alias(node, attr);
		break;
	case ISNS_PORTAL_ADDRESS:
		return take_portal(c, attr);
	case ISNS_PORTAL_PORT:
		take_port(last_place(&c->portals), attr);
		break;
	case ISNS_GROUP_NAME:
		return take_group(c, attr);
	case ISNS_GROUP_ADDRESS:
		if (group && isns_attr_address(attr, &group->address) < 0)
			group->bad = true;
		break;
	case ISNS_GROUP_PORT:
		take_port(group, attr);
		break;
	case ISNS_GROUP_TAG:
		if (group)
			group->tagged = isns_attr_number(attr, &group->tag) == 0;
		break;
	default: /* nothing that we need */
		break;
	}
	return 0;
}

/* ---- addresses */

/* IPv4 comes mapped (::ffff:a.b.c.d), from some servers compatible (::a.b.c.d); of the latter what is
 * below ::1:0 is IPv6: nothing, loopback. */
static bool is_ipv4(const uint8_t *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, zeros[12];

	return memcmp(a, mapped, 12) == 0 ||
	       (memcmp(a, zeros, 12) == 0 && bytes_get32(a + 12) > 0xffff);
}

/* None, multicast and broadcast are no portals; a link-local address without its link is none. */
static bool can_connect(const uint8_t *a, bool ipv4)
{
	static const uint8_t none[ISNS_ADDRESS_LEN];

	if (ipv4)
		return a[12] != 0 && a[12] < 224;
	return memcmp(a, none, sizeof(none)) != 0 && a[0] != 0xff && (a[0] != 0xfe || a[1] < 0x80);
}

static bool place_address(const struct place *place, struct name_address *ret)
{
	const uint8_t *a = place->address;
	bool ipv4;

	if (place->bad || !a || (place->port & ISNS_PORT_UDP) || (uint16_t)place->port == 0)
		return false;
	ipv4 = is_ipv4(a);
	if (!can_connect(a, ipv4))
		return false;
	inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? a + 12 : a, ret->host, sizeof(ret->host));
	ret->port = (uint16_t)place->port;
	ret->tag = place->tagged ? (int)(place->tag & 0xffff) : -1;
	return true;
}

static int add_address(struct target_found *found, const struct place *place)
{
	struct name_address address, *grown;

	if (found->count == SENDTARGETS_ADDRESSES_MAX || !place_address(place, &address))
		return 0;
	for (unsigned i = 0; i < found->count; i++)
		if (found->addresses[i].port == address.port &&
		    strcmp(found->addresses[i].host, address.host) == 0)
			return 0;
	grown = reallocarray(found->addresses, found->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[found->count++] = address;
	found->addresses = grown;
	return 0;
}

/* ---- targets */

/* Places in memory break ties, so that all keeps its order. */
static int compare_groups(const void *a, const void *b)
{
	const struct place *const *x = a, *const *y = b;
	int r = strcasecmp((*x)->name, (*y)->name);

	return r ? r : (*x > *y) - (*x < *y);
}

static int compare_nodes(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;
	int r = strcasecmp((*x)->name, (*y)->name);

	return r ? r : (*x > *y) - (*x < *y);
}

/* The first group of that name, in a sorted array. */
static size_t groups_find(struct place *const *groups, size_t count, const char *name)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcasecmp(groups[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int add_addresses(const struct collected *c, struct place *const *groups,
			 const struct node *node, struct target_found *found)
{
	const struct place *portals = c->portals.items;
	size_t at = groups_find(groups, c->groups.count, node->name), first = at;
	int r = 0;

	for (; r == 0 && at < c->groups.count && strcasecmp(groups[at]->name, node->name) == 0; at++)
		if (groups[at]->tagged)
			r = add_address(found, groups[at]);
	if (at != first)
		return r;
	for (size_t i = 0; r == 0 && i < node->portal_count; i++)
		r = add_address(found, &portals[node->portals + i]);
	return r;
}

static void found_name(struct target_found *found, const struct node *node)
{
	if (name_fold(node->name, found->name) < 0)
		strcpy(found->name, node->name); /* NAM-5: not of the standard's making, but a name */
	found->alias = node->alias;
}

/* A sorted array of pointers to the items; NULL: no memory. */
static void *sorted(const struct row *row, size_t size, int (*compare)(const void *, const void *))
{
	void **pointers = calloc(row->count + 1, sizeof(*pointers));

	for (size_t i = 0; pointers && i < row->count; i++)
		pointers[i] = (char *)row->items + i * size;
	if (pointers && row->count)
		qsort(pointers, row->count, sizeof(*pointers), compare);
	return pointers;
}

/* Drops nodes that are no targets, have no name, or are there before. -ENOMEM. */
static int nodes_clean(struct collected *c)
{
	struct node *all = c->nodes.items, **order;
	size_t count = 0;

	for (size_t i = 0; i < c->nodes.count; i++)
		if (all[i].name && (all[i].type & ISNS_TYPE_TARGET))
			all[count++] = all[i];
	c->nodes.count = count;
	order = sorted(&c->nodes, sizeof(*all), compare_nodes);
	if (!order)
		return -ENOMEM;
	/* From the end, so that what is compared with has its name still. */
	for (size_t i = count; i-- > 1;)
		if (strcasecmp(order[i]->name, order[i - 1]->name) == 0)
			order[i]->type = 0;
	free(order);
	return 0;
}

static int make_targets(struct collected *c, struct answer *answer, struct fault *fault)
{
	struct place **groups = sorted(&c->groups, sizeof(**groups), compare_groups);
	const struct node *nodes = c->nodes.items;
	int r = groups ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < c->nodes.count; i++) {
		if (!nodes[i].type)
			continue;
		if (answer->count == answer->room) {
			fault_set(fault, FAULT_PROTOCOL, 0, "more than %zu targets", answer->room);
			r = -EPROTO;
			break;
		}
		found_name(&answer->found[answer->count++], &nodes[i]);
		r = add_addresses(c, groups, &nodes[i], &answer->found[answer->count - 1]);
	}
	free(groups);
	return r;
}

/* ---- the whole */

int isns_answer_begin(struct bytes_reader *reader)
{
	struct isns_attr attr;
	int r;

	do
		r = isns_attr_next(reader, &attr);
	while (r > 0 && attr.tag != ISNS_DELIMITER);
	return r > 0 ? 0 : -EPROTO;
}

static int collect(struct bytes_reader *reader, struct collected *c, struct fault *fault)
{
	struct isns_attr attr;
	int r;

	while ((r = isns_attr_next(reader, &attr)) > 0) {
		r = take(c, &attr);
		if (r < 0)
			return r;
	}
	if (r < 0)
		fault_set(fault, FAULT_PROTOCOL, 0, "an attribute at byte %zu is cut", reader->at);
	return r;
}

int isns_answer_get(struct bytes_reader *reader, struct answer *ret, struct fault *fault)
{
	struct collected c = { .in_node = false };
	struct answer answer = { .room = 0 };
	int r = collect(reader, &c, fault);

	if (r == 0)
		r = nodes_clean(&c);
	if (r == 0) {
		answer.room = c.nodes.count < SENDTARGETS_TARGETS_MAX ? c.nodes.count
								      : SENDTARGETS_TARGETS_MAX;
		answer.found = calloc(answer.room + 1, sizeof(*answer.found));
		r = answer.found ? make_targets(&c, &answer, fault) : -ENOMEM;
	}
	free(c.nodes.items);
	free(c.portals.items);
	free(c.groups.items);
	if (r == 0)
		*ret = answer;
	else
		answer_done(&answer);
	return r;
}
