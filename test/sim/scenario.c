/*
 * scenario.c - what is simulated: one row a scenario, which changes a random configuration of both
 * sides where it matters.
 */
#include "sim.h"
#include "../duty.h"

#include <string.h>

static void plain(struct sim_options *o, struct random *r)
{
	(void)r;
	o->conns = 1;
}

static void four(struct sim_options *o, struct random *r)
{
	(void)r;
	o->conns = 4;
	o->lossless = true;
}

/* Nothing keeps it up, so it takes a few milliseconds. Who has not been woken goes on only when a ping
 * is due: that takes longer. */
static void many(struct sim_options *o, struct random *r)
{
	o->longest = 500 * SIM_MS;
	o->conns = 1 + random_below(r, SIM_CONNS);
	o->depth = 1 + random_below(r, SIM_OPS);
	o->lossless = true;
}

static void digests(struct sim_options *o, struct random *r)
{
	many(o, r);
	o->header_digest = !random_one_in(r, 3);
	o->data_digest = !random_one_in(r, 3);
}

static void window_small(struct sim_options *o, struct random *r)
{
	many(o, r);
	o->peer.queue = 1 + random_below(r, 3);
	o->peer.delay = 300 * SIM_US;
}

static void wrap(struct sim_options *o, struct random *r)
{
	many(o, r);
	o->first_cmd_sn = UINT32_MAX - random_below(r, 150);
}

void scenario_chap(struct sim_options *o, struct random *r, bool mutual)
{
	static const uint8_t algorithms[] = { 5, 6, 7, 8 };
	struct chap_config *c = &o->chap;

	o->peer.chap_user = "user";
	o->peer.chap_secret = "a secret of some length";
	o->peer.chap_algorithm = algorithms[random_below(r, 4)];
	o->peer.challenge_len = random_one_in(r, 4) ? 1024 : 16 + random_below(r, 17);
	chap_algorithms_default(c);
	c->mode = mutual ? CHAP_MUTUAL : CHAP_ONE_WAY;
	c->user_len = (unsigned)strlen(o->peer.chap_user);
	memcpy(c->user, o->peer.chap_user, c->user_len);
	c->secret_len = (unsigned)strlen(o->peer.chap_secret);
	memcpy(c->secret, o->peer.chap_secret, c->secret_len);
	if (!mutual)
		return;
	o->peer.mutual_user = "target";
	o->peer.mutual_secret = "quite another secret";
	c->target_secret_len = (unsigned)strlen(o->peer.mutual_secret);
	memcpy(c->target_secret, o->peer.mutual_secret, c->target_secret_len);
}

static void chap(struct sim_options *o, struct random *r)
{
	o->conns = 1 + random_below(r, 3);
	o->ops = 20;
	o->lossless = true;
	scenario_chap(o, r, random_one_in(r, 2));
	o->peer.text_chunk = random_one_in(r, 2) ? 0 : 150 + random_below(r, 300);
}

static void chap_wrong(struct sim_options *o, struct random *r)
{
	scenario_chap(o, r, random_one_in(r, 2));
	o->chap.secret[0] ^= 1;
	o->login_fails = FAULT_LOGIN_STATUS;
}

static void chap_target_wrong(struct sim_options *o, struct random *r)
{
	scenario_chap(o, r, true);
	o->chap.target_secret[0] ^= 1;
	o->login_fails = FAULT_AUTH;
}

static void chap_not_there(struct sim_options *o, struct random *r)
{
	scenario_chap(o, r, false);
	if (random_one_in(r, 2))
		o->peer.chap_user = NULL;
	else
		o->chap.mode = CHAP_NONE;
	o->login_fails = FAULT_LOGIN_STATUS;
}

static void login_pieces(struct sim_options *o, struct random *r)
{
	four(o, r);
	o->ops = 10;
	o->peer.text_chunk = 20 + random_below(r, 60);
}

static void discovery(struct sim_options *o, struct random *r)
{
	static const char *const portals[PEER_PORTALS] = { "127.0.0.1:3260", "127.0.0.2:3260",
		"[2001:db8::1]:3260", "[fe80::1]:3260", "10.0.0.1:3260", "10.0.0.2:3260",
		"10.0.0.3:3260", "10.0.0.4:3260" };

	o->discovery = true;
	o->lossless = true;
	o->conns = 1;
	o->ops = 0;
	memcpy(o->peer.portal, portals, sizeof(portals));
	o->peer.portals = 1 + random_below(r, PEER_PORTALS);
	o->peer.text_chunk = random_one_in(r, 2) ? 0 : 20 + random_below(r, 60);
}

static void redirected(struct sim_options *o, struct random *r)
{
	four(o, r);
	o->ops = 20;
	o->peer.redirect = random_one_in(r, 2) ? "127.0.0.9:3261" : "[2001:db8::9]:3261";
	o->peer.redirect_times = 1 + random_below(r, 4);
}

static void redirect_loop(struct sim_options *o, struct random *r)
{
	(void)r;
	o->peer.redirect = "127.0.0.9:3261";
	o->peer.redirect_times = 1000;
	o->login_fails = FAULT_PROTOCOL;
}

static void insists(struct sim_options *o, struct random *r)
{
	static const uint16_t status[] = { 1, 0x0200, 0x0201, 0x0207, 0x020b };

	four(o, r);
	o->ops = 20;
	o->peer.insists = status[random_below(r, 5)];
}

static void denied(struct sim_options *o, struct random *r)
{
	static const uint16_t status[] = { 0x0200, 0x0201, 0x0202, 0x0203, 0x0207, 0x0300, 0x0301, 0x0302 };

	o->peer.deny = status[random_below(r, 8)];
	o->login_fails = FAULT_LOGIN_STATUS;
}

static void denied_added(struct sim_options *o, struct random *r)
{
	four(o, r);
	o->peer.deny_added = random_one_in(r, 2) ? 0x0206 : 0x0208;
	o->add_fails = FAULT_LOGIN_STATUS;
}

static void session_on_add(struct sim_options *o, struct random *r)
{
	four(o, r);
	o->peer.new_session_on_add = true;
	o->add_fails = FAULT_OTHER_SESSION;
}

static void group_on_add(struct sim_options *o, struct random *r)
{
	four(o, r);
	o->peer.group_on_add = 7;
	o->add_fails = FAULT_OTHER_GROUP;
}

static void too_many(struct sim_options *o, struct random *r)
{
	four(o, r);
	o->peer.max_connections = 1 + random_below(r, 3);
	o->add_fails = FAULT_TOO_MANY;
	o->add_may_work = true;
}

/* ---------------------------------------------------------------- under load */

void scenario_load(struct sim_options *o, struct random *r)
{
	o->conns = 2 + random_below(r, SIM_CONNS - 1);
	o->ops = 120;
	o->depth = 8 + random_below(r, SIM_OPS - 8);
	o->header_digest = random_one_in(r, 4);
	o->data_digest = random_one_in(r, 4);
	o->peer.unit_attention = random_one_in(r, 2);
	o->first_cmd_sn = random_one_in(r, 4) ? UINT32_MAX - random_below(r, 100) : o->first_cmd_sn;
}

static void add_remove(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->lossless = true;
	o->trouble[TROUBLE_ADD] = 3;
	o->trouble[TROUBLE_REMOVE] = 3;
	o->conns = 2 + random_below(r, 4);
	DUTY("MC-3.3");
}

static void cut_one(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->trouble[TROUBLE_CUT] = 1 + random_below(r, 4);
}

static void cut_only(struct sim_options *o, struct random *r)
{
	cut_one(o, r);
	o->conns = 1;
}

static void cut_all(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->trouble[TROUBLE_CUT_ALL] = 1 + random_below(r, 3);
	DUTY("RV-1.2");
}

static void cut_again(struct sim_options *o, struct random *r)
{
	cut_one(o, r);
	o->short_wires = 1 + random_below(r, 12);
}

static void cut_login(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->ops = 5;
	o->short_wires = 1;
	o->short_first = true;
	o->login_fails = FAULT_CLOSED;
	scenario_chap(o, r, random_one_in(r, 2));
}

static void cut_logout(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->ops = 20;
	o->cut_at_logout = true;
}

/* What has no number yet when the session is logged out never gets one. */
static void leave_early(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->leaves_early = o->lossless = true;
	o->once = 1;
	o->peer.queue = 1 + random_below(r, 20);
	o->loop_delay = random_one_in(r, 2) ? 3 : 30;
}

static void cut_and_change(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->conns = 2 + random_below(r, 4);
	o->trouble[TROUBLE_CUT] = 3;
	o->trouble[TROUBLE_ADD] = 3;
	o->trouble[TROUBLE_REMOVE] = 3;
	o->short_wires = random_below(r, 4);
}

static void no_answer(struct sim_options *o, struct random *r)
{
	cut_one(o, r);
	o->trouble[TROUBLE_NO_ANSWER] = 2;
}

static void silent(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->trouble[TROUBLE_SILENT] = 1 + random_below(r, 2);
}

/* A connection that is dead and that is being removed: it must not hold up the others. */
static void silent_removed(struct sim_options *o, struct random *r)
{
	silent(o, r);
	o->trouble[TROUBLE_SILENT] = 2;
	o->trouble[TROUBLE_REMOVE] = 4;
	o->trouble[TROUBLE_ADD] = 2;
	o->longest = 60 * SIM_S;
}

static void stalls(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->lossless = true;
	o->trouble[TROUBLE_STALL] = 6;
	o->trouble[TROUBLE_SLOW] = 2;
	o->times.doubt = 4500;
	DUTY("MC-2.7");
}

static void pings(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->lossless = true;
	o->peer.ping_every = (1 + random_below(r, 500)) * SIM_US;
	o->trouble[TROUBLE_PING] = 5;
}

static void ordering(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->lossless = true;
	o->ordering = true;
	o->peer.strict_immediate = true;
	o->peer.queue = 2 + random_below(r, 40);
	o->peer.ping_every = (50 + random_below(r, 1000)) * SIM_US;
	o->trouble[TROUBLE_STALL] = random_below(r, 4);
	o->times.doubt = 4500;
	o->trouble[TROUBLE_PING] = 5;
	o->times.ping_idle = 500;
}

static void ordering_cut(struct sim_options *o, struct random *r)
{
	ordering(o, r);
	o->lossless = false;
	o->trouble[TROUBLE_CUT] = 3;
	o->trouble[TROUBLE_ADD] = 2;
	o->trouble[TROUBLE_REMOVE] = 2;
}

static void async_messages(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->trouble[TROUBLE_ASYNC_SCSI] = 2;
	o->trouble[TROUBLE_ASYNC_NEGOTIATE] = 2;
	o->trouble[TROUBLE_ASYNC_LOGOUT] = random_below(r, 3);
	o->trouble[TROUBLE_ASYNC_DROP] = random_below(r, 2);
	o->trouble[TROUBLE_ASYNC_DROP_ALL] = random_below(r, 2);
}

static void async_logout(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->trouble[TROUBLE_ASYNC_LOGOUT] = 3;
}

static void early_status(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->lossless = true;
	o->peer.early_status = 2 + random_below(r, 20);
	o->peer.r2t_len = 0;
}

static void no_memory(struct sim_options *o, struct random *r)
{
	cut_and_change(o, r);
	o->memory_one_in = 1 + random_below(r, 20);
	o->memory_failures = 1 + random_below(r, 30);
	if (random_one_in(r, 2))
		scenario_chap(o, r, random_one_in(r, 2));
	o->trouble[TROUBLE_ASYNC_NEGOTIATE] = 3;
}

static void power(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->peer.unit_attention = true;
	o->power = true;
	o->trouble[TROUBLE_POWER] = 1 + random_below(r, 3);
	o->trouble[TROUBLE_CUT] = random_below(r, 2);
}

static void everything(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->ordering = o->peer.strict_immediate = random_one_in(r, 2);
	o->peer.ping_every = random_one_in(r, 2) ? 20 * SIM_MS : 0;
	o->peer.queue = 1 + random_below(r, 40);
	for (unsigned i = 0; i < TROUBLE_NEVER; i++)
		o->trouble[i] = random_below(r, 2);
	o->trouble[TROUBLE_POWER] = 0;
	o->peer.flips = o->header_digest || o->data_digest;
	o->peer.busy = random_one_in(r, 2) ? 0 : 10;
	o->short_wires = random_below(r, 6);
}

static const struct scenario scenarios[] = {
	{ "plain", plain },
	{ "four", four },
	{ "many", many },
	{ "digests", digests },
	{ "window", window_small },
	{ "wrap", wrap },
	{ "chap", chap },
	{ "chap-wrong", chap_wrong },
	{ "chap-target-wrong", chap_target_wrong },
	{ "chap-not-there", chap_not_there },
	{ "login-pieces", login_pieces },
	{ "discovery", discovery },
	{ "redirected", redirected },
	{ "redirect-loop", redirect_loop },
	{ "insists", insists },
	{ "denied", denied },
	{ "denied-added", denied_added },
	{ "session-on-add", session_on_add },
	{ "group-on-add", group_on_add },
	{ "too-many", too_many },
	{ "add-remove", add_remove },
	{ "cut-one", cut_one },
	{ "cut-only", cut_only },
	{ "cut-all", cut_all },
	{ "cut-again", cut_again },
	{ "cut-login", cut_login },
	{ "cut-logout", cut_logout },
	{ "leave-early", leave_early },
	{ "cut-and-change", cut_and_change },
	{ "no-answer", no_answer },
	{ "silent", silent },
	{ "silent-removed", silent_removed },
	{ "stalls", stalls },
	{ "pings", pings },
	{ "ordering", ordering },
	{ "ordering-cut", ordering_cut },
	{ "async", async_messages },
	{ "async-logout", async_logout },
	{ "early-status", early_status },
	{ "no-memory", no_memory },
	{ "power", power },
	{ "everything", everything },
};

enum { HERE = sizeof(scenarios) / sizeof(scenarios[0]) };

unsigned scenario_count(void)
{
	return HERE + recovering_count + hostile_count;
}

const struct scenario *scenario_at(unsigned i)
{
	if (i < HERE)
		return &scenarios[i];
	i -= HERE;
	return i < recovering_count ? &recovering[i] : &hostile[i - recovering_count];
}

const struct scenario *scenario_find(const char *name)
{
	for (unsigned i = 0; i < scenario_count(); i++)
		if (strcmp(scenario_at(i)->name, name) == 0)
			return scenario_at(i);
	return NULL;
}

/* ---------------------------------------------------------------- a configuration */

/* Both sides agree on the lower one. */
void scenario_level(struct sim_options *o, struct random *r, unsigned level)
{
	unsigned more = level + random_below(r, SIM_LEVELS - level);
	bool ours = random_one_in(r, 2);

	o->level = level;
	o->offer.error_recovery_level = (uint8_t)(ours ? level : more);
	o->peer.level = ours ? more : level;
}

static void prepare_peer(struct peer_options *p, struct random *r, const uint32_t bursts[5])
{
	static const char *const reporting[] = { "RFC3720", "RFC3720,ResponseFence",
		"RFC3720,ResponseFence,FastAbort" };

	peer_options_default(p);
	p->seed = random_next(r);
	p->luns = 1 + random_below(r, 3);
	p->max_recv = bursts[random_below(r, 5)];
	p->max_burst = bursts[random_below(r, 5)];
	p->first_burst = bursts[random_below(r, 5)];
	if (p->first_burst > p->max_burst)
		p->first_burst = p->max_burst;
	p->max_r2t = 1 + random_below(r, 16);
	p->r2t_len = random_one_in(r, 2) ? 0 : 600 + random_below(r, 8000);
	p->data_in_len = random_one_in(r, 2) ? 0 : 100 + random_below(r, 8000);
	p->initial_r2t = random_one_in(r, 2);
	p->immediate_data = !random_one_in(r, 3);
	p->status_in_data = random_one_in(r, 2);
	p->delay = random_one_in(r, 3) ? 0 : (1 + random_below(r, 1000)) * SIM_US;
	p->queue = 4 + random_below(r, 60);
	p->pdu_in_order = random_one_in(r, 2);
	p->sequence_in_order = random_one_in(r, 2);
	p->time2wait = random_below(r, 3);
	p->time2retain = random_below(r, 30);
	p->task_reporting = reporting[random_below(r, 3)];
	p->protocol_level = 1 + random_below(r, 2);
	p->acknowledge = random_one_in(r, 2) ? 0 : 1 + random_below(r, 4);
}

static void prepare_offer(struct keys_offer *offer, struct random *r, const uint32_t bursts[5])
{
	keys_offer_default(offer);
	offer->max_recv_data_segment_length = bursts[random_below(r, 5)];
	offer->max_outstanding_r2t = (uint16_t)(1 + random_below(r, 15));
	offer->max_burst_length = 65536;
	offer->first_burst_length = 16384;
	offer->initial_r2t = random_one_in(r, 4);
	offer->immediate_data = !random_one_in(r, 4);
	offer->data_pdu_in_order = random_one_in(r, 2);
	offer->data_sequence_in_order = random_one_in(r, 2);
	offer->default_time2wait = (uint16_t)random_below(r, 3);
	offer->default_time2retain = (uint16_t)random_below(r, 30);
	offer->task_reporting = random_one_in(r, 2);
	offer->protocol_level = (uint8_t)random_below(r, 3);
}

/* By name, so that what a seed means does not change when another scenario is added. */
static uint64_t name_hash(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return hash;
}

/* KEY-6: with recovery and sequences in order there is one R2T at a time. */
static void fit_levels(struct sim_options *o)
{
	/* A target that sorts nothing knows of no fence. Where it knows, ordering mode has to give way: the
	 * fence would wait for answers to pings, which wait for the function that the fence holds up. */
	if (o->ordering && (o->peer.strict_immediate || o->peer.strict_numbers))
		o->peer.task_reporting = "RFC3720";
	if (o->offer.error_recovery_level && o->offer.data_sequence_in_order)
		o->offer.max_outstanding_r2t = 1;
	if (o->level && (o->offer.data_sequence_in_order || o->peer.sequence_in_order))
		o->peer.max_r2t = 1;
}

void scenario_prepare(const struct scenario *scenario, uint64_t seed, struct sim_options *ret)
{
	static const uint32_t bursts[] = { 512, 1000, 4096, 16384, 65536 };
	struct random r = { seed * 1000003u + name_hash(scenario->name) };

	memset(ret, 0, sizeof(*ret));
	ret->seed = seed;
	prepare_peer(&ret->peer, &r, bursts);
	prepare_offer(&ret->offer, &r, bursts);
	scenario_level(ret, &r, random_below(&r, SIM_LEVELS));
	ret->times = (struct session_times){ .login = 15000, .ping_idle = 5000, .ping_wait = 5000,
		.doubt = 20 + random_below(&r, 1000), .manage = 3000, .logout = 5000, .hold = 120000,
		.retry = 2000 };
	ret->rest = random_one_in(&r, 2) ? ENGINE_TIME2WAIT : random_below(&r, 3000);
	ret->conns = 1;
	ret->ops = 60;
	ret->depth = 16;
	ret->most_blocks = 40;
	ret->once = 8;
	ret->loop_delay = 3;
	ret->first_cmd_sn = (uint32_t)random_next(&r);
	scenario->prepare(ret, &r);
	fit_levels(ret);
}
