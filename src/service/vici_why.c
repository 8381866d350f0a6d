/* vici_why.c - see vici_why.h. */
#include "service/vici_why.h"

#include <stdio.h>
#include <string.h>

static const char between[] = "; ";

/* Whether a line tells how things go, not what went wrong. */
static bool is_progress(const char *line)
{
	static const char *const begins[] = {
		"sending packet", "received packet", "generating ", "parsed ", "vici ",
		"initiating ", "establishing CHILD_SA", "selected proposal", "authentication of",
		"retransmit ", "sending retransmit", "queueing ", "activating ", "scheduling ",
		"maximum ", "received cert request", "sending cert request", "remote host is",
		"local host is", "destroying IKE_SA", "deleting IKE_SA", "closing CHILD_SA",
		"sending DELETE", "received DELETE", "peer supports",
	};
	static const char *const parts[] = { " vendor ID", "] established", "} established" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(line, begins[i], strlen(begins[i])) == 0)
			return true;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(line, parts[i]))
			return true;
	return false;
}

/* Takes the oldest line off. */
static void why_drop(char why[VICI_WHY_ROOM])
{
	char *next = strstr(why, between);

	if (next)
		memmove(why, next + strlen(between), strlen(next + strlen(between)) + 1);
	else
		why[0] = 0;
}

void vici_why_add(char why[VICI_WHY_ROOM], struct vici_bytes text)
{
	char line[VICI_WHY_ROOM / 2];
	size_t len;

	vici_text(text, line, sizeof(line));
	if (!line[0] || is_progress(line) || strstr(why, line))
		return;
	while (why[0] && strlen(why) + strlen(between) + strlen(line) >= VICI_WHY_ROOM)
		why_drop(why);
	len = strlen(why);
	snprintf(why + len, VICI_WHY_ROOM - len, "%s%s", len ? between : "", line);
}
