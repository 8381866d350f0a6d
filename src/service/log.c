/*
 * log.c - see log.h. No levels to configure, no files to rotate: whoever started the service
 * decides where standard error goes.
 */
#include "service/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int log_prefix(char *line, size_t room, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	if (getenv("JOURNAL_STREAM"))
		return snprintf(line, room, "<%d>", level);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	len = strftime(line, room, "%F %T", &tm);
	return (int)len + snprintf(line + len, room - len, ".%03ld ", now.tv_nsec / 1000000);
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[1024];
	int at = log_prefix(line, sizeof(line), level), n;
	va_list args;

	va_start(args, format);
	n = vsnprintf(line + at, sizeof(line) - 1 - (size_t)at, format, args);
	va_end(args);
	if (n < 0)
		return;
	if (n > (int)sizeof(line) - 2 - at)
		n = (int)sizeof(line) - 2 - at;
	/* Texts of targets and callers may be part of it: they shall not forge lines. */
	for (int i = at; i < at + n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[at + n] = '\n';
	/* One write, so that lines of several threads don't mix; nobody could be told of a failure. */
	if (write(STDERR_FILENO, line, (size_t)(at + n + 1)) < 0)
		return;
}
