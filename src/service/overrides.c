/*
 * overrides.c - see overrides.h.
 */
#include "service/overrides.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/store.h"

#define STORED "default."

void overrides_init(struct overrides *overrides)
{
	list_init(&overrides->list);
	overrides->count = 0;
}

static void override_free(struct overrides *overrides, struct override *override)
{
	list_remove(&override->link);
	overrides->count--;
	free(override);
}

void overrides_done(struct overrides *overrides)
{
	list_for_each(it, &overrides->list)
		override_free(overrides, list_entry(it, struct override, link));
}

static void fold(char *name)
{
	for (; *name; name++)
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name - 'A' + 'a');
}

int override_name(const char *name, enum default_id *ret_id, char ret_target[NAME_MAX_LEN + 1])
{
	const char *at = strchr(name, '@');
	char setting[DEFAULT_TEXT_MAX], target[NAME_MAX_LEN + 1] = "";
	size_t len = at ? (size_t)(at - name) : strlen(name);
	int id;

	if (len >= sizeof(setting))
		return -ENOENT;
	memcpy(setting, name, len);
	setting[len] = 0;
	id = defaults_find(setting);
	if (id < 0)
		return id;
	/* As liberal as where targets tell their names: what is listed can be named here. */
	if (at && (!defaults_per_target((enum default_id)id) || name_check_received(at + 1) < 0))
		return -EINVAL;
	if (at)
		strcpy(target, at + 1);
	fold(target);
	*ret_id = (enum default_id)id;
	strcpy(ret_target, target);
	return 0;
}

void override_print(enum default_id id, const char *target, char ret[OVERRIDE_NAME_MAX])
{
	snprintf(ret, OVERRIDE_NAME_MAX, "%s%s%s", defaults_name(id), *target ? "@" : "", target);
}

static struct override *override_find(const struct overrides *overrides, const char *target,
				      enum default_id id)
{
	list_for_each(it, &overrides->list) {
		struct override *override = list_entry(it, struct override, link);

		if (override->id == id && strcmp(override->target, target) == 0)
			return override;
	}
	return NULL;
}

/* Behind those of the same target, so that a listing keeps them together. */
static void override_insert(struct overrides *overrides, struct override *override)
{
	struct list *at = &overrides->list;

	list_for_each(it, &overrides->list)
		if (strcmp(list_entry(it, struct override, link)->target, override->target) == 0)
			at = it_next;
	list_insert_before(at, &override->link);
	overrides->count++;
}

/* One that is not in the list yet. */
static struct override *override_new(const char *target, enum default_id id)
{
	struct override *override = calloc(1, sizeof(*override));

	if (!override)
		return NULL;
	override->id = id;
	strcpy(override->target, target);
	return override;
}

static int override_put(struct overrides *overrides, const char *target, enum default_id id,
			uint32_t value)
{
	struct override *override = override_find(overrides, target, id);

	if (!override) {
		override = override_new(target, id);
		if (!override)
			return -ENOMEM;
		override_insert(overrides, override);
	}
	override->value = value;
	return 0;
}

struct loading {
	struct overrides *overrides;
	int error;
};

static void take_stored(void *ctx, const char *name, const void *bytes, size_t len)
{
	struct loading *loading = ctx;
	char text[DEFAULT_TEXT_MAX], target[NAME_MAX_LEN + 1];
	enum default_id id;
	uint32_t value;
	int r;

	if (len >= sizeof(text) || override_name(name + strlen(STORED), &id, target) < 0 ||
	    !*target || loading->overrides->count == OVERRIDES_MAX)
		return;
	memcpy(text, bytes, len);
	text[len] = 0;
	if (defaults_parse(id, text, &value) < 0)
		return;
	r = override_put(loading->overrides, target, id, value);
	if (r < 0)
		loading->error = r;
}

int overrides_load(struct overrides *overrides, struct store *store)
{
	struct loading loading = { .overrides = overrides };
	int r = store_each_setting(store, STORED, take_stored, &loading);

	return r < 0 ? r : loading.error;
}

static int override_store(struct store *store, const char *target, enum default_id id,
			  const char *text)
{
	char name[OVERRIDE_NAME_MAX], stored[sizeof(STORED) + OVERRIDE_NAME_MAX];

	override_print(id, target, name);
	snprintf(stored, sizeof(stored), STORED "%s", name);
	return store_set(store, stored, *text ? text : NULL, strlen(text));
}

int overrides_set(struct overrides *overrides, struct store *store, const struct defaults *defaults,
		  const char *target, enum default_id id, const char *text)
{
	struct override *present = override_find(overrides, target, id), *fresh = NULL;
	struct defaults changed;
	int r;

	overrides_apply(overrides, target, defaults, &changed);
	changed.value[id] = defaults->value[id];
	r = *text ? defaults_parse(id, text, &changed.value[id]) : 0;
	if (r < 0)
		return r;
	if (!defaults_agree(&changed))
		return -EINVAL;
	if (!present && *text && overrides->count == OVERRIDES_MAX)
		return -ENOSPC;
	/* What is stored must be in force, too. */
	if (!present && *text && !(fresh = override_new(target, id)))
		return -ENOMEM;
	r = override_store(store, target, id, text);
	if (r < 0) {
		free(fresh);
		return r;
	}
	if (fresh) {
		override_insert(overrides, fresh);
		present = fresh;
	}
	if (*text)
		present->value = changed.value[id];
	else if (present)
		override_free(overrides, present);
	return 0;
}

void overrides_apply(const struct overrides *overrides, const char *target,
		     const struct defaults *defaults, struct defaults *ret)
{
	*ret = *defaults;
	list_for_each(it, &overrides->list) {
		const struct override *override = list_entry(it, struct override, link);

		if (strcmp(override->target, target) == 0)
			ret->value[override->id] = override->value;
	}
}
