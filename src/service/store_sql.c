/*
 * store_sql.c - statements, transactions, parameters and rows; see store_inside.h.
 */
#include "service/store_inside.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "service/log.h"

static int error_of(int rc, int system_error)
{
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	default:
		/* The journal could not be made: the system knows why. */
		return system_error == EROFS || system_error == ENOSPC || system_error == EDQUOT
			? (system_error == EROFS ? -EROFS : -ENOSPC) : -EIO;
	}
}

int store_fail(struct store *store, int rc)
{
	int system_error = 0;

	if (rc == SQLITE_CANTOPEN || rc == SQLITE_IOERR)
		system_error = sqlite3_system_errno(store->db);
	log_error("%s: %s%s%s", store->path, sqlite3_errmsg(store->db), system_error ? ": " : "",
		  system_error ? strerror(system_error) : "");
	return error_of(rc, system_error);
}

int store_prepare(struct store *store, const char *sql, sqlite3_stmt **ret)
{
	int rc = sqlite3_prepare_v2(store->db, sql, -1, ret, NULL);

	return rc == SQLITE_OK ? 0 : store_fail(store, rc);
}

int store_run(struct store *store, sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement), r = rc == SQLITE_DONE ? 0 : store_fail(store, rc);

	sqlite3_finalize(statement);
	return r;
}

int store_run_id(struct store *store, sqlite3_stmt *statement, int64_t *ret)
{
	int64_t id = 0;
	int rc = sqlite3_step(statement), r;

	if (rc == SQLITE_ROW) {
		id = sqlite3_column_int64(statement, 0);
		rc = sqlite3_step(statement);
	}
	r = rc == SQLITE_DONE ? 0 : store_fail(store, rc);
	sqlite3_finalize(statement);
	if (r == 0)
		*ret = id;
	return r;
}

int store_exec(struct store *store, const char *sql)
{
	int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : store_fail(store, rc);
}

int store_begin(struct store *store)
{
	return store_exec(store, "BEGIN IMMEDIATE");
}

int store_end(struct store *store, int r)
{
	if (r == 0)
		r = store_exec(store, "COMMIT");
	/* A failed statement may have rolled back already. */
	if (r < 0 && !sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int place_of(sqlite3_stmt *statement, const char *name)
{
	int at = sqlite3_bind_parameter_index(statement, name);

	assert(at > 0);
	return at;
}

void bind_text(sqlite3_stmt *statement, const char *name, const char *text)
{
	sqlite3_bind_text(statement, place_of(statement, name), text, -1, SQLITE_STATIC);
}

void bind_number(sqlite3_stmt *statement, const char *name, int64_t number)
{
	sqlite3_bind_int64(statement, place_of(statement, name), number);
}

/* SQLite takes a blob at NULL as SQL's NULL; ours are never that. */
void bind_bytes(sqlite3_stmt *statement, const char *name, const void *bytes, size_t len)
{
	sqlite3_bind_blob(statement, place_of(statement, name), len ? bytes : "", (int)len,
			  SQLITE_STATIC);
}

void row_text(struct row *row, char *ret, size_t room)
{
	const char *text = (const char *)sqlite3_column_text(row->statement, row->at++);

	snprintf(ret, room, "%s", text ? text : "");
}

int64_t row_number(struct row *row)
{
	return sqlite3_column_int64(row->statement, row->at++);
}

size_t row_bytes(struct row *row, void *ret, size_t room)
{
	size_t len = (size_t)sqlite3_column_bytes(row->statement, row->at);

	if (len > room)
		len = room;
	if (len)
		memcpy(ret, sqlite3_column_blob(row->statement, row->at), len);
	row->at++;
	return len;
}

int store_rows(struct store *store, sqlite3_stmt *statement,
	       int (*take)(struct row *row, void *ctx), void *ctx)
{
	int rc = SQLITE_DONE, r = 0;

	while (r == 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		struct row row = { .store = store, .statement = statement };

		r = take(&row, ctx);
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = store_fail(store, rc);
	sqlite3_finalize(statement);
	return r;
}
