/*
 * svc_pass.c - see svc_pass.h. Flags are looked up anew for each portal, since recovery and redirection
 * lead to others than the caller had in mind; but a session that was asked to be protected is so
 * everywhere.
 */
#include "service/svc_pass.h"

#include "service/discover.h"
#include "service/svc_session.h"

/* NULL: the login's own connection, or one that is not known any more. */
static const struct svc_conn *added_conn(const struct svc_session *session, uint64_t conn_id)
{
	list_for_each(it, &session->conns) {
		const struct svc_conn *conn = list_entry(it, struct svc_conn, link);

		if (conn->id == conn_id)
			return conn->asked ? conn : NULL;
	}
	return NULL;
}

/* Where nobody says it for the portal, or no longer does: what counted for the connection when it was
 * added, or for the session. */
static uint64_t flags_before(const struct svc_session *session, const struct svc_conn *added)
{
	return added && ipsec_asked(added->security_flags) ? added->security_flags
							   : session->effective.security_flags;
}

static bool requires(const struct options *options)
{
	return options->present && (options->login_flags & LOGIN_REQUIRE_IPSEC);
}

void svc_pass(void *ctx, struct passage *passage)
{
	const struct svc_session *session = ctx;
	const struct passage_info *info = passage_info(passage);
	const struct svc_conn *added = added_conn(session, info->conn_id);
	const struct store_login_conn *asked = added ? added->asked : NULL;
	uint64_t call = asked ? asked->security_flags : session->security_flags;
	bool required = requires(&session->effective.options) || (asked && requires(&asked->options));
	struct ipsec_wish wish = {
		.flags = ipsec_flags(call, discover_flags(session->service, info->host, info->port),
				     session->service->defaults.value[DEFAULT_SECURITY_FLAGS], required),
		.key = asked && (asked->key.len || asked->key.lost) ? &asked->key : &session->key,
		.port_number = asked ? asked->port_number : session->port_number,
	};

	wish.flags = ipsec_flags_there(session->service, passage, call, wish.flags);
	if (!(call & SECURITY_VALID) && !ipsec_asked(wish.flags))
		wish.flags = flags_before(session, added);
	ipsec_pass(session->service, passage, &wish);
}
