#!/usr/bin/env python3
"""The life of a session with several connections, from Python by ctypes: discovery, login,
AddIScsiConnection, a load balance policy, disk I/O, logout. session.c is the same in C.

    session.py ADDRESS SOCKET [ADDRESS...]

It asks the portal ADDRESS SOCKET for targets, logs in to the first one, adds one connection to each
further ADDRESS, and reads, writes back and compares the first blocks of the first disk. The A forms
are used: they take and give UTF-8. Standard library only; ISCSIDSC_LIBRARY names another library.
"""
import ctypes
import os
import socket
import struct
import sys
from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_int, c_ubyte, c_uint16, c_uint32, c_uint64

SUCCESS, INSUFFICIENT_BUFFER = 0, 122
ANY_PORT = 0xFFFFFFFF
OPTION_MAXIMUM_CONNECTIONS = 0x04
ROUND_ROBIN, FAIL_OVER = 2, 1
DEVICE_DISK = 7
BLOCK, BLOCKS = 4096, 64

# On Windows: ctypes.WinDLL("iscsidsc.dll").
library = ctypes.CDLL(os.environ.get("ISCSIDSC_LIBRARY", "libiscsidsc.so.0"))


# ---- structures of iscsidsc.h, A forms

class Portal(Structure):
    _fields_ = [("SymbolicName", c_char * 256), ("Address", c_char * 256), ("Socket", c_uint16)]


class UniqueId(Structure):
    _fields_ = [("AdapterUnique", c_uint64), ("AdapterSpecific", c_uint64)]

    def __str__(self):
        return f"{self.AdapterUnique:x}-{self.AdapterSpecific:x}"


class LoginOptions(Structure):
    _fields_ = [("Version", c_uint32), ("InformationSpecified", c_uint32), ("LoginFlags", c_uint32),
                ("AuthType", c_int), ("HeaderDigest", c_int), ("DataDigest", c_int),
                ("MaximumConnections", c_uint32), ("DefaultTime2Wait", c_uint32),
                ("DefaultTime2Retain", c_uint32), ("UsernameLength", c_uint32),
                ("PasswordLength", c_uint32), ("Username", c_char_p), ("Password", c_char_p)]


class ScsiAddress(Structure):
    _fields_ = [("Length", c_uint32), ("PortNumber", c_ubyte), ("PathId", c_ubyte),
                ("TargetId", c_ubyte), ("Lun", c_ubyte)]


class Device(Structure):
    _fields_ = [("InitiatorName", c_char * 256), ("TargetName", c_char * 224),
                ("ScsiAddress", ScsiAddress), ("DeviceInterfaceType", c_ubyte * 16),
                ("DeviceInterfaceName", c_char * 260), ("LegacyName", c_char * 260),
                ("DeviceType", c_uint32), ("DeviceNumber", c_uint32), ("PartitionNumber", c_uint32),
                ("DeviceInstance", c_uint32)]


class ConnectionInfo(Structure):
    _fields_ = [("ConnectionId", UniqueId), ("InitiatorAddress", c_char_p), ("TargetAddress", c_char_p),
                ("InitiatorSocket", c_uint16), ("TargetSocket", c_uint16), ("CID", c_ubyte * 2)]


class SessionInfo(Structure):
    _fields_ = [("SessionId", UniqueId), ("InitiatorName", c_char_p), ("TargetNodeName", c_char_p),
                ("TargetName", c_char_p), ("ISID", c_ubyte * 6), ("TSID", c_ubyte * 2),
                ("ConnectionCount", c_uint32), ("Connections", POINTER(ConnectionInfo))]


# ---- structures of iscsidsc_ext.h: the policy, which Windows has in WMI

class Path(Structure):
    _fields_ = [("Size", c_uint32), ("PathWeight", c_uint32), ("UniqueConnectionId", c_uint64),
                ("EstimatedLinkSpeed", c_uint64), ("PrimaryPath", c_uint32),
                ("ConnectionStatus", c_uint32), ("TCPOffLoadAvailable", c_uint32)]


class Policies(Structure):
    _fields_ = [("Size", c_uint32), ("LoadBalancePolicy", c_uint32), ("UniqueSessionId", c_uint64),
                ("iSCSI_PathCount", c_uint32), ("iSCSI_Paths", POINTER(Path))]


# ---- calls. A status is unsigned; what ctypes must know of an argument is that no integer is cut.

class Failed(Exception):
    pass


def function(name, *types):
    call = getattr(library, name)
    call.restype = c_uint32
    call.argtypes = types
    return call


def done(name, status):
    if status != SUCCESS:
        raise Failed(f"{name}: status 0x{status:08x}")


ULONG_P = POINTER(c_uint32)
add_portal = function("AddIScsiSendTargetPortalA", c_char_p, c_uint32, POINTER(LoginOptions), c_uint64,
                      POINTER(Portal))
remove_portal = function("RemoveIScsiSendTargetPortalA", c_char_p, c_uint32, POINTER(Portal))
report_targets = function("ReportIScsiTargetsA", c_ubyte, ULONG_P, c_char_p)
login_target = function("LoginIScsiTargetA", c_char_p, c_ubyte, c_char_p, c_uint32, POINTER(Portal),
                        c_uint64, ctypes.c_void_p, POINTER(LoginOptions), c_uint32, c_char_p, c_ubyte,
                        POINTER(UniqueId), POINTER(UniqueId))
add_connection = function("AddIScsiConnectionA", POINTER(UniqueId), ctypes.c_void_p, c_uint32,
                          POINTER(Portal), c_uint64, POINTER(LoginOptions), c_uint32, c_char_p,
                          POINTER(UniqueId))
session_list = function("GetIScsiSessionListA", ULONG_P, ULONG_P, c_char_p)
session_devices = function("GetDevicesForIScsiSessionA", POINTER(UniqueId), ULONG_P, POINTER(Device))
policy_get = function("GetIScsiSessionLoadBalancePolicy", POINTER(UniqueId), ULONG_P, c_char_p)
policy_set = function("SetIScsiSessionLoadBalancePolicy", POINTER(UniqueId), POINTER(Policies))
logout_target = function("LogoutIScsiTarget", POINTER(UniqueId))


def sized(name, call):
    """Calls with a buffer that grows until all fits; returns it. What is needed may change meanwhile."""
    size, buffer = c_uint32(0), None
    while (status := call(byref(size), buffer)) == INSUFFICIENT_BUFFER:
        buffer = ctypes.create_string_buffer(size.value)
    done(name, status)
    return buffer


# ---- the steps

def discover(portal):
    done("AddIScsiSendTargetPortal", add_portal(None, ANY_PORT, None, 0, portal))
    names = sized("ReportIScsiTargets", lambda size, buffer: report_targets(0, size, buffer))
    targets = [name for name in names.raw.split(b"\0") if name]
    if not targets:
        raise Failed("the portal has no target")
    print("target:", targets[0].decode())
    return targets[0]


def login(target, portal, connections):
    options = LoginOptions(InformationSpecified=OPTION_MAXIMUM_CONNECTIONS, MaximumConnections=connections)
    session, leading = UniqueId(), UniqueId()
    done("LoginIScsiTarget", login_target(target, 0, None, ANY_PORT, portal, 0, None, options, 0, None, 0,
                                          session, leading))
    print("session:", session)
    return session


def more_connections(session, port, addresses):
    connection = UniqueId()
    for address in addresses:
        portal = Portal(Address=address.encode(), Socket=port)
        done("AddIScsiConnection", add_connection(session, None, ANY_PORT, portal, 0, None, 0, None,
                                                  connection))
        print(f"connection to {address}: {connection}")
    return connection


def connections_print(session):
    """Records come first in the buffer; what they point to follows."""
    count = c_uint32(0)
    buffer = sized("GetIScsiSessionList", lambda size, buffer: session_list(size, byref(count), buffer))
    for info in (SessionInfo * count.value).from_buffer(buffer):
        if str(info.SessionId) == str(session):
            for connection in info.Connections[:info.ConnectionCount]:
                print(f"listed: {connection.InitiatorAddress.decode()} to "
                      f"{connection.TargetAddress.decode()}:{connection.TargetSocket}")


def policy(session, number, primary=None):
    buffer = sized("GetIScsiSessionLoadBalancePolicy",
                   lambda size, buffer: policy_get(session, size, buffer))
    policies = Policies.from_buffer(buffer)
    policies.LoadBalancePolicy = number
    for path in policies.iSCSI_Paths[:policies.iSCSI_PathCount]:
        path.PrimaryPath = bool(primary) and path.UniqueConnectionId == primary.AdapterSpecific
    done("SetIScsiSessionLoadBalancePolicy", policy_set(session, policies))
    print("policy:", number)


def first_disk(session):
    count, devices = c_uint32(0), None
    while (status := session_devices(session, byref(count), devices)) == INSUFFICIENT_BUFFER:
        devices = (Device * count.value)()
    done("GetDevicesForIScsiSession", status)
    for device in (devices or [])[:count.value]:
        if device.DeviceType == DEVICE_DISK:
            print(f"disk: LUN {device.ScsiAddress.Lun}, {device.LegacyName.decode()}")
            return device.LegacyName.decode()
    raise Failed("the session has no disk")


# ---- I/O: LegacyName is the path of an NBD socket (on Windows that of a disk)

class Disk:
    """As little of an NBD client as reads and writes: fixed newstyle, simple replies."""
    READ, WRITE, END = 0, 1, 2

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        if self.receive(16) != b"NBDMAGICIHAVEOPT":
            raise Failed("no NBD server")
        self.receive(2)
        # Fixed newstyle, no zeroes; NBD_OPT_EXPORT_NAME of the default export.
        self.socket.sendall(struct.pack(">I8sII", 3, b"IHAVEOPT", 1, 0))
        self.size, _ = struct.unpack(">QH", self.receive(10))

    def receive(self, length):
        data = b""
        while len(data) < length:
            piece = self.socket.recv(length - len(data))
            if not piece:
                raise Failed("the disk has gone")
            data += piece
        return data

    def request(self, kind, at, length, data=b""):
        self.socket.sendall(struct.pack(">IHHQQI", 0x25609513, 0, kind, 1, at, length) + data)
        _, error, _ = struct.unpack(">IIQ", self.receive(16))
        if error:
            raise Failed(f"I/O at {at}: {os.strerror(error)}")
        return self.receive(length) if kind == self.READ else None

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        """A disk in use keeps LogoutIScsiTarget from ending the session."""
        self.socket.sendall(struct.pack(">IHHQQI", 0x25609513, 0, self.END, 1, 0, 0))
        self.socket.close()


def use_disk(path):
    with Disk(path) as disk:
        for at in range(0, BLOCKS * BLOCK, BLOCK):
            before = disk.request(disk.READ, at, BLOCK)
            disk.request(disk.WRITE, at, BLOCK, before)
            if disk.request(disk.READ, at, BLOCK) != before:
                raise Failed(f"other bytes at {at}")
    print(f"{BLOCKS} blocks read, written and compared")


def use_session(session, port, addresses):
    last = more_connections(session, port, addresses)
    connections_print(session)
    policy(session, ROUND_ROBIN)
    path = first_disk(session)
    use_disk(path)
    if addresses:
        policy(session, FAIL_OVER, last)
        use_disk(path)


def main(address, port, *addresses):
    portal = Portal(Address=address.encode(), Socket=int(port))
    try:
        session = login(discover(portal), portal, 1 + len(addresses))
        try:
            use_session(session, int(port), addresses)
        finally:
            done("LogoutIScsiTarget", logout_target(session))
    finally:
        # A portal stays in the list, also if it could not be reached.
        remove_portal(None, ANY_PORT, portal)
    print("done")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: session.py ADDRESS SOCKET [ADDRESS...]")
    try:
        main(*sys.argv[1:])
    except (Failed, OSError) as error:
        sys.exit(str(error))
