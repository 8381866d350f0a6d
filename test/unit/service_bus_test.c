/*
 * service_bus_test.c - the whole service inside the test, over a socket pair: methods without a
 * target, refusals, and the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#include "bus/interface.h"
#include "iscsierr.h"
#include "service/service.h"
#include "../duty.h"

struct bed {
	char folder[64];
	struct service *service;
	pthread_t thread;
	sd_bus *bus;
};

static void *run(void *service)
{
	return (void *)(intptr_t)service_run(service);
}

static int setup(void **state)
{
	static struct bed bed;
	const struct service_config config = {
		.state_dir = bed.folder, .runtime_dir = bed.folder, .listen_fd = -1, .loops = 1,
		.socket_mode = 0600, .socket_gid = (gid_t)-1, .charon = "/nowhere",
	};
	int pair[2];
	char why[256];

	strcpy(bed.folder, "/tmp/service-test-XXXXXX");
	if (!mkdtemp(bed.folder) || service_new(&config, why, sizeof(why), &bed.service) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
	    service_add_client(bed.service, pair[0]) < 0 || sd_bus_new(&bed.bus) < 0 ||
	    sd_bus_set_fd(bed.bus, pair[1], pair[1]) < 0 || sd_bus_start(bed.bus) < 0)
		return -1;
	*state = &bed;
	return pthread_create(&bed.thread, NULL, run, bed.service);
}

static int teardown(void **state)
{
	struct bed *bed = *state;
	char path[128];
	void *result;

	service_stop(bed->service);
	pthread_join(bed->thread, &result);
	service_free(bed->service);
	sd_bus_close_unref(bed->bus);
	snprintf(path, sizeof(path), "%s/store.db", bed->folder);
	unlink(path);
	/* Where a secret was stored. */
	snprintf(path, sizeof(path), "%s/store.key", bed->folder);
	unlink(path);
	return rmdir(bed->folder) == 0 && !result ? 0 : -1;
}

/* Calls a method with the arguments; gives the reply behind the status. */
static uint32_t ask(struct bed *bed, sd_bus_message **ret, const char *method, const char *types,
		    ...)
{
	sd_bus_message *request, *reply = NULL;
	uint32_t status = UINT32_MAX;
	va_list args;

	assert_true(sd_bus_message_new_method_call(bed->bus, &request, NULL, BUS_PATH, BUS_INTERFACE,
						   method) >= 0);
	va_start(args, types);
	assert_true(sd_bus_message_appendv(request, types, args) >= 0);
	va_end(args);
	assert_true(sd_bus_call(bed->bus, request, 30000000, NULL, &reply) >= 0);
	assert_true(sd_bus_message_read(reply, "u", &status) > 0);
	sd_bus_message_unref(request);
	if (ret)
		*ret = reply;
	else
		sd_bus_message_unref(reply);
	return status;
}

#define NO_OPTIONS 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

static void node_name_and_settings(void **state)
{
	sd_bus_message *reply;
	const char *text, *built_in, *help;

	assert_int_equal(ask(*state, NULL, "SetIScsiInitiatorNodeName", "s", "IQN.2026-11.test:Me"), 0);
	assert_int_equal(ask(*state, &reply, "GetIScsiInitiatorNodeName", ""), 0);
	assert_true(sd_bus_message_read(reply, "s", &text) > 0);
	assert_string_equal(text, "iqn.2026-11.test:me");
	sd_bus_message_unref(reply);
	assert_int_equal(ask(*state, NULL, "SetIScsiInitiatorNodeName", "s", "a\nb"),
			 ISDSC_INVALID_ISCSI_NAME);
	assert_int_equal(ask(*state, NULL, "SetIScsiDefault", "ss", "hold-time", "7"), 0);
	assert_int_equal(ask(*state, NULL, "SetIScsiDefault", "ss", "hold-time", "x"),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(ask(*state, NULL, "SetIScsiDefault", "ss", "no", "1"), ERROR_NOT_FOUND);
	assert_int_equal(ask(*state, NULL, "SetIScsiDefault", "ss", "first-burst-length", "16777215"),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(ask(*state, &reply, "GetIScsiDefault", "s", "hold-time"), 0);
	assert_true(sd_bus_message_read(reply, "sss", &text, &built_in, &help) > 0);
	assert_string_equal(text, "7");
	assert_string_equal(built_in, "60");
	sd_bus_message_unref(reply);
	DUTY("NAM-4");
}

static unsigned settings_listed(struct bed *bed, const char *wanted, char value[64])
{
	const char *name, *text, *built_in, *help;
	sd_bus_message *reply;
	unsigned n = 0;

	assert_int_equal(ask(bed, &reply, "ReportIScsiDefaults", ""), 0);
	assert_true(sd_bus_message_enter_container(reply, 'a', "(ssss)") > 0);
	for (; sd_bus_message_read(reply, "(ssss)", &name, &text, &built_in, &help) > 0; n++)
		if (strcmp(name, wanted) == 0)
			snprintf(value, 64, "%s", text);
	sd_bus_message_unref(reply);
	return n;
}

static void settings_of_one_target(void **state)
{
	char name[] = "error-recovery-level@iqn.2026-11.test:a", value[64] = "";
	const char *text, *built_in, *help;
	unsigned n = settings_listed(*state, name, value);
	sd_bus_message *reply;

	assert_string_equal(value, "");
	assert_int_equal(ask(*state, NULL, "SetIScsiDefault", "ss", name, "2"), 0);
	assert_int_equal(settings_listed(*state, name, value), n + 1);
	assert_string_equal(value, "2");
	assert_int_equal(ask(*state, &reply, "GetIScsiDefault", "s", name), 0);
	assert_true(sd_bus_message_read(reply, "sss", &text, &built_in, &help) > 0);
	assert_string_equal(text, "2");
	assert_string_equal(built_in, "0");
	sd_bus_message_unref(reply);
	/* Another target has what holds for all. */
	assert_int_equal(ask(*state, &reply, "GetIScsiDefault", "s",
			     "error-recovery-level@iqn.2026-11.test:b"), 0);
	assert_true(sd_bus_message_read(reply, "sss", &text, &built_in, &help) > 0);
	assert_string_equal(text, "0");
	sd_bus_message_unref(reply);
	assert_int_equal(ask(*state, NULL, "SetIScsiDefault", "ss", name, "3"),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(ask(*state, NULL, "SetIScsiDefault", "ss", "ordering@a b", "on"),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(ask(*state, NULL, "SetIScsiDefault", "ss", "no@iqn.2026-11.test:a", "1"),
			 ERROR_NOT_FOUND);
	assert_int_equal(ask(*state, NULL, "SetIScsiDefault", "ss", name, ""), 0);
	assert_int_equal(settings_listed(*state, name, value), n);
}

static void policies_and_functions_without_a_session(void **state)
{
	struct bed *bed = *state;
	sd_bus_message *request, *reply = NULL;
	uint32_t status;

	assert_int_equal(ask(bed, NULL, "GetIScsiSessionLoadBalancePolicy", BUS_ID, (uint64_t)1,
			     (uint64_t)2), ISDSC_INVALID_SESSION_ID);
	assert_int_equal(ask(bed, NULL, "SetIScsiSessionLoadBalancePolicy", BUS_ID "ua" BUS_LB_RULE,
			     (uint64_t)1, (uint64_t)2, 2, 1, (uint64_t)3, 0, 0),
			 ISDSC_INVALID_SESSION_ID);
	assert_int_equal(ask(bed, NULL, "SendIScsiTaskManagement", BUS_ID "ty", (uint64_t)1,
			     (uint64_t)2, (uint64_t)0, 5), ISDSC_INVALID_SESSION_ID);
	/* More paths than any session can have are not even looked at. */
	assert_true(sd_bus_message_new_method_call(bed->bus, &request, NULL, BUS_PATH, BUS_INTERFACE,
						   "SetIScsiSessionLoadBalancePolicy") >= 0);
	sd_bus_message_append(request, BUS_ID "u", (uint64_t)1, (uint64_t)2, 2);
	sd_bus_message_open_container(request, 'a', BUS_LB_RULE);
	for (uint64_t i = 0; i < 257; i++)
		sd_bus_message_append(request, BUS_LB_RULE, i, 0, 0);
	sd_bus_message_close_container(request);
	assert_true(sd_bus_call(bed->bus, request, 30000000, NULL, &reply) >= 0);
	assert_true(sd_bus_message_read(reply, "u", &status) > 0);
	assert_int_equal(status, ERROR_INVALID_PARAMETER);
	sd_bus_message_unref(request);
	sd_bus_message_unref(reply);
}

static void a_portal_stays_after_a_failed_discovery(void **state)
{
	sd_bus_message *reply;
	const char *instance, *symbolic, *address;
	uint32_t port;
	uint16_t number;
	int present;

	/* Port 1 of the loopback: nobody listens there. */
	assert_int_equal(ask(*state, NULL, "AddIScsiSendTargetPortal",
			     "su" BUS_OPTIONS "t" BUS_PORTAL, "", UINT32_MAX, NO_OPTIONS,
			     (uint64_t)0, 1, "", "127.0.0.1", 1), ISDSC_CONNECTION_FAILED);
	assert_int_equal(ask(*state, &reply, "ReportIScsiSendTargetPortals", ""), 0);
	assert_true(sd_bus_message_enter_container(reply, 'a', BUS_SENDTARGETS) > 0);
	assert_true(sd_bus_message_enter_container(reply, 'r', NULL) > 0);
	assert_true(sd_bus_message_read(reply, "su" BUS_PORTAL, &instance, &port, &present, &symbolic,
					&address, &number) > 0);
	assert_string_equal(address, "127.0.0.1");
	assert_int_equal(number, 1);
	sd_bus_message_unref(reply);
	assert_int_equal(ask(*state, NULL, "RemoveIScsiSendTargetPortal", "su" BUS_PORTAL, "",
			     UINT32_MAX, 1, "", "127.0.0.1", 1), 0);
	assert_int_equal(ask(*state, NULL, "RemoveIScsiSendTargetPortal", "su" BUS_PORTAL, "",
			     UINT32_MAX, 1, "", "127.0.0.1", 1), ISDSC_PORTAL_NOT_FOUND);
}

/* An entry made for a named instance is another one than that for any. */
static void ipsec_portal_is_kept_and_not_contacted(void **state)
{
	sd_bus_message *reply;
	const char *instance;

	assert_int_equal(ask(*state, &reply, "ReportIScsiInitiatorList", ""), 0);
	assert_true(sd_bus_message_read(reply, "as", 1, &instance) > 0);
	assert_int_equal(ask(*state, NULL, "AddIScsiSendTargetPortal",
			     "su" BUS_OPTIONS "t" BUS_PORTAL, instance, UINT32_MAX, NO_OPTIONS,
			     (uint64_t)3, 1, "", "127.0.0.1", 1), ISDSC_IPSEC_NOT_SUPPORTED_ON_OS);
	assert_int_equal(ask(*state, NULL, "RemoveIScsiSendTargetPortal", "su" BUS_PORTAL, "",
			     UINT32_MAX, 1, "", "127.0.0.1", 1), ISDSC_PORTAL_NOT_FOUND);
	assert_int_equal(ask(*state, NULL, "RemoveIScsiSendTargetPortal", "su" BUS_PORTAL, instance,
			     UINT32_MAX, 1, "", "127.0.0.1", 1), 0);
	sd_bus_message_unref(reply);
}

static uint32_t login(void **state, const char *target, const char *instance, uint32_t port,
		      uint32_t os_bus, int persistent)
{
	return ask(*state, NULL, "LoginIScsiTarget", "sbsu" BUS_PORTAL "t" BUS_MAPPINGS BUS_OPTIONS "ayb",
		   target, 0, instance, port, 0, "", "", 0, (uint64_t)0, 1, os_bus, UINT32_MAX, 0,
		   NO_OPTIONS, 0, persistent);
}

static void refusals(void **state)
{
	const uint64_t id = 1;

	assert_int_equal(login(state, "iqn.x", "", UINT32_MAX, 0, 0), ISDSC_TARGET_NOT_FOUND);
	assert_int_equal(login(state, "iqn.x", "", 1, 0, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(login(state, "iqn.x", "other", UINT32_MAX, 0, 0),
			 ISDSC_INITIATOR_INSTANCE_NOT_FOUND);
	assert_int_equal(login(state, "iqn.x", "", UINT32_MAX, 999, 0),
			 ISDSC_TARGET_MAPPING_OUT_OF_RANGE);
	assert_int_equal(login(state, "iqn.x", "", UINT32_MAX, 0, 1), ISDSC_TARGET_NOT_FOUND);
	assert_int_equal(ask(*state, NULL, "LogoutIScsiTarget", BUS_ID, id, id),
			 ISDSC_INVALID_SESSION_ID);
	assert_int_equal(ask(*state, NULL, "SendScsiReadCapacity", BUS_ID "tu", id, id, id, 8),
			 ISDSC_INVALID_SESSION_ID);
	assert_int_equal(ask(*state, NULL, "SetIScsiInitiatorCHAPSharedSecret", "ay", 17, 1, 2, 3, 4, 5, 6,
			     7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17),
			 ISDSC_INVALID_INITIATOR_CHAP_SECRET);
	assert_int_equal(ask(*state, NULL, "SetIScsiInitiatorCHAPSharedSecret", "ay", 3, 1, 2, 3),
			 ISDSC_SHORT_CHAP_SECRET);
	assert_int_equal(ask(*state, NULL, "SetIScsiInitiatorCHAPSharedSecret", "ay", 0), 0);
}

static void a_wrong_signature_is_an_error_and_nothing_more(void **state)
{
	struct bed *bed = *state;
	sd_bus_error error = SD_BUS_ERROR_NULL;

	assert_true(sd_bus_call_method(bed->bus, NULL, BUS_PATH, BUS_INTERFACE, "LogoutIScsiTarget",
				       &error, NULL, "s", "x") < 0);
	assert_string_equal(error.name, SD_BUS_ERROR_INVALID_ARGS);
	sd_bus_error_free(&error);
	assert_int_equal(ask(bed, NULL, "GetIScsiSessionList", ""), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(node_name_and_settings), TEST(settings_of_one_target),
		TEST(policies_and_functions_without_a_session),
		TEST(a_portal_stays_after_a_failed_discovery),
		TEST(ipsec_portal_is_kept_and_not_contacted), TEST(refusals),
		TEST(a_wrong_signature_is_an_error_and_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
