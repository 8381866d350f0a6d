/* lun.c - see lun.h. */
#include "scsi/lun.h"

#include <errno.h>

#include "base/bytes.h"

enum { PERIPHERAL_MAX = 255, FLAT_MAX = 0x3fff, LIST_HEADER = 8, ENTRY = 8 };

#define FIRST_LEVEL_SHIFT 48
#define FLAT_METHOD (UINT64_C(1) << 62)

uint64_t lun_wire(uint64_t number)
{
	if (number <= PERIPHERAL_MAX)
		return number << FIRST_LEVEL_SHIFT;
	if (number <= FLAT_MAX)
		return FLAT_METHOD | number << FIRST_LEVEL_SHIFT;
	return number;
}

uint64_t lun_number(uint64_t wire)
{
	uint64_t number = wire >> FIRST_LEVEL_SHIFT & FLAT_MAX;

	if (lun_wire(number) == wire)
		return number;
	return wire > FLAT_MAX ? wire : LUN_NONE;
}

int lun_list_get(const void *data, size_t len, struct lun_list *ret)
{
	const uint8_t *p = data;
	size_t came;

	if (len < LIST_HEADER)
		return -EBADMSG;
	came = (len - LIST_HEADER) / ENTRY;
	*ret = (struct lun_list){
		.data = p + LIST_HEADER, .announced = bytes_get32(p) / ENTRY,
	};
	ret->count = ret->announced < came ? ret->announced : (unsigned)came;
	return 0;
}

uint64_t lun_list_at(const struct lun_list *list, unsigned i)
{
	return bytes_get64(list->data + (size_t)i * ENTRY);
}
