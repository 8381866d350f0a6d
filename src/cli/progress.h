/*
 * progress.h - a line that says what is waited for and for how long, from the second second on, on
 * standard error where that is a terminal; it is gone before anything else is printed. What it is
 * not: part of any output that a program reads.
 */
#ifndef ISCSIDSC_CLI_PROGRESS_H
#define ISCSIDSC_CLI_PROGRESS_H

/*
 * Before a call that may take long: what is waited for, "logging in to iqn.x". `setting` is the
 * name of the service's setting that bounds the waiting, told with its value, NULL for none. One at a
 * time.
 */
void progress_begin(const char *setting, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* After it, whether or not anything was shown. */
void progress_end(void);

#endif
