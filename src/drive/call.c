/*
 * call.c - see call.h.
 */
#include "drive/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct call *call_new(struct nexus *nexus, enum call_kind kind, void *token)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->nexus = nexus;
	call->kind = kind;
	call->token = token;
	return call;
}

int call_set_options(struct call *call, const struct conn_options *options, unsigned count)
{
	call->options = calloc(count ? count : 1, sizeof(*options));
	if (!call->options)
		return -ENOMEM;
	if (count)
		memcpy(call->options, options, count * sizeof(*options));
	call->count = count;
	return 0;
}

int call_set_text(struct call *call, const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	free(call->text);
	call->text = copy;
	call->text_len = len;
	return 0;
}

int call_set_rules(struct call *call, const struct path_rule *rules, unsigned count)
{
	call->rules = calloc(count ? count : 1, sizeof(*rules));
	if (!call->rules)
		return -ENOMEM;
	if (count)
		memcpy(call->rules, rules, count * sizeof(*rules));
	call->count = count;
	return 0;
}

void call_free(struct call *call)
{
	if (!call)
		return;
	if (call->options)
		explicit_bzero(call->options, call->count * sizeof(*call->options));
	free(call->options);
	free(call->text);
	free(call->rules);
	free(call);
}

void call_return(struct call *call, const struct fault *why)
{
	call->fault = why ? *why : (struct fault){ .kind = FAULT_NONE };
	call->msg.run = nexus_call_returned;
	mailbox_post(drive_control(call->nexus->drive), &call->msg);
}
