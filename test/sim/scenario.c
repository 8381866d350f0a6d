/*
 * scenario.c - what is simulated: one row a scenario, which changes a random configuration of both
 * sides where it matters.
 */
#include "sim.h"

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

static void many(struct sim_options *o, struct random *r)
{
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

static void chap_set(struct sim_options *o, struct random *r, bool mutual)
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
	chap_set(o, r, random_one_in(r, 2));
	o->peer.text_chunk = random_one_in(r, 2) ? 0 : 150 + random_below(r, 300);
}

static void chap_wrong(struct sim_options *o, struct random *r)
{
	chap_set(o, r, random_one_in(r, 2));
	o->chap.secret[0] ^= 1;
	o->login_fails = FAULT_LOGIN_STATUS;
}

static void chap_target_wrong(struct sim_options *o, struct random *r)
{
	chap_set(o, r, true);
	o->chap.target_secret[0] ^= 1;
	o->login_fails = FAULT_AUTH;
}

static void chap_not_there(struct sim_options *o, struct random *r)
{
	chap_set(o, r, false);
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

static void load(struct sim_options *o, struct random *r)
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
	load(o, r);
	o->lossless = true;
	o->trouble[TROUBLE_ADD] = 3;
	o->trouble[TROUBLE_REMOVE] = 3;
	o->conns = 2 + random_below(r, 4);
}

static void cut_one(struct sim_options *o, struct random *r)
{
	load(o, r);
	o->trouble[TROUBLE_CUT] = 1 + random_below(r, 4);
}

static void cut_only(struct sim_options *o, struct random *r)
{
	cut_one(o, r);
	o->conns = 1;
}

static void cut_all(struct sim_options *o, struct random *r)
{
	load(o, r);
	o->trouble[TROUBLE_CUT_ALL] = 1 + random_below(r, 3);
}

static void cut_again(struct sim_options *o, struct random *r)
{
	cut_one(o, r);
	o->short_wires = 1 + random_below(r, 12);
}

static void cut_login(struct sim_options *o, struct random *r)
{
	load(o, r);
	o->ops = 5;
	o->short_wires = 1;
	o->short_first = true;
	o->login_fails = FAULT_CLOSED;
	chap_set(o, r, random_one_in(r, 2));
}

static void cut_logout(struct sim_options *o, struct random *r)
{
	load(o, r);
	o->ops = 20;
	o->cut_at_logout = true;
}

static void cut_and_change(struct sim_options *o, struct random *r)
{
	load(o, r);
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
	load(o, r);
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
	load(o, r);
	o->lossless = true;
	o->trouble[TROUBLE_STALL] = 6;
}

static void pings(struct sim_options *o, struct random *r)
{
	load(o, r);
	o->lossless = true;
	o->peer.ping_every = (1 + random_below(r, 500)) * SIM_US;
	o->trouble[TROUBLE_PING] = 5;
}

static void ordering(struct sim_options *o, struct random *r)
{
	load(o, r);
	o->lossless = true;
	o->ordering = true;
	o->peer.strict_immediate = true;
	o->peer.queue = 2 + random_below(r, 40);
	o->peer.ping_every = (50 + random_below(r, 1000)) * SIM_US;
	o->trouble[TROUBLE_STALL] = random_below(r, 4);
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
	load(o, r);
	o->trouble[TROUBLE_ASYNC_SCSI] = 2;
	o->trouble[TROUBLE_ASYNC_NEGOTIATE] = 2;
	o->trouble[TROUBLE_ASYNC_LOGOUT] = random_below(r, 3);
	o->trouble[TROUBLE_ASYNC_DROP] = random_below(r, 2);
	o->trouble[TROUBLE_ASYNC_DROP_ALL] = random_below(r, 2);
}

static void async_logout(struct sim_options *o, struct random *r)
{
	load(o, r);
	o->trouble[TROUBLE_ASYNC_LOGOUT] = 3;
}

static void early_status(struct sim_options *o, struct random *r)
{
	load(o, r);
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
		chap_set(o, r, random_one_in(r, 2));
	o->trouble[TROUBLE_ASYNC_NEGOTIATE] = 3;
}

static void power(struct sim_options *o, struct random *r)
{
	load(o, r);
	o->peer.unit_attention = true;
	o->trouble[TROUBLE_POWER] = 1 + random_below(r, 3);
	o->trouble[TROUBLE_CUT] = random_below(r, 2);
}

static void everything(struct sim_options *o, struct random *r)
{
	load(o, r);
	o->ordering = random_one_in(r, 2);
	o->peer.ping_every = random_one_in(r, 2) ? 400 * SIM_US : 0;
	o->peer.queue = 1 + random_below(r, 40);
	for (unsigned i = 0; i < TROUBLE_KINDS; i++)
		o->trouble[i] = random_below(r, 2);
	o->trouble[TROUBLE_POWER] = 0;
	o->short_wires = random_below(r, 6);
}

/* ---------------------------------------------------------------- a peer that lies */

/* Seed after seed walks through the table, three rows each. */
static void hostile(struct sim_options *o, struct random *r, unsigned nth)
{
	struct peer_fault_info info = peer_fault_info((unsigned)((o->seed * 3 + nth) % peer_fault_count()));

	load(o, r);
	o->conns = 2 + random_below(r, 3);
	o->peer.data_in_len = 2048;
	o->peer.status_in_data = !random_one_in(r, 3);
	o->peer.unit_attention = true;
	o->peer.ping_every = 500 * SIM_US;
	o->times.ping_idle = 50;
	o->peer.digests = true;
	o->header_digest = strstr(info.name, "header digest") != NULL;
	o->data_digest = strstr(info.name, "data digest") != NULL;
	o->peer.fault = info.name;
	o->peer.fault_after = random_below(r, strstr(info.name, "sense") ? 2 : 20);
	o->fault_cost = info.cost;
	if (strstr(info.name, "nop-in") || strstr(info.name, "ping with")) {
		o->peer.ping_every = 0;
		o->peer.delay = 3 * SIM_MS;
		o->depth = 1;
		o->times.ping_idle = 1;
		o->peer.fault_after = random_below(r, 4);
	}
	o->lossless = info.cost == PEER_COSTS_NOTHING;
	if (strstr(info.name, "ExpDataSN"))
		o->peer.status_in_data = false;
	if (strncmp(info.name, "login:", 6))
		return;
	o->peer.fault_after = random_below(r, 6);
	if (random_one_in(r, 3) || strstr(info.name, "chap") || strstr(info.name, "unknown key"))
		chap_set(o, r, random_one_in(r, 2) || strstr(info.name, "mutual"));
	if (o->lossless) {
		o->peer.fault_after = random_below(r, 2);
		return;
	}
	/* It hits the first login, an added one, or one of a session that comes back. */
	o->trouble[TROUBLE_CUT] = 2;
	o->short_first = true;
}

static void hostile_1(struct sim_options *o, struct random *r)
{
	hostile(o, r, 0);
}

static void hostile_2(struct sim_options *o, struct random *r)
{
	hostile(o, r, 1);
}

static void hostile_3(struct sim_options *o, struct random *r)
{
	hostile(o, r, 2);
}

const struct scenario scenarios[] = {
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
	{ "hostile-1", hostile_1 },
	{ "hostile-2", hostile_2 },
	{ "hostile-3", hostile_3 },
};

const unsigned scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);
