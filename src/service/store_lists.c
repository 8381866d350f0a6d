/*
 * store_lists.c - plain lists of texts; see store.h.
 */
#include "service/store_inside.h"

#include <errno.h>
#include <string.h>

/* What stands in the file for good. */
static const int list_numbers[STORE_LISTS] = {
	[STORE_ISNS_SERVERS] = 1,
	[STORE_RADIUS_SERVERS] = 2,
	[STORE_DEVICES] = 3,
};

static int item_run(struct store *store, const char *sql, enum store_list list, const char *item)
{
	sqlite3_stmt *statement;
	int r = strlen(item) < STORE_TEXT_MAX ? store_prepare(store, sql, &statement) : -EINVAL;

	if (r < 0)
		return r;
	bind_number(statement, ":list", list_numbers[list]);
	bind_text(statement, ":item", item);
	return store_run(store, statement);
}

int store_list_add(struct store *store, enum store_list list, const char *item)
{
	return item_run(store, "INSERT INTO item (list, text) VALUES (:list, :item)"
			       " ON CONFLICT (list, text) DO NOTHING", list, item);
}

int store_list_remove(struct store *store, enum store_list list, const char *item)
{
	return item_run(store, "DELETE FROM item WHERE list=:list AND text=:item", list, item);
}

static int list_clear(struct store *store, enum store_list list)
{
	sqlite3_stmt *statement;
	int r = store_prepare(store, "DELETE FROM item WHERE list=:list", &statement);

	if (r < 0)
		return r;
	bind_number(statement, ":list", list_numbers[list]);
	return store_run(store, statement);
}

int store_list_replace(struct store *store, enum store_list list, const char *const *items,
		       size_t count)
{
	int r = store_begin(store);

	if (r < 0)
		return r;
	r = list_clear(store, list);
	for (size_t i = 0; i < count && r == 0; i++)
		r = store_list_add(store, list, items[i]);
	return store_end(store, r);
}

struct each_item {
	void (*each)(void *ctx, const char *item);
	void *ctx;
};

static int give_item(struct row *row, void *ctx)
{
	struct each_item *each = ctx;
	char item[STORE_TEXT_MAX];

	row_text(row, item, sizeof(item));
	each->each(each->ctx, item);
	return 0;
}

int store_list_each(struct store *store, enum store_list list,
		    void (*each)(void *ctx, const char *item), void *ctx)
{
	struct each_item give = { each, ctx };
	sqlite3_stmt *statement;
	int r = store_prepare(store, "SELECT text FROM item WHERE list=:list ORDER BY id", &statement);

	if (r < 0)
		return r;
	bind_number(statement, ":list", list_numbers[list]);
	return store_rows(store, statement, give_item, &give);
}
