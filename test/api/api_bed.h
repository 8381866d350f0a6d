/*
 * api_bed.h - what an API test stands on: our own target and the service, in a folder of their own.
 *
 * The programs come from the environment: API_SERVICE and API_TARGET. A test that can't find them
 * fails. ISCSIDSC_SOCKET is set for this process, so the library talks to this service alone.
 */
#ifndef ISCSIDSC_TEST_API_BED_H
#define ISCSIDSC_TEST_API_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>
#include <iscsidsc_ext.h>
#include <iscsierr.h>

/* The API takes names as PSTR, which string literals are not to be passed as. */
#define API_TARGET_NAME "iqn.2026-11.test:mcs"
static inline char *api_text(const char *text)
{
	return (char *)(uintptr_t)text;
}

struct api_bed {
	char dir[64], socket[96];
	pid_t service, target;
	uid_t service_uid;   /* as which the service is started; 0: as this process */
	uint16_t port;       /* of the target on 127.0.0.1 and 127.0.0.2 */
};

extern struct api_bed api_bed;

/* Group fixtures: *state is a NULL-ended array of options for the target, or NULL. */
int api_setup(void **state);
/* Ends both; the service has to end with 0, the target without having seen a rule of the protocol
 * broken. */
int api_teardown(void **state);

void api_service_start(void);
/* Sends the signal and waits; returns the exit status, or minus the signal that ended it. */
int api_service_end(int signal);
/* Replaces the target by one with other options (NULL-ended). */
void api_target_restart(const char *const *options);
/* Gives the target a line (test/target/control.c); the number in its answer. */
unsigned api_target_tell(const char *line);
/* How often something happened there, by its name in that file. */
unsigned api_target_count(const char *name);

/* Whether the service has logged a line with this text; waits for it up to so many milliseconds. */
bool api_service_logged(const char *text, unsigned ms);

/* Asserts that a call ends with this status; prints both in hexadecimal if not. */
#define api_expect(status, call) api_expect_at((status), (call), #call, __FILE__, __LINE__)
void api_expect_at(ISDSC_STATUS expected, ISDSC_STATUS status, const char *call, const char *file,
		   int line);

void api_portal(ISCSI_TARGET_PORTALA *portal, const char *address, uint16_t port);
/* Discovers the target; *portal is its first portal. */
void api_discover(ISCSI_TARGET_PORTALA *portal);
/* Discovers the target and logs in, MaximumConnections as given (0: not specified). */
void api_login(unsigned connections, ISCSI_UNIQUE_SESSION_ID *session,
	       ISCSI_UNIQUE_CONNECTION_ID *connection);
/* Ends every session; for the end of each test. */
int api_logout_all(void **state);
/* How many connections the session has in the listing. */
unsigned api_connections(const ISCSI_UNIQUE_SESSION_ID *session);
/* The whole list; the caller frees it. */
ISCSI_SESSION_INFOA *api_sessions(ULONG *count);

#endif
