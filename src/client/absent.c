/*
 * absent.c - the table of what is not there yet, in both forms; absent_plain.c has the rest.
 */
#include "client/absent.h"

/* Static targets and what is known of a target. */
ABSENT_7(AddIScsiStaticTarget, TCHAR *, TCHAR *, ISCSI_TARGET_FLAGS, BOOLEAN, PISCSI_TARGET_MAPPING,
	 PISCSI_LOGIN_OPTIONS, PISCSI_TARGET_PORTAL_GROUP)
ABSENT_1(RemoveIScsiStaticTarget, TCHAR *)
ABSENT_5(GetIScsiTargetInformation, TCHAR *, TCHAR *, TARGET_INFORMATION_CLASS, PULONG, PVOID)

/* iSNS. */
ABSENT_1(AddISNSServer, TCHAR *)
ABSENT_1(RemoveISNSServer, TCHAR *)
ABSENT_1(RefreshISNSServer, TCHAR *)
ABSENT_2(ReportISNSServerList, PULONG, TCHAR *)

/* Mappings, persistent logins, persistent devices. */
ABSENT_3(ReportActiveIScsiTargetMappings, PULONG, PULONG, PISCSI_TARGET_MAPPING)
ABSENT_3(ReportIScsiPersistentLogins, PULONG, PPERSISTENT_ISCSI_LOGIN_INFO, PULONG)
ABSENT_4(RemoveIScsiPersistentTarget, TCHAR *, ULONG, TCHAR *, PISCSI_TARGET_PORTAL)
ABSENT_1(AddPersistentIScsiDevice, TCHAR *)
ABSENT_1(RemovePersistentIScsiDevice, TCHAR *)
ABSENT_2(ReportPersistentIScsiDevices, PULONG, TCHAR *)

/* RADIUS and IPsec. */
ABSENT_1(AddRadiusServer, TCHAR *)
ABSENT_1(RemoveRadiusServer, TCHAR *)
ABSENT_2(ReportRadiusServerList, PULONG, TCHAR *)
ABSENT_4(SetIScsiIKEInfo, TCHAR *, ULONG, PIKE_AUTHENTICATION_INFORMATION, BOOLEAN)
ABSENT_4(GetIScsiIKEInfo, TCHAR *, ULONG, PULONG, PIKE_AUTHENTICATION_INFORMATION)
ABSENT_5(SetIScsiTunnelModeOuterAddress, TCHAR *, ULONG, TCHAR *, TCHAR *, BOOLEAN)
