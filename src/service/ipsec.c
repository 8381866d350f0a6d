/*
 * ipsec.c - see ipsec.h: who shares which protection, and how long it stays. Bringing one up and down is
 * protection.c and protection_end.c.
 */
#include "service/ipsec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/secret.h"
#include "net/block.h"
#include "net/route.h"
#include "service/inside.h"
#include "service/ipsec_arm.h"
#include "service/ipsec_watch.h"
#include "service/log.h"

enum { REQID_LOWEST = 0x10000000 }; /* charon counts its own from 1 on */

/* ---- passages */

static void refuse(struct passage *passage, enum fault_kind kind, const char *text)
{
	const struct passage_info *info = passage_info(passage);
	struct fault why;

	fault_set(&why, kind, 0, "%s:%u: %s", info->host, info->port, text);
	passage_refuse(passage, &why);
}

static void protection_unused(struct protection *p);

static void closed(void *hold, bool silent)
{
	struct protection *p = hold;

	p->users--;
	p->suspect |= silent;
	protection_unused(p);
}

static void grant(struct protection *p, struct passage *passage)
{
	p->users++;
	service_timer_clear(&p->keep);
	passage_grant(passage, &p->guard, closed, p);
}

static void refuse_all(struct protection *p, enum fault_kind kind, const char *text)
{
	list_for_each(it, &p->asks) {
		struct ipsec_ask *ask = list_entry(it, struct ipsec_ask, link);

		list_remove(&ask->link);
		refuse(ask->passage, kind, text);
		free(ask);
	}
}

/* Those that ask for none do not fail with those that do. */
static void clear_some(struct protection *p)
{
	list_for_each(it, &p->asks) {
		struct ipsec_ask *ask = list_entry(it, struct ipsec_ask, link);

		if (!ask->clear)
			continue;
		list_remove(&ask->link);
		protection_unblock(p);
		passage_grant(ask->passage, NULL, NULL, NULL);
		free(ask);
	}
}

/* ---- the record */

static void protection_free(struct protection *p)
{
	struct service *service = p->service;

	service_timer_clear(&p->keep);
	vici_free(p->vici);
	list_remove(&p->link);
	service->ipsec.count--;
	secret_wipe(p, sizeof(*p));
	free(p);
}

static void address_text(const struct sockaddr_storage *address, char *ret, size_t room)
{
	const void *bytes = address->ss_family == AF_INET
			    ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
			    : &((const struct sockaddr_in6 *)address)->sin6_addr;

	inet_ntop(address->ss_family, bytes, ret, (socklen_t)room);
}

static struct protection *protection_new(struct service *service,
					 const struct sockaddr_storage *local,
					 const struct sockaddr_storage *portal)
{
	struct ipsec *ipsec = &service->ipsec;
	struct protection *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->service = service;
	p->local = *local;
	p->portal = *portal;
	address_text(local, p->local_text, sizeof(p->local_text));
	address_text(portal, p->portal_text, sizeof(p->portal_text));
	p->port = ntohs(((const struct sockaddr_in *)portal)->sin_port); /* where sin6_port is, too */
	RAND_bytes((uint8_t *)&p->reqid, sizeof(p->reqid));
	p->reqid = REQID_LOWEST | p->reqid >> 4;
	snprintf(p->name, sizeof(p->name), "%s%u", ipsec->life, ++ipsec->made);
	list_init(&p->asks);
	list_append(&ipsec->protections, &p->link);
	ipsec->count++;
	return p;
}

static struct protection *protection_find(const struct service *service, const char *local,
					  const char *portal, uint16_t port)
{
	list_for_each(it, &service->ipsec.protections) {
		struct protection *p = list_entry(it, struct protection, link);

		if (p->port == port && strcmp(p->portal_text, portal) == 0 &&
		    strcmp(p->local_text, local) == 0)
			return p;
	}
	return NULL;
}

/* ---- life */

static bool is_unused(const struct protection *p)
{
	return !p->users && list_empty(&p->asks);
}

static int keep_over(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct protection *p = ctx;

	(void)timer;
	(void)usec;
	service_timer_clear(&p->keep);
	if (is_unused(p) && p->state != PROTECTION_ENDING)
		protection_end(p);
	return 0;
}

/* Whoever comes back soon, as after a discovery, finds it still there. Where it is lost the peer may go
 * on to send, in clear, what the kernel must not answer. */
static void protection_unused(struct protection *p)
{
	unsigned seconds = p->state == PROTECTION_UP ? IPSEC_KEEP_SECONDS : IPSEC_BLOCK_SECONDS;

	if (!is_unused(p) || (p->state != PROTECTION_UP && p->state != PROTECTION_DOWN))
		return;
	service_timer(p->service, &p->keep, p->service->ipsec.stopping ? 0 : seconds, keep_over, p);
}

void protection_came_up(struct protection *p)
{
	const struct ipsec_shown *shown = &p->sa.shown;

	p->proven = true;
	log_notice("%s port %u: protected by IPsec%s: IKEv%u%s, %s mode, %s", p->portal_text, p->port,
		   p->foreign ? " of the administrator's own" : "", shown->ike,
		   shown->ike == 2 || p->foreign ? "" : p->aggressive ? " aggressive mode" : " main mode",
		   shown->tunnel ? "tunnel" : "transport", shown->esp);
	list_for_each(it, &p->asks) {
		struct ipsec_ask *ask = list_entry(it, struct ipsec_ask, link);

		list_remove(&ask->link);
		grant(p, ask->passage);
		free(ask);
	}
	protection_unused(p);
}

void protection_failed(struct protection *p)
{
	if (list_empty(&p->asks) && p->users)
		log_warning("%s port %u: %s", p->portal_text, p->port, p->why.text);
	if (!p->users)
		clear_some(p);
	refuse_all(p, p->why.kind, p->why.text);
	if (p->users)
		ipsec_watch(p->service);
	else if (p->proven)
		protection_unused(p);
	else
		protection_end(p);
}

void protection_ended(struct protection *p)
{
	struct service *service = p->service;

	if (!list_empty(&p->asks)) {
		protection_bring(p);
		return;
	}
	protection_free(p);
	service_check_stopped(service);
}

/* ---- asking */

/* Which of our addresses it will come from. */
static int find_local(const struct passage_info *info, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	const struct sockaddr *to = (const struct sockaddr *)&info->to;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = to->sa_family;
	if (!info->source[0])
		return route_source(to, info->to_len, ret);
	r = to->sa_family == AF_INET ? inet_pton(AF_INET, info->source, &in->sin_addr)
				     : inet_pton(AF_INET6, info->source, &in6->sin6_addr);
	return r == 1 ? 0 : -EADDRNOTAVAIL;
}

static void protection_ask(struct protection *p, struct passage *passage, bool asked)
{
	struct ipsec_ask *ask;

	if (p->state == PROTECTION_UP && !p->suspect) {
		grant(p, passage);
		return;
	}
	ask = calloc(1, sizeof(*ask));
	if (!ask) {
		refuse(passage, FAULT_NO_MEMORY, "no memory for IPsec");
		protection_unused(p);
		return;
	}
	ask->passage = passage;
	ask->clear = !asked;
	list_append(&p->asks, &ask->link);
	service_timer_clear(&p->keep);
	if (p->state == PROTECTION_UP || p->state == PROTECTION_DOWN)
		protection_bring(p);
}

/* Whoever asks for none; of a protection that nobody uses. */
static void go_clear(struct protection *p, struct passage *passage)
{
	if (p) {
		protection_unblock(p); /* its end takes a while */
		if (p->state != PROTECTION_ENDING)
			protection_end(p);
	}
	passage_grant(passage, NULL, NULL, NULL);
}

static void pass_protected(struct service *service, struct passage *passage,
			   const struct ipsec_wish *wish, const struct sockaddr_storage *local)
{
	const struct passage_info *info = passage_info(passage);
	char local_text[PROTECTION_ADDRESS_ROOM], portal_text[PROTECTION_ADDRESS_ROOM];
	struct protection *p;

	address_text(local, local_text, sizeof(local_text));
	address_text(&info->to, portal_text, sizeof(portal_text));
	p = protection_find(service, local_text, portal_text,
			    ntohs(((const struct sockaddr_in *)&info->to)->sin_port));
	if (!ipsec_asked(wish->flags) && (!p || (p->state != PROTECTION_UP && is_unused(p)))) {
		go_clear(p, passage);
		return;
	}
	if (!p && service->ipsec.count >= IPSEC_PROTECTIONS_MAX) {
		refuse(passage, FAULT_IPSEC, "IPsec: too many portals are protected");
		return;
	}
	if (!p)
		p = protection_new(service, local, &info->to);
	if (!p) {
		refuse(passage, FAULT_NO_MEMORY, "no memory for IPsec");
		return;
	}
	/* One that is in force wins, but nobody is bound to what led nowhere. */
	if (is_unused(p) && (p->state == PROTECTION_DOWN || p->state == PROTECTION_ENDING))
		ipsec_arm(p, info->host, wish);
	ipsec_watch(service);
	protection_ask(p, passage, ipsec_asked(wish->flags));
}

/* SEC-19 */
void ipsec_pass(struct service *service, struct passage *passage, const struct ipsec_wish *wish)
{
	struct sockaddr_storage local;
	int r;

	if (!ipsec_asked(wish->flags) && list_empty(&service->ipsec.protections)) {
		passage_grant(passage, NULL, NULL, NULL);
		return;
	}
	if (service->ipsec.stopping) {
		refuse(passage, FAULT_ABANDONED, "the service is stopping");
		return;
	}
	r = find_local(passage_info(passage), &local);
	if (r < 0 && !ipsec_asked(wish->flags))
		passage_grant(passage, NULL, NULL, NULL); /* whatever hinders it, connecting tells */
	else if (r < 0)
		refuse(passage, FAULT_CONNECT, strerror(-r));
	else
		pass_protected(service, passage, wish, &local);
}

/* ---- beginning and end */

/* The same in each life, for what it left behind; another one for each service. */
static uint32_t hash_of(const char *state_dir)
{
	char whole[PATH_MAX];
	uint32_t hash = 2166136261u; /* FNV-1a */

	if (!realpath(state_dir, whole))
		snprintf(whole, sizeof(whole), "%s", state_dir);
	for (const char *at = whole; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 16777619u;
	return hash;
}

void ipsec_init(struct service *service, const char *path)
{
	struct ipsec *ipsec = &service->ipsec;
	uint32_t hash = hash_of(service->state_dir);
	uint16_t life = 0;

	memset(ipsec, 0, sizeof(*ipsec));
	list_init(&ipsec->protections);
	list_init(&ipsec->refreshes);
	list_init(&ipsec->remembered);
	ipsec->path = path;
	ipsec->flushes = -1;
	ipsec->tag = (uint16_t)(hash ^ hash >> 16);
	/* The same by chance, it would only leave what the life before left. */
	RAND_bytes((uint8_t *)&life, sizeof(life));
	snprintf(ipsec->prefix, sizeof(ipsec->prefix), IPSEC_PREFIX "%08x-", hash);
	snprintf(ipsec->life, sizeof(ipsec->life), "%s%04x-", ipsec->prefix, life);
}

/* What the kernel must not answer it must not answer now, either. */
static int flushed(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct service *service = ctx;

	(void)source;
	(void)revents;
	if (!block_watch_read(fd))
		return 0;
	list_for_each(it, &service->ipsec.protections) {
		const struct protection *p = list_entry(it, struct protection, link);

		if (p->blocked)
			block_set(protection_local(p), protection_portal(p), service->ipsec.tag);
	}
	return 0;
}

/* Without that the sockets are still held to it. */
static void watch_flushes(struct service *service)
{
	struct ipsec *ipsec = &service->ipsec;

	if (block_watch(&ipsec->flushes) == 0)
		sd_event_add_io(service->event, &ipsec->flushed, ipsec->flushes, EPOLLIN, flushed, service);
}

void ipsec_start(struct service *service)
{
	block_clear_all(service->ipsec.tag); /* who may not do that left none */
	watch_flushes(service);
	ipsec_watch(service);
}

void ipsec_stop(struct service *service)
{
	service->ipsec.stopping = true;
	service_timer_clear(&service->ipsec.retry);
	ipsec_refreshes_end(&service->ipsec);
	list_for_each(it, &service->ipsec.protections) {
		struct protection *p = list_entry(it, struct protection, link);

		refuse_all(p, FAULT_ABANDONED, "the service is stopping");
		if (!p->users && p->state != PROTECTION_ENDING)
			protection_end(p);
	}
}

bool ipsec_is_idle(const struct service *service)
{
	return list_empty(&service->ipsec.protections);
}

void ipsec_free(struct service *service)
{
	struct ipsec *ipsec = &service->ipsec;

	list_for_each(it, &ipsec->protections) {
		struct protection *p = list_entry(it, struct protection, link);

		list_for_each(ask, &p->asks)
			free(list_entry(ask, struct ipsec_ask, link));
		protection_free(p);
	}
	ipsec_refreshes_end(ipsec);
	service_timer_clear(&ipsec->retry);
	ipsec->flushed = sd_event_source_disable_unref(ipsec->flushed);
	if (ipsec->flushes >= 0)
		close(ipsec->flushes);
	vici_free(ipsec->watch);
	ipsec->watch = NULL;
	ipsec_forget_all(ipsec);
}
