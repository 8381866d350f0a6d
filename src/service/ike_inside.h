/*
 * ike_inside.h - the records of ike.h, for the files that keep and choose them.
 */
#ifndef ISCSIDSC_SERVICE_IKE_INSIDE_H
#define ISCSIDSC_SERVICE_IKE_INSIDE_H

#include "service/ike.h"

struct identity {
	struct list link;        /* owned by ike->identities */
	struct store_ike stored; /* with its key */
	bool persist;
};

struct tunnel {
	struct list link;        /* owned by ike->tunnels */
	struct store_tunnel stored;
	bool persist;
};

#endif
