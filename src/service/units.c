/*
 * units.c - the logical units of a session: who is the target (INQUIRY of LUN 0), which units it
 * has (REPORT LUNS), and a disk for each. Part of svc_session.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsierr.h"
#include "scsi/cdb.h"
#include "scsi/inquiry.h"
#include "scsi/lun.h"
#include "service/log.h"
#include "service/scsi_request.h"
#include "service/svc_session.h"

enum { LUN_LIST_ROOM = 8 + 8 * SVC_UNITS_MAX, INQUIRY_ROOM = 96 };

/* What is known of targets, by their INQUIRY vendor. All others get immediate PDUs only in order,
 * and the pause before a reinstatement that they ask for. */
static const struct habit {
	const char *vendor;
	bool sorts;    /* immediate requests may come before earlier numbers */
	uint32_t rest; /* see session_config.rest; 0 where reinstatement at once was seen to work */
} habits[] = {
	{ "ISTGT", false, 0 },
	{ "IET", true, 0 }, /* tgt */
	/* Its kernel needs up to 3 s to be rid of a cut connection, and panics if the session is
	 * reinstated meanwhile. */
	{ "LIO-ORG", true, 4000 },
	{ "FreeBSD", true, ENGINE_TIME2WAIT },
	{ "SCST_FIO", true, ENGINE_TIME2WAIT },
	{ "SCST_BIO", true, ENGINE_TIME2WAIT },
};

/* ---- waiting for the end of the search */

static void waiter_free(struct svc_waiter *waiter)
{
	list_remove(&waiter->link);
	service_timer_clear(&waiter->timer);
	free(waiter);
}

static void waiters_answer(struct svc_session *session)
{
	list_for_each(it, &session->waiters) {
		struct svc_waiter *waiter = list_entry(it, struct svc_waiter, link);
		struct bus_call *call = waiter->call;

		waiter_free(waiter);
		devices_answer(session, call);
	}
}

static int waiter_late(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct svc_waiter *waiter = ctx;
	struct svc_session *session = waiter->session;
	struct bus_call *call = waiter->call;

	(void)timer;
	(void)usec;
	waiter_free(waiter);
	devices_answer(session, call);
	return 0;
}

void units_wait(struct svc_session *session, struct bus_call *call)
{
	struct svc_waiter *waiter;

	if (!session->probing && !session->units_unready) {
		devices_answer(session, call);
		return;
	}
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter) {
		bus_call_done(call, ERROR_NOT_ENOUGH_MEMORY);
		return;
	}
	waiter->session = session;
	waiter->call = call;
	list_append(&session->waiters, &waiter->link);
	service_timer(session->service, &waiter->timer, SVC_DEVICE_SECONDS, waiter_late, waiter);
}

void units_forget_waiters(struct svc_session *session)
{
	list_for_each(it, &session->waiters) {
		struct svc_waiter *waiter = list_entry(it, struct svc_waiter, link);
		struct bus_call *call = waiter->call;

		waiter_free(waiter);
		bus_call_done(call, ISDSC_INVALID_SESSION_ID);
	}
}

static void units_progress(struct svc_session *session)
{
	if (!session->probing && !session->units_unready)
		waiters_answer(session);
}

/* ---- disks */

static void unit_ready(void *ctx, struct disk *disk, const struct fault *fault)
{
	struct svc_unit *unit = ctx;
	struct svc_session *session = unit->session;
	const struct disk_info *info = disk_info(disk);

	unit->disk = disk;
	unit->ready = true;
	session->units_unready--;
	if (session->state == SVC_UP && fault->kind != FAULT_NONE)
		log_warning("%s: LUN %" PRIu64 " can't be used: %s", session->target_name,
			    lun_number(info->lun), fault->text);
	else if (session->state == SVC_UP && info->serving)
		log_info("%s: LUN %" PRIu64 " (%s %s, %" PRIu64 " blocks of %u) is at %s",
			 session->target_name, lun_number(info->lun), info->vendor, info->product,
			 info->blocks, info->block_size, info->socket_path);
	units_progress(session);
}

static void unit_closed(void *ctx)
{
	struct svc_unit *unit = ctx;
	struct svc_session *session = unit->session;

	list_remove(&unit->link);
	free(unit);
	session->unit_count--;
	if (--session->units_open == 0)
		svc_session_units_closed(session);
}

static int unit_open(struct svc_session *session, uint64_t lun)
{
	struct service *service = session->service;
	struct svc_unit *unit = calloc(1, sizeof(*unit));
	char path[4096];
	int r = unit ? 0 : -ENOMEM;

	if (r == 0) {
		snprintf(path, sizeof(path), "%s/disks/%x-%" PRIu64 ".nbd", service->runtime_dir,
			 (unsigned)session->specific, lun_number(lun));
		const struct disk_config config = {
			.nexus = session->nexus,
			.control = &service->control,
			.lun = lun,
			.socket_path = path,
			.socket_mode = service->socket_mode,
			.socket_gid = service->socket_gid,
		};

		unit->session = session;
		r = disk_open(&config, unit_ready, unit, &unit->disk);
	}
	if (r < 0) {
		log_warning("%s: LUN %" PRIu64 " can't be opened: %s", session->target_name,
			    lun_number(lun), strerror(-r));
		free(unit);
		return r;
	}
	list_append(&session->units, &unit->link);
	session->unit_count++;
	session->units_unready++;
	session->units_open++;
	return 0;
}

void units_close(struct svc_session *session)
{
	list_for_each(it, &session->units) {
		struct svc_unit *unit = list_entry(it, struct svc_unit, link);

		if (unit->closed)
			continue;
		unit->closed = true;
		disk_close(unit->disk, unit_closed, unit);
	}
}

/* ---- the search: INQUIRY, then REPORT LUNS */

static bool task_is_good(const struct task *task)
{
	return task && task->outcome == TASK_COMPLETE && task->status == 0;
}

static void search_over(struct svc_session *session)
{
	session->probing = false;
	units_progress(session);
}

static int lun_compare(const void *a, const void *b)
{
	const uint64_t x = lun_number(*(const uint64_t *)a), y = lun_number(*(const uint64_t *)b);

	return (x > y) - (x < y);
}

static void open_listed(struct svc_session *session, const struct lun_list *list)
{
	uint64_t luns[SVC_UNITS_MAX];
	unsigned n = list->count < SVC_UNITS_MAX ? list->count : SVC_UNITS_MAX;

	if (list->announced > n)
		log_warning("%s: %u units are listed, %u are used", session->target_name,
			    list->announced, n);
	for (unsigned i = 0; i < n; i++)
		luns[i] = lun_list_at(list, i);
	qsort(luns, n, sizeof(luns[0]), lun_compare);
	for (unsigned i = 0; i < n; i++)
		if (i == 0 || luns[i] != luns[i - 1])
			unit_open(session, luns[i]);
}

static void luns_reported(void *ctx, const struct task *task, const uint8_t *data)
{
	struct svc_session *session = ctx;
	struct lun_list list;

	if (session->state == SVC_UP) {
		if (task_is_good(task) && lun_list_get(data, task->received, &list) == 0)
			open_listed(session, &list);
		else
			log_warning("%s: the target does not tell its units", session->target_name);
	}
	search_over(session);
}

static void set_habits(struct svc_session *session, const char *vendor)
{
	const uint32_t *value = session->service->defaults.value;
	struct habit habit = { .vendor = vendor, .rest = ENGINE_TIME2WAIT };

	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		if (strcmp(vendor, habits[i].vendor) == 0)
			habit = habits[i];
	if (value[DEFAULT_ORDERING] != ORDERING_AUTO)
		habit.sorts = value[DEFAULT_ORDERING] == ORDERING_OFF;
	if (value[DEFAULT_REINSTATE_REST] != DEFAULT_AUTO)
		habit.rest = value[DEFAULT_REINSTATE_REST];
	nexus_set_habits(session->nexus, !habit.sorts, habit.rest);
}

static void target_inquired(void *ctx, const struct task *task, const uint8_t *data)
{
	struct svc_session *session = ctx;
	struct inquiry inquiry;
	uint8_t cdb[CDB_LEN];

	if (session->state != SVC_UP) {
		search_over(session);
		return;
	}
	if (task_is_good(task) && inquiry_get(data, task->received, &inquiry) == 0)
		set_habits(session, inquiry.vendor);
	if (session->informational) {
		search_over(session);
		return;
	}
	cdb_report_luns(cdb, 0, LUN_LIST_ROOM);
	if (scsi_request_send(session->service, session->nexus, 0, cdb, LUN_LIST_ROOM, luns_reported,
			      session) < 0)
		search_over(session);
}

void units_find(struct svc_session *session)
{
	uint8_t cdb[CDB_LEN];

	session->probing = true;
	cdb_inquiry_standard(cdb, INQUIRY_ROOM);
	if (scsi_request_send(session->service, session->nexus, 0, cdb, INQUIRY_ROOM, target_inquired,
			      session) < 0)
		search_over(session);
}
