/*
 * trace.c - see trace.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

enum { LINE_ROOM = 70000, DATA_ROOM = 65536 };

static void *grow(void *array, unsigned count, size_t item)
{
	array = realloc(array, (count + 1) * item);
	if (!array)
		abort();
	memset((char *)array + count * item, 0, item);
	return array;
}

/* ---------------------------------------------------------------- data */

static bool take_hex(const char **at, unsigned digits, uint32_t *ret)
{
	*ret = 0;
	for (; digits; digits--, (*at)++) {
		if (!isxdigit((unsigned char)**at))
			return false;
		*ret = *ret << 4 | (uint32_t)(**at <= '9' ? **at - '0' : (**at | 0x20) - 'a' + 10);
	}
	return true;
}

static bool take_bytes(const char *at, uint8_t *data, uint32_t *ret_len)
{
	uint32_t byte;

	for (*ret_len = 0; *at; data[(*ret_len)++] = (uint8_t)byte)
		if (*ret_len == DATA_ROOM || !take_hex(&at, 2, &byte))
			return false;
	return true;
}

static bool take_text(const char *at, uint8_t *data, uint32_t *ret_len)
{
	uint32_t byte;

	for (*ret_len = 0; *at; data[(*ret_len)++] = (uint8_t)byte) {
		bool quoted = *at == '%';

		byte = (uint8_t)*at++;
		if (*ret_len == DATA_ROOM || (quoted && !take_hex(&at, 2, &byte)))
			return false;
	}
	return true;
}

static bool take_fill(const char *at, uint8_t *data, uint32_t *ret_len)
{
	unsigned len, byte;

	if (sscanf(at, "%u:%2x", &len, &byte) != 2 || len > DATA_ROOM)
		return false;
	memset(data, (int)byte, len);
	*ret_len = len;
	return true;
}

static bool take_data(const char *word, struct trace_pdu *pdu)
{
	static uint8_t data[DATA_ROOM];

	if (strcmp(word, "-") == 0)
		return true;
	if (word[0] == 'x' ? !take_bytes(word + 2, data, &pdu->len)
	    : word[0] == 't' ? !take_text(word + 2, data, &pdu->len)
			     : !take_fill(word + 2, data, &pdu->len))
		return false;
	pdu->data = malloc(pdu->len + 1);
	if (!pdu->data)
		abort();
	memcpy(pdu->data, data, pdu->len);
	return true;
}

/* ---------------------------------------------------------------- lines */

/* KIND N [BHS DATA [bad-digest]]; texts have blanks in them. */
static bool take_event(char *line, struct trace_event *event)
{
	static const char bad[] = " bad-digest";
	struct trace_pdu *pdu = &event->pdu;
	size_t len = strlen(line);
	const char *at = line + 2;
	uint32_t byte;

	event->kind = line[0];
	pdu->conn = (unsigned)(line[2] - '1');
	pdu->opcode = TRACE_CLOSE;
	if (line[1] != ' ' || pdu->conn >= TRACE_CONNS)
		return false;
	if (event->kind == 'x' || event->kind == 'c')
		return !line[3];
	event->damaged = len > sizeof(bad) && strcmp(line + len - sizeof(bad) + 1, bad) == 0;
	if (event->damaged)
		line[len - sizeof(bad) + 1] = 0;
	at += 2;
	for (unsigned i = 0; i < PDU_BHS_LEN; i++) {
		if (!take_hex(&at, 2, &byte))
			return false;
		pdu->bhs[i] = (uint8_t)byte;
	}
	pdu->opcode = pdu_opcode(pdu->bhs);
	return *at == ' ' && take_data(at + 1, pdu);
}

static bool take_line(struct trace *trace, char *line)
{
	struct trace_exchange *e = trace->count ? &trace->exchange[trace->count - 1] : NULL;

	if (!*line || *line == '#')
		return true;
	if (strncmp(line, "exchange ", 9) == 0) {
		trace->exchange = grow(trace->exchange, trace->count, sizeof(*e));
		e = &trace->exchange[trace->count++];
		snprintf(e->name, sizeof(e->name), "%.60s", line + 9);
		return true;
	}
	if (!e || !strchr("><xc", *line))
		return false;
	e->event = grow(e->event, e->count, sizeof(e->event[0]));
	return take_event(line, &e->event[e->count++]);
}

unsigned trace_read(struct trace *trace, const char *path)
{
	static char line[LINE_ROOM];
	FILE *file = fopen(path, "r");
	unsigned number = 1;
	bool right = file != NULL;

	while (right && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		right = take_line(trace, line);
		number += right;
	}
	if (file)
		fclose(file);
	return right ? 0 : number;
}

void trace_done(struct trace *trace)
{
	for (unsigned i = 0; i < trace->count; i++) {
		struct trace_exchange *e = &trace->exchange[i];

		for (unsigned k = 0; k < e->count; k++)
			free(e->event[k].pdu.data);
		free(e->event);
	}
	free(trace->exchange);
	*trace = (struct trace){ 0 };
}
