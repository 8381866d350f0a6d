/*
 * iscsierr.h - the status codes of the iSCSI Discovery Library.
 *
 * What it is: every ISDSC_ code with Microsoft's name and number, and the Win32 and Winsock codes
 * that the functions of iscsidsc.h can return. What it is not: an errno list, or HRESULTs. Nothing
 * goes through GetLastError; the function's return value is the only place where a status stands.
 *
 * 0 is success. 0xEFFF.... is an error of iSCSI, 0xAFFF.... a warning: the call did its work, in
 * whole or in part. Anything else is a Win32 or Winsock code.
 *
 * The header stands alone and is clean as C and as C++. Win32 and Winsock names keep a definition
 * that stands already. Source: the public Windows SDK names and numbers; the words are ours.
 */
#ifndef ISCSIERR_H
#define ISCSIERR_H

#include <stdint.h>

/* What every function returns: 32 bits, unsigned. */
typedef uint32_t ISDSC_STATUS;

/*
 * Codes of iSCSI.
 */
/* Catch-all failure with no more exact code. */
#define ISDSC_NON_SPECIFIC_ERROR 0xEFFF0001u
/* iSCSI login phase failed. */
#define ISDSC_LOGIN_FAILED 0xEFFF0002u
/* TCP connection to the portal could not be made or was lost. */
#define ISDSC_CONNECTION_FAILED 0xEFFF0003u
/* An initiator node with that name is already there. */
#define ISDSC_INITIATOR_NODE_ALREADY_EXISTS 0xEFFF0004u
/* No initiator node with that name. */
#define ISDSC_INITIATOR_NODE_NOT_FOUND 0xEFFF0005u
/* Target redirected the login for now (login status class 1, detail 1). */
#define ISDSC_TARGET_MOVED_TEMPORARILY 0xEFFF0006u
/* Target redirected the login for good (login status class 1, detail 2). */
#define ISDSC_TARGET_MOVED_PERMANENTLY 0xEFFF0007u
/* Target blamed the initiator for a failed login (login status class 2, general). */
#define ISDSC_INITIATOR_ERROR 0xEFFF0008u
/* Authentication (e.g. CHAP) was rejected or could not be agreed. */
#define ISDSC_AUTHENTICATION_FAILURE 0xEFFF0009u
/* Initiator is not allowed to use this target. */
#define ISDSC_AUTHORIZATION_FAILURE 0xEFFF000Au
/* Target answered that the requested target does not exist. */
#define ISDSC_NOT_FOUND 0xEFFF000Bu
/* Target answered that it was removed and no forwarding address exists. */
#define ISDSC_TARGET_REMOVED 0xEFFF000Cu
/* Target does not support the iSCSI version asked for. */
#define ISDSC_UNSUPPORTED_VERSION 0xEFFF000Du
/* Session already has as many connections as were negotiated or are allowed. */
#define ISDSC_TOO_MANY_CONNECTIONS 0xEFFF000Eu
/* A required login key or parameter was missing. */
#define ISDSC_MISSING_PARAMETER 0xEFFF000Fu
/* Target will not add this connection to that session. */
#define ISDSC_CANT_INCLUDE_IN_SESSION 0xEFFF0010u
/* Target does not support that kind of session. */
#define ISDSC_SESSION_TYPE_NOT_SUPPORTED 0xEFFF0011u
/* Target reported an internal error (login status class 3). */
#define ISDSC_TARGET_ERROR 0xEFFF0012u
/* Target service is at present not available. */
#define ISDSC_SERVICE_UNAVAILABLE 0xEFFF0013u
/* Not enough resources. */
#define ISDSC_OUT_OF_RESOURCES 0xEFFF0014u
/* The initiator node already has such a connection. */
#define ISDSC_CONNECTION_ALREADY_EXISTS 0xEFFF0015u
/* Such a session is already there. */
#define ISDSC_SESSION_ALREADY_EXISTS 0xEFFF0016u
/* No initiator instance (adapter) with the given name. */
#define ISDSC_INITIATOR_INSTANCE_NOT_FOUND 0xEFFF0017u
/* Target is already in the list. */
#define ISDSC_TARGET_ALREADY_EXISTS 0xEFFF0018u
/* Initiator driver broke its contract and did not finish an operation properly. */
#define ISDSC_DRIVER_BUG 0xEFFF0019u
/* Malformed or unknown key in iSCSI text. */
#define ISDSC_INVALID_TEXT_KEY 0xEFFF001Au
/* SendTargets response could not be parsed. */
#define ISDSC_INVALID_SENDTARGETS_TEXT 0xEFFF001Bu
/* Session id is unknown, or the session has been logged out. */
#define ISDSC_INVALID_SESSION_ID 0xEFFF001Cu
/* SCSI command ended with other than GOOD status; see the status and sense outputs. */
#define ISDSC_SCSI_REQUEST_FAILED 0xEFFF001Du
/* Initiator is at its limit of sessions. */
#define ISDSC_TOO_MANY_SESSIONS 0xEFFF001Eu
/* Another request is still running on that session; try again. */
#define ISDSC_SESSION_BUSY 0xEFFF001Fu
/* The bus/target/LUN mapping asked for cannot be given. */
#define ISDSC_TARGET_MAPPING_UNAVAILABLE 0xEFFF0020u
/* Target address is of a kind that is not supported. */
#define ISDSC_ADDRESS_TYPE_NOT_SUPPORTED 0xEFFF0021u
/* Logon failed (second, separate code from LOGIN_FAILED). */
#define ISDSC_LOGON_FAILED 0xEFFF0022u
/* Sending on the TCP connection failed. */
#define ISDSC_SEND_FAILED 0xEFFF0023u
/* Error in the TCP transport. */
#define ISDSC_TRANSPORT_ERROR 0xEFFF0024u
/* iSCSI versions of the two ends do not match. */
#define ISDSC_VERSION_MISMATCH 0xEFFF0025u
/* Mapping address is beyond what the adapter allows. */
#define ISDSC_TARGET_MAPPING_OUT_OF_RANGE 0xEFFF0026u
/* No preshared key for the target or for the IKE identification payload. */
#define ISDSC_TARGET_PRESHAREDKEY_UNAVAILABLE 0xEFFF0027u
/* No authentication information stored for the target. */
#define ISDSC_TARGET_AUTHINFO_UNAVAILABLE 0xEFFF0028u
/* Target name is not in the discovered list, or is hidden from login. */
#define ISDSC_TARGET_NOT_FOUND 0xEFFF0029u
/* One or more login parameters are not valid. */
#define ISDSC_LOGIN_USER_INFO_BAD 0xEFFF002Au
/* That target mapping is already in use. */
#define ISDSC_TARGET_MAPPING_EXISTS 0xEFFF002Bu
/* Adapter has no room left for security information. */
#define ISDSC_HBA_SECURITY_CACHE_FULL 0xEFFF002Cu
/* Initiator port number is not valid for that initiator. */
#define ISDSC_INVALID_PORT_NUMBER 0xEFFF002Du
/* Operation worked for some but not all initiators or discovery methods. */
#define ISDSC_OPERATION_NOT_ALL_SUCCESS 0xAFFF002Eu
/* Adapter keeps no security information. */
#define ISDSC_HBA_SECURITY_CACHE_NOT_SUPPORTED 0xEFFF002Fu
/* IKE identification payload type is not supported. */
#define ISDSC_IKE_ID_PAYLOAD_TYPE_NOT_SUPPORTED 0xEFFF0030u
/* IKE identification payload has the wrong length. */
#define ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE 0xEFFF0031u
/* Target portal record is already there. */
#define ISDSC_TARGET_PORTAL_ALREADY_EXISTS 0xEFFF0032u
/* Target address record is already there. */
#define ISDSC_TARGET_ADDRESS_ALREADY_EXISTS 0xEFFF0033u
/* No IKE authentication information is stored. */
#define ISDSC_NO_AUTH_INFO_AVAILABLE 0xEFFF0034u
/* No tunnel-mode outer address is configured. */
#define ISDSC_NO_TUNNEL_OUTER_MODE_ADDRESS 0xEFFF0035u
/* Stored authentication or tunnel data is damaged. */
#define ISDSC_CACHE_CORRUPTED 0xEFFF0036u
/* Request is not supported. */
#define ISDSC_REQUEST_NOT_SUPPORTED 0xEFFF0037u
/* Target lacks resources for the request (the spelling is Microsoft's). */
#define ISDSC_TARGET_OUT_OF_RESORCES 0xEFFF0038u
/* Initiator service gave no answer to the driver. */
#define ISDSC_SERVICE_DID_NOT_RESPOND 0xEFFF0039u
/* iSNS server unknown or unreachable. */
#define ISDSC_ISNS_SERVER_NOT_FOUND 0xEFFF003Au
/* Done, but takes effect only after a driver reload or restart. */
#define ISDSC_OPERATION_REQUIRES_REBOOT 0xAFFF003Bu
/* No target portal is known or given to log in through. */
#define ISDSC_NO_PORTAL_SPECIFIED 0xEFFF003Cu
/* A session's only connection cannot be removed; log the session out instead. */
#define ISDSC_CANT_REMOVE_LAST_CONNECTION 0xEFFF003Du
/* The initiator service is not running. */
#define ISDSC_SERVICE_NOT_RUNNING 0xEFFF003Eu
/* A session to this target is already up and multipath was not asked for. */
#define ISDSC_TARGET_ALREADY_LOGGED_IN 0xEFFF003Fu
/* Logout refused because a device of the session is in use. */
#define ISDSC_DEVICE_BUSY_ON_SESSION 0xEFFF0040u
/* Persistent login could not be stored. */
#define ISDSC_COULD_NOT_SAVE_PERSISTENT_LOGIN_DATA 0xEFFF0041u
/* Persistent login could not be deleted. */
#define ISDSC_COULD_NOT_REMOVE_PERSISTENT_LOGIN_DATA 0xEFFF0042u
/* Portal is not in the list. */
#define ISDSC_PORTAL_NOT_FOUND 0xEFFF0043u
/* Initiator name is not known. */
#define ISDSC_INITIATOR_NOT_FOUND 0xEFFF0044u
/* No discovery mechanism with that identifier for the target. */
#define ISDSC_DISCOVERY_MECHANISM_NOT_FOUND 0xEFFF0045u
/* IPsec for iSCSI is not supported on this system. */
#define ISDSC_IPSEC_NOT_SUPPORTED_ON_OS 0xEFFF0046u
/* Service gave up waiting for the persistent logins. */
#define ISDSC_PERSISTENT_LOGIN_TIMEOUT 0xEFFF0047u
/* CHAP secret is below 96 bits: usable only where IPsec protects the connection. */
#define ISDSC_SHORT_CHAP_SECRET 0xAFFF0048u
/* Evaluation period is over (the spelling is Microsoft's). */
#define ISDSC_EVALUATION_PEROID_EXPIRED 0xEFFF0049u
/* CHAP secret does not meet the standard. */
#define ISDSC_INVALID_CHAP_SECRET 0xEFFF004Au
/* Target CHAP secret not valid: 12 to 16 bytes (1 to 16 with IPsec). */
#define ISDSC_INVALID_TARGET_CHAP_SECRET 0xEFFF004Bu
/* Initiator CHAP secret not valid: 12 to 16 bytes (1 to 16 with IPsec). */
#define ISDSC_INVALID_INITIATOR_CHAP_SECRET 0xEFFF004Cu
/* CHAP user name not valid. */
#define ISDSC_INVALID_CHAP_USER_NAME 0xEFFF004Du
/* Authentication type not valid. */
#define ISDSC_INVALID_LOGON_AUTH_TYPE 0xEFFF004Eu
/* Target mapping data not valid. */
#define ISDSC_INVALID_TARGET_MAPPING 0xEFFF004Fu
/* Target id inside a target mapping not valid. */
#define ISDSC_INVALID_TARGET_ID 0xEFFF0050u
/* iSCSI name has bad characters or is too long. */
#define ISDSC_INVALID_ISCSI_NAME 0xEFFF0051u
/* iSNS server speaks a version the client does not. */
#define ISDSC_INCOMPATIBLE_ISNS_VERSION 0xEFFF0052u
/* IPsec could not be set up for the connection. */
#define ISDSC_FAILED_TO_CONFIGURE_IPSEC 0xEFFF0053u
/* Buffer inside the request is too small. */
#define ISDSC_BUFFER_TOO_SMALL 0xEFFF0054u
/* Load balance policy value not known. */
#define ISDSC_INVALID_LOAD_BALANCE_POLICY 0xEFFF0055u
/* One or more parameters not valid. */
#define ISDSC_INVALID_PARAMETER 0xEFFF0056u
/* Setting the policy: the same path id appears twice. */
#define ISDSC_DUPLICATE_PATH_SPECIFIED 0xEFFF0057u
/* Setting the policy: number of paths differs from the session's paths. */
#define ISDSC_PATH_COUNT_MISMATCH 0xEFFF0058u
/* Setting the policy: unknown path id. */
#define ISDSC_INVALID_PATH_ID 0xEFFF0059u
/* Setting the policy: more than one primary where only one is allowed. */
#define ISDSC_MULTIPLE_PRIMARY_PATHS_SPECIFIED 0xEFFF005Au
/* Setting the policy: no primary path given where one is needed. */
#define ISDSC_NO_PRIMARY_PATH_SPECIFIED 0xEFFF005Bu
/* Device or volume is already in the persistent-device list. */
#define ISDSC_DEVICE_ALREADY_PERSISTENTLY_BOUND 0xEFFF005Cu
/* Device or volume is not there, or not in the persistent-device list. */
#define ISDSC_DEVICE_NOT_FOUND 0xEFFF005Du
/* Device is not on an iSCSI disk, or its session has no persistent login. */
#define ISDSC_DEVICE_NOT_ISCSI_OR_PERSISTENT 0xEFFF005Eu
/* DNS name did not resolve. */
#define ISDSC_DNS_NAME_UNRESOLVED 0xEFFF005Fu
/* Session has at present no working connection for the request. */
#define ISDSC_NO_CONNECTION_AVAILABLE 0xEFFF0060u
/* Load balance policy known but not supported. */
#define ISDSC_LB_POLICY_NOT_SUPPORTED 0xEFFF0061u
/* A connection removal is already running on this session. */
#define ISDSC_REMOVE_CONNECTION_IN_PROGRESS 0xEFFF0062u
/* Connection id is not part of the session. */
#define ISDSC_INVALID_CONNECTION_ID 0xEFFF0063u
/* The session's first (leading) connection cannot be removed. */
#define ISDSC_CANNOT_REMOVE_LEADING_CONNECTION 0xEFFF0064u
/* Forbidden by the machine's group policy. */
#define ISDSC_RESTRICTED_BY_GROUP_POLICY 0xEFFF0065u
/* Firewall exception for iSNS is not enabled. */
#define ISDSC_ISNS_FIREWALL_BLOCKED 0xEFFF0066u
/* Load balance policy could not be stored. */
#define ISDSC_FAILURE_TO_PERSIST_LB_POLICY 0xEFFF0067u
/* Name could not be turned into an IP address. */
#define ISDSC_INVALID_HOST 0xEFFF0068u

/*
 * A name that only the page of AddPersistentIScsiDevice uses.
 */
/* The same as ISDSC_DEVICE_ALREADY_PERSISTENTLY_BOUND. */
#ifndef ISDSC_VOLUME_ALREADY_PERSISTENTLY_BOUND
#define ISDSC_VOLUME_ALREADY_PERSISTENTLY_BOUND ISDSC_DEVICE_ALREADY_PERSISTENTLY_BOUND
#endif

/*
 * Win32 codes that the functions can return. Values as on Windows.
 */
/* Done. */
#ifndef ERROR_SUCCESS
#define ERROR_SUCCESS 0
#endif
/* Caller's buffer is too small (or NULL); the size argument now holds what is needed. */
#ifndef ERROR_INSUFFICIENT_BUFFER
#define ERROR_INSUFFICIENT_BUFFER 122
#endif
/* A parameter is not acceptable. */
#ifndef ERROR_INVALID_PARAMETER
#define ERROR_INVALID_PARAMETER 87
#endif
/* Memory could not be had. */
#ifndef ERROR_NOT_ENOUGH_MEMORY
#define ERROR_NOT_ENOUGH_MEMORY 8
#endif
/* A pointer given by the caller could not be read or written. */
#ifndef ERROR_NOACCESS
#define ERROR_NOACCESS 998
#endif
/* Caller lacks the rights (the service's calls need an administrator). */
#ifndef ERROR_ACCESS_DENIED
#define ERROR_ACCESS_DENIED 5
#endif
/* Service has not been started. */
#ifndef ERROR_SERVICE_NOT_ACTIVE
#define ERROR_SERVICE_NOT_ACTIVE 1062
#endif
/* Service cannot be started because it is disabled. */
#ifndef ERROR_SERVICE_DISABLED
#define ERROR_SERVICE_DISABLED 1058
#endif
/* Service is not installed. */
#ifndef ERROR_SERVICE_DOES_NOT_EXIST
#define ERROR_SERVICE_DOES_NOT_EXIST 1060
#endif
/* Request is not supported. */
#ifndef ERROR_NOT_SUPPORTED
#define ERROR_NOT_SUPPORTED 50
#endif
/* Function is not implemented. */
#ifndef ERROR_CALL_NOT_IMPLEMENTED
#define ERROR_CALL_NOT_IMPLEMENTED 120
#endif
/* Object not found. */
#ifndef ERROR_FILE_NOT_FOUND
#define ERROR_FILE_NOT_FOUND 2
#endif
/* Element not found. */
#ifndef ERROR_NOT_FOUND
#define ERROR_NOT_FOUND 1168
#endif
/* Device does not work. */
#ifndef ERROR_GEN_FAILURE
#define ERROR_GEN_FAILURE 31
#endif
/* I/O to the device failed. */
#ifndef ERROR_IO_DEVICE
#define ERROR_IO_DEVICE 1117
#endif
/* Resource is in use. */
#ifndef ERROR_BUSY
#define ERROR_BUSY 170
#endif
/* Time ran out. */
#ifndef ERROR_TIMEOUT
#define ERROR_TIMEOUT 1460
#endif
/* Text has no mapping between the two character sets (A/W conversion). */
#ifndef ERROR_NO_UNICODE_TRANSLATION
#define ERROR_NO_UNICODE_TRANSLATION 1113
#endif
/* Service could not be reached by RPC. */
#ifndef RPC_S_SERVER_UNAVAILABLE
#define RPC_S_SERVER_UNAVAILABLE 1722
#endif

/*
 * Winsock codes: trouble with an address or a name. Values as on Windows.
 */
/* Permission denied. */
#ifndef WSAEACCES
#define WSAEACCES 10013
#endif
/* Invalid argument. */
#ifndef WSAEINVAL
#define WSAEINVAL 10022
#endif
/* Address in use. */
#ifndef WSAEADDRINUSE
#define WSAEADDRINUSE 10048
#endif
/* Local address not available. */
#ifndef WSAEADDRNOTAVAIL
#define WSAEADDRNOTAVAIL 10049
#endif
/* Network is down. */
#ifndef WSAENETDOWN
#define WSAENETDOWN 10050
#endif
/* Network unreachable. */
#ifndef WSAENETUNREACH
#define WSAENETUNREACH 10051
#endif
/* Connection aborted locally. */
#ifndef WSAECONNABORTED
#define WSAECONNABORTED 10053
#endif
/* Connection reset by the peer. */
#ifndef WSAECONNRESET
#define WSAECONNRESET 10054
#endif
/* No buffer space. */
#ifndef WSAENOBUFS
#define WSAENOBUFS 10055
#endif
/* Not connected. */
#ifndef WSAENOTCONN
#define WSAENOTCONN 10057
#endif
/* Connection timed out. */
#ifndef WSAETIMEDOUT
#define WSAETIMEDOUT 10060
#endif
/* Connection refused. */
#ifndef WSAECONNREFUSED
#define WSAECONNREFUSED 10061
#endif
/* Host is down. */
#ifndef WSAEHOSTDOWN
#define WSAEHOSTDOWN 10064
#endif
/* Host unreachable. */
#ifndef WSAEHOSTUNREACH
#define WSAEHOSTUNREACH 10065
#endif
/* Host name not found. */
#ifndef WSAHOST_NOT_FOUND
#define WSAHOST_NOT_FOUND 11001
#endif
/* Name server gave no answer; may work later. */
#ifndef WSATRY_AGAIN
#define WSATRY_AGAIN 11002
#endif
/* Name lookup failed for good. */
#ifndef WSANO_RECOVERY
#define WSANO_RECOVERY 11003
#endif
/* Name exists but has no address. */
#ifndef WSANO_DATA
#define WSANO_DATA 11004
#endif

#endif
