/* pdu_ahs.c - additional header segments (RFC 7143 section 11.2.2); see pdu.h. */
#include "proto/pdu.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

enum { CDB_MIN = 17, CDB_MAX = 260, AHS_HEADER = 4 };

/* AHSLength counts the reserved byte of the header and what follows, without padding (PDU-2). */
static size_t ahs_put(uint8_t *ahs, uint8_t type, const uint8_t *data, size_t len)
{
	size_t whole = AHS_HEADER + len;

	bytes_put16(ahs, (uint16_t)(len + 1));
	ahs[2] = type;
	ahs[3] = 0;
	memcpy(ahs + AHS_HEADER, data, len);
	memset(ahs + whole, 0, pdu_pad(whole));
	return whole + pdu_pad(whole);
}

size_t pdu_put_ahs_cdb(uint8_t *ahs, const uint8_t *cdb, size_t cdb_len)
{
	if (cdb_len < CDB_MIN || cdb_len > CDB_MAX)
		return 0;
	return ahs_put(ahs, PDU_AHS_CDB, cdb + 16, cdb_len - 16);
}

size_t pdu_put_ahs_bidi(uint8_t *ahs, uint32_t read_length)
{
	uint8_t data[4];

	bytes_put32(data, read_length);
	return ahs_put(ahs, PDU_AHS_BIDI, data, sizeof data);
}

int pdu_next_ahs(const uint8_t *ahs, size_t len, size_t *at, uint8_t *ret_type,
		 const uint8_t **ret_data, size_t *ret_len)
{
	size_t left = len - *at, length, whole;

	if (left == 0)
		return 0;
	if (left < AHS_HEADER)
		return -EPROTO;
	length = bytes_get16(ahs + *at);
	whole = 3 + length + pdu_pad(3 + length);
	if (length == 0 || whole > left)
		return -EPROTO;
	*ret_type = ahs[*at + 2];
	*ret_data = ahs + *at + AHS_HEADER;
	*ret_len = length - 1;
	*at += whole;
	return 1;
}
