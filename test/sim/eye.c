/*
 * eye.c - what can be seen on a wire: where PDUs begin and end, what they say, and which digests are in
 * force. It writes the transcript, counts, tells ambushes where the connection is, and turns bits over.
 *
 * It reads the bytes on its own and knows nothing of the engine's or the peer's view of them.
 */
#include <string.h>

#include "base/bytes.h"
#include "proto/digest.h"
#include "proto/sn.h"

#include "../duty.h"
#include "sim.h"

void eye_open(struct eye *eye)
{
	memset(eye, 0, sizeof(*eye));
	eye->login = true;
	eye->cleanup_itt = PDU_NO_TAG;
}

bool eye_flip(struct wire *w, enum trouble kind)
{
	enum way way = kind == TROUBLE_HEADER_UP || kind == TROUBLE_DATA_UP ? WAY_UP : WAY_DOWN;
	bool header = kind == TROUBLE_HEADER_UP || kind == TROUBLE_HEADER_DOWN;

	if (w->eye.login || !(header ? w->eye.header_digest : w->eye.data_digest))
		return false;
	if (header)
		w->eye.gaze[way].flip_header = true;
	else
		w->eye.gaze[way].flip_data = true;
	return true;
}

bool eye_will_flip(const struct wire *w)
{
	return w->eye.gaze[WAY_UP].flip_header || w->eye.gaze[WAY_UP].flip_data ||
	       w->eye.gaze[WAY_DOWN].flip_header || w->eye.gaze[WAY_DOWN].flip_data;
}

/* ---------------------------------------------------------------- the transcript */

static const char *const functions[] = { "?", "ABORT TASK", "ABORT TASK SET", "CLEAR ACA", "CLEAR TASK SET",
	"LOGICAL UNIT RESET", "TARGET WARM RESET", "TARGET COLD RESET", "TASK REASSIGN", "QUERY TASK",
	"QUERY TASK SET", "I_T NEXUS RESET", "QUERY ASYNCHRONOUS EVENT" };

static const char *function_name(uint8_t code)
{
	return functions[code < sizeof(functions) / sizeof(functions[0]) ? code : 0];
}

/* What one kind of PDU says beyond what all say. */
static void describe(const uint8_t *b, char *to, size_t room)
{
	switch (pdu_opcode(b)) {
	case PDU_SCSI_COMMAND:
		snprintf(to, room, "cdb %02x number %u length %u%s%s", b[32], bytes_get16(b + 46),
			 bytes_get32(b + 20), b[1] & 0x40 ? " R" : "", b[1] & 0x20 ? " W" : "");
		break;
	case PDU_TASK_REQUEST:
		snprintf(to, room, "%s of %x RefCmdSN %u ExpDataSN %u", function_name(b[1] & 0x7f),
			 bytes_get32(b + 20), bytes_get32(b + 32), bytes_get32(b + 36));
		break;
	case PDU_DATA_OUT:
	case PDU_DATA_IN:
		snprintf(to, room, "TTT %x DataSN %u offset %u%s%s", bytes_get32(b + 20),
			 bytes_get32(b + 36), bytes_get32(b + 40), b[1] & 0x40 ? " A" : "",
			 pdu_opcode(b) == PDU_DATA_IN && (b[1] & 1) ? " with status" : "");
		break;
	case PDU_R2T:
		snprintf(to, room, "TTT %x R2TSN %u offset %u length %u", bytes_get32(b + 20),
			 bytes_get32(b + 36), bytes_get32(b + 40), bytes_get32(b + 44));
		break;
	case PDU_SNACK:
		snprintf(to, room, "type %u TTT %x BegRun %u RunLength %u", b[1] & 15,
			 bytes_get32(b + 20), bytes_get32(b + 40), bytes_get32(b + 44));
		break;
	case PDU_LOGIN_REQUEST:
	case PDU_LOGIN_RESPONSE:
		snprintf(to, room, "flags %02x TSIH %u CID %u status %04x", b[1], bytes_get16(b + 14),
			 bytes_get16(b + 20), bytes_get16(b + 36));
		break;
	case PDU_LOGOUT_REQUEST:
		snprintf(to, room, "reason %u CID %u", b[1] & 0x7f, bytes_get16(b + 20));
		break;
	case PDU_SCSI_RESPONSE:
		snprintf(to, room, "response %u status %u ExpDataSN %u", b[2], b[3], bytes_get32(b + 36));
		break;
	case PDU_TASK_RESPONSE:
	case PDU_LOGOUT_RESPONSE:
	case PDU_REJECT:
		snprintf(to, room, "response %u", b[2]);
		break;
	case PDU_ASYNC:
		snprintf(to, room, "event %u parameters %u %u %u", b[36], bytes_get16(b + 38),
			 bytes_get16(b + 40), bytes_get16(b + 42));
		break;
	default:
		snprintf(to, room, "TTT %x", bytes_get32(b + 20));
		break;
	}
}

static void say(struct sim *sim, const struct wire *w, enum way way, const uint8_t *b)
{
	char what[160];

	describe(b, what, sizeof(what));
	if (way == WAY_UP)
		sim_say(sim, "%3u -> %-22s%s itt %08x CmdSN %u ExpStatSN %u data %u%s, %s", w->id,
			pdu_name(pdu_opcode(b)), pdu_immediate(b) ? " I" : "", bytes_get32(b + 16),
			bytes_get32(b + 24), bytes_get32(b + 28), pdu_data_len(b),
			b[1] & 0x80 ? " F" : "", what);
	else
		sim_say(sim, "%3u <- %-22s itt %08x StatSN %u ExpCmdSN %u MaxCmdSN %u data %u%s, %s", w->id,
			pdu_name(pdu_opcode(b)), bytes_get32(b + 16), bytes_get32(b + 24),
			bytes_get32(b + 28), bytes_get32(b + 32), pdu_data_len(b),
			b[1] & 0x80 ? " F" : "", what);
}

/* ---------------------------------------------------------------- places */

/* MCS-17; what got its number before may still be on its way to another wire. */
static void session_closes(struct sim *sim, const uint8_t *b)
{
	sim->closing = true;
	sim->closing_sn = bytes_get32(b + 24);
	if (sim->options.leaves_early)
		DUTY("MCS-17");
}

static void went_up(struct sim *sim, struct wire *w, const uint8_t *b)
{
	struct eye *e = &w->eye;
	enum { ITTS = sizeof(e->itt) / sizeof(e->itt[0]) };

	switch (pdu_opcode(b)) {
	case PDU_LOGIN_REQUEST:
		e->cid = bytes_get16(b + 20);
		trouble_watch(sim, w, PLACE_S4);
		break;
	case PDU_LOGOUT_REQUEST:
		if ((b[1] & 0x7f) == PDU_LOGOUT_SESSION && sim->home.logout_sent)
			session_closes(sim, b);
		if ((b[1] & 0x7f) == PDU_LOGOUT_SESSION || bytes_get16(b + 20) == e->cid) {
			trouble_watch(sim, w, PLACE_S6);
			break;
		}
		e->cleanups = 1;
		e->cleanup_itt = bytes_get32(b + 16);
		trouble_watch(sim, w, PLACE_CLEANUP);
		break;
	case PDU_TASK_REQUEST:
		if ((b[1] & 0x7f) == PDU_ABORT_TASK)
			trouble_note(sim, TROUBLE_NEVER, w->carrier);
		if ((b[1] & 0x7f) != PDU_TASK_REASSIGN)
			break;
		if (e->reassigns < ITTS)
			e->itt[e->reassigns++] = bytes_get32(b + 16);
		sim->home.reassigned++;
		if (sim->options.level < 2)
			sim_fail(sim, "TASK REASSIGN at level %u", sim->options.level);
		else
			DUTY("TOL-9");
		trouble_watch(sim, w, PLACE_REASSIGN);
		break;
	case PDU_SNACK:
		if (!sim->options.level)
			sim_fail(sim, "SNACK at level 0");
		else
			DUTY("SNA-1");
		break;
	case PDU_SCSI_COMMAND:
		if (sim->closing && sn_ge(bytes_get32(b + 24), sim->closing_sn))
			sim_fail(sim, "a command after the session's Logout");
		trouble_watch(sim, w, PLACE_S5);
		break;
	default:
		break;
	}
}

static void answered(struct eye *e, uint32_t itt)
{
	for (unsigned i = 0; i < e->reassigns; i++)
		if (e->itt[i] == itt) {
			e->itt[i] = e->itt[--e->reassigns];
			return;
		}
}

static void came_down(struct eye *e, const uint8_t *b)
{
	switch (pdu_opcode(b)) {
	case PDU_TASK_RESPONSE:
		answered(e, bytes_get32(b + 16));
		break;
	case PDU_LOGOUT_RESPONSE:
		if (bytes_get32(b + 16) == e->cleanup_itt)
			e->cleanups = 0;
		break;
	default:
		break;
	}
}

/* ---------------------------------------------------------------- login */

static bool agreed(const struct eye *e, const char *what)
{
	return memmem(e->text, e->text_len, what, strlen(what) + 1) != NULL;
}

/* The whole of a Login Response passed. */
static void login_passed(struct eye *e, const uint8_t *b)
{
	if (!(b[1] & 0x80) || (b[1] & 3) != PDU_STAGE_FULL_FEATURE || bytes_get16(b + 36))
		return;
	e->login = false;
	e->header_digest = agreed(e, "HeaderDigest=CRC32C");
	e->data_digest = agreed(e, "DataDigest=CRC32C");
}

/* Without padding. */
static void keep_text(struct eye *e, const struct gaze *g, const uint8_t *data, size_t len)
{
	size_t at = g->data - g->rest, end = pdu_data_len(g->bhs);

	if (at + len > end)
		len = at < end ? end - at : 0;
	if (len > sizeof(e->text) - e->text_len)
		len = sizeof(e->text) - e->text_len;
	memcpy(e->text + e->text_len, data, len);
	e->text_len += len;
}

/* ---------------------------------------------------------------- bytes */

static void turn_over(struct sim *sim, struct wire *w, enum trouble kind, uint8_t *data, size_t len)
{
	data[random_below(&sim->random, (uint32_t)len)] ^= (uint8_t)(1 << random_below(&sim->random, 8));
	sim_say(sim, "%3u    a bit turned over: %s", w->id, trouble_name(kind));
	sim->flips_came = sim->trouble_came = true;
	trouble_note(sim, kind, w->carrier);
}

/* The header is whole; `data` are those bytes of it that are still in the pipe. */
static void header_passed(struct sim *sim, struct wire *w, enum way way, uint8_t *data, size_t len)
{
	struct gaze *g = &w->eye.gaze[way];
	bool login = w->eye.login;
	uint32_t n = pdu_data_len(g->bhs);

	g->data = n ? n + pdu_pad(n) + (!login && w->eye.data_digest ? DIGEST_LEN : 0) : 0;
	g->rest = pdu_ahs_len(g->bhs) + (!login && w->eye.header_digest ? DIGEST_LEN : 0) + g->data;
	if (pdu_opcode(g->bhs) == PDU_NOP_OUT || pdu_opcode(g->bhs) == PDU_NOP_IN)
		sim->pings++;
	else
		sim->pdus++;
	if (sim->verbose)
		say(sim, w, way, g->bhs);
	if (g->flip_header && !login) {
		g->flip_header = false;
		turn_over(sim, w, way == WAY_UP ? TROUBLE_HEADER_UP : TROUBLE_HEADER_DOWN, data, len);
	}
	if (way == WAY_UP)
		went_up(sim, w, g->bhs);
	else
		came_down(&w->eye, g->bhs);
}

static size_t see_header(struct sim *sim, struct wire *w, enum way way, uint8_t *data, size_t len)
{
	struct gaze *g = &w->eye.gaze[way];
	size_t n = PDU_BHS_LEN - g->have;

	if (n > len)
		n = len;
	memcpy(g->bhs + g->have, data, n);
	g->have += (unsigned)n;
	if (g->have == PDU_BHS_LEN)
		header_passed(sim, w, way, data, n);
	return n;
}

static size_t see_rest(struct sim *sim, struct wire *w, enum way way, uint8_t *data, size_t len)
{
	struct gaze *g = &w->eye.gaze[way];
	size_t n = g->rest > g->data ? g->rest - g->data : g->rest;

	if (n > len)
		n = len;
	if (g->rest <= g->data) {
		if (w->eye.login && way == WAY_DOWN)
			keep_text(&w->eye, g, data, n);
		if (g->flip_data && !w->eye.login) {
			g->flip_data = false;
			turn_over(sim, w, way == WAY_UP ? TROUBLE_DATA_UP : TROUBLE_DATA_DOWN, data, n);
		}
	}
	g->rest -= n;
	return n;
}

void eye_see(struct sim *sim, struct wire *w, enum way way, uint8_t *data, size_t len)
{
	struct gaze *g = &w->eye.gaze[way];

	while (len) {
		size_t n = g->have < PDU_BHS_LEN ? see_header(sim, w, way, data, len)
						 : see_rest(sim, w, way, data, len);

		data += n;
		len -= n;
		if (g->have < PDU_BHS_LEN || g->rest)
			continue;
		g->have = 0;
		if (way == WAY_DOWN && w->eye.login && pdu_opcode(g->bhs) == PDU_LOGIN_RESPONSE)
			login_passed(&w->eye, g->bhs);
	}
}
