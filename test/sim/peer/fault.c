/*
 * fault.c - how the peer misbehaves: one row for each input that an initiator has to survive. A row
 * changes the first fitting PDU on its way out, or sends another one along.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#include "inside.h"

enum { ANY = 0x100 };

enum what {
	ADD32, PUT32, PUT16, PUT8, OR8, AND8, /* a field of the header at `at` */
	FLIP_HEADER, FLIP_DATA,              /* a bit of the digest */
	REPEAT,                              /* it comes twice */
	CUT,                                 /* the data segment has `value` bytes */
	GROW,                                /* the data segment has `value` bytes, the rest zeros */
	LEAVE_OUT,
	TEXT,                                /* `text` is added to the data segment */
	KEY,                                 /* the value of a key becomes another */
	BEFORE, AFTER,                       /* a PDU of `value` opcode comes along, as `make` does */
	MANY,                                /* the same, hundreds of times after it */
	ELSEWHERE,                           /* it goes out on another connection */
	INSTEAD,                             /* another PDU comes in its place */
};

enum above { THE_SAME, NOTHING, VARIES };

/* A few bits of which PDU is meant beyond the opcode. */
enum fits { FITS_ALL, FITS_STATUS, FITS_NO_STATUS, FITS_FINAL, FITS_ANSWER, FITS_DATA, FITS_T,
	    FITS_NO_T_ASKED, FITS_OPERATIONAL, FITS_SECOND };

static const struct row {
	const char *name;
	enum peer_cost cost;
	unsigned opcode;
	enum fits fits;
	enum what what;
	unsigned at;
	uint32_t value;
	const char *text;
	enum above above; /* what it costs above level 0 */
} rows[] = {
#define CONN(name, ...) { name, PEER_COSTS_CONN, __VA_ARGS__, THE_SAME }
#define MENDS(name, ...) { name, PEER_COSTS_CONN, __VA_ARGS__, NOTHING }
#define VARIES(name, ...) { name, PEER_COSTS_CONN, __VA_ARGS__, VARIES }
#define LOGIN(name, ...) { name, PEER_COSTS_LOGIN, PDU_LOGIN_RESPONSE, __VA_ARGS__, THE_SAME }
	/* framing */
	CONN("unknown opcode", ANY, 0, PUT8, 0, 0x2a, NULL),
	CONN("vendor opcode", ANY, 0, PUT8, 0, 0x3c, NULL),
	CONN("opcode of an initiator", ANY, 0, PUT8, 0, 0x01, NULL),
	CONN("additional header", ANY, 0, PUT8, 4, 1, NULL),
	CONN("longest segment", PDU_SCSI_RESPONSE, 0, PUT32, 4, 0xffffff, NULL),
	CONN("segment above the limit", PDU_DATA_IN, 0, GROW, 0, 65537, NULL),
	CONN("header digest of data-in", PDU_DATA_IN, 0, FLIP_HEADER, 0, 0, NULL),
	CONN("header digest of response", PDU_SCSI_RESPONSE, 0, FLIP_HEADER, 0, 0, NULL),
	CONN("header digest of r2t", PDU_R2T, 0, FLIP_HEADER, 0, 0, NULL),
	VARIES("data digest of data-in", PDU_DATA_IN, FITS_DATA, FLIP_DATA, 0, 0, NULL),
	MENDS("data digest of sense", PDU_SCSI_RESPONSE, FITS_DATA, FLIP_DATA, 0, 0, NULL),
	/* numbers */
	VARIES("StatSN ahead", PDU_SCSI_RESPONSE, 0, ADD32, 24, 1, NULL),
	CONN("StatSN far ahead", PDU_SCSI_RESPONSE, 0, ADD32, 24, 0x70000000, NULL),
	CONN("StatSN behind", PDU_SCSI_RESPONSE, 0, ADD32, 24, UINT32_MAX, NULL),
	VARIES("StatSN of data-in ahead", PDU_DATA_IN, FITS_STATUS, ADD32, 24, 1, NULL),
	VARIES("StatSN of nop-in ahead", PDU_NOP_IN, FITS_ANSWER, ADD32, 24, 1, NULL),
	{ "ExpCmdSN ahead", PEER_COSTS_NOTHING, ANY, 0, ADD32, 28, 1000, NULL, THE_SAME },
	{ "MaxCmdSN far behind", PEER_COSTS_NOTHING, ANY, 0, ADD32, 32, (uint32_t)-1000, NULL, THE_SAME },
	{ "both behind", PEER_COSTS_NOTHING, PDU_NOP_IN, 0, ADD32, 28, (uint32_t)-5, NULL, THE_SAME },
	{ "response twice", PEER_COSTS_NOTHING, PDU_SCSI_RESPONSE, 0, REPEAT, 0, 0, NULL, THE_SAME },
	{ "data-in with status twice", PEER_COSTS_NOTHING, PDU_DATA_IN, FITS_STATUS, REPEAT, 0, 0,
	      NULL, THE_SAME },
	MENDS("response left out", PDU_SCSI_RESPONSE, 0, LEAVE_OUT, 0, 0, NULL),
	/* data-in */
	CONN("data-in far beyond", PDU_DATA_IN, 0, PUT32, 40, 0x7ffffff0, NULL),
	CONN("data-in offset wraps", PDU_DATA_IN, 0, PUT32, 40, 0xffffffff, NULL),
	CONN("data-in with a hole", PDU_DATA_IN, FITS_DATA, ADD32, 40, 4, NULL),
	CONN("data-in longer", PDU_DATA_IN, 0, GROW, 0, 60000, NULL),
	{ "data-in shorter", PEER_COSTS_TASK, PDU_DATA_IN, FITS_STATUS, CUT, 0, 1, NULL, THE_SAME },
	{ "data-in empty", PEER_COSTS_TASK, PDU_DATA_IN, FITS_STATUS, CUT, 0, 0, NULL, THE_SAME },
	VARIES("data-in left out", PDU_DATA_IN, FITS_NO_STATUS, LEAVE_OUT, 0, 0, NULL),
	MENDS("data-in twice", PDU_DATA_IN, FITS_NO_STATUS, REPEAT, 0, 0, NULL),
	CONN("data-in for no task", PDU_DATA_IN, 0, PUT32, 16, PDU_NO_TAG, NULL),
	CONN("data-in for a task to come", PDU_DATA_IN, 0, ADD32, 16, 1 << 20, NULL),
	VARIES("DataSN ahead", PDU_DATA_IN, 0, ADD32, 36, 1, NULL),
	CONN("status but not final", PDU_DATA_IN, FITS_STATUS, AND8, 1, 0x7f, NULL),
	CONN("data-in both residuals", PDU_DATA_IN, FITS_STATUS, OR8, 1, 0x06, NULL),
	{ "acknowledge at level 0", PEER_COSTS_NOTHING, PDU_DATA_IN, 0, OR8, 1, 0x40, NULL, THE_SAME },
	VARIES("data-in on another connection", PDU_DATA_IN, FITS_NO_STATUS, ELSEWHERE, 0, 0, NULL),
	CONN("data-in for a write", PDU_R2T, 0, BEFORE, 0, PDU_DATA_IN, NULL),
	/* r2t */
	CONN("r2t for a read", PDU_DATA_IN, 0, BEFORE, 0, PDU_R2T, NULL),
	{ "r2t after status", PEER_COSTS_NOTHING, PDU_SCSI_RESPONSE, 0, AFTER, 0, PDU_R2T, NULL, THE_SAME },
	CONN("r2t of another unit", PDU_R2T, 0, ADD32, 8, 7, NULL),
	CONN("r2t without tag", PDU_R2T, 0, PUT32, 20, PDU_NO_TAG, NULL),
	CONN("r2t of nothing", PDU_R2T, 0, PUT32, 44, 0, NULL),
	CONN("r2t beyond", PDU_R2T, 0, ADD32, 40, 0x1000000, NULL),
	CONN("r2t offset wraps", PDU_R2T, 0, PUT32, 40, 0xffffff00, NULL),
	CONN("r2t above MaxBurstLength", PDU_R2T, 0, PUT32, 44, 0x1000000, NULL),
	VARIES("R2TSN ahead", PDU_R2T, 0, ADD32, 36, 1, NULL),
	MENDS("r2t twice", PDU_R2T, 0, REPEAT, 0, 0, NULL),
	CONN("r2t for no task", PDU_R2T, 0, PUT32, 16, PDU_NO_TAG, NULL),
	VARIES("r2t on another connection", PDU_R2T, 0, ELSEWHERE, 0, 0, NULL),
	CONN("r2t with data", PDU_R2T, 0, GROW, 0, 8, NULL),
	/* response */
	{ "target failure", PEER_COSTS_TASK, PDU_SCSI_RESPONSE, 0, PUT8, 2, 1, NULL, THE_SAME },
	CONN("sense of one byte", PDU_SCSI_RESPONSE, 0, GROW, 0, 1, NULL),
	CONN("sense beyond its segment", PDU_SCSI_RESPONSE, FITS_DATA, CUT, 0, 5, NULL),
	{ "sense left out", PEER_COSTS_NOTHING, PDU_SCSI_RESPONSE, FITS_DATA, CUT, 0, 0, NULL, THE_SAME },
	CONN("response both residuals", PDU_SCSI_RESPONSE, 0, OR8, 1, 0x06, NULL),
	VARIES("ExpDataSN ahead", PDU_SCSI_RESPONSE, FITS_FINAL, ADD32, 36, 1, NULL),
	CONN("response for no task", PDU_SCSI_RESPONSE, 0, ADD32, 16, 1 << 20, NULL),
	VARIES("response on another connection", PDU_SCSI_RESPONSE, 0, ELSEWHERE, 0, 0, NULL),
	{ "rejected command", PEER_COSTS_TASK, PDU_SCSI_RESPONSE, 0, INSTEAD, 0, PDU_REJECT, NULL, THE_SAME },
	/* what nobody asked for */
	CONN("task response", ANY, 0, AFTER, 0, PDU_TASK_RESPONSE, NULL),
	VARIES("logout response", ANY, 0, AFTER, 0, PDU_LOGOUT_RESPONSE, NULL),
	CONN("text response", ANY, 0, AFTER, 0, PDU_TEXT_RESPONSE, NULL),
	CONN("login response", ANY, 0, AFTER, 0, PDU_LOGIN_RESPONSE, NULL),
	CONN("echo of no ping", ANY, 0, AFTER, 0, PDU_NOP_IN, NULL),
	MENDS("reject of nothing", ANY, 0, AFTER, 0, PDU_REJECT, NULL),
	CONN("ping with both tags", PDU_NOP_IN, FITS_ANSWER, PUT32, 20, 5, NULL),
	{ "hundreds of async messages", PEER_COSTS_MAYBE, ANY, 0, MANY, 0, PDU_ASYNC, NULL, THE_SAME },
	{ "unknown async message", PEER_COSTS_NOTHING, ANY, 0, AFTER, 0, PDU_ASYNC, NULL, THE_SAME },
	/* login */
	LOGIN("login: another tag", 0, ADD32, 16, 1, NULL),
	LOGIN("login: another ISID", 0, ADD32, 8, 1, NULL),
	LOGIN("login: TSIH 0", FITS_T, PUT16, 14, 0, NULL),
	LOGIN("login: another version", 0, PUT8, 3, 1, NULL),
	LOGIN("login: stage 2", FITS_T, PUT8, 1, 0x86, NULL),
	LOGIN("login: another stage", 0, PUT8, 1, 0x0c, NULL),
	LOGIN("login: T and C", FITS_T, OR8, 1, 0x40, NULL),
	LOGIN("login: StatSN ahead", FITS_SECOND, ADD32, 24, 1, NULL),
	LOGIN("login: status class 4", 0, PUT8, 36, 4, NULL),
	LOGIN("login: status class 255", 0, PUT8, 36, 255, NULL),
	LOGIN("login: moved to nowhere", 0, PUT8, 36, 1, NULL),
	LOGIN("login: another PDU", 0, PUT8, 0, PDU_SCSI_RESPONSE, NULL),
	LOGIN("login: additional header", 0, PUT8, 4, 255, NULL),
	LOGIN("login: more than 8192 bytes", 0, GROW, 0, 8193, NULL),
	LOGIN("login: no equals sign", 0, TEXT, 0, 0, "HeaderDigest"),
	LOGIN("login: bad key", 0, TEXT, 0, 0, "1x=2"),
	LOGIN("login: key too long", 0, TEXT, 0, 0,
	      "X-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1"),
	LOGIN("login: group tag not a number", 0, KEY, 0, 0,
	      "TargetPortalGroupTag=red"),
	LOGIN("login: group tag too big", 0, KEY, 0, 0,
	      "TargetPortalGroupTag=65536"),
	LOGIN("login: method not offered", 0, KEY, 0, 0, "AuthMethod=KRB5"),
	LOGIN("login: method rejected", 0, KEY, 0, 0, "AuthMethod=Reject"),
	LOGIN("login: CHAP keys unasked", FITS_OPERATIONAL, TEXT, 0, 0, "CHAP_A=5"),
	LOGIN("login: chap algorithm not offered", 0, KEY, 0, 0, "CHAP_A=4"),
	LOGIN("login: chap identifier too big", 0, KEY, 0, 0, "CHAP_I=256"),
	LOGIN("login: chap identifier negative", 0, KEY, 0, 0, "CHAP_I=-1"),
	LOGIN("login: chap challenge empty", 0, KEY, 0, 0, "CHAP_C=0x"),
	LOGIN("login: chap challenge no base64", 0, KEY, 0, 0, "CHAP_C=0b!!!!"),
	LOGIN("login: chap challenge no hex", 0, KEY, 0, 0, "CHAP_C=0xzz"),
	LOGIN("login: chap response short, mutual", 0, KEY, 0, 0, "CHAP_R=0x00"),
	LOGIN("login: key twice", FITS_OPERATIONAL, TEXT, 0, 0,
	      "HeaderDigest=None"),
	LOGIN("login: burst 0", 0, KEY, 0, 0, "MaxBurstLength=0"),
	LOGIN("login: burst huge", 0, KEY, 0, 0,
	      "MaxBurstLength=99999999999999999999"),
	LOGIN("login: burst negative", 0, KEY, 0, 0, "MaxBurstLength=-1"),
	LOGIN("login: burst with spaces", 0, KEY, 0, 0, "MaxBurstLength= 512"),
	LOGIN("login: segment of nothing", 0, KEY, 0, 0,
	      "MaxRecvDataSegmentLength=0"),
	LOGIN("login: maybe", 0, KEY, 0, 0, "InitialR2T=Maybe"),
	LOGIN("login: no r2t", 0, KEY, 0, 0, "MaxOutstandingR2T=0"),
	LOGIN("login: level 3", 0, KEY, 0, 0, "ErrorRecoveryLevel=3"),
	LOGIN("login: digest not offered", 0, KEY, 0, 0,
	      "HeaderDigest=CRC64"),
	{ "login: digest not understood", PEER_COSTS_NOTHING, PDU_LOGIN_RESPONSE, 0, KEY, 0, 0,
	      "HeaderDigest=NotUnderstood", THE_SAME },
	{ "login: unknown key", PEER_COSTS_NOTHING, PDU_LOGIN_RESPONSE, FITS_NO_T_ASKED, TEXT, 0, 0,
	      "X-org.example.colour=red", THE_SAME },
#undef CONN
#undef MENDS
#undef VARIES
#undef LOGIN
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

unsigned peer_fault_count(void)
{
	return ROWS;
}

struct peer_fault_info peer_fault_info(unsigned index)
{
	return (struct peer_fault_info){ rows[index].name, rows[index].cost,
		rows[index].above == NOTHING, rows[index].above == VARIES };
}

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	abort();
}

static const char *find_key(const uint8_t *data, uint32_t len, const char *key, size_t key_len)
{
	for (uint32_t at = 0; at < len; at += (uint32_t)strlen((const char *)data + at) + 1)
		if (strncmp((const char *)data + at, key, key_len) == 0)
			return (const char *)data + at;
	return NULL;
}

static struct peer_conn *another(struct peer_conn *c)
{
	if (!c->session)
		return NULL;
	list_for_each(it, &c->session->conns) {
		struct peer_conn *other = list_entry(it, struct peer_conn, session_link);

		if (other != c && !other->login && !other->closing)
			return other;
	}
	return NULL;
}

static bool key_fits(const struct row *row, const uint8_t *data, uint32_t len)
{
	size_t key_len = strcspn(row->text, "=") + 1;

	return find_key(data, len, row->text, key_len) != NULL;
}

static bool fits(struct peer_conn *c, const struct row *row, const uint8_t *bhs, const uint8_t *data,
		 uint32_t len)
{
	bool login = pdu_opcode(bhs) == PDU_LOGIN_RESPONSE;

	if (row->opcode == ANY ? login : pdu_opcode(bhs) != row->opcode)
		return false;
	if (row->what == KEY && !key_fits(row, data, len))
		return false;
	if (row->what == ELSEWHERE && !another(c))
		return false;
	switch (row->fits) {
	case FITS_ALL:
		return true;
	case FITS_STATUS:
		return bhs[1] & 1 && len > 1;
	case FITS_NO_STATUS:
		return !(bhs[1] & 1) && len;
	case FITS_FINAL: /* a response after Data-In */
		return bytes_get32(bhs + 36) != 0;
	case FITS_ANSWER:
		return bytes_get32(bhs + 16) != PDU_NO_TAG;
	case FITS_DATA:
		return len != 0;
	case FITS_T:
		return bhs[1] & 0x80 && (row->at != 14 || (bhs[1] & 3) == 3);
	case FITS_NO_T_ASKED:
		return !(bhs[1] & 0x80);
	case FITS_OPERATIONAL:
		return (bhs[1] >> 2 & 3) == PDU_STAGE_OPERATIONAL;
	case FITS_SECOND: /* the first may say any StatSN (ST-1): nobody can tell that it is wrong */
		return c->answered;
	}
	return false;
}

/* A PDU that comes along with another one, whose task it names where it has to. What it rejects has
 * this much added to its tag. */
static void send_extra(struct peer_conn *c, uint8_t opcode, const uint8_t *bhs, uint32_t tag)
{
	uint8_t extra[PDU_BHS_LEN] = { opcode, 0x80 }, ping[PDU_BHS_LEN] = { 0x40, 0x80 };
	const uint8_t *data = NULL;
	uint32_t len = 0;
	bool advance = opcode != PDU_R2T && opcode != PDU_DATA_IN;

	memcpy(extra + 8, bhs + 8, 8);
	memcpy(extra + 16, bhs + 16, 4);
	if (opcode == PDU_R2T)
		bytes_put32(extra + 44, 512);
	if (opcode == PDU_DATA_IN || opcode == PDU_TEXT_RESPONSE || opcode == PDU_NOP_IN)
		bytes_put32(extra + 20, PDU_NO_TAG);
	if (opcode == PDU_NOP_IN)
		bytes_put32(extra + 16, 12345);
	if (opcode == PDU_ASYNC || opcode == PDU_REJECT)
		bytes_put32(extra + 16, PDU_NO_TAG);
	if (opcode == PDU_ASYNC)
		extra[36] = 100;
	if (opcode == PDU_REJECT) {
		ping[0] = PDU_SCSI_COMMAND;
		bytes_put32(ping + 16, bytes_get32(bhs + 16) + tag);
		extra[2] = PDU_REJECT_PROTOCOL;
		data = ping;
		len = PDU_BHS_LEN;
	}
	task_numbers(c, extra, advance);
	bytes_put24(extra + 5, len);
	conn_send_raw(c, extra, data, len, FAULT_SEND);
}

static uint8_t *buffer(struct peer_conn *c, const uint8_t *data, uint32_t len, uint32_t room)
{
	static uint8_t bytes[128 << 10];

	(void)c;
	memset(bytes, 0, room);
	if (len)
		memcpy(bytes, data, len < room ? len : room);
	return bytes;
}

static void change_text(struct peer_conn *c, const struct row *row, const uint8_t **data, uint32_t *len)
{
	uint8_t *p = buffer(c, *data, *len, *len + 8192);
	size_t key_len = strcspn(row->text, "=") + 1;
	char *at = (char *)(uintptr_t)find_key(p, *len, row->text, key_len);
	size_t text_len = strlen(row->text) + 1, rest;

	if (row->what == KEY) {
		rest = (size_t)((char *)p + *len - at) - strlen(at) - 1;
		memmove(at + text_len, at + strlen(at) + 1, rest);
		*len = (uint32_t)((size_t)(at - (char *)p) + text_len + rest);
	} else {
		at = (char *)p + *len;
		*len += (uint32_t)text_len;
	}
	memcpy(at, row->text, text_len);
	*data = p;
}

static void change_header(const struct row *row, uint8_t *bhs)
{
	switch (row->what) {
	case ADD32:
		bytes_put32(bhs + row->at, bytes_get32(bhs + row->at) + row->value);
		break;
	case PUT32:
		bytes_put32(bhs + row->at, row->value);
		break;
	case PUT16:
		bytes_put16(bhs + row->at, (uint16_t)row->value);
		break;
	case PUT8:
		bhs[row->at] = (uint8_t)row->value;
		break;
	case OR8:
		bhs[row->at] |= (uint8_t)row->value;
		break;
	case AND8:
		bhs[row->at] &= (uint8_t)row->value;
		break;
	default:
		break;
	}
}

static enum fault_verdict apply(struct peer_conn *c, const struct row *row, uint8_t *bhs,
				const uint8_t **data, uint32_t *len)
{
	switch (row->what) {
	case FLIP_HEADER:
		return FAULT_FLIP_HEADER;
	case FLIP_DATA:
		return FAULT_FLIP_DATA;
	case REPEAT:
		conn_send_raw(c, bhs, *data, *len, FAULT_SEND);
		break;
	case CUT:
	case GROW:
		*data = buffer(c, *data, *len, row->value);
		*len = row->value;
		break;
	case LEAVE_OUT:
		return FAULT_DROP;
	case TEXT:
	case KEY:
		change_text(c, row, data, len);
		break;
	case BEFORE:
		send_extra(c, (uint8_t)row->value, bhs, 1 << 20);
		break;
	case AFTER:
	case MANY:
		conn_send_raw(c, bhs, *data, *len, FAULT_SEND);
		for (unsigned i = 0; i < (row->what == MANY ? 300 : 1); i++)
			send_extra(c, (uint8_t)row->value, bhs, 1 << 20);
		return FAULT_DROP;
	case ELSEWHERE:
		bytes_put24(bhs + 5, *len);
		task_numbers(another(c), bhs, pdu_opcode(bhs) == PDU_SCSI_RESPONSE);
		conn_send_raw(another(c), bhs, *data, *len, FAULT_SEND);
		return FAULT_DROP;
	case INSTEAD:
		c->stat_sn--;
		send_extra(c, (uint8_t)row->value, bhs, 0);
		return FAULT_DROP;
	default:
		change_header(row, bhs);
		return FAULT_SEND;
	}
	bytes_put24(bhs + 5, *len);
	return FAULT_SEND;
}

static unsigned next_fault(const struct peer *p)
{
	return p->options.fault_after + p->faults_done * p->options.fault_every;
}

enum fault_verdict fault_apply(struct peer_conn *c, uint8_t bhs[PDU_BHS_LEN], const uint8_t **data,
			       uint32_t *len)
{
	struct peer *p = c->peer;
	const struct peer_options *o = &p->options;
	const struct row *row;

	if (!o->fault || p->faults_done >= (o->fault_times ? o->fault_times : 1))
		return FAULT_SEND;
	row = find_row(o->fault);
	if (!fits(c, row, bhs, *data, *len) || p->faults_seen++ < next_fault(p))
		return FAULT_SEND;
	p->faults_done++;
	return apply(c, row, bhs, data, len);
}
