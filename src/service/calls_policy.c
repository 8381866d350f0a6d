/*
 * calls_policy.c - the load balance policy of a session: what it begins with, and the methods that
 * set and get it. The checks and their order are those of the Windows driver.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/args.h"
#include "service/log.h"
#include "service/logins.h"
#include "service/status.h"
#include "service/svc_session.h"

enum {
	VENDOR_SPECIFIC = 6, /* known on Windows, not here */
	RULES_MAX = 256,     /* in a call; more than a session can have */
	CONNECTED = 1, RECONNECTING = 3,
};

/* The words of the setting. */
static const enum path_policy by_word[] = {
	PATH_FAIL_OVER_ONLY, PATH_ROUND_ROBIN, PATH_ROUND_ROBIN_SUBSET, PATH_LEAST_QUEUE_DEPTH,
	PATH_WEIGHTED, PATH_ADAPTIVE,
};

static const char *const names[] = {
	[PATH_FAIL_OVER_ONLY] = "fail over only", [PATH_ROUND_ROBIN] = "round robin",
	[PATH_ROUND_ROBIN_SUBSET] = "round robin with subset",
	[PATH_LEAST_QUEUE_DEPTH] = "least queue depth", [PATH_WEIGHTED] = "weighted paths",
	[PATH_ADAPTIVE] = "adaptive",
};

void policy_begin(struct svc_session *session)
{
	enum path_policy policy = by_word[session->settings.value[DEFAULT_LOAD_BALANCE_POLICY]];

	if (nexus_set_policy(session->nexus, policy, NULL, 0) < 0)
		log_warning("%s: no memory to set the load balance policy: it is round robin",
			    session->target_name);
}

/* A session's connections, as the nexus lists them. */
struct conns {
	struct nexus_conn *conn;
	unsigned count;
};

static int conns_get(const struct svc_session *session, struct conns *ret)
{
	ret->conn = calloc(ENGINE_MAX_CONNS, sizeof(*ret->conn));
	if (!ret->conn)
		return -ENOMEM;
	ret->count = nexus_conns(session->nexus, ret->conn, ENGINE_MAX_CONNS);
	if (ret->count > ENGINE_MAX_CONNS)
		ret->count = ENGINE_MAX_CONNS;
	return 0;
}

static void conns_free(struct conns *conns)
{
	if (conns->conn)
		secret_wipe(conns->conn, ENGINE_MAX_CONNS * sizeof(*conns->conn));
	free(conns->conn);
}

/* ---- setting */

struct wanted {
	uint32_t policy;
	unsigned count;
	struct path_rule rule[RULES_MAX];
};

static int wanted_decode(sd_bus_message *m, struct wanted *ret)
{
	uint32_t weight;
	uint64_t id;
	int primary, r;

	if (args_get_u32(m, &ret->policy) < 0 ||
	    sd_bus_message_enter_container(m, 'a', BUS_LB_RULE) <= 0)
		return -EINVAL;
	while ((r = sd_bus_message_read(m, BUS_LB_RULE, &id, &weight, &primary)) > 0) {
		if (ret->count == RULES_MAX)
			return -EINVAL;
		ret->rule[ret->count++] = (struct path_rule){
			.id = id, .weight = weight, .primary = primary,
		};
	}
	return r < 0 ? -EINVAL : 0;
}

static unsigned primaries(const struct wanted *wanted)
{
	unsigned n = 0;

	for (unsigned i = 0; i < wanted->count; i++)
		n += wanted->rule[i].primary;
	return n;
}

static bool is_unknown_policy(const struct wanted *wanted, const struct conns *conns)
{
	(void)conns;
	return wanted->policy != VENDOR_SPECIFIC &&
	       (wanted->policy >= sizeof(names) / sizeof(names[0]) || !names[wanted->policy]);
}

static bool is_vendor_specific(const struct wanted *wanted, const struct conns *conns)
{
	(void)conns;
	return wanted->policy == VENDOR_SPECIFIC;
}

static bool is_of_other_count(const struct wanted *wanted, const struct conns *conns)
{
	return wanted->count != conns->count;
}

static bool has_path_twice(const struct wanted *wanted, const struct conns *conns)
{
	(void)conns;
	for (unsigned i = 0; i < wanted->count; i++)
		for (unsigned j = 0; j < i; j++)
			if (wanted->rule[i].id == wanted->rule[j].id)
				return true;
	return false;
}

static bool has_unknown_path(const struct wanted *wanted, const struct conns *conns)
{
	for (unsigned i = 0; i < wanted->count; i++) {
		bool known = false;

		for (unsigned j = 0; j < conns->count; j++)
			known |= wanted->rule[i].id == conns->conn[j].id;
		if (!known)
			return true;
	}
	return false;
}

static bool has_primaries(const struct wanted *wanted, const struct conns *conns)
{
	(void)conns;
	return wanted->policy == PATH_FAIL_OVER_ONLY && primaries(wanted) > 1;
}

static bool has_no_primary(const struct wanted *wanted, const struct conns *conns)
{
	(void)conns;
	return (wanted->policy == PATH_FAIL_OVER_ONLY ||
		wanted->policy == PATH_ROUND_ROBIN_SUBSET) && primaries(wanted) == 0;
}

static uint32_t wanted_check(const struct wanted *wanted, const struct conns *conns)
{
	static const struct {
		bool (*wrong)(const struct wanted *wanted, const struct conns *conns);
		uint32_t status;
	} checks[] = {
		{ is_unknown_policy, ISDSC_INVALID_LOAD_BALANCE_POLICY },
		{ is_vendor_specific, ISDSC_LB_POLICY_NOT_SUPPORTED },
		{ is_of_other_count, ISDSC_PATH_COUNT_MISMATCH },
		{ has_path_twice, ISDSC_DUPLICATE_PATH_SPECIFIED },
		{ has_unknown_path, ISDSC_INVALID_PATH_ID },
		{ has_primaries, ISDSC_MULTIPLE_PRIMARY_PATHS_SPECIFIED },
		{ has_no_primary, ISDSC_NO_PRIMARY_PATH_SPECIFIED },
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].wrong(wanted, conns))
			return checks[i].status;
	return ERROR_SUCCESS;
}

/* A session that comes back with the service has its policy then, too. */
static uint32_t policy_keep(struct svc_session *session, uint32_t policy)
{
	struct service *service = session->service;
	char text[DEFAULT_TEXT_MAX];
	uint32_t word = 0;

	if (!logins_of(session))
		return ERROR_SUCCESS;
	while (by_word[word] != (enum path_policy)policy)
		word++;
	defaults_print(DEFAULT_LOAD_BALANCE_POLICY, word, text);
	return overrides_set(&service->overrides, service->store, &service->defaults,
			     session->target_name, DEFAULT_LOAD_BALANCE_POLICY, text) < 0
	       ? ISDSC_FAILURE_TO_PERSIST_LB_POLICY : ERROR_SUCCESS;
}

static uint32_t policy_set(struct svc_session *session, const struct wanted *wanted)
{
	struct conns conns;
	uint32_t status = status_of_errno(conns_get(session, &conns));

	if (!status)
		status = wanted_check(wanted, &conns);
	if (!status)
		status = status_of_errno(nexus_set_policy(session->nexus,
							  (enum path_policy)wanted->policy,
							  wanted->rule, wanted->count));
	if (!status)
		log_notice("%s: the load balance policy is now %s", session->target_name,
			   names[wanted->policy]);
	conns_free(&conns);
	return status ? status : policy_keep(session, wanted->policy);
}

void handle_SetIScsiSessionLoadBalancePolicy(struct bus_call *call)
{
	struct wanted wanted = { .count = 0 };
	struct svc_session *session;
	struct id id;
	uint32_t status = ERROR_INVALID_PARAMETER;

	if (args_get_id(call->message, &id) == 0 && wanted_decode(call->message, &wanted) == 0) {
		session = svc_session_find(call->service, id.unique, id.specific);
		status = session ? policy_set(session, &wanted) : ISDSC_INVALID_SESSION_ID;
	}
	bus_call_done(call, status);
}

/* ---- getting */

/* Whether the connection serves as a primary one: by the rules, or for want of any (path.h). */
static bool conn_is_primary(const struct conns *conns, unsigned i, enum path_policy policy)
{
	uint64_t oldest = conns->conn[i].id;

	for (unsigned j = 0; j < conns->count; j++) {
		if (conns->conn[j].primary)
			return conns->conn[i].primary;
		if (conns->conn[j].id < oldest)
			oldest = conns->conn[j].id;
	}
	return policy == PATH_ROUND_ROBIN_SUBSET ||
	       (policy == PATH_FAIL_OVER_ONLY && conns->conn[i].id == oldest);
}

static int put_path(sd_bus_message *reply, const struct conns *conns, unsigned i,
		    enum path_policy policy)
{
	const struct nexus_conn *conn = &conns->conn[i];

	return sd_bus_message_append(reply, BUS_LB_PATH, conn->id, conn->weight,
				     conn_is_primary(conns, i, policy), conn->rate / 125000,
				     conn->up ? CONNECTED : RECONNECTING);
}

static void policy_answer(struct bus_call *call, const struct svc_session *session)
{
	enum path_policy policy = nexus_policy(session->nexus);
	sd_bus_message *reply = NULL;
	struct conns conns;
	int r = conns_get(session, &conns);

	if (r >= 0)
		r = bus_call_begin(call, ERROR_SUCCESS, &reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "u", (uint32_t)policy);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', BUS_LB_PATH);
	for (unsigned i = 0; r >= 0 && i < conns.count; i++)
		r = put_path(reply, &conns, i, policy);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	conns_free(&conns);
	bus_call_send(call, reply, r);
}

void handle_GetIScsiSessionLoadBalancePolicy(struct bus_call *call)
{
	struct svc_session *session = NULL;
	struct id id;

	if (args_get_id(call->message, &id) < 0) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
		return;
	}
	session = svc_session_find(call->service, id.unique, id.specific);
	if (session)
		policy_answer(call, session);
	else
		bus_call_done(call, ISDSC_INVALID_SESSION_ID);
}
