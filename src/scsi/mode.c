/* mode.c - see mode.h. */
#include "scsi/mode.h"

#include <errno.h>

#include "base/bytes.h"

enum { HEADER_6 = 4, HEADER_10 = 8, WP = 0x80, DPOFUA = 0x10, SPF = 0x40, WCE = 0x04, RCD = 0x01 };

/* Finds the caching page in the mode pages. */
static void pages_get(const uint8_t *p, size_t len, struct mode *mode)
{
	while (len >= 4) { /* page 0x00 alone may be shorter, and it comes last */
		bool sub = p[0] & SPF;
		size_t whole = sub ? 4 + (size_t)bytes_get16(p + 2) : 2 + (size_t)p[1];

		if ((p[0] & 0x3f) == MODE_PAGE_CACHING && !sub) {
			mode->has_caching = true;
			mode->write_cache = p[2] & WCE;
			mode->read_cache_off = p[2] & RCD;
			return;
		}
		if (whole >= len)
			return;
		p += whole;
		len -= whole;
	}
}

static void answer_get(const uint8_t *p, size_t len, size_t header, size_t descriptors,
		       uint8_t specific, struct mode *ret)
{
	*ret = (struct mode){ .write_protected = specific & WP, .dpofua = specific & DPOFUA };
	if (descriptors < len - header)
		pages_get(p + header + descriptors, len - header - descriptors, ret);
}

int mode_get_6(const void *data, size_t len, struct mode *ret)
{
	const uint8_t *p = data;
	size_t whole;

	if (len < HEADER_6)
		return -EBADMSG;
	whole = 1 + (size_t)p[0];
	if (whole < HEADER_6)
		return -EBADMSG;
	answer_get(p, len < whole ? len : whole, HEADER_6, p[3], p[2], ret);
	return 0;
}

int mode_get_10(const void *data, size_t len, struct mode *ret)
{
	const uint8_t *p = data;
	size_t whole;

	if (len < HEADER_10)
		return -EBADMSG;
	whole = 2 + (size_t)bytes_get16(p);
	if (whole < HEADER_10)
		return -EBADMSG;
	answer_get(p, len < whole ? len : whole, HEADER_10, bytes_get16(p + 6), p[3], ret);
	return 0;
}
