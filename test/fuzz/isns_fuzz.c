/*
 * isns_fuzz.c - what an iSNS server could send: attributes as an answer, and a datagram as a
 * notification. What is found must be fit for the list of targets and for the bus.
 */
#include <string.h>

#include "fuzz.h"
#include "proto/isns.h"
#include "proto/sendtargets.h"
#include "service/isns.h"
#include "service/isns_answer.h"

static void answer_check(const struct answer *answer)
{
	fuzz_need(answer->count <= SENDTARGETS_TARGETS_MAX);
	for (size_t i = 0; i < answer->count; i++) {
		const struct target_found *found = &answer->found[i];

		fuzz_need(name_check_received(found->name) == 0);
		fuzz_need(!found->alias || name_check_alias(found->alias) == 0);
		fuzz_need(found->count <= SENDTARGETS_ADDRESSES_MAX);
		for (unsigned j = 0; j < found->count; j++) {
			const struct name_address *a = &found->addresses[j];

			fuzz_need(a->port && strlen(a->host) > 1 && a->tag >= -1 && a->tag <= 0xffff);
		}
	}
}

static void answer_read(const uint8_t *data, size_t size)
{
	struct bytes_reader reader;
	struct answer answer;
	struct fault fault;

	bytes_reader_init(&reader, data, size);
	if (isns_answer_begin(&reader) < 0)
		bytes_reader_init(&reader, data, size);
	if (isns_answer_get(&reader, &answer, &fault) < 0)
		return;
	answer_check(&answer);
	answer_done(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t reply[ISNS_SCN_MAX];
	struct isns_changes changes = { .count = 0 };
	struct bytes_reader named;
	int len = isns_scn_answer(data, size, "iqn.me", reply, &named);

	fuzz_need(len <= ISNS_SCN_MAX && (len < 0 || len >= ISNS_HEADER_LEN + 4));
	if (len >= 0) {
		isns_changes_note(&changes, &named);
		fuzz_need(isns_changes_any(&changes) && changes.count <= ISNS_CHANGES_MAX);
	}
	answer_read(data, size);
	return 0;
}
