/*
 * load_uring.c - the bare exchange of load_socket.c by io_uring: one call of the system for a round,
 * in which requests leave and answers come. Against `load_socket --serve`.
 *
 * Ways: `plain` reads straight to the answers' places; `multishot` asks once, and the kernel puts what
 * comes into buffers of a ring, from where it is copied; `zerocopy` sends without a copy.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "exchange.h"

enum { ENTRIES = 64, BUFFERS = 16, BUFFER = 256 * 1024, GROUP = 1 };
enum { OF_SEND = 1, OF_READ };

/* Requests of slots that wait until those before them have left, for they leave in order. */
static struct {
	struct io_uring ring;
	struct io_uring_buf_ring *buffers; /* NULL: not multishot */
	uint8_t *memory;                   /* of the buffers */
	bool zero_copy;
	bool sending, reading;
	unsigned from, waiting;            /* slots whose requests wait */
	struct msghdr msg;
	struct iovec *out;                 /* of the send under way */
	unsigned landed;                   /* answers complete */
	bool gone;
} uring;

static bool begin(struct exchange *e)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SINGLE_ISSUER |
						   IORING_SETUP_DEFER_TASKRUN };
	int r = io_uring_queue_init_params(ENTRIES, &uring.ring, &params);

	if (r < 0)
		load_fail("io_uring: %s", strerror(-r));
	uring.out = calloc(2 * (size_t)e->depth, sizeof(*uring.out));
	return uring.out;
}

static bool begin_zero_copy(struct exchange *e)
{
	uring.zero_copy = true;
	return begin(e);
}

static void buffer_give(unsigned id)
{
	io_uring_buf_ring_add(uring.buffers, uring.memory + (size_t)id * BUFFER, BUFFER,
			      (unsigned short)id, io_uring_buf_ring_mask(BUFFERS), 0);
	io_uring_buf_ring_advance(uring.buffers, 1);
}

static bool begin_multishot(struct exchange *e)
{
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS, .bgid = GROUP };
	int r;

	if (!begin(e))
		return false;
	uring.memory = aligned_alloc(4096, (size_t)BUFFERS * BUFFER);
	uring.buffers = aligned_alloc(4096, 4096);
	if (!uring.memory || !uring.buffers)
		load_fail("no memory");
	io_uring_buf_ring_init(uring.buffers);
	reg.ring_addr = (uint64_t)(uintptr_t)uring.buffers;
	r = io_uring_register_buf_ring(&uring.ring, &reg, 0);
	if (r < 0)
		load_fail("io_uring, a ring of buffers: %s", strerror(-r));
	for (unsigned i = 0; i < BUFFERS; i++)
		buffer_give(i);
	return true;
}

static struct io_uring_sqe *entry(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring.ring);

	if (!sqe)
		load_fail("io_uring: the queue is full");
	return sqe;
}

/* ---------------------------------------------------------------- requests leave */

static void send_next(struct exchange *e)
{
	unsigned n = exchange_ask(e, uring.from, uring.waiting);
	struct io_uring_sqe *sqe = entry();

	memcpy(uring.out, e->out, n * sizeof(*uring.out));
	uring.msg = (struct msghdr){ .msg_iov = uring.out, .msg_iovlen = n };
	if (uring.zero_copy)
		io_uring_prep_sendmsg_zc(sqe, e->fd, &uring.msg, MSG_WAITALL | MSG_NOSIGNAL);
	else
		io_uring_prep_sendmsg(sqe, e->fd, &uring.msg, MSG_WAITALL | MSG_NOSIGNAL);
	io_uring_sqe_set_data64(sqe, OF_SEND);
	uring.sending = true;
	uring.waiting = 0;
}

static bool give(struct exchange *e, unsigned from, unsigned count)
{
	if (!uring.waiting)
		uring.from = from;
	uring.waiting += count;
	if (!uring.sending)
		send_next(e);
	return true;
}

static void sent(struct exchange *e, const struct io_uring_cqe *cqe)
{
	if (cqe->flags & IORING_CQE_F_NOTIF)
		return; /* the memory comes back; the load does not change it */
	uring.gone |= cqe->res <= 0;
	uring.sending = false;
	if (uring.waiting)
		send_next(e);
}

/* ---------------------------------------------------------------- answers come */

static void read_next(struct exchange *e, unsigned under_way)
{
	struct io_uring_sqe *sqe = entry();
	struct iovec *iov;
	unsigned n;

	if (uring.buffers) {
		io_uring_prep_recv_multishot(sqe, e->fd, NULL, 0, 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = GROUP;
	} else {
		n = exchange_room(e, under_way, &iov);
		io_uring_prep_readv(sqe, e->fd, iov, n, 0);
	}
	io_uring_sqe_set_data64(sqe, OF_READ);
	uring.reading = true;
}

/* From a buffer to the answers' places. */
static void scatter(struct exchange *e, const uint8_t *p, size_t left)
{
	size_t got = e->got;
	unsigned slot = e->next + uring.landed;

	while (left) {
		bool header = got < EXCHANGE_HEADER;
		size_t end = header ? EXCHANGE_HEADER : EXCHANGE_HEADER + (size_t)e->size;
		size_t n = left < end - got ? left : end - got;
		uint8_t *to = header ? (uint8_t *)&e->answer[slot % e->depth] + got :
			e->data + (size_t)(slot % e->depth) * e->size + got - EXCHANGE_HEADER;

		memcpy(to, p, n);
		p += n;
		left -= n;
		got += n;
		if (got == EXCHANGE_HEADER + (e->write ? 0 : (size_t)e->size)) {
			got = 0;
			slot++;
		}
	}
}

static void came(struct exchange *e, const struct io_uring_cqe *cqe)
{
	bool more = cqe->flags & IORING_CQE_F_MORE;
	unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

	uring.reading = more;
	if (cqe->res == -ENOBUFS)
		return;
	uring.gone |= cqe->res <= 0;
	if (cqe->res <= 0)
		return;
	if (uring.buffers) {
		scatter(e, uring.memory + (size_t)id * BUFFER, (size_t)cqe->res);
		buffer_give(id);
	}
	uring.landed += exchange_landed(e, (size_t)cqe->res);
}

static bool take(struct exchange *e, unsigned under_way, unsigned *ret)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;
	int r;

	uring.landed = 0;
	if (!uring.reading)
		read_next(e, under_way);
	do
		r = io_uring_submit_and_wait(&uring.ring, 1);
	while (r == -EINTR);
	if (r < 0)
		load_fail("io_uring: %s", strerror(-r));
	io_uring_for_each_cqe(&uring.ring, head, cqe) {
		if (cqe->user_data == OF_SEND)
			sent(e, cqe);
		else
			came(e, cqe);
		n++;
	}
	io_uring_cq_advance(&uring.ring, n);
	*ret = uring.landed;
	return !uring.gone;
}

static const struct exchange_way ways[] = {
	{ "plain", begin, give, take },
	{ "multishot", begin_multishot, give, take },
	{ "zerocopy", begin_zero_copy, give, take },
};

int main(int argc, char **argv)
{
	static struct load load;

	load_init(&load, argc, argv);
	return exchange_run(&load, ways, sizeof(ways) / sizeof(*ways));
}
