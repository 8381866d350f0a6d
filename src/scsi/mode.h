/*
 * mode.h - reads the answers to MODE SENSE(6) and (10) of a block device: write protection, DPO and
 * FUA, and the write cache (SPC-4, SBC-3).
 *
 * Both return 0, or -EBADMSG if the header is cut off; `ret` is untouched then. A page that is cut
 * off or absent leaves its fields at their zero values.
 */
#ifndef ISCSIDSC_SCSI_MODE_H
#define ISCSIDSC_SCSI_MODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODE_PAGE_CACHING = 0x08, MODE_PAGE_ALL = 0x3f };

struct mode {
	bool write_protected, dpofua;  /* from the header */
	bool has_caching;              /* the caching page came */
	bool write_cache;              /* WCE */
	bool read_cache_off;           /* RCD */
};

int mode_get_6(const void *data, size_t len, struct mode *ret);
int mode_get_10(const void *data, size_t len, struct mode *ret);

#endif
