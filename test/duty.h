/*
 * duty.h - a test names the duty that it checks, and the run counts how often it did.
 *
 *	DUTY("WIN-3");          after the check of WIN-3, so that it is reached only where the check held
 *	DUTY("WIN-3 WIN-4");    several at once
 *	DUTY("UNH-FFP-1.1");    the same for a case of a test suite (test/conformance/cases.tsv)
 *
 * At exit the sites that were reached are appended to the file named by the environment variable
 * ISCSIDSC_DUTIES, one line "id<TAB>file:function<TAB>hits" for each id; without it nothing is
 * written. A process that leaves by _exit calls duty_write first. Nothing is allocated, any thread may
 * pass a site, and a site costs a load and a store.
 *
 * Not a check: it asserts nothing. The ids must be written in place, as plain strings, since
 * test/conformance/conformance.py reads them in the source as well.
 */
#ifndef DUTY_H
#define DUTY_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct duty_site {
	const char *ids, *file;
	const char *function;   /* NULL before the first hit */
	uint64_t hits;
	struct duty_site *next; /* in duty_sites */
};

#define DUTY(list) \
	do { \
		static struct duty_site duty_here = { .ids = list, .file = __FILE__ }; \
		duty_hit(&duty_here, __func__); \
	} while (0)

/* One list for the whole program, whichever files of it include this: the linker keeps one. */
__attribute__((weak)) struct duty_site *duty_sites;
__attribute__((weak)) int duty_exit_set;

/* Each line leaves by one write, so that processes may share the file. */
static inline void duty_write(void)
{
	const char *path = getenv("ISCSIDSC_DUTIES");
	struct duty_site *site = __atomic_load_n(&duty_sites, __ATOMIC_ACQUIRE);
	int fd = path && *path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;

	for (; fd >= 0 && site; site = site->next) {
		const char *id = site->ids;

		while (*(id += strspn(id, " "))) {
			int width = (int)strcspn(id, " ");
			char line[512];
			int len = snprintf(line, sizeof line, "%.*s\t%s:%s\t%llu\n", width, id, site->file,
					   site->function,
					   (unsigned long long)__atomic_load_n(&site->hits, __ATOMIC_RELAXED));

			if (len >= (int)sizeof line || write(fd, line, (size_t)len) != len)
				perror("ISCSIDSC_DUTIES");
			id += width;
		}
	}
	if (fd >= 0)
		close(fd);
}

static inline void duty_register(struct duty_site *site, const char *function)
{
	const char *none = NULL;

	if (!__atomic_compare_exchange_n(&site->function, &none, function, 0, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED))
		return;
	site->next = __atomic_load_n(&duty_sites, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&duty_sites, &site->next, site, 0, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	if (!__atomic_exchange_n(&duty_exit_set, 1, __ATOMIC_RELAXED))
		atexit(duty_write);
}

/* Two threads at once may count one hit for both: what matters is that it is not none. */
static inline void duty_hit(struct duty_site *site, const char *function)
{
	if (!__atomic_load_n(&site->function, __ATOMIC_RELAXED))
		duty_register(site, function);
	__atomic_store_n(&site->hits, __atomic_load_n(&site->hits, __ATOMIC_RELAXED) + 1,
			 __ATOMIC_RELAXED);
}

#endif
