/*
 * store.c - see store.h: opening and closing, settings, initiator ports. The other store_*.c have a
 * list each.
 *
 * A rollback journal with synchronous=EXTRA: a commit is on the disk, its journal's removal too,
 * before it returns. secure_delete: what is removed is overwritten.
 */
#include "service/store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char setup[] =
	"PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; PRAGMA secure_delete=ON;"
	"PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON;";

static int is_damage(int rc)
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

/* Opens the file and looks whether it is whole. Returns an SQLite code. */
static int file_open(struct store *store, int *ret_version)
{
	char answer[32] = "";
	int rc = sqlite3_open_v2(store->path, &store->db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_busy_timeout(store->db, 2000);
	rc = sqlite3_exec(store->db, setup, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(store->db, "PRAGMA quick_check(1)", read_one, answer, NULL);
	if (rc == SQLITE_OK && strcmp(answer, "ok") != 0)
		rc = SQLITE_CORRUPT;
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(store->db, "PRAGMA user_version", read_one, answer, NULL);
	*ret_version = atoi(answer);
	return rc;
}

/* Renames the file, and its journal, which would otherwise be applied to the new one. */
static int put_aside(const char *folder, char *ret_aside)
{
	static const char *const ending[] = { "", "-journal" };
	char from[PATH_MAX], to[PATH_MAX];

	snprintf(ret_aside, STORE_FILE_NAME_MAX, STORE_FILE ".damaged-%lld", (long long)time(NULL));
	for (unsigned i = 0; i < 2; i++) {
		snprintf(from, sizeof(from), "%s/" STORE_FILE "%s", folder, ending[i]);
		snprintf(to, sizeof(to), "%s/%s%s", folder, ret_aside, ending[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* The file exists with the right mode before SQLite comes to it. */
static int make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;

	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0600) < 0)
		r = -errno;
	close(fd);
	return r;
}

struct sentence {
	char *text;
	size_t room;
};

/* Opens the file, a new one in place of a damaged one. */
static int open_whole(struct store *store, const char *folder, char *ret_aside, int *ret_version,
		      struct sentence *why)
{
	for (;;) {
		int r = make_file(store->path), rc;

		if (r < 0) {
			snprintf(why->text, why->room, "can't open %s: %s", store->path,
				 strerror(-r));
			return r;
		}
		rc = file_open(store, ret_version);
		if (rc == SQLITE_OK)
			return 0;
		if (!is_damage(rc) || ret_aside[0]) {
			snprintf(why->text, why->room, "can't use %s: %s", store->path,
				 sqlite3_errstr(rc));
			return rc == SQLITE_NOMEM ? -ENOMEM : -EIO;
		}
		sqlite3_close(store->db);
		store->db = NULL;
		r = put_aside(folder, ret_aside);
		if (r < 0) {
			snprintf(why->text, why->room, "%s is damaged and can't be renamed: %s",
				 store->path, strerror(-r));
			return r;
		}
	}
}

static int bring_up(struct store *store, const char *folder, int version, struct sentence *why)
{
	const char *trouble;
	int r;

	if (version > STORE_SCHEMA) {
		snprintf(why->text, why->room, "can't use %s: it was written by a newer version",
			 store->path);
		return -EPROTO;
	}
	r = seal_open(folder, getenv("CREDENTIALS_DIRECTORY"), &store->seal);
	if (r == 0)
		r = schema_bring_up(store, version);
	if (r == 0)
		r = secrets_review(store);
	if (r == 0)
		return 0;
	trouble = store->seal ? seal_trouble(store->seal) : NULL;
	if (r == -ENOKEY && trouble)
		snprintf(why->text, why->room, "can't seal the secrets in %s: %s", store->path,
			 trouble);
	else
		snprintf(why->text, why->room, "can't use %s: %s", store->path, strerror(-r));
	return r;
}

int store_open(const char *folder, char *ret_aside, char *why, size_t why_len, struct store **ret)
{
	struct store *store = calloc(1, sizeof(*store));
	struct sentence sentence = { why, why_len };
	int r, version = 0;

	ret_aside[0] = 0;
	snprintf(why, why_len, "out of memory");
	if (!store)
		return -ENOMEM;
	snprintf(store->path, sizeof(store->path), "%s/" STORE_FILE, folder);
	r = open_whole(store, folder, ret_aside, &version, &sentence);
	if (r == 0)
		r = bring_up(store, folder, version, &sentence);
	if (r < 0) {
		store_close(store);
		return r;
	}
	*ret = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	sqlite3_close(store->db);
	seal_close(store->seal);
	free(store);
}

/* ---- settings */

struct wanted {
	void *value;
	size_t room;
	int result;
};

static int take_setting(struct row *row, void *ctx)
{
	struct wanted *wanted = ctx;
	size_t len = (size_t)sqlite3_column_bytes(row->statement, 0);

	wanted->result = len > wanted->room ? -EMSGSIZE
			 : (int)row_bytes(row, wanted->value, wanted->room);
	return 0;
}

int store_get(struct store *store, const char *name, void *value, size_t room)
{
	struct wanted wanted = { value, room, -ENOENT };
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT value FROM setting WHERE name=:name", &statement);

	if (r < 0)
		return r;
	bind_text(statement, ":name", name);
	r = store_rows(store, statement, take_setting, &wanted);
	return r < 0 ? r : wanted.result;
}

int store_set(struct store *store, const char *name, const void *value, size_t len)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, value ? "INSERT OR REPLACE INTO setting VALUES (:name, :value)"
					   : "DELETE FROM setting WHERE name=:name", &statement);

	if (r < 0)
		return r;
	bind_text(statement, ":name", name);
	if (value)
		bind_bytes(statement, ":value", value, len);
	return store_run(store, statement);
}

struct each_setting {
	void (*each)(void *ctx, const char *name, const void *value, size_t len);
	void *ctx;
};

static int give_setting(struct row *row, void *ctx)
{
	struct each_setting *each = ctx;
	int len = sqlite3_column_bytes(row->statement, 1);

	each->each(each->ctx, (const char *)sqlite3_column_text(row->statement, 0),
		   len ? sqlite3_column_blob(row->statement, 1) : "", (size_t)len);
	return 0;
}

int store_each_setting(struct store *store, const char *prefix,
		       void (*each)(void *ctx, const char *name, const void *value, size_t len),
		       void *ctx)
{
	struct each_setting give = { each, ctx };
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT name, value FROM setting"
				     " WHERE substr(name, 1, length(:prefix)) = :prefix ORDER BY name",
			      &statement);

	if (r < 0)
		return r;
	bind_text(statement, ":prefix", prefix);
	return store_rows(store, statement, give_setting, &give);
}

/* ---- initiator ports */

static int take_number(struct row *row, void *ctx)
{
	*(int64_t *)ctx = row_number(row);
	return 0;
}

int store_port_number(struct store *store, const char *address, uint32_t *ret)
{
	int64_t number = 0;
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT number FROM initiator_port WHERE address=:address",
			      &statement);

	if (r < 0)
		return r;
	bind_text(statement, ":address", address);
	r = store_rows(store, statement, take_number, &number);
	if (r == 0 && !number) {
		r = store_prepare(store, "INSERT INTO initiator_port (address) VALUES (:address)"
					 " RETURNING number", &statement);
		if (r < 0)
			return r;
		bind_text(statement, ":address", address);
		r = store_run_id(store, statement, &number);
	}
	if (r == 0)
		*ret = (uint32_t)number;
	return r;
}
