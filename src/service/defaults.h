/*
 * defaults.h - the settings of the service (GetIScsiDefault, SetIScsiDefault): one table of name,
 * kind, range, built-in value and help. A value is a number of 32 bits whatever its kind; a text
 * stands only at the API and in the store.
 */
#ifndef ISCSIDSC_SERVICE_DEFAULTS_H
#define ISCSIDSC_SERVICE_DEFAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum default_id {
	DEFAULT_PING_IDLE, DEFAULT_PING_WAIT, DEFAULT_LOGIN_TIME, DEFAULT_LOGOUT_TIME,
	DEFAULT_HOLD_TIME, DEFAULT_RETRY_TIME, DEFAULT_MAX_CONNECTIONS, DEFAULT_HEADER_DIGEST,
	DEFAULT_DATA_DIGEST, DEFAULT_INITIAL_R2T, DEFAULT_IMMEDIATE_DATA,
	DEFAULT_FIRST_BURST_LENGTH, DEFAULT_MAX_BURST_LENGTH, DEFAULT_MAX_RECV_LENGTH,
	DEFAULT_MAX_OUTSTANDING_R2T, DEFAULT_TIME2WAIT, DEFAULT_TIME2RETAIN,
	DEFAULT_CHAP_ALGORITHMS, DEFAULT_ORDERING, DEFAULT_REINSTATE_REST,
	DEFAULT_GROUP_MAY_CHANGE, DEFAULT_ERROR_RECOVERY_LEVEL, DEFAULT_COMMAND_TIME,
	DEFAULT_TASK_MANAGEMENT_TIME, DEFAULT_DOUBT_TIME, DEFAULT_DATA_PDU_IN_ORDER,
	DEFAULT_DATA_SEQUENCE_IN_ORDER, DEFAULT_TASK_REASSIGN, DEFAULT_TASK_REPORTING, DEFAULT_PROTOCOL_LEVEL,
	DEFAULT_LOAD_BALANCE_POLICY, DEFAULT_PERSISTENT_LOGIN_TIME, DEFAULT_BOUND_DEVICE_TIME,
	DEFAULT_PERSISTENT_CONNECTIONS,
	DEFAULT_SECURITY_FLAGS, DEFAULT_RADIUS_TIME, DEFAULT_RADIUS_PORT, DEFAULT_RADIUS_PROTECTION,
	DEFAULT_RADIUS_NAME,
	DEFAULT_IPSEC_TIME, DEFAULT_IPSEC_MODE, DEFAULT_IPSEC_FALL_BACK, DEFAULT_IPSEC_PROPOSALS,
	DEFAULT_COUNT
};

/* STRICT: numbers that the target has not acknowledged exist on one connection only, at a time. */
enum default_ordering { ORDERING_OFF, ORDERING_ON, ORDERING_AUTO, ORDERING_STRICT };

enum default_task_reassign { TASK_REASSIGN_OFF, TASK_REASSIGN_ON, TASK_REASSIGN_AUTO };

/* Whether answers count without a Message-Authenticator: from servers that never sent one, or never. */
enum default_radius_protection { RADIUS_PROTECTION_AUTO, RADIUS_PROTECTION_ALWAYS };

/* Which CHAP_N a target may have whose proof a RADIUS server verified. */
enum default_radius_name { RADIUS_NAME_ANY, RADIUS_NAME_TARGET };

/* Whether the other of transport and tunnel mode is taken where the peer will not have the preferred one. */
enum default_ipsec_mode { IPSEC_MODE_PREFER, IPSEC_MODE_INSIST };

#define DEFAULT_AUTO UINT32_MAX /* a number that is left to the service */

enum { DEFAULT_TEXT_MAX = 128 };

struct defaults {
	uint32_t value[DEFAULT_COUNT];
};

/* All built-in values. */
void defaults_init(struct defaults *defaults);
/* Adds what the store holds; a stored text that is not valid any more is left out. */
int defaults_load(struct defaults *defaults, struct store *store);
/* Sets and stores; "" is back to the built-in value. Returns -EINVAL for a bad value or one that
 * contradicts another setting, or the store's error. */
int defaults_set(struct defaults *defaults, struct store *store, enum default_id id,
		 const char *text);

/* Returns the id, or -ENOENT. Letter case does not count. */
int defaults_find(const char *name);
const char *defaults_name(enum default_id id);
const char *defaults_help(enum default_id id);
uint32_t defaults_built_in(enum default_id id);
/* It may differ from target to target (overrides.h). */
bool defaults_per_target(enum default_id id);
/* False if two values contradict each other. */
bool defaults_agree(const struct defaults *defaults);
/* Text to value: 0 or -EINVAL. */
int defaults_parse(enum default_id id, const char *text, uint32_t *ret);
void defaults_print(enum default_id id, uint32_t value, char ret[DEFAULT_TEXT_MAX]);

/* The CHAP algorithms, in the order of preference; returns how many (1 to 4). */
unsigned defaults_algorithms(const struct defaults *defaults, uint8_t ret[4]);

#endif
