/*
 * nbd.c - listening for NBD clients of a disk. See nbd.h.
 */
#include "disk/nbd.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "disk/client.h"

enum { BACKLOG = 16 };
#define ACCEPT_PAUSE UINT64_C(100000000)

/* The service holds a lock on the folder, so that a socket found there is nobody's any more. */
static int stale_remove(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	return unlink(path) < 0 ? -errno : 0;
}

/* Nobody can connect before listen, when owner and mode are right already. */
static int socket_publish(int fd, const struct sockaddr_un *address, mode_t mode, gid_t gid)
{
	int r;

	if (fchmod(fd, 0600) < 0 || bind(fd, (const void *)address, sizeof *address) < 0)
		return -errno;
	if ((gid == (gid_t)-1 || lchown(address->sun_path, (uid_t)-1, gid) == 0) &&
	    chmod(address->sun_path, mode) == 0 && listen(fd, BACKLOG) == 0)
		return 0;
	r = -errno;
	unlink(address->sun_path);
	return r;
}

static int socket_open(const char *path, mode_t mode, gid_t gid, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	r = stale_remove(path);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = socket_publish(fd, &address, mode, gid);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static void accept_resume(struct timer *timer, uint64_t now)
{
	struct nbd *nbd = list_entry(timer, struct nbd, pause);

	(void)now;
	watch_set(&nbd->watch, EPOLLIN);
}

static void client_arrived(struct nbd *nbd, int fd)
{
	if (nbd->n_clients == NBD_CLIENTS_MAX || client_new(nbd, fd) < 0) {
		close(fd);
		return;
	}
	nbd->n_clients++;
	atomic_store_explicit(&nbd->unit->counters.clients, nbd->n_clients, memory_order_relaxed);
}

static void accept_ready(struct watch *watch, unsigned events)
{
	struct nbd *nbd = list_entry(watch, struct nbd, watch);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd >= 0) {
		client_arrived(nbd, fd);
		return;
	}
	/* Out of descriptors or memory, the socket would stay readable and the loop spin. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		watch_set(watch, 0);
		timer_set(nbd->unit->loop, &nbd->pause, loop_now(nbd->unit->loop) + ACCEPT_PAUSE);
	}
}

static void export_set(struct export *export, const struct unit *unit)
{
	const struct disk_info *info = &unit->info;

	*export = (struct export) {
		.size = info->blocks * info->block_size,
		.flags = NBD_HAS_FLAGS | NBD_SEND_FLUSH | NBD_SEND_FUA | NBD_CAN_MULTI_CONN,
		.block_min = info->block_size,
		.block_preferred = info->block_size > 4096 ? info->block_size : 4096,
		.block_max = NBD_PAYLOAD_MAX,
	};
	/* Preferred has to be a power of two; a granularity that is none helps nobody. */
	if (info->min_io > export->block_preferred && !(info->min_io & (info->min_io - 1)))
		export->block_preferred = info->min_io;
	if (info->read_only) {
		export->flags |= NBD_READ_ONLY;
		return;
	}
	if (info->can_unmap)
		export->flags |= NBD_SEND_TRIM;
	if (info->can_write_same)
		export->flags |= NBD_SEND_WRITE_ZEROES;
}

void nbd_changed(struct nbd *nbd)
{
	export_set(&nbd->export, nbd->unit);
}

/* Somebody's reading stopped because too many commands waited: see who can go on. */
static void unit_drained(struct unit *unit)
{
	struct nbd *nbd = unit->drained_ctx;

	list_for_each(item, &nbd->clients)
		chore_schedule(unit->loop, &list_entry(item, struct client, link)->chore);
}

int nbd_start(struct nbd *nbd, struct unit *unit, mode_t mode, gid_t gid)
{
	int fd = -1, r;

	memset(nbd, 0, sizeof *nbd);
	nbd->unit = unit;
	nbd->pause.expired = accept_resume;
	list_init(&nbd->clients);
	export_set(&nbd->export, unit);
	r = socket_open(unit->info.socket_path, mode, gid, &fd);
	if (r < 0)
		return r;
	r = watch_add(unit->loop, &nbd->watch, fd, EPOLLIN, accept_ready);
	if (r < 0) {
		unlink(unit->info.socket_path);
		close(fd);
		return r;
	}
	pool_init(&nbd->pool);
	unit->drained = unit_drained;
	unit->drained_ctx = nbd;
	return 0;
}

static void nbd_settle(struct nbd *nbd)
{
	if (!nbd->stopping || nbd->n_clients)
		return;
	pool_done(&nbd->pool);
	nbd->stopped(nbd);
}

void nbd_client_left(struct nbd *nbd)
{
	nbd->n_clients--;
	atomic_store_explicit(&nbd->unit->counters.clients, nbd->n_clients, memory_order_relaxed);
	nbd_settle(nbd);
}

void nbd_stop(struct nbd *nbd, void (*stopped)(struct nbd *nbd))
{
	int fd = nbd->watch.fd;

	nbd->stopping = true;
	nbd->stopped = stopped;
	nbd->unit->drained = NULL;
	unlink(nbd->unit->info.socket_path);
	timer_clear(&nbd->pause);
	watch_remove(&nbd->watch);
	close(fd);
	list_for_each(item, &nbd->clients)
		client_cut(list_entry(item, struct client, link));
	nbd_settle(nbd);
}
