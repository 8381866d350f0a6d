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
	_Atomic int fd;      /* the socket, -1 none */
	bool readable;       /* its eventfd was written */
	_Atomic uint64_t now;
} state = { .fd = -1, .now = 1000000000 };

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

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int room, int timeout)
{
	const uint64_t one = 1;
	int n;

	count(WRAP_WAIT, 1);
	if (state.over)
		wrap_over();
	if (state.fd >= 0 && peer_turn() > 0 && !state.readable)
		state.readable = __real_write(state.fd, &one, sizeof(one)) == sizeof(one);
	n = __real_epoll_wait(epoll, events, room, timeout);
	if (state.counting && state.mark == MARK_LAND && state.sent && state.readable &&
	    !state.landing) {
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
	assert(state.fd < 0);
	peer_open();
	state.readable = false;
	state.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return state.fd;
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	(void)to;
	(void)len;
	assert(fd == state.fd);
	return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	(void)level;
	(void)name;
	assert(fd == state.fd && *len >= sizeof(int));
	*(int *)value = 0;
	return 0;
}

static ssize_t wrap_receive(int fd, const struct iovec *iov, size_t n)
{
	uint64_t value;
	size_t got;

	assert(fd == state.fd);
	count(WRAP_RECV, 1);
	got = peer_give(iov, n);
	if (peer_turn() == 0 && state.readable) {
		state.readable = false;
		assert(__real_read(fd, &value, sizeof(value)) == sizeof(value));
	}
	if (got == 0)
		errno = EAGAIN;
	return got ? (ssize_t)got : -1;
}

static ssize_t wrap_send(int fd, const struct iovec *iov, size_t n)
{
	ssize_t all = 0;
	unsigned pdus;

	assert(fd == state.fd);
	if (state.counting && state.mark == MARK_QUEUE && !state.sent)
		guard_end();
	state.sent = true;
	count(WRAP_SEND, 1);
	for (size_t i = 0; i < n; i++)
		all += (ssize_t)iov[i].iov_len;
	pdus = peer_take(iov, n);
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
	if (fd == state.fd)
		return wrap_receive(fd, &(struct iovec){ data, len }, 1);
	count(WRAP_WOKEN, 1);
	return __real_read(fd, data, len);
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	if (fd == state.fd)
		return wrap_send(fd, &(struct iovec){ (void *)(uintptr_t)data, len }, 1);
	count(WRAP_POST, 1);
	return __real_write(fd, data, len);
}

int __wrap_close(int fd)
{
	if (fd == state.fd)
		state.fd = -1;
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
