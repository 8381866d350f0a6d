/*
 * inside.h - the service's state, for the files of this folder. All of it belongs to the control
 * thread.
 */
#ifndef ISCSIDSC_SERVICE_INSIDE_H
#define ISCSIDSC_SERVICE_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/list.h"
#include "drive/drive.h"
#include "net/mailbox.h"
#include "proto/chap.h"
#include "proto/name.h"
#include "service/defaults.h"
#include "service/effective.h"
#include "service/ike.h"
#include "service/ipsec.h"
#include "service/isid.h"
#include "service/overrides.h"
#include "service/radius.h"
#include "service/service.h"
#include "service/store.h"
#include "service/targets.h"

#define INITIATOR_INSTANCE "ROOT\\ISCSIPRT\\0000_0"

enum {
	SERVICE_PORTALS_MAX = 256,   /* SendTargets portals */
	SERVICE_SESSIONS_MAX = 16384, /* file descriptors allow fewer: room.h */
	SERVICE_ISNS_MAX = 64,       /* iSNS servers */
	SERVICE_DISCOVERIES_MAX = 512, /* discovery sessions at a time */
	SERVICE_STOP_SECONDS = 15,   /* for everything to end in order */
};

struct service {
	char *state_dir, *runtime_dir, *charon;
	mode_t socket_mode;
	gid_t socket_gid;
	sd_event *event;
	sd_event_source *control_source, *listen_source, *listen_timer, *stop_source, *stop_timer;
	int stop_fd;
	bool stopping;

	struct mailbox control;
	struct drive *drive;
	struct store *store;
	struct defaults defaults;
	struct overrides overrides; /* of the defaults, for single targets */
	struct chap_open open;

	char node_name[NAME_MAX_LEN + 1];
	uint8_t initiator_secret[SECRET_MAX];
	unsigned initiator_secret_len;
	struct isid isid;
	uint64_t adapter_unique;
	uint32_t sessions_made;
	uint64_t conns_made;

	struct list clients;     /* bus.c */
	unsigned client_count;
	bool turned_away;        /* the last one that came */
	struct list portals;     /* discover.c */
	unsigned portal_count;
	struct list discoveries;
	unsigned discovery_count;
	unsigned discoveries_first; /* those of the start that have not ended */
	struct {
		struct list servers, leaving;
		unsigned count;
	} isns;                  /* isns.c */
	struct targets targets;
	struct list statics;     /* static.c */
	void *static_tree;
	unsigned static_count;
	struct target_source *static_source;
	struct radius radius;
	struct ike ike;
	struct ipsec ipsec;
	struct list sessions;    /* svc_session.c */
	void *session_tree;      /* the same by AdapterSpecific */
	unsigned session_count;
	struct list logins;      /* logins.c */
	unsigned login_count;
	struct {
		struct list queue, conns;
		unsigned under_way;
		bool running;        /* between start and stop */
		bool pumping, discovered, logins_late, devices_late, ready;
		sd_event_source *told, *login_limit, *device_limit;
	} restore;               /* restore.c */
	struct {
		struct list devices, setups;
		unsigned count;
	} bound;                 /* bound.c */
};

/* A one-shot timer of the control thread. *source: NULL, or one made earlier, which is moved. */
int service_timer(struct service *service, sd_event_source **source, uint64_t seconds,
		  sd_event_time_handler_t expired, void *ctx);
void service_timer_clear(sd_event_source **source);
/* A session or discovery ended, which may be what the stop waits for. */
void service_check_stopped(struct service *service);
/* "" or our own instance name. */
bool service_knows_instance(const char *instance);

#endif
