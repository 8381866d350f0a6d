/*
 * log.h - the service's log: one line per event on standard error, with a priority prefix when
 * systemd's journal reads it. Never a secret, never a line break from outside.
 */
#ifndef ISCSIDSC_SERVICE_LOG_H
#define ISCSIDSC_SERVICE_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6,
};

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)

#endif
