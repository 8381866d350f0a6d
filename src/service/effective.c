/*
 * effective.c - see effective.h.
 */
#include "service/effective.h"

#include <string.h>

#include <openssl/rand.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/ipsec.h"

enum { COMMAND_TIME = 60000 }; /* milliseconds; of targets that are not known to need another */

static bool both(uint64_t flags, uint64_t a, uint64_t b)
{
	return (flags & a) && (flags & b);
}

uint32_t effective_check(const struct options *o, uint64_t flags)
{
	if ((flags & ~(uint64_t)SECURITY_FLAGS_ALL) ||
	    both(flags, SECURITY_MAIN_MODE, SECURITY_AGGRESSIVE_MODE) ||
	    both(flags, SECURITY_TRANSPORT_MODE, SECURITY_TUNNEL_MODE))
		return ERROR_INVALID_PARAMETER;
	if (!o->present)
		return ERROR_SUCCESS;
	if (o->version != 0 || (o->specified & ~(uint32_t)SPECIFIED_ALL) ||
	    (o->login_flags & ~(uint32_t)LOGIN_FLAGS_ALL))
		return ERROR_INVALID_PARAMETER;
	if (options_has(o, SPECIFIED_AUTH_TYPE) && o->auth_type > AUTH_MUTUAL_CHAP)
		return ISDSC_INVALID_LOGON_AUTH_TYPE;
	if ((options_has(o, SPECIFIED_HEADER_DIGEST) && o->header_digest > 1) ||
	    (options_has(o, SPECIFIED_DATA_DIGEST) && o->data_digest > 1) ||
	    (options_has(o, SPECIFIED_MAX_CONNECTIONS) && o->max_connections > UINT16_MAX) ||
	    (options_has(o, SPECIFIED_TIME2WAIT) && o->time2wait > 3600) ||
	    (options_has(o, SPECIFIED_TIME2RETAIN) && o->time2retain > 3600))
		return ERROR_INVALID_PARAMETER;
	return ERROR_SUCCESS;
}

uint64_t effective_security(const struct effective_input *in)
{
	const struct options *o = in->options->present || !in->session ? in->options : in->session;
	uint32_t login_flags = (o->present ? o->login_flags : 0) |
			       (in->session && in->session->present ? in->session->login_flags : 0);

	return ipsec_flags(in->security_flags, in->portal_flags,
			   in->defaults->value[DEFAULT_SECURITY_FLAGS],
			   login_flags & LOGIN_REQUIRE_IPSEC);
}

/* SEC-12, SEC-13: nobody can listen, and then guess, where IPsec is. */
static bool secret_fits(const struct effective_input *in, unsigned len)
{
	unsigned least = ipsec_asked(effective_security(in)) ? 1 : SECRET_MIN;

	return len >= least && len <= SECRET_MAX;
}

/* RADIUS tells whether a response is right, never what would be right: it can verify a target's, but
 * not make ours (RFC 3723 section 2.4.1). What is to be verified comes with mutual CHAP alone. On
 * discovery the flags ask for nothing as long as there is no CHAP: such portals are added in practice and
 * must work. */
static uint32_t ask_radius(const struct effective_input *in, const struct options *o, uint32_t auth_type)
{
	if (in->purpose == EFFECTIVE_DISCOVERY && auth_type == AUTH_NONE)
		return ERROR_SUCCESS;
	if (o->login_flags & LOGIN_RADIUS_RESPONSE)
		return ERROR_NOT_SUPPORTED;
	if (!(o->login_flags & LOGIN_RADIUS_VERIFICATION))
		return ERROR_SUCCESS;
	if (auth_type != AUTH_MUTUAL_CHAP)
		return ERROR_INVALID_PARAMETER;
	return in->radius ? ERROR_SUCCESS : ISDSC_TARGET_AUTHINFO_UNAVAILABLE;
}

static uint32_t chap_user(const struct effective_input *in, const struct options *o,
			  struct chap_config *chap)
{
	const void *user = in->node_name;
	size_t len = strlen(in->node_name);

	if (options_has(o, SPECIFIED_USERNAME) && o->username_len) {
		user = o->username;
		len = o->username_len;
	}
	if (len > sizeof(chap->user) - 1 || memchr(user, 0, len))
		return ISDSC_INVALID_CHAP_USER_NAME;
	memcpy(chap->user, user, len);
	chap->user_len = (unsigned)len;
	return ERROR_SUCCESS;
}

/* SEC-15: who knows one target's secret shall not pass for another. */
static void chap_outside(const struct effective_input *in, struct chap_config *chap)
{
	chap->outside = true;
	chap->algorithm_count = 1;
	chap->algorithms[0] = CHAP_MD5;
	if (!in->target_name || in->defaults->value[DEFAULT_RADIUS_NAME] != RADIUS_NAME_TARGET)
		return;
	chap->target_name_len = (unsigned)strlen(in->target_name);
	memcpy(chap->target_name, in->target_name, chap->target_name_len);
}

/* SEC-11 */
static uint32_t chap_target_secret(const struct effective_input *in, struct chap_config *chap)
{
	if (!secret_fits(in, in->initiator_secret_len) ||
	    secret_equal(in->initiator_secret, in->initiator_secret_len, chap->secret,
			 chap->secret_len))
		return ISDSC_INVALID_INITIATOR_CHAP_SECRET;
	memcpy(chap->target_secret, in->initiator_secret, in->initiator_secret_len);
	chap->target_secret_len = in->initiator_secret_len;
	return ERROR_SUCCESS;
}

static uint32_t chap_mutual(const struct effective_input *in, const struct options *o,
			    struct chap_config *chap)
{
	uint32_t status = ERROR_SUCCESS;

	if (o->login_flags & LOGIN_RADIUS_VERIFICATION)
		chap_outside(in, chap);
	else
		status = chap_target_secret(in, chap);
	if (status)
		return status;
	chap->challenge_len = 32;
	if (RAND_bytes(chap->challenge, (int)chap->challenge_len) != 1 ||
	    RAND_bytes(&chap->identifier, 1) != 1)
		return ISDSC_OUT_OF_RESOURCES;
	return ERROR_SUCCESS;
}

static uint32_t chap_make(const struct effective_input *in, const struct options *o,
			  uint32_t auth_type, struct chap_config *chap)
{
	uint32_t status;

	if (auth_type == AUTH_NONE)
		return ERROR_SUCCESS;
	chap->mode = auth_type == AUTH_MUTUAL_CHAP ? CHAP_MUTUAL : CHAP_ONE_WAY;
	chap->algorithm_count = defaults_algorithms(in->defaults, chap->algorithms);
	chap->open = in->open;
	status = chap_user(in, o, chap);
	if (status)
		return status;
	/* Microsoft's header calls the password the target's secret. */
	if (!options_has(o, SPECIFIED_PASSWORD) || !secret_fits(in, o->password_len))
		return ISDSC_INVALID_TARGET_CHAP_SECRET;
	memcpy(chap->secret, o->password, o->password_len);
	chap->secret_len = o->password_len;
	return auth_type == AUTH_MUTUAL_CHAP ? chap_mutual(in, o, chap) : ERROR_SUCCESS;
}

/* Our own limit is less than what may be asked for; 0 means no limit. */
static uint16_t connections(uint32_t asked)
{
	return asked == 0 || asked > ENGINE_MAX_CONNS ? ENGINE_MAX_CONNS : (uint16_t)asked;
}

static uint32_t pick(const struct options *o, uint32_t bit, uint32_t value,
		     const struct defaults *defaults, enum default_id id)
{
	return options_has(o, bit) ? value : defaults->value[id];
}

/* SEC-16, MCS-6 */
uint32_t effective_make(const struct effective_input *in, struct effective *ret)
{
	const struct options *o = in->options->present || !in->session ? in->options : in->session;
	uint32_t auth_type = options_has(o, SPECIFIED_AUTH_TYPE) ? o->auth_type : AUTH_NONE;
	struct effective e = { .options = *o };
	uint32_t status = effective_check(in->options, in->security_flags);

	if (!status && o->present)
		status = ask_radius(in, o, auth_type);
	if (!status)
		status = chap_make(in, o, auth_type, &e.chap);
	if (!status) {
		e.security_flags = effective_security(in);
		e.header_digest = pick(o, SPECIFIED_HEADER_DIGEST, o->header_digest, in->defaults,
				       DEFAULT_HEADER_DIGEST);
		e.data_digest = pick(o, SPECIFIED_DATA_DIGEST, o->data_digest, in->defaults,
				     DEFAULT_DATA_DIGEST);
		e.max_connections = connections(pick(o, SPECIFIED_MAX_CONNECTIONS,
						     o->max_connections, in->defaults,
						     DEFAULT_MAX_CONNECTIONS));
		e.time2wait = (uint16_t)pick(o, SPECIFIED_TIME2WAIT, o->time2wait, in->defaults,
					     DEFAULT_TIME2WAIT);
		e.time2retain = (uint16_t)pick(o, SPECIFIED_TIME2RETAIN, o->time2retain,
					       in->defaults, DEFAULT_TIME2RETAIN);
		*ret = e;
	}
	effective_done(&e);
	return status;
}

/* SEC-21 */
void effective_done(struct effective *effective)
{
	secret_wipe(effective, sizeof(*effective));
}

/* KEY-7 */
void effective_offer(const struct effective *e, const struct defaults *defaults,
		     struct keys_offer *ret)
{
	const uint32_t *value = defaults->value;

	keys_offer_default(ret);
	ret->max_connections = e->max_connections;
	ret->initial_r2t = value[DEFAULT_INITIAL_R2T];
	ret->immediate_data = value[DEFAULT_IMMEDIATE_DATA];
	ret->max_recv_data_segment_length = value[DEFAULT_MAX_RECV_LENGTH];
	ret->max_burst_length = value[DEFAULT_MAX_BURST_LENGTH];
	/* A setting for one target alone may have lost its match since it was made. */
	ret->first_burst_length = value[DEFAULT_FIRST_BURST_LENGTH] < ret->max_burst_length
				  ? value[DEFAULT_FIRST_BURST_LENGTH] : ret->max_burst_length;
	ret->default_time2wait = e->time2wait;
	ret->default_time2retain = e->time2retain;
	ret->data_pdu_in_order = value[DEFAULT_DATA_PDU_IN_ORDER];
	ret->data_sequence_in_order = value[DEFAULT_DATA_SEQUENCE_IN_ORDER];
	ret->error_recovery_level = (uint8_t)value[DEFAULT_ERROR_RECOVERY_LEVEL];
	/* KEY-6 */
	ret->max_outstanding_r2t = ret->error_recovery_level && ret->data_sequence_in_order
				   ? 1 : (uint16_t)value[DEFAULT_MAX_OUTSTANDING_R2T];
	/* Only a target that sorts can have it; see session_habits. */
	ret->task_reporting = value[DEFAULT_TASK_REPORTING] != KEYS_RFC3720 &&
			      (value[DEFAULT_ORDERING] == ORDERING_OFF ||
			       value[DEFAULT_ORDERING] == ORDERING_AUTO);
	ret->no_fast_abort = value[DEFAULT_TASK_REPORTING] == KEYS_RESPONSE_FENCE;
	ret->protocol_level = value[DEFAULT_PROTOCOL_LEVEL] > 1
			      ? (uint8_t)value[DEFAULT_PROTOCOL_LEVEL] : 0;
}

void effective_times(const struct defaults *defaults, struct session_times *ret)
{
	const uint32_t *value = defaults->value;

	ret->login = value[DEFAULT_LOGIN_TIME] * 1000;
	ret->ping_idle = value[DEFAULT_PING_IDLE] * 1000;
	ret->ping_wait = value[DEFAULT_PING_WAIT] * 1000;
	ret->logout = value[DEFAULT_LOGOUT_TIME] * 1000;
	ret->hold = value[DEFAULT_HOLD_TIME] * 1000;
	ret->retry = value[DEFAULT_RETRY_TIME] * 1000;
	ret->command = value[DEFAULT_COMMAND_TIME] == DEFAULT_AUTO
		       ? COMMAND_TIME : value[DEFAULT_COMMAND_TIME] * 1000;
	ret->manage = value[DEFAULT_TASK_MANAGEMENT_TIME] * 1000;
	ret->doubt = value[DEFAULT_DOUBT_TIME];
}
