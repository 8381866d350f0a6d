/*
 * inquiry.h - reads standard INQUIRY data and the vital product data pages that we need (SPC-4,
 * SBC-3). Every function judges the lengths of what came; what is missing at the end of a short
 * but valid answer reads as 0 or empty.
 *
 * All return 0, or -EBADMSG for data too short or of another page. `ret` is untouched on failure.
 */
#ifndef ISCSIDSC_SCSI_INQUIRY_H
#define ISCSIDSC_SCSI_INQUIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum inquiry_type { /* peripheral device types that matter here */
	INQUIRY_DISK = 0x00, INQUIRY_TAPE = 0x01, INQUIRY_CD = 0x05, INQUIRY_CHANGER = 0x08,
	INQUIRY_ARRAY = 0x0c, INQUIRY_ENCLOSURE = 0x0d, INQUIRY_RBC = 0x0e,
	INQUIRY_WELL_KNOWN = 0x1e, INQUIRY_NO_TYPE = 0x1f,
};

enum inquiry_page {
	INQUIRY_PAGES = 0x00, INQUIRY_SERIAL = 0x80, INQUIRY_IDS = 0x83,
	INQUIRY_BLOCK_LIMITS = 0xb0, INQUIRY_BLOCK_CHARACTERISTICS = 0xb1,
	INQUIRY_PROVISIONING = 0xb2,
};

struct inquiry {
	uint8_t qualifier;  /* 0: a unit is there; 1: not connected; 3: no unit possible here */
	uint8_t type;       /* enum inquiry_type */
	bool removable;
	uint8_t version;    /* of SPC: 5 SPC-3, 6 SPC-4 ... */
	char vendor[9], product[17], revision[5]; /* printable, trailing blanks cut */
};

/* Needs 36 bytes, as every device since SCSI-2 sends; 5 suffice for what lies before the texts. */
int inquiry_get(const void *data, size_t len, struct inquiry *ret);
/* A name for the type, "direct-access device". */
const char *inquiry_type_name(uint8_t type);

/* Page 0x00. */
struct inquiry_pages {
	uint64_t page[4]; /* bit n % 64 of word n / 64: page n is supported */
};

int inquiry_pages_get(const void *data, size_t len, struct inquiry_pages *ret);

static inline bool inquiry_pages_has(const struct inquiry_pages *pages, uint8_t page)
{
	return pages->page[page / 64] >> (page % 64) & 1;
}

/* Page 0x80: the serial number as printable text, blanks around it cut; cut to fit. */
int inquiry_serial_get(const void *data, size_t len, char *ret, size_t room);

enum { INQUIRY_ID_TEXT = 300 };

/* Page 0x83: the unit's best identifier as stable text: "naa.<hex>", "eui.<hex>", a SCSI name as
 * it is, or "t10.<text>", in this order; longest first within naa and eui. Empty if none. */
int inquiry_ids_get(const void *data, size_t len, char ret[INQUIRY_ID_TEXT]);

/* Page 0xb0. 0 in a field: the device reports no limit. */
struct inquiry_limits {
	uint32_t max_transfer, optimal_transfer;     /* blocks */
	uint16_t optimal_granularity;                /* blocks */
	uint32_t max_unmap_blocks, max_unmap_ranges; /* 0: UNMAP not to be used */
	uint32_t unmap_granularity, unmap_alignment; /* blocks */
	bool unmap_alignment_valid;
	uint64_t max_write_same;                     /* blocks */
	bool write_same_nonzero;                     /* WSNZ: a count of 0 is not allowed */
};

int inquiry_limits_get(const void *data, size_t len, struct inquiry_limits *ret);

/* Page 0xb2. */
struct inquiry_provisioning {
	uint8_t threshold_exponent;
	bool unmap, write_same_16, write_same_10; /* LBPU, LBPWS, LBPWS10 */
	uint8_t reads_zero;                       /* LBPRZ, 3 bits; 1: unmapped blocks read as zero */
	uint8_t type;                             /* 1 resource, 2 thin */
};

int inquiry_provisioning_get(const void *data, size_t len, struct inquiry_provisioning *ret);

#endif
