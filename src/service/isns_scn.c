/*
 * isns_scn.c - see isns_scn.h. Anybody can send datagrams: one that is heard costs a question to the
 * server at most, and those are limited by the owner.
 */
#include "service/isns_scn.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "proto/isns.h"

struct isns_scn {
	int fd;
	uint16_t port;
	sd_event_source *io;
	struct sockaddr_storage peer;
	char node_name[NAME_MAX_LEN + 1];
	void (*heard)(void *ctx, struct bytes_reader *named);
	void *ctx;
};

int isns_scn_answer(const uint8_t *datagram, size_t len, const char *node_name,
		    uint8_t answer[ISNS_SCN_MAX], struct bytes_reader *ret_named)
{
	struct isns_header header;
	struct bytes_reader reader;
	struct bytes_writer writer;
	struct isns_attr attr;
	const char *name;

	if (len < ISNS_HEADER_LEN)
		return -EPROTO;
	isns_header_get(datagram, &header);
	/* It may be longer than what was received of it: the beginning is enough. */
	if (header.version != ISNS_VERSION || header.function != ISNS_SCN)
		return -EPROTO;
	bytes_reader_init(&reader, datagram + ISNS_HEADER_LEN, len - ISNS_HEADER_LEN);
	if (isns_attr_next(&reader, &attr) <= 0 || attr.tag != ISNS_NAME ||
	    isns_attr_text(&attr, &name) < 0 || strcasecmp(name, node_name) != 0)
		return -EPROTO;
	bytes_writer_init(&writer, answer, ISNS_SCN_MAX);
	isns_begin(&writer, ISNS_SCN | ISNS_RESPONSE, 0, header.xid);
	bytes_append32(&writer, ISNS_SUCCESS);
	isns_put_text(&writer, ISNS_NAME, name);
	if (isns_end(&writer) < 0)
		return -EPROTO;
	*ret_named = reader;
	return (int)writer.len;
}

/* Ports don't count. */
static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

static int on_datagram(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct isns_scn *scn = ctx;
	struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
	uint8_t datagram[ISNS_SCN_HEARD_MAX], answer[ISNS_SCN_MAX];
	struct bytes_reader named;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(fd, datagram, sizeof(datagram), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_len);
	int len;

	(void)source;
	(void)revents;
	if (n < 0 || !same_host(&from, &scn->peer))
		return 0;
	len = isns_scn_answer(datagram, (size_t)n, scn->node_name, answer, &named);
	if (len < 0)
		return 0;
	/* An answer that is lost is asked for again. */
	(void)!sendto(fd, answer, (size_t)len, MSG_DONTWAIT, (struct sockaddr *)&from, from_len);
	scn->heard(scn->ctx, &named);
	return 0;
}

static int scn_bind(struct isns_scn *scn, const struct sockaddr_storage *own)
{
	struct sockaddr_storage at = *own;
	socklen_t len = sizeof(at);

	scn->fd = socket(at.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (scn->fd < 0)
		return -errno;
	if (at.ss_family == AF_INET)
		((struct sockaddr_in *)&at)->sin_port = 0;
	else
		((struct sockaddr_in6 *)&at)->sin6_port = 0;
	if (bind(scn->fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    getsockname(scn->fd, (struct sockaddr *)&at, &len) < 0)
		return -errno;
	/* The port is at the same place in both. */
	scn->port = ntohs(((struct sockaddr_in *)&at)->sin_port);
	return 0;
}

int isns_scn_new(struct service *service, const struct sockaddr_storage *own,
		 const struct sockaddr_storage *peer, const char *node_name,
		 void (*heard)(void *ctx, struct bytes_reader *named), void *ctx,
		 struct isns_scn **ret)
{
	struct isns_scn *scn = calloc(1, sizeof(*scn));
	int r;

	if (!scn)
		return -ENOMEM;
	scn->peer = *peer;
	strcpy(scn->node_name, node_name);
	scn->heard = heard;
	scn->ctx = ctx;
	r = scn_bind(scn, own);
	if (r == 0)
		r = sd_event_add_io(service->event, &scn->io, scn->fd, EPOLLIN, on_datagram, scn);
	if (r < 0) {
		isns_scn_free(scn);
		return r;
	}
	*ret = scn;
	return 0;
}

void isns_scn_free(struct isns_scn *scn)
{
	if (!scn)
		return;
	sd_event_source_disable_unref(scn->io);
	if (scn->fd >= 0)
		close(scn->fd);
	free(scn);
}

uint16_t isns_scn_port(const struct isns_scn *scn)
{
	return scn->port;
}
