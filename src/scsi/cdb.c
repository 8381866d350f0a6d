/* cdb.c - see cdb.h. */
#include "scsi/cdb.h"

#include <string.h>

#include "base/bytes.h"

enum { FUA = 0x08, EVPD = 0x01, DBD = 0x08, UNMAP_BIT = 0x08, NDOB = 0x01, CAPACITY_16 = 0x10 };

static uint8_t *start(uint8_t *cdb, enum cdb_opcode opcode)
{
	memset(cdb, 0, CDB_LEN);
	cdb[0] = (uint8_t)opcode;
	return cdb;
}

/* The common forms of addressing blocks. */
static unsigned blocks_10(uint8_t *cdb, enum cdb_opcode opcode, uint8_t flags, uint64_t lba,
			  uint32_t blocks)
{
	start(cdb, opcode)[1] = flags;
	bytes_put32(cdb + 2, (uint32_t)lba);
	bytes_put16(cdb + 7, (uint16_t)blocks);
	return 10;
}

static unsigned blocks_16(uint8_t *cdb, enum cdb_opcode opcode, uint8_t flags, uint64_t lba,
			  uint32_t blocks)
{
	start(cdb, opcode)[1] = flags;
	bytes_put64(cdb + 2, lba);
	bytes_put32(cdb + 10, blocks);
	return 16;
}

static bool fits_10(uint64_t lba, uint32_t blocks)
{
	return lba <= UINT32_MAX && blocks <= UINT16_MAX;
}

unsigned cdb_test_unit_ready(uint8_t cdb[CDB_LEN])
{
	start(cdb, CDB_TEST_UNIT_READY);
	return 6;
}

unsigned cdb_inquiry(uint8_t cdb[CDB_LEN], uint8_t flags, uint8_t page, uint16_t allocation)
{
	start(cdb, CDB_INQUIRY)[1] = flags;
	cdb[2] = page;
	bytes_put16(cdb + 3, allocation);
	return 6;
}

unsigned cdb_inquiry_standard(uint8_t cdb[CDB_LEN], uint16_t allocation)
{
	return cdb_inquiry(cdb, 0, 0, allocation);
}

unsigned cdb_inquiry_vpd(uint8_t cdb[CDB_LEN], uint8_t page, uint16_t allocation)
{
	return cdb_inquiry(cdb, EVPD, page, allocation);
}

unsigned cdb_report_luns(uint8_t cdb[CDB_LEN], uint8_t select, uint32_t allocation)
{
	start(cdb, CDB_REPORT_LUNS)[2] = select;
	bytes_put32(cdb + 6, allocation);
	return 12;
}

unsigned cdb_read_capacity_10(uint8_t cdb[CDB_LEN])
{
	start(cdb, CDB_READ_CAPACITY_10);
	return 10;
}

unsigned cdb_read_capacity_16(uint8_t cdb[CDB_LEN], uint32_t allocation)
{
	start(cdb, CDB_SERVICE_ACTION_IN_16)[1] = CAPACITY_16;
	bytes_put32(cdb + 10, allocation);
	return 16;
}

unsigned cdb_read(uint8_t cdb[CDB_LEN], uint64_t lba, uint32_t blocks, bool fua)
{
	uint8_t flags = fua ? FUA : 0;

	if (fits_10(lba, blocks))
		return blocks_10(cdb, CDB_READ_10, flags, lba, blocks);
	return blocks_16(cdb, CDB_READ_16, flags, lba, blocks);
}

unsigned cdb_write(uint8_t cdb[CDB_LEN], uint64_t lba, uint32_t blocks, bool fua)
{
	uint8_t flags = fua ? FUA : 0;

	if (fits_10(lba, blocks))
		return blocks_10(cdb, CDB_WRITE_10, flags, lba, blocks);
	return blocks_16(cdb, CDB_WRITE_16, flags, lba, blocks);
}

unsigned cdb_synchronize_cache(uint8_t cdb[CDB_LEN], uint64_t lba, uint32_t blocks)
{
	if (fits_10(lba, blocks))
		return blocks_10(cdb, CDB_SYNCHRONIZE_CACHE_10, 0, lba, blocks);
	return blocks_16(cdb, CDB_SYNCHRONIZE_CACHE_16, 0, lba, blocks);
}

unsigned cdb_unmap(uint8_t cdb[CDB_LEN], uint16_t list_len)
{
	bytes_put16(start(cdb, CDB_UNMAP) + 7, list_len);
	return 10;
}

unsigned cdb_write_same_16(uint8_t cdb[CDB_LEN], uint64_t lba, uint32_t blocks, bool unmap,
			   bool ndob)
{
	uint8_t flags = (uint8_t)((unmap ? UNMAP_BIT : 0) | (ndob ? NDOB : 0));

	return blocks_16(cdb, CDB_WRITE_SAME_16, flags, lba, blocks);
}

unsigned cdb_mode_sense_6(uint8_t cdb[CDB_LEN], bool dbd, uint8_t page, uint8_t allocation)
{
	start(cdb, CDB_MODE_SENSE_6)[1] = dbd ? DBD : 0;
	cdb[2] = page;
	cdb[4] = allocation;
	return 6;
}

unsigned cdb_mode_sense_10(uint8_t cdb[CDB_LEN], bool dbd, uint8_t page, uint16_t allocation)
{
	start(cdb, CDB_MODE_SENSE_10)[1] = dbd ? DBD : 0;
	cdb[2] = page;
	bytes_put16(cdb + 7, allocation);
	return 10;
}

size_t cdb_unmap_list(uint8_t *list, size_t room, const struct cdb_range *ranges, unsigned n)
{
	size_t len = CDB_UNMAP_HEADER + (size_t)n * CDB_UNMAP_RANGE;

	if (n > CDB_UNMAP_RANGES_MAX || len > room)
		return 0;
	memset(list, 0, len);
	bytes_put16(list, (uint16_t)(len - 2));
	bytes_put16(list + 2, (uint16_t)(len - CDB_UNMAP_HEADER));
	for (unsigned i = 0; i < n; i++) {
		uint8_t *range = list + CDB_UNMAP_HEADER + (size_t)i * CDB_UNMAP_RANGE;

		bytes_put64(range, ranges[i].lba);
		bytes_put32(range + 8, ranges[i].blocks);
	}
	return len;
}
