/*
 * service.c - see service.h: what the service is made of, its control loop, and its orderly end:
 * refuse calls, close disks, log out, wait, leave.
 */
#include "service/service.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>
#include <systemd/sd-daemon.h>

#include "base/secret.h"
#include "service/bound.h"
#include "service/bus.h"
#include "service/discover.h"
#include "service/inside.h"
#include "service/isns.h"
#include "service/log.h"
#include "service/logins.h"
#include "service/node.h"
#include "service/restore.h"
#include "service/static.h"
#include "service/svc_session.h"

int service_timer(struct service *service, sd_event_source **source, uint64_t seconds,
		  sd_event_time_handler_t expired, void *ctx)
{
	uint64_t usec = seconds * 1000000;
	int r;

	if (!*source)
		return sd_event_add_time_relative(service->event, source, CLOCK_MONOTONIC, usec, 0,
						  expired, ctx);
	r = sd_event_source_set_time_relative(*source, usec);
	return r < 0 ? r : sd_event_source_set_enabled(*source, SD_EVENT_ONESHOT);
}

void service_timer_clear(sd_event_source **source)
{
	*source = sd_event_source_disable_unref(*source);
}

bool service_knows_instance(const char *instance)
{
	return !*instance || strcasecmp(instance, INITIATOR_INSTANCE) == 0;
}

/* ---- the end */

void service_check_stopped(struct service *service)
{
	if (service->stopping && list_empty(&service->sessions) &&
	    list_empty(&service->discoveries) && list_empty(&service->isns.servers) &&
	    list_empty(&service->isns.leaving) && ipsec_is_idle(service))
		sd_event_exit(service->event, 0);
}

static int stop_late(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct service *service = ctx;

	(void)timer;
	(void)usec;
	log_error("%u sessions and %u discoveries did not end within %d s: leaving without them",
		  service->session_count, service->discovery_count, SERVICE_STOP_SECONDS);
	return sd_event_exit(service->event, -ETIMEDOUT);
}

static void stop_begin(struct service *service)
{
	if (service->stopping)
		return;
	service->stopping = true;
	sd_notify(0, "STOPPING=1");
	log_notice("stopping: %u sessions are logged out", service->session_count);
	bus_stop_listening(service);
	restore_stop(service);
	service_timer(service, &service->stop_timer, SERVICE_STOP_SECONDS, stop_late, service);
	list_for_each(it, &service->sessions)
		svc_session_close(list_entry(it, struct svc_session, link), NULL);
	discover_stop(service);
	isns_stop(service);
	radius_stop(service);
	ipsec_stop(service);
	service_check_stopped(service);
}

static int stop_asked(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	uint64_t count;

	(void)source;
	(void)revents;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		stop_begin(ctx);
	return 0;
}

static int signal_caught(sd_event_source *source, const struct signalfd_siginfo *info, void *ctx)
{
	(void)source;
	log_notice("signal %u from process %u", info->ssi_signo, info->ssi_pid);
	stop_begin(ctx);
	return 0;
}

void service_stop(struct service *service)
{
	const uint64_t one = 1;

	/* Full means that it was asked already. */
	if (write(service->stop_fd, &one, sizeof(one)) < 0)
		return;
}

int service_catch_signals(struct service *service)
{
	static const int signals[] = { SIGTERM, SIGINT };
	sigset_t set;
	int r = 0;

	sigemptyset(&set);
	for (unsigned i = 0; i < 2; i++)
		sigaddset(&set, signals[i]);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	for (unsigned i = 0; i < 2 && r >= 0; i++)
		r = sd_event_add_signal(service->event, NULL, signals[i], signal_caught, service);
	return r < 0 ? r : 0;
}

/* ---- the beginning */

static int control_ready(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct service *service = ctx;

	(void)source;
	(void)fd;
	(void)revents;
	mailbox_run(&service->control);
	return 0;
}

static int loop_init(struct service *service)
{
	int r = sd_event_new(&service->event);

	if (r >= 0)
		r = sd_event_add_io(service->event, &service->control_source, service->control.fd,
				    EPOLLIN, control_ready, service);
	if (r < 0)
		return r;
	service->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (service->stop_fd < 0)
		return -errno;
	r = sd_event_add_io(service->event, &service->stop_source, service->stop_fd, EPOLLIN,
			    stop_asked, service);
	if (r >= 0)
		sd_event_set_watchdog(service->event, true);
	return r < 0 ? r : 0;
}

/* New at each start, so that ids of an earlier life are never taken for living ones. */
static int make_adapter_id(struct service *service)
{
	if (RAND_bytes((uint8_t *)&service->adapter_unique, sizeof(service->adapter_unique)) != 1)
		return -EIO;
	service->adapter_unique |= (uint64_t)8 << 60; /* a full row of digits */
	return 0;
}

static void tell_lost(void *ctx, const char *what)
{
	(void)ctx;
	log_error("lost: %s", what);
}

static int state_init(struct service *service, char *why, size_t why_len)
{
	char aside[STORE_FILE_NAME_MAX];
	int r = store_open(service->state_dir, aside, why, why_len, &service->store);

	if (r < 0)
		return r;
	if (*aside)
		log_error("the store was damaged; it was put aside as %s and an empty one was made",
			  aside);
	if (store_key_trouble(service->store))
		log_error("%s", store_key_trouble(service->store));
	store_each_lost(service->store, tell_lost, NULL);
	r = node_init(service);
	if (r == 0)
		r = defaults_load(&service->defaults, service->store);
	if (r == 0)
		r = overrides_load(&service->overrides, service->store);
	if (r == 0)
		r = ike_load(&service->ike, service->store);
	if (r == 0)
		r = radius_load(service);
	if (r == 0)
		r = discover_init(service);
	if (r == 0)
		r = isns_init(service);
	if (r == 0)
		r = static_init(service);
	if (r == 0)
		r = logins_init(service);
	if (r == 0)
		r = bound_init(service);
	if (r < 0)
		snprintf(why, why_len, "can't read the store in %s: %s", service->state_dir,
			 strerror(-r));
	return r;
}

int service_new(const struct service_config *config, char *why, size_t why_len,
		struct service **ret)
{
	struct service *service = calloc(1, sizeof(*service));
	int r = -ENOMEM;

	snprintf(why, why_len, "out of memory");
	if (!service)
		goto fail;
	service->socket_mode = config->socket_mode;
	service->socket_gid = config->socket_gid;
	service->stop_fd = -1;
	list_init(&service->clients);
	list_init(&service->portals);
	list_init(&service->discoveries);
	list_init(&service->isns.servers);
	list_init(&service->isns.leaving);
	list_init(&service->statics);
	list_init(&service->sessions);
	list_init(&service->logins);
	list_init(&service->restore.queue);
	list_init(&service->restore.conns);
	list_init(&service->bound.devices);
	list_init(&service->bound.setups);
	list_init(&service->isid.used);
	targets_init(&service->targets);
	service->targets.told = restore_told;
	service->targets.told_ctx = service;
	ike_init(&service->ike);
	radius_init(&service->radius);
	defaults_init(&service->defaults);
	overrides_init(&service->overrides);
	service->state_dir = strdup(config->state_dir);
	service->runtime_dir = strdup(config->runtime_dir);
	service->charon = strdup(config->charon ? config->charon : VICI_PATH);
	if (service->state_dir && service->charon)
		ipsec_init(service, service->charon);
	r = service->state_dir && service->runtime_dir && service->charon
	    ? mailbox_init(&service->control) : -ENOMEM;
	if (r < 0)
		goto fail;
	r = state_init(service, why, why_len);
	if (r < 0)
		goto fail_box;
	r = make_adapter_id(service);
	if (r == 0)
		r = loop_init(service);
	if (r == 0)
		r = drive_new(config->loops, &service->control, &service->drive);
	if (r == 0 && config->listen_fd >= 0)
		r = bus_listen(service, config->listen_fd);
	if (r < 0) {
		snprintf(why, why_len, "can't start: %s", strerror(-r));
		goto fail_box;
	}
	*ret = service;
	return 0;

fail_box:
	service_free(service);
	return r;
fail:
	if (service) {
		free(service->state_dir);
		free(service->runtime_dir);
		free(service->charon);
	}
	free(service);
	return r;
}

int service_add_client(struct service *service, int fd)
{
	return bus_add_client(service, fd);
}

/* The discoveries of the start: what becomes of each is in the log. */
static void discovered(void *ctx, uint32_t status, const char *why)
{
	struct service *service = ctx;

	(void)status;
	(void)why;
	if (--service->discoveries_first == 0)
		restore_discovered(service);
}

int service_run(struct service *service)
{
	ipsec_start(service);
	service->discoveries_first = 1; /* ours, so that those that fail at once don't end it */
	/* What discovery found is not stored: ask again. */
	list_for_each(it, &service->portals) {
		service->discoveries_first++;
		discover_start(service, list_entry(it, struct source, link), discovered, service);
	}
	list_for_each(it, &service->isns.servers) {
		service->discoveries_first++;
		isns_refresh(list_entry(it, struct isns_server, link), discovered, service);
	}
	restore_start(service);
	discovered(service, 0, "");
	return sd_event_loop(service->event);
}

void service_free(struct service *service)
{
	if (!service)
		return;
	bus_stop_listening(service);
	bus_close(service);
	radius_done(service);
	isns_free(service);
	mailbox_run(&service->control); /* lookups that were cancelled when their answer was there */
	drive_free(service->drive);
	mailbox_run(&service->control); /* passages that came back last */
	ipsec_free(service);
	restore_stop(service);
	logins_free(service);
	bound_free(service);
	discover_free(service);
	static_free(service);
	targets_done(&service->targets);
	ike_done(&service->ike);
	overrides_done(&service->overrides);
	store_close(service->store);
	service_timer_clear(&service->stop_timer);
	sd_event_source_disable_unref(service->stop_source);
	sd_event_source_disable_unref(service->control_source);
	sd_event_unref(service->event);
	if (service->stop_fd >= 0)
		close(service->stop_fd);
	mailbox_done(&service->control);
	free(service->state_dir);
	free(service->runtime_dir);
	free(service->charon);
	secret_wipe(service, sizeof(*service));
	free(service);
}
