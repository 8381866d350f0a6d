/*
 * resolve.c - see resolve.h. A lookup belongs to its thread until the answer is posted, then to the
 * box; who cancels says so under the lock, and whoever has it frees it.
 */
#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct resolve {
	struct msg msg;
	struct mailbox *box;
	void (*done)(void *ctx, const struct resolve_answer *answer);
	void *ctx;
	char host[256], port[8];
	bool cancelled, posted; /* under the lock */
	struct resolve_answer answer;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint lookups;

/* IPv4 in IPv6's writing goes over IPv4, where policies for IPv6 don't count: it is taken as what it is. */
static void resolve_unmap(struct sockaddr_storage *addr, socklen_t *len)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6;

	memcpy(&in6, addr, sizeof(in6));
	if (in6.sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return;
	in.sin_port = in6.sin6_port;
	memcpy(&in.sin_addr, &in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
	memset(addr, 0, sizeof(*addr));
	memcpy(addr, &in, sizeof(in));
	*len = sizeof(in);
}

static void resolve_ask(struct resolve *resolve, int flags)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
				  .ai_flags = flags | AI_NUMERICSERV }, *info;
	struct resolve_answer *answer = &resolve->answer;

	answer->error = getaddrinfo(resolve->host, resolve->port, &hints, &info);
	answer->error_number = answer->error == EAI_SYSTEM ? errno : 0;
	if (answer->error != 0)
		return;
	for (struct addrinfo *i = info; i && answer->count < RESOLVE_ADDRESSES; i = i->ai_next) {
		memcpy(&answer->address[answer->count].addr, i->ai_addr, i->ai_addrlen);
		answer->address[answer->count].len = i->ai_addrlen;
		resolve_unmap(&answer->address[answer->count].addr, &answer->address[answer->count].len);
		answer->count++;
	}
	freeaddrinfo(info);
}

static void resolve_answered(struct msg *msg)
{
	struct resolve *resolve = (struct resolve *)msg;

	/* Only the thread that is here cancels a posted one: no lock needed. */
	if (!resolve->cancelled)
		resolve->done(resolve->ctx, &resolve->answer);
	free(resolve);
}

/* Posted under the lock: when cancel has returned, the box will see no new message. */
static void resolve_post(struct resolve *resolve)
{
	bool cancelled;

	pthread_mutex_lock(&lock);
	cancelled = resolve->cancelled;
	if (!cancelled) {
		resolve->posted = true;
		mailbox_post(resolve->box, &resolve->msg);
	}
	pthread_mutex_unlock(&lock);
	if (cancelled)
		free(resolve);
}

static void *resolve_main(void *arg)
{
	pthread_setname_np(pthread_self(), "resolve");
	resolve_ask(arg, 0);
	/* Given back first, so that whoever has its answer finds room for the next. */
	atomic_fetch_sub(&lookups, 1);
	resolve_post(arg);
	return NULL;
}

static int resolve_thread(struct resolve *resolve)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int r;

	r = pthread_attr_init(&attr);
	if (r != 0)
		return -r;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&thread, &attr, resolve_main, resolve);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

static void resolve_name(struct resolve *resolve)
{
	if (atomic_fetch_add(&lookups, 1) < RESOLVE_LOOKUPS && resolve_thread(resolve) == 0)
		return;
	atomic_fetch_sub(&lookups, 1);
	resolve->answer.error = EAI_AGAIN;
	resolve_post(resolve);
}

int resolve_start(const char *host, uint16_t port, struct mailbox *box,
		  void (*done)(void *ctx, const struct resolve_answer *answer), void *ctx,
		  struct resolve **ret)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));

	if (!resolve)
		return -ENOMEM;
	resolve->msg.run = resolve_answered;
	resolve->box = box;
	resolve->done = done;
	resolve->ctx = ctx;
	snprintf(resolve->host, sizeof(resolve->host), "%s", host);
	snprintf(resolve->port, sizeof(resolve->port), "%u", (unsigned)port);
	*ret = resolve; /* before it can be answered */
	resolve_ask(resolve, AI_NUMERICHOST);
	if (resolve->answer.error == EAI_NONAME)
		resolve_name(resolve);
	else
		resolve_post(resolve);
	return 0;
}

void resolve_cancel(struct resolve *resolve)
{
	if (!resolve)
		return;
	pthread_mutex_lock(&lock);
	resolve->cancelled = true;
	pthread_mutex_unlock(&lock);
}
