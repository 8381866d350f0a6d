/*
 * disk.c - the peer's disks: memory with a volatile write cache, and the commands that a disk must
 * know.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#include "inside.h"

enum { CHECK_CONDITION = 2 };
enum { ILLEGAL_REQUEST = 5, UNIT_ATTENTION = 6 };
enum { FUA = 0x08 };

static void sense(struct disk_result *r, uint8_t key, uint16_t code)
{
	r->status = CHECK_CONDITION;
	r->sense_len = PEER_SENSE;
	r->sense[0] = 0x70;
	r->sense[2] = key;
	r->sense[7] = PEER_SENSE - 8;
	bytes_put16(r->sense + 12, code);
}

static void give(struct disk_result *r, const void *data, size_t len, size_t room)
{
	r->len = (uint32_t)(len < room ? len : room);
	r->data = peer_alloc(r->len);
	memcpy(r->data, data, r->len);
}

static void inquiry_page(unsigned lun, const uint8_t *cdb, struct disk_result *r)
{
	uint8_t p[64] = { 0, cdb[2] };
	size_t len = 64;

	switch (cdb[2]) {
	case 0x00:
		memcpy(p + 4, "\x00\x80\x83\xb0\xb2", 5);
		len = 9;
		break;
	case 0x80:
		len = 4 + (size_t)snprintf((char *)p + 4, 32, "PEER%04u", lun);
		break;
	case 0x83:
		p[4] = 1;
		p[5] = 3;
		p[7] = 8;
		bytes_put64(p + 8, UINT64_C(0x3100000000000000) | lun);
		len = 16;
		break;
	case 0xb0:
		bytes_put32(p + 8, 4096);
		bytes_put32(p + 20, 4096);
		bytes_put32(p + 24, 8);
		bytes_put64(p + 36, 4096);
		break;
	case 0xb2:
		p[5] = 0xc0;
		len = 8;
		break;
	default:
		sense(r, ILLEGAL_REQUEST, 0x2400);
		return;
	}
	bytes_put16(p + 2, (uint16_t)(len - 4));
	give(r, p, len, bytes_get16(cdb + 3));
}

static void inquiry(unsigned lun, const uint8_t *cdb, bool there, struct disk_result *r)
{
	uint8_t p[36] = { there ? 0 : 0x7f, 0, 6, 2, 31, 0, 0, 2 };

	memcpy(p + 8, "ISCSIDSCPeer disk       0001", 28);
	if (there && cdb[1] & 1)
		inquiry_page(lun, cdb, r);
	else
		give(r, p, sizeof(p), bytes_get16(cdb + 3));
}

static void capacity(const struct peer *p, const uint8_t *cdb, struct disk_result *r)
{
	uint8_t answer[32] = { 0 };
	uint32_t last = p->options.blocks - 1;

	if (cdb[0] == 0x25) {
		bytes_put32(answer, last);
		bytes_put32(answer + 4, PEER_BLOCK);
		give(r, answer, 8, 8);
		return;
	}
	bytes_put64(answer, last);
	bytes_put32(answer + 8, PEER_BLOCK);
	answer[14] = 0x80;
	give(r, answer, 32, bytes_get32(cdb + 10));
}

static void report_luns(const struct peer *p, const uint8_t *cdb, struct disk_result *r)
{
	uint8_t answer[8 + 8 * PEER_LUNS] = { 0 };

	bytes_put32(answer, 8 * p->options.luns);
	for (unsigned i = 0; i < p->options.luns; i++)
		answer[8 + 8 * i + 1] = (uint8_t)i;
	give(r, answer, 8 + 8 * p->options.luns, bytes_get32(cdb + 6));
}

static void mode_sense(const uint8_t *cdb, struct disk_result *r)
{
	static const uint8_t caching[20] = { 0x08, 18, 0x04 };
	bool six = cdb[0] == 0x1a;
	uint8_t answer[8 + 20] = { 0 };
	size_t head = six ? 4 : 8;

	answer[six ? 2 : 3] = 0x10; /* DPOFUA */
	memcpy(answer + head, caching, sizeof(caching));
	if (six)
		answer[0] = (uint8_t)(head + sizeof(caching) - 1);
	else
		bytes_put16(answer, (uint16_t)(head + sizeof(caching) - 2));
	give(r, answer, head + sizeof(caching), six ? cdb[4] : bytes_get16(cdb + 7));
}

/* The range of a read, write, flush; false if it is not on the disk. */
static bool range(const struct peer *p, const uint8_t *cdb, uint64_t *ret_lba, uint32_t *ret_blocks)
{
	switch (cdb[0] >> 5) {
	case 1:
	case 2:
		*ret_lba = bytes_get32(cdb + 2);
		*ret_blocks = bytes_get16(cdb + 7);
		break;
	case 3: /* of variable length */
		*ret_lba = bytes_get64(cdb + 12);
		*ret_blocks = bytes_get32(cdb + 28);
		break;
	case 4:
		*ret_lba = bytes_get64(cdb + 2);
		*ret_blocks = bytes_get32(cdb + 10);
		break;
	default:
		*ret_lba = bytes_get32(cdb + 2);
		*ret_blocks = bytes_get32(cdb + 6);
		break;
	}
	return *ret_lba <= p->options.blocks && *ret_blocks <= p->options.blocks - *ret_lba;
}

static void make_durable(const struct peer *p, struct peer_disk *d, uint64_t lba, uint32_t blocks)
{
	if (!blocks)
		blocks = (uint32_t)(p->options.blocks - lba);
	for (uint64_t i = lba; i < lba + blocks; i++) {
		if (d->dirty[i])
			memcpy(d->medium + i * PEER_BLOCK, d->cache + i * PEER_BLOCK, PEER_BLOCK);
		d->dirty[i] = false;
	}
}

static void write_blocks(const struct peer *p, struct peer_disk *d, const uint8_t *cdb,
			 const uint8_t *data, uint32_t len, uint64_t lba, uint32_t blocks,
			 struct disk_result *r)
{
	bool same = cdb[0] == 0x41 || cdb[0] == 0x93;
	uint8_t flags = cdb[0] == PEER_VARIABLE ? cdb[10] : cdb[1];

	if (len != (same ? 1 : (uint64_t)blocks) * PEER_BLOCK) {
		sense(r, ILLEGAL_REQUEST, 0x2400);
		return;
	}
	for (uint32_t i = 0; i < blocks; i++)
		memcpy(d->cache + (lba + i) * PEER_BLOCK, data + (same ? 0 : (size_t)i * PEER_BLOCK),
		       PEER_BLOCK);
	memset(d->dirty + lba, 1, blocks);
	/* The cache may write back on its own at any time. */
	if (!same && cdb[0] != PEER_XDWRITEREAD && (flags & FUA))
		make_durable(p, d, lba, blocks);
}

static void unmap(const struct peer *p, struct peer_disk *d, const uint8_t *data, uint32_t len,
		  struct disk_result *r)
{
	for (uint32_t at = 8; at + 16 <= len; at += 16) {
		uint64_t lba = bytes_get64(data + at);
		uint32_t blocks = bytes_get32(data + at + 8);

		if (lba > p->options.blocks || blocks > p->options.blocks - lba) {
			sense(r, ILLEGAL_REQUEST, 0x2100);
			return;
		}
		memset(d->cache + lba * PEER_BLOCK, 0, (size_t)blocks * PEER_BLOCK);
		memset(d->dirty + lba, 1, blocks);
	}
}

/* XDWRITEREAD: what was there, combined with what is written. */
static void exchange(const struct peer *p, struct peer_disk *d, const struct peer_task *t, uint64_t lba,
		     uint32_t blocks, struct disk_result *r)
{
	if (t->len != (uint64_t)blocks * PEER_BLOCK) {
		sense(r, ILLEGAL_REQUEST, 0x2400);
		return;
	}
	give(r, d->cache + lba * PEER_BLOCK, t->len, SIZE_MAX);
	for (uint32_t i = 0; i < t->len; i++)
		r->data[i] ^= t->data[i];
	write_blocks(p, d, t->cdb, t->data, t->len, lba, blocks, r);
}

enum range_kind { RANGE_READ, RANGE_WRITE, RANGE_FLUSH, RANGE_EXCHANGE };

static void run_range(const struct peer *p, const struct peer_task *t, enum range_kind kind,
		      struct disk_result *r)
{
	struct peer_disk *d = &t->session->peer->disk[task_lun(t)];
	uint64_t lba;
	uint32_t blocks;

	if (!range(p, t->cdb, &lba, &blocks)) {
		sense(r, ILLEGAL_REQUEST, 0x2100);
		return;
	}
	switch (kind) {
	case RANGE_READ:
		give(r, d->cache + lba * PEER_BLOCK, (size_t)blocks * PEER_BLOCK, SIZE_MAX);
		break;
	case RANGE_WRITE:
		write_blocks(p, d, t->cdb, t->data, t->len, lba, blocks, r);
		break;
	case RANGE_FLUSH:
		make_durable(p, d, lba, blocks);
		break;
	case RANGE_EXCHANGE:
		exchange(p, d, t, lba, blocks, r);
		break;
	}
}

static void increment(struct peer_disk *d, const struct peer_task *t, struct disk_result *r)
{
	uint8_t counter[8];

	bytes_put64(counter, ++d->counter);
	if (t->cmd.read)
		give(r, counter, sizeof(counter), SIZE_MAX);
}

static void variable(const struct peer *p, const struct peer_task *t, struct disk_result *r)
{
	uint16_t action = bytes_get16(t->cdb + 8);

	if (t->cdb[7] != 0x18 || (action != 0x09 && action != 0x0b))
		sense(r, ILLEGAL_REQUEST, 0x2400);
	else
		run_range(p, t, action == 0x09 ? RANGE_READ : RANGE_WRITE, r);
}

static void dispatch(struct peer *p, const struct peer_task *t, struct disk_result *r)
{
	unsigned lun = task_lun(t);

	switch (t->cdb[0]) {
	case 0x00:
	case 0x1b:
		break;
	case 0x1a:
	case 0x5a:
		mode_sense(t->cdb, r);
		break;
	case 0x25:
	case 0x9e:
		capacity(p, t->cdb, r);
		break;
	case 0x42:
		unmap(p, &p->disk[lun], t->data, t->len, r);
		break;
	case 0x28: case 0x88: case 0xa8:
		run_range(p, t, RANGE_READ, r);
		break;
	case 0x2a: case 0x8a: case 0xaa: case 0x41: case 0x93:
		run_range(p, t, RANGE_WRITE, r);
		break;
	case 0x35: case 0x91:
		run_range(p, t, RANGE_FLUSH, r);
		break;
	case PEER_XDWRITEREAD:
		run_range(p, t, RANGE_EXCHANGE, r);
		break;
	case PEER_VARIABLE:
		variable(p, t, r);
		break;
	case PEER_INCREMENT:
		increment(&p->disk[lun], t, r);
		break;
	default:
		sense(r, ILLEGAL_REQUEST, 0x2000);
		break;
	}
}

uint16_t disk_number(const struct peer_task *t)
{
	return bytes_get16(t->cdb + (t->cdb[0] == PEER_VARIABLE ? 20 : 14));
}

/* The first of the unit attentions; 0 if there is none. */
static uint16_t take_attention(struct peer_session *s, unsigned lun)
{
	uint16_t code = s->attention[lun][0];

	memmove(s->attention[lun], s->attention[lun] + 1, (PEER_ATTENTIONS - 1) * sizeof(uint16_t));
	s->attention[lun][PEER_ATTENTIONS - 1] = 0;
	return code;
}

void disk_run(struct peer_task *t, struct disk_result *ret)
{
	struct peer *p = t->session->peer;
	unsigned lun = (unsigned)(t->cmd.lun >> 48);
	bool there = !(t->cmd.lun << 16) && lun < p->options.luns;
	uint16_t attention;

	if (t->cdb[0] == 0xa0) {
		report_luns(p, t->cdb, ret);
		return;
	}
	if (t->cdb[0] == 0x12) {
		inquiry(lun, t->cdb, there, ret);
		return;
	}
	if (!there) {
		sense(ret, ILLEGAL_REQUEST, 0x2500);
		return;
	}
	attention = take_attention(t->session, lun);
	if (attention)
		sense(ret, UNIT_ATTENTION, attention);
	else
		dispatch(p, t, ret);
}
