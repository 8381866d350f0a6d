/*
 * dial.c - see dial.h.
 */
#include "drive/dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/tcp.h"

void portal_text(const char *host, uint16_t port, char *ret, size_t size)
{
	snprintf(ret, size, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
}

static void dial_end(struct dial *dial, int fd)
{
	timer_clear(&dial->timer);
	dial->done(dial, fd, &dial->fault);
}

/* An address of a family that the source has not says nothing if another one was tried. */
static void dial_note(struct dial *dial, enum fault_kind kind, int r)
{
	char room[80];

	if (r == -EAFNOSUPPORT && dial->fault.kind != FAULT_NONE)
		return;
	if (kind == FAULT_IPSEC)
		fault_set(&dial->fault, kind, -r, "%s: a socket can't be held to IPsec: %s", dial->portal,
			  strerror_r(-r, room, sizeof(room)));
	else if (kind == FAULT_SOURCE)
		fault_set(&dial->fault, kind, -r, "%s: can't connect from %s: %s", dial->portal,
			  dial->source, strerror_r(-r, room, sizeof(room)));
	else
		fault_set(&dial->fault, kind, -r, "%s: %s", dial->portal,
			  strerror_r(-r, room, sizeof(room)));
}

static void dial_ready(struct watch *watch, unsigned events);

static const struct guard no_guard;

static int dial_try(struct dial *dial, unsigned i, const struct guard *guard)
{
	const struct sockaddr *to = (const struct sockaddr *)&dial->answer.address[i].addr;
	int fd, r;

	r = tcp_open(to->sa_family, guard->source[0] ? guard->source : dial->source, &fd);
	if (r < 0) {
		dial_note(dial, dial->source[0] ? FAULT_SOURCE : FAULT_CONNECT, r);
		return r;
	}
	r = guard_socket(fd, to->sa_family, guard);
	if (r < 0) {
		dial_note(dial, FAULT_IPSEC, r);
		close(fd);
		return r;
	}
	r = tcp_connect(fd, to, dial->answer.address[i].len);
	if (r == 0 || r == -EINPROGRESS)
		r = watch_add(dial->loop, &dial->watch, fd, EPOLLOUT, dial_ready);
	if (r < 0) {
		dial_note(dial, FAULT_CONNECT, r);
		close(fd);
	}
	return r;
}

/* An address that never answers must not use up the time of those after it. */
static void dial_share_time(struct dial *dial)
{
	uint64_t now = loop_now(dial->loop), left = dial->answer.count - dial->at + 1;

	if (left > 1 && dial->limit != LOOP_NEVER && dial->limit > now)
		timer_set(dial->loop, &dial->timer, now + (dial->limit - now) / left);
	else
		timer_clear(&dial->timer);
}

static void dial_ask(struct dial *dial, unsigned i)
{
	dial->asking = true;
	dial->ask(dial, (const struct sockaddr *)&dial->answer.address[i].addr,
		  dial->answer.address[i].len);
}

/* What was asked for an address may be answered from within. */
static void dial_next(struct dial *dial)
{
	while (dial->at < dial->answer.count) {
		dial->at++;
		dial_share_time(dial);
		if (dial->ask) {
			dial_ask(dial, dial->at - 1);
			return;
		}
		if (dial_try(dial, dial->at - 1, &no_guard) == 0)
			return;
	}
	dial_end(dial, -1);
}

void dial_go(struct dial *dial, const struct guard *guard)
{
	if (!dial->asking)
		return;
	dial->asking = false;
	dial->silent = true;
	if (dial_try(dial, dial->at - 1, guard ? guard : &no_guard) == 0)
		return;
	dial->silent = false;
	dial_next(dial);
}

void dial_skip(struct dial *dial, const struct fault *why)
{
	if (!dial->asking)
		return;
	dial->asking = dial->silent = false;
	dial->fault = *why;
	dial_next(dial);
}

static void dial_drop(struct dial *dial)
{
	if (!dial->watch.loop)
		return;
	watch_remove(&dial->watch);
	close(dial->watch.fd);
}

static void dial_ready(struct watch *watch, unsigned events)
{
	struct dial *dial = list_entry(watch, struct dial, watch);
	int r = tcp_result(watch->fd);

	(void)events;
	dial->silent = r == -ETIMEDOUT || r == -EHOSTUNREACH;
	if (r == 0) {
		watch_remove(watch);
		dial_end(dial, watch->fd);
		return;
	}
	dial_note(dial, FAULT_CONNECT, r);
	dial_drop(dial);
	dial_next(dial);
}

static void dial_expired(struct timer *timer, uint64_t now)
{
	struct dial *dial = list_entry(timer, struct dial, timer);

	(void)now;
	dial_note(dial, FAULT_CONNECT, -ETIMEDOUT);
	dial->asking = false;
	dial_drop(dial);
	dial_next(dial);
}

static void dial_resolved(void *ctx, const struct resolve_answer *answer)
{
	struct dial *dial = ctx;

	dial->resolve = NULL;
	dial->answer = *answer;
	if (answer->error == EAI_SYSTEM)
		dial_note(dial, FAULT_RESOLVE, -answer->error_number);
	else if (answer->error)
		fault_set(&dial->fault, FAULT_RESOLVE, answer->error, "%s: %s", dial->portal,
			  gai_strerror(answer->error));
	dial_next(dial);
}

void dial_start(struct dial *dial, struct loop *loop, const char *host, uint16_t port,
		const char *source, uint64_t limit)
{
	dial->loop = loop;
	dial->limit = limit;
	dial->at = 0;
	dial->asking = dial->silent = false;
	dial->fault = (struct fault){ .kind = FAULT_NONE };
	dial->timer.expired = dial_expired;
	portal_text(host, port, dial->portal, sizeof(dial->portal));
	snprintf(dial->source, sizeof(dial->source), "%s", source);
	if (resolve_start(host, port, loop_box(loop), dial_resolved, dial, &dial->resolve) < 0) {
		fault_set(&dial->fault, FAULT_NO_MEMORY, ENOMEM, "%s: no memory", dial->portal);
		dial_end(dial, -1);
	}
}

void dial_cancel(struct dial *dial)
{
	resolve_cancel(dial->resolve);
	dial->resolve = NULL;
	dial->asking = false;
	timer_clear(&dial->timer);
	dial_drop(dial);
}
