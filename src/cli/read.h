/*
 * read.h - reads arguments, by the rules of the Windows tool: * leaves one at its default.
 *
 * Functions that can fail return an ISDSC status, ERROR_INVALID_PARAMETER (87) for what is wrong.
 */
#ifndef ISCSIDSC_CLI_READ_H
#define ISCSIDSC_CLI_READ_H

#include <iscsidsc.h>

#include <stdbool.h>

/*
 * What is wrong with an argument, in words, for the status' side; the first complaint stays until it
 * is taken. "" for none.
 */
void read_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *read_complaint(void);
void read_complaint_clear(void);

/* False for *: only the first character counts. */
bool read_given(const char *text);

/* A text, or NULL for *. */
char *read_text(char *text);

/* Decimal, with a minus sign too, or hexadecimal after 0x; text that is no number counts as 0. */
ULONGLONG read_number(const char *text);

/* A number, or `missing` for *. */
ULONG read_number_or(const char *text, ULONG missing);

/* First letter t or T is true, * is `missing`, anything else false. */
bool read_boolean(const char *text, bool missing);

/* Two hexadecimal halves joined by -, 0x before either optional. */
ISDSC_STATUS read_id(const char *text, ISCSI_UNIQUE_SESSION_ID *ret);

/* A number and the names that stand for it in arguments and in JSON. */
struct name {
	ULONG number;
	const char *name;  /* of an argument: letter case, - and _ don't count */
	const char *label; /* for people */
};

/* A name of the table, which ends with a row without one, or a number; 0 for neither. */
ULONG read_name(const struct name *table, const char *text);
/* The row of a number; NULL if there is none. */
const struct name *name_find(const struct name *table, ULONG number);

/* A LUN in hexadecimal without 0x. */
ISDSC_STATUS read_lun(const char *text, ULONGLONG *ret);

/*
 * A portal. An address of 256 characters or more, and a socket that is no port number, are wrong.
 */
ISDSC_STATUS read_portal(const char *address, const char *socket, ISCSI_TARGET_PORTALA *ret);

#define SECRET_MAX 256

/* Bytes of a secret. Wipe it with secret_wipe. */
struct secret {
	UCHAR bytes[SECRET_MAX];
	ULONG size;
};

/* Text, or bytes in hexadecimal after 0x. The argument itself is wiped. */
ISDSC_STATUS read_secret(char *text, struct secret *ret);

/* A key as the Windows tool gives it: text, its final NUL counted. * is none. */
ISDSC_STATUS read_key(char *text, struct secret *ret);

/* Hands a secret from the command line to an API function and wipes it; "*" clears. */
ISDSC_STATUS secret_give(char *text, ISDSC_STATUS (ISDSC_API *give)(ULONG size, PUCHAR bytes));
void secret_wipe(struct secret *secret);

/* Login options, with what their pointers point to. */
struct options {
	ISCSI_LOGIN_OPTIONS login;
	struct secret password;
};

/* The nine arguments: each one that is not * sets its bit. Wipe with options_wipe. */
#define OPTIONS_COUNT 9
ISDSC_STATUS read_options(char **argv, struct options *ret);

/* CHAP by user name and password, each * for absent. */
ISDSC_STATUS read_chap(char *user, char *password, struct options *ret);

void options_wipe(struct options *options);

/* A count and so many groups of four; bus and target must be the same in all. */
#define MAPPINGS_MAX 256
struct mappings {
	ISCSI_TARGET_MAPPINGA mapping;
	SCSI_LUN_LIST luns[MAPPINGS_MAX];
};

/* `argc` arguments from the count on; COMMAND_USAGE where they are not as many as it says.
 * ret->mapping.LUNCount is 0 for none. */
ISDSC_STATUS read_mappings(int argc, char **argv, struct mappings *ret);

#endif
