/*
 * vici.c - see vici.h: requests as vici's messages. Names of requests and settings are charon's
 * (strongSwan's description of the vici plugin, and swanctl.conf(5)).
 *
 * Each request is written into a room on the stack, which is wiped in any case.
 */
#include "service/vici.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "service/vici_link.h"
#include "service/vici_why.h"

struct draft {
	struct bytes_writer packet;
	uint8_t bytes[VICI_REQUEST_ROOM];
};

static void draft_begin(struct draft *draft, const char *name)
{
	bytes_writer_init(&draft->packet, draft->bytes, sizeof(draft->bytes));
	vici_begin(&draft->packet, VICI_REQUEST, name);
}

/* Returns 0 or a negative errno. The draft is gone. */
static int draft_end(struct draft *draft, struct vici_done done, struct vici_request **ret)
{
	int r = vici_request_new(&draft->packet, VICI_REQUEST, done, ret);

	secret_wipe(draft->bytes, draft->packet.len);
	return r;
}

/* ---- replies */

static void success_replied(struct vici_request *request, struct vici_bytes message)
{
	struct vici_bytes error = vici_find(message, VICI_VALUE, "errmsg");
	char text[VICI_WHY_ROOM];

	if (vici_is(vici_find(message, VICI_VALUE, "success"), "yes"))
		return;
	vici_text(error, text, sizeof(text));
	vici_why_add(request->result.why, error);
	vici_request_fail(request, -EREMOTEIO, text[0] ? text : "charon gives no reason");
}

static void log_streamed(struct vici_request *request, struct vici_bytes message)
{
	vici_why_add(request->result.why, vici_find(message, VICI_VALUE, "msg"));
}

/* Most requests are over with that. */
static int draft_send(struct vici *vici, struct draft *draft, struct vici_done done)
{
	struct vici_request *request;
	int r = draft_end(draft, done, &request);

	if (r < 0)
		return r;
	request->replied = success_replied;
	return vici_link_add(vici, request);
}

/* One for which charon takes that long, and tells how it goes. */
static int draft_send_long(struct vici *vici, struct draft *draft, unsigned milliseconds,
			   struct vici_done done)
{
	struct vici_request *request;
	int r = draft_end(draft, done, &request);

	if (r < 0)
		return r;
	request->replied = success_replied;
	request->streamed = log_streamed;
	request->usec += (uint64_t)milliseconds * 1000;
	return vici_link_add(vici, request);
}

/* ---- writing */

static void put_maybe(struct bytes_writer *packet, const char *name, const char *text)
{
	if (text)
		vici_put_text(packet, name, text);
}

static void put_texts(struct bytes_writer *packet, const char *name, const char *const *texts)
{
	if (!texts)
		return;
	vici_put_list(packet, name);
	while (*texts)
		vici_put_item(packet, *texts++);
	vici_put_list_end(packet);
}

static void put_one(struct bytes_writer *packet, const char *name, const char *text)
{
	const char *const texts[] = { text, NULL };

	if (text)
		put_texts(packet, name, texts);
}

static void put_settings(struct bytes_writer *packet, const struct vici_setting *settings)
{
	if (!settings)
		return;
	for (; settings->name; settings++)
		vici_put_text(packet, settings->name, settings->value);
}

/* ---- keys */

int vici_load_key(struct vici *vici, const struct vici_key *key, struct vici_done done)
{
	struct draft draft;

	if (key->len == 0)
		return -EINVAL;
	draft_begin(&draft, "load-shared");
	vici_put_text(&draft.packet, "id", key->id);
	vici_put_text(&draft.packet, "type", "IKE");
	vici_put(&draft.packet, "data", key->bytes, key->len);
	put_texts(&draft.packet, "owners", key->owners);
	return draft_send(vici, &draft, done);
}

int vici_unload_key(struct vici *vici, const char *id, struct vici_done done)
{
	struct draft draft;

	draft_begin(&draft, "unload-shared");
	vici_put_text(&draft.packet, "id", id);
	return draft_send(vici, &draft, done);
}

/* ---- connections */

static void put_side(struct bytes_writer *packet, const char *name, const char *id)
{
	vici_put_section(packet, name);
	vici_put_text(packet, "auth", "psk");
	put_maybe(packet, "id", id);
	vici_put_section_end(packet);
}

static void put_child(struct bytes_writer *packet, const struct vici_conn *conn)
{
	vici_put_section(packet, "children");
	vici_put_section(packet, conn->child);
	vici_put_text(packet, "mode", conn->mode == VICI_TRANSPORT ? "transport" : "tunnel");
	put_one(packet, "local_ts", conn->local_ts);
	put_one(packet, "remote_ts", conn->remote_ts);
	put_texts(packet, "esp_proposals", conn->esp_proposals);
	if (conn->reqid)
		vici_put_number(packet, "reqid", conn->reqid);
	put_settings(packet, conn->child_settings);
	vici_put_section_end(packet);
	vici_put_section_end(packet);
}

int vici_load_conn(struct vici *vici, const struct vici_conn *conn, struct vici_done done)
{
	struct draft draft;
	struct bytes_writer *packet = &draft.packet;

	if (conn->mode != VICI_TRANSPORT && conn->mode != VICI_TUNNEL)
		return -EINVAL;
	draft_begin(&draft, "load-conn");
	vici_put_section(packet, conn->name);
	vici_put_number(packet, "version", conn->version);
	vici_put_text(packet, "aggressive", conn->aggressive ? "yes" : "no");
	put_one(packet, "local_addrs", conn->local_addr);
	put_one(packet, "remote_addrs", conn->remote_addr);
	put_texts(packet, "proposals", conn->proposals);
	put_settings(packet, conn->settings);
	put_side(packet, "local", conn->local_id);
	put_side(packet, "remote", conn->remote_id);
	put_child(packet, conn);
	vici_put_section_end(packet);
	return draft_send(vici, &draft, done);
}

int vici_unload_conn(struct vici *vici, const char *name, struct vici_done done)
{
	struct draft draft;

	draft_begin(&draft, "unload-conn");
	vici_put_text(&draft.packet, "name", name);
	return draft_send(vici, &draft, done);
}

/* ---- security associations */

int vici_initiate(struct vici *vici, const char *conn, const char *child, unsigned milliseconds,
		  struct vici_done done)
{
	struct draft draft;

	if (milliseconds == 0 || milliseconds > INT32_MAX)
		return -EINVAL;
	draft_begin(&draft, "initiate");
	vici_put_text(&draft.packet, "ike", conn);
	put_maybe(&draft.packet, "child", child);
	vici_put_number(&draft.packet, "timeout", milliseconds);
	vici_put_number(&draft.packet, "loglevel", 1);
	return draft_send_long(vici, &draft, milliseconds, done);
}

static void put_which(struct bytes_writer *packet, const struct vici_which *which)
{
	put_maybe(packet, "ike", which->ike);
	put_maybe(packet, "child", which->child);
	if (which->ike_id)
		vici_put_number(packet, "ike-id", which->ike_id);
	if (which->child_id)
		vici_put_number(packet, "child-id", which->child_id);
}

static bool is_given(const struct vici_which *which)
{
	return which->ike || which->child || which->ike_id || which->child_id;
}

int vici_terminate(struct vici *vici, const struct vici_which *which, bool force,
		   unsigned milliseconds, struct vici_done done)
{
	struct draft draft;

	if (!is_given(which) || milliseconds == 0 || milliseconds > INT32_MAX)
		return -EINVAL;
	draft_begin(&draft, "terminate");
	put_which(&draft.packet, which);
	vici_put_text(&draft.packet, "force", force ? "yes" : "no");
	vici_put_number(&draft.packet, "timeout", milliseconds);
	return draft_send_long(vici, &draft, milliseconds, done);
}

int vici_rekey(struct vici *vici, const struct vici_which *which, struct vici_done done)
{
	struct draft draft;

	if (!is_given(which))
		return -EINVAL;
	draft_begin(&draft, "rekey");
	put_which(&draft.packet, which);
	return draft_send(vici, &draft, done);
}

/* ---- lists: each record stops where its request was forgotten meanwhile */

static void tell_sa(void *ctx, const struct vici_ike *ike, const struct vici_child *child)
{
	struct vici_request *request = ctx;

	if (!request->forgotten)
		request->each.sa(request->done.ctx, ike, child);
}

static void sa_streamed(struct vici_request *request, struct vici_bytes message)
{
	vici_each_sa(message, tell_sa, request);
}

int vici_list_sas(struct vici *vici, const struct vici_which *which,
		  void (*each)(void *ctx, const struct vici_ike *ike, const struct vici_child *child),
		  struct vici_done done)
{
	struct vici_request *request;
	struct draft draft;
	int r;

	draft_begin(&draft, "list-sas");
	put_which(&draft.packet, which);
	r = draft_end(&draft, done, &request);
	if (r < 0)
		return r;
	request->streamed = sa_streamed;
	request->each.sa = each;
	return vici_link_add(vici, request);
}

static void tell_conn(void *ctx, const struct vici_known_conn *conn)
{
	struct vici_request *request = ctx;

	if (!request->forgotten)
		request->each.conn(request->done.ctx, conn);
}

static void conn_streamed(struct vici_request *request, struct vici_bytes message)
{
	vici_each_conn(message, tell_conn, request);
}

int vici_list_conns(struct vici *vici, const char *name,
		    void (*each)(void *ctx, const struct vici_known_conn *conn),
		    struct vici_done done)
{
	struct vici_request *request;
	struct draft draft;
	int r;

	draft_begin(&draft, "list-conns");
	put_maybe(&draft.packet, "ike", name);
	r = draft_end(&draft, done, &request);
	if (r < 0)
		return r;
	request->streamed = conn_streamed;
	request->each.conn = each;
	return vici_link_add(vici, request);
}

static void tell_policy(void *ctx, const struct vici_policy *policy)
{
	struct vici_request *request = ctx;

	if (!request->forgotten)
		request->each.policy(request->done.ctx, policy);
}

static void policy_streamed(struct vici_request *request, struct vici_bytes message)
{
	vici_each_policy(message, tell_policy, request);
}

int vici_list_policies(struct vici *vici,
		       void (*each)(void *ctx, const struct vici_policy *policy),
		       struct vici_done done)
{
	struct vici_request *request;
	struct draft draft;
	int r;

	draft_begin(&draft, "list-policies");
	vici_put_text(&draft.packet, "drop", "yes");
	vici_put_text(&draft.packet, "pass", "yes");
	vici_put_text(&draft.packet, "trap", "yes");
	r = draft_end(&draft, done, &request);
	if (r < 0)
		return r;
	request->streamed = policy_streamed;
	request->each.policy = each;
	return vici_link_add(vici, request);
}

static void tell_names(struct vici_request *request, struct vici_bytes message, const char *list)
{
	struct vici_bytes names = vici_find(message, VICI_LIST, list);
	char text[VICI_NAME_ROOM];
	struct vici_bytes name;

	while (!request->forgotten && vici_take_item(&names, &name)) {
		vici_text(name, text, sizeof(text));
		request->each.name(request->done.ctx, text);
	}
}

static void conns_replied(struct vici_request *request, struct vici_bytes message)
{
	tell_names(request, message, "conns");
}

static void keys_replied(struct vici_request *request, struct vici_bytes message)
{
	tell_names(request, message, "keys");
}

static void plugins_replied(struct vici_request *request, struct vici_bytes message)
{
	tell_names(request, message, "plugins");
}

static int list_names(struct vici *vici, const char *name,
		      void (*replied)(struct vici_request *request, struct vici_bytes message),
		      void (*each)(void *ctx, const char *name), struct vici_done done)
{
	struct vici_request *request;
	struct draft draft;
	int r;

	draft_begin(&draft, name);
	r = draft_end(&draft, done, &request);
	if (r < 0)
		return r;
	request->replied = replied;
	request->each.name = each;
	return vici_link_add(vici, request);
}

int vici_list_conn_names(struct vici *vici, void (*each)(void *ctx, const char *name),
			 struct vici_done done)
{
	return list_names(vici, "get-conns", conns_replied, each, done);
}

int vici_list_key_ids(struct vici *vici, void (*each)(void *ctx, const char *id),
		      struct vici_done done)
{
	return list_names(vici, "get-shared", keys_replied, each, done);
}

int vici_list_plugins(struct vici *vici, void (*each)(void *ctx, const char *name),
		      struct vici_done done)
{
	return list_names(vici, "stats", plugins_replied, each, done);
}
