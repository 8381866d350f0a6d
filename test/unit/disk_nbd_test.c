/*
 * disk_nbd_test.c - NBD: negotiation and requests as bytes, hostile ones included; and a disk in
 * memory served on a socket to several clients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "disk/disk.h"
#include "disk/client.h"
#include "disk_fake.h"
#include "scsi/cdb.h"

#define OPTION_MAGIC UINT64_C(0x49484156454f5054)
#define OPTION_REPLY_MAGIC UINT64_C(0x0003e889045565a9)
#define REQUEST_MAGIC UINT32_C(0x25609513)
#define ERR(n) (UINT32_C(1) << 31 | (n))

enum { MIB = 1 << 20, SIZE = 4 * MIB };

static const struct export export = {
	.size = SIZE,
	.flags = NBD_HAS_FLAGS | NBD_SEND_FLUSH | NBD_SEND_FUA | NBD_SEND_TRIM |
		 NBD_SEND_WRITE_ZEROES,
	.block_min = 512, .block_preferred = 4096, .block_max = NBD_PAYLOAD_MAX,
};

/* ---------------------------------------------------------------- negotiation as bytes */

static size_t option_put(uint8_t *p, uint32_t option, const void *data, uint32_t len)
{
	bytes_put64(p, OPTION_MAGIC);
	bytes_put32(p + 8, option);
	bytes_put32(p + 12, len);
	if (len)
		memcpy(p + 16, data, len);
	return 16 + len;
}

/* A handshake whose client flags were taken. */
static void handshake_begin(struct handshake *h, uint32_t flags)
{
	uint8_t out[HANDSHAKE_OUT_MAX], in[4];
	size_t n;

	assert_int_equal(handshake_init(h, &export, out), 18);
	assert_memory_equal(out, "NBDMAGICIHAVEOPT\0\3", 18);
	bytes_put32(in, flags);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(handshake_step(h, in, i, out, &n), 0);
	assert_int_equal(handshake_step(h, in, 4, out, &n), 4);
	assert_int_equal(n, 0);
}

/* Takes the one option, first in every shorter length, which must change nothing. */
static size_t option_take(struct handshake *h, uint32_t option, const void *data, uint32_t len,
			  uint8_t *out)
{
	uint8_t *in = malloc(16 + len);
	size_t n = option_put(in, option, data, len), out_len;
	enum handshake_state before = h->state;

	for (size_t i = 0; i < n; i++) {
		uint8_t *exact = malloc(i ? i : 1); /* so that the sanitizer sees a read past it */

		memcpy(exact, in, i);
		assert_int_equal(handshake_step(h, exact, i, out, &out_len), 0);
		assert_int_equal(out_len, 0);
		assert_int_equal(h->state, before);
		free(exact);
	}
	assert_int_equal(handshake_step(h, in, n, out, &out_len), n);
	free(in);
	return out_len;
}

static uint32_t reply_type(const uint8_t *out, uint32_t option)
{
	assert_true(bytes_get64(out) == OPTION_REPLY_MAGIC);
	assert_int_equal(bytes_get32(out + 8), option);
	return bytes_get32(out + 12);
}

static void test_go(void **state)
{
	static const uint8_t wish[] = { 0, 0, 0, 0, 0, 1, 0, 3 };
	uint8_t out[HANDSHAKE_OUT_MAX];
	struct handshake h;

	(void)state;
	handshake_begin(&h, 3);
	assert_int_equal(option_take(&h, 8, NULL, 0, out), 20);
	assert_int_equal(reply_type(out, 8), 1);
	assert_int_equal(h.structured, true);
	/* INFO answers as GO does, and goes nowhere. */
	assert_int_equal(option_take(&h, 6, wish, sizeof wish, out), 32 + 34 + 20);
	assert_int_equal(h.state, HANDSHAKE_OPTIONS);
	assert_int_equal(option_take(&h, 7, wish, sizeof wish, out), 32 + 34 + 20);
	assert_int_equal(h.state, HANDSHAKE_TRANSMISSION);
	assert_int_equal(reply_type(out, 7), 3);
	assert_int_equal(bytes_get16(out + 20), 0);
	assert_int_equal(bytes_get64(out + 22), SIZE);
	assert_int_equal(bytes_get16(out + 30), export.flags | NBD_SEND_DF);
	assert_int_equal(reply_type(out + 32, 7), 3);
	assert_int_equal(bytes_get16(out + 52), 3);
	assert_int_equal(bytes_get32(out + 54), 512);
	assert_int_equal(bytes_get32(out + 58), 4096);
	assert_int_equal(bytes_get32(out + 62), NBD_PAYLOAD_MAX);
	assert_int_equal(reply_type(out + 66, 7), 1);
}

static void test_export_name(void **state)
{
	uint8_t out[HANDSHAKE_OUT_MAX];
	struct handshake h;

	(void)state;
	handshake_begin(&h, 3);
	assert_int_equal(option_take(&h, 1, NULL, 0, out), 10);
	assert_int_equal(h.state, HANDSHAKE_TRANSMISSION);
	assert_int_equal(bytes_get64(out), SIZE);
	assert_int_equal(bytes_get16(out + 8), export.flags);
	/* A client of the old kind: no flags, and zeros after. */
	handshake_begin(&h, 0);
	assert_int_equal(option_take(&h, 1, NULL, 0, out), 134);
	assert_int_equal(h.state, HANDSHAKE_TRANSMISSION);
	handshake_begin(&h, 3);
	assert_int_equal(option_take(&h, 1, "other", 5, out), 0);
	assert_int_equal(h.state, HANDSHAKE_END);
}

static void test_list_and_abort(void **state)
{
	uint8_t out[HANDSHAKE_OUT_MAX];
	struct handshake h;

	(void)state;
	handshake_begin(&h, 1);
	assert_int_equal(option_take(&h, 3, NULL, 0, out), 24 + 20);
	assert_int_equal(reply_type(out, 3), 2);
	assert_int_equal(bytes_get32(out + 16), 4);
	assert_int_equal(bytes_get32(out + 20), 0);
	assert_int_equal(reply_type(out + 24, 3), 1);
	assert_int_equal(option_take(&h, 2, NULL, 0, out), 20);
	assert_int_equal(reply_type(out, 2), 1);
	assert_int_equal(h.state, HANDSHAKE_END);
}

static void test_options_refused(void **state)
{
	static const uint8_t name[] = { 0, 0, 0, 1, 'x', 0, 0 };
	static const struct { uint32_t option; const void *data; uint32_t len, error; } rows[] = {
		{ 5, NULL, 0, ERR(1) },         /* STARTTLS */
		{ 9, "abc", 3, ERR(1) },        /* meta contexts */
		{ 77777, NULL, 0, ERR(1) },
		{ 3, "x", 1, ERR(3) },          /* LIST with data */
		{ 8, "x", 1, ERR(3) },
		{ 7, NULL, 0, ERR(3) },
		{ 7, "\0\0\0\0\0", 5, ERR(3) },
		{ 7, "\0\0\0\1\0\0", 6, ERR(3) },           /* name beyond the end */
		{ 7, "\xff\xff\xff\xff\0\0", 6, ERR(3) },
		{ 7, "\0\0\0\0\0\1", 6, ERR(3) },           /* wishes beyond the end */
		{ 7, "\0\0\0\0\0\0\0", 7, ERR(3) },         /* something behind */
		{ 7, name, sizeof name, ERR(6) },
		{ 6, name, sizeof name, ERR(6) },
	};
	uint8_t out[HANDSHAKE_OUT_MAX];
	struct handshake h;

	(void)state;
	handshake_begin(&h, 3);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(option_take(&h, rows[i].option, rows[i].data, rows[i].len, out),
				 20);
		assert_int_equal(reply_type(out, rows[i].option), rows[i].error);
		assert_int_equal(h.state, HANDSHAKE_OPTIONS);
	}
	/* Twice. */
	option_take(&h, 8, NULL, 0, out);
	option_take(&h, 8, NULL, 0, out);
	assert_int_equal(reply_type(out, 8), ERR(3));
}

static void test_handshake_hostile(void **state)
{
	uint8_t in[16], out[HANDSHAKE_OUT_MAX];
	struct handshake h;
	size_t n;

	(void)state;
	handshake_begin(&h, 4); /* flags that do not exist */
	assert_int_equal(h.state, HANDSHAKE_END);
	/* An option longer than anything: refused by its header alone. */
	handshake_begin(&h, 3);
	option_put(in, 7, NULL, 0);
	bytes_put32(in + 12, UINT32_MAX);
	assert_int_equal(handshake_step(&h, in, 16, out, &n), 16);
	assert_int_equal(reply_type(out, 7), ERR(9));
	assert_int_equal(h.state, HANDSHAKE_END);
	/* Wrong magic. */
	handshake_begin(&h, 3);
	option_put(in, 7, NULL, 0);
	in[3] ^= 1;
	assert_int_equal(handshake_step(&h, in, 16, out, &n), 16);
	assert_int_equal(n, 0);
	assert_int_equal(h.state, HANDSHAKE_END);
	/* An option that needs the fixed negotiation, from a client without. */
	handshake_begin(&h, 0);
	option_put(in, 7, NULL, 0);
	assert_int_equal(handshake_step(&h, in, 16, out, &n), 16);
	assert_int_equal(h.state, HANDSHAKE_END);
}

/* The longest option that is read is also answered. */
static void test_longest_option(void **state)
{
	uint8_t *in = calloc(1, HANDSHAKE_IN_MAX), out[HANDSHAKE_OUT_MAX];
	struct handshake h;
	size_t n;

	(void)state;
	handshake_begin(&h, 3);
	option_put(in, 99, NULL, 0);
	bytes_put32(in + 12, HANDSHAKE_IN_MAX - 16);
	assert_int_equal(handshake_step(&h, in, HANDSHAKE_IN_MAX - 1, out, &n), 0);
	assert_int_equal(handshake_step(&h, in, HANDSHAKE_IN_MAX, out, &n), HANDSHAKE_IN_MAX);
	assert_int_equal(reply_type(out, 99), ERR(1));
	free(in);
}

/* ---------------------------------------------------------------- requests as bytes */

static size_t request_put(uint8_t *p, uint16_t flags, uint16_t type, uint64_t cookie,
			  uint64_t offset, uint32_t length)
{
	bytes_put32(p, REQUEST_MAGIC);
	bytes_put16(p + 4, flags);
	bytes_put16(p + 6, type);
	bytes_put64(p + 8, cookie);
	bytes_put64(p + 16, offset);
	bytes_put32(p + 24, length);
	return NBD_REQUEST_LEN;
}

static void test_request_get(void **state)
{
	uint8_t in[NBD_REQUEST_LEN];
	struct nbd_request got;

	(void)state;
	request_put(in, 1, 1, 0x1122334455667788, 0x99aabbccddee, 4096);
	assert_int_equal(nbd_request_get(in, &got), 0);
	assert_int_equal(got.flags, 1);
	assert_int_equal(got.type, NBD_CMD_WRITE);
	assert_int_equal(got.cookie, 0x1122334455667788);
	assert_int_equal(got.offset, 0x99aabbccddee);
	assert_int_equal(got.length, 4096);
	assert_int_equal(nbd_request_payload(&got), 4096);
	in[0] ^= 0x80;
	assert_int_equal(nbd_request_get(in, &got), -EPROTO);
}

static void test_request_check(void **state)
{
	static const struct {
		struct nbd_request request;
		int plain, structured, read_only;
	} rows[] = {
		{ { 0, NBD_CMD_READ, 0, 0, 512 }, 0, 0, 0 },
		{ { 0, NBD_CMD_READ, 0, SIZE - 512, 512 }, 0, 0, 0 },
		{ { 1, NBD_CMD_READ, 0, 0, 512 }, 0, 0, 0 },
		{ { 4, NBD_CMD_READ, 0, 0, 512 }, -EINVAL, 0, -EINVAL },
		{ { 2, NBD_CMD_READ, 0, 0, 512 }, -EINVAL, -EINVAL, -EINVAL },
		{ { 0, NBD_CMD_READ, 0, 0, 0 }, -EINVAL, -EINVAL, -EINVAL },
		{ { 0, NBD_CMD_READ, 0, 0, 511 }, -EINVAL, -EINVAL, -EINVAL },
		{ { 0, NBD_CMD_READ, 0, 1, 512 }, -EINVAL, -EINVAL, -EINVAL },
		{ { 0, NBD_CMD_READ, 0, SIZE, 512 }, -EINVAL, -EINVAL, -EINVAL },
		{ { 0, NBD_CMD_READ, 0, UINT64_MAX - 511, 512 }, -EINVAL, -EINVAL, -EINVAL },
		{ { 0, NBD_CMD_WRITE, 0, SIZE - 512, 1024 }, -ENOSPC, -ENOSPC, -EPERM },
		{ { 1, NBD_CMD_WRITE, 0, 0, 1024 }, 0, 0, -EPERM },
		{ { 8, NBD_CMD_WRITE, 0, 0, 1024 }, -EINVAL, -EINVAL, -EINVAL },
		{ { 0, NBD_CMD_FLUSH, 0, 0, 0 }, 0, 0, 0 },
		{ { 0, NBD_CMD_FLUSH, 0, 512, 0 }, -EINVAL, -EINVAL, -EINVAL },
		{ { 0, NBD_CMD_FLUSH, 0, 0, 512 }, -EINVAL, -EINVAL, -EINVAL },
		{ { 0, NBD_CMD_TRIM, 0, 0, SIZE }, 0, 0, -EPERM },
		{ { 0, NBD_CMD_TRIM, 0, 512, SIZE }, -EINVAL, -EINVAL, -EPERM },
		{ { 3, NBD_CMD_WRITE_ZEROES, 0, 0, SIZE }, 0, 0, -EPERM },
		{ { 16, NBD_CMD_WRITE_ZEROES, 0, 0, SIZE }, -EINVAL, -EINVAL, -EINVAL },
		{ { 0, NBD_CMD_WRITE_ZEROES, 0, 512, SIZE }, -ENOSPC, -ENOSPC, -EPERM },
		{ { 0, 5, 0, 0, 512 }, -EINVAL, -EINVAL, -EINVAL }, /* CACHE */
		{ { 0, 7, 0, 0, 512 }, -EINVAL, -EINVAL, -EINVAL }, /* BLOCK_STATUS */
		{ { 0, 65535, 0, 0, 512 }, -EINVAL, -EINVAL, -EINVAL },
	};
	struct export read_only = export;

	(void)state;
	read_only.flags = NBD_HAS_FLAGS | NBD_READ_ONLY | NBD_SEND_FLUSH | NBD_SEND_FUA;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(nbd_request_check(&rows[i].request, &export, false),
				 rows[i].plain);
		assert_int_equal(nbd_request_check(&rows[i].request, &export, true),
				 rows[i].structured);
		assert_int_equal(nbd_request_check(&rows[i].request, &read_only, false),
				 rows[i].read_only);
	}
}

static void test_request_not_advertised(void **state)
{
	struct nbd_request trim = { .type = NBD_CMD_TRIM, .length = 512 };
	struct nbd_request zero = { .type = NBD_CMD_WRITE_ZEROES, .length = 512 };
	struct nbd_request huge = { .type = NBD_CMD_READ, .length = NBD_PAYLOAD_MAX + 512 };
	struct export plain = export;

	(void)state;
	plain.flags = NBD_HAS_FLAGS;
	plain.size = UINT64_C(1) << 40;
	assert_int_equal(nbd_request_check(&trim, &plain, false), -EINVAL);
	assert_int_equal(nbd_request_check(&zero, &plain, false), -EINVAL);
	assert_int_equal(nbd_request_check(&huge, &plain, false), -EOVERFLOW);
}

static void test_heads(void **state)
{
	uint8_t out[NBD_HEAD_MAX];

	(void)state;
	assert_int_equal(nbd_reply_put(out, 7, -ENOSPC), 16);
	assert_memory_equal(out, "\x67\x44\x66\x98\0\0\0\x1c\0\0\0\0\0\0\0\7", 16);
	/* An error that the protocol does not know. */
	nbd_reply_put(out, 7, -ENOMEDIUM);
	assert_int_equal(bytes_get32(out + 4), EIO);
	assert_int_equal(nbd_data_put(out, 7, 512, 1024), 28);
	assert_memory_equal(out, "\x66\x8e\x33\xef\0\1\0\1\0\0\0\0\0\0\0\7\0\0\4\x08"
			    "\0\0\0\0\0\0\2\0", 28);
	assert_int_equal(nbd_error_put(out, 7, -EIO), 26);
	assert_memory_equal(out, "\x66\x8e\x33\xef\0\1\x80\1\0\0\0\0\0\0\0\7\0\0\0\6"
			    "\0\0\0\5\0\0", 26);
}

/* ---------------------------------------------------------------- a disk on a socket */

struct bench {
	struct nexus *nexus;
	struct mailbox control;
	char path[100];
	struct disk *disk;
	bool ready, closed;
	bool told;
	unsigned changes;
};

static void disk_ready(void *ctx, struct disk *disk, const struct fault *fault)
{
	struct bench *bench = ctx;

	(void)disk;
	assert_int_equal(fault->kind, FAULT_NONE);
	bench->ready = true;
}

static void disk_changed(void *ctx, struct disk *disk, unsigned changes)
{
	struct bench *bench = ctx;

	(void)disk;
	bench->changes |= changes;
	bench->told = true;
}

static void disk_closed(void *ctx)
{
	struct bench *bench = ctx;

	bench->closed = true;
}

static int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	struct disk_config config = {
		.control = &bench->control, .socket_path = bench->path, .socket_mode = 0600,
		.socket_gid = (gid_t)-1, .changed = disk_changed,
	};

	bench->nexus = config.nexus = fake_new(SIZE / 512, 512);
	snprintf(bench->path, sizeof bench->path, "/tmp/disk_nbd_test.%d.nbd", (int)getpid());
	assert_int_equal(mailbox_init(&bench->control), 0);
	assert_int_equal(disk_open(&config, disk_ready, bench, &bench->disk), 0);
	assert_true(fake_control(&bench->control, &bench->ready));
	fake_forget(bench->nexus);
	*state = bench;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *bench = *state;

	if (!bench->closed) {
		disk_close(bench->disk, disk_closed, bench);
		assert_true(fake_control(&bench->control, &bench->closed));
	}
	fake_free(bench->nexus);
	mailbox_done(&bench->control);
	assert_int_equal(access(bench->path, F_OK), -1);
	free(bench);
	return 0;
}

static int client_connect(struct bench *bench)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, bench->path);
	assert_int_equal(connect(fd, (void *)&address, sizeof address), 0);
	return fd;
}

static void read_all(int fd, void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = read(fd, (char *)data + at, len - at);

		assert_true(n > 0);
		at += (size_t)n;
	}
}

static void write_all(int fd, const void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, (const char *)data + at, len - at);

		assert_true(n > 0);
		at += (size_t)n;
	}
}

static bool at_end(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&pollfd, 1, 5000) == 1 && read(fd, &byte, 1) <= 0;
}

/* Connected and negotiated, byte by byte. */
static int client_open(struct bench *bench, bool structured)
{
	uint8_t out[200], in[200];
	size_t n = 4;
	int fd = client_connect(bench);

	read_all(fd, in, 18);
	bytes_put32(out, 3);
	if (structured)
		n += option_put(out + n, 8, NULL, 0);
	n += option_put(out + n, 1, NULL, 0);
	for (size_t i = 0; i < n; i++)
		write_all(fd, out + i, 1);
	read_all(fd, in, structured ? 30 : 10);
	assert_int_equal(bytes_get64(in + (structured ? 20 : 0)), SIZE);
	return fd;
}

static void send_request(int fd, uint16_t flags, uint16_t type, uint64_t cookie, uint64_t offset,
			 uint32_t length)
{
	uint8_t out[NBD_REQUEST_LEN];

	write_all(fd, out, request_put(out, flags, type, cookie, offset, length));
}

static uint32_t take_reply(int fd, uint64_t cookie)
{
	uint8_t in[16];

	read_all(fd, in, 16);
	assert_true(bytes_get32(in) == 0x67446698);
	assert_int_equal(bytes_get64(in + 8), cookie);
	return bytes_get32(in + 4);
}

static uint8_t *pattern_new(size_t len)
{
	uint8_t *data = malloc(len);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 31 + i / 512);
	return data;
}

static void test_serve(void **state)
{
	struct bench *bench = *state;
	uint8_t *data = pattern_new(2 * MIB), *back = malloc(2 * MIB), head[28];
	int fd = client_open(bench, true);

	assert_true(disk_busy(bench->disk));
	send_request(fd, 0, NBD_CMD_WRITE, 1, 512, 2 * MIB);
	write_all(fd, data, 2 * MIB);
	assert_int_equal(take_reply(fd, 1), 0);
	send_request(fd, 0, NBD_CMD_READ, 2, 512, 2 * MIB);
	read_all(fd, head, 28);
	assert_int_equal(bytes_get32(head + 16), 2 * MIB + 8);
	read_all(fd, back, 2 * MIB);
	assert_memory_equal(data, back, 2 * MIB);
	/* A failed READ, and a failed WRITE whose payload is skipped. */
	send_request(fd, 0, NBD_CMD_READ, 3, SIZE, 512);
	read_all(fd, head, 26);
	assert_int_equal(bytes_get16(head + 6), 0x8001);
	assert_int_equal(bytes_get32(head + 20), EINVAL);
	send_request(fd, 0, NBD_CMD_WRITE, 4, SIZE, 2 * MIB);
	write_all(fd, data, 2 * MIB);
	assert_int_equal(take_reply(fd, 4), ENOSPC);
	send_request(fd, 0, NBD_CMD_FLUSH, 5, 0, 0);
	assert_int_equal(take_reply(fd, 5), 0);
	assert_memory_equal(fake_durable(bench->nexus) + 512, data, 2 * MIB);
	send_request(fd, 0, NBD_CMD_TRIM, 6, 0, SIZE);
	assert_int_equal(take_reply(fd, 6), 0);
	assert_int_equal(fake_data(bench->nexus)[512 + 1], 0);
	send_request(fd, 0, NBD_CMD_DISC, 7, 0, 0);
	assert_true(at_end(fd));
	close(fd);
	free(data);
	free(back);
}

/* Whether this machine lets a Unix socket hold what the service wants to put there. */
static bool may_be_wide(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), room = MIB, got = 0;
	socklen_t len = sizeof got;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &len), 0);
	close(fd);
	return got >= 2 * MIB; /* the kernel doubles it, for its own share */
}

/* A large answer waits whole in the kernel for a client that does not read yet. */
static void test_large_answer_leaves_whole(void **state)
{
	struct bench *bench = *state;
	int fd = client_open(bench, false), waits = 0;
	uint8_t *back = malloc(MIB);
	bool wide = may_be_wide();

	send_request(fd, 0, NBD_CMD_READ, 1, 0, MIB);
	for (int i = 0; wide && i < 500 && waits < 16 + MIB; i++) {
		poll(NULL, 0, 10);
		assert_int_equal(ioctl(fd, FIONREAD, &waits), 0);
	}
	assert_int_equal(waits, wide ? 16 + MIB : 0);
	assert_int_equal(take_reply(fd, 1), 0);
	read_all(fd, back, MIB);
	close(fd);
	free(back);
}

/* Headers and payload cut at every place. */
static void test_byte_by_byte(void **state)
{
	struct bench *bench = *state;
	uint8_t *data = pattern_new(512), out[NBD_REQUEST_LEN + 512];
	int fd = client_open(bench, false);
	size_t n = request_put(out, 0, NBD_CMD_WRITE, 9, 0, 512);

	memcpy(out + n, data, 512);
	for (size_t i = 0; i < sizeof out; i++)
		write_all(fd, out + i, 1);
	assert_int_equal(take_reply(fd, 9), 0);
	assert_memory_equal(fake_data(bench->nexus), data, 512);
	close(fd);
	free(data);
}

/* Many small requests in one write, answered in whatever order. */
static void test_batch(void **state)
{
	enum { N = 500 };
	struct bench *bench = *state;
	uint8_t *out = malloc(N * NBD_REQUEST_LEN), back[16 + 512];
	bool seen[N] = { false };
	int fd = client_open(bench, false);

	for (unsigned i = 0; i < N; i++) {
		fake_data(bench->nexus)[i * 512] = (uint8_t)i;
		request_put(out + i * NBD_REQUEST_LEN, 0, NBD_CMD_READ, i, i * 512, 512);
	}
	fake_sync(bench->nexus);
	write_all(fd, out, N * NBD_REQUEST_LEN);
	for (unsigned i = 0; i < N; i++) {
		uint64_t cookie;

		read_all(fd, back, sizeof back);
		cookie = bytes_get64(back + 8);
		assert_in_range(cookie, 0, N - 1);
		assert_false(seen[cookie]);
		seen[cookie] = true;
		assert_int_equal(back[16], (uint8_t)cookie);
	}
	close(fd);
	free(out);
}

static void test_flush_across_clients(void **state)
{
	struct bench *bench = *state;
	uint8_t *data = pattern_new(512);
	int one = client_open(bench, false), two = client_open(bench, false);

	send_request(one, 0, NBD_CMD_WRITE, 1, 0, 512);
	write_all(one, data, 512);
	assert_int_equal(take_reply(one, 1), 0);
	send_request(two, 0, NBD_CMD_FLUSH, 1, 0, 0);
	assert_int_equal(take_reply(two, 1), 0);
	assert_memory_equal(fake_durable(bench->nexus), data, 512);
	close(one);
	close(two);
	free(data);
}

/* One who asks without end and never reads, one who never finishes: a third is served all the
 * same. */
static void test_slow_clients(void **state)
{
	struct bench *bench = *state;
	uint8_t out[NBD_REQUEST_LEN], back[512];
	int greedy = client_open(bench, false), silent = client_connect(bench);
	int half = client_open(bench, false), fd;
	struct disk_counters counters;
	unsigned sent = 0;

	request_put(out, 0, NBD_CMD_READ, 1, 0, MIB);
	while (send(greedy, out, sizeof out, MSG_DONTWAIT) == sizeof out && sent < 100000)
		sent++;
	send_request(half, 0, NBD_CMD_WRITE, 1, 0, MIB);
	fd = client_open(bench, false);
	send_request(fd, 0, NBD_CMD_READ, 1, 0, 512);
	assert_int_equal(take_reply(fd, 1), 0);
	read_all(fd, back, 512);
	disk_counters(bench->disk, &counters);
	assert_int_equal(counters.clients, 4);
	assert_in_range(counters.reads, 2, 40); /* 32 MiB, not all that were asked for */
	close(greedy);
	close(silent);
	close(half);
	close(fd);
}

static void test_hostile_stream(void **state)
{
	struct bench *bench = *state;
	uint8_t junk[NBD_REQUEST_LEN] = { 1, 2, 3 };
	int fd = client_open(bench, false);

	write_all(fd, junk, sizeof junk);
	assert_true(at_end(fd));
	close(fd);
	/* A payload beyond the limit. */
	fd = client_open(bench, false);
	send_request(fd, 0, NBD_CMD_WRITE, 1, 0, NBD_PAYLOAD_MAX + 1);
	assert_true(at_end(fd));
	close(fd);
	/* Lengths of almost 4 GiB, while others are under way. */
	fd = client_open(bench, false);
	send_request(fd, 0, NBD_CMD_TRIM, 1, 0, UINT32_MAX);
	assert_int_equal(take_reply(fd, 1), EINVAL);
	send_request(fd, 0, NBD_CMD_READ, 2, 0, UINT32_MAX);
	assert_int_equal(take_reply(fd, 2), EINVAL);
	close(fd);
}

static void wait_count(struct bench *bench, uint8_t opcode, unsigned n)
{
	for (unsigned i = 0; i < 5000 && fake_count(bench->nexus, opcode) < n; i++)
		usleep(1000);
	assert_int_equal(fake_count(bench->nexus, opcode), n);
}

static void test_gone_with_requests_under_way(void **state)
{
	struct bench *bench = *state;
	int fd = client_open(bench, false);

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_HOLD, .times = 3 });
	for (unsigned i = 0; i < 3; i++)
		send_request(fd, 0, NBD_CMD_READ, i, 0, 4096);
	wait_count(bench, CDB_READ_10, 3);
	close(fd);
	usleep(20000);
	assert_true(disk_busy(bench->disk));
	fake_release(bench->nexus);
	for (unsigned i = 0; i < 5000 && disk_busy(bench->disk); i++)
		usleep(1000);
	assert_false(disk_busy(bench->disk));
}

/* What was asked before the farewell is still answered. */
static void test_farewell_with_requests_under_way(void **state)
{
	struct bench *bench = *state;
	uint8_t back[512];
	int fd = client_open(bench, false);

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_HOLD, .times = 1 });
	send_request(fd, 0, NBD_CMD_READ, 5, 0, 512);
	send_request(fd, 0, NBD_CMD_DISC, 6, 0, 0);
	shutdown(fd, SHUT_WR);
	wait_count(bench, CDB_READ_10, 1);
	usleep(20000);
	fake_release(bench->nexus);
	assert_int_equal(take_reply(fd, 5), 0);
	read_all(fd, back, sizeof back);
	assert_true(at_end(fd));
	close(fd);
}

static void test_close_awaits_requests(void **state)
{
	struct bench *bench = *state;
	int fd = client_open(bench, false), idle = client_connect(bench);

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_HOLD, .times = 1 });
	send_request(fd, 0, NBD_CMD_READ, 1, 0, 512);
	wait_count(bench, CDB_READ_10, 1);
	disk_close(bench->disk, disk_closed, bench);
	assert_true(at_end(fd));
	for (unsigned i = 0; i < 20; i++) {
		usleep(1000);
		mailbox_run(&bench->control);
	}
	assert_false(bench->closed);
	assert_int_equal(access(bench->path, F_OK), -1);
	fake_release(bench->nexus);
	assert_true(fake_control(&bench->control, &bench->closed));
	close(fd);
	close(idle);
}

static void test_too_many_clients(void **state)
{
	struct bench *bench = *state;
	int fds[NBD_CLIENTS_MAX], fd;

	for (unsigned i = 0; i < NBD_CLIENTS_MAX; i++)
		fds[i] = client_open(bench, false);
	fd = client_connect(bench);
	assert_true(at_end(fd));
	close(fd);
	for (unsigned i = 0; i < NBD_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void test_lost_session_is_invisible(void **state)
{
	struct bench *bench = *state;
	uint8_t *data = pattern_new(512);
	struct disk_counters counters;
	int fd = client_open(bench, false);

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_WRITE_10, .kind = FAKE_LOST_UNRUN, .times = 2 });
	send_request(fd, NBD_CMD_FLAG_FUA, NBD_CMD_WRITE, 1, 1024, 512);
	write_all(fd, data, 512);
	assert_int_equal(take_reply(fd, 1), 0);
	assert_memory_equal(fake_durable(bench->nexus) + 1024, data, 512);
	disk_counters(bench->disk, &counters);
	assert_int_equal(counters.repeated, 2);
	assert_int_equal(counters.writes, 1);
	close(fd);
	free(data);
}

static uint64_t size_told(struct bench *bench)
{
	uint8_t out[20] = { 0 }, back[256];
	int fd = client_connect(bench);
	uint64_t size;

	/* NBD_OPT_EXPORT_NAME answers with size and flags alone. */
	read_all(fd, back, 18);
	bytes_put32(out, 3);
	bytes_put64(out + 4, OPTION_MAGIC);
	bytes_put32(out + 12, 1);
	write_all(fd, out, sizeof out);
	read_all(fd, back, 10);
	size = bytes_get64(back);
	close(fd);
	return size;
}

/* A command meets the attention; then new clients see the new size, and the connected ones meet an
 * error beyond the new end. */
static void test_capacity_changes_under_clients(void **state)
{
	struct bench *bench = *state;
	uint8_t block[512] = { 1 };
	int fd = client_open(bench, false);

	assert_int_equal(size_told(bench), SIZE);
	fake_resize(bench->nexus, SIZE / 1024);
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_SENSE, .times = 1,
		.key = 6, .asc = 0x2a, .ascq = 0x09 });
	send_request(fd, 0, NBD_CMD_READ, 1, 0, 512);
	assert_int_equal(take_reply(fd, 1), 0);
	read_all(fd, block, 512);
	assert_true(fake_control(&bench->control, &bench->told));
	assert_int_equal(bench->changes, DISK_CHANGED_SIZE);
	assert_int_equal(size_told(bench), SIZE / 2);

	send_request(fd, 0, NBD_CMD_READ, 2, SIZE - 512, 512);
	assert_int_equal(take_reply(fd, 2), EINVAL);
	send_request(fd, 0, NBD_CMD_WRITE, 3, SIZE - 512, 512);
	write_all(fd, block, 512);
	assert_int_equal(take_reply(fd, 3), ENOSPC);
	send_request(fd, 0, NBD_CMD_READ, 4, SIZE / 2 - 512, 512);
	assert_int_equal(take_reply(fd, 4), 0);
	read_all(fd, block, 512);
	close(fd);
}

/* Another unit is there: from the moment when that is known nothing of the old one's clients reaches
 * it, not even the rest of a request under way. */
static void test_another_unit_under_clients(void **state)
{
	struct bench *bench = *state;
	uint8_t *data = pattern_new(2 * MIB), byte;
	int fd = client_open(bench, false);

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_WRITE_10, .kind = FAKE_HOLD, .times = 1 });
	send_request(fd, 0, NBD_CMD_WRITE, 1, 0, 2 * MIB);
	write_all(fd, data, 2 * MIB);
	wait_count(bench, CDB_WRITE_10, 1);
	strcpy(bench->nexus->serial, "SERIAL43");
	disk_look(bench->disk);
	assert_true(fake_control(&bench->control, &bench->told));
	assert_int_equal(bench->changes, DISK_CHANGED_UNIT);
	assert_int_equal(poll(&(struct pollfd) { .fd = fd, .events = POLLIN }, 1, 5000), 1);
	assert_true(read(fd, &byte, 1) <= 0);
	assert_int_equal(access(bench->path, F_OK), -1);
	fake_release(bench->nexus);
	usleep(20000);
	assert_int_equal(fake_count(bench->nexus, CDB_WRITE_10), 1);
	close(fd);
	free(data);
}

/* A unit that takes few commands at a time: clients wait, all are served in the end. */
static void test_full_unit(void **state)
{
	enum { CLIENTS = 5, EACH = 100 };
	struct bench *bench = *state;
	struct disk_counters counters;
	uint8_t block[512];
	int fds[CLIENTS];

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_HOLD, .times = 2 });
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_STATUS, .times = 1, .status = 0x28 });
	for (unsigned i = 0; i < CLIENTS; i++)
		fds[i] = client_open(bench, false);
	for (unsigned i = 0; i < 3; i++)
		send_request(fds[0], 0, NBD_CMD_READ, i, 0, 512);
	wait_count(bench, CDB_READ_10, 3);
	for (unsigned i = 0; i < CLIENTS; i++)
		for (unsigned j = i ? 0 : 3; j < EACH; j++)
			send_request(fds[i], 0, NBD_CMD_READ, j, 0, 512);
	usleep(50000);
	disk_counters(bench->disk, &counters);
	assert_int_equal(counters.queue_limit, 2);
	/* And the refused one, which has been in before. */
	assert_in_range(counters.queue_waiting, QUEUE_LINE_MAX, QUEUE_LINE_MAX + 1);
	assert_true(counters.reads < CLIENTS * EACH);
	fake_release(bench->nexus);
	for (unsigned i = 0; i < CLIENTS; i++) {
		for (unsigned j = 0; j < EACH; j++) {
			uint8_t head[16];

			read_all(fds[i], head, sizeof head);
			assert_int_equal(bytes_get32(head + 4), 0);
			read_all(fds[i], block, sizeof block);
		}
		close(fds[i]);
	}
	disk_counters(bench->disk, &counters);
	assert_int_equal(counters.reads, CLIENTS * EACH);
	assert_int_equal(counters.queue_waiting, 0);
	assert_true(counters.queue_limit > 2);
}

/* The tools of libnbd, where they are installed, agree with us. */
static void test_tools(void **state)
{
	struct bench *bench = *state;
	uint8_t *data = pattern_new(SIZE);
	char command[600];

	if (system("command -v nbdinfo nbdcopy >/dev/null") != 0) {
		free(data);
		skip();
	}
	snprintf(command, sizeof command,
		 "u='nbd+unix:///?socket=%s'; test \"$(nbdinfo --size \"$u\")\" = %d && "
		 "nbdinfo --can multi-conn \"$u\" && nbdinfo --can fua \"$u\" && "
		 "nbdinfo --can trim \"$u\" && nbdinfo --can zero \"$u\" && "
		 "! nbdinfo --can cache \"$u\" && nbdinfo --list \"$u\" >/dev/null",
		 bench->path, SIZE);
	assert_int_equal(system(command), 0);
	memcpy(fake_data(bench->nexus), data, SIZE);
	fake_sync(bench->nexus);
	snprintf(command, sizeof command,
		 "f=%s.img; u='nbd+unix:///?socket=%s'; nbdcopy \"$u\" $f && "
		 "nbdcopy --destination-is-zero --flush $f \"$u\" && "
		 "nbdcopy \"$u\" - | cmp - $f; r=$?; "
		 "rm -f $f; exit $r", bench->path, bench->path);
	assert_int_equal(system(command), 0);
	assert_memory_equal(fake_data(bench->nexus), data, SIZE);
	assert_memory_equal(fake_durable(bench->nexus), data, SIZE);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
		cmocka_unit_test(test_go), cmocka_unit_test(test_export_name),
		cmocka_unit_test(test_list_and_abort), cmocka_unit_test(test_options_refused),
		cmocka_unit_test(test_handshake_hostile), cmocka_unit_test(test_longest_option),
		cmocka_unit_test(test_request_get), cmocka_unit_test(test_request_check),
		cmocka_unit_test(test_request_not_advertised), cmocka_unit_test(test_heads),
		TEST(test_serve), TEST(test_large_answer_leaves_whole),
		TEST(test_byte_by_byte), TEST(test_batch),
		TEST(test_flush_across_clients), TEST(test_slow_clients), TEST(test_hostile_stream),
		TEST(test_gone_with_requests_under_way),
		TEST(test_farewell_with_requests_under_way),
		TEST(test_close_awaits_requests), TEST(test_too_many_clients),
		TEST(test_lost_session_is_invisible), TEST(test_capacity_changes_under_clients),
		TEST(test_another_unit_under_clients), TEST(test_full_unit),
		TEST(test_tools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
