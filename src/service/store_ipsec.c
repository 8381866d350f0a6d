/*
 * store_ipsec.c - IKE identities with their keys, and outer addresses of tunnels; see store.h.
 */
#include "service/store_inside.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"

static void ike_identity(const struct store_ike *ike, struct identity *ret)
{
	char hex[2 * STORE_IKE_ID_MAX + 1] = "";

	for (unsigned i = 0; i < ike->id_len; i++)
		snprintf(hex + 2 * i, 3, "%02X", ike->id[i]);
	identity_init(ret, SEALED_IKE_KEY);
	identity_text(ret, ike->instance);
	identity_number(ret, ike->port_number);
	identity_number(ret, ike->id_type);
	identity_text(ret, hex);
}

static void bind_ike_key(sqlite3_stmt *statement, const struct store_ike *ike)
{
	bind_text(statement, ":instance", ike->instance);
	bind_number(statement, ":port", ike->port_number);
	bind_number(statement, ":id_type", ike->id_type);
	bind_bytes(statement, ":id", ike->id, ike->id_len);
}

int store_put_ike(struct store *store, const struct store_ike *ike)
{
	struct identity identity;
	struct sealed key;
	sqlite3_stmt *statement;
	int r;

	ike_identity(ike, &identity);
	r = key_seal(store, &identity, &ike->key, &key);
	if (r == 0)
		r = store_prepare(store,
			"INSERT INTO ike (instance, port, id_type, id, security_flags, key)"
			" VALUES (:instance, :port, :id_type, :id, :security_flags, coalesce(:key, x''))"
			" ON CONFLICT (instance, port, id_type, id) DO UPDATE SET"
			" security_flags=:security_flags, key=coalesce(:key, key)", &statement);
	if (r < 0)
		return r;
	bind_ike_key(statement, ike);
	bind_number(statement, ":security_flags", (int64_t)ike->security_flags);
	bind_sealed(statement, ":key", &key);
	return store_run(store, statement);
}

int store_remove_ike(struct store *store, const struct store_ike *ike)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "DELETE FROM ike WHERE instance=:instance AND port=:port"
				     " AND id_type=:id_type AND id=:id", &statement);

	if (r < 0)
		return r;
	bind_ike_key(statement, ike);
	return store_run(store, statement);
}

struct each_ike {
	void (*each)(void *ctx, const struct store_ike *ike);
	void *ctx;
};

static int give_ike(struct row *row, void *ctx)
{
	struct each_ike *each = ctx;
	struct store_ike ike = { .port_number = 0 };
	struct identity identity;

	row_text(row, ike.instance, sizeof(ike.instance));
	ike.port_number = (uint32_t)row_number(row);
	ike.id_type = (uint8_t)row_number(row);
	ike.id_len = (uint8_t)row_bytes(row, ike.id, sizeof(ike.id));
	ike.security_flags = (uint64_t)row_number(row);
	ike_identity(&ike, &identity);
	row_key(row, &identity, &ike.key);
	each->each(each->ctx, &ike);
	secret_wipe(&ike, sizeof(ike));
	return 0;
}

int store_each_ike(struct store *store, void (*each)(void *ctx, const struct store_ike *ike),
		   void *ctx)
{
	struct each_ike give = { each, ctx };
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT instance, port, id_type, id, security_flags, key FROM ike"
				     " ORDER BY number", &statement);

	return r < 0 ? r : store_rows(store, statement, give_ike, &give);
}

/* ---- tunnels */

static void bind_tunnel_key(sqlite3_stmt *statement, const struct store_tunnel *tunnel)
{
	bind_text(statement, ":instance", tunnel->instance);
	bind_number(statement, ":port", tunnel->port_number);
	bind_text(statement, ":destination", tunnel->destination);
}

int store_put_tunnel(struct store *store, const struct store_tunnel *tunnel)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store,
		"INSERT INTO tunnel (instance, port, destination, outer_address)"
		" VALUES (:instance, :port, :destination, :outer)"
		" ON CONFLICT (instance, port, destination) DO UPDATE SET outer_address=:outer",
		&statement);

	if (r < 0)
		return r;
	bind_tunnel_key(statement, tunnel);
	bind_text(statement, ":outer", tunnel->outer);
	return store_run(store, statement);
}

int store_remove_tunnel(struct store *store, const struct store_tunnel *tunnel)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "DELETE FROM tunnel WHERE instance=:instance AND port=:port"
				     " AND destination=:destination", &statement);

	if (r < 0)
		return r;
	bind_tunnel_key(statement, tunnel);
	return store_run(store, statement);
}

struct each_tunnel {
	void (*each)(void *ctx, const struct store_tunnel *tunnel);
	void *ctx;
};

static int give_tunnel(struct row *row, void *ctx)
{
	struct each_tunnel *each = ctx;
	struct store_tunnel tunnel = { .port_number = 0 };

	row_text(row, tunnel.instance, sizeof(tunnel.instance));
	tunnel.port_number = (uint32_t)row_number(row);
	row_text(row, tunnel.destination, sizeof(tunnel.destination));
	row_text(row, tunnel.outer, sizeof(tunnel.outer));
	each->each(each->ctx, &tunnel);
	return 0;
}

int store_each_tunnel(struct store *store,
		      void (*each)(void *ctx, const struct store_tunnel *tunnel), void *ctx)
{
	struct each_tunnel give = { each, ctx };
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT instance, port, destination, outer_address FROM tunnel"
				     " ORDER BY id", &statement);

	return r < 0 ? r : store_rows(store, statement, give_tunnel, &give);
}
