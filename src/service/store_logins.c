/*
 * store_logins.c - persistent logins with the connections that come back with them; see store.h.
 */
#include "service/store_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

void store_login_done(struct store_login *login)
{
	mappings_done(&login->mappings);
	secret_wipe(login->conns, login->conn_count * sizeof(*login->conns));
	free(login->conns);
	secret_wipe(login, sizeof(*login));
}

static void login_identity(enum sealed_column column, const struct store_login *login,
			   struct identity *ret)
{
	identity_init(ret, column);
	identity_text(ret, login->name);
	identity_text(ret, login->instance);
	identity_number(ret, login->port_number);
	identity_folded(ret, login->portal.present ? login->portal.address : "");
	identity_number(ret, login->portal.present ? login->portal.socket : 0);
}

static void conn_identity(enum sealed_column column, int64_t login,
			  const struct store_login_conn *conn, struct identity *ret)
{
	identity_init(ret, column);
	identity_number(ret, login);
	identity_folded(ret, conn->portal.present ? conn->portal.address : "");
	identity_number(ret, conn->portal.present ? conn->portal.socket : 0);
}

static int put_row(struct store *store, const struct store_login *login, int64_t *ret_id)
{
	uint8_t mappings[MAPPINGS_BYTES_MAX];
	size_t mappings_len;
	struct identity identity;
	struct sealed password, key;
	sqlite3_stmt *statement;
	int r = mappings_put(&login->mappings, mappings, &mappings_len);

	if (r == 0)
		r = store_prepare(store,
			"INSERT INTO login (name, informational, instance, port, " PORTAL_COLUMNS ","
			" security_flags, mappings, key, " OPTIONS_COLUMNS ") VALUES (:name,"
			" :informational, :instance, :port, " PORTAL_VALUES ", :security_flags,"
			" :mappings, coalesce(:key, x''), " OPTIONS_VALUES ")"
			" ON CONFLICT (name, instance, port, address, socket) DO UPDATE SET"
			" informational=:informational, symbolic_name=:symbolic_name,"
			" security_flags=:security_flags, mappings=:mappings,"
			" key=coalesce(:key, key), " OPTIONS_UPDATE " RETURNING id", &statement);
	if (r < 0)
		return r;
	bind_text(statement, ":name", login->name);
	bind_number(statement, ":informational", login->informational);
	bind_text(statement, ":instance", login->instance);
	bind_number(statement, ":port", login->port_number);
	bind_portal(statement, &login->portal);
	bind_number(statement, ":security_flags", (int64_t)login->security_flags);
	bind_bytes(statement, ":mappings", mappings, mappings_len);
	login_identity(SEALED_LOGIN, login, &identity);
	r = bind_options(store, statement, &login->options, &identity, &password);
	login_identity(SEALED_LOGIN_KEY, login, &identity);
	if (r == 0)
		r = key_seal(store, &identity, &login->key, &key);
	if (r < 0) {
		sqlite3_finalize(statement);
		return r;
	}
	bind_sealed(statement, ":key", &key);
	return store_run_id(store, statement, ret_id);
}

static int put_conn_row(struct store *store, int64_t login, uint32_t position,
			const struct store_login_conn *conn)
{
	struct identity identity;
	struct sealed password, key;
	sqlite3_stmt *statement;
	int r = store_prepare(store,
		"INSERT INTO login_conn (login, position, port, " PORTAL_COLUMNS ", security_flags, key, "
		OPTIONS_COLUMNS ") VALUES (:login, :position, :port, " PORTAL_VALUES ","
		" :security_flags, coalesce(:key, x''), " OPTIONS_VALUES ")"
		" ON CONFLICT (login, position) DO UPDATE SET port=:port, address=:address,"
		" socket=:socket, symbolic_name=:symbolic_name, security_flags=:security_flags,"
		" key=coalesce(:key, key), " OPTIONS_UPDATE, &statement);

	if (r < 0)
		return r;
	bind_number(statement, ":login", login);
	bind_number(statement, ":position", position);
	bind_number(statement, ":port", conn->port_number);
	bind_portal(statement, &conn->portal);
	bind_number(statement, ":security_flags", (int64_t)conn->security_flags);
	conn_identity(SEALED_CONN, login, conn, &identity);
	r = bind_options(store, statement, &conn->options, &identity, &password);
	conn_identity(SEALED_CONN_KEY, login, conn, &identity);
	if (r == 0)
		r = key_seal(store, &identity, &conn->key, &key);
	if (r < 0) {
		sqlite3_finalize(statement);
		return r;
	}
	bind_sealed(statement, ":key", &key);
	return store_run(store, statement);
}

static int remove_conns_from(struct store *store, int64_t login, uint32_t position)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "DELETE FROM login_conn WHERE login=:login"
				     " AND position>=:position", &statement);

	if (r < 0)
		return r;
	bind_number(statement, ":login", login);
	bind_number(statement, ":position", position);
	return store_run(store, statement);
}

int store_put_login(struct store *store, const struct store_login *login, int64_t *ret_id)
{
	int64_t id = 0;
	int r = store_begin(store);

	if (r < 0)
		return r;
	r = put_row(store, login, &id);
	for (uint32_t i = 0; i < login->conn_count && r == 0; i++)
		r = put_conn_row(store, id, i, &login->conns[i]);
	if (r == 0)
		r = remove_conns_from(store, id, login->conn_count);
	r = store_end(store, r);
	if (r == 0)
		*ret_id = id;
	return r;
}

static int remove_one(struct store *store, int64_t id)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "DELETE FROM login WHERE id=:id", &statement);

	if (r < 0)
		return r;
	bind_number(statement, ":id", id);
	return store_run(store, statement);
}

int store_remove_logins(struct store *store, const int64_t *ids, size_t count)
{
	int r = store_begin(store);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count && r == 0; i++)
		r = remove_one(store, ids[i]);
	return store_end(store, r);
}

/* ---- reading */

struct each_login {
	void (*each)(void *ctx, struct store_login *login);
	void *ctx;
};

static int take_conn(struct row *row, void *ctx)
{
	struct store_login *login = ctx;
	struct store_login_conn *conn = calloc(login->conn_count + 1, sizeof(*conn));
	struct identity identity;

	if (!conn)
		return -ENOMEM;
	/* No reallocation: it would leave secrets behind in what it frees. */
	if (login->conn_count)
		memcpy(conn, login->conns, login->conn_count * sizeof(*conn));
	secret_wipe(login->conns, login->conn_count * sizeof(*conn));
	free(login->conns);
	login->conns = conn;
	conn += login->conn_count++;
	conn->port_number = (uint32_t)row_number(row);
	row_portal(row, &conn->portal);
	conn->security_flags = (uint64_t)row_number(row);
	conn_identity(SEALED_CONN_KEY, login->id, conn, &identity);
	row_key(row, &identity, &conn->key);
	conn_identity(SEALED_CONN, login->id, conn, &identity);
	row_options(row, &identity, &conn->options);
	return 0;
}

static int take_conns(struct store *store, struct store_login *login)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT port, " PORTAL_COLUMNS ", security_flags, key, "
				     OPTIONS_COLUMNS " FROM login_conn WHERE login=:login"
				     " ORDER BY position", &statement);

	if (r < 0)
		return r;
	bind_number(statement, ":login", login->id);
	return store_rows(store, statement, take_conn, login);
}

static int give_login(struct row *row, void *ctx)
{
	struct each_login *each = ctx;
	struct store_login login = { .id = row_number(row) };
	struct identity identity;
	int r;

	row_text(row, login.name, sizeof(login.name));
	login.informational = row_number(row);
	row_text(row, login.instance, sizeof(login.instance));
	login.port_number = (uint32_t)row_number(row);
	row_portal(row, &login.portal);
	login.security_flags = (uint64_t)row_number(row);
	r = row_mappings(row, &login.mappings);
	login_identity(SEALED_LOGIN_KEY, &login, &identity);
	row_key(row, &identity, &login.key);
	login_identity(SEALED_LOGIN, &login, &identity);
	row_options(row, &identity, &login.options);
	if (r == 0)
		r = take_conns(row->store, &login);
	if (r == 0)
		each->each(each->ctx, &login);
	store_login_done(&login);
	return r;
}

int store_each_login(struct store *store, void (*each)(void *ctx, struct store_login *login),
		     void *ctx)
{
	struct each_login give = { each, ctx };
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT id, name, informational, instance, port, "
				     PORTAL_COLUMNS ", security_flags, mappings, key, "
				     OPTIONS_COLUMNS " FROM login ORDER BY id", &statement);

	return r < 0 ? r : store_rows(store, statement, give_login, &give);
}
