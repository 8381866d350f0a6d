/*
 * protection.c - see protection.h.
 */
#include "cli/protection.h"

#include <stdlib.h>
#include <string.h>

#include "cli/fetch.h"

void protections_fetch(struct protections *ret)
{
	*ret = (struct protections){ NULL, 0 };
	fetch_list(fetch_protections, NULL, 1, &ret->list, &ret->count);
}

void protections_done(struct protections *protections)
{
	free(protections->list);
}

static const ISCSI_CONNECTION_PROTECTION *find(const struct protections *protections,
					       const ISCSI_UNIQUE_CONNECTION_ID *id)
{
	const ISCSI_CONNECTION_PROTECTION *record = protections->list;

	for (ULONG i = 0; i < protections->count; i++, record = fetch_next(record))
		if (memcmp(&record->ConnectionId, id, sizeof(*id)) == 0)
			return record;
	return NULL;
}

static const char *ike_name(const ISCSI_CONNECTION_PROTECTION *record)
{
	if (record->IkeVersion == 2)
		return "IKEv2";
	if (record->IsForeign)
		return "IKEv1";
	return record->IsAggressive ? "IKEv1 aggressive mode" : "IKEv1 main mode";
}

static const char *mode_name(const ISCSI_CONNECTION_PROTECTION *record)
{
	return record->IsTunnel ? "tunnel" : "transport";
}

void protections_print(const struct protections *protections, const ISCSI_UNIQUE_CONNECTION_ID *id,
		       const char *label)
{
	const ISCSI_CONNECTION_PROTECTION *record = find(protections, id);
	char in[32], out[32];

	if (!record)
		return;
	printf("%s%s, ESP in %s mode, %s%s, in %s, out %s, keys %llu s old%s\n", label, ike_name(record),
	       mode_name(record), record->Algorithms, record->IsPfs ? ", PFS" : "",
	       print_size(record->BytesIn, in), print_size(record->BytesOut, out),
	       (unsigned long long)record->SecondsSinceRekey,
	       record->IsForeign ? ", by the administrator" : "");
}

void protections_json(struct json_object *json, const struct protections *protections,
		      const ISCSI_UNIQUE_CONNECTION_ID *id)
{
	const ISCSI_CONNECTION_PROTECTION *record = find(protections, id);
	struct json_object *ipsec;

	if (!record)
		return;
	ipsec = json_object_new_object();
	json_object_object_add(json, "ipsec", ipsec);
	json_number(ipsec, "ike_version", record->IkeVersion);
	json_text(ipsec, "ike", ike_name(record));
	json_text(ipsec, "mode", mode_name(record));
	json_truth(ipsec, "pfs", record->IsPfs);
	json_text(ipsec, "esp", record->Algorithms);
	json_number(ipsec, "bytes_in", record->BytesIn);
	json_number(ipsec, "bytes_out", record->BytesOut);
	json_number(ipsec, "seconds_since_rekey", record->SecondsSinceRekey);
	json_truth(ipsec, "by_administrator", record->IsForeign);
}
