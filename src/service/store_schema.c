/*
 * store_schema.c - the tables, as one step for each version of the schema. Steps that have been
 * published never change: a new version gets a new step.
 */
#include "service/store_inside.h"

#include <stdio.h>

static const char schema_1[] =
	"CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE portal (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" instance TEXT NOT NULL, port INTEGER NOT NULL,"
	" address TEXT NOT NULL COLLATE NOCASE, socket INTEGER NOT NULL,"
	" symbolic_name TEXT NOT NULL, security_flags INTEGER NOT NULL, options INTEGER NOT NULL,"
	" version INTEGER NOT NULL, specified INTEGER NOT NULL, login_flags INTEGER NOT NULL,"
	" auth_type INTEGER NOT NULL, header_digest INTEGER NOT NULL, data_digest INTEGER NOT NULL,"
	" max_connections INTEGER NOT NULL, time2wait INTEGER NOT NULL, time2retain INTEGER NOT NULL,"
	" username BLOB NOT NULL, password BLOB NOT NULL,"
	" UNIQUE (instance, port, address, socket));"
	"CREATE TABLE initiator_port (number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" address TEXT NOT NULL UNIQUE);";

#define OPTIONS_2 \
	" options INTEGER NOT NULL, version INTEGER NOT NULL, specified INTEGER NOT NULL," \
	" login_flags INTEGER NOT NULL, auth_type INTEGER NOT NULL, header_digest INTEGER NOT NULL," \
	" data_digest INTEGER NOT NULL, max_connections INTEGER NOT NULL, time2wait INTEGER NOT NULL," \
	" time2retain INTEGER NOT NULL, username BLOB NOT NULL, password BLOB NOT NULL,"
#define PORTAL_2 \
	" address TEXT NOT NULL COLLATE NOCASE, socket INTEGER NOT NULL, symbolic_name TEXT NOT NULL,"

static const char schema_2[] =
	"CREATE TABLE secret (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, value BLOB NOT NULL);"
	"INSERT INTO secret (name, value) SELECT name, value FROM setting"
	" WHERE name = 'initiator-secret' AND length(value) > 0;"
	"DELETE FROM setting WHERE name = 'initiator-secret';"

	"CREATE TABLE target (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
	" alias TEXT NOT NULL, flags INTEGER NOT NULL, mappings BLOB NOT NULL," OPTIONS_2
	" CHECK (length(name) > 0));"
	"CREATE TABLE target_portal (target INTEGER NOT NULL REFERENCES target (id) ON DELETE CASCADE,"
	" position INTEGER NOT NULL," PORTAL_2 " PRIMARY KEY (target, position)) WITHOUT ROWID;"

	"CREATE TABLE login (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
	" informational INTEGER NOT NULL, instance TEXT NOT NULL, port INTEGER NOT NULL," PORTAL_2
	" security_flags INTEGER NOT NULL, mappings BLOB NOT NULL, key BLOB NOT NULL," OPTIONS_2
	" UNIQUE (name, instance, port, address, socket));"
	"CREATE TABLE login_conn (id INTEGER PRIMARY KEY,"
	" login INTEGER NOT NULL REFERENCES login (id) ON DELETE CASCADE,"
	" position INTEGER NOT NULL, port INTEGER NOT NULL," PORTAL_2
	" security_flags INTEGER NOT NULL, key BLOB NOT NULL," OPTIONS_2
	" UNIQUE (login, position));"

	"CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, list INTEGER NOT NULL,"
	" text TEXT NOT NULL, UNIQUE (list, text));"

	"CREATE TABLE ike (number INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT NULL,"
	" port INTEGER NOT NULL, id_type INTEGER NOT NULL, id BLOB NOT NULL,"
	" security_flags INTEGER NOT NULL, key BLOB NOT NULL,"
	" UNIQUE (instance, port, id_type, id));"
	"CREATE TABLE tunnel (id INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT NULL,"
	" port INTEGER NOT NULL, destination TEXT NOT NULL COLLATE NOCASE, outer_address TEXT NOT NULL,"
	" UNIQUE (instance, port, destination));";

/* Version 1 kept secrets in the clear. */
static int seal_version_1(struct store *store)
{
	int r = secrets_seal_plain(store, SEALED_SECRET);

	return r < 0 ? r : secrets_seal_plain(store, SEALED_PORTAL);
}

static const struct {
	const char *sql;
	int (*more)(struct store *store);
} steps[STORE_SCHEMA] = {
	{ schema_1, NULL },
	{ schema_2, seal_version_1 },
};

static int step_run(struct store *store, int version)
{
	char done[64];
	int r = store_begin(store);

	if (r < 0)
		return r;
	r = store_exec(store, steps[version].sql);
	if (r == 0 && steps[version].more)
		r = steps[version].more(store);
	snprintf(done, sizeof(done), "PRAGMA user_version=%d", version + 1);
	if (r == 0)
		r = store_exec(store, done);
	return store_end(store, r);
}

int schema_bring_up(struct store *store, int version)
{
	int r = 0;

	while (r == 0 && version < STORE_SCHEMA)
		r = step_run(store, version++);
	return r;
}
