/*
 * vici_sa.c - see vici_sa.h. Tables say which value goes where; a record is filled in one walk over its
 * section.
 */
#include "service/vici_sa.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum field_kind { TEXT, NUMBER16, NUMBER32, NUMBER64, HEX32, YES, MODE, VERSION };

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset, room;         /* room: of a text */
};

#define TEXT_FIELD(of, name, member) \
	{ name, TEXT, offsetof(struct of, member), sizeof(((struct of *)0)->member) }
#define FIELD(of, name, kind, member) { name, kind, offsetof(struct of, member), 0 }
#define ALGORITHM_FIELDS(of) \
	TEXT_FIELD(of, "encr-alg", algorithms.encr), \
	TEXT_FIELD(of, "integ-alg", algorithms.integ), \
	TEXT_FIELD(of, "prf-alg", algorithms.prf), \
	TEXT_FIELD(of, "dh-group", algorithms.dh), \
	FIELD(of, "encr-keysize", NUMBER32, algorithms.encr_bits), \
	FIELD(of, "integ-keysize", NUMBER32, algorithms.integ_bits)

static const struct field ike_fields[] = {
	FIELD(vici_ike, "uniqueid", NUMBER32, id),
	FIELD(vici_ike, "version", VERSION, version),
	TEXT_FIELD(vici_ike, "state", state),
	FIELD(vici_ike, "initiator", YES, initiator),
	TEXT_FIELD(vici_ike, "local-host", local_host),
	TEXT_FIELD(vici_ike, "remote-host", remote_host),
	FIELD(vici_ike, "local-port", NUMBER16, local_port),
	FIELD(vici_ike, "remote-port", NUMBER16, remote_port),
	TEXT_FIELD(vici_ike, "local-id", local_id),
	TEXT_FIELD(vici_ike, "remote-id", remote_id),
	FIELD(vici_ike, "nat-any", YES, nat),
	ALGORITHM_FIELDS(vici_ike),
	FIELD(vici_ike, "established", NUMBER64, established),
	FIELD(vici_ike, "rekey-time", NUMBER64, rekey_time),
	FIELD(vici_ike, "reauth-time", NUMBER64, reauth_time),
	{ NULL, TEXT, 0, 0 },
};

static const struct field child_fields[] = {
	TEXT_FIELD(vici_child, "name", name),
	FIELD(vici_child, "uniqueid", NUMBER32, id),
	FIELD(vici_child, "reqid", NUMBER32, reqid),
	TEXT_FIELD(vici_child, "state", state),
	FIELD(vici_child, "mode", MODE, mode),
	TEXT_FIELD(vici_child, "protocol", protocol),
	FIELD(vici_child, "encap", YES, encap),
	FIELD(vici_child, "spi-in", HEX32, spi_in),
	FIELD(vici_child, "spi-out", HEX32, spi_out),
	ALGORITHM_FIELDS(vici_child),
	FIELD(vici_child, "esn", YES, esn),
	FIELD(vici_child, "bytes-in", NUMBER64, bytes_in),
	FIELD(vici_child, "bytes-out", NUMBER64, bytes_out),
	FIELD(vici_child, "packets-in", NUMBER64, packets_in),
	FIELD(vici_child, "packets-out", NUMBER64, packets_out),
	FIELD(vici_child, "install-time", NUMBER64, install_time),
	FIELD(vici_child, "rekey-time", NUMBER64, rekey_time),
	FIELD(vici_child, "life-time", NUMBER64, life_time),
	{ NULL, TEXT, 0, 0 },
};

static const struct field policy_fields[] = {
	TEXT_FIELD(vici_policy, "ike", ike),
	TEXT_FIELD(vici_policy, "child", child),
	FIELD(vici_policy, "mode", MODE, mode),
	{ NULL, TEXT, 0, 0 },
};

static enum vici_mode mode_get(struct vici_bytes value)
{
	static const char *const modes[] = {
		[VICI_TRANSPORT] = "TRANSPORT", [VICI_TUNNEL] = "TUNNEL", [VICI_DROP] = "DROP",
		[VICI_PASS] = "PASS",
	};
	char word[VICI_WORD_ROOM];

	vici_text(value, word, sizeof(word));
	for (enum vici_mode mode = VICI_TRANSPORT; mode <= VICI_PASS; mode++)
		if (strcasecmp(word, modes[mode]) == 0)
			return mode;
	return VICI_MODE_OTHER;
}

/* 0 for a number that is too large. */
static uint64_t within(uint64_t value, uint64_t max)
{
	return value <= max ? value : 0;
}

static void field_set(const struct field *field, struct vici_bytes value, void *record)
{
	void *member = (char *)record + field->offset;

	switch (field->kind) {
	case TEXT:
		vici_text(value, member, field->room);
		break;
	case NUMBER16:
		*(uint16_t *)member = (uint16_t)within(vici_number(value), UINT16_MAX);
		break;
	case NUMBER32:
		*(uint32_t *)member = (uint32_t)within(vici_number(value), UINT32_MAX);
		break;
	case NUMBER64:
		*(uint64_t *)member = vici_number(value);
		break;
	case HEX32:
		*(uint32_t *)member = (uint32_t)within(vici_hex(value), UINT32_MAX);
		break;
	case YES:
		*(bool *)member = vici_is(value, "yes") || vici_is(value, "1");
		break;
	case MODE:
		*(enum vici_mode *)member = mode_get(value);
		break;
	case VERSION:
		*(unsigned *)member = (unsigned)within(vici_number(value), 2);
		break;
	}
}

/* The values of a section; what is inside it is passed over. */
static void fields_get(const struct field *fields, struct vici_bytes section, void *record)
{
	struct vici_cursor cursor;
	struct vici_item item;

	vici_walk(&cursor, section);
	while (vici_next(&cursor, &item) > 0 && vici_skip(&cursor, &item) == 0) {
		const struct field *field = fields;

		if (item.element != VICI_VALUE)
			continue;
		while (field->name && !vici_is(item.name, field->name))
			field++;
		if (field->name)
			field_set(field, item.value, record);
	}
}

static void selectors_get(struct vici_bytes section, const char *name, struct vici_selectors *ret)
{
	struct vici_bytes list = vici_find(section, VICI_LIST, name);
	struct vici_bytes item;

	ret->count = 0;
	while (vici_take_item(&list, &item)) {
		if (ret->count < VICI_SELECTORS_MAX)
			vici_text(item, ret->text[ret->count], VICI_SELECTOR_ROOM);
		ret->count++;
	}
}

/* The next section of a message. False: there is no more. */
static bool section_next(struct vici_cursor *cursor, struct vici_item *ret,
			 struct vici_bytes *ret_inside)
{
	while (vici_next(cursor, ret) > 0) {
		if (ret->element == VICI_SECTION) {
			*ret_inside = vici_inside(cursor, ret);
			return true;
		}
		if (vici_skip(cursor, ret) < 0)
			break;
	}
	return false;
}

static void ike_get(struct vici_bytes name, struct vici_bytes section, struct vici_ike *ret)
{
	memset(ret, 0, sizeof(*ret));
	vici_text(name, ret->name, sizeof(ret->name));
	fields_get(ike_fields, section, ret);
}

static void child_get(struct vici_bytes section, struct vici_child *ret)
{
	memset(ret, 0, sizeof(*ret));
	fields_get(child_fields, section, ret);
	selectors_get(section, "local-ts", &ret->local_ts);
	selectors_get(section, "remote-ts", &ret->remote_ts);
}

void vici_each_sa(struct vici_bytes message,
		  void (*each)(void *ctx, const struct vici_ike *ike, const struct vici_child *child),
		  void *ctx)
{
	struct vici_cursor ikes, children;
	struct vici_item item;
	struct vici_bytes inside;
	struct vici_child child;
	struct vici_ike ike;

	vici_walk(&ikes, message);
	while (section_next(&ikes, &item, &inside)) {
		bool any = false;

		ike_get(item.name, inside, &ike);
		vici_walk(&children, vici_find(inside, VICI_SECTION, "child-sas"));
		while (section_next(&children, &item, &inside)) {
			child_get(inside, &child);
			each(ctx, &ike, &child);
			any = true;
		}
		if (!any)
			each(ctx, &ike, NULL);
	}
}

static void known_child_get(struct vici_bytes name, struct vici_bytes section,
			    struct vici_known_conn *ret)
{
	vici_text(name, ret->child, sizeof(ret->child));
	ret->mode = mode_get(vici_find(section, VICI_VALUE, "mode"));
	selectors_get(section, "local-ts", &ret->local_ts);
	selectors_get(section, "remote-ts", &ret->remote_ts);
}

void vici_each_conn(struct vici_bytes message,
		    void (*each)(void *ctx, const struct vici_known_conn *conn), void *ctx)
{
	struct vici_cursor conns, children;
	struct vici_item item;
	struct vici_bytes inside;
	struct vici_known_conn conn;

	vici_walk(&conns, message);
	while (section_next(&conns, &item, &inside)) {
		bool any = false;

		memset(&conn, 0, sizeof(conn));
		vici_text(item.name, conn.name, sizeof(conn.name));
		vici_text(vici_find(inside, VICI_VALUE, "version"), conn.version, sizeof(conn.version));
		selectors_get(inside, "local_addrs", &conn.local_addrs);
		selectors_get(inside, "remote_addrs", &conn.remote_addrs);
		vici_walk(&children, vici_find(inside, VICI_SECTION, "children"));
		while (section_next(&children, &item, &inside)) {
			known_child_get(item.name, inside, &conn);
			each(ctx, &conn);
			any = true;
		}
		if (!any)
			each(ctx, &conn);
	}
}

void vici_each_policy(struct vici_bytes message,
		      void (*each)(void *ctx, const struct vici_policy *policy), void *ctx)
{
	struct vici_cursor cursor;
	struct vici_item item;
	struct vici_bytes inside;
	struct vici_policy policy;

	vici_walk(&cursor, message);
	while (section_next(&cursor, &item, &inside)) {
		memset(&policy, 0, sizeof(policy));
		fields_get(policy_fields, inside, &policy);
		selectors_get(inside, "local-ts", &policy.local_ts);
		selectors_get(inside, "remote-ts", &policy.remote_ts);
		each(ctx, &policy);
	}
}

/* ---- events */

struct telling {
	struct vici_event event;
	void (*each)(void *ctx, const struct vici_event *event);
	void *ctx;
};

static void tell_updown(void *ctx, const struct vici_ike *ike, const struct vici_child *child)
{
	struct telling *telling = ctx;

	/* A child's event without a child says nothing. */
	if ((telling->event.kind == VICI_IKE_UPDOWN) != !child)
		return;
	telling->event.ike = ike;
	telling->event.child = child;
	telling->each(telling->ctx, &telling->event);
}

static void tell_rekeys(struct telling *telling, struct vici_bytes message)
{
	struct vici_cursor ikes, children;
	struct vici_item item;
	struct vici_bytes inside;
	struct vici_child child;
	struct vici_ike ike;

	vici_walk(&ikes, message);
	while (section_next(&ikes, &item, &inside)) {
		ike_get(item.name, inside, &ike);
		vici_walk(&children, vici_find(inside, VICI_SECTION, "child-sas"));
		while (section_next(&children, &item, &inside)) {
			child_get(vici_find(inside, VICI_SECTION, "old"), &child);
			telling->event.old_id = child.id;
			child_get(vici_find(inside, VICI_SECTION, "new"), &child);
			telling->event.ike = &ike;
			telling->event.child = &child;
			telling->each(telling->ctx, &telling->event);
		}
	}
}

const char *vici_event_name(enum vici_event_kind kind)
{
	static const char *const names[VICI_EVENT_KINDS] = {
		[VICI_IKE_UPDOWN] = "ike-updown",
		[VICI_CHILD_UPDOWN] = "child-updown",
		[VICI_CHILD_REKEY] = "child-rekey",
	};

	return names[kind];
}

void vici_each_event(struct vici_bytes name, struct vici_bytes message,
		     void (*each)(void *ctx, const struct vici_event *event), void *ctx)
{
	struct telling telling = { .each = each, .ctx = ctx };
	enum vici_event_kind kind = VICI_IKE_UPDOWN;

	while (kind < VICI_EVENT_KINDS && !vici_is(name, vici_event_name(kind)))
		kind++;
	if (kind == VICI_EVENT_KINDS)
		return;
	telling.event.kind = kind;
	telling.event.up = vici_is(vici_find(message, VICI_VALUE, "up"), "yes");
	if (kind == VICI_CHILD_REKEY)
		tell_rekeys(&telling, message);
	else
		vici_each_sa(message, tell_updown, &telling);
}
