/*
 * text_fuzz.c - texts as a target could send them: pairs, values, key negotiation, SendTargets.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/keys.h"
#include "proto/name.h"
#include "proto/sendtargets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_values(const struct text_pair *pair)
{
	uint8_t bytes[1024];
	char entry[64];
	const char *list = pair->value;
	struct name_address address;
	uint64_t number;
	size_t len;
	bool yes;

	text_number(pair->value, &number);
	text_bool(pair->value, &yes);
	if (text_binary(pair->value, bytes, sizeof(bytes), &len) == 0 && len > sizeof(bytes))
		abort();
	while (text_list_next(&list, entry, sizeof(entry)))
		if (strlen(entry) >= sizeof(entry))
			abort();
	name_address_get(pair->value, &address);
}

static void negotiate(const uint8_t *data, size_t size, bool added)
{
	struct keys_params session, params;
	struct keys_offer offer;
	struct text_out out;
	struct text_pair pair;
	struct text_in in;
	struct fault fault;
	struct keys keys;
	char answers[8192];

	keys_offer_default(&offer);
	keys_params_default(&session);
	keys_start(&keys, &offer, added ? KEYS_ADDED : KEYS_LEADING, KEYS_NORMAL, false, false,
		   added ? &session : NULL);
	text_out_init(&out, answers, sizeof(answers));
	keys_put_offers(&keys, &out);
	text_init(&in, data, size);
	while (text_next(&in, &pair, &fault) > 0) {
		read_values(&pair);
		if (keys_take(&keys, pair.key, pair.value, &out, &fault) < 0)
			return;
		if (out.len > sizeof(answers))
			abort();
	}
	if (keys_finish(&keys, &params, &fault) == 0 &&
	    (params.max_burst_length == 0 || params.max_send_data_segment_length < 512))
		abort();
}

static void discover(const uint8_t *data, size_t size)
{
	struct sendtargets_item item = { .kind = SENDTARGETS_TARGET };
	struct sendtargets st;
	struct fault fault;

	sendtargets_init(&st, (const char *)data, size);
	for (size_t n = 0; item.kind != SENDTARGETS_END; n++) {
		if (n > size)
			abort();
		if (sendtargets_next(&st, &item, &fault) < 0)
			return;
		if (item.kind == SENDTARGETS_TARGET && name_check_received(item.name) < 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	negotiate(data + 1, size - 1, data[0] & 1);
	discover(data + 1, size - 1);
	return 0;
}
