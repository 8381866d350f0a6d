/*
 * print.h - how the tool writes ids, bytes, flags and options: the Windows tool's forms, and JSON.
 */
#ifndef ISCSIDSC_CLI_PRINT_H
#define ISCSIDSC_CLI_PRINT_H

#include <iscsidsc.h>

#include <stdio.h>
#include <json-c/json_object.h>

#define PRINT_ID_ROOM 40

/* HEX-HEX in lower case without leading zeros, in `to`, which has PRINT_ID_ROOM bytes. */
const char *print_id(const ISCSI_UNIQUE_SESSION_ID *id, char *to);

/* A result of a login: text lines, or members of the JSON object. `session` may be NULL. */
void print_new_ids(struct json_object *json, const ISCSI_UNIQUE_SESSION_ID *session,
		   const ISCSI_UNIQUE_CONNECTION_ID *connection);

/*
 * 16 bytes a line behind `indent` spaces: two digits and a space each, missing ones as spaces,
 * four spaces, then the printable characters (0x21 to 0x7e), others as a dot.
 */
void print_hex(FILE *to, int indent, const UCHAR *bytes, size_t size);

/* The bytes behind each other, two digits each, as a JSON text. */
struct json_object *print_hex_json(const UCHAR *bytes, size_t size);

/* One indented line for each security flag that is set, but for main mode. */
void print_security_flags(ISCSI_SECURITY_FLAGS flags);

/* The block of login options in a listing. */
void print_options(const ISCSI_LOGIN_OPTIONS *options);
struct json_object *print_options_json(const ISCSI_LOGIN_OPTIONS *options);

/* The LUNs of a mapping, one a line; the whole mapping. In JSON: its members, with bus and target; the
 * same as the member "mapping". */
void print_luns(const ISCSI_TARGET_MAPPINGA *mapping);
void print_luns_json(struct json_object *json, const ISCSI_TARGET_MAPPINGA *mapping);
void print_mapping(const ISCSI_TARGET_MAPPINGA *mapping);
void print_mapping_json(struct json_object *json, const ISCSI_TARGET_MAPPINGA *mapping);

/* "none", "CRC32C". */
const char *print_digest(UCHAR digest);

/* 1536 is "1.5 KiB", in `to`, which has PRINT_SIZE_ROOM bytes. */
#define PRINT_SIZE_ROOM 32
const char *print_size(ULONGLONG bytes, char *to);

/* An ISCSI_CONNECTION_STATE_ in words. */
const char *print_state(UCHAR state);

/* Adds members to a JSON object. Running out of memory ends the program. */
void json_text(struct json_object *json, const char *name, const char *text);
void json_number(struct json_object *json, const char *name, ULONGLONG number);
void json_truth(struct json_object *json, const char *name, int truth);
void json_id(struct json_object *json, const char *name, const ISCSI_UNIQUE_SESSION_ID *id);

/* Adds an empty array and returns it; the object owns it. */
struct json_object *json_array(struct json_object *json, const char *name);

/* A list of names, one behind the other: as the array `key`; without `json` a line for each, behind the line
 * `head`, or the line `none` if there is none. Either may be NULL. */
void print_names(struct json_object *json, const char *key, const char *names, const char *head,
		 const char *none);

/* Appends an empty object to an array and returns it; the array owns it. */
struct json_object *json_item(struct json_object *array);

#endif
