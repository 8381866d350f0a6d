/*
 * store.c - see store.h. A rollback journal with synchronous=EXTRA: a commit is on the disk, its
 * journal's removal too, before it returns. secure_delete: removed secrets are overwritten.
 */
#include "service/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/secret.h"

struct store {
	sqlite3 *db;
};

static const char setup[] =
	"PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; PRAGMA secure_delete=ON;"
	"PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;";

static const char schema[] =
	"BEGIN IMMEDIATE;"
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
	" address TEXT NOT NULL UNIQUE);"
	"PRAGMA user_version=1;"
	"COMMIT;";

static int store_error(int rc)
{
	return rc == SQLITE_NOMEM ? -ENOMEM : rc == SQLITE_FULL ? -ENOSPC : -EIO;
}

static int store_is_damage(int rc)
{
	return rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT;
}

static int read_one(void *ctx, int columns, char **values, char **names)
{
	(void)names;
	if (columns == 1 && values[0])
		snprintf(ctx, 32, "%s", values[0]);
	return 0;
}

/* Opens the file and brings its schema up. Returns an SQLite code; -1: a schema newer than ours. */
static int store_begin(const char *path, sqlite3 **db)
{
	char answer[32] = "";
	int rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_extended_result_codes(*db, 0);
	sqlite3_busy_timeout(*db, 2000);
	rc = sqlite3_exec(*db, setup, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(*db, "PRAGMA quick_check(1)", read_one, answer, NULL);
	if (rc == SQLITE_OK && strcmp(answer, "ok") != 0)
		rc = SQLITE_CORRUPT;
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(*db, "PRAGMA user_version", read_one, answer, NULL);
	if (rc != SQLITE_OK)
		return rc;
	if (atoi(answer) > STORE_SCHEMA)
		return -1;
	if (atoi(answer) == STORE_SCHEMA)
		return sqlite3_exec(*db, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL, NULL);
	return sqlite3_exec(*db, schema, NULL, NULL, NULL);
}

/* Renames the file, and its journal, which would otherwise be applied to the new one. */
static int store_put_aside(const char *folder, char *ret_aside)
{
	static const char *const ending[] = { "", "-journal" };
	char from[4096], to[4096];

	snprintf(ret_aside, STORE_FILE_NAME_MAX, STORE_FILE ".damaged-%lld", (long long)time(NULL));
	for (unsigned i = 0; i < 2; i++) {
		snprintf(from, sizeof(from), "%s/" STORE_FILE "%s", folder, ending[i]);
		snprintf(to, sizeof(to), "%s/%s%s", folder, ret_aside, ending[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* The file exists with the right mode before SQLite and the first secret come to it. */
static int store_make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;

	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0600) < 0)
		r = -errno;
	close(fd);
	return r;
}

int store_open(const char *folder, char *ret_aside, char *why, size_t why_len, struct store **ret)
{
	struct store *store = calloc(1, sizeof(*store));
	char path[4096];
	int rc, r;

	ret_aside[0] = 0;
	if (!store)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/" STORE_FILE, folder);
	for (;;) {
		r = store_make_file(path);
		if (r < 0) {
			snprintf(why, why_len, "can't open %s: %s", path, strerror(-r));
			goto fail;
		}
		rc = store_begin(path, &store->db);
		if (rc == SQLITE_OK)
			break;
		if (!store_is_damage(rc) || ret_aside[0]) {
			r = rc < 0 ? -EPROTO : store_error(rc);
			snprintf(why, why_len, "can't use %s: %s", path,
				 rc < 0 ? "it was written by a newer version" : sqlite3_errstr(rc));
			goto fail;
		}
		sqlite3_close(store->db);
		store->db = NULL;
		r = store_put_aside(folder, ret_aside);
		if (r < 0) {
			snprintf(why, why_len, "%s is damaged and can't be renamed: %s", path,
				 strerror(-r));
			goto fail;
		}
	}
	*ret = store;
	return 0;
fail:
	store_close(store);
	return r;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	sqlite3_close(store->db);
	free(store);
}

/* Runs a statement that gives no rows, and ends it. */
static int store_run(sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? 0 : store_error(rc);
}

static int store_prepare(struct store *store, const char *sql, sqlite3_stmt **ret)
{
	int rc = sqlite3_prepare_v2(store->db, sql, -1, ret, NULL);

	return rc == SQLITE_OK ? 0 : store_error(rc);
}

static int bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	return sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

/* SQLite takes a blob at NULL as SQL's NULL; ours are never that. */
static int bind_bytes(sqlite3_stmt *statement, int at, const void *bytes, size_t len)
{
	return sqlite3_bind_blob(statement, at, len ? bytes : "", (int)len, SQLITE_STATIC);
}

int store_get(struct store *store, const char *name, void *value, size_t room)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT value FROM setting WHERE name=?1", &statement), rc;

	if (r < 0)
		return r;
	bind_text(statement, 1, name);
	rc = sqlite3_step(statement);
	if (rc == SQLITE_DONE) {
		r = -ENOENT;
	} else if (rc != SQLITE_ROW) {
		r = store_error(rc);
	} else {
		r = sqlite3_column_bytes(statement, 0);
		if ((size_t)r > room)
			r = -EMSGSIZE;
		else if (r)
			memcpy(value, sqlite3_column_blob(statement, 0), (size_t)r);
	}
	sqlite3_finalize(statement);
	return r;
}

int store_set(struct store *store, const char *name, const void *value, size_t len)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, value ? "INSERT OR REPLACE INTO setting VALUES (?1, ?2)"
					   : "DELETE FROM setting WHERE name=?1", &statement);

	if (r < 0)
		return r;
	bind_text(statement, 1, name);
	if (value)
		bind_bytes(statement, 2, value, len);
	return store_run(statement);
}

int store_each_setting(struct store *store, const char *prefix,
		       void (*each)(void *ctx, const char *name, const void *value, size_t len),
		       void *ctx)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT name, value FROM setting"
				     " WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
			      &statement), rc;

	if (r < 0)
		return r;
	bind_text(statement, 1, prefix);
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		int len = sqlite3_column_bytes(statement, 1);

		each(ctx, (const char *)sqlite3_column_text(statement, 0),
		     len ? sqlite3_column_blob(statement, 1) : "", (size_t)len);
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? 0 : store_error(rc);
}

/* The columns that name a portal: 1 to 4 in every statement. */
static void bind_portal_key(sqlite3_stmt *statement, const struct store_portal *portal)
{
	bind_text(statement, 1, portal->instance);
	sqlite3_bind_int64(statement, 2, portal->port_number);
	bind_text(statement, 3, portal->portal.address);
	sqlite3_bind_int(statement, 4, portal->portal.socket);
}

int store_put_portal(struct store *store, const struct store_portal *portal)
{
	const struct options *o = &portal->options;
	const uint32_t numbers[] = { o->version, o->specified, o->login_flags, o->auth_type,
				     o->header_digest, o->data_digest, o->max_connections,
				     o->time2wait, o->time2retain };
	sqlite3_stmt *statement;
	int r = store_prepare(store,
		"INSERT INTO portal (instance, port, address, socket, symbolic_name, security_flags,"
		" options, version, specified, login_flags, auth_type, header_digest, data_digest,"
		" max_connections, time2wait, time2retain, username, password) VALUES"
		" (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)"
		" ON CONFLICT (instance, port, address, socket) DO UPDATE SET symbolic_name=?5,"
		" security_flags=?6, options=?7, version=?8, specified=?9, login_flags=?10,"
		" auth_type=?11, header_digest=?12, data_digest=?13, max_connections=?14,"
		" time2wait=?15, time2retain=?16, username=?17, password=?18", &statement);

	if (r < 0)
		return r;
	bind_portal_key(statement, portal);
	bind_text(statement, 5, portal->portal.symbolic_name);
	sqlite3_bind_int64(statement, 6, (sqlite3_int64)portal->security_flags);
	sqlite3_bind_int(statement, 7, o->present);
	for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
		sqlite3_bind_int64(statement, 8 + i, numbers[i]);
	bind_bytes(statement, 17, o->username, o->username_len);
	bind_bytes(statement, 18, o->password, o->password_len);
	return store_run(statement);
}

int store_remove_portal(struct store *store, const struct store_portal *portal)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "DELETE FROM portal WHERE instance=?1 AND port=?2 AND address=?3"
				     " AND socket=?4", &statement);

	if (r < 0)
		return r;
	bind_portal_key(statement, portal);
	return store_run(statement);
}

static void column_text(sqlite3_stmt *statement, int column, char *ret, size_t room)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	snprintf(ret, room, "%s", text ? text : "");
}

static uint8_t column_bytes(sqlite3_stmt *statement, int column, uint8_t ret[OPTIONS_BYTES])
{
	int len = sqlite3_column_bytes(statement, column);

	if (len > OPTIONS_BYTES)
		len = OPTIONS_BYTES;
	if (len)
		memcpy(ret, sqlite3_column_blob(statement, column), (size_t)len);
	return (uint8_t)len;
}

static void portal_row(sqlite3_stmt *statement, struct store_portal *ret)
{
	struct options *o = &ret->options;
	uint32_t *const numbers[] = { &o->version, &o->specified, &o->login_flags, &o->auth_type,
				      &o->header_digest, &o->data_digest, &o->max_connections,
				      &o->time2wait, &o->time2retain };

	memset(ret, 0, sizeof(*ret));
	column_text(statement, 0, ret->instance, sizeof(ret->instance));
	ret->port_number = (uint32_t)sqlite3_column_int64(statement, 1);
	ret->portal.present = true;
	column_text(statement, 2, ret->portal.address, sizeof(ret->portal.address));
	ret->portal.socket = (uint16_t)sqlite3_column_int(statement, 3);
	column_text(statement, 4, ret->portal.symbolic_name, sizeof(ret->portal.symbolic_name));
	ret->security_flags = (uint64_t)sqlite3_column_int64(statement, 5);
	o->present = sqlite3_column_int(statement, 6);
	for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
		*numbers[i] = (uint32_t)sqlite3_column_int64(statement, 7 + i);
	o->username_len = column_bytes(statement, 16, o->username);
	o->password_len = column_bytes(statement, 17, o->password);
}

int store_each_portal(struct store *store,
		      void (*each)(void *ctx, const struct store_portal *portal), void *ctx)
{
	struct store_portal portal;
	sqlite3_stmt *statement;
	int r = store_prepare(store,
		"SELECT instance, port, address, socket, symbolic_name, security_flags, options,"
		" version, specified, login_flags, auth_type, header_digest, data_digest,"
		" max_connections, time2wait, time2retain, username, password FROM portal"
		" ORDER BY id", &statement), rc;

	if (r < 0)
		return r;
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		portal_row(statement, &portal);
		each(ctx, &portal);
	}
	secret_wipe(&portal, sizeof(portal));
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? 0 : store_error(rc);
}

int store_port_number(struct store *store, const char *address, uint32_t *ret)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT number FROM initiator_port WHERE address=?1", &statement);
	int rc;

	if (r < 0)
		return r;
	bind_text(statement, 1, address);
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		*ret = (uint32_t)sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	if (rc != SQLITE_DONE)
		return rc == SQLITE_ROW ? 0 : store_error(rc);
	r = store_prepare(store, "INSERT INTO initiator_port (address) VALUES (?1)", &statement);
	if (r < 0)
		return r;
	bind_text(statement, 1, address);
	r = store_run(statement);
	if (r == 0)
		*ret = (uint32_t)sqlite3_last_insert_rowid(store->db);
	return r;
}
