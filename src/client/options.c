/*
 * options.c - see options.h.
 */
#include "client/options.h"

#include "client/listing.h"

void options_get(struct call *call, struct pack *pack, ISCSI_LOGIN_OPTIONS *options)
{
	ISCSI_LOGIN_OPTIONS o = { 0 };
	uint32_t auth, header, data;
	const void *name, *password;
	size_t name_size, password_size;
	int present;

	if (!listing_open(call) ||
	    !call_get(call, "buuuuuuuuu", &present, &o.Version, &o.InformationSpecified,
		      &o.LoginFlags, &auth, &header, &data, &o.MaximumConnections,
		      &o.DefaultTime2Wait, &o.DefaultTime2Retain) ||
	    !call_get_bytes(call, &name, &name_size) ||
	    !call_get_bytes(call, &password, &password_size))
		return;
	o.AuthType = (ISCSI_AUTH_TYPES)auth;
	o.HeaderDigest = (ISCSI_DIGEST_TYPES)header;
	o.DataDigest = (ISCSI_DIGEST_TYPES)data;
	o.InformationSpecified &= ~(ULONG)ISCSI_LOGIN_OPTIONS_PASSWORD;
	o.Username = pack_bytes(pack, name, name_size);
	o.UsernameLength = (ULONG)name_size;
	if (present)
		*options = o;
	listing_close(call);
}
