/* peer.c - see peer.h. */
#include "peer.h"

#include <assert.h>
#include <isa-l/crc.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

enum { HEADER = 48, WINDOW = 128, FINAL = 0x80, STATUS = 0x01, READ = 0x40, WRITE = 0x20 };

enum opcode {
	NOP_OUT = 0x00, COMMAND = 0x01, LOGIN = 0x03, DATA_OUT = 0x05, LOGOUT = 0x06, NOP_IN = 0x20,
	RESPONSE = 0x21, LOGIN_RESPONSE = 0x23, DATA_IN = 0x25, LOGOUT_RESPONSE = 0x26, R2T = 0x31,
};

static struct peer {
	bool header_digest, data_digest, operational;
	uint32_t stat_sn;
	size_t in_len, out_len, ready, given;
	uint8_t in[PEER_BYTES], out[PEER_BYTES];
} peers[PEER_CONNS], *peer; /* peer: the connection that the present call is about */

static uint32_t exp_cmd_sn;
static unsigned answers;

void peer_open(unsigned at)
{
	peer = &peers[at];
	memset(peer, 0, offsetof(struct peer, in));
	peer->stat_sn = 1;
}

unsigned peer_answers(void)
{
	return answers;
}

/* ---------------------------------------------------------------- what it says */

static void put(const void *data, size_t len)
{
	assert(peer->out_len + len <= sizeof(peer->out));
	if (len)
		memcpy(peer->out + peer->out_len, data, len);
	peer->out_len += len;
}

static void put_digest(size_t from)
{
	uint32_t crc = ~crc32_iscsi(peer->out + from, (int)(peer->out_len - from), ~0u);
	uint8_t wire[4] = { (uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16),
			    (uint8_t)(crc >> 24) };

	put(wire, sizeof(wire));
}

static void answer(uint8_t *bhs, const void *data, size_t len, bool digests)
{
	static const uint8_t zeros[4];
	size_t from = peer->out_len;

	bytes_put24(bhs + 5, (uint32_t)len);
	put(bhs, HEADER);
	if (digests && peer->header_digest)
		put_digest(from);
	from = peer->out_len;
	put(data, len);
	put(zeros, -len & 3);
	if (len && digests && peer->data_digest)
		put_digest(from);
	answers++;
}

/* Opcode, the request's task tag, and the three numbers, which are in one place in all of them. */
static void begin(uint8_t *bhs, enum opcode opcode, const uint8_t *request, bool status)
{
	memset(bhs, 0, HEADER);
	bhs[0] = (uint8_t)opcode;
	bhs[1] = FINAL;
	memcpy(bhs + 16, request + 16, 4);
	bytes_put32(bhs + 24, peer->stat_sn);
	bytes_put32(bhs + 28, exp_cmd_sn);
	bytes_put32(bhs + 32, exp_cmd_sn + WINDOW - 1);
	peer->stat_sn += status;
}

/* ---------------------------------------------------------------- what it hears */

static bool offered(const uint8_t *text, size_t len, const char *pair)
{
	return memmem(text, len, pair, strlen(pair)) != NULL;
}

static void on_login(const uint8_t *request, const uint8_t *text, size_t len)
{
	static const char security[] = "TargetPortalGroupTag=1\0AuthMethod=None";
	static const char own[] = "MaxRecvDataSegmentLength=65536"; /* what `keys` begins with */
	static const char keys[] = "MaxRecvDataSegmentLength=65536\0MaxConnections=4\0"
		"InitialR2T=No\0ImmediateData=Yes\0MaxBurstLength=65536\0"
		"FirstBurstLength=4096\0DefaultTime2Wait=2\0"
		"DefaultTime2Retain=20\0MaxOutstandingR2T=1\0DataPDUInOrder=Yes\0"
		"DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0";
	static const char none[] = "HeaderDigest=None\0DataDigest=None";
	static const char both[] = "HeaderDigest=CRC32C\0DataDigest=CRC32C";
	bool last = request[1] >> 2 & 1, digests = offered(text, len, "HeaderDigest=CRC32C");
	const char *chosen = digests ? both : none;
	size_t chosen_len = digests ? sizeof(both) : sizeof(none);
	size_t keys_len = bytes_get16(request + 14) ? sizeof(own) : sizeof(keys); /* not the session's again */
	char out[512];
	uint8_t bhs[HEADER];

	exp_cmd_sn = bytes_get32(request + 24);
	begin(bhs, LOGIN_RESPONSE, request, true);
	bhs[1] = (uint8_t)(FINAL | (request[1] & 0x0f));
	memcpy(bhs + 8, request + 8, 6);
	if (!last) {
		answer(bhs, security, sizeof(security), false);
		return;
	}
	bytes_put16(bhs + 14, 1);
	memcpy(out, chosen, chosen_len);
	memcpy(out + chosen_len, keys, keys_len);
	answer(bhs, out, chosen_len + keys_len, false);
	peer->header_digest = peer->data_digest = digests;
	peer->operational = true;
}

static void on_command(const uint8_t *request, size_t sent)
{
	static const uint8_t data[PEER_DATA_MAX];
	uint32_t want = bytes_get32(request + 20);
	bool write = request[1] & WRITE;
	uint8_t bhs[HEADER];

	exp_cmd_sn = bytes_get32(request + 24) + 1;
	assert(want <= PEER_DATA_MAX);
	if (request[1] & READ) {
		begin(bhs, DATA_IN, request, true);
		bhs[1] |= STATUS;
		memset(bhs + 20, 0xff, 4);
		answer(bhs, data, want, true);
	} else if (write && sent < want) {
		begin(bhs, R2T, request, false);
		memcpy(bhs + 20, request + 16, 4); /* its tag is the task's */
		bytes_put32(bhs + 40, (uint32_t)sent);
		bytes_put32(bhs + 44, want - (uint32_t)sent);
		answer(bhs, NULL, 0, true);
	} else {
		begin(bhs, RESPONSE, request, true);
		answer(bhs, NULL, 0, true);
	}
}

static void on_pdu(const uint8_t *request, const uint8_t *data, size_t len)
{
	uint8_t bhs[HEADER];

	switch (request[0] & 0x3f) {
	case LOGIN:
		on_login(request, data, len);
		break;
	case COMMAND:
		on_command(request, len);
		break;
	case DATA_OUT:
		if (!(request[1] & FINAL))
			break;
		begin(bhs, RESPONSE, request, true);
		answer(bhs, NULL, 0, true);
		break;
	case LOGOUT:
		begin(bhs, LOGOUT_RESPONSE, request, true);
		answer(bhs, NULL, 0, true);
		break;
	case NOP_OUT:
		begin(bhs, NOP_IN, request, true);
		memset(bhs + 20, 0xff, 4);
		answer(bhs, NULL, 0, true);
		break;
	default:
		assert(!"a request that the peer knows");
	}
}

unsigned peer_take(unsigned conn, const struct iovec *iov, size_t n)
{
	size_t at = 0;
	unsigned pdus = 0;

	peer = &peers[conn];
	for (size_t i = 0; i < n; i++) {
		assert(peer->in_len + iov[i].iov_len <= sizeof(peer->in));
		memcpy(peer->in + peer->in_len, iov[i].iov_base, iov[i].iov_len);
		peer->in_len += iov[i].iov_len;
	}
	while (peer->in_len - at >= HEADER) {
		const uint8_t *bhs = peer->in + at;
		size_t len = bytes_get24(bhs + 5);
		size_t data = HEADER + (size_t)bhs[4] * 4 + (peer->header_digest ? 4 : 0);
		size_t all = data + len + (-len & 3) + (len && peer->data_digest ? 4 : 0);

		if (peer->in_len - at < all)
			break;
		on_pdu(bhs, bhs + data, len);
		at += all;
		pdus++;
	}
	memmove(peer->in, peer->in + at, peer->in_len - at);
	peer->in_len -= at;
	return pdus;
}

size_t peer_turn(unsigned conn)
{
	peer = &peers[conn];
	peer->ready = peer->out_len;
	return peer->ready - peer->given;
}

size_t peer_give(unsigned conn, const struct iovec *iov, size_t n)
{
	size_t all = 0;

	peer = &peers[conn];
	for (size_t i = 0; i < n; i++) {
		size_t left = peer->ready - peer->given;
		size_t len = iov[i].iov_len < left ? iov[i].iov_len : left;

		memcpy(iov[i].iov_base, peer->out + peer->given, len);
		peer->given += len;
		all += len;
	}
	if (peer->given == peer->out_len)
		peer->given = peer->out_len = peer->ready = 0;
	return all;
}
