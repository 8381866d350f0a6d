/*
 * bound.c - see bound.h.
 */
#include "service/bound.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsierr.h"
#include "scsi/lun.h"
#include "service/log.h"
#include "service/logins.h"
#include "service/restore.h"
#include "service/status.h"
#include "service/svc_session.h"

#define TEXT_BEGIN "iscsi-"
#define TEXT_LUN "-lun-"
#define URI_BEGIN "nbd+unix:"
#define URI_SOCKET "socket="

/* A device that is named in a call. */
struct name_of_device {
	char target[NAME_MAX_LEN + 1];
	uint64_t lun;
};

/* A call of SetupPersistentIScsiDevices that waits. Owned by service->bound.setups. */
struct setup {
	struct list link;
	struct service *service;
	struct bus_call *call;
	sd_event_source *timer;
};

/* ---- texts */

static const char *text_make(const char *target, uint64_t lun, char *ret)
{
	snprintf(ret, BOUND_TEXT, TEXT_BEGIN "%s" TEXT_LUN "%" PRIu64, target, lun);
	return ret;
}

/* The name may hold "-lun-" too: the last one counts. */
static int text_read(const char *text, struct name_of_device *ret)
{
	const char *name = text + strlen(TEXT_BEGIN), *at = NULL;
	char *end;
	size_t len;

	if (strncmp(text, TEXT_BEGIN, strlen(TEXT_BEGIN)) != 0)
		return -EINVAL;
	for (const char *next = name; (next = strstr(next, TEXT_LUN)); next++)
		at = next;
	len = at ? (size_t)(at - name) : 0;
	if (!len || len > NAME_MAX_LEN || !isdigit((unsigned char)at[strlen(TEXT_LUN)]))
		return -EINVAL;
	memcpy(ret->target, name, len);
	ret->target[len] = 0;
	errno = 0;
	ret->lun = strtoull(at + strlen(TEXT_LUN), &end, 10);
	return errno || *end ? -EINVAL : name_fold(ret->target, ret->target);
}

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* The socket's path in the URI; `ret` has as much room as the URI. */
static int uri_read(const char *uri, char *ret)
{
	const char *at = strstr(uri, URI_SOCKET);

	if (strncmp(uri, URI_BEGIN, strlen(URI_BEGIN)) != 0 || !at)
		return -EINVAL;
	for (at += strlen(URI_SOCKET); *at && *at != '&'; at++) {
		if (*at == '%' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
			*ret++ = (char)(hex_value(at[1]) << 4 | hex_value(at[2]));
			at += 2;
		} else {
			*ret++ = *at;
		}
	}
	*ret = 0;
	return 0;
}

/* ---- the disks there are */

static bool unit_serves(const struct svc_unit *unit)
{
	return unit->ready && !unit->closed && disk_info(unit->disk)->serving;
}

/* Calls `each` for every disk until it returns true; that disk, or NULL. */
static const struct svc_unit *disks_find(const struct service *service,
					 bool (*each)(const struct svc_unit *unit, const void *ctx),
					 const void *ctx)
{
	list_for_each(it, &service->sessions) {
		const struct svc_session *session = list_entry(it, struct svc_session, link);

		if (session->state != SVC_UP)
			continue;
		list_for_each(at, &session->units) {
			const struct svc_unit *unit = list_entry(at, struct svc_unit, link);

			if (unit_serves(unit) && each(unit, ctx))
				return unit;
		}
	}
	return NULL;
}

static bool has_path(const struct svc_unit *unit, const void *path)
{
	return strcmp(disk_info(unit->disk)->socket_path, path) == 0;
}

static bool is_device(const struct svc_unit *unit, const void *ctx)
{
	const struct name_of_device *name = ctx;

	return lun_number(unit->lun) == name->lun &&
	       strcmp(unit->session->target_name, name->target) == 0;
}

static const struct svc_unit *bound_unit(const struct service *service, const struct bound *bound)
{
	struct name_of_device name = { .lun = bound->lun };

	strcpy(name.target, bound->target);
	return disks_find(service, is_device, &name);
}

/* A path, its URI, or a text. *ret_there: NULL unless the disk is there. */
static int path_read(const struct service *service, const char *path, struct name_of_device *ret,
		     const struct svc_unit **ret_there)
{
	char socket[STORE_TEXT_MAX];

	if (strlen(path) >= sizeof(socket))
		return -EINVAL;
	if (text_read(path, ret) == 0) {
		*ret_there = disks_find(service, is_device, ret);
		return 0;
	}
	if (uri_read(path, socket) < 0)
		strcpy(socket, path);
	*ret_there = disks_find(service, has_path, socket);
	if (!*ret_there)
		return -ENOENT;
	strcpy(ret->target, (*ret_there)->session->target_name);
	ret->lun = lun_number((*ret_there)->lun);
	return 0;
}

/* ---- the list */

static struct bound *bound_find(const struct service *service, const char *target, uint64_t lun)
{
	list_for_each(it, &service->bound.devices) {
		struct bound *bound = list_entry(it, struct bound, link);

		if (bound->lun == lun && strcmp(bound->target, target) == 0)
			return bound;
	}
	return NULL;
}

static void bound_drop(struct service *service, struct bound *bound)
{
	list_remove(&bound->link);
	service->bound.count--;
	free(bound);
}

static int bound_keep(struct service *service, const char *target, uint64_t lun)
{
	struct bound *bound = calloc(1, sizeof(*bound));

	if (!bound)
		return -ENOMEM;
	strcpy(bound->target, target);
	bound->lun = lun;
	list_append(&service->bound.devices, &bound->link);
	service->bound.count++;
	return 0;
}

static void take_stored(void *ctx, const char *text)
{
	struct name_of_device name;

	if (text_read(text, &name) < 0 || bound_keep(ctx, name.target, name.lun) < 0)
		log_warning("the bound device %s is left out: it can't be used", text);
}

int bound_init(struct service *service)
{
	return store_list_each(service->store, STORE_DEVICES, take_stored, service);
}

static void bound_forget_all(struct service *service)
{
	list_for_each(it, &service->bound.devices)
		bound_drop(service, list_entry(it, struct bound, link));
}

const char *bound_path(const struct service *service, const struct bound *bound, char *text)
{
	const struct svc_unit *unit = bound_unit(service, bound);

	return unit ? disk_info(unit->disk)->socket_path : text_make(bound->target, bound->lun, text);
}

unsigned bound_missing(struct service *service)
{
	unsigned n = 0;

	list_for_each(it, &service->bound.devices) {
		struct bound *bound = list_entry(it, struct bound, link);

		bound->met = bound->met || bound_unit(service, bound);
		n += !bound->met && logins_bring(service, bound->target);
	}
	return n;
}

uint32_t bound_add(struct service *service, const char *path)
{
	const struct svc_unit *unit = NULL;
	struct name_of_device name;
	char text[BOUND_TEXT];
	int r;

	if (path_read(service, path, &name, &unit) < 0 || !unit ||
	    !logins_bring(service, name.target))
		return ISDSC_DEVICE_NOT_ISCSI_OR_PERSISTENT;
	if (bound_find(service, name.target, name.lun))
		return ISDSC_DEVICE_ALREADY_PERSISTENTLY_BOUND;
	if (service->bound.count >= BOUND_MAX)
		return ISDSC_OUT_OF_RESOURCES;
	text_make(name.target, name.lun, text);
	r = store_list_add(service->store, STORE_DEVICES, text);
	if (r == 0 && (r = bound_keep(service, name.target, name.lun)) < 0)
		store_list_remove(service->store, STORE_DEVICES, text);
	return status_of_errno(r);
}

uint32_t bound_remove(struct service *service, const char *path)
{
	const struct svc_unit *unit;
	struct name_of_device name;
	struct bound *bound = NULL;
	char text[BOUND_TEXT];
	int r;

	if (path_read(service, path, &name, &unit) == 0)
		bound = bound_find(service, name.target, name.lun);
	if (!bound)
		return ISDSC_DEVICE_NOT_FOUND;
	r = store_list_remove(service->store, STORE_DEVICES,
			      text_make(name.target, name.lun, text));
	if (r == 0)
		bound_drop(service, bound);
	restore_look(service);
	return status_of_errno(r);
}

uint32_t bound_clear(struct service *service)
{
	int r = store_list_replace(service->store, STORE_DEVICES, NULL, 0);

	if (r == 0)
		bound_forget_all(service);
	restore_look(service);
	return status_of_errno(r);
}

/* ---- all disks */

struct found {
	unsigned count;
	struct list devices; /* of struct bound */
	int r;
};

static bool find_take(const struct svc_unit *unit, const void *ctx)
{
	struct found *found = (struct found *)(uintptr_t)ctx;
	struct bound *bound;

	/* Several sessions may lead to one disk. */
	list_for_each(it, &found->devices) {
		bound = list_entry(it, struct bound, link);
		if (bound->lun == lun_number(unit->lun) &&
		    strcmp(bound->target, unit->session->target_name) == 0)
			return false;
	}
	bound = found->count < BOUND_MAX ? calloc(1, sizeof(*bound)) : NULL;
	if (!bound) {
		found->r = found->count < BOUND_MAX ? -ENOMEM : -ENOSPC;
		return true;
	}
	strcpy(bound->target, unit->session->target_name);
	bound->lun = lun_number(unit->lun);
	bound->met = true;
	list_append(&found->devices, &bound->link);
	found->count++;
	return false;
}

static int found_store(struct service *service, struct found *found)
{
	char (*texts)[BOUND_TEXT] = calloc(found->count + 1, sizeof(*texts));
	const char **items = calloc(found->count + 1, sizeof(*items));
	int r = texts && items ? 0 : -ENOMEM;
	size_t n = 0;

	if (r == 0) {
		list_for_each(it, &found->devices) {
			const struct bound *bound = list_entry(it, struct bound, link);

			items[n] = text_make(bound->target, bound->lun, texts[n]);
			n++;
		}
		r = store_list_replace(service->store, STORE_DEVICES, items, n);
	}
	free(items);
	free(texts);
	return r;
}

static uint32_t setup_now(struct service *service)
{
	struct found found = { .r = 0 };

	list_init(&found.devices);
	disks_find(service, find_take, &found);
	if (found.r == 0)
		found.r = found_store(service, &found);
	if (found.r == 0) {
		bound_forget_all(service);
		list_splice(&service->bound.devices, &found.devices);
		service->bound.count = found.count;
	}
	list_for_each(it, &found.devices)
		free(list_entry(it, struct bound, link));
	return status_of_errno(found.r);
}

static void setup_end(struct setup *setup, uint32_t status)
{
	struct bus_call *call = setup->call;

	list_remove(&setup->link);
	service_timer_clear(&setup->timer);
	free(setup);
	bus_call_done(call, status);
}

static int settle_over(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct setup *setup = ctx;

	(void)timer;
	(void)usec;
	setup_end(setup, setup_now(setup->service));
	return 0;
}

static bool all_settled(const struct service *service)
{
	list_for_each(it, &service->sessions) {
		const struct svc_session *session = list_entry(it, struct svc_session, link);

		if (session->state == SVC_UP && !units_settled(session))
			return false;
	}
	return true;
}

void bound_setup(struct service *service, struct bus_call *call)
{
	struct setup *setup;

	if (all_settled(service)) {
		bus_call_done(call, setup_now(service));
		return;
	}
	setup = calloc(1, sizeof(*setup));
	if (!setup) {
		bus_call_done(call, ERROR_NOT_ENOUGH_MEMORY);
		return;
	}
	setup->service = service;
	setup->call = call;
	list_append(&service->bound.setups, &setup->link);
	service_timer(service, &setup->timer, BOUND_SETTLE_SECONDS, settle_over, setup);
}

void bound_look(struct service *service)
{
	restore_look(service);
	if (list_empty(&service->bound.setups) || !all_settled(service))
		return;
	list_for_each(it, &service->bound.setups) {
		struct setup *setup = list_entry(it, struct setup, link);

		setup_end(setup, setup_now(service));
	}
}

void bound_free(struct service *service)
{
	list_for_each(it, &service->bound.setups)
		setup_end(list_entry(it, struct setup, link), ISDSC_SERVICE_NOT_RUNNING);
	bound_forget_all(service);
}
