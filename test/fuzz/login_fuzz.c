/*
 * login_fuzz.c - logins with CHAP in both directions, of leading, added and returning connections, against
 * any answers: good ones, good ones with something changed, keys and values of all kinds, texts in
 * pieces, redirections, refusals.
 *
 * Checked besides the sanitizers and what world.h says: with mutual CHAP no connection comes up unless its
 * target has proved itself on it, with CHAP none unless it asked us to; no secret is ever sent.
 */
#include <string.h>

#include "foe.h"
#include "fuzz.h"
#include "proto/text.h"

enum act {
	ACT_GOOD,     /* the answer as it should be, or with something changed */
	ACT_KEYS,     /* pairs that the input chooses */
	ACT_RAW,      /* bytes as text */
	ACT_STATUS, ACT_OPEN, ACT_ADD, ACT_CLOSE, ACT_TIME, ACT_WHOLE,
	ACTS
};

static const char our_secret[] = "sixteen  letters", target_secret[] = "seventeen letters";

/* What the target did on a connection. */
struct proof {
	const struct conn *conn;
	bool challenged, proved;
	uint8_t algorithm;
};

static struct {
	struct bytes_reader in;
	struct world world;
	struct chap_config chap;
	struct proof proof[WORLD_SIDES];
	struct text_out out;
	char text[SIDE_DATA];
} f;

static const char *const keys[] = {
	"AuthMethod", "CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R", "TargetName", "InitiatorName",
	"TargetAlias", "TargetAddress", "TargetPortalGroupTag", "SessionType", "HeaderDigest", "DataDigest",
	"MaxConnections", "InitialR2T", "ImmediateData", "MaxRecvDataSegmentLength", "MaxBurstLength",
	"FirstBurstLength", "DefaultTime2Wait", "DefaultTime2Retain", "MaxOutstandingR2T", "DataPDUInOrder",
	"DataSequenceInOrder", "ErrorRecoveryLevel", "TaskReporting", "iSCSIProtocolLevel", "IFMarker",
	"OFMarkInt", "X-com.example.key", "Unknown", "", "SendTargets",
};

static const char *const values[] = {
	"None", "CHAP", "None,CHAP", "Yes", "No", "CRC32C", "None,CRC32C", "Reject", "Irrelevant",
	"NotUnderstood", "0", "1", "5", "6", "7", "8", "2", "512", "8192", "65535", "65536",
	"16777215", "16777216", "4294967296", "-1", "0x10", "0x", "0b",
	"0x0123456789abcdef0123456789abcdef", "0bAAECAwQFBgcICQoLDA0ODw==",
	"iqn.2026-11.test:target", "192.0.2.7:3260,1", "[2001:db8::7]:3261,2", "RFC3720",
	"FastAbort,ResponseFence", "", "512~1024", "Discovery", "user", "target",
};

enum { KEYS = sizeof(keys) / sizeof(keys[0]), VALUES = sizeof(values) / sizeof(values[0]) };

static struct proof *proof_of(const struct side *s)
{
	struct proof *p = &f.proof[s - f.world.side];

	if (p->conn != s->conn)
		*p = (struct proof){ .conn = s->conn };
	return p;
}

/* ---------------------------------------------------------------- good answers */

static bool starts_with(const char *text, const char *with)
{
	return text && strncmp(text, with, strlen(with)) == 0;
}

/* The first of the algorithms that we offered; 5 where the input says so. */
static void challenge(struct side *s, uint8_t change)
{
	static const uint8_t bytes[24] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
	const char *offered = foe_said(s, "CHAP_A");
	char algorithm[2] = { change & 1 || !offered ? '5' : offered[0], 0 };

	text_put(&f.out, "CHAP_A", algorithm);
	text_put_number(&f.out, "CHAP_I", 42);
	text_put_binary(&f.out, "CHAP_C", bytes, change & 2 ? 0 : sizeof(bytes));
	proof_of(s)->challenged = true;
}

static uint8_t algorithm_of(const char *offered, uint8_t change)
{
	return change & 1 || !offered ? 5 : (uint8_t)(offered[0] - '0');
}

/* Our own proof, for mutual CHAP: right unless the input changes something. */
static void prove(struct side *s, uint8_t algorithm, uint8_t change)
{
	const char *id = foe_said(s, "CHAP_I"), *sent = foe_said(s, "CHAP_C");
	uint8_t bytes[CHAP_CHALLENGE_MAX], hash[CHAP_DIGEST_MAX];
	uint64_t identifier;
	size_t len;
	int n;

	if (!id || !sent || text_number(id, &identifier) < 0 ||
	    text_binary(sent, bytes, sizeof(bytes), &len) < 0)
		return;
	n = chap_hash(algorithm, (uint8_t)identifier, target_secret, sizeof(target_secret) - 1, bytes,
		      len, hash);
	if (n < 0)
		return;
	if (change & 4)
		hash[change % (unsigned)n] ^= change;
	text_put(&f.out, "CHAP_N", change & 8 ? "somebody" : "target");
	text_put_binary(&f.out, "CHAP_R", hash, (size_t)n);
	proof_of(s)->proved |= !(change & 4);
}

static void put_operational(struct side *s, bool leading)
{
	const char *header = foe_said(s, "HeaderDigest"), *data = foe_said(s, "DataDigest");

	text_put(&f.out, "HeaderDigest", header ? header : "None");
	text_put(&f.out, "DataDigest", data ? data : "None");
	text_put_number(&f.out, "MaxRecvDataSegmentLength", 4096);
	if (!leading)
		return;
	text_put_number(&f.out, "MaxConnections", 4);
	text_put(&f.out, "InitialR2T", "Yes");
	text_put(&f.out, "ImmediateData", "Yes");
	text_put_number(&f.out, "MaxBurstLength", 8192);
	text_put_number(&f.out, "FirstBurstLength", 4096);
	text_put_number(&f.out, "DefaultTime2Wait", 2);
	text_put_number(&f.out, "DefaultTime2Retain", 5);
	text_put_number(&f.out, "MaxOutstandingR2T", 1);
	text_put(&f.out, "DataPDUInOrder", "Yes");
	text_put(&f.out, "DataSequenceInOrder", "Yes");
	text_put_number(&f.out, "ErrorRecoveryLevel", f.world.config.offer.error_recovery_level);
}

/* What fits the request that was sent last; returns the flags of the response. */
static uint8_t put_good(struct side *s, uint8_t change)
{
	const uint8_t *request = foe_last(s, PDU_LOGIN_REQUEST);
	const char *method = foe_said(s, "AuthMethod");
	struct pdu_login_request pdu;

	if (!request)
		return 0;
	pdu_get_login_request(request, &pdu);
	if (pdu.csg == PDU_STAGE_OPERATIONAL) {
		put_operational(s, pdu.tsih == 0);
		return 0x87;
	}
	if (method) {
		text_put_number(&f.out, "TargetPortalGroupTag", 1);
		text_put(&f.out, "AuthMethod", starts_with(method, "CHAP") ? "CHAP" : "None");
		return starts_with(method, "CHAP") ? 0 : 0x81;
	}
	if (foe_said(s, "CHAP_A")) {
		proof_of(s)->algorithm = algorithm_of(foe_said(s, "CHAP_A"), change);
		challenge(s, change);
		return 0;
	}
	if (foe_said(s, "CHAP_R"))
		prove(s, proof_of(s)->algorithm, change);
	return pdu.transit ? 0x81 : 0;
}

/* In one PDU, or in pieces with the C bit; the engine asks for each with an empty request. */
static void give_text(struct side *s, uint8_t flags, uint16_t status, unsigned piece)
{
	const struct conn *conn = s->conn;
	size_t at = 0;

	while (piece && f.out.len - at > piece && s->conn == conn && s->conn && !s->opening) {
		foe_give_login(s, 0x40 | (flags & 0x0c), 0, f.text + at, piece);
		at += piece;
	}
	if (s->conn == conn && s->conn && !s->opening)
		foe_give_login(s, flags, status, f.text + at, f.out.len - at);
}

static void give_good(struct side *s, bool may_change)
{
	uint8_t change = may_change ? bytes_take8(&f.in) : 0, more = may_change ? bytes_take8(&f.in) : 0;
	uint8_t flags = put_good(s, change & 0x80 ? change : change & 1);

	if (more & 0x80) /* another pair as well */
		text_put(&f.out, keys[bytes_take8(&f.in) % KEYS], values[bytes_take8(&f.in) % VALUES]);
	if (more & 0x40 && f.out.len) /* the text is not as it was meant */
		f.text[bytes_take16(&f.in) % f.out.len] = (char)bytes_take8(&f.in);
	if (more & 0x20)
		flags ^= bytes_take8(&f.in);
	give_text(s, flags, 0, more & 0x1f);
}

/* ---------------------------------------------------------------- other answers */

static void give_keys(struct side *s)
{
	uint8_t flags = bytes_take8(&f.in), count = bytes_take8(&f.in);

	for (unsigned i = 0; i < count % 16u; i++) {
		const char *key = keys[bytes_take8(&f.in) % KEYS];

		text_put(&f.out, key, values[bytes_take8(&f.in) % VALUES]);
		proof_of(s)->challenged |= strcmp(key, "CHAP_C") == 0;
	}
	give_text(s, flags, 0, count / 16u);
}

static void give_raw(struct side *s)
{
	uint8_t flags = bytes_take8(&f.in);
	size_t len = bytes_take16(&f.in) % SIDE_DATA;
	const uint8_t *data = bytes_take(&f.in, len);

	if (!data)
		return;
	/* It can't hold a proof; a challenge it may. */
	proof_of(s)->challenged = true;
	foe_give_login(s, flags, 0, data, len);
}

static void give_status(struct side *s)
{
	uint8_t class = bytes_take8(&f.in), detail = bytes_take8(&f.in) % 16;

	if (class & 0x80)
		text_put(&f.out, "TargetAddress", values[bytes_take8(&f.in) % VALUES]);
	give_text(s, bytes_take8(&f.in), (uint16_t)((class & 3) << 8 | detail), 0);
}

/* ---------------------------------------------------------------- one input */

static void check(void)
{
	for (unsigned i = 0; i < WORLD_SIDES; i++) {
		const struct side *s = &f.world.side[i];

		for (size_t at = 0; at + sizeof(our_secret) < s->text_len; at++)
			fuzz_need(memcmp(s->text + at, our_secret, sizeof(our_secret) - 1) &&
				  memcmp(s->text + at, target_secret, sizeof(target_secret) - 1));
		if (!s->conn || !s->up)
			continue;
		fuzz_need(f.chap.mode == CHAP_NONE || proof_of(s)->challenged);
		fuzz_need(f.chap.mode != CHAP_MUTUAL || proof_of(s)->proved);
	}
}

static void add(void)
{
	uint8_t flags = bytes_take8(&f.in);
	struct conn_options options = { .id = f.world.next_id++, .host = "192.0.2.1", .port = 3260,
		.header_digest = flags & 1, .data_digest = flags & 2, .chap = f.chap };

	world_add(&f.world, &options);
}

/* As a RADIUS server would judge it. */
static bool is_right(const struct chap_question *q)
{
	uint8_t hash[CHAP_DIGEST_MAX];
	int n = chap_hash(CHAP_MD5, q->identifier, target_secret, sizeof(target_secret) - 1, q->challenge,
			  q->challenge_len, hash);

	return n == sizeof(q->response) && memcmp(hash, q->response, sizeof(q->response)) == 0;
}

static void give_verdicts(void)
{
	for (unsigned i = 0; i < WORLD_SIDES; i++) {
		struct side *s = &f.world.side[i];

		if (s->conn && s->asked)
			world_verdict(&f.world, s, is_right(&s->question));
	}
}

/* Each TCP connection has to be proved anew. */
static void open_one(struct side *s)
{
	if (s->conn && s->opening)
		*proof_of(s) = (struct proof){ .conn = s->conn };
	world_open(&f.world, s);
}

static void act(enum act what)
{
	struct side *s = &f.world.side[bytes_take8(&f.in) % WORLD_SIDES];

	text_out_init(&f.out, f.text, sizeof(f.text));
	switch (what) {
	case ACT_OPEN:
		open_one(s);
		break;
	case ACT_ADD:
		add();
		break;
	case ACT_CLOSE:
		world_close(&f.world, s, FAULT_CLOSED);
		break;
	case ACT_TIME:
		world_wait(&f.world, bytes_take16(&f.in));
		break;
	case ACT_WHOLE:
		open_one(s);
		for (unsigned i = 0; i < 8 && s->conn && !s->opening && !s->up; i++) {
			text_out_init(&f.out, f.text, sizeof(f.text));
			give_good(s, false);
			give_verdicts();
		}
		break;
	default:
		if (!s->conn || s->opening || s->up)
			break;
		if (what == ACT_GOOD)
			give_good(s, true);
		else if (what == ACT_KEYS)
			give_keys(s);
		else if (what == ACT_RAW)
			give_raw(s);
		else
			give_status(s);
		break;
	}
	give_verdicts();
	world_pump(&f.world);
	check();
}

static bool begin(void)
{
	struct session_config config = { .initiator_name = "iqn.2026-11.test:initiator",
		.target_name = "iqn.2026-11.test:target", .isid = { 0x80, 1, 2, 3, 4, 5 }, .first_cmd_sn = 1,
		.portal_group_tag = -1, .rest = 0,
		.times = { .login = 15000, .ping_idle = 5000, .ping_wait = 5000, .logout = 5000,
			.hold = 60000, .retry = 1000 } };
	uint8_t flags = bytes_take8(&f.in);

	config.type = flags & 1 ? SESSION_DISCOVERY : SESSION_NORMAL;
	keys_offer_default(&config.offer);
	config.offer.max_connections = 4;
	config.offer.error_recovery_level = (flags >> 1 & 3) % 3;
	config.offer.strict = flags & 8;
	config.offer.max_outstanding_r2t = 1;
	f.chap.outside = flags >> 6 == 3;
	f.chap.mode = f.chap.outside ? CHAP_MUTUAL : (enum chap_mode)(flags >> 6);
	chap_algorithms_default(&f.chap);
	if (f.chap.mode != CHAP_NONE) {
		f.chap.user_len = 4;
		memcpy(f.chap.user, "user", 4);
		f.chap.secret_len = sizeof(our_secret) - 1;
		memcpy(f.chap.secret, our_secret, f.chap.secret_len);
	}
	if (f.chap.outside) {
		f.chap.algorithm_count = 1;
		f.chap.algorithms[0] = CHAP_MD5;
	} else if (f.chap.mode == CHAP_MUTUAL) {
		f.chap.target_secret_len = sizeof(target_secret) - 1;
		memcpy(f.chap.target_secret, target_secret, f.chap.target_secret_len);
	}
	if (f.chap.mode == CHAP_MUTUAL) {
		f.chap.target_name_len = flags & 16 ? 6 : 0;
		memcpy(f.chap.target_name, "target", 6);
	}
	return world_begin(&f.world, &config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&f, 0, sizeof(f));
	bytes_reader_init(&f.in, data, size);
	if (!begin())
		return 0;
	add();
	world_open(&f.world, &f.world.side[0]);
	while (!f.in.bad && bytes_left(&f.in))
		act(bytes_take8(&f.in) % ACTS);
	world_end(&f.world);
	return 0;
}
