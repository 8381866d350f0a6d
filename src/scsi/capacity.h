/*
 * capacity.h - reads the answers to READ CAPACITY(10) and (16) (SBC-3).
 *
 * Both return 0, or -EBADMSG for data too short or a block size of 0 or not a multiple of 4; `ret`
 * is untouched then.
 */
#ifndef ISCSIDSC_SCSI_CAPACITY_H
#define ISCSIDSC_SCSI_CAPACITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capacity {
	uint64_t last_lba;
	uint32_t block_size;           /* bytes */
	bool ask_16;                   /* (10) only: too large for it, ask READ CAPACITY(16) */
	/* (16) only */
	unsigned physical_exponent;    /* 2^n logical blocks per physical one */
	uint16_t lowest_aligned;
	bool protection, provisioning, reads_zero; /* PROT_EN, LBPME, LBPRZ */
};

int capacity_get_10(const void *data, size_t len, struct capacity *ret);
int capacity_get_16(const void *data, size_t len, struct capacity *ret);

#endif
