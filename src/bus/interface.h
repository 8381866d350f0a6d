/*
 * interface.h - the service's bus interface: the one header that library and service share.
 *
 * D-Bus, peer to peer on the service's Unix socket. One method per API function; the rules:
 *  - every reply begins with `u`, the ISDSC status; what follows is meaningful only for status 0
 *    (for the SCSI calls also for ISDSC_SCSI_REQUEST_FAILED). D-Bus errors mean a broken message.
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
 */
#ifndef ISCSIDSC_BUS_INTERFACE_H
#define ISCSIDSC_BUS_INTERFACE_H

#define BUS_PATH      "/org/iscsidsc/Initiator"
#define BUS_INTERFACE "org.iscsidsc.Initiator1"

#define BUS_PORTAL  "(bssq)"
#define BUS_OPTIONS "(buuuuuuuuuayay)"
#define BUS_ID      "(tt)"

/* A connection: id, local address, local port, portal text, portal port, CID, state (0 login, 1 full
 * feature, 2 logout, 3 being brought back), header digest, data digest, our
 * MaxRecvDataSegmentLength, AuthType, leading, reconnects, then counters: bytes in, bytes out,
 * data in, data out, PDUs in, PDUs out, commands. */
#define BUS_CONNECTION "(" BUS_ID "sqsqqyyyuubuttttttt)"
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
	/* target, informational, instance, port, portal, security flags, mappings given, options, \
	 * key, persistent -> session id, connection id */ \
	X(LoginIScsiTarget, "sbsu" BUS_PORTAL "tb" BUS_OPTIONS "ayb", BUS_ID BUS_ID, BUS_CHANGE) \
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
	X(ReportIScsiInitiatorList, "", "as", BUS_LIST) \
	/* -> port number, address, interface name */ \
	X(ReportIScsiInitiatorPorts, "", "a(uss)", BUS_LIST) \
	X(GetIScsiInitiatorNodeName, "", "s", BUS_LIST) \
	/* "" is back to the default */ \
	X(SetIScsiInitiatorNodeName, "s", "", BUS_CHANGE) \
	X(GetIScsiVersionInformation, "", "uuu", BUS_LIST) \
	X(SetIScsiInitiatorCHAPSharedSecret, "ay", "", BUS_SECRET) \
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
	X(ReportIScsiDefaults, "", "a(ssss)", BUS_LIST)

#endif
