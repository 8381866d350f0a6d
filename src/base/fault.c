/* fault.c - see fault.h. */
#include "base/fault.h"

#include <stdarg.h>
#include <stdio.h>

int fault_set(struct fault *fault, enum fault_kind kind, int detail, const char *format, ...)
{
	va_list args;

	*fault = (struct fault){ .kind = kind, .detail = detail };
	va_start(args, format);
	vsnprintf(fault->text, sizeof fault->text, format, args);
	va_end(args);
	return -1;
}
