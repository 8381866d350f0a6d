/*
 * api_recovery_test.c - what users see of the recovery levels: a load goes on over connections
 * that are cut or silent and over bits that flip, without an error and with every byte right; and
 * what the target has to tell of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../duty.h"
#include "api_load.h"

enum { CONNS = 4, OPTIONS_MAX = 12, TRIES = 20 };

struct scene {
	ISCSI_UNIQUE_SESSION_ID session;
	struct load load;
};

static struct scene s; /* its threads outlive a failed assertion */

static void set(const char *name, const char *value)
{
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text(name), api_text(value)));
}

static void add(ISCSI_LOGIN_OPTIONS *options, unsigned number)
{
	ISCSI_TARGET_PORTALA portal;

	api_portal(&portal, number % 2 ? "127.0.0.2" : "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&s.session, NULL, ISCSI_ANY_INITIATOR_PORT,
						      &portal, 0, options, 0, NULL, NULL));
}

static void login(bool digests)
{
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS |
			ISCSI_LOGIN_OPTIONS_DATA_DIGEST,
		.MaximumConnections = CONNS + 1,
		.DataDigest = digests ? ISCSI_DIGEST_TYPE_CRC32C : ISCSI_DIGEST_TYPE_NONE,
	};
	ISCSI_UNIQUE_CONNECTION_ID leading;
	ISCSI_TARGET_PORTALA portal;

	api_discover(&portal);
	api_expect(ERROR_SUCCESS,
		   LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL,
				     ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL, &options, 0, NULL,
				     FALSE, &s.session, &leading));
	for (unsigned i = 1; i < CONNS; i++)
		add(&options, i);
}

/* A session of this level with CONNS connections, under load. Commands take a while, so that there
 * are some under way on each. */
static void scene_begin(unsigned level, bool digests, const char *const *more)
{
	char number[4], text[16];
	const char *options[OPTIONS_MAX] = { text, "--mib=32", "--delay-ms=40" };

	for (unsigned i = 0; more && more[i] && i + 4 < OPTIONS_MAX; i++)
		options[3 + i] = more[i];
	snprintf(number, sizeof(number), "%u", level);
	snprintf(text, sizeof(text), "--level=%u", level);
	api_target_restart(options);
	set("error-recovery-level", number);
	login(digests);
	load_begin(&s.load, &s.session);
	usleep(500000);
}

/* No request took longer than so many seconds. The service sees a little later that the disk's clients
 * have left, and a logout waits for that. */
static void scene_end(double most)
{
	assert_true(load_end(&s.load) < most);
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&s.session));
}

/* Also after a failure. */
static int teardown(void **state)
{
	load_stop(&s.load);
	set("error-recovery-level", "");
	return api_logout_all(state);
}

static unsigned reconnects(unsigned *ret_up, USHORT *ret_last)
{
	char buffer[8192];
	ISCSI_CONNECTION_COUNTERS *list = (void *)buffer;
	ULONG size = sizeof(buffer), count;
	unsigned n = 0;

	*ret_up = 0;
	api_expect(ERROR_SUCCESS, GetIScsiConnectionCounters(&s.session, &size, &count, list));
	for (ULONG i = 0; i < count; i++) {
		n += list->Reconnects;
		*ret_up += list->State == ISCSI_CONNECTION_STATE_FULL_FEATURE;
		*ret_last = list->Cid;
		list = (ISCSI_CONNECTION_COUNTERS *)(void *)((char *)list + list->Size);
	}
	return n;
}

static USHORT last_cid(void)
{
	unsigned up;
	USHORT cid = 0;

	reconnects(&up, &cid);
	return cid;
}

/* All connections are there, after so many came back. */
static void await(unsigned came_back)
{
	unsigned up = 0, tries = 0;
	USHORT cid;

	while (reconnects(&up, &cid) < came_back || up < CONNS) {
		assert_true(tries++ < 300);
		usleep(50000);
	}
}

static void await_count(const char *name, unsigned least)
{
	unsigned tries = 0;

	while (api_target_count(name) < least) {
		assert_true(tries++ < 300);
		usleep(50000);
	}
}

static void hit(const char *what, USHORT cid)
{
	char line[32];

	snprintf(line, sizeof(line), "%s %u", what, cid);
	assert_int_equal(api_target_tell(line), 1);
}

static void session_lasted(void)
{
	assert_int_equal(api_target_count("sessions"), 1);
	assert_int_equal(api_target_count("expired"), 0);
}

/* Connections are lost one after the other: their commands go on elsewhere. There may have been none
 * that the target had taken. */
static void lost_connections(unsigned level)
{
	unsigned cuts = 0;

	scene_begin(level, false, NULL);
	do {
		hit("cut", last_cid());
		await(++cuts);
		usleep(200000);
	} while (cuts < 3 || (level == 2 && !api_target_count("reassigned") && cuts < TRIES));
	session_lasted();
	assert_int_equal(api_target_count("cleanups"), cuts);
	assert_int_equal(api_target_count("cleanups-refused"), 0);
	if (level == 2) {
		assert_true(api_target_count("reassigned") > 0);
		DUTY("RA-3");
	} else {
		assert_int_equal(api_target_count("reassigned"), 0);
	}
	scene_end(3);
	DUTY("REC-10 REC-11");
}

static void test_reassigned(void **state)
{
	(void)state;
	lost_connections(2);
}

static void test_cleaned(void **state)
{
	(void)state;
	lost_connections(1);
}

/* The last connections are lost together: the session is continued. */
static void all_lost(unsigned level)
{
	unsigned cuts = 0;

	scene_begin(level, false, NULL);
	do {
		assert_int_equal(api_target_tell("cut"), CONNS);
		await(++cuts * CONNS);
		usleep(200000);
	} while (level == 2 && !api_target_count("reassigned") && cuts < TRIES);
	session_lasted();
	assert_int_equal(api_target_count("continued"), cuts);
	if (level == 2)
		assert_true(api_target_count("reassigned") > 0);
	scene_end(3);
	DUTY("REC-14 REC-15");
}

static void test_continued(void **state)
{
	(void)state;
	all_lost(2);
	all_lost(1);
}

/* At level 0 the session is reinstated. */
static void test_reinstated(void **state)
{
	(void)state;
	scene_begin(0, false, NULL);
	hit("cut", last_cid());
	await(CONNS);
	assert_int_equal(api_target_count("sessions"), 2);
	assert_int_equal(api_target_count("cleanups"), 0);
	scene_end(5);
}

/* Bits flip under data digests in both directions. */
static void flips(unsigned level)
{
	static const char *const options[] = {
		"--fault=data digest of data-in", "--fault-after=100", "--fault-every=40",
		"--fault-times=200", "--damage=50", "--data-in-len=20000", NULL,
	};
	unsigned up;
	USHORT cid;

	scene_begin(level, true, options);
	await_count("faults", 10);
	await_count("snack-data", 5);
	await_count("repeated", 5);
	await_count("data-digests", 10);
	await_count("recovery-r2ts", 1);
	session_lasted();
	assert_int_equal(reconnects(&up, &cid), 0);
	scene_end(3);
	DUTY("DIG-3");
}

static void test_flips(void **state)
{
	(void)state;
	flips(1);
	flips(2);
}

/* A target that can't do what it has negotiated: the session is reinstated, and nobody notices. */
static void lying(const char *lie)
{
	const char *const options[] = { lie, "--lies=1", NULL };
	unsigned cuts = 0;

	scene_begin(2, false, options);
	do {
		hit("cut", last_cid());
		await(++cuts);
		usleep(200000);
	} while (!api_target_count("lies") && cuts < TRIES);
	await_count("sessions", 2);
	await(CONNS);
	assert_int_equal(api_target_count("sessions"), 2);
	scene_end(5);
}

static void test_lies(void **state)
{
	(void)state;
	lying("--reassign-answer=4");
	lying("--reassign-answer=255");
	lying("--cleanup-answer=2");
	lying("--cleanup-answer=3");
}

/* A path that is dead without a word is left long before a ping of an idle one would be due. */
static void silence(unsigned level)
{
	scene_begin(level, false, NULL);
	hit("silence", last_cid());
	await(level ? 1 : CONNS);
	assert_int_equal(api_target_count("sessions"), level ? 1 : 2);
	scene_end(10);
}

static void test_silence(void **state)
{
	(void)state;
	set("ping-idle", "20");
	set("ping-wait", "20");
	silence(2);
	silence(1);
	silence(0);
	set("ping-idle", "");
	set("ping-wait", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_reassigned, teardown),
		cmocka_unit_test_teardown(test_cleaned, teardown),
		cmocka_unit_test_teardown(test_continued, teardown),
		cmocka_unit_test_teardown(test_reinstated, teardown),
		cmocka_unit_test_teardown(test_flips, teardown),
		cmocka_unit_test_teardown(test_lies, teardown),
		cmocka_unit_test_teardown(test_silence, teardown),
	};

	return cmocka_run_group_tests_name("recovery", tests, api_setup, api_teardown);
}
