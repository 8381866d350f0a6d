/*
 * store_portals.c - SendTargets portals; see store.h.
 */
#include "service/store_inside.h"

#include <string.h>

#include "base/secret.h"

static void portal_identity(const struct store_portal *portal, struct identity *ret)
{
	identity_init(ret, SEALED_PORTAL);
	identity_text(ret, portal->instance);
	identity_number(ret, portal->port_number);
	identity_folded(ret, portal->portal.address);
	identity_number(ret, portal->portal.socket);
}

int store_put_portal(struct store *store, const struct store_portal *portal)
{
	struct identity identity;
	struct sealed sealed;
	sqlite3_stmt *statement;
	int r = store_prepare(store,
		"INSERT INTO portal (instance, port, " PORTAL_COLUMNS ", security_flags, "
		OPTIONS_COLUMNS ") VALUES (:instance, :port, " PORTAL_VALUES ", :security_flags, "
		OPTIONS_VALUES ") ON CONFLICT (instance, port, address, socket) DO UPDATE SET"
		" symbolic_name=:symbolic_name, security_flags=:security_flags, " OPTIONS_UPDATE,
		&statement);

	if (r < 0)
		return r;
	portal_identity(portal, &identity);
	bind_text(statement, ":instance", portal->instance);
	bind_number(statement, ":port", portal->port_number);
	bind_portal(statement, &portal->portal);
	bind_number(statement, ":security_flags", (int64_t)portal->security_flags);
	r = bind_options(store, statement, &portal->options, &identity, &sealed);
	if (r < 0) {
		sqlite3_finalize(statement);
		return r;
	}
	return store_run(store, statement);
}

int store_remove_portal(struct store *store, const struct store_portal *portal)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "DELETE FROM portal WHERE instance=:instance AND port=:port"
				     " AND address=:address AND socket=:socket", &statement);

	if (r < 0)
		return r;
	bind_text(statement, ":instance", portal->instance);
	bind_number(statement, ":port", portal->port_number);
	bind_text(statement, ":address", portal->portal.address);
	bind_number(statement, ":socket", portal->portal.socket);
	return store_run(store, statement);
}

int store_replace_portal(struct store *store, const struct store_portal *old,
			 const struct store_portal *portal)
{
	int r = store_begin(store);

	if (r < 0)
		return r;
	r = store_remove_portal(store, old);
	if (r == 0)
		r = store_put_portal(store, portal);
	return store_end(store, r);
}

struct each_portal {
	void (*each)(void *ctx, const struct store_portal *portal);
	void *ctx;
};

static int give_portal(struct row *row, void *ctx)
{
	struct each_portal *each = ctx;
	struct store_portal portal = { .port_number = 0 };
	struct identity identity;

	row_text(row, portal.instance, sizeof(portal.instance));
	portal.port_number = (uint32_t)row_number(row);
	row_portal(row, &portal.portal);
	portal.security_flags = (uint64_t)row_number(row);
	portal_identity(&portal, &identity);
	row_options(row, &identity, &portal.options);
	each->each(each->ctx, &portal);
	secret_wipe(&portal, sizeof(portal));
	return 0;
}

int store_each_portal(struct store *store,
		      void (*each)(void *ctx, const struct store_portal *portal), void *ctx)
{
	struct each_portal give = { each, ctx };
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT instance, port, " PORTAL_COLUMNS ", security_flags, "
				     OPTIONS_COLUMNS " FROM portal ORDER BY id", &statement);

	return r < 0 ? r : store_rows(store, statement, give_portal, &give);
}
