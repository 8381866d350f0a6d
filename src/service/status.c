/*
 * status.c - see status.h. Login status classes and details: RFC 7143 section 11.13.5.
 */
#include "service/status.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "iscsierr.h"

static const struct {
	uint8_t class, detail;
	uint32_t status, added; /* added 0: the same */
} login_table[] = {
	{ 1, 1, ISDSC_TARGET_MOVED_TEMPORARILY, 0 },
	{ 1, 2, ISDSC_TARGET_MOVED_PERMANENTLY, 0 },
	{ 2, 0, ISDSC_INITIATOR_ERROR, 0 },
	{ 2, 1, ISDSC_AUTHENTICATION_FAILURE, 0 },
	{ 2, 2, ISDSC_AUTHORIZATION_FAILURE, 0 },
	{ 2, 3, ISDSC_NOT_FOUND, 0 },
	{ 2, 4, ISDSC_TARGET_REMOVED, 0 },
	{ 2, 5, ISDSC_UNSUPPORTED_VERSION, 0 },
	{ 2, 6, ISDSC_TOO_MANY_CONNECTIONS, 0 },
	{ 2, 7, ISDSC_MISSING_PARAMETER, 0 },
	{ 2, 8, ISDSC_CANT_INCLUDE_IN_SESSION, ISDSC_TOO_MANY_CONNECTIONS },
	{ 2, 9, ISDSC_SESSION_TYPE_NOT_SUPPORTED, 0 },
	{ 2, 10, ISDSC_LOGIN_FAILED, ISDSC_CANT_INCLUDE_IN_SESSION },
	{ 2, 11, ISDSC_INITIATOR_ERROR, 0 },
	{ 3, 0, ISDSC_TARGET_ERROR, 0 },
	{ 3, 1, ISDSC_SERVICE_UNAVAILABLE, 0 },
	{ 3, 2, ISDSC_OUT_OF_RESOURCES, 0 },
};

/* Details that the RFC does not know count as the general failure of their class. */
static uint32_t login_status(const struct fault *fault, int added)
{
	static const uint32_t general[] = {
		ISDSC_LOGIN_FAILED, ISDSC_LOGIN_FAILED, ISDSC_INITIATOR_ERROR, ISDSC_TARGET_ERROR,
	};

	for (size_t i = 0; i < sizeof(login_table) / sizeof(login_table[0]); i++)
		if (login_table[i].class == fault->status_class &&
		    login_table[i].detail == fault->status_detail)
			return added && login_table[i].added ? login_table[i].added
							     : login_table[i].status;
	return fault->status_class < 4 ? general[fault->status_class] : ISDSC_LOGIN_FAILED;
}

uint32_t status_of(const struct fault *fault, int added)
{
	/* Every kind has its row, so that a new one without an answer shows as a warning here. */
	switch (fault->kind) {
	case FAULT_NONE:
		return ERROR_SUCCESS;
	case FAULT_NO_MEMORY:
		return ERROR_NOT_ENOUGH_MEMORY;
	case FAULT_RESOLVE:
		return WSAHOST_NOT_FOUND;
	case FAULT_SOURCE:
		return ISDSC_INVALID_PORT_NUMBER;
	case FAULT_CONNECT:
	case FAULT_CLOSED:
	case FAULT_TIMEOUT:
		return ISDSC_CONNECTION_FAILED;
	case FAULT_PROTOCOL:
	case FAULT_DIGEST:
	case FAULT_NEGOTIATION:
		return ISDSC_LOGIN_FAILED;
	case FAULT_REFUSED:
		return ISDSC_TARGET_ERROR;
	case FAULT_LOGIN_STATUS:
		return login_status(fault, added);
	case FAULT_AUTH:
		return ISDSC_AUTHENTICATION_FAILURE;
	case FAULT_VERIFIER:
		return ISDSC_TARGET_AUTHINFO_UNAVAILABLE;
	case FAULT_OTHER_GROUP:
	case FAULT_OTHER_SESSION:
		return ISDSC_CANT_INCLUDE_IN_SESSION;
	case FAULT_TOO_MANY:
		return ISDSC_TOO_MANY_CONNECTIONS;
	case FAULT_LAST_CONN:
		return ISDSC_CANT_REMOVE_LAST_CONNECTION;
	case FAULT_LEADING_CONN:
		return ISDSC_CANNOT_REMOVE_LEADING_CONNECTION;
	case FAULT_UNKNOWN_CONN:
		return ISDSC_INVALID_CONNECTION_ID;
	case FAULT_REMOVING:
		return ISDSC_REMOVE_CONNECTION_IN_PROGRESS;
	case FAULT_BUSY:
		return ISDSC_SESSION_BUSY;
	case FAULT_GONE:
	case FAULT_ABANDONED:
		return ISDSC_INVALID_SESSION_ID;
	case FAULT_LOGOUT:
		return ISDSC_TARGET_ERROR;
	case FAULT_SCSI:
		return ISDSC_SCSI_REQUEST_FAILED;
	case FAULT_NO_IPSEC:
		return ISDSC_IPSEC_NOT_SUPPORTED_ON_OS;
	case FAULT_IPSEC:
		return ISDSC_FAILED_TO_CONFIGURE_IPSEC;
	case FAULT_LOCAL:
		return ISDSC_OUT_OF_RESOURCES;
	}
	return ISDSC_NON_SPECIFIC_ERROR;
}

const char *status_cause(const struct fault *fault, const char *host, unsigned port)
{
	char prefix[sizeof(fault->text)];
	int len = snprintf(prefix, sizeof(prefix), "%s:%u: ", host, port);

	if (len >= (int)sizeof(prefix) || strncmp(fault->text, prefix, (size_t)len) != 0)
		return NULL;
	return fault->text + len;
}

uint32_t status_of_errno(int error)
{
	switch (error) {
	case 0:
		return ERROR_SUCCESS;
	case -ENOMEM:
		return ERROR_NOT_ENOUGH_MEMORY;
	case -EINVAL:
		return ERROR_INVALID_PARAMETER;
	case -ENOSPC:
	case -EMFILE:
	case -ENFILE:
		return ISDSC_OUT_OF_RESOURCES;
	case -EIO:
	case -EROFS:
		return ERROR_IO_DEVICE;
	default:
		return ISDSC_NON_SPECIFIC_ERROR;
	}
}

int status_may_pass(uint32_t status)
{
	switch (status) {
	case ISDSC_CONNECTION_FAILED:
	case WSAHOST_NOT_FOUND:
	case ISDSC_TARGET_ERROR:
	case ISDSC_SERVICE_UNAVAILABLE:
	case ISDSC_OUT_OF_RESOURCES:
	case ISDSC_INVALID_PORT_NUMBER: /* the interface may come */
	case ISDSC_TARGET_AUTHINFO_UNAVAILABLE: /* so may a RADIUS server */
	case ISDSC_IPSEC_NOT_SUPPORTED_ON_OS:   /* or a key daemon */
	case ISDSC_FAILED_TO_CONFIGURE_IPSEC:
	case ERROR_NOT_ENOUGH_MEMORY:
		return 1;
	default:
		return 0;
	}
}

uint32_t status_of_socket(int error)
{
	static const struct {
		int error;
		uint32_t status;
	} table[] = {
		{ 0, ERROR_SUCCESS }, { EACCES, WSAEACCES }, { EPERM, WSAEACCES }, { EINVAL, WSAEINVAL },
		{ EADDRINUSE, WSAEADDRINUSE }, { EADDRNOTAVAIL, WSAEADDRNOTAVAIL },
		{ EAFNOSUPPORT, WSAENETUNREACH }, { ENETDOWN, WSAENETDOWN },
		{ ENETUNREACH, WSAENETUNREACH }, { ECONNABORTED, WSAECONNABORTED },
		{ ECONNRESET, WSAECONNRESET }, { EPIPE, WSAECONNRESET }, { ENOBUFS, WSAENOBUFS },
		{ ENOTCONN, WSAENOTCONN }, { ETIMEDOUT, WSAETIMEDOUT },
		{ ECONNREFUSED, WSAECONNREFUSED }, { EHOSTDOWN, WSAEHOSTDOWN },
		{ EHOSTUNREACH, WSAEHOSTUNREACH },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].error == -error)
			return table[i].status;
	return status_of_errno(error);
}

uint32_t status_of_lookup(int eai)
{
	switch (eai) {
	case EAI_AGAIN:
		return WSATRY_AGAIN;
	case EAI_FAIL:
		return WSANO_RECOVERY;
	case EAI_NODATA:
		return WSANO_DATA;
	case EAI_MEMORY:
		return ERROR_NOT_ENOUGH_MEMORY;
	default:
		return WSAHOST_NOT_FOUND;
	}
}
