/*
 * door.c - the search order of the service's socket. What it is not: the bus, see call.c.
 */
#include "client/door.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEM_SOCKET "/run/iscsidsc/iscsidsc.sock"

/* The search, and what it met: one part for each socket that was tried. */
struct search {
	int fd;
	char *why;
	size_t room, used;
};

static int tried(struct search *search, const char *path, int r)
{
	size_t left = search->room - search->used;
	int n = snprintf(search->why + search->used, left, "%sno service at %s: %s",
			 search->used ? "; " : "", path, strerror(-r));

	search->used += n < 0 ? 0 : (size_t)n < left ? (size_t)n : left - 1;
	return r;
}

static int socket_connect(struct search *search, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return tried(search, path, -ENOENT);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return tried(search, path, -errno);
	do
		r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		r = -errno;
		close(fd);
		return tried(search, path, r == -EPERM ? -EACCES : r);
	}
	search->fd = fd;
	return 0;
}

/* Anyone can make a folder under the temp folder: only one that is ours alone is believed. */
static bool folder_is_ours(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 077);
}

static int own_connect(struct search *search)
{
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR"), *temp = secure_getenv("TMPDIR");
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)], path[sizeof(folder) + 16];
	int n;

	if (runtime && *runtime)
		n = snprintf(folder, sizeof(folder), "%s/iscsidsc", runtime);
	else
		n = snprintf(folder, sizeof(folder), "%s/iscsidsc-%u",
			     temp && *temp ? temp : "/tmp", (unsigned)geteuid());
	if (n < 0 || (size_t)n >= sizeof(folder))
		return -ENOENT;
	if (!(runtime && *runtime) && !folder_is_ours(folder))
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/iscsidsc.sock", folder);
	return socket_connect(search, path);
}

/* A missing file, a socket nobody listens on, a path that is no socket: no service. */
static int nobody(int r)
{
	bool none = r == -ECONNREFUSED || r == -ENOTDIR || r == -ENOTSOCK || r == -EPROTOTYPE;

	return none ? -ENOENT : r;
}

static int door_search(struct search *search)
{
	const char *named = secure_getenv("ISCSIDSC_SOCKET");
	int own, r;

	if (named && *named)
		return nobody(socket_connect(search, named));
	own = nobody(own_connect(search));
	/* XDG_RUNTIME_DIR may be another user's, kept over a change of user. */
	if (own != -ENOENT && own != -EACCES)
		return own;
	r = nobody(socket_connect(search, SYSTEM_SOCKET));
	return r == -ENOENT ? own : r;
}

int door_open(int *ret_fd, char *ret_why, size_t room)
{
	struct search search = { .why = ret_why, .room = room };
	int r = door_search(&search);

	if (r == 0)
		*ret_fd = search.fd;
	return r;
}
