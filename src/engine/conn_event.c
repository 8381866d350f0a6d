/*
 * conn_event.c - what a connection has to tell, in the order in which it is told. Events are flags
 * and lists of the connection, so there is always room for them.
 */
#include "engine/conn.h"

#include <stdlib.h>

int conn_add_async(struct conn *c, const struct conn_async *async)
{
	struct conn_async_item *item;

	if (c->asyncs == CONN_ASYNCS)
		return conn_fail(c, FAULT_PROTOCOL, 0, "a storm of asynchronous messages");
	item = malloc(sizeof(*item));
	if (!item)
		return conn_fail(c, FAULT_NO_MEMORY, 0, "no memory for an asynchronous message");
	item->async = *async;
	list_append(&c->async, &item->link);
	c->asyncs++;
	return 0;
}

static void pull_async(struct conn *c, struct conn_async *ret)
{
	struct conn_async_item *item = list_entry(list_pop(&c->async), struct conn_async_item, link);

	*ret = item->async;
	c->asyncs--;
	free(item);
}

void conn_drop_asyncs(struct conn *c)
{
	struct conn_async dropped;

	while (c->asyncs)
		pull_async(c, &dropped);
}

static bool take_flag(bool *flag)
{
	bool was = *flag;

	*flag = false;
	return was;
}

static bool wakes(struct conn *c)
{
	c->ev_wake |= tags_return(&c->shared->tags, &c->hand);
	return c->ev_wake;
}

static enum conn_event_kind next_kind(struct conn *c)
{
	if (take_flag(&c->ev_open))
		return CONN_EVENT_OPEN;
	if (take_flag(&c->ev_up))
		return CONN_EVENT_UP;
	if (take_flag(&c->ev_verify))
		return CONN_EVENT_VERIFY;
	if (c->asyncs)
		return CONN_EVENT_ASYNC;
	if (!list_empty(&c->done))
		return CONN_EVENT_TASK;
	if (!list_empty(&c->managed))
		return CONN_EVENT_MANAGED;
	if (take_flag(&c->ev_cleaned))
		return CONN_EVENT_CLEANED;
	if (take_flag(&c->ev_text))
		return CONN_EVENT_TEXT;
	if (take_flag(&c->ev_trust))
		return CONN_EVENT_TRUST;
	if (take_flag(&c->ev_doubt))
		return CONN_EVENT_DOUBT;
	if (wakes(c))
		return CONN_EVENT_WAKE;
	if (take_flag(&c->ev_end))
		return CONN_EVENT_END;
	return CONN_EVENT_NONE;
}

bool conn_next_event(struct conn *c, struct conn_event *ret)
{
	ret->kind = next_kind(c);
	switch (ret->kind) {
	case CONN_EVENT_NONE:
		return false;
	case CONN_EVENT_OPEN:
	case CONN_EVENT_TRUST:
		break;
	case CONN_EVENT_UP:
		ret->up = c->up;
		break;
	case CONN_EVENT_VERIFY:
		login_question(c->login, &ret->question);
		break;
	case CONN_EVENT_ASYNC:
		pull_async(c, &ret->async);
		break;
	case CONN_EVENT_TASK:
		ret->task = list_entry(list_pop(&c->done), struct task, link);
		break;
	case CONN_EVENT_MANAGED:
		ret->management = list_entry(list_pop(&c->managed), struct management, link);
		break;
	case CONN_EVENT_CLEANED:
		ret->cleaned = c->cleaned;
		break;
	case CONN_EVENT_DOUBT:
		ret->silence = c->doubt_at - (c->heard > c->asked_at ? c->heard : c->asked_at);
		break;
	case CONN_EVENT_TEXT:
		text_op_event(c, ret);
		break;
	case CONN_EVENT_WAKE:
		ret->wake = c->ev_wake;
		c->ev_wake = 0;
		break;
	case CONN_EVENT_END:
		ret->fault = c->fault;
		break;
	}
	return true;
}
