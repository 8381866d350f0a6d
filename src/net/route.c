/*
 * route.c - see route.h.
 */
#include "net/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* Connecting a UDP socket sends nothing. */
int route_source(const struct sockaddr *to, socklen_t len, struct sockaddr_storage *ret)
{
	struct sockaddr_storage local = { .ss_family = AF_UNSPEC };
	socklen_t local_len = sizeof(local);
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, to, len) < 0 || getsockname(fd, (struct sockaddr *)&local, &local_len) < 0)
		r = -errno;
	close(fd);
	if (r < 0)
		return r;
	if (local.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&local)->sin6_port = 0;
	else
		((struct sockaddr_in *)&local)->sin_port = 0;
	*ret = local;
	return 0;
}

/* ---- the device, by netlink */

enum { ROUTE_ROOM = 8192 };

struct request {
	struct nlmsghdr header;
	struct rtmsg route;
	char attributes[128];
};

static void request_add(struct request *request, unsigned short type, const struct sockaddr *address)
{
	struct rtattr *attribute = (struct rtattr *)((char *)request + request->header.nlmsg_len);
	const void *bytes = &((const struct sockaddr_in *)address)->sin_addr;
	unsigned short len = 4;

	if (address->sa_family == AF_INET6) {
		bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
		len = 16;
	}
	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(attribute), bytes, len);
	request->header.nlmsg_len += RTA_LENGTH(len);
	if (type == RTA_DST)
		request->route.rtm_dst_len = (unsigned char)(len * 8);
	else
		request->route.rtm_src_len = (unsigned char)(len * 8);
}

static int device_of(const struct nlmsghdr *header, size_t len)
{
	int left, index;

	if (!NLMSG_OK(header, len))
		return -EPROTO;
	if (header->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	if (header->nlmsg_type != RTM_NEWROUTE)
		return -EPROTO;
	left = (int)RTM_PAYLOAD(header);
	for (const struct rtattr *at = RTM_RTA((struct rtmsg *)NLMSG_DATA(header)); RTA_OK(at, left);
	     at = RTA_NEXT(at, left)) {
		if (at->rta_type != RTA_OIF || RTA_PAYLOAD(at) < sizeof(index))
			continue;
		memcpy(&index, RTA_DATA(at), sizeof(index));
		return index;
	}
	return -ENETUNREACH;
}

int route_device(const struct sockaddr *from, const struct sockaddr *to, char ret[IF_NAMESIZE])
{
	const struct timeval limit = { .tv_sec = 1 };
	union {
		struct nlmsghdr header;
		char room[ROUTE_ROOM];
	} reply;
	struct request request = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
					       .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
				   .route.rtm_family = (unsigned char)to->sa_family };
	char name[IF_NAMESIZE];
	ssize_t len;
	int fd, r;

	request_add(&request, RTA_DST, to);
	if (from)
		request_add(&request, RTA_SRC, from);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	len = send(fd, &request, request.header.nlmsg_len, 0);
	if (len > 0)
		len = recv(fd, &reply, sizeof(reply), 0);
	r = len < 0 ? -errno : device_of(&reply.header, (size_t)len);
	close(fd);
	if (r < 0)
		return r;
	if (!if_indextoname((unsigned)r, name))
		return -errno;
	memcpy(ret, name, sizeof(name));
	return 0;
}
