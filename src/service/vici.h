/*
 * vici.h - a link to charon, strongSwan's key daemon, over its vici socket: requests there, replies and
 * events back. What they are good for is the owner's (ipsec.h); the bytes are proto/vici.h's.
 *
 * On the control thread; nothing blocks but connecting to a local socket, which takes no time. Nothing
 * is logged here. Requests are answered one after the other, as vici has it: behind an initiation the
 * others wait. Who wants several at a time makes several links; each costs a socket and a little
 * memory. A link may be freed from within any call to its owner.
 */
#ifndef ISCSIDSC_SERVICE_VICI_H
#define ISCSIDSC_SERVICE_VICI_H

#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "service/vici_sa.h"

#define VICI_PATH "/run/charon.vici" /* charon's own default */

enum {
	VICI_REQUEST_ROOM = 16 * 1024, /* a request, with its length */
	VICI_QUEUE_MAX = 1024,         /* requests that wait */
	VICI_REQUEST_SECONDS = 10,     /* for a reply; of those that tell their own time, beyond that */
	VICI_WHY_ROOM = 256,
};

/* How a request, or a link, ended. */
struct vici_result {
	/*
	 * 0: done. -EREMOTEIO: charon says no. -ENOSYS: it does not know the request. -ENOENT, -EACCES,
	 * -ECONNREFUSED, -ECONNRESET, -EPIPE: nobody is there (any more). -ETIMEDOUT: no reply in time.
	 * -EPROTO: it speaks something else. -EPROTONOSUPPORT: it is too old.
	 */
	int error;
	/* One line for people and the log, never a secret. "" when done. Of a failed initiation: charon's
	 * reasons, the last ones of what it logged. */
	char why[VICI_WHY_ROOM];
};

struct vici_version {
	char daemon[VICI_WORD_ROOM], version[VICI_WORD_ROOM]; /* charon-systemd, 5.9.8 */
};

/* Any may be NULL. */
struct vici_ops {
	/* charon is there and new enough. */
	void (*opened)(void *ctx, const struct vici_version *version);
	/* SAs came, went, were rekeyed: anybody's. What happened before `opened` is not told: list then.
	 * Only links with this one have events sent to them. */
	void (*event)(void *ctx, const struct vici_event *event);
	/* The link is of no use any more, and is to be freed. All its requests have ended before. */
	void (*lost)(void *ctx, const struct vici_result *why);
};

struct vici;

/*
 * Connects. Returns 0; requests can be made at once, they are sent when charon's version is known. Or a
 * negative errno (-ENOENT, -ECONNREFUSED, -EACCES: no charon, or not for us; -ENAMETOOLONG); then
 * nothing is called.
 */
int vici_new(sd_event *event, const char *path, const struct vici_ops *ops, void *ctx,
	     struct vici **ret);
/* Nothing of it is called any more; what waits is not sent. Wipes. Accepts NULL. */
void vici_free(struct vici *vici);
/* Of no request with that ctx anything is called any more. They are sent nevertheless. */
void vici_forget(struct vici *vici, const void *ctx);

/*
 * Requests. Each returns 0, and calls `done` exactly once, later, unless it was forgotten or the link
 * freed; or it returns a negative errno and calls nothing: -EINVAL (as said below), -EMSGSIZE
 * (a text too long, or a name empty), -ENOBUFS (too many wait), -ENOMEM, -ENOTCONN (lost). What is
 * handed in is copied. `done.call` may be NULL. The result is lent.
 */
struct vici_done {
	void (*call)(void *ctx, const struct vici_result *result);
	void *ctx;
};

/* A preshared key of IKE. An earlier one of that id is replaced. */
struct vici_key {
	const char *id;              /* ours; not a secret */
	const uint8_t *bytes;
	size_t len;                  /* at least 1 */
	const char *const *owners;   /* identities at both ends, ended by NULL; NULL: anybody's */
};

int vici_load_key(struct vici *vici, const struct vici_key *key, struct vici_done done);
int vici_unload_key(struct vici *vici, const char *id, struct vici_done done);

/* Anything that swanctl.conf(5) knows and the structure below does not, as a text. */
struct vici_setting {
	const char *name, *value;    /* both NULL at the end */
};

/* A connection with one child, both sides by preshared key. An earlier one of that name is replaced;
 * SAs stay. Lists end with NULL; NULL itself leaves charon's default. */
struct vici_conn {
	const char *name;
	unsigned version;            /* 1, 2; 0: either */
	bool aggressive;             /* of IKEv1 */
	const char *local_addr, *remote_addr; /* of IKE; NULL: any */
	const char *local_id, *remote_id;     /* NULL: the addresses */
	const char *const *proposals;
	const struct vici_setting *settings;  /* more: keyingtries, dpd_delay, rekey_time, unique... */

	const char *child;           /* its name */
	enum vici_mode mode;         /* VICI_TRANSPORT or VICI_TUNNEL */
	const char *local_ts, *remote_ts;     /* NULL: dynamic */
	const char *const *esp_proposals;
	uint32_t reqid;              /* 0: charon chooses */
	const struct vici_setting *child_settings; /* more: rekey_time, close_action, policies... */
};

int vici_load_conn(struct vici *vici, const struct vici_conn *conn, struct vici_done done);
int vici_unload_conn(struct vici *vici, const char *name, struct vici_done done);

/*
 * Brings a child up, or an IKE SA alone where `child` is NULL (not with IKEv2); done once it is up
 * (VICI_CHILD_UPDOWN may come a little later). One that is up
 * already is an error with some versions of charon: look first. After `milliseconds` (at least 1) it has
 * failed, but charon goes on trying; and a failed child may leave its IKE SA: whoever does not want
 * that terminates the IKE SA. With IKEv1 main mode a wrong key shows as a time limit that ran out.
 */
int vici_initiate(struct vici *vici, const char *conn, const char *child, unsigned milliseconds,
		  struct vici_done done);

/* Which SAs: all that fit everything that is given. NULL and 0 are not given. */
struct vici_which {
	const char *ike, *child;     /* names of configurations */
	uint32_t ike_id, child_id;
};

/* Ends SAs: IKE SAs with all they have, or, where child or child_id is given, only those. `force`: does
 * not wait for the peer. -EREMOTEIO also if there is none. At least one is given. */
int vici_terminate(struct vici *vici, const struct vici_which *which, bool force,
		   unsigned milliseconds, struct vici_done done);
/* The same for rekeying; done when begun: VICI_CHILD_REKEY tells of the end. */
int vici_rekey(struct vici *vici, const struct vici_which *which, struct vici_done done);

/* Lists. `each` is called with the `ctx` of `done`, then `done`. Records are lent. */
int vici_list_sas(struct vici *vici, const struct vici_which *which,
		  void (*each)(void *ctx, const struct vici_ike *ike, const struct vici_child *child),
		  struct vici_done done);
/* All that charon knows of, the administrator's too. `name` NULL: every one. */
int vici_list_conns(struct vici *vici, const char *name,
		    void (*each)(void *ctx, const struct vici_known_conn *conn),
		    struct vici_done done);
int vici_list_policies(struct vici *vici,
		       void (*each)(void *ctx, const struct vici_policy *policy),
		       struct vici_done done);
/* Names of connections and ids of keys that were loaded over vici, by anybody; and charon's plugins:
 * "kernel-libipsec" says that ESP is made in user space. */
int vici_list_conn_names(struct vici *vici, void (*each)(void *ctx, const char *name),
			 struct vici_done done);
int vici_list_key_ids(struct vici *vici, void (*each)(void *ctx, const char *id),
		      struct vici_done done);
int vici_list_plugins(struct vici *vici, void (*each)(void *ctx, const char *name),
		      struct vici_done done);

#endif
