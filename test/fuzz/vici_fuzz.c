/*
 * vici_fuzz.c - a packet as charon, or whoever sits on its socket, could send it; walked, and read as
 * everything that it could be. The first byte is its type, as on the wire.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "fuzz.h"
#include "proto/vici.h"
#include "service/vici_selector.h"
#include "service/vici_why.h"

/* A text inside its room, of printable characters. */
static void text_check(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	fuzz_need(len < room);
	for (size_t i = 0; i < len; i++)
		fuzz_need(text[i] >= ' ' && text[i] <= '~');
}

static void selectors_check(const struct vici_selectors *s)
{
	const struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001) };
	const struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr.s6_addr[15] = 1 };

	for (unsigned i = 0; i < s->count && i < VICI_SELECTORS_MAX; i++) {
		text_check(s->text[i], VICI_SELECTOR_ROOM);
		vici_selector_covers(s->text[i], (const struct sockaddr *)&four, 3260, true);
		vici_selector_covers(s->text[i], (const struct sockaddr *)&six, 0, false);
	}
}

static void ike_check(const struct vici_ike *ike)
{
	text_check(ike->name, sizeof(ike->name));
	text_check(ike->remote_id, sizeof(ike->remote_id));
	text_check(ike->algorithms.dh, sizeof(ike->algorithms.dh));
	fuzz_need(ike->version <= 2);
}

static void child_check(const struct vici_child *child)
{
	text_check(child->name, sizeof(child->name));
	text_check(child->state, sizeof(child->state));
	selectors_check(&child->local_ts);
	selectors_check(&child->remote_ts);
}

static void each_sa(void *ctx, const struct vici_ike *ike, const struct vici_child *child)
{
	(void)ctx;
	ike_check(ike);
	if (child)
		child_check(child);
}

static void each_conn(void *ctx, const struct vici_known_conn *conn)
{
	(void)ctx;
	text_check(conn->name, sizeof(conn->name));
	text_check(conn->child, sizeof(conn->child));
	selectors_check(&conn->remote_addrs);
	selectors_check(&conn->remote_ts);
}

static void each_policy(void *ctx, const struct vici_policy *policy)
{
	(void)ctx;
	text_check(policy->ike, sizeof(policy->ike));
	selectors_check(&policy->remote_ts);
}

static void each_event(void *ctx, const struct vici_event *event)
{
	(void)ctx;
	ike_check(event->ike);
	fuzz_need((event->kind == VICI_IKE_UPDOWN) == !event->child);
	if (event->child)
		child_check(event->child);
}

/* Everything in it is found again, and lies within. */
static void walk(struct vici_bytes message)
{
	struct vici_cursor cursor;
	struct vici_item item;
	char name[VICI_NAME_ROOM];
	int r;

	vici_walk(&cursor, message);
	while ((r = vici_next(&cursor, &item)) > 0) {
		fuzz_need(item.name.len <= VICI_NAME_MAX && item.value.len <= VICI_VALUE_MAX);
		if (item.value.len)
			fuzz_need(item.value.data > message.data &&
				  item.value.data + item.value.len <= message.data + message.len);
		fuzz_need(cursor.depth <= VICI_DEPTH_MAX);
		vici_text(item.name, name, sizeof(name));
		vici_number(item.value);
		vici_hex(item.value);
	}
	fuzz_need(r == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[VICI_WHY_ROOM] = "";
	struct vici_packet packet;

	if (vici_packet_get(data, size, &packet) < 0)
		return 0;
	walk(packet.message);
	vici_each_sa(packet.message, each_sa, NULL);
	vici_each_conn(packet.message, each_conn, NULL);
	vici_each_policy(packet.message, each_policy, NULL);
	vici_each_event(packet.name, packet.message, each_event, NULL);
	vici_why_add(why, vici_find(packet.message, VICI_VALUE, "msg"));
	text_check(why, sizeof(why));
	return 0;
}
