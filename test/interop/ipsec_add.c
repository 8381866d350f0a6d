/*
 * ipsec_add.c - a program that calls the library, told on its standard input what to call: connections
 * with security flags and keys.
 *
 * One command a line, words divided by blanks; `-` is an absent word, a key is in hexadecimal. For each
 * line one answer: the status, the milliseconds that the call took, and what it gave.
 *   login TARGET HOST PORT FLAGS KEY LOGINFLAGS  -> session, connection
 *   add SESSION HOST PORT FLAGS KEY LOGINFLAGS   -> connection
 *   capacity SESSION LUN, logout SESSION
 *   portal HOST PORT FLAGS LOGINFLAGS
 *   ike TYPE ID FLAGS KEY, group KEY, outer DESTINATION OUTER
 */
#include <iscsidsc.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORDS_MAX = 8, KEY_MAX = 256, ANSWER_MAX = 96 };

struct key {
	ULONG size;
	UCHAR bytes[KEY_MAX];
};

static char *text(char *word)
{
	return strcmp(word, "-") ? word : NULL;
}

static struct key key_read(const char *word)
{
	struct key key = { 0 };
	unsigned byte;

	for (; key.size < KEY_MAX && sscanf(word, "%2x", &byte) == 1; word += 2)
		key.bytes[key.size++] = (UCHAR)byte;
	return key;
}

static PCHAR key_bytes(struct key *key)
{
	return key->size ? (PCHAR)key->bytes : NULL;
}

static ISCSI_TARGET_PORTALA portal_read(const char *host, const char *port)
{
	ISCSI_TARGET_PORTALA portal = { .Socket = (USHORT)atoi(port) };

	snprintf(portal.Address, sizeof(portal.Address), "%s", host);
	return portal;
}

static ISCSI_LOGIN_OPTIONS options_read(const char *flags)
{
	return (ISCSI_LOGIN_OPTIONS){
		.LoginFlags = (ISCSI_LOGIN_FLAGS)strtoul(flags, NULL, 0),
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS,
		.MaximumConnections = 8,
	};
}

static ISCSI_UNIQUE_SESSION_ID id_read(const char *word)
{
	ISCSI_UNIQUE_SESSION_ID id = { 0 };

	sscanf(word, "%" SCNx64 "-%" SCNx64, &id.AdapterUnique, &id.AdapterSpecific);
	return id;
}

static ISDSC_STATUS login(char **word, char *answer)
{
	ISCSI_TARGET_PORTALA portal = portal_read(word[1], word[2]);
	ISCSI_LOGIN_OPTIONS options = options_read(word[5]);
	ISCSI_UNIQUE_CONNECTION_ID connection = { 0 };
	ISCSI_UNIQUE_SESSION_ID session = { 0 };
	struct key key = key_read(word[4]);
	ISDSC_STATUS status;

	status = LoginIScsiTargetA(word[0], FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, &portal,
				   strtoull(word[3], NULL, 0), NULL, &options, key.size, key_bytes(&key),
				   FALSE, &session, &connection);
	snprintf(answer, ANSWER_MAX, "%" PRIx64 "-%" PRIx64 " %" PRIx64 "-%" PRIx64, session.AdapterUnique,
		 session.AdapterSpecific, connection.AdapterUnique, connection.AdapterSpecific);
	return status;
}

static ISDSC_STATUS add(char **word, char *answer)
{
	ISCSI_UNIQUE_SESSION_ID session = id_read(word[0]);
	ISCSI_TARGET_PORTALA portal = portal_read(word[1], word[2]);
	ISCSI_LOGIN_OPTIONS options = options_read(word[5]);
	ISCSI_UNIQUE_CONNECTION_ID connection = { 0 };
	struct key key = key_read(word[4]);
	ISDSC_STATUS status;

	status = AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal,
				     strtoull(word[3], NULL, 0), &options, key.size, key_bytes(&key),
				     &connection);
	snprintf(answer, ANSWER_MAX, "%" PRIx64 "-%" PRIx64, connection.AdapterUnique,
		 connection.AdapterSpecific);
	return status;
}

static ISDSC_STATUS capacity(char **word, char *answer)
{
	ISCSI_UNIQUE_SESSION_ID session = id_read(word[0]);
	UCHAR scsi_status = 0, response[8], sense[32];
	ULONG response_size = sizeof(response), sense_size = sizeof(sense);
	ISDSC_STATUS status;

	status = SendScsiReadCapacity(&session, strtoull(word[1], NULL, 0), &scsi_status, &response_size,
				      response, &sense_size, sense);
	snprintf(answer, ANSWER_MAX, "%u", scsi_status);
	return status;
}

static ISDSC_STATUS logout(char **word, char *answer)
{
	ISCSI_UNIQUE_SESSION_ID session = id_read(word[0]);

	(void)answer;
	return LogoutIScsiTarget(&session);
}

static ISDSC_STATUS portal(char **word, char *answer)
{
	ISCSI_TARGET_PORTALA made = portal_read(word[0], word[1]);
	ISCSI_LOGIN_OPTIONS options = options_read(word[3]);

	(void)answer;
	options.InformationSpecified = 0;
	return AddIScsiSendTargetPortalA(NULL, ISCSI_ALL_INITIATOR_PORTS, &options,
					 strtoull(word[2], NULL, 0), &made);
}

static ISDSC_STATUS ike(char **word, char *answer)
{
	IKE_AUTHENTICATION_INFORMATION info = { .AuthMethod = IKE_AUTHENTICATION_PRESHARED_KEY_METHOD };
	IKE_AUTHENTICATION_PRESHARED_KEY *psk = &info.PsKey;
	struct key key = key_read(word[3]);
	UCHAR address[16];

	(void)answer;
	psk->IdType = (IKE_IDENTIFICATION_PAYLOAD_TYPE)atoi(word[0]);
	psk->Id = (PUCHAR)word[1];
	psk->IdLengthInBytes = (ULONG)strlen(word[1]);
	if (psk->IdType == ID_IPV4_ADDR || psk->IdType == ID_IPV6_ADDR) {
		psk->Id = address;
		psk->IdLengthInBytes = psk->IdType == ID_IPV4_ADDR ? 4 : 16;
		inet_pton(psk->IdType == ID_IPV4_ADDR ? AF_INET : AF_INET6, word[1], address);
	}
	psk->SecurityFlags = strtoull(word[2], NULL, 0);
	psk->Key = (PUCHAR)key_bytes(&key);
	psk->KeyLengthInBytes = key.size;
	return SetIScsiIKEInfoA(NULL, ISCSI_ALL_INITIATOR_PORTS, &info, FALSE);
}

static ISDSC_STATUS group(char **word, char *answer)
{
	struct key key = key_read(word[0]);

	(void)answer;
	return SetIScsiGroupPresharedKey(key.size, (PUCHAR)key_bytes(&key), FALSE);
}

static ISDSC_STATUS outer(char **word, char *answer)
{
	(void)answer;
	return SetIScsiTunnelModeOuterAddressA(NULL, ISCSI_ALL_INITIATOR_PORTS, text(word[0]), text(word[1]),
					       FALSE);
}

static const struct {
	const char *name;
	int words;
	ISDSC_STATUS (*run)(char **word, char *answer);
} commands[] = {
	{ "login", 6, login }, { "add", 6, add }, { "capacity", 2, capacity }, { "logout", 1, logout },
	{ "portal", 4, portal }, { "ike", 4, ike }, { "group", 1, group }, { "outer", 2, outer },
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void command_run(char *line)
{
	char *word[WORDS_MAX] = { NULL }, *rest = NULL, answer[ANSWER_MAX] = "";
	double begin = now_ms();
	ISDSC_STATUS status;
	int words = 0;

	for (char *w = strtok_r(line, " \n", &rest); w && words < WORDS_MAX; w = strtok_r(NULL, " \n", &rest))
		word[words++] = w;
	for (size_t i = 0; words && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, word[0]) || commands[i].words != words - 1)
			continue;
		status = commands[i].run(word + 1, answer);
		printf("%#x %.3f %s\n", status, now_ms() - begin, answer);
		return;
	}
	printf("unknown command\n");
}

int main(void)
{
	char line[2048];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin))
		command_run(line);
	return 0;
}
