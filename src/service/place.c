/*
 * place.c - see place.h.
 */
#include "service/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Two names, for one folder may serve as both. */
#define STATE_LOCK "iscsidscd-state.lock"
#define RUNTIME_LOCK "iscsidscd-socket.lock"
#define GROUP_NAME "iscsidsc"

struct sentence {
	char *text;
	size_t room;
};

static int fail(struct sentence *why, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct sentence *why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, why->room, format, args);
	va_end(args);
	return error;
}

static int fill(char *ret, size_t room, const char *a, const char *b)
{
	return snprintf(ret, room, "%s%s", a, b) < (int)room ? 0 : -ENAMETOOLONG;
}

/* ---- which folders */

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	/* The XDG rules: a path that is not absolute counts as none. */
	return value && *value == '/' ? value : NULL;
}

static int default_state_dir(char *ret, size_t room)
{
	if (geteuid() == 0)
		return fill(ret, room, "/var/lib/iscsidsc", "");
	if (variable("XDG_STATE_HOME"))
		return fill(ret, room, variable("XDG_STATE_HOME"), "/iscsidsc");
	if (variable("HOME"))
		return fill(ret, room, variable("HOME"), "/.local/state/iscsidsc");
	return -ENOENT;
}

static int default_socket(char *ret, size_t room)
{
	char folder[64];

	if (geteuid() == 0)
		return fill(ret, room, "/run/iscsidsc", "/iscsidsc.sock");
	if (variable("XDG_RUNTIME_DIR"))
		return fill(ret, room, variable("XDG_RUNTIME_DIR"), "/iscsidsc/iscsidsc.sock");
	snprintf(folder, sizeof(folder), "/iscsidsc-%u/iscsidsc.sock", (unsigned)geteuid());
	return fill(ret, room, variable("TMPDIR") ? variable("TMPDIR") : "/tmp", folder);
}

static int choose(const char *state_dir, const char *socket, struct place *p, struct sentence *why)
{
	const char *slash;
	int r = state_dir ? fill(p->state_dir, sizeof(p->state_dir), state_dir, "")
			  : default_state_dir(p->state_dir, sizeof(p->state_dir));

	if (r == -ENOENT)
		return fail(why, r, "neither XDG_STATE_HOME nor HOME is set: give --state-dir");
	if (r == 0)
		r = socket ? fill(p->socket, sizeof(p->socket), socket, "")
			   : default_socket(p->socket, sizeof(p->socket));
	if (r == 0 && strlen(p->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		r = -ENAMETOOLONG;
	if (r < 0)
		return fail(why, r, "the path of the state folder or the socket is too long");
	slash = strrchr(p->socket, '/');
	if (!slash)
		strcpy(p->runtime_dir, ".");
	else
		snprintf(p->runtime_dir, sizeof(p->runtime_dir), "%.*s",
			 slash == p->socket ? 1 : (int)(slash - p->socket), p->socket);
	return 0;
}

/* ---- making them */

static int make_folders(const char *path, mode_t mode)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(part, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* In a folder that all may write to, somebody else may have been there before us. */
static bool folder_is_ours(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       (st.st_uid == geteuid() || st.st_uid == 0);
}

static int lock(const char *folder, const char *name, int *ret, struct sentence *why)
{
	char path[PATH_MAX];
	int r, fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(why, -errno, "can't write in %s: %s", folder, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		close(fd);
		return r == -EWOULDBLOCK
			? fail(why, r, "another iscsidscd is using %s", folder)
			: fail(why, r, "can't lock %s: %s", path, strerror(-r));
	}
	*ret = fd;
	return 0;
}

/* Sockets of disks that a service left behind when it was killed. */
static void clean_disks(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		const char *ending = strrchr(entry->d_name, '.');

		if (ending && strcmp(ending, ".nbd") == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}

/* Everybody can make folders in the temp folder: ours there is ours alone, or not used. */
static bool folder_is_private(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 077);
}

static int make_runtime(struct place *p, bool in_temp, struct sentence *why)
{
	const mode_t mode = geteuid() == 0 ? 0755 : 0700;
	char disks[PATH_MAX];
	int r = make_folders(p->runtime_dir, mode);

	if (r < 0)
		return fail(why, r, "can't make %s: %s", p->runtime_dir, strerror(-r));
	if (in_temp && !folder_is_private(p->runtime_dir))
		return fail(why, -EPERM, "%s belongs to somebody else, or others may use it",
			    p->runtime_dir);
	snprintf(disks, sizeof(disks), "%s/disks", p->runtime_dir);
	r = lock(p->runtime_dir, RUNTIME_LOCK, &p->runtime_lock, why);
	if (r < 0)
		return r;
	if (mkdir(disks, mode) < 0 && errno != EEXIST)
		return fail(why, -errno, "can't make %s: %s", disks, strerror(errno));
	if (!folder_is_ours(disks))
		return fail(why, -EPERM, "%s belongs to somebody else", disks);
	clean_disks(disks);
	return 0;
}

/* ---- the socket */

static void find_group(struct place *p)
{
	const struct group *group = geteuid() == 0 ? getgrnam(GROUP_NAME) : NULL;

	p->socket_gid = group ? group->gr_gid : (gid_t)-1;
	p->socket_mode = group ? 0660 : 0600;
}

static int remove_stale(const char *path, struct sentence *why)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return fail(why, -EEXIST, "%s is there and is no socket", path);
	/* We hold the lock, so nobody lives behind it. */
	if (unlink(path) < 0)
		return fail(why, -errno, "can't remove %s: %s", path, strerror(errno));
	return 0;
}

static int open_socket(struct place *p, struct sentence *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int r = remove_stale(p->socket, why), fd;

	if (r < 0)
		return r;
	strcpy(address.sun_path, p->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(why, -errno, "can't make a socket: %s", strerror(errno));
	/* Nobody else may connect before owner and mode are right. */
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && p->socket_gid != (gid_t)-1 && chown(p->socket, (uid_t)-1, p->socket_gid) < 0)
		r = -errno;
	if (r == 0 && chmod(p->socket, p->socket_mode) < 0)
		r = -errno;
	if (r == 0 && listen(fd, SOMAXCONN) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return fail(why, r, "can't listen on %s: %s", p->socket, strerror(-r));
	}
	p->listen_fd = fd;
	return 0;
}

int place_open(const char *state_dir, const char *socket, struct place *ret, char *why_text,
	       size_t why_len)
{
	struct place p = { .state_lock = -1, .runtime_lock = -1, .listen_fd = -1 };
	struct sentence why = { why_text, why_len };
	int r = choose(state_dir, socket, &p, &why);

	if (r < 0)
		return r;
	r = make_folders(p.state_dir, 0700);
	if (r < 0)
		r = fail(&why, r, "can't make the state folder %s: %s", p.state_dir, strerror(-r));
	else
		r = lock(p.state_dir, STATE_LOCK, &p.state_lock, &why);
	if (r < 0)
		return r;
	find_group(&p);
	r = make_runtime(&p, !socket && geteuid() != 0 && !variable("XDG_RUNTIME_DIR"), &why);
	if (r == 0)
		r = open_socket(&p, &why);
	if (r < 0) {
		p.socket[0] = 0;
		place_close(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void place_close(struct place *place)
{
	if (place->socket[0])
		unlink(place->socket);
	if (place->runtime_lock >= 0)
		close(place->runtime_lock);
	if (place->state_lock >= 0)
		close(place->state_lock);
}
