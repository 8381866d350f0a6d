/*
 * options.h - what callers hand over as structures: portals, login options, flags. Values only;
 * how they travel is args.h, what follows from them is effective.h.
 */
#ifndef ISCSIDSC_SERVICE_OPTIONS_H
#define ISCSIDSC_SERVICE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define PORT_NUMBER_ANY UINT32_MAX

enum {
	OPTIONS_TEXT = 256,
	OPTIONS_BYTES = 255,
	PRESHARED_KEY_MAX = 512,
	MAPPING_LUNS_MAX = 256,
};

struct portal {
	bool present;
	char symbolic_name[OPTIONS_TEXT];
	char address[OPTIONS_TEXT]; /* as the caller gave it: IPv6 with or without brackets */
	uint16_t socket;
};

enum options_specified {
	SPECIFIED_HEADER_DIGEST = 0x01,
	SPECIFIED_DATA_DIGEST = 0x02,
	SPECIFIED_MAX_CONNECTIONS = 0x04,
	SPECIFIED_TIME2WAIT = 0x08,
	SPECIFIED_TIME2RETAIN = 0x10,
	SPECIFIED_USERNAME = 0x20,
	SPECIFIED_PASSWORD = 0x40,
	SPECIFIED_AUTH_TYPE = 0x80,
	SPECIFIED_ALL = 0xff,
};

enum login_flags {
	LOGIN_REQUIRE_IPSEC = 0x01,
	LOGIN_MULTIPATH = 0x02,
	LOGIN_PORTAL_HOPPING = 0x08,
	LOGIN_RADIUS_RESPONSE = 0x10,
	LOGIN_RADIUS_VERIFICATION = 0x20,
	LOGIN_FLAGS_ALL = 0x3f,
};

enum security_flags {
	SECURITY_VALID = 0x01,
	SECURITY_IPSEC = 0x02,
	SECURITY_MAIN_MODE = 0x04,
	SECURITY_AGGRESSIVE_MODE = 0x08,
	SECURITY_PFS = 0x10,
	SECURITY_TRANSPORT_MODE = 0x20,
	SECURITY_TUNNEL_MODE = 0x40,
	SECURITY_FLAGS_ALL = 0x7f,
};

enum auth_type { AUTH_NONE, AUTH_CHAP, AUTH_MUTUAL_CHAP };

struct options {
	bool present;
	uint32_t version, specified, login_flags, auth_type, header_digest, data_digest;
	uint32_t max_connections, time2wait, time2retain;
	uint8_t username[OPTIONS_BYTES];
	uint8_t username_len;
	uint8_t password[OPTIONS_BYTES]; /* wiped by whoever holds it */
	uint8_t password_len;
	/* It was stored, but the store's key can't open it; password_len is 0. */
	bool password_lost;
};

/* An IPsec preshared key. Wiped by whoever holds it. */
struct preshared_key {
	uint8_t bytes[PRESHARED_KEY_MAX];
	uint16_t len;
	bool lost; /* as password_lost */
};

struct mapping_lun {
	uint64_t target_lun; /* as callers write it */
	uint32_t os_lun;
};

/* Which numbers a target's LUNs shall have here; UINT32_MAX any. The names that a caller may have
 * put into his structure don't count. */
struct mappings {
	bool present;
	uint32_t os_bus, os_target;
	uint32_t count;          /* at most MAPPING_LUNS_MAX */
	struct mapping_lun *lun; /* owned; NULL for none */
};

/* Frees what it owns; it is absent then. */
static inline void mappings_done(struct mappings *mappings)
{
	free(mappings->lun);
	*mappings = (struct mappings){ .present = false };
}

static inline bool options_has(const struct options *options, uint32_t bit)
{
	return options->present && (options->specified & bit);
}

#endif
