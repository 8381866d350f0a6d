/*
 * room.c - see room.h.
 */
#include "service/room.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

void room_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The kernel gives the lowest number that is free, so that number tells how many are in use. */
bool room_left(int fd)
{
	int lowest = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct rlimit limit;
	rlim_t kept;

	if (lowest < 0)
		return false;
	close(lowest);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return true;
	kept = limit.rlim_cur / 4 < ROOM_KEPT ? limit.rlim_cur / 4 : ROOM_KEPT;
	return (rlim_t)lowest < limit.rlim_cur - kept;
}
