/*
 * store_inside.h - what the files store_*.c share: the open file, statements with named parameters,
 * rows read from left to right, and sealed columns. Nothing else includes it.
 */
#ifndef ISCSIDSC_SERVICE_STORE_INSIDE_H
#define ISCSIDSC_SERVICE_STORE_INSIDE_H

#include <limits.h>
#include <sqlite3.h>

#include "service/seal.h"
#include "service/store.h"

struct store {
	sqlite3 *db;
	struct seal *seal;
	char path[PATH_MAX];
	char trouble[PATH_MAX + 256]; /* with the keys; empty: none */
};

/* ---- statements (store_sql.c). Failures of SQLite are logged there, once. */

/* Logs what SQLite says, and makes a negative errno of it. */
int store_fail(struct store *store, int rc);
int store_prepare(struct store *store, const char *sql, sqlite3_stmt **ret);
/* Runs to its end and finalizes it. */
int store_run(struct store *store, sqlite3_stmt *statement);
/* The same for a statement that returns one row with one number. */
int store_run_id(struct store *store, sqlite3_stmt *statement, int64_t *ret);
int store_exec(struct store *store, const char *sql);
int store_begin(struct store *store);
/* Commits if r is 0, else rolls back. Returns r, or why it could not commit. */
int store_end(struct store *store, int r);

/* `name` with its colon; each must be in the statement. Texts and bytes are lent until it ran. */
void bind_text(sqlite3_stmt *statement, const char *name, const char *text);
void bind_number(sqlite3_stmt *statement, const char *name, int64_t number);
void bind_bytes(sqlite3_stmt *statement, const char *name, const void *bytes, size_t len);

struct row {
	struct store *store;
	sqlite3_stmt *statement;
	int at; /* the next column */
};

void row_text(struct row *row, char *ret, size_t room);
int64_t row_number(struct row *row);
/* Cut to the room; returns the length. */
size_t row_bytes(struct row *row, void *ret, size_t room);
/* Runs it, calls `take` for each row until that does not return 0, and finalizes it. */
int store_rows(struct store *store, sqlite3_stmt *statement,
	       int (*take)(struct row *row, void *ctx), void *ctx);

/* ---- sealed columns (store_secrets.c) */

enum { STORE_IDENTITY_MAX = 2048 };

/* A sealed column, and the columns that say what its secret belongs to. */
enum sealed_column {
	SEALED_SECRET,        /* name */
	SEALED_PORTAL,        /* instance, port, folded address, socket */
	SEALED_TARGET,        /* name */
	SEALED_LOGIN,         /* name, instance, port, folded address, socket */
	SEALED_LOGIN_KEY,     /* the same */
	SEALED_CONN,          /* login's id, folded address, socket */
	SEALED_CONN_KEY,      /* the same */
	SEALED_IKE_KEY,       /* instance, port, type, id in hexadecimal */
	SEALED_COLUMNS,
};

struct identity {
	enum sealed_column column;
	size_t len;
	char text[STORE_IDENTITY_MAX];
};

void identity_init(struct identity *identity, enum sealed_column column);
void identity_text(struct identity *identity, const char *text);
/* ASCII letters become small, as SQLite's lower() makes them. */
void identity_folded(struct identity *identity, const char *text);
void identity_number(struct identity *identity, int64_t number);

struct sealed {
	bool keep; /* the stored one stays: it is bound as NULL */
	size_t len;
	uint8_t bytes[SEAL_SECRET_MAX + SEAL_OVERHEAD];
};

int secret_seal(struct store *store, const struct identity *identity, const void *secret,
		size_t len, bool lost, struct sealed *ret);
void bind_sealed(sqlite3_stmt *statement, const char *name, const struct sealed *sealed);
/* Opens the next column; returns the length. *ret_lost: it is there and can't be opened. */
size_t row_secret(struct row *row, const struct identity *identity, void *ret, size_t room,
		  bool *ret_lost);
int key_seal(struct store *store, const struct identity *identity, const struct preshared_key *key,
	     struct sealed *ret);
void row_key(struct row *row, const struct identity *identity, struct preshared_key *ret);

/* Seals what an older schema has in the clear in this column. */
int secrets_seal_plain(struct store *store, enum sealed_column column);
/* After opening: seals with the credential's key what the file's key sealed, and notes in
 * store->trouble what can't be opened. */
int secrets_review(struct store *store);

/* ---- login options, portals, mappings as columns (store_columns.c) */

#define OPTIONS_COLUMNS \
	"options, version, specified, login_flags, auth_type, header_digest, data_digest," \
	" max_connections, time2wait, time2retain, username, password"
#define OPTIONS_VALUES \
	":options, :version, :specified, :login_flags, :auth_type, :header_digest, :data_digest," \
	" :max_connections, :time2wait, :time2retain, :username, coalesce(:password, x'')"
/* In an upsert. */
#define OPTIONS_UPDATE \
	"options=:options, version=:version, specified=:specified, login_flags=:login_flags," \
	" auth_type=:auth_type, header_digest=:header_digest, data_digest=:data_digest," \
	" max_connections=:max_connections, time2wait=:time2wait, time2retain=:time2retain," \
	" username=:username, password=coalesce(:password, password)"

/* Seals the password and binds all; `sealed` is lent until the statement ran. */
int bind_options(struct store *store, sqlite3_stmt *statement, const struct options *options,
		 const struct identity *identity, struct sealed *sealed);
void row_options(struct row *row, const struct identity *identity, struct options *ret);

#define PORTAL_COLUMNS "address, socket, symbolic_name"
#define PORTAL_VALUES ":address, :socket, :symbolic_name"
/* An absent portal is an empty address. */
void bind_portal(sqlite3_stmt *statement, const struct portal *portal);
void row_portal(struct row *row, struct portal *ret);

enum { MAPPINGS_BYTES_MAX = 8 + 12 * MAPPING_LUNS_MAX };

/* As bytes, none for absent ones. -EINVAL for more than MAPPING_LUNS_MAX. */
int mappings_put(const struct mappings *mappings, uint8_t *ret, size_t *ret_len);
/* -EIO if they can't be mappings, -ENOMEM. */
int row_mappings(struct row *row, struct mappings *ret);

/* ---- the schema (store_schema.c) */

/* Brings it up to STORE_SCHEMA, one transaction for each version. */
int schema_bring_up(struct store *store, int version);

#endif
