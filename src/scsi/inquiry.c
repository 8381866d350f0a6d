/* inquiry.c - see inquiry.h. */
#include "scsi/inquiry.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

enum { STANDARD_HEADER = 5, PAGE_HEADER = 4 };

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Copies a text field: printable ASCII, blanks around it cut, anything else as '?'. */
static void text_get(const uint8_t *data, size_t len, char *ret, size_t room)
{
	while (len > 0 && (data[len - 1] == ' ' || data[len - 1] == '\0'))
		len--;
	while (len > 0 && data[0] == ' ') {
		data++;
		len--;
	}
	len = smaller(len, room - 1);
	for (size_t i = 0; i < len; i++)
		ret[i] = data[i] >= ' ' && data[i] < 0x7f ? (char)data[i] : '?';
	ret[len] = '\0';
}

/* ---------------------------------------------------------------- standard data */

int inquiry_get(const void *data, size_t len, struct inquiry *ret)
{
	const uint8_t *p = data;
	uint8_t texts[36] = { 0 };

	if (len < STANDARD_HEADER)
		return -EBADMSG;
	len = smaller(len, STANDARD_HEADER + (size_t)p[4]);
	memcpy(texts, p, smaller(len, sizeof texts));
	*ret = (struct inquiry){
		.qualifier = p[0] >> 5, .type = p[0] & 0x1f, .removable = p[1] & 0x80,
		.version = p[2],
	};
	text_get(texts + 8, 8, ret->vendor, sizeof ret->vendor);
	text_get(texts + 16, 16, ret->product, sizeof ret->product);
	text_get(texts + 32, 4, ret->revision, sizeof ret->revision);
	return 0;
}

const char *inquiry_type_name(uint8_t type)
{
	static const char *const names[INQUIRY_NO_TYPE + 1] = {
		[INQUIRY_DISK] = "direct-access device",
		[INQUIRY_TAPE] = "sequential-access device",
		[0x02] = "printer device",
		[0x03] = "processor device",
		[0x04] = "write-once device",
		[INQUIRY_CD] = "CD/DVD device",
		[0x07] = "optical memory device",
		[INQUIRY_CHANGER] = "medium changer",
		[INQUIRY_ARRAY] = "storage array controller",
		[INQUIRY_ENCLOSURE] = "enclosure services device",
		[INQUIRY_RBC] = "simplified direct-access device",
		[0x11] = "object-based storage device",
		[0x14] = "host managed zoned device",
		[INQUIRY_WELL_KNOWN] = "well known logical unit",
		[INQUIRY_NO_TYPE] = "unknown or no device",
	};
	const char *name = type <= INQUIRY_NO_TYPE ? names[type] : NULL;

	return name ? name : "other device";
}

/* ---------------------------------------------------------------- vital product data */

/* The page's bytes after its header that really came, or NULL. */
static const uint8_t *page_get(const void *data, size_t len, uint8_t page, size_t *ret_len)
{
	const uint8_t *p = data;

	if (len < PAGE_HEADER || p[1] != page)
		return NULL;
	*ret_len = smaller(len - PAGE_HEADER, bytes_get16(p + 2));
	return p + PAGE_HEADER;
}

int inquiry_pages_get(const void *data, size_t len, struct inquiry_pages *ret)
{
	const uint8_t *p = page_get(data, len, INQUIRY_PAGES, &len);

	if (!p)
		return -EBADMSG;
	*ret = (struct inquiry_pages){ 0 };
	for (size_t i = 0; i < len; i++)
		ret->page[p[i] / 64] |= UINT64_C(1) << p[i] % 64;
	return 0;
}

int inquiry_serial_get(const void *data, size_t len, char *ret, size_t room)
{
	const uint8_t *p = page_get(data, len, INQUIRY_SERIAL, &len);

	if (!p || room == 0)
		return -EBADMSG;
	text_get(p, len, ret, room);
	return 0;
}

enum { /* designators of page 0x83 */
	ID_HEADER = 4,
	ID_T10 = 1, ID_EUI = 2, ID_NAA = 3, ID_NAME = 8,
	CODE_BINARY = 1,
};

/* How good a designator is; 0: not usable. */
static unsigned id_rank(const uint8_t *id)
{
	unsigned length = id[3];

	if ((id[1] >> 4 & 3) != 0 || length == 0) /* not the logical unit's */
		return 0;
	switch (id[1] & 0x0f) {
	case ID_NAA:
		return length == 8 || length == 16 ? 4000 + length : 0;
	case ID_EUI:
		return length == 8 || length == 12 || length == 16 ? 3000 + length : 0;
	case ID_NAME:
		return 2000;
	case ID_T10:
		return 1000;
	default:
		return 0;
	}
}

static void id_put_hex(const char *prefix, const uint8_t *data, size_t len, char *ret)
{
	static const char hex[] = "0123456789abcdef";

	ret = stpcpy(ret, prefix);
	for (size_t i = 0; i < len && i < (INQUIRY_ID_TEXT - 8) / 2; i++) {
		*ret++ = hex[data[i] >> 4];
		*ret++ = hex[data[i] & 15];
	}
	*ret = '\0';
}

static void id_put(const uint8_t *id, char *ret)
{
	const uint8_t *data = id + ID_HEADER;
	size_t len = id[3];

	switch (id[1] & 0x0f) {
	case ID_NAA:
		id_put_hex("naa.", data, len, ret);
		break;
	case ID_EUI:
		id_put_hex("eui.", data, len, ret);
		break;
	case ID_NAME:
		text_get(data, strnlen((const char *)data, len), ret, INQUIRY_ID_TEXT);
		break;
	default:
		if ((id[0] & 0x0f) == CODE_BINARY) {
			id_put_hex("t10.", data, len, ret);
			break;
		}
		strcpy(ret, "t10.");
		text_get(data, len, ret + 4, INQUIRY_ID_TEXT - 4);
	}
	for (; *ret; ret++) /* a name without blanks is easier to carry about */
		if (*ret == ' ')
			*ret = '_';
}

int inquiry_ids_get(const void *data, size_t len, char ret[INQUIRY_ID_TEXT])
{
	const uint8_t *p = page_get(data, len, INQUIRY_IDS, &len), *best = NULL;
	unsigned best_rank = 0;

	if (!p)
		return -EBADMSG;
	while (len >= ID_HEADER && len - ID_HEADER >= p[3]) {
		unsigned rank = id_rank(p);

		if (rank > best_rank) {
			best_rank = rank;
			best = p;
		}
		len -= ID_HEADER + (size_t)p[3];
		p += ID_HEADER + (size_t)p[3];
	}
	ret[0] = '\0';
	if (best)
		id_put(best, ret);
	return 0;
}

int inquiry_limits_get(const void *data, size_t len, struct inquiry_limits *ret)
{
	const uint8_t *p = page_get(data, len, INQUIRY_BLOCK_LIMITS, &len);
	uint8_t page[60] = { 0 }; /* after the header; older devices send less */

	if (!p)
		return -EBADMSG;
	memcpy(page, p, smaller(len, sizeof page));
	*ret = (struct inquiry_limits){
		.write_same_nonzero = page[0] & 1,
		.optimal_granularity = bytes_get16(page + 2),
		.max_transfer = bytes_get32(page + 4),
		.optimal_transfer = bytes_get32(page + 8),
		.max_unmap_blocks = bytes_get32(page + 16),
		.max_unmap_ranges = bytes_get32(page + 20),
		.unmap_granularity = bytes_get32(page + 24),
		.unmap_alignment_valid = page[28] & 0x80,
		.unmap_alignment = bytes_get32(page + 28) & 0x7fffffff,
		.max_write_same = bytes_get64(page + 32),
	};
	return 0;
}

int inquiry_provisioning_get(const void *data, size_t len, struct inquiry_provisioning *ret)
{
	const uint8_t *p = page_get(data, len, INQUIRY_PROVISIONING, &len);
	uint8_t page[4] = { 0 };

	if (!p)
		return -EBADMSG;
	memcpy(page, p, smaller(len, sizeof page));
	*ret = (struct inquiry_provisioning){
		.threshold_exponent = page[0],
		.unmap = page[1] & 0x80, .write_same_16 = page[1] & 0x40,
		.write_same_10 = page[1] & 0x20, .reads_zero = page[1] >> 2 & 7,
		.type = page[2] & 7,
	};
	return 0;
}
