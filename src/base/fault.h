/*
 * fault.h - why something failed, written once where it is known and carried upward unchanged.
 *
 * Engine, drive and disk fill it; service/status.c alone turns it into an ISDSC status, and the
 * service alone prints it. It owns no memory and may be copied freely.
 */
#ifndef ISCSIDSC_BASE_FAULT_H
#define ISCSIDSC_BASE_FAULT_H

#include <stdint.h>

enum fault_kind {
	FAULT_NONE = 0,
	FAULT_NO_MEMORY,
	FAULT_RESOLVE,      /* the portal's name has no address; detail: EAI_ code */
	FAULT_SOURCE,       /* the initiator port asked for can't be used; detail: errno */
	FAULT_CONNECT,      /* TCP connect refused, unreachable, timed out; detail: errno */
	FAULT_CLOSED,       /* TCP connection ended by peer or network; detail: errno, 0 for FIN */
	FAULT_TIMEOUT,      /* a time limit of ours ran out */
	FAULT_PROTOCOL,     /* the peer broke RFC 7143 */
	FAULT_DIGEST,       /* CRC32C mismatch */
	FAULT_NEGOTIATION,  /* login keys could not be agreed */
	FAULT_LOGIN_STATUS, /* Login Response status class not 0; see status_class, status_detail */
	FAULT_AUTH,         /* the target failed our checks in CHAP, or would not authenticate */
	FAULT_VERIFIER,     /* nobody could tell whether the target's CHAP proof is right */
	FAULT_OTHER_GROUP,  /* the portal is of another portal group, or of another target */
	FAULT_OTHER_SESSION,/* the target opened a new session instead of joining ours (TRAP-5) */
	FAULT_TOO_MANY,     /* MaxConnections reached by our own count (TOL-5) */
	FAULT_LAST_CONN,    /* the session's only connection can't be removed */
	FAULT_LEADING_CONN, /* the leading connection can't be removed */
	FAULT_UNKNOWN_CONN, /* no connection with that id in the session */
	FAULT_REMOVING,     /* a removal runs already on this session */
	FAULT_BUSY,         /* the session is recovering */
	FAULT_GONE,         /* the session is closing, closed or failed for good */
	FAULT_LOGOUT,       /* Logout Response not 0; detail: its Response field */
	FAULT_REFUSED,      /* the target rejected the request; detail: Reject reason or response */
	FAULT_ABANDONED,    /* ended by us: shutdown, or the session was closed meanwhile */
	FAULT_SCSI,         /* a SCSI command that had to work did not; detail: SCSI status */
	FAULT_NO_IPSEC,     /* IPsec was asked for, and no key daemon is there */
	FAULT_IPSEC,        /* IPsec was asked for, and could not be set up with the peer, or here */
	FAULT_LOCAL,        /* this machine refused us something; detail: errno */
};

struct fault {
	enum fault_kind kind;
	int detail;
	uint8_t status_class, status_detail;
	char text[160]; /* one sentence for people, without a final full stop; may be empty */
};

/* Fills *fault; the text is formatted and cut to fit. Returns -1, so that a caller can return it. */
int fault_set(struct fault *fault, enum fault_kind kind, int detail, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
