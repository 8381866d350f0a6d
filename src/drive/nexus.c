/*
 * nexus.c - the side of a nexus on the control thread: calls go out, results and listings come in.
 */
#include "drive/nexus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drive/call.h"
#include "drive/mirror.h"
#include "drive/note.h"
#include "drive/question.h"

int nexus_new(struct drive *drive, const struct session_config *config, const struct nexus_ops *ops,
	      void *ctx, struct nexus **ret)
{
	struct nexus *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	r = note_reserve(n);
	if (r == 0)
		r = session_new(config, &n->session);
	if (r < 0) {
		note_unreserve(n);
		free(n);
		return r;
	}
	n->drive = drive;
	n->ops = *ops;
	n->ctx = ctx;
	n->policy = PATH_ROUND_ROBIN;
	paths_init(&n->paths, n->policy);
	n->home_index = drive_next_home(drive);
	n->home = drive_loop(drive, n->home_index);
	list_init(&n->mirrors);
	list_init(&n->links);
	list_init(&n->open_calls);
	list_init(&n->held);
	list_init(&n->adrift);
	*ret = n;
	return 0;
}

bool nexus_is_up(const struct nexus *n)
{
	return n->up;
}

struct loop *nexus_home(const struct nexus *n)
{
	return n->home;
}

enum path_policy nexus_policy(const struct nexus *n)
{
	return n->policy;
}

void nexus_conn_get(const struct nexus *n, const struct mirror *mirror, struct nexus_conn *ret)
{
	mirror_get(&n->mirrors, mirror, ret);
	for (unsigned i = 0; i < n->rules; i++) {
		if (n->rule[i].id != ret->id)
			continue;
		ret->weight = n->rule[i].weight;
		ret->primary = n->rule[i].primary;
	}
}

unsigned nexus_conns(struct nexus *n, struct nexus_conn *ret, unsigned max)
{
	unsigned count = 0;

	list_for_each(item, &n->mirrors) {
		struct mirror *mirror = list_entry(item, struct mirror, link);

		if (!mirror->listed)
			continue;
		if (count < max)
			nexus_conn_get(n, mirror, &ret[count]);
		count++;
	}
	return count;
}

void nexus_submit(struct nexus *n, struct io *io)
{
	io->nexus = n;
	io->task.outcome = TASK_COMPLETE; /* a new one, whatever became of it before */
	if (loop_current() == n->home)
		home_submit(n, io);
	else
		home_post_io(n, io);
}

/* ---------------------------------------------------------------- calls */

static void nexus_send(struct nexus *n, struct call *call)
{
	n->calls++;
	call->msg.run = home_call;
	mailbox_post(loop_box(n->home), &call->msg);
}

static void nexus_refuse(struct nexus *n, void *token, enum fault_kind kind, const char *text)
{
	struct fault why;

	fault_set(&why, kind, 0, "%s", text);
	n->ops.answer(n->ctx, token, &why, NULL);
}

void nexus_add_conn(struct nexus *n, const struct conn_options *options, void *token)
{
	struct call *call = call_new(n, CALL_ADD, token);
	bool known = mirror_find(&n->mirrors, options->id) != NULL;

	if (!call || call_set_options(call, options, 1) < 0)
		goto fail;
	call->id = options->id;
	/* An id that is taken is the session's to refuse. */
	if (!known && !mirror_new(&n->mirrors, options))
		goto fail;
	call->mirrored = !known;
	nexus_send(n, call);
	return;

fail:
	call_free(call);
	nexus_refuse(n, token, FAULT_NO_MEMORY, "no memory for a connection");
}

void nexus_remove_conn(struct nexus *n, uint64_t conn_id, void *token)
{
	struct call *call = call_new(n, CALL_REMOVE, token);

	if (!call) {
		nexus_refuse(n, token, FAULT_NO_MEMORY, "no memory");
		return;
	}
	call->id = conn_id;
	nexus_send(n, call);
}

void nexus_logout(struct nexus *n, void *token)
{
	struct call *call = call_new(n, CALL_LOGOUT, token);

	if (call)
		nexus_send(n, call);
	else
		nexus_refuse(n, token, FAULT_NO_MEMORY, "no memory");
}

void nexus_text(struct nexus *n, const char *text, size_t len, void *token)
{
	struct call *call = call_new(n, CALL_TEXT, token);
	struct fault why;

	if (call && call_set_text(call, text, len) == 0) {
		nexus_send(n, call);
		return;
	}
	call_free(call);
	fault_set(&why, FAULT_NO_MEMORY, 0, "no memory");
	n->ops.text(n->ctx, token, &why, NULL, 0);
}

void nexus_set_portals(struct nexus *n, const struct conn_options *portals, unsigned count)
{
	struct call *call = call_new(n, CALL_PORTALS, NULL);

	if (call && call_set_options(call, portals, count) == 0)
		nexus_send(n, call);
	else
		call_free(call);
}

void nexus_set_habits(struct nexus *n, const struct session_habits *habits)
{
	struct call *call = call_new(n, CALL_HABITS, NULL);

	if (!call)
		return;
	call->habits = *habits;
	nexus_send(n, call);
}

int nexus_set_policy(struct nexus *n, enum path_policy policy, const struct path_rule *rules,
		     unsigned count)
{
	struct call *call;

	if (count > ENGINE_MAX_CONNS)
		return -EINVAL;
	call = call_new(n, CALL_POLICY, NULL);
	if (!call || call_set_rules(call, rules, count) < 0) {
		call_free(call);
		return -ENOMEM;
	}
	call->policy = n->policy = policy;
	if (count)
		memcpy(n->rule, rules, count * sizeof(*rules));
	n->rules = count;
	nexus_send(n, call);
	return 0;
}

void nexus_manage(struct nexus *n, uint64_t conn_id, uint8_t function, uint64_t lun, void *token)
{
	struct call *call = call_new(n, CALL_MANAGE, token);
	struct fault why;

	if (!call) {
		fault_set(&why, FAULT_NO_MEMORY, 0, "no memory");
		n->ops.managed(n->ctx, token, &why, 0);
		return;
	}
	call->id = conn_id;
	call->management = (struct management){ .function = function, .lun = lun };
	nexus_send(n, call);
}

static void nexus_free(struct nexus *n)
{
	struct list *item;

	while ((item = list_pop(&n->mirrors)))
		free(list_entry(item, struct mirror, link));
	note_unreserve(n);
	free(n);
}

/* True if home dealt with all commands when over_msg was last sent out, and none was given
 * since. */
static bool nexus_is_quiet(const struct nexus *n)
{
	return n->quiet && atomic_load(&n->given) == n->quiet_at;
}

/* The end: home is done, and no call is under way. Commands given meanwhile were answered by home,
 * but those answers may still lie in its mailbox or in ours: over_msg takes a turn through both,
 * behind them. */
static void nexus_try_end(struct nexus *n)
{
	struct nexus_ops ops = n->ops;
	void *ctx = n->ctx;

	if (!n->over_told || n->calls)
		return;
	if (!nexus_is_quiet(n)) {
		n->quiet_at = atomic_load(&n->given);
		n->quiet = atomic_load(&n->taken) == n->quiet_at;
		n->over_told = false;
		n->over_msg.run = home_look_again;
		mailbox_post(loop_box(n->home), &n->over_msg);
		return;
	}
	nexus_free(n);
	ops.ended(ctx);
}

void nexus_over(struct msg *msg)
{
	struct nexus *n = list_entry(msg, struct nexus, over_msg);

	n->over_told = true;
	n->up = false;
	nexus_try_end(n);
}

static void nexus_added(struct nexus *n, struct call *call)
{
	struct mirror *mirror = mirror_find(&n->mirrors, call->id);
	struct nexus_conn conn;

	if (call->fault.kind != FAULT_NONE) {
		if (call->mirrored && mirror && !mirror->listed)
			mirror_free(mirror);
		n->ops.answer(n->ctx, call->token, &call->fault, NULL);
		return;
	}
	if (mirror)
		nexus_conn_get(n, mirror, &conn);
	n->ops.answer(n->ctx, call->token, &call->fault, mirror ? &conn : NULL);
}

void nexus_call_returned(struct msg *msg)
{
	struct call *call = list_entry(msg, struct call, msg);
	struct nexus *n = call->nexus;
	bool good = call->fault.kind == FAULT_NONE;

	switch (call->kind) {
	case CALL_ADD:
		nexus_added(n, call);
		break;
	case CALL_REMOVE:
	case CALL_LOGOUT:
		n->ops.answer(n->ctx, call->token, &call->fault, NULL);
		break;
	case CALL_TEXT:
		n->ops.text(n->ctx, call->token, &call->fault, good ? call->text : NULL,
			    good ? call->text_len : 0);
		break;
	case CALL_MANAGE:
		n->ops.managed(n->ctx, call->token, &call->fault, call->management.response);
		break;
	case CALL_PORTALS:
	case CALL_HABITS:
	case CALL_POLICY:
		break;
	}
	call_free(call);
	n->calls--;
	nexus_try_end(n);
}

/* ---------------------------------------------------------------- news */

void nexus_link_joined(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, joined_msg);
	struct nexus *n = link->nexus;
	struct mirror *mirror = mirror_find(&n->mirrors, link->id);
	struct fault none = { .kind = FAULT_NONE };
	struct nexus_conn conn;

	if (!mirror || !mirror_joined(mirror, link))
		return;
	nexus_conn_get(n, mirror, &conn);
	n->ops.conn(n->ctx, &conn, true, &none);
}

void nexus_conn_left(struct nexus *n, uint64_t id, bool returning, const struct fault *why)
{
	struct mirror *mirror = mirror_find(&n->mirrors, id);
	struct nexus_conn conn;

	if (!mirror)
		return;
	mirror->conn.up = mirror->conn.doubted = false;
	nexus_conn_get(n, mirror, &conn);
	if (!returning)
		mirror_free(mirror);
	if (why->kind != FAULT_NONE)
		n->ops.conn(n->ctx, &conn, false, why);
}

void nexus_link_left(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, left_msg);

	nexus_conn_left(link->nexus, link->id, link->returning, &link->left);
}

void nexus_link_retired(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, end_msg);
	struct mirror *mirror = mirror_find(&link->nexus->mirrors, link->id);

	if (mirror && mirror->carrier == link)
		mirror_retire(mirror);
	question_forget(link);
	link_release(link);
}

void nexus_state_changed(struct nexus *n, enum session_event_kind kind, const struct fault *why,
			 uint64_t pause_ns)
{
	n->up = kind == SESSION_EVENT_UP;
	n->ops.state(n->ctx, kind, why, pause_ns);
}
