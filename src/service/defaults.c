/*
 * defaults.c - see defaults.h. The table holds everything; nothing else knows a name or a range.
 */
#include "service/defaults.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "service/effective.h"
#include "service/ipsec_suite.h"
#include "service/store.h"

enum kind {
	KIND_NUMBER,
	KIND_AUTO_NUMBER, /* a number, or `auto`: DEFAULT_AUTO */
	KIND_CHOICE,     /* the value is the index of the word */
	KIND_FLAGS,      /* security flags: a number, printed in hexadecimal */
	KIND_ALGORITHMS, /* CHAP algorithm codes, the first in the lowest byte */
	KIND_SUITES,     /* IPsec suites, likewise */
};

static const char *const on_off[] = { "off", "on", NULL };
static const char *const digests[] = { "none", "crc32c", NULL };
static const char *const orderings[] = { "off", "on", "auto", "strict", NULL };
static const char *const reassigns[] = { "off", "on", "auto", NULL };
static const char *const protections[] = { "auto", "always", NULL };
static const char *const radius_names[] = { "any", "target", NULL };
static const char *const insistences[] = { "prefer", "insist", NULL };
static const char *const reportings[] = { "rfc3720", "response-fence", "fast-abort", NULL };

/* In the order of the API's numbers, without its vendor specific one; calls_policy.c knows. */
static const char *const policies[] = {
	"fail-over-only", "round-robin", "round-robin-subset", "least-queue-depth", "weighted-paths",
	"adaptive", NULL
};

#define ALGORITHMS_ALL 0x05060708 /* sha3-256 first, md5 last */

static const struct {
	const char *name;
	enum kind kind;
	uint32_t min, max, built_in;
	const char *const *words;
	const char *help;
} table[DEFAULT_COUNT] = {
	[DEFAULT_PING_IDLE] = { "ping-idle", KIND_NUMBER, 1, 3600, 5, NULL,
		"Seconds of silence after which a connection is pinged" },
	[DEFAULT_PING_WAIT] = { "ping-wait", KIND_NUMBER, 1, 3600, 5, NULL,
		"Seconds without an answer to the ping after which a connection counts as lost" },
	[DEFAULT_LOGIN_TIME] = { "login-time", KIND_NUMBER, 1, 300, 15, NULL,
		"Seconds that connecting and logging in may take together" },
	[DEFAULT_LOGOUT_TIME] = { "logout-time", KIND_NUMBER, 1, 60, 5, NULL,
		"Seconds to wait for the target's answer to a logout" },
	[DEFAULT_HOLD_TIME] = { "hold-time", KIND_NUMBER, 0, 86400, 60, NULL,
		"Seconds that commands wait for a lost session to come back before they fail" },
	[DEFAULT_RETRY_TIME] = { "retry-time", KIND_NUMBER, 1, 3600, 5, NULL,
		"Seconds between attempts to bring a lost session back" },
	[DEFAULT_MAX_CONNECTIONS] = { "max-connections", KIND_NUMBER, 1, 64, 8, NULL,
		"MaxConnections offered where the caller names none" },
	[DEFAULT_HEADER_DIGEST] = { "header-digest", KIND_CHOICE, 0, 1, 0, digests,
		"Header digest where the caller names none" },
	[DEFAULT_DATA_DIGEST] = { "data-digest", KIND_CHOICE, 0, 1, 0, digests,
		"Data digest where the caller names none" },
	[DEFAULT_INITIAL_R2T] = { "initial-r2t", KIND_CHOICE, 0, 1, 0, on_off,
		"InitialR2T offered: on makes every write wait for the target" },
	[DEFAULT_IMMEDIATE_DATA] = { "immediate-data", KIND_CHOICE, 0, 1, 1, on_off,
		"ImmediateData offered: data of small writes travel with their command" },
	[DEFAULT_FIRST_BURST_LENGTH] = { "first-burst-length", KIND_NUMBER, 512, 16777215, 262144,
		NULL, "FirstBurstLength offered, in bytes" },
	[DEFAULT_MAX_BURST_LENGTH] = { "max-burst-length", KIND_NUMBER, 512, 16777215, 1048576, NULL,
		"MaxBurstLength offered, in bytes" },
	[DEFAULT_MAX_RECV_LENGTH] = { "max-recv-data-segment-length", KIND_NUMBER, 512, 16777215,
		262144, NULL, "MaxRecvDataSegmentLength declared, in bytes" },
	[DEFAULT_MAX_OUTSTANDING_R2T] = { "max-outstanding-r2t", KIND_NUMBER, 1, 15, 8, NULL,
		"MaxOutstandingR2T offered" },
	[DEFAULT_TIME2WAIT] = { "time2wait", KIND_NUMBER, 0, 3600, 0, NULL,
		"DefaultTime2Wait offered where the caller names none, in seconds" },
	[DEFAULT_TIME2RETAIN] = { "time2retain", KIND_NUMBER, 0, 3600, 20, NULL,
		"DefaultTime2Retain offered where the caller names none, in seconds" },
	[DEFAULT_CHAP_ALGORITHMS] = { "chap-algorithms", KIND_ALGORITHMS, 0, 0, ALGORITHMS_ALL, NULL,
		"CHAP algorithms offered, best first: sha3-256 sha256 sha1 md5 (md5 is always needed)" },
	[DEFAULT_ORDERING] = { "ordering", KIND_CHOICE, 0, 3, ORDERING_AUTO, orderings,
		"For targets that don't sort: on keeps immediate PDUs in order, strict all; auto: by vendor" },
	[DEFAULT_REINSTATE_REST] = { "reinstate-rest", KIND_AUTO_NUMBER, 0, 60000, DEFAULT_AUTO, NULL,
		"Milliseconds from a loss to the next login; auto: by vendor, or what the target asked for" },
	[DEFAULT_GROUP_MAY_CHANGE] = { "group-may-change", KIND_CHOICE, 0, 1, 0, on_off,
		"Members of the group iscsidsc may change things, not only list them" },
	[DEFAULT_ERROR_RECOVERY_LEVEL] = { "error-recovery-level", KIND_NUMBER, 0, 2, 0, NULL,
		"ErrorRecoveryLevel offered; see doc/recovery.md before raising it" },
	[DEFAULT_COMMAND_TIME] = { "command-time", KIND_AUTO_NUMBER, 0, 86400, DEFAULT_AUTO, NULL,
		"Seconds after which an unanswered command is aborted; 0: never; auto: by vendor, mostly 60" },
	[DEFAULT_TASK_MANAGEMENT_TIME] = { "task-management-time", KIND_NUMBER, 1, 300, 10, NULL,
		"Seconds to wait for the answer to a task management function" },
	[DEFAULT_DOUBT_TIME] = { "doubt-time", KIND_NUMBER, 10, 60000, 1000, NULL,
		"Milliseconds of silence under load, at least, before a path is asked whether it is dead" },
	[DEFAULT_DATA_PDU_IN_ORDER] = { "data-pdu-in-order", KIND_CHOICE, 0, 1, 1, on_off,
		"DataPDUInOrder offered: off lets data PDUs of a sequence come in any order" },
	[DEFAULT_DATA_SEQUENCE_IN_ORDER] = { "data-sequence-in-order", KIND_CHOICE, 0, 1, 1, on_off,
		"DataSequenceInOrder offered: off lets sequences come in any order" },
	[DEFAULT_TASK_REASSIGN] = { "task-reassign", KIND_CHOICE, 0, 2, TASK_REASSIGN_AUTO, reassigns,
		"At recovery level 2, commands of a lost connection go on over another; auto: by vendor" },
	[DEFAULT_TASK_REPORTING] = { "task-reporting", KIND_CHOICE, 0, 2, 0, reportings,
		"TaskReporting: the most that is offered; old targets choke on any but rfc3720" },
	[DEFAULT_PROTOCOL_LEVEL] = { "protocol-level", KIND_NUMBER, 1, 2, 1, NULL,
		"iSCSIProtocolLevel offered; 1 is not offered, it is what holds without" },
	[DEFAULT_LOAD_BALANCE_POLICY] = { "load-balance-policy", KIND_CHOICE, 0, 5, 1, policies,
		"Load balance policy that a session begins with; see SetLoadBalancePolicy" },
	[DEFAULT_PERSISTENT_LOGIN_TIME] = { "persistent-login-time", KIND_NUMBER, 0, 3600, 30, NULL,
		"Seconds that the start of the service waits for persistent logins" },
	[DEFAULT_BOUND_DEVICE_TIME] = { "bound-device-time", KIND_NUMBER, 0, 86400, 120, NULL,
		"Seconds that the start of the service waits for persistently bound devices" },
	[DEFAULT_PERSISTENT_CONNECTIONS] = { "persistent-connections", KIND_CHOICE, 0, 1, 0, on_off,
		"Connections added to a session with a persistent login are stored, and come back with it" },
	[DEFAULT_SECURITY_FLAGS] = { "security-flags", KIND_FLAGS, 0, SECURITY_FLAGS_ALL, 0, NULL,
		"Security flags of connections where neither caller nor portal has valid ones; see PSKey" },
	[DEFAULT_RADIUS_TIME] = { "radius-time", KIND_NUMBER, 1, 60, 3, NULL,
		"Seconds that a RADIUS server has to answer before the next one is asked" },
	[DEFAULT_RADIUS_PORT] = { "radius-port", KIND_NUMBER, 1, 65535, 1812, NULL,
		"UDP port of the RADIUS servers" },
	[DEFAULT_RADIUS_PROTECTION] = { "radius-protection", KIND_CHOICE, 0, 1, 0, protections,
		"Always: RADIUS answers need a Message-Authenticator; auto: of servers that once sent one" },
	[DEFAULT_RADIUS_NAME] = { "radius-name", KIND_CHOICE, 0, 1, 0, radius_names,
		"CHAP name of a target that RADIUS verifies: any that the server knows, or the target's own" },
	[DEFAULT_IPSEC_TIME] = { "ipsec-time", KIND_NUMBER, 1, 120, 10, NULL,
		"Seconds that bringing up IPsec for a connection may take; they count in login-time" },
	[DEFAULT_IPSEC_MODE] = { "ipsec-mode", KIND_CHOICE, 0, 1, 0, insistences,
		"Prefer: the other of transport and tunnel is taken if the peer has only that; or insist" },
	[DEFAULT_IPSEC_FALL_BACK] = { "ipsec-fall-back", KIND_CHOICE, 0, 1, 1, on_off,
		"Where neither main nor aggressive mode is asked for: IKEv1 main mode after IKEv2 failed" },
	[DEFAULT_IPSEC_PROPOSALS] = { "ipsec-proposals", KIND_SUITES, 0, 0, IPSEC_SUITES_DEFAULT, NULL,
		"Up to four cipher suites offered by IKE and ESP, best first; see doc/ipsec.md" },
};

static const struct {
	const char *name;
	uint8_t code;
} algorithms[] = { { "md5", 5 }, { "sha1", 6 }, { "sha256", 7 }, { "sha3-256", 8 } };

void defaults_init(struct defaults *defaults)
{
	for (int id = 0; id < DEFAULT_COUNT; id++)
		defaults->value[id] = table[id].built_in;
}

/* RFC 7143 section 13.14: FirstBurstLength must not exceed MaxBurstLength. */
bool defaults_agree(const struct defaults *defaults)
{
	return defaults->value[DEFAULT_FIRST_BURST_LENGTH] <=
	       defaults->value[DEFAULT_MAX_BURST_LENGTH];
}

static void setting_name(enum default_id id, char *ret, size_t room)
{
	snprintf(ret, room, "default.%s", table[id].name);
}

int defaults_load(struct defaults *defaults, struct store *store)
{
	struct defaults loaded = *defaults;
	char name[64], text[DEFAULT_TEXT_MAX];

	for (int id = 0; id < DEFAULT_COUNT; id++) {
		setting_name(id, name, sizeof(name));
		int len = store_get(store, name, text, sizeof(text) - 1);

		if (len == -ENOENT || len == -EMSGSIZE)
			continue;
		if (len < 0)
			return len;
		text[len] = 0;
		defaults_parse(id, text, &loaded.value[id]);
	}
	if (!defaults_agree(&loaded)) {
		loaded.value[DEFAULT_FIRST_BURST_LENGTH] = table[DEFAULT_FIRST_BURST_LENGTH].built_in;
		loaded.value[DEFAULT_MAX_BURST_LENGTH] = table[DEFAULT_MAX_BURST_LENGTH].built_in;
	}
	*defaults = loaded;
	return 0;
}

int defaults_set(struct defaults *defaults, struct store *store, enum default_id id,
		 const char *text)
{
	struct defaults changed = *defaults;
	char name[64];
	int r = 0;

	if (*text)
		r = defaults_parse(id, text, &changed.value[id]);
	else
		changed.value[id] = table[id].built_in;
	if (r < 0)
		return r;
	if (!defaults_agree(&changed))
		return -EINVAL;
	setting_name(id, name, sizeof(name));
	r = store_set(store, name, *text ? text : NULL, strlen(text));
	if (r == 0)
		*defaults = changed;
	return r;
}

int defaults_find(const char *name)
{
	for (int id = 0; id < DEFAULT_COUNT; id++)
		if (strcasecmp(table[id].name, name) == 0)
			return id;
	return -ENOENT;
}

const char *defaults_name(enum default_id id)
{
	return table[id].name;
}

const char *defaults_help(enum default_id id)
{
	return table[id].help;
}

uint32_t defaults_built_in(enum default_id id)
{
	return table[id].built_in;
}

/* Who may change things, and how long the start takes, has nothing to do with a target. */
bool defaults_per_target(enum default_id id)
{
	return id != DEFAULT_GROUP_MAY_CHANGE && id != DEFAULT_PERSISTENT_LOGIN_TIME &&
	       id != DEFAULT_BOUND_DEVICE_TIME && id != DEFAULT_SECURITY_FLAGS &&
	       id != DEFAULT_RADIUS_TIME && id != DEFAULT_RADIUS_PORT && id != DEFAULT_RADIUS_PROTECTION &&
	       id != DEFAULT_IPSEC_TIME && id != DEFAULT_IPSEC_MODE && id != DEFAULT_IPSEC_FALL_BACK &&
	       id != DEFAULT_IPSEC_PROPOSALS;
}

static int number_parse(enum default_id id, const char *text, uint32_t *ret)
{
	uint64_t value = 0;

	if (!*text || strlen(text) > 10)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	if (value < table[id].min || value > table[id].max)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

static const char *algorithm_name(uint8_t code)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (algorithms[i].code == code)
			return algorithms[i].name;
	return NULL;
}

/* The name of a code in a list of that kind. */
static const char *code_name(enum kind kind, uint8_t code)
{
	return kind == KIND_SUITES ? ipsec_suite_name(code) : algorithm_name(code);
}

enum { CODES_MAX = 32, LIST_MAX = 4 };

static uint8_t code_of(enum kind kind, const char *name, size_t len)
{
	for (uint8_t code = 1; code < CODES_MAX; code++) {
		const char *known = code_name(kind, code);

		if (known && strlen(known) == len && strncasecmp(known, name, len) == 0)
			return code;
	}
	return 0;
}

/* Names divided by commas or blanks, each at most once; at least one. */
static int list_parse(enum kind kind, const char *text, uint32_t *ret)
{
	uint32_t value = 0, seen = 0;
	unsigned n = 0;

	for (text += strspn(text, ", "); *text; text += strspn(text, ", ")) {
		size_t len = strcspn(text, ", ");
		uint8_t code = code_of(kind, text, len);

		if (!code || (seen & 1u << code) || n == LIST_MAX)
			return -EINVAL;
		seen |= 1u << code;
		value |= (uint32_t)code << 8 * n++;
		text += len;
	}
	/* MD5 is mandatory (SEC-4). */
	if (!n || (kind == KIND_ALGORITHMS && !(seen & 1u << 5)))
		return -EINVAL;
	*ret = value;
	return 0;
}

/* Flags that IPsec can be had with, in any base of C. */
static int flags_parse(enum default_id id, const char *text, uint32_t *ret)
{
	static const struct options none;
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (end == text || *end || *text == '-' || value > table[id].max ||
	    effective_check(&none, value) != 0)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

int defaults_parse(enum default_id id, const char *text, uint32_t *ret)
{
	/* What is stored must come back whole. */
	if (strlen(text) >= DEFAULT_TEXT_MAX)
		return -EINVAL;
	switch (table[id].kind) {
	case KIND_AUTO_NUMBER:
		if (strcasecmp(text, "auto") == 0) {
			*ret = DEFAULT_AUTO;
			return 0;
		}
		return number_parse(id, text, ret);
	case KIND_NUMBER:
		return number_parse(id, text, ret);
	case KIND_FLAGS:
		return flags_parse(id, text, ret);
	case KIND_ALGORITHMS:
	case KIND_SUITES:
		return list_parse(table[id].kind, text, ret);
	case KIND_CHOICE:
		for (uint32_t i = 0; table[id].words[i]; i++) {
			if (strcasecmp(table[id].words[i], text) != 0)
				continue;
			*ret = i;
			return 0;
		}
		return -EINVAL;
	}
	return -EINVAL;
}

void defaults_print(enum default_id id, uint32_t value, char ret[DEFAULT_TEXT_MAX])
{
	int at = 0;

	ret[0] = 0;
	switch (table[id].kind) {
	case KIND_AUTO_NUMBER:
		if (value == DEFAULT_AUTO) {
			snprintf(ret, DEFAULT_TEXT_MAX, "auto");
			break;
		}
		snprintf(ret, DEFAULT_TEXT_MAX, "%u", value);
		break;
	case KIND_NUMBER:
		snprintf(ret, DEFAULT_TEXT_MAX, "%u", value);
		break;
	case KIND_FLAGS:
		snprintf(ret, DEFAULT_TEXT_MAX, "0x%x", value);
		break;
	case KIND_CHOICE:
		snprintf(ret, DEFAULT_TEXT_MAX, "%s", table[id].words[value]);
		break;
	case KIND_ALGORITHMS:
	case KIND_SUITES:
		for (; value; value >>= 8)
			at += snprintf(ret + at, (size_t)(DEFAULT_TEXT_MAX - at), "%s%s", at ? "," : "",
				       code_name(table[id].kind, value & 0xff));
		break;
	}
}

unsigned defaults_algorithms(const struct defaults *defaults, uint8_t ret[4])
{
	unsigned n = 0;

	for (uint32_t value = defaults->value[DEFAULT_CHAP_ALGORITHMS]; value; value >>= 8)
		ret[n++] = value & 0xff;
	return n;
}
