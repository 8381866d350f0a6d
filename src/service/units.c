/*
 * units.c - the logical units of a session: who is the target (INQUIRY of LUN 0), which units it
 * has (REPORT LUNS), and a disk for each; and what they tell of changes. Part of svc_session.h.
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
#include "service/bound.h"
#include "service/effective.h"
#include "service/log.h"
#include "service/mappings.h"
#include "service/scsi_request.h"
#include "service/svc_session.h"

enum {
	LUN_LIST_ROOM = 8 + 8 * SVC_UNITS_MAX,
	INQUIRY_ROOM = 96,
	SEARCH_DELAY_MS = 100,   /* each unit tells on its own that the list of units has changed */
	SEARCH_PAUSE_MS = 1000,  /* after a search in which it changed again, or which met a busy target */
	SEARCH_TRIES = 60,       /* of a busy target */
};

/* What is known of targets, by their INQUIRY vendor. All others get immediate PDUs only in order,
 * and the pause before a reinstatement that they ask for. */
static const struct habit {
	const char *vendor;
	bool sorts;    /* immediate requests may come before earlier numbers */
	bool strict;   /* numbers must come in order over all connections: see session_config.one_holder */
	uint32_t rest; /* see session_config.rest; 0 where reinstatement at once was seen to work */
	uint32_t command; /* see session_times.command; 0: as for any target */
	bool no_reassign; /* see session_habits */
} habits[] = {
	/* Once a lost connection's end has reached it, it throws away commands of the session that came
	 * in its place. */
	{ "ISTGT", false, false, 0, 5000, false },
	{ "IET", true, false, 0, 0, false }, /* tgt */
	/* Its kernel needs up to 3 s to be rid of a cut connection, and panics if the session is
	 * reinstated meanwhile. TASK REASSIGN it answers with what no RFC has, and panics thereafter. */
	{ "LIO-ORG", true, false, 4000, 0, true },
	{ "FreeBSD", true, false, ENGINE_TIME2WAIT, 0, false },
	{ "SCST_FIO", true, false, ENGINE_TIME2WAIT, 0, false },
	{ "SCST_BIO", true, false, ENGINE_TIME2WAIT, 0, false },
	/* SPDK: each command sets the number that it expects next, whatever came before. */
	{ "INTEL", false, true, ENGINE_TIME2WAIT, 0, false },
	{ "Intel", false, true, ENGINE_TIME2WAIT, 0, false },
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

bool units_settled(const struct svc_session *session)
{
	return !session->probing && !session->units_unready && !session->search_timer;
}

void units_wait(struct svc_session *session, struct bus_call *call)
{
	struct svc_waiter *waiter;

	if (units_settled(session)) {
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
	if (units_settled(session))
		waiters_answer(session);
	bound_look(session->service);
}

/* ---- disks */

static struct svc_unit *unit_find(const struct svc_session *session, uint64_t lun)
{
	list_for_each(it, &session->units) {
		struct svc_unit *unit = list_entry(it, struct svc_unit, link);

		if (unit->lun == lun)
			return unit;
	}
	return NULL;
}

static void unit_ready(void *ctx, struct disk *disk, const struct fault *fault)
{
	struct svc_unit *unit = ctx;
	struct svc_session *session = unit->session;
	const struct disk_info *info = disk_info(disk);

	unit->disk = disk;
	unit->ready = true;
	unit->blocks = info->blocks;
	session->units_unready--;
	if (session->state == SVC_UP && !unit->closed && fault->kind != FAULT_NONE)
		log_warning("%s: LUN %" PRIu64 " can't be used: %s", session->target_name,
			    lun_number(info->lun), fault->text);
	else if (session->state == SVC_UP && info->serving)
		log_info("%s: LUN %" PRIu64 " (%s %s, %" PRIu64 " blocks of %u) is at %s",
			 session->target_name, lun_number(info->lun), info->vendor, info->product,
			 info->blocks, info->block_size, info->socket_path);
	units_progress(session);
}

static void unit_open(struct svc_session *session, uint64_t lun);

static void unit_closed(void *ctx)
{
	struct svc_unit *unit = ctx;
	struct svc_session *session = unit->session;
	bool back = unit->back && session->state == SVC_UP;
	uint64_t lun = unit->lun;

	list_remove(&unit->link);
	free(unit);
	session->unit_count--;
	session->units_open--;
	if (back)
		unit_open(session, lun);
	if (session->units_open == 0)
		svc_session_units_closed(session);
}

static void unit_close(struct svc_unit *unit)
{
	unit->closed = true;
	disk_close(unit->disk, unit_closed, unit);
}

static void size_changed(struct svc_unit *unit)
{
	const struct disk_info *info = disk_info(unit->disk);
	bool grown = info->blocks > unit->blocks;

	log_notice("%s: LUN %" PRIu64 " has %s from %" PRIu64 " to %" PRIu64 " blocks; %s",
		   unit->session->target_name, lun_number(unit->lun), grown ? "grown" : "shrunk",
		   unit->blocks, info->blocks,
		   grown ? "its NBD clients see that when they connect again"
			 : "requests beyond the new end fail");
	unit->blocks = info->blocks;
}

static void unit_changed(void *ctx, struct disk *disk, unsigned changes)
{
	struct svc_unit *unit = ctx;
	struct svc_session *session = unit->session;
	const struct disk_info *info = disk_info(disk);

	if (session->state != SVC_UP)
		return;
	if (changes & DISK_CHANGED_SIZE)
		size_changed(unit);
	if (changes & DISK_CHANGED_INFO)
		log_info("%s: LUN %" PRIu64 " is now %s %s %s%s", session->target_name,
			 lun_number(unit->lun), info->vendor, info->product, info->revision,
			 info->read_only ? ", read only" : "");
	if (changes & DISK_CHANGED_USE) {
		log_notice("%s: LUN %" PRIu64 " has become usable, at %s", session->target_name,
			   lun_number(unit->lun), info->socket_path);
		unit->blocks = info->blocks;
	}
	if (changes & DISK_CHANGED_UNIT) {
		log_warning("%s: another unit is at LUN %" PRIu64 " now; the NBD clients of the old one "
			    "are cut", session->target_name, lun_number(unit->lun));
		unit->back = true;
		unit_close(unit);
	}
	if (changes & DISK_CHANGED_LUNS)
		units_search(session);
}

/* In the order of the LUNs. */
static void unit_insert(struct svc_session *session, struct svc_unit *unit)
{
	struct list *at = session->units.next;

	while (at != &session->units &&
	       lun_number(list_entry(at, struct svc_unit, link)->lun) < lun_number(unit->lun))
		at = at->next;
	list_insert_before(at, &unit->link);
	session->unit_count++;
	session->units_unready++;
	session->units_open++;
}

/* The one that its mapping asks for, else the lowest that is free. */
static uint8_t os_lun_pick(const struct svc_session *session, uint64_t lun)
{
	uint32_t wanted;

	if (mappings_show(&session->mappings, lun, &wanted) && wanted != MAPPING_ANY)
		return (uint8_t)wanted;
	for (unsigned number = 0; number < UINT8_MAX; number++) {
		bool used = mappings_reserve(&session->mappings, number);

		list_for_each(it, &session->units)
			used |= list_entry(it, struct svc_unit, link)->os_lun == number;
		if (!used)
			return (uint8_t)number;
	}
	return UINT8_MAX;
}

/* What goes wrong is in the log. */
static void unit_open(struct svc_session *session, uint64_t lun)
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
			.changed = unit_changed,
		};

		unit->session = session;
		unit->lun = lun;
		unit->os_lun = os_lun_pick(session, lun);
		r = disk_open(&config, unit_ready, unit, &unit->disk);
	}
	if (r < 0) {
		log_warning("%s: LUN %" PRIu64 " can't be opened: %s", session->target_name,
			    lun_number(lun), strerror(-r));
		free(unit);
		return;
	}
	unit_insert(session, unit);
}

void units_close(struct svc_session *session)
{
	service_timer_clear(&session->search_timer);
	list_for_each(it, &session->units) {
		struct svc_unit *unit = list_entry(it, struct svc_unit, link);

		if (!unit->closed)
			unit_close(unit);
	}
}

void units_look(struct svc_session *session)
{
	list_for_each(it, &session->units) {
		struct svc_unit *unit = list_entry(it, struct svc_unit, link);

		if (!unit->closed)
			disk_look(unit->disk);
	}
}

void units_hinted(struct service *service, const struct nexus *nexus, uint64_t lun,
		  const struct sense *sense)
{
	unsigned hints = sense_hints(sense);

	list_for_each(it, &service->sessions) {
		struct svc_session *session = list_entry(it, struct svc_session, link);
		struct svc_unit *unit;

		if (session->nexus != nexus)
			continue;
		unit = unit_find(session, lun);
		if ((hints & SENSE_HINT_UNIT) && unit && !unit->closed)
			disk_look(unit->disk);
		if (hints & SENSE_HINT_LUNS)
			units_search(session);
	}
}

/* ---- the list of units */

static int lun_compare(const void *a, const void *b)
{
	const uint64_t x = lun_number(*(const uint64_t *)a), y = lun_number(*(const uint64_t *)b);

	return (x > y) - (x < y);
}

static bool is_listed(uint64_t lun, const uint64_t *luns, unsigned n)
{
	return bsearch(&lun, luns, n, sizeof(*luns), lun_compare) != NULL;
}

static void drop_unlisted(struct svc_session *session, const uint64_t *luns, unsigned n)
{
	list_for_each(it, &session->units) {
		struct svc_unit *unit = list_entry(it, struct svc_unit, link);

		if (is_listed(unit->lun, luns, n))
			continue;
		unit->back = false;
		if (unit->closed)
			continue;
		log_warning("%s: LUN %" PRIu64 " is gone%s", session->target_name,
			    lun_number(unit->lun),
			    disk_busy(unit->disk) ? "; its NBD clients are cut" : "");
		unit_close(unit);
	}
}

/* For a log line: why a request failed. */
static const char *task_failure(const struct task *task)
{
	if (!task)
		return "no answer in time";
	if (task->outcome != TASK_COMPLETE)
		return task->fault.kind ? task->fault.text : "it was not delivered";
	return task->status ? sense_status_name(task->status) : "the answer makes no sense";
}

/* One that is closing, because it was gone a moment ago, comes back once it has ended. One that
 * can't be used may have become usable. */
static void take_listed(struct svc_session *session, uint64_t lun)
{
	struct svc_unit *unit = unit_find(session, lun);
	uint32_t os_lun;

	if (!unit && !mappings_show(&session->mappings, lun, &os_lun))
		return;
	if (!unit)
		unit_open(session, lun);
	else if (unit->closed)
		unit->back = true;
	else if (unit->ready && !disk_info(unit->disk)->serving)
		disk_look(unit->disk);
}

static void follow_list(struct svc_session *session, const struct lun_list *list)
{
	uint64_t luns[SVC_UNITS_MAX];
	unsigned n = list->count < SVC_UNITS_MAX ? list->count : SVC_UNITS_MAX;

	if (list->announced > n)
		log_warning("%s: the target has %u units; only the first %u of its list are used",
			    session->target_name, list->announced, n);
	for (unsigned i = 0; i < n; i++)
		luns[i] = lun_list_at(list, i);
	qsort(luns, n, sizeof(luns[0]), lun_compare);
	/* What is missing in a list that was cut need not be gone. */
	if (list->announced <= n)
		drop_unlisted(session, luns, n);
	for (unsigned i = 0; i < n; i++)
		if (i == 0 || luns[i] != luns[i - 1])
			take_listed(session, luns[i]);
}

static bool task_is_good(const struct task *task)
{
	return task && task->outcome == TASK_COMPLETE && task->status == 0;
}

/* Then it is asked again: a target that is busy during the login has units all the same. */
static bool task_met_busy(struct svc_session *session, const struct task *task)
{
	bool busy = task && task->outcome == TASK_COMPLETE &&
		    (task->status == SENSE_BUSY || task->status == SENSE_TASK_SET_FULL);

	if (!busy)
		session->search_tries = 0;
	else if (session->search_tries++ < SEARCH_TRIES)
		session->search_again = true;
	return busy && session->search_again;
}

static void search_later(struct svc_session *session, uint64_t ms);

static void search_over(struct svc_session *session)
{
	session->probing = false;
	if (session->search_again && session->state == SVC_UP)
		search_later(session, SEARCH_PAUSE_MS);
	session->search_again = false;
	units_progress(session);
}

static void luns_reported(void *ctx, const struct task *task, const uint8_t *data)
{
	struct svc_session *session = ctx;
	struct lun_list list;

	if (session->state == SVC_UP && !task_met_busy(session, task)) {
		if (task_is_good(task) && lun_list_get(data, task->received, &list) == 0)
			follow_list(session, &list);
		else
			log_warning("%s: the target does not tell its units: REPORT LUNS failed: %s; "
				    "those known stay, log out and in again to see others",
				    session->target_name, task_failure(task));
	}
	search_over(session);
}

static void ask_list(struct svc_session *session)
{
	uint8_t cdb[CDB_LEN];

	session->probing = true;
	cdb_report_luns(cdb, 0, LUN_LIST_ROOM);
	if (scsi_request_send(session->service, session->nexus, 0, cdb, LUN_LIST_ROOM, luns_reported,
			      session) < 0)
		search_over(session);
}

static int search_due(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct svc_session *session = ctx;

	(void)timer;
	(void)usec;
	service_timer_clear(&session->search_timer);
	if (session->state == SVC_UP && session->nexus)
		units_find(session);
	return 0;
}

static void search_later(struct svc_session *session, uint64_t ms)
{
	int r = sd_event_add_time_relative(session->service->event, &session->search_timer,
					   CLOCK_MONOTONIC, ms * 1000, 0, search_due, session);

	if (r < 0)
		log_warning("%s: the change of its units is not followed: %s", session->target_name,
			    strerror(-r));
}

void units_search(struct svc_session *session)
{
	if (session->state != SVC_UP || session->informational)
		return;
	if (session->probing)
		session->search_again = true;
	else if (!session->search_timer)
		search_later(session, SEARCH_DELAY_MS);
}

/* ---- the target, and the first search */

static void set_habits(struct svc_session *session, const char *vendor)
{
	const uint32_t *value = session->settings.value;
	struct habit habit = { .vendor = vendor, .rest = ENGINE_TIME2WAIT };
	struct session_times times;

	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		if (strcmp(vendor, habits[i].vendor) == 0)
			habit = habits[i];
	if (value[DEFAULT_ORDERING] != ORDERING_AUTO) {
		habit.sorts = value[DEFAULT_ORDERING] == ORDERING_OFF;
		habit.strict = value[DEFAULT_ORDERING] == ORDERING_STRICT;
	}
	if (value[DEFAULT_REINSTATE_REST] != DEFAULT_AUTO)
		habit.rest = value[DEFAULT_REINSTATE_REST];
	if (value[DEFAULT_TASK_REASSIGN] != TASK_REASSIGN_AUTO)
		habit.no_reassign = value[DEFAULT_TASK_REASSIGN] == TASK_REASSIGN_OFF;
	effective_times(&session->settings, &times);
	if (value[DEFAULT_COMMAND_TIME] == DEFAULT_AUTO && habit.command)
		times.command = habit.command;
	nexus_set_habits(session->nexus, &(struct session_habits){ .ordering = !habit.sorts,
		.one_holder = habit.strict, .no_reassign = habit.no_reassign, .rest = habit.rest,
		.command = times.command });
}

static void target_inquired(void *ctx, const struct task *task, const uint8_t *data)
{
	struct svc_session *session = ctx;
	struct inquiry inquiry;

	if (session->state != SVC_UP || task_met_busy(session, task)) {
		search_over(session);
		return;
	}
	session->inquired = true;
	if (task_is_good(task) && inquiry_get(data, task->received, &inquiry) == 0)
		set_habits(session, inquiry.vendor);
	if (session->informational)
		search_over(session);
	else
		ask_list(session);
}

static void ask_target(struct svc_session *session)
{
	uint8_t cdb[CDB_LEN];

	session->probing = true;
	cdb_inquiry_standard(cdb, INQUIRY_ROOM);
	if (scsi_request_send(session->service, session->nexus, 0, cdb, INQUIRY_ROOM, target_inquired,
			      session) < 0)
		search_over(session);
}

void units_find(struct svc_session *session)
{
	if (session->inquired)
		ask_list(session);
	else
		ask_target(session);
}
