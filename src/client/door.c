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

static int socket_connect(const char *path, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENOENT;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	do
		r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		r = -errno;
		close(fd);
		return r == -EPERM ? -EACCES : r;
	}
	*ret_fd = fd;
	return 0;
}

/* Anyone can make a folder under the temp folder: only one that is ours alone is believed. */
static bool folder_is_ours(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 077);
}

static int own_connect(int *ret_fd)
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
	return socket_connect(path, ret_fd);
}

/* A missing file, a socket nobody listens on, a path that is no socket: no service. */
static int nobody(int r)
{
	bool none = r == -ECONNREFUSED || r == -ENOTDIR || r == -ENOTSOCK || r == -EPROTOTYPE;

	return none ? -ENOENT : r;
}

int door_open(int *ret_fd)
{
	const char *named = secure_getenv("ISCSIDSC_SOCKET");
	int own, r;

	if (named && *named)
		return nobody(socket_connect(named, ret_fd));
	own = nobody(own_connect(ret_fd));
	/* XDG_RUNTIME_DIR may be another user's, kept over a change of user. */
	if (own != -ENOENT && own != -EACCES)
		return own;
	r = nobody(socket_connect(SYSTEM_SOCKET, ret_fd));
	return r == -ENOENT ? own : r;
}
