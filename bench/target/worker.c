/*
 * worker.c - one thread's loop. The first worker also accepts, and hands connections out in turn.
 *
 * With --spin a worker looks for work again and again for some time before it sleeps, so that the
 * initiator does not pay for waking it; its CPU time then means nothing.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lean.h"

enum { EVENTS = 64 };

static void worker_accept(struct worker *worker, int listener)
{
	struct lean *lean = worker->lean;
	int one = 1, fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		unsigned next = atomic_fetch_add(&lean->next_worker, 1) % lean->options.threads;

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		worker_count(worker, COUNT_CONNS, 1);
		if (conn_new(&lean->workers[next], fd) < 0)
			close(fd);
	}
}

/* Pointers to listeners and to the wake-up lie in struct lean and struct worker; all others are
 * connections. */
static void worker_event(struct worker *worker, const struct epoll_event *event)
{
	struct lean *lean = worker->lean;
	int *fd = event->data.ptr;

	if (fd >= lean->listeners && fd < lean->listeners + LEAN_PORTALS) {
		worker_accept(worker, *fd);
	} else if (fd != &worker->wake) {
		struct conn *conn = event->data.ptr;

		if (conn_ready(conn, event->events) < 0)
			conn_free(conn);
	}
}

static uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int worker_wait(struct worker *worker, struct epoll_event *events)
{
	uint32_t spin = worker->lean->options.spin_us;
	uint64_t end = spin ? clock_us() + spin : 0;
	int n = 0;

	worker_count(worker, COUNT_POLLS, 1);
	while (spin && n == 0 && clock_us() < end)
		n = epoll_wait(worker->epoll, events, EVENTS, 0);
	return n ? n : epoll_wait(worker->epoll, events, EVENTS, -1);
}

static void worker_pin(struct worker *worker)
{
	const struct options *options = &worker->lean->options;
	cpu_set_t set;

	if (!options->cpu_count)
		return;
	CPU_ZERO(&set);
	CPU_SET(options->cpus[worker->index % options->cpu_count], &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct epoll_event events[EVENTS];

	worker_pin(worker);
	while (!atomic_load(&worker->lean->stop)) {
		int n = worker_wait(worker, events);

		for (int i = 0; i < n; i++)
			worker_event(worker, &events[i]);
	}
	return NULL;
}

static int worker_watch(struct worker *worker, int *fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = fd };

	return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, *fd, &event);
}

int worker_start(struct worker *worker)
{
	struct lean *lean = worker->lean;

	worker->buffer = malloc(3 * LEAN_RECV);
	worker->sink = malloc(LEAN_RECV);
	if (!worker->buffer || !worker->sink)
		return -ENOMEM;
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	worker->wake = eventfd(0, EFD_CLOEXEC);
	if (worker->epoll < 0 || worker->wake < 0 || worker_watch(worker, &worker->wake) < 0)
		return -errno;
	for (unsigned i = 0; worker->index == 0 && i < lean->listener_count; i++)
		if (worker_watch(worker, &lean->listeners[i]) < 0)
			return -errno;
	if (pthread_create(&worker->thread, NULL, worker_run, worker) != 0)
		return -EAGAIN;
	worker->started = true;
	return 0;
}

void worker_stop(struct worker *worker)
{
	uint64_t one = 1;

	if (!worker->started)
		return;
	while (write(worker->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(worker->thread, NULL);
	worker->started = false;
}

void worker_done(struct worker *worker)
{
	struct out *out;

	list_for_each(it, &worker->conns)
		conn_free(list_entry(it, struct conn, link));
	while ((out = worker->free_outs)) {
		worker->free_outs = out->next;
		free(out);
	}
	free(worker->buffer);
	free(worker->sink);
	if (worker->epoll >= 0)
		close(worker->epoll);
	if (worker->wake >= 0)
		close(worker->wake);
}
