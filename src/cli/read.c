/*
 * read.c - see read.h.
 */
#include "cli/read.h"

#include "cli/command.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char complaint[256];

void read_complain(const char *format, ...)
{
	va_list list;

	if (*complaint)
		return;
	va_start(list, format);
	vsnprintf(complaint, sizeof(complaint), format, list);
	va_end(list);
}

const char *read_complaint(void)
{
	return complaint;
}

void read_complaint_clear(void)
{
	*complaint = '\0';
}

/* A failure, with its words. */
#define wrong(...) (read_complain(__VA_ARGS__), ERROR_INVALID_PARAMETER)

bool read_given(const char *text)
{
	return text[0] != '*';
}

char *read_text(char *text)
{
	return read_given(text) ? text : NULL;
}

static bool has_prefix(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

ULONGLONG read_number(const char *text)
{
	if (has_prefix(text))
		return strtoull(text + 2, NULL, 16);
	return text[0] == '-' ? (ULONGLONG)strtoll(text, NULL, 10) : strtoull(text, NULL, 10);
}

ULONG read_number_or(const char *text, ULONG missing)
{
	return read_given(text) ? (ULONG)read_number(text) : missing;
}

bool read_boolean(const char *text, bool missing)
{
	return read_given(text) ? text[0] == 't' || text[0] == 'T' : missing;
}

/* 1 to 16 hexadecimal digits up to `end`. */
static bool read_hex(const char *text, const char *end, ULONGLONG *ret)
{
	ULONGLONG value = 0;

	if (text >= end || end - text > 16)
		return false;
	for (; text < end; text++) {
		if (!isxdigit((unsigned char)*text))
			return false;
		value = value << 4 | (ULONGLONG)(isdigit((unsigned char)*text) ?
			*text - '0' : tolower((unsigned char)*text) - 'a' + 10);
	}
	*ret = value;
	return true;
}

ISDSC_STATUS read_id(const char *text, ISCSI_UNIQUE_SESSION_ID *ret)
{
	const char *dash = strchr(text, '-'), *second;
	ISCSI_UNIQUE_SESSION_ID id;

	if (!dash)
		return wrong("%s is no id: it is two hexadecimal numbers joined by -", text);
	second = has_prefix(dash + 1) ? dash + 3 : dash + 1;
	if (!read_hex(has_prefix(text) ? text + 2 : text, dash, &id.AdapterUnique) ||
	    !read_hex(second, second + strlen(second), &id.AdapterSpecific))
		return wrong("%s is no id: it is two hexadecimal numbers joined by -", text);
	*ret = id;
	return 0;
}

static bool name_equal(const char *name, const char *text)
{
	for (;; name++, text++) {
		text += strspn(text, "-_");
		if (tolower((unsigned char)*name) != tolower((unsigned char)*text))
			return false;
		if (!*name)
			return true;
	}
}

ULONG read_name(const struct name *table, const char *text)
{
	for (; table->name; table++)
		if (name_equal(table->name, text))
			return table->number;
	return (ULONG)read_number(text);
}

const struct name *name_find(const struct name *table, ULONG number)
{
	for (; table->name; table++)
		if (table->number == number)
			return table;
	return NULL;
}

ISDSC_STATUS read_lun(const char *text, ULONGLONG *ret)
{
	return read_hex(text, text + strlen(text), ret)
		? 0 : wrong("%s is no LUN: it is hexadecimal without 0x", text);
}

ISDSC_STATUS read_portal(const char *address, const char *socket, ISCSI_TARGET_PORTALA *ret)
{
	ULONGLONG port = read_number(socket);

	if (strlen(address) >= sizeof(ret->Address))
		return wrong("a portal address has less than %zu characters", sizeof(ret->Address));
	if (port > UINT16_MAX)
		return wrong("%s is no TCP port", socket);
	memset(ret, 0, sizeof(*ret));
	strcpy(ret->Address, address);
	ret->Socket = (USHORT)port;
	return 0;
}

static void text_wipe(char *text)
{
	explicit_bzero(text, strlen(text));
}

ISDSC_STATUS read_secret(char *text, struct secret *ret)
{
	size_t length = strlen(text);
	ISDSC_STATUS status = 0;
	ULONGLONG byte;

	ret->size = 0;
	if (length > SECRET_MAX) {
		status = wrong("a secret has at most %d characters", SECRET_MAX);
	} else if (!has_prefix(text)) {
		memcpy(ret->bytes, text, length);
		ret->size = (ULONG)length;
	} else {
		if (length % 2)
			status = wrong("a secret in hexadecimal has an even number of digits");
		for (size_t at = 2; at < length && !status; at += 2) {
			if (!read_hex(text + at, text + at + 2, &byte))
				status = wrong("a secret that begins with 0x has hexadecimal digits");
			else
				ret->bytes[ret->size++] = (UCHAR)byte;
		}
	}
	text_wipe(text);
	return status;
}

ISDSC_STATUS read_key(char *text, struct secret *ret)
{
	size_t size = strlen(text) + 1;

	ret->size = 0;
	if (!read_given(text))
		return 0;
	if (size > SECRET_MAX) {
		text_wipe(text);
		return wrong("a key has less than %d characters", SECRET_MAX);
	}
	memcpy(ret->bytes, text, size);
	ret->size = (ULONG)size;
	text_wipe(text);
	return 0;
}

void secret_wipe(struct secret *secret)
{
	explicit_bzero(secret, sizeof(*secret));
}

ISDSC_STATUS secret_give(char *text, ISDSC_STATUS (ISDSC_API *give)(ULONG size, PUCHAR bytes))
{
	struct secret secret = { .size = 0 };
	ISDSC_STATUS status = 0;

	if (read_given(text))
		status = read_secret(text, &secret);
	if (!status)
		status = give(secret.size, secret.size ? secret.bytes : NULL);
	secret_wipe(&secret);
	return status;
}

static void option_user(ISCSI_LOGIN_OPTIONS *login, char *user)
{
	bool empty = strcmp(user, "-") == 0;

	login->InformationSpecified |= ISCSI_LOGIN_OPTIONS_USERNAME;
	login->Username = empty ? NULL : (PUCHAR)user;
	login->UsernameLength = empty ? 0 : (ULONG)strlen(user);
}

static ISDSC_STATUS option_password(struct options *options, char *password)
{
	ISCSI_LOGIN_OPTIONS *login = &options->login;
	ISDSC_STATUS status;

	login->InformationSpecified |= ISCSI_LOGIN_OPTIONS_PASSWORD;
	if (strcmp(password, "-") == 0)
		return 0;
	status = read_secret(password, &options->password);
	login->Password = options->password.bytes;
	login->PasswordLength = options->password.size;
	return status;
}

/* A number that counts once it is given. */
static ULONG option_number(ISCSI_LOGIN_OPTIONS *login, const char *text, ULONG bit)
{
	if (!read_given(text))
		return 0;
	login->InformationSpecified |= bit;
	return (ULONG)read_number(text);
}

ISDSC_STATUS read_options(char **argv, struct options *ret)
{
	ISCSI_LOGIN_OPTIONS *login = &ret->login;

	memset(ret, 0, sizeof(*ret));
	login->LoginFlags = read_number_or(argv[0], 0);
	login->HeaderDigest = (ISCSI_DIGEST_TYPES)option_number(
		login, argv[1], ISCSI_LOGIN_OPTIONS_HEADER_DIGEST);
	login->DataDigest = (ISCSI_DIGEST_TYPES)option_number(
		login, argv[2], ISCSI_LOGIN_OPTIONS_DATA_DIGEST);
	login->MaximumConnections =
		option_number(login, argv[3], ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS);
	login->DefaultTime2Wait =
		option_number(login, argv[4], ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_WAIT);
	login->DefaultTime2Retain =
		option_number(login, argv[5], ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_RETAIN);
	login->AuthType = (ISCSI_AUTH_TYPES)option_number(
		login, argv[8], ISCSI_LOGIN_OPTIONS_AUTH_TYPE);
	if (read_given(argv[6]))
		option_user(login, argv[6]);
	return read_given(argv[7]) ? option_password(ret, argv[7]) : 0;
}

ISDSC_STATUS read_chap(char *user, char *password, struct options *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->login.InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE;
	ret->login.AuthType = ISCSI_CHAP_AUTH_TYPE;
	if (read_given(user))
		option_user(&ret->login, user);
	return read_given(password) ? option_password(ret, password) : 0;
}

void options_wipe(struct options *options)
{
	secret_wipe(&options->password);
}

/* Exactly 0x and 16 digits. */
static bool read_target_lun(const char *text, ULONGLONG *ret)
{
	return has_prefix(text) && strlen(text) == 18 && read_hex(text + 2, text + 18, ret);
}

ISDSC_STATUS read_mappings(int argc, char **argv, struct mappings *ret)
{
	ISCSI_TARGET_MAPPINGA *mapping = &ret->mapping;
	ULONG count = (ULONG)read_number(argv[0]);

	memset(ret, 0, sizeof(*ret));
	if (count > MAPPINGS_MAX)
		return wrong("a login has at most %d mappings", MAPPINGS_MAX);
	if ((ULONG)(argc - 1) != 4 * count)
		return COMMAND_USAGE;
	mapping->LUNCount = count;
	mapping->LUNList = ret->luns;
	for (ULONG i = 0; i < count; i++) {
		char **group = argv + 1 + 4 * i;
		ULONG bus = (ULONG)read_number(group[1]), target = (ULONG)read_number(group[2]);

		if (!read_target_lun(group[0], &ret->luns[i].TargetLUN))
			return wrong("%s is no target LUN of a mapping: it is 0x and 16 "
				     "hexadecimal digits", group[0]);
		if (i > 0 && (bus != mapping->OSBusNumber || target != mapping->OSTargetNumber))
			return wrong("the mappings of a login have one bus and one target");
		mapping->OSBusNumber = bus;
		mapping->OSTargetNumber = target;
		ret->luns[i].OSLUN = (ULONG)read_number(group[3]);
	}
	return 0;
}
