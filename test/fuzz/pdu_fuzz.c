/*
 * pdu_fuzz.c - any 48 bytes read as any PDU: what is written back must read the same. Additional
 * header segments are stepped through.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* get, put, get: the second reading tells the same; put is stable. */
#define CHECK(type) do { \
	struct pdu_##type pdu; \
	uint8_t once[PDU_BHS_LEN], twice[PDU_BHS_LEN]; \
	memset(&pdu, 0, sizeof(pdu)); \
	pdu_get_##type(data, &pdu); \
	pdu_put_##type(once, &pdu); \
	pdu_get_##type(once, &pdu); \
	pdu_put_##type(twice, &pdu); \
	if (memcmp(once, twice, PDU_BHS_LEN)) \
		abort(); \
} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *part;
	size_t at = 0, len;
	uint8_t type;

	if (size < PDU_BHS_LEN)
		return 0;
	CHECK(scsi_command);
	CHECK(scsi_response);
	CHECK(data_out);
	CHECK(data_in);
	CHECK(r2t);
	CHECK(snack);
	CHECK(task_request);
	CHECK(task_response);
	CHECK(login_request);
	CHECK(login_response);
	CHECK(text_request);
	CHECK(text_response);
	CHECK(logout_request);
	CHECK(logout_response);
	CHECK(nop_out);
	CHECK(nop_in);
	CHECK(async);
	CHECK(reject);
	if (!pdu_name(pdu_opcode(data))[0])
		abort();
	data += PDU_BHS_LEN;
	size -= PDU_BHS_LEN;
	while (pdu_next_ahs(data, size, &at, &type, &part, &len) > 0)
		if (part < data || len > (size_t)(data + size - part))
			abort();
	return 0;
}
