/*
 * store_targets.c - static targets; see store.h.
 */
#include "service/store_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

void store_target_done(struct store_target *target)
{
	mappings_done(&target->mappings);
	free(target->portals);
	secret_wipe(target, sizeof(*target));
}

static void target_identity(const char *name, struct identity *ret)
{
	identity_init(ret, SEALED_TARGET);
	identity_text(ret, name);
}

static int put_row(struct store *store, const struct store_target *target, int64_t *ret_id)
{
	uint8_t mappings[MAPPINGS_BYTES_MAX];
	size_t mappings_len;
	struct identity identity;
	struct sealed sealed;
	sqlite3_stmt *statement;
	int r = mappings_put(&target->mappings, mappings, &mappings_len);

	if (r == 0)
		r = store_prepare(store,
			"INSERT INTO target (name, alias, flags, mappings, " OPTIONS_COLUMNS ")"
			" VALUES (:name, :alias, :flags, :mappings, " OPTIONS_VALUES ")"
			" ON CONFLICT (name) DO UPDATE SET alias=:alias, flags=:flags,"
			" mappings=:mappings, " OPTIONS_UPDATE " RETURNING id", &statement);
	if (r < 0)
		return r;
	target_identity(target->name, &identity);
	bind_text(statement, ":name", target->name);
	bind_text(statement, ":alias", target->alias);
	bind_number(statement, ":flags", target->flags);
	bind_bytes(statement, ":mappings", mappings, mappings_len);
	r = bind_options(store, statement, &target->options, &identity, &sealed);
	if (r < 0) {
		sqlite3_finalize(statement);
		return r;
	}
	return store_run_id(store, statement, ret_id);
}

static int put_portal_row(struct store *store, int64_t target, uint32_t position,
			  const struct portal *portal)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store,
		"INSERT INTO target_portal (target, position, " PORTAL_COLUMNS ")"
		" VALUES (:target, :position, " PORTAL_VALUES ")", &statement);

	if (r < 0)
		return r;
	bind_number(statement, ":target", target);
	bind_number(statement, ":position", position);
	bind_portal(statement, portal);
	return store_run(store, statement);
}

static int remove_portal_rows(struct store *store, int64_t target)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "DELETE FROM target_portal WHERE target=:target", &statement);

	if (r < 0)
		return r;
	bind_number(statement, ":target", target);
	return store_run(store, statement);
}

int store_put_target(struct store *store, const struct store_target *target)
{
	int64_t id = 0;
	int r = store_begin(store);

	if (r < 0)
		return r;
	r = put_row(store, target, &id);
	if (r == 0)
		r = remove_portal_rows(store, id);
	for (uint32_t i = 0; i < target->portal_count && r == 0; i++)
		r = put_portal_row(store, id, i, &target->portals[i]);
	return store_end(store, r);
}

int store_remove_target(struct store *store, const char *name)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "DELETE FROM target WHERE name=:name", &statement);

	if (r < 0)
		return r;
	bind_text(statement, ":name", name);
	return store_run(store, statement);
}

struct each_target {
	void (*each)(void *ctx, struct store_target *target);
	void *ctx;
};

static int take_portal(struct row *row, void *ctx)
{
	struct store_target *target = ctx;
	struct portal *more = reallocarray(target->portals, target->portal_count + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	target->portals = more;
	more += target->portal_count++;
	memset(more, 0, sizeof(*more));
	row_portal(row, more);
	return 0;
}

static int take_portals(struct store *store, int64_t id, struct store_target *target)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT " PORTAL_COLUMNS " FROM target_portal"
				     " WHERE target=:target ORDER BY position", &statement);

	if (r < 0)
		return r;
	bind_number(statement, ":target", id);
	return store_rows(store, statement, take_portal, target);
}

static int give_target(struct row *row, void *ctx)
{
	struct each_target *each = ctx;
	struct store_target target = { .persist = true };
	struct identity identity;
	int64_t id = row_number(row);
	int r;

	row_text(row, target.name, sizeof(target.name));
	row_text(row, target.alias, sizeof(target.alias));
	target.flags = (uint32_t)row_number(row);
	r = row_mappings(row, &target.mappings);
	target_identity(target.name, &identity);
	row_options(row, &identity, &target.options);
	if (r == 0)
		r = take_portals(row->store, id, &target);
	if (r == 0)
		each->each(each->ctx, &target);
	store_target_done(&target);
	return r;
}

int store_each_target(struct store *store, void (*each)(void *ctx, struct store_target *target),
		      void *ctx)
{
	struct each_target give = { each, ctx };
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT id, name, alias, flags, mappings, " OPTIONS_COLUMNS
				     " FROM target ORDER BY id", &statement);

	return r < 0 ? r : store_rows(store, statement, give_target, &give);
}
