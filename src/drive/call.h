/*
 * call.h - a call of the control thread on its way: to home, perhaps to a link, and back.
 */
#ifndef ISCSIDSC_DRIVE_CALL_H
#define ISCSIDSC_DRIVE_CALL_H

#include "drive/nexus.h"

enum call_kind {
	CALL_ADD, CALL_REMOVE, CALL_LOGOUT, CALL_TEXT, CALL_PORTALS, CALL_HABITS, CALL_POLICY,
	CALL_MANAGE,
};

struct call {
	struct msg msg;
	struct nexus *nexus;
	struct link *link;            /* CALL_TEXT, CALL_MANAGE: the connection that does it */
	struct list open;             /* in nexus->open_calls */
	enum call_kind kind;
	void *token;
	uint64_t id;                  /* CALL_ADD, CALL_REMOVE; CALL_MANAGE: or 0 for any */
	struct session_habits habits; /* CALL_HABITS */
	enum path_policy policy;      /* CALL_POLICY */
	struct path_rule *rules;      /* CALL_POLICY: count; owned */
	struct management management; /* CALL_MANAGE */
	bool mirrored;                /* CALL_ADD: made a mirror, which goes if the call fails */
	struct conn_options *options; /* CALL_ADD: one; CALL_PORTALS: count; owned */
	unsigned count;               /* of options or rules; CALL_MANAGE: of repeats */
	char *text;                   /* CALL_TEXT: the question, then the answer; owned */
	size_t text_len;
	struct fault fault;           /* the result; CALL_MANAGE: the first loss before */
};

/* Control thread. Returns NULL without memory. */
struct call *call_new(struct nexus *nexus, enum call_kind kind, void *token);
/* Copies. Return 0 or -ENOMEM. */
int call_set_options(struct call *call, const struct conn_options *options, unsigned count);
int call_set_text(struct call *call, const char *text, size_t len);
int call_set_rules(struct call *call, const struct path_rule *rules, unsigned count);
/* Wipes what it carried. Accepts NULL. */
void call_free(struct call *call);
/* Any thread that has it: back to the control thread. `why` NULL: success. */
void call_return(struct call *call, const struct fault *why);

#endif
