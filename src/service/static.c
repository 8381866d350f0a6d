/*
 * static.c - see static.h. A tree for finding, a list for the order.
 */
#include "service/static.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/args.h"
#include "service/log.h"
#include "service/mappings.h"
#include "service/status.h"

struct static_target {
	struct list link;           /* owned by service->statics */
	struct store_target stored; /* with secrets */
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct static_target *)a)->stored.name,
		      ((const struct static_target *)b)->stored.name);
}

static struct static_target *find(const struct service *service, const char *name)
{
	struct static_target key;
	struct static_target **found;

	if (strlen(name) > NAME_MAX_LEN)
		return NULL;
	strcpy(key.stored.name, name);
	found = tfind(&key, &service->static_tree, compare);
	return found ? *found : NULL;
}

const struct store_target *static_find(const struct service *service, const char *name)
{
	const struct static_target *target = find(service, name);

	return target ? &target->stored : NULL;
}

/* ---- the list */

static void static_target_free(struct service *service, struct static_target *target)
{
	if (list_linked(&target->link)) {
		tdelete(target, &service->static_tree, compare);
		list_remove(&target->link);
		service->static_count--;
	}
	store_target_done(&target->stored);
	free(target);
}

/* Tells targets.h. */
static int publish(struct service *service, const struct store_target *target)
{
	struct target_found found = {
		.alias = *target->alias ? target->alias : NULL,
		.hidden = target->flags & TARGET_HIDE,
		.one_group = true,
		.count = target->portal_count,
	};
	int r = 0;

	strcpy(found.name, target->name);
	found.addresses = calloc(target->portal_count + 1, sizeof(*found.addresses));
	if (!found.addresses)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < target->portal_count; i++) {
		r = args_host(target->portals[i].address, found.addresses[i].host);
		found.addresses[i].port = target->portals[i].socket;
		found.addresses[i].tag = -1;
	}
	if (r == 0)
		r = targets_put(&service->targets, service->static_source, &found);
	free(found.addresses);
	return r;
}

/* Takes the heap parts over on success. */
static int keep(struct service *service, struct store_target *stored)
{
	struct static_target *target = find(service, stored->name);
	bool is_new = !target;
	int r;

	if (is_new) {
		target = calloc(1, sizeof(*target));
		if (!target)
			return -ENOMEM;
		strcpy(target->stored.name, stored->name);
		if (!tsearch(target, &service->static_tree, compare)) {
			free(target);
			return -ENOMEM;
		}
		list_append(&service->statics, &target->link);
		service->static_count++;
	}
	r = publish(service, stored);
	if (r < 0) {
		if (is_new)
			static_target_free(service, target);
		return r;
	}
	store_target_done(&target->stored);
	target->stored = *stored;
	stored->portals = NULL;
	stored->mappings.lun = NULL;
	return 0;
}

static void take_stored(void *ctx, struct store_target *target)
{
	if (keep(ctx, target) < 0)
		log_warning("stored target %s is left out: it can't be used", target->name);
}

int static_init(struct service *service)
{
	service->static_source = targets_source(&service->targets, STATIC_MECHANISM);
	return service->static_source ? store_each_target(service->store, take_stored, service)
				      : -ENOMEM;
}

void static_free(struct service *service)
{
	list_for_each(it, &service->statics)
		static_target_free(service, list_entry(it, struct static_target, link));
}

/* ---- merging */

static const uint32_t chap_bits = SPECIFIED_USERNAME | SPECIFIED_PASSWORD | SPECIFIED_AUTH_TYPE;

/* What `over` does not specify comes from `under`. Names and secrets belong together: one of them
 * alone keeps all of the others' out. */
static void options_merge(struct options *over, const struct options *under)
{
	uint32_t missing;

	if (!under->present)
		return;
	if (!over->present) {
		*over = *under;
		return;
	}
	missing = under->specified & ~over->specified;
	if (over->specified & chap_bits)
		missing &= ~chap_bits;
	if (missing & SPECIFIED_HEADER_DIGEST)
		over->header_digest = under->header_digest;
	if (missing & SPECIFIED_DATA_DIGEST)
		over->data_digest = under->data_digest;
	if (missing & SPECIFIED_MAX_CONNECTIONS)
		over->max_connections = under->max_connections;
	if (missing & SPECIFIED_TIME2WAIT)
		over->time2wait = under->time2wait;
	if (missing & SPECIFIED_TIME2RETAIN)
		over->time2retain = under->time2retain;
	if (missing & SPECIFIED_AUTH_TYPE)
		over->auth_type = under->auth_type;
	if (missing & SPECIFIED_USERNAME) {
		memcpy(over->username, under->username, sizeof(over->username));
		over->username_len = under->username_len;
	}
	if (missing & SPECIFIED_PASSWORD) {
		memcpy(over->password, under->password, sizeof(over->password));
		over->password_len = under->password_len;
		over->password_lost = under->password_lost;
	}
	over->specified |= missing;
}

static bool has_portal(const struct store_target *target, const struct portal *portal)
{
	for (uint32_t i = 0; i < target->portal_count; i++)
		if (target->portals[i].socket == portal->socket &&
		    strcasecmp(target->portals[i].address, portal->address) == 0)
			return true;
	return false;
}

/* The older ones first. */
static int merge_portals(struct store_target *target, const struct store_target *old)
{
	struct portal *all = calloc(old->portal_count + target->portal_count + 1, sizeof(*all));
	uint32_t count = old->portal_count;

	if (!all)
		return -ENOMEM;
	if (count)
		memcpy(all, old->portals, count * sizeof(*all));
	for (uint32_t i = 0; i < target->portal_count; i++)
		if (!has_portal(old, &target->portals[i]))
			all[count++] = target->portals[i];
	free(target->portals);
	target->portals = all;
	target->portal_count = count;
	return count > STATIC_PORTALS_MAX ? -EINVAL : 0;
}

static int merge(struct store_target *target, const struct store_target *old)
{
	int r = 0;

	if (!*target->alias)
		strcpy(target->alias, old->alias);
	if (!target->mappings.present)
		r = mappings_copy(&old->mappings, &target->mappings);
	if (target->options.present)
		target->options.login_flags |= old->options.login_flags;
	options_merge(&target->options, &old->options);
	target->persist |= old->persist;
	return r < 0 ? r : merge_portals(target, old);
}

/* ---- the calls */

uint32_t static_add(struct service *service, struct store_target *target)
{
	const struct store_target *old = static_find(service, target->name);
	int r = 0;

	if (old && (target->flags & TARGET_MERGE))
		r = merge(target, old);
	target->flags &= ~(uint32_t)TARGET_MERGE;
	if (!old && service->static_count >= STATIC_TARGETS_MAX)
		return ISDSC_OUT_OF_RESOURCES;
	if (r == 0 && target->persist)
		r = store_put_target(service->store, target);
	else if (r == 0 && old && old->persist)
		r = store_remove_target(service->store, target->name);
	if (r == 0)
		r = keep(service, target);
	return status_of_errno(r);
}

uint32_t static_remove(struct service *service, const char *name)
{
	struct static_target *target = find(service, name);
	int r;

	if (!target)
		return ISDSC_TARGET_NOT_FOUND;
	r = target->stored.persist ? store_remove_target(service->store, name) : 0;
	if (r < 0)
		return status_of_errno(r);
	targets_drop(&service->targets, service->static_source, name);
	static_target_free(service, target);
	return ERROR_SUCCESS;
}

void static_complete(const struct service *service, struct svc_login *login)
{
	const struct store_target *target = static_find(service, login->target->name);

	if (!target)
		return;
	options_merge(&login->options, &target->options);
	if (!login->mappings.present && target->mappings.present) {
		login->mappings = target->mappings;
		login->mappings_wished = true;
	}
}
