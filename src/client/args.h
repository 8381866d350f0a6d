/*
 * args.h - the arguments of the API: checked, and put into a call.
 *
 * Each function notes a failure in the call and can be called without a service (see call.h). The
 * checks here need no service; what depends on its state, or on settings, the service checks.
 * What is no argument of the caller's, an absent structure or text, is put in its empty form.
 */
#ifndef ISCSIDSC_CLIENT_ARGS_H
#define ISCSIDSC_CLIENT_ARGS_H

#include "client/call.h"
#include "client/form.h"

/* A pointer that is required: ERROR_INVALID_PARAMETER for NULL. */
void args_need(struct call *call, const void *pointer);

/* A session or connection id, required. */
void args_id(struct call *call, const ISCSI_UNIQUE_SESSION_ID *id);

/* An initiator port number: 0 is ERROR_INVALID_PARAMETER. */
void args_port(struct call *call, ULONG number);

void args_security_flags(struct call *call, ISCSI_SECURITY_FLAGS flags);

/* Login options, NULL for none. Only the members whose bits are set are looked at and sent. */
void args_options(struct call *call, const ISCSI_LOGIN_OPTIONS *options);

/* A key or secret; too long gives `too_long`. NULL with a size: ERROR_INVALID_PARAMETER. */
void args_secret(struct call *call, const void *bytes, ULONG size, ISDSC_STATUS too_long);

/* An initiator instance, NULL for any. */
#define args_instance FORM(args_instance)
void args_instance(struct call *call, const TCHAR *instance);

/* A text, "" for NULL: `limit` characters with its NUL are looked at, more give `too_long`. */
#define args_text FORM(args_text)
void args_text(struct call *call, const TCHAR *text, size_t limit, ISDSC_STATUS too_long);

/* The name of a node, required: too long is ISDSC_INVALID_ISCSI_NAME. */
#define args_node_name FORM(args_node_name)
void args_node_name(struct call *call, const TCHAR *name);

/* A portal, NULL where `required` is false: address not empty, Socket not 0. */
#define args_portal FORM(args_portal)
void args_portal(struct call *call, const ISCSI_TARGET_PORTAL *portal, bool required);

#endif
