/*
 * effective.h - what a connection is made with: the caller's flags and options, else the session's
 * or the portal's, else the defaults; and whether that can be given (decisions, table of codes).
 */
#ifndef ISCSIDSC_SERVICE_EFFECTIVE_H
#define ISCSIDSC_SERVICE_EFFECTIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "drive/drive.h"
#include "service/defaults.h"
#include "service/options.h"

enum effective_purpose { EFFECTIVE_DISCOVERY, EFFECTIVE_LOGIN, EFFECTIVE_ADD };

enum { SECRET_MIN = 12, SECRET_MAX = 16 };

struct effective_input {
	enum effective_purpose purpose;
	const struct options *options;  /* the call's; absent: the session's, then defaults */
	const struct options *session;  /* EFFECTIVE_ADD: what the session was logged in with */
	uint64_t security_flags;        /* the call's */
	const uint64_t *portal_flags;   /* of the portal when it was added; NULL: never was */
	const struct defaults *defaults;
	const char *node_name;
	const uint8_t *initiator_secret; /* checks the target in mutual CHAP */
	unsigned initiator_secret_len;
	struct chap_open *open;
	bool radius;              /* there is somebody to ask (radius_is_ready) */
	const char *target_name;  /* NULL for discovery */
};

struct effective {
	struct options options;   /* those that counted; secrets within */
	bool header_digest, data_digest;
	uint16_t max_connections, time2wait, time2retain;
	uint64_t security_flags;
	struct chap_config chap;
};

/* Consistency alone: what a portal add may store. Returns an ISDSC status, 0 if all is well. */
uint32_t effective_check(const struct options *options, uint64_t security_flags);
/* The security flags that count (ipsec_flags). */
uint64_t effective_security(const struct effective_input *in);
/* Returns an ISDSC status; *ret is filled only for 0 and then to be wiped by effective_done. */
uint32_t effective_make(const struct effective_input *in, struct effective *ret);
void effective_done(struct effective *effective);

/* The session's proposals and time limits. */
void effective_offer(const struct effective *effective, const struct defaults *defaults,
		     struct keys_offer *ret);
void effective_times(const struct defaults *defaults, struct session_times *ret);

#endif
