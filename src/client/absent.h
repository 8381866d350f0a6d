/*
 * absent.h - functions that are not there yet: ABSENT_n(name, types of its n parameters) defines
 * one that answers ERROR_CALL_NOT_IMPLEMENTED and touches nothing.
 */
#ifndef ISCSIDSC_CLIENT_ABSENT_H
#define ISCSIDSC_CLIENT_ABSENT_H

#include "client/form.h"

#define ABSENT_BODY { return ERROR_CALL_NOT_IMPLEMENTED; }
#define UNUSED __attribute__((unused))

#define ABSENT_0(name) ISDSC_STATUS ISDSC_API name(void) ABSENT_BODY
#define ABSENT_1(name, a) ISDSC_STATUS ISDSC_API name(a p1 UNUSED) ABSENT_BODY
#define ABSENT_2(name, a, b) ISDSC_STATUS ISDSC_API name(a p1 UNUSED, b p2 UNUSED) ABSENT_BODY
#define ABSENT_3(name, a, b, c) \
	ISDSC_STATUS ISDSC_API name(a p1 UNUSED, b p2 UNUSED, c p3 UNUSED) ABSENT_BODY
#define ABSENT_4(name, a, b, c, d) \
	ISDSC_STATUS ISDSC_API name(a p1 UNUSED, b p2 UNUSED, c p3 UNUSED, d p4 UNUSED) ABSENT_BODY
#define ABSENT_5(name, a, b, c, d, e) \
	ISDSC_STATUS ISDSC_API name(a p1 UNUSED, b p2 UNUSED, c p3 UNUSED, d p4 UNUSED, \
				    e p5 UNUSED) ABSENT_BODY
#define ABSENT_7(name, a, b, c, d, e, f, g) \
	ISDSC_STATUS ISDSC_API name(a p1 UNUSED, b p2 UNUSED, c p3 UNUSED, d p4 UNUSED, \
				    e p5 UNUSED, f p6 UNUSED, g p7 UNUSED) ABSENT_BODY

#endif
