/*
 * client.c - the stream of one NBD client. See client.h.
 */
#include "disk/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	READS_PER_ROUND = 8,    /* then others have their turn */
	SEND_IOV = 256,
	SEND_ROOM = 1 << 20,    /* bytes of replies that wait in the kernel; it counts its own too */
};

#define HANDSHAKE_PATIENCE UINT64_C(30000000000)

/* ---- ends */

static void request_drop(struct client *client, struct request *request)
{
	client->requests--;
	client->bytes -= request->room;
	pool_put(&client->nbd->pool, request);
}

void client_cut(struct client *client)
{
	struct list *item;
	int fd = client->watch.fd;

	if (client->state == CLIENT_CUT)
		return;
	client->state = CLIENT_CUT;
	timer_clear(&client->patience);
	watch_remove(&client->watch);
	close(fd);
	while ((item = list_pop(&client->replies)))
		request_drop(client, list_entry(item, struct request, link));
	if (client->filling)
		request_drop(client, client->filling);
	client->filling = NULL;
	/* Freed at the end of the round at the earliest: a caller may still look at it. */
	chore_schedule(client->nbd->unit->loop, &client->chore);
}

/* No more will come; what came whole is still answered. */
static void client_leave(struct client *client)
{
	client->state = CLIENT_LEAVING;
	if (client->filling)
		request_drop(client, client->filling);
	client->filling = NULL;
}

static void client_free(struct client *client)
{
	struct nbd *nbd = client->nbd;

	list_remove(&client->link);
	free(client);
	nbd_client_left(nbd);
}

/* ---- replies */

static void client_answer(struct client *client, struct request *request, int error)
{
	bool read = request->kind == REQUEST_READ;

	if (client->state == CLIENT_CUT) {
		request_drop(client, request);
		chore_schedule(client->nbd->unit->loop, &client->chore);
		return;
	}
	request->data_len = read && !error ? (uint32_t)request->length : 0;
	if (!read || !client->handshake.structured)
		request->head_len = (uint32_t)nbd_reply_put(request->head, request->cookie, error);
	else if (error)
		request->head_len = (uint32_t)nbd_error_put(request->head, request->cookie, error);
	else
		request->head_len = (uint32_t)nbd_data_put(request->head, request->cookie,
							   request->offset, request->data_len);
	list_append(&client->replies, &request->link);
	chore_schedule(client->nbd->unit->loop, &client->chore);
}

static void request_done(struct request *request, int error)
{
	client_answer(request->ctx, request, error);
}

static unsigned part_add(struct iovec *iov, unsigned n, uint8_t *data, size_t len, size_t *skip)
{
	size_t gone = *skip < len ? *skip : len;

	*skip -= gone;
	if (gone == len)
		return n;
	iov[n] = (struct iovec) { .iov_base = data + gone, .iov_len = len - gone };
	return n + 1;
}

static unsigned replies_gather(struct client *client, struct iovec *iov)
{
	size_t skip = client->reply_at, none = 0;
	unsigned n = part_add(iov, 0, client->out + client->out_at,
			      client->out_len - client->out_at, &none);

	list_for_each(item, &client->replies) {
		struct request *request = list_entry(item, struct request, link);

		if (n + 2 > SEND_IOV)
			break;
		n = part_add(iov, n, request->head, request->head_len, &skip);
		n = part_add(iov, n, request->data, request->data_len, &skip);
	}
	return n;
}

static void replies_sent(struct client *client, size_t n)
{
	size_t out = client->out_len - client->out_at;

	if (out > n)
		out = n;
	client->out_at += out;
	client->reply_at += n - out;
	while (!list_empty(&client->replies)) {
		struct request *request = list_entry(client->replies.next, struct request, link);
		size_t len = request->head_len + request->data_len;

		if (client->reply_at < len)
			break;
		client->reply_at -= len;
		list_remove(&request->link);
		request_drop(client, request);
	}
}

/* Sends until nothing is left or the socket is full. */
static void client_send(struct client *client)
{
	struct iovec iov[SEND_IOV];
	struct msghdr msg = { .msg_iov = iov };

	while (!client->stuffed && (msg.msg_iovlen = replies_gather(client, iov))) {
		ssize_t n = sendmsg(client->watch.fd, &msg, MSG_NOSIGNAL);

		if (n >= 0) {
			replies_sent(client, (size_t)n);
		} else if (errno == EAGAIN) {
			client->stuffed = true;
		} else if (errno != EINTR) {
			client_cut(client);
			return;
		}
	}
}

/* ---- the stream */

static size_t in_left(const struct client *client)
{
	return client->in_len - client->in_at;
}

static bool out_left(const struct client *client)
{
	return client->out_at < client->out_len || !list_empty(&client->replies);
}

static bool room_for(const struct client *client, uint32_t length)
{
	if (client->requests >= CLIENT_REQUESTS_MAX ||
	    queue_is_long(&client->nbd->unit->queue))
		return false;
	return !client->bytes || client->bytes + length <= CLIENT_BYTES_MAX;
}

static enum request_kind kind_of(uint16_t type)
{
	switch (type) {
	case NBD_CMD_WRITE:
		return REQUEST_WRITE;
	case NBD_CMD_FLUSH:
		return REQUEST_FLUSH;
	case NBD_CMD_TRIM:
		return REQUEST_TRIM;
	case NBD_CMD_WRITE_ZEROES:
		return REQUEST_ZERO;
	default:
		return REQUEST_READ;
	}
}

static void request_begin(struct client *client, const struct nbd_request *got, uint32_t buffer)
{
	bool structured = client->handshake.structured;
	int error = nbd_request_check(got, &client->nbd->export, structured);
	struct request *request = pool_get(&client->nbd->pool, error ? 0 : buffer);

	if (!request && !error) {
		error = -ENOMEM;
		request = pool_get(&client->nbd->pool, 0);
	}
	if (!request) {
		client_cut(client);
		return;
	}
	client->requests++;
	client->bytes += request->room;
	request->kind = kind_of(got->type);
	request->offset = got->offset;
	request->length = got->length;
	request->fua = got->flags & NBD_CMD_FLAG_FUA;
	request->no_hole = got->flags & NBD_CMD_FLAG_NO_HOLE;
	request->cookie = got->cookie;
	request->done = request_done;
	request->ctx = client;
	if (error) {
		client->skip = nbd_request_payload(got);
		/* Only a READ is answered in chunks, also when it failed. */
		if (got->type != NBD_CMD_READ)
			request->kind = REQUEST_FLUSH;
		client_answer(client, request, error);
	} else if (request->kind == REQUEST_WRITE) {
		client->filling = request;
		client->filled = 0;
	} else {
		request_run(request, client->nbd->unit);
	}
}

/* False: more bytes or more room are needed first. */
static bool header_take(struct client *client)
{
	struct nbd_request got;
	uint32_t buffer;

	if (in_left(client) < NBD_REQUEST_LEN)
		return false;
	if (nbd_request_get(client->in + client->in_at, &got) < 0 ||
	    nbd_request_payload(&got) > NBD_PAYLOAD_MAX) {
		client_cut(client);
		return false;
	}
	if (got.type == NBD_CMD_DISC) {
		client_leave(client);
		return false;
	}
	buffer = got.type == NBD_CMD_READ || got.type == NBD_CMD_WRITE ? got.length : 0;
	if (!room_for(client, buffer))
		return false;
	client->in_at += NBD_REQUEST_LEN;
	request_begin(client, &got, buffer);
	return true;
}

static void payload_added(struct client *client, size_t n)
{
	struct request *request = client->filling;

	client->filled += (uint32_t)n;
	if (client->filled < request->length)
		return;
	client->filling = NULL;
	request_run(request, client->nbd->unit);
}

static bool payload_take(struct client *client)
{
	size_t n = client->filling->length - client->filled;

	if (n > in_left(client))
		n = in_left(client);
	memcpy(client->filling->data + client->filled, client->in + client->in_at, n);
	client->in_at += n;
	payload_added(client, n);
	return n > 0;
}

static bool skip_take(struct client *client)
{
	size_t n = client->skip < in_left(client) ? client->skip : in_left(client);

	client->skip -= (uint32_t)n;
	client->in_at += n;
	return n > 0;
}

static bool handshake_take(struct client *client)
{
	size_t used;

	/* One answer at a time: a client that does not read them is not read from. */
	if (client->out_at < client->out_len)
		return false;
	client->out_at = 0;
	used = handshake_step(&client->handshake, client->in + client->in_at, in_left(client),
			      client->out, &client->out_len);
	client->in_at += used;
	switch (client->handshake.state) {
	case HANDSHAKE_FLAGS:
	case HANDSHAKE_OPTIONS:
		break;
	case HANDSHAKE_TRANSMISSION:
		timer_clear(&client->patience);
		client->state = CLIENT_SERVING;
		break;
	case HANDSHAKE_END:
		client_leave(client);
		break;
	}
	client_send(client);
	return used > 0;
}

static bool client_step(struct client *client)
{
	switch (client->state) {
	case CLIENT_NEGOTIATING:
		return handshake_take(client);
	case CLIENT_SERVING:
		if (client->filling)
			return payload_take(client);
		if (client->skip)
			return skip_take(client);
		return header_take(client);
	case CLIENT_LEAVING:
	case CLIENT_CUT:
		break;
	}
	return false;
}

/* Takes all of what was read that can be taken now, and makes room behind the rest. */
static void client_take(struct client *client)
{
	while (client_step(client))
		;
	memmove(client->in, client->in + client->in_at, in_left(client));
	client->in_len = in_left(client);
	client->in_at = 0;
}

/* True if bytes that come now can be put to use. After client_take a whole header left over
 * means that a limit was met. */
static bool client_hungry(const struct client *client)
{
	switch (client->state) {
	case CLIENT_NEGOTIATING:
		return client->out_at == client->out_len;
	case CLIENT_SERVING:
		return client->filling || client->skip || client->in_len < NBD_REQUEST_LEN;
	case CLIENT_LEAVING:
	case CLIENT_CUT:
		break;
	}
	return false;
}

static void client_settle(struct client *client)
{
	unsigned events = 0;

	if (client->state == CLIENT_LEAVING && !client->requests && !out_left(client))
		client_cut(client);
	if (client->state == CLIENT_CUT)
		return;
	if (client_hungry(client))
		events |= EPOLLIN;
	if (client->stuffed)
		events |= EPOLLOUT;
	if (watch_set(&client->watch, events) < 0)
		client_cut(client);
}

/* Payload goes straight to its place; only headers, and payload that came along with them, pass
 * through the client's own buffer. Returns false when there is nothing more to read for now. */
static bool client_read(struct client *client)
{
	struct request *filling = client->filling;
	size_t want = filling ? filling->length - client->filled : 0;
	struct iovec iov[2] = {
		{ .iov_base = filling ? filling->data + client->filled : NULL, .iov_len = want },
		{ .iov_base = client->in + client->in_len,
		  .iov_len = sizeof client->in - client->in_len },
	};
	ssize_t n = readv(client->watch.fd, want ? iov : iov + 1, want ? 2 : 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0) {
		client_cut(client);
		return false;
	}
	if (n == 0) {
		client_leave(client);
		return false;
	}
	if ((size_t)n > want)
		client->in_len += (size_t)n - want;
	if (want)
		payload_added(client, (size_t)n < want ? (size_t)n : want);
	client_take(client);
	return (size_t)n == want + iov[1].iov_len;
}

static void client_ready(struct watch *watch, unsigned events)
{
	struct client *client = list_entry(watch, struct client, watch);
	unsigned reads = READS_PER_ROUND;

	/* Both ways are shut: nobody is there to answer to. */
	if (events & (EPOLLHUP | EPOLLERR)) {
		client_cut(client);
		return;
	}
	if (events & EPOLLOUT) {
		client->stuffed = false;
		chore_schedule(client->nbd->unit->loop, &client->chore);
	}
	while (events & EPOLLIN && client_hungry(client) && reads--)
		if (!client_read(client))
			break;
	client_settle(client);
}

/* End of the round: send what was answered; that makes room for what had to wait. */
static void client_round(struct chore *chore)
{
	struct client *client = list_entry(chore, struct client, chore);

	if (client->state == CLIENT_CUT) {
		if (!client->requests)
			client_free(client);
		return;
	}
	client_send(client);
	client_take(client);
	client_settle(client);
}

static void patience_over(struct timer *timer, uint64_t now)
{
	(void)now;
	client_cut(list_entry(timer, struct client, patience));
}

/* A large answer that leaves in one piece wakes its reader once. Without privilege it is what the
 * machine allows. */
static void client_widen(int fd)
{
	int room = SEND_ROOM;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

int client_new(struct nbd *nbd, int fd)
{
	struct loop *loop = nbd->unit->loop;
	struct client *client = calloc(1, sizeof *client);
	int r;

	if (!client)
		return -ENOMEM;
	client->nbd = nbd;
	client->chore.run = client_round;
	client->patience.expired = patience_over;
	list_init(&client->replies);
	r = watch_add(loop, &client->watch, fd, EPOLLIN, client_ready);
	if (r < 0) {
		free(client);
		return r;
	}
	client_widen(fd);
	client->out_len = handshake_init(&client->handshake, &nbd->export, client->out);
	timer_set(loop, &client->patience, loop_now(loop) + HANDSHAKE_PATIENCE);
	list_append(&nbd->clients, &client->link);
	/* The greeting leaves with the round. */
	chore_schedule(loop, &client->chore);
	return 0;
}
