/*
 * vici_link.c - see vici_link.h and vici.h. vici has no sequence numbers: one request is under way at a
 * time, and one that is not answered in time costs the link.
 *
 * Requests only queue; all reading and writing is done from the loop, so nobody is called from within
 * a call of his own. `calls` keeps the link alive while somebody is called.
 */
#include "service/vici_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/secret.h"
#include "net/tcp.h"

enum {
	PACKETS_AT_ONCE = 64, /* the other sources of the loop come then */
	SECOND = 1000000,
};

enum phase { OPENING, OPEN, LOST, FREED }; /* there is `io` in the first two */

struct vici {
	enum phase phase;
	const struct vici_ops *ops;
	void *ctx;
	unsigned calls;              /* of the loop, that have not returned */
	int fd;                      /* -1: none */
	sd_event_source *io, *timer;
	struct list queue;           /* of struct vici_request; the first is under way */
	unsigned queued;
	struct vici_version version;

	uint8_t head[VICI_LENGTH_LEN];
	size_t head_len;             /* bytes that are there */
	uint8_t *packet;             /* NULL: its length is not known yet */
	size_t len, room;
};

/* ---- requests */

static struct vici_request *link_first(struct vici *vici)
{
	return list_empty(&vici->queue) ? NULL
					: list_entry(vici->queue.next, struct vici_request, link);
}

static void link_take(struct vici *vici, struct vici_request *request)
{
	list_remove(&request->link);
	vici->queued--;
}

static void request_free(struct vici_request *request)
{
	secret_wipe(request->bytes, request->len);
	free(request);
}

void vici_request_fail(struct vici_request *request, int error, const char *why)
{
	request->result.error = error;
	if (!request->result.why[0])
		snprintf(request->result.why, sizeof(request->result.why), "%s", why);
}

static void request_end(struct vici *vici, struct vici_request *request)
{
	/* What was logged is of interest only if it went wrong. */
	if (request->result.error == 0)
		request->result.why[0] = 0;
	link_take(vici, request);
	if (request->done.call && !request->forgotten)
		request->done.call(request->done.ctx, &request->result);
	request_free(request);
}

/* ---- the end */

static void link_close(struct vici *vici)
{
	vici->io = sd_event_source_disable_unref(vici->io);
	vici->timer = sd_event_source_disable_unref(vici->timer);
	if (vici->fd >= 0)
		close(vici->fd);
	vici->fd = -1;
}

static void link_destroy(struct vici *vici)
{
	list_for_each(it, &vici->queue)
		request_free(list_entry(it, struct vici_request, link));
	free(vici->packet);
	free(vici);
}

void vici_free(struct vici *vici)
{
	if (!vici)
		return;
	link_close(vici);
	vici->phase = FREED;
	list_for_each(it, &vici->queue)
		list_entry(it, struct vici_request, link)->forgotten = true;
	if (vici->calls == 0)
		link_destroy(vici);
}

static void link_lost(struct vici *vici, int error, const char *text)
{
	struct vici_result why = { .error = error };
	struct vici_request *request;

	if (vici->phase == LOST || vici->phase == FREED)
		return;
	snprintf(why.why, sizeof(why.why), "%s", text);
	link_close(vici);
	vici->phase = LOST;
	while ((request = link_first(vici))) {
		request->result.why[0] = 0;
		vici_request_fail(request, error, why.why);
		request_end(vici, request);
	}
	if (vici->phase == LOST && vici->ops->lost)
		vici->ops->lost(vici->ctx, &why);
}

static void link_lost_errno(struct vici *vici, int error)
{
	char text[VICI_WHY_ROOM];

	snprintf(text, sizeof(text), "the connection to charon is lost: %s", strerror(-error));
	link_lost(vici, error, text);
}

static void call_end(struct vici *vici)
{
	if (--vici->calls == 0 && vici->phase == FREED)
		link_destroy(vici);
}

static int on_time(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct vici *vici = ctx;

	(void)timer;
	(void)usec;
	vici->calls++;
	link_lost(vici, -ETIMEDOUT, "charon did not answer in time");
	call_end(vici);
	return 0;
}

/* ---- writing */

/* The first request's turn has come: the loop sends it. Returns 0 or a negative errno. */
static int link_next(struct vici *vici)
{
	struct vici_request *request = link_first(vici);
	int r;

	if (!request || !vici->io)
		return 0;
	r = sd_event_source_set_time_relative(vici->timer, request->usec);
	if (r >= 0)
		r = sd_event_source_set_enabled(vici->timer, SD_EVENT_ONESHOT);
	if (r >= 0)
		r = sd_event_source_set_io_events(vici->io, EPOLLIN | EPOLLOUT);
	return r < 0 ? r : 0;
}

static void link_write(struct vici *vici)
{
	struct vici_request *request = link_first(vici);

	if (request && request->at < request->len) {
		struct iovec from = { .iov_base = request->bytes + request->at,
				      .iov_len = request->len - request->at };
		ssize_t n = tcp_write(vici->fd, &from, 1);

		if (n < 0 && n != -EAGAIN) {
			link_lost_errno(vici, (int)n);
			return;
		}
		request->at += n > 0 ? (size_t)n : 0;
		if (request->at < request->len)
			return;
		secret_wipe(request->bytes, request->len);
	}
	sd_event_source_set_io_events(vici->io, EPOLLIN);
}

int vici_request_new(struct bytes_writer *packet, enum vici_type type, struct vici_done done,
		     struct vici_request **ret)
{
	struct vici_request *request;
	int r = vici_end(packet);

	if (r < 0)
		return r;
	request = calloc(1, sizeof(*request) + packet->len);
	if (!request)
		return -ENOMEM;
	request->done = done;
	request->type = type;
	request->usec = (uint64_t)VICI_REQUEST_SECONDS * SECOND;
	request->len = packet->len;
	memcpy(request->bytes, packet->data, packet->len);
	*ret = request;
	return 0;
}

int vici_link_add(struct vici *vici, struct vici_request *request)
{
	bool idle = list_empty(&vici->queue);
	int r = 0;

	list_append(&vici->queue, &request->link);
	vici->queued++;
	if (!vici->io)
		r = -ENOTCONN;
	else if (vici->queued > VICI_QUEUE_MAX)
		r = -ENOBUFS;
	else if (idle)
		r = link_next(vici);
	if (r < 0) {
		link_take(vici, request);
		request_free(request);
	}
	return r;
}

void vici_forget(struct vici *vici, const void *ctx)
{
	list_for_each(it, &vici->queue) {
		struct vici_request *request = list_entry(it, struct vici_request, link);

		request->forgotten |= request->done.ctx == ctx;
	}
}

/* ---- reading */

static void link_lost_format(struct vici *vici)
{
	link_lost(vici, -EPROTO, "what answers there is not charon: it does not speak vici");
}

/* The request that is under way has its reply; the next one's turn has come. */
static void link_replied(struct vici *vici, const struct vici_packet *packet)
{
	struct vici_request *request = link_first(vici);
	bool known = packet->type == VICI_RESPONSE || packet->type == VICI_CONFIRMED;
	bool command = packet->type == VICI_RESPONSE || packet->type == VICI_UNKNOWN_REQUEST;
	int r;

	if (!request || request->at < request->len || command != (request->type == VICI_REQUEST)) {
		link_lost_format(vici);
		return;
	}
	sd_event_source_set_enabled(vici->timer, SD_EVENT_OFF);
	if (!known)
		vici_request_fail(request, -ENOSYS, "charon does not know what it was asked");
	else if (request->replied && !request->forgotten)
		request->replied(request, packet->message);
	request_end(vici, request);
	r = link_next(vici);
	if (r < 0)
		link_lost_errno(vici, r);
}

/* Belongs to the request that is under way. */
static bool is_stream(struct vici_bytes name)
{
	for (enum vici_event_kind kind = VICI_IKE_UPDOWN; kind < VICI_EVENT_KINDS; kind++)
		if (vici_is(name, vici_event_name(kind)))
			return false;
	return true;
}

static void tell_event(void *ctx, const struct vici_event *event)
{
	struct vici *vici = ctx;

	if (vici->phase == OPEN)
		vici->ops->event(vici->ctx, event);
}

static void link_event(struct vici *vici, const struct vici_packet *packet)
{
	struct vici_request *request = link_first(vici);

	if (!is_stream(packet->name)) {
		if (vici->phase == OPEN && vici->ops->event)
			vici_each_event(packet->name, packet->message, tell_event, vici);
		return;
	}
	if (request && request->streamed && !request->forgotten)
		request->streamed(request, packet->message);
}

static void link_packet(struct vici *vici, const uint8_t *bytes, size_t len)
{
	struct vici_packet packet;

	if (vici_packet_get(bytes, len, &packet) < 0)
		link_lost_format(vici);
	else if (packet.type == VICI_EVENT)
		link_event(vici, &packet);
	else
		link_replied(vici, &packet);
}

/* Reads once: 1 with something, 0 for nothing there, or a negative errno. */
static int link_read_some(struct vici *vici, void *to, size_t room, size_t *len)
{
	struct iovec iov = { .iov_base = to, .iov_len = room };
	ssize_t n = tcp_read(vici->fd, &iov, 1);

	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	*len += (size_t)n;
	return 1;
}

/* The length is there: room for the packet. */
static int packet_begin(struct vici *vici)
{
	vici->room = bytes_get32(vici->head);
	if (vici->room == 0 || vici->room > VICI_PACKET_MAX)
		return -EPROTO;
	vici->packet = malloc(vici->room);
	vici->len = 0;
	return vici->packet ? 0 : -ENOMEM;
}

/* As above, for the length or for the packet itself. */
static int link_read(struct vici *vici)
{
	int r;

	if (vici->packet)
		return link_read_some(vici, vici->packet + vici->len, vici->room - vici->len,
				      &vici->len);
	r = link_read_some(vici, vici->head + vici->head_len, VICI_LENGTH_LEN - vici->head_len,
			   &vici->head_len);
	if (r <= 0 || vici->head_len < VICI_LENGTH_LEN)
		return r;
	r = packet_begin(vici);
	return r < 0 ? r : 1;
}

static void link_readable(struct vici *vici)
{
	unsigned packets = 0;

	while (vici->io && packets < PACKETS_AT_ONCE) {
		int r = link_read(vici);
		uint8_t *packet = vici->packet;

		if (r == 0)
			return;
		if (r == -EPROTO)
			link_lost_format(vici);
		else if (r < 0)
			link_lost_errno(vici, r);
		if (r < 0 || !packet || vici->len < vici->room)
			continue;
		vici->packet = NULL;
		vici->head_len = 0;
		link_packet(vici, packet, vici->len);
		free(packet);
		packets++;
	}
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct vici *vici = ctx;

	(void)source;
	(void)fd;
	vici->calls++;
	/* What came before the end counts: charon may have told why. */
	if (revents & ~(uint32_t)EPOLLOUT)
		link_readable(vici);
	if (vici->io && (revents & EPOLLOUT))
		link_write(vici);
	call_end(vici);
	return 0;
}

/* ---- opening */

static bool is_new_enough(const char *version)
{
	static const unsigned needed[3] = { 5, 5, 2 }; /* keys that have an id */
	unsigned is[3] = { 0 };

	sscanf(version, "%u.%u.%u", &is[0], &is[1], &is[2]);
	for (unsigned i = 0; i < 3; i++)
		if (is[i] != needed[i])
			return is[i] > needed[i];
	return true;
}

static void version_replied(struct vici_request *request, struct vici_bytes message)
{
	struct vici *vici = request->done.ctx;
	struct vici_version *v = &vici->version;
	char why[VICI_WHY_ROOM];

	vici_text(vici_find(message, VICI_VALUE, "daemon"), v->daemon, sizeof(v->daemon));
	vici_text(vici_find(message, VICI_VALUE, "version"), v->version, sizeof(v->version));
	if (is_new_enough(v->version))
		return;
	snprintf(why, sizeof(why), "charon is too old: version %s, and 5.5.2 is needed", v->version);
	vici_request_fail(request, -EPROTONOSUPPORT, why);
}

static void opening_replied(void *ctx, const struct vici_result *result)
{
	struct vici *vici = ctx;
	bool old = result->error == -ENOSYS;

	if (result->error < 0)
		link_lost(vici, old ? -EPROTONOSUPPORT : result->error,
			  old ? "charon is too old: it lacks requests or events" : result->why);
}

static void opening_ended(void *ctx, const struct vici_result *result)
{
	struct vici *vici = ctx;

	opening_replied(vici, result);
	if (vici->phase != OPENING)
		return;
	vici->phase = OPEN;
	if (vici->ops->opened)
		vici->ops->opened(vici->ctx, &vici->version);
}

/* Asks for one of the things with which each link begins. */
static int link_ask(struct vici *vici, enum vici_type type, const char *name,
		    void (*done)(void *ctx, const struct vici_result *result))
{
	uint8_t bytes[VICI_LENGTH_LEN + 2 + VICI_NAME_MAX];
	struct vici_request *request;
	struct bytes_writer packet;
	int r;

	bytes_writer_init(&packet, bytes, sizeof(bytes));
	vici_begin(&packet, type, name);
	r = vici_request_new(&packet, type, (struct vici_done){ .call = done, .ctx = vici }, &request);
	if (r < 0)
		return r;
	if (type == VICI_REQUEST)
		request->replied = version_replied;
	return vici_link_add(vici, request);
}

static int link_ask_all(struct vici *vici)
{
	static const char *const streams[] = { "list-sa", "list-conn", "list-policy", "control-log" };
	enum { STREAMS = sizeof(streams) / sizeof(streams[0]) };
	int r = link_ask(vici, VICI_REQUEST, "version", opening_replied);

	if (vici->ops->event)
		for (enum vici_event_kind kind = VICI_IKE_UPDOWN; r == 0 && kind < VICI_EVENT_KINDS;
		     kind++)
			r = link_ask(vici, VICI_REGISTER, vici_event_name(kind), opening_replied);
	for (unsigned i = 0; r == 0 && i < STREAMS; i++)
		r = link_ask(vici, VICI_REGISTER, streams[i],
			     i + 1 < STREAMS ? opening_replied : opening_ended);
	return r;
}

/* Returns a connected socket or a negative errno. */
static int socket_connect(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Watched for reading; the timer stands. Returns 0 or a negative errno. */
static int link_watch(struct vici *vici, sd_event *event)
{
	int r = sd_event_add_io(event, &vici->io, vici->fd, EPOLLIN, on_io, vici);

	if (r >= 0)
		r = sd_event_add_time(event, &vici->timer, CLOCK_MONOTONIC, 0, 0, on_time, vici);
	if (r >= 0)
		r = sd_event_source_set_enabled(vici->timer, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

int vici_new(sd_event *event, const char *path, const struct vici_ops *ops, void *ctx,
	     struct vici **ret)
{
	int fd = socket_connect(path);
	struct vici *vici;
	int r;

	if (fd < 0)
		return fd;
	vici = calloc(1, sizeof(*vici));
	if (!vici) {
		close(fd);
		return -ENOMEM;
	}
	vici->fd = fd;
	vici->ops = ops;
	vici->ctx = ctx;
	list_init(&vici->queue);
	r = link_watch(vici, event);
	if (r == 0)
		r = link_ask_all(vici);
	if (r < 0) {
		vici_free(vici);
		return r;
	}
	*ret = vici;
	return 0;
}
