/*
 * name.h - iSCSI names and portal addresses as text (RFC 7143 sections 4.2.7 and 13.8).
 *
 * No look-up of host names, no stringprep beyond folding ASCII letters to lower case.
 */
#ifndef ISCSIDSC_PROTO_NAME_H
#define ISCSIDSC_PROTO_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAME_MAX_LEN = 223, NAME_PORT = 3260 };

/* Checks a name against NAM-1 and NAM-2 in any letter case. Returns 0 or -EINVAL. */
int name_check(const char *name);
/* Checks and folds to lower case. `ret` has NAME_MAX_LEN + 1 bytes and may be `name` itself. */
int name_fold(const char *name, char ret[NAME_MAX_LEN + 1]);
/* A name that a target sent: as name_check, but only length and characters are judged, since
 * targets with names of their own making exist and must be shown (NAM-5). */
int name_check_received(const char *name);

/* Whether a text for people that a peer sent, an alias, may be shown: UTF-8 without controls. Returns 0
 * or -EINVAL. */
int name_check_alias(const char *text);

struct name_address {
	char host[256];  /* DNS name, IPv4, or IPv6 without brackets (a %scope is kept) */
	uint16_t port;   /* NAME_PORT if the text has none */
	int tag;         /* portal group tag, -1 if the text has none */
};

/* "host[:port][,tag]" with IPv6 in brackets; IPv6 without brackets if it is nothing but an address
 * (TOL-12). Returns 0 or -EINVAL. */
int name_address_get(const char *text, struct name_address *ret);
/* The text form, brackets and port always written, the tag if it is not -1. Returns the length as
 * snprintf does. */
int name_address_put(char *text, size_t room, const struct name_address *address);

#endif
