/*
 * cdb.h - builds the command descriptor blocks that we send (SPC-4, SBC-3), and the parameter list
 * of UNMAP. It sends nothing and judges no answer.
 *
 * Each function writes 16 bytes, zero padded, and returns the length of the CDB proper: 6, 10, 12
 * or 16. Lengths are in bytes, block counts in logical blocks.
 */
#ifndef ISCSIDSC_SCSI_CDB_H
#define ISCSIDSC_SCSI_CDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CDB_LEN = 16 };

enum cdb_opcode {
	CDB_TEST_UNIT_READY = 0x00, CDB_INQUIRY = 0x12, CDB_MODE_SENSE_6 = 0x1a,
	CDB_READ_CAPACITY_10 = 0x25, CDB_READ_10 = 0x28, CDB_WRITE_10 = 0x2a,
	CDB_SYNCHRONIZE_CACHE_10 = 0x35, CDB_UNMAP = 0x42, CDB_MODE_SENSE_10 = 0x5a,
	CDB_READ_16 = 0x88, CDB_WRITE_16 = 0x8a, CDB_SYNCHRONIZE_CACHE_16 = 0x91,
	CDB_WRITE_SAME_16 = 0x93, CDB_SERVICE_ACTION_IN_16 = 0x9e, CDB_REPORT_LUNS = 0xa0,
};

unsigned cdb_test_unit_ready(uint8_t cdb[CDB_LEN]);
/* flags: the EVPD (1) and CmdDt (2) bits of byte 1. */
unsigned cdb_inquiry(uint8_t cdb[CDB_LEN], uint8_t flags, uint8_t page, uint16_t allocation);
/* The standard INQUIRY data, and a vital product data page. */
unsigned cdb_inquiry_standard(uint8_t cdb[CDB_LEN], uint16_t allocation);
unsigned cdb_inquiry_vpd(uint8_t cdb[CDB_LEN], uint8_t page, uint16_t allocation);
/* select: 0 addressable units, 1 well known ones, 2 all. */
unsigned cdb_report_luns(uint8_t cdb[CDB_LEN], uint8_t select, uint32_t allocation);
unsigned cdb_read_capacity_10(uint8_t cdb[CDB_LEN]);
unsigned cdb_read_capacity_16(uint8_t cdb[CDB_LEN], uint32_t allocation);
/* READ or WRITE in the 10-byte form where address and count fit, else the 16-byte form. */
unsigned cdb_read(uint8_t cdb[CDB_LEN], uint64_t lba, uint32_t blocks, bool fua);
unsigned cdb_write(uint8_t cdb[CDB_LEN], uint64_t lba, uint32_t blocks, bool fua);
/* blocks 0: up to the end of the medium. 10-byte form where it fits. */
unsigned cdb_synchronize_cache(uint8_t cdb[CDB_LEN], uint64_t lba, uint32_t blocks);
/* list_len: of the parameter list. */
unsigned cdb_unmap(uint8_t cdb[CDB_LEN], uint16_t list_len);
/* unmap: the device may unmap; ndob: zeros, and no data travels (else one block of data does). */
unsigned cdb_write_same_16(uint8_t cdb[CDB_LEN], uint64_t lba, uint32_t blocks, bool unmap,
			   bool ndob);
/* dbd: without block descriptors. page 0x3f: all. */
unsigned cdb_mode_sense_6(uint8_t cdb[CDB_LEN], bool dbd, uint8_t page, uint8_t allocation);
unsigned cdb_mode_sense_10(uint8_t cdb[CDB_LEN], bool dbd, uint8_t page, uint16_t allocation);

struct cdb_range {
	uint64_t lba;
	uint32_t blocks;
};

enum { CDB_UNMAP_HEADER = 8, CDB_UNMAP_RANGE = 16, CDB_UNMAP_RANGES_MAX = 4095 };

/* Writes the UNMAP parameter list. Returns its length, 0 if it does not fit the room or there are
 * too many ranges. */
size_t cdb_unmap_list(uint8_t *list, size_t room, const struct cdb_range *ranges, unsigned n);

#endif
