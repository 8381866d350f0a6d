/*
 * ping.c - Ping: ICMP echo requests (RFC 792, RFC 4443 section 4) from this machine to the address
 * of a portal. What it is not: iSCSI; the NOP-Out of a session is the service's own matter.
 *
 * A socket of the system's own ping protocol is tried first, for which no rights are needed where
 * net.ipv4.ping_group_range allows the group; then a raw one, for root.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { COUNT = 4, COUNT_MAX = 1000, SIZE = 32, SIZE_MAX_DATA = 65000, TIMEOUT = 1000,
	TIMEOUT_MAX = 60000, HEADER = 8, IP_HEADER_MAX = 60 };

struct ping {
	int fd, family;
	bool raw;
	USHORT id, sequence;
	ULONG size, timeout; /* bytes of data; milliseconds */
	UCHAR request[HEADER + SIZE_MAX_DATA], reply[IP_HEADER_MAX + HEADER + SIZE_MAX_DATA];
};

static ISDSC_STATUS status_of(int error)
{
	static const struct {
		int error;
		ISDSC_STATUS status;
	} table[] = {
		{ EACCES, WSAEACCES }, { EPERM, WSAEACCES }, { ENETUNREACH, WSAENETUNREACH },
		{ EHOSTUNREACH, WSAEHOSTUNREACH }, { ENETDOWN, WSAENETDOWN },
		{ EHOSTDOWN, WSAEHOSTDOWN }, { EADDRNOTAVAIL, WSAEADDRNOTAVAIL },
		{ EAFNOSUPPORT, WSAENETUNREACH }, { EINVAL, WSAEINVAL },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].error == error)
			return table[i].status;
	return ERROR_IO_DEVICE;
}

/* `initiator` is the name of an instance, or not given. */
static ISDSC_STATUS initiator_check(const char *initiator)
{
	ISDSC_STATUS status;
	void *list = NULL;
	bool known = false;
	ULONG count;

	if (!read_given(initiator))
		return 0;
	status = fetch_list(fetch_initiators, NULL, sizeof(CHAR), &list, &count);
	for (const char *name = list; name && *name; name += strlen(name) + 1)
		known |= strcasecmp(name, initiator) == 0;
	free(list);
	return status ? status : known ? 0 : ISDSC_INITIATOR_INSTANCE_NOT_FOUND;
}

/* ---- one request */

/* RFC 1071; the data are of even length or end with a zero. */
static USHORT checksum(const UCHAR *bytes, size_t size)
{
	ULONG sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : (ULONG)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (USHORT)~sum;
}

static void number_put(UCHAR *to, USHORT number)
{
	to[0] = (UCHAR)(number >> 8);
	to[1] = (UCHAR)number;
}

static int ping_send(struct ping *ping)
{
	UCHAR *request = ping->request;

	request[0] = ping->family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	request[1] = 0;
	number_put(request + 2, 0);
	number_put(request + 4, ping->id);
	number_put(request + 6, ++ping->sequence);
	for (ULONG i = 0; i < ping->size; i++)
		request[HEADER + i] = (UCHAR)('a' + (i + ping->sequence) % 26);
	if (ping->family == AF_INET) /* else it is the kernel's */
		number_put(request + 2, checksum(request, HEADER + ping->size));
	return send(ping->fd, request, HEADER + ping->size, 0) < 0 ? -errno : 0;
}

/* Whether these bytes answer the request. */
static bool ping_matches(const struct ping *ping, const UCHAR *bytes, size_t size)
{
	size_t skip = ping->raw && ping->family == AF_INET && size ? (bytes[0] & 0xfu) * 4 : 0;
	const UCHAR *reply = bytes + skip;

	if (size < skip + HEADER + ping->size)
		return false;
	return reply[0] == (ping->family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
	       (!ping->raw || memcmp(reply + 4, ping->request + 4, 2) == 0) &&
	       memcmp(reply + 6, ping->request + 6, 2 + ping->size) == 0;
}

static ULONGLONG clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (ULONGLONG)now.tv_sec * 1000000000 + (ULONGLONG)now.tv_nsec;
}

/* Sends one and waits. Returns 0, -ETIMEDOUT, or why it could not be sent or delivered. */
static int ping_once(struct ping *ping, ULONGLONG *ret_ns)
{
	ULONGLONG begin = clock_now(), limit = (ULONGLONG)ping->timeout * 1000000, spent;
	struct pollfd fd = { .fd = ping->fd, .events = POLLIN };
	int r = ping_send(ping);

	if (r < 0)
		return r;
	while ((spent = clock_now() - begin) < limit) {
		ssize_t size;

		if (poll(&fd, 1, (int)((limit - spent + 999999) / 1000000)) <= 0)
			continue;
		size = recv(ping->fd, ping->reply, sizeof(ping->reply), 0);
		if (size < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (size > 0 && ping_matches(ping, ping->reply, (size_t)size)) {
			*ret_ns = clock_now() - begin;
			return 0;
		}
	}
	return -ETIMEDOUT;
}

/* ---- the socket */

static int socket_open(struct ping *ping, const struct addrinfo *address)
{
	int protocol = address->ai_family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	ping->family = address->ai_family;
	ping->raw = false;
	ping->fd = socket(ping->family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);
	if (ping->fd < 0 && (errno == EACCES || errno == EPERM)) {
		ping->raw = true;
		ping->fd = socket(ping->family, SOCK_RAW | SOCK_CLOEXEC, protocol);
	}
	if (ping->fd < 0)
		return -errno;
	/* So that only what concerns this address is heard, errors too. */
	if (connect(ping->fd, address->ai_addr, address->ai_addrlen) < 0) {
		int r = -errno;

		close(ping->fd);
		return r;
	}
	return 0;
}

static ISDSC_STATUS ping_open(struct ping *ping, const char *host)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG }, *list;
	int r = getaddrinfo(host, NULL, &hints, &list);

	if (r) {
		read_complain("%s: %s", host, gai_strerror(r));
		return WSAHOST_NOT_FOUND;
	}
	r = socket_open(ping, list);
	freeaddrinfo(list);
	if (r < 0)
		read_complain("%s: %s%s", host, strerror(-r), r == -EPERM || r == -EACCES
			      ? "; the setting net.ipv4.ping_group_range lets groups ping" : "");
	return r < 0 ? status_of(-r) : 0;
}

/* ---- the command */

static ISDSC_STATUS ping_all(struct run *run, struct ping *ping, const char *host, ULONG count)
{
	struct json_object *times = run->json ? json_array(run->json, "round_trips_ns") : NULL;
	ULONG received = 0;
	ULONGLONG ns = 0;
	int r = 0, failure = ETIMEDOUT;

	for (ULONG i = 0; i < count; i++) {
		progress_begin(NULL, "Waiting for %s", host);
		r = ping_once(ping, &ns);
		progress_end();
		if (r == 0)
			received++;
		else
			failure = -r;
		if (times && r == 0)
			json_object_array_add(times, json_object_new_int64((int64_t)ns));
		else if (!times && r == 0)
			printf("    Reply %-18u: %.3f ms\n", i + 1, (double)ns / 1e6);
		else if (!times)
			printf("    Reply %-18u: none (%s)\n", i + 1, strerror(-r));
	}
	if (run->json) {
		json_number(run->json, "sent", count);
		json_number(run->json, "received", received);
	} else {
		printf("    Requests Sent           : %u\n"
		       "    Responses Received      : %u\n", count, received);
	}
	return received ? 0 : failure == ETIMEDOUT ? ERROR_TIMEOUT : status_of(failure);
}

/* Ping's arguments. */
enum { PING_INITIATOR, PING_ADDRESS, PING_COUNT, PING_SIZE, PING_TIMEOUT };

static bool number_read(int argc, char **argv, int index, ULONG missing, ULONG least, ULONG most,
			ULONG *ret)
{
	ULONGLONG number = argc > index && read_given(argv[index]) ? read_number(argv[index]) : missing;

	if (number < least || number > most) {
		read_complain("%s is not between %u and %u", argv[index], least, most);
		return false;
	}
	*ret = (ULONG)number;
	return true;
}

ISDSC_STATUS ping_run(struct run *run, int argc, char **argv)
{
	struct ping *ping = calloc(1, sizeof(*ping));
	ISDSC_STATUS status;
	ULONG count;

	if (!ping)
		return ERROR_NOT_ENOUGH_MEMORY;
	ping->id = (USHORT)getpid();
	if (!number_read(argc, argv, PING_COUNT, COUNT, 1, COUNT_MAX, &count) ||
	    !number_read(argc, argv, PING_SIZE, SIZE, 0, SIZE_MAX_DATA, &ping->size) ||
	    !number_read(argc, argv, PING_TIMEOUT, TIMEOUT, 1, TIMEOUT_MAX, &ping->timeout))
		status = ERROR_INVALID_PARAMETER;
	else
		status = initiator_check(argv[PING_INITIATOR]);
	if (!status)
		status = ping_open(ping, argv[PING_ADDRESS]);
	if (!status) {
		if (!run->json)
			printf("Ping %s with %u bytes of data\n", argv[PING_ADDRESS], ping->size);
		status = ping_all(run, ping, argv[PING_ADDRESS], count);
		close(ping->fd);
	}
	free(ping);
	return status;
}
