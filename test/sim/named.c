/*
 * named.c - runs that failed once, each with what was wrong then. They are run before all others.
 */
#include "sim.h"

const struct named named[] = {
	{ "a numbered ping waits behind a hole, and its connection is logged out", "silent-removed", 156 },
	{ "the only connection that is up is removed while another one returns", "ambush-s6", 176 },
	{ "the answer to a function is lost, and commands elsewhere have gone", "ambush-reassign", 6 },
	{ "the answer to ABORT TASK is lost, and the command is sent again", "ambush-reassign", 102 },
	{ "the answer to a reinstating login is lost", "lost-only", 5 },
	{ "a login of long ago arrives after the session's end", "lost-only", 122 },
	{ "one is added before a removed one was cleaned up", "ambush-s6", 174 },
	{ "a function covers a command whose unsolicited data were not sent", "everything", 122 },
	{ "every SNACK is refused", "lies", 109 },
	{ "status after an R-Data SNACK", "ambush-s6", 270 },
	{ "a wrong StatSN in a login's only response, which may say any", "hostile-1", 172 },
};

const unsigned named_count = sizeof(named) / sizeof(named[0]);
