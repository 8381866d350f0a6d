/*
 * fake_drive.h - stands in for src/drive and src/disk under the service: sessions and disks without
 * network and threads. What they answer, and when, is in the fuzzer's hand; that it is something that
 * the real ones could say is this file's part.
 */
#ifndef ISCSIDSC_FUZZ_FAKE_DRIVE_H
#define ISCSIDSC_FUZZ_FAKE_DRIVE_H

#include "base/bytes.h"
#include "drive/drive.h"

/* One thing happens at one of the sessions or disks: the input tells which. Does nothing where there is
 * none. */
void fake_drive_nexus(struct bytes_reader *in);
void fake_drive_disk(struct bytes_reader *in);
/* Answers everything and lets everything end that was asked to; returns false if there was nothing. */
bool fake_drive_finish(void);
/* No session and no disk is left. */
bool fake_drive_empty(void);

#endif
