/*
 * interface.h - the service's bus interface: the one header that library and service share.
 *
 * D-Bus, peer to peer on the service's Unix socket. One method per API function; the rules:
 *  - every reply begins with `u`, the ISDSC status; what follows is meaningful only for status 0
 *    (for the SCSI calls also for ISDSC_SCSI_REQUEST_FAILED). D-Bus errors mean a broken message.
 *  - every reply ends with `s`: what failed and where, for people, "" where the status says it all;
 *  - texts are UTF-8; what Microsoft calls bytes (user names, secrets, keys) is `ay`;
 *  - an absent text is "", an absent structure has its leading `b` false;
 *  - buffer protocols, A/W and struct layout are the library's work; the service knows only values.
 *
 * Structures:
 *   PORTAL   (bssq)          present, SymbolicName, Address, Socket
 *   OPTIONS  (buuuuuuuuuayay) present, Version, InformationSpecified, LoginFlags, AuthType,
 *                            HeaderDigest, DataDigest, MaximumConnections, DefaultTime2Wait,
 *                            DefaultTime2Retain, Username, Password (never sent to a client)
 *   ID       (tt)            AdapterUnique, AdapterSpecific
 *   MAPPINGS (buua(tu))      present, OS bus, OS target (0xffffffff any), LUNs: target LUN, OS LUN
 */
#ifndef ISCSIDSC_BUS_INTERFACE_H
#define ISCSIDSC_BUS_INTERFACE_H

#define BUS_PATH      "/org/iscsidsc/Initiator"
#define BUS_INTERFACE "org.iscsidsc.Initiator1"

#define BUS_PORTAL  "(bssq)"
#define BUS_OPTIONS "(buuuuuuuuuayay)"
#define BUS_ID      "(tt)"
#define BUS_MAPPINGS "(buua(tu))"

/* A connection: id, local address, local port, portal text, portal port, CID, state (0 login, 1 full
 * feature, 2 logout, 3 being brought back), header digest, data digest, our
 * MaxRecvDataSegmentLength, AuthType, leading, reconnects, then counters: bytes in, bytes out,
 * data in, data out, PDUs in, PDUs out, commands; commands under way, round trip in ns (0 unknown),
 * commands answered, nanoseconds that these took; bytes a second, as learned (0 unknown). */
#define BUS_CONNECTION "(" BUS_ID "sqsqqyyyuubutttttttutttt)"
/* A session: id, initiator node name, target name, ISID (6 bytes), TSIH, type (0 discovery,
 * 1 informational, 2 data), InitialR2T, ImmediateData, DataSequenceInOrder, DataPDUInOrder,
 * ErrorRecoveryLevel, MaxOutstandingR2T, FirstBurstLength, MaxBurstLength, MaxConnections, up,
 * last pause in ns, connections. */
#define BUS_SESSION "(" BUS_ID "ssayqybbbbyuuuubta" BUS_CONNECTION ")"
/* A device: initiator instance, target name, bus, target, OS LUN, raw LUN, SPC device type, NBD
 * socket path ("" for none), device number (-1 none), vendor, product, revision, serial, id,
 * blocks, block size, read only. */
#define BUS_DEVICE "(ssyyytysisssss" "tub)"
/* A SendTargets portal: initiator instance, port number, portal, security flags, options. */
#define BUS_SENDTARGETS "(su" BUS_PORTAL "t" BUS_OPTIONS ")"
/* A session's mapping: initiator instance, target name, folder of its devices, session id, OS bus, OS
 * target, LUNs: target LUN, OS LUN. */
#define BUS_ACTIVE_MAPPING "(sss" BUS_ID "uua(tu))"
/* A tunnel: initiator instance ("" all), port number, destination ("" any), outer address, lasting. */
#define BUS_TUNNEL "(sussb)"
/* How a connection is protected by IPsec: session, connection, IKE version, aggressive, tunnel, PFS, by the
 * administrator's own configuration, ESP algorithms, bytes in and out since, and seconds since its SAs were
 * made. */
#define BUS_PROTECTION "(" BUS_ID BUS_ID "ybbbbsttt)"
/* A persistent login: target, informational, instance, port, portal, security flags, mappings,
 * options. */
#define BUS_PERSISTENT_LOGIN "(sbsu" BUS_PORTAL "t" BUS_MAPPINGS BUS_OPTIONS ")"
/* A path of a load balance policy to be set: connection (AdapterSpecific), weight, primary. */
#define BUS_LB_RULE "(tub)"
/* A path as it is: the same, then learned Mbit/s, status (1 connected, 3 being brought back). */
#define BUS_LB_PATH "(tubtu)"

enum bus_access {
	BUS_LIST,   /* root, the service's user, the group */
	BUS_CHANGE, /* root, the service's user; the group only where group-may-change is on */
	BUS_SECRET, /* root and the service's user */
};

/*
 * method, in, out (after the status), access. Arguments are in the order of the API function.
 * X(name, in, out, access)
 */
#define BUS_METHODS(X) \
	/* session id, initiator port, portal, security flags, options, key -> connection id */ \
	X(AddIScsiConnection, BUS_ID "u" BUS_PORTAL "t" BUS_OPTIONS "ay", BUS_ID, BUS_CHANGE) \
	X(RemoveIScsiConnection, BUS_ID BUS_ID, "", BUS_CHANGE) \
	/* target, informational, instance, port, portal, security flags, mappings, options, key, \
	 * persistent -> session id, connection id */ \
	X(LoginIScsiTarget, "sbsu" BUS_PORTAL "t" BUS_MAPPINGS BUS_OPTIONS "ayb", BUS_ID BUS_ID, \
	  BUS_CHANGE) \
	X(LogoutIScsiTarget, BUS_ID, "", BUS_CHANGE) \
	X(GetIScsiSessionList, "", "a" BUS_SESSION, BUS_LIST) \
	X(GetDevicesForIScsiSession, BUS_ID, "a" BUS_DEVICE, BUS_LIST) \
	/* instance, port, options, security flags, portal */ \
	X(AddIScsiSendTargetPortal, "su" BUS_OPTIONS "t" BUS_PORTAL, "", BUS_CHANGE) \
	X(RemoveIScsiSendTargetPortal, "su" BUS_PORTAL, "", BUS_CHANGE) \
	X(RefreshIScsiSendTargetPortal, "su" BUS_PORTAL, "", BUS_CHANGE) \
	X(ReportIScsiSendTargetPortals, "", "a" BUS_SENDTARGETS, BUS_LIST) \
	/* force update -> target names */ \
	X(ReportIScsiTargets, "b", "as", BUS_LIST) \
	/* instance, target, tag given, tag -> portals */ \
	X(ReportIScsiTargetPortals, "ssbq", "a" BUS_PORTAL, BUS_LIST) \
	/* target, mechanism ("" none given) -> protocol, alias, mechanisms, portal groups, mappings, \
	 * instance, flags, options */ \
	X(GetIScsiTargetInformation, "ss", "usasaa" BUS_PORTAL BUS_MAPPINGS "su" BUS_OPTIONS, \
	  BUS_LIST) \
	/* target, alias, flags, persist, mappings, options, portal group */ \
	X(AddIScsiStaticTarget, "ssub" BUS_MAPPINGS BUS_OPTIONS "a" BUS_PORTAL, "", BUS_CHANGE) \
	X(RemoveIScsiStaticTarget, "s", "", BUS_CHANGE) \
	X(AddISNSServer, "s", "", BUS_CHANGE) \
	X(RemoveISNSServer, "s", "", BUS_CHANGE) \
	/* "": all */ \
	X(RefreshISNSServer, "s", "", BUS_CHANGE) \
	X(ReportISNSServerList, "", "as", BUS_LIST) \
	X(ReportActiveIScsiTargetMappings, "", "a" BUS_ACTIVE_MAPPING, BUS_LIST) \
	X(ReportIScsiPersistentLogins, "", "a" BUS_PERSISTENT_LOGIN, BUS_LIST) \
	/* instance, port, target, portal */ \
	X(RemoveIScsiPersistentTarget, "sus" BUS_PORTAL, "", BUS_CHANGE) \
	X(SetupPersistentIScsiDevices, "", "", BUS_CHANGE) \
	X(AddPersistentIScsiDevice, "s", "", BUS_CHANGE) \
	X(RemovePersistentIScsiDevice, "s", "", BUS_CHANGE) \
	X(ClearPersistentIScsiDevices, "", "", BUS_CHANGE) \
	X(ReportPersistentIScsiDevices, "", "as", BUS_LIST) \
	X(ReportIScsiInitiatorList, "", "as", BUS_LIST) \
	/* -> port number, address, interface name */ \
	X(ReportIScsiInitiatorPorts, "", "a(uss)", BUS_LIST) \
	X(GetIScsiInitiatorNodeName, "", "s", BUS_LIST) \
	/* "" is back to the default */ \
	X(SetIScsiInitiatorNodeName, "s", "", BUS_CHANGE) \
	X(GetIScsiVersionInformation, "", "uuu", BUS_LIST) \
	X(SetIScsiInitiatorCHAPSharedSecret, "ay", "", BUS_SECRET) \
	X(AddRadiusServer, "s", "", BUS_CHANGE) \
	X(RemoveRadiusServer, "s", "", BUS_CHANGE) \
	X(ReportRadiusServerList, "", "as", BUS_LIST) \
	X(SetIScsiInitiatorRADIUSSharedSecret, "ay", "", BUS_SECRET) \
	/* key ("" clears), persistent */ \
	X(SetIScsiGroupPresharedKey, "ayb", "", BUS_SECRET) \
	/* instance, port, security flags, id type, id, key ("" removes), persistent */ \
	X(SetIScsiIKEInfo, "sutyayayb", "", BUS_SECRET) \
	/* instance, port, id type, id -> security flags */ \
	X(GetIScsiIKEInfo, "suyay", "t", BUS_LIST) \
	/* instance, port, destination ("" any), outer address ("" removes), persistent */ \
	X(SetIScsiTunnelModeOuterAddress, "sussb", "", BUS_CHANGE) \
	X(ReportIScsiTunnelAddresses, "", "a" BUS_TUNNEL, BUS_LIST) \
	/* those that are protected */ \
	X(ReportIScsiProtectedConnections, "", "a" BUS_PROTECTION, BUS_LIST) \
	/* session id, LUN (API form), EvpdCmddt, page, room -> SCSI status, response, sense */ \
	X(SendScsiInquiry, BUS_ID "tyyu", "yayay", BUS_LIST) \
	X(SendScsiReadCapacity, BUS_ID "tu", "yayay", BUS_LIST) \
	X(SendScsiReportLuns, BUS_ID "u", "yayay", BUS_LIST) \
	/* session id, policy, paths */ \
	X(SetIScsiSessionLoadBalancePolicy, BUS_ID "ua" BUS_LB_RULE, "", BUS_CHANGE) \
	/* session id -> policy, paths */ \
	X(GetIScsiSessionLoadBalancePolicy, BUS_ID, "ua" BUS_LB_PATH, BUS_LIST) \
	/* session id, LUN (API form), function -> response of the target */ \
	X(SendIScsiTaskManagement, BUS_ID "ty", "y", BUS_CHANGE) \
	/* name -> value as text, its default, one line of help */ \
	X(GetIScsiDefault, "s", "sss", BUS_LIST) \
	/* name, value ("" back to the built-in one) */ \
	X(SetIScsiDefault, "ss", "", BUS_CHANGE) \
	/* -> name, value, default, help */ \
	X(ReportIScsiDefaults, "", "a(ssss)", BUS_LIST) \
	/* session id -> the session alone */ \
	X(GetIScsiSessionState, BUS_ID, "a" BUS_SESSION, BUS_LIST)

#endif
