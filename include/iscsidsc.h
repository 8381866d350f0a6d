/*
 * iscsidsc.h - the iSCSI Discovery Library: Microsoft's 79 functions and their structures.
 *
 * What it is: names, numbers, layouts and signatures as on Windows x64, so that source written for
 * Windows builds here. What it is not: the extensions of this implementation (iscsidsc_ext.h), the
 * status codes (iscsierr.h, included), or a windows.h. It stands alone, is clean as C and as C++,
 * and keeps base types that a windows.h has declared before.
 *
 * Marks of source: [D] Microsoft's public pages, [H] the public Windows headers, [S] Microsoft's
 * public command line sample, [O] seen on Windows by programs that call the library, [L] chosen by
 * this library.
 *
 * COMMON RULES
 *
 * Result. ISDSC_STATUS: 0 is success, 0xAFFF.... a warning with the work done, anything else a
 * failure that left the outputs untouched, but for the sizes and counts named below. Besides what
 * a function lists, each one can return
 *   ERROR_INVALID_PARAMETER      a required pointer is NULL, a text does not end inside its array,
 *                                bits are unknown or contradict each other, a number is wrong
 *   ERROR_NO_UNICODE_TRANSLATION a text is not UTF-8 (A) or not UTF-16 (W)
 *   ERROR_NOT_ENOUGH_MEMORY      no memory, here or in the service
 *   ERROR_IO_DEVICE              what is to last can't be stored; nothing was changed
 *   ISDSC_SERVICE_NOT_RUNNING    the initiator service is not running, or ended in mid-call
 *   ERROR_ACCESS_DENIED          the caller may not do that: listing is for root, the service's own
 *                                user and the group iscsidsc; changing for the first two, and for
 *                                the group where the setting group-may-change is on; secrets are
 *                                for the first two alone
 *
 * A and W. A text is UTF-8, W text is UTF-16. A and W structures differ in size. With UNICODE
 * defined, the name without a suffix means W, else A. User names, passwords, secrets and keys are
 * bytes in both forms [H][S]. Texts in fixed arrays end with a NUL inside the array; what a limit counts
 * are UTF-8 bytes, in both forms [L]. There is no ANSI code page here: A is UTF-8 [L]. Names of targets,
 * instances and hosts compare without regard to letter case [O]; iSCSI names are folded to lower case at
 * entry. A BOOLEAN is true if it is not 0 [L].
 *
 * Calls block until the service has answered; the service bounds every call in time. Any thread
 * may call, also after fork. Nothing that a function returns is to be freed: results lie in the
 * caller's buffer, and pointers inside records point into the same buffer. What a caller passes in
 * is copied before the call returns.
 *
 * BUFFERS. A NULL buffer is a question for the size, whatever the size argument says. Too small:
 * ERROR_INSUFFICIENT_BUFFER, and the size argument, with the count where there is one, holds what
 * is needed. On success they hold what was returned. Lists can grow between two calls.
 *   multi-string    characters, all NULs counted; each text ends with NUL, one more ends the list;
 *                   the empty list is two NULs
 *   byte-sized      bytes, all that the records point to included; records come first, as an array
 *   counted         number of records
 *
 * INITIATOR. An instance is a name from ReportIScsiInitiatorList, not the node name [D][O]; NULL or ""
 * means any [D][O]. A port number is a source address of this machine [D], from 1 on; 0 is
 * ERROR_INVALID_PARAMETER [O]. ISCSI_ANY_INITIATOR_PORT lets routing choose; where something is removed
 * or set for ports, the same number means all of them [D]. ReportIScsiInitiatorPorts of iscsidsc_ext.h
 * lists the numbers.
 *
 * IDS of sessions and connections are opaque: nothing of ISID, TSIH or CID. They stay the same over
 * reconnects and are new at each login [D][O].
 */
#ifndef ISCSIDSC_H
#define ISCSIDSC_H

#include <stddef.h>
#include <stdint.h>
#if !defined(__cplusplus)
#include <uchar.h>
#endif

#include "iscsierr.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Base types with Windows' widths. ULONG is 32 bits wide here too. WCHAR is wchar_t where the
 * compiler makes that 16 bits wide (-fshort-wchar), so that L"" texts fit; else char16_t, for u"".
 */
#if !defined(_MINWINDEF_) && !defined(_WINDEF_) && !defined(_WINDEF_H) && !defined(_WINNT_)
typedef char CHAR;
typedef uint8_t UCHAR, BOOLEAN;
typedef uint16_t USHORT;
typedef int32_t LONG;
typedef uint32_t ULONG, DWORD;
typedef uint64_t ULONGLONG;
#if defined(__SIZEOF_WCHAR_T__) && __SIZEOF_WCHAR_T__ == 2
typedef wchar_t WCHAR;
#else
typedef char16_t WCHAR;
#endif
typedef void *PVOID;
typedef CHAR *PCHAR, *PSTR;
typedef UCHAR *PUCHAR;
typedef WCHAR *PWCHAR, *PWSTR;
typedef USHORT *PUSHORT;
typedef ULONG *PULONG;
#endif

/* A windows.h that came before must have given ULONG 32 and WCHAR 16 bits: here they are part of
 * the binary interface. */
typedef char ISCSIDSC_CHECK_WIDTHS[sizeof(ULONG) == 4 && sizeof(WCHAR) == 2 ? 1 : -1];

#ifndef MAX_PATH
#define MAX_PATH 260 /* length of the arrays for device names, in characters */
#endif
#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

/* A kind of device interface; fields in host byte order. */
#ifndef GUID_DEFINED
#define GUID_DEFINED
typedef struct {
	ULONG Data1;
	USHORT Data2;
	USHORT Data3;
	UCHAR Data4[8];
} GUID;
#endif

/* Where a device stands. Length is 8, the size of this structure; Lun is the LUN of this system. */
#if !defined(_NTDDSCSIH_) && !defined(_NTDDSCSI_H_)
typedef struct {
	ULONG Length;
	UCHAR PortNumber;
	UCHAR PathId;
	UCHAR TargetId;
	UCHAR Lun;
} SCSI_ADDRESS, *PSCSI_ADDRESS;
#endif

/* A device's kind (7 disk, 31 tape, 2 CD) and number; number -1 while unknown, partition 0. */
#if !defined(_WINIOCTL_) && !defined(_WINIOCTL_H_)
typedef DWORD DEVICE_TYPE;
typedef struct {
	DEVICE_TYPE DeviceType;
	DWORD DeviceNumber;
	DWORD PartitionNumber;
} STORAGE_DEVICE_NUMBER, *PSTORAGE_DEVICE_NUMBER;
#endif

/* The calling convention: none of its own here. */
#ifndef ISDSC_API
#define ISDSC_API
#endif

/*
 * Lengths. Those of 256 are whole arrays, NUL included; NAME_LEN and ALIAS_LEN are without it.
 */
#define MAX_ISCSI_HBANAME_LEN 256
#define MAX_ISCSI_NAME_LEN 223
#define MAX_ISCSI_ALIAS_LEN 255
#define MAX_ISCSI_PORTAL_NAME_LEN 256
#define MAX_ISCSI_PORTAL_ALIAS_LEN 256
#define MAX_ISCSI_TEXT_ADDRESS_LEN 256
#define MAX_ISCSI_PORTAL_ADDRESS_LEN 256
#define MAX_ISCSI_DISCOVERY_DOMAIN_LEN 256
#define MAX_RADIUS_ADDRESS_LEN 41 /* both terminators included */

/* Initiator port numbers: any one port (adding, logging in), every port (removing, keys). */
#define ISCSI_ANY_INITIATOR_PORT ((ULONG)-1)
#define ISCSI_ALL_INITIATOR_PORTS ((ULONG)-1)

/*
 * What to do about IPsec. The other bits count only with VALID; without it the bits stored for the
 * portal count, else the setting security-flags [D]. Main and aggressive mode exclude each other, so do
 * transport and tunnel mode: both at once is ERROR_INVALID_PARAMETER.
 */
typedef ULONGLONG ISCSI_SECURITY_FLAGS, *PISCSI_SECURITY_FLAGS;
#define ISCSI_SECURITY_FLAG_VALID 0x01
#define ISCSI_SECURITY_FLAG_IKE_IPSEC_ENABLED 0x02
#define ISCSI_SECURITY_FLAG_MAIN_MODE_ENABLED 0x04
#define ISCSI_SECURITY_FLAG_AGGRESSIVE_MODE_ENABLED 0x08
#define ISCSI_SECURITY_FLAG_PFS_ENABLED 0x10
#define ISCSI_SECURITY_FLAG_TRANSPORT_MODE_PREFERRED 0x20
#define ISCSI_SECURITY_FLAG_TUNNEL_MODE_PREFERRED 0x40

/*
 * How to log in. REQUIRE_IPSEC: not without IPsec, whatever the security flags say [D]. MULTIPATH_ENABLED
 * allows more than one session to a target: the caller must have multipath software [D].
 * ALLOW_PORTAL_HOPPING tries the target's other portals, as the driver's page has it [D]. RESERVED1 is
 * ignored.
 * USE_RADIUS_VERIFICATION, with mutual CHAP: a RADIUS server of the list tells whether the target's CHAP
 * response is right, in the place of the initiator's secret; the only algorithm is MD5 then, since RADIUS
 * has no other. Without mutual CHAP there is nothing to verify: ERROR_INVALID_PARAMETER [L].
 * USE_RADIUS_RESPONSE would have RADIUS make our own response, which RADIUS can't do (RFC 3723 section
 * 2.4.1): ERROR_NOT_SUPPORTED [L]. On discovery without CHAP both ask for nothing.
 */
typedef ULONG ISCSI_LOGIN_FLAGS, *PISCSI_LOGIN_FLAGS;
#define ISCSI_LOGIN_FLAG_REQUIRE_IPSEC 0x01
#define ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED 0x02
#define ISCSI_LOGIN_FLAG_RESERVED1 0x04
#define ISCSI_LOGIN_FLAG_ALLOW_PORTAL_HOPPING 0x08
#define ISCSI_LOGIN_FLAG_USE_RADIUS_RESPONSE 0x10
#define ISCSI_LOGIN_FLAG_USE_RADIUS_VERIFICATION 0x20

/* Which members of ISCSI_LOGIN_OPTIONS count. LoginFlags has no bit and always counts [H][S]. */
typedef ULONG ISCSI_LOGIN_OPTIONS_INFO_SPECIFIED, *PISCSI_LOGIN_OPTIONS_INFO_SPECIFIED;
#define ISCSI_LOGIN_OPTIONS_HEADER_DIGEST 0x01
#define ISCSI_LOGIN_OPTIONS_DATA_DIGEST 0x02
#define ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS 0x04
#define ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_WAIT 0x08
#define ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_RETAIN 0x10
#define ISCSI_LOGIN_OPTIONS_USERNAME 0x20
#define ISCSI_LOGIN_OPTIONS_PASSWORD 0x40
#define ISCSI_LOGIN_OPTIONS_AUTH_TYPE 0x80

/* The only value of ISCSI_LOGIN_OPTIONS.Version. */
#define ISCSI_LOGIN_OPTIONS_VERSION 0

/* What AddIScsiStaticTarget does with a target: keep it unknown until it is discovered too; keep
 * what is known of it and not given again. */
typedef ULONG ISCSI_TARGET_FLAGS, *PISCSI_TARGET_FLAGS;
#define ISCSI_TARGET_FLAG_HIDE_STATIC_TARGET 0x02
#define ISCSI_TARGET_FLAG_MERGE_TARGET_INFORMATION 0x04

/* Digests of PDU headers and of data. */
typedef enum {
	ISCSI_DIGEST_TYPE_NONE = 0,
	ISCSI_DIGEST_TYPE_CRC32C = 1
} ISCSI_DIGEST_TYPES, *PISCSI_DIGEST_TYPES;

/* Who proves who they are: nobody, the initiator, both. */
typedef enum {
	ISCSI_NO_AUTH_TYPE = 0,
	ISCSI_CHAP_AUTH_TYPE = 1,
	ISCSI_MUTUAL_CHAP_AUTH_TYPE = 2
} ISCSI_AUTH_TYPES, *PISCSI_AUTH_TYPES;

/* How IKE authenticates: by a key that both ends know. */
typedef enum {
	IKE_AUTHENTICATION_PRESHARED_KEY_METHOD = 1
} IKE_AUTHENTICATION_METHOD, *PIKE_AUTHENTICATION_METHOD;

/* What an IKE id holds: 4 bytes, a host name, user@host (both without NUL), 16 bytes. */
typedef UCHAR IKE_IDENTIFICATION_PAYLOAD_TYPE, *PIKE_IDENTIFICATION_PAYLOAD_TYPE;
#define ID_IPV4_ADDR 1
#define ID_FQDN 2
#define ID_USER_FQDN 3
#define ID_IPV6_ADDR 5

/* How a target is reached. */
typedef enum {
	ISCSI_TCP_PROTOCOL_TYPE = 0
} TARGETPROTOCOLTYPE, *PTARGETPROTOCOLTYPE;

/*
 * What GetIScsiTargetInformation tells: one TARGETPROTOCOLTYPE; a text; a multi-string; a ULONG
 * count and that many portal groups, each on a 4-byte boundary and Count portals long; one
 * ISCSI_TARGET_MAPPING (the page puts a count before it: header and sample do not); a text, without
 * any size when it is empty; one ULONG; one ISCSI_LOGIN_OPTIONS without its password [D][H][S].
 */
typedef enum {
	ProtocolType = 0,
	TargetAlias = 1,
	DiscoveryMechanisms = 2,
	PortalGroups = 3,
	PersistentTargetMappings = 4,
	InitiatorName = 5,
	TargetFlags = 6,
	LoginOptions = 7
} TARGET_INFORMATION_CLASS, *PTARGET_INFORMATION_CLASS;

/*
 * How to log in. Version is 0, else ERROR_INVALID_PARAMETER [D]. A member counts only if its bit is set
 * in InformationSpecified; the rest take the defaults [D]: those of the settings max-connections (8),
 * header-digest and data-digest (none), time2wait (0) and time2retain (20), and no authentication. The
 * 8 and the 0 are not the standard's 1 and 2 [L]: so that a session logged in with default options can
 * grow where the target allows it, and comes back at once. Time2Wait and Time2Retain are seconds, 0 to
 * 3600, that the target may change [D]. MaximumConnections is 1 to 65535, or 0 for as many as possible
 * [D]; offered are at most 64 [L].
 * Username is the CHAP name, the node name where it is absent or empty [D][H][S]; at most 255 bytes and
 * no NUL among them, else ISDSC_INVALID_CHAP_USER_NAME. Password is the secret that answers the target's
 * challenge: 12 to 16 bytes, 1 to 16 where the connection has IPsec, else
 * ISDSC_INVALID_TARGET_CHAP_SECRET [H]; it never comes back from a
 * listing [O]. Both are bytes, their lengths are without a NUL [S][O]. A listing gives pointers into the
 * caller's buffer.
 */
typedef struct {
	ULONG Version;
	ISCSI_LOGIN_OPTIONS_INFO_SPECIFIED InformationSpecified;
	ISCSI_LOGIN_FLAGS LoginFlags;
	ISCSI_AUTH_TYPES AuthType;
	ISCSI_DIGEST_TYPES HeaderDigest;
	ISCSI_DIGEST_TYPES DataDigest;
	ULONG MaximumConnections;
	ULONG DefaultTime2Wait;
	ULONG DefaultTime2Retain;
	ULONG UsernameLength;
	ULONG PasswordLength;
	PUCHAR Username;
	PUCHAR Password;
} ISCSI_LOGIN_OPTIONS, *PISCSI_LOGIN_OPTIONS;

/* An IKE id and its key, as bytes; lengths in bytes. The key is never returned. */
typedef struct {
	ISCSI_SECURITY_FLAGS SecurityFlags;
	IKE_IDENTIFICATION_PAYLOAD_TYPE IdType;
	ULONG IdLengthInBytes;
	PUCHAR Id;
	ULONG KeyLengthInBytes;
	PUCHAR Key;
} IKE_AUTHENTICATION_PRESHARED_KEY, *PIKE_AUTHENTICATION_PRESHARED_KEY;

/* How IKE authenticates; PsKey belongs to the one method. */
typedef struct {
	IKE_AUTHENTICATION_METHOD AuthMethod;
	IKE_AUTHENTICATION_PRESHARED_KEY PsKey;
} IKE_AUTHENTICATION_INFORMATION, *PIKE_AUTHENTICATION_INFORMATION;

/* A session, or a connection: opaque, compared as a whole. */
typedef struct {
	ULONGLONG AdapterUnique;
	ULONGLONG AdapterSpecific;
} ISCSI_UNIQUE_SESSION_ID, *PISCSI_UNIQUE_SESSION_ID;
typedef ISCSI_UNIQUE_SESSION_ID ISCSI_UNIQUE_CONNECTION_ID, *PISCSI_UNIQUE_CONNECTION_ID;

/* A LUN's number on this system and at the target. */
typedef struct {
	ULONG OSLUN;
	ULONGLONG TargetLUN;
} SCSI_LUN_LIST, *PSCSI_LUN_LIST;

/*
 * Which bus, target and LUN numbers a target's LUNs have on this system. LUNList has LUNCount
 * elements. A TargetLUN is written as for the SendScsi functions. In a request names and session
 * don't count, the numbers of this system may be 0xFFFFFFFF for any, and are 254 at most. LUNs left
 * out of a list are not shown to the system, as Microsoft's header says (a page says they are);
 * without a list all are. OSDeviceName is the folder in which the initiator's devices appear [L].
 */
typedef struct {
	CHAR InitiatorName[MAX_ISCSI_HBANAME_LEN];
	CHAR TargetName[MAX_ISCSI_NAME_LEN + 1];
	CHAR OSDeviceName[MAX_PATH];
	ISCSI_UNIQUE_SESSION_ID SessionId;
	ULONG OSBusNumber;
	ULONG OSTargetNumber;
	ULONG LUNCount;
	PSCSI_LUN_LIST LUNList;
} ISCSI_TARGET_MAPPINGA, *PISCSI_TARGET_MAPPINGA;
typedef struct {
	WCHAR InitiatorName[MAX_ISCSI_HBANAME_LEN];
	WCHAR TargetName[MAX_ISCSI_NAME_LEN + 1];
	WCHAR OSDeviceName[MAX_PATH];
	ISCSI_UNIQUE_SESSION_ID SessionId;
	ULONG OSBusNumber;
	ULONG OSTargetNumber;
	ULONG LUNCount;
	PSCSI_LUN_LIST LUNList;
} ISCSI_TARGET_MAPPINGW, *PISCSI_TARGET_MAPPINGW;

/*
 * A target's portal: free text, IP address or host name (IPv6 bare or in brackets), TCP port in
 * host byte order. There is no default port: 0 is ERROR_INVALID_PARAMETER.
 */
typedef struct {
	CHAR SymbolicName[MAX_ISCSI_PORTAL_NAME_LEN];
	CHAR Address[MAX_ISCSI_PORTAL_ADDRESS_LEN];
	USHORT Socket;
} ISCSI_TARGET_PORTALA, *PISCSI_TARGET_PORTALA;
typedef struct {
	WCHAR SymbolicName[MAX_ISCSI_PORTAL_NAME_LEN];
	WCHAR Address[MAX_ISCSI_PORTAL_ADDRESS_LEN];
	USHORT Socket;
} ISCSI_TARGET_PORTALW, *PISCSI_TARGET_PORTALW;

/* A portal that is asked for targets: initiator instance ("" any) and port, then the portal. */
typedef struct {
	CHAR InitiatorName[MAX_ISCSI_HBANAME_LEN];
	ULONG InitiatorPortNumber;
	CHAR SymbolicName[MAX_ISCSI_PORTAL_NAME_LEN];
	CHAR Address[MAX_ISCSI_PORTAL_ADDRESS_LEN];
	USHORT Socket;
} ISCSI_TARGET_PORTAL_INFOA, *PISCSI_TARGET_PORTAL_INFOA;
typedef struct {
	WCHAR InitiatorName[MAX_ISCSI_HBANAME_LEN];
	ULONG InitiatorPortNumber;
	WCHAR SymbolicName[MAX_ISCSI_PORTAL_NAME_LEN];
	WCHAR Address[MAX_ISCSI_PORTAL_ADDRESS_LEN];
	USHORT Socket;
} ISCSI_TARGET_PORTAL_INFOW, *PISCSI_TARGET_PORTAL_INFOW;

/* The same with the flags and options it was added with, the password excepted [O]. */
typedef struct {
	CHAR InitiatorName[MAX_ISCSI_HBANAME_LEN];
	ULONG InitiatorPortNumber;
	CHAR SymbolicName[MAX_ISCSI_PORTAL_NAME_LEN];
	CHAR Address[MAX_ISCSI_PORTAL_ADDRESS_LEN];
	USHORT Socket;
	ISCSI_SECURITY_FLAGS SecurityFlags;
	ISCSI_LOGIN_OPTIONS LoginOptions;
} ISCSI_TARGET_PORTAL_INFO_EXA, *PISCSI_TARGET_PORTAL_INFO_EXA;
typedef struct {
	WCHAR InitiatorName[MAX_ISCSI_HBANAME_LEN];
	ULONG InitiatorPortNumber;
	WCHAR SymbolicName[MAX_ISCSI_PORTAL_NAME_LEN];
	WCHAR Address[MAX_ISCSI_PORTAL_ADDRESS_LEN];
	USHORT Socket;
	ISCSI_SECURITY_FLAGS SecurityFlags;
	ISCSI_LOGIN_OPTIONS LoginOptions;
} ISCSI_TARGET_PORTAL_INFO_EXW, *PISCSI_TARGET_PORTAL_INFO_EXW;

/* Portals of one group; Portals has Count elements, also none. */
typedef struct {
	ULONG Count;
	ISCSI_TARGET_PORTALA Portals[1];
} ISCSI_TARGET_PORTAL_GROUPA, *PISCSI_TARGET_PORTAL_GROUPA;
typedef struct {
	ULONG Count;
	ISCSI_TARGET_PORTALW Portals[1];
} ISCSI_TARGET_PORTAL_GROUPW, *PISCSI_TARGET_PORTAL_GROUPW;

/*
 * A connection of a session. InitiatorAddress is the real local address, TargetAddress the portal's
 * text as the caller gave it; ports in host byte order; CID has its low byte
 * first [O].
 */
typedef struct {
	ISCSI_UNIQUE_CONNECTION_ID ConnectionId;
	PCHAR InitiatorAddress;
	PCHAR TargetAddress;
	USHORT InitiatorSocket;
	USHORT TargetSocket;
	UCHAR CID[2];
} ISCSI_CONNECTION_INFOA, *PISCSI_CONNECTION_INFOA;
typedef struct {
	ISCSI_UNIQUE_CONNECTION_ID ConnectionId;
	PWCHAR InitiatorAddress;
	PWCHAR TargetAddress;
	USHORT InitiatorSocket;
	USHORT TargetSocket;
	UCHAR CID[2];
} ISCSI_CONNECTION_INFOW, *PISCSI_CONNECTION_INFOW;

/*
 * A session. InitiatorName is the initiator's node name; TargetNodeName and TargetName are both the
 * target's name. ISID is as on the wire; TSID, the TSIH, has its low byte first, as CID [L].
 * Connections has ConnectionCount elements, the leading one first, and is NULL for none.
 */
typedef struct {
	ISCSI_UNIQUE_SESSION_ID SessionId;
	PCHAR InitiatorName;
	PCHAR TargetNodeName;
	PCHAR TargetName;
	UCHAR ISID[6];
	UCHAR TSID[2];
	ULONG ConnectionCount;
	PISCSI_CONNECTION_INFOA Connections;
} ISCSI_SESSION_INFOA, *PISCSI_SESSION_INFOA;
typedef struct {
	ISCSI_UNIQUE_SESSION_ID SessionId;
	PWCHAR InitiatorName;
	PWCHAR TargetNodeName;
	PWCHAR TargetName;
	UCHAR ISID[6];
	UCHAR TSID[2];
	ULONG ConnectionCount;
	PISCSI_CONNECTION_INFOW Connections;
} ISCSI_SESSION_INFOW, *PISCSI_SESSION_INFOW;

/*
 * A device of a session. InitiatorName is the instance. DeviceInterfaceType tells its kind.
 * LegacyName is the path that opens it: for a disk the NBD socket, "" for a device without a disk.
 */
typedef struct {
	CHAR InitiatorName[MAX_ISCSI_HBANAME_LEN];
	CHAR TargetName[MAX_ISCSI_NAME_LEN + 1];
	SCSI_ADDRESS ScsiAddress;
	GUID DeviceInterfaceType;
	CHAR DeviceInterfaceName[MAX_PATH];
	CHAR LegacyName[MAX_PATH];
	STORAGE_DEVICE_NUMBER StorageDeviceNumber;
	DWORD DeviceInstance;
} ISCSI_DEVICE_ON_SESSIONA, *PISCSI_DEVICE_ON_SESSIONA;
typedef struct {
	WCHAR InitiatorName[MAX_ISCSI_HBANAME_LEN];
	WCHAR TargetName[MAX_ISCSI_NAME_LEN + 1];
	SCSI_ADDRESS ScsiAddress;
	GUID DeviceInterfaceType;
	WCHAR DeviceInterfaceName[MAX_PATH];
	WCHAR LegacyName[MAX_PATH];
	STORAGE_DEVICE_NUMBER StorageDeviceNumber;
	DWORD DeviceInstance;
} ISCSI_DEVICE_ON_SESSIONW, *PISCSI_DEVICE_ON_SESSIONW;

/* A login that the service repeats at each start. Mappings is NULL for none; port -1 any. */
typedef struct {
	CHAR TargetName[MAX_ISCSI_NAME_LEN + 1];
	BOOLEAN IsInformationalSession;
	CHAR InitiatorInstance[MAX_ISCSI_HBANAME_LEN];
	ULONG InitiatorPortNumber;
	ISCSI_TARGET_PORTALA TargetPortal;
	ISCSI_SECURITY_FLAGS SecurityFlags;
	PISCSI_TARGET_MAPPINGA Mappings;
	ISCSI_LOGIN_OPTIONS LoginOptions;
} PERSISTENT_ISCSI_LOGIN_INFOA, *PPERSISTENT_ISCSI_LOGIN_INFOA;
typedef struct {
	WCHAR TargetName[MAX_ISCSI_NAME_LEN + 1];
	BOOLEAN IsInformationalSession;
	WCHAR InitiatorInstance[MAX_ISCSI_HBANAME_LEN];
	ULONG InitiatorPortNumber;
	ISCSI_TARGET_PORTALW TargetPortal;
	ISCSI_SECURITY_FLAGS SecurityFlags;
	PISCSI_TARGET_MAPPINGW Mappings;
	ISCSI_LOGIN_OPTIONS LoginOptions;
} PERSISTENT_ISCSI_LOGIN_INFOW, *PPERSISTENT_ISCSI_LOGIN_INFOW;

/*
 * What a connection negotiated. State: 0 login, 1 full feature, 2 logout. Protocol: 6, TCP.
 * Digests: 0 none, 1 CRC32C. MaxRecvDataSegmentLength: ours, bytes.
 * EstimatedThroughput: bytes a second, as learned from the connection's commands, 0 unknown [H].
 * MaxDatagramSize: 0. The numbers are those of the driver's class with the same members [L].
 */
typedef struct {
	ISCSI_UNIQUE_CONNECTION_ID ConnectionId;
	UCHAR State;
	UCHAR Protocol;
	UCHAR HeaderDigest;
	UCHAR DataDigest;
	ULONG MaxRecvDataSegmentLength;
	ISCSI_AUTH_TYPES AuthType;
	ULONGLONG EstimatedThroughput;
	ULONG MaxDatagramSize;
} ISCSI_CONNECTION_INFO_EX, *PISCSI_CONNECTION_INFO_EX;

/*
 * What a session negotiated. Type: 0 discovery, 1 informational, 2 data, 3 boot. Burst lengths in
 * bytes. Connections has ConnectionCount elements and is NULL for none.
 */
typedef struct {
	ISCSI_UNIQUE_SESSION_ID SessionId;
	BOOLEAN InitialR2t;
	BOOLEAN ImmediateData;
	UCHAR Type;
	BOOLEAN DataSequenceInOrder;
	BOOLEAN DataPduInOrder;
	UCHAR ErrorRecoveryLevel;
	ULONG MaxOutstandingR2t;
	ULONG FirstBurstLength;
	ULONG MaxBurstLength;
	ULONG MaximumConnections;
	ULONG ConnectionCount;
	PISCSI_CONNECTION_INFO_EX Connections;
} ISCSI_SESSION_INFO_EX, *PISCSI_SESSION_INFO_EX;

/* The version of initiator and service. */
typedef struct {
	ULONG MajorVersion;
	ULONG MinorVersion;
	ULONG BuildNumber;
} ISCSI_VERSION_INFO, *PISCSI_VERSION_INFO;

/*
 * DISCOVERY
 */

/*
 * Adds a portal to the list of those that are asked for their targets (SendTargets), and asks it at
 * once. The portal stays in the list also when asking fails; the result tells [O]. One that could
 * not be reached is asked again in the background, after 5 s (retry-time), then ever more seldom,
 * up to every 5 minutes, until it answers [L]; so are all portals at the start of the service.
 * Adding it again replaces its options and its symbolic name. LoginOptions are for the discovery session
 * and may be NULL; options and flags are kept bit for bit [O]. The list outlives the service [S][O].
 * Errors, portal not kept: those about arguments and options; ISDSC_INITIATOR_INSTANCE_NOT_FOUND;
 * ISDSC_OUT_OF_RESOURCES (too many).
 * Errors, portal kept: ISDSC_CONNECTION_FAILED, WSAHOST_NOT_FOUND, ISDSC_AUTHENTICATION_FAILURE and the
 * other results of a login (see LoginIScsiTarget); ISDSC_INVALID_PORT_NUMBER;
 * ISDSC_IPSEC_NOT_SUPPORTED_ON_OS, ISDSC_FAILED_TO_CONFIGURE_IPSEC, ERROR_NOT_SUPPORTED (RADIUS), not
 * contacted;
 * ISDSC_INVALID_ISCSI_NAME (the initiator's); ISDSC_INVALID_SENDTARGETS_TEXT. [D][O]
 */
ISDSC_STATUS ISDSC_API AddIScsiSendTargetPortalA(PSTR InitiatorInstance, ULONG
	InitiatorPortNumber, PISCSI_LOGIN_OPTIONS LoginOptions, ISCSI_SECURITY_FLAGS
	SecurityFlags, PISCSI_TARGET_PORTALA Portal);
ISDSC_STATUS ISDSC_API AddIScsiSendTargetPortalW(PWSTR InitiatorInstance, ULONG
	InitiatorPortNumber, PISCSI_LOGIN_OPTIONS LoginOptions, ISCSI_SECURITY_FLAGS
	SecurityFlags, PISCSI_TARGET_PORTALW Portal);

/*
 * Takes a portal off the list. Instance and port must be those it was added with; NULL is the entry for
 * any instance, ISCSI_ALL_INITIATOR_PORTS the entries of all its ports. Targets known only through it
 * that have no session go too [L].
 * Errors: ISDSC_PORTAL_NOT_FOUND; ISDSC_INITIATOR_INSTANCE_NOT_FOUND. [D]
 */
ISDSC_STATUS ISDSC_API RemoveIScsiSendTargetPortalA(PSTR InitiatorInstance, ULONG
	InitiatorPortNumber, PISCSI_TARGET_PORTALA Portal);
ISDSC_STATUS ISDSC_API RemoveIScsiSendTargetPortalW(PWSTR InitiatorInstance, ULONG
	InitiatorPortNumber, PISCSI_TARGET_PORTALW Portal);

/*
 * Asks a portal of the list for its targets, now, with the options that it was added with; its earlier
 * answer is replaced. Instance and port must be those it was added with.
 * Errors: ISDSC_PORTAL_NOT_FOUND; else as AddIScsiSendTargetPortal. [D]
 */
ISDSC_STATUS ISDSC_API RefreshIScsiSendTargetPortalA(PSTR InitiatorInstance, ULONG
	InitiatorPortNumber, PISCSI_TARGET_PORTALA Portal);
ISDSC_STATUS ISDSC_API RefreshIScsiSendTargetPortalW(PWSTR InitiatorInstance, ULONG
	InitiatorPortNumber, PISCSI_TARGET_PORTALW Portal);

/*
 * Lists the portals. Counted records. None: success, count 0. An entry made with NULL has the instance
 * "", one made with any port ISCSI_ANY_INITIATOR_PORT [S].
 * Errors: ERROR_INSUFFICIENT_BUFFER. [D]
 */
ISDSC_STATUS ISDSC_API ReportIScsiSendTargetPortalsA(PULONG PortalCount,
	PISCSI_TARGET_PORTAL_INFOA PortalInfo);
ISDSC_STATUS ISDSC_API ReportIScsiSendTargetPortalsW(PULONG PortalCount,
	PISCSI_TARGET_PORTAL_INFOW PortalInfo);

/*
 * Lists the portals with the flags and options that they were added with, the passwords excepted.
 * Byte-sized records; PortalCount is output only. The size returned is exact: records, then the bytes of
 * the user names. None: success, both 0.
 * Errors: ERROR_INSUFFICIENT_BUFFER. [H][O]
 */
ISDSC_STATUS ISDSC_API ReportIScsiSendTargetPortalsExA(PULONG PortalCount, PULONG
	PortalInfoSize, PISCSI_TARGET_PORTAL_INFO_EXA PortalInfo);
ISDSC_STATUS ISDSC_API ReportIScsiSendTargetPortalsExW(PULONG PortalCount, PULONG
	PortalInfoSize, PISCSI_TARGET_PORTAL_INFO_EXW PortalInfo);

/*
 * Lists the names of the known targets, each once, however often it was discovered [L], in the order in
 * which they became known. Multi-string; the size counts characters.
 * ForceUpdate not 0 asks every source first; else the answer is what was known. A NULL buffer
 * gives ERROR_INSUFFICIENT_BUFFER also when the list is empty: 2 characters are needed [S].
 * Errors: ERROR_INSUFFICIENT_BUFFER; warning ISDSC_OPERATION_NOT_ALL_SUCCESS: some sources did not
 * answer, the list is there. [D][O]
 */
ISDSC_STATUS ISDSC_API ReportIScsiTargetsA(BOOLEAN ForceUpdate, PULONG BufferSize, PCHAR
	Buffer);
ISDSC_STATUS ISDSC_API ReportIScsiTargetsW(BOOLEAN ForceUpdate, PULONG BufferSize, PWCHAR
	Buffer);

/*
 * Lists the portals of a target, by whatever way they are known, each once. Counted records.
 * InitiatorName is an instance; NULL: any. TargetPortalTag is an input: NULL for all groups, else the
 * group. A portal added by hand is of no known group until a login has told it [L]. Nothing is looked up
 * or asked, so there is no Winsock code.
 * Errors: ISDSC_TARGET_NOT_FOUND, ISDSC_INITIATOR_INSTANCE_NOT_FOUND, ERROR_INSUFFICIENT_BUFFER.
 * [D][H][O]
 */
ISDSC_STATUS ISDSC_API ReportIScsiTargetPortalsA(PSTR InitiatorName, PSTR TargetName,
	PUSHORT TargetPortalTag, PULONG ElementCount, PISCSI_TARGET_PORTALA Portals);
ISDSC_STATUS ISDSC_API ReportIScsiTargetPortalsW(PWSTR InitiatorName, PWSTR TargetName,
	PUSHORT TargetPortalTag, PULONG ElementCount, PISCSI_TARGET_PORTALW Portals);

/*
 * Tells what is known of a target by one way of discovery: each way has a record of its own, and
 * they may differ. Byte-sized, texts too. A hidden target can be asked for.
 *  DiscoveryMechanism  one of the texts that the class DiscoveryMechanisms lists, in any letter
 *                      case; only that class may be asked for with NULL or "". They are [L]
 *                        SendTargets:*ADDRESS SOCKET INSTANCE PORT   * in the place of any
 *                        iSNS:ADDRESS
 *                        HBA:INSTANCE                                added by hand
 *  InfoClass           TargetFlags, LoginOptions and PersistentTargetMappings are those given to
 *                      AddIScsiStaticTarget: 0, nothing specified, no LUNs for other ways.
 *                      InitiatorName is the instance that asks a SendTargets portal, empty for any:
 *                      then the size is 0
 * Errors: ISDSC_TARGET_NOT_FOUND, ISDSC_DISCOVERY_MECHANISM_NOT_FOUND,
 * ERROR_INSUFFICIENT_BUFFER. [D][H][S]
 */
ISDSC_STATUS ISDSC_API GetIScsiTargetInformationA(PSTR TargetName, PSTR
	DiscoveryMechanism, TARGET_INFORMATION_CLASS InfoClass, PULONG BufferSize, PVOID Buffer);
ISDSC_STATUS ISDSC_API GetIScsiTargetInformationW(PWSTR TargetName, PWSTR
	DiscoveryMechanism, TARGET_INFORMATION_CLASS InfoClass, PULONG BufferSize, PVOID Buffer);

/*
 * Adds a target by hand. Alias, mappings, options and group may be NULL; a group with Count 0 is
 * none.
 *  TargetFlags   HIDE_STATIC_TARGET: listings and logins don't know it until it is discovered too.
 *                MERGE_TARGET_INFORMATION: what is known by hand and not given here stays: alias,
 *                mappings, options not specified (of user name, password and AuthType all or none),
 *                portals; and it lasts if it did [L]. Without it, all of that is replaced; no error
 *  Persist       not 0: it outlives the service
 *  Mappings      wished for in logins that bring none; bus and target give way where they are taken
 *  LoginOptions  for logins: the members that these do not specify themselves. LoginFlags count
 *                where a login brings no options
 *  PortalGroup   portals for logins, at most 64; taken to be one group [L]
 * Errors: ISDSC_INVALID_ISCSI_NAME; ISDSC_INVALID_TARGET_MAPPING,
 * ISDSC_TARGET_MAPPING_OUT_OF_RANGE; those about options of LoginIScsiTarget;
 * ISDSC_OUT_OF_RESOURCES (more than 16384). [D][S]
 */
ISDSC_STATUS ISDSC_API AddIScsiStaticTargetA(PSTR TargetName, PSTR TargetAlias,
	ISCSI_TARGET_FLAGS TargetFlags, BOOLEAN Persist, PISCSI_TARGET_MAPPINGA Mappings,
	PISCSI_LOGIN_OPTIONS LoginOptions, PISCSI_TARGET_PORTAL_GROUPA PortalGroup);
ISDSC_STATUS ISDSC_API AddIScsiStaticTargetW(PWSTR TargetName, PWSTR TargetAlias,
	ISCSI_TARGET_FLAGS TargetFlags, BOOLEAN Persist, PISCSI_TARGET_MAPPINGW Mappings,
	PISCSI_LOGIN_OPTIONS LoginOptions, PISCSI_TARGET_PORTAL_GROUPW PortalGroup);

/*
 * Removes a target that was added by hand, its stored form too. If it is known by other ways, or
 * has a session, it stays known.
 * Errors: ISDSC_TARGET_NOT_FOUND. [D][O]
 */
ISDSC_STATUS ISDSC_API RemoveIScsiStaticTargetA(PSTR TargetName);
ISDSC_STATUS ISDSC_API RemoveIScsiStaticTargetW(PWSTR TargetName);

/*
 * Adds an iSNS server, by IP address or host name, and asks it for its targets; :PORT may follow where it
 * is not 3205 ([ADDRESS]:PORT for IPv6) [L]. It is stored for good, also if it can't be asked: then that
 * is tried again until it answers. One that is there already is asked again. At the server our node is
 * registered as an initiator, and asked for are the targets that it may see; it tells of changes, else it
 * is asked every minute. Servers are those of the list alone: none is taken from DHCP [L]. [D]
 * Errors: a Winsock code (WSAECONNREFUSED, WSAETIMEDOUT, WSAHOST_NOT_FOUND, ...; WSAECONNABORTED for what
 * is not iSNS); ERROR_INVALID_PARAMETER for what can be no address;
 * ISDSC_INCOMPATIBLE_ISNS_VERSION; ISDSC_OUT_OF_RESOURCES (more than 64). [D][H]
 */
ISDSC_STATUS ISDSC_API AddISNSServerA(PSTR Address);
ISDSC_STATUS ISDSC_API AddISNSServerW(PWSTR Address);

/*
 * Takes an iSNS server off the list. Targets that it told of stay, until the service restarts. Our
 * registration is withdrawn.
 * Errors: ISDSC_ISNS_SERVER_NOT_FOUND. [D]
 */
ISDSC_STATUS ISDSC_API RemoveISNSServerA(PSTR Address);
ISDSC_STATUS ISDSC_API RemoveISNSServerW(PWSTR Address);

/*
 * Asks an iSNS server again, all with NULL or "". Its earlier targets are replaced if it answers.
 * Errors: those of AddISNSServer; ISDSC_ISNS_SERVER_NOT_FOUND; for all servers the warning
 * ISDSC_OPERATION_NOT_ALL_SUCCESS: some did not answer. [D][S]
 */
ISDSC_STATUS ISDSC_API RefreshISNSServerA(PSTR Address);
ISDSC_STATUS ISDSC_API RefreshISNSServerW(PWSTR Address);

/*
 * Lists the iSNS servers as they were added. Multi-string; with a NULL buffer an empty list is a success,
 * of size 0.
 * Errors: ERROR_INSUFFICIENT_BUFFER. [D][O]
 */
ISDSC_STATUS ISDSC_API ReportISNSServerListA(PULONG BufferSizeInChar, PCHAR Buffer);
ISDSC_STATUS ISDSC_API ReportISNSServerListW(PULONG BufferSizeInChar, PWCHAR Buffer);

/*
 * SESSIONS AND CONNECTIONS
 */

/*
 * Opens a session to a known target, or stores a login to it.
 *  TargetName              must be known, by discovery or by hand, and not be hidden, else
 *                          ISDSC_TARGET_NOT_FOUND
 *  IsInformationalSession  not 0: no disks, only the SendScsi functions work on it
 *  InitiatorInstance       NULL: any; then the port must be ISCSI_ANY_INITIATOR_PORT [D]
 *  TargetPortal            portal of the first connection, and the only one that is tried but
 *                          with ALLOW_PORTAL_HOPPING; NULL: any portal of the target. One that was
 *                          not discovered is tried [L]. Redirections by the target are followed
 *  SecurityFlags           see the type; what is asked and can't be given refuses the login
 *  Mappings                one structure; NULL: what was given by hand for the target, then the
 *                          lowest numbers that are free
 *  LoginOptions            members not specified: what was given by hand for the target, then the
 *                          defaults
 *  KeySize, Key            IPsec key in bytes; 0 and NULL for none
 *  IsPersistent            not 0: the login is stored, and that is all: no session is opened now. Each
 *                          start of the service repeats it, and goes on trying until it works. One
 *                          for each target, instance, port and portal: the newer takes the older's
 *                          place. As Windows does it, though a page says that it logs in too [H][O]
 *  UniqueSessionId, UniqueConnectionId  outputs, required: the session, its leading connection;
 *                          both 0 when a login was only stored
 * Connecting and logging in have login-time seconds, 15 by default, together. A session whose connections
 * are lost is tried at once, then every retry-time seconds, 5 by default, for ever, until it is back or
 * LogoutIScsiTarget ends it [D][H][O]. Commands wait for it for hold-time seconds, 60 by default, and fail
 * then [D][H]; the devices stay, and work again when it is back. Windows takes them away instead: here
 * programs hold them open by their path, and would not find them again [L].
 * Errors: ISDSC_TARGET_NOT_FOUND; ISDSC_TARGET_ALREADY_LOGGED_IN (a session is up, and the
 * multipath flag was not given); ISDSC_INITIATOR_INSTANCE_NOT_FOUND; ISDSC_INVALID_PORT_NUMBER
 * (unknown, or of the other address family); ISDSC_NO_PORTAL_SPECIFIED; WSAHOST_NOT_FOUND;
 * ISDSC_CONNECTION_FAILED (refused, unreachable, timed out, lost in login);
 * ISDSC_AUTHENTICATION_FAILURE, ISDSC_AUTHORIZATION_FAILURE, ISDSC_NOT_FOUND,
 * ISDSC_TARGET_REMOVED, ISDSC_UNSUPPORTED_VERSION, ISDSC_TOO_MANY_CONNECTIONS,
 * ISDSC_MISSING_PARAMETER, ISDSC_SESSION_TYPE_NOT_SUPPORTED, ISDSC_INITIATOR_ERROR,
 * ISDSC_TARGET_ERROR, ISDSC_SERVICE_UNAVAILABLE, ISDSC_OUT_OF_RESOURCES (the target's login
 * status); ISDSC_LOGIN_FAILED (negotiation); ISDSC_INVALID_ISCSI_NAME (the initiator's node name is
 * none); ISDSC_INVALID_LOGON_AUTH_TYPE; ISDSC_INVALID_CHAP_USER_NAME;
 * ISDSC_INVALID_TARGET_CHAP_SECRET; ISDSC_INVALID_INITIATOR_CHAP_SECRET (mutual CHAP without an
 * initiator secret of 12 to 16 bytes, or both are equal); ISDSC_TARGET_AUTHINFO_UNAVAILABLE (RADIUS:
 * no server, no secret, or none could tell); ISDSC_IPSEC_NOT_SUPPORTED_ON_OS,
 * ISDSC_FAILED_TO_CONFIGURE_IPSEC; ERROR_NOT_SUPPORTED;
 * ISDSC_INVALID_TARGET_MAPPING (a LUN twice), ISDSC_TARGET_MAPPING_OUT_OF_RANGE,
 * ISDSC_TARGET_MAPPING_EXISTS (bus and target are taken), ISDSC_TARGET_MAPPING_UNAVAILABLE;
 * ISDSC_TOO_MANY_SESSIONS. When storing: ISDSC_TARGET_NOT_FOUND, those about arguments, and
 * ISDSC_COULD_NOT_SAVE_PERSISTENT_LOGIN_DATA (the store fails, or holds 4096). [D][H][O]
 */
ISDSC_STATUS ISDSC_API LoginIScsiTargetA(PSTR TargetName, BOOLEAN IsInformationalSession,
	PSTR InitiatorInstance, ULONG InitiatorPortNumber, PISCSI_TARGET_PORTALA TargetPortal,
	ISCSI_SECURITY_FLAGS SecurityFlags, PISCSI_TARGET_MAPPINGA Mappings, PISCSI_LOGIN_OPTIONS
	LoginOptions, ULONG KeySize, PCHAR Key, BOOLEAN IsPersistent, PISCSI_UNIQUE_SESSION_ID
	UniqueSessionId, PISCSI_UNIQUE_CONNECTION_ID UniqueConnectionId);
ISDSC_STATUS ISDSC_API LoginIScsiTargetW(PWSTR TargetName, BOOLEAN IsInformationalSession,
	PWSTR InitiatorInstance, ULONG InitiatorPortNumber, PISCSI_TARGET_PORTALW TargetPortal,
	ISCSI_SECURITY_FLAGS SecurityFlags, PISCSI_TARGET_MAPPINGW Mappings, PISCSI_LOGIN_OPTIONS
	LoginOptions, ULONG KeySize, PCHAR Key, BOOLEAN IsPersistent, PISCSI_UNIQUE_SESSION_ID
	UniqueSessionId, PISCSI_UNIQUE_CONNECTION_ID UniqueConnectionId);

/*
 * Adds a connection to a session that is up, as many as MaximumConnections was negotiated to at its login.
 *  Reserved             ignored: NULL by the page, an instance name by Microsoft's sample
 *  InitiatorPortNumber  source address, or ISCSI_ANY_INITIATOR_PORT
 *  TargetPortal         of the session's portal group; NULL: the session's own, or one of its group
 *                       [S][L]. One that was not discovered is tried [L]
 *  SecurityFlags, KeySize, Key  as for LoginIScsiTarget, for this connection
 *  LoginOptions         NULL: as the session's. MaximumConnections and the times are the session's
 *                       and are ignored here [L]; digests and CHAP are the connection's own
 *  ConnectionId         output, may be NULL [D][H]
 * The connection stays when the caller goes. It ends with the session: it is not stored, as on Windows,
 * unless the session has a persistent login and the setting persistent-connections of iscsidsc_ext.h is
 * on [L].
 * Errors: ISDSC_INVALID_SESSION_ID; ISDSC_SESSION_BUSY (the session is being brought back);
 * ISDSC_TOO_MANY_CONNECTIONS (as negotiated, logins under way counted);
 * ISDSC_CANT_INCLUDE_IN_SESSION (other group, other target, other session); the connect, login and
 * option errors of LoginIScsiTarget. [D][O]
 */
ISDSC_STATUS ISDSC_API AddIScsiConnectionA(PISCSI_UNIQUE_SESSION_ID UniqueSessionId, PVOID
	Reserved, ULONG InitiatorPortNumber, PISCSI_TARGET_PORTALA TargetPortal,
	ISCSI_SECURITY_FLAGS SecurityFlags, PISCSI_LOGIN_OPTIONS LoginOptions, ULONG KeySize,
	PCHAR Key, PISCSI_UNIQUE_CONNECTION_ID ConnectionId);
ISDSC_STATUS ISDSC_API AddIScsiConnectionW(PISCSI_UNIQUE_SESSION_ID UniqueSessionId, PVOID
	Reserved, ULONG InitiatorPortNumber, PISCSI_TARGET_PORTALW TargetPortal,
	ISCSI_SECURITY_FLAGS SecurityFlags, PISCSI_LOGIN_OPTIONS LoginOptions, ULONG KeySize,
	PCHAR Key, PISCSI_UNIQUE_CONNECTION_ID ConnectionId);

/*
 * Removes a connection, but never the last one, nor the leading one, which LogoutIScsiTarget ends [D].
 * Its commands end first or move to the others. The call returns when the connection is gone.
 * Errors: ISDSC_INVALID_SESSION_ID, ISDSC_INVALID_CONNECTION_ID, ISDSC_CANT_REMOVE_LAST_CONNECTION,
 * ISDSC_CANNOT_REMOVE_LEADING_CONNECTION, ISDSC_REMOVE_CONNECTION_IN_PROGRESS,
 * ISDSC_SESSION_BUSY. [D][H]
 */
ISDSC_STATUS ISDSC_API RemoveIScsiConnection(PISCSI_UNIQUE_SESSION_ID UniqueSessionId,
	PISCSI_UNIQUE_CONNECTION_ID ConnectionId);

/*
 * Closes a session with all its connections and disks, in bounded time also where the target does not
 * answer. One that is being brought back is given up [H]. A persistent login to the target stays stored
 * [O]. A disk is in use as long as a client has it open; one that has just closed it is waited for.
 * Errors: ISDSC_INVALID_SESSION_ID (also a second time); ISDSC_DEVICE_BUSY_ON_SESSION (a disk is in use);
 * ISDSC_SESSION_BUSY (a connection is being added). [D][O]
 */
ISDSC_STATUS ISDSC_API LogoutIScsiTarget(PISCSI_UNIQUE_SESSION_ID UniqueSessionId);

/*
 * Lists the sessions with their connections. Byte-sized records. None: success, count and size 0. One
 * that is being brought back is listed with all its connections, under the same ids. On
 * ERROR_INSUFFICIENT_BUFFER both size and count are set.
 * Errors: ERROR_INSUFFICIENT_BUFFER. [D][O]
 */
ISDSC_STATUS ISDSC_API GetIScsiSessionListA(PULONG BufferSize, PULONG SessionCount,
	PISCSI_SESSION_INFOA SessionInfo);
ISDSC_STATUS ISDSC_API GetIScsiSessionListW(PULONG BufferSize, PULONG SessionCount,
	PISCSI_SESSION_INFOW SessionInfo);

/*
 * Lists what sessions and connections negotiated. Byte-sized records; one form for A and W;
 * SessionCountPtr is output only. None: success, count and size 0. Discovery sessions are not listed [L].
 * Errors: ERROR_INSUFFICIENT_BUFFER. [H]
 */
ISDSC_STATUS ISDSC_API GetIScsiSessionListEx(PULONG BufferSize, PULONG SessionCountPtr,
	PISCSI_SESSION_INFO_EX SessionInfo);

/*
 * Lists the devices of a session. Counted records; on ERROR_INSUFFICIENT_BUFFER the count is the
 * number needed, though the page says otherwise [S][O]. It waits up to 10 s for a session that still
 * looks for its devices. None, as for an informational session: success, count 0 [L].
 * Errors: ISDSC_INVALID_SESSION_ID, ERROR_INSUFFICIENT_BUFFER, ISDSC_DEVICE_BUSY_ON_SESSION (still
 * looking). [D][O]
 */
ISDSC_STATUS ISDSC_API GetDevicesForIScsiSessionA(PISCSI_UNIQUE_SESSION_ID
	UniqueSessionId, PULONG DeviceCount, PISCSI_DEVICE_ON_SESSIONA Devices);
ISDSC_STATUS ISDSC_API GetDevicesForIScsiSessionW(PISCSI_UNIQUE_SESSION_ID
	UniqueSessionId, PULONG DeviceCount, PISCSI_DEVICE_ON_SESSIONW Devices);

/*
 * Lists bus, target and LUN numbers of all sessions but informational ones, which show no LUN. A
 * LUN appears once its device is ready. Byte-sized records. None: success, count and size 0.
 * Errors: ERROR_INSUFFICIENT_BUFFER. [D][O]
 */
ISDSC_STATUS ISDSC_API ReportActiveIScsiTargetMappingsA(PULONG BufferSize, PULONG
	MappingCount, PISCSI_TARGET_MAPPINGA Mappings);
ISDSC_STATUS ISDSC_API ReportActiveIScsiTargetMappingsW(PULONG BufferSize, PULONG
	MappingCount, PISCSI_TARGET_MAPPINGW Mappings);

/*
 * SCSI, on informational sessions and on others. Lun is the LUN at the target [D]: 0 to 255 (peripheral
 * form), 256 to 0x3FFF (flat form), or the eight raw bytes as a big-endian number [L]. ResponseSize in:
 * room in bytes, which is the allocation length; out: bytes returned, or needed. SenseSize in: room; out:
 * bytes of sense as the device sent it, 0 without sense [L]; 18 are what a caller should have at least
 * [D][H]. SenseBuffer may be NULL with size 0 only; sense beyond the room is cut. Sizing sends the command,
 * too. A unit attention is not told to the caller: the command is sent again [L].
 * The answer always comes from the target. Windows answers INQUIRY and REPORT LUNS from a cache while a
 * session is away, for the sake of its plug and play; there is none here [L].
 * Errors of all three: ERROR_INSUFFICIENT_BUFFER (NULL or no room; the sizes tell what is needed,
 * 18 for the sense); ISDSC_SCSI_REQUEST_FAILED (ScsiStatus and the sense tell);
 * ISDSC_INVALID_SESSION_ID; ISDSC_NO_CONNECTION_AVAILABLE (the session is being brought back, or was lost
 * during the command); ERROR_TIMEOUT (no answer within 30 s); ISDSC_TARGET_ERROR (the target's answer was
 * none). [D][H]
 */

/* INQUIRY. EvpdCmddt: bit 0 EVPD, bit 1 CmdDt; PageCode: byte 2 of the CDB. Errors: the common ones;
 * ERROR_INVALID_PARAMETER for other bits. [D] */
ISDSC_STATUS ISDSC_API SendScsiInquiry(PISCSI_UNIQUE_SESSION_ID UniqueSessionId, ULONGLONG
	Lun, UCHAR EvpdCmddt, UCHAR PageCode, PUCHAR ScsiStatus, PULONG ResponseSize, PUCHAR
	ResponseBuffer, PULONG SenseSize, PUCHAR SenseBuffer);

/* READ CAPACITY (10): 8 bytes. Errors: the common ones; less room is ERROR_INSUFFICIENT_BUFFER. [D][L] */
ISDSC_STATUS ISDSC_API SendScsiReadCapacity(PISCSI_UNIQUE_SESSION_ID UniqueSessionId,
	ULONGLONG Lun, PUCHAR ScsiStatus, PULONG ResponseSize, PUCHAR ResponseBuffer, PULONG
	SenseSize, PUCHAR SenseBuffer);

/* REPORT LUNS to the target. A longer answer than the room is cut to fit. Errors: the common ones. [D][L] */
ISDSC_STATUS ISDSC_API SendScsiReportLuns(PISCSI_UNIQUE_SESSION_ID UniqueSessionId, PUCHAR
	ScsiStatus, PULONG ResponseSize, PUCHAR ResponseBuffer, PULONG SenseSize, PUCHAR
	SenseBuffer);

/*
 * LOGINS AND DEVICES THAT LAST
 */

/*
 * Lists the logins that the service repeats at its start; note the order of the arguments. Byte-sized;
 * Count is output only. Mappings is NULL where there are none, the portal empty for any, the port number
 * ISCSI_ANY_INITIATOR_PORT for any; passwords are not returned [L]. None: success, count and size 0.
 * Errors: ERROR_INSUFFICIENT_BUFFER. [D][S]
 */
ISDSC_STATUS ISDSC_API ReportIScsiPersistentLoginsA(PULONG Count,
	PPERSISTENT_ISCSI_LOGIN_INFOA PersistentLoginInfo, PULONG BufferSizeInBytes);
ISDSC_STATUS ISDSC_API ReportIScsiPersistentLoginsW(PULONG Count,
	PPERSISTENT_ISCSI_LOGIN_INFOW PersistentLoginInfo, PULONG BufferSizeInBytes);

/*
 * Removes such logins: all that match. What the listing shows, given back, matches its entry. Sessions
 * stay up.
 *  InitiatorInstance    NULL or "": all. There is one: its name matches logins stored without [L]
 *  InitiatorPortNumber  ISCSI_ALL_INITIATOR_PORTS: all
 *  Portal               NULL, or address empty and socket 0: all; its symbolic name does not count
 * Errors: ISDSC_TARGET_NOT_FOUND (none matches); ISDSC_INITIATOR_INSTANCE_NOT_FOUND;
 * ISDSC_COULD_NOT_REMOVE_PERSISTENT_LOGIN_DATA. [D][S][O]
 */
ISDSC_STATUS ISDSC_API RemoveIScsiPersistentTargetA(PSTR InitiatorInstance, ULONG
	InitiatorPortNumber, PSTR TargetName, PISCSI_TARGET_PORTALA Portal);
ISDSC_STATUS ISDSC_API RemoveIScsiPersistentTargetW(PWSTR InitiatorInstance, ULONG
	InitiatorPortNumber, PWSTR TargetName, PISCSI_TARGET_PORTALW Portal);

/*
 * Persistently bound devices are disks that the start of the service waits for, up to the setting
 * bound-device-time, before it tells systemd that it is ready. Waited for are those whose target has a
 * persistent login. A disk is kept by its target and LUN: the path in LegacyName is a new one for each
 * session. It is listed by its path of today or, while it is not there, by a text like
 * "iscsi-iqn.2026-11.test:a-lun-0"; any of these, and the path's URI, names it in a call [L].
 */

/*
 * Makes the list anew, of all disks of the sessions that are up; disks that are just being found are
 * waited for, up to 10 s.
 * Errors: none of its own. [D]
 */
ISDSC_STATUS ISDSC_API SetupPersistentIScsiDevices(void);

/* The same as SetupPersistentIScsiDevices, as in Microsoft's library. Errors: none of its own. [O] */
ISDSC_STATUS ISDSC_API SetupPersistentIScsiVolumes(void);

/*
 * Adds a disk that is there, by its path. What Windows also takes, drive letters and mount points, does not
 * exist here [L].
 * Errors: ISDSC_DEVICE_NOT_ISCSI_OR_PERSISTENT (no disk of a session, or no persistent login to its
 * target); ISDSC_DEVICE_ALREADY_PERSISTENTLY_BOUND; ISDSC_OUT_OF_RESOURCES (more than 4096). [D]
 */
ISDSC_STATUS ISDSC_API AddPersistentIScsiDeviceA(PSTR DevicePath);
ISDSC_STATUS ISDSC_API AddPersistentIScsiDeviceW(PWSTR DevicePath);

/* Takes a device off the list. Errors: ISDSC_DEVICE_NOT_FOUND. [D] */
ISDSC_STATUS ISDSC_API RemovePersistentIScsiDeviceA(PSTR DevicePath);
ISDSC_STATUS ISDSC_API RemovePersistentIScsiDeviceW(PWSTR DevicePath);

/* Empties the list. Errors: none of its own. [D] */
ISDSC_STATUS ISDSC_API ClearPersistentIScsiDevices(void);

/*
 * Lists the bound devices. Multi-string; a NULL buffer gives ERROR_INSUFFICIENT_BUFFER.
 * Errors: ERROR_INSUFFICIENT_BUFFER. [D]
 */
ISDSC_STATUS ISDSC_API ReportPersistentIScsiDevicesA(PULONG BufferSizeInChar, PCHAR
	Buffer);
ISDSC_STATUS ISDSC_API ReportPersistentIScsiDevicesW(PULONG BufferSizeInChar, PWCHAR
	Buffer);

/*
 * THE INITIATOR
 */

/*
 * Lists the initiator instances. Multi-string; here it is one. A NULL buffer gives
 * ERROR_INSUFFICIENT_BUFFER [S].
 * Errors: ERROR_INSUFFICIENT_BUFFER. [D]
 */
ISDSC_STATUS ISDSC_API ReportIScsiInitiatorListA(PULONG BufferSize, PCHAR Buffer);
ISDSC_STATUS ISDSC_API ReportIScsiInitiatorListW(PULONG BufferSize, PWCHAR Buffer);

/*
 * Gets the initiator's node name: one for all instances. The buffer has no size argument: it must hold
 * MAX_ISCSI_NAME_LEN + 1 characters (the page says bytes, which are too few in the W form).
 * Errors: none of its own. [D][H]
 */
ISDSC_STATUS ISDSC_API GetIScsiInitiatorNodeNameA(PCHAR InitiatorNodeName);
ISDSC_STATUS ISDSC_API GetIScsiInitiatorNodeNameW(PWCHAR InitiatorNodeName);

/*
 * Sets the node name for new sessions; it lasts. NULL: back to the default, "iqn.1991-05.com.microsoft:"
 * and the host's name in lower case [D][O]. The format is not checked, as on Windows [D]: what is no
 * iSCSI name (RFC 7143 section 4.2.7) is kept as it is, but nothing is sent under it, so that discovery
 * and logins end with ISDSC_INVALID_ISCSI_NAME [L]. A good name is folded to lower case. No restart is
 * needed.
 * Errors: ISDSC_INVALID_ISCSI_NAME (empty, more than 223 bytes, control characters). [D][L]
 */
ISDSC_STATUS ISDSC_API SetIScsiInitiatorNodeNameA(PSTR InitiatorNodeName);
ISDSC_STATUS ISDSC_API SetIScsiInitiatorNodeNameW(PWSTR InitiatorNodeName);

/*
 * Sets the secret with which targets prove who they are in mutual CHAP: 12 to 16 bytes; 0 and NULL
 * clear it [D][S]. It lasts [L] and is never returned.
 * Errors: ISDSC_INVALID_INITIATOR_CHAP_SECRET (more than 16 bytes); warning ISDSC_SHORT_CHAP_SECRET: 1 to
 * 11 bytes were stored, which only connections with IPsec may use. [D][H]
 */
ISDSC_STATUS ISDSC_API SetIScsiInitiatorCHAPSharedSecret(ULONG SharedSecretLength, PUCHAR
	SharedSecret);

/* Gets the version of the service. Errors: none of its own. [D] */
ISDSC_STATUS ISDSC_API GetIScsiVersionInformation(PISCSI_VERSION_INFO VersionInfo);

/*
 * Adds a RADIUS server, an IP address or a name of up to 39 bytes, to those that verify targets (see
 * ISCSI_LOGIN_FLAGS). Nothing is sent. They are asked in the order in which they were added, at the
 * setting radius-port, each for radius-time; one that was silent comes last for a minute. At most 16. The
 * list outlives the service; adding one that is there changes nothing.
 * Errors: ERROR_INVALID_PARAMETER, no address; ISDSC_OUT_OF_RESOURCES, too many. [D][L]
 */
ISDSC_STATUS ISDSC_API AddRadiusServerA(PSTR Address);
ISDSC_STATUS ISDSC_API AddRadiusServerW(PWSTR Address);

/* Takes a RADIUS server off the list. Errors: ERROR_NOT_FOUND. [D][L] */
ISDSC_STATUS ISDSC_API RemoveRadiusServerA(PSTR Address);
ISDSC_STATUS ISDSC_API RemoveRadiusServerW(PWSTR Address);

/* Lists the RADIUS servers. Multi-string. Errors: ERROR_INSUFFICIENT_BUFFER. [D] */
ISDSC_STATUS ISDSC_API ReportRadiusServerListA(PULONG BufferSizeInChar, PCHAR Buffer);
ISDSC_STATUS ISDSC_API ReportRadiusServerListW(PULONG BufferSizeInChar, PWCHAR Buffer);

/*
 * Sets the secret shared with the RADIUS servers: 22 to 26 bytes; 0 and NULL clear it [L]. It lasts and
 * is never returned.
 * Errors: ERROR_INVALID_PARAMETER. [D]
 */
ISDSC_STATUS ISDSC_API SetIScsiInitiatorRADIUSSharedSecret(ULONG SharedSecretLength,
	PUCHAR SharedSecret);

/*
 * IPSEC
 */

/*
 * These functions keep what IPsec is done with. What asks for it, by security flags, by the setting
 * security-flags, by SetIScsiIKEInfo or by ISCSI_LOGIN_FLAG_REQUIRE_IPSEC, connects inside ESP or fails:
 * ISDSC_IPSEC_NOT_SUPPORTED_ON_OS (no key daemon), ISDSC_FAILED_TO_CONFIGURE_IPSEC (the peer did not
 * agree, or did not answer). doc/ipsec.md. InitiatorName NULL or "": all initiators; port number
 * ISCSI_ALL_INITIATOR_PORTS: all ports. Persist not 0: it outlives the service. A later call for the
 * same replaces the earlier one, its stored form included, whatever Persist was [L].
 */

/*
 * Sets the key that counts where no better one is known: 1 to 256 bytes [L]; 0 and NULL clear it. It
 * is never returned.
 * Errors: none of its own. [D][S]
 */
ISDSC_STATUS ISDSC_API SetIScsiGroupPresharedKey(ULONG KeyLength, PUCHAR Key, BOOLEAN
	Persist);

/*
 * Sets security flags and key of an IKE id; a key of length 0 removes all that is known of it.
 *  AuthInfo  AuthMethod is IKE_AUTHENTICATION_PRESHARED_KEY_METHOD. Id: 4 bytes (ID_IPV4_ADDR), 16
 *            (ID_IPV6_ADDR), a host name or user@host of 1 to 255 bytes without NUL (ID_FQDN,
 *            ID_USER_FQDN), in which the host has no letter case [L]. Key: 1 to 256 bytes [L]
 * Flags with VALID and IKE_IPSEC_ENABLED count for connections to the portal that has the id as its
 * address, as if they had been given when the portal was added [L].
 * Errors: ISDSC_IKE_ID_PAYLOAD_TYPE_NOT_SUPPORTED; ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE;
 * ISDSC_INITIATOR_INSTANCE_NOT_FOUND; ISDSC_INVALID_PORT_NUMBER; ISDSC_NO_AUTH_INFO_AVAILABLE
 * (nothing to remove); ISDSC_OUT_OF_RESOURCES (more than 1024). [D][H][S]
 */
ISDSC_STATUS ISDSC_API SetIScsiIKEInfoA(PSTR InitiatorName, ULONG InitiatorPortNumber,
	PIKE_AUTHENTICATION_INFORMATION AuthInfo, BOOLEAN Persist);
ISDSC_STATUS ISDSC_API SetIScsiIKEInfoW(PWSTR InitiatorName, ULONG InitiatorPortNumber,
	PIKE_AUTHENTICATION_INFORMATION AuthInfo, BOOLEAN Persist);

/*
 * Gets the security flags of an IKE id; the key never. AuthInfo brings AuthMethod, IdType, Id and its
 * length, and takes SecurityFlags; the rest stays as it is. Where nothing was set for the initiator
 * and the port, what was set for all ports counts, then for all initiators [L]. Reserved is NULL by
 * the page and ignored here.
 * Errors: ISDSC_NO_AUTH_INFO_AVAILABLE; those about id, initiator and port of SetIScsiIKEInfo.
 * [D][H][S]
 */
ISDSC_STATUS ISDSC_API GetIScsiIKEInfoA(PSTR InitiatorName, ULONG InitiatorPortNumber,
	PULONG Reserved, PIKE_AUTHENTICATION_INFORMATION AuthInfo);
ISDSC_STATUS ISDSC_API GetIScsiIKEInfoW(PWSTR InitiatorName, ULONG InitiatorPortNumber,
	PULONG Reserved, PIKE_AUTHENTICATION_INFORMATION AuthInfo);

/*
 * Sets the outer address of tunnels to a destination; ReportIScsiTunnelAddresses of iscsidsc_ext.h
 * lists them. Both are IP addresses or host names of at most 255 bytes. DestinationAddress NULL or
 * "": any; OuterModeAddress NULL or "": removes [H][S][L].
 * Errors: ERROR_INVALID_PARAMETER (no address); ISDSC_INITIATOR_INSTANCE_NOT_FOUND;
 * ISDSC_INVALID_PORT_NUMBER; ISDSC_NO_TUNNEL_OUTER_MODE_ADDRESS (nothing to remove);
 * ISDSC_OUT_OF_RESOURCES (more than 1024). [D]
 */
ISDSC_STATUS ISDSC_API SetIScsiTunnelModeOuterAddressA(PSTR InitiatorName, ULONG
	InitiatorPortNumber, PSTR DestinationAddress, PSTR OuterModeAddress, BOOLEAN Persist);
ISDSC_STATUS ISDSC_API SetIScsiTunnelModeOuterAddressW(PWSTR InitiatorName, ULONG
	InitiatorPortNumber, PWSTR DestinationAddress, PWSTR OuterModeAddress, BOOLEAN Persist);

#ifdef UNICODE
typedef ISCSI_TARGET_MAPPINGW ISCSI_TARGET_MAPPING;
typedef PISCSI_TARGET_MAPPINGW PISCSI_TARGET_MAPPING;
typedef ISCSI_TARGET_PORTALW ISCSI_TARGET_PORTAL;
typedef PISCSI_TARGET_PORTALW PISCSI_TARGET_PORTAL;
typedef ISCSI_TARGET_PORTAL_INFOW ISCSI_TARGET_PORTAL_INFO;
typedef PISCSI_TARGET_PORTAL_INFOW PISCSI_TARGET_PORTAL_INFO;
typedef ISCSI_TARGET_PORTAL_INFO_EXW ISCSI_TARGET_PORTAL_INFO_EX;
typedef PISCSI_TARGET_PORTAL_INFO_EXW PISCSI_TARGET_PORTAL_INFO_EX;
typedef ISCSI_TARGET_PORTAL_GROUPW ISCSI_TARGET_PORTAL_GROUP;
typedef PISCSI_TARGET_PORTAL_GROUPW PISCSI_TARGET_PORTAL_GROUP;
typedef ISCSI_CONNECTION_INFOW ISCSI_CONNECTION_INFO;
typedef PISCSI_CONNECTION_INFOW PISCSI_CONNECTION_INFO;
typedef ISCSI_SESSION_INFOW ISCSI_SESSION_INFO;
typedef PISCSI_SESSION_INFOW PISCSI_SESSION_INFO;
typedef ISCSI_DEVICE_ON_SESSIONW ISCSI_DEVICE_ON_SESSION;
typedef PISCSI_DEVICE_ON_SESSIONW PISCSI_DEVICE_ON_SESSION;
typedef PERSISTENT_ISCSI_LOGIN_INFOW PERSISTENT_ISCSI_LOGIN_INFO;
typedef PPERSISTENT_ISCSI_LOGIN_INFOW PPERSISTENT_ISCSI_LOGIN_INFO;
#define AddIScsiSendTargetPortal AddIScsiSendTargetPortalW
#define RemoveIScsiSendTargetPortal RemoveIScsiSendTargetPortalW
#define RefreshIScsiSendTargetPortal RefreshIScsiSendTargetPortalW
#define ReportIScsiSendTargetPortals ReportIScsiSendTargetPortalsW
#define ReportIScsiSendTargetPortalsEx ReportIScsiSendTargetPortalsExW
#define ReportIScsiTargets ReportIScsiTargetsW
#define ReportIScsiTargetPortals ReportIScsiTargetPortalsW
#define GetIScsiTargetInformation GetIScsiTargetInformationW
#define AddIScsiStaticTarget AddIScsiStaticTargetW
#define RemoveIScsiStaticTarget RemoveIScsiStaticTargetW
#define AddISNSServer AddISNSServerW
#define RemoveISNSServer RemoveISNSServerW
#define RefreshISNSServer RefreshISNSServerW
#define ReportISNSServerList ReportISNSServerListW
#define LoginIScsiTarget LoginIScsiTargetW
#define AddIScsiConnection AddIScsiConnectionW
#define GetIScsiSessionList GetIScsiSessionListW
#define GetDevicesForIScsiSession GetDevicesForIScsiSessionW
#define ReportActiveIScsiTargetMappings ReportActiveIScsiTargetMappingsW
#define ReportIScsiPersistentLogins ReportIScsiPersistentLoginsW
#define RemoveIScsiPersistentTarget RemoveIScsiPersistentTargetW
#define AddPersistentIScsiDevice AddPersistentIScsiDeviceW
#define RemovePersistentIScsiDevice RemovePersistentIScsiDeviceW
#define ReportPersistentIScsiDevices ReportPersistentIScsiDevicesW
#define ReportIScsiInitiatorList ReportIScsiInitiatorListW
#define GetIScsiInitiatorNodeName GetIScsiInitiatorNodeNameW
#define SetIScsiInitiatorNodeName SetIScsiInitiatorNodeNameW
#define AddRadiusServer AddRadiusServerW
#define RemoveRadiusServer RemoveRadiusServerW
#define ReportRadiusServerList ReportRadiusServerListW
#define SetIScsiIKEInfo SetIScsiIKEInfoW
#define GetIScsiIKEInfo GetIScsiIKEInfoW
#define SetIScsiTunnelModeOuterAddress SetIScsiTunnelModeOuterAddressW
#else
typedef ISCSI_TARGET_MAPPINGA ISCSI_TARGET_MAPPING;
typedef PISCSI_TARGET_MAPPINGA PISCSI_TARGET_MAPPING;
typedef ISCSI_TARGET_PORTALA ISCSI_TARGET_PORTAL;
typedef PISCSI_TARGET_PORTALA PISCSI_TARGET_PORTAL;
typedef ISCSI_TARGET_PORTAL_INFOA ISCSI_TARGET_PORTAL_INFO;
typedef PISCSI_TARGET_PORTAL_INFOA PISCSI_TARGET_PORTAL_INFO;
typedef ISCSI_TARGET_PORTAL_INFO_EXA ISCSI_TARGET_PORTAL_INFO_EX;
typedef PISCSI_TARGET_PORTAL_INFO_EXA PISCSI_TARGET_PORTAL_INFO_EX;
typedef ISCSI_TARGET_PORTAL_GROUPA ISCSI_TARGET_PORTAL_GROUP;
typedef PISCSI_TARGET_PORTAL_GROUPA PISCSI_TARGET_PORTAL_GROUP;
typedef ISCSI_CONNECTION_INFOA ISCSI_CONNECTION_INFO;
typedef PISCSI_CONNECTION_INFOA PISCSI_CONNECTION_INFO;
typedef ISCSI_SESSION_INFOA ISCSI_SESSION_INFO;
typedef PISCSI_SESSION_INFOA PISCSI_SESSION_INFO;
typedef ISCSI_DEVICE_ON_SESSIONA ISCSI_DEVICE_ON_SESSION;
typedef PISCSI_DEVICE_ON_SESSIONA PISCSI_DEVICE_ON_SESSION;
typedef PERSISTENT_ISCSI_LOGIN_INFOA PERSISTENT_ISCSI_LOGIN_INFO;
typedef PPERSISTENT_ISCSI_LOGIN_INFOA PPERSISTENT_ISCSI_LOGIN_INFO;
#define AddIScsiSendTargetPortal AddIScsiSendTargetPortalA
#define RemoveIScsiSendTargetPortal RemoveIScsiSendTargetPortalA
#define RefreshIScsiSendTargetPortal RefreshIScsiSendTargetPortalA
#define ReportIScsiSendTargetPortals ReportIScsiSendTargetPortalsA
#define ReportIScsiSendTargetPortalsEx ReportIScsiSendTargetPortalsExA
#define ReportIScsiTargets ReportIScsiTargetsA
#define ReportIScsiTargetPortals ReportIScsiTargetPortalsA
#define GetIScsiTargetInformation GetIScsiTargetInformationA
#define AddIScsiStaticTarget AddIScsiStaticTargetA
#define RemoveIScsiStaticTarget RemoveIScsiStaticTargetA
#define AddISNSServer AddISNSServerA
#define RemoveISNSServer RemoveISNSServerA
#define RefreshISNSServer RefreshISNSServerA
#define ReportISNSServerList ReportISNSServerListA
#define LoginIScsiTarget LoginIScsiTargetA
#define AddIScsiConnection AddIScsiConnectionA
#define GetIScsiSessionList GetIScsiSessionListA
#define GetDevicesForIScsiSession GetDevicesForIScsiSessionA
#define ReportActiveIScsiTargetMappings ReportActiveIScsiTargetMappingsA
#define ReportIScsiPersistentLogins ReportIScsiPersistentLoginsA
#define RemoveIScsiPersistentTarget RemoveIScsiPersistentTargetA
#define AddPersistentIScsiDevice AddPersistentIScsiDeviceA
#define RemovePersistentIScsiDevice RemovePersistentIScsiDeviceA
#define ReportPersistentIScsiDevices ReportPersistentIScsiDevicesA
#define ReportIScsiInitiatorList ReportIScsiInitiatorListA
#define GetIScsiInitiatorNodeName GetIScsiInitiatorNodeNameA
#define SetIScsiInitiatorNodeName SetIScsiInitiatorNodeNameA
#define AddRadiusServer AddRadiusServerA
#define RemoveRadiusServer RemoveRadiusServerA
#define ReportRadiusServerList ReportRadiusServerListA
#define SetIScsiIKEInfo SetIScsiIKEInfoA
#define GetIScsiIKEInfo GetIScsiIKEInfoA
#define SetIScsiTunnelModeOuterAddress SetIScsiTunnelModeOuterAddressA
#endif

#ifdef __cplusplus
}
#endif

#endif
