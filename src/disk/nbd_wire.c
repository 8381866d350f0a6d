/*
 * nbd_wire.c - requests and reply heads of NBD's transmission phase. See nbd_wire.h.
 */
#include "disk/nbd_wire.h"

#include <errno.h>

#include "base/bytes.h"

#define REQUEST_MAGIC UINT32_C(0x25609513)
#define SIMPLE_MAGIC UINT32_C(0x67446698)
#define STRUCTURED_MAGIC UINT32_C(0x668e33ef)

enum {
	REPLY_FLAG_DONE = 1,
	REPLY_OFFSET_DATA = 1,
	REPLY_ERROR = (1 << 15) + 1,
};

/* What a command may carry, and what the export must have said for it. */
struct rule {
	uint16_t flags;     /* command flags allowed */
	uint16_t needs;     /* transmission flags */
	bool range, writes;
	int beyond;         /* what a range outside the export answers */
};

static const struct rule *rule_of(uint16_t type)
{
	static const struct rule rules[] = {
		[NBD_CMD_READ] = { .flags = NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_DF,
				   .needs = NBD_HAS_FLAGS, .range = true, .beyond = -EINVAL },
		[NBD_CMD_WRITE] = { .flags = NBD_CMD_FLAG_FUA, .needs = NBD_HAS_FLAGS,
				    .range = true, .writes = true, .beyond = -ENOSPC },
		[NBD_CMD_FLUSH] = { .flags = NBD_CMD_FLAG_FUA, .needs = NBD_SEND_FLUSH },
		[NBD_CMD_TRIM] = { .flags = NBD_CMD_FLAG_FUA, .needs = NBD_SEND_TRIM,
				   .range = true, .writes = true, .beyond = -EINVAL },
		[NBD_CMD_WRITE_ZEROES] = { .flags = NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_NO_HOLE,
					   .needs = NBD_SEND_WRITE_ZEROES,
					   .range = true, .writes = true, .beyond = -ENOSPC },
	};

	if (type >= sizeof rules / sizeof *rules || !rules[type].needs)
		return NULL;
	return &rules[type];
}

int nbd_request_get(const uint8_t *in, struct nbd_request *ret)
{
	if (bytes_get32(in) != REQUEST_MAGIC)
		return -EPROTO;
	*ret = (struct nbd_request) {
		.flags = bytes_get16(in + 4),
		.type = bytes_get16(in + 6),
		.cookie = bytes_get64(in + 8),
		.offset = bytes_get64(in + 16),
		.length = bytes_get32(in + 24),
	};
	return 0;
}

uint32_t nbd_request_payload(const struct nbd_request *request)
{
	return request->type == NBD_CMD_WRITE ? request->length : 0;
}

static int range_check(const struct nbd_request *request, const struct rule *rule,
		       const struct export *export)
{
	if (!request->length)
		return -EINVAL;
	if (request->offset % export->block_min || request->length % export->block_min)
		return -EINVAL;
	if (request->offset > export->size || request->length > export->size - request->offset)
		return rule->beyond;
	if (request->type == NBD_CMD_READ && request->length > NBD_PAYLOAD_MAX)
		return -EOVERFLOW;
	return 0;
}

int nbd_request_check(const struct nbd_request *request, const struct export *export,
		      bool structured)
{
	const struct rule *rule = rule_of(request->type);

	if (!rule || request->flags & ~rule->flags)
		return -EINVAL;
	if (request->flags & NBD_CMD_FLAG_DF && !structured)
		return -EINVAL;
	/* A read-only export advertises no way to change it; its own answer comes first. */
	if (rule->writes && export->flags & NBD_READ_ONLY)
		return -EPERM;
	if (!(export->flags & rule->needs))
		return -EINVAL;
	if (!rule->range)
		return request->offset || request->length ? -EINVAL : 0;
	return range_check(request, rule, export);
}

/* The protocol has its own list of error numbers, which are Linux's; others become EIO. */
static uint32_t error_number(int error)
{
	switch (-error) {
	case 0:
	case EPERM:
	case EIO:
	case ENOMEM:
	case EINVAL:
	case ENOSPC:
	case EOVERFLOW:
	case EOPNOTSUPP:
	case ESHUTDOWN:
		return (uint32_t)-error;
	default:
		return EIO;
	}
}

size_t nbd_reply_put(uint8_t *out, uint64_t cookie, int error)
{
	bytes_put32(out, SIMPLE_MAGIC);
	bytes_put32(out + 4, error_number(error));
	bytes_put64(out + 8, cookie);
	return 16;
}

static void chunk_put(uint8_t *out, uint16_t type, uint64_t cookie, uint32_t length)
{
	bytes_put32(out, STRUCTURED_MAGIC);
	bytes_put16(out + 4, REPLY_FLAG_DONE);
	bytes_put16(out + 6, type);
	bytes_put64(out + 8, cookie);
	bytes_put32(out + 16, length);
}

size_t nbd_data_put(uint8_t *out, uint64_t cookie, uint64_t offset, uint32_t length)
{
	chunk_put(out, REPLY_OFFSET_DATA, cookie, length + 8);
	bytes_put64(out + 20, offset);
	return 28;
}

size_t nbd_error_put(uint8_t *out, uint64_t cookie, int error)
{
	chunk_put(out, REPLY_ERROR, cookie, 6);
	bytes_put32(out + 20, error_number(error));
	bytes_put16(out + 24, 0);
	return 26;
}
