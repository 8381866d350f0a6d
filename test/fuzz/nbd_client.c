/* nbd_client.c - see nbd_client.h. The protocol's rules: doc/proto.md of the NBD project. */
#include "nbd_client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "fuzz.h"

#define OPTION_MAGIC UINT64_C(0x49484156454f5054)
#define REQUEST_MAGIC 0x25609513u
#define SIMPLE_MAGIC 0x67446698u
#define STRUCTURED_MAGIC 0x668e33efu

enum { PAYLOAD_MAX = 100000, CMD_READ = 0, CMD_WRITE = 1, CMD_DISC = 2 };

/* It has a prime for a period, so that bytes at a wrong place are seen. */
enum { PERIOD = 4093 };
static uint8_t pattern[PERIOD];

static size_t pattern_part(uint64_t offset, size_t len, const uint8_t **ret)
{
	size_t at = offset % PERIOD;

	for (unsigned i = 0; !pattern[PERIOD - 1] && i < PERIOD; i++)
		pattern[i] = (uint8_t)(1 + i * 13 + i / 256);
	*ret = pattern + at;
	return len < PERIOD - at ? len : PERIOD - at;
}

void nbd_client_fill(uint8_t *data, uint64_t offset, size_t len)
{
	const uint8_t *from;

	for (size_t n; len; data += n, offset += n, len -= n) {
		n = pattern_part(offset, len, &from);
		memcpy(data, from, n);
	}
}

bool nbd_client_holds(const uint8_t *data, uint64_t offset, size_t len)
{
	const uint8_t *from;

	for (size_t n; len; data += n, offset += n, len -= n) {
		n = pattern_part(offset, len, &from);
		if (memcmp(data, from, n))
			return false;
	}
	return true;
}

void nbd_client_open(struct nbd_client *client, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	nbd_client_close(client, false);
	memset(client, 0, offsetof(struct nbd_client, in));
	client->next_cookie = 1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	fuzz_need(client->fd >= 0);
	if (connect(client->fd, (const void *)&address, sizeof(address)) == 0)
		return;
	close(client->fd);
	client->fd = -1;
}

void nbd_client_close(struct nbd_client *client, bool half)
{
	if (client->fd < 0)
		return;
	client->wild = true;
	if (half) {
		shutdown(client->fd, SHUT_WR);
		return;
	}
	close(client->fd);
	client->fd = -1;
}

/* A full socket, or one that the server closed: what does not fit is lost, which makes it wild. */
static void send_some(struct nbd_client *client, const void *data, size_t len)
{
	ssize_t n = client->fd < 0 ? -1 : send(client->fd, data, len, MSG_NOSIGNAL);

	if (n != (ssize_t)len)
		client->wild = true;
}

void nbd_client_send(struct nbd_client *client, const void *data, size_t len)
{
	client->wild = true;
	send_some(client, data, len);
}

static void send_option(struct nbd_client *client, uint32_t option, const void *data, uint32_t len)
{
	uint8_t head[16];

	bytes_put64(head, OPTION_MAGIC);
	bytes_put32(head + 8, option);
	bytes_put32(head + 12, len);
	send_some(client, head, sizeof(head));
	if (len)
		send_some(client, data, len);
}

void nbd_client_hello(struct nbd_client *client, bool structured, void (*turn)(void))
{
	static const uint8_t flags[4] = { 0, 0, 0, 3 }, go[6];
	uint8_t answers[1024];
	ssize_t n = 0;

	if (client->fd < 0 || client->wild || client->agreed)
		return;
	send_some(client, flags, sizeof(flags));
	if (structured)
		send_option(client, 8, NULL, 0);
	send_option(client, 7, go, sizeof(go));
	turn();
	if (client->fd >= 0)
		n = recv(client->fd, answers, sizeof(answers), 0);
	if (n == 0 || client->wild) { /* it had come too late */
		nbd_client_close(client, false);
		return;
	}
	fuzz_need(n > 64 && n < (ssize_t)sizeof(answers));
	client->agreed = true;
	client->structured = structured;
}

static void send_payload(struct nbd_client *client, uint64_t offset, uint32_t length)
{
	static uint8_t data[PAYLOAD_MAX];

	nbd_client_fill(data, offset, length);
	send_some(client, data, length);
}

bool nbd_client_ask(struct nbd_client *client, uint16_t flags, uint16_t type, uint64_t offset,
		    uint32_t length)
{
	uint8_t head[28];

	if (client->fd < 0 || client->calls == NBD_CLIENT_OPEN_MAX)
		return false;
	bytes_put32(head, REQUEST_MAGIC);
	bytes_put16(head + 4, flags);
	bytes_put16(head + 6, type);
	bytes_put64(head + 8, client->next_cookie);
	bytes_put64(head + 16, offset);
	bytes_put32(head + 24, length);
	if (!client->agreed || type == CMD_DISC || (type == CMD_WRITE && length > PAYLOAD_MAX))
		client->wild = true;
	client->call[client->calls++] = (struct nbd_client_call){ .cookie = client->next_cookie++,
		.offset = offset, .length = length, .read = type == CMD_READ };
	send_some(client, head, sizeof(head));
	if (type == CMD_WRITE && length <= PAYLOAD_MAX)
		send_payload(client, offset, length);
	return true;
}

/* ---------------------------------------------------------------- replies */

static struct nbd_client_call call_take(struct nbd_client *client, uint64_t cookie)
{
	for (unsigned i = 0; i < client->calls; i++) {
		struct nbd_client_call call = client->call[i];

		if (call.cookie != cookie)
			continue;
		client->call[i] = client->call[--client->calls];
		return call;
	}
	abort();
}

static const struct nbd_client_call *call_find(const struct nbd_client *client, uint64_t cookie)
{
	for (unsigned i = 0; i < client->calls; i++)
		if (client->call[i].cookie == cookie)
			return &client->call[i];
	abort();
}

/* Both return the bytes of a whole reply, 0 if it is not there. */
static size_t take_simple(struct nbd_client *client, const uint8_t *in, size_t n)
{
	uint32_t error = bytes_get32(in + 4);
	struct nbd_client_call call = *call_find(client, bytes_get64(in + 8));
	size_t len = 16 + (call.read && !error ? call.length : 0);

	fuzz_need(!call.read || !client->structured);
	if (n < len)
		return 0;
	if (call.read && !error)
		fuzz_need(nbd_client_holds(in + 16, call.offset, call.length));
	call_take(client, call.cookie);
	return len;
}

static size_t take_structured(struct nbd_client *client, const uint8_t *in, size_t n)
{
	uint16_t flags = bytes_get16(in + 4), type = bytes_get16(in + 6);
	const struct nbd_client_call *call = call_find(client, bytes_get64(in + 8));
	uint32_t len = n < 20 ? 0 : bytes_get32(in + 16);

	fuzz_need(client->structured && call->read && flags == 1 && (type == 1 || type == 0x8001));
	if (n < 20 || n < 20 + (size_t)len)
		return 0;
	if (type == 1) {
		fuzz_need(len == 8 + call->length && bytes_get64(in + 20) == call->offset);
		fuzz_need(nbd_client_holds(in + 28, call->offset, call->length));
	} else {
		fuzz_need(len >= 6 && bytes_get32(in + 20));
	}
	call_take(client, call->cookie);
	return 20 + (size_t)len;
}

static bool take_reply(struct nbd_client *client)
{
	const uint8_t *in = client->in + client->in_at;
	size_t n = client->in_len - client->in_at, len;
	uint32_t magic;

	if (n < 16)
		return false;
	magic = bytes_get32(in);
	fuzz_need(magic == SIMPLE_MAGIC || magic == STRUCTURED_MAGIC);
	len = magic == SIMPLE_MAGIC ? take_simple(client, in, n) : take_structured(client, in, n);
	client->in_at += len;
	return len > 0;
}

static void make_room(struct nbd_client *client)
{
	client->in_len -= client->in_at;
	memmove(client->in, client->in + client->in_at, client->in_len);
	client->in_at = 0;
	if (client->in_len < NBD_CLIENT_IN)
		return;
	client->wild = true; /* a READ longer than is of interest */
	client->in_len = 0;
}

bool nbd_client_read(struct nbd_client *client)
{
	bool any = false;

	while (client->fd >= 0) {
		ssize_t n = recv(client->fd, client->in + client->in_len, NBD_CLIENT_IN - client->in_len, 0);

		if (n == 0) { /* it cuts those that broke the rules or are slow to agree, and no others */
			fuzz_need(client->wild || !client->agreed);
			nbd_client_close(client, false);
		}
		if (n <= 0)
			break;
		any = true;
		client->in_len += (size_t)n;
		if (client->wild || !client->agreed)
			client->in_len = 0;
		while (take_reply(client))
			continue;
		make_room(client);
	}
	return any;
}
