/*
 * progress.c - see progress.h. A thread, for the call itself blocks.
 */
#include "cli/progress.h"

#include <iscsidsc_ext.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct {
	pthread_t thread;
	bool running;
	bool over;            /* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t end;
	struct timespec begin;
	const char *setting;
	char what[256];
} progress;

static int columns(void)
{
	struct winsize size = { 0 };

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* " (login-time is 15)": the value is asked for only when something is shown at all. */
static void limit_get(char *to, size_t room)
{
	char value[64], name[64];
	ULONG size = sizeof(value);

	*to = '\0';
	if (!progress.setting)
		return;
	snprintf(name, sizeof(name), "%s", progress.setting);
	if (GetIScsiDefault(name, &size, value) == 0)
		snprintf(to, room, " (%s is %s s)", name, value);
}

/* One write each: the line is never seen half. A line that wraps could not be taken back. */
static void line_show(long seconds, const char *limit)
{
	char line[400], whole[sizeof(line) + 16];
	int most = columns() - 1, length;

	length = snprintf(line, sizeof(line), "%s: %ld s%s", progress.what, seconds, limit);
	if (length > most)
		line[most] = '\0';
	length = snprintf(whole, sizeof(whole), "\r%s\033[K", line);
	if (write(STDERR_FILENO, whole, (size_t)length) < 0)
		return;
}

static void *progress_run(void *none)
{
	static const char clear[] = "\r\033[K";
	struct timespec next = progress.begin;
	char limit[160];
	long seconds = 0;

	(void)none;
	pthread_mutex_lock(&progress.lock);
	while (!progress.over) {
		next.tv_sec++;
		while (!progress.over && pthread_cond_timedwait(&progress.end, &progress.lock,
								&next) == 0)
			;
		if (progress.over)
			break;
		pthread_mutex_unlock(&progress.lock);
		if (seconds++ == 0)
			limit_get(limit, sizeof(limit));
		line_show(seconds, limit);
		pthread_mutex_lock(&progress.lock);
	}
	pthread_mutex_unlock(&progress.lock);
	if (seconds && write(STDERR_FILENO, clear, sizeof(clear) - 1) < 0)
		return NULL;
	return NULL;
}

void progress_begin(const char *setting, const char *format, ...)
{
	pthread_condattr_t attributes;
	va_list list;

	if (!isatty(STDERR_FILENO))
		return;
	fflush(stdout);
	va_start(list, format);
	vsnprintf(progress.what, sizeof(progress.what), format, list);
	va_end(list);
	progress.setting = setting;
	progress.over = false;
	clock_gettime(CLOCK_MONOTONIC, &progress.begin);
	pthread_mutex_init(&progress.lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&progress.end, &attributes);
	pthread_condattr_destroy(&attributes);
	progress.running = pthread_create(&progress.thread, NULL, progress_run, NULL) == 0;
}

void progress_end(void)
{
	if (!progress.running)
		return;
	pthread_mutex_lock(&progress.lock);
	progress.over = true;
	pthread_cond_signal(&progress.end);
	pthread_mutex_unlock(&progress.lock);
	pthread_join(progress.thread, NULL);
	pthread_mutex_destroy(&progress.lock);
	pthread_cond_destroy(&progress.end);
	progress.running = false;
}
