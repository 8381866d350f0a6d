/* wrap.c - see wrap.h. */
#include "wrap.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "net/loop.h"
#include "peer.h"

const char *const wrap_names[WRAP_COUNTS] = {
	"epoll_wait", "epoll_ctl", "receive", "send", "wake-up", "woken", "clock", "allocate",
	"lock", "PDUs out", "PDUs in", "largest batch",
};
unsigned wrap_counts[WRAP_COUNTS];

static struct {
	_Atomic bool counting;
	bool sent, landing;
	enum wrap_mark mark;
	unsigned answers;
	void (*over)(void);
	_Atomic int fd[PEER_CONNS];   /* the sockets, 0 none */
	bool readable[PEER_CONNS];    /* its eventfd was written */
	_Atomic uint64_t now;
} state = { .now = 1000000000 };

__attribute__((noinline)) void guard_begin(void)
{
	__asm__ volatile("");
}

__attribute__((noinline)) void guard_end(void)
{
	__asm__ volatile("");
}

/* Who gives commands from another thread pays for waking the loop; all else is the loop's. */
static void count(enum wrap_count which, unsigned n)
{
	if (state.counting && (which == WRAP_POST || loop_current()))
		wrap_counts[which] += n;
}

void wrap_begin(enum wrap_mark mark)
{
	for (unsigned i = 0; i < WRAP_COUNTS; i++)
		wrap_counts[i] = 0;
	state.answers = peer_answers();
	state.mark = mark;
	state.sent = state.landing = false;
	state.counting = true;
	if (mark == MARK_QUEUE || mark == MARK_ALL)
		guard_begin();
}

void wrap_end(void (*over)(void))
{
	if (state.mark == MARK_LAND)
		guard_end();
	state.over = over;
}

static void wrap_over(void)
{
	void (*over)(void) = state.over;

	if (state.mark == MARK_ALL)
		guard_end();
	state.counting = false;
	state.over = NULL;
	wrap_counts[WRAP_PDUS_IN] = peer_answers() - state.answers;
	over();
}

/* ---------------------------------------------------------------- the functions */

int __real_epoll_wait(int epoll, struct epoll_event *events, int room, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int room, int timeout);
int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
ssize_t __wrap_readv(int fd, const struct iovec *iov, int n);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_clock_gettime(clockid_t which, struct timespec *ret);
void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);
void *__wrap_calloc(size_t n, size_t len);
void *__real_realloc(void *p, size_t len);
void *__wrap_realloc(void *p, size_t len);
int __real_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);

/* Which connection it is, -1: no socket. */
static int conn_of(int fd)
{
	for (int i = 0; i < PEER_CONNS; i++)
		if (state.fd[i] == fd)
			return i;
	return -1;
}

/* True if the first one is readable. */
static bool peers_turn(void)
{
	const uint64_t one = 1;

	for (unsigned i = 0; i < PEER_CONNS; i++)
		if (state.fd[i] && peer_turn(i) > 0 && !state.readable[i])
			state.readable[i] = __real_write(state.fd[i], &one, sizeof(one)) > 0;
	return state.readable[0];
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int room, int timeout)
{
	bool readable;
	int n;

	count(WRAP_WAIT, 1);
	if (state.over)
		wrap_over();
	readable = peers_turn();
	n = __real_epoll_wait(epoll, events, room, timeout);
	if (state.counting && state.mark == MARK_LAND && state.sent && readable && !state.landing) {
		state.landing = true;
		guard_begin();
	}
	return n;
}

int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	count(WRAP_CONTROL, 1);
	return __real_epoll_ctl(epoll, op, fd, event);
}

int __wrap_socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	int conn = conn_of(0);

	assert(conn >= 0);
	peer_open((unsigned)conn);
	state.readable[conn] = false;
	state.fd[conn] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return state.fd[conn];
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	(void)to;
	(void)len;
	assert(conn_of(fd) >= 0);
	return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	(void)level;
	(void)name;
	assert(conn_of(fd) >= 0 && *len >= sizeof(int));
	*(int *)value = 0;
	return 0;
}

static ssize_t wrap_receive(int fd, const struct iovec *iov, size_t n)
{
	int conn = conn_of(fd);
	uint64_t value;
	size_t got;

	assert(conn >= 0);
	count(WRAP_RECV, 1);
	got = peer_give((unsigned)conn, iov, n);
	if (peer_turn((unsigned)conn) == 0 && state.readable[conn]) {
		state.readable[conn] = false;
		assert(__real_read(fd, &value, sizeof(value)) == sizeof(value));
	}
	if (got == 0)
		errno = EAGAIN;
	return got ? (ssize_t)got : -1;
}

static ssize_t wrap_send(int fd, const struct iovec *iov, size_t n)
{
	int conn = conn_of(fd);
	ssize_t all = 0;
	unsigned pdus;

	assert(conn >= 0);
	if (state.counting && state.mark == MARK_QUEUE && !state.sent)
		guard_end();
	state.sent = true;
	count(WRAP_SEND, 1);
	for (size_t i = 0; i < n; i++)
		all += (ssize_t)iov[i].iov_len;
	pdus = peer_take((unsigned)conn, iov, n);
	count(WRAP_PDUS_OUT, pdus);
	if (state.counting && pdus > wrap_counts[WRAP_LARGEST])
		wrap_counts[WRAP_LARGEST] = pdus;
	return all;
}

ssize_t __wrap_readv(int fd, const struct iovec *iov, int n)
{
	return wrap_receive(fd, iov, (size_t)n);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	(void)flags;
	return wrap_receive(fd, msg->msg_iov, msg->msg_iovlen);
}

ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
	(void)flags;
	return wrap_receive(fd, &(struct iovec){ data, len }, 1);
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
	return wrap_send(fd, iov, (size_t)n);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	(void)flags;
	return wrap_send(fd, msg->msg_iov, msg->msg_iovlen);
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
	(void)flags;
	return wrap_send(fd, &(struct iovec){ (void *)(uintptr_t)data, len }, 1);
}

ssize_t __wrap_read(int fd, void *data, size_t len)
{
	if (conn_of(fd) >= 0)
		return wrap_receive(fd, &(struct iovec){ data, len }, 1);
	count(WRAP_WOKEN, 1);
	return __real_read(fd, data, len);
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	if (conn_of(fd) >= 0)
		return wrap_send(fd, &(struct iovec){ (void *)(uintptr_t)data, len }, 1);
	count(WRAP_POST, 1);
	return __real_write(fd, data, len);
}

int __wrap_close(int fd)
{
	int conn = conn_of(fd);

	if (conn >= 0)
		state.fd[conn] = 0;
	return __real_close(fd);
}

int __wrap_clock_gettime(clockid_t which, struct timespec *ret)
{
	uint64_t now = atomic_fetch_add(&state.now, 1000);

	(void)which;
	count(WRAP_CLOCK, 1);
	ret->tv_sec = (time_t)(now / 1000000000);
	ret->tv_nsec = (long)(now % 1000000000);
	return 0;
}

void *__wrap_malloc(size_t len)
{
	count(WRAP_ALLOCATE, 1);
	return __real_malloc(len);
}

void *__wrap_calloc(size_t n, size_t len)
{
	count(WRAP_ALLOCATE, 1);
	return __real_calloc(n, len);
}

void *__wrap_realloc(void *p, size_t len)
{
	count(WRAP_ALLOCATE, 1);
	return __real_realloc(p, len);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
	count(WRAP_LOCK, 1);
	return __real_pthread_mutex_lock(lock);
}
