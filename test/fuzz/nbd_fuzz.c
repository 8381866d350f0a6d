/*
 * nbd_fuzz.c - NBD clients that send whatever they like to a disk whose unit answers as the input says:
 * handshake, requests, replies, and the SCSI commands that come of them.
 *
 * Checked besides the sanitizers: a command stays inside the unit and carries the bytes that the client
 * sent; all requests of good clients are answered once, with the right bytes; clients end, and nothing
 * is left behind.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "disk/client.h"
#include "fake_loop.h"
#include "fuzz.h"
#include "nbd_client.h"

enum { CLIENTS = 3, IOS = 1024, BLOCKS = 20000, LARGE_MAX = 4 };

enum act {
	ACT_OPEN, ACT_HELLO, ACT_HELLO_STRUCTURED,
	ACT_RAW, ACT_OPTION, ACT_HALF, ACT_CLOSE, /* what good clients don't do */
	ACT_ASK, ACT_ASK_MANY, ACT_READ,
	ACT_GOOD, ACT_ANSWER, ACT_TIME, ACT_CHANGE,
	ACTS
};

static struct {
	struct bytes_reader in;
	struct loop *loop;
	struct unit unit;
	struct nbd nbd;
	struct io *io[IOS]; /* commands under way, oldest first */
	unsigned ios;
	bool tame;          /* nobody sent payload of his own */
	unsigned large;     /* requests that take hundreds of commands */
	bool stopped;
	char path[64];
} f;

static struct nbd_client clients[CLIENTS];

/* ---------------------------------------------------------------- the unit */

/* What drive does in the product. */
void nexus_submit(struct nexus *nexus, struct io *io)
{
	(void)nexus;
	fuzz_need(f.ios < IOS && io->task.outcome == TASK_COMPLETE);
	f.io[f.ios++] = io;
}

struct range {
	uint64_t at, len; /* in bytes */
};

/* Of READ, WRITE, WRITE SAME (10, 16). A command that leaves the unit would be one of ours. */
static struct range range_of(const uint8_t *cdb)
{
	uint64_t lba = cdb[0] >= 0x80 ? bytes_get64(cdb + 2) : bytes_get32(cdb + 2);
	uint32_t blocks = cdb[0] >= 0x80 ? bytes_get32(cdb + 10) : bytes_get16(cdb + 7);

	fuzz_need(blocks && lba + blocks <= BLOCKS);
	return (struct range){ lba * f.unit.info.block_size, (uint64_t)blocks * f.unit.info.block_size };
}

static void run_read(struct task *task)
{
	struct range range = range_of(task->cdb);

	fuzz_need(task->in_len == range.len);
	nbd_client_fill(task->in, range.at, task->in_len);
	task->received = task->in_len;
}

static void run_write(struct task *task)
{
	struct range range = range_of(task->cdb);

	fuzz_need(task->out_len == range.len);
	fuzz_need(!f.tame || nbd_client_holds(task->out, range.at, task->out_len));
}

static void run_same(struct task *task)
{
	static const uint8_t zeros[4096];

	range_of(task->cdb);
	fuzz_need(task->out_len == f.unit.info.block_size);
	fuzz_need(memcmp(task->out, zeros, task->out_len) == 0);
}

static void run_unmap(struct task *task)
{
	fuzz_need(task->out_len == 24);
	fuzz_need(bytes_get64(task->out + 8) + bytes_get32(task->out + 16) <= BLOCKS);
}

static void run(struct task *task)
{
	task->status = 0;
	task->sense_len = 0;
	task->received = task->residual = 0;
	task->sent = task->out_len;
	task->underflow = task->overflow = false;
	switch (task->cdb[0]) {
	case 0x28:
	case 0x88:
		run_read(task);
		break;
	case 0x2a:
	case 0x8a:
		run_write(task);
		break;
	case 0x93:
		run_same(task);
		break;
	case 0x42:
		run_unmap(task);
		break;
	case 0x35:
	case 0x91:
		break;
	default:
		abort();
	}
}

static struct io *io_take(unsigned at)
{
	struct io *io = f.io[at];

	memmove(f.io + at, f.io + at + 1, (--f.ios - at) * sizeof(f.io[0]));
	return io;
}

static void answer_good(void)
{
	struct io *io;

	if (!f.ios)
		return;
	io = io_take(bytes_take8(&f.in) % f.ios);
	run(&io->task);
	io->done(io);
}

/* Any outcome, status and sense; what is not the truth may be an error. */
static void answer(void)
{
	struct task *task;
	struct io *io;

	if (!f.ios)
		return;
	io = io_take(bytes_take8(&f.in) % f.ios);
	task = &io->task;
	run(task);
	task->outcome = (enum task_outcome)(bytes_take8(&f.in) % (TASK_FAILED + 1));
	fault_set(&task->fault, FAULT_CLOSED, 0, "as told");
	task->status = bytes_take8(&f.in);
	task->received -= task->received ? bytes_take8(&f.in) % task->received : 0;
	task->sent -= task->sent ? bytes_take8(&f.in) % task->sent : 0;
	if (task->status == 2 && bytes_left(&f.in) >= 18) {
		task->sense_len = 18;
		memcpy(task->sense, bytes_take(&f.in, 18), 18);
		task->sense[0] = task->sense[0] & 1 ? 0x70 : 0x72;
	}
	io->done(io);
}

/* ---------------------------------------------------------------- the clients */

static struct nbd_client *pick(void)
{
	return &clients[bytes_take8(&f.in) % CLIENTS];
}

static void turn(void)
{
	fake_loop_turn(f.loop);
}

static void send_raw(struct nbd_client *client)
{
	size_t len = bytes_take16(&f.in) % 8192;
	const uint8_t *data = bytes_take(&f.in, len);

	if (!data)
		return;
	f.tame = false;
	nbd_client_send(client, data, len);
}

static void send_option(struct nbd_client *client)
{
	uint8_t head[16] = "IHAVEOPT";
	uint32_t option = bytes_take8(&f.in), len = bytes_take8(&f.in);
	const uint8_t *data = bytes_take(&f.in, len);

	if (!data)
		return;
	f.tame = false;
	bytes_put32(head + 8, option);
	bytes_put32(head + 12, len);
	nbd_client_send(client, head, sizeof(head));
	nbd_client_send(client, data, len);
}

static void ask(struct nbd_client *client, unsigned times)
{
	uint8_t type = bytes_take8(&f.in), flags = bytes_take8(&f.in), unit = bytes_take8(&f.in);
	uint64_t offset = bytes_take16(&f.in);
	uint32_t length = bytes_take16(&f.in), block = f.unit.info.block_size;

	/* Mostly whole blocks, so that most of it gets through. */
	offset *= unit & 1 ? 1 : block;
	length = unit & 2 ? length : length % 40 * block;
	if (unit & 4 && f.large < LARGE_MAX) {
		length = length << 12 | 0x200;
		f.large += times = 1;
	}
	for (unsigned i = 0; i < times; i++)
		if (!nbd_client_ask(client, flags & 8 ? flags : flags & 1, type & 7, offset, length))
			break;
	/* Payload that did not go with it, or not as a whole: what comes next is taken for it. */
	f.tame = f.tame && !client->wild;
}

static void change(void)
{
	uint8_t flags = bytes_take8(&f.in);

	f.unit.info.read_only = flags & 1;
	f.unit.info.can_unmap = flags & 2;
	f.unit.info.can_write_same = flags & 4;
	f.unit.info.can_fua = flags & 8;
	f.unit.info.write_cache = flags & 16;
	f.unit.limits.same_unmaps = flags & 32;
	f.unit.limits.unmap = flags & 2 ? 1000 : 0;
	f.unit.limits.write_same = flags & 4 ? 700 : 0;
	f.unit.limits.transfer = flags & 64 ? 50 : 65535;
	f.unit.info.blocks = flags & 128 ? BLOCKS / 2 : BLOCKS;
	nbd_changed(&f.nbd);
}

static void act(enum act what)
{
	struct nbd_client *client = what <= ACT_READ ? pick() : NULL;

	switch (what) {
	case ACT_OPEN:
		nbd_client_open(client, f.path);
		break;
	case ACT_HELLO:
	case ACT_HELLO_STRUCTURED:
		turn();
		if (!client->agreed && client->fd >= 0)
			nbd_client_hello(client, what == ACT_HELLO_STRUCTURED, turn);
		break;
	case ACT_RAW:
		send_raw(client);
		break;
	case ACT_OPTION:
		send_option(client);
		break;
	case ACT_HALF:
	case ACT_CLOSE:
		nbd_client_close(client, what == ACT_HALF);
		break;
	case ACT_ASK:
		ask(client, 1);
		break;
	case ACT_ASK_MANY:
		ask(client, 1 + bytes_take8(&f.in));
		break;
	case ACT_READ:
		nbd_client_read(client);
		break;
	case ACT_GOOD:
		answer_good();
		break;
	case ACT_ANSWER:
		answer();
		break;
	case ACT_TIME:
		fake_loop_wait(f.loop, (uint64_t)bytes_take16(&f.in) * 1000000);
		break;
	case ACT_CHANGE:
		change();
		break;
	case ACTS:
		break;
	}
	turn();
}

/* ---------------------------------------------------------------- one input */

static void begin(void)
{
	uint32_t block = bytes_take8(&f.in) & 1 ? 4096 : 512;

	f.tame = true;
	f.loop = fake_loop_reset();
	f.unit = (struct unit){ .loop = f.loop };
	list_init(&f.unit.waiting);
	queue_init(&f.unit.queue);
	f.unit.info.block_size = block;
	f.unit.zeros = calloc(1, block);
	snprintf(f.path, sizeof(f.path), "/tmp/nbd_fuzz.%d", (int)getpid());
	snprintf(f.unit.info.socket_path, sizeof(f.unit.info.socket_path), "%s", f.path);
	f.unit.info.blocks = BLOCKS;
	fuzz_need(nbd_start(&f.nbd, &f.unit, 0600, (gid_t)-1) == 0);
	change();
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
	nbd_client_open(&clients[0], f.path);
	turn();
}

/* The unit answers well from now on, and the clients read: nobody is owed anything then. */
static void settle(void)
{
	bool any = true;

	for (unsigned rounds = 0; any; rounds++) {
		fuzz_need(rounds < 20000);
		any = f.ios > 0;
		while (f.ios) {
			struct io *io = io_take(0);

			run(&io->task);
			io->task.outcome = TASK_COMPLETE;
			io->done(io);
		}
		turn();
		for (unsigned i = 0; i < CLIENTS; i++)
			any |= nbd_client_read(&clients[i]);
		turn();
		if (list_empty(&f.unit.waiting))
			continue;
		fake_loop_wait(f.loop, 1000000000);
		any = true;
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		fuzz_need(clients[i].wild || !clients[i].calls);
}

static void stopped(struct nbd *nbd)
{
	(void)nbd;
	f.stopped = true;
}

static void end(bool cut)
{
	if (!cut)
		settle();
	f.unit.closing = true;
	command_stop_waiting(&f.unit);
	nbd_stop(&f.nbd, stopped);
	turn();
	while (f.ios) {
		struct io *io = io_take(0);

		run(&io->task);
		io->task.outcome = TASK_FAILED;
		io->done(io);
	}
	turn();
	fuzz_need(f.stopped && fake_loop_idle(f.loop));
	for (unsigned i = 0; i < CLIENTS; i++)
		nbd_client_close(&clients[i], false);
	free(f.unit.zeros);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool cut;

	memset(&f, 0, sizeof(f));
	bytes_reader_init(&f.in, data, size);
	begin();
	cut = bytes_take8(&f.in) & 1;
	while (!f.in.bad && bytes_left(&f.in))
		act(bytes_take8(&f.in) % ACTS);
	end(cut);
	return 0;
}
