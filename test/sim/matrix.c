/*
 * matrix.c - the table of what went wrong, in which state of a connection, at which recovery level: so
 * that no combination is believed to be tested that never came.
 */
#include <string.h>

#include "sim.h"

static const char *const kinds[TROUBLE_KINDS] = {
	[TROUBLE_CUT] = "cut", [TROUBLE_CUT_ALL] = "all cut", [TROUBLE_SILENT] = "silent",
	[TROUBLE_SILENT_ALL] = "all silent", [TROUBLE_STALL] = "stall", [TROUBLE_SLOW] = "slow target",
	[TROUBLE_HEADER_UP] = "header bit up", [TROUBLE_HEADER_DOWN] = "header bit down",
	[TROUBLE_DATA_UP] = "data bit up", [TROUBLE_DATA_DOWN] = "data bit down",
	[TROUBLE_ADD] = "add", [TROUBLE_REMOVE] = "remove", [TROUBLE_PING] = "target pings",
	[TROUBLE_ASYNC_SCSI] = "async SCSI event", [TROUBLE_ASYNC_LOGOUT] = "async logout",
	[TROUBLE_ASYNC_DROP] = "async drop", [TROUBLE_ASYNC_DROP_ALL] = "async drop all",
	[TROUBLE_ASYNC_NEGOTIATE] = "async negotiate", [TROUBLE_POWER] = "target power",
	[TROUBLE_RESTART] = "target restart", [TROUBLE_NO_ANSWER] = "connects refused",
	[TROUBLE_LUN_RESET] = "unit reset", [TROUBLE_TARGET_RESET] = "target reset",
	[TROUBLE_TASK_SET] = "task set", [TROUBLE_OTHER_FUNCTION] = "other function",
	[TROUBLE_NEVER] = "never answered", [TROUBLE_NO_MEMORY] = "no memory",
};

static const char *const places[PLACES] = {
	[PLACE_S2] = "S2", [PLACE_S4] = "S4", [PLACE_S5] = "S5", [PLACE_S6] = "S6", [PLACE_S7] = "S7",
	[PLACE_CLEANUP] = "S8", [PLACE_REASSIGN] = "reas.",
};

const char *trouble_name(enum trouble kind)
{
	return kinds[kind];
}

const char *place_name(enum place place)
{
	return places[place];
}

#define IN(place) (1u << (place))

enum {
	LOGIN = IN(PLACE_S2) | IN(PLACE_S4),
	LATER = IN(PLACE_S5) | IN(PLACE_S6) | IN(PLACE_S7) | IN(PLACE_CLEANUP) | IN(PLACE_REASSIGN),
};

/* What can't be: the first row that fits tells why. */
static const struct {
	unsigned kinds_from, kinds_to, places, levels;
	const char *why;
} never[] = {
	{ 0, TROUBLE_KINDS - 1, IN(PLACE_CLEANUP), 1 << 0,
	  "at level 0 a lost connection is not logged out, the session is reinstated" },
	{ 0, TROUBLE_KINDS - 1, IN(PLACE_REASSIGN), 1 << 0 | 1 << 1, "TASK REASSIGN is of level 2" },
	{ TROUBLE_HEADER_UP, TROUBLE_DATA_DOWN, LOGIN, 7, "a login has no digests" },
	{ TROUBLE_STALL, TROUBLE_SLOW, IN(PLACE_S2), 7, "nothing is on the way yet" },
	{ TROUBLE_STALL, TROUBLE_SLOW, IN(PLACE_S4), 7,
	  "the same as in full feature phase: a login waits for one answer at a time" },
	{ TROUBLE_PING, TROUBLE_PING, LOGIN, 7, "full feature phase only" },
	{ TROUBLE_ASYNC_SCSI, TROUBLE_ASYNC_DROP, LOGIN, 7, "full feature phase only" },
	{ TROUBLE_ASYNC_NEGOTIATE, TROUBLE_ASYNC_NEGOTIATE, LOGIN, 7, "full feature phase only" },
	{ TROUBLE_LUN_RESET, TROUBLE_OTHER_FUNCTION, LOGIN, 7, "functions go over connections that carry I/O" },
	{ TROUBLE_NEVER, TROUBLE_NEVER, LOGIN, 7, "no command is under way yet" },
};

static const char *unreachable(unsigned kind, unsigned place, unsigned level)
{
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (kind >= never[i].kinds_from && kind <= never[i].kinds_to &&
		    (never[i].places >> place & 1) && (never[i].levels >> level & 1))
			return never[i].why;
	return NULL;
}

void matrix_add(struct matrix *to, const struct matrix *from)
{
	const uint64_t *more = &from->cell[0][0][0];
	uint64_t *all = &to->cell[0][0][0];

	for (size_t i = 0; i < sizeof(*to) / sizeof(*all); i++)
		all[i] += more[i];
}

static unsigned print_cell(const struct matrix *m, unsigned kind, unsigned place, unsigned level, FILE *out)
{
	uint64_t n = m->cell[kind][place][level];
	const char *why = unreachable(kind, place, level);

	if (why && !n)
		fprintf(out, "%7s", "-");
	else
		fprintf(out, "%6llu%c", (unsigned long long)n, n ? ' ' : '!');
	return !why && !n;
}

static void print_reasons(FILE *out)
{
	fprintf(out, "-: can't be, since\n");
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (!i || strcmp(never[i].why, never[i - 1].why))
			fprintf(out, "   %s\n", never[i].why);
}

unsigned matrix_print(const struct matrix *m, FILE *out)
{
	unsigned empty = 0;

	for (unsigned level = 0; level < SIM_LEVELS; level++) {
		fprintf(out, "level %u           ", level);
		for (unsigned place = 0; place < PLACES; place++)
			fprintf(out, "%6s ", places[place]);
		fputc('\n', out);
		for (unsigned kind = 0; kind < TROUBLE_KINDS; kind++) {
			fprintf(out, "  %-17s", kinds[kind]);
			for (unsigned place = 0; place < PLACES; place++)
				empty += print_cell(m, kind, place, level, out);
			fputc('\n', out);
		}
	}
	print_reasons(out);
	fprintf(out, "!: could be and never came: %u\n", empty);
	return empty;
}
