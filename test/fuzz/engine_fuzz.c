/*
 * engine_fuzz.c - a session with several connections, at each recovery level, that is fed whatever a
 * target could send: bytes as they are, PDUs whose tags and numbers fit, PDUs that get lost, come
 * again, or come spoilt, in any order and at any time.
 *
 * The input is a list of records: one byte says what is done, a few more with what. What is checked
 * stands in world.h and foe.c.
 */
#include <string.h>

#include "foe.h"
#include "fuzz.h"

enum act {
	ACT_RAW,      /* bytes as they are */
	ACT_PDU,      /* a header of the input; its numbers and tag fit */
	ACT_LOGIN,    /* a Login Response with the text of the input */
	ACT_UP,       /* a login as it should be */
	ACT_SUBMIT, ACT_SUBMIT_MANY, ACT_MANAGE, ACT_TEXT,
	ACT_DATA_IN, ACT_R2T, ACT_RESPONSE, ACT_READ_ALL, /* about a command */
	ACT_ANSWER,   /* to one of the last requests of one kind */
	ACT_PING, ACT_ASYNC, ACT_REJECT,
	ACT_AGAIN,    /* an earlier PDU once more */
	ACT_SEND, ACT_STUFF, ACT_TIME,
	ACT_ADD, ACT_REMOVE, ACT_LOGOUT, ACT_HABITS, ACT_CLOSE, ACT_OPEN,
	ACTS
};

static struct {
	struct bytes_reader in;
	struct world world;
} f;

static struct side *pick(void)
{
	return &f.world.side[bytes_take8(&f.in) % WORLD_SIDES];
}

static bool is_on(const struct side *s)
{
	return s->conn && !s->opening && !s->ended;
}

/* One that is under way, if there is any. */
static struct held *pick_held(void)
{
	unsigned at = bytes_take8(&f.in) % WORLD_TASKS;

	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (f.world.held[(at + i) % WORLD_TASKS].state != HELD_FREE)
			return &f.world.held[(at + i) % WORLD_TASKS];
	return NULL;
}

/* Mostly the number that fits. */
static uint32_t number(uint32_t fits)
{
	int8_t off = (int8_t)bytes_take8(&f.in);

	return off == 127 ? bytes_take32(&f.in) : off > 8 || off < -8 ? fits : fits + (uint32_t)off;
}

/* ---------------------------------------------------------------- bytes */

static void give_raw(struct side *s)
{
	size_t len = bytes_take16(&f.in) % 4096;
	const uint8_t *data = bytes_take(&f.in, len);

	if (!data)
		return;
	f.world.tame = false;
	world_give(&f.world, s, data, len);
}

static void give_pdu(struct side *s)
{
	struct held *h = pick_held();
	const uint8_t *head = bytes_take(&f.in, PDU_BHS_LEN), *data;
	uint8_t bhs[PDU_BHS_LEN], twist = bytes_take8(&f.in);
	size_t len = bytes_take8(&f.in) * 4u;

	data = bytes_take(&f.in, len);
	if (!head || !data)
		return;
	memcpy(bhs, head, PDU_BHS_LEN);
	if (h)
		bytes_put32(bhs + 16, h->task.itt);
	foe_give(s, bhs, data, (uint32_t)len, pdu_opcode(bhs) != PDU_R2T, twist);
}

static void give_login(struct side *s)
{
	uint8_t flags = bytes_take8(&f.in);
	uint16_t status = bytes_take8(&f.in);
	size_t len = bytes_take16(&f.in) % SIDE_DATA;
	const uint8_t *data = bytes_take(&f.in, len);

	if (data)
		foe_give_login(s, flags, (uint16_t)((status & 3) << 8 | status >> 2), data, len);
}

/* ---------------------------------------------------------------- about a command */

static void give_data_in(struct side *s)
{
	static const uint8_t data[SIDE_DATA];
	struct held *h = pick_held();
	uint8_t flags = bytes_take8(&f.in), twist = bytes_take8(&f.in), bhs[PDU_BHS_LEN];
	uint32_t len = bytes_take16(&f.in) % (SIDE_DATA + 1);
	struct pdu_data_in pdu = { .final = flags & 0x80, .acknowledge = flags & 0x40,
		.overflow = flags & 4, .underflow = flags & 2, .has_status = flags & 1,
		.target_transfer_tag = flags & 0x40 ? 77 : PDU_NO_TAG };

	if (!h)
		return;
	pdu.initiator_task_tag = h->task.itt;
	pdu.lun = flags & 0x40 ? h->task.lun : 0;
	pdu.data_sn = number(h->data_sn++);
	pdu.buffer_offset = number(h->offset);
	if (flags & 8 && len < h->task.in_len)
		pdu.residual_count = h->task.in_len - len;
	if (flags & 16 && h->task.in_len > h->offset && h->task.in_len - h->offset <= SIDE_DATA)
		len = h->task.in_len - h->offset;
	h->offset += len;
	pdu_put_data_in(bhs, &pdu);
	foe_give(s, bhs, data, len, pdu.has_status, twist);
}

/* All that is missing, in order, and the status. */
static void read_all(struct side *s)
{
	static const uint8_t data[SIDE_DATA];
	struct held *h = pick_held();
	uint8_t twist = bytes_take8(&f.in), at = bytes_take8(&f.in), bhs[PDU_BHS_LEN];
	uint32_t itt = h ? h->task.itt : 0;

	if (!h || h->task.in_len > 16 * SIDE_DATA)
		return;
	for (unsigned i = 0; h->state == HELD_OUT && h->task.itt == itt && h->offset < h->task.in_len; i++) {
		uint32_t left = h->task.in_len - h->offset, len = left < SIDE_DATA ? left : SIDE_DATA;

		pdu_put_data_in(bhs, &(struct pdu_data_in){ .initiator_task_tag = itt,
			.target_transfer_tag = PDU_NO_TAG, .data_sn = h->data_sn++,
			.buffer_offset = h->offset, .final = len == left || i % 8 == 7 });
		h->offset += len;
		foe_give(s, bhs, data, len, false, i == at % 16 ? twist : 0);
	}
	if (h->state != HELD_OUT || h->task.itt != itt)
		return;
	pdu_put_scsi_response(bhs, &(struct pdu_scsi_response){ .initiator_task_tag = itt,
		.exp_data_sn = h->data_sn });
	foe_give(s, bhs, NULL, 0, true, at & 0x80 ? twist : 0);
}

static void give_r2t(struct side *s)
{
	struct held *h = pick_held();
	uint8_t twist = bytes_take8(&f.in), bhs[PDU_BHS_LEN];
	struct pdu_r2t pdu = { .target_transfer_tag = bytes_take8(&f.in) };

	if (!h)
		return;
	pdu.initiator_task_tag = h->task.itt;
	pdu.r2t_sn = number(h->data_sn++);
	pdu.buffer_offset = number(h->offset);
	pdu.desired_data_transfer_length = bytes_take16(&f.in);
	if (h->task.out_len > h->offset && pdu.desired_data_transfer_length > h->task.out_len - h->offset)
		pdu.desired_data_transfer_length = h->task.out_len - h->offset;
	h->offset += pdu.desired_data_transfer_length;
	pdu_put_r2t(bhs, &pdu);
	foe_give(s, bhs, NULL, 0, false, twist);
}

/* CHECK CONDITION comes with sense data. */
static void give_response(struct side *s)
{
	static const uint8_t sense[20] = { 0, 18, 0x70, 0, 6, 0, 0, 0, 0, 10 };
	struct held *h = pick_held();
	uint8_t flags = bytes_take8(&f.in), twist = bytes_take8(&f.in), bhs[PDU_BHS_LEN];
	struct pdu_scsi_response pdu = { .status = flags & 1 ? bytes_take8(&f.in) : 0,
		.response = flags & 2 ? bytes_take8(&f.in) : 0, .overflow = flags & 4, .underflow = flags & 8,
		.bidi_overflow = flags & 16, .bidi_underflow = flags & 32 };

	if (!h)
		return;
	pdu.initiator_task_tag = h->task.itt;
	pdu.exp_data_sn = number(h->data_sn);
	pdu.snack_tag = flags & 64 ? h->task.snack_tag : 0;
	if (flags & 12)
		pdu.residual_count = bytes_take16(&f.in);
	if (flags & 48)
		pdu.bidi_residual_count = bytes_take16(&f.in);
	pdu_put_scsi_response(bhs, &pdu);
	foe_give(s, bhs, sense, pdu.status == 2 ? sizeof(sense) : 0, true, twist);
}

/* ---------------------------------------------------------------- the rest of what targets say */

static void answer_text(struct side *s, uint32_t itt, unsigned twist)
{
	static const char text[] = "TargetName=iqn.2026-11.test:target\0TargetAddress=192.0.2.1:3260,1";
	uint8_t flags = bytes_take8(&f.in), bhs[PDU_BHS_LEN];
	size_t len = flags & 1 ? bytes_take8(&f.in) : sizeof(text);
	const void *data = flags & 1 ? bytes_take(&f.in, len) : (const void *)text;

	pdu_put_text_response(bhs, &(struct pdu_text_response){ .final = flags & 0x80, .more = flags & 0x40,
		.initiator_task_tag = itt, .target_transfer_tag = flags & 0x80 ? PDU_NO_TAG : 9 });
	if (data)
		foe_give(s, bhs, data, (uint32_t)len, true, twist);
}

static void answer(struct side *s)
{
	static const uint8_t kinds[] = { PDU_NOP_OUT, PDU_TASK_REQUEST, PDU_LOGOUT_REQUEST, PDU_TEXT_REQUEST };
	uint8_t which = bytes_take8(&f.in), kind = kinds[which & 3], twist = bytes_take8(&f.in);
	const uint8_t *request = foe_seen(s, kind, which >> 2 & 7);
	uint8_t how = bytes_take8(&f.in), bhs[PDU_BHS_LEN];
	uint32_t itt;

	if (!request)
		return;
	itt = bytes_get32(request + 16);
	switch (kind) {
	case PDU_NOP_OUT:
		pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = itt,
			.target_transfer_tag = PDU_NO_TAG });
		foe_give(s, bhs, NULL, 0, true, twist);
		break;
	case PDU_TASK_REQUEST:
		pdu_put_task_response(bhs, &(struct pdu_task_response){ .initiator_task_tag = itt,
			.response = how & 0x80 ? how & 7 : 0 });
		foe_give(s, bhs, NULL, 0, true, twist);
		break;
	case PDU_LOGOUT_REQUEST:
		pdu_put_logout_response(bhs, &(struct pdu_logout_response){ .initiator_task_tag = itt,
			.response = how & 0x80 ? how & 3 : 0, .time2wait = how & 7, .time2retain = how & 31 });
		foe_give(s, bhs, NULL, 0, true, twist);
		break;
	default:
		answer_text(s, itt, twist);
		break;
	}
}

static void ping(struct side *s)
{
	uint8_t how = bytes_take8(&f.in), bhs[PDU_BHS_LEN];

	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = how & 1 ? 0x1000u + how : PDU_NO_TAG });
	foe_give(s, bhs, bhs, how & 2 ? 33 : 0, false, bytes_take8(&f.in));
}

static void give_async(struct side *s)
{
	uint8_t bhs[PDU_BHS_LEN], data[20] = { 0, 18, 0x70, 0, 6 };
	struct pdu_async pdu = { .initiator_task_tag = PDU_NO_TAG, .async_event = bytes_take8(&f.in) % 8,
		.parameter1 = bytes_take8(&f.in), .parameter2 = bytes_take8(&f.in) & 15,
		.parameter3 = bytes_take8(&f.in) & 63 };

	if (pdu.async_event == 7)
		pdu.async_event = 255;
	pdu_put_async(bhs, &pdu);
	foe_give(s, bhs, data, pdu.async_event ? 0 : sizeof(data), true, bytes_take8(&f.in));
}

static void reject(struct side *s)
{
	uint8_t which = bytes_take8(&f.in), reason = bytes_take8(&f.in) % 16, twist = bytes_take8(&f.in);
	uint8_t bhs[PDU_BHS_LEN];

	if (!s->seen_count)
		return;
	which = (uint8_t)(which % (s->seen_count < SIDE_SEEN ? s->seen_count : SIDE_SEEN));
	pdu_put_reject(bhs, &(struct pdu_reject){ .reason = reason, .initiator_task_tag = PDU_NO_TAG });
	foe_give(s, bhs, s->seen[which].bhs, PDU_BHS_LEN, true, twist);
}

/* ---------------------------------------------------------------- what the layers above do */

static void submit(struct side *s, unsigned times)
{
	uint8_t how = bytes_take8(&f.in);
	uint32_t len = bytes_take16(&f.in) % 40000;
	uint16_t cdb_len = how & 0x40 ? (uint16_t)(17 + len % 240) : 0;

	for (unsigned i = 0; i < times && is_on(s); i++)
		world_submit(&f.world, s, how & 1 ? len : 0, how & 2 ? len / 2 + 1 : 0, cdb_len, how >> 2 & 3);
}

static void manage(struct side *s)
{
	static const uint8_t functions[] = { PDU_ABORT_TASK_SET, PDU_CLEAR_ACA, PDU_CLEAR_TASK_SET,
		PDU_LOGICAL_UNIT_RESET, PDU_TARGET_WARM_RESET, PDU_TARGET_COLD_RESET, PDU_QUERY_TASK_SET,
		PDU_I_T_NEXUS_RESET, PDU_QUERY_ASYNCHRONOUS_EVENT };
	uint8_t how = bytes_take8(&f.in);

	world_manage(&f.world, s, functions[how % sizeof(functions)], how >> 6);
}

static void add(void)
{
	struct conn_options options = { .id = f.world.next_id++, .host = "192.0.2.1", .port = 3260,
		.header_digest = f.world.want_header_digest, .data_digest = f.world.want_data_digest };

	world_add(&f.world, &options);
}

static void close_one(struct side *s)
{
	static const enum fault_kind kinds[] = { FAULT_CLOSED, FAULT_TIMEOUT, FAULT_CONNECT, FAULT_RESOLVE };

	world_close(&f.world, s, kinds[bytes_take8(&f.in) % 4]);
}

/* Those that need a connection that is there. */
static void act_on(enum act what, struct side *s)
{
	switch (what) {
	case ACT_RAW:
		give_raw(s);
		break;
	case ACT_PDU:
		give_pdu(s);
		break;
	case ACT_LOGIN:
		give_login(s);
		break;
	case ACT_SUBMIT:
		submit(s, 1);
		break;
	case ACT_SUBMIT_MANY:
		submit(s, WORLD_TASKS);
		break;
	case ACT_MANAGE:
		manage(s);
		break;
	case ACT_TEXT:
		world_text(&f.world, s);
		break;
	case ACT_DATA_IN:
		give_data_in(s);
		break;
	case ACT_R2T:
		give_r2t(s);
		break;
	case ACT_RESPONSE:
		give_response(s);
		break;
	case ACT_READ_ALL:
		read_all(s);
		break;
	case ACT_ANSWER:
		answer(s);
		break;
	case ACT_PING:
		ping(s);
		break;
	case ACT_ASYNC:
		give_async(s);
		break;
	case ACT_REJECT:
		reject(s);
		break;
	case ACT_AGAIN:
		foe_give_again(s, bytes_take8(&f.in));
		break;
	case ACT_SEND:
		world_send(&f.world, s, bytes_take16(&f.in));
		break;
	case ACT_STUFF:
		s->stuffed = !s->stuffed;
		s->look = true;
		break;
	case ACT_CLOSE:
		close_one(s);
		break;
	default:
		break;
	}
}

static void act(enum act what)
{
	struct side *s = NULL;

	switch (what) {
	case ACT_UP:
		s = pick();
		if (s->conn)
			foe_log_in(s);
		break;
	case ACT_OPEN:
		world_open(&f.world, pick());
		break;
	case ACT_TIME:
		world_wait(&f.world, bytes_take16(&f.in));
		break;
	case ACT_ADD:
		add();
		break;
	case ACT_REMOVE:
		session_remove_conn(f.world.session, bytes_take8(&f.in) % 8, &f, f.world.now);
		break;
	case ACT_LOGOUT:
		session_logout(f.world.session, &f, f.world.now);
		break;
	case ACT_HABITS: {
		uint8_t flags = bytes_take8(&f.in);

		session_set_habits(f.world.session, &(struct session_habits){
			.ordering = flags & 1, .one_holder = flags & 2,
			.rest = flags & 4 ? ENGINE_TIME2WAIT : 0, .command = flags & 8 ? 500 : 0 });
		break;
	}
	default:
		s = pick();
		if (s->conn && (what == ACT_CLOSE || is_on(s)))
			act_on(what, s);
		break;
	}
	world_pump(&f.world);
}

/* ---------------------------------------------------------------- one input */

static bool begin(void)
{
	struct session_config config = { .initiator_name = "iqn.2026-11.test:initiator",
		.target_name = "iqn.2026-11.test:target", .isid = { 0x80, 1, 2, 3, 4, 5 },
		.first_cmd_sn = 1000, .portal_group_tag = -1,
		.times = { .login = 15000, .ping_idle = 5000, .ping_wait = 5000, .doubt = 200, .manage = 3000,
			.logout = 5000, .hold = 60000, .retry = 5000 } };
	uint8_t flags = bytes_take8(&f.in), more = bytes_take8(&f.in);

	config.type = flags & 1 ? SESSION_DISCOVERY : SESSION_NORMAL;
	config.ordering = flags & 2;
	config.one_holder = flags & 2 && flags & 4;
	config.rest = flags & 8 ? ENGINE_TIME2WAIT : 0;
	config.times.command = flags & 16 ? 2000 : 0;
	keys_offer_default(&config.offer);
	config.offer.error_recovery_level = flags >> 6 == 3 ? 2 : flags >> 6;
	config.offer.max_recv_data_segment_length = 4096;
	config.offer.max_connections = 4;
	config.offer.max_burst_length = 8192;
	config.offer.first_burst_length = 4096;
	config.offer.initial_r2t = more & 1;
	config.offer.immediate_data = !(more & 2);
	config.offer.data_pdu_in_order = !(more & 4);
	config.offer.data_sequence_in_order = !(more & 8);
	config.offer.max_outstanding_r2t = more & 16 || config.offer.error_recovery_level ? 1 : 4;
	config.offer.task_reporting = more & 32;
	config.offer.protocol_level = more & 64 ? 2 : 0;
	f.world.want_header_digest = more & 128;
	f.world.want_data_digest = flags & 32;
	return world_begin(&f.world, &config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&f, 0, sizeof(f));
	bytes_reader_init(&f.in, data, size);
	if (!begin())
		return 0;
	add();
	while (!f.in.bad && bytes_left(&f.in))
		act(bytes_take8(&f.in) % ACTS);
	world_end(&f.world);
	return 0;
}
