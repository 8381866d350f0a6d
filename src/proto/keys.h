/*
 * keys.h - the operational negotiation of one login: what we offer, what the target answers or
 * proposes, and what is then in force (RFC 7143 sections 6.2, 6.3, 13). One table in keys.c has a
 * row per key.
 *
 * It does not do security: AuthMethod and the CHAP keys are recognised and handed back to the
 * login code. It does not join PDUs or choose stages, except that keys_put_offers begins the
 * operational stage.
 *
 * Use: keys_start; keys_take for every pair of every response; keys_put_offers in the first request
 * of the operational stage; keys_finish when the login succeeded.
 */
#ifndef ISCSIDSC_PROTO_KEYS_H
#define ISCSIDSC_PROTO_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "proto/text.h"

enum keys_task_reporting { KEYS_RFC3720, KEYS_RESPONSE_FENCE, KEYS_FAST_ABORT };

/* What we propose. Checked by keys_offer_check. */
struct keys_offer {
	uint16_t max_connections;
	bool initial_r2t, immediate_data;
	uint32_t max_recv_data_segment_length; /* ours, declared */
	uint32_t max_burst_length, first_burst_length;
	uint16_t default_time2wait, default_time2retain; /* seconds */
	uint16_t max_outstanding_r2t;
	bool data_pdu_in_order, data_sequence_in_order;
	uint8_t error_recovery_level;
	bool task_reporting;    /* offer FastAbort, ResponseFence, RFC3720; old targets choke on it */
	bool no_fast_abort;     /* leave FastAbort out of these */
	uint8_t protocol_level; /* iSCSIProtocolLevel to offer; 0: do not offer it */
	bool strict;            /* no tolerance: TOL-1 and TOL-3 off */
};

/* What is in force on a connection, the session-wide values included. */
struct keys_params {
	/* of the connection */
	bool header_digest, data_digest;
	uint32_t max_send_data_segment_length; /* the target's MaxRecvDataSegmentLength */
	uint32_t max_recv_data_segment_length; /* ours */
	/* of the session */
	uint16_t max_connections;
	bool initial_r2t, immediate_data;
	uint32_t max_burst_length, first_burst_length;
	uint16_t default_time2wait, default_time2retain;
	uint16_t max_outstanding_r2t;
	bool data_pdu_in_order, data_sequence_in_order;
	uint8_t error_recovery_level;
	uint8_t task_reporting;       /* enum keys_task_reporting */
	uint8_t protocol_level;
	int target_portal_group_tag;  /* -1 if the target did not tell */
};

enum key_id {
	KEY_NONE = 0,
	/* security; for the login code */
	KEY_AUTH_METHOD, KEY_CHAP_A, KEY_CHAP_I, KEY_CHAP_C, KEY_CHAP_N, KEY_CHAP_R,
	/* declared; those of the target are for the login code */
	KEY_TARGET_NAME, KEY_INITIATOR_NAME, KEY_TARGET_ALIAS, KEY_INITIATOR_ALIAS,
	KEY_TARGET_ADDRESS, KEY_TARGET_PORTAL_GROUP_TAG, KEY_SESSION_TYPE, KEY_SEND_TARGETS,
	KEY_NODE_ARCHITECTURE,
	/* operational */
	KEY_HEADER_DIGEST, KEY_DATA_DIGEST, KEY_MAX_CONNECTIONS, KEY_INITIAL_R2T,
	KEY_IMMEDIATE_DATA, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, KEY_MAX_BURST_LENGTH,
	KEY_FIRST_BURST_LENGTH, KEY_DEFAULT_TIME2WAIT, KEY_DEFAULT_TIME2RETAIN,
	KEY_MAX_OUTSTANDING_R2T, KEY_DATA_PDU_IN_ORDER, KEY_DATA_SEQUENCE_IN_ORDER,
	KEY_ERROR_RECOVERY_LEVEL, KEY_TASK_REPORTING, KEY_PROTOCOL_LEVEL,
	/* obsolete: always answered Reject */
	KEY_IF_MARKER, KEY_OF_MARKER, KEY_IF_MARK_INT, KEY_OF_MARK_INT,
	KEY_COUNT
};

enum keys_login { KEYS_LEADING, KEYS_ADDED };
enum keys_session { KEYS_NORMAL, KEYS_DISCOVERY };

/* The state of one login's negotiation. Owns nothing; fields are keys.c's own. */
struct keys {
	struct keys_offer offer;
	struct keys_params now;      /* values agreed so far, defaults otherwise */
	struct keys_params session;  /* KEYS_ADDED: what holds in the session */
	enum keys_login login;
	enum keys_session type;
	bool want_header_digest, want_data_digest;
	bool operational;            /* keys_put_offers was called */
	uint64_t offered, seen;      /* bit per key_id */
};

/* Good values for a session of ours. */
void keys_offer_default(struct keys_offer *ret);
/* Returns 0, or -EINVAL if a value is out of range or two contradict (TXT-21, KEY-6). */
int keys_offer_check(const struct keys_offer *offer);
/* The defaults of section 13, which hold before anything was said. */
void keys_params_default(struct keys_params *ret);

/* Begins. The digests are those that the connection must have: CRC32C is then offered alone, so
 * that it can't be negotiated away; false offers None alone. `session` (KEYS_ADDED only, else
 * NULL): the values in force in the session, which this connection takes over (KEY-4). */
void keys_start(struct keys *keys, const struct keys_offer *offer, enum keys_login login,
		enum keys_session type, bool header_digest, bool data_digest,
		const struct keys_params *session);
/* Writes our proposals and begins the operational stage. At most about 500 bytes. */
void keys_put_offers(struct keys *keys, struct text_out *out);
/* One pair from the target. Writes what has to be answered into `answers`: a response with T=1 must
 * lead to none (LOG-7). Returns
 *   0     done with it
 *   > 0   the enum key_id of a security key or of a key declared by the target (TargetAlias,
 *         TargetAddress, TargetPortalGroupTag), whose value the login code uses; the tag's range
 *         was checked and it is also kept for keys_finish
 *   < 0   -EPROTO: the target broke the rules; *fault says how. The login is over. */
int keys_take(struct keys *keys, const char *key, const char *value, struct text_out *answers,
	      struct fault *fault);
/* True once each of our offers has its answer or needs none (TXT-17). */
bool keys_answered(const struct keys *keys);
/* Ends the negotiation. Returns 0, or -EPROTO with *fault if an answer is missing, a required
 * digest was not granted, or values contradict each other. */
int keys_finish(const struct keys *keys, struct keys_params *ret, struct fault *fault);

/* The key of that name, KEY_NONE if it is not one of ours. */
enum key_id keys_find(const char *name);
/* Its name. id: 1 to KEY_COUNT - 1. */
const char *keys_name(enum key_id id);
/* True for AuthMethod and the CHAP keys. */
bool keys_is_security(enum key_id id);

#endif
