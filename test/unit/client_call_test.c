/*
 * client_call_test.c - one call: arguments checked before a service is missed, what is sent, and
 * what becomes of a service that is absent, dies, refuses or talks nonsense.
 */
#include <iscsidsc.h>
#include <iscsidsc_ext.h>

#include "bus/interface.h"
#include "client_fake.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static ISCSI_UNIQUE_SESSION_ID session = { 0xf1, 0xa1 };
static ISCSI_UNIQUE_CONNECTION_ID connection;
static char target[] = "iqn.2001-04.com.example:disk";

static ISCSI_TARGET_PORTALA portal_a(void)
{
	ISCSI_TARGET_PORTALA portal = { .Socket = 3260 };

	/* As callers do: rubbish after the first NUL. */
	memset(portal.SymbolicName, 'x', sizeof(portal.SymbolicName));
	memset(portal.Address, 'x', sizeof(portal.Address));
	portal.SymbolicName[0] = '\0';
	strcpy(portal.Address, "192.0.2.1");
	return portal;
}

static ISDSC_STATUS add(ISCSI_TARGET_PORTALA *portal, ULONG port, ISCSI_SECURITY_FLAGS flags,
			ISCSI_LOGIN_OPTIONS *options)
{
	return AddIScsiConnectionA(&session, target, port, portal, flags, options, 0, NULL,
				   &connection);
}

static void nobody(void **state)
{
	ISCSI_TARGET_PORTALA portal = portal_a();

	(void)state;
	setenv("ISCSIDSC_SOCKET", "/nonexistent/socket", 1);
	assert_int_equal(LogoutIScsiTarget(&session), ISDSC_SERVICE_NOT_RUNNING);
	assert_int_equal(add(&portal, ISCSI_ANY_INITIATOR_PORT, 0, NULL),
			 ISDSC_SERVICE_NOT_RUNNING);
	/* A file that is no socket, a name that is too long: nobody is there either. */
	setenv("ISCSIDSC_SOCKET", "/etc/passwd", 1);
	assert_int_equal(LogoutIScsiTarget(&session), ISDSC_SERVICE_NOT_RUNNING);
}

/* All of these are wrong, service or not. */
static void arguments(void **state)
{
	const ULONG any = ISCSI_ANY_INITIATOR_PORT;
	ISCSI_TARGET_PORTALA good = portal_a(), bad = good;
	ISCSI_TARGET_PORTALW wide = { .Address = { 'a', 0xd800, 0 }, .Socket = 3260 };
	ISCSI_LOGIN_OPTIONS options = { 0 };
	UCHAR byte, secret[300] = { 0 };
	ULONG size = 0;

	(void)state;
	setenv("ISCSIDSC_SOCKET", "/nonexistent/socket", 1);
	assert_int_equal(LogoutIScsiTarget(NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(add(&good, 0, 0, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(add(&good, any, 0x80, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(add(&good, any, 0x0c, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(add(&good, any, 0x60, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(add(&good, any, 0x22, NULL), ISDSC_SERVICE_NOT_RUNNING);
	bad.Socket = 0;
	assert_int_equal(add(&bad, any, 0, NULL), ERROR_INVALID_PARAMETER);
	bad = good;
	bad.Address[0] = '\0';
	assert_int_equal(add(&bad, any, 0, NULL), ERROR_INVALID_PARAMETER);
	memset(bad.Address, 'a', sizeof(bad.Address));
	assert_int_equal(add(&bad, any, 0, NULL), ERROR_INVALID_PARAMETER);
	bad = good;
	strcpy(bad.Address, "\xff");
	assert_int_equal(add(&bad, any, 0, NULL), ERROR_NO_UNICODE_TRANSLATION);
	assert_int_equal(AddIScsiConnectionW(&session, NULL, any, &wide, 0, NULL, 0, NULL, NULL),
			 ERROR_NO_UNICODE_TRANSLATION);
	options.Version = 1;
	assert_int_equal(add(&good, any, 0, &options), ERROR_INVALID_PARAMETER);
	options.Version = 0;
	options.InformationSpecified = 0x100;
	assert_int_equal(add(&good, any, 0, &options), ERROR_INVALID_PARAMETER);
	options.InformationSpecified = 0;
	options.LoginFlags = 0x40;
	assert_int_equal(add(&good, any, 0, &options), ERROR_INVALID_PARAMETER);
	options.LoginFlags = 0;
	options.AuthType = (ISCSI_AUTH_TYPES)3; /* no bit: it does not count */
	options.UsernameLength = 9;
	assert_int_equal(add(&good, any, 0, &options), ISDSC_SERVICE_NOT_RUNNING);
	options.InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE;
	assert_int_equal(add(&good, any, 0, &options), ISDSC_INVALID_LOGON_AUTH_TYPE);
	options.InformationSpecified = ISCSI_LOGIN_OPTIONS_USERNAME;
	assert_int_equal(add(&good, any, 0, &options), ERROR_INVALID_PARAMETER);
	options.InformationSpecified = ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS;
	options.MaximumConnections = 65536;
	assert_int_equal(add(&good, any, 0, &options), ERROR_INVALID_PARAMETER);
	assert_int_equal(SetIScsiInitiatorCHAPSharedSecret(12, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(SetIScsiInitiatorCHAPSharedSecret(300, secret),
			 ISDSC_INVALID_INITIATOR_CHAP_SECRET);
	assert_int_equal(GetIScsiSessionListA(NULL, &size, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiSessionListA(&size, NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetDevicesForIScsiSessionA(&session, NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(ReportIScsiTargetsA(0, NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiInitiatorNodeNameA(NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiVersionInformation(NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(SendScsiReportLuns(&session, &byte, &size, NULL, NULL, &byte),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(LoginIScsiTargetA(target, 0, NULL, 5, NULL, 0, NULL, NULL, 0, NULL, 0,
					   &session, &connection), ERROR_INVALID_PARAMETER);
	assert_int_equal(LoginIScsiTargetA(target, 0, NULL, any, NULL, 0, NULL, NULL, 0, NULL, 0,
					   NULL, &connection), ERROR_INVALID_PARAMETER);
}

static void names_too_long(void **state)
{
	char name[MAX_ISCSI_NAME_LEN + 2];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(SetIScsiInitiatorNodeNameA(name), ISDSC_INVALID_ISCSI_NAME);
	name[MAX_ISCSI_NAME_LEN] = '\0';
	assert_int_equal(SetIScsiInitiatorNodeNameA(name), ISDSC_SERVICE_NOT_RUNNING);
	name[0] = '\0';
	assert_int_equal(SetIScsiInitiatorNodeNameA(name), ISDSC_INVALID_ISCSI_NAME);
}

static _Atomic int seen_right;

/* Looks at every argument of AddIScsiConnection. */
static int connection_check(sd_bus_message *request, sd_bus_message *reply)
{
	const char *symbolic, *address;
	const void *user, *password, *key;
	size_t user_size, password_size, key_size;
	uint64_t id[2], flags;
	uint32_t port, o[9];
	uint16_t socket;
	int present, has_options;

	sd_bus_message_read(request, BUS_ID "u" BUS_PORTAL "t", &id[0], &id[1], &port, &present,
			    &symbolic, &address, &socket, &flags);
	sd_bus_message_enter_container(request, 'r', "buuuuuuuuuayay");
	sd_bus_message_read(request, "buuuuuuuuu", &has_options, &o[0], &o[1], &o[2], &o[3], &o[4],
			    &o[5], &o[6], &o[7], &o[8]);
	sd_bus_message_read_array(request, 'y', &user, &user_size);
	sd_bus_message_read_array(request, 'y', &password, &password_size);
	sd_bus_message_exit_container(request);
	sd_bus_message_read_array(request, 'y', &key, &key_size);
	seen_right = id[0] == 0xf1 && id[1] == 0xa1 && port == 7 && present && !*symbolic &&
		     strcmp(address, "192.0.2.1") == 0 && socket == 3260 && flags == 0x21 &&
		     has_options && o[1] == 0xe1 && o[2] == 2 && o[3] == 1 && o[4] == 1 &&
		     o[5] == 0 &&
		     user_size == 2 && memcmp(user, "me", 2) == 0 && password_size == 12 &&
		     key_size == 3 && memcmp(key, "key", 3) == 0 &&
		     sd_bus_message_at_end(request, 1) > 0;
	return sd_bus_message_append(reply, "u" BUS_ID, 0, UINT64_C(0xf1), UINT64_C(0x1b));
}

static void connection_arguments(void **state)
{
	char user[] = "me", password[] = "twelve bytes", key[] = "key";
	ISCSI_TARGET_PORTALA portal = portal_a();
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = 0xe1, .LoginFlags = 2,
		.HeaderDigest = ISCSI_DIGEST_TYPE_CRC32C,
		.DataDigest = ISCSI_DIGEST_TYPE_CRC32C, .AuthType = ISCSI_CHAP_AUTH_TYPE,
		.UsernameLength = 2, .Username = (PUCHAR)user, .PasswordLength = 12,
		.Password = (PUCHAR)password,
	};

	(void)state;
	fake_start(connection_check);
	assert_int_equal(AddIScsiConnectionA(&session, NULL, 7, &portal, 0x21, &options, 3, key,
					     &connection), 0);
	assert_true(seen_right);
	assert_int_equal(connection.AdapterSpecific, 0x1b);
	/* The output is optional. */
	assert_int_equal(AddIScsiConnectionA(&session, NULL, 7, &portal, 0x21, &options, 3, key,
					     NULL), 0);
	fake_stop();
}

static int die(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	(void)reply;
	return FAKE_DIE;
}

static int refuse(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	(void)reply;
	return -EACCES;
}

static int nonsense(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	return sd_bus_message_append(reply, "us", 0, "what?");
}

static int busy(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	return sd_bus_message_append(reply, "u", ISDSC_SESSION_BUSY);
}

static void bad_services(void **state)
{
	ISCSI_TARGET_PORTALA portal = portal_a();
	ULONG size = 1, count = 2;

	(void)state;
	connection = (ISCSI_UNIQUE_CONNECTION_ID){ 8, 9 };
	fake_start(die);
	assert_int_equal(LogoutIScsiTarget(&session), ISDSC_SERVICE_NOT_RUNNING);
	fake_stop();
	fake_start(refuse);
	assert_int_equal(LogoutIScsiTarget(&session), ERROR_ACCESS_DENIED);
	fake_stop();
	fake_start(nonsense);
	assert_int_equal(GetIScsiSessionListA(&size, &count, NULL), ISDSC_NON_SPECIFIC_ERROR);
	assert_int_equal(add(&portal, 7, 0, NULL), ISDSC_NON_SPECIFIC_ERROR);
	fake_stop();
	fake_start(busy);
	assert_int_equal(add(&portal, 7, 0, NULL), ISDSC_SESSION_BUSY);
	assert_int_equal(GetIScsiSessionListA(&size, &count, NULL), ISDSC_SESSION_BUSY);
	fake_stop();
	/* Nothing was touched by any of these. */
	assert_int_equal(connection.AdapterUnique, 8);
	assert_int_equal(connection.AdapterSpecific, 9);
	assert_int_equal(size, 1);
	assert_int_equal(count, 2);
}

static void signal_seen(int number)
{
	(void)number;
}

static int slow(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	for (int i = 0; i < 5; i++) {
		kill(getpid(), SIGUSR1);
		usleep(20000);
	}
	return sd_bus_message_append(reply, "u", 0);
}

/* A program with signal handlers that restart nothing. */
static void signals(void **state)
{
	struct sigaction action = { .sa_handler = signal_seen }, old;

	(void)state;
	sigaction(SIGUSR1, &action, &old);
	fake_start(slow);
	assert_int_equal(LogoutIScsiTarget(&session), 0);
	fake_stop();
	sigaction(SIGUSR1, &old, NULL);
}

static int good(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	return sd_bus_message_append(reply, "u", 0);
}

static void *many(void *arg)
{
	for (int i = 0; i < 20; i++)
		if (LogoutIScsiTarget(&session))
			return arg;
	return NULL;
}

static void threads_and_fork(void **state)
{
	pthread_t thread[4];
	int status;
	pid_t pid;

	(void)state;
	fake_start(good);
	assert_int_equal(LogoutIScsiTarget(&session), 0);
	pid = fork();
	if (pid == 0)
		_exit(LogoutIScsiTarget(&session) == 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, many, thread);
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(fake_calls(), 82);
	fake_stop();
}

/* 36 bytes of INQUIRY, or of the room that was given. */
static int inquiry(sd_bus_message *request, sd_bus_message *reply)
{
	static const uint8_t data[36] = { 0, 0, 5, 2, 31 };
	uint64_t id[2], lun;
	uint8_t evpd, page;
	uint32_t room;

	sd_bus_message_read(request, BUS_ID "tyyu", &id[0], &id[1], &lun, &evpd, &page, &room);
	if (lun == 9) {
		sd_bus_message_append(reply, "uy", ISDSC_SCSI_REQUEST_FAILED, 2);
		sd_bus_message_append_array(reply, 'y', NULL, 0);
		return sd_bus_message_append_array(reply, 'y', "\x70\0\5", 3);
	}
	sd_bus_message_append(reply, "uy", 0, 0);
	sd_bus_message_append_array(reply, 'y', data, room < 36 ? room : 36);
	return sd_bus_message_append_array(reply, 'y', NULL, 0);
}

static void scsi(void **state)
{
	UCHAR status = 99, data[64], sense[18];
	ULONG size = 0, sense_size = 18;

	(void)state;
	fake_start(inquiry);
	assert_int_equal(SendScsiInquiry(&session, 0, 0, 0, &status, &size, NULL, &sense_size,
					 sense), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, 36);
	assert_int_equal(sense_size, 18);
	assert_int_equal(status, 99);
	assert_int_equal(SendScsiInquiry(&session, 0, 0, 0, &status, &size, data, &sense_size,
					 sense), 0);
	assert_int_equal(status, 0);
	assert_int_equal(sense_size, 0);
	assert_int_equal(data[4], 31);
	size = 5;
	assert_int_equal(SendScsiInquiry(&session, 0, 0, 0, &status, &size, data, &sense_size,
					 sense), 0);
	assert_int_equal(size, 5);
	sense_size = 2;
	assert_int_equal(SendScsiInquiry(&session, 9, 0, 0, &status, &size, data, &sense_size,
					 sense), ISDSC_SCSI_REQUEST_FAILED);
	assert_int_equal(status, 2);
	assert_int_equal(size, 0);
	assert_int_equal(sense_size, 2);
	assert_int_equal(sense[0], 0x70);
	size = 7;
	assert_int_equal(SendScsiReadCapacity(&session, 0, &status, &size, data, &sense_size,
					      sense), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, 8);
	fake_stop();
}

static int portal_none(sd_bus_message *request, sd_bus_message *reply)
{
	const char *symbolic, *address;
	uint64_t id[2], flags;
	uint32_t port;
	uint16_t socket;
	int present = 1;

	sd_bus_message_read(request, BUS_ID "u" BUS_PORTAL "t", &id[0], &id[1], &port, &present,
			    &symbolic, &address, &socket, &flags);
	return sd_bus_message_append(reply, "u" BUS_ID, present ? 87u : 0u, UINT64_C(1),
				     UINT64_C(2));
}

static void no_portal(void **state)
{
	(void)state;
	fake_start(portal_none);
	assert_int_equal(add(NULL, ISCSI_ANY_INITIATOR_PORT, 0, NULL), 0);
	fake_stop();
}

static int explained(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	return sd_bus_message_append(reply, "u" BUS_ID "s", ISDSC_CONNECTION_FAILED, UINT64_C(0),
				     UINT64_C(0), "10.0.0.1 port 3260: refused");
}

static int not_explained(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	return sd_bus_message_append(reply, "u" BUS_ID "s", 0, UINT64_C(1), UINT64_C(2), "");
}

/* What the service says beside the status; told once, and of the last call alone. */
static void error_texts(void **state)
{
	char text[64] = "untouched";
	ULONG size = 8;

	(void)state;
	fake_start(explained);
	assert_int_equal(add(NULL, 1, 0, NULL), ISDSC_CONNECTION_FAILED);
	assert_int_equal(GetIScsiErrorText(NULL, text), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiErrorText(&size, NULL), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, 28);
	size--;
	assert_int_equal(GetIScsiErrorText(&size, text), ERROR_INSUFFICIENT_BUFFER);
	assert_string_equal(text, "untouched");
	assert_int_equal(GetIScsiErrorText(&size, text), 0);
	assert_string_equal(text, "10.0.0.1 port 3260: refused");
	assert_int_equal(GetIScsiErrorText(&size, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(size, 1);
	assert_int_equal(add(NULL, 1, 0, NULL), ISDSC_CONNECTION_FAILED);
	fake_stop();
	fake_start(not_explained);
	size = sizeof(text);
	assert_int_equal(add(NULL, 1, 0, NULL), 0);
	assert_int_equal(connection.AdapterSpecific, 2);
	assert_int_equal(GetIScsiErrorText(&size, text), 0);
	assert_string_equal(text, "");
	fake_stop();
	/* Nobody there: which socket was tried. A bad argument hides that. */
	size = sizeof(text);
	setenv("ISCSIDSC_SOCKET", "/nonexistent/s", 1);
	assert_int_equal(add(NULL, 1, 0, NULL), ISDSC_SERVICE_NOT_RUNNING);
	assert_int_equal(GetIScsiErrorText(&size, text), 0);
	assert_string_equal(text, "no service at /nonexistent/s: No such file or directory");
	size = sizeof(text);
	assert_int_equal(LogoutIScsiTarget(NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiErrorText(&size, text), 0);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_texts),
		cmocka_unit_test(nobody), cmocka_unit_test(arguments),
		cmocka_unit_test(names_too_long), cmocka_unit_test(connection_arguments),
		cmocka_unit_test(bad_services), cmocka_unit_test(signals),
		cmocka_unit_test(threads_and_fork), cmocka_unit_test(scsi),
		cmocka_unit_test(no_portal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
