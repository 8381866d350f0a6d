/*
 * complete.c - see complete.h. What an argument is follows from the name that the table of commands
 * gives it.
 */
#include "cli/complete.h"

#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/read.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 2048
#define PLACES_MAX 64 /* arguments that a command names */

/* One completion. */
struct wish {
	FILE *out;
	const char *begun;   /* the word so far */
	int count;           /* words before it */
	char **words;
};

static void offer(const struct wish *wish, const char *candidate)
{
	if (*candidate && strncasecmp(candidate, wish->begun, strlen(wish->begun)) == 0)
		fprintf(wish->out, "%s\n", candidate);
}

static void offer_id(const struct wish *wish, const ISCSI_UNIQUE_SESSION_ID *id)
{
	char text[PRINT_ID_ROOM];

	offer(wish, print_id(id, text));
}

static void offer_number(const struct wish *wish, ULONG number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	offer(wish, text);
}

static void offer_commands(const struct wish *wish)
{
	for (const struct command *command = command_table; command->name; command++)
		offer(wish, command->name);
}

/* ---- what the service knows */

/* Names, one behind the other. */
static void offer_names(const struct wish *wish, fetch_call call, void *about)
{
	ULONG count;
	void *list = NULL;

	fetch_list(call, about, sizeof(CHAR), &list, &count);
	for (const char *name = list; name && *name; name += strlen(name) + 1)
		offer(wish, name);
	free(list);
}

static void offer_targets(const struct wish *wish)
{
	BOOLEAN force = FALSE;

	offer_names(wish, fetch_targets, &force);
}

static void offer_initiators(const struct wish *wish)
{
	offer_names(wish, fetch_initiators, NULL);
}

static void offer_isns(const struct wish *wish)
{
	offer_names(wish, fetch_isns_servers, NULL);
}

static void offer_radius(const struct wish *wish)
{
	offer_names(wish, fetch_radius_servers, NULL);
}

static void offer_bound(const struct wish *wish)
{
	offer_names(wish, fetch_persistent_devices, NULL);
}

static void offer_mechanisms(const struct wish *wish)
{
	struct fetch_information about = { wish->words[1], NULL, DiscoveryMechanisms };
	ULONG count;
	void *list = NULL;

	fetch_list(fetch_information, &about, 1, &list, &count);
	for (const char *name = list; name && *name; name += strlen(name) + 1)
		offer(wish, name);
	free(list);
}

static void offer_sessions(const struct wish *wish)
{
	ULONG count = 0;
	void *list = NULL;

	fetch_list(fetch_sessions, NULL, 1, &list, &count);
	for (ULONG i = 0; i < count; i++)
		offer_id(wish, &((const ISCSI_SESSION_INFOA *)list)[i].SessionId);
	free(list);
}

/* Those of the session that stands before it. */
static void offer_connections(const struct wish *wish)
{
	ISCSI_UNIQUE_SESSION_ID id;
	ULONG count = 0;
	void *list = NULL;
	ISCSI_CONNECTION_COUNTERS *conn;

	if (read_id(wish->words[1], &id) == 0)
		fetch_list(fetch_counters, &id, 1, &list, &count);
	conn = list;
	for (ULONG i = 0; i < count; i++, conn = fetch_next(conn))
		offer_id(wish, &conn->ConnectionId);
	free(list);
}

static void offer_portals(const struct wish *wish)
{
	ULONG count = 0;
	void *list = NULL;

	fetch_list(fetch_portals, NULL, 1, &list, &count);
	for (ULONG i = 0; i < count; i++)
		offer(wish, ((const ISCSI_TARGET_PORTAL_INFO_EXA *)list)[i].Address);
	free(list);
}

/* The ports of the listed portals at the address that stands before it. */
static void offer_sockets(const struct wish *wish)
{
	const char *address = wish->words[wish->count - 1];
	const ISCSI_TARGET_PORTAL_INFO_EXA *portals;
	ULONG count = 0, known = 0;
	void *list = NULL;

	fetch_list(fetch_portals, NULL, 1, &list, &count);
	portals = list;
	for (ULONG i = 0; i < count; i++) {
		if (strcasecmp(portals[i].Address, address) != 0)
			continue;
		offer_number(wish, portals[i].Socket);
		known++;
	}
	if (!known)
		offer_number(wish, DEFAULT_SOCKET);
	free(list);
}

static void offer_ports(const struct wish *wish)
{
	ISCSI_INITIATOR_PORT_INFO *port;
	ULONG count = 0;
	void *list = NULL;

	fetch_list(fetch_ports, NULL, 1, &list, &count);
	port = list;
	for (ULONG i = 0; i < count; i++, port = fetch_next(port))
		offer_number(wish, port->PortNumber);
	free(list);
}

static void offer_settings(const struct wish *wish)
{
	ISCSI_DEFAULT_INFO *setting;
	ULONG count = 0;
	void *list = NULL;

	fetch_list(fetch_defaults, NULL, 1, &list, &count);
	setting = list;
	for (ULONG i = 0; i < count; i++, setting = fetch_next(setting))
		offer(wish, setting->Name);
	free(list);
}

static void offer_disks(const struct wish *wish)
{
	ULONG count = 0, disks;
	void *list = NULL, *of_session;

	fetch_list(fetch_sessions, NULL, 1, &list, &count);
	for (ULONG i = 0; i < count; i++) {
		ISCSI_UNIQUE_SESSION_ID id = ((const ISCSI_SESSION_INFOA *)list)[i].SessionId;
		ISCSI_DISK_INFO *disk;

		of_session = NULL;
		disks = 0;
		fetch_list(fetch_disks, &id, 1, &of_session, &disks);
		disk = of_session;
		for (ULONG j = 0; j < disks; j++, disk = fetch_next(disk))
			offer(wish, disk->NbdPath);
		free(of_session);
	}
	free(list);
}

/* ---- what the tool knows */

static void offer_table(const struct wish *wish, const struct name *table)
{
	for (; table->name; table++)
		offer(wish, table->name);
}

static void offer_policies(const struct wish *wish)
{
	offer_table(wish, policy_names);
}

static void offer_functions(const struct wish *wish)
{
	offer_table(wish, task_names);
}

static void offer_truth(const struct wish *wish)
{
	offer(wish, "T");
	offer(wish, "F");
}

static void offer_once(const struct wish *wish)
{
	offer(wish, "--once");
}

/* By the name of an argument, in the command of that name, "" in all; the first row counts. NULL: the
 * service knows nothing that could stand there. */
static const struct place {
	const char *argument, *command;
	void (*offer)(const struct wish *wish);
} places[] = {
	{ "Target", "", offer_targets },
	{ "SessionId", "", offer_sessions },
	{ "ConnectionId", "", offer_connections },
	{ "Instance", "", offer_initiators },
	{ "Initiator", "", offer_initiators },
	{ "Port", "", offer_ports },
	{ "DiscoveryMechanism", "", offer_mechanisms },
	{ "Setting", "", offer_settings },
	{ "Policy", "", offer_policies },
	{ "Function", "", offer_functions },
	{ "Path", "AddPersistentDevice", offer_disks },
	{ "Path", "RemovePersistentDevice", offer_bound },
	{ "Address", "RemoveiSNSServer", offer_isns },
	{ "Address", "RefreshiSNSServer", offer_isns },
	{ "Address", "RemoveRadiusServer", offer_radius },
	{ "Address", "AddiSNSServer", NULL },
	{ "Address", "AddRadiusServer", NULL },
	{ "Address", "", offer_portals },
	{ "Socket", "", offer_sockets },
	{ "ForceUpdate", "", offer_truth },
	{ "ShowDevices", "", offer_truth },
	{ "ReportToPnP", "", offer_truth },
	{ "Persist", "", offer_truth },
	{ "--once", "", offer_once },
};

/* ---- where the word stands */

/* An argument's name: `length` characters of the table's text. */
struct argument {
	const char *name;
	int length;
};

/* The arguments that a command names; *ret_again is where the group that may come again begins. */
static int arguments_get(const char *text, struct argument *ret, int *ret_again)
{
	int count = 0, group = 0;

	*ret_again = -1;
	while (*text && count < PLACES_MAX) {
		int length = 1;

		if (*text == '[')
			group = count;
		if (strncmp(text, "...", 3) == 0)
			*ret_again = group;
		if (*text == '<') {
			length = (int)strcspn(text, ">");
			ret[count++] = (struct argument){ text + 1, length - 1 };
		} else if (strncmp(text, "--", 2) == 0) {
			length = (int)strcspn(text, " ]");
			ret[count++] = (struct argument){ text, length };
		}
		text += length;
	}
	return count;
}

static void offer_argument(const struct wish *wish, const struct command *command)
{
	struct argument arguments[PLACES_MAX];
	int index = wish->count - 1, again, count = arguments_get(command->arguments, arguments, &again);

	if (index >= count && again >= 0 && again < count)
		index = again + (index - again) % (count - again);
	if (index >= count)
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct place *place = &places[i];

		if (strlen(place->argument) != (size_t)arguments[index].length ||
		    strncmp(place->argument, arguments[index].name, strlen(place->argument)) != 0 ||
		    (*place->command && strcmp(place->command, command->name) != 0))
			continue;
		if (place->offer)
			place->offer(wish);
		return;
	}
}

void complete_words(FILE *out, int count, char **words)
{
	struct wish wish = { out, words[count - 1], count - 1, words };
	const struct command *command;

	if (wish.count && strcmp(words[0], "--json") == 0) {
		wish.words++;
		wish.count--;
	}
	if (wish.count == 0) {
		offer_commands(&wish);
		offer(&wish, "help");
		if (*wish.begun == '-') {
			offer(&wish, "--json");
			offer(&wish, "--version");
		}
		return;
	}
	command = command_find(wish.words[0]);
	if (command)
		offer_argument(&wish, command);
	else if (strcasecmp(wish.words[0], "help") == 0 && wish.count == 1)
		offer_commands(&wish);
}

void complete_lines(FILE *out, FILE *in)
{
	static char *words[WORDS_MAX];
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int count = 0;

	while (count < WORDS_MAX && (length = getline(&line, &room, in)) >= 0) {
		if (length && line[length - 1] == '\n')
			line[length - 1] = '\0';
		words[count++] = line;
		line = NULL;
		room = 0;
	}
	free(line);
	if (count)
		complete_words(out, count, words);
	while (count) {
		count--;
		explicit_bzero(words[count], strlen(words[count]));
		free(words[count]);
	}
}
