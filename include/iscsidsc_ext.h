/*
 * iscsidsc_ext.h - what this library has beside Microsoft's 79 functions.
 *
 * What it is: settings of the service, the initiator ports with their addresses, the load balance
 * policy of a session, task management, and what a listing of Microsoft's cannot hold: state and
 * counters of connections, details of disks. What it is not: part of the Windows API; a program that
 * uses it is tied to this library.
 *
 * Results, rights, buffers and ids are as iscsidsc.h says. All texts here are UTF-8, in one form.
 *
 * Growth. Each structure begins with its size. In a listing Size is the distance in bytes from the
 * record to the next one: a later release may append members, so step by Size, not by the size your
 * compiler knows. For a single structure the caller sets Size; the library fills what fits.
 *
 * Source of everything here: this library.
 */
#ifndef ISCSIDSC_EXT_H
#define ISCSIDSC_EXT_H

#include "iscsidsc.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Values that members of iscsidsc.h take from other Windows headers: the device types of
 * STORAGE_DEVICE_NUMBER, and initialisers for DeviceInterfaceType.
 */
#ifndef FILE_DEVICE_DISK
#define FILE_DEVICE_CD_ROM 0x02
#define FILE_DEVICE_CONTROLLER 0x04
#define FILE_DEVICE_DISK 0x07
#define FILE_DEVICE_PRINTER 0x18
#define FILE_DEVICE_SCANNER 0x19
#define FILE_DEVICE_TAPE 0x1f
#define FILE_DEVICE_UNKNOWN 0x22
#define FILE_DEVICE_MASS_STORAGE 0x2d
#define FILE_DEVICE_CHANGER 0x30
#define FILE_DEVICE_DVD 0x33
#endif
#define ISCSI_GUID_INTERFACE(first) \
	{ first, 0xb6bf, 0x11d0, { 0x94, 0xf2, 0x00, 0xa0, 0xc9, 0x1e, 0xfb, 0x8b } }
#define ISCSI_GUID_INTERFACE_DISK ISCSI_GUID_INTERFACE(0x53f56307)
#define ISCSI_GUID_INTERFACE_CDROM ISCSI_GUID_INTERFACE(0x53f56308)
#define ISCSI_GUID_INTERFACE_TAPE ISCSI_GUID_INTERFACE(0x53f5630b)
#define ISCSI_GUID_INTERFACE_WRITEONCEDISK ISCSI_GUID_INTERFACE(0x53f5630c)
#define ISCSI_GUID_INTERFACE_MEDIUMCHANGER ISCSI_GUID_INTERFACE(0x53f56310)
#define ISCSI_GUID_INTERFACE_FLOPPY ISCSI_GUID_INTERFACE(0x53f56311)
#define ISCSI_GUID_INTERFACE_CDCHANGER ISCSI_GUID_INTERFACE(0x53f56312)

/* A setting: its name, its value now, the built-in value, one line that explains it. */
typedef struct {
	ULONG Size;
	PCHAR Name;
	PCHAR Value;
	PCHAR BuiltIn;
	PCHAR Help;
} ISCSI_DEFAULT_INFO, *PISCSI_DEFAULT_INFO;

/* A source address of this machine. PortNumber belongs to the address for good. */
typedef struct {
	ULONG Size;
	ULONG PortNumber;
	PCHAR Address;       /* IPv4 or IPv6 text; link-local with its scope */
	PCHAR InterfaceName; /* network interface that has it now */
} ISCSI_INITIATOR_PORT_INFO, *PISCSI_INITIATOR_PORT_INFO;

/* The outer address of a tunnel; texts are "" for all initiators and for any destination. */
typedef struct {
	ULONG Size;
	ULONG InitiatorPortNumber; /* ISCSI_ALL_INITIATOR_PORTS: all */
	PCHAR InitiatorName;
	PCHAR DestinationAddress;
	PCHAR OuterModeAddress;
	BOOLEAN IsPersistent;      /* it outlives the service */
} ISCSI_TUNNEL_ADDRESS_INFO, *PISCSI_TUNNEL_ADDRESS_INFO;

/* How a connection is protected by IPsec. What the key daemon does not tell is 0 or "". */
typedef struct {
	ULONG Size;
	ULONG IkeVersion;            /* 1 or 2 */
	BOOLEAN IsAggressive;        /* IKEv1 in aggressive mode, else main mode */
	BOOLEAN IsTunnel;            /* tunnel mode, else transport mode */
	BOOLEAN IsPfs;               /* new keys come by a key exchange of their own */
	BOOLEAN IsForeign;           /* by the administrator's own configuration */
	PCHAR Algorithms;            /* of ESP, as strongSwan names them: AES_GCM_16-128 */
	ULONGLONG BytesIn, BytesOut; /* since then; of all connections that share it */
	ULONGLONG SecondsSinceRekey; /* since the keys in use were made */
	ISCSI_UNIQUE_SESSION_ID SessionId;
	ISCSI_UNIQUE_CONNECTION_ID ConnectionId;
} ISCSI_CONNECTION_PROTECTION, *PISCSI_CONNECTION_PROTECTION;

/* States of a connection. */
#define ISCSI_CONNECTION_STATE_LOGIN 0
#define ISCSI_CONNECTION_STATE_FULL_FEATURE 1
#define ISCSI_CONNECTION_STATE_LOGOUT 2
#define ISCSI_CONNECTION_STATE_RECONNECTING 3

/* A connection: what it is, how it stands, what it has carried since it was first made. */
typedef struct {
	ULONG Size;
	USHORT Cid;                     /* host byte order */
	UCHAR State;                    /* ISCSI_CONNECTION_STATE_ */
	BOOLEAN IsLeading;              /* the session's first connection */
	ISCSI_UNIQUE_CONNECTION_ID ConnectionId;
	PCHAR InitiatorAddress;         /* real local address */
	PCHAR TargetAddress;            /* the portal's text as the caller gave it */
	USHORT InitiatorSocket;         /* host byte order */
	USHORT TargetSocket;
	UCHAR HeaderDigest;             /* 0 none, 1 CRC32C */
	UCHAR DataDigest;
	ULONG MaxRecvDataSegmentLength; /* ours, bytes */
	ISCSI_AUTH_TYPES AuthType;
	ULONG Reconnects;               /* times it was brought back */
	ULONGLONG BytesIn, BytesOut;    /* on the TCP connection */
	ULONGLONG DataIn, DataOut;      /* bytes of commands' data */
	ULONGLONG PdusIn, PdusOut;
	ULONGLONG Commands;             /* SCSI commands sent */
	ULONG QueueDepth;               /* commands under way now */
	ULONGLONG RoundTrip;            /* nanoseconds, smoothed; 0 unknown */
	ULONGLONG CommandsAnswered;     /* SCSI commands that the target has answered, and ... */
	ULONGLONG CommandTime;          /* ... nanoseconds that these took together */
	ISCSI_UNIQUE_SESSION_ID SessionId;
} ISCSI_CONNECTION_COUNTERS, *PISCSI_CONNECTION_COUNTERS;

/* How a session stands. The caller sets Size. */
typedef struct {
	ULONG Size;
	BOOLEAN IsUp;         /* 0: its connections are being brought back, commands wait */
	UCHAR Type;           /* 0 discovery, 1 informational, 2 data */
	USHORT ConnectionCount;
	ULONGLONG LastPause;  /* nanoseconds that commands waited at the last recovery; 0 never */
} ISCSI_SESSION_STATE, *PISCSI_SESSION_STATE;

/* A device of a session. Texts are "" where the device told nothing. */
typedef struct {
	ULONG Size;
	ULONG DeviceNumber;   /* of the block device; 0xFFFFFFFF none */
	ULONGLONG TargetLun;  /* the eight raw bytes as a big-endian number */
	UCHAR Bus, Target, OsLun;
	UCHAR DeviceType;     /* SCSI peripheral device type: 0 disk, 0x1f unknown */
	BOOLEAN IsReadOnly;
	ULONG BlockSize;      /* bytes; 0 for a device without a disk */
	ULONGLONG Blocks;
	PCHAR Vendor, Product, Revision, Serial;
	PCHAR DeviceId;       /* world-wide name as the device gives it */
	PCHAR NbdPath;        /* Unix socket of the disk; "" for a device without a disk */
	PCHAR NbdUri;         /* the same as an address for NBD clients: nbd+unix:///?socket=... */
} ISCSI_DISK_INFO, *PISCSI_DISK_INFO;

/*
 * Load balance policies: which connection of a session carries a command. On Windows a program sets
 * them through WMI (class MSiSCSI_LB_Operations); numbers and members are named as there. Under
 * every policy a connection that does not answer is left out while there is another.
 */
#define ISCSI_LB_FAILOVER 1               /* the primary path; the others stand by */
#define ISCSI_LB_ROUND_ROBIN 2            /* all in turn */
#define ISCSI_LB_ROUND_ROBIN_WITH_SUBSET 3 /* the primary paths in turn; the others stand by */
#define ISCSI_LB_DYN_LEAST_QUEUE_DEPTH 4  /* the one with the fewest commands, then bytes, under way */
#define ISCSI_LB_WEIGHTED_PATHS 5         /* the lowest PathWeight; equal ones in turn */
#define ISCSI_LB_VENDOR_SPECIFIC 6        /* not supported */
#define ISCSI_LB_ADAPTIVE 7               /* ours: where the command is expected to end first */

/* ConnectionStatus of a path. */
#define ISCSI_PATH_CONNECTED 1
#define ISCSI_PATH_DISCONNECTED 2
#define ISCSI_PATH_RECONNECTING 3

/* A connection as the policy sees it. */
typedef struct {
	ULONG Size;
	ULONG PathWeight;
	ULONGLONG UniqueConnectionId; /* AdapterSpecific of the connection's id */
	ULONGLONG EstimatedLinkSpeed; /* Mbit/s, as learned from its commands; 0 unknown. Output only */
	ULONG PrimaryPath;            /* 1 or 0 */
	ULONG ConnectionStatus;       /* ISCSI_PATH_. Output only */
	ULONG TCPOffLoadAvailable;    /* 0. Output only */
} ISCSI_PATH, *PISCSI_PATH;

/*
 * The policy of a session. When it is got, Size is sizeof(ISCSI_SUPPORTED_LB_POLICIES) of the
 * library and the paths stand in the same buffer. When it is set, the caller sets Size to that, and
 * Size of each path to sizeof(ISCSI_PATH): what was got may be changed and given back.
 */
typedef struct {
	ULONG Size;
	ULONG LoadBalancePolicy;      /* ISCSI_LB_ */
	ULONGLONG UniqueSessionId;    /* AdapterSpecific of the session's id. Output only */
	ULONG iSCSI_PathCount;
	PISCSI_PATH iSCSI_Paths;      /* step by the Size of the first */
} ISCSI_SUPPORTED_LB_POLICIES, *PISCSI_SUPPORTED_LB_POLICIES;

/* Task management functions: RFC 7143 section 11.5.1, RFC 7144 section 6.3. */
#define ISCSI_TASK_ABORT_SET 2
#define ISCSI_TASK_CLEAR_ACA 3
#define ISCSI_TASK_CLEAR_SET 4
#define ISCSI_TASK_LUN_RESET 5
#define ISCSI_TASK_TARGET_WARM_RESET 6
#define ISCSI_TASK_TARGET_COLD_RESET 7
#define ISCSI_TASK_QUERY_SET 10          /* this and the next two: at iSCSIProtocolLevel 2 alone */
#define ISCSI_TASK_NEXUS_RESET 11
#define ISCSI_TASK_QUERY_ASYNC_EVENT 12

/* A target's answer to them: RFC 7143 section 11.6.1, RFC 7144 section 6.4.2. */
#define ISCSI_TASK_RESPONSE_COMPLETE 0
#define ISCSI_TASK_RESPONSE_NO_SUCH_TASK 1
#define ISCSI_TASK_RESPONSE_NO_SUCH_LUN 2
#define ISCSI_TASK_RESPONSE_STILL_ALLEGIANT 3
#define ISCSI_TASK_RESPONSE_NO_REASSIGNMENT 4
#define ISCSI_TASK_RESPONSE_NOT_SUPPORTED 5
#define ISCSI_TASK_RESPONSE_NOT_AUTHORIZED 6
#define ISCSI_TASK_RESPONSE_SUCCEEDED 7  /* of the queries: there is something */
#define ISCSI_TASK_RESPONSE_REJECTED 255

/*
 * Tells what failed and where in this thread's last call of the library, in words for people, where
 * more is known than the status says: the portal and what it answered, or the socket where no service
 * was. "" otherwise, and after a success; a text is told once. BufferSize counts characters with the
 * NUL, in and out. It asks nobody.
 * Errors: ERROR_INVALID_PARAMETER, ERROR_INSUFFICIENT_BUFFER.
 */
ISDSC_STATUS ISDSC_API GetIScsiErrorText(PULONG BufferSize, PCHAR Buffer);

/*
 * Sets a setting of the service. It holds for sessions made afterwards, unless its help says
 * otherwise, and lasts. Value NULL or "" goes back to the built-in one.
 * NAME@TARGET is the setting for one target alone, known or not; it goes before that of all targets,
 * and "" takes it away. At most 1024 of these.
 *
 * One of them is a switch for what Windows has no function for. With persistent-connections "on", off by
 * default, connections that AddIScsiConnection added to a session with a persistent login are stored with
 * that login, options and secrets included, and come back with it at the start of the service, each tried
 * until it is there; one that RemoveIScsiConnection removed does not. What counts are the session's
 * connections at the time when one is added or removed, or the login stored, with the switch on. Switched
 * off, none comes back; those that were stored are forgotten with the login, or with the next change.
 *
 * Errors: ERROR_NOT_FOUND (no such setting); ERROR_INVALID_PARAMETER (not a value for it, not a target's
 * name, or no setting that can differ between targets); ISDSC_OUT_OF_RESOURCES (too many).
 */
ISDSC_STATUS ISDSC_API SetIScsiDefault(PSTR Name, PSTR Value);

/*
 * Gets the value of a setting; with NAME@TARGET the one that holds for this target. BufferSize
 * counts characters with the NUL, in and out.
 * Errors: ERROR_NOT_FOUND; ERROR_INSUFFICIENT_BUFFER (BufferSize holds what is needed).
 */
ISDSC_STATUS ISDSC_API GetIScsiDefault(PSTR Name, PULONG BufferSize, PCHAR Buffer);

/*
 * Lists the settings, then those for one target alone. Byte-sized records; DefaultCount is output only.
 * Errors: ERROR_INSUFFICIENT_BUFFER.
 */
ISDSC_STATUS ISDSC_API ReportIScsiDefaults(PULONG BufferSize, PULONG DefaultCount,
	PISCSI_DEFAULT_INFO Defaults);

/*
 * Lists the initiator ports. Byte-sized records; PortCount is output only.
 * Errors: ERROR_INSUFFICIENT_BUFFER.
 */
ISDSC_STATUS ISDSC_API ReportIScsiInitiatorPorts(PULONG BufferSize, PULONG PortCount,
	PISCSI_INITIATOR_PORT_INFO Ports);

/*
 * Lists what SetIScsiTunnelModeOuterAddress has set, which Windows has no function for. Byte-sized
 * records; TunnelCount is output only.
 * Errors: ERROR_INSUFFICIENT_BUFFER.
 */
ISDSC_STATUS ISDSC_API ReportIScsiTunnelAddresses(PULONG BufferSize, PULONG TunnelCount,
	PISCSI_TUNNEL_ADDRESS_INFO Tunnels);

/*
 * Lists the connections that are protected by IPsec, of all sessions. Byte-sized records;
 * ProtectionCount is output only.
 * Errors: ERROR_INSUFFICIENT_BUFFER.
 */
ISDSC_STATUS ISDSC_API ReportIScsiProtectedConnections(PULONG BufferSize, PULONG ProtectionCount,
	PISCSI_CONNECTION_PROTECTION Protections);

/*
 * Lists the connections of a session with their counters; with UniqueSessionId NULL those of all
 * sessions, one session after the other. Byte-sized records; ConnectionCount is output only.
 * Errors: ISDSC_INVALID_SESSION_ID, ERROR_INSUFFICIENT_BUFFER.
 */
ISDSC_STATUS ISDSC_API GetIScsiConnectionCounters(PISCSI_UNIQUE_SESSION_ID UniqueSessionId,
	PULONG BufferSize, PULONG ConnectionCount, PISCSI_CONNECTION_COUNTERS Counters);

/*
 * Tells how a session stands. State->Size is set by the caller, at least 4.
 * Errors: ISDSC_INVALID_SESSION_ID.
 */
ISDSC_STATUS ISDSC_API GetIScsiSessionState(PISCSI_UNIQUE_SESSION_ID UniqueSessionId,
	PISCSI_SESSION_STATE State);

/*
 * Lists the devices of a session with what a client needs to use them. Byte-sized records;
 * DiskCount is output only. It waits as GetDevicesForIScsiSession does.
 * Errors: ISDSC_INVALID_SESSION_ID, ERROR_INSUFFICIENT_BUFFER, ISDSC_DEVICE_BUSY_ON_SESSION.
 */
ISDSC_STATUS ISDSC_API GetIScsiDiskInformation(PISCSI_UNIQUE_SESSION_ID UniqueSessionId,
	PULONG BufferSize, PULONG DiskCount, PISCSI_DISK_INFO Disks);

/*
 * Sets the load balance policy of a session, which holds from the next command on and ends with the
 * session; the setting load-balance-policy is what a session begins with. Where the target has a
 * persistent login by which the session comes back, the policy is stored for it as that setting
 * (load-balance-policy@TARGET), weights and primary paths excepted: they belong to connections. The paths
 * are the session's connections, each exactly once, those that are being brought back included. Fail over
 * only wants one primary path, round robin with subset at least one. A connection added later has
 * PathWeight 0 and is not primary.
 * Errors, checked in this order: ERROR_INVALID_PARAMETER (a Size too small, PrimaryPath beyond 1);
 * ISDSC_INVALID_SESSION_ID; ISDSC_INVALID_LOAD_BALANCE_POLICY; ISDSC_LB_POLICY_NOT_SUPPORTED;
 * ISDSC_PATH_COUNT_MISMATCH; ISDSC_DUPLICATE_PATH_SPECIFIED; ISDSC_INVALID_PATH_ID;
 * ISDSC_MULTIPLE_PRIMARY_PATHS_SPECIFIED; ISDSC_NO_PRIMARY_PATH_SPECIFIED. With the policy in force:
 * ISDSC_FAILURE_TO_PERSIST_LB_POLICY (it can't be stored).
 */
ISDSC_STATUS ISDSC_API SetIScsiSessionLoadBalancePolicy(PISCSI_UNIQUE_SESSION_ID UniqueSessionId,
	PISCSI_SUPPORTED_LB_POLICIES Policies);

/*
 * Gets the policy of a session with its paths. BufferSize counts bytes, in and out.
 * Errors: ISDSC_INVALID_SESSION_ID, ERROR_INSUFFICIENT_BUFFER.
 */
ISDSC_STATUS ISDSC_API GetIScsiSessionLoadBalancePolicy(PISCSI_UNIQUE_SESSION_ID UniqueSessionId,
	PULONG BufferSize, PISCSI_SUPPORTED_LB_POLICIES Policies);

/*
 * Sends a task management function (ISCSI_TASK_) and waits for the answer. The commands that it ends
 * come back to those who gave them as aborted; disks repeat what may be repeated. Lun is as for
 * SendScsiInquiry, and has no meaning for functions about the target. It has no effect on other
 * sessions but what the target does to them: a reset hits all.
 * Errors: ISDSC_INVALID_SESSION_ID; ERROR_INVALID_PARAMETER (no function that may be sent here);
 * ISDSC_NO_CONNECTION_AVAILABLE; ERROR_TIMEOUT (no answer; the connection is brought back);
 * ISDSC_TARGET_ERROR (the answer, in Response, is neither complete nor succeeded).
 */
ISDSC_STATUS ISDSC_API SendIScsiTaskManagement(PISCSI_UNIQUE_SESSION_ID UniqueSessionId,
	ULONGLONG Lun, UCHAR Function, PUCHAR Response);

#ifdef __cplusplus
}
#endif

#endif
