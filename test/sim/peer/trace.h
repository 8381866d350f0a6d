/*
 * trace.h - a recorded exchange with another target, as test/interop/record_lio.py writes it; its
 * files say how they are to be read.
 */
#ifndef ISCSIDSC_TEST_TRACE_H
#define ISCSIDSC_TEST_TRACE_H

#include <stdbool.h>

#include "proto/pdu.h"

enum {
	TRACE_CONNS = 4,     /* of an exchange, from 0 on */
	TRACE_CLOSE = 0x40,  /* stands for an opcode: the connection was closed */
};

struct trace_pdu {
	unsigned conn;
	uint8_t opcode;      /* or TRACE_CLOSE */
	uint8_t bhs[PDU_BHS_LEN];
	uint8_t *data;       /* of malloc; NULL without */
	uint32_t len;
};

struct trace_event {
	char kind;           /* as in the file: `>`, `<`, `x`, `c` */
	bool damaged;        /* sent with a wrong data digest */
	struct trace_pdu pdu;
};

struct trace_exchange {
	char name[64];
	struct trace_event *event;
	unsigned count;
};

struct trace {
	struct trace_exchange *exchange;
	unsigned count;
};

/* Appends what the file holds. Returns 0, or the number of the line that can't be read. */
unsigned trace_read(struct trace *trace, const char *path);
void trace_done(struct trace *trace);

#endif
