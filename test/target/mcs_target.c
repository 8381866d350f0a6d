/*
 * mcs_target.c - the test target's program: it listens, and obeys lines on its standard input.
 *
 * It prints "listening ADDRESS:PORT" for each portal. Lines: "cut [CID]" ends connections, "count"
 * prints how many there are, "quit" ends the program. See target.h.
 */
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target.h"

struct target target = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

void violation(const char *format, ...)
{
	va_list args;
	char text[256];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	__atomic_fetch_add(&target.violations, 1, __ATOMIC_RELAXED);
	printf("violation: %s\n", text);
}

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

static int portal_open(unsigned at)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };
	socklen_t len = sizeof(address);
	static char names[LISTEN_MAX][80];
	char host[64], port[8];
	const char *text = target.options.listen[at];
	bool good = portal_read(text, &address, host, sizeof(host));
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (!good || bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof(port),
			NI_NUMERICSERV) != 0) {
		perror(text);
		exit(2);
	}
	snprintf(names[at], sizeof(names[at]), "%s:%s", host, port);
	target.options.listen[at] = names[at];
	printf("listening %s\n", names[at]);
	return fd;
}

static void conn_start(int listener)
{
	int fd = accept(listener, NULL, NULL), yes = 1;
	pthread_attr_t attr;
	pthread_t thread;

	if (fd < 0)
		return;
	/* A header and its data are two writes. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, conn_main, (void *)(intptr_t)fd) != 0)
		close(fd);
	pthread_attr_destroy(&attr);
}

/* False at "quit". Cuts the connections with the CID, or all for -1; counts for -2. */
static bool line_obey(const char *line)
{
	unsigned n = 0;
	int cid = -1;

	if (strcmp(line, "quit\n") == 0)
		return false;
	if (strncmp(line, "cut ", 4) == 0)
		cid = atoi(line + 4);
	pthread_mutex_lock(&target.lock);
	list_for_each(it, &target.sessions) {
		struct session *s = list_entry(it, struct session, link);

		list_for_each(jt, &s->conns) {
			struct conn *conn = list_entry(jt, struct conn, link);

			n++;
			if (strncmp(line, "cut", 3) == 0 && (cid < 0 || cid == conn->cid))
				conn_cut(conn);
		}
	}
	pthread_mutex_unlock(&target.lock);
	printf("count %u\n", n);
	return true;
}

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void serve(struct pollfd *fds, unsigned listens)
{
	char line[128];
	bool go_on = true;

	while (go_on && !ended) {
		if (poll(fds, listens + 1, -1) < 0)
			continue;
		for (unsigned i = 0; i < listens; i++)
			if (fds[i].revents)
				conn_start(fds[i].fd);
		if (fds[listens].revents) {
			if (fgets(line, sizeof(line), stdin))
				go_on = line_obey(line);
			else
				fds[listens].fd = -1;
		}
	}
}

int main(int argc, char **argv)
{
	struct pollfd fds[LISTEN_MAX + 1];
	struct sigaction action = { .sa_handler = on_signal };
	unsigned n;

	list_init(&target.sessions);
	options_read(argc, argv);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; i < target.options.luns; i++) {
		target.lun[i].blocks = (uint64_t)target.options.mib * (1 << 20) / BLOCK;
		target.lun[i].data = calloc(target.lun[i].blocks, BLOCK);
		if (!target.lun[i].data) {
			perror("mcs_target");
			return 2;
		}
	}
	for (n = 0; n < target.options.listens; n++)
		fds[n] = (struct pollfd){ .fd = portal_open(n), .events = POLLIN };
	fds[n] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	serve(fds, n);
	/* Connections end with the program. */
	_exit(__atomic_load_n(&target.violations, __ATOMIC_RELAXED) ? 1 : 0);
}
