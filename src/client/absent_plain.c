/*
 * absent_plain.c - the table of what is not there yet, for functions that have one form.
 */
#include "client/absent.h"

ABSENT_0(ClearPersistentIScsiDevices)
ABSENT_0(SetupPersistentIScsiDevices)
ABSENT_0(SetupPersistentIScsiVolumes)
ABSENT_3(SetIScsiGroupPresharedKey, ULONG, PUCHAR, BOOLEAN)
ABSENT_2(SetIScsiInitiatorRADIUSSharedSecret, ULONG, PUCHAR)
