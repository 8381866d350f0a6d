/*
 * session.c - the commands that make and end sessions and connections.
 */
#include "cli/command.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/read.h"

/* Address and socket, both or neither. *ret_portal is NULL for neither. */
static ISDSC_STATUS portal_read(struct run *run, char *address, char *socket,
				ISCSI_TARGET_PORTALA *portal, ISCSI_TARGET_PORTALA **ret_portal)
{
	bool has_address = read_given(address), has_socket = read_given(socket);

	*ret_portal = NULL;
	if (has_address != has_socket) {
		if (!run->json)
			printf("Both the target portal address and socket are needed\n");
		return ERROR_INVALID_PARAMETER;
	}
	if (!has_address)
		return 0;
	*ret_portal = portal;
	return read_portal(address, socket, portal);
}

/* An id that is none is told, as text. */
static ISDSC_STATUS id_read(struct run *run, const char *text, ISCSI_UNIQUE_SESSION_ID *ret)
{
	ISDSC_STATUS status = read_id(text, ret);

	if (status && !run->json)
		printf("Invalid sessionid: %s\n", text);
	return status;
}

/* LoginTarget's 18 arguments and its mappings. */
enum { LOGIN_TARGET, LOGIN_PNP, LOGIN_ADDRESS, LOGIN_SOCKET, LOGIN_INSTANCE, LOGIN_PORT,
	LOGIN_SECURITY, LOGIN_OPTIONS, LOGIN_KEY = LOGIN_OPTIONS + OPTIONS_COUNT, LOGIN_MAPPINGS };

static ISDSC_STATUS login_call(struct run *run, char **argv, struct options *options,
			       struct secret *key, struct mappings *mappings, BOOLEAN persistent)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA storage, *portal;
	ISDSC_STATUS status;

	status = portal_read(run, argv[LOGIN_ADDRESS], argv[LOGIN_SOCKET], &storage, &portal);
	if (status)
		return status;
	if (!run->json)
		printf("LoginTarget to %s on %s to %s/%u\n", argv[LOGIN_TARGET],
		       read_given(argv[LOGIN_INSTANCE]) ? argv[LOGIN_INSTANCE] :
							  "<no init instance>",
		       portal ? portal->Address : "<no portal>", portal ? portal->Socket : 0);
	progress_begin("login-time", "Logging in to %s", argv[LOGIN_TARGET]);
	status = LoginIScsiTargetA(argv[LOGIN_TARGET], !read_boolean(argv[LOGIN_PNP], true),
				   read_text(argv[LOGIN_INSTANCE]),
				   read_number_or(argv[LOGIN_PORT], ISCSI_ANY_INITIATOR_PORT),
				   portal, read_number(argv[LOGIN_SECURITY]),
				   mappings->mapping.LUNCount ? &mappings->mapping : NULL,
				   &options->login, key->size,
				   key->size ? (PCHAR)key->bytes : NULL, persistent,
				   &session, &connection);
	progress_end();
	/* What is only stored has no ids. */
	if (!status && !persistent)
		print_new_ids(run->json, &session, &connection);
	return status;
}

static ISDSC_STATUS login_read(struct run *run, int argc, char **argv, BOOLEAN persistent)
{
	struct mappings mappings;
	struct options options;
	struct secret key = { .size = 0 };
	ISDSC_STATUS status = read_options(argv + LOGIN_OPTIONS, &options);

	if (!status)
		status = read_key(argv[LOGIN_KEY], &key);
	if (!status)
		status = read_mappings(argc - LOGIN_MAPPINGS, argv + LOGIN_MAPPINGS, &mappings);
	if (!status)
		status = login_call(run, argv, &options, &key, &mappings, persistent);
	options_wipe(&options);
	secret_wipe(&key);
	return status;
}

ISDSC_STATUS session_login(struct run *run, int argc, char **argv)
{
	return login_read(run, argc, argv, FALSE);
}

ISDSC_STATUS session_login_persistent(struct run *run, int argc, char **argv)
{
	return login_read(run, argc, argv, TRUE);
}

ISDSC_STATUS session_login_quick(struct run *run, int argc, char **argv)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	struct options options = { 0 };
	ISDSC_STATUS status = 0;

	if (argc == 2)
		return COMMAND_USAGE;
	if (argc == 3)
		status = read_chap(argv[1], argv[2], &options);
	progress_begin("login-time", "Logging in to %s", argv[0]);
	if (!status)
		status = LoginIScsiTargetA(argv[0], FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0,
					   NULL, argc == 3 ? &options.login : NULL, 0, NULL, FALSE,
					   &session, &connection);
	progress_end();
	options_wipe(&options);
	if (!status)
		print_new_ids(run->json, &session, &connection);
	return status;
}

ISDSC_STATUS session_logout(struct run *run, int argc, char **argv)
{
	ISCSI_UNIQUE_SESSION_ID id;
	ISDSC_STATUS status = id_read(run, argv[0], &id);

	(void)argc;
	if (status)
		return status;
	if (!run->json)
		printf("Logout Target 0x%llx-0x%llx\n", (unsigned long long)id.AdapterUnique,
		       (unsigned long long)id.AdapterSpecific);
	progress_begin("logout-time", "Logging out");
	status = LogoutIScsiTarget(&id);
	progress_end();
	return status;
}

/* Ids that are none bring the usage here, as on Windows, but not the look of success. */
static ISDSC_STATUS id_or_usage(struct run *run, const char *command, const char *text,
				ISCSI_UNIQUE_SESSION_ID *ret)
{
	ISDSC_STATUS status = read_id(text, ret);

	if (status && !run->json)
		command_usage(command_find(command));
	return status;
}

ISDSC_STATUS session_add_quick(struct run *run, int argc, char **argv)
{
	char socket[] = "3260";
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA storage, *portal = NULL;
	struct options options = { 0 };
	ISDSC_STATUS status;

	if (argc == 4)
		return COMMAND_USAGE;
	status = id_or_usage(run, "QAddConnection", argv[0], &session);
	if (!status && read_given(argv[2])) {
		portal = &storage;
		status = read_portal(argv[2], socket, portal);
	}
	if (!status && argc == 5)
		status = read_chap(argv[3], argv[4], &options);
	progress_begin("login-time", "Adding a connection through %s", argv[2]);
	if (!status)
		status = AddIScsiConnectionA(&session, read_text(argv[1]),
					     ISCSI_ANY_INITIATOR_PORT, portal, 0,
					     argc == 5 ? &options.login : NULL, 0, NULL,
					     &connection);
	progress_end();
	options_wipe(&options);
	if (!status)
		print_new_ids(run->json, NULL, &connection);
	return status;
}

/* AddConnection's 16 arguments. */
enum { ADD_SESSION, ADD_INSTANCE, ADD_PORT, ADD_ADDRESS, ADD_SOCKET, ADD_SECURITY, ADD_OPTIONS,
	ADD_KEY = ADD_OPTIONS + OPTIONS_COUNT };

ISDSC_STATUS session_add(struct run *run, int argc, char **argv)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA storage, *portal;
	struct options options;
	struct secret key = { .size = 0 };
	ISDSC_STATUS status = read_options(argv + ADD_OPTIONS, &options);

	(void)argc;
	if (!status)
		status = id_or_usage(run, "AddConnection", argv[ADD_SESSION], &session);
	if (!status)
		status = read_key(argv[ADD_KEY], &key);
	if (!status)
		status = portal_read(run, argv[ADD_ADDRESS], argv[ADD_SOCKET], &storage, &portal);
	progress_begin("login-time", "Adding a connection through %s", argv[ADD_ADDRESS]);
	if (!status)
		status = AddIScsiConnectionA(&session, read_text(argv[ADD_INSTANCE]),
					     read_number_or(argv[ADD_PORT],
							    ISCSI_ANY_INITIATOR_PORT),
					     portal, read_number(argv[ADD_SECURITY]),
					     &options.login, key.size,
					     key.size ? (PCHAR)key.bytes : NULL, &connection);
	progress_end();
	options_wipe(&options);
	secret_wipe(&key);
	if (!status)
		print_new_ids(run->json, NULL, &connection);
	return status;
}

ISDSC_STATUS session_remove(struct run *run, int argc, char **argv)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISDSC_STATUS status = id_or_usage(run, "RemoveConnection", argv[0], &session);

	(void)argc;
	if (!status)
		status = id_or_usage(run, "RemoveConnection", argv[1], &connection);
	progress_begin("logout-time", "Removing the connection");
	if (!status)
		status = RemoveIScsiConnection(&session, &connection);
	progress_end();
	return status;
}
