/* fake_drive.c - see fake_drive.h. */
#include "fake_drive.h"

#include <errno.h>
#include <string.h>

#include "disk/disk.h"
#include "fuzz.h"

enum call_kind { CALL_ADD, CALL_REMOVE, CALL_LOGOUT, CALL_TEXT, CALL_MANAGE };

struct call {
	struct list link;
	enum call_kind kind;
	void *token;
	uint64_t id;
};

struct nexus {
	struct list link;
	struct nexus_ops ops;
	void *ctx;
	struct list calls, ios;
	struct nexus_conn conn[ENGINE_MAX_CONNS];
	unsigned conns;
	bool up, over; /* over: has to end once nothing is open */
	enum path_policy policy;
};

struct disk {
	struct list link;
	struct disk_config config;
	struct disk_info info;
	void (*ready)(void *ctx, struct disk *disk, const struct fault *fault);
	void (*closed)(void *ctx);
	void *ctx, *closed_ctx;
	bool told;
};

static struct list nexuses = { &nexuses, &nexuses }, disks = { &disks, &disks };

static void *need_memory(size_t len)
{
	void *p = calloc(1, len);

	fuzz_need(p);
	return p;
}

static struct list *pick(struct list *head, unsigned at)
{
	unsigned n = 0;

	list_for_each(it, head)
		n++;
	list_for_each(it, head)
		if (at % n-- == 0)
			return it;
	return list_empty(head) ? NULL : head->next;
}

/* ---------------------------------------------------------------- drive.h */

int drive_new(unsigned loops, struct mailbox *control, struct drive **ret)
{
	(void)loops;
	*ret = (struct drive *)control;
	return 0;
}

void drive_free(struct drive *drive)
{
	(void)drive;
}

int nexus_new(struct drive *drive, const struct session_config *config, const struct nexus_ops *ops,
	      void *ctx, struct nexus **ret)
{
	struct nexus *n = need_memory(sizeof(*n));

	(void)drive;
	fuzz_need(config->initiator_name && *config->initiator_name);
	fuzz_need(config->type == SESSION_DISCOVERY || (config->target_name && *config->target_name));
	fuzz_need(config->times.login && config->times.hold && config->times.retry);
	n->ops = *ops;
	n->ctx = ctx;
	n->policy = PATH_ROUND_ROBIN;
	list_init(&n->calls);
	list_init(&n->ios);
	list_append(&nexuses, &n->link);
	*ret = n;
	return 0;
}

static void call_add(struct nexus *n, enum call_kind kind, void *token, uint64_t id)
{
	struct call *call = need_memory(sizeof(*call));

	*call = (struct call){ .kind = kind, .token = token, .id = id };
	list_append(&n->calls, &call->link);
}

static struct nexus_conn *conn_of(struct nexus *n, uint64_t id)
{
	for (unsigned i = 0; i < n->conns; i++)
		if (n->conn[i].id == id)
			return &n->conn[i];
	return NULL;
}

/* Of an id that is taken, or beyond what a session has: the answer says no. */
void nexus_add_conn(struct nexus *n, const struct conn_options *options, void *token)
{
	fuzz_need(memchr(options->host, 0, sizeof(options->host)) && options->host[0] && options->port);
	call_add(n, CALL_ADD, token, options->id);
	if (n->conns == ENGINE_MAX_CONNS || conn_of(n, options->id))
		return;
	n->conn[n->conns] = (struct nexus_conn){ .id = options->id, .leading = !n->conns,
		.target_port = options->port, .options.header_digest = options->header_digest };
	strcpy(n->conn[n->conns].target_host, options->host);
	strcpy(n->conn[n->conns++].options.host, options->host);
}

void nexus_remove_conn(struct nexus *n, uint64_t conn_id, void *token)
{
	call_add(n, CALL_REMOVE, token, conn_id);
}

void nexus_logout(struct nexus *n, void *token)
{
	call_add(n, CALL_LOGOUT, token, 0);
}

void nexus_verdict(struct nexus_question *question, const struct fault *why)
{
	(void)question;
	(void)why;
	fuzz_need(false); /* none is asked */
}

const struct passage_info *passage_info(const struct passage *passage)
{
	(void)passage;
	fuzz_need(false); /* no socket is opened */
	return NULL;
}

void passage_grant(struct passage *passage, const struct guard *guard,
		   void (*closed)(void *hold, bool silent), void *hold)
{
	(void)passage;
	(void)guard;
	(void)closed;
	(void)hold;
	fuzz_need(false);
}

void passage_refuse(struct passage *passage, const struct fault *why)
{
	(void)passage;
	(void)why;
	fuzz_need(false);
}

void nexus_text(struct nexus *n, const char *text, size_t len, void *token)
{
	fuzz_need(len && !text[len - 1]);
	call_add(n, CALL_TEXT, token, 0);
}

void nexus_set_portals(struct nexus *n, const struct conn_options *portals, unsigned count)
{
	(void)n;
	for (unsigned i = 0; i < count; i++)
		fuzz_need(portals[i].host[0] && portals[i].port);
}

void nexus_set_habits(struct nexus *n, const struct session_habits *habits)
{
	(void)n;
	(void)habits;
}

int nexus_set_policy(struct nexus *n, enum path_policy policy, const struct path_rule *rules,
		     unsigned count)
{
	fuzz_need(!count || rules);
	if (count > ENGINE_MAX_CONNS)
		return -EINVAL;
	n->policy = policy;
	for (unsigned i = 0; i < count; i++)
		fuzz_need(conn_of(n, rules[i].id));
	return 0;
}

enum path_policy nexus_policy(const struct nexus *n)
{
	return n->policy;
}

void nexus_manage(struct nexus *n, uint64_t conn_id, uint8_t function, uint64_t lun, void *token)
{
	(void)lun;
	(void)function;
	call_add(n, CALL_MANAGE, token, conn_id);
}

unsigned nexus_conns(struct nexus *n, struct nexus_conn *ret, unsigned room)
{
	unsigned listed = 0;

	for (unsigned i = 0; i < n->conns; i++) {
		if (!n->conn[i].login.tsih) /* its login is under way */
			continue;
		if (listed < room)
			ret[listed] = n->conn[i];
		listed++;
	}
	return listed;
}

bool nexus_is_up(const struct nexus *n)
{
	return n->up;
}

void nexus_submit(struct nexus *n, struct io *io)
{
	fuzz_need(!io->task.in_len || io->task.in);
	memset(&io->link, 0, sizeof(io->link));
	list_append(&n->ios, &io->link);
}

/* ---------------------------------------------------------------- what sessions answer */

static struct fault fault_take(struct bytes_reader *in)
{
	struct fault fault = { .kind = FAULT_NONE };

	fault_set(&fault, (enum fault_kind)(1 + bytes_take8(in) % FAULT_LOCAL), bytes_take8(in),
		  "so it was told");
	fault.status_class = bytes_take8(in) & 3;
	fault.status_detail = bytes_take8(in);
	return fault;
}

static void conn_remove(struct nexus *n, uint64_t id)
{
	struct nexus_conn *conn = conn_of(n, id);

	if (conn)
		memmove(conn, conn + 1, (size_t)(n->conn + --n->conns - conn) * sizeof(*conn));
}

static void answer_add(struct nexus *n, struct call *call, const struct fault *why)
{
	struct nexus_conn *conn = conn_of(n, call->id), copy;
	bool first = !n->up && n->conns <= 1;

	if (why->kind || !conn) {
		struct fault no = *why;

		if (!no.kind)
			fault_set(&no, FAULT_TOO_MANY, 0, "too many");
		conn_remove(n, call->id);
		n->over |= first && no.kind != FAULT_NO_MEMORY;
		n->ops.answer(n->ctx, call->token, &no, NULL);
		return;
	}
	conn->up = n->up = true;
	strcpy(conn->local_address, "192.0.2.9");
	strcpy(conn->peer_address, "192.0.2.1");
	conn->login.cid = (uint16_t)call->id;
	conn->login.tsih = 7;
	conn->login.portal_group_tag = 1;
	keys_params_default(&conn->login.params);
	copy = *conn;
	if (first)
		n->ops.state(n->ctx, SESSION_EVENT_UP, why, 0);
	n->ops.answer(n->ctx, call->token, why, &copy);
}

static void answer_text(struct nexus *n, struct call *call, const struct fault *why,
			struct bytes_reader *in)
{
	static const char good[] = "TargetName=iqn.2026-11.test:target\0TargetAddress=192.0.2.1:3260,1\0"
		"TargetName=iqn.2026-11.test:other\0TargetAddress=[2001:db8::1]:3260,2";
	size_t len = bytes_take8(in) * 2u;
	const uint8_t *text = bytes_take(in, len);
	char *copy;

	if (why->kind) {
		n->ops.text(n->ctx, call->token, why, NULL, 0);
		return;
	}
	if (!len || !text) {
		n->ops.text(n->ctx, call->token, why, good, sizeof(good));
		return;
	}
	copy = need_memory(len + 1); /* as drive has it: a NUL behind */
	memcpy(copy, text, len);
	n->ops.text(n->ctx, call->token, why, copy, len);
	free(copy);
}

static void answer(struct nexus *n, const struct fault *why, struct bytes_reader *in)
{
	struct list *it = list_pop(&n->calls);
	struct call call, *found = it ? list_entry(it, struct call, link) : NULL;

	if (!found)
		return;
	call = *found;
	free(found);
	switch (call.kind) {
	case CALL_ADD:
		answer_add(n, &call, why);
		break;
	case CALL_REMOVE:
		if (!why->kind)
			conn_remove(n, call.id);
		n->ops.answer(n->ctx, call.token, why, NULL);
		break;
	case CALL_LOGOUT:
		n->over = true;
		n->up = false;
		n->ops.answer(n->ctx, call.token, why, NULL);
		break;
	case CALL_TEXT:
		answer_text(n, &call, why, in);
		break;
	case CALL_MANAGE:
		n->ops.managed(n->ctx, call.token, why, bytes_take8(in));
		break;
	}
}

static bool end(struct nexus *n)
{
	if (!n->over || !list_empty(&n->calls) || !list_empty(&n->ios))
		return false;
	list_remove(&n->link);
	n->ops.ended(n->ctx);
	free(n);
	return true;
}

/* LUNs 0 to 3, where the input has no other bytes. */
static void fill(struct task *task, struct bytes_reader *in)
{
	uint8_t luns[8 + 4 * 8] = { 0, 0, 0, 32 };
	size_t len = bytes_take8(in);
	const uint8_t *data = bytes_take(in, len);

	for (unsigned i = 0; i < 4; i++)
		luns[8 + i * 8 + 1] = (uint8_t)i;
	if (!len || !data) {
		len = task->cdb[0] == 0xa0 ? sizeof(luns) : 0;
		data = luns;
	}
	task->received = (uint32_t)(len < task->in_len ? len : task->in_len);
	if (task->received)
		memcpy(task->in, data, task->received);
}

static void answer_io(struct nexus *n, struct bytes_reader *in)
{
	struct list *it = list_pop(&n->ios);
	struct io *io = it ? list_entry(it, struct io, link) : NULL;
	uint8_t how = bytes_take8(in);

	if (!io)
		return;
	io->task.outcome = how & 0x80 ? (enum task_outcome)(how % (TASK_FAILED + 1)) : TASK_COMPLETE;
	io->task.status = how & 0x40 ? 2 : how & 0x20 ? bytes_take8(in) : 0;
	fault_set(&io->task.fault, FAULT_GONE, 0, "so it was told");
	if (how & 0x40 && bytes_left(in) >= 18) {
		io->task.sense_len = 18;
		memcpy(io->task.sense, bytes_take(in, 18), 18);
	}
	fill(&io->task, in);
	io->done(io);
}

static void tell_state(struct nexus *n, struct bytes_reader *in)
{
	struct fault why = fault_take(in), none = { .kind = FAULT_NONE };
	bool was_up = n->up;

	if (!n->conns || n->over || !n->conn[0].up)
		return;
	n->up = !was_up;
	if (was_up)
		n->ops.state(n->ctx, SESSION_EVENT_DOWN, &why, 0);
	else
		n->ops.state(n->ctx, SESSION_EVENT_UP, &none, 5000000);
}

static void tell_conn(struct nexus *n, struct bytes_reader *in)
{
	struct fault why = fault_take(in);
	uint8_t how = bytes_take8(in);
	struct nexus_conn copy;

	if (!n->conns)
		return;
	copy = n->conn[how % n->conns];
	if (how & 0x80 && n->ops.conn_doubt)
		n->ops.conn_doubt(n->ctx, &copy, how & 0x40);
	else
		n->ops.conn(n->ctx, &copy, how & 0x40, &why);
}

static void tell_async(struct nexus *n, struct bytes_reader *in)
{
	struct conn_async async = { .event = bytes_take8(in) % 8, .lun = (uint64_t)bytes_take8(in) << 48 };

	if (bytes_left(in) >= 18) {
		async.sense_len = 18;
		memcpy(async.sense, bytes_take(in, 18), 18);
	}
	n->ops.async(n->ctx, async.event == 7 ? NULL : &async);
}

void fake_drive_nexus(struct bytes_reader *in)
{
	struct fault none = { .kind = FAULT_NONE }, bad;
	struct list *it = pick(&nexuses, bytes_take8(in));
	struct nexus *n = it ? list_entry(it, struct nexus, link) : NULL;
	uint8_t what = bytes_take8(in);

	if (!n || end(n)) /* an end comes as soon as it can */
		return;
	switch (what % 8) {
	case 0:
		bad = fault_take(in);
		answer(n, &bad, in);
		break;
	case 1:
	case 2:
		answer(n, &none, in);
		break;
	case 3:
		tell_state(n, in);
		break;
	case 4:
		tell_conn(n, in);
		break;
	case 5:
		tell_async(n, in);
		break;
	case 6:
		n->over |= n->up && what & 0x80; /* ended by the target's doing */
		break;
	default:
		answer_io(n, in);
		break;
	}
}

/* ---------------------------------------------------------------- disk.h */

int disk_open(const struct disk_config *config,
	      void (*ready)(void *ctx, struct disk *disk, const struct fault *fault), void *ctx,
	      struct disk **ret)
{
	struct disk *d = need_memory(sizeof(*d));

	d->config = *config;
	d->ready = ready;
	d->ctx = ctx;
	d->info.lun = config->lun;
	fuzz_need(strlen(config->socket_path) < 4096);
	list_append(&disks, &d->link);
	*ret = d;
	return 0;
}

void disk_close(struct disk *disk, void (*closed)(void *ctx), void *ctx)
{
	fuzz_need(!disk->closed);
	disk->closed = closed;
	disk->closed_ctx = ctx;
}

void disk_look(struct disk *disk)
{
	fuzz_need(!disk->closed);
}

const struct disk_info *disk_info(const struct disk *disk)
{
	return &disk->info;
}

void disk_counters(const struct disk *disk, struct disk_counters *ret)
{
	(void)disk;
	*ret = (struct disk_counters){ 0 };
}

bool disk_busy(const struct disk *disk)
{
	return disk->info.serving && disk->info.blocks & 1;
}

static void info_take(struct disk *d, struct bytes_reader *in)
{
	uint8_t flags = bytes_take8(in);

	d->info.device_type = flags & 1 ? bytes_take8(in) & 0x1f : 0;
	d->info.serving = flags & 2;
	d->info.read_only = flags & 4;
	d->info.blocks = bytes_take16(in);
	d->info.block_size = 512;
	strcpy(d->info.vendor, "VENDOR");
	strcpy(d->info.product, "PRODUCT");
	if (d->info.serving)
		strcpy(d->info.socket_path, "/run/x");
}

static void ready(struct disk *d, const struct fault *why)
{
	d->told = true;
	d->ready(d->ctx, d, why);
}

static void closed(struct disk *d)
{
	list_remove(&d->link);
	d->closed(d->closed_ctx);
	free(d);
}

void fake_drive_disk(struct bytes_reader *in)
{
	struct list *it = pick(&disks, bytes_take8(in));
	struct disk *d = it ? list_entry(it, struct disk, link) : NULL;
	struct fault why = { .kind = FAULT_NONE };
	uint8_t what = bytes_take8(in);

	if (!d)
		return;
	if (!d->told) {
		if (what & 1)
			info_take(d, in);
		else
			why = fault_take(in);
		if (d->closed)
			fault_set(&why, FAULT_ABANDONED, 0, "closed");
		ready(d, &why);
	} else if (d->closed) {
		closed(d);
	} else if (d->config.changed) {
		info_take(d, in);
		d->config.changed(d->ctx, d, what & 31);
	}
}

/* ---------------------------------------------------------------- the end */

bool fake_drive_finish(void)
{
	struct fault gone = { .kind = FAULT_NONE };
	struct bytes_reader none;
	bool any = false;

	bytes_reader_init(&none, "", 0);
	fault_set(&gone, FAULT_GONE, 0, "over");
	list_for_each(it, &disks) {
		struct disk *d = list_entry(it, struct disk, link);

		any |= !d->told || d->closed;
		if (!d->told)
			ready(d, &gone);
		else if (d->closed)
			closed(d);
		if (any)
			return true;
	}
	list_for_each(it, &nexuses) {
		struct nexus *n = list_entry(it, struct nexus, link);
		struct list *io = list_pop(&n->ios);

		any = io || !list_empty(&n->calls);
		if (io) {
			list_entry(io, struct io, link)->task.outcome = TASK_FAILED;
			list_entry(io, struct io, link)->done(list_entry(io, struct io, link));
		} else {
			answer(n, &gone, &none);
		}
		if (any || end(n))
			return true;
	}
	return false;
}

bool fake_drive_empty(void)
{
	return list_empty(&nexuses) && list_empty(&disks);
}
