/*
 * isns_link.c - see isns_link.h. It reads exactly one PDU at a time, so that nothing of what follows an
 * answer is held when the owner goes away in the middle.
 */
#include "service/isns_link.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "iscsierr.h"
#include "net/resolve.h"
#include "net/tcp.h"
#include "proto/isns.h"
#include "service/status.h"

enum phase { RESOLVING, CONNECTING, OPEN };

struct isns_link {
	struct service *service;
	const struct isns_link_ops *ops;
	void *ctx;
	enum phase phase;
	struct resolve *resolve;
	struct resolve_answer where;
	unsigned next;             /* of the addresses, to be tried */
	int fd;                    /* -1: none */
	sd_event_source *io, *timer;

	uint16_t xid;
	unsigned asked;            /* the response that is awaited; 0: none */
	uint8_t out[ISNS_LINK_QUESTION_MAX];
	size_t out_at, out_len;

	uint8_t head[ISNS_HEADER_LEN];
	unsigned head_len;         /* bytes that are there */
	struct isns_header header;
	unsigned left;             /* bytes of the PDU still to come */
	unsigned seq;              /* of the next PDU of the response */
	uint8_t *message;          /* what is there of the response */
	size_t len, room;
};

static void link_fail(struct isns_link *link, uint32_t status, const char *why)
{
	link->ops->failed(link->ctx, status, why);
}

static void link_fail_socket(struct isns_link *link, int error)
{
	link_fail(link, status_of_socket(error), strerror(-error));
}

/* It speaks otherwise than RFC 4171: we hang up. */
static void link_fail_format(struct isns_link *link, const char *why)
{
	link_fail(link, WSAECONNABORTED, why);
}

static int on_time(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct isns_link *link = ctx;

	(void)timer;
	(void)usec;
	link_fail(link, WSAETIMEDOUT, link->phase == OPEN ? "no answer in time"
							   : "no connection in time");
	return 0;
}

/* ---- reading */

static void link_answered(struct isns_link *link)
{
	uint8_t *message = link->message;
	struct bytes_reader reader;
	uint32_t status;

	bytes_reader_init(&reader, message, link->len);
	link->message = NULL;
	link->room = link->len = 0;
	link->asked = 0;
	service_timer_clear(&link->timer);
	status = bytes_take32(&reader);
	if (reader.bad)
		link_fail_format(link, "a response without a status");
	else
		link->ops->answered(link->ctx, status, &reader);
	free(message);
}

/* The header is there. False: the link failed. */
static bool header_take(struct isns_link *link)
{
	struct isns_header *h = &link->header;
	const char *bad = NULL;

	isns_header_get(link->head, h);
	link->left = h->length;
	if (h->version != ISNS_VERSION) {
		link_fail(link, ISDSC_INCOMPATIBLE_ISNS_VERSION, "it speaks another version of iSNS");
		return false;
	}
	if (h->length % 4)
		bad = "a PDU of a length that none has";
	else if (!(h->function & ISNS_RESPONSE))
		return true; /* a question of the server: nothing is answered here */
	else if (h->function != link->asked || h->xid != link->xid)
		bad = "a response to what was not asked";
	else if (h->seq != link->seq || !(h->flags & ISNS_FIRST) != (link->seq != 0))
		bad = "a response that has lost a PDU";
	else if (link->len + h->length > ISNS_LINK_MESSAGE_MAX)
		bad = "a response that is too long";
	if (bad)
		link_fail_format(link, bad);
	return !bad;
}

static bool is_awaited(const struct isns_link *link)
{
	return link->header.function & ISNS_RESPONSE;
}

/* Where the PDU's next bytes go; NULL: no memory. */
static uint8_t *link_space(struct isns_link *link, uint8_t *waste, size_t waste_len, size_t *ret_len)
{
	uint8_t *grown;
	size_t room;

	if (!is_awaited(link)) {
		*ret_len = link->left < waste_len ? link->left : waste_len;
		return waste;
	}
	if (link->room - link->len < link->left) {
		room = 2 * link->room > link->len + link->left ? 2 * link->room
							       : link->len + link->left;
		grown = realloc(link->message, room);
		if (!grown)
			return NULL;
		link->message = grown;
		link->room = room;
	}
	*ret_len = link->left;
	return link->message + link->len;
}

/* Reads once. Bytes read, 0 for nothing there, or a negative errno. */
static ssize_t link_read(struct isns_link *link)
{
	uint8_t waste[4096];
	struct iovec to = { .iov_base = link->head + link->head_len,
			    .iov_len = ISNS_HEADER_LEN - link->head_len };
	ssize_t n;

	if (link->head_len == ISNS_HEADER_LEN) {
		to.iov_base = link_space(link, waste, sizeof(waste), &to.iov_len);
		if (!to.iov_base)
			return -ENOMEM;
	}
	n = tcp_read(link->fd, &to, 1);
	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return n == -EAGAIN ? 0 : n;
	if (link->head_len < ISNS_HEADER_LEN) {
		link->head_len += (unsigned)n;
		return n;
	}
	link->left -= (unsigned)n;
	if (is_awaited(link))
		link->len += (size_t)n;
	return n;
}

/* A PDU, or what there is of one; more wakes us again. */
static void link_readable(struct isns_link *link)
{
	ssize_t n;

	do {
		bool headless = link->head_len < ISNS_HEADER_LEN;

		n = link_read(link);
		if (n < 0) {
			link_fail_socket(link, (int)n);
			return;
		}
		if (headless && link->head_len == ISNS_HEADER_LEN && !header_take(link))
			return;
	} while (n > 0 && (link->head_len < ISNS_HEADER_LEN || link->left));
	if (link->head_len < ISNS_HEADER_LEN || link->left)
		return;
	link->head_len = 0;
	if (!is_awaited(link))
		return;
	link->seq++;
	if (link->header.flags & ISNS_LAST)
		link_answered(link);
}

/* ---- writing */

static int link_watch(struct isns_link *link, uint32_t events)
{
	return sd_event_source_set_io_events(link->io, events);
}

/* Returns 0 or a negative errno. */
static int link_flush(struct isns_link *link)
{
	struct iovec from = { .iov_base = link->out + link->out_at,
			      .iov_len = link->out_len - link->out_at };
	ssize_t n = tcp_write(link->fd, &from, 1);

	if (n < 0 && n != -EAGAIN)
		return (int)n;
	link->out_at += n > 0 ? (size_t)n : 0;
	return link_watch(link, EPOLLIN | (link->out_at < link->out_len ? (uint32_t)EPOLLOUT : 0));
}

int isns_link_ask(struct isns_link *link, unsigned function, unsigned flags,
		  const struct bytes_writer *attributes)
{
	struct bytes_writer writer;
	int r;

	if (attributes->bad)
		return -EMSGSIZE;
	bytes_writer_init(&writer, link->out, sizeof(link->out));
	isns_begin(&writer, function, flags, ++link->xid);
	bytes_append(&writer, attributes->data, attributes->len);
	r = isns_end(&writer);
	if (r < 0)
		return r;
	link->out_at = 0;
	link->out_len = writer.len;
	link->asked = function | ISNS_RESPONSE;
	link->seq = 0;
	r = service_timer(link->service, &link->timer, ISNS_LINK_SECONDS, on_time, link);
	return r < 0 ? r : link_flush(link);
}

/* ---- connecting */

static void link_opened(struct isns_link *link)
{
	service_timer_clear(&link->timer);
	link->phase = OPEN;
	link_watch(link, EPOLLIN);
	link->ops->opened(link->ctx);
}

static void link_unconnected(struct isns_link *link)
{
	link->io = sd_event_source_disable_unref(link->io);
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *ctx);

/* Begins with an address; 0 or a negative errno. */
static int link_try(struct isns_link *link, unsigned index)
{
	const struct sockaddr *to = (const struct sockaddr *)&link->where.address[index].addr;
	int r = tcp_open(to->sa_family, "", &link->fd);

	if (r == 0)
		r = tcp_connect(link->fd, to, link->where.address[index].len);
	if (r < 0 && r != -EINPROGRESS)
		return r;
	/* Connected at once, it is writable at once. */
	r = sd_event_add_io(link->service->event, &link->io, link->fd, EPOLLOUT, on_io, link);
	return r < 0 ? r : 0;
}

/* `error` is how the last address failed. */
static void link_next(struct isns_link *link, int error)
{
	while (link->next < link->where.count) {
		link_unconnected(link);
		error = link_try(link, link->next++);
		if (error == 0)
			return;
	}
	link_fail_socket(link, error);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct isns_link *link = ctx;
	int r;

	(void)source;
	if (link->phase == CONNECTING) {
		r = tcp_result(fd);
		if (r < 0)
			link_next(link, r);
		else
			link_opened(link);
		return 0;
	}
	if (revents & EPOLLOUT) {
		r = link_flush(link);
		if (r < 0) {
			link_fail_socket(link, r);
			return 0;
		}
	}
	if (revents & ~(uint32_t)EPOLLOUT)
		link_readable(link);
	return 0;
}

static void on_resolved(void *ctx, const struct resolve_answer *answer)
{
	struct isns_link *link = ctx;

	link->resolve = NULL;
	if (answer->error) {
		link_fail(link, status_of_lookup(answer->error), gai_strerror(answer->error));
		return;
	}
	link->phase = CONNECTING;
	link->where = *answer;
	link_next(link, -EHOSTUNREACH);
}

int isns_link_new(struct service *service, const char *host, uint16_t port,
		  const struct isns_link_ops *ops, void *ctx, struct isns_link **ret)
{
	struct isns_link *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return -ENOMEM;
	link->service = service;
	link->ops = ops;
	link->ctx = ctx;
	link->fd = -1;
	r = service_timer(service, &link->timer, service->defaults.value[DEFAULT_LOGIN_TIME], on_time,
			  link);
	if (r >= 0)
		r = resolve_start(host, port, &service->control, on_resolved, link, &link->resolve);
	if (r < 0) {
		isns_link_free(link);
		return r;
	}
	*ret = link;
	return 0;
}

void isns_link_free(struct isns_link *link)
{
	if (!link)
		return;
	resolve_cancel(link->resolve);
	link_unconnected(link);
	service_timer_clear(&link->timer);
	free(link->message);
	free(link);
}

void isns_link_ends(const struct isns_link *link, struct sockaddr_storage *ret_own,
		    struct sockaddr_storage *ret_peer)
{
	socklen_t own_len = sizeof(*ret_own), peer_len = sizeof(*ret_peer);

	memset(ret_own, 0, sizeof(*ret_own));
	memset(ret_peer, 0, sizeof(*ret_peer));
	if (getsockname(link->fd, (struct sockaddr *)ret_own, &own_len) < 0 ||
	    getpeername(link->fd, (struct sockaddr *)ret_peer, &peer_len) < 0)
		ret_own->ss_family = ret_peer->ss_family = AF_UNSPEC;
}
