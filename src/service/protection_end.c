/*
 * protection_end.c - see protection.h: a protection goes. First its child; then its IKE SA if nothing
 * else is in it, for charon puts the children of several connections with the same ends into one; then
 * connection and key.
 */
#include "service/protection.h"

#include <errno.h>
#include <string.h>

#include "net/block.h"
#include "service/inside.h"

enum { END_MILLISECONDS = 1000 };

void protection_unblock(struct protection *p)
{
	if (p->blocked)
		block_clear(protection_local(p), protection_portal(p));
	p->blocked = false;
}

static void end_done(struct protection *p)
{
	vici_free(p->vici);
	p->vici = NULL;
	p->key_loaded = p->key_sent = false;
	protection_unblock(p);
	p->state = PROTECTION_DOWN;
	protection_ended(p);
}

/* What charon says against it can't be helped. */
static void all_gone(void *ctx, const struct vici_result *result)
{
	(void)result;
	end_done(ctx);
}

static void link_lost(void *ctx, const struct vici_result *why)
{
	(void)why;
	end_done(ctx);
}

static bool is_needed(const struct protection *p, const char *name)
{
	list_for_each(it, &p->service->ipsec.protections) {
		const struct protection *other = list_entry(it, struct protection, link);

		if (other != p && strcmp(other->name, name) == 0)
			return true;
	}
	return false;
}

/* One of the administrator's may have our child, too. */
static bool is_of_this_life(const struct protection *p, const struct vici_ike *ike)
{
	const char *life = p->service->ipsec.life;

	return strncmp(ike->name, life, strlen(life)) == 0;
}

/* A rekey that was under way, or a message that was lost, may have kept the child, or put another in its
 * place. Children of one IKE SA are told one after the other. */
static void note_child(struct protection *p, const struct vici_ike *ike, const struct vici_child *child)
{
	if (strcmp(child->name, p->name) != 0) {
		p->shared_ike = ike->id;
		p->stuck_ike = p->stuck_ike == ike->id ? 0 : p->stuck_ike;
	} else if (p->shared_ike != ike->id && is_of_this_life(p, ike)) {
		p->stuck_ike = ike->id;
	}
}

/* One of ours without a child, made by this protection or by one that is gone. */
static void ike_listed(void *ctx, const struct vici_ike *ike, const struct vici_child *child)
{
	struct protection *p = ctx;
	const struct vici_which which = { .ike_id = ike->id };

	if (child)
		note_child(p, ike, child);
	else if (is_of_this_life(p, ike) && !is_needed(p, ike->name))
		vici_terminate(p->vici, &which, true, END_MILLISECONDS, (struct vici_done){ NULL, NULL });
}

static bool key_is_needed(const struct protection *p)
{
	list_for_each(it, &p->service->ipsec.protections) {
		const struct protection *other = list_entry(it, struct protection, link);

		/* One that is down counts on it, too (key_is_shared), or will unload it. */
		if (other != p && strcmp(other->key_name, p->key_name) == 0 &&
		    other->state != PROTECTION_ENDING &&
		    (other->state != PROTECTION_DOWN || other->key_sent))
			return true;
	}
	return false;
}

static void ikes_listed(void *ctx, const struct vici_result *result)
{
	struct protection *p = ctx;
	const struct vici_which stuck = { .ike_id = p->stuck_ike };
	int r = 0;

	(void)result;
	if (p->stuck_ike)
		r = vici_terminate(p->vici, &stuck, true, END_MILLISECONDS, (struct vici_done){ NULL, NULL });
	if (r == 0 && !key_is_needed(p))
		r = vici_unload_key(p->vici, p->key_name, (struct vici_done){ NULL, NULL });
	if (r == 0)
		r = vici_unload_conn(p->vici, p->name, (struct vici_done){ all_gone, p });
	if (r < 0)
		end_done(p);
}

void protection_end(struct protection *p)
{
	static const struct vici_ops ops = { .lost = link_lost };
	static const struct vici_which all;
	const struct vici_which own = { .child = p->name }, half = { .ike = p->name };
	bool trying = p->state == PROTECTION_TRYING || p->state == PROTECTION_CLEARING;
	int r = 0;

	vici_free(p->vici);
	p->vici = NULL;
	p->state = PROTECTION_ENDING;
	p->stuck_ike = p->shared_ike = 0;
	/* Nothing of ours is there where the administrator's is used, or where it never came to it. Of what
	 * was up the link may have been lost, and not charon. */
	if (!p->key_sent && (!p->proven || p->foreign))
		r = -ENOENT;
	if (r == 0)
		r = vici_new(p->service->event, p->service->ipsec.path, &ops, p, &p->vici);
	if (r == 0)
		r = vici_terminate(p->vici, trying ? &half : &own, true, END_MILLISECONDS,
				   (struct vici_done){ NULL, NULL });
	if (r == 0)
		r = vici_list_sas(p->vici, &all, ike_listed, (struct vici_done){ ikes_listed, p });
	if (r < 0)
		end_done(p);
}
