/*
 * iscsidsc_ext.h - what this library has beside Microsoft's 79 functions.
 *
 * What it is: settings of the service, the initiator ports with their addresses, and what a listing
 * of Microsoft's cannot hold: state and counters of connections, details of disks. What it is not:
 * part of the Windows API; a program that uses it is tied to this library.
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
 * Sets a setting of the service. It holds for sessions made afterwards, unless its help says
 * otherwise, and lasts. Value NULL or "" goes back to the built-in one.
 * Errors: ERROR_NOT_FOUND (no such setting); ERROR_INVALID_PARAMETER (not a value for it).
 */
ISDSC_STATUS ISDSC_API SetIScsiDefault(PSTR Name, PSTR Value);

/*
 * Gets the value of a setting. BufferSize counts characters with the NUL, in and out.
 * Errors: ERROR_NOT_FOUND; ERROR_INSUFFICIENT_BUFFER (BufferSize holds what is needed).
 */
ISDSC_STATUS ISDSC_API GetIScsiDefault(PSTR Name, PULONG BufferSize, PCHAR Buffer);

/*
 * Lists the settings. Byte-sized records; DefaultCount is output only.
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
 * Lists the connections of a session with their counters. Byte-sized records; ConnectionCount is
 * output only.
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

#ifdef __cplusplus
}
#endif

#endif
