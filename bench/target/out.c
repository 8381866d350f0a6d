/* out.c - what a connection has to send: see struct out in lean.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lean.h"
#include "proto/digest.h"

enum { HEAD_MAX = PDU_BHS_LEN + DIGEST_LEN, TAIL_MAX = 3 + DIGEST_LEN };

/* One PDU: header, data of the null medium in pieces of LEAN_RECV, tail. */
enum { IOV_PDU = 2 + LEAN_PDU_MAX / LEAN_RECV };

bool out_room(const struct conn *conn)
{
	const struct out *out = conn->out;

	/* A write may be answered by several R2Ts: 64 more headers. */
	return !out || (out->count + IOV_PDU <= OUT_IOV &&
			out->used + (HEAD_MAX + TAIL_MAX) * 64 + LEAN_ECHO_MAX <= OUT_BYTES);
}

static struct out *out_take(struct conn *conn)
{
	struct worker *worker = conn->worker;
	struct out *out = worker->free_outs;

	if (out)
		worker->free_outs = out->next;
	else
		out = malloc(sizeof(*out));
	if (!out)
		return NULL;
	out->first = out->count = 0;
	out->used = 0;
	return conn->out = out;
}

void out_drop(struct conn *conn)
{
	if (!conn->out)
		return;
	conn->out->next = conn->worker->free_outs;
	conn->worker->free_outs = conn->out;
	conn->out = NULL;
}

static void out_lend(struct out *out, const void *data, size_t len)
{
	out->iov[out->count++] = (struct iovec){ (void *)(uintptr_t)data, len };
}

static void out_copy(struct out *out, const void *data, size_t len)
{
	uint8_t *to = out->bytes + out->used;
	struct iovec *last = out->count > out->first ? &out->iov[out->count - 1] : NULL;

	memcpy(to, data, len);
	out->used += len;
	if (last && (uint8_t *)last->iov_base + last->iov_len == to)
		last->iov_len += len;
	else
		out_lend(out, to, len);
}

/* The null medium's data is always the same, so its digest is computed once for a length. */
static uint32_t null_crc(struct worker *worker, size_t len)
{
	uint32_t crc = digest_start();

	if (worker->null_crc_len == len)
		return worker->null_crc;
	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < LEAN_RECV ? len - at : LEAN_RECV;
		crc = digest_add(crc, worker->lean->null_data, n);
	}
	worker->null_crc_len = (uint32_t)len;
	worker->null_crc = crc;
	return crc;
}

static void out_data(struct conn *conn, const void *data, size_t len, bool copy)
{
	static const uint8_t zeros[4];
	struct worker *worker = conn->worker;
	struct out *out = conn->out;
	uint8_t wire[DIGEST_LEN];
	uint32_t crc;

	if (data && copy)
		out_copy(out, data, len);
	else if (data)
		out_lend(out, data, len);
	else
		for (size_t at = 0; at < len; at += LEAN_RECV)
			out_lend(out, worker->lean->null_data,
				 len - at < LEAN_RECV ? len - at : LEAN_RECV);
	if (pdu_pad(len))
		out_copy(out, zeros, pdu_pad(len));
	if (!conn->data_digest)
		return;
	crc = data ? digest_add(digest_start(), data, len) : null_crc(worker, len);
	crc = digest_add(crc, zeros, pdu_pad(len));
	digest_put(wire, digest_finish(crc));
	out_copy(out, wire, sizeof(wire));
}

int out_put(struct conn *conn, const uint8_t bhs[PDU_BHS_LEN], const void *data, size_t len,
	    bool copy)
{
	uint8_t wire[DIGEST_LEN];

	if (!conn->out && !out_take(conn))
		return -ENOMEM;
	out_copy(conn->out, bhs, PDU_BHS_LEN);
	if (conn->header_digest) {
		digest_put(wire, digest_of(bhs, PDU_BHS_LEN));
		out_copy(conn->out, wire, sizeof(wire));
	}
	if (len)
		out_data(conn, data, len, copy);
	worker_count(conn->worker, COUNT_PDUS_OUT, 1);
	return 0;
}

static void out_sent(struct out *out, size_t sent)
{
	while (sent) {
		struct iovec *iov = &out->iov[out->first];

		if (sent < iov->iov_len) {
			iov->iov_base = (uint8_t *)iov->iov_base + sent;
			iov->iov_len -= sent;
			return;
		}
		sent -= iov->iov_len;
		out->first++;
	}
}

int out_flush(struct conn *conn)
{
	struct out *out = conn->out;

	while (out && out->first < out->count) {
		struct msghdr msg = {
			.msg_iov = out->iov + out->first, .msg_iovlen = out->count - out->first,
		};
		ssize_t sent = sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		worker_count(conn->worker, COUNT_SENDS, 1);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		worker_count(conn->worker, COUNT_BYTES_OUT, (uint64_t)sent);
		out_sent(out, (size_t)sent);
	}
	out_drop(conn);
	return 0;
}
