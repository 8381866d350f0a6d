/*
 * mcs_target.c - the test target's program: one loop over its sockets and the model's time.
 *
 * It prints "listening ADDRESS:PORT" for each portal, and what has happened when it ends. See
 * target.h, control.c.
 */
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "target.h"

enum { CONNS_MAX = 1024 };

static const uint64_t second = 1000000000;

/* ---------------------------------------------------------------- portals */

/* "ADDRESS:PORT", an IPv6 address in brackets. False: no such text. */
static bool portal_read(const char *text, struct sockaddr_storage *ret, char *host, size_t room)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM,
	};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	char bare[64];
	size_t len = colon ? (size_t)(colon - text) : 0, out;
	bool six = text[0] == '[';

	if (len == 0 || len >= room || len >= sizeof(bare) || (six && text[len - 1] != ']'))
		return false;
	snprintf(host, room, "%.*s", (int)len, text);
	out = six ? 1 : 0;
	snprintf(bare, sizeof(bare), "%.*s", (int)(len - 2 * out), text + out);
	if (getaddrinfo(bare, colon + 1, &hints, &found) != 0)
		return false;
	memcpy(ret, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return true;
}

/* Replaces the portal's text by one with the real port. */
static int portal_open(const char **portal, char *name, size_t name_room)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };
	socklen_t len = sizeof(address);
	char host[64], port[8];
	bool good = portal_read(*portal, &address, host, sizeof(host));
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (!good || bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof(port),
			NI_NUMERICSERV) != 0) {
		perror(*portal);
		exit(2);
	}
	snprintf(name, name_room, "%s:%s", host, port);
	*portal = name;
	printf("listening %s\n", name);
	return fd;
}

/* ---------------------------------------------------------------- the loop */

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void signals_init(sigset_t *ret_before)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigprocmask(SIG_BLOCK, &ours, ret_before);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * second + (uint64_t)t.tv_nsec;
}

/* What is polled: portals, standard input, connections. */
struct watch {
	struct pollfd fd[LISTEN_MAX + 1 + CONNS_MAX];
	struct conn *conn[CONNS_MAX];
	unsigned portals, conns;
	sigset_t signals; /* what may come while it waits, and then only: none is overlooked */
};

/* Returns whether one of the connections has to be looked at again soon. */
static bool watch_conns(struct watch *w, const struct target *target)
{
	bool hushing = false;

	w->conns = 0;
	list_for_each(it, &target->conns) {
		struct conn *c = list_entry(it, struct conn, link);
		short events = conn_events(c);

		hushing |= c->state == CONN_HUSHING;
		if (!events || w->conns == CONNS_MAX)
			continue;
		w->conn[w->conns] = c;
		w->fd[w->portals + 1 + w->conns++] =
			(struct pollfd){ .fd = c->fd, .events = events };
	}
	return hushing;
}

static void watch_wait(struct watch *w, const struct target *target)
{
	bool soon = watch_conns(w, target);
	uint64_t now = clock_now(), until = peer_deadline(target->peer), left;
	struct timespec t;

	left = until > now ? until - now : 0;
	if (soon && left > second / 1000)
		left = second / 1000;
	t = (struct timespec){ (time_t)(left / second), (long)(left % second) };
	if (ppoll(w->fd, w->portals + 1 + w->conns, until == UINT64_MAX && !soon ? NULL : &t,
		  &w->signals) < 0)
		for (unsigned i = 0; i < w->portals + 1 + w->conns; i++)
			w->fd[i].revents = 0;
}

/* False at "quit". */
static bool watch_line(struct target *target, struct pollfd *in)
{
	char line[128];

	if (!in->revents)
		return true;
	if (fgets(line, sizeof(line), stdin))
		return control_obey(target, line);
	in->fd = -1;
	return true;
}

static void violation_tell(const struct target *target, bool *told)
{
	const char *violation = peer_violation(target->peer);

	if (!violation || *told)
		return;
	*told = true;
	printf("violation: %s\n", violation);
}

static bool serve(struct target *target, struct watch *w)
{
	bool go_on = true, violated = false;

	while (go_on && !ended) {
		peer_advance(target->peer, clock_now());
		list_for_each(it, &target->conns)
			conn_flush(list_entry(it, struct conn, link));
		violation_tell(target, &violated);
		watch_wait(w, target);
		for (unsigned i = 0; i < w->conns; i++)
			if (w->fd[w->portals + 1 + i].revents & (POLLIN | POLLERR | POLLHUP))
				conn_receive(target, w->conn[i]);
		for (unsigned i = 0; i < w->portals; i++)
			if (w->fd[i].revents)
				conn_accept(target, w->fd[i].fd, target->options.peer.portal[i]);
		go_on = watch_line(target, &w->fd[w->portals]);
	}
	violation_tell(target, &violated);
	return !violated;
}

int main(int argc, char **argv)
{
	static char names[LISTEN_MAX][80];
	static struct watch watch;
	struct target target = { 0 };
	struct peer_options *o = &target.options.peer;
	bool kept;

	list_init(&target.conns);
	options_read(&target.options, argc, argv);
	signals_init(&watch.signals);
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; i < o->portals; i++)
		watch.fd[i] = (struct pollfd){
			.fd = portal_open(&o->portal[i], names[i], sizeof(names[i])),
			.events = POLLIN,
		};
	watch.portals = o->portals;
	watch.fd[o->portals] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	target.peer = peer_new(o);
	kept = serve(&target, &watch);
	control_print_counts(&target);
	list_for_each(it, &target.conns)
		conn_cut(list_entry(it, struct conn, link));
	for (unsigned i = 0; i < watch.portals; i++)
		close(watch.fd[i].fd);
	peer_free(target.peer);
	return kept ? 0 : 1;
}
