/*
 * protection_try.c - see protection.h: an SA of our own is negotiated, in one way after the other
 * (ipsec_plan.h), with the key that the protection is armed with.
 */
#include "service/protection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "service/inside.h"
#include "service/ipsec_suite.h"
#include "service/log.h"

enum { CLEAR_MILLISECONDS = 1000 };

static bool is_silence(const struct vici_result *result)
{
	return result->error == -ETIMEDOUT || strstr(result->why, "not established after") ||
	       strstr(result->why, "peer not responding") || strstr(result->why, "giving up after");
}

/* Then charon can't be asked for anything more, either. */
static bool is_charon_lost(int error)
{
	return protection_is_absent(error) || error == -ETIMEDOUT;
}

static bool is_key_wrong(const struct vici_result *result)
{
	return strstr(result->why, "AUTHENTICATION_FAILED") || strstr(result->why, "AUTH_FAILED") ||
	       strstr(result->why, "MAC mismatched");
}

static void try_next(struct protection *p);

static void cleared(void *ctx, const struct vici_result *result)
{
	struct protection *p = ctx;

	/* That there was nothing to clear is no failure. */
	if (result->error < 0 && is_charon_lost(result->error))
		protection_fail_error(p, result->error, result->why);
	else
		try_next(p);
}

/* What is left of a try, or of an SA that leads nowhere, would come in the way of the next. */
static void clear(struct protection *p, const char *ike)
{
	const struct vici_which which = { .ike = ike };

	p->state = PROTECTION_CLEARING;
	protection_check(p, vici_terminate(p->vici, &which, true, CLEAR_MILLISECONDS,
				      (struct vici_done){ cleared, p }));
}

/* Most peers show their address, whatever name their key was set for. */
static void go_on_by_address(struct protection *p)
{
	p->named = false;
	snprintf(p->remote_id, sizeof(p->remote_id), "%s", protection_peer(p));
	p->at = 0;
}

/* By aggressive mode we know the peer's key to be right before the child is asked for. */
static const char *what_silence_means(const struct protection *p)
{
	return p->phase_1 ? "no usable answer after the key was agreed on: "
			  : "no usable answer (wrong key?): ";
}

/* The reasons of charon; where it has none but silence, what that may mean. */
static void try_failed(struct protection *p, const struct vici_result *result)
{
	const struct ipsec_try *tried = &p->plan.tries[p->at];
	bool silent = is_silence(result), wrong = is_key_wrong(result);
	char way[32];

	snprintf(way, sizeof(way), "IKEv%u%s", tried->version,
		 tried->version == 2 ? "" : tried->aggressive ? " aggressive mode" : " main mode");
	log_info("%s port %u: IPsec by %s, %s mode, failed: %s", p->portal_text, p->port, way,
		 tried->tunnel ? "tunnel" : "transport", result->why);
	if (p->why.kind == FAULT_NONE || !silent || wrong)
		fault_set(&p->why, FAULT_IPSEC, 0, "IPsec by %s: %s%s", way,
			  silent && !wrong ? what_silence_means(p) : "", result->why);
	if (p->named && !silent && !p->phase_1)
		go_on_by_address(p);
	else
		p->at = ipsec_plan_next(&p->plan, p->at, silent, wrong);
	clear(p, p->name);
}

static void tried(void *ctx, const struct vici_result *result)
{
	struct protection *p = ctx;

	if (result->error == 0)
		protection_confirm(p);
	else if (is_charon_lost(result->error))
		protection_fail_error(p, result->error, result->why);
	else
		try_failed(p, result);
}

/* It may take a `part`th of the time that the try has. */
static int initiate(struct protection *p, const char *child, unsigned part,
		    void (*done)(void *, const struct vici_result *))
{
	unsigned shares = ipsec_plan_versions(&p->plan, p->at) * part;

	return vici_initiate(p->vici, p->name, child, protection_time_left(p) / shares + 1,
			     (struct vici_done){ done, p });
}

/* Our end of aggressive mode is up when its last message leaves: a first one of quick mode right behind it
 * finds a peer that is not, and is lost. Silence may mean that the peer has an IKE SA with us already, of
 * another protection: charon has nothing to tell of that one, and the child joins it. */
static void phase_1_done(void *ctx, const struct vici_result *result)
{
	struct protection *p = ctx;

	if (result->error && (is_charon_lost(result->error) || !is_silence(result))) {
		tried(p, result);
		return;
	}
	p->phase_1 = !result->error;
	if (p->limit <= protection_now())
		try_failed(p, &(struct vici_result){ -ETIMEDOUT, "no time was left" });
	else
		protection_check(p, initiate(p, p->name, 1, tried));
}

/* Done with its initiation, which comes behind it. */
static void conn_loaded(void *ctx, const struct vici_result *result)
{
	if (result->error < 0)
		protection_fail_error(ctx, result->error, result->why);
}

static int try_load(struct protection *p, const struct ipsec_try *way)
{
	static const struct vici_setting settings[] = {
		{ "keyingtries", "1" }, { "dpd_delay", "10s" }, { "mobike", "no" }, { NULL, NULL },
	};
	struct ipsec_proposals ike, esp;
	uint32_t suites = p->service->defaults.value[DEFAULT_IPSEC_PROPOSALS];
	bool outer = way->tunnel && *p->outer;
	char local_ts[PROTECTION_ADDRESS_ROOM + 16], remote_ts[PROTECTION_ADDRESS_ROOM + 24];
	unsigned bits = p->portal.ss_family == AF_INET ? 32 : 128;
	const struct vici_conn conn = {
		.name = p->name,
		.version = way->version,
		.aggressive = way->aggressive,
		.local_addr = outer ? NULL : p->local_text,
		.remote_addr = outer ? p->outer : p->portal_text,
		.local_id = *p->local_id ? p->local_id : NULL,
		.remote_id = p->remote_id,
		.proposals = ike.text,
		.settings = settings,
		.child = p->name,
		.mode = way->tunnel ? VICI_TUNNEL : VICI_TRANSPORT,
		.local_ts = local_ts,
		.remote_ts = remote_ts,
		.esp_proposals = esp.text,
		.reqid = p->reqid,
	};

	ipsec_suites_ike(suites, way->version, &ike);
	ipsec_suites_esp(suites, p->flags & SECURITY_PFS, &esp);
	snprintf(local_ts, sizeof(local_ts), "%s/%u[tcp]", p->local_text, bits);
	snprintf(remote_ts, sizeof(remote_ts), "%s/%u[tcp/%u]", p->portal_text, bits, p->port);
	return vici_load_conn(p->vici, &conn, (struct vici_done){ conn_loaded, p });
}

static void try_next(struct protection *p)
{
	int r;

	if (p->at >= p->plan.count || p->limit <= protection_now()) {
		protection_fail(p, FAULT_IPSEC, p->plan.count ? "IPsec: there was no time to try it" :
			   "IPsec: transport mode can't be had through a tunnel's outer address, or with ESP "
			   "in user space");
		return;
	}
	p->state = PROTECTION_TRYING;
	p->aggressive = p->plan.tries[p->at].aggressive;
	p->phase_1 = false;
	r = try_load(p, &p->plan.tries[p->at]);
	if (r == 0)
		r = p->aggressive && !p->look.phase_1 ? initiate(p, NULL, 2, phase_1_done)
							: initiate(p, p->name, 1, tried);
	protection_check(p, r);
}

/* ---- the key */

static void key_loaded(void *ctx, const struct vici_result *result)
{
	struct protection *p = ctx;

	if (result->error < 0) {
		protection_fail_error(p, result->error, result->why);
		return;
	}
	p->key_loaded = true;
	if (p->suspect && p->look.own)
		clear(p, p->sa.ike);
	else
		try_next(p);
}

/* Another protection with the same ends has one in force there. */
static bool key_is_shared(const struct protection *p)
{
	list_for_each(it, &p->service->ipsec.protections) {
		const struct protection *other = list_entry(it, struct protection, link);

		if (other != p && other->key_loaded && strcmp(other->key_name, p->key_name) == 0)
			return true;
	}
	return false;
}

void protection_try(struct protection *p)
{
	const uint32_t *setting = p->service->defaults.value;
	const struct ipsec_terms terms = {
		.flags = p->flags,
		.outer = *p->outer,
		.user_space = p->look.user_space,
		.insist = setting[DEFAULT_IPSEC_MODE] == IPSEC_MODE_INSIST,
		.fall_back = setting[DEFAULT_IPSEC_FALL_BACK],
	};
	const char *const owners[] = { p->remote_id, protection_peer(p), *p->local_id ? p->local_id : NULL,
				       NULL };
	const struct vici_key key = { .id = p->key_name, .bytes = p->key.bytes, .len = p->key.len,
				      .owners = owners };

	if (!p->key.len) {
		protection_fail(p, FAULT_IPSEC, "IPsec: there is no preshared key for the portal");
		return;
	}
	ipsec_plan_make(&terms, &p->plan);
	p->at = 0;
	p->key_sent = true;
	if (key_is_shared(p))
		key_loaded(p, &(struct vici_result){ .error = 0 });
	else
		protection_check(p, vici_load_key(p->vici, &key, (struct vici_done){ key_loaded, p }));
}
