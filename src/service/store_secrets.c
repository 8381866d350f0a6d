/*
 * store_secrets.c - the sealed columns: one table names them all, and what each secret belongs to.
 * Secrets are sealed before SQLite gets them, and opened after it gave them, so none is ever in its
 * caches, its journal or its file.
 */
#include "service/store_inside.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "service/log.h"

/* The keys are what identity_* gets in the same order: stored secrets depend on them for good. */
static const struct {
	const char *table, *column, *keys, *what;
} columns[SEALED_COLUMNS] = {
	[SEALED_SECRET] = { "secret", "value", "name", "the secret" },
	[SEALED_PORTAL] = { "portal", "password", "instance, port, lower(address), socket",
			    "the password of the SendTargets portal" },
	[SEALED_TARGET] = { "target", "password", "name", "the password of the static target" },
	[SEALED_LOGIN] = { "login", "password", "name, instance, port, lower(address), socket",
			   "the password of the persistent login" },
	[SEALED_LOGIN_KEY] = { "login", "key", "name, instance, port, lower(address), socket",
			       "the preshared key of the persistent login" },
	[SEALED_CONN] = { "login_conn", "password", "login, lower(address), socket",
			  "the password of an added connection of the persistent login" },
	[SEALED_CONN_KEY] = { "login_conn", "key", "login, lower(address), socket",
			      "the preshared key of an added connection of the persistent login" },
	[SEALED_IKE_KEY] = { "ike", "key", "instance, port, id_type, hex(id)",
			     "the preshared key of the IKE identity" },
};

/* ---- identities */

static void identity_add(struct identity *identity, const char *text, size_t len)
{
	int n = snprintf(identity->text + identity->len, sizeof(identity->text) - identity->len,
			 "%zu:%.*s,", len, (int)len, text);

	identity->len += (size_t)n;
	/* The longest texts of all records fit. */
	assert(identity->len < sizeof(identity->text));
}

void identity_init(struct identity *identity, enum sealed_column column)
{
	identity->column = column;
	identity->len = 0;
	identity_add(identity, columns[column].table, strlen(columns[column].table));
	identity_add(identity, columns[column].column, strlen(columns[column].column));
}

void identity_text(struct identity *identity, const char *text)
{
	identity_add(identity, text, strlen(text));
}

void identity_folded(struct identity *identity, const char *text)
{
	char folded[OPTIONS_TEXT];
	size_t len = strnlen(text, sizeof(folded));

	for (size_t i = 0; i < len; i++)
		folded[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
	identity_add(identity, folded, len);
}

void identity_number(struct identity *identity, int64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	identity_text(identity, text);
}

/* ---- one secret */

int secret_seal(struct store *store, const struct identity *identity, const void *secret,
		size_t len, bool lost, struct sealed *ret)
{
	int r;

	ret->keep = lost && len == 0;
	ret->len = 0;
	if (len == 0)
		return 0;
	r = seal_put(store->seal, identity->text, secret, len, ret->bytes);
	if (r >= 0) {
		ret->len = (size_t)r;
		return 0;
	}
	log_error("a secret can't be stored: %s", seal_trouble(store->seal)
		  ? seal_trouble(store->seal) : strerror(-r));
	return r;
}

void bind_sealed(sqlite3_stmt *statement, const char *name, const struct sealed *sealed)
{
	/* A parameter that is not bound is NULL. */
	if (!sealed->keep)
		bind_bytes(statement, name, sealed->bytes, sealed->len);
}

size_t row_secret(struct row *row, const struct identity *identity, void *ret, size_t room,
		  bool *ret_lost)
{
	int len = sqlite3_column_bytes(row->statement, row->at), r = 0;

	if (len)
		r = seal_get(row->store->seal, identity->text,
			     sqlite3_column_blob(row->statement, row->at), (size_t)len, ret, room);
	row->at++;
	*ret_lost = r < 0;
	return r < 0 ? 0 : (size_t)r;
}

int key_seal(struct store *store, const struct identity *identity, const struct preshared_key *key,
	     struct sealed *ret)
{
	return secret_seal(store, identity, key->bytes, key->len, key->lost, ret);
}

void row_key(struct row *row, const struct identity *identity, struct preshared_key *ret)
{
	ret->len = (uint16_t)row_secret(row, identity, ret->bytes, sizeof(ret->bytes), &ret->lost);
}

/* ---- all secrets of a column */

struct walk {
	enum sealed_column column;
	int (*each)(struct row *row, struct walk *walk, const struct identity *identity, int64_t id);
	void (*tell)(void *ctx, const char *what);
	void *ctx;
	unsigned lost;
};

/* Columns: rowid, the secret, then the keys. */
static const char *key_text(const struct row *row, int at)
{
	const char *text = (const char *)sqlite3_column_text(row->statement, at);

	return text ? text : "";
}

static int walk_row(struct row *row, void *ctx)
{
	struct walk *walk = ctx;
	struct identity identity;

	identity_init(&identity, walk->column);
	for (int i = 2; i < sqlite3_column_count(row->statement); i++)
		identity_text(&identity, key_text(row, i));
	row->at = 1;
	return walk->each(row, walk, &identity, sqlite3_column_int64(row->statement, 0));
}

static int walk_column(struct store *store, enum sealed_column column, struct walk *walk)
{
	char sql[256];
	sqlite3_stmt *statement;
	int r;

	walk->column = column;
	snprintf(sql, sizeof(sql), "SELECT rowid, %s, %s FROM %s WHERE length(%s) > 0 ORDER BY rowid",
		 columns[column].column, columns[column].keys, columns[column].table,
		 columns[column].column);
	r = store_prepare(store, sql, &statement);
	return r < 0 ? r : store_rows(store, statement, walk_row, walk);
}

static int walk_all(struct store *store, struct walk *walk)
{
	int r = 0;

	for (int i = 0; i < SEALED_COLUMNS && r == 0; i++)
		r = walk_column(store, (enum sealed_column)i, walk);
	return r;
}

static int replace(struct store *store, const struct identity *identity, int64_t id,
		   const void *secret, size_t len)
{
	char sql[128];
	struct sealed sealed;
	sqlite3_stmt *statement;
	int r = secret_seal(store, identity, secret, len, false, &sealed);

	if (r < 0)
		return r;
	snprintf(sql, sizeof(sql), "UPDATE %s SET %s=:value WHERE rowid=:id",
		 columns[identity->column].table, columns[identity->column].column);
	r = store_prepare(store, sql, &statement);
	if (r < 0)
		return r;
	bind_sealed(statement, ":value", &sealed);
	bind_number(statement, ":id", id);
	return store_run(store, statement);
}

static int seal_plain(struct row *row, struct walk *walk, const struct identity *identity,
		      int64_t id)
{
	uint8_t secret[SEAL_SECRET_MAX];
	size_t len = row_bytes(row, secret, sizeof(secret));
	int r = replace(row->store, identity, id, secret, len);

	(void)walk;
	secret_wipe(secret, sizeof(secret));
	return r;
}

int secrets_seal_plain(struct store *store, enum sealed_column column)
{
	struct walk walk = { .each = seal_plain };

	return walk_column(store, column, &walk);
}

static int review(struct row *row, struct walk *walk, const struct identity *identity, int64_t id)
{
	uint8_t secret[SEAL_SECRET_MAX];
	bool current = seal_is_current(row->store->seal, sqlite3_column_blob(row->statement, 1),
				       (size_t)sqlite3_column_bytes(row->statement, 1)), lost;
	size_t len = row_secret(row, identity, secret, sizeof(secret), &lost);
	int r = 0;

	if (lost)
		walk->lost++;
	else if (!current && seal_has_credential(row->store->seal))
		r = replace(row->store, identity, id, secret, len);
	secret_wipe(secret, sizeof(secret));
	return r;
}

int secrets_review(struct store *store)
{
	struct walk walk = { .each = review };
	const char *trouble = seal_trouble(store->seal);
	int r = store_begin(store);

	if (r < 0)
		return r;
	r = store_end(store, walk_all(store, &walk));
	if (r < 0)
		return r;
	if (trouble)
		snprintf(store->trouble, sizeof(store->trouble), "%s", trouble);
	else if (walk.lost)
		snprintf(store->trouble, sizeof(store->trouble),
			 "%u secrets in %s can't be opened: its key is not in the file " SEAL_FILE
			 " beside it and no credential " SEAL_CREDENTIAL ". Put the right key back,"
			 " or set these secrets anew", walk.lost, store->path);
	else if (seal_has_credential(store->seal))
		return seal_drop_file(store->seal);
	return 0;
}

static int tell_lost(struct row *row, struct walk *walk, const struct identity *identity,
		     int64_t id)
{
	uint8_t secret[SEAL_SECRET_MAX];
	char what[1024];
	size_t len = 0;
	bool lost;

	(void)id;
	row_secret(row, identity, secret, sizeof(secret), &lost);
	secret_wipe(secret, sizeof(secret));
	if (!lost)
		return 0;
	len += (size_t)snprintf(what, sizeof(what), "%s", columns[walk->column].what);
	for (int i = 2; i < sqlite3_column_count(row->statement) && len < sizeof(what); i++) {
		const char *text = key_text(row, i);

		if (*text)
			len += (size_t)snprintf(what + len, sizeof(what) - len, " %s", text);
	}
	walk->tell(walk->ctx, what);
	return 0;
}

const char *store_key_trouble(const struct store *store)
{
	return store->trouble[0] ? store->trouble : NULL;
}

int store_each_lost(struct store *store, void (*each)(void *ctx, const char *what), void *ctx)
{
	struct walk walk = { .each = tell_lost, .tell = each, .ctx = ctx };

	return walk_all(store, &walk);
}

/* ---- single secrets */

struct wanted {
	struct identity identity;
	void *value;
	size_t room;
	int result;
};

static int take_secret(struct row *row, void *ctx)
{
	struct wanted *wanted = ctx;
	size_t len = (size_t)sqlite3_column_bytes(row->statement, 0);

	wanted->result = seal_get(row->store->seal, wanted->identity.text,
				  sqlite3_column_blob(row->statement, 0), len, wanted->value,
				  wanted->room);
	return 0;
}

int store_get_secret(struct store *store, const char *name, void *value, size_t room)
{
	struct wanted wanted = { .value = value, .room = room, .result = -ENOENT };
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT value FROM secret WHERE name=:name", &statement);

	if (r < 0)
		return r;
	identity_init(&wanted.identity, SEALED_SECRET);
	identity_text(&wanted.identity, name);
	bind_text(statement, ":name", name);
	r = store_rows(store, statement, take_secret, &wanted);
	if (r < 0)
		return r;
	/* Damaged, or not its own: as good as without a key. */
	return wanted.result == -EBADMSG ? -ENOKEY : wanted.result;
}

int store_set_secret(struct store *store, const char *name, const void *value, size_t len)
{
	struct identity identity;
	struct sealed sealed = { .len = 0 };
	sqlite3_stmt *statement;
	int r = 0;

	identity_init(&identity, SEALED_SECRET);
	identity_text(&identity, name);
	if (value && len)
		r = secret_seal(store, &identity, value, len, false, &sealed);
	if (r < 0)
		return r;
	r = store_prepare(store, sealed.len
		? "INSERT INTO secret (name, value) VALUES (:name, :value)"
		  " ON CONFLICT (name) DO UPDATE SET value=:value"
		: "DELETE FROM secret WHERE name=:name", &statement);
	if (r < 0)
		return r;
	bind_text(statement, ":name", name);
	if (sealed.len)
		bind_sealed(statement, ":value", &sealed);
	return store_run(store, statement);
}
