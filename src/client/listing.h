/*
 * listing.h - runs a call that returns an array, and hands it to the caller by one of the API's
 * buffer protocols (the rules stand in iscsidsc.h under BUFFERS).
 *
 * Each function checks the caller's pointers, runs the call and leaves the result in its status.
 * The caller's buffer, size and count are written only as the protocol says.
 */
#ifndef ISCSIDSC_CLIENT_LISTING_H
#define ISCSIDSC_CLIENT_LISTING_H

#include "client/args.h"
#include "client/pack.h"

struct listing {
	const char *element; /* the bus type of an element of the array after the status */
	size_t record;       /* bytes of the caller's record */
	/*
	 * Reads one element into a record that was zeroed, and what it points to into the pack.
	 * Runs several times for each element. A bad reply is noted in the call.
	 */
	void (*fill)(struct call *call, struct pack *pack, void *record);
};

/* Byte-sized records. */
void listing_bytes(struct call *call, const struct listing *listing, PULONG size, PULONG count,
		   void *buffer);

/* Counted records: their fill points to nothing. */
void listing_counted(struct call *call, const struct listing *listing, PULONG count, void *buffer);

/*
 * A multi-string, from an array of texts. A NULL buffer is never a success: a caller that asked for
 * the size may read the list without a check (Microsoft's sample does).
 */
#define listing_names FORM(listing_names)
void listing_names(struct call *call, PULONG size, TCHAR *buffer);

/* The same, but an empty list is a success with size 0 for a NULL buffer: callers take it as "none". */
#define listing_names_or_none FORM(listing_names_or_none)
void listing_names_or_none(struct call *call, PULONG size, TCHAR *buffer);

/*
 * Enters the array of `element` at which the reply stands and counts its elements; false at the end
 * of a bad reply. Leave it with listing_leave.
 */
bool listing_enter(struct call *call, const char *element, size_t *ret_count);
void listing_leave(struct call *call);

/* Enters and leaves the structure at which the reply stands. */
bool listing_open(struct call *call);
void listing_close(struct call *call);

/* Goes back to the reply's first value after the status. */
bool listing_rewind(struct call *call);

#endif
